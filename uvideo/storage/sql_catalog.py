"""The part of the SQLite and PostgreSQL catalogs that uses the same statements.

A transaction is a generator: it yields statements and receives their rows.  So one driver can run it on a thread and
the other on the loop.

Statements are in PostgreSQL's dialect: $1, $2, each once and in this order, so that SQLite can use a ? for each.
"""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple, TypeVar

from uvideo._core import errors
from uvideo.storage.base import (
    CatalogPage,
    Census,
    DayUsage,
    Holding,
    KeyRecord,
    ObjectRecord,
    OpenUploads,
    PartRecord,
    SpaceRecord,
    StaleUpload,
    TokenRecord,
    UploadRecord,
)
from uvideo.storage.schema import (
    KEY,
    MIGRATIONS,
    OBJECT,
    PART,
    RETIRE,
    SPACE,
    TOKEN,
    UPLOAD,
    Row,
    behind,
    check_source,
    insert,
    object_of,
    object_row,
    rolled_up,
    space_of,
    space_row,
    token_of,
    token_row,
    upload_of,
    upload_row,
)

__all__ = ["SqlCatalog", "Steps", "Terms", "by_day", "changed", "sums"]

T = TypeVar("T")
#: Yields (statement, values), receives the rows; an exception undoes all statements.
Steps = Generator[tuple[str, Row], builtins.list[Row], T]
#: As Steps, but a driver may read a row only when it is used.
Looks = Generator[tuple[str, Row], Iterable[Row], T]
Name = tuple["str | bytes", ...]


class Terms(NamedTuple):
    """Options of a transaction.  ``locks``: names held alone.  ``shared``: names held together with other sharers.

    ``frees``: it frees disk space.  ``of_space``: it changes rows of spaces.
    """

    locks: Sequence[Name] = ()
    shared: Sequence[Name] = ()
    frees: bool = False
    of_space: bool = False


GET = f"""
    SELECT {OBJECT}, CASE WHEN blob IS NULL
        THEN (SELECT data FROM small WHERE small.space_id = objects.space_id AND small.key = objects.key) END
    FROM objects WHERE space_id = $1 AND key = $2"""


OF_SPACE = f"""
    SELECT {", ".join(f"objects.{name}" for name in OBJECT.split(", "))} FROM spaces
    LEFT JOIN objects ON objects.space_id = spaces.space_id AND objects.key = $1 WHERE spaces.space_id = $2"""


#: {page}: the range of rows for a query that reads page by page; its values follow the others.

CENSUS_OBJECTS = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM objects WHERE {page}"
CENSUS_PARTS = "SELECT COUNT(*) FROM parts WHERE {page}"
CENSUS = """
    SELECT (SELECT COUNT(*) FROM spaces), (SELECT COUNT(*) FROM uploads),
    (SELECT COUNT(*) FROM blobs WHERE since > 0)"""


#: $1: an upload last touched before this time is stale.  A part is always stored after its upload was begun.
OPEN_UPLOADS = """
    SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT), CAST(COALESCE(SUM(stale), 0) AS BIGINT),
    CAST(COALESCE(SUM(stale * size), 0) AS BIGINT) FROM (
        SELECT COALESCE(SUM(parts.size), 0) AS size,
        CASE WHEN COALESCE(MAX(parts.created), MIN(uploads.created)) < CAST($1 AS BIGINT) THEN 1 ELSE 0 END AS stale
        FROM uploads LEFT JOIN parts ON parts.upload_id = uploads.upload_id WHERE {page}
        GROUP BY uploads.upload_id) AS each_one"""


#: The contents of each space, as three queries: (space_id, the counts of a Holding).
HELD_OBJECTS = """
    SELECT space_id, COUNT(*), CAST(SUM(size) AS BIGINT), 0, 0, 0, 0 FROM objects WHERE {page} GROUP BY space_id"""
HELD_UPLOADS = """
    SELECT space_id, 0, 0, COUNT(*), CAST(SUM(size) AS BIGINT), 0, 0 FROM (
        SELECT MIN(uploads.space_id) AS space_id, COALESCE(SUM(parts.size), 0) AS size
        FROM uploads LEFT JOIN parts ON parts.upload_id = uploads.upload_id WHERE {page}
        GROUP BY uploads.upload_id) AS each_one GROUP BY space_id"""
