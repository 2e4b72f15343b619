"""Bytes that no client sends, thrown at a server: refused or cut off, never obeyed twice, and nothing grows."""

from __future__ import annotations

import os
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.patience import SECONDS
from test.server.wire import Peer, connect, head
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation

ROUNDS = int(os.environ.get("UVIDEO_TEST_ROUNDS", "20000"))
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")
GROWTH = 48 << 20  # bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Sound at the end, whatever it was sent."""
    folder = tmp_path_factory.mktemp("hostile") / "data"
    with start_server(folder, "--no-fsync") as started:
        yield started
        said = started.log.read_text()
        assert "Traceback" not in said and "Error" not in said, said[-2000:]
        assert {path.name for path in folder.parent.iterdir()} == {"data"}
        assert {path.name for path in folder.iterdir()} <= {
            *("blobs", "incoming", "quarantine", "credentials.json", "lock", "serving", "server.log"),
            *("catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db-spaces", "catalog.db-reserve", "identity"),
        }


@pytest.fixture(scope="module")
def peer(server: Server) -> Peer:
    return Peer(server)


@pytest.fixture(scope="module")
def space(peer: Peer) -> str:
    return peer.space()


def talk(port: int, data: bytes, *, pieces: int = 1, patience: float = 0.02) -> bytes:
    """Everything that the server says to these bytes: until it closes, or says nothing for so many seconds."""
    said = b""
    with connect(port) as sock:
        sock.settimeout(patience)
        try:
            for at in range(pieces):
                sock.sendall(data[len(data) * at // pieces : len(data) * (at + 1) // pieces])
            while piece := sock.recv(65536):
                said += piece
        except TimeoutError:
            pass
        except ConnectionError:
            return said
        try:
            sock.shutdown(socket.SHUT_WR)  # and that is all there will be: now the server must answer or close
            sock.settimeout(SECONDS)
            while piece := sock.recv(65536):
                said += piece
        except OSError:
            pass
        return said


def statuses(said: bytes) -> list[int]:
    return [int(each) for each in STATUS.findall(said)]


# Two readings of one stream


class Smuggler:
    """A request that hides another, rightly signed one, which must not be obeyed."""

    def __init__(self, peer: Peer, space: str) -> None:
        self.peer, self.space = peer, space
        self.outer = [("Host", f"{space}.x"), ("Authorization", peer.signed("PUT", space, "outer"))]
        inner = [("Host", f"{space}.x"), ("Authorization", peer.signed("PUT", space, "smuggled"))]
        self.inner = head("PUT", "/smuggled", [*inner, ("Content-Length", "3")]) + b"bad"

    def send(self, framing: bytes, body: bytes) -> list[int]:
        first = head("PUT", "/outer", self.outer)[:-2]
        return statuses(talk(self.peer.port, first + framing + b"\r\n" + body.replace(b"<inner>", self.inner)))

    def obeyed(self) -> bool:
        return self.peer.call(operation.HeadObject(self.space, "smuggled")).status != 404


def _both(length: bytes, coding: bytes) -> bytes:
    return b"Content-Length: " + length + b"\r\n" + coding + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
SHAPES = {
    "length and chunks": (_both(b"4", CHUNKED), b"0\r\n\r\n<inner>"),
    "chunks and length": (CHUNKED + b"\r\nContent-Length: 4\r\n", b"0\r\n\r\n<inner>"),
    "length 0 and chunks": (_both(b"0", CHUNKED), b"0\r\n\r\n<inner>"),
    "a blank before the colon": (_both(b"5", b"Transfer-Encoding : chunked"), b"0\r\n\r\n<inner>"),
    "a tab before the word": (_both(b"5", b"Transfer-Encoding:\tchunked"), b"0\r\n\r\n<inner>"),
    "a vertical tab": (_both(b"5", b"Transfer-Encoding: \x0bchunked"), b"0\r\n\r\n<inner>"),
    "an unknown coding": (_both(b"5", b"Transfer-Encoding: xchunked"), b"0\r\n\r\n<inner>"),
    "two codings": (_both(b"5", b"Transfer-Encoding: chunked, identity"), b"0\r\n\r\n<inner>"),
    "the coding twice": (CHUNKED + b"\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n<inner>"),
    "identity": (_both(b"5", b"Transfer-Encoding: identity"), b"0\r\n\r\n<inner>"),
    "a folded line": (_both(b"5", b"X: y\r\n Transfer-Encoding: chunked"), b"0\r\n\r\n<inner>"),
    "a bare line feed": (_both(b"5", b"X: y\nTransfer-Encoding: chunked"), b"0\r\n\r\n<inner>"),
    "a bare return": (_both(b"5", b"X: y\rTransfer-Encoding: chunked"), b"0\r\n\r\n<inner>"),
    "a null": (_both(b"5", b"X: \x00\r\nTransfer-Encoding: chunked"), b"0\r\n\r\n<inner>"),
    "two lengths": (b"Content-Length: 0\r\nContent-Length: 5\r\n", b"<inner>"),
    "a list of lengths": (b"Content-Length: 0, 5\r\n", b"<inner>"),
    "a signed length": (b"Content-Length: +0\r\n", b"<inner>"),
    "a length in hex": (b"Content-Length: 0x0\r\n", b"<inner>"),
    "a length with a line feed": (b"Content-Length: 0\n5\r\n", b"<inner>"),
    "a length with underscores": (b"Content-Length: 1_0\r\n", b"<inner>"),
    "a chunk of negative size": (CHUNKED + b"\r\n", b"-1\r\nx\r\n0\r\n\r\n<inner>"),
    "a chunk size with a sign": (CHUNKED + b"\r\n", b"+1\r\nx\r\n0\r\n\r\n<inner>"),
    "a chunk size with 0x": (CHUNKED + b"\r\n", b"0x1\r\nx\r\n0\r\n\r\n<inner>"),
    "a chunk size with underscores": (CHUNKED + b"\r\n", b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n<inner>"),
    "a chunk size that wraps around": (CHUNKED + b"\r\n", b"10000000000000001\r\nx\r\n0\r\n\r\n<inner>"),
    "a chunk that is longer than it says": (CHUNKED + b"\r\n", b"1\r\nxx\r\n0\r\n\r\n<inner>"),
    "a chunk ended by a line feed": (CHUNKED + b"\r\n", b"1\r\nx\n0\r\n\r\n<inner>"),
    "a chunk size ended by a line feed": (CHUNKED + b"\r\n", b"1;x\nx\r\n0\r\n\r\n<inner>"),
    "an extension with a line feed": (CHUNKED + b"\r\n", b"1;a\nb\r\nx\r\n0\r\n\r\n<inner>"),
    "a blank before the size": (CHUNKED + b"\r\n", b" 1\r\nx\r\n0\r\n\r\n<inner>"),
    "a trailer without its end": (CHUNKED + b"\r\n", b"0\r\nX: y\n\n<inner>"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_hidden_request_is_not_obeyed(peer: Peer, space: str, name: str) -> None:
    smuggler = Smuggler(peer, space)
    found = smuggler.send(*SHAPES[name])
    if smuggler.obeyed():  # then the first must have been whole, by the one reading that there is
        peer.do(operation.DeleteObject(space, "smuggled"))
        assert name in ("a tab before the word",) and found == [200, 200], (name, found)
        return
    assert len(found) <= 2 and all(400 <= status < 500 for status in found[-1:]), (name, found)


# Single shapes


SINGLE = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http 0.9": b"GET /\r\n",
    "http 0.9 with headers": b"GET /k\r\nHost: x\r\n\r\n",
    "http 3": b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    "only blanks": b" " * 4000,
    "only line ends": b"\r\n" * 4000,
    "a long line": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long method": b"G" * 200_000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "a long name": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a" * 200_000 + b": x\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "a head that ends in nothing": b"GET /k HTTP/1.1\r\nHost: x\r\nX",
    "connect": b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n",
    "trace": b"TRACE / HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n",
    "a null method": b"\0 / HTTP/1.1\r\nHost: x\r\n\r\n",
    "two hosts": b"GET /k HTTP/1.1\r\nHost: a.x\r\nHost: b.x\r\n\r\n",
    "a host with a path": b"GET /k HTTP/1.1\r\nHost: ../../etc\r\n\r\n",
    "a host with a user": b"GET /k HTTP/1.1\r\nHost: me@evil\r\n\r\n",
    "an endless host": b"GET /k HTTP/1.1\r\nHost: " + b"a." * 4000 + b"\r\n\r\n",
    "a host in brackets": b"GET /k HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "no host": b"GET /k HTTP/1.1\r\n\r\n",
    "an endless chunk extension": b"PUT /k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    + b"e" * 200_000,
    "a chunk size of many digits": b"PUT /k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000,
    "endless trailers": b"PUT /k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 50_000,
}


@pytest.mark.parametrize("name", SINGLE)
def test_shapes_that_no_client_sends(server: Server, name: str) -> None:
    for pieces in (1, 7):
        found = statuses(talk(server.port, SINGLE[name], pieces=pieces))
        assert len(found) <= 1 and all(400 <= status < 500 for status in found), (name, found)


@pytest.mark.parametrize(
    "key",
    (
        *(
            "../../escape",
            "/../../escape",
            "%2e%2e/%2e%2e/escape",
            "..%2f..%2fescape",
            "..\\..\\escape",
            "a/../../escape",
        ),
        *("\x00escape", "escape\x00.mp4", "./escape", "//escape", "/etc/passwd", "~/.escape", "C:\\escape", "CON"),
        *("\u202egnp.exe", "\ud7ff\ue000", "e\u0301", "\xe9", "a" * 1023, "%", "%zz", "\r\nX: y", "\x7f\x01"),
    ),
    ids=lambda key: ascii(key)[:20],
)
def test_a_key_is_a_name_and_never_a_path(server: Server, peer: Peer, space: str, key: str) -> None:
    """Stored, listed and read back as the very text it is; the folder holds the same kinds of files (the fixture)."""
    for size in (10, 20_000):
        got = peer.call(operation.PutObject(space, key), os.urandom(size))
        assert got.status == 200, (key, got)
        assert peer.call(operation.GetObject(space, key)).header("Content-Length") == str(size)
    assert [info.key for info in peer.do(operation.ListObjects(space, prefix=key, limit=10)).objects] == [key]
    peer.do(operation.DeleteObject(space, key))
    for target in ("/" + key, "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd", "//etc/passwd"):
        raw = target.encode("utf-8", "surrogatepass")
        said = talk(server.port, b"GET " + raw.split(b"\r")[0] + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"root:" not in said and all(400 <= status < 500 for status in statuses(said))


def test_many_requests_in_one_piece_are_answered_in_order(peer: Peer, space: str) -> None:
    wanted = b""
    for number in range(200):
        signed = ("Authorization", peer.signed("PUT", space, f"p{number}"))
        wanted += head("PUT", f"/p{number}", [("Host", f"{space}.x"), signed, ("Content-Length", "1")]) + b"x"
    last = head("GET", "/p0", [("Host", "x"), ("Connection", "close")])
    assert statuses(talk(peer.port, wanted + last, patience=10)) == [200] * 200 + [400]


def test_a_client_that_sends_for_ever_and_never_reads_is_held_back(server: Server, peer: Peer, space: str) -> None:
    """Answers that nobody takes fill no memory: the server stops to read."""
    peer.do(operation.PutObject(space, "big"), bytes(200_000))
    request = head("GET", "/big", [("Host", f"{space}.x"), ("Authorization", peer.signed("GET", space, "big"))])
    before, sent = memory(server.pid), 0
    with connect(server.port) as sock:
        sock.setblocking(False)
        while sent < 64 << 20:
            try:
                sent += sock.send(request * 1000)
            except BlockingIOError:
                if sent:
                    break
        grown = memory(server.pid) - before
    assert grown < GROWTH and 0 < sent < 64 << 20


def memory(pid: int) -> int:
    """Bytes resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


# At random


class Monkey:
    """Requests that were right, with a few things wrong."""

    PIECES = (
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b" ",
            b"\t",
            b":",
            b";",
            b",",
            b"%",
            b"%00",
            b"%ff",
            b"%2f",
            b"/",
            b"..",
            b"?",
            b"&",
        ),
        *(
            b"=",
            b"chunked",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Length: 7\r\n",
            b"Expect: 100-continue\r\n",
            b"Host: x\r\n",
        ),
        *(
            b"0\r\n\r\n",
            b"ffffffffffffffff\r\n",
            b"-1",
            b"9" * 40,
            b"\xff\xfe",
            "é".encode(),
            b"HTTP/1.1",
            b"Range: bytes=0-\r\n",
        ),
        *(
            b"Authorization: UCloud a:b\r\n",
            b"Bucket: x\r\n",
            b"uploadId=",
            b"partNumber=-1&",
            b"{",
            b"[" * 500,
            b"a" * 5000,
        ),
    )

    def __init__(self, peer: Peer, space: str, seed: int) -> None:
        self.dice = random.Random(seed)
        self.seeds = []
        for method, target, key, body in (
            *(
                ("GET", "/k", "k", b""),
                ("PUT", "/k", "k", b"bytes"),
                ("HEAD", "/k", "k", b""),
                ("DELETE", "/k", "k", b""),
            ),
            *(("POST", "/k?uploads", "k", b""), ("PUT", "/k?uploadId=x&partNumber=0", "k", b"part")),
            *(
                ("POST", "/k?uploadId=x", "k", b"a,b"),
                ("GET", "/?list&limit=5", "", b""),
                ("POST", "/", "", b"Action=x&a=b"),
            ),
            *(
                ("POST", "/k?opmeta", "k", b'{"op":"set"}'),
                ("PUT", "/k?tagging", "k", b"{}"),
                ("GET", "/?listobjects", "", b""),
            ),
        ):
            pairs = [("Host", f"{space}.x"), ("Authorization", peer.signed(method, space, key))]
            if body:
                pairs.append(("Content-Length", str(len(body))))
            self.seeds.append(head(method, target, pairs) + body)

    def next(self) -> bytes:
        dice = self.dice
        data = bytearray(dice.choice(self.seeds))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(data) + 1)
            what = dice.randrange(6)
            if what == 0:
                data[at:at] = dice.choice(self.PIECES)
            elif what == 1:
                del data[at : at + dice.randrange(1, 30)]
            elif what == 2 and at < len(data):
                data[at] = dice.randrange(256)
            elif what == 3:
                data[at : at + dice.randrange(10)] = dice.choice(self.PIECES)
            elif what == 4:
                data += dice.choice(self.seeds)
            else:
                start = dice.randrange(len(data) + 1)
                data[at:at] = data[start : start + dice.randrange(60)]
        return bytes(data)


def storm(server: Server, peer: Peer, space: str, count: int, seed: int) -> Counter[int]:
    monkey, found = Monkey(peer, space, seed), Counter[int]()
    for _ in range(count):
        data = monkey.next()
        said = talk(server.port, data, pieces=1 + monkey.dice.randrange(3) // 2, patience=0.01)
        got = statuses(said)
        assert all(status < 500 or status == 503 for status in got), (got, data)
        assert not said or said.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), (said[:100], data)
        found.update(got or [0])
    return found


def steady(server: Server, peer: Peer, space: str, count: int, seed: int) -> Counter[int]:
    """A storm after which the server holds no more than before it."""
    peer.do(operation.PutObject(space, "steady"), b"right")
    storm(server, peer, space, 50, seed + 1)
    before, held = memory(server.pid), descriptors(server.pid)
    found = storm(server, peer, space, count, seed)
    deadline = time.monotonic() + 60
    while descriptors(server.pid) > held and time.monotonic() < deadline:
        time.sleep(0.01)
    assert descriptors(server.pid) <= held
    assert memory(server.pid) - before < GROWTH
    assert peer.call(operation.GetObject(space, "steady")).body == b"right"
    return found


def test_requests_with_a_few_things_wrong(server: Server, peer: Peer, space: str) -> None:
    found = steady(server, peer, space, 600, 20261125)
    assert found[400] > 100 and found[401] > 20 and sum(found.values()) >= 600


@pytest.mark.soak
def test_very_many_requests_with_a_few_things_wrong(server: Server, peer: Peer, space: str) -> None:
    found = steady(server, peer, space, ROUNDS, 1)
    print(f"bad requests: {ROUNDS}, answers {dict(sorted(found.items()))}")
    assert len(found) > 5
