"""The retry policy: it decides whether and when to try again, and never sleeps."""

from __future__ import absolute_import, division, print_function

from ..protocol.compat import TYPE_CHECKING, NamedTuple
from ..protocol.errors import DeadlineExceeded, NoAnswer, Throttled
from ..protocol.operation import NOT_IDEMPOTENT

if TYPE_CHECKING:
    from typing import Callable, Protocol  # noqa: F401

    from ..protocol.errors import UVideoError  # noqa: F401

    class Decides(Protocol):
        def decide(self, attempt, error, waited, fraction):
            # type: (int, UVideoError, float, float) -> float | None
            pass


class Retry(
    NamedTuple(
        "Retry",
        [
            ("retries", "int"),
            ("base", "float"),
            ("cap", "float"),
            ("budget", "float"),
            ("attempt_seconds", "float | None"),
            ("total_seconds", "float | None"),
        ],
    )
):
    """Exponential back-off with full jitter.  Immutable.

    ``retries``: the most retries of a request, 0 for none.  ``base``: seconds; the wait before the n-th retry is random
    between 0 and base * 2 ** (n - 1).  ``cap``: the longest single wait in seconds.  ``budget``: the most seconds for
    all waits of one call; a wait that would exceed it is not begun.  ``attempt_seconds``: the limit of one try.
    ``total_seconds``: the limit of a call's tries and waits together.  None: no limit.
    """

    __slots__ = ()

    def __new__(cls, retries=3, base=0.5, cap=20.0, budget=120.0, attempt_seconds=None, total_seconds=None):
        # type: (int, float, float, float, float | None, float | None) -> Retry
        return super(Retry, cls).__new__(cls, retries, base, cap, budget, attempt_seconds, total_seconds)

    def decide(self, attempt, error, waited, fraction):
        # type: (int, UVideoError, float, float) -> float | None
        """Seconds to wait before the next try, or None to give up.

        ``attempt``: the number of failed tries, from 1.  ``error``: the UVideoError of the last one.  ``waited``:
        seconds waited so far.  ``fraction``: a random number in [0, 1).  The wait is at least the service's
        Retry-After.
        """
        if not error.retryable or attempt > self.retries:
            return None
        seconds = fraction * min(self.cap, self.base * 2 ** min(attempt - 1, 30))
        if error.retry_after is not None:
            seconds = max(seconds, error.retry_after)
        return None if waited + seconds > self.budget else seconds


class Attempts(object):
    """The tries of one call.  It does no waiting: threads and event loops share it.

    ``retry``: decides, as a Retry does.  ``op``: the operation or None.  ``fraction()``: a random number in [0, 1).
    ``deadline``: when the call must end, by the clock of ``now``; None: never.  ``knows``: the caller itself finds out
    whether a try without a response took effect, so the call may be repeated.
    """

    def __init__(self, retry, op, fraction, deadline=None, knows=False):
        # type: (Decides, object, Callable[[], float], float | None, bool) -> None
        self._retry, self._fraction, self.deadline = retry, fraction, deadline
        self._once = isinstance(op, NOT_IDEMPOTENT) and not knows
        self.count, self._waited = 0, 0.0

    def progress(self):
        # type: () -> None
        """Progress was made: count tries from zero again."""
        self.count, self._waited = 0, 0.0

    def failed(self, error, now):
        # type: (UVideoError, float) -> float | None
        """Seconds to wait before the next try, or None to give up.  DeadlineExceeded if that wait ends too late."""
        self.count += 1
        if self._once and may_be_done(error):
            error.message += u"; it was not retried because it may have taken effect: check before you repeat it"
            seconds = None
        else:
            seconds = self._retry.decide(self.count, error, self._waited, self._fraction())
        if seconds is None and not getattr(error, "late", False):
            return None
        wait = 0.0 if seconds is None or getattr(error, "stale", False) else seconds  # a stale connection needs no wait
        if self.deadline is not None and now + wait >= self.deadline:
            message = u"the time for this call is over; the last error: " + error.message
            raise DeadlineExceeded(message, sent=error.sent)
        if seconds is None:
            return None
        self._waited += wait
        return wait


def may_be_done(error):
    # type: (UVideoError) -> bool
    """Whether the service may have carried out a request that failed.

    True if there was no response, an unreadable one, or a server error.  A request that must not run twice is then not
    repeated.
    """
    if isinstance(error, NoAnswer):
        return error.sent
    if error.status is not None and error.status < 300:  # the management API also reports its errors with status 200
        return error.retryable and not isinstance(error, Throttled)
    return error.status in (500, 502, 504)
