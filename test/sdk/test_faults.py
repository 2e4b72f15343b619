# -*- coding: utf-8 -*-
"""What a bad network and a bad service do: every fault is scripted in a proxy before the real server."""

from __future__ import absolute_import, division, print_function

import io
import json
import os
import subprocess
import sys
import threading
import time

from ucloud.uvideo import config

from .case import BLOCK, ENDPOINT, FAULTS, OPTIONS, PRIVATE_KEY, PUBLIC_KEY, FaultCase, content

try:
    import resource
except ImportError:
    resource = None

HTML = {"status": 503, "body": "<html>busy</html>", "headers": {"Content-Type": "application/json"}}


def answer(status, times=1, **more):
    return dict(more, do="answer", status=status, times=times)


class UploadFaults(FaultCase):
    size = 3 * BLOCK + 1000

    def setUp(self):
        super(UploadFaults, self).setUp()
        self.data = content(self.size, 7)
        self.source = self.file(self.data)

    def upload(self, **options):
        return self.uploader().uploadfile(self.private, "k", self.source, **dict(OPTIONS, **options))

    def assertStored(self):
        self.assertEqual(self.stored(self.private, "k"), self.data)

    def test_500_and_503_are_tried_again(self):
        for operation in ("InitiateUpload", "UploadPart", "FinishUpload"):
            self.faults(({"on": operation}, answer(500), answer(503)))
            self.assertStatus(200, self.upload())
            self.assertStored()
            self.fired()

    def test_html_labelled_json_is_tried_again(self):
        self.faults(({"on": "UploadPart", "part": 1}, dict(HTML, do="answer", times=2)))
        self.assertStatus(200, self.upload())
        self.assertStored()

    def test_429_waits_as_long_as_the_service_asks(self):
        self.faults(({"on": "UploadPart", "part": 0}, answer(429, headers={"Retry-After": "7"})))
        self.assertStatus(200, self.upload())
        self.assertEqual([seconds for seconds in self.slept if seconds >= 7], [7])
        self.assertStored()

    def test_500_to_the_end_can_be_resumed(self):
        self.faults(({"on": "UploadPart", "part": 2}, answer(500, times=4)))
        uploader = self.uploader()
        self.assertStatus(500, uploader.uploadfile(self.private, "k", self.source, **OPTIONS))
        self.assertEqual(self.seen("AbortUpload"), [])
        self.assertStatus(200, uploader.resumeuploadfile())
        self.assertStored()

    def test_reset_while_sending_a_part(self):
        self.faults(({"on": "UploadPart", "part": 1}, {"do": "cut_after", "bytes": 100000, "times": 2}))
        self.assertStatus(200, self.upload())
        self.assertStored()

    def test_reset_while_reading_the_answer_of_initiate(self):
        self.faults(({"on": "InitiateUpload"}, {"do": "reset", "bytes": 5}))
        self.assertStatus(200, self.upload())
        self.assertStored()

    def test_stall_past_the_timeout(self):
        self.faults(({"on": "UploadPart", "part": 0}, {"do": "silence"}))
        with self.silence():
            self.assertStatus(200, self.upload())
        self.assertStored()

    def test_truncated_answer_of_initiate(self):
        self.faults(({"on": "InitiateUpload"}, {"do": "truncate", "bytes": 10}))
        self.assertStatus(200, self.upload())
        self.assertStored()

    def test_lost_answer_of_a_part(self):
        self.faults(({"on": "UploadPart", "part": 1}, {"do": "lost_answer", "times": 2}))
        self.assertStatus(200, self.upload())
        self.assertStored()

    def test_lost_answer_of_a_part_where_a_repeated_part_is_refused(self):
        duplicate = {"RetCode": -1014, "ErrMsg": "put duplicate key error"}
        self.faults(
            (
                {"on": "UploadPart", "part": 1},
                {"do": "lost_answer"},
                {"do": "forward_then_answer", "status": 500, "json": duplicate},
            )
        )
        self.assertStatus(200, self.upload())
        self.assertStored()

    def test_a_plain_500_is_never_taken_for_an_already_stored_part(self):
        self.faults(({"on": "UploadPart", "part": 1}, answer(500, times=4, body="oops")))
        self.assertStatus(500, self.upload())
        self.assertIsNone(self.stored(self.private, "k") and None)
        self.assertEqual(self.seen("FinishUpload"), [])

    def test_lost_answer_of_finish(self):
        self.faults(({"on": "FinishUpload"}, {"do": "lost_answer"}))
        ret, resp = self.upload()
        self.assertStatus(200, (ret, resp))
        self.assertEqual((ret["Key"], ret["FileSize"], len(resp.etag)), ("k", len(self.data), 32))
        self.assertStored()

    def test_lost_answer_of_finish_to_the_end_then_resume(self):
        self.faults(
            (
                {"on": "FinishUpload"},
                {"do": "lost_answer", "times": 1},
                {"do": "cut_after", "times": 3},
            )
        )
        uploader = self.uploader()
        self.assertStatus(-1, uploader.uploadfile(self.private, "k", self.source, **OPTIONS))
        self.assertStatus(200, uploader.resumeuploadfile())
        self.assertStored()

    def test_a_bit_flipped_on_the_way_up_is_noticed(self):
        self.faults(({"on": "UploadPart", "part": 1}, {"do": "flip_request", "bytes": 99}))
        resp = self.assertStatus(-2, self.upload())
        self.assertIn("etag", resp.error)
        self.assertEqual(len(self.seen("AbortUpload")), 1)

    def test_wrong_etag_of_finish_is_noticed(self):
        wrong = '"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"'
        self.faults(({"on": "FinishUpload"}, {"do": "header", "name": "ETag", "value": wrong}))
        resp = self.assertStatus(-2, self.upload())
        self.assertIn("AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt", resp.error)  # what came
        self.assertIn("BAAAA", resp.error)  # what was expected: four blocks

    def test_an_opaque_part_etag_is_handed_on(self):
        self.faults(({"on": "UploadPart", "part": 0}, {"do": "header", "name": "ETag", "value": '"x-1"'}))
        self.assertStatus(400, self.upload())  # our server knows no such part; the client sent what it was given
        self.assertEqual(len(self.seen("FinishUpload")), 1)

    def test_refused_uploads_are_aborted_and_4xx_is_never_tried_again(self):
        for status in (400, 401, 403, 404):
            self.control("POST", "/reset", {})
            self.faults(({"on": "UploadPart", "part": 1}, answer(status)))
            self.assertStatus(status, self.upload(maxthread=1))
            self.assertEqual(len(self.seen("UploadPart")), 2)
            self.assertEqual(len(self.seen("AbortUpload", status=200)), 1)
            self.assertEqual(self.slept, [])

    def test_an_early_refusal_is_read_while_the_part_is_still_being_sent(self):
        self.faults(({"on": "UploadPart", "part": 0}, answer(403, read_body=False)))
        self.assertStatus(403, self.upload(maxthread=1))

    def test_interrupted_uploads_are_kept_and_resume_sends_only_what_is_missing(self):
        self.faults(({"on": "UploadPart", "part": 2}, {"do": "cut_after", "times": 4}))
        uploader = self.uploader()
        self.assertStatus(-1, uploader.uploadfile(self.private, "k", self.source, maxthread=1, **OPTIONS))
        self.assertEqual(self.seen("AbortUpload"), [])
        self.control("POST", "/reset", {})
        self.assertStatus(200, uploader.resumeuploadfile())
        self.assertEqual([entry["part"] for entry in self.seen("UploadPart")], [2, 3])
        self.assertEqual(self.seen("InitiateUpload"), [])
        self.assertStored()

    def test_abort_frees_an_interrupted_upload(self):
        self.faults(({"on": "UploadPart", "part": 0}, {"do": "cut_after", "times": 4}))
        uploader = self.uploader()
        self.assertStatus(-1, uploader.uploadfile(self.private, "k2", self.source, maxthread=1, **OPTIONS))
        self.assertStatus(200, uploader.abort())
        self.assertEqual(len(self.seen("AbortUpload", status=200)), 1)
        self.assertStatus(-3, uploader.resumeuploadfile())
        self.assertIsNone(self.stored(self.private, "k2"))

    def test_each_thread_resumes_its_own_upload(self):
        self.faults(
            ({"on": "UploadPart", "key": "a"}, {"do": "cut_after", "times": 4}),
            ({"on": "UploadPart", "key": "b"}, {"do": "cut_after", "times": 4}),
        )
        uploader, found = self.uploader(), {}
        barrier = [threading.Event(), threading.Event()]

        def work(number, key):
            first = uploader.uploadfile(self.private, key, self.file(key.encode("ascii")), **OPTIONS)
            barrier[number].set()
            barrier[1 - number].wait(240)
            found[key] = (first[1].status_code, uploader.resumeuploadfile()[0]["Key"])

        threads = [threading.Thread(target=work, args=pair) for pair in enumerate("ab")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, {"a": (-1, "a"), "b": (-1, "b")})

    def test_a_file_that_changes_is_refused_and_nothing_is_finished(self):
        def change(sent, total):
            with io.open(self.source, "ab") as file:
                file.write(b"more")

        resp = self.assertStatus(-3, self.upload(maxthread=1, progress=change))
        self.assertIn("changed", resp.error)
        self.assertEqual(self.seen("FinishUpload"), [])
        self.assertEqual(len(self.seen("AbortUpload", status=200)), 1)

    def test_a_file_that_shrinks_is_refused(self):
        def shrink(sent, total):
            with io.open(self.source, "r+b") as file:
                file.truncate(BLOCK + 5)

        self.assertStatus(-3, self.upload(maxthread=1, progress=shrink))
        self.assertEqual(self.seen("FinishUpload"), [])

    def test_what_progress_raises_stops_the_upload_which_can_be_resumed(self):
        class Stop(Exception):
            pass

        stopping = [True]

        def stop(sent, total):
            if stopping:
                raise Stop()

        uploader = self.uploader()
        with self.assertRaises(Stop):
            uploader.uploadfile(self.private, "k", self.source, progress=stop, maxthread=1, **OPTIONS)
        with self.assertRaises(Stop):
            uploader.resumeuploadfile()
        del stopping[:]
        self.assertStatus(200, uploader.resumeuploadfile())
        self.assertStored()


