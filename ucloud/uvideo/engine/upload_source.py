"""Where an upload's bytes come from: a file, or a stream of unknown length.  Many threads take blocks."""

from __future__ import absolute_import, division, print_function

import codecs
import contextlib
import hashlib
import io
import os
import stat
import sys
import threading

from ..protocol.compat import PY2, TYPE_CHECKING, is_text, to_bytes, to_text
from ..protocol.errors import InvalidArgument, LocalFailure, SourceChanged, UVideoError
from ..protocol.message import Slice

if TYPE_CHECKING:
    from typing import IO, Any, Callable, Iterable, Iterator, Protocol  # noqa: F401

    from ..protocol.upload import Upload  # noqa: F401
    from .localfile import Path  # noqa: F401

    class Reads(Protocol):
        def read(self, __size):
            # type: (int) -> Any
            pass

    class Receives(Protocol):
        def recv(self, __size):
            # type: (int) -> Any
            pass

    Piece = bytes | bytearray | memoryview
    Readable = Reads | Receives
    Given = Readable | Piece | str | Iterable[Piece | str]

#: Bytes moved at a time: few enough to stay in the processor's cache.
READ = 256 * 1024


def local(error, path):
    # type: (EnvironmentError, Path) -> LocalFailure
    """A LocalFailure for an EnvironmentError, with the file's name and the system's reason."""
    reason = error.strerror or str(error) or type(error).__name__
    if isinstance(reason, bytes):
        reason = reason.decode("utf-8", "replace")
    return LocalFailure(u"%s: %s" % (shown(path), reason))


@contextlib.contextmanager
def failing(path):
    # type: (Path) -> Iterator[None]
    """Turn each EnvironmentError of the block into a LocalFailure about ``path``."""
    try:
        yield
    except EnvironmentError as error:
        raise local(error, path)


def shown(path):
    # type: (object) -> str
    """A path as text for a message."""
    return path.decode("utf-8", "replace") if isinstance(path, bytes) else to_text(u"%s" % (path,))


def usable(path, what=u"the local file"):
    # type: (Path, str) -> str | bytes
    """The path as given, text or bytes; InvalidArgument if it cannot name a file here.  ``what``: for the message.

    open() would raise errors of many kinds, and take a number as a descriptor.
    """
    path = path.__fspath__() if hasattr(path, "__fspath__") else path
    if not isinstance(path, bytes) and not is_text(path):
        raise InvalidArgument(u"%s is a %s; a path is needed" % (what, type(path).__name__))
    coding = sys.getfilesystemencoding() or "ascii"
    try:
        name = path if isinstance(path, bytes) else path.encode(coding, "strict" if PY2 else "surrogateescape")
    except UnicodeError:
        raise InvalidArgument(
            u"%s %s cannot be encoded in this system's encoding of file names, %s: set LC_ALL=C.UTF-8, or give "
            u"bytes"
            % (what, shown(path), coding)
        )
    if not name or b"\0" in name:
        raise InvalidArgument(u"%s %s is empty or contains a NUL character" % (what, shown(path)))
    return path


def identity(status):
    # type: (os.stat_result) -> list[int]
    """Shows whether a file is unchanged: its size in bytes and its time of change in microseconds."""
    return [status.st_size, int(status.st_mtime * 1000000)]


class FileBlock(object):
    """One block of a FileSource, as Transport.open takes it.  Its SHA-1 is of the bytes sent.

    For one thread.  At most READ of its bytes are in memory.
    """

    def __init__(self, source, where):
        # type: (FileSource, Slice) -> None
        self._source, self._where = source, where
        self.length, self._sent = where.length, 0
        self._sha1 = hashlib.sha1()

    def read(self, size=READ):
        # type: (int) -> bytes
        """The next bytes, b"" at the end.  SourceChanged."""
        length = min(size, READ, self.length - self._sent)
        if not length:
            return b""
        data = self._source.read(Slice(self._where.offset + self._sent, length))
        self._sha1.update(data)
        self._sent += length
        return data

    def rewind(self):
        # type: () -> bool
        """Go back to the first byte."""
        self._sent, self._sha1 = 0, hashlib.sha1()
        return True

    def digest(self):
        # type: () -> bytes
        """The binary SHA-1 of the block.  Reads what was not sent."""
        while self.read():
            pass
        return self._sha1.digest()


