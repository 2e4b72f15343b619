"""Catalog in SQLite.

Reads run on the loop, on one connection: a lookup takes less time than a hop to a thread.  Writes go to one thread,
which takes all waiting writes, runs each in a savepoint of one transaction and commits once: 32 writers share a sync.
In WAL mode reads continue meanwhile, and several processes may use one file.

A read transaction prevents the log from restarting, so each is short: a query over all rows reads page by page.
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
from math import inf
from pathlib import Path
from typing import TypeVar

from uvideo._core import errors
from uvideo.storage import sqlite_upkeep as upkeep
from uvideo.storage.base import (
    DAY,
    Absent,
    Compacted,
    DayUsage,
    KeyRecord,
    ObjectRecord,
    PartRecord,
    SpaceRecord,
    TokenRecord,
    Unreachable,
    Unusable,
)
from uvideo.storage.change_mark import Mark
from uvideo.storage.disk_reserve import Reserve
from uvideo.storage.group_commit import Committer, Work, held, is_locked, telling, told
from uvideo.storage.schema import (
    KEY,
    MIGRATIONS,
    NAMED,
    NAMES,
    PART,
    PUT,
    PUT_SMALL,
    TOKEN,
    Row,
    in_sqlite,
    insert,
    statements,
    token_of,
)
from uvideo.storage.sql_catalog import Looks, SqlCatalog, Steps, Terms, by_day, changed, sums

__all__ = ["SqliteCatalog"]

T = TypeVar("T")

PATIENCE = 4.0  # seconds a write waits for another process, so that its answer comes within 5 s
AGAIN = 0.01  # seconds between two attempts to read; a read waits only while another process recovers the log
BRIEF = 0.5  # seconds that a read waits for a thread to find out whether there is a lock at all
PROTOCOL = "locking protocol"  # SQLite's message after 10 s of attempts, whatever its busy timeout
NAMES_AT_ONCE = 500
PROBLEMS = 20  # lines reported about a damaged file
SPACES_KEPT = 1000  # cached spaces
ROWS, UPLOADS = 10_000, 200  # read in one transaction; an upload has many parts
#: The key columns of a table, and a value below all keys.
PAGES: dict[str, tuple[str, Row]] = {
    "objects": ("space_id, key", ("", b"")),
    "parts": ("upload_id, part", ("", -1)),
    "s3_parts": ("upload_id, number", ("", -1)),
    "uploads": ("uploads.upload_id", ("",)),
    "flux": ("space_id, day", ("", -1)),
    "spaces": ("space_id", ("",)),
}

INSERT_PART = in_sqlite(f"{insert('parts', f'upload_id, {PART}')} ON CONFLICT DO NOTHING")


class SqliteCatalog(SqlCatalog):
    """Catalog in the file ``path`` (created with mode 0600, its folder 0700) and its companions -wal and -shm.

    ``fsync=False``: synchronous is NORMAL instead of FULL.  A loss of power may then undo the last writes, but the
    database stays intact.  OFF could damage it and would save little, as NORMAL syncs only at checkpoints.
    ``patience``: seconds that a write waits while another program holds the lock.
    """

    LOOKS = (10**6, 1)  # a row that is not used is not read
    BY_BLOB = "INDEXED BY objects_blob"
    BY_UNREAD = "INDEXED BY objects_unread"

    def __init__(self, path: Path, *, fsync: bool = True, patience: float = PATIENCE) -> None:
        super().__init__()
        self._path = Path(path)
        self._patience = min(patience, PATIENCE)
        self._fsync = fsync
        self._reserve = Reserve(self._path.with_name(self._path.name + "-reserve"))
        self._reads: sqlite3.Connection | None = None
        self._writes: Committer | None = None
        self._mark: Mark | None = None
        self._spaces: dict[tuple[str, str], tuple[int, SpaceRecord | None]] = {}
        self._checking: asyncio.Future[None] | None = None
        self._freeing: asyncio.Task[None] | None = None  # set while reads are refused

    async def start(self, *, create: bool = True) -> None:
        if self._writes is not None:
            return
        with telling():
            try:
                reads, writes = await asyncio.to_thread(self._open, create)
            except sqlite3.Error as failure:  # on a full disk even reading needs some space
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
        """As the contract, on a thread: a lock may block a read as well.  Concurrent callers share one result."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self.apart(_try_write))
        await asyncio.shield(self._checking)

    async def problems(self) -> builtins.list[str]:
        """As the contract.  This check cannot run page by page: the log grows meanwhile and is truncated afterwards."""
        lines = await self.apart(lambda db: db.execute(f"PRAGMA integrity_check({PROBLEMS})").fetchall())
        return [str(line) for (line,) in lines] if lines != [("ok",)] else []

    async def upkeep(self) -> None:
        await upkeep.upkeep(self._path, self)

    async def compact(self) -> Compacted:
        return await self.apart(lambda db: upkeep.compact(self._path, db))

    # Spaces

    async def _space(self, query: str, name: str) -> SpaceRecord | None:
        """The space that the query finds, cached until a process changes any space: every request needs one."""
        if self._mark is None:
            raise RuntimeError("the catalog is not open")
        mark, known = self._mark.value(), self._spaces.get((query, name))
        if known is not None and known[0] == mark:
            return known[1]
        space = await super()._space(query, name)
        if len(self._spaces) >= SPACES_KEPT:
            self._spaces.clear()
        self._spaces[query, name] = mark, space
        return space

    # Uploads

    async def add_part(self, upload_id: str, part: PartRecord) -> None:
        values = (upload_id, part.part, part.etag, part.size, part.mime, part.location, part.created)

        def work(db: sqlite3.Connection) -> None:
            if not db.execute("SELECT 1 FROM uploads WHERE upload_id = ? AND s3 = ''", (upload_id,)).fetchone():
                raise errors.UploadNotFound()
            if not db.execute(INSERT_PART, values).rowcount:
                raise errors.PartExists()

        await self._write(work)

    # Tokens and key pairs

    async def reencrypt(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        def work(db: sqlite3.Connection) -> tuple[int, int]:
            tokens = changed(map(token_of, db.execute(f"SELECT {TOKEN} FROM tokens").fetchall()), change)
            keys = changed((KeyRecord(*row) for row in db.execute(f"SELECT {KEY} FROM keys").fetchall()), change)
            db.executemany("UPDATE tokens SET private = ? WHERE public = ?", tokens)
            db.executemany("UPDATE keys SET private = ? WHERE public = ?", keys)
            return len(tokens), len(keys)

        return await self._write(work)

    # Usage

    async def usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        made = f"SELECT MAX($1, created / {DAY}), SUM(size), 0, 0 FROM objects WHERE {{page}} GROUP BY 1"
        flux = "SELECT day, 0, sent, received FROM flux WHERE space_id = $1 AND day BETWEEN $2 AND $3"

        def work() -> Steps[builtins.list[DayUsage]]:
            rows = list[Row]()
            for space_id in dict.fromkeys(space_ids):
                rows += yield from self._paged(made, (first,), "objects", space_id=space_id, fold=_by_first)
                rows += yield flux, (space_id, first, last)
                rows = _by_first(rows)
            return by_day(first, last, rows)

        return await self._report(work)

    def _paged(
        self,
        query: str,
        values: Row,
        table: str,
        enough: float = inf,
        *,
        space_id: str | None = None,
        fold: Callable[[builtins.list[Row]], builtins.list[Row]] = lambda rows: rows,
    ) -> Steps[builtins.list[Row]]:
        """Reads page by page: one transaction over all rows would let the log grow.

        ``space_id``: only rows of that space.  ``fold``: reduces the rows after each page.
        """
        (key, after), count = PAGES[table], UPLOADS if table == "uploads" else ROWS
        only, one = "", Row()
        if space_id is not None:
            only, one, key, after = "space_id = ? AND ", (space_id,), key.removeprefix("space_id, "), after[1:]
        marks = ", ".join("?" * len(after))
        beyond, rows, more = f"{only}({key}) > ({marks})", list[Row](), True
        while more and len(rows) < enough:
            page, bounds = beyond, (*one, *after)
            found = yield f"SELECT {key} FROM {table} WHERE {beyond} ORDER BY {key} LIMIT 1 OFFSET {count - 1}", bounds
            if found:
                after = found[0]
                page, bounds = f"{beyond} AND ({key}) <= ({marks})", (*bounds, *after)
            rows += yield query.replace("{page}", page), (*values, *bounds)
            rows, more = fold(rows), bool(found)
        return rows

    # Garbage

    async def named(self, names: Iterable[str]) -> set[str]:
        asked, found = list(dict.fromkeys(names)), set[str]()
        for first in range(0, len(asked), NAMES_AT_ONCE):
            batch = asked[first : first + NAMES_AT_ONCE]
            marks = ", ".join("?" * len(batch))
            # One statement, so one snapshot: between two, a finish could turn a draft into a blob, seen by neither.
            query = (
                f"SELECT blob FROM objects WHERE blob IN ({marks}) UNION ALL "
                f"SELECT blob FROM part_blobs WHERE blob IN ({marks}) UNION ALL "
                f"SELECT draft FROM uploads WHERE draft IN ({marks})"
            )
            found.update(name for (name,) in await self._all(query, *batch, *batch, *batch))
        return found

    # Connections

    def _open(self, create: bool) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        if not create and not self._path.is_file():
            raise Absent(f"there is no catalog {self._path}")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # never open and close an existing file: that drops SQLite's locks
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.ExitStack() as stack:
            writes = stack.enter_context(contextlib.closing(_connect(self._path, self._patience)))
            if not self._path.stat().st_size:  # once the database has pages, only VACUUM changes this
                writes.execute(f"PRAGMA auto_vacuum = {upkeep.INCREMENTAL}")
            _use_wal(writes, self._patience)
            writes.execute(f"PRAGMA synchronous = {'FULL' if self._fsync else 'NORMAL'}")
            if self._fsync:  # macOS: F_FULLFSYNC; no effect elsewhere
                writes.execute("PRAGMA fullfsync = ON")
            _migrate(writes)
            reads = stack.enter_context(contextlib.closing(_connect(self._path, 0)))  # the loop never waits
            reads.execute("PRAGMA query_only = ON")
            stack.pop_all()
        return reads, writes

    def _readable(self) -> sqlite3.Connection:
        if self._reads is None:
            raise RuntimeError("the catalog is not open")
        return self._reads

    async def _all(self, query: str, *values: object) -> builtins.list[Row]:
        """Fetches all rows at once: an open cursor would keep the read transaction open."""
        return await self._read(lambda db: db.execute(in_sqlite(query), values).fetchall())

    async def _browse(self, steps: Callable[[], Looks[T]]) -> T:
        return await self._read(lambda db: _looked(db, steps()))

    async def _change(self, query: str, *values: object, of_space: bool = False) -> int:
        return await self._write(lambda db: db.execute(in_sqlite(query), values).rowcount, of_space=of_space)

    async def _transact(self, steps: Callable[[], Steps[T]], terms: Terms) -> T:
        """Takes no locks: SQLite runs one write transaction at a time."""
        return await self._write(lambda db: _ran(db, steps()), frees=terms.frees, of_space=terms.of_space)

    async def _report(self, steps: Callable[[], Steps[T]]) -> T:
        return await self.apart(lambda db: _ran(db, steps()))

    def _store(self, record: ObjectRecord, values: Row, old: Row | None, named: bool) -> Steps[None]:
        yield PUT, values
        if record.blob is None:
            yield PUT_SMALL, (*values[:2], record.inline or b"")
        elif old and old[5] is None:
            yield "DELETE FROM small WHERE space_id = $1 AND key = $2", values[:2]

    def _unnamed(self, blob: str) -> Steps[bool]:
        return not (yield NAMES, (blob, blob))

    def _many(self, values: Sequence[object]) -> object:
        return json.dumps(values)

    def _name(self, blobs: Sequence[str]) -> Steps[None]:
        yield from ()

    def _lock_names(self, blobs: Sequence[str]) -> Steps[None]:
        yield from ()

    def _unnamed_blobs(self, blobs: Sequence[str]) -> Steps[builtins.list[str]]:
        among = self._many(blobs)
        rows = yield NAMED.format(self.AMONG.format(1), self.AMONG.format(2)), (among, among)
        named = {blob for blob, _ in rows}
        return [blob for blob in blobs if blob not in named]

    async def _change_each(self, query: str, rows: Sequence[Row]) -> None:
        await self._write(lambda db: db.executemany(in_sqlite(query), rows).rowcount)

    async def _read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """The result of ``look``, run on the loop.  If the database is locked, retry without blocking the loop."""
        deadline = None
        if self._freeing is not None:  # a busy machine looks like a lock, but is free at once
            await asyncio.wait([self._freeing], timeout=BRIEF)
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
        """Refuse reads until one succeeds on a thread: each could block the loop for ten seconds."""
        if self._freeing is None:
            self._freeing = asyncio.ensure_future(self._until_free())

    async def _until_free(self) -> None:
        with contextlib.suppress(Exception):  # the next read reports any other failure
            while True:
                with contextlib.suppress(Unreachable):
                    await self.apart(_peek)
                    break
                await asyncio.sleep(AGAIN)
        self._freeing = None

    async def apart(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """The result of ``look``, on a thread with its own connection."""
        self._readable()

        def work() -> T:
            with telling(), contextlib.closing(_connect(self._path, self._patience)) as db:
                return look(db)

        return await asyncio.to_thread(work)

    async def write(self, work: Work[T], *, frees: bool = False) -> T:
        return await self._write(work, frees=frees)

    async def _write(self, work: Work[T], *, frees: bool = False, of_space: bool = False) -> T:
        """``frees``: it frees disk space.  ``of_space``: it changes rows of spaces."""
        if self._writes is None or self._mark is None:
            raise RuntimeError("the catalog is not open")
        return await self._writes.ask(work, self._mark.move if of_space else None, frees=frees)


def _by_first(rows: Iterable[Row]) -> list[Row]:
    return [(name, *counts) for name, counts in sums(rows).items()]


def _ran(db: sqlite3.Connection, running: Steps[T]) -> T:
    try:
        query, values = next(running)
        while True:
            query, values = running.send(db.execute(in_sqlite(query), values).fetchall())
    except StopIteration as end:
        result: T = end.value
        return result


def _looked(db: sqlite3.Connection, looking: Looks[T]) -> T:
    try:
        query, values = next(looking)
        while True:
            with contextlib.closing(db.execute(in_sqlite(query), values)) as rows:  # open, it would keep the snapshot
                query, values = looking.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result


# Connections


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)


def _use_wal(db: sqlite3.Connection, patience: float) -> None:
    """Switch to WAL.  SQLite's busy timeout does not apply to this switch, so it is retried here."""
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
            raise Unusable(f"SQLite cannot use a write-ahead log here, its journal stays {mode!r}")
        return


def _migrate(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),):
        return  # a program that holds the lock does not prevent a start
    db.execute("BEGIN IMMEDIATE")  # if several programs start at once, one migrates
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise Unusable(f"the catalog has schema {version}, this program knows {len(MIGRATIONS)}: it is too old")
        for statement in statements(version, postgres=False):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _try_write(db: sqlite3.Connection) -> None:
    """A write that changes nothing, and a read.  Succeeds even after a newer program has migrated the database."""
    db.execute("BEGIN IMMEDIATE")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute(f"PRAGMA user_version = {version}")
    db.execute("COMMIT")
    _peek(db)


def _peek(db: sqlite3.Connection) -> None:
    db.execute("SELECT 1 FROM spaces LIMIT 1").fetchall()
