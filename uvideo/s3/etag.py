"""The ETag that S3 shows of an object, and the UFile etag of an object that S3 wrote.  Source: s3.md section 4.

    written by S3             md5 in hex; of N parts the md5 of their md5s and "-N"
    written by UFile, UVideo  the 40 hex digits of the digest in its etag, "-", its block count; empty: md5 of nothing

All are unquoted here.  Nobody compares a form with "-" with an MD5 of the bytes.
"""

from __future__ import annotations

import hashlib
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence

from uvideo._core import etag

__all__ = ["EMPTY", "from_ufile", "of_parts", "to_ufile", "ufile_of_parts"]

#: Of an empty object: the md5 of nothing.
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"

_DASHED = re.compile(r"([0-9a-f]{40})-([1-9][0-9]{0,9})").fullmatch


def of_parts(md5s: Sequence[bytes]) -> str:
    """The ETag of a multipart object, from the parts' 16-byte md5s in order.  Also one part gives "-1"."""
    return f"{hashlib.md5(b''.join(md5s), usedforsecurity=False).hexdigest()}-{len(md5s)}"


def from_ufile(value: str) -> str:
    """The ETag of an object that UFile wrote.  ``value``: its UFile etag; one of another form stays as it is."""
    if value in etag.EMPTY:
        return EMPTY
    if not etag.is_etag(value):
        return value
    raw = urlsafe_b64decode(value)
    return f"{raw[4:].hex()}-{int.from_bytes(raw[:4], 'little')}"


def to_ufile(value: str) -> str | None:
    """The UFile etag that from_ufile showed as this; None if it did not."""
    if value == EMPTY:
        return etag.EMPTY[0]
    found = _DASHED(value)
    if found is None or int(found[2]) >= 1 << 32:
        return None
    return urlsafe_b64encode(struct.pack("<I", int(found[2])) + bytes.fromhex(found[1])).decode("ascii")


def ufile_of_parts(parts: Iterable[tuple[int, bytes]]) -> str | None:
    """The UFile etag of a multipart object, without reading it; None if only its bytes can tell.

    ``parts``: (size, SHA-1s of each 4 MiB of the part, joined) in order.  All sizes but the last must be multiples of 4
    MiB; parts without bytes do not matter.
    """
    digests: list[bytes] = []
    whole = True
    for size, joined in parts:
        if size and not whole:
            return None
        digests += [joined[at : at + etag.DIGEST] for at in range(0, len(joined), etag.DIGEST)]
        whole = whole and size % etag.BLOCK == 0
    return etag.from_digests(digests)
