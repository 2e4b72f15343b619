"""What Blobs and Catalog promise together of objects with part lists."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

import pytest

from test.contract.blobs import ALL, read, store
from test.contract.catalog import SPACE
from test.contract.place import Place, play, worker
from uvideo.storage.base import (
    BlobReader,
    Blobs,
    Catalog,
    Extent,
    ExtentPart,
    ObjectRecord,
    S3Upload,
    UploadRecord,
    is_part_list,
)
from uvideo.storage.extents import cut, open_blob, source_extents

NAME = "parts-0"
SIZES = (7000, 1, 0, 12_000, 5000, 3)
DATA = [bytes([65 + number]) * size for number, size in enumerate(SIZES)]
STEPS = ["begun", "stored 1", "recorded 1", "stored 2", "recorded 2", "replaced", "finished", "cleaned"]
OLD, NEW = b"old", b"A" * 6000 + b"b" * 6000


async def part_of(blobs: Blobs, number: int, data: bytes) -> ExtentPart:
    """Store a part's bytes; around them the blob has others."""
    extents: tuple[Extent, ...] = ()
    if data:
        extents = (Extent(await store(blobs, b"<<", data, b">"), 2, len(data)),)
    return ExtentPart(number, len(data), hashlib.md5(data).hexdigest(), extents)


async def make(
    blobs: Blobs, catalog: Catalog, pieces: Sequence[bytes], name: str = NAME, key: str = "key"
) -> list[str]:
    """Store an object of these parts; return its blobs."""
    if await catalog.space(SPACE.name) is None:
        await catalog.create_space(SPACE)
    await catalog.begin(UploadRecord("upload", "s", key, name, s3=S3Upload()))
    parts = [await part_of(blobs, number, data) for number, data in enumerate(pieces, 1)]
    for part in parts:
        assert await catalog.replace_part("upload", part) == []
    record = ObjectRecord("s", key, sum(map(len, pieces)), "etag", "m", name)
    for blob in await catalog.finish_s3("upload", record, parts):
        await blobs.delete(blob)
    return [extent.blob for part in parts for extent in part.extents]


async def remove(blobs: Blobs, catalog: Catalog, key: str = "key") -> None:
    for blob in await catalog.delete("s", key) or ():
        await blobs.delete(blob)


async def whole(reader: BlobReader) -> bytes:
    return b"".join(await read(reader))


async def from_files(reader: BlobReader, offset: int, length: int) -> bytes:
    found = b""
    async for region in reader.files(offset, length):
        region.file.seek(region.offset)
        found += region.file.read(region.length)
    return found


