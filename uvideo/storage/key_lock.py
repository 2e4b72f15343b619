"""The lock for changes of the server's own key pair: one program at a time, while a server runs."""

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
    """Another program is changing or copying the key pair."""


@contextmanager
def turn(folder: Path, seconds: float = SECONDS) -> Iterator[None]:
    """Lock out other changes of the secret that encrypts the secrets in the folder's catalog.

    Taken if another program holds the lock for ``seconds``; OSError.
    """
    with contextlib.ExitStack() as stack:
        fd = _opened(folder)
        stack.callback(os.close, fd)
        if not localfile.lock_soon(fd, seconds):
            raise Taken(f"another command is changing the key pair of {folder}: try again when it has ended")
        yield


def _opened(folder: Path) -> int:
    """Open the lock file.  Only a new one is given to the folder's owner: an old link may lead anywhere."""
    path = folder / LOCK
    try:
        fd = localfile.opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return localfile.opened(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    localfile.belong(fd, folder)
    return fd
