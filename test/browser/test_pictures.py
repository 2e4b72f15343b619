"""The pictures of docs/console.md, out of a server with something to look at.

They go to .cache/browser/console/; `cp .cache/browser/console/*.webp docs/console/` renews the page's.
"""

from __future__ import annotations

import contextlib
import io
import re
import sqlite3
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from test.browser.conftest import PICTURES, Console
from test.browser.media import ffmpeg, store
from test.browser.test_uploads import hold, transfers
from test.server.wire import BLOCK, Peer, pattern
from test.server_fixture import ROOT, start_server
from ucloud.uvideo.protocol import operation

CLIPS = {
    "aurora.mp4": "gradients=c0=0x0b3d4a:c1=0x36c2a8:c2=0x6a3fa0:c3=0x0e1317:speed=0.02",
    "colony.mp4": "life=mold=12:r=25:ratio=0.2:death_color=0x0b6b78:life_color=0xf2c14e:mold_color=0x1b2a41",
    "deep zoom.mp4": "mandelbrot=start_scale=0.7:maxiter=300",
    "interview.mp4": "smptehdbars",
    "opening.mp4": "gradients=c0=0xf4a259:c1=0x8cb369:c2=0x5b8e7d:c3=0xbc4b51:speed=0.03",
    "test card.mp4": "testsrc2",
    "日出.mp4": "gradients=c0=0xffd166:c1=0xef476f:c2=0x26547c:c3=0xfcfcfc:speed=0.02",
}


def fill(peer: Peer, folder: Path) -> None:
    for name, kind in (("movies", "private"), ("podcasts", "private"), ("website", "public")):
        peer.manage(operation.CreateSpace(name, type=kind))
    for number, (name, source) in enumerate(CLIPS.items()):
        size = ("" if "=" not in source else ":") + ("=" if "=" not in source else "") + "s=640x360"
        path = folder / f"{number}.mp4"
        ffmpeg("-f", "lavfi", "-i", source + size, "-t", "2", "-pix_fmt", "yuv420p", "-preset", "ultrafast", path)
        store(peer, "movies", name, path, "video/mp4")
    for key in ("2024/spring.mp4", "2025/summer.mp4"):
        peer.do(operation.PutObject("movies", key, mime="video/mp4"), pattern(90_000))
    peer.do(operation.PutObject("movies", "credits.txt", mime="text/plain"), b"Directed by nobody\n" * 40)
    peer.do(
        operation.PutObject("movies", "master.mov", mime="video/quicktime", storage_class="ARCHIVE"), pattern(700_000)
    )
    peer.do(operation.PutObject("podcasts", "1.mp3", mime="audio/mpeg"), pattern(3_000_000))
    peer.do(operation.PutObject("website", "index.html", mime="text/html"), b"<h1>hello</h1>")
    for key in ("raw/take-1.mov", "raw/take-2.mov"):
        begun = peer.do(operation.InitiateUpload("movies", key))
        peer.do(operation.UploadPart("movies", key, begun.upload_id, 0), pattern(BLOCK))


def take(page: Page, name: str) -> None:
    (PICTURES / "console").mkdir(parents=True, exist_ok=True)
    page.mouse.move(640, 790)
    page.wait_for_timeout(200)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(PICTURES / "console" / f"{name}.webp", "WEBP", quality=82, method=6)


def test_the_pictures(console: Console, tmp_path: Path) -> None:
    with start_server(tmp_path / "data", "--no-fsync") as server:
        alone = Console(server, Peer(server), console.browser)
        fill(alone.peer, tmp_path)
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "catalog.db")) as db, db:
            db.execute("UPDATE uploads SET created = created - 700000 WHERE CAST(key AS TEXT) LIKE '%take-1%'")
            db.execute("UPDATE parts SET created = created - 700000")
        page = alone.open()
        expect(page.locator(".card .number").last).to_have_text("14 B")
        take(page, "spaces")
        page.get_by_role("link", name="movies").click()
        row = page.locator(".rows .row", has_text="aurora.mp4")
        row.locator(".cell.act button").click()
        page.wait_for_selector(".preview img")
        take(page, "list")
        page.get_by_role("button", name="Share").click()
        page.wait_for_selector(".qr svg")
        take(page, "share")
        page.keyboard.press("Escape")
        page.locator(".panel-head button").click()
        held = hold(page, 5)
        files = [tmp_path / "concert.mp4", tmp_path / "rehearsal.mp4"]
        for path in files:
            path.write_bytes(pattern(12 * BLOCK))
        page.locator("#files").set_input_files(files)
        transfers(page)
        expect(page.locator(".task").filter(has_text=re.compile(r"4\d %"))).not_to_have_count(0)
        take(page, "transfers")
        held.release()
        expect(page.locator(".task[data-state=done]")).to_have_count(2)
        expect(page.locator(".toast")).to_have_count(0)
        page.get_by_role("link", name="Dashboard").click()
        page.wait_for_selector("table")
        page.wait_for_timeout(1000)
        take(page, "dashboard")
        page.get_by_role("button", name="Abort 1 stale").click()
        page.get_by_role("dialog").get_by_role("button", name="Abort", exact=True).click()
        expect(page.get_by_text("1 upload aborted")).to_be_visible()
        assert [each.key for each in alone.peer.do(operation.ListUploads("movies")).uploads] == ["raw/take-2.mov"]
        alone.done()

        page = alone.open("#/s/movies/", language="zh", color_scheme="dark")
        page.get_by_role("button", name="缩略图视图").click()
        expect(page.locator(".picture img")).to_have_count(len(CLIPS))
        take(page, "tiles")
        alone.done()
    for path in sorted((ROOT / "docs" / "console").glob("*.webp")):
        assert (PICTURES / "console" / path.name).exists(), f"nothing makes {path.name}"
    assert sum(path.stat().st_size for path in (PICTURES / "console").iterdir()) < 600 * 1024
