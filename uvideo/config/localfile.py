"""The SDK's ``localfile`` for the toolkit, and reading of small files."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from uvideo._core import localfile

__all__ = ["read", "replace"]

replace = localfile.replace


def read(path: Path, limit: int) -> tuple[bytes, os.stat_result]:
    """(content, status) of a file.  OSError, also if it is no regular file or larger than ``limit`` bytes.

    Never blocks, as a pipe without a writer would, so a running server may call it to reload a file.
    """
    number = localfile.opened(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(number, "rb") as file:
        status = os.fstat(number)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit} bytes", str(path))
    return data, status
