"""The part of the SQLite and PostgreSQL catalogs that uses the same statements.

A transaction is a generator: it yields statements and receives their rows.  So one driver can run it on a thread and
the other on the loop.

Statements are in PostgreSQL's dialect: $1, $2, each once and in this order, so that SQLite can use a ? for each.
"""

from __future__ import annotations

import asyncio
import builtins
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple, TypeVar

from uvideo._core import errors
from uvideo.storage.base import (
    MOST_EXTENTS,
    PART_LIST,
    PART_LISTS,
    CatalogPage,
    Census,
    DayUsage,
    Expected,
    Extent,
    ExtentPart,
    Holding,
    KeyRecord,
    ObjectRecord,
    OpenUploads,
    PartRecord,
    SpaceRecord,
    StaleUpload,
    TokenRecord,
    UploadRecord,
    is_part_list,
)
from uvideo.storage.extent_cache import ExtentCache
from uvideo.storage.schema import (
    KEY,
    MIGRATIONS,
    OBJECT,
    PART,
    RETIRE,
    S3_PART,
    SPACE,
    TOKEN,
    UPLOAD,
    Row,
    behind,
    check_source,
    documents_of,
    documents_text,
    extents_of,
    insert,
    object_of,
    object_row,
    part_list_of,
    part_list_row,
    rolled_up,
    s3_part_of,
    s3_part_row,
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
CENSUS_PARTS = ("parts", "s3_parts")
COUNT_PARTS = "SELECT COUNT(*) FROM {table} WHERE {page}"
CENSUS = """
    SELECT (SELECT COUNT(*) FROM spaces), (SELECT COUNT(*) FROM uploads),
    (SELECT COUNT(*) FROM blobs WHERE since > 0)"""


#: Of an owner ($1): the token that ended first, before a time ($2).
ENDED = "SELECT token_id FROM tokens WHERE owner = $1 AND expires < $2 ORDER BY expires, token_id LIMIT 1"


#: Of {parts}: the table of their parts, and which uploads have theirs there.
UPLOADS_OF = (("parts", "uploads.s3 = ''"), ("s3_parts", "uploads.s3 <> ''"))
#: $1: an upload last touched before this time is stale.  A part is always stored after its upload was begun.
OPEN_UPLOADS = """
    SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT), CAST(COALESCE(SUM(stale), 0) AS BIGINT),
    CAST(COALESCE(SUM(stale * size), 0) AS BIGINT) FROM (
        SELECT COALESCE(SUM({parts}.size), 0) AS size,
        CASE WHEN COALESCE(MAX({parts}.created), MIN(uploads.created)) < CAST($1 AS BIGINT) THEN 1 ELSE 0 END AS stale
        FROM uploads LEFT JOIN {parts} ON {parts}.upload_id = uploads.upload_id WHERE {which} AND {page}
        GROUP BY uploads.upload_id) AS each_one"""


#: The contents of each space, as three queries: (space_id, the counts of a Holding).
HELD_OBJECTS = """
    SELECT space_id, COUNT(*), CAST(SUM(size) AS BIGINT), 0, 0, 0, 0,
        CAST(SUM(CASE WHEN storage_class = 'IA' THEN 1 ELSE 0 END) AS BIGINT),
        CAST(SUM(CASE WHEN storage_class = 'IA' THEN size ELSE 0 END) AS BIGINT),
        CAST(SUM(CASE WHEN storage_class = 'ARCHIVE' THEN 1 ELSE 0 END) AS BIGINT),
        CAST(SUM(CASE WHEN storage_class = 'ARCHIVE' THEN size ELSE 0 END) AS BIGINT)
    FROM objects WHERE {page} GROUP BY space_id"""
HELD_UPLOADS = """
    SELECT space_id, 0, 0, COUNT(*), CAST(SUM(size) AS BIGINT), 0, 0, 0, 0, 0, 0 FROM (
        SELECT MIN(uploads.space_id) AS space_id, COALESCE(SUM({parts}.size), 0) AS size
        FROM uploads LEFT JOIN {parts} ON {parts}.upload_id = uploads.upload_id WHERE {which} AND {page}
        GROUP BY uploads.upload_id) AS each_one GROUP BY space_id"""
HELD_FLUX = """
    SELECT space_id, 0, 0, 0, 0, CAST(SUM(sent) AS BIGINT), CAST(SUM(received) AS BIGINT), 0, 0, 0, 0 FROM flux
    WHERE {page} GROUP BY space_id"""
#: The owner of each space.
OWNERS = "SELECT space_id, owner, name FROM spaces WHERE {page}"


#: $1 to $3: an upload is stale if its last part is older.  $4 and $5: only uploads of this space, if not NULL.
STALE_UPLOADS = """
    SELECT uploads.upload_id, spaces.name, spaces.owner, uploads.key
    FROM uploads JOIN spaces ON spaces.space_id = uploads.space_id WHERE uploads.created < $1
    AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.upload_id = uploads.upload_id AND parts.created >= $2)
    AND NOT EXISTS (SELECT 1 FROM s3_parts WHERE s3_parts.upload_id = uploads.upload_id AND s3_parts.created >= $3)
    AND (CAST($4 AS TEXT) IS NULL OR uploads.space_id = $5) AND {page} LIMIT {limit}"""
IS_STALE = """
    SELECT 1 FROM uploads WHERE upload_id = $1 AND created < $2
    AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.upload_id = uploads.upload_id AND parts.created >= $3)
    AND NOT EXISTS (SELECT 1 FROM s3_parts WHERE s3_parts.upload_id = uploads.upload_id AND s3_parts.created >= $4)"""


STALE = "a part was stored while the upload was finished: list its parts and finish again"
TOO_MANY = f"the parts were copied from more than {MOST_EXTENTS} pieces: send some of them instead"
OLDER = "older gateways may still run: when all run this version, run `uvideo admin upgraded`"
PUT_S3_PART = (
    f"{insert('s3_parts', f'upload_id, {S3_PART}')} ON CONFLICT (upload_id, number) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in S3_PART.split(", "))
)
PUT_NAME = (
    f"{insert('part_blobs', 'blob, owner, part, size')} ON CONFLICT (blob, owner, part) DO UPDATE SET "
    "size = excluded.size"
)
PARSED_HERE = 500  # parts, or extents, that are parsed or written on the loop
#: Drafts of uploads that have parts.
DRAFTS = """
    SELECT draft FROM uploads WHERE EXISTS (SELECT 1 FROM parts WHERE parts.upload_id = uploads.upload_id)
    LIMIT $1"""


def _parts_of(rows: builtins.list[Any]) -> builtins.list[ExtentPart]:
    """In the same list, so that not all rows and all parts are in memory at the same time."""
    for at, row in enumerate(rows):
        rows[at] = s3_part_of(row)
    return rows


def _finished(name: str, chosen: Sequence[ExtentPart]) -> tuple[Row, dict[int, builtins.list[Any]]]:
    """The row of the part list, and of each part the values by which a replaced one is found: MD5 and extents."""
    return part_list_row(name, chosen), {part.number: [*s3_part_row(part)[2:4]] for part in chosen}


async def _parsed(parse: Callable[..., T], *texts: str) -> T:
    """``parse(*texts)``, on a thread if the texts are long."""
    if sum(map(len, texts)) <= PARSED_HERE * 100:
        return parse(*texts)
    return await asyncio.to_thread(parse, *texts)


class SqlCatalog(ABC):
    """The part of a catalog that does not depend on the database."""

    #: Rows that a listing with common prefixes reads first, and rows it reads after a prefix: mostly a prefix too.
    LOOKS = (10**6, 16)
    #: FOR_UPDATE locks the rows of a SELECT until the transaction ends, FOR_SHARE only against FOR_UPDATE.  BY_BLOB
    #: selects the index on blobs, BY_UNREAD that on objects whose bytes must be read for their etag.
    FOR_UPDATE = FOR_SHARE = BY_BLOB = BY_UNREAD = ""
    #: Whether a column is AMONG the values of the parameter n, made with ``_many``.
    AMONG = "IN (SELECT value FROM json_each(${}))"

    def __init__(self) -> None:
        self._extents = ExtentCache()
        self._is_upgraded = False  # whether every program on this catalog can read part lists; once true it stays true

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
    def _unnamed(self, blob: str) -> Steps[bool]:
        """Whether nothing names the blob or part list any more, now that an object does not."""

    @abstractmethod
    def _many(self, values: Sequence[object]) -> object:
        """The values as one parameter, for AMONG."""

    @abstractmethod
    def _name(self, blobs: Sequence[str]) -> Steps[None]:
        """A part names these new blobs from this commit on."""

    @abstractmethod
    def _lock_names(self, blobs: Sequence[str]) -> Steps[None]:
        """From now on no other transaction drops parts of these blobs."""

    @abstractmethod
    def _unnamed_blobs(self, blobs: Sequence[str]) -> Steps[builtins.list[str]]:
        """Those of the blobs that nothing names any more, now that some parts do not."""

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
        blobs = f"SELECT blob FROM objects {self.BY_BLOB} WHERE blob < '{PART_LIST}' LIMIT $1"
        parts = "SELECT blob FROM part_blobs LIMIT $1"
        return [name for query in (blobs, parts, DRAFTS) for (name,) in await self._all(query, limit)]

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

    async def set_document(self, space_id: str, kind: str, text: str | None) -> None:
        def work() -> Steps[None]:
            found = yield f"SELECT documents FROM spaces WHERE space_id = $1{self.FOR_UPDATE}", (space_id,)
            if not found:
                raise errors.SpaceNotFound()
            documents = dict(documents_of(found[0][0]))
            documents.pop(kind, None)
            if text is not None:
                documents[kind] = text
            yield "UPDATE spaces SET documents = $1 WHERE space_id = $2", (documents_text(documents), space_id)

        await self._transact(work, Terms(of_space=True))

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
            uploads = yield f"SELECT draft, s3 FROM uploads WHERE space_id = $1{self.FOR_UPDATE}", one
            for table in ("parts", "s3_parts"):
                query = f"DELETE FROM {table} WHERE upload_id IN (SELECT upload_id FROM uploads WHERE space_id = $1)"
                yield query, one
            for table in ("uploads", "domains", "flux", "spaces"):
                yield f"DELETE FROM {table} WHERE space_id = $1", one
            blobs = yield from self._lost((), {draft: None for draft, s3 in uploads if s3})
            return [draft for draft, s3 in uploads if not s3] + blobs

        return await self._transact(work, Terms([("space", space.space_id)], frees=True, of_space=True))

    # Objects

    async def put(
        self,
        record: ObjectRecord,
        *,
        overwrite: bool = True,
        source: ObjectRecord | None = None,
        expected: Expected | None = None,
    ) -> builtins.list[str]:
        names = [_key(each) for each in (record, source) if each is not None]

        def work() -> Steps[builtins.list[str]]:
            if source is not None:
                check_source((yield from _object_row(source.space_id, source.key.encode())), source, record)
            named = source is not None and source.blob == record.blob
            lost = yield from self._put(record, overwrite, expected, named=named)
            return (yield from self._lost(lost))

        return await self._transact(work, Terms(names, [("space", record.space_id)]))

    def _put(
        self, record: ObjectRecord, overwrite: bool, expected: Expected | None, *, named: bool = False
    ) -> Steps[builtins.list[str]]:
        """Store the object; return the blob that the object before it named, if any.  ``named``: as in ``_store``."""
        found = yield OF_SPACE, (record.key.encode(), record.space_id)
        if not found:
            raise errors.SpaceNotFound()
        old = tuple(found[0]) if found[0][0] is not None else None
        if old and not overwrite:
            raise errors.AlreadyExists(key=record.key)
        if expected is not None:
            expected(object_of(old) if old else None)
        if record.s3 is not None:
            yield from self._check_programs()
        yield from self._store(record, object_row(record, old[8] if old else record.created), old, named)
        return [old[5]] if old and old[5] not in (None, record.blob) else []

    def _check_programs(self) -> Steps[None]:
        """Unavailable while a program may run that cannot read what S3 stores."""
        if self._is_upgraded:
            return
        ((schema,),) = yield "SELECT schema FROM oldest", ()
        if schema < PART_LISTS:
            raise errors.Unavailable(OLDER, cause="upgrade")
        self._is_upgraded = True

    def _drop(self, row: Row) -> Steps[builtins.list[str]]:
        """Remove the object of this row; return the blobs that nothing names any more."""
        if row[5] is None:
            yield "DELETE FROM small WHERE space_id = $1 AND key = $2", row[:2]
        yield "DELETE FROM objects WHERE space_id = $1 AND key = $2", row[:2]
        return (yield from self._lost([row[5]])) if row[5] is not None else []

    def _lost(
        self, names: Sequence[str], parts: Mapping[str, Sequence[int] | None] | None = None
    ) -> Steps[builtins.list[str]]:
        """The blobs that nothing names any more.  The last step of a transaction, and once in it: it locks names.

        ``names``: that objects have just lost: blobs and part lists.  ``parts``: of each of these part lists the
        numbers of the parts to drop, None for all of them.
        """
        dropped, blobs = dict(parts or {}), list[str]()
        for name in names:
            if not is_part_list(name):
                blobs.append(name)
            elif (yield from self._unnamed(name)):
                yield "DELETE FROM part_lists WHERE name = $1", (name,)
                dropped[name] = None
        found = (yield from self._drop_parts(dropped)) if dropped else []
        for blob in blobs:  # after the parts: all transactions lock in this order
            if blob not in found and (yield from self._unnamed(blob)):
                found.append(blob)
        return found

    def _drop_parts(self, parts: Mapping[str, Sequence[int] | None]) -> Steps[builtins.list[str]]:
        """Forget what these parts name; return the blobs that nothing names any more.  ``parts``: as in ``_lost``."""
        queries = [
            ("owner = $1", (owner,))
            if numbers is None
            else (f"owner = $1 AND part {self.AMONG.format(2)}", (owner, self._many(numbers)))
            for owner, numbers in parts.items()
        ]
        blobs = set[str]()
        for where, values in queries:
            blobs.update([blob for (blob,) in (yield f"SELECT blob FROM part_blobs WHERE {where}", values)])
        return (yield from self._forget_names(sorted(blobs), queries)) if blobs else []

    def _forget_names(self, blobs: Sequence[str], queries: Sequence[tuple[str, Row]]) -> Steps[builtins.list[str]]:
        """Delete the rows of part_blobs that these queries find, all of these blobs; return as ``_drop_parts``."""
        yield from self._lock_names(blobs)
        for where, values in queries:
            yield f"DELETE FROM part_blobs WHERE {where}", values
        return (yield from self._unnamed_blobs(blobs))

    async def rename(
        self,
        space_id: str,
        key: str,
        new_key: str,
        *,
        overwrite: bool,
        modified: int,
        expected: Expected | None = None,
    ) -> builtins.list[str] | None:
        old, new = key.encode(), new_key.encode()

        def work() -> Steps[builtins.list[str] | None]:
            row = yield from _object_row(space_id, old)
            if expected is not None:
                expected(None if row is None else object_of(row))
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

    async def delete(self, space_id: str, key: str, *, expected: Expected | None = None) -> builtins.list[str] | None:
        def work() -> Steps[builtins.list[str] | None]:
            row = yield from _object_row(space_id, key.encode())
            if expected is not None:
                expected(None if row is None else object_of(row))
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

    async def part_list(self, name: str) -> builtins.list[ExtentPart] | None:
        query = "SELECT parts, extents FROM part_lists WHERE name = $1"
        row = await self._first(lambda row: row, query, name)
        return None if row is None else await _parsed(part_list_of, *row)

    async def extents(self, name: str) -> Sequence[Extent] | None:
        known = self._extents.get(name)
        if known is not None and await self._all("SELECT 1 FROM part_lists WHERE name = $1", name):
            return known
        self._extents.drop(name)
        text = await self._first(lambda row: str(row[0]), "SELECT extents FROM part_lists WHERE name = $1", name)
        if text is None:
            return None
        found = await _parsed(extents_of, text)
        self._extents.keep(name, found)
        return found

    async def list(
        self, space_id: str, prefix: str, marker: str, limit: int, delimiter: str = "", *, itself: bool = False
    ) -> CatalogPage:
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
                    if not itself and split and row[1] == start and start.endswith(split):
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

    async def unread(self, after: tuple[str, str] | None, limit: int) -> builtins.list[ObjectRecord]:
        space_id, key = after or ("", "")
        query = (
            f"SELECT {OBJECT} FROM objects {self.BY_UNREAD} WHERE length(etag) > 32 AND (space_id, key) > ($1, $2) "
            "ORDER BY space_id, key LIMIT $3"
        )
        return [object_of(row) for row in await self._all(query, space_id, key.encode(), max(0, limit))]

    async def list_by_offset(self, space_id: str, offset: int, limit: int) -> builtins.list[ObjectRecord]:
        query = f"SELECT {OBJECT} FROM objects WHERE space_id = $1 ORDER BY key LIMIT $2 OFFSET $3"
        return [object_of(row) for row in await self._all(query, space_id, max(0, limit), offset)]

    # Uploads

    async def begin(self, upload: UploadRecord) -> None:
        def work() -> Steps[None]:
            if not (yield "SELECT 1 FROM spaces WHERE space_id = $1", (upload.space_id,)):
                raise errors.SpaceNotFound()
            if upload.s3 is not None:
                yield from self._check_programs()
            yield insert("uploads", UPLOAD), upload_row(upload)

        await self._transact(work, Terms(shared=[("space", upload.space_id)]))

    async def finish(
        self, upload_id: str, record: ObjectRecord, *, overwrite: bool = True, parts: int | None = None
    ) -> builtins.list[str]:
        def work() -> Steps[builtins.list[str]]:
            # Once the upload is locked, no part can be added; parts being added are visible when this returns.
            locked = yield f"SELECT 1 FROM uploads WHERE upload_id = $1 AND s3 = ''{self.FOR_UPDATE}", (upload_id,)
            ((count,),) = yield "SELECT COUNT(*) FROM parts WHERE upload_id = $1", (upload_id,)
            if not locked:
                raise errors.UploadNotFound(key=record.key)
            if parts is not None and count != parts:
                raise errors.InvalidPartList(STALE)
            yield from _forget(upload_id, "parts")
            return (yield from self._lost((yield from self._put(record, overwrite, None))))

        return await self._transact(work, Terms([_key(record)], [("space", record.space_id)]))

    async def replace_part(
        self, upload_id: str, part: ExtentPart, *, source: ObjectRecord | None = None
    ) -> builtins.list[str]:
        sizes = dict[str, int]()  # of each blob: the bytes used
        for blob, offset, length in part.extents:
            sizes[blob] = max(offset + length, sizes.get(blob, 0))

        def work() -> Steps[builtins.list[str]]:
            found = yield f"SELECT draft FROM uploads WHERE upload_id = $1 AND s3 <> ''{self.FOR_SHARE}", (upload_id,)
            if not found:
                raise errors.UploadNotFound()
            ((owner,),) = found
            if source is not None:
                check_source((yield from _object_row(source.space_id, source.key.encode())), source, None)
            before = yield "SELECT blob FROM part_blobs WHERE owner = $1 AND part = $2", (owner, part.number)
            there = {blob for (blob,) in before}
            if there:
                yield from self._lock_names(sorted(there.union(sizes)))
            yield PUT_S3_PART, (upload_id, *s3_part_row(part))
            if source is None or source.blob is None:
                yield from self._name([blob for blob in sizes if blob not in there])
            for blob, size in sizes.items():
                row = (blob, owner, part.number, size)
                yield PUT_NAME, row
            gone = sorted(there.difference(sizes))
            if not gone:
                return []
            where = f"owner = $1 AND part = $2 AND blob {self.AMONG.format(3)}"
            return (yield from self._forget_names(gone, [(where, (owner, part.number, self._many(gone)))]))

        names = [("part", upload_id, str(part.number)), *([_key(source)] if source is not None else [])]
        return await self._transact(work, Terms(names))

    async def s3_parts(self, upload_id: str, after: int, limit: int) -> builtins.list[ExtentPart]:
        query = f"SELECT {S3_PART} FROM s3_parts WHERE upload_id = $1 AND number > $2 ORDER BY number LIMIT $3"
        rows = await self._all(query, upload_id, after, max(0, limit))
        if len(rows) <= PARSED_HERE:
            return [s3_part_of(row) for row in rows]
        return await asyncio.to_thread(_parts_of, rows)

    async def finish_s3(
        self,
        upload_id: str,
        record: ObjectRecord,
        chosen: Sequence[ExtentPart],
        *,
        overwrite: bool = True,
        expected: Expected | None = None,
    ) -> builtins.list[str]:
        extents = sum(len(part.extents) for part in chosen)
        if extents > MOST_EXTENTS:
            raise errors.BadRequest(TOO_MANY)
        name = record.blob or ""
        if len(chosen) + extents <= PARSED_HERE:
            part_list, wanted = _finished(name, chosen)
        else:
            part_list, wanted = await asyncio.to_thread(_finished, name, chosen)

        def work() -> Steps[builtins.list[str]]:
            query = f"SELECT 1 FROM uploads WHERE upload_id = $1 AND draft = $2 AND s3 <> ''{self.FOR_UPDATE}"
            locked = yield query, (upload_id, name)
            rows = yield "SELECT number, md5, extents FROM s3_parts WHERE upload_id = $1", (upload_id,)
            if not locked:
                raise errors.UploadNotFound(key=record.key)
            rest = [number for number, _, _ in rows if number not in wanted]
            if len(rows) - len(rest) != len(wanted) or any(
                number in wanted and wanted[number] != values for number, *values in rows
            ):
                raise errors.InvalidPartList(STALE)
            del rows
            lost = yield from self._put(record, overwrite, expected)
            yield from _forget(upload_id, "s3_parts")
            yield insert("part_lists", "name, parts, extents"), part_list
            return (yield from self._lost(lost, {name: rest} if rest else {}))

        return await self._transact(work, Terms([_key(record)], [("space", record.space_id)]))

    async def abort(self, upload_id: str, before: int | None = None) -> builtins.list[str] | None:
        def work() -> Steps[builtins.list[str] | None]:
            # add_part takes a shared lock on the row: its part is visible below, or it waits and finds no upload.
            found = yield f"SELECT draft, s3 FROM uploads WHERE upload_id = $1{self.FOR_UPDATE}", (upload_id,)
            if not found or before is not None and not (yield IS_STALE, (upload_id, before, before, before)):
                return None
            ((draft, s3),) = found
            yield from _forget(upload_id, "s3_parts" if s3 else "parts")
            return (yield from self._lost((), {draft: None})) if s3 else [draft]

        return await self._transact(work, Terms(frees=True))

    async def upload(self, upload_id: str, *, s3: bool = False) -> UploadRecord | None:
        found = await self._first(upload_of, f"SELECT {UPLOAD} FROM uploads WHERE upload_id = $1", upload_id)
        return found if found is not None and (found.s3 is not None) == s3 else None

    async def uploads(
        self, space_id: str, prefix: str, marker: str, upload_id_marker: str, limit: int, *, s3: bool = False
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
            f"SELECT {UPLOAD} FROM uploads WHERE space_id = $1 AND {where} AND s3 {'<>' if s3 else '='} '' "
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
                ended = yield ENDED, (token.owner, token.created)
                if not ended:
                    raise errors.TooManyTokens()
                yield "DELETE FROM tokens WHERE token_id = $1", ended[0]
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
            parts = 0
            for table in CENSUS_PARTS:
                (count,) = _sums((yield from self._paged(COUNT_PARTS.replace("{table}", table), (), table)))
                parts += count
            ((spaces, uploads, unnamed),) = yield CENSUS, ()
            return Census(spaces, objects, stored, uploads, parts, unnamed)

        return await self._report(work)

    async def open_uploads(self, before: int) -> OpenUploads:
        def work() -> Steps[OpenUploads]:
            return OpenUploads(*_sums((yield from self._of_uploads(OPEN_UPLOADS, before))))

        return await self._report(work)

    def _of_uploads(self, query: str, *values: object) -> Steps[builtins.list[Row]]:
        """The rows of a query over uploads and their {parts}, for the uploads of each dialect."""
        rows = list[Row]()
        for parts, which in UPLOADS_OF:
            rows += yield from self._paged(query.replace("{parts}", parts).replace("{which}", which), values, "uploads")
        return rows

    async def stale_uploads(self, before: int, limit: int, space_id: str | None = None) -> builtins.list[StaleUpload]:
        query = STALE_UPLOADS.replace("{limit}", f"{limit:d}")
        values = (before, before, before, space_id, space_id)
        rows = await self._report(lambda: self._paged(query, values, "uploads", limit))
        return [StaleUpload(upload_id, space, owner, key.decode()) for upload_id, space, owner, key in rows[:limit]]

    async def holdings(self) -> builtins.list[Holding]:
        def work() -> Steps[builtins.list[Holding]]:
            rows = yield from self._paged(HELD_OBJECTS, (), "objects")
            rows += yield from self._of_uploads(HELD_UPLOADS)
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


def _forget(upload_id: str, parts: str) -> Steps[None]:
    """``parts``: the table of its parts."""
    for table in ("uploads", parts):
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
