"""What a PostgreSQL catalog keeps beside the objects: tokens, key pairs, and what was read from each space."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence

from uvideo._core import errors
from uvideo.storage.base import DAY, Census, DayUsage, Holding, KeyRecord, OpenUploads, StaleUpload, TokenRecord
from uvideo.storage.postgres_connections import Connections, Lock, Session
from uvideo.storage.schema import (
    CENSUS,
    HELD_FLUX,
    HELD_OBJECTS,
    HELD_UPLOADS,
    KEY,
    OPEN_UPLOADS,
    OWNERS,
    RETIRE,
    STALE_UPLOADS,
    TOKEN,
    Held,
    token_of,
)
from uvideo.storage.sqlite_accounts import changed, flux_of, token_row

__all__ = ["PostgresAccounts"]

LONG = 3600.0  # seconds that reading every object may take
MARKS = ", ".join(f"${number + 1}" for number in range(len(TOKEN.split(", "))))


class PostgresAccounts:
    """The part of ``PostgresCatalog`` that is about tokens, key pairs and usage."""

    _db: Connections

    # Tokens

    async def create_token(self, token: TokenRecord, limit: int) -> None:
        async def work(db: Session) -> None:
            if await db.fetchval("SELECT COUNT(*) FROM tokens WHERE owner = $1", token.owner) >= limit:
                raise errors.TooManyTokens()
            await db.execute(f"INSERT INTO tokens ({TOKEN}) VALUES ({MARKS})", *token_row(token))

        await self._db.transaction(work, Lock("tokens", token.owner))

    async def token(self, public: str) -> TokenRecord | None:
        row = await self._db.one(f"SELECT {TOKEN} FROM tokens WHERE public = $1", public)
        return token_of(row) if row else None

    async def tokens(self, owner: str) -> builtins.list[TokenRecord]:
        query = f"SELECT {TOKEN} FROM tokens WHERE owner = $1 ORDER BY created, token_id"
        return [token_of(row) for row in await self._db.all(query, owner)]

    async def update_token(self, token: TokenRecord) -> None:
        row = dict(zip(TOKEN.split(", "), token_row(token), strict=True))
        del row["private"]  # what was read before may be sealed anew by now
        marks = ", ".join(f"${number + 1}" for number in range(len(row)))
        changes = f"UPDATE tokens SET ({', '.join(row)}) = ({marks}) WHERE token_id = $1 AND owner = $2"
        if not await self._db.change(changes, *row.values()):
            raise errors.TokenNotFound()

    async def delete_token(self, owner: str, token_id: str) -> None:
        if not await self._db.change("DELETE FROM tokens WHERE token_id = $1 AND owner = $2", token_id, owner):
            raise errors.TokenNotFound()

    async def all_tokens(self) -> builtins.list[TokenRecord]:
        rows = await self._db.all(f"SELECT {TOKEN} FROM tokens ORDER BY owner, created, token_id")
        return [token_of(row) for row in rows]

    async def reseal(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        async def work(db: Session) -> tuple[int, int]:
            await db.execute("LOCK TABLE tokens, keys IN SHARE ROW EXCLUSIVE MODE")  # nobody adds or changes one
            tokens = changed(map(token_of, await db.fetch(f"SELECT {TOKEN} FROM tokens", timeout=LONG)), change)
            keys = changed([KeyRecord(*row) for row in await db.fetch(f"SELECT {KEY} FROM keys", timeout=LONG)], change)
            for table, rows in (("tokens", tokens), ("keys", keys)):
                await db.executemany(f"UPDATE {table} SET private = $1 WHERE public = $2", rows, timeout=LONG)
            return len(tokens), len(keys)

        return await self._db.transaction(work, seconds=LONG)

    # Programs

    async def oldest_program(self) -> int:
        ((schema,),) = await self._db.all("SELECT schema FROM oldest")
        return int(schema)

    async def retire_older(self) -> None:
        await self._db.change(RETIRE)

    # Key pairs

    async def add_key(self, key: KeyRecord) -> bool:
        insert = f"INSERT INTO keys ({KEY}) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        return await self._db.change(insert, key.public, key.owner, key.private, key.created) > 0

    async def key(self, public: str) -> KeyRecord | None:
        row = await self._db.one(f"SELECT {KEY} FROM keys WHERE public = $1", public)
        return KeyRecord(*row) if row else None

    async def keys(self) -> builtins.list[KeyRecord]:
        return [KeyRecord(*row) for row in await self._db.all(f"SELECT {KEY} FROM keys ORDER BY created, public")]

    async def remove_key(self, public: str) -> bool:
        return await self._db.change("DELETE FROM keys WHERE public = $1", public) > 0

    # Usage

    async def add_flux(self, day: int, sent: Mapping[str, int], received: Mapping[str, int] | None = None) -> None:
        rows = [(day, *counts, name) for name, *counts in flux_of(sent, received)]

        async def work(db: Session) -> None:
            await db.executemany(
                "INSERT INTO flux (space_id, day, sent, received) "
                "SELECT space_id, $1::BIGINT, $2::BIGINT, $3::BIGINT FROM spaces WHERE name = $4 "
                "ON CONFLICT (space_id, day) DO UPDATE SET sent = flux.sent + excluded.sent, "
                "received = flux.received + excluded.received",
                rows,
            )

        await self._db.transaction(work)

    async def census(self) -> Census:
        ((*counts,),) = await self._db.all(CENSUS, seconds=LONG)
        return Census(*counts)

    async def open_uploads(self, before: int) -> OpenUploads:
        query = OPEN_UPLOADS.format(mark="$1::BIGINT", where="")
        ((*counts,),) = await self._db.all(query, before, seconds=LONG)
        return OpenUploads(*counts)

    async def stale_uploads(self, before: int, limit: int, space_id: str | None = None) -> builtins.list[StaleUpload]:
        query = STALE_UPLOADS.format(
            mark="$1::BIGINT", where="WHERE ($3::TEXT IS NULL OR uploads.space_id = $3)", limit="$2"
        )
        rows = await self._db.all(query, before, limit, space_id, seconds=LONG)
        return [StaleUpload(upload_id, space, owner, key.decode()) for upload_id, space, owner, key in rows]

    async def holdings(self) -> builtins.list[Holding]:
        held = Held()
        for first, query in ((0, HELD_OBJECTS), (2, HELD_UPLOADS), (4, HELD_FLUX)):
            held.add(first, await self._db.all(query.format(where=""), seconds=LONG))
        return held.of(await self._db.all(OWNERS.format(where=""), seconds=LONG))

    async def usage(self, space_ids: Sequence[str], first: int, last: int) -> builtins.list[DayUsage]:
        asked = list(dict.fromkeys(space_ids))
        made = (
            f"SELECT GREATEST($2, created / {DAY}), SUM(size)::BIGINT FROM objects WHERE space_id = ANY($1) GROUP BY 1"
        )
        stored: dict[int, int] = dict(await self._db.all(made, asked, first, seconds=LONG))
        read = await self._db.all(
            "SELECT day, SUM(sent)::BIGINT, SUM(received)::BIGINT FROM flux "
            "WHERE space_id = ANY($1) AND day BETWEEN $2 AND $3 GROUP BY 1",
            *(asked, first, last),
        )
        flux = {day: (sent, received) for day, sent, received in read}
        found, there = [], 0
        for day in range(first, last + 1):
            there += stored.get(day, 0)
            found.append(DayUsage(day, there, *flux.get(day, (0, 0))))
        return found
