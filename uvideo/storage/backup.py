"""Backup and restore of a folder with disk blobs and a SQLite catalog; a backup runs while the server runs.

A backup has the layout of the folder::

    catalog.db, identity   a snapshot of the catalog, and the identity that it shares with the blobs
    blobs/<2 hex>/<name>   the bytes that its objects name
    incoming/<name>        the drafts of its unfinished uploads
    backup.json            when it began and ended, and what it contains

The catalog is copied in one read transaction, under a hold on the folder: from then on nothing that it names is
unlinked.  So the backup is the folder as it was at that instant.  Sealed blobs never change, so on the same file system
they are hard-linked, and a later backup to the same place adds only new blobs.  Drafts are written in place, so they
are always copied.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from uvideo._core import json_document, localfile
from uvideo.storage.backup_hold import HELD, hold
from uvideo.storage.base import PART_LIST
from uvideo.storage.disk import check_name, write_at
from uvideo.storage.key_lock import turn

__all__ = ["BackupError", "Copied", "MissingBytes", "backup", "restore"]

CATALOG, IDENTITY, CREDENTIALS, ABOUT = "catalog.db", "identity", "credentials.json", "backup.json"
BLOBS, DRAFTS, QUARANTINE = "blobs", "incoming", "quarantine"
UNFINISHED = ".unfinished"  # suffix of a file that is being written
UNFINISHED_BACKUP = frozenset(
    ("lock", BLOBS, DRAFTS, IDENTITY, CATALOG + UNFINISHED, ABOUT + UNFINISHED, CREDENTIALS + UNFINISHED)
)
RESTORING = "restore.unfinished"  # exists until a restored folder has its catalog
BATCH = 500  # names per query
PIECE = 1024 * 1024  # bytes of one read
#: Errors of link() after which only a copy works: another file system, one without links, too many links.
NO_LINK = frozenset((errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES))

#: part_blobs: what an older catalog, which has no such table, is given for the time of the backup.
PART_BLOBS = "CREATE TEMP TABLE part_blobs (blob TEXT, owner TEXT, size BIGINT)"
OWN_BLOBS = f"SELECT blob, size FROM objects WHERE blob IS NOT NULL AND blob NOT LIKE '{PART_LIST}%'"
NAMED_BLOBS = f"SELECT blob, MAX(size) FROM ({OWN_BLOBS} UNION ALL SELECT blob, size FROM part_blobs) GROUP BY blob"
NAMED_DRAFTS = "SELECT draft, EXISTS (SELECT 1 FROM parts WHERE parts.upload_id = uploads.upload_id) FROM uploads"
KEYS_OF = """
    SELECT spaces.name, objects.key FROM objects JOIN spaces USING (space_id)
    WHERE blob = ?1 OR blob IN (SELECT owner FROM part_blobs WHERE blob = ?1)
    UNION ALL SELECT spaces.name, uploads.key FROM uploads JOIN spaces USING (space_id)
    WHERE draft IN (SELECT owner FROM part_blobs WHERE blob = ?1)"""
KEYS_OF_DRAFT = "SELECT spaces.name, uploads.key FROM uploads JOIN spaces USING (space_id) WHERE draft = ?"


#: The path of the file for a name.
Place = Callable[[str], Path]


class BackupError(Exception):
    """The backup or restore cannot be done.  The text is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class MissingBytes:
    """An object or unfinished upload that the catalog names, but whose bytes are missing or too few."""

    space: str
    key: str
    reason: str


@dataclass(slots=True)
class Copied:
    """``objects``, ``uploads``: what the catalog names.  ``linked``, ``copied``, ``kept`` (already there): files of
    bytes.  ``stored``: bytes copied.  ``removed``: files of an earlier backup that nothing names any more.
    ``missing``: objects and uploads without bytes.  ``credentials``: whether credentials.json was copied too."""

    objects: int = 0
    uploads: int = 0
    linked: int = 0
    copied: int = 0
    kept: int = 0
    stored: int = 0
    removed: int = 0
    missing: int = 0
    credentials: bool = False