HELD_FLUX = """
    SELECT space_id, 0, 0, 0, 0, CAST(SUM(sent) AS BIGINT), CAST(SUM(received) AS BIGINT) FROM flux
    WHERE {page} GROUP BY space_id"""
#: The owner of each space.
OWNERS = "SELECT space_id, owner, name FROM spaces WHERE {page}"


#: $1 and $2: an upload is stale if its last part is older.  $3 and $4: only uploads of this space, if not NULL.
STALE_UPLOADS = """
    SELECT uploads.upload_id, spaces.name, spaces.owner, uploads.key
    FROM uploads JOIN spaces ON spaces.space_id = uploads.space_id WHERE uploads.created < $1
    AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.upload_id = uploads.upload_id AND parts.created >= $2)
    AND (CAST($3 AS TEXT) IS NULL OR uploads.space_id = $4) AND {page} LIMIT {limit}"""
IS_STALE = """
    SELECT 1 FROM uploads WHERE upload_id = $1 AND created < $2
    AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.upload_id = uploads.upload_id AND parts.created >= $3)"""


STALE = "a part was stored while the upload was finished: list its parts and finish again"
#: Drafts of uploads that have parts.
DRAFTS = """
    SELECT draft FROM uploads WHERE EXISTS (SELECT 1 FROM parts WHERE parts.upload_id = uploads.upload_id)
    LIMIT $1"""


