"""When to try again: values that decide and never sleep."""

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

    ``retries``: how often a request is sent again, 0 for never.  ``base``: seconds; before the n-th retry a random time
    between 0 and base * 2 ** (n - 1) is waited.  ``cap``: seconds that no single wait exceeds.  ``budget``: seconds
    that all waits of one call may take together; a wait that would exceed it is not begun.
    ``attempt_seconds``: how long one try may take, ``total_seconds``: all tries and waits of a call; None: no limit.
    """

    __slots__ = ()

    def __new__(cls, retries=3, base=0.5, cap=20.0, budget=120.0, attempt_seconds=None, total_seconds=None):
        # type: (int, float, float, float, float | None, float | None) -> Retry
        return super(Retry, cls).__new__(cls, retries, base, cap, budget, attempt_seconds, total_seconds)

    def decide(self, attempt, error, waited, fraction):
        # type: (int, UVideoError, float, float) -> float | None
        """Seconds to wait before the next try, or None to give up.

        ``attempt``: how many tries have failed, from 1.  ``error``: the last one's UVideoError.  ``waited``: seconds
        waited so far.  ``fraction``: a random number in [0, 1).  A Retry-After of the service is a lower bound.
        """
        if not error.retryable or attempt > self.retries:
            return None
        seconds = fraction * min(self.cap, self.base * 2 ** min(attempt - 1, 30))
        if error.retry_after is not None:
            seconds = max(seconds, error.retry_after)
        return None if waited + seconds > self.budget else seconds


class Attempts(object):
    """The tries of one call, for a caller that threads or an event loop let wait.

    ``retry``: what decides, a Retry or like one.  ``op``: the operation, None if it is none.  ``fraction()``: a random
    number in [0, 1).  ``deadline``: when, on the clock of ``now``, the call must be over; None: never.  ``knows``: the
    caller finds out by itself whether a try without answer did it, so that it may be repeated.
    """

    def __init__(self, retry, op, fraction, deadline=None, knows=False):
        # type: (Decides, object, Callable[[], float], float | None, bool) -> None
        self._retry, self._fraction, self.deadline = retry, fraction, deadline
        self._once = isinstance(op, NOT_IDEMPOTENT) and not knows
        self.count, self._waited = 0, 0.0

    def progress(self):
        # type: () -> None
        """The work went forward: begin counting anew."""
        self.count, self._waited = 0, 0.0

    def failed(self, error, now):
        # type: (UVideoError, float) -> float | None
        """Seconds to wait before the next try, None to give up.  DeadlineExceeded if the time would be over then."""
        self.count += 1
        if self._once and may_be_done(error):
            error.message += u"; it was not asked for again, as it may be done: look before you repeat it"
            seconds = None
        else:
            seconds = self._retry.decide(self.count, error, self._waited, self._fraction())
        if seconds is None and not getattr(error, "late", False):
            return None
        wait = 0.0 if seconds is None or getattr(error, "stale", False) else seconds  # a new connection need not wait
        if self.deadline is not None and now + wait >= self.deadline:
            message = u"the time for this call is over; the last failure: " + error.message
            raise DeadlineExceeded(message, sent=error.sent)
        if seconds is None:
            return None
        self._waited += wait
        return wait


def may_be_done(error):
    # type: (UVideoError) -> bool
    """Whether the service may have done what was asked, though it did not say so: by no answer, by one that cannot be
    read, or by an error of its own.  What must not be done twice is not asked for again then."""
    if isinstance(error, NoAnswer):
        return error.sent
    if error.status is not None and error.status < 300:  # the management plane says its own errors so too
        return error.retryable and not isinstance(error, Throttled)
    return error.status in (500, 502, 504)
