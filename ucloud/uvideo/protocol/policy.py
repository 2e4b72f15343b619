"""The put policy of an upload: the URL that the service calls after storing, and the request.

Source: signing.md section 4.  It is the base64url of a JSON object, the third field of Authorization, and part of the
signed text.  The JS SDK writes it in the other alphabet of base64.
"""

from __future__ import absolute_import, division, print_function

import base64
import binascii
import json
import re

from .compat import TYPE_CHECKING, NamedTuple, is_text, native, to_bytes, to_text
from .errors import BadRequest
from .json_document import parse_json
from .message import Headers, Response
from .signature import POLICIES, read_authorization

if TYPE_CHECKING:
    from typing import Any, Mapping  # noqa: F401

LIMIT = 4096  # bytes of the encoded policy
MEMBERS = frozenset((u"callbackUrl", u"callbackBody", u"callbackBodyType", u"callbackVar", u"callbackMethod"))
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Policy(NamedTuple("Policy", [("url", "str"), ("body", "bytes"), ("mime", "str")])):
    """POST ``body`` (bytes) of media type ``mime`` to ``url``; the response becomes the upload's response."""

    __slots__ = ()


_ENCODED = re.compile(r"[A-Za-z0-9_+/-]+={0,2}\Z").match
_URL = re.compile(u"https?://[^\\s/?#@\\\\]+(?:[/?#][!-~]*)?\\Z", re.I).match
_VARIABLE = re.compile(u"\\$\\((x:[^()]*)\\)")


def build(url, body, mime=None, variables=None):
    # type: (str, str, str | None, Mapping[str, str] | None) -> str
    """The text of a policy, for ``signature.authorization``.  ``variables``: {"x:name": text}."""
    fields = []  # type: list[tuple[str, object]]
    fields += [("callbackUrl", url), ("callbackBody", body)]
    if mime is not None:
        fields.append(("callbackBodyType", mime))
    if variables:
        fields.append(("callbackVar", dict(variables)))
    pairs = ["%s:%s" % (json.dumps(name), json.dumps(value, separators=(",", ":"))) for name, value in fields]
    return native(base64.urlsafe_b64encode(to_bytes("{" + ",".join(pairs) + "}")))


def parse(text):
    # type: (str) -> Policy
    """The Policy in the third field of an Authorization.  BadRequest says what is wrong."""
    given = _decoded(to_text(text))
    url, body = _field(given, u"callbackUrl"), _field(given, u"callbackBody")
    if not url or not _URL(url):
        raise BadRequest(u"the callbackUrl of the put policy is not an http URL")
    if body is None:
        raise BadRequest(u"the put policy has no callbackBody")
    mime = _field(given, u"callbackBodyType") or to_text(FORM)
    if mime.partition(u";")[0].strip().lower() not in (FORM, JSON):
        raise BadRequest(u"the callbackBodyType of the put policy is neither %s nor %s" % (FORM, JSON))
    if not all(u" " <= char <= u"~" for char in mime):
        raise BadRequest(u"the callbackBodyType of the put policy cannot be a header")
    if (_field(given, u"callbackMethod") or u"POST").upper() != u"POST":  # the Android SDK and an older PHP SDK send it
        raise BadRequest(u"the callbackMethod of the put policy is not POST, the only one that the service supports")
    variables = given.get(u"callbackVar")
    if variables is None:
        variables = {}
    if not isinstance(variables, dict) or not all(is_text(value) for value in variables.values()):
        raise BadRequest(u"the callbackVar of the put policy is not an object of texts")
    try:
        filled = to_bytes(_VARIABLE.sub(lambda found: to_text(variables.get(found.group(1), found.group())), body))
    except UnicodeError:
        raise BadRequest(u"the callbackBody of the put policy is not UTF-8")
    if len(filled) > 16 * LIMIT:  # each $(x:a) may expand to nearly the whole policy
        raise BadRequest(u"the callbackBody of the put policy is longer than %d bytes" % (16 * LIMIT))
    return Policy(native(url), filled, native(mime))


def _decoded(text):
    # type: (str) -> dict[str, Any]
    if len(text) > LIMIT:
        raise BadRequest(u"the put policy is longer than %d bytes" % LIMIT)
    if not _ENCODED(text):
        raise BadRequest(u"the put policy is not base64url")
    if not text.startswith(POLICIES):  # only this separates it from the key signed before it
        raise BadRequest(u"the put policy is not compact JSON that begins with one of its callback... members")
    bare = native(text).rstrip("=")
    try:
        given = parse_json(base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)))
    except (ValueError, TypeError, binascii.Error):
        raise BadRequest(u"the put policy is not JSON in base64url")
    if not isinstance(given, dict):
        raise BadRequest(u"the put policy is not a JSON object")
    unknown = sorted(set(given) - MEMBERS)
    if unknown:  # the author's intention would not be fulfilled
        raise BadRequest(u"the put policy has an unknown member: %s" % unknown[0][:100])
    return given


def _field(given, name):
    # type: (dict[str, Any], str) -> str | None
    value = given.get(name)
    if value is not None and not is_text(value):
        raise BadRequest(u"the %s of the put policy is not text" % name)
    return value


def of(headers):
    # type: (Headers) -> Policy | None
    """The Policy of a request's Authorization (in Headers); None if it has none.  BadRequest, NoCredentials."""
    value = headers.get("Authorization")
    if value is None or value.count(":") < 2:
        return None
    text = read_authorization(value).policy
    return parse(text) if text else None


def passed_through(response, body):
    # type: (Response, bytes) -> Response
    """The Response to an upload whose callback returned ``body``."""
    kept = [(name, value) for name, value in response.headers if name.lower() != "content-type"]
    return Response(200, Headers(kept + [("Content-Type", JSON)]), body)
