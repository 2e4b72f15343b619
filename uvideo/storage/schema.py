"""The tables of a catalog, and the conversion between rows and records: the same for every SQL driver.

``statements`` yields them in PostgreSQL's dialect.  A key is stored as UTF-8 bytes, so that it sorts by its bytes;
headers as JSON; times as unix seconds.  ``extra`` is JSON of values that few objects have (tags, acl, ready, expires,
and the S3Facts only if there are any), "" if there are none.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from uvideo._core import errors
from uvideo.storage.base import (
    Extent,
    ExtentPart,
    ObjectRecord,
    S3Facts,
    S3Upload,
    SpaceRecord,
    TokenRecord,
    UploadRecord,
)

Row = tuple[Any, ...]
UNSTORABLE = "a value has a character or a number that cannot be stored"

#: Script n migrates a database from version n to n + 1.  Never change a published script; append.
#: Index objects_content is for find, objects_blob for "does any object still name this blob".  Table small: inline
#: bytes, in a table of their own so that the rows of a listing stay small.
MIGRATIONS = (
    """
    CREATE TABLE spaces (
        space_id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, type TEXT NOT NULL,
        region TEXT NOT NULL, biz TEXT NOT NULL, tag TEXT NOT NULL, storage_class TEXT NOT NULL,
        created BIGINT NOT NULL, modified BIGINT NOT NULL, domains TEXT NOT NULL);
    CREATE INDEX spaces_owner ON spaces (owner, name);
    CREATE TABLE domains (domain TEXT NOT NULL PRIMARY KEY, space_id TEXT NOT NULL);
    CREATE INDEX domains_space ON domains (space_id);
    CREATE TABLE flux (
        space_id TEXT NOT NULL, day BIGINT NOT NULL, sent BIGINT NOT NULL, PRIMARY KEY (space_id, day)) WITHOUT ROWID;
    CREATE TABLE tokens (
        token_id TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, public TEXT NOT NULL UNIQUE,
        private TEXT NOT NULL, region TEXT NOT NULL, rights TEXT NOT NULL, expires BIGINT NOT NULL,
        created BIGINT NOT NULL, modified BIGINT NOT NULL);
    CREATE INDEX tokens_owner ON tokens (owner);
    CREATE TABLE objects (
        space_id TEXT NOT NULL, key BLOB NOT NULL, size BIGINT NOT NULL, etag TEXT NOT NULL, mime TEXT NOT NULL,
        blob TEXT, storage_class TEXT NOT NULL, headers TEXT NOT NULL, created BIGINT NOT NULL,
        modified BIGINT NOT NULL, extra TEXT NOT NULL, PRIMARY KEY (space_id, key)) WITHOUT ROWID;
    CREATE INDEX objects_content ON objects (etag, size);
    CREATE INDEX objects_blob ON objects (blob) WHERE blob IS NOT NULL;
    CREATE TABLE small (space_id TEXT NOT NULL, key BLOB NOT NULL, data BLOB NOT NULL, PRIMARY KEY (space_id, key));
    CREATE TABLE uploads (
        upload_id TEXT NOT NULL PRIMARY KEY, space_id TEXT NOT NULL, key BLOB NOT NULL, draft TEXT NOT NULL,
        mime TEXT, storage_class TEXT NOT NULL, headers TEXT NOT NULL, created BIGINT NOT NULL);
    CREATE INDEX uploads_key ON uploads (space_id, key, upload_id);
    CREATE INDEX uploads_draft ON uploads (draft);
    CREATE TABLE parts (
        upload_id TEXT NOT NULL, part BIGINT NOT NULL, etag TEXT NOT NULL, size BIGINT NOT NULL, mime TEXT,
        location TEXT NOT NULL, created BIGINT NOT NULL, PRIMARY KEY (upload_id, part)) WITHOUT ROWID
    """,
    # The ledger.  since: when the blob lost its last name, 0 while it has one.  doomed: 1 deleted, 2 removed once.
    """
    CREATE TABLE blobs (
        blob TEXT NOT NULL PRIMARY KEY, size BIGINT NOT NULL, segments BLOB, since BIGINT NOT NULL,
        doomed BIGINT NOT NULL);
    CREATE INDEX blobs_since ON blobs (since, blob) WHERE since > 0;
    CREATE TABLE leases (blob TEXT NOT NULL PRIMARY KEY, until BIGINT NOT NULL)
    """,
    """
    CREATE TABLE keys (
        public TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, private TEXT NOT NULL, created BIGINT NOT NULL)
    """,
    # One row: the schema of the oldest program that may still run on this database, 0 if it predates this table.
    """
    CREATE TABLE oldest (schema BIGINT NOT NULL);
    INSERT INTO oldest VALUES (0)
    """,
    # One row at most: the identity shared with the blobs.
    "CREATE TABLE identity (identity TEXT NOT NULL)",
    # Bytes uploaded to the space on the day.  Older programs count only the bytes sent.
    "ALTER TABLE flux ADD COLUMN received BIGINT NOT NULL DEFAULT 0",
    # Objects of several blobs.  A blob column with the name of a part list stands for the list's extents.  part_blobs:
    # which blobs parts name; owner: the part list, also while its upload is open; size: the bytes used of the blob.
    # uploads.s3: JSON of an S3Upload, "" for an upload that UFile began.
    """
    CREATE TABLE part_lists (name TEXT NOT NULL PRIMARY KEY, parts TEXT NOT NULL, extents TEXT NOT NULL);
    CREATE TABLE part_blobs (
        blob TEXT NOT NULL, owner TEXT NOT NULL, part BIGINT NOT NULL, size BIGINT NOT NULL,
        PRIMARY KEY (blob, owner, part)) WITHOUT ROWID;
    CREATE INDEX part_blobs_owner ON part_blobs (owner, part);
    CREATE TABLE s3_parts (
        upload_id TEXT NOT NULL, number BIGINT NOT NULL, size BIGINT NOT NULL, md5 TEXT NOT NULL,
        extents TEXT NOT NULL, checksum TEXT NOT NULL, digests BLOB NOT NULL, created BIGINT NOT NULL,
        PRIMARY KEY (upload_id, number)) WITHOUT ROWID;
    ALTER TABLE uploads ADD COLUMN s3 TEXT NOT NULL DEFAULT ''
    """,
    # JSON of {kind: document} with the settings of a space that only S3 has, "" if there are none.
    "ALTER TABLE spaces ADD COLUMN documents TEXT NOT NULL DEFAULT ''",
    # The few objects that S3 uploaded in parts of such sizes that only their bytes tell UFile's etag, which has 32
    # characters at most.  Until the bytes are read they have the ETag of S3 instead, which is longer.
    "CREATE INDEX objects_unread ON objects (space_id, key) WHERE length(etag) > 32",
)

RETIRE = f"UPDATE oldest SET schema = {len(MIGRATIONS)}"

SPACE = "space_id, name, owner, type, region, biz, tag, storage_class, created, modified, domains, documents"
TOKEN = "token_id, owner, name, public, private, region, rights, expires, created, modified"
KEY = "public, owner, private, created"
OBJECT = "space_id, key, size, etag, mime, blob, storage_class, headers, created, modified, extra"
UPLOAD = "upload_id, space_id, key, draft, mime, storage_class, headers, created, s3"
PART = "part, etag, size, mime, location, created"
S3_PART = "number, size, md5, extents, checksum, digests, created"


def statements(version: int, *, postgres: bool, to: int = len(MIGRATIONS)) -> Iterator[str]:
    """The statements that migrate a database from ``version`` to ``to``.  An empty database has no older programs."""
    for script in MIGRATIONS[version:to]:
        if postgres:
            script = re.sub(r"\bBLOB\b", "BYTEA", script).replace(" WITHOUT ROWID", "")
            script = re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', script)  # sort by bytes, as SQLite does
        yield from script.split(";")
    if version == 0 and to == len(MIGRATIONS):
        yield RETIRE


def insert(table: str, columns: str) -> str:
    marks = ", ".join(f"${number}" for number, _ in enumerate(columns.split(", "), 1))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})"


PUT = f"{insert('objects', OBJECT)} ON CONFLICT (space_id, key) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in OBJECT.split(", ")[2:]
)
#: A row if an object or a part names the blob.
NAMES = "SELECT 1 FROM objects WHERE blob = $1 UNION ALL SELECT 1 FROM part_blobs WHERE blob = $2 LIMIT 1"
#: (blob, whether an object names it, else a part) for the blobs of two equal conditions.  Between two statements a name
#: could move from an object to a part, by a copy and a deletion, so that neither would see it.
NAMED = "SELECT blob, TRUE FROM objects WHERE blob {} UNION SELECT blob, FALSE FROM part_blobs WHERE blob {}"
PUT_SMALL = f"{insert('small', 'space_id, key, data')} ON CONFLICT (space_id, key) DO UPDATE SET data = excluded.data"


@functools.lru_cache(maxsize=256)
def in_sqlite(statement: str) -> str:
    """The same statement with a ? for each parameter.  Each parameter occurs once, in ascending order."""
    return re.sub(r"\$\d+", "?", statement)


def headers_of(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text)) if text != "[]" else ()


def space_of(row: Row) -> SpaceRecord:
    more: Row = (tuple(json.loads(row[10])) if row[10] != "[]" else (), documents_of(row[11]))
    return SpaceRecord(*row[:10], *more)


def documents_of(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(json.loads(text).items()) if text else ()


def documents_text(documents: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(documents.items()))) if documents else ""


def token_of(row: Row) -> TokenRecord:
    lists = [tuple(each) for each in json.loads(row[6])]
    return TokenRecord(*row[:6], *lists, *row[7:])


def space_row(space: SpaceRecord) -> Row:
    """The values of the columns SPACE."""
    return (
        *(space.space_id, space.name, space.owner, space.type, space.region, space.biz, space.tag),
        *(space.storage_class, space.created, space.modified, json.dumps(space.domains)),
        documents_text(dict(space.documents)),
    )


def token_row(token: TokenRecord) -> Row:
    """The values of the columns TOKEN."""
    rights = json.dumps([token.ops, token.prefixes, token.spaces, token.black_ips, token.white_ips])
    return (
        *(token.token_id, token.owner, token.name, token.public, token.private, token.region, rights),
        *(token.expires, token.created, token.modified),
    )


def object_of(row: Row, inline: bytes | None = None) -> ObjectRecord:
    space_id, key, size, etag, mime, blob, storage_class, headers, created, modified, extra = row[:11]
    return ObjectRecord(
        *(space_id, key.decode(), size, etag, mime, blob, inline, storage_class),
        *(headers_of(headers), created, modified),
        *(_extra_of(extra) if extra else ()),
    )


def object_row(record: ObjectRecord, created: int) -> Row:
    """The values of the columns OBJECT, with this creation time."""
    extra = (record.tags, record.acl, record.ready, record.expires)
    text = json.dumps(extra) if any(extra) else ""
    if record.s3 is not None:
        text = f"{(text or NO_EXTRA)[:-1]}, {_facts_text(record.s3)}]"
    return (
        *(record.space_id, record.key.encode(), record.size, record.etag, record.mime, record.blob),
        *(record.storage_class, json.dumps(record.headers) if record.headers else "[]", created, record.modified, text),
    )


def check_source(row: Row | None, source: ObjectRecord, record: ObjectRecord | None) -> None:
    """NotFound unless the source's row allows the put: see ``source`` of Catalog.put.  ``record``: None for a part."""
    if row is None:
        is_same = False
    elif record is not None and (source.space_id, source.key) == (record.space_id, record.key):
        is_same = row == object_row(source, source.created)
    else:  # a copy: only the bytes must be the same
        is_same = row[2:4] == (source.size, source.etag) and row[5] == source.blob
    if not is_same:
        raise errors.NotFound(key=source.key)


