"""How many bytes of stored objects a process holds for clients that have not taken them yet."""

from __future__ import annotations

__all__ = ["Window"]

PART = 4  # of what is free, one taker gets at most the fourth part


class Window:
    """A number of bytes that many share.  Not thread-safe: for one event loop.

    Whoever takes less than is wanted asks again sooner, which costs time and no memory.
    """

    def __init__(self, size: int, least: int) -> None:
        self._free, self._least = size, least

    @property
    def is_full(self) -> bool:
        """Whether nobody gets more than ``least`` now."""
        return self._free // PART < self._least

    def take(self, wanted: int) -> int:
        """How many bytes may be held until they are given back: at most ``wanted``, and ``least`` in any case."""
        taken = min(wanted, max(self._least, self._free // PART))
        self._free -= taken
        return taken

    def give(self, taken: int) -> None:
        """Those bytes are no longer held."""
        self._free += taken
