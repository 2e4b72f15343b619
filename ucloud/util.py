"""Etags, base64 and URLs, for programs of the older SDK."""

from __future__ import absolute_import, division, print_function

import base64
import hashlib
import io
import os  # noqa: F401  the older SDK's module has these names too
import struct  # noqa: F401

from .compact import b, s
from .ufile import config
from .uvideo.protocol import dialect, etag
from .uvideo.protocol.compat import TYPE_CHECKING, build_query
from .uvideo.protocol.location import check_key, check_space
from .uvideo.protocol.operation import PutObject
from .uvideo.protocol.provider import named

if TYPE_CHECKING:
    from typing import IO, Any, Iterable, Iterator  # noqa: F401
else:
    from .compact import *  # noqa: F403  the older SDK's module has these names too; its str is no type


def urlsafe_b64encode(data):
    # type: (str | bytes) -> str
    """Base64 text of bytes or text, with - and _."""
    encoded = s(base64.urlsafe_b64encode(b(data)))  # type: str
    return encoded


def urlsafe_b64decode(data):
    # type: (str | bytes) -> bytes
    """The bytes of base64 text with - and _."""
    decoded = b(base64.urlsafe_b64decode(s(data)))  # type: bytes
    return decoded


def standard_b64encode(data):
    # type: (str | bytes) -> str
    """Base64 text of bytes or text."""
    encoded = s(base64.standard_b64encode(b(data)))  # type: str
    return encoded


def standard_b64decode(data):
    # type: (str | bytes) -> bytes
    """The bytes of base64 text."""
    decoded = b(base64.standard_b64decode(s(data)))  # type: bytes
    return decoded


def _file_iter(input_stream, size):
    # type: (IO[bytes], int) -> Iterator[bytes]
    return iter(lambda: input_stream.read(size), b"")


def file_etag(localfile, size=config.BLOCKSIZE):
    # type: (str | os.PathLike[str], int) -> str
    """The etag of a file, as the service computes it over blocks of ``size`` bytes.  Raises IOError."""
    with io.open(localfile, "rb") as file:
        return etag.from_digests([hashlib.sha1(block).digest() for block in _file_iter(file, size)])


def _check_dict(data):
    # type: (object) -> bool
    if isinstance(data, dict):
        return True
    raise ValueError("the input is no dict")


def _url(bucket, key=None, query=()):
    # type: (str, str | None, Iterable[tuple[str, str | None]]) -> str
    """The URL on the upload host that a new handler would use."""
    suffix = named(config.DEFAULTS.settings().upload)
    at = dialect.url(PutObject(check_space(bucket), check_key(u"key" if key is None else key)), suffix)
    at = at if key is not None else at[: -len("key")]
    return at + ("?" + build_query(query) if query else "")


def ufile_put_url(bucket, key):
    # type: (str, str) -> str
    """The URL of an object for PUT and DELETE, escaped.  Raises ValueError, as all functions here."""
    return _url(bucket, key)


def ufile_post_url(bucket):
    # type: (str) -> str
    """The URL of a space for form uploads."""
    return _url(bucket)


def ufile_uploadhit_url(bucket):
    # type: (str) -> str
    """The URL of a space for uploadhit."""
    return _url(bucket) + "uploadhit"


def ufile_getfilelist_url(bucket):
    # type: (str) -> str
    """The URL of a space for a listing."""
    return _url(bucket, None, [("list", None)])


def initialsharding_url(bucket, key):
    # type: (str, str) -> str
    """The URL that begins a multipart upload."""
    return _url(bucket, key, [("uploads", None)])


def shardingupload_url(bucket, key, uploadid, part_number):
    # type: (str, str, str, int) -> str
    """The URL of a part.  part_number: from 0."""
    return _url(bucket, key, [("uploadId", uploadid), ("partNumber", "%d" % part_number)])


def finishsharding_url(bucket, key):
    # type: (str, str) -> str
    """The URL that finishes a multipart upload, without its uploadId."""
    return _url(bucket, key)
