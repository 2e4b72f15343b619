"""Bytes served from each space and uploaded to it, counted in memory and added to the catalog periodically."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from uvideo.storage.base import DAY, Catalog

__all__ = ["Usage"]

EVERY = 10.0  # seconds; a killed process loses the counts of this time

log = logging.getLogger("uvideo.server")


class Usage:
    """The counters of one process.  ``clock``: unix seconds.  ``every``: seconds between two flushes."""

    def __init__(self, catalog: Catalog, clock: Callable[[], float], every: float = EVERY) -> None:
        self._catalog, self._clock, self._every = catalog, clock, every
        self._counted: dict[tuple[int, str], tuple[int, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, space: str, sent: int, received: int = 0) -> None:
        """Count bytes served from the space with this name, and bytes uploaded to it."""
        self._count(int(self._clock()) // DAY, space, sent, received)
        self._begin()

    def _count(self, day: int, space: str, sent: int, received: int) -> None:
        before = self._counted.get((day, space), (0, 0))
        self._counted[day, space] = before[0] + sent, before[1] + received

    def _begin(self) -> None:
        if self._counted and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._later())

    async def _later(self) -> None:
        await asyncio.sleep(self._every)
        self._task = None
        await self._try()
        self._begin()  # again, if the catalog could not be reached

    async def _try(self) -> None:
        try:
            await self.flush()
        except OSError as failure:
            log.warning("the sent and received bytes are counted later: %s", failure.strerror)
        except Exception:
            log.exception("the sent and received bytes could not be counted")

    async def flush(self) -> None:
        """Add the counts to the catalog.  If that fails they are kept here."""
        while self._counted:
            day = next(iter(self._counted))[0]
            counted = {space: both for (when, space), both in self._counted.items() if when == day}
            for space in counted:
                del self._counted[day, space]
            sent, received = ({space: both[at] for space, both in counted.items()} for at in (0, 1))
            try:
                await self._catalog.add_flux(day, sent, received)
            except BaseException:
                for space, both in counted.items():
                    self._count(day, space, *both)
                raise

    async def stop(self) -> None:
        """Flush if possible, and end the periodic flush."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        await self._try()
