"""The memory that the requests of all workers may use together (`--memory`), and each request's share of it.

In addition, each connection uses a bounded amount: LEAST_READ for a head or for a body that is written at once, twice
as much in the connection's stream, and the cost of an open connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from uvideo.server.ops.shared_gauge import Level

__all__ = ["BATCH", "FREE", "LEAST_READ", "MIB", "READ", "WHOLE", "Budget", "Memory", "Share", "least_memory"]

MIB = 1024 * 1024
LEAST_READ, READ = 16 * 1024, 256 * 1024  # bytes of one read of a body: without a share, and with a large one
FREE = 16 * 1024  # bytes; a body up to this size is not counted
#: A share covers two batches (one is read while the other one is written) and the bytes in the stream.
BATCH, SHARE = 4, 14  # reads
PART, WHOLES = 4, 2  # a share gets at most 1/PART of the free bytes; 1/WHOLES if it needs all or nothing
WHOLE = 4 * MIB  # bytes of a block
PLACES = 8  # blocks that one process reads back from the disk, or copies, at the same time
WINDOW = 64 * MIB  # bytes that are fetched from an object store in advance
PATIENCE = 0.5  # seconds that a part waits for room
WAITING = 64  # parts that wait for room
LOOK_EVERY = 1.0  # seconds
TRIMMED = 8 * MIB  # bytes; after so many were released, memory is given back to the system
TRIM_EVERY, TRIM_WORK = 10.0, 0.05  # seconds between two trims; seconds of CPU time since the last one

log = logging.getLogger("uvideo.server")


class Reads(Protocol):
    """A body with a limit on the size of a read."""

    def read_at_once(self, size: int) -> None: ...


class Budget:
    """``size``: bytes.  ``level``: bytes that all workers have taken.  Each worker has one, for its event loop.

    A worker first adds its bytes and then compares the sum, so no lock is needed.
    """

    def __init__(self, size: int, level: Level | None = None) -> None:
        self.size, self.level = size, level or Level()
        self._waiting: deque[tuple[int, asyncio.Future[bool]]] = deque()
        self._moved = float("-inf")

    @property
    def is_short(self) -> bool:
        """Whether more than half of the budget is taken."""
        return self.level.total > self.size // 2

    def take(self, wanted: int, least: int | None = None, part: int = 1) -> int:
        """Take bytes, and return how many: at most ``wanted``, and at most 1/``part`` of the free bytes.

        0 if that is less than ``least`` (default: ``wanted``).
        """
        taken = min(wanted, max(0, self.size - self.level.total) // part)
        if taken < (wanted if least is None else least):
            return 0
        self.level.add(taken)
        if self.level.total > self.size:  # another worker took bytes at the same time
            self.level.add(-taken)
            return 0
        return taken

    def give(self, taken: int) -> None:
        """Give bytes back."""
        if not taken:
            return
        self.level.add(-taken)
        if self._waiting:
            self._moved = asyncio.get_running_loop().time()
            self.wake()

    def wake(self) -> None:
        """Resume the waiting requests for which there is room now."""
        while self._waiting:
            wanted, future = self._waiting[0]
            if future.done():
                self._waiting.popleft()
            elif self.take(wanted, part=WHOLES):
                self._waiting.popleft()
                future.set_result(True)
            else:
                return

    async def wait(self, wanted: int) -> bool:
        """Take bytes, first come, first served.  False if there will be no room soon, because slow clients use it."""
        if not self._waiting and self.take(wanted, part=WHOLES):
            return True
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= WAITING or (self._waiting and loop.time() - self._moved >= PATIENCE):
            return False
        future = loop.create_future()
        self._waiting.append((wanted, future))
        try:
            await asyncio.wait([future], timeout=PATIENCE)
        except asyncio.CancelledError:
            if future.done():  # the bytes were taken for it already
                self.give(wanted)
            raise
        finally:
            if not future.done():
                future.cancel()
        return not future.cancelled()


class Memory:
    """``size`` bytes: three quarters for bodies that are stored, one for everything else that requests need.

    ``stored``, ``others``: bytes taken by all ``workers``.  ``remote``: the objects are in another machine's store.
    """

    def __init__(
        self,
        size: int = 256 * MIB,
        workers: int = 1,
        stored: Level | None = None,
        others: Level | None = None,
        remote: bool = False,
    ) -> None:
        places = max(1, min(PLACES, size // 8 // workers // WHOLE))
        self.window = min(WINDOW, size // 4 // workers) if remote else 0
        self.others = Budget(size // 4, others)
        self.stored = Budget(size - size // 4 - workers * (places * WHOLE + self.window), stored)
        #: For whole blocks from the disk or the store.  A task that has a place never waits for a client.
        self.places = asyncio.Semaphore(places)
        self._shares: set[Share] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._most, self._trimmed, self._worked = 0, 0.0, 0.0

    def start(self) -> None:
        """Check all shares periodically, until ``stop``."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @contextlib.contextmanager
    def share(self, body: Reads) -> Iterator[Share]:
        """A share for a body that is stored as it comes."""
        share = Share(self.stored, body)
        self._shares.add(share)
        try:
            yield share
        finally:
            self._shares.discard(share)
            share.end()

    def _look(self) -> None:
        self.start()
        for share in tuple(self._shares):
            try:
                share.look()
            except Exception:  # of one request; check the others nevertheless
                log.exception("a waiting request could not be checked")
        self.stored.wake()
        self._give_back()

    def _give_back(self) -> None:
        """Give free memory back to the system: after many bytes were released, and periodically while there is work."""
        held, now = self.stored.level.own + self.others.level.own, asyncio.get_running_loop().time()
        self._most = max(self._most, held)
        is_due = now - self._trimmed >= TRIM_EVERY and time.process_time() - self._worked >= TRIM_WORK
        if is_due or self._most - held >= TRIMMED:
            self._most, self._trimmed, self._worked = held, now, time.process_time()
            asyncio.get_running_loop().run_in_executor(None, _trim)


