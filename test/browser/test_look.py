"""Signing in, spaces, languages, themes, narrow windows, and what axe has to say of every page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from test import patience
from test.browser.conftest import Console, problems
from test.server.wire import pattern
from test.server_fixture import ROOT, start_server
from ucloud.uvideo.protocol import operation

Picture = Callable[[Page, str], Path]


def filled(console: Console) -> str:
    """A space with a little of everything."""
    peer, space = console.peer, console.peer.space()
    demo = (Path(__file__).parents[1] / "data" / "demo.mp4").read_bytes()
    peer.upload(space, "trailer.mp4", demo, "video/mp4")
    peer.do(
        operation.PutObject(space, "说明.txt", mime="text/plain", metadata=(("author", "Li Lei"),)), b"hello\n" * 99
    )
    peer.do(operation.PutObject(space, "2024/film.mov", mime="video/quicktime"), pattern(5000))
    peer.do(operation.PutObject(space, "cold.bin", storage_class="ARCHIVE"), pattern(2000))
    peer.do(operation.InitiateUpload(space, "half.mp4"))
    return space


def test_signing_in_and_out(console: Console, picture: Picture) -> None:
    console.allowed += ["403", "401"]  # 401: what the page asks while it signs out
    page = console.page()
    page.goto(console.address)
    picture(page, "sign-in")
    page.get_by_label("Public key").fill(console.server.public_key)
    page.get_by_label("Private key").fill("not the right key")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The key pair is wrong.")
    assert page.get_by_label("Private key").input_value() == ""
    page.get_by_label("Private key").fill(console.server.private_key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Spaces")).to_be_visible()
    kept = page.evaluate(
        "JSON.stringify([localStorage, sessionStorage, document.cookie, document.documentElement.outerHTML])"
    )
    assert console.server.private_key not in kept
    assert console.server.public_key in kept  # the page says who is signed in
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/api"
    page.reload()
    expect(page.get_by_role("heading", name="Spaces")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Private key")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Private key")).to_be_visible()


def test_the_one_time_link(console: Console) -> None:
    console.allowed.append("403")
    link = console.link()
    page = console.page()
    page.goto(link)
    expect(page.get_by_role("heading", name="Spaces")).to_be_visible()
    assert "link=" not in page.url
    second = console.page()
    second.goto(link)
    expect(second.get_by_role("alert")).to_have_text("This sign-in link was used before or is too old.")


def test_a_session_that_ends_meanwhile(console: Console) -> None:
    console.allowed.append("401")
    page = console.open()
    page.wait_for_selector(".cards:not([aria-busy])")  # else it hears before the click that its session has ended
    expect(page.locator(".card .number", has_text="…")).to_have_count(0)
    page.context.clear_cookies()
    page.get_by_role("button", name="New space").first.click()
    page.get_by_role("textbox", name="Name").fill("too-late")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("The session has ended. Sign in again.")


def test_spaces(console: Console, browser: object, tmp_path: Path, picture: Picture) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        from test.server.wire import Peer

        alone = Console(server, Peer(server), console.browser)
        page = alone.open()
        expect(page.get_by_role("heading", name="Create your first space")).to_be_visible()
        picture(page, "spaces-empty")
        page.get_by_role("button", name="New space").first.click()
        page.get_by_role("textbox", name="Name").fill("family-videos")
        page.get_by_role("button", name="Create", exact=True).click()
        expect(page.get_by_role("link", name="family-videos")).to_be_visible()
        alone.allowed.append("400")
        page.get_by_role("button", name="New space").first.click()
        page.get_by_role("textbox", name="Name").fill("family-videos")
        page.get_by_role("button", name="Create", exact=True).click()
        expect(page.get_by_role("alert")).to_have_text("This name is taken.")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Who may read family-videos").click()
        page.get_by_role("combobox", name="Who may read").select_option("public")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Public", exact=True)).to_be_visible()
        alone.peer.do(operation.PutObject("family-videos", "a"), b"x")
        page.get_by_role("button", name="Delete family-videos").click()
        sure = page.get_by_role("button", name="Delete", exact=True)
        expect(sure).to_be_disabled()
        page.get_by_label("Type family-videos to confirm").fill("family-video")
        expect(sure).to_be_disabled()
        page.get_by_label("Type family-videos to confirm").fill("family-videos")
        sure.click()
        expect(page.get_by_role("alert")).to_have_text("The space is not empty. Delete its objects first.")
        alone.peer.do(operation.DeleteObject("family-videos", "a"))
        sure.click()
        expect(page.get_by_role("heading", name="Create your first space")).to_be_visible()
        alone.done()


def test_the_other_language_and_the_other_theme(console: Console) -> None:
    page = console.open()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="空间", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="深色主题").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.reload()
    expect(page.get_by_role("heading", name="空间", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize(("language", "command"), (("en", "Command"), ("zh", "命令行")))
def test_an_empty_space_says_how_programs_fill_it(
    console: Console, tmp_path: Path, language: str, command: str
) -> None:
    """The lines that it shows do what they say, with the address and the key that they name."""
    space, server = console.peer.space(), console.server
    page = console.open(f"#/s/{space}/", language=language)
    page.wait_for_selector(".blank:not([hidden])")
    assert problems(page) == []
    (tmp_path / "film.mp4").write_bytes(pattern(1000))
    (tmp_path / "uvideo").write_text(f'#!/bin/sh\nexec {sys.executable} -m uvideo "$@"\n')
    (tmp_path / "uvideo").chmod(0o755)
    for name, shell in ((command, ["bash", "-ec"]), ("Python SDK", [sys.executable, "-c"])):
        text = page.get_by_label(name, exact=True).input_value()
        subprocess.run(
            [*shell, text],
            input=f"{server.private_key}\n".encode(),
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            start_new_session=True,
            timeout=patience.SECONDS,
        )
        assert console.peer.call(operation.GetObject(space, "film.mp4")).body == pattern(1000)
        console.peer.do(operation.DeleteObject(space, "film.mp4"))
    assert server.private_key not in page.content()


@pytest.mark.parametrize(
    ("language", "signin", "new", "name", "create", "missing", "rule"),
    (
        ("en", "Sign in", "New space", "Name", "Create", "Please fill in this field.", "A name has 3 to 63 lower-case"),
        ("zh", "登录", "新建空间", "名称", "创建", "请填写此项。", "名称由 3 到 63 个小写字母"),
    ),
    ids=("en", "zh"),
)
def test_what_is_missing_is_said_in_the_language_of_the_page(
    console: Console, language: str, signin: str, new: str, name: str, create: str, missing: str, rule: str
) -> None:
    page = console.page(language)
    page.goto(console.address)
    page.get_by_role("button", name=signin).click()
    expect(page.locator(".field .wrong")).to_have_text([missing, missing])
    expect(page.locator("[name=public_key]")).to_be_focused()
    assert problems(page) == []
    page.goto(console.link())
    page.get_by_role("button", name=new).first.click()
    given = page.get_by_role("textbox", name=name)
    page.get_by_role("button", name=create, exact=True).click()
    expect(given).to_have_accessible_description(re.compile(missing))
    expect(given).to_be_focused()
    page.keyboard.type("Not A Name")
    page.keyboard.press("Enter")
    expect(page.locator(".field .wrong:visible")).to_contain_text(rule)
    expect(given).to_have_attribute("aria-invalid", "true")
    assert problems(page) == []


STUB = """#!/bin/sh
echo "$(basename "$0")" "$@" >>said
echo "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY $AWS_ENDPOINT_URL" >>said
"""


@pytest.mark.parametrize(("language", "connect"), (("en", "Connect a program"), ("zh", "接入程序")))
def test_connecting_a_program(console: Console, tmp_path: Path, language: str, connect: str) -> None:
    """The page names addresses and the public key; its lines are for a shell, which asks for the private key."""
    server = console.server
    page = console.open(language=language)
    page.get_by_role("button", name=connect).click()
    shown = page.locator("dialog[open]")
    expect(shown.locator("dd")).to_have_text(
        [server.endpoint, server.endpoint, server.public_key, re.compile("not show it|不显示")]
    )
    assert server.private_key not in page.content()
    for program in ("aws", "rclone"):
        (tmp_path / program).write_text(STUB)
        (tmp_path / program).chmod(0o755)
    for name in ("AWS CLI", "rclone"):
        subprocess.run(
            ["bash", "-ec", shown.get_by_label(name, exact=True).input_value()],
            input=f"{server.private_key}\n".encode(),
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=patience.SECONDS,
        )
    keys = f"{server.public_key} {server.private_key}"
    made = f"rclone config create uvideo s3 provider=Other env_auth=true endpoint={server.endpoint} region=cn-bj"
    assert (tmp_path / "said").read_text().splitlines() == [
        *("aws s3 ls", f"{keys} {server.endpoint}"),
        *(made, "  ", "rclone lsd uvideo:", f"{keys} "),
    ]


@pytest.mark.parametrize(
    ("language", "theme", "width"),
    (("en", "light", 1280), ("en", "light", 360), ("zh", "dark", 1280), ("zh", "dark", 360)),
)
def test_every_page_can_be_read(console: Console, picture: Picture, language: str, theme: str, width: int) -> None:
    """Both themes, both languages, wide and narrow: axe finds nothing serious, and nothing sticks out."""
    space = filled(console)
    page = console.page(language, color_scheme=theme, viewport={"width": width, "height": 800})
    name = f"{language}-{theme}-{width}"
    page.goto(console.address)
    page.wait_for_selector(".signin")
    found = {"signin": problems(page)}
    page.goto(console.link())
    page.wait_for_selector(".side")

    def look(place: str, wait: str) -> None:
        page.wait_for_selector(wait)
        page.wait_for_timeout(150)
        picture(page, f"{place}-{name}")
        found[place] = problems(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        assert page.evaluate("document.querySelector('.main').scrollWidth") <= width, place

    look("spaces", f".card:has-text('{space}') .number:not(:text('…'))")
    page.get_by_role("button", name="Connect a program" if language == "en" else "接入程序").click()
    look("connect", ".connect-program")
    page.keyboard.press("Escape")
    page.evaluate("space => { location.hash = `#/s/${space}/`; }", space)
    look("list", ".rows .row")
    page.locator(".rows .row", has_text="trailer.mp4").locator(".cell.act button").click()
    look("details", ".preview img")
    page.get_by_role("button", name="Share" if language == "en" else "分享").click()
    look("share", ".qr svg")
    page.keyboard.press("Escape")
    page.locator(".panel-head button").click()
    page.locator(".tools button.bare").click()
    look("tiles", ".picture img")
    page.locator(".tools button.bare").click()
    page.locator(".rows .row", has_text="cold.bin").locator("input").click()
    look("selected", ".bar.chosen")
    page.keyboard.press("Delete")
    look("delete", "dialog[open]")
    page.keyboard.press("Escape")
    page.locator(".rows .row", has_text="说明.txt").locator(".label").click()
    look("text", ".reader pre")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("^[^?]*$"))  # the viewer goes back in the history
    page.evaluate("location.hash = '#/dashboard'")
    look("dashboard", ".chart")
    page.evaluate("location.hash = '#/keys'")
    look("keys", ".facts")
    page.evaluate("location.hash = '#/transfers'")
    look("transfers", ".empty")
    assert {place: each for place, each in found.items() if each} == {}


def test_the_keyboard_is_enough(console: Console) -> None:
    """From the sign-in to a text, a selection, a search and a deletion, without a mouse."""
    space = filled(console)
    page = console.page()
    page.goto(console.address)
    page.wait_for_selector(".signin")
    page.keyboard.type(console.server.public_key)
    page.keyboard.press("Tab")
    page.keyboard.type(console.server.private_key)
    page.keyboard.press("Enter")
    page.wait_for_selector(".side")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("link", name=space).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".rows .row")
    grid = page.get_by_role("grid")
    page.get_by_label("Search names").focus()
    page.keyboard.press("ArrowDown")
    expect(grid).to_be_focused()

    def active() -> str:
        return str(
            page.evaluate(
                "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).querySelector('.label').textContent"
            )
        )

    assert active() == "2024/"
    page.keyboard.press("End")
    assert active() == "说明.txt"
    page.keyboard.press("Enter")
    expect(page.locator(".reader pre")).to_contain_text("hello")
    page.keyboard.press("Escape")
    expect(grid).to_be_focused()
    expect(page).to_have_url(re.compile("^[^?]*$"))  # the viewer goes back in the history
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2024")).to_be_visible()
    page.wait_for_selector(".rows .row")
    grid.focus()
    page.keyboard.press("Backspace")
    expect(page.get_by_role("heading", name=space)).to_be_visible()
    page.wait_for_selector(".rows .row >> nth=3")
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.insert_text("cold")  # one search
    expect(page.locator(".rows .row:visible")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 object deleted")).to_be_visible()
    assert console.peer.call(operation.HeadObject(space, "cold.bin")).status == 404


def test_each_space_of_many_shows_its_size(console: Console) -> None:
    names = [console.peer.space() for _ in range(61)]
    page = console.open()
    last = page.locator(".card").filter(has_text=max(names))
    last.scroll_into_view_if_needed()
    expect(last.locator(".number")).to_have_text("0 B")
    for name in names:  # whoever shows the spaces next asks for no more than before
        console.peer.manage(operation.DeleteSpace(name))
