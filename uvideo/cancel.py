"""What cancels a transfer from another thread: see Cancel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from uvideo._core import interrupt
from uvideo.errors import UVideoError

__all__ = ["Cancel"]


class Cancel(interrupt.Interrupt):
    """Set once, for good: a transfer then ends at its next wait, piece or request.  Safe to share between threads."""

    def __init__(self) -> None:
        super().__init__()
        self._followers: set[Cancel] = set()
        self._lock = threading.RLock()  # a signal may set it while its thread is here

    def set(self, error: UVideoError | None = None) -> None:
        """``error``: what the transfers raise then, Cancelled by default; the first counts."""
        super().set(error)
        with self._lock:
            followers = tuple(self._followers)
        for each in followers:
            each.set(error)

    cancel = set

    @contextmanager
    def leading(self, other: Cancel) -> Iterator[None]:
        """While the block runs, ``other`` is set when this one is."""
        with self._lock:
            self._followers.add(other)
        try:
            if self.is_set():
                other.set(self._error)
            yield
        finally:
            with self._lock:
                self._followers.discard(other)
