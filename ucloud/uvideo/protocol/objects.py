"""Whole objects: put, append, get, head, delete; and a put of content that the service already has.

Source: data-plane.md section 4.
"""

from __future__ import absolute_import, division, print_function

import re

from . import byterange, field, operation
from .codec import Codec, bare, plain
from .compat import TYPE_CHECKING, build_query, native, quote_query, to_text, whole
from .dates import http_date, parse_date
from .errors import BadAnswer, BadRequest
from .location import FINISH, INIT, PLAIN, place
from .message import Headers, Response
from .operation import KEPT
from .page import check_coding

if TYPE_CHECKING:
    from typing import Mapping  # noqa: F401

    from .codec import Asked  # noqa: F401


def _encode_put(op, shared):
    # type: (operation.PutObject, bool) -> Asked
    pairs = field.stored(op)
    if op.md5:
        pairs.append(("Content-MD5", native(op.md5)))
    if op.acl:
        pairs.append((field.ACL, native(op.acl)))
    return "PUT", place(op.key, shared), pairs, b""


def _decode_put(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.PutObject
    return operation.PutObject(space, key, *field.parse_stored(headers), acl=field.acl(headers))


def encode_stored(result):
    # type: (operation.Stored) -> Response
    return Response(200, Headers([field.quoted(result.etag)]), b"")


def decode_stored(op, response):
    # type: (object, Response) -> operation.Stored
    return operation.Stored(field.unquoted(response.headers.get("ETag")))


def _encode_append(op, shared):
    # type: (operation.AppendObject, bool) -> Asked
    pairs = field.stored(op)
    if op.md5:
        pairs.append(("Content-MD5", native(op.md5)))
    return "PUT", place(op.key, shared) + "?append&position=%d" % op.position, pairs, b""


def _decode_append(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.AppendObject
    return operation.AppendObject(space, key, field.size(query, "position"), *field.parse_stored(headers))


def _encode_hit(op, shared):
    # type: (operation.UploadHit, bool) -> Asked
    query = build_query([("Hash", op.etag), ("FileName", op.key), ("FileSize", "%d" % op.size)])
    pairs = [("Content-Type", native(op.mime))] if op.mime else []
    return "POST", "/uploadhit?" + query, pairs, b""


def _decode_hit(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.UploadHit
    etag = query["Hash"].strip().strip(u'"')  # JuiceFS sends the value of HEAD's header
    if not etag:
        raise BadRequest(u"Hash is missing")
    name = field.key(query.get("FileName"), u"FileName")
    return operation.UploadHit(space, name, etag, field.size(query, "FileSize"), field.mime(headers))


def _encode_get(op, shared):
    # type: (operation.GetObject, bool) -> Asked
    # On a shared host a leading uvideoUploads/ is removed, so add one to a key that begins so.
    guard = shared and op.key.startswith((INIT, PLAIN, FINISH))
    target = place(op.key, guard)
    pairs = _conditions(op)
    if op.range is not None:
        pairs.append(("Range", byterange.build(op.range)))
    if op.filename is not None:
        target += "?" + build_query([("ufileattname", op.filename)])
    return "GET", target, pairs, b""


def _decode_get(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.GetObject
    wanted = headers.get("Range")
    span = byterange.parse(wanted) if wanted else None
    return operation.GetObject(space, key, span, _given_conditions(headers), query.get("ufileattname") or None)


def _encode_head(op, shared):
    # type: (operation.HeadObject, bool) -> Asked
    return "HEAD", place(op.key, shared), _conditions(op), b""


def _decode_head(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.HeadObject
    return operation.HeadObject(space, key, _given_conditions(headers))


def _conditions(op):
    # type: (operation.GetObject | operation.HeadObject) -> list[tuple[str, str]]
    return [("-".join([word.capitalize() for word in name.split("-")]), native(value)) for name, value in op.conditions]


def _given_conditions(headers):
    # type: (Headers) -> tuple[tuple[str, str], ...]
    return field.given(headers, operation.CONDITIONS, _CONDITION_NAMES)


_CONDITION_NAMES = frozenset(operation.CONDITIONS)


def _encode_object(result):
    # type: (operation.ObjectInfo | operation.NotModified) -> Response
    """The headers of a response to GET or HEAD.  The bytes are sent separately."""
    if isinstance(result, operation.NotModified):
        assert result.modified is not None
        return Response(304, Headers([field.quoted(result.etag), ("Last-Modified", http_date(result.modified))]), b"")
    assert result.size is not None and result.mime is not None and result.storage_class is not None
    pairs = [("Content-Type", native(result.mime)), field.quoted(result.etag), ("Accept-Ranges", "bytes")]
    length, status = result.size, 200
    if result.span is not None:
        first, length = result.span
        status = 206
        pairs.append(("Content-Range", byterange.build_content(first, length, result.size)))
    pairs.append(("Content-Length", "%d" % length))
    if result.modified is not None:
        pairs.append(("Last-Modified", http_date(result.modified)))
    if result.created is not None:
        pairs.append(("X-Ufile-Create-Time", http_date(result.created)))
    pairs.append((field.CLASS, native(result.storage_class)))
    if result.restore is not None:
        pairs.append((field.RESTORE, native(result.restore)))
    pairs.append(("Vary", "Origin"))
    for name, value in result.metadata:  # Java matches the prefix case-sensitively
        pairs.append((field.META + "-".join([word.capitalize() for word in native(name).split("-")]), native(value)))
    replayed = list(result.headers)
    if result.filename is not None:
        replayed = [(name, value) for name, value in replayed if name != "Content-Disposition"]
        replayed.append(("Content-Disposition", _attachment(result.filename)))
    for name, value in replayed:
        pairs.append((native(name), native(value)))
    return Response(status, Headers(pairs), b"")


#: The only characters of an extended value; a line break would end the header.  Source: RFC 8187
_ESCAPED = re.compile(u"(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})+\\Z").match


def _attachment(filename):
    # type: (str) -> str
    """The Content-Disposition.  A name still in %XX form goes to filename*, also one that a header cannot hold.

    Source: data-plane.md, GetFile.
    """
    if "%" in filename and _ESCAPED(filename):
        return "attachment;filename*=UTF-8''" + native(filename)
    plain = all(u" " <= char <= u"~" and char not in u'"\\' for char in filename)
    return ('attachment;filename="%s"' if plain else "attachment;filename*=UTF-8''%s") % (
        native(filename) if plain else quote_query(filename).replace("/", "%2F")
    )


def decode_object(op, response):
    # type: (operation.GetObject | operation.HeadObject, Response) -> operation.ObjectInfo | operation.NotModified
    if response.status == 304:
        headers = response.headers
        return operation.NotModified(field.unquoted(headers.get("ETag")), parse_date(headers.get("Last-Modified")))
    return decode_info(response.headers, response.status)


#: An etag changed by a server that compressed the response: weak, or with a suffix.
_CHANGED = re.compile(r'\s*W/|.*[-+;:.](?:gzip|br|zstd|deflate|df)"?\s*\Z', re.I).match


def decode_info(headers, status=200):
    # type: (Headers, int) -> operation.ObjectInfo
    """The ObjectInfo in the headers of a response to GET or HEAD.  size and span are None if the headers lack them.

    BadAnswer for a response without ETag, or for a partial one without its range.  ConfigurationError for a response
    that was compressed on the way.  For an object stored with a Content-Encoding, length and etag are those of the
    service.
    """
    tag, said_length = headers.get("ETag"), headers.get("Content-Length")
    replays = headers.has_any(field.KEPT_NAMES)
    if replays and (said_length is None or tag is None or _CHANGED(tag)):
        check_coding(headers, status)
    etag = field.unquoted(tag)
    if not etag:  # every object has one; a captive portal's page has none
        raise BadAnswer(u"the answer has no ETag", status=status)
    length = sent = whole(said_length.strip()) if said_length is not None else None
    span = None
    if status == 206:
        ranged = byterange.parse_content(headers.get("Content-Range"))
        if ranged is None:
            raise BadAnswer(u"the answer is partial but has no Content-Range", status=status)
        span, length = (ranged[0], ranged[1] - ranged[0] + 1), ranged[2]
        if replays and sent != span[1]:
            check_coding(headers, status)
    metadata = [
        (name[len(field.META) :].lower(), value)
        for name, value in headers
        if name[:1] in "xX" and name.lower().startswith(_META)
    ]
    kept = [(name, headers.get(name, "")) for name in KEPT if headers.get(name) is not None] if replays else []
    restore = headers.get(field.RESTORE)
    return operation.ObjectInfo(
        length,
        etag,
        headers.get("Content-Type"),
        headers.get(field.CLASS),
        parse_date(headers.get("Last-Modified")),
        parse_date(headers.get("X-Ufile-Create-Time")),
        tuple(sorted((to_text(name), to_text(value)) for name, value in metadata)),
        tuple((name, to_text(value)) for name, value in kept),
        span,
        None,
        to_text(restore) if restore is not None else None,
    )


_META = field.META.lower()


def _encode_deleted(result):
    # type: (operation.Done) -> Response
    return Response(204, Headers(), b"")


CODECS = {
    operation.PutObject: Codec(_encode_put, _decode_put, encode_stored, decode_stored),
    operation.AppendObject: Codec(_encode_append, _decode_append, encode_stored, decode_stored),
    operation.UploadHit: Codec(_encode_hit, _decode_hit, encode_stored, decode_stored),
    operation.GetObject: Codec(_encode_get, _decode_get, _encode_object, decode_object),
    operation.HeadObject: Codec(_encode_head, _decode_head, _encode_object, decode_object),
    operation.DeleteObject: Codec(bare("DELETE"), plain(operation.DeleteObject), _encode_deleted),
}  # type: dict[type, Codec]
