"""HTTP <-> messages.  It carries; every rule is in the protocol core or the service.

The one place where an error becomes an answer.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from typing import Any

from aiohttp import web

from uvideo._core import action, answer, dialect, errors, operation, text
from uvideo.server.exchange import NAME, Disconnected, Exchange, Watch
from uvideo.server.metrics import Metrics
from uvideo.server.service import Service
from uvideo.server.spaces import Spaces

__all__ = ["App"]

IDLE = 60.0  # seconds without a byte until a connection is broken
KEEP_ALIVE = 75.0  # seconds until a connection without a request, or with half a head, is closed
FORM_LIMIT = 1024 * 1024  # bytes of a management call
LIST_LIMIT = 64 * 1024 * 1024  # bytes of the etag list of the longest upload
HEAD_LINE, HEAD_FIELDS = 16 * 1024, 1024  # bytes of a line, number of header fields
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

log = logging.getLogger("uvideo.server")
access = logging.getLogger("uvideo.access")


class App:
    """The data plane and the management plane on one port.

    ``server`` is what asyncio's create_server takes.  ``idle``, ``keep_alive``: seconds.
    """

    def __init__(
        self, service: Service, metrics: Metrics, *, idle: float = IDLE, keep_alive: float = KEEP_ALIVE
    ) -> None:
        self._service, self._spaces, self._metrics = service, Spaces(service), metrics
        self._watch = Watch(idle)
        self._draining = False
        self._access = access.isEnabledFor(logging.INFO)
        self.server = _Server(self._handle, keep_alive)
        self._watch.start()

    async def drain(self, grace: float) -> bool:
        """Let the requests in flight finish, for at most ``grace`` seconds; True if all did.

        The caller has stopped listening.  Connections without a request are closed at once.
        """
        self._draining = True
        deadline = asyncio.get_running_loop().time() + grace
        while True:
            busy = {exchange.request.protocol for exchange in self._watch.active}
            for connection in self.server.connections:
                if connection not in busy:
                    connection.force_close()
            if not busy or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.02)
        self._watch.stop()
        await self.server.shutdown(1.0)
        return not busy

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = Exchange(request)
        self._watch.active.add(exchange)
        self._metrics.begin()
        started = time.perf_counter() if self._access else 0.0
        try:
            return await self._answer(exchange)
        except Disconnected:
            exchange.status = 499
            exchange.abort()
            gone = web.Response()  # nobody gets it
            gone.force_close()
            return gone
        finally:
            self._watch.active.discard(exchange)
            self._metrics.end(request.method, exchange.status, exchange.received, exchange.sent)
            if self._access:
                _log_access(exchange, time.perf_counter() - started)

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        content = None
        exchange.closing = self._draining
        try:
            response, content = await self._respond(exchange)
            if self._draining:
                exchange.closing = True
            return await exchange.answer(response, content)
        except Exception as failure:
            if isinstance(failure, Disconnected):
                raise
            if exchange.request.writer.output_size:  # the head is gone: only a broken connection tells
                log.exception("session %s failed within its answer", exchange.session)
                raise Disconnected() from None
            return await exchange.answer(answer.encode_error(_refusal(failure, exchange)))
        finally:
            if content is not None and content.reader is not None:
                await content.reader.close()

    async def _respond(self, exchange: Exchange) -> tuple[Any, Any]:
        """(message.Response, Content or None) of a request.  Refused, OSError, Disconnected."""
        request, headers = exchange.request, exchange.headers
        target = dialect.parse_target(request.raw_path)
        host = target.authority or headers.get("Host", "")
        if _is_management(exchange, target):
            return await self._manage(exchange, target, host), None
        addresses = dialect.addresses(host, headers.get("Bucket"), target.path)
        space, address = await self._service.locate(addresses)
        exchange.space = space.name
        exchange.key = key = self._service.authorize(request.method, headers, target.query, space, address)
        query = dialect.parameters(target.query)
        cls = dialect.route(request.method, key, query, headers)
        body = await exchange.small(LIST_LIMIT) if cls in dialect.SMALL else b""
        op = dialect.decode(cls, space.name, key, query, headers, body)
        if cls is operation.GetObject:
            info, content = await self._service.get(op, space)
            return answer.encode(op, info), content
        if cls is operation.PutObject:
            result = await self._service.put(op, space, exchange)
        elif cls is operation.UploadPart:
            result = await self._service.part(op, space, exchange)
        else:
            result = await self._service.run(op, space)
        return answer.encode(op, result), None

    async def _manage(self, exchange: Exchange, target: Any, host: str) -> Any:
        """The answer of the management plane: HTTP 200, whatever happens."""
        given: dict[str, Any] = dict(target.query)
        try:
            body = await exchange.small(FORM_LIMIT) if exchange.request.method == "POST" else b""
            given = action.parameters(target.query, exchange.headers, body)
            result, name = await self._spaces.run(given, host)
            return action.encode_result(name, result)
        except Disconnected:
            raise
        except Exception as failure:
            return action.encode_error(str(given.get("Action") or "")[:64], _refusal(failure, exchange))


def _is_management(exchange: Exchange, target: Any) -> bool:
    """Source: management-plane.md section 1.  A form upload goes to the same place.  BadRequest."""
    if target.path != "/":
        return False
    if exchange.request.method == "POST":
        kind = exchange.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            raise errors.BadRequest("PostFile is not supported")
        return True
    names = {name for name, _ in target.query}
    return exchange.request.method == "GET" and ("Action" in names or {"PublicKey", "Signature"} <= names)


def _refusal(failure: Exception, exchange: Exchange) -> Any:
    """The error that the client is told.  What it must not know goes to the log."""
    if isinstance(failure, errors.Refused):
        return failure
    if isinstance(failure, OSError) and failure.errno in NO_SPACE:
        log.error("session %s: no space left", exchange.session)
        return errors.Unavailable("no space left")
    log.error("session %s failed", exchange.session, exc_info=failure)
    return errors.InternalError()


def _log_access(exchange: Exchange, seconds: float) -> None:
    access.info(
        "%s %s %s %d in=%d out=%d %.6f %s",
        exchange.request.method,
        exchange.space or "-",
        text.quote_query(exchange.key) or "-",
        exchange.status,
        exchange.received,
        exchange.sent,
        seconds,
        exchange.session,
    )


class _Connection(web.RequestHandler):
    """aiohttp's connection; what does not even parse is refused in this protocol's form."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was already begun")
        if status < 500:  # never the parser's own text: it quotes headers
            error: errors.UVideoError = errors.BadRequest("the request is malformed, or its head is too large")
        else:
            log.error("a request failed outside of the service", exc_info=exc)
            error = errors.InternalError()
        response = answer.encode_error(error)
        refused = web.Response(status=response.status, headers=response.headers.pairs, body=response.body)
        refused.headers[answer.SESSION] = Exchange(request).session
        refused.headers["Server"] = NAME
        refused.headers["Connection"] = "close"
        refused.force_close()
        return refused


class _Server(web.Server):
    def __init__(self, handler: Any, keep_alive: float) -> None:
        super().__init__(handler)
        self._loop_of_connections = asyncio.get_running_loop()
        self._keep_alive = keep_alive

    def __call__(self) -> web.RequestHandler:
        return _Connection(
            self,
            loop=self._loop_of_connections,
            keepalive_timeout=self._keep_alive,
            lingering_time=0.0,  # exchange drains what is worth draining
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]
            logger=log,
            max_line_size=HEAD_LINE,
            max_field_size=HEAD_LINE,
            max_headers=HEAD_FIELDS,
        )
