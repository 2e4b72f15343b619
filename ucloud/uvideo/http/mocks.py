"""Detects active mocks of `requests`, so that a test never reaches the real service by mistake.

A library counts if its patch is active, not if it is imported.
"""

from __future__ import absolute_import, division, print_function

import sys

from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import ConfigurationError

if TYPE_CHECKING:
    from types import FunctionType  # noqa: F401
    from typing import Any, Callable  # noqa: F401


def check(origin):
    # type: (str) -> None
    """ConfigurationError if a mock library would answer an origin, "http://host:port", were it reached through
    requests.

    An origin that the library lets through is accepted.
    """
    for name, answers, passing in _KNOWN:
        if name in _modules and answers(origin + "/"):
            raise ConfigurationError(
                u"%s is active, but this client does not send with requests, so it would reach the real %s. "
                u"Either make ucloud.uvideo send with a session: config.set_default(session=requests.Session()). "
                u"Or test against a server, such as uvideo.testing's fixture uvideo_server, and let its address "
                u"pass: %s"
                % (name, origin, passing)
            )


def is_unmatched(error):
    # type: (BaseException) -> bool
    """Whether a failure only means that no mock or recording matches the request."""
    return type(error).__name__ in _UNMATCHED or "Connection refused by Responses" in "%s" % (error.args[:1],)


#: The errors of requests_mock, vcr, pook and httpretty.  responses raises an error of requests.
_UNMATCHED = ("NoMockAddress", "CannotOverwriteExistingCassetteException", "PookNoMatches", "UnmockedError")
_modules = sys.modules


def _responses(url):
    # type: (str) -> bool
    send = _patch("requests.adapters", "HTTPAdapter", "send", "responses")
    if send is None:
        return False
    passing = getattr(_owner(send), "passthru_prefixes", ())
    return not any(each.match(url) if hasattr(each, "match") else url.startswith(each) for each in passing)


def _requests_mock(_):
    # type: (str) -> bool
    send = _patch("requests.sessions", "Session", "send", "requests_mock")
    send = send or _patch("requests.sessions", "Session", "get_adapter", "requests_mock")
    return send is not None and not getattr(_owner(send), "real_http", False)


def _vcr(url):
    # type: (str) -> bool
    client = _modules.get("http.client") or _modules.get("httplib")
    cassette = getattr(getattr(client, "HTTPConnection", None), "cassette", None)
    if cassette is None:
        return False
    try:
        return cassette.filter_request(_modules["vcr.request"].Request("GET", url, b"", {})) is not None
    except Exception:  # the program's own filter failed: it expects another kind of request
        return True


def _httpretty(_):
    # type: (str) -> bool
    return _says("httpretty", "is_enabled")


def _pook(_):
    # type: (str) -> bool
    return _says("pook", "isactive") and not getattr(_modules["pook"].engine(), "networking", False)


def _says(module, name):
    # type: (str, str) -> bool
    return getattr(_modules[module], name, bool)()


def _patch(module, kind, name, package):
    # type: (str, str, str, str) -> Any
    """A package's function that patches a method of a class, also below other wrappers; else None."""
    found = vars(getattr(_modules.get(module), kind, object)).get(name)
    while found is not None and (getattr(found, "__module__", None) or "").partition(".")[0] != package:
        found = getattr(found, "__wrapped__", None)
    return found


def _owner(function):
    # type: (FunctionType) -> Any
    """The object whose method created a function."""
    names, cells = function.__code__.co_freevars, function.__closure__ or ()
    return dict(zip(names, cells))["self"].cell_contents if "self" in names else None


_KNOWN = (
    ("responses", _responses, u"responses.add_passthru(address)"),
    ("requests_mock", _requests_mock, u"Mocker(real_http=True)"),
    ("vcr", _vcr, u"VCR(ignore_hosts=[host])"),
    ("httpretty", _httpretty, u"httpretty has no setting for that"),
    ("pook", _pook, u"pook.enable_network()"),
)
