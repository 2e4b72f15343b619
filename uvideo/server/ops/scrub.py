"""Finds damaged objects: reads stored bytes and compares them with the etags in the catalog."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from uvideo._core import etag
from uvideo.storage.base import BlobReader, Blobs, Catalog, Damaged, ObjectRecord, Unreachable, is_part_list
from uvideo.storage.extents import open_blob

__all__ = ["Damage", "Found", "ReadPace", "Scrubber", "fits", "fsck", "part_problem", "problem", "verified"]

PAGE = 500  # objects in one query
PIECE = 1024 * 1024  # bytes of one read
KNOWN = 100_000  # blobs that a pass remembers, to read copies only once
LONGEST_SLEEP = 1.0  # seconds
AGAIN = 300.0  # seconds after which an interrupted pass continues

log = logging.getLogger("uvideo.server")

#: The position of a pass: the last (space_id, key).
Place = tuple[str, str]


class Damage(NamedTuple):
    """An object whose bytes do not fit its etag.

    ``problem``: "missing", "damaged" or "unreadable: why".  ``reason``: the same as a sentence about "it".
    """

    space_id: str
    key: str
    blob: str | None
    problem: str
    reason: str


@dataclass(slots=True)
class Found:
    """The result of a pass.  ``size``: bytes of the checked blobs, each counted once."""

    objects: int = 0
    size: int = 0
    damages: list[Damage] = field(default_factory=list)


async def verified(catalog: Catalog, record: ObjectRecord, reader: BlobReader | None) -> bool:
    """Whether the bytes fit the etag.  ``reader``: None for inline bytes.  OSError if they cannot be read.

    An etag that cannot be computed from the bytes counts as right; the parts of a part list must then have their MD5s.
    """
    if reader is not None and is_part_list(record.blob) and not etag.is_etag(record.etag):
        return await part_problem(catalog, record, reader) is None
    return fits(record, await _hashed(record, reader))


def fits(record: ObjectRecord, tree: etag.Etag) -> bool:
    """Whether the bytes that were fed to an Etag fit the record's etag."""
    return tree.size == record.size and (
        not etag.is_etag(record.etag) or etag.same(record.etag, tree.value(), record.size)
    )


async def _hashed(record: ObjectRecord, reader: BlobReader | None) -> etag.Etag:
    """The Etag of all the bytes."""
    tree = etag.Etag()
    if reader is None:
        tree.update(record.inline or b"")
    else:
        async for piece in reader.read(0, record.size):
            await asyncio.get_running_loop().run_in_executor(None, tree.update, piece)
    return tree


async def part_problem(
    catalog: Catalog,
    record: ObjectRecord,
    reader: BlobReader,
    tree: etag.Etag | None = None,
    pace: ReadPace | None = None,
) -> str | None:
    """What is wrong with the parts of an object's part list, whose MD5s are compared; None if they are good.

    ``tree``: gets all the bytes.  ``pace``: limits how fast they are read.
    """
    parts = await catalog.part_list(record.blob or "")
    if parts is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such part list", record.blob)
    offset, loop = 0, asyncio.get_running_loop()
    for part in parts:
        md5 = hashlib.md5(usedforsecurity=False)
        async for piece in reader.read(offset, part.size):
            await loop.run_in_executor(None, md5.update, piece)
            if tree is not None:
                await loop.run_in_executor(None, tree.update, piece)
            if pace is not None:
                await pace.spent(len(piece))
        if md5.hexdigest() != part.md5:
            return f"its part {part.number} has the MD5 {md5.hexdigest()} instead of {part.md5}"
        offset += part.size
    return None if offset == record.size else f"it has {offset} bytes instead of {record.size}"


async def problem(
    blobs: Blobs, catalog: Catalog, record: ObjectRecord, *, rehash: bool = True
) -> tuple[str, str] | None:
    """(problem, reason) of Damage; None if the object is good.  Without ``rehash``: checks only the lengths."""
    reader = None
    try:
        if record.blob is not None:
            reader = await open_blob(blobs, catalog, record.blob)
        if rehash and reader is not None and is_part_list(record.blob) and not etag.is_etag(record.etag):
            wrong = await part_problem(catalog, record, reader)
            return None if wrong is None else ("damaged", wrong)
        if rehash:
            tree = await _hashed(record, reader)
            return None if fits(record, tree) else ("damaged", _different(record, tree))
        if reader is None:
            size = len(record.inline or b"")
            return None if size == record.size else ("damaged", f"it has {size} bytes instead of {record.size}")
        if is_part_list(record.blob):
            return await _short_blob(blobs, catalog, record)
        last = max(0, record.size - 1)
        async for _ in reader.read(last, record.size - last):
            pass
        return None
    except FileNotFoundError:
        return "missing", "its bytes are missing"
    except Unreachable:
        raise  # the store cannot be reached: no statement about the object
    except Damaged as failure:
        return "damaged", f"its bytes are damaged: {failure.strerror}"
    except OSError as failure:
        why = errno.errorcode.get(failure.errno or 0, str(failure))
        return f"unreadable: {why}", f"its bytes cannot be read: {failure.strerror or failure}"
    finally:
        if reader is not None:
            await reader.close()


async def _short_blob(blobs: Blobs, catalog: Catalog, record: ObjectRecord) -> tuple[str, str] | None:
    """Damage of the blobs of a part list: each must have the bytes that the list names.  Errors as its readers."""
    extents = await catalog.extents(record.blob or "") or []
    for blob, offset, length in extents:
        if not length:
            continue
        reader = await blobs.open(blob)
        try:
            async for _ in reader.read(offset + length - 1, 1):
                pass
        finally:
            await reader.close()
    size = sum(extent.length for extent in extents)
    return None if size == record.size else ("damaged", f"it has {size} bytes instead of {record.size}")


