# -*- coding: utf-8 -*-
"""Ctrl-C at any line of the thread that called: the call comes back, and the next one is answered.

On Python 2.7 it may be between two lines of the locks of threading, which are written in Python: one that stays taken
makes others wait forever.
"""

from __future__ import absolute_import, division, print_function

import io
import os
import threading

from ucloud.uvideo.engine import download_target, multipart_upload, ranged_download, workers
from ucloud.uvideo.http import address, race, wakeup
from ucloud.uvideo.protocol import etag as etags

from .case import OPTIONS
from .hosts import Lookups
from .lines import LOCKS, Lines, source
from .service import BLOCK, Hostile, reply


class AnyLine(Hostile):
    def setUp(self):
        super(AnyLine, self).setUp()
        for module, name in ((multipart_upload, "GRACE"), (ranged_download, "GRACE"), (workers, "LOOK")):
            self.addCleanup(setattr, module, name, getattr(module, name))
            setattr(module, name, 0.01)

    def assertComesBack(self, call, *modules):
        """From each line in turn.  ``call()`` makes its own handler; what it gives is not looked at."""
        files = [LOCKS, source(wakeup)] + [source(each) for each in modules]
        with Lines(files) as lines:
            call()
        broken = 0
        for place in lines.seen:
            try:
                with Lines(files, place):
                    call()
            except KeyboardInterrupt:
                broken += 1
        self.assertGreater(broken, 10)
        self.assertStatus(200, self.upload())

    def test_an_upload_in_threads(self):
        self.data = self.data[: 2 * BLOCK]

        def upload():
            self.service.parts = {}
            uploader = self.uploader()
            try:
                uploader.uploadstream("space", "k", io.BytesIO(self.data), maxthread=2, **OPTIONS)
            finally:
                uploader.resumeuploadstream()
                uploader.close()

        self.assertComesBack(upload, workers)

    def test_a_start_that_hides_it(self):
        """Before the thread runs, and after."""
        real, here = threading.Thread.start, threading.current_thread()
        for runs in (False, True):
            started = []

            def start(thread, runs=runs, started=started):
                if threading.current_thread() is not here or thread.name == "look-up":
                    real(thread)
                    return
                if runs:
                    real(thread)
                    started.append(thread)
                raise threading.ThreadError("release unlocked lock")

            def upload():
                self.upload(maxthread=2)

            threading.Thread.start = start
            try:
                self.assertRaises(KeyboardInterrupt, upload)
            finally:
                threading.Thread.start = real
            for each in started:
                each.join(60)

    def test_a_download(self):
        self.data = self.data[: 2 * BLOCK]  # more would run the same lines
        etag = etags.Etag()
        etag.update(self.data)
        found = ("ETag", '"%s"' % etag.value()), ("Content-Type", "video/mp4")
        self.service.lies = {"get": reply(200, self.data, *found)}

        def download():
            self.download()
            with io.open(self.target, "rb") as file:
                self.assertEqual(file.read(), self.data)

        self.assertComesBack(download, workers, ranged_download, download_target)
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".part")], [])

    def test_a_piece_that_is_hashed_beside(self):
        def hashing():
            found = multipart_upload.Hashing(None)
            try:
                for _ in range(6):
                    found.update(b"x" * 100000)
                found.value()
            finally:
                found.close()

        self.assertComesBack(hashing, multipart_upload)

    def test_a_name_that_is_looked_up(self):
        def look_up():
            with self.assertRaises(address.ConnectError):
                race.Race(60).addresses("a.name.test", 80)

        with Lookups():
            self.assertComesBack(look_up, race, address)
