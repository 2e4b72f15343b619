"""A hold on a folder of blobs: during a backup the server moves deleted files aside instead of unlinking them.

During a hold ``backup.lock`` exists and is locked, and deleted files go to ``held/``.  A delete never waits for a
backup.  A killed backup leaves no hold: its lock ends with its process.
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
PATIENCE = 5.0  # seconds; a server holds the lock only for the time of an unlink


class Busy(OSError):
    """Another process has a hold on the folder."""


@contextlib.contextmanager
def hold(root: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Make the folder's servers keep deleted files until the block is left.

    ``patience``: seconds to wait for another hold to end; then Busy.  Files deleted before the hold may still be
    unlinked, so read the catalog only after the hold has begun.
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
    """Remove these files of the folder, or move them aside during a hold; return how many existed."""
    try:
        fd = localfile.opened(root / LOCK)
    except FileNotFoundError:
        return _unlink(paths)
    try:
        if not localfile.lock(fd, shared=True):
            return sum(_put_aside(root, path) for path in paths)
        return _unlink(paths)  # the shared lock prevents a hold from beginning
    finally:
        os.close(fd)


def release(root: Path) -> None:
    """Remove the files that an ended hold left, for example after a crash.  Does nothing during a hold."""
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
    """The lock file, created if missing, and locked; Busy if another process holds it for ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while True:
        fd = localfile.opened(path, os.O_RDWR | os.O_CREAT)
        try:
            if localfile.lock(fd):
                if localfile.is_at(fd, path):  # otherwise another hold has ended and removed it
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
        return _unlink((path,))  # the file or the folder held/ is gone: the hold has ended
    return 1


def _unlink(paths: tuple[Path, ...]) -> int:
    count = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError, *localfile.IN_USE):  # an open file is left to a sweep
            path.unlink()
            count += 1
    return count


def _empty(root: Path) -> None:
    with contextlib.suppress(FileNotFoundError), os.scandir(root / HELD) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError, *localfile.IN_USE):
                os.unlink(entry.path)
