"""The private names of aiohttp and asyncio that the server uses, all in one module, and what each must mean.

They are kept because nothing public bounds what a connection holds before its head is complete.  A new version of
aiohttp or Python that lacks one, or takes a name of ours, fails here.
"""

from __future__ import annotations

import ast
import asyncio
import ssl
from asyncio import sslproto
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import StreamReader, web

import uvideo
from uvideo.server.http.connection import QUEUED, Server, ServerConnection, beneath
from uvideo.server.http.exchange import Disconnected, Exchange
from uvideo.server.ops.metrics import Metrics

#: Of RequestHandler: read, but for the two that bound how many heads are parsed ahead.
OF_HANDLER = {"_close", "_force_close", "_max_msg_queue_size", "_messages", "_msg_queue_resume_size", "_request_count"}
OF_STREAM = {"_high_water", "_low_water"}  # set: the public way can only raise them
OF_TRANSPORT = {"_ssl_protocol", "_transport"}  # of asyncio: where TLS writes what it has encrypted
PLACE = "server/http/connection.py"


def foreign(source: str) -> set[str]:
    """Private names of objects that a source uses and does not make itself, but for those of a named tuple."""
    used, own = set[str](), {"_replace", "_fields"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            is_own = isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"
            (own if is_own else used).add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            own.add(node.name)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            used.update(
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )
    return {name for name in used - own if name[:1] == "_" and name[:2] != "__"}


def modules_with_aiohttp() -> dict[str, str]:
    root = Path(uvideo.__file__).parent
    found = {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in root.rglob("*.py")}
    return {name: source for name, source in found.items() if "aiohttp import" in source}


def made(cls: type) -> set[str]:
    return {name for each in cls.__mro__ for name in getattr(each, "__slots__", ())}


def test_no_other_private_name_is_used() -> None:
    assert foreign("a._b = 1\nself._c = self._d\ngetattr(e, '_f')") == {"_b", "_d", "_f"}
    sources = modules_with_aiohttp()
    queue = {"_max_msg_queue_size", "_msg_queue_resume_size"}  # the module sets these of itself, so they look its own
    assert foreign(sources.pop(PLACE)) | queue == OF_HANDLER | OF_STREAM | OF_TRANSPORT
    inherited = made(web.RequestHandler) | made(web.StreamResponse) | made(StreamReader)
    assert {name: foreign(source) & inherited for name, source in sources.items() if foreign(source) & inherited} == {}


def test_aiohttp_still_has_them_and_they_mean_what_we_take_them_for() -> None:
    async def look() -> None:
        server = Server(lambda request: asyncio.sleep(0, web.Response()), Metrics(0.0))
        connection, other = server(), server()
        assert made(web.RequestHandler) >= OF_HANDLER and made(StreamReader) >= OF_STREAM
        assert connection._max_msg_queue_size == QUEUED
        assert connection._messages == deque() and connection._request_count == 0
        assert not connection._is_closing() and not other._is_closing()
        connection.close()
        other.force_close()
        assert connection._is_closing() and other._is_closing()
        body = StreamReader(connection, 64 * 1024, loop=asyncio.get_running_loop())
        connection.read_at_once(body, 1000)
        assert body.get_read_buffer_limits() == (500, 1000)

    asyncio.run(look())


def test_no_name_of_ours_is_one_of_theirs() -> None:
    """Else a connection would change what aiohttp keeps in the same place."""
    tree = ast.parse(modules_with_aiohttp()[PLACE])
    ours = {
        node.attr
        for cls in tree.body
        if isinstance(cls, ast.ClassDef) and cls.name == ServerConnection.__name__
        for node in ast.walk(cls)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    assert len(ours) > 10
    assert ours & made(web.RequestHandler) == {"_max_msg_queue_size", "_msg_queue_resume_size"}


def test_asyncio_still_has_where_tls_writes() -> None:
    class Wire(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None: ...

        def is_closing(self) -> bool:
            return False

        def abort(self) -> None: ...

        def close(self) -> None: ...

    async def look() -> None:
        loop, wire = asyncio.get_running_loop(), Wire()
        protocol = sslproto.SSLProtocol(loop, asyncio.Protocol(), ssl.create_default_context(), loop.create_future())
        protocol.connection_made(wire)
        transport = protocol._app_transport or protocol._get_app_transport()  # 3.10 makes it at once
        try:
            assert beneath(transport) is wire
            assert beneath(wire) is wire
        finally:
            transport.close()

    asyncio.run(look())


def test_a_lost_connection_may_have_any_cause() -> None:
    """Its transport gives the body what ended it: an error of our own program only while the connection is there."""

    async def look() -> None:
        connection = Server(lambda request: asyncio.sleep(0, web.Response()), Metrics(0.0))()
        body = StreamReader(connection, 64 * 1024, loop=asyncio.get_running_loop())
        body.set_exception(RuntimeError("data_received() failed"))
        parts = {"headers": {}, "protocol": connection, "content": body, "body_exists": False}
        for transport, expected in ((None, Disconnected), (object(), RuntimeError)):
            with pytest.raises(expected):
                await Exchange(cast(Any, SimpleNamespace(transport=transport, **parts))).chunk()

    asyncio.run(look())
