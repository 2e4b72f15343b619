"""Where a download writes: a file that appears once it is complete, or a stream.  Threads write at offsets."""

from __future__ import absolute_import, division, print_function

import errno
import hashlib
import io
import os
import stat
import uuid
from contextlib import closing

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # it may be absent

from ..protocol.compat import PY2, TYPE_CHECKING
from ..protocol.errors import InvalidArgument, LocalFailure
from . import localfile
from .upload_source import failing, local, shown

if TYPE_CHECKING:
    from typing import Any, Callable, Iterator  # noqa: F401

    from ..protocol.message import Slice  # noqa: F401
    from .localfile import Path  # noqa: F401

#: Bytes: no disk space is reserved for smaller files.
ROOM = 1024 * 1024
#: Bytes reserved in one step, and seconds that reserving may take: some systems write zeros instead.
STEP, PATIENCE = 64 * 1024 * 1024, 0.25
_PIECE = 256 * 1024
#: The most symbolic links followed in a row, as many as the system follows.
LINKS = 40
#: Temporary files of one target before further ones get random names.
SLOTS = 8
#: How often a temporary name is tried that another process gave up meanwhile.
TRIES = 4

_OPEN = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)


def opened(target):
    # type: (Path) -> FileTarget | StreamTarget
    """The target at a path: a StreamTarget for a device, pipe, socket or open descriptor, else a FileTarget.

    A symbolic link to a file is kept, and the file it points to is replaced.  A name in the system's folder of
    descriptors (/dev/stdout, /dev/fd/3, the shell's ``>(command)``) is not followed as a link but written to.
    """
    try:
        place = _text(getattr(os, "fspath", lambda same: same)(target))
        if not os.path.isabs(place):
            place = os.path.join(os.path.abspath(place[:0]), place)  # independent of the working directory
        status = _status(os.lstat, place)
        for _ in range(LINKS):
            if _is_descriptor(place, status):
                return StreamTarget(None, place)
            if status is None or not stat.S_ISLNK(status.st_mode):
                break
            _check_link(place)
            place = os.path.join(os.path.dirname(place), os.readlink(place))
            status = _status(os.lstat, place)
        else:
            raise LocalFailure(u"%s: %s" % (shown(target), shown(os.strerror(errno.ELOOP))))
    except (TypeError, ValueError, AttributeError):
        raise InvalidArgument(u"the local file is a %s; a path is needed" % type(target).__name__)
    except EnvironmentError as error:
        raise local(error, target)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise LocalFailure(u"%s is a directory; name a file in it" % shown(target))
    if status is not None and not stat.S_ISREG(status.st_mode):
        return StreamTarget(None, place)
    folder = os.path.dirname(place)
    if not os.access(folder, os.W_OK | os.X_OK):
        if not os.path.isdir(folder):
            raise LocalFailure(u"the directory %s does not exist" % shown(folder))
        raise LocalFailure(u"the directory %s cannot be written to" % shown(folder))
    return FileTarget(target, place, None if status is None else stat.S_IMODE(status.st_mode) & 0o777)


def _status(ask, path):
    # type: (Callable[[str], os.stat_result], str) -> os.stat_result | None
    """The os.stat_result from ``ask(path)``; None if the path does not exist or cannot be examined."""
    try:
        return ask(path)
    except EnvironmentError:
        return None


def _is_descriptor(path, status):
    # type: (str, os.stat_result | None) -> bool
    """Whether a path names a process's open descriptor.  Its link may point to another file by now, or to none."""
    if status is None:
        return False
    if stat.S_ISLNK(status.st_mode):
        found = _status(os.lstat, "/proc/self")
        return found is not None and found.st_dev == status.st_dev
    return os.path.dirname(path) == "/dev/fd"  # on systems where these are not links


def _own(path):
    # type: (str) -> int | None
    """The number of this process's descriptor that a path names, or None."""
    folder, name = os.path.split(path)
    if not name.isdigit():
        return None
    folder, ours = os.path.realpath(folder), os.path.realpath("/proc/self")
    is_own = folder in ("/dev/fd", ours + "/fd") or (folder.startswith(ours + "/task/") and folder.endswith("/fd"))
    return int(name) if is_own else None


def _text(path):
    # type: (str | bytes) -> str
    if PY2:
        return path
    return os.fsdecode(path)


