"""A gauge that all workers share."""

from __future__ import annotations

import mmap

__all__ = ["Level"]


class Level:
    """The sum of the counts of ``workers`` processes.  Made before they are forked.

    Each process writes its own cell, so there is no lock that a killed process could leave.  The count of a process
    that died is reset when another takes its number.  Not thread-safe: use it from each process' event loop.
    """

    def __init__(self, workers: int = 1) -> None:
        self._cells = memoryview(mmap.mmap(-1, workers * 8)).cast("q")
        self._own = 0

    def take(self, worker: int) -> None:
        """Set the number of this worker, and reset its count."""
        self._own = worker
        self._cells[worker] = 0

    def add(self, count: int) -> None:
        self._cells[self._own] += count

    @property
    def own(self) -> int:
        """The count of this process."""
        return self._cells[self._own]

    @property
    def total(self) -> int:
        return sum(self._cells)
