"""Objects that are part lists, below a server's folder: served, copied, checked, backed up and moved as any other."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from test.server.part_objects import COPIED, COUNT, LINKED, OBJECTS, fill_parts, holds_parts
from test.server.test_maintenance import inside, told
from test.server.wire import Peer, ufile_etag
from test.server_fixture import start_server
from ucloud.uvideo.protocol import byterange, errors, etag, operation
from uvideo.server.process.drivers import choose
from uvideo.storage.base import Blobs, Catalog, Extent, ExtentPart, ObjectRecord, S3Facts, S3Upload, UploadRecord

PARTS = [os.urandom(300_000), os.urandom(70_000), os.urandom(11), b""]
DATA = b"".join(PARTS)
TREE = etag.Etag()
TREE.update(DATA)
TAG = TREE.value()
SPACE = "films"
#: S3's ETag of four parts; the UFile etag is not known yet.
FACTS = S3Facts("0" * 32 + "-4", upload_id="upload")


def drivers(folder: Path, story: Callable[[Blobs, Catalog], Awaitable[Any]]) -> Any:
    """The result of a story with the drivers of a folder that no server has."""

    async def whole() -> Any:
        blobs, catalog = choose(folder, None, None, fsync=False).make()
        await blobs.start()
        await catalog.start()
        try:
            return await story(blobs, catalog)
        finally:
            await catalog.close()
            await blobs.close()

    return asyncio.run(whole())


async def store_parts(blobs: Blobs, catalog: Catalog, upload: UploadRecord, number: int = 4) -> list[ExtentPart]:
    await catalog.begin(upload)
    for at, data in enumerate(PARTS[:number], 1):
        extents = tuple[Extent, ...]()
        if data:
            writer = await blobs.writer()
            await writer.write([data])
            extents = (Extent(await writer.seal(), 0, len(data)),)
        part = ExtentPart(at, len(data), hashlib.md5(data).hexdigest(), extents, digests=b"d" * 20, created=5)
        await catalog.replace_part(upload.upload_id, part)
    return await catalog.s3_parts(upload.upload_id, 0, 10)


@pytest.fixture(scope="module", params=["known", "pending"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped server's folder with the object "film" of four parts, the last empty, and an upload of S3 with one."""
    folder = tmp_path_factory.mktemp("parts") / "server"
    with start_server(folder, "--no-fsync") as server:
        Peer(server).manage(operation.CreateSpace(SPACE, type="private"))

    async def story(blobs: Blobs, catalog: Catalog) -> None:
        space = await catalog.space(SPACE)
        assert space is not None
        upload = UploadRecord("upload", space.space_id, "film", "parts-0", s3=S3Upload())
        chosen = await store_parts(blobs, catalog, upload)
        tag = TAG if request.param == "known" else FACTS.etag
        record = ObjectRecord(space.space_id, "film", len(DATA), tag, "m", "parts-0", created=5, modified=5, s3=FACTS)
        await catalog.finish_s3("upload", record, chosen)
        await store_parts(blobs, catalog, UploadRecord("open", space.space_id, "open", "parts-1", s3=S3Upload()), 1)

    drivers(folder, story)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "server")


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "blobs").rglob("*") if path.is_file()}


def got(peer: Peer, key: str) -> bytes:
    answer = peer.call(operation.GetObject(SPACE, key))
    assert answer.status == 200
    return answer.body


@pytest.mark.parametrize("options", [(), ("--verify-reads",)], ids=["plain", "verify"])
def test_it_is_served_as_any_object(folder: Path, options: tuple[str, ...]) -> None:
    with start_server(folder, "--no-fsync", *options) as server:
        peer = Peer(server)
        assert got(peer, "film") == DATA
        for first, last in ((0, 0), (299_990, 370_005), (250_000, 299_999), (370_000, len(DATA) - 1), (1, 350_000)):
            answer = peer.call(operation.GetObject(SPACE, "film", range=byterange.ByteRange(first, last)))
            assert (answer.status, answer.body) == (206, DATA[first : last + 1])
        assert peer.do(operation.HeadObject(SPACE, "film")).size == len(DATA)
        assert [each.key for each in peer.do(operation.ListUploads(SPACE)).uploads] == []
        for op in (operation.ListParts(SPACE, "open"), operation.AbortUpload(SPACE, "open", "open")):
            with pytest.raises(errors.UploadNotFound):
                peer.do(op)


