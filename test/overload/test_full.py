"""A disk with nothing free, a small one of the test's own: it starts, serves, deletes, and says what it can do."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.cluster.program import until
from test.namespace import alone
from test.patience import SECONDS
from test.server.test_monitoring import asked
from test.server.wire import BLOCK, Peer, chunked, connect, head, pattern, receive
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import byterange, errors, operation
from uvideo.storage import disk_reserve

MIB = 1 << 20
DISK = 96 * MIB
KEYS = {
    "UVIDEO_SERVE_PUBLIC_KEY": "UVIDEOfull",
    "UVIDEO_SERVE_PRIVATE_KEY": "private-key-of-the-full-0123456789abcdefgh",
}


class Disk:
    """A tmpfs at ``folder``, seen by those who enter it only; ``seen`` is where a test finds it."""

    def __init__(self, holder: subprocess.Popen[bytes], folder: Path) -> None:
        self.folder, self._holder = folder, holder
        self.seen = Path(f"/proc/{holder.pid}/root") / folder.relative_to("/")

    @contextlib.contextmanager
    def server(self, *options: str) -> Iterator[Server]:
        enter = ("nsenter", "--target", str(self._holder.pid), "--user", "--mount", "--preserve-credentials")
        with start_server(self.folder, *options, env=KEYS, command=enter) as server:
            yield server

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, where the disk is."""
        enter = ("nsenter", "--target", str(self._holder.pid), "--user", "--mount", "--preserve-credentials")
        command = [*enter, sys.executable, "-m", "uvideo", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=SECONDS)

    @property
    def free(self) -> int:
        place = os.statvfs(self.seen)
        return place.f_bavail * place.f_frsize

    def fill(self, left: int = 0) -> None:
        """Take all room but so many bytes."""
        with open(self.seen / "ballast", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while self.free > left:
                file.write(bytes(min(MIB, self.free - left)))
        assert self.free <= left

    def empty(self) -> None:
        (self.seen / "ballast").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    alone()  # skips where no namespace can be made
    script = f'mount -t tmpfs -o size={DISK},mode=700 uvideo "$0" && echo ready && exec cat'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"ready\n"
            yield Disk(holder, folder)
        finally:
            holder.kill()


def test_everything_can_be_deleted_with_nothing_free(disk: Disk) -> None:
    """--headroom 0: puts took the last byte.  Then it stops, starts again with nothing free, and goes on."""
    with disk.server("--headroom", "0") as server:
        peer = Peer(server)
        space = peer.space()
        for number in range(300):
            peer.do(operation.PutObject(space, f"small/{number}"), pattern(12_000, number))
        peer.do(operation.PutObject(space, "large"), pattern(MIB))
        upload = peer.do(operation.InitiateUpload(space, "u")).upload_id
        peer.do(operation.UploadPart(space, "u", upload, 0), pattern(BLOCK))
        disk.fill()
        assert peer.call(operation.PutObject(space, "more"), pattern(MIB)).refusal()[::2] == (503, "no space left")
        for _ in range(2000):  # small ones go into the catalog, until that cannot grow either
            got = peer.call(operation.PutObject(space, "small/0"), pattern(16_000))
            disk.fill()
            if got.status != 200:
                break
        assert got.refusal()[::2] == (503, "no space left")
        for number in range(150):
            assert peer.call(operation.DeleteObject(space, f"small/{number}")).status == 204, number
        assert asked(server, "/readyz") == (200, "ok\nwrites: false\n")
        assert peer.call(operation.GetObject(space, "large")).body == pattern(MIB)
        assert "Traceback" not in server.log.read_text(), server.log.read_text()[-3000:]
    disk.fill()
    with disk.server("--headroom", "0") as server:
        peer = Peer(server)
        assert peer.call(operation.GetObject(space, "large")).body == pattern(MIB)
        assert asked(server, "/readyz") == (200, "ok\nwrites: false\n")
        for number in range(150, 300):
            assert peer.call(operation.DeleteObject(space, f"small/{number}")).status == 204, number
        peer.do(operation.AbortUpload(space, "u", upload))
        peer.do(operation.DeleteObject(space, "large"))
        with pytest.raises(errors.NotFound):
            peer.do(operation.HeadObject(space, "large"))
        peer.manage(operation.DeleteSpace(space))
        disk.empty()
        space = peer.space()
        peer.do(operation.PutObject(space, "more"), pattern(MIB))  # and all is as before
        assert asked(server, "/readyz") == (200, "ok\n")
        assert (disk.seen / "catalog.db-reserve").stat().st_size == disk_reserve.SIZE
        assert "Traceback" not in server.log.read_text(), server.log.read_text()[-3000:]


def test_no_way_to_store_passes_the_headroom(disk: Disk) -> None:
    """Whatever was announced: chunks, forms, appends and copied parts are counted as they are written."""
    least = 40 * MIB
    with disk.server("--no-fsync", "--headroom", "40") as server:
        peer = Peer(server)
        space = peer.space()
        data = pattern(6 * MIB)
        peer.do(operation.PutObject(space, "source"), data)
        peer.do(operation.AppendObject(space, "log", 0), data)
        upload = peer.do(operation.InitiateUpload(space, "u")).upload_id
        disk.fill(least + 5 * MIB)
        host = ("Host", f"{space}.localhost")
        signed = ("Authorization", peer.signed("PUT", space, "chunked"))
        put = head("PUT", "/chunked", [host, signed, ("Transfer-Encoding", "chunked")])
        type_ = "multipart/form-data; boundary=b"
        fields = {"FileName": "form", "Authorization": peer.signed("POST", space, "form")}
        form = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value.encode())
            for name, value in fields.items()
        )
        form += b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + data + b"\r\n--b--\r\n"
        post = head("POST", "/", [host, ("Content-Type", type_), ("Transfer-Encoding", "chunked")])
        for request, pieces in ((put, data), (post, form)):
            with connect(server.port) as sock:
                with contextlib.suppress(ConnectionError):  # it may be told before it has sent all
                    sock.sendall(request + chunked(*(pieces[at : at + 65536] for at in range(0, len(pieces), 65536))))
                assert receive(sock).refusal()[::2] == (503, "the disk is nearly full")
            assert disk.free >= least
        assert until(lambda: disk.free >= least + 4 * MIB, SECONDS)  # what was begun is removed
        appended = peer.call(operation.AppendObject(space, "log", len(data)), b"one more")
        assert appended.refusal()[::2] == (503, "the disk is nearly full")  # all is written anew
        disk.fill(least + 3 * MIB)
        block = byterange.ByteRange(0, BLOCK - 1)
        copied = peer.call(operation.CopyPart(space, "u", upload, 0, space, "source", block))
        assert copied.refusal()[::2] == (503, "the disk is nearly full")
        assert disk.free >= least
        for key in ("chunked", "form"):
            assert peer.call(operation.HeadObject(space, key)).status == 404
        assert peer.call(operation.GetObject(space, "log")).body == data
        assert asked(server, "/readyz") == (200, "ok\n")
        disk.fill(least - MIB)
        assert asked(server, "/readyz") == (200, "ok\nwrites: false\n")
        peer.do(operation.DeleteObject(space, "log"))
        assert "Traceback" not in server.log.read_text()


