# -*- coding: utf-8 -*-
"""FileManager and assembled uploads where the network and the service fail: scripted in a proxy before the server."""

from __future__ import absolute_import, division, print_function

import io
import os
import threading

from ucloud.uvideo import config, filemanager
from ucloud.uvideo.protocol.errors import NoAnswer

from .case import BLOCK, ENDPOINT, PRIVATE_KEY, PUBLIC_KEY, FaultCase, content
from .surroundings import logged
from .test_filemanager import Files, Pipe

WRONG = '"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"'


def answer(status, times=1, **more):
    return dict(more, do="answer", status=status, times=times)


class PutFaults(Files, FaultCase):
    def setUp(self):
        super(PutFaults, self).setUp()
        self.data = content(3 * 1024 * 1024, 7)
        self.source = self.file(self.data)

    def puts(self):
        """Each way to put, from a source that can be read again."""
        files = self.files()
        stream = io.BytesIO(b"not this" + self.data)
        stream.seek(8)
        return (
            lambda: files.putfile(self.private, "k", self.source),
            lambda: files.postfile(self.private, "k", self.source),
            lambda: files.putstream(self.private, "k", stream),
        )

    def assertStored(self, data=None):
        self.assertEqual(self.stored(self.private, "k"), self.data if data is None else data)

    def again(self, *actions):
        """Each way to put ends well though these things happen first."""
        for put in self.puts():
            self.control("POST", "/reset", {})
            self.faults(({"on": "PutObject"},) + actions)
            self.assertStatus(200, put())
            self.assertEqual(len(self.seen("PutObject")), 1 + sum(action.get("times", 1) for action in actions))
            self.assertStored()
            self.fired()

    def test_5xx_is_tried_again(self):
        self.again(answer(500), answer(503), answer(502, body="<html>"))

    def test_html_labelled_json_is_tried_again(self):
        self.again(answer(503, body="<html>busy</html>", headers={"Content-Type": "application/json"}))

    def test_a_broken_connection_is_tried_again(self):
        self.again({"do": "cut_after", "bytes": 1000000, "times": 2})

    def test_a_lost_answer_is_asked_for_again(self):
        self.again({"do": "lost_answer", "times": 2})

    def test_429_waits_as_long_as_the_service_asks(self):
        self.again(answer(429, headers={"Retry-After": "7"}))
        self.assertEqual([seconds for seconds in self.slept if seconds >= 7], [7] * 3)

    def test_silence_is_tried_again(self):
        self.faults(({"on": "PutObject"}, {"do": "silence"}))
        with self.silence():
            self.assertStatus(200, self.files().putfile(self.private, "k", self.source))
        self.assertStored()

    def test_4xx_is_not_tried_again(self):
        for status in (400, 401, 403, 404, 413):
            for put in self.puts():
                self.control("POST", "/reset", {})
                self.faults(({"on": "PutObject"}, answer(status)))
                self.assertStatus(status, put())
                self.assertEqual(len(self.seen("PutObject")), 1)

    def test_retries_end(self):
        self.faults(({"on": "PutObject"}, answer(503, times=4)))
        self.assertStatus(503, self.files().putfile(self.private, "k", self.source))
        config.set_default(retries=0)
        self.control("POST", "/reset", {})
        self.faults(({"on": "PutObject"}, {"do": "lost_answer"}))
        resp = self.assertStatus(-1, self.files().putfile(self.private, "k", self.source))
        self.assertTrue(resp.need_retry())
        self.assertIsInstance(resp.exception, NoAnswer)

    def test_a_stream_that_cannot_seek_is_not_sent_twice(self):
        for fault, status in (
            ({"do": "cut_after", "bytes": 2000000}, -1),
            ({"do": "lost_answer"}, -1),
            (answer(503), 503),
        ):
            self.control("POST", "/reset", {})
            self.faults(({"on": "PutObject"}, fault))
            self.assertStatus(status, self.files().putstream(self.private, "once", Pipe(self.data)))
            self.assertEqual(len(self.seen("PutObject")), 1)

    def test_a_short_stream_that_cannot_seek_is(self):
        self.faults(({"on": "PutObject"}, answer(503), {"do": "cut_after", "bytes": 1000}))
        self.assertStatus(200, self.files().putstream(self.private, "k", Pipe(self.data[:900000])))
        self.assertStored(self.data[:900000])
        self.assertEqual(self.seen("PutObject")[-1]["headers"]["content-length"], "900000")

    def test_a_stream_nothing_was_read_of_is_sent_again(self):
        self.faults(({"on": "PutObject"}, {"do": "cut_after", "bytes": 0}))
        answered = self.files().putstream(self.private, "k", Pipe(self.data))[1].status_code
        self.assertIn(answered, (200, -1))  # what the system has taken over before the reset counts as read
        if answered == 200:
            self.assertStored()

    def test_another_etag_than_that_of_the_bytes_is_noticed(self):
        for put in self.puts():
            self.control("POST", "/reset", {})
            self.faults(({"on": "PutObject"}, {"do": "header", "name": "ETag", "value": WRONG}))
            resp = self.assertStatus(-2, put())
            self.assertIn(WRONG.strip('"'), resp.error)
            self.assertEqual(len(self.seen("PutObject")), 1)
            self.fired()

    def test_a_bit_flipped_on_the_way_is_noticed(self):
        for put in self.puts() + (lambda: self.files().putstream(self.private, "k", Pipe(self.data)),):
            self.control("POST", "/reset", {})
            self.faults(({"on": "PutObject"}, {"do": "flip_request", "bytes": 12345}))
            self.assertStatus(-2, put())
            self.fired()

    def test_an_etag_of_another_kind_is_no_failure(self):
        for value in ('"0123456789abcdef"', None):
            self.control("POST", "/reset", {})
            self.faults(({"on": "PutObject"}, {"do": "header", "name": "ETag", "value": value}))
            self.assertStatus(200, self.files().putfile(self.private, "k", self.source))

    def test_with_md5_the_service_refuses_flipped_bits(self):
        config.set_default(md5=True)
        self.addCleanup(config.unset_default, "md5")
        self.faults(({"on": "PutObject"}, {"do": "flip_request", "bytes": 12345}))
        self.assertStatus(400, self.files().putfile(self.private, "flipped", self.source))
        self.assertStatus(404, self.files().head_file(self.private, "flipped"))

    def test_no_server(self):
        config.set_default(uploadsuffix="127.0.0.1:1")
        resp = self.assertStatus(-1, self.files().putstream(self.private, "k", Pipe(self.data)))
        self.assertEqual(len(self.slept), 3)  # nothing of it was sent, so it could be tried again
        self.assertTrue(resp.need_retry())

    def test_no_secret_is_logged(self):
        with logged("ucloud.uvideo") as lines:
            self.faults(({"on": "PutObject"}, answer(503)), ({"on": "GetObject"}, answer(503)))
            files = self.files()
            self.assertStatus(200, files.putfile(self.private, "k", self.source))
            self.assertStatus(200, files.download_file(self.private, "k", self.path()))
            files.private_download_url(self.private, "k")
        self.assertTrue(lines)
        text = "\n".join(lines)
        for secret in (PRIVATE_KEY, "Signature", "Authorization", PUBLIC_KEY + ":"):
            self.assertNotIn(secret, text)