def test_copies_share_the_parts_until_the_last_is_gone(folder: Path) -> None:
    with start_server(folder, "--no-fsync") as server:
        peer = Peer(server)
        peer.do(operation.CopyObject(SPACE, "copy", SPACE, "film"))
        peer.do(operation.RenameObject(SPACE, "film", "renamed"))
        begun = peer.do(operation.InitiateUpload(SPACE, "part"))
        peer.do(
            operation.CopyPart(SPACE, "part", begun.upload_id, 0, SPACE, "copy", byterange.ByteRange(299_999, 370_001))
        )
        before = files(folder)
        peer.do(operation.DeleteObject(SPACE, "renamed"))
        assert got(peer, "copy") == DATA and files(folder) == before
        parts = peer.do(operation.ListParts(SPACE, begun.upload_id)).parts
        peer.do(operation.FinishUpload(SPACE, "part", begun.upload_id, tuple(each.etag for each in parts)))
        assert got(peer, "part") == DATA[299_999:370_002]
        peer.do(operation.AppendObject(SPACE, "copy", len(DATA)), b"more")
        assert got(peer, "copy") == DATA + b"more"
        assert len(files(folder)) == 3  # of the part, of the longer object, of the upload of S3

    async def facts(blobs: Blobs, catalog: Catalog) -> object:
        space = await catalog.space(SPACE)
        assert space is not None
        found = await catalog.get(space.space_id, "copy")
        return found and found.s3

    assert drivers(folder, facts) is None


def test_a_copy_has_the_facts_of_the_bytes_only(folder: Path) -> None:
    with start_server(folder, "--no-fsync") as server:
        Peer(server).do(operation.CopyObject(SPACE, "copy", SPACE, "film"))

    async def facts(blobs: Blobs, catalog: Catalog) -> list[S3Facts | None]:
        return [each.s3 for each in await catalog.walk(None, 10)]

    assert drivers(folder, facts) == [S3Facts(FACTS.etag), FACTS]


def test_what_is_damaged_is_found(folder: Path) -> None:
    clean = {"objects": 1, "damaged": 0}
    for options in ((), ("--rehash",)):
        assert told(inside("fsck", folder, *options, "--json")) == clean
    (path,) = [each for each in (folder / "blobs").rglob("*") if each.is_file() and each.stat().st_size == 70_000]
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    assert told(inside("fsck", folder, "--json")) == clean
    assert told(inside("fsck", folder, "--rehash", "--json"))["damaged"] == 1
    path.write_bytes(data[:-1])
    assert told(inside("fsck", folder, "--json"))["damaged"] == 1
    path.unlink()
    for options in ((), ("--rehash",)):
        done = inside("fsck", folder, *options, "--json")
        assert told(done)["damaged"] == 1 and "missing" in done.stdout
    with start_server(folder, "--no-fsync") as server:
        assert Peer(server).call(operation.GetObject(SPACE, "film")).status == 500


def test_garbage_is_what_no_part_names(folder: Path) -> None:
    before = files(folder)
    (folder / "blobs" / "aa" / ("a" * 32)).write_bytes(b"garbage")
    assert drivers(folder, lambda blobs, catalog: blobs.sweep(catalog.named, float("inf"))) == 1
    assert files(folder) == before


