"""Counts wrong signatures by client and key, so that nobody can guess a short private key by trying."""

from __future__ import annotations

import hashlib
import mmap
import secrets
import struct
import time
from collections.abc import Callable, Iterator

from uvideo._core import errors
from uvideo.server.auth.client_address import ClientAddress

__all__ = ["Guesses"]

WINDOW = 60.0  # seconds
SETS, WAYS = 1250, 8  # of each process: sets, and slots of one set; a pair may be in any slot of its set
_SLOT = struct.Struct("<16sdQ")  # digest of the pair, end of its minute, count
_SET = WAYS * _SLOT.size
_LAST = struct.Struct("<d")  # before the sets: the end of the latest minute
_REGION = _LAST.size + SETS * _SET


class Guesses:
    """``limit``: wrong signatures that one client may send for one public key in a minute; 0: any number.

    Further requests are refused unread until the minute is over.  So is a right signature: otherwise its answer would
    confirm a guess.  A client that ``is_near`` is not counted: it may be a proxy with many clients behind it.
    ``clock``: seconds, the same in all processes.

    Made before the ``workers`` are forked.  Each worker writes to its own table in shared memory and reads all tables,
    so a worker that dies leaves no lock behind.  A pair of client and key takes a fixed size.  In a full set the pair
    with the fewest wrong signatures is replaced, so trying many keys once each does not remove the others.
    """

    def __init__(
        self,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
        workers: int = 1,
    ) -> None:
        self._limit, self._clock = limit, clock
        self._table = mmap.mmap(-1, workers * _REGION)
        self._regions = range(0, workers * _REGION, _REGION)
        self._own = 0
        self._salt = secrets.token_bytes(16)  # otherwise a client could fill one set on purpose

    def change(self, limit: int) -> None:
        """Set another limit in this process."""
        self._limit = limit

    def take(self, worker: int) -> None:
        """Set the number of this worker."""
        self._own = self._regions[worker]

    @property
    def seen(self) -> bool:
        """Whether anybody sent a wrong signature within the last minute."""
        now = self._clock()
        for region in self._regions:  # each request asks twice: a generator would cost more than the look
            if _LAST.unpack_from(self._table, region)[0] > now:
                return True
        return False

    def wrong(self, sender: ClientAddress, public: str) -> None:
        """Count a wrong signature.  Throttled above the limit, also if many requests arrive at once."""
        if not self._limit or not public or sender.is_near:
            return
        self.check(sender, public)
        now, pair = self._clock(), self._pair(sender, public)
        slots = list(self._slots(self._own, pair))
        known = [(offset, end, count) for offset, digest, end, count in slots if digest == pair and end > now]
        if known:
            offset, end, count = known[0]
        else:
            offset = min(slots, key=lambda slot: (slot[2] > now, slot[3], slot[2]))[0]
            end, count = now + WINDOW, 0
        _SLOT.pack_into(self._table, offset, pair, end, count + 1)
        _LAST.pack_into(self._table, self._own, max(end, *_LAST.unpack_from(self._table, self._own)))
        self._judge(pair, self._limit + 1)  # another process may count at the same time

    def check(self, sender: ClientAddress, public: str) -> None:
        """Throttled if the limit is reached."""
        if not self._limit or not self.seen:
            return
        self._judge(self._pair(sender, public), self._limit)

    def _judge(self, pair: bytes, most: int) -> None:
        """Throttled if all processes together counted at least ``most``."""
        now, total, last = self._clock(), 0, 0.0
        for region in self._regions:
            for _, digest, end, count in self._slots(region, pair):
                if digest == pair and end > now:
                    total, last = total + count, max(last, end)
        if total >= most:
            raise errors.Throttled("too many wrong signatures", retry_after=int(last - now) + 1, cause="guesses")

    def forget(self) -> None:
        """Reset all counts."""
        self._table[:] = bytes(len(self._table))

    def _pair(self, sender: ClientAddress, public: str) -> bytes:
        text = f"{sender.name}\0{public}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16, key=self._salt).digest()

    def _slots(self, region: int, pair: bytes) -> Iterator[tuple[int, bytes, float, int]]:
        """(offset, digest, end, count) of each slot in the pair's set."""
        first = region + _LAST.size + int.from_bytes(pair[:4], "little") % SETS * _SET
        for offset in range(first, first + _SET, _SLOT.size):
            yield offset, *_SLOT.unpack_from(self._table, offset)
