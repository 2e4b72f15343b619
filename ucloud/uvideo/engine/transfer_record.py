"""Records by which a later process resumes a transfer: files of lines, writable only by this user.

A checkpoint is an upload's record at a path that the caller chose.  The toolkit's journal has the same records.
"""

from __future__ import absolute_import, division, print_function

import errno
import io
import logging
import os
import threading
import uuid

from ..protocol import upload as uploads
from ..protocol.compat import TYPE_CHECKING, to_bytes
from ..protocol.errors import BadAnswer, InvalidArgument
from ..protocol.location import check_key, check_space
from . import localfile
from .multipart_upload import check_begun
from .upload_source import failing, local, shown

if TYPE_CHECKING:
    from typing import Iterable  # noqa: F401

    from ..protocol.upload import Upload  # noqa: F401
    from .localfile import Path  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")
#: The most bytes of a record: more than one of 200,000 parts has.
LIMIT = 16 * 1024 * 1024
#: The errors for a folder that cannot be synced: it may not be read, or its file system does not support it.
UNSYNCED = frozenset((errno.EACCES, errno.EPERM, errno.EINVAL, getattr(errno, "ENOTSUP", errno.EINVAL)))


def load(path):
    # type: (str | bytes) -> Upload | None
    """The Upload of a checkpoint; None if there is no such file.  InvalidArgument, LocalFailure."""
    try:
        found = content(path)
    except EnvironmentError as error:
        if not os.path.lexists(path):
            return None
        raise local(error, path)
    try:
        if not found.startswith(b"{") or len(found) > LIMIT:
            raise InvalidArgument(u"it is not a checkpoint")
        return _usable(uploads.read(found.decode("utf-8")))
    except (InvalidArgument, BadAnswer, UnicodeError) as error:
        raise InvalidArgument(u"%s: %s" % (shown(path), getattr(error, "message", None) or u"it is not a checkpoint"))


def _usable(upload):
    # type: (Upload) -> Upload
    """The Upload, if its values are acceptable: they decide hosts and memory.  InvalidArgument, BadAnswer."""
    check_space(upload.space)
    check_key(upload.key)
    check_begun(upload)
    if upload.size is None or not isinstance(upload.source, dict):
        raise InvalidArgument(u"it is not a checkpoint of a file")
    return upload


def content(path):
    # type: (Path) -> bytes
    """The bytes of a record, at most LIMIT + 1.  EnvironmentError; InvalidArgument for another user's file.

    A record says which file is sent where, so no other user may write it.
    """
    with io.open(path, "rb") as file:
        if not localfile.is_own(os.fstat(file.fileno())):
            raise InvalidArgument(u"%s belongs to another user, so it is not used" % shown(path))
        return file.read(LIMIT + 1)


def write(path, aside, lines, held=None):
    # type: (str, str, Iterable[str], int | None) -> bool
    """Replace a record atomically and sync it, and its folder where the file system can.

    EnvironmentError: the record is unchanged, or complete but perhaps not on the disk yet.
    ``aside``: the path beside it to write first.  ``held``: the record's locked descriptor, as in localfile.supplant.
    False if another process got the lock.
    """
    localfile.write(aside, to_bytes("".join([line + "\n" for line in lines])))
    try:
        if held is None:
            localfile.replace(aside, path)
        elif not localfile.supplant(aside, path, held):
            return False
        _sync_name(os.path.dirname(path) or ".")
    except EnvironmentError:
        if os.path.lexists(aside):
            os.remove(aside)
        raise
    return True


def _sync_name(folder):
    # type: (str) -> None
    try:
        localfile.sync_folder(folder)
    except EnvironmentError as error:
        if error.errno not in UNSYNCED:
            raise
        _log.debug("%s cannot be synced: %s", folder, error.strerror)


class Checkpoint(object):
    """Keeps the record of one upload at ``path``, readable by its owner only.  Safe to share between threads."""

    def __init__(self, path, upload):
        # type: (str, Upload) -> None
        self._path, self._upload = path, upload
        self._lock = threading.Lock()
        with failing(path):
            write(path, os.path.join(os.path.dirname(path), ".%s.tmp" % uuid.uuid4().hex), upload.lines())

    def add(self, part):
        # type: (int) -> None
        """Record an acknowledged part.  If that fails, the upload goes on: the service knows its parts too."""
        try:
            with self._lock, io.open(self._path, "r+b") as file:  # "ab" would create a removed file again
                file.seek(0, os.SEEK_END)
                file.write(to_bytes(self._upload.part_line(part) + "\n"))
        except EnvironmentError as error:
            _log.warning("part %d was not recorded in the checkpoint: %s", part, local(error, self._path))


def remove(path):
    # type: (str | bytes) -> None
    """Remove a checkpoint.  A failure is only logged: the next run sees that its upload is over."""
    try:
        localfile.remove(path)
    except EnvironmentError as error:
        if os.path.lexists(path):
            _log.warning("the checkpoint could not be removed: %s", local(error, path))
