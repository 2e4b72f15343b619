"""Times on the wire: HTTP dates, and the expiry times in management responses."""

from __future__ import absolute_import, division, print_function

import re
from email.utils import formatdate, mktime_tz, parsedate_tz

from .compat import is_text

_TEXT = {}  # type: dict[int, str]  # a second -> its text: most answers have the same Date as the one before
_DAY = {}  # type: dict[int, str]  # number of a day since 1970 -> its "Thu, 01 Jan 1970 "


def http_date(seconds):
    # type: (float) -> str
    """RFC 1123 date in GMT for Unix seconds."""
    second = int(seconds)
    text = _TEXT.get(second)
    if text is None:
        if len(_TEXT) >= 1000:
            _TEXT.clear()
        text = _TEXT[second] = _text(second)
    return text


def _text(second):
    # type: (int) -> str
    """The date of a whole second; the day's part is made once a day."""
    number, rest = divmod(second, 86400)
    day = _DAY.get(number)
    if day is None:
        if len(_DAY) >= 1000:
            _DAY.clear()
        day = _DAY[number] = formatdate(number * 86400, usegmt=True)[:-12]
    return "%s%02d:%02d:%02d GMT" % (day, rest // 3600, rest // 60 % 60, rest % 60)


def parse_date(value):
    # type: (str | None) -> int | None
    """Unix seconds for an HTTP date, or None."""
    if value and len(value) == 29 and value[25:] == " GMT":  # the usual form; most dates are of few days
        midnight, clock = _MIDNIGHT.get(value[:17]), _is_clock(value[17:25])
        if clock and midnight is None:
            midnight = _parsed(value[:17] + "00:00:00 GMT")
            if midnight is not None:
                if len(_MIDNIGHT) >= 1000:
                    _MIDNIGHT.clear()
                _MIDNIGHT[value[:17]] = midnight
        if clock and midnight is not None:
            return midnight + int(value[17:19]) * 3600 + int(value[20:22]) * 60 + int(value[23:25])
    return _parsed(value)


_MIDNIGHT = {}  # type: dict[str, int]  # "Thu, 01 Jan 1970 ": unix seconds of its beginning
_is_clock = re.compile("[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\Z").match


def _parsed(value):
    # type: (str | None) -> int | None
    try:
        parsed = parsedate_tz(value) if value else None
        # A date without a zone is GMT in HTTP; mktime_tz would take this machine's zone.
        return None if parsed is None else int(mktime_tz(parsed[:9] + (parsed[9] or 0,)))
    except (ValueError, TypeError, IndexError, OverflowError):  # older Pythons raise for some malformed dates
        return None


def utc_text(seconds):
    # type: (float) -> str
    """Unix seconds as "2023-07-11T20:15:58Z", the form of an expiry in management responses."""
    _, day, month, year, clock, _ = http_date(seconds).split()
    return "%s-%02d-%sT%sZ" % (year, _MONTHS.index(month) + 1, day, clock)


def parse_utc(value):
    # type: (object) -> int | None
    """Unix seconds for such a text, or None.  Also accepts a blank for the T, and no zone or +00:00."""
    found = _UTC(value) if is_text(value) else None
    if found is None or not is_text(value):
        return None
    year, month, day, clock = found.groups()
    seconds = parse_date("Thu, %s %s %s %s GMT" % (day, _MONTHS[int(month) - 1], year, clock))
    return seconds if seconds is not None and utc_text(seconds)[:10] == value[:10] else None  # 31 February is no date


_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_UTC = re.compile(
    "([0-9]{4})-(0[1-9]|1[0-2])-([0-3][0-9])[T ]([0-2][0-9]:[0-5][0-9]:[0-5][0-9])(?:[.][0-9]+)?(?:Z|[+]00:?00)?\\Z"
).match