class ReadFaults(Files, FaultCase):
    def setUp(self):
        super(ReadFaults, self).setUp()
        self.data = content(1000000, 3)
        self.put(self.private, "k", self.data)
        self.control("POST", "/reset", {})
        self.target = self.file(b"old")

    def download(self, **options):
        return self.files().download_file(self.private, "k", self.target, **options)

    def test_a_broken_body_is_continued(self):
        self.faults(({"on": "GetObject"}, {"do": "truncate", "bytes": 300000}))
        self.assertStatus(200, self.download())
        self.assertEqual(self.read(self.target), self.data)
        self.assertEqual(self.seen("GetObject")[1]["headers"]["range"], "bytes=300000-999999")

    def test_a_broken_body_of_a_range_header_is_continued(self):
        self.faults(({"on": "GetObject"}, {"do": "truncate", "bytes": 300000}))
        self.assertStatus(206, self.download(header={"Range": "bytes=100-"}))
        self.assertEqual(self.read(self.target), self.data[100:])
        self.assertEqual(self.seen("GetObject")[1]["headers"]["range"], "bytes=300100-999999")

    def test_what_fails_leaves_the_target(self):
        for fault, status in (
            ({"do": "truncate", "bytes": 1000, "times": 4}, -1),
            ({"do": "flip", "bytes": 500}, -2),
            (answer(503, times=4), 503),
        ):
            self.control("POST", "/reset", {})
            self.faults(({"on": "GetObject"}, fault))
            self.assertStatus(status, self.download())
            self.assertEqual(self.read(self.target), b"old")
            self.assertEqual(len(os.listdir(self.folder)), len([self.target]) + self.others)
            self.fired()

    others = 1  # the file that was put

    def test_small_calls_are_tried_again(self):
        files = self.files()
        for operation, call in (
            ("HeadObject", lambda: files.head_file(self.private, "k")),
            ("ListFiles", lambda: files.getfilelist(self.private)),
            ("ListObjects", lambda: files.listobjects(self.private)),
        ):
            self.faults(({"on": operation}, answer(503), {"do": "lost_answer"}, answer(500)))
            self.assertStatus(200, call())
            self.faults(({"on": operation}, answer(403)))
            self.assertStatus(403, call())
            self.assertEqual(len(self.seen(operation)), 5)
            self.fired()

    def test_compare_raises_what_prevents_an_answer(self):
        self.faults(({"on": "HeadObject"}, {"do": "lost_answer", "times": 4}))
        self.assertRaises(NoAnswer, self.files().compare_file_etag, self.private, "k", self.file(self.data))

    def test_delete_is_tried_again(self):
        self.faults(({"on": "DeleteObject"}, {"do": "lost_answer"}, answer(503)))
        self.assertStatus(204, self.files().deletefile(self.private, "k"))


