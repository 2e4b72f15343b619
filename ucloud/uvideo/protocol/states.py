"""An object's properties besides its bytes: media type, storage class, tags, access.

Source: data-plane.md section 4.
"""

from __future__ import absolute_import, division, print_function

import json
import re

from . import field, operation
from .codec import Codec, bare, plain
from .compat import TYPE_CHECKING, build_query, is_text, native, to_bytes, to_text
from .errors import BadRequest
from .json_document import JSON, document, json_answer, members, parse_body, text, text_or_none
from .location import place
from .message import Headers, Response

if TYPE_CHECKING:
    from typing import Any, Mapping  # noqa: F401

    from .codec import Asked  # noqa: F401

#: Source: data-plane.md section 3.
TAGS_LIMIT, TAG_KEY_LIMIT, TAG_VALUE_LIMIT = 10, 128, 256
_TAG_SIGNS = u" +-=._:/@"


def _encode_mime(op, shared):
    # type: (operation.SetMime, bool) -> Asked
    body = {"op": "set", "metak": "mimetype", "metav": op.mime}
    return "POST", place(op.key, shared) + "?opmeta", [JSON], to_bytes(json.dumps(body, sort_keys=True))


_CONTROL = re.compile(u"[\x00-\x1f\x7f]").search


def _decode_mime(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.SetMime
    found = parse_body(body)
    if found.get("op") != u"set":
        raise BadRequest(u"op is not set")
    if found.get("metak") != u"mimetype":
        raise BadRequest(u"metak is not mimetype")
    mime = field.header_text(_member(found, "metav"), u"metav").strip()
    if not mime or len(to_bytes(mime)) > field.MIME_LIMIT or _CONTROL(mime):
        raise BadRequest(u"metav is not a media type")
    return operation.SetMime(space, key, mime)


def _member(found, name):
    # type: (dict[str, Any], str) -> str
    value = found.get(name)
    try:
        if is_text(value) and to_bytes(value):
            return to_text(value)
    except UnicodeError:
        pass
    raise BadRequest(u"%s is missing or not text" % name)


def _encode_switch(op, shared):
    # type: (operation.SwitchClass, bool) -> Asked
    return "PUT", place(op.key, shared) + "?" + build_query([("storageClass", op.storage_class)]), [], b""


def _decode_switch(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.SwitchClass
    storage_class = field.one_of(query["storageClass"], operation.STORAGE_CLASSES, u"the storage class")
    if storage_class is None:
        raise BadRequest(u"storageClass is missing")
    return operation.SwitchClass(space, key, storage_class)


def _encode_restore(op, shared):
    # type: (operation.RestoreObject, bool) -> Asked
    return "PUT", place(op.key, shared) + "?restore", [("Tier", native(op.tier))] if op.tier else [], b""


def _decode_restore(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.RestoreObject
    return operation.RestoreObject(space, key, field.one_of(headers.get("Tier"), operation.TIERS, u"Tier"))


def _encode_put_tags(op, shared):
    # type: (operation.PutTags, bool) -> Asked
    return "PUT", place(op.key, shared) + "?tagging", [JSON], _build_tags(op.tags)


def _decode_put_tags(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.PutTags
    try:
        tags = _parse_tags(parse_body(body))
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


def _encode_tags(result):
    # type: (operation.Tags) -> Response
    return Response(200, Headers([JSON]), _build_tags(result.tags))


def _decode_tags(op, response):
    # type: (operation.GetTags, Response) -> operation.Tags
    return operation.Tags(tuple([(text(key), text(value)) for key, value in _parse_tags(document(response))]))


def _build_tags(tags):
    # type: (tuple[tuple[str, str], ...]) -> bytes
    """The document for tags, a tuple of (key, value)."""
    return to_bytes(json.dumps({"Tags": [{"Key": key, "Value": value} for key, value in tags]}, sort_keys=True))


def _parse_tags(found):
    # type: (object) -> tuple[tuple[str, str], ...]
    """Tuple of (key, value) from a document of tags.  ValueError for another shape."""
    if not isinstance(found, dict) or not isinstance(found.get("Tags"), list):
        raise ValueError("Tags is missing")
    tags = []
    for entry in found["Tags"]:
        key, value = (entry.get("Key"), entry.get("Value")) if isinstance(entry, dict) else (None, None)
        if not is_text(key) or not is_text(value):
            raise ValueError("a tag has no Key or no Value")
        tags.append((key, value))
    return tuple(tags)


def _encode_put_acl(op, shared):
    # type: (operation.PutAcl, bool) -> Asked
    return "PUT", place(op.key, shared) + "?acl", [(field.ACL, native(op.acl))], b""


def _decode_put_acl(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.PutAcl
    acl = field.one_of(headers.get(field.ACL), operation.ACLS, field.ACL)
    if acl is None:
        raise BadRequest(u"the header %s is missing" % field.ACL)
    return operation.PutAcl(space, key, acl)


def _encode_acl(result):
    # type: (operation.Acl) -> Response
    owner = {"ID": result.owner, "DisplayName": result.owner_name}
    return json_answer({"Owner": owner, "AccessControlList": {"Grant": result.grant}})


def _decode_acl(op, response):
    # type: (operation.GetAcl, Response) -> operation.Acl
    found = members(response, "AccessControlList")
    owner = found.get("Owner") or {}
    return operation.Acl(
        text_or_none(owner.get("ID")), text_or_none(owner.get("DisplayName")), text(found["AccessControlList"]["Grant"])
    )


CODECS = {
    operation.SetMime: Codec(_encode_mime, _decode_mime),
    operation.SwitchClass: Codec(_encode_switch, _decode_switch),
    operation.RestoreObject: Codec(_encode_restore, _decode_restore),
    operation.PutTags: Codec(_encode_put_tags, _decode_put_tags),
    operation.GetTags: Codec(bare("GET", "?tagging"), plain(operation.GetTags), _encode_tags, _decode_tags),
    operation.DeleteTags: Codec(bare("DELETE", "?tagging"), plain(operation.DeleteTags)),
    operation.PutAcl: Codec(_encode_put_acl, _decode_put_acl),
    operation.GetAcl: Codec(bare("GET", "?acl"), plain(operation.GetAcl), _encode_acl, _decode_acl),
}  # type: dict[type, Codec]
