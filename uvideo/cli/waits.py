"""A retry policy that tells the display of its waits."""

from __future__ import annotations

from collections.abc import Callable

from uvideo import Retry, Settings, errors
from uvideo.cli import failure
from uvideo.client.carrier import retry_of

__all__ = ["telling"]


def telling(settings: Settings, tell: Callable[[float, str], None]) -> Retry:
    """The Retry of the settings, which calls tell(seconds, reason) before each wait."""

    class Telling(Retry):
        def decide(self, attempt: int, error: errors.UVideoError, waited: float, fraction: float) -> float | None:
            seconds = super().decide(attempt, error, waited, fraction)
            if seconds is not None:
                tell(seconds, failure.text(error))
            return seconds

    return Telling(*retry_of(settings))
