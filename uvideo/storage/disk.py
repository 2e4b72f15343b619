"""Blobs on a disk: written to a temporary file, synced, renamed.

Below the root::

    incoming/<name>            drafts, and blobs being written
    blobs/<2 hex>/<name>       sealed blobs
    quarantine/incoming/<name> unnamed files that a sweep found; their time is that of the sweep
    quarantine/blobs/<name>
    identity                   the identity shared with the catalog
    reading/                   links that long readings hold (``disk_links``)

A name is 32 hex digits chosen here.  A rename from the first folder to the second seals a blob; a draft keeps its name.
Several processes may work on one folder.  All work that may wait for the disk runs on the driver's own few threads;
work that a cancelled call began there ends before the same file is closed or removed.  A few system calls that only
touch the system's memory run on the loop: a hop to a thread and back costs ten times more.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import re
import struct
import threading
import time
import uuid
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from uvideo._core import errors, localfile
from uvideo.storage import backup_hold, disk_links
from uvideo.storage.base import (
    KEEP,
    Absent,
    BlobHold,
    BlobReader,
    BlobWriter,
    Damaged,
    FileRegion,
    Freed,
    Named,
    PartRecord,
    PartSlot,
    Quarantined,
    SweepStopped,
)

__all__ = ["DiskBlobs"]

T = TypeVar("T")

THREADS = 8
PIECE = 1024 * 1024  # bytes of one read
FEW = 8  # files that a hold has open; more are held by links
SMALL = 64 * 1024  # bytes; a smaller write is not worth a hop to a thread
LEAST_FREE = 16 * 1024 * 1024  # bytes
BATCH = 500  # names per query
TAKEN_AT_ONCE, SHARE = 100, 10  # a sweep takes at most 100 files, or a tenth of all if that is more
FIRST_WAIT, LONGEST_WAIT = 0.001, 0.05  # seconds between two attempts to get a lock of another process
MOST_BUFFERS = os.sysconf("SC_IOV_MAX") if hasattr(os, "sysconf") else 1024

_NAME = re.compile(r"[0-9a-f]{32}")
_GOES = getattr(os, "O_TEMPORARY", 0)  # Windows: the file is deleted when its last descriptor closes
#: Locks of an open file, not of a process: they also exclude threads, and closing another descriptor keeps them.
OPEN_FILE_LOCK: int | None = getattr(localfile.fcntl, "F_OFD_SETLK", None)


class DiskBlobs:
    """Blobs below ``root``, which is created if missing (folders 0700, files 0600).

    ``fsync=False`` leaves syncing to the system: acknowledged bytes survive kill -9 but not a loss of power.
    ``block_size``: bytes of every part except the last.  ``keep``: seconds in the quarantine.  ``clock``: unix seconds.
    """

    def __init__(
        self,
        root: Path,
        *,
        fsync: bool = True,
        block_size: int = 4 * 1024 * 1024,
        keep: float = KEEP,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.block_size, self.keep, self._clock = block_size, keep, clock
        self._fsync = fsync
        self._root = Path(root)
        self._incoming = self._root / "incoming"
        self._blobs = self._root / "blobs"
        self._shelves = [self._blobs / f"{number:02x}" for number in range(256)]
        self._quarantine = self._root / "quarantine"
        self._identity = self._root / "identity"
        self._links = disk_links.Links(self._root / "reading")
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="uvideo-disk")
        self._turns: weakref.WeakValueDictionary[tuple[str, int], asyncio.Lock] = weakref.WeakValueDictionary()
        self._entered: set[str] = set()  # drafts whose directory entry is known to be durable

    async def start(self, *, create: bool = True) -> None:
        if not create and not self._blobs.is_dir():
            raise Absent(f"there are no blobs in {self._root}")
        await self.run(self._make_ready)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._shut)

    async def check(self) -> None:
        await self.run(self._probe)

    async def identity(self) -> str | None:
        return await self.run(self._read_identity)

    async def identify(self, identity: str) -> None:
        await self.run(self._write_identity, identity)

    async def has_any(self, names: Sequence[str]) -> bool:
        return await self.run(lambda: any(map(has_bytes, self._places(names))))

    async def is_empty(self) -> bool:
        folders = [self._incoming, *self._shelves, *self._cells()]
        return await self.run(lambda: not any(known.st_size for each in folders for _, known in files_in(each)))

    async def writer(self) -> BlobWriter:
        return _DiskWriter(self, self.draft())

    def draft(self) -> str:
        return uuid.uuid4().hex

    def part(self, draft: str, part: int) -> AbstractAsyncContextManager[PartSlot]:
        if part < 0:
            raise ValueError(f"part {part}: numbers begin at 0")
        return self._locked(DiskPartSlot(self, draft, part), draft, part)

    @asynccontextmanager
    async def _locked(self, lock: L, draft: str, part: int) -> AsyncIterator[L]:
        async with self._turn(draft, part):
            try:
                await until(lock.enter, self.brief)
                yield lock
            finally:
                lock.leave()

    def _turn(self, draft: str, part: int) -> asyncio.Lock:
        """The lock of this process for a part, or for the whole draft where parts have no locks of their own.

        It wakes waiting tasks at once.  And a waiting task does not have the draft open, so Windows can rename it.
        """
        return self._turns.setdefault((draft, part if OPEN_FILE_LOCK is not None else -1), asyncio.Lock())

    async def seal(
        self, draft: str, parts: Sequence[PartRecord], confirm: Callable[[], Awaitable[None]] | None = None
    ) -> str:
        if [p.part for p in parts] != list(range(len(parts))) or any(p.size != self.block_size for p in parts[:-1]):
            raise ValueError("a draft on a disk has parts 0, 1, 2 ... in order, all but the last one block long")
        async with self._locked(_DiskSealing(self, draft, sum(p.size for p in parts)), draft, -1) as sealing:
            if confirm is not None:
                await confirm()
            await self.brief(sealing.seal)
        self._entered.discard(draft)
        return draft

    async def discard(self, draft: str) -> None:
        await self.run(backup_hold.delete, self._root, self.draft_path(draft), self.blob_path(draft))
        self._entered.discard(draft)

    async def open(self, blob: str) -> BlobReader:
        reader = _DiskReader(self, self.blob_path(blob))
        reader.open()
        return reader

    async def hold(self, blobs: Sequence[str]) -> BlobHold:
        names = dict.fromkeys(blobs)
        if len(names) <= FEW:
            hold = _DiskHold(self, None)
            try:
                for name in names:
                    hold.add(self.blob_path(name))
            except BaseException:
                await hold.close()
                raise
            return hold
        making = asyncio.ensure_future(self.run(self._links.make, map(self.blob_path, names)))
        try:
            return _DiskHold(self, await asyncio.shield(making))
        except asyncio.CancelledError:
            making.add_done_callback(self._unlink)
            raise

    def _unlink(self, made: asyncio.Future[Path | None]) -> None:
        """Remove the links of a reading that was given up."""
        folder = None if made.cancelled() or made.exception() else made.result()
        if folder is not None:
            self.later(partial(disk_links.remove, folder))

    async def delete(self, blob: str) -> None:
        await self.run(backup_hold.delete, self._root, self.blob_path(blob))

    async def sweep(self, named: Named, older_than: float, freed: Freed | None = None, *, limited: bool = True) -> int:
        await self.run(backup_hold.release, self._root)
        await self.run(self._links.remove_stale)
        await self.take_back(named)
        everything = unnamed = taken = 0
        suspects = list[Path]()
        for folder in await self.run(lambda: [*filter(has_entries, [self._incoming, *self._shelves])]):
            count, names = await self.run(old_names, folder, older_than)
            found = sum([len(batch) async for _, batch in _asked(named, names)])
            everything, unnamed = everything + count, unnamed + found
            suspects += [folder] if found else []
        if limited and unnamed > max(TAKEN_AT_ONCE, everything // SHARE):
            raise SweepStopped(
                f"the catalog does not name {unnamed} of {everything} blobs and drafts, so it may be the wrong "
                "catalog. Nothing was removed. If it is the right one, run `uvideo admin gc DIR --no-limit`"
            )
        for folder in suspects:
            _, names = await self.run(old_names, folder, older_than)
            async for _, batch in _asked(named, names):
                taken += await self.run(self._put_aside, folder, batch)
        expired = await self.run(self._expire)
        if freed is not None:
            freed.blobs, freed.size = freed.blobs + expired.files, freed.size + expired.size
        return taken

    async def take_back(self, named: Named) -> int:
        back = 0
        for cell in self._cells():
            _, names = await self.run(old_names, cell, math.inf)
            async for batch, _ in _asked(named, names):
                back += await self.run(self._bring_back, cell, batch)
        return back

    async def quarantined(self) -> Quarantined:
        return await self.run(self._count_quarantined)

    async def relieve(self, named: Named, free: int) -> int:
        await self.take_back(named)
        return await self.run(self._make_room, free)

    # For this driver's writers, slots and readers

    def draft_path(self, name: str) -> Path:
        """The path of a draft.  ValueError as ``check_name``."""
        check_name(name)
        return self._incoming / name

    def blob_path(self, name: str) -> Path:
        """The path of a blob.  ValueError as ``check_name``."""
        check_name(name)
        return self._blobs / name[:2] / name

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run ``work`` on a thread of this driver."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def brief(self, work: Callable[..., T], *arguments: object, size: int = 0) -> T:
        """Run ``work`` on the loop if it needs no sync and writes few bytes (``size``), else on a thread."""
        if self._fsync or size > SMALL:
            return await self.run(work, *arguments)
        return work(*arguments)

    def later(self, work: Callable[[], object]) -> None:
        """Run ``work`` on a thread of this driver (directly if the driver is closed), without waiting for it."""
        try:
            self._threads.submit(work)
        except RuntimeError:
            work()

    def sync_file(self, fd: int) -> None:
        if self._fsync:
            localfile.sync(fd, data=True)

    def sync_entry(self, path: Path) -> None:
        """Make a file's name durable."""
        if self._fsync:
            localfile.sync_folder(path.parent)

    def sync_draft_entry(self, draft: str) -> None:
        """Make the name of a draft durable, once for each draft or nearly so."""
        if self._fsync and draft not in self._entered:
            localfile.sync_folder(self._incoming)
            if len(self._entered) >= 10_000:
                self._entered.clear()
            self._entered.add(draft)

    # Work on threads

    def _shut(self) -> None:
        self._threads.shutdown()
        self._links.close()

    def _places(self, names: Iterable[str]) -> Iterator[Path]:
        """The paths where these blobs and drafts may be."""
        for name in names:
            yield self.blob_path(name)
            yield self.draft_path(name)
            yield from (cell / name for cell in self._cells())

    def _read_identity(self) -> str | None:
        try:
            found = self._identity.read_text("ascii", "replace").strip()
        except FileNotFoundError:
            return None
        if not _NAME.fullmatch(found):
            raise OSError(
                errno.EIO, "it is not an identity: restore it from a backup, or remove it", str(self._identity)
            )
        return found

    def _write_identity(self, identity: str) -> None:
        aside = self._identity.with_name(f".identity.{self.draft_path(identity).name}")
        try:
            localfile.write(aside, identity.encode() + b"\n")
            localfile.replace(aside, self._identity)
        except BaseException:
            remove(aside)
            raise
        self.sync_entry(self._identity)

    def _cells(self) -> list[Path]:
        return [self._quarantine / "incoming", self._quarantine / "blobs"]

    def _in_quarantine(self) -> list[tuple[float, int, Path]]:
        """(time of the sweep, bytes, path) of each file, oldest first."""
        found = [(known, path) for cell in self._cells() for path, known in files_in(cell)]
        return sorted((known.st_mtime, known.st_size, path) for known, path in found)

    def _count_quarantined(self) -> Quarantined:
        found = self._in_quarantine()
        return Quarantined(len(found), sum(size for _, size, _ in found))

    def _put_aside(self, folder: Path, names: Sequence[str]) -> int:
        """Move files to the quarantine; empty files are removed, as they hold no data."""
        cell, now, count = self._quarantine / ("incoming" if folder == self._incoming else "blobs"), self._clock(), 0
        for name in names:
            with contextlib.suppress(FileNotFoundError, *localfile.IN_USE):
                if has_bytes(folder / name):
                    os.utime(folder / name, (now, now))
                    os.rename(folder / name, cell / name)
                else:
                    os.unlink(folder / name)
                count += 1
        return count

    def _bring_back(self, cell: Path, names: Sequence[str]) -> int:
        """Move files back from the quarantine.  If the name exists again, both files stay where they are."""
        count = 0
        for name in names:
            target = self.draft_path(name) if cell.name == "incoming" else self.blob_path(name)
            with contextlib.suppress(FileNotFoundError):
                if not target.exists():
                    os.rename(cell / name, target)
                    self.sync_entry(target)
                    count += 1
        return count

    def _expire(self) -> Quarantined:
        """Remove files that were in the quarantine for ``keep`` seconds; return what was removed."""
        latest = self._clock() - self.keep
        over = [(size, path) for since, size, path in self._in_quarantine() if since <= latest]
        return Quarantined(remove(*(path for _, path in over)), sum(size for size, _ in over))

    def _make_room(self, free: int) -> int:
        count = 0
        for _, _, path in self._in_quarantine():
            if localfile.free(self._quarantine) >= free:
                break
            count += remove(path)
        return count

    def _make_ready(self) -> None:
        folders = [self._incoming, self._blobs, *self._shelves, self._quarantine, *self._cells()]
        if not self._root.is_dir():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.sync_entry(self._root)
        missing = [folder for folder in folders if not folder.is_dir()]
        for folder in missing:
            folder.mkdir(mode=0o700, exist_ok=True)
        for parent in {folder.parent for folder in missing}:
            self.sync_entry(parent / "any")
        try:
            self._probe()
        except OSError as failure:
            if failure.errno not in (errno.ENOSPC, errno.EDQUOT):  # on a full disk blobs can still be read
                raise

    def _probe(self) -> None:
        free = localfile.free(self._incoming)
        if free < LEAST_FREE:
            raise OSError(errno.ENOSPC, f"only {free} bytes are free", str(self._incoming))
        path = self.draft_path(self.draft())
        fd = localfile.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _GOES)
        try:
            if not _GOES:
                remove(path)  # removed while empty: a killed process leaves nothing that looks like data
            write_at(fd, [bytes(4096)], 0)
            self.sync_file(fd)
        finally:
            os.close(fd)


