"""Catalog in PostgreSQL, for many gateways at once.

Every method is one transaction, read committed.  What must not change while it runs is held by advisory locks that
are named after it (a space, a key, a blob) and taken before the first look: they cost no write, and a look under one
sees all that was committed before.  PostgreSQL itself gathers the commits of many connections into one sync.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable
from typing import Any

from uvideo._core import errors
from uvideo.storage.base import Compacted, ObjectRecord, Page, PartRecord, SpaceRecord, UploadRecord
from uvideo.storage.postgres_accounts import LONG, PostgresAccounts
from uvideo.storage.postgres_connections import LOOK, Connections, Lock, Session, count_of
from uvideo.storage.schema import (
    DRAFTS,
    IS_STALE,
    OBJECT,
    PART,
    SPACE,
    STALE,
    UPLOAD,
    Row,
    behind,
    object_of,
    object_row,
    rolled_up,
    space_of,
    upload_of,
)

__all__ = ["PostgresCatalog"]

TABLES = ("objects", "small", "uploads", "parts", "blobs", "leases", "flux")  # those whose rows come and go
FIRST_LOOK = 16  # rows asked for behind a common prefix, where most likely another one follows
PUT_OBJECT = f"""
    INSERT INTO objects ({OBJECT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (space_id, key) DO UPDATE SET size = excluded.size, etag = excluded.etag, mime = excluded.mime,
    blob = excluded.blob, storage_class = excluded.storage_class, headers = excluded.headers,
    created = excluded.created, modified = excluded.modified, extra = excluded.extra"""
PUT_INLINE = f"""
    WITH bytes AS (
        INSERT INTO small (space_id, key, data) VALUES ($1, $2, $12)
        ON CONFLICT (space_id, key) DO UPDATE SET data = excluded.data)
    {PUT_OBJECT}"""
PUT_BLOB = f"""
    WITH bytes AS (DELETE FROM small WHERE space_id = $1 AND key = $2)
    {PUT_OBJECT}"""
COLUMNS = ", ".join(f"objects.{name}" for name in OBJECT.split(", "))
GET = f"""
    SELECT {COLUMNS}, small.data FROM objects
    LEFT JOIN small ON objects.blob IS NULL AND small.space_id = objects.space_id AND small.key = objects.key
    WHERE objects.space_id = $1 AND objects.key = $2"""
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

    async def identity(self) -> str | None:
        row = await self._db.one("SELECT identity FROM identity")
        return row[0] if row else None

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
        values = (
            *(space.space_id, space.name, space.owner, space.type, space.region, space.biz, space.tag),
            *(space.storage_class, space.created, space.modified, json.dumps(space.domains)),
        )

        async def work(db: Session) -> None:
            if await db.fetchval("SELECT 1 FROM spaces WHERE name = $1", space.name):
                raise errors.SpaceExists(space=space.name)
            if await db.fetchval("SELECT 1 FROM domains WHERE domain = ANY($1) LIMIT 1", space.domains):
                raise errors.DomainTaken()
            marks = ", ".join(f"${number + 1}" for number in range(len(values)))
            await db.execute(f"INSERT INTO spaces ({SPACE}) VALUES ({marks})", *values)
            await db.executemany(
                "INSERT INTO domains (domain, space_id) VALUES ($1, $2)",
                [(domain, space.space_id) for domain in space.domains],
            )

        names = [Lock("name", space.name), *(Lock("domain", domain) for domain in set(space.domains))]
        await self._db.transaction(work, *names)

    async def space(self, name: str) -> SpaceRecord | None:
        row = await self._db.one(f"SELECT {SPACE} FROM spaces WHERE name = $1", name)
        return space_of(row) if row else None

    async def space_of_domain(self, domain: str) -> SpaceRecord | None:
        query = f"SELECT {SPACE} FROM spaces WHERE space_id = (SELECT space_id FROM domains WHERE domain = $1)"
        row = await self._db.one(query, domain)
        return space_of(row) if row else None

    async def spaces(self, owner: str, offset: int, limit: int) -> builtins.list[SpaceRecord]:
        query = f"SELECT {SPACE} FROM spaces WHERE owner = $1 ORDER BY name LIMIT $2 OFFSET $3"
        return [space_of(row) for row in await self._db.all(query, owner, max(0, limit), offset)]

    async def all_spaces(self, after: str, limit: int) -> builtins.list[SpaceRecord]:
        query = f"SELECT {SPACE} FROM spaces WHERE name > $1 ORDER BY name LIMIT $2"
        return [space_of(row) for row in await self._db.all(query, after, limit)]

    async def update_space(self, name: str, *, type: str | None, storage_class: str | None, modified: int) -> None:
        changed = await self._db.change(
            "UPDATE spaces SET type = COALESCE($1, type), storage_class = COALESCE($2, storage_class), modified = $3 "
            "WHERE name = $4",
            *(type, storage_class, modified, name),
        )
        if not changed:
            raise errors.SpaceNotFound(space=name)

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
                row = await _object_row(db, source.space_id, source.key.encode())
                is_change = (source.space_id, source.key) == (record.space_id, record.key)
                if not (_unchanged if is_change else _same)(row, source):
                    raise errors.NotFound(key=source.key)
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
            await db.execute(PUT_BLOB if old and old[5] is None else PUT_OBJECT, *values)
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

    async def get(self, space_id: str, key: str) -> ObjectRecord | None:
        row = await self._db.one(GET, space_id, key.encode())
        return object_of(row, row[11]) if row else None

    async def find(self, owner: str, etag: str, size: int) -> ObjectRecord | None:
        row = await self._db.one(
            "SELECT space_id, key FROM objects WHERE etag = $1 AND size = $2 AND storage_class <> 'ARCHIVE' "
            "AND EXISTS (SELECT 1 FROM spaces WHERE spaces.space_id = objects.space_id AND owner = $3) LIMIT 1",
            *(etag, size, owner),
        )
        return await self.get(row[0], row[1].decode()) if row else None

    async def delete(self, space_id: str, key: str) -> builtins.list[str] | None:
        async def work(db: Session) -> list[str] | None:
            row = await _object_row(db, space_id, key.encode())
            return None if row is None else await self._drop(db, row)

        return await self._db.transaction(work, *_locks({_key(space_id, key.encode())}))

    async def list(self, space_id: str, prefix: str, marker: str, limit: int, delimiter: str = "") -> Page:
        page, last = Page(), ""
        if limit <= 0:
            return page
        start, after, split = prefix.encode(), marker.encode(), delimiter.encode()
        lower, beyond = (after, ">") if after >= start else (start, ">=")
        if after and split and after.startswith(start) and rolled_up(after, start, split) == after:
            lower, beyond = behind(after), ">="
        end, bound = (behind(start),) if start else (), "AND key < $4 ORDER BY key" if start else "ORDER BY key"
        look = limit + 2
        while True:
            wanted = min(look, limit + 2)
            rows = await self._db.all(
                f"SELECT {OBJECT} FROM objects WHERE space_id = $1 AND key {beyond} $2 {bound} LIMIT $3",
                *(space_id, lower, wanted, *end),
            )
            for row in rows:
                lower, beyond = row[1], ">"
                if split and row[1] == start and start.endswith(split):
                    continue
                if len(page.objects) + len(page.prefixes) == limit:
                    return Page(page.objects, page.prefixes, last)
                jump = rolled_up(row[1], start, split) if split else b""
                if jump:  # all that begins with it counts once: go on behind it
                    last = jump.decode()
                    page.prefixes.append(last)
                    lower, beyond = behind(jump), ">="
                    look = FIRST_LOOK
                    break
                page.objects.append(object_of(row))
                last = page.objects[-1].key
            else:
                if len(rows) < wanted:
                    return page
                look *= 4

    async def list_by_offset(self, space_id: str, offset: int, limit: int) -> builtins.list[ObjectRecord]:
        query = f"SELECT {OBJECT} FROM objects WHERE space_id = $1 ORDER BY key LIMIT $2 OFFSET $3"
        return [object_of(row) for row in await self._db.all(query, space_id, max(0, limit), offset)]

    async def walk(self, after: tuple[str, str] | None, limit: int) -> builtins.list[ObjectRecord]:
        space_id, key = after or ("", "")
        query = f"""
            SELECT {OBJECT} FROM objects WHERE (space_id, key) > ($1, $2) ORDER BY space_id, key LIMIT $3"""
        return [object_of(row) for row in await self._db.all(query, space_id, key.encode(), max(0, limit))]

    # Uploads

    async def begin(self, upload: UploadRecord) -> None:
        values = (
            *(upload.upload_id, upload.space_id, upload.key.encode(), upload.draft, upload.mime),
            *(upload.storage_class, json.dumps(upload.headers), upload.created),
        )

        async def work(db: Session) -> None:
            if not await db.fetchval("SELECT 1 FROM spaces WHERE space_id = $1", upload.space_id):
                raise errors.SpaceNotFound()
            await db.execute(f"INSERT INTO uploads ({UPLOAD}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", *values)

        await self._db.transaction(work, *_locks({_space(upload.space_id)}))

    async def upload(self, upload_id: str) -> UploadRecord | None:
        row = await self._db.one(f"SELECT {UPLOAD} FROM uploads WHERE upload_id = $1", upload_id)
        return upload_of(row) if row else None

    async def uploads(
        self, space_id: str, prefix: str, marker: str, upload_id_marker: str, limit: int
    ) -> builtins.list[UploadRecord]:
        start, after = prefix.encode(), marker.encode()
        lower: tuple[Any, ...]
        if after < start or not after:
            where, lower = "key >= $3", (start,)
        elif upload_id_marker:
            where, lower = "(key, upload_id) > ($3, $4)", (after, upload_id_marker)
        else:
            where, lower = "key > $3", (after,)
        bound = (behind(start),) if start else ()
        query = (
            f"SELECT {UPLOAD} FROM uploads WHERE space_id = $1 AND {where} "
            f"{f'AND key < ${3 + len(lower)}' if bound else ''} ORDER BY key, upload_id LIMIT $2"
        )
        return [upload_of(row) for row in await self._db.all(query, space_id, max(0, limit), *lower, *bound)]

    async def part(self, upload_id: str, part: int) -> PartRecord | None:
        row = await self._db.one(f"SELECT {PART} FROM parts WHERE upload_id = $1 AND part = $2", upload_id, part)
        return PartRecord(*row) if row else None

    async def add_part(self, upload_id: str, part: PartRecord) -> None:
        added = await self._db.change(
            f"WITH there AS (SELECT upload_id FROM uploads WHERE upload_id = $1 FOR KEY SHARE) "
            f"INSERT INTO parts (upload_id, {PART}) SELECT upload_id, $2::BIGINT, $3::TEXT, $4::BIGINT, $5::TEXT, "
            f"$6::TEXT, $7::BIGINT FROM there ON CONFLICT DO NOTHING",
            *(upload_id, part.part, part.etag, part.size, part.mime, part.location, part.created),
        )
        if not added:
            raise errors.PartExists() if await self.upload(upload_id) else errors.UploadNotFound()

    async def parts(self, upload_id: str, first: int, limit: int | None) -> builtins.list[PartRecord]:
        query = f"SELECT {PART} FROM parts WHERE upload_id = $1 AND part >= $2 ORDER BY part LIMIT $3"
        rows = await self._db.all(query, upload_id, first, None if limit is None else max(0, limit))
        return [PartRecord(*row) for row in rows]

    async def count_parts(self, upload_id: str) -> int:
        row = await self._db.one("SELECT COUNT(*) FROM parts WHERE upload_id = $1", upload_id)
        return int(row[0]) if row else 0

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


def _same(row: Row | None, record: ObjectRecord) -> bool:
    """Whether the object has the bytes of the record still."""
    return row is not None and row[2:4] == (record.size, record.etag) and row[5] == record.blob


def _unchanged(row: Row | None, record: ObjectRecord) -> bool:
    return row == object_row(record, record.created)


async def _name(db: Session, blob: str) -> None:
    """That an object names it, from this commit on; it waits for a claim of it, if one is under way."""
    if not count_of(await db.execute("UPDATE blobs SET since = 0 WHERE blob = $1 AND doomed = 0", blob)):
        raise errors.Unavailable("the bytes were swept before they had a name: send them again", cause="lease")


async def _forget_upload(db: Session, upload_id: str) -> str | None:
    draft: str | None = await db.fetchval("DELETE FROM uploads WHERE upload_id = $1 RETURNING draft", upload_id)
    if draft is not None:
        await db.execute("DELETE FROM parts WHERE upload_id = $1", upload_id)
    return draft
