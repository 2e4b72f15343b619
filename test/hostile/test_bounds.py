"""What somebody without a key may hold: heads, bodies, connections, lists; on both ports."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.cluster.program import until
from test.hostile.test_sockets import memory, statuses, talk
from test.namespace import ADDRESS, OTHER, alone, inside
from test.server.test_monitoring import asked
from test.server.wire import BLOCK, Peer, connect, head, pattern, receive
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import errors, etag, operation
from ucloud.uvideo.protocol.field import STORED_COUNT
from uvideo.server.http.connection import HEAD_LIMIT, LARGE_HEADS, SMALL_HEAD

MIB = 1 << 20
MOST_METADATA = STORED_COUNT - len(operation.KEPT)  # beside all that can be kept


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("bounds"), "--no-fsync") as started:
        yield started
        assert "Traceback" not in started.log.read_text()


@pytest.fixture(scope="module")
def peer(server: Server) -> Peer:
    return Peer(server)


@pytest.fixture(scope="module")
def space(peer: Peer) -> str:
    return peer.space()


@pytest.fixture(params=("data", "admin"))
def port(request: pytest.FixtureRequest, server: Server) -> int:
    return server.port if request.param == "data" else server.admin_port


def of_size(size: int, end: bytes = b"\r\n") -> bytes:
    """A head of so many bytes, in fields of at most 1,000.  The connection ends with its answer."""
    made = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    while len(made) + len(end) < size:
        line = b"X-Some: " + b"a" * min(990, max(1, size - len(made) - len(end) - 10)) + b"\r\n"
        made += line
    return made + end


# Heads


def test_a_whole_head_has_its_limit(port: int) -> None:
    assert b"too large" not in talk(port, of_size(HEAD_LIMIT - 2000), patience=60)
    said = talk(port, of_size(HEAD_LIMIT + 2000), patience=60)
    assert statuses(said) == [400] and b"its head is too large" in said


def test_half_a_head_has_the_same_limit(port: int) -> None:
    with connect(port) as sock:
        with contextlib.suppress(ConnectionError):  # it may be cut off while we still send
            for at in range(0, 4 * HEAD_LIMIT, 1000):
                sock.sendall((b"GET / HTTP/1.1\r\n" if not at else b"") + b"X: " + b"a" * 995 + b"\r\n")
        sock.settimeout(patience.SECONDS)
        with contextlib.suppress(ConnectionError):
            while sock.recv(65536):
                pass


@pytest.mark.parametrize(
    ("line", "more"),
    ((b"CONNECT a:80", b"Content-Length: 1000000000"), (b"GET /", b"Connection: upgrade\r\nUpgrade: websocket")),
    ids=("connect", "upgrade"),
)
def test_what_comes_behind_a_request_without_a_body_is_a_head(port: int, line: bytes, more: bytes) -> None:
    """Whatever length it says: the parser takes no body of a CONNECT."""
    with connect(port) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(line + b" HTTP/1.1\r\nHost: a:80\r\n" + more + b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n")
            for number in range(20):
                sock.sendall(b"X-%d: " % number + b"a" * 16000 + b"\r\n")
        sock.settimeout(patience.SECONDS)
        with contextlib.suppress(ConnectionError):
            while sock.recv(65536):
                pass


def test_heads_that_were_sent_ahead_have_a_limit_too(server: Server, peer: Peer, space: str) -> None:
    """While one request is answered, others can be sent behind it; they are not kept in any number."""
    signed = ("Authorization", peer.signed("PUT", space, "slow"))
    first = head("PUT", "/slow", [("Host", f"{space}.x"), signed, ("Content-Length", "4")])
    before = memory(server.pid)
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            sock = stack.enter_context(connect(server.port))
            sock.settimeout(5)
            with contextlib.suppress(ConnectionError, TimeoutError):
                sock.sendall(first + b"ab" + b"cd" + of_size(SMALL_HEAD) * 20)
        assert memory(server.pid) - before < 40 * 4 * HEAD_LIMIT


def test_only_some_connections_hold_large_heads(server: Server, port: int) -> None:
    large = of_size(2 * SMALL_HEAD, b"")

    def begun(stack: contextlib.ExitStack) -> socket.socket:
        sock = stack.enter_context(connect(port))
        sock.sendall(large)
        return sock

    with contextlib.ExitStack() as stack:
        held = [begun(stack) for _ in range(LARGE_HEADS)]
        refused: list[bytes] = []
        deadline = time.monotonic() + 60
        while not refused and time.monotonic() < deadline:  # once the server has read all of them
            another = begun(stack)
            if select.select([another], [], [], 0.2)[0]:
                refused.append(another.recv(65536))
            else:
                held.append(another)
        assert statuses(refused[0]) == [503] and b"too many large requests at once" in refused[0]
        assert statuses(talk(port, of_size(1000), patience=60)) != []  # small ones are answered
        for sock in held:
            sock.close()
    deadline, found = time.monotonic() + 60, [503]
    while found == [503] and time.monotonic() < deadline:
        found = statuses(talk(port, large + b"\r\n", patience=60))
    assert found != [503]


def test_a_head_in_single_bytes_is_read(port: int) -> None:
    with connect(port) as sock:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
            sock.sendall(bytes((byte,)))
        assert receive(sock).status in (200, 400, 401, 404)


# Bodies


def test_a_body_has_a_least_rate(tmp_path: Path) -> None:
    """One byte now and then keeps no connection: on both ports, and whoever asks."""
    with start_server(tmp_path, "--no-fsync", "--idle", "0.4", "--least-rate", "100000") as server:
        peer = Peer(server)
        space = peer.space()
        signed = ("Authorization", peer.signed("PUT", space, "k"))
        put = head("PUT", "/k", [("Host", f"{space}.x"), signed, ("Content-Length", "100000")])
        call = head("POST", "/", [("Host", "x"), ("Content-Length", "100000")])
        for request in (put, call):
            with connect(server.port) as sock:
                sock.sendall(request)
                assert until_broken(sock)
        assert peer.call(operation.HeadObject(space, "k")).status == 404


@pytest.mark.long
def test_a_body_that_is_fast_at_first_may_rest(tmp_path: Path) -> None:
    """The rate is that of the whole body; what rests for longer than --idle is broken off all the same."""
    with start_server(tmp_path, "--no-fsync", "--idle", "2", "--least-rate", "100") as server:
        peer, data = Peer(server), pattern(MIB)
        space = peer.space()
        signed = ("Authorization", peer.signed("PUT", space, "k"))
        with connect(server.port) as sock:
            sock.sendall(head("PUT", "/k", [("Host", f"{space}.x"), signed, ("Content-Length", str(MIB))]))
            sock.sendall(data[:-20])
            for at in range(20):
                sock.sendall(data[MIB - 20 + at : MIB - 19 + at])
                time.sleep(0.15)
            assert receive(sock, "PUT").status == 200


def until_broken(sock: socket.socket) -> bool:
    """Send a byte now and then until the server has ended the connection."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            sock.sendall(b"x")
            if select.select([sock], [], [], 0.1)[0]:
                return not sock.recv(1)
        except ConnectionError:
            return True
    return False


