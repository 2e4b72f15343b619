"""Causes of failed requests that lie in the server, for the alerts."""

from __future__ import annotations

import errno

from uvideo._core import errors
from uvideo.storage import base

__all__ = ["CAUSES", "cause_of"]

#: Causes in the machine and in this program, in addition to database and store.
OWN = {
    "rate": "a key, or an address without a key, sends more requests than --rate allows",
    "guesses": "an address sent more wrong signatures for a key than --guesses allows",
    "requests": "too many large requests at once",
    "contention": "an object changes too often to be read or copied",
    "descriptors": "too many files are open",
    "memory": "no memory is left",
    "readonly": "the disk is read-only",
    "disk": "the disk failed",
    "audit": "the audit log cannot be written",
    "upgrade": "an older gateway may still run: it could not read what this request stores",
    "unexpected": "this program failed: the log has a traceback",
}
CAUSES = (*base.CAUSES, *OWN)

_ERRNO = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "readonly",
    errno.EMFILE: "descriptors",
    errno.ENFILE: "descriptors",
    errno.ENOMEM: "memory",
    errno.EIO: "disk",
}


def cause_of(failure: BaseException) -> str | None:
    """One of CAUSES; None if the client caused the failure.  A Refused may carry its cause."""
    cause = getattr(failure, "cause", None)
    if cause in CAUSES:
        return str(cause)
    if isinstance(failure, errors.Refused):
        return None
    if isinstance(failure, MemoryError):
        return "memory"
    return _ERRNO.get(failure.errno or 0, "unexpected") if isinstance(failure, OSError) else "unexpected"
