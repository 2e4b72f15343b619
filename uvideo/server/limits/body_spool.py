"""Bytes of a body that comes slowly, in a file without a name instead of in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

__all__ = ["Spool"]

SMALL = 64 * 1024  # bytes worth no hop to a thread
PIECE = 1024 * 1024  # bytes read at once


class Spool:
    """Opened by the first write, in ``folder`` (None: the system's for such files).

    What is left of it goes with the process.  OSError as the disk says.

    ``taking``: is entered while so many bytes are written; raises if the disk has no room for them.
    """

    def __init__(
        self, folder: Path | None = None, taking: Callable[[int], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self._folder, self._taking = folder, taking
        self._file: IO[bytes] | None = None

    async def write(self, data: bytes) -> None:
        with self._taking(len(data)):
            if len(data) <= SMALL:
                self._write(data)
            else:
                await asyncio.shield(asyncio.to_thread(self._write, data))

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    async def read(self) -> list[bytes]:
        """All of it."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[bytes]:
        if self._file is None:
            return []
        self._file.seek(0)
        return list(iter(lambda: self._file.read(PIECE) if self._file is not None else b"", b""))

    def close(self) -> None:
        """A write that was cancelled may still be at work: its file goes when it has ended."""
        self._file = None
