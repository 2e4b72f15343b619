"""The published place of Reader: see ``uvideo.client.reader``."""

from __future__ import annotations

from uvideo.client.reader import Reader

__all__ = ["Reader"]
