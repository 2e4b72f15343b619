"""Operation <-> request of the data plane, once for client and server, and the rules by which a server finds the space.

Two dialects: UFile names the space in the host, UVideo in the header Bucket and puts uvideoUploads/ before the key of
everything but a download.  Source: data-plane.md sections 1, 4 and 5.
"""

from __future__ import absolute_import, division, print_function

import re

from . import byterange, field, objects, operation
from .compat import (
    TYPE_CHECKING,
    NamedTuple,
    build_query,
    is_text,
    native,
    parse_query,
    quote_path,
    to_bytes,
    to_text,
    unquote,
)
from .errors import BadRequest, InvalidArgument
from .message import Headers, Request

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping  # noqa: F401

    from .provider import Suffix  # noqa: F401

    _Whole = operation.PutObject | operation.GetObject | operation.HeadObject | operation.DeleteObject
    _Begun = operation.InitiateUpload | operation.UploadPart | operation.FinishUpload | operation.AbortUpload
    _Named = operation.UploadHit | operation.CopyObject | operation.CopyPart | operation.RenameObject
    _State = operation.AppendObject | operation.SetMime | operation.SwitchClass | operation.RestoreObject
    _Tags = operation.PutTags | operation.GetTags | operation.DeleteTags | operation.PutAcl | operation.GetAcl
    _Listing = operation.ListFiles | operation.ListObjects | operation.ListParts | operation.ListUploads
    Operation = _Whole | _Begun | _Named | _State | _Tags | _Listing

LIST_LIMIT = 1000

_SPACE = re.compile(u"[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]\\Z").match


def check_space(space):
    # type: (str) -> str
    """Text of a space's name; InvalidArgument with the rule it breaks.  Source: management-plane.md section 4."""
    text = _argument(space, u"the space")
    if not _SPACE(text):
        raise InvalidArgument(
            u"the space name %r is not allowed: 3 to 63 characters, lower-case letters, digits and -, which stands "
            u"neither first nor last" % native(text)
        )
    return text


def check_key(key):
    # type: (str) -> str
    """Text of a key; InvalidArgument unless it is 1 to 1023 bytes of UTF-8.  Any character is allowed."""
    text = _argument(key, u"the key")
    length = len(to_bytes(text))
    if not 1 <= length <= field.KEY_LIMIT:
        raise InvalidArgument(u"the key is %d bytes long in UTF-8; 1 to %d are allowed" % (length, field.KEY_LIMIT))
    return text


def _argument(value, name):
    # type: (object, str) -> str
    if not is_text(value):
        raise InvalidArgument(u"%s is a %s; a str is needed" % (name, type(value).__name__))
    try:
        text = to_text(value)
        to_bytes(text)
    except UnicodeError:
        raise InvalidArgument(u"%s cannot be written as UTF-8" % name)
    return text


# Client: operation -> request


def _encode_put(op, shared):
    # type: (operation.PutObject, bool) -> field.Asked
    pairs = field.stored(op)
    if op.md5:
        pairs.append(("Content-MD5", native(op.md5)))
    if op.acl:
        pairs.append((field.ACL, native(op.acl)))
    return "PUT", field.place(op.key, shared), pairs, b""


def _encode_get(op, shared):
    # type: (operation.GetObject, bool) -> field.Asked
    # On a shared host a leading uvideoUploads/ would be taken off, so such a key gets one more.
    guard = shared and op.key.startswith((field.INIT, field.PLAIN, field.FINISH))
    target = field.place(op.key, guard)
    pairs = _conditions(op)
    if op.range is not None:
        pairs.append(("Range", byterange.build(op.range)))
    if op.filename is not None:
        target += "?" + build_query([("ufileattname", op.filename)])
    return "GET", target, pairs, b""


def _conditions(op):
    # type: (operation.GetObject | operation.HeadObject) -> list[tuple[str, str]]
    return [("-".join([word.capitalize() for word in name.split("-")]), native(value)) for name, value in op.conditions]


def _encode_head(op, shared):
    # type: (operation.HeadObject, bool) -> field.Asked
    return "HEAD", field.place(op.key, shared), _conditions(op), b""


def _encode_initiate(op, shared):
    # type: (operation.InitiateUpload, bool) -> field.Asked
    pairs = field.stored(op)
    if not op.mime and shared:  # what the video client signs; the parts carry the real type
        pairs.insert(0, ("Content-Type", FORM))
    return "POST", field.place(op.key, shared, field.INIT) + "?uploads", pairs, b""


