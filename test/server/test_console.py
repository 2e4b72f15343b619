"""The console's calls without a browser: sessions, what refuses a change, and what crosses origins."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import ipaddress
import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from test import patience
from test.forked import Forked
from test.s3.s3_server import start_s3_server
from test.server.test_maintenance import inside
from test.server.wire import BLOCK, MIB, Peer, pattern
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import errors, etag, operation, signature
from uvideo.server.auth.client_address import TrustedProxies
from uvideo.server.console import sessions as signin
from uvideo.server.console.s3_endpoint import S3Endpoint
from uvideo.server.console.sessions import Sessions, Throttle, csrf_of
from uvideo.server.http.cross_origin import BrowserEndpoint, CrossOrigin, check_origin
from uvideo.server.ops.history import History
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.request_log import RefusedRequest, RequestLog

CONSOLE = ROOT / "uvideo" / "server" / "console" / "web"
#: Calls about keys, which belong to no space: test_console_keys.py.
KEY_CALLS = (
    *(("GET", "key-pair"), ("GET", "tokens"), ("POST", "tokens/create"), ("POST", "tokens/update")),
    *(("POST", "tokens/delete"), ("POST", "temporary-keys/create")),
)


@dataclass
class Said:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    """A program that speaks to the admin port as a page of the console does."""

    server: Server
    cookie: str = ""
    csrf: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
        url = urlsplit(self.server.admin)
        assert url.hostname is not None
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=patience.SECONDS)
        if url.scheme == "https":
            unchecked = ssl.create_default_context()
            unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(
                url.hostname, url.port, timeout=patience.SECONDS, context=unchecked
            )
        given = {"Cookie": self.cookie} if self.cookie else {}
        given.update(self.more)
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection.request(method, path, body, {name: value for name, value in given.items() if value is not None})
        answer = connection.getresponse()
        said = Said(answer.status, answer.headers, answer.read())
        connection.close()
        set_cookie = said.headers["Set-Cookie"]
        if set_cookie:
            self.cookie = set_cookie.partition(";")[0]
        return said

    def get(self, name: str, **query: Any) -> Said:
        return self.send("GET", f"/api/{name}" + ("?" + urlencode(query) if query else ""))

    def post(self, name: str, given: Any = None, **headers: str) -> Said:
        headers = {"Content_Type": "application/json", "X_CSRF_Token": self.csrf, **headers}
        return self.send("POST", f"/api/{name}", json.dumps({} if given is None else given).encode(), **headers)

    def sign_in(self, **given: str) -> Said:
        keys = {"public_key": self.server.public_key, "private_key": self.server.private_key}
        said = self.post("session", given or keys)
        if said.status == 200:
            self.csrf = said.json()["csrf"]
        return said

    def done(self, name: str, given: Any = None) -> Any:
        """The result of a change that must be allowed."""
        said = self.post(name, given)
        assert said.status == 200, said.body
        return said.json()


@pytest.fixture
def visitor(server: Server) -> Visitor:
    return Visitor(server)


@pytest.fixture
def user(visitor: Visitor) -> Visitor:
    assert visitor.sign_in().status == 200
    return visitor


# Signing in


def test_a_session_from_its_beginning_to_its_end(visitor: Visitor) -> None:
    assert visitor.get("session").json()["signed_in"] is False
    assert visitor.get("spaces").status == 401
    said = visitor.sign_in()
    assert said.json()["endpoint"] == visitor.server.endpoint
    attributes = said.headers["Set-Cookie"].split("; ")
    assert attributes[0].startswith(f"uvideo-{visitor.server.admin_port}=")
    assert attributes[1:] == ["HttpOnly", "SameSite=Strict"]
    assert visitor.server.private_key.encode() not in said.body
    assert visitor.get("spaces").status == 200
    stolen = Visitor(visitor.server, visitor.cookie, visitor.csrf)
    assert stolen.get("session").json()["signed_in"] is True
    assert visitor.post("sign-out").status == 200
    assert stolen.get("spaces").status == stolen.post("spaces/create", {}).status == 401


def test_signing_in_again_ends_the_session_before(user: Visitor) -> None:
    before = Visitor(user.server, user.cookie, user.csrf)
    assert user.sign_in().status == 200 and user.cookie != before.cookie
    assert before.get("spaces").status == 401 and user.get("spaces").status == 200


def test_a_cookie_that_somebody_made_up_is_never_taken_over(visitor: Visitor) -> None:
    made_up = f"uvideo-{visitor.server.admin_port}=chosen-by-another"
    visitor.cookie = made_up
    assert visitor.get("spaces").status == 401
    visitor.sign_in()
    assert visitor.cookie != made_up


def test_a_link_signs_in_once(visitor: Visitor) -> None:
    keys = {"public_key": visitor.server.public_key, "private_key": visitor.server.private_key}
    link = visitor.post("link", keys).json()["link"]
    assert visitor.get("spaces").status == 401
    assert visitor.post("link", {"link": link}).status == 400  # a link makes no other link
    assert visitor.sign_in(link=link).status == 200
    assert visitor.get("spaces").status == 200
    again = Visitor(visitor.server)
    assert again.sign_in(link=link).json()["error"] == "LinkUsed"
    assert again.cookie == ""


def test_a_link_is_no_session_and_a_session_no_link() -> None:
    sessions = Sessions()
    link, token = sessions.link("key", "me"), sessions.open("key", "me")
    assert sessions.find(link) is None and sessions.redeem(token) is None
    assert sessions.find(token) == "key" and sessions.redeem(link) == "key" and sessions.redeem(link) is None


def test_sessions_end_by_themselves() -> None:
    now = 1000.0
    sessions = Sessions(lambda: now)
    idle, busy, link = sessions.open("key", "me"), sessions.open("key", "me"), sessions.link("key", "me")
    for _ in range(signin.LONGEST // 1800 - 1):
        now += 1800
        assert sessions.find(busy) == "key"
    assert sessions.find(idle) is None and sessions.redeem(link) is None
    now += 1801
    assert sessions.find(busy) is None


def test_a_full_table_gives_up_the_session_not_seen_for_longest() -> None:
    now = 1000.0
    sessions = Sessions(lambda: now, slots=3)
    tokens = []
    for _ in range(3):
        tokens.append(sessions.open("key", "me"))
        now += 1
    assert sessions.find(tokens[0]) == "key"
    sessions.open("key", "me")
    assert [sessions.find(token) for token in tokens] == ["key", None, "key"]


def test_an_account_takes_no_place_of_another() -> None:
    """Neither by sessions nor by links; and its own links end none of its sessions."""
    now = 1000.0
    sessions = Sessions(lambda: now, slots=100)
    others = [f"account {number}" for number in range(20)]
    held = [(sessions.open(f"key of {each}", each), sessions.link("k", each)) for each in others]
    mine = sessions.open("mine", "me")
    for count, add in ((600, sessions.link), (600, sessions.open)):
        for _ in range(count):
            now += 0.1
            last = add("mine", "me")
        assert sessions.find(mine) == ("mine" if add == sessions.link else None)
    assert sessions.find(last) == "mine"
    for each, (session, link) in zip(others, held, strict=True):
        assert sessions.find(session) == f"key of {each}" and sessions.redeem(link) == "k"


def test_an_account_has_64_sessions_and_8_links_at_the_most() -> None:
    now = 1000.0
    sessions = Sessions(lambda: now)
    opened, linked = [], []
    for _ in range(66):
        now += 1
        opened.append(sessions.open("k", "me"))
        linked.append(sessions.link("k", "me"))
    assert [sessions.find(each) for each in opened] == [None] * 2 + ["k"] * 64
    assert [sessions.redeem(each) for each in linked] == [None] * 58 + ["k"] * 8


def test_the_table_holds_nothing_that_signs_in() -> None:
    sessions = Sessions()
    token = sessions.open("public key", "account")
    held = bytes(sessions.table[:])
    assert token.encode() not in held and b"public" not in held and b"account" not in held
    assert hashlib.sha256(token.encode()).digest() in held


def test_failed_sign_ins_make_an_address_wait() -> None:
    now = 0.0
    throttle, sent_from = Throttle(lambda: now), TrustedProxies().of_connection
    for _ in range(4):
        throttle.failed(sent_from("192.0.2.1"))
    assert throttle.wait(sent_from("192.0.2.1")) == 0
    throttle.failed(sent_from("192.0.2.1"))
    assert throttle.wait(sent_from("192.0.2.1")) == 1 and throttle.wait(sent_from("192.0.2.2")) == 0
    for _ in range(20):
        throttle.failed(sent_from("192.0.2.1"))
    assert throttle.wait(sent_from("192.0.2.1")) == signin.WAIT_LIMIT
    now = signin.WAIT_LIMIT
    assert throttle.wait(sent_from("192.0.2.1")) == 0
    throttle.failed(sent_from("192.0.2.1"))
    assert throttle.wait(sent_from("192.0.2.1")) > 0
    throttle.succeeded(sent_from("192.0.2.1"))
    assert throttle.wait(sent_from("192.0.2.1")) == 0
    for number in range(5):
        throttle.failed(sent_from(f"2001:db8::{number}"))
    assert throttle.wait(sent_from("2001:db8::ffff")) > 0  # the same network
    for number in range(signin.ADDRESSES + 5):
        throttle.failed(sent_from(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert len(throttle.failures) == signin.ADDRESSES


def test_the_server_refuses_who_tries_too_often(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        visitor = Visitor(server)
        wrong = {"public_key": server.public_key, "private_key": "not the right one"}
        unknown = {"public_key": "nobody", "private_key": server.private_key}
        said = [visitor.post("session", keys) for keys in (wrong, unknown) * 2 + (wrong,)]
        assert {(each.status, each.json()["error"]) for each in said} == {(403, "WrongKeys")}
        late = visitor.post("session", wrong)
        while late.status != 429:  # a second was over before it came: the next one lasts longer
            late = visitor.post("session", wrong)
        assert late.json()["wait"] == int(late.headers["Retry-After"]) >= 1
        assert visitor.cookie == ""


# What refuses a change


def test_a_change_needs_the_token_of_its_own_session(user: Visitor) -> None:
    other = Visitor(user.server)
    other.sign_in()
    for csrf in ("", "wrong", other.csrf):
        said = user.post("spaces/create", {"space": "never-made", "type": "private"}, X_CSRF_Token=csrf)
        assert (said.status, said.json()["error"]) == (403, "Csrf")
    assert "never-made" not in [space["name"] for space in user.get("spaces").json()["spaces"]]
    assert user.csrf == csrf_of(user.cookie.partition("=")[2])


@pytest.mark.parametrize(
    "headers",
    (
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},  # another port of this host: an object opened from the data port
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ),
)
def test_other_pages_may_ask_nothing(user: Visitor, headers: dict[str, str]) -> None:
    for name in ("spaces/create", "session", "link", "sign-out"):
        said = user.post(name, {}, **headers)
        assert (said.status, said.json()["error"]) == (403, "OtherOrigin")
        assert said.headers["Access-Control-Allow-Origin"] is None
    user.more = {name.replace("_", "-"): value for name, value in headers.items()}
    assert user.get("spaces").status == user.get("session").status == 403
    user.more = {}
    assert user.get("spaces").status == 200


def test_the_own_page_may(user: Visitor) -> None:
    user.more = {"Origin": user.server.admin, "Sec-Fetch-Site": "same-origin"}
    assert user.post("objects/exist", {"space": "nobodys", "keys": ["a"]}).json()["error"] == "SpaceNotFound"


def test_a_form_of_another_page_cannot_be_a_call(user: Visitor) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert user.post("spaces/create", {}, Content_Type=kind).status == 415


@pytest.mark.parametrize("body", (b"", b"{}", b"[]", b"{", b"null", b'"x"', b"[" * 10_000, b"\xff"))
def test_bodies_that_are_no_call(visitor: Visitor, body: bytes) -> None:
    said = visitor.send("POST", "/api/session", body, Content_Type="application/json")
    assert (said.status, said.json()["error"]) == (400, "BadRequest")


def test_bodies_that_are_too_long(visitor: Visitor) -> None:
    said = visitor.send("POST", "/api/session", b" " * (20 * 1024), Content_Type="application/json")
    assert said.status == 413


@pytest.mark.parametrize("method", ("PUT", "DELETE", "OPTIONS", "PATCH"))
def test_other_methods(user: Visitor, method: str) -> None:
    assert user.send(method, "/api/spaces").status == 405


def test_every_call_needs_a_session(visitor: Visitor) -> None:
    from uvideo.server.console.console_api import View

    class Nothing:
        catalog = None

    calls = View(Nothing(), None, None, 0).calls  # type: ignore[arg-type]
    assert len(calls) > 20
    for method, name in calls:
        said = visitor.get(name) if method == "GET" else visitor.post(name)
        assert (said.status, said.json()["error"]) == (401, "SignedOut"), name


def test_calls_that_are_none(user: Visitor) -> None:
    for name in ("", "nothing", "spaces/", "../healthz", "session/x"):
        assert user.get(name).status in (404, 400), name
    assert user.post("spaces").status == user.get("spaces/create").status == 404


# Pages


def test_the_pages_and_their_policy(visitor: Visitor) -> None:
    said = visitor.send("GET", "/")
    assert said.status == 200 and b"app.js" in said.body
    policy = said.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "require-trusted-types-for 'script'" in policy
    assert f"connect-src 'self' {visitor.server.endpoint};" in policy
    assert said.headers["X-Frame-Options"] == "DENY" and said.headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.send("GET", "/", If_None_Match=said.headers["ETag"]).status == 304
    for path in CONSOLE.iterdir():
        found = visitor.send("GET", f"/{path.name}")
        body = re.sub(rb'<link rel="modulepreload"[^>]*>\s*', b"", found.body)
        assert found.status == 200 and re.sub(rb'(?<=")[0-9a-f]{16}/', b"", body) == path.read_bytes(), path
    for path in ("/console.py", "/../main.py", "/..%2fmain.py", "/console/app.js", "/app.js/", "/."):
        assert visitor.send("GET", path).status == 404, path
    assert visitor.send("GET", "/healthz").body == b"ok\n"
    assert visitor.send("POST", "/").status == 405


def test_a_host_that_is_none_cannot_write_into_the_policy(visitor: Visitor) -> None:
    for host in ("evil.example; script-src *", "a b", "a/b", "'unsafe-inline'"):
        policy = visitor.send("GET", "/", Host=host).headers["Content-Security-Policy"]
        assert "connect-src 'self';" in policy and "evil" not in policy and "unsafe" not in policy


def test_the_page_names_every_module_that_it_imports(visitor: Visitor) -> None:
    """The browser asks for all of them at once: level by level, each level would take one more round trip."""
    page = visitor.send("GET", "/").body.decode()
    named = re.findall(r'<link rel="modulepreload" href="[0-9a-f]+/([a-z0-9_]+\.js)">', page)
    wanted, found = {"app.js"}, set[str]()
    while wanted:
        found |= wanted
        texts = [visitor.send("GET", f"/{name}").body.decode() for name in wanted]
        wanted = {each for text in texts for each in re.findall(r'from "\./([a-z0-9_]+\.js)"', text)} - found
    assert len(named) > 20 and set(named) == found - {"app.js"}


def test_the_files_of_the_page_are_kept_for_good(visitor: Visitor) -> None:
    """All are in a folder of their version.  The page itself is asked for each time, and alone names the data port."""
    page = visitor.send("GET", "/")
    assert page.headers["Cache-Control"] == "no-cache"
    named = re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())
    (folder,) = {each.partition("/")[0] for each in named}
    assert len(named) > 30 and {f"{folder}/app.js", f"{folder}/style.css", f"{folder}/theme.js"} <= set(named)
    for name in (f"{folder}/app.js", f"{folder}/style.css", f"{folder}/theme.js", f"{folder}/shrinker.js"):
        found = visitor.send("GET", f"/{name}")
        assert found.status == 200 and "immutable" in found.headers["Cache-Control"], name
        assert found.body == visitor.send("GET", "/" + name.partition("/")[2]).body
        assert visitor.server.endpoint not in found.headers["Content-Security-Policy"]
    # Another release asks for its own files: they may come from a server that is not upgraded yet.
    other = visitor.send("GET", f"/{'0' * 16}/app.js")
    assert other.status == 200 and other.headers["Cache-Control"] == "no-cache"
    for path in (f"/{folder}/", f"/{folder}/index.html", f"/{folder}/{folder}/app.js", f"/{folder}", "/0/app.js"):
        assert visitor.send("GET", path).status == 404, path


def test_nothing_in_the_pages_is_of_another_host_or_inline() -> None:
    for path in CONSOLE.iterdir():
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"']*", text) == [], path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    index = (CONSOLE / "index.html").read_text()
    assert not re.search(r"<style|style=|\son\w+=|(?:src|href)=\"/", index)
    assert all("src=" in script for script in re.findall(r"<script[^>]*>", index))


def test_both_languages_say_the_same_things() -> None:
    english, chinese = (json.loads((CONSOLE / f"{name}.json").read_text("utf-8")) for name in ("en", "zh"))
    assert list(english) == list(chinese) == sorted(english)
    for key, text in english.items():
        assert text.strip() and chinese[key].strip(), key
        assert set(re.findall(r"{\w+}", text)) | {"{n}"} >= set(re.findall(r"{\w+}", chinese[key])), key
    sources = "".join(path.read_text("utf-8") for path in CONSOLE.glob("*.js"))
    asked = set(re.findall(r"""\bt\(\s*"([^"$]+)\"""", sources))
    assert len(asked) > 150 and asked <= set(english)
    named = set(re.findall(r"\"([a-zA-Z0-9.]+)\"", sources))
    composed = ("error.", "share.span.", "class.", "state.", "column.", "acl.")
    unnamed = (re.sub(r"\.(one|short)$", "", key) for key in english)
    assert [key for key in unnamed if key not in named and not key.startswith(composed)] == []


# Spaces and objects


def test_spaces(user: Visitor) -> None:
    user.done("spaces/create", {"space": "console-one", "type": "private"})
    again = user.post("spaces/create", {"space": "console-one", "type": "private"})
    assert again.json()["error"] == "SpaceExists"
    assert user.post("spaces/create", {"space": "No Good", "type": "private"}).json()["error"] == "SpaceNameInvalid"
    assert user.post("spaces/create", {"space": "console-two", "type": "secret"}).status == 400
    user.done("spaces/type", {"space": "console-one", "type": "public"})
    found = {space["name"]: space for space in user.get("spaces").json()["spaces"]}
    assert found["console-one"]["type"] == "public"
    Peer(user.server).do(operation.PutObject("console-one", "a"), b"12345")
    assert user.get("spaces/usage", space="console-one").json() == {"stored": 5}
    assert user.post("spaces/delete", {"space": "console-one", "typed": "console"}).status == 400
    full = user.post("spaces/delete", {"space": "console-one", "typed": "console-one"})
    assert full.json()["error"] == "SpaceNotEmpty"
    user.done("objects/delete", {"space": "console-one", "keys": ["a"]})
    user.done("spaces/delete", {"space": "console-one", "typed": "console-one"})
    assert user.get("objects", space="console-one").json()["error"] == "SpaceNotFound"


def test_objects(user: Visitor, peer: Peer, space: str, public: str) -> None:
    for key in ("a/1", "a/2", "b", "ü & <b>.txt"):
        peer.do(operation.PutObject(space, key, mime="text/plain", metadata=(("k", "v"),)), key.encode())
    page = user.get("objects", space=space, delimiter="/", limit=2).json()
    assert (page["prefixes"], [each[0] for each in page["objects"]]) == (["a/"], ["b"])
    rest = user.get("objects", space=space, delimiter="/", marker=page["next"]).json()
    assert [each[0] for each in rest["objects"]] == ["ü & <b>.txt"] and rest["next"] == ""
    found = user.get("object", space=space, key="ü & <b>.txt").json()
    info = peer.do(operation.HeadObject(space, "ü & <b>.txt"))
    assert found.pop("url").endswith(f"/{space}/%C3%BC%20&%20%3Cb%3E.txt")
    assert found == {
        **{"key": "ü & <b>.txt", "size": 12, "etag": info.etag, "mime": "text/plain", "class": "STANDARD"},
        **{"created": info.created, "modified": info.modified, "metadata": {"k": "v"}, "headers": {}, "tags": {}},
        **{"acl": "default", "restore": info.restore, "ready": 0, "expires": 0, "public": False},
    }
    assert user.done("objects/exist", {"space": space, "keys": ["b", "c"]}) == {"exist": {"b": 1}}

    user.done("objects/metadata", {"space": space, "key": "b", "mime": "video/mp4", "metadata": {"n": "1"}})
    changed = user.get("object", space=space, key="b").json()
    assert (changed["mime"], changed["metadata"]) == ("video/mp4", {"n": "1"})
    for metadata in ({"a\r\nX-Evil": "1"}, {"a": "1\r\nX: 2"}, {"a": "x" * 9000}, {"a": 1}, {"a": " 1"}, "text"):
        given = {"space": space, "key": "b", "mime": "video/mp4", "metadata": metadata}
        assert user.post("objects/metadata", given).status == 400, metadata
    user.done("objects/rename", {"space": space, "key": "b", "new_key": "c"})
    taken = user.post("objects/rename", {"space": space, "key": "c", "new_key": "a/1"})
    assert taken.json()["error"] == "AlreadyExists"
    user.done("objects/copy", {"space": space, "key": "c", "to_space": public, "to_key": "x/c"})
    again = user.post("objects/copy", {"space": space, "key": "c", "to_space": public, "to_key": "x/c"})
    assert again.json()["error"] == "AlreadyExists"
    assert user.get("object", space=public, key="x/c").json()["public"] is True
    user.done("objects/acl", {"space": space, "key": "c", "acl": "public-read"})
    assert peer.send("GET", f"/{space}/c").body == b"b"
    assert user.get("object", space=space, key="c").json()["public"] is True
    assert user.done("objects/class", {"space": space, "keys": ["c", "gone"], "class": "ARCHIVE"}) == {
        "failed": {"gone": "NotFound"}
    }
    assert user.get("object", space=space, key="c").json()["restore"] is None
    assert user.done("objects/restore", {"space": space, "keys": ["c"]}) == {"failed": {}}
    assert user.get("object", space=space, key="c").json()["restore"]
    keys = ["a/1", "a/2", "c", "never there"]
    assert user.done("objects/delete", {"space": space, "keys": keys}) == {"failed": {}}
    assert len(user.get("objects", space=space).json()["objects"]) == 1


@pytest.mark.parametrize(
    ("name", "given"),
    (
        ("objects/delete", {"keys": []}),
        ("objects/delete", {"keys": ["x"] * 1001}),
        ("objects/delete", {"keys": "x"}),
        ("objects/delete", {"keys": [1]}),
        ("objects/delete", {"keys": ["\ud800"]}),
        ("objects/rename", {"key": "x", "new_key": ""}),
        ("objects/rename", {"key": "x", "new_key": "y" * 1024}),
        ("objects/class", {"keys": ["x"], "class": "FROZEN"}),
        ("sign", {"method": "DELETE", "items": [{"key": "x"}]}),
        ("sign", {"method": "GET", "items": []}),
        ("sign", {"method": "GET", "items": ["x"]}),
        ("sign", {"method": "GET", "items": [{"key": ""}]}),
        ("sign", {"method": "GET", "items": [{"key": "a/../b"}]}),
        ("sign", {"method": "GET", "items": [{"key": "x", "mime": "a/b"}]}),
        ("sign", {"method": "PUT", "items": [{"key": "x", "mime": "a/b\nx"}]}),
        ("sign", {"method": "GET", "items": [{"key": "x"}], "seconds": 0}),
        ("sign", {"method": "GET", "items": [{"key": "x"}], "seconds": 10**9}),
        ("sign", {"method": "GET", "items": [{"key": "x"}], "seconds": True}),
        ("uploads/begin", {"key": "./x"}),
        ("uploads/finish", {"key": "x", "upload_id": "u", "etags": ["nonsense"], "etag": "x"}),
        ("uploads/finish", {"key": "x", "upload_id": "u", "etags": 3, "etag": "x"}),
    ),
)
def test_what_is_given_wrongly(user: Visitor, space: str, name: str, given: dict[str, Any]) -> None:
    said = user.post(name, {"space": space, **given})
    assert said.status == 400 or said.json().get("failed"), said.body
    assert "\n" not in said.json().get("message", "")


def test_a_search_for_a_part_of_a_name(user: Visitor, peer: Peer, space: str) -> None:
    for key in ("f/My Clip 1.mp4", "f/clips/a", "other"):
        peer.do(operation.PutObject(space, key, mime="video/mp4"), b"abc")
    whole = user.get("objects/search", space=space, text="CLIP").json()
    assert whole["prefixes"] == ["f/clips/"] and whole["searched"] == 3 and whole["next"] == ""
    ((key, size, modified, mime, storage_class, restored, tag),) = whole["objects"]
    assert (key, size, mime, storage_class, restored) == ("f/My Clip 1.mp4", 3, "video/mp4", "STANDARD", None)
    assert modified and tag == etag.from_digests([etag.block_digest(b"abc")])
    first = user.get("objects/search", space=space, prefix="f/", text="clip", limit=1).json()
    rest = user.get("objects/search", space=space, prefix="f/", text="clip", limit=1, marker=first["next"]).json()
    assert (len(first["objects"]), first["prefixes"], rest["objects"], rest["prefixes"]) == (1, [], [], ["f/clips/"])
    for given in ({}, {"text": ""}, {"text": "x" * 1001}, {"text": "x", "limit": 0}, {"text": "x", "limit": 1001}):
        assert user.get("objects/search", space=space, **given).status == 400
    assert user.get("objects/search", space=f"not-{space}", text="x").json()["error"] == "SpaceNotFound"


def test_a_move_takes_what_was_seen(user: Visitor, peer: Peer, space: str) -> None:
    other = peer.space()
    for key in ("a", "b"):
        peer.do(operation.PutObject(space, key), key.encode())
    here = {"space": space, "to_space": space}
    moved = user.done("objects/move", {**here, "key": "a", "to_key": "f/a"})
    assert user.post("objects/move", {**here, "key": "f/a", "to_key": "b"}).json()["error"] == "AlreadyExists"
    back = {**here, "key": "f/a", "to_key": "a", "version": moved["version"]}
    assert user.post("objects/move", {**back, "version": "0" * 32}).status == 412
    assert user.done("objects/move", back) == moved
    assert peer.do(operation.GetObject(space, "a")).size == 1
    # What replaced it meanwhile is left alone, and so is what has another header or class.
    moved = user.done("objects/move", {**here, "key": "a", "to_key": "f/a"})
    peer.do(operation.PutObject(space, "f/a"), b"newer")
    assert user.post("objects/move", back).json()["error"] == "PreconditionFailed"
    assert peer.call(operation.GetObject(space, "f/a")).body == b"newer"
    away = {"space": space, "key": "f/a", "to_space": other, "to_key": "b"}
    assert user.post("objects/move", {**away, **moved}).json()["error"] == "PreconditionFailed"
    assert user.get("objects", space=other).json()["objects"] == []
    peer.do(operation.PutObject(other, "b"), b"there")
    assert user.post("objects/move", away).json()["error"] == "AlreadyExists"
    assert [each[0] for each in user.get("objects", space=space).json()["objects"]] == ["b", "f/a"]
    user.done("objects/move", {**away, "force": True})
    assert peer.call(operation.GetObject(other, "b")).body == b"newer"
    assert peer.call(operation.HeadObject(space, "f/a")).status == 404
    assert user.post("objects/move", {**away, "to_key": "c"}).json()["error"] == "NotFound"


@pytest.mark.parametrize("is_copied", [False, True], ids=["before it is copied", "after it was copied"])
def test_a_move_leaves_what_changed(tmp_path: Path, is_copied: bool) -> None:
    from test.server.inprocess import running
    from uvideo.server.console.console_api import View
    from uvideo.server.rules.spaces import ManagementService
    from uvideo.server.rules.usage import Usage
    from uvideo.storage.base import Catalog, ObjectRecord
    from uvideo.storage.wrapper import Wrapper, wrapped

    newer: dict[str, Any] = {"size": 6, "etag": "another", "inline": b"newer!"}

    class Busy(Wrapper[Catalog], Catalog):
        """Somebody replaces the source once it was looked at, or as soon as it is copied."""

        async def get(self, space_id: str, key: str) -> ObjectRecord | None:
            found = await self.inner.get(space_id, key)
            if found is not None and found.size != newer["size"] and not is_copied:
                await self.inner.put(replace(found, **newer))
            return found

        async def put(self, record: ObjectRecord, **more: Any) -> list[str]:
            gone = await self.inner.put(record, **more)
            if is_copied:
                await self.inner.put(replace(more["source"], **newer))
            return gone

    with running(tmp_path) as app:
        peer = Peer(app)
        source, target = peer.space(), peer.space()
        peer.do(operation.PutObject(source, "a"), b"older")
        service = app.service.over(wrapped(Busy, app.service.catalog))
        view = View(service, ManagementService(service, Usage(service.catalog, time.time)), History(app.metrics), 0)
        given = {"space": source, "key": "a", "to_space": target, "to_key": "a"}
        moving = view.calls["POST", "objects/move"](service.keyring.own, given, "http://x")
        with pytest.raises(errors.PreconditionFailed):
            asyncio.run_coroutine_threadsafe(moving, app.loop).result(patience.SECONDS)
        found, copied = (peer.call(operation.GetObject(space, "a")) for space in (source, target))
        assert found.body == b"newer!"
        assert copied.body == b"older" if is_copied else copied.status == 404


def test_another_accounts_space_is_not_there(tmp_path: Path) -> None:
    from test.server.inprocess import running
    from uvideo.server.auth.credentials import Key
    from uvideo.server.console.console_api import View
    from uvideo.server.rules.spaces import ManagementService
    from uvideo.server.rules.usage import Usage

    with running(tmp_path, more=(Key("other", "another key", "somebody else"),)) as app:
        peer = Peer(app)
        mine = peer.space()
        peer.do(operation.PutObject(mine, "a"), b"x")
        service = app.service
        view = View(service, ManagementService(service, Usage(service.catalog, time.time)), History(app.metrics), 0)
        other = service.keyring.find("other")
        assert other is not None
        given = {
            "space": mine,
            "key": "a",
            "keys": ["a"],
            "typed": mine,
            "type": "public",
            "new_key": "b",
            "to_space": mine,
            "to_key": "b",
            "class": "IA",
            "acl": "public-read",
            "metadata": {},
            "mime": "a/b",
            "method": "GET",
            "items": [{"key": "a"}],
            "upload_id": "u",
            "etags": [],
            "etag": etag.from_digests([]),
        }
        # The service belongs to its loop, but none of these gets as far as its drivers' threads.
        refused = {call: name for name, call in view.calls.items() if name[1] not in ("spaces", "dashboard")}
        refused.pop(view.calls["POST", "spaces/create"])
        for name in KEY_CALLS:
            refused.pop(view.calls[name])
        for call, name in refused.items():
            with pytest.raises(errors.AccessDenied):
                asyncio.run(call(other, given, "http://x"))
                pytest.fail(f"{name} was allowed")


# Bulk bytes


def test_what_is_signed_works_until_it_ends(user: Visitor, peer: Peer, space: str) -> None:
    key = "a b/ü+%.bin"
    said = user.done("sign", {"space": space, "method": "PUT", "items": [{"key": key, "mime": "video/mp4"}]})
    target = said["urls"][0].removeprefix(user.server.endpoint)
    assert user.server.private_key not in said["urls"][0]
    assert peer.send("PUT", target, [("Content-Type", "text/html")], b"x").status == 401
    assert peer.send("PUT", target, [("Content-Type", "video/mp4")], b"x").status == 200
    assert peer.send("GET", target).status == 401  # a URL for one method
    read = user.done("sign", {"space": space, "method": "GET", "items": [{"key": key, "filename": 'q".bin'}]})
    got = peer.send("GET", read["urls"][0].removeprefix(user.server.endpoint))
    assert got.body == b"x" and "attachment" in (got.header("Content-Disposition") or "")
    assert abs(said["expires"] - time.time() - 600) < 5


def test_an_upload_as_the_page_does_it(user: Visitor, peer: Peer, space: str) -> None:
    data = pattern(BLOCK + 1000)
    begun = user.done("uploads/begin", {"space": space, "key": "v", "mime": "video/mp4"})
    url = user.done("sign", {"space": space, "method": "PUT", "items": [{"key": "v", "mime": "video/mp4"}]})["urls"][0]
    target = url.removeprefix(user.server.endpoint) + f"&uploadId={begun['upload_id']}&partNumber="
    parts = [data[:BLOCK], data[BLOCK:]]
    etags = [etag.part_etag(hashlib.sha1(part).digest()) for part in parts]
    origin = [("Origin", user.server.admin), ("Content-Type", "video/mp4")]
    for number, part in enumerate(parts):
        got = peer.send("PUT", f"{target}{number}", origin, part)
        assert got.header("ETag") == f'"{etags[number]}"'
        assert got.header("Access-Control-Allow-Origin") == user.server.admin
    listed = user.get("uploads/parts", space=space, upload_id=begun["upload_id"]).json()
    assert listed == {"key": "v", "parts": [[0, etags[0], BLOCK], [1, etags[1], 1000]], "next": None}
    opened = user.get("uploads", space=space).json()["uploads"]
    assert [(each["key"], each["upload_id"]) for each in opened] == [("v", begun["upload_id"])]
    expected = etag.from_digests([hashlib.sha1(part).digest() for part in parts])
    given = {"space": space, "key": "v", "upload_id": begun["upload_id"], "etags": etags}
    assert user.post("uploads/finish", {**given, "etag": "AQ" + expected[2:]}).status == 400
    assert user.done("uploads/finish", {**given, "etag": expected}) == {
        "etag": expected,
        "size": len(data),
        "key": "v",
    }
    assert peer.call(operation.GetObject(space, "v")).body == data
    assert user.post("uploads/finish", {**given, "etag": expected}).json()["error"] == "UploadNotFound"


def test_an_upload_is_aborted(user: Visitor, peer: Peer, space: str) -> None:
    begun = user.done("uploads/begin", {"space": space, "key": "v"})
    user.done("uploads/abort", {"space": space, "key": "v", "upload_id": begun["upload_id"]})
    assert user.get("uploads/parts", space=space, upload_id=begun["upload_id"]).json()["error"] == "UploadNotFound"


def test_the_dashboard(user: Visitor, peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "x"), b"12345")
    found = user.get("dashboard").json()
    last = dict(zip(found["fields"], found["samples"][-1], strict=True))
    assert last["requests"] > 0 and last["received"] >= 5 and abs(last["time"] - time.time()) < 10
    assert len(found["days"]) == 30 and found["days"][-1][1] >= 5
    free, total = found["disk"]
    assert 0 < free < total
    assert len(user.get("dashboard", after=int(time.time()) + 60).json()["samples"]) == 0


def test_a_folder_whose_disk_cannot_be_asked(tmp_path: Path) -> None:
    """The dashboard shows all the rest."""
    from test.server.inprocess import running
    from uvideo.server.console.console_api import View
    from uvideo.server.rules.spaces import ManagementService
    from uvideo.server.rules.usage import Usage

    with running(tmp_path / "data") as app:
        spaces = ManagementService(app.service, Usage(app.service.catalog, time.time))
        view = View(app.service, spaces, History(app.metrics), 0, folder=tmp_path / "gone")
        call = view.calls["GET", "dashboard"](app.service.keyring.own, {}, "http://x")
        found = asyncio.run_coroutine_threadsafe(call, app.loop).result(patience.SECONDS)
        assert found["disk"] is None and len(found["days"]) == 30


def test_who_sees_which_errors(tmp_path: Path) -> None:
    """The counts are of the whole server; of each error an account sees only those in its own spaces."""
    with start_server(tmp_path / "data", "--no-fsync", "--workers", "2") as server:
        pair = tmp_path / "films.json"
        made = inside("add-key", tmp_path / "data", "--account", "films", "--key-file", pair)
        assert made.returncode == 0
        key = json.loads(pair.read_text())
        owner, films = Peer(server), Peer(server)
        films.credentials = signature.Credentials(key["public_key"], key["private_key"])
        mine, theirs = owner.space(), films.space()
        user, other = Visitor(server), Visitor(server)
        user.sign_in()
        other.sign_in(**key)

        def provoke() -> bool:
            """Errors in the second of a space's creation are not shown, for another space may have had its name."""
            films.call(operation.GetObject(theirs, "their secret film"))
            owner.call(operation.GetObject(mine, "my lost film" + "x" * 900))
            owner.call(operation.GetObject(mine + "-none", "a key of nobody"))
            return all(
                any(each[5] == space for each in visitor.get("dashboard").json()["last_errors"])
                for visitor, space in ((user, mine), (other, theirs))
            )

        patience.until(provoke)
        said, theirs_said = user.get("dashboard"), other.get("dashboard")
        found = said.json()
        assert b"their secret film" not in said.body and b"a key of nobody" not in said.body
        assert server.private_key.encode() not in said.body and b"Signature" not in said.body
        spaces = {each[5] for each in found["last_errors"]}
        assert spaces == {mine, ""}
        (when, status, error, code, asked, _, name, session) = next(e for e in found["last_errors"] if e[5] == mine)
        assert abs(when - time.time()) < patience.SECONDS
        assert (status, error, code, asked) == (404, "NotFound", -148654, "GetObject")
        assert name == ("my lost film" + "x" * 900)[:300] and len(session) == 36
        assert {each[5] for each in theirs_said.json()["last_errors"]} == {theirs}
        assert found["errors"] == sorted(found["errors"], key=lambda each: -each[2])
        counts = {each[1]: each[2] for each in found["errors"]}
        operations = {each[0]: each[1:] for each in found["operations"]}
        assert operations["GetObject"] == [counts["NotFound"], counts["NotFound"], 0]
        assert operations["CreateSpace"][0] == 2


