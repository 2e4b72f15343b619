"""The proxy for an origin.  requests is imported only if the environment must be asked."""

from __future__ import absolute_import, division, print_function

import base64
import binascii
import os
import re

from ..protocol.compat import PY2, NamedTuple, native, to_bytes
from ..protocol.errors import InvalidArgument
from ..protocol.provider import is_loopback


def chosen(origin, given=None):
    # type: (str, str | None) -> tuple[str | None, tuple[str | bytes | None, ...] | None]
    """(URL of the proxy for an origin or None, the environment's proxy settings or None if they do not apply).

    ``given``: the caller's proxy for every host; "" for none.  None: the environment decides, and loopback has no
    proxy.
    """
    if given is not None:
        return given or None, None
    if is_loopback(origin.partition("://")[2]):
        return None, None
    from requests.utils import get_environ_proxies, select_proxy

    said = variables()
    return select_proxy(origin + "/", get_environ_proxies(origin + "/", no_proxy=None)) or None, said


def stays_here(origin, proxy):
    # type: (str, Proxy | None) -> bool
    """Whether requests to an origin stay on this machine.  ``proxy``: its Proxy or None."""
    return proxy is None and is_loopback(origin.partition("://")[2])


_NAMES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
_NAMES += [name.upper() for name in _NAMES]
_KEYS = tuple([getattr(os.environ, "encodekey", str)(name) for name in _NAMES])


def variables():
    # type: () -> tuple[str | bytes | None, ...]
    """The environment's current proxy settings.  Compared before each request."""
    data = getattr(os.environ, "data" if PY2 else "_data", None)  # os.environ itself takes 15 times as long
    if data is None:
        return tuple([os.environ.get(name) for name in _NAMES])
    return tuple([data.get(key) for key in _KEYS])


class Proxy(object):
    """A parsed proxy URL; host and port alone mean an HTTP proxy.  InvalidArgument.

    ``fields``: headers for an HTTP proxy, the password among them.  ``socks``: a Socks for a SOCKS proxy, else None.
    """

    def __init__(self, url):
        # type: (str) -> None
        scheme, mark, rest = url.partition("://")
        if not mark:
            scheme, rest = "http", url
        scheme = scheme.lower()
        account, mark, host = rest.partition("/")[0].rpartition("@")
        name, port = split(host) if _HOST(host) else ("", 0)
        if scheme not in _PORTS or not name or not (port is None or 0 < port < 65536):
            # Without the text, as the misspelt part may be the password.
            raise InvalidArgument(
                u"the URL of a proxy is SCHEME://HOST:PORT or SCHEME://USER:PASSWORD@HOST:PORT, where SCHEME is "
                u"http, https, socks5, socks5h, socks4 or socks4a"
            )
        self.url, self.name, self.port = url, name, port or _PORTS[scheme]
        self.is_tls = scheme == "https"
        self.fields, self.socks = [], None  # type: list[tuple[str, str]], Socks | None
        user, _, password = account.partition(":")
        who, secret = _bytes(user), _bytes(password)
        if scheme in _SOCKS:
            self.socks = Socks(_SOCKS[scheme][0], _SOCKS[scheme][1], who, secret)
        elif mark:
            basic = base64.b64encode(who + b":" + secret)
            self.fields = [("Proxy-Authorization", "Basic " + native(basic))]


class Socks(NamedTuple("Socks", [("version", "int"), ("resolves", "bool"), ("user", "bytes"), ("password", "bytes")])):
    """version: 4 or 5.  resolves: whether the proxy looks up names.  user, password: bytes, empty for none."""

    __slots__ = ()

    def __repr__(self):
        # type: () -> str
        return "<Socks %d>" % self.version


_ESCAPE = re.compile(b"%([0-9A-Fa-f]{2})")


def _bytes(text):
    # type: (str) -> bytes
    """A user or password from a URL as bytes.  A percent sign that begins no escape is kept."""
    try:
        return _ESCAPE.sub(lambda match: binascii.unhexlify(match.group(1)), to_bytes(text))
    except UnicodeError:
        raise InvalidArgument(u"the user or password of a proxy is not UTF-8")


#: Schemes of proxies, and their default ports.
_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
#: SOCKS by scheme, as in requests: version, and whether the proxy looks up names.
_SOCKS = {"socks4": (4, False), "socks4a": (4, True), "socks5": (5, False), "socks5h": (5, True)}
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?\Z").match


def split(host):
    # type: (str) -> tuple[str, int | None]
    """(name, port or None) of "host:port", the name in the form to connect to."""
    name, mark, port = host.rpartition(":")
    if not mark or not port.isdigit():
        name, port = host, ""
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name.rstrip("."), int(port) if port else None