def _encode_part(op, shared):
    # type: (operation.UploadPart, bool) -> field.Asked
    target = "%s%s&partNumber=%d" % (field.place(op.key, shared), field.upload_query(op.upload_id), op.part)
    pairs = [("Content-Type", native(op.mime))] if op.mime else []
    if op.md5:
        pairs.append(("Content-MD5", native(op.md5)))
    return "PUT", target, pairs, b""


def _encode_finish(op, shared):
    # type: (operation.FinishUpload, bool) -> field.Asked
    target = field.place(op.key, shared, field.FINISH) + field.upload_query(op.upload_id)
    if op.new_key:
        target += "&" + build_query([("newKey", op.new_key)])
    pairs = [("Content-Type", "text/plain")]
    if op.new_key:  # which word signs is not known here: each covers its own
        pairs.extend([(name, quote_path(op.new_key)) for name in field.NEW_KEY])
    if op.directive:
        pairs.append((field.DIRECTIVE, native(op.directive)))
    pairs.extend([(field.META + native(name), native(value)) for name, value in op.metadata])
    return "POST", target, pairs, to_bytes(u",".join([to_text(etag) for etag in op.etags]))


def _encode_abort(op, shared):
    # type: (operation.AbortUpload, bool) -> field.Asked
    return "DELETE", field.place(op.key, shared) + field.upload_query(op.upload_id), [], b""


def _list(flag, *fields):
    # type: (str, *tuple[str, str | int | None]) -> field.Asked
    pairs = [(flag, None)]  # type: list[tuple[str, str | None]]
    pairs += [(name, value if is_text(value) else "%d" % value) for name, value in fields if value is not None]
    return "GET", "/?" + build_query(pairs), [], b""


def _encode_parts(op, shared):
    # type: (operation.ListParts, bool) -> field.Asked
    return _list("muploadpart", ("uploadId", op.upload_id), ("max-parts", op.limit), ("part-number-marker", op.marker))


def _encode_uploads(op, shared):
    # type: (operation.ListUploads, bool) -> field.Asked
    return _list(
        "muploadid",
        ("prefix", op.prefix),
        ("marker", op.marker),
        ("limit", op.limit),
        ("upload-id-marker", op.upload_id_marker or None),
    )


def _encode_files(op, shared):
    # type: (operation.ListFiles, bool) -> field.Asked
    return _list("list", ("prefix", op.prefix), ("marker", op.marker), ("limit", op.limit))


def _encode_objects(op, shared):
    # type: (operation.ListObjects, bool) -> field.Asked
    return _list(
        "listobjects",
        ("prefix", op.prefix),
        ("marker", op.marker),
        ("max-keys", op.limit),
        ("delimiter", op.delimiter),
    )


_ENCODE = {
    operation.PutObject: _encode_put,
    operation.GetObject: _encode_get,
    operation.HeadObject: _encode_head,
    operation.DeleteObject: field.bare("DELETE"),
    operation.InitiateUpload: _encode_initiate,
    operation.UploadPart: _encode_part,
    operation.FinishUpload: _encode_finish,
    operation.AbortUpload: _encode_abort,
    operation.ListParts: _encode_parts,
    operation.ListUploads: _encode_uploads,
    operation.ListFiles: _encode_files,
    operation.ListObjects: _encode_objects,
}  # type: dict[type, Callable[[Any, bool], field.Asked]]
_ENCODE.update(objects.ENCODE)
FORM = "application/x-www-form-urlencoded"
_NATIVE_BREAK = re.compile("[\\r\\n\\0]").search


def encode(op, suffix):
    # type: (operation.Data[object], Suffix) -> Request
    """The unsigned Request of an operation to the hosts of ``suffix`` (a provider.Suffix).

    InvalidArgument for a header that holds a line break, or a text that cannot be written as UTF-8.
    """
    method, target, pairs, body = _encoded(op, suffix.shared)
    for name, value in pairs:
        if _NATIVE_BREAK(name) or _NATIVE_BREAK(value):
            raise InvalidArgument(u"the header %s holds a line break" % to_text(name))
    if suffix.shared:
        pairs.append(("Bucket", native(op.space)))
    return Request(method, suffix.origin(native(op.space)), target, Headers(pairs), body)


