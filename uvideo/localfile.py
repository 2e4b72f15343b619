"""The core's ``localfile``, for the tools: how a file gets the name of another one on every system."""

from __future__ import annotations

from uvideo._core import localfile

__all__ = ["replace"]

replace = localfile.replace
