"""Watching: large MP4s, WebM, HLS, poster frames, and signed URLs that are renewed under a running player."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from test.browser.conftest import Console, Held, png, problems, until, when
from test.browser.media import DEMO, ffmpeg, repeated, store
from ucloud.uvideo.protocol import operation

Picture = Callable[[Page, str], Path]
TIMES = 222  # the demo so often: a little more than 2 GiB
GIB = 1024**3

SEEK = """async () => {
    const video = document.querySelector(".stage video");
    const took = [];
    for (const share of [0.5, 0.9, 0.1, 0.97]) {
        const from = performance.now();
        video.currentTime = video.duration * share;
        await new Promise(done => video.addEventListener("seeked", done, { once: true }));
        await new Promise(done => video.requestVideoFrameCallback(done));
        took.push(performance.now() - from);
    }
    return took;
}"""


def watch(page: Page, name: str) -> None:
    page.locator(".rows .row", has_text=name).locator(".label").click()


def test_seeking_in_two_gibibytes(console: Console, tmp_path: Path, picture: Picture) -> None:
    space = console.peer.space()
    path = repeated(tmp_path / "long.mp4", TIMES)
    assert path.stat().st_size >= 2 * GIB * 0.99
    store(console.peer, space, "long.mp4", path, "video/mp4")
    path.unlink()
    page = console.open(f"#/s/{space}/")
    ranges: list[str] = []
    page.on("request", lambda each: ranges.append(each.headers.get("range", "")) if "long.mp4?" in each.url else None)
    watch(page, "long.mp4")
    until(page, "document.querySelector('.stage video')?.readyState >= 3")
    until(page, "document.querySelector('.stage video').currentTime > 0.2")
    took = page.evaluate(SEEK)
    print("seeks in 2 GiB, ms:", [round(each) for each in took])
    assert any(each not in ("", "bytes=0-") for each in ranges)
    picture(page, "player")
    console.peer.do(operation.DeleteObject(space, "long.mp4"))


def test_webm_and_what_cannot_be_played(console: Console, tmp_path: Path) -> None:
    console.allowed.append("ERR_")
    space = console.peer.space()
    ffmpeg("-t", "1", "-i", DEMO, "-vf", "scale=160:90", "-c:v", "libvpx", "-an", tmp_path / "a.webm")
    store(console.peer, space, "a.webm", tmp_path / "a.webm", "video/webm")
    console.peer.do(operation.PutObject(space, "b.mp4", mime="video/mp4"), b"this is no video")
    page = console.open(f"#/s/{space}/")
    watch(page, "a.webm")
    until(page, "document.querySelector('.stage video')?.videoWidth === 160")
    page.locator(".viewer-head").get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert")).to_contain_text("This browser cannot play this file.")


SHOWN = """[...document.querySelector(".stage video")?.textTracks || []]
    .filter(track => track.mode === "showing").flatMap(track => [...track.cues || []].map(cue => cue.text)).join()"""


@pytest.mark.parametrize(
    ("language", "name", "other", "off", "broken"),
    (
        ("en", "Subtitles", "Chinese", "Off", "The subtitles demo.de.vtt cannot be read."),
        ("zh", "字幕", "英语", "关闭", "无法读取字幕 demo.de.vtt。"),
    ),
    ids=("en", "zh"),
)
def test_subtitles_lie_beside_the_film(
    console: Console, language: str, name: str, other: str, off: str, broken: str
) -> None:
    """That of the language of the page is shown at first; later what was chosen last."""
    space = console.peer.space()
    store(console.peer, space, "f/demo.mp4", DEMO, "video/mp4")
    for key in ("demo.vtt", "demo.zh-CN.vtt", "demo.en.vtt", "demo.en.mp4.vtt", "demo2.vtt"):
        text = f"WEBVTT\n\n00:00.000 --> 01:00.000\n{key}\n"
        console.peer.do(operation.PutObject(space, f"f/{key}", mime="text/vtt"), text.encode())
    console.peer.do(operation.PutObject(space, "f/demo.de.vtt", mime="text/vtt"), b"not what its name says")
    page = console.open(f"#/s/{space}/f/", language=language)
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if ".vtt?" in each.url else None)
    watch(page, "demo.mp4")
    mine, theirs = ("demo.en.vtt", "demo.zh-CN.vtt") if language == "en" else ("demo.zh-CN.vtt", "demo.en.vtt")
    until(page, f"{SHOWN} === {mine!r}")
    assert len(asked) == 1
    choice = page.get_by_role("combobox", name=name)
    expect(choice.locator("option")).to_have_count(5)
    assert problems(page) == []
    choice.focus()
    page.keyboard.press("Home")
    assert page.evaluate(SHOWN) == ""
    assert choice.locator("option:checked").inner_text() == off
    page.reload()
    until(page, "document.querySelector('.stage video')?.readyState >= 2")
    expect(choice.locator("option:checked")).to_have_text(off)
    choice.select_option(label=choice.locator("option", has_text=other).first.inner_text())
    until(page, f"{SHOWN} === {theirs!r}")
    page.reload()
    until(page, f"{SHOWN} === {theirs!r}")
    # The menu of the browser has them, too.
    page.locator(".stage video").click(position={"x": 100, "y": 100})
    page.evaluate("for (const track of document.querySelector('.stage video').textTracks) track.mode = 'disabled'")
    expect(choice.locator("option:checked")).to_have_text(off)
    choice.select_option("f/demo.de.vtt")
    expect(page.get_by_role("alert")).to_contain_text(broken)


@pytest.mark.parametrize(("language", "name"), (("en", "Speed"), ("zh", "倍速")), ids=("en", "zh"))
def test_the_speed_is_kept_for_the_next_film(console: Console, language: str, name: str) -> None:
    space = console.peer.space()
    for key in ("a.mp4", "b.mp4"):
        store(console.peer, space, key, DEMO, "video/mp4")
    page = console.open(f"#/s/{space}/", language=language)
    watch(page, "a.mp4")
    until(page, "document.querySelector('.stage video')?.readyState >= 2")
    page.get_by_role("combobox", name=name).select_option("1.5×")
    assert page.evaluate("document.querySelector('.stage video').playbackRate") == 1.5
    page.locator(".viewer-head .button").nth(1).click()
    expect(page).to_have_url(re.compile("view=b.mp4$"))
    until(page, "document.querySelector('.stage video')?.readyState >= 2")
    assert page.evaluate("document.querySelector('.stage video').playbackRate") == 1.5
    expect(page.get_by_role("combobox", name=name)).to_have_value("1.5")
    assert page.locator(".player-choice:visible").count() == 1  # there are no subtitles
    assert problems(page) == []


@pytest.mark.parametrize(
    ("language", "left", "begin"),
    (("en", "Resumed at 0:40.", "Start from the beginning"), ("zh", "已从 0:40 继续播放。", "从头播放")),
    ids=("en", "zh"),
)
def test_a_film_goes_on_where_it_was_left(
    console: Console, tmp_path: Path, language: str, left: str, begin: str
) -> None:
    """In this browser, for a bounded number of films, and only as long as the object is the same."""
    space = console.peer.space()
    for name, seconds in (("film.webm", 90), ("other.webm", 91), ("short.webm", 20)):
        source = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=2", "-t", str(seconds))
        ffmpeg(*source, "-c:v", "libvpx", "-g", "4", tmp_path / name)
        store(console.peer, space, name, tmp_path / name, "video/webm")
    page = console.open(f"#/s/{space}/", language=language)
    many = "Array.from({ length: 200 }, (_, at) => ({ account: 'a', name: `x/${at}`, etag: 'e', seconds: 9 }))"
    page.evaluate(f"localStorage['uvideo.positions'] = JSON.stringify({many})")

    def leave(name: str, at: float) -> None:
        watch(page, name)
        until(page, "document.querySelector('.stage video')?.readyState >= 2")
        page.evaluate("document.querySelector('.stage video').pause()")
        page.evaluate(f"document.querySelector('.stage video').currentTime = {at}")
        until(page, "!document.querySelector('.stage video').seeking")
        page.keyboard.press("Escape")
        expect(page.locator(".viewer")).to_have_count(0)
        expect(page).to_have_url(re.compile("^[^?]*$"))

    leave("film.webm", 40.2)
    leave("short.webm", 10)
    kept = page.evaluate("JSON.parse(localStorage['uvideo.positions'])")
    assert len(kept) == 100 and (kept[-1]["name"], kept[-1]["seconds"]) == (f"{space}/film.webm", 40)
    watch(page, "film.webm")
    expect(page.locator(".player-left")).to_contain_text(left)
    until(page, "document.querySelector('.stage video').currentTime >= 40")
    assert problems(page) == []
    page.get_by_role("button", name=begin).focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.stage video').currentTime < 30")
    until(page, f"!localStorage['uvideo.positions'].includes('{space}/film.webm')")
    page.reload()
    until(page, "document.querySelector('.stage video')?.readyState >= 2")
    assert page.evaluate("document.querySelector('.stage video').currentTime") < 30
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("^[^?]*$"))
    leave("film.webm", 40.2)
    store(console.peer, space, "film.webm", tmp_path / "other.webm", "video/webm")
    page.reload()
    watch(page, "film.webm")
    until(page, "document.querySelector('.stage video')?.readyState >= 2")
    assert page.evaluate("document.querySelector('.stage video').currentTime") < 30
    expect(page.locator(".player-left")).to_be_empty()
    assert not page.evaluate(f"localStorage['uvideo.positions'].includes('{space}/film.webm')")
    page.keyboard.press("Escape")
    leave("film.webm", 50.2)
    console.allowed.append("401")
    other = page.context.new_page()
    other.goto(f"{console.address}#/")
    other.get_by_role("button", name="Sign out" if language == "en" else "退出登录").click()
    for each in (page, other):  # also in the tab that may still play
        each.wait_for_selector(".signin")
    assert console.server.public_key not in page.evaluate("JSON.stringify(localStorage)")
    assert page.evaluate("JSON.parse(localStorage['uvideo.positions']).length") == 99  # another account's


def test_a_poster_is_made_in_the_browser(console: Console) -> None:
    space = console.peer.space()
    store(console.peer, space, "demo.mp4", DEMO, "video/mp4")
    page = console.open(f"#/s/{space}/")
    page.get_by_role("button", name="Show as tiles").click()
    page.wait_for_selector(".picture img")
    colours = page.evaluate(
        """async () => {
            await document.querySelector(".picture img").decode();
            const image = document.querySelector(".picture img");
            const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 20 });
            const picture = canvas.getContext("2d");
            picture.drawImage(image, 0, 0, 40, 20);
            return new Set(picture.getImageData(0, 0, 40, 20).data).size;
        }"""
    )
    assert colours > 20
    assert (page.locator(".picture img").get_attribute("src") or "").startswith("blob:")
    length = page.locator(".picture .length").inner_text()
    assert re.fullmatch(r"\d:\d\d", length)
    page.get_by_role("button", name="Details").click()
    expect(page.locator(".panel .preview + p")).to_have_text(re.compile(rf"{length} · \d+ × \d+"))


def test_pictures_have_small_ones_in_tiles(console: Console) -> None:
    """A large picture is made smaller, once; what is no picture keeps its icon."""
    space = console.peer.space()
    large = png(2000, 1000)
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>"
    console.peer.do(operation.PutObject(space, "large.png", mime="image/png"), large)
    console.peer.do(operation.PutObject(space, "broken.png", mime="image/png"), b"no picture")
    console.peer.do(operation.PutObject(space, "drawn.svg", mime="image/svg+xml"), svg)
    page = console.open(f"#/s/{space}/")
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "large.png?" in each.url else None)
    page.get_by_role("button", name="Show as tiles").click()
    page.wait_for_selector(".picture img")
    size = (
        "(({ naturalWidth: width, naturalHeight: height }) => [width, height])(document.querySelector('.picture img'))"
    )
    assert until(page, f"document.querySelector('.picture img').complete && {size}") == [480, 240]
    expect(page.locator(".picture img")).to_have_count(1)
    page.get_by_role("button", name="Show as a list").click()
    page.locator(".rows .row", has_text="large.png").locator(".cell.act button").click()
    expect(page.locator(".panel .preview + p")).to_have_text("2000 × 1000")
    assert len(asked) == 1
    page.locator(".rows .row", has_text="drawn.svg").locator(".cell.act button").click()
    expect(page.get_by_role("complementary").get_by_role("heading", name="drawn.svg")).to_be_visible()
    page.wait_for_selector(".panel .preview img")


def test_a_picture_is_decoded_once_and_beside_the_page(console: Console) -> None:
    space = console.peer.space()
    whole = png(2000, 1000)
    console.peer.do(operation.PutObject(space, "first.png", mime="image/png"), whole)
    page = console.page()
    count = """(() => {
        const make = self.createImageBitmap;
        self.decoded = 0;
        self.createImageBitmap = (...all) => { self.decoded++; return make.apply(self, all); };
    })()"""
    page.add_init_script(count)
    page.goto(console.link())
    page.wait_for_selector(".side")
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    page.get_by_role("button", name="Show as tiles").click()
    page.wait_for_selector(".picture img")
    when(page, lambda: len(page.workers) == 2, "there are two workers")
    for worker in page.workers:
        worker.evaluate(count)
    for name in ("second.png", "third.png"):
        console.peer.do(operation.PutObject(space, name, mime="image/png"), whole + name.encode())
    page.get_by_role("searchbox").fill("d.png")
    expect(page.locator(".picture img")).to_have_count(2)
    assert [page.evaluate("decoded"), sum(each.evaluate("decoded") for each in page.workers)] == [0, 2]


def test_a_picture_that_could_not_be_read_is_tried_again(console: Console) -> None:
    """When it comes into view again, after a while.  What is no picture is not asked for again."""
    space = console.peer.space()
    whole = png(60, 30)
    console.peer.do(operation.PutObject(space, "lost.png", mime="image/png"), whole)
    console.peer.do(operation.PutObject(space, "text.png", mime="image/png"), b"no picture")
    page = console.open(clock=True)
    asked = list[str]()
    page.on("request", lambda each: asked.append(each.url) if ".png?" in each.url else None)
    console.allowed.append("net::ERR_FAILED")
    page.route("**/lost.png?*", lambda route: route.abort())
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    with (
        page.expect_event("requestfailed", lambda each: "lost.png" in each.url),
        page.expect_response("**/text.png?*") as text,
    ):
        page.get_by_role("button", name="Show as tiles").click()
    text.value.finished()
    page.unroute_all()

    def look_again() -> None:
        page.get_by_role("button", name="Show as a list").click()
        page.get_by_role("button", name="Show as tiles").click()

    before = len(asked)
    page.clock.fast_forward(10_000)
    look_again()
    page.wait_for_selector(".picture img")
    assert [each.split("?")[0].rpartition("/")[2] for each in asked[before:]] == ["lost.png"]
    expect(page.locator(".picture img")).to_have_count(1)


def test_a_picture_whose_worker_could_not_be_loaded_is_tried_again(console: Console) -> None:
    space = console.peer.space()
    whole = png(60, 30)
    console.peer.do(operation.PutObject(space, "late.png", mime="image/png"), whole)
    page = console.open(clock=True)
    console.allowed += ["shrinker.js", "net::ERR_FAILED"]
    page.context.route("**/shrinker.js", lambda route: route.abort())
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    with page.expect_event("requestfailed", lambda each: "shrinker.js" in each.url):
        page.get_by_role("button", name="Show as tiles").click()
    page.context.unroute_all()
    page.clock.fast_forward(10_000)
    page.get_by_role("button", name="Show as a list").click()
    page.get_by_role("button", name="Show as tiles").click()
    expect(page.locator(".picture img")).to_have_count(1)


def test_a_picture_in_the_queue_is_made_for_the_list_that_is_shown_now(console: Console) -> None:
    """Also if it was asked for by another list, of which nothing is seen any more."""
    space = console.peer.space()
    for name in ("x1.png", "x2.png", "x3.png"):
        whole = png(60, 30)
        console.peer.do(operation.PutObject(space, name, mime="image/png"), whole + name.encode())
    page = console.open(f"#/s/{space}/")
    held = Held(page, "**/api/sign")
    page.get_by_role("button", name="Show as tiles").click()
    expect(page.locator(".rows .row:visible")).to_have_count(3)
    with page.expect_response("**/api/objects/search?*"):
        page.get_by_role("searchbox").fill("x")
    expect(page.locator(".state")).to_contain_text("Found: 3")
    held.release()
    expect(page.locator(".picture img")).to_have_count(3)


def test_a_signed_url_is_renewed_under_a_running_player(console: Console) -> None:
    space = console.peer.space()
    store(console.peer, space, "demo.mp4", DEMO, "video/mp4")
    page = console.open(clock=True)
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    watch(page, "demo.mp4")
    until(page, "document.querySelector('.stage video')?.readyState >= 3")
    first = page.evaluate("document.querySelector('.stage video').src")
    page.evaluate("document.querySelector('.stage video').currentTime = 7")
    until(page, "!document.querySelector('.stage video').seeking")
    page.wait_for_timeout(1100)  # so that the new URL ends at another second
    page.clock.fast_forward(545_000)
    until(page, f"document.querySelector('.stage video').src !== {first!r}")
    until(page, "document.querySelector('.stage video').currentTime >= 7")
    until(page, "!document.querySelector('.stage video').paused")


@pytest.fixture(scope="module")
def playlists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HLS of ten seconds: fmp4/ of fragmented MP4, ts/ of transport streams."""
    folder = tmp_path_factory.mktemp("hls")
    for kind in ("fmp4", "ts"):
        (folder / kind).mkdir()
        more = ("-hls_segment_type", "fmp4") if kind == "fmp4" else ()
        ffmpeg(
            *("-t", "10", "-i", DEMO, "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod"),
            *(*more, folder / kind / "index.m3u8"),
        )
    return folder


