"""The contract of Blobs in an S3-compatible store, and what only segments can get wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator

import asyncpg
import obstore
import pytest

from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.cluster.relay import Relay, start_relay
from test.cluster.store_faults import before_store, having, most_at_once, refusal
from test.contract.blobs import ALL, BlobsContract, nobody, read, store, store_part, whole
from test.contract.catalog import SPACE
from test.contract.extents import ExtentsContract
from test.contract.place import ROOT, Place, play
from test.contract.store import StoreContract
from test.faults import Seen
from ucloud.uvideo.protocol import errors
from uvideo.storage import s3
from uvideo.storage.base import (
    CAUSES,
    KEEP,
    Blobs,
    Catalog,
    Freed,
    ObjectRecord,
    PartRecord,
    Unreachable,
    UploadRecord,
)
from uvideo.storage.s3 import S3Blobs
from uvideo.storage.s3_failures import ROWS

cluster = pytest.mark.cluster

BLOCK = 64 * 1024
HOUR = 3600


@cluster
class TestS3(BlobsContract):
    @pytest.fixture
    def place(self, bucket: str, database: str) -> Place:
        return Place("test.cluster.places:blobs", {"url": bucket, "database": database, "block_size": BLOCK})


@cluster
class TestCluster(StoreContract, ExtentsContract):
    @pytest.fixture
    def places(self, bucket: str, database: str) -> tuple[Place, Place]:
        return (
            Place("test.cluster.places:blobs", {"url": bucket, "database": database, "block_size": 5000}),
            Place("test.cluster.places:catalog", {"database": database, "ledger": True}),
        )


@pytest.fixture
def place(bucket: str, database: str) -> Place:
    """With a grace, as a gateway has it."""
    arguments = {"url": bucket, "database": database, "block_size": BLOCK, "grace": HOUR}
    return Place("test.cluster.places:blobs", arguments)


@pytest.fixture
def at_once(bucket: str, database: str) -> Place:
    """Without a grace: whatever has no name at this moment is taken."""
    return Place("test.cluster.places:blobs", {"url": bucket, "database": database, "block_size": BLOCK})


@pytest.fixture
def names(database: str) -> Place:
    return Place("test.cluster.places:catalog", {"database": database, "ledger": True})


@pytest.fixture
def relay(object_store: ObjectStore) -> Iterator[Relay]:
    with start_relay(object_store.port, host=object_store.host) as made:
        yield made


@pytest.fixture
def behind_relay(bucket: str, database: str, object_store: ObjectStore, relay: Relay) -> Place:
    """As ``at_once``, with the relay before the store."""
    url = object_store.through(bucket, relay.port)
    return Place("test.cluster.places:blobs", {"url": url, "database": database, "block_size": BLOCK})


class Clock:
    """Lets all that the ledger knows grow older."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        self._postgres, self._name = postgres, database.rpartition("/")[2]

    def passes(self, seconds: int) -> None:
        """Rows are locked in the order of the ledger's statements, or a sweep and this could wait for each other."""
        for table, column in (("blobs", "since"), ("leases", "until")):
            self._postgres.run(
                self._name,
                f"UPDATE {table} SET {column} = {column} - {seconds} WHERE blob IN "
                f"(SELECT blob FROM {table} WHERE {column} > 0 ORDER BY blob FOR UPDATE)",
            )

    def known(self) -> int:
        return int(self._postgres.run(self._name, "SELECT count(*) FROM blobs"))


@pytest.fixture
def clock(postgres: Postgres, database: str) -> Clock:
    return Clock(postgres, database)


def stored(object_store: ObjectStore, bucket: str) -> list[str]:
    """The S3 objects of a place, but for the probe."""
    prefix = bucket.partition("?")[0].rpartition("/")[2]
    found = [entry["path"] for chunk in obstore.list(object_store.store(), prefix=prefix) for entry in chunk]
    return [path for path in found if not path.endswith(("/probe", "/identity"))]


