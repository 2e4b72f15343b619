# -*- coding: utf-8 -*-
"""Carries one request of the state-machine fuzz (test/fuzz) by the SDK's Transport, and says what came of it.

Used in the fuzz's own process, and as a program on Python 2.7: one JSON object a line in, one out.
"""

from __future__ import absolute_import, division, print_function

import base64
import json
import socket
import sys
import tempfile

from ucloud.uvideo.http import pool, wire
from ucloud.uvideo.protocol.errors import NoAnswer
from ucloud.uvideo.protocol.message import Headers, Request

PATTERN = "".join("%04x" % n for n in range(16384)).encode("ascii")


def content(size):
    """Bytes of a request's body: each place differs from those near it."""
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def pieces(case):
    """The pieces in which a body is read."""
    data, step = content(case["size"]), case["step"]
    return [data[at : at + step] for at in range(0, len(data), step)]


class Body(object):
    """A stream.  ``length``: None if it is not known beforehand."""

    def __init__(self, case):
        self._pieces = pieces(case)
        self.length = None if case["body"] == "chunked" else case["size"]

    def read(self, size=65536):
        return self._pieces.pop(0) if self._pieces else b""


class File(object):
    """A file that the system may send itself."""

    def __init__(self, case):
        self.length, self._done, self._step = case["size"], 0, case["step"]
        self._file = tempfile.TemporaryFile()
        self._file.write(content(case["size"]))
        self._file.flush()

    def piece(self):
        left = min(self._step, self.length - self._done)
        return (self._file.fileno(), self._done, left) if left else None

    def moved(self, count):
        self._done += count

    def read(self, size=65536):
        self._file.seek(self._done)
        data = self._file.read(min(self._step, self.length - self._done))
        self._done += len(data)
        return data

    def close(self):
        self._file.close()


def request(case, origin, target="/object"):
    """(Request, body beside it or None)."""
    plain = content(case["size"]) if case["body"] == "bytes" else b""
    beside = {"sized": Body, "chunked": Body, "file": File}.get(case["body"])
    return Request(case["method"], origin, target, Headers(), plain), beside and beside(case)


def sent(case, route):
    """(head, body) as they stand on the wire."""
    made, beside = request(case, route.origin)
    try:
        body, head, chunked = pool.message(route, made, beside)
    finally:
        if hasattr(beside, "close"):
            beside.close()
    if not chunked:
        return head, content(case["size"])
    framed = [before + piece + after for piece in pieces(case) for before, after in [wire.chunk(piece)]]
    return head, b"".join(framed) + wire.LAST_CHUNK


def nothing():
    return {"status": None, "headers": [], "body": b"", "complete": False, "kept": False, "error": None}


def failed(found, error):
    found["error"] = "%s: %s" % (type(error).__name__, error)
    found["sent"], found["stale"] = error.sent, getattr(error, "stale", False)
    return found


def carry(pipes, case, origin):
    """What came of the request: a dict as of ``nothing``.  Only NoAnswer may come out of a Transport."""
    found = nothing()
    made, beside = request(case, origin)
    try:
        if case["read"] == "send":
            response = pipes.send(made, beside)
            found.update(status=response.status, headers=response.headers.pairs, body=response.body, complete=True)
        else:
            stream = pipes.open(made, beside)
            found.update(status=stream.status, headers=stream.headers.pairs)
            try:
                for data in iter(lambda: some(stream, case), b""):
                    found["body"] += data
                found["complete"] = True
            finally:
                stream.close(reuse=found["complete"])
    except NoAnswer as error:
        failed(found, error)
    finally:
        if hasattr(beside, "close"):
            beside.close()
    found["kept"] = len(pipes.route(origin).idle) > 0
    return found


def some(stream, case):
    if case["read"] == "read":
        return stream.read(case["step"])
    buffer = bytearray(case["step"])
    return bytes(buffer[: stream.readinto(memoryview(buffer))])


def plain(pipes, origin, target):
    """The status of the answer to a plain request, or the failure's text."""
    try:
        return pipes.send(Request("GET", origin, target, Headers(), b"")).status
    except NoAnswer as error:
        return "%s" % error


class Small(object):
    """Within: new sockets have buffers of so many bytes; None leaves them as they are."""

    def __init__(self, size):
        self._size, self._real = size, socket.socket

    def __enter__(self):
        def made(*arguments, **options):
            found = self._real(*arguments, **options)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._size)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._size)
            return found

        if self._size is not None:
            socket.socket = made

    def __exit__(self, *_):
        socket.socket = self._real


def main():
    for line in iter(sys.stdin.readline, ""):
        told = json.loads(line)
        case, origin = told["case"], str(told["origin"])
        for name in ("method", "body", "read"):
            case[name] = str(case[name])
        proxy = told["proxy"] and str(told["proxy"])
        pipes = pool.Transport(told["timeout"], authorities=str(told["authorities"]), proxy=proxy)
        with Small(case["buffer"]):
            if case["reused"]:
                answer({"first": plain(pipes, origin, "/first")})
            found = carry(pipes, case, origin)
            found["body"] = base64.b64encode(found["body"]).decode("ascii")
            answer(found)
            while sys.stdin.readline() == "probe\n":
                answer({"probe": plain(pipes, origin, "/probe")})
        pipes.close()
        answer({})


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
