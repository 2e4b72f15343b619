"""Connections to PostgreSQL: a pool, transactions under named locks, and its failures in the words of ``base``."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import asyncpg

from uvideo._core import errors
from uvideo.storage.base import Absent, Unreachable, Unusable
from uvideo.storage.schema import MIGRATIONS, UNSTORABLE, Row, statements

__all__ = ["LOOK", "NOW", "Connections", "Lock", "Session"]

T = TypeVar("T")
Session = Any  # a connection of asyncpg, which comes without types

MOST = 12  # connections of one process
CONNECT, COMMAND, ACQUIRE = 3.0, 10.0, 5.0  # seconds
WHOLE = 4.5  # seconds that a call waits, locks and a free connection included: its answer comes within 5 s
LOOK = 3.0  # seconds of a look whether the database answers
TRIES = 5  # of what lost a deadlock or a serialization
NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)"  # of the database
ONE_AT_A_TIME = 0x75766964656F  # the lock under which the schema is migrated

#: Reasons of the server that pass, or that its operator mends: it starts, ends, is full or a standby, refuses us.
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


class Lock:
    """A name that one transaction holds at a time; ``shared``: many at once, if none holds it for itself alone."""

    __slots__ = ("number", "shared")

    def __init__(self, *name: str | bytes, shared: bool = False) -> None:
        text = b"\0".join(part.encode() if isinstance(part, str) else part for part in name)
        self.number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)
        self.shared = shared

    @property
    def call(self) -> str:
        return f"pg_advisory_xact_lock{'_shared' if self.shared else ''}({self.number})"


class Connections:
    """A pool that a catalog and a ledger share: open from the first ``start`` to the last ``close``.

    ``url``: postgresql://user:password@host:port/database; it is never part of an error or a repr.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self._users = self._busy = 0
        self._idle = asyncio.Event()
        self._opening = asyncio.Lock()
        self._late = set[asyncio.Task[Any]]()  # nobody else keeps them

    async def start(self, *, create: bool = True) -> None:
        """Connect and migrate.  Unusable if the schema is newer than this program; Unreachable.

        ``create``: make the tables if there are none; otherwise Absent.
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
                        timeout=CONNECT,
                        command_timeout=COMMAND,
                        reset=_nothing,  # transactions end before a connection is given back
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
        """Let what was asked before end, then disconnect, if this was the last user."""
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
        """A connection outside of the pool, for locks that last longer than a transaction; the caller closes it."""
        with told():
            return await asyncpg.connect(self._url, timeout=CONNECT, command_timeout=COMMAND)

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

    async def all(self, query: str, *values: object, seconds: float = WHOLE) -> list[Row]:
        """Run one statement; its rows.  ``seconds``: until it is given up, as Unreachable."""
        return list(await self._soon(lambda db: db.fetch(query, *values, timeout=seconds), seconds))

    async def one(self, query: str, *values: object) -> Row | None:
        """Run one statement; its first row."""
        return await self._soon(lambda db: db.fetchrow(query, *values))

    async def change(self, query: str, *values: object) -> int:
        """Run one statement; how many rows it changed."""
        return count_of(await self._soon(lambda db: db.execute(query, *values)))

    async def _soon(self, work: Callable[[Session], Awaitable[T]], seconds: float = WHOLE) -> T:
        """Its result within so many seconds, else Unreachable.  It is then undone, and nobody waits for that."""
        task = asyncio.ensure_future(self._run(self._take(), work))
        task.add_done_callback(lambda task: self._give())
        try:
            await asyncio.wait([task], timeout=seconds)
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
        """Whatever loses a deadlock or a serialization is wholly undone by the server, and is run again here."""
        with told():
            async with pool.acquire(timeout=ACQUIRE) as db:
                for _ in range(TRIES - 1):
                    with contextlib.suppress(asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                        return await work(db)
                return await work(db)

    async def transaction(self, work: Callable[[Session], Awaitable[T]], *locks: Lock, seconds: float = WHOLE) -> T:
        """Run ``work(db)`` holding these locks, commit, and return what it returned.

        All who take locks take them in one order, and a statement sees what was committed before it: what is read
        under a lock stays so until the end.  ``work`` may run more than once: again after it lost a deadlock.
        ``seconds``: until it is given up, as Unreachable.
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
    """The number at the end of what the server says of a statement: "UPDATE 3"."""
    return int(status.rpartition(" ")[2])


#: What to do about a failure, by the name of its class or of one that it comes from.
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
    """Failures of the library as those of ``base``, with what to do about them where that is known."""
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
    text = failure.strerror if isinstance(failure, OSError) else str(failure).partition("\n")[0]  # without its details
    said = text or type(failure).__name__
    names = (cls.__name__ for cls in type(failure).__mro__)
    remedy = next((_REMEDIES[name] for name in names if name in _REMEDIES), "")
    return f"{said}: {remedy}" if remedy else said


def _forget(task: asyncio.Task[Any]) -> None:
    """What a task that was given up raises is nobody's; asyncio would log it."""
    if not task.cancelled():
        task.exception()


async def _nothing(db: Session) -> None:
    return None


async def _undo(db: Session) -> None:
    """Roll back, or throw the connection away if that fails: the server then does."""
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
        # Of several programs that start at once, one migrates.
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
