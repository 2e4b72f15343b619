"""What stalled clients make a server hold: bounded by --memory, whatever they send, and given back."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.patience import SUITE_SECONDS, until
from test.s3.signing import Signer
from test.server.test_monitoring import asked
from test.server.wire import BLOCK, MIB, Peer, head, pattern, receive
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import dialect, etag, operation, provider

PEM = ROOT / "test" / "data" / "tls.pem"
MEMORY = 32  # MiB
EACH = 64 * 1024  # bytes that a connection may hold beside that
SLACK = 32 * MIB  # of two processes at work
COUNT = int(os.environ.get("UVIDEO_TEST_CONNECTIONS", "200"))
SENT = 400_000
KINDS = ("put", "part", "chunked", "form", "append")


def pids(server: Server) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [server.pid, *map(int, children)]


def memory(server: Server, which: str = "VmRSS") -> int:
    """Resident bytes of all its processes; ``which``: VmHWM for the most that each had."""
    total = 0
    for pid in pids(server):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{which}:"))
    return total


def held(server: Server) -> int:
    """Bytes of --memory that are taken, as the metrics say."""
    lines = asked(server, "/metrics")[1].splitlines()
    return sum(int(float(line.split()[1])) for line in lines if line.startswith("uvideo_memory_"))


def in_flight(server: Server) -> int:
    lines = asked(server, "/metrics")[1].splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("uvideo_requests_in_flight "))


def request(peer: Peer, space: str, upload: str, kind: str, number: int) -> bytes:
    """The head of an upload of BLOCK bytes, and what stands before them."""
    key, host = f"{kind}{number}", ("Host", f"{space}.localhost")
    signed, length = ("Authorization", peer.signed("PUT", space, key)), ("Content-Length", str(BLOCK))
    if kind == "put":
        return head("PUT", f"/{key}", [host, signed, length])
    if kind == "chunked":
        return head("PUT", f"/{key}", [host, signed, ("Transfer-Encoding", "chunked")]) + b"%x\r\n" % BLOCK
    if kind == "append":
        signed = ("Authorization", peer.signed("PUT", space, key))
        return head("PUT", f"/{key}?append&position=0", [host, signed, length])
    if kind == "form":
        authorization = peer.signed("POST", space, key)
        fields = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value.encode())
            for name, value in ((b"FileName", key), (b"Authorization", authorization))
        )
        fields += b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        whole = ("Content-Length", str(len(fields) + BLOCK + len(b"\r\n--b--\r\n")))
        return head("POST", "/", [host, ("Content-Type", "multipart/form-data; boundary=b"), whole]) + fields
    op = operation.UploadPart(space, "parts", upload, number)
    asked_for = dialect.encode(op, provider.parse_suffix(f"127.0.0.1:{peer.port}"))
    signed = ("Authorization", peer.signed(asked_for.method, space, "parts", asked_for.headers))
    return head(asked_for.method, asked_for.target, [("Host", "x"), *asked_for.headers, signed, length])


ENDS = {"chunked": b"\r\n0\r\n\r\n", "form": b"\r\n--b--\r\n"}


@contextlib.contextmanager
def stalled(server: Server, requests: list[bytes], data: bytes, tls: bool = False) -> Iterator[list[socket.socket]]:
    """Connections from many addresses that have sent so much of their bodies, and then nothing."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.ExitStack() as stack:
        socks = []
        for number, each in enumerate(requests):
            sock = stack.enter_context(socket.socket())
            sock.bind((f"127.0.{number // 250 + 1}.{number % 250 + 1}", 0))
            sock.settimeout(patience.SECONDS)
            sock.connect(("127.0.0.1", server.port))
            if tls:
                sock = stack.enter_context(context.wrap_socket(sock))
            sock.sendall(each + data)
            socks.append(sock)
        yield socks


def test_stalled_uploads_hold_a_bounded_sum(server: Server) -> None:
    """Each held up to 1.7 MiB until it ended, and what they had held stayed with the process."""
    peer, data = Peer(server), pattern(BLOCK, 7)
    space = peer.space()
    upload = peer.do(operation.InitiateUpload(space, "parts")).upload_id
    before = memory(server)
    kinds = [KINDS[number % len(KINDS)] for number in range(COUNT)]
    requests = [request(peer, space, upload, kind, number) for number, kind in enumerate(kinds)]
    with stalled(server, requests, data[:SENT]) as socks:
        until(lambda: in_flight(server) == COUNT)
        until(lambda: held(server) == 0)  # what they sent is on the disk
        assert memory(server, "VmHWM") - before < MEMORY * MIB + COUNT * EACH + SLACK
        whole = pattern(2 * BLOCK + 17)
        peer.upload(space, "beside", whole)  # others go on
        assert peer.call(operation.GetObject(space, "beside")).body == whole
        first = list(enumerate(kinds))[: len(KINDS)]
        for number, kind in first:  # and they too, whenever they do
            socks[number].sendall(data[SENT:] + ENDS.get(kind, b""))
        assert [receive(socks[number], "PUT").status for number, _ in first] == len(first) * [200]
    listed = peer.do(operation.ListParts(space, upload))
    assert [each.etag for each in listed.parts] == [etag.part_etag(etag.block_digest(data))]
    for number, kind in first:
        if kind != "part":
            assert peer.call(operation.GetObject(space, f"{kind}{number}")).body == data
    until(lambda: in_flight(server) == 0)
    until(lambda: memory(server) - before < SLACK)  # the system has it again
    assert "Traceback" not in server.log.read_text()


