"""A hostile server against both typed clients: each lie ends in an error, soon, in little memory, at no other host."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from uvideo import AsyncClient, Client, Retry, errors

ONCE = Retry(0, 0.001, 0.002, 1.0, 0.4, 0.8)
SECONDS = patience.SECONDS  # that a call may take on a busy machine
GROWTH = 96 << 20  # bytes
ETAG = 'ETag: "AQAAAKr0xh1dzF6LooKUOFdt-q4ZpzTa"'  # of b"hello"
EVIL = "\x1b[2J\x07\u202eevil\r\nInjected: yes"


class Liar:
    """Answers every request with the same bytes, or with what a generator yields until the connection is cut."""

    def __init__(self) -> None:
        self.answer: bytes | Callable[[], Iterator[bytes]] = b""
        self.requests = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            sock.settimeout(patience.SECONDS)
            held = b""
            try:
                while True:
                    while b"\r\n\r\n" not in held:
                        piece = sock.recv(65536)
                        if not piece:
                            return
                        held += piece
                    head, _, held = held.partition(b"\r\n\r\n")
                    found = re.search(rb"content-length: (\d+)", head.lower())
                    left = int(found[1]) if found else 0
                    while len(held) < left:
                        held += sock.recv(65536)
                    held = held[left:]
                    self.requests += 1
                    if callable(self.answer):
                        for piece in self.answer():
                            sock.sendall(piece)
                        return
                    sock.sendall(self.answer)
            except OSError:
                return

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    made = Liar()
    yield made
    made.close()


@pytest.fixture(scope="module")
def other() -> Iterator[Liar]:
    """Another host, which nobody may be sent to."""
    made = Liar()
    yield made
    made.close()


def reply(status: int, body: bytes, *headers: str, length: str | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *headers]
    if length != "":
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


JSON = "Content-Type: application/json"


def endless_body() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + JSON.encode() + b"\r\n\r\n"
    while True:
        yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def endless_error() -> Iterator[bytes]:
    yield b"HTTP/1.1 500 X\r\nContent-Length: 999999999999\r\n\r\n"
    while True:
        yield b"x" * 65536


def endless_headers() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-A: " + b"b" * 60_000 + b"\r\n"


def endless_status() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 "
    while True:
        yield b"O" * 65536


def endless_interim() -> Iterator[bytes]:
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n" * 100


def slowly() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    for _ in range(200):
        yield b"x"
        time.sleep(0.02)


BOMB = gzip.compress(bytes(64 << 20))
LIES: dict[str, bytes | Callable[[], Iterator[bytes]]] = {
    "nothing": b"",
    "garbage": b"\x16\x03\x01\xff\xfe" * 10,
    "http 0.9": b"hello",
    "a long length": reply(200, b"{}", JSON, length="5"),
    "a huge length": reply(200, b"{}", JSON, length="9" * 18),
    "no number": reply(200, b"{}", JSON, length="ten"),
    "a negative length": reply(200, b"{}", JSON, length="-1"),
    "two lengths": reply(200, b"{}", JSON, "Content-Length: 1"),
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n",
    "a page": reply(200, b"<html>Sign in</html>", "Content-Type: text/html"),
    "not json": reply(200, b"{", JSON),
    "deep json": reply(200, b"[" * 100_000, JSON),
    "json of another kind": reply(200, b"[1,2]", JSON),
    "numbers out of range": reply(200, b'{"RetCode":1e999,"BlkSize":1e400,"UploadId":7,"FileSize":-1}', JSON),
    "a block of a terabyte": reply(200, b'{"UploadId":"u","BlkSize":1099511627776,"Bucket":"space","Key":"k"}', JSON),
    "a block of nothing": reply(200, b'{"UploadId":"u","BlkSize":0,"Bucket":"space","Key":"k"}', JSON),
    "controls in a text": reply(400, json.dumps({"RetCode": -148660, "ErrMsg": EVIL}).encode(), JSON),
    "controls in bytes": reply(403, EVIL.encode() * 1000),
    "an early answer of another": reply(200, b"{}", JSON) + reply(200, b"{}", JSON),
    "a bomb": reply(200, BOMB, JSON, "Content-Encoding: gzip"),
    "a retry after ever": reply(503, b"", "Retry-After: 99999999999"),
    "a cookie": reply(302, b"", "Set-Cookie: a=b", "Location: /"),
    "endless body": endless_body,
    "endless error": endless_error,
    "endless headers": endless_headers,
    "endless status": endless_status,
    "endless interim answers": endless_interim,
    "one byte now and then": slowly,
}
CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "put": lambda client, file: client.put("space", "k", b"hello"),
    "stat": lambda client, file: client.stat("space", "k"),
    "list": lambda client, file: client.list("space"),
    "create_space": lambda client, file: client.create_space("space"),
    "begin_upload": lambda client, file: client.begin_upload("space", "k"),
    "download": lambda client, file: client.download("space", "k", file),
    "get": lambda client, file: client.get("space", "k"),
}


def settings(port: int, file: Path, answers: bool) -> dict[str, Any]:
    """``answers``: every request gets its whole answer, so no timeout is needed; a busy machine would reach it."""
    return {
        "endpoint": f"http://127.0.0.1:{port}",
        "timeout": patience.SECONDS if answers else 0.15,
        "retry": Retry(0) if answers else ONCE,
        "state_dir": str(file.parent / "state"),
        "proxy": "",
    }


def ask(port: int, call: str, file: Path, answers: bool = False) -> None:
    with Client("public", "private-key", **settings(port, file, answers)) as client:
        found = CALLS[call](client, file)
        if call == "list":
            list(found)


def ask_async(port: int, call: str, file: Path, answers: bool = False) -> None:
    async def story() -> None:
        async with AsyncClient("public", "private-key", **settings(port, file, answers)) as client:
            found = CALLS[call](client, file)
            if call == "list":
                [each async for each in found]
            else:
                await found

    asyncio.run(story())


def outcome(way: Callable[..., None], *arguments: Any) -> BaseException | None:
    """What it raised; AssertionError if it takes too long or grows."""
    found: list[BaseException | None] = []

    def run() -> None:
        try:
            way(*arguments)
            found.append(None)
        except BaseException as failure:
            found.append(failure)

    before, thread = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        threading.Thread(target=run, daemon=True),
    )
    thread.start()
    thread.join(SECONDS)
    assert found, (way.__name__, *arguments, "takes too long")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < GROWTH, arguments
    return found[0]


def lied_to(liar: Liar, folder: Path, lie: str, way: Callable[..., None], calls: Iterable[str]) -> None:
    liar.answer, file = LIES[lie], folder / "file"
    for call in calls:
        if call == "get" and lie in ("endless body", "endless error", "a huge length"):
            continue  # what it asks for is all the bytes that there are
        failure = outcome(way, liar.port, call, file)
        if failure is None:
            assert call == "put", (lie, call)  # 200 is all that its answer has to say
            continue
        assert isinstance(failure, errors.UVideoError), (lie, call, failure)
        assert not isinstance(failure, errors.InvalidArgument), (lie, call, failure)
        said = f"{failure} {failure!r}"
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", said), ascii(said)
        assert len(said) < 5000 and "private-key" not in said
        assert not file.exists() and not list(folder.glob("*.part*")), (lie, call)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("way", [ask, ask_async])
def test_a_lie_ends_in_an_error(liar: Liar, tmp_path: Path, lie: str, way: Callable[..., None]) -> None:
    lied_to(liar, tmp_path, lie, way, ("list", "download") if callable(LIES[lie]) else ("put", "list", "download"))


@pytest.mark.soak
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("way", [ask, ask_async])
def test_a_lie_to_every_call_ends_in_an_error(liar: Liar, tmp_path: Path, lie: str, way: Callable[..., None]) -> None:
    lied_to(liar, tmp_path, lie, way, CALLS)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("way", [ask, ask_async])
def test_nobody_is_sent_to_another_host(
    liar: Liar, other: Liar, tmp_path: Path, status: int, way: Callable[..., None]
) -> None:
    for location in (f"http://127.0.0.1:{other.port}/k", f"//127.0.0.1:{other.port}/k", "/elsewhere"):
        liar.answer = reply(status, b"", f"Location: {location}")
        before = liar.requests
        for call in ("put", "list", "download"):
            assert isinstance(outcome(way, liar.port, call, tmp_path / "file", True), errors.UVideoError)
        assert liar.requests - before == 3  # and no step further
    assert other.requests == 0


@pytest.mark.parametrize("way", [ask, ask_async])
def test_a_listing_that_never_ends_is_given_up(liar: Liar, tmp_path: Path, way: Callable[..., None]) -> None:
    """The same marker again and again."""
    page = {
        "Name": "space",
        "Prefix": "",
        "MaxKeys": "1000",
        "Delimiter": "",
        "IsTruncated": True,
        "NextMarker": "a",
        "Contents": [],
        "CommonPrefixes": [],
    }
    liar.answer = reply(200, json.dumps(page).encode(), JSON)
    before = liar.requests
    assert isinstance(outcome(way, liar.port, "list", tmp_path / "file", True), errors.UVideoError)
    assert liar.requests - before < 5


@pytest.mark.parametrize("way", [ask, ask_async])
@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Range: bytes 0-4/5",),
        (ETAG, "Content-Range: bytes 3-4/5"),
        ('ETag: "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"',),
        (ETAG, "Content-Encoding: gzip"),
    ],
    ids=str,
)
def test_other_bytes_than_asked_for_never_get_a_name(
    liar: Liar, tmp_path: Path, headers: tuple[str, ...], way: Callable[..., None]
) -> None:
    for status, body in ((200, b"hellO"), (206, b"hello")):
        liar.answer = reply(status, body, *headers)
        file = tmp_path / "file"
        file.write_bytes(b"old")
        assert isinstance(outcome(way, liar.port, "download", file), errors.UVideoError)
        assert file.read_bytes() == b"old" and [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]
