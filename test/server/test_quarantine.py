"""What a sweep finds without a name is kept for a while, and a sweep that would take much takes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import urllib.request
import uuid
from pathlib import Path

import pytest

from test import patience
from test.server.test_identity import stored
from test.server.test_maintenance import inside, told
from test.server.wire import BLOCK, Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation

SPACE = "films"
DATA = {f"key{number}": os.urandom(20_000 + number) for number in range(4)}
PATIENCE = 30.0  # seconds


def metric(server: Server, name: str) -> int:
    with urllib.request.urlopen(f"{server.admin}/metrics", timeout=PATIENCE) as answer:
        found = re.search(rf"^{name} (\d+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def swept(server: Server) -> None:
    """The sweep of the start is over."""
    deadline = time.monotonic() + PATIENCE
    while not metric(server, "uvideo_gc_last_run_seconds") and not metric(server, "uvideo_gc_failures_total"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kept(folder: Path) -> dict[str, bytes]:
    """What is in the quarantine."""
    return {path.name: path.read_bytes() for path in (folder / "quarantine").rglob("*") if path.is_file()}


def put(peer: Peer, data: dict[str, bytes]) -> None:
    for key, value in data.items():
        peer.do(operation.PutObject(SPACE, key), value)


def serves(peer: Peer, data: dict[str, bytes]) -> None:
    for key, value in data.items():
        got = peer.call(operation.GetObject(SPACE, key))
        assert (got.status, got.body) == (200, value), key


def save_catalog(folder: Path, name: str) -> None:
    """Of a stopped server: all is in one file."""
    shutil.copy(folder / "catalog.db", folder.with_name(name))


def restore_catalog(folder: Path, name: str) -> None:
    for path in folder.glob("catalog.db*"):
        path.unlink()
    shutil.copy(folder.with_name(name), folder / "catalog.db")
    age(*(path for place in ("blobs", "incoming") for path in (folder / place).rglob("*") if path.is_file()))


def age(*paths: Path) -> None:
    """As if nobody had touched them for two hours: the sweep of a start takes only what is older than the start."""
    then = time.time() - 7200
    for path in paths:
        os.utime(path, (then, then))


def fill(folder: Path, count: int) -> set[str]:
    """So many blobs that nobody names, two hours old."""
    names = {uuid.uuid4().hex for _ in range(count)}
    for name in names:
        path = folder / "blobs" / name[:2] / name
        path.write_bytes(name.encode())
        age(path)
    return names


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped server, with one object."""
    folder = tmp_path_factory.mktemp("made") / "data"
    with start_server(folder, "--no-fsync") as server:
        peer = Peer(server)
        peer.manage(operation.CreateSpace(SPACE))
        put(peer, {"first": DATA["key0"]})
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the test's own; what the server knew is saved as ``old``."""
    folder = Path(shutil.copytree(made, tmp_path / "data"))
    save_catalog(folder, "old")
    return folder


def test_an_older_catalog_costs_nothing_when_the_newer_one_comes_back(folder: Path) -> None:
    with start_server(folder, "--no-fsync") as server:
        peer = Peer(server)
        put(peer, DATA)
        begun = peer.do(operation.InitiateUpload(SPACE, "upload"))
        first = peer.do(operation.UploadPart(SPACE, "upload", begun.upload_id, 0), b"a" * BLOCK)
    save_catalog(folder, "new")
    before = stored(folder)
    restore_catalog(folder, "old")
    with start_server(folder, "--no-fsync") as server:
        swept(server)
        serves(Peer(server), {"first": DATA["key0"]})
        assert metric(server, "uvideo_quarantine_files") == len(kept(folder)) == 5
        size = metric(server, "uvideo_quarantine_bytes")
        assert size == sum(map(len, kept(folder).values())) == sum(map(len, DATA.values())) + BLOCK
    stats = told(inside("stats", folder, "--json"))
    assert (stats["quarantine_files"], stats["quarantine_bytes"]) == (5, size)
    restore_catalog(folder, "new")
    with start_server(folder, "--no-fsync") as server:
        peer = Peer(server)
        serves(peer, {"first": DATA["key0"], **DATA})
        last = peer.do(operation.UploadPart(SPACE, "upload", begun.upload_id, 1), b"b")
        peer.do(operation.FinishUpload(SPACE, "upload", begun.upload_id, (first.etag, last.etag)))
        serves(peer, {"upload": b"a" * BLOCK + b"b"})
    assert kept(folder) == {} and set(stored(folder)) == set(before)


