"""The sums of the bytes that S3 stores: all of them in one pass, on two threads while the next bytes arrive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from uvideo._core import etag
from uvideo.s3 import checksum
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import AnnouncedChecksum, Checksum
from uvideo.server.limits.body_buffer import Body
from uvideo.server.limits.memory_budget import BATCH, LEAST_READ

__all__ = ["BodySums", "CheckedBody", "FramedBody"]

HERE = 64 * 1024  # bytes that are summed on the loop


class FramedBody(Body, Protocol):
    """A body, and what the request says of it.

    ``sha256``: the hex digest that it must have, or None.  ``trailers``: (name in lower case, value), complete at the
    end of the body.
    """

    sha256: str | None
    trailers: tuple[tuple[str, str], ...]


class BodySums:
    """UFile etag, MD5 and checksums of bytes.

    ``algorithm``: of the checksum, or None.  ``more``: further algorithms.  ``tree``: the UFile etag.
    """

    def __init__(self, algorithm: str | None, *more: str) -> None:
        self.tree = etag.Etag()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._algorithm = algorithm
        self._sums = {name: checksum.hasher(name) for name in {algorithm, *more} if name is not None}

    def add(self, pieces: Sequence[bytes]) -> None:
        """Sum more bytes.  hashlib and the CRCs release the GIL for large pieces."""
        self._add_md5(pieces)
        self._add_others(pieces)

    def begin(self, pieces: Sequence[bytes]) -> asyncio.Future[Any]:
        """Begin to sum more bytes on two threads: MD5 takes more time than all others together."""
        run = asyncio.get_running_loop().run_in_executor
        return asyncio.gather(run(None, self._add_md5, pieces), run(None, self._add_others, pieces))

    def _add_md5(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._md5.update(piece)

    def _add_others(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self.tree.update(piece)
            for each in self._sums.values():
                each.update(piece)

    async def add_on_thread(self, piece: bytes) -> None:
        """Sum more bytes while the loop does other work."""
        await self.begin([piece])

    def md5(self) -> str:
        """The MD5 in hex."""
        return self._md5.hexdigest()

    def hex_digest(self, name: str) -> str:
        """The digest of one of the algorithms in hex."""
        return self._sums[name].digest().hex()

    def checksum(self) -> Checksum | None:
        """The checksum of ``algorithm``, or None."""
        if self._algorithm is None:
            return None
        return Checksum(algorithm=self._algorithm, value=checksum.value_of(self._sums[self._algorithm].digest()))


class CheckedBody:
    """A Body that is summed while it is read.  Its last ``chunk`` raises if a sum is not the announced one.

    ``md5``: the hex digest that it must have, or None.  ``wanted``: the checksum that is announced, or None.
    ``algorithm``: of the checksum to compute if none is announced, or None.  ``limit``: the most bytes that are taken.

    ``size``: bytes so far.  ``sums``, and of them ``tree``: complete at the end.

    With large reads, for which the reader has a share of the memory, threads sum the bytes of one batch of reads during
    the next one.  The writer holds the same bytes.  Otherwise bytes are summed at once.  So nothing is held of a client
    that stalls.
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
        self.size = 0
        algorithm = algorithm if wanted is None else wanted.algorithm
        self.sums = BodySums(algorithm, *(("SHA256",) if body.sha256 is not None else ()))
        self.tree = self.sums.tree
        self._batch = 0  # bytes that are held before a thread sums them
        self._held: list[bytes] = []
        self._waiting = 0  # bytes of ``_held``
        self._summing: asyncio.Future[Any] | None = None
        self._check_size(self.length or 0)

    def read_at_once(self, size: int) -> None:
        self._batch = size * BATCH if size > LEAST_READ else 0
        self._body.read_at_once(size)
        if not self._batch:
            self._release()

    async def chunk(self) -> bytes:
        """The next bytes, b"" at the end.

        S3Error: XAmzContentSHA256Mismatch, BadDigest, EntityTooLarge, and what the framing raises.
        """
        data = await self._body.chunk()
        if not data:
            await self._sum_all()
            self._check()
            return data
        self.size += len(data)
        self._check_size(self.size)
        if self._batch or self._held or self._summing is not None or len(data) > HERE:
            await self._hold(data)
        else:
            self.sums.add((data,))
        return data

    def add(self, data: bytes) -> None:
        """Bytes are counted when they are read."""

    def check(self) -> None:
        """The sums were compared at the end of the body."""

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise S3Error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(self._limit))

    # Summing

    async def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._waiting += len(data)
        if not self._batch:
            await self._sum_all()
        elif self._waiting >= self._batch:
            await self._wait()
            self._begin()

    def _taken(self) -> list[bytes]:
        held, self._held, self._waiting = self._held, [], 0
        return held

    def _begin(self) -> None:
        if self._held:
            self._summing = self.sums.begin(self._taken())

    async def _wait(self) -> None:
        """Wait until no thread sums, also if ``_release`` began it meanwhile."""
        while (summing := self._summing) is not None:
            await summing
            if self._summing is summing:
                self._summing = None

    async def _sum_all(self) -> None:
        if self._summing is not None:
            await self._wait()
        if self._waiting > HERE:
            self._begin()
            await self._wait()
        elif self._held:
            self.sums.add(self._taken())

    def _release(self, summed: asyncio.Future[Any] | None = None) -> None:
        """Sum on threads what is held.  ``summed``: what threads did before; it failed if the request was cancelled."""
        if summed is not None and (summed.cancelled() or summed.exception() is not None):
            return  # asyncio.gather is not cancelled then, but has CancelledError as its exception
        if self._summing is None or self._summing.done():
            self._begin()
        elif self._held:
            self._summing.add_done_callback(self._release)

    def _check(self) -> None:
        if self._body.sha256 is not None and self.sums.hex_digest("SHA256") != self._body.sha256:
            raise S3Error("XAmzContentSHA256Mismatch", ClientComputedContentSHA256=self._body.sha256)
        if self._wanted_md5 is not None and self.sums.md5() != self._wanted_md5:
            raise S3Error("BadDigest")
        if self._wanted is None:
            return
        value = self._wanted.value
        if value is None:
            value = dict(self._body.trailers).get(checksum.PREFIX + self._wanted.algorithm.lower(), "")
            checksum.digest_of(self._wanted.algorithm, value)
        found = self.sums.checksum()
        if found is None or found.value != value:
            raise S3Error("BadDigest")