def _stream(path):
    # type: (str) -> io.FileIO
    """The raw file to write to at the path of a device, pipe or descriptor.

    A descriptor of this process is shared, with its file position.  Any other file is appended to.
    """
    number = _own(path)
    if number is not None:
        descriptor = os.dup(number)
    else:
        descriptor = localfile.opened(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOCTTY", 0))
    try:
        return io.open(descriptor, "wb", 0)
    except BaseException:  # it is a directory
        os.close(descriptor)
        raise


def _check_link(path):
    # type: (str) -> None
    """LocalFailure for another user's link in a sticky folder.  The system does not follow such a link either."""
    if not os.path.islink(path) or not localfile.HAS_OWNERS:
        return
    folder, owner = os.stat(os.path.dirname(path) or "."), os.lstat(path).st_uid
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    if shared and owner not in (os.geteuid(), folder.st_uid):
        raise LocalFailure(u"%s is a link of another user in a shared folder" % shown(path))


class FileTarget(object):
    """A temporary file beside the target, which replaces the target once the download is complete.

    An existing target keeps its permissions (not set-uid).  A symbolic link is followed, unless another user left it in
    a shared folder such as /tmp.  ``mode``: an existing target's permissions.  Any number of threads may write, each
    through its own ``handle``.  A thread that is late writes to that handle's file and no other.
    """

    sequential = False

    def __init__(self, path, final, mode):
        # type: (Path, str, int | None) -> None
        self.path, self._final, self._mode = path, final, mode
        self.temporary = None  # type: Any  # its path
        self.file = None  # type: Any  # a raw file
        self._named = False

    def named(self, name):
        # type: (str) -> str
        """The path of a temporary file with this name."""
        return os.path.join(os.path.dirname(self._final), name)

    def start(self, size, temporary=None):
        # type: (int | None, str | None) -> None
        """Create the temporary file, and reserve ``size`` bytes (None: unknown).  May be called again to start over.

        ``temporary``: the file's path; ``leave`` then keeps the file.  None: one of the target's own names, which
        replaces what an earlier run left there.
        """
        self._drop()
        self._named = temporary is not None
        mode = 0o666 if self._mode is None else 0o600
        with failing(self.path):
            if temporary is None:
                self.temporary, self.file = self._aside(mode)
            else:
                if os.path.lexists(temporary):
                    localfile.remove(temporary)
                self.temporary = temporary
                self.file = _made(temporary, mode)
            if self._mode is not None:
                os.chmod(self.temporary, self._mode)
            if size is not None and size > ROOM:
                self._make_room(size)

    def _names(self):
        # type: () -> Iterator[str]
        """The paths of this target's temporary files.  The process that locks one owns it."""
        name = os.path.basename(self._final)  # type: Any
        if not isinstance(name, bytes):
            name = name.encode("utf-8", "strict" if PY2 else "surrogatepass")
        for slot in range(SLOTS if localfile.LOCKS else 0):
            yield self.named(".%s.part" % hashlib.sha256(name + b"/%d" % slot).hexdigest()[:32])

    def _aside(self, mode):
        # type: (int) -> tuple[str, io.FileIO]
        """(path, file) of a new temporary file.  A leftover of an earlier run at this path is removed."""
        for path in self._names():
            for _ in range(TRIES):
                try:
                    file, is_new = _made(path, mode), True  # type: io.FileIO | None, bool
                except EnvironmentError:
                    file, is_new = _found(path), False
                if file is None or not _locked(file, path):
                    break
                if is_new:
                    return path, file
                localfile.remove(path, file.close)
        path = self.named(".%s.part" % uuid.uuid4().hex)
        return path, _made(path, mode)

    def reclaim(self):
        # type: () -> bool
        """Continue with an earlier run's temporary file that no process uses.  False if there is none."""
        for path in self._names():
            file = _found(path)
            if file is not None and _locked(file, path):
                self._drop()
                self.temporary, self.file, self._named = path, file, False
                with failing(self.path):
                    if self._mode is not None:
                        os.chmod(path, self._mode)
                return True
        return False

    def adopt(self, temporary, size):
        # type: (str, int) -> bool
        """Continue with an earlier run's temporary file.  False if it is missing or was changed."""
        here, there = [_status(os.stat, os.path.dirname(path)) for path in (self._final, temporary)]
        if here is None or there is None or (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            return False
        file = _found(temporary)
        if file is None:
            return False
        if os.fstat(file.fileno()).st_size != size:
            file.close()
            return False
        self._drop()
        self.temporary, self.file, self._named = temporary, file, True
        return True

    def identity(self):
        # type: () -> list[int]
        """A value that distinguishes the temporary file from another one of its name."""
        status = os.fstat(self.file.fileno())
        return [status.st_dev, status.st_ino]

    def _make_room(self, size):
        # type: (int) -> None
        """Reserve disk space.  LocalFailure before the download begins if the disk is too full."""
        number = self.file.fileno()
        free = localfile.free(self.temporary, reserve=True)
        if free is not None and free < size:
            reason = u"%s: %s: %d bytes are needed and %d are free"
            raise LocalFailure(reason % (shown(self.path), shown(os.strerror(errno.ENOSPC)), size, free))
        self.file.truncate(size)
        done, until = 0, localfile.ticks() + PATIENCE
        while hasattr(os, "posix_fallocate") and done < size and localfile.ticks() < until:
            try:
                os.posix_fallocate(number, done, min(STEP, size - done))
            except EnvironmentError as error:
                if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV):
                    return
                raise
            done += STEP

    def handle(self):
        # type: () -> _Handle
        """A _Handle for one thread, which must close it."""
        try:
            return _Handle(_file(os.dup(self.file.fileno())), self.path)
        except EnvironmentError as error:
            raise local(error, self.path)
        except (ValueError, AttributeError):
            raise LocalFailure(u"%s: its download has ended" % shown(self.path))

    def digest(self, where):
        # type: (Slice) -> bytes
        """The binary SHA-1 of a Slice of the temporary file."""
        sha1 = hashlib.sha1()
        with closing(self.handle()) as handle:
            for offset in range(where.offset, where.offset + where.length, _PIECE):
                sha1.update(handle.read(min(_PIECE, where.offset + where.length - offset), offset))
        return sha1.digest()

    def length(self):
        # type: () -> int
        """Bytes of the temporary file."""
        return os.fstat(self.file.fileno()).st_size

    def sync(self):
        # type: () -> None
        """Wait until all written bytes are on the disk."""
        with failing(self.path), localfile.opening(self.temporary, _OPEN) as descriptor:
            localfile.sync(descriptor, data=True)

    def commit(self, size):
        # type: (int) -> None
        """Replace the target with the temporary file.  ``size``: the file's length in bytes."""
        with failing(self.path):
            if os.fstat(self.file.fileno()).st_size != size:
                self.file.truncate(size)
            # keep the lock until no process can take the file for a leftover
            with _file(os.dup(self.file.fileno())) as held:
                self.file.close()
                localfile.replace(self.temporary, self._final, held.close)
                self.temporary = self.file = None

    def leave(self):
        # type: () -> None
        """After a failure: remove the temporary file, but keep one whose path the caller gave for a later run."""
        if self._named:
            self._close()
        else:
            self._drop()

    def remove(self):
        # type: () -> None
        """Remove the temporary file, whatever its name."""
        self._drop()

    def _close(self):
        # type: () -> None
        if self.file is not None:
            try:
                self.file.close()
            except EnvironmentError:
                pass

    def _drop(self):
        # type: () -> None
        if self.temporary is not None:
            _removed(self.temporary, self._close)
        self._close()
        self.temporary = self.file = None


def _file(descriptor):
    # type: (int) -> io.FileIO
    return os.fdopen(descriptor, "r+b", 0)


def _made(path, mode):
    # type: (str, int) -> io.FileIO
    """A new file at a path."""
    return _file(localfile.opened(path, _OPEN | os.O_CREAT | os.O_EXCL, mode))


def _found(path):
    # type: (str) -> io.FileIO | None
    """This user's file at a path, or None.  A file that another user planted there is not opened."""
    try:
        file = _file(localfile.opened(path, _OPEN))
    except EnvironmentError:
        return None
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or not localfile.is_own(status):
        file.close()
        return None
    return file


def _locked(file, path):
    # type: (io.FileIO, str) -> bool
    """Whether the file was locked for this process, until the file is closed.  If not, the file is closed here."""
    try:
        if localfile.lock(file.fileno()) and localfile.is_at(file.fileno(), path, os.lstat):
            return True
    except EnvironmentError:  # the file system has no locks
        _removed(path, file.close)
    file.close()
    return False


def _removed(path, close=None):
    # type: (str, Callable[[], object] | None) -> None
    try:
        localfile.remove(path, close)
    except EnvironmentError:
        pass


class _Handle(object):
    """One thread's access to the file."""

    def __init__(self, file, path):
        # type: (io.FileIO, Path) -> None
        self.file, self._number, self._path = file, file.fileno(), path

    def write(self, data, offset):
        # type: (memoryview, int) -> None
        """Write the whole memoryview.  LocalFailure."""
        with failing(self._path):
            localfile.write_at(self._number, data, offset)

    def read(self, size, offset):
        # type: (int, int) -> bytes
        """Up to ``size`` bytes, b"" at the end.  LocalFailure."""
        with failing(self._path):
            return localfile.read_at(self._number, size, offset)

    def finish(self):
        # type: () -> None
        """Close it.  LocalFailure: a network file system or a quota may refuse only now what was written before."""
        with failing(self._path):
            self.file.close()

    def close(self):
        # type: () -> None
        """Close it after a failure, or after reading."""
        try:
            self.file.close()
        except EnvironmentError:
            pass


class StreamTarget(object):
    """A device, pipe or descriptor at ``path``, or the caller's ``file`` from its position, which stays open.

    One thread writes.  Bytes written before a failure stay.
    """

    sequential = True
    #: Types that take a memoryview and do not keep it.  Anything else is given bytes.
    _OURS = (io.RawIOBase, io.BufferedIOBase)

    def __init__(self, file, path=None):
        # type: (Any, str | None) -> None  # file: whatever has write()
        self.file, self.path, self._given = file, path or "", file is not None
        self._at, self._start = 0, 0  # type: int, int | None

    def start(self, size, temporary=None):
        # type: (int | None, str | None) -> None
        """Begin, or start over.  LocalFailure if it cannot seek back."""
        if self.file is None:
            with failing(self.path):
                self.file = _stream(self.path)
            self._start = None if _own(self.path) is None else self._position()
        elif self._at:
            self._back()
        else:
            self._start = self._position()

    def _position(self):
        # type: () -> int | None
        """The file's position; None if it cannot seek back or appends every write."""
        try:
            if fcntl is not None and fcntl.fcntl(self.file.fileno(), fcntl.F_GETFL) & os.O_APPEND:
                return None
        except (EnvironmentError, ValueError, AttributeError, TypeError):
            pass  # not a file of the system
        try:
            return int(self.file.tell())
        except (EnvironmentError, ValueError, AttributeError, TypeError):
            return None

    def _back(self):
        # type: () -> None
        try:
            if self._start is None:
                raise ValueError()
            self.file.seek(0, 2)
            ends = self.file.tell() == self._start + self._at
            self.file.seek(self._start)
            if ends:  # the new content may be shorter
                self.file.truncate()
        except (EnvironmentError, ValueError, AttributeError, TypeError):
            raise LocalFailure(
                u"%s cannot be rewritten from its start: it has %d bytes and cannot seek" % (self._shown(), self._at)
            )
        self._at = 0

    def handle(self):
        # type: () -> StreamTarget
        return self

    def write(self, data, offset):
        # type: (memoryview | bytes, int) -> None
        """Append the whole memoryview.  LocalFailure."""
        if offset < self._at:
            self._back()
        size = len(data)
        if isinstance(data, memoryview) and not isinstance(self.file, self._OURS):
            data = data.tobytes()
        try:
            while len(data):
                written = self.file.write(data)
                if written is None and isinstance(self.file, io.RawIOBase):
                    raise ValueError("it is non-blocking; give a blocking one")
                data = data[len(data) if written is None else written :]  # a pipe may take fewer bytes
        except (ValueError, TypeError) as error:  # includes io.UnsupportedOperation
            raise LocalFailure(u"%s cannot be written to: %s" % (self._shown(), shown(str(error))))
        except EnvironmentError as error:
            raise local(error, self._shown())
        self._at += size

    def finish(self):
        # type: () -> None
        """``commit`` closes it, but for the caller's file, which stays open."""

    close = finish

    def commit(self, size):
        # type: (int) -> None
        with failing(self._shown()):
            if not self._given:
                self.file.close()
            elif hasattr(self.file, "flush"):
                self.file.flush()

    def leave(self):
        # type: () -> None
        if not self._given and self.file is not None:
            try:
                self.file.close()
            except EnvironmentError:
                pass

    remove = leave

    def _shown(self):
        # type: () -> str
        return shown(self.path if not self._given else getattr(self.file, "name", u"the file object"))