def test_the_request_log_is_bounded() -> None:
    log = RequestLog(workers=2)
    for number in range(2000):
        log.take(number % 2)
        log.count(f"Operation{number}", 200)
        log.refuse(RefusedRequest(float(number), 503, f"Error{number}", -number, "Put", "space", "键" * 2000, "id"))
    assert len(log.operations()) <= 512 and len(log.errors()) <= 512
    last = log.last(signed=False)
    assert len(last) <= 100 and last[0].time == 1999 and last[0].key == "键" * 100
    assert log.last(signed=True) == []


def test_errors_push_out_only_errors_of_their_own_kind() -> None:
    """Of signed requests those of the account that has the most; of all others those in the space that has the most."""
    log = RequestLog()
    when = 0.0

    def refuse(space: str, account: str = "") -> None:
        nonlocal when
        when += 1
        log.refuse(RefusedRequest(when, 403, "AccessDenied", 0, "GetObject", space, "key", str(when)), account)

    for _ in range(10):
        refuse("mine", "me")
        refuse("quiet")
    mine, quiet = log.last(signed=True), log.last(signed=False)
    for _ in range(500):
        refuse("mine", "somebody")
        refuse("loud")
        refuse("")
    assert [each for each in log.last(signed=True) if each in mine] == mine
    assert [each for each in log.last(signed=False) if each in quiet] == quiet
    assert len(log.last(signed=True)) == len(log.last(signed=False)) == 50
    assert log.last(signed=True)[0].time == when - 2
    for number in range(100):  # more accounts than places: the oldest goes
        refuse("mine", f"account {number}")
    assert log.last(signed=True)[0].time == when and len(log.last(signed=True)) == 50


