"""What the published handlers share: a key pair, a copy of the settings, and (ret, resp) made of results and errors."""

from __future__ import absolute_import, division, print_function

import functools
import json

from . import __version__
from .carrier import Carrier, Endpoint
from .config import settings
from .protocol.answer import SESSION, unquoted
from .protocol.errors import IntegrityError, InvalidArgument, NoAnswer, UVideoError
from .protocol.signature import Credentials
from .protocol.text import is_text, native, to_text
from .retry import Retry
from .transport import USER_AGENT, Transport

#: status_code where the service gave no answer: the network; resume may continue.
NO_ANSWER = -1
#: status_code where content does not verify.
NOT_VERIFIED = -2
#: status_code where the caller's side failed: a bad argument, a missing file, a full disk.  Nothing was sent in vain.
LOCAL = -3


class ResponseInfo(object):
    """What the service answered, or why there is no answer.

    status_code: the HTTP status; -1 no answer, -2 the content does not verify, -3 the caller's side failed.
    error: text, None if all went well.  ret_code: the RetCode, None without one.  etag: without quotes.
    content_type, content_length (int), content_range, x_session_id: of the answer's headers, None where absent.
    content: the answer's body as bytes, None for a download into a file.
    """

    def __init__(self, status_code, headers=None, content=None, error=None, ret_code=None):
        self.status_code, self.content, self.ret_code = status_code, content, ret_code
        self.error = None if error is None else native(error)
        get = headers.get if headers is not None else lambda name: None
        self.etag = unquoted(get("ETag"))
        self.content_type = get("Content-Type")
        length = get("Content-Length")
        self.content_length = int(length) if length and length.strip().isdigit() else None
        self.content_range = get("Content-Range")
        self.x_session_id = get(SESSION)

    def ok(self):
        """True if the service did what was asked and all was verified."""
        return 200 <= self.status_code <= 299 and self.error is None

    def __repr__(self):
        return "<ResponseInfo status_code=%s ret_code=%s error=%r>" % (self.status_code, self.ret_code, self.error)

    __str__ = __repr__


def succeeded(status, headers, content=None):
    """(ret, resp) of a good answer: ret is the JSON object of its body, {} without one."""
    ret = {}
    if content and (headers.get("Content-Type") or "").lower().startswith("application/json"):
        try:
            ret = json.loads(content.decode("utf-8"))
        except ValueError:
            ret = {}
    resp = ResponseInfo(status, headers, content)
    if isinstance(ret, dict) and isinstance(ret.get("RetCode"), int):
        resp.ret_code = ret["RetCode"]
    return ret, resp


def failed(error):
    """(ret, resp) of a UVideoError.  ret is None, but a management answer's dict."""
    response = getattr(error, "response", None)
    if isinstance(error, IntegrityError):
        status = NOT_VERIFIED
    elif isinstance(error, NoAnswer):
        status = NO_ANSWER
    else:
        status = error.status if error.status is not None else LOCAL
    headers = response.headers if response is not None else None
    content = response.content if hasattr(response, "content") else getattr(response, "body", None)
    resp = ResponseInfo(status, headers, content, error.message, error.ret_code)
    resp.x_session_id = resp.x_session_id or error.request_id
    ret = None
    if status == 200 and content:  # the management plane says no with HTTP 200
        ret = succeeded(status, headers, content)[0]
    return ret, resp


def answers(method):
    """Make a method that returns (ret, resp), or raises a UVideoError, always return (ret, resp)."""

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except UVideoError as error:
            return failed(error)

    return wrapper


class Handler(object):
    """A key pair and a copy of the settings.  Safe to share between threads; usable after a fork.

    public_key, private_key: non-empty text.  upload_suffix, download_suffix: instead of config's.  Raises ValueError.
    """

    def __init__(self, public_key, private_key, upload_suffix=None, download_suffix=None):
        for name, value in (("public_key", public_key), ("private_key", private_key)):
            if not is_text(value) or not value.strip():
                raise InvalidArgument(u"%s must be the text of a key, not empty" % name)
        try:
            credentials = Credentials(to_text(public_key), to_text(private_key))
        except UnicodeError:
            raise InvalidArgument(u"the keys must be UTF-8 text")
        if any(char <= u" " or char == u":" for char in credentials.public_key):
            raise InvalidArgument(u"public_key holds a blank, a colon or a control character: was it pasted whole?")
        self._settings = settings(upload_suffix, download_suffix)
        agent = self._settings.user_agent or "uvideo-python/%s %s" % (__version__, USER_AGENT)
        endpoint = Endpoint(
            self._settings.upload,
            self._settings.download,
            self._settings.api,
            self._settings.word,
            self._settings.space_parameter,
            self._settings.video_actions,
            native(agent),
        )
        self._carrier = Carrier(
            endpoint, credentials, Transport(self._settings.timeout), Retry(self._settings.retries)
        )

    def __repr__(self):
        return "<%s %s>" % (type(self).__name__, native(self._carrier.credentials.public_key))


def header_pairs(header):
    """((name, value), ...) of a caller's header dict, which stays untouched.  InvalidArgument."""
    if header is None:
        return ()
    try:
        pairs = [(native(name), native(value if is_text(value) else u"%s" % value)) for name, value in header.items()]
    except (AttributeError, TypeError, UnicodeError):
        raise InvalidArgument(u"header must be a dict of text")
    for name, value in pairs:
        if not name or any(char in "\r\n\0" for char in name + value):
            raise InvalidArgument(u"the header %r holds a line break or no name" % name)
        if name.lower() in ("authorization", "content-length", "host", "bucket", "transfer-encoding"):
            raise InvalidArgument(u"the header %s is made by the SDK and cannot be given" % to_text(name))
    return tuple(pairs)