def backup(
    folder: Path,
    target: Path,
    *,
    link: bool = True,
    credentials: bool = False,
    report: Callable[[MissingBytes], None] = lambda missing: None,
) -> Copied:
    """Back ``folder`` up to ``target``: a new or empty folder, or an earlier backup of the same catalog.

    ``link``: use hard links where the file system supports them.  ``credentials``: copy credentials.json too.
    ``report`` is called with each object that has no bytes.  BackupError, Busy, Taken, OSError; the earlier backup is
    then still whole.
    """
    _check_source(folder)
    _check_apart(folder, target)
    identity = _identity(folder)
    _check_target(target, identity)
    _make_folders(target)
    with _locked(target), hold(folder):
        about: dict[str, object] = {"identity": identity, "began": time.time()}
        aside = target / (CATALOG + UNFINISHED)
        with turn(folder) if credentials else contextlib.nullcontext():  # so that the key pair fits the catalog
            _snapshot(folder / CATALOG, aside)
            pair = (folder / CREDENTIALS).read_bytes() if credentials else None
        with contextlib.closing(_opened_copy(aside)) as catalog:
            _write_about(target, about)
            done = _carry(catalog, (*_places(folder), *_aside(folder)), target, link, report)
            _copy(folder / IDENTITY, target / IDENTITY)
            if pair is not None:
                localfile.write(target / (CREDENTIALS + UNFINISHED), pair)
                localfile.replace(target / (CREDENTIALS + UNFINISHED), target / CREDENTIALS)
            done.credentials = (target / CREDENTIALS).exists()
            replace(aside, target / CATALOG)
            done.removed = remove_unnamed(catalog, target)
        _write_about(target, {**about, "completed": time.time(), **asdict(done)})
    return done


def restore(
    source: Path,
    folder: Path,
    claim: Callable[[Path], int],
    *,
    report: Callable[[MissingBytes], None] = lambda missing: None,
) -> Copied:
    """Restore a backup to a server's folder; ``folder`` is new or empty, or one whose restore was interrupted.

    Always copies, so the backup shares no file with a server.  ``claim`` locks the folder against servers and returns
    the open lock.  BackupError, OSError; the folder then has no catalog, and the same call continues the restore.
    """
    if not (source / CATALOG).is_file() or not (source / ABOUT).is_file():
        raise BackupError(f"{source} is not a complete backup: it has no {CATALOG} and {ABOUT}")
    _check_apart(source, folder)
    if not (folder / RESTORING).exists() and _foreign(folder, {"lock"}):
        raise BackupError(
            f"{folder} is not empty: give a new folder, and keep this one until the server runs on the new one"
        )
    lock = claim(folder)
    try:
        return _restore(source, folder, report)
    finally:
        os.close(lock)


def _restore(source: Path, folder: Path, report: Callable[[MissingBytes], None]) -> Copied:
    marker = folder / RESTORING
    _make_folders(folder)
    _copy(source / ABOUT, marker)
    aside = folder / (CATALOG + UNFINISHED)
    _snapshot(source / CATALOG, aside)
    with contextlib.closing(_opened_copy(aside)) as catalog:
        (sound,) = catalog.execute("PRAGMA integrity_check(1)").fetchone()
        if sound != "ok":
            raise BackupError(f"the catalog of {source} is damaged: {sound}")
        done = _carry(catalog, _places(source), folder, False, report)
    _copy(source / IDENTITY, folder / IDENTITY)
    if (source / CREDENTIALS).exists():
        _copy(source / CREDENTIALS, folder / CREDENTIALS)
        done.credentials = True
    replace(aside, folder / CATALOG)
    marker.unlink()
    localfile.sync_folder(folder)
    return done


# Checks of the folders


def _check_source(folder: Path) -> None:
    if not (folder / CATALOG).is_file():
        raise BackupError(
            f"{folder} has no {CATALOG}: it is not a server's folder, or its catalog is in PostgreSQL (then use "
            "pg_dump: docs/cluster.md, Backup and restore)"
        )
    if not localfile.is_own(folder.stat()):
        raise BackupError(f"{folder} belongs to another user: run this as the server's user")


def _check_apart(one: Path, other: Path) -> None:
    first, second = one.resolve(), other.resolve()
    if first.is_relative_to(second) or second.is_relative_to(first):
        raise BackupError(f"{other} and {one}: one contains the other; give a separate folder")


def _foreign(folder: Path, known: Collection[str]) -> bool:
    """Whether a folder contains anything except these names."""
    return folder.exists() and any(path.name not in known for path in folder.iterdir())


