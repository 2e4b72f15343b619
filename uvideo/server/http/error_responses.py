"""What a client is told when a request fails, on the data port and in the console.  The log says more."""

from __future__ import annotations

import errno
import logging
from typing import Any

from uvideo._core import errors
from uvideo.storage.base import Damaged, Unreachable

__all__ = ["refusal_of"]

AGAIN = 1  # seconds after which a client may ask again when the database or the store is away
#: What the machine may run out of, as a client is told it: the same request may succeed later.
OUT_OF = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "no space left",
    errno.EROFS: "the disk is read-only",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENOMEM: "no memory left",
}

log = logging.getLogger("uvideo.server")


def refusal_of(failure: Exception, asked: str) -> Any:
    """The ``errors.Refused`` that the client is told.  ``asked``: whose request it is, for the log."""
    if isinstance(failure, errors.Refused):
        kind = type(failure).__name__  # its text may quote the request
        log.debug("%s refused: %s, status %d, RetCode %s", asked, kind, failure.status, failure.ret_code)
        return failure
    if isinstance(failure, Unreachable):
        log.warning("%s: %s", asked, failure.strerror)
        return errors.Unavailable(retry_after=AGAIN)
    if isinstance(failure, Damaged):
        log.error("%s: %s", asked, failure.strerror)
        return errors.InternalError("the stored bytes are damaged")
    if isinstance(failure, OSError) and failure.errno in OUT_OF:
        log.error("%s: %s", asked, OUT_OF[failure.errno])
        return errors.Unavailable(OUT_OF[failure.errno])
    if isinstance(failure, OSError) and failure.errno == errno.EIO:
        log.error("%s: the disk failed: %s", asked, failure)
        return errors.InternalError("the disk failed")
    log.error("%s failed", asked, exc_info=failure)
    return errors.InternalError()
