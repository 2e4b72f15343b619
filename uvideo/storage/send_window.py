"""The limit on bytes of stored objects that a process buffers for clients that have not read them yet."""

from __future__ import annotations

__all__ = ["Window"]

PART = 4  # one taker gets at most a quarter of the free bytes


class Window:
    """A number of bytes shared by many takers.  Not thread-safe: for one event loop.

    A taker that gets less than it wants asks again sooner: that costs time, but no memory.
    """

    def __init__(self, size: int, least: int) -> None:
        self._free, self._least = size, least

    @property
    def is_full(self) -> bool:
        """Whether every taker gets only ``least`` now."""
        return self._free // PART < self._least

    def take(self, wanted: int) -> int:
        """The number of bytes that may be held until ``give``: at most ``wanted``, and always at least ``least``."""
        taken = min(wanted, max(self._least, self._free // PART))
        self._free -= taken
        return taken

    def give(self, taken: int) -> None:
        """Return bytes that are no longer held."""
        self._free += taken
