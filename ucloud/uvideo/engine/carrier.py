"""Carries out one operation: encode, sign, send and decode, with retries."""

from __future__ import absolute_import, division, print_function

import copy
import logging
import random
import time

from ..http.connection import ticks
from ..http.pool import TransportClosed
from ..protocol import dates, dialect, errors, management, operation, signature
from ..protocol.compat import TYPE_CHECKING, NamedTuple, native, to_text
from ..protocol.message import REFUSAL, Headers, Response
from ..protocol.provider import named, owner_of
from . import clock_skew as skews
from .cancel import Grace
from .clock_skew import Skew
from .retry import Attempts, may_be_done

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, TypeVar  # noqa: F401

    from ..http.pool import Body, Stream, Transport  # noqa: F401
    from ..protocol.message import Request  # noqa: F401
    from ..protocol.provider import Missing, Suffix
    from .cancel import Interrupt  # noqa: F401
    from .retry import Decides, Retry  # noqa: F401

    R = TypeVar("R")
    T = TypeVar("T")
    C = TypeVar("C", bound="Carrier")
    Operation = operation.Data[object] | operation.Management[object]
    Pairs = Iterable[tuple[str, str]]

_log = logging.getLogger("ucloud.uvideo")
#: Operations that store an object.  The response must have the etag of the stored object.
PROVEN = (operation.PutObject, operation.FinishUpload, operation.CopyObject, operation.AppendObject)
#: Seconds that an interrupted InitiateUpload still waits for its response: only that names the upload to abort.
GRACE = 2.0
#: Seconds for clean-up after a call's time is over.
TIDYING = 0.2
#: Seconds for clean-up after the client was closed.
TIDYING_CLOSED = 5.0
#: Seconds until a signed management call expires.  Each try has a new signature.
LASTS = 900
#: The RetCodes that mean "already done" for a management operation.
_DONE_BEFORE = {
    operation.CreateSpace: errors.SpaceExists,
    operation.DeleteSpace: errors.SpaceNotFound,
    operation.DeleteToken: errors.TokenNotFound,
}


class Endpoint(
    NamedTuple(
        "Endpoint",
        [
            ("upload", "Suffix | Missing"),
            ("download", "Suffix | Missing"),
            ("api", "str | Missing"),
            ("word", "str"),
            ("space_parameter", "str"),
            ("video_actions", "bool"),
            ("user_agent", "str"),
        ],
    )
):
    """Hosts and URLs of operations.  ``upload``, ``download``: provider.Suffix.  ``api``: URL of the management API.

    Each of the three may be a provider.Missing, which raises InvalidArgument at the first call that needs it.
    """

    __slots__ = ()


