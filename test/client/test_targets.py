"""Targets that are no files of their own: descriptors, pipes, devices, sockets, links.  They are written to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from test import interpreters, patience
from test.server_fixture import Server
from uvideo import Client, errors

SMALL = b"some bytes\n"
LARGE = bytes(range(256)) * 33_000  # two ranges

SDK = """
import sys
from ucloud.uvideo import config, downloaduvideo
host, public, private = sys.argv[1].split("|")
config.set_default(uploadsuffix=host, downloadsuffix=host)
for key, target in zip(sys.argv[3::2], sys.argv[4::2]):
    ret, resp = downloaduvideo.DownloadUVideo(public, private).download_file(sys.argv[2], key, target)
    if not resp.ok():
        sys.exit(resp.error)
"""
CLIENT = """
import sys, uvideo
host, public, private = sys.argv[1].split("|")
with uvideo.Client(public, private, endpoint=host) as client:
    for key, target in zip(sys.argv[3::2], sys.argv[4::2]):
        client.download(sys.argv[2], key, target)
"""
ASYNC = """
import asyncio, sys, uvideo
host, public, private = sys.argv[1].split("|")
async def work():
    async with uvideo.AsyncClient(public, private, endpoint=host) as client:
        for key, target in zip(sys.argv[3::2], sys.argv[4::2]):
            await client.download(sys.argv[2], key, target)
asyncio.run(work())
"""
FSSPEC = """
import sys
from uvideo.fs import UVideoFileSystem
host, public, private = sys.argv[1].split("|")
fs = UVideoFileSystem(endpoint=host, public_key=public, private_key=private)
for key, target in zip(sys.argv[3::2], sys.argv[4::2]):
    fs.get_file(sys.argv[2] + "/" + key, target)
"""
COMMAND = """
import os, sys
host, public, private = sys.argv[1].split("|")
os.environ.update(UVIDEO_ENDPOINT=host, UVIDEO_PUBLIC_KEY=public, UVIDEO_PRIVATE_KEY=private)
space, words = sys.argv[2], sys.argv[3:]
from uvideo.cli import main
for key, target in zip(words[::2], words[1::2]):
    sys.argv[1:] = ["cp", "uvideo://%s/%s" % (space, key), target]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""
HERE = interpreters.Interpreter(sys.version_info[:2], sys.executable)
FACES = {"client": CLIENT, "async": ASYNC, "fsspec": FSSPEC, "command": COMMAND}
CASES = [pytest.param(HERE, script, id=name) for name, script in FACES.items()] + [
    pytest.param(each.values[0], SDK, id=f"sdk-{each.values[0].name}", marks=each.marks)
    for each in interpreters.oldest()  # each test starts many processes
]
faces = pytest.mark.parametrize("interpreter, script", CASES)


