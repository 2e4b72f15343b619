"""What a SQLite catalog keeps beside the objects: tokens, key pairs, and what was read from each space."""

from __future__ import annotations

import builtins
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from uvideo.storage.base import DAY, Census, DayUsage, Holding, KeyRecord, OpenUploads, StaleUpload, TokenRecord
from uvideo.storage.group_commit import Work
from uvideo.storage.schema import (
    HELD_FLUX,
    HELD_OBJECTS,
    HELD_UPLOADS,
    KEY,
    OPEN_UPLOADS,
    OWNERS,
    STALE_UPLOADS,
    TOKEN,
    Held,
    Row,
    token_of,
)
from uvideo.storage.sql_catalog import SqlCatalog, by_day, changed

__all__ = ["Accounts"]

T = TypeVar("T")

ROWS, UPLOADS = 10_000, 200  # read in one transaction; an upload has many parts
BESIDE = """
    SELECT (SELECT COUNT(*) FROM spaces), (SELECT COUNT(*) FROM uploads),
    (SELECT COUNT(*) FROM blobs WHERE since > 0)"""


class Accounts(SqlCatalog):
    """The part of ``SqliteCatalog`` that is about tokens, key pairs and usage."""

    # What SqliteCatalog has

    async def _write(self, work: Work[T]) -> T:
        raise NotImplementedError

    async def apart(self, look: Callable[[sqlite3.Connection], T]) -> T:
        raise NotImplementedError

    async def reseal(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        def work(db: sqlite3.Connection) -> tuple[int, int]:
            tokens = changed(map(token_of, db.execute(f"SELECT {TOKEN} FROM tokens").fetchall()), change)
            keys = changed((KeyRecord(*row) for row in db.execute(f"SELECT {KEY} FROM keys").fetchall()), change)
            db.executemany("UPDATE tokens SET private = ? WHERE public = ?", tokens)
            db.executemany("UPDATE keys SET private = ? WHERE public = ?", keys)
            return len(tokens), len(keys)

        return await self._write(work)

    # Usage

    async def census(self) -> Census:
        return await self.apart(_census)

    async def open_uploads(self, before: int) -> OpenUploads:
        return await self.apart(lambda db: _open_uploads(db, before))

    async def stale_uploads(self, before: int, limit: int, space_id: str | None = None) -> builtins.list[StaleUpload]:
        return await self.apart(lambda db: _stale_uploads(db, before, limit, space_id))

    async def holdings(self) -> builtins.list[Holding]:
        return await self.apart(_holdings)

    async def usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        asked = list(dict.fromkeys(space_ids))
        return await self.apart(lambda db: _usage(db, asked, first, last))


# What reads every row, in pages: a transaction as long as all of it would let the log grow.


def _census(db: sqlite3.Connection) -> Census:
    objects = stored = parts = 0
    for page, values in _pages(db, "objects", "space_id, key", ("", b""), ROWS):
        ((count, size),) = db.execute(f"SELECT COUNT(*), COALESCE(SUM(size), 0) FROM objects {page}", values).fetchall()
        objects, stored = objects + count, stored + size
    for page, values in _pages(db, "parts", "upload_id, part", ("", -1), ROWS):
        ((count,),) = db.execute(f"SELECT COUNT(*) FROM parts {page}", values).fetchall()
        parts += count
    ((spaces, uploads, unnamed),) = db.execute(BESIDE).fetchall()
    return Census(spaces, objects, stored, uploads, parts, unnamed)


def _open_uploads(db: sqlite3.Connection, before: int) -> OpenUploads:
    found = [0, 0, 0, 0]
    for page, values in _pages(db, "uploads", "uploads.upload_id", ("",), UPLOADS):
        (counts,) = db.execute(OPEN_UPLOADS.format(mark="?", where=page), (before, *values)).fetchall()
        found = [one + other for one, other in zip(found, counts, strict=True)]
    return OpenUploads(*found)


def _stale_uploads(db: sqlite3.Connection, before: int, limit: int, space_id: str | None) -> builtins.list[StaleUpload]:
    found = list[StaleUpload]()
    for page, values in _pages(db, "uploads", "uploads.upload_id", ("",), UPLOADS):
        where, more = (f"{page} AND uploads.space_id = ?", (space_id,)) if space_id is not None else (page, ())
        query = STALE_UPLOADS.format(mark="?", where=where, limit="?")
        for upload_id, space, owner, key in db.execute(
            query, (*values, *more, before, before, limit - len(found))
        ).fetchall():
            found.append(StaleUpload(upload_id, space, owner, key.decode()))
        if len(found) >= limit:
            break
    return found


def _holdings(db: sqlite3.Connection) -> builtins.list[Holding]:
    held = Held()
    for first, query, table, key, after, count in (
        (0, HELD_OBJECTS, "objects", "space_id, key", ("", b""), ROWS),
        (2, HELD_UPLOADS, "uploads", "uploads.upload_id", ("",), UPLOADS),
        (4, HELD_FLUX, "flux", "space_id, day", ("", -1), ROWS),
    ):
        for page, values in _pages(db, table, key, after, count):
            held.add(first, db.execute(query.format(where=page), values).fetchall())
    owners = list[Row]()
    for page, values in _pages(db, "spaces", "space_id", ("",), ROWS):
        owners += db.execute(OWNERS.format(where=page), values).fetchall()
    return held.of(owners)


def _usage(db: sqlite3.Connection, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
    stored, flux = dict[int, int](), dict[int, tuple[int, int]]()
    for space_id in space_ids:
        for page, values in _pages(db, "objects", "key", (b"",), ROWS, space_id):
            made = f"SELECT MAX(?, created / {DAY}), SUM(size) FROM objects {page} GROUP BY 1"
            for day, size in db.execute(made, (first, *values)).fetchall():
                stored[day] = stored.get(day, 0) + size
        read = "SELECT day, sent, received FROM flux WHERE space_id = ? AND day BETWEEN ? AND ?"
        for day, sent, received in db.execute(read, (space_id, first, last)).fetchall():
            before = flux.get(day, (0, 0))
            flux[day] = before[0] + sent, before[1] + received
    return by_day(first, last, stored, flux)


def _pages(
    db: sqlite3.Connection, table: str, key: str, after: Row, count: int, space_id: str | None = None
) -> Iterator[tuple[str, Row]]:
    """WHERE and its values for each page of so many rows, in order of the key, behind ``after``.

    ``space_id``: of that space only.  A row that is there all the while is on one page.
    """
    one: Row = () if space_id is None else (space_id,)
    marks = ", ".join("?" * len(after))
    beyond = f"WHERE {'space_id = ? AND ' if one else ''}({key}) > ({marks})"
    while True:
        query = f"SELECT {key} FROM {table} {beyond} ORDER BY {key} LIMIT 1 OFFSET {count - 1}"
        found = db.execute(query, (*one, *after)).fetchall()
        if not found:
            yield beyond, (*one, *after)
            return
        yield f"{beyond} AND ({key}) <= ({marks})", (*one, *after, *found[0])
        after = found[0]