class SqlCatalog(ABC):
    """The part of a catalog that does not depend on the database."""

    #: Rows that a listing with common prefixes reads first, and rows it reads after a prefix: mostly a prefix too.
    LOOKS = (10**6, 16)
    #: FOR_UPDATE locks the rows of a SELECT until the transaction ends.  BY_BLOB selects the index on blobs.
    FOR_UPDATE = BY_BLOB = ""

    # Implemented by each driver

    @abstractmethod
    async def _all(self, query: str, *values: object) -> builtins.list[Row]:
        """All rows of a statement."""

    @abstractmethod
    async def _browse(self, steps: Callable[[], Looks[T]]) -> T:
        """The result of the steps.  They read little, are not a transaction, and may run more than once."""

    @abstractmethod
    async def _change(self, query: str, *values: object, of_space: bool = False) -> int:
        """Run a statement; return how many rows it changed.  ``of_space``: it changes rows of spaces."""

    @abstractmethod
    async def _change_each(self, query: str, rows: Sequence[Row]) -> None:
        """Run the statement with each of these rows of values, as one transaction."""

    @abstractmethod
    async def _transact(self, steps: Callable[[], Steps[T]], terms: Terms) -> T:
        """The result of the steps after their commit; they may run more than once."""

    @abstractmethod
    async def _report(self, steps: Callable[[], Steps[T]]) -> T:
        """The result of the steps.  They read much, and are not a transaction."""

    @abstractmethod
    def _paged(self, query: str, values: Row, table: str, enough: float = inf) -> Steps[builtins.list[Row]]:
        """The rows of a query with a {page} of this table: all pages, or pages until there are ``enough`` rows.

        A row that exists during the whole read is on exactly one page.
        """

    @abstractmethod
    def _store(self, record: ObjectRecord, values: Row, old: Row | None, named: bool) -> Steps[None]:
        """Replace the object's ``old`` row by its new one, inline bytes included.

        ``named``: another object, which is locked, names the same blob.
        """

    @abstractmethod
    def _unnamed(self, blob: str | None) -> Steps[builtins.list[str]]:
        """The blob in a list; an empty list if an object still names it."""

    async def identify(self, identity: str) -> str:
        def work() -> Steps[str]:
            yield "INSERT INTO identity SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM identity)", (identity,)
            ((found,),) = yield "SELECT identity FROM identity", ()
            return str(found)

        return await self._transact(work, Terms([("identity",)]))

    async def _first(self, make: Callable[[Row], T], query: str, *values: object) -> T | None:
        """``make`` applied to the first row; None if there is none."""
        for row in await self._all(query, *values):
            return make(row)
        return None

    async def identity(self) -> str | None:
        return await self._first(lambda row: str(row[0]), "SELECT identity FROM identity")

    async def sample(self, limit: int) -> builtins.list[str]:
        blobs = f"SELECT blob FROM objects {self.BY_BLOB} WHERE blob IS NOT NULL LIMIT $1"
        return [name for query in (blobs, DRAFTS) for (name,) in await self._all(query, limit)]

    # Spaces

    async def create_space(self, space: SpaceRecord) -> None:
        def work() -> Steps[None]:
            if (yield "SELECT 1 FROM spaces WHERE name = $1", (space.name,)):
                raise errors.SpaceExists(space=space.name)
            yield insert("spaces", SPACE), space_row(space)
            for domain in space.domains:
                if (yield "SELECT 1 FROM domains WHERE domain = $1", (domain,)):
                    raise errors.DomainTaken()
                yield insert("domains", "domain, space_id"), (domain, space.space_id)

        names = [("name", space.name), *(("domain", domain) for domain in space.domains)]
        await self._transact(work, Terms(names, of_space=True))

    async def space(self, name: str) -> SpaceRecord | None:
        return await self._space(f"SELECT {SPACE} FROM spaces WHERE name = $1", name)

    async def space_of_domain(self, domain: str) -> SpaceRecord | None:
        query = f"SELECT {SPACE} FROM spaces WHERE space_id = (SELECT space_id FROM domains WHERE domain = $1)"
        return await self._space(query, domain)

    async def _space(self, query: str, name: str) -> SpaceRecord | None:
        return await self._first(space_of, query, name)

    async def spaces(self, owner: str, offset: int, limit: int) -> builtins.list[SpaceRecord]:
        query = f"SELECT {SPACE} FROM spaces WHERE owner = $1 ORDER BY name LIMIT $2 OFFSET $3"
        return [space_of(row) for row in await self._all(query, owner, max(0, limit), offset)]

    async def all_spaces(self, after: str, limit: int) -> builtins.list[SpaceRecord]:
        query = f"SELECT {SPACE} FROM spaces WHERE name > $1 ORDER BY name LIMIT $2"
        return [space_of(row) for row in await self._all(query, after, limit)]

    async def update_space(self, name: str, *, type: str | None, storage_class: str | None, modified: int) -> None:
        changed = await self._change(
            "UPDATE spaces SET type = COALESCE($1, type), storage_class = COALESCE($2, storage_class), modified = $3 "
            "WHERE name = $4",
            *(type, storage_class, modified, name),
            of_space=True,
        )
        if not changed:
            raise errors.SpaceNotFound(space=name)

    async def delete_space(self, name: str) -> builtins.list[str]:
        space = await self.space(name)
        if space is None:
            raise errors.SpaceNotFound(space=name)
        one = (space.space_id,)

        def work() -> Steps[builtins.list[str]]:
            if not (yield "SELECT 1 FROM spaces WHERE space_id = $1", one):
                raise errors.SpaceNotFound(space=name)
            if (yield "SELECT 1 FROM objects WHERE space_id = $1 LIMIT 1", one):
                raise errors.SpaceNotEmpty(space=name)
            # As in abort: once the upload is locked, no part can be added.
            drafts = yield f"SELECT draft FROM uploads WHERE space_id = $1{self.FOR_UPDATE}", one
            yield "DELETE FROM parts WHERE upload_id IN (SELECT upload_id FROM uploads WHERE space_id = $1)", one
            for table in ("uploads", "domains", "flux", "spaces"):
                yield f"DELETE FROM {table} WHERE space_id = $1", one
            return [draft for (draft,) in drafts]

        return await self._transact(work, Terms([("space", space.space_id)], frees=True, of_space=True))

    # Objects

    async def put(
        self, record: ObjectRecord, *, overwrite: bool = True, source: ObjectRecord | None = None
    ) -> builtins.list[str]:
        names = [_key(each) for each in (record, source) if each is not None]

        def work() -> Steps[builtins.list[str]]:
            if source is not None:
                check_source((yield from _object_row(source.space_id, source.key.encode())), source, record)
            named = source is not None and source.blob == record.blob
            return (yield from self._put(record, overwrite, named=named))

        return await self._transact(work, Terms(names, [("space", record.space_id)]))

    def _put(self, record: ObjectRecord, overwrite: bool, *, named: bool = False) -> Steps[builtins.list[str]]:
        """``named``: as in ``_store``."""
        found = yield OF_SPACE, (record.key.encode(), record.space_id)
        if not found:
            raise errors.SpaceNotFound()
        old = tuple(found[0]) if found[0][0] is not None else None
        if old and not overwrite:
            raise errors.AlreadyExists(key=record.key)
        yield from self._store(record, object_row(record, old[8] if old else record.created), old, named)
        return (yield from self._unnamed(old[5])) if old and old[5] != record.blob else []

    def _drop(self, row: Row) -> Steps[builtins.list[str]]:
        """Remove the object of this row; return the blobs that no object names any more."""
        if row[5] is None:
            yield "DELETE FROM small WHERE space_id = $1 AND key = $2", row[:2]
        yield "DELETE FROM objects WHERE space_id = $1 AND key = $2", row[:2]
        return (yield from self._unnamed(row[5]))

    async def rename(
        self, space_id: str, key: str, new_key: str, *, overwrite: bool, modified: int
    ) -> builtins.list[str] | None:
        old, new = key.encode(), new_key.encode()

        def work() -> Steps[builtins.list[str] | None]:
            row = yield from _object_row(space_id, old)
            if row is None or old == new:
                return None if row is None else []
            there = yield from _object_row(space_id, new)
            if there and not overwrite:
                raise errors.AlreadyExists(key=new_key)
            dropped = (yield from self._drop(there)) if there else []
            yield "UPDATE small SET key = $1 WHERE space_id = $2 AND key = $3", (new, space_id, old)
            change = "UPDATE objects SET key = $1, modified = $2 WHERE space_id = $3 AND key = $4"
            yield change, (new, modified, space_id, old)
            return dropped

        names = [("key", space_id, name) for name in (old, new)]
        return await self._transact(work, Terms(names, [("space", space_id)]))

    async def delete(self, space_id: str, key: str) -> builtins.list[str] | None:
        def work() -> Steps[builtins.list[str] | None]:
            row = yield from _object_row(space_id, key.encode())
            return None if row is None else (yield from self._drop(row))

        return await self._transact(work, Terms([("key", space_id, key.encode())], frees=True))

    async def get(self, space_id: str, key: str) -> ObjectRecord | None:
        return await self._first(lambda row: object_of(row, row[11]), GET, space_id, key.encode())

    async def find(self, owner: str, etag: str, size: int) -> ObjectRecord | None:
        query = (
            "SELECT space_id, key FROM objects WHERE etag = $1 AND size = $2 AND storage_class <> 'ARCHIVE' "
            "AND EXISTS (SELECT 1 FROM spaces WHERE spaces.space_id = objects.space_id AND owner = $3) LIMIT 1"
        )
        for space_id, key in await self._all(query, etag, size, owner):
            return await self.get(space_id, key.decode())
        return None

    async def list(self, space_id: str, prefix: str, marker: str, limit: int, delimiter: str = "") -> CatalogPage:
        if limit <= 0:
            return CatalogPage()
        start, after, split = prefix.encode(), marker.encode(), delimiter.encode()
        end, bound = (
            ((behind(start),), "AND key < $3 ORDER BY key LIMIT $4") if start else ((), "ORDER BY key LIMIT $3")
        )
        queries = {
            (each, is_peek): f"SELECT {columns} FROM objects WHERE space_id = $1 AND key {each} $2 {bound}"
            for each in (">", ">=")
            for is_peek, columns in ((False, OBJECT), (True, "space_id, key"))
        }

        def work() -> Looks[CatalogPage]:
            page, last, wanted = CatalogPage(), "", self.LOOKS[0] if split else limit + 2
            lower, beyond = (after, ">") if after >= start else (start, ">=")
            if after and split and after.startswith(start) and rolled_up(after, start, split) == after:
                lower, beyond = behind(after), ">="
            while True:
                wanted = min(wanted, limit + 2 - len(page.objects) - len(page.prefixes))
                rows = yield queries[beyond, wanted == 1], (space_id, lower, *end, wanted)
                seen = 0
                for row in rows:
                    seen += 1
                    lower, beyond = row[1], ">"
                    if split and row[1] == start and start.endswith(split):
                        continue
                    if len(page.objects) + len(page.prefixes) == limit:
                        return CatalogPage(page.objects, page.prefixes, last)
                    jump = rolled_up(row[1], start, split) if split else b""
                    if jump:  # everything below the prefix counts once: continue after it
                        last = jump.decode()
                        page.prefixes.append(last)
                        lower, beyond, wanted = behind(jump), ">=", self.LOOKS[1]
                        break
                    if wanted == 1:  # only one prefix was wanted
                        lower, beyond, wanted = row[1], ">=", self.LOOKS[0]
                        break
                    page.objects.append(object_of(row))
                    last = page.objects[-1].key
                else:
                    if seen < wanted:
                        return page
                    wanted *= 4

        return await self._browse(work)

    async def walk(self, after: tuple[str, str] | None, limit: int) -> builtins.list[ObjectRecord]:
        space_id, key = after or ("", "")
        query = f"SELECT {OBJECT} FROM objects WHERE (space_id, key) > ($1, $2) ORDER BY space_id, key LIMIT $3"
        return [object_of(row) for row in await self._all(query, space_id, key.encode(), max(0, limit))]

    async def list_by_offset(self, space_id: str, offset: int, limit: int) -> builtins.list[ObjectRecord]:
        query = f"SELECT {OBJECT} FROM objects WHERE space_id = $1 ORDER BY key LIMIT $2 OFFSET $3"
        return [object_of(row) for row in await self._all(query, space_id, max(0, limit), offset)]

    # Uploads

    async def begin(self, upload: UploadRecord) -> None:
        def work() -> Steps[None]:
            if not (yield "SELECT 1 FROM spaces WHERE space_id = $1", (upload.space_id,)):
                raise errors.SpaceNotFound()
            yield insert("uploads", UPLOAD), upload_row(upload)

        await self._transact(work, Terms(shared=[("space", upload.space_id)]))

    async def finish(
        self, upload_id: str, record: ObjectRecord, *, overwrite: bool = True, parts: int | None = None
    ) -> builtins.list[str]:
        def work() -> Steps[builtins.list[str]]:
            # Once the upload is locked, no part can be added; parts being added are visible when this returns.
            locked = yield f"SELECT 1 FROM uploads WHERE upload_id = $1{self.FOR_UPDATE}", (upload_id,)
            ((count,),) = yield "SELECT COUNT(*) FROM parts WHERE upload_id = $1", (upload_id,)
            if not locked:
                raise errors.UploadNotFound(key=record.key)
            if parts is not None and count != parts:
                raise errors.InvalidPartList(STALE)
            yield from _forget(upload_id)
            return (yield from self._put(record, overwrite))

        return await self._transact(work, Terms([_key(record)], [("space", record.space_id)]))

    async def abort(self, upload_id: str, before: int | None = None) -> str | None:
        def work() -> Steps[str | None]:
            # add_part takes a shared lock on the row: its part is visible below, or it waits and finds no upload.
            found = yield f"SELECT draft FROM uploads WHERE upload_id = $1{self.FOR_UPDATE}", (upload_id,)
            if not found or before is not None and not (yield IS_STALE, (upload_id, before, before)):
                return None
            yield from _forget(upload_id)
            return str(found[0][0])

        return await self._transact(work, Terms(frees=True))

    async def upload(self, upload_id: str) -> UploadRecord | None:
        return await self._first(upload_of, f"SELECT {UPLOAD} FROM uploads WHERE upload_id = $1", upload_id)

    async def uploads(
        self, space_id: str, prefix: str, marker: str, upload_id_marker: str, limit: int
    ) -> builtins.list[UploadRecord]:
        start, after = prefix.encode(), marker.encode()
        values: builtins.list[object] = [space_id]
        if after < start or not after:
            where = "key >= $2"
            values += [start]
        elif upload_id_marker:
            where = "(key, upload_id) > ($2, $3)"
            values += [after, upload_id_marker]
        else:
            where = "key > $2"
            values += [after]
        if start:
            values += [behind(start)]
            where += f" AND key < ${len(values)}"
        query = (
            f"SELECT {UPLOAD} FROM uploads WHERE space_id = $1 AND {where} "
            f"ORDER BY key, upload_id LIMIT ${len(values) + 1}"
        )
        return [upload_of(row) for row in await self._all(query, *values, max(0, limit))]

    async def part(self, upload_id: str, part: int) -> PartRecord | None:
        query = f"SELECT {PART} FROM parts WHERE upload_id = $1 AND part = $2"
        return await self._first(lambda row: PartRecord(*row), query, upload_id, part)

    async def parts(self, upload_id: str, first: int, limit: int | None) -> builtins.list[PartRecord]:
        query = f"SELECT {PART} FROM parts WHERE upload_id = $1 AND part >= $2 ORDER BY part"
        if limit is None:
            rows = await self._all(query, upload_id, first)
        else:
            rows = await self._all(f"{query} LIMIT $3", upload_id, first, max(0, limit))
        return [PartRecord(*row) for row in rows]

    async def count_parts(self, upload_id: str) -> int:
        ((count,),) = await self._all("SELECT COUNT(*) FROM parts WHERE upload_id = $1", upload_id)
        return int(count)

    # Tokens

    async def create_token(self, token: TokenRecord, limit: int) -> None:
        def work() -> Steps[None]:
            ((count,),) = yield "SELECT COUNT(*) FROM tokens WHERE owner = $1", (token.owner,)
            if count >= limit:
                raise errors.TooManyTokens()
            yield insert("tokens", TOKEN), token_row(token)

        await self._transact(work, Terms([("tokens", token.owner)]))

    async def token(self, public: str) -> TokenRecord | None:
        return await self._first(token_of, f"SELECT {TOKEN} FROM tokens WHERE public = $1", public)

    async def tokens(self, owner: str) -> builtins.list[TokenRecord]:
        query = f"SELECT {TOKEN} FROM tokens WHERE owner = $1 ORDER BY created, token_id"
        return [token_of(row) for row in await self._all(query, owner)]

    async def all_tokens(self) -> builtins.list[TokenRecord]:
        query = f"SELECT {TOKEN} FROM tokens ORDER BY owner, created, token_id"
        return [token_of(row) for row in await self._all(query)]

    async def update_token(self, token: TokenRecord) -> None:
        row = dict(zip(TOKEN.split(", "), token_row(token), strict=True))
        del row["private"]  # the value read before may have been encrypted again since
        changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(row, 1))
        update = f"UPDATE tokens SET {changes} WHERE token_id = ${len(row) + 1} AND owner = ${len(row) + 2}"
        if not await self._change(update, *row.values(), token.token_id, token.owner):
            raise errors.TokenNotFound()

    async def delete_token(self, owner: str, token_id: str) -> None:
        if not await self._change("DELETE FROM tokens WHERE token_id = $1 AND owner = $2", token_id, owner):
            raise errors.TokenNotFound()

    # Programs

    async def oldest_program(self) -> int:
        ((schema,),) = await self._all("SELECT schema FROM oldest")
        return int(schema)

    async def retire_older(self) -> None:
        if await self.oldest_program() != len(MIGRATIONS):  # a server starts while another program holds the lock
            await self._change(RETIRE)

    # Key pairs

    async def add_key(self, key: KeyRecord) -> bool:
        query = f"{insert('keys', KEY)} ON CONFLICT DO NOTHING"
        return await self._change(query, key.public, key.owner, key.private, key.created) > 0

    async def key(self, public: str) -> KeyRecord | None:
        return await self._first(lambda row: KeyRecord(*row), f"SELECT {KEY} FROM keys WHERE public = $1", public)

    async def keys(self) -> builtins.list[KeyRecord]:
        return [KeyRecord(*row) for row in await self._all(f"SELECT {KEY} FROM keys ORDER BY created, public")]

    async def remove_key(self, public: str) -> bool:
        return await self._change("DELETE FROM keys WHERE public = $1", public) > 0

    # Usage

    async def add_flux(self, day: int, sent: Mapping[str, int], received: Mapping[str, int] | None = None) -> None:
        more = received or {}
        await self._change_each(
            "INSERT INTO flux (space_id, day, sent, received) "
            "SELECT space_id, CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM spaces WHERE name = $4 "
            "ON CONFLICT (space_id, day) DO UPDATE SET sent = flux.sent + excluded.sent, "
            "received = flux.received + excluded.received",
            # Ordered by name: all transactions lock the rows in the same order.
            [(day, sent.get(name, 0), more.get(name, 0), name) for name in sorted({*sent, *more})],
        )

    async def census(self) -> Census:
        def work() -> Steps[Census]:
            objects, stored = _sums((yield from self._paged(CENSUS_OBJECTS, (), "objects")))
            (parts,) = _sums((yield from self._paged(CENSUS_PARTS, (), "parts")))
            ((spaces, uploads, unnamed),) = yield CENSUS, ()
            return Census(spaces, objects, stored, uploads, parts, unnamed)

        return await self._report(work)

    async def open_uploads(self, before: int) -> OpenUploads:
        def work() -> Steps[OpenUploads]:
            return OpenUploads(*_sums((yield from self._paged(OPEN_UPLOADS, (before,), "uploads"))))

        return await self._report(work)

    async def stale_uploads(self, before: int, limit: int, space_id: str | None = None) -> builtins.list[StaleUpload]:
        query = STALE_UPLOADS.replace("{limit}", f"{limit:d}")
        values = (before, before, space_id, space_id)
        rows = await self._report(lambda: self._paged(query, values, "uploads", limit))
        return [StaleUpload(upload_id, space, owner, key.decode()) for upload_id, space, owner, key in rows[:limit]]

    async def holdings(self) -> builtins.list[Holding]:
        def work() -> Steps[builtins.list[Holding]]:
            rows = yield from self._paged(HELD_OBJECTS, (), "objects")
            rows += yield from self._paged(HELD_UPLOADS, (), "uploads")
            rows += yield from self._paged(HELD_FLUX, (), "flux")
            counts, owners = sums(rows), (yield from self._paged(OWNERS, (), "spaces"))
            found = [Holding(owner, name, *counts.get(space_id, ())) for space_id, owner, name in owners]
            return sorted(found, key=lambda each: (each.account, each.space))

        return await self._report(work)


