"""Makes Python on Linux look like macOS where files are concerned; for PYTHONPATH, so in child processes as well.

F_FULLFSYNC is there, and each use of it adds a byte to the file that FULLFSYNC_COUNT names.  What macOS does not
have is taken away: fdatasync, posix_fallocate, pwritev, locks of an open file, POLLRDHUP, TCP_INFO.
"""

import errno
import fcntl
import os
import select
import socket

FULL = 51
_fcntl, _count = fcntl.fcntl, os.environ["FULLFSYNC_COUNT"]


def _counted(number, command, *given):
    if command != FULL:
        return _fcntl(number, command, *given)
    if isinstance(number, int) and number < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    os.fsync(number)
    descriptor = os.open(_count, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, b".")
    os.close(descriptor)
    return 0


fcntl.fcntl, fcntl.F_FULLFSYNC = _counted, FULL
for _module, _names in (
    (os, ("fdatasync", "posix_fallocate", "posix_fadvise", "pwritev", "preadv", "copy_file_range", "memfd_create")),
    (fcntl, ("F_OFD_SETLK", "F_OFD_SETLKW", "F_OFD_GETLK")),
    (select, ("POLLRDHUP",)),
    (socket, ("TCP_INFO",)),
):
    for _name in _names:
        if hasattr(_module, _name):
            delattr(_module, _name)
