"""Gauges of the catalog and the machine.  A scrape updates them, at limited cost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.prometheus_text import Sample
from uvideo.server.ops.readiness import Readiness
from uvideo.server.ops.shared_gauge import Level
from uvideo.storage.base import DAY, Catalog

__all__ = ["STALE", "Gauges", "Turn", "readiness_look", "uploads_look"]

STALE = 7 * DAY  # seconds without a new part
EVERY = 5.0  # seconds
SHARE = 50  # so updates take at most a fiftieth of the time
PATIENCE = 1.0  # seconds that a scrape waits for new values

Look = Callable[[], Awaitable[None]]

log = logging.getLogger("uvideo.server")


@dataclass(slots=True)
class Turn:
    """``look``: sets gauges.  ``every``: least seconds between two looks.  ``share``: the pause is at least this many
    times as long as the look: SHARE if it reads much, 1 if it only waits.

    ``due``: ticks of the next look.  ``task``: the running look.
    """

    look: Look
    every: float = EVERY
    share: float = SHARE
    due: float = float("-inf")
    task: asyncio.Task[None] | None = None


class Gauges:
    """Runs looks that set gauges: ``turns`` by name.

    A look that waits for the database does not delay others.  ``levels``: {gauge: its level}, read at every scrape.
    ``ticks``: seconds of a monotonic clock.
    """

    def __init__(
        self,
        turns: Mapping[str, Turn],
        metrics: Metrics,
        levels: Mapping[str, Level] | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics, self._levels, self._ticks = metrics, levels or {}, ticks
        self._turns = turns

    async def refresh(self, only: str = "") -> None:
        """Run the looks that are due.  After PATIENCE, or without the catalog, the last values stay.

        ``only``: the name of one look; "": all.
        """
        for name, level in self._levels.items():
            self._metrics.set(name, max(0, level.total))
        loop = asyncio.get_running_loop()
        for name, turn in self._turns.items():
            if turn.task is None and self._ticks() >= turn.due and only in ("", name):
                turn.task = loop.create_task(self._take(name, turn))
        turns = [self._turns[only]] if only else list(self._turns.values())
        running = [turn.task for turn in turns if turn.task is not None]
        if running:
            await asyncio.wait(running, timeout=PATIENCE)

    async def close(self) -> None:
        """Cancel the running looks."""
        running = [turn.task for turn in self._turns.values() if turn.task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _take(self, name: str, turn: Turn) -> None:
        began = self._ticks()
        try:
            await turn.look()
        except OSError as failure:
            log.warning("the metrics of %s could not be updated: %s", name, failure.strerror)
        except Exception:
            log.exception("the metrics of %s could not be updated", name)
        finally:
            now = self._ticks()
            turn.due = now + max(turn.every, turn.share * (now - began))
            turn.task = None


def uploads_look(catalog: Catalog, metrics: Metrics, clock: Callable[[], float] = time.time) -> Look:
    """A look that sets the gauges of open uploads.  ``clock``: unix seconds."""

    async def look() -> None:
        found = await catalog.open_uploads(int(clock()) - STALE)
        metrics.set("uvideo_uploads_open", found.count)
        metrics.set("uvideo_uploads_open_bytes", found.stored)
        metrics.set("uvideo_uploads_stale", found.stale)
        metrics.set("uvideo_uploads_stale_bytes", found.stale_stored)

    return look


def readiness_look(readiness: Readiness, metrics: Metrics) -> Look:
    """A look that sets the gauges of readiness."""

    async def look() -> None:
        states = await readiness.states()
        metrics.show("uvideo_writable", Sample(int(states.pop("room"))))
        metrics.show("uvideo_ready", *(Sample(int(well), {"condition": name}) for name, well in states.items()))

    return look
