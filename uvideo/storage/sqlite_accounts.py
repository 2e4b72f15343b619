"""What a SQLite catalog keeps beside the objects: tokens, key pairs, and what was read from each space."""

from __future__ import annotations

import builtins
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from uvideo._core import errors
from uvideo.storage.base import DAY, Census, DayUsage, Holding, KeyRecord, OpenUploads, StaleUpload, TokenRecord
from uvideo.storage.group_commit import Work
from uvideo.storage.schema import (
    HELD_FLUX,
    HELD_OBJECTS,
    HELD_UPLOADS,
    KEY,
    MIGRATIONS,
    OPEN_UPLOADS,
    OWNERS,
    RETIRE,
    STALE_UPLOADS,
    TOKEN,
    Held,
    Row,
    token_of,
)

__all__ = ["Accounts", "changed", "flux_of", "token_row"]

T = TypeVar("T")

ROWS, UPLOADS = 10_000, 200  # read in one transaction; an upload has many parts
BESIDE = """
    SELECT (SELECT COUNT(*) FROM spaces), (SELECT COUNT(*) FROM uploads),
    (SELECT COUNT(*) FROM blobs WHERE since > 0)"""


class Accounts:
    """The part of ``SqliteCatalog`` that is about tokens, key pairs and usage."""

    # What SqliteCatalog has

    async def _all(self, query: str, *values: object) -> builtins.list[Row]:
        raise NotImplementedError

    async def _write(self, work: Work[T]) -> T:
        raise NotImplementedError

    async def apart(self, look: Callable[[sqlite3.Connection], T]) -> T:
        raise NotImplementedError

    # Tokens

    async def create_token(self, token: TokenRecord, limit: int) -> None:
        values = token_row(token)

        def work(db: sqlite3.Connection) -> None:
            (count,) = db.execute("SELECT COUNT(*) FROM tokens WHERE owner = ?", (token.owner,)).fetchone()
            if count >= limit:
                raise errors.TooManyTokens()
            db.execute(f"INSERT INTO tokens ({TOKEN}) VALUES ({', '.join('?' * len(values))})", values)

        await self._write(work)

    async def token(self, public: str) -> TokenRecord | None:
        for row in await self._all(f"SELECT {TOKEN} FROM tokens WHERE public = ?", public):
            return token_of(row)
        return None

    async def tokens(self, owner: str) -> builtins.list[TokenRecord]:
        query = f"SELECT {TOKEN} FROM tokens WHERE owner = ? ORDER BY created, token_id"
        return [token_of(row) for row in await self._all(query, owner)]

    async def update_token(self, token: TokenRecord) -> None:
        row = dict(zip(TOKEN.split(", "), token_row(token), strict=True))
        del row["private"]  # what was read before may be sealed anew by now
        changes = ", ".join(f"{name} = ?" for name in row)

        def work(db: sqlite3.Connection) -> None:
            where = "WHERE token_id = ? AND owner = ?"
            updated = db.execute(f"UPDATE tokens SET {changes} {where}", (*row.values(), token.token_id, token.owner))
            if not updated.rowcount:
                raise errors.TokenNotFound()

        await self._write(work)

    async def delete_token(self, owner: str, token_id: str) -> None:
        def work(db: sqlite3.Connection) -> None:
            gone = db.execute("DELETE FROM tokens WHERE token_id = ? AND owner = ?", (token_id, owner))
            if not gone.rowcount:
                raise errors.TokenNotFound()

        await self._write(work)

    async def all_tokens(self) -> builtins.list[TokenRecord]:
        return [
            token_of(row) for row in await self._all(f"SELECT {TOKEN} FROM tokens ORDER BY owner, created, token_id")
        ]

    async def reseal(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        def work(db: sqlite3.Connection) -> tuple[int, int]:
            tokens = changed(map(token_of, db.execute(f"SELECT {TOKEN} FROM tokens").fetchall()), change)
            keys = changed((KeyRecord(*row) for row in db.execute(f"SELECT {KEY} FROM keys").fetchall()), change)
            db.executemany("UPDATE tokens SET private = ? WHERE public = ?", tokens)
            db.executemany("UPDATE keys SET private = ? WHERE public = ?", keys)
            return len(tokens), len(keys)

        return await self._write(work)

    # Programs

    async def oldest_program(self) -> int:
        ((schema,),) = await self._all("SELECT schema FROM oldest")
        return int(schema)

    async def retire_older(self) -> None:
        if await self.oldest_program() != len(MIGRATIONS):  # a server starts while another program holds the lock
            await self._write(lambda db: db.execute(RETIRE))

    # Key pairs

    async def add_key(self, key: KeyRecord) -> bool:
        values = (key.public, key.owner, key.private, key.created)
        insert = f"INSERT INTO keys ({KEY}) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return await self._write(lambda db: db.execute(insert, values).rowcount > 0)

    async def key(self, public: str) -> KeyRecord | None:
        for row in await self._all(f"SELECT {KEY} FROM keys WHERE public = ?", public):
            return KeyRecord(*row)
        return None

    async def keys(self) -> builtins.list[KeyRecord]:
        return [KeyRecord(*row) for row in await self._all(f"SELECT {KEY} FROM keys ORDER BY created, public")]

    async def remove_key(self, public: str) -> bool:
        return await self._write(lambda db: db.execute("DELETE FROM keys WHERE public = ?", (public,)).rowcount > 0)

    # Usage

    async def add_flux(self, day: int, sent: Mapping[str, int], received: Mapping[str, int] | None = None) -> None:
        rows = [(day, *counts, name) for name, *counts in flux_of(sent, received)]

        def work(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO flux (space_id, day, sent, received) SELECT space_id, ?, ?, ? FROM spaces WHERE name = ? "
                "ON CONFLICT (space_id, day) DO UPDATE SET sent = sent + excluded.sent, "
                "received = received + excluded.received",
                rows,
            )

        await self._write(work)

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
    found, there = list[DayUsage](), 0
    for day in range(first, last + 1):
        there += stored.get(day, 0)
        found.append(DayUsage(day, there, *flux.get(day, (0, 0))))
    return found


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


def flux_of(sent: Mapping[str, int], received: Mapping[str, int] | None) -> builtins.list[tuple[str, int, int]]:
    """(name, sent, received) of each space, in order of the names: so all take the rows in one order."""
    more = received or {}
    return [(name, sent.get(name, 0), more.get(name, 0)) for name in sorted({*sent, *more})]


def changed(
    records: Iterable[TokenRecord] | Iterable[KeyRecord], change: Callable[[TokenRecord | KeyRecord], str | None]
) -> builtins.list[tuple[str, str]]:
    """(new secret, public key) of those that change."""
    found = ((change(record), record.public) for record in records)
    return [(private, public) for private, public in found if private is not None]


def token_row(token: TokenRecord) -> Row:
    """In the order of TOKEN."""
    rights = json.dumps([token.ops, token.prefixes, token.spaces, token.black_ips, token.white_ips])
    return (
        *(token.token_id, token.owner, token.name, token.public, token.private, token.region, rights),
        *(token.expires, token.created, token.modified),
    )
