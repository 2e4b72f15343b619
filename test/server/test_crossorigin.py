"""Pages of other origins: which may use the data port, and what their browser is told, whatever the answer is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from test.server.wire import BLOCK, Answer, Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import dialect, operation
from uvideo.server.auth.signature_scope import BRINGS
from uvideo.server.http.cross_origin import CrossOrigin, check_program

APP, OTHER, CONSOLE = "https://app.example.com", "http://localhost:8000", "https://console.example.com"
EVIL = (
    *("https://evil.example", "null", "", "*", "https://app.example.com.evil.example", "https://app.example.com:8443"),
    *("http://app.example.com", "https://APP.example.com", f"{APP}, {OTHER}", f"{APP}/", "https://example.com"),
)
SIGNED = ("Authorization", "Content-MD5", "Content-Type")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    named = ("--cors-origin", f"{APP}/", "--cors-origin", OTHER, "--console-origin", CONSOLE)
    with start_server(tmp_path_factory.mktemp("crossorigin"), "--no-fsync", *named) as server:
        yield server


@pytest.fixture(scope="module")
def to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("crossorigin-all")
    with start_server(folder, "--no-fsync", env={"UVIDEO_SERVE_CORS_ORIGIN": f"* {APP}"}) as server:
        yield server


def preflight(peer: Peer, target: str, asking: str, method: str, *headers: str, host: str | None = None) -> Answer:
    """As a browser sends it: nothing signed, names in lower case and in order."""
    given = [("Origin", asking), ("Access-Control-Request-Method", method)]
    if headers:
        given.append(("Access-Control-Request-Headers", ",".join(sorted(name.lower() for name in headers))))
    return peer.send("OPTIONS", target, given, host=host)


def words(got: Answer, name: str) -> set[str]:
    return set(filter(None, (got.header(name) or "").split(", ")))


def allowed(got: Answer) -> set[str]:
    return {word.lower() for word in words(got, "Access-Control-Allow-Headers")}


def closed(got: Answer) -> bool:
    """Whether the answer says nothing to a page but that it may be another for another page."""
    assert "Origin" in words(got, "Vary")
    return not any(name.lower().startswith("access-control-") for name, _ in got.headers)


def test_a_preflight_lets_a_program_send_what_operations_read(opened: Server) -> None:
    peer = Peer(opened)
    space = peer.space()
    asked = (*SIGNED, "X-Ufile-Meta-Title", "X-UCloud-New-Key", "X-AutoAI-New-Key", "X-Evil", "Cookie", "x-ufile-a b")
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        got = preflight(peer, "/dir%2Fk?uploads", "https://app.example.com", method, *asked, host=f"{space}.localhost")
        assert (got.status, got.body) == (204, b"")
        assert got.header("Access-Control-Allow-Origin") == APP
        assert words(got, "Access-Control-Allow-Methods") == {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}
        assert {"authorization", "content-md5", "x-ufile-meta-title", "x-ucloud-new-key"} <= allowed(got)
        assert not {"x-evil", "cookie", "x-ufile-a b", "*"} & allowed(got)
        assert int(got.header("Access-Control-Max-Age") or 0) == 7200
        assert got.header("Access-Control-Allow-Credentials") is None
        assert words(got, "Vary") == {"Origin", "Access-Control-Request-Headers"}
    read = {name.lower() for entry in BRINGS for name in entry.names if name not in dialect.PARAMETERS}
    assert read - {"x-ufile-meta-*"} <= allowed(preflight(peer, "/", OTHER, "PUT"))
    assert preflight(peer, "/?Action=DescribeBucket", OTHER, "POST").status == 204  # the management plane too
    assert peer.send("OPTIONS", "*", [("Origin", APP)]).status == 204


def test_each_answer_can_be_read_by_a_program_and_by_nobody_else(opened: Server) -> None:
    peer = Peer(opened)
    space = peer.space()
    key = [("Content-Type", "text/plain"), ("X-Ufile-Meta-Title", "x")]
    asks = (
        lambda page: peer.ask("PUT", space, "/k", "k", [*key, *page], b"held"),
        lambda page: peer.ask("GET", space, "/k", "k", page),
        lambda page: peer.ask("GET", space, "/k", "k", [*page, ("Range", "bytes=1-2")]),
        lambda page: peer.ask("GET", space, "/k", "k", [*page, ("If-None-Match", "*")]),
        lambda page: peer.ask("HEAD", space, "/k", "k", page),
        lambda page: peer.ask("POST", space, "/k?uploads", "k", [*page, ("Content-Type", "video/mp4")]),
        lambda page: peer.ask("GET", space, "/?list", "", page),
        lambda page: peer.ask("GET", space, "/gone", "gone", page),  # 404
        lambda page: peer.ask("GET", space, "/k?uploadId=x", "another", page),  # 401
        lambda page: peer.send("GET", "/k", page, host=f"{space}.localhost"),  # 401
        lambda page: peer.send("GET", "/k", page, host="nobody.localhost"),  # 400
        lambda page: peer.send("GET", "/k?x=%zz", page),
        lambda page: peer.send("PATCH", "/k", page, host=f"{space}.localhost"),
        lambda page: peer.ask("PUT", space, "/k?uploadId=x&partNumber=0", "k", page, bytes(BLOCK + 1)),
        lambda page: peer.send("GET", "/?Action=Nothing", page),
        lambda page: peer.exchange(b"GET /k HTTP/0.9\r\nOrigin: %s\r\n\r\n" % dict(page)["Origin"].encode(), "GET"),
        lambda page: peer.ask("DELETE", space, "/k", "k", page),
    )
    seen = set()
    for ask in asks:
        for asking in (*EVIL, APP):  # the last one is that of a delete
            got = ask([("Origin", asking)])
            seen.add(got.status)
            if asking != APP:
                assert closed(got), asking
        assert got.header("Access-Control-Allow-Origin") == APP
        assert {"ETag", "X-SessionId", "Content-Range", "Content-Length"} <= words(got, "Access-Control-Expose-Headers")
        assert got.header("Access-Control-Allow-Credentials") is None and "Origin" in words(got, "Vary")
    assert seen >= {200, 204, 206, 304, 400, 401, 404}
    peer.ask("PUT", space, "/k", "k", key, b"held")
    got = peer.ask("GET", space, "/k", "k", [("Origin", APP)])
    assert "X-Ufile-Meta-Title" in words(got, "Access-Control-Expose-Headers")


@pytest.mark.parametrize("asking", EVIL)
def test_the_preflight_of_another_page_is_refused_and_says_what_to_do(opened: Server, asking: str) -> None:
    peer = Peer(opened)
    got = preflight(peer, "/k", asking, "PUT", *SIGNED, host=f"{peer.space()}.localhost")
    assert got.refusal()[:2] == (403, -148660) and "--cors-origin" in got.refusal()[2] and closed(got)


def test_the_pages_of_the_console_stay_as_they_were(opened: Server) -> None:
    peer = Peer(opened)
    for asking in (CONSOLE, opened.admin):
        got = preflight(peer, "/any/key", asking, "PUT", *SIGNED, "X-Ufile-Meta-A")
        assert (got.status, got.header("Access-Control-Allow-Origin")) == (204, asking)
        assert words(got, "Access-Control-Allow-Methods") == {"GET", "HEAD", "PUT"}
        assert allowed(got) == {"content-type", "content-md5", "range", "if-match", "if-range"}


def test_a_star_is_for_every_page_and_a_public_object_is_read_by_any(to_all: Server) -> None:
    peer = Peer(to_all)
    public = peer.space("public")
    peer.do(operation.PutObject(public, "k"), b"held")
    for asking, said in (("https://evil.example", "*"), ("null", "*"), (APP, APP), (to_all.admin, "*")):
        got = preflight(peer, "/k", asking, "DELETE", *SIGNED)
        assert (got.status, got.header("Access-Control-Allow-Origin")) == (204, said)
        assert set(map(str.lower, SIGNED)) <= allowed(got)  # "*" would not cover Authorization
        got = peer.send("GET", "/k", [("Origin", asking)], host=f"{public}.localhost")
        assert (got.status, got.body, got.header("Access-Control-Allow-Origin")) == (200, b"held", said)
        assert got.header("Access-Control-Allow-Credentials") is None
    assert closed(peer.send("GET", "/k", host=f"{public}.localhost"))


def test_who_is_named_twice_may_do_what_the_wider_allows() -> None:
    rules = CrossOrigin(9001, False, [APP], [APP])
    found = rules.of({"Origin": APP})
    assert found is not None and "DELETE" in dict(found.preflight(""))["Access-Control-Allow-Methods"]
    assert check_program("*") == "*"
    for value in ("https://*.example.com", "null", "app.example.com", "https://x/y", "**"):
        with pytest.raises(ValueError):
            check_program(value)
