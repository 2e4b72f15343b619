"""Operation <-> request and result <-> response of the data plane, shared by client and server.

This module finds the operation of a request.  The module of its family encodes and decodes it.
Source: data-plane.md sections 1, 2 and 4.
"""

from __future__ import absolute_import, division, print_function

import re

from . import copies, field, listing, multipart, objects, operation, states
from .compat import TYPE_CHECKING, native, to_bytes, to_text
from .error_response import raise_refusal, stranger
from .errors import BadAnswer, BadRequest, InvalidArgument
from .json_document import document
from .location import key_of
from .message import Headers, Request
from .page import check_coding, is_page

if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping, TypeVar  # noqa: F401

    from .codec import Asked, Codec  # noqa: F401
    from .location import Address  # noqa: F401
    from .message import Response  # noqa: F401
    from .provider import Suffix  # noqa: F401

    _Whole = operation.PutObject | operation.GetObject | operation.HeadObject | operation.DeleteObject
    _Begun = operation.InitiateUpload | operation.UploadPart | operation.FinishUpload | operation.AbortUpload
    _Named = operation.UploadHit | operation.CopyObject | operation.CopyPart | operation.RenameObject
    _State = operation.AppendObject | operation.SetMime | operation.SwitchClass | operation.RestoreObject
    _Tags = operation.PutTags | operation.GetTags | operation.DeleteTags | operation.PutAcl | operation.GetAcl
    _Listing = operation.ListFiles | operation.ListObjects | operation.ListParts | operation.ListUploads
    Operation = _Whole | _Begun | _Named | _State | _Tags | _Listing
    _Page = operation.PartPage | operation.UploadPage | operation.FilePage | operation.ObjectPage
    _Object = operation.ObjectInfo | operation.NotModified | operation.Tags | operation.Acl | operation.Done
    _Part = operation.Initiated | operation.StoredPart | operation.CopiedPart | operation.Finished
    Result = operation.Stored | _Object | _Part | _Page
    R = TypeVar("R")

_CODECS = {}  # type: dict[type, Codec]
for _family in (objects, multipart, copies, listing, states):
    _CODECS.update(_family.CODECS)

#: Every operation of the data plane.
OPERATIONS = frozenset(_CODECS)
#: Operations whose bulk bytes are sent separately, and those with a small body of their own.
BULK = (operation.PutObject, operation.UploadPart, operation.AppendObject)
SMALL = (operation.FinishUpload, operation.SetMime, operation.PutTags)
_NATIVE_BREAK = re.compile("[\\r\\n\\0]").search


def encode(op, suffix):
    # type: (operation.Data[object], Suffix) -> Request
    """The unsigned Request of an operation to the hosts of ``suffix`` (a provider.Suffix).

    InvalidArgument for a header with a line break, or text that cannot be encoded as UTF-8.
    """
    method, target, pairs, body = _encoded(op, suffix.shared)
    for name, value in pairs:
        if _NATIVE_BREAK(name) or _NATIVE_BREAK(value):
            raise InvalidArgument(u"the header %s contains a line break" % to_text(name))
    if suffix.shared:
        pairs.append(("Bucket", native(op.space)))
    return Request(method, suffix.origin(native(op.space)), target, Headers(pairs), body)


def _encoded(op, shared):
    # type: (operation.Data[object], bool) -> Asked
    try:
        return _CODECS[type(op)].encode(op, shared)
    except UnicodeError:  # for example a lone surrogate in a prefix
        raise InvalidArgument(u"%s has a text that cannot be encoded as UTF-8" % type(op).__name__)


def url(op, suffix):
    # type: (operation.Data[object], Suffix) -> str
    """The unsigned URL of an operation on a whole object, without headers: path style on a shared host."""
    space = native(op.space)
    target = _encoded(op, False)[1]
    return suffix.origin(space) + ("/" + space if suffix.shared else "") + target


_NAMES = dict(
    (name.lower(), name)
    for name in (
        "uploads uploadId partNumber list listobjects muploadid muploadpart opmeta restore storageClass newFileName "
        "append position tagging acl newKey newObject prefix marker limit max-keys delimiter max-parts "
        "part-number-marker upload-id-marker ufileattname Hash FileName FileSize force"
    ).split()
)
#: The parameters of all operations; any other is ignored.
PARAMETERS = frozenset(_NAMES.values())


def parameters(query):
    # type: (Iterable[tuple[str, str]]) -> dict[str, str]
    """{name: value} of the query's known names, in their usual case.

    BadRequest if a name occurs twice with different values.
    """
    found = {}  # type: dict[str, str]
    for name, value in query:
        known = _NAMES.get(name.lower())
        if known:
            if found.setdefault(known, value) != value:
                raise BadRequest(u"the parameter %s is given twice" % known)
    return found