#: As json.loads, for a text without blanks around it: in half the time, which counts in a listing.
_decoded = json.JSONDecoder().raw_decode


def _extra_of(text: str) -> tuple[Any, ...]:
    tags, acl, ready, expires, *more = _decoded(text)[0]
    return _pairs(tags) if tags else (), acl, ready, expires, *[S3Facts(**facts) for facts in more]


def _pairs(found: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in found)


def _facts_text(facts: S3Facts) -> str:
    """JSON of the facts without the empty ones.  As json.dumps of a dict, in a tenth of the time."""
    pairs = [f'"{name}": {_quoted(value)}' for name, value in zip(_FACTS, _facts(facts), strict=True) if value]
    return f"{{{', '.join(pairs)}}}"


_FACTS = S3Facts.__slots__
_facts = attrgetter(*_FACTS)
_quoted = json.encoder.encode_basestring_ascii
NO_EXTRA = json.dumps(((), "", 0, 0))


def _s3_values(of: S3Upload) -> dict[str, Any]:
    """Its values, without the empty ones."""
    values = ((name, getattr(of, name)) for name in of.__slots__)
    return {name: value for name, value in values if value}


def upload_of(row: Row) -> UploadRecord:
    upload_id, space_id, key, draft, mime, storage_class, headers, created, s3 = row
    return UploadRecord(
        *(upload_id, space_id, key.decode(), draft, mime, storage_class, headers_of(headers), created),
        _s3_upload_of(s3) if s3 else None,
    )


