"""The results of AsyncClient.open: Reader and Writer for an event loop, each with its own thread while open."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

from uvideo.client.cancel import Cancel
from uvideo.client.reader import PIECE, Reader
from uvideo.client.writer import Writer
from uvideo.models import ObjectInfo, Stored, T

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from typing_extensions import Self

__all__ = ["AsyncReader", "AsyncWriter"]

F = TypeVar("F", Reader, Writer)


class _AsyncFile(Generic[F]):
    """Calls a file's methods in a thread, one at a time.  The first call opens the file there."""

    def __init__(self, open: Callable[[Cancel], F], cancel: Cancel | None) -> None:
        self._open: Callable[[Cancel], F] = open
        self._cancel = cancel or Cancel()
        self._file: F | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    async def tell(self) -> int:
        return await self._call(lambda file: file.tell())

    async def __aenter__(self) -> Self:
        await self.tell()
        return self

    async def _call(self, method: Callable[[F], T]) -> T:
        if self._closed:
            raise ValueError("I/O operation on closed file.")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "uvideo-file")
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._do, method)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._cancel.cancel()
            running.add_done_callback(lambda done: done.cancelled() or done.exception())  # or the loop logs it
            raise

    def _do(self, method: Callable[[F], T]) -> T:
        if self._file is None:
            self._file = self._open(self._cancel)
        return method(self._file)

    async def _last(self, method: Callable[[F], None]) -> None:
        """Call the method that ends the file."""
        if self._closed:
            return
        try:
            await self._call(method)
        finally:
            self._closed = True
            if self._thread is not None:
                self._thread.shutdown(wait=False)


class AsyncReader(_AsyncFile[Reader]):
    """As Reader, with ``await``.  ``async for`` returns the bytes in chunks, from the current position.

    ``async with`` or the first call opens it, and raises the errors of opening.  info, size and etag are available from
    then on.  Cancelling a call's task ends the reader.  For one task at a time.
    """

    @property
    def info(self) -> ObjectInfo:
        if self._file is None:
            raise ValueError("it is not open yet")
        return self._file.info

    @property
    def size(self) -> int:
        return self.info.size

    @property
    def etag(self) -> str | None:
        return self.info.etag

    @property
    def verified(self) -> bool:
        return self._file is not None and self._file.verified

    async def read(self, size: int = -1) -> bytes:
        return await self._call(lambda file: file.read(size))

    async def readinto(self, buffer: WriteableBuffer) -> int:
        return await self._call(lambda file: file.readinto(buffer))

    async def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return await self._call(lambda file: file.seek(offset, whence))

    async def close(self) -> None:
        if self._file is None:  # never opened, or opening failed
            self._closed = True
            if self._thread is not None:
                self._thread.shutdown(wait=False)
        await self._last(lambda file: file.close())

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read(PIECE):
            yield data


class AsyncWriter(_AsyncFile[Writer]):
    """As Writer, with ``await``.  Cancelling a call's task aborts the upload.  For one task at a time."""

    @property
    def stored(self) -> Stored | None:
        """The stored object; None before ``close`` and if that failed."""
        return None if self._file is None else self._file.stored

    async def write(self, data: ReadableBuffer) -> int:
        return await self._call(lambda file: file.write(data))

    async def close(self) -> None:
        """Store what was written.  A second call does nothing.  Raises the upload's error."""
        await self._last(lambda file: file.close())

    async def abort(self) -> None:
        """Store nothing, and free the uploaded parts at the service.  Does nothing after ``close``."""
        await self._last(lambda file: file.abort())

    async def __aexit__(self, kind: object, *_: object) -> None:
        await (self.close() if kind is None else self.abort())
