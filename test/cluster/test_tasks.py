"""What a server does forever goes on after the database was away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from test.cluster.postgres import Postgres
from test.contract.place import PATIENCE
from uvideo.server.ops import garbage_sweeper, stale_uploads
from uvideo.server.ops.garbage_sweeper import Sweeper
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.scrub import Place, Scrubber
from uvideo.server.ops.stale_uploads import StaleUploads
from uvideo.server.process.drivers import choose
from uvideo.server.rules.usage import Usage
from uvideo.storage import identity
from uvideo.storage.base import ObjectRecord, SpaceRecord, UploadRecord

pytestmark = pytest.mark.cluster

LATER = (
    "garbage collection is retried later",
    "stale uploads could not be aborted, retried later",
    "scrubbing continues later",
    "the sent and received bytes are counted later",
)


def test_each_goes_on_once_the_database_is_back(
    tmp_path: Path, postgres: Postgres, database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (garbage_sweeper, stale_uploads):
        monkeypatch.setattr(module, "EVERY", 0.02)
    postgres.run("postgres", f"ALTER DATABASE {database.rpartition('/')[2]} SET lock_timeout = '10ms'")
    blobs, catalog = choose(tmp_path, database, None, fsync=False).make()
    metrics, scrubbed = Metrics(0), list[int]()

    async def load() -> None:
        return None

    async def save(began: float, place: Place | None) -> None:
        return None

    async def is_done() -> bool:
        swept = next(each for each in metrics.families() if each.name == "uvideo_gc_last_run_seconds")
        counted = await catalog.usage(["s"], 0, 9)
        aborted = await catalog.upload("u") is None
        return bool(swept.samples[0].value and sum(scrubbed) and aborted and sum(each.sent for each in counted) == 7)

    async def story() -> None:
        async with identity.opened(blobs, catalog, create=True):
            await catalog.create_space(SpaceRecord("s", "space", "me"))
            await catalog.put(ObjectRecord("s", "k", 1, "", "m", inline=b"x"))
            await catalog.begin(UploadRecord("u", "s", "k", blobs.draft()))
            other = await asyncpg.connect(database)
            await other.execute("BEGIN; LOCK TABLE identity, objects, uploads, flux")
            usage = Usage(catalog, lambda: 0.0, every=0.02)
            scrubber = Scrubber(
                *(blobs, catalog, 1e9, 1e12),
                load=load,
                save=save,
                told=lambda found: scrubbed.append(found.objects),
                sleep=lambda seconds: asyncio.sleep(0.02),
            )
            runs = (
                Sweeper(blobs, catalog, metrics, None, 0).run(0),
                StaleUploads(blobs, catalog, metrics, 1).run(),
                scrubber.run(),
            )
            tasks = [asyncio.ensure_future(each) for each in runs]
            usage.add("space", 7)
            while not all(each in caplog.text for each in LATER):
                await asyncio.sleep(0.01)
            await other.close()
            while not await is_done():
                await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await usage.stop()
        assert "Traceback" not in caplog.text

    asyncio.run(asyncio.wait_for(story(), PATIENCE))
