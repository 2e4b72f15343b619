"""What the guides show of browsers: a page that stores a film with a presigned URL, and a player behind nginx."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from test.browser.conftest import until
from test.browser.media import DEMO
from test.browser.test_proxy import certificate, nginx
from test.pages import Block, Reader
from test.pages import Page as Guide
from test.ports import free_ports

BROWSER, PLAYER = Guide("docs/howto/browser.md"), Guide("docs/howto/player.md")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Reader(tmp_path) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True)
    yield context.new_page()
    context.close()


def block(guide: Guide, kind: str) -> Block:
    (found,) = (each for each in guide.blocks if each.kind == kind)
    return found


def test_a_page_stores_a_film(reader: Reader, page: Page) -> None:
    for kind in ("python", "html"):
        reader.do(kind, block(BROWSER, kind).text)
    backend = subprocess.Popen(
        [sys.executable, "backend.py"],
        cwd=reader.folder,
        env={**reader.environ, "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert backend.stdout is not None
        address = backend.stdout.readline().strip()
        reader.do("sh", block(BROWSER, "sh").text.replace("http://localhost:8000", address))
        for command in BROWSER.prose.split("`"):
            if command.startswith(("uvideo config init", "uvideo mb")):
                reader.shell(command.replace("\n", " "))
        page.goto(address)
        page.locator("input").set_input_files(DEMO)
        expect(page.locator("output")).to_contain_text("stored as incoming/")
        key, etag = page.locator("output").inner_text().removeprefix("stored as ").split(", ")
        assert reader.shell(f"uvideo cp uvideo://films/{key} here.mp4 && cmp here.mp4 {DEMO} && uvideo etag here.mp4")
        assert etag.strip('"') in reader.shell("uvideo etag here.mp4")
        page.locator("input").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"text"})
        expect(page.locator("output")).to_have_text("films only")
        reader.serve("uvideo serve ./uvideo-data")  # one that was not told of the page
        page.locator("input").set_input_files(DEMO)
        expect(page.locator("output")).to_have_text("the connection broke: nothing was stored")
        assert reader.shell("uvideo ls -r uvideo://films").count("\n") == 1
    finally:
        backend.kill()
        backend.wait()
        backend.stdout.close()


def test_a_player_behind_nginx(reader: Reader, page: Page, tmp_path: Path) -> None:
    reader.do("sh", "uvideo serve ./uvideo-data")
    reader.shell(
        "uvideo config init --provider local --key-file uvideo-data/credentials.json && uvideo mb uvideo://films"
    )
    reader.shell(f"uvideo cp {DEMO} uvideo://films/film.mp4")
    (port,), (cert, key) = free_ports(1), certificate(tmp_path)
    text = block(PLAYER, "nginx").text
    for before, after in (
        ("443 ssl", f"127.0.0.1:{port} ssl"),
        ("127.0.0.1:9000", reader.endpoint),
        ("/var/log/nginx", str(tmp_path)),
        ("/etc/ssl/video.pem", str(cert)),
        ("/etc/ssl/video.key", str(key)),
        ("server_name video.example.com;", ""),
    ):
        assert before in text, before
        text = text.replace(before, after)
    public = f"https://localhost:{port}"
    reader.do("python", block(PLAYER, "python").text.replace("https://video.example.com", public))
    with nginx(tmp_path, text, port):
        html = reader.shell("python -c 'import links; print(links.player(\"film.mp4\"))'")
        (reader.folder / "player.html").write_text(html)
        page.goto((reader.folder / "player.html").as_uri())
        until(page, "document.querySelector('video').readyState >= 1")
        page.evaluate("() => { document.querySelector('video').currentTime = 15; }")
        until(page, "!document.querySelector('video').seeking && document.querySelector('video').readyState >= 2")
        link = page.evaluate("document.querySelector('video').src")
        assert link.startswith(public)
        answer = reader.shell(f"curl -sk -o part -D - -r 100-199 '{link}'")
        assert " 206" in answer and (reader.folder / "part").read_bytes() == DEMO.read_bytes()[100:200]
        altered = link.replace("Expires=", "Expires=1")
        assert reader.shell(f"curl -sk -o no -w '%{{http_code}}' '{altered}'") in ("401", "403")
        assert reader.shell(f"curl -sk -o no -w '%{{http_code}}' '{public}/films/film.mp4'") in ("401", "403")
        assert reader.shell(f"curl -sk -o no -w '%{{http_code}}' -X PUT -d x '{link}'") == "403"
        reader.shell("uvideo mb --type public uvideo://films-for-all")
        reader.shell(f"uvideo cp {DEMO} uvideo://films-for-all/film.mp4")
        reader.shell(f"curl -sfk -o open.mp4 '{public}/films-for-all/film.mp4' && cmp open.mp4 {DEMO}")
