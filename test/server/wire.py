"""Requests as bytes over a socket, so that nothing between a test and the server tidies them up."""

from __future__ import annotations

import functools
import http.client
import json
import socket
import uuid
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from test import patience
from ucloud.uvideo.protocol import dialect, etag, management, operation, provider, signature
from ucloud.uvideo.protocol.message import Headers, Response

SECONDS = patience.SECONDS
MIB = 1024 * 1024
BLOCK = 4 * MIB
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for given, value in self.headers if given.lower() == name.lower()]
        assert len(found) <= 1, f"{name} is there twice"
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)

    def refusal(self) -> tuple[int, int, str]:
        """(status, RetCode, ErrMsg); the form of an error is checked as well."""
        assert self.header("Content-Type") == "application/json"
        assert self.header("X-SessionId") and self.header("X-Content-Type-Options") == "nosniff"
        found = self.json()
        assert set(found) == {"RetCode", "ErrMsg"}
        return self.status, found["RetCode"], found["ErrMsg"]


@contextmanager
def connect(port: int):
    with socket.create_connection(("127.0.0.1", port), SECONDS) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def receive(sock: socket.socket, method: str = "GET") -> Answer:
    """Read one answer."""
    response = http.client.HTTPResponse(sock, method=method)
    response.begin()
    body = response.read()
    headers = [(name, value.encode("latin-1").decode("utf-8", "replace")) for name, value in response.getheaders()]
    return Answer(response.status, headers, body)


def exchange(port: int, data: bytes, method: str = "GET") -> Answer:
    """Send bytes on a new connection and read one answer."""
    with connect(port) as sock:
        sock.sendall(data)
        return receive(sock, method)


def head(method: str, target: str | bytes, headers: Iterable[tuple[str, str | bytes]]) -> bytes:
    """The bytes of a request up to its body."""
    lines = [b"%s %s HTTP/1.1" % (method.encode(), target if isinstance(target, bytes) else target.encode())]
    lines += [
        name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) for name, value in headers
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Peer:
    """A client that speaks bytes: ``server`` has port, public_key and private_key."""

    def __init__(self, server: Any) -> None:
        self.port: int = server.port
        self.credentials = signature.Credentials(server.public_key, server.private_key)

    def signed(self, method: str, space: str, key: str, headers: Iterable[tuple[str, str]] = (), **more: Any) -> str:
        return signature.authorization(self.credentials, method, space, key, Headers(headers), **more)

    def send(
        self,
        method: str,
        target: str | bytes,
        headers: Iterable[tuple[str, str | bytes]] = (),
        body: bytes = b"",
        *,
        host: str | None = None,
        framing: bool = True,
    ) -> Answer:
        """A request as it stands; Host and Content-Length are added."""
        pairs = [("Host", host or f"127.0.0.1:{self.port}"), *headers]
        if framing and (body or method in ("PUT", "POST")):
            pairs.append(("Content-Length", str(len(body))))
        return self.exchange(head(method, target, pairs) + body, method)

    def exchange(self, data: bytes, method: str) -> Answer:
        return exchange(self.port, data, method)

    def ask(
        self,
        method: str,
        space: str,
        target: str,
        key: str = "",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        **more: Any,
    ) -> Answer:
        """A signed request of the UFile dialect, the space in the host."""
        pairs = [*headers, ("Authorization", self.signed(method, space, key, headers))]
        return self.send(method, target, pairs, body, host=f"{space}.localhost", **more)

    def call(self, op: Any, body: bytes = b"", *, suffix: str | None = None) -> Answer:
        """An operation, encoded by the core; ``suffix`` ".localhost" for the UFile dialect."""
        request = dialect.encode(op, provider.parse_suffix(suffix or f"127.0.0.1:{self.port}"))
        key = getattr(op, "key", "")
        headers = [*request.headers, ("Authorization", self.signed(request.method, op.space, key, request.headers))]
        host = request.origin.partition("://")[2]
        return self.send(request.method, request.target, headers, request.body or body, host=host)

    def do(self, op: Any, body: bytes = b"", *, suffix: str | None = None) -> Any:
        """The result of an operation; refusals are raised."""
        got = self.call(op, body, suffix=suffix)
        return dialect.decode_result(op, Response(got.status, Headers(got.headers), got.body))

    def manage(self, op: Any, **more: Any) -> Any:
        """The result of a management operation; refusals are raised."""
        request = management.encode(op, "", self.credentials, **more)
        got = self.send(request.method, request.target)
        assert got.status == 200
        return management.decode_result(op, Response(got.status, Headers(got.headers), got.body))

    def begin_put(self, sock: socket.socket, space: str, key: str, size: int) -> None:
        """Send the head of a PUT, and wait until the server asks for the body.

        What a server has not read yet when it is told to stop, it does not answer.
        """
        signed = ("Authorization", self.signed("PUT", space, key))
        pairs = [("Host", f"{space}.x"), signed, ("Content-Length", str(size)), ("Expect", "100-continue")]
        sock.sendall(head("PUT", f"/{key}", pairs))
        assert b"".join(sock.recv(1) for _ in CONTINUE) == CONTINUE

    def space(self, kind: str = "private") -> str:
        """A new space."""
        name = f"t-{uuid.uuid4().hex}"
        self.manage(operation.CreateSpace(name, type=kind))
        return name

    def upload(self, space: str, key: str, data: bytes, mime: str | None = None) -> Any:
        """A whole multipart upload -> Finished."""
        begun = self.do(operation.InitiateUpload(space, key))
        etags = []
        for number, offset in enumerate(range(0, len(data), BLOCK)):
            op = operation.UploadPart(space, key, begun.upload_id, number, mime)
            etags.append(self.do(op, data[offset : offset + BLOCK]).etag)
        return self.do(operation.FinishUpload(space, key, begun.upload_id, tuple(etags)))


def ufile_etag(data: bytes) -> str:
    """UFile's etag of an object with these bytes."""
    tree = etag.Etag()
    tree.update(data)
    return tree.value()


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes that differ at every offset that matters."""
    line = _line(seed, min(8192, size // 8 + 1))
    return (line * (size // len(line) + 1))[:size]


@functools.lru_cache(32)
def _line(seed: int, count: int) -> bytes:
    return b"".join(b"%08x" % (number * 2654435761 + seed & 0xFFFFFFFF) for number in range(count))
