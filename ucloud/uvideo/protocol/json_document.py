"""JSON that comes from outside: every value that is read here can be compared, stored and written again."""

from __future__ import absolute_import, division, print_function

import json

from .compat import TYPE_CHECKING, to_bytes

if TYPE_CHECKING:
    from typing import Any, NoReturn  # noqa: F401

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
