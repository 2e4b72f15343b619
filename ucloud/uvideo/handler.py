"""The base of the published handlers: a key pair, a copy of the settings, and (ret, resp) from results and errors."""

from __future__ import absolute_import, division, print_function

import functools
import logging
import threading

from .config import DEFAULTS, USER_AGENT, check_session
from .engine.carrier import Carrier, Endpoint
from .engine.retry import Retry
from .engine.validation import header_pairs
from .http.connection import ticks
from .http.pool import Transport
from .http.trust import Certificate
from .protocol.byterange import parse_content
from .protocol.compat import TYPE_CHECKING, is_integer, is_text, native, printable, to_text, whole
from .protocol.errors import (
    BadAnswer,
    ConfigurationError,
    IntegrityError,
    InvalidArgument,
    NoAnswer,
    NotFound,
    UVideoError,
)
from .protocol.field import RESTORE, SESSION, unquoted
from .protocol.json_document import document
from .protocol.location import check_key, check_space
from .protocol.message import Headers, Response
from .protocol.provider import parse_suffix
from .protocol.signature import Credentials, authorization

if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, TypeVar  # noqa: F401

    from requests import Session  # noqa: F401

    from .config import HandlerSettings  # noqa: F401
    from .protocol.operation import Finished  # noqa: F401

    _T = TypeVar("_T")
    M = TypeVar("M", bound=Callable[..., Any])
    _Answer = tuple[dict[str, Any] | None, "ResponseInfo"]

_log = logging.getLogger("ucloud.uvideo")

#: status_code if there is no response, or not the service's (a captive portal's); resume may continue.
NO_ANSWER = -1
#: status_code if the content is wrong.
NOT_VERIFIED = -2
#: status_code if the caller's side failed: a bad argument, a missing file, a full disk, or a setting (of a proxy, of
#: certificates) with which the service cannot be reached.
LOCAL = -3


class ResponseInfo(object):
    """The service's response, or why there is none.

    status_code: the HTTP status; -1 no response or not the service's, -2 wrong content, -3 the caller's side failed.
    error: text, None if all went well.  ret_code: the RetCode, None without one.  etag: without quotes.
    content_type, content_length (int), content_range, x_session_id: from the response's headers, None if absent.
    content: the response's body as bytes, None for a download into a file.
    md5: the response's Content-MD5.  x_ufile_restore: the state of a restore.  exception: why there is no response.
    headers: of the response; ``headers.get(name)`` ignores case.  None without a response.
    """

    exception = None  # type: NoAnswer | None

    def __init__(self, status_code, headers=None, content=None, error=None, ret_code=None):
        # type: (int, Any, bytes | None, str | None, int | None) -> None  # headers: has get(name)
        self.status_code, self.content, self.ret_code = status_code, content, ret_code  # type: int, bytes | None, int | None
        self.error, self.headers = None if error is None else native(error), headers  # type: str | None, Any
        get = headers.get if headers is not None else lambda name: None
        self.etag = unquoted(get("ETag"))  # type: str | None
        self.content_type = get("Content-Type")  # type: str | None
        length = get("Content-Length")
        self.content_length = whole(length.strip()) if length else None  # type: int | None
        self.content_range = get("Content-Range")  # type: str | tuple[int, int] | None
        self.x_session_id = get(SESSION)  # type: str | None
        self.md5 = get("Content-MD5")  # type: str | None
        self.x_ufile_restore = get(RESTORE)  # type: str | None

    def ok(self):
        # type: () -> bool
        """True if the operation succeeded and everything was verified."""
        return 200 <= self.status_code <= 299 and self.error is None

    def need_retry(self):
        # type: () -> bool
        """True if there was no response, so that the same call may succeed later."""
        return self.status_code == NO_ANSWER

    def __repr__(self):
        # type: () -> str
        return "<ResponseInfo status_code=%s ret_code=%s error=%r>" % (self.status_code, self.ret_code, self.error)

    __str__ = __repr__


