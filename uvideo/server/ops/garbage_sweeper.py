"""A server's automatic garbage collection: it sweeps, and empties the quarantine when the disk is nearly full."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from uvideo._core import localfile
from uvideo.server.ops.metrics import Metrics
from uvideo.storage import identity
from uvideo.storage.base import Blobs, Catalog, Freed, SweepStopped, Unreachable

__all__ = ["Sweeper"]

EVERY, AGE = 600.0, 3600.0  # seconds
LOOK_EVERY = 1.0  # seconds between two checks of the disk
LEAST = 16 * 1024 * 1024  # bytes to keep free with any headroom

log = logging.getLogger("uvideo.server")


class Sweeper:
    """Sweeps one pair of drivers.  ``folder``: on the disk to check; None: the server has no disk of its own.

    ``headroom``: with fewer free bytes uploads are refused; below twice as many the quarantine is emptied.
    """

    def __init__(self, blobs: Blobs, catalog: Catalog, metrics: Metrics, folder: Path | None, headroom: int) -> None:
        self._blobs, self._catalog, self._metrics = blobs, catalog, metrics
        self._folder = folder
        self.change(headroom)

    def change(self, headroom: int) -> None:
        """Set another headroom."""
        self._least = 2 * max(headroom, LEAST)

    async def run(self, cutoff: float) -> None:
        """Sweep until cancelled: at first garbage last touched before ``cutoff``, later garbage older than AGE."""
        while True:
            try:
                await self.once(cutoff)
            except Unreachable as failure:
                log.warning("garbage collection is retried later: %s", failure.strerror)
            except (identity.Apart, SweepStopped, OSError) as failure:  # failures of the machine: log one line
                log.error("garbage collection stopped, nothing was removed: %s", failure)
                self._metrics.add("uvideo_gc_failures_total")
            except Exception:
                log.exception("garbage collection failed")
                self._metrics.add("uvideo_gc_failures_total")
            await asyncio.sleep(EVERY)
            cutoff = time.time() - AGE

    async def once(self, cutoff: float) -> None:
        """One sweep.  ``identity.Apart``, SweepStopped, and errors of the drivers."""
        await identity.compare(self._blobs, self._catalog)
        freed = Freed()
        try:
            count = await self._blobs.sweep(self._catalog.named, cutoff, freed)
            self._metrics.add("uvideo_gc_removed_total", count)
            if count or freed.blobs:
                log.info(
                    "took %d blobs that the catalog does not name, freed %d bytes of %d blobs",
                    count,
                    freed.size,
                    freed.blobs,
                )
        finally:
            self._metrics.add("uvideo_gc_freed_total", freed.blobs)
            self._metrics.add("uvideo_gc_freed_bytes_total", freed.size)
            await self._count()
        self._metrics.set("uvideo_gc_last_run_seconds", int(time.time()))

    async def relieve(self) -> None:
        """Check the disk until cancelled, and remove files from the quarantine while it is nearly full."""
        assert self._folder is not None
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                if localfile.free(self._folder) >= self._least:
                    continue
                count = await self._blobs.relieve(self._catalog.named, self._least)
                if count:
                    log.warning("the disk is nearly full: removed %d files of the quarantine", count)
                    await self._count()
            except Exception as failure:
                log.warning("the quarantine could not be emptied: %s", failure)

    async def _count(self) -> None:
        found = await self._blobs.quarantined()
        self._metrics.set("uvideo_quarantine_files", found.files)
        self._metrics.set("uvideo_quarantine_bytes", found.size)
