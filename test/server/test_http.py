"""The form of requests: framing, targets, early refusals, connections."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.patience import until
from test.server.inprocess import running
from test.server.wire import BLOCK, MIB, Peer, chunked, connect, exchange, head, pattern, receive
from test.server_fixture import Server
from ucloud.uvideo.protocol import message, operation
from uvideo.server.auth.auth_throttle import Guesses
from uvideo.server.auth.client_address import TrustedProxies
from uvideo.server.http.exchange import Exchange, Watchdog
from uvideo.server.http.rate_limits import Limits
from uvideo.server.limits.memory_budget import FREE


def put_headers(peer: Peer, space: str, key: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [("Host", f"{space}.localhost"), ("Authorization", peer.signed("PUT", space, key)), *more]


# Targets


def test_a_target_in_absolute_form(peer: Peer, space: str) -> None:
    for host in (f"{space}.cn-bj.ufileos.com", f"{space}.cn-bj.ufileos.com:80", f"{space.upper()}.x"):
        signed = [("Host", "proxy"), ("Authorization", peer.signed("PUT", space, "a//b/../c d"))]
        data = head("PUT", f"http://{host}/a//b/../c%20d", [*signed, ("Content-Length", "3")]) + b"abc"
        assert exchange(peer.port, data).status == 200
    assert peer.call(operation.GetObject(space, "a//b/../c d")).body == b"abc"
    given = operation.DescribeSpace(space)
    from ucloud.uvideo.protocol import management

    request = management.encode(given, "", peer.credentials)
    got = peer.send("GET", "http://api.ucloud.cn" + request.target, host="api.ucloud.cn").json()
    assert got["DataSet"][0]["Domain"]["Src"] == [f"{space}.cn-bj.ufileos.com"]
    bare = head("GET", f"http://{space}.x?list", [("Host", "x"), ("Authorization", peer.signed("GET", space, ""))])
    assert exchange(peer.port, bare).json()["BucketName"] == space


def test_the_space_in_the_path(peer: Peer, space: str) -> None:
    signed = [("Authorization", peer.signed("PUT", space, "dir/k"))]
    assert peer.send("PUT", f"/{space}/dir/k", signed, b"x").status == 200
    assert peer.call(operation.GetObject(space, "dir/k")).body == b"x"


def test_an_unknown_space_and_a_target_that_is_none(peer: Peer) -> None:
    assert peer.send("GET", "/k", host="nobody.localhost").refusal() == (400, -30010, "bucket not exist")
    assert peer.send("GET", "/k").refusal()[0] == 400  # the space "127"
    for target in ("*", "k", "/k?x=%zz"):
        got = peer.send("GET", target)
        assert got.refusal()[:2] == (400, -148660), target


@pytest.mark.parametrize("method", ("PATCH", "OPTIONS", "TRACE", "PROPFIND"))
def test_another_method_is_refused(peer: Peer, space: str, method: str) -> None:
    assert peer.ask(method, space, "/k", "k").refusal()[:2] == (400, -148660)


def test_what_is_asked_wrongly_stores_and_changes_nothing(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), b"old")
    queries = (
        "restore",
        "storageClass=",
        "storageClass=X",
        "newFileName=",
        "newFileName=x&force=1",
        "append",
        "tagging",
    )
    for query in (*queries, "append&position=4", "append&position=-1", "acl", "acl&tagging"):
        assert peer.ask("PUT", space, f"/k?{query}", "k", body=b"{}").refusal()[:2] == (400, -148660)
    for source in ("", "/", "/x", f"/{space}", f"/{space}/"):
        copy = [("X-Ufile-Copy-Source", source)]
        assert peer.ask("PUT", space, "/copy", "copy", copy, b"{}").refusal()[:2] == (400, -148660)
    assert peer.ask("POST", space, "/k?opmeta", "k", body=b"{}").refusal()[:2] == (400, -148660)
    assert peer.ask("GET", space, "/").refusal()[:2] == (400, -148660)
    assert peer.call(operation.GetObject(space, "k")).body == b"old"
    assert len(peer.do(operation.ListObjects(space)).objects) == 1


# Framing


def test_requests_that_could_be_read_in_two_ways_are_refused(peer: Peer, space: str) -> None:
    plain = put_headers(peer, space, "k")
    for framing in (
        [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "chunked"), ("Content-Length", "4")],
        [("Content-Length", "4"), ("Content-Length", "5")],
        [("Content-Length", "+4")],
        [("Content-Length", "4, 4")],
        [("Transfer-Encoding", "chunked, gzip")],
        [("Transfer-Encoding", "xchunked")],
    ):
        data = head("PUT", "/k", [*plain, *framing]) + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        got = exchange(peer.port, data)
        assert got.refusal()[:2] == (400, -148660), framing
        assert got.header("Connection") == "close"
    with connect(peer.port) as sock:
        sock.sendall(b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\n")
        assert receive(sock).refusal()[0] == 400
    assert peer.do(operation.ListObjects(space)).objects == ()


def test_a_broken_chunk_is_refused(peer: Peer, space: str) -> None:
    headers = put_headers(peer, space, "k", ("Transfer-Encoding", "chunked"))
    for body in (b"zz\r\nabc\r\n0\r\n\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"):
        assert exchange(peer.port, head("PUT", "/k", headers) + body).refusal()[0] == 400
    assert peer.do(operation.ListObjects(space)).objects == ()


def test_a_head_that_is_too_large_or_no_http(peer: Peer) -> None:
    for data in (
        head("GET", "/k", [("Host", "x"), ("X-Long", "a" * 100_000)]),
        head("GET", "/" + "k" * 100_000, [("Host", "x")]),
        head("GET", "/k", [("Host", "x"), *[(f"X-{number}", "a") for number in range(3000)]]),
        head("GET", "/k", []),  # no Host
        b"\x16\x03\x01 hello TLS\r\n\r\n",
    ):
        assert 400 <= exchange(peer.port, data).refusal()[0] < 500


def test_metadata_up_to_8_kib(peer: Peer, space: str) -> None:
    fits = tuple((f"n{number}", "v" * 95) for number in range(80))
    assert peer.call(operation.PutObject(space, "k", metadata=fits), b"x").status == 200
    assert peer.do(operation.HeadObject(space, "k")).metadata == tuple(sorted(fits))
    for data in ((("n", "v" * 8192),), tuple((f"n{number}", "v" * 101) for number in range(80))):
        assert peer.call(operation.PutObject(space, "k", metadata=data), b"x").refusal()[:2] == (400, -148660)


def test_header_bytes_that_are_not_utf8(peer: Peer, space: str) -> None:
    headers = [("Authorization", peer.signed("PUT", space, "k")), ("X-Ufile-Meta-A", b"\xff\xfe")]
    assert peer.send("PUT", "/k", headers, b"x", host=f"{space}.x").refusal()[:2] == (400, -148660)
    for name in ("Authorization", "Bucket", "Content-Type", "Date", "Range", "X-UCloud-A", "Content-MD5"):
        got = peer.send("PUT", "/k", [(name, b"\xff\xfe"), ("Content-Type", b"a/b")][: 1 + (name == "Date")], b"x")
        assert 400 <= got.refusal()[0] < 500, name


# Expect


def test_a_client_that_waits_is_told_to_go_on_after_the_checks(peer: Peer, space: str) -> None:
    headers = put_headers(peer, space, "k", ("Content-Length", "5"), ("Expect", "100-continue"))
    with connect(peer.port) as sock:
        sock.sendall(head("PUT", "/k", headers))
        assert sock.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert receive(sock).status == 200
        sock.sendall(head("GET", "/k", [("Host", f"{space}.x"), ("Authorization", peer.signed("GET", space, "k"))]))
        assert receive(sock).body == b"hello"


def test_a_client_that_waits_is_refused_without_a_word(peer: Peer, space: str) -> None:
    headers = [("Host", f"{space}.localhost"), ("Content-Length", "5000000000"), ("Expect", "100-continue")]
    got = exchange(peer.port, head("PUT", "/k", headers))
    assert got.refusal()[0] == 401 and got.header("Connection") == "close"


def test_an_empty_expect_is_ignored(peer: Peer, space: str) -> None:
    headers = put_headers(peer, space, "k", ("Content-Length", "5"), ("Expect", ""))
    assert exchange(peer.port, head("PUT", "/k", headers) + b"hello").status == 200


# Refusals and connections


def test_a_refused_part_is_read_to_its_end_so_that_the_client_sees_the_answer(peer: Peer, space: str) -> None:
    headers = [("Host", f"{space}.localhost"), ("Content-Length", str(BLOCK))]
    with connect(peer.port) as sock:
        for _ in range(2):  # and the connection stays
            sock.sendall(head("PUT", "/k?uploadId=x&partNumber=0", headers) + pattern(BLOCK))
            assert receive(sock).refusal()[0] == 401
    data = head("PUT", "/k", [("Host", f"{space}.x"), ("Transfer-Encoding", "chunked")]) + chunked(*[pattern(MIB)] * 6)
    got = exchange(peer.port, data)
    assert got.refusal()[0] == 401 and got.header("Connection") == "close"


def test_a_refused_giant_is_not_read_to_its_end(peer: Peer, space: str) -> None:
    headers = [("Host", f"{space}.localhost"), ("Content-Length", str(1024 * MIB))]
    sent = 0
    with connect(peer.port) as sock:
        sock.sendall(head("PUT", "/k", headers))
        assert receive(sock).refusal()[0] == 401
        with pytest.raises(OSError):
            while sent < 512 * MIB:
                sent += sock.send(pattern(MIB))
    assert sent < 64 * MIB


def test_errors_of_a_head_have_headers_and_no_body(peer: Peer, space: str) -> None:
    with connect(peer.port) as sock:
        for _ in range(2):
            signed = ("Authorization", peer.signed("HEAD", space, "absent"))
            sock.sendall(head("HEAD", "/absent", [("Host", f"{space}.x"), signed]))
            got = receive(sock, "HEAD")
            assert got.status == 404 and got.header("Content-Type") == "application/json"
            assert int(got.header("Content-Length") or 0) > 10 and got.body == b""


def test_a_connection_serves_many_requests_and_pipelined_ones(peer: Peer, space: str) -> None:
    one = head("PUT", "/k", put_headers(peer, space, "k", ("Content-Length", "1"))) + b"x"
    with connect(peer.port) as sock:
        sock.sendall(one * 10)
        for _ in range(10):
            response = receive_one(sock)
            assert response.startswith(b"HTTP/1.1 200 ")


def receive_one(sock: socket.socket) -> bytes:
    """One answer without a body, not a byte more."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += sock.recv(1)
    return data


