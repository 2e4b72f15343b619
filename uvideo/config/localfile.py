"""The core's ``localfile``, for the tools: how a file gets the name of another one on every system."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from uvideo._core import localfile

__all__ = ["read", "replace"]

replace = localfile.replace


def read(path: Path, limit: int) -> tuple[bytes, os.stat_result]:
    """(what a file holds, its status).  OSError, also if it is larger than ``limit`` bytes or no regular file.

    It waits for nobody, so that whoever reads again while it runs is not held up: a pipe may never have a writer.
    """
    number = localfile.opened(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(number, "rb") as file:
        status = os.fstat(number)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit} bytes", str(path))
    return data, status
