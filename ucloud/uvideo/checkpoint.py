"""The file in which an upload's record survives its process: lines appended as parts are acknowledged."""

from __future__ import absolute_import, division, print_function

import io
import os
import threading

from .protocol import upload as uploads
from .protocol.errors import InvalidArgument
from .protocol.text import to_bytes
from .source import local, shown


def load(path):
    """The Upload of a checkpoint, or None if there is no such file.  InvalidArgument, LocalFailure."""
    try:
        with io.open(path, "rb") as file:
            content = file.read()
    except EnvironmentError as error:
        if not os.path.lexists(path):
            return None
        raise local(error, path)
    try:
        return uploads.read(content.decode("utf-8"))
    except (InvalidArgument, UnicodeDecodeError) as error:
        raise InvalidArgument(u"%s: %s" % (shown(path), getattr(error, "message", None) or u"it is no checkpoint"))


class Checkpoint(object):
    """Keeps the record of one upload at ``path``, readable by its owner only.  Safe to share between threads."""

    def __init__(self, path, upload):
        self._path, self._upload = path, upload
        self._lock = threading.Lock()
        temporary = "%s.%d.tmp" % (path, os.getpid())
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(to_bytes("".join([line + "\n" for line in upload.lines()])))
            getattr(os, "replace", os.rename)(temporary, path)
        except EnvironmentError as error:
            raise local(error, path)

    def add(self, part):
        """Note that a part is acknowledged."""
        try:
            with self._lock, io.open(self._path, "ab") as file:
                file.write(to_bytes(self._upload.part_line(part) + "\n"))
        except EnvironmentError as error:
            raise local(error, self._path)

    def remove(self):
        remove(self._path)


def remove(path):
    """Forget a checkpoint; one that is gone is no error."""
    try:
        os.remove(path)
    except EnvironmentError as error:
        if os.path.lexists(path):
            raise local(error, path)