class ChangeFaults(Files, FaultCase):
    def setUp(self):
        super(ChangeFaults, self).setUp()
        self.data = content(5000, 4)
        self.put(self.private, "k", self.data)
        self.control("POST", "/reset", {})

    def test_what_may_be_done_twice_is(self):
        files = self.files()
        for operation, call in (
            ("CopyObject", lambda: files.copy(self.private, "copy", self.private, "k")),
            ("UploadHit", lambda: files.uploadhit(self.private, "hit", self.file(self.data))),
            ("SetMime", lambda: files.opMeta(self.private, "k", "mimetype", "text/x-new")),
        ):
            self.faults(({"on": operation}, {"do": "lost_answer"}, answer(503)))
            self.assertStatus(200, call())
            self.fired()
        self.assertEqual(self.stored(self.private, "copy"), self.data)
        self.assertEqual(self.stored(self.private, "hit"), self.data)

    def test_a_rename_whose_answer_was_lost_is_a_rename(self):
        for force in ("true", "false"):
            self.put(self.private, "from" + force, self.data)
            self.faults(({"on": "RenameObject"}, {"do": "lost_answer"}))
            self.assertStatus(200, self.files().rename(self.private, "from" + force, "to" + force, force))
            self.assertEqual(self.stored(self.private, "to" + force), self.data)
            self.fired()

    def test_a_rename_that_was_never_done_is_refused(self):
        self.faults(({"on": "RenameObject"}, {"do": "cut_after"}))
        self.assertStatus(404, self.files().rename(self.private, "absent", "other"))

    def test_a_class_switch_whose_answer_was_lost_is_one(self):
        self.faults(({"on": "SwitchClass"}, {"do": "lost_answer"}))
        self.assertStatus(200, self.files().class_switch_file(self.private, "k", "IA"))
        self.assertEqual(len(self.seen("SwitchClass")), 2)


