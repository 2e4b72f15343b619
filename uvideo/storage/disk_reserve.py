"""Room on the disk that is set aside for what frees room: SQLite needs some even to delete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from uvideo._core import localfile

__all__ = ["Reserve"]

#: Bytes.  SQLite's log grows to 4 MiB before it begins anew, and what it copies from there may lengthen the database.
SIZE = 16 * 1024 * 1024


class Reserve:
    """The file ``path``, of ``size`` bytes that the system has set aside.  Processes share it, and nothing else."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path, self._size = path, size

    def make(self) -> bool:
        """Set the room aside if the disk has twice as much free.  True once it is."""
        if self._held() >= self._size:
            return True
        return self._free() >= 2 * self._size and self._hold(self._size)

    @contextlib.contextmanager
    def spent(self) -> Iterator[bool]:
        """Give the room to the block; what that leaves of it is set aside again.  False: there is none."""
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
