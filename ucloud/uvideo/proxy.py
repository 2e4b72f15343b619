"""Which proxy is on the way to an origin.  requests is asked what the environment says, when it is needed."""

from __future__ import absolute_import, division, print_function

import base64
import os
import re

from .protocol.errors import NoAnswer
from .protocol.provider import is_loopback
from .protocol.text import native, to_bytes, unquote


def proxy_of(origin, given=None):
    """The URL of the proxy on the way to an origin, or None.

    ``given``: the one that the caller chose, for every host; "" for none.  Where it is None the environment decides,
    and nothing on loopback has a proxy.
    """
    if given is not None:
        return given or None
    if is_loopback(origin.partition("://")[2]):
        return None
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(origin + "/", get_environ_proxies(origin + "/", no_proxy=None)) or None


_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_NAMES += tuple([name.upper() for name in _NAMES])
_KEYS = tuple([getattr(os.environ, "encodekey", str)(name) for name in _NAMES])


def variables():
    """What the environment's variables say of proxies now.  It is compared before each request."""
    data = getattr(os.environ, "_data", None)  # os.environ itself, on Python 3, takes 15 times as long
    if data is None:
        return tuple([os.environ.get(name) for name in _NAMES])
    return tuple([data.get(key) for key in _KEYS])


class Proxy(object):
    """Where a proxy is.  ``fields``: what it is to be told with each request, its password among them."""

    def __init__(self, url):
        """NoAnswer unless it is the URL, or the host and port, of an HTTP proxy."""
        self.url = url
        if "://" not in url:
            url = "http://" + url
        scheme, _, rest = url.partition("://")
        user, mark, host = rest.partition("/")[0].rpartition("@")
        try:
            name, port = split(host)
            if scheme.lower() not in ("http", "https") or not _HOST(host):
                raise ValueError()
        except ValueError:
            raise NoAnswer(
                u"the proxy that the environment names cannot be used: http:// and https:// ones can", sent=False
            )
        self.is_tls = scheme.lower() == "https"
        self.name, self.port = name, port or (443 if self.is_tls else 80)
        self.fields = []
        if mark:
            secret = b":".join([to_bytes(unquote(part)) for part in (user.partition(":")[0], user.partition(":")[2])])
            basic = "Basic " + native(base64.b64encode(secret))
            self.fields = [("Proxy-Authorization", basic)]


_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?\Z").match


def split(host):
    """(name, port or None) of "host:port"; the name as it is connected to."""
    name, mark, port = host.rpartition(":")
    if not mark or not port.isdigit():
        name, port = host, None
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name.rstrip("."), None if port is None else int(port)