def _check_target(target: Path, identity: str) -> None:
    """BackupError if the target contains anything except a backup with this identity."""
    try:
        earlier = json_document.parse_json((target / ABOUT).read_bytes())
    except FileNotFoundError:
        if _foreign(target, UNFINISHED_BACKUP):
            raise BackupError(f"{target} contains something other than a backup: give a new or empty folder") from None
    except ValueError:
        raise BackupError(f"{target / ABOUT} cannot be read: give a new or empty folder") from None
    else:
        if not isinstance(earlier, dict) or earlier.get("identity") != identity:
            raise BackupError(f"{target} is a backup of another server: give a new or empty folder")


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Lock the target: one backup at a time writes to it."""
    with localfile.opening(target / "lock", os.O_RDWR | os.O_CREAT) as fd:
        if not localfile.lock(fd):
            raise BackupError(f"{target} is in use by another backup or by a server")
        yield


# The catalog


def _opened(path: Path) -> sqlite3.Connection:
    """Open an existing catalog; never create one."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=30.0, isolation_level=None)


def _opened_copy(path: Path) -> sqlite3.Connection:
    """A copy of a catalog, of this schema or an older one."""
    catalog = _opened(path)
    if not catalog.execute("SELECT 1 FROM sqlite_master WHERE name = 'part_blobs'").fetchone():
        catalog.execute(PART_BLOBS)
    return catalog


def _snapshot(source: Path, target: Path) -> None:
    """Copy a catalog in one read transaction, while servers write to it."""
    for leftover in (target, *(target.with_name(target.name + end) for end in ("-wal", "-shm", "-journal"))):
        leftover.unlink(missing_ok=True)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(_opened(source)) as there, contextlib.closing(_opened(target)) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode = DELETE")  # a single file without a log; a server switches it back to WAL


def _names(catalog: sqlite3.Connection) -> Iterator[tuple[str, str, int]]:
    """(folder, name, least bytes) of every file that the catalog names; 0 bytes for a draft."""
    for draft, has_parts in catalog.execute(NAMED_DRAFTS):  # first: a running server still changes them
        if has_parts:
            yield DRAFTS, draft, 0
    for blob, size in catalog.execute(NAMED_BLOBS):
        yield BLOBS, blob, size


def _identity(folder: Path) -> str:
    """The identity that the folder's catalog and blobs share (``uvideo.storage.identity``)."""
    try:
        with contextlib.closing(_opened(folder / CATALOG)) as catalog:
            (ours,) = catalog.execute("SELECT identity FROM identity").fetchone() or (None,)
        theirs = (folder / IDENTITY).read_text("ascii", "replace").strip()
    except (sqlite3.OperationalError, FileNotFoundError):
        ours = theirs = None
    if ours is None or ours != theirs:
        raise BackupError(
            f"the catalog and the blobs of {folder} do not have the same identity: start the server on it first"
        )
    return str(ours)


def _count(catalog: sqlite3.Connection, table: str) -> int:
    (count,) = catalog.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    return int(count)


# The bytes


def _carry(
    catalog: sqlite3.Connection,
    places: tuple[Place, ...],
    target: Path,
    link: bool,
    report: Callable[[MissingBytes], None],
) -> Copied:
    """Copy or link every file that the catalog names to the target, from the first of the places that has it."""
    done = Copied(objects=_count(catalog, "objects"), uploads=_count(catalog, "uploads"))
    for kind, name, size in _names(catalog):
        check_name(name)
        goal = _draft(target, name) if kind == DRAFTS else _blob(target, name)
        if kind == BLOBS and _is_there(goal, size):
            done.kept += 1
            continue
        try:
            stored = _bring(places, name, size, goal, link and kind == BLOBS)
        except _Lost as lost:
            for space, key in catalog.execute(KEYS_OF if kind == BLOBS else KEYS_OF_DRAFT, (name,)).fetchall():
                done.missing += 1
                report(MissingBytes(space, key.decode(), str(lost)))
        else:
            done.linked += stored is None
            done.copied += stored is not None
            done.stored += stored or 0
    for folder in _folders(target):
        localfile.sync_folder(folder)
    return done


class _Lost(Exception):
    """The reason why bytes are missing."""


