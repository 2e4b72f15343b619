"""Connections passed on byte for byte to one of several places in turn, until they are cut."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Iterator

from test import patience

__all__ = ["Relay", "start_relay"]

PIECE = 256 * 1024


class Relay:
    """``port``: where it listens, on 127.0.0.1.  Its methods are safe to call from any thread."""

    def __init__(self, *upstreams: int, host: str = "127.0.0.1") -> None:
        self.port = 0
        self.accepted = 0
        self._host = host
        self._turns = itertools.cycle(upstreams)
        self._count = len(upstreams)
        self._is_cut = self._is_mute = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Future[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._on_loop(asyncio.start_server(self._begin, "127.0.0.1", 0, limit=PIECE))
        self.port = self._server.sockets[0].getsockname()[1]

    def _on_loop(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(patience.SECONDS)

    def cut(self) -> None:
        """Break every connection, and each that comes, at once."""
        self._is_cut = True
        self._on_loop(self._drop())

    def mute(self) -> None:
        """Pass on nothing more, but keep the connections and take new ones: a network that swallows everything."""
        self._is_mute = True

    def mend(self) -> None:
        """Pass on new connections again; those that were muted are broken."""
        self._is_cut = self._is_mute = False
        self._on_loop(self._drop())

    def close(self) -> None:
        self._on_loop(self._refuse())
        self._is_mute = False
        self.cut()
        self._on_loop(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(patience.SECONDS)
        self._loop.close()

    async def _refuse(self) -> None:
        self._server.close()  # by its own thread, as a connection that ends meanwhile looks at it too

    async def _drop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A task of our own: asyncio logs an error where one of its own is cancelled."""
        task = asyncio.ensure_future(self._connected(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        try:
            while self._is_mute:
                await asyncio.sleep(0.05)
            if self._is_cut:
                return
            upstream = await self._dial()
            if upstream is not None:
                await self._pair(reader, writer, *upstream)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the next that takes connections."""
        for _ in range(self._count):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(self._host, next(self._turns), limit=PIECE)
        return None

    async def _pair(self, reader, writer, upstream, onward) -> None:
        self._writers.add(onward)
        ways = [asyncio.ensure_future(self._pump(*way)) for way in ((reader, onward), (upstream, writer))]
        try:
            await asyncio.wait(ways)
        finally:
            for way in ways:
                way.cancel()
            self._writers.discard(onward)
            onward.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(PIECE):
                while self._is_mute:
                    await asyncio.sleep(0.05)
                target.write(data)
                await target.drain()
            target.write_eof()
            return
        target.transport.abort()


@contextlib.contextmanager
def start_relay(*upstreams: int, host: str = "127.0.0.1") -> Iterator[Relay]:
    """``upstreams``: ports of the host."""
    relay = Relay(*upstreams, host=host)
    try:
        yield relay
    finally:
        relay.close()
