"""How far this machine's clock is from the service's, as the Date of its answers says."""

from __future__ import absolute_import, division, print_function

import logging

from ..protocol.answer import parse_date
from ..protocol.compat import TYPE_CHECKING, native

if TYPE_CHECKING:
    from ..protocol.message import Headers  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")

#: Seconds that count as none, and seconds above which nothing is corrected.
LEAST, MOST = 5, 86400


def seen(headers, began, ended):
    # type: (Headers, float, float) -> float | None
    """Seconds that the service's clock is ahead of ours, by an answer asked for at ``began`` and there at ``ended``.

    None if it has no Date, or was stored on the way (Age).  A Date has whole seconds, and may be as old as the request.
    """
    said = parse_date(headers.get("Date"))
    if said is None or headers.get("Age") is not None:
        return None
    low, high = said - ended, said + 1 - began
    nearest = 0 if low <= 0 <= high else low if low > 0 else high
    return nearest if abs(nearest) > LEAST else 0


def told(seconds):
    # type: (float) -> str
    """Text about a clock that the service's is so many seconds ahead of."""
    way = u"behind" if seconds > 0 else u"ahead of"
    return u"the clock of this machine is %d s %s the service's" % (round(abs(seconds)), way)


class Skew(object):
    """What was seen last.  ``seconds``: to add to our clock for signatures that carry a time.  Safe between threads.

    Only answers that nobody on the way can have changed count: over TLS, or from loopback.
    """

    def __init__(self):
        # type: () -> None
        self.seconds = 0.0

    def learn(self, seconds):
        # type: (float | None) -> bool
        """Take what was ``seen`` for true; whether that changes the time of a signature."""
        if seconds is None or abs(seconds) > MOST:
            return False
        before, self.seconds = self.seconds, seconds
        changed = abs(before - seconds) > LEAST
        if changed and seconds:
            _log.warning("%s: links are signed by the service's time; set the clock", native(told(seconds)))
        return changed
