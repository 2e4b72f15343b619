"""What is remembered of local files, and when it counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uvideo import Cancel, etag
from uvideo.cli.etags import Etags
from uvideo.cli.walk import Entry, one_file
from uvideo.errors import Cancelled, LocalFailure, SourceChanged

HOUR_AGO = 1_700_000_000_123_456_789


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    os.utime(path, ns=(HOUR_AGO, HOUR_AGO))
    return path


def entry(path: Path) -> Entry:
    return one_file(str(path), path.name)


def test_a_file_is_hashed_once(tmp_path: Path, file: Path) -> None:
    cache = tmp_path / "cache"
    for _ in range(2):
        etags = Etags(cache)
        assert etags.of(entry(file), Cancel()) == etag(b"content")
        etags.close()
        file.write_bytes(b"CONTENT")
        os.utime(file, ns=(HOUR_AGO, HOUR_AGO))  # what identifies it is as it was
    etags = Etags(cache)
    for path in (file, tmp_path / "copy"):
        path.write_bytes(b"CONTENT")
        os.utime(path, ns=(HOUR_AGO + 1, HOUR_AGO + 1))
        assert etags.of(entry(path), Cancel()) == etag(b"CONTENT")
    etags.close()


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path, file: Path) -> None:
    etags = Etags(tmp_path / "cache")
    os.utime(file)
    young = entry(file)
    assert etags.of(young, Cancel()) == etag(b"content")
    assert etags.find(young) is None
    etags.learn(str(file), "e", young.size, young.mtime_ns)
    assert etags.find(young) is None
    etags.close()


def test_what_a_transfer_knows_counts(tmp_path: Path, file: Path) -> None:
    etags = Etags(tmp_path / "cache")
    etags.learn(str(file), "wrong size", 1, None)
    etags.learn(str(file), "wrong time", 7, 1)
    etags.learn(str(tmp_path / "gone"), "e", 7, None)
    assert etags.find(entry(file)) is None
    etags.learn(str(file), "uploaded", 7, HOUR_AGO)
    assert etags.of(entry(file), Cancel()) == "uploaded"
    etags.learn(str(file), "downloaded", 7, None)
    assert etags.of(entry(file), Cancel()) == "downloaded"
    etags.close()
    etags.close()
    assert etags.of(entry(file), Cancel()) == etag(b"content")


def test_without_a_cache_everything_is_hashed(tmp_path: Path, file: Path) -> None:
    for place in (file / "no folder", tmp_path):
        etags = Etags(place)
        assert etags.of(entry(file), Cancel()) == etag(b"content")
        etags.close()


def test_a_file_that_changes_or_goes_is_said(tmp_path: Path, file: Path) -> None:
    etags = Etags(tmp_path / "cache")
    before = entry(file)
    file.write_bytes(b"another")
    with pytest.raises(SourceChanged):
        etags.of(before, Cancel())
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        etags.of(entry(file), cancel)
    file.unlink()
    with pytest.raises(LocalFailure, match="No such file"):
        etags.of(before, Cancel())
    etags.close()


def test_a_cache_that_another_process_writes_to_stays(tmp_path: Path, file: Path) -> None:
    first = Etags(tmp_path / "cache")
    first.of(entry(file), Cancel())  # not committed: the file is locked
    inode = (tmp_path / "cache").stat().st_ino
    second = Etags(tmp_path / "cache")
    assert second.of(entry(file), Cancel()) == etag(b"content")
    second.close()
    first.close()
    assert (tmp_path / "cache").stat().st_ino == inode
    third = Etags(tmp_path / "cache")
    assert third.find(entry(file)) == etag(b"content")
    third.close()
