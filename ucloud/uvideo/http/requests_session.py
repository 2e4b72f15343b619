"""HTTP through the caller's own requests.Session: for mocks, recorders, hooks, and proxies with their own login.

The session decides how to reach the service: its adapters, hooks, proxies, verify and cert, and its auth for a proxy.
Ignored is all that would change, reveal or repeat a request: its headers, params and cookies, .netrc, redirects, and
its adapters' retries.
"""

from __future__ import absolute_import, division, print_function

import functools
import io
import logging
import os
import re
import socket
import ssl

import requests
from requests.adapters import Retry
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import select_proxy
from urllib3 import exceptions as urllib3_errors
from urllib3.util import parse_url

from ..protocol.compat import PY2, TYPE_CHECKING, NamedTuple, native, to_text
from ..protocol.errors import BadAnswer, ConfigurationError, DeadlineExceeded, InvalidArgument, UVideoError
from . import failure_cause, mocks, pool, wire
from .address import ConnectError
from .proxy import stays_here

if PY2:
    from httplib import BadStatusLine, HTTPException, IncompleteRead
else:
    from http.client import BadStatusLine, HTTPException, IncompleteRead

if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, Mapping  # noqa: F401

    from ..protocol.message import Request  # noqa: F401
    from .connection import Pace  # noqa: F401
    from .pool import Body, Route, Wish  # noqa: F401
    from .proxy import Proxy

_log = logging.getLogger("ucloud.uvideo")

#: Bytes of one read; the interrupt is checked after each.
_PIECE = 262144
_FAILURES = (
    requests.RequestException,
    urllib3_errors.HTTPError,
    HTTPException,
    EnvironmentError,
    socket.error,
    ssl.SSLError,
    ssl.CertificateError,
)
#: Targets that urllib3 sends unchanged.  In others it adds escapes or changes their case.
_is_plain = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*\Z").match
_tunnel_status = re.compile(r"Tunnel connection failed: ([0-9]{3})").search
_number = re.compile(r"\[Errno (-?[0-9]+)\] ([^'\")>]*)").search


def check(name, value):
    # type: (str, object) -> None
    """InvalidArgument unless ``value`` is a requests.Session."""
    if not isinstance(value, requests.Session):
        raise InvalidArgument(u"%s must be a requests.Session, not a %s" % (name, type(value).__name__))


class _Masked(logging.Filter):
    """Masks signatures in urllib3's log lines."""

    def filter(self, record):
        # type: (logging.LogRecord) -> bool
        if isinstance(record.args, tuple):
            record.args = tuple([_mask(each) if isinstance(each, str) else each for each in record.args])
        return True


_mask = functools.partial(re.compile(r"(Signature=)[^&\s]+").sub, r"\1***")
for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_Masked())


