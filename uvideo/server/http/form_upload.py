"""A form upload (multipart/form-data) as a stream: first its fields, then the bytes of its file.

Memory is always bounded.  Source: data-plane.md, PostFile; RFC 2046 section 5.1, RFC 7578.  Two deviations from the
RFCs are accepted: the Python SDK ends the form with "--boundary" without "--", and the Go SDK sends an empty part last.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from uvideo._core import errors, message
from uvideo.server.limits.disk_headroom import Headroom
from uvideo.server.limits.memory_budget import FREE

__all__ = ["LIMIT", "BegunForm", "Form", "begun", "boundary_of"]

LIMIT = 64 * 1024  # bytes of everything except the file
PADDING = 64  # most blanks behind a boundary
_LINE = re.compile(rb"[ \t]*\r\n")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_PARAMETER = re.compile(r';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,199}[0-9A-Za-z'()+_,./:=?-]\Z").match


def boundary_of(content_type: str) -> bytes:
    """The boundary in a Content-Type multipart/form-data.  BadRequest."""
    for name, quoted, plain in _PARAMETER.findall(content_type):
        if name.lower() == "boundary":
            value = re.sub(r"\\(.)", r"\1", quoted) or plain
            if _BOUNDARY(value):
                return value.encode()
    raise errors.BadRequest("the form has no usable boundary")


class MemoryUse(Protocol):
    """The request of a form: it counts the form's memory."""

    def hold(self, size: int) -> None: ...

    def release(self, size: int) -> None: ...

    def read_at_once(self, size: int) -> None: ...


