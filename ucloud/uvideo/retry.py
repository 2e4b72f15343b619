"""When to try again: a value that decides and never sleeps."""

from __future__ import absolute_import, division, print_function

from collections import namedtuple


class Retry(namedtuple("Retry", "retries base cap budget")):
    """Exponential back-off with full jitter.

    ``retries``: how often a request is sent again, 0 for never.  ``base``: seconds; before the n-th retry a random time
    between 0 and base * 2 ** (n - 1) is waited.  ``cap``: seconds that no single wait exceeds.  ``budget``: seconds
    that all waits of one call may take together; a wait that would exceed it is not begun.
    """

    __slots__ = ()

    def decide(self, attempt, error, waited, fraction):
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


Retry.__new__.__defaults__ = (3, 0.5, 20.0, 120.0)
