"""Whether a catalog contradicts itself about part lists: it must know each blob that a part names, and no other."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["wrong_names", "wrong_names_in"]

#: What finds a row only in a catalog that contradicts itself.
QUERIES = {
    "a part list that no object names": """
        SELECT name FROM part_lists WHERE NOT EXISTS (SELECT 1 FROM objects WHERE blob = name)""",
    "an object without its part list": """
        SELECT blob FROM objects WHERE blob LIKE 'parts-%'
        AND NOT EXISTS (SELECT 1 FROM part_lists WHERE name = blob)""",
    "parts without their upload": """
        SELECT upload_id FROM s3_parts
        WHERE NOT EXISTS (SELECT 1 FROM uploads WHERE uploads.upload_id = s3_parts.upload_id AND s3 <> '')""",
    "parts of UFile without their upload": """
        SELECT upload_id FROM parts
        WHERE NOT EXISTS (SELECT 1 FROM uploads WHERE uploads.upload_id = parts.upload_id AND s3 = '')""",
    "bytes in the catalog without their object": """
        SELECT key FROM small WHERE NOT EXISTS (
            SELECT 1 FROM objects WHERE objects.space_id = small.space_id AND objects.key = small.key
            AND blob IS NULL)""",
}
#: (the part list, which has the extents of all its parts, or the part's number, JSON of the extents)
LISTS = "SELECT name, parts, extents FROM part_lists"
PARTS = "SELECT draft, number, extents FROM s3_parts JOIN uploads ON uploads.upload_id = s3_parts.upload_id"
NAMED = "SELECT owner, part, blob FROM part_blobs"


def _verdict(found: dict[str, Iterable[Any]]) -> list[str]:
    wrong = [f"{what}: {row[0]!r}" for what in QUERIES for row in found[what]]
    needed = {(draft, number, blob) for draft, number, text in found[PARTS] for blob, _, _ in json.loads(text)}
    for name, parts, text in found[LISTS]:
        extents = iter(json.loads(text))
        for number, _, _, _, count in json.loads(parts):
            needed |= {(name, number, next(extents)[0]) for _ in range(count)}
        assert next(extents, None) is None, f"{name} has more extents than its parts"
    named = {(owner, part, blob) for owner, part, blob in found[NAMED]}
    wrong += [f"a blob that part_blobs does not have: {each}" for each in sorted(needed - named)]
    return wrong + [f"a blob that no part has: {each}" for each in sorted(named - needed)]


def wrong_names_in(path: Path) -> list[str]:
    """What is wrong in a catalog of SQLite that no server has."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return _verdict({each: db.execute(QUERIES.get(each, each)).fetchall() for each in (*QUERIES, *REST)})


async def wrong_names(ask: Callable[[str], Awaitable[Iterable[Any]]]) -> list[str]:
    """``ask``: the rows of a query to a catalog that no server has."""
    return _verdict({each: await ask(QUERIES.get(each, each)) for each in (*QUERIES, *REST)})


REST = (LISTS, PARTS, NAMED)
