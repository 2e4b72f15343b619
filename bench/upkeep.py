"""How long a writer waits while a catalog of many small objects shrinks.

python -m bench.upkeep [--objects 500000] [older]

Nine tenths of the objects are deleted beside a writer and the server's upkeep.  ``older``: nothing is deleted; the
catalog is as older versions made it, and `uvideo admin compact` converts it beside the writer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from uvideo.storage.base import ObjectRecord, SpaceRecord, Unreachable
from uvideo.storage.sqlite import SqliteCatalog

SPACE = "ufile-0123456789abcdef"
AT_ONCE = 500
SECONDS = 600.0
QUIET = 5.0  # seconds without a change: it is as small as it gets


def key(number: int) -> str:
    return f"folder{number:09d}/clip.mp4"


async def fill(catalog: SqliteCatalog, count: int) -> None:
    await catalog.create_space(SpaceRecord(SPACE, "space", "me"))
    for first in range(0, count, AT_ONCE):
        records = (
            ObjectRecord(SPACE, key(each), 300, f"etag-of-28-characters-{each:06d}", "m", inline=os.urandom(300))
            for each in range(first, min(first + AT_ONCE, count))
        )
        await asyncio.gather(*map(catalog.put, records))


class Writer:
    """Writes an object each 10 ms.  ``worst``: seconds.  ``refused``: how many were."""

    def __init__(self, catalog: SqliteCatalog) -> None:
        self._catalog = catalog
        self.worst, self.refused, self.stored = 0.0, 0, 0

    async def run(self) -> None:
        while True:
            began = time.perf_counter()
            try:
                await self._catalog.put(ObjectRecord(SPACE, f"w{self.stored}", 3, "e", "m", inline=b"abc"))
                self.worst = max(self.worst, time.perf_counter() - began)
                self.stored += 1
            except Unreachable:
                self.refused += 1
            await asyncio.sleep(0.01)


async def measure(folder: Path, count: int, older: bool) -> None:
    path = folder / "catalog.db"
    if older:
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE it_is_not_empty (x)")
        with closing(sqlite3.connect(path)) as db:
            db.execute("DROP TABLE it_is_not_empty")
    catalog = SqliteCatalog(path, fsync=False)
    await catalog.start()
    try:
        await fill(catalog, count)
        say(path, "filled", 0.0)
        writer = Writer(catalog)
        tasks = [asyncio.ensure_future(catalog.upkeep()), asyncio.ensure_future(writer.run())]
        began = time.monotonic()
        if older:
            command = (sys.executable, "-m", "uvideo", "admin", "compact", str(folder))
            await (await asyncio.create_subprocess_exec(*command)).wait()
        else:
            gone = random.Random(1).sample(range(count), count * 9 // 10)
            for first in range(0, len(gone), AT_ONCE):
                await asyncio.gather(*(catalog.delete(SPACE, key(each)) for each in gone[first : first + AT_ONCE]))
            say(path, "deleted", time.monotonic() - began)
            before = 0
            while path.stat().st_size != before and time.monotonic() - began < SECONDS:
                before = path.stat().st_size
                await asyncio.sleep(QUIET)
        say(path, "small", time.monotonic() - began)
        print(f"writer: {writer.worst:.2f} s at most, {writer.refused} of {writer.stored + writer.refused} refused")
        for task in tasks:
            task.cancel()
    finally:
        await catalog.close()


def say(path: Path, what: str, seconds: float) -> None:
    log = path.with_name(path.name + "-wal").stat().st_size
    print(
        f"{what}: after {seconds:.1f} s, catalog {path.stat().st_size / 1e6:.0f} MB, log {log / 1e6:.1f} MB", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("older", nargs="?", choices=["older"])
    parser.add_argument("--objects", type=int, default=500_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), given.objects, given.older is not None))


if __name__ == "__main__":
    main()
