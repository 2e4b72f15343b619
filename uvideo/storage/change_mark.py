"""A mark that processes share: it tells whether something was changed since."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from uvideo._core import localfile

__all__ = ["Mark"]


class Mark:
    """Eight bytes of a file, mapped by every process that works on the same folder.

    Who changed something moves the mark, after the change and before telling anybody; who keeps a copy of it takes the
    mark's value before reading, and keeps the copy while the value stays.  Opening moves it too, as a process that was
    killed may not have come to that.  The file's content means nothing once nobody has it open.
    """

    def __init__(self, path: Path) -> None:
        with localfile.opening(path, os.O_RDWR | os.O_CREAT) as fd:
            # On a full disk a hole could be mapped, and writing to that would end the process.
            getattr(os, "posix_fallocate", lambda fd, _, size: os.ftruncate(fd, size))(fd, 0, 8)
            self._map = mmap.mmap(fd, 8)
        self._cells = memoryview(self._map).cast("Q")
        self.move()

    def value(self) -> int:
        return self._cells[0]

    def move(self) -> None:
        """Give it a value that it never had: a counter could, if two processes moved it at once."""
        self._cells[0] = int.from_bytes(os.urandom(8), "little")

    def close(self) -> None:
        self._cells.release()
        self._map.close()
