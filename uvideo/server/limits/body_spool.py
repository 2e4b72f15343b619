"""The bytes of a slow body, in an unnamed file instead of in memory."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO

__all__ = ["Spool"]

SMALL = 64 * 1024  # bytes; up to this size no thread is used
PIECE = 1024 * 1024  # bytes read at once


class Spool:
    """A file that the first write opens in ``folder`` (None: the system's folder for temporary files).

    The system removes it at the latest when the process ends.  OSError of the disk.

    ``taking``: entered with the number of bytes while they are written; raises if the disk has no room for them.
    """

    def __init__(
        self, folder: Path | None = None, taking: Callable[[int], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self._folder, self._taking = folder, taking
        self._file: IO[bytes] | None = None
        self._used, self._is_over = threading.Lock(), False

    async def write(self, data: bytes) -> None:
        with self._taking(len(data)):
            if len(data) <= SMALL:
                self._write(data)
            else:
                await asyncio.shield(asyncio.to_thread(self._write, data))

    def _write(self, data: bytes) -> None:
        with self._using():
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]

    async def read(self) -> list[bytes]:
        """All bytes, in pieces."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[bytes]:
        with self._using():
            if self._file is None:
                return []
            self._file.seek(0)
            return list(iter(partial(self._file.read, PIECE), b""))

    @contextmanager
    def _using(self) -> Iterator[None]:
        try:
            with self._used:
                yield
        finally:
            if self._is_over:
                self.close()

    def close(self) -> None:
        """Close the file.  If a thread is still in a cancelled read or write, the file is closed after that."""
        self._is_over = True
        if self._used.acquire(blocking=False):
            file, self._file = self._file, None
            self._used.release()
            if file is not None:
                file.close()
