"""Catalog in PostgreSQL, for many gateways at once.

Every method is one transaction, read committed.  Advisory locks protect what must not change during it.  A lock has the
name of a space, a key or a blob, and is taken before the first read.  It costs no write, and a read under it sees
everything that was committed before.  PostgreSQL itself groups the commits of many connections into one sync.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from math import inf
from typing import Any, TypeVar

from uvideo._core import errors
from uvideo.storage.base import (
    DAY,
    Compacted,
    DayUsage,
    KeyRecord,
    ObjectRecord,
    PartRecord,
    TokenRecord,
    is_part_list,
)
from uvideo.storage.postgres_connections import LOOK, NOW, Connections, Lock, Session
from uvideo.storage.schema import KEY, NAMED, NAMES, PART, PUT, TOKEN, Row, token_of
from uvideo.storage.sql_catalog import Looks, SqlCatalog, Steps, Terms, by_day, changed

__all__ = ["PostgresCatalog"]

T = TypeVar("T")

GROUPS = 256  # of blobs that parts name: each has a lock
LONG = 3600.0  # seconds that a read of every object may take
#: Tables whose rows are often deleted.
TABLES = ("objects", "small", "uploads", "parts", "s3_parts", "part_lists", "part_blobs", "blobs", "leases", "flux")
PUT_INLINE = f"""
    WITH bytes AS (
        INSERT INTO small (space_id, key, data) VALUES ($1, $2, $12)
        ON CONFLICT (space_id, key) DO UPDATE SET data = excluded.data)
    {PUT}"""
PUT_BLOB = f"""
    WITH bytes AS (DELETE FROM small WHERE space_id = $1 AND key = $2)
    {PUT}"""


class PostgresCatalog(SqlCatalog):
    """Catalog in the database of ``connections``.

    ``ledger``: the blobs are listed by a Ledger in the same database.  Then an object never names a swept blob
    (``errors.Unavailable`` instead), and the commit that removes a blob's last name also makes it garbage.
    """

    FOR_UPDATE, FOR_SHARE = " FOR UPDATE", " FOR KEY SHARE"
    AMONG = "= ANY(${})"

    def __init__(self, connections: Connections, *, ledger: bool = False) -> None:
        super().__init__()
        self._db = connections
        self._ledger = ledger
        self._open = False

    async def start(self, *, create: bool = True) -> None:
        if not self._open:
            await self._db.start(create=create)
            self._open = True

    async def close(self) -> None:
        if self._open:
            self._open = False
            await self._db.close()

    async def check(self) -> None:
        async def work(db: Session) -> None:
            await db.execute("UPDATE schema_version SET version = version")
            tables = "objects, small, uploads, parts, s3_parts, part_lists, part_blobs"
            await db.execute(f"LOCK TABLE {tables} IN ROW EXCLUSIVE MODE")  # the lock of a write

        await self._db.transaction(work, seconds=LOOK)

    async def _all(self, query: str, *values: object) -> builtins.list[Row]:
        return await self._db.all(query, *values)

    async def _browse(self, steps: Callable[[], Looks[T]]) -> T:
        return await _ran(self._db.all, steps())

    async def _change(self, query: str, *values: object, of_space: bool = False) -> int:
        return await self._db.change(query, *values)

    async def _transact(self, steps: Callable[[], Steps[T]], terms: Terms) -> T:
        locks = [Lock(*name) for name in set(terms.locks)] + [Lock(*name, shared=True) for name in terms.shared]
        return await self._db.transaction(lambda db: _ran(db.fetch, steps()), *locks)

    async def _report(self, steps: Callable[[], Steps[T]]) -> T:
        return await _ran(partial(self._db.all, seconds=LONG), steps())

    def _paged(self, query: str, values: Row, table: str, enough: float = inf) -> Steps[builtins.list[Row]]:
        return (yield query.replace("{page}", "TRUE"), values)

    def _store(self, record: ObjectRecord, values: Row, old: Row | None, named: bool) -> Steps[None]:
        """The object names its blob from this commit on; a claim of the blob in progress is waited for."""
        if record.blob is None:
            yield PUT_INLINE, (*values, record.inline or b"")
            return
        yield PUT_BLOB if old and old[5] is None else PUT, values
        if not named and not is_part_list(record.blob) and not (old and old[5] == record.blob):
            yield from self._name([record.blob])

    def _name(self, blobs: Sequence[str]) -> Steps[None]:
        if not self._ledger:
            return
        for blob in blobs:
            if not (yield "UPDATE blobs SET since = 0 WHERE blob = $1 AND doomed = 0 RETURNING blob", (blob,)):
                raise errors.Unavailable(
                    "the bytes were removed before the catalog named them: send them again", cause="lease"
                )

    def _unnamed(self, blob: str) -> Steps[bool]:
        # Two transactions may remove the blob's last two names at once; the second must see the first's change.
        yield "SELECT pg_advisory_xact_lock($1)", (Lock("blob", blob).number,)
        if (yield NAMES, (blob, blob)):
            return False
        if self._ledger:
            yield f"UPDATE blobs SET since = {NOW} WHERE blob = $1", (blob,)
        return True

    # A transaction that drops parts excludes others that drop parts of a blob, by the advisory lock of a group of
    # blobs: a list may have more blobs than the database has such locks, and a blob more rows than can be locked in
    # time.  Who drops an object's blob does not take the group's lock: it sees the part's row until that is committed,
    # and leaves the blob to this transaction, which takes the blob's lock if an object still has it.  So locks are
    # taken in one order: part list, groups, blobs, the ledger.

    def _many(self, values: Sequence[object]) -> object:
        return values

    def _lock_names(self, blobs: Sequence[str]) -> Steps[None]:
        groups = {Lock("blob", blob).number % GROUPS for blob in blobs}
        yield from _lock([Lock("group", str(group)) for group in groups])

    def _unnamed_blobs(self, blobs: Sequence[str]) -> Steps[builtins.list[str]]:
        query = NAMED.format(self.AMONG.format(1), self.AMONG.format(2))
        rows = yield query, (blobs, blobs)
        of_parts = {blob for blob, of_object in rows if not of_object}
        shared = {blob for blob, _ in rows}.difference(of_parts)
        if shared:
            yield from _lock([Lock("blob", blob) for blob in shared])
            rows = yield query, (blobs, blobs)
        named = {blob for blob, _ in rows}
        free = [blob for blob in blobs if blob not in named]
        if self._ledger and free:
            those = "SELECT blob FROM blobs WHERE blob = ANY($1::TEXT[]) ORDER BY blob FOR UPDATE"
            yield f"UPDATE blobs SET since = {NOW} WHERE blob IN ({those})", (free,)
        return free

    async def _change_each(self, query: str, rows: Sequence[Row]) -> None:
        async def work(db: Session) -> None:
            await db.executemany(query, rows)

        await self._db.transaction(work)

    async def problems(self) -> builtins.list[str]:
        return []

    async def upkeep(self) -> None:
        """Does nothing: PostgreSQL's autovacuum does it."""

    async def compact(self) -> Compacted:
        """Runs VACUUM, during which nobody waits."""
        size = f"SELECT {' + '.join(f'pg_total_relation_size({name!r})' for name in TABLES)}"
        before = await self._db.one(size)
        for name in TABLES:
            await self._db.all(f"VACUUM (ANALYZE) {name}", seconds=LONG)
        after = await self._db.one(size)
        assert before is not None and after is not None
        return Compacted(int(before[0]), int(after[0]), 0.0)

    # Uploads

    async def add_part(self, upload_id: str, part: PartRecord) -> None:
        added = await self._db.change(
            f"WITH there AS (SELECT upload_id FROM uploads WHERE upload_id = $1 AND s3 = '' FOR KEY SHARE) "
            f"INSERT INTO parts (upload_id, {PART}) SELECT upload_id, $2::BIGINT, $3::TEXT, $4::BIGINT, $5::TEXT, "
            f"$6::TEXT, $7::BIGINT FROM there ON CONFLICT DO NOTHING",
            *(upload_id, part.part, part.etag, part.size, part.mime, part.location, part.created),
        )
        if not added:
            raise errors.PartExists() if await self.upload(upload_id) else errors.UploadNotFound()

    # Tokens and key pairs

    async def reencrypt(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        async def work(db: Session) -> tuple[int, int]:
            await db.execute("LOCK TABLE tokens, keys IN SHARE ROW EXCLUSIVE MODE")  # no row is added or changed
            tokens = changed(map(token_of, await db.fetch(f"SELECT {TOKEN} FROM tokens", timeout=LONG)), change)
            keys = changed([KeyRecord(*row) for row in await db.fetch(f"SELECT {KEY} FROM keys", timeout=LONG)], change)
            for table, rows in (("tokens", tokens), ("keys", keys)):
                await db.executemany(f"UPDATE {table} SET private = $1 WHERE public = $2", rows, timeout=LONG)
            return len(tokens), len(keys)

        return await self._db.transaction(work, seconds=LONG)

    # Usage

    async def usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        asked = list(dict.fromkeys(space_ids))
        made = (
            f"SELECT GREATEST($2, created / {DAY}), SUM(size)::BIGINT, 0, 0 FROM objects WHERE space_id = ANY($1) "
            "GROUP BY 1"
        )
        flux = (
            "SELECT day, 0, SUM(sent)::BIGINT, SUM(received)::BIGINT FROM flux "
            "WHERE space_id = ANY($1) AND day BETWEEN $2 AND $3 GROUP BY 1"
        )
        rows = await self._db.all(made, asked, first, seconds=LONG) + await self._db.all(flux, asked, first, last)
        return by_day(first, last, rows)

    # Garbage

    async def named(self, names: Iterable[str]) -> set[str]:
        asked = [*dict.fromkeys(names)]
        rows = await self._db.all(
            "SELECT blob FROM objects WHERE blob = ANY($1) UNION SELECT blob FROM part_blobs WHERE blob = ANY($1) "
            "UNION SELECT draft FROM uploads WHERE draft = ANY($1)",
            asked,
        )
        return {name for (name,) in rows}


def _lock(locks: Iterable[Lock]) -> Steps[None]:
    """Take these locks, in the order that all transactions have."""
    numbers = sorted(lock.number for lock in locks)
    yield "SELECT pg_advisory_xact_lock(number) FROM unnest($1::BIGINT[]) AS number", (numbers,)


async def _ran(ask: Callable[..., Awaitable[Any]], running: Steps[T] | Looks[T]) -> T:
    try:
        query, values = next(running)
        while True:
            query, values = running.send(await ask(query, *values))
    except StopIteration as end:
        result: T = end.value
        return result
