# -*- coding: utf-8 -*-
"""What the SDK's tests share.  They run on Python 2.7 and 3 with nothing but requests, against a real server.

The environment says where: UVIDEO_TEST_ENDPOINT (host:port of the server), UVIDEO_TEST_FAULTS (host:port of a fault
proxy before it), UVIDEO_TEST_CONTROL (host:port of the proxy's control), UVIDEO_TEST_PUBLIC_KEY and _PRIVATE_KEY.
UVIDEO_TEST_SESSION: not empty where everything shall go through a requests.Session.
"""

from __future__ import absolute_import, division, print_function

import hashlib
import io
import json
import os
import shutil
import tempfile
import unittest
import uuid

from ucloud.ufile import config as ufile_config
from ucloud.uvideo import config, deleteuvideo, downloaduvideo, multipartuploaduvideo, spacemanager
from ucloud.uvideo.engine.carrier import carrier_of

from . import silence

try:
    from http.client import HTTPConnection
except ImportError:
    from httplib import HTTPConnection

ENDPOINT = os.environ.get("UVIDEO_TEST_ENDPOINT", "")
FAULTS = os.environ.get("UVIDEO_TEST_FAULTS", "")
CONTROL = os.environ.get("UVIDEO_TEST_CONTROL", "")
PUBLIC_KEY = os.environ.get("UVIDEO_TEST_PUBLIC_KEY", "")
PRIVATE_KEY = os.environ.get("UVIDEO_TEST_PRIVATE_KEY", "")
SESSION = os.environ.get("UVIDEO_TEST_SESSION", "")
if SESSION:
    import requests

    for each in (config.DEFAULTS, ufile_config.DEFAULTS):
        each.set({"session": requests.Session()})
BLOCK = 4194304
OPTIONS = {"retryinterval": 0.001}

KEYS = [
    u"plain.txt",
    u"with blank.txt",
    u"a+b.txt",
    u"100%.txt",
    u"100%25.txt",
    u"what?.txt",
    u"a#b.txt",
    u"a//b.txt",
    u"a/../b/./c.txt",
    u"/leading and trailing/",
    u"uvideoUploads/of all things.mp4",
    u"init/uvideoUploads/x",
    u"视频/中文 文件.mp4",
    u"emoji \U0001f3ac.mp4",
    u"line\nbreak\r\tand tab",
    u"quote\"s and 'these' & <those>=;",
    u"k" * 1023,
]


def content(size, seed=1):
    """Bytes that differ from place to place, so that a block in the wrong place is seen."""
    block = hashlib.sha256(str(seed).encode("ascii")).digest() * 32768  # 1 MiB
    pieces = []
    for number in range(-(-size // len(block))):
        head = ("%16d" % number).encode("ascii")
        pieces.append(head + block[len(head) :])
    return b"".join(pieces)[:size]


def settings_of(handler):
    """The HandlerSettings that a handler has copied, as its pickle holds them."""
    return handler.__getstate__()["settings"]


class Case(unittest.TestCase):
    """One public and one private space for each class, and a folder for each test."""

    through = ENDPOINT

    @classmethod
    def setUpClass(cls):
        config.set_default(uploadsuffix=ENDPOINT, downloadsuffix=ENDPOINT, connection_timeout=20, retries=3)
        manager = spacemanager.BucketManager(PUBLIC_KEY, PRIVATE_KEY)
        cls.public, cls.private = [kind + "-" + uuid.uuid4().hex[:16] for kind in ("public", "private")]
        for name, kind in ((cls.public, "public"), (cls.private, "private")):
            ret, resp = manager.createspace(name, kind)
            assert resp.ok(), resp

    def setUp(self):
        config.set_default(uploadsuffix=self.through, downloadsuffix=self.through, connection_timeout=20, retries=3)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.slept = []

    def directly(self):
        """From now on handlers use connections of their own."""
        if SESSION:
            self.addCleanup(config.set_default, session=config.get_default("session"))
            config.unset_default("session")

    def path(self, name=None):
        return os.path.join(self.folder, name or uuid.uuid4().hex)

    def file(self, data):
        path = self.path()
        with io.open(path, "wb") as file:
            file.write(data)
        return path

    def read(self, path):
        with io.open(path, "rb") as file:
            return file.read()

    def quick(self, handler):
        """The handler, which notes its waits instead of waiting."""
        carrier_of(handler).sleep = self.slept.append
        return handler

    def uploader(self, public_key=PUBLIC_KEY, private_key=PRIVATE_KEY):
        return self.quick(multipartuploaduvideo.MultipartUploadUVideo(public_key, private_key))

    def downloader(self, public_key=PUBLIC_KEY, private_key=PRIVATE_KEY):
        return self.quick(downloaduvideo.DownloadUVideo(public_key, private_key))

    def deleter(self, public_key=PUBLIC_KEY, private_key=PRIVATE_KEY):
        return self.quick(deleteuvideo.DeleteUVideo(public_key, private_key))

    def manager(self, public_key=PUBLIC_KEY, private_key=PRIVATE_KEY):
        return self.quick(spacemanager.BucketManager(public_key, private_key))

    def stored(self, space, key):
        """The object's bytes, read past any fault; None if there is none."""
        config.set_default(uploadsuffix=ENDPOINT, downloadsuffix=ENDPOINT, connection_timeout=20)
        try:
            target = self.path()
            ret, resp = self.downloader().download_file(space, key, target)
        finally:
            config.set_default(uploadsuffix=self.through, downloadsuffix=self.through)
        if resp.status_code == 404:
            return None
        self.assertEqual(resp.status_code, 200, resp)
        return self.read(target)

    def put(self, space, key, data):
        """Store an object past any fault."""
        config.set_default(uploadsuffix=ENDPOINT, downloadsuffix=ENDPOINT)
        try:
            ret, resp = self.uploader().uploadfile(space, key, self.file(data))
        finally:
            config.set_default(uploadsuffix=self.through, downloadsuffix=self.through)
        self.assertEqual(resp.status_code, 200, resp)
        return resp

    def assertStatus(self, status, answer):
        ret, resp = answer
        self.assertEqual(resp.status_code, status, resp)
        if status not in (200, 204, 206):
            self.assertTrue(resp.error, "no error text")
            self.assertFalse(resp.ok())
        else:
            self.assertIsNone(resp.error)
            self.assertTrue(resp.ok())
        return resp


class FaultCase(Case):
    """Tests before which faults are scripted; each fails if one of its faults never fired."""

    through = FAULTS

    def setUp(self):
        super(FaultCase, self).setUp()
        self.control("POST", "/reset", {})

    def control(self, method, path, body=None):
        connection = HTTPConnection(CONTROL, timeout=240)
        try:
            data = json.dumps(body) if body is not None else None
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            self.assertTrue(200 <= answer.status < 300, text)
            return json.loads(text) if text else None
        finally:
            connection.close()

    def faults(self, *scripts):
        """Script faults: (match, step, step...), where match is a dict and each step a dict."""
        self.control("POST", "/faults", [dict(script[0], **step) for script in scripts for step in script[1:]])
        self.addCleanup(self.fired)

    def silence(self):
        """In force: what the proxy holds counts as silent for too long."""
        return silence.told(lambda: self.control("GET", "/held"))

    def fired(self):
        self.assertEqual(self.control("GET", "/unfired"), [], "faults that never fired")

    def seen(self, operation=None, **fields):
        """The requests that the proxy saw, of one operation."""
        log = self.control("GET", "/log")
        found = [entry for entry in log if operation is None or entry["operation"] == operation]
        return [entry for entry in found if all(entry[name] == value for name, value in fields.items())]
