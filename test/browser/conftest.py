"""A browser, a server with something in it, and pages that are signed in.

Screenshots go to .cache/browser/.  A page must not log an error, nor break its own content security policy.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, Route, expect, sync_playwright

from test import patience
from test.server.wire import Peer
from test.server_fixture import ROOT, Server, start_server

PICTURES = ROOT / ".cache" / "browser"
#: A browser that speaks to nobody but this machine.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

T = TypeVar("T")

#: Seconds: what a page does not show by then it never shows, however busy the machine is.
WAIT = 60.0

expect.set_options(timeout=WAIT * 1000)


def when(page: Page, condition: Callable[[], T], what: str, seconds: float = WAIT) -> T:
    """Let the page work until a condition is true; its value.  ``what``: it, for the error."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        page.wait_for_timeout(30)
    return value


def until(page: Page, expression: str, seconds: float = WAIT) -> Any:
    """As ``when``, of an expression of the page.  Not wait_for_function: that needs eval, which the page forbids."""
    return when(page, lambda: page.evaluate(expression), expression, seconds)


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""
    whole = io.BytesIO()
    Image.new("RGB", (width, height), "#0b6b78").save(whole, "PNG")
    return whole.getvalue()


def problems(page: Page) -> list[str]:
    """What axe calls serious or worse."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


class Held:
    """Requests that wait in the browser until the test lets them go on."""

    of_all: ClassVar[list[Held]] = []

    def __init__(self, page: Page, pattern: str, which: Callable[[Request], bool] = lambda request: True) -> None:
        self._page, self._pattern, self._which = page, pattern, which
        self._waiting: list[Route] = []
        self._is_over = False
        Held.of_all.append(self)
        page.context.route(pattern, self._judge)

    def _judge(self, route: Route) -> None:
        if self._is_over or not self._which(route.request):
            route.continue_()
        else:
            self._waiting.append(route)

    def wait(self) -> None:
        """Return once a request is held."""
        when(self._page, lambda: self._waiting, f"a request of {self._pattern} is held")

    def release(self) -> None:
        """Let those go on that are held, once there is one, and all that follow."""
        self.wait()
        self.end()

    def end(self) -> None:
        self._is_over = True
        for route in self._waiting:
            with contextlib.suppress(Error):  # its page is gone
                route.continue_()
        self._waiting.clear()
        with contextlib.suppress(Error):
            self._page.context.unroute(self._pattern, self._judge)

    @classmethod
    def end_all(cls) -> None:
        for each in cls.of_all:
            each.end()
        cls.of_all.clear()


@dataclass
class Console:
    """A server's console.  ``open``: a page that is signed in.  ``allowed``: parts of messages that a test expects."""

    server: Server
    peer: Peer
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.server.admin + "/"

    def page(self, language: str = "en", **options: Any) -> Page:
        """A page of a browser of its own, not signed in."""
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = self.browser.new_context(locale="zh-CN" if language == "zh" else "en-US", **options)
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT * 1000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        return page

    def link(self) -> str:
        """The address of a one-time sign-in."""
        body = json.dumps({"public_key": self.server.public_key, "private_key": self.server.private_key}).encode()
        request = urllib.request.Request(
            self.address + "api/link", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=patience.SECONDS) as answer:
            return f"{self.address}#link={json.load(answer)['link']}"

    def open(self, place: str = "", *, clock: bool = False, **options: Any) -> Page:
        """A page that is signed in.  clock: its clock can be moved."""
        page = self.page(**options)
        if clock:
            page.clock.install()
        page.goto(self.link())
        page.wait_for_selector(".side")
        if place:
            page.evaluate("place => { location.hash = place; }", place)
        return page

    def done(self) -> None:
        Held.end_all()
        for context in self.contexts:
            context.close()
        self.contexts.clear()
        found = [each for each in self.complaints if not any(part in each for part in self.allowed)]
        self.complaints.clear()
        self.allowed.clear()
        assert found == []
        # A request that a test left waiting would be logged as an error when it is garbage, in another test.
        waiting = [each.get_name() for each in asyncio.all_tasks() if "_on_route" in repr(each)]
        assert waiting == [], "a route of this test was neither continued nor answered"


def chromium() -> str:
    """The path of the browser."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if found is None:
        pytest.fail("there is no chromium (Debian: apt-get install chromium), or name one: CHROMIUM=/path/to/it")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=patience.SECONDS * 1000)
        yield started
        started.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Console]:
    """One server for all tests: each takes a space of its own."""
    with start_server(tmp_path_factory.mktemp("server"), "--no-fsync") as server:
        yield Console(server, Peer(server), browser)


@pytest.fixture
def console(running: Console) -> Iterator[Console]:
    yield running
    running.done()


@pytest.fixture(scope="session")
def picture() -> Callable[[Page, str], Path]:
    """Take a screenshot under a name."""
    PICTURES.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> Path:
        path = PICTURES / f"{name}.png"
        page.screenshot(path=path)
        return path

    return take
