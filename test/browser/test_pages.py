"""What the vendor's browser SDK does, in Chromium: a page of another origin, a token server beside it, XMLHttpRequest.

Source: ufilesdk-dev/ufile-jssdk at 8fa68fc (src/ufile.js, and v2/demo/libs/ufile-token.js where it differs).  The page
below is our own and makes the same calls; docs/interop.md tells of the SDK itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from test.browser.conftest import until
from test.server.wire import Peer
from test.server_fixture import Server, start_server
from uvideo import Client

DATA = bytes(range(256)) * 50782  # three parts of 4 MiB and a short one
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><input type="file" id="file"><script>
let bucket, space, done;
async function token(method, key, type, md5) {
  const given = new URLSearchParams({method, key, type, md5, space});
  return (await fetch("/token?" + given)).text();
}
async function ask(method, target, key, type, body, md5 = "") {
  const signature = await token(method, key, type, md5);
  return new Promise((took, failed) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, bucket + target, true);
    xhr.setRequestHeader("Authorization", signature);
    if (type) xhr.setRequestHeader("Content-Type", type);
    if (md5) xhr.setRequestHeader("Content-MD5", md5);
    xhr.upload.onprogress = () => {};
    xhr.onload = () => took(xhr);
    xhr.onerror = () => failed(method + " " + target);
    xhr.send(body);
  });
}
async function slices(key, file) {
  const name = encodeURIComponent(key), size = 4 << 20, etags = [], parts = [];
  const begun = JSON.parse((await ask("POST", name + "?uploads", key, file.type)).responseText);
  const where = name + "?uploadId=" + begun.UploadId;
  for (let number = 0; number * size < file.size; number++) {
    const piece = file.slice(number * size, (number + 1) * size, file.type);
    parts.push(ask("PUT", where + "&partNumber=" + number, key, file.type, piece).then(xhr => {
      etags.push(xhr.getResponseHeader("ETag").slice(1, -1));
    }));
    if (number === 0) await parts[0];
  }
  await Promise.all(parts);
  etags.push(etags.shift());  // whatever order they came in, another one
  return (await ask("POST", where, key, file.type, etags.join(","))).responseText;
}
async function form(target, key, file, md5) {
  const boundary = "----UCloudPOSTFormBoundary", line = "\\r\\n", signature = await token("POST", key, file.type, md5);
  const field = (name, more) => "--" + boundary + line + 'Content-Disposition: form-data; name="' + name + '"' + more;
  const head = field("FileName", line + line + key + line) + field("Authorization", line + line + signature + line)
    + field("file", '; filename="' + key + '"' + line + "Content-Type: " + file.type + line + line);
  const body = new Blob([head, file, line + "--" + boundary + "--" + line]);
  return new Promise((took, failed) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", bucket + target, true);
    xhr.setRequestHeader("Content-MD5", md5);
    xhr.setRequestHeader("Content-Type", "multipart/form-data; boundary=" + boundary);
    xhr.onload = () => took([xhr.status, xhr.responseText]);
    xhr.onerror = () => failed("POST " + target);
    xhr.send(body);
  });
}
function run(call) {
  done = null;
  call().then(value => { done = {value}; }, error => { done = {error: String(error)}; });
}
</script>"""


class Handler(BaseHTTPRequestHandler):
    """The page, and the token server that signs for it."""

    public = private = ""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/token":
            given = {name: values[0] for name, values in parse_qs(asked.query, keep_blank_values=True).items()}
            text = "{method}\n{md5}\n{type}\n\n/{space}/{key}".format(**given)
            digest = hmac.new(self.private.encode(), text.encode(), hashlib.sha1).digest()
            body = f"UCloud {self.public}:{base64.b64encode(digest).decode()}".encode()
        else:
            body = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain" if asked.path == "/token" else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Server]]:
    """The page's origin, and a server that allows it."""
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    origin = f"http://localhost:{listener.server_port}"
    with start_server(tmp_path_factory.mktemp("pages"), "--no-fsync", "--cors-origin", origin) as server:
        Handler.public, Handler.private = server.public_key, server.private_key
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield origin, server
        listener.shutdown()
        listener.server_close()


@pytest.fixture
def page(site: tuple[str, Server], browser: Browser) -> Iterator[Page]:
    origin, server = site
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.goto(origin)
    space = Peer(server).space()
    page.evaluate("([b, s]) => { bucket = b; space = s; }", [f"http://{space}.localhost:{server.port}/", space])
    yield page
    context.close()
    assert complaints == []


def told(page: Page, call: str) -> Any:
    """What a call of the page comes to.  AssertionError if the browser did not let it through."""
    page.evaluate(f"run(async () => {call})")
    done = until(page, "done")
    assert "error" not in done, done
    return done.get("value")


def choose(page: Page, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    page.set_input_files("#file", path)


def test_slices_are_uploaded_across_origins(page: Page, site: tuple[str, Server], tmp_path: Path) -> None:
    choose(page, tmp_path / "片 a.mp4", DATA)
    finished = json.loads(told(page, "slices('视频/片 a.mp4', document.querySelector('#file').files[0])"))
    assert (finished["Key"], finished["FileSize"]) == ("视频/片 a.mp4", len(DATA))
    head = "await ask('HEAD', encodeURIComponent('视频/片 a.mp4'), '视频/片 a.mp4', '')"
    assert told(page, f"({head}).getResponseHeader('Content-Type')") == "video/mp4"
    _, server = site
    with Client(endpoint=server.endpoint, public_key=server.public_key, private_key=server.private_key) as client:
        assert client.get(page.evaluate("space"), "视频/片 a.mp4").data == DATA


def test_whole_files_forms_and_the_rest(page: Page, tmp_path: Path) -> None:
    choose(page, tmp_path / "note.txt", b"hello world")
    md5, file = "5eb63bbbe01eeed093cb22bb8f5acdc3", "document.querySelector('#file').files[0]"
    assert told(page, f"(await ask('PUT', 'a.txt', 'a.txt', 'text/plain', {file}, '{md5}')).status") == 200
    for target, key in (("", "b.txt"), ("c.txt", "c.txt")):  # v1 posts to /, v2 to the key
        assert told(page, f"form('{target}', '{key}', {file}, '{md5}')") == [200, ""]
    etag = told(page, "(await ask('HEAD', 'b.txt', 'b.txt', '')).getResponseHeader('ETag')").strip('"')
    hit = f"uploadhit?Hash={etag}&FileName=d.txt&FileSize=11"
    assert told(page, f"(await ask('POST', '{hit}', 'd.txt', 'text/plain', {file})).status") == 200
    listed = json.loads(told(page, "(await ask('GET', '?list&prefix=&marker=&limit=20', '', '')).responseText"))
    assert [entry["FileName"] for entry in listed["DataSet"]] == ["a.txt", "b.txt", "c.txt", "d.txt"]
    for key in "abcd":
        assert told(page, f"(await ask('GET', '{key}.txt', '{key}.txt', '')).responseText") == "hello world"
        assert told(page, f"(await ask('DELETE', '{key}.txt', '{key}.txt', '')).status") == 204
