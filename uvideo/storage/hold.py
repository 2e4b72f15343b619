"""A hold on a folder of blobs: while a backup copies it, what a server deletes is moved aside and not unlinked.

``backup.lock`` is there and locked while there is a hold.  ``held/`` then receives what is deleted.  Who deletes never
waits for a backup, and a backup that was killed holds nothing: its lock is gone with its process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

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
        (root / LOCK).unlink(missing_ok=True)
        os.close(fd)
        release(root)


def delete(root: Path, *paths: Path) -> int:
    """Remove these files of the folder, or move them aside while there is a hold; return how many there were."""
    try:
        fd = os.open(root / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _unlink(paths)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return sum(_put_aside(root, path) for path in paths)
    else:
        return _unlink(paths)  # the shared lock keeps a hold from beginning meanwhile
    finally:
        os.close(fd)


def release(root: Path) -> None:
    """Remove what a hold that has ended left, after a crash for example.  While there is one, nothing happens."""
    try:
        fd = os.open(root / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        _empty(root)
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        _empty(root)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)


def _lock(path: Path, patience: float) -> int:
    """The lock file, made where missing and locked; Busy if another process has it for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(fd, path):
                return fd
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(fd)
                raise Busy(f"another backup of {path.parent} is running") from None
            time.sleep(0.02)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _is(fd: int, path: Path) -> bool:
    """Whether the open file is still the one of that name: another hold may have ended and removed it."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _put_aside(root: Path, path: Path) -> int:
    try:
        os.rename(path, root / HELD / path.name)
    except FileNotFoundError:
        return _unlink((path,))  # it is not there, or the folder for it is gone: the hold has ended
    return 1


def _unlink(paths: tuple[Path, ...]) -> int:
    count = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            count += 1
    return count


def _empty(root: Path) -> None:
    with contextlib.suppress(FileNotFoundError), os.scandir(root / HELD) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry.path)
