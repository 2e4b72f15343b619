"""Aborts stale uploads: unfinished ones that had no new part for some days, if the operator sets this."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from uvideo.server.ops.audit import OFF, Audit, Who
from uvideo.server.ops.metrics import Metrics
from uvideo.storage.base import DAY, Blobs, Catalog, StaleUpload, Unreachable

__all__ = ["StaleUploads"]

EVERY = 600.0  # seconds
BATCH = 100  # uploads between two pauses
PAUSE = 0.1  # seconds, for other tasks
JUMP = 60.0  # seconds; larger jumps of the clock are logged

log = logging.getLogger("uvideo.server")


class StaleUploads:
    """``days``: without a new part; 0: never; may be changed at any time.  ``clock``: unix seconds.  ``ticks``: seconds
    of a monotonic clock.

    Several gateways may do this at the same time: one of them aborts, counts and records each upload.  If the clock is
    set forward, this class ignores it until the next start, so no upload becomes stale by that.
    """

    def __init__(
        self,
        blobs: Blobs,
        catalog: Catalog,
        metrics: Metrics,
        days: float,
        audit: Audit = OFF,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs, self._catalog, self._metrics = blobs, catalog, metrics
        self._audit, self._clock, self._ticks = audit, clock, ticks
        self._began = clock() - ticks()
        self.days = days

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self.once()
            except Unreachable as failure:
                log.warning("stale uploads could not be aborted, retried later: %s", failure.strerror)
            except Exception:
                log.exception("stale uploads could not be aborted")
            await asyncio.sleep(EVERY)

    async def once(self) -> int:
        """Abort the uploads that are stale now; returns their number.  Errors of the drivers."""
        if not self.days:
            return 0
        before, count = int(self._now() - self.days * DAY), 0
        while found := await self._catalog.stale_uploads(before, BATCH):
            done = 0
            for each in found:
                done += await self._abort(each, before)
            count += done
            if not done:  # aborted by another gateway, or it got new parts
                break
            await asyncio.sleep(PAUSE)
        if count:
            log.info("aborted %d uploads that had no new part for %g days", count, self.days)
        return count

    def _now(self) -> float:
        """Unix seconds, at most the start plus the ticks since then."""
        clock, allowed = self._clock(), self._began + self._ticks()
        if clock > allowed + JUMP:
            log.warning("the clock was set %.0f s forward: this makes no upload stale", clock - allowed)
        return min(clock, allowed)

    async def _abort(self, upload: StaleUpload, before: int) -> bool:
        left = await self._catalog.abort(upload.upload_id, before)
        if left is None:
            return False
        for name in ("uvideo_uploads_aborted_total", "uvideo_uploads_stale_aborted_total"):
            self._metrics.add(name)
        who = Who("server", account=upload.account)
        self._audit.record("AbortUpload", who, space=upload.space, object=upload.key, upload_id=upload.upload_id)
        for name in left:
            try:
                await self._blobs.discard(name)
            except OSError as failure:  # a sweep will collect it
                log.warning("the draft %s of an aborted upload could not be removed: %s", name, failure)
        return True
