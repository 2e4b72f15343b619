"""The boxes do what they are here for, seen without any client of ours."""

from __future__ import annotations

import socket
import uuid
from urllib.parse import urlsplit

import pytest

from test import patience
from test.proxies.boxes import BOXES
from test.proxies.world import World, direct

pytestmark = pytest.mark.proxies

#: How many requests on one connection, and what is in the answers to them.
MARKS = {
    "nginx": (3, b"Connection: close"),
    "haproxy, 103": (1, b"HTTP/1.1 103 "),
    "apache, chunks": (1, b"Transfer-Encoding: chunked"),
    "apache, HTTP/1.0": (1, b"HTTP/1.0 200 "),
    "squid": (1, b"(squid/"),
    "tinyproxy": (1, b"(tinyproxy/"),
    "apache, forward": (1, b"Via: 1.1 "),
}


@pytest.mark.parametrize("name", [pytest.param(each, marks=pytest.mark.xdist_group(each)) for each in MARKS])
def test_a_box_leaves_its_mark(name: str, world: World) -> None:
    count, mark = MARKS[name]
    content, key = b"0123456789" * 100_000, uuid.uuid4().hex
    with direct(world.plain, world.certificate) as client:
        client.put(world.space, key, content)
        link = urlsplit(client.presign(world.space, key))
    with BOXES[name].start(world) as way:
        host = urlsplit(way.endpoint).netloc
        target = f"{link.path}?{link.query}"
        if way.proxy is not None:
            target = way.endpoint + target
        last = b"Connection: close\r\n" if count == 1 else b""
        request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n".encode() + last + b"\r\n"
        with socket.create_connection(("127.0.0.1", way.port), patience.SECONDS) as connected:
            answers = b""
            for _ in range(count):
                connected.sendall(request)
                answers += connected.recv(65536)
            while data := connected.recv(65536):
                answers += data
    assert mark in answers, answers[:1000]
    assert answers.count(b"0123456789") >= len(content) // 10 * 9 // 10  # chunks may part some