class SessionTransport(pool.Transport):
    """A Transport over a requests.Session.  As thread-safe as the session; usable after a fork.

    ``timeout``: seconds to connect to an address, and seconds of silence.
    """

    def __init__(self, session, timeout):
        # type: (requests.Session, float) -> None
        super(SessionTransport, self).__init__(timeout)
        self._session, self._carrying = session, _but(session, _Carrying)

    def route(self, origin, anew=False):
        # type: (str, bool) -> Route
        """The route to an origin, with ``is_sure``: whether nobody on the way can change a response."""
        proxies = None if origin.startswith("https:") else self._settings(origin)["proxies"]
        return self._way(origin, proxies)  # type: ignore[return-value]  # it has what callers use of a Route

    def is_sure(self, origin):
        # type: (str) -> bool
        """As Transport.is_sure."""
        return self.route(origin).is_sure

    def _way(self, origin, proxies):
        # type: (str, Mapping[str, str] | None) -> _Way
        """A _Way.  ConfigurationError for an invalid proxy."""
        url = select_proxy(origin, proxies)
        proxy = None if url is None else failure_cause.proxy(url, origin, _NAMES)
        is_tls = origin.startswith("https:")
        is_sure = self._session.verify is not False if is_tls else stays_here(origin, proxy)
        return _Way(origin, proxy, is_tls, is_sure, _NAMES)

    def open(self, request, body=None, seconds=None, interrupt=None):
        # type: (Request, bytes | Body | None, float | None, Wish | None) -> pool.Stream
        """As Transport.open.  An interrupt takes effect after the next read, or after ``timeout`` if no bytes come."""
        pace = self.pace
        if seconds is not None:
            if seconds <= 0:
                raise DeadlineExceeded()
            pace = pace.anew(seconds)
        self._own_process()
        watch = _Watch(interrupt, pace)
        watch.check()
        prepared, settings, way = self._prepared(request, body, watch)
        timeout, failure = pace.left(), None
        try:
            response = self._carrying.send(prepared, timeout=(timeout, timeout), allow_redirects=False, **settings)
        except Exception as error:
            if not isinstance(error, _FAILURES) and not mocks.is_unmatched(error):
                raise
            response = getattr(error, "response", None)
            if not isinstance(error, requests.HTTPError) or response is None:  # a hook raised for the status
                failure = watch.wished() or _why(error, request, way, False)
        if failure is not None:  # raised outside of the except block, whose error holds the URL
            raise failure
        if not isinstance(response, requests.Response):
            raise ConfigurationError(u"the session gave a %s instead of a requests.Response" % type(response).__name__)
        if _log.isEnabledFor(logging.DEBUG):
            path = request.target.partition("?")[0]
            _log.debug("%s %s%s: %d", request.method, request.origin, path, response.status_code)
        return _stream(request, response, way, watch)

    def close(self):
        # type: () -> None
        """Does nothing: the session is the caller's."""

    def _own_process(self):
        # type: () -> None
        """After a fork, drop the parent's connections."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            for adapter in self._session.adapters.values():
                adapter.close()

    def _settings(self, url):
        # type: (str) -> Any  # a dict
        return self._carrying.merge_environment_settings(url, {}, True, None, None)

    def _prepared(self, request, body, watch):
        # type: (Request, bytes | Body | None, _Watch) -> tuple[requests.PreparedRequest, dict[str, Any], _Way]
        """(PreparedRequest, the session's settings for it, its _Way).

        ConfigurationError; InvalidArgument if requests would change the request.
        """
        body, pairs, _ = pool.framed([("Accept-Encoding", "identity")], request, body)
        wire.request_head(request.method, request.target, pairs)
        headers = CaseInsensitiveDict([(name, _field(value)) for name, value in pairs])
        if len(headers) != len(pairs):
            raise InvalidArgument(u"the request cannot be sent: requests cannot send a header twice")
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = request.method, request.origin + request.target
        prepared.headers, prepared._cookies = headers, _NONE  # type: ignore[assignment,attr-defined]  # requests sets both
        prepared.body = (body or None) if isinstance(body, bytes) else _Sent(body, watch)  # type: ignore[assignment]  # a file, to requests
        hooks = self._session.hooks.get("response") or []
        prepared.hooks = {"response": [hooks] if callable(hooks) else list(hooks)}
        settings = self._settings(prepared.url)
        way = self._way(request.origin, settings["proxies"])
        self._check_target(prepared, request, settings["proxies"])
        if callable(self._session.auth) and way.proxy is not None and not way.is_tls:  # never for the service
            _let_in(self._session.auth, prepared)
        return prepared, settings, way

    def _check_target(self, prepared, request, proxies):
        # type: (requests.PreparedRequest, Request, Mapping[str, str]) -> None
        """InvalidArgument if the target would be changed: behind a proxy, urllib3 resolves dot segments."""
        try:
            adapter = self._carrying.get_adapter(url=prepared.url)
        except requests.exceptions.InvalidSchema:
            return  # the session will report it
        if not hasattr(adapter, "request_url"):
            return  # it speaks no HTTP
        written = adapter.request_url(prepared, proxies)
        if not written.startswith("/"):
            written = parse_url(written).request_uri
        if written != request.target or not _is_plain(request.target):
            raise InvalidArgument(
                u"requests would change the path %s: use a handler without a session for this key"
                % to_text(request.target.partition("?")[0])
            )


#: What callers that expect a Route use of it.
_Way = NamedTuple(
    "_Way",
    [
        ("origin", "str"),
        ("proxy", "Proxy | None"),
        ("is_tls", "bool"),
        ("is_sure", "bool"),
        ("names", "dict[str, str]"),
    ],
)
_NAMES = {"bundle": u"session.verify", "proxies": u"session.proxies / http_proxy / https_proxy"}


class _Watch(object):
    """Ends a request early: an interrupt and a Pace."""

    def __init__(self, interrupt, pace):
        # type: (Wish | None, Pace) -> None
        self._interrupt, self._pace = interrupt, pace

    def limit(self, seconds):
        # type: (float | None) -> None
        """As Stream.limit."""
        self._pace = self._pace.anew(seconds)

    def check(self):
        # type: () -> None
        """Raise the interrupt's error, or socket.timeout if the time is over."""
        if self._interrupt is not None and self._interrupt.is_set():
            self._interrupt.check()
        self._pace.check()

    def wished(self):
        # type: () -> UVideoError | None
        """The interrupt's error if it is set, else None."""
        if self._interrupt is not None and self._interrupt.is_set():
            try:
                self._interrupt.check()
            except UVideoError as error:
                return error
        return None


# The session and its adapters, without what they would do on their own


def _but(thing, otherwise):
    # type: (object, type) -> Any
    """A copy of ``thing``, with all its state, that a mixin overrides."""
    kind = _kinds.get((otherwise, type(thing)))
    if kind is None:
        metaclass = type(type(thing))  # type: Any
        made = metaclass(native("Carrying"), (otherwise, type(thing)), {})
        kind = _kinds.setdefault((otherwise, type(thing)), made)
    made = object.__new__(kind)
    made.__dict__ = thing.__dict__
    return made


_kinds = {}  # type: dict[tuple[type, type], Any]


class _NoCookies(RequestsCookieJar):
    """A jar that stays empty."""

    def extract_cookies(self, *_):
        # type: (*object) -> None
        pass

    def set_cookie(self, *_, **__):
        # type: (*object, **object) -> None
        pass

    def copy(self):
        # type: () -> _NoCookies
        return self


_NONE = _NoCookies()


class _Carrying(object):
    """A session that keeps no cookies and follows no redirects, and whose adapters send once."""

    cookies = property(lambda self: _NONE, lambda self, _: None)

    @property
    def get_adapter(self):
        # type: () -> Callable[[str], object]
        session = super(_Carrying, self)  # type: Any
        find = self.__dict__.get("get_adapter") or session.get_adapter
        return lambda url: _sending_once(find(url))

    @get_adapter.setter
    def get_adapter(self, value):  # set by a mock
        # type: (object) -> None
        self.__dict__["get_adapter"] = value

    def resolve_redirects(self, *_, **__):
        # type: (*object, **object) -> Iterator[object]
        return iter(())

    def __del__(self):
        # type: () -> None
        """Does nothing: the original session may have something to close, this copy has not."""


_ONCE = Retry(0, read=False)


class _SendingOnce(object):
    """An adapter without retries: only the caller knows which operations may be repeated."""

    max_retries = property(lambda self: _ONCE, lambda self, _: None)

    def __del__(self):
        # type: () -> None
        """As in _Carrying."""


def _sending_once(adapter):
    # type: (object) -> object
    return _but(adapter, _SendingOnce) if isinstance(adapter, requests.adapters.HTTPAdapter) else adapter


def _let_in(auth, prepared):
    # type: (Callable[[requests.PreparedRequest], requests.PreparedRequest], requests.PreparedRequest) -> None
    """Apply the session's auth to a proxy.  The service gets our signature instead."""
    draft = prepared.copy()
    draft.body, draft.hooks = None, {"response": []}
    draft = auth(draft) or draft
    for name, value in draft.headers.items():
        if name.lower().startswith("proxy-"):
            prepared.headers[name] = value
    prepared.hooks["response"][:0] = [functools.partial(_if_proxy, hook) for hook in draft.hooks["response"]]


def _if_proxy(hook, response, *args, **options):
    # type: (Callable[..., object], requests.Response, *object, **object) -> object
    return hook(response, *args, **options) if response.status_code == 407 else response


# Sending


def _field(value):
    # type: (str) -> str | bytes
    """A header's value in a form that http.client sends as UTF-8."""
    return value if PY2 or all(char <= "~" for char in value) else value.encode("utf-8")


class _Sent(object):
    """A body for requests, urllib3, recorders and mocks."""

    def __init__(self, body, watch):
        # type: (Body, _Watch) -> None
        self._body, self._watch = body, watch  # type: Any, _Watch
        self._whole, self._place = None, 0  # type: io.BytesIO | None, int

    def read(self, size=-1):
        # type: (int | None) -> bytes | memoryview
        """The next bytes, possibly more than ``size``, b"" at the end; all bytes without ``size``."""
        if self._whole is None and (size is None or size < 0):
            pieces = [each.tobytes() if isinstance(each, memoryview) else each for each in self]
            self._whole = io.BytesIO(b"".join(pieces))
        if self._whole is not None:
            data = self._whole.read(size)  # type: bytes | memoryview
        else:
            self._watch.check()
            data = self._body.read()
        self._place += len(data)
        return data

    def __iter__(self):
        # type: () -> Iterator[bytes | memoryview]
        return iter(lambda: self.read(_PIECE), b"")

    def tell(self):
        # type: () -> int
        return self._place

    def seek(self, offset, whence=0):
        # type: (int, int) -> None
        """Seek to the current position or to the first byte."""
        place = offset + (self._place if whence == 1 else 0)
        if place == self._place:
            return
        if place or whence not in (0, 1):
            raise io.UnsupportedOperation("it can seek only to its beginning")
        if self._whole is not None:
            self._whole.seek(0)
        elif not self._body.rewind():
            raise io.UnsupportedOperation("the body cannot be read again")
        self._place = 0


# Receiving


def _stream(request, response, way, watch):
    # type: (Request, requests.Response, _Way, _Watch) -> pool.Stream
    """The Stream of a response."""
    exchange = _Exchange(request, response, way, watch)
    try:
        if response.status_code == 407:
            raise failure_cause.wants_password(way)
        answer = wire.read_head(_head(response), request.method)
        if answer.status < 200:
            raise ConfigurationError(
                u"status %d came from %s before the answer, and requests treats it as the answer: use no session "
                u"here"
                % (answer.status, way.origin),
                status=answer.status,
                sent=True,
            )
        answer.chunked = False  # http.client has decoded the chunks
        return pool.Stream(exchange, answer, b"")  # type: ignore[arg-type]  # it accepts both kinds of exchange
    except wire.Malformed as error:
        response.close()
        raise exchange.broken(error)
    except BaseException:
        response.close()
        raise


def _head(response):
    # type: (requests.Response) -> bytes
    """A response's head as bytes, to be checked by wire."""
    lines = [("HTTP/1.1 %d " % response.status_code).encode("ascii")]
    lines += [_octets(name) + b": " + _octets(value) for name, value in response.headers.items()]
    return b"\r\n".join(lines)


def _octets(value):
    # type: (str | bytes) -> bytes
    """The original bytes of a name or value, which http.client decodes as Latin-1."""
    if isinstance(value, bytes):
        return value
    try:
        return (u"%s" % value).encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8")


class _Exchange(object):
    """A response as Stream reads it."""

    def __init__(self, request, response, way, watch):
        # type: (Request, requests.Response, _Way, _Watch) -> None
        self._request, self._response, self._way, self._watch = request, response, way, watch
        self._read = _reader(response)

    def limit(self, seconds):
        # type: (float | None) -> None
        self._watch.limit(seconds)

    def receive(self, size):
        # type: (int) -> bytes
        failure = None
        try:
            self._watch.check()
            return self._read(min(size, _PIECE))
        except _FAILURES as error:
            failure = self.broken(error)
        raise failure

    def receive_into(self, view):
        # type: (memoryview) -> int
        data = self.receive(len(view))
        view[: len(data)] = data
        return len(data)

    def broken(self, error=None):
        # type: (BaseException | None) -> UVideoError
        """The UVideoError for a failure; the interrupt's error if that caused it."""
        return self._watch.wished() or _why(error or EOFError(), self._request, self._way, True)

    def end(self, keep):
        # type: (bool) -> None
        if keep:
            try:
                self._read(1)  # only by another read does urllib3 see the end and keep the connection
            except _FAILURES:
                pass
        self._response.close()


def _reader(response):
    # type: (requests.Response) -> Callable[[int], bytes]
    """A function that reads the raw body.  BadAnswer if a hook has read it already."""
    raw = response.raw
    if response._content is False and not response._content_consumed and raw is not None:  # type: ignore[comparison-overlap]  # False: not read
        return functools.partial(raw.read, decode_content=False) if hasattr(raw, "stream") else raw.read
    try:
        content = response.content or b""
    except RuntimeError:
        content = None
    if content is None or response.headers.get("Content-Encoding"):
        response.close()
        raise BadAnswer(u"a hook of the session has already read the answer: remove the hook", retryable=False)
    return io.BytesIO(content).read


# Failures


def _why(error, request, way, answered):
    # type: (BaseException, Request, _Way, bool) -> UVideoError
    """The UVideoError for a failure, without the request's URL, which may be signed.  ``answered``: a head came."""
    if mocks.is_unmatched(error):
        path = to_text(request.target.partition("?")[0])
        asked = u"%s %s%s" % (to_text(request.method), way.origin, path)
        return ConfigurationError(u"the mock of requests has no answer for " + asked)
    if isinstance(error, requests.exceptions.InvalidSchema):
        return ConfigurationError(u"the session has no adapter for %s" % way.origin)
    if isinstance(error, requests.exceptions.InvalidHeader):  # in the response; ours are valid
        error = wire.Malformed(u"its head is invalid")
    if isinstance(error, requests.RequestException):
        if isinstance(error, ValueError):
            return ConfigurationError(u"the session cannot reach %s: %s" % (way.origin, type(error).__name__))
    elif isinstance(error, EnvironmentError) and "invalid path" in _said(error):  # of the session's certificates
        return ConfigurationError(to_text(_said(error)))
    is_malformed = isinstance(error, wire.Malformed)
    found, leg = (error, failure_cause.REQUEST) if is_malformed else _met(list(_causes(error)), way)
    return failure_cause.judged(found, failure_cause.REQUEST if answered else leg, way, begun=answered)


def _causes(error):
    # type: (BaseException) -> Iterator[BaseException]
    """A failure of requests and its causes, outermost first."""
    waiting, seen = [error], set()  # type: list[object], set[int]
    while waiting:
        found = waiting.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += list(found.args)
        waiting += [getattr(found, name, None) for name in ("reason", "original_error", "__cause__", "__context__")]


_UNSENT = (urllib3_errors.ConnectTimeoutError, urllib3_errors.NewConnectionError, urllib3_errors.ProxyError)
_SILENT = (urllib3_errors.ReadTimeoutError, socket.timeout)


def _met(causes, way):
    # type: (list[BaseException], _Way) -> tuple[BaseException | None, int]
    """(the failure as our own connections would raise it, the step that failed)."""
    by_proxy = any(isinstance(each, urllib3_errors.ProxyError) for each in causes)
    for each in causes:
        if isinstance(each, (ssl.SSLError, ssl.CertificateError)):
            is_proxys = by_proxy and way.proxy is not None and way.proxy.is_tls
            return each, failure_cause.PROXY_TLS if is_proxys else failure_cause.TLS
        found = _tunnel_status(_said(each))
        if found is not None:
            return failure_cause.Denied(int(found.group(1))), failure_cause.TUNNEL
    number = next((each for each in [_numbered(each) for each in causes] if each is not None), None)
    if any(isinstance(each, _UNSENT) for each in causes):
        return ConnectError(number), failure_cause.HOST if way.proxy is None else failure_cause.PROXY
    if any(isinstance(each, _SILENT) for each in causes):
        return socket.timeout("timed out"), failure_cause.REQUEST
    for each in causes:
        if isinstance(each, BadStatusLine) and not _is_end(each):
            return wire.Malformed(u"the status line is not one of HTTP/1"), failure_cause.REQUEST
        if isinstance(each, HTTPException) and not isinstance(each, (IncompleteRead, BadStatusLine)):
            return wire.Malformed(u"Python's http.client says %s" % type(each).__name__), failure_cause.REQUEST
    return number, failure_cause.REQUEST


def _is_end(error):
    # type: (BadStatusLine) -> bool
    """Whether there is no status line because no bytes came."""
    line = getattr(error, "line", "")
    return isinstance(error, EnvironmentError) or line in ("", "''") or line.startswith("No status line")


def _numbered(error):
    # type: (BaseException) -> EnvironmentError | None
    """The system's error inside an error of urllib3; on Python 2.7 only its text is left."""
    if isinstance(error, requests.RequestException):
        return None
    if isinstance(error, (EnvironmentError, socket.error)) and getattr(error, "errno", None) is not None:
        return error
    found = _number(_said(error))
    return socket.error(int(found.group(1)), found.group(2)) if found else None


def _said(error):
    # type: (BaseException) -> str
    try:
        return str(error)
    except UnicodeError:
        return ""
