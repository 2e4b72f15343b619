"""The clients' errors as OSErrors with errno and path, as users of a filesystem expect."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from uvideo import errors

__all__ = ["as_oserror", "is_absent", "translated"]

#: The first matching class counts.  No ETIMEDOUT: fsspec takes a TimeoutError for its own.
_NUMBERS: tuple[tuple[type[errors.UVideoError], int], ...] = (
    (errors.AccessDenied, errno.EACCES),
    (errors.UnknownKey, errno.EACCES),
    (errors.NoCredentials, errno.EACCES),
    (errors.SignatureMismatch, errno.EACCES),
    (errors.NotRestored, errno.EACCES),
    (errors.AlreadyExists, errno.EEXIST),
    (errors.SpaceNotEmpty, errno.ENOTEMPTY),
    (errors.ObjectChanged, errno.ESTALE),
    (errors.SourceChanged, errno.ESTALE),
    (errors.PreconditionFailed, errno.ESTALE),
    (errors.InvalidArgument, errno.EINVAL),
    (errors.InvalidRange, errno.EINVAL),
    (errors.Throttled, errno.EBUSY),
    (errors.TransferBusy, errno.EBUSY),
    (errors.Cancelled, errno.ECANCELED),
    (errors.NoAnswer, errno.ECONNABORTED),
)


def translated(error: errors.UVideoError, path: str) -> OSError:
    """The OSError for an error, in the matching subclass (for example FileNotFoundError); EIO by default."""
    if isinstance(error, errors.SomeFailed):
        failures = error.summary.failures
        first = failures[0].error
        if isinstance(first, errors.UVideoError):
            return _made(first, f"{len(failures)} objects failed, the first one with: {first}", path)
    return _made(error, str(error), path)


def _made(error: errors.UVideoError, text: str, path: str) -> OSError:
    number = next((number for kind, number in _NUMBERS if isinstance(error, kind)), errno.EIO)
    if isinstance(error, errors.LocalFailure) and number == errno.EIO:
        cause = error.__cause__ or error.__context__
        number = (isinstance(cause, OSError) and cause.errno) or errno.EIO
    if isinstance(error, errors.NotRestored):
        text += "; it is of class ARCHIVE and has to be restored first"
    if is_absent(error):
        number = errno.ENOENT
        if not isinstance(error, errors.SpaceNotFound):
            text = os.strerror(number)
    return OSError(number, text, path)


def is_absent(error: errors.UVideoError) -> bool:
    """Whether an object or its space is missing.  For a missing space, HEAD only reports a bad request."""
    if isinstance(error, errors.BadRequest) and error.operation == "HeadObject":
        return True
    return isinstance(error, (errors.NotFound, errors.SpaceNotFound))


@contextmanager
def as_oserror(path: str) -> Iterator[None]:
    """Raise a client's error in the block as an OSError about ``path``."""
    try:
        yield
    except errors.UVideoError as error:
        raise translated(error, path) from error
