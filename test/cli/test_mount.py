"""mount: what it refuses, what a mounted folder shows, and a real mount where FUSE can be used."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.cli.inside import Inside
from test.cli.shell import Shell

MOVIE = (Path(__file__).parents[1] / "data" / "demo.mp4").read_bytes()


def needs_fuse() -> None:
    try:
        importlib.import_module("fuse")
    except (ImportError, OSError) as failure:  # no fusepy, or no libfuse
        pytest.skip(str(failure))


@pytest.fixture
def space(shell: Shell) -> str:
    name = shell.space(a="1", **{"films__x.mp4": MOVIE, "films__empty": b""})
    shell.fill(name, {"marker/": ""})
    return name


def test_what_is_refused(inside: Inside, shell: Shell, space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.folder / "full").mkdir()
    (shell.folder / "full" / "x").write_text("x")
    (shell.folder / "empty").mkdir()
    for words in (("a", "empty"), (f"uvideo://{space}", "none"), (f"uvideo://{space}", "full")):
        done = inside("mount", *words)
        assert done.code == 2 and "bug in the program" not in done.err, words
    monkeypatch.setitem(sys.modules, "fuse", None)
    monkeypatch.delitem(sys.modules, "uvideo.fs.mount", raising=False)
    monkeypatch.delitem(sys.modules, "fsspec.fuse", raising=False)
    done = inside("mount", f"uvideo://{space}", "empty")
    assert done.code == 2 and "pip install 'uvideo[mount]'" in done.err


def test_an_absent_folder_is_4(inside: Inside, shell: Shell, space: str) -> None:
    needs_fuse()
    (shell.folder / "empty").mkdir()
    assert inside("mount", f"uvideo://{space}/none", "empty").code == 4


def test_what_a_mounted_folder_shows(shell: Shell, space: str) -> None:
    needs_fuse()
    from uvideo.fs import UVideoFileSystem
    from uvideo.fs.mount import ReadOnlyFolder

    filesystem = UVideoFileSystem(
        endpoint=shell.server.host,
        public_key=shell.server.public_key,
        private_key=shell.server.private_key,
        use_listings_cache=True,
    )
    shell.client.put(space, "films/empty", b"", metadata={"mtime": "1577934245.5"})
    folder: Any = ReadOnlyFolder(filesystem, f"{space}/")
    for key in ("films/..", "films/.", "films//x"):
        shell.client.put(space, key, b"no file can have this name")
    assert folder.readdir("/", 0) == [".", "..", "a", "films", "marker"]
    assert folder.readdir("/films", 0) == [".", "..", "empty", "x.mp4"]
    found = folder.getattr("/films/x.mp4")
    assert (found["st_mode"], found["st_size"]) == (0o100444, len(MOVIE))
    assert found["st_mtime"] == found["st_ctime"] == shell.client.stat(space, "films/x.mp4").modified.timestamp()
    timed = folder.getattr("/films/empty")
    assert timed["st_mtime"] == 1577934245.5 < timed["st_ctime"]
    assert folder.getattr("/films")["st_mode"] == folder.getattr("/")["st_mode"] == 0o40555
    with pytest.raises(OSError) as caught:
        folder.getattr("/none")
    assert caught.value.errno == errno.ENOENT
    handle = folder.open("/films/x.mp4", os.O_RDONLY)
    for offset in (len(MOVIE) - 100, 0, 1000):
        assert folder.read("/films/x.mp4", 4096, offset, handle) == MOVIE[offset : offset + 4096]
    folder.release("/films/x.mp4", handle)
    for refused in (
        lambda: folder.open("/a", os.O_WRONLY),
        lambda: folder.open("/a", os.O_RDWR),
        lambda: folder.create("/b", 0o644),
        lambda: folder.unlink("/a"),
        lambda: folder.mkdir("/b", 0o755),
        lambda: folder.truncate("/a", 0),
        lambda: folder.rename("/a", "/b"),
    ):
        with pytest.raises(OSError) as caught:
            refused()
        assert caught.value.errno == errno.EROFS
    assert shell.client.get(space, "a").data == b"1"


def usable() -> bool:
    try:
        with open("/dev/fuse", "rb+", buffering=0):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not usable(), reason="/dev/fuse cannot be used here")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_real_mount(shell: Shell, space: str, number: signal.Signals) -> None:
    needs_fuse()
    place = shell.folder / "m"
    place.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvideo", "mount", f"uvideo://{space}", "m"],
        cwd=shell.folder,
        env=shell.environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        patience.until(lambda: os.path.ismount(place) or process.poll() is not None)
        assert sorted(os.listdir(place)) == ["a", "films", "marker"]
        assert (place / "films" / "x.mp4").read_bytes() == MOVIE
        if probe := shutil.which("ffprobe"):  # seeks for the index of the film
            words = [probe, "-v", "error", "-show_entries", "format=size", "-of", "csv=p=0", "m/films/x.mp4"]
            done = subprocess.run(
                words, cwd=shell.folder, capture_output=True, text=True, timeout=patience.SECONDS, check=True
            )
            assert done.stdout.strip() == str(len(MOVIE))
        with pytest.raises(OSError):
            (place / "new").write_text("x")
        process.send_signal(number)
        _, err = process.communicate(timeout=patience.SECONDS)
        assert process.returncode == 0 and "is mounted at m" in err and "Traceback" not in err
        assert not os.path.ismount(place)
    finally:
        process.kill()
        process.wait()
