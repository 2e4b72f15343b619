"""The contract of Catalog in PostgreSQL, and what only PostgreSQL can get wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from test.cluster.postgres import Postgres, waits_for_locks
from test.contract.accounts import AccountsContract
from test.contract.catalog import OBJECT, SPACE, UPLOAD, CatalogContract, small
from test.contract.part_lists import PartListsContract, begin, made, part
from test.contract.place import Place, play
from ucloud.uvideo.protocol import errors
from uvideo.storage.base import Catalog, Unreachable
from uvideo.storage.postgres import PostgresCatalog
from uvideo.storage.postgres_connections import Connections, Lock
from uvideo.storage.schema import MIGRATIONS

pytestmark = pytest.mark.cluster


@pytest.fixture
def place(database: str) -> Place:
    return Place("test.cluster.places:catalog", {"database": database})


class TestPostgres(CatalogContract, AccountsContract, PartListsContract):
    @pytest.fixture
    def place(self, database: str) -> Place:
        return Place("test.cluster.places:catalog", {"database": database})

    @pytest.fixture(autouse=True)
    def _database(self, postgres: Postgres, database: str) -> None:
        self._run = lambda script: postgres.run(database.rpartition("/")[2], script)

    async def run(self, catalog: Catalog, statement: str) -> None:
        await asyncio.to_thread(self._run, statement.format(bytes="BYTEA"))


def test_a_newer_schema_is_refused(place: Place, postgres: Postgres, database: str) -> None:
    play(lambda catalog: catalog.check(), place)
    postgres.run(database.rpartition("/")[2], f"UPDATE schema_version SET version = {len(MIGRATIONS) + 1}")
    with pytest.raises(RuntimeError, match=f"has schema {len(MIGRATIONS) + 1}"):
        play(lambda catalog: catalog.check(), place)


def test_an_older_schema_is_migrated_once_by_many_at_once(place: Place, postgres: Postgres, database: str) -> None:
    play(lambda catalog: catalog.create_space(SPACE), place)
    name = database.rpartition("/")[2]
    postgres.run(name, "DROP TABLE blobs, leases, keys, oldest, identity; ALTER TABLE flux DROP COLUMN received")
    postgres.run(name, "DROP TABLE part_lists, part_blobs, s3_parts; ALTER TABLE uploads DROP COLUMN s3")
    postgres.run(name, "ALTER TABLE spaces DROP COLUMN documents; DROP INDEX objects_unread")
    postgres.run(name, "UPDATE schema_version SET version = 1")

    async def story(*catalogs: Catalog) -> None:
        for catalog in catalogs:
            assert await catalog.space("space") == SPACE

    async def all_at_once() -> None:
        catalogs = [place.driver_here() for _ in range(6)]
        await asyncio.gather(*(catalog.start() for catalog in catalogs))
        await story(*catalogs)
        for catalog in catalogs:
            await catalog.close()

    asyncio.run(all_at_once())
    assert postgres.run(name, "SELECT version, (SELECT count(*) FROM blobs) FROM schema_version") == (
        f"{len(MIGRATIONS)}|0\n"
    )
    assert postgres.run(name, "SELECT schema FROM oldest") == "0\n"  # whoever made the database may still run


def test_a_failure_says_no_password(postgres: Postgres) -> None:
    async def story(url: str) -> None:
        with pytest.raises(Unreachable) as caught:
            await PostgresCatalog(Connections(url)).start()
        assert "secret" not in str(caught.value) + repr(caught.value)

    for url in (
        f"postgresql://uvideo:secret@127.0.0.1:{postgres.port}/postgres",
        "postgresql://uvideo:secret@127.0.0.1:1/postgres",
    ):
        asyncio.run(story(url))


def test_of_two_who_drop_the_last_names_of_a_blob_one_gets_it(place: Place) -> None:
    async def story(one: Catalog, two: Catalog) -> None:
        await one.create_space(SPACE)
        for number in range(40):
            blob = f"blob {number}"
            for key in "ab":
                await one.put(replace(OBJECT, key=key, blob=blob))
            outcomes = await asyncio.gather(one.delete("s", "a"), two.delete("s", "b"))
            assert sorted(outcomes, key=len) == [[], [blob]]

    play(story, place, place)


def test_copies_and_deletions_at_once_never_lose_a_blob(place: Place) -> None:
    async def story(one: Catalog, two: Catalog) -> None:
        await one.create_space(SPACE)
        for number in range(40):
            source = replace(OBJECT, key="source", blob=f"blob {number}", etag=str(number))
            await one.put(source)
            copying = one.put(replace(source, key="copy"), source=source)
            copied, dropped = await asyncio.gather(copying, two.delete("s", "source"), return_exceptions=True)
            there = await one.get("s", "copy")
            if isinstance(copied, errors.NotFound):
                assert dropped == [source.blob] and there is None
            else:
                assert dropped == [] and there is not None
                assert await one.delete("s", "copy") == [source.blob]

    play(story, place, place)


def test_a_blob_whose_name_moves_from_an_object_to_a_part_is_kept(place: Place, database: str) -> None:
    """While an upload is aborted, a part is copied from an object, and the object deleted."""
    first, second = sorted(("one", "two"), key=lambda blob: Lock("blob", blob).number)

    async def story(catalog: Catalog) -> None:
        await catalog.create_space(SPACE)
        sources = [replace(OBJECT, key=blob, blob=blob) for blob in (first, second)]
        await begin(catalog, "aborted")
        await begin(catalog, "kept", name="parts-1")
        for number, source in enumerate(sources, 1):
            await catalog.put(source)
            await catalog.replace_part("aborted", part(number, source.key), source=source)
        holder = await asyncpg.connect(database)
        try:
            await holder.execute(f"SELECT pg_advisory_lock({Lock('blob', first).number})")
            aborting = asyncio.ensure_future(catalog.abort("aborted"))
            await waits_for_locks(holder, 1)
            await catalog.replace_part("kept", part(1, second), source=sources[1])
            assert await catalog.delete("s", second) == []
        finally:
            await holder.close()
        assert await aborting == []
        assert await catalog.abort("kept") == [second]
        assert await catalog.delete("s", first) == [first]

    play(story, place)


def test_who_drops_parts_and_an_object_locks_the_parts_first(place: Place, database: str) -> None:
    """As who drops parts of a blob that an object has too; in another order the two could wait for each other.

    It locks no rows of other part lists: a blob may have many.
    """
    first, second, third = sorted(("one", "two", "three"), key=lambda blob: Lock("blob", blob).number)

    async def story(catalog: Catalog) -> None:
        await catalog.create_space(SPACE)
        await begin(catalog, "aborted")
        chosen = await begin(catalog, "finished", part(1, "new"), name="parts-1")
        for number, blob in enumerate((first, second, third), 1):
            source = replace(OBJECT, key=blob, blob=blob)
            await catalog.put(source)
            await catalog.replace_part("aborted", part(number, blob), source=source)
        await catalog.replace_part("finished", part(2, third), source=source)
        holder = await asyncpg.connect(database)
        try:
            await holder.execute(f"SELECT pg_advisory_lock({Lock('blob', first).number})")
            aborting = asyncio.ensure_future(catalog.abort("aborted"))
            await waits_for_locks(holder, 1)
            await holder.execute("SELECT FROM part_blobs WHERE owner = 'parts-1' FOR UPDATE NOWAIT")
            finishing = asyncio.ensure_future(catalog.finish_s3("finished", made(second, "parts-1"), chosen))
            await waits_for_locks(holder, 2)
            assert await holder.fetchval(f"SELECT pg_try_advisory_lock({Lock('blob', second).number})")
        finally:
            await holder.close()
        assert await aborting == []
        assert await finishing == [second]

    play(story, place)


def test_a_space_that_is_deleted_takes_no_more_objects(place: Place) -> None:
    async def story(one: Catalog, two: Catalog) -> None:
        for _ in range(20):
            await one.create_space(SPACE)
            calls = [one.put(small("a")), two.delete_space("space"), one.begin(UPLOAD), one.put(small("b"))]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            if isinstance(outcomes[1], errors.SpaceNotEmpty):
                for key in "ab":
                    await one.delete("s", key)
                await one.delete_space("space")
            else:
                assert all(isinstance(each, errors.SpaceNotFound) for each in (outcomes[0], outcomes[3]))
            assert await one.list_by_offset("s", 0, 10) == []
            assert await one.upload("upload") is None

    play(story, place, place)


def test_a_space_is_deleted_with_the_part_that_is_being_added(place: Place, database: str) -> None:
    """Whoever locks an upload and its parts locks the upload first: it then gets no part more."""

    async def story(catalog: Catalog) -> list[tuple[object, ...]]:
        await catalog.create_space(SPACE)
        await catalog.begin(UPLOAD)
        adding = await asyncpg.connect(database)
        try:
            await adding.execute("BEGIN; SELECT FROM uploads FOR KEY SHARE")
            deleting = asyncio.ensure_future(catalog.delete_space("space"))
            await waits_for_locks(adding, 1)
            await adding.execute("INSERT INTO parts VALUES ('upload', 0, 'e', 1, NULL, '', 0); COMMIT")
            assert await deleting == [UPLOAD.draft]
            return [tuple(row) for row in await adding.fetch("SELECT * FROM parts")]
        finally:
            await adding.close()

    assert play(story, place) == []


def test_many_more_at_once_than_connections(place: Place) -> None:
    async def story(catalog: Catalog) -> int:
        await catalog.create_space(SPACE)
        await asyncio.gather(*(catalog.put(small(f"{number:03}")) for number in range(100)))
        tasks = [asyncio.ensure_future(catalog.put(small(f"x{number}"))) for number in range(60)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await catalog.put(small("after"))
        return len((await catalog.list("s", "", "", 99)).objects)

    assert play(story, place) == 99
