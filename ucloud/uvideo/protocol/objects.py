"""Operation <-> request of what becomes of an object beside put, get and multipart: copies, names, states, tags.

The tables ENCODE and DECODE are parts of dialect's.  Source: data-plane.md section 4.
"""

from __future__ import absolute_import, division, print_function

import json
import re

from . import byterange, field, operation
from .compat import TYPE_CHECKING, build_query, is_text, native, quote_path, to_bytes, to_text, unquote
from .errors import BadRequest, CopyRangeInvalid
from .field import KEY_LIMIT, SOURCE, SOURCE_RANGE, number, one_of, part_number, place, stored, upload_id, upload_query
from .json_document import parse_json

if TYPE_CHECKING:
    from typing import Any, Callable, Mapping  # noqa: F401

    from .message import Headers  # noqa: F401

SIZE_LIMIT = 10**15
#: Source: data-plane.md section 3.
TAGS_LIMIT, TAG_KEY_LIMIT, TAG_VALUE_LIMIT = 10, 128, 256
_TAG_SIGNS = u" +-=._:/@"
_JSON = ("Content-Type", "application/json")


# Client: operation -> request


def _encode_hit(op, shared):
    # type: (operation.UploadHit, bool) -> field.Asked
    query = build_query([("Hash", op.etag), ("FileName", op.key), ("FileSize", "%d" % op.size)])
    pairs = [("Content-Type", native(op.mime))] if op.mime else []
    return "POST", "/uploadhit?" + query, pairs, b""


def _source(op):
    # type: (operation.CopyObject | operation.CopyPart) -> tuple[str, str]
    return (SOURCE, "/%s/%s" % (native(op.source_space), quote_path(op.source_key)))


def _encode_copy(op, shared):
    # type: (operation.CopyObject, bool) -> field.Asked
    pairs = [_source(op)]
    if op.directive:
        pairs.append((field.DIRECTIVE, native(op.directive)))
    return "PUT", place(op.key, shared), pairs + stored(op), b""


def _encode_copy_part(op, shared):
    # type: (operation.CopyPart, bool) -> field.Asked
    target = "%s%s&partNumber=%d" % (place(op.key, shared), upload_query(op.upload_id), op.part)
    pairs = [_source(op)]
    if op.range is not None:
        pairs.append((SOURCE_RANGE, byterange.build(op.range)))
    return "PUT", target, pairs, b""


def _encode_rename(op, shared):
    # type: (operation.RenameObject, bool) -> field.Asked
    query = build_query([("newFileName", op.new_key), ("force", "true" if op.force else "false")])
    return "PUT", place(op.key, shared) + "?" + query, [], b""


def _encode_mime(op, shared):
    # type: (operation.SetMime, bool) -> field.Asked
    body = {"op": "set", "metak": "mimetype", "metav": op.mime}
    return "POST", place(op.key, shared) + "?opmeta", [_JSON], to_bytes(json.dumps(body, sort_keys=True))


def _encode_switch(op, shared):
    # type: (operation.SwitchClass, bool) -> field.Asked
    return "PUT", place(op.key, shared) + "?" + build_query([("storageClass", op.storage_class)]), [], b""


def _encode_restore(op, shared):
    # type: (operation.RestoreObject, bool) -> field.Asked
    return "PUT", place(op.key, shared) + "?restore", [("Tier", native(op.tier))] if op.tier else [], b""


def build_tags(tags):
    # type: (tuple[tuple[str, str], ...]) -> bytes
    """The document of tags; tuple of (key, value)."""
    return to_bytes(json.dumps({"Tags": [{"Key": key, "Value": value} for key, value in tags]}, sort_keys=True))


def _encode_put_tags(op, shared):
    # type: (operation.PutTags, bool) -> field.Asked
    return "PUT", place(op.key, shared) + "?tagging", [_JSON], build_tags(op.tags)


def _encode_put_acl(op, shared):
    # type: (operation.PutAcl, bool) -> field.Asked
    return "PUT", place(op.key, shared) + "?acl", [(field.ACL, native(op.acl))], b""


