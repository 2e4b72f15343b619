"""What is shown over and beside a list is part of the address: Back, a reload and a copied address find it again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from test.browser.conftest import Console, problems
from test.browser.test_objects import put, row
from ucloud.uvideo.protocol import operation


def at(page: Page, place: str) -> None:
    expect(page).to_have_url(re.compile(re.escape(place) + "$"))


def read(page: Page, text: str) -> None:
    expect(page.locator(".viewer .reader pre")).to_have_text(text)


@pytest.mark.parametrize("language", ("en", "zh"))
def test_the_viewer(console: Console, language: str) -> None:
    space = console.peer.space()
    put(console, space, "f/a.txt", "f/b ?&#%+.txt")
    folder, second = f"#/s/{space}/f/", "?view=b%20%3F%26%23%25%2B.txt"
    page = console.open(f"#/s/{space}/", language=language)
    row(page, "f/").locator(".label").click()
    row(page, "a.txt").locator(".label").click()
    read(page, "f/a.txt")
    at(page, f"{folder}?view=a.txt")
    expect(page).to_have_title("a.txt – uvideo")
    page.keyboard.press("ArrowRight")
    read(page, "f/b ?&#%+.txt")
    at(page, folder + second)
    page.reload()
    read(page, "f/b ?&#%+.txt")
    assert problems(page) == []
    page.go_back()
    expect(page.locator(".viewer")).to_have_count(0)
    expect(row(page, "a.txt")).to_be_visible()
    at(page, folder)
    page.go_forward()
    read(page, "f/b ?&#%+.txt")
    page.keyboard.press("Escape")
    expect(page.locator(".viewer")).to_have_count(0)
    at(page, folder)
    page.go_back()
    expect(page.get_by_role("heading", name=space)).to_be_visible()


def test_the_details_and_the_viewer_over_them(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt")
    page = console.open(f"#/s/{space}/")
    panel, viewer = page.get_by_role("complementary"), page.locator(".viewer")
    row(page, "a.txt").locator(".cell.act button").click()
    at(page, f"#/s/{space}/?details=a.txt")
    row(page, "b.txt").locator(".cell.act button").click()
    expect(panel.get_by_role("heading", name="b.txt")).to_be_visible()
    at(page, f"#/s/{space}/?details=b.txt")
    panel.get_by_role("button", name="View").click()
    read(page, "b.txt")
    at(page, f"#/s/{space}/?details=b.txt&view=b.txt")
    page.reload()
    read(page, "b.txt")
    page.go_back()
    expect(viewer).to_have_count(0)
    expect(panel.get_by_role("heading", name="b.txt")).to_be_visible()
    page.go_back()
    expect(panel).to_be_hidden()
    at(page, f"#/s/{space}/")
    page.go_forward()
    expect(panel.get_by_role("heading", name="b.txt")).to_be_visible()
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()
    at(page, f"#/s/{space}/")


def test_a_copied_address(console: Console) -> None:
    """For whoever signs in with it, also if the object is not among those that the list has loaded."""
    console.allowed.append("404")
    space = console.peer.space()
    put(console, space, "f/a.txt")
    page = console.page()
    page.route("**/api/objects?**", lambda route: route.fulfill(json={"objects": [], "prefixes": [], "next": ""}))
    page.goto(f"{console.address}#/s/{space}/f/?details=a.txt&view=a.txt")
    page.get_by_label("Public key").fill(console.server.public_key)
    page.get_by_label("Private key").fill(console.server.private_key)
    page.keyboard.press("Enter")
    read(page, "f/a.txt")
    page.keyboard.press("Escape")
    at(page, f"#/s/{space}/f/?details=a.txt")
    expect(page.get_by_role("complementary").locator(".etag")).to_be_visible()
    console.peer.do(operation.DeleteObject(space, "f/a.txt"))
    page.goto(f"{console.address}#/s/{space}/f/?view=a.txt")
    expect(page.get_by_role("alert").first).to_contain_text("This object does not exist, or was deleted.")
    at(page, f"#/s/{space}/f/")
