"""A folder of a space as a read-only folder of this machine, through fsspec's FUSE and fusepy."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from fsspec.fuse import FUSEr
from fuse import FUSE, FuseOSError

from uvideo.fs.filesystem import UVideoFileSystem

__all__ = ["ReadOnlyFolder", "mount"]


@contextmanager
def _numbered() -> Iterator[None]:
    """Gives an OSError its number, which fusepy needs and fsspec leaves out."""
    try:
        yield
    except OSError as error:
        if error.errno:
            raise
        raise FuseOSError(errno.ENOENT if isinstance(error, FileNotFoundError) else errno.EIO) from error


def _seconds(moment: object) -> float:
    """Seconds since 1970; now for a folder, which has no times."""
    return moment.timestamp() if isinstance(moment, datetime) else time.time()


class ReadOnlyFolder(FUSEr):
    """The operations of a mounted folder, of which nothing can be changed.  Paths begin with a slash.

    Errors are OSErrors.  Files are open for reading at any offset.
    """

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """The fields of os.stat_result.  st_mtime: the stored time of the file, else the time of the upload."""
        with _numbered():
            found = {"type": "directory"} if path == "/" else self.fs.info(self.root + path.strip("/"))
        modified, uploaded = (_seconds(found.get(name)) for name in ("mtime", "LastModified"))
        is_file = found["type"] == "file"
        return {
            "st_mode": stat.S_IFREG | 0o444 if is_file else stat.S_IFDIR | 0o555,
            "st_nlink": 1 if is_file else 2,
            "st_size": found["size"] if is_file else 0,
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
            "st_atime": modified,
            "st_mtime": modified,
            "st_ctime": uploaded,
        }

    def readdir(self, path: str, fh: int) -> list[str]:
        """The names in a folder.  Keys that end with a slash, and names that no file can have, are left out."""
        folder = self.root + path.strip("/")
        with _numbered():
            above = folder.rstrip("/") + "/"
            names = [each.removeprefix(above).removesuffix("/") for each in self.fs.ls(folder.rstrip("/"), False)]
        return [".", "..", *sorted({name for name in names if name not in ("", ".", "..") and "\0" not in name})]

    def open(self, path: str, flags: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise FuseOSError(errno.EROFS)
        with _numbered():
            number: int = super().open(path, os.O_RDONLY)
        return number

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        with _numbered():
            found: bytes = super().read(path, size, offset, fh)
        return found

    def _refuse(self, *arguments: object) -> int:
        raise FuseOSError(errno.EROFS)

    chmod = chown = create = link = mkdir = mknod = removexattr = rename = rmdir = setxattr = symlink = _refuse
    truncate = unlink = utimens = write = _refuse


def mount(filesystem: UVideoFileSystem, path: str, folder: str) -> None:
    """Show ``path``, space/prefix, in an empty local folder until SIGINT, SIGTERM or fusermount -u.

    OSError if it cannot be mounted.
    """
    try:
        FUSE(ReadOnlyFolder(filesystem, path), folder, foreground=True, nothreads=True, ro=True, fsname="uvideo")
    except RuntimeError as error:  # the exit code of libfuse, which has printed the reason
        raise OSError(errno.EIO, f"FUSE ended with {error}", folder) from None
