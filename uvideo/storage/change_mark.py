"""A change mark shared by processes: it shows whether something changed since the last look."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from uvideo._core import localfile

__all__ = ["Mark"]


class Mark:
    """Eight bytes of a file, mapped by every process that works on the same folder.

    A writer moves the mark after the change and before acknowledging it.  A reader that caches takes the mark's value
    before it reads, and uses the cached result while the value stays.  Opening moves the mark too, because a killed
    process may not have moved it.  The file's content means nothing once no process has it open.
    """

    def __init__(self, path: Path) -> None:
        with localfile.opening(path, os.O_RDWR | os.O_CREAT) as fd:
            # On a full disk a hole could be mapped, and writing to it would kill the process.
            getattr(os, "posix_fallocate", lambda fd, _, size: os.ftruncate(fd, size))(fd, 0, 8)
            self._map = mmap.mmap(fd, 8)
        self._cells = memoryview(self._map).cast("Q")
        self.move()

    def value(self) -> int:
        return self._cells[0]

    def move(self) -> None:
        """Set a new random value.  Not a counter: two processes could set it to the same value."""
        self._cells[0] = int.from_bytes(os.urandom(8), "little")

    def close(self) -> None:
        self._cells.release()
        self._map.close()
