"""Choosing a folder in a tree for copies and moves, and moving by dragging."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from test.browser.conftest import Console, Held, problems, when
from test.browser.test_objects import put, row
from ucloud.uvideo.protocol import operation

WORDS = {
    "en": {
        "copy": "Copy or move…",
        "folders": "Folders",
        "inside": "A folder cannot go into itself.",
        "tree": "Folders of the space",
        "to": "To folder",
        "space": "To space",
        "go": "Continue",
        "copied": "1 object copied",
        "replace": "Replace existing objects?",
        "yes": "Replace",
        "no": "Cancel",
    },
    "zh": {
        "copy": "复制或移动…",
        "folders": "目录",
        "inside": "目标不能是目录自身或它的子目录。",
        "tree": "空间中的目录",
        "to": "目标目录",
        "space": "目标空间",
        "go": "继续",
        "copied": "已复制 1 个对象",
        "replace": "替换已有对象？",
        "yes": "替换",
        "no": "取消",
    },
}
LANGUAGES = pytest.mark.parametrize("language", ("en", "zh"))


@LANGUAGES
def test_a_folder_is_chosen_in_a_tree(console: Console, language: str) -> None:
    space, other, words = console.peer.space(), console.peer.space(), WORDS[language]
    put(console, space, "a.txt", "f/g/x", "f/h/x", "k/x")
    put(console, other, "films/x")
    page = console.open(f"#/s/{space}/", language=language)
    row(page, "a.txt").locator("input").click()
    page.get_by_role("button", name=words["copy"]).click()
    tree = page.get_by_role("tree", name=words["tree"])
    node = tree.get_by_role("treeitem")
    expect(node).to_have_count(3)
    assert problems(page) == []
    node.first.focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(node).to_have_count(5)
    expect(node.nth(1)).to_be_focused()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_label(words["to"])).to_have_value("f/h/")
    expect(tree.locator("[aria-selected=true] .label")).to_have_text("h")
    assert problems(page) == []
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(node).to_have_count(3)
    page.get_by_role("button", name=words["go"]).click()
    expect(page.get_by_text(words["copied"])).to_be_visible()
    assert console.peer.call(operation.GetObject(space, "f/h/a.txt")).body == b"a.txt"
    row(page, "a.txt").locator("input").click()
    page.get_by_role("button", name=words["copy"]).click()
    page.get_by_label(words["space"]).select_option(other)
    expect(node).to_have_count(2)
    node.last.click()
    expect(page.get_by_label(words["to"])).to_have_value("films/")
    page.get_by_role("button", name=words["go"]).click()
    when(page, lambda: console.peer.call(operation.GetObject(other, "films/a.txt")).body == b"a.txt", "it is copied")


def test_a_tree_shows_where_it_is_and_goes_on(console: Console) -> None:
    """A folder with more entries than one page has is shown a page at a time."""
    space = console.peer.space()
    put(console, space, *(f"deep/er/{number:04}/x" for number in range(1001)), "deep/a.txt")
    page = console.open(f"#/s/{space}/deep/er/0007/")
    row(page, "x").locator("input").click()
    page.get_by_role("button", name="Copy or move…").click()
    tree = page.get_by_role("tree")
    expect(tree.locator("[aria-selected=true] .label")).to_have_text("0007")
    tree.get_by_role("treeitem", name="Show more").click()
    expect(tree.get_by_role("treeitem", name="1000")).to_be_focused()
    expect(tree.get_by_role("treeitem", name="Show more")).to_have_count(0)


@LANGUAGES
def test_objects_are_moved_by_dragging(console: Console, language: str) -> None:
    space, words = console.peer.space(), WORDS[language]
    put(console, space, "a.txt", "b.txt", "f/x", "g/y")
    page = console.open(f"#/s/{space}/", language=language)
    row(page, "a.txt").locator(".label").drag_to(row(page, "f/"))
    expect(row(page, "a.txt")).to_have_count(0)
    assert console.peer.call(operation.GetObject(space, "f/a.txt")).body == b"a.txt"
    row(page, "b.txt").locator("input").click()
    row(page, "g/").locator("input").click()
    row(page, "b.txt").locator(".label").drag_to(row(page, "f/"))
    expect(page.locator(".rows .row:visible")).to_have_count(1)
    assert console.peer.call(operation.GetObject(space, "f/g/y")).body == b"g/y"
    row(page, "f/").locator(".label").click()
    expect(row(page, "a.txt")).to_be_visible()
    # Nothing is replaced without a question.
    console.allowed.append("400")
    console.peer.do(operation.PutObject(space, "a.txt"), b"another")
    for answer, want in ((words["no"], b"another"), (words["yes"], b"a.txt")):
        row(page, "a.txt").locator(".label").drag_to(page.locator(".crumbs").get_by_role("link", name=space))
        dialog = page.get_by_role("dialog", name=words["replace"])
        expect(dialog).to_be_visible()
        assert problems(page) == []
        dialog.get_by_role("button", name=answer, exact=True).click()
        expect(row(page, "a.txt")).to_have_count(1 if answer == words["no"] else 0)
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert console.peer.call(operation.GetObject(space, "a.txt")).body == want


@LANGUAGES
def test_objects_are_dragged_onto_the_tree_of_folders(console: Console, language: str) -> None:
    """The tree beside the list: it shows the place, goes elsewhere, takes what is dragged, and follows changes."""
    space, words = console.peer.space(), WORDS[language]
    put(console, space, "a.txt", "f/g/x", "k/x")
    page = console.open(f"#/s/{space}/", language=language)
    switch = page.get_by_role("button", name=words["folders"], exact=True)
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    tree = page.get_by_role("tree", name=words["tree"])
    node = tree.get_by_role("treeitem")
    expect(node).to_have_count(3)
    assert problems(page) == []
    node.nth(1).locator(".twist").click()
    row(page, "a.txt").locator(".label").drag_to(tree.get_by_text("g", exact=True))
    expect(row(page, "a.txt")).to_have_count(0)
    assert console.peer.call(operation.GetObject(space, "f/g/a.txt")).body == b"a.txt"
    # A folder that is moved is in its new place, and what was open stays open.
    row(page, "k/").locator(".label").drag_to(tree.get_by_text("f", exact=True))
    expect(node).to_have_text([space, "f", "g", "k"])
    # A folder of the tree is gone to, with the mouse or the keyboard, and is the place on the next page, too.
    tree.get_by_text("g", exact=True).click()
    expect(row(page, "a.txt")).to_be_visible()
    expect(tree.locator("[aria-selected=true] .label")).to_have_text("g")
    expect(node).to_have_text([space, "f", "g", "k"])
    expect(node.nth(2)).to_be_focused()
    expect(node.nth(2)).not_to_have_attribute("aria-expanded", "false")  # the tree has followed
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(row(page, "f/")).to_be_visible()
    expect(node.first).to_be_focused()
    # A folder is not moved into itself.
    row(page, "f/").locator(".label").drag_to(tree.get_by_text("g", exact=True))
    expect(page.get_by_text(words["inside"])).to_be_visible()
    assert console.peer.call(operation.GetObject(space, "f/k/x")).body == b"k/x"
    page.reload()
    expect(node).to_have_count(2)
    switch.click()
    expect(tree).to_have_count(0)
    page.reload()
    expect(row(page, "f/")).to_be_visible()
    expect(tree).to_have_count(0)


def test_a_tree_on_a_slow_line(console: Console) -> None:
    """Two clicks load a folder once, and the answer does not take the focus from where the user went on."""
    space = console.peer.space()
    put(console, space, "a.txt", "f/g/x", "f/h/x")
    page = console.open(f"#/s/{space}/")
    row(page, "a.txt").locator("input").click()
    page.get_by_role("button", name="Copy or move…").click()
    node = page.get_by_role("tree").get_by_role("treeitem")
    expect(node).to_have_count(2)
    held = Held(page, "**/api/objects?*")
    node.nth(1).locator(".twist").dblclick()
    page.get_by_label("To folder").fill("typed")
    held.release()
    expect(node).to_have_count(4)
    expect(page.get_by_label("To folder")).to_be_focused()


def test_an_object_that_stays_is_not_called_moved(console: Console) -> None:
    """A move to another space copies and removes; what changed between the two stays."""
    space, other = console.peer.space(), console.peer.space()
    put(console, space, "a.txt")
    page = console.open(f"#/s/{space}/")
    console.allowed.append("412")
    said = {"error": "PreconditionFailed", "message": "the object changed meanwhile"}
    page.route("**/api/objects/move", lambda route: route.fulfill(status=412, json=said))
    row(page, "a.txt").locator("input").click()
    page.get_by_role("button", name="Copy or move…").click()
    page.get_by_label("To space").select_option(other)
    page.get_by_role("dialog").get_by_role("combobox").first.select_option("move")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("1 object changed while it was moved")
    expect(page.get_by_text("1 object moved")).to_have_count(0)


def test_files_are_no_rows_that_were_dragged_before(console: Console) -> None:
    """A row that leaves the list while it is dragged gives no sign of the end."""
    space = console.peer.space()
    put(console, space, "a.txt", "f/x")
    page = console.open(f"#/s/{space}/")
    row(page, "a.txt").evaluate(
        "row => row.dispatchEvent(new DragEvent('dragstart', {bubbles: true, dataTransfer: new DataTransfer()}))"
    )
    row(page, "f/").evaluate(
        """row => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["new"], "new.txt"));
            row.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer}));
        }"""
    )
    expect(row(page, "new.txt")).to_be_visible()
    assert console.peer.call(operation.GetObject(space, "a.txt")).status == 200


def test_a_drag_can_be_undone(console: Console) -> None:
    """Each object is moved back that is as it was moved, and whose old place is free; the page tells what stays."""
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt", "c.txt", "d.txt", "f/x", "g/1")
    page = console.open(f"#/s/{space}/")
    for name in ("a.txt", "b.txt", "c.txt", "d.txt", "g/"):
        row(page, name).locator("input").click()
    row(page, "a.txt").locator(".label").drag_to(row(page, "f/"))
    toast = page.locator(".toast")
    expect(toast).to_contain_text("5 objects moved")
    expect(page.locator(".rows .row:visible")).to_have_count(1)
    console.peer.do(operation.PutObject(space, "f/b.txt"), b"newer")
    console.peer.do(operation.PutObject(space, "c.txt"), b"another")
    console.peer.do(operation.DeleteObject(space, "f/d.txt"))
    console.allowed += ["412", "400", "404"]
    toast.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 objects moved back")).to_be_visible()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("1 changed since · 1 whose old name is taken · 1 no longer there. The first is f/")
    expect(page.locator(".rows .row:visible")).to_have_count(4)
    bodies = {
        each.key: console.peer.call(operation.GetObject(space, each.key)).body
        for each in console.peer.do(operation.ListObjects(space, "", "", 100, "")).objects
    }
    assert bodies == {
        **{"a.txt": b"a.txt", "f/b.txt": b"newer", "c.txt": b"another", "f/c.txt": b"c.txt"},
        **{"f/x": b"f/x", "g/1": b"g/1"},
    }
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_what_a_search_found_lands_by_its_name(console: Console) -> None:
    """Two of one name are refused before anything is moved."""
    space = console.peer.space()
    put(console, space, "x/a.txt", "y/a.txt", "x/deep/b.txt", "y/deep/clips/c.txt", "t/z")
    page = console.open(f"#/s/{space}/")

    def move(text: str, count: int) -> None:
        page.get_by_role("searchbox").fill(text)
        labels = page.locator(".rows .row:visible .label").filter(has_text=text)
        expect(labels).to_have_count(count)
        expect(page.locator(".rows .row:visible")).to_have_count(count)
        for number in range(count):
            page.locator(".rows .row:visible input").nth(number).click()
        page.get_by_role("button", name="Copy or move…").click()
        page.get_by_role("dialog").get_by_role("combobox").first.select_option("move")
        page.get_by_label("To folder").fill("t")
        page.get_by_role("button", name="Continue").click()

    move("a.txt", 2)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("Two of them have the name a.txt")
    dialog.get_by_role("button", name="Cancel").click()
    move("b.txt", 1)
    expect(page.get_by_text("1 object moved")).to_have_count(1)
    move("clips", 1)

    def found() -> list[str]:
        return [each.key for each in console.peer.do(operation.ListObjects(space, "", "", 100, "")).objects]

    when(page, lambda: found() == ["t/b.txt", "t/clips/c.txt", "t/z", "x/a.txt", "y/a.txt"], "the folder is moved")
