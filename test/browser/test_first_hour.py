"""A newcomer's first hour in the console: from `uvideo serve` in an empty folder to a link that plays a film."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from test import patience
from test.browser.conftest import Console, problems, until
from test.browser.media import DEMO
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation


class Words(NamedTuple):
    """What the page calls them."""

    language: str
    public: str
    private: str
    signin: str
    space: str
    name: str
    create: str
    empty: str
    share: str
    link: str
    delete: str
    board: str


EN = Words(
    "en", "Public key", "Private key", "Sign in", "New space", "Name", "Create", "Nothing here yet", "Share", "Link",
    "Delete", "Dashboard",
)  # fmt: skip
ZH = Words(
    "zh", "公钥", "私钥", "登录", "新建空间", "名称", "创建", "这里还没有内容", "分享", "链接", "删除", "监控"
)  # fmt: skip


@pytest.mark.parametrize("words", [EN, ZH], ids=lambda each: each.language)
def test_first_hour(browser: Browser, tmp_path: Path, words: Words) -> None:
    with start_server(tmp_path / "store", "--no-fsync", anew=True) as server:
        console = Console(server, Peer(server), browser)
        page = console.page(words.language)

        # The page says where the key pair is, and takes it.
        page.goto(console.address)
        expect(page.get_by_text("credentials.json")).to_be_visible()
        keys = json.loads((tmp_path / "store" / "credentials.json").read_text())
        page.get_by_label(words.public).fill(keys["public_key"])
        page.get_by_label(words.private).fill(keys["private_key"])
        page.get_by_role("button", name=words.signin).click()

        # A space, and what may be done with an empty one.
        page.get_by_role("button", name=words.space).first.click()
        page.get_by_label(words.name, exact=True).fill("movies")
        page.get_by_role("dialog").get_by_role("button", name=words.create).click()
        page.get_by_role("link", name="movies").first.click()
        expect(page.get_by_role("heading", name=words.empty)).to_be_visible()
        assert problems(page) == []

        # A film goes up, and plays.
        page.locator("#files").set_input_files(DEMO)
        film = page.locator(".rows .row").filter(has_text=DEMO.name)
        expect(film).to_be_visible()
        film.locator(".label").click()
        until(page, "document.querySelector('.viewer video')?.currentTime > 0")

        # Somebody without keys gets a link; it is the film.
        page.locator(".viewer-head").get_by_role("button", name=words.share).click()
        link = page.get_by_role("textbox", name=words.link, exact=True)
        expect(link).to_have_value(re.compile(re.escape(server.endpoint)))
        with urllib.request.urlopen(link.input_value(), timeout=patience.SECONDS) as answer:
            assert hashlib.sha256(answer.read()).digest() == hashlib.sha256(DEMO.read_bytes()).digest()
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(page.locator(".viewer")).to_have_count(0)

        # Another name, and away with it; the keyboard does.
        page.get_by_role("grid").focus()
        page.keyboard.press("F2")
        page.get_by_role("dialog").get_by_role("textbox").last.fill("film.mp4")
        page.keyboard.press("Enter")
        expect(page.locator(".rows").get_by_text("film.mp4", exact=True)).to_be_visible()
        page.get_by_role("grid").focus()
        page.keyboard.press("Delete")
        page.get_by_role("dialog").get_by_role("button", name=words.delete).click()
        expect(page.get_by_role("heading", name=words.empty)).to_be_visible()
        assert console.peer.call(operation.HeadObject("movies", "film.mp4")).status == 404
        page.get_by_role("link", name=words.board).click()
        expect(page.get_by_role("heading", name=words.board)).to_be_visible()
        console.done()
