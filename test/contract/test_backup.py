"""A backup and its restore on drivers of this process; test/server/test_backup.py does it beside a server."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from test.contract.blobs import store, whole
from test.contract.catalog import SPACE
from uvideo.server.process.data_folder import claim
from uvideo.storage import identity
from uvideo.storage.backup import MissingBytes, backup, restore
from uvideo.storage.base import Blobs, Catalog, ObjectRecord
from uvideo.storage.disk import DiskBlobs
from uvideo.storage.sqlite import SqliteCatalog


def drivers(folder: Path) -> tuple[Blobs, Catalog]:
    return DiskBlobs(folder, fsync=False), SqliteCatalog(folder / "catalog.db", fsync=False)


async def fill(folder: Path) -> str:
    """Store the objects "one" and "two"; the blob of "two"."""
    blobs, catalog = drivers(folder)
    async with identity.opened(blobs, catalog, create=True):
        await catalog.create_space(SPACE)
        for key in ("one", "two"):
            blob = await store(blobs, key.encode())
            await catalog.put(ObjectRecord("s", key, 3, "etag", "video/mp4", blob=blob))
    return blob


async def content(folder: Path, key: str) -> bytes:
    blobs, catalog = drivers(folder)
    async with identity.opened(blobs, catalog, create=False):
        found = await catalog.get("s", key)
        assert found is not None and found.blob is not None
        return await whole(blobs, found.blob)


def test_a_restore_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # of hundreds of folders
    origin, copy, restored = tmp_path / "origin", tmp_path / "copy", tmp_path / "restored"
    lost = asyncio.run(fill(origin))
    done = backup(origin, copy)
    assert (done.objects, done.linked, done.missing, done.credentials) == (2, 2, 0, False)
    about = json.loads((copy / "backup.json").read_text())
    assert about["began"] <= about["completed"] and (about["objects"], about["linked"]) == (2, 2)
    (copy / "blobs" / lost[:2] / lost).unlink()

    def interrupt(missing: MissingBytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(copy, restored, claim, report=interrupt)
    assert (restored / "restore.unfinished").exists() and not (restored / "catalog.db").exists()
    told = list[MissingBytes]()
    done = restore(copy, restored, claim, report=told.append)
    assert (done.objects, done.missing) == (2, 1) and [each.key for each in told] == ["two"]
    assert not (restored / "restore.unfinished").exists()
    assert asyncio.run(content(restored, "one")) == b"one"
