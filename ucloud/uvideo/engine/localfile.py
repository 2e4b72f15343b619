"""Local files on Linux, macOS and Windows: locks, syncs, renames, and access at offsets.

On Windows an open file cannot be renamed, replaced or removed; a folder cannot be opened; and a lock covers bytes,
which no other process can read then.  On macOS only F_FULLFSYNC waits for the disk itself.
"""

from __future__ import absolute_import, division, print_function

import contextlib
import os
import threading
import time
from errno import EACCES, EAGAIN, EDEADLK, EEXIST, ENOSPC, EPERM, EWOULDBLOCK

try:
    import fcntl as fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # it may be absent
try:
    import msvcrt
except ImportError:  # all others
    msvcrt = None  # type: ignore[assignment]  # as above

from ..protocol.compat import PY2, TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Callable, Iterator  # noqa: F401

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

#: Whether a file can be renamed, replaced and removed while it is open.
MOVES_OPEN = fcntl is not None
#: The error from removing or renaming a file that is open; empty where that is allowed.
IN_USE = () if MOVES_OPEN else (EnvironmentError if PY2 else PermissionError,)  # type: tuple[type[EnvironmentError], ...]
#: Whether files can be locked at all.
LOCKS = fcntl is not None or msvcrt is not None
#: Whether files have an owner and permissions that restrict readers.
HAS_OWNERS = hasattr(os, "geteuid")
#: The byte that a lock covers on Windows: the last lockable one, beyond the end of all but huge files.
BYTE = 0x7FFFFFFE
#: Seconds to retry a name that Windows refuses (a virus scanner may have the file open), and between two tries.
PATIENCE, PAUSE = 1.0, 0.01
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
_BUSY = (EACCES, EAGAIN, EDEADLK, EWOULDBLOCK, 0)  # 0: Wine gives no reason
_FULLY = getattr(fcntl, "F_FULLFSYNC", None)
#: Seconds that never go back (on Python 2.7 they may).
ticks = getattr(time, "monotonic", time.time)


def opened(path, flags=os.O_RDWR, mode=0o600):
    # type: (Path, int, int) -> int
    """A descriptor as from os.open, in binary mode and not inherited by child processes."""
    return os.open(path, flags | _FLAGS, mode)


@contextlib.contextmanager
def opening(path, flags=os.O_RDWR, mode=0o600):
    # type: (Path, int, int) -> Iterator[int]
    """As ``opened``, closed at the end of the block."""
    number = opened(path, flags, mode)
    try:
        yield number
    finally:
        os.close(number)


def is_own(status):
    # type: (os.stat_result) -> bool
    """Whether an os.stat_result's file belongs to this user; True where the system has no owners."""
    return not HAS_OWNERS or status.st_uid == os.geteuid()


def is_open_to_others(status, bits=0o077):
    # type: (os.stat_result, int) -> bool
    """Whether permissions give other users access; False on Windows, where permissions do not say."""
    return HAS_OWNERS and bool(status.st_mode & bits)


def belong(number, folder):
    # type: (int, Path) -> None
    """If root made this file, give it to the owner of its folder: a server that runs as that user must open it."""
    if not HAS_OWNERS or os.geteuid() != 0:
        return
    status = os.stat(folder)
    try:
        os.fchown(number, status.st_uid, status.st_gid)
    except EnvironmentError:
        pass  # the file system has no owners


# Locks


