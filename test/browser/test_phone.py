"""The console on a phone: touched, 360 pixels wide, with labels for its actions and room for a finger."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from test.browser.conftest import Console, problems, until
from test.browser.media import DEMO, store
from test.browser.test_look import filled
from ucloud.uvideo.protocol import operation

Picture = Callable[[Page, str], Path]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
FINGER = 44  # CSS pixels

#: What a finger cannot hit: [text, width, height].  A checkbox is hit with the cell or the line that it stands in.
SMALL = f"""() => [...document.querySelectorAll(
    (document.querySelector("dialog[open]") ? "dialog[open] " : "") + ":is(button, a, input, select, textarea)")]
    .filter(each => each.checkVisibility({{ visibilityProperty: true }}) && !each.closest(".skip, [hidden]"))
    .map(each => [each, (each.type === "checkbox" ? each.closest(".pick, .check") : each).getBoundingClientRect()])
    .filter(([, {{ width, height }}]) => width < {FINGER} || height < {FINGER})
    .map(([each, {{ width, height }}]) => [each.outerHTML.slice(0, 120), Math.round(width), Math.round(height)])"""

#: What scrolls sideways or sticks out of the window.
SIDEWAYS = """() => [...document.querySelectorAll("*")]
    .filter(each => each.checkVisibility() && !each.closest(".unseen, .table-port thead, svg"))
    .filter(each => (each.scrollWidth > each.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(each).overflowX))
        || each.getBoundingClientRect().right > innerWidth + 1)
    .map(each => each.outerHTML.slice(0, 120))"""

#: Actions that show an icon only, but for those that say what they do at once: the theme, the form of the list, and in
#: tiles the details.
UNLABELLED = """() => [...document.querySelectorAll("button.button")]
    .filter(each => each.checkVisibility() && !each.closest(".tools, .switches, .signin-foot, .toasts, .as-tiles"))
    .filter(each => ![...each.querySelectorAll("span")].some(text => text.getBoundingClientRect().width > 1))
    .map(each => each.textContent)"""

WORDS = {
    "en": {
        "details": "Details",
        "close": "Close",
        "viewer": ["Previous", "Next", "Download", "Share", "Delete"],
        "clear": "Clear the selection",
        "delete": "Delete",
        "cancel": "Cancel",
        "where": "credentials.json, in the folder of the server",
    },
    "zh": {
        "details": "详细信息",
        "close": "关闭",
        "viewer": ["上一个", "下一个", "下载", "分享", "删除"],
        "clear": "取消选择",
        "delete": "删除",
        "cancel": "取消",
        "where": "服务端目录的 credentials.json",
    },
}


@pytest.mark.parametrize("language", ("en", "zh"))
def test_every_page_fits_a_phone(console: Console, picture: Picture, language: str) -> None:
    space, words = filled(console), WORDS[language]
    page = console.page(language, **PHONE)
    found = dict[str, object]()

    def look(place: str, wait: str) -> None:
        page.wait_for_selector(wait)
        page.wait_for_timeout(150)
        picture(page, f"phone-{place}-{language}")
        unlabelled = [text for text in page.evaluate(UNLABELLED) if text not in (words["close"], words["clear"])]
        seen = {
            "small": page.evaluate(SMALL),
            "sideways": page.evaluate(SIDEWAYS),
            "unlabelled": unlabelled,
            "axe": problems(page),
        }
        found.update({f"{place}: {kind}": each for kind, each in seen.items() if each})

    page.goto(console.address)
    look("sign-in", ".signin")
    expect(page.get_by_text(str(words["where"]))).to_be_in_viewport()
    page.goto(console.link())
    look("spaces", f".card:has-text('{space}') .number:not(:text('…'))")
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    look("list", ".rows .row")
    row = page.locator(".rows .row", has_text="trailer.mp4")
    expect(row.locator(".modified")).to_be_in_viewport()
    expect(row.locator(".modified")).to_have_text(re.compile(r"20\d\d"))
    row.get_by_role("button", name=str(words["details"])).tap()
    look("details", ".preview img")
    page.locator(".panel-head button").tap()
    before = row.bounding_box()
    row.locator(".pick").tap()
    look("selected", ".bar.chosen")
    assert row.bounding_box() == before
    page.get_by_role("button", name=str(words["delete"]), exact=True).tap()
    look("delete", "dialog[open]")
    page.get_by_role("button", name=str(words["cancel"]), exact=True).tap()
    page.get_by_role("button", name=str(words["clear"])).tap()
    page.locator(".rows .row", has_text="说明.txt").locator(".label").tap()
    look("text", ".reader pre")
    for text in words["viewer"]:
        expect(page.locator(".viewer-actions").get_by_text(text, exact=True).last).to_be_in_viewport()
    page.locator(".viewer").get_by_role("button", name=str(words["close"])).tap()
    expect(page).to_have_url(re.compile("^[^?]*$"))
    page.locator(".tools button.bare").tap()
    look("tiles", ".picture img")
    page.locator(".tools button.bare").tap()
    page.evaluate("location.hash = '#/dashboard'")
    look("dashboard", ".table-port")
    page.evaluate("location.hash = '#/keys'")
    look("keys", ".facts")
    page.evaluate("location.hash = '#/transfers'")
    look("transfers", ".empty")
    assert found == {}


def test_an_object_is_deleted_by_touch(console: Console) -> None:
    space = filled(console)
    page = console.open(f"#/s/{space}/", **PHONE)
    page.locator(".rows .row", has_text="cold.bin").locator(".pick").tap()
    expect(page.get_by_text("1 selected")).to_be_in_viewport()
    page.locator(".bar-actions").get_by_text("Delete", exact=True).tap()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).tap()
    expect(page.get_by_text("1 object deleted")).to_be_visible()
    assert console.peer.call(operation.HeadObject(space, "cold.bin")).status == 404


def stroke(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """A finger that goes from one place to another."""
    inner = page.context.new_cdp_session(page)
    inner.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start[0], "y": start[1]}]})
    for step in (1, 2, 3):
        x, y = (a + (b - a) * step // 3 for a, b in zip(start, end, strict=True))
        inner.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    inner.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_goes_on_to_the_next_object(console: Console) -> None:
    space = console.peer.space()
    store(console.peer, space, "b.mp4", DEMO, "video/mp4")
    for key in ("a.txt", "c.txt"):
        console.peer.do(operation.PutObject(space, key, mime="text/plain"), f"this is {key}\n".encode() * 99)
    page = console.open(f"#/s/{space}/?view=a.txt", **PHONE)
    text = page.locator(".reader pre")
    expect(text).to_contain_text("this is a.txt")
    stroke(page, (180, 500), (190, 300))  # scrolls
    stroke(page, (60, 300), (300, 310))  # there is no previous one
    expect(text).to_contain_text("this is a.txt")
    stroke(page, (300, 300), (60, 310))
    until(page, "document.querySelector('.stage video')?.readyState >= 2")
    expect(page).to_have_url(re.compile("view=b.mp4$"))
    assert page.evaluate(SMALL) == page.evaluate(SIDEWAYS) == problems(page) == []
    box = page.locator(".stage video").bounding_box()
    assert box is not None
    low = int(box["y"] + box["height"]) - 20
    stroke(page, (300, low), (60, low))  # seeks
    stroke(page, (60, 300), (300, 310))
    expect(text).to_contain_text("this is a.txt")
    stroke(page, (300, 300), (60, 310))
    until(page, "document.querySelector('.stage video')?.readyState >= 2")
    stroke(page, (300, 300), (60, 310))
    expect(text).to_contain_text("this is c.txt")
    expect(page).to_have_url(re.compile("view=c.txt$"))
