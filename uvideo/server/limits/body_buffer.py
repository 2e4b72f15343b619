"""Buffers between a request's body and the store: in memory within the budget, on the disk if the client stalls."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from uvideo._core import errors
from uvideo.server.limits.body_spool import Spool
from uvideo.server.limits.disk_headroom import announce
from uvideo.server.limits.memory_budget import Memory, Share
from uvideo.storage.base import BlobWriter

__all__ = ["Body", "WholeBody", "pour", "pour_blocks"]

T = TypeVar("T")


class Body(Protocol):
    """The bulk bytes of a request, read once and in order."""

    #: The announced length in bytes; None if it is unknown.
    length: int | None

    async def chunk(self) -> bytes:
        """The next bytes, b"" at the end.  Raises if the client disconnects or sends fewer bytes than announced."""

    def read_at_once(self, size: int) -> None:
        """Limit ``chunk`` to about this many bytes."""


async def pour(blob: BlobWriter, first: list[bytes], body: Body, share: Share, count: Callable[[bytes], None]) -> None:
    """Write ``first`` and the rest of the body.  While one batch is written, the next one is read and counted."""
    batches = _Batches(blob, share, first)
    try:
        while data := await body.chunk():
            count(data)
            share.moved += len(data)
            batches.add(data)
            if batches.size >= share.batch:
                await batches.wait()
                batches.flush()
                if not share.batch:
                    await batches.wait()
            del data  # while it waits it must hold only counted bytes
        await batches.wait()
        batches.flush()
        await batches.wait()
    except BaseException:
        await batches.stop()  # the caller discards the writer, which must not be writing then
        raise


async def pour_blocks(
    writer: BlobWriter,
    first: list[bytes],
    body: Body,
    memory: Memory,
    spool: Callable[[], Spool],
    count: Callable[[bytes], None],
) -> None:
    """As ``pour``, for a writer that holds bytes until it has a block of them.

    A block is buffered like a part, so it moves to the disk if the client stalls.  It keeps its share until it is
    stored.
    """
    source = _Source(first, body, count)
    length = writer.block if body.length is None else min(writer.block, body.length)
    storing: asyncio.Future[None] | None = None
    try:
        while await source.has_more():
            with contextlib.ExitStack() as stack:
                block = WholeBody(memory, stack.enter_context(memory.share(body)), spool, length)
                stack.callback(block.close)
                await block.come(source.of(length), lambda size: None)
                if storing is not None:
                    await storing
                storing = asyncio.ensure_future(_store_block(writer, block, stack.pop_all()))
        if storing is not None:
            await storing
    except BaseException:
        if storing is not None:
            await asyncio.gather(storing, return_exceptions=True)
        raise


async def _store_block(writer: BlobWriter, block: WholeBody, held: contextlib.ExitStack) -> None:
    async def store(chunks: Sequence[bytes]) -> None:
        await writer.write(chunks)
        await writer.settle()

    with held:
        if block.size:
            await block.store(store)


class _Source:
    """A body in blocks.  Each block is a Body itself; read it to its end before the next one."""

    def __init__(self, first: list[bytes], body: Body, count: Callable[[bytes], None]) -> None:
        self._body, self._count = body, count
        self._rest = b"".join(first)
        first.clear()
        self._left = 0
        self.length: int | None = None

    async def has_more(self) -> bool:
        if not self._rest:
            self._rest = await self._body.chunk()
            self._count(self._rest)
        return bool(self._rest)

    def of(self, length: int) -> _Source:
        """The next ``length`` bytes."""
        self.length = self._left = length
        return self

    def read_at_once(self, size: int) -> None:
        self._body.read_at_once(size)

    async def chunk(self) -> bytes:
        if not self._left or not await self.has_more():
            return b""
        data = self._rest
        piece, self._rest = data[: self._left], data[self._left :]
        self._left -= len(piece)
        return piece


class _Batches:
    """Two batches of bytes: one is being written, the other one is being read.  ``size``: bytes of the latter."""

    def __init__(self, writer: BlobWriter, share: Share, first: list[bytes]) -> None:
        self._writer, self._share = writer, share
        self._batch, self.size = list(first), sum(map(len, first))
        first.clear()  # otherwise the caller holds them until the end
        self._writing: asyncio.Future[Any] | None = None
        self._context = contextvars.copy_context()  # the written bytes count for the request
        share.stalled = self.stalled

    def add(self, data: bytes) -> None:
        self._batch.append(data)
        self.size += len(data)

    def flush(self) -> None:
        """Begin to write the batch.  The one before must be written."""
        if self._batch:
            batch, self._batch, self.size = self._batch, [], 0
            self._writing = self._context.copy().run(asyncio.ensure_future, self._writer.write(batch))

    async def wait(self) -> None:
        """Wait until nothing is being written, also if ``stalled`` began another write meanwhile."""
        while self._writing is not None:
            writing = self._writing
            await writing
            if self._writing is writing:
                self._writing = None

    async def stop(self) -> None:
        self._share.stalled = None
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    def stalled(self) -> None:
        """The client sends nothing: write the batch, and give the share back."""
        if self._writing is not None and not (self._writing.done() and not self._failed(self._writing)):
            return
        self.flush()
        if self._writing is None or self._writing.done():
            self._share.shrink()
        else:
            self._writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[Any]) -> None:
        if not self._batch and not self._failed(writing):
            self._share.shrink()

    def _failed(self, writing: asyncio.Future[Any]) -> bool:
        return writing.cancelled() or writing.exception() is not None


class WholeBody:
    """A whole body: in memory if there is room, in a spool otherwise or if the client stalls.

    ``length``: its greatest length in bytes.  ``spool``: makes a spool.
    """

    def __init__(self, memory: Memory, share: Share, spool: Callable[[], Spool], length: int) -> None:
        self._memory, self._share, self._make_spool, self._length = memory, share, spool, length
        self._chunks = list[bytes]()
        self._spool: Spool | None = None
        self._spilling: asyncio.Future[None] | None = None
        self._context = contextvars.copy_context()
        self.size = 0

    async def come(self, body: Body, check: Callable[[int], None]) -> None:
        """Read the whole body.  ``check``: is given the size so far, and raises if it is too large."""
        if await self._share.whole(self._length):
            self._share.stalled = self._stalled
        else:
            self._share.shrink()  # the block before may have had room for large reads
            self._open_spool()
            self._share.stalled = self._share.shrink
        try:
            while data := await body.chunk():
                self.size += len(data)
                check(self.size)
                self._share.moved += len(data)
                if self._spilling is not None:
                    await self._spilled()
                if self._spool is None:
                    self._chunks.append(data)
                else:
                    await self._spool.write(data)
                del data
        finally:
            self._share.stalled = None
            if self._spilling is not None:
                await self._spilled()

    async def store(self, store: Callable[[Sequence[bytes]], Awaitable[T]]) -> T:
        """Give the body to ``store``, and return its result."""
        if self._spool is None:
            return await store(self._chunks)
        async with self._memory.places:
            return await store(await self._spool.read())

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def _open_spool(self) -> Spool:
        """Unavailable if the disk has no room: the bytes will be on it twice, in the spool and in the store."""
        announce(self._length)
        self._spool = self._make_spool()
        return self._spool

    def _stalled(self) -> None:
        if self._spilling is None:
            self._spilling = self._context.copy().run(asyncio.ensure_future, self._spill())

    async def _spill(self) -> None:
        """Move the bytes so far to the disk.  If that is full they stay in memory."""
        try:
            spool = self._open_spool()
        except errors.Unavailable:
            return
        for chunk in self._chunks:
            await spool.write(chunk)
        self._chunks.clear()
        self._share.shrink()
        self._share.stalled = self._share.shrink

    async def _spilled(self) -> None:
        spilling, self._spilling = self._spilling, None
        if spilling is not None:
            await spilling