def _encoded(op, shared):
    # type: (operation.Data[object], bool) -> field.Asked
    try:
        return _ENCODE[type(op)](op, shared)
    except UnicodeError:  # for example a lone surrogate in a prefix
        raise InvalidArgument(u"%s has a text that cannot be written as UTF-8" % type(op).__name__)


def url(op, suffix):
    # type: (operation.Data[object], Suffix) -> str
    """The unsigned URL of a GetObject or HeadObject for whoever sends no header: path style on a shared host."""
    space = native(op.space)
    target = _encoded(op, False)[1]
    return suffix.origin(space) + ("/" + space if suffix.shared else "") + target


# Server: request -> operation


class Target(NamedTuple("Target", [("authority", "str"), ("path", "str"), ("query", "list[tuple[str, str]]")])):
    """A request target taken apart: authority of an absolute form or "", raw path, decoded [(name, value)]."""

    __slots__ = ()


class Address(NamedTuple("Address", [("space", "str"), ("path", "str"), ("shared", "bool")])):
    """One reading of a request: this space, and the rest of the raw path, which is the key still escaped."""

    __slots__ = ()


def parse_target(target):
    # type: (str) -> Target
    """Target of a raw request target in origin or absolute form.  BadRequest if its query cannot be decoded.

    Works on the raw text: "//", dot segments and a "+" in the path are data; a "+" in the query is a blank.
    """
    authority = ""
    if not target.startswith("/"):
        _, mark, rest = target.partition("://")
        if not mark:
            raise BadRequest(u"the request target is neither a path nor a URL")
        cut = min([rest.find(stop) % (len(rest) + 1) for stop in "/?"])
        authority, target = rest[:cut].rpartition("@")[2], rest[cut:]
    target = target.partition("#")[0]
    path, _, query = target.partition("?")
    try:
        return Target(authority, path or "/", parse_query(query))
    except ValueError:
        raise BadRequest(u"the query is not percent-encoded UTF-8")


def addresses(host, bucket, path):
    # type: (str, str | None, str) -> list[Address]
    """Every Address a request may mean, best first; take the first whose space exists, else the first.

    ``host``: authority or Host header.  ``bucket``: the header Bucket or None.  Source: data-plane.md section 1.
    """
    rest = path[1:]
    if bucket:
        for prefix in (field.INIT, field.FINISH, field.PLAIN):
            if rest.startswith(prefix):
                rest = rest[len(prefix) :]
                break
        return [Address(_text(bucket.strip()), rest, True)]
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    found = [Address(_text(name.partition(".")[0].lower()), rest, False)]
    first, mark, behind = rest.partition("/")
    if first:
        try:
            found.append(Address(unquote(first), behind, False))
        except ValueError:
            pass
    return found


def _text(value):
    # type: (str) -> str
    try:
        text = to_text(value)
        to_bytes(text)
        return text
    except UnicodeError:
        raise BadRequest(u"the name of the space is not UTF-8")


def key_of(address):
    # type: (Address) -> str
    """The raw key of an Address; BadRequest if its escapes or bytes are wrong."""
    try:
        return unquote(address.path)
    except ValueError:
        raise BadRequest(u"the key is not percent-encoded UTF-8")


_NAMES = dict(
    (name.lower(), name)
    for name in (
        "uploads uploadId partNumber list listobjects muploadid muploadpart opmeta restore storageClass newFileName "
        "append position tagging acl newKey newObject prefix marker limit max-keys delimiter max-parts "
        "part-number-marker upload-id-marker ufileattname Hash FileName FileSize force"
    ).split()
)

#: The parameters that an operation can have; any other says nothing.
PARAMETERS = frozenset(_NAMES.values())


def parameters(query):
    # type: (Iterable[tuple[str, str]]) -> dict[str, str]
    """{name: value} of the query's known names, in their usual case.

    BadRequest if one of them stands there twice with two values.
    """
    found = {}  # type: dict[str, str]
    for name, value in query:
        known = _NAMES.get(name.lower())
        if known:
            if found.setdefault(known, value) != value:
                raise BadRequest(u"the parameter %s is given twice" % known)
    return found


