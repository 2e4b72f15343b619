"""JSON: documents from outside, of which every value can be compared, stored and written again; and answers."""

from __future__ import absolute_import, division, print_function

import json

from .compat import TYPE_CHECKING, is_integer, is_text, to_bytes, to_text, whole
from .errors import BadAnswer, BadRequest
from .message import Headers, Response

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, NoReturn  # noqa: F401

    Shape = tuple[tuple[str, Callable[[Any], Any]], ...]  # the names in a JSON object, and what reads their values

JSON = ("Content-Type", "application/json")
_MOST = 1 << 63


def parse_json(data):
    # type: (bytes) -> Any
    """The value of a JSON document in UTF-8 (bytes).  ValueError if it is none.

    No value is infinite or no number, no whole number needs more than 64 bits, and all text can be written as UTF-8;
    what is nested too deeply to be read is refused too.
    """
    text = data.decode("utf-8")
    try:
        found = json.loads(text, parse_constant=_constant, parse_float=_float, parse_int=_whole)
        if u"\\u" in text:
            to_bytes(json.dumps(found, ensure_ascii=False))
    except RuntimeError:  # RecursionError is one
        raise ValueError("the document is nested too deeply")
    return found


def parse_body(body):
    # type: (bytes) -> dict[str, Any]
    """The JSON object of a request's body; BadRequest if it is none."""
    try:
        found = parse_json(body)
    except ValueError:
        raise BadRequest(u"the body is not JSON")
    if not isinstance(found, dict):
        raise BadRequest(u"the body is not a JSON object")
    return found


def _constant(name):
    # type: (str) -> NoReturn
    raise ValueError("%s is no JSON" % name)


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
    """A Response with a JSON document.  Its type has no charset: the Python SDK reads nothing else."""
    body = to_bytes(json.dumps(document, separators=(",", ":")))
    return Response(status, Headers([JSON] + list(pairs)), body)


def document(response):
    # type: (Response) -> dict[str, Any] | None
    """The JSON object of an answer, or None."""
    try:
        found = json.loads(response.body.decode("utf-8"))
    except (ValueError, RuntimeError):  # RuntimeError: nested deeper than Python can read
        return None
    return found if isinstance(found, dict) else None


def members(response, *names):
    # type: (Response, *str) -> dict[str, Any]
    """The JSON object of an answer; BadAnswer if it lacks one of these members."""
    found = document(response)
    if found is None or any(name not in found for name in names):
        raise BadAnswer(u"the answer lacks %s" % u", ".join([to_text(name) for name in names]), status=response.status)
    return found


def text(value):
    # type: (object) -> str
    """A JSON value that must be text that UTF-8 can say; ValueError otherwise."""
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
    """A JSON value that must be a whole number from 0, also one written as text; ValueError otherwise."""
    found = whole(value) if is_text(value) else value
    if not is_integer(found) or found < 0:
        raise ValueError("a whole number is missing")
    return found


def number_or_none(value):
    # type: (object) -> int | None
    """As ``number``, or null."""
    return None if value is None else number(value)


def build_entry(shape, values):
    # type: (Shape, Iterable[object]) -> dict[str, Any]
    """The JSON object of values that stand in the order of ``shape``."""
    return dict(zip([name for name, _ in shape], values))


def parse_entry(shape, found):
    # type: (Shape, dict[str, Any]) -> list[Any]
    """The values of such an object; ValueError where one is not what it must be."""
    return [read(found.get(name)) for name, read in shape]
