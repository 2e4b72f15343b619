"""Two gateways on one database and one store: what clients were told has one order for each key, and stays.

Gateways are killed with -9 at random instants.  UVIDEO_TEST_ROUNDS=n makes more of it: docs/reliability.md.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from typing import Any

import asyncpg
import obstore
import pytest

from test import patience
from test.cluster.gateways import Cluster
from test.cluster.places import blobs as blobs_of
from test.cluster.places import catalog as catalog_of
from test.crash.names import wrong_names
from test.crash.state import State, fits, look
from test.crash.story import Memory, judge, matches, names, writers
from test.linear.test_histories import history
from test.server.wire import BLOCK, Peer
from test.server_fixture import Server
from ucloud.uvideo.protocol import operation
from uvideo.server.ops.scrub import fsck
from uvideo.storage.base import PartRecord
from uvideo.storage.s3 import segment

pytestmark = pytest.mark.cluster

ROUNDS = int(os.environ.get("UVIDEO_TEST_ROUNDS", "3"))
WRITERS = 6
SPACE = "crash"
#: All blobs that have a name.
BLOBS = "SELECT blob FROM objects WHERE blob NOT LIKE 'parts-%' UNION SELECT blob FROM part_blobs"


def test_histories_through_both_gateways_are_linearizable(cluster: Cluster) -> None:
    done = sum((history(cluster.gateways, seed, 25) for seed in range(ROUNDS)), Counter())
    print(f"linearizable: {dict(done)}")
    assert done["histories"] == ROUNDS and min(done["put"], done["get"], done["delete"]) > 10 * ROUNDS


def test_they_are_when_gateways_are_killed(cluster: Cluster) -> None:
    """One is killed; what its clients were about to do they do through the other, until it is back on its port."""
    gateways, done = list(cluster.gateways), Counter[str]()

    def kill(dice: random.Random) -> None:
        at = dice.randrange(2)
        gateways[at].kill()
        gateways[at] = cluster.gateway("--port", str(gateways[at].port))

    for seed in range(ROUNDS):
        done += history(gateways, 5000 + seed, 40, kill=kill)
    print(f"linearizable, gateways killed: {dict(done)}")
    assert done["histories"] == ROUNDS and len(cluster.gateways) == 2 + ROUNDS


# Durability


class Below:
    """What a cluster keeps, looked at past its gateways; the credentials of the store are in the environment."""

    def __init__(self, cluster: Cluster) -> None:
        self.database = cluster.settings["UVIDEO_SERVE_DATABASE"]
        self.blobs = blobs_of(cluster.settings["UVIDEO_SERVE_BLOBS"], self.database, BLOCK)
        self.catalog = catalog_of(self.database, ledger=True)

    async def quiet(self) -> None:
        """Return once the database has ended what those who are gone had asked for."""
        db = await asyncpg.connect(self.database)
        try:
            deadline = time.monotonic() + 60
            query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
            while await db.fetchval(query) > 1:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
        finally:
            await db.close()

    async def _ask(self, query: str) -> list[Any]:
        db = await asyncpg.connect(self.database)
        try:
            return list(await db.fetch(query))
        finally:
            await db.close()

    async def _part(self, draft: str, part: PartRecord) -> bytes:
        return bytes(await self.blobs.fetch(draft, part.part, bytes.fromhex(part.location), 0, part.size))

    async def look(self, names: list[str], sweep: bool = False) -> tuple[dict[str, State], list[str]]:
        """({writer: what is there}, paths of S3 objects that belong to no name after a sweep)."""
        await self.quiet()
        await self.catalog.start()
        await self.blobs.start()
        try:
            found = await look(self.blobs, self.catalog, SPACE, names, self._part)
            assert (wrong := await wrong_names(self._ask)) == [], wrong
            return found, await self._left() if sweep else []
        finally:
            await self.blobs.close()
            await self.catalog.close()

    async def _left(self) -> list[str]:
        await asyncio.sleep(0.2)  # what was under way to the store has come
        await self.blobs.sweep(self.catalog.named, time.time())
        assert (damages := (await fsck(self.blobs, self.catalog, rehash=False)).damages) == [], damages
        listed = {each["path"] async for chunk in obstore.list(self.blobs.client) for each in chunk}
        paths = listed - {"probe", "identity"}
        needed = set[str]()
        for (blob,) in await self._ask(BLOBS):
            _, nonces = await self.blobs.ledger.segments(blob, 0, 8 * 1000) or (0, b"")
            needed |= {segment(blob, at, nonces[8 * at : 8 * at + 8]) for at in range(len(nonces) // 8)}
        space = await self.catalog.space(SPACE)
        assert space is not None and needed <= paths, needed - paths
        drafts = {each.draft for each in await self.catalog.uploads(space.space_id, "", "", "", 10_000)}
        return [path for path in paths - needed if path.partition("/")[0] not in drafts]


def one_round(
    cluster: Cluster,
    gateways: list[Server],
    below: Below,
    states: dict[str, State],
    memories: dict[str, Memory],
    dice: random.Random,
) -> Counter[str]:
    """Write through both, kill one, then the other; what is there then.

    ``states`` and ``memories`` are brought up to date.
    """
    done: Counter[str] = Counter(rounds=1)
    at_work = writers(gateways, SPACE, states, dice, memories)
    for writer in at_work:
        writer.start()
    order = dice.sample([0, 1], 2)
    for at in order:
        ended = sum(len(writer.steps) for writer in at_work)
        wanted, deadline = ended + dice.randrange(1, 40), time.monotonic() + 60
        while sum(len(writer.steps) for writer in at_work) < wanted and time.monotonic() < deadline:
            time.sleep(dice.uniform(0, 0.004))
        gateways[at].kill()
    for writer in at_work:
        writer.stop.set()
        writer.join(patience.SECONDS)
        assert writer.failure is None and not writer.is_alive(), writer.failure
    found, _ = asyncio.run(below.look(list(states)))
    for writer in at_work:
        name = writer.prefix[:-1]
        judge(writer, found[name])
        states[name] = found[name]
        done.update(step.what for step in writer.steps if step.session is not None)
        done["broken off"] += sum(step.session is None for step in writer.steps)
        done["done though not acknowledged"] += not fits(found[name], writer.allowed()[0])
    for at in order:
        gateways[at] = cluster.gateway("--port", str(gateways[at].port))
    return done


def test_nothing_acknowledged_is_lost_when_gateways_are_killed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cluster.object_store.credentials.items():
        monkeypatch.setenv(name, value)
    Peer(cluster.gateways[0]).manage(operation.CreateSpace(SPACE))
    states, memories = {name: State() for name in names(WRITERS)}, dict[str, Memory]()
    gateways, below = list(cluster.gateways), Below(cluster)
    dice, done = random.Random(20261125), Counter[str]()
    for _ in range(ROUNDS):
        done += one_round(cluster, gateways, below, states, memories, dice)
    for gateway in gateways:  # and the service says the same
        for state in states.values():
            matches(gateway, SPACE, state)
        gateway.kill()
    found, left = asyncio.run(below.look(list(states), sweep=True))
    print(f"kill -9 of gateways: {dict(done)}, {len(left)} objects of the store that nothing names")
    assert found == states and left == []
    assert done["rounds"] == ROUNDS and done["broken off"] > 0
