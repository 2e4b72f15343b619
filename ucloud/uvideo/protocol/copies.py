"""Objects made from stored objects: copies, parts as copies, renames.  Source: data-plane.md section 4."""

from __future__ import absolute_import, division, print_function

import re

from . import byterange, field, operation
from .codec import Codec
from .compat import TYPE_CHECKING, build_query, native, quote_path, to_bytes, to_text, unquote
from .errors import BadRequest, CopyRangeInvalid
from .json_document import json_answer
from .location import place
from .multipart import decode_stored_part
from .objects import decode_stored, encode_stored

if TYPE_CHECKING:
    from typing import Mapping  # noqa: F401

    from .codec import Asked  # noqa: F401
    from .message import Headers, Response  # noqa: F401


def _encode_copy(op, shared):
    # type: (operation.CopyObject, bool) -> Asked
    pairs = [_source(op)]
    if op.directive:
        pairs.append((field.DIRECTIVE, native(op.directive)))
    return "PUT", place(op.key, shared), pairs + field.stored(op), b""


def _decode_copy(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.CopyObject
    source_space, source_key, verbatim = _read_source(headers)
    directive = field.one_of(headers.get(field.DIRECTIVE), operation.DIRECTIVES, field.DIRECTIVE)
    return operation.CopyObject(
        space,
        key,
        source_space,
        source_key,
        directive,
        field.storage_class(headers),
        field.metadata(headers),
        field.mime(headers),
        field.kept(headers),
        verbatim,
    )


def _encode_copy_part(op, shared):
    # type: (operation.CopyPart, bool) -> Asked
    target = "%s%s&partNumber=%d" % (place(op.key, shared), field.upload_query(op.upload_id), op.part)
    pairs = [_source(op)]
    if op.range is not None:
        pairs.append((field.SOURCE_RANGE, byterange.build(op.range)))
    return "PUT", target, pairs, b""


_CLOSED_RANGE = re.compile(r"bytes=[ \t]*([0-9]{1,19})[ \t]*-[ \t]*([0-9]{1,19})[ \t]*\Z", re.I).match


def _decode_copy_part(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.CopyPart
    source_space, source_key, verbatim = _read_source(headers)
    wanted, value = None, headers.get(field.SOURCE_RANGE)
    if value is not None:
        match = _CLOSED_RANGE(value.strip())
        if not match or int(match.group(2)) < int(match.group(1)):
            raise CopyRangeInvalid()
        wanted = byterange.ByteRange(int(match.group(1)), int(match.group(2)))
    part = field.part_number(query)
    return operation.CopyPart(space, key, field.upload_id(query), part, source_space, source_key, wanted, verbatim)


def _encode_copied_part(result):
    # type: (operation.CopiedPart) -> Response
    assert result.first is not None and result.length is not None and result.size is not None
    ranged = byterange.build_content(result.first, result.length, result.size)
    # Java reads a copied part's etag from this field, but a sent part's from the header.
    pairs = [field.quoted(result.etag), ("Content-Range", ranged)]
    return json_answer({"PartNumber": result.part, "ETag": result.etag}, pairs)


def _decode_copied_part(op, response):
    # type: (operation.CopyPart, Response) -> operation.CopiedPart
    stored = decode_stored_part(op, response)
    ranged = byterange.parse_content(response.headers.get("Content-Range"))
    if ranged is None:
        return operation.CopiedPart(stored.part, stored.etag, None, None, None)
    first, last, size = ranged
    return operation.CopiedPart(stored.part, stored.etag, first, last - first + 1, size)


def _source(op):
    # type: (operation.CopyObject | operation.CopyPart) -> tuple[str, str]
    return (field.SOURCE, "/%s/%s" % (native(op.source_space), quote_path(op.source_key)))


def _read_source(headers):
    # type: (Headers) -> tuple[str, str, str | None]
    """(space, key, the key as spelled or None): clients escape it, escape half of it, or send raw UTF-8."""
    value = headers.get(field.SOURCE, "")
    space, _, rest = value.strip()[1 if value.strip().startswith("/") else 0 :].partition("/")
    try:
        space = unquote(space)
        spelled = to_text(rest)
        to_bytes(spelled)
    except (ValueError, UnicodeError):
        raise BadRequest(u"%s is not UTF-8" % field.SOURCE)
    try:
        key = unquote(rest)
    except ValueError:
        key = spelled
    if not space or not key:
        raise BadRequest(u"%s is not /<space>/<key>" % field.SOURCE)
    return space, key, spelled if spelled != key else None


def _encode_rename(op, shared):
    # type: (operation.RenameObject, bool) -> Asked
    query = build_query([("newFileName", op.new_key), ("force", "true" if op.force else "false")])
    return "PUT", place(op.key, shared) + "?" + query, [], b""


def _decode_rename(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.RenameObject
    force = (query.get("force") or u"false").lower()
    if force not in (u"true", u"false"):
        raise BadRequest(u"force is neither true nor false")
    return operation.RenameObject(space, key, field.key(query["newFileName"], u"newFileName"), force == u"true")


CODECS = {
    operation.CopyObject: Codec(_encode_copy, _decode_copy, encode_stored, decode_stored),
    operation.CopyPart: Codec(_encode_copy_part, _decode_copy_part, _encode_copied_part, _decode_copied_part),
    operation.RenameObject: Codec(_encode_rename, _decode_rename),
}  # type: dict[type, Codec]
