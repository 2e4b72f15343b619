"""What cancels a transfer from another thread: see Cancel."""

from __future__ import annotations

from uvideo._core import interrupt

__all__ = ["Cancel"]

Cancel = interrupt.Interrupt
