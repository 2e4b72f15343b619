"""Room on the disk that stays free: uploads are admitted only if there is room for all that was announced."""

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

    A request announces how much it will write; that is set aside for it until it is written or the request ends.
    What was not announced (a body in chunks) is set aside piece by piece as it is written, so it never takes what
    another request announced.

    The catalog's growth, and what other programs write, come out of the headroom.  So what was announced is written
    until half of it is left.

    ``reserved``: bytes set aside by all workers.  Each adds its own bytes first and looks at the sum after that.  So no
    lock is needed: of two requests at the same instant both may be refused, but never too many are admitted.
    """

    def __init__(self, folder: Path, least: int, reserved: Level | None = None) -> None:
        self._folder, self._least = folder, least
        self.reserved = reserved or Level()

    def change(self, least: int) -> None:
        """Keep another number of bytes free from now on."""
        self._least = least

    def has(self, size: int) -> bool:
        """Whether so many bytes more could be announced."""
        return self._free() - self.reserved.total - size >= self._least

    def check(self, size: int) -> None:
        """Unavailable if so many bytes more cannot be announced."""
        if not self.has(size):
            raise _nearly_full()

    @contextlib.contextmanager
    def announced(self, size: int) -> Iterator[None]:
        """A request that will write so many bytes.  Unavailable if there is no room.

        Within the block ``announce`` adds to them, and what ``taking`` writes is taken from them.
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
        """While the block writes so many bytes, those of the request first.  Unavailable if there is no room."""
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
        """Set so many bytes aside.  Unavailable if there is no room for them."""
        self.reserved.add(size)
        if not self.has(0):
            self.reserved.add(-size)
            raise _nearly_full()

    def _free(self) -> int:
        return int(localfile.free(self._folder))


class _Request:
    """``left``: bytes that are set aside for it and not written yet."""

    def __init__(self, headroom: Headroom) -> None:
        self._headroom, self.left = headroom, 0

    def announce(self, size: int) -> None:
        self._headroom.reserve(size)
        self.left += size

    def spend(self, size: int) -> None:
        """So many bytes are on the disk, or could not be written."""
        size = min(size, self.left)  # a write may end after its request
        self.left -= size
        self._headroom.reserved.add(-size)

    def end(self) -> None:
        self.spend(self.left)


_request: ContextVar[_Request | None] = ContextVar("_request", default=None)


def announce(size: int) -> None:
    """Set so many bytes more aside for the request that is being answered.  Unavailable if there is no room.

    Nothing, if nobody keeps a headroom.
    """
    request = _request.get()
    if request is not None:
        request.announce(size)


def _nearly_full() -> errors.Unavailable:
    return errors.Unavailable("the disk is nearly full", retry_after=60, cause="full")


def kept_free(blobs: Blobs, headroom: Headroom | None) -> Blobs:
    """The same blobs; what is written to them leaves the headroom, however it came and whatever was announced."""
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
