"""What the keys of a writer hold, and what a folder or a cluster holds of them, past the server."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from test.crash.names import wrong_names_in
from test.server.wire import BLOCK, ufile_etag
from ucloud.uvideo.protocol import etag
from uvideo.s3 import etag as s3_etag
from uvideo.server.ops.scrub import fsck
from uvideo.server.rules.s3_record import shown_etag
from uvideo.storage.base import Blobs, Catalog, ExtentPart, PartRecord
from uvideo.storage.disk import DiskBlobs
from uvideo.storage.extents import open_blob
from uvideo.storage.sqlite import SqliteCatalog

__all__ = ["UNKNOWN", "Entry", "State", "Upload", "entry", "fits", "look", "md5", "observe", "s3_entry"]

UNKNOWN = "?"  # an upload whose beginning was never acknowledged


class Entry(NamedTuple):
    """An object.  ``tag``: UFile's etag of its bytes.  ``shown``: its ETag of S3.  ``upload``: of S3, that made it."""

    tag: str
    size: int
    shown: str
    upload: str = ""


class Upload(NamedTuple):
    """``parts``: number -> etag, the MD5 for one of S3."""

    key: str
    parts: dict[int, str]
    is_s3: bool = False


@dataclass(frozen=True)
class State:
    """``objects``: by key.  ``uploads``: by id."""

    objects: dict[str, Entry] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def with_object(self, key: str, data: bytes) -> State:
        """As UFile stores it."""
        return self.having(key, entry(data))

    def having(self, key: str, found: Entry) -> State:
        return replace(self, objects={**self.objects, key: found})

    def without(self, *keys: str) -> State:
        return replace(self, objects={name: value for name, value in self.objects.items() if name not in keys})

    def with_upload(self, upload_id: str, upload: Upload) -> State:
        return replace(self, uploads={**self.uploads, upload_id: upload})

    def without_upload(self, upload_id: str) -> State:
        return replace(self, uploads={name: value for name, value in self.uploads.items() if name != upload_id})


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def entry(data: bytes) -> Entry:
    """An object that UFile stored."""
    return Entry(ufile_etag(data), len(data), s3_etag.from_ufile(ufile_etag(data)))


def s3_entry(data: bytes) -> Entry:
    """An object that S3 stored at once."""
    return Entry(ufile_etag(data), len(data), md5(data))


def fits(found: State, allowed: State) -> bool:
    if found.objects != allowed.objects:
        return False
    unknown = {name: value for name, value in found.uploads.items() if name not in allowed.uploads}
    expected = {name: value for name, value in allowed.uploads.items() if name != UNKNOWN}
    if any(found.uploads.get(name) != value for name, value in expected.items()):
        return False
    return not unknown or list(unknown.values()) == [allowed.uploads.get(UNKNOWN)]


async def observe(folder: Path, space: str, names: list[str]) -> tuple[dict[str, State], int]:
    """({writer: what is there}, files that nothing names after a sweep) of a folder that no server uses.

    AssertionError for a catalog that contradicts itself, and for objects whose bytes are gone after the sweep.
    """
    blobs, catalog = DiskBlobs(folder, fsync=False), SqliteCatalog(folder / "catalog.db", fsync=False)

    async def part_bytes(draft: str, part: PartRecord) -> bytes:
        path = blobs.draft_path(draft)
        with open(path if path.exists() else blobs.blob_path(draft), "rb") as file:  # half finished
            file.seek(part.part * BLOCK)
            return file.read(part.size)

    await blobs.start()
    await catalog.start()
    try:
        found = await look(blobs, catalog, space, names, part_bytes)
        assert (wrong := wrong_names_in(folder / "catalog.db")) == [], wrong
        await blobs.sweep(catalog.named, float("inf"))
        damages = (await fsck(blobs, catalog, rehash=False)).damages
        assert damages == [], damages
        files = {path.name for place in ("incoming", "blobs") for path in (folder / place).rglob("*") if path.is_file()}
        return found, len(files - await catalog.named(files))
    finally:
        await catalog.close()
        await blobs.close()


async def look(
    blobs: Blobs,
    catalog: Catalog,
    space: str,
    names: list[str],
    part_bytes: Callable[[str, PartRecord], Awaitable[bytes]],
) -> dict[str, State]:
    """{writer: what is there}.  ``part_bytes(draft, part)``: how the drivers keep what has no name yet.

    Every byte is read: an object or a part that does not have its etag's bytes is an AssertionError.
    """
    record = await catalog.space(space)
    found = {name: State() for name in names}
    if record is None:
        return found
    for name in names:
        prefix = f"{name}/"
        for each in (await catalog.list(record.space_id, prefix, "", 10_000)).objects:
            known = await catalog.get(record.space_id, each.key)
            assert known is not None
            made, upload = ufile_etag(await _bytes(blobs, catalog, known)), known.s3.upload_id if known.s3 else ""
            found[name].objects[each.key] = Entry(made, known.size, shown_etag(known), upload)
            expected = made if etag.is_etag(known.etag) else shown_etag(known)
            assert known.etag == expected, f"{each.key} has other bytes than its etag"
        for begun in await catalog.uploads(record.space_id, prefix, "", "", 10_000):
            parts = {}
            for part in await catalog.parts(begun.upload_id, 0, None):
                digest = etag.block_digest(await part_bytes(begun.draft, part))
                assert etag.part_etag(digest) == part.etag, f"part {part.part} of {begun.key} has other bytes"
                parts[part.part] = part.etag
            found[name].uploads[begun.upload_id] = Upload(begun.key, parts)
        for begun in await catalog.uploads(record.space_id, prefix, "", "", 10_000, s3=True):
            stored = await catalog.s3_parts(begun.upload_id, 0, 10_000)
            for number in stored:
                assert md5(await _part_bytes(blobs, number)) == number.md5, f"part {number} of {begun.key}"
            sent = {number.number: number.md5 for number in stored}
            found[name].uploads[begun.upload_id] = Upload(begun.key, sent, True)
    return found


async def _part_bytes(blobs: Blobs, part: ExtentPart) -> bytes:
    found = list[bytes]()
    for blob, offset, length in part.extents:
        found.append(await _read(await blobs.open(blob), offset, length))
    data = b"".join(found)
    digests = [etag.block_digest(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)]
    assert part.digests == b"".join(digests), f"part {part.number} has other digests than its bytes"
    return data


async def _bytes(blobs: Blobs, catalog: Catalog, record: Any) -> bytes:
    if record.blob is None:
        return record.inline or b""
    return await _read(await open_blob(blobs, catalog, record.blob), 0, record.size)


async def _read(reader: Any, first: int, length: int) -> bytes:
    try:
        return b"".join([piece async for piece in reader.read(first, length)])
    finally:
        await reader.close()