class StreamFaults(FaultCase):
    def test_a_stream_that_cannot_seek_resumes_with_the_blocks_it_kept(self):
        data = content(5 * BLOCK + 77, 8)

        class Once(object):
            def __init__(self):
                self.bio = io.BytesIO(data)

            def read(self, size):
                return self.bio.read(min(size, 100003))

        for part, threads in ((0, 4), (3, 1), (5, 2)):
            self.control("POST", "/reset", {})
            self.faults(({"on": "UploadPart", "part": part}, {"do": "cut_after", "times": 4}))
            uploader = self.uploader()
            self.assertStatus(-1, uploader.uploadstream(self.private, "s", Once(), maxthread=threads, **OPTIONS))
            self.assertStatus(200, uploader.resumeuploadstream())
            self.assertEqual(self.stored(self.private, "s"), data)
            acknowledged = [entry["part"] for entry in self.seen("UploadPart", status=200)]
            self.assertEqual(sorted(acknowledged), list(range(6)))
            self.fired()

    def test_the_loop_of_the_readme_ends(self):
        self.faults(({"on": "InitiateUpload"}, {"do": "cut_after", "times": 8}))
        uploader = self.uploader()
        ret, resp = uploader.uploadstream(self.private, "loop", io.BytesIO(b"x" * 10), **OPTIONS)
        rounds = 0
        while resp.status_code == -1:
            ret, resp = uploader.resumeuploadstream()
            rounds += 1
        self.assertEqual((resp.status_code, rounds), (200, 2))
        self.assertEqual(self.stored(self.private, "loop"), b"x" * 10)

    def test_a_stream_that_fails_is_reported_and_aborted(self):
        class Broken(object):
            def __init__(self):
                self.left = 2

            def read(self, size):
                self.left -= 1
                if not self.left:
                    raise IOError("the tape tore")
                return b"y" * size

        resp = self.assertStatus(-3, self.uploader().uploadstream(self.private, "b", Broken(), maxthread=1, **OPTIONS))
        self.assertIn("the tape tore", resp.error)
        self.assertEqual(len(self.seen("AbortUpload", status=200)), 1)

    def test_a_stream_of_text_is_refused(self):
        resp = self.assertStatus(-3, self.uploader().uploadstream(self.private, "t", io.StringIO(u"text"), **OPTIONS))
        self.assertIn("binary", resp.error)


