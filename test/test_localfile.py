"""The files of this machine: what ucloud.uvideo.engine.localfile promises, on whatever system it is run."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.interpreters import ROOT
from ucloud.uvideo.engine import localfile

HOLD = """
import os, sys
from ucloud.uvideo.engine import localfile
number = localfile.opened(sys.argv[1], os.O_RDWR | os.O_CREAT)
print(localfile.lock(number), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path: Path) -> Any:
    """A file that another process has locked until its stdin ends."""
    path = tmp_path / "held"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        yield path, process


def test_a_lock_keeps_others_out_until_its_process_ends(held: Any) -> None:
    path, process = held
    number = localfile.opened(path)
    try:
        assert not localfile.lock(number)
        assert not localfile.lock_soon(number, 0.02)
        process.kill()
        process.wait()
        assert localfile.lock_soon(number, 10)
    finally:
        os.close(number)


def test_a_lock_is_asked_for_again_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [False, False, True]
    monkeypatch.setattr(localfile, "lock", lambda number: answers.pop(0))
    assert localfile.lock_soon(0, 60, 0) and answers == []
    answers += [False, True]
    assert not localfile.lock_soon(0, 0, 0) and answers == [True]


def test_what_is_locked_can_be_read_by_others(held: Any) -> None:
    path, _ = held
    localfile.write(path.with_name("other"), b"bytes\nas they are")
    assert path.with_name("other").read_bytes() == b"bytes\nas they are"
    assert path.read_bytes() == b""


def test_a_locked_file_is_replaced_and_its_lock_goes_on(tmp_path: Path) -> None:
    path, aside = tmp_path / "a", tmp_path / "a.new"
    number = localfile.opened(path, os.O_RDWR | os.O_CREAT)
    try:
        assert localfile.lock(number)
        localfile.write(aside, b"second")
        assert localfile.supplant(aside, path, number)
        assert path.read_bytes() == b"second" and not aside.exists()
        localfile.write_at(number, b"S", 0)
        assert path.read_bytes() == b"Second"
        assert localfile.is_at(number, path)
        other = localfile.opened(path)
        try:
            assert not localfile.lock(other)
        finally:
            os.close(other)
    finally:
        localfile.remove(path, lambda: os.close(number))
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_gets_its_name(tmp_path: Path) -> None:
    """Closed before that, or behind it, as the system wants it."""
    (tmp_path / "target").write_bytes(b"old")
    number = localfile.opened(tmp_path / "aside", os.O_RDWR | os.O_CREAT)
    localfile.write_at(number, b"new", 0)
    localfile.replace(tmp_path / "aside", tmp_path / "target", lambda: os.close(number))
    with pytest.raises(OSError):
        os.fstat(number)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("target", b"new")]


def test_a_name_that_is_taken_is_not_given_again(tmp_path: Path) -> None:
    for name in ("first", "second"):
        localfile.write(tmp_path / name, name.encode())
    localfile.place(tmp_path / "first", tmp_path / "third")
    with pytest.raises(FileExistsError):
        localfile.place(tmp_path / "second", tmp_path / "third")
    assert (tmp_path / "third").read_bytes() == b"first"


def test_bytes_at_an_offset(tmp_path: Path) -> None:
    number = localfile.opened(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    try:
        localfile.write_at(number, b"\r\n\x1a\n", 3)
        assert localfile.read_at(number, 100, 2) == b"\0\r\n\x1a\n"
        assert localfile.read_at(number, 100, 7) == b""
    finally:
        os.close(number)


def test_room_that_is_free(tmp_path: Path) -> None:
    # Others write to the disk between two looks.
    patience.until(lambda: 0 < localfile.free(tmp_path) <= localfile.free(tmp_path, reserve=True))


def test_room_that_is_free_beside_a_file_where_only_folders_are_asked_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = shutil.disk_usage(tmp_path)

    def usage(path: Any) -> Any:  # as on Windows before Python 3.8
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return room

    monkeypatch.delattr(os, "statvfs", raising=False)
    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"")
    assert all(localfile.free(each) for each in (str(tmp_path), str(tmp_path / "file"), "file"))


def test_a_refused_name_is_tried_again_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a virus scanner has the file open."""
    tries = []
    real = os.replace

    def refused(*names: Any) -> None:
        tries.append(names)
        if len(tries) < 4:
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        real(*names)

    monkeypatch.setattr(localfile, "MOVES_OPEN", False)
    monkeypatch.setattr(localfile, "PAUSE", 0)
    monkeypatch.setattr(os, "replace", refused)
    localfile.write(tmp_path / "a", b"a")
    localfile.replace(tmp_path / "a", tmp_path / "b")
    assert len(tries) == 4 and (tmp_path / "b").exists()
    monkeypatch.setattr(localfile, "PATIENCE", 0)
    tries.clear()
    with pytest.raises(PermissionError):
        localfile.replace(tmp_path / "b", tmp_path / "c")
    assert len(tries) == 1 and (tmp_path / "b").exists()