def _bring(places: tuple[Place, ...], name: str, size: int, goal: Path, link: bool) -> int | None:
    """The bytes copied, None if the file was linked.  A file only moves from one of the places to a later one."""
    lost = "its bytes are missing"
    for place in places:
        path = place(name)
        with contextlib.suppress(FileNotFoundError):
            there = path.stat().st_size
            if there < size:
                lost = f"only {there} of its {size} bytes exist"
            elif link and _link(path, goal):
                return None
            else:
                return _copy(path, goal)
    raise _Lost(lost)


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size >= size
    except FileNotFoundError:
        return False


def _link(source: Path, goal: Path) -> bool:
    """Create a hard link.  False if only a copy works."""
    goal.unlink(missing_ok=True)  # too short: a copy that lost its end
    try:
        os.link(source, goal)
    except OSError as failure:
        if failure.errno in NO_LINK:
            return False
        raise
    return True


def _copy(source: Path, goal: Path) -> int:
    """Copy a file's present bytes, without holes; the copy gets its name once durable.  Returns the byte count."""
    aside = goal.with_name(goal.name + UNFINISHED)
    copied = 0
    with open(source, "rb", buffering=0) as there, open(aside, "wb", buffering=0, opener=localfile.opened) as here:
        size = os.fstat(there.fileno()).st_size
        for first, end in _extents(there.fileno(), size):
            offset = first
            while offset < end:
                piece = localfile.read_at(there.fileno(), min(PIECE, end - offset), offset)
                if not piece:
                    break  # truncated in the meantime: no object named the rest
                with localfile.named(goal):
                    offset += write_at(here.fileno(), [piece], offset)
            copied += offset - first
        with localfile.named(goal):
            os.ftruncate(here.fileno(), size)
            localfile.sync(here.fileno(), data=True)
    localfile.replace(aside, goal)
    return copied


def _extents(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """(first, end) of every extent that is not a hole."""
    end = 0
    if not hasattr(os, "SEEK_DATA"):
        yield 0, size
        return
    while end < size:
        try:
            first = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as failure:
            if failure.errno == errno.ENXIO:  # a hole up to the end
                return
            raise
        end = min(size, os.lseek(fd, first, os.SEEK_HOLE))
        yield first, end


def replace(aside: Path, path: Path) -> None:
    """Rename a finished file to its final name, durably."""
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    with open(aside, "r+b") as file:
        localfile.sync(file.fileno())
    localfile.replace(aside, path)
    localfile.sync_folder(path.parent)


def _write_about(target: Path, about: dict[str, object]) -> None:
    aside = target / (ABOUT + UNFINISHED)
    with open(aside, "w", encoding="utf-8", opener=localfile.opened) as file:
        file.write(json.dumps(about, indent=1) + "\n")
    replace(aside, target / ABOUT)


def remove_unnamed(catalog: sqlite3.Connection, target: Path) -> int:
    """Remove the files of an earlier or interrupted backup that the catalog does not name.  The last step."""
    removed = 0
    for folder in _folders(target):
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        for first in range(0, len(names), BATCH):
            batch = names[first : first + BATCH]
            marks = ", ".join("?" * len(batch))
            tables = [("draft", "uploads")] if folder.name == DRAFTS else [("blob", "objects"), ("blob", "part_blobs")]
            unnamed = set(batch)
            for column, table in tables:
                known = catalog.execute(f"SELECT {column} FROM {table} WHERE {column} IN ({marks})", batch)
                unnamed.difference_update([name for (name,) in known])
            for name in unnamed:
                (folder / name).unlink()
                removed += 1
    return removed


def _draft(root: Path, name: str) -> Path:
    return root / DRAFTS / name


def _blob(root: Path, name: str) -> Path:
    return root / BLOBS / name[:2] / name


def _places(root: Path) -> tuple[Place, ...]:
    return partial(_draft, root), partial(_blob, root)


def _aside(root: Path) -> tuple[Place, ...]:
    """Where a server moves deleted files during a hold, and where a sweep puts unnamed files."""
    return tuple(folder.joinpath for folder in (root / HELD, root / QUARANTINE / DRAFTS, root / QUARANTINE / BLOBS))


def _folders(root: Path) -> list[Path]:
    return [root / DRAFTS, *(root / BLOBS / f"{number:02x}" for number in range(256))]


def _make_folders(root: Path) -> None:
    for folder in (root, root / BLOBS, *_folders(root)):
        folder.mkdir(mode=0o700, parents=folder == root, exist_ok=True)
