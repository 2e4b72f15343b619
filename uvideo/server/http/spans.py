"""OpenTelemetry spans of the server: one for each request, a child of the caller's span if it sent a traceparent.

Loaded only if ``--telemetry`` or the embedding program asks for it.  A span contains no object keys, public keys,
queries or error texts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from uvideo._core import __version__, message
from uvideo.server.http.exchange import Disconnected, Exchange
from uvideo.server.ops.metrics import METHODS

__all__ = ["ExporterMissing", "Spans", "set_up"]

GONE = 499  # the status of a request whose client disconnected
_FIELDS = ("traceparent", "tracestate")
_PROPAGATOR = TraceContextTextMapPropagator()


class ExporterMissing(Exception):
    """The exporter is not installed.  The text says what to install."""


def set_up() -> None:
    """Set a tracer provider that exports by OTLP over HTTP, configured by OTEL_....  ExporterMissing; ValueError."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as failure:
        raise ExporterMissing(
            f"--telemetry needs {failure.name}, which is not installed: pip install 'uvideo[telemetry]' "
            "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
        ) from None
    resource = Resource({SERVICE_NAME: "uvideo"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


class Spans:
    """Makes the spans of one process, with the present tracer provider."""

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("uvideo.server", __version__)

    @contextmanager
    def of(self, exchange: Exchange) -> Iterator[Span]:
        """The span of a request, open during the block.  Its name is the operation, once that is known."""
        method = exchange.request.method if exchange.request.method in METHODS else "_OTHER"
        span = self._tracer.start_span(
            method if method != "_OTHER" else "HTTP",
            _caller(exchange.headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "uvideo.request_id": exchange.session},
        )
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except Disconnected:
            exchange.status = GONE
            raise
        finally:
            if span.is_recording():
                _tell(span, exchange)
            span.end()

    async def close(self) -> None:
        """Export the remaining spans, for at most OTEL_EXPORTER_OTLP_TIMEOUT (10 s)."""
        provider: Any = trace.get_tracer_provider()
        if hasattr(provider, "shutdown"):
            await asyncio.to_thread(provider.shutdown)


def _caller(headers: message.Headers) -> context.Context:
    """The caller's trace context; empty without a traceparent.  Nothing from this process."""
    fields = {name: value for name in _FIELDS if (value := headers.get(name)) is not None}
    return _PROPAGATOR.extract(fields, context.Context())


def _tell(span: Span, exchange: Exchange) -> None:
    if exchange.operation:
        span.update_name(exchange.operation)
    span.set_attribute("http.response.status_code", exchange.status)
    span.set_attribute("http.request.body.size", exchange.received)
    span.set_attribute("http.response.body.size", exchange.sent)
    if exchange.space:
        span.set_attribute("uvideo.space", exchange.space)
    if exchange.ret_code is not None:
        span.set_attribute("uvideo.ret_code", exchange.ret_code)
    if exchange.status >= GONE:
        span.set_status(Status(StatusCode.ERROR))
