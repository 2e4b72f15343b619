"""Bytes served from each space, counted in memory and added to the catalog now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from uvideo.storage.base import DAY, Catalog

__all__ = ["Usage"]

EVERY = 10.0  # seconds; what a process that is killed may forget

log = logging.getLogger("uvideo.server")


class Usage:
    """The counters of one process.  ``clock``: unix seconds.  ``every``: seconds between two flushes."""

    def __init__(self, catalog: Catalog, clock: Callable[[], float], every: float = EVERY) -> None:
        self._catalog, self._clock, self._every = catalog, clock, every
        self._sent: dict[tuple[int, str], int] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, space: str, sent: int) -> None:
        """``sent`` bytes were served from the space with this name."""
        cell = int(self._clock()) // DAY, space
        self._sent[cell] = self._sent.get(cell, 0) + sent
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._later())

    async def _later(self) -> None:
        await asyncio.sleep(self._every)
        self._task = None
        await self._try()

    async def _try(self) -> None:
        try:
            await self.flush()
        except OSError as failure:
            log.warning("the bytes served are counted later: %s", failure.strerror)
        except Exception:
            log.exception("the bytes served could not be counted")

    async def flush(self) -> None:
        """Add what was counted to the catalog.  If that fails it stays counted here."""
        while self._sent:
            day = next(iter(self._sent))[0]
            counted = {cell: sent for cell, sent in self._sent.items() if cell[0] == day}
            for cell in counted:
                del self._sent[cell]
            try:
                await self._catalog.add_flux(day, {space: sent for (_, space), sent in counted.items()})
            except BaseException:
                for cell, sent in counted.items():
                    self._sent[cell] = self._sent.get(cell, 0) + sent
                raise

    async def stop(self) -> None:
        """Flush, as far as that is possible, and do so no more by itself."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        await self._try()