class Assembly(Files, FaultCase):
    size = 2 * BLOCK + 1000

    @classmethod
    def setUpClass(cls):
        super(Assembly, cls).setUpClass()
        cls.data = content(cls.size, 11)
        config.set_default(uploadsuffix=ENDPOINT, downloadsuffix=ENDPOINT)
        files = filemanager.FileManager(PUBLIC_KEY, PRIVATE_KEY)
        ret, resp = files.putstream(cls.private, u"源 1.mp4", io.BytesIO(cls.data))
        assert resp.ok(), resp
        cls.source_etag = resp.etag

    def copy(self, uploader, number, size=None):
        offset = number * BLOCK
        size = min(BLOCK, self.size - offset) if size is None else size
        return uploader.upload_part_copy(self.private, u"源 1.mp4", "video/mp4", offset, size, number)

    def begun(self, key="copied", **options):
        uploader = self.uploader()
        ret, resp = uploader.init_multipart_upload(self.private, key, **options)
        self.assertEqual((resp.status_code, ret["BlkSize"], ret["Key"]), (200, BLOCK, key), resp)
        self.assertEqual((uploader.uploadid, uploader.blocksize, uploader.etaglist), (ret["UploadId"], BLOCK, []))
        return uploader

    def assertFinished(self, uploader, key="copied"):
        ret, resp = uploader.finish_upload()
        self.assertEqual((resp.status_code, resp.etag), (200, self.source_etag), resp)
        self.assertEqual((ret["Key"], ret["FileSize"]), (key, self.size))
        self.assertEqual(self.stored(self.private, key), self.data)

    def test_an_object_is_copied_by_parts(self):
        uploader = self.begun(u"拷贝", header={"X-Ufile-Meta-A": "b"})
        for number in (2, 0, 1):
            resp = self.assertStatus(200, self.copy(uploader, number))
            self.assertEqual(len(resp.etag), 28)
        self.assertEqual(len(uploader.etaglist), 3)
        ret, resp = uploader.get_multi_upload_part(self.private, uploader.uploadid)
        self.assertEqual([part["Etag"] for part in ret["Parts"]], uploader.etaglist)
        self.assertEqual([part["Size"] for part in ret["Parts"]], [BLOCK, BLOCK, 1000])
        ret, resp = uploader.get_multi_upload_part(self.private, uploader.uploadid, 1, 1)
        self.assertEqual([part["PartNum"] for part in ret["Parts"]], [2])
        self.assertFinished(uploader, u"拷贝")
        self.assertIsNone(uploader.uploadid)
        self.assertStatus(-3, uploader.finish_upload())
        ranges = [entry["headers"]["x-ufile-copy-source-range"] for entry in self.seen("CopyPart")]
        self.assertEqual(ranges, ["bytes=8388608-8389607", "bytes=0-4194303", "bytes=4194304-8388607"])

    def test_several_threads_copy_parts_of_one_upload(self):
        uploader, answers = self.begun(), []
        threads = [
            threading.Thread(target=lambda number=number: answers.append(self.copy(uploader, number)))
            for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in answers:
            self.assertStatus(200, each)
        self.assertFinished(uploader)

    def test_two_uploads_of_two_threads_stay_apart(self):
        uploader, problems = self.begun("mine"), []

        def work():
            try:
                self.assertStatus(200, uploader.init_multipart_upload(self.private, "other"))
                for number in range(3):
                    self.assertStatus(200, self.copy(uploader, number))
                self.assertFinished(uploader, "other")
            except BaseException as error:
                problems.append(error)

        self.assertStatus(200, self.copy(uploader, 0))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(problems, [])
        for number in (1, 2):
            self.assertStatus(200, self.copy(uploader, number))
        self.assertFinished(uploader, "mine")

    def test_faults_are_tried_again(self):
        for operation in ("InitiateUpload", "FinishUpload", "ListParts"):
            self.faults(({"on": operation}, answer(503), {"do": "reset", "bytes": 3}))
        self.faults(({"on": "CopyPart"}, answer(500), {"do": "cut_after"}))
        uploader = self.begun()
        for number in range(3):
            self.assertStatus(200, self.copy(uploader, number))
        self.assertStatus(200, uploader.get_multi_upload_part(self.private, uploader.uploadid))
        self.assertFinished(uploader)

    def test_a_copied_part_whose_answer_was_lost(self):
        duplicate = {"RetCode": -1014, "ErrMsg": "put duplicate key error"}
        self.faults(
            (
                {"on": "CopyPart"},
                {"do": "lost_answer"},
                {"do": "forward_then_answer", "status": 500, "json": duplicate},
            )
        )
        uploader = self.begun()
        for number in range(3):
            resp = self.assertStatus(200, self.copy(uploader, number))
            self.assertEqual(len(resp.etag), 28)
        self.assertFinished(uploader)

    def test_a_finish_whose_answer_was_lost(self):
        self.faults(({"on": "FinishUpload"}, {"do": "lost_answer"}))
        uploader = self.begun("finished")
        for number in range(3):
            self.assertStatus(200, self.copy(uploader, number))
        ret, resp = uploader.finish_upload()
        self.assertEqual((resp.status_code, resp.etag), (200, self.source_etag), resp)
        self.assertEqual(ret, {"Bucket": self.private, "Key": "finished", "FileSize": self.size})

    def test_a_wrong_answer_is_noticed(self):
        self.faults(({"on": "CopyPart"}, {"do": "header", "name": "Content-Range", "value": "bytes 1-4/9"}))
        uploader = self.begun()
        self.assertStatus(-2, self.copy(uploader, 0))
        for number in range(3):
            self.assertStatus(200, self.copy(uploader, number))
        self.faults(({"on": "FinishUpload"}, {"do": "header", "name": "ETag", "value": WRONG}))
        self.assertStatus(-2, uploader.finish_upload())

    def test_refusals_are_answers(self):
        for status in (401, 403):
            self.faults(({"on": "InitiateUpload"}, answer(status)))
            uploader = self.uploader()
            ret, resp = uploader.init_multipart_upload(self.private, "no")
            self.assertEqual((ret, resp.status_code, resp.ok(), uploader.uploadid), (None, status, False, None))
        uploader = self.begun()
        self.faults(({"on": "CopyPart"}, answer(403)))
        self.assertStatus(403, self.copy(uploader, 0))
        self.assertEqual(uploader.etaglist, [])
        self.assertStatus(404, uploader.upload_part_copy(self.private, "absent", None, 0, 10, 0))
        self.assertStatus(419, uploader.upload_part_copy(self.private, u"源 1.mp4", None, self.size, 10, 0))
        self.assertStatus(404, uploader.get_multi_upload_part(self.private, "absent"))

    def test_bad_arguments_send_nothing(self):
        uploader = self.begun()
        for arguments in (
            (self.private, "k", None, -1, 10, 0),
            (self.private, "k", None, 0, 0, 0),
            (self.private, "k", None, BLOCK, 2 * BLOCK, 1),  # an end in place of a size
            (self.private, "k", None, 0, 10, -1),
            (self.private, "k", None, 0, 10, "0"),
            (self.private, "k", "a\r\nb", 0, 10, 0),
            ("BAD_space", "k", None, 0, 10, 0),
        ):
            self.assertStatus(-3, uploader.upload_part_copy(*arguments))
        self.assertStatus(-3, uploader.get_multi_upload_part(self.private, ""))
        self.assertStatus(-3, uploader.get_multi_upload_part(self.private, "x", "1"))
        self.assertStatus(-3, self.uploader().finish_upload())
        self.assertStatus(-3, self.uploader().upload_part_copy(self.private, "k", None, 0, 10, 0))
        self.assertEqual(self.seen("CopyPart") + self.seen("ListParts") + self.seen("FinishUpload"), [])

    def test_a_missing_part_is_said(self):
        uploader = self.begun()
        self.assertStatus(200, self.copy(uploader, 1))
        resp = self.assertStatus(-3, uploader.finish_upload())
        self.assertIn("part 0", resp.error)
        self.assertStatus(200, self.copy(uploader, 0))
        self.assertStatus(200, self.copy(uploader, 2))
        self.assertFinished(uploader)

    def test_what_is_begun_can_be_aborted(self):
        uploader = self.begun()
        identifier = uploader.uploadid
        self.assertStatus(200, self.copy(uploader, 0))
        self.assertStatus(200, uploader.abort())
        self.assertIsNone(uploader.uploadid)
        self.assertStatus(404, uploader.get_multi_upload_part(self.private, identifier))
        self.assertStatus(-3, uploader.abort())

    def test_another_host_for_one_upload(self):
        config.set_default(uploadsuffix="127.0.0.1:1")
        uploader = self.uploader()
        ret, resp = uploader.init_multipart_upload(self.private, "elsewhere", upload_suffix=self.through)
        self.assertEqual(resp.status_code, 200, resp)
        for number in range(3):
            self.assertStatus(200, self.copy(uploader, number))
        listed = uploader.get_multi_upload_part(self.private, uploader.uploadid, upload_suffix=self.through)
        self.assertStatus(200, listed)
        self.assertStatus(200, uploader.finish_upload())
        self.assertEqual(self.stored(self.private, "elsewhere"), self.data)
        self.assertStatus(-3, uploader.init_multipart_upload(self.private, "k", upload_suffix="no host"))

    def test_an_empty_object(self):
        uploader = self.begun("nothing")
        resp = self.assertStatus(200, uploader.finish_upload())
        self.assertEqual(resp.etag, "AAAAANo5o-5ea0sNMlW_75VgGJCv2AcJ")
        self.assertEqual(self.stored(self.private, "nothing"), b"")