class _Handle:
    """An open file, for one call at a time on any thread: a cancelled call may still be running."""

    def __init__(self, store: DiskBlobs) -> None:
        self._store = store
        self._guard = threading.Lock()
        self._fd = -1
        self._left = False

    def leave(self) -> None:
        """Close the file for good, as soon as a running call has ended."""
        if not self._leave(blocking=False):
            self._store.later(self._leave)

    def _leave(self, *, blocking: bool = True) -> bool:
        if not self._guard.acquire(blocking):
            return False
        try:
            self._left = True
            self._shut()
        finally:
            self._guard.release()
        return True

    def _shut(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class _DiskWriter(_Handle):
    """The first write creates the file, so a small blob costs two hops to a thread instead of three."""

    block = 0

    def __init__(self, store: DiskBlobs, name: str) -> None:
        super().__init__(store)
        self._name = name
        self._path, self._target = store.draft_path(name), store.blob_path(name)
        self._size = 0
        self._fit = True
        self._sealed = False

    async def write(self, chunks: Sequence[bytes]) -> None:
        await self._store.brief(self._write, chunks, size=sum(map(len, chunks)))

    async def settle(self) -> None:
        pass

    async def seal(self) -> str:
        await self._store.brief(self._seal)
        self._sealed = True
        return self._name

    async def discard(self) -> None:
        if not self._sealed:  # also when seal was cancelled: then the name is unknown
            await asyncio.shield(self._store.run(self._discard))  # closes the file even if cancelled

    def _open(self) -> int:
        if not self._fit:
            raise ValueError("this writer has failed, or was sealed or discarded")
        if self._fd < 0:
            self._fd = localfile.opened(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        return self._fd

    def _write(self, chunks: Sequence[bytes]) -> None:
        with self._guard:
            fd = self._open()
            self._fit = False
            self._size += write_at(fd, chunks, self._size)
            self._fit = True

    def _seal(self) -> None:
        with self._guard:
            fd = self._open()
            self._fit = False
            self._store.sync_file(fd)
            localfile.replace(self._path, self._target, self._shut)
            self._store.sync_entry(self._target)

    def _discard(self) -> None:
        with self._guard:
            self._fit = False
            self._shut()
            remove(self._path, self._target)


class _Lock(_Handle):
    """A lock on bytes of a draft's file, from ``enter`` to ``leave``; byte N stands for part N."""

    def __init__(self, store: DiskBlobs, draft: str, first: int, count: int, *, create: bool) -> None:
        super().__init__(store)
        self._path, self._sealed_path = store.draft_path(draft), store.blob_path(draft)
        self._bytes, self._create = (first, count), create

    def enter(self) -> bool:
        """False if another holder has one of the bytes."""
        with self._guard:
            if self._left:
                return True
            if self._fd < 0:
                self._fd = open_draft(self._path, self._sealed_path, create=self._create)
            return try_lock(self._fd, *self._bytes)


L = TypeVar("L", bound=_Lock)


class DiskPartSlot(_Lock):
    def __init__(self, store: DiskBlobs, draft: str, part: int) -> None:
        super().__init__(store, draft, part, 1, create=True)
        self._draft, self._part = draft, part

    async def write(self, chunks: Sequence[bytes]) -> str:
        await self._store.brief(self._write, chunks, size=sum(map(len, chunks)))
        return ""

    def _write(self, chunks: Sequence[bytes]) -> None:
        offset = self._part * self._store.block_size
        if sum(map(len, chunks)) > self._store.block_size:
            raise ValueError(f"part {self._part} is longer than a block")
        with self._guard:
            if self._left:
                raise ValueError("the slot was released")
            if self._sealed_path.exists() and offset < os.fstat(self._fd).st_size:
                raise errors.UploadNotFound("the upload was finished meanwhile")
            write_at(self._fd, chunks, offset)
            self._store.sync_file(self._fd)
            self._store.sync_draft_entry(self._draft)


class _DiskSealing(_Lock):
    """Locks all parts of a draft: no part can be stored, and no other process can seal the draft."""

    def __init__(self, store: DiskBlobs, draft: str, size: int) -> None:
        super().__init__(store, draft, 0, 0, create=size == 0)
        self._size = size

    def seal(self) -> None:
        with self._guard:
            if self._left:
                return
            there = os.fstat(self._fd).st_size
            if there < self._size:
                raise OSError(errno.EIO, f"{there} bytes are there, the parts have {self._size}", str(self._path))
            if self._sealed_path.exists():  # maybe sealed with more parts than these: never cut, only sync
                self._store.sync_file(self._fd)
            else:
                os.ftruncate(self._fd, self._size)
                self._store.sync_file(self._fd)
                localfile.replace(self._path, self._sealed_path, self._shut)
            self._store.sync_entry(self._sealed_path)


class _DiskReader(_Handle):
    has_files = True

    def __init__(self, store: DiskBlobs, path: Path) -> None:
        super().__init__(store)
        self._path = path
        self.size = 0
        self.file: BinaryIO | None = None

    def open(self, copied: BinaryIO | None = None) -> None:
        """``copied``: the same file, open already."""
        with self._guard:
            if not self._left:
                file = self._path if copied is None else os.dup(copied.fileno())
                self.file = open(file, "rb", buffering=0)
                self.size = os.fstat(self.file.fileno()).st_size

    async def read(self, offset: int, length: int) -> AsyncIterator[bytes]:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Damaged(f"the blob {self._path.name} has {self.size} bytes, not {offset + length}")
        while length:
            count = min(length, PIECE)
            piece = self._pread(count, offset) if count <= SMALL else await self._store.run(self._pread, count, offset)
            if not piece:
                raise Damaged(f"the blob {self._path.name} has become shorter: it has {offset} bytes")
            yield piece
            offset += len(piece)
            length -= len(piece)

    async def files(self, offset: int, length: int) -> AsyncGenerator[FileRegion, None]:
        if self.file is None:
            raise ValueError("the reader is closed")
        yield FileRegion(self._path.name, self.file, offset, length)

    async def close(self) -> None:
        self.leave()

    def _shut(self) -> None:
        if self.file is not None:
            self.file.close()

    def _pread(self, count: int, offset: int) -> bytes:
        with self._guard:
            if self.file is None:
                raise ValueError("the reader is closed")
            try:
                return localfile.read_at(self.file.fileno(), count, offset)
            except OSError as failure:
                raise OSError(failure.errno, f"{failure.strerror}: the blob {self._path.name}") from None


class _DiskHold:
    """``folder``: of links to the files, or None."""

    has_files = True

    def __init__(self, store: DiskBlobs, folder: Path | None) -> None:
        self._store, self._folder = store, folder
        self._few = dict[str, _DiskReader]()

    def add(self, path: Path) -> None:
        """Keep a file open."""
        reader = _DiskReader(self._store, path)
        reader.open()
        self._few[path.name] = reader

    async def open(self, blob: str) -> BlobReader:
        held = self._few.get(blob)
        path = self._store.blob_path(blob) if self._folder is None else self._folder / blob
        reader = _DiskReader(self._store, path)
        reader.open(None if held is None else held.file)
        return reader

    async def close(self) -> None:
        for reader in self._few.values():
            reader.leave()
        self._few.clear()
        folder, self._folder = self._folder, None
        if folder is not None:
            self._store.later(partial(disk_links.remove, folder))


def check_name(name: str) -> None:
    """ValueError unless ``name`` has the form of this driver's names: it comes from a catalog and becomes a path."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a blob on a disk: {name!r}")


async def until(attempt: Callable[[], bool], run: Callable[..., Awaitable[bool]]) -> None:
    """Repeat ``attempt`` on a thread until it returns true; the pauses grow."""
    wait = FIRST_WAIT
    while not await run(attempt):
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


def try_lock(fd: int, start: int, length: int) -> bool:
    """Lock bytes of the file for this open file, until it is closed; ``length`` 0: to the end.  False if one is locked.

    Systems other than Linux have no such locks.  There the whole file is locked, so parts are stored in turn.
    """
    if OPEN_FILE_LOCK is None:
        return localfile.lock(fd)
    fcntl = localfile.fcntl
    try:  # struct flock: type, whence, start, length, pid
        fcntl.fcntl(fd, OPEN_FILE_LOCK, struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
    except OSError as failure:
        if failure.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def open_draft(path: Path, sealed: Path, *, create: bool) -> int:
    """A descriptor of the draft, sealed or not; FileNotFoundError if it does not exist and ``create`` is false."""
    for place in (sealed, path, sealed):  # it may move in the meantime
        with contextlib.suppress(FileNotFoundError):
            return localfile.opened(place)
    return localfile.opened(path, os.O_RDWR | (os.O_CREAT if create else 0))


def write_at(fd: int, chunks: Sequence[bytes], offset: int) -> int:
    """Write all chunks in a row from ``offset``; return the number of bytes."""
    views = [memoryview(chunk) for chunk in chunks if chunk]
    first, start = 0, offset
    if not hasattr(os, "pwritev"):
        for view in views:
            localfile.write_at(fd, view, offset)
            offset += len(view)
        return offset - start
    while first < len(views):
        count = os.pwritev(fd, views[first : first + MOST_BUFFERS], offset)
        if not count:
            raise OSError(errno.ENOSPC, "nothing could be written")
        offset += count
        while first < len(views) and count >= len(views[first]):
            count -= len(views[first])
            first += 1
        if count:
            views[first] = views[first][count:]
    return offset - start


def remove(*paths: Path) -> int:
    """Remove the files that exist; return how many.  On Windows an open file is left to a sweep."""
    count = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError, *localfile.IN_USE):
            path.unlink()
            count += 1
    return count


def has_bytes(path: Path) -> bool:
    try:
        return path.stat(follow_symlinks=False).st_size > 0
    except FileNotFoundError:
        return False


def files_in(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """(path, stat) of each file in the folder with a name of this driver."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name):
                try:
                    known = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield Path(entry.path), known


def has_entries(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is not None


def old_names(folder: Path, older_than: float) -> tuple[int, list[str]]:
    """(number of this driver's names in the folder, the names not touched since ``older_than``)."""
    found = [(path.name, known.st_mtime) for path, known in files_in(folder)]
    return len(found), [name for name, touched in found if touched <= older_than]


async def _asked(named: Named, names: Sequence[str]) -> AsyncIterator[tuple[list[str], list[str]]]:
    """(names that the catalog knows, names that it does not know), batch by batch."""
    for first in range(0, len(names), BATCH):
        batch = names[first : first + BATCH]
        known = await named(batch)
        yield [name for name in batch if name in known], [name for name in batch if name not in known]