def put_playlist(console: Console, folder: Path, kind: str) -> str:
    space = console.peer.space()
    for path in (folder / kind).iterdir():
        mime = "application/vnd.apple.mpegurl" if path.suffix == ".m3u8" else "application/octet-stream"
        store(console.peer, space, f"show 1/{path.name}", path, mime)
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nnowhere.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=900\nindex.m3u8\n"
    console.peer.do(operation.PutObject(space, "show 1/master.m3u8", mime="application/x-mpegURL"), master.encode())
    return space


#: As in a browser that does not know HLS, and in one that does.
WITHOUT = "HTMLMediaElement.prototype.canPlayType = () => '';"


@pytest.mark.parametrize("name", ("index.m3u8", "master.m3u8"))
def test_hls_of_fragmented_mp4_in_any_browser(console: Console, playlists: Path, name: str) -> None:
    space = put_playlist(console, playlists, "fmp4")
    page = console.page()
    page.add_init_script(WITHOUT)
    page.goto(console.link())
    page.wait_for_selector(".side")
    page.evaluate("space => { location.hash = `#/s/${space}/show%201/`; }", space)
    watch(page, name)
    until(page, "document.querySelector('.stage video')?.currentTime > 0.3")
    assert 9 < page.evaluate("document.querySelector('.stage video').duration") < 12
    page.evaluate("document.querySelector('.stage video').currentTime = 8.5")
    until(page, "document.querySelector('.stage video').currentTime > 8.6")