class ExtentsContract:
    """A subclass gives the fixture ``places``: one of Blobs, one of Catalog."""

    @pytest.fixture
    def places(self) -> tuple[Place, Place]:
        raise NotImplementedError

    def test_any_range_of_the_parts_can_be_read(self, places: tuple[Place, Place]) -> None:
        data = b"".join(DATA)
        edges = sorted({0, 1, 6999, 7000, 7001, 7002, 19_000, 19_001, 19_002, 24_001, len(data) - 1, len(data)})

        async def story(blobs: Blobs, catalog: Catalog) -> None:
            await make(blobs, catalog, DATA)
            reader = await open_blob(blobs, catalog, NAME)
            assert reader.size == len(data)
            for first in edges:
                for end in edges:
                    if first <= end:
                        assert b"".join(await read(reader, first, end - first)) == data[first:end]
                        if reader.has_files:
                            assert await from_files(reader, first, end - first) == data[first:end]
            with pytest.raises(OSError):
                await read(reader, len(data) - 1, 2)
            both = await asyncio.gather(whole(reader), whole(reader))
            assert both == [data, data]
            await reader.close()
            await reader.close()

        play(story, *places)

    def test_a_plain_blob_is_opened_by_its_name(self, places: tuple[Place, Place]) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> bytes:
            blob = await store(blobs, b"plain")
            assert not is_part_list(blob)
            assert await source_extents(catalog, blob, 1, 3) == (Extent(blob, 1, 3),)
            reader = await open_blob(blobs, catalog, blob, (0, 5))
            found = await whole(reader)
            await reader.close()
            return found

        assert play(story, *places) == b"plain"

    @pytest.mark.parametrize("count", [3, 40])
    def test_the_bytes_stay_until_the_reader_is_closed(self, places: tuple[Place, Place], count: int) -> None:
        pieces = [b"%5d" % number * 50 for number in range(count)]
        data = b"".join(pieces)

        async def story(blobs: Blobs, catalog: Catalog) -> None:
            made = await make(blobs, catalog, pieces)
            reader = await open_blob(blobs, catalog, NAME)
            some = await open_blob(blobs, catalog, NAME, (300, 200))
            assert (await read(reader, 0, 10)) == [data[:10]]
            await remove(blobs, catalog)
            for blob in made:
                with pytest.raises(FileNotFoundError):
                    await blobs.open(blob)
            with pytest.raises(FileNotFoundError):
                await open_blob(blobs, catalog, NAME)
            assert await whole(reader) == data
            assert b"".join(await read(some, 300, 200)) == data[300:500]
            with pytest.raises(ValueError):
                await read(some, 299, 2)
            if reader.has_files:
                assert await from_files(reader, 0, len(data)) == data
            for each in (reader, some):
                await each.close()

        play(story, *places)

    def test_a_part_copied_from_parts_has_their_bytes(self, places: tuple[Place, Place]) -> None:
        data = b"".join(DATA)

        async def story(blobs: Blobs, catalog: Catalog) -> bytes:
            await make(blobs, catalog, DATA)
            source = await catalog.get("s", "key")
            assert source is not None
            extents = await source_extents(catalog, NAME, 6990, 12_012)
            assert [extent.length for extent in extents] == [10, 1, 12_000, 1]
            await catalog.begin(UploadRecord("copy", "s", "copy", "parts-1", s3=S3Upload()))
            part = ExtentPart(1, 12_012, hashlib.md5(data[6990:19_002]).hexdigest(), extents)
            await catalog.replace_part("copy", part, source=source)
            await remove(blobs, catalog)
            record = ObjectRecord("s", "copy", 12_012, "etag", "m", "parts-1")
            assert await catalog.finish_s3("copy", record, [part]) == []
            assert await blobs.sweep(catalog.named, ALL) == 0
            with pytest.raises(FileNotFoundError):
                await source_extents(catalog, NAME, 0, 1)
            reader = await open_blob(blobs, catalog, "parts-1")
            found = await whole(reader)
            await reader.close()
            await remove(blobs, catalog, "copy")
            for extent in extents:
                with pytest.raises(FileNotFoundError):
                    await blobs.open(extent.blob)
            return found

        assert play(story, *places) == data[6990:19_002]

    # A crash

    @pytest.fixture
    def stopped_at(self, places: tuple[Place, Place], step: str) -> str:
        """An old object was there; a process uploaded parts of a new one over it until it was killed."""

        async def prepare(blobs: Blobs, catalog: Catalog) -> None:
            await catalog.create_space(SPACE)
            await catalog.put(ObjectRecord("s", "key", 3, "old", "m", blob=await store(blobs, OLD)))

        play(prepare, *places)
        with worker("parts", *places, arguments=(step,)) as other:
            assert other.line() == step
            other.kill()
        return step

    @pytest.mark.parametrize("step", STEPS)
    def test_stopped_at_any_step_the_object_is_old_or_new(self, places: tuple[Place, Place], stopped_at: str) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> tuple[str, int]:
            swept = await blobs.sweep(catalog.named, ALL)
            found = await catalog.get("s", "key")
            assert found is not None and found.blob is not None
            reader = await open_blob(blobs, catalog, found.blob)
            data = await whole(reader)
            await reader.close()
            assert data == (OLD if found.etag == "old" else NEW)
            return found.etag, swept

        etag, swept = play(story, *places)
        assert etag == ("new" if stopped_at in ("finished", "cleaned") else "old")
        left = {"stored 1": 1, "stored 2": 1, "replaced": 1, "finished": 1}  # what nothing names yet, or any more
        assert swept == left.get(stopped_at, 0)

    @pytest.mark.parametrize("step", STEPS[:6])
    def test_stopped_at_any_step_the_upload_can_be_aborted(self, places: tuple[Place, Place], stopped_at: str) -> None:
        async def story(blobs: Blobs, catalog: Catalog) -> int:
            parts = await catalog.s3_parts("upload", 0, 10)
            names = await catalog.abort("upload") or []
            assert sorted(names) == sorted(extent.blob for part in parts for extent in part.extents)
            for name in names:
                await blobs.discard(name)
            await blobs.sweep(catalog.named, ALL)
            await remove(blobs, catalog)
            return (await blobs.quarantined()).files + await blobs.sweep(catalog.named, ALL)

        assert play(story, *places) == int(
            stopped_at in ("stored 1", "stored 2", "replaced") and "disk" in places[0].driver
        )


def test_cut_joins_what_lies_together() -> None:
    extents = [Extent("a", 0, 10), Extent("a", 10, 5), Extent("b", 3, 0), Extent("a", 15, 5), Extent("a", 30, 5)]
    assert cut(extents, 0, 25) == (Extent("a", 0, 20), Extent("a", 30, 5))
    assert cut(extents, 9, 7) == (Extent("a", 9, 7),)
    assert cut(extents, 20, 1) == (Extent("a", 30, 1),)
    assert cut(extents, 25, 0) == cut([], 0, 0) == ()
