"""Wrong signatures, counted by who sends them and for which key, so that a short private key cannot be tried out."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

from uvideo._core import errors

__all__ = ["Guesses", "sender"]

WINDOW = 60.0  # seconds
MOST = 10_000  # pairs remembered


def _is_near(remote: str) -> bool:
    """Whether it is this machine: itself, or a proxy on it that stands for many."""
    try:
        found = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return True  # no address: a socket of another kind
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def sender(address: str | None) -> str:
    """Who an address counts as: an IPv6 network of 64 bits is one, as whoever has one address of it has all."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


class Guesses:
    """``limit``: wrong signatures that one ``sender`` may send for one public key in a minute; 0 for any number.

    What comes after that is refused unread until the minute is over, a right one too: it would be the answer sought.
    ``exempt``: addresses that are not counted, by default this machine's own.  ``clock``: seconds.
    """

    def __init__(
        self, limit: int, clock: Callable[[], float] = time.monotonic, exempt: Callable[[str], bool] = _is_near
    ) -> None:
        self._limit, self._clock, self._exempt = limit, clock, exempt
        #: (sender, public key) -> [when its minute ends, how many]; in order of these ends
        self.seen: dict[tuple[str, str], list[float]] = {}

    def wrong(self, remote: str | None, public: str) -> None:
        """One more."""
        if not self._limit or not remote or not public or self._exempt(remote):
            return
        self._forget()
        self.seen.setdefault((sender(remote), public), [self._clock() + WINDOW, 0])[1] += 1
        if len(self.seen) > MOST:
            del self.seen[next(iter(self.seen))]

    def check(self, remote: str | None, public: str) -> None:
        """Throttled if there were too many."""
        found = self.seen.get((sender(remote), public))
        if found is not None and found[1] >= self._limit:
            left = found[0] - self._clock()
            if left > 0:
                raise errors.Throttled("too many wrong signatures", retry_after=int(left) + 1)
            self._forget()

    def _forget(self) -> None:
        now = self._clock()
        while self.seen:
            first = next(iter(self.seen))
            if self.seen[first][0] > now:
                return
            del self.seen[first]
