"""Whether this program uses OpenTelemetry, without importing it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvideo.client.session import Carrier

__all__ = ["is_on", "whole"]


def is_on() -> bool:
    """Whether the process has set a tracer provider."""
    api = sys.modules.get("opentelemetry.trace")
    return api is not None and not isinstance(api.get_tracer_provider(), api.ProxyTracerProvider)


def whole(carrier: Carrier, name: str, space: str = "") -> AbstractContextManager[Carrier]:
    """The Carrier for a whole transfer.  If tracing is on, one span encloses the transfer's spans."""
    if not hasattr(carrier, "whole"):
        return nullcontext(carrier)
    made: AbstractContextManager[Carrier] = carrier.whole(name, space)
    return made