class UnreadBlock(object):
    """As FileBlock, but not hashed, so the system can send the bytes without this process reading them."""

    def __init__(self, source, where):
        # type: (FileSource, Slice) -> None
        self._source, self._where = source, where
        self.length, self._sent = where.length, 0

    def read(self, size=READ):
        # type: (int) -> bytes
        """The next bytes, b"" at the end.  SourceChanged."""
        length = min(size, READ, self.length - self._sent)
        if not length:
            return b""
        data = self._source.read(Slice(self._where.offset + self._sent, length))
        self._sent += length
        return data

    def piece(self, size=None):
        # type: (int | None) -> tuple[int, int, int] | None
        """(descriptor, offset, length) of the bytes still to be sent, at most ``size``; None at the end."""
        self._source.check()
        left = self.length - self._sent
        if not left:
            return None
        return self._source.descriptor(), self._where.offset + self._sent, left if size is None else min(size, left)

    def moved(self, length):
        # type: (int) -> None
        """``length`` bytes were sent.  SourceChanged for 0: the file ends too early."""
        if not length:
            raise self._source.changed()
        self._sent += length

    def rewind(self):
        # type: () -> bool
        """Go back to the first byte."""
        self._sent = 0
        return True

    def digest(self):
        # type: () -> None
        """None: it is not computed."""


class FileSource(object):
    """A regular file.  ``bind`` an Upload before taking; any number of threads may take and read at once.

    A file that says it has 0 bytes is read to its end, as those of /proc have content: a temporary file gets a copy.
    """

    def __init__(self, path):
        # type: (Path) -> None
        self.path = usable(path)  # type: Any  # str, or bytes if given as bytes
        with failing(path):
            if not stat.S_ISREG(os.stat(path).st_mode):  # before opening: opening a pipe would block
                raise InvalidArgument(u"%s is not a regular file; open it and use uploadstream" % shown(path))
            self._file = io.open(path, "rb", buffering=0)  # type: IO[bytes]
            if not os.fstat(self._file.fileno()).st_size:
                self._measure()
        status = os.fstat(self._file.fileno())
        self.identity = identity(status)
        self.size = status.st_size
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._pending = iter(())  # type: Iterator[tuple[int, Slice]]
        self._block = FileBlock  # type: type[FileBlock | UnreadBlock]

    def _measure(self):
        # type: () -> None
        """Put a copy of a file that says it has 0 bytes in its place, if it has content.  SourceChanged."""
        file = self._file
        try:
            piece = file.read(READ)
            if not piece:
                return
            import tempfile  # only here: it takes a while to load

            self._file = tempfile.TemporaryFile()
            while piece:
                self._file.write(piece)
                piece = file.read(READ)
            self._file.flush()
            if os.fstat(file.fileno()).st_size:  # an ordinary file, which somebody is writing
                raise self.changed()
        except BaseException:
            file.close()
            self._file.close()
            raise
        file.close()

    def bind(self, upload, verify=True):
        # type: (Upload, bool) -> None
        """``verify``: whether blocks compute their digests."""
        self._pending = upload.pending()
        self._block = FileBlock if verify else UnreadBlock

    def take(self):
        # type: () -> tuple[int, FileBlock | UnreadBlock] | None
        """(part, block) of the next block to send, or None."""
        with self._lock:
            for part, where in self._pending:
                return part, self._block(self, where)
        return None

    def read(self, where):
        # type: (Slice) -> bytes
        """The bytes of a Slice.  SourceChanged if the file changed."""
        with failing(self.path):
            data = self._read(where.offset, where.length)
        if len(data) != where.length:
            raise self.changed()
        self.check()
        return data

    def _read(self, offset, length):
        # type: (int, int) -> bytes
        """Bytes of the file, fewer only at its end."""
        pieces = []
        while length:
            piece = self._piece(offset, length)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    if hasattr(os, "pread"):

        def _piece(self, offset, length):
            # type: (int, int) -> bytes
            return os.pread(self._file.fileno(), length, offset)

    else:  # Python 2.7, Windows

        def _piece(self, offset, length):
            # type: (int, int) -> bytes
            with self._reading:
                self._file.seek(offset)
                return self._file.read(length)

    def descriptor(self):
        # type: () -> int
        return self._file.fileno()

    def let_go(self, part):
        # type: (int) -> None
        """A block was acknowledged and will not be taken again."""

    def check(self):
        # type: () -> None
        """SourceChanged if the file changed."""
        if identity(os.fstat(self._file.fileno())) != self.identity:
            raise self.changed()

    def changed(self):
        # type: () -> SourceChanged
        """The SourceChanged to raise."""
        return SourceChanged(u"%s changed while it was being uploaded; nothing was stored" % shown(self.path))

    def close(self):
        # type: () -> None
        self._file.close()


