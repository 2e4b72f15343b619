# -*- coding: utf-8 -*-
"""Each status code of the three tables of the README of origin, by name, and what the calls promise."""

from __future__ import absolute_import, division, print_function

import io
import os
import socket
import stat
import threading

from ucloud.uvideo import config
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol.operation import GetObject

from .case import BLOCK, KEYS, OPTIONS, PRIVATE_KEY, PUBLIC_KEY, Case, content


class DownloadTable(Case):
    @classmethod
    def setUpClass(cls):
        super(DownloadTable, cls).setUpClass()
        cls.data = content(100000)

    def setUp(self):
        super(DownloadTable, self).setUp()
        for space in (self.public, self.private):
            if self.stored(space, "k") is None:
                self.put(space, "k", self.data)
        self.target = self.path()

    def test_download_200_from_a_public_space(self):
        resp = self.assertStatus(200, self.downloader().download_file(self.public, "k", self.target, isprivate=False))
        self.assertEqual(self.read(self.target), self.data)
        self.assertEqual(resp.content_length, len(self.data))
        self.assertEqual(len(resp.etag), 32)
        self.assertTrue(resp.x_session_id)

    def test_download_200_from_a_private_space(self):
        self.assertStatus(200, self.downloader().download_file(self.private, "k", self.target))
        self.assertEqual(self.read(self.target), self.data)

    def test_download_206(self):
        answer = self.downloader().download_file(
            self.public, "k", self.target, isprivate=False, expires=300, content_range=(0, 50)
        )
        resp = self.assertStatus(206, answer)
        self.assertEqual(self.read(self.target), self.data[:51])  # both ends are inclusive
        self.assertEqual(resp.content_range, "bytes 0-50/100000")

    def test_download_206_of_every_form(self):
        for given, expected in (
            ((99990, 200000), self.data[99990:]),
            ((500, None), self.data[500:]),
            ((None, 7), self.data[-7:]),
            ([3, 3], self.data[3:4]),
        ):
            self.assertStatus(206, self.downloader().download_file(self.private, "k", self.target, content_range=given))
            self.assertEqual(self.read(self.target), expected)

    def test_download_400_no_such_space(self):
        self.assertStatus(400, self.downloader().download_file("no-such-space", "k", self.target))
        self.assertFalse(os.path.exists(self.target))

    def test_download_401_wrong_signature(self):
        resp = self.assertStatus(
            401, self.downloader(private_key="wrong").download_file(self.private, "k", self.target)
        )
        self.assertEqual(resp.ret_code, -148658)

    def test_download_401_anonymous_from_a_private_space(self):
        self.assertStatus(401, self.downloader().download_file(self.private, "k", self.target, isprivate=False))

    def test_download_403_unknown_public_key(self):
        self.assertStatus(403, self.downloader(public_key="unknown").download_file(self.private, "k", self.target))

    def test_download_404(self):
        with io.open(self.target, "wb") as file:
            file.write(b"old")
        resp = self.assertStatus(404, self.downloader().download_file(self.private, "absent", self.target))
        self.assertEqual(resp.ret_code, -148654)
        self.assertEqual(self.read(self.target), b"old")
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".part")], [])

    def test_download_416(self):
        answer = self.downloader().download_file(self.private, "k", self.target, content_range=(100000, 100001))
        self.assertStatus(416, answer)
        self.assertFalse(os.path.exists(self.target))

    def test_download_minus_1_nobody_listens(self):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        config.set_default(downloadsuffix="127.0.0.1:%d" % taken.getsockname()[1])
        resp = self.assertStatus(-1, self.downloader().download_file(self.private, "k", self.target))
        taken.close()
        self.assertEqual(len(self.slept), 3)
        self.assertNotIn("Signature", resp.error)

    def test_an_existing_file_keeps_its_mode_and_a_link_is_followed(self):
        real, link = self.path("real"), self.path("link")
        with io.open(real, "wb") as file:
            file.write(b"old")
        os.chmod(real, 0o640)
        os.symlink(real, link)
        self.assertStatus(200, self.downloader().download_file(self.private, "k", link))
        self.assertTrue(os.path.islink(link))
        self.assertEqual(self.read(real), self.data)
        self.assertEqual(stat.S_IMODE(os.stat(real).st_mode), 0o640)

    def test_a_device_is_written_and_not_replaced(self):
        self.assertStatus(200, self.downloader().download_file(self.private, "k", os.devnull))
        self.assertTrue(stat.S_ISCHR(os.stat(os.devnull).st_mode))

    def test_a_callers_header_is_sent_and_left_alone(self):
        header = {"If-Modified-Since": "Mon, 26 Mar 2007 19:37:58 GMT"}
        self.assertStatus(200, self.downloader().download_file(self.private, "k", self.target, header=header))
        self.assertEqual(header, {"If-Modified-Since": "Mon, 26 Mar 2007 19:37:58 GMT"})


