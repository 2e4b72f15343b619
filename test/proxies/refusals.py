"""What a box answers in the service's place, and what every client makes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from test.proxies.apache import start_apache
from test.proxies.haproxy import start_haproxy
from test.proxies.mitmproxy import start_mitmproxy
from test.proxies.nginx import start_nginx
from test.proxies.squid import start_squid
from test.proxies.tinyproxy import start_tinyproxy
from test.proxies.world import NAME, Way, World

__all__ = ["REFUSALS", "Refusal"]


@dataclass(frozen=True)
class Refusal:
    """``step``: what the client does.  ``cause``, ``text``: of its error.  ``code``: its status_code in the SDK."""

    name: str
    start: Callable[[World], AbstractContextManager[Way]]
    step: str
    cause: str
    code: int
    text: str


@contextlib.contextmanager
def changed(start: Callable[[World], AbstractContextManager[Way]], world: World, **fields: object) -> Iterator[Way]:
    """A way with other fields: functions of the way."""
    with start(world) as way:
        yield replace(way, **{name: value(way) if callable(value) else value for name, value in fields.items()})  # type: ignore[arg-type]


def points(status: int) -> str:
    return f"return {status} http://127.0.0.1:$decoy$request_uri;"


def denies(status: int) -> str:
    """What haproxy does with a request of a body, which it does not read."""
    return f"http-request deny deny_status {status} if {{ req.hdr_val(content-length) gt 100000 }}"


def anonymous(way: Way) -> str:
    return f"http://127.0.0.1:{way.port}"


def mistaken(way: Way) -> str:
    return f"http://someone:wrong@127.0.0.1:{way.port}"


closed = partial(start_squid, password=True)
tunnel = partial(start_squid, password=True, tunnel=True)
GZIP = "SetEnvIf Request_URI . force-gzip\nSetOutputFilter DEFLATE\n"

REFUSALS = {
    each.name: each
    for each in (
        Refusal(
            "nginx takes 1 MB",
            partial(start_nginx, lines="client_max_body_size 1m;"),
            "multipart",
            "too-long",
            -3,
            "413 Request Entity Too Large",
        ),
        Refusal(
            "haproxy denies a body, 403",
            partial(start_haproxy, lines=denies(403)),
            "multipart",
            "page",
            -1,
            "403 Forbidden",
        ),
        Refusal(
            "haproxy denies a body, 413", partial(start_haproxy, lines=denies(413)), "multipart", "too-long", -3, "413"
        ),
        Refusal(
            "haproxy denies a body by TLS, 413",
            partial(start_haproxy, lines=denies(413), tls=True),
            "multipart",
            "too-long",
            -3,
            "413",
        ),
        Refusal(
            "nginx redirects, 301", partial(start_nginx, lines=points(301)), "put", "moved", -3, "http://127.0.0.1:"
        ),
        Refusal(
            "nginx redirects, 302", partial(start_nginx, lines=points(302)), "put", "login", -1, "http://127.0.0.1:"
        ),
        Refusal(
            "nginx redirects, 307", partial(start_nginx, lines=points(307)), "put", "login", -1, "http://127.0.0.1:"
        ),
        Refusal(
            "nginx finds no service",
            partial(start_nginx, lines="location /uvideoUploads { proxy_pass http://127.0.0.1:1; }"),
            "put",
            "gateway",
            502,
            "502 Bad Gateway",
        ),
        Refusal("apache compresses", partial(start_apache, lines=GZIP), "list", "encoded", -3, "gzip"),
        Refusal("squid wants a password", partial(changed, closed, proxy=anonymous), "put", "proxy-auth", -3, "407"),
        Refusal(
            "squid wants a password, tunnel",
            partial(changed, tunnel, proxy=anonymous),
            "put",
            "proxy-auth",
            -3,
            "407",
        ),
        Refusal(
            "squid wants another password, tunnel",
            partial(changed, tunnel, proxy=mistaken),
            "put",
            "proxy-password",
            -3,
            "407",
        ),
        Refusal("squid forbids", partial(start_squid, rights="http_access deny all"), "put", "page", -1, "403"),
        Refusal(
            "squid forbids, tunnel",
            partial(start_squid, rights="http_access deny all", tunnel=True),
            "put",
            "proxy-denied",
            -3,
            "403",
        ),
        Refusal(
            "squid reaches no service",
            partial(changed, start_squid, endpoint=f"http://{NAME}:1"),
            "put",
            "gateway",
            503,
            "503",
        ),
        Refusal(
            "squid reaches no service, tunnel",
            partial(changed, partial(start_squid, tunnel=True), endpoint=f"https://{NAME}:1"),
            "put",
            "proxy-gateway",
            -1,
            "503",
        ),
        Refusal(
            "tinyproxy wants a password, tunnel",
            partial(changed, partial(start_tinyproxy, tunnel=True, password=True), proxy=anonymous),
            "put",
            "proxy-auth",
            -3,
            "407",
        ),
        Refusal(
            "tinyproxy forbids the port, tunnel",
            partial(changed, partial(start_tinyproxy, tunnel=True), endpoint=f"https://{NAME}:1"),
            "put",
            "proxy-denied",
            -3,
            "403",
        ),
        Refusal(
            "mitmproxy shows its own certificate",
            partial(changed, partial(start_mitmproxy, tls=True), bundle=None),
            "put",
            "certificate-issuer",
            -3,
            "not trusted",
        ),
    )
}