#: PUT of a key with one of these in the query is not PutObject.
_CHANGES = (
    ("restore", operation.RestoreObject),
    ("storageClass", operation.SwitchClass),
    ("newFileName", operation.RenameObject),
    ("append", operation.AppendObject),
    ("tagging", operation.PutTags),
    ("acl", operation.PutAcl),
)  # type: tuple[tuple[str, type[Operation]], ...]


def route(method, key, query, headers):
    # type: (str, str, Mapping[str, str], Headers) -> type[Operation]
    """The class of the operation that a request asks for.  ``query``: of parameters().  BadRequest if none does.

    Source: data-plane.md section 1, "Dispatch".
    """
    if key == u"":
        if method == "GET":
            for name, cls in _LISTS:
                if name in query:
                    return cls
        raise BadRequest(u"the request names no key and is no listing")
    if method == "GET":
        return operation.GetTags if "tagging" in query else operation.GetAcl if "acl" in query else operation.GetObject
    if method == "HEAD":
        return operation.HeadObject
    if method == "POST":
        return _route_post(key, query)
    if method == "DELETE":
        if "uploadId" in query or "uploads" in query:  # uploads=<id> is how JuiceFS aborts; never delete the object
            return operation.AbortUpload
        return operation.DeleteTags if "tagging" in query else operation.DeleteObject
    if method == "PUT":
        copied = headers.get(field.SOURCE) is not None
        if "uploadId" in query or "partNumber" in query:
            return operation.CopyPart if copied else operation.UploadPart
        for name, cls in _CHANGES:
            if name in query:
                return cls
        return operation.CopyObject if copied else operation.PutObject
    raise BadRequest(u"the method %s is not supported" % to_text(method)[:20])


def _route_post(key, query):
    # type: (str, Mapping[str, str]) -> type[Operation]
    found = _posted(key, query)
    if found is None:
        raise BadRequest(u"this POST is not supported")
    return found


def _posted(key, query):
    # type: (str, Mapping[str, str]) -> type[Operation] | None
    """The class of the operation that a POST of a key asks for in its query, or None."""
    if key == u"uploadhit" and "Hash" in query:
        return operation.UploadHit
    for name, cls in _POSTS:
        if name in query:
            return cls
    return None


def takes_form(address, query):
    # type: (Address, Iterable[tuple[str, str]]) -> bool
    """Whether a form that is posted there is an upload: to the space, or to a key and no operation that has a POST.

    ``query``: decoded [(name, value)].  BadRequest as key_of and parameters.
    """
    return not address.path or _posted(key_of(address), parameters(query)) is None


_POSTS = (
    ("uploads", operation.InitiateUpload),
    ("uploadId", operation.FinishUpload),
    ("opmeta", operation.SetMime),
)  # type: tuple[tuple[str, type[Operation]], ...]


_LISTS = (
    ("listobjects", operation.ListObjects),
    ("list", operation.ListFiles),
    ("muploadid", operation.ListUploads),
    ("muploadpart", operation.ListParts),
)  # type: tuple[tuple[str, type[Operation]], ...]

#: The operations whose bulk bytes stream beside the message, and those whose small body belongs to the operation.
BULK = (operation.PutObject, operation.UploadPart, operation.AppendObject)
SMALL = (operation.FinishUpload, operation.SetMime, operation.PutTags)


def decode(cls, space, key, query, headers, body=b""):
    # type: (type[Operation], str, str, Any, Any, bytes) -> Operation  # Any: a server may hand out views of them
    """The operation of class ``cls`` (see route) that a request asks for.  ``body``: of SMALL operations.

    BadRequest with the parameter that is wrong.
    """
    if key and len(to_bytes(key)) > field.KEY_LIMIT:
        raise BadRequest(u"the key is longer than %d bytes" % field.KEY_LIMIT)
    found = _DECODE[cls](space, key, query, headers, body)
    field.check_count(len(getattr(found, "metadata", ())) + len(getattr(found, "headers", ())))
    return found


def _limit(query, name, default):
    # type: (Mapping[str, str], str, int | None) -> int | None
    """A page's length; more than the service's maximum means the maximum."""
    value = field.number(query, name, 0, 10**15, default)
    return None if value is None else min(value, LIST_LIMIT)


