"""Whether the event loop of each worker still turns."""

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
    """Made before the workers are forked: each writes when it was alive last.  ``clock``: the same in all processes."""

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._cells, self._clock = mmap.mmap(-1, workers * _CELL.size), clock

    def begin(self, number: int) -> None:
        """This worker is alive now."""
        _CELL.pack_into(self._cells, number * _CELL.size, self._clock())

    def age(self, number: int) -> float:
        """Seconds since this worker was alive."""
        (then,) = _CELL.unpack_from(self._cells, number * _CELL.size)
        return self._clock() - float(then)

    async def run(self, number: int) -> None:
        """For ever: a sign of life now and again, for as long as the loop turns."""
        while True:
            self.begin(number)
            await asyncio.sleep(EVERY)
