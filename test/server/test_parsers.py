"""What aiohttp's parsers, in C and in Python, make of targets with raw bytes, of pieces and of broken bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from test.server.wire import Answer, Peer, chunked, connect, head, receive
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation
from ucloud.uvideo.protocol.compat import quote_path
from uvideo.server.http.request_heads import Heads

KEY = "目录/é 中+%41?.txt\u2028\x85"
ETAG = "AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"
#: Of a key in a target: host style, path style, absolute, and the header Bucket.
PLACES = ("/{key}", "/{space}/{key}", "http://{space}.localhost/{key}", "/uvideoUploads/{key}")
#: No UTF-8: a stray byte, a cut character, half a surrogate pair, beyond Unicode, an overlong slash.
NO_TEXT = (b"\xff", b"\x80", b"\xc3", b"\xc3(", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf")


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose aiohttp parses in Python."""
    folder = tmp_path_factory.mktemp("pure")
    with start_server(folder, "--no-fsync", env={"AIOHTTP_NO_EXTENSIONS": "1"}) as server:
        assert "_http_parser" not in Path(f"/proc/{server.pid}/maps").read_text()  # the one in C
        yield server
    assert "Traceback" not in (folder / "server.log").read_text()


@pytest.fixture(params=("c", "python"))
def parsed(request: pytest.FixtureRequest, server: Server, pure: Server) -> Peer:
    """A peer of a server with each parser."""
    return Peer(server if request.param == "c" else pure)


def raw(text: str) -> bytes:
    """A key or a value as a target has it, of whose bytes those from 0x80 on are left as they are."""
    return b"".join(bytes([each]) if each >= 0x80 else quote_path(chr(each)).encode() for each in text.encode())


def ask(peer: Peer, place: str, space: str, method: str, key: bytes, body: bytes = b"", signs: str = KEY) -> Answer:
    """A signed request for a key that stands so in its target."""
    target = place.encode().replace(b"{space}", space.encode()).replace(b"{key}", key)
    host = f"127.0.0.1:{peer.port}" if "{space}/" in place else f"{space}.localhost"
    headers = [("Bucket", space)] if place.startswith("/uvideo") else []
    return peer.send(method, target, [*headers, ("Authorization", peer.signed(method, space, signs))], body, host=host)


def answered(stream: IO[bytes]) -> tuple[int, bytes]:
    """(status, body) of the next of several answers."""
    status = int(stream.readline().split()[1])
    found = re.search(rb"(?im)^content-length: (\d+)", b"".join(iter(stream.readline, b"\r\n")))
    assert found
    return status, stream.read(int(found[1]))


@pytest.mark.parametrize("place", PLACES, ids=("host", "path", "absolute", "bucket"))
def test_raw_and_escaped_are_one_key(parsed: Peer, place: str) -> None:
    space, escaped = parsed.space(), quote_path(KEY).encode()
    assert not raw(KEY).isascii() and escaped.isascii()
    for stored, read in ((raw(KEY), escaped), (escaped, raw(KEY)), (raw(KEY), raw(KEY))):
        assert ask(parsed, place, space, "PUT", stored, stored).status == 200
        assert [each.key for each in parsed.do(operation.ListObjects(space)).objects] == [KEY]
        assert ask(parsed, place, space, "GET", read).body == stored
        assert ask(parsed, place, space, "HEAD", read).header("Content-Length") == str(len(stored))
        assert ask(parsed, place, space, "DELETE", read).status == 204
        assert ask(parsed, place, space, "GET", read).status == 404


def test_raw_values_of_a_query(parsed: Peer) -> None:
    space, name = parsed.space(), "é中.txt"

    def do(method: str, target: bytes, key: str = "") -> Answer:
        return parsed.send(
            method, target, [("Authorization", parsed.signed(method, space, key))], host=f"{space}.localhost"
        )

    parsed.do(operation.PutObject(space, "k"), b"hello world")
    hit = f"/uploadhit?Hash={ETAG}&FileSize=11&FileName=".encode()
    assert do("POST", hit + raw(name), name).status == 200
    assert do("PUT", b"/k?force=true&newFileName=" + raw("é/" + name), "k").status == 200
    for query in (b"?list&prefix=\xc3\xa9", b"?listobjects&prefix=%C3\xa9&marker=&delimiter=", b"?list&limit=2&x=\xff"):
        got = do("GET", b"/" + query)
        if query.endswith(b"\xff"):
            assert got.refusal() == (400, -148660, "the query is not percent-encoded UTF-8")
        else:
            found = got.json().get("DataSet") or got.json().get("Contents")
            assert [each.get("FileName") or each["Key"] for each in found] == ["é/" + name, name]
    got = do("GET", b"/" + raw(name) + b"?ufileattname=" + raw(name), name)
    assert got.body == b"hello world" and "%C3%A9%E4%B8%AD.txt" in str(got.header("Content-Disposition"))


