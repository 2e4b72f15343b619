"""The faults that the other suites rely on: each one is what it says, seen by a real client before a real server."""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from test.faults import Reading, classify
from test.patience import until
from ucloud.uvideo.protocol.message import Headers
from ucloud.uvideo.protocol.operation import UploadPart
from uvideo.testing import faults

PART = "/uvideoUploads/a/b.mp4?uploadId=u-1&partNumber=3"
BUCKET = {"Bucket": "videos"}
MIB = os.urandom(1 << 20)


class Handler(http.server.BaseHTTPRequestHandler):
    """Stores what is PUT under its target, whole bodies only; a POST gets its own body back; /chunked answers so."""

    protocol_version = "HTTP/1.1"
    stored: dict[str, bytes]
    done: list[str]
    heads: list[bytes]

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            length = int(self.headers.get("Content-Length", 0))
            data = self.rfile.read(length)
            if len(data) < length:
                raise ConnectionError("a body cut short")
            return data
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.done.append(f"{self.command} {self.path}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_PUT(self) -> None:
        self.heads.append(bytes(self.headers))
        self.stored[self.path] = self.body()
        self.answer(200, b'{"PartNumber":3}', ETag='"right"')

    def do_POST(self) -> None:
        self.answer(200, self.body())

    def do_DELETE(self) -> None:
        self.answer(204)

    def do_GET(self) -> None:
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n")
        elif self.path == "/close":  # neither length nor chunks: up to the end of the connection
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        else:
            found = self.stored.get(self.path)
            self.answer(404 if found is None else 200, found or b"")

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def upstream(server: Server) -> type[Handler]:
    Handler.stored, Handler.done, Handler.heads = {}, [], []
    return Handler


@pytest.fixture
def proxy(server: Server, upstream: type[Handler]) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", server.server_address[1]) as proxy:
        yield proxy
        start = time.monotonic()
        proxy.close()
        assert time.monotonic() - start < 10  # a pause lasts 30
    assert not [thread for thread in threading.enumerate() if thread.name == "FaultProxy"]


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=patience.SECONDS)
    yield client
    client.close()


def ask(client: http.client.HTTPConnection, method: str, target: str, body: Any = None, **headers: str) -> Any:
    try:
        client.request(method, target, body, {**BUCKET, **headers})
        answer = client.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        client.close()
        raise


def put(client: http.client.HTTPConnection, size: int = 1000) -> int:
    return int(ask(client, "PUT", PART, MIB[:size])[0])


def raw(proxy: FaultProxy, data: bytes, timeout: float = 20) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", proxy.port), timeout)
    sock.sendall(data)
    return sock


def received(sock: socket.socket, close: bool = True, until: bytes | None = None) -> tuple[bytes, str]:
    """All that comes, and how it ends; after ``until`` only silence is awaited."""
    found = b""
    try:
        if until == b"":
            sock.settimeout(0.1)
        while data := sock.recv(65536):
            found += data
            if until is not None and found.endswith(until):
                sock.settimeout(0.1)
    except ConnectionResetError:
        return found, "reset"
    except TimeoutError:
        return found, "nothing more"
    finally:
        if close:
            sock.close()
    return found, "end"


