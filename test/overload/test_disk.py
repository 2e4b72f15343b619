"""A disk that is full, read-only or failing, and no descriptors left: clear refusals, no loss, no restart needed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import mmap
import os
import select
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.cluster.program import until
from test.crash.state import State, entry, fits, observe
from test.descriptors import none_left
from test.server.wire import BLOCK, Answer, Peer, connect, head, pattern, receive
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import errors, etag, operation, signature
from uvideo.server.limits.memory_budget import FREE

MAKE, WRITE, SYNC, NAME = 1, 2, 4, 8
SPACE = "films"
BIG = 300_000
MIB = 1024 * 1024


class Disk:
    """The switch of fail.c."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(12))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 12)

    @contextlib.contextmanager
    def failing(self, number: int, kinds: int) -> Iterator[None]:
        self._map[:12] = struct.pack("=III", number, kinds, 0)
        try:
            yield
            assert struct.unpack("=III", self._map[:12])[2], "nothing failed"
        finally:
            self._map[:12] = bytes(12)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """fail.c, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        if os.environ.get("UVIDEO_REQUIRE_INTERPRETERS"):
            pytest.fail("there is no C compiler here: apt-get install gcc libc6-dev")
        pytest.skip("there is no C compiler here")
    made, source = tmp_path_factory.mktemp("shim") / "fail.so", Path(__file__).with_name("fail.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-w", "-o", str(made), str(source), "-ldl"], check=True)
    return made


@contextlib.contextmanager
def on_a_bad_disk(shim: Path, folder: Path, *options: str) -> Iterator[tuple[Server, Peer, Disk]]:
    root = folder / "data"
    disk = Disk(folder / "failure")
    env = {"LD_PRELOAD": str(shim), "UVIDEO_TEST_FAILURE": str(folder / "failure"), "UVIDEO_TEST_ROOT": str(root)}
    with start_server(root, *options, env=env) as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        yield server, peer, disk


#: (error, kinds that fail) -> what a client is told
FAILURES = {
    ("ENOSPC", WRITE | MAKE): (503, "no space left"),
    ("EDQUOT", WRITE): (503, "no space left"),
    ("EROFS", WRITE | MAKE | NAME): (503, "the disk is read-only"),
    ("EIO", WRITE | MAKE | SYNC | NAME): (500, "the disk failed"),
    ("EIO", SYNC): (500, "the disk failed"),
    ("EMFILE", MAKE): (503, "too many files are open"),
}
SIMILAR = {("EDQUOT", WRITE)}  # told as ENOSPC


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        pytest.param(*each, id=f"{each[0][0]}-{each[0][1]}", marks=[pytest.mark.long] if each[0] in SIMILAR else [])
        for each in FAILURES.items()
    ],
)
def test_a_failing_disk_is_said_and_costs_nothing(
    shim: Path, tmp_path: Path, failure: tuple[str, int], told: tuple[int, str]
) -> None:
    number = getattr(errno, failure[0])
    with on_a_bad_disk(shim, tmp_path) as (server, peer, disk):
        first = {key: pattern(size, size) for key, size in (("w/small", 100), ("w/large", BIG))}
        for key, data in first.items():
            peer.do(operation.PutObject(SPACE, key), data)
        upload = peer.do(operation.InitiateUpload(SPACE, "w/upload")).upload_id
        parts = [pattern(BLOCK, 1), b"end"]
        peer.do(operation.UploadPart(SPACE, "w/upload", upload, 0), parts[0])
        with disk.failing(number, failure[1]):
            asked = [
                peer.call(operation.PutObject(SPACE, "w/small"), b"new"),
                peer.call(operation.PutObject(SPACE, "w/large"), pattern(BIG, 9)),
                peer.call(operation.PutObject(SPACE, "w/more"), pattern(BIG, 8)),
                peer.call(operation.UploadPart(SPACE, "w/upload", upload, 1), parts[1]),
                peer.call(operation.DeleteObject(SPACE, "w/small")),
                peer.call(operation.CopyObject(SPACE, "w/copy", SPACE, "w/large")),
            ]
            refused = [got for got in asked if got.status >= 300]
            assert refused and all(judged(got, told) for got in refused), [got.status for got in asked]
            if failure[1] != MAKE:
                assert len(refused) == len(asked), [got.status for got in asked]
                for key, data in first.items():  # what can be read is still served
                    assert peer.call(operation.GetObject(SPACE, key)).body == data
        assert "Traceback" not in server.log.read_text(), server.log.read_text()[-3000:]
        done = [got.status < 300 for got in asked]
        state = State({key: entry(data) for key, data in first.items()})
        puts = (("w/small", b"new"), ("w/large", pattern(BIG, 9)), ("w/more", pattern(BIG, 8)))
        for (key, data), stored in zip(puts, done, strict=False):
            state = state.with_object(key, data) if stored else state
        names = {0: etag.part_etag(etag.block_digest(parts[0]))}
        if not done[3]:
            peer.do(operation.UploadPart(SPACE, "w/upload", upload, 1), parts[1])  # and all goes on
        names[1] = etag.part_etag(etag.block_digest(parts[1]))
        state = state.without("w/small") if done[4] else state
        if done[5]:
            state = state.having("w/copy", state.objects["w/large"])
        peer.do(operation.PutObject(SPACE, "w/after"), pattern(BIG, 5))
        state = state.with_object("w/after", pattern(BIG, 5))
        peer.do(operation.FinishUpload(SPACE, "w/upload", upload, (names[0], names[1])))
        state = state.with_object("w/upload", b"".join(parts))
        server.kill()
    found, leaked = asyncio.run(observe(tmp_path / "data", SPACE, ["w"]))
    assert fits(found["w"], state), (found, state)
    assert leaked == 0


def judged(got: Answer, told: tuple[int, str]) -> bool:
    """SQLite says of a full disk what it is; of all else, that the disk failed."""
    return got.refusal()[::2] in (told, (500, "the disk failed"))


@pytest.mark.parametrize("options", ((), ("--trusted-proxy", "127.0.0.1")), ids=("alone", "proxy"))
def test_no_descriptors_left(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Connections and files that cannot be had are waited for or refused; then all is as before."""
    with start_server(tmp_path, "--no-fsync", *options) as server:
        peer, data = Peer(server), pattern(BIG)
        peer.manage(operation.CreateSpace(SPACE))
        peer.do(operation.PutObject(SPACE, "k"), data)
        host = ("Host", f"{SPACE}.x")
        get = head("GET", "/k", [host, ("Authorization", peer.signed("GET", SPACE, "k"))])
        signed = ("Authorization", peer.signed("PUT", SPACE, "more"))
        put = head("PUT", "/more", [host, signed, ("Content-Length", str(BIG))]) + data
        with connect(server.port) as sock:
            sock.sendall(get)
            assert receive(sock).body == data
            with none_left(server.pid), connect(server.port):  # that cannot be taken either
                for request in (get, put, get):
                    sock.sendall(request)
                    assert receive(sock).refusal()[::2] == (503, "too many files are open")
            for request in (put, get):
                sock.sendall(request)
                assert receive(sock).status == 200
        assert peer.call(operation.GetObject(SPACE, "more")).body == data
        assert "Traceback" not in server.log.read_text()


