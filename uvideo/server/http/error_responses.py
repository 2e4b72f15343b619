"""The error that a client gets when a request fails, on the data port and in the console.  The log has more details."""

from __future__ import annotations

import errno
import logging
from typing import Any

from uvideo._core import error_response, errors, message
from uvideo.s3 import errors as s3_errors
from uvideo.server.ops.refusal_causes import cause_of
from uvideo.storage.base import Damaged, Unreachable

__all__ = ["encoded", "refusal_of", "s3_encoded", "s3_ids"]

AGAIN = 1  # seconds; Retry-After if the database or the store cannot be reached
#: Resources that the machine may run out of, and the text for the client.  The same request may succeed later.
OUT_OF = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "no space left",
    errno.EROFS: "the disk is read-only",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENOMEM: "no memory left",
}

log = logging.getLogger("uvideo.server")


def encoded(refusal: errors.Refused, session: str, only_s3: bool) -> message.Response:
    """The answer to a request of which the dialect is not known.  ``only_s3``: it came to the S3 port."""
    return s3_encoded(refusal, "/", session) if only_s3 else error_response.encode_error(refusal)


def s3_encoded(refusal: errors.Refused, resource: str, session: str) -> message.Response:
    """The answer to a request of S3.  ``resource``: "/bucket/key"."""
    response = s3_errors.answer(s3_errors.of(refusal), resource, session, session)
    return response._replace(headers=message.Headers([*response.headers, *s3_ids(session)]))


def s3_ids(session: str) -> tuple[tuple[str, str], ...]:
    """The headers with the ids of an answer of S3."""
    return ("x-amz-request-id", session), ("x-amz-id-2", session)


def refusal_of(failure: Exception, asked: str) -> Any:
    """The ``errors.Refused`` for the client.  ``asked``: the request, for the log."""
    if isinstance(failure, errors.Refused):
        kind = type(failure).__name__  # its text may contain parts of the request
        log.debug("%s refused: %s, status %d, RetCode %s", asked, kind, failure.status, failure.ret_code)
        return failure
    if isinstance(failure, Unreachable):
        log.warning("%s: %s", asked, failure.strerror)
        return errors.Unavailable(retry_after=AGAIN, cause=failure.cause)
    if isinstance(failure, Damaged):
        log.error("%s: %s", asked, failure.strerror)
        return errors.InternalError("the stored bytes are damaged")
    if isinstance(failure, OSError) and failure.errno in OUT_OF:
        log.error("%s: %s", asked, OUT_OF[failure.errno])
        return errors.Unavailable(OUT_OF[failure.errno], cause=cause_of(failure))
    if isinstance(failure, OSError) and failure.errno == errno.EIO:
        log.error("%s: the disk failed: %s", asked, failure)
        return errors.InternalError("the disk failed")
    log.error("%s failed", asked, exc_info=failure)
    return errors.InternalError()
