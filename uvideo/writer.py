"""The published place of Writer: see ``uvideo.client.writer``."""

from __future__ import annotations

from uvideo.client.writer import Writer

__all__ = ["Writer"]
