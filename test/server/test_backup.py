"""`uvideo admin backup` of a folder that a server works on, and `restore`."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.crash.state import State, fits, observe
from test.crash.story import Writer, names, writers
from test.server.test_maintenance import OBJECTS, admin, inside, told
from test.server.test_maintenance import made as made  # a fixture
from test.server.wire import BLOCK, Peer
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import etag, operation
from uvideo.storage import backup_hold

SPACE = "story"
WRITERS = 10


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Server]:
    with start_server(tmp_path / "origin", "--no-fsync") as server:
        yield server


@pytest.fixture
def folder(made: tuple[Path, str], tmp_path: Path) -> Path:
    """The folder of a stopped server with what ``fill`` stores."""
    return Path(shutil.copytree(made[0], tmp_path / "origin"))


@pytest.fixture
def space(made: tuple[Path, str]) -> str:
    """The space in ``folder``."""
    return made[1]


@pytest.fixture
def filled(folder: Path) -> Iterator[Server]:
    """A server on ``folder``."""
    with start_server(folder, "--no-fsync") as server:
        yield server


def files(folder: Path) -> dict[str, os.stat_result]:
    """name -> stat of every file with bytes of objects or drafts."""
    return {path.name: path.stat() for place in ("blobs", "incoming") for path in (folder / place).rglob("?" * 32)}


def everything(server: Server, space: str) -> dict[str, tuple[int, str | None, bytes]]:
    peer = Peer(server)
    found = {}
    for key in (*OBJECTS, "copy"):
        got = peer.call(operation.GetObject(space, key))
        found[key] = got.status, got.header("ETag"), got.body
    return found


def test_a_restored_folder_serves_what_was_there_and_unfinished_uploads_go_on(
    filled: Server, space: str, tmp_path: Path
) -> None:
    peer = Peer(filled)
    first = os.urandom(BLOCK)
    begun = peer.do(operation.InitiateUpload(space, "goes on"))
    part = peer.do(operation.UploadPart(space, "goes on", begun.upload_id, 0), first)
    before = everything(filled, space)
    done = told(admin("backup", filled.dir, tmp_path / "copy", "--with-credentials", "--json"))
    assert done["objects"] == len(OBJECTS) + 1 and done["uploads"] == 2 and done["missing"] == 0
    assert done["linked"] > 0, "one file system: sealed blobs are hard links"
    for key in OBJECTS:
        peer.do(operation.DeleteObject(space, key))  # the backup does not change with the folder
    restored = told(admin("restore", tmp_path / "copy", tmp_path / "restored", "--json"))
    assert restored["objects"] == done["objects"] and restored["linked"] == 0
    assert told(inside("fsck", "--rehash", tmp_path / "restored", "--json")) == {"objects": len(before), "damaged": 0}
    with start_server(tmp_path / "restored") as server:
        assert server.public_key == filled.public_key
        assert everything(server, space) == before
        tags = part.etag, etag.part_etag(etag.block_digest(b"the end"))
        again = Peer(server)
        again.do(operation.UploadPart(space, "goes on", begun.upload_id, 1), b"the end")
        again.do(operation.FinishUpload(space, "goes on", begun.upload_id, tags))
        assert again.call(operation.GetObject(space, "goes on")).body == first + b"the end"


def test_drafts_are_copied_and_never_linked(origin: Server, tmp_path: Path) -> None:
    peer = Peer(origin)
    space = peer.space()
    begun = peer.do(operation.InitiateUpload(space, "draft"))
    peer.do(operation.UploadPart(space, "draft", begun.upload_id, 0), bytes(BLOCK))
    assert told(inside("backup", origin.dir, tmp_path / "copy", "--json"))["copied"] == 1
    (name,) = files(tmp_path / "copy")
    peer.do(operation.UploadPart(space, "draft", begun.upload_id, 1), b"later")
    assert (tmp_path / "copy" / "incoming" / name).stat().st_nlink == 1
    assert files(tmp_path / "copy")[name].st_size == BLOCK < files(origin.dir)[name].st_size


def test_a_second_backup_takes_what_is_new_and_removes_what_is_gone(filled: Server, space: str, tmp_path: Path) -> None:
    peer = Peer(filled)
    target = tmp_path / "copy"
    first = told(inside("backup", filled.dir, target, "--copy", "--json"))
    assert first["linked"] == 0 and first["stored"] > 0
    kept = files(target)
    peer.do(operation.DeleteObject(space, "large"))
    peer.do(operation.PutObject(space, "new"), os.urandom(200_000))
    second = told(inside("backup", filled.dir, target, "--copy", "--json"))
    assert (second["removed"], second["copied"]) == (1, 1 + 1)  # the blob of "new", and the draft again
    assert second["kept"] == len(kept) - 1 - 1
    same = [name for name in kept if name in files(target) and files(target)[name].st_ino == kept[name].st_ino]
    assert len(same) == second["kept"], "what was there was not written again"
    told(inside("restore", target, tmp_path / "restored", "--json"))
    assert told(inside("fsck", "--rehash", tmp_path / "restored", "--json"))["damaged"] == 0


def test_a_hot_backup_holds_everything_acknowledged_before_it_began(origin: Server, tmp_path: Path) -> None:
    """Ten writers put, overwrite, copy, rename, append, delete and upload all the time."""
    Peer(origin).manage(operation.CreateSpace(SPACE))
    dice = random.Random(14)
    at_work = writers([origin], SPACE, {name: State() for name in names(WRITERS)}, dice)
    for writer in at_work:
        writer.start()
    for round_ in range(2):
        before = [wait_for(writer, 8 * (round_ + 1)) for writer in at_work]
        told(admin("backup", origin.dir, tmp_path / "copy", "--json"))
        after = [len(writer.steps) for writer in at_work]
        restored = tmp_path / f"restored{round_}"
        told(inside("restore", tmp_path / "copy", restored, "--json"))
        found, _ = asyncio.run(observe(restored, SPACE, [writer.prefix[:-1] for writer in at_work]))
        for writer, first, last in zip(at_work, before, after, strict=True):
            assert writer.failure is None, writer.failure
            steps = writer.steps[first - 1 : last + 1]  # the last one may have been under way when it ended
            assert any(
                fits(found[writer.prefix[:-1]], each) for step in steps for each in (*step.partly, step.after)
            ), writer.prefix
    for writer in at_work:
        writer.stop.set()
        writer.join(patience.SECONDS)
        assert writer.failure is None and not writer.is_alive(), writer.failure
    assert not list((origin.dir / backup_hold.HELD).glob("*"))


def wait_for(writer: Writer, steps: int) -> int:
    """How many steps it has done, at least so many; fails with it."""
    while len(writer.steps) < steps and writer.is_alive():
        writer.join(0.02)
    assert writer.failure is None, writer.failure
    return len(writer.steps)


def test_what_is_deleted_during_a_backup_is_kept_for_it_and_then_removed(filled: Server, space: str) -> None:
    peer = Peer(filled)
    there = set(files(filled.dir))
    with backup_hold.hold(filled.dir):
        peer.do(operation.DeleteObject(space, "large"))
        peer.do(operation.PutObject(space, "one"), b"replaced")
        peer.do(operation.DeleteObject(space, "copy"))
        held = {path.name for path in (filled.dir / backup_hold.HELD).iterdir()}
        assert len(held) == 2 and held == there - set(files(filled.dir))
        with pytest.raises(backup_hold.Busy), backup_hold.hold(filled.dir, patience=0.1):
            pass
    assert not list((filled.dir / backup_hold.HELD).iterdir())
    before = set(files(filled.dir))
    peer.do(operation.DeleteObject(space, "é/视频.mp4"))
    assert len(before - set(files(filled.dir))) == 1 and not list((filled.dir / backup_hold.HELD).iterdir())


def test_a_backup_that_was_killed_leaves_nothing_held_and_its_target_as_it_was(
    filled: Server, space: str, tmp_path: Path
) -> None:
    peer = Peer(filled)
    target = tmp_path / "copy"
    told(inside("backup", filled.dir, target, "--json"))
    program = (
        "import os, sys; from pathlib import Path; from uvideo.storage import backup\n"
        "backup.remove_unnamed = backup.replace = lambda *_: os.kill(os.getpid(), 9)\n"
        "backup.backup(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    peer.do(operation.DeleteObject(space, "large"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run(
        [sys.executable, "-c", program, filled.dir, target], timeout=patience.SECONDS, env=environment
    )
    assert killed.returncode == -signal.SIGKILL
    peer.do(operation.DeleteObject(space, "one"))
    peer.do(operation.DeleteObject(space, "copy"))
    told(inside("restore", target, tmp_path / "restored", "--json"))
    assert told(inside("fsck", "--rehash", tmp_path / "restored", "--json"))["damaged"] == 0
    assert told(inside("backup", filled.dir, target, "--json"))["removed"] > 0
    assert not list((filled.dir / backup_hold.HELD).iterdir())


def test_damage_is_named_and_the_rest_is_backed_up(folder: Path, space: str, tmp_path: Path) -> None:
    largest = max(files(folder).items(), key=lambda each: each[1].st_size)[0]
    os.truncate(folder / "blobs" / largest[:2] / largest, 5)
    done = inside("backup", folder, tmp_path / "copy")
    assert done.returncode == 1
    assert f"{space}/large: only 5 of its {2 * BLOCK + 77} bytes exist" in done.stdout
    assert told(inside("restore", tmp_path / "copy", tmp_path / "restored", "--json"))["missing"] == 1
    assert told(inside("fsck", "--rehash", tmp_path / "restored", "--json"))["damaged"] == 1


def test_nothing_is_written_where_it_does_not_belong(folder: Path, tmp_path: Path) -> None:
    told(inside("backup", folder, tmp_path / "done", "--json"))
    for name in ("mine", "other/blobs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mine" / "film.mp4").touch()
    (tmp_path / "other" / "backup.json").write_text('{"identity": "of another server"}')
    for arguments, says in {
        ("backup", "none", "copy"): "has no catalog.db",
        ("backup", "origin", "origin/copy"): "one contains the other",
        ("backup", "origin", "."): "one contains the other",
        ("backup", "origin", "mine"): "contains something other than a backup",
        ("backup", "origin", "other"): "is a backup of another server",
        ("restore", "none", "restored"): "is not a complete backup",
        ("restore", "origin", "restored"): "is not a complete backup",
        ("restore", "done", "mine"): "is not empty",
        ("restore", "done", "done/restored"): "one contains the other",
    }.items():
        before = tree(tmp_path)
        refused = inside(arguments[0], *(tmp_path / each for each in arguments[1:]))
        assert refused.returncode == 2 and says in refused.stderr, (arguments, refused)
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        assert tree(tmp_path) == before, arguments


def tree(root: Path) -> set[Path]:
    """What is there, but for what the server keeps of its own."""
    return {path for path in root.rglob("*") if "origin" not in path.parts and not path.name.startswith("catalog.db")}
