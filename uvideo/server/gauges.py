"""What the metrics say of the catalog, asked for when somebody looks, and not more often than it can bear."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from uvideo.server.levels import Level
from uvideo.server.metrics import Metrics
from uvideo.storage.base import DAY, Catalog

__all__ = ["STALE", "Gauges"]

STALE = 7 * DAY  # seconds without a new part
EVERY = 5.0  # seconds; and at least SHARE times as long as the last look took
SHARE = 50
PATIENCE = 1.0  # seconds that who looks waits for the newest values

log = logging.getLogger("uvideo.server")


class Gauges:
    """Sets the gauges of open uploads, and those of ``levels`` by their names.

    ``clock``: unix seconds.  ``ticks``: seconds that never go back.
    """

    def __init__(
        self,
        catalog: Catalog,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        levels: Mapping[str, Level] | None = None,
    ) -> None:
        self._catalog, self._metrics, self._clock, self._ticks = catalog, metrics, clock, ticks
        self._levels = levels or {}
        self._looking: asyncio.Task[None] | None = None
        self._due = float("-inf")

    async def refresh(self) -> None:
        """Bring them up to date, if that is due; after PATIENCE, or without the catalog, the last ones stay."""
        for name, level in self._levels.items():
            self._metrics.set(name, max(0, level.total))
        if self._looking is None:
            if self._ticks() < self._due:
                return
            self._looking = asyncio.get_running_loop().create_task(self._look())
        await asyncio.wait([self._looking], timeout=PATIENCE)

    async def close(self) -> None:
        """End a look that is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _look(self) -> None:
        began = self._ticks()
        try:
            found = await self._catalog.open_uploads(int(self._clock()) - STALE)
            self._metrics.set("uvideo_uploads_open", found.count)
            self._metrics.set("uvideo_uploads_open_bytes", found.stored)
            self._metrics.set("uvideo_uploads_stale", found.stale)
            self._metrics.set("uvideo_uploads_stale_bytes", found.stale_stored)
        except OSError as failure:
            log.warning("open uploads are counted later: %s", failure.strerror)
        except Exception:
            log.exception("open uploads could not be counted")
        finally:
            now = self._ticks()
            self._due = now + max(EVERY, SHARE * (now - began))
            self._looking = None
