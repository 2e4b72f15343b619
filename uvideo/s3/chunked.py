"""A body in aws-chunks: decoded piece by piece, with the signatures of its chunks and its trailers."""

from __future__ import annotations

import hashlib
import re

from uvideo.s3.errors import S3Error
from uvideo.s3.payload import TRAILERS, Payload
from uvideo.s3.signature import SigningKey, is_signature

__all__ = ["ChunkDecoder"]

LINE = 1024  # bytes of a chunk's first line, and of a trailer
TAIL = (TRAILERS + 1) * LINE  # bytes behind the last chunk
SIGNATURE = "x-amz-trailer-signature"
_SIGNED = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})\Z").match
_BARE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r]*)?\Z").match
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_EMPTY = hashlib.sha256().hexdigest()


class ChunkDecoder:
    """Decodes one body.  Feed it the body in pieces of any size, then call ``end``; it holds at most TAIL bytes.

    Bytes that ``feed`` returns belong to a chunk whose signature is checked only at the chunk's end: show nobody any
    before ``end`` returned.  ``payload``: one with chunks.  ``key``, ``seed``: from ``signature.verify``, and the
    signature of the request; needed for signed chunks only.

    ``trailers``: (name in lower case, value) of each declared trailer; set by ``end``.
    """

    def __init__(self, payload: Payload, key: SigningKey | None = None, seed: str = "") -> None:
        if payload.length is None or (payload.has_signed_chunks and (key is None or not seed)):
            raise ValueError("a body in chunks is needed, and for signed chunks a key and the first signature")
        self._payload, self._key = payload, key if payload.has_signed_chunks else None
        self._previous = seed
        self._signature = ""  # of the present chunk
        self._hash = hashlib.sha256()
        self._room = payload.length  # bytes that may still come
        self._left = 0  # bytes of the present chunk that did not come yet
        self._held = bytearray()  # a line that is not complete, later all that is behind the last chunk
        self._after_bytes = False  # the next line is the empty one behind a chunk
        self._in_tail = self._ended = False
        self.trailers: tuple[tuple[str, str], ...] = ()

    def feed(self, data: bytes) -> bytes:
        """The decoded bytes in the next piece of the body, perhaps none.

        S3Error: IncompleteBody, SignatureDoesNotMatch, MalformedTrailerError.
        """
        found, at = list[bytes | memoryview](), 0
        while at < len(data):
            if self._left:
                piece = data if not at and len(data) <= self._left else memoryview(data)[at : at + self._left]
                at += len(piece)
                self._take(piece)
                found.append(piece)
            elif self._in_tail:
                self._hold_tail(data[at:])
                break
            else:
                at = self._read_line(data, at)
        return found[0] if len(found) == 1 and isinstance(found[0], bytes) else b"".join(found)

    def end(self) -> None:
        """Check that the body is complete.  Call it when there is no more, also repeatedly.  Errors as ``feed``."""
        if self._ended:
            return
        if not self._in_tail:
            raise _incomplete("The body ends before its last chunk.")
        if not self._payload.has_trailers:
            if bytes(self._held) not in (b"", b"\r\n"):
                raise _incomplete("There are bytes behind the last chunk.")
            self._ended = True
            return
        pairs = [_trailer(line) for line in self._held.replace(b"\r\n", b"\n").split(b"\n") if line]
        signature = pairs.pop()[1] if self._key is not None and pairs and pairs[-1][0] == SIGNATURE else None
        if sorted(name for name, _ in pairs) != sorted(self._payload.trailers):
            raise _malformed("The trailers are not those that x-amz-trailer declares.")
        if self._key is not None:
            self._check_trailers(self._key, pairs, signature)
        self.trailers = tuple(pairs)
        self._ended = True

    # Chunks

    def _take(self, piece: bytes | memoryview) -> None:
        self._left -= len(piece)
        if self._key is not None:
            self._hash.update(piece)
        if not self._left:
            self._after_bytes = True
            self._check_chunk()

    def _read_line(self, data: bytes, at: int) -> int:
        """Read a chunk's first line, or the line end behind its bytes, as far as it came.  The offset behind it."""
        stop = data.find(b"\n", at, at + LINE) + 1
        self._held += data[at : stop or at + LINE]
        if len(self._held) > LINE or (not stop and len(data) - at >= LINE):
            raise _incomplete(f"A chunk's first line is longer than {LINE} bytes.")
        if not stop:
            return len(data)
        line = bytes(self._held)
        self._held.clear()
        if not line.endswith(b"\r\n"):
            raise _incomplete("A chunk's first line does not end with CR LF.")
        self._read_size(line[:-2])
        return stop

    def _read_size(self, line: bytes) -> None:
        if self._after_bytes:
            if line:
                raise _incomplete("A chunk is longer than its first line says.")
            self._after_bytes = False
            return
        found = (_BARE if self._key is None else _SIGNED)(line)
        if found is None:
            raise _incomplete("The first line of a chunk is malformed.")
        size = int(found[1], 16)
        if size > self._room or (not size and self._room):
            raise _incomplete("The chunks do not add up to x-amz-decoded-content-length.")
        self._room -= size
        self._left = size
        self._signature = "" if self._key is None else found[2].decode()
        if not size:
            self._in_tail = True
            self._check_chunk()

    def _check_chunk(self) -> None:
        """The bytes of a chunk are complete: check its signature."""
        if self._key is None:
            return
        self._check(self._key, "PAYLOAD", f"{_EMPTY}\n{self._hash.hexdigest()}", self._signature)
        self._hash = hashlib.sha256()

    def _check(self, key: SigningKey, what: str, text: str, signature: str) -> None:
        text = f"AWS4-HMAC-SHA256-{what}\n{key.date}\n{key.scope}\n{self._previous}\n{text}"
        if not key.is_right(text, signature):
            raise S3Error("SignatureDoesNotMatch", message="The signature of a chunk or of the trailers is wrong.")
        self._previous = signature

    # Behind the last chunk

    def _hold_tail(self, data: bytes) -> None:
        if len(self._held) + len(data) > (TAIL if self._payload.has_trailers else 2):
            raise _incomplete("There are too many bytes behind the last chunk.")
        self._held += data

    def _check_trailers(self, key: SigningKey, pairs: list[tuple[str, str]], signature: str | None) -> None:
        if signature is None or not is_signature(signature):
            raise _malformed(f"The last trailer must be {SIGNATURE}.")
        text = "".join(f"{name}:{value}\n" for name, value in pairs)
        self._check(key, "TRAILER", hashlib.sha256(text.encode()).hexdigest(), signature)


def _trailer(line: bytes | bytearray) -> tuple[str, str]:
    """(name in lower case, value) of a line.  Some clients end it with LF, or put an empty line behind it."""
    name, mark, value = bytes(line).partition(b":")
    if len(line) > LINE or not mark or not _NAME(name.strip(b" \t")) or not value.isascii():
        raise _malformed("A trailer is malformed or too long.")
    return name.strip(b" \t").lower().decode(), value.strip(b" \t").decode()


def _incomplete(text: str) -> S3Error:
    return S3Error("IncompleteBody", message=text)


def _malformed(text: str) -> S3Error:
    return S3Error("MalformedTrailerError", message=text)
