"""What a server does with garbage by itself: it sweeps, and empties the quarantine when the disk runs full."""

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
LOOK_EVERY = 1.0  # seconds between two looks at the disk
LEAST = 16 * 1024 * 1024  # bytes free, whatever the headroom is

log = logging.getLogger("uvideo.server")


class Sweeper:
    """Sweeps one pair of drivers.  ``folder``: whose disk is looked at; None for no disk of ours.

    ``headroom``: bytes of the disk at which uploads are refused; at twice as many the quarantine is emptied.
    """

    def __init__(self, blobs: Blobs, catalog: Catalog, metrics: Metrics, folder: Path | None, headroom: int) -> None:
        self._blobs, self._catalog, self._metrics = blobs, catalog, metrics
        self._folder = folder
        self.change(headroom)

    def change(self, headroom: int) -> None:
        """Another headroom from now on."""
        self._least = 2 * max(headroom, LEAST)

    async def run(self, cutoff: float) -> None:
        """For ever: take garbage last touched before ``cutoff``, then what is old enough to be surely none's."""
        while True:
            try:
                await self.once(cutoff)
            except Unreachable as failure:
                log.warning("garbage is looked for later: %s", failure.strerror)
            except (identity.Apart, SweepStopped, OSError) as failure:  # the machine fails: one line says it
                log.error("nothing is swept: %s", failure)
                self._metrics.add("uvideo_gc_failures_total")
            except Exception:
                log.exception("looking for garbage failed")
                self._metrics.add("uvideo_gc_failures_total")
            await asyncio.sleep(EVERY)
            cutoff = time.time() - AGE

    async def once(self, cutoff: float) -> None:
        """One sweep.  ``identity.Apart``, SweepStopped, and what the drivers raise."""
        await identity.compare(self._blobs, self._catalog)
        freed = Freed()
        try:
            count = await self._blobs.sweep(self._catalog.named, cutoff, freed)
            self._metrics.add("uvideo_gc_removed_total", count)
            if count or freed.blobs:
                log.info("took %d blobs that nothing names, freed %d bytes of %d", count, freed.size, freed.blobs)
        finally:
            self._metrics.add("uvideo_gc_freed_total", freed.blobs)
            self._metrics.add("uvideo_gc_freed_bytes_total", freed.size)
            await self._count()
        self._metrics.set("uvideo_gc_last_run_seconds", int(time.time()))

    async def relieve(self) -> None:
        """For ever: look at the disk, and remove what is in the quarantine while little is free."""
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
