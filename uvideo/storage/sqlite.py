"""Catalog in SQLite.

Reads run where they are called, on one connection: a lookup takes less time than a hop to a thread.  Writes go to one
thread that takes all that wait, runs each in a savepoint of one transaction and commits once: 32 writers share a sync.
WAL lets the reads go on meanwhile, and several processes may use one file.

A read transaction keeps the log from beginning anew, so each is short: what looks at every row does it in pages.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from uvideo._core import errors
from uvideo.storage import sqlite_upkeep as upkeep
from uvideo.storage.base import (
    Absent,
    Compacted,
    ObjectRecord,
    Page,
    PartRecord,
    SpaceRecord,
    Unfit,
    Unreachable,
    UploadRecord,
)
from uvideo.storage.change_mark import Mark
from uvideo.storage.disk_reserve import Reserve
from uvideo.storage.group_commit import Committer, Work, held, is_locked, telling, told
from uvideo.storage.schema import (
    DRAFTS,
    IS_STALE,
    MIGRATIONS,
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
    statements,
    upload_of,
)
from uvideo.storage.sqlite_accounts import Accounts

__all__ = ["SqliteCatalog"]

T = TypeVar("T")

PATIENCE = 4.0  # seconds a write waits for another process, so that its answer comes within 5 s
AGAIN = 0.01  # seconds between two tries of a read, which waits only while another process recovers the log
PROTOCOL = "locking protocol"  # what SQLite says after it has tried for 10 s, whatever it was told
NAMES_AT_ONCE = 500
PROBLEMS = 20  # told of a damaged file
SPACES_KEPT = 1000  # answers in memory

PUT = f"""
    INSERT INTO objects ({OBJECT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (space_id, key) DO UPDATE SET size = excluded.size, etag = excluded.etag, mime = excluded.mime,
    blob = excluded.blob, storage_class = excluded.storage_class, headers = excluded.headers,
    created = excluded.created, modified = excluded.modified, extra = excluded.extra"""
PUT_SMALL = """
    INSERT INTO small (space_id, key, data) VALUES (?, ?, ?)
    ON CONFLICT (space_id, key) DO UPDATE SET data = excluded.data"""
GET = f"""
    SELECT {OBJECT}, CASE WHEN blob IS NULL
        THEN (SELECT data FROM small WHERE small.space_id = objects.space_id AND small.key = objects.key) END
    FROM objects WHERE space_id = ? AND key = ?"""


class SqliteCatalog(Accounts):
    """Catalog in the file ``path`` (made with mode 0600, its folder 0700) and its companions -wal and -shm.

    ``fsync=False``: synchronous is NORMAL instead of FULL.  A loss of power may then take the last writes but leaves
    the database whole; OFF would gain little, as NORMAL syncs at checkpoints only, and could ruin it.
    ``patience``: seconds that a write waits while another program holds the lock.
    """

    def __init__(self, path: Path, *, fsync: bool = True, patience: float = PATIENCE) -> None:
        self._path = Path(path)
        self._patience = min(patience, PATIENCE)
        self._fsync = fsync
        self._reserve = Reserve(self._path.with_name(self._path.name + "-reserve"))
        self._reads: sqlite3.Connection | None = None
        self._writes: Committer | None = None
        self._mark: Mark | None = None
        self._spaces: dict[tuple[str, str], tuple[int, SpaceRecord | None]] = {}
        self._checking: asyncio.Future[None] | None = None
        self._freeing: asyncio.Task[None] | None = None  # as long as reads are refused

    async def start(self, *, create: bool = True) -> None:
        if self._writes is not None:
            return
        with telling():
            try:
                reads, writes = await asyncio.to_thread(self._open, create)
            except sqlite3.Error as failure:  # on a full disk even reading needs some room
                if is_locked(failure):
                    raise
                with self._reserve.spent() as has_more:
                    if not has_more:
                        raise
                    reads, writes = await asyncio.to_thread(self._open, create)
        self._mark = Mark(self._path.with_name(self._path.name + "-spaces"))
        self._reads, self._writes = reads, Committer(writes, asyncio.get_running_loop(), self._reserve, self._patience)

    async def close(self) -> None:
        freeing, self._freeing = self._freeing, None
        if freeing is not None:
            freeing.cancel()
        writes, self._writes = self._writes, None
        if writes is not None:
            await asyncio.to_thread(writes.stop)
        mark, self._mark = self._mark, None
        if mark is not None:
            mark.close()
        reads, self._reads = self._reads, None
        if reads is not None:
            reads.close()

    async def check(self) -> None:
        """On a thread: what holds the lock may hold up a read as well.  Who asks meanwhile gets the same answer."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self.apart(_try_write))
        await asyncio.shield(self._checking)

    async def identity(self) -> str | None:
        rows = await self._all("SELECT identity FROM identity")
        return rows[0][0] if rows else None

    async def problems(self) -> builtins.list[str]:
        """The one look that cannot be done in pages: the log grows meanwhile, and is cut back afterwards."""
        lines = await self.apart(lambda db: db.execute(f"PRAGMA integrity_check({PROBLEMS})").fetchall())
        return [str(line) for (line,) in lines] if lines != [("ok",)] else []

    async def upkeep(self) -> None:
        await upkeep.upkeep(self._path, self)

    async def compact(self) -> Compacted:
        return await self.apart(lambda db: upkeep.compact(self._path, db))

    async def identify(self, identity: str) -> str:
        def work(db: sqlite3.Connection) -> str:
            db.execute("INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)", (identity,))
            found = _one(db, "SELECT identity FROM identity")
            assert found is not None
            return str(found[0])

        return await self._write(work)

    async def sample(self, limit: int) -> builtins.list[str]:
        blobs = "SELECT blob FROM objects INDEXED BY objects_blob WHERE blob IS NOT NULL LIMIT ?"
        return [name for query in (blobs, DRAFTS.format(mark="?")) for (name,) in await self._all(query, limit)]

    # Spaces

    async def create_space(self, space: SpaceRecord) -> None:
        values = (
            *(space.space_id, space.name, space.owner, space.type, space.region, space.biz, space.tag),
            *(space.storage_class, space.created, space.modified, json.dumps(space.domains)),
        )

        def work(db: sqlite3.Connection) -> None:
            if _one(db, "SELECT 1 FROM spaces WHERE name = ?", space.name):
                raise errors.SpaceExists(space=space.name)
            db.execute(f"INSERT INTO spaces ({SPACE}) VALUES ({', '.join('?' * len(values))})", values)
            for domain in space.domains:
                if _one(db, "SELECT 1 FROM domains WHERE domain = ?", domain):
                    raise errors.DomainTaken()
                db.execute("INSERT INTO domains (domain, space_id) VALUES (?, ?)", (domain, space.space_id))

        await self._write_space(work)

    async def space(self, name: str) -> SpaceRecord | None:
        return await self._space(f"SELECT {SPACE} FROM spaces WHERE name = ?", name)

    async def space_of_domain(self, domain: str) -> SpaceRecord | None:
        query = f"SELECT {SPACE} FROM spaces WHERE space_id = (SELECT space_id FROM domains WHERE domain = ?)"
        return await self._space(query, domain)

    async def _space(self, query: str, name: str) -> SpaceRecord | None:
        """What the query finds, kept until any process changes any space: every request asks for one."""
        if self._mark is None:
            raise RuntimeError("the catalog is not open")
        mark, known = self._mark.value(), self._spaces.get((query, name))
        if known is not None and known[0] == mark:
            return known[1]
        rows = await self._all(query, name)
        space = space_of(rows[0]) if rows else None
        if len(self._spaces) >= SPACES_KEPT:
            self._spaces.clear()
        self._spaces[query, name] = mark, space
        return space

    async def spaces(self, owner: str, offset: int, limit: int) -> builtins.list[SpaceRecord]:
        query = f"SELECT {SPACE} FROM spaces WHERE owner = ? ORDER BY name LIMIT ? OFFSET ?"
        return [space_of(row) for row in await self._all(query, owner, max(0, limit), offset)]

    async def all_spaces(self, after: str, limit: int) -> builtins.list[SpaceRecord]:
        query = f"SELECT {SPACE} FROM spaces WHERE name > ? ORDER BY name LIMIT ?"
        return [space_of(row) for row in await self._all(query, after, limit)]

    async def update_space(self, name: str, *, type: str | None, storage_class: str | None, modified: int) -> None:
        def work(db: sqlite3.Connection) -> None:
            changed = db.execute(
                "UPDATE spaces SET type = COALESCE(?, type), storage_class = COALESCE(?, storage_class), modified = ? "
                "WHERE name = ?",
                (type, storage_class, modified, name),
            )
            if not changed.rowcount:
                raise errors.SpaceNotFound(space=name)

        await self._write_space(work)

    async def delete_space(self, name: str) -> builtins.list[str]:
        def work(db: sqlite3.Connection) -> list[str]:
            row = _one(db, "SELECT space_id FROM spaces WHERE name = ?", name)
            if not row:
                raise errors.SpaceNotFound(space=name)
            if _one(db, "SELECT 1 FROM objects WHERE space_id = ? LIMIT 1", *row):
                raise errors.SpaceNotEmpty(space=name)
            drafts = db.execute("SELECT draft FROM uploads WHERE space_id = ?", row).fetchall()
            db.execute("DELETE FROM parts WHERE upload_id IN (SELECT upload_id FROM uploads WHERE space_id = ?)", row)
            db.execute("DELETE FROM uploads WHERE space_id = ?", row)
            db.execute("DELETE FROM domains WHERE space_id = ?", row)
            db.execute("DELETE FROM flux WHERE space_id = ?", row)
            db.execute("DELETE FROM spaces WHERE space_id = ?", row)
            return [draft for (draft,) in drafts]

        return await self._write_space(work, frees=True)

    # Objects

    async def put(
        self, record: ObjectRecord, *, overwrite: bool = True, source: ObjectRecord | None = None
    ) -> builtins.list[str]:
        def work(db: sqlite3.Connection) -> list[str]:
            if source is not None:
                row = _object_row(db, source.space_id, source.key.encode())
                is_change = (source.space_id, source.key) == (record.space_id, record.key)
                if not (_unchanged if is_change else _same)(row, source):
                    raise errors.NotFound(key=source.key)
            return _put(db, record, overwrite)

        return await self._write(work)

    async def rename(
        self, space_id: str, key: str, new_key: str, *, overwrite: bool, modified: int
    ) -> builtins.list[str] | None:
        old, new = key.encode(), new_key.encode()

        def work(db: sqlite3.Connection) -> list[str] | None:
            row = _object_row(db, space_id, old)
            if row is None:
                return None
            if old == new:
                return []
            there = _object_row(db, space_id, new)
            if there and not overwrite:
                raise errors.AlreadyExists(key=new_key)
            dropped = _drop(db, there) if there else []
            db.execute("UPDATE small SET key = ? WHERE space_id = ? AND key = ?", (new, space_id, old))
            db.execute(
                "UPDATE objects SET key = ?, modified = ? WHERE space_id = ? AND key = ?",
                (new, modified, space_id, old),
            )
            return dropped

        return await self._write(work)

    async def get(self, space_id: str, key: str) -> ObjectRecord | None:
        for row in await self._all(GET, space_id, key.encode()):
            return object_of(row, row[11])
        return None

    async def find(self, owner: str, etag: str, size: int) -> ObjectRecord | None:
        query = f"""
            SELECT {OBJECT} FROM objects WHERE etag = ? AND size = ? AND storage_class <> 'ARCHIVE'
            AND EXISTS (SELECT 1 FROM spaces WHERE spaces.space_id = objects.space_id AND owner = ?) LIMIT 1"""
        for row in await self._all(query, etag, size, owner):
            return await self.get(row[0], row[1].decode())
        return None

    async def delete(self, space_id: str, key: str) -> builtins.list[str] | None:
        def work(db: sqlite3.Connection) -> list[str] | None:
            row = _object_row(db, space_id, key.encode())
            return None if row is None else _drop(db, row)

        return await self._write(work, frees=True)

    async def list(self, space_id: str, prefix: str, marker: str, limit: int, delimiter: str = "") -> Page:
        page, last = Page(), ""
        if limit <= 0:
            return page
        start, after, split = prefix.encode(), marker.encode(), delimiter.encode()
        lower, beyond = (after, ">") if after >= start else (start, ">=")
        if after and split and after.startswith(start) and rolled_up(after, start, split) == after:
            lower, beyond = behind(after), ">="
        bound: Sequence[bytes] = (behind(start),) if start else ()
        ordered = "AND key < ? ORDER BY key" if bound else "ORDER BY key"
        next_key = f"SELECT key FROM objects WHERE space_id = ? AND key >= ? {ordered} LIMIT 1"
        while True:
            query = f"SELECT {OBJECT} FROM objects WHERE space_id = ? AND key {beyond} ? {ordered} LIMIT ?"
            values, jump = (space_id, lower, *bound, limit + 2), b""

            def fill(db: sqlite3.Connection, query: str = query, values: Row = values) -> tuple[bool, bytes]:
                """Whether the page is full; where it goes on behind what is rolled up, b"" if nowhere."""
                nonlocal last
                with contextlib.closing(db.execute(query, values)) as rows:  # open, it would hold the snapshot
                    for row in rows:
                        if split and row[1] == start and start.endswith(split):
                            continue
                        if len(page.objects) + len(page.prefixes) == limit:
                            return True, b""
                        jump = rolled_up(row[1], start, split) if split else b""
                        if jump:
                            return False, jump
                        page.objects.append(object_of(row))
                        last = page.objects[-1].key
                return False, b""

            is_full, jump = await self._read(fill)
            if is_full:
                return Page(page.objects, page.prefixes, last)
            if not jump:
                return page
            while jump:  # all that begins with it counts once: go on behind it, where mostly another one follows
                last = jump.decode()
                page.prefixes.append(last)
                found = await self._all(next_key, space_id, behind(jump), *bound)
                if not found:
                    return page
                if len(page.objects) + len(page.prefixes) == limit:
                    return Page(page.objects, page.prefixes, last)
                lower, beyond = found[0][0], ">="
                jump = rolled_up(lower, start, split)

    async def walk(self, after: tuple[str, str] | None, limit: int) -> builtins.list[ObjectRecord]:
        space_id, key = after or ("", "")
        query = f"""
            SELECT {OBJECT} FROM objects WHERE (space_id, key) > (?, ?) ORDER BY space_id, key LIMIT ?"""
        return [object_of(row) for row in await self._all(query, space_id, key.encode(), max(0, limit))]

    async def list_by_offset(self, space_id: str, offset: int, limit: int) -> builtins.list[ObjectRecord]:
        query = f"SELECT {OBJECT} FROM objects WHERE space_id = ? ORDER BY key LIMIT ? OFFSET ?"
        return [object_of(row) for row in await self._all(query, space_id, max(0, limit), offset)]

    # Uploads

    async def begin(self, upload: UploadRecord) -> None:
        values = (
            *(upload.upload_id, upload.space_id, upload.key.encode(), upload.draft, upload.mime),
            *(upload.storage_class, json.dumps(upload.headers), upload.created),
        )

        def work(db: sqlite3.Connection) -> None:
            _require_space(db, upload.space_id)
            db.execute(f"INSERT INTO uploads ({UPLOAD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

        await self._write(work)

    async def upload(self, upload_id: str) -> UploadRecord | None:
        for row in await self._all(f"SELECT {UPLOAD} FROM uploads WHERE upload_id = ?", upload_id):
            return upload_of(row)
        return None

    async def uploads(
        self, space_id: str, prefix: str, marker: str, upload_id_marker: str, limit: int
    ) -> builtins.list[UploadRecord]:
        start, after = prefix.encode(), marker.encode()
        lower: tuple[Any, ...]
        if after < start or not after:
            where, lower = "key >= ?", (start,)
        elif upload_id_marker:
            where, lower = "(key, upload_id) > (?, ?)", (after, upload_id_marker)
        else:
            where, lower = "key > ?", (after,)
        bound = (behind(start),) if start else ()
        query = (
            f"SELECT {UPLOAD} FROM uploads WHERE space_id = ? AND {where} {'AND key < ?' if bound else ''} "
            "ORDER BY key, upload_id LIMIT ?"
        )
        return [upload_of(row) for row in await self._all(query, space_id, *lower, *bound, max(0, limit))]

    async def part(self, upload_id: str, part: int) -> PartRecord | None:
        for row in await self._all(f"SELECT {PART} FROM parts WHERE upload_id = ? AND part = ?", upload_id, part):
            return PartRecord(*row)
        return None

    async def add_part(self, upload_id: str, part: PartRecord) -> None:
        values = (upload_id, part.part, part.etag, part.size, part.mime, part.location, part.created)

        def work(db: sqlite3.Connection) -> None:
            if not _one(db, "SELECT 1 FROM uploads WHERE upload_id = ?", upload_id):
                raise errors.UploadNotFound()
            insert = f"INSERT INTO parts (upload_id, {PART}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            if not db.execute(insert, values).rowcount:
                raise errors.PartExists()

        await self._write(work)

    async def parts(self, upload_id: str, first: int, limit: int | None) -> builtins.list[PartRecord]:
        query = f"SELECT {PART} FROM parts WHERE upload_id = ? AND part >= ? ORDER BY part"
        rows = (
            await self._all(query, upload_id, first)
            if limit is None
            else await self._all(query + " LIMIT ?", upload_id, first, max(0, limit))
        )
        return [PartRecord(*row) for row in rows]

    async def count_parts(self, upload_id: str) -> int:
        return int((await self._all("SELECT COUNT(*) FROM parts WHERE upload_id = ?", upload_id))[0][0])

    async def finish(
        self, upload_id: str, record: ObjectRecord, *, overwrite: bool = True, parts: int | None = None
    ) -> builtins.list[str]:
        def work(db: sqlite3.Connection) -> list[str]:
            found = _one(db, "SELECT COUNT(*) FROM parts WHERE upload_id = ?", upload_id)
            if _forget_upload(db, upload_id) is None:
                raise errors.UploadNotFound(key=record.key)
            if parts is not None and found != (parts,):
                raise errors.InvalidPartList(STALE)
            return _put(db, record, overwrite)

        return await self._write(work)

    async def abort(self, upload_id: str, before: int | None = None) -> str | None:
        def work(db: sqlite3.Connection) -> str | None:
            if before is not None and not _one(db, IS_STALE.format(one="?1", two="?2"), upload_id, before):
                return None
            return _forget_upload(db, upload_id)

        return await self._write(work, frees=True)

    # Garbage

    async def named(self, names: Iterable[str]) -> set[str]:
        asked, found = list(dict.fromkeys(names)), set[str]()
        for first in range(0, len(asked), NAMES_AT_ONCE):
            batch = asked[first : first + NAMES_AT_ONCE]
            marks = ", ".join("?" * len(batch))
            # One statement, so one snapshot: between two a finish would turn a draft into a blob, seen by neither.
            query = (
                f"SELECT blob FROM objects WHERE blob IN ({marks}) UNION ALL "
                f"SELECT draft FROM uploads WHERE draft IN ({marks})"
            )
            found.update(name for (name,) in await self._all(query, *batch, *batch))
        return found

    # Connections

    def _open(self, create: bool) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        if not create and not self._path.is_file():
            raise Absent(f"there is no catalog {self._path}")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # never open and close one that exists: that drops SQLite's locks
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.ExitStack() as stack:
            writes = stack.enter_context(contextlib.closing(_connect(self._path, self._patience)))
            if not self._path.stat().st_size:  # of a database that has pages, VACUUM alone changes it
                writes.execute(f"PRAGMA auto_vacuum = {upkeep.INCREMENTAL}")
            _use_wal(writes, self._patience)
            writes.execute(f"PRAGMA synchronous = {'FULL' if self._fsync else 'NORMAL'}")
            if self._fsync:  # macOS: F_FULLFSYNC; of no effect elsewhere
                writes.execute("PRAGMA fullfsync = ON")
            _migrate(writes)
            reads = stack.enter_context(contextlib.closing(_connect(self._path, 0)))  # the loop does not wait in it
            reads.execute("PRAGMA query_only = ON")
            stack.pop_all()
        return reads, writes

    def _readable(self) -> sqlite3.Connection:
        if self._reads is None:
            raise RuntimeError("the catalog is not open")
        return self._reads

    async def _all(self, query: str, *values: object) -> builtins.list[Row]:
        """All rows at once: a cursor left open would hold a read transaction."""
        return await self._read(lambda db: db.execute(query, values).fetchall())

    async def _read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """What ``look`` finds, at once and here.  If the database is locked it is tried again, and the loop goes on."""
        deadline = None
        while self._freeing is None:
            try:
                return look(self._readable())
            except Exception as failure:
                if not is_locked(failure):
                    found = told(failure)
                    if found is failure:
                        raise
                    raise found from failure
                if str(failure) == PROTOCOL:
                    self.refuse()
            now = time.monotonic()
            deadline = deadline or now + self._patience
            if now > deadline:
                break
            await asyncio.sleep(AGAIN)
        raise held()

    def refuse(self) -> None:
        """Refuse reads until one works on a thread: each would hold up the loop for ten seconds."""
        if self._freeing is None:
            self._freeing = asyncio.ensure_future(self._until_free())

    async def _until_free(self) -> None:
        with contextlib.suppress(Exception):  # what else is wrong the next read says
            while True:
                with contextlib.suppress(Unreachable):
                    await self.apart(_peek)
                    break
                await asyncio.sleep(AGAIN)
        self._freeing = None

    async def apart(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """What ``look`` finds, on a thread and a connection of its own."""
        self._readable()

        def work() -> T:
            with telling(), contextlib.closing(_connect(self._path, self._patience)) as db:
                return look(db)

        return await asyncio.to_thread(work)

    async def write(self, work: Work[T], *, frees: bool = False) -> T:
        return await self._write(work, frees=frees)

    async def _write(self, work: Work[T], *, frees: bool = False) -> T:
        """``frees``: it leaves more room than it found."""
        if self._writes is None:
            raise RuntimeError("the catalog is not open")
        return await self._writes.ask(work, frees=frees)

    async def _write_space(self, work: Work[T], *, frees: bool = False) -> T:
        """``_write`` for what changes a space."""
        if self._writes is None or self._mark is None:
            raise RuntimeError("the catalog is not open")
        return await self._writes.ask(work, self._mark.move, frees=frees)


# Connections


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)


def _use_wal(db: sqlite3.Connection, patience: float) -> None:
    """Switching does not wait for other connections by itself, as all else does."""
    deadline = time.monotonic() + patience
    while True:
        try:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as failure:
            if "locked" not in str(failure) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise Unfit(f"SQLite cannot use a write-ahead log here, its journal stays {mode!r}")
        return


def _migrate(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),):
        return  # and a program that holds the lock keeps nobody from starting
    db.execute("BEGIN IMMEDIATE")  # of several programs that start at once, one migrates
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise Unfit(f"the catalog has schema {version}, this program knows {len(MIGRATIONS)}: it is too old")
        for statement in statements(version, postgres=False):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _try_write(db: sqlite3.Connection) -> None:
    """A write that changes nothing, and a read.  A newer program may have migrated, and this one still answers."""
    db.execute("BEGIN IMMEDIATE")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute(f"PRAGMA user_version = {version}")
    db.execute("COMMIT")
    _peek(db)


def _peek(db: sqlite3.Connection) -> None:
    db.execute("SELECT 1 FROM spaces LIMIT 1").fetchall()


# Steps of a transaction


def _one(db: sqlite3.Connection, query: str, *values: object) -> Row | None:
    row: Row | None = db.execute(query, values).fetchone()
    return row


def _require_space(db: sqlite3.Connection, space_id: str) -> None:
    if not _one(db, "SELECT 1 FROM spaces WHERE space_id = ?", space_id):
        raise errors.SpaceNotFound()


def _object_row(db: sqlite3.Connection, space_id: str, key: bytes) -> Row | None:
    return _one(db, f"SELECT {OBJECT} FROM objects WHERE space_id = ? AND key = ?", space_id, key)


def _same(row: Row | None, record: ObjectRecord) -> bool:
    """Whether the object has the bytes of the record still."""
    return row is not None and row[2:4] == (record.size, record.etag) and row[5] == record.blob


def _unchanged(row: Row | None, record: ObjectRecord) -> bool:
    return row == object_row(record, record.created)


def _put(db: sqlite3.Connection, record: ObjectRecord, overwrite: bool) -> list[str]:
    place = (record.space_id, record.key.encode())
    _require_space(db, record.space_id)
    old = _object_row(db, *place)
    if old and not overwrite:
        raise errors.AlreadyExists(key=record.key)
    created = old[8] if old else record.created
    db.execute(PUT, object_row(record, created))
    if record.blob is None:
        db.execute(PUT_SMALL, (*place, record.inline or b""))
    elif old and old[5] is None:
        db.execute("DELETE FROM small WHERE space_id = ? AND key = ?", place)
    return _unnamed(db, old[5]) if old else []


def _drop(db: sqlite3.Connection, row: Row) -> list[str]:
    """Remove the object of this row; the blobs that no object names any more."""
    db.execute("DELETE FROM objects WHERE space_id = ? AND key = ?", row[:2])
    if row[5] is None:
        db.execute("DELETE FROM small WHERE space_id = ? AND key = ?", row[:2])
    return _unnamed(db, row[5])


def _unnamed(db: sqlite3.Connection, blob: str | None) -> list[str]:
    if blob is None or _one(db, "SELECT 1 FROM objects WHERE blob = ? LIMIT 1", blob):
        return []
    return [blob]


def _forget_upload(db: sqlite3.Connection, upload_id: str) -> str | None:
    row = _one(db, "SELECT draft FROM uploads WHERE upload_id = ?", upload_id)
    if row is None:
        return None
    db.execute("DELETE FROM parts WHERE upload_id = ?", (upload_id,))
    db.execute("DELETE FROM uploads WHERE upload_id = ?", (upload_id,))
    return str(row[0])
