"""Whether this program uses OpenTelemetry, without importing it."""

from __future__ import annotations

import sys

__all__ = ["is_on"]


def is_on() -> bool:
    """Whether the process has set a tracer provider."""
    api = sys.modules.get("opentelemetry.trace")
    return api is not None and not isinstance(api.get_tracer_provider(), api.ProxyTracerProvider)