def test_fsck_counts_it_and_takes_it_back(folder: Path) -> None:
    with start_server(folder, "--no-fsync") as server:
        put(Peer(server), DATA)
    save_catalog(folder, "new")
    restore_catalog(folder, "old")
    with start_server(folder, "--no-fsync") as server:
        swept(server)
    restore_catalog(folder, "new")
    done = inside("fsck", folder, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and lines[-1] == {"objects": 5, "damaged": 4}
    assert lines[-2] == {"quarantine_files": 4, "quarantine_bytes": sum(map(len, DATA.values()))}
    done = inside("fsck", folder, "--take-back", "--rehash", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"taken_back": 4},
        {"objects": 5, "damaged": 0},
    ]


def test_a_sweep_that_would_take_much_takes_nothing(folder: Path) -> None:
    names = fill(folder, 101)
    with start_server(folder, "--no-fsync") as server:
        swept(server)
        text = server.log.read_text()
        # A draft by which the server looks whether the disk takes anything may be there, too.
        assert (
            re.search("does not name 101 of 10[23] blobs and drafts", text) and "uvideo admin gc DIR --no-limit" in text
        )
        assert "Traceback" not in text and metric(server, "uvideo_gc_failures_total") == 1
    assert names <= set(stored(folder)) and kept(folder) == {}
    done = inside("gc", folder)
    assert done.returncode == 2 and "--no-limit" in done.stderr and names <= set(stored(folder))
    assert told(inside("gc", folder, "--no-limit", "--json"))["removed"] == 101
    assert set(kept(folder)) == names and len(stored(folder)) == 1


def test_a_hundred_files_are_taken(folder: Path) -> None:
    names = fill(folder, 100)
    assert told(inside("gc", folder, "--json"))["removed"] == 100
    assert set(kept(folder)) == names


def test_what_clients_delete_and_replace_is_removed_at_once(folder: Path) -> None:
    with start_server(folder, "--no-fsync") as server:
        peer = Peer(server)
        put(peer, {"key": DATA["key1"]})
        put(peer, {"key": DATA["key2"]})
        begun = peer.do(operation.InitiateUpload(SPACE, "upload"))
        peer.do(operation.UploadPart(SPACE, "upload", begun.upload_id, 0), b"part")
        peer.do(operation.AbortUpload(SPACE, "upload", begun.upload_id))
        assert set(stored(folder).values()) == {DATA["key0"], DATA["key2"]}
        for key in ("key", "first"):
            peer.do(operation.DeleteObject(SPACE, key))
    assert stored(folder) == kept(folder) == {}


@pytest.mark.parametrize(("days", "age", "left"), [("7", 6.9, 1), ("7", 7.1, 0), ("2", 1.9, 1), ("2", 2.1, 0)])
def test_it_is_kept_for_as_long_as_the_operator_says(folder: Path, days: str, age: float, left: int) -> None:
    (name,) = fill(folder, 1)
    told(inside("gc", folder, "--json"))
    path, then = folder / "quarantine" / "blobs" / name, time.time() - age * 86400
    assert abs(path.stat().st_mtime - time.time()) < 600
    os.utime(path, (then, then))
    env = {"UVIDEO_SERVE_QUARANTINE_DAYS": days}
    told(inside("gc", folder, "--json", env=env))
    assert len(kept(folder)) == left


def test_no_time_in_the_quarantine_is_allowed(folder: Path) -> None:
    fill(folder, 3)
    with start_server(folder, "--no-fsync", "--quarantine-days", "0") as server:
        swept(server)
        assert metric(server, "uvideo_gc_removed_total") == 3
    assert kept(folder) == {} and len(stored(folder)) == 1


def test_a_disk_that_runs_full_empties_it_first(folder: Path) -> None:
    """But never what the catalog names."""
    names = fill(folder, 3)
    told(inside("gc", folder, "--json"))
    assert set(kept(folder)) == names
    place = os.statvfs(folder)
    headroom = place.f_bavail * place.f_frsize * 3 // 4 // 1024**2  # less than is free, and more than half of it
    with start_server(folder, "--no-fsync", "--headroom", str(headroom)) as server:
        deadline = time.monotonic() + PATIENCE
        while metric(server, "uvideo_quarantine_files") or not metric(server, "uvideo_gc_last_run_seconds"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        patience.until_said(server.log, "the disk is nearly full: removed 3 files of the quarantine")
        serves(Peer(server), {"first": DATA["key0"]})
    assert kept(folder) == {}


def test_a_file_without_a_byte_is_not_kept(folder: Path) -> None:
    draft = folder / "incoming" / uuid.uuid4().hex
    draft.touch()
    age(draft)
    with start_server(folder, "--no-fsync") as server:
        swept(server)
        assert metric(server, "uvideo_quarantine_files") == 0
    assert len(stored(folder)) == 1
