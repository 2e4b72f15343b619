"""A limit on bytes a second that answers "in t seconds" and leaves the waiting to its caller."""

from __future__ import annotations

import threading

__all__ = ["Limit"]


class Limit:
    """At most ``rate`` bytes a second over all that share it.  Safe to share between threads."""

    def __init__(self, rate: int) -> None:
        self._rate, self._free = rate, 0.0
        self._lock = threading.Lock()

    def reserve(self, size: int, now: float) -> float:
        """Seconds to wait before ``size`` bytes are moved.  ``now``: of any clock that never goes back."""
        with self._lock:
            begin = max(self._free, now)
            self._free = begin + size / self._rate
            return begin - now