def succeeded(status, headers, content=None):
    # type: (int, Any, bytes | None) -> tuple[dict[str, Any], ResponseInfo]  # headers: has get(name)
    """(ret, resp) of a success.  ret: the JSON object of the body, {} without one."""
    ret = {}
    if content and (headers.get("Content-Type") or "").lower().startswith("application/json"):
        ret = document(Response(status, headers, content)) or {}
    resp = ResponseInfo(status, headers, content)
    if is_integer(ret.get("RetCode")):
        resp.ret_code = ret["RetCode"]
    return ret, resp


def paired(answer):
    # type: (tuple[_T, ResponseInfo]) -> tuple[_T, ResponseInfo]
    """(ret, resp) with content_range as (first, last), as in the official SDK, in place of the header's text."""
    resp = answer[1]
    found = parse_content(resp.content_range)  # type: ignore[arg-type]  # the text of the header
    resp.content_range = None if found is None else found[:2]
    return answer


def stored_as(finished, response):
    # type: (Finished, Response) -> tuple[dict[str, Any], ResponseInfo]
    """(ret, resp) of a Finished and its Response.  If an earlier try finished the upload, the Response is a HEAD's."""
    ret, resp = succeeded(response.status, response.headers, response.body)
    return ret or {"Bucket": finished.space, "Key": finished.key, "FileSize": finished.size}, resp


def failed(error):
    # type: (UVideoError) -> _Answer
    """(ret, resp) of a UVideoError, which is logged here, once.  ret: None, or a management response's dict."""
    response = getattr(error, "response", None)
    if isinstance(error, IntegrityError):
        status = NOT_VERIFIED
    elif isinstance(error, ConfigurationError):
        status = LOCAL
    elif isinstance(error, (NoAnswer, BadAnswer)):
        status = NO_ANSWER
    else:
        status = error.status if error.status is not None else LOCAL
    headers = response.headers if response is not None else None
    content = getattr(response, "content", getattr(response, "body", None))
    resp = ResponseInfo(status, headers, content, _message(error), error.ret_code)
    resp.x_session_id = resp.x_session_id or error.request_id
    if isinstance(error, ConfigurationError):
        resp.exception = ConfigurationError(error.message)  # the original error holds the request's body
    elif status == NO_ANSWER:
        resp.exception = NoAnswer(error.message)
    _log.error(
        "%s %s/%s failed: %s ret_code=%s request=%s: %s",
        *[_line(each) for each in (error.operation, error.space, error.key, status)]
        + [_line(each) for each in (error.ret_code, resp.x_session_id, error.message)]
    )
    ret = None
    if status == 200 and content:  # the management API reports errors with HTTP 200
        ret = succeeded(status, headers, content)[0]
    return ret, resp


def _message(error):
    # type: (UVideoError) -> str
    """The error's text; of a missing object with space and key, which the service's text does not have."""
    is_own = error.operation not in ("CopyObject", "CopyPart", "UploadHit")  # their key is that of the new object
    if isinstance(error, NotFound) and error.key and is_own:
        return printable(u"%s: %s/%s" % (error.message, to_text(error.space or u""), to_text(error.key)))
    return error.message


def _line(value):
    # type: (object) -> str
    """A value for a log line, "-" for None."""
    if isinstance(value, bytes):  # a name on Python 2.7
        value = value.decode("utf-8", "replace")
    return "-" if value is None else native(printable(u"%s" % (value,)))


def answers(method):
    # type: (M) -> M
    """Decorate a method that returns (ret, resp) or raises UVideoError: it always returns (ret, resp), and logs it."""
    names = method.__code__.co_varnames[1 : method.__code__.co_argcount]

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        # type: (Handler, *object, **object) -> _Answer
        began = ticks()
        try:
            answer = method(self, *args, **kwargs)
        except UVideoError as error:
            error.operation = error.operation or method.__name__
            answer = failed(error)
        else:
            if _log.isEnabledFor(logging.INFO):
                given = dict(zip(names, args), **kwargs)
                about = [given[name] for name in ("bucket", "space", "name", "key") if given.get(name) is not None]
                _log.info(
                    "%s %s: %s in %.3f s request=%s",
                    method.__name__,
                    "/".join([_line(each) for each in about]) or "-",
                    answer[1].status_code,
                    ticks() - began,
                    _line(answer[1].x_session_id),
                )
        return self._told(*answer)

    return wrapper  # type: ignore[return-value]  # it is called as the method is