def _different(record: ObjectRecord, tree: etag.Etag) -> str:
    if tree.size != record.size:
        return f"it has {tree.size} bytes instead of {record.size}"
    return f"its bytes have the etag {tree.value()} instead of {record.etag}"


async def fsck(
    blobs: Blobs,
    catalog: Catalog,
    *,
    rehash: bool = True,
    rate: float | None = None,
    report: Callable[[Damage], None] = lambda damage: None,
    progress: Callable[[Found], None] = lambda found: None,
    after: Place | None = None,
) -> Found:
    """Read every object once and report damages.  Changes nothing; the store may be in use.

    ``rehash``: False: only check that the last byte exists.  ``rate``: most bytes a second.  ``report``: called with
    each damage at once; ``progress``: called after every page.  ``after``: begin behind this (space_id, key).
    """
    found = Found()
    async for _ in _pass(blobs, catalog, found, rehash, rate, report, after):
        progress(found)
    return found


async def _pass(
    blobs: Blobs,
    catalog: Catalog,
    found: Found,
    rehash: bool,
    rate: float | None,
    report: Callable[[Damage], None],
    after: Place | None,
) -> AsyncIterator[Place]:
    """Check all objects; yields the position after each page."""
    pace, known = ReadPace(rate), set[tuple[str, str]]()
    while page := await catalog.walk(after, PAGE):
        for entry in page:
            after = (entry.space_id, entry.key)
            known_as = (entry.blob or "", entry.etag)
            if entry.blob is not None and known_as in known:
                found.objects += 1
                continue
            damage = await _look(blobs, catalog, entry, rehash)
            if damage is not None:
                found.damages.append(damage)
                report(damage)
            elif entry.blob is not None and len(known) < KNOWN:
                known.add(known_as)
            found.objects += 1
            found.size += entry.size
            await pace.spent(entry.size if rehash else 1)
        assert after is not None
        yield after


async def _look(blobs: Blobs, catalog: Catalog, entry: ObjectRecord, rehash: bool) -> Damage | None:
    """The damage of one object; None also if the object was replaced meanwhile."""
    record: ObjectRecord | None = entry
    if entry.blob is None:
        record = await catalog.get(entry.space_id, entry.key)
        if record is None or record.blob is not None:
            return None
    assert record is not None
    wrong = await problem(blobs, catalog, record, rehash=rehash)
    if wrong is None:
        return None
    now = await catalog.get(entry.space_id, entry.key)
    if now is None or (now.blob, now.etag, now.size) != (record.blob, record.etag, record.size):
        return None  # replaced or deleted meanwhile
    return Damage(entry.space_id, entry.key, entry.blob, *wrong)


class ReadPace:
    """Limits work to ``rate`` bytes a second, which may be changed at any time; None: no limit."""

    def __init__(self, rate: float | None) -> None:
        self.rate, self._due = rate, time.monotonic()

    async def spent(self, size: int) -> None:
        """Wait until ``size`` more bytes are allowed."""
        if self.rate is None:
            await asyncio.sleep(0)
            return
        self._due = max(self._due, time.monotonic() - LONGEST_SLEEP) + size / self.rate
        while (left := self._due - time.monotonic()) > 0:
            await asyncio.sleep(min(left, LONGEST_SLEEP))


class Scrubber:
    """Scrubs the whole store repeatedly and slowly.

    ``every``: seconds from the start of one pass to the start of the next.  ``rate``: bytes a second.  ``load``,
    ``save``: keep (start of the pass in unix seconds, position) across restarts.  ``told``: called with a pass's
    results whenever they change.
    """

    def __init__(
        self,
        blobs: Blobs,
        catalog: Catalog,
        every: float,
        rate: float,
        *,
        load: Callable[[], Awaitable[tuple[float, Place | None] | None]],
        save: Callable[[float, Place | None], Awaitable[None]],
        told: Callable[[Found], None] = lambda found: None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._blobs, self._catalog, self._every, self._rate = blobs, catalog, every, rate
        self._load, self._save, self._told, self._clock, self._sleep = load, save, told, clock, sleep

    async def run(self) -> None:
        """Run until cancelled.  Logs failures; after AGAIN seconds the pass continues where it was."""
        while True:
            try:
                left = await self.once() + self._every - self._clock()
            except Unreachable as failure:
                log.warning("scrubbing continues later: %s", failure.strerror)
                left = AGAIN
            except Exception:
                log.exception("scrubbing failed")
                left = AGAIN
            await self._sleep(max(LONGEST_SLEEP, left))

    async def once(self) -> float:
        """The rest of the present pass, or a new one if it is due.  Returns the start of the pass."""
        began, after = await self._load() or (0.0, None)
        if after is None:
            if began + self._every > self._clock():
                return began
            began = self._clock()
        found = Found()
        async for place in _pass(self._blobs, self._catalog, found, True, self._rate, _log_damage, after):
            self._told(found)
            with contextlib.suppress(OSError):  # then the pass begins anew after a restart
                await self._save(began, place)
        self._told(found)
        await self._save(began, None)
        log.info("scrubbed %d objects, %d bytes: %d damaged", found.objects, found.size, len(found.damages))
        return began


def _log_damage(damage: Damage) -> None:
    log.error("object %r of space id %s is %s (blob %s)", damage.key, damage.space_id, damage.problem, damage.blob)
