"""A flipped bit is found, and never sent as if it were right."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.server.wire import BLOCK, Peer, pattern
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import byterange, operation
from uvideo import Client, Retry, errors
from uvideo.server.ops import scrub
from uvideo.server.ops.scrub import Damage, Found, Scrubber, fsck
from uvideo.storage.base import Unreachable
from uvideo.storage.disk import DiskBlobs
from uvideo.storage.sqlite import SqliteCatalog

SIZES = {"inline": 1000, "one": 50_000, "many": 2 * BLOCK + 7, "empty": 0}
ONCE = Retry(0, 0.01, 0.05, 1.0, None, None)


def fill(server: Any) -> str:
    """A new space with an object of every kind; its name."""
    peer = Peer(server)
    space = peer.space()
    for key, size in SIZES.items():
        peer.do(operation.PutObject(space, key), pattern(size))
    peer.do(operation.CopyObject(space, "copy", space, "many"))
    return space


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    with start_server(folder, "--no-fsync") as server:
        fill(server)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The folder of a stopped server, with one space."""
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("plain"), "--no-fsync") as server:
        yield server


@pytest.fixture(scope="module")
def verifying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("verifying"), "--no-fsync", "--verify-reads") as server:
        yield server


def blob_of(folder: Path, key: str, space: str | None = None) -> Path:
    """The file of an object; ``space``: needed where several have such a key."""
    with sqlite3.connect(folder / "catalog.db") as db:
        ((name,),) = db.execute(
            "SELECT blob FROM objects JOIN spaces USING (space_id) WHERE key = ? AND name = coalesce(?, name)",
            (key.encode(), space),
        ).fetchall()
    db.close()
    return folder / "blobs" / name[:2] / name


def flip(folder: Path, key: str, at: int, space: str | None = None) -> None:
    """One bit of the stored bytes; ``space`` as for ``blob_of``."""
    if key == "inline":
        with sqlite3.connect(folder / "catalog.db") as db:
            ((row, data),) = db.execute(
                "SELECT small.rowid, data FROM small JOIN spaces USING (space_id) "
                "WHERE key = ? AND name = coalesce(?, name)",
                (key.encode(), space),
            ).fetchall()
            db.execute("UPDATE small SET data = ? WHERE rowid = ?", (_flipped(data, at), row))
        db.close()
    else:
        path = blob_of(folder, key, space)
        path.write_bytes(_flipped(path.read_bytes(), at))


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def checked(folder: Path, **options: Any) -> Found:
    async def look() -> Found:
        blobs, catalog = DiskBlobs(folder), SqliteCatalog(folder / "catalog.db")
        await blobs.start()
        await catalog.start()
        try:
            return await fsck(blobs, catalog, **options)
        finally:
            await catalog.close()
            await blobs.close()

    return asyncio.run(look())


def test_fsck_finds_a_flipped_bit_a_missing_file_and_a_short_one(folder: Path) -> None:
    sound = checked(folder)
    assert (sound.objects, sound.damages) == (5, []) and sound.size == sum(SIZES.values())
    flip(folder, "inline", 999)
    flip(folder, "many", BLOCK + 3)
    told: list[Damage] = []
    found = checked(folder, report=told.append)
    assert found.damages == told
    assert {(each.key, each.problem) for each in told} == {
        ("inline", "damaged"),
        ("many", "damaged"),
        ("copy", "damaged"),
    }
    blob_of(folder, "one").unlink()
    os.truncate(blob_of(folder, "many"), BLOCK)
    assert {(each.key, each.problem) for each in checked(folder).damages} == {
        ("inline", "damaged"),
        ("many", "damaged"),
        ("copy", "damaged"),
        ("one", "missing"),
    }


def test_fsck_keeps_to_its_rate_and_goes_on_where_it_was(folder: Path) -> None:
    with start_server(folder, "--no-fsync"):
        began = time.monotonic()
        found = checked(folder, rate=100 * BLOCK)  # the server is at work meanwhile
        assert found.objects == 5 and time.monotonic() - began > 2 / 100 * 0.9
    with sqlite3.connect(folder / "catalog.db") as db:
        places = db.execute("SELECT space_id, key FROM objects ORDER BY space_id, key").fetchall()
    assert checked(folder, after=(places[2][0], places[2][1].decode())).objects == 2


