"""The older SDK's ResponseInfo."""

from __future__ import absolute_import, division, print_function

import re  # noqa: F401  the older SDK's module has these names too

from ..logger import logger  # noqa: F401
from ..uvideo import handler
from ..uvideo.protocol.byterange import parse_content
from ..uvideo.protocol.compat import TYPE_CHECKING, is_integer
from ..uvideo.protocol.json_document import document
from ..uvideo.protocol.message import Headers, Response
from . import config  # noqa: F401

if TYPE_CHECKING:
    from typing import Any  # noqa: F401


class ResponseInfo(handler.ResponseInfo):
    """The service's response, or why there is none.

    As ucloud.uvideo's, but etag and content_length are the headers' text, the etag with its quotes; content_range is
    (first, last); ret_code is -1 if the service refused without one.

    response: of requests or of this SDK, None if there is none; exception is the reason.  content_consumed: do not keep
    the content.
    """

    def __init__(self, response, exception=None, content_consumed=False):
        # type: (Any, BaseException | None, bool) -> None  # response: of requests or of this SDK, or None
        self.exception = exception  # type: ignore[assignment]  # here it may be any exception
        if response is None:
            super(ResponseInfo, self).__init__(handler.NO_ANSWER, error=_said(exception))
            return
        headers = Headers((response.headers or {}).items()) if isinstance(response.headers, dict) else response.headers
        content = None if content_consumed else response.content
        error, code = getattr(response, "error", None), getattr(response, "ret_code", None)
        status = response.status_code
        if error is None and not 200 <= status <= 299:
            said = document(Response(status, headers, content or b"")) or {}
            error, code = said.get("ErrMsg", u"unknown error"), said.get("RetCode")
        if status >= 300 and not is_integer(code):
            code = -1
        super(ResponseInfo, self).__init__(status, headers, content, error, code)
        self.x_session_id = getattr(response, "x_session_id", self.x_session_id)
        given = self.content_range  # type: Any  # the text of the header
        found = (parse_content(given) or (None,))[:2] if given else None  # type: Any  # (None,) for no range
        self.content_range = found
        if headers is not None:
            self.etag = headers.get("ETag")
            self.content_length = headers.get("Content-Length")  # type: ignore[assignment]  # here it is text

    def __str__(self):
        # type: () -> str
        return ", ".join(["%s: %s" % (name, getattr(self, name)) for name in _SHOWN])

    __repr__ = __str__


def _said(exception):
    # type: (BaseException | None) -> str
    try:
        return u"%s" % (exception,)
    except UnicodeError:  # bytes that are not ASCII, on Python 2.7
        data = str(exception)  # type: Any
        return u"%s" % data.decode("utf-8", "replace")


_SHOWN = (
    "status_code error ret_code x_session_id content_type content_length content_range etag exception".split()
)