class DownloadFaults(FaultCase):
    size = 3 * 1024 * 1024 + 11

    def setUp(self):
        super(DownloadFaults, self).setUp()
        self.data = content(self.size, 9)
        self.put(self.private, "k", self.data)
        self.control("POST", "/reset", {})
        self.target = self.path("target")
        with io.open(self.target, "wb") as file:
            file.write(b"old")

    def download(self, **options):
        return self.downloader().download_file(self.private, "k", self.target, **options)

    def assertOld(self):
        self.assertEqual(self.read(self.target), b"old")
        self.assertEqual(os.listdir(self.folder).count("target"), 1)
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".part")], [])

    def test_a_body_that_breaks_off_is_continued_by_range(self):
        for kind in ("truncate", "reset"):
            self.control("POST", "/reset", {})
            self.faults(({"on": "GetObject"}, {"do": kind, "bytes": 1500000}))
            self.assertStatus(200, self.download())
            self.assertEqual(self.read(self.target), self.data)
            requests = self.seen("GetObject")
            self.assertEqual(len(requests), 2)
            self.assertTrue(requests[1]["headers"]["range"].startswith("bytes="))
            self.assertIn("if-range", requests[1]["headers"])

    def test_a_range_that_breaks_off_is_continued(self):
        self.faults(({"on": "GetObject"}, {"do": "truncate", "bytes": 1000000}))
        self.assertStatus(206, self.download(content_range=(100, 2000099)))
        self.assertEqual(self.read(self.target), self.data[100:2000100])

    def test_an_object_that_changes_in_between_is_fetched_anew_as_a_whole(self):
        other = content(self.size, 10)
        self.faults(
            (
                {"on": "GetObject"},
                {"do": "truncate", "bytes": 1000000},
                {"do": "pause", "name": "changed"},
            )
        )
        result = []
        thread = threading.Thread(target=lambda: result.append(self.download()))
        thread.start()
        self.control("POST", "/wait", {"name": "changed"})
        config.set_default(uploadsuffix=ENDPOINT, downloadsuffix=ENDPOINT)
        ret, resp = self.uploader().uploadfile(self.private, "k", self.file(other))
        self.assertEqual(resp.status_code, 200)
        self.control("POST", "/release", {"name": "changed"})
        thread.join(240)
        self.assertStatus(200, result[0])
        self.assertEqual(self.read(self.target), other)

    def test_500_503_and_429_are_tried_again(self):
        self.faults(
            ({"on": "GetObject"}, answer(500), answer(503), answer(429, headers={"Retry-After": "3"}))
        )
        self.assertStatus(200, self.download())
        self.assertEqual(len(self.slept), 3)
        self.assertTrue(self.slept[2] >= 3)
        self.assertEqual(self.read(self.target), self.data)

    def test_a_stall_past_the_timeout_is_continued(self):
        self.faults(({"on": "GetObject"}, {"do": "stall", "bytes": 1000000}))
        with self.silence():
            self.assertStatus(200, self.download())
        self.assertEqual(self.read(self.target), self.data)

    def test_no_answer_to_the_end_leaves_the_old_file(self):
        self.faults(({"on": "GetObject"}, {"do": "reset", "bytes": 10, "times": 4}))
        resp = self.assertStatus(-1, self.download())
        self.assertNotIn("Signature", resp.error)
        self.assertOld()

    def test_500_to_the_end_leaves_the_old_file(self):
        self.faults(({"on": "GetObject"}, answer(500, times=4)))
        self.assertStatus(500, self.download())
        self.assertOld()

    def test_a_flipped_bit_is_noticed(self):
        self.faults(({"on": "GetObject"}, {"do": "flip", "bytes": 2000000}))
        resp = self.assertStatus(-2, self.download())
        self.assertIn("expected", resp.error)
        self.assertIn("actual", resp.error)
        self.assertOld()

    def test_a_wrong_etag_is_noticed(self):
        wrong = '"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"'
        self.faults(({"on": "GetObject"}, {"do": "header", "name": "ETag", "value": wrong}))
        self.assertStatus(-2, self.download())
        self.assertOld()

    def test_the_wrong_range_is_noticed(self):
        self.faults(
            ({"on": "GetObject"}, {"do": "header", "name": "Content-Range", "value": "bytes 5-14/3145739"})
        )
        self.assertStatus(-2, self.download(content_range=(0, 9)))
        self.assertOld()

    def test_a_gzip_encoded_object_arrives_as_it_is_stored(self):
        import gzip

        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb") as file:
            file.write(b"z" * 5000)
        header = {"Content-Encoding": "gzip"}
        source = self.file(packed.getvalue())
        self.assertStatus(200, self.uploader().uploadfile(self.private, "g", source, header=header, **OPTIONS))
        self.assertStatus(200, self.downloader().download_file(self.private, "g", self.target))
        self.assertEqual(self.read(self.target), packed.getvalue())

    def test_a_full_disk_is_said_and_leaves_the_old_file(self):
        code = (
            "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, 1000000));"
            "from ucloud.uvideo import config, downloaduvideo;"
            "config.set_default(uploadsuffix=sys.argv[1], downloadsuffix=sys.argv[1]);"
            "ret, resp = downloaduvideo.DownloadUVideo(sys.argv[2], sys.stdin.readline().strip())"
            ".download_file(sys.argv[3], 'k', sys.argv[4]);"
            "print(resp.status_code, resp.error)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, FAULTS, PUBLIC_KEY, self.private, self.target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = process.communicate((PRIVATE_KEY + "\n").encode("ascii"))
        self.assertEqual(process.returncode, 0, err)
        self.assertIn(b"-3", out)
        self.assertIn(b"File too large", out)
        self.assertOld()

    def test_dev_full_is_said(self):
        if os.path.exists("/dev/full"):
            resp = self.assertStatus(-3, self.downloader().download_file(self.private, "k", "/dev/full"))
            self.assertIn("No space left", resp.error)


class OtherFaults(FaultCase):
    def test_delete_is_tried_again(self):
        self.put(self.private, "k", b"x")
        self.control("POST", "/reset", {})
        self.faults(({"on": "DeleteObject"}, {"do": "lost_answer"}, answer(503)))
        self.assertStatus(204, self.deleter().deletefile(self.private, "k"))
        self.assertIsNone(self.stored(self.private, "k"))

    def test_a_created_space_whose_answer_was_lost_is_a_created_space(self):
        name = self.private + "-c"
        self.faults(({"on": "CreateSpace"}, {"do": "lost_answer"}))
        ret, resp = self.manager().createspace(name)
        self.assertEqual((resp.status_code, resp.ok()), (200, True), resp)
        self.faults(({"on": "DeleteSpace"}, {"do": "lost_answer"}))
        ret, resp = self.manager().deletespace(name)
        self.assertEqual(resp.status_code, 200, resp)
        self.assertEqual(self.manager().describespace(name)[0]["RetCode"], 15010)

    def test_refused_connections_are_minus_1_and_then_it_goes_on(self):
        deleter = self.deleter()
        self.assertStatus(204, deleter.deletefile(self.private, "k"))
        self.control("POST", "/stop_listening", {"drop": True})
        self.assertStatus(-1, deleter.deletefile(self.private, "k"))
        self.control("POST", "/listen_again", {})
        self.assertStatus(204, deleter.deletefile(self.private, "k"))

    def test_no_secret_in_the_log_file(self):
        from ucloud import logger

        path = self.path("log")
        logger.set_log_file(path, 1)
        try:
            self.faults(({"on": "GetObject"}, answer(500)), ({"on": "UploadPart"}, answer(500)))
            self.assertStatus(200, self.uploader().uploadfile(self.private, "k", self.file(b"x"), **OPTIONS))
            self.assertStatus(200, self.downloader().download_file(self.private, "k", self.path()))
            self.assertStatus(401, self.downloader(private_key="wrong").download_file(self.private, "k", self.path()))
        finally:
            logger.set_log_file(None)
        text = self.read(path).decode("utf-8")
        self.assertIn("try 1 failed", text)
        for secret in (PRIVATE_KEY, "Signature", "Authorization"):
            self.assertNotIn(secret, text)


class Checkpoints(FaultCase):
    size = 4 * BLOCK + 5

    PROGRAM = (
        "import sys; from ucloud.uvideo import config, multipartuploaduvideo as m;"
        "config.set_default(uploadsuffix=sys.argv[1], downloadsuffix=sys.argv[1]);"
        "u = m.MultipartUploadUVideo(sys.argv[2], sys.stdin.readline().strip());"
        "ret, resp = u.uploadfile(sys.argv[3], 'k', sys.argv[4], maxthread=2, checkpoint=sys.argv[5]);"
        "print(resp.status_code)"
    )

    def setUp(self):
        super(Checkpoints, self).setUp()
        self.data = content(self.size, 11)
        self.source = self.file(self.data)
        self.checkpoint = self.path("checkpoint")

    def killed(self, part=2):
        """Upload in another process and kill it while it sends this part."""
        self.faults(({"on": "UploadPart", "part": part}, {"do": "pause", "name": "now", "bytes": 1000}))
        process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, FAULTS, PUBLIC_KEY, self.private, self.source, self.checkpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        process.stdin.write((PRIVATE_KEY + "\n").encode("ascii"))
        process.stdin.flush()
        self.control("POST", "/wait", {"name": "now"})
        process.kill()
        process.communicate()
        self.control("POST", "/release", {"name": "now"})
        while not all(entry["done"] for entry in self.seen()):  # what was on its way still reaches the server
            time.sleep(0.01)
        sent = [entry["part"] for entry in self.seen("UploadPart") if entry["upstream_status"] == 200]
        self.control("POST", "/reset", {})
        return sent

    def test_another_process_resumes_after_kill_9_and_sends_only_the_missing_parts(self):
        sent = self.killed()
        self.assertTrue(1 <= len(sent) <= 4, sent)
        self.assertStatus(200, self.uploader().resumeuploadfile(checkpoint=self.checkpoint))
        missing = sorted(set(range(5)) - set(sent))
        self.assertEqual(sorted(entry["part"] for entry in self.seen("UploadPart")), missing)
        self.assertEqual(self.stored(self.private, "k"), self.data)
        self.assertFalse(os.path.exists(self.checkpoint))

    def test_uploading_again_with_the_checkpoint_continues(self):
        sent = self.killed()
        ret, resp = self.uploader().uploadfile(
            self.private, "k", self.source, checkpoint=self.checkpoint, **OPTIONS
        )
        self.assertEqual(resp.status_code, 200, resp)
        self.assertEqual(len(self.seen("UploadPart")), 5 - len(sent))
        self.assertEqual(self.stored(self.private, "k"), self.data)

    def test_parts_that_the_checkpoint_does_not_know_are_found_by_the_list(self):
        self.killed()
        with io.open(self.checkpoint, "rb") as file:
            head = file.readline()
        with io.open(self.checkpoint, "wb") as file:
            file.write(head + b'{"part": 1, "sh')  # all that a crash may leave
        self.assertStatus(200, self.uploader().resumeuploadfile(checkpoint=self.checkpoint))
        self.assertTrue(len(self.seen("UploadPart")) <= 4)
        self.assertEqual(self.stored(self.private, "k"), self.data)

    def test_a_changed_file_is_refused_and_the_checkpoint_kept(self):
        self.killed()
        with io.open(self.source, "ab") as file:
            file.write(b"more")
        for answer_ in (
            self.uploader().resumeuploadfile(checkpoint=self.checkpoint),
            self.uploader().uploadfile(self.private, "k", self.source, checkpoint=self.checkpoint),
        ):
            resp = self.assertStatus(-3, answer_)
            self.assertIn("changed", resp.error)
        self.assertTrue(os.path.exists(self.checkpoint))
        self.assertStatus(200, self.uploader().abort(checkpoint=self.checkpoint))
        self.assertFalse(os.path.exists(self.checkpoint))
        self.assertEqual(len(self.seen("AbortUpload", status=200)), 1)

    def test_a_checkpoint_of_another_upload_is_refused(self):
        self.killed()
        resp = self.assertStatus(
            -3, self.uploader().uploadfile(self.private, "other", self.source, checkpoint=self.checkpoint)
        )
        self.assertIn("another checkpoint", resp.error)
        self.assertTrue(os.path.exists(self.checkpoint))

    def test_an_upload_that_the_service_forgot_begins_anew(self):
        self.killed()
        with io.open(self.checkpoint, "rb") as file:
            upload_id = json.loads(file.readline().decode("utf-8"))["upload_id"]
        self.assertTrue(upload_id)
        gone = {"RetCode": -148654, "ErrMsg": "upload id not exist"}
        self.faults(({"on": "ListParts"}, answer(404, json=gone)))
        self.assertStatus(200, self.uploader().resumeuploadfile(checkpoint=self.checkpoint))
        self.assertEqual(len(self.seen("InitiateUpload")), 1)
        self.assertEqual(self.stored(self.private, "k"), self.data)

    def test_the_checkpoint_is_readable_by_its_owner_only_and_holds_no_key(self):
        self.killed()
        self.assertEqual(os.stat(self.checkpoint).st_mode & 0o077, 0)
        self.assertNotIn(PRIVATE_KEY.encode("ascii"), self.read(self.checkpoint))

    def test_a_file_that_is_no_checkpoint_is_refused_and_kept(self):
        with io.open(self.checkpoint, "wb") as file:
            file.write(b"my diary")
        self.assertStatus(-3, self.uploader().resumeuploadfile(checkpoint=self.checkpoint))
        self.assertStatus(-3, self.uploader().uploadfile(self.private, "k", self.source, checkpoint=self.checkpoint))
        self.assertEqual(self.read(self.checkpoint), b"my diary")