def test_parts_that_fit_stay_in_memory_until_they_stall(server: Server) -> None:
    """What stalls is brought to the disk in the middle of the body, and comes to its end from there."""
    peer, data = Peer(server), pattern(BLOCK, 3)
    space = peer.space()
    upload = peer.do(operation.InitiateUpload(space, "parts")).upload_id
    with contextlib.ExitStack() as stack:
        socks = list[socket.socket]()

        def in_memory() -> bool:
            """Only for a second or two: if it was not seen there, another part is begun."""
            if in_flight(server) == len(socks) and not held(server):
                asked = request(peer, space, upload, "part", len(socks))
                socks.extend(stack.enter_context(stalled(server, [asked], data[:SENT])))
            return held(server) > BLOCK

        until(in_memory)
        until(lambda: held(server) == 0)
        for sock in socks:
            sock.sendall(data[SENT:])
            assert receive(sock, "PUT").status == 200
    listed = peer.do(operation.ListParts(space, upload))
    assert [each.etag for each in listed.parts] == [etag.part_etag(etag.block_digest(data))] * len(socks)


def test_stalled_uploads_of_s3_hold_nothing_beside_it(server: Server) -> None:
    """Each held up to 256 KiB for its sums until it ended."""
    peer, data, count = Peer(server), pattern(BLOCK, 5), 300
    signer = Signer(server.host, server.public_key, server.private_key)
    space, before = peer.space(), memory(server)
    requests = [
        head("PUT", signer.url("PUT", f"/{space}/{number}"), [("Host", server.host), ("Content-Length", str(BLOCK))])
        for number in range(count)
    ]
    with stalled(server, requests, data[:250_000]) as socks:
        until(lambda: in_flight(server) == count)
        until(lambda: held(server) == 0)
        until(lambda: memory(server) - before < count * EACH + SLACK)
        socks[0].sendall(data[250_000:])
        assert receive(socks[0], "PUT").header("ETag") == f'"{hashlib.md5(data).hexdigest()}"'
    assert peer.call(operation.GetObject(space, "0")).body == data


@pytest.mark.soak
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("kind", "tls", "count"),
    [("put", False, 9_900), ("part", False, 9_900), ("put", True, 1_000), ("part", True, 1_000)],
)
def test_thousands_of_stalled_uploads(tmp_path: Path, kind: str, tls: bool, count: int, workers: int) -> None:
    """The table in docs/reliability.md."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limit[1] >= 20_000, f"this machine lets a process open {limit[1]} files only"  # a socket and a file each
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    try:
        options = ["--no-fsync", "--workers", str(workers), "--connections", "20000", "--idle", "600"]
        options += ["--headroom", "0"]  # they announce 40 GiB
        with start_server(tmp_path, *options) as server:
            peer = Peer(server)
            space = peer.space()
            upload = peer.do(operation.InitiateUpload(space, "parts")).upload_id
        options += ["--tls-cert", str(PEM), "--tls-key", str(PEM)] if tls else []
        with start_server(tmp_path, *options) as server:
            peer, before = Peer(server), memory(server)
            requests = [request(peer, space, upload, kind, number) for number in range(count)]
            with stalled(server, requests, pattern(200_000), tls):
                until(lambda: in_flight(server) == count, SUITE_SECONDS)
                until(lambda: held(server) == 0, SUITE_SECONDS)
                peak = memory(server, "VmHWM")
                standing = memory(server)
            until(lambda: in_flight(server) == 0, SUITE_SECONDS)
            with contextlib.suppress(AssertionError):
                until(lambda: memory(server) - before < SLACK, patience.SECONDS)
            after = memory(server)
        names = f"{count:,} {kind}s" + (" over TLS" if tls else "")
        print(f"\n| {names}, workers: {workers} | {before >> 20} | {peak >> 20} | {standing >> 20} | {after >> 20} |")
        assert peak - before < 256 * MIB + count * (3 * EACH if tls else EACH) + SLACK
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("memory")
    with start_server(folder, "--no-fsync", "--memory", str(MEMORY), "--workers", "2", "--idle", "3600") as server:
        yield server
