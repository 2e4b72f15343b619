"""Where a download's bytes go: a file that appears when it is complete, or a stream.  Threads write at offsets."""

from __future__ import absolute_import, division, print_function

import errno
import hashlib
import io
import os
import stat
import threading
import time
import uuid

from .protocol.errors import InvalidArgument, LocalFailure
from .source import local, shown

#: Files up to this size have no room set aside before the bytes come.
ROOM = 1024 * 1024
#: Bytes that are set aside in one go, and how many seconds all may take: a system that cannot do it writes zeros.
STEP, PATIENCE = 64 * 1024 * 1024, 0.25
_PIECE = 256 * 1024

_OPEN = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_ticks = getattr(time, "monotonic", time.time)


def opened(target):
    """The target at a path: a FileTarget, or a StreamTarget where a device or pipe is."""
    try:
        status, final = _status(os.lstat, target), _plain(target)
        if final is None or (status is not None and stat.S_ISLNK(status.st_mode)):
            _check_link(target)
            final = os.path.realpath(target)
            status = _status(os.stat, final)
    except (TypeError, ValueError, AttributeError):
        raise InvalidArgument(u"the local file is a %s; a path is needed" % type(target).__name__)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise LocalFailure(u"%s is a directory; name a file in it" % shown(target))
    if status is not None and not stat.S_ISREG(status.st_mode):
        return StreamTarget(None, target)
    folder = os.path.dirname(final)
    if not os.access(folder, os.W_OK | os.X_OK):
        if not os.path.isdir(folder):
            raise LocalFailure(u"the directory %s does not exist" % shown(folder))
        raise LocalFailure(u"the directory %s cannot be written to" % shown(folder))
    return FileTarget(target, final, None if status is None else stat.S_IMODE(status.st_mode) & 0o777)


def _status(ask, path):
    """What ``ask`` says of a path; None if nothing is there, or nothing that can be asked about."""
    try:
        return ask(path)
    except EnvironmentError:
        return None


def _plain(path):
    """A path as it can be used from any folder, if it is; None for one that has to be looked up on the disk first.

    Many small files come with one each: what is asked of the disk is most of their cost.
    """
    path = getattr(os, "fspath", lambda same: same)(path)
    return path if isinstance(path, str) and os.path.isabs(path) and os.path.basename(path) else None


def _check_link(path):
    """LocalFailure for a link that another user left in a sticky folder; the system does not follow it either."""
    if not os.path.islink(path) or not hasattr(os, "geteuid"):
        return
    folder, owner = os.stat(os.path.dirname(path) or "."), os.lstat(path).st_uid
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    if shared and owner not in (os.geteuid(), folder.st_uid):
        raise LocalFailure(u"%s is a link that another user left there" % shown(path))


