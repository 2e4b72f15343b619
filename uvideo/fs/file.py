"""The filesystem's files: for reading through any of fsspec's caches, for writing, and async ones."""

from __future__ import annotations

import errno
import io
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from fsspec.asyn import AbstractAsyncStreamedFile
from fsspec.spec import AbstractBufferedFile

from uvideo.errors import ObjectChanged
from uvideo.fs.failure import as_oserror

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from uvideo.client.aio_file import AsyncReader, AsyncWriter
    from uvideo.client.reader import Reader
    from uvideo.client.writer import Writer
    from uvideo.fs.tree import Tree
    from uvideo.models import Content

__all__ = ["ReadFile", "StreamedFile", "WriteFile"]

#: Bytes: random reads from this size on are requested exactly.  After smaller ones, nearby bytes may be read next.
EXACT = 8 * 1024


class ReadFile(AbstractBufferedFile):
    """A file for reading an object: fsspec's file over a Reader, which reads one version and reconnects.

    Sequential reads are prefetched and small random reads are cached, both by the Reader.  A large random read, for
    example of a table's column, is requested exactly, in parallel ranges above the settings' multipart_threshold.
    cache_type: any of fsspec's caches in front of that; "none" is the default.  OSError with ESTALE if the object
    changes.  Can be pickled; the copy opens the version that is current then.
    """

    def __init__(
        self,
        fs: Tree,
        path: str,
        reader: Reader,
        block_size: int | None,
        cache_type: str,
        cache_options: dict[str, Any] | None,
        options: Mapping[str, Any],
    ) -> None:
        """options: the Reader's options.  If there are any, the Reader does all reads, as only it applies them."""
        self.reader, self._lock, self._next, self._all_by_it = reader, threading.Lock(), 0, bool(options)
        super().__init__(
            *(fs, path, "rb", block_size or "default"),
            cache_type=cache_type,
            cache_options=cache_options,
            size=reader.size,
            **options,
        )

    def read(self, length: int | None = -1) -> bytes:
        left = max(0, self.size - self.loc)  # some caches invent bytes beyond the end
        data: bytes = super().read(left if length is None or length < 0 else min(length, left))
        return data

    def _fetch_range(self, start: int, end: int) -> bytes:
        with as_oserror(self.path):
            with self._lock:
                jumps, self._next = start != self._next, end
                if self._all_by_it or not jumps or end - start < EXACT:
                    self.reader.seek(start)
                    return self.reader.read(end - start)
            return self._exactly(start, end)

    def _exactly(self, start: int, end: int) -> bytes:
        info, client = self.reader.info, self.fs.client
        if end - start <= client.settings.multipart_threshold:
            found: Content = client.get(info.space, info.key, start=start, end=end, if_match=info.etag)
            return found.data
        buffer = io.BytesIO()
        done = client.download(info.space, info.key, buffer, start=start, end=end, journal=False)
        if done.etag != info.etag:
            raise ObjectChanged("the object changed since it was opened: open it again")
        return buffer.getvalue()

    def close(self) -> None:
        super().close()
        self.reader.close()


class WriteFile(io.BufferedIOBase):
    """A file for writing an object of any length.  ``close`` stores it, or ``commit`` if autocommit is off.

    A ``with`` block that raises stores nothing and leaves nothing at the service; the same holds for ``discard`` and
    for a file that is never closed.  settle: called after the object is stored.
    """

    def __init__(
        self, fs: Tree, path: str, mode: str, writer: Writer, autocommit: bool, settle: Callable[[], None]
    ) -> None:
        super().__init__()
        self.fs, self.path, self.mode, self.autocommit = fs, path, mode, autocommit
        self._writer, self._settle = writer, settle
        self._ended = self._discarded = False

    @property
    def closed(self) -> bool:
        return self._ended

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._writer.tell()

    def flush(self) -> None:
        """Does nothing: the object is stored as a whole."""
        if self._ended:
            raise ValueError("I/O operation on closed file.")

    def write(self, data: ReadableBuffer, /) -> int:
        if self._ended:
            raise ValueError("I/O operation on closed file.")
        with as_oserror(self.path):
            return self._writer.write(data)

    def close(self) -> None:
        """Store the object, unless autocommit is off or an error raised since `open` is being handled."""
        if self._ended:
            return
        self._ended = True
        if self.autocommit:
            self._store()

    def commit(self) -> None:
        """Store the object, unless it was discarded.  OSError with ECANCELED while such an error is handled."""
        self._ended = True
        if self._discarded:
            return
        if not self._store():
            raise OSError(errno.ECANCELED, "an error is being handled, so nothing is stored", self.path)

    def discard(self) -> None:
        """Store nothing, and free the uploaded parts at the service."""
        self._ended = self._discarded = True
        with as_oserror(self.path):
            self._writer.abort()

    def _store(self) -> bool:
        with as_oserror(self.path):
            self._writer.close()
            if self._writer.stored is None:
                return False
            self._settle()
        self.fs.invalidate_cache(self.path)
        return True

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.discard()
        else:
            self.close()

    def __del__(self) -> None:
        """Does nothing: the writer aborts itself when it is garbage-collected, and logs it."""

    def __repr__(self) -> str:
        return f"<WriteFile {self.path}, mode {self.mode}>"


class StreamedFile(AbstractAsyncStreamedFile):
    """The result of open_async: an async file, to read or to write.  For ``async with``.

    A block that raises stores nothing.  size: of a file for reading, once it is open.
    """

    def __init__(
        self,
        fs: Tree,
        path: str,
        mode: str,
        file: AsyncReader | AsyncWriter,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self.fs, self.path, self.mode = fs, path, mode
        self._file: Any = file
        self._settle = settle
        self.closed = False

    @property
    def size(self) -> int | None:
        return self._file.size if self.mode == "rb" else None

    async def read(self, length: int = -1) -> bytes:
        with as_oserror(self.path):
            data: bytes = await self._of("rb").read(-1 if length is None else length)
            return data

    async def seek(self, loc: int, whence: int = io.SEEK_SET) -> int:
        with as_oserror(self.path):
            place: int = await self._of("rb").seek(loc, whence)
            return place

    async def tell(self) -> int:
        with as_oserror(self.path):
            place: int = await self._file.tell()
            return place

    async def write(self, data: ReadableBuffer) -> int:
        with as_oserror(self.path):
            count: int = await self._of("wb").write(data)
            return count

    async def flush(self, force: bool = False) -> None:
        """Does nothing: close stores the object."""

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        with as_oserror(self.path):
            await self._file.close()
            if self.mode != "rb" and self._file.stored is not None:
                await self._settle()
                self.fs.invalidate_cache(self.path)

    async def discard(self) -> None:
        """Store nothing, and free the uploaded parts at the service."""
        self.closed = True
        with as_oserror(self.path):
            await (self._file.close() if self.mode == "rb" else self._file.abort())

    def _of(self, mode: str) -> Any:
        if (self.mode == "rb") != (mode == "rb"):
            raise io.UnsupportedOperation(f"not with mode {self.mode}")
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        return self._file

    async def __aexit__(self, kind: object, *_: object) -> None:
        await (self.close() if kind is None else self.discard())

    def __del__(self) -> None:
        """Does nothing: closing would have to be awaited."""