class Face:
    """One face of the product in a process of its own, as a shell runs it."""

    def __init__(self, server: Server, space: str, folder: Path, interpreter: interpreters.Interpreter, script: str):
        self.folder, self._space = folder, space
        paths = [str(interpreters.ROOT)]
        if script is SDK:
            paths.insert(0, interpreters.prepare(interpreter))
        (folder / "face.py").write_text(script)
        self._words = [interpreter.path, str(folder / "face.py")]
        self._words.append(f"{server.host}|{server.public_key}|{server.private_key}")
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            **interpreters.bytecode(interpreter),
            "LC_ALL": "C.UTF-8",
        }

    def __call__(self, pairs: str, redirection: str = "", before: str = "") -> None:
        """``pairs``, keys and targets in turn, and ``redirection`` as bash understands them."""
        words = " ".join(f"'{word}'" for word in (*self._words, self._space))
        done = subprocess.run(
            ["bash", "-c", f"{before} {words} {pairs} {redirection}"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience.SECONDS,
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def filled(server: Server) -> str:
    """A space whose objects no test changes."""
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        space = client.create_space("c-" + uuid.uuid4().hex[:20]).name
        client.put(space, "small", SMALL)
        client.put(space, "large", LARGE)
    return space


@pytest.fixture
def face(server: Server, filled: str, tmp_path: Path, interpreter: interpreters.Interpreter, script: str) -> Face:
    return Face(server, filled, tmp_path, interpreter, script)


@faces
def test_a_log_that_is_appended_to_stays_and_grows(face: Face) -> None:
    log = face.folder / "log"
    log.write_bytes(b"first line\n")
    inode = log.stat().st_ino
    face("small /dev/stdout large /dev/fd/7 small /proc/self/fd/8", ">> log 7>> log 8>> log")
    face("small ../../../../../../../../dev/stdout", ">> log")
    assert log.read_bytes() == b"first line\n" + SMALL + LARGE + SMALL + SMALL and log.stat().st_ino == inode
    assert sorted(each.name for each in face.folder.iterdir() if each.name.endswith(".part")) == []


@faces
def test_what_was_written_before_stays_before(face: Face) -> None:
    """The descriptor's place in the file is shared, as the shell's own commands share it."""
    face("small /dev/stdout", "; echo after; } > out", before="{ echo before;")
    assert (face.folder / "out").read_bytes() == b"before\n" + SMALL + b"after\n"


@faces
def test_pipes(face: Face) -> None:
    face("large /dev/stdout", "| cat > copy")
    assert (face.folder / "copy").read_bytes() == LARGE
    ended = "; while [ ! -s one ] || [ ! -s two ]; do sleep 0.01; done"
    face("small /dev/fd/9 small >(cat > argument; echo > one)", "9> >(cat > substituted; echo > two) " + ended)
    assert (face.folder / "substituted").read_bytes() == (face.folder / "argument").read_bytes() == SMALL
    for name in ("fifo", "second"):
        os.mkfifo(face.folder / name)
    (face.folder / "link").symlink_to("second")
    face("large fifo large link", "& cat fifo > read; cat second > again; wait $!")
    assert (face.folder / "read").read_bytes() == (face.folder / "again").read_bytes() == LARGE
    assert (face.folder / "fifo").is_fifo() and (face.folder / "second").is_fifo()
    assert (face.folder / "link").is_symlink()


@faces
def test_a_device_stays_and_so_does_a_link_whose_file_is_replaced(face: Face) -> None:
    (face.folder / "sub").mkdir()
    (face.folder / "sub" / "file").write_bytes(b"old")
    (face.folder / "second").symlink_to("sub/file")
    (face.folder / "first").symlink_to("second")
    held = (face.folder / "sub" / "file").open("rb")
    face("large /dev/null small first")
    assert Path("/dev/null").is_char_device()
    assert (face.folder / "first").is_symlink() and (face.folder / "second").is_symlink()
    assert (face.folder / "sub" / "file").read_bytes() == SMALL and held.read() == b"old"
    held.close()


def test_a_socket_of_this_process(client: Client, space: str) -> None:
    client.put(space, "small", SMALL)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client.download(space, "small", f"/dev/fd/{ours.fileno()}")
        ours.shutdown(socket.SHUT_WR)
        assert theirs.recv(100) == SMALL and ours.fileno() >= 0


def test_the_descriptor_of_another_process_is_written_to_at_its_end(client: Client, space: str, tmp_path: Path) -> None:
    client.put(space, "small", SMALL)
    log = tmp_path / "log"
    log.write_bytes(b"theirs\n")
    with log.open("ab") as file:
        other = subprocess.Popen(["sleep", "60"], stdout=file)
    try:
        inode = log.stat().st_ino
        client.download(space, "small", f"/proc/{other.pid}/fd/1")
        assert log.read_bytes() == b"theirs\n" + SMALL and log.stat().st_ino == inode
    finally:
        other.kill()
        other.wait()


def open_below(folder: Path) -> list[str]:
    """What this process has open there."""
    found = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    return sorted(each for each in found if each.startswith(str(folder)))


def test_what_cannot_be_written_to_is_said(client: Client, space: str, tmp_path: Path) -> None:
    client.put(space, "small", SMALL)
    with (tmp_path / "file").open("wb") as file:
        file.write(b"content")
    (tmp_path / "loop").symlink_to("loop")
    with (tmp_path / "file").open("rb") as file, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        folder = os.open(tmp_path, os.O_RDONLY)
        before = open_below(tmp_path)
        targets = [str(tmp_path / name) for name in ("socket", "loop")]
        for target in (f"/dev/fd/{file.fileno()}", f"/dev/fd/{folder}", "/proc/self/cwd", *targets):
            with pytest.raises(errors.LocalFailure):
                client.download(space, "small", target)
        assert open_below(tmp_path) == before
        os.close(folder)
    assert (tmp_path / "file").read_bytes() == b"content" and (tmp_path / "socket").is_socket()


def test_a_folder_reached_through_proc_is_used_as_it_is(client: Client, space: str, tmp_path: Path) -> None:
    client.put(space, "small", SMALL)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        client.download(space, "small", f"/proc/self/fd/{folder}/file")
    finally:
        os.close(folder)
    assert (tmp_path / "file").read_bytes() == SMALL


def test_a_relative_target_is_that_of_the_call(
    client: Client, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.upload(space, "large", LARGE)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    client.download(space, "large", "../b/../a/file", progress=lambda _: os.chdir(tmp_path / "b"))
    assert (tmp_path / "a" / "file").read_bytes() == LARGE and list((tmp_path / "b").iterdir()) == []


def test_only_one_thread_writes_to_a_descriptor(client: Client, space: str, tmp_path: Path) -> None:
    client.upload(space, "large", LARGE)
    read, write = os.pipe()
    found = bytearray()

    def drain() -> None:
        while piece := os.read(read, 65536):
            found.extend(piece)

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        client.download(space, "large", f"/dev/fd/{write}", part_jobs=8)
    finally:
        os.close(write)
        thread.join()
        os.close(read)
    assert bytes(found) == LARGE
