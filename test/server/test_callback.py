"""Put policies: whom the server calls after an upload, what it passes on, and where it never goes."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.server.inprocess import running
from test.server.test_postfile import fields_of, file_of, post
from test.server.wire import MIB, Answer, Peer, pattern
from test.server_fixture import start_server
from ucloud.uvideo.protocol import errors, operation, policy
from uvideo.server.http.callback import Callbacks


@dataclass
class Callee:
    """Somebody who is called back.  ``answer``: (status, headers, body) of the next answers."""

    port: int = 0
    answer: tuple[int, dict[str, str], bytes] = (200, {"Content-Type": "application/json"}, b'{"got": "\xe8\xa7\x86"}')
    calls: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"


@contextmanager
def callee() -> Iterator[Callee]:
    found = Callee()
    found.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.calls.append((self.path, dict(self.headers.items()), body))
            found.hold.wait(patience.SECONDS)
            status, headers, answer = found.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(patience.SECONDS)


@dataclass
class World:
    peer: Peer
    callee: Callee
    space: str

    def put(self, text: str, key: str = "k", body: bytes = b"x") -> Answer:
        headers = [("Content-Type", "text/plain")]
        allowed = self.peer.signed("PUT", self.space, key, headers, policy=text)
        pairs = [*headers, ("Authorization", allowed)]
        return self.peer.send("PUT", f"/{key}", pairs, body, host=f"{self.space}.localhost")

    def keys(self) -> list[str]:
        return [info.key for info in self.peer.do(operation.ListObjects(self.space)).objects]


@contextmanager
def worlds(folder: Path, **settings: Any) -> Iterator[World]:
    with callee() as called:
        allow = settings.pop("allow", ("127.0.0.1:{port}",))
        callbacks = Callbacks([each.format(port=called.port) for each in allow], **settings)
        with running(folder, callbacks=callbacks) as server:
            peer = Peer(server)
            yield World(peer, called, peer.space())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with worlds(tmp_path) as found:
        yield found


def test_the_answer_of_the_callee_is_the_answer_of_the_put(world: World) -> None:
    for body in (b"x", pattern(MIB)):
        got = world.put(policy.build(world.callee.url, "key=a b&size=1"), body=body)
        assert (got.status, got.body) == (200, world.callee.answer[2])
        assert got.header("Content-Type") == "application/json" and got.header("ETag")
        assert world.peer.call(operation.GetObject(world.space, "k")).body == body
        path, headers, sent = world.callee.calls.pop()
        assert (path, sent, headers["Content-Type"]) == ("/hook?a=b", b"key=a b&size=1", policy.FORM)
        assert headers["Host"] == f"127.0.0.1:{world.callee.port}"
        assert "Authorization" not in headers and "Cookie" not in headers


def test_json_and_variables(world: World) -> None:
    body = '{"a":"$(x:视)","b":"$(x:none)","c":"$(x:视)"}'
    assert world.put(policy.build(world.callee.url, body, policy.JSON, {"x:视": "é $(x:none)"})).status == 200
    _, headers, sent = world.callee.calls.pop()
    assert sent.decode() == '{"a":"é $(x:none)","b":"$(x:none)","c":"é $(x:none)"}'
    assert headers["Content-Type"] == "application/json"


def test_finish_and_form(world: World) -> None:
    text = policy.build(world.callee.url, "k=v")
    begun = world.peer.do(operation.InitiateUpload(world.space, "big"))
    part = world.peer.do(operation.UploadPart(world.space, "big", begun.upload_id, 0), pattern(1000))
    headers = [("Content-Type", "text/plain")]
    allowed = world.peer.signed("POST", world.space, "big", headers, policy=text)
    target = f"/big?uploadId={begun.upload_id}"
    pairs = [*headers, ("Authorization", allowed)]
    got = world.peer.send("POST", target, pairs, part.etag.encode(), host=f"{world.space}.localhost")
    assert (got.status, got.body) == (200, world.callee.answer[2]) and got.header("ETag")
    assert got.header("Content-Type") == "application/json"
    allowed = world.peer.signed("POST", world.space, "form", headers, policy=text)
    form = fields_of(("FileName", "form"), ("Authorization", allowed)) + file_of(b"x")
    assert post(world.peer, world.space, form).body == world.callee.answer[2]
    assert world.keys() == ["big", "form"] and len(world.callee.calls) == 2


def test_a_policy_that_was_not_signed(world: World) -> None:
    good, other = policy.build(world.callee.url, "a"), policy.build(world.callee.url, "b")
    allowed = world.peer.signed("PUT", world.space, "k", policy=good)
    for changed in (allowed.replace(good, other), allowed.rpartition(":")[0], allowed + "x"):
        got = world.peer.send("PUT", "/k", [("Authorization", changed)], b"x", host=f"{world.space}.localhost")
        assert got.refusal() == (401, -148658, "invalid signature")
    assert world.keys() == [] and world.callee.calls == []


def encoded(text: str | bytes) -> str:
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def test_malformed_policies_store_nothing(world: World) -> None:
    def said(**fields: Any) -> str:
        return encoded(json.dumps({"callbackUrl": world.callee.url, "callbackBody": "x", **fields}))

    for text in (
        "x",
        "a=b",
        "%%%",
        "====",
        encoded("{"),
        encoded(b"\xff\xfe"),
        encoded("[]"),
        encoded("null"),
        encoded("[" * 3000),
        encoded("{}"),
        encoded('{"callbackUrl":"http://x/"}'),
        said(callbackUrl=""),
        said(callbackUrl=5),
        said(callbackUrl="ftp://example.com/"),
        said(callbackUrl="example.com"),
        said(callbackUrl="http://"),
        said(callbackUrl="http://user:password@example.com/"),
        said(callbackUrl="http://example.com\\@127.0.0.1/"),
        said(callbackUrl="http://example.com/a b"),
        said(callbackUrl="http://example.com/\r\nX: y"),
        said(callbackUrl="http://example.com:99999/"),
        said(callbackUrl="http://[::1/"),
        said(callbackBody=None),
        said(callbackBody={}),
        said(callbackBody="\ud800"),
        said(callbackBodyType="text/html"),
        said(callbackBodyType="application/json;\r\nX: y"),
        said(callbackBodyType=1),
        said(callbackVar=[]),
        said(callbackVar={"x:a": 1}),
        said(callbackBody="$(x:a)" * 300, callbackVar={"x:a": "y" * 800}),
        said(callbackBody="y" * 4096),
    ):
        got = world.put(text)
        assert got.refusal()[:2] == (400, -148660), text
        form = fields_of(
            ("FileName", "k"),
            (
                "Authorization",
                world.peer.signed("POST", world.space, "k", [("Content-Type", "text/plain")], policy=text),
            ),
        )
        assert post(world.peer, world.space, form + file_of(b"x")).refusal()[:2] == (400, -148660), text
    assert world.keys() == [] and world.callee.calls == []


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "answer",
    (
        (500, JSON, b"{}"),
        (404, JSON, b"{}"),
        (302, {**JSON, "Location": "http://127.0.0.1:{port}/other"}, b"{}"),
        (200, {"Content-Type": "text/html"}, b"{}"),
        (200, {}, b"{}"),
        (204, {"Content-Length": "0"}, b""),
        (200, JSON, b""),
        (200, JSON, b"{"),
        (200, JSON, b"\xff"),
        (200, JSON, b"[" * 20000),
        (200, JSON, b'"' + b"x" * 64 * 1024 + b'"'),
        (200, {**JSON, "Content-Encoding": "gzip"}, b"{}"),
        (200, {**JSON, "Content-Length": "100"}, b"{}"),
    ),
    ids=range(13),
)
def test_a_callee_that_answers_something_else(world: World, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    world.callee.answer = answer
    got = world.put(policy.build(world.callee.url, "x"))
    assert got.refusal()[:2] == (502, -148600) and got.refusal()[2].startswith("callback failed")
    assert world.keys() == ["k"] and len(world.callee.calls) == 1  # stored; asked once; no redirect followed
    assert "Traceback" not in caplog.text


def test_an_answer_as_long_as_allowed(world: World) -> None:
    world.callee.answer = (200, {"Content-Type": "Application/JSON; charset=utf-8"}, b'"' + b"x" * (65536 - 2) + b'"')
    assert world.put(policy.build(world.callee.url, "x")).body == world.callee.answer[2]


def test_a_callee_that_is_slow_or_not_there(tmp_path: Path) -> None:
    with worlds(tmp_path, allow=("127.0.0.1",), total=0.3) as world:
        world.callee.hold.clear()
        begun = time.monotonic()
        got = world.put(policy.build(world.callee.url, "x"))
        assert got.refusal() == (502, -148600, "callback failed: timeout") and time.monotonic() - begun < 15
        world.callee.hold.set()
        got = world.put(policy.build("http://127.0.0.1:1/", "x"), "other")
        assert got.refusal() == (502, -148600, "callback failed: no answer")
        assert world.keys() == ["k", "other"]


LOCAL = (
    *("127.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST.", "0.0.0.0"),
    *("[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[::]"),
)
#: Ways to write an IPv4 address that C libraries or Unicode's mappings understand, and an IPv6 address with a scope.
ODD = (
    *("127.1", "127.0.1", "2130706433", "0", "0177.0.0.1", "017700000001", "0x7f000001", "0x7f.1", "127.0.0.0x1"),
    *("127.0.0.01", "127.0.0.1.1", "①②⑦.0.0.1", "１２７.0.0.1", "127。0。0。1", "２１３０７０６４３３", "0ｘ7f000001"),
    *("127.0.0.1%00", "%31%32%37.0.0.1", "[::1%lo]", "[::1%251]", "[127.0.0.1]", "127.0.0.1..", ".127.0.0.1", "a..b"),
)


def test_no_way_into_the_own_network(tmp_path: Path) -> None:
    """With a real resolver and a real server: however this machine is written, it is not called."""
    others = ("--callback-allow", "other.example.com", "--callback-allow", "127.0.0.2")
    with callee() as called, start_server(tmp_path, "--no-fsync", *others) as server:
        peer = Peer(server)
        world = World(peer, called, peer.space())
        for number, host in enumerate(LOCAL):
            got = world.put(policy.build(f"http://{host}:{called.port}/", "x"), f"k{number}")
            assert got.refusal() == (502, -148600, "callback failed: address not allowed"), host
        for host in ODD:
            got = world.put(policy.build(f"http://{host}:{called.port}/", "x"), "odd")
            assert got.refusal()[0] == 400 and "callbackUrl" in got.refusal()[2], host
        assert called.calls == []
        assert world.keys() == [f"k{number}" for number in range(len(LOCAL))]  # the upload itself is stored


@pytest.mark.parametrize("place", ("127.1", "2130706433", "0", "0177.0.0.1", "127.0.0.1", "10.0.0.1"))
def test_a_socket_is_opened_to_an_allowed_address_only(place: str) -> None:
    """Whatever found the address: the library may hand a host that it takes for an address on without asking us."""
    with pytest.raises((errors.CallbackFailed, ValueError)):
        Callbacks().make_socket("example.com", (socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 80)))
    Callbacks().make_socket("example.com", (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))).close()


def test_international_names_are_called_by_their_ascii_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with worlds(tmp_path, allow=("视频.example.com",)) as world, resolving(monkeypatch, lambda: ["127.0.0.1"]):
        assert world.put(policy.build(f"http://视频.Example.com:{world.callee.port}/a%20b", "x")).status == 200
        path, headers, _ = world.callee.calls.pop()
        assert (path, headers["Host"]) == ("/a%20b", f"xn--cy2a840a.example.com:{world.callee.port}")


PUBLIC = ("8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")
PRIVATE = (
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::"),
    *("64:ff9b:1::808:808", "fec0::1", "::8.8.8.8", "100::1", "5f00::1"),
)


def test_which_addresses_are_public() -> None:
    callbacks = Callbacks()
    for given in PUBLIC:
        assert callbacks.may("example.com", 80, ipaddress.ip_address(given)), given
    for given in PRIVATE:
        assert not callbacks.may("example.com", 80, ipaddress.ip_address(given)), given


def test_what_the_operator_allows() -> None:
    callbacks = Callbacks(["Hooks.Example.com", "10.0.0.5:8080", "[::1]:99", "::2", "[fd00::1]", "name:80"])
    for host, port, address, expected in (
        ("hooks.example.com", 80, "10.0.0.1", True),
        ("HOOKS.example.com.", 81, "127.0.0.1", True),
        ("x.hooks.example.com", 80, "10.0.0.1", False),
        ("10.0.0.5", 8080, "10.0.0.5", True),
        ("anything", 8080, "10.0.0.5", True),
        ("anything", 8081, "10.0.0.5", False),
        ("::1", 99, "::1", True),
        ("::1", 98, "::1", False),
        ("x", 1, "::2", True),
        ("x", 1, "fd00::1", True),
        ("name", 80, "192.168.0.1", True),
        ("name", 443, "192.168.0.1", False),
    ):
        assert callbacks.may(host, port, ipaddress.ip_address(address)) is expected, (host, port)


@pytest.mark.parametrize(
    "text",
    ("", ":80", "a:b", "a:0", "a:70000", "http://a", "a/b", "a b", "*", "user@a", "[::1", "127.1", "[::1%lo]"),
)
def test_options_that_allow_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="not HOST or HOST:PORT"):
        Callbacks([text])


@contextmanager
def resolving(monkeypatch: pytest.MonkeyPatch, answers: Callable[[], list[str]]) -> Iterator[None]:
    async def getaddrinfo(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in answers()]

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
        yield


def test_the_address_that_was_checked_is_the_one_that_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worlds(tmp_path, allow=("hook.example.com",)) as world:
        asked: list[int] = []

        def once() -> list[str]:  # a second question would get another answer, as an attacker's server gives it
            asked.append(1)
            return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

        with resolving(monkeypatch, once):
            url = f"http://hook.example.com:{world.callee.port}/"
            assert world.put(policy.build(url, "x")).status == 200
        assert asked == [1]
        with resolving(monkeypatch, lambda: ["127.0.0.1", "10.0.0.1"]):
            got = world.put(policy.build(f"http://evil.example.com:{world.callee.port}/", "x"))
        assert got.refusal() == (502, -148600, "callback failed: address not allowed")
        assert len(world.callee.calls) == 1


def test_check_looks_nothing_up() -> None:
    callbacks = Callbacks()
    callbacks.check(policy.Policy("https://no.such.host.example.com/", b"", policy.FORM))
    with pytest.raises(errors.BadRequest):
        callbacks.check(policy.Policy("http://example.com:99999/", b"", policy.FORM))


def test_the_option_of_the_command(tmp_path: Path) -> None:
    with (
        callee() as called,
        start_server(tmp_path, "--no-fsync", "--callback-allow", f"127.0.0.1:{called.port}") as server,
    ):
        peer = Peer(server)
        world = World(peer, called, peer.space())
        assert world.put(policy.build(called.url, "x")).body == called.answer[2]
    with (
        callee() as called,
        start_server(tmp_path, "--no-fsync", env={"UVIDEO_SERVE_CALLBACK_ALLOW": "a.example.com 127.0.0.1"}) as server,
    ):
        world = World(Peer(server), called, world.space)
        assert world.put(policy.build(called.url, "x")).body == called.answer[2]
        assert "hook" not in server.log.read_text()
    with pytest.raises(RuntimeError, match="--callback-allow: 'a b' is not HOST or HOST:PORT"):
        with start_server(tmp_path, "--callback-allow", "a b"):
            pass
