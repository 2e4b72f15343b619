"""`uvideo admin` on folders: counting, checking, collecting, moving."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from test.forked import forked
from test.server.wire import BLOCK, Peer, ufile_etag
from test.server_fixture import start_server
from ucloud.uvideo.protocol import errors, operation
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
from uvideo.server.ops import maintenance
from uvideo.server.process.drivers import choose
from uvideo.storage.base import ObjectRecord, SpaceRecord

LARGE = os.urandom(2 * BLOCK + 77)
OBJECTS = {
    "small": b"x" * 100,
    "empty": b"",
    "one": os.urandom(100_000),
    "large": LARGE,
    "é/视频.mp4": os.urandom(50_000),
}


def admin(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return forked().run("admin", *arguments, env=env)


def inside(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """As ``admin``, in this process: for tests that start each command as a process elsewhere."""
    words, out, err = ["admin", *map(str, arguments)], io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("UVIDEO_")]:
            patch.delenv(name)
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        context = Context()
        code = invoke(context, words)
        context.close()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """The last line of its JSON."""
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def fill(peer: Peer) -> str:
    """A space with objects of every kind, a copy, tags, a token and an unfinished upload; its name."""
    space = peer.space("public")
    for key, data in OBJECTS.items():
        peer.do(operation.PutObject(space, key, mime="video/mp4"), data)
    peer.do(operation.CopyObject(space, "copy", space, "one"))
    peer.do(operation.PutTags(space, "one", (("a", "b"),)))
    begun = peer.do(operation.InitiateUpload(space, "unfinished"))
    peer.do(operation.UploadPart(space, "unfinished", begun.upload_id, 0), b"part")
    return space


def holds(peer: Peer, space: str) -> None:
    """All that ``fill`` stored is there."""
    for key, data in {**OBJECTS, "copy": OBJECTS["one"]}.items():
        got = peer.call(operation.GetObject(space, key))
        assert (got.status, got.body) == (200, data), key
        assert got.header("Content-Type") == "video/mp4"
    assert peer.do(operation.GetTags(space, "one")).tags == (("a", "b"),)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("made") / "source"
    with start_server(folder, "--no-fsync") as server:
        space = fill(Peer(server))
    return folder, space


@pytest.fixture
def filled(made: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    """The folder of a stopped server of the test's own, and the space in it."""
    return shutil.copytree(made[0], tmp_path / "source"), made[1]


def test_stats_and_fsck_of_a_whole_folder(filled: tuple[Path, str]) -> None:
    folder, _ = filled
    stats = told(admin("stats", folder, "--json"))
    assert [each["objects"] for each in stats.pop("accounts")] == [6]
    assert stats == {
        **{"spaces": 1, "objects": 6, "uploads": 1, "parts": 1, "unnamed": 0},
        **{"quarantine_files": 0, "quarantine_bytes": 0},
        "stored": sum(map(len, OBJECTS.values())) + 100_000,
    }
    for run, options in ((admin, ()), (inside, ("--rehash",))):
        assert told(run("fsck", folder, *options, "--json")) == {"objects": 6, "damaged": 0}
    assert told(admin("gc", folder, "--json")) == {"removed": 0, "freed_blobs": 0, "freed_bytes": 0}


