"""Bit rot: stored bytes read again and compared with the etags that the catalog has."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from uvideo._core import etag
from uvideo.storage.base import Blobs, Catalog, ObjectRecord, Reader

__all__ = ["Damage", "Found", "Scrubber", "fsck", "problem", "verified"]

PAGE = 500  # objects looked up at once
PIECE = 1024 * 1024  # bytes read at once
KNOWN = 100_000  # blobs that a pass remembers, so that copies are read once
LONGEST_SLEEP = 1.0  # seconds

log = logging.getLogger("uvideo.server")

#: Where a pass is: the (space_id, key) that it read last.
Place = tuple[str, str]


class Damage(NamedTuple):
    """An object whose bytes are not what its etag says.  ``problem``: "missing", "damaged" or "unreadable: why"."""

    space_id: str
    key: str
    blob: str | None
    problem: str


@dataclass(slots=True)
class Found:
    """What a pass saw.  ``size``: bytes read."""

    objects: int = 0
    size: int = 0
    damages: list[Damage] = field(default_factory=list)


async def verified(record: ObjectRecord, reader: Reader | None) -> bool:
    """Whether the bytes are those of the etag.  ``reader``: None for inline ones.  OSError if they cannot be read.

    An etag that cannot be computed says nothing, and counts as right.
    """
    tree = etag.Etag()
    if reader is None:
        tree.update(record.inline or b"")
    else:
        async for piece in reader.read(0, record.size):
            await asyncio.get_running_loop().run_in_executor(None, tree.update, piece)
    return tree.size == record.size and (
        not etag.is_etag(record.etag) or etag.same(record.etag, tree.value(), record.size)
    )


async def problem(blobs: Blobs, record: ObjectRecord) -> str | None:
    """What is wrong with an object's bytes, None if nothing."""
    try:
        if record.blob is None:
            return None if await verified(record, None) else "damaged"
        reader = await blobs.open(record.blob)
        try:
            return None if await verified(record, reader) else "damaged"
        finally:
            await reader.close()
    except FileNotFoundError:
        return "missing"
    except OSError as failure:
        return f"unreadable: {errno.errorcode.get(failure.errno or 0, failure)}"


async def fsck(
    blobs: Blobs,
    catalog: Catalog,
    *,
    rate: float | None = None,
    report: Callable[[Damage], None] = lambda damage: None,
    progress: Callable[[Found], None] = lambda found: None,
    after: Place | None = None,
) -> Found:
    """Read every object once and say which are damaged.  Nothing is changed, and the store may be in use.

    ``rate``: bytes a second at most.  ``report``: told of each damage at once; ``progress``: of every page.
    ``after``: begin behind this (space_id, key).
    """
    found = Found()
    async for _ in _pass(blobs, catalog, found, rate, report, after):
        progress(found)
    return found


async def _pass(
    blobs: Blobs,
    catalog: Catalog,
    found: Found,
    rate: float | None,
    report: Callable[[Damage], None],
    after: Place | None,
) -> AsyncIterator[Place]:
    """Go through all objects; yield after each page how far it is."""
    pace, known = _Pace(rate), set[tuple[str, str]]()
    while page := await catalog.walk(after, PAGE):
        for entry in page:
            after = (entry.space_id, entry.key)
            known_as = (entry.blob or "", entry.etag)
            if entry.blob is not None and known_as in known:
                found.objects += 1
                continue
            damage = await _look(blobs, catalog, entry)
            if damage is not None:
                found.damages.append(damage)
                report(damage)
            elif entry.blob is not None and len(known) < KNOWN:
                known.add(known_as)
            found.objects += 1
            found.size += entry.size
            await pace.spent(entry.size)
        assert after is not None
        yield after


async def _look(blobs: Blobs, catalog: Catalog, entry: ObjectRecord) -> Damage | None:
    """The damage of one object, if it is still the same object when that is known."""
    record: ObjectRecord | None = entry
    if entry.blob is None:
        record = await catalog.get(entry.space_id, entry.key)
        if record is None or record.blob is not None:
            return None
    assert record is not None
    wrong = await problem(blobs, record)
    if wrong is None:
        return None
    now = await catalog.get(entry.space_id, entry.key)
    if now is None or (now.blob, now.etag, now.size) != (record.blob, record.etag, record.size):
        return None  # replaced or deleted meanwhile
    return Damage(entry.space_id, entry.key, entry.blob, wrong)


class _Pace:
    """Keeps work to ``rate`` bytes a second."""

    def __init__(self, rate: float | None) -> None:
        self._rate, self._due = rate, time.monotonic()

    async def spent(self, size: int) -> None:
        """Wait until this many bytes more are allowed."""
        if self._rate is None:
            await asyncio.sleep(0)
            return
        self._due = max(self._due, time.monotonic() - LONGEST_SLEEP) + size / self._rate
        while (left := self._due - time.monotonic()) > 0:
            await asyncio.sleep(min(left, LONGEST_SLEEP))


class Scrubber:
    """Goes through the whole store again and again, slowly.

    ``every``: seconds from the begin of one pass to that of the next.  ``rate``: bytes a second.  ``load``, ``save``:
    keep (when the pass began in unix seconds, how far it is) over a restart.  ``told``: gets what a pass has found,
    whenever that changes.
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
    ) -> None:
        self._blobs, self._catalog, self._every, self._rate = blobs, catalog, every, rate
        self._load, self._save, self._told, self._clock = load, save, told, clock

    async def run(self) -> None:
        """For ever.  What goes wrong is logged, and tried again with the next pass."""
        while True:
            try:
                began = await self.once()
            except Exception:
                log.exception("scrubbing failed")
                began = self._clock()
            await asyncio.sleep(max(LONGEST_SLEEP, began + self._every - self._clock()))

    async def once(self) -> float:
        """The rest of the pass that is under way, or a new one if it is time; when it began."""
        began, after = await self._load() or (0.0, None)
        if after is None:
            if began + self._every > self._clock():
                return began
            began = self._clock()
        found = Found()
        async for place in _pass(self._blobs, self._catalog, found, self._rate, _log_damage, after):
            self._told(found)
            with contextlib.suppress(OSError):  # it begins anew after a restart, then
                await self._save(began, place)
        self._told(found)
        await self._save(began, None)
        log.info("scrubbed %d objects, %d bytes: %d damaged", found.objects, found.size, len(found.damages))
        return began


def _log_damage(damage: Damage) -> None:
    log.error("object %r of space id %s is %s (blob %s)", damage.key, damage.space_id, damage.problem, damage.blob)
