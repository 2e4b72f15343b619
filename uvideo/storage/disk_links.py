"""Hard links to the files of a long reading, so that deletions leave it the bytes.

A reader of thousands of files cannot have all of them open.  It links them into a folder of its own below ``reading/``,
opens them one after the other, and removes the folder at its end.  A deleted file's space is free once no reading has
it.  The folders of a killed process are removed by the next sweep: its lock is free then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path

from uvideo._core import localfile

__all__ = ["Links"]

LOCK = "lock"


class Links:
    """The links of one driver below ``folder``, which is created when it is needed.  Its methods belong on threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._own: tuple[Path, int] | None = None  # the driver's folder, and its locked file

    def make(self, paths: Iterable[Path]) -> Path | None:
        """A new folder with a link to each file, of the same name.  FileNotFoundError if a file does not exist.

        None if there can be no links here: the disk is full, or its file system has none.  ``paths``: an iterator may
        raise ValueError.
        """
        try:
            folder = self._mine() / uuid.uuid4().hex
            folder.mkdir(mode=0o700)
        except OSError:
            return None
        try:
            for path in paths:
                os.link(path, f"{folder}{os.sep}{path.name}")  # of text: a Path takes longer than the link
        except (FileNotFoundError, ValueError):
            remove(folder)
            raise
        except OSError:
            remove(folder)
            return None
        return folder

    def close(self) -> None:
        with self._guard:
            own, self._own = self._own, None
        if own is not None:
            os.close(own[1])
            _remove_all(own[0])

    def remove_stale(self) -> None:
        """Remove the links of killed processes.  What cannot be removed is left to the next call."""
        with contextlib.suppress(OSError):
            for folder in [*self._folder.iterdir()]:
                _remove_stale(folder)

    def _mine(self) -> Path:
        with self._guard:
            if self._own is None:
                folder = self._folder / uuid.uuid4().hex
                if not self._folder.is_dir():  # mkdir gives parents the mode of the umask
                    self._folder.mkdir(mode=0o700, exist_ok=True)
                folder.mkdir(mode=0o700)
                fd = localfile.opened(folder / LOCK, os.O_RDWR | os.O_CREAT)
                try:
                    if not localfile.lock(fd) or not localfile.is_at(fd, folder / LOCK):
                        raise OSError("another process takes the new folder for an old one")
                except OSError:
                    os.close(fd)
                    _remove_all(folder)
                    raise
                self._own = folder, fd
            return self._own[0]


def _remove_stale(folder: Path) -> None:
    """Remove a driver's folder unless its process runs."""
    with contextlib.suppress(OSError):  # it is another user's, or no folder
        try:
            with localfile.opening(folder / LOCK) as fd:
                if not localfile.lock(fd):
                    return
                _remove_all(folder)
            _remove_all(folder)  # Windows removes no open file
        except FileNotFoundError:  # killed before it had a lock
            folder.rmdir()


def _remove_all(folder: Path) -> None:
    """Remove a driver's folder, the lock last: a folder of links without a lock would stay forever."""
    with contextlib.suppress(OSError):
        for each in [*folder.iterdir()]:
            if each.name != LOCK:
                remove(each)
        if {each.name for each in folder.iterdir()} <= {LOCK}:
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()


def remove(folder: Path) -> None:
    """Remove a folder of links.  What cannot be removed is left to ``remove_stale``."""
    shutil.rmtree(folder, ignore_errors=True)