class DeleteTable(Case):
    def test_delete_204_public_and_private(self):
        for space in (self.public, self.private):
            self.put(space, "k", b"x")
            self.assertStatus(204, self.deleter().deletefile(space, "k"))
            self.assertIsNone(self.stored(space, "k"))

    def test_delete_204_of_an_absent_key(self):
        self.assertStatus(204, self.deleter().deletefile(self.private, "absent"))

    def test_delete_401_wrong_signature(self):
        self.put(self.private, "kept", b"x")
        self.assertStatus(401, self.deleter(private_key="wrong").deletefile(self.private, "kept"))
        self.assertEqual(self.stored(self.private, "kept"), b"x")

    def test_delete_403_unknown_public_key(self):
        self.assertStatus(403, self.deleter(public_key="unknown").deletefile(self.private, "kept"))

    def test_delete_minus_1_nobody_listens(self):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        config.set_default(uploadsuffix="127.0.0.1:%d" % taken.getsockname()[1])
        self.assertStatus(-1, self.deleter().deletefile(self.private, "k"))
        taken.close()


class UploadTable(Case):
    def test_upload_200_file(self):
        data = content(2 * BLOCK + 12345)
        ret, resp = answer = self.uploader().uploadfile(self.public, "f.mp4", self.file(data), **OPTIONS)
        self.assertStatus(200, answer)
        self.assertEqual((ret["Bucket"], ret["Key"], ret["FileSize"]), (self.public, "f.mp4", len(data)))
        self.assertEqual(len(resp.etag), 32)
        self.assertEqual(self.stored(self.public, "f.mp4"), data)

    def test_upload_200_sizes_around_a_block(self):
        for size in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK):
            data = content(size)
            self.assertStatus(200, self.uploader().uploadfile(self.private, "s", self.file(data), **OPTIONS))
            self.assertEqual(self.stored(self.private, "s"), data)

    def test_upload_200_stream(self):
        bio = io.BytesIO(u"你好".encode("utf-8"))
        self.assertStatus(200, self.uploader().uploadstream(self.public, "stream", bio))
        self.assertFalse(bio.closed)
        self.assertEqual(self.stored(self.public, "stream"), u"你好".encode("utf-8"))

    def test_upload_200_stream_from_where_it_stands(self):
        bio = io.BytesIO(b"0123456789")
        bio.seek(4)
        self.assertStatus(200, self.uploader().uploadstream(self.public, "stream", bio))
        self.assertEqual(self.stored(self.public, "stream"), b"456789")

    def test_upload_200_streams_around_a_block(self):
        for size in (0, 1, BLOCK, BLOCK + 1, 5 * BLOCK - 1):
            data = content(size, 2)
            self.assertStatus(200, self.uploader().uploadstream(self.public, "stream", io.BytesIO(data), **OPTIONS))
            self.assertEqual(self.stored(self.public, "stream"), data)

    def test_upload_200_pipe_with_short_reads(self):
        data = content(BLOCK + 54321, 3)
        reading, writing = os.pipe()

        def feed():
            with os.fdopen(writing, "wb") as file:
                for start in range(0, len(data), 50001):
                    file.write(data[start : start + 50001])

        thread = threading.Thread(target=feed)
        thread.start()
        with io.open(reading, "rb", 0) as pipe:
            self.assertStatus(200, self.uploader().uploadstream(self.private, "pipe", pipe, **OPTIONS))
        thread.join()
        self.assertEqual(self.stored(self.private, "pipe"), data)

    def test_upload_200_socket(self):
        data = content(BLOCK + 99, 4)
        ours, theirs = socket.socketpair()

        def feed():
            theirs.sendall(data)
            theirs.close()

        thread = threading.Thread(target=feed)
        thread.start()
        self.assertStatus(200, self.uploader().uploadstream(self.private, "socket", ours, **OPTIONS))
        thread.join()
        ours.close()
        self.assertEqual(self.stored(self.private, "socket"), data)

    def test_upload_400_no_such_space(self):
        self.assertStatus(400, self.uploader().uploadfile("no-such-space", "k", self.file(b"x"), **OPTIONS))
        self.assertStatus(400, self.uploader().uploadstream("no-such-space", "k", io.BytesIO(b"x"), **OPTIONS))

    def test_upload_401_wrong_signature(self):
        self.assertStatus(
            401, self.uploader(private_key="wrong").uploadfile(self.private, "k", self.file(b"x"), **OPTIONS)
        )

    def test_upload_403_unknown_public_key(self):
        self.assertStatus(
            403, self.uploader(public_key="unknown").uploadfile(self.private, "k", self.file(b"x"), **OPTIONS)
        )

    def test_upload_minus_1_nobody_listens_then_resumes(self):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        config.set_default(uploadsuffix="127.0.0.1:%d" % taken.getsockname()[1])
        uploader = self.uploader()
        self.assertStatus(-1, uploader.uploadfile(self.private, "later", self.file(b"x"), **OPTIONS))
        self.assertStatus(-1, uploader.resumeuploadfile())
        taken.close()

    def test_the_type_is_guessed_or_given_and_headers_are_kept(self):
        uploader = self.uploader()
        blue = u"蓝".encode("utf-8") if str is bytes else u"蓝"
        header = {"X-Ufile-Meta-Colour": blue}
        self.assertStatus(200, uploader.uploadfile(self.public, "t.mp4", self.file(b"x"), header=header, **OPTIONS))
        own = uploader.uploadfile(self.public, "u", self.file(b"x"), mime_type="text/x-own", **OPTIONS)
        self.assertStatus(200, own)
        for key, expected in (("t.mp4", "video/mp4"), ("u", "text/x-own")):
            ret, resp = self.downloader().download_file(self.public, key, self.path())
            self.assertEqual(resp.content_type, expected)
        self.assertEqual(header, {"X-Ufile-Meta-Colour": blue})
        stream = carrier_of(self.downloader()).open(GetObject(self.public, u"t.mp4"))
        self.assertEqual(stream.headers.get("X-Ufile-Meta-Colour"), blue)
        stream.close()

    def test_progress_only_grows_and_ends_at_the_size(self):
        calls = []
        data = content(5 * BLOCK + 1)
        answer = self.uploader().uploadfile(
            self.private, "p", self.file(data), progress=lambda sent, total: calls.append((sent, total)), **OPTIONS
        )
        self.assertStatus(200, answer)
        self.assertEqual(len(calls), 6)
        self.assertEqual(calls, sorted(calls))
        self.assertEqual(calls[-1], (len(data), len(data)))

    def test_one_handler_serves_many_threads(self):
        uploader, downloader, answers = self.uploader(), self.downloader(), {}

        def work(number):
            data = content(BLOCK + number, number)
            key = "thread-%d" % number
            first = uploader.uploadfile(self.private, key, self.file(data), **OPTIONS)
            target = self.path()
            second = downloader.download_file(self.private, key, target)
            answers[number] = (first[1].status_code, second[1].status_code, self.read(target) == data)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, dict((number, (200, 200, True)) for number in range(6)))