@pytest.mark.parametrize("place", PLACES, ids=("host", "path", "absolute", "bucket"))
def test_what_is_no_text_is_refused_as_its_escapes_are(parsed: Peer, place: str) -> None:
    space = parsed.space()
    for data in NO_TEXT:
        escaped = "".join(f"%{each:02X}" for each in data).encode()
        answers = [ask(parsed, place, space, "PUT", b"a" + each + b"b", b"x").refusal() for each in (data, escaped)]
        assert answers[0] == answers[1] == (400, -148660, "the key is not percent-encoded UTF-8"), data
    assert parsed.do(operation.ListObjects(space)).objects == ()


def test_what_no_target_may_have_stays_refused(parsed: Peer) -> None:
    space = parsed.space()
    host = f"{space}.localhost"
    for bad in (b"\x00", b"\t", b"\n", b"\r", b" ", b"\x0b", b"\x1f", b"\x7f"):
        for target in (b"/\xc3\xa9" + bad + b"k", b"/k?list=\xc3\xa9" + bad + b"x", b"/" + bad + b"\xc3\xa9"):
            got = parsed.send("PUT", target, [], b"x", host=host)
            assert got.status == 400, target
    for target in (
        b"\xc3\xa9",
        b"\xc3\xa9://h/k",
        b"http://\xc3\xa9.localhost/k",
        b"http://\xff/k",
        b"http://\xe4\xb8\xad:x/",
    ):
        assert parsed.send("PUT", target, [], b"x", host=host).status == 400, target
    for line in (b"P\xc3\xa9T /k HTTP/1.1", b"PUT /k HTTP/1.\xb1", b"PUT /k \xc3\xa9 HTTP/1.1", b"PUT\xa0/k HTTP/1.1"):
        got = parsed.exchange(line + b"\r\nHost: " + host.encode() + b"\r\nContent-Length: 0\r\n\r\n", "PUT")
        assert got.status == 400, line
    assert parsed.do(operation.ListObjects(space)).objects == ()


def test_a_target_cut_anywhere(parsed: Peer) -> None:
    """The piece before the cut is read by itself: a whole exchange on another connection comes after it."""
    space, other = parsed.space("public"), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    parsed.do(operation.PutObject(space, "é中"), b"bytes")
    request = b"\r\n" + head("GET", b"/\xc3\xa9\xe4\xb8\xad", [("Host", f"{space}.localhost")])
    with connect(parsed.port) as first, connect(parsed.port) as second:
        for at in range(1, request.index(b"Host") + 5):
            first.sendall(request[:at])
            second.sendall(other)
            receive(second)
            first.sendall(request[at:])
            assert receive(first).body == b"bytes", at


@pytest.mark.parametrize("size", (10, 1500, 3500))
def test_more_heads_at_once_than_are_parsed_ahead(parsed: Peer, size: int) -> None:
    space, count = parsed.space("public"), 50
    parsed.do(operation.PutObject(space, "k"), b"bytes")
    wanted = head("GET", "/k", [("Host", f"{space}.localhost"), ("X-Pad", "x" * size)]) * count
    wanted += head("GET", "/k", [("Host", f"{space}.localhost"), ("Connection", "close")])
    with connect(parsed.port) as sock, sock.makefile("rb") as stream:
        sock.sendall(wanted)
        assert stream.read().count(b"HTTP/1.1 200 OK\r\n") == count + 1