def _encode_append(op, shared):
    # type: (operation.AppendObject, bool) -> field.Asked
    pairs = stored(op)
    if op.md5:
        pairs.append(("Content-MD5", native(op.md5)))
    return "PUT", place(op.key, shared) + "?append&position=%d" % op.position, pairs, b""


ENCODE = {
    operation.UploadHit: _encode_hit,
    operation.CopyObject: _encode_copy,
    operation.CopyPart: _encode_copy_part,
    operation.RenameObject: _encode_rename,
    operation.SetMime: _encode_mime,
    operation.SwitchClass: _encode_switch,
    operation.RestoreObject: _encode_restore,
    operation.PutTags: _encode_put_tags,
    operation.GetTags: field.bare("GET", "?tagging"),
    operation.DeleteTags: field.bare("DELETE", "?tagging"),
    operation.PutAcl: _encode_put_acl,
    operation.GetAcl: field.bare("GET", "?acl"),
    operation.AppendObject: _encode_append,
}  # type: dict[type, Callable[[Any, bool], field.Asked]]


# Server: request -> operation


def _key(value, name):
    # type: (str | None, str) -> str
    if not value:
        raise BadRequest(u"%s is missing" % name)
    if len(to_bytes(value)) > KEY_LIMIT:
        raise BadRequest(u"%s is longer than %d bytes" % (name, KEY_LIMIT))
    return value


def _size(query, name):
    # type: (Mapping[str, str], str) -> int
    found = number(query, name, 0, SIZE_LIMIT)
    if found is None:
        raise BadRequest(u"%s is missing" % name)
    return found


