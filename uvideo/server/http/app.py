"""HTTP <-> messages.  It carries; every rule is in the protocol core or the service.

The one place where an error becomes an answer.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from aiohttp import web

from uvideo._core import (
    answer,
    compat,
    dialect,
    errors,
    management,
    message,
    operation,
    policy,
    postfile,
    provider,
    signature,
)
from uvideo.server.auth import temporary_keys
from uvideo.server.auth.client_address import Senders
from uvideo.server.auth.credentials import Key
from uvideo.server.http import cross_origin as crossorigin
from uvideo.server.http.callback import Callbacks
from uvideo.server.http.connection import KEEP_ALIVE, Server
from uvideo.server.http.cross_origin import CrossOrigin
from uvideo.server.http.error_responses import refusal_of
from uvideo.server.http.exchange import (
    IDLE,
    LEAST_RATE,
    LEAST_VERSION,
    BrokenOff,
    Disconnected,
    Exchange,
    Unreadable,
    Watch,
)
from uvideo.server.http.form_upload import Form, boundary_of
from uvideo.server.http.rate_limits import Limits
from uvideo.server.ops.audit import FREES, OFF, Audit, Entry, Who, details
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.readiness import Writes
from uvideo.server.ops.refusal_causes import cause_of
from uvideo.server.rules.rights import Rights
from uvideo.server.rules.server_names import OwnNames
from uvideo.server.rules.service import Content, Grant, Service, who
from uvideo.server.rules.space_hosts import SpaceHosts
from uvideo.server.rules.spaces import Spaces
from uvideo.server.rules.usage import Usage
from uvideo.storage.base import SpaceRecord, TokenRecord

if TYPE_CHECKING:
    from uvideo.server.http.spans import Spans

__all__ = ["App", "is_management"]

FORM_LIMIT = 1024 * 1024  # bytes of a management call
DOCUMENT_LIMIT = 64 * 1024  # bytes of tags, or of a media type
CALLING = (operation.PutObject, operation.FinishUpload)  # what a put policy may go with; source: signing.md section 4
WRONG = (errors.SignatureMismatch, errors.UnknownKey)  # what a guess is answered with
#: Steps of uploads that are counted, so that one sees how many stay unfinished.
COUNTED: dict[type, str] = {
    operation.InitiateUpload: "uvideo_uploads_begun_total",
    operation.FinishUpload: "uvideo_uploads_finished_total",
    operation.AbortUpload: "uvideo_uploads_aborted_total",
}
#: What needs room on the disk.
STORING = frozenset(
    (
        *(operation.PutObject, operation.InitiateUpload, operation.UploadPart),
        *(operation.AppendObject, operation.CopyPart, operation.CopyObject, operation.UploadHit),
    )
)
#: Those of them that tell whether the disk and the catalog take anything.
PUTS = frozenset(cls.__name__ for cls in (operation.PutObject, operation.InitiateUpload, operation.UploadPart))

Pairs = Sequence[tuple[str, str]]

log = logging.getLogger("uvideo.server")
access = logging.getLogger("uvideo.access")


class App:
    """The data plane and the management plane on one port.

    ``server`` is what asyncio's create_server takes.  ``idle``, ``keep_alive``: seconds.  ``least_rate``: bytes a
    second.  ``callbacks``: None for those that go to public addresses only.  ``limits``: None for none.
    ``cross_origin``: which pages of other origins may read its answers; None: none.  ``spans``: what makes a span of
    each request; None: nothing does.  ``names``: of the server's own.  ``hosts``: of spaces, as answers say them.
    ``writes``: what is told how puts end.  ``senders``: which proxies are trusted to say who sends; None: none.
    ``audit``: what is told who changed what.
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
        senders: Senders | None = None,
        audit: Audit = OFF,
    ) -> None:
        self._service, self._metrics, self._audit = service, metrics, audit
        self._rights = Rights(service)
        self._writes = writes or Writes()
        self._usage = Usage(service.catalog, service.clock)
        self._names = names or OwnNames()
        self.spaces = Spaces(service, self._usage, self._names, hosts)
        self._cross_origin = cross_origin or CrossOrigin()
        self._callbacks = callbacks or Callbacks()
        limits = limits or Limits()
        self._guesses, self._rates, self._headroom = limits.guesses, limits.rates, limits.headroom
        self._watch = Watch(idle, least_rate)
        self._draining = self._hinted = False
        self._spans = spans
        self.server = Server(
            self._handle,
            metrics,
            senders,
            most=limits.connections,
            each=limits.connections_each,
            keep_alive=keep_alive,
            counted=True,
        )
        self._watch.start()
        service.memory.start()

    def change(self, idle: float, least_rate: float) -> None:
        """Other limits for requests and answers, for those under way too."""
        self._watch.change(idle, least_rate)

    def is_stopping(self) -> bool:
        """Whether it was told to drain."""
        return self._draining

    def has_room(self) -> bool:
        """Whether the disk has more free than its headroom."""
        return self._headroom is None or self._headroom.has(0)

    async def drain(self, deadline: Callable[[], float | None], *, keep_idle: bool = False) -> bool:
        """Let the requests in flight finish; True if all did.  The caller has stopped listening.

        ``deadline``, ``keep_idle``: as of ``Server.drained``.  From now on each answer ends its connection.
        """
        self._draining = True
        finished = await self.server.drained(self._watch, deadline, keep_idle=keep_idle)
        self._watch.stop()
        self._service.memory.stop()
        await self.server.shutdown(1.0)
        await self._usage.stop()
        return finished

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = self.exchange(request)
        exchange.budget = self._service.memory.others
        exchange.crossing = self._cross_origin.of(exchange.headers)
        self._watch.active.add(exchange)
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
            unsent = web.Response()  # nobody gets it
            unsent.force_close()
            return unsent
        finally:
            self._watch.active.discard(exchange)
            exchange.end()
            self._noted(exchange, exchange.status)
            seconds = time.perf_counter() - started
            self._metrics.end(request.method, exchange.status, exchange.received, exchange.sent, seconds)
            stored = exchange.received if exchange.status < 300 else 0
            if exchange.space and (exchange.sent or stored):
                self._usage.add(exchange.space, exchange.sent, stored)
            if access.isEnabledFor(logging.INFO):
                _log_access(exchange, seconds)

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        content = None
        exchange.closing = self._draining
        try:
            response, content = await self._respond(exchange)
            self._noted(exchange, response.status)
            if exchange.operation in PUTS:
                self._writes.worked()
            if self._draining:
                exchange.closing = True
            return await exchange.answer(response, content)
        except Exception as raised:
            if isinstance(raised, Disconnected):
                raise
            failure: Exception = raised.failure if isinstance(raised, Unreadable) else raised
            if exchange.request.writer.output_size:  # the head is gone: only a broken connection tells
                self._count(failure)
                if isinstance(failure, OSError):
                    log.error("session %s: broken off: %s", exchange.session, failure.strerror or failure)
                else:
                    log.error("session %s failed within its answer", exchange.session, exc_info=failure)
                raise BrokenOff() from None
            if type(failure) in WRONG or (self._guesses.seen and isinstance(failure, errors.Refused)):
                failure = self._guessed(failure, exchange, _claimed(exchange.headers, _query(exchange)))
            self._count(failure)
            refusal = refusal_of(failure, f"session {exchange.session}")
            if refusal.status == 500 and exchange.operation in PUTS:
                self._writes.failed()
            exchange.ret_code = refusal.ret_code
            self._noted(exchange, refusal.status)
            self._metrics.refused(refusal.ret_code)
            return await exchange.answer(answer.encode_error(refusal))
        finally:
            if content is not None and content.reader is not None:
                await content.reader.close()

    def _note(self, exchange: Exchange, who: Who, cls: type, space: str, key: str) -> None:
        """Begin the line of an operation that was asked for with a right signature.  Unavailable."""
        if self._audit.wants(cls):
            self._audit.admit(frees=cls in FREES)
            exchange.entry = Entry(who, cls.__name__, space, key)

    def _noted(self, exchange: Exchange, status: int) -> None:
        """Write the line that was begun, unless it is written: the operation is over."""
        entry, exchange.entry = exchange.entry, None
        if entry is not None:
            code = exchange.ret_code or 0
            self._audit.end(entry, status, code, exchange.sender.address, exchange.session)

    async def _respond(self, exchange: Exchange) -> tuple[message.Response, Content | None]:
        """The answer to a request.  Refused, OSError, Disconnected."""
        request, headers = exchange.request, exchange.headers
        if request.version[0] < LEAST_VERSION[0]:
            raise errors.BadRequest("the request says no version of HTTP that is served")
        if exchange.crossing is not None and request.method == "OPTIONS":
            told = exchange.crossing.preflight(headers.get("Access-Control-Request-Headers", ""))
            return message.Response(204, message.Headers(told), b""), None
        target = dialect.parse_target(request.raw_path)
        host = target.authority or headers.get("Host", "")
        if is_management(exchange, target):
            return await self._manage(exchange, target, host), None
        self._check_guesses(exchange, target.query)
        bucket = headers.get("Bucket")
        addresses = dialect.addresses(host, bucket, target.path)
        domain, own = (None, False) if bucket else (provider.domain_of(host), self._names.owns(host))
        space, address = await self._service.locate(addresses, domain, own)
        exchange.space = space.name
        if request.method == "OPTIONS" and headers.get("Origin") is not None:
            raise crossorigin.denied()
        if request.method == "POST" and postfile.is_form(headers) and dialect.takes_form(address, target.query):
            return await self._post_form(exchange, space, address), None
        grant = await self._service.authorize(request.method, headers, target.query, space, address)
        exchange.key, cls = grant.key, grant.operation
        self._note(exchange, grant.who, cls, space.name, grant.key)
        self._check_guesses(exchange, target.query)  # many at once: those before it may have used up what it had
        if self._rates.limit:
            self._rates.take(_claimed(headers, target.query) or exchange.sender.name)
        exchange.operation = cls.__name__
        body = (
            await exchange.small(DOCUMENT_LIMIT) if cls in dialect.SMALL and cls is not operation.FinishUpload else b""
        )
        op = dialect.decode(cls, space.name, grant.key, grant.query, grant.headers, body)
        if exchange.entry is not None:
            exchange.entry.more.update(details(op))
        service = self._service
        if grant.token is not None:
            service = await self._rights.permit(grant.token, op, space, exchange.sender)
        if grant.query.left_out:
            service = await self._rights.add(op, space)
        if isinstance(op, operation.FinishUpload):
            # The list may be long: only for who may finish, and no longer than the stored parts need.
            body = await self._etags(exchange, op, space)
            op = dialect.decode(cls, space.name, grant.key, grant.query, grant.headers, body)
        if isinstance(op, operation.GetObject):
            info, content = await service.get(op, space)
            return answer.encode(op, info), content
        asked = self._callback(grant) if cls in CALLING else None
        with self._announced(cls, exchange):
            result = await self._done(service, op, space, exchange)
        return await self._called_back(asked, answer.encode(op, result)), None

    def _announced(self, cls: type[dialect.Operation], exchange: Exchange) -> AbstractContextManager[None]:
        """While the request is done: room on the disk for what it says that it will store.  Unavailable."""
        if self._headroom is None or cls not in STORING:
            return nullcontext()
        return self._headroom.announced((exchange.length or 0) if cls in dialect.BULK else 0)

    async def _done(
        self, service: Service, op: dialect.Operation, space: SpaceRecord, exchange: Exchange
    ) -> answer.Result:
        """The result of any operation but GetObject."""
        if isinstance(op, operation.PutObject):
            return await service.put(op, space, exchange)
        if isinstance(op, operation.UploadPart):
            return await service.part(op, space, exchange)
        if isinstance(op, operation.AppendObject):
            return await service.append(op, space, exchange)
        if isinstance(op, operation.UploadHit):
            await exchange.skip()  # JS sends the file along
        result = await service.run(op, space)
        if isinstance(result, operation.Finished) and exchange.entry is not None:
            exchange.entry.object = result.key
        if type(op) in COUNTED:
            self._metrics.add(COUNTED[type(op)])
        return result

    def _count(self, failure: Exception) -> None:
        cause = cause_of(failure)
        if cause is not None:
            self._metrics.failed(cause)

    async def _etags(self, exchange: Exchange, op: operation.FinishUpload, space: SpaceRecord) -> bytes:
        """The body of a FinishUpload.  InvalidPartList if it is longer than the etags of the parts that are there."""
        try:
            return await exchange.small(await self._service.list_length(op, space))
        except errors.TooLarge:
            raise errors.InvalidPartList("the list of etags is longer than that of the parts that were sent") from None

    def _check_guesses(self, exchange: Exchange, query: Pairs) -> None:
        """Throttled if its sender sent too many wrong signatures for its key."""
        if self._guesses.seen:
            self._guesses.check(exchange.sender, _claimed(exchange.headers, query))

    def _guessed(self, failure: Exception, exchange: Exchange, public: str) -> Exception:
        """What a refusal is answered with: a wrong signature is counted, and who sent too many is told nothing else."""
        try:
            if type(failure) in WRONG:
                self._guesses.wrong(exchange.sender, public)
            else:
                self._guesses.check(exchange.sender, public)
        except errors.Throttled as throttled:
            self._hint(exchange)
            return throttled
        return failure

    def _hint(self, exchange: Exchange) -> None:
        """Say once that whoever is held up may be a proxy, which stands for many."""
        if not self._hinted and self.server.senders.believes_nobody(exchange.headers):
            self._hinted = True
            log.warning(
                "wrong signatures hold up %s, whose requests say that others sent them: if it is a proxy, start the "
                "server with --trusted-proxy %s",
                *(exchange.sender.address,) * 2,
            )

    async def _post_form(self, exchange: Exchange, space: SpaceRecord, address: dialect.Address) -> message.Response:
        """The answer to a form upload.  All that stands before the file is judged before the file is read."""
        form = Form(boundary_of(exchange.headers.get("Content-Type") or ""), exchange.chunk, exchange)
        if self._headroom is not None:
            self._headroom.check(exchange.length or 0)
        fields = await form.fields()
        key, readings = postfile.readings(exchange.headers, fields, form.mime, dialect.key_of(address))
        exchange.key, address = key, address._replace(path=compat.quote_path(key))
        exchange.operation = operation.PutObject.__name__
        sender, public = exchange.sender, _claimed(readings[0], ())
        self._guesses.check(sender, public)
        while True:
            headers = readings.pop(0)
            try:
                grant = await self._service.authorize("POST", headers, (), space, address, form=True)
                self._guesses.check(sender, public)
                break
            except WRONG as failure:
                if type(failure) is errors.UnknownKey or not readings:
                    self._guesses.wrong(sender, public)
                    raise
        self._note(exchange, grant.who, grant.operation, space.name, grant.key)
        if self._rates.limit:
            self._rates.take(public or sender.name)
        op = dialect.decode(grant.operation, space.name, grant.key, grant.query, grant.headers)
        assert isinstance(op, operation.PutObject)
        service = self._service
        if grant.token is not None:
            service = await self._rights.permit(grant.token, op, space, sender)
        asked = self._callback(grant)
        with self._announced(operation.PutObject, exchange):
            result = await service.put(op, space, form)
        return await self._called_back(asked, answer.encode(op, result))

    def _callback(self, grant: Grant) -> policy.Policy | None:
        """The put policy of a request, or None.  BadRequest, before anything is stored, if nobody can be called so."""
        if grant.policy is not None:
            self._callbacks.check(grant.policy)
        return grant.policy

    async def _called_back(self, asked: policy.Policy | None, response: message.Response) -> message.Response:
        """The answer of an upload that is stored: what the callback says, if one was asked for.  CallbackFailed."""
        if asked is None:
            return response
        return policy.passed_through(response, await self._callbacks.call(asked))

    async def _manage(self, exchange: Exchange, target: dialect.Target, host: str) -> message.Response:
        """The answer of the management plane: HTTP 200, whatever happens."""
        given = dict(target.query)
        try:
            body = await exchange.small(FORM_LIMIT) if exchange.request.method == "POST" else b""
            given = management.parameters(target.query, exchange.headers, body)
            asked = management.OPERATIONS.get(str(given.get("Action")))
            exchange.operation = asked.__name__ if asked is not None else ""
            public = str(given.get("PublicKey"))
            self._guesses.check(exchange.sender, public)

            def admit(known: Key | TokenRecord) -> None:
                self._guesses.check(exchange.sender, known.public)
                if asked is not None:
                    space = str(given.get("BucketName") or given.get("SpaceName") or "")
                    self._note(exchange, who(known, "management"), asked, space, "")
                if self._rates.limit:
                    self._rates.take(known.public)

            result, name = await self.spaces.run(given, host, admit)
            if exchange.entry is not None:
                exchange.entry.more.update(_managed(given, result))
            return management.encode_result(name, result)
        except Disconnected:
            raise
        except Exception as failure:
            failure = self._guessed(failure, exchange, str(given.get("PublicKey")))
            self._count(failure)
            refusal = refusal_of(failure, f"session {exchange.session}")
            exchange.ret_code = refusal.action_code or refusal.ret_code
            self._metrics.refused(refusal.ret_code)
            return management.encode_error(str(given.get("Action") or "")[:64], refusal)


