"""When a time is over: the one rule for signed URLs, tokens, temporary keys, restored objects, sessions and links.

A time is given in whole seconds, and its own second belongs to it: a signed URL is refused when the server's time is
later than its Expires.  Source: signing.md section 2.
"""

from __future__ import absolute_import, division, print_function


def is_past(end, now):
    # type: (int, float) -> bool
    """Whether ``end`` is over.  ``end``: whole unix seconds.  ``now``: unix seconds, whose fraction does not count."""
    return int(now) > end
