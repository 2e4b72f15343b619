"""Connections to PostgreSQL: a pool, transactions under named locks, and failures as exceptions of ``base``."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import asyncpg

from uvideo._core import errors
from uvideo.storage.base import Absent, Unreachable, Unusable
from uvideo.storage.schema import MIGRATIONS, UNSTORABLE, Row, statements

__all__ = ["LOOK", "NOW", "Connections", "Timeouts", "Lock", "Session"]

T = TypeVar("T")
Session = Any  # a connection of asyncpg, which has no types

MOST = 12  # connections of one process
LOOK = 3.0  # seconds of a readiness check
TRIES = 5  # of a transaction that lost a deadlock or a serialization
NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)"  # the database's clock
ONE_AT_A_TIME = 0x75766964656F  # the lock under which the schema is migrated

#: Temporary errors, or errors that the server's operator fixes: it starts, stops, is full or a standby, refuses us.
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


class Timeouts(NamedTuple):
    """Seconds for each step.  ``whole``: of a call, waits for locks and connections included."""

    connect: float = 3.0
    command: float = 10.0
    acquire: float = 5.0
    whole: float = 4.5  # an answer comes within 5 s


TIMEOUTS = Timeouts()


class Lock:
    """A lock that one transaction holds at a time, or several if all of them hold it ``shared``."""

    __slots__ = ("number", "shared")

    def __init__(self, *name: str | bytes, shared: bool = False) -> None:
        text = b"\0".join(part.encode() if isinstance(part, str) else part for part in name)
        self.number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)
        self.shared = shared

    @property
    def call(self) -> str:
        return f"pg_advisory_xact_lock{'_shared' if self.shared else ''}({self.number})"


class Connections:
    """A pool shared by a catalog and a ledger: open from the first ``start`` to the last ``close``.

    ``url``: postgresql://user:password@host:port/database; never part of an error or a repr.
    """

    def __init__(self, url: str, timeouts: Timeouts = TIMEOUTS) -> None:
        self._url, self._timeouts = url, timeouts
        self._pool: asyncpg.Pool | None = None
        self._users = self._busy = 0
        self._idle = asyncio.Event()
        self._opening = asyncio.Lock()
        self._late = set[asyncio.Task[Any]]()  # keeps a reference to each task

    async def start(self, *, create: bool = True) -> None:
        """Connect and migrate.  Unusable if the schema is newer than this program; Unreachable.

        ``create``: create the tables if there are none; if false, missing tables raise Absent.
        """
        async with self._opening:
            self._users += 1
            if self._pool is not None:
                return
            try:
                with told():
                    pool = await asyncpg.create_pool(
                        self._url,
                        min_size=0,
                        max_size=MOST,
                        timeout=self._timeouts.connect,
                        command_timeout=self._timeouts.command,
                        reset=_nothing,  # transactions end before a connection returns to the pool
                        server_settings={"application_name": "uvideo"},
                    )
                try:
                    await self._run(pool, lambda db: _migrate(db, create))
                except BaseException:
                    pool.terminate()
                    raise
            except BaseException:
                self._users -= 1
                raise
            self._pool = pool

    async def close(self) -> None:
        """Finish the pending calls, then disconnect, if this was the last user."""
        async with self._opening:
            self._users -= 1
            if self._users > 0 or self._pool is None:
                return
            pool, self._pool = self._pool, None
            while self._busy:
                self._idle.clear()
                await self._idle.wait()
            await pool.close()

    async def alone(self) -> Session:
        """A connection outside the pool, for locks that outlive a transaction; the caller closes it."""
        with told():
            return await asyncpg.connect(
                self._url, timeout=self._timeouts.connect, command_timeout=self._timeouts.command
            )

    def _take(self) -> asyncpg.Pool:
        """The pool, which stays open until ``_give``."""
        if self._pool is None:
            raise RuntimeError("the catalog is not open")
        self._busy += 1
        return self._pool

    def _give(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._idle.set()

    async def all(self, query: str, *values: object, seconds: float | None = None) -> list[Row]:
        """Run one statement and return its rows.  After ``seconds`` it is given up with Unreachable."""
        seconds = self._timeouts.whole if seconds is None else seconds
        return list(await self._soon(lambda db: db.fetch(query, *values, timeout=seconds), seconds))

    async def one(self, query: str, *values: object) -> Row | None:
        """Run one statement and return its first row."""
        return await self._soon(lambda db: db.fetchrow(query, *values))

    async def change(self, query: str, *values: object) -> int:
        """Run one statement and return how many rows it changed."""
        return count_of(await self._soon(lambda db: db.execute(query, *values)))

    async def _soon(self, work: Callable[[Session], Awaitable[T]], seconds: float | None = None) -> T:
        """The result of ``work`` within ``seconds``, else Unreachable.  The work is then undone in the background."""
        task = asyncio.ensure_future(self._run(self._take(), work))
        task.add_done_callback(lambda task: self._give())
        try:
            await asyncio.wait([task], timeout=self._timeouts.whole if seconds is None else seconds)
            if task.done():
                return task.result()
            raise Unreachable("the database did not answer in time")
        finally:
            if not task.done():
                task.cancel()
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                task.add_done_callback(_forget)

    async def _run(self, pool: asyncpg.Pool, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run ``work``, and again after a lost deadlock or serialization: the server has then undone all of it."""
        with told():
            async with pool.acquire(timeout=self._timeouts.acquire) as db:
                for _ in range(TRIES - 1):
                    with contextlib.suppress(asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                        return await work(db)
                return await work(db)

    async def transaction(
        self, work: Callable[[Session], Awaitable[T]], *locks: Lock, seconds: float | None = None
    ) -> T:
        """Run ``work(db)`` under these locks, commit, and return its result.

        All callers take locks in the same order.  A statement sees what was committed before it, so a value read under
        a lock stays the same until the end.  ``work`` runs again after it lost a deadlock.  After ``seconds`` the
        transaction is given up with Unreachable.
        """
        begin = "BEGIN"
        if locks:
            calls = ", ".join(lock.call for lock in sorted(locks, key=lambda lock: (lock.number, lock.shared)))
            begin = f"BEGIN; SELECT {calls}"

        async def run(db: Session) -> T:
            try:
                await db.execute(begin)
                result = await work(db)
                await db.execute("COMMIT")
                return result
            except BaseException:
                await _undo(db)
                raise

        return await self._soon(run, seconds)


def count_of(status: str) -> int:
    """The number at the end of a command status, for example "UPDATE 3"."""
    return int(status.rpartition(" ")[2])


#: What to do about a failure, by the name of its class or a base class.
_REMEDIES = {
    "DiskFullError": "free space on its disk",
    "InvalidAuthorizationSpecificationError": "correct user and password in --database or ~/.pgpass",
    "InvalidCatalogNameError": "create it with createdb, or correct --database",
    "TooManyConnectionsError": "raise its max_connections",
    "ReadOnlySQLTransactionError": "name the primary in --database, this is a standby",
    "SSLError": "name the file of its CA as sslrootcert in --database",
    "gaierror": "correct the host in --database, or the DNS",
    "ConnectionRefusedError": "start PostgreSQL, or correct host and port in --database",
}


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Translate failures of the library to those of ``base``; the text says what to do if that is known."""
    try:
        yield
    except asyncpg.DataError as failure:  # NUL, a lone surrogate, a number that is too large
        raise errors.BadRequest(UNSTORABLE) from failure
    except (RuntimeError, errors.UVideoError, Unreachable):
        raise
    except (*_PASSING, asyncpg.DiskFullError) as failure:
        raise Unreachable(f"the database: {_reason(failure)}") from failure
    except (TimeoutError, asyncio.TimeoutError) as failure:  # two classes on Python 3.10
        raise Unreachable("the database did not answer in time") from failure
    except OSError as failure:
        raise Unreachable(f"the database cannot be reached: {_reason(failure)}") from failure


def _reason(failure: BaseException) -> str:
    text = failure.strerror if isinstance(failure, OSError) else str(failure).partition("\n")[0]  # without the details
    said = text or type(failure).__name__
    names = (cls.__name__ for cls in type(failure).__mro__)
    remedy = next((_REMEDIES[name] for name in names if name in _REMEDIES), "")
    return f"{said}: {remedy}" if remedy else said


def _forget(task: asyncio.Task[Any]) -> None:
    """Drop the exception of a task that was given up; otherwise asyncio would log it."""
    if not task.cancelled():
        task.exception()


async def _nothing(db: Session) -> None:
    return None


async def _undo(db: Session) -> None:
    """Roll back; if that fails, close the connection, and the server rolls back."""
    if db.is_closed():
        return
    try:
        await db.execute("ROLLBACK")
    except Exception:
        db.terminate()
    except BaseException:
        db.terminate()
        raise


async def _migrate(db: Session, create: bool) -> None:
    async with db.transaction():
        # Several programs may start at once; one of them migrates.
        await db.execute(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})")
        if not create and await db.fetchval("SELECT to_regclass('schema_version')") is None:
            raise Absent("there is no catalog in the database")
        await db.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        version = await db.fetchval("SELECT version FROM schema_version")
        if version is None:
            version = 0
            await db.execute("INSERT INTO schema_version VALUES (0)")
        if version > len(MIGRATIONS):
            raise Unusable(f"the catalog has schema {version}, this program knows {len(MIGRATIONS)}: it is too old")
        for statement in statements(version, postgres=True):
            await db.execute(statement)
        if version < len(MIGRATIONS):
            await db.execute("UPDATE schema_version SET version = $1", len(MIGRATIONS))