class Carrier(object):
    """Carries out operations for one key pair, or without one.  Safe to share between threads.

    ``clock``, ``sleep``, ``fraction`` (a random number in [0, 1)) and ``ticks`` (seconds that never go back) are
    arguments for tests.  ``interrupt``: an Interrupt that ends this Carrier's calls.  ``deadline``: when they must end,
    in ticks.
    """

    interrupt = None  # type: Interrupt | None
    deadline = None  # type: float | None
    is_tidying = False

    def __init__(
        self,
        endpoint,  # type: Endpoint
        credentials,  # type: signature.Credentials | None
        transport,  # type: Transport
        retry,  # type: Retry
        clock=time.time,  # type: Callable[[], float]
        sleep=time.sleep,  # type: Callable[[float], object]
        fraction=None,  # type: Callable[[], float] | None
        ticks=ticks,  # type: Callable[[], float]
    ):
        # type: (...) -> None
        self.endpoint, self.credentials, self.transport, self.retry = endpoint, credentials, transport, retry
        self.clock, self.sleep, self.ticks = clock, sleep, ticks
        self.fraction = fraction or random.SystemRandom().random
        self.skew = Skew()

    def to(self, upload):
        # type: (C, Suffix) -> C
        """A Carrier like this one for another upload host, a provider.Suffix.  The connections are shared."""
        made = copy.copy(self)
        made.endpoint = self.endpoint._replace(upload=upload)
        return made

    def bound(self, interrupt=None, deadline=None):
        # type: (C, Interrupt | None, float | None) -> C
        """A Carrier like this one whose calls also end by ``interrupt`` and ``deadline``, if that is sooner."""
        made = copy.copy(self)
        made.interrupt = interrupt
        if deadline is not None:
            made.deadline = deadline if self.deadline is None else min(deadline, self.deadline)
        return made

    def one(self):
        # type: (C) -> C
        """A Carrier like this one for several operations of one call.  Their total time starts now."""
        if self.retry.total_seconds is None:
            return self
        made = copy.copy(self)
        made.deadline = self._until(self.retry.total_seconds)
        return made

    def tidying(self):
        # type: (C) -> C
        """A Carrier like this one for clean-up after a failed call.

        It ignores the interrupt, and has TIDYING seconds even if the call's time is over.  If the client is closed
        before or meanwhile, it connects once more for each request, for up to TIDYING_CLOSED seconds.
        """
        made = copy.copy(self)
        made.interrupt, made.is_tidying = None, True
        if self.deadline is not None:
            made.deadline = max(self.deadline, self.ticks() + TIDYING)
        if self.transport.is_shut():
            made.transport = self.transport.reopened()
            made.deadline = made._until(TIDYING_CLOSED)
        return made

    def is_bound(self):
        # type: () -> bool
        """Whether its calls may have to end early."""
        return self.interrupt is not None or self.deadline is not None

    def check(self):
        # type: () -> None
        """Raise the interrupt's error if it is set, or DeadlineExceeded if the time is over."""
        if self.interrupt is not None:
            self.interrupt.check()
        if self.deadline is not None and self.ticks() >= self.deadline:
            raise errors.DeadlineExceeded()

    def call(
        self,
        op,  # type: operation.Data[R]
        body=None,  # type: bytes | Body | None
        headers=(),  # type: Pairs
        retry=None,  # type: Decides | None
        lost=None,  # type: list[errors.UVideoError] | None
        check=None,  # type: Callable[[R], object] | None
        proof=True,  # type: bool
    ):
        # type: (...) -> tuple[R, Response]
        """(result, Response) of a data-plane operation.  Raises UVideoError.

        ``body``: bytes, or what Transport.open takes, with ``rewind()``, which goes back to the first byte.  If
        ``rewind`` returns False, there is no further try.  ``headers``: (name, value) that replace ours of that name;
        signed where the protocol requires it.  ``lost``: a list that collects the errors of tries that may have taken
        effect.  ``check(result)``: raises BadAnswer for an unusable result, which is then retried.  ``proof``: as in
        ``judge``.
        """

        interrupt = self.interrupt  # type: Interrupt | Grace | None
        if interrupt is not None and isinstance(op, operation.InitiateUpload):
            interrupt = Grace(interrupt, GRACE)

        def once(until):
            # type: (float | None) -> tuple[R, Response]
            try:
                request, began = self.request(op, headers, body), self.clock()
                response = self.transport.send(request, body, self.limit(until), interrupt)
                self.heard(request, response.headers, began)
                found = self.judge(op, response, proof, _conditional(headers))
                if check is not None:
                    check(found[0])
                return found
            except errors.UVideoError as error:
                if error.retryable and body is not None and hasattr(body, "rewind") and not body.rewind():
                    error.retryable = False
                raise

        try:
            return self.persist(once, op, retry, lost)
        except TransportClosed:
            if not self.is_tidying:
                raise
        return self.tidying().call(op, body, headers, retry, lost, check, proof)

    def judge(self, op, response, proof=True, conditional=False):
        # type: (operation.Data[R], Response, bool, bool) -> tuple[R, Response]
        """(result, Response) of a data-plane response.  A raised error has the Response as ``response``.

        ``proof``: raise BadAnswer if a response to a store operation has no etag; False if the caller does not compare
        it.  ``conditional``: the caller's headers are conditional, so a 304 is a valid response.
        """
        found = self._decode(dialect.decode_result, op, response)
        if isinstance(found[0], operation.NotModified) and not (conditional or getattr(op, "conditions", False)):
            error = errors.BadAnswer(u"the answer is 304, but the request had no condition", status=response.status)
            raise described(error, op, response)
        if proof and isinstance(op, PROVEN) and not getattr(found[0], "etag", None):
            wrong = u"the answer has no ETag, so it does not confirm what was stored"
            again = not isinstance(op, operation.FinishUpload)  # a finished upload is unknown to the service
            raise described(errors.BadAnswer(wrong, status=response.status, retryable=again), op, response)
        return found

    def _decode(self, decode, op, response):
        # type: (Callable[[T, Response, float], R], T, Response) -> tuple[R, Response]
        """(result, Response).  A raised error has the Response as ``response``."""
        try:
            return decode(op, response, self.clock()), response
        except errors.UVideoError as error:
            error.response = response
            raise

    def act(self, op, headers=()):
        # type: (operation.Management[R], Pairs) -> tuple[R, Response]
        """(result, Response) of a management operation.  Raises UVideoError, with ``status`` 200 if RetCode is an
        error.

        ``headers``: (name, value) that replace ours of that name.
        """

        def once(until, again=True):
            # type: (float | None, bool) -> tuple[R, Response]
            request, began = self.action_request(op, headers), self.clock()
            response = self.transport.send(request, None, self.limit(until), self.interrupt)
            try:
                return self.judge_action(op, response, request, began)
            except errors.SignatureMismatch as error:
                if not (again and error.again):
                    raise
            return once(until, False)

        lost, began, whole = self.doubts(op), self.ticks(), self.one()
        try:
            return whole.persist(once, op, None, lost)
        except errors.UVideoError as error:
            if not self.was_done(op, error, lost):
                raise
            ask = self.question(op)
            found = self.recovered(op, ask and whole.act(ask), self.ticks() - began)
            if found is None:
                raise error
            return found

    # After a lost response, the next try may be refused only because the first one took effect.

    @staticmethod
    def doubts(op):
        # type: (operation.Management[object]) -> list[errors.UVideoError] | None
        """A list for the errors of tries without a response.

        None if a later refusal cannot tell whether they took effect: an operation that must not run twice is not
        repeated then.
        """
        return [] if type(op) in _DONE_BEFORE else None

    @staticmethod
    def was_done(op, error, lost):
        # type: (operation.Management[object], errors.UVideoError, list[errors.UVideoError] | None) -> bool
        """Whether a refusal means "already done" after tries whose responses were ``lost``."""
        return bool(lost) and isinstance(error, _DONE_BEFORE[type(op)])

    @staticmethod
    def question(op):
        # type: (operation.Management[object]) -> operation.DescribeSpace | None
        """The operation that shows whether ``op`` took effect; None if the refusal itself does."""
        return operation.DescribeSpace(op.space) if isinstance(op, operation.CreateSpace) else None

    @staticmethod
    def recovered(op, told, seconds):
        # type: (operation.Management[R], tuple[operation.SpaceList, Response] | None, float) -> tuple[R, Response] | None
        """(result, Response) as for a first try; None if this call did not cause the state found.

        ``told``: (result, Response) of the question.  ``seconds``: since the first try.
        """
        result = operation.Done()  # type: operation.Done | operation.SpaceNamed
        if isinstance(op, operation.DeleteSpace):
            result = operation.SpaceNamed(op.space, None)
        elif isinstance(op, operation.CreateSpace) and told is not None:
            found = next((each for each in told[0].spaces if each.space == op.space), None)
            if found is None or (op.type is not None and found.type not in (None, op.type)):
                return None
            now = dates.parse_date(told[1].headers.get("Date"))
            if now is not None and found.created is not None and now - found.created > seconds + 2:
                return None  # older than this call
            result = operation.SpaceNamed(op.space, found.space_id)
        response = management.encode_result(management.name_of(op), result)
        return management.decode_result(op, response), response

    def action_request(self, op, headers=()):
        # type: (operation.Management[object], Pairs) -> Request
        """The signed Request of a management operation.  NoCredentials without a key pair."""
        if self.credentials is None:
            raise errors.NoCredentials(operation=type(op).__name__, space=getattr(op, "space", None))
        lasts = self._lasts()
        request = management.encode(
            op,
            named(self.endpoint.api),
            self.credentials,
            self.endpoint.space_parameter,
            self.endpoint.video_actions,
            None if lasts is None else int(self.now()) + lasts,
        )
        request.headers.add("User-Agent", self.endpoint.user_agent)
        return _over(request, op, headers) if headers else request

    def heard(self, request, headers, began):
        # type: (Request, Headers, float) -> bool
        """Learn the service's clock from a response over TLS or loopback.  Returns whether signed times change."""
        if not self.transport.is_sure(request.origin):
            return False
        return self.skew.learn(skews.seen(headers, began, self.clock()))

    def expired(self, error, request, headers, began):
        # type: (errors.UVideoError, Request, Headers, float) -> bool
        """Add the clock difference to a SignatureExpired's text.  Returns whether a new link would be valid longer."""
        seconds = skews.seen(headers, began, self.clock())
        if seconds:
            error.message = u"%s: %s" % (error.message, skews.told(seconds))
        return self.heard(request, headers, began)

    def now(self):
        # type: () -> float
        """Unix seconds by the service's clock, as far as it is known."""
        return self.clock() + self.skew.seconds

    def judge_action(self, op, response, request, began):
        # type: (operation.Management[R], Response, Request, float) -> tuple[R, Response]
        """(result, Response) of a management response.  A raised error has the Response as ``response``.

        A SignatureMismatch gets ``again`` if our clock was so late that the signature had expired: a new one will be
        valid.
        """
        changed = self.heard(request, response.headers, began)
        try:
            return self._decode(management.decode_result, op, response)
        except errors.SignatureMismatch as error:
            seconds = skews.seen(response.headers, began, self.clock())
            if self._lasts() is not None and seconds is not None and seconds >= LASTS:
                error.message, error.again = u"%s: %s" % (error.message, skews.told(seconds)), changed
            raise

    def _lasts(self):
        # type: () -> int | None
        """Seconds until a management call expires; None for the vendor, whose API has no such parameter."""
        host = named(self.endpoint.api).partition("://")[2].partition("/")[0]
        return None if owner_of(host) else LASTS

    def open(self, op, expires=None, headers=(), until=None):
        # type: (operation.GetObject, int | None, Pairs, float | None) -> Stream
        """The Stream of a successful GetObject.  Any other response is raised as an error.

        ``expires``: seconds until the signed URL expires; None for an unsigned one.  ``until``: as in ``limit``; it
        includes the body.  Does not retry: the caller decides.
        """
        try:
            return self._opened(op, expires, headers, until)
        except errors.SignatureExpired as error:
            if not error.again:
                raise
        return self._opened(op, expires, headers, until)

    def _opened(self, op, expires, headers, until):
        # type: (operation.GetObject, int | None, Pairs, float | None) -> Stream
        """As ``open``, with one link.  A SignatureExpired gets ``again`` if a new link would be valid longer."""
        request, began = self.link(op, expires), self.clock()
        if headers:
            request = _over(request, op, headers)
        stream = self.transport.open(request, None, self.limit(until), self.interrupt)
        if stream.status not in (200, 206):
            content = bytearray(REFUSAL)
            try:
                length = stream.readinto(memoryview(content))
            finally:
                stream.close(reuse=True)
            try:
                self.judge_object(op, Response(stream.status, stream.headers, bytes(content[:length])))
            except errors.SignatureExpired as error:
                error.again = self.expired(error, request, stream.headers, began)
                raise
        return stream

    def judge_object(self, op, response):
        # type: (operation.GetObject, Response) -> operation.ObjectInfo
        """The ObjectInfo of a GetObject's response with bytes.  Any other response is raised as an error."""
        found, _ = self.judge(op, response, conditional=True)
        if isinstance(found, operation.NotModified):
            raise described(errors.Refused(u"not modified", status=response.status), op, response)
        if response.status not in (200, 206):
            raise errors.BadAnswer(u"%d is not a valid answer to a download" % response.status, status=response.status)
        return found

    def request(self, op, headers=(), body=None):
        # type: (operation.Data[object], Pairs, bytes | Body | None) -> Request
        """The Request of an operation on the upload host, with a signed header if there is a key pair.

        ``body``: the body of ``call``.
        """
        request = dialect.encode(op, named(self.endpoint.upload))
        request.headers.add("User-Agent", self.endpoint.user_agent)
        if headers:
            request = _over(request, op, headers, body)
        fields = request.headers
        if self.credentials is None:
            return request
        if self.credentials.security_token is not None:
            fields.add(signature.TOKEN, native(self.credentials.security_token))
        key = getattr(op, "key", u"")
        fields.add(
            "Authorization",
            signature.authorization(self.credentials, request.method, op.space, key, fields, self.endpoint.word),
        )
        return request

    def link(self, op, expires=None):
        # type: (operation.Data[object], int | None) -> Request
        """The Request of a GetObject on the download host.  ``expires``: seconds its URL is valid; None: not signed."""
        request = dialect.encode(op, named(self.endpoint.download))
        request.headers.add("User-Agent", self.endpoint.user_agent)
        if expires is None:
            return request
        return request._replace(target=self._signed(request.target, request.method, op, expires))

    def url(self, op, expires=None):
        # type: (operation.Data[object], int | None) -> str
        """The URL of a GetObject, HeadObject, PutObject or DeleteObject, for any client.  ``expires``: as in ``link``.

        What changes an object goes to the upload host, the others to the download host.
        """
        if isinstance(op, operation.DeleteObject):
            return self._signed(dialect.url(op, named(self.endpoint.upload)), "DELETE", op, expires)
        if isinstance(op, operation.PutObject):
            return self._signed(dialect.url(op, named(self.endpoint.upload)), "PUT", op, expires, op.mime, op.md5)
        method = "HEAD" if isinstance(op, operation.HeadObject) else "GET"
        return self._signed(dialect.url(op, named(self.endpoint.download)), method, op, expires)

    def _signed(self, target, method, op, expires, mime=None, md5=None):
        # type: (str, str, operation.Data[object], int | None, str | None, str | None) -> str
        if expires is None:
            return target
        if self.credentials is None:
            raise errors.NoCredentials(operation=type(op).__name__, space=op.space, key=op.key)
        until = int(self.now()) + expires
        query = signature.signed_query(self.credentials, method, op.space, op.key, until, mime or u"", md5 or u"")
        return target + ("&" if "?" in target else "?") + query

    def limit(self, until=None):
        # type: (float | None) -> float | None
        """How many seconds a try that begins now may take, including the response's body; None: no limit.

        ``until``: when the whole call must end, in ticks; None: at the deadline.
        """
        seconds, until = self.retry.attempt_seconds, self.deadline if until is None else until
        if until is None:
            return seconds
        left = until - self.ticks()
        return left if seconds is None else min(left, seconds)

    def _until(self, seconds):
        # type: (float | None) -> float | None
        """The ticks at which work of ``seconds`` that begins now must end; None: never."""
        if seconds is None:
            return self.deadline
        until = self.ticks() + seconds
        return until if self.deadline is None else min(until, self.deadline)

    def attempts(self, op, retry=None, knows=False):
        # type: (Operation | None, Decides | None, bool) -> Attempts
        """The Attempts of a call of ``op`` that begins now."""
        return Attempts(retry or self.retry, op, self.fraction, self._until(self.retry.total_seconds), knows)

    def persist(self, once, op, retry=None, lost=None):
        # type: (Callable[[float | None], T], Operation, Decides | None, list[errors.UVideoError] | None) -> T
        """The result of ``once(until)``, which is called again after a failure that may pass.  ``until``: as in
        ``limit``.

        ``lost``: a list that collects NoAnswer errors.
        """
        attempts = self.attempts(op, retry, lost is not None)
        while True:
            try:
                self.check()
                return once(attempts.deadline)
            except errors.UVideoError as error:
                described(error, op)
                if lost is not None and may_be_done(error):
                    lost.append(error)
                if not self.pause(attempts, error, op):
                    raise

    def pause(self, attempts, error, op):
        # type: (Attempts, errors.UVideoError, Operation) -> bool
        """Wait before the next try; False to give up.  Raises the error that ends the call meanwhile."""
        try:
            seconds = attempts.failed(error, self.ticks())
        except errors.UVideoError as late:
            raise described(late, op)
        if seconds is None:
            return False
        _log.info(
            "%s %s part=%s try %d failed: %s; next in %.2f s",
            type(op).__name__,
            native(getattr(op, "space", None) or u""),
            getattr(op, "part", "-"),
            attempts.count,
            error,
            seconds,
        )
        self.wait(seconds)
        return True

    def shorter(self, seconds):
        # type: (float) -> float
        """``seconds``, or the time until the deadline if that is less."""
        return seconds if self.deadline is None else max(0.0, min(seconds, self.deadline - self.ticks()))

    def wait(self, seconds):
        # type: (float) -> None
        """Sleep, but not beyond deadline or interrupt.  Raises the error that ends the call."""
        seconds = self.shorter(seconds)
        if seconds > 0:
            if self.interrupt is not None:
                self.interrupt.wait(seconds)
            else:
                self.sleep(seconds)
        self.check()


