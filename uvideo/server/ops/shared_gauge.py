"""A number that goes up and down, and that all workers share."""

from __future__ import annotations

import mmap

__all__ = ["Level"]


class Level:
    """The sum of what each of ``workers`` processes has counted.  Made before they are forked.

    Each process writes to a cell of its own, so there is no lock that one of them could leave behind.  What a process
    counted that died goes when another takes its number.  Not thread-safe: for the event loop of each process.
    """

    def __init__(self, workers: int = 1) -> None:
        self._cells = memoryview(mmap.mmap(-1, workers * 8)).cast("q")
        self._own = 0

    def take(self, worker: int) -> None:
        """Say which worker this process is.  What an earlier one of this number had counted is gone."""
        self._own = worker
        self._cells[worker] = 0

    def add(self, count: int) -> None:
        self._cells[self._own] += count

    @property
    def own(self) -> int:
        """What this process has counted."""
        return self._cells[self._own]

    @property
    def total(self) -> int:
        return sum(self._cells)
