"""A worker process, from the start of its drivers to their end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import ipaddress
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from uvideo._core import json_document, localfile
from uvideo.config import telemetry
from uvideo.server.auth import key_rotation
from uvideo.server.auth.client_address import TrustedProxies
from uvideo.server.auth.credentials import Keyring
from uvideo.server.auth.key_file import KeyFile
from uvideo.server.console.admin_port import admin_handler
from uvideo.server.console.app import Console
from uvideo.server.console.console_api import View
from uvideo.server.console.s3_endpoint import S3Endpoint
from uvideo.server.http.app import App
from uvideo.server.http.callback import Callbacks
from uvideo.server.http.connection import Server
from uvideo.server.http.cross_origin import BrowserEndpoint, CrossOrigin, check_origin, check_program, origin
from uvideo.server.http.exchange import Watchdog
from uvideo.server.http.listener import Listener, answer_on
from uvideo.server.http.rate_limits import Limits, Rates, descriptors
from uvideo.server.limits.body_spool import Spool
from uvideo.server.limits.disk_headroom import Headroom, kept_free
from uvideo.server.limits.memory_budget import Memory, least_memory
from uvideo.server.ops.audit import Audit, Who
from uvideo.server.ops.garbage_sweeper import AGE, Sweeper
from uvideo.server.ops.gauges import Gauges, Turn, readiness_look, uploads_look
from uvideo.server.ops.history import History
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.readiness import Moment, Readiness, is_short
from uvideo.server.ops.scrub import Found, Scrubber
from uvideo.server.ops.stale_uploads import StaleUploads
from uvideo.server.ops.storage_totals import EVERY, Holdings
from uvideo.server.ops.timed_drivers import timed_blobs, timed_catalog
from uvideo.server.ops.unread_etags import UnreadEtags
from uvideo.server.process import exit_codes, logs
from uvideo.server.process.data_folder import Folder
from uvideo.server.process.drivers import SCHEMA, Drivers
from uvideo.server.process.exit_codes import Ending
from uvideo.server.process.handover import Succession
from uvideo.server.process.hangup import Hangup
from uvideo.server.process.listening_sockets import BACKLOG, Ports, in_url
from uvideo.server.process.live_settings import Live, Scrubbing
from uvideo.server.process.reload import Again, News, Reading, follow
from uvideo.server.process.sd_notify import Notify
from uvideo.server.process.settings import ServerSettings, StartError
from uvideo.server.process.shared_memory import Shared
from uvideo.server.process.signals import Signals
from uvideo.server.process.stopping import GRACE, Stop
from uvideo.server.process.vitals import Vitals
from uvideo.server.rules.server_names import OwnNames, s3_names
from uvideo.server.rules.service import Restoring, Service
from uvideo.server.rules.space_hosts import SpaceHosts
from uvideo.server.rules.switches import Switches
from uvideo.storage import identity
from uvideo.storage.base import DAY, Blobs, Catalog, Holding, Unreachable, Unusable

if TYPE_CHECKING:
    from uvideo.server.http.faulty_app import ServerFaults
    from uvideo.server.http.spans import Spans

__all__ = ["Plan", "run"]

HOLDINGS = "accounts and spaces"
AGAIN = 1.0  # seconds before a retry if the database cannot be reached
ALONE_EVERY = 5.0  # seconds between two checks whether a predecessor has ended
CLOCK_GRAIN = 0.1  # seconds; how far the file system's clock may be behind
MIB = 1024 * 1024

log = logging.getLogger("uvideo.server")


@dataclass(frozen=True, slots=True)
class Plan:
    """Objects made from the settings before the workers are forked.  ``succession``: None if a supervisor does it."""

    settings: ServerSettings
    drivers: Drivers
    keyring: Keyring
    ports: Ports
    names: OwnNames
    proxies: TrustedProxies
    faults: ServerFaults | None
    shared: Shared
    audit: Audit
    folder: Folder
    service: Notify
    succession: Succession | None
    again: Again
    hangup: Hangup
    signals: Signals


async def run(
    plan: Plan, number: int, ready: Callable[[], None], stopped: Callable[[], None] = lambda: None, *, fresh: bool
) -> int:
    """Run one worker, from the start of its drivers to their end.

    ``ready``, ``stopped``: called when it begins and ends to accept connections.  ``fresh``: no worker of this server
    has used the folder.
    """
    settings, drivers, ports, shared = plan.settings, plan.drivers, plan.ports, plan.shared
    faults, metrics = plan.faults, shared.metrics
    began = time.time()
    stop = Stop(plan.ports.outlive, plan.succession, plan.signals, plan.hangup if number == 0 else None)
    shared.take(number)
    alone = fresh and plan.folder.alone
    connections = descriptors(settings.connections)
    memory = _memory(settings, drivers, shared)
    blobs, catalog = drivers.make(memory.window)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(functools.partial(_on_failure, shared.short))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(plan.audit.close)
        try:
            await stack.enter_async_context(identity.opened(blobs, catalog, create=True))
            if alone:
                await _meet_older(catalog, drivers)
            if fresh:
                await _take_back(blobs, catalog)
                if isinstance(plan.keyring, KeyFile):
                    await key_rotation.finish_soon(plan.keyring.path, catalog, plan.audit)
                    plan.keyring.look()
        except Unreachable as failure:
            raise StartError(f"cannot start: {failure.strerror}", exit_codes.AWAY) from None
        except Exception as failure:
            raise StartError(f"{settings.folder} cannot be used: {failure}", _unusable(failure)) from failure
        restoring = Restoring(settings.restore_seconds, settings.restored_seconds)
        callbacks = Callbacks(settings.callback_allow)
        headroom = _headroom(settings, shared)
        of_blobs = None if drivers.shared else headroom  # in a cluster the folder contains little except spools
        store, names = kept_free(timed_blobs(blobs, metrics), of_blobs), timed_catalog(catalog, metrics)
        each = settings.connections_per_address
        limits = Limits(shared.guesses, Rates(settings.rate), of_blobs, connections, each)
        spool = functools.partial(Spool, settings.folder, *([headroom.taking] if headroom is not None else ()))
        crossing, spans = _cross_origin(settings, ports), _spans(settings)
        if spans is not None:
            stack.push_async_callback(spans.close)
        switches = Switches()
        _switch(switches, settings)
        rules = restoring, switches, spool, memory
        kind, clock = App, time.time
        if faults is not None:
            from uvideo.server.http import faulty_app

            kind, clock = faulty_app.FaultyApp, faulty_app.clock
        service = Service(store, names, plan.keyring, clock, *rules)
        app = kind(
            service,
            metrics,
            idle=settings.idle,
            least_rate=settings.least_rate,
            callbacks=callbacks,
            limits=limits,
            cross_origin=crossing,
            spans=spans,
            writes=shared.writes,
            names=plan.names,
            hosts=SpaceHosts(settings.hostname, settings.public_url),
            proxies=plan.proxies,
            audit=plan.audit,
            s3_names=s3_names(settings.s3_host),
            s3_hosts=_s3_hosts(settings),
            requests=shared.requests,
        )
        if faults is not None:
            assert isinstance(app, faulty_app.FaultyApp)
            app.script = faults
        at_once = 1 if settings.workers > 1 else BACKLOG  # leave some to idle workers
        data = await answer_on(ports.data, app.server, ports.tls, at_once)
        s3 = await answer_on(ports.s3, app.server, ports.tls, at_once, only_s3=True) if ports.s3 is not None else None

        def take(new: ServerSettings) -> None:
            logs.change(new.log_level, new.access_log)
            app.server.change(descriptors(new.connections), new.connections_per_address)
            app.change(new.idle, new.least_rate, s3_names(new.s3_host))
            limits.rates.limit = new.rate
            limits.guesses.change(new.guesses)
            callbacks.change(new.callback_allow)
            crossing.change(*_allowed(new, ports))
            plan.names.become(plan.again.check(new))
            plan.proxies.become(TrustedProxies(new.trusted_proxy))
            _switch(switches, new)
            blobs.keep = new.quarantine_days * DAY
            if headroom is not None:
                headroom.change(int(new.headroom * MIB))

        live = Live(ports.certificate, take)
        admin: Listener | None = None
        admin_drained = None
        tasks = list[asyncio.Task[None]]()

        def begin(work: Coroutine[Any, Any, None]) -> None:
            tasks.append(loop.create_task(work))
            tasks[-1].add_done_callback(_failed)

        begin(shared.pulse.run(number))
        if number == 0:
            more = {"/faults": faults.answer} if faults is not None else {}
            readiness = Readiness(
                *(blobs, catalog, shared.writes),
                is_stopping=app.is_stopping,
                is_crowded=metrics.is_crowded,
                has_room=app.has_room,
                short=shared.short,
            )
            holdings = Holdings(catalog, metrics)
            vitals = Vitals(metrics, settings.folder, int(settings.headroom * MIB), ports.not_after)
            gauges = _gauges(shared, catalog, readiness, vitals, holdings)
            stack.push_async_callback(gauges.close)

            async def held() -> Sequence[Holding] | None:
                await gauges.refresh(HOLDINGS)
                return holdings.latest

            history = History(metrics)
            disk = None if drivers.shared else settings.folder
            view = View(service, app.spaces, history, metrics.started, plan.audit, held, disk, shared.requests)
            data_port, admin_port = ports.numbers
            tls = ports.tls is not None
            endpoint = BrowserEndpoint(settings.public_url, data_port, tls, ports.apart)
            s3_endpoint = S3Endpoint(
                *(settings.s3_host, settings.public_url, ports.s3_number, data_port, tls, ports.apart)
            )
            console = Console(
                *(view, service.key, shared.sessions, endpoint, s3_endpoint),
                port=admin_port,
                tls=tls,
                audit=plan.audit,
            )
            watch = Watchdog(settings.idle, settings.least_rate)
            watch.start()
            stack.callback(watch.stop)
            answering = admin_handler(metrics, readiness, gauges, console, watch, more)
            handler = Server(answering, metrics, plan.proxies, most=connections, each=each)

            def take_admin(new: ServerSettings) -> None:
                handler.change(descriptors(new.connections), new.connections_per_address)
                watch.change(new.idle, new.least_rate)
                s3_endpoint.change(new.s3_host)
                vitals.change(int(new.headroom * MIB))

            live.parts.append(take_admin)
            admin = await answer_on(ports.admin, handler, ports.tls, BACKLOG)
            admin_drained = functools.partial(handler.drained, watch)
            begin(history.run())
        if isinstance(plan.keyring, KeyFile):
            begin(plan.keyring.watch())
        gc.collect()
        gc.freeze()  # present objects are permanent: collections can skip them
        news, count = News(settings, ports.certificate.pem if ports.certificate is not None else None), 0
        if shared.published.count:
            count, news = shared.published.read()
            live.take(news)
        ready()
        begin(follow(shared.published, live.take, count))
        if number == 0:
            begin(Reading(news, plan.again, shared.published, metrics).run(stop.asked))
            begin(_once(lambda: _warn(plan.names, catalog, plan.keyring)))
            begin(catalog.upkeep())
            cutoff = began - CLOCK_GRAIN if alone else began - AGE
            if not plan.folder.alone:
                begin(_once(lambda: _outlast(plan.folder, catalog, drivers)))
            sweeper = Sweeper(blobs, catalog, metrics, disk, int(news.settings.headroom * MIB))
            begin(sweeper.run(cutoff))
            if disk is not None:
                begin(sweeper.relieve())
            stale = StaleUploads(blobs, catalog, metrics, news.settings.stale_days, plan.audit)
            begin(stale.run())
            unread = UnreadEtags(blobs, catalog, news.settings.scrub_rate * MIB)
            begin(unread.run())
            scrubbing = Scrubbing(lambda new: _scrubber(new, blobs, catalog, metrics))
            stack.callback(scrubbing.stop)

            def take_upkeep(new: ServerSettings) -> None:
                sweeper.change(int(new.headroom * MIB))
                stale.days = new.stale_days
                unread.change(new.scrub_rate * MIB)
                scrubbing.take(new)

            take_upkeep(news.settings)
            live.parts.append(take_upkeep)
        await stop.wait()
        log.info("stopping: letting requests in flight finish")
        if plan.succession is not None and not plan.succession.taken:
            plan.folder.stops()
        for listening in (data, s3, admin):
            if listening is not None:
                listening.close()
        ports.close()
        if number == 0:
            plan.audit.record("StopServer", Who("server", plan.keyring.own.public))
        for task in tasks:
            task.cancel()
        plan.folder.give_up()
        stopped()
        if not await app.drain(stop.deadline, keep_idle=stop.deadline() is None):
            log.warning("some requests were still in flight after %.0f s and were aborted", GRACE)
        if admin_drained is not None:
            await admin_drained(stop.deadline)
        await asyncio.gather(*tasks, return_exceptions=True)
    return 0


def _unusable(failure: Exception) -> Ending:
    """The Ending of a start at which the drivers raised this."""
    if isinstance(failure, Unusable):
        return exit_codes.UNFIT
    return exit_codes.of_system(failure, exit_codes.FOLDER) if isinstance(failure, OSError) else exit_codes.UNFORESEEN


def _gauges(shared: Shared, catalog: Catalog, readiness: Readiness, vitals: Vitals, holdings: Holdings) -> Gauges:
    turns = {
        "open uploads": Turn(uploads_look(catalog, shared.metrics)),
        "readiness": Turn(readiness_look(readiness, shared.metrics), share=1),
        "the machine": Turn(vitals.look, share=1),
        HOLDINGS: Turn(holdings.look, EVERY),
    }
    return Gauges(turns, shared.metrics, shared.gauges)


async def _meet_older(catalog: Catalog, drivers: Drivers) -> None:
    """Tell the catalog that no older server runs.  The folder's lock proves it; in a cluster the operator says it."""
    if not drivers.shared:
        await catalog.retire_older()
    elif await catalog.oldest_program() < SCHEMA:
        log.warning("older gateways may still run: when all run this version, run `uvideo admin upgraded`")


