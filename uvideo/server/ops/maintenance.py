"""Garbage collection, and migration to other drivers.  ``scrub`` has the checks.

It works on drivers, like the service.  It prints nothing; it reports each step to the caller.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from uvideo._core import errors, etag
from uvideo.server.ops.scrub import fits
from uvideo.storage import identity
from uvideo.storage.base import (
    DAY,
    Blobs,
    Catalog,
    Extent,
    ExtentPart,
    Freed,
    ObjectRecord,
    S3Upload,
    SpaceRecord,
    UploadRecord,
    is_part_list,
    new_part_list,
)
from uvideo.storage.extents import open_blob

__all__ = ["Moved", "collect", "move", "objects", "spaces"]

PAGE = 1000
KNOWN = 100_000  # blobs of the source that a migration remembers, to link the copies of an object
BATCH = 1024 * 1024  # bytes of one write to a BlobWriter


@dataclass(slots=True)
class Moved:
    """Numbers of objects: ``copied``, ``linked`` (bytes existed already), ``kept`` (from an earlier run).
    ``stored``: bytes copied.  ``uploads``: the number of unfinished uploads, which are not migrated."""

    spaces: int = 0
    copied: int = 0
    linked: int = 0
    kept: int = 0
    stored: int = 0
    tokens: int = 0
    keys: int = 0
    uploads: int = 0


async def spaces(catalog: Catalog) -> AsyncIterator[SpaceRecord]:
    after = ""
    while found := await catalog.all_spaces(after, PAGE):
        for space in found:
            yield space
        after = found[-1].name


async def objects(catalog: Catalog, space: SpaceRecord) -> AsyncIterator[ObjectRecord]:
    """All objects of a space, without inline bytes."""
    marker = ""
    while True:
        page = await catalog.list(space.space_id, "", marker, PAGE)
        for record in page.objects:
            yield record
        if not page.next_marker:
            return
        marker = page.next_marker


async def collect(blobs: Blobs, catalog: Catalog, age: float, freed: Freed, *, limited: bool = True) -> int:
    """Collect blobs without references for ``age`` seconds; returns their number.  Gateways may run meanwhile.

    ``limited``: as in sweep.  ``freed``: counts everything that is freed, including garbage from earlier deletes.
    """
    await identity.compare(blobs, catalog)
    return await blobs.sweep(catalog.named, time.time() - age, freed, limited=limited)


async def _bytes(blobs: Blobs, catalog: Catalog, record: ObjectRecord) -> AsyncIterator[bytes]:
    """The bytes of an object.  FileNotFoundError, OSError."""
    if record.blob is None:
        found = await catalog.get(record.space_id, record.key)
        data = b"" if found is None else found.inline or b""
        if len(data) != record.size:
            raise OSError(0, f"{len(data)} bytes are there instead of {record.size}")
        yield data
        return
    reader = await blobs.open(record.blob)
    try:
        async for piece in reader.read(0, record.size):
            yield piece
    finally:
        await reader.close()


async def move(
    source: tuple[Blobs, Catalog],
    target: tuple[Blobs, Catalog],
    done: Callable[[ObjectRecord, str], None] = lambda record, how: None,
) -> Moved:
    """Copy everything, and verify all bytes.  After an interruption, run it again to continue.

    ``done``: called with each object and "copied", "linked" or "kept".  No other program may write to source or target.
    IntegrityError if bytes of the source do not fit their etag; then nothing of that object is stored.
    """
    moved, shared = Moved(), _Known()
    async for space in spaces(source[1]):
        await _move_space(source[1], target[1], space)
        moved.spaces += 1
        for s3 in (False, True):
            moved.uploads += len(await source[1].uploads(space.space_id, "", "", "", 1_000_000, s3=s3))
        async for record in objects(source[1], space):
            how = await _move_object(source, target, space, record, shared)
            shared.add(record)
            setattr(moved, how, getattr(moved, how) + 1)
            moved.stored += record.size if how == "copied" else 0
            done(record, how)
    known = {token.token_id for token in await target[1].all_tokens()}
    for token in await source[1].all_tokens():
        if token.token_id not in known:
            await target[1].create_token(token, 1_000_000)
        moved.tokens += 1
    for key in await source[1].keys():
        await target[1].add_key(key)
        moved.keys += 1
    return moved


async def _move_space(source: Catalog, target: Catalog, space: SpaceRecord) -> None:
    """Copy the space's record, and its counts of bytes served."""
    there = await target.space(space.name)
    if there is None:
        await target.create_space(space)
    elif there.space_id != space.space_id:
        raise errors.SpaceExists(f"the target has another space with the name {space.name}", space=space.name)
    today = int(time.time()) // DAY
    first = min(space.created // DAY, today)
    ours = await source.usage([space.space_id], first, today)
    theirs = await target.usage([space.space_id], first, today)
    for mine, other in zip(ours, theirs, strict=True):
        sent, received = max(0, mine.sent - other.sent), max(0, mine.received - other.received)
        if sent or received:
            await target.add_flux(mine.day, {space.name: sent}, {space.name: received})


class _Known:
    """Which object of the target has the bytes of a blob, or of a part list, of the source."""

    def __init__(self) -> None:
        self._places = dict[str, tuple[str, str]]()

    def add(self, record: ObjectRecord) -> None:
        """The target has this object of the source now."""
        if record.blob is not None and len(self._places) < KNOWN:
            self._places.setdefault(record.blob, (record.space_id, record.key))

    async def same(self, target: Catalog, space: SpaceRecord, record: ObjectRecord) -> ObjectRecord | None:
        """An object of the target that has the bytes of this one, and its parts if it has a part list; or None."""
        if record.blob is None:
            return None
        place = self._places.get(record.blob)
        found = await target.get(*place) if place is not None else None
        if found is None or _is_contradicted(found, record):
            found = await target.find(space.owner, record.etag, record.size)
            if found is not None and not _has_same_parts(found, record):
                return None
        return found if found is not None and found.blob is not None else None


async def _move_object(
    source: tuple[Blobs, Catalog],
    target: tuple[Blobs, Catalog],
    space: SpaceRecord,
    record: ObjectRecord,
    known: _Known,
) -> str:
    there = await target[1].get(space.space_id, record.key)
    if there is not None and _is_same(there, record):
        return "kept"
    same = await known.same(target[1], space, record)
    if same is not None:
        for gone in await target[1].put(replace(record, blob=same.blob), source=same):
            await target[0].delete(gone)
        return "linked"
    if is_part_list(record.blob):
        await _move_parts(source, target, space, record)
        return "copied"
    tree, held, writer = etag.Etag(), list[bytes](), None
    size = 0
    if record.blob is not None:
        writer = await target[0].writer()
    try:
        async for piece in _bytes(*source, record):
            tree.update(piece)
            held.append(bytes(piece))
            size += len(piece)
            if writer is not None and size >= BATCH:
                await writer.write(held)
                held, size = [], 0
        if not fits(record, tree):
            raise errors.IntegrityError(
                f"the bytes have the etag {tree.value()} instead of {record.etag}", space=space.name, key=record.key
            )
        if writer is None:
            moved = replace(record, inline=b"".join(held))
        else:
            await writer.write(held)
            moved = replace(record, blob=await writer.seal())
    except BaseException:
        if writer is not None:
            await writer.discard()
        raise
    for gone in await target[1].put(moved):
        await target[0].delete(gone)
    return "copied"


def _is_same(there: ObjectRecord, record: ObjectRecord) -> bool:
    """Whether the target has this object of the source already.

    A server computes the UFile etag of parts later, maybe only that of one side: then S3's ETag says it.
    """
    found = replace(there, blob=None, inline=None)
    if is_part_list(there.blob) and is_part_list(record.blob) and record.s3 is not None and record.s3.etag:
        found = found if _is_contradicted(there, record) else replace(found, etag=record.etag)
    return found == replace(record, blob=None, inline=None)


def _is_contradicted(found: ObjectRecord, record: ObjectRecord) -> bool:
    """Whether two records that should have the same bytes have two etags of UFile, of which one is wrong."""
    return found.etag != record.etag and etag.is_etag(found.etag) and etag.is_etag(record.etag)


def _has_same_parts(known: ObjectRecord, record: ObjectRecord) -> bool:
    """Whether two objects of the same bytes also have the same parts: S3 shows them, and its ETag is made of them."""
    if not is_part_list(record.blob):
        return not is_part_list(known.blob)
    etags = [each.s3.etag if each.s3 is not None else "" for each in (known, record)]
    return is_part_list(known.blob) and etags[0] == etags[1] != ""


async def _move_parts(
    source: tuple[Blobs, Catalog], target: tuple[Blobs, Catalog], space: SpaceRecord, record: ObjectRecord
) -> None:
    """Copy an object with a part list, as an upload with the same parts.  What an earlier run left of it is removed."""
    parts = await source[1].part_list(record.blob or "")
    if parts is None:
        raise OSError(0, "there is no such part list")
    upload_id, name = uuid.uuid5(uuid.NAMESPACE_URL, f"{space.space_id}/{record.key}").hex, new_part_list()
    await _give_up(target, upload_id)
    await target[1].begin(UploadRecord(upload_id, space.space_id, record.key, name, s3=S3Upload()))
    reader = await open_blob(*source, record.blob or "")
    try:
        offset = 0
        for number, part in enumerate(parts):
            extents = await _move_part(target[0], space, record, part, reader.read(offset, part.size))
            parts[number] = replace(part, extents=extents)
            await target[1].replace_part(upload_id, parts[number])
            offset += part.size
        gone = await target[1].finish_s3(upload_id, replace(record, blob=name), parts)
    except BaseException:
        await _give_up(target, upload_id)
        raise
    finally:
        await reader.close()
    for blob in gone:
        await target[0].delete(blob)


async def _move_part(
    target: Blobs, space: SpaceRecord, record: ObjectRecord, part: ExtentPart, pieces: AsyncIterator[bytes]
) -> tuple[Extent, ...]:
    """Store the bytes of a part; return their extents.  IntegrityError if they have another MD5."""
    md5, writer = hashlib.md5(usedforsecurity=False), await target.writer()
    try:
        async for piece in pieces:
            md5.update(piece)
            await writer.write([bytes(piece)])
        if md5.hexdigest() != part.md5:
            raise errors.IntegrityError(
                f"part {part.number} has the MD5 {md5.hexdigest()} instead of {part.md5}",
                space=space.name,
                key=record.key,
            )
        if part.size:
            return (Extent(await writer.seal(), 0, part.size),)
    except BaseException:
        await writer.discard()
        raise
    await writer.discard()
    return ()


async def _give_up(target: tuple[Blobs, Catalog], upload_id: str) -> None:
    for name in await target[1].abort(upload_id) or ():
        await target[0].discard(name)
