"""The errors, and the one table between an error class and its response on the wire.

UVideoError
 +-- InvalidArgument        an invalid argument; nothing was sent (also a ValueError)
 +-- LocalFailure           a failure on the caller's machine: file missing, disk full
 |    +-- SourceChanged     the file changed while it was read
 +-- NoAnswer               no response after all tries
 |    +-- ConfigurationError     because of a setting: proxy, certificates, host; a retry does not help
 |    +-- TransferInterrupted    a transfer was interrupted; it can be resumed
 |         +-- Cancelled         by its caller
 |         +-- DeadlineExceeded  because its time is over
 +-- IntegrityError         the content received or stored is not the content sent
 |    +-- ObjectChanged     the object changed during its download
 +-- BadAnswer              a response that does not follow this protocol
 +-- Refused                the service refused; status, ret_code and message as sent
      +-- BadRequest, SpaceNotFound, NoCredentials, SignatureMismatch, UnknownKey, AccessDenied, NotFound ...

Each Refused class has the data plane's status, ret_code and message, and as ``action_code`` the management API's
positive RetCode.  The server sends those of the class; a client finds the class by them.
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
    """``operation``, ``space``, ``key``, ``status``, ``ret_code``, ``request_id``: None if unknown or not applicable.

    ``retryable``: whether the same request may succeed a little later.  ``retry_after``: seconds, from the service.
    ``sent``: False if the service certainly never saw the request.  ``stale``: the request was sent on an idle
    connection that closed before any response.  ``late``: the time for the try was over; otherwise the other side was
    silent.  ``transfer``: the journal id of a transfer that can be resumed, else None.  ``cause``: why there was no
    response from the service, a code of cause.CAUSES.  ``facts``: the values in the cause's text, {name: text}.
    ``response``: the Response with the error, or None.  ``message``: text without control characters.
    Errors can be pickled.
    """

    status = None  # type: int | None
    ret_code = None  # type: int | None
    action_code = None  # type: int | None
    retryable = False  # type: bool
    sent = True  # type: bool
    stale = False  # type: bool
    late = False  # type: bool
    transfer = None  # type: str | None
    cause = None  # type: str | None
    facts = {}  # type: Mapping[str, str]
    response = None  # type: Response | None
    message = u"failed"  # type: str
    _CONTEXT = (
        "operation space key status ret_code request_id retry_after retryable action_code sent transfer cause".split()
    )

    def __init__(
        self,
        message=None,  # type: str | bytes | None
        operation=None,  # type: str | None
        space=None,  # type: str | None
        key=None,  # type: str | None
        status=None,  # type: int | None
        ret_code=None,  # type: int | None
        request_id=None,  # type: str | None
        retry_after=None,  # type: float | None
        retryable=None,  # type: bool | None
        action_code=None,  # type: int | None
        sent=None,  # type: bool | None
        transfer=None,  # type: str | None
        cause=None,  # type: str | None
    ):
        # type: (...) -> None
        given = locals()
        self.operation = None  # type: str | None
        self.space = None  # type: str | None
        self.key = None  # type: str | None
        self.request_id = None  # type: str | None
        self.retry_after = None  # type: float | None
        if message is not None:
            self.message = printable(to_text(message))
        for name in self._CONTEXT:
            if given[name] is not None:
                setattr(self, name, given[name])
        super(UVideoError, self).__init__(native(self.message))

    def __str__(self):
        # type: () -> str
        return native(self.message)

    def __unicode__(self):  # for u"%s" on 2.7, which would decode __str__'s bytes as ASCII
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
    """A setting must be changed, here or at a proxy.  Nothing reached the service."""

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
    retryable = True  # a proxy or a captive portal may have sent it


class Refused(UVideoError):
    message = u"refused"


class BadRequest(Refused):
    status = 400  # type: int
    ret_code = GENERAL  # type: int
    action_code = 15017  # type: int | None
    message = u"bad request"


class TooLarge(BadRequest):
    message = u"too large"


class DigestMismatch(BadRequest):
    message = u"content md5 mismatch"


class SpaceNotFound(Refused):
    status = 400  # type: int
    ret_code = -30010  # type: int
    action_code = 15010  # type: int | None
    message = u"bucket not exist"


class NoCredentials(Refused):
    status = 401  # type: int
    ret_code = -148643  # type: int
    action_code = 170  # type: int | None
    message = u"no authorization found"


class SignatureMismatch(Refused):
    """``again``: a new signature will be valid, as our clock was found to be late."""

    status = 401  # type: int
    ret_code = -148658  # type: int
    action_code = 171  # type: int | None
    message = u"invalid signature"
    again = False  # type: bool


class SignatureExpired(SignatureMismatch):
    message = u"signature expired"


class UnknownKey(Refused):
    status = 403  # type: int
    ret_code = -148658  # type: int
    action_code = 172  # type: int | None
    message = u"invalid public key"


class AccessDenied(Refused):
    status = 403  # type: int
    ret_code = -148658  # type: int
    action_code = 15037  # type: int | None
    message = u"permission denied"


class NotFound(Refused):
    status = 404  # type: int
    ret_code = -148654  # type: int
    message = u"file not exist"


class UploadNotFound(NotFound):
    message = u"upload id not exist"


class AlreadyExists(Refused):
    status = 400  # type: int
    ret_code = GENERAL  # type: int
    message = u"file already exist"


class PreconditionFailed(Refused):
    status = 412  # type: int
    ret_code = GENERAL  # type: int
    message = u"precondition failed"


class InvalidRange(Refused):
    status = 416  # type: int
    ret_code = GENERAL  # type: int
    message = u"invalid range"


class CopyRangeInvalid(Refused):
    status = 419  # type: int
    ret_code = GENERAL  # type: int
    message = u"invalid copy range"


class SwitchDenied(Refused):
    status = 403  # type: int
    ret_code = GENERAL  # type: int
    message = u"switch class not allowed"


class NotRestored(Refused):
    status = 403  # type: int
    ret_code = -148671  # type: int
    message = u"file has not been restored"


class CallbackFailed(Refused):
    status = 502  # type: int
    ret_code = -148600  # type: int
    message = u"callback failed"


class PartExists(Refused):
    status = 500  # type: int
    ret_code = -1014  # type: int
    message = u"put duplicate key error"


class PartTooLarge(Refused):
    status = 400  # type: int
    ret_code = GENERAL  # type: int
    message = u"content length larger than block size"


class InvalidPartList(Refused):
    status = 400  # type: int
    ret_code = -148669  # type: int
    message = u"invalid etag"


class Throttled(Refused):
    status = 429  # type: int
    ret_code = GENERAL  # type: int
    action_code = 153  # type: int | None
    message = u"too many requests"
    retryable = True


class Unavailable(Refused):
    status = 503  # type: int
    ret_code = -148600  # type: int
    action_code = 150  # type: int | None
    message = u"service unavailable"
    retryable = True


class InternalError(Refused):
    status = 500  # type: int
    ret_code = -148600  # type: int
    action_code = 150  # type: int | None
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
#: For a response whose body has no code, perhaps a proxy's: only general classes, for example never PartExists.
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
for _cls in _CLASSES:  # of classes with the same code, the first in the tree's order
    _BY_CODE.setdefault((_cls.status, _cls.ret_code), _cls)
    if "action_code" in _cls.__dict__ or any("action_code" in base.__dict__ for base in _cls.__mro__[1:2]):
        assert _cls.action_code is not None
        _BY_ACTION_CODE.setdefault(_cls.action_code, _cls)
for _number in (-148653,):  # production sends this code for the same refusal
    _BY_CODE[(400, _number)] = SpaceNotFound
_BY_CODE[(404, -30010)] = _BY_CODE[(404, -148653)] = SpaceNotFound
_BY_CODE[(403, -148658)] = AccessDenied


def refusal(status, ret_code=None, message=None, **context):
    # type: (int, int | None, str | bytes | None, **Any) -> Refused  # context: for UVideoError
    """The error for a refused data-plane request, in the most specific class.

    A status alone is shared by several refusals, so the text decides, then the ret_code, then the status.
    ``invalid signature`` is SignatureMismatch with any status: production sends it with 403.
    """
    text = to_text(message) if message else u""
    cls = _BY_TEXT.get((status, ret_code, text)) or _BY_CODE.get((status, ret_code)) or _BY_STATUS.get(status)
    if text == SignatureMismatch.message:
        cls = SignatureMismatch
    if cls is None:
        cls = Unavailable if status >= 500 else Refused
    return cls(text or cls.message, status=status, ret_code=ret_code, **context)


def action_refusal(code, message=None, **context):
    # type: (int, str | bytes | None, **Any) -> Refused  # context: for UVideoError
    """The error for a management response with this RetCode (not 0).

    One RetCode stands for a wrong signature and for an expired one, so the text decides between them.
    """
    cls = _BY_ACTION_CODE.get(code, Refused)
    if cls is SignatureMismatch and message and to_text(message) == SignatureExpired.message:
        cls = SignatureExpired
    if code in (110, 130, 150, 15004, 15005, 15006, 15007):
        cls = Unavailable
    return cls(message or cls.message, ret_code=code, **context)