def lock(number, shared=False):
    # type: (int, bool) -> bool
    """Lock a descriptor's file until its last descriptor is closed.  False if another process holds the lock.

    ``shared``: a shared lock.  Windows has none, so there the second of two holders gets False.  EnvironmentError where
    the file system has no locks.
    """
    try:
        if fcntl is not None:
            fcntl.flock(number, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        elif msvcrt is not None:
            _lock_byte(number)
    except EnvironmentError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _lock_byte(number):
    # type: (int) -> None
    place = os.lseek(number, 0, os.SEEK_CUR)
    os.lseek(number, BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # Windows has them
    finally:
        os.lseek(number, place, os.SEEK_SET)


def lock_soon(number, seconds, pause=PAUSE):
    # type: (int, float, float) -> bool
    """As ``lock``, retried for ``seconds``."""
    until = ticks() + seconds
    while not lock(number):
        if ticks() >= until:
            return False
        time.sleep(pause)
    return True


def folder_lock(folder):
    # type: (str | os.PathLike[str]) -> int
    """A descriptor to lock for work in a folder: the folder's own, or a file's where folders cannot be opened."""
    if MOVES_OPEN:
        return opened(folder, os.O_RDONLY)
    return opened(os.path.join(folder, ".uvideo.lock"), os.O_RDWR | os.O_CREAT)


def is_at(number, path, ask=os.stat):
    # type: (int, Path, Callable[[Any], os.stat_result]) -> bool
    """Whether an open file still has this name.  ``ask``: os.stat, or os.lstat to not follow a link."""
    if not MOVES_OPEN:
        return True  # an open file cannot be moved here
    try:
        one, other = os.fstat(number), ask(path)
    except EnvironmentError:
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


# Syncs


def sync(number, data=False):
    # type: (int, bool) -> None
    """Wait until a file is on the disk.  ``data``: only its bytes and length, not its times."""
    if _FULLY is not None:
        try:
            fcntl.fcntl(number, _FULLY)
            return
        except EnvironmentError:
            pass  # not supported here; fsync reports any other error
    (getattr(os, "fdatasync", os.fsync) if data else os.fsync)(number)


def sync_folder(folder):
    # type: (Path) -> None
    """Wait until the names in a folder are on the disk.  Windows writes them together with the files."""
    if not MOVES_OPEN:
        return
    with opening(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)) as number:
        sync(number)


@contextlib.contextmanager
def named(path):
    # type: (Path) -> Iterator[None]
    """Add the file's path to a system error about a descriptor, for example of a full disk."""
    try:
        yield
    except EnvironmentError as error:
        if error.filename is None and error.errno is not None:
            error.filename = os.fspath(path) if hasattr(os, "fspath") else path
        raise


def write(path, content):
    # type: (Path, bytes) -> None
    """Create a file, readable by its owner only, and sync it.  A failure leaves no part of it."""
    try:
        with opening(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC) as number, named(path):
            write_at(number, content, 0)
            sync(number)
    except BaseException:
        _tidy(path)
        raise


def _tidy(path):
    # type: (Path) -> None
    try:
        remove(path)
    except EnvironmentError:
        pass


# Names


def replace(source, target, close=None):
    # type: (Path, Path, Callable[[], object] | None) -> None
    """Rename ``source`` to ``target``, replacing it.

    ``close()``: closes the source if the caller has it open: after the rename, or before it on Windows.
    """
    _renamed(lambda: _patiently(_replace, source, target), close)


def remove(path, close=None):
    # type: (Path, Callable[[], object] | None) -> None
    """Remove a file.  ``close()``: as in ``replace``."""
    _renamed(lambda: _patiently(os.remove, path), close)


def _renamed(work, close):
    # type: (Callable[[], object], Callable[[], object] | None) -> None
    if close is None:
        work()
    elif MOVES_OPEN:
        try:
            work()
        finally:
            close()
    else:
        close()
        work()


def supplant(aside, path, held):
    # type: (Path, Path, int) -> bool
    """Rename the closed file ``aside`` to ``path``, whose locked descriptor is ``held``.

    ``held`` then is the new file's descriptor, locked.  False if another process got the lock: Windows cannot replace
    an open file, so the lock is free there for a moment.  EnvironmentError.  Close ``held`` in any case.
    """
    if MOVES_OPEN:
        with opening(aside) as number:
            lock(number)
            replace(aside, path)
            _become(held, number)
        return True
    with opening(os.devnull) as nothing:
        _become(held, nothing)  # keep the caller's descriptor number
    try:
        replace(aside, path)
    finally:
        with opening(path) as number:
            is_ours = lock_soon(number, PATIENCE)
            if is_ours:
                _become(held, number)
    return is_ours


def _become(number, other):
    # type: (int, int) -> None
    os.dup2(other, number, *(() if PY2 else (False,)))


def _patiently(work, *names):
    # type: (Callable[..., object], *Path) -> object
    """Call ``work``.  Where open files cannot be moved, retry for a moment."""
    until = ticks() + PATIENCE
    while True:
        try:
            return work(*names)
        except EnvironmentError as error:
            if MOVES_OPEN or error.errno not in (EACCES, EPERM) or ticks() >= until:
                raise
        time.sleep(PAUSE)


def _replace(source, target):
    # type: (Path, Path) -> None
    if hasattr(os, "replace"):
        return os.replace(source, target)
    if os.name != "nt":
        return os.rename(source, target)
    import ctypes  # on Windows, Python 2.7's rename does not replace

    coding = "mbcs"
    names = [name.decode(coding) if isinstance(name, bytes) else name for name in (source, target)]
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]  # Windows has it
    kernel.MoveFileExW.argtypes = [ctypes.c_wchar_p, ctypes.c_wchar_p, ctypes.c_uint32]
    if not kernel.MoveFileExW(names[0], names[1], 1):  # MOVEFILE_REPLACE_EXISTING
        raise ctypes.WinError(ctypes.get_last_error())  # type: ignore[attr-defined]  # as above


