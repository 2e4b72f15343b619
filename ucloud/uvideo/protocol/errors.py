"""Everything that can go wrong, and the one table between an error class and its answer on the wire.

UVideoError
 +-- InvalidArgument        the caller's own mistake; nothing was sent (also a ValueError)
 +-- LocalFailure           the caller's machine: file missing, disk full
 |    +-- SourceChanged     the file changed while it was read
 +-- NoAnswer               no answer after all tries
 |    +-- ConfigurationError     because of a setting: proxy, certificates, host; trying again changes nothing
 |    +-- TransferInterrupted    a transfer stopped so; it can be resumed
 |         +-- Cancelled         because its caller wished it
 |         +-- DeadlineExceeded  because its time is over
 +-- IntegrityError         what arrived is not what was sent
 |    +-- ObjectChanged     the object is no longer the one whose download had begun
 +-- BadAnswer              an answer that this protocol does not have
 +-- Refused                the service answered no; status, ret_code and message as sent
      +-- BadRequest, SpaceNotFound, NoCredentials, SignatureMismatch, UnknownKey, AccessDenied, NotFound ...

Each Refused class holds the status, ret_code and message of the data plane, and as ``action_code`` the positive RetCode
of the management plane.  The server sends those of the class; a client finds the class by them.
Source: data-plane.md section 2, management-plane.md sections 2 and 3.
"""

from __future__ import absolute_import, division, print_function

from .compat import TYPE_CHECKING, native, printable, to_text

if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping  # noqa: F401

    from .message import Response  # noqa: F401

GENERAL = -148660  # the vendor's RetCode for several texts


def _rebuild(cls, text, context):
    # type: (type[UVideoError], str, dict[str, Any]) -> UVideoError
    error = cls(text)
    error.__dict__.update(context)
    return error


class UVideoError(Exception):
    """``operation``, ``space``, ``key``, ``status``, ``ret_code``, ``request_id``: None where unknown or not fitting.

    ``retryable``: whether the same request may succeed a little later.  ``retry_after``: seconds the service asked for.
    ``sent``: False where it is certain that the service never saw the request.  ``stale``: it went out on a connection
    that had been idle, and was closed before anything came back.  ``late``: not silence ended the try, but the time for
    all of it.  ``transfer``: the id in the journal of
    a transfer that can be resumed, else None.  ``cause``: why no answer of the service came, a code of cause.CAUSES.
    ``facts``: what the text of the cause names, {name: text}.  ``response``: the Response that said it, or None.
    ``message``: text without control characters, whoever wrote it.  An error can be pickled.
    """

    status = None  # type: int | None
    ret_code = None  # type: int | None
    action_code = None  # type: int | None
    retryable = False
    sent = True
    stale = late = False
    transfer = None  # type: str | None
    cause = None  # type: str | None
    facts = {}  # type: Mapping[str, str]
    response = None  # type: Response | None
    message = u"failed"
    _CONTEXT = (
        "operation",
        "space",
        "key",
        "status",
        "ret_code",
        "request_id",
        "retry_after",
        "retryable",
        "action_code",
        "sent",
        "transfer",
        "cause",
    )

    def __init__(self, message=None, **context):
        # type: (str | bytes | None, **object) -> None
        self.operation = self.space = self.key = self.request_id = None  # type: str | None
        self.retry_after = None  # type: float | None
        if message is not None:
            self.message = printable(to_text(message))
        for name, value in context.items():
            if name not in self._CONTEXT:
                raise TypeError("unknown context " + name)
            if value is not None:
                setattr(self, name, value)
        super(UVideoError, self).__init__(native(self.message))

    def __str__(self):
        # type: () -> str
        return native(self.message)

    def __unicode__(self):  # for u"%s" on 2.7, which would take the bytes of __str__ for ASCII
        # type: () -> str
        return self.message

    def __reduce__(self):
        # type: () -> tuple[Any, ...]
        context = dict((name, value) for name, value in self.__dict__.items() if name in self._CONTEXT)
        return _rebuild, (self.__class__, self.message, context)


