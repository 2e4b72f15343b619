"""A hold on a folder of blobs: while a backup copies it, what a server deletes is moved aside and not unlinked.

``backup.lock`` is there and locked while there is a hold.  ``held/`` then receives what is deleted.  Who deletes never
waits for a backup, and a backup that was killed holds nothing: its lock is gone with its process.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from uvideo._core import localfile

__all__ = ["HELD", "Busy", "delete", "hold", "release"]

HELD = "held"
LOCK = "backup.lock"
PATIENCE = 5.0  # seconds; a server that deletes has the lock for as long as an unlink takes


class Busy(OSError):
    """Somebody else has a hold on the folder."""


@contextlib.contextmanager
def hold(root: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Have the folder's servers keep what they delete from now on, until the block is left.

    ``patience``: seconds to wait for another hold to end; then Busy.
    What was deleted before may be unlinked still; so look at the catalog only after this has begun.
    """
    (root / HELD).mkdir(mode=0o700, exist_ok=True)
    fd = _lock(root / LOCK, patience)
    try:
        yield
    finally:
        _empty(root)
        with contextlib.suppress(FileNotFoundError):
            localfile.remove(root / LOCK, lambda: os.close(fd))
        release(root)


def delete(root: Path, *paths: Path) -> int:
    """Remove these files of the folder, or move them aside while there is a hold; return how many there were."""
    try:
        fd = localfile.opened(root / LOCK)
    except FileNotFoundError:
        return _unlink(paths)
    try:
        if not localfile.lock(fd, shared=True):
            return sum(_put_aside(root, path) for path in paths)
        return _unlink(paths)  # the shared lock keeps a hold from beginning meanwhile
    finally:
        os.close(fd)


def release(root: Path) -> None:
    """Remove what a hold that has ended left, after a crash for example.  While there is one, nothing happens."""
    try:
        fd = localfile.opened(root / LOCK)
    except FileNotFoundError:
        _empty(root)
        return
    try:
        if localfile.lock(fd, shared=True):
            _empty(root)
    finally:
        os.close(fd)


def _lock(path: Path, patience: float) -> int:
    """The lock file, made where missing and locked; Busy if another process has it for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        fd = localfile.opened(path, os.O_RDWR | os.O_CREAT)
        try:
            if localfile.lock(fd):
                if localfile.is_at(fd, path):  # else another hold has ended and removed it
                    return fd
            elif time.monotonic() > deadline:
                raise Busy(f"another backup of {path.parent} is running")
            else:
                time.sleep(0.02)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _put_aside(root: Path, path: Path) -> int:
    try:
        os.rename(path, root / HELD / path.name)
    except FileNotFoundError:
        return _unlink((path,))  # it is not there, or the folder for it is gone: the hold has ended
    return 1


def _unlink(paths: tuple[Path, ...]) -> int:
    count = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError, *localfile.IN_USE):  # what is open is left to a sweep
            path.unlink()
            count += 1
    return count


def _empty(root: Path) -> None:
    with contextlib.suppress(FileNotFoundError), os.scandir(root / HELD) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError, *localfile.IN_USE):
                os.unlink(entry.path)