def also(**others):
    # type: (**str) -> Callable[[M], M]
    """Decorate a method to take arguments under other names, too: ``other="own"``."""

    def decorate(method):
        # type: (M) -> M
        @functools.wraps(method)
        def wrapper(self, *args, **kwargs):
            # type: (Handler, *object, **object) -> _Answer
            for other in [name for name in others if name in kwargs]:
                own = others[other]
                if own in kwargs:
                    raise TypeError("%s() got %s and %s, two names of one argument" % (method.__name__, own, other))
                kwargs[own] = kwargs.pop(other)
            answer = method(self, *args, **kwargs)  # type: _Answer
            return answer

        return wrapper  # type: ignore[return-value]  # as above

    return decorate


class Handler(object):
    """A key pair and a copy of the settings.  Safe to share between threads; usable after a fork.

    public_key, private_key: non-empty text.  upload_suffix, download_suffix, session: in place of config's.  Raises
    ValueError.  The settings are copied at the first call; later changes of config have no effect on this handler.
    Pickling and copying count as a call.  A pickle has the keys and the settings, with the session as it pickles
    itself, but not the connections and unfinished uploads.
    """

    _defaults = DEFAULTS

    def __init__(self, public_key, private_key, upload_suffix=None, download_suffix=None, session=None):
        # type: (str, str, str | None, str | None, Session | None) -> None
        for name, value in (("upload_suffix", upload_suffix), ("download_suffix", download_suffix)):
            if value is not None:  # empty would mean the provider's host
                parse_suffix(value, name)
        if session is not None:
            check_session(u"session", session)
        self._session = session
        self._make(_credentials(public_key, private_key), (upload_suffix, download_suffix))

    def _make(self, credentials, suffixes=(), chosen=None):
        # type: (Credentials, tuple[str | None, ...], HandlerSettings | None) -> None
        """Initialize with these keys and no uploads.  ``chosen``: its settings, if they are copied already."""
        self._guard = threading.Lock()
        self._credentials, self._suffixes = credentials, suffixes
        self._chosen, self._carries = chosen, None  # type: HandlerSettings | None, Carrier | None

    def _told(self, ret, resp):
        # type: (dict[str, Any] | None, ResponseInfo) -> _Answer
        """(ret, resp) in the form that this handler's callers expect."""
        return ret, resp

    def _copied(self):
        # type: () -> tuple[HandlerSettings, Carrier]
        """(HandlerSettings, Carrier), created at the first call."""
        if self._chosen is not None and self._carries is not None:
            return self._chosen, self._carries
        with self._guard:
            if self._chosen is None:
                chosen = self._defaults.settings(*self._hosts())
                self._chosen = chosen if self._session is None else chosen._replace(session=self._session)
            if self._carries is None:
                self._carries = self._carrier_of(self._chosen)
            return self._chosen, self._carries

    def _hosts(self):
        # type: () -> tuple[str | None, ...]
        """This handler's own hosts, as arguments for Defaults.settings."""
        return self._suffixes

    def _carrier_of(self, chosen):
        # type: (HandlerSettings) -> Carrier
        endpoint = Endpoint(
            chosen.upload,
            chosen.download,
            chosen.api,
            chosen.word,
            chosen.space_parameter,
            chosen.video_actions,
            native(chosen.user_agent or USER_AGENT),  # a pickle may be older than this default
        )
        return Carrier(endpoint, self._credentials, _transport_of(chosen), Retry(chosen.retries))

    @property
    def _settings(self):
        # type: () -> HandlerSettings
        return self._copied()[0]

    @property
    def _carrier(self):
        # type: () -> Carrier
        return self._copied()[1]

    def __getstate__(self):
        # type: () -> dict[str, Any]
        return {"credentials": tuple(self._credentials), "settings": self._settings}

    def __setstate__(self, state):
        # type: (dict[str, Any]) -> None
        self._make(Credentials(*state["credentials"]), chosen=state["settings"])

    def close(self):
        # type: () -> None
        """Close the idle connections, but not a session.  A later call opens new ones."""
        if self._carries is not None:
            self._carries.transport.close()

    def __enter__(self):
        # type: (_T) -> _T
        return self

    def __exit__(self, *_):
        # type: (*object) -> None
        self.close()

    def set_keys(self, public_key, private_key):
        # type: (str, str) -> None
        """Sign with these keys from the next request on.  Raises ValueError."""
        credentials = _credentials(public_key, private_key)
        with self._guard:
            self._credentials = credentials
            if self._carries is not None:
                self._carries.credentials = credentials

    def __repr__(self):
        # type: () -> str
        return "<%s %s>" % (type(self).__name__, native(self._credentials.public_key))


