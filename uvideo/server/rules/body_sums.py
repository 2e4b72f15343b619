"""The sums of a body that S3 stores: all of them in one pass, on a thread while the next bytes arrive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Protocol

from uvideo._core import etag
from uvideo.s3 import checksum
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import AnnouncedChecksum, Checksum
from uvideo.server.limits.body_buffer import Body

__all__ = ["CheckedBody", "FramedBody", "StoredBody"]

BATCH = 256 * 1024  # bytes that a thread sums at once
HERE = 64 * 1024  # bytes that are summed on the loop


class FramedBody(Body, Protocol):
    """A body, and what the request says of it.

    ``sha256``: the hex digest that it must have, or None.  ``trailers``: (name in lower case, value), complete at the
    end of the body.
    """

    sha256: str | None
    trailers: tuple[tuple[str, str], ...]


class StoredBody:
    """A FramedBody of bytes that are stored already.  ``pieces``: from ``BlobReader.read``.  ``length``: bytes."""

    sha256: str | None = None
    trailers: tuple[tuple[str, str], ...] = ()

    def __init__(self, pieces: AsyncIterator[bytes], length: int | None) -> None:
        self._pieces, self.length = pieces, length

    def read_at_once(self, size: int) -> None:
        """The driver decides."""

    async def chunk(self) -> bytes:
        return await anext(self._pieces, b"")


class CheckedBody:
    """A Body that is summed while it is read.  Its last ``chunk`` raises if a sum is not the announced one.

    ``md5``: the hex digest that it must have, or None.  ``wanted``: the checksum that is announced, or None.
    ``algorithm``: of the checksum to compute if none is announced, or None.  ``limit``: the most bytes that are taken.

    ``size``: bytes so far.  ``tree``: the UFile etag; it, ``digest`` and ``checksum`` are complete at the end.
    """

    def __init__(
        self,
        body: FramedBody,
        md5: str | None,
        wanted: AnnouncedChecksum | None,
        algorithm: str | None,
        limit: int,
    ) -> None:
        self._body, self._wanted_md5, self._wanted, self._limit = body, md5, wanted, limit
        self.length = body.length
        self.size, self.tree = 0, etag.Etag()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._algorithm = algorithm if wanted is None else wanted.algorithm
        names = {name for name in (self._algorithm, "SHA256" if body.sha256 is not None else None) if name is not None}
        self._sums = {name: checksum.hasher(name) for name in names}
        self._held = list[bytes]()
        self._waiting = 0  # bytes of ``_held``
        self._summing: asyncio.Future[None] | None = None
        self._check_size(self.length or 0)

    def read_at_once(self, size: int) -> None:
        self._body.read_at_once(size)

    async def chunk(self) -> bytes:
        """The next bytes, b"" at the end.

        S3Error: XAmzContentSHA256Mismatch, BadDigest, EntityTooLarge, and what the framing raises.
        """
        data = await self._body.chunk()
        self.size += len(data)
        self._check_size(self.size)
        if data:
            self._held.append(data)
            self._waiting += len(data)
            if self._waiting >= BATCH:
                await self._wait()
                self._begin()
        else:
            await self._wait()
            if self._waiting > HERE:
                self._begin()
                await self._wait()
            else:
                self._sum(self._taken())
            self._check()
        return data

    def add(self, data: bytes) -> None:
        """Bytes are counted when they are read."""

    def check(self) -> None:
        """The sums were compared at the end of the body."""

    def digest(self) -> str:
        """The MD5 in hex."""
        return self._md5.hexdigest()

    def checksum(self) -> Checksum | None:
        """The checksum of ``algorithm``, or None."""
        if self._algorithm is None:
            return None
        return Checksum(algorithm=self._algorithm, value=checksum.value_of(self._sums[self._algorithm].digest()))

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise S3Error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(self._limit))

    # Summing

    def _taken(self) -> list[bytes]:
        held, self._held, self._waiting = self._held, [], 0
        return held

    def _begin(self) -> None:
        self._summing = asyncio.get_running_loop().run_in_executor(None, self._sum, self._taken())

    async def _wait(self) -> None:
        summing, self._summing = self._summing, None
        if summing is not None:
            await summing

    def _sum(self, pieces: list[bytes]) -> None:
        """hashlib and the CRCs release the GIL for large pieces."""
        for piece in pieces:
            self.tree.update(piece)
            self._md5.update(piece)
            for each in self._sums.values():
                each.update(piece)

    def _check(self) -> None:
        if self._body.sha256 is not None and self._sums["SHA256"].digest().hex() != self._body.sha256:
            raise S3Error("XAmzContentSHA256Mismatch", ClientComputedContentSHA256=self._body.sha256)
        if self._wanted_md5 is not None and self.digest() != self._wanted_md5:
            raise S3Error("BadDigest")
        if self._wanted is None:
            return
        value = self._wanted.value
        if value is None:
            value = dict(self._body.trailers).get(checksum.PREFIX + self._wanted.algorithm.lower(), "")
            checksum.digest_of(self._wanted.algorithm, value)
        found = self.checksum()
        if found is None or found.value != value:
            raise S3Error("BadDigest")
