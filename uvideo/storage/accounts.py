"""What a SQLite catalog keeps beside the objects: tokens, key pairs, and what was read from each space."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from uvideo._core import errors
from uvideo.storage.base import DAY, Census, DayUsage, KeyRecord, OpenUploads, TokenRecord
from uvideo.storage.committer import Work
from uvideo.storage.schema import CENSUS, KEY, OPEN_UPLOADS, RETIRE, TOKEN, Row, token_of

__all__ = ["Accounts", "token_row"]

T = TypeVar("T")


class Accounts:
    """The part of ``SqliteCatalog`` that is about tokens, key pairs and usage."""

    # What SqliteCatalog has

    def _all(self, query: str, *values: Any) -> builtins.list[Row]:
        raise NotImplementedError

    async def _write(self, work: Work[T]) -> T:
        raise NotImplementedError

    def _another(self) -> sqlite3.Connection:
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
        for row in self._all(f"SELECT {TOKEN} FROM tokens WHERE public = ?", public):
            return token_of(row)
        return None

    async def tokens(self, owner: str) -> builtins.list[TokenRecord]:
        query = f"SELECT {TOKEN} FROM tokens WHERE owner = ? ORDER BY created, token_id"
        return [token_of(row) for row in self._all(query, owner)]

    async def update_token(self, token: TokenRecord) -> None:
        values = token_row(token)
        changes = ", ".join(f"{name} = ?" for name in TOKEN.split(", "))

        def work(db: sqlite3.Connection) -> None:
            where = "WHERE token_id = ? AND owner = ?"
            changed = db.execute(f"UPDATE tokens SET {changes} {where}", (*values, token.token_id, token.owner))
            if not changed.rowcount:
                raise errors.TokenNotFound()

        await self._write(work)

    async def delete_token(self, owner: str, token_id: str) -> None:
        def work(db: sqlite3.Connection) -> None:
            gone = db.execute("DELETE FROM tokens WHERE token_id = ? AND owner = ?", (token_id, owner))
            if not gone.rowcount:
                raise errors.TokenNotFound()

        await self._write(work)

    # Programs

    async def oldest_program(self) -> int:
        ((schema,),) = self._all("SELECT schema FROM oldest")
        return int(schema)

    async def retire_older(self) -> None:
        await self._write(lambda db: db.execute(RETIRE))

    # Key pairs

    async def add_key(self, key: KeyRecord) -> bool:
        values = (key.public, key.owner, key.private, key.created)
        insert = f"INSERT INTO keys ({KEY}) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return await self._write(lambda db: db.execute(insert, values).rowcount > 0)

    async def key(self, public: str) -> KeyRecord | None:
        for row in self._all(f"SELECT {KEY} FROM keys WHERE public = ?", public):
            return KeyRecord(*row)
        return None

    async def keys(self) -> builtins.list[KeyRecord]:
        return [KeyRecord(*row) for row in self._all(f"SELECT {KEY} FROM keys ORDER BY created, public")]

    async def remove_key(self, public: str) -> bool:
        return await self._write(lambda db: db.execute("DELETE FROM keys WHERE public = ?", (public,)).rowcount > 0)

    # Usage

    async def add_flux(self, day: int, sent: Mapping[str, int]) -> None:
        rows = [(day, count, name) for name, count in sent.items()]

        def work(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO flux (space_id, day, sent) SELECT space_id, ?, ? FROM spaces WHERE name = ? "
                "ON CONFLICT (space_id, day) DO UPDATE SET sent = sent + excluded.sent",
                rows,
            )

        await self._write(work)

    async def census(self) -> Census:
        return await asyncio.to_thread(self._census)

    def _census(self) -> Census:
        """On a thread, with a connection of its own, as ``_usage``."""
        with contextlib.closing(self._another()) as db:
            return Census(*db.execute(CENSUS).fetchone())

    async def open_uploads(self, before: int) -> OpenUploads:
        return await asyncio.to_thread(self._open_uploads, before)

    def _open_uploads(self, before: int) -> OpenUploads:
        """On a thread, with a connection of its own, as ``_usage``."""
        with contextlib.closing(self._another()) as db:
            return OpenUploads(*db.execute(OPEN_UPLOADS.format(mark="?"), (before,)).fetchone())

    async def usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        return await asyncio.to_thread(self._usage, list(dict.fromkeys(space_ids)), first, last)

    def _usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        """On a thread, with a connection of its own: it reads every object of these spaces."""
        stored, sent = dict[int, int](), dict[int, int]()
        with contextlib.closing(self._another()) as db:
            for space_id in space_ids:
                made = f"SELECT MAX(?, created / {DAY}), SUM(size) FROM objects WHERE space_id = ? GROUP BY 1"
                for day, size in db.execute(made, (first, space_id)):
                    stored[day] = stored.get(day, 0) + size
                read = "SELECT day, sent FROM flux WHERE space_id = ? AND day BETWEEN ? AND ?"
                for day, count in db.execute(read, (space_id, first, last)):
                    sent[day] = sent.get(day, 0) + count
        found, there = [], 0
        for day in range(first, last + 1):
            there += stored.get(day, 0)
            found.append(DayUsage(day, there, sent.get(day, 0)))
        return found


def token_row(token: TokenRecord) -> Row:
    """In the order of TOKEN."""
    rights = json.dumps([token.ops, token.prefixes, token.spaces, token.black_ips, token.white_ips])
    return (
        *(token.token_id, token.owner, token.name, token.public, token.private, token.region, rights),
        *(token.expires, token.created, token.modified),
    )
