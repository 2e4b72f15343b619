# -*- coding: utf-8 -*-
"""A service in memory that lies as it is told to, and the case whose tests go to it."""

from __future__ import absolute_import, division, print_function

import hashlib
import io
import json
import os
import re
import socket
import threading

from ucloud.uvideo.protocol import etag as etags

from .case import OPTIONS, Case, content

BLOCK = 65536
HTML = u"<html>Welcome! Please log in.</html>".encode("utf-8")


def reply(status, body=b"", *pairs, **options):
    """The bytes of an answer.  ``length``: the Content-Length to claim, None for none."""
    head = [u"HTTP/1.1 %d Whatever" % status, u"Connection: close"]
    length = options.get("length", len(body))
    if length is not None:
        head.append(u"Content-Length: %s" % length)
    head.extend(u"%s: %s" % pair for pair in pairs)
    return u"\r\n".join(head + [u"", u""]).encode("utf-8") + body


def as_json(document, *pairs):
    return reply(200, json.dumps(document).encode("utf-8"), (u"Content-Type", u"application/json"), *pairs)


PORTALS = (
    reply(200, HTML, (u"Content-Type", u"text/html; charset=utf-8")),
    reply(302, HTML, (u"Content-Type", u"text/html"), (u"Location", u"http://10.0.0.1/login")),
    reply(200, b"You are not logged in", (u"Content-Type", u"text/plain")),
)


class Service(object):
    """The data plane in memory for one upload, on a port of its own; ``lies``: operation -> what to answer instead.

    A lie is bytes, a list of bytes to send piece by piece, or a function of (target, body) that gives either; None ends
    the connection without an answer.  "*" stands for every operation.
    """

    def __init__(self, block=BLOCK):
        self.block, self.lies, self.parts, self.seen, self.sent = block, {}, {}, [], 0
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(50)
        self.host = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.daemon = True
        self._thread.start()

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                connection = self._socket.accept()[0]
            except EnvironmentError:
                return
            thread = threading.Thread(target=self._talk, args=(connection,))
            thread.daemon = True
            thread.start()

    def _talk(self, connection):
        try:
            connection.settimeout(240)
            stream = connection.makefile("rb")
            line = stream.readline().decode("latin-1")
            headers, self.headers = {}, []
            for field in iter(stream.readline, b"\r\n"):
                if not field:
                    return
                self.headers.append(field)
                name, _, value = field.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            length = int(headers.get("content-length", 0))
            body = stream.read(length)
            stream.close()
            if len(body) < length:
                return
            method, target, _ = line.split(" ")
            name = self.name(method, target)
            self.seen.append((name, target))
            found = self.lies.get(name, self.lies.get("*", self.honest))
            found = found(target, body) if callable(found) else found
            for piece in [found] if isinstance(found, bytes) else found or ():
                connection.sendall(piece)
                self.sent += len(piece)
            if name != "get":  # a body without length ends with the connection, which must not be reset
                connection.shutdown(socket.SHUT_WR)
        except EnvironmentError:
            pass
        finally:
            connection.close()

    @staticmethod
    def name(method, target):
        if "Action=" in target:
            return "action"
        if "uploadId=" in target:
            return {"PUT": "part", "POST": "finish", "DELETE": "abort", "GET": "list"}[method]
        if "uploads" in target:
            return "initiate"
        return "list" if "muploadpart" in target else method.lower()

    def part(self, target, body):
        number = int(re.search("partNumber=([0-9]+)", target).group(1))
        self.parts[number] = body
        return as_json({"PartNumber": number}, (u"ETag", u'"%s"' % self.part_etag(body)))

    @staticmethod
    def part_etag(body):
        return etags.part_etag(hashlib.sha1(body).digest())

    def stored(self):
        return b"".join([self.parts[number] for number in sorted(self.parts)])

    def listed(self, *more):
        parts = [(number, self.part_etag(body)) for number, body in sorted(self.parts.items())] + list(more)
        return {
            "UploadId": "u",
            "Parts": [{"PartNum": number, "Etag": given, "Size": 1} for number, given in parts],
            "IsTruncated": False,
            "NextPartNumberMarker": 0,
        }

    def honest(self, target, body):
        name = self.seen[-1][0]
        if "uploads" in target:
            return as_json({"UploadId": "u", "BlkSize": self.block, "Bucket": "space", "Key": "k"})
        if "partNumber=" in target:
            return self.part(target, body)
        if name == "finish":
            whole = etags.Etag()
            whole.update(self.stored())
            given = (u"ETag", u'"%s"' % whole.value())
            return as_json({"Bucket": "space", "Key": "k", "FileSize": len(self.stored())}, given)
        if name == "list":
            return as_json(self.listed())
        return reply(204 if name == "delete" else 200)


class Hostile(Case):
    """Everything goes to a Service; no retry waits."""

    @classmethod
    def setUpClass(cls):
        """No real server is needed."""

    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.through = self.service.host
        super(Hostile, self).setUp()
        self.data = content(5 * BLOCK + 77, 21)
        self.source = self.file(self.data)
        self.target = self.path("target")
        with io.open(self.target, "wb") as file:
            file.write(b"old")

    def upload(self, uploader=None, **options):
        return (uploader or self.uploader()).uploadfile("space", "k", self.source, **dict(OPTIONS, **options))

    def download(self, **options):
        return self.downloader().download_file("space", "k", self.target, **options)

    def assertOld(self):
        self.assertEqual(self.read(self.target), b"old")
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".part")], [])
