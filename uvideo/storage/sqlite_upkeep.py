"""Keeps the files of a SQLite catalog small: its log (``-wal``) after it grew, the database after many deletes.

SQLite reuses its log from the beginning but never shortens it, and during a long read the log only grows.  It keeps the
pages of deleted rows for new rows.  Both files are shortened in steps that hold the lock only briefly.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from uvideo._core import localfile
from uvideo.storage.base import Compacted, NoRoom, Unreachable

__all__ = ["compact", "shrink", "truncate_log", "upkeep"]

T = TypeVar("T")

EVERY, LATER = 1.0, 60.0  # seconds between two checks; and after a failed one
PROMPT = 1.0  # a check that takes longer found a lock
LOG = 8 * 1024 * 1024  # a log up to this many bytes is left alone; without long reads it restarts at 4 MiB
FEW = 1000  # pages of the log that may be copied under the lock
HOLD = 0.02  # seconds that a step holds the lock
PAUSE = 0.08  # seconds between two steps
LEAST = 1024  # free pages that are left alone
BEGIN, END = 8, 32  # start to shrink at one eighth of free pages, stop at one thirty-second
INCREMENTAL = 2  # a value of PRAGMA auto_vacuum
SPARE = 64 * 1024 * 1024  # bytes of the disk that stay free

log = logging.getLogger("uvideo.storage")


class Kept(Protocol):
    """The methods of the catalog that are used here."""

    async def apart(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """The result of ``look``, on a thread with its own connection."""

    async def write(self, work: Callable[[sqlite3.Connection], T], *, frees: bool = False) -> T:
        """The result of ``work``, in a transaction."""

    def refuse(self) -> None:
        """Refuse reads: a check took long, so something is locked."""


async def upkeep(path: Path, catalog: Kept) -> None:
    """Run forever: check the database ``path`` and its log, and shorten them if they are too long."""
    while True:
        wait = EVERY
        try:
            await _look(path, catalog)
        except (asyncio.TimeoutError, Unreachable):
            pass  # the caller of the next read or write is told
        except OSError as failure:
            log.warning("the catalog's files are shrunk later: %s", failure.strerror)
            wait = LATER
        except Exception:
            log.exception("the catalog's files could not be shrunk")
            wait = LATER
        await asyncio.sleep(wait)


async def _look(path: Path, catalog: Kept) -> None:
    looking = asyncio.ensure_future(catalog.apart(_pages))
    done, _ = await asyncio.wait([looking], timeout=PROMPT)
    if not done:
        catalog.refuse()
    free, pages, mode, page_size = await looking
    # A file longer than its database shrank while a reader held the log: no write may ever follow that shortens it.
    if (_log_size(path) > LOG or os.stat(path).st_size > pages * page_size) and not await catalog.apart(truncate_log):
        return  # somebody reads: more writes would only lengthen the log
    if mode != INCREMENTAL or free <= max(LEAST, pages // BEGIN):
        return
    before, least = pages, max(LEAST // 4, pages // END)
    while free > least and _log_size(path) <= LOG:
        free, pages = await catalog.write(lambda db: shrink(db, least), frees=True)
        await asyncio.sleep(PAUSE)
    await catalog.apart(truncate_log)
    log.info("the catalog shrank by %d pages, to %d pages", before - pages, pages)


def _pages(db: sqlite3.Connection) -> tuple[int, int, int, int]:
    """(free pages, all pages, PRAGMA auto_vacuum, bytes of a page)."""
    free, pages = _number(db, "freelist_count"), _number(db, "page_count")
    return free, pages, _number(db, "auto_vacuum"), _number(db, "page_size")


def _number(db: sqlite3.Connection, name: str) -> int:
    ((value,),) = db.execute(f"PRAGMA {name}").fetchall()
    return int(value)


def _log_size(path: Path) -> int:
    try:
        return os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return 0


def shrink(db: sqlite3.Connection, least: int, seconds: float = HOLD) -> tuple[int, int]:
    """In a transaction, cut off free pages for ``seconds`` or until ``least`` are left; (free pages, all pages)."""
    end = time.monotonic() + seconds
    free = _number(db, "freelist_count")
    while free > least and time.monotonic() < end:
        db.execute("PRAGMA incremental_vacuum(1)")  # one page: execute() would not run further steps
        free -= 1
    return _number(db, "freelist_count"), _number(db, "page_count")


def truncate_log(db: sqlite3.Connection) -> bool:
    """Copy the log into the database and truncate it; False while a reader still needs it.

    Most pages are copied while writers run; writers wait only for the rest.
    """
    db.execute("PRAGMA busy_timeout = 100")
    ((_, pages, copied),) = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    if pages - copied > FEW:
        return False
    ((is_busy, _, _),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return not is_busy


def compact(path: Path, db: sqlite3.Connection) -> Compacted:
    """Return all free pages to the disk, while servers run.  NoRoom.

    A database that cannot shrink in steps is rewritten once; after that it can.  Writers wait during the rewrite.
    """
    before = _size(path)
    free, pages, mode, page_size = _pages(db)
    if mode == INCREMENTAL:
        waited = _in_steps(db)
    else:
        needed = 2 * (pages - free) * page_size + SPARE
        if localfile.free(path.parent) < needed:
            raise NoRoom(f"the disk needs {needed} free bytes for this (twice the catalog): nothing was changed")
        began = time.monotonic()
        _rewrite(path, db)
        waited = time.monotonic() - began
    for _ in range(50):  # a reader keeps the log in use; the server truncates it later
        if truncate_log(db):
            break
        time.sleep(PAUSE)
    return Compacted(before, _size(path), waited)


def _in_steps(db: sqlite3.Connection) -> float:
    """Shrink in steps; return the longest time in seconds that the lock was held."""
    longest, free = 0.0, 1
    while free:
        db.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        try:
            free, _ = shrink(db, 0)
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
        longest = max(longest, time.monotonic() - began)
        time.sleep(PAUSE)
    return longest


def _rewrite(path: Path, db: sqlite3.Connection) -> None:
    """Rewrite the database in one transaction: if it is killed or the disk is full, nothing has changed."""
    folder = str(path.parent).replace("'", "''")
    db.execute(f"PRAGMA temp_store_directory = '{folder}'")  # /tmp may be small
    db.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
    try:
        db.execute("VACUUM")
    except sqlite3.Error:
        truncate_log(db)
        raise


def _size(path: Path) -> int:
    return path.stat().st_size + _log_size(path)