def carrier_of(owner):
    # type: (object) -> Any
    """The Carrier of a handler or a Client, or the AsyncCarrier of an AsyncClient.  Tests set its clock and sleep.

    For a handler this counts as a call: it copies the settings.
    """
    return owner._carrier  # type: ignore[attr-defined]  # each of these has one


def _over(request, op, headers, body=None):
    # type: (Request, Operation, Pairs, bytes | Body | None) -> Request
    """The Request with the caller's headers in place of those of the same name.

    InvalidArgument for a header that only the SDK may set, unless its value is the same.
    """
    given = dict((name.lower(), (native(name), native(value))) for name, value in headers)
    if not _MADE_HERE.isdisjoint(given):
        sent = request.body if body is None else body
        length = sent.length if hasattr(sent, "length") else len(sent)
        made = {
            "host": request.origin.partition("://")[2].lower(),
            "bucket": native(getattr(op, "space", None) or u""),
            "content-length": None if length is None else "%d" % length,
        }
        for name in _MADE_HERE.intersection(given):
            own, value = made.get(name), given.pop(name)[1].strip()
            if (value.lower() if name == "host" else value) != own:
                raise errors.InvalidArgument(
                    u"the SDK sets the header %s%s: leave it out"
                    % (to_text(name), u"" if own is None else u" itself, to " + to_text(own))
                )
    kept = [pair for pair in request.headers if pair[0].lower() not in given]
    return request._replace(headers=Headers(kept + list(given.values())))


#: Headers that only the SDK sets.  A caller may give them only with the same value.
_MADE_HERE = frozenset(("authorization", "bucket", "content-length", "host", "transfer-encoding"))


def _conditional(headers):
    # type: (Pairs) -> bool
    return any(name.lower().startswith("if-") for name, _ in headers)


def described(error, op, response=None):
    # type: (errors.UVideoError, Operation, Response | None) -> errors.UVideoError
    """The error, with operation, space and key added if it has none, and the Response if there is one."""
    if error.operation is None:
        error.operation, error.space = type(op).__name__, getattr(op, "space", None)
        error.key = getattr(op, "key", None) or None
    error.response = response or error.response
    return error