class InvalidArgument(UVideoError, ValueError):
    message = u"invalid argument"


class LocalFailure(UVideoError):
    message = u"a local file failed"


class SourceChanged(LocalFailure):
    message = u"the source changed while it was read"


class NoAnswer(UVideoError):
    message = u"no answer from the service"
    retryable = True


class ConfigurationError(NoAnswer):
    """What only another setting, here or at a proxy, can mend.  Nothing reached the service."""

    message = u"a setting keeps the service from being reached"
    retryable = False
    sent = False


class TransferInterrupted(NoAnswer):
    message = u"the transfer was interrupted"


class Cancelled(TransferInterrupted):
    message = u"the transfer was cancelled"
    retryable = False


class DeadlineExceeded(TransferInterrupted):
    message = u"the time for this call is over"
    retryable = False


class IntegrityError(UVideoError):
    message = u"the content does not verify"


class ObjectChanged(IntegrityError):
    message = u"the object changed while it was being downloaded"


class BadAnswer(UVideoError):
    message = u"an answer that is not of this protocol"
    retryable = True  # something between may have answered: a proxy, a captive portal


class Refused(UVideoError):
    message = u"refused"


class BadRequest(Refused):
    status, ret_code, action_code = 400, GENERAL, 15017
    message = u"bad request"


class TooLarge(BadRequest):
    message = u"too large"


class DigestMismatch(BadRequest):
    message = u"content md5 mismatch"


class SpaceNotFound(Refused):
    status, ret_code, action_code = 400, -30010, 15010
    message = u"bucket not exist"


class NoCredentials(Refused):
    status, ret_code, action_code = 401, -148643, 170
    message = u"no authorization found"


class SignatureMismatch(Refused):
    """``again``: another signature made now would last longer, as our clock was found to be behind."""

    status, ret_code, action_code = 401, -148658, 171
    message = u"invalid signature"
    again = False


class SignatureExpired(SignatureMismatch):
    message = u"signature expired"


class UnknownKey(Refused):
    status, ret_code, action_code = 403, -148658, 172
    message = u"invalid public key"


class AccessDenied(Refused):
    status, ret_code, action_code = 403, -148658, 15037
    message = u"permission denied"


class NotFound(Refused):
    status, ret_code = 404, -148654
    message = u"file not exist"


class UploadNotFound(NotFound):
    message = u"upload id not exist"


class AlreadyExists(Refused):
    status, ret_code = 400, GENERAL
    message = u"file already exist"


class PreconditionFailed(Refused):
    status, ret_code = 412, GENERAL
    message = u"precondition failed"


class InvalidRange(Refused):
    status, ret_code = 416, GENERAL
    message = u"invalid range"


class CopyRangeInvalid(Refused):
    status, ret_code = 419, GENERAL
    message = u"invalid copy range"


class SwitchDenied(Refused):
    status, ret_code = 403, GENERAL
    message = u"switch class not allowed"


class NotRestored(Refused):
    status, ret_code = 403, -148671
    message = u"file has not been restored"


class CallbackFailed(Refused):
    status, ret_code = 502, -148600
    message = u"callback failed"


class PartExists(Refused):
    status, ret_code = 500, -1014
    message = u"put duplicate key error"


class PartTooLarge(Refused):
    status, ret_code = 400, GENERAL
    message = u"content length larger than block size"


class InvalidPartList(Refused):
    status, ret_code = 400, -148669
    message = u"invalid etag"


class Throttled(Refused):
    status, ret_code, action_code = 429, GENERAL, 153
    message = u"too many requests"
    retryable = True


class Unavailable(Refused):
    status, ret_code, action_code = 503, -148600, 150
    message = u"service unavailable"
    retryable = True


class InternalError(Refused):
    status, ret_code, action_code = 500, -148600, 150
    message = u"internal error"
    retryable = True


class ActionMissing(BadRequest):
    action_code = 160
    message = u"missing Action"