class Keys(Case):
    def test_every_key_makes_the_round_trip(self):
        uploader, downloader, deleter = self.uploader(), self.downloader(), self.deleter()
        for number, key in enumerate(KEYS):
            data = b"%d" % number if str is bytes else str(number).encode("ascii")
            ret, resp = answer = uploader.uploadfile(self.private, key, self.file(data), **OPTIONS)
            self.assertStatus(200, answer)
            self.assertEqual(ret["Key"], key)
            target = self.path()
            self.assertStatus(200, downloader.download_file(self.private, key, target))
            self.assertEqual(self.read(target), data)
        ret, resp = self.manager().getfilelist(self.private, 0, 1000)
        in_order = sorted(KEYS, key=lambda key: key.encode("utf-8"))
        self.assertEqual([entry["FileName"] for entry in ret["DataSet"]], in_order)
        for key in KEYS:
            self.assertStatus(204, deleter.deletefile(self.private, key))
        self.assertEqual(self.manager().getfilelist(self.private)[0]["DataSet"], [])

    def test_keys_as_utf8_bytes_of_python_2(self):
        key = u"视频.mp4"
        native = key.encode("utf-8") if str is bytes else key
        self.assertStatus(200, self.uploader().uploadfile(self.private, native, self.file(b"x"), **OPTIONS))
        self.assertEqual(self.stored(self.private, key), b"x")
        self.assertStatus(204, self.deleter().deletefile(self.private, native))


