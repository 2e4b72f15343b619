"""Sends requests that were made before, each once, and reads the answers: the same client for every server.

python -m bench.s3_client PORT CONNECTIONS FILE [BODY]

FILE has the requests as ``bench.load.save`` writes them.  BODY: a file whose bytes follow each head.  It prints
{"seconds": of the wall clock, "cpu": seconds of this process}.  A server may close the connection after an answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import IO

PIECE = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def requests_of(path: Path) -> list[bytes]:
    data, found, at = path.read_bytes(), list[bytes](), 0
    while at < len(data):
        end = data.index(b"\n", at)
        size = int(data[at:end])
        found.append(data[end + 1 : end + 1 + size])
        at = end + size + 2
    return found


class Answer:
    """The bytes of one answer, as they arrive.  RuntimeError unless its status is 2xx.

    ``is_last``: whether the server closes the connection.
    """

    def __init__(self, is_head: bool) -> None:
        self._is_head = is_head
        self._head, self._left = b"", -1  # bytes of the body to come; -1: the head is not complete, -2: until its end
        self._tail = b""
        self.is_last = False

    @property
    def is_empty(self) -> bool:
        """Whether no byte of it has arrived."""
        return self._left == -1 and not self._head

    def add(self, data: memoryview) -> bool:
        """Whether the answer is complete."""
        if self._left == -1:
            self._head += data
            head, mark, body = self._head.partition(b"\r\n\r\n")
            if not mark:
                return False
            if not head.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
                raise RuntimeError(self._head[:2000].decode("latin-1"))
            length = _LENGTH.search(head)
            self.is_last = b"\r\nconnection: close" in head.lower()
            bodiless = self._is_head or head[9:12] == b"204"
            self._left = 0 if bodiless else int(length[1]) if length is not None else -2
            data = memoryview(body)
        if self._left == -2:  # in chunks
            self._tail = (self._tail + data)[-7:]
            return self._tail.endswith(b"\r\n0\r\n\r\n")
        self._left -= len(data)
        return self._left <= 0


class Connection(asyncio.BufferedProtocol):
    def __init__(self, client: Client) -> None:
        self._client = client
        self._buffer = memoryview(bytearray(PIECE))
        self._answer: Answer | None = None
        self._is_last = False  # whether the server closes the connection
        self._request = b""
        self._sending: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._next()

    def _next(self) -> None:
        if not self._client.requests or self._is_last:
            self._transport.close()
            return
        self._request = self._client.requests.popleft()
        self._answer = Answer(self._request.startswith(b"HEAD "))
        self._transport.write(self._request)
        if self._client.body is not None:
            sending = asyncio.get_running_loop().sendfile(self._transport, self._client.body, 0)
            self._sending = asyncio.ensure_future(sending)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        assert self._answer is not None
        try:
            if self._answer.add(self._buffer[:nbytes]):
                self._is_last = self._answer.is_last
                self._answer = None
                if self._sending is None:
                    self._next()
                else:
                    self._sending.add_done_callback(lambda _: self._next())
                    self._sending = None
        except Exception as failure:
            self._client.end(failure)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is None:
            self._client.closed(b"")
        elif self._answer.is_empty and self._client.body is None:  # the server closed it after the answer before
            self._client.closed(self._request)
        else:
            self._client.end(RuntimeError(f"the connection was closed before the answer: {self._request[:200]!r}"))


class Client:
    """``requests``: those that are not sent yet."""

    def __init__(self, port: int, requests: Iterable[bytes], body: IO[bytes] | None) -> None:
        self._port, self.requests, self.body = port, deque(requests), body
        self._over = asyncio.get_running_loop().create_future()
        self._open = 0

    async def run(self, connections: int) -> None:
        self._open = connections
        for _ in range(connections):
            await self._connect()
        await self._over

    async def _connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: Connection(self), "127.0.0.1", self._port)

    def closed(self, unanswered: bytes) -> None:
        """A connection has ended.  If requests are left, the server closed it."""
        if unanswered:
            self.requests.appendleft(unanswered)
        if self.requests:
            asyncio.ensure_future(self._connect())
            return
        self._open -= 1
        if not self._open:
            self.end(None)

    def end(self, failure: Exception | None) -> None:
        if self._over.done():
            return
        if failure is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(failure)


async def main(port: str, connections: str, path: str, body: str = "") -> None:
    requests = requests_of(Path(path))
    file = open(body, "rb") if body else None
    began, cpu = time.perf_counter(), time.process_time()
    await Client(int(port), requests, file).run(int(connections))
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