def test_heads_and_bodies_that_come_at_once(parsed: Peer) -> None:
    """Nothing of a body is taken for a head, and each head behind one is seen."""
    space = parsed.space("public")
    data = b"\xc3\xa9\r\n\r\nGET /\xc3\xa9 HTTP/1.1\r\n\r\n\xff\r\n\r\n" * 40
    counted, chunks = ("Content-Length", str(len(data))), ("Transfer-Encoding", "chunked")
    sent = []
    for number, framing in enumerate((counted, counted, chunks)):
        key = f"é{number}"
        body = data if framing is counted else chunked(data[:3], data[3:5], data[5:])
        pairs = [("Host", f"{space}.localhost"), ("Authorization", parsed.signed("PUT", space, key)), framing]
        sent.append(("PUT", head("PUT", f"/{key}", pairs) + body))
        target = key if framing is counted else quote_path(key)  # raw bytes behind chunks, in one piece, are refused
        sent.append(("GET", head("GET", f"/{target}", pairs[:1])))
    with connect(parsed.port) as sock:
        sock.sendall(b"".join(each for _, each in sent))
        with sock.makefile("rb") as stream:
            for method, _ in sent:
                assert answered(stream) == (200, data if method == "GET" else b"")


@pytest.mark.parametrize("key", ("k", "é"))
def test_a_head_that_begins_in_one_piece_with_chunks_keeps_its_lines(parsed: Peer, key: str) -> None:
    """Where the body ended is not known there: at most the target is refused."""
    space = parsed.space()
    pairs = [("Host", f"{space}.localhost"), ("Authorization", parsed.signed("PUT", space, "first"))]
    chunks = head("PUT", "/first", [*pairs, ("Transfer-Encoding", "chunked")]) + chunked(b"x")
    pairs = [("X-Ufile-Meta-A", "GET é é"), pairs[0], ("Authorization", parsed.signed("PUT", space, key))]
    behind = head("PUT", f"/{key}", [*pairs, ("Content-Length", "6")]) + "é\r\né".encode()
    for at in range(0, behind.index(b"Host"), 3):
        with connect(parsed.port) as first, connect(parsed.port) as second, first.makefile("rb") as stream:
            first.sendall(chunks + behind[:at])
            second.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            receive(second)
            first.sendall(behind[at:])
            assert answered(stream)[0] == 200
            status, _ = answered(stream)
            assert status == 200 or (status == 400 and key == "é" and at), at
        if status == 200:
            found = parsed.call(operation.GetObject(space, key))
            assert (found.body, found.header("X-Ufile-Meta-a")) == ("é\r\né".encode(), "GET é é"), at


@pytest.mark.parametrize("broken", (b"zz\r\n", b"3\r\nabcdef\r\n", b"-1\r\n\r\n"))
def test_a_body_that_breaks_behind_its_head_is_refused_at_once(parsed: Peer, broken: bytes) -> None:
    space = parsed.space()
    pairs = [("Host", f"{space}.localhost"), ("Authorization", parsed.signed("PUT", space, "k"))]
    with connect(parsed.port) as first, connect(parsed.port) as second:
        first.sendall(head("PUT", "/k", [*pairs, ("Transfer-Encoding", "chunked")]) + b"2\r\nab\r\n")
        second.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # when it is answered, the first piece was read by itself
        receive(second)
        first.sendall(broken)
        assert receive(first, "PUT").refusal() == (400, -148660, "the body is not transferred as its headers say")
        assert first.recv(1) == b""
    assert parsed.do(operation.ListObjects(space)).objects == ()


def test_a_stream_in_any_pieces_is_cut_at_its_ends() -> None:
    stream = b"\r\nGET /\xff?\xc3\xa9 HTTP/1.1\r\nX: \xc3\xa9\r\n\r\nPUT /b HTTP/1.1\r\n\r\n"
    expected = [b"\r\nGET /%FF?%C3%A9 HTTP/1.1\r\nX: \xc3\xa9\r\n\r\n", b"PUT /b HTTP/1.1\r\n\r\n"]
    for size in range(1, len(stream) + 1):
        heads, found = Heads(), [b""]
        for at in range(0, len(stream), size):
            rest = stream[at : at + size]
            while rest:
                piece, rest = heads.cut(rest, 7)
                found[-1] += heads.in_ascii(piece)
                if found[-1].endswith(b"\r\n\r\n"):
                    heads.begin()
                    found.append(b"")
        assert found == [*expected, b""], size


def test_a_long_raw_target_is_refused_and_not_held(parsed: Peer) -> None:
    host = [("Host", "x.localhost")]
    for count in (6000, 70000):
        got = parsed.exchange(head("GET", b"/" + b"\xc3\xa9" * count, host), "GET")
        assert got.refusal() == (400, -148660, "the request is malformed, or its head is too large")
