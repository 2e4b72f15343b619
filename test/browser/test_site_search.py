"""The search of the built documentation, in Chromium, as a reader uses it.  `make docs` builds the site."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from test.server_fixture import ROOT

SITE = ROOT / ".cache" / "site"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """The address of the built site."""
    assert (SITE / "search.json").is_file(), "the site is not built: run make docs"
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def found(page: Page, words: str) -> list[str]:
    """The pages that the search shows for words, the best first."""
    links = page.locator("dialog a[href]")
    page.locator("dialog input").fill("")
    expect(links).to_have_count(0)
    page.locator("dialog input").fill(words)
    expect(links.first).to_be_visible()
    return [urlsplit(str(each)).path.lstrip("/") for each in links.evaluate_all("all => all.map(each => each.href)")]


def first(*names: str) -> str:
    """The first of these pages that the site has."""
    return next(name for name in names if Path(SITE, name).is_file())


def test_search_finds_a_chinese_word_a_code_and_a_variable(browser: Browser, site: str) -> None:
    errors: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    page.goto(site + "/tutorial.zh.html")
    page.locator(".md-search__button").click()
    for words, wanted in (
        ("断点续传", {"migrate/from-ufile.zh.html"}),
        ("-148643", {"faq.html", "faq.zh.html", "errors.html", "errors.zh.html", "reference/errors.html"}),
        ("UVIDEO_RETRIES", {first("settings.html", "howto/large.html"), first("settings.zh.html", "howto/large.html")}),
    ):
        assert found(page, words)[0] in wanted, words
    page.close()
    assert errors == []