class Form:
    """The form in the bytes from ``chunk`` (b"" at the end).  Read ``fields`` first, then the file as a ``Body``.

    Do not store the file before its ``chunk`` returned b"": only then the form is complete.  Errors are BadRequest.

    ``skips_rest``: ignore fields behind the file; otherwise they are an error.  May be set before the file is read.
    """

    #: A form does not contain the file's length.
    length: int | None = None

    def __init__(
        self,
        boundary: bytes,
        chunk: Callable[[], Awaitable[bytes]],
        memory: MemoryUse | None = None,
    ) -> None:
        self._dash = b"--" + boundary
        self._stop = b"\r\n" + self._dash
        # Without one of these endings it is data.  At the end of the buffer (group 1) that is not known yet.
        self._boundary = re.compile(
            re.escape(self._stop) + rb"(?:--|[ \t]{0,%d}\r\n|([ \t]{0,%d}\r?|-)\Z)" % (PADDING, PADDING)
        )
        self._chunk, self._memory = chunk, memory
        self._held = bytearray()
        self._ended = False  # all input is read
        self._done = False  # the file and everything behind it is read
        self._budget = LIMIT
        self._in_fields, self._is_large = True, False  # the latter: it holds more than FREE
        #: The Content-Type of the file's part, "" if it has none.
        self.mime = ""
        #: The name of the file's part, "" if it has none.
        self.filename = ""
        self.skips_rest = False

    async def fields(self) -> dict[str, str]:
        """{name in lower case: value} of every field before the file."""
        found: dict[str, str] = {}
        self._held += b"\r\n"  # so that the first boundary looks like the others
        await self._before_boundary("the form has no boundary")
        if await self._after_boundary():
            raise errors.BadRequest("the form is empty")
        while True:
            name, mime = await self._head()
            if name is None:
                if (await self._value()).strip():
                    raise errors.BadRequest("a part of the form has no name")
            elif name.lower() == "file":
                self.mime, self._in_fields = mime, False
                if self._is_large and self._memory is not None:
                    self._memory.release(2 * LIMIT)
                return found
            else:
                value = _text(await self._value())
                if found.setdefault(name.lower(), value) != value:
                    raise errors.BadRequest("a field of the form is given twice")
            if await self._after_boundary():
                raise errors.BadRequest("the form has no part with the name file")

    async def chunk(self) -> bytes:
        """The next bytes of the file, b"" at its end.  BadRequest if the form ends within it."""
        while not self._done:
            found, at = self._find()
            if at:
                return self._take(at)
            if found:
                del self._held[: len(self._stop)]
                await self._rest()
                self._done = True
            else:
                await self._more("the form ends within the file")
        return b""

    def read_at_once(self, size: int) -> None:
        if self._memory is not None:
            self._memory.read_at_once(size)

    # Parsing

    def _take(self, count: int) -> bytes:
        taken = bytes(memoryview(self._held)[:count])
        del self._held[:count]
        return taken

    async def _more(self, missing: str) -> None:
        """Read more, or note the end of the input.  At the end already: BadRequest with ``missing``."""
        if self._ended:
            raise errors.BadRequest(missing)
        if self._in_fields and not self._is_large and LIMIT - self._budget + len(self._held) > FREE:
            self._is_large = True
            if self._memory is not None:
                self._memory.hold(2 * LIMIT)  # some bytes exist twice while they are read
        await self._read()

    async def _read(self) -> None:
        data = await self._chunk()
        self._ended = not data
        self._held += data

    async def _fill(self, count: int) -> None:
        """Buffer at least ``count`` bytes, or all up to the end."""
        while len(self._held) < count and not self._ended:
            await self._read()

    def _spend(self, count: int) -> None:
        self._budget -= count
        if self._budget < 0:
            raise errors.TooLarge(f"the fields of the form are longer than {LIMIT} bytes")

    def _find(self) -> tuple[bool, int]:
        """(True, the offset of the next boundary), or (False, the number of bytes that are certainly before it)."""
        match = self._boundary.search(self._held)
        if match is None:
            return False, max(0, len(self._held) - (0 if self._ended else len(self._stop) - 1))
        at, open_end = match.start(), match.group(1)
        if open_end is None:
            return True, at
        if self._ended:
            return (False, len(self._held)) if open_end == b"-" else (True, at)
        return False, at

    async def _before_boundary(self, missing: str) -> bytes:
        """Read up to the next boundary, and the boundary itself.  The bytes must fit the limit."""
        found, at = self._find()
        while not found:
            if at > self._budget:
                self._spend(at)
            await self._more(missing)
            found, at = self._find()
        self._spend(at)
        value = self._take(at)
        del self._held[: len(self._stop)]
        return value

    async def _after_boundary(self) -> bool:
        """Read the end of a boundary's line.  True if it was the last boundary."""
        await self._fill(PADDING + 2)
        if self._held.startswith(b"--"):
            return True
        line = _LINE.match(self._held)
        if line is None:  # the form ends here, as from the Python SDK
            return True
        del self._held[: line.end()]
        return False

    async def _head(self) -> tuple[str | None, str]:
        """Read the headers of a part, and the empty line after them.  (its name, its Content-Type or "")."""
        name, mime = None, ""
        self.filename = ""
        while True:
            line = await self._header_line()
            if not line:
                return name, mime
            title, mark, value = line.partition(":")
            title, value = title.strip().lower(), value.strip()
            if not mark or not _TOKEN(title):
                raise errors.BadRequest("a header of a part of the form is malformed")
            if title == "content-type":
                mime = value
            elif title == "content-disposition":
                if not value.lower().startswith("form-data"):
                    raise errors.BadRequest("a part of the form is not form-data")
                for key, quoted, bare in _PARAMETER.findall(value):
                    # What follows may be part of a file name: the JavaScript SDK does not escape quotes.
                    value = re.sub(r"\\(.)", r"\1", quoted) or bare
                    if key.lower() == "name" and name is None:
                        name = value
                    elif key.lower() == "filename":
                        self.filename = self.filename or value

    async def _header_line(self) -> str:
        while (at := self._held.find(b"\r\n")) < 0:
            if len(self._held) > self._budget:
                self._spend(len(self._held))
            await self._more("the form ends within the headers of a part")
        self._spend(at + 2)
        return _text(self._take(at + 2)[:-2])

    async def _value(self) -> bytes:
        """Read the body of a part that is not the file, and the boundary after it."""
        if self._held.startswith(self._dash):  # a part without a body
            self._held[:0] = b"\r\n"
        return await self._before_boundary("the form ends within a field")

    async def _rest(self) -> None:
        """Read everything behind the file.  Another field there is an error: it would be too late."""
        while not await self._after_boundary():
            await self._fill(len(self._dash) + PADDING + 2)
            if self._held.startswith(self._dash):  # Go: an empty part, without an empty line
                del self._held[: len(self._dash)]
                continue
            if not self._held.strip(b"\r\n \t") and self._ended:
                break
            if (await self._head())[0] is not None and not self.skips_rest:
                raise errors.BadRequest("the file must be the last part of the form")
            if (await self._value()).strip() and not self.skips_rest:
                raise errors.BadRequest("a part of the form has no name")
        self._held.clear()
        while not self._ended:  # the epilogue
            data = await self._chunk()
            self._ended = not data
            self._spend(len(data))


class FormRequest(MemoryUse, Protocol):
    """A request with a form as its body.  ``length``: of the body, None if it is not announced."""

    headers: message.Headers
    length: int | None

    async def chunk(self) -> bytes: ...


class BegunForm(NamedTuple):
    """A form that is read up to its file.  ``fields``: as ``Form.fields``."""

    form: Form
    fields: dict[str, str]


async def begun(request: FormRequest, headroom: Headroom | None) -> BegunForm:
    """Read the form of a request up to its file.  BadRequest; TooLarge; Unavailable if the disk has no room for it."""
    form = Form(boundary_of(request.headers.get("Content-Type") or ""), request.chunk, request)
    if headroom is not None:
        headroom.check(request.length or 0)
    return BegunForm(form, await form.fields())


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise errors.BadRequest("a field of the form is not UTF-8") from None
