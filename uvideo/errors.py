"""Every error of the toolkit: those of the SDK, one about many items and one about the journal.

Each has ``operation``, ``space``, ``key``, ``status``, ``ret_code``, ``request_id``, ``retryable`` and ``transfer``,
the journal id of a transfer that can be resumed; None if unknown or not applicable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvideo._core import errors

if TYPE_CHECKING:
    from uvideo.models import Summary

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "BadAnswer",
    "BadRequest",
    "Cancelled",
    "ConfigurationError",
    "DeadlineExceeded",
    "IntegrityError",
    "InternalError",
    "InvalidArgument",
    "InvalidRange",
    "LocalFailure",
    "NoAnswer",
    "NoCredentials",
    "NotFound",
    "NotRestored",
    "ObjectChanged",
    "PreconditionFailed",
    "Refused",
    "SignatureExpired",
    "SignatureMismatch",
    "SomeFailed",
    "SourceChanged",
    "SpaceExists",
    "SpaceNotEmpty",
    "SpaceNotFound",
    "Throttled",
    "TransferBusy",
    "TransferInterrupted",
    "UVideoError",
    "Unavailable",
    "UnknownKey",
    "UploadNotFound",
]


AccessDenied = errors.AccessDenied
AlreadyExists = errors.AlreadyExists
BadAnswer = errors.BadAnswer
BadRequest = errors.BadRequest
Cancelled = errors.Cancelled
ConfigurationError = errors.ConfigurationError
DeadlineExceeded = errors.DeadlineExceeded
IntegrityError = errors.IntegrityError
InternalError = errors.InternalError
InvalidArgument = errors.InvalidArgument
InvalidRange = errors.InvalidRange
LocalFailure = errors.LocalFailure
NoAnswer = errors.NoAnswer
NoCredentials = errors.NoCredentials
NotFound = errors.NotFound
NotRestored = errors.NotRestored
ObjectChanged = errors.ObjectChanged
PreconditionFailed = errors.PreconditionFailed
Refused = errors.Refused
SignatureExpired = errors.SignatureExpired
SignatureMismatch = errors.SignatureMismatch
SourceChanged = errors.SourceChanged
SpaceExists = errors.SpaceExists
SpaceNotEmpty = errors.SpaceNotEmpty
SpaceNotFound = errors.SpaceNotFound
Throttled = errors.Throttled
TransferInterrupted = errors.TransferInterrupted
Unavailable = errors.Unavailable
UnknownKey = errors.UnknownKey
UploadNotFound = errors.UploadNotFound
UVideoError = errors.UVideoError


class TransferBusy(errors.UVideoError):
    """Another process, or another call of this one, is working on this transfer."""

    message = "another process is running this transfer"


class SomeFailed(errors.UVideoError):
    """Some of many items failed; the others are done.  ``summary``: the results of all items."""

    message = "some items failed"

    def __init__(self, message: str, summary: Summary[object]) -> None:
        super().__init__(message)
        self.summary = summary

    def __reduce__(self) -> tuple[object, ...]:
        return SomeFailed, (self.message, self.summary), {**self.__dict__}