def get(target: str = "/k", extra: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: videos.x\r\n{extra}\r\n".encode()


def command(proxy: FaultProxy, name: str, given: Any = None) -> Any:
    method, path = name.split()
    control = http.client.HTTPConnection(proxy.control.partition("//")[2], timeout=patience.SECONDS)
    control.request(method, path, None if given is None else json.dumps(given))
    answer = control.getresponse()
    found = json.loads(answer.read())
    control.close()
    assert answer.status == (400 if "error" in found else 200)
    return found


# Forwarding


def test_bytes_pass_unchanged_both_ways(proxy, client, upstream):
    assert ask(client, "POST", "/k", MIB) == (200, MIB)
    assert ask(client, "PUT", "/big", MIB)[0] == 200
    assert ask(client, "GET", "/big") == (200, MIB)
    assert upstream.stored == {"/big": MIB}
    assert [seen.body_bytes for seen in proxy.log()] == [len(MIB), len(MIB), 0]
    assert {seen.connection for seen in proxy.log()} == {1}
    assert proxy.log()[2].answer_bytes == len(MIB)


def test_a_chunked_request_passes_unchanged(proxy, client, upstream):
    client.request("PUT", "/k", iter([MIB[:70000], MIB[70000:]]), BUCKET, encode_chunked=True)
    assert client.getresponse().read() == b'{"PartNumber":3}'
    assert upstream.stored["/k"] == MIB
    assert proxy.log()[0].body_bytes == len(MIB)


def test_a_chunked_answer_passes_byte_for_byte(proxy):
    sock = raw(proxy, get("/chunked", "Connection: close\r\n"))
    found, end = received(sock)
    assert found.endswith(b"\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n")
    assert end == "end"


def test_an_answer_without_length_ends_with_its_connection(proxy):
    assert received(raw(proxy, get("/close"))) == (b"HTTP/1.1 200 OK\r\n\r\nall of it", "end")


def test_head_and_204_and_304_have_no_body(proxy, client):
    put(client, 10)
    assert ask(client, "HEAD", PART) == (200, b"")
    assert ask(client, "DELETE", "/k") == (204, b"")
    assert ask(client, "GET", PART) == (200, MIB[:10])


def test_pipelined_requests_are_answered_in_order(proxy):
    sock = raw(
        proxy,
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none" * 2 + get("/chunked", "Connection: close\r\n"),
    )
    found, end = received(sock)
    assert found.count(b"\r\n\r\none") == 2 and found.index(b"hello") > found.rindex(b"one")
    assert end == "end" and len(proxy.log()) == 3


def test_host_and_absolute_targets_are_left_alone(proxy, upstream):
    sock = raw(
        proxy, b"PUT http://videos.x/k HTTP/1.1\r\nhOsT:  Videos.X \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    assert received(sock)[0].startswith(b"HTTP/1.1 200 ")
    assert upstream.done == ["PUT http://videos.x/k"]
    assert b"Videos.X" in upstream.heads[0]
    assert (proxy.log()[0].space, proxy.log()[0].key) == ("videos", "k")


def test_a_client_that_waits_for_100_gets_it(proxy):
    sock = raw(
        proxy, b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
    sock.sendall(b"one")
    assert b"HTTP/1.1 200 " in received(sock)[0]


def test_an_early_answer_reaches_a_client_that_is_still_sending(upstream):
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        sock, _ = listener.accept()
        sock.recv(100)
        sock.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbad")
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            pass
        sock.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    with FaultProxy("127.0.0.1", listener.getsockname()[1]) as proxy:
        sock = raw(proxy, b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + MIB)
        assert received(sock)[0].endswith(b"\r\n\r\nbad")
        sock.close()
    thread.join()
    listener.close()


def test_a_server_that_is_away_resets_and_one_that_comes_back_is_used(proxy, server, client):
    proxy.upstream_address = ("127.0.0.1", 1)
    with pytest.raises(ConnectionError):
        put(client)
    assert proxy.log()[0].error.startswith("upstream")
    command(proxy, "POST /upstream", {"host": "127.0.0.1", "port": server.server_address[1]})
    assert put(client) == 200


# Classification


@pytest.mark.parametrize(
    "method, target, headers, expected",
    [
        ("POST", "/init/uvideoUploads/a%20b?uploads", BUCKET, Reading("InitiateUpload", None, "videos", "a b")),
        ("PUT", PART, BUCKET, Reading("UploadPart", None, "videos", "a/b.mp4", 3, "u-1")),
        ("POST", "/finish/uvideoUploads/k?UploadId=u", BUCKET, Reading("FinishUpload", None, "videos", "k", None, "u")),
        ("DELETE", "/uvideoUploads/k?uploadId=u", BUCKET, Reading("AbortUpload", None, "videos", "k", None, "u")),
        ("DELETE", "/uvideoUploads/k", BUCKET, Reading("DeleteObject", None, "videos", "k")),
        ("GET", "/?list&prefix=a", BUCKET, Reading("ListFiles", None, "videos", "")),
        ("POST", "/k?uploads", {}, Reading("InitiateUpload", None, "space", "k")),
        ("PUT", "/k?partNumber=12&uploadId=u", {}, Reading("UploadPart", None, "space", "k", 12, "u")),
        ("PUT", "http://other.x/k", {}, Reading("PutObject", None, "other", "k")),
        ("HEAD", "/k%2Fl", {}, Reading("HeadObject", None, "space", "k/l")),
        ("GET", "/?muploadpart&uploadId=u", {}, Reading("ListParts", None, "space", "", None, "u")),
        ("GET", "/?Action=CreateBucket&BucketName=b", {}, Reading("CreateSpace", "CreateBucket", "b")),
        ("GET", "/?Action=DescribeVideoSpace", {}, Reading("DescribeSpace", "DescribeVideoSpace")),
        ("GET", "/?Action=DeleteBucket", {}, Reading("DeleteSpace", "DeleteBucket")),
        ("GET", "/?Action=Dance", {}, Reading(faults.UNKNOWN, "Dance")),
        ("PATCH", "/k", {}, Reading(faults.UNKNOWN, None, "space", "k")),
        ("GET", "/%zz", {}, Reading(faults.UNKNOWN)),
        ("GET", "nonsense", {}, Reading(faults.UNKNOWN)),
    ],
)
def test_a_request_is_the_operation_that_the_core_says(method, target, headers, expected):
    assert classify(method, target, Headers([("Host", "Space.x:80"), *headers.items()]))[0] == expected


def test_a_path_style_request_has_two_readings_and_the_known_space_wins(server, upstream):
    with FaultProxy("127.0.0.1", server.server_address[1], spaces={"videos"}) as proxy:
        client = http.client.HTTPConnection("127.0.0.1", proxy.port)
        proxy.on("HeadObject", key="k", space="videos").answer(403)
        client.request("HEAD", "/videos/k")
        assert client.getresponse().status == 403
        assert (proxy.log()[0].space, proxy.log()[0].key) == ("videos", "k")
        client.close()


def test_a_management_call_in_a_body_is_known_by_its_action(proxy, client):
    proxy.on("UpdateBucket").answer(500)
    proxy.on("CreateSpace", space="videos").answer(200, json={"RetCode": 1})
    form = "Action=CreateVideoSpace&SpaceName=videos"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask(client, "POST", "/", form, **kind) == (200, b'{"RetCode":1}')
    assert ask(client, "POST", "/", '{"Action":"UpdateBucket"}', **{"Content-Type": "application/json"})[0] == 500
    assert ask(client, "POST", "/", form, **kind) == (200, form.encode())


# Faults


def test_connections_are_refused_until_it_listens_again(proxy, client):
    assert put(client) == 200
    proxy.stop_listening(drop=True)
    with pytest.raises(ConnectionError):
        put(client)
    with pytest.raises(ConnectionRefusedError):
        put(client)
    proxy.listen_again()
    proxy.listen_again()
    assert put(client) == 200


def test_refuse_resets_the_request_and_refuses_the_next_connection(proxy, client, upstream):
    proxy.on(UploadPart).refuse()
    with pytest.raises(ConnectionResetError):
        put(client)
    with pytest.raises(ConnectionRefusedError):
        put(client)
    proxy.listen_again()
    assert put(client) == 200
    proxy.on(UploadPart).refuse(seconds=0.05)
    with pytest.raises(ConnectionResetError):
        put(client)

    def back() -> bool:
        try:
            return put(client) == 200
        except ConnectionRefusedError:
            return False

    until(back)
    assert len(upstream.done) == 2


def test_the_next_connections_are_dropped(proxy, client):
    proxy.drop_connections(2)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            put(client)
    assert put(client) == 200


@pytest.mark.parametrize("after", [0, 1, 512, 999, 1000])
def test_a_request_is_reset_after_so_many_bytes(proxy, upstream, after):
    proxy.on("UploadPart", part=3).cut_after(after)
    head = f"PUT {PART} HTTP/1.1\r\nHost: x\r\nBucket: videos\r\nContent-Length: 1000\r\n\r\n".encode()
    assert received(raw(proxy, head + MIB[:after])) == (b"", "reset")
    seen = proxy.log()[0]
    assert (seen.operation, seen.part, seen.body_bytes, seen.status) == ("UploadPart", 3, after, None)
    assert seen.fault == f"UploadPart part=3: cut_after(bytes={after})"
    assert upstream.done == []


def test_an_answer_is_reset_or_truncated_after_so_many_bytes(proxy, client):
    ask(client, "PUT", "/k", MIB)
    for after in (0, 1, 300000):
        proxy.on("GetObject", key="k").reset(after).truncate(after)
        for end in ("reset", "end"):
            found, ended = received(raw(proxy, get()))
            assert b"Content-Length: 1048576\r\n" in found
            assert (found.partition(b"\r\n\r\n")[2], ended) == (MIB[:after], end)
    proxy.on("GetObject").truncate(7)
    assert received(raw(proxy, get("/chunked")))[0].endswith(b"\r\n\r\n5;x=y\r\nhello\r\n6\r\n w")


def test_a_silent_server_does_not_even_send_a_head(proxy):
    proxy.on("GetObject").silence()
    assert received(raw(proxy, get()), until=b"") == (b"", "nothing more")


def test_an_answer_of_its_own_does_not_ask_the_server(proxy, client, upstream):
    duplicate = {"RetCode": -1014, "ErrMsg": "put duplicate key error"}
    (
        proxy.on("UploadPart", part=3)
        .answer(500)
        .then(503, times=2)
        .answer(429, headers={"Retry-After": "1"})
        .answer(500, json=duplicate)
        .answer(403, body="<html>no</html>", headers={"Content-Type": "application/json"})
    )
    assert ask(client, "PUT", PART, MIB) == (500, b'{"RetCode":-148600,"ErrMsg":"internal error"}')
    assert [put(client), put(client)] == [503, 503]
    client.request("PUT", PART, MIB, BUCKET)
    answer = client.getresponse()
    assert (answer.status, answer.getheader("Retry-After"), answer.getheader("Content-Type")) == (
        429,
        "1",
        "application/json",
    )
    answer.read()
    assert ask(client, "PUT", PART, b"x") == (500, json.dumps(duplicate, separators=(",", ":")).encode())
    assert ask(client, "PUT", PART, b"x") == (403, b"<html>no</html>")
    assert put(client) == 200
    assert len(upstream.done) == 1
    assert [seen.body_bytes for seen in proxy.log()] == [len(MIB), 1000, 1000, len(MIB), 1, 1, 1000]
    assert [seen.status for seen in proxy.log(part=3)] == [500, 503, 503, 429, 500, 403, 200]
    assert {seen.connection for seen in proxy.log()} == {1}


def test_an_answer_comes_while_the_client_is_still_sending(proxy):
    proxy.on("PutObject").answer(403, read_body=False).answer(403, read_body=False, drain=False)
    head = b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    sock = raw(proxy, head)
    found, end = received(sock, close=False)
    assert found.startswith(b"HTTP/1.1 403 ") and b"Connection: close\r\n" in found and end == "end"
    sock.sendall(MIB)  # taken in
    sock.close()
    found, end = received(raw(proxy, head))
    assert found.startswith(b"HTTP/1.1 403 ")
    assert [seen.body_bytes for seen in proxy.log()] == [0, 0]


def test_answers_1xx_come_before_the_body_has(proxy, upstream):
    proxy.on("UploadPart").interim().interim(5, statuses=[102])
    head = f"PUT {PART} HTTP/1.1\r\nHost: x\r\nBucket: videos\r\nContent-Length: 10\r\n\r\n".encode()
    sock = raw(proxy, head)
    found, _ = received(sock, close=False, until=b"103 Interim\r\nLink: </x>; rel=preload\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 100 Interim\r\n") and found.count(b"HTTP/1.1 ") == 2
    sock.settimeout(patience.SECONDS)
    sock.sendall(b"0123456789" + head + b"01234")
    found, _ = received(sock, close=False, until=b"102 Interim\r\nLink: </x>; rel=preload\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 200 ") and found.count(b"HTTP/1.1 ") == 2
    sock.settimeout(patience.SECONDS)
    sock.sendall(b"56789")
    assert sock.recv(5) == b"HTTP/"
    sock.close()
    assert upstream.stored[PART] == b"0123456789"


def test_an_answer_is_compressed_as_a_proxy_would(proxy, client, upstream):
    upstream.stored["/k"] = MIB
    proxy.on("*").compress().compress(etag='"{}-gzip"')
    client.request("GET", "/k", headers=BUCKET)
    answer = client.getresponse()
    assert gzip.decompress(answer.read()) == MIB and answer.getheader("Content-Encoding") == "gzip"
    client.request("PUT", PART, b"x", BUCKET)
    answer = client.getresponse()
    assert (gzip.decompress(answer.read()), answer.getheader("ETag")) == (b'{"PartNumber":3}', '"right-gzip"')


def test_the_server_does_it_and_the_client_is_told_otherwise(proxy, client, upstream):
    proxy.on("UploadPart").forward_then_answer(500, json={"RetCode": -1014, "ErrMsg": "put duplicate key error"})
    status, body = ask(client, "PUT", PART, MIB)
    assert (status, json.loads(body)["RetCode"]) == (500, -1014)
    assert upstream.stored[PART] == MIB
    assert (proxy.log()[0].status, proxy.log()[0].upstream_status) == (500, 200)
    assert put(client) == 200


@pytest.mark.parametrize("offset", [0, 300000, (1 << 20) - 1])
def test_one_bit_of_a_body_is_flipped(proxy, client, upstream, offset):
    changed = bytearray(MIB)
    changed[offset] ^= 1
    proxy.on("PutObject").flip_request(offset)
    ask(client, "PUT", "/k", MIB)
    assert upstream.stored["/k"] == changed


def test_a_delay_is_short(proxy, client):
    proxy.on().latency(0.05)
    start = time.monotonic()
    assert put(client) == 200
    assert time.monotonic() - start >= 0.05
    with pytest.raises(ValueError, match="at most 0.1 s"):
        proxy.on().latency(1)


@pytest.mark.parametrize(
    "options, bytes_seen, done", [({}, 0, 0), ({"bytes": 400}, 400, 0), ({"answered": True}, 1000, 1)]
)
def test_a_paused_request_goes_on_when_released(proxy, client, upstream, options, bytes_seen, done):
    proxy.on("UploadPart").pause("here", **options)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(put(client)))
    thread.start()
    assert proxy.wait("here")
    assert (proxy.log()[0].body_bytes, len(upstream.done)) == (bytes_seen, done)
    proxy.release("here")
    thread.join(patience.SECONDS)
    assert found == [200]
    assert upstream.stored[PART] == MIB[:1000]


def test_a_paused_request_ends_with_its_client(proxy, upstream):
    proxy.on("UploadPart").pause("here", bytes=400)
    head = f"PUT {PART} HTTP/1.1\r\nContent-Length: 999\r\n\r\n".encode()
    code = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
    code += f"; s.sendall({head!r} + b'x' * 999); s.recv(1)"
    with subprocess.Popen([sys.executable, "-c", code, str(proxy.port)]) as process:
        assert proxy.wait("here")
        process.kill()
    until(lambda: proxy.log()[0].done)
    assert upstream.done == [] and not proxy.wait("here", 0)


# Scripts


def test_the_script_of_the_style_guide(proxy, client):
    proxy.on(UploadPart, part=3).cut_after(512).then(500, times=2)
    with pytest.raises(ConnectionError):
        put(client)
    assert [put(client) for _ in range(3)] == [500, 500, 200]


def test_only_what_matches_is_hit(proxy, client):
    proxy.on("UploadPart", part=4).answer(500)
    proxy.on("UploadPart", key="other").answer(500)
    proxy.on(method="POST").answer(500)
    assert [put(client) for _ in range(2)] == [200, 200]
    left = ["UploadPart part=4", "UploadPart key='other'", "* method='POST'"]
    assert [each["text"].partition(":")[0] for each in proxy.unfired()] == left
    proxy.reset()


def test_a_fault_that_never_fired_fails_the_test(server, upstream):
    with pytest.raises(
        AssertionError, match=r"UploadPart part=3: answer\(status=500.*fired 1 of 2; FinishUpload: lost"
    ):
        with FaultProxy("127.0.0.1", server.server_address[1]) as proxy:
            proxy.on("UploadPart", part=3).answer(500, times=2)
            proxy.on("FinishUpload").lost_answer()
            client = http.client.HTTPConnection("127.0.0.1", proxy.port)
            assert put(client) == 500
            client.close()


@pytest.mark.parametrize("match", [{"operation": "UploadParts"}, {"colour": "red"}, {"nth": 2}])
def test_a_match_that_could_never_be_is_refused(proxy, match):
    with pytest.raises(ValueError):
        proxy.on(**match).flip()


def test_close_ends_what_is_stalled_or_paused(server, upstream):
    proxy = FaultProxy("127.0.0.1", server.server_address[1])
    proxy.on("GetObject").silence().pause("here").stall_after()
    socks = [raw(proxy, get()) for _ in range(3)] + [raw(proxy, b""), raw(proxy, b"PUT /k HT")]
    until(lambda: len(proxy.log()) == 3)
    start = time.monotonic()
    proxy.close()
    assert time.monotonic() - start < 10  # a stall lasts 30
    assert not [thread for thread in threading.enumerate() if thread.name == "FaultProxy"]
    for sock in socks:
        sock.close()
    proxy.check()


# Control


def test_everything_can_be_scripted_over_http(proxy, client):
    busy = {"status": 429, "json": {"RetCode": 1}, "headers": {"Retry-After": "0"}, "times": 2}
    steps = [{"do": "cut_after", "bytes": 512}, {"do": "answer", **busy}, {"do": "pause", "name": "here"}]
    given = [{"on": "UploadPart", "part": 3, **step} for step in steps]
    assert command(proxy, "POST /faults", given) == {}
    with pytest.raises(ConnectionError):
        put(client)
    assert [put(client), put(client)] == [429, 429]
    assert command(proxy, "GET /unfired") == [
        {"text": "UploadPart part=3: pause(name='here')", "happened": 0, "times": 1}
    ]
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(put(client)))
    thread.start()
    assert command(proxy, "POST /wait", {"name": "here"}) == {"paused": True}
    command(proxy, "POST /release", {"name": "here"})
    thread.join(patience.SECONDS)
    assert found == [200]
    log = command(proxy, "GET /log")
    assert [(each["operation"], each["part"], each["status"]) for each in log] == [
        ("UploadPart", 3, status) for status in (None, 429, 429, 200)
    ]
    assert log[0]["headers"]["bucket"] == "videos"
    command(proxy, "POST /stop_listening", {"drop": True})
    client.close()
    with pytest.raises(ConnectionRefusedError):
        put(client)
    command(proxy, "POST /listen_again")
    command(proxy, "POST /drop_connections", {"count": 1})
    with pytest.raises(ConnectionError):
        put(client)
    command(proxy, "POST /reset")
    assert command(proxy, "GET /log") == []
    assert put(client) == 200


@pytest.mark.parametrize(
    "given",
    [
        [{"on": "Nothing", "do": "flip"}],
        [{"do": "wrong_etag"}],
        [{"do": "flip", "nth": 2}],
        [{"do": "flip", "times": 0}],
        [{"on": "UploadPart"}],
        ["flip"],
        {"do": "flip"},
    ],
)
def test_a_wrong_script_is_refused_and_changes_nothing(proxy, client, given):
    proxy.on("UploadPart").answer(500)
    assert "error" in command(proxy, "POST /faults", given)
    assert put(client) == 500


def test_an_unknown_command_is_refused(proxy):
    assert "POST /faults" in command(proxy, "GET /nothing")["error"]


@pytest.mark.parametrize("end", ["input", "SIGTERM"])
def test_it_runs_as_a_process(server, upstream, end):
    started = [sys.executable, "-m", "test.fakes", "--upstream", f"127.0.0.1:{server.server_address[1]}"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(started, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin
        said = json.loads(process.stdout.readline())
        assert sorted(said) == ["control", "endpoint"]
        client = http.client.HTTPConnection(said["endpoint"].partition("//")[2])
        assert put(client) == 200
        client.close()
        if end == "input":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(patience.SECONDS) == 0