def test_hls_of_transport_streams_is_played_or_explained(console: Console, playlists: Path) -> None:
    space = put_playlist(console, playlists, "ts")
    page = console.page()
    page.add_init_script(WITHOUT)
    page.goto(console.link())
    page.wait_for_selector(".side")
    page.evaluate("space => { location.hash = `#/s/${space}/show%201/`; }", space)
    watch(page, "index.m3u8")
    expect(page.get_by_role("alert")).to_contain_text("does not play HLS of MPEG transport streams by itself")


def test_hls_where_the_browser_knows_it(console: Console, playlists: Path) -> None:
    """The playlist that the browser gets names signed URLs only."""
    space = put_playlist(console, playlists, "ts")
    page = console.open(f"#/s/{space}/show%201/")
    native = page.evaluate("document.createElement('video').canPlayType('application/vnd.apple.mpegurl')")
    print(f"this browser says of HLS: {native!r}")
    asked: list[Request] = []
    page.on("request", lambda each: asked.append(each) if ".ts?" in each.url else None)
    if native:
        watch(page, "index.m3u8")
        until(page, "document.querySelector('.stage video')?.currentTime > 0.3")
        assert asked and all("Signature=" in each.url for each in asked)
        return
    page.evaluate("HTMLMediaElement.prototype.canPlayType = () => 'maybe'")
    console.allowed.append("ERR_")
    watch(page, "index.m3u8")
    expect(page.get_by_role("alert")).to_contain_text("This browser cannot play this file.")