def test_a_backup_has_all_parts_and_a_later_one_none_that_are_gone(folder: Path, tmp_path: Path) -> None:
    target, restored = tmp_path / "backup", tmp_path / "restored"
    assert told(inside("backup", folder, target, "--with-credentials", "--json"))["missing"] == 0
    assert files(target) == files(folder)
    assert told(inside("restore", target, restored, "--json"))["missing"] == 0
    with start_server(restored, "--no-fsync") as server:
        assert got(Peer(server), "film") == DATA
    with start_server(folder, "--no-fsync") as server:
        Peer(server).do(operation.DeleteObject(SPACE, "film"))
    assert told(inside("backup", folder, target, "--json"))["removed"] == 3
    assert files(target) == files(folder) and len(files(target)) == 1
    (path,) = [each for each in (folder / "blobs").rglob("*") if each.is_file()]
    path.unlink()
    done = inside("backup", folder, tmp_path / "other", "--json")
    assert told(done)["missing"] == 1 and '"open"' in done.stdout


def test_a_move_keeps_the_parts(folder: Path, tmp_path: Path) -> None:
    with start_server(folder, "--no-fsync") as server:
        Peer(server).do(operation.CopyObject(SPACE, "copy", SPACE, "film"))
    target = tmp_path / "target"
    moved = told(inside("migrate", folder, "--to-folder", target, "--json"))
    assert (moved["copied"], moved["linked"], moved["uploads"]) == (1, 1, 1)
    assert told(inside("migrate", folder, "--to-folder", target, "--json"))["kept"] == 2

    async def look(blobs: Blobs, catalog: Catalog) -> list[tuple[Any, ...]]:
        found = await catalog.walk(None, 10)
        parts = [await catalog.part_list(each.blob or "") or [] for each in found]
        shown = [[(part.number, part.size, part.md5) for part in each] for each in parts]
        return [(each.key, each.etag, each.s3, each.size, *some) for each, some in zip(found, shown, strict=True)]

    assert drivers(folder, look) == drivers(target, look)
    assert len(files(target)) == 3

    async def spoil(blobs: Blobs, catalog: Catalog) -> None:
        found = (await catalog.walk(None, 10))[0]
        other = ufile_etag(b"other bytes") if etag.is_etag(found.etag) else found.etag
        assert await catalog.put(replace(found, etag=other), source=found) == []

    drivers(target, spoil)
    assert told(inside("migrate", folder, "--to-folder", target, "--json"))["kept"] in (1, 2)
    assert drivers(folder, look) == drivers(target, look)
    for options in ((), ("--rehash",)):
        assert told(inside("fsck", target, *options, "--json")) == {"objects": 2, "damaged": 0}


async def set_etag(catalog: Catalog, space: str, key: str, is_known: bool) -> None:
    """Let an object have its UFile etag, as a server computes it in the background, or not yet."""
    found = await catalog.space(space)
    record = await catalog.get(found.space_id, key) if found is not None else None
    assert record is not None and record.s3 is not None
    tag_of = ufile_etag(OBJECTS[key][0]) if is_known else record.s3.etag
    assert await catalog.put(replace(record, etag=tag_of), source=record) == []


def test_objects_of_all_kinds_are_moved_with_their_parts_and_linked(tmp_path: Path) -> None:
    """Also those that share a part list without S3's facts, and plain ones with the same bytes."""
    folder, target = tmp_path / "folder", tmp_path / "target"
    with start_server(folder, "--no-fsync") as server:
        space = Peer(server).space()
        fill_parts(server, space)
        holds_parts(server, space)
    drivers(folder, lambda blobs, catalog: set_etag(catalog, space, "parts/odd", False))
    moved = told(inside("migrate", folder, "--to-folder", target, "--json"))
    assert (moved["copied"], moved["linked"], moved["uploads"]) == (COPIED, LINKED, 1)
    drivers(target, lambda blobs, catalog: set_etag(catalog, space, "parts/odd", True))
    assert told(inside("migrate", folder, "--to-folder", target, "--json"))["kept"] == COUNT
    assert told(inside("fsck", target, "--rehash", "--json")) == {"objects": COUNT, "damaged": 0}
    shutil.copy(folder / "credentials.json", target)
    with start_server(target, "--no-fsync") as server:
        holds_parts(server, space)
    assert drivers(target, lambda blobs, catalog: blobs.sweep(catalog.named, float("inf"))) == 0