class Spaces(Case):
    def test_the_story_of_a_space(self):
        from ucloud.uvideo import spacemanager

        manager = self.manager()
        name = self.private + "-x"
        for calls in (manager, spacemanager):  # the README of origin prints both
            ret, resp = calls.createspace(name, "public")
            self.assertStatus(200, (ret, resp))
            self.assertEqual((ret["RetCode"], ret["BucketName"]), (0, name))
            ret, resp = calls.describespace(name)
            self.assertEqual(ret["DataSet"][0]["Type"], "public")
            ret, resp = calls.updatespace(name, "private")
            self.assertEqual(ret["RetCode"], 0)
            ret, resp = calls.describespace(name)
            self.assertEqual(ret["DataSet"][0]["Type"], "private")
            ret, resp = calls.getfilelist(name, 0, 20)
            self.assertEqual(ret["DataSet"], [])
            ret, resp = calls.deletespace(name)
            self.assertStatus(200, (ret, resp))
            ret, resp = calls.describespace(name)
            self.assertEqual((resp.status_code, ret["RetCode"], resp.ok()), (200, 15010, False))

    def test_refusals_come_with_status_200_a_ret_code_and_an_error(self):
        manager = self.manager()
        self.put(self.public, "k", b"x")
        for answer, code in (
            (manager.createspace(self.public), 15000),
            (manager.deletespace(self.public), 15023),
            (manager.describespace("no-such-space"), 15010),
            (self.manager(private_key="wrong").describespace(self.public), 171),
            (self.manager(public_key="unknown").describespace(self.public), 172),
        ):
            ret, resp = answer
            self.assertEqual((resp.status_code, ret["RetCode"], resp.ret_code, resp.ok()), (200, code, code, False))
            self.assertTrue(resp.error)

    def test_getfilelist_pages(self):
        uploader = self.uploader()
        for number in range(5):
            uploader.uploadstream(self.private, "page/%d" % number, io.BytesIO(b"x"))
        ret, resp = self.manager().getfilelist(self.private, 1, 2)
        self.assertEqual([entry["FileName"] for entry in ret["DataSet"]], ["page/1", "page/2"])
        self.assertEqual(sorted(ret["DataSet"][0])[:2], ["BucketName", "CreateTime"])

    def test_the_keys_are_those_of_the_account(self):
        self.assertTrue(PUBLIC_KEY and PRIVATE_KEY)
        self.assertNotIn(PRIVATE_KEY, repr(self.manager()) + repr(carrier_of(self.manager()).credentials))
