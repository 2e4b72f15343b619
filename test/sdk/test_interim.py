# -*- coding: utf-8 -*-
"""What comes while a request is sent: answers 1xx go by, the answer ends it, and nothing else does.

The peer's system keeps few bytes, so that the client has to wait while it sends, as on any line but loopback.
"""

from __future__ import absolute_import, division, print_function

import hashlib
import io
import os
import shutil
import ssl
import tempfile
import threading

from ucloud.uvideo import filemanager
from ucloud.uvideo.http import wire

from . import silence
from .case import BLOCK, OPTIONS, PRIVATE_KEY, PUBLIC_KEY, FaultCase, content
from .peer import PEM, answer, context
from .test_transport import Bytes, Case, File

SIZE = 9 * 1024 * 1024  # more than the client's system keeps, and a proxy's
ROOM = 32768
DATA = hashlib.sha256(b"x").digest() * (SIZE // 32)
ETAG = hashlib.sha1(DATA).hexdigest().encode("ascii")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
LINES = ("plain", "tls") + (("tls in tls",) if hasattr(ssl, "MemoryBIO") else ())
BODIES = ("bytes", "sized", "chunked", "file")


class Incoming(object):
    """A request of a Call, of which only the head was read."""

    def __init__(self, call):
        self._call = call
        while b"\r\n\r\n" not in call.data:
            call.more()
        head, _, call.data = call.data.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1").lower()
        self._chunks = wire.Chunks() if "transfer-encoding: chunked" in self.head else None
        self._digest, self._done = hashlib.sha1(), 0

    def _ended(self):
        return self._done >= SIZE if self._chunks is None else self._chunks.ended

    def read(self, size):
        """Take the body up to its byte ``size``, or a little more."""
        while self._done < size and not self._ended():
            if not self._call.data:
                self._call.more()
            data, self._call.data = self._call.data, b""
            data = data if self._chunks is None else self._chunks.feed(data)
            self._done += len(data)
            self._digest.update(data)

    def sha1(self):
        """The SHA-1 of the whole body, in hex."""
        self.read(2 * SIZE)
        return self._digest.hexdigest().encode("ascii")


def piecemeal(call, data, size=7):
    """Send in many segments, that end within lines and between them."""
    for place in range(0, len(data), size):
        call.send(data[place : place + size])


class Sending(Case):
    def line(self, name, talk, timeout=10):
        """(peer, transport, host of the request) on such a line."""
        if name == "plain":
            return self.peer(talk, room=ROOM), self.transport(timeout), None
        peer = self.peer(talk, context(), room=ROOM)
        if name == "tls":
            return peer, self.transport(timeout, authorities=PEM), None

        def tunnel(call):
            call.request()
            call.send(b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 Connection established\r\n\r\n")
            call.tunnel(peer.port)

        proxy = self.peer(tunnel, context(), room=ROOM)
        return peer, self.transport(timeout, authorities=PEM, proxy=proxy.origin), "service.test"

    def body(self, kind):
        if kind == "bytes":
            return DATA
        if kind != "file":
            return Bytes(DATA, kind == "sized")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "body")
        with open(path, "wb") as file:
            file.write(DATA)
        found = File(path)
        self.addCleanup(found.close)
        return found

    def each(self, talk, lines=LINES, bodies=BODIES, **options):
        """(what it is, peer, transport, host, body), for a PUT over every line with every body."""
        for line in lines:
            for kind in bodies:
                peer, pipes, host = self.line(line, talk, **options)
                yield "%s over %s" % (kind, line), peer, pipes, host, self.body(kind)
                pipes.close()
                peer.close()

    def test_an_answer_1xx_changes_nothing(self):
        def talk(call):
            while True:
                incoming = Incoming(call)
                if incoming.head.startswith("put"):
                    piecemeal(call, CONTINUE + HINTS)
                    incoming.read(SIZE // 2)
                    piecemeal(call, HINTS + HINTS[:20])
                    incoming.read(SIZE // 4 * 3)
                    call.send(HINTS[20:])
                    call.send(HINTS + answer(incoming.sha1()))
                else:
                    call.send(CONTINUE + answer(b"again"))

        for name, peer, pipes, host, body in self.each(talk):
            self.assertEqual(pipes.send(self.request(peer, "PUT", host=host), body).body, ETAG, name)
            self.assertEqual(pipes.send(self.request(peer, host=host)).body, b"again", name)
            self.assertEqual(len(peer.calls), 1, name)  # it was carried to its end, so the connection served again

    def test_the_answer_ends_it_at_once(self):
        over = threading.Event()

        def talk(call):
            incoming = Incoming(call)
            incoming.read(SIZE // 8)
            piecemeal(call, HINTS + answer(b"too much", status="413 Too Large"))
            over.wait(240)  # and nobody reads the rest

        for name, peer, pipes, host, body in self.each(talk):
            found = pipes.send(self.request(peer, "PUT", host=host), body)
            self.assertEqual((found.status, found.body), (413, b"too much"), name)
            self.assertEqual(len(pipes.route(self.request(peer, host=host).origin).idle), 0, name)
        over.set()

    def test_the_answer_ends_it_though_somebody_reads_the_rest(self):
        def talk(call):
            Incoming(call)
            call.send(answer(b"no", status="403 Forbidden"))
            while True:
                call.more()
                call.data = b""

        class Endless(object):
            length = None

            @staticmethod
            def read(size=65536):
                return DATA[:65536]

        for line in LINES:
            peer, pipes, host = self.line(line, talk)
            self.assertEqual(pipes.send(self.request(peer, "PUT", host=host), Endless()).status, 403, line)

    def test_an_answer_before_a_reset_is_read(self):
        def talk(call):
            Incoming(call)
            call.send(HINTS + answer(b"no room", status="507 Full"))
            call.reset()

        for name, peer, pipes, host, body in self.each(talk):
            found = pipes.send(self.request(peer, "PUT", host=host), body)
            self.assertEqual((found.status, found.body), (507, b"no room"), name)

    def test_an_answer_after_which_nothing_more_can_be_sent_is_read(self):
        class Late(Bytes):
            """Comes when the peer is gone, which has not read all of what went before."""

            def __init__(self, gone):
                super(Late, self).__init__(DATA)
                self._gone = gone

            def read(self, size=65536):
                if self.sent > 4 * size:
                    self._gone.wait(240)
                return super(Late, self).read(size)

        for line in LINES:
            gone = threading.Event()

            def talk(call, gone=gone):
                Incoming(call)
                call.send(HINTS + answer(b"no room", status="507 Full"))
                call.close()
                gone.set()

            peer, pipes, host = self.line(line, talk)
            found = pipes.send(self.request(peer, "PUT", host=host), Late(gone))
            self.assertEqual((found.status, found.body), (507, b"no room"), line)

    def test_an_end_ends_it(self):
        for end in ("close", "reset"):

            def talk(call, end=end):
                incoming = Incoming(call)
                piecemeal(call, HINTS[:30])
                incoming.read(SIZE // 8)
                getattr(call, end)()

            for _, peer, pipes, host, body in self.each(talk, bodies=("bytes", "file")):
                request = self.request(peer, "PUT", host=host)
                self.assertNoAnswer(pipes, request, "the connection broke", body=body)

    def test_answers_without_end_and_another_protocol_are_no_answer(self):
        over = threading.Event()
        for words in (CONTINUE * 17, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", b"SSH-2.0\r\n"):

            def talk(call, words=words):
                Incoming(call)
                piecemeal(call, words, 50)
                over.wait(240)

            for _, peer, pipes, host, body in self.each(talk, ("plain", "tls"), ("bytes", "chunked", "file")):
                self.assertNoAnswer(pipes, self.request(peer, "PUT", host=host), "is not HTTP", body=body)
        over.set()

    def test_an_answer_1xx_does_not_hide_silence(self):
        over, is_silent = threading.Event(), threading.Event()

        class Held(object):
            """The ports of the connections on which nothing more comes: of all, or of none."""

            def __contains__(self, port):
                return is_silent.is_set()

        def talk(call):
            Incoming(call)
            piecemeal(call, HINTS)
            is_silent.set()
            over.wait(240)

        with silence.told(Held):
            for _, peer, pipes, host, body in self.each(talk, bodies=("bytes", "file"), timeout=240):
                is_silent.clear()
                self.assertNoAnswer(pipes, self.request(peer, "PUT", host=host), "no data for too long", body=body)
        over.set()


class Uploads(FaultCase):
    """Every way to send something to the real server, which says 1xx meanwhile."""

    def test_each_is_stored_and_sent_once(self):
        data = content(2 * BLOCK + 9, 3)
        path, files = self.file(data), self.quick(filemanager.FileManager(PUBLIC_KEY, PRIVATE_KEY))
        hints = {"do": "interim", "times": None}
        late = dict(hints, bytes=BLOCK // 2, statuses=[103] * 9)
        self.faults(
            ({"on": "UploadPart", "part": 0}, hints),
            ({"on": "UploadPart", "part": 1}, late),
            ({"on": "PutObject", "key": "late"}, late),
            ({"on": "PutObject"}, hints),
            ({"on": "FinishUpload"}, hints),
        )
        for key, send in (
            ("parts", lambda key: self.uploader().uploadfile(self.private, key, path, **OPTIONS)),
            ("stream", lambda key: self.uploader().uploadstream(self.private, key, io.BytesIO(data), **OPTIONS)),
            ("put", lambda key: files.putfile(self.private, key, path)),
            ("late", lambda key: files.putfile(self.private, key, path)),
            ("post", lambda key: files.postfile(self.private, key, path)),
            ("chunks", lambda key: files.putstream(self.private, key, iter([data]))),
        ):
            self.assertStatus(200, send(key))
            self.assertEqual(self.stored(self.private, key), data, key)
            self.assertEqual(len(self.seen("UploadPart", key=key)), 3 if key in ("parts", "stream") else 0)
            self.assertEqual(len(self.seen("PutObject", key=key)), 0 if key in ("parts", "stream") else 1)