class FileTarget(object):
    """A temporary file beside the target, which takes its place when all is well.

    An existing target keeps its permissions (not set-uid); a symbolic link is followed, but none that another user left
    in a shared folder such as /tmp.  ``mode``: an existing target's permissions.  Any number of threads may write, each
    with a ``handle`` of its own: one that comes too late then writes nowhere else.
    """

    sequential = False

    def __init__(self, path, final, mode):
        self.path, self._final, self._mode = path, final, mode
        self.temporary = self._file = None
        self._named = False

    def named(self, name):
        """The path of a temporary file of that name."""
        return os.path.join(os.path.dirname(self._final), name)

    def start(self, size, temporary=None):
        """Begin with a new file, again if need be, in which ``size`` bytes have room; None: nobody knows.

        ``temporary``: its path, and then ``leave`` keeps it; else it is a random one.
        """
        self._drop()
        self._named = temporary is not None
        self.temporary = temporary or self.named(".%s.part" % uuid.uuid4().hex)
        try:
            if self._named and os.path.lexists(temporary):
                os.remove(temporary)
            mode = 0o666 if self._mode is None else 0o600
            self._file = _file(os.open(self.temporary, _OPEN | os.O_CREAT | os.O_EXCL, mode))
            if self._mode is not None:
                os.chmod(self.temporary, self._mode)
            if size is not None and size > ROOM:
                self._make_room(size)
        except EnvironmentError as error:
            raise local(error, self.path)

    def adopt(self, temporary, size):
        """Go on with the temporary file of an earlier run.  False if it is not there as that run left it."""
        if os.path.dirname(temporary) != os.path.dirname(self._final):
            return False
        try:
            file = _file(os.open(temporary, _OPEN))
        except EnvironmentError:
            return False
        status = os.fstat(file.fileno())
        ours = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size == size
        if not ours or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
            file.close()
            return False
        self._drop()
        self.temporary, self._file, self._named = temporary, file, True
        return True

    def identity(self):
        """What tells the temporary file from another of its name."""
        status = os.fstat(self._file.fileno())
        return [status.st_dev, status.st_ino]

    def _make_room(self, size):
        """LocalFailure now if the disk is too full, and not when half of it is there."""
        number = self._file.fileno()
        if hasattr(os, "fstatvfs"):
            disk = os.fstatvfs(number)
            free = disk.f_frsize * (disk.f_bavail if os.geteuid() else disk.f_bfree)
            if free < size:
                reason = u"%s: %s: %d bytes are needed and %d are free"
                raise LocalFailure(reason % (shown(self.path), shown(os.strerror(errno.ENOSPC)), size, free))
        os.ftruncate(number, size)
        done, until = 0, _ticks() + PATIENCE
        while hasattr(os, "posix_fallocate") and done < size and _ticks() < until:
            try:
                os.posix_fallocate(number, done, min(STEP, size - done))
            except EnvironmentError as error:
                if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV):
                    return
                raise
            done += STEP

    def handle(self):
        """A _Handle for one thread; it closes it."""
        try:
            return _Handle(_file(os.dup(self._file.fileno())), self.path)
        except EnvironmentError as error:
            raise local(error, self.path)
        except (ValueError, AttributeError):
            raise LocalFailure(u"%s: its download has ended" % shown(self.path))

    def digest(self, where):
        """The binary SHA-1 of a Slice of the temporary file."""
        handle, sha1 = self.handle(), hashlib.sha1()
        try:
            for offset in range(where.offset, where.offset + where.length, _PIECE):
                sha1.update(handle.read(min(_PIECE, where.offset + where.length - offset), offset))
        finally:
            handle.close()
        return sha1.digest()

    def sync(self):
        """Wait until what was written is on the disk."""
        try:
            descriptor = os.open(self.temporary, _OPEN)
            try:
                getattr(os, "fdatasync", os.fsync)(descriptor)
            finally:
                os.close(descriptor)
        except EnvironmentError as error:
            raise local(error, self.path)

    def commit(self, size):
        """Make it the target.  ``size``: of its bytes."""
        try:
            if os.fstat(self._file.fileno()).st_size != size:
                os.ftruncate(self._file.fileno(), size)
            self._file.close()
            getattr(os, "replace", os.rename)(self.temporary, self._final)
            self.temporary = self._file = None
        except EnvironmentError as error:
            raise local(error, self.path)

    def leave(self):
        """After a failure: the temporary file goes, but one that was named is there for a later run."""
        if self._named:
            self._close()
        else:
            self._drop()

    def remove(self):
        """Leave nothing, whatever its name."""
        self._drop()

    def _close(self):
        if self._file is not None:
            try:
                self._file.close()
            except EnvironmentError:
                pass

    def _drop(self):
        self._close()
        if self.temporary is not None:
            try:
                os.remove(self.temporary)
            except EnvironmentError:
                pass
        self.temporary = self._file = None


def _file(descriptor):
    return os.fdopen(descriptor, "r+b", 0)