def _decode_put(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.PutObject
    return operation.PutObject(space, key, *field.parse_stored(headers), acl=field.acl(headers))


_CONDITION_NAMES = frozenset(operation.CONDITIONS)


def _given_conditions(headers):
    # type: (Headers) -> tuple[tuple[str, str], ...]
    if not headers.has_any(_CONDITION_NAMES):
        return ()
    found = [(name, headers.get(name)) for name in operation.CONDITIONS]
    return tuple((name, field.header_text(value, name)) for name, value in found if value)


def _decode_get(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.GetObject
    wanted = headers.get("Range")
    return operation.GetObject(
        space,
        key,
        byterange.parse(wanted) if wanted else None,
        _given_conditions(headers),
        query.get("ufileattname") or None,
    )


def _decode_head(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.HeadObject
    return operation.HeadObject(space, key, _given_conditions(headers))


def _decode_initiate(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.InitiateUpload
    mime = field.mime(headers)
    return operation.InitiateUpload(
        space,
        key,
        None if mime == FORM else mime,
        field.storage_class(headers),
        field.metadata(headers),
        field.kept(headers),
    )


def _decode_part(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.UploadPart
    # Its Content-MD5 is for the signature alone: Java's is of a whole buffer, also where the part is a piece of that.
    md5 = field.header_text(headers.get("Content-MD5") or "", u"Content-MD5").strip() or None
    return operation.UploadPart(space, key, field.upload_id(query), field.part_number(query), field.mime(headers), md5)


def _etags(body):
    # type: (bytes) -> tuple[str, ...]
    """Tuple of the etags in the body of FinishUpload, each bare or quoted.  C and C++ write a comma behind the last."""
    try:
        names = [name.strip().strip(u'"').strip() for name in body.decode("utf-8").split(u",")]
    except UnicodeDecodeError:
        raise BadRequest(u"the body is not a list of etags")
    return tuple(names if names[-1] else names[:-1])


def _decode_finish(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.FinishUpload
    etags = _etags(body)
    directive = headers.get(field.DIRECTIVE)
    if directive is not None and directive not in ("UNCHANGED", "REPLACE"):
        raise BadRequest(u"%s is neither UNCHANGED nor REPLACE" % field.DIRECTIVE)
    new_key = query.get("newKey") or query.get("newObject") or None
    if new_key and len(to_bytes(new_key)) > field.KEY_LIMIT:
        raise BadRequest(u"newKey is longer than %d bytes" % field.KEY_LIMIT)
    metadata = field.metadata(headers)
    return operation.FinishUpload(space, key, field.upload_id(query), etags, new_key, metadata, directive)


def _decode_abort(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.AbortUpload
    return operation.AbortUpload(space, key, query.get("uploadId") or field.upload_id(query, "uploads"))


def _decode_parts(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListParts
    return operation.ListParts(
        space,
        field.upload_id(query),
        _limit(query, "max-parts", None),
        field.number(query, "part-number-marker", 0, field.PART_LIMIT),
    )


def _decode_uploads(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListUploads
    return operation.ListUploads(
        space,
        query.get("prefix", u""),
        query.get("marker", u""),
        query.get("upload-id-marker", u""),
        _limit(query, "limit", None),
    )


def _decode_files(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListFiles
    return operation.ListFiles(space, query.get("prefix", u""), query.get("marker", u""), _limit(query, "limit", None))


def _decode_objects(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListObjects
    delimiter = query.get("delimiter", u"")
    if delimiter not in (u"", u"/"):
        raise BadRequest(u"delimiter is neither empty nor /")
    return operation.ListObjects(
        space, query.get("prefix", u""), query.get("marker", u""), _limit(query, "max-keys", None), delimiter
    )


_DECODE = {
    operation.PutObject: _decode_put,
    operation.GetObject: _decode_get,
    operation.HeadObject: _decode_head,
    operation.DeleteObject: field.plain(operation.DeleteObject),
    operation.InitiateUpload: _decode_initiate,
    operation.UploadPart: _decode_part,
    operation.FinishUpload: _decode_finish,
    operation.AbortUpload: _decode_abort,
    operation.ListParts: _decode_parts,
    operation.ListUploads: _decode_uploads,
    operation.ListFiles: _decode_files,
    operation.ListObjects: _decode_objects,
}  # type: dict[type, Callable[[str, str, Mapping[str, str], Headers, bytes], Operation]]
_DECODE.update(objects.DECODE)

#: Every operation of the data plane.
OPERATIONS = frozenset(_DECODE)