_LISTS = (
    ("listobjects", operation.ListObjects),
    ("list", operation.ListFiles),
    ("muploadid", operation.ListUploads),
    ("muploadpart", operation.ListParts),
)  # type: tuple[tuple[str, type[Operation]], ...]
_POSTS = (
    ("uploads", operation.InitiateUpload),
    ("uploadId", operation.FinishUpload),
    ("opmeta", operation.SetMime),
)  # type: tuple[tuple[str, type[Operation]], ...]
#: A PUT of a key with one of these in its query is not a PutObject.
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
    """The operation's class for a request.  ``query``: from parameters().  BadRequest if there is none.

    Source: data-plane.md section 1, "Dispatch".
    """
    if key == u"":
        if method == "GET":
            for name, cls in _LISTS:
                if name in query:
                    return cls
        raise BadRequest(u"the request has no key and is not a listing")
    if method == "GET":
        return operation.GetTags if "tagging" in query else operation.GetAcl if "acl" in query else operation.GetObject
    if method == "HEAD":
        return operation.HeadObject
    if method == "POST":
        found = _posted(key, query)
        if found is None:
            raise BadRequest(u"this POST is not supported")
        return found
    if method == "DELETE":
        if "uploadId" in query or "uploads" in query:  # uploads=<id> is JuiceFS's abort; never delete the object
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


def _posted(key, query):
    # type: (str, Mapping[str, str]) -> type[Operation] | None
    """The operation's class for a POST of a key, by its query, or None."""
    if key == u"uploadhit" and "Hash" in query:
        return operation.UploadHit
    for name, cls in _POSTS:
        if name in query:
            return cls
    return None


def takes_form(address, query):
    # type: (Address, Iterable[tuple[str, str]]) -> bool
    """Whether a form posted there is an upload: to the space, or to a key without a POST operation in the query.

    ``query``: decoded [(name, value)].  BadRequest as key_of and parameters.
    """
    return not address.path or _posted(key_of(address), parameters(query)) is None


def decode(cls, space, key, query, headers, body=b""):
    # type: (type[Operation], str, str, Any, Any, bytes) -> Operation  # Any: a server may pass views of them
    """The operation of class ``cls`` (see route) of a request.  ``body``: for SMALL operations.

    BadRequest, which names the wrong parameter.
    """
    if key and len(to_bytes(key)) > field.KEY_LIMIT:
        raise BadRequest(u"the key is longer than %d bytes" % field.KEY_LIMIT)
    found = _CODECS[cls].decode(space, key, query, headers, body)  # type: Operation
    field.check_count(len(getattr(found, "metadata", ())) + len(getattr(found, "headers", ())))
    return found


def encode_result(op, result):
    # type: (Operation, Result) -> Response
    """The Response with this operation's result.  The caller adds Content-Length, except for ObjectInfo."""
    return _CODECS[type(op)].encode_result(result)


def decode_result(op, response, now=None):
    # type: (operation.Data[R], Response, float | None) -> R
    """The result in a Response to an operation.  Raises a UVideoError for a refusal.

    BadAnswer for a response that does not follow this protocol.  ``now``: Unix seconds, for a Retry-After date.
    """
    reader = _CODECS[type(op)].decode_result
    _check_sender(response, reader)
    if not (200 <= response.status <= 299 or (response.status == 304 and reader is objects.decode_object)):
        where = {"operation": type(op).__name__, "space": op.space, "key": getattr(op, "key", None) or None}
        raise_refusal(response, now, **where)
    if reader is None:
        if response.body and response.headers.get(field.SESSION) is None and document(response) is None:
            raise stranger(response)  # the service's body is empty or JSON here
        return operation.Done()  # type: ignore[return-value]  # the only result without a decoder
    try:
        found = reader(op, response)  # type: R
        return found
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BadAnswer(u"the answer to %s has an unexpected shape" % type(op).__name__, status=response.status)


def _check_sender(response, reader):
    # type: (Response, object) -> None
    """BadAnswer if a success response is a web page: somebody else sent it in the service's place.

    ConfigurationError if a proxy encoded the body.
    """
    if response.status > 299 or reader is objects.decode_object:
        return
    if response.body and response.headers.get("Content-Encoding") is not None and document(response) is None:
        check_coding(response.headers, response.status)
    if response.body[:1] == b"<" or (response.headers.get("Content-Type") or "")[:5].lower() == "text/":
        if is_page(response.headers, response.body):
            raise stranger(response)
