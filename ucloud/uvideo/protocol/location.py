"""The location of an object: space and key, and their form in a request's host and path, in both directions.

Two dialects: UFile puts the space into the host, UVideo into the header Bucket, and puts uvideoUploads/ before the key
of everything but a download.  Source: data-plane.md sections 1 and 5.
"""

from __future__ import absolute_import, division, print_function

import re

from .compat import NamedTuple, is_text, native, parse_query, quote_path, to_bytes, to_text, unquote
from .errors import BadRequest, InvalidArgument
from .field import KEY_LIMIT

INIT, PLAIN, FINISH = "init/uvideoUploads/", "uvideoUploads/", "finish/uvideoUploads/"
_SPACE = re.compile(u"[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]\\Z").match


def check_space(space):
    # type: (str) -> str
    """A space's name as text.  InvalidArgument, with the rule it breaks.  Source: management-plane.md section 4."""
    text = _argument(space, u"the space")
    if not _SPACE(text):
        raise InvalidArgument(
            u"the space name %r is not allowed: a name has 3 to 63 lower-case letters, digits and -, and neither "
            u"begins nor ends with -" % native(text)
        )
    return text


def check_key(key):
    # type: (str) -> str
    """A key as text.  InvalidArgument unless it is 1 to 1023 bytes of UTF-8.  Any character is allowed."""
    text = _argument(key, u"the key")
    length = len(to_bytes(text))
    if not 1 <= length <= KEY_LIMIT:
        raise InvalidArgument(u"the key is %d bytes long in UTF-8; 1 to %d are allowed" % (length, KEY_LIMIT))
    return text


def _argument(value, name):
    # type: (object, str) -> str
    if not is_text(value):
        raise InvalidArgument(u"%s is a %s; a str is needed" % (name, type(value).__name__))
    try:
        text = to_text(value)
        to_bytes(text)
    except UnicodeError:
        raise InvalidArgument(u"%s cannot be encoded as UTF-8" % name)
    return text


def place(key, shared, prefix=PLAIN):
    # type: (str, bool, str) -> str
    """The target for a key.  ``shared``: on a host for all spaces, where ``prefix`` goes before the key."""
    return "/" + (prefix if shared else "") + quote_path(key)


class RequestTarget(
    NamedTuple("RequestTarget", [("authority", "str"), ("path", "str"), ("query", "list[tuple[str, str]]")])
):
    """A parsed request target: authority of an absolute form or "", raw path, decoded [(name, value)]."""

    __slots__ = ()


class Address(NamedTuple("Address", [("space", "str"), ("path", "str"), ("shared", "bool")])):
    """One reading of a request: the space, and the rest of the raw path, which is the key, still escaped."""

    __slots__ = ()


def parse_target(target):
    # type: (str) -> RequestTarget
    """The RequestTarget of a raw target in origin or absolute form.  BadRequest if its query cannot be decoded.

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
        return RequestTarget(authority, path or "/", parse_query(query))
    except ValueError:
        raise BadRequest(u"the query is not percent-encoded UTF-8")


def without_port(host):
    # type: (str) -> str
    """The host in an authority or Host header; an IPv6 address keeps its brackets."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]


def addresses(host, bucket, path):
    # type: (str, str | None, str) -> list[Address]
    """Every Address that a request may mean, best first: use the first whose space exists, else the first.

    ``host``: authority or Host header.  ``bucket``: the header Bucket or None.  Source: data-plane.md section 1.
    """
    rest = path[1:]
    if bucket:
        for prefix in (INIT, FINISH, PLAIN):
            if rest.startswith(prefix):
                rest = rest[len(prefix) :]
                break
        return [Address(_text(bucket.strip()), rest, True)]
    name = without_port(host)
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
    """The raw key of an Address.  BadRequest if its escapes or bytes are invalid."""
    try:
        return unquote(address.path)
    except ValueError:
        raise BadRequest(u"the key is not percent-encoded UTF-8")