def test_who_asks_much_and_leaves_makes_no_traceback(server: Server, peer: Peer, space: str) -> None:
    """While one object is sent the connection ends, and the next request that was sent ahead has its turn."""
    peer.do(operation.PutObject(space, "public", acl="public-read"), bytes(200_000))
    request = head("GET", "/public", [("Host", f"{space}.localhost")]) * 40
    for _ in range(100):
        with connect(server.port) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(request)
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert until(lambda: "uvideo_requests_in_flight 0\n" in asked(server, "/metrics")[1], 60)
    assert "Traceback" not in server.log.read_text()


# Connections

CROWD = """
import json, socket, sys, time
host, port, count, source = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
held, said = [], []
for _ in range(count):
    sock = socket.create_connection((host, port), 20, source_address=(source, 0))
    sock.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    said.append(sock.recv(4096).decode().partition("\\r\\n")[0].split()[1])
    held.append(sock)
for sock in held:
    sock.close()
print(json.dumps(said))
"""


def test_connections_of_one_address_are_limited(tmp_path: Path) -> None:
    """On both ports; those of this machine itself are not, as a proxy stands for many."""
    options = ("--no-fsync", "--connections-per-address", "4")
    with start_server(tmp_path, "--host", "0.0.0.0", "--admin-host", "0.0.0.0", *options, command=alone()) as server:
        for port in (server.port, server.admin_port):
            for host, source in ((ADDRESS, ADDRESS), (ADDRESS, OTHER)):
                said = inside(server.pid, CROWD, host, str(port), "6", source)
                assert said[4:] == ["503", "503"] and "503" not in said[:4]
            assert "503" not in inside(server.pid, CROWD, "127.0.0.1", str(port), "8", "127.0.0.1")


# Lists and headers


def test_the_list_of_a_finish_is_as_long_as_its_parts(server: Server, peer: Peer, space: str) -> None:
    data = pattern(BLOCK + 5)
    upload = peer.do(operation.InitiateUpload(space, "f")).upload_id
    for number, part in enumerate((data[:BLOCK], data[BLOCK:])):
        peer.do(operation.UploadPart(space, "f", upload, number), part)
    names = tuple(etag.part_etag(etag.block_digest(part)) for part in (data[:BLOCK], data[BLOCK:]))
    with pytest.raises(errors.InvalidPartList):
        peer.do(operation.FinishUpload(space, "f", upload, names * 1000))
    with pytest.raises(errors.UploadNotFound):
        peer.do(operation.FinishUpload(space, "f", "none", names * 1000))
    peer.do(operation.FinishUpload(space, "f", upload, tuple(f'  "{name}"  ' for name in names)))
    assert peer.call(operation.GetObject(space, "f")).body == data


