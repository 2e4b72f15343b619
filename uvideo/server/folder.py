"""The server's folder: one server at a time."""

from __future__ import annotations

import os
from pathlib import Path

from uvideo._core import localfile
from uvideo.server import endings
from uvideo.server.settings import StartError

__all__ = ["claim"]

LOCK_SECONDS = 2.0  # how long a predecessor that is just ending is waited for


def claim(folder: Path) -> int:
    """Make the folder and lock it, so that no second server works on it; the open lock."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = localfile.opened(folder / "lock", os.O_RDWR | os.O_CREAT)
    except OSError as failure:
        raise StartError(
            f"{folder} cannot be used as the server's folder: {failure.strerror}",
            endings.of_system(failure, endings.FOLDER),
        ) from failure
    try:
        if localfile.lock_soon(fd, LOCK_SECONDS):
            return fd
        raise StartError(f"{folder} is in use by another server", endings.IN_USE)
    except BaseException:
        os.close(fd)
        raise
