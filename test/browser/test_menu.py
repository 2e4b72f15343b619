"""The menu of a right click, of a long press and of the keyboard: the same actions as the bar has."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from test.browser.conftest import Console, problems
from test.browser.test_objects import put, row
from test.browser.test_phone import PHONE
from ucloud.uvideo.protocol import operation

WORDS = {
    "en": {
        "new": ["New folder", "Select all", "All as ZIP"],
        "delete": "Delete",
        "rename": "Rename",
        "done": "2 objects deleted",
    },
    "zh": {
        "new": ["新建目录", "全选", "全部打包 ZIP"],
        "delete": "删除",
        "rename": "重命名",
        "done": "已删除 2 个对象",
    },
}


def items(page: Page) -> list[str]:
    expect(page.get_by_role("menu")).to_be_visible()
    return page.get_by_role("menuitem").all_text_contents()


def bar(page: Page) -> list[str]:
    return [each for each in page.locator(".bar-actions button").all_text_contents() if each]


def chosen(page: Page) -> list[str]:
    return page.locator(".rows .row[aria-selected=true]:visible .label").all_text_contents()


@pytest.mark.parametrize("language", ("en", "zh"))
@pytest.mark.parametrize("tiles", (False, True), ids=("list", "tiles"))
def test_a_right_click(console: Console, language: str, tiles: bool) -> None:
    space, words = console.peer.space(), WORDS[language]
    put(console, space, "a.txt", "b.txt", "c.txt", "f/x")
    page = console.open(f"#/s/{space}/", language=language)
    if tiles:
        page.locator(".tools button").last.click()
    menu = page.get_by_role("menu")
    row(page, "a.txt").click(button="right")
    assert items(page) == bar(page) and chosen(page) == ["a.txt"]
    assert problems(page) == []
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(page.get_by_role("grid")).to_be_focused()
    row(page, "b.txt").locator(".label").click(modifiers=["Control"])
    row(page, "b.txt").click(button="right")  # what is chosen stays chosen
    assert items(page) == bar(page) and sorted(chosen(page)) == ["a.txt", "b.txt"]
    page.get_by_role("menuitem", name=words["delete"]).click()
    page.get_by_role("dialog").get_by_role("button", name=words["delete"]).click()
    expect(page.get_by_text(words["done"])).to_be_visible()
    assert console.peer.call(operation.HeadObject(space, "c.txt")).status == 200
    row(page, "c.txt").click(button="right")
    row(page, "f/").click(button="right")
    assert items(page) == bar(page) and chosen(page) == ["f/"]
    box: Any = page.get_by_role("grid").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, button="right")
    assert items(page) == words["new"] and chosen(page) == []
    page.get_by_role("heading", level=1).click()
    expect(menu).to_have_count(0)


@pytest.mark.parametrize("key", ("ContextMenu", "Shift+F10"))
def test_the_keyboard(console: Console, key: str) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt")
    page = console.open(f"#/s/{space}/", viewport={"width": 1000, "height": 420})
    expect(row(page, "b.txt")).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press(key)
    assert chosen(page) == ["b.txt"] and items(page) == bar(page)
    box: Any = page.get_by_role("menu").bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0 and box["y"] + box["height"] <= 420
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("New key").fill("c.txt")
    page.keyboard.press("Enter")
    expect(row(page, "c.txt")).to_be_visible()
    expect(page.get_by_role("grid")).to_be_focused()


def test_a_long_press(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt")
    page = console.open(f"#/s/{space}/", **PHONE)
    expect(row(page, "b.txt")).to_be_visible()
    inner = page.context.new_cdp_session(page)
    box: Any = row(page, "b.txt").locator(".label").bounding_box()
    point = {"x": box["x"] + 10, "y": box["y"] + 10}
    inner.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(page.get_by_role("menu")).to_be_visible()
    inner.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert chosen(page) == ["b.txt"] and "Rename" in items(page)
    assert problems(page) == []
    page.wait_for_timeout(200)
    assert page.locator("dialog").count() == 0  # the finger's end opens nothing
    page.get_by_role("menuitem", name="Delete").tap()
    page.get_by_role("dialog").get_by_role("button", name="Delete").tap()
    expect(row(page, "b.txt")).to_have_count(0)
    expect(row(page, "a.txt")).to_be_visible()