def place(source, target):
    # type: (Path, Path) -> None
    """Rename a closed file to a new name.  EnvironmentError with EEXIST if the name is taken."""
    if os.name == "nt":
        os.rename(source, target)  # does not replace on Windows; FAT has no hard links
    elif hasattr(os, "link"):
        os.link(source, target)
        os.remove(source)
    else:
        raise EnvironmentError(EEXIST, "files cannot be renamed here", target)


# Bytes


def _some(count):
    # type: (int) -> int
    """``count``, the bytes written.  EnvironmentError for 0, instead of trying forever."""
    if not count:
        raise EnvironmentError(ENOSPC, os.strerror(ENOSPC))
    return count


if hasattr(os, "pwrite"):

    def read_at(number, size, offset):
        # type: (int, int, int) -> bytes
        """Up to ``size`` bytes at an offset, b"" at the end."""
        return os.pread(number, size, offset)

    def write_at(number, data, offset):
        # type: (int, bytes | bytearray | memoryview, int) -> None
        """Write all of ``data`` at an offset."""
        data = memoryview(data)
        while len(data):
            count = _some(os.pwrite(number, data, offset))
            data, offset = data[count:], offset + count

else:  # Windows, Python 2.7
    _turn = threading.Lock()  # all descriptors of an open file share one position

    def read_at(number, size, offset):
        # type: (int, int, int) -> bytes
        """Up to ``size`` bytes at an offset, b"" at the end."""
        with _turn:
            os.lseek(number, offset, os.SEEK_SET)
            return os.read(number, size)

    def write_at(number, data, offset):
        # type: (int, bytes | bytearray | memoryview, int) -> None
        """Write all of ``data`` at an offset."""
        data = memoryview(data)
        while len(data):
            with _turn:
                os.lseek(number, offset, os.SEEK_SET)
                count = _some(os.write(number, data))
            data, offset = data[count:], offset + count


def free(path, reserve=False):
    # type: (Path, bool) -> int
    """Free bytes on the disk of a file or folder; None if the system does not say.

    ``reserve``: include the part reserved for root, if this user is root.
    """
    if hasattr(os, "statvfs"):
        disk = os.statvfs(path)
        return disk.f_frsize * (disk.f_bavail if not reserve or os.geteuid() else disk.f_bfree)
    import shutil

    if not hasattr(shutil, "disk_usage"):
        return None  # type: ignore[return-value]  # Python 2.7 on Windows
    folder = path if os.path.isdir(path) else os.path.dirname(path) or "."  # before Python 3.8, Windows takes no file
    return shutil.disk_usage(folder).free
