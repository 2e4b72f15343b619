"""The published place of AsyncReader and AsyncWriter: see ``uvideo.client.aio_file``."""

from __future__ import annotations

from uvideo.client.aio_file import AsyncReader, AsyncWriter

__all__ = ["AsyncReader", "AsyncWriter"]
