"""A limit on bytes a second.  It returns how long to wait, and the caller waits: see Limit."""

from __future__ import annotations

import threading

from uvideo.config.setting_checks import bandwidth as rate_of

__all__ = ["Limit", "limited"]


class Limit:
    """At most ``rate`` bytes a second for all transfers that share it.  Safe to share between threads.

    rate: a number, or text, for example "10M"; at least 1000.  InvalidArgument.
    """

    def __init__(self, rate: int | str) -> None:
        self._rate, self._free = rate_of("rate", rate), 0.0
        self._lock = threading.Lock()

    @property
    def rate(self) -> int:
        """Bytes a second."""
        return self._rate

    def __reduce__(self) -> tuple[type[Limit], tuple[int]]:
        """A copy or an unpickled limit is separate from this one, with the same rate."""
        return type(self), (self._rate,)

    def __repr__(self) -> str:
        return f"<Limit {self._rate} bytes/s>"

    def reserve(self, size: int, now: float) -> float:
        """Seconds to wait before ``size`` bytes are transferred.  ``now``: from any clock that never goes back."""
        with self._lock:
            begin = max(self._free, now)
            self._free = begin + size / self._rate
            return begin - now


def limited(bandwidth: int | Limit | None, default: int | None) -> Limit | None:
    """The Limit for an argument: a shared one, a new one, or that of the settings.  None for no limit."""
    if isinstance(bandwidth, Limit):
        return bandwidth
    rate = default if bandwidth is None else bandwidth
    return None if rate is None else Limit(rate_of("bandwidth", rate))
