"""The dashboard: what the spaces hold by class, requests by operation, errors by code, and the last errors."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from test.browser.conftest import WAIT, Console, problems, when
from test.browser.test_phone import PHONE, SIDEWAYS, SMALL
from ucloud.uvideo.protocol import operation

WORDS = {
    "en": ("Usage by space", "Requests by operation", "Errors by code", "Last errors in your spaces"),
    "zh": ("各空间用量", "各操作的请求数", "各错误码的次数", "你的空间最近的错误"),
}


@pytest.mark.parametrize(("language", "phone"), (("en", False), ("zh", True)), ids=("en", "zh-phone"))
def test_what_was_asked_and_refused(console: Console, language: str, phone: bool) -> None:
    peer, space = console.peer, console.peer.space()
    usage, operations, errors, last = WORDS[language]
    for number, cls in enumerate(("STANDARD", "IA", "IA", "ARCHIVE")):
        peer.do(operation.PutObject(space, f"{number}", storage_class=cls), b"x" * 1000)
    time.sleep(0.2)
    page = console.page(language, **(PHONE if phone else {}))
    page.goto(console.link())
    page.wait_for_selector(".side")
    page.evaluate("location.hash = '#/dashboard'")
    asked = page.get_by_role("region", name=operations).locator("tr", has_text="PutObject").locator("td").nth(1)
    expect(asked).to_have_text(re.compile(r"\d+"))
    before = int(asked.inner_text().replace(",", ""))
    peer.do(operation.PutObject(space, "more"), b"x")
    expect(asked).to_have_text(re.compile(rf"^(?!{before}$)"))
    shown = page.get_by_role("region", name=last)
    line = shown.locator("tr", has_text=f"{space}/f/lost <b>.mp4")

    def shows_it() -> int:  # an error within the second in which the space was made is not shown
        assert peer.call(operation.GetObject(space, "f/lost <b>.mp4")).status == 404
        return line.count()

    when(page, shows_it, "the error is shown")
    expect(line.first).to_contain_text("404 NotFound (-148654)")
    expect(line.first).to_contain_text("GetObject")
    expect(line.first.locator("code")).to_have_text(re.compile("^[0-9a-f-]{36}$"))
    expect(page.get_by_role("region", name=errors).locator("tr", has_text="NotFound (-148654)")).to_be_visible()
    held = page.get_by_role("region", name=usage).locator("tr", has_text=space)
    expect(held).to_contain_text("2 (2 KiB)", timeout=2000 * WAIT)
    expect(held).to_contain_text("1 (1,000 B)")
    shown.focus()
    peer.call(operation.GetObject(space, "another"))
    expect(shown.locator("tr", has_text=f"{space}/another")).to_be_visible()
    expect(shown).to_be_focused()  # new lines take nothing away from who reads them
    assert problems(page) == []
    if phone:
        assert page.evaluate(SMALL) == page.evaluate(SIDEWAYS) == []
    line.first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"#/s/{space}/f/$"))
