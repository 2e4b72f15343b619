"""One operation carried: encode, sign, send, decode, and again where that may help."""

from __future__ import absolute_import, division, print_function

import logging
import random
import time
from collections import namedtuple

from .protocol import action, answer, dialect, operation, signature
from .protocol.errors import BadAnswer, NoAnswer, Refused, SpaceExists, SpaceNotFound, UVideoError
from .protocol.message import Headers, Response
from .protocol.text import native

_log = logging.getLogger("ucloud.uvideo")


class Endpoint(namedtuple("Endpoint", "upload download api word space_parameter video_actions user_agent")):
    """Where operations go.  ``upload``, ``download``: provider.Suffix.  ``api``: URL of the management plane."""

    __slots__ = ()


class Carrier(object):
    """Carries operations for one key pair.  Safe to share between threads.

    ``clock``, ``sleep`` and ``fraction`` (a random number in [0, 1)) are arguments for tests.
    """

    def __init__(self, endpoint, credentials, transport, retry, clock=time.time, sleep=time.sleep, fraction=None):
        self.endpoint, self.credentials, self.transport, self.retry = endpoint, credentials, transport, retry
        self.clock, self.sleep = clock, sleep
        self._fraction = fraction or random.SystemRandom().random

    def to(self, upload):
        """A Carrier like this one to another upload host, a provider.Suffix, over the same connections."""
        endpoint = self.endpoint._replace(upload=upload)
        return Carrier(
            endpoint, self.credentials, self.transport, self.retry, self.clock, self.sleep, self._fraction
        )

    def call(self, op, body=None, headers=(), retry=None, lost=None, check=None):
        """(result, Response) of a data-plane operation.  Raises UVideoError.

        ``body``: its bulk bytes, or what Transport.open takes, with ``rewind()``: stand at the first byte again, False
        if that cannot be, and then there is no further try.
        ``headers``: (name, value) to send in place of ours of that name, signed where the protocol says so.
        ``lost``: a list to gather the NoAnswers of tries that may have done it all the same.
        ``check(result)``: raises BadAnswer for a result that is of no use, and it is tried again.
        """

        def once():
            try:
                response = self.transport.send(self.request(op, headers), body)
                found = self._decode(answer.decode, op, response)
                if check is not None:
                    check(found[0])
                return found
            except UVideoError as error:
                if error.retryable and hasattr(body, "rewind") and not body.rewind():
                    error.retryable = False
                raise

        return self.persist(once, op, retry, lost)

    def _decode(self, decode, op, response):
        """(result, Response); an error raised carries the Response as ``response``."""
        try:
            return decode(op, response, self.clock()), response
        except UVideoError as error:
            error.response = response
            raise

    def act(self, op):
        """(result, Response) of a management operation.  Raises UVideoError; ``status`` 200 if RetCode says no."""

        def once():
            request = action.encode(
                op,
                self.endpoint.api,
                self.credentials,
                self.endpoint.space_parameter,
                self.endpoint.video_actions,
            )
            request.headers.add("User-Agent", self.endpoint.user_agent)
            return self._decode(action.decode_result, op, self.transport.send(request))

        lost = []
        try:
            return self.persist(once, op, None, lost)
        except (SpaceExists, SpaceNotFound) as error:
            # A try without answer may have done it already; then the next one says that it is done.
            if lost and isinstance(error, SpaceNotFound) and isinstance(op, operation.DeleteSpace):
                return operation.SpaceNamed(op.space, None), error.response
            if lost and isinstance(error, SpaceExists) and isinstance(op, operation.CreateSpace):
                return self.act(operation.DescribeSpace(op.space))
            raise

    def open(self, op, expires=None, headers=()):
        """The Stream of a GetObject whose answer says yes; any other answer is raised.

        ``expires``: seconds that a signed URL lasts; None for an anonymous one.  No retry: the reader decides.
        """
        request = self.link(op, expires)
        stream = self.transport.open(request._replace(headers=_over(request.headers, headers)))
        if stream.status not in (200, 206):
            try:
                content = stream.read(65536)
            finally:
                stream.close()
            response = Response(stream.status, stream.headers, content)
            if isinstance(self._decode(answer.decode, op, response)[0], operation.NotModified):
                error = Refused(u"not modified", status=stream.status)
                error.response = response
                raise error
            raise BadAnswer(u"%d is no answer to a download" % stream.status, status=stream.status)
        return stream

    def request(self, op, headers=()):
        """The Request of an operation on the upload host, signed by header."""
        request = dialect.encode(op, self.endpoint.upload)
        request.headers.add("User-Agent", self.endpoint.user_agent)
        fields = _over(request.headers, headers)
        request = request._replace(headers=fields)
        key = getattr(op, "key", u"")
        fields.add(
            "Authorization",
            signature.authorization(self.credentials, request.method, op.space, key, fields, self.endpoint.word),
        )
        return request

    def link(self, op, expires=None):
        """The Request of a GetObject on the download host; signed in its URL for ``expires`` seconds, or not at all."""
        request = dialect.encode(op, self.endpoint.download)
        request.headers.add("User-Agent", self.endpoint.user_agent)
        return request._replace(target=self._signed(request.target, request.method, op, expires))

    def url(self, op, expires=None):
        """The URL of a GetObject or HeadObject on the download host, for any client; signed as ``link``."""
        method = "HEAD" if isinstance(op, operation.HeadObject) else "GET"
        return self._signed(dialect.url(op, self.endpoint.download), method, op, expires)

    def _signed(self, target, method, op, expires):
        if expires is None:
            return target
        until = int(self.clock()) + expires
        query = signature.signed_query(self.credentials, method, op.space, op.key, until)
        return target + ("&" if "?" in target else "?") + query

    def persist(self, once, op, retry=None, lost=None):
        """What ``once()`` returns, called again after failures that may pass.  ``lost``: a list to gather NoAnswer."""
        retry = retry or self.retry
        attempt, waited = 0, 0.0
        while True:
            try:
                return once()
            except UVideoError as error:
                attempt += 1
                if lost is not None and isinstance(error, NoAnswer):
                    lost.append(error)
                seconds = retry.decide(attempt, error, waited, self._fraction())
                describe(error, op)
                if seconds is None:
                    raise
                _log.info(
                    "%s %s part=%s try %d failed: %s; next in %.2f s",
                    type(op).__name__,
                    native(op.space or u""),
                    getattr(op, "part", "-"),
                    attempt,
                    error,
                    seconds,
                )
            waited += seconds
            self.sleep(seconds)

    def pause(self, attempt, error, waited):
        """Sleep before the next try and return the seconds slept, or None to give up."""
        seconds = self.retry.decide(attempt, error, waited, self._fraction())
        if seconds is not None:
            _log.info("try %d failed: %s; next in %.2f s", attempt, error, seconds)
            self.sleep(seconds)
        return seconds


def _over(fields, headers):
    """Headers with the caller's in place of those of the same name."""
    if not headers:
        return fields
    given = dict((name.lower(), (native(name), native(value))) for name, value in headers)
    return Headers([pair for pair in fields if pair[0].lower() not in given] + list(given.values()))


def describe(error, op):
    """Say in an error what it is about, where it does not know yet."""
    if error.operation is None:
        error.operation, error.space = type(op).__name__, op.space
        error.key = getattr(op, "key", None) or None
