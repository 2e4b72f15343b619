"""What a killed download leaves is found, used or removed; and what is at work is left alone."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from test import interpreters, patience
from test.fakes import FaultProxy
from test.server_fixture import Server
from uvideo import Client, etag

BLOCK = 4 << 20
SIZE = 2 * BLOCK + 99
CONTENT = random.Random(1).randbytes(SIZE)

#: Downloads argv[3]/argv[4] to argv[5], and prints status, length and error.
SDK = """
import sys
from ucloud.uvideo import config, downloaduvideo
host, public, private = sys.argv[1].split("|")
config.set_default(uploadsuffix=host, downloadsuffix=host, connection_timeout=240)
ret, resp = downloaduvideo.DownloadUVideo(public, private).download_file(*sys.argv[3:6])
print(resp.status_code, resp.content_length, resp.content_range, resp.etag, resp.error)
"""
TYPED = """
import sys, uvideo
host, public, private = sys.argv[1].split("|")
with uvideo.Client(public, private, endpoint=host) as client:
    client.download(*sys.argv[3:6], journal=False, part_jobs=1)
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(server: Server, proxy: FaultProxy, space: str, tmp_path: Path) -> Iterator[Start]:
    """Start a download of space/film to tmp_path/film by a process."""
    begun: list[subprocess.Popen[bytes]] = []

    def made(interpreter: interpreters.Interpreter, script: str, target: Path | None = None) -> subprocess.Popen[bytes]:
        paths = [str(interpreters.ROOT)]
        if script is SDK:
            paths.insert(0, interpreters.prepare(interpreter))
        host = f"127.0.0.1:{proxy.port}|{server.public_key}|{server.private_key}"
        process = subprocess.Popen(
            [interpreter.path, "-c", script, host, "", space, "film", str(target or tmp_path / "film")],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **interpreters.bytecode(interpreter)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        begun.append(process)
        return process

    yield made
    for process in begun:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def parts(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.name.endswith(".part"))


def changes(folder: Path) -> list[tuple[str, int]]:
    """Name and time of change of each temporary file: of one that a process removed and made again, another time."""
    found = []
    for each in parts(folder):
        with contextlib.suppress(FileNotFoundError):
            found.append((each.name, each.stat().st_ctime_ns))
    return found


@pytest.mark.parametrize("interpreter", interpreters.oldest(), ids=lambda each: each.name)
def test_three_kills_leave_one_file_and_the_next_call_goes_on(
    start: Start, client: Client, space: str, proxy: FaultProxy, tmp_path: Path, interpreter: interpreters.Interpreter
) -> None:
    client.upload(space, "film", CONTENT)
    proxy.on("GetObject").stall(BLOCK + 100_000).stall(100_000, times=2)
    for count in range(3):
        process = start(interpreter, SDK)
        seen = count
        while len(proxy.log("GetObject")) <= seen or not _holds_a_block(tmp_path):
            assert process.poll() is None
            proxy.wait("never", 0.02)
        kill(process)
        assert len(parts(tmp_path)) == 1 and not (tmp_path / "film").exists()
    out, _ = start(interpreter, SDK).communicate(timeout=patience.SECONDS)
    words = out.decode().replace("(", "").replace(")", "").replace(",", "").replace("'", "").split()
    assert words[:5] == ["200", str(SIZE), "None", etag(CONTENT), "None"], out
    assert (tmp_path / "film").read_bytes() == CONTENT and parts(tmp_path) == []
    last = proxy.log("GetObject")[-1]
    assert last.headers["range"].startswith("bytes=") and last.headers["range"] != "bytes=0-"
    assert last.answer_bytes <= SIZE - BLOCK


def _holds_a_block(folder: Path) -> bool:
    """Whether the temporary file of a download says that a block has arrived."""
    for path in parts(folder):
        with path.open("rb") as file:
            file.seek(SIZE)
            if file.read(20).strip(b"\0"):
                return True
    return False


def test_another_object_begins_anew(
    start: Start, client: Client, space: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    client.upload(space, "film", CONTENT)
    proxy.on("GetObject").stall(BLOCK + 100_000)
    process = start(interpreters.newest(), SDK)
    while not _holds_a_block(tmp_path):
        assert process.poll() is None
        proxy.wait("never", 0.02)
    kill(process)
    client.upload(space, "film", CONTENT[::-1])
    out, _ = start(interpreters.newest(), SDK).communicate(timeout=patience.SECONDS)
    assert b"200" in out and (tmp_path / "film").read_bytes() == CONTENT[::-1] and parts(tmp_path) == []


def test_blocks_that_are_not_as_they_came_are_fetched_again(
    start: Start, client: Client, space: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    client.upload(space, "film", CONTENT)
    proxy.on("GetObject").stall(BLOCK + 100_000)
    process = start(interpreters.newest(), SDK)
    while not _holds_a_block(tmp_path):
        assert process.poll() is None
        proxy.wait("never", 0.02)
    kill(process)
    with parts(tmp_path)[0].open("r+b") as file:
        file.seek(17)
        file.write(b"!")
    out, _ = start(interpreters.newest(), SDK).communicate(timeout=patience.SECONDS)
    assert b"200" in out and (tmp_path / "film").read_bytes() == CONTENT and parts(tmp_path) == []


@pytest.mark.parametrize("damage", [pytest.param("cut", marks=pytest.mark.long), "noise", "link"])
def test_what_lies_there_and_is_of_no_use_is_replaced(
    start: Start, client: Client, space: str, proxy: FaultProxy, tmp_path: Path, damage: str
) -> None:
    client.upload(space, "film", CONTENT)
    proxy.on("GetObject").stall(BLOCK + 100_000)
    process = start(interpreters.newest(), SDK)
    while not _holds_a_block(tmp_path):
        assert process.poll() is None
        proxy.wait("never", 0.02)
    kill(process)
    path = parts(tmp_path)[0]
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    if damage == "cut":
        os.truncate(path, SIZE - 1)
    elif damage == "noise":
        with path.open("r+b") as file:
            file.seek(-30, os.SEEK_END)
            file.write(os.urandom(30))
    else:
        path.unlink()
        path.symlink_to(other)
    out, _ = start(interpreters.newest(), SDK).communicate(timeout=patience.SECONDS)
    assert b"200" in out and (tmp_path / "film").read_bytes() == CONTENT
    assert other.read_bytes() == b"mine"
    assert parts(tmp_path) == ([path] if damage == "link" else [])


def test_the_typed_client_without_a_journal_leaves_one_file_too(
    start: Start, client: Client, space: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    client.upload(space, "film", CONTENT)
    proxy.on("GetObject").stall(BLOCK + 100_000, times=3)
    running = interpreters.Interpreter((3, 0), sys.executable)
    for count in range(3):
        before = changes(tmp_path)
        process = start(running, TYPED)
        while len(proxy.log("GetObject")) <= count or changes(tmp_path) in ([], before):
            assert process.poll() is None
            proxy.wait("never", 0.02)
        kill(process)
        assert len(parts(tmp_path)) == 1
    client.download(space, "film", tmp_path / "film", journal=False)
    assert (tmp_path / "film").read_bytes() == CONTENT and parts(tmp_path) == []


def test_downloads_to_one_target_at_a_time_do_not_disturb_one_another(
    start: Start, client: Client, space: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    """One waits for its last bytes while others come, are killed and finish."""
    client.upload(space, "film", CONTENT)
    proxy.on("GetObject").pause("first", answered=True)
    first = start(interpreters.newest(), SDK)
    assert proxy.wait("first")
    second = start(interpreters.newest(), SDK)
    out, _ = second.communicate(timeout=patience.SECONDS)
    assert b"200" in out and (tmp_path / "film").read_bytes() == CONTENT
    (tmp_path / "film").write_bytes(b"")
    proxy.release("first")
    out, _ = first.communicate(timeout=patience.SECONDS)
    assert b"200" in out and (tmp_path / "film").read_bytes() == CONTENT and parts(tmp_path) == []


def test_a_file_that_another_download_holds_is_not_taken(
    start: Start, client: Client, space: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    client.upload(space, "film", CONTENT)
    proxy.on("GetObject").stall(BLOCK + 100_000)
    first = start(interpreters.newest(), SDK)
    while not _holds_a_block(tmp_path):
        assert first.poll() is None
        proxy.wait("never", 0.02)
    held = parts(tmp_path)
    out, _ = start(interpreters.newest(), SDK).communicate(timeout=patience.SECONDS)
    assert b"200" in out and (tmp_path / "film").read_bytes() == CONTENT
    assert parts(tmp_path) == held and first.poll() is None
    kill(first)
    out, _ = start(interpreters.newest(), SDK).communicate(timeout=patience.SECONDS)
    assert b"200" in out and parts(tmp_path) == []
