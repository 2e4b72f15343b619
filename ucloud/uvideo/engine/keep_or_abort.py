"""What to keep of a failed transfer: everything, what its record knows, or nothing."""

from __future__ import absolute_import, division, print_function

from ..http.pool import TransportClosed
from ..protocol.errors import BadAnswer, LocalFailure, NoAnswer, SourceChanged, UVideoError

#: RESUME: another try may succeed, keep everything.  RECORD: this machine failed (for example a disk was unplugged), or
#: the client was closed: keep what a record on the disk knows.  FREE: no try can succeed, keep nothing here or at the
#: service.
RESUME, RECORD, FREE = "resume", "record", "free"


def keep_or_abort(error):
    # type: (BaseException) -> str
    """RESUME, RECORD or FREE for the error that ended a transfer.  RESUME for Ctrl-C and for a callback's error."""
    if not isinstance(error, UVideoError) or isinstance(error, (NoAnswer, BadAnswer)) or error.retryable:
        return RESUME
    is_here = isinstance(error, (LocalFailure, TransportClosed)) and not isinstance(error, SourceChanged)
    return RECORD if is_here else FREE
