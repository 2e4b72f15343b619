"""Errors as responses, in both directions, and responses that somebody else sent in the service's place.

Source: data-plane.md section 2.
"""

from __future__ import absolute_import, division, print_function

import re

from .cause import said, told
from .compat import TYPE_CHECKING, is_integer, printable, to_text, whole
from .dates import parse_date
from .errors import refusal
from .field import SESSION
from .json_document import document, json_answer
from .page import coding, is_page, title

if TYPE_CHECKING:
    from typing import Any, NoReturn  # noqa: F401

    from .errors import UVideoError  # noqa: F401
    from .message import Headers, Response  # noqa: F401

#: What a status means that comes without a text, as to a HEAD.
_REASONS = {
    401: u"the signature is wrong or has expired",
    403: u"the key is unknown, or may not do this",
}


def encode_error(error):
    # type: (UVideoError) -> Response
    """The Response for an error (a UVideoError with a status)."""
    assert error.status is not None
    pairs = [] if error.retry_after is None else [("Retry-After", "%d" % error.retry_after)]
    return json_answer({"RetCode": error.ret_code, "ErrMsg": error.message}, pairs, error.status)


def raise_refusal(response, now=None, **context):
    # type: (Response, float | None, **object) -> NoReturn
    """Raise the error of a response.

    Without the service's form it is no refusal: BadAnswer, or ConfigurationError if a retry cannot help.
    """
    found = document(response)
    if (300 <= response.status <= 399 and response.status != 304) or not _is_own(response, found):
        raise stranger(response, now, **context)
    ret_code = message = None
    if found is not None:
        ret_code = found.get("RetCode") if is_integer(found.get("RetCode")) else None
        message = found.get("ErrMsg") or found.get("Message")
    if message is None and response.body:
        message = _unformed(response)
    error = refusal(
        response.status,
        ret_code,
        readable(message) or _untold(response.status),
        request_id=response.headers.get(SESSION),
        retry_after=retry_after(response.headers, now),
        **context
    )
    if ret_code is None:
        error.ret_code = None  # the class's default, which was not sent
    raise error


def _untold(status):
    # type: (int) -> str
    """The text of a response that has none."""
    text = u"the service answered %d" % status
    return u"%s: %s" % (text, _REASONS[status]) if status in _REASONS else text


def stranger(response, now=None, **context):
    # type: (Response, float | None, **object) -> UVideoError
    """The UVideoError for a response that somebody else sent in the service's place: a proxy, a captive portal."""
    status, headers = response.status, response.headers
    context["status"] = status
    if status in (301, 308):
        return told("moved", None, context, status=status, reason=_elsewhere(headers, False))
    if 300 <= status <= 399:
        return told("login", None, context, status=status, reason=_elsewhere(headers, True))
    if status == 407:
        return told("auth-on-the-way", None, context)
    reason = _unreadable(response)
    if not reason:
        shown = said(title(headers, response.body))
        reason = u'"%s"' % shown if shown else u"a page without a title" if response.body else u"an empty body"
    context["retry_after"] = retry_after(headers, now)
    if status < 500 and status not in (408, 429):
        return told("too-long" if status == 413 else "page", None, context, status=status, reason=reason)
    found = told("gateway", None, context, status=status, reason=reason)
    del context["status"]
    error = refusal(status, None, found.message, cause=found.cause, **context)
    error.ret_code, error.facts = None, found.facts
    return error


_ORIGIN = re.compile(
    r"(?:(https?):)?//(?:[^/?#]*@)?"  # may contain a user name and password
    r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?(?=[/?#]|\Z)",
    re.I,
)
#: A path that contains no other URL, and so no signature.
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._~/-]{0,100})(?=[?#]|\Z)")


def _elsewhere(headers, with_path):
    # type: (Headers, bool) -> str
    """A redirect's target as text: scheme, host and perhaps a plain path, as the rest may quote a signature."""
    location = (headers.get("Location") or "").strip()
    if not location:
        return u"nowhere (no Location)"
    found = _ORIGIN.match(location)
    plain = _PLAIN_PATH.match(location[found.end() if found else 0 :])
    path = to_text(plain.group(1)) if plain and with_path else u""
    if found:
        scheme = found.group(1).lower() + "://" if found.group(1) else ""
        return to_text(scheme + found.group(2) + (found.group(3) or "")) + path
    if location.startswith("/"):
        return u"another path of the same host%s" % (path and u", " + path)
    return u"an address that cannot be read"


def _is_own(response, found):
    # type: (Response, dict[str, Any] | None) -> bool
    """Whether a refusal has the service's form.  ``found``: its JSON object, or None.

    That is the service's session header or JSON; or an empty body, as for HEAD, without a page's media type.  An S3
    gateway in front of the service sends XML.
    """
    headers = response.headers
    if headers.get(SESSION) is not None:
        return True
    if headers.get("WWW-Authenticate") is not None:
        return False
    if found is not None:
        return "RetCode" in found or "ErrMsg" in found
    if response.body:
        return _S3_ERROR(response.body[:8192]) is not None
    return not is_page(headers, b"")


#: An S3 gateway's error.
_S3_ERROR = re.compile(
    br"\s*(?:<\?xml[^<>]{0,200}\?>)?\s*<Error[^<>]{0,200}>\s*<Code>([^<]{1,200})</Code>\s*(?:<Message>([^<]{0,500})|)"
).match


def _unreadable(response):
    # type: (Response) -> str
    """Why the body cannot be read, as text; u"" if it can."""
    code = coding(response.headers) if response.body else u""
    return code and u"a body with %s, which the client did not request" % code


def _unformed(response):
    # type: (Response) -> str
    """The message of a body that is not JSON."""
    unreadable = _unreadable(response)
    if unreadable:
        return unreadable
    found = _S3_ERROR(response.body[:8192])
    if found:
        return b": ".join([part for part in found.groups() if part]).decode("utf-8", "replace")
    if is_page(response.headers, response.body):
        return title(response.headers, response.body)
    return response.body[:200].decode("utf-8", "replace")


def retry_after(headers, now=None):
    # type: (Headers, float | None) -> float | None
    """Seconds of a Retry-After header, also of one with a date if ``now`` is given; None without one."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    seconds = whole(value.strip())
    if seconds is not None:
        return min(seconds, 10**9)
    date = parse_date(value)
    return None if date is None or now is None else max(0, date - now)


def readable(message):
    # type: (object) -> str | None
    """A response's message as short text without control characters; None if it is empty."""
    if message is None or isinstance(message, (list, dict)):
        return None
    shown = to_text(message) if isinstance(message, bytes) else u"%s" % message
    return printable(shown[:500]).strip() or None
