"""Catalog in PostgreSQL, for many gateways at once.

Every method is one transaction, read committed.  What must not change while it runs is held by advisory locks that
are named after it (a space, a key, a blob) and taken before the first look: they cost no write, and a look under one
sees all that was committed before.  PostgreSQL itself gathers the commits of many connections into one sync.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from uvideo._core import errors
from uvideo.storage.base import Compacted, ObjectRecord, PartRecord, SpaceRecord, UploadRecord
from uvideo.storage.postgres_accounts import LONG, PostgresAccounts
from uvideo.storage.postgres_connections import LOOK, Connections, Lock, Session, count_of
from uvideo.storage.schema import (
    DRAFTS,
    IS_STALE,
    OBJECT,
    PART,
    PUT,
    SPACE,
    STALE,
    UPLOAD,
    Row,
    check_source,
    insert,
    object_row,
    space_row,
    upload_row,
)

__all__ = ["PostgresCatalog"]

T = TypeVar("T")

TABLES = ("objects", "small", "uploads", "parts", "blobs", "leases", "flux")  # those whose rows come and go
PUT_INLINE = f"""
    WITH bytes AS (
        INSERT INTO small (space_id, key, data) VALUES ($1, $2, $12)
        ON CONFLICT (space_id, key) DO UPDATE SET data = excluded.data)
    {PUT}"""
PUT_BLOB = f"""
    WITH bytes AS (DELETE FROM small WHERE space_id = $1 AND key = $2)
    {PUT}"""
COLUMNS = ", ".join(f"objects.{name}" for name in OBJECT.split(", "))
OF_SPACE = f"""
    SELECT spaces.space_id IS NOT NULL, {COLUMNS} FROM spaces
    LEFT JOIN objects ON objects.space_id = spaces.space_id AND objects.key = $2 WHERE spaces.space_id = $1"""
NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)"


class PostgresCatalog(PostgresAccounts):
    """Catalog in the database of ``connections``.

    ``ledger``: the blobs are those of a Ledger in the same database.  An object then never names one that was swept
    meanwhile (``errors.Unavailable``), and a blob that no object names any more is garbage by the same commit.
    """

    def __init__(self, connections: Connections, *, ledger: bool = False) -> None:
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
            await db.execute("LOCK TABLE objects, small, uploads, parts IN ROW EXCLUSIVE MODE")  # as a write does

        await self._db.transaction(work, seconds=LOOK)

    async def _all(self, query: str, *values: object) -> builtins.list[Row]:
        return await self._db.all(query, *values)

    async def _look(self, look: Callable[[Iterable[Row]], T], query: str, *values: object) -> T:
        return look(await self._db.all(query, *values))

    async def _change(self, query: str, *values: object, of_space: bool = False) -> int:
        return await self._db.change(query, *values)

    async def _change_each(self, query: str, rows: Sequence[Row]) -> None:
        async def work(db: Session) -> None:
            await db.executemany(query, rows)

        await self._db.transaction(work)

    async def problems(self) -> builtins.list[str]:
        return []

    async def upkeep(self) -> None:
        """Autovacuum does it."""

    async def compact(self) -> Compacted:
        """VACUUM, which keeps nobody waiting."""
        size = f"SELECT {' + '.join(f'pg_total_relation_size({name!r})' for name in TABLES)}"
        before = await self._db.one(size)
        for name in TABLES:
            await self._db.all(f"VACUUM (ANALYZE) {name}", seconds=LONG)
        after = await self._db.one(size)
        assert before is not None and after is not None
        return Compacted(int(before[0]), int(after[0]), 0.0)

    async def identify(self, identity: str) -> str:
        async def work(db: Session) -> str:
            await db.execute("INSERT INTO identity SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM identity)", identity)
            found: str = await db.fetchval("SELECT identity FROM identity")
            return found

        return await self._db.transaction(work, Lock("identity"))

    async def sample(self, limit: int) -> builtins.list[str]:
        blobs = "SELECT blob FROM objects WHERE blob IS NOT NULL LIMIT $1"
        return [name for query in (blobs, DRAFTS.format(mark="$1")) for (name,) in await self._db.all(query, limit)]

    # Spaces

    async def create_space(self, space: SpaceRecord) -> None:
        async def work(db: Session) -> None:
            if await db.fetchval("SELECT 1 FROM spaces WHERE name = $1", space.name):
                raise errors.SpaceExists(space=space.name)
            if await db.fetchval("SELECT 1 FROM domains WHERE domain = ANY($1) LIMIT 1", space.domains):
                raise errors.DomainTaken()
            await db.execute(insert("spaces", SPACE), *space_row(space))
            await db.executemany(
                "INSERT INTO domains (domain, space_id) VALUES ($1, $2)",
                [(domain, space.space_id) for domain in space.domains],
            )

        names = [Lock("name", space.name), *(Lock("domain", domain) for domain in set(space.domains))]
        await self._db.transaction(work, *names)

    async def delete_space(self, name: str) -> builtins.list[str]:
        space = await self.space(name)
        if space is None:
            raise errors.SpaceNotFound(space=name)
        space_id = space.space_id

        async def work(db: Session) -> list[str]:
            if not await db.fetchval("SELECT 1 FROM spaces WHERE space_id = $1", space_id):
                raise errors.SpaceNotFound(space=name)
            if await db.fetchval("SELECT 1 FROM objects WHERE space_id = $1 LIMIT 1", space_id):
                raise errors.SpaceNotEmpty(space=name)
            uploads = await db.fetch("DELETE FROM uploads WHERE space_id = $1 RETURNING upload_id, draft", space_id)
            # As in an abort: once the upload is locked, it gets no part more.
            await db.execute("DELETE FROM parts WHERE upload_id = ANY($1)", [upload_id for upload_id, _ in uploads])
            for table in ("domains", "flux", "spaces"):
                await db.execute(f"DELETE FROM {table} WHERE space_id = $1", space_id)
            return [draft for _, draft in uploads]

        return await self._db.transaction(work, Lock("space", space_id))

    # Objects

    async def put(
        self, record: ObjectRecord, *, overwrite: bool = True, source: ObjectRecord | None = None
    ) -> builtins.list[str]:
        place = (record.space_id, record.key.encode())

        async def work(db: Session) -> list[str]:
            if source is not None:
                check_source(await _object_row(db, source.space_id, source.key.encode()), source, record)
            return await self._put(db, record, overwrite, named=source is not None and source.blob == record.blob)

        locks = {_space(record.space_id), _key(*place)}
        if source is not None:
            locks.add(_key(source.space_id, source.key.encode()))
        return await self._db.transaction(work, *_locks(locks))

    async def _put(self, db: Session, record: ObjectRecord, overwrite: bool, *, named: bool = False) -> list[str]:
        """``named``: another object, which is locked, names the same blob."""
        place = (record.space_id, record.key.encode())
        found = await db.fetchrow(OF_SPACE, *place)
        if found is None:
            raise errors.SpaceNotFound()
        old = tuple(found)[1:] if found[1] is not None else None
        if old and not overwrite:
            raise errors.AlreadyExists(key=record.key)
        values = object_row(record, old[8] if old else record.created)
        if record.blob is None:
            await db.execute(PUT_INLINE, *values, record.inline or b"")
        else:
            await db.execute(PUT_BLOB if old and old[5] is None else PUT, *values)
            if self._ledger and not named and not (old and old[5] == record.blob):
                await _name(db, record.blob)
        return await self._unnamed(db, old[5]) if old and old[5] != record.blob else []

    async def _unnamed(self, db: Session, blob: str | None) -> list[str]:
        if blob is None:
            return []
        # Of two who let the last two names of it go at once, the second sees what the first did.
        await db.execute(f"SELECT {Lock('blob', blob).call}")
        if await db.fetchval("SELECT 1 FROM objects WHERE blob = $1 LIMIT 1", blob):
            return []
        if self._ledger:
            await db.execute(f"UPDATE blobs SET since = {NOW} WHERE blob = $1", blob)
        return [blob]

    async def _drop(self, db: Session, row: Row) -> list[str]:
        """Remove the object of this row; the blobs that no object names any more."""
        if row[5] is None:
            await db.execute("DELETE FROM small WHERE space_id = $1 AND key = $2", *row[:2])
        await db.execute("DELETE FROM objects WHERE space_id = $1 AND key = $2", *row[:2])
        return await self._unnamed(db, row[5])

    async def rename(
        self, space_id: str, key: str, new_key: str, *, overwrite: bool, modified: int
    ) -> builtins.list[str] | None:
        old, new = key.encode(), new_key.encode()

        async def work(db: Session) -> list[str] | None:
            row = await _object_row(db, space_id, old)
            if row is None:
                return None
            if old == new:
                return []
            there = await _object_row(db, space_id, new)
            if there and not overwrite:
                raise errors.AlreadyExists(key=new_key)
            dropped = await self._drop(db, there) if there else []
            await db.execute("UPDATE small SET key = $1 WHERE space_id = $2 AND key = $3", new, space_id, old)
            await db.execute(
                "UPDATE objects SET key = $1, modified = $2 WHERE space_id = $3 AND key = $4",
                *(new, modified, space_id, old),
            )
            return dropped

        return await self._db.transaction(work, *_locks({_space(space_id), _key(space_id, old), _key(space_id, new)}))

    async def delete(self, space_id: str, key: str) -> builtins.list[str] | None:
        async def work(db: Session) -> list[str] | None:
            row = await _object_row(db, space_id, key.encode())
            return None if row is None else await self._drop(db, row)

        return await self._db.transaction(work, *_locks({_key(space_id, key.encode())}))

    # Uploads

    async def begin(self, upload: UploadRecord) -> None:
        async def work(db: Session) -> None:
            if not await db.fetchval("SELECT 1 FROM spaces WHERE space_id = $1", upload.space_id):
                raise errors.SpaceNotFound()
            await db.execute(insert("uploads", UPLOAD), *upload_row(upload))

        await self._db.transaction(work, *_locks({_space(upload.space_id)}))

    async def add_part(self, upload_id: str, part: PartRecord) -> None:
        added = await self._db.change(
            f"WITH there AS (SELECT upload_id FROM uploads WHERE upload_id = $1 FOR KEY SHARE) "
            f"INSERT INTO parts (upload_id, {PART}) SELECT upload_id, $2::BIGINT, $3::TEXT, $4::BIGINT, $5::TEXT, "
            f"$6::TEXT, $7::BIGINT FROM there ON CONFLICT DO NOTHING",
            *(upload_id, part.part, part.etag, part.size, part.mime, part.location, part.created),
        )
        if not added:
            raise errors.PartExists() if await self.upload(upload_id) else errors.UploadNotFound()

    async def finish(
        self, upload_id: str, record: ObjectRecord, *, overwrite: bool = True, parts: int | None = None
    ) -> builtins.list[str]:
        async def work(db: Session) -> list[str]:
            # Locked, the upload gets no part more; those that were being added are there when this returns.
            locked = await db.fetchval("SELECT 1 FROM uploads WHERE upload_id = $1 FOR UPDATE", upload_id)
            count = await db.fetchval("SELECT COUNT(*) FROM parts WHERE upload_id = $1", upload_id)
            if locked is None or await _forget_upload(db, upload_id) is None:
                raise errors.UploadNotFound(key=record.key)
            if parts is not None and count != parts:
                raise errors.InvalidPartList(STALE)
            return await self._put(db, record, overwrite)

        locks = {_space(record.space_id), _key(record.space_id, record.key.encode())}
        return await self._db.transaction(work, *_locks(locks))

    async def abort(self, upload_id: str, before: int | None = None) -> str | None:
        async def work(db: Session) -> str | None:
            if before is not None:
                # Whoever adds a part shares the row: it is seen below, or waits and finds no upload.
                await db.execute("SELECT 1 FROM uploads WHERE upload_id = $1 FOR UPDATE", upload_id)
                if not await db.fetchval(IS_STALE.format(one="$1", two="$2::BIGINT"), upload_id, before):
                    return None
            return await _forget_upload(db, upload_id)

        return await self._db.transaction(work)

    # Garbage

    async def named(self, names: Iterable[str]) -> set[str]:
        asked = [*dict.fromkeys(names)]
        rows = await self._db.all(
            "SELECT blob FROM objects WHERE blob = ANY($1) UNION SELECT draft FROM uploads WHERE draft = ANY($1)", asked
        )
        return {name for (name,) in rows}


# Locks


def _space(space_id: str) -> tuple[Any, ...]:
    """That the space stays: held by all who write into it."""
    return "space", space_id, True


def _key(space_id: str, key: bytes) -> tuple[Any, ...]:
    return "key", space_id, key, False


def _locks(names: Iterable[tuple[Any, ...]]) -> builtins.list[Lock]:
    return [Lock(*name[:-1], shared=name[-1]) for name in names]


# Steps of a transaction


async def _object_row(db: Session, space_id: str, key: bytes) -> Row | None:
    row = await db.fetchrow(f"SELECT {OBJECT} FROM objects WHERE space_id = $1 AND key = $2", space_id, key)
    return tuple(row) if row else None


async def _name(db: Session, blob: str) -> None:
    """That an object names it, from this commit on; it waits for a claim of it, if one is under way."""
    if not count_of(await db.execute("UPDATE blobs SET since = 0 WHERE blob = $1 AND doomed = 0", blob)):
        raise errors.Unavailable("the bytes were swept before they had a name: send them again", cause="lease")


async def _forget_upload(db: Session, upload_id: str) -> str | None:
    draft: str | None = await db.fetchval("DELETE FROM uploads WHERE upload_id = $1 RETURNING draft", upload_id)
    if draft is not None:
        await db.execute("DELETE FROM parts WHERE upload_id = $1", upload_id)
    return draft
