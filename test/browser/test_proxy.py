"""The console behind nginx: TLS and a path of its own before it, the data port under another; and TLS without nginx."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from test import patience
from test.browser.conftest import Console, until
from test.browser.media import DEMO
from test.browser.test_uploads import file
from test.ports import free_ports
from test.server.wire import BLOCK, Peer
from test.server_fixture import ROOT, start_server

#: Every character that a proxy might touch.
FOLDER, NAME = "a b %2F+&#", "电影?;=@.bin"


def certificate(folder: Path) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
        + ["-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return cert, key


@contextmanager
def nginx(folder: Path, config: str, port: int) -> Iterator[None]:
    """nginx with the server block of docs/console.md."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        pytest.fail("there is no nginx (Debian: apt-get install nginx-light)")
    text = f"""
        daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
        events {{ worker_connections 256; }}
        http {{
            access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            {config}
        }}"""
    (folder / "nginx.conf").write_text(text)
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "e.log")]
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(patience.SECONDS)


def documented(port: int, console: Console, folder: Path) -> str:
    """The configuration that docs/console.md shows, with the ports and files of this test."""
    (text,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "console.md").read_text("utf-8"), re.DOTALL)
    cert, key = certificate(folder)
    for before, after in (
        ("443 ssl", f"127.0.0.1:{port} ssl"),
        ("127.0.0.1:9001", f"127.0.0.1:{console.server.admin_port}"),
        ("127.0.0.1:9000", f"127.0.0.1:{console.server.port}"),
        ("/var/log/nginx", str(folder)),
        ("/etc/ssl/video.pem", str(cert)),
        ("/etc/ssl/video.key", str(key)),
        ("server_name video.example.com;", ""),
    ):
        assert before in text, before
        text = text.replace(before, after)
    return text


def use(console: Console, address: str, folder: Path) -> None:
    """Sign in, upload, look, play and download."""
    page = console.page(ignore_https_errors=True)
    page.goto(address)
    page.get_by_label("Public key").fill(console.server.public_key)
    page.get_by_label("Private key").fill(console.server.private_key)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="New space").first.click()
    page.get_by_role("textbox", name="Name").fill("through")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("link", name="through").click()
    page.wait_for_selector(".blank:not([hidden])")
    (cookie,) = page.context.cookies()
    assert cookie["secure"] and cookie["httpOnly"]
    page.locator("#files").set_input_files([file(folder, "large.bin", 2 * BLOCK + 5), DEMO])
    expect(page.locator(".rows").get_by_text("demo.mp4")).to_be_visible()
    expect(page.locator(".rows").get_by_text("large.bin")).to_be_visible()
    page.locator(".rows").get_by_text("demo.mp4").click()
    until(page, "document.querySelector('.stage video')?.currentTime > 0.2")
    page.keyboard.press("Escape")
    sent = file(folder, f"{FOLDER}/{NAME}", 5000)
    page.locator("#folder").set_input_files(folder / FOLDER)
    page.locator(".rows").get_by_text(f"{FOLDER}/", exact=True).click()
    with page.expect_download() as got:
        page.locator(".rows .row", has_text=NAME).locator(".cell.act button").click()
        page.get_by_role("complementary").get_by_role("button", name="Download").click()
    assert Path(got.value.path()).read_bytes() == sent.read_bytes()
    page.evaluate("location.hash = '#/dashboard'")
    page.wait_for_selector(".chart")
    console.done()


def test_under_a_path_behind_nginx(console: Console, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    public = f"https://localhost:{port}/data"
    with start_server(tmp_path / "data", "--no-fsync", "--public-url", public) as server:
        alone = Console(server, Peer(server), console.browser)
        with nginx(tmp_path, documented(port, alone, tmp_path), port):
            use(alone, f"https://localhost:{port}/console/", tmp_path)


def test_tls_on_both_ports(console: Console, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with start_server(tmp_path / "data", "--tls-cert", str(cert), "--tls-key", str(key), "--no-fsync") as server:
        use(Console(server, Peer(server), console.browser), server.admin + "/", tmp_path)
