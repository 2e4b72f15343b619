"""The retry policy: see Retry."""

from __future__ import annotations

from uvideo._core import retry

__all__ = ["Retry"]

Retry = retry.Retry
