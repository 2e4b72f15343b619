"""Ledger in PostgreSQL: the segment lists of blobs, their leases, and what is garbage."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from uvideo.storage.base import Garbage, Unreachable
from uvideo.storage.postgres_connections import NOW, Connections, Lock, Session, told

__all__ = ["PostgresLedger"]

UNLEASED = f"NOT EXISTS (SELECT 1 FROM leases WHERE leases.blob = blobs.blob AND until > {NOW})"
FIRST_WAIT, LONGEST_WAIT = 0.002, 0.1  # seconds between two attempts to get a slot of another process
PATIENCE = 60.0  # seconds for a slot


class PostgresLedger:
    """Ledger in the database of ``connections``, for a PostgresCatalog with ``ledger=True``."""

    def __init__(self, connections: Connections) -> None:
        self._db = connections
        self._locks: Session | None = None  # its locks end with the connection, so a dead process holds none
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = False

    async def start(self) -> None:
        if not self._open:
            await self._db.start()
            self._open = True

    async def close(self) -> None:
        if self._open:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._open = False
            locks, self._locks = self._locks, None
            if locks is not None:
                with contextlib.suppress(Unreachable), told():
                    await locks.close(timeout=5)
            await self._db.close()

    async def intend(self, blob: str) -> None:
        await self._db.change(
            f"INSERT INTO blobs (blob, size, since, doomed) VALUES ($1, 0, {NOW}, 0) ON CONFLICT DO NOTHING", blob
        )

    async def seal(self, blob: str, size: int, segments: bytes) -> None:
        """A blob with segments was recorded by ``intend``; if it is unknown now, a sweep has removed it."""
        if not segments:
            await self.intend(blob)
        sealed = await self._db.change(
            "UPDATE blobs SET "
            "size = CASE WHEN octet_length(blobs.segments) > octet_length($3::BYTEA) "
            "    THEN blobs.size ELSE $2::BIGINT END, "
            "segments = CASE WHEN octet_length(blobs.segments) > octet_length($3::BYTEA) "
            "    THEN blobs.segments ELSE $3::BYTEA END "
            "WHERE blob = $1 AND doomed = 0",
            *(blob, size, segments),
        )
        if not sealed:
            raise FileNotFoundError(f"the blob {blob} was discarded")

    async def segments(self, blob: str, first: int, length: int, *, deleted: bool = False) -> tuple[int, bytes] | None:
        query = "SELECT size, substr(segments, $2, $3) FROM blobs WHERE blob = $1 AND segments IS NOT NULL"
        row = await self._db.one(query if deleted else f"{query} AND doomed = 0", blob, first + 1, length)
        return (row[0], row[1]) if row else None

    async def kept(self, blob: str, first: int, length: int) -> bytes:
        row = await self._db.one(
            "SELECT substr(segments, $2, $3) FROM blobs WHERE blob = $1", *(blob, first + 1, length)
        )
        return row[0] or b"" if row else b""

    async def doom(self, blob: str) -> None:
        await self._db.change(
            f"UPDATE blobs SET since = {NOW}, doomed = 1 WHERE blob = $1 AND doomed = 0 AND since > 0", blob
        )

    async def lease(self, blobs: Sequence[str], seconds: float) -> None:
        await self._db.change(
            f"INSERT INTO leases (blob, until) SELECT unnest($1::TEXT[]), {NOW} + $2::BIGINT "
            "ON CONFLICT (blob) DO UPDATE SET until = GREATEST(leases.until, excluded.until)",
            *(sorted(set(blobs)), int(seconds)),
        )

    async def garbage(self, age: float, kept: float, after: str, limit: int, longest: int) -> builtins.list[Garbage]:
        await self._db.change(
            "DELETE FROM leases WHERE blob IN "
            f"(SELECT blob FROM leases WHERE until < {NOW} - 3600 ORDER BY blob FOR UPDATE SKIP LOCKED)"
        )
        rows = await self._db.all(
            "SELECT blob, doomed, size, CASE WHEN octet_length(segments) <= $5::BIGINT THEN segments END FROM blobs "
            f"WHERE since > 0 AND blob > $3 AND {UNLEASED} "
            f"AND since <= {NOW} - CASE WHEN doomed > 0 THEN $1::BIGINT ELSE $2::BIGINT END ORDER BY blob LIMIT $4",
            *(int(age), int(kept), after, limit, longest),
        )
        return [Garbage(blob, doomed > 0, doomed > 1, size, segments) for blob, doomed, size, segments in rows]

    async def claim(self, blobs: Sequence[str], age: float) -> set[str]:
        rows = await self._db.all(
            "WITH free AS (SELECT blob FROM blobs WHERE blob = ANY($1::TEXT[]) AND doomed = 0 AND since > 0 "
            f"AND since <= {NOW} - $2::BIGINT AND {UNLEASED} ORDER BY blob FOR UPDATE SKIP LOCKED) "
            "UPDATE blobs SET doomed = 1 FROM free WHERE blobs.blob = free.blob RETURNING blobs.blob",
            *(list(blobs), int(age)),
        )
        return {blob for (blob,) in rows}

    async def cleared(self, blobs: Sequence[str]) -> None:
        await self._db.change(
            f"UPDATE blobs SET since = {NOW}, doomed = 2 WHERE blob IN (SELECT blob FROM blobs "
            "WHERE blob = ANY($1::TEXT[]) AND doomed > 0 ORDER BY blob FOR UPDATE)",
            list(blobs),
        )

    async def forget(self, blobs: Sequence[str]) -> None:
        await self._db.change(
            "DELETE FROM blobs WHERE blob IN (SELECT blob FROM blobs "
            "WHERE blob = ANY($1::TEXT[]) AND doomed > 0 ORDER BY blob FOR UPDATE)",
            list(blobs),
        )

    @asynccontextmanager
    async def slot(self, draft: str, part: int) -> AsyncIterator[int]:
        number = Lock("slot", draft, str(part)).number
        loop = asyncio.get_running_loop()
        wait, deadline = FIRST_WAIT, loop.time() + PATIENCE
        while True:
            asking = loop.create_task(self._ask(number, draft))
            try:
                locks, held, length = await asyncio.shield(asking)
            except asyncio.CancelledError:
                self._later(self._refuse(asking, number))
                raise
            if held:
                break
            if loop.time() > deadline:
                raise Unreachable("the part is being written by another request", "slot")
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        try:
            yield length
        finally:
            await asyncio.shield(self._later(self._give_back(locks, number)))

    async def _ask(self, number: int, draft: str) -> tuple[Session, bool, int]:
        """(the connection used, whether it holds the lock now, the length of the draft's segment list)."""
        query = "SELECT octet_length(segments) FROM blobs WHERE blob = $2 AND doomed = 0"
        async with self._turn:
            if not self._open:
                raise RuntimeError("the ledger is not open")
            if self._locks is None or self._locks.is_closed():
                self._locks = await self._db.alone()
            locks = self._locks
            with told():
                held, length = await locks.fetchrow(f"SELECT pg_try_advisory_lock($1), ({query})", number, draft)
        return locks, held, length or 0

    async def _refuse(self, asking: asyncio.Task[tuple[Session, bool, int]], number: int) -> None:
        """Release a lock whose taker was cancelled."""
        with contextlib.suppress(Exception):
            locks, held, _ = await asking
            if held:
                await self._give_back(locks, number)

    async def _give_back(self, locks: Session, number: int) -> None:
        async with self._turn:
            with contextlib.suppress(Unreachable), told():
                if not locks.is_closed():
                    await locks.execute(f"SELECT pg_advisory_unlock({number})")

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
