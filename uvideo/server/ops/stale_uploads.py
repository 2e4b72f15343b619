"""Aborts unfinished uploads that had no new part for long, if the operator wants that."""

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
BATCH = 100  # uploads, then others get their turn
PAUSE = 0.1  # seconds between two batches
JUMP = 60.0  # seconds of a change of the clock that is told

log = logging.getLogger("uvideo.server")


class StaleUploads:
    """``days``: without a new part, 0 for never; may be changed at any time.  ``clock``: unix seconds.  ``ticks``:
    seconds that nobody sets.

    Several gateways may do this at once: each upload is aborted, counted and recorded by one of them.
    If the clock is set forward, time goes on here as before, until the next start: no upload is older by that.
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
        """For ever."""
        while True:
            try:
                await self.once()
            except Unreachable as failure:
                log.warning("stale uploads are aborted later: %s", failure.strerror)
            except Exception:
                log.exception("stale uploads could not be aborted")
            await asyncio.sleep(EVERY)

    async def once(self) -> int:
        """Abort what is stale now; how many.  What the drivers raise."""
        if not self.days:
            return 0
        before, count = int(self._now() - self.days * DAY), 0
        while found := await self._catalog.stale_uploads(before, BATCH):
            done = 0
            for each in found:
                done += await self._abort(each, before)
            count += done
            if not done:  # others were faster, or parts came
                break
            await asyncio.sleep(PAUSE)
        if count:
            log.info("aborted %d uploads that had no new part for %g days", count, self.days)
        return count

    def _now(self) -> float:
        """Unix seconds, not later than the ticks since the start allow."""
        clock, allowed = self._clock(), self._began + self._ticks()
        if clock > allowed + JUMP:
            log.warning("the clock was set %.0f s forward: no upload is taken for older by that", clock - allowed)
        return min(clock, allowed)

    async def _abort(self, upload: StaleUpload, before: int) -> bool:
        draft = await self._catalog.abort(upload.upload_id, before)
        if draft is None:
            return False
        for name in ("uvideo_uploads_aborted_total", "uvideo_uploads_stale_aborted_total"):
            self._metrics.add(name)
        who = Who("server", account=upload.account)
        self._audit.record("AbortUpload", who, space=upload.space, object=upload.key, upload_id=upload.upload_id)
        try:
            await self._blobs.discard(draft)
        except OSError as failure:  # a sweep will take it
            log.warning("the draft %s of an upload that was aborted could not be removed: %s", draft, failure)
        return True
