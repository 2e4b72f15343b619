# -*- coding: utf-8 -*-
"""A machine that others share, the caller's own slips, and Ctrl-C at any moment: nothing is lost or left behind."""

from __future__ import absolute_import, division, print_function

import errno
import gc
import hashlib
import io
import json
import os
import re
import signal
import stat
import threading
import time

from ucloud import logger
from ucloud.uvideo import config
from ucloud.uvideo.engine import localfile, multipart_upload, transfer_record, upload_source, workers
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol import etag as etags
from ucloud.uvideo.protocol import upload as uploads
from ucloud.uvideo.protocol.errors import AccessDenied, NoAnswer, Unavailable

from .case import OPTIONS
from .service import Hostile, reply


class Machine(Hostile):
    """Other users of this machine, and the caller's own slips."""

    def test_a_checkpoint_never_destroys_the_source(self):
        alias = self.path("alias")
        os.symlink(self.source, alias)
        for checkpoint in (self.source, alias):
            self.assertStatus(-3, self.upload(checkpoint=checkpoint))
            self.assertEqual(self.read(self.source), self.data)
        self.service.lies = {"part": None}
        checkpoint = self.path("checkpoint")
        self.assertStatus(-1, self.upload(checkpoint=checkpoint))
        with io.open(checkpoint, "rb") as file:
            fields = json.loads(file.readline().decode("utf-8"))
        now = int(os.stat(self.source).st_mtime)
        for size in range(5000):  # a checkpoint that says it is about itself
            fields["source"] = {"path": checkpoint, "identity": [size, now * 1000000]}
            text = json.dumps(fields).encode("ascii") + b"\n"
            if len(text) == size:
                break
        with io.open(checkpoint, "wb") as file:
            file.write(text)
        os.utime(checkpoint, (now, now))
        self.service.lies = {}
        self.assertStatus(-3, self.uploader().resumeuploadfile(checkpoint=checkpoint))
        self.assertEqual(self.read(checkpoint), text)

    def test_a_film_given_as_checkpoint_is_not_read_into_memory(self):
        film = self.path("film")
        with io.open(film, "wb") as file:
            file.truncate(1 << 36)
        resp = self.assertStatus(-3, self.upload(checkpoint=film))
        self.assertIn("checkpoint", resp.error)
        self.assertEqual(os.path.getsize(film), 1 << 36)

    def test_a_checkpoint_that_was_tampered_with_is_refused(self):
        checkpoint = self.path("checkpoint")
        self.service.lies = {"part": None}
        self.assertStatus(-1, self.upload(checkpoint=checkpoint))
        self.service.lies = {}
        del self.service.seen[:]
        with io.open(checkpoint, "rb") as file:
            fields = json.loads(file.readline().decode("utf-8"))
        identity = fields["source"]["identity"]
        for name, value in (
            ("space", "evil.example.com/"),
            ("space", "evil.example.com#"),
            ("space", 5),
            ("key", ""),
            ("key", [1]),
            ("upload_id", "a\r\nb"),
            ("upload_id", "x" * 9999),
            ("block_size", 1),
            ("block_size", 10**12),
            ("block_size", -1),
            ("size", None),
            ("size", 10**15),
            ("size", -1),
            ("size", 5),
            ("source", "text"),
            ("source", [1]),
            ("source", None),
            ("source", {"path": 0, "identity": identity}),
            ("mime", 5),
            ("source", {"path": ["x"], "identity": identity}),
            ("source", {"path": "/dev/zero", "identity": identity}),
        ):
            with io.open(checkpoint, "wb") as file:
                file.write(json.dumps(dict(fields, **{name: value})).encode("ascii") + b"\n")
            self.assertStatus(-3, self.uploader().resumeuploadfile(checkpoint=checkpoint))
            self.assertEqual(self.service.seen, [], (name, value))
            self.assertTrue(os.path.exists(checkpoint))
        for deep in (b'{"a":' * 100000, b"{" + b"[" * 100000):
            with io.open(checkpoint, "wb") as file:
                file.write(deep)
            resp = self.assertStatus(-3, self.uploader().abort(checkpoint=checkpoint))
            self.assertIn("checkpoint", resp.error)

    def test_a_checkpoint_of_another_user_is_not_obeyed(self):
        checkpoint = self.path("planted")
        self.service.lies = {"part": None}
        self.assertStatus(-1, self.upload(checkpoint=checkpoint))
        self.service.lies = {}
        del self.service.seen[:]
        real = os.geteuid
        os.geteuid = lambda: real() + 1
        try:
            resp = self.assertStatus(-3, self.uploader().resumeuploadfile(checkpoint=checkpoint))
        finally:
            os.geteuid = real
        self.assertIn("another user", resp.error)
        self.assertEqual(self.service.seen, [])

    def test_what_lies_where_the_checkpoint_is_written_aside_is_left_alone(self):
        checkpoint = self.path("checkpoint")
        planted = "%s.%d.tmp" % (checkpoint, os.getpid())
        with io.open(planted, "wb") as file:
            file.write(b"mine")
        self.service.lies = {"part": None}
        self.assertStatus(-1, self.upload(checkpoint=checkpoint))
        self.assertEqual(self.read(planted), b"mine")

    def test_a_checkpoint_that_can_no_longer_be_written_does_not_cost_the_upload(self):
        checkpoint = self.path("checkpoint")

        def spoil(sent, total):
            if os.path.isfile(checkpoint):
                os.remove(checkpoint)
                os.mkdir(checkpoint)

        self.assertStatus(200, self.upload(checkpoint=checkpoint, maxthread=1, progress=spoil))
        self.assertEqual(self.service.stored(), self.data)

    def test_a_disk_that_fails_costs_no_upload_that_has_a_checkpoint(self):
        checkpoint, real, reads = self.path("checkpoint"), upload_source.FileSource.read, []

        def failing(self, where):
            reads.append(where)
            if len(reads) == 3:
                raise upload_source.local(EnvironmentError(5, "Input/output error"), self.path)
            return real(self, where)

        upload_source.FileSource.read = failing
        self.addCleanup(setattr, upload_source.FileSource, "read", real)
        resp = self.assertStatus(-3, self.upload(checkpoint=checkpoint, maxthread=1))
        self.assertIn("Input/output error", resp.error)
        self.assertNotIn("abort", [name for name, _ in self.service.seen])
        self.assertStatus(200, self.uploader().resumeuploadfile(checkpoint=checkpoint))
        self.assertEqual(len([name for name, _ in self.service.seen if name == "part"]), 6)
        self.assertEqual(self.service.stored(), self.data)

    def test_a_link_that_another_user_left_in_a_shared_folder_is_not_followed(self):
        victim = self.file(b"precious")
        folder = self.path("shared")
        os.mkdir(folder)
        os.chmod(folder, 0o1777)
        link = os.path.join(folder, "film.mp4")
        os.symlink(victim, link)
        real = os.geteuid
        if real() == 0:
            os.lchown(link, 65534, -1)
        else:  # the link belongs to one, its folder to another, and we are a third
            stranger, os.geteuid = os.stat(folder).st_uid + 1, lambda: real() + 2
            original = os.lstat
            self.addCleanup(setattr, os, "lstat", original)
            fields = list(original(link))
            fields[4] = stranger
            os.lstat = lambda path: os.stat_result(fields) if path == link else original(path)
        self.service.lies = {"get": reply(200, b"", ("ETag", '"AAAAANo5o-5ea0sNMlW_75VgGJCv2AcJ"'))}
        try:
            resp = self.assertStatus(-3, self.downloader().download_file("space", "k", link))
        finally:
            os.geteuid = real
        self.assertIn("another user", resp.error)
        self.assertEqual(self.read(victim), b"precious")

    def test_a_downloads_temporary_file_is_as_private_as_its_target(self):
        os.chmod(self.target, 0o4600)
        seen = []

        def watch(target, body):
            whole = etags.Etag()
            whole.update(b"new")
            yield reply(200, b"", ("ETag", '"%s"' % whole.value()), length=3)
            while not seen:
                seen.extend(name for name in os.listdir(self.folder) if name.endswith(".part"))
            seen.append(stat.S_IMODE(os.stat(self.path(seen[0])).st_mode))
            yield b"new"

        self.service.lies = {"get": watch}
        self.assertStatus(200, self.download())
        self.assertEqual(self.read(self.target), b"new")
        self.assertEqual(seen[1], 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.target).st_mode), 0o600)  # a set-uid bit is not for what was fetched

    def test_sources_that_are_no_regular_file_neither_hang_nor_close_anything(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        self.assertStatus(-3, self.uploader().uploadfile("space", "k", pipe))
        with io.open(self.source, "rb") as file:
            for number in (file.fileno(), True):
                self.assertStatus(-3, self.uploader().uploadfile("space", "k", number))
            self.assertEqual(file.read(10), self.data[:10])
        self.assertEqual(self.service.seen, [])

    def test_the_file_of_a_running_upload_may_be_the_target_of_a_download(self):
        self.target = self.source
        self.service.lies = {"get": None}
        self.assertStatus(-1, self.download())
        self.assertEqual(self.read(self.source), self.data)

    def test_plain_http_to_a_public_management_host_is_logged(self):
        log = self.path("log")
        logger.set_log_file(log)
        self.addCleanup(logger.set_log_file, None)
        config.set_default(apiurl="http://api.service.test")
        self.addCleanup(config.unset_default, "apiurl")
        self.manager()
        self.assertIn(b"api.service.test is used without TLS", self.read(log))

    def test_infinite_waits_are_refused(self):
        for value in (float("inf"), float("nan"), -1, 10**400):
            self.assertStatus(-3, self.upload(retryinterval=value))

    def test_a_key_that_looks_like_a_data_url(self):
        for key in ("data:x/y\r\nInjected: z,1", "data:,", "data:a=b", "//h/x.mp4"):
            ret, resp = self.uploader().uploadfile("space", key, self.source, **OPTIONS)
            self.assertEqual(resp.status_code, 200, (key, resp))


class Streams(Hostile):
    def send(self, stream, **options):
        return self.uploader().uploadstream("space", "k", stream, **dict(OPTIONS, **options))

    def test_a_stream_that_uses_its_buffer_again(self):
        data = self.data

        class Reusing(object):
            def __init__(self, give):
                self.bio, self.buffer, self.give = io.BytesIO(data), bytearray(1024), give

            def read(self, size):
                count = self.bio.readinto(self.buffer)  # 1024 divides the block
                return self.give(self.buffer) if count == 1024 else bytes(self.buffer[:count])

        for give in (lambda buffer: buffer, memoryview):
            self.service.parts = {}
            self.assertStatus(200, self.send(Reusing(give)))
            self.assertEqual(self.service.stored(), data)

    def test_whatever_a_stream_raises_is_said(self):
        class Torn(object):
            def read(self, size):
                raise EOFError("the archive ends in the middle")

        resp = self.assertStatus(-3, self.send(Torn()))
        self.assertIn("in the middle", resp.error)


class Interruptions(Hostile):
    def setUp(self):
        super(Interruptions, self).setUp()
        grace = multipart_upload.GRACE
        multipart_upload.GRACE = 0.05
        self.addCleanup(setattr, multipart_upload, "GRACE", grace)

    def test_ctrl_c_while_other_threads_send_loses_no_block_of_a_stream(self):
        for stop_at in (0, 2, 5):
            go, once = threading.Event(), []

            def slow(target, body, go=go, once=once, stop_at=stop_at):
                number = int(re.search("partNumber=([0-9]+)", target).group(1))
                if number >= stop_at and not go.is_set():
                    if not once:
                        once.append(os.kill(os.getpid(), signal.SIGINT))
                    go.wait(1)  # 2.7 may see the signal only when this answer comes
                return self.service.part(target, body)

            self.service.parts, self.service.lies = {}, {"part": slow}
            uploader = self.uploader()
            with self.assertRaises(KeyboardInterrupt):
                uploader.uploadstream("space", "k", io.BytesIO(self.data), **OPTIONS)
            go.set()
            ret, resp = uploader.resumeuploadstream()
            for _ in range(1000):
                if resp.status_code != -1:
                    break
                ret, resp = uploader.resumeuploadstream()
            self.assertEqual(resp.status_code, 200, resp)
            self.assertEqual(self.service.stored(), self.data)

    def test_ctrl_c_in_the_middle_of_a_block_loses_nothing_of_the_stream(self):
        data = self.data

        class Slow(object):
            def __init__(self):
                self.bio, self.reads = io.BytesIO(data), 0

            def read(self, size):
                self.reads += 1
                if self.reads == 30:
                    raise KeyboardInterrupt()
                return self.bio.read(min(size, 5000))

        uploader = self.uploader()
        with self.assertRaises(KeyboardInterrupt):
            uploader.uploadstream("space", "k", Slow(), maxthread=1, **OPTIONS)
        self.assertStatus(200, uploader.resumeuploadstream())
        self.assertEqual(self.service.stored(), data)

    def test_a_file_of_an_earlier_run_that_cannot_be_continued_is_removed(self):
        name = hashlib.sha256(os.path.basename(self.target).encode("ascii") + b"/0").hexdigest()[:32]
        earlier = os.path.join(os.path.dirname(self.target), ".%s.part" % name)
        open(earlier, "wb").close()
        real, failed = os.chmod, []

        def fails(path, mode):
            failed.append(os.path.basename(path))
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        os.chmod = fails
        try:
            self.assertStatus(-3, self.download())
        finally:
            os.chmod = real
        self.assertEqual(failed, [os.path.basename(earlier)])
        self.assertOld()

    def test_an_interrupted_download_leaves_no_file_open(self):
        def interrupt(seconds):
            raise KeyboardInterrupt()

        def opened():
            names = []
            for each in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
                try:
                    names.append(os.readlink("/proc/self/fd/" + each))
                except EnvironmentError:
                    pass  # another thread has closed it
            return [name for name in names if name.startswith(os.path.realpath(self.folder))]

        self.service.lies["get"] = reply(200, b"x" * 10, length=1000)
        downloader = self.downloader()
        carrier_of(downloader).sleep = interrupt
        try:
            downloader.download_file("space", "k", self.target)
        except KeyboardInterrupt as error:
            self.assertEqual(opened(), [], repr(error))  # the error still holds the frames of the call
        else:
            self.fail("it was not interrupted")

    def test_an_error_of_the_caller_stops_the_threads(self):
        class Ended(object):
            @staticmethod
            def shorter(seconds):
                return seconds

            @staticmethod
            def check():
                raise AccessDenied()

        def work():
            while not found.stopped:
                time.sleep(0.001)
            ended.append(True)

        ended = []
        found = workers.Workers(work, Ended(), 60)
        self.assertRaises(AccessDenied, found.run, 2, False)
        self.assertEqual(ended, [True, True])

    def test_threads_that_cannot_be_started_are_done_without(self):
        for most in (0, 1):
            self._upload_with_threads(most)

    def _upload_with_threads(self, most):
        """The system gives the upload so many threads besides the caller's."""
        real, started = threading.Thread.start, []

        def start(thread):
            if thread.name == "transfer":
                started.append(thread)
                if len(started) > most:
                    raise threading.ThreadError("can't start new thread")
            real(thread)

        threading.Thread.start = start
        try:
            self.assertStatus(200, self.upload(maxthread=4))
        finally:
            threading.Thread.start = real
        self.assertEqual(len(started), most + 1)
        self.assertEqual(self.service.stored(), self.data)

    def test_a_refusal_ends_the_waits_of_the_other_threads(self):
        refused = threading.Event()

        def answer(target, body):
            if "partNumber=0" in target:
                refused.set()
                return reply(403)
            refused.wait(240)
            return reply(503)

        self.service.lies = {"part": answer}
        uploader = self.uploader()
        slept = []
        carrier_of(uploader).sleep = slept.append
        self.assertStatus(403, self.upload(uploader, retrycount=50, maxthread=4, retryinterval=0.001))
        self.assertLess(len(slept), 12)

    def test_an_error_waits_for_the_parts_that_other_threads_have_begun(self):
        done, turns = [], ["goes on", "fails"]

        def work():
            if turns.pop() == "fails":
                raise AccessDenied()
            while not found.stopped:
                time.sleep(0.001)
            time.sleep(0.1)
            done.append(found.error)

        found = workers.Workers(work, carrier_of(self.uploader()), 0, patient=True)
        with self.assertRaises(AccessDenied):
            found.run(2, here=True)
        self.assertEqual(done, [found.error])

    def test_a_part_that_comes_late_makes_no_checkpoint(self):
        path = self.path("checkpoint")
        upload = uploads.Upload("space", "k", "id", 65536, 100, "text/plain", None)
        kept = transfer_record.Checkpoint(path, upload)
        transfer_record.remove(path)
        kept.add(0)
        self.assertFalse(os.path.lexists(path))

    def test_a_folder_that_cannot_be_synced_may_have_a_checkpoint(self):
        real, failures = localfile.sync_folder, [errno.EIO, errno.EACCES, errno.EINVAL]

        def fails(folder):
            number = failures.pop()
            raise EnvironmentError(number, os.strerror(number))

        localfile.sync_folder = fails
        try:
            for status in (200, 200, -3):
                self.assertStatus(status, self.upload(checkpoint=self.path("c")))
        finally:
            localfile.sync_folder = real
        self.assertEqual(failures, [])

    def test_a_lost_connection_is_not_hidden_by_a_503_that_was_not_tried_again(self):
        found = workers.Workers(None, None, 0)
        found.fail(NoAnswer())
        found.fail(Unavailable())
        self.assertIsInstance(found.error, NoAnswer)
        found.fail(AccessDenied())
        found.fail(NoAnswer())
        self.assertIsInstance(found.error, AccessDenied)
        found.fail(KeyboardInterrupt())
        found.fail(AccessDenied())
        self.assertIsInstance(found.error, KeyboardInterrupt)

    def test_nothing_is_left_open_after_many_operations(self):
        def opened():
            return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

        self.service.lies = {"part": None}
        uploader, downloader = self.uploader(), self.downloader()

        def some(count):
            for _ in range(count):
                self.assertStatus(-1, self.upload(uploader, retrycount=0, maxthread=2))
                self.assertStatus(-3, uploader.uploadfile("space", "k", self.path("none")))
                uploader.uploadstream("space", "k", io.BytesIO(b"x" * 70000), retrycount=0, **OPTIONS)
                self.service.lies["get"] = reply(200, b"x" * 10, ("ETag", '"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"'))
                self.assertStatus(-2, downloader.download_file("space", "k", self.target))
                self.service.lies["get"] = reply(404)
                self.assertStatus(404, downloader.download_file("space", "k", self.target))

        some(2)
        before = opened(), threading.active_count()
        some(20)
        deadline = time.time() + 60
        while True:  # threads of the service end in their own time
            gc.collect()
            after = opened(), threading.active_count()
            if after[0] <= before[0] + 6 and after[1] <= before[1] + 3:
                return
            self.assertLess(time.time(), deadline, (before, after))
            time.sleep(0.01)

    def test_fork_after_use(self):
        deleter = self.deleter()
        self.assertStatus(204, deleter.deletefile("space", "k"))
        child = os.fork()
        if not child:
            code = 1
            try:
                code = 0 if deleter.deletefile("space", "k")[1].status_code == 204 else 2
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertStatus(204, deleter.deletefile("space", "k"))


class Expired(Hostile):
    def test_a_file_is_not_hashed_again_for_an_object_of_another_size(self):
        self.service.lies = {"finish": None}
        uploader = self.uploader()
        self.assertStatus(-1, self.upload(uploader, checkpoint=self.path("c")))
        read = []
        task = uploader._interrupted[-1][1]
        original = task.source.read
        task.source.read = lambda where: (read.append(where), original(where))[1]
        task.upload.digests.clear()
        gone = reply(404, b'{"RetCode":-148654,"ErrMsg":"upload id not exist"}')
        self.service.lies = {"list": gone, "head": reply(200, b"", ("ETag", '"x"'), length=5), "initiate": None}
        self.assertStatus(-1, uploader.resumeuploadfile())
        self.assertEqual(read, [])
