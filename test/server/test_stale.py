"""`--stale-days`: unfinished uploads that had no new part for long are aborted, and nothing else."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from test import patience
from test.server.test_console import Visitor
from test.server.test_exposition import seen
from test.server.wire import BLOCK, Peer, pattern
from test.server_fixture import start_server
from ucloud.uvideo.protocol import errors, operation
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.stale_uploads import BATCH, StaleUploads
from uvideo.server.process.drivers import choose
from uvideo.storage.base import DAY, SpaceRecord, UploadRecord


def older(folder: Path, days: float, *uploads: str, parts: bool = True) -> None:
    with closing(sqlite3.connect(folder / "catalog.db", timeout=60)) as db, db:
        for table in ("uploads", "parts") if parts else ("uploads",):
            for upload in uploads:
                db.execute(f"UPDATE {table} SET created = created - ? WHERE upload_id = ?", (int(days * DAY), upload))


def test_stale_uploads_are_aborted_if_that_is_wanted(tmp_path: Path) -> None:
    keys = ("given up", "begun long ago", "fresh")

    def open_keys() -> list[str]:
        return [each.key for each in peer.do(operation.ListUploads(space)).uploads]

    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        uploads = {key: peer.do(operation.InitiateUpload(space, key)).upload_id for key in keys}
        etags = {key: peer.do(operation.UploadPart(space, key, uploads[key], 0), pattern(BLOCK)).etag for key in keys}
        older(tmp_path, 8, uploads["given up"])
        older(tmp_path, 8, uploads["begun long ago"], parts=False)
        visitor = Visitor(server)
        assert visitor.sign_in().status == 200
        marked = {each["key"]: each["stale"] for each in visitor.get("uploads").json()["uploads"]}
        assert marked == {"given up": True, "begun long ago": False, "fresh": False}
        server.stop()
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        patience.until(lambda: seen(server)["uvideo_gc_last_run_seconds", ()] > 0)
        assert sorted(open_keys()) == sorted(keys), "off unless it is asked for"
    audit = tmp_path.with_name("audit.log")
    with start_server(tmp_path, "--no-fsync", "--stale-days", "7", "--audit-log", str(audit)) as server:
        peer = Peer(server)
        patience.until(lambda: sorted(open_keys()) == ["begun long ago", "fresh"])
        with pytest.raises(errors.UploadNotFound):
            peer.do(operation.UploadPart(space, "given up", uploads["given up"], 1), pattern(9))
        patience.until(lambda: seen(server)["uvideo_uploads_stale_aborted_total", ()] == 1)
        patience.until_said(server.log, "aborted 1 uploads that had no new part for 7 days")
        lines = [json.loads(line) for line in audit.read_text().splitlines()]
        (line,) = [each for each in lines if each["operation"] == "AbortUpload"]
        assert (line["way"], line["space"], line["object"]) == ("server", space, "given up")
        assert line["upload_id"] == uploads["given up"]
        part = peer.do(operation.UploadPart(space, "begun long ago", uploads["begun long ago"], 1), pattern(9))
        both = (etags["begun long ago"], part.etag)
        peer.do(operation.FinishUpload(space, "begun long ago", uploads["begun long ago"], both))
        drafts = [path for path in (tmp_path / "incoming").rglob("*") if path.is_file()]
        assert len([path for path in drafts if path.stat().st_size >= BLOCK]) == 1, "of the fresh one alone"


def test_many_are_aborted_in_batches_and_by_one_gateway_each(tmp_path: Path) -> None:
    """The clock is an argument: a day is over when the test says so."""
    count = 2 * BATCH + 7

    async def story() -> None:
        now = [float(100 * DAY)]
        blobs, catalog = choose(tmp_path, None, None, fsync=False).make()
        await catalog.start()
        await blobs.start()
        try:
            await catalog.create_space(SpaceRecord("s", "space", "me"))
            for number in range(count):
                await catalog.begin(UploadRecord(f"u{number}", "s", "k", blobs.draft(), created=int(now[0])))
            counted = [Metrics(0), Metrics(0)]
            both = [
                StaleUploads(blobs, catalog, each, 3, clock=lambda: now[0], ticks=lambda: now[0]) for each in counted
            ]
            now[0] += 3 * DAY
            assert [await each.once() for each in both] == [0, 0]
            now[0] += 1
            done = await asyncio.gather(*(each.once() for each in both))
            assert sum(done) == count and await catalog.uploads("s", "", "", "", 10) == []
            now[0] += DAY
            await catalog.begin(UploadRecord("later", "s", "k", blobs.draft(), created=5))
            both[0].days = 0
            assert await both[0].once() == 0
            both[0].days = 90
            assert await both[0].once() == 1
        finally:
            await blobs.close()
            await catalog.close()

    asyncio.run(story())


def test_a_clock_that_is_set_makes_no_upload_stale(tmp_path: Path) -> None:
    async def story() -> None:
        clock, ticks = [float(100 * DAY)], [0.0]
        blobs, catalog = choose(tmp_path, None, None, fsync=False).make()
        await catalog.start()
        await blobs.start()
        try:
            await catalog.create_space(SpaceRecord("s", "space", "me"))
            await catalog.begin(UploadRecord("young", "s", "k", blobs.draft(), created=int(clock[0]) - 9))
            stale = StaleUploads(blobs, catalog, Metrics(0), 3, clock=lambda: clock[0], ticks=lambda: ticks[0])
            for jump in (30 * DAY, -60 * DAY, 30 * DAY):
                clock[0] += jump
                ticks[0] += 600
                assert await stale.once() == 0, jump
            clock[0] += 3 * DAY
            assert await stale.once() == 0, "set forward while nothing was looked for"
            clock[0] += 4 * DAY
            ticks[0] += 4 * DAY
            assert await stale.once() == 1, "time that went by counts"
        finally:
            await blobs.close()
            await catalog.close()

    asyncio.run(story())
