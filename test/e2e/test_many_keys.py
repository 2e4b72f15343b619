"""A space of 1,000,000 keys: any page of its listing costs about what the first one does."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation
from ucloud.uvideo.protocol.errors import SpaceNotEmpty
from uvideo.storage.base import ObjectRecord
from uvideo.storage.schema import OBJECT
from uvideo.storage.sqlite import SqliteCatalog

pytestmark = pytest.mark.long

KEYS = 1_000_000
FOLDERS = 1000
IN_A_FOLDER = KEYS // FOLDERS
BATCH = 100_000  # keys of one transaction
PAGE = 1000
TRIES = 5
LOAD_SECONDS = 40.0
RATIO = 3.0
CALLS = 10  # of one measurement
TICK = 1 / os.sysconf("SC_CLK_TCK")  # of the clock of a process
NOISE = 2 * TICK / CALLS  # seconds of one call
COLUMNS = OBJECT.split(", ")


def key(number: int) -> str:
    return f"folder{number // IN_A_FOLDER:04}/clip{number % IN_A_FOLDER:06}.mp4"


def rows(model: tuple[Any, ...], first: int) -> Iterator[tuple[Any, ...]]:
    """Rows like ``model``, of the next keys."""
    row = list(model)
    at_key, at_etag, at_blob = (COLUMNS.index(name) for name in ("key", "etag", "blob"))
    for number in range(max(first, 1), first + BATCH):
        row[at_key] = key(number).encode()
        row[at_etag] = f"AQAAAA{number:026}"
        row[at_blob] = f"blob{number:012}"
        yield tuple(row)


async def load(path: Path, name: str) -> None:
    """Fill the space behind the server's back, in the file that it serves from: one record, then rows like it."""
    catalog = SqliteCatalog(path, fsync=False)
    await catalog.start()
    try:
        space = await catalog.space(name)
        assert space is not None
        mime, now = "video/mp4", 1893450000
        await catalog.put(ObjectRecord(space.space_id, key(0), 11, "e" * 32, mime, "blob", created=now, modified=now))
        select = f"SELECT {OBJECT} FROM objects WHERE space_id = ?"
        (model,) = await catalog.write(lambda db: db.execute(select, (space.space_id,)).fetchall())
        insert = f"INSERT INTO objects ({OBJECT}) VALUES ({', '.join('?' * len(COLUMNS))})"
        for first in range(0, KEYS, BATCH):

            def work(db: sqlite3.Connection, first: int = first) -> int:
                return db.executemany(insert, rows(model, first)).rowcount

            assert await catalog.write(work) == BATCH - (first == 0)
    finally:
        await catalog.close()


class Many(NamedTuple):
    """A server with the space.  ``pid``: of its process."""

    peer: Peer
    space: str
    pid: int

    def used(self) -> float:
        """Its CPU time in seconds: other work on the machine does not count."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def medians(self, work: dict[str, Callable[[], Any]]) -> dict[str, float]:
        """The median seconds of each in five rounds."""
        taken: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(TRIES):
            for name, call in work.items():
                before = self.used()
                for _ in range(CALLS):
                    call()
                taken[name].append((self.used() - before) / CALLS)
        return {name: statistics.median(each) for name, each in taken.items()}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    folder = tmp_path_factory.mktemp("many")
    with start_server(folder, "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        started, worked = time.monotonic(), time.process_time()
        asyncio.run(load(folder / "catalog.db", space))
        worked = time.process_time() - worked
        print(f"{KEYS} keys loaded in {time.monotonic() - started:.1f} s, {worked:.1f} s of this process")
        assert worked < LOAD_SECONDS  # not of the clock on the wall: the machine may be busy
        yield Many(peer, space, server.pid)


def test_any_page_costs_about_what_the_first_one_does(many: Many) -> None:
    peer, space, _ = many
    pages = {
        # name: (query, keys or prefixes of the page)
        "first": ("?listobjects&prefix=&marker=&max-keys=1000&delimiter=", range(PAGE)),
        "second": (f"?listobjects&marker={key(PAGE - 1)}&max-keys=1000", range(PAGE, 2 * PAGE)),
        "middle": (f"?listobjects&marker={key(KEYS // 2)}&max-keys=1000", range(KEYS // 2 + 1, KEYS // 2 + 1 + PAGE)),
        "end": (f"?listobjects&marker={key(KEYS - PAGE - 1)}&max-keys=1000", range(KEYS - PAGE, KEYS)),
        "prefix": ("?listobjects&prefix=folder0777%2F&max-keys=1000", range(777 * PAGE, 778 * PAGE)),
        "prefix and marker": (
            f"?listobjects&prefix=folder0&marker={key(9 * KEYS // 10)}&max-keys=1000",
            range(9 * KEYS // 10 + 1, 9 * KEYS // 10 + 1 + PAGE),
        ),
        "within a folder": ("?listobjects&prefix=folder0500%2F&max-keys=1000&delimiter=%2F", range(500_000, 501_000)),
        "folders": ("?listobjects&prefix=&max-keys=1000&delimiter=%2F", None),
        "folders from the middle": ("?listobjects&marker=folder0499%2F&max-keys=1000&delimiter=%2F", None),
    }
    for query, numbers in pages.values():
        got = peer.ask("GET", space, "/" + query).json()
        if numbers is None:
            folders = [entry["Prefix"] for entry in got["CommonPrefixes"]]
            first = 500 if "marker=folder" in query else 0
            assert folders == [f"folder{number:04}/" for number in range(first, FOLDERS)] and not got["Contents"]
        else:
            assert [entry["Key"] for entry in got["Contents"]] == [key(number) for number in numbers]
    found = many.medians({name: partial(peer.ask, "GET", space, "/" + query) for name, (query, _) in pages.items()})
    print(", ".join(f"{name} {1000 * took:.1f} ms" for name, took in found.items()))
    limit = RATIO * found["first"] + NOISE
    assert {name: took for name, took in found.items() if took >= limit} == {}


def test_prefix_file_list_too(many: Many) -> None:
    peer, space, _ = many
    calls = {}
    for first in (0, KEYS // 2, KEYS - PAGE):
        query = f"/?list&limit={PAGE}&marker={key(first - 1) if first else ''}"
        got = peer.ask("GET", space, query).json()
        assert [entry["FileName"] for entry in got["DataSet"]] == [key(first + number) for number in range(PAGE)]
        assert bool(got["NextMarker"]) == (first + PAGE < KEYS)
        calls[str(first)] = partial(peer.ask, "GET", space, query)
    found = many.medians(calls)
    assert max(found.values()) < RATIO * found["0"] + NOISE, found


def test_it_is_not_deleted_while_it_holds_a_key(many: Many) -> None:
    peer, space, _ = many
    with pytest.raises(SpaceNotEmpty) as refused:
        peer.manage(operation.DeleteSpace(space))
    assert refused.value.action_code == 15023
    assert peer.ask("GET", space, "/?list&limit=1").json()["DataSet"]
