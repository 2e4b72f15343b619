"""The raw requests of the JS SDKs in a browser: v1 (src/ufile.js) and v2 (v2/demo/libs/ufile-token.js).

Source: ufile-jssdk at 8fa68fc.  XMLHttpRequest sends an empty Content-Type where a file has no type.
"""

from __future__ import annotations

import contextlib
from urllib.parse import quote

import pytest

from test.interop.replay import (
    BIG,
    BIG_ETAG,
    FINISHED,
    HELLO,
    HELLO_ETAG,
    HELLO_MD5,
    INITIATED,
    PARTS,
    Browser,
    conforms,
    stored,
)
from test.server_fixture import Server

KEY = '目录/a "b"; name=x+%41.txt'
ESCAPED = quote(KEY, safe="!'()*~")  # encodeURIComponent


@pytest.mark.parametrize("target", ("/", f"/{ESCAPED}"), ids=("v1", "v2"))
@pytest.mark.parametrize("mime", ("text/plain", ""))
def test_a_browser_posts_a_form(browser: Browser, target: str, mime: str) -> None:
    headers = [f"Content-MD5: {HELLO_MD5}", f"Content-Type: multipart/form-data; boundary={browser.boundary}"]
    stored(browser.ask("POST " + target, None, headers, browser.form(KEY, mime, HELLO)), HELLO_ETAG)
    got = browser.get(KEY)
    assert got.body == HELLO and got.header("Content-Type") == (mime or "application/octet-stream")
    assert browser.keys() == [KEY]


class ByPath(Browser):
    """Its ``bucketUrl`` is that of a space on a server without names for spaces."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


def test_a_browser_posts_a_form_to_a_space_in_the_path(server: Server) -> None:
    with contextlib.closing(ByPath(server)) as browser:
        headers = [f"Content-MD5: {HELLO_MD5}", f"Content-Type: multipart/form-data; boundary={browser.boundary}"]
        body = browser.form(KEY, "text/plain", HELLO)
        stored(browser.ask(f"POST /{browser.space}/{ESCAPED}", None, headers, body), HELLO_ETAG)
        line, sign = f"GET /{browser.space}/{ESCAPED}", "GET\n\n\n\n/$space/" + KEY
        assert browser.ask(line, sign).body == HELLO


@pytest.mark.parametrize("mime", ("video/mp4", ""))
def test_a_browser_uploads_slices_in_the_order_in_which_they_end(browser: Browser, mime: str) -> None:
    typed = [f"Content-Type: {mime}"]
    begun = browser.ask(f"POST /{ESCAPED}?uploads", f"POST\n\n{mime}\n\n/$space/" + KEY, typed).json()
    conforms(begun, INITIATED)
    assert begun["Key"] == KEY
    upload, etags = begun["UploadId"], list[str]()
    for number in (1, 2, 0):
        line = f"PUT /{ESCAPED}?uploadId={upload}&partNumber={number}"
        got = browser.ask(line, f"PUT\n\n{mime}\n\n/$space/" + KEY, typed, PARTS[number])
        etags.append(got.header("ETag")[1:-1])
    last = mime or "application/octet-stream"
    line, sign = f"POST /{ESCAPED}?uploadId={upload}", f"POST\n\n{last}\n\n/$space/" + KEY
    got = browser.ask(line, sign, [f"Content-Type: {last}"], ",".join(etags).encode())
    conforms(got.json(), FINISHED)
    assert got.header("ETag") == f'"{BIG_ETAG}"' and browser.get(KEY).body == BIG


def test_a_browser_hits_with_the_whole_file_as_a_body(browser: Browser) -> None:
    browser.put(KEY, BIG, "video/mp4")
    etag = browser.ask(f"HEAD /{ESCAPED}", "HEAD\n\n\n\n/$space/" + KEY).header("ETag")[1:-1]
    line = f"POST /uploadhit?Hash={etag}&FileName={ESCAPED}&FileSize={len(BIG)}"
    got = browser.ask(line, "POST\n\nvideo/mp4\n\n/$space/" + KEY, ["Content-Type: video/mp4"], BIG)
    assert got.status == 200 and browser.get(KEY).body == BIG
