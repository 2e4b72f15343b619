"""The server's folder, and the locks that decide which process may use it.

The server that accepts connections locks ``DIR/lock``, so there is only one.  Each of its processes keeps this file
open while it accepts connections.  When the last of them closes it, another server may start.

Every process with requests in flight holds a shared lock on ``DIR/serving``.  A server that finds this lock taken works
beside a predecessor that is finishing, as one of its workers would.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from uvideo._core import json_document, localfile
from uvideo.server.process import exit_codes
from uvideo.server.process.settings import StartError

__all__ = ["Folder", "claim", "is_served", "state"]

LOCK, SERVING = "lock", "serving"
SAID = 4096  # bytes of every write, so that nothing of an earlier one remains
LOCK_SECONDS = 2.0  # to wait for a predecessor that is ending
SHARES = localfile.fcntl is not None  # False (Windows): a lock has one owner, and is kept to the end

log = logging.getLogger("uvideo.server")


class Folder:
    """The folder of a server that accepts connections.  ``alone``: no other process had requests in flight for it.

    ``facts``: fields that each ``say`` writes.  ``crashes``: the number of starts after a server that ended without
    being told to stop.
    """

    def __init__(self, path: Path, lock: int, *, takes_over: bool = True) -> None:
        """``lock``: the open, locked file; this object closes it.  ``takes_over``: whether from a running server."""
        self.path, self.lock = path, lock
        before = state(path)
        counted = before.get("crashes")  # otherwise no server was here, or an older version
        crashed = not takes_over and not before.get("stops")
        self.crashes = counted + crashed if isinstance(counted, int) else 0
        self.facts: dict[str, Any] = {"crashes": self.crashes}
        self._said: dict[str, object] = {}
        try:
            self._serving = _opened(path, SERVING)
            self.alone = self.look_alone()
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def claimed(cls, path: Path) -> Folder:
        """Make the folder if it is missing, and lock it.  StartError if another server accepts connections for it."""
        return cls(path, _locked(path), takes_over=False)

    def look_alone(self) -> bool:
        """Whether no other process has requests in flight now.  Call it only while this server has ``lock``."""
        alone: bool = localfile.lock(self._serving)
        # Others take this lock exclusively only while they have ``lock``, or for as long as this line takes.
        while SHARES and not localfile.lock(self._serving, shared=True):
            time.sleep(localfile.PAUSE)
        return alone

    def say(self, **fields: object) -> None:
        """Write the facts for ``state``, at most SAID bytes.  A full disk is not an error here."""
        self._said = fields
        data = json.dumps({**self.facts, **fields}).encode().ljust(SAID - 1) + b"\n"
        try:
            localfile.write_at(self.lock, data, 0)
        except OSError as failure:
            log.warning("%s cannot be written, so uvideo admin cannot find this server: %s", LOCK, failure.strerror)

    def stops(self) -> None:
        """Write that this server was told to stop, so that the next start counts no crash.  Needs ``lock``."""
        self.say(**self._said, stops=True)

    def give_up(self) -> None:
        """This process accepts no more connections.  After all processes called this, another server may start."""
        if SHARES:
            self._close_lock()

    def close(self) -> None:
        """This process has no more requests in flight."""
        self._close_lock()
        if self._serving >= 0:
            os.close(self._serving)
            self._serving = -1

    def _close_lock(self) -> None:
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1


def claim(folder: Path, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Make the folder and lock it, so that no server can use it; returns the open lock.  StartError.

    While it waits for requests in flight it holds no lock: a server may start.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        lock = _locked(folder)
        try:
            if not _is_in_flight(folder):
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
        if time.monotonic() > deadline:
            said = f"{folder} is in use: a server that is stopping still finishes its requests"
            raise StartError(said, exit_codes.IN_USE)
        sleep(localfile.PAUSE)


def _is_in_flight(folder: Path) -> bool:
    """Whether a process may have requests in flight.  The owner of ``lock`` keeps new ones out."""
    if not (folder / SERVING).exists():
        return False
    serving = _opened(folder, SERVING)
    try:
        return not localfile.lock(serving)
    finally:
        os.close(serving)


def is_served(folder: Path) -> bool:
    """Whether a server accepts connections for the folder.  OSError if the folder or its lock does not exist."""
    with localfile.opening(folder / LOCK) as lock:
        return not localfile.lock(lock)


def state(folder: Path) -> dict[str, Any]:
    """The facts of the present or the last server; {} if there are none or they cannot be read."""
    try:
        found = json_document.parse_json((folder / LOCK).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failure:
        raise _unusable(folder, failure) from failure
    lock = _opened(folder, LOCK)
    try:
        if localfile.lock_soon(lock, LOCK_SECONDS):
            return lock
        raise StartError(f"{folder} is in use by another server", exit_codes.IN_USE)
    except BaseException:
        os.close(lock)
        raise


def _opened(folder: Path, name: str) -> int:
    try:
        number: int = localfile.opened(folder / name, os.O_RDWR | os.O_CREAT)
    except OSError as failure:
        raise _unusable(folder, failure) from failure
    return number


def _unusable(folder: Path, failure: OSError) -> StartError:
    said = f"{folder} cannot be used as the server's folder: {failure.strerror}"
    return StartError(said, exit_codes.of_system(failure, exit_codes.FOLDER))