def test_http_1_0(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), pattern(MIB))
    data = f"GET /k HTTP/1.0\r\nHost: {space}.x\r\nAuthorization: {peer.signed('GET', space, 'k')}\r\n\r\n"
    assert exchange(peer.port, data.encode()).body == pattern(MIB)


def test_no_banner(peer: Peer) -> None:
    for got in (peer.send("GET", "/k"), exchange(peer.port, b"nonsense\r\n\r\n")):
        assert got.header("Server") == "uvideo"


def test_each_answer_has_its_own_session_id(peer: Peer, space: str) -> None:
    ids = {peer.call(operation.HeadObject(space, "k")).header("X-SessionId") for _ in range(5)}
    assert len(ids) == 5 and all(value and str(uuid.UUID(value)) == value for value in ids)
    assert {uuid.UUID(value).version for value in ids} == {4}


# Time


def closed(sock: socket.socket) -> bool:
    """True once the server has closed the connection; a timeout otherwise."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_stalled_clients_are_broken_off(tmp_path: Path) -> None:
    with running(tmp_path, idle=0.3) as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "big"), pattern(32 * MIB))
        upload = peer.do(operation.InitiateUpload(space, "part")).upload_id
        stalled = []
        for target, key, length in (
            ("/k", "k", 10),
            ("/k", "k", 10 * MIB),
            (f"/part?uploadId={upload}&partNumber=0", "part", BLOCK),
        ):
            sock = socket.create_connection(("127.0.0.1", server.port), patience.SECONDS)
            sock.sendall(head("PUT", target, put_headers(peer, space, key, ("Content-Length", str(length)))) + b"abc")
            stalled.append(sock)
        reading = socket.create_connection(("127.0.0.1", server.port), patience.SECONDS)
        signed = ("Authorization", peer.signed("GET", space, "big"))
        reading.sendall(head("GET", "/big", [("Host", f"{space}.x"), signed]))
        assert reading.recv(1000).startswith(b"HTTP/1.1 200")
        begun = time.monotonic()
        for sock in stalled:
            assert closed(sock)
            sock.close()
        assert time.monotonic() - begun < 20
        while server.metrics.counts().in_flight:
            assert time.monotonic() - begun < 30
            time.sleep(0.02)
        reading.close()
        assert [info.key for info in peer.do(operation.ListObjects(space)).objects] == ["big"]


def test_who_sent_while_the_process_stood_still_is_served() -> None:
    """Its bytes are taken a turn of the loop later than the look comes that is late."""

    class Sender:
        waiting, mark, since, owed, before, least_rate = True, None, 0.0, 0.0, None, 0.0
        taken = 0
        taken_at_the_end: int | None = None

        def progress(self) -> tuple[int, int, int]:
            return self.taken, 0, 0

        def abort(self) -> None:
            self.taken_at_the_end = self.taken

        def take(self) -> None:
            self.taken += 1

    async def story() -> None:
        loop, watch, sender = asyncio.get_running_loop(), Watchdog(0.1), Sender()
        watch.active.add(sender)  # type: ignore[arg-type]
        watch.start()
        while sender.mark is None:
            await asyncio.sleep(0.005)
        time.sleep(0.15)
        loop.call_soon(loop.call_soon, sender.take)
        while sender.taken_at_the_end is None:  # it sends nothing more
            await asyncio.sleep(0.005)
        watch.stop()
        assert sender.taken_at_the_end == 1

    asyncio.run(story())


def test_a_slow_client_that_moves_is_served(tmp_path: Path) -> None:
    with running(tmp_path, idle=60, least_rate=0) as server:
        peer = Peer(server)
        space = peer.space()
        with connect(server.port) as sock, connect(server.port) as silent:
            for each in (sock, silent):
                each.sendall(head("PUT", "/k", put_headers(peer, space, "k", ("Content-Length", "8"))))
            silent.sendall(b"x")
            for sent in range(1, 8):
                sock.sendall(b"x")
                until(lambda sent=sent: sent in (each.received for each in server.app.watch.active))  # type: ignore[misc]
                server.later(40)
            assert closed(silent)
            sock.sendall(b"x")
            assert receive(sock).status == 200


def test_a_head_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, keep_alive=0.2) as server:
        for data in (b"", b"GET / HTTP/1.1\r\nHost:"):
            with connect(server.port) as sock:
                sock.sendall(data)
                assert closed(sock)


# What goes wrong inside


class Broken:
    """Blobs whose disk is full, or that fail."""

    def __init__(self, blobs: Any) -> None:
        self._blobs, self.failure = blobs, OSError(0, "")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def writer(self) -> Any:
        raise self.failure


def test_a_full_disk_and_a_failure_are_told_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import errno

    with running(tmp_path, wrap=Broken) as server:
        peer = Peer(server)
        space = peer.space()
        blobs: Any = server.service.blobs
        blobs.failure = OSError(errno.ENOSPC, "secret path")
        assert peer.call(operation.PutObject(space, "k"), pattern(MIB)).refusal() == (503, -148600, "no space left")
        blobs.failure = RuntimeError("secret")
        got = peer.call(operation.PutObject(space, "k"), pattern(MIB))
        assert got.refusal() == (500, -148600, "internal error")
        assert got.header("X-SessionId") in caplog.text and "RuntimeError: secret" in caplog.text
        assert peer.do(operation.ListObjects(space)).objects == ()


def test_nothing_secret_is_logged(server: Server, peer: Peer, space: str) -> None:
    peer.send("GET", "/k?UCloudPublicKey=a&Signature=veryverysecret&Expires=1", host=f"{space}.x")
    peer.send("GET", "/k", [("Authorization", f"UCloud {server.public_key}:veryverysecret")], host=f"{space}.x")
    exchange(peer.port, b"GET / HTTP/1.1\r\nAuthorization: veryverysecret\x01\r\n\r\n")
    said = server.log.read_text()
    assert "veryverysecret" not in said and server.private_key not in said


# Bodies of whoever has not signed

FORM_LIMIT = 1024 * 1024
LONGER, BUSY = f"the body is longer than {FORM_LIMIT} bytes", "too many large requests at once"


def management_body(size: int) -> bytes:
    begin = b"Action=DescribeBucket&Padding="
    return begin + b"x" * (size - len(begin))


def unsigned(peer: Peer, size: int, in_chunks: bool) -> str:
    """What is said to a management call without a signature whose body has this size."""
    fields = [("Content-Type", "application/x-www-form-urlencoded")]
    body = management_body(size)
    if not in_chunks:
        return str(peer.send("POST", "/", fields, body).json()["Message"])
    got = peer.send("POST", "/", [*fields, ("Transfer-Encoding", "chunked")], chunked(body), framing=False)
    return str(got.json()["Message"])


@pytest.mark.parametrize("in_chunks", [False, True])
def test_an_unsigned_body_has_a_limit_to_the_byte(server: Server, peer: Peer, in_chunks: bool) -> None:
    assert unsigned(peer, FORM_LIMIT, in_chunks) != LONGER
    assert unsigned(peer, FORM_LIMIT + 1, in_chunks) == LONGER


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_large_unsigned_body_needs_a_place_and_gives_it_back(tmp_path: Path, in_chunks: bool) -> None:
    with running(tmp_path) as server:
        peer, budget = Peer(server), server.service.memory.others

        def on_loop(work: Callable[[], Any]) -> Any:
            async def run() -> Any:
                return work()

            return asyncio.run_coroutine_threadsafe(run(), server.loop).result(60)

        for _ in range(3):
            assert unsigned(peer, FREE + 1, in_chunks) != BUSY
        assert on_loop(lambda: budget.level.total) == 0
        assert on_loop(lambda: budget.take(budget.size)) == budget.size
        assert unsigned(peer, FREE, in_chunks) != BUSY
        assert unsigned(peer, FREE + 1, in_chunks) == BUSY
        on_loop(lambda: budget.give(3 * FREE))
        for _ in range(3):
            assert unsigned(peer, FREE + 1, in_chunks) != BUSY
        assert on_loop(lambda: budget.level.total) == budget.size - 3 * FREE


def test_what_a_refused_call_sent_is_forgotten_before_its_answer_goes_out(tmp_path: Path) -> None:
    """Without a garbage collection, which may come late: who does not read the answer would hold it for long."""
    held = []

    class Counting(Exchange):
        __slots__ = ()

        async def answer(self, response: message.Response, content: Any = None) -> Any:
            held.append(sys.getallocatedblocks())
            return await super().answer(response, content)

    count, guesses = 100_000, Guesses(1)
    with running(tmp_path, limits=Limits(guesses), proxies=TrustedProxies(["127.0.0.1"])) as server:
        server.app.exchange = Counting
        peer = Peer(server)
        wrong = {"Action": "DescribeBucket", "PublicKey": server.public_key, "Signature": "x"}

        def codes(values: int) -> list[int]:
            guesses.forget()
            bodies = [json.dumps({**given, "a": [""] * values}, separators=(",", ":")) for given in calls]
            kind = [("Content-Type", "application/json")]
            return [peer.send("POST", "/", kind, body.encode()).json()["RetCode"] for body in bodies]

        calls = [{"Action": "x"}, wrong, wrong, wrong]
        few = codes(1)
        assert len(set(few[:2])) == 2
        gc.collect()
        gc.disable()
        try:
            before, held[:] = sys.getallocatedblocks(), []
            assert codes(count) == few
        finally:
            gc.enable()
    assert len(held) == len(calls) and max(held) - before < count / 2
