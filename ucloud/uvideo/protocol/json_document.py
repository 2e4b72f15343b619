"""JSON documents from outside, checked so that every value can be compared, stored and written again; responses."""

from __future__ import absolute_import, division, print_function

import json

from .compat import TYPE_CHECKING, is_integer, is_text, to_bytes, to_text, whole
from .errors import BadAnswer, BadRequest
from .message import Headers, Response

if TYPE_CHECKING:
    from typing import Any, Iterable, NoReturn  # noqa: F401

JSON = ("Content-Type", "application/json")
_MOST = 1 << 63


def parse_json(data):
    # type: (bytes) -> Any
    """The value of a JSON document in UTF-8 (bytes).  ValueError if it is invalid.

    Refuses infinities, NaN, whole numbers of more than 64 bits, text that cannot be encoded as UTF-8, and too deep
    nesting.
    """
    text = data.decode("utf-8")
    try:
        found = json.loads(text, parse_constant=_constant, parse_float=_float, parse_int=_whole)
        if u"\\u" in text:
            to_bytes(json.dumps(found, ensure_ascii=False))
    except RuntimeError:  # RecursionError is a subclass
        raise ValueError("the document is nested too deeply")
    return found


def parse_body(body):
    # type: (bytes) -> dict[str, Any]
    """The JSON object of a request's body.  BadRequest."""
    try:
        found = parse_json(body)
    except ValueError:
        raise BadRequest(u"the body is not JSON")
    if not isinstance(found, dict):
        raise BadRequest(u"the body is not a JSON object")
    return found


def _constant(name):
    # type: (str) -> NoReturn
    raise ValueError("%s is not JSON" % name)


def _float(digits):
    # type: (str) -> float
    value = float(digits)
    if value - value != 0:
        raise ValueError("a number is too large")
    return value


def _whole(digits):
    # type: (str) -> int
    if len(digits) > 20 or not -_MOST <= int(digits) < _MOST:
        raise ValueError("a number is too large")
    return int(digits)


def json_answer(document, pairs=(), status=200):
    # type: (object, Iterable[tuple[str, str]], int) -> Response
    """A Response with a JSON document.  Its media type has no charset: the Python SDK reads no other."""
    body = to_bytes(json.dumps(document, separators=(",", ":")))
    return Response(status, Headers([JSON] + list(pairs)), body)


def document(response):
    # type: (Response) -> dict[str, Any] | None
    """The JSON object of a response, or None."""
    try:
        found = json.loads(response.body.decode("utf-8"))
    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
        return None
    return found if isinstance(found, dict) else None


def members(response, *names):
    # type: (Response, *str) -> dict[str, Any]
    """The JSON object of a response.  BadAnswer if one of these members is missing."""
    found = document(response)
    if found is None or any(name not in found for name in names):
        raise BadAnswer(u"the answer lacks %s" % u", ".join([to_text(name) for name in names]), status=response.status)
    return found


def text(value):
    # type: (object) -> str
    """A JSON value as text that can be encoded as UTF-8.  ValueError."""
    if not is_text(value):
        raise ValueError("text is missing")
    to_bytes(value)
    return value


def text_or_none(value):
    # type: (object) -> str | None
    """As ``text``, or null."""
    return None if value is None else text(value)


def number(value):
    # type: (object) -> int
    """A JSON value as a whole number from 0, also one written as text.  ValueError."""
    found = whole(value) if is_text(value) else value
    if not is_integer(found) or found < 0:
        raise ValueError("a whole number is missing")
    return found


def number_or_none(value):
    # type: (object) -> int | None
    """As ``number``, or null."""
    return None if value is None else number(value)
