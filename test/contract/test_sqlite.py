"""The contract of Catalog in SQLite, and what only SQLite can get wrong."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from test import patience
from test.contract.accounts import AccountsContract
from test.contract.catalog import SPACE, CatalogContract, small
from test.contract.part_lists import PartListsContract
from test.contract.place import Place, play
from uvideo.storage.base import Catalog, ObjectRecord, S3Facts, Unreachable
from uvideo.storage.schema import MIGRATIONS, object_row
from uvideo.storage.sqlite import SqliteCatalog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "catalog.sqlite"


class TestSqlite(CatalogContract, AccountsContract, PartListsContract):
    @pytest.fixture
    def place(self, path: Path) -> Place:
        return Place("uvideo.storage.sqlite:SqliteCatalog", {"path": str(path), "fsync": False})

    async def run(self, catalog: SqliteCatalog, statement: str) -> None:
        await catalog.write(lambda db: db.execute(statement.format(bytes="BLOB")).rowcount)


@pytest.fixture
def place(path: Path) -> Place:
    return Place("uvideo.storage.sqlite:SqliteCatalog", {"path": str(path)})


def test_a_busy_machine_that_looked_like_a_lock_has_no_read_refused(place: Place) -> None:
    async def story(catalog: SqliteCatalog) -> list[str]:
        await catalog.create_space(SPACE)
        catalog.refuse()
        return [each.name for each in await catalog.spaces("me", 0, 10)]

    assert play(story, place) == ["space"]


def test_a_newer_schema_is_refused(place: Place, path: Path) -> None:
    play(lambda catalog: catalog.check(), place)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(RuntimeError, match=f"has schema {len(MIGRATIONS) + 1}"):
        asyncio.run(SqliteCatalog(path).start())


@pytest.mark.parametrize(
    "record,extra",
    [
        (ObjectRecord("s", "k", 1, "e", "m"), ""),
        (ObjectRecord("s", "k", 1, "e", "m", acl="public-read"), '[[], "public-read", 0, 0]'),
        (ObjectRecord("s", "k", 1, "e", "m", s3=S3Facts()), '[[], "", 0, 0, {}]'),
        (
            ObjectRecord("s", "k", 1, "e", "m", tags=(("a", "b"),), s3=S3Facts(etag="e", redirect='/"\u89c6')),
            '[[["a", "b"]], "", 0, 0, {"etag": "e", "redirect": "/\\"\\u89c6"}]',
        ),
    ],
)
def test_the_extra_values_of_a_row_are_the_text_that_earlier_versions_stored(record: ObjectRecord, extra: str) -> None:
    """A change of an object compares the rows."""
    assert object_row(record, 0)[-1] == extra


def test_the_files_are_private(place: Place, path: Path) -> None:
    async def story(catalog: Catalog) -> dict[str, int]:
        await catalog.create_space(SPACE)
        return {each.name: stat.S_IMODE(each.stat().st_mode) for each in [path.parent, *path.parent.iterdir()]}

    modes = play(story, place)
    files = [f"catalog.sqlite{tail}" for tail in ("", "-wal", "-shm", "-spaces", "-reserve")]
    assert modes == {"made": 0o700, **dict.fromkeys(files, 0o600)}


@pytest.mark.parametrize(("fsync", "level"), [(True, 2), (False, 1)])
def test_fsync_decides_how_a_commit_syncs(path: Path, fsync: bool, level: int) -> None:
    async def story() -> list[int]:
        catalog = SqliteCatalog(path, fsync=fsync)
        await catalog.start()
        try:
            return list(await catalog.write(lambda db: db.execute("PRAGMA synchronous").fetchone()))
        finally:
            await catalog.close()

    assert asyncio.run(story()) == [level]


def test_a_full_disk_is_said_as_such_and_the_catalog_goes_on(place: Place) -> None:
    async def story(catalog: SqliteCatalog) -> int:
        await catalog.create_space(SPACE)
        (pages,) = await catalog.write(lambda db: db.execute("PRAGMA page_count").fetchone())
        await catalog.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(OSError) as caught:
            for number in range(100):
                await catalog.put(small(f"full/{number}", data=b"x" * 16000))
        assert caught.value.errno == errno.ENOSPC
        await catalog.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
        await catalog.put(small("after"))
        return len((await catalog.list(SPACE.space_id, "after", "", 10)).objects)

    assert play(story, place) == 1


def test_writes_that_wait_share_a_commit(place: Place) -> None:
    async def story(catalog: SqliteCatalog) -> int:
        await catalog.create_space(SPACE)
        commits: list[str] = []
        await catalog.write(lambda db: db.set_trace_callback(commits.append))
        await asyncio.gather(*(catalog.put(small(str(number))) for number in range(500)))
        return commits.count("COMMIT")

    assert 3 <= play(story, place) < 50


@contextlib.asynccontextmanager
async def writing(catalog: SqliteCatalog) -> AsyncIterator[None]:
    """While a transaction goes on."""
    begun, over = threading.Event(), threading.Event()

    def work(db: sqlite3.Connection) -> bool:
        begun.set()
        return over.wait(patience.SECONDS)

    done = asyncio.ensure_future(catalog.write(work))
    try:
        assert await asyncio.to_thread(begun.wait, patience.SECONDS)
        yield
        assert not done.done()
    finally:
        over.set()
    assert await done


def test_a_commit_that_fails_fails_all_of_its_batch_and_nothing_of_it_is_there(place: Place) -> None:
    async def story(catalog: SqliteCatalog) -> None:
        await catalog.create_space(SPACE)

        def sabotage(db: sqlite3.Connection) -> None:
            db.execute("ROLLBACK")  # as SQLite itself does when the disk fails
            raise sqlite3.OperationalError("disk I/O error")

        async with writing(catalog):
            works = [catalog.put(small("one")), catalog.write(sabotage), catalog.put(small("two"))]
            batch = asyncio.gather(*works, return_exceptions=True)
            await asyncio.sleep(0)  # all three wait now
        outcomes = await batch
        assert [type(each) for each in outcomes] == [OSError] * 3
        assert isinstance(outcomes[1], OSError) and outcomes[1].errno == errno.EIO  # what every driver says of it
        for key, outcome in (("one", outcomes[0]), ("two", outcomes[2])):
            assert (await catalog.get("s", key) is not None) == (outcome == [])
        await catalog.put(small("after"))
        assert await catalog.get("s", "after") is not None

    play(story, place)


def test_reads_leave_no_transaction_open(place: Place, path: Path) -> None:
    async def story(catalog: Catalog) -> int:
        await catalog.create_space(SPACE)
        await asyncio.gather(*(catalog.put(small(f"{number % 7}/{number}")) for number in range(50)))
        await catalog.list("s", "", "", 3, "/")
        await catalog.list("s", "", "", 3)
        await catalog.get("s", "1/1")
        await catalog.space("space")
        db = sqlite3.connect(path)
        try:
            return db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]  # 1 if a reader stands in the way
        finally:
            db.close()

    assert play(story, place) == 0


def test_a_slow_write_does_not_stop_reads(place: Place) -> None:
    async def story(catalog: SqliteCatalog) -> bool:
        await catalog.create_space(SPACE)
        async with writing(catalog):
            return await catalog.space("space") == SPACE

    assert play(story, place)


def test_a_look_at_its_health_leaves_a_newer_schema_as_it_is(path: Path) -> None:
    """A program that a newer one has replaced still answers what came to it before."""

    async def look() -> None:
        catalog = SqliteCatalog(path, fsync=False)
        await catalog.start()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as newer:
            newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
            await catalog.check()
            assert newer.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        await catalog.close()

    asyncio.run(look())


def test_reads_that_were_refused_go_on_whatever_ended_the_wait(place: Place, path: Path) -> None:
    async def story(catalog: SqliteCatalog) -> None:
        await catalog.create_space(SPACE)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("ALTER TABLE spaces RENAME TO moved")
            catalog.refuse()
            with pytest.raises(sqlite3.OperationalError, match="no such table"):
                while True:
                    with contextlib.suppress(Unreachable):
                        await catalog.space("space")
                    await asyncio.sleep(0.01)
            other.execute("ALTER TABLE moved RENAME TO spaces")
        assert await catalog.space("space") == SPACE

    play(story, place)
