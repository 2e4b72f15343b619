"""How much at once: requests a second for each key, connections, and room on the disk."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from uvideo._core import errors, localfile
from uvideo.server.guesses import Guesses
from uvideo.storage.base import Blobs, PartSlot, Writer

__all__ = ["Headroom", "Limits", "Rates", "descriptors", "kept_free", "no_core"]

KEYS = 10_000  # buckets remembered
BURST = 2.0  # seconds' worth that may come at once
LOOK_EVERY = 0.2  # seconds between two looks at the disk
SPARE = 128  # descriptors for the catalog, the log and whatever libraries open


def no_core() -> None:
    """Leave no core file, which would hold the keys."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def descriptors(wanted: int) -> int:
    """How many connections there may be: ``wanted``, or what the system's limit on open files leaves room for.

    The soft limit is raised as far as it goes.  A request in flight may hold one file beside its connection.
    """
    if resource is None:  # the system has no such limit
        return wanted
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (hard - SPARE) // 2))


class Rates:
    """``limit``: requests a second of one key, or of one address without a key; 0 for any number.  ``clock``: seconds.

    A bucket for each holds ``BURST`` seconds' worth.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self._clock = limit, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # name -> (when it was looked at, what was in it)

    def take(self, name: str) -> None:
        """Throttled if there were too many."""
        now, most = self._clock(), max(1.0, self.limit * BURST)
        then, held = self._buckets.get(name, (now, most))
        held = min(most, held + (now - then) * self.limit)
        if held < 1:
            self._buckets[name] = now, held
            raise errors.Throttled(retry_after=max(1, int((1 - held) / self.limit)), cause="rate")
        if len(self._buckets) >= KEYS and name not in self._buckets:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[name] = now, held - 1


class Headroom:
    """Keeps ``least`` bytes of a disk free.

    What says how long it is is refused before a byte of it is read (``check``), all else when it would be written
    (``taking``).
    """

    def __init__(self, folder: Path, least: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._least, self._clock = folder, least, clock
        self._free, self._looked = 0, float("-inf")
        self._going = 0  # bytes that are being written

    def check(self, size: int) -> None:
        """Unavailable unless so many bytes more may be stored."""
        now = self._clock()
        if now - self._looked > LOOK_EVERY:
            self._free, self._looked = self._look(), now
        if self._free - size < self._least:
            raise _nearly_full()

    def has(self, size: int) -> bool:
        """Whether ``check`` would let them pass."""
        return self._look() - size >= self._least

    @contextlib.contextmanager
    def taking(self, size: int) -> Iterator[None]:
        """While the block writes so many bytes.  Unavailable if they, and what others write now, are too many."""
        if self._look() - self._going - size < self._least:
            raise _nearly_full()
        self._going += size
        try:
            yield
        finally:
            self._going -= size

    def _look(self) -> int:
        return int(localfile.free(self._folder))


def _nearly_full() -> errors.Unavailable:
    return errors.Unavailable("the disk is nearly full", retry_after=60, cause="full")


def kept_free(blobs: Blobs, headroom: Headroom | None) -> Blobs:
    """The same blobs; what is written to them leaves the headroom, however it came and whatever was announced."""
    return blobs if headroom is None else cast(Blobs, _KeptFree(blobs, headroom))


class _KeptFree:
    def __init__(self, blobs: Blobs, headroom: Headroom) -> None:
        self._blobs, self._headroom = blobs, headroom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def writer(self) -> Writer:
        return cast(Writer, _Writing(await self._blobs.writer(), self._headroom))

    @asynccontextmanager
    async def part(self, draft: str, part: int) -> AsyncIterator[PartSlot]:
        async with self._blobs.part(draft, part) as slot:
            yield cast(PartSlot, _Writing(slot, self._headroom))


class _Writing:
    """A Writer or a PartSlot."""

    def __init__(self, target: Writer | PartSlot, headroom: Headroom) -> None:
        self._target, self._headroom = target, headroom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    async def write(self, chunks: Sequence[bytes]) -> Any:
        with self._headroom.taking(sum(map(len, chunks))):
            return await self._target.write(chunks)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process keeps to.

    ``connections``: at once, ``connections_each``: of them from one address; 0 for any number.  ``headroom``: None for
    any disk.
    """

    guesses: Guesses = field(default_factory=lambda: Guesses(0))
    rates: Rates = field(default_factory=lambda: Rates(0))
    headroom: Headroom | None = None
    connections: int = 0
    connections_each: int = 0
