"""A page of uploads that comes back out of the browser's back/forward cache, with all that it had in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from test import patience
from test.browser.conftest import FLAGS, Console, chromium, problems, until
from test.browser.test_uploads import file, hold, line, open_uploads, stored
from test.server.wire import BLOCK

WORDS = {
    "en": ("1 interrupted upload", "1 upload was continued, finished or discarded in another tab.", "Sign out"),
    "zh": ("1 个中断的上传", "有 1 个上传已在其他标签页中继续、完成或放弃。", "退出登录"),
}


@pytest.fixture
def keeping(running: Console) -> Iterator[Console]:
    """The console in a browser that keeps pages which were left, as users' browsers do; Playwright turns that off."""
    started = running.browser.browser_type.launch(
        executable_path=chromium(), args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    console = Console(running.server, running.peer, started)
    yield console
    console.done()
    started.close()


@pytest.mark.parametrize("language", ("en", "zh"))
def test_what_another_tab_took_is_given_up(keeping: Console, tmp_path: Path, language: str) -> None:
    keeping.allowed += ["401", "404"]  # 404: the icon of a page that names none
    interrupted, lost, sign_out = WORDS[language]
    space = keeping.peer.space()
    taken, own = file(tmp_path, "taken.mp4", 3 * BLOCK), file(tmp_path, "own.mp4", 3 * BLOCK, seed=1)
    page = keeping.open(f"#/s/{space}/", language=language)
    held = hold(page, 1)
    page.locator("#files").set_input_files([taken, own])
    page.evaluate("location.hash = '#/transfers'")
    for path in (taken, own):
        until(page, f"localStorage['uvideo.uploads']?.includes('{path.name}')", patience.SECONDS)
        line(page, path.name).get_by_role("button").first.click()
        expect(line(page, path.name)).to_have_attribute("data-state", "paused")
    held.end()
    page.evaluate("window.mark = 1")
    page.goto(f"{keeping.server.admin}/healthz")

    other = page.context.new_page()
    other.goto(f"{keeping.address}#/transfers")
    expect(other.locator(".left li")).to_have_count(2)
    other.locator("#again").set_input_files(taken)
    expect(line(other, "taken.mp4")).to_have_attribute("data-state", "done")
    expect(other.get_by_role("heading", name=interrupted)).to_be_visible()

    page.go_back(wait_until="commit")
    until(page, "window.mark === 1")  # it is the page that was left
    expect(page.get_by_text(lost)).to_be_visible()
    mine = page.locator(".main > .tasks")
    expect(mine.locator(".task")).to_have_count(1)
    assert problems(page) == []
    expect(other.locator(".left")).to_be_hidden()  # that of own.mp4 lives again
    expect(other.locator(".elsewhere")).to_contain_text("own.mp4")
    mine.get_by_role("button").first.click()
    expect(mine.locator(".task")).to_have_attribute("data-state", "done")
    for path in (taken, own):
        assert stored(keeping, space, path.name) == path.read_bytes()
    assert open_uploads(keeping, space) == []

    page.goto(f"{keeping.server.admin}/healthz")
    other.get_by_role("button", name=sign_out).click()
    other.wait_for_selector(".signin")
    page.go_back(wait_until="commit")
    page.wait_for_selector(".signin")
    assert space not in page.content()
