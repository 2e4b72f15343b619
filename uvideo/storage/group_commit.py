"""Group commit for SQLite: one thread writes, and one commit covers many transactions."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import errno
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from uvideo._core import errors
from uvideo.storage.base import Unreachable
from uvideo.storage.disk_reserve import Reserve
from uvideo.storage.schema import UNSTORABLE

__all__ = ["Committer", "Work", "is_locked", "telling", "told"]

log = logging.getLogger("uvideo.server")

T = TypeVar("T")
#: The statements of one transaction; an exception undoes only these.
Work = Callable[[sqlite3.Connection], T]
Asked = tuple[Work[Any], "asyncio.Future[Any]", "Callable[[], object] | None", bool]
Outcome = tuple["asyncio.Future[Any]", Any, "Exception | None"]

#: SQLite's messages for failures of the machine.
FULL, FAILED, UNOPENED = "database or disk is full", "disk I/O error", "unable to open database file"
MACHINE = {
    FULL: errno.ENOSPC,
    "attempt to write a readonly database": errno.EROFS,
    FAILED: errno.EIO,
}
#: The last one: SQLite's shared-memory locks were busy for 10 s, a time that cannot be shortened.
LOCKED = ("database is locked", "database table is locked", "database schema is locked", "locking protocol")
DAMAGED = ("database disk image is malformed", "file is not a database")
MOST_AT_ONCE = 200  # transactions in one commit
SLACK = 0.5  # seconds that SQLite itself may wait beyond its busy timeout


class Committer(threading.Thread):
    """A thread that takes all waiting work, runs it in one transaction and commits once.

    Each of several works has its own savepoint, so one failure does not affect the others; if the commit fails, all
    fail.

    ``db``: in autocommit mode (isolation_level None); only this thread uses it from now on.  ``loop``: the caller's.
    ``reserve``: disk space for work that frees some when the disk is full.  ``patience``: seconds that ``db`` waits for
    the database's lock; work that waits longer fails with Unreachable and has no effect.
    """

    def __init__(
        self, db: sqlite3.Connection, loop: asyncio.AbstractEventLoop, reserve: Reserve, patience: float
    ) -> None:
        super().__init__(name="uvideo-sqlite", daemon=True)
        self._db, self._loop, self._reserve, self._patience = db, loop, reserve, patience
        self._turn = threading.Lock()  # held to begin a work or to give it up
        self._since: float | None = None  # when this thread began to wait for the database's lock
        self._open = set["asyncio.Future[Any]"]()  # used on the loop only
        self._timer: asyncio.TimerHandle | None = None
        self._asked: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._has_reserve = False  # until the first look
        self.start()

    def ask(self, work: Work[T], then: Callable[[], object] | None = None, *, frees: bool = False) -> asyncio.Future[T]:
        """Queue the work; the future gets its result after the commit.  Call from the loop.

        ``then`` is called on this thread between the commit and the result, even if the future was cancelled.
        ``frees``: the work frees disk space, so it may use the reserve.
        """
        answer: asyncio.Future[T] = self._loop.create_future()
        self._open.add(answer)
        self._asked.put((work, answer, then, frees))
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience + SLACK, self._look)
        return answer

    def _look(self) -> None:
        """Give up work that has waited for the lock too long: SQLite does not always keep to its busy timeout."""
        self._timer = None
        with self._turn:
            if self._since is not None and time.monotonic() - self._since > self._patience:
                for answer in self._open:
                    if not answer.done():
                        answer.set_exception(held())
        if self._open:
            self._timer = self._loop.call_later(SLACK, self._look)

    def stop(self) -> None:
        """Finish the queued work, then close the connection.  Call from a thread other than the loop's."""
        self._asked.put(None)
        self.join()

    def run(self) -> None:
        self._has_reserve = self._reserve.make()
        going = True
        while going:
            batch = []
            item = self._asked.get()
            while item is not None:
                batch.append(item)
                if len(batch) == MOST_AT_ONCE or self._asked.empty():
                    break
                item = self._asked.get()
            going = item is not None
            outcomes = self._do(batch)
            if going and outcomes and is_locked(outcomes[0][2]):
                going = self._give_up(outcomes)
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._resolve, outcomes)
        self._db.close()

    def _do(self, batch: list[Asked]) -> list[Outcome]:
        """Commit the batch.  On a full disk, commit the work that frees space with the help of the reserve."""
        if not self._has_reserve:
            self._has_reserve = self._reserve.make()
        outcomes = self._commit(batch)
        if not outcomes or not _is_full(outcomes[0][2]) or not any(frees for *_, frees in batch):
            return outcomes
        with self._reserve.spent() as has_more:
            if not has_more:
                return outcomes
            self._has_reserve = False
            log.warning("the disk has no space for the catalog: operations that free space use the reserve")
            freed = self._commit([asked for asked in batch if asked[3]])
        return [*freed, *(outcome for outcome, asked in zip(outcomes, batch, strict=True) if not asked[3])]

    def _commit(self, batch: list[Asked]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        if not batch:
            return outcomes
        try:
            self._begin()
            for work, answer, _, _ in batch:  # a done future was given up or cancelled
                if answer.done():
                    outcomes.append((answer, None, None))
                elif len(batch) == 1:  # to undo the transaction is to undo the work
                    outcomes.append((answer, work(self._db), None))
                else:
                    outcomes.append((answer, *self._attempt(work)))
            self._db.execute("COMMIT")
            for _, _, then, _ in batch:
                if then is not None:
                    then()
        except Exception as failure:  # of the only work, or probably the disk; nothing of the batch has been stored
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            if len(batch) == 1:
                return [(batch[0][1], None, failure)]
            return [(answer, None, copy.copy(failure)) for _, answer, _, _ in batch]
        return outcomes

    def _begin(self) -> None:
        """Begin a transaction.  After that no work is given up."""
        self._since = time.monotonic()
        try:
            self._db.execute("BEGIN IMMEDIATE")
        finally:
            with self._turn:
                self._since = None

    def _give_up(self, outcomes: list[Outcome]) -> bool:
        """Fail all waiting work too: another program holds the lock, and each work would wait as long again."""
        failure = outcomes[0][2]
        while not self._asked.empty():
            item = self._asked.get()
            if item is None:
                return False
            outcomes.append((item[1], None, copy.copy(failure)))
        return True

    def _resolve(self, outcomes: list[Outcome]) -> None:
        for answer, result, failure in outcomes:
            self._open.discard(answer)
            if answer.done():
                continue
            if failure is None:
                answer.set_result(result)
            else:
                answer.set_exception(told(failure))

    def _attempt(self, work: Work[Any]) -> tuple[Any, Exception | None]:
        """The work's result or its own failure; raise if the failure rolled back the whole transaction."""
        self._db.execute("SAVEPOINT one")
        try:
            outcome: tuple[Any, Exception | None] = work(self._db), None
        except Exception as failure:
            if not self._db.in_transaction or _is_full(failure):
                raise
            self._db.execute("ROLLBACK TO one")
            outcome = None, failure
        self._db.execute("RELEASE one")
        return outcome


def _is_full(failure: Exception | None) -> bool:
    """Whether the disk is full.  Over a quota SQLite reports an I/O error."""
    return isinstance(failure, sqlite3.OperationalError) and str(failure) in (FULL, FAILED)


def is_locked(failure: Exception | None) -> bool:
    """Whether another program holds the database's lock."""
    return isinstance(failure, sqlite3.OperationalError) and str(failure).startswith(LOCKED)


def held() -> Unreachable:
    return Unreachable("the database is locked by another program")


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Translate SQLite's failures within the block by ``told``."""
    try:
        yield
    except Exception as failure:
        found = told(failure)
        if found is failure:
            raise
        raise found from failure


def told(failure: Exception) -> Exception:
    """A failure of SQLite as the exception that every driver raises for it.

    OSError with its errno for a failure of the machine or damage; Unreachable if another program holds the lock;
    BadRequest for a value that the database cannot store: a lone surrogate, a number of more than 64 bits.
    """
    if isinstance(failure, (UnicodeEncodeError, OverflowError)):
        return errors.BadRequest(UNSTORABLE)
    if not isinstance(failure, sqlite3.DatabaseError):
        return failure
    said = str(failure)
    if said.startswith(LOCKED):
        return held()
    if said in DAMAGED:
        return OSError(errno.EIO, "the catalog is damaged")
    if said == UNOPENED:
        return _not_opened()
    number = MACHINE.get(said)
    return OSError(number, os.strerror(number)) if number is not None else failure


def _not_opened() -> OSError:
    """SQLite does not say why it cannot open a file: without a descriptor this process cannot open any."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as failure:
        return failure if failure.errno is None else OSError(failure.errno, os.strerror(failure.errno))
    return OSError(errno.EIO, "the catalog's file cannot be opened")
