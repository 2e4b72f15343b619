"""The last hour of the server's counters, for the console's charts."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from uvideo.server.ops.metrics import Counts, Metrics

__all__ = ["History"]

EVERY = 5.0  # seconds between two samples
LENGTH = 720  # samples kept


class History:
    """Samples of ``metrics`` taken by one task.  ``clock``: unix seconds."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.time) -> None:
        self._metrics, self._clock = metrics, clock
        self._samples: deque[tuple[float, Counts]] = deque(maxlen=LENGTH)

    async def run(self) -> None:
        """Take a sample now and every EVERY seconds, until cancelled."""
        while True:
            self.take()
            await asyncio.sleep(EVERY)

    def take(self) -> None:
        self._samples.append((self._clock(), self._metrics.counts()))

    def samples(self) -> list[tuple[float, Counts]]:
        """(unix seconds, Counts) of each sample, oldest first, and of now."""
        return [*self._samples, (self._clock(), self._metrics.counts())]
