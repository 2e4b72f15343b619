"""Cancels a transfer from another thread: see Cancel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from uvideo._core import cancel

__all__ = ["Cancel"]


class Cancel(cancel.Interrupt):
    """Cancels a transfer, once and for good.

    The transfer ends at its next wait, piece or request.  Safe to share between threads.
    """

    @contextmanager
    def leading(self, other: Cancel) -> Iterator[None]:
        """Inside the block, setting this also sets ``other``."""

        def lead() -> None:
            other.set(self._error)

        self.remember(lead)
        try:
            yield
        finally:
            self.forget(lead)
