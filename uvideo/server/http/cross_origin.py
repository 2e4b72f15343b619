"""CORS: which pages of other origins may use the data port.

The pages of the console transfer bytes with signed URLs.  The pages of ``--cors-origin`` sign requests themselves, as
the vendor's browser SDK and clients of S3 do.  Neither may use cookies or other credentials of the browser; only the
signature in the request counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from uvideo._core import dialect, errors, field, message
from uvideo.server.auth.signature_scope import BRINGS
from uvideo.server.rules.server_names import name_of

__all__ = ["ANY", "BrowserEndpoint", "CrossOrigin", "Crossing", "check_origin", "check_program", "denied", "origin"]

Pairs = tuple[tuple[str, str], ...]

ANY = "*"  # every origin
MAX_AGE = "7200"  # seconds; the longest time for which browsers cache a preflight


def _read() -> Iterator[str]:
    """The headers that operations read, from the table in ``signature_scope``."""
    for entry in BRINGS:
        for name in entry.names:
            if name not in dialect.PARAMETERS and not name.endswith("*"):
                yield name.title() if name.islower() else name


class Allowed(NamedTuple):
    """Methods and headers that pages may use.  ``families``: prefixes of more headers, in lower case."""

    methods: str
    headers: tuple[str, ...]
    families: tuple[str, ...] = ()


#: For pages with signed URLs.
LINKS = Allowed("GET, HEAD, PUT", ("Content-Type", "Content-MD5", "Range", "If-Match", "If-Range"))
#: For pages that sign requests: every method, and the headers of signatures and operations.  The last three are added
#: by the browser or its libraries.
PROGRAMS = Allowed(
    "GET, HEAD, PUT, POST, DELETE, OPTIONS",
    (
        *("Authorization", "Bucket", "SecurityToken"),
        *dict.fromkeys(_read()),
        *("X-Requested-With", "traceparent", "tracestate"),
    ),
    ("x-ufile-", "x-ucloud-", "x-autoai-", "x-amz-", "amz-sdk-"),
)
#: Headers of an answer that a page may read, in addition to those of _EXPOSED_FAMILIES and of every browser.
EXPOSED = (
    *("ETag", field.SESSION, "Content-Range", "Accept-Ranges", "Content-Length", "Content-Encoding"),
    *("Content-Disposition", "Content-MD5", "Date", "Retry-After"),
    *("X-Ufile-Create-Time", "X-Ufile-Storage-Class", "X-Ufile-Restore"),
)

_EXPOSED_FAMILIES = (field.META, "x-amz-")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_USUAL = {"http": 80, "https": 443}


def origin(scheme: str, name: str, port: int) -> str:
    """The origin as a browser writes it, without a default port."""
    return f"{scheme}://{name}" if port == _USUAL.get(scheme) else f"{scheme}://{name}:{port}"


def check_origin(value: str) -> str:
    """The origin as a browser writes it, such as https://console.example.com.  ValueError."""
    parts = urlsplit(value.rstrip("/"))
    name = name_of(parts.netloc)
    if parts.scheme not in _USUAL or name is None or parts.path or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is not an origin such as https://console.example.com")
    return origin(parts.scheme, name, parts.port or _USUAL[parts.scheme])


def check_program(value: str) -> str:
    """As ``check_origin``, but allows ANY too.  ValueError."""
    return ANY if value == ANY else check_origin(value)


class BrowserEndpoint:
    """The URL of the data port for browsers.

    ``public_url``: this URL if it is configured; None: made of ``host`` and ``port``.  ValueError if it is not an http
    or https URL.  ``host``: the address of the data port; None: the host of the browser's request.
    """

    def __init__(self, public_url: str | None, port: int, tls: bool, host: str | None = None) -> None:
        self._port, self._scheme, self._host = port, "https" if tls else "http", host
        self._url = None
        if public_url is not None:
            parts = urlsplit(public_url)
            if parts.scheme not in _USUAL or name_of(parts.netloc) is None or parts.query or parts.fragment:
                raise ValueError(f"{public_url!r} is not a URL such as https://video.example.com/data")
            self._url = public_url.rstrip("/")

    def url(self, host: str) -> str | None:
        """The URL before "/<space>/<key>".  ``host``: the page's Host header.  None if that is not a valid host."""
        if self._url is not None:
            return self._url
        name = name_of(host)
        return None if name is None else origin(self._scheme, self._host or name, self._port)


class Crossing(NamedTuple):
    """A page of another origin that may use the data port.  ``origin``: the page's, or ANY."""

    origin: str
    allowed: Allowed

    def answer(self, names: Iterable[str]) -> Pairs:
        """The CORS headers of an answer.  ``names``: the names of the answer's other headers."""
        more = [name for name in names if name.startswith(_EXPOSED_FAMILIES)]
        return (
            ("Access-Control-Allow-Origin", self.origin),
            ("Access-Control-Expose-Headers", ", ".join((*EXPOSED, *more))),
        )

    def preflight(self, asked: str) -> Pairs:
        """More CORS headers for the answer to a preflight.  ``asked``: its Access-Control-Request-Headers.

        Browsers do not understand "X-Ufile-Meta-*", so the requested headers of a family are listed by name.
        """
        known = [name.lower() for name in self.allowed.headers]
        names = dict.fromkeys(name.strip().lower() for name in asked.split(","))
        more = [name for name in names if name.startswith(self.allowed.families) and name not in known and _TOKEN(name)]
        return (
            ("Access-Control-Allow-Methods", self.allowed.methods),
            ("Access-Control-Allow-Headers", ", ".join((*self.allowed.headers, *more))),
            ("Access-Control-Max-Age", MAX_AGE),
            ("Vary", "Origin, Access-Control-Request-Headers" if self.allowed.families else "Origin"),
        )


class CrossOrigin:
    """``admin_port``, ``tls``: the console's.  Its pages are allowed under every host name of the data port.

    ``origins``: origins of more pages with signed URLs, from ``check_origin``.  ``programs``: origins of pages that
    sign requests, from ``check_program``.  An origin in both has the rights of ``programs``.
    """

    def __init__(
        self,
        admin_port: int | None = None,
        tls: bool = False,
        origins: Iterable[str] = (),
        programs: Iterable[str] = (),
    ) -> None:
        self._admin_port, self._scheme = admin_port, "https" if tls else "http"
        self.change(origins, programs)

    def change(self, origins: Iterable[str], programs: Iterable[str]) -> None:
        """Replace the allowed origins."""
        self._origins, self._programs = frozenset(origins), frozenset(programs)

    def of(self, headers: message.Headers) -> Crossing | None:
        """The rights of the page that sent these headers; None if it has none, or if no page sent them.

        An Origin is compared literally, and only a known one is repeated, so an answer contains no text of the request.
        """
        asking = headers.get("Origin")
        if asking is None:
            return None
        if asking in self._programs and asking != ANY:
            return Crossing(asking, PROGRAMS)
        if ANY in self._programs:
            return Crossing(ANY, PROGRAMS)
        if asking in self._origins or self._is_console(asking, headers.get("Host", "")):
            return Crossing(asking, LINKS)
        return None

    def _is_console(self, asking: str, host: str) -> bool:
        name = name_of(host)
        return bool(name and self._admin_port) and asking == origin(self._scheme, str(name), self._admin_port or 0)


def denied() -> errors.Refused:
    """The error for the preflight of any other page.  Source: rules.md section 2."""
    text = "cors not allowed: the operator did not allow this origin (uvideo serve --cors-origin)"
    return errors.Refused(text, status=403, ret_code=errors.GENERAL)
