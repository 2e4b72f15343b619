"""OpenTelemetry spans of the clients: one for each transfer, operation and try.

    Upload                       a transfer
      UploadPart                 an operation, with the waits between its tries
        UploadPart               a try, whose request has the header traceparent

A client has spans if the program set a tracer provider before creating it; otherwise this module is not imported.
Spans never contain an object's key, a key pair, a URL or an error's text, which may quote any of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from uvideo._core import __version__, carrier, field, message, operation, pool
from uvideo._core import cancel as interrupt
from uvideo.client.aio_carrier import AsyncCarrier
from uvideo.errors import UVideoError

if TYPE_CHECKING:
    from uvideo._core import Operation
    from uvideo._core import retry as retries

R = TypeVar("R")
Stream = pool.Stream
Interrupt = interrupt.Interrupt

__all__ = ["TracedAsyncCarrier", "TracedCarrier", "TracedTransport"]

TOLD = 200  # of the service's message
_PROPAGATOR = TraceContextTextMapPropagator()
_trying: ContextVar[Span | None] = ContextVar("uvideo_trying", default=None)


def _start(op: Operation, kind: SpanKind, where: context.Context | None) -> Span:
    space, part = getattr(op, "space", None), getattr(op, "part", None)
    attributes: dict[str, str | int] = {}
    if space:
        attributes["uvideo.space"] = str(space)
    if part is not None:
        attributes["uvideo.part"] = part
    tracer = trace.get_tracer("uvideo", __version__)
    return tracer.start_span(type(op).__name__, where, kind=kind, attributes=attributes)


@contextmanager
def _current(span: Span, ends: bool = True) -> Iterator[Span]:
    """Make this the current span of the thread or task.  An error of the block is recorded by class and code."""
    try:
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield span
    except BaseException as error:
        _failed(span, error)
        span.end()
        raise
    if ends:
        span.end()


@contextmanager
def _try(op: Operation, where: context.Context | None = None, *, number: int = 1, ends: bool = True) -> Iterator[Span]:
    """Make one try's span current, so that requests in the block belong to it."""
    with _current(_start(op, SpanKind.CLIENT, where), ends) as span:
        if number > 1:
            span.set_attribute("http.request.resend_count", number - 1)
        token = _trying.set(span)
        try:
            yield span
        finally:
            _trying.reset(token)


def _failed(span: Span, error: BaseException) -> None:
    if span.is_recording():
        span.set_attribute("error.type", type(error).__name__)
        if isinstance(error, UVideoError):
            _say(span, error.ret_code, error.request_id)
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))


def _say(span: Span, ret_code: int | None, request_id: str | None) -> None:
    if ret_code is not None:
        span.set_attribute("uvideo.ret_code", ret_code)
    if request_id:
        span.set_attribute("uvideo.request_id", request_id[:TOLD])


def _ask(request: message.Request, size: int | None) -> None:
    """Record the request, and add the header traceparent after signing, which does not cover it."""
    span = _trying.get()
    if span is None:
        return
    fields: dict[str, str] = {}
    _PROPAGATOR.inject(fields, trace.set_span_in_context(span))
    for name, value in fields.items():
        request.headers.add(name, value)
    if span.is_recording():
        span.set_attribute("http.request.method", request.method)
        span.set_attribute("server.address", request.origin.partition("://")[2])
        if size:
            span.set_attribute("http.request.body.size", size)


def _told(status: int, headers: message.Headers) -> None:
    """Record the response."""
    span = _trying.get()
    if span is None or not span.is_recording():
        return
    span.set_attribute("http.response.status_code", status)
    length = headers.get("Content-Length") or ""
    if length.isdecimal():
        span.set_attribute("http.response.body.size", int(length))
    _say(span, None, headers.get(field.SESSION))


class TracedTransport(pool.Transport):
    """A Transport that records requests and responses in the try's span."""

    def open(
        self,
        request: message.Request,
        body: bytes | pool.Body | None = None,
        seconds: float | None = None,
        interrupt: pool.Wish | None = None,
    ) -> Stream:
        sent = request.body if body is None else body
        _ask(request, len(sent) if isinstance(sent, bytes) else sent.length)
        stream = super().open(request, body, seconds, interrupt)
        _told(stream.status, stream.headers)
        return stream


class TracedCarrier(carrier.Carrier):
    """A Carrier over a TracedTransport whose operations are spans."""

    #: The parent span on threads without a current span: the transfer's.
    _context: context.Context | None = None

    def bound(self, interrupt: Interrupt | None = None, deadline: float | None = None) -> TracedCarrier:
        made = super().bound(interrupt, deadline)
        made._context = context.get_current()
        return made

    def where(self) -> context.Context | None:
        """The parent for a new span; None: the thread's current span."""
        return None if trace.get_current_span() is not trace.INVALID_SPAN else self._context

    @contextmanager
    def whole(self, name: str, space: str) -> Iterator[TracedCarrier]:
        """A Carrier like this one for one transfer, whose span is the parent of its operations on every thread."""
        tracer = trace.get_tracer("uvideo", __version__)
        with _current(tracer.start_span(name, attributes={"uvideo.space": space} if space else None)):
            yield self.bound(self.interrupt, self.deadline)

    def persist(
        self,
        once: Callable[[float | None], R],
        op: Operation,
        retry: retries.Decides | None = None,
        lost: list[UVideoError] | None = None,
    ) -> R:
        tries = 0

        def tried(until: float | None) -> R:
            nonlocal tries
            tries += 1
            with _try(op, number=tries):
                return once(until)

        with _current(_start(op, SpanKind.INTERNAL, self.where())):
            return super().persist(tried, op, retry, lost)

    def open(
        self,
        op: operation.GetObject,
        expires: int | None = None,
        headers: Iterable[tuple[str, str]] = (),
        until: float | None = None,
    ) -> Stream:
        """Outside of ``persist``, this makes a span of its own, which lasts until the stream is closed."""
        if _trying.get() is not None:
            return super().open(op, expires, headers, until)
        with _try(op, self.where(), ends=False) as span:
            stream = super().open(op, expires, headers, until)
        close: Callable[[bool], None] = stream.close

        def closed(reuse: bool = False) -> None:
            close(reuse)
            if span.is_recording():
                span.end()

        stream.close = closed  # type: ignore[method-assign]  # this stream only
        return stream


class TracedAsyncCarrier(AsyncCarrier):
    """An AsyncCarrier over a TracedCarrier, whose operations are spans."""

    async def persist(
        self, once: Callable[[float | None], Awaitable[R]], op: Operation, lost: list[UVideoError] | None = None
    ) -> R:
        tries = 0

        async def tried(until: float | None) -> R:
            nonlocal tries
            tries += 1
            with _try(op, number=tries):
                return await once(until)

        with _current(_start(op, SpanKind.INTERNAL, None)):
            return await super().persist(tried, op, lost)

    async def send(
        self, request: message.Request, body: bytes | None, most: int | None, until: float | None = None
    ) -> message.Response:
        _ask(request, len(request.body if body is None else body))
        response = await super().send(request, body, most, until)
        _told(response.status, response.headers)
        return response
