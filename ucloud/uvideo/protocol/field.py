"""Parameters, etags, and stored headers that several operations share.

Source: data-plane.md sections 4 and 5.
"""

from __future__ import absolute_import, division, print_function

import binascii
import re

from .compat import TYPE_CHECKING, build_query, native, overload, to_bytes, to_text, whole
from .errors import BadRequest, TooLarge
from .operation import ACLS, KEPT, STORAGE_CLASSES

if TYPE_CHECKING:
    from typing import Mapping, Sequence, TypeVar  # noqa: F401

    from . import operation
    from .message import Headers  # noqa: F401

    _Storing = operation.PutObject | operation.InitiateUpload | operation.CopyObject | operation.AppendObject
    _Pairs = tuple[tuple[str, str], ...]
    T = TypeVar("T")

META = "X-Ufile-Meta-"
CLASS = "X-Ufile-Storage-Class"
DIRECTIVE = "X-Ufile-Metadata-Directive"
SOURCE = "X-Ufile-Copy-Source"
SOURCE_RANGE = "X-Ufile-Copy-Source-Range"
ACL = "x-ufile-object-acl"
RESTORE = "X-Ufile-Restore"
SESSION = "X-SessionId"
#: The newKey of a finish, escaped as in a target, in a signed header: the query is not signed.
NEW_KEY = ("X-UCloud-New-Key", "X-AutoAI-New-Key")
KEY_LIMIT = 1023
METADATA_LIMIT = 8192
STORED_COUNT = 80  # http.client reads 99 headers of a response, and up to 15 are ours
PART_LIMIT = 1310720  # 5 TiB of 4 MiB blocks
MIME_LIMIT = 1024
SIZE_LIMIT = 10**15


def upload_query(upload_id):
    # type: (str) -> str
    return "?uploadId=" + build_query([(upload_id, None)])


def stored(op):
    # type: (_Storing) -> list[tuple[str, str]]
    """[(name, value)] of the headers to store with an object."""
    pairs = []
    if op.mime:
        pairs.append(("Content-Type", native(op.mime)))
    if op.storage_class:
        pairs.append((CLASS, native(op.storage_class)))
    pairs.extend([(META + native(name), native(value)) for name, value in op.metadata])
    pairs.extend([(native(name), native(value)) for name, value in op.headers])
    return pairs


def parse_stored(headers):
    # type: (Headers) -> tuple[str | None, str | None, str | None, _Pairs, _Pairs]
    """The properties stored with a whole object: mime, md5, storage class, metadata, headers."""
    return mime(headers), md5(headers), storage_class(headers), metadata(headers), kept(headers)


def quoted(etag):
    # type: (str | None) -> tuple[str, str]
    assert etag is not None  # the server always knows it
    return ("ETag", '"%s"' % native(etag))


@overload
def unquoted(etag):
    # type: (str) -> str
    pass


@overload
def unquoted(etag):
    # type: (None) -> None
    pass


def unquoted(etag):
    # type: (str | None) -> str | None
    """An etag header's value without quotes and without a proxy's weak mark; None for None."""
    if etag is None:
        return None
    etag = etag.strip()
    return (etag[2:] if etag.startswith("W/") else etag).strip('"')


@overload
def number(query, name, low, high, default):
    # type: (Mapping[str, str], str, int, int, T) -> int | T
    pass


@overload
def number(query, name, low, high):
    # type: (Mapping[str, str], str, int, int) -> int | None
    pass


def number(query, name, low, high, default=None):
    # type: (Mapping[str, str], str, int, int, object) -> object
    """A whole number from the query.  BadRequest."""
    value = query.get(name)
    if value is None or value == u"":
        return default
    found = whole(value)
    if found is None or not low <= found <= high:
        raise BadRequest(u"%s is not a whole number from %d to %d" % (name, low, high))
    return found


def key(value, name):
    # type: (str | None, str) -> str
    """A parameter's value as a key.  BadRequest."""
    if not value:
        raise BadRequest(u"%s is missing" % name)
    if len(to_bytes(value)) > KEY_LIMIT:
        raise BadRequest(u"%s is longer than %d bytes" % (name, KEY_LIMIT))
    return value


def size(query, name):
    # type: (Mapping[str, str], str) -> int
    """A parameter's value as a number of bytes.  BadRequest."""
    found = number(query, name, 0, SIZE_LIMIT)
    if found is None:
        raise BadRequest(u"%s is missing" % name)
    return found


