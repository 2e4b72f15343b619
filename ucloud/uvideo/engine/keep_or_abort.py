"""What becomes of a transfer that failed: it can be resumed, waits for its record, or is freed."""

from __future__ import absolute_import, division, print_function

from ..protocol.errors import BadAnswer, LocalFailure, NoAnswer, SourceChanged, UVideoError

#: RESUME: another try may succeed: keep all.  RECORD: this machine failed (for example a disk was unplugged): keep what
#: a record on the disk knows.  FREE: no try can succeed: keep nothing, here or at the service.
RESUME, RECORD, FREE = "resume", "record", "free"


def keep_or_abort(error):
    # type: (BaseException) -> str
    """RESUME, RECORD or FREE, by what ended a transfer; Ctrl-C, and what a callback raised, are no failure of it."""
    if not isinstance(error, UVideoError) or isinstance(error, (NoAnswer, BadAnswer)) or error.retryable:
        return RESUME
    return RECORD if isinstance(error, LocalFailure) and not isinstance(error, SourceChanged) else FREE
