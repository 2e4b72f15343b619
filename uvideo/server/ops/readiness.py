"""Readiness: whether a load balancer should send requests here.  The conditions of /readyz."""

from __future__ import annotations

import asyncio
import errno
import logging
import mmap
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

from uvideo.storage.base import Blobs, Catalog

__all__ = ["CONDITIONS", "Moment", "Readiness", "Writes", "is_short"]

PATIENCE = 4.5  # seconds for the probes, so that the answer takes at most 5 s
LASTING = 60.0  # seconds for which a failed put counts, unless one succeeds
WITHOUT = 5.0  # seconds for which a missing descriptor counts; asyncio tries again after one second

log = logging.getLogger("uvideo.server")


class Condition(NamedTuple):
    """A row of the table in docs/server.md.  ``text``: of the answer; "..." stands for the machine's error."""

    what: str
    status: int
    text: str


READY = Condition("the server is ready", 200, "ok")
FULL = Condition("the disk is full or over its quota, or `--headroom` is reached", 200, "ok / writes: false")
STOPPING = Condition("the server got a stop signal", 503, "server: stopping")
CROWDED = Condition("a worker has no connection left (`--connections`)", 503, "server: too many connections")
SHORT = Condition(
    "a worker had no file descriptor for a connection, or none for one of these checks, in the last 5 s",
    503,
    "server: too many open files",
)
FAILING = Condition(
    "the last write of an object or part was within the last minute and got a 500", 503, "server: writes fail"
)
NO_BLOBS = Condition("the disk fails or is read-only, the store cannot be reached", 503, "blobs: ...")
LOCKED = Condition(
    "another program holds SQLite's lock for 4 s, or for `--lock-seconds` if that is less",
    503,
    "catalog: the database is locked by another program",
)
DAMAGED = Condition("SQLite says that its file is damaged", 503, "catalog: the catalog is damaged")
NO_CATALOG = Condition("PostgreSQL cannot be reached, or has no connection left", 503, "catalog: the database ...")
SLOW = Condition("one of these checks takes more than 4.5 s", 503, "blobs: no answer, catalog: no answer")
CONDITIONS = (READY, FULL, STOPPING, CROWDED, SHORT, FAILING, NO_BLOBS, LOCKED, DAMAGED, NO_CATALOG, SLOW)

_ROOM = (errno.ENOSPC, errno.EDQUOT)
_SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def is_short(failure: object) -> bool:
    """Whether the process lacks what a file or a connection needs: this says nothing about the disk or the store."""
    return isinstance(failure, OSError) and failure.errno in _SHORT


class Moment:
    """The time of the latest event in any worker.  Made before they are forked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._cells = clock, mmap.mmap(-1, 8)

    def now(self) -> None:
        struct.pack_into("=d", self._cells, 0, self._clock())

    def last(self) -> float:
        """The time by the clock; 0 if never."""
        (then,) = struct.unpack("=d", self._cells[:8])
        return float(then)

    def is_within(self, seconds: float) -> bool:
        """Whether the event happened within the last ``seconds``."""
        then = self.last()
        return bool(then) and self._clock() - then < seconds


class Writes:
    """The times of the last failed and the last successful put.  Made before the workers are forked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._failed, self._worked = Moment(clock), Moment(clock)
        self.failed, self.worked = self._failed.now, self._worked.now

    def is_failing(self) -> bool:
        """Whether the last put within LASTING seconds failed."""
        return self._failed.last() > self._worked.last() and self._failed.is_within(LASTING)


class Readiness:
    """``is_stopping``, ``has_room``: the app's: whether it drains, and whether it accepts uploads.

    ``is_crowded``: whether any worker would refuse another connection.  Clients of a shared socket cannot choose a
    worker with room, so some of them are refused then.  ``short``: the last time a worker had no descriptor.
    """

    def __init__(
        self,
        blobs: Blobs,
        catalog: Catalog,
        writes: Writes,
        *,
        is_stopping: Callable[[], bool],
        is_crowded: Callable[[], bool],
        has_room: Callable[[], bool],
        short: Moment,
        patience: float = PATIENCE,
    ) -> None:
        self._probes = {"blobs": blobs.check, "catalog": catalog.check}
        self._own = (
            ("serving", is_stopping, STOPPING),
            ("connections", is_crowded, CROWDED),
            ("descriptors", lambda: short.is_within(WITHOUT), SHORT),
            ("writes", writes.is_failing, FAILING),
        )
        self._has_room, self._short, self._patience = has_room, short, patience

    async def look(self) -> tuple[int, str]:
        """(status, text) of the answer: the first condition that makes the server unready."""
        own = self._own_trouble()
        found, has_room = [] if own is not None else await self._probed(), self._room()
        own = own or self._own_trouble()  # a probe may have found one
        if own is not None:
            return own.status, own.text + "\n"
        for name, reason, says_room in found:
            has_room = has_room and says_room
            if reason is not None:
                log.warning("not ready: %s: %s", name, reason)
                return 503, f"{name}: {reason}\n"
        state = READY if has_room else FULL
        return state.status, state.text.replace(" / ", "\n") + "\n"

    async def states(self) -> dict[str, bool]:
        """{condition: whether it is good}, for all conditions of ``look``, and for "room", which does not affect it."""
        found, has_room = await self._probed(), self._room()
        states = {name: not is_so() for name, is_so, _ in self._own}
        for name, reason, says_room in found:
            states[name], has_room = reason is None, has_room and says_room
        return {**states, "room": has_room}

    def _own_trouble(self) -> Condition | None:
        return next((condition for _, is_so, condition in self._own if is_so()), None)

    async def _probed(self) -> list[tuple[str, str | None, bool]]:
        """(name, problem or None, whether there is room) of each probe; the probes run concurrently."""
        return await asyncio.gather(*(self._probe(name) for name in self._probes))

    def _room(self) -> bool:
        """Whether the disk has room.  False if it cannot be read; its probe reports why."""
        try:
            return self._has_room()
        except OSError:
            return False

    async def _probe(self, name: str) -> tuple[str, str | None, bool]:
        try:
            await asyncio.wait_for(self._probes[name](), self._patience)
        except Exception as failure:
            if is_short(failure):
                self._short.now()
                return name, None, True
            if isinstance(failure, OSError) and failure.errno in _ROOM:
                return name, None, False
            return name, _reason(failure), True
        return name, None, True


def _reason(failure: Exception) -> str:
    if isinstance(failure, (asyncio.TimeoutError, TimeoutError)):
        return "no answer"
    text = failure.strerror if isinstance(failure, OSError) else str(failure)
    return text or type(failure).__name__