def test_who_may_not_finish_is_told_so_before_the_list_is_read(server: Server, peer: Peer, space: str) -> None:
    upload = peer.do(operation.InitiateUpload(space, "t")).upload_id
    token = peer.manage(operation.CreateToken("reads", ("TOKEN_ALLOW_READ",)))
    reader = Peer(server)
    reader.credentials = peer.credentials._replace(public_key=token.public_key, private_key=token.private_key)
    signed = ("Authorization", reader.signed("POST", space, "t"))
    pairs = [("Host", f"{space}.x"), signed, ("Content-Length", str(50 * MIB))]
    with connect(server.port) as sock:
        sock.sendall(head("POST", f"/t?uploadId={upload}", pairs))
        assert receive(sock, "POST").status == 403


@pytest.mark.parametrize("way", ("put", "initiate", "form", "copy", "finish"))
def test_no_object_gets_more_headers_than_a_client_can_read(peer: Peer, space: str, way: str) -> None:
    """http.client reads 99 headers of an answer; what has more could never be read back."""
    ask = WAYS[way]
    peer.do(operation.PutObject(space, "source"), b"x")
    got = ask(peer, space, f"{way}/many", STORED_COUNT + 1)
    assert got.refusal()[2] == f"metadata and kept headers are more than {STORED_COUNT}"
    assert peer.call(operation.HeadObject(space, f"{way}/many")).status == 404
    got = ask(peer, space, f"{way}/most", MOST_METADATA)
    assert got.status == 200, got
    if way == "initiate":
        upload = got.json()["UploadId"]
        peer.do(operation.FinishUpload(space, f"{way}/most", upload, ()))
    found = peer.call(operation.GetObject(space, f"{way}/most"))
    assert sum(name.lower().startswith("x-ufile-meta-") for name, _ in found.headers) == MOST_METADATA


def test_the_longest_answer_can_be_read(peer: Peer, space: str) -> None:
    """All that may stand in one: a range, what is kept, and a connection that ends."""
    op = operation.PutObject(space, "all", metadata=many(MOST_METADATA), headers=KEPT, storage_class="ARCHIVE")
    peer.do(op, b"xyz")
    peer.do(operation.RestoreObject(space, "all"))
    signed = ("Authorization", peer.signed("GET", space, "all"))
    pairs = [signed, ("Range", "bytes=0-0"), ("Connection", "close")]
    got = peer.send("GET", "/all", pairs, host=f"{space}.localhost")
    assert got.status == 206 and len(got.headers) <= 99
    assert got.header("Content-Range") and got.header("X-Ufile-Restore") and got.header("Connection") == "close"


def many(count: int) -> tuple[tuple[str, str], ...]:
    return tuple((f"n{number}", "v") for number in range(count))


def _put(peer: Peer, space: str, key: str, count: int):  # type: ignore[no-untyped-def]
    return peer.call(operation.PutObject(space, key, metadata=many(count), headers=KEPT), b"x")


def _initiate(peer: Peer, space: str, key: str, count: int):  # type: ignore[no-untyped-def]
    return peer.call(operation.InitiateUpload(space, key, metadata=many(count), headers=KEPT))


def _form(peer: Peer, space: str, key: str, count: int):  # type: ignore[no-untyped-def]
    more = [(f"X-Ufile-Meta-{name}", value) for name, value in many(count)]
    signed = peer.signed("POST", space, key, [("Content-Type", "text/plain")])
    fields = {"FileName": key, "Authorization": signed}
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value.encode())
        for name, value in fields.items()
    )
    body += b'--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n'
    pairs = [("Content-Type", "multipart/form-data; boundary=b"), *more]
    return peer.send("POST", "/", pairs, body, host=f"{space}.localhost")


def _copy(peer: Peer, space: str, key: str, count: int):  # type: ignore[no-untyped-def]
    op = operation.CopyObject(space, key, space, "source", directive="REPLACE", metadata=many(count), headers=KEPT)
    return peer.call(op)


def _finish(peer: Peer, space: str, key: str, count: int):  # type: ignore[no-untyped-def]
    upload = peer.do(operation.InitiateUpload(space, key, headers=KEPT)).upload_id
    return peer.call(operation.FinishUpload(space, key, upload, (), None, many(count), "REPLACE"))


KEPT = tuple((name, "Thu, 01 Dec 2033 16:00:00 GMT") for name in operation.KEPT)
WAYS = {"put": _put, "initiate": _initiate, "form": _form, "copy": _copy, "finish": _finish}
