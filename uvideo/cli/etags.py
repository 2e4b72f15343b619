"""A cache of local files' etags across runs: a file is hashed again only if it changed."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

from uvideo import Cancel, etag
from uvideo.cli.display import Line
from uvideo.cli.walk import Entry
from uvideo.errors import LocalFailure, SourceChanged
from uvideo.models import Progress

__all__ = ["Etags", "cache_file", "hashed"]

VERSION = 2
INTEGERS = range(-(1 << 63), 1 << 63)  # of SQLite; times after the year 2262 are none
#: Nanoseconds.  A file changed less than this before it was hashed may have changed again within one tick of its clock,
#: so its etag is not cached.  COARSE: for file systems whose times are whole milliseconds or more.
FINE, COARSE = 50_000_000, 2_000_000_000
#: Etags that are written in one transaction, which is short: other processes use the same cache.
BATCH = 500


def cache_file() -> Path:
    """The path of the cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "uvideo" / "etags.sqlite"


class _Watched:
    """A file being hashed: it checks for cancellation and reports progress."""

    def __init__(self, file: FileIO, entry: Entry, cancel: Cancel, line: Line | None) -> None:
        self._file, self._entry, self._cancel, self._line = file, entry, cancel, line
        self._done = 0

    def readinto(self, buffer: memoryview) -> int:
        self._cancel.check()
        size = self._file.readinto(buffer) or 0
        self._done += size
        if self._line is not None:
            self._line(Progress("upload", "", "", self._entry.path, self._done, self._entry.size))
        return size


def hashed(entry: Entry, cancel: Cancel, line: Line | None = None) -> tuple[str, os.stat_result]:
    """(the etag of a file, its os.stat_result afterwards).  LocalFailure, Cancelled."""
    assert entry.path is not None
    try:
        with open(entry.path, "rb", buffering=0) as file:
            return etag(cast(BinaryIO, _Watched(file, entry, cancel, line))), os.fstat(file.fileno())
    except OSError as error:
        raise LocalFailure(f"{entry.path}: {error.strerror}") from error


class Etags:
    """Cached etags of files by path, size, mtime_ns, ctime_ns and inode.  Safe to share between threads; close it.

    A cache that cannot be used is no error: all files are then hashed.  fresh: hash all files, whatever is cached.
    Files of 0 bytes are not cached: those of /proc say so whatever they contain.
    """

    def __init__(self, path: Path | None = None, fresh: bool = False) -> None:
        self._fresh, self._writes = fresh, True
        self._lock = threading.Lock()
        self._pending = dict[bytes, tuple[int, int, int, int, str]]()  # path -> what is not written yet
        self.database: sqlite3.Connection | None = None
        path = path or cache_file()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.database = self._opened(path)
        except sqlite3.OperationalError:  # another process writes to it, or the disk is full: keep the cache
            pass
        except sqlite3.DatabaseError:
            try:
                path.unlink(missing_ok=True)
                self.database = self._opened(path)
            except (sqlite3.Error, OSError):
                pass
        except OSError:
            pass

    def _opened(self, path: Path) -> sqlite3.Connection:
        made = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
        try:
            made.execute("PRAGMA synchronous=OFF")
            if made.execute("PRAGMA user_version").fetchone()[0] != VERSION:  # otherwise write nothing, lock nothing
                made.execute("DROP TABLE IF EXISTS etags")
                made.execute(
                    "CREATE TABLE etags (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,"
                    " inode INTEGER, etag TEXT) WITHOUT ROWID"
                )
                made.execute(f"PRAGMA user_version={VERSION}")
                made.commit()
        except BaseException:
            made.close()
            raise
        return made

    def of(self, entry: Entry, cancel: Cancel, line: Line | None = None) -> str:
        """The etag of a file.  LocalFailure, SourceChanged, Cancelled."""
        assert entry.path is not None
        found = None if self._fresh else self.find(entry)
        if found is not None:
            return found
        began = time.time_ns()
        made, now = hashed(entry, cancel, line)
        if (now.st_size, now.st_mtime_ns) != (entry.size, entry.mtime_ns):
            raise SourceChanged()
        self._keep_read(entry, now, made, began)
        return made

    def uploaded(self, entry: Entry, known: str, began: int) -> None:
        """Cache the etag that a verified upload found for a file.  began: when it began to read it, Unix ns."""
        assert entry.path is not None
        try:
            self._keep_read(entry, os.stat(entry.path), known, began)
        except OSError:
            return

    def downloaded(self, path: str, known: str, size: int) -> None:
        """Cache the etag of a file that a verified download wrote."""
        try:
            found = os.stat(path)
        except OSError:
            return
        if _is_fine(found) and found.st_size == size:
            self._keep(path, found, known)

    def _keep_read(self, entry: Entry, now: os.stat_result, known: str, began: int) -> None:
        """Cache the etag of a file that was read since ``began``, if it certainly did not change since."""
        before = (entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode)
        is_same = before == (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)
        if is_same and began - max(now.st_mtime_ns, now.st_ctime_ns) > (FINE if _is_fine(now) else COARSE):
            assert entry.path is not None
            self._keep(entry.path, now, known)

    def find(self, entry: Entry) -> str | None:
        """The cached etag of a file, or None."""
        assert entry.path is not None
        name = _name(entry.path)
        with self._lock:
            if self.database is None:
                return None
            found = self._pending.get(name)
            if found is None:
                try:
                    found = self.database.execute(
                        "SELECT size, mtime_ns, ctime_ns, inode, etag FROM etags WHERE path=?", (name,)
                    ).fetchone()
                except sqlite3.Error:
                    return None
        if found is None or found[:4] != (entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode):
            return None
        return str(found[4])

    def _keep(self, path: str, found: os.stat_result, known: str) -> None:
        about = found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
        if not found.st_size or not all(each in INTEGERS for each in about):
            return
        with self._lock:
            if self.database is None or not self._writes:
                return
            self._pending[_name(path)] = (*about, known)
            if len(self._pending) >= BATCH:
                self._write()

    def flush(self) -> None:
        """Write what was cached to the disk."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        rows, self._pending = self._pending, {}
        if self.database is None or not rows:
            return
        try:
            with self.database:
                self.database.executemany(
                    "INSERT OR REPLACE INTO etags VALUES (?, ?, ?, ?, ?, ?)",
                    [(name, *row) for name, row in rows.items()],
                )
        except sqlite3.Error:  # another process writes, or the disk is full: wait for it only once
            self._writes = False

    def close(self) -> None:
        self.flush()
        with self._lock:
            if self.database is not None:
                self.database.close()
                self.database = None


def _name(path: str) -> bytes:
    return os.fsencode(os.path.abspath(path))


def _is_fine(found: os.stat_result) -> bool:
    """Whether the file system's times are finer than milliseconds, as far as the file's own times show."""
    return found.st_mtime_ns % 1_000_000 != 0 or found.st_ctime_ns % 1_000_000 != 0
