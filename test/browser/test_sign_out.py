"""Signing out: what the browser keeps of an account, in all its tabs, and another account in the same browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from test.browser.conftest import Console, Held, problems
from test.browser.test_keys import account
from test.browser.test_uploads import file

WORDS = {
    "en": ("Sign out", "1 upload is unfinished.", "Cancel", "The session has ended. Sign in again."),
    "zh": ("退出登录", "有 1 个上传未完成。", "取消", "会话已结束，请重新登录。"),
}


def kept(page: Page) -> dict[str, Any]:
    found: dict[str, str] = page.evaluate("({...localStorage})")
    return {name: json.loads(value) if value[0] in "[{" else value for name, value in found.items()}


def sign_in(page: Page, pair: dict[str, str]) -> None:
    page.locator("[name=public_key]").fill(pair["public_key"])
    page.locator("[name=private_key]").fill(pair["private_key"])
    page.keyboard.press("Enter")


@pytest.mark.parametrize("language", ("en", "zh"))
def test_nothing_of_the_account_stays(console: Console, tmp_path: Path, language: str) -> None:
    """Neither in the storage nor in another tab; what belongs to another account or to nobody does stay."""
    console.allowed.append("401")
    sign_out, unfinished, cancel, _ = WORDS[language]
    films = account(console, f"films-{language}", tmp_path)
    server, space = console.server, console.peer.space()
    page = console.open("#/dashboard", language=language)
    page.wait_for_selector(".chart")
    second = page.context.new_page()
    second.goto(f"{console.address}#/s/{space}/")
    second.wait_for_selector(".blank:not([hidden])")

    def note(public: str, key: str) -> dict[str, Any]:
        return {"account": public, "endpoint": server.endpoint, "key": key, "etag": "e"}

    mine, theirs = note(server.public_key, "mine.mp4"), note(films["public_key"], "theirs.mp4")
    uploads = {f"id of {each['key']}": {**each, "space": space, "name": "n", "size": 9} for each in (mine, theirs)}
    positions = [{**each, "name": each["key"], "seconds": 9} for each in (mine, theirs)]
    page.evaluate(
        "([uploads, positions]) => Object.assign(localStorage, "
        "{'uvideo.uploads': uploads, 'uvideo.positions': positions, 'uvideo.theme': 'dark', 'uvideo.view': 'tiles'})",
        [json.dumps(uploads), json.dumps(positions)],
    )
    page.get_by_role("button", name=sign_out).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(unfinished)).to_be_visible()
    assert problems(page) == []
    dialog.get_by_role("button", name=cancel).click()
    assert len(kept(page)["uvideo.uploads"]) == 2
    page.get_by_role("button", name=sign_out).click()
    dialog.get_by_role("button", name=sign_out).click()
    for each in (page, second):
        each.wait_for_selector(".signin")
        expect(each).to_have_url(console.address)
        assert space not in each.content() and server.public_key not in each.content()
    assert kept(page) == {
        "uvideo.uploads": {"id of theirs.mp4": uploads["id of theirs.mp4"]},
        "uvideo.positions": positions[1:],
        "uvideo.theme": "dark",
        "uvideo.view": "tiles",
    }
    sign_in(page, films)
    for each in (page, second):  # they share the session
        expect(each.locator(".who")).to_contain_text(films["public_key"])
        assert space not in each.content()
    page.get_by_role("button", name=sign_out).click()
    dialog.get_by_role("button", name=sign_out).click()
    second.wait_for_selector(".signin")
    assert kept(page) == {"uvideo.theme": "dark", "uvideo.view": "tiles"}


@pytest.mark.parametrize("language", ("en", "zh"))
def test_small_uploads_of_another_tab_are_asked_about(console: Console, tmp_path: Path, language: str) -> None:
    """Nothing is noted of them in the browser, and they end with the session; so do those that are paused here."""
    console.allowed.append("401")
    sign_out, unfinished, cancel, _ = WORDS[language]
    space = console.peer.space()
    page = console.open(f"#/s/{space}/", language=language)
    second = page.context.new_page()
    second.goto(f"{console.address}#/transfers")
    second.wait_for_selector(".empty")
    Held(page, "**/small.txt*")
    page.locator("#files").set_input_files(file(tmp_path, "small.txt", 9))
    expect(second.get_by_text("small.txt")).to_be_visible()
    dialog = second.get_by_role("dialog")
    second.get_by_role("button", name=sign_out).click()
    expect(dialog.get_by_text(unfinished)).to_be_visible()
    dialog.get_by_role("button", name=cancel).click()
    page.evaluate("location.hash = '#/transfers'")
    page.locator(".task-actions button").first.click()
    expect(page.locator(".task[data-state=paused]")).to_be_visible()
    page.get_by_role("button", name=sign_out).click()
    expect(page.get_by_role("dialog").get_by_text(unfinished)).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name=cancel).click()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")  # what a closed tab still says may be lost
    page.close()
    expect(second.locator(".elsewhere")).to_be_hidden()
    second.get_by_role("button", name=sign_out).click()
    second.wait_for_selector(".signin")


def test_another_account_signs_in(console: Console, tmp_path: Path) -> None:
    """After a session ended, the same account finds its page again, and another one a page of its own."""
    console.allowed.append("401")
    films, space = account(console, "films", tmp_path), console.peer.space()
    own = {"public_key": console.server.public_key, "private_key": console.server.private_key}
    page = console.open(f"#/s/{space}/")
    page.wait_for_selector(".blank:not([hidden])")
    page.evaluate("window.loaded = 1")
    for pair in (own, films):
        page.get_by_role("link", name="Transfers").click()  # it asks the server nothing
        page.context.clear_cookies()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Dashboard").click()
        expect(page.get_by_role("alert")).to_have_text(WORDS["en"][3])
        sign_in(page, pair)
        expect(page.locator(".who")).to_contain_text(pair["public_key"])
        assert page.evaluate("window.loaded") == (1 if pair == own else None)
    expect(page).to_have_url(console.address)
