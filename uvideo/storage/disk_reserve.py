"""Disk space reserved for the operations that free space: SQLite needs some even to delete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from uvideo._core import localfile

__all__ = ["Reserve"]

#: Bytes.  SQLite's log grows to 4 MiB before it restarts, and a checkpoint may lengthen the database.
SIZE = 16 * 1024 * 1024


class Reserve:
    """The file ``path`` of ``size`` reserved bytes.  Processes share it, and nothing else."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path, self._size = path, size

    def make(self) -> bool:
        """Reserve the space if the disk has twice as much free.  True once it is reserved."""
        if self._held() >= self._size:
            return True
        return self._free() >= 2 * self._size and self._hold(self._size)

    @contextlib.contextmanager
    def spent(self) -> Iterator[bool]:
        """Free the reserved space for the block, then reserve what is left of it.  Yields False if there is none."""
        held = self._held()
        if held:
            os.truncate(self._path, 0)
        try:
            yield bool(held)
        finally:
            if held:
                self._hold(min(self._size, self._free()))

    def _held(self) -> int:
        try:
            return getattr(os.stat(self._path), "st_blocks", 0) * 512
        except OSError:
            return 0

    def _free(self) -> int:
        return int(localfile.free(self._path.parent))

    def _hold(self, size: int) -> bool:
        if size <= 0 or not hasattr(os, "posix_fallocate"):
            return False
        with contextlib.suppress(OSError):
            fd = localfile.opened(self._path, os.O_RDWR | os.O_CREAT)
            try:
                os.posix_fallocate(fd, 0, size)
                return True
            except OSError:
                os.ftruncate(fd, 0)
            finally:
                os.close(fd)
        return False