def _s3_upload_of(text: str) -> S3Upload:
    values = json.loads(text)
    return S3Upload(**{**values, "tags": _pairs(values.get("tags", []))})


def upload_row(upload: UploadRecord) -> Row:
    """The values of the columns UPLOAD."""
    return (
        *(upload.upload_id, upload.space_id, upload.key.encode(), upload.draft, upload.mime),
        *(upload.storage_class, json.dumps(upload.headers), upload.created),
        json.dumps(_s3_values(upload.s3)) if upload.s3 is not None else "",
    )


def s3_part_of(row: Row) -> ExtentPart:
    number, size, md5, extents, checksum, digests, created = row
    return ExtentPart(number, size, md5, tuple(extents_of(extents)), checksum, bytes(digests), created)


def s3_part_row(part: ExtentPart) -> Row:
    """The values of the columns S3_PART."""
    return (
        *(part.number, part.size, part.md5, extents_text(part.extents)),
        *(part.checksum, part.digests, part.created),
    )


def extents_of(text: str) -> list[Extent]:
    return [Extent(*each) for each in json.loads(text)]


def extents_text(extents: Sequence[Extent]) -> str:
    return _compact(extents)


#: As json.dumps, which makes an encoder for each call.
_compact = json.JSONEncoder(separators=(",", ":")).encode


def part_list_row(name: str, parts: Sequence[ExtentPart]) -> Row:
    """The values of a row of part_lists.  The extents of all parts are one list, for readers need no more."""
    texts = [(each.number, each.size, each.md5, each.checksum, len(each.extents)) for each in parts]
    extents = [extent for each in parts for extent in each.extents]
    return name, _compact(texts), extents_text(extents)


def part_list_of(parts: str, extents: str) -> list[ExtentPart]:
    each = iter(extents_of(extents))
    return [
        ExtentPart(number, size, md5, tuple(islice(each, count)), checksum)
        for number, size, md5, checksum, count in json.loads(parts)
    ]


def behind(prefix: bytes) -> bytes:
    """The smallest bytes greater than all that begin with ``prefix`` (not empty; UTF-8 has no 0xFF)."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))


def rolled_up(key: bytes, prefix: bytes, delimiter: bytes) -> bytes:
    """The common prefix that replaces the key in a listing, b"" if the key is listed itself."""
    at = key.find(delimiter, len(prefix))
    return key[: at + len(delimiter)] if at >= 0 else b""