def upload_id(query, name="uploadId"):
    # type: (Mapping[str, str], str) -> str
    value = query.get(name)
    if not value:
        raise BadRequest(u"uploadId is missing")
    return value


def part_number(query):
    # type: (Mapping[str, str]) -> int
    if not query.get("partNumber"):
        raise BadRequest(u"partNumber is missing")
    return number(query, "partNumber", 0, PART_LIMIT - 1, 0)


def one_of(value, allowed, name):
    # type: (str | None, Sequence[str], str) -> str | None
    """The text of a header or parameter, one of ``allowed``; None if there is none.  BadRequest."""
    if not value:
        return None
    if value not in allowed:
        raise BadRequest(u"%s is none of %s" % (name, u", ".join(allowed)))
    return to_text(value)


def check_count(count):
    # type: (int) -> None
    """TooLarge for more headers of one object than a response can have."""
    if count > STORED_COUNT:
        raise TooLarge(u"metadata and kept headers are more than %d" % STORED_COUNT)


_META_NAME = re.compile(r"[A-Za-z0-9-]+\Z").match


def metadata(headers):
    # type: (Headers) -> tuple[tuple[str, str], ...]
    found, size = {}, 0
    for name, value in headers:
        if name[:13].lower() == "x-ufile-meta-":
            bare = name[13:].lower()
            if not _META_NAME(bare):
                raise BadRequest(u"the metadata name %s is not of letters, digits and -" % to_text(bare)[:100])
            value = header_text(value, u"the metadata %s" % to_text(bare))
            if has_outer_blank(value):  # for example in a form field: HTTP would lose it in the answers
                raise BadRequest(u"the metadata %s %s" % (to_text(bare), OUTER_BLANK))
            size += len(bare) + len(to_bytes(value))
            found[to_text(bare)] = value
    if size > METADATA_LIMIT:
        raise TooLarge(u"the metadata is longer than %d bytes" % METADATA_LIMIT)
    return tuple(sorted(found.items()))


def header_text(value, name):
    # type: (str, str) -> str
    try:
        text = to_text(value)
        to_bytes(text)
    except UnicodeError:
        raise BadRequest(u"%s is not UTF-8" % name)
    if _BREAK(text):  # for example in a form field: an HTTP header cannot contain one
        raise BadRequest(u"%s contains a line break" % name)
    return text


_BREAK = re.compile(u"[\\r\\n\\0]").search
#: Why such a value is refused, for messages.
OUTER_BLANK = u"begins or ends with a blank or tab, which HTTP does not keep: remove it, or encode the value"


def has_outer_blank(value):
    # type: (str) -> bool
    """Whether HTTP would shorten a header's value: blanks and tabs around it are not part of it."""
    return value != value.strip(" \t")



KEPT_NAMES = frozenset([name.lower() for name in KEPT])


def kept(headers):
    # type: (Headers) -> tuple[tuple[str, str], ...]
    return given(headers, KEPT, KEPT_NAMES)


def given(headers, names, lower):
    # type: (Headers, Sequence[str], frozenset[str]) -> tuple[tuple[str, str], ...]
    """Tuple of (name, text) of those ``names`` that have a value.  ``lower``: the same names in lower case."""
    if not headers.has_any(lower):
        return ()
    found = [(name, headers.get(name)) for name in names]
    return tuple((name, header_text(value, name)) for name, value in found if value)


def mime(headers):
    # type: (Headers) -> str | None
    value = headers.get("Content-Type")
    return header_text(value.strip(), u"Content-Type") if value and value.strip() else None


def storage_class(headers):
    # type: (Headers) -> str | None
    return one_of(headers.get(CLASS), STORAGE_CLASSES, u"the storage class")


def acl(headers):
    # type: (Headers) -> str | None
    return one_of(headers.get(ACL), ACLS, ACL)


_HEX_MD5 = re.compile(r"[0-9a-fA-F]{32}\Z").match
_BASE64_MD5 = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==\Z").match


def md5(headers):
    # type: (Headers) -> str | None
    """A Content-MD5 as hexadecimal digits; None if there is none.  BadRequest.

    Official clients send it so; requests-ucloud sends the base64 of RFC 1864.
    """
    value = (headers.get("Content-MD5") or "").strip()
    if not value:
        return None
    if _BASE64_MD5(value):
        return to_text(binascii.hexlify(binascii.a2b_base64(value)))
    if not _HEX_MD5(value):
        raise BadRequest(u"Content-MD5 is neither 32 hexadecimal digits nor the base64 of 16 bytes")
    return to_text(value.lower())
