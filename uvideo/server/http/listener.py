"""Accepts connections, and reads the PROXY protocol header of a trusted proxy, which comes before TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from functools import partial
from typing import Protocol

from uvideo.server.http import proxy_protocol
from uvideo.server.http.connection import Server, ServerConnection, address_of

__all__ = ["Listener", "answer_on"]

PAUSE = 1.0  # seconds after a failed accept, as in asyncio


class Listener(Protocol):
    def close(self) -> None:
        """Stop accepting, and close the socket."""


async def answer_on(
    sock: socket.socket, server: Server, tls: ssl.SSLContext | None, at_once: int, *, only_s3: bool = False
) -> Listener:
    """Serve the connections of a listening socket.  ``at_once``: connections accepted in one turn of the loop.

    ``only_s3``: every request is one of the S3 dialect.
    It keeps the socket's backlog.  asyncio's server would set it to ``at_once`` for all processes with this socket.
    """
    if sys.platform == "win32":  # asyncio cannot wait for MSG_PEEK there
        made = partial(_made, server, only_s3)
        return await asyncio.get_running_loop().create_server(made, sock=sock, ssl=tls, backlog=at_once)
    return _Arrivals(sock, server, tls, at_once, only_s3)


def _made(server: Server, only_s3: bool) -> ServerConnection:
    """A new connection."""
    connection = server()
    connection.only_s3 = only_s3
    return connection


class _Arrivals:
    """Accepts connections and gives them to asyncio, which cannot read a header before TLS."""

    def __init__(
        self, sock: socket.socket, server: Server, tls: ssl.SSLContext | None, at_once: int, only_s3: bool
    ) -> None:
        self._sock, self._server, self._tls, self._at_once, self._only_s3 = sock, server, tls, at_once, only_s3
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._resume()

    def close(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _resume(self) -> None:
        self._loop.add_reader(self._sock, self._take)

    def _take(self) -> None:
        for _ in range(self._at_once):
            try:
                taken, peer = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as failure:
                self._loop.call_exception_handler({"message": "cannot accept connections", "exception": failure})
                self._loop.remove_reader(self._sock)
                self._resuming = self._loop.call_later(PAUSE, self._resume)
                return
            taken.setblocking(False)
            task = self._loop.create_task(self._begin(taken, address_of(peer)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _begin(self, taken: socket.socket, peer: str | None) -> None:
        """Find the client's address, then give the connection to the server.  Closes a broken or malformed one."""
        with contextlib.suppress(OSError, asyncio.TimeoutError, proxy_protocol.MalformedProxyHeader):
            connection = _made(self._server, self._only_s3)
            try:
                if self._server.proxies.trusts(peer) and not self._server.is_crowded:  # else refused at once
                    connection.introduction = asyncio.current_task()
                    connection.said = await self._introduction(taken)
                    connection.introduction = None
                await self._loop.connect_accepted_socket(lambda: connection, taken, ssl=self._tls)
            except BaseException:
                self._server.expected.discard(connection)
                taken.close()
                raise

    async def _introduction(self, taken: socket.socket) -> str | None:
        """The client's address from a trusted proxy, as ``proxy_protocol.address``.  Reads no byte after the header."""
        self._server.came("")
        try:
            return await asyncio.wait_for(self._read(taken), self._server.keep_alive)
        finally:
            self._server.went("")

    async def _read(self, taken: socket.socket) -> str | None:
        seen, size = b"", 1
        while True:
            await self._readable(taken, size)
            before, seen = seen, taken.recv(proxy_protocol.LIMIT, socket.MSG_PEEK)
            if seen == before:  # no more bytes: the server handles the end
                return None
            found = proxy_protocol.size(seen)
            if found is None:
                return None
            if found <= len(seen):
                return proxy_protocol.address(taken.recv(found))
            size = found

    async def _readable(self, taken: socket.socket, size: int) -> None:
        """Wait until ``size`` bytes can be read, or the connection ends."""
        is_readable = asyncio.Event()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)  # otherwise peeked bytes wake us repeatedly
        self._loop.add_reader(taken, is_readable.set)
        try:
            await is_readable.wait()
        finally:
            self._loop.remove_reader(taken)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
