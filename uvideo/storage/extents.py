"""Opens what an object's record names: a blob, or a part list, whose bytes are extents of many blobs.

One reader serves the part lists of every driver.  It promises what every BlobReader does; ``Blobs.hold`` keeps the
bytes for it.  It has one blob open at a time, and finds a range in O(log n).
"""

from __future__ import annotations

import contextlib
import errno
from array import array
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from itertools import accumulate
from typing import cast

from uvideo.storage.base import BlobHold, BlobReader, Blobs, Catalog, Damaged, Extent, FileRegion, is_part_list

__all__ = ["ExtentReader", "cut", "open_blob", "source_extents"]

#: The first byte and the number of bytes.
Span = tuple[int, int]


async def open_blob(blobs: Blobs, catalog: Catalog, name: str, span: Span | None = None) -> BlobReader:
    """Read what ``ObjectRecord.blob`` names.  FileNotFoundError if it, or a blob of it, is gone.

    ``span``: only these bytes will be read; without it, any.
    """
    if not is_part_list(name):
        return await blobs.open(name)
    extents = await catalog.extents(name)
    if extents is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such part list", name)
    found = _Extents(extents)
    first, length = span or (0, found.size)
    within = [*found.within(first, length)]
    hold = await blobs.hold([blob for blob, _, _ in within])
    return ExtentReader(name, hold, _Extents(within), first, found.size)


async def source_extents(catalog: Catalog, blob: str, first: int, length: int) -> tuple[Extent, ...]:
    """The extents of these bytes of a blob or part list, for a part that is copied from it.

    FileNotFoundError if there is no such part list any more.
    """
    if not is_part_list(blob):
        return (Extent(blob, first, length),) if length else ()
    extents = await catalog.extents(blob)
    if extents is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such part list", blob)
    return cut(extents, first, length)


def cut(extents: Sequence[Extent], first: int, length: int) -> tuple[Extent, ...]:
    """The extents of ``length`` bytes from ``first`` on, as few as possible."""
    found = list[Extent]()
    for blob, offset, count in _Extents(extents).within(first, length):
        if found and found[-1].blob == blob and found[-1].offset + found[-1].length == offset:
            found[-1] = found[-1]._replace(length=found[-1].length + count)
        else:
            found.append(Extent(blob, offset, count))
    return tuple(found)


class _Extents:
    def __init__(self, extents: Sequence[Extent]) -> None:
        self._extents = extents
        self._ends = array("q", accumulate(each.length for each in extents))
        self.size = self._ends[-1] if extents else 0

    def within(self, offset: int, length: int) -> Iterator[Extent]:
        """The extents of these bytes."""
        at, end = bisect_right(self._ends, offset), offset + length
        while offset < end:
            blob, start, whole = extent = self._extents[at]
            skipped = offset - (self._ends[at] - whole)
            count = min(whole - skipped, end - offset)
            if count:
                yield extent if count == whole else Extent(blob, start + skipped, count)
            offset += count
            at += 1


class ExtentReader:
    """A BlobReader for the bytes from ``first`` on of a part list; ``extents``: only those of the bytes to read."""

    def __init__(self, name: str, hold: BlobHold, extents: _Extents, first: int, size: int) -> None:
        self.size, self.has_files = size, hold.has_files
        self._name, self._hold, self._extents = name, hold, extents
        self._first, self._end = first, first + extents.size
        self._last: tuple[str, BlobReader] | None = None  # the blob read last, still open

    async def read(self, offset: int, length: int) -> AsyncIterator[bytes]:
        self._check(offset, length)
        for blob, start, count in self._extents.within(offset - self._first, length):
            async with self._opened(blob) as reader:
                pieces = cast("AsyncGenerator[bytes, None]", reader.read(start, count))
                async with contextlib.aclosing(pieces):
                    async for piece in pieces:
                        yield piece

    async def files(self, offset: int, length: int) -> AsyncGenerator[FileRegion, None]:
        self._check(offset, length)
        for blob, start, count in self._extents.within(offset - self._first, length):
            async with self._opened(blob) as reader, contextlib.aclosing(reader.files(start, count)) as regions:
                async for region in regions:
                    yield region

    async def close(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            await last[1].close()
        await self._hold.close()

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Damaged(f"the parts of {self._name} have {self.size} bytes, not {offset + length}")
        if length and not self._first <= offset <= offset + length <= self._end:
            raise ValueError(f"the reader was opened for bytes {self._first} to {self._end}")

    @contextlib.asynccontextmanager
    async def _opened(self, blob: str) -> AsyncIterator[BlobReader]:
        """The blob's reader; it stays open until another blob is read, as a range is often read piece by piece."""
        last, self._last = self._last, None
        if last is not None and last[0] != blob:
            await last[1].close()
            last = None
        if last is None:
            try:
                last = blob, await self._hold.open(blob)
            except FileNotFoundError:
                raise Damaged(f"the blob {blob} of {self._name} is missing") from None
        try:
            yield last[1]
        finally:
            if self._last is None:
                self._last = last
            else:
                await last[1].close()
