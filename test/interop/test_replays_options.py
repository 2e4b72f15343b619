"""What clients send that a server serves only with an option: a browser's pages, and links without an end.

The official browser SDK, as Chromium puts it on the wire: ufilesdk-dev/ufile-jssdk at 8fa68fc, src/ufile.js; its token
server signs without a Date.  Links: ufilesdk-dev/ufile-cppsdk, ucloud/api/download.cpp (DownloadURL without expires);
ufilesdk-dev/ufile-phpsdk, v1/ucloud/proxy.php (UCloud_MakePrivateUrl).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from test.interop.replay import BIG, BIG_ETAG, FINISHED, HELLO, HELLO_ETAG, HELLO_MD5, PARTS, Client, Reply, conforms
from test.server_fixture import Server, start_server

PAGE = "http://app.example.com:8080"
SAFE = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


class Browser(Client):
    """Chromium: a preflight before what a plain form could not send, and answers that the page may read or not."""

    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

    @property
    def host(self) -> str:
        return f"{self.space}.localhost:{self.port}"

    def profile(self, fields: list[str], framing: str | None, authorization: str | None) -> list[str]:
        return [
            f"Host: {self.host}",
            "Connection: keep-alive",
            *([framing] if framing else []),
            *([f"Authorization: {authorization}"] if authorization else []),
            f"User-Agent: {self.agent}",
            *fields,
            "Accept: */*",
            f"Origin: {PAGE}",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Mode: cors",
            "Sec-Fetch-Dest: empty",
            f"Referer: {PAGE}/",
            "Accept-Encoding: gzip, deflate, br, zstd",
            "Accept-Language: zh-CN,zh;q=0.9",
        ]

    def fetch(self, line: str, sign: str | None, headers: tuple[str, ...] = (), body: bytes | None = None) -> Reply:
        """The answer, which the page may read; AssertionError if the browser would not have sent the request."""
        method, target = line.split(" ", 1)
        names = {"authorization"} if sign is not None else set[str]()
        for header in headers:
            name, value = header.split(": ", 1)
            if name != "Content-Type" or value.partition(";")[0] not in SAFE:
                names.add(name.lower())
        if names or method not in ("GET", "HEAD", "POST"):
            asked = [f"Access-Control-Request-Method: {method}"]
            if names:
                asked.append("Access-Control-Request-Headers: " + ",".join(sorted(names)))
            told = self.ask(f"OPTIONS {target}", None, asked)
            assert 200 <= told.status < 300 and told.header("Access-Control-Allow-Origin") == PAGE
            assert method in told.header("Access-Control-Allow-Methods").split(", ")
            assert names <= set(told.header("Access-Control-Allow-Headers").lower().split(", "))
        got = self.ask(line, sign, headers, body)
        assert got.header("Access-Control-Allow-Origin") == PAGE and not got.has("Access-Control-Allow-Credentials")
        return got


@pytest.fixture(scope="module")
def opted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--cors-origin", PAGE, "--permanent-links")
    with start_server(tmp_path_factory.mktemp("opted"), "--no-fsync", *options) as server:
        yield server


@pytest.fixture(scope="module")
def page(opted: Server) -> Iterator[Browser]:
    client = Browser(opted)
    yield client
    client.close()


def exposed(reply: Reply, name: str) -> str:
    """What getResponseHeader gives the page."""
    assert name in reply.header("Access-Control-Expose-Headers").split(", ")
    return reply.header(name)


def test_slice_upload(page: Browser) -> None:
    mime = ("Content-Type: video/mp4",)
    begun = page.fetch("POST /%E7%89%87.mp4?uploads", "POST\n\nvideo/mp4\n\n/$space/片.mp4", mime).json()
    upload, etags = begun["UploadId"], []
    for number, part in enumerate(PARTS):
        line = f"PUT /%E7%89%87.mp4?uploadId={upload}&partNumber={number}"
        etags.append(exposed(page.fetch(line, "PUT\n\nvideo/mp4\n\n/$space/片.mp4", mime, part), "ETag")[1:-1])
    line = f"POST /%E7%89%87.mp4?uploadId={upload}"
    done = page.fetch(line, "POST\n\nvideo/mp4\n\n/$space/片.mp4", mime, ",".join(etags).encode())
    conforms(done.json(), FINISHED)
    assert done.header("ETag") == f'"{BIG_ETAG}"' and page.get("片.mp4").body == BIG


def test_every_other_call(page: Browser) -> None:
    mime = ("Content-MD5: " + HELLO_MD5, "Content-Type: image/png")
    assert page.fetch("PUT /a.png", f"PUT\n{HELLO_MD5}\nimage/png\n\n/$space/a.png", mime, HELLO).status == 200
    head = page.fetch("HEAD /a.png", "HEAD\n\n\n\n/$space/a.png")
    assert (exposed(head, "ETag"), head.header("Content-Type")) == (f'"{HELLO_ETAG}"', "image/png")
    assert page.fetch("GET /a.png", "GET\n\n\n\n/$space/a.png").body == HELLO
    hit = f"POST /uploadhit?Hash={HELLO_ETAG}&FileName=b.png&FileSize=11"
    assert page.fetch(hit, "POST\n\nimage/png\n\n/$space/b.png", mime[1:], HELLO).status == 200
    boundary = "----UCloudPOSTFormBoundary"
    token = f"UCloud {page.public}:" + page.sign(f"POST\n{HELLO_MD5}\nimage/png\n\n/$space/c.png")
    fields = (('"FileName"', "c.png"), ('"Authorization"', token))
    form = "".join(f"--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n{v}\r\n" for name, v in fields)
    form += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="c.png"\r\nContent-Type: image/png'
    form += f"\r\n\r\n{HELLO.decode()}\r\n--{boundary}--\r\n"
    sent = (mime[0], f"Content-Type: multipart/form-data; boundary={boundary}")
    assert page.fetch("POST /", None, sent, form.encode()).status == 200
    listed = page.fetch("GET /?list&prefix=&marker=&limit=20", "GET\n\n\n\n/$space/").json()
    assert {"a.png", "b.png", "c.png"} <= {entry["FileName"] for entry in listed["DataSet"]}
    for key in ("a.png", "b.png", "c.png"):
        assert page.fetch(f"DELETE /{key}", f"DELETE\n\n\n\n/$space/{key}").status == 204


def test_a_page_reads_why_it_was_refused(page: Browser) -> None:
    page.fetch("GET /none", "GET\n\n\n\n/$space/none").refusal(404, -148654, "file not exist")
    page.fetch("GET /none", "GET\n\n\n\n/$space/another").refusal(401, -148658, "invalid signature")
    page.fetch("DELETE /none", None).refusal(401, -148643, "no authorization found")


@pytest.mark.parametrize("end", ("", "&Expires=0"), ids=("C++ and PHP 7", "PHP 8"))
def test_a_link_without_an_end(opted: Server, end: str) -> None:
    client = Client(opted)
    client.put("dir/a b.txt", HELLO)
    link = client.url("GET\n\n\n\n/$space/dir/a b.txt")
    for path in ("dir/a%20b.txt", "dir%2Fa%20b.txt"):  # PHP escapes the slash
        target = f"/{path}?UCloudPublicKey=$pub&Signature=$signature{end}"
        got = client.ask(f"GET {target}", **link)
        assert (got.status, got.body, got.header("ETag")) == (200, HELLO, f'"{HELLO_ETAG}"')
        assert client.ask(f"GET {target}", None, ["Range: bytes=6-"], **link).body == b"world"
        assert client.ask(f"HEAD {target}", **link).status == 200
    client.ask(f"GET /dir/a%20b.tx?UCloudPublicKey=$pub&Signature=$signature{end}", **link).refusal(
        401, -148658, "invalid signature"
    )
    client.close()


@pytest.mark.parametrize("end", ("", "&Expires=0"))
def test_a_link_without_an_end_says_which_option_serves_it(server: Server, end: str) -> None:
    client = Client(server)
    link = client.url("GET\n\n\n\n/$space/k")
    got = client.ask(f"GET /k?UCloudPublicKey=$pub&Signature=$signature{end}", **link)
    assert got.status == 401 and "uvideo serve --permanent-links" in got.json()["ErrMsg"]
    client.close()
