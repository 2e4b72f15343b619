"""Free space kept on the disk.  An upload is admitted only if all announced bytes fit."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

from uvideo._core import errors, localfile
from uvideo.server.ops.shared_gauge import Level
from uvideo.storage.base import Blobs, BlobWriter, PartSlot
from uvideo.storage.wrapper import Wrapper, wrapped

__all__ = ["Headroom", "announce", "kept_free"]

T = TypeVar("T")


class Headroom:
    """Keeps ``least`` bytes of the folder's disk free.

    A request announces how many bytes it will write.  They are reserved until they are written or the request ends.
    Bytes that were not announced (a body in chunks) are reserved piece by piece as they are written, so they never use
    the reservation of another request.

    The catalog and other programs use up the headroom as they grow.  So announced bytes are still written until half
    of the headroom is used up.

    ``reserved``: bytes reserved by all workers.  Each worker first adds its bytes and then compares the sum.  So no
    lock is needed: of two simultaneous requests both may be refused, but never too many are admitted.
    """

    def __init__(self, folder: Path, least: int, reserved: Level | None = None) -> None:
        self._folder, self._least = folder, least
        self.reserved = reserved or Level()

    def change(self, least: int) -> None:
        """Set another number of bytes to keep free."""
        self._least = least

    def has(self, size: int) -> bool:
        """Whether ``size`` more bytes can be announced."""
        return self._free() - self.reserved.total - size >= self._least

    def check(self, size: int) -> None:
        """Unavailable if ``size`` more bytes cannot be announced."""
        if not self.has(size):
            raise _nearly_full()

    @contextlib.contextmanager
    def announced(self, size: int) -> Iterator[None]:
        """Reserve bytes for a request while the block runs.  Unavailable if there is no room.

        Within the block ``announce`` adds to the reservation, and ``taking`` uses it up.
        """
        request = _Request(self)
        request.announce(size)
        token = _request.set(request)
        try:
            yield
        finally:
            _request.reset(token)
            request.end()

    @contextlib.contextmanager
    def taking(self, size: int) -> Iterator[None]:
        """Wrap a write of ``size`` bytes.  Uses the request's reservation first.  Unavailable if there is no room."""
        request = _request.get() or _Request(self)
        if size > request.left:
            request.announce(size - request.left)
        try:
            if self._free() - size < self._least // 2:
                raise _nearly_full()
            yield
        finally:
            request.spend(size)

    def reserve(self, size: int) -> None:
        """Reserve bytes.  Unavailable if there is no room."""
        self.reserved.add(size)
        if not self.has(0):
            self.reserved.add(-size)
            raise _nearly_full()

    def _free(self) -> int:
        return int(localfile.free(self._folder))


class _Request:
    """``left``: bytes that are reserved for the request and not written yet."""

    def __init__(self, headroom: Headroom) -> None:
        self._headroom, self.left = headroom, 0

    def announce(self, size: int) -> None:
        self._headroom.reserve(size)
        self.left += size

    def spend(self, size: int) -> None:
        """Release bytes that were written, or could not be."""
        size = min(size, self.left)  # a write may end later than its request
        self.left -= size
        self._headroom.reserved.add(-size)

    def end(self) -> None:
        self.spend(self.left)


_request: ContextVar[_Request | None] = ContextVar("_request", default=None)


def announce(size: int) -> None:
    """Reserve more bytes for the current request.  Unavailable if there is no room.

    Does nothing if there is no headroom.
    """
    request = _request.get()
    if request is not None:
        request.announce(size)


def _nearly_full() -> errors.Unavailable:
    return errors.Unavailable("the disk is nearly full", retry_after=60, cause="full")


def kept_free(blobs: Blobs, headroom: Headroom | None) -> Blobs:
    """The same blobs, but every write to them keeps the headroom free, whether it was announced or not."""
    return blobs if headroom is None else wrapped(KeptFree, blobs, headroom)


class _Keeping(Wrapper[T]):
    def __init__(self, inner: T, headroom: Headroom) -> None:
        super().__init__(inner)
        self._headroom = headroom


class KeptFree(_Keeping[Blobs], Blobs):
    async def writer(self) -> BlobWriter:
        return wrapped(_Writer, await self.inner.writer(), self._headroom)

    @asynccontextmanager
    async def part(self, draft: str, part: int) -> AsyncIterator[PartSlot]:
        async with self.inner.part(draft, part) as slot:
            yield wrapped(_Slot, slot, self._headroom)


class _Writer(_Keeping[BlobWriter], BlobWriter):
    async def write(self, chunks: Sequence[bytes]) -> None:
        with self._headroom.taking(sum(map(len, chunks))):
            await self.inner.write(chunks)


class _Slot(_Keeping[PartSlot], PartSlot):
    async def write(self, chunks: Sequence[bytes]) -> str:
        with self._headroom.taking(sum(map(len, chunks))):
            return await self.inner.write(chunks)
