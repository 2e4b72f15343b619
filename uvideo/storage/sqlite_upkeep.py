"""Keeping the files of a SQLite catalog small: its log (``-wal``) after it grew, the database after many deletes.

SQLite begins its log anew, but never shortens it; while somebody reads for long it only grows.  And it keeps the pages
of deleted rows for new ones.  Both are done in steps that hold the lock for moments.
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

EVERY, LATER = 1.0, 60.0  # seconds between two looks; and after one that failed
PROMPT = 1.0  # seconds within which a look answers unless something is locked
LOG = 8 * 1024 * 1024  # bytes of the log that are left alone; it begins anew at 4 MiB if nobody reads for long
FEW = 1000  # pages of the log that may be copied while the lock is held
HOLD = 0.02  # seconds of a step that holds the lock
PAUSE = 0.08  # seconds between two of them
LEAST = 1024  # free pages that are left alone
BEGIN, END = 8, 32  # shrink from an eighth of free pages on to a thirty-second
INCREMENTAL = 2  # of PRAGMA auto_vacuum
SPARE = 64 * 1024 * 1024  # bytes that stay free on the disk

log = logging.getLogger("uvideo.storage")


class Kept(Protocol):
    """What is asked of the catalog."""

    async def apart(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """On a thread and a connection of its own."""

    async def write(self, work: Callable[[sqlite3.Connection], T], *, frees: bool = False) -> T:
        """In a transaction."""

    def refuse(self) -> None:
        """A look takes long: something is locked."""


async def upkeep(path: Path, catalog: Kept) -> None:
    """For ever: look at the database ``path`` and its log, and shorten what is too long."""
    while True:
        wait = EVERY
        try:
            await _look(path, catalog)
        except (asyncio.TimeoutError, Unreachable):
            pass  # who reads or writes is told
        except OSError as failure:
            log.warning("the catalog's files are shortened later: %s", failure.strerror)
            wait = LATER
        except Exception:
            log.exception("the catalog's files could not be shortened")
            wait = LATER
        await asyncio.sleep(wait)


async def _look(path: Path, catalog: Kept) -> None:
    looking = asyncio.ensure_future(catalog.apart(_pages))
    done, _ = await asyncio.wait([looking], timeout=PROMPT)
    if not done:
        catalog.refuse()
    free, pages, mode = await looking
    if _log_size(path) > LOG and not await catalog.apart(truncate_log):
        return  # somebody reads: what is written now would only lengthen the log
    if mode != INCREMENTAL or free <= max(LEAST, pages // BEGIN):
        return
    before, least = pages, max(LEAST // 4, pages // END)
    while free > least and _log_size(path) <= LOG:
        free, pages = await catalog.write(lambda db: shrink(db, least), frees=True)
        await asyncio.sleep(PAUSE)
    await catalog.apart(truncate_log)
    log.info("the catalog is %d pages shorter, %d are left", before - pages, pages)


def _pages(db: sqlite3.Connection) -> tuple[int, int, int]:
    """Free pages, all pages, PRAGMA auto_vacuum."""
    return _number(db, "freelist_count"), _number(db, "page_count"), _number(db, "auto_vacuum")


def _number(db: sqlite3.Connection, name: str) -> int:
    ((value,),) = db.execute(f"PRAGMA {name}").fetchall()
    return int(value)


def _log_size(path: Path) -> int:
    try:
        return os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return 0


def shrink(db: sqlite3.Connection, least: int, seconds: float = HOLD) -> tuple[int, int]:
    """Within a transaction, cut free pages off for so long, or until ``least`` are left; (free pages, all pages)."""
    end = time.monotonic() + seconds
    free = _number(db, "freelist_count")
    while free > least and time.monotonic() < end:
        db.execute("PRAGMA incremental_vacuum(1)")  # more than one at once Python would not wait for
        free -= 1
    return _number(db, "freelist_count"), _number(db, "page_count")


def truncate_log(db: sqlite3.Connection) -> bool:
    """Copy the log into the database and cut it to nothing; False while somebody reads what is in it.

    Most is copied beside writers; they wait for the rest only.
    """
    db.execute("PRAGMA busy_timeout = 100")
    ((_, pages, copied),) = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    if pages - copied > FEW:
        return False
    ((is_busy, _, _),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return not is_busy


def compact(path: Path, db: sqlite3.Connection) -> Compacted:
    """Give all free pages back, beside servers.  NoRoom.

    A database that cannot shrink in steps is written anew once, which makes it one that can; writers wait meanwhile.
    """
    before = _size(path)
    free, pages, mode = _pages(db)
    if mode == INCREMENTAL:
        waited = _in_steps(db)
    else:
        needed = 2 * (pages - free) * _number(db, "page_size") + SPARE
        if localfile.free(path.parent) < needed:
            raise NoRoom(f"the disk needs {needed} free bytes for this, twice the catalog: nothing was changed")
        began = time.monotonic()
        _rewrite(path, db)
        waited = time.monotonic() - began
    for _ in range(50):  # somebody who reads keeps the log; the server cuts it later
        if truncate_log(db):
            break
        time.sleep(PAUSE)
    return Compacted(before, _size(path), waited)


def _in_steps(db: sqlite3.Connection) -> float:
    """The longest time that the lock was held."""
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
    """One transaction: killed or without room, it has not happened."""
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