class ActionUnknown(BadRequest):
    action_code = 161
    message = u"unknown Action"


class ParameterMissing(BadRequest):
    action_code = 15002
    message = u"missing parameter"


class SpaceExists(AlreadyExists):
    action_code = 15000
    message = u"duplicate bucket name"


class SpaceNameInvalid(BadRequest):
    action_code = 15001
    message = u"bucket name not allowed"


class SpaceTypeInvalid(BadRequest):
    action_code = 15003
    message = u"invalid bucket type"


class SpaceNotEmpty(BadRequest):
    action_code = 15023
    message = u"bucket is not empty"


class DomainInvalid(BadRequest):
    action_code = 15008
    message = u"invalid domain"


class DomainTaken(BadRequest):
    action_code = 15009
    message = u"domain already bound"


class TooManyTokens(BadRequest):
    action_code = 15038
    message = u"too many tokens"


class TokenNotFound(BadRequest):
    action_code = 15040
    message = u"token not exist"


class TokenUnknown(UnknownKey):
    action_code = 174
    message = u"token does not exist"


def _tree(cls):
    # type: (type[Refused]) -> Iterator[type[Refused]]
    yield cls
    for child in cls.__subclasses__():
        for found in _tree(child):
            yield found


_CLASSES = [cls for cls in _tree(Refused) if cls is not Refused]
#: Every refusal of the service.
CLASSES = tuple(_CLASSES)
_BY_TEXT = dict(((cls.status, cls.ret_code, cls.message), cls) for cls in _CLASSES)
_BY_CODE = {}  # type: dict[tuple[int | None, int | None], type[Refused]]
#: For an answer whose body says nothing, perhaps a proxy's: only the general classes, for example never PartExists.
_BY_STATUS = {
    400: BadRequest,
    401: SignatureMismatch,
    403: AccessDenied,
    404: NotFound,
    408: Throttled,
    412: PreconditionFailed,
    416: InvalidRange,
    429: Throttled,
    500: InternalError,
}
_BY_ACTION_CODE = {292: AccessDenied, 294: AccessDenied, 299: AccessDenied, 15039: SpaceNotFound}
for _cls in _CLASSES:  # the first in the tree's order stands for those that share a code
    _BY_CODE.setdefault((_cls.status, _cls.ret_code), _cls)
    if "action_code" in _cls.__dict__ or any("action_code" in base.__dict__ for base in _cls.__mro__[1:2]):
        assert _cls.action_code is not None
        _BY_ACTION_CODE.setdefault(_cls.action_code, _cls)
for _number in (-148653,):  # seen in the field for the same refusal
    _BY_CODE[(400, _number)] = SpaceNotFound
_BY_CODE[(404, -30010)] = _BY_CODE[(404, -148653)] = SpaceNotFound
_BY_CODE[(403, -148658)] = AccessDenied


def refusal(status, ret_code=None, message=None, **context):
    # type: (int, int | None, str | bytes | None, **object) -> Refused
    """The error for a refused request of the data plane, most specific class first.

    A status alone is shared by several refusals, so the text decides, then the ret_code, then the status.
    ``invalid signature`` is SignatureMismatch whatever the status: production sends it with 403.
    """
    text = to_text(message) if message else u""
    cls = _BY_TEXT.get((status, ret_code, text)) or _BY_CODE.get((status, ret_code)) or _BY_STATUS.get(status)
    if text == SignatureMismatch.message:
        cls = SignatureMismatch
    if cls is None:
        cls = Unavailable if status >= 500 else Refused
    return cls(text or cls.message, status=status, ret_code=ret_code, **context)


def action_refusal(code, message=None, **context):
    # type: (int, str | bytes | None, **object) -> Refused
    """The error for a management answer with this RetCode (not 0)."""
    cls = _BY_ACTION_CODE.get(code, Refused)
    if code in (110, 130, 150, 15004, 15005, 15006, 15007):
        cls = Unavailable
    return cls(message or cls.message, ret_code=code, **context)
