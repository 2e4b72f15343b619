"""How much at once: requests a second for each key, and connections."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from uvideo._core import errors
from uvideo.server.auth.auth_throttle import Guesses
from uvideo.server.limits.disk_headroom import Headroom

__all__ = ["Limits", "Rates", "descriptors", "no_core"]

KEYS = 10_000  # buckets remembered
BURST = 2.0  # seconds' worth that may come at once
SPARE = 128  # descriptors for the catalog, the log and whatever libraries open


def no_core() -> None:
    """Leave no core file, which would hold the keys."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def descriptors(wanted: int) -> int:
    """How many connections there may be: ``wanted``, or what the system's limit on open files leaves room for.

    The soft limit is raised as far as it goes.  A request in flight may hold one file beside its connection.
    """
    if resource is None:  # the system has no such limit
        return wanted
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (hard - SPARE) // 2))


class Rates:
    """``limit``: requests a second of one key, or of one address without a key; 0 for any number.  ``clock``: seconds.

    A bucket for each holds ``BURST`` seconds' worth.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self._clock = limit, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # name -> (when it was looked at, what was in it)

    def take(self, name: str) -> None:
        """Throttled if there were too many."""
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
    """What one process keeps to.

    ``connections``: at once, ``connections_each``: of them from one address; 0 for any number.  ``headroom``: None for
    any disk.
    """

    guesses: Guesses = field(default_factory=lambda: Guesses(0))
    rates: Rates = field(default_factory=lambda: Rates(0))
    headroom: Headroom | None = None
    connections: int = 0
    connections_each: int = 0