def test_fsck_finds_what_is_lost_cut_or_changed(filled: tuple[Path, str]) -> None:
    folder, space = filled
    with sqlite3.connect(folder / "catalog.db") as db:
        blobs = {key.decode(): blob for key, blob in db.execute("SELECT key, blob FROM objects WHERE blob IS NOT NULL")}
    db.close()

    def path(key: str) -> Path:
        return folder / "blobs" / blobs[key][:2] / blobs[key]

    path("one").unlink()
    os.truncate(path("large"), BLOCK)
    with open(path("é/视频.mp4"), "r+b") as file:
        file.write(b"changed")
    done = inside("fsck", folder, "--json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["key"] for line in lines[:-1]} == {"one", "copy", "large"} and lines[-1]["damaged"] == 3
    assert {line["space"] for line in lines[:-1]} == {space}
    done = admin("fsck", folder, "--rehash")
    assert done.returncode == 1 and done.stdout.splitlines()[-1] == "6 objects, 4 damaged"
    assert "has the etag" in done.stdout.replace("have the etag", "has the etag")


def test_a_folder_is_moved_and_moved_again(filled: tuple[Path, str], tmp_path: Path) -> None:
    folder, space = filled
    target = tmp_path / "target"
    moved = told(admin("migrate", folder, "--to-folder", target, "--json"))
    assert (moved["copied"], moved["linked"], moved["kept"], moved["uploads"]) == (5, 1, 0, 1)
    again = told(inside("migrate", folder, "--to-folder", target, "--json"))
    assert (again["copied"], again["linked"], again["kept"]) == (0, 0, 6)
    (target / "credentials.json").write_bytes((folder / "credentials.json").read_bytes())
    (target / "credentials.json").chmod(0o600)
    with start_server(target, "--no-fsync") as server:
        holds(Peer(server), space)
    assert told(inside("fsck", target, "--rehash", "--json")) == {"objects": 6, "damaged": 0}
    with start_server(folder, "--no-fsync"):
        done = admin("migrate", folder, "--to-folder", target)
        assert done.returncode == 2 and "in use by another server" in done.stderr


def test_moving_goes_on_where_it_was_broken_off_and_refuses_damage(tmp_path: Path) -> None:
    async def story() -> None:
        source, target = (choose(tmp_path / name, None, None, fsync=False).make() for name in "ab")
        for driver in (*source, *target):
            await driver.start()
        await source[1].create_space(SpaceRecord("s", "space", "me"))
        for number in range(6):
            writer = await source[0].writer()
            await writer.write([b"%d" % number * 20_000])
            record = ObjectRecord("s", str(number), 20_000, "", "m", blob=await writer.seal(), created=1, modified=2)
            await source[1].put(replace(record, etag=ufile_etag(b"%d" % number * 20_000)))

        def stop(record: ObjectRecord, how: str) -> None:
            if record.key == "3":
                raise KeyError("broken off")

        with pytest.raises(KeyError):
            await maintenance.move(source, target, stop)
        moved = await maintenance.move(source, target)
        assert (moved.kept, moved.copied) == (4, 2)
        found = await source[1].get("s", "5")
        assert found is not None
        await source[1].put(replace(found, etag=ufile_etag(b"others"), key="6"))
        with pytest.raises(errors.IntegrityError):
            await maintenance.move(source, target)
        assert await target[1].get("s", "6") is None
        assert await target[0].sweep(target[1].named, float("inf")) == 0
        for driver in (*source, *target):
            await driver.close()

    asyncio.run(story())


def test_keys_are_made_shown_and_replaced(tmp_path: Path) -> None:
    first = told(admin("keys", tmp_path / "data", "--json"))
    assert first["created"] and told(inside("keys", tmp_path / "data", "--json"))["public_key"] == first["public_key"]
    second = told(inside("keys", tmp_path / "data", "--replace", "--json"))
    assert second["public_key"] != first["public_key"]
    kept = tmp_path / "data" / f"credentials.json.{first['public_key']}"
    assert json.loads(kept.read_text())["public_key"] == first["public_key"]
    assert (tmp_path / "data" / "credentials.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("stats", "/nowhere/at/all"), "does not exist"),
        (("fsck", "/tmp", "--database", "mysql://me:pass@x/y"), "mysql://...@x/y"),
        (("migrate", "/tmp"), "give a target"),
        (("gc", "/tmp", "--age", "5"), "--age"),
        (("stats", "/tmp", "--database", "postgresql://me:pass@127.0.0.1:1/x"), "cannot be reached"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(arguments: tuple[str, ...], text: str) -> None:
    done = inside(*arguments)
    assert done.returncode == 2 and text in done.stderr
    assert "Traceback" not in done.stderr and ":pass@" not in done.stderr