class Share:
    """The memory of one request whose body is stored.

    ``read``: bytes of one read.  ``batch``: bytes that it collects before a write; 0: it writes each read at once.
    ``moved``: bytes that arrived since the last check.  ``stalled``: called if these are too few; it must end with
    ``shrink``.
    """

    def __init__(self, budget: Budget, body: Reads) -> None:
        self._budget, self._body = budget, body
        self.size = self.moved = 0
        self.read, self.batch = LEAST_READ, 0
        self.stalled: Callable[[], None] | None = None

    def grow(self) -> None:
        """Take as many bytes as are useful and free."""
        self.size = self._budget.take(SHARE * READ, SHARE * LEAST_READ, PART)
        if self.size:
            self._reads(self.size // SHARE)
            self.batch = BATCH * self.read

    async def whole(self, length: int) -> bool:
        """Take the bytes for a whole body of this length.  False if there is no room."""
        wanted = length + 2 * min(length, READ)
        if await self._budget.wait(wanted):
            self.size = wanted
            self._reads(READ)
        return bool(self.size)

    def shrink(self) -> None:
        """Give all bytes back."""
        self._reads(LEAST_READ)
        self.batch = 0
        self._budget.give(self.size)
        self.size = 0

    def end(self) -> None:
        self._budget.give(self.size)
        self.size = 0

    def look(self) -> None:
        """Give the share back if the client stalls; take one if the client is fast and has none."""
        moved, self.moved = self.moved, 0
        if not self.size:
            if moved >= BATCH * LEAST_READ:
                self.grow()
        elif self.stalled is not None and (not moved or (moved < self.read and self._budget.is_short)):
            self.stalled()

    def _reads(self, size: int) -> None:
        self.read = size
        self._body.read_at_once(size)


def least_memory(workers: int) -> int:
    """The least number of bytes for this many workers."""
    return workers * 4 * WHOLE


def _trim() -> None:
    """Give free memory back to the system; some C libraries do not do so by themselves."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
