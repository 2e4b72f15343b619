"""HTTP <-> messages.  ``pipeline`` has the steps of a request; the service has the rules.

Only this module turns an error into an answer.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from uvideo._core import dialect, errors, location, message, postfile
from uvideo.s3 import recognition
from uvideo.s3.recognition import HostNames
from uvideo.server.auth.client_address import TrustedProxies
from uvideo.server.http.callback import Callbacks
from uvideo.server.http.connection import KEEP_ALIVE, Server
from uvideo.server.http.cross_origin import CrossOrigin
from uvideo.server.http.error_responses import encoded, refusal_of
from uvideo.server.http.exchange import (
    IDLE,
    LEAST_RATE,
    LEAST_VERSION,
    BrokenOff,
    Disconnected,
    Exchange,
    Unreadable,
    Watchdog,
)
from uvideo.server.http.form_upload import begun
from uvideo.server.http.management_call import ManagementPlaneCall, is_management
from uvideo.server.http.pipeline import DialectCall, Pipeline, claimed_by
from uvideo.server.http.rate_limits import Limits
from uvideo.server.http.s3_call import S3Call
from uvideo.server.http.ufile_call import UfileCall
from uvideo.server.ops.audit import OFF, Audit
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.readiness import Writes
from uvideo.server.ops.refusal_causes import cause_of
from uvideo.server.ops.request_log import RefusedRequest, RequestLog
from uvideo.server.rules.buckets import Buckets
from uvideo.server.rules.s3_access import S3Access
from uvideo.server.rules.server_names import OwnNames, s3_names
from uvideo.server.rules.service import Service
from uvideo.server.rules.space_hosts import SpaceHosts
from uvideo.server.rules.spaces import ManagementService
from uvideo.server.rules.token_rights import Rights
from uvideo.server.rules.usage import Usage

if TYPE_CHECKING:
    from uvideo.server.http.spans import Spans

__all__ = ["App"]

S3_NAMES = s3_names()

log = logging.getLogger("uvideo.server")
access = logging.getLogger("uvideo.access")


class App:
    """The data plane and the management plane on one port.

    ``server`` is the protocol factory for asyncio's create_server.  ``idle``, ``keep_alive``: seconds.  ``least_rate``:
    bytes a second.  ``callbacks``: None allows public addresses only.  ``limits``: None for no limits.
    ``cross_origin``: the other origins whose pages may read the answers; None: none.  ``spans``: makes a span of each
    request; None: no spans.  ``names``: the server's own names.  ``hosts``: the hosts of spaces that answers contain.
    ``writes``: learns how puts end.  ``proxies``: the trusted proxies; None: none.  ``audit``: the audit log.
    ``s3_names``: the host names for S3.  ``s3_hosts``: values of Host that S3 clients may sign, too.
    ``requests``: counts the operations and keeps the last errors.
    """

    exchange: type[Exchange] = Exchange

    def __init__(
        self,
        service: Service,
        metrics: Metrics,
        *,
        idle: float = IDLE,
        least_rate: float = LEAST_RATE,
        keep_alive: float = KEEP_ALIVE,
        callbacks: Callbacks | None = None,
        limits: Limits | None = None,
        cross_origin: CrossOrigin | None = None,
        spans: Spans | None = None,
        writes: Writes | None = None,
        names: OwnNames | None = None,
        hosts: SpaceHosts | None = None,
        proxies: TrustedProxies | None = None,
        audit: Audit = OFF,
        s3_names: HostNames = S3_NAMES,
        s3_hosts: tuple[str, ...] = (),
        requests: RequestLog | None = None,
    ) -> None:
        self._requests = requests or RequestLog()
        self._service, self._metrics, self._audit = service, metrics, audit
        self._writes = writes or Writes()
        self._usage = Usage(service.catalog, service.clock)
        names, limits = names or OwnNames(), limits or Limits()
        self.spaces = ManagementService(service, self._usage, names, hosts)
        self._cross_origin = cross_origin or CrossOrigin()
        self._guesses, self._headroom = limits.guesses, limits.headroom
        self._s3_names = s3_names
        self._pipeline = Pipeline(
            *(service, Rights(service), self.spaces, names, limits, callbacks or Callbacks(), audit, metrics),
            *(Buckets(service, names), S3Access(service), s3_hosts),
        )
        self.watch = Watchdog(idle, least_rate)
        self._draining = self._hinted = False
        self._spans = spans
        self.server = Server(
            self._handle,
            metrics,
            proxies,
            most=limits.connections,
            each=limits.connections_each,
            keep_alive=keep_alive,
            counted=True,
        )
        self.watch.start()
        service.memory.start()

    def change(self, idle: float, least_rate: float, s3_names: HostNames) -> None:
        """Set other limits, which apply to requests and answers in progress too, and other host names for S3."""
        self.watch.change(idle, least_rate)
        self._s3_names = s3_names

    def is_stopping(self) -> bool:
        """Whether ``drain`` was called."""
        return self._draining

    def has_room(self) -> bool:
        """Whether more of the disk is free than the headroom."""
        return self._headroom is None or self._headroom.has(0)

    async def drain(self, deadline: Callable[[], float | None], *, keep_idle: bool = False) -> bool:
        """Let the requests in flight finish; True if all did.  The caller has stopped listening.

        ``deadline``, ``keep_idle``: as of ``Server.drained``.  From now on each answer ends its connection.
        """
        self._draining = True
        finished = await self.server.drained(self.watch, deadline, keep_idle=keep_idle)
        self.watch.stop()
        self._service.memory.stop()
        await self.server.shutdown(1.0)
        await self._usage.stop()
        return finished

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = self.exchange(request)
        exchange.budget = self._service.memory.others
        exchange.crossing = self._cross_origin.of(exchange.headers)
        self.watch.active.add(exchange)
        self._metrics.begin()
        started = time.perf_counter()
        try:
            if self._spans is None:
                return await self._answer(exchange)
            with self._spans.of(exchange):
                return await self._answer(exchange)
        except Disconnected as gone:
            exchange.status = 500 if isinstance(gone, BrokenOff) else 499
            exchange.abort()
            unsent = web.Response()  # never sent
            unsent.force_close()
            return unsent
        finally:
            self.watch.active.discard(exchange)
            exchange.end()
            self._noted(exchange, exchange.status)
            seconds = time.perf_counter() - started
            self._metrics.end(request.method, exchange.status, exchange.received, exchange.sent, seconds)
            self._requests.count(exchange.operation, exchange.status)
            stored = exchange.received if exchange.status < 300 and exchange.ret_code is None else 0
            if exchange.space and (exchange.sent or stored):
                self._usage.add(exchange.space, exchange.sent, stored)
            if access.isEnabledFor(logging.INFO):
                _log_access(exchange, seconds)

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        call, content = None, None
        exchange.closing = self._draining
        try:
            try:
                response = _preflight(exchange)
                if response is None:
                    call = await self._recognise(exchange)
                    response, content = await self._pipeline.run(call)
                self._noted(exchange, response.status)
                if call is not None and exchange.operation in call.traits.probing:
                    self._writes.worked()
                exchange.closing |= self._draining
                return await exchange.answer(response, content)
            except Disconnected:
                raise
            except Exception as raised:
                response = self._refused(exchange, call, raised)
            # Free memory now: the error and the call held the body, and sending the answer may take long.
            del call
            exchange.closing |= self._draining
            return await exchange.answer(response)
        finally:
            if content is not None and content.reader is not None:
                await content.reader.close()

    def _refused(self, exchange: Exchange, call: DialectCall[Any, Any] | None, raised: Exception) -> message.Response:
        """The error as an answer.  BrokenOff if the head of another answer was sent already."""
        failure: Exception = raised.failure if isinstance(raised, Unreadable) else raised
        if exchange.request.writer.output_size and not exchange.is_begun:
            # Only closing the connection can report an error now.
            self._count(failure)
            if isinstance(failure, OSError):
                log.error("session %s: the answer was aborted: %s", exchange.session, failure.strerror or failure)
            else:
                log.error("session %s failed while the answer was sent", exchange.session, exc_info=failure)
            raise BrokenOff() from None
        is_guess = call is not None and call.is_guess(failure)
        if is_guess or (self._guesses.seen and isinstance(failure, errors.Refused)):
            public = call.claimed() if call is not None else claimed_by(exchange.headers, ())
            failure = self._guessed(failure, exchange, public, is_guess)
        self._count(failure)
        refusal = refusal_of(failure, f"session {exchange.session}")
        if refusal.status == 500 and call is not None and exchange.operation in call.traits.probing:
            self._writes.failed()
        exchange.ret_code = refusal.ret_code
        if call is not None:
            response = call.refuse(refusal)
        else:
            response = encoded(refusal, exchange.session, is_only_s3(exchange))
        self._noted(exchange, response.status)
        self._metrics.refused(refusal.ret_code)
        self._requests.refuse(
            RefusedRequest(
                *(self._service.clock(), response.status, type(refusal).__name__, refusal.ret_code or 0),
                *(exchange.operation, exchange.space, exchange.key, exchange.session),
            ),
            exchange.account,
        )
        return response

    async def _recognise(self, exchange: Exchange) -> DialectCall[Any, Any]:
        """The request as a call of its dialect.  The head alone decides which dialect it is, but for a form.

        BadRequest; of a form also Throttled, TooLarge and Unavailable.
        """
        request = exchange.request
        target = location.parse_target(request.raw_path)
        host = target.authority or exchange.headers.get("Host", "")
        query, headers, only_s3 = target.query, exchange.headers, is_only_s3(exchange)
        decided = recognition.by_signature(query, headers, port=only_s3)
        if decided is not False:
            name = self._s3_names.match(host)
            if name is not None and name.space and await self._service.catalog.space(name.space) is not None:
                name = None
            if decided or recognition.is_s3(request.method, query, headers, name):
                return S3Call(exchange, self._pipeline, target, host, "" if name is None else name.bucket)
        if is_management(exchange, target):
            return ManagementPlaneCall(exchange, self._pipeline, target, host)
        if decided is None and _takes_form(exchange, target, host):
            return await self._recognise_form(exchange, target, host)
        return UfileCall(exchange, self._pipeline, target, host)

    async def _recognise_form(
        self, exchange: Exchange, target: location.RequestTarget, host: str
    ) -> DialectCall[Any, Any]:
        """The call of a form whose dialect only its fields can tell."""
        if self._guesses.seen:
            self._guesses.check(exchange.sender, "")
        form = await begun(exchange, self._headroom)
        if recognition.is_form(form.fields):
            return S3Call(exchange, self._pipeline, target, host, begun=form)
        return UfileCall(exchange, self._pipeline, target, host, form)

    def _noted(self, exchange: Exchange, status: int) -> None:
        """Write the audit line of a finished operation, unless it is written already."""
        entry, exchange.entry = exchange.entry, None
        if entry is not None:
            code = exchange.ret_code or 0
            self._audit.end(entry, status, code, exchange.sender.address, exchange.session)

    def _count(self, failure: Exception) -> None:
        cause = cause_of(failure)
        if cause is not None:
            self._metrics.failed(cause)

    def _guessed(self, failure: Exception, exchange: Exchange, public: str, is_guess: bool) -> Exception:
        """The error to answer with.  Counts a wrong signature; a client that sent too many always gets Throttled."""
        try:
            if is_guess:
                self._guesses.wrong(exchange.sender, public)
            else:
                self._guesses.check(exchange.sender, public)
        except errors.Throttled as throttled:
            self._hint(exchange)
            return throttled.with_traceback(None)  # its traceback holds frames, and these hold this error and the call
        return failure

    def _hint(self, exchange: Exchange) -> None:
        """Log once that the throttled client may be a proxy with many clients behind it."""
        if not self._hinted and self.server.proxies.believes_nobody(exchange.headers):
            self._hinted = True
            log.warning(
                "requests from %s are refused because of wrong signatures, but their headers name other clients: "
                "if it is a proxy, start the server with --trusted-proxy %s",
                *(exchange.sender.address,) * 2,
            )


def _takes_form(exchange: Exchange, target: location.RequestTarget, host: str) -> bool:
    """Whether the request is a form upload, by whatever address."""
    if exchange.request.method != "POST" or not postfile.is_form(exchange.headers):
        return False
    return all(dialect.takes_form(each, target.query) for each in location.addresses(host, None, target.path))


def is_only_s3(exchange: Exchange) -> bool:
    """Whether the request came to the port that serves only S3."""
    return bool(getattr(exchange.request.protocol, "only_s3", False))


def _preflight(exchange: Exchange) -> message.Response | None:
    """The answer to a CORS preflight from an allowed origin; else None."""
    request, crossing = exchange.request, exchange.crossing
    if request.version[0] < LEAST_VERSION[0]:
        raise errors.BadRequest("the request has an unsupported version of HTTP")
    if crossing is None or request.method != "OPTIONS":
        return None
    told = crossing.preflight(exchange.headers.get("Access-Control-Request-Headers", ""))
    return message.Response(204, message.Headers(told), b"")


def _log_access(exchange: Exchange, seconds: float) -> None:
    """Log one JSON object.  ``id`` is the answer's X-SessionId.  No query: it may contain a signature."""
    fields = {
        "time": round(time.time(), 3),
        "id": exchange.session,
        "remote": exchange.sender.address,
        "method": exchange.request.method,
        "space": exchange.space,
        "key": exchange.key,
        "status": exchange.status,
        "received": exchange.received,
        "sent": exchange.sent,
        "seconds": round(seconds, 6),
    }
    access.info("%s", json.dumps(fields, separators=(",", ":")))