_END = object()


class Pieces(object):
    """An iterable of bytes as a file object with read()."""

    def __init__(self, pieces):
        # type: (Iterable[Piece]) -> None
        self._pieces, self._left = iter(pieces), memoryview(b"")

    def read(self, size):
        # type: (int) -> bytes | memoryview
        while not len(self._left):
            piece = next(self._pieces, _END)
            if piece is _END:
                return b""
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise InvalidArgument(u"the iterable yields %s; bytes are needed" % type(piece).__name__)
            view = memoryview(piece)
            self._left = view.cast("B") if hasattr(view, "cast") else view
        data, self._left = self._left[:size], self._left[size:]
        return data


def reader(data):
    # type: (Given) -> Readable
    """An object with read() that gives the bytes of a stream.

    data: an object with read() or recv(), bytes, or an iterable of bytes.  Text is encoded as UTF-8, also from an
    iterable or from read(); a file opened in text mode is read as bytes.  InvalidArgument.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        return io.BytesIO(data)
    if is_text(data):
        return io.BytesIO(to_bytes(data))
    file = data  # type: Any
    if isinstance(data, io.TextIOBase):
        return _binary(data) or Pieces(_encoded(_read(file)))
    if isinstance(data, (codecs.StreamReader, codecs.StreamReaderWriter)) or _is_of_text(data):
        return Pieces(_encoded(_read(file)))
    if hasattr(data, "read") or hasattr(data, "recv"):
        found = file  # type: Readable
        return found
    if hasattr(data, "__iter__") and not isinstance(data, (dict, set, frozenset)):
        return Pieces(_encoded(data))
    raise InvalidArgument(
        u"the stream is a %s; give an object with read(), bytes, text, or an iterable of these" % type(data).__name__
    )


def _is_of_text(data):
    # type: (object) -> bool
    """Whether a StringIO of Python 2.7 holds text; it has the same type with bytes."""
    file = data  # type: Any
    try:
        return hasattr(data, "getvalue") and not isinstance(file.read(0), bytes)
    except ValueError:  # closed: reading it will say so
        return False


def _binary(file):
    # type: (io.TextIOBase) -> Reads | None
    """The binary file below a file opened in text mode, at the same position; None if there is none."""
    whatever = file  # type: Any  # it may have no buffer
    try:
        position = file.tell()
        if position >> 64:  # in the middle of a decoder's state
            return None
        found = whatever.buffer  # type: Reads
        whatever.buffer.seek(position)
        return found
    except (AttributeError, EnvironmentError, ValueError):
        return None


def _read(file):
    # type: (Reads) -> Iterator[str]
    return iter(lambda: file.read(READ), u"")


def _encoded(pieces):
    # type: (Iterable[Piece | str]) -> Iterator[Piece]
    """The pieces, with text encoded as UTF-8."""
    for piece in pieces:
        try:
            yield to_bytes(piece) if is_text(piece) else piece
        except UnicodeError:
            raise InvalidArgument(u"the stream contains text that cannot be encoded as UTF-8")


class Block(object):
    """One block of a stream, as Transport.open takes it.  For one thread."""

    def __init__(self, data, verify):
        # type: (bytes, bool) -> None
        self._data, self._verify = memoryview(data), verify
        self.length, self._sent = len(data), 0

    def read(self, size=READ):
        # type: (int) -> bytes | memoryview
        """The next bytes, b"" at the end."""
        data = self._data[self._sent : self._sent + min(size, READ)]
        self._sent += len(data)
        return data if len(data) else b""

    def rewind(self):
        # type: () -> bool
        """Go back to the first byte."""
        self._sent = 0
        return True

    def digest(self):
        # type: () -> bytes | None
        """The binary SHA-1 of the block; None without ``verify``."""
        return hashlib.sha1(self._data).digest() if self._verify else None


class StreamSource(object):
    """A stream with ``read(n)`` (or a socket's ``recv(n)``) that gives bytes, from its position to its end.

    Short reads are joined into whole blocks.  Unacknowledged blocks are kept, so an upload can resume although the
    stream cannot be read twice.  The stream is never closed here.
    """

    identity = None

    def __init__(self, stream, first=0):
        # type: (Readable, int) -> None
        """``first``: the part that the next bytes belong to."""
        self._read = getattr(stream, "read", None) or getattr(stream, "recv", None)  # type: Any
        if not callable(self._read):
            raise InvalidArgument(u"the stream is a %s; give an object with read()" % type(stream).__name__)
        self._lock = threading.Lock()
        self._out = {}  # type: dict[int, bytes]  # part: a block that was taken and is not acknowledged
        self._again = []  # type: list[int]  # the parts to take again, in descending order
        self._pieces = []  # type: list[bytes]  # of the current block
        self._next = first
        self._ended = False
        self._verify = True
        self._upload = None  # type: Upload  # type: ignore[assignment]  # until `bind`

    def bind(self, upload, verify=True):
        # type: (Upload, bool) -> None
        """Blocks that were taken but not acknowledged are pending again."""
        with self._lock:
            self._upload, self._verify = upload, verify
            self._again = sorted([part for part in self._out if part not in upload.digests], reverse=True)

    def take(self):
        # type: () -> tuple[int, Block] | None
        """(part, block) of the next block.  None at the end, where it sets the upload's size."""
        with self._lock:
            while self._again:
                part = self._again.pop()
                if part in self._out:
                    return part, Block(self._out[part], self._verify)
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
            return part, Block(data, self._verify)

    def block(self, size):
        # type: (int) -> bytes
        """``size`` bytes, fewer only at the end.  No other thread may call ``take`` meanwhile."""
        pieces = self._pieces  # kept, so that Ctrl-C in the middle of a block loses no bytes
        missing = size - sum([len(piece) for piece in pieces])
        while missing > 0:
            try:
                piece = self._read(missing)
            except UVideoError:
                raise
            except Exception as error:  # a stream, an archive or another library may raise any error
                raise LocalFailure(u"the stream cannot be read: %s" % shown(str(error) or type(error).__name__))
            if piece is None:
                raise LocalFailure(u"the stream is non-blocking; give a blocking one")
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise InvalidArgument(u"the stream returns %s; open it in binary mode" % type(piece).__name__)
            if not isinstance(piece, bytes):  # copy at once: the stream may reuse its buffer
                piece = piece.tobytes() if isinstance(piece, memoryview) else bytes(piece)
            if not piece:
                break
            if len(piece) > missing:
                raise LocalFailure(u"the stream returned more bytes than were requested")
            pieces.append(piece)
            missing -= len(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        return data

    def let_go(self, part):
        # type: (int) -> None
        with self._lock:
            self._out.pop(part, None)

    def check(self):
        # type: () -> None
        """Does nothing: a stream cannot tell whether it changed."""

    def close(self):
        # type: () -> None
        """Does nothing: the caller's stream stays open."""
