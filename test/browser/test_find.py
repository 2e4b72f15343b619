"""Searching for a part of a name, in a folder and below it, and going on where a search stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from test.browser.conftest import Console, problems
from test.browser.test_objects import MANY, fill, names, put, row
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation


@pytest.mark.parametrize(
    ("language", "search", "found", "none", "delete", "deleted"),
    (
        ("en", "Search names", "Found: 3", "No matching names", "Delete", "2 objects deleted"),
        ("zh", "搜索名称", "找到 3 项", "没有匹配的内容", "删除", "已删除 2 个对象"),
    ),
    ids=("en", "zh"),
)
def test_a_part_of_a_name(
    console: Console, language: str, search: str, found: str, none: str, delete: str, deleted: str
) -> None:
    space = console.peer.space()
    keys = ("f/g/My HOLIDAY.txt", "f/holidays/1.txt", "f/other.txt", "f/Holiday 2.txt", "holiday elsewhere.txt")
    put(console, space, *keys)
    page = console.open(f"#/s/{space}/f/", language=language)
    expect(row(page, "other.txt")).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("/")
    page.keyboard.insert_text("holiday")  # one search
    expect(page.get_by_text(found)).to_be_visible()
    assert sorted(names(page)) == ["Holiday 2.txt", "g/My HOLIDAY.txt", "holidays/"]
    assert problems(page) == []
    row(page, "g/My HOLIDAY.txt").locator(".label").click()
    expect(page.locator(".reader pre")).to_have_text("f/g/My HOLIDAY.txt")
    page.keyboard.press("Escape")
    row(page, "g/My HOLIDAY.txt").locator("input").click()
    row(page, "holidays/").locator("input").click()
    page.keyboard.press("Delete")
    page.get_by_role("dialog").get_by_role("button", name=delete).click()
    expect(page.get_by_text(deleted)).to_be_visible()
    expect(page.locator(".rows .row:visible")).to_have_count(1)
    assert names(page) == ["Holiday 2.txt"]
    assert console.peer.call(operation.HeadObject(space, "f/holidays/1.txt")).status == 404
    page.get_by_label(search).fill("nobody")
    expect(page.get_by_role("heading", name=none)).to_be_visible()
    assert problems(page) == []
    page.get_by_label(search).fill("")
    expect(row(page, "other.txt")).to_be_visible()


def test_a_search_goes_on_where_it_stopped(console: Console, tmp_path: Path) -> None:
    """A request reads so many names at most; the page asks again by itself until it has searched many for nothing."""
    count = MANY * 5 // 4
    with start_server(tmp_path, "--no-fsync") as server:
        alone = Console(server, Peer(server), console.browser)
        space = alone.peer.space()
        fill(tmp_path, count)
        put(alone, space, "z/A needle.txt")
        page = alone.open(f"#/s/{space}/")
        expect(page.get_by_text("loaded, there are more")).to_be_visible()
        page.get_by_label("Search names").fill("NEEDLE")
        more = page.get_by_role("button", name="Show more")
        expect(more).to_be_visible()
        expect(page.get_by_role("heading", name="No matching names")).to_be_visible()
        assert problems(page) == []
        more.focus()
        page.keyboard.press("Enter")
        expect(row(page, "z/A needle.txt")).to_be_visible()
        expect(page.get_by_text(f"Found: 1 · names searched: {count + 1:,}")).to_be_visible()
        expect(more).to_have_count(0)
        expect(page.get_by_role("grid")).to_be_focused()
        alone.done()