async def _once(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work; retry while the database cannot be reached."""
    while True:
        try:
            return await work()
        except Unreachable as failure:
            log.warning("the checks at the start are retried later: %s", failure.strerror)
        await asyncio.sleep(AGAIN)


def _failed(task: asyncio.Task[None]) -> None:
    """Log the failure of a task that nothing awaits."""
    if not task.cancelled() and task.exception() is not None:
        log.error("a background task of the server has failed", exc_info=task.exception())


async def _outlast(folder: Folder, catalog: Catalog, drivers: Drivers) -> None:
    """Wait until the replaced server has no requests in flight, then do the work that needs a single server."""
    while not folder.look_alone():
        await asyncio.sleep(ALONE_EVERY)
    await _meet_older(catalog, drivers)


async def _take_back(blobs: Blobs, catalog: Catalog) -> None:
    """Take blobs out of the quarantine that a restored catalog refers to again, before the first request."""
    count = await blobs.take_back(catalog.named)
    if count:
        log.info("moved %d files back from the quarantine", count)


async def _warn(own_names: OwnNames, catalog: Catalog, keyring: Keyring) -> None:
    """Log warnings about spaces and domains that conflict with the server's names, and about undecryptable secrets."""
    void = await key_rotation.void(catalog, keyring)
    if void.void_tokens or void.void_keys:
        log.warning(
            "%d tokens and %d added key pairs are void: they are encrypted with another pair of the server's own. "
            "If you have that pair, run `uvideo admin keys DIR --from FILE`",
            *(void.void_tokens, void.void_keys),
        )
    async for line in own_names.conflicts(catalog):
        log.warning("%s", line)
    log.debug("the stored spaces, domains and secrets were compared with the server's names and keys")


def _on_failure(short: Moment, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log errors outside requests.  After a failed accept asyncio tries again a second later."""
    failure = context.get("exception")
    if isinstance(failure, OSError) and is_short(failure):
        short.now()
        log.error("cannot accept connections: %s", failure.strerror)
    else:
        loop.default_exception_handler(context)


def _scrubber(settings: ServerSettings, blobs: Blobs, catalog: Catalog, metrics: Metrics) -> Scrubber:
    """A scrubber that saves its position in the folder."""
    path = settings.folder / "scrub.json"

    def load() -> tuple[float, tuple[str, str] | None] | None:
        try:
            began, after = json_document.parse_json(path.read_bytes())
            return float(began), (str(after[0]), str(after[1])) if after else None
        except (OSError, ValueError, TypeError, IndexError):
            return None

    def save(began: float, after: tuple[str, str] | None) -> None:
        aside = path.with_name(".scrub.json")
        aside.write_text(json.dumps([began, after]), encoding="utf-8")
        localfile.replace(aside, path)

    def told(found: Found) -> None:
        metrics.set("uvideo_scrub_objects", found.objects)
        metrics.set("uvideo_scrub_bytes", found.size)
        metrics.set("uvideo_scrub_damaged", len(found.damages))

    return Scrubber(
        blobs,
        catalog,
        settings.scrub_days * DAY,
        settings.scrub_rate * MIB,
        load=lambda: asyncio.to_thread(load),
        save=lambda began, after: asyncio.to_thread(save, began, after),
        told=told,
    )


def _headroom(settings: ServerSettings, shared: Shared) -> Headroom | None:
    if not settings.headroom:
        return None
    return Headroom(settings.folder, int(settings.headroom * MIB), shared.reserved)


def _memory(settings: ServerSettings, drivers: Drivers, shared: Shared) -> Memory:
    size = max(settings.memory * MIB, least_memory(settings.workers))
    return Memory(size, settings.workers, shared.stored, shared.others, drivers.shared)


def _spans(settings: ServerSettings) -> Spans | None:
    """This worker's spans; None without telemetry, and then OpenTelemetry is not imported."""
    if not settings.telemetry and not telemetry.is_on():
        return None
    try:
        from uvideo.server.http import spans

        if not telemetry.is_on():
            spans.set_up()
    except ModuleNotFoundError as failure:
        raise StartError(
            f"--telemetry needs {failure.name}: pip install 'uvideo[telemetry]'", exit_codes.SETTINGS
        ) from None
    except (spans.ExporterMissing, ValueError) as failure:
        said = f"{failure}" if isinstance(failure, spans.ExporterMissing) else f"--telemetry: {failure}"
        raise StartError(said, exit_codes.SETTINGS) from None
    return spans.Spans()


def _switch(switches: Switches, settings: ServerSettings) -> None:
    """Set all switches as the settings say."""
    switches.verify, switches.permanent_links = settings.verify_reads, settings.permanent_links
    switches.s3_form_v2, switches.s3_strict_parts = settings.s3_form_v2, settings.s3_strict_parts


def _s3_hosts(settings: ServerSettings) -> tuple[str, ...]:
    """What S3 clients may sign as Host if a proxy sends another one: the host of the public URL."""
    return (urlsplit(settings.public_url).netloc,) if settings.public_url else ()


def _cross_origin(settings: ServerSettings, ports: Ports) -> CrossOrigin:
    """The allowed origins: the console's own, and those that the operator named."""
    _, admin_port = ports.numbers
    return CrossOrigin(admin_port, ports.tls is not None, *_allowed(settings, ports))


def _allowed(settings: ServerSettings, ports: Ports) -> tuple[list[str], list[str]]:
    """(more origins for signed URLs, origins of programs)."""
    _, admin_port = ports.numbers
    origins = [check_origin(each) for each in settings.console_origin]
    if ports.apart:
        address = ports.admin.getsockname()[0]
        names = ("localhost", "127.0.0.1", "[::1]") if ipaddress.ip_address(address).is_loopback else (in_url(address),)
        origins += [origin("https" if ports.tls else "http", name, admin_port) for name in names]
    return origins, [check_program(each) for each in settings.cors_origin]