def test_calls_that_others_sign_wrong_do_not_count_for_a_key(tmp_path: Path) -> None:
    """A public key stands in every signed URL: whoever read one could have its owner throttled."""
    with start_server(tmp_path, "--no-fsync", "--rate", "1", "--guesses", "0") as server:
        peer, stranger = Peer(server), Peer(server)
        space = peer.space()
        stranger.credentials = signature.Credentials(server.public_key, "not the private key")
        for _ in range(60):
            with pytest.raises(errors.SignatureMismatch):
                stranger.manage(operation.DescribeSpace(None))
        assert [each.space for each in peer.manage(operation.DescribeSpace(None)).spaces] == [space]
        with pytest.raises(errors.Throttled):
            for _ in range(200):
                peer.manage(operation.DescribeSpace(None))


def test_large_calls_of_strangers_do_not_fill_the_memory(tmp_path: Path) -> None:
    """Each may have a mebibyte, and is read before it can be told who signed it."""
    with start_server(tmp_path, "--no-fsync", "--memory", "16") as server, contextlib.ExitStack() as stack:
        peer = Peer(server)
        space = peer.space()
        pairs = [("Host", "x"), ("Content-Type", "application/json"), ("Content-Length", str(MIB))]

        def begun() -> socket.socket:
            sock = stack.enter_context(connect(server.port))
            sock.sendall(head("POST", "/", pairs) + b" " * (FREE + 65536))
            return sock

        held: list[socket.socket] = []
        refused: list[Any] = []
        deadline = time.monotonic() + patience.SECONDS
        while not refused and time.monotonic() < deadline:  # once the server has read all of them
            held.append(begun())
            for sock in select.select(held, [], [], 0.1)[0]:
                held.remove(sock)
                refused.append(receive(sock, "POST").json())
        assert {each["Message"] for each in refused} == {"too many large requests at once"}
        assert 30 <= len(held) <= 80  # a quarter of the memory, in pieces of 80 KiB or little less
        assert [each.space for each in peer.manage(operation.DescribeSpace(None)).spaces] == [space]  # small ones go on
        for sock in held:
            sock.close()

        def passes() -> bool:
            got = peer.send("POST", "/", [("Content-Type", "application/json")], b" " * (FREE + 65536))
            return got.json()["Message"] != "too many large requests at once"

        assert until(passes, 60)


