"""Limits on the requests a second of each key, and on connections."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # it may be absent

from uvideo._core import errors
from uvideo.server.auth.auth_throttle import Guesses
from uvideo.server.limits.disk_headroom import Headroom

__all__ = ["Limits", "Rates", "descriptors", "no_core"]

KEYS = 10_000  # most buckets
BURST = 2.0  # seconds; a bucket holds the requests of this time
SPARE = 128  # descriptors for the catalog, the log and libraries


def no_core() -> None:
    """Disable core files, which would contain the keys."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def descriptors(wanted: int) -> int:
    """The limit on connections: ``wanted``, or fewer if the system's limit on open files is low.

    Raises the soft limit as far as possible.  A request in flight may need a file in addition to its connection.
    """
    if resource is None:  # no such limit
        return wanted
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (hard - SPARE) // 2))


class Rates:
    """``limit``: requests a second of one key, or of one address without a key; 0: any number.  ``clock``: seconds.

    Token buckets that hold the requests of ``BURST`` seconds.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self._clock = limit, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # name -> (time of the last request, level then)

    def take(self, name: str) -> None:
        """Count a request.  Throttled if there were too many."""
        now, most = self._clock(), max(1.0, self.limit * BURST)
        then, held = self._buckets.get(name, (now, most))
        held = min(most, held + (now - then) * self.limit)
        if held < 1:
            self._buckets[name] = now, held
            raise errors.Throttled(retry_after=max(1, int((1 - held) / self.limit)), cause="rate")
        if len(self._buckets) >= KEYS and name not in self._buckets:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[name] = now, held - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process.

    ``connections``: open connections, ``connections_each``: those from one address; 0: any number.  ``headroom``: None:
    not limited.
    """

    guesses: Guesses = field(default_factory=lambda: Guesses(0))
    rates: Rates = field(default_factory=lambda: Rates(0))
    headroom: Headroom | None = None
    connections: int = 0
    connections_each: int = 0
