"""The etag of an object: a SHA-1 tree over 4 MiB blocks, computable without the service.  Source: etag.md.

    etag = base64url( u32 little-endian(block count) || digest )
    digest = SHA1(data) for at most one block, else SHA1 of the blocks' binary SHA-1 digests
"""

from __future__ import absolute_import, division, print_function

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode

from .compat import TYPE_CHECKING, native

if TYPE_CHECKING:
    from typing import Iterable, Sequence  # noqa: F401

BLOCK = 4194304
DIGEST = 20

#: Etags of an empty object: from the service (page, Go and Java), from its listing, from the Python SDK.
EMPTY = ("AAAAANo5o-5ea0sNMlW_75VgGJCv2AcJ", "AQAAANo5o-5ea0sNMlW_75VgGJCv2AcJ", "AAAAAA==")


def part_etag(digest):
    # type: (bytes) -> str
    """A part's etag from its binary SHA-1 digest: 28 characters."""
    return native(urlsafe_b64encode(digest))


def part_digest(etag):
    # type: (str) -> bytes
    """The binary digest of a part's etag.  ValueError for another form."""
    try:
        digest = urlsafe_b64decode(str(etag))
    except (TypeError, ValueError):
        raise ValueError("not the etag of a part")
    if len(digest) != DIGEST or part_etag(digest) != etag:  # the decoder skips characters that are not base64
        raise ValueError("not the etag of a part")
    return digest


def block_digest(data):
    # type: (bytes | bytearray | memoryview) -> bytes
    """The binary SHA-1 of one block's bytes."""
    return hashlib.sha1(data).digest()


def agrees(etag, digest):
    # type: (str, bytes) -> bool | None
    """Whether the service's etag of one block matches the block's SHA-1: True, False, or None if it is opaque.

    Forms seen are 28 characters (a part's) and 32 (a one-block object's); clients must rely on neither.
    """
    if etag in (part_etag(digest), from_digests([digest])):
        return True
    try:
        decoded = urlsafe_b64decode(str(etag))
        plain = native(urlsafe_b64encode(decoded)) == etag  # the decoder skips characters that are not base64
        return False if plain and len(decoded) in (DIGEST, 4 + DIGEST) else None
    except (TypeError, ValueError):
        return None


def from_digests(digests):
    # type: (Sequence[bytes]) -> str
    """The etag of an object of these blocks, given as binary SHA-1 digests.  An empty list: an empty object."""
    if len(digests) == 1:
        digest = digests[0]
    else:
        digest = hashlib.sha1(b"".join(digests)).digest()
    return native(urlsafe_b64encode(struct.pack("<I", len(digests)) + digest))


def of_parts(etags, block_size):
    # type: (Iterable[str], int) -> str | None
    """The etag of an object made of parts with these etags; None if they do not determine it."""
    if block_size != BLOCK:
        return None
    try:
        return from_digests([part_digest(each) for each in etags])
    except ValueError:
        return None


def same(etag, other, size):
    # type: (str, str, int | None) -> bool
    """True if two etags mean the same content of ``size`` bytes.  All known forms of an empty object's are equal."""
    return etag == other or (size == 0 and etag in EMPTY and other in EMPTY)


def mismatch(expected, actual, headers):
    # type: (str | None, str | None, Iterable[tuple[str, str]]) -> str
    """The error text for content with a wrong etag.  ``headers``: (name, value) of the response."""
    told = u"the content does not verify: expected etag %s, actual %s" % (expected, actual)
    for name, value in headers:
        if name.lower() == "content-encoding" and value.lower() != "identity":
            told += u"; it came with Content-Encoding: %s, so a proxy may have compressed it" % value
    return told


def is_etag(value):
    # type: (str | None) -> bool
    """True if this can be an object's etag.  Other forms cannot be checked without the service."""
    if value in EMPTY:
        return True
    try:
        return value is not None and len(value) == 32 and len(urlsafe_b64decode(str(value))) == 4 + DIGEST
    except (TypeError, ValueError):
        return False


class Etag(object):
    """The etag of bytes given piece by piece, in order.  Not safe to share between threads."""

    __slots__ = ("size", "_digests", "_sha1", "_room")

    def __init__(self):
        # type: () -> None
        self.size = 0
        self._digests = []  # type: list[bytes]
        self._sha1 = hashlib.sha1()
        self._room = BLOCK

    def update(self, data):
        # type: (bytes | bytearray | memoryview) -> None
        """Add bytes, bytearray or memoryview of any length."""
        length = len(data)
        self.size += length
        if length < self._room:
            self._sha1.update(data)
            self._room -= length
            return
        view = memoryview(data)
        while len(view) >= self._room:
            self._sha1.update(view[: self._room])
            view = view[self._room :]
            self._digests.append(self._sha1.digest())
            self._sha1 = hashlib.sha1()
            self._room = BLOCK
        if len(view):
            self._sha1.update(view)
            self._room -= len(view)

    def digests(self):
        # type: () -> list[bytes]
        """The binary SHA-1 of each block so far; the last block may be shorter than BLOCK."""
        return self._digests + ([self._sha1.digest()] if self._room < BLOCK else [])

    def value(self):
        # type: () -> str
        """The etag of all bytes so far, unquoted."""
        return from_digests(self.digests())