def _transport_of(chosen):
    # type: (HandlerSettings) -> Transport
    """The Transport for HandlerSettings."""
    certificate = None
    if chosen.client_cert is not None:
        certificate = Certificate(chosen.client_cert, chosen.client_key, chosen.client_key_password)
    if chosen.session is None:
        return Transport(chosen.timeout, authorities=chosen.ca_bundle, certificate=certificate, proxy=chosen.proxy)
    if certificate is not None or chosen.ca_bundle is not None or chosen.proxy is not None:
        raise InvalidArgument(
            u"a session has its own settings of proxies and certificates: set its proxies, verify and cert, and "
            u"unset ca_bundle, client_cert and proxy"
        )
    from .http.requests_session import SessionTransport  # this import loads requests

    return SessionTransport(chosen.session, chosen.timeout)


def _credentials(public_key, private_key):
    # type: (str, str) -> Credentials
    for name, value in (("public_key", public_key), ("private_key", private_key)):
        if not is_text(value) or not value.strip():
            raise InvalidArgument(u"%s must be text and not empty" % name)
    try:
        credentials = Credentials(to_text(public_key), to_text(private_key))
    except UnicodeError:
        raise InvalidArgument(u"the keys must be UTF-8 text")
    if credentials.private_key.endswith((u"\n", u"\r")):
        raise InvalidArgument(u"private_key ends with a line break, probably from a file: remove it with .strip()")
    if any(char <= u" " or char == u":" for char in credentials.public_key):
        raise InvalidArgument(
            u"public_key contains a blank, a colon or a control character: check that it was copied correctly"
        )
    return credentials


class Signer(Handler):
    """A Handler that also returns signatures, for the caller's own requests."""

    def authorization(self, method, bucket, key, header=None, mime_type=None, action=None, url_param=None):
        # type: (str, str, str, Mapping[str, str] | None, str | None, str | None, Mapping[str, str] | None) -> str
        """The Authorization header of a request.  Raises ValueError.

        method: in any case.  key: empty for a listing.  header: the headers to be sent; Content-MD5, Content-Type, Date
        and X-UCloud-* are signed.  mime_type: in place of header's Content-Type.  action, url_param: accepted but not
        used; the service accepts a plain signature for a listing.
        """
        return self._sign(method, bucket, key, header, mime_type, "Date")

    def signature(self, bucket, key, method="get", header=None, mime_type=None):
        # type: (str, str, str, Mapping[str, str] | None, str | None) -> str
        """The Signature of a URL that expires at header's Expires, in Unix seconds.  Not escaped.  ValueError."""
        return self._sign(method, bucket, key, header, mime_type, "Expires").rpartition(":")[2]

    def _sign(self, method, bucket, key, header, mime_type, date):
        # type: (str, str, str, Mapping[str, str] | None, str | None, str) -> str
        given = Headers(header_pairs(header))
        pairs = [pair for pair in given if pair[0].lower() not in ("date", "content-type")]
        pairs.append(("Date", given.get(date, "")))
        pairs.append(("Content-Type", native(mime_type) if mime_type is not None else given.get("Content-Type", "")))
        space, key = check_space(bucket), check_key(key) if key else u""
        if not is_text(method):
            raise InvalidArgument(u"method is a %s; a str is needed" % type(method).__name__)
        return authorization(
            self._credentials, native(method).upper(), space, key, Headers(pairs), self._settings.word
        )
