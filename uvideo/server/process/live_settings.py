"""The parts of a worker that take new settings while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from uvideo.server.auth.client_address import Senders
from uvideo.server.http.app import App
from uvideo.server.http.callback import Callbacks
from uvideo.server.http.connection import Server
from uvideo.server.http.cross_origin import CrossOrigin
from uvideo.server.http.exchange import Watch
from uvideo.server.http.rate_limits import Limits, descriptors
from uvideo.server.limits.disk_headroom import Headroom
from uvideo.server.ops.garbage_sweeper import Sweeper
from uvideo.server.ops.scrub import Scrubber
from uvideo.server.ops.stale_uploads import StaleUploads
from uvideo.server.process import logs
from uvideo.server.process.reload import News
from uvideo.server.process.settings import Settings
from uvideo.server.process.tls_certificate import Certificate
from uvideo.server.process.vitals import Vitals
from uvideo.server.rules.server_names import OwnNames
from uvideo.server.rules.service import Service
from uvideo.storage.base import DAY, Blobs

__all__ = ["Live", "Scrubbing"]

MIB = 1024 * 1024


class Scrubbing:
    """Runs a scrubber of ``make`` where the settings ask for one."""

    def __init__(self, make: Callable[[Settings], Scrubber]) -> None:
        self._make = make
        self._task: asyncio.Task[None] | None = None
        self._terms: tuple[float, float] | None = None

    def take(self, settings: Settings) -> None:
        """Begin, end, or go on by other terms; the scrubber knows how far it is."""
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


@dataclass(slots=True, kw_only=True)
class Live:
    """``origins``: of the settings, those that may use signed URLs.  ``own_names``: the names that the settings give.

    None is what this worker does not have.
    """

    app: App
    service: Service
    blobs: Blobs
    limits: Limits
    callbacks: Callbacks
    cross_origin: CrossOrigin
    names: OwnNames
    senders: Senders
    allowed: Callable[[Settings], tuple[Iterable[str], Iterable[str]]]
    own_names: Callable[[Settings], OwnNames]
    certificate: Certificate | None
    headroom: Headroom | None
    handler: Server | None = None
    watch: Watch | None = None
    vitals: Vitals | None = None
    sweeper: Sweeper | None = None
    stale: StaleUploads | None = None
    scrubbing: Scrubbing | None = None

    def take(self, news: News) -> None:
        """Go by these from now on."""
        new = news.settings
        if self.certificate is not None and news.pem is not None and news.pem != self.certificate.pem:
            self.certificate.take(news.pem)
        logs.change(new.log_level, new.access_log)
        connections = descriptors(new.connections)
        for server in (self.app.server, self.handler):
            if server is not None:
                server.change(connections, new.connections_per_address)
        self.app.change(new.idle, new.least_rate)
        if self.watch is not None:
            self.watch.change(new.idle, new.least_rate)
        self.limits.rates.limit = new.rate
        self.limits.guesses.change(new.guesses)
        self.callbacks.change(new.callback_allow)
        self.cross_origin.change(*self.allowed(new))
        self.names.become(self.own_names(new))
        self.senders.become(Senders(new.trusted_proxy))
        self.service.permanent_links, self.service.verify = new.permanent_links, new.verify_reads
        self.blobs.keep = new.quarantine_days * DAY
        if self.headroom is not None:
            self.headroom.change(int(new.headroom * MIB))
        if self.vitals is not None:
            self.vitals.change(int(new.headroom * MIB))
        if self.sweeper is not None:
            self.sweeper.change(int(new.headroom * MIB))
        if self.stale is not None:
            self.stale.days = new.stale_days
        if self.scrubbing is not None:
            self.scrubbing.take(new)
