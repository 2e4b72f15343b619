"""Whether this program uses OpenTelemetry, found out without loading it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

__all__ = ["is_on", "whole"]


def is_on() -> bool:
    """Whether somebody in this process has set a tracer provider."""
    api = sys.modules.get("opentelemetry.trace")
    return api is not None and not isinstance(api.get_tracer_provider(), api.ProxyTracerProvider)


def whole(carrier: Any, name: str, space: str = "") -> AbstractContextManager[Any]:
    """The Carrier of a transfer, for as long as that lasts; if it makes spans, those of the transfer lie in one."""
    if not hasattr(carrier, "whole"):
        return nullcontext(carrier)
    made: AbstractContextManager[Any] = carrier.whole(name, space)
    return made