def test_the_disk_keeps_its_headroom(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    with start_server(tmp_path, "--no-fsync", "--headroom", str(free / (1 << 20) * 2)) as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))  # what takes next to nothing is done
        upload = peer.call(operation.InitiateUpload(SPACE, "u"))
        for got in (
            upload,
            peer.call(operation.PutObject(SPACE, "k"), b"x"),
            peer.call(operation.AppendObject(SPACE, "a", 0), b"x"),
        ):
            assert got.refusal()[::2] == (503, "the disk is nearly full")
            assert got.header("Retry-After") == "60"
        assert peer.call(operation.DeleteObject(SPACE, "k")).status == 204


def test_connections_are_limited_and_one_more_is_told_so(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--connections", "5") as server:
        peer = Peer(server)
        space = peer.space()
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(connect(server.port)).sendall(b"GET /k HTTP/1.1\r\n")
            with connect(server.port) as sock:
                got = receive(sock)
            assert got.refusal() == (503, -148600, "too many connections") and got.header("Retry-After") == "1"
        deadline, status = time.monotonic() + 60, 0
        while status != 200 and time.monotonic() < deadline:  # until the server has seen that they are gone
            with contextlib.suppress(OSError):
                status = peer.call(operation.ListObjects(space)).status
        assert status == 200


def test_a_key_has_its_rate(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--rate", "2") as server:
        peer = Peer(server)
        space = peer.space()
        info = peer.manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",)))
        statuses = [peer.call(operation.ListObjects(space)).status for _ in range(120)]
        assert 2 <= statuses.count(200) < 120 and set(statuses) == {200, 429}
        answers = (peer.call(operation.ListObjects(space)) for _ in range(120))
        refused = next(got for got in answers if got.status == 429)
        assert refused.header("Retry-After") == "1"
        peer.credentials = peer.credentials._replace(public_key=info.public_key, private_key=info.private_key)
        assert peer.call(operation.ListObjects(space)).status == 200  # another key has its own