def test_as_many_uploads_begin_as_have_room(disk: Disk) -> None:
    """All that were announced at once were admitted, and all of them failed."""
    least, size, count, piece = 40 * MIB, 5 * MIB, 12, 65536
    with disk.server("--no-fsync", "--headroom", "40", "--workers", "2") as server, contextlib.ExitStack() as stack:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "source"), pattern(BLOCK))
        upload = peer.do(operation.InitiateUpload(space, "u")).upload_id
        host, length = ("Host", f"{space}.localhost"), ("Content-Length", str(size))

        def begun(key: str, *pairs: tuple[str, str]) -> socket.socket:
            sock = stack.enter_context(connect(server.port))
            sock.sendall(head("PUT", f"/{key}", [host, ("Authorization", peer.signed("PUT", space, key)), *pairs]))
            return sock

        stream = begun("stream", ("Transfer-Encoding", "chunked"))
        stream.sendall(b"%x\r\n%s\r\n" % (piece, bytes(piece)))
        socks = [begun(f"k{number}", length, ("Expect", "100-continue")) for number in range(count)]
        admitted, refused = list[tuple[int, socket.socket]](), 0
        for number, sock in enumerate(socks):
            if sock.recv(21, socket.MSG_PEEK).startswith(b"HTTP/1.1 100 "):
                assert sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
                admitted.append((number, sock))
            else:
                got = receive(sock, "PUT")
                assert got.refusal()[::2] == (503, "the disk is nearly full") and got.header("Retry-After") == "60"
                refused += 1
        room = (disk.free - least) // size
        assert 5 <= len(admitted) == room <= 10 and refused == count - room
        assert f"uvideo_disk_reserved_bytes {room * size}\n" in asked(server, "/metrics")[1]
        assert asked(server, "/readyz")[0] == 200
        # What was announced is theirs: nobody else gets it, however it comes.
        with contextlib.suppress(ConnectionError):
            stream.sendall(b"".join(b"%x\r\n%s\r\n" % (piece, bytes(piece)) for _ in range(size // piece)))
        assert receive(stream, "PUT").refusal()[::2] == (503, "the disk is nearly full")
        whole = byterange.ByteRange(0, BLOCK - 1)
        copied = peer.call(operation.CopyPart(space, "u", upload, 0, space, "source", whole))
        kind = ("Content-Type", "multipart/form-data; boundary=b")
        form = stack.enter_context(connect(server.port))
        form.sendall(head("POST", "/", [host, kind, length, ("Expect", "100-continue")]))
        for got in (copied, peer.call(operation.UploadPart(space, "u", upload, 0), bytes(BLOCK)), receive(form)):
            assert got.refusal()[::2] == (503, "the disk is nearly full")
        for _, sock in admitted:  # each begins, then all end
            sock.sendall(bytes(piece))
        for _, sock in admitted:
            sock.sendall(bytes(size - piece))
        assert [receive(sock, "PUT").status for _, sock in admitted] == len(admitted) * [200]
        assert disk.free >= least
        assert until(lambda: "uvideo_disk_reserved_bytes 0\n" in asked(server, "/metrics")[1], SECONDS)
        # It ends with the request, however that ends.
        for number, sock in admitted:
            peer.do(operation.DeleteObject(space, f"k{number}"))
            sock.close()
        half = begun("half", length)
        half.sendall(bytes(piece))
        assert until(lambda: "uvideo_disk_reserved_bytes 0\n" not in asked(server, "/metrics")[1], SECONDS)
        half.close()
        assert until(lambda: "uvideo_disk_reserved_bytes 0\n" in asked(server, "/metrics")[1], SECONDS)
        killed = begun("killed", length, ("Expect", "100-continue"))
        assert killed.recv(25).startswith(b"HTTP/1.1 100 ")
        workers = [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

        def is_back() -> bool:
            with contextlib.suppress(OSError):
                return "uvideo_disk_reserved_bytes 0\n" in asked(server, "/metrics")[1]
            return False

        assert until(is_back, SECONDS)
        assert "Traceback" not in server.log.read_text()


def test_a_server_with_little_room_starts(disk: Disk) -> None:
    """Less than it wants to have: it was refused at the start."""
    with disk.server() as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "k"), pattern(MIB))
    disk.fill(MIB)
    with disk.server() as server:
        peer = Peer(server)
        assert asked(server, "/readyz") == (200, "ok\nwrites: false\n")
        assert peer.call(operation.GetObject(space, "k")).body == pattern(MIB)
        assert peer.call(operation.PutObject(space, "k2"), b"x").refusal()[::2] == (503, "the disk is nearly full")
        assert peer.call(operation.DeleteObject(space, "k")).status == 204


def test_compact_does_nothing_on_a_disk_without_room(disk: Disk, tmp_path: Path) -> None:
    """Of a catalog that an older version made, which has to be written anew."""
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.db")) as db:
        db.execute("CREATE TABLE it_is_not_empty (x)")
    shutil.copy(tmp_path / "catalog.db", disk.seen)  # SQLite would follow the link in `seen` to another disk
    with disk.server("--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "k"), b"held")
        disk.fill(8 * MIB)
        done = disk.run("admin", "compact", str(disk.folder))
        assert done.returncode == 2 and "free bytes for this" in done.stderr and "Traceback" not in done.stderr
        assert peer.call(operation.GetObject(space, "k")).body == b"held"
        disk.empty()
        done = disk.run("admin", "compact", str(disk.folder))
        assert done.returncode == 0 and "bytes before" in done.stdout, done.stderr
        peer.do(operation.PutObject(space, "k"), b"new")


@pytest.mark.long  # a thousand deletes, each with the reserve
def test_a_catalog_shrinks_on_a_full_disk(disk: Disk) -> None:
    """What deletes free there is free for the disk again."""
    with disk.server("--no-fsync", "--headroom", "0") as server:
        peer = Peer(server)
        space = peer.space()
        for number in range(1000):
            peer.do(operation.PutObject(space, f"k{number}"), bytes(14_000))
        disk.fill()
        full = (disk.seen / "catalog.db").stat().st_size
        for number in range(10, 1000):
            assert peer.call(operation.DeleteObject(space, f"k{number}")).status == 204
        assert until(lambda: (disk.seen / "catalog.db").stat().st_size < full // 2, SECONDS)
        assert len(peer.call(operation.GetObject(space, "k9")).body) == 14_000