@cluster
def test_what_a_long_reading_holds_is_swept_only_when_it_has_ended(
    place: Place, clock: Clock, object_store: ObjectStore, bucket: str
) -> None:
    async def story(blobs: S3Blobs) -> None:
        names = [await store(blobs, b"%d" % number) for number in range(3)]
        hold = await blobs.hold(names)
        for name in names:
            await blobs.delete(name)
        for _ in range(2):
            hold.renewed -= HOUR / 4
            await blobs.renew()
            await asyncio.to_thread(clock.passes, HOUR - 60)
        await blobs.sweep(nobody, time.time())
        for number, name in enumerate(names):
            with pytest.raises(FileNotFoundError):
                await blobs.open(name)
            reader = await hold.open(name)
            assert b"".join(await read(reader)) == b"%d" % number
            await reader.close()
        await hold.close()
        await asyncio.to_thread(clock.passes, HOUR)
        await blobs.sweep(nobody, time.time())
        assert await asyncio.to_thread(stored, object_store, bucket) == []

    play(story, place)


# Segments


@cluster
@pytest.mark.parametrize("by_parts", [True, False], ids=["parts", "one stream"])
def test_ranges_across_segments(place: Place, monkeypatch: pytest.MonkeyPatch, by_parts: bool) -> None:
    monkeypatch.setattr(s3, "LISTED", 4)
    data = os.urandom(11 * BLOCK + 77)

    async def story(blobs: S3Blobs) -> None:
        if by_parts:
            draft = blobs.draft()
            pieces = [data[first : first + BLOCK] for first in range(0, len(data), BLOCK)]
            parts = await asyncio.gather(*(store_part(blobs, draft, n, piece) for n, piece in enumerate(pieces)))
            blob = await blobs.seal(draft, parts)
        else:
            blob = await store(blobs, *(data[first : first + 10_007] for first in range(0, len(data), 10_007)))
        reader = await blobs.open(blob)
        assert reader.size == len(data)
        edges = (0, 1, BLOCK - 1, BLOCK, 5 * BLOCK + 3, 9 * BLOCK, 11 * BLOCK, len(data) - 1)
        for first in edges:
            for last in (*edges, len(data)):
                if first < last:
                    assert b"".join(await read(reader, first, last - first)) == data[first:last]
        await reader.close()

    play(story, place)


@cluster
def test_a_part_written_again_leaves_no_segment_of_the_first_attempt(
    place: Place, object_store: ObjectStore, bucket: str
) -> None:
    """The gateway was killed between storing and recording it; what may belong to another finish stays."""

    async def story(blobs: S3Blobs) -> None:
        draft = blobs.draft()
        for part in (0, 1, 2):
            await store_part(blobs, draft, part, b"x" * BLOCK)
        parts = [await store_part(blobs, draft, part, b"y" * BLOCK) for part in (0, 1)]
        await obstore.put_async(blobs.client, f"{draft}/note", b"an operator's")
        blob = await blobs.seal(draft, parts)
        assert await whole(blobs, blob) == b"y" * (2 * BLOCK)
        left = [path.rpartition("/")[2] for path in await asyncio.to_thread(stored, object_store, bucket)]
        assert sorted(name.partition("-")[0] for name in left) == ["000000", "000001", "000002", "note"]
        assert {f"00000{part.part}-{part.location}" for part in parts} < set(left)

    play(story, place)


