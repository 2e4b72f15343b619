"""What is done with objects: looking, sharing, renaming, copying, deleting, changing; and a hundred thousand."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import sqlite3
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from test import patience
from test.browser.conftest import Console, png, problems, until, when
from test.server.wire import Peer, pattern
from test.server_fixture import start_server
from ucloud.uvideo.protocol import etag, operation

Picture = Callable[[Page, str], Path]
MANY = 100_000


def row(page: Page, name: str) -> Locator:
    return page.locator(".rows .row:visible").filter(has=page.locator(".label").get_by_text(name, exact=True))


def names(page: Page) -> list[str]:
    return page.locator(".rows .row:visible .label").all_text_contents()


def put(console: Console, space: str, *keys: str, **more: object) -> None:
    for key in keys:
        console.peer.do(operation.PutObject(space, key, **more), key.encode())


def test_folders_search_and_order(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "b/1", "b/2/3", "a.txt", "c.txt", "C.txt", "ä b+%&#.txt")
    console.peer.do(operation.PutObject(space, "big"), pattern(9000))
    page = console.open(f"#/s/{space}/")
    expect(page.get_by_text("6 items")).to_be_visible()
    assert sorted(names(page)) == sorted(["b/", "C.txt", "a.txt", "big", "c.txt", "ä b+%&#.txt"])
    page.get_by_role("button", name="Size").click()
    page.get_by_role("button", name="Size").click()
    expect(page.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
    assert row(page, "big").get_attribute("aria-rowindex") == "3"  # behind the heading and the folder
    page.get_by_label("Where to search").select_option("begins")
    page.get_by_label("Search names").fill("c")
    expect(page.locator(".rows .row:visible")).to_have_count(1)
    assert names(page) == ["c.txt"]
    page.get_by_label("Search names").fill("zzz")
    expect(page.get_by_role("heading", name="No matching names")).to_be_visible()
    page.get_by_label("Search names").fill("")
    row(page, "b/").locator(".label").click()
    expect(page.get_by_role("heading", name="b", exact=True)).to_be_visible()
    expect(page.get_by_text("2 items")).to_be_visible()
    row(page, "2/").locator(".label").click()
    expect(row(page, "3")).to_be_visible()
    page.reload()
    expect(row(page, "3")).to_be_visible()
    page.get_by_role("link", name=space).click()
    row(page, "ä b+%&#.txt").locator(".label").click()
    expect(page.locator(".reader pre")).to_have_text("ä b+%&#.txt")


def test_rename_copy_move_and_delete(console: Console) -> None:
    console.allowed.append("400")
    space, other = console.peer.space(), console.peer.space()
    put(console, space, "one.txt", "two.txt", "f/x", "f/g/y")
    page = console.open(f"#/s/{space}/")
    row(page, "one.txt").locator("input").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New key").fill("two.txt")
    page.get_by_role("button", name="Rename").last.click()
    expect(page.get_by_role("alert")).to_have_text("There is an object with this name already.")
    page.get_by_label("New key").fill("f/three.txt")
    page.get_by_role("button", name="Rename").last.click()
    expect(page.get_by_text("Renamed", exact=True)).to_be_visible()
    expect(page.get_by_text("2 items")).to_be_visible()
    row(page, "f/").locator("input").click()
    row(page, "two.txt").locator("input").click()
    page.get_by_role("button", name="Copy or move").click()
    page.get_by_label("To space").select_option(other)
    page.get_by_label("To folder").fill("copy")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("4 objects copied")).to_be_visible()
    for key in ("f/x", "f/g/y", "f/three.txt", "two.txt"):
        assert console.peer.call(operation.HeadObject(other, f"copy/{key}")).status == 200
        assert console.peer.call(operation.HeadObject(space, key)).status == 200
    row(page, "f/").locator("input").click()
    page.get_by_role("button", name="Copy or move").click()
    page.get_by_label("Operation").select_option("move")
    page.get_by_label("To folder").fill("f/g/")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_have_text("A folder cannot go into itself.")
    page.get_by_label("To folder").fill("new/")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("3 objects moved")).to_be_visible()
    expect(row(page, "new/")).to_be_visible()
    assert console.peer.call(operation.GetObject(space, "new/f/g/y")).body == b"f/g/y"
    assert console.peer.call(operation.HeadObject(space, "f/x")).status == 404
    row(page, "new/").locator("input").click()
    row(page, "two.txt").locator("input").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("A folder is deleted with everything in it: 4 objects in all.")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert console.peer.call(operation.HeadObject(space, "two.txt")).status == 200
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("4 objects deleted")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "delete", "cancel", "typed", "done"),
    (
        ("en", "Delete", "Cancel", "Type 101 to confirm", "102 objects deleted"),
        ("zh", "删除", "取消", "输入 101 以确认", "已删除 102 个对象"),
    ),
    ids=("en", "zh"),
)
def test_many_objects_are_deleted_only_by_their_number(
    console: Console, language: str, delete: str, cancel: str, typed: str, done: str
) -> None:
    """Enter alone deletes nothing; above 100 objects, also in a folder, their number has to be typed."""
    space = console.peer.space()
    put(console, space, *(f"f/{number}" for number in range(101)), "one.txt")
    page = console.open(f"#/s/{space}/", language=language)
    dialog = page.get_by_role("dialog")
    row(page, "one.txt").locator("input").click()
    page.keyboard.press("Delete")
    expect(dialog.get_by_role("button", name=cancel)).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    row(page, "one.txt").locator("input").click()
    row(page, "f/").locator("input").click()
    page.keyboard.press("Delete")
    expect(dialog.get_by_label(typed)).to_be_focused()
    assert problems(page) == []
    sure = dialog.get_by_role("button", name=delete)
    expect(sure).to_be_disabled()
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    expect(sure).to_be_disabled()
    page.keyboard.type("1")
    console.peer.do(operation.PutObject(space, "f/more"), b"")
    page.keyboard.press("Enter")
    expect(page.get_by_text(done)).to_be_visible()
    assert console.peer.call(operation.HeadObject(space, "one.txt")).status == 200


@pytest.mark.parametrize(("language", "width"), (("en", 1280), ("zh", 1280), ("en", 380)))
def test_a_selection_does_not_move_the_list(console: Console, language: str, width: int) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt", "c.txt")
    page = console.open(f"#/s/{space}/", language=language, viewport={"width": width, "height": 800})
    if language == "zh":
        expect(page.get_by_role("columnheader", name="存储类型", exact=True)).to_be_visible()
    box = row(page, "b.txt").locator("input")
    before = box.bounding_box()
    page.mouse.move(before["x"] + 5, before["y"] + 5)
    for count in (1, 0, 1):  # a second click where the first was takes the selection back
        page.mouse.down()
        page.mouse.up()
        expect(page.locator(".rows .row[aria-selected=true]")).to_have_count(count)
        assert box.bounding_box() == before
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Select all" if language == "en" else "全选").click()
    expect(page.locator(".bar-count")).to_contain_text("3")
    assert box.bounding_box() == before


def test_the_buttons_act_on_what_is_chosen_now(console: Console) -> None:
    """One object instead of another is chosen: as many as before, but not the same."""
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt")
    page = console.open(f"#/s/{space}/")
    row(page, "a.txt").locator("input").click()
    row(page, "b.txt").locator(".cell.size").click()
    row(page, "b.txt").locator(".cell.size").click(modifiers=["Shift"])
    expect(row(page, "b.txt")).to_have_attribute("aria-selected", "true")
    page.locator(".bar").get_by_role("button", name="Rename").click()
    expect(page.get_by_label("New key")).to_have_value("b.txt")


def test_escape_closes_the_details_however_they_were_opened(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt")
    page = console.open(f"#/s/{space}/")
    panel = page.get_by_role("complementary")
    line = row(page, "a.txt")
    expect(line).to_be_visible()

    def by_key() -> None:
        page.get_by_role("grid").focus()
        page.keyboard.press("i")

    def by_button_with_a_selection() -> None:
        row(page, "b.txt").locator("input").click()
        line.locator(".cell.act button").click()

    def and_read() -> None:
        line.locator(".cell.act button").click()
        panel.locator(".etag").click()

    def and_renamed() -> None:
        line.locator(".cell.act button").click()
        panel.get_by_role("button", name="Rename").click()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(panel).to_be_visible()

    ways = (
        by_key,
        lambda: line.locator(".cell.size").click(),
        lambda: line.locator(".cell.act button").click(),
        by_button_with_a_selection,
        and_read,
        and_renamed,
    )
    for way in ways:
        way()
        expect(panel.locator(".etag")).to_be_visible()
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(page.get_by_role("grid")).to_be_focused()
    expect(row(page, "b.txt")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(
    ("language", "new", "name", "create", "invalid", "taken"),
    (
        (
            "en",
            "New folder",
            "Name of the folder",
            "Create",
            "A name contains no slash, and is neither . nor ..",
            "There is a folder with this",
        ),
        ("zh", "新建目录", "目录名称", "创建", "名称不能包含斜杠，也不能是 . 或 ..。", "已存在同名目录。"),
    ),
    ids=("en", "zh"),
)
def test_a_new_folder(
    console: Console, language: str, new: str, name: str, create: str, invalid: str, taken: str
) -> None:
    space = console.peer.space()
    page = console.open(f"#/s/{space}/", language=language)
    page.get_by_role("button", name=new).click()
    field = page.get_by_label(name)
    expect(field).to_be_focused()
    for wrong in ("a/b", ".", ".."):
        field.fill(wrong)
        page.keyboard.press("Enter")
        expect(page.locator(".field .wrong:visible")).to_have_text(invalid)
        field.fill("")
        page.keyboard.press("Enter")
        expect(page.locator(".field .wrong:visible")).not_to_have_text(invalid)
    field.fill("影片 & more")
    page.get_by_role("button", name=create, exact=True).click()
    expect(page.get_by_role("heading", name="影片 & more")).to_be_visible()
    expect(page.locator(".blank .empty")).to_be_visible()
    assert problems(page) == []
    page.go_back()
    expect(row(page, "影片 & more/")).to_be_visible()
    page.reload()
    expect(row(page, "影片 & more/")).to_be_visible()
    page.get_by_role("button", name=new).click()
    field.fill("影片 & more")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(taken)


@pytest.mark.parametrize(
    ("language", "share", "delete"), (("en", "Share", "Delete"), ("zh", "分享", "删除")), ids=("en", "zh")
)
def test_sharing_and_deleting_in_the_viewer(console: Console, language: str, share: str, delete: str) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt", "c.txt")
    page = console.open(f"#/s/{space}/", language=language)
    head, text = page.locator(".viewer-head"), page.locator(".viewer .reader pre")
    row(page, "b.txt").locator(".label").click()
    expect(text).to_have_text("b.txt")
    head.get_by_role("button", name=share).click()
    page.wait_for_selector(".qr svg")
    assert "/b.txt?" in page.locator(".dialog .link").input_value()
    page.keyboard.press("Escape")
    expect(text).to_be_visible()
    head.get_by_role("button", name=delete).click()
    page.locator(".dialog-foot").get_by_role("button", name=delete).click()
    seen = """(() => {
        const found = document.querySelector(".toast");
        if (!found) return false;
        const { x, y, width, height } = found.getBoundingClientRect();
        return Boolean(document.elementFromPoint(x + width / 2, y + height / 2)?.closest(".toast"));
    })()"""
    until(page, seen)  # not below the viewer
    expect(text).to_have_text("c.txt")
    assert console.peer.call(operation.HeadObject(space, "b.txt")).status == 404
    page.keyboard.press("ArrowLeft")
    expect(text).to_have_text("a.txt")
    page.keyboard.press("Escape")
    expect(page.locator(".viewer")).to_have_count(0)
    assert names(page) == ["a.txt", "c.txt"]
    assert problems(page) == []


def test_what_is_deleted_in_the_viewer_or_the_details_is_selected_no_more(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt", "c.txt")
    page = console.open(f"#/s/{space}/")
    panel, foot = page.get_by_role("complementary"), page.locator(".dialog-foot")
    for name in ("a.txt", "b.txt", "c.txt"):
        row(page, name).locator("input").click()
    row(page, "a.txt").locator(".label").click()
    page.locator(".viewer-head").get_by_role("button", name="Delete").click()
    foot.get_by_role("button", name="Delete").click()
    expect(page.locator(".viewer .reader pre")).to_have_text("b.txt")
    page.keyboard.press("Escape")
    expect(page.locator(".bar-count")).to_contain_text("2 selected")
    row(page, "b.txt").locator(".cell.act button").click()
    panel.get_by_role("button", name="Delete").click()
    foot.get_by_role("button", name="Delete").click()
    expect(panel).to_be_hidden()
    expect(page.locator(".bar-count")).to_contain_text("1 selected")
    expect(page.get_by_role("button", name="Rename")).to_be_visible()


def test_a_viewer_that_was_left_opens_nothing_after_its_object_is_deleted(console: Console) -> None:
    """The question stays when the browser goes back."""
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt")
    page = console.open(f"#/s/{space}/")
    row(page, "a.txt").locator(".label").click()
    page.locator(".viewer-head").get_by_role("button", name="Delete").click()
    page.go_back()
    expect(page.locator(".viewer")).to_have_count(0)
    page.locator(".dialog-foot").get_by_role("button", name="Delete").click()
    page.wait_for_selector(".toast")
    expect(row(page, "a.txt")).to_have_count(0)
    expect(row(page, "b.txt")).to_be_visible()
    assert page.locator(".viewer").count() == 0 and page.evaluate("location.hash") == f"#/s/{space}/"


def test_a_range_begins_at_what_is_active_after_the_list_became_shorter(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "a.txt", "b.txt", "c.txt", "d.txt")
    page = console.open(f"#/s/{space}/")
    for name in ("c.txt", "d.txt"):
        row(page, name).locator("input").click()
    page.get_by_role("button", name="Copy or move…").click()
    page.get_by_label("Operation").select_option("move")
    page.get_by_label("To folder").fill("z")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".rows .row:visible")).to_have_count(3)
    row(page, "a.txt").locator(".cell.size").click(modifiers=["Shift"])
    expect(page.locator(".bar-count")).to_contain_text("2 selected")


def test_type_metadata_class_restore_and_access(console: Console) -> None:
    space = console.peer.space()
    put(console, space, "a.bin", metadata=(("old", "1"),))
    page = console.open(f"#/s/{space}/")
    row(page, "a.bin").locator(".cell.act button").click()
    panel = page.get_by_role("complementary")
    expect(panel.locator(".etag")).to_have_text(etag.from_digests([etag.block_digest(b"a.bin")]))
    panel.get_by_role("button", name="Edit type and metadata").click()
    page.get_by_label("Media type").fill("video/webm")
    page.get_by_label("Metadata", exact=True).fill("author: 李雷\nnew: 2\nbroken line")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("This line has no colon: broken line")
    page.get_by_label("Metadata", exact=True).fill("author: Li Lei\nnew: 2")
    page.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Li Lei")).to_be_visible()
    changed = console.peer.call(operation.GetObject(space, "a.bin"))
    assert changed.header("X-Ufile-Meta-Author") == "Li Lei" and changed.header("X-Ufile-Meta-Old") is None
    assert changed.header("Content-Type") == "video/webm" and changed.body == b"a.bin"
    panel.get_by_role("button", name="Change who may read it").click()
    page.get_by_role("combobox", name="Who may read it").select_option("public-read")
    page.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Anybody", exact=True)).to_be_visible()
    assert console.peer.send("GET", f"/{space}/a.bin").body == b"a.bin"
    panel.get_by_role("button", name="Storage class").click()
    page.get_by_role("combobox", name="Storage class").select_option("ARCHIVE")
    page.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Archived: it must be restored")).to_be_visible()
    expect(panel.get_by_role("button", name="Share")).to_be_disabled()
    expect(row(page, "a.bin").get_by_text("Archive")).to_be_attached()  # there is no room for it beside the panel
    panel.get_by_role("button", name="Restore").click()
    expect(panel.get_by_text("readable until")).to_be_visible()
    expect(panel.get_by_role("button", name="Share")).to_be_enabled()


def test_a_shared_link_and_its_picture(console: Console) -> None:
    space, key = console.peer.space(), "clips/天 & <b>.txt"
    put(console, space, key)
    page = console.open(f"#/s/{space}/clips/")
    row(page, "天 & <b>.txt").locator(".cell.act button").click()
    page.get_by_role("button", name="Share").click()
    link = page.get_by_role("textbox", name="Link", exact=True)
    expect(link).to_have_value(re.compile(re.escape(console.server.endpoint)))
    page.get_by_label("The link expires after").select_option("3600")
    page.get_by_label("Save as a file").check()
    expect(link).to_have_value(re.compile("ufileattname"))
    page.wait_for_selector(".qr svg")
    url = link.input_value()
    with urllib.request.urlopen(url, timeout=patience.SECONDS) as answer:
        assert answer.read() == key.encode() and "attachment" in answer.headers["Content-Disposition"]
    shot = Image.open(io.BytesIO(page.locator(".qr").screenshot()))
    (read,) = zxingcpp.read_barcodes(shot.resize((shot.width * 3, shot.height * 3)))
    assert read.text == url
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the link").click()
    assert page.evaluate("navigator.clipboard.readText()") == url


def test_downloads(console: Console, tmp_path: Path) -> None:
    space = console.peer.space()
    data = pattern(5 * 1024 * 1024)
    console.peer.upload(space, "f/文件 1.bin", data)
    put(console, space, "f/2.txt")
    page = console.open(f"#/s/{space}/f/")
    page.wait_for_selector(".rows .row")
    with page.expect_download() as first:
        row(page, "文件 1.bin").locator(".cell.act button").click()
        page.get_by_role("complementary").get_by_role("button", name="Download").click()
    assert first.value.suggested_filename == "文件 1.bin"
    assert Path(first.value.path()).read_bytes() == data
    row(page, "文件 1.bin").locator("input").click()
    row(page, "2.txt").locator("input").click()
    got = []
    page.on("download", lambda each: got.append(each.suggested_filename))
    page.locator(".bar").get_by_role("button", name="Download", exact=True).click()
    when(page, lambda: sorted(got) == ["2.txt", "文件 1.bin"], "both downloads begin")


def test_previews(console: Console, picture: Picture) -> None:
    space = console.peer.space()
    console.peer.do(operation.PutObject(space, "1.png", mime="image/png"), png(320, 200))
    console.peer.do(operation.PutObject(space, "2.txt", mime="text/plain"), ("é" * 40_000).encode())
    console.peer.do(operation.PutObject(space, "3.pdf", mime="application/pdf"), pdf_of("uvideo"))
    console.peer.do(operation.PutObject(space, "4.bin"), b"\0")
    console.peer.do(operation.PutObject(space, "5.html", mime="text/html"), b"<script>parent.evil = 1</script>")
    console.peer.do(operation.PutObject(space, "6.wav", mime="audio/wav"), wave())
    page = console.open(f"#/s/{space}/")
    row(page, "1.png").locator(".label").click()
    expect(page.locator(".stage img")).to_be_visible()
    assert page.evaluate("document.querySelector('.stage img').naturalWidth") == 320
    page.keyboard.press("ArrowRight")
    expect(page.locator(".reader .notice")).to_have_text("The first 64 KiB of 78.1 KiB")
    assert page.locator(".reader pre").text_content() == "é" * (32 * 1024)
    page.locator(".viewer-head").get_by_role("button", name="Next").click()
    expect(page.locator(".stage iframe")).to_be_visible()
    assert (page.locator(".stage iframe").get_attribute("src") or "").startswith("blob:")
    page.wait_for_timeout(800)
    picture(page, "pdf")
    page.locator(".viewer-head").get_by_role("button", name="Next").click()
    expect(page.get_by_text("There is no preview for this kind of file.")).to_be_visible()
    page.locator(".viewer-head").get_by_role("button", name="Next").click()
    expect(page.locator(".reader pre")).to_have_text("<script>parent.evil = 1</script>")
    page.locator(".viewer-head").get_by_role("button", name="Next").click()
    until(page, "document.querySelector('.stage audio')?.duration > 0.4")
    assert page.evaluate("window.evil") is None


def pdf_of(text: str) -> bytes:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text) + 34, b"BT /F 36 Tf 40 100 Td (%s) Tj ET" % text.encode()),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj%s endobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    tail = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(data)
    return data + b"xref\n0 6\n0000000000 65535 f \n" + table + tail


def wave() -> bytes:
    samples = bytes(8000)
    head = b"RIFF" + (36 + len(samples)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0\1\0"
    return head + base64.b64decode("QB8AAEAfAAABAAgA") + b"data" + len(samples).to_bytes(4, "little") + samples[:8000]


def test_a_hundred_thousand_keys(console: Console, tmp_path: Path, picture: Picture) -> None:
    """The page holds a few dozen of them at any time, and shows no blank row.  How long a frame takes is printed."""
    with start_server(tmp_path, "--no-fsync") as server:
        alone = Console(server, Peer(server), console.browser)
        space = alone.peer.space()
        fill(tmp_path, MANY)
        page = alone.open(f"#/s/{space}/")
        expect(page.get_by_text("loaded, there are more")).to_be_visible()
        page.get_by_role("button", name="Load all").click()
        page.get_by_text(f"{MANY:,} items").wait_for()
        inner = page.context.new_cdp_session(page)
        inner.send("Performance.enable")

        def work() -> float:
            """Seconds that the page's own code, styles and layout took."""
            found = {each["name"]: each["value"] for each in inner.send("Performance.getMetrics")["metrics"]}
            return float(found["ScriptDuration"] + found["LayoutDuration"] + found["RecalcStyleDuration"])

        before = work()
        measured = page.evaluate(
            """async () => {
                const port = document.querySelector(".grid");
                const frames = [];
                let most = 0, blank = 0, last = performance.now();
                const end = port.scrollHeight - port.clientHeight;
                for (let step = 0; step <= 120; step++) {
                    port.scrollTop = step <= 90 ? step * 300 : end * (step - 90) / 30;
                    await new Promise(requestAnimationFrame);
                    const now = performance.now();
                    frames.push(now - last);
                    last = now;
                    const rows = [...document.querySelectorAll(".rows .row")];
                    most = Math.max(most, rows.length);
                    const top = port.getBoundingClientRect();
                    if (!document.elementFromPoint(top.left + 200, top.top + top.height / 2).closest(".row")) blank++;
                }
                frames.sort((a, b) => a - b);
                return {median: frames[60], p95: frames[114], most, blank};
            }"""
        )
        spent = (work() - before) * 1000 / 121
        print(f"100,000 keys: {measured}, {spent:.1f} ms of work a frame")
        assert measured["most"] < 80 and measured["blank"] == 0
        page.get_by_role("grid").focus()
        page.keyboard.press("End")
        expect(page.locator(".rows .row.active .label")).to_have_text(f"clip-{MANY - 1:06}.mp4")
        picture(page, "many")
        page.keyboard.press("Control+a")
        expect(page.get_by_text(f"{MANY:,} selected")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_label("Where to search").select_option("begins")
        page.get_by_label("Search names").fill("clip-0777")
        expect(page.get_by_text("100 items")).to_be_visible()
        alone.done()


def test_a_folder_of_as_many_objects_as_are_counted_has_no_more(console: Console, tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        alone = Console(server, Peer(server), console.browser)
        space = alone.peer.space()
        fill(tmp_path, 10_000, "f/")
        page = alone.open(f"#/s/{space}/")
        for said in ("everything in it: 10,000 objects in all", "everything in it: more than 10,000 objects"):
            row(page, "f/").locator("input").click()
            page.keyboard.press("Delete")
            expect(page.get_by_role("dialog").get_by_text(said)).to_be_visible()
            put(alone, space, "f/one more")
            page.reload()
        alone.done()


def fill(folder: Path, count: int, prefix: str = "") -> None:
    """Write keys into the catalog as so many uploads would have."""
    keys = [b"%sclip-%06d.mp4" % (prefix.encode(), number) for number in range(count)]
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as db, db:
        (space_id,) = db.execute("SELECT space_id FROM spaces").fetchone()
        more = (0, etag.EMPTY[0], "video/mp4", None, "STANDARD", "[]", 1_700_000_000, 1_700_000_000, "")
        db.executemany(f"INSERT INTO objects VALUES (?{', ?' * 10})", ((space_id, key, *more) for key in keys))
        db.executemany("INSERT INTO small VALUES (?, ?, x'')", ((space_id, key) for key in keys))