def _sums(rows: Iterable[Row]) -> builtins.list[int]:
    """The sum of each column."""
    return [sum(column) for column in zip(*rows, strict=True)]


def _key(record: ObjectRecord) -> Name:
    return "key", record.space_id, record.key.encode()


def _object_row(space_id: str, key: bytes) -> Steps[Row | None]:
    rows = yield f"SELECT {OBJECT} FROM objects WHERE space_id = $1 AND key = $2", (space_id, key)
    return tuple(rows[0]) if rows else None


def _forget(upload_id: str) -> Steps[None]:
    for table in ("uploads", "parts"):
        yield f"DELETE FROM {table} WHERE upload_id = $1", (upload_id,)


def sums(rows: Iterable[Row]) -> dict[Any, builtins.list[int]]:
    """The sum of each other column, by the value of the first."""
    found = dict[Any, builtins.list[int]]()
    for name, *counts in rows:
        before = found.get(name)
        found[name] = counts if before is None else [one + other for one, other in zip(before, counts, strict=True)]
    return found


def by_day(first: int, last: int, rows: Iterable[Row]) -> builtins.list[DayUsage]:
    """``rows``: (day, bytes added on that day, or earlier for the first day, bytes sent, bytes received)."""
    counts, found, there = sums(rows), list[DayUsage](), 0
    for day in range(first, last + 1):
        stored, *flux = counts.get(day, (0, 0, 0))
        there += stored
        found.append(DayUsage(day, there, *flux))
    return found


def changed(
    records: Iterable[TokenRecord] | Iterable[KeyRecord], change: Callable[[TokenRecord | KeyRecord], str | None]
) -> builtins.list[tuple[str, str]]:
    """(new secret, public key) of the records that ``change`` changes."""
    found = ((change(record), record.public) for record in records)
    return [(private, public) for private, public in found if private is not None]