def _managed(given: Mapping[str, object], result: management.Result) -> dict[str, str]:
    """What of a management call is worth a line: which token, or whose temporary keys."""
    if isinstance(result, operation.TemporaryKeys):
        return {"made": result.public_key}
    token_id = getattr(result, "token_id", None) or given.get("TokenId")
    return {"about_token": token_id} if isinstance(token_id, str) else {}


def _claimed(headers: message.Headers, query: Pairs) -> str:
    """The public key whose private key a request is to prove, "" if none can be read."""
    try:
        claimed = signature.claim(headers, query)
    except errors.Refused:
        return ""
    return temporary_keys.issuer(claimed.public_key, headers, query) if claimed is not None else ""


def _query(exchange: Exchange) -> Pairs:
    try:
        return dialect.parse_target(exchange.request.raw_path).query
    except errors.Refused:
        return ()


def is_management(exchange: Exchange, target: dialect.Target) -> bool:
    """Source: management-plane.md section 1.  A form upload goes to the same place."""
    if target.path != "/":
        return False
    if exchange.request.method == "POST":
        return not postfile.is_form(exchange.headers)
    names = {name for name, _ in target.query}
    return exchange.request.method == "GET" and ("Action" in names or {"PublicKey", "Signature"} <= names)


def _log_access(exchange: Exchange, seconds: float) -> None:
    """One JSON object.  ``id`` is the X-SessionId of the answer; the query is left out, it may hold a signature."""
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
