"""Many objects and folders as one archive, through the browser's own downloads."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from test.browser.conftest import Console, problems
from test.browser.test_objects import put, row
from ucloud.uvideo.protocol import operation

WORDS = {
    "en": {
        "zip": "Download as ZIP",
        "all": "All as ZIP",
        "what": "The archive contains 2 objects, 26 B in all.",
        "note": "The download cannot be resumed.",
        "go": "Download",
    },
    "zh": {
        "zip": "下载为 ZIP",
        "all": "全部打包 ZIP",
        "what": "压缩包包含 2 个对象，共 26 B。",
        "note": "此下载不支持断点续传",
        "go": "下载",
    },
}


@pytest.mark.parametrize("language", ("en", "zh"))
def test_a_selection_and_a_folder(console: Console, language: str) -> None:
    space, words = console.peer.space(), WORDS[language]
    put(console, space, "top/片 1.txt", "top/f/2 &.txt", "top/other")
    page = console.open(f"#/s/{space}/top/", language=language)
    dialog = page.get_by_role("dialog")
    row(page, "f/").locator("input").click()
    row(page, "片 1.txt").locator("input").click()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name=words["zip"]).click()
    expect(dialog.get_by_text(words["what"])).to_be_visible()
    expect(dialog.get_by_text(words["note"])).to_be_visible()
    assert problems(page) == []
    with page.expect_download() as chosen:
        page.keyboard.press("Enter")
    assert chosen.value.suggested_filename == "top.zip"
    with zipfile.ZipFile(Path(chosen.value.path())) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    assert found == {"片 1.txt": "top/片 1.txt", "f/2 &.txt": "top/f/2 &.txt"}
    page.keyboard.press("Escape")
    page.locator(".bar").get_by_role("button", name=words["all"]).click()
    with page.expect_download() as whole:
        dialog.get_by_role("button", name=words["go"], exact=True).click()
    with zipfile.ZipFile(Path(whole.value.path())) as archive:
        assert sorted(archive.namelist()) == ["f/2 &.txt", "other", "片 1.txt"]
    console.allowed.append("403")
    console.peer.do(operation.PutObject(space, "top/cold", storage_class="ARCHIVE"), b"x")
    page.locator(".bar").get_by_role("button", name=words["all"]).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(dialog).to_have_count(0)
