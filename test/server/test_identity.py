"""A catalog and blobs that do not belong together: nothing is served, nothing is removed, the text says what to do."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.server.test_maintenance import admin, fill, holds, inside, told
from test.server.wire import Peer
from test.server_fixture import ROOT, start_server
from ucloud.uvideo.protocol import operation
from uvideo.server.process.exit_codes import UNFIT


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped server's folder with objects of every kind; the space is in the file ``space``."""
    folder = tmp_path_factory.mktemp("made") / "data"
    with start_server(folder, "--no-fsync") as server:
        space = fill(Peer(server))
    (folder / "space").write_text(space)
    return folder


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of another server."""
    folder = tmp_path_factory.mktemp("another") / "data"
    with start_server(folder, "--no-fsync") as server:
        space = fill(Peer(server))
    (folder / "space").write_text(space)
    return folder


@pytest.fixture
def other(another: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(another, tmp_path / "other"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


def space_of(folder: Path) -> str:
    return (folder / "space").read_text()


def stored(folder: Path) -> dict[str, bytes]:
    """All files with bytes of blobs and drafts."""
    places = (folder / name for name in ("blobs", "incoming"))
    return {path.name: path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}


@contextlib.contextmanager
def catalog(folder: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as db, db:
        yield db


def take_catalog(folder: Path) -> Path:
    """Move it away; where it is now."""
    aside = folder.with_name("aside")
    aside.mkdir()
    for path in folder.glob("catalog.db*"):
        path.rename(aside / path.name)
    return aside


def identity_of(folder: Path) -> tuple[list[str], str]:
    with catalog(folder) as db:
        rows = db.execute("SELECT identity FROM identity").fetchall()
    return [row[0] for row in rows], (folder / "identity").read_text().strip()


def as_of_old(folder: Path) -> None:
    """What a server left that knew of no identity."""
    with catalog(folder) as db:
        for table in ("identity", "oldest", "part_lists", "part_blobs", "s3_parts"):
            db.execute(f"DROP TABLE {table}")
        db.execute("DROP INDEX objects_unread")
        db.execute("ALTER TABLE flux DROP COLUMN received")
        db.execute("ALTER TABLE uploads DROP COLUMN s3")
        db.execute("ALTER TABLE spaces DROP COLUMN documents")
        db.execute("PRAGMA user_version = 3")
    (folder / "identity").unlink()


def is_refused(folder: Path, *words: str, env: dict[str, str] | None = None) -> None:
    """A server refuses to start and changes no blob."""
    before = stored(folder)
    with pytest.raises(RuntimeError) as refusal, start_server(folder, "--no-fsync", env=env):
        pass
    text = str(refusal.value)
    assert f"exit code {UNFIT.code}" in text and "Traceback" not in text
    assert all(word in text for word in words), text
    assert stored(folder) == before


def test_both_have_one_identity_from_the_first_start_on(folder: Path) -> None:
    (ours,), theirs = identity_of(folder)
    assert ours == theirs and len(ours) == 32
    with start_server(folder, "--no-fsync", "--workers", "2") as server:
        holds(Peer(server), space_of(folder))
    assert identity_of(folder) == ([ours], ours)
    assert (folder / "identity").stat().st_mode & 0o777 == 0o600


def test_a_server_without_its_catalog_makes_none_and_removes_nothing(folder: Path) -> None:
    before = stored(folder)
    aside = take_catalog(folder)
    is_refused(folder, "there is no catalog", "Restore the catalog")
    assert not list(folder.glob("catalog.db*"))
    for path in aside.iterdir():
        path.rename(folder / path.name)
    with start_server(folder, "--no-fsync") as server:
        holds(Peer(server), space_of(folder))
    assert stored(folder) == before


def test_the_catalog_of_another_server_is_refused(folder: Path, other: Path) -> None:
    take_catalog(folder)
    shutil.copy(other / "catalog.db", folder)
    is_refused(folder, "does not belong to these blobs", "uvideo admin adopt")
    done = inside("gc", folder)
    assert done.returncode == 2 and "does not belong" in done.stderr


@pytest.mark.parametrize("what", ["fsck", "gc", "stats"])
def test_a_folder_of_an_older_server_gets_one(folder: Path, what: str) -> None:
    as_of_old(folder)
    before = stored(folder)
    if what == "stats":
        with start_server(folder, "--no-fsync") as server:
            holds(Peer(server), space_of(folder))
    told(inside(what, folder, "--json"))
    (ours,), theirs = identity_of(folder)
    assert ours == theirs and stored(folder) == before


def test_blobs_beside_a_new_catalog_never_get_one(folder: Path) -> None:
    as_of_old(folder)
    take_catalog(folder)
    is_refused(folder, "there is no catalog")
    with start_server(folder.with_name("empty"), "--no-fsync"):
        pass
    shutil.copy(folder.with_name("empty") / "catalog.db", folder)
    with catalog(folder) as db:
        db.execute("DELETE FROM identity")
    is_refused(folder, "the catalog names none", "uvideo admin adopt")
    assert not (folder / "identity").exists()


def test_another_server_of_old_is_refused_too(folder: Path, other: Path) -> None:
    """Neither has an identity, but no blob that the catalog names is there."""
    as_of_old(folder)
    as_of_old(other)
    take_catalog(folder)
    shutil.copy(other / "catalog.db", folder)
    is_refused(folder, "none of them was found")


@pytest.mark.parametrize("with_identity", [True, False])
def test_a_volume_that_is_not_mounted_is_no_empty_folder(folder: Path, with_identity: bool) -> None:
    for name in ("blobs", "incoming", "identity"):
        (folder / name).rename(folder.with_name(name))
    if not with_identity:
        with catalog(folder) as db:
            db.execute("DELETE FROM identity")
    is_refused(folder, "none of them was found", "Check that the volume is mounted")


def test_a_volume_that_is_swapped_under_a_running_server_is_not_swept(folder: Path) -> None:
    """What is swept is compared first: gc does it as the server does."""
    (folder / "identity").write_text("0" * 32 + "\n")
    done = inside("gc", folder)
    assert done.returncode == 2 and "does not belong" in done.stderr and len(stored(folder)) == 4


def test_an_identity_file_that_was_lost_is_written_again(folder: Path) -> None:
    (ours,), _ = identity_of(folder)
    (folder / "identity").unlink()
    with start_server(folder, "--no-fsync") as server:
        holds(Peer(server), space_of(folder))
    assert identity_of(folder) == ([ours], ours)
    (folder / "identity").write_text("nonsense\n")
    is_refused(folder, "not an identity", "backup")


COMMANDS = ("stats", "fsck", "gc", "list-keys", "adopt", "add-key", "remove-key", "migrate", "compact", "upgraded")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_admin_command_makes_a_catalog(folder: Path, tmp_path: Path, command: str) -> None:
    """As it happens to who forgets UVIDEO_SERVE_DATABASE."""
    take_catalog(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    more = {
        "add-key": ("--key-file", tmp_path / "key.json"),
        "remove-key": ("UVIDEOnone",),
        "migrate": ("--to-folder", tmp_path / "target"),
    }
    run = admin if command == "upgraded" else inside  # the others are started as processes elsewhere
    done = run(command, folder, *more.get(command, ()))
    assert done.returncode == 2 and "UVIDEO_SERVE_DATABASE" in done.stderr and "Traceback" not in done.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "key.json").exists() and not (tmp_path / "target").exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert inside(command, empty, *more.get(command, ())).returncode == 2
    assert [path.name for path in empty.iterdir()] in ([], ["lock"])


def test_every_admin_command_is_in_these_tests() -> None:
    from uvideo.server.admin_commands import admin as group

    assert set(group.commands) - {"audit", "backed-up", "backup", "keys", "restart", "restore"} == set(
        COMMANDS
    )  # those open no catalog


def test_an_operator_may_say_that_they_belong_together(folder: Path, other: Path) -> None:
    before = stored(folder)
    take_catalog(folder)
    shutil.copy(other / "catalog.db", folder)
    shutil.copy(other / "credentials.json", folder)
    shutil.copytree(other / "blobs", folder / "blobs", dirs_exist_ok=True)
    carried = told(admin("adopt", folder, "--json"))["identity"]
    assert identity_of(folder) == ([carried], carried)
    assert before.items() <= stored(folder).items()
    with start_server(folder, "--no-fsync") as server:
        holds(Peer(server), space_of(other))
        done = inside("adopt", folder)
        assert done.returncode == 2 and "in use by another server" in done.stderr


KILLED = """
import os, signal, sys
left = int(sys.argv.pop(1))

def hook(event, arguments):
    global left
    path = str(arguments[0]) if event in ("open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect") else ""
    if "/data/" in path + "/" and "/blobs/" not in path:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
from uvideo.cli import main
main()
"""


def test_a_server_that_was_killed_in_its_first_start_starts_again(tmp_path: Path) -> None:
    """At any step that touches its folder: what it leaves is never taken for somebody's data."""
    for step in (7, 15, 16, 21):
        folder = tmp_path / str(step) / "data"
        command = [sys.executable, "-c", KILLED, str(step), "serve", str(folder), "--port", "0", "--admin-port", "0"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=patience.SECONDS)
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")  # it was not ready yet
        with start_server(folder, "--no-fsync") as server:
            peer = Peer(server)
            space = peer.space()
            peer.do(operation.PutObject(space, "key"), b"data")
        (ours,), theirs = identity_of(folder)
        assert ours == theirs
