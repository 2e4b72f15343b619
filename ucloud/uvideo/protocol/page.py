"""The title or first text of a web page that came in place of a response."""

from __future__ import absolute_import, division, print_function

import re

from .cause import told
from .compat import TYPE_CHECKING, to_text

if TYPE_CHECKING:
    from .message import Headers  # noqa: F401

_LOOKED_AT = 16384  # bytes; a title is near the beginning
_TEXT = 2048
_KIND = re.compile(r"text/html|application/xhtml", re.I)
_MARKUP = re.compile(br"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|title|h1)\b", re.I)
_TITLE = re.compile(br"<title[^<>]{0,200}>([^<]{1,1000})", re.I)
_UNSEEN = re.compile(br"<(script|style)\b[^<]*(?:</\1>)?", re.I)
_TAG = re.compile(br"<[^<>]*>")
_CHARSET = re.compile(r"charset=[\"']?([A-Za-z0-9-]{1,20})", re.I)
#: Besides UTF-8.  Other names are never passed to a decoder, as some decoders unpack or compute.
_CHARSETS = {"gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030", "big5": "big5", "iso-8859-1": "latin-1"}
_ENTITIES = ((u"&lt;", u"<"), (u"&gt;", u">"), (u"&quot;", u'"'), (u"&#39;", u"'"), (u"&nbsp;", u" "), (u"&amp;", u"&"))


def is_page(headers, body):
    # type: (Headers, bytes) -> bool
    """Whether it is a web page, by media type or first bytes.  A response to HEAD has only the media type."""
    kind = headers.get("Content-Type")
    return bool(kind and _KIND.match(kind) or body and _MARKUP.match(body[:200]))


def coding(headers):
    # type: (Headers) -> str
    """The Content-Encoding as text, u"" for none.  Our clients never request one."""
    value = (headers.get("Content-Encoding") or "").strip()
    return u"" if value.lower() in ("", "identity") else u"Content-Encoding: " + to_text(value)


def check_coding(headers, status):
    # type: (Headers, int) -> None
    """ConfigurationError if a proxy encoded a response: its bytes are then not those that the service sent."""
    code = coding(headers)
    if code:
        raise told("encoded", None, {"status": status, "sent": True}, reason=code)


def title(headers, body):
    # type: (Headers, bytes) -> str
    """The title or first text of a page or another body; u"" if there is none.  May have control characters."""
    body = body[:_LOOKED_AT]
    found = _TITLE.search(body)
    shown = found.group(1) if found else _TAG.sub(b" ", _UNSEEN.sub(b" ", body[:_TEXT]))
    text = shown.decode(_charset(headers, body), "replace")
    for name, char in _ENTITIES:
        text = text.replace(name, char)
    return text.strip()


def _charset(headers, body):
    # type: (Headers, bytes) -> str
    named = _CHARSET.search(headers.get("Content-Type") or "") or _CHARSET.search(body[:1024].decode("latin-1"))
    return _CHARSETS.get(named.group(1).lower(), "utf-8") if named else "utf-8"
