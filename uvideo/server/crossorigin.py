"""Which pages of other origins may use the data port, and what tells their browser so (CORS).

A browser page of the console moves bulk bytes itself, with signed URLs; the data port is another origin than the admin
port.  No cookie and no other credential of the browser is ever allowed: the signature in the URL is all that counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

__all__ = ["CrossOrigin", "Endpoint", "check_origin", "origin"]

Pairs = tuple[tuple[str, str], ...]

EXPOSED = "ETag, X-SessionId, Content-Range, Accept-Ranges"
METHODS = "GET, HEAD, PUT"
HEADERS = "Content-Type, Content-MD5, Range, If-Match, If-Range"
MAX_AGE = "7200"  # seconds; the longest that browsers keep a preflight's answer

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?\Z").match
_USUAL = {"http": 80, "https": 443}


def name_of(host: str) -> str | None:
    """The name in a Host header, without its port; None if it is none."""
    found = _HOST(host)
    return found.group(1).lower() if found else None


def origin(scheme: str, name: str, port: int) -> str:
    """As a browser writes it: the usual port is left out."""
    return f"{scheme}://{name}" if port == _USUAL.get(scheme) else f"{scheme}://{name}:{port}"


def check_origin(value: str) -> str:
    """An origin such as https://console.example.com, as a browser writes it.  ValueError."""
    parts = urlsplit(value.rstrip("/"))
    name = name_of(parts.netloc)
    if parts.scheme not in _USUAL or name is None or parts.path or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is no origin such as https://console.example.com")
    return origin(parts.scheme, name, parts.port or _USUAL[parts.scheme])


class Endpoint:
    """Where a browser reaches the data port.

    ``public_url``: the URL that is always the right one, None if it is ``host`` and ``port``; ValueError if it is not
    an http or https URL.  ``host``: the address of the data port, None if it is the host that the browser names.
    """

    def __init__(self, public_url: str | None, port: int, tls: bool, host: str | None = None) -> None:
        self._port, self._scheme, self._host = port, "https" if tls else "http", host
        self._url = None
        if public_url is not None:
            parts = urlsplit(public_url)
            if parts.scheme not in _USUAL or name_of(parts.netloc) is None or parts.query or parts.fragment:
                raise ValueError(f"{public_url!r} is no URL such as https://video.example.com/data")
            self._url = public_url.rstrip("/")

    def url(self, host: str) -> str | None:
        """The URL before "/<space>/<key>".  ``host``: the Host header of the page.  None if that names nobody."""
        if self._url is not None:
            return self._url
        name = name_of(host)
        return None if name is None else origin(self._scheme, self._host or name, self._port)


class CrossOrigin:
    """``admin_port``, ``tls``: of the console, whose pages are allowed under any name that the data port is reached by.

    ``origins``: of more pages, each as check_origin gives it.
    """

    def __init__(self, admin_port: int | None = None, tls: bool = False, origins: Iterable[str] = ()) -> None:
        self._admin_port, self._scheme = admin_port, "https" if tls else "http"
        self._origins = frozenset(origins)

    def headers(self, asking: str, host: str) -> Pairs:
        """The headers of an answer to a request of this Origin; none if it is not allowed.  ``host``: as Endpoint."""
        if asking not in self._origins and not self._is_console(asking, host):
            return ()
        return (("Access-Control-Allow-Origin", asking), ("Access-Control-Expose-Headers", EXPOSED))

    def _is_console(self, asking: str, host: str) -> bool:
        name = name_of(host)
        return bool(name and self._admin_port) and asking == origin(self._scheme, str(name), self._admin_port or 0)


#: What the answer to an allowed preflight says beside ``CrossOrigin.headers``.
PREFLIGHT: Pairs = (
    ("Access-Control-Allow-Methods", METHODS),
    ("Access-Control-Allow-Headers", HEADERS),
    ("Access-Control-Max-Age", MAX_AGE),
)
