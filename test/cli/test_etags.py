"""What is remembered of local files, and when it counts."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from uvideo import Cancel, etag
from uvideo.cli.etags import Etags
from uvideo.cli.walk import Entry, one_file
from uvideo.errors import Cancelled, LocalFailure, SourceChanged

HOUR_AGO = 1_700_000_000_123_456_789
#: Seconds after which a change counts as past.
PAST = 0.1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    os.utime(path, ns=(HOUR_AGO, HOUR_AGO))
    time.sleep(PAST)
    return path


def entry(path: Path) -> Entry:
    return one_file(str(path), path.name)


def test_a_file_is_hashed_once(tmp_path: Path, file: Path) -> None:
    cache = tmp_path / "cache"
    etags = Etags(cache)
    assert etags.of(entry(file), Cancel()) == etag(b"content")
    etags.close()
    etags = Etags(cache)
    assert etags.find(entry(file)) == etag(b"content")
    assert etags.find(entry(shutil.copy2(file, tmp_path / "copy"))) is None
    etags.close()


def test_other_content_with_the_old_size_and_time_is_noticed(tmp_path: Path, file: Path) -> None:
    etags = Etags(tmp_path / "cache")
    before = entry(file)
    etags.of(before, Cancel())
    file.write_bytes(b"CONTENT")
    os.utime(file, ns=(HOUR_AGO, HOUR_AGO))
    assert (entry(file).size, entry(file).mtime_ns, entry(file).inode) == (before.size, before.mtime_ns, before.inode)
    assert etags.of(entry(file), Cancel()) == etag(b"CONTENT")
    etags.close()


def test_what_is_cached_does_not_count_for_a_fresh_run(tmp_path: Path, file: Path) -> None:
    etags = Etags(tmp_path / "cache")
    etags.uploaded(entry(file), "stale", time.time_ns())
    assert etags.of(entry(file), Cancel()) == "stale"
    etags.close()
    etags = Etags(tmp_path / "cache", fresh=True)
    assert etags.of(entry(file), Cancel()) == etag(b"content")
    assert etags.find(entry(file)) == etag(b"content")
    etags.close()


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path, file: Path) -> None:
    etags = Etags(tmp_path / "cache")
    for when in (None, (HOUR_AGO, HOUR_AGO)):  # as written now; with an old time, which changes only the ctime
        os.utime(file, ns=when) if when else os.utime(file)
        young = entry(file)
        began = max(young.ctime_ns, young.mtime_ns) + 1
        etags.uploaded(young, "e", began)
        assert etags.find(young) is None
    etags.close()


def test_what_a_transfer_knows_counts(tmp_path: Path, file: Path) -> None:
    etags, now = Etags(tmp_path / "cache"), time.time_ns()
    etags.downloaded(str(file), "wrong size", 1)
    etags.downloaded(str(tmp_path / "gone"), "e", 7)
    for wrong in ({"size": 1}, {"mtime_ns": 1}, {"ctime_ns": 1}, {"inode": 1}, {"place": str(tmp_path / "gone")}):
        etags.uploaded(replace(entry(file), **wrong), "changed", now)  # type: ignore[arg-type]
    assert etags.find(entry(file)) is None
    etags.uploaded(entry(file), "uploaded", now)
    assert etags.of(entry(file), Cancel()) == "uploaded"
    etags.downloaded(str(file), "downloaded", 7)
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


def test_processes_cache_at_the_same_time(tmp_path: Path, file: Path) -> None:
    """What one has not written yet keeps nobody from writing."""
    other = tmp_path / "other"
    shutil.copy2(file, other)
    time.sleep(PAST)
    first, second = Etags(tmp_path / "cache"), Etags(tmp_path / "cache")
    first.of(entry(file), Cancel())
    second.of(entry(other), Cancel())
    second.close()
    first.close()
    third = Etags(tmp_path / "cache")
    assert [third.find(entry(each)) for each in (file, other)] == [etag(b"content")] * 2
    third.close()


def test_what_is_not_written_yet_is_found_and_bounded(tmp_path: Path) -> None:
    etags = Etags(tmp_path / "cache")
    files = [tmp_path / f"{number:03}" for number in range(501)]
    for each in files:
        each.write_bytes(b"x")
        os.utime(each, ns=(HOUR_AGO, HOUR_AGO))
        etags.downloaded(str(each), "e", 1)
    assert {etags.find(entry(each)) for each in files} == {"e"}
    other = Etags(tmp_path / "cache")
    assert [other.find(entry(each)) for each in (files[499], files[500])] == ["e", None]
    other.close()
    etags.close()


def test_a_time_that_the_cache_cannot_hold_harms_no_other_file(tmp_path: Path, file: Path) -> None:
    late = tmp_path / "late"
    late.write_bytes(b"x")
    os.utime(late, ns=(1 << 63, 1 << 63))  # in the year 2262, if the file system can
    etags = Etags(tmp_path / "cache")
    etags.downloaded(str(late), "e", 1)
    etags.of(entry(file), Cancel())
    etags.close()
    etags = Etags(tmp_path / "cache")
    assert etags.find(entry(file)) == etag(b"content")
    etags.close()


def test_a_cache_that_another_process_writes_to_stays(tmp_path: Path, file: Path) -> None:
    Etags(tmp_path / "cache").close()
    inode = (tmp_path / "cache").stat().st_ino
    first = sqlite3.connect(tmp_path / "cache")
    first.execute("BEGIN IMMEDIATE")
    second = Etags(tmp_path / "cache")
    assert second.of(entry(file), Cancel()) == etag(b"content")
    second.close()
    first.close()
    assert (tmp_path / "cache").stat().st_ino == inode
    third = Etags(tmp_path / "cache")
    assert third.of(entry(file), Cancel()) == etag(b"content")
    third.close()
