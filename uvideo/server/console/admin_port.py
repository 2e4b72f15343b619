"""The admin port: /healthz, /readyz, /metrics and the console.  Of objects' bytes it sends only archives of many."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from uvideo._core import errors, message
from uvideo.server.console.app import Console, zip_headers
from uvideo.server.console.zip_download import LEAST_RATE, ZipDownload
from uvideo.server.http.exchange import Disconnected, Exchange, Watchdog
from uvideo.server.ops import prometheus_text
from uvideo.server.ops.gauges import Gauges
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.readiness import Readiness

__all__ = ["admin_handler"]

PLAIN = "text/plain; charset=utf-8"

Answerer = Callable[[web.BaseRequest], Awaitable[tuple[int, str]]]

log = logging.getLogger("uvideo.server")


def admin_handler(
    metrics: Metrics,
    readiness: Readiness,
    gauges: Gauges,
    console: Console,
    watch: Watchdog,
    more: Mapping[str, Answerer] | None = None,
) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """The request handler of the admin port.

    ``watch``: aborts connections of clients that read too slowly.  ``more``: {path: handler for every method}.
    """
    others = more or {}

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        exchange = Exchange(request)
        watch.active.add(exchange)
        try:
            found = await answered(exchange)
            if isinstance(found, ZipDownload):
                return await _send_zip(exchange, found)
            body = found.body if isinstance(found.body, bytes) else b""
            return await exchange.answer(message.Response(found.status, message.Headers(found.headers.items()), body))
        except (Disconnected, ConnectionError):
            exchange.abort()
            gone = web.Response()  # never sent
            gone.force_close()
            return gone
        finally:
            watch.active.discard(exchange)

    async def answered(exchange: Exchange) -> web.Response | ZipDownload:
        request, kind = exchange.request, PLAIN
        if request.path in others:
            status, text = await others[request.path](request)
            return web.Response(status=status, body=text.encode(), headers={"Content-Type": kind})
        shown = await console.handle(request, exchange.sender)
        if shown is not None:
            return shown
        if request.method not in ("GET", "HEAD"):
            status, text = 405, "only GET and HEAD\n"
        elif request.path == "/healthz":
            status, text = 200, "ok\n"
        elif request.path == "/readyz":
            status, text = await readiness.look()
        elif request.path == "/metrics":
            await gauges.refresh()
            return exposed(request)
        else:
            status, text = 404, "there are /healthz, /readyz, /metrics and the console at /\n"
        return web.Response(status=status, body=text.encode(), headers={"Content-Type": kind})

    def exposed(request: web.BaseRequest) -> web.Response:
        families = list(metrics.families())
        if prometheus_text.wants_openmetrics(request.headers.get("Accept", "")):
            kind, text = prometheus_text.OPENMETRICS, prometheus_text.openmetrics(families, metrics.started)
        else:
            kind, text = prometheus_text.TEXT, prometheus_text.text(families)
        return web.Response(body=text.encode(), headers={"Content-Type": kind, "Vary": "Accept"})

    return handle


async def _send_zip(exchange: Exchange, download: ZipDownload) -> web.StreamResponse:
    """Send an archive.  If it cannot be completed, the connection is aborted: browsers report a failed download."""
    try:
        exchange.least_rate = LEAST_RATE
        async with contextlib.aclosing(download.pieces) as pieces:
            first = await anext(pieces)
            exchange.waiting = True
            await exchange.begin(message.Headers(zip_headers(download).items()), first)
            exchange.waiting = False
            async for piece in pieces:
                exchange.waiting = True  # for the client, and not while objects are opened
                await exchange.send_more(piece)
                exchange.waiting = False
        return await exchange.answer(message.Response(200, message.Headers(()), b""))
    except (Disconnected, ConnectionError):
        raise
    except Exception as failure:
        if isinstance(failure, errors.UVideoError):  # as when an object was deleted meanwhile
            log.warning("an archive could not be completed: %s", type(failure).__name__)
        else:
            log.exception("an archive could not be completed")
        if exchange.is_begun:
            raise Disconnected() from None
        headers = message.Headers([("Content-Type", PLAIN)])
        return await exchange.answer(message.Response(500, headers, b"the archive could not be made\n"))
