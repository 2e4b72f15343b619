"""Where an upload's bytes come from: a file, or a stream of unknown length.  Blocks are taken by many threads."""

from __future__ import absolute_import, division, print_function

import numbers
import os
import stat
import threading

from .protocol.errors import InvalidArgument, LocalFailure, SourceChanged, UVideoError
from .protocol.text import to_text


def local(error, path):
    """LocalFailure of an EnvironmentError, with the file's name and the system's reason."""
    reason = error.strerror or str(error) or type(error).__name__
    if isinstance(reason, bytes):
        reason = reason.decode("utf-8", "replace")
    return LocalFailure(u"%s: %s" % (shown(path), reason))


def shown(path):
    """A path as text for a message."""
    return path.decode("utf-8", "replace") if isinstance(path, bytes) else to_text(u"%s" % (path,))


def identity(status):
    """What tells whether a file is still the same: its size in bytes and its time of change in microseconds."""
    return [status.st_size, int(status.st_mtime * 1000000)]


class FileSource(object):
    """A regular file.  ``bind`` an Upload before taking; any number of threads may take at once."""

    def __init__(self, path):
        self.path = path
        try:
            if isinstance(path, numbers.Number):  # open() would take it for a descriptor, and close it in the end
                raise TypeError()
            if not stat.S_ISREG(os.stat(path).st_mode):  # before it is opened, for which a pipe would wait
                raise InvalidArgument(u"%s is no regular file; open it and use uploadstream" % shown(path))
            self._file = open(path, "rb")
        except EnvironmentError as error:
            raise local(error, path)
        except InvalidArgument:
            raise
        except (TypeError, ValueError):
            raise InvalidArgument(u"the local file is a %s; a path is needed" % type(path).__name__)
        status = os.fstat(self._file.fileno())
        self.identity = identity(status)
        self.size = status.st_size
        self._lock = threading.Lock()
        self._pending = iter(())

    def bind(self, upload):
        self._pending = upload.pending()

    def take(self):
        """(part, bytes) of the next block to send, or None.  SourceChanged if the file did."""
        with self._lock:
            for part, where in self._pending:
                return part, self.read(where)
        return None

    def read(self, where):
        """The bytes of a Slice.  Not to be called beside take by another thread."""
        try:
            self._file.seek(where.offset)
            data = self._file.read(where.length)
        except EnvironmentError as error:
            raise local(error, self.path)
        if len(data) != where.length:
            raise self._changed()
        self.check()
        return data

    def let_go(self, part):
        """A block was acknowledged and will not be taken again."""

    def check(self):
        """SourceChanged if the file is no longer the one that was opened."""
        if identity(os.fstat(self._file.fileno())) != self.identity:
            raise self._changed()

    def _changed(self):
        return SourceChanged(u"%s changed while it was being uploaded; nothing was stored" % shown(self.path))

    def close(self):
        self._file.close()


class StreamSource(object):
    """Anything with ``read(n)`` (or a socket's ``recv(n)``) that gives bytes, from where it stands to its end.

    Short reads are gathered into whole blocks.  Blocks that were not acknowledged are kept, so an upload can go on
    though a stream cannot be read twice.  The stream is never closed here.
    """

    identity = None

    def __init__(self, stream):
        self._read = getattr(stream, "read", None) or getattr(stream, "recv", None)
        if not callable(self._read):
            raise InvalidArgument(u"the stream is a %s; something with read() is needed" % type(stream).__name__)
        self._lock = threading.Lock()
        self._out = {}  # part: block that was taken and is not acknowledged
        self._again = []  # those of them that are to be taken again, in descending order
        self._pieces = []  # of the block that is being read
        self._next = 0
        self._ended = False
        self._upload = None

    def bind(self, upload):
        """Blocks that were taken and not acknowledged until now are pending again."""
        with self._lock:
            self._upload = upload
            self._again = sorted([part for part in self._out if part not in upload.digests], reverse=True)

    def take(self):
        """(part, bytes) of the next block, or None at the end, when the upload's size is set."""
        with self._lock:
            while self._again:
                part = self._again.pop()
                if part in self._out:
                    return part, self._out[part]
            if self._ended:
                return None
            data = self.block(self._upload.block_size)
            part = self._next
            if len(data) < self._upload.block_size:
                self._ended = True
                self._upload.size = part * self._upload.block_size + len(data)
            if not data:
                return None
            self._next += 1
            self._out[part] = data
            return part, data

    def block(self, size):
        """``size`` bytes, fewer only at the end.  Not to be called beside take by another thread."""
        pieces = self._pieces  # kept, so that Ctrl-C in the middle of a block loses nothing of the stream
        missing = size - sum([len(piece) for piece in pieces])
        while missing > 0:
            try:
                piece = self._read(missing)
            except UVideoError:
                raise
            except Exception as error:  # whatever a stream, an archive or another library's answer may raise
                raise LocalFailure(u"the stream cannot be read: %s" % shown(str(error) or type(error).__name__))
            if piece is None:
                raise LocalFailure(u"the stream would block; give a blocking one")
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise InvalidArgument(u"the stream gives %s; open it in binary mode" % type(piece).__name__)
            if not isinstance(piece, bytes):  # at once: the stream may fill the same buffer again
                piece = piece.tobytes() if isinstance(piece, memoryview) else bytes(piece)
            if not piece:
                break
            if len(piece) > missing:
                raise LocalFailure(u"the stream gave more bytes than were asked for")
            pieces.append(piece)
            missing -= len(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        return data

    def let_go(self, part):
        with self._lock:
            self._out.pop(part, None)

    def check(self):
        """A stream cannot be asked whether it changed."""

    def close(self):
        """The caller's stream stays open."""
