"""What PostgreSQL undoes because two wait for each other, or saw different rows, is run again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg
import pytest

from test.cluster.postgres import Postgres, waits_for_locks
from test.contract.place import PATIENCE, Place, play
from uvideo.storage.base import Unreachable
from uvideo.storage.postgres_connections import TRIES, Connections

pytestmark = pytest.mark.cluster

LOCK_ALL = "SELECT name FROM things ORDER BY name FOR UPDATE"
LOCK = "SELECT FROM things WHERE name = '{}' FOR UPDATE"
LOSING = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION losing() RETURNS {returns} LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') <= {times} THEN
            RAISE EXCEPTION 'lost' USING ERRCODE = '{code}', DETAIL = 'lines more';
        END IF;
        {then}
    END $$"""
WAYS: dict[str, Callable[[Connections, str], Awaitable[Any]]] = {
    "all": lambda made, query: made.all(query, seconds=PATIENCE),
    "one": lambda made, query: made.one(query),
    "change": lambda made, query: made.change(query),
    "transaction": lambda made, query: made.transaction(lambda db: db.fetch(query), seconds=PATIENCE),
}


@pytest.fixture
def place(database: str) -> Place:
    return Place("test.cluster.places:connections", {"database": database})


@pytest.fixture
def run(postgres: Postgres, database: str) -> Callable[[str], str]:
    """Run SQL in the database."""
    return lambda script: postgres.run(database.rpartition("/")[2], script)


@pytest.mark.parametrize("way", ["all", "transaction"])
def test_what_loses_a_deadlock_runs_again(place: Place, database: str, run: Callable[[str], str], way: str) -> None:
    """We lock a, b, c; the other locks c, a.  Whoever holds b keeps us until the other waits for a."""
    run("CREATE TABLE things (name TEXT PRIMARY KEY); INSERT INTO things VALUES ('a'), ('b'), ('c')")
    run(f"ALTER DATABASE {database.rpartition('/')[2]} SET deadlock_timeout = '10ms'")

    async def story(ours: Connections) -> None:
        async with AsyncExitStack() as stack:
            other, gate, watch = [await asyncpg.connect(database) for _ in range(3)]
            for each in (other, gate, watch):
                stack.callback(each.terminate)
            await other.execute("SET deadlock_timeout = '30s'; BEGIN")  # it is not the one who loses at first
            await other.execute(LOCK.format("c"))
            await gate.execute(f"BEGIN; {LOCK.format('b')}")
            losing = asyncio.ensure_future(WAYS[way](ours, LOCK_ALL))
            await waits_for_locks(watch, 1)
            taking = asyncio.ensure_future(other.execute(LOCK.format("a")))
            await waits_for_locks(watch, 2)
            await gate.execute("COMMIT")
            # The other still has c: we cannot be done, and have lost, or a would not be free.  On a busy machine we may
            # have locked a again before the other wakes up.  Then it loses, as we have looked for a deadlock already.
            with suppress(asyncpg.DeadlockDetectedError):
                await taking
            await other.execute("ROLLBACK")
            assert await losing == [("a",), ("b",), ("c",)]

    play(story, place)


@pytest.mark.parametrize("code", ["40P01", "40001"], ids=["deadlock", "serialization"])
@pytest.mark.parametrize("times", [TRIES - 1, TRIES])
def test_what_loses_is_tried_at_most_so_often(place: Place, run: Callable[[str], str], code: str, times: int) -> None:
    run(LOSING.format(returns="INT", times=times, code=code, then="RETURN 1;"))

    async def story(ours: Connections) -> None:
        for way in WAYS.values():
            await ours.one("SELECT setval('tries', 1, false)")
            if times < TRIES:
                assert await way(ours, "SELECT losing()")
            else:
                with pytest.raises(Unreachable, match=r"the database: lost\Z"):
                    await way(ours, "SELECT losing()")
            assert await ours.all("SELECT last_value FROM tries") == [(TRIES,)]

    play(story, place)


def test_a_migration_that_loses_runs_again(place: Place, run: Callable[[str], str]) -> None:
    run(LOSING.format(returns="event_trigger", times=2, code="40P01", then=""))
    run("CREATE EVENT TRIGGER losing ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION losing()")

    async def story(ours: Connections) -> bool:
        return await ours.one("SELECT FROM objects") is None

    assert play(story, place)
    assert int(run("SELECT last_value FROM tries")) > 2  # it did lose
