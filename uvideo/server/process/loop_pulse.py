"""Heartbeats of the workers' event loops."""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from collections.abc import Callable

__all__ = ["Pulse"]

EVERY = 0.5  # seconds
_CELL = struct.Struct("=d")


class Pulse:
    """Made before the workers are forked; each writes its last heartbeat.  ``clock``: the same in all processes."""

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._cells, self._clock = mmap.mmap(-1, workers * _CELL.size), clock

    def begin(self, number: int) -> None:
        """Write a heartbeat of this worker."""
        _CELL.pack_into(self._cells, number * _CELL.size, self._clock())

    def age(self, number: int) -> float:
        """Seconds since this worker's last heartbeat."""
        (then,) = _CELL.unpack_from(self._cells, number * _CELL.size)
        return self._clock() - float(then)

    async def run(self, number: int) -> None:
        """Write heartbeats periodically, until cancelled."""
        while True:
            self.begin(number)
            await asyncio.sleep(EVERY)
