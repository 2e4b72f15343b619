"""Which pages of other origins may use the data port, and what tells their browser so (CORS).

The pages of the console move bulk bytes with signed URLs.  The pages of ``--cors-origin`` are programs that sign
requests themselves, as the vendor's browser SDK does.  Neither may use a cookie or another credential of the browser:
the signature that the page sends is all that counts.
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

ANY = "*"  # every origin, in place of one
MAX_AGE = "7200"  # seconds; the longest that browsers keep a preflight's answer


def _read() -> Iterator[str]:
    """The headers that operations read: the table of carriers has them all."""
    for entry in BRINGS:
        for name in entry.names:
            if name not in dialect.PARAMETERS and not name.endswith("*"):
                yield name.title() if name.islower() else name


class Allowed(NamedTuple):
    """What pages may ask for.  ``families``: beginnings of more headers, lower-case."""

    methods: str
    headers: tuple[str, ...]
    families: tuple[str, ...] = ()


#: Pages that have signed URLs.
LINKS = Allowed("GET, HEAD, PUT", ("Content-Type", "Content-MD5", "Range", "If-Match", "If-Range"))
#: Pages that sign requests: every method, and every header that says who asks or what an operation reads.  A browser
#: adds the last three by itself or its libraries do.
PROGRAMS = Allowed(
    "GET, HEAD, PUT, POST, DELETE, OPTIONS",
    (
        *("Authorization", "Bucket", "SecurityToken"),
        *dict.fromkeys(_read()),
        *("X-Requested-With", "traceparent", "tracestate"),
    ),
    ("x-ufile-", "x-ucloud-", "x-autoai-"),
)
#: What a page may read of an answer, beside the metadata of the object and what a browser lets it read anyway.
EXPOSED = (
    *("ETag", field.SESSION, "Content-Range", "Accept-Ranges", "Content-Length", "Content-Encoding"),
    *("Content-Disposition", "Content-MD5", "Date", "Retry-After"),
    *("X-Ufile-Create-Time", "X-Ufile-Storage-Class", "X-Ufile-Restore"),
)

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_USUAL = {"http": 80, "https": 443}


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


def check_program(value: str) -> str:
    """An origin as check_origin, or ANY.  ValueError."""
    return ANY if value == ANY else check_origin(value)


class BrowserEndpoint:
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


class Crossing(NamedTuple):
    """A page of another origin that may use the data port.  ``origin``: its own, or ANY."""

    origin: str
    allowed: Allowed

    def answer(self, names: Iterable[str]) -> Pairs:
        """The headers of an answer that let the page read it.  ``names``: of the headers that the answer has."""
        metadata = [name for name in names if name.startswith(field.META)]
        return (
            ("Access-Control-Allow-Origin", self.origin),
            ("Access-Control-Expose-Headers", ", ".join((*EXPOSED, *metadata))),
        )

    def preflight(self, asked: str) -> Pairs:
        """What the answer to its preflight says beside that.  ``asked``: its Access-Control-Request-Headers.

        A browser knows no "X-Ufile-Meta-*", so what the page asked for of a family is named.
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
    """``admin_port``, ``tls``: of the console, whose pages are allowed under any name that the data port is reached by.

    ``origins``: of more pages that have signed URLs, each as check_origin gives it.  ``programs``: of pages that sign
    requests, each as check_program gives it.  Who is named twice may do what the wider of the two allows.
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
        """Allow these pages from now on, and no others."""
        self._origins, self._programs = frozenset(origins), frozenset(programs)

    def of(self, headers: message.Headers) -> Crossing | None:
        """What the page that sent a request with these headers may do; None for one that may nothing, and for no page.

        An Origin is compared as it is written and only a known one is repeated, so nothing of a request gets into an
        answer.
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
    """What the preflight of any other page is answered with.  Source: rules.md section 2."""
    text = "cors not allowed: the operator names no pages of this origin (uvideo serve --cors-origin)"
    return errors.Refused(text, status=403, ret_code=errors.GENERAL)
