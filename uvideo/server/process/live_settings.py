"""The parts of a worker whose settings can change while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvideo.server.ops.scrub import Scrubber
from uvideo.server.process.reload import News
from uvideo.server.process.settings import ServerSettings
from uvideo.server.process.tls_certificate import ServerCertificate

__all__ = ["Live", "Scrubbing"]

MIB = 1024 * 1024


class Scrubbing:
    """Runs a scrubber, made by ``make``, if the settings ask for one."""

    def __init__(self, make: Callable[[ServerSettings], Scrubber]) -> None:
        self._make = make
        self._task: asyncio.Task[None] | None = None
        self._terms: tuple[float, float] | None = None

    def take(self, settings: ServerSettings) -> None:
        """Start, stop, or restart the scrubber with other settings; it continues where it was."""
        terms = settings.scrub_days, settings.scrub_rate
        if terms == self._terms:
            return
        self.stop()
        self._terms = terms
        if settings.scrub_days:
            self._task = asyncio.get_running_loop().create_task(self._make(settings).run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None


class Live:
    """``certificate``: None without TLS.  ``parts``: they get the settings in this order."""

    def __init__(self, certificate: ServerCertificate | None, *parts: Callable[[ServerSettings], None]) -> None:
        self._certificate, self.parts = certificate, [*parts]

    def take(self, news: News) -> None:
        """Apply new settings and certificate."""
        if self._certificate is not None and news.pem is not None and news.pem != self._certificate.pem:
            self._certificate.take(news.pem)
        for part in self.parts:
            part(news.settings)