def _decode_hit(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.UploadHit
    etag = query["Hash"].strip().strip(u'"')  # JuiceFS sends the value of HEAD's header
    if not etag:
        raise BadRequest(u"Hash is missing")
    name = _key(query.get("FileName"), u"FileName")
    return operation.UploadHit(space, name, etag, _size(query, "FileSize"), field.mime(headers))


def _read_source(headers):
    # type: (Headers) -> tuple[str, str, str | None]
    """(space, key, key as it was spelled or None): clients escape it, escape half of it, or send raw UTF-8."""
    value = headers.get(SOURCE, "")
    space, _, rest = value.strip()[1 if value.strip().startswith("/") else 0 :].partition("/")
    try:
        space = unquote(space)
        spelled = to_text(rest)
        to_bytes(spelled)
    except (ValueError, UnicodeError):
        raise BadRequest(u"%s is not UTF-8" % SOURCE)
    try:
        key = unquote(rest)
    except ValueError:
        key = spelled
    if not space or not key:
        raise BadRequest(u"%s is not /<space>/<key>" % SOURCE)
    return space, key, spelled if spelled != key else None


def _decode_copy(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.CopyObject
    source_space, source_key, verbatim = _read_source(headers)
    directive = one_of(headers.get(field.DIRECTIVE), operation.DIRECTIVES, field.DIRECTIVE)
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


_CLOSED_RANGE = re.compile(r"bytes=[ \t]*([0-9]{1,19})[ \t]*-[ \t]*([0-9]{1,19})[ \t]*\Z", re.I).match


def _decode_copy_part(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.CopyPart
    source_space, source_key, verbatim = _read_source(headers)
    wanted, value = None, headers.get(SOURCE_RANGE)
    if value is not None:
        match = _CLOSED_RANGE(value.strip())
        if not match or int(match.group(2)) < int(match.group(1)):
            raise CopyRangeInvalid()
        wanted = byterange.ByteRange(int(match.group(1)), int(match.group(2)))
    part = part_number(query)
    return operation.CopyPart(space, key, upload_id(query), part, source_space, source_key, wanted, verbatim)


def _decode_rename(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.RenameObject
    force = (query.get("force") or u"false").lower()
    if force not in (u"true", u"false"):
        raise BadRequest(u"force is neither true nor false")
    return operation.RenameObject(space, key, _key(query["newFileName"], u"newFileName"), force == u"true")


def _document(body):
    # type: (bytes) -> dict[str, Any]
    try:
        found = parse_json(body)
    except ValueError:
        raise BadRequest(u"the body is not JSON")
    if not isinstance(found, dict):
        raise BadRequest(u"the body is not a JSON object")
    return found


def _member(found, name):
    # type: (dict[str, Any], str) -> str
    value = found.get(name)
    try:
        if is_text(value) and to_bytes(value):
            return to_text(value)
    except UnicodeError:
        pass
    raise BadRequest(u"%s is missing or no text" % name)


def _decode_mime(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.SetMime
    found = _document(body)
    if found.get("op") != u"set":
        raise BadRequest(u"op is not set")
    if found.get("metak") != u"mimetype":
        raise BadRequest(u"metak is not mimetype")
    mime = field.header_text(_member(found, "metav"), u"metav").strip()
    if not mime or len(to_bytes(mime)) > field.MIME_LIMIT or _CONTROL(mime):
        raise BadRequest(u"metav is no media type")
    return operation.SetMime(space, key, mime)


_CONTROL = re.compile(u"[\x00-\x1f\x7f]").search


def _decode_switch(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.SwitchClass
    storage_class = one_of(query["storageClass"], operation.STORAGE_CLASSES, u"the storage class")
    if storage_class is None:
        raise BadRequest(u"storageClass is missing")
    return operation.SwitchClass(space, key, storage_class)


def _decode_restore(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.RestoreObject
    return operation.RestoreObject(space, key, one_of(headers.get("Tier"), operation.TIERS, u"Tier"))


def parse_tags(found):
    # type: (object) -> tuple[tuple[str, str], ...]
    """Tuple of (key, value) of a document of tags.  ValueError if it is of another shape."""
    if not isinstance(found, dict) or not isinstance(found.get("Tags"), list):
        raise ValueError("Tags is missing")
    tags = []
    for entry in found["Tags"]:
        key, value = (entry.get("Key"), entry.get("Value")) if isinstance(entry, dict) else (None, None)
        if not is_text(key) or not is_text(value):
            raise ValueError("a tag has no Key or no Value")
        tags.append((key, value))
    return tuple(tags)


def _decode_put_tags(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.PutTags
    try:
        tags = parse_tags(_document(body))
    except ValueError as error:
        raise error if isinstance(error, BadRequest) else BadRequest(u"%s" % error)
    if len(tags) > TAGS_LIMIT:
        raise BadRequest(u"an object has at most %d tags" % TAGS_LIMIT)
    if len(set(name for name, _ in tags)) < len(tags):
        raise BadRequest(u"a tag is given twice")
    for name, value in tags:
        if not 1 <= len(name) <= TAG_KEY_LIMIT or len(value) > TAG_VALUE_LIMIT:
            limits = (TAG_KEY_LIMIT, TAG_VALUE_LIMIT)
            raise BadRequest(u"the key of a tag has 1 to %d characters, its value at most %d" % limits)
        if not all(char.isalnum() or char in _TAG_SIGNS for char in name + value):
            raise BadRequest(u"a tag is of letters, digits, blanks and %s" % _TAG_SIGNS.strip())
    return operation.PutTags(space, key, tags)


def _decode_put_acl(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.PutAcl
    acl = one_of(headers.get(field.ACL), operation.ACLS, field.ACL)
    if acl is None:
        raise BadRequest(u"the header %s is missing" % field.ACL)
    return operation.PutAcl(space, key, acl)


def _decode_append(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.AppendObject
    return operation.AppendObject(space, key, _size(query, "position"), *field.parse_stored(headers))


DECODE = {
    operation.UploadHit: _decode_hit,
    operation.CopyObject: _decode_copy,
    operation.CopyPart: _decode_copy_part,
    operation.RenameObject: _decode_rename,
    operation.SetMime: _decode_mime,
    operation.SwitchClass: _decode_switch,
    operation.RestoreObject: _decode_restore,
    operation.PutTags: _decode_put_tags,
    operation.GetTags: field.plain(operation.GetTags),
    operation.DeleteTags: field.plain(operation.DeleteTags),
    operation.PutAcl: _decode_put_acl,
    operation.GetAcl: field.plain(operation.GetAcl),
    operation.AppendObject: _decode_append,
}  # type: dict[type, Callable[[str, str, Mapping[str, str], Headers, bytes], Any]]
