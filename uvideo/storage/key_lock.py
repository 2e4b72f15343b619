"""Whose turn it is to change the server's own key pair: one program at a time, beside a running server."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uvideo._core import localfile

__all__ = ["Taken", "turn"]

LOCK = "credentials.lock"
SECONDS = 30.0


class Taken(OSError):
    """Another program changes the key pair now, or copies it."""


@contextmanager
def turn(folder: Path, seconds: float = SECONDS) -> Iterator[None]:
    """While the block runs, nobody else changes what secrets of the folder's catalog are encrypted with.

    Taken if somebody else has had the turn for so long; OSError.
    """
    with contextlib.ExitStack() as stack:
        fd = _opened(folder)
        stack.callback(os.close, fd)
        if not localfile.lock_soon(fd, seconds):
            raise Taken(f"another command changes the key pair of {folder} now: try again when it has ended")
        yield


def _opened(folder: Path) -> int:
    """Only what is made here is given to the folder's owner: a link that lies there may lead anywhere."""
    path = folder / LOCK
    try:
        fd = localfile.opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return localfile.opened(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    localfile.belong(fd, folder)
    return fd