@cluster
def test_a_finish_does_not_wait_for_a_store_that_says_nothing(
    behind_relay: Place, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are durable by then; what was replaced goes with the blob."""
    monkeypatch.setattr(s3, "REMOVAL", 0.1)

    async def story(blobs: S3Blobs) -> bytes:
        draft = blobs.draft()
        parts = [await store_part(blobs, draft, 0, b"part")]
        await asyncio.to_thread(relay.mute)
        blob = await blobs.seal(draft, parts)
        await asyncio.to_thread(relay.mend)
        return await whole(blobs, blob)

    assert play(story, behind_relay) == b"part"


@cluster
def test_segments_are_fetched_ahead_but_not_too_many(place: Place) -> None:
    """Counted as they are asked for, so a store may be as fast as it likes."""

    async def story(blobs: S3Blobs) -> list[int]:
        reader = await blobs.open(await store(blobs, bytes(10 * BLOCK)))
        asked, seen, real = 0, [], blobs.fetch

        async def fetch(*arguments):
            nonlocal asked
            asked += 1
            return await real(*arguments)

        blobs.fetch = fetch
        async for _ in reader.read(0, 10 * BLOCK):
            await asyncio.sleep(0)  # what was asked for begins
            seen.append(asked)
        return seen

    assert play(story, place) == [min(10, number + s3.AHEAD) for number in range(1, 11)]


@cluster
def test_a_reader_that_is_left_early_leaves_nothing_behind(place: Place) -> None:
    async def story(blobs: S3Blobs) -> int:
        reader = await blobs.open(await store(blobs, bytes(10 * BLOCK)))
        pieces = reader.read(0, 10 * BLOCK)
        await anext(pieces)
        await pieces.aclose()
        await reader.close()
        return len(asyncio.all_tasks())

    assert play(story, place) <= 4  # the story, its waiter and the renewal


@cluster
def test_a_lost_segment_is_an_error_and_never_other_bytes(place: Place, object_store: ObjectStore, bucket: str) -> None:
    async def story(blobs: S3Blobs) -> None:
        reader = await blobs.open(await store(blobs, os.urandom(3 * BLOCK)))
        (lost,) = (path for path in stored(object_store, bucket) if "/000001-" in path)
        obstore.delete(object_store.store(), lost)
        with pytest.raises(OSError):
            await read(reader)

    play(story, place)


# Garbage


@cluster
def test_nothing_young_is_swept_whatever_the_caller_says(place: Place, object_store: ObjectStore, bucket: str) -> None:
    async def story(blobs: S3Blobs) -> list[bytes]:
        sealed, deleted = await store(blobs, b"sealed"), await store(blobs, b"deleted")
        reader = await blobs.open(deleted)
        await blobs.delete(deleted)
        await store_part(blobs, blobs.draft(), 0, b"part")
        writer = await blobs.writer()
        await writer.write([bytes(BLOCK)])
        assert await blobs.sweep(nobody, ALL) == 0
        assert len(stored(object_store, bucket)) >= 3
        return [await whole(blobs, sealed), *await read(reader), await whole(blobs, await writer.seal())]

    assert play(story, place) == [b"sealed", b"deleted", bytes(BLOCK)]


@cluster
def test_a_gateway_whose_clock_is_wrong_sweeps_nothing_too_early(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time

    async def story(blobs: S3Blobs) -> bytes:
        blob = await store(blobs, b"young")
        for wrong in (-86400.0, 86400.0, 10.0**9):
            monkeypatch.setattr(time, "time", lambda wrong=wrong: real() + wrong)
            assert await blobs.sweep(nobody, time.time() - HOUR) == 0
        return await whole(blobs, blob)

    assert play(story, place) == b"young"


@cluster
def test_what_a_lease_keeps_is_swept_only_when_that_has_ended(place: Place, clock: Clock) -> None:
    async def story(blobs: S3Blobs) -> None:
        deleted, unsealed, left = await store(blobs, os.urandom(5 * BLOCK)), await blobs.writer(), await blobs.writer()
        reader = await blobs.open(deleted)
        await blobs.delete(deleted)
        for writer in (unsealed, left):
            await writer.write([bytes(2 * BLOCK)])
        for each in (reader, unsealed):
            each.renewed -= HOUR / 4
        await blobs.renew()
        await asyncio.to_thread(clock.passes, HOUR - 60)
        for each in (reader, unsealed):
            each.renewed -= HOUR / 4
        await blobs.renew()
        await asyncio.to_thread(clock.passes, HOUR - 60)
        assert await blobs.sweep(nobody, ALL) == 1  # left
        assert len(b"".join(await read(reader))) == 5 * BLOCK
        kept = await unsealed.seal()
        assert len(await whole(blobs, kept)) == 2 * BLOCK
        with pytest.raises(OSError):
            await left.seal()
        await asyncio.to_thread(clock.passes, 2 * HOUR)
        assert await blobs.sweep(nobody, ALL) == 1  # kept, as nobody named it
        with pytest.raises(OSError):
            await read(reader)

    play(story, place)


@cluster
def test_a_writer_that_stood_still_for_too_long_seals_nothing(place: Place) -> None:
    async def story(blobs: S3Blobs) -> None:
        writer = await blobs.writer()
        await writer.write([b"x"])
        writer.renewed -= 3 * HOUR / 4
        with pytest.raises(Unreachable):
            await writer.seal()
        await writer.discard()

    play(story, place)


@cluster
def test_what_lost_its_name_unasked_is_kept_longer_than_what_was_deleted(place: Place, clock: Clock) -> None:
    async def story(blobs: S3Blobs) -> None:
        lost, deleted = await store(blobs, b"lost"), await store(blobs, b"deleted")
        await blobs.delete(deleted)
        await asyncio.to_thread(clock.passes, 6 * 24 * HOUR)
        assert await blobs.sweep(nobody, ALL) == 0 and clock.known() == 2
        assert await whole(blobs, lost) == b"lost"
        await asyncio.to_thread(clock.passes, 2 * HOUR)
        assert await blobs.sweep(nobody, ALL) == 0 and clock.known() == 1
        await asyncio.to_thread(clock.passes, 24 * HOUR)
        assert await blobs.sweep(nobody, ALL) == 1

    play(story, Place(place.driver, {**place.arguments, "keep": KEEP}))


@cluster
def test_what_comes_after_the_deletion_is_removed_too(
    place: Place, clock: Clock, object_store: ObjectStore, bucket: str
) -> None:
    async def story(blobs: S3Blobs) -> None:
        draft = blobs.draft()
        await store_part(blobs, draft, 0, b"early")
        await blobs.discard(draft)
        await asyncio.to_thread(clock.passes, 2 * HOUR)
        assert await blobs.sweep(nobody, ALL) == 0
        assert stored(object_store, bucket) == []
        await blobs.store(draft, 1, [b"late"])  # by a gateway that knew nothing of it
        assert await blobs.sweep(nobody, ALL) == 0 and len(stored(object_store, bucket)) == 1
        await asyncio.to_thread(clock.passes, 2 * HOUR)
        assert await blobs.sweep(nobody, ALL) == 0
        assert stored(object_store, bucket) == [] and clock.known() == 0

    play(story, place)


@cluster
def test_the_sweep_never_takes_what_gets_a_name_meanwhile(at_once: Place, names: Place) -> None:
    """Sweeps without any grace, one after the other, beside writers: each may lose, none may be told it was stored."""

    async def story(one: S3Blobs, two: S3Blobs, catalog: Catalog) -> tuple[int, int]:
        await catalog.create_space(SPACE)
        acknowledged: dict[str, bytes] = {}
        refused, sweeping = 0, True

        async def sweeps() -> int:
            rounds = 0
            while sweeping or not rounds:
                await two.sweep(catalog.named, ALL)
                rounds += 1
            return rounds

        async def put(key: str) -> None:
            nonlocal refused
            data = os.urandom(100)
            try:
                blob = await store(one, data)
                await asyncio.sleep(0.001 * (len(acknowledged) % 5))
                for gone in await catalog.put(ObjectRecord("s", key, 100, "e", "m", blob=blob)):
                    await one.delete(gone)
                acknowledged[key] = data
            except (OSError, errors.Unavailable):
                refused += 1

        async def multipart(key: str) -> None:
            nonlocal refused
            draft, data = one.draft(), os.urandom(200)
            await catalog.begin(UploadRecord(key, "s", key, draft))
            async with one.part(draft, 0) as slot:
                location = await slot.write([data])
            await catalog.add_part(key, PartRecord(0, "e", 200, location=location))
            blob = await one.seal(draft, await catalog.parts(key, 0, None))
            await catalog.finish(key, ObjectRecord("s", key, 200, "e", "m", blob=blob))
            acknowledged[key] = data

        sweeper = asyncio.ensure_future(sweeps())
        for number in range(25):
            await asyncio.gather(*(put(f"{number % 7}-{each}") for each in range(4)), multipart(f"m{number}"))
        sweeping = False
        assert await sweeper
        await two.sweep(catalog.named, ALL)
        for key, data in acknowledged.items():
            found = await catalog.get("s", key)
            assert found is not None and found.blob is not None
            assert await whole(one, found.blob) == data
        return len(acknowledged), refused

    kept, refused = play(story, at_once, at_once, names)
    assert kept >= 25  # every multipart one: its upload names the draft from the start


@cluster
def test_what_a_sweep_forgot_is_not_sealed(at_once: Place) -> None:
    """The sweep took what was stored, and its row: whoever seals late is told so."""

    async def story(blobs: S3Blobs) -> None:
        writer = await blobs.writer()
        await writer.write([b"late"])
        assert await blobs.sweep(nobody, ALL) == 1
        with pytest.raises(FileNotFoundError):
            await writer.seal()
        assert await whole(blobs, await store(blobs)) == b""

    play(story, at_once)


@cluster
def test_what_has_a_name_is_not_deleted_by_who_was_not_told_so(at_once: Place, names: Place) -> None:
    """A gateway whose connection broke while it committed removes what it believes to be garbage."""

    async def story(blobs: S3Blobs, catalog: Catalog) -> list[bytes]:
        await catalog.create_space(SPACE)
        blob = await store(blobs, b"named")
        await catalog.put(ObjectRecord("s", "key", 5, "e", "m", blob=blob))
        await blobs.delete(blob)
        assert await blobs.sweep(catalog.named, ALL) == 0
        found = [await whole(blobs, blob)]
        assert await catalog.delete("s", "key") == [blob]
        await blobs.delete(blob)
        with pytest.raises(FileNotFoundError):
            await blobs.open(blob)
        return found

    assert play(story, at_once, names) == [b"named"]


async def collect(blobs: S3Blobs, clock: Clock) -> Freed:
    """Both looks at what is garbage now, the grace between them."""
    freed = Freed()
    for _ in range(2):
        await asyncio.to_thread(clock.passes, 2 * HOUR)
        await blobs.sweep(nobody, ALL, freed)
    return freed


@cluster
def test_a_sweep_says_what_it_freed(place: Place, clock: Clock, object_store: ObjectStore, bucket: str) -> None:
    async def story(blobs: S3Blobs) -> tuple[int, Freed]:
        deleted = await store(blobs, bytes(3 * BLOCK))
        await blobs.delete(deleted)
        await store(blobs, b"never named")
        await store_part(blobs, blobs.draft(), 0, b"part")
        await asyncio.to_thread(clock.passes, 2 * HOUR)
        freed = Freed()
        return await blobs.sweep(nobody, ALL, freed), freed

    assert play(story, place) == (2, Freed(3, 3 * BLOCK + 11 + 4))
    assert stored(object_store, bucket) == []


@cluster
def test_a_long_blob_is_removed_by_listing_it(
    place: Place, clock: Clock, object_store: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "SHORT", 2)

    async def story(blobs: S3Blobs) -> Freed:
        for count in (2, 3):
            await blobs.delete(await store(blobs, bytes(count * BLOCK)))
        return await collect(blobs, clock)

    assert play(story, place) == Freed(2, 5 * BLOCK)
    assert stored(object_store, bucket) == [] and clock.known() == 0


@cluster
def test_a_sweep_asks_the_store_for_many_blobs_at_once(
    place: Place, clock: Clock, object_store: ObjectStore, bucket: str
) -> None:
    """One deletion for many segments, and one list a blob, not two; at most so many on their way."""
    count = 300
    with before_store(object_store) as proxy:
        arguments = {**place.arguments, "url": object_store.through(bucket, proxy.port)}

        async def story(blobs: S3Blobs) -> tuple[Freed, list[Seen]]:
            for _ in range(count // 20):
                made = await asyncio.gather(*(store(blobs, b"x" * 100) for _ in range(20)))
                await asyncio.gather(*map(blobs.delete, made))
            proxy.reset()
            return await collect(blobs, clock), proxy.log()

        freed, seen = play(story, Place(place.driver, arguments))
    assert freed == Freed(count, count * 100) and stored(object_store, bucket) == [] and clock.known() == 0
    lists = [each for each in seen if each.method == "GET" and "list-type" in each.target]
    deletions = [each for each in seen if each.method == "POST" and "delete" in each.target]
    assert len(lists) == count and len(deletions) == 2 and len(seen) == count + 2
    assert 2 <= most_at_once(seen) <= s3.LISTS


@cluster
def test_a_blob_that_cannot_be_removed_keeps_no_other(
    place: Place, clock: Clock, object_store: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "BATCH", 4)
    with before_store(object_store) as proxy:
        arguments = {**place.arguments, "url": object_store.through(bucket, proxy.port)}

        async def story(blobs: S3Blobs) -> None:
            made = sorted([await store(blobs, b"x") for _ in range(9)])
            for each in made:
                await blobs.delete(each)
            await asyncio.to_thread(clock.passes, 2 * HOUR)
            with (
                having(proxy, {**refusal("POST", "delete", 403, "AccessDenied"), "times": 1}),
                pytest.raises(Unreachable),
            ):
                await blobs.sweep(nobody, ALL)
            assert {path.split("/")[1] for path in stored(object_store, bucket)} == set(made[:4])
            await collect(blobs, clock)

        play(story, Place(place.driver, arguments))
    assert stored(object_store, bucket) == [] and clock.known() == 0


@cluster
def test_leases_that_ended_are_removed_beside_who_renews_one(
    place: Place, database: str, clock: Clock, postgres: Postgres
) -> None:
    """Who renews several locks them one after the other: a sweep that waited for one could keep it from the next."""

    async def story(blobs: S3Blobs) -> list[tuple[str]]:
        await blobs.ledger.lease(["ended", "renewed"], HOUR)
        await asyncio.to_thread(clock.passes, 3 * HOUR)
        renewing = await asyncpg.connect(database)
        try:
            await renewing.execute("BEGIN; SELECT FROM leases WHERE blob = 'renewed' FOR UPDATE")
            assert await blobs.sweep(nobody, ALL) == 0
            return [tuple(row) for row in await renewing.fetch("SELECT blob FROM leases")]
        finally:
            await renewing.close()

    assert play(story, place) == [("renewed",)]


@cluster
def test_sweeps_of_two_gateways_at_once_beside_writers_take_no_named_blob(
    place: Place, names: Place, clock: Clock, object_store: ObjectStore, bucket: str
) -> None:
    async def story(one: S3Blobs, two: S3Blobs, catalog: Catalog) -> tuple[int, int, int, list[Freed]]:
        await catalog.create_space(SPACE)
        freed, kept, sweeping, refused = [Freed(), Freed()], dict[str, bytes](), True, 0

        async def sweeps(blobs: S3Blobs, count: Freed) -> int:
            swept = 0
            while sweeping:
                swept += await blobs.sweep(catalog.named, ALL, count)
                await asyncio.to_thread(clock.passes, HOUR // 8)
            return swept

        async def put(blobs: S3Blobs, key: str) -> None:
            """A write that takes longer than the hour that soon has passed may be refused, never half done."""
            nonlocal refused
            data = os.urandom(BLOCK + 100)
            try:
                blob = await store(blobs, data)
                for gone in await catalog.put(ObjectRecord("s", key, len(data), "e", "m", blob=blob)):
                    await blobs.delete(gone)
                kept[key] = data
            except (OSError, errors.Unavailable):
                refused += 1

        async def writes(number: int) -> None:
            for turn in range(12):
                for blobs in (one, two):
                    await put(blobs, f"{number}-{turn % 3}")
                with contextlib.suppress(OSError):
                    await store(one, b"never named")

        going = [asyncio.ensure_future(sweeps(*each)) for each in zip((one, two), freed, strict=True)]
        await asyncio.gather(*(writes(number) for number in range(4)))
        sweeping = False
        await asyncio.gather(*going)
        for key, data in kept.items():
            found = await catalog.get("s", key)
            assert found is not None and found.blob is not None
            assert await whole(one, found.blob) == data
        for _ in range(2):
            await asyncio.to_thread(clock.passes, 2 * HOUR)
            await one.sweep(catalog.named, ALL, freed[0])
        return len(kept), refused, len(stored(object_store, bucket)), freed

    kept, refused, segments, freed = play(story, place, place, names)
    assert segments == 2 * kept and kept > 0
    assert sum(each.blobs for each in freed) >= 4 * 12 * 3 - kept - refused


# Failures


def test_every_cause_of_a_failure_is_explained_to_operators() -> None:
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    table = page[page.index("| cause | what it is |") :].partition("\n\n")[0]
    assert {cause for cause in CAUSES if f"`{cause}`" in table} == set(CAUSES)
    assert {row.cause for row in ROWS} <= set(CAUSES)


@cluster
def test_a_store_that_is_away_is_unreachable_and_comes_back(
    behind_relay: Place, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "RETRIES", 1)

    async def story(blobs: Blobs) -> bytes:
        blob = await store(blobs, b"x")
        await asyncio.to_thread(relay.cut)
        for call in (blobs.check(), store(blobs, b"y"), whole(blobs, blob)):
            with pytest.raises(Unreachable) as caught:
                await call
            assert "secret" not in str(caught.value) and "Signature" not in str(caught.value)
        await asyncio.to_thread(relay.mend)
        await blobs.check()
        return await whole(blobs, blob)

    assert play(story, behind_relay) == b"x"
