"""The one rule for when a time has passed: for signed URLs, tokens, temporary keys, restores, sessions and links.

Times are whole seconds, and a time's own second still counts: a signed URL is refused when the server's time is later
than its Expires.  Source: signing.md section 2.
"""

from __future__ import absolute_import, division, print_function


def is_past(end, now):
    # type: (int, float) -> bool
    """Whether ``end`` has passed.  ``end``: whole Unix seconds.  ``now``: Unix seconds, without regard to fractions."""
    return int(now) > end
