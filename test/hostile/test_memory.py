"""How much memory a thousand strangers can make a server hold, attack by attack (docs/reliability.md)."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from test import patience
from test.hostile.test_sockets import memory
from test.server.wire import Peer, head
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation

CONNECTIONS = int(os.environ.get("UVIDEO_TEST_CONNECTIONS", "1000"))
MOST = 200 << 20
SECONDS = float(os.environ.get("UVIDEO_TEST_SECONDS", "8"))  # of one attack
PEM = ROOT / "test" / "data" / "tls.pem"


def fields(size: int, each: int) -> bytes:
    """The beginning of a head that never ends, of fields with values of so many bytes."""
    made = b"GET /k HTTP/1.1\r\nHost: x\r\n"
    for number in range(120):
        if len(made) + each + 12 > size:
            break
        made += b"X-%04d: %s\r\n" % (number, b"a" * each)
    return made


def call(size: int, sent: int, target: str = "/", kind: str = "application/json") -> bytes:
    pairs = [("Host", "x"), ("Content-Type", kind), ("Content-Length", str(size))]
    return head("POST", target, pairs) + b'{"Action": "' + b"a" * (sent - 12)


def form(space: str) -> bytes:
    """A form whose fields do not end, and are as long as they may be."""
    kind = ("Content-Type", "multipart/form-data; boundary=b")
    body = b'--b\r\nContent-Disposition: form-data; name="FileName"\r\n\r\n' + b"k" * 64_000
    return head("POST", "/", [("Host", f"{space}.localhost"), kind, ("Content-Length", "10000000")]) + body


def small_fields(space: str) -> bytes:
    body = b"".join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n\r\n' % at for at in range(1100))
    kind = ("Content-Type", "multipart/form-data; boundary=b")
    return head("POST", "/", [("Host", f"{space}.localhost"), kind, ("Content-Length", "10000000")]) + body


def chunks(space: str) -> bytes:
    pairs = [("Host", f"{space}.localhost"), ("Transfer-Encoding", "chunked")]
    return head("PUT", "/k", pairs) + b"1;" + b"e" * 60_000


def unread(space: str, target: str) -> bytes:
    return head("GET", target, [("Host", f"{space}.localhost")]) * 40


#: name -> (which port, what each connection sends, whether it reads)
ATTACKS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "nothing": ("data", lambda space: b""),
    "half heads of many small fields": ("data", lambda space: fields(16_000, 1)),
    "half heads of 16 KB": ("data", lambda space: fields(16_000, 900)),
    "half heads of 64 KB": ("data", lambda space: fields(64_000, 900)),
    "heads ahead of their turn, answers not read": (
        "data",
        lambda space: (fields(1_500, 300) + b"\r\n") * 4000,
    ),
    "half a call of 64 KiB": ("data", lambda space: call(65_000, 64_000)),
    "half a call of 1 MiB": ("data", lambda space: call(1_000_000, 990_000)),
    "forms of one long field": ("data", form),
    "forms of many fields": ("data", small_fields),
    "unsigned uploads": (
        "data",
        lambda space: head("PUT", "/k", [("Host", f"{space}.localhost"), LONG]) + bytes(300_000),
    ),
    "unsigned uploads that wait": (
        "data",
        lambda space: head("PUT", "/k", [("Host", f"{space}.localhost"), LONG, ("Expect", "100-continue")]),
    ),
    "an endless chunk extension": ("data", chunks),
    "public objects of 200 KB, not read": ("data", lambda space: unread(space, "/small")),
    "public objects of 4 MB, not read": ("data", lambda space: unread(space, "/large")),
    "console: half heads": ("admin", lambda space: fields(16_000, 1)),
    "console: heads of 64 KB": ("admin", lambda space: fields(64_000, 900)),
    "console: half a sign-in": ("admin", lambda space: call(16_000, 15_900, "/api/session")),
    "console: uploads to nowhere": ("admin", lambda space: call(10_000_000, 300_000, "/api/upload")),
    "console: pages, not read": ("admin", lambda space: head("GET", "/console.js", [("Host", "x")]) * 400),
    "console: metrics, not read": ("admin", lambda space: head("GET", "/metrics", [("Host", "x")]) * 400),
    "TLS: half heads": ("tls", lambda space: fields(16_000, 1)),
    "TLS: public objects of 4 MB, not read": ("tls", lambda space: unread(space, "/large")),
}
LONG = ("Content-Length", "10000000")


@pytest.mark.soak
@pytest.mark.parametrize("name", ATTACKS)
def test_a_thousand_strangers(tmp_path: Path, name: str) -> None:
    kind, request = ATTACKS[name]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    options = ("--tls-cert", str(PEM), "--tls-key", str(PEM)) if kind == "tls" else ()
    with start_server(tmp_path, "--no-fsync") as server:
        space = prepared(server)
    with start_server(tmp_path, "--no-fsync", *options) as server:
        before = memory(server.pid)
        with contextlib.ExitStack() as stack:
            attack(stack, server.admin_port if kind == "admin" else server.port, request(space), kind == "tls")
            peak = server.peak_memory()
        line = f"| {name} | {before >> 20} MiB | {peak >> 20} MiB |"
        print("\n" + line)
        if os.environ.get("UVIDEO_TEST_TABLE"):
            with open(os.environ["UVIDEO_TEST_TABLE"], "a", encoding="utf-8") as table:
                table.write(line + "\n")
        assert peak < MOST
        assert "Traceback" not in server.log.read_text()


def prepared(server: Server) -> str:
    """A space with objects that everybody may read."""
    peer = Peer(server)
    space = peer.space()
    for key, size in (("small", 200_000), ("large", 4_000_000)):
        peer.do(operation.PutObject(space, key, acl="public-read"), bytes(size))
    return space


def attack(stack: contextlib.ExitStack, port: int, data: bytes, tls: bool, connections: int = CONNECTIONS) -> None:
    """So many connections that send as much of it as is taken, and read nothing."""
    looking = stack.enter_context(selectors.DefaultSelector())
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for _ in range(connections):
        sock = stack.enter_context(socket.socket())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(patience.SECONDS)
        with contextlib.suppress(OSError):
            sock.connect(("127.0.0.1", port))
            if tls:
                sock = stack.enter_context(context.wrap_socket(sock))
            sock.setblocking(False)
            looking.register(sock, selectors.EVENT_WRITE, [memoryview(data)])
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for key, _ in looking.select(0.1):
            left = key.data
            try:
                left[0] = left[0][key.fileobj.send(left[0][:65536]) :]  # type: ignore[union-attr]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                continue
            except OSError:
                left[0] = left[0][:0]
            if not left[0]:
                looking.unregister(key.fileobj)
