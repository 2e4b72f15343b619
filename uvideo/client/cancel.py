"""What cancels a transfer from another thread: see Cancel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from uvideo._core import cancel

__all__ = ["Cancel"]


class Cancel(cancel.Interrupt):
    """Set once, for good: a transfer then ends at its next wait, piece or request.  Safe to share between threads."""

    @contextmanager
    def leading(self, other: Cancel) -> Iterator[None]:
        """While the block runs, ``other`` is set when this one is."""

        def lead() -> None:
            other.set(self._error)

        self.remember(lead)
        try:
            yield
        finally:
            self.forget(lead)
