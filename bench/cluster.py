"""Figures of a cluster: bytes through one gateway beside obstore straight to the same store, small requests through one
and two gateways, and a catalog of many keys.

``python -m bench.cluster throughput|gateways|garbage|keys [--keys 1000000]``; it starts PostgreSQL and SeaweedFS itself
(or takes the store of UVIDEO_TEST_S3).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore

from bench.measure import processor_seconds
from test.cluster.gateways import Cluster, start_cluster
from test.cluster.object_store import ObjectStore, start_object_store
from test.cluster.postgres import Postgres, start_postgres
from test.cluster.relay import start_relay
from uvideo import Client
from uvideo.storage.base import ObjectRecord, SpaceRecord
from uvideo.storage.postgres import PostgresCatalog
from uvideo.storage.postgres_connections import Connections
from uvideo.storage.s3 import S3Blobs, S3Place
from uvideo.storage.segment_ledger import PostgresLedger

MIB = 1024 * 1024
JOBS = 8
CLIENTS = 4
GRACE = 2  # seconds


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def throughput(postgres: Postgres, object_store: ObjectStore, folder: Path, size: int, rounds: int) -> None:
    """Each round: both ways, one after the other; the medians of the rounds and of their ratios."""
    path, target = folder / "source", folder / "target"
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
    store = object_store.store()
    with start_cluster(postgres, object_store, folder / "cluster", 1) as cluster:
        (gateway,) = cluster.gateways
        with Client(gateway.public_key, gateway.private_key, endpoint=gateway.host, timeout=120.0) as client:
            space = client.create_space("bench").name

            def straight_up() -> None:
                obstore.put(store, "bench", path, use_multipart=True, chunk_size=8 * MIB, max_concurrency=JOBS)

            def straight_down() -> None:
                with open(target, "wb") as file:
                    for piece in obstore.get(store, "bench").stream(MIB):
                        file.write(piece)

            def by_gateway_up() -> None:
                client.upload(space, "bench", path, part_jobs=JOBS, journal=False)

            def by_gateway_down() -> None:
                client.download(space, "bench", target)

            kinds = {"up": (straight_up, by_gateway_up), "down": (straight_down, by_gateway_down)}
            seconds: dict[tuple[str, int], list[float]] = {}
            cpu: dict[str, list[float]] = {"up": [], "down": []}
            for _ in range(rounds):
                for name, pair in kinds.items():
                    for number, work in enumerate(pair):
                        before = processor_seconds(gateway.pid)
                        seconds.setdefault((name, number), []).append(timed(work))
                        if number:
                            cpu[name].append(processor_seconds(gateway.pid) - before)
                assert target.stat().st_size == size
            for name in kinds:
                ours, theirs = seconds[name, 1], seconds[name, 0]
                ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
                print(
                    f"{name}: obstore straight {size / MIB / statistics.median(theirs):.0f} MiB/s, through one gateway "
                    f"{size / MIB / statistics.median(ours):.0f} MiB/s: {ratio:.0%} (each round "
                    f"{', '.join(f'{b / a:.0%}' for a, b in zip(ours, theirs, strict=True))}); gateway CPU "
                    f"{statistics.median(cpu[name]) / (size / 1024 / MIB):.2f} s/GiB"
                )


def small(cluster: Cluster, port: int, seconds: float) -> dict[str, float]:
    """Operations a second of 1 KiB, JOBS at once."""
    server = cluster.at(port)
    found = {}
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        space = client.create_space(f"s{time.time_ns()}").name
        client.put(space, "0", bytes(1024))
        for name, work in (
            ("put", lambda number: client.put(space, str(number % 1000), bytes(1024))),
            ("get", lambda number: client.get(space, "0")),
            ("stat", lambda number: client.stat(space, "0")),
        ):
            over, counts = time.perf_counter() + seconds, [0] * JOBS

            def run(thread: int, work: Callable[[int], object] = work, over: float = over) -> None:
                while time.perf_counter() < over:
                    work(counts[thread] * JOBS + thread)  # noqa: B023
                    counts[thread] += 1  # noqa: B023

            with ThreadPoolExecutor(JOBS) as threads:
                list(threads.map(run, range(JOBS)))
            found[name] = sum(counts) / seconds
    return found


def gateways(postgres: Postgres, object_store: ObjectStore, folder: Path, seconds: float) -> None:
    with start_cluster(postgres, object_store, folder / "cluster", 2) as cluster:
        ports = [each.port for each in cluster.gateways]
        with start_relay(*ports) as both, start_relay(ports[0]) as one:
            figures = [small(cluster, relay.port, seconds) for relay in (one, both)]
    for name in figures[0]:
        print(
            f"{name} 1 KiB, {JOBS} at once: {figures[0][name]:.0f}/s with one gateway, "
            f"{figures[1][name]:.0f}/s with two"
        )


def garbage(postgres: Postgres, object_store: ObjectStore, folder: Path, seconds: float, size: int) -> None:
    """Four clients that overwrite all the time, and after a while a sweep beside them that never rests."""
    with start_cluster(postgres, object_store, folder / "cluster", 2) as cluster:
        ports = [each.port for each in cluster.gateways]
        over, counts = threading.Event(), [0] * CLIENTS
        with start_relay(*ports) as relay, ThreadPoolExecutor(CLIENTS) as threads:
            server = cluster.at(relay.port)
            with Client(server.public_key, server.private_key, endpoint=server.host) as client:
                space = client.create_space("garbage").name

                def overwrite(number: int) -> None:
                    while not over.is_set():
                        client.put(space, f"{number}/{counts[number] % 20}", os.urandom(size))
                        counts[number] += 1

                going = [threads.submit(overwrite, number) for number in range(CLIENTS)]
                try:
                    time.sleep(seconds)
                    alone, before, backlog = sum(counts) / seconds, sum(counts), unnamed(cluster)
                    took = asyncio.run(_sweep(cluster, seconds))
                    made, left = sum(counts) - before, unnamed(cluster)
                finally:
                    over.set()
                for each in going:
                    each.result()
    print(
        f"{CLIENTS} clients overwrite objects of {size} bytes: {alone:.0f} a second become garbage, {made / took:.0f} "
        f"beside the sweep; it removes {(backlog + made - left) / took:.0f} a second for good ({GRACE} s of grace): "
        f"{backlog} waited before it and {left} after {took:.0f} s"
    )


def unnamed(cluster: Cluster) -> int:
    """Blobs that the ledger has and no object names."""
    database = cluster.settings["UVIDEO_SERVE_DATABASE"].rpartition("/")[2]
    return int(cluster.postgres.run(database, "SELECT count(*) FROM blobs WHERE since > 0"))


async def _sweep(cluster: Cluster, seconds: float) -> float:
    """Sweep again and again, as a gateway whose grace is short; the seconds that it took."""
    os.environ.update(cluster.object_store.credentials)
    connections = Connections(cluster.settings["UVIDEO_SERVE_DATABASE"])
    catalog = PostgresCatalog(connections, ledger=True)
    place = S3Place.of(cluster.settings["UVIDEO_SERVE_BLOBS"])
    blobs = S3Blobs(place, PostgresLedger(connections), grace=GRACE)
    await blobs.start()
    await catalog.start()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        await blobs.sweep(catalog.named, float("inf"))
    took = time.perf_counter() - began
    await catalog.close()
    await blobs.close()
    return took


GENERATE = """
    INSERT INTO objects SELECT 's', convert_to('folder' || lpad((n / 1000)::text, 8, '0') || '/video-' ||
    lpad((n % 1000)::text, 4, '0') || '.mp4', 'UTF8'), 4194304, substr(encode(sha256(n::text::bytea), 'base64'), 1, 28),
    'video/mp4', md5(n::text), 'STANDARD', '[]', 1, 1, '' FROM generate_series({first}::bigint, {last}::bigint) n"""
INDEXES = ("objects_content ON objects (etag, size)", "objects_blob ON objects (blob) WHERE blob IS NOT NULL")


def keys(postgres: Postgres, count: int) -> None:
    """A space of so many keys, generated in the catalog; then what a gateway asks of it."""
    with postgres.database() as url:
        name = url.rpartition("/")[2]

        async def prepare() -> None:
            catalog = PostgresCatalog(Connections(url))
            await catalog.start()
            await catalog.create_space(SpaceRecord("s", "space", "me"))
            await catalog.close()

        asyncio.run(prepare())
        began = time.perf_counter()
        for index in INDEXES:
            postgres.run(name, f"DROP INDEX {index.partition(' ')[0]}")
        for first in range(0, count, 1_000_000):
            postgres.run(name, GENERATE.format(first=first, last=min(count, first + 1_000_000) - 1))
        for index in INDEXES:
            postgres.run(name, f"SET maintenance_work_mem = '1GB'; CREATE INDEX {index}")
        postgres.run(name, "VACUUM ANALYZE objects")
        size = int(postgres.run(name, "SELECT pg_total_relation_size('objects')"))
        print(f"{count:,} keys in {time.perf_counter() - began:.0f} s; {size / count:.0f} bytes of the database each")
        asyncio.run(_ask(url, count))


async def _ask(url: str, count: int) -> None:
    catalog = PostgresCatalog(Connections(url))
    await catalog.start()

    def key(number: int) -> str:
        return f"folder{number // 1000:08}/video-{number % 1000:04}.mp4"

    picks = [int.from_bytes(os.urandom(8), "big") % count for _ in range(400)]

    async def each(title: str, work: Callable[[int], object]) -> None:
        took = []
        for number in picks:
            began = time.perf_counter()
            await work(number)  # type: ignore[misc]
            took.append((time.perf_counter() - began) * 1000)
        took.sort()
        print(f"  {title}: median {took[len(took) // 2]:.2f} ms, 99 % {took[int(len(took) * 0.99)]:.1f} ms")

    async def put(number: int) -> None:
        await catalog.put(ObjectRecord("s", key(number) + ".new", 9, "e", "m", inline=b"123456789", modified=2))

    async def stat(number: int) -> None:
        assert await catalog.get("s", key(number)) is not None

    async def page(number: int) -> None:
        found = await catalog.list("s", "", key(number), 1000)
        assert len(found.objects) == min(1000, count - number - 1) or found.objects

    async def folders(number: int) -> None:
        await catalog.list("s", "", key(number), 100, "/")

    await each("stat", stat)
    await each("put", put)
    await each("page of 1,000", page)
    await each("page of 100 folders", folders)
    began = time.perf_counter()
    await catalog.list("s", "", "", 1000)
    print(f"  the first page of 1,000: {(time.perf_counter() - began) * 1000:.1f} ms")
    await catalog.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.cluster", description=__doc__)
    parser.add_argument("what", choices=("throughput", "gateways", "garbage", "keys"))
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    with start_postgres(fsync=True) as postgres:
        if given.what == "keys":
            keys(postgres, given.keys)
            return
        with start_object_store() as object_store, tempfile.TemporaryDirectory() as folder:
            if given.what == "throughput":
                throughput(postgres, object_store, Path(folder), given.mib * MIB, given.rounds)
            elif given.what == "garbage":
                garbage(postgres, object_store, Path(folder), given.seconds, 100_000)
            else:
                gateways(postgres, object_store, Path(folder), given.seconds)


if __name__ == "__main__":
    main()
