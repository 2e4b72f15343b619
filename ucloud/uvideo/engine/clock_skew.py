"""The difference between this machine's clock and the service's, from the Date header of responses."""

from __future__ import absolute_import, division, print_function

import logging

from ..protocol.compat import TYPE_CHECKING
from ..protocol.dates import parse_date

if TYPE_CHECKING:
    from ..protocol.message import Headers  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")

#: Seconds: a difference up to LEAST is ignored, one above MOST is not corrected.
LEAST, MOST = 5, 86400

_BEHIND = (
    "the clock of this machine is %d s behind the service's, so this client now signs links by the service's time; "
    "a link that is made before any answer, as by uvideo presign, expires this much earlier: set the clock"
)
_AHEAD = (
    "the clock of this machine is %d s ahead of the service's, so this client now signs links by the service's time; "
    "a link that is made before any answer, as by uvideo presign, is valid for this much longer: set the clock"
)


def seen(headers, began, ended):
    # type: (Headers, float, float) -> float | None
    """Seconds that the service's clock is ahead of ours.

    ``began``, ``ended``: when the request was sent and the response arrived, in Unix seconds.  None if the response has
    no Date, or comes from a cache (Age).  A Date has whole seconds and may be as old as the request.
    """
    said = parse_date(headers.get("Date"))
    if said is None or headers.get("Age") is not None:
        return None
    low, high = said - ended, said + 1 - began
    nearest = 0 if low <= 0 <= high else low if low > 0 else high
    return nearest if abs(nearest) > LEAST else 0


def told(seconds):
    # type: (float) -> str
    """Text for a clock that is ``seconds`` behind the service's; negative for ahead."""
    way = "behind" if seconds > 0 else "ahead of"
    return "the clock of this machine is %d s %s the service's" % (round(abs(seconds)), way)


class Skew(object):
    """The last difference seen.  ``seconds``: add it to our clock for signatures with a time.  Safe between threads.

    Only responses that nobody can have changed on the way count: over TLS, or from loopback.
    """

    def __init__(self):
        # type: () -> None
        self.seconds = 0.0

    def learn(self, seconds):
        # type: (float | None) -> bool
        """Store a value of ``seen``.  Returns whether the time in signatures changes."""
        if seconds is None or abs(seconds) > MOST:
            return False
        before, self.seconds = self.seconds, seconds
        changed = abs(before - seconds) > LEAST
        if changed and seconds:
            _log.warning(_BEHIND if seconds > 0 else _AHEAD, round(abs(seconds)))
        return changed