class _Handle(object):
    """One thread's way to a file."""

    if not hasattr(os, "pwrite"):
        _lock = threading.Lock()  # the position is shared by all descriptors of a file

    def __init__(self, file, path):
        self._file, self._number, self._path = file, file.fileno(), path

    def write(self, data, offset):
        """Write a memoryview, all of it.  LocalFailure."""
        try:
            written = self._write(data, offset)
            while written < len(data):  # a full disk takes less
                data, offset = data[written:], offset + written
                written = self._write(data, offset)
        except EnvironmentError as error:
            raise local(error, self._path)

    def read(self, size, offset):
        """At most so many bytes, b"" at the end.  LocalFailure."""
        try:
            return self._read(size, offset)
        except EnvironmentError as error:
            raise local(error, self._path)

    if hasattr(os, "pwrite"):

        def _write(self, data, offset):
            return os.pwrite(self._number, data, offset)

        def _read(self, size, offset):
            return os.pread(self._number, size, offset)

    else:

        def _write(self, data, offset):
            with self._lock:
                os.lseek(self._number, offset, os.SEEK_SET)
                return os.write(self._number, data)

        def _read(self, size, offset):
            with self._lock:
                os.lseek(self._number, offset, os.SEEK_SET)
                return os.read(self._number, size)

    def close(self):
        try:
            self._file.close()
        except EnvironmentError:
            pass


class StreamTarget(object):
    """A device or pipe at ``path``, or the caller's ``file`` from where it stands, which stays open: one thread writes.

    What was written before a failure stays in it.
    """

    sequential = True
    #: What takes a memoryview and does not keep it; anything else is given bytes.
    _OURS = (io.RawIOBase, io.BufferedIOBase)

    def __init__(self, file, path=None):
        self._file, self.path, self._given = file, path, file is not None
        self._at = self._start = 0

    def start(self, size, temporary=None):
        """Begin, again if need be.  LocalFailure if it cannot go back."""
        if self._file is None:
            try:
                self._file = io.open(self.path, "wb", 0)
            except EnvironmentError as error:
                raise local(error, self.path)
        elif self._at:
            self._back()
        else:
            self._start = self._position()

    def _position(self):
        try:
            return self._file.tell()
        except (EnvironmentError, ValueError, AttributeError, TypeError):
            return None

    def _back(self):
        try:
            if self._start is None or not self._given:
                raise ValueError()
            self._file.seek(0, 2)
            ends = self._file.tell() == self._start + self._at
            self._file.seek(self._start)
            if ends:  # the new bytes may be fewer
                self._file.truncate()
        except (EnvironmentError, ValueError, AttributeError, TypeError):
            raise LocalFailure(
                u"%s cannot be begun again: %d bytes are in it, and it cannot go back" % (self._shown(), self._at)
            )
        self._at = 0

    def handle(self):
        return self

    def write(self, data, offset):
        """Write a memoryview, all of it, behind what was written before."""
        if offset < self._at:
            self._back()
        size = len(data)
        if not isinstance(self._file, self._OURS):
            data = data.tobytes()
        try:
            while len(data):
                written = self._file.write(data)
                if written is None and isinstance(self._file, io.RawIOBase):
                    raise ValueError("it would block; give a blocking one")
                data = data[len(data) if written is None else written :]  # a pipe takes less
        except (ValueError, TypeError) as error:  # UnsupportedOperation is one
            raise LocalFailure(u"%s cannot be written to: %s" % (self._shown(), shown(str(error))))
        except EnvironmentError as error:
            raise local(error, self._shown())
        self._at += size

    def close(self):
        """The caller's file stays open."""

    def commit(self, size):
        try:
            if not self._given:
                self._file.close()
            elif hasattr(self._file, "flush"):
                self._file.flush()
        except EnvironmentError as error:
            raise local(error, self._shown())

    def leave(self):
        if not self._given and self._file is not None:
            try:
                self._file.close()
            except EnvironmentError:
                pass

    remove = leave

    def _shown(self):
        return shown(self.path if not self._given else getattr(self._file, "name", u"the file object"))
