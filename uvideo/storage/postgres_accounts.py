"""What a PostgreSQL catalog keeps beside the objects: tokens, key pairs, and what was read from each space."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence

from uvideo.storage.base import DAY, Census, DayUsage, Holding, KeyRecord, OpenUploads, StaleUpload, TokenRecord
from uvideo.storage.postgres_connections import Connections, Session
from uvideo.storage.schema import (
    CENSUS,
    HELD_FLUX,
    HELD_OBJECTS,
    HELD_UPLOADS,
    KEY,
    OPEN_UPLOADS,
    OWNERS,
    STALE_UPLOADS,
    TOKEN,
    Held,
    token_of,
)
from uvideo.storage.sql_catalog import SqlCatalog, by_day, changed

__all__ = ["PostgresAccounts"]

LONG = 3600.0  # seconds that reading every object may take


class PostgresAccounts(SqlCatalog):
    """The part of ``PostgresCatalog`` that is about tokens, key pairs and usage."""

    _db: Connections

    # Tokens

    async def reseal(self, change: Callable[[TokenRecord | KeyRecord], str | None]) -> tuple[int, int]:
        async def work(db: Session) -> tuple[int, int]:
            await db.execute("LOCK TABLE tokens, keys IN SHARE ROW EXCLUSIVE MODE")  # nobody adds or changes one
            tokens = changed(map(token_of, await db.fetch(f"SELECT {TOKEN} FROM tokens", timeout=LONG)), change)
            keys = changed([KeyRecord(*row) for row in await db.fetch(f"SELECT {KEY} FROM keys", timeout=LONG)], change)
            for table, rows in (("tokens", tokens), ("keys", keys)):
                await db.executemany(f"UPDATE {table} SET private = $1 WHERE public = $2", rows, timeout=LONG)
            return len(tokens), len(keys)

        return await self._db.transaction(work, seconds=LONG)

    # Usage

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
        return by_day(first, last, stored, flux)
