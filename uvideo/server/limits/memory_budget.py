"""What the requests of all workers may hold in memory together (`--memory`), and who gets how much of it.

What may be held beside that is bounded for each connection: LEAST_READ of a body that is written at once or of a head,
twice as much in the stream that the connection feeds, and what an open connection costs by itself.
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

__all__ = ["FREE", "LEAST_READ", "MIB", "READ", "Budget", "Memory", "Share", "least_memory"]

MIB = 1024 * 1024
LEAST_READ, READ = 16 * 1024, 256 * 1024  # bytes of a body that are read at once: in any case, and of a large share
FREE = 16 * 1024  # bytes of a small body that anybody may send
#: A share is spent on two batches, of which one is gathered while the other one is written, and on what was read before
#: anybody looks at it.
BATCH, SHARE = 4, 14  # reads
PART, WHOLES = 4, 2  # of what is free, one share gets at most so big a part; the latter if it needs all or nothing
WHOLE = 4 * MIB  # bytes of a block
PLACES = 8  # blocks that are read back from the disk, or copied, at once in one process
WINDOW = 64 * MIB  # bytes that are fetched from an object store ahead of who reads them
PATIENCE = 0.5  # seconds that a part waits for room
WAITING = 64  # parts that wait for room
LOOK_EVERY = 1.0  # seconds
TRIMMED = 8 * MIB  # bytes that are not held any more, after which the system gets them
TRIM_EVERY, TRIM_WORK = 10.0, 0.05  # seconds; and of work since then

log = logging.getLogger("uvideo.server")


class Reads(Protocol):
    """A body that can be told how much to read at once."""

    def read_at_once(self, size: int) -> None: ...


class Budget:
    """``size`` bytes that many share; ``level``: how many are taken, by all workers.  For one event loop each.

    Each worker adds its own first and looks at the sum after that, so no lock is needed.
    """

    def __init__(self, size: int, level: Level | None = None) -> None:
        self.size, self.level = size, level or Level()
        self._waiting: deque[tuple[int, asyncio.Future[bool]]] = deque()
        self._moved = float("-inf")

    @property
    def is_short(self) -> bool:
        """Whether more than half of it is taken."""
        return self.level.total > self.size // 2

    def take(self, wanted: int, least: int | None = None, part: int = 1) -> int:
        """How many bytes may be held until they are given back: at most ``wanted`` and one ``part`` of what is free.

        0 if that is less than ``least`` (all that is wanted, if not given).
        """
        taken = min(wanted, max(0, self.size - self.level.total) // part)
        if taken < (wanted if least is None else least):
            return 0
        self.level.add(taken)
        if self.level.total > self.size:  # another worker was as fast
            self.level.add(-taken)
            return 0
        return taken

    def give(self, taken: int) -> None:
        """Those bytes are no longer held."""
        if not taken:
            return
        self.level.add(-taken)
        if self._waiting:
            self._moved = asyncio.get_running_loop().time()
            self.wake()

    def wake(self) -> None:
        """Let those go on who wait for what is free now."""
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
        """Take so many bytes, in turn.  False if there will be no room soon: slow clients have it."""
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
            if future.done():  # it got its turn, and nobody takes it
                self.give(wanted)
            raise
        finally:
            if not future.done():
                future.cancel()
        return not future.cancelled()


class Memory:
    """``size`` bytes: three quarters for bodies that are stored, one for all else that requests hold.

    ``stored``, ``others``: what is taken, by all ``workers``.  ``remote``: the objects lie in another machine's store.
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
        #: For whole blocks that come from the disk or the store: who has one never waits for a client.
        self.places = asyncio.Semaphore(places)
        self._shares: set[Share] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._most, self._trimmed, self._worked = 0, 0.0, 0.0

    def start(self) -> None:
        """Look at who holds what, until ``stop``."""
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
            except Exception:  # of one request; the others are looked at all the same
                log.exception("a request could not be looked at")
        self.stored.wake()
        self._give_back()

    def _give_back(self) -> None:
        """Let the system have what is free: when much less is held than was, and now and then while there is work."""
        held, now = self.stored.level.own + self.others.level.own, asyncio.get_running_loop().time()
        self._most = max(self._most, held)
        is_due = now - self._trimmed >= TRIM_EVERY and time.process_time() - self._worked >= TRIM_WORK
        if is_due or self._most - held >= TRIMMED:
            self._most, self._trimmed, self._worked = held, now, time.process_time()
            asyncio.get_running_loop().run_in_executor(None, _trim)


class Share:
    """What one request may hold of a body that is stored.

    ``read``: bytes that it reads at once.  ``batch``: bytes that it gathers before it writes them; 0: it writes what
    comes at once, and holds no more.  ``moved``: bytes that came since the last look.  ``stalled``: what to do if these
    are too few; it must end with ``shrink``.
    """

    def __init__(self, budget: Budget, body: Reads) -> None:
        self._budget, self._body = budget, body
        self.size = self.moved = 0
        self.read, self.batch = LEAST_READ, 0
        self.stalled: Callable[[], None] | None = None

    def grow(self) -> None:
        """Take as much as makes sense and as there is."""
        self.size = self._budget.take(SHARE * READ, SHARE * LEAST_READ, PART)
        if self.size:
            self._reads(self.size // SHARE)
            self.batch = BATCH * self.read

    async def whole(self, length: int) -> bool:
        """Take what a body of this length needs that is held until it is whole.  False if there is no room."""
        wanted = length + 2 * min(length, READ)
        if await self._budget.wait(wanted):
            self.size = wanted
            self._reads(READ)
        return bool(self.size)

    def shrink(self) -> None:
        """Nothing is held now."""
        self._reads(LEAST_READ)
        self.batch = 0
        self._budget.give(self.size)
        self.size = 0

    def end(self) -> None:
        self._budget.give(self.size)
        self.size = 0

    def look(self) -> None:
        """Give a share back that is not used, and take one where it would be."""
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
    """Bytes that so many workers need at least."""
    return workers * 4 * WHOLE


def _trim() -> None:
    """Give free memory back to the system, where the C library does not do that by itself."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
