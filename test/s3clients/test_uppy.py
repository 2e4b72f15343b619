"""Uppy's plugin for S3 in Chromium, in a page of another origin that --cors-origin allows."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from test import patience
from test.browser.conftest import browser as browser  # a fixture
from test.browser.conftest import until
from test.patience import until as eventually
from test.s3.s3_server import S3Server, start_s3_server
from test.s3clients.client import NODE, PROGRAMS

pytestmark = pytest.mark.s3clients

MODULES = PROGRAMS.parent / "node_modules"
PAGE = Path(__file__).with_name("uppy_page.mjs")
HTML = "<!doctype html><meta charset=utf-8><title>Uppy</title><input type=file id=file><script src=page.js></script>"
DATA = bytes(range(251)) * (12 * 1024 * 1024 // 251)  # three parts


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None: ...


class Site(NamedTuple):
    """``page``: its URL.  ``s3``: a client of the server that allows its origin."""

    page: str
    server: S3Server
    s3: Any


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(HTML)
    bundle = [NODE, MODULES / "esbuild" / "bin" / "esbuild", PAGE, "--bundle", f"--outfile={folder / 'page.js'}"]
    environment = {"NODE_PATH": str(MODULES), "PATH": f"{PROGRAMS}:/usr/bin:/bin"}
    subprocess.run(bundle, env=environment, check=True, capture_output=True, timeout=patience.SECONDS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as pages:
        serving = threading.Thread(target=pages.serve_forever)
        serving.start()
        try:
            origin = f"http://localhost:{pages.server_port}"
            with start_s3_server(tmp_path_factory.mktemp("server"), "--cors-origin", origin) as server:
                yield Site(f"{origin}/", server, server.client())
        finally:
            pages.shutdown()
            serving.join()


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(patience.SECONDS * 1000)
        page.goto(site.page)
        yield page


@pytest.fixture
def bucket(site: Site) -> str:
    name = "u-" + uuid.uuid4().hex[:20]
    site.s3.create_bucket(Bucket=name)
    return name


def begin(page: Page, site: Site, bucket: str, path: Path, multipart: bool = True, pauses: bool = False) -> None:
    """Choose a file and start to upload it as ``文件 夹/NAME``.

    ``pauses``: it pauses after its first part; wait until then.
    """
    options = {
        "bucketUrl": f"{site.server.url}/{bucket}",
        "accessKeyId": site.server.public_key,
        "secretAccessKey": site.server.private_key,
        "folder": "文件 夹",
        "shouldUseMultipart": multipart,
        "pauses": pauses,
    }
    page.evaluate("options => start(options)", options)
    page.set_input_files("#file", path)
    page.evaluate("() => { uppy.upload(); }")
    if pauses:
        until(page, "parts === 1 || failed", patience.SECONDS)


def stored(page: Page) -> str:
    """The key that the plugin names at the end."""
    assert until(page, "window.stored || window.failed", patience.SECONDS)
    assert page.evaluate("window.failed") is None
    return str(page.evaluate("window.stored"))


@pytest.mark.parametrize("multipart", [False, True], ids=["put", "multipart"])
def test_a_file_is_uploaded(page: Page, site: Site, bucket: str, tmp_path: Path, multipart: bool) -> None:
    path = tmp_path / "a film+.mp4"
    path.write_bytes(DATA)
    begin(page, site, bucket, path, multipart)
    assert stored(page) == "文件 夹/a film+.mp4"
    assert page.evaluate("parts") == (3 if multipart else 0)
    got = site.s3.get_object(Bucket=bucket, Key="文件 夹/a film+.mp4")
    assert got["Body"].read() == DATA and ("-3" in got["ETag"]) == multipart


def test_an_upload_is_paused_and_goes_on(page: Page, site: Site, bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(DATA)
    begin(page, site, bucket, path, pauses=True)
    (upload,) = site.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    found = {"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
    assert [each["PartNumber"] for each in site.s3.list_parts(**found)["Parts"]] == [1]
    assert page.evaluate("window.stored") is None
    page.evaluate("() => { uppy.resumeAll(); }")  # the plugin lists the parts first
    assert stored(page) == "文件 夹/film.mp4" and page.evaluate("parts") == 3
    assert site.s3.get_object(Bucket=bucket, Key="文件 夹/film.mp4")["Body"].read() == DATA


def test_a_cancelled_upload_is_aborted(page: Page, site: Site, bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(DATA)
    begin(page, site, bucket, path, pauses=True)
    assert len(site.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
    page.evaluate("() => { uppy.cancelAll(); }")
    eventually(lambda: "Uploads" not in site.s3.list_multipart_uploads(Bucket=bucket))
