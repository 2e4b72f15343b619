from collections.abc import Mapping
from typing import Any

from .message import Response

GENERAL: int

class UVideoError(Exception):
    operation: str | None
    space: str | None
    key: str | None
    status: int | None
    ret_code: int | None
    action_code: int | None
    request_id: str | None
    retry_after: float | None
    retryable: bool
    sent: bool
    stale: bool
    late: bool
    transfer: str | None
    cause: str | None
    facts: Mapping[str, str]
    response: Response | None
    message: str
    def __init__(
        self,
        message: str | bytes | None = None,
        *,
        operation: str | None = None,
        space: str | None = None,
        key: str | None = None,
        status: int | None = None,
        ret_code: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
        action_code: int | None = None,
        sent: bool | None = None,
        transfer: str | None = None,
        cause: str | None = None,
    ) -> None: ...
    def __unicode__(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

class InvalidArgument(UVideoError, ValueError): ...
class LocalFailure(UVideoError): ...
class SourceChanged(LocalFailure): ...
class NoAnswer(UVideoError): ...
class ConfigurationError(NoAnswer): ...
class TransferInterrupted(NoAnswer): ...
class Cancelled(TransferInterrupted): ...
class DeadlineExceeded(TransferInterrupted): ...
class IntegrityError(UVideoError): ...
class ObjectChanged(IntegrityError): ...
class BadAnswer(UVideoError): ...
class Refused(UVideoError): ...

class BadRequest(Refused):
    status: int
    ret_code: int

class TooLarge(BadRequest): ...
class DigestMismatch(BadRequest): ...

class SpaceNotFound(Refused):
    status: int
    ret_code: int

class NoCredentials(Refused):
    status: int
    ret_code: int

class SignatureMismatch(Refused):
    status: int
    ret_code: int
    again: bool

class SignatureExpired(SignatureMismatch): ...

class UnknownKey(Refused):
    status: int
    ret_code: int

class AccessDenied(Refused):
    status: int
    ret_code: int

class NotFound(Refused):
    status: int
    ret_code: int

class UploadNotFound(NotFound): ...

class AlreadyExists(Refused):
    status: int
    ret_code: int

class PreconditionFailed(Refused):
    status: int
    ret_code: int

class InvalidRange(Refused):
    status: int
    ret_code: int

class CopyRangeInvalid(Refused):
    status: int
    ret_code: int

class SwitchDenied(Refused):
    status: int
    ret_code: int

class NotRestored(Refused):
    status: int
    ret_code: int

class CallbackFailed(Refused):
    status: int
    ret_code: int

class PartExists(Refused):
    status: int
    ret_code: int

class PartTooLarge(Refused):
    status: int
    ret_code: int

class InvalidPartList(Refused):
    status: int
    ret_code: int

class Throttled(Refused):
    status: int
    ret_code: int

class Unavailable(Refused):
    status: int
    ret_code: int

class InternalError(Refused):
    status: int
    ret_code: int

class ActionMissing(BadRequest): ...
class ActionUnknown(BadRequest): ...
class ParameterMissing(BadRequest): ...
class SpaceExists(AlreadyExists): ...
class SpaceNameInvalid(BadRequest): ...
class SpaceTypeInvalid(BadRequest): ...
class SpaceNotEmpty(BadRequest): ...
class DomainInvalid(BadRequest): ...
class DomainTaken(BadRequest): ...
class TooManyTokens(BadRequest): ...
class TokenNotFound(BadRequest): ...
class TokenUnknown(UnknownKey): ...

CLASSES: tuple[type[Refused], ...]

def refusal(
    status: int, ret_code: int | None = None, message: str | bytes | None = None, **context: object
) -> Refused: ...
def action_refusal(code: int, message: str | bytes | None = None, **context: object) -> Refused: ...
