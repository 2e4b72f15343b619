"""Uploads as a user does them: chosen, dropped, paused, cut off, gone on with after a reload, given up, refused."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, Route, expect

from test.browser.conftest import WAIT, Console, Held, problems, until, when
from test.browser.test_keys import account
from test.server.wire import BLOCK, pattern
from ucloud.uvideo.protocol import operation

Picture = Callable[[Page, str], Path]
SLOW = 512 * 1024  # bytes a second


def file(folder: Path, name: str, size: int, seed: int = 0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pattern(size, seed))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def line(page: Page, name: str) -> Any:
    return page.locator(".task", has_text=name)


def hold(page: Page, first: int) -> Held:
    """Let the parts before that number leave the page, and hold the others."""

    def is_later(request: Request) -> bool:
        (number,) = parse_qs(urlsplit(request.url).query)["partNumber"]
        return request.method == "PUT" and int(number) >= first

    return Held(page, "**/*partNumber=*", is_later)


def network_of(page: Page) -> Callable[[int], None]:
    """A function that lets the page send so many bytes a second: 0 for no network, -1 for as many as it can."""
    inner = page.context.new_cdp_session(page)
    inner.send("Network.enable")

    def change(rate: int) -> None:
        limits = {"offline": rate == 0, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate or -1}
        inner.send("Network.emulateNetworkConditions", limits)

    return change


def stored(console: Console, space: str, key: str) -> bytes:
    return bytes(console.peer.call(operation.GetObject(space, key)).body)


def open_uploads(console: Console, space: str) -> list[str]:
    return [each.key for each in console.peer.do(operation.ListUploads(space)).uploads]


def transfers(page: Page) -> None:
    page.get_by_role("link", name="Transfers").click()


def test_files_are_chosen(console: Console, tmp_path: Path, picture: Picture) -> None:
    space = console.peer.space()
    sizes = {"empty": 0, "one byte": 1, "a block": BLOCK, "more.mp4": BLOCK + 1, "视频 & <b>.mp4": 3 * BLOCK + 77}
    files = [file(tmp_path, name, size, size) for name, size in sizes.items()]
    page = console.open(f"#/s/{space}/")
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    picture(page, "empty-space")
    page.locator("#files").set_input_files(files)
    for path in files:
        expect(page.locator(".rows").get_by_text(path.name, exact=True)).to_be_visible()
    transfers(page)
    expect(page.locator(".task[data-state=done]")).to_have_count(len(files))
    expect(line(page, "more.mp4")).to_contain_text("Done · 4 MiB · verified")
    for path in files:
        assert stored(console, space, path.name) == path.read_bytes()
    assert console.peer.call(operation.HeadObject(space, "more.mp4")).header("Content-Type") == "video/mp4"
    assert open_uploads(console, space) == []
    page.get_by_role("button", name="Clear finished").click()
    expect(page.get_by_role("heading", name="No uploads")).to_be_visible()


def test_a_folder_is_chosen(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    file(tmp_path, "album/a.jpg", 10)
    file(tmp_path, "album/sub/b.jpg", 20)
    page = console.open(f"#/s/{space}/in/")
    page.locator("#folder").set_input_files(tmp_path / "album")
    expect(page.locator(".rows").get_by_text("album/")).to_be_visible()
    until(page, "!document.querySelector('.dock:not([hidden])')")
    assert stored(console, space, "in/album/sub/b.jpg") == pattern(20)
    assert stored(console, space, "in/album/a.jpg") == pattern(10)


def test_files_and_folders_are_dropped(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    for number in range(120):  # more than one page of a folder's entries
        file(tmp_path, f"clips/{number:03}.txt", number + 1, number)
    file(tmp_path, "clips/deep/er/x.bin", BLOCK + 5)
    alone = file(tmp_path, "alone.txt", 7)
    page = console.open(f"#/s/{space}/to/")
    page.wait_for_selector(".blank:not([hidden])")
    inner = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path / "clips"), str(alone)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        inner.send("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 400, "data": data})
    expect(page.get_by_text(f"Drop to upload to {space}/to/")).to_be_visible()
    inner.send("Input.dispatchDragEvent", {"type": "drop", "x": 700, "y": 400, "data": data})
    expect(page.get_by_text("All uploads are finished").first).to_be_attached()
    assert stored(console, space, "to/clips/deep/er/x.bin") == pattern(BLOCK + 5)
    for number in range(120):
        assert stored(console, space, f"to/clips/{number:03}.txt") == pattern(number + 1, number)
    assert stored(console, space, "to/alone.txt") == pattern(7)


def test_what_is_there_is_replaced_only_if_the_user_says_so(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    console.peer.do(operation.PutObject(space, "a.txt"), b"old")
    files = [file(tmp_path, "a.txt", 10), file(tmp_path, "b.txt", 10)]
    page = console.open(f"#/s/{space}/")
    page.wait_for_selector(".rows .row")
    page.locator("#files").set_input_files(files)
    expect(page.get_by_role("heading", name="Replace existing objects?")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator(".rows").get_by_text("b.txt")).to_be_visible()
    assert stored(console, space, "a.txt") == b"old"
    page.locator("#files").set_input_files(files[:1])
    page.get_by_role("button", name="Replace", exact=True).click()
    expect(page.locator(".rows .row", has_text="a.txt")).to_contain_text("10 B")  # it was 3 B
    assert stored(console, space, "a.txt") == pattern(10)


def test_pause_go_on_and_cancel(console: Console, tmp_path: Path, picture: Picture) -> None:
    space = console.peer.space()
    first, second = file(tmp_path, "first.mp4", 8 * BLOCK + 9), file(tmp_path, "second.mp4", 8 * BLOCK)
    page = console.open(f"#/s/{space}/")
    held = hold(page, 2)
    page.locator("#files").set_input_files([first, second])
    expect(page.locator(".dock")).to_contain_text("Uploading 2 files")
    transfers(page)
    expect(line(page, "first.mp4")).to_have_attribute("data-state", "sending")
    until(page, "document.querySelector('.task progress').value > 0")
    picture(page, "uploading")
    page.get_by_role("button", name="Pause first.mp4").click()
    expect(line(page, "first.mp4")).to_have_attribute("data-state", "paused")
    page.get_by_role("button", name="Cancel second.mp4").click()
    expect(line(page, "second.mp4")).to_have_attribute("data-state", "cancelled")
    expect(page.get_by_text("Nothing is being uploaded.")).to_be_visible()
    when(page, lambda: open_uploads(console, space) == ["first.mp4"], "the other upload is aborted")
    page.get_by_role("button", name="Resume first.mp4").click()
    page.get_by_role("button", name="Pause first.mp4").click()
    page.get_by_role("button", name="Resume first.mp4").click()
    held.release()
    expect(line(page, "first.mp4")).to_have_attribute("data-state", "done")
    assert stored(console, space, "first.mp4") == first.read_bytes()
    assert open_uploads(console, space) == []
    assert console.peer.call(operation.HeadObject(space, "second.mp4")).status == 404


@pytest.mark.parametrize(
    ("language", "pause", "resume"),
    (("en", "Pause all", "Resume all"), ("zh", "全部暂停", "全部继续")),
    ids=("en", "zh"),
)
def test_all_are_paused_and_resumed(console: Console, tmp_path: Path, language: str, pause: str, resume: str) -> None:
    """Those that wait do not begin in the place of those that are paused."""
    space = console.peer.space()
    files = [file(tmp_path, f"{number}.mp4", BLOCK + 1, number) for number in range(6)]
    page = console.open(f"#/s/{space}/", language=language)
    network = network_of(page)
    network(SLOW)
    page.locator("#files").set_input_files(files)
    page.evaluate("location.hash = '#/transfers'")
    expect(page.locator(".task[data-state=sending]")).to_have_count(3)
    page.get_by_role("button", name=pause).click()
    expect(page.locator(".task[data-state=paused]")).to_have_count(6)
    expect(page.get_by_role("button", name=pause)).to_be_disabled()
    assert len(open_uploads(console, space)) == 3
    network(-1)
    page.get_by_role("button", name=resume).click()
    expect(page.locator(".task[data-state=done]")).to_have_count(6)
    expect(page.get_by_role("button", name=resume)).to_be_disabled()
    for path in files:
        assert stored(console, space, path.name) == path.read_bytes()


def wait_for_parts(console: Console, page: Page, space: str, count: int) -> str:
    """Wait until the only upload of a space has so many parts; its id."""

    def has_parts() -> str:
        found = console.peer.do(operation.ListUploads(space)).uploads
        parts = console.peer.do(operation.ListParts(space, found[0].upload_id)).parts if found else ()
        return found[0].upload_id if len(parts) == count else ""

    return when(page, has_parts, f"there are {count} parts")


def begin_and_reload(console: Console, page: Page, path: Path, space: str, said: str = "") -> int:
    """Upload the first parts of a file, and reload; how many parts there are.  ``said``: by the page, for seconds."""
    held = hold(page, 2)
    page.locator("#files").set_input_files(path)
    upload_id = wait_for_parts(console, page, space, 2)
    held.wait()
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.locator("body").click(position={"x": 5, "y": 300})  # without a gesture no page may ask
    page.reload()
    assert asked == ["beforeunload"]
    if said:
        expect(page.get_by_text(said)).to_be_visible()
    held.release()
    parts = console.peer.do(operation.ListParts(space, upload_id)).parts
    assert [each.part for each in parts] == [0, 1]
    return len(parts)


def test_a_reload_loses_nothing(console: Console, tmp_path: Path, picture: Picture) -> None:
    space = console.peer.space()
    path = file(tmp_path, "long.mp4", 6 * BLOCK + 1)
    page = console.open(f"#/s/{space}/")
    there = begin_and_reload(console, page, path, space)
    transfers(page)
    expect(page.get_by_role("heading", name="1 interrupted upload")).to_be_visible()
    picture(page, "interrupted")
    other = file(tmp_path / "other", "long.mp4", 6 * BLOCK)
    page.locator("#again").set_input_files(other)
    expect(page.get_by_role("alert")).to_contain_text("These are not the same files")
    sent: list[str] = []
    page.on("request", lambda each: sent.append(each.url) if each.method == "PUT" else None)
    page.locator("#again").set_input_files(path)
    expect(line(page, "long.mp4")).to_have_attribute("data-state", "done")
    assert len({url.rpartition("partNumber=")[2] for url in sent}) == 7 - there
    assert stored(console, space, "long.mp4") == path.read_bytes()
    assert page.evaluate("localStorage['uvideo.uploads']") == "{}"


def test_a_film_on_a_bad_line_and_over_a_reload(console: Console, tmp_path: Path) -> None:
    console.allowed.append("ERR_INTERNET_DISCONNECTED")
    space = console.peer.space()
    path = file(tmp_path, "film.mp4", 9 * BLOCK + 5)
    page = console.open(f"#/s/{space}/")
    held = hold(page, 5)
    page.locator("#files").set_input_files(path)
    transfers(page)
    until(page, f"document.querySelector('.task progress')?.value >= {2 * BLOCK}")
    page.context.set_offline(True)
    expect(line(page, "film.mp4")).to_contain_text("Waiting for the network")
    assert problems(page) == []
    page.context.set_offline(False)
    wait_for_parts(console, page, space, 5)
    held.wait()
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    held.release()
    expect(page.get_by_role("heading", name="1 interrupted upload")).to_be_visible()
    assert problems(page) == []
    sent = set[str]()
    page.on("request", lambda each: sent.add(each.url) if each.method == "PUT" else None)
    page.locator("#again").set_input_files(path)
    expect(line(page, "film.mp4")).to_have_attribute("data-state", "done")
    assert {each.rpartition("partNumber=")[2] for each in sent} == {str(number) for number in range(5, 10)}
    assert stored(console, space, "film.mp4") == path.read_bytes()


def test_another_file_under_the_same_name_is_found_out(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    path = file(tmp_path, "long.mp4", 6 * BLOCK)
    page = console.open(f"#/s/{space}/")
    begin_and_reload(console, page, path, space)
    transfers(page)
    file(tmp_path, "long.mp4", 6 * BLOCK, seed=5)  # the same size and time
    page.locator("#again").set_input_files(path)
    expect(line(page, "long.mp4")).to_contain_text("differs from the file whose upload was started")
    assert console.peer.call(operation.HeadObject(space, "long.mp4")).status == 404
    page.get_by_role("button", name="Cancel long.mp4").click()
    until(page, "localStorage['uvideo.uploads'] === '{}'")
    when(page, lambda: not open_uploads(console, space), "the upload is aborted")


def test_an_interrupted_upload_is_given_up(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    page = console.open(f"#/s/{space}/")
    begin_and_reload(console, page, file(tmp_path, "long.mp4", 6 * BLOCK), space)
    transfers(page)
    page.get_by_role("button", name="Discard long.mp4").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard the upload").click()
    expect(page.get_by_role("heading", name="No uploads")).to_be_visible()
    when(page, lambda: not open_uploads(console, space), "the upload is aborted")


def test_the_network_goes_away_and_comes_back(console: Console, tmp_path: Path) -> None:
    console.allowed.append("ERR_INTERNET_DISCONNECTED")
    space = console.peer.space()
    path = file(tmp_path, "far.mp4", 8 * BLOCK + 3)
    page = console.open(f"#/s/{space}/")
    held = hold(page, 2)
    page.locator("#files").set_input_files(path)
    transfers(page)
    until(page, f"document.querySelector('.task progress')?.value >= {2 * BLOCK}")
    broken: list[str] = []
    page.on("requestfailed", lambda each: broken.append(each.url))
    page.context.set_offline(True)
    held.release()
    when(page, lambda: broken, "a request fails")
    expect(line(page, "far.mp4")).to_have_attribute("data-state", "sending")
    page.context.set_offline(False)
    expect(line(page, "far.mp4")).to_have_attribute("data-state", "done")
    assert stored(console, space, "far.mp4") == path.read_bytes()


def test_the_same_file_in_its_folder_goes_on_after_a_reload(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    path = file(tmp_path, "long.mp4", 6 * BLOCK + 1)
    page = console.open(f"#/s/{space}/to/")
    page.wait_for_selector(".blank:not([hidden])")
    said = "1 upload was interrupted. To resume it, open Transfers."
    there = begin_and_reload(console, page, path, space, said)
    sent: list[str] = []
    page.on("request", lambda each: sent.append(each.url) if each.method == "PUT" else None)
    page.locator("#files").set_input_files(path)
    expect(page.locator(".rows").get_by_text("long.mp4", exact=True)).to_be_visible()
    assert len({url.rpartition("partNumber=")[2] for url in sent}) == 7 - there
    assert open_uploads(console, space) == []


OTHER_TAB = {
    "en": {
        "heading": "Uploads of other tabs: 1",
        "sending": "Uploading",
        "paused": "Paused",
        "busy": "long.mp4 is already being uploaded, here or in another tab.",
        "interrupted": "1 interrupted upload",
    },
    "zh": {
        "heading": "其他标签页中的上传：1 个",
        "sending": "上传中",
        "paused": "已暂停",
        "busy": "long.mp4 正在上传中（在本页面或其他标签页）。",
        "interrupted": "1 个中断的上传",
    },
}


@pytest.mark.parametrize("language", ("en", "zh"))
def test_an_upload_of_another_tab(console: Console, tmp_path: Path, language: str) -> None:
    """It is shown but not offered while that tab lives; when it is gone, this one offers it without being asked."""
    space, words = console.peer.space(), OTHER_TAB[language]
    path = file(tmp_path, "long.mp4", 6 * BLOCK)
    page = console.open(f"#/s/{space}/", language=language)
    network = network_of(page)
    network(SLOW)
    page.locator("#files").set_input_files(path)
    until(page, "localStorage['uvideo.uploads']?.includes('long.mp4')")
    other = page.context.new_page()
    other.goto(f"{console.address}#/transfers")
    expect(other.get_by_role("heading", name=words["heading"])).to_be_visible()
    expect(line(other, "long.mp4")).to_contain_text(f"{space}/long.mp4")
    expect(line(other, "long.mp4")).to_contain_text(words["sending"])
    until(other, "document.querySelector('.elsewhere progress').value > 0")
    assert line(other, "long.mp4").get_by_role("button").count() == 0
    assert problems(other) == []
    page.evaluate("location.hash = '#/transfers'")
    page.locator(".task-actions button").first.click()
    expect(line(other, "long.mp4")).to_contain_text(words["paused"])
    other.locator("#again").set_input_files(path)
    expect(other.get_by_role("alert")).to_contain_text(words["busy"])
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")  # what a closed tab still writes may be lost
    page.close()
    expect(other.get_by_role("heading", name=words["interrupted"])).to_be_visible()
    expect(other.locator(".elsewhere")).to_be_hidden()
    other.locator("#again").set_input_files(path)
    expect(line(other, "long.mp4")).to_have_attribute("data-state", "done")


def test_another_account_sees_no_upload_of_this_one(console: Console, tmp_path: Path) -> None:
    """Neither a tab that is signed out, nor one of another account."""
    console.allowed += ["401", "ERR_ABORTED"]
    films, space = account(console, "films-of-uploads", tmp_path), console.peer.space()
    page = console.open(f"#/s/{space}/")
    network = network_of(page)
    network(SLOW)
    page.locator("#files").set_input_files(file(tmp_path, "secret name.mp4", 6 * BLOCK))
    until(page, "localStorage['uvideo.uploads']?.includes('secret name.mp4')")
    other = page.context.new_page()
    other.goto(f"{console.address}#/transfers")
    expect(line(other, "secret name.mp4")).to_be_visible()
    other.context.clear_cookies()
    other.goto(f"{console.address}?again#/transfers")  # signed out
    other.wait_for_selector(".signin")
    assert "secret name.mp4" not in other.content()
    other.locator("[name=public_key]").fill(films["public_key"])
    other.locator("[name=private_key]").fill(films["private_key"])
    other.keyboard.press("Enter")
    expect(other.get_by_role("heading", name="No uploads")).to_be_visible()
    expect(page.locator(".who")).to_contain_text(films["public_key"])  # a page of the account that has the session
    for each in (page, other):
        assert "secret name.mp4" not in each.content()
        assert each.locator(".task, .dock:visible, .left:visible").count() == 0


def test_a_tab_that_died_gives_no_sign_of_life(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    page = console.open(f"#/s/{space}/")
    network = network_of(page)
    network(SLOW)
    page.locator("#files").set_input_files(file(tmp_path, "long.mp4", 6 * BLOCK))
    until(page, "localStorage['uvideo.uploads']?.includes('long.mp4')")
    kept = page.evaluate("localStorage['uvideo.uploads']")
    page.close()
    other = page.context.new_page()
    other.goto(f"{console.address}#/transfers")
    other.wait_for_selector(".main h1")
    other.evaluate(
        "kept => { localStorage['uvideo.uploads'] = kept; }", kept
    )  # as if it had had no time to note its end
    other.evaluate("kept => { localStorage['uvideo.uploads'] = kept; }", re.sub(r'"beat":\d+', '"beat":1', kept))
    expect(other.get_by_role("heading", name="1 interrupted upload")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "offline"), (("en", "no network, waiting"), ("zh", "网络已断开，等待恢复")), ids=("en", "zh")
)
def test_without_a_network_there_is_no_rate_and_no_step_back(
    console: Console, tmp_path: Path, language: str, offline: str
) -> None:
    console.allowed.append("ERR_INTERNET_DISCONNECTED")
    space = console.peer.space()
    path = file(tmp_path, "far.mp4", 4 * BLOCK)
    page = console.page(language)
    page.goto(console.link())
    page.wait_for_selector(".side")
    network = network_of(page)
    network(SLOW)
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    page.wait_for_selector(".blank:not([hidden])")
    page.locator("#files").set_input_files(path)
    page.evaluate("location.hash = '#/transfers'")
    expect(page.locator(".main > .state")).to_contain_text("/s")
    bar = "document.querySelector('.task progress').value"
    there = until(page, f"{bar} % {BLOCK} > 0 && {bar}")
    with page.expect_event("requestfailed"):
        network(0)
    expect(page.locator(".main > .state")).to_have_text(re.compile(f".* · {offline}$"))
    expect(line(page, "far.mp4")).to_contain_text("Waiting for the network" if language == "en" else "等待网络恢复")
    page.wait_for_timeout(200)
    assert page.evaluate(bar) >= there
    network(-1)
    expect(line(page, "far.mp4")).to_have_attribute("data-state", "done")
    assert stored(console, space, "far.mp4") == path.read_bytes()


def test_a_worker_that_could_not_be_loaded_is_started_again(console: Console, tmp_path: Path) -> None:
    """On a bad line: the upload fails, and goes on when the user says so."""
    console.allowed.append("hasher.js")
    console.allowed.append("ERR_FAILED")
    space = console.peer.space()
    path = file(tmp_path, "again.mp4", 1000)
    page = console.open(f"#/s/{space}/")
    page.context.route("**/hasher.js", lambda route: route.abort())
    page.locator("#files").set_input_files(path)
    transfers(page)
    expect(line(page, "again.mp4")).to_have_attribute("data-state", "failed")
    page.context.unroute("**/hasher.js")
    line(page, "again.mp4").get_by_role("button", name="Try again.mp4 again").click()
    expect(line(page, "again.mp4")).to_have_attribute("data-state", "done")
    assert stored(console, space, "again.mp4") == path.read_bytes()


@pytest.mark.parametrize("status", (503, 429, 401))
def test_a_part_that_is_refused_at_first(console: Console, tmp_path: Path, status: int) -> None:
    console.allowed.append(str(status))
    space = console.peer.space()
    path = file(tmp_path, "again.mp4", 2 * BLOCK)
    page = console.open(f"#/s/{space}/")
    refused: list[str] = []

    def once(route: Route) -> None:
        if route.request.method == "PUT" and not refused:
            refused.append(route.request.url)
            route.fulfill(
                status=status,
                headers={"Access-Control-Allow-Origin": console.server.admin},
                json={"RetCode": -1, "ErrMsg": "not now"},
            )
        else:
            route.continue_()

    page.route("**/again.mp4?**", once)
    page.locator("#files").set_input_files(path)
    transfers(page)
    expect(line(page, "again.mp4")).to_have_attribute("data-state", "done")
    assert len(refused) == 1 and stored(console, space, "again.mp4") == path.read_bytes()


@pytest.mark.parametrize("size", (1000, 2 * BLOCK))
def test_bytes_that_were_changed_on_the_way_are_found_out(console: Console, tmp_path: Path, size: int) -> None:
    """The etag of the answer is not that of what was sent: the upload fails, and nothing is left of a large one."""
    space = console.peer.space()
    page = console.open(f"#/s/{space}/")
    headers = {
        "Access-Control-Allow-Origin": console.server.admin,
        "Access-Control-Expose-Headers": "ETag",
        "ETag": '"somethingElse"',
    }
    page.route(
        "**/changed.mp4?**",
        lambda route: (
            route.fulfill(status=200, headers=headers) if route.request.method == "PUT" else route.continue_()
        ),
    )
    page.locator("#files").set_input_files(file(tmp_path, "changed.mp4", size))
    transfers(page)
    expect(line(page, "changed.mp4")).to_contain_text(
        "The bytes that the server stored differ from those that were sent."
    )
    when(page, lambda: not open_uploads(console, space), "the upload is aborted")


def test_a_file_that_is_changed_while_it_is_read(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    path = file(tmp_path, "moving.mp4", 8 * BLOCK)
    page = console.open(f"#/s/{space}/")
    held = hold(page, 2)
    page.locator("#files").set_input_files(path)
    transfers(page)
    until(page, "document.querySelector('.task progress')?.value > 0")
    held.wait()
    path.write_bytes(b"something else")
    held.release()
    expect(line(page, "moving.mp4")).to_contain_text("The file cannot be read any more")
    assert console.peer.call(operation.HeadObject(space, "moving.mp4")).status == 404


def test_stale_uploads_are_aborted_on_the_dashboard(console: Console, picture: Picture) -> None:
    space = console.peer.space()
    begun = console.peer.do(operation.InitiateUpload(space, "left/behind.mp4"))
    console.peer.do(operation.UploadPart(space, "left/behind.mp4", begun.upload_id, 0), pattern(BLOCK))
    page = console.open("#/dashboard")
    expect(page.locator(".figure", has_text="Free on the disk")).to_contain_text(re.compile(r"\d [KMGTP]iB"))
    held = page.get_by_role("region", name="Usage by space").locator("tr", has_text=space)
    expect(held).to_contain_text("1 (4 MiB)", timeout=2000 * WAIT)  # counted once a minute
    place = page.locator("tr", has_text=f"{space}/left/behind.mp4")
    place.get_by_role("button", name="count").click()
    expect(place).to_contain_text("1 part, 4 MiB")
    picture(page, "dashboard")
    place.get_by_role("button", name="Abort the upload").click()
    page.get_by_role("dialog").get_by_role("button", name="Abort", exact=True).click()
    expect(page.get_by_text("1 upload aborted")).to_be_visible()
    expect(place).to_have_count(0)
    assert open_uploads(console, space) == []


def test_where_the_browser_hides_its_sha1(console: Console, tmp_path: Path) -> None:
    """As on a page that is served by an address of the local network without TLS."""
    page = console.open()
    digests = page.evaluate(
        """async () => {
            const { sha1 } = await import("./sha1.js");
            const found = [];
            for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 4194304]) {
                const data = new Uint8Array(size).map((_, at) => (at * 7) & 255);
                const hex = bytes => [...bytes].map(each => each.toString(16).padStart(2, "0")).join("");
                found.push([hex(sha1(data.buffer)), hex(new Uint8Array(await crypto.subtle.digest("SHA-1", data)))]);
            }
            return found;
        }"""
    )
    assert len(digests) == 11 and all(ours == theirs for ours, theirs in digests)
