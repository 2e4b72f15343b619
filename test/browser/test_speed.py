"""What the page does for its speed: what it asks for, and when."""

from __future__ import annotations

from playwright.sync_api import expect

from test.browser.conftest import Console, until
from test.browser.test_objects import put, row
from ucloud.uvideo.protocol import operation


def test_a_second_visit_asks_for_no_file_of_the_page(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "a.txt")
    page = console.open(f"#/s/{space}/")
    expect(row(page, "a.txt")).to_be_visible()
    page.reload()
    expect(row(page, "a.txt")).to_be_visible()
    names, sent = page.evaluate(
        """() => {
            const all = performance.getEntriesByType("resource");
            const names = found => found.map(each => new URL(each.name).pathname);
            return [names(all), names(all.filter(each => each.transferSize))];
        }"""
    )
    assert any(name.endswith("/app.js") for name in names) and any(name.endswith("/en.json") for name in names)
    assert sorted(set(sent)) == ["/api/objects", "/api/session"]


def test_session_and_language_are_asked_for_together(console: Console) -> None:
    page = console.open()
    page.reload()
    expect(page.locator(".side")).to_be_visible()
    start = """name => performance.getEntriesByType("resource").find(each => each.name.endsWith(name)).startTime"""
    assert page.evaluate(start, "/api/session") <= page.evaluate(start, "/en.json")


def test_few_tiles_are_drawn_that_cannot_be_seen(console: Console) -> None:
    """What is drawn costs time in every frame while the list is scrolled."""
    space = console.peer.space()
    console.peer.do(operation.PutObject(space, "0"), b"")
    for number in range(200):
        console.peer.do(operation.PutObject(space, f"{number:03}.txt"), b"x")
    page = console.open(f"#/s/{space}/")
    expect(page.get_by_text("201 items")).to_be_visible()
    page.get_by_role("button", name="Show as tiles").click()
    page.locator(".grid").evaluate("port => { port.scrollTop = 1500; }")
    beyond = """(() => {
        const port = document.querySelector(".grid").getBoundingClientRect();
        const cells = [...document.querySelectorAll(".rows > .row")].filter(each => each.checkVisibility());
        const boxes = cells.map(each => each.getBoundingClientRect());
        if (!boxes.some(each => each.top < port.top)) return null;
        const ends = name => boxes.map(each => each[name]);
        const spare = [port.top - Math.min(...ends("top")), Math.max(...ends("bottom")) - port.bottom];
        return spare.every(each => 0 < each && each < 600); // once the list has followed
    })()"""
    assert until(page, beyond)
