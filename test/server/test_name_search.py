"""The console's search for a part of a name: what it finds, and how much one call reads."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ucloud.uvideo.protocol import etag
from uvideo.server.console.name_search import SEARCHED, NameMatches, search_names
from uvideo.storage.base import Catalog, ObjectRecord, SpaceRecord
from uvideo.storage.sqlite import SqliteCatalog

SPACE = "space-1"


@contextlib.asynccontextmanager
async def catalog_with(folder: Path, *keys: str) -> AsyncIterator[Catalog]:
    """A catalog with a space that contains objects with these keys."""
    catalog = SqliteCatalog(folder / "catalog.db", fsync=False)
    await catalog.start()
    try:
        await catalog.create_space(SpaceRecord(SPACE, "clips", "owner"))
        for key in keys:
            await catalog.put(ObjectRecord(SPACE, key, 0, etag.EMPTY[0], "text/plain", inline=b""))
        yield catalog
    finally:
        await catalog.close()


def fill(path: Path, count: int) -> None:
    more = (0, etag.EMPTY[0], "video/mp4", None, "STANDARD", "[]", 1_700_000_000, 1_700_000_000, "")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        rows = ((SPACE, b"clip-%06d.mp4" % number, *more) for number in range(count))
        db.executemany(f"INSERT INTO objects VALUES (?{', ?' * 10})", rows)


def keys_of(found: NameMatches) -> list[str]:
    return [record.key for record in found.objects]


@pytest.mark.parametrize(
    ("prefix", "text", "objects", "folders"),
    (
        ("", "holi", ["f/My HOLIDAY.mp4", "holiday/b.txt/holiday"], ["f/Holidays/", "holiday/"]),
        ("", "HOLIDAY", ["f/My HOLIDAY.mp4", "holiday/b.txt/holiday"], ["f/Holidays/", "holiday/"]),
        ("f/", "holi", ["f/My HOLIDAY.mp4"], ["f/Holidays/"]),
        ("holiday/", "b.t", [], ["holiday/b.txt/"]),
        ("", "CAFE\u0301", ["f/Holidays/Caf\u00e9.txt"], []),
        ("", "stras\u017fe", ["f/STRA\u00dfE"], []),
        ("", "abc", ["\uff21\uff22\uff23.txt"], []),
        ("", "片", ["f/短片.mp4"], ["片/"]),
        ("", "f/", [], []),
        ("none/", "a", [], []),
    ),
)
def test_what_is_found(tmp_path: Path, prefix: str, text: str, objects: list[str], folders: list[str]) -> None:
    """Names, not paths: an object is found by its own name, and a folder once, whatever is in it."""
    keys = (
        *("f/Holidays/Caf\u00e9.txt", "f/Holidays/a", "f/My HOLIDAY.mp4", "f/STRA\u00dfE", "f/短片.mp4"),
        *("holiday/", "holiday/a", "holiday/b.txt/holiday", "\uff21\uff22\uff23.txt", "片/"),
    )

    async def work() -> None:
        async with catalog_with(tmp_path, *keys) as catalog:
            whole = await search_names(catalog, SPACE, prefix, text, "", 1000)
            assert (keys_of(whole), whole.folders, whole.next_marker) == (objects, folders, "")
            pieces, marker = NameMatches(), ""
            for turn in itertools.count():
                found = await search_names(catalog, SPACE, prefix, text, marker, 1)
                pieces.objects += found.objects
                pieces.folders += found.folders
                pieces.searched += found.searched
                marker = found.next_marker
                if not marker:
                    break
                assert turn < len(keys)
            assert (keys_of(pieces), pieces.folders, pieces.searched) == (objects, folders, whole.searched)

    asyncio.run(work())


def test_a_call_reads_a_bounded_number_of_keys_and_lets_others_run(tmp_path: Path) -> None:
    async def work() -> None:
        async with catalog_with(tmp_path) as catalog:
            fill(tmp_path / "catalog.db", SEARCHED + 10)
            turns = 0

            async def other() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            beside = asyncio.create_task(other())
            still = iter(lambda: 0.0, None).__next__
            first = await search_names(catalog, SPACE, "", f"{SEARCHED + 3:06}", "", 1000, still)
            beside.cancel()
            assert (keys_of(first), first.searched) == ([], SEARCHED) and first.next_marker
            assert turns > 10
            rest = await search_names(catalog, SPACE, "", f"{SEARCHED + 3:06}", first.next_marker, 1000, still)
            assert (keys_of(rest), rest.searched, rest.next_marker) == ([f"clip-{SEARCHED + 3:06}.mp4"], 10, "")
            late = await search_names(catalog, SPACE, "", "none", "", 1000, itertools.count(0.0, 10.0).__next__)
            assert 0 < late.searched < SEARCHED and late.next_marker == f"clip-{late.searched - 1:06}.mp4"

    asyncio.run(work())


def test_other_requests_go_on_while_keys_with_many_folders_are_searched(tmp_path: Path) -> None:
    """Not only between two queries: a slow clock stands for keys that take long."""

    async def work() -> int:
        turns, at_end, clock = 0, asyncio.Event(), itertools.count(0.0, 0.01)

        async def other() -> None:
            nonlocal turns
            while not at_end.is_set():
                turns += 1
                await asyncio.sleep(0)

        async with catalog_with(tmp_path, *map(str, range(60))) as catalog:
            task = asyncio.create_task(other())
            found = await search_names(catalog, SPACE, "", "none", "", 10, lambda: next(clock))
            at_end.set()
            await task
        assert found.searched == 60
        return turns

    assert asyncio.run(work()) >= 10