def test_unsigned_requests_do_not_push_out_what_an_account_is_shown(user: Visitor, peer: Peer, space: str) -> None:
    def shown() -> list[str]:
        return [each[6] for each in user.get("dashboard").json()["last_errors"] if each[5] == space]

    def provoke() -> bool:  # those in the second of a space's creation are not shown
        peer.call(operation.GetObject(space, "lost"))
        return "lost" in shown()

    patience.until(provoke)
    for _ in range(60):
        assert peer.send("GET", f"/{space}/secret").status >= 400
    assert {"lost", ""} <= set(shown())  # without a signature the key is not known


def test_history_counts_by_kind() -> None:
    metrics = Metrics(0, workers=2)
    for worker, status in enumerate((200, 404, 500, 499, 206)):
        metrics.take(worker % 2)
        metrics.begin()
        metrics.end("GET", status, 1, 10)
    history = History(metrics, lambda: 7.0)
    history.take()
    assert [(when, counts[:5]) for when, counts in history.samples()] == [(7.0, (5, 1, 1, 5, 50))] * 2


# Crossing origins


def crossing(peer: Peer, method: str, target: str, origin: str, **headers: str) -> Any:
    pairs = [("Origin", origin), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return peer.send(method, target, pairs)


def test_a_preflight_of_the_console(server: Server, peer: Peer) -> None:
    got = crossing(peer, "OPTIONS", "/any/key?x", server.admin, Access_Control_Request_Method="PUT")
    assert got.status == 204 and got.body == b""
    assert got.header("Access-Control-Allow-Origin") == server.admin
    assert got.header("Access-Control-Allow-Methods") == "GET, HEAD, PUT"
    assert "Content-Type" in (got.header("Access-Control-Allow-Headers") or "")
    assert got.header("Access-Control-Allow-Credentials") is None
    assert got.header("Vary") == "Origin"


@pytest.mark.parametrize("origin", ("https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1", ""))
def test_other_origins_learn_nothing(peer: Peer, origin: str) -> None:
    for method in ("OPTIONS", "GET", "PUT"):
        got = crossing(peer, method, "/any/key", origin, Access_Control_Request_Method="PUT")
        assert got.status >= 400 and got.header("Access-Control-Allow-Origin") is None


def test_answers_of_any_length_and_refusals_can_be_read_by_the_console(server: Server, peer: Peer, public: str) -> None:
    for size in (0, 10, 1024 * 1024):
        peer.do(operation.PutObject(public, "k"), bytes(size))
        got = crossing(peer, "GET", f"/{public}/k", server.admin)
        assert got.status == 200 and len(got.body) == size
        assert got.header("Access-Control-Allow-Origin") == server.admin
        assert "ETag" in (got.header("Access-Control-Expose-Headers") or "")
        assert got.header("Vary") == "Origin"
    assert crossing(peer, "GET", f"/{public}/gone", server.admin).header("Access-Control-Allow-Origin") == server.admin
    assert peer.send("GET", f"/{public}/k").header("Access-Control-Allow-Origin") is None


def test_which_origins_are_the_consoles() -> None:
    def allowed(rules: CrossOrigin, asking: str, host: str) -> bool:
        found = rules.of({"Origin": asking, "Host": host})
        return found is not None and found.origin == asking

    rules = CrossOrigin(9001, False, ["https://console.example.com"])
    assert allowed(rules, "http://localhost:9001", "localhost:9000")
    assert allowed(rules, "http://[::1]:9001", "[::1]:9000")
    assert allowed(rules, "https://console.example.com", "anything")
    for origin, host in (
        ("http://localhost:9001", "127.0.0.1:9000"),
        ("https://localhost:9001", "localhost:9000"),
        ("http://localhost:9001.evil.example", "localhost:9000"),
        ("http://console.example.com", "anything"),
        ("http://:9001", ""),
    ):
        assert rules.of({"Origin": origin, "Host": host}) is None
    assert allowed(CrossOrigin(443, True), "https://video.example.com", "video.example.com:9000")
    assert CrossOrigin().of({"Origin": "http://x:1", "Host": "x:9000"}) is None


def test_where_the_data_port_is() -> None:
    assert BrowserEndpoint(None, 9000, False).url("console.example.com:9001") == "http://console.example.com:9000"
    assert BrowserEndpoint(None, 443, True).url("[::1]:9001") == "https://[::1]"
    assert BrowserEndpoint("https://v.example.com/data/", 9000, False).url("x") == "https://v.example.com/data"
    assert BrowserEndpoint(None, 9000, False).url("a b") is None
    assert check_origin("HTTPS://Console.example.com:443/") == "https://console.example.com"
    for value in ("console.example.com", "ftp://x", "https://x/path", "https://x?q", "https://x y", "*"):
        with pytest.raises(ValueError):
            check_origin(value)
    for value in ("video.example.com", "ftp://x", "https://", "https://x?q=1"):
        with pytest.raises(ValueError):
            BrowserEndpoint(value, 1, False)


def test_where_s3_is() -> None:
    def said(names: Sequence[str], public: str | None, s3_port: int | None, tls: bool = False) -> str | None:
        return S3Endpoint(names, public, s3_port, 9000, tls).url("console.example.com:9001")

    assert said((), None, None) == "http://console.example.com:9000"
    assert said((), None, 9002, tls=True) == "https://console.example.com:9002"
    assert said(("s3.example.com",), None, 9002) == "http://s3.example.com:9002"
    assert said(("s3.example.com", "other.example.com"), None, None) == "http://s3.example.com:9000"
    for port in (None, 9002):
        assert said((), "https://v.example.com/", port) == "https://v.example.com"
        assert said(("s3.example.com",), "https://v.example.com:8443/data", port) == "https://s3.example.com:8443"
    assert said((), "https://v.example.com/data", None) is None
    assert said((), "https://v.example.com/data", 9002) == "http://console.example.com:9002"
    assert S3Endpoint((), None, 9002, 9000, False, "10.0.0.1").url("x") == "http://10.0.0.1:9002"
    assert S3Endpoint((), None, 9002, 9000, False).url("a b") is None
    for public, expected in ((None, "http://{}:9000"), ("https://v.example.com", "https://{}")):
        for given, name in (("Dateien-Köln.example.", "xn--dateien-kln-zfb.example"), ("::1", "[::1]")):
            assert said((given,), public, None) == expected.format(name)


def test_the_session_has_the_address_of_s3(tmp_path: Path) -> None:
    with start_s3_server(tmp_path) as started:
        visitor = Visitor(started.server)
        assert visitor.sign_in().json()["s3"] == visitor.get("session").json()["s3"] == started.url


def test_the_data_port_is_the_address_of_s3_without_another(visitor: Visitor) -> None:
    assert visitor.sign_in().json()["s3"] == visitor.server.endpoint
    assert "s3" not in Visitor(visitor.server).get("session").json()


@pytest.mark.parametrize(
    "options",
    (("--public-url", "video.example.com"), ("--cors-origin", "https://*.example.com"), ("--console-origin", "*")),
)
def test_options_that_mean_nothing(tmp_path: Path, commands: Forked, options: tuple[str, ...]) -> None:
    done = commands.run("serve", tmp_path / "data", "--port", 0, "--admin-port", 0, *options)
    assert done.returncode == 2 and options[0] in done.stderr and "Traceback" not in done.stderr


def test_options(tmp_path: Path) -> None:
    options = ("--public-url", "https://video.example.com/data", "--console-origin", "https://console.example.com")
    with start_server(tmp_path, "--no-fsync", *options) as server:
        visitor = Visitor(server)
        assert visitor.sign_in().json()["endpoint"] == "https://video.example.com/data"
        visitor.done("spaces/create", {"space": "one", "type": "private"})
        url = visitor.done("sign", {"space": "one", "method": "GET", "items": [{"key": "k"}]})["urls"][0]
        assert url.startswith("https://video.example.com/data/one/k?")
        assert (
            "connect-src 'self' https://video.example.com;"
            in (visitor.send("GET", "/").headers["Content-Security-Policy"])
        )
        got = crossing(Peer(server), "GET", "/one/k", "https://console.example.com")
        assert got.header("Access-Control-Allow-Origin") == "https://console.example.com"


def test_the_admin_port_is_on_loopback_whatever_the_data_port_is_on(tmp_path: Path) -> None:
    def listens(server: Server) -> tuple[str, str]:
        """The addresses of (data port, admin port), as the system says."""
        found = {}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if line.split()[3] == "0A":
                found[int(port, 16)] = str(ipaddress.ip_address(int.from_bytes(bytes.fromhex(address), "little")))
        return found[server.port], found[server.admin_port]

    with start_server(tmp_path / "one", "--no-fsync", "--host", "0.0.0.0", "--hostname", "video.test") as server:
        assert listens(server) == ("0.0.0.0", "127.0.0.1")
        assert urlsplit(server.admin).hostname == "127.0.0.1"
    said = f"answering on http://0.0.0.0:{server.port} (all addresses), for clients http://video.test:{server.port}"
    patience.until_said(server.log, f"{said}, the console is on {server.admin}\n")
    with start_server(tmp_path / "two", "--no-fsync", "--host", "127.0.0.2", "--admin-host", "127.0.0.3") as server:
        assert listens(server) == ("127.0.0.2", "127.0.0.3")
        assert (urlsplit(server.endpoint).hostname, urlsplit(server.admin).hostname) == ("127.0.0.2", "127.0.0.3")
    with start_server(tmp_path / "three", "--no-fsync", env={"UVIDEO_SERVE_ADMIN_HOST": "0.0.0.0"}) as server:
        assert listens(server) == ("127.0.0.1", "0.0.0.0")


def test_the_page_finds_a_data_port_on_another_address(tmp_path: Path) -> None:
    """The data port is on one address, the console on loopback: the page is told that address, and may read from it."""
    with start_server(tmp_path, "--no-fsync", "--host", "127.0.0.2") as server:
        visitor = Visitor(server)
        assert visitor.sign_in().json()["endpoint"] == server.endpoint == f"http://127.0.0.2:{server.port}"
        visitor.done("spaces/create", {"space": "one", "type": "private"})
        url = visitor.done("sign", {"space": "one", "method": "PUT", "items": [{"key": "k"}]})["urls"][0]
        connection = http.client.HTTPConnection("127.0.0.2", server.port, timeout=patience.SECONDS)
        for name, allowed in (("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("evil.example", False)):
            asking = f"http://{name}:{server.admin_port}"
            connection.request("PUT", url.removeprefix(server.endpoint), b"x", {"Origin": asking})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == (asking if allowed else None)
        connection.close()


def test_browsers_do_not_guess_types(server: Server, peer: Peer, public: str) -> None:
    for size in (10, 100_000, MIB):
        peer.do(operation.PutObject(public, "k", mime="text/plain"), b"<script>" + bytes(size))
        for method in ("GET", "HEAD"):
            got = peer.send(method, f"/{public}/k")
            assert (got.status, got.header("X-Content-Type-Options")) == (200, "nosniff")
    assert peer.send("GET", f"/{public}/none").header("X-Content-Type-Options") == "nosniff"
    assert peer.send("GET", f"/{public}/k", [("Range", "bytes=0-9")]).header("X-Content-Type-Options") == "nosniff"
    for path in ("/metrics", "/healthz", "/readyz", "/none", "/"):
        assert Visitor(server).send("GET", path).headers["X-Content-Type-Options"] == "nosniff"


# Processes and TLS


def test_a_session_outlives_the_worker_that_opened_it(tmp_path: Path) -> None:
    from test.server.test_process import children

    with start_server(tmp_path, "--workers", "2", "--no-fsync") as server:
        visitor = Visitor(server)
        visitor.sign_in()
        pids = children(server)
        os.kill(pids[0], signal.SIGKILL)
        deadline = time.monotonic() + 60
        while (pids[0] in children(server) or len(children(server)) < 2) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert visitor.get("spaces").status == 200
        visitor.done("spaces/create", {"space": "made-after", "type": "private"})


def test_both_ports_speak_tls(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [*"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split()]
        + ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    with start_server(tmp_path / "data", "--tls-cert", str(cert), "--tls-key", str(key), "--no-fsync") as server:
        assert server.admin.startswith("https://")
        visitor = Visitor(server)
        said = visitor.sign_in()
        assert "; Secure" in said.headers["Set-Cookie"]
        assert said.json()["endpoint"] == server.endpoint
        assert visitor.send("GET", "/healthz").body == b"ok\n"


def test_the_cookie_is_secure_behind_a_proxy_with_tls(visitor: Visitor) -> None:
    visitor.more = {"X-Forwarded-Proto": "https"}
    assert "; Secure" in visitor.sign_in().headers["Set-Cookie"]
