"""A TCP proxy that is a bad network: slow, far away, and now and then it resets a connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from test import patience

PIECE = 16 * 1024


@dataclass
class Network:
    """One address on 127.0.0.1 that leads to ``upstream``.

    ``rate``: bytes a second in each direction, for all connections together.  ``latency``: seconds that a byte and its
    answer are on their way.  ``resets``: after how many bytes of both directions the connection that carries them is
    reset, one time each; ``reset`` counts those that were.  ``passed``: bytes to the server, and to the client.
    """

    upstream: tuple[str, int]
    rate: float
    latency: float
    resets: list[int]
    port: int = 0
    reset: int = 0
    passed: list[int] = field(default_factory=lambda: [0, 0])
    _free: list[float] = field(default_factory=lambda: [0.0, 0.0])

    async def serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=4 * PIECE)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(*self.upstream, limit=4 * PIECE)
        ways = [
            asyncio.ensure_future(self._carry(0, reader, there[1], writer)),
            asyncio.ensure_future(self._carry(1, there[0], writer, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, there[1]):
            end.close()

    async def _carry(
        self,
        way: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        road: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        arriving = asyncio.ensure_future(self._arrive(way, road, writer))
        try:
            clock = asyncio.get_running_loop().time
            while data := await reader.read(PIECE):
                self._free[way] = max(self._free[way], clock()) + len(data) / self.rate
                self.passed[way] += len(data)
                if self.resets and sum(self.passed) >= self.resets[0]:
                    self.resets.pop(0)
                    self.reset += 1
                    linger = struct.pack("ii", 1, 0)
                    client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    client.transport.abort()
                    return
                await road.put((self._free[way] + self.latency / 2, data))
            await road.put((0.0, b""))
            await arriving
        finally:
            arriving.cancel()

    async def _arrive(self, way: int, road: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            when, data = await road.get()
            while (left := when - clock()) > 0:
                await asyncio.sleep(min(left, 0.1))
            if not data:
                return
            writer.write(data)
            await writer.drain()


@contextlib.contextmanager
def bad_network(host: str, port: int, rate: float, latency: float, resets: list[int]) -> Iterator[Network]:
    """The Network while it runs, in a thread of its own."""
    network = Network((host, port), rate, latency, list(resets))
    ready, loop = threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(network.serve(ready, over))
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(patience.SECONDS)
        yield network
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
