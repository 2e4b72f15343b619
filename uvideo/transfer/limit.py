"""A limit on bytes a second that answers "in t seconds" and leaves the waiting to its caller: see Limit."""

from __future__ import annotations

import threading

from uvideo.config.setting_checks import bandwidth as rate_of

__all__ = ["Limit", "limited"]


class Limit:
    """At most ``rate`` bytes a second over all transfers that share it.  Safe to share between threads.

    rate: a number, or text such as "10M"; 1000 at least.  InvalidArgument.
    """

    def __init__(self, rate: int | str) -> None:
        self._rate, self._free = rate_of("rate", rate), 0.0
        self._lock = threading.Lock()

    @property
    def rate(self) -> int:
        """Bytes a second."""
        return self._rate

    def __reduce__(self) -> tuple[type[Limit], tuple[int]]:
        """A copy, or what a pickle brings to another process, is a limit of its own with the same rate."""
        return type(self), (self._rate,)

    def __repr__(self) -> str:
        return f"<Limit {self._rate} bytes/s>"

    def reserve(self, size: int, now: float) -> float:
        """Seconds to wait before ``size`` bytes are moved.  ``now``: of any clock that never goes back."""
        with self._lock:
            begin = max(self._free, now)
            self._free = begin + size / self._rate
            return begin - now


def limited(bandwidth: int | Limit | None, default: int | None) -> Limit | None:
    """The Limit that an argument means: a shared one, one of its own, or that of the settings; None for no limit."""
    if isinstance(bandwidth, Limit):
        return bandwidth
    rate = default if bandwidth is None else bandwidth
    return None if rate is None else Limit(rate_of("bandwidth", rate))