@pytest.mark.parametrize(("key", "at"), [("inline", 5), ("one", 49_999), ("many", 2 * BLOCK)])
def test_damage_is_never_sent_as_if_it_were_right(
    plain: Server, verifying: Server, tmp_path: Path, key: str, at: int
) -> None:
    space = fill(plain)
    flip(plain.dir, key, at, space)
    with Client(plain.public_key, plain.private_key, endpoint=plain.host, retry=ONCE) as client:
        with pytest.raises(errors.IntegrityError):  # the client finds it
            client.download(space, key, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        with pytest.raises(errors.InternalError):  # and it never gets an etag that fits
            client.append(space, key, b"more", position=SIZES[key])
    space = fill(verifying)
    flip(verifying.dir, key, at, space)
    peer = Peer(verifying)
    for op in (
        operation.GetObject(space, key),
        operation.GetObject(space, key, byterange.ByteRange(0, 0)),
    ):
        status, _, message = peer.call(op).refusal()
        assert status == 500 and message == "the stored content does not verify"
    patience.until_said(verifying.log, f"object {key!r}")
    upload = peer.do(operation.InitiateUpload(space, "k")).upload_id
    part = operation.CopyPart(space, "k", upload, 0, space, key, byterange.ByteRange(0, 9))
    assert peer.call(part).refusal()[0] == 500
    sound = next(name for name in ("one", "inline") if name != key)
    assert peer.call(operation.GetObject(space, sound)).body == pattern(SIZES[sound])


@pytest.mark.parametrize("what", ["blobs", "catalog"])
def test_a_store_that_is_away_is_no_damage_and_soon_asked_again(folder: Path, what: str) -> None:
    """It was taken for a damaged object, and a catalog that was away for the end of the pass: days without a look."""
    told, slept = list[tuple[int, int]](), list[float]()
    place: list[Any] = [None]

    async def load() -> Any:
        return place[0]

    async def save(began: float, after: Any) -> None:
        place[0] = began, after

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise asyncio.CancelledError

    class Away:
        """What it wraps, away once: when the fourth of its objects is asked for."""

        def __init__(self, driver: Any) -> None:
            self._driver, self._left = driver, 4 if what == "catalog" else 2

        def __getattr__(self, name: str) -> Any:
            if name in ("open", "walk"):
                self._left -= 1
                if not self._left:
                    raise Unreachable("the store is away")
            return getattr(self._driver, name)

    async def story() -> None:
        blobs, catalog = DiskBlobs(folder), SqliteCatalog(folder / "catalog.db")
        await blobs.start()
        await catalog.start()
        drivers = (Away(blobs), catalog) if what == "blobs" else (blobs, Away(catalog))
        scrubber = Scrubber(
            *drivers,
            *(86400.0, 1e12),
            load=load,
            save=save,
            told=lambda found: told.append((found.objects, len(found.damages))),
            sleep=sleep,
        )
        with pytest.raises(asyncio.CancelledError):
            await scrubber.run()
        await catalog.close()
        await blobs.close()

    pages, scrub.PAGE = scrub.PAGE, 2
    try:
        asyncio.run(story())
    finally:
        scrub.PAGE = pages
    assert slept[0] == scrub.AGAIN < slept[1] <= 86400.0
    assert all(damaged == 0 for _, damaged in told) and place[0][1] is None


def test_fsck_without_rehash_looks_at_what_is_there(folder: Path) -> None:
    flip(folder, "one", 0)
    assert checked(folder, rehash=False).damages == []
    os.truncate(blob_of(folder, "many"), BLOCK)
    blob_of(folder, "one").unlink()
    found = checked(folder, rehash=False)
    assert found.objects == 5
    assert {(each.key, each.problem) for each in found.damages} == {
        ("many", "damaged"),
        ("copy", "damaged"),
        ("one", "missing"),
    }


def test_the_scrubber_goes_round_and_remembers_where_it_was(folder: Path) -> None:
    flip(folder, "one", 1)
    now, kept, told = [1000.0], list[Any](), list[int]()

    async def load() -> Any:
        return kept[-1] if kept else None

    async def save(began: float, place: Any) -> None:
        kept.append((began, place))

    async def story() -> None:
        blobs, catalog = DiskBlobs(folder), SqliteCatalog(folder / "catalog.db")
        await blobs.start()
        await catalog.start()
        scrubber = Scrubber(
            *(blobs, catalog, 100.0, 1e12),
            load=load,
            save=save,
            told=lambda found: told.append(len(found.damages)),
            clock=lambda: now[0],
        )
        assert await scrubber.once() == 1000
        assert kept[-1] == (1000.0, None) and kept[-2][1] is not None and told[-1] == 1
        told.clear()
        now[0] = 1050
        assert await scrubber.once() == 1000 and told == []  # not yet
        now[0] = 1100
        assert await scrubber.once() == 1100 and told[-1] == 1
        kept.append((1100.0, kept[-2][1]))  # as if it was stopped at the last object
        told.clear()
        assert await scrubber.once() == 1100 and told == [0]
        await catalog.close()
        await blobs.close()

    asyncio.run(story())


def test_a_server_scrubs_in_the_background(folder: Path) -> None:
    flip(folder, "many", 0)
    with start_server(folder, "--no-fsync", "--scrub-days", "1", "--scrub-rate", "10000") as server:
        patience.until_said(server.log, "scrubbed 5 objects")
        text = server.log.read_text()
        assert "object 'many' of space id" in text and "is damaged" in text and "2 damaged" in text
        began, place = json.loads((folder / "scrub.json").read_text())
        assert place is None and abs(began - time.time()) < 60
