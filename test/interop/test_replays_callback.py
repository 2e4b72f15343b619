"""Uploads with a put policy as the Go, Java and JS SDKs send them, and the callback that they ask for.

Source: clients.md sections 3 and 4, signing.md section 4.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from test.interop.replay import HELLO, HELLO_ETAG, HELLO_MD5, PART_ETAGS, PARTS, Browser, Client, Go, Java
from test.server.inprocess import running
from test.server_fixture import Server
from uvideo.server.http.callback import Callbacks

DATE = Java.date


class Callee:
    """The application that is called: what it was sent, and what it will answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bytes]] = []
        self.status, self.body, self.mime = 200, b'{"saved": true, "id": 7}', "application/json"
        callee = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                callee.calls.append((self.path, self.headers["Content-Type"], body))
                self.send_response(callee.status)
                self.send_header("Content-Type", callee.mime)
                self.send_header("Content-Length", str(len(callee.body)))
                self.end_headers()
                self.wfile.write(callee.body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?a=b"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def callee() -> Iterator[Callee]:
    started = Callee()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture
def allowing(tmp_path: Path) -> Iterator[Any]:
    """A server that may call 127.0.0.1."""
    with running(tmp_path, callbacks=Callbacks(["127.0.0.1"])) as app:
        yield app


@pytest.fixture
def go(allowing: Any) -> Iterator[Client]:
    client = Go(allowing)
    yield client
    client.close()


@pytest.fixture
def browser(allowing: Any) -> Iterator[Client]:
    client = Browser(allowing)
    yield client
    client.close()


@pytest.fixture
def java(allowing: Any) -> Iterator[Client]:
    client = Java(allowing)
    yield client
    client.close()


def policy(**fields: Any) -> str:
    """Compact JSON in base64url with its padding."""
    return base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode()


SIGN = "PUT\n\ntext/plain\n\n/$space/pol.txt"
TYPE = ["Content-Type: text/plain"]


def test_go_puts_with_a_policy(go: Client, callee: Callee) -> None:
    asked = policy(callbackUrl=callee.url, callbackBody="key=pol.txt&size=11")
    assert len(asked) % 4 == 0
    got = go.ask("PUT /pol.txt", SIGN, TYPE, HELLO, policy=asked)
    assert (got.status, got.body) == (200, callee.body)
    assert got.header("ETag") == f'"{HELLO_ETAG}"' and got.header("Content-Type") == "application/json"
    assert callee.calls == [("/hook?a=b", "application/x-www-form-urlencoded", b"key=pol.txt&size=11")]
    assert go.get("pol.txt").body == HELLO


def test_java_finishes_with_a_policy(java: Client, callee: Callee) -> None:
    sign = f"$verb\n\nvideo/mp4\n{DATE}\n/$space/mp 1"
    mime = ["Content-Type: video/mp4"]
    upload = java.ask("POST /mp%201?uploads", sign, mime, b"{}", verb="POST").json()["UploadId"]
    assert java.ask(f"PUT /mp%201?uploadId={upload}&partNumber=0", sign, mime, PARTS[2], verb="PUT").status == 200
    body = '{"key":"mp 1","by":"$(x:user)"}'
    fields = {"callbackBodyType": "application/json", "callbackVar": {"x:user": "视频"}}
    asked = policy(callbackUrl=callee.url, callbackBody=body, **fields)
    line = f"POST /mp%201?uploadId={upload}&newKey="
    got = java.ask(line, sign, mime, PART_ETAGS[2].encode(), policy=asked, verb="POST")
    assert (got.status, got.body) == (200, callee.body)
    assert callee.calls == [("/hook?a=b", "application/json", '{"key":"mp 1","by":"视频"}'.encode())]
    assert java.get("mp 1").body == PARTS[2]


def test_a_policy_is_part_of_what_is_signed(go: Client, callee: Callee) -> None:
    asked = policy(callbackUrl=callee.url, callbackBody="key=pol.txt")
    other = policy(callbackUrl=callee.url, callbackBody="key=others")
    signed = f"UCloud {go.public}:{go.sign(SIGN + asked)}:{other}"
    got = go.ask("PUT /pol.txt", None, [*TYPE, f"Authorization: {signed}"], HELLO)
    got.refusal(401, -148658, "invalid signature")
    for wrong in ("%%%", policy(callbackBody="b"), policy(callbackUrl="ftp://x", callbackBody="b")):
        got = go.ask("PUT /pol.txt", SIGN, TYPE, HELLO, policy=wrong)
        assert got.status == 400 and got.json()["RetCode"] == -148660
    assert callee.calls == [] and go.keys() == []


def test_the_object_stays_when_its_callback_fails(go: Client, callee: Callee) -> None:
    asked = policy(callbackUrl=callee.url, callbackBody="key=pol.txt")
    for callee.status, callee.mime in ((500, "application/json"), (200, "text/plain")):
        got = go.ask("PUT /pol.txt", SIGN, TYPE, HELLO, policy=asked)
        assert got.status == 502 and got.json()["RetCode"] == -148600
        assert got.json()["ErrMsg"].startswith("callback failed")
    assert len(callee.calls) == 2 and go.get("pol.txt").body == HELLO


def test_loopback_is_not_called_unless_it_is_allowed(server: Server, callee: Callee) -> None:
    client = Go(server)
    try:
        asked = policy(callbackUrl=callee.url, callbackBody="key=pol.txt")
        got = client.ask("PUT /pol.txt", SIGN, TYPE, HELLO, policy=asked)
        assert got.status == 502 and callee.calls == []
        assert client.get("pol.txt").body == HELLO
    finally:
        client.close()


def test_js_posts_a_form_with_a_policy_in_plain_base64(browser: Browser, callee: Callee) -> None:
    asked = f'{{"callbackUrl":"{callee.url}","callbackBody":"who=\xc3\xbf\xc3\xbf?>~?>~"}}'
    policy = base64.b64encode(asked.encode("latin-1")).decode()
    assert "/" in policy and "+" in policy
    headers = [f"Content-MD5: {HELLO_MD5}", f"Content-Type: multipart/form-data; boundary={browser.boundary}"]
    got = browser.ask("POST /dir%2Fa.txt", None, headers, browser.form("dir/a.txt", "text/plain", HELLO, policy))
    assert (got.status, got.json()) == (200, {"saved": True, "id": 7})
    assert [call[2] for call in callee.calls] == ["who=\xff\xff?>~?>~".encode()]
    assert browser.get("dir/a.txt").body == HELLO


@pytest.mark.parametrize(
    "form",
    (
        '{{\n  "callbackBody" : "key=a.txt",\n  "callbackUrl" : "{url}"\n}}',
        '{{"callbackUrl":"{url}","callbackBody":"key=a.txt","callbackMethod":"POST"}}',
    ),
    ids=("ios", "php"),
)
def test_ios_and_an_older_php_put_with_a_policy_of_another_look(go: Client, callee: Callee, form: str) -> None:
    """Source: ufile-sdk-ios at d092399 (UFConfig.mm), ufile-jssdk at 8fa68fc (v1/ucloud/http.php).  Both escape
    slashes, and write the plain alphabet of base64."""
    policy = base64.b64encode(form.format(url=callee.url.replace("/", "\\/")).encode()).decode()
    headers = ["Content-Type: text/plain", f"Content-MD5: {HELLO_MD5}"]
    sign = f"PUT\n{HELLO_MD5}\ntext/plain\n\n/$space/a.txt"
    got = go.ask("PUT /a.txt", sign, headers, HELLO, policy=policy)
    assert (got.status, got.json()) == (200, {"saved": True, "id": 7})
    assert callee.calls == [("/hook?a=b", "application/x-www-form-urlencoded", b"key=a.txt")]
    assert go.ask("PUT /else.txt", sign, headers, HELLO, policy=policy).status == 401 and go.keys() == ["a.txt"]
