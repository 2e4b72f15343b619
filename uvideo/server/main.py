"""Settings -> drivers -> app: what ``uvideo serve`` runs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import ipaddress
import json
import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from uvideo import faults as scripted
from uvideo import telemetry
from uvideo._core import localfile
from uvideo.server import seal
from uvideo.server.admin import admin_handler
from uvideo.server.app import App
from uvideo.server.callback import Callbacks
from uvideo.server.connection import Server
from uvideo.server.console import Console
from uvideo.server.credentials import CredentialsError, Key, Keyring, check_pair, load_or_create
from uvideo.server.crossorigin import CrossOrigin, Endpoint, check_origin, check_program, origin
from uvideo.server.drivers import DriverError, Drivers, choose, without_password
from uvideo.server.exchange import IDLE, LEAST_RATE, Watch
from uvideo.server.faults import Faults, FaultyApp, clock
from uvideo.server.gauges import Gauges
from uvideo.server.guesses import Guesses
from uvideo.server.history import History
from uvideo.server.hosts import SpaceHosts
from uvideo.server.limits import Headroom, Limits, Rates, descriptors, kept_free, no_core
from uvideo.server.metrics import Metrics
from uvideo.server.names import OwnNames, canonical
from uvideo.server.readiness import Readiness, Writes
from uvideo.server.scrub import Found, Scrubber
from uvideo.server.service import Restoring, Service
from uvideo.server.signin import Sessions
from uvideo.server.spool import Spool
from uvideo.server.sweeper import AGE, Sweeper
from uvideo.server.timing import timed_blobs, timed_catalog
from uvideo.server.view import View
from uvideo.storage import identity
from uvideo.storage.base import DAY, Blobs, Catalog, Unreachable

if TYPE_CHECKING:
    from uvideo.server.spans import Spans

__all__ = ["Settings", "StartError", "claim", "serve", "set_up_logging"]

GRACE = 30.0  # seconds for the requests in flight when the server is told to stop
BACKLOG = 1024
CLOCK_GRAIN = 0.1  # seconds; how far the file system's clock may be behind ours
MIB = 1024 * 1024
NEVER_HAPPENED = 3  # exit code
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # an address that means all -> one of them
LOCK_SECONDS = 2.0  # how long a predecessor that is just ending is waited for

log = logging.getLogger("uvideo.server")


class StartError(Exception):
    """The server cannot start with these settings; one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``uvideo serve`` was told.  Ports: 0 picks a free one."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 9000
    admin_port: int = 9001
    admin_host: str = "127.0.0.1"
    hostname: tuple[str, ...] = ()
    public_key: str | None = None
    private_key: str | None = None
    workers: int = 1
    fsync: bool = True
    database: str | None = None
    blobs: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    ready_file: Path | None = None
    restore_seconds: int = 0
    restored_seconds: int = 86400
    callback_allow: tuple[str, ...] = ()
    connections: int = 10_000
    connections_per_address: int = 1024
    idle: float = IDLE
    least_rate: float = LEAST_RATE
    rate: float = 0
    headroom: float = 64
    quarantine_days: float = 7
    lock_seconds: float = 10
    guesses: int = 100
    verify_reads: bool = False
    scrub_days: float = 0
    scrub_rate: float = 20
    faults: Path | None = None
    public_url: str | None = None
    console_origin: tuple[str, ...] = ()
    cors_origin: tuple[str, ...] = ()
    permanent_links: bool = False
    telemetry: bool = False

    def __repr__(self) -> str:
        return f"Settings(folder={str(self.folder)!r})"  # there is a secret among the rest


@dataclass(frozen=True, slots=True)
class Ports:
    """The listening sockets, and the TLS of both."""

    data: socket.socket
    admin: socket.socket
    tls: ssl.SSLContext | None

    def close(self) -> None:
        self.data.close()
        self.admin.close()

    @property
    def numbers(self) -> tuple[int, int]:
        """Of the data port and of the admin port."""
        return self.data.getsockname()[1], self.admin.getsockname()[1]

    @property
    def apart(self) -> str | None:
        """The address of the data port, as in a URL, if the console's own does not lead there."""
        data, admin = self.data.getsockname()[0], self.admin.getsockname()[0]
        return None if data in ANY or data == admin else _in_url(data)


def serve(settings: Settings) -> int:
    """Run until told to stop; the exit code.  StartError before anything is served."""
    drivers = _drivers(settings)
    _check_callbacks(settings)
    _check_console(settings)
    own_names = _own_names(settings)
    no_core()
    lock = claim(settings.folder)
    try:
        key = _key(settings, drivers.shared)
        ports = _listen(settings)
        guesses = Guesses(settings.guesses, workers=settings.workers)
        metrics, sessions, writes = Metrics(time.time(), settings.workers), Sessions(), Writes()
        faults = _faults(settings)
        _check_workers(settings)
        announce = _announcer(settings, key, ports)

        def run_worker(number: int, ready: Callable[[], None], *, fresh: bool) -> int:
            return asyncio.run(
                _run(
                    *(settings, drivers, Keyring([key]), ports, metrics, sessions, writes),
                    *(number, ready, fresh, faults, own_names, guesses),
                )
            )

        if settings.workers == 1:
            return run_worker(0, announce, fresh=True) or _never_happened(faults)
        from uvideo.server import workers

        return workers.supervise(settings.workers, run_worker, announce, ports.close, GRACE)
    finally:
        os.close(lock)


async def _run(
    settings: Settings,
    drivers: Drivers,
    keyring: Keyring,
    ports: Ports,
    metrics: Metrics,
    sessions: Sessions,
    writes: Writes,
    number: int,
    ready: Callable[[], None],
    fresh: bool,
    faults: Faults | None,
    own_names: OwnNames,
    guesses: Guesses,
) -> int:
    """One worker, from its drivers' start to their end.  ``fresh``: nobody else has used the folder since its start."""
    began = time.time()
    stop = _on_signals()
    metrics.take(number)
    guesses.take(number)
    connections = descriptors(settings.connections)
    blobs, catalog = drivers.make()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_failure)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(identity.opened(blobs, catalog, create=True))
        except Unreachable as failure:
            raise StartError(f"cannot start: {failure.strerror}") from None
        except Exception as failure:
            raise StartError(f"{settings.folder} cannot be used: {failure}") from failure
        if fresh:
            await _meet_older(catalog, drivers)
            await _take_back(blobs, catalog)
        restoring = Restoring(settings.restore_seconds, settings.restored_seconds)
        callbacks = Callbacks(settings.callback_allow)
        headroom = _headroom(settings, drivers)
        store, names = kept_free(timed_blobs(blobs, metrics), headroom), timed_catalog(catalog, metrics)
        limits = Limits(
            guesses,
            Rates(settings.rate),
            headroom,
            connections,
            settings.connections_per_address,
        )
        spool = functools.partial(Spool, settings.folder, *([headroom.taking] if headroom is not None else ()))
        crossing, spans = _cross_origin(settings, ports), _spans(settings)
        if spans is not None:
            stack.push_async_callback(spans.close)
        rates = {"idle": settings.idle, "least_rate": settings.least_rate}
        common: dict[str, Any] = {
            **rates,
            "callbacks": callbacks,
            "limits": limits,
            "cross_origin": crossing,
            "spans": spans,
            "writes": writes,
            "names": own_names,
            "hosts": SpaceHosts(settings.hostname, settings.public_url),
        }
        rules = restoring, settings.verify_reads, spool, settings.permanent_links
        if faults is None:
            service = Service(store, names, keyring, time.time, *rules)
            app = App(service, metrics, **common)
        else:
            service = Service(store, names, keyring, clock, *rules)
            app = FaultyApp(service, metrics, faults, **common)
        shared = settings.workers > 1  # a small backlog: asyncio takes so many at once, and another may be idle
        data = await loop.create_server(app.server, sock=ports.data, ssl=ports.tls, backlog=1 if shared else BACKLOG)
        if shared:
            ports.data.listen(BACKLOG)
        admin, tasks = None, list[asyncio.Task[None]]()
        if number == 0:
            more = {"/faults": faults.answer} if faults is not None else {}
            history = History(metrics)
            view = View(service, app.spaces, history, metrics.started)
            data_port, admin_port = ports.numbers
            endpoint = Endpoint(settings.public_url, data_port, ports.tls is not None, ports.apart)
            console = Console(view, service.key, sessions, endpoint, port=admin_port, tls=ports.tls is not None)
            gauges = Gauges(catalog, metrics)
            stack.push_async_callback(gauges.close)
            watch = Watch(settings.idle, settings.least_rate)
            watch.start()
            stack.callback(watch.stop)
            readiness = Readiness(
                *(blobs, catalog, writes),
                is_stopping=app.is_stopping,
                is_crowded=lambda: app.server.is_crowded,
                has_room=app.has_room,
            )
            answering = admin_handler(metrics, readiness, gauges, console, watch, more)
            handler = Server(answering, metrics, most=connections, each=settings.connections_per_address)
            admin = await loop.create_server(handler, sock=ports.admin, ssl=ports.tls)
            tasks.append(loop.create_task(history.run()))
        gc.collect()
        gc.freeze()  # what is there now stays: no collection needs to look at it again
        ready()
        if number == 0:
            tasks.append(loop.create_task(_warn(own_names, catalog)))
            cutoff = began - CLOCK_GRAIN if fresh else began - AGE
            disk = None if drivers.shared else settings.folder
            sweeper = Sweeper(blobs, catalog, metrics, disk, int(settings.headroom * MIB))
            tasks.append(loop.create_task(sweeper.run(cutoff)))
            if disk is not None:
                tasks.append(loop.create_task(sweeper.relieve()))
            if settings.scrub_days:
                tasks.append(loop.create_task(_scrubber(settings, blobs, catalog, metrics).run()))
        await stop.wait()
        log.info("stopping: letting requests in flight finish")
        data.close()
        if not await app.drain(GRACE):
            log.warning("some requests were still in flight after %.0f s and were broken off", GRACE)
        if admin is not None:
            admin.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 0


async def _meet_older(catalog: Catalog, drivers: Drivers) -> None:
    """Tell the catalog that no older server runs, as the folder's lock says; of a cluster the operator must say it."""
    if not drivers.shared:
        await catalog.retire_older()
    elif await seal.writes_old(catalog):
        log.warning("older gateways may run beside this one: when none does any more, run `uvideo admin upgraded`")


async def _take_back(blobs: Blobs, catalog: Catalog) -> None:
    """Before anybody asks for it: a catalog that was restored may name again what a sweep put aside."""
    try:
        count = await blobs.take_back(catalog.named)
    except Unreachable as failure:
        raise StartError(f"cannot start: {failure.strerror}") from None
    if count:
        log.info("took %d files back from the quarantine", count)


async def _warn(own_names: OwnNames, catalog: Catalog) -> None:
    """Name what was made before the server knew its names, and may take requests of others."""
    try:
        async for line in own_names.conflicts(catalog):
            log.warning("%s", line)
    except Unreachable as failure:
        log.warning("spaces cannot be compared with the server's names: %s", failure.strerror)


def _on_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What no request is to blame for.  asyncio itself tries again to take a connection, a second later."""
    failure = context.get("exception")
    if isinstance(failure, OSError) and failure.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
        log.error("no connection can be taken: %s", failure.strerror)
    else:
        loop.default_exception_handler(context)


def _scrubber(settings: Settings, blobs: Blobs, catalog: Catalog, metrics: Metrics) -> Scrubber:
    """One that keeps how far it is in the folder."""
    path = settings.folder / "scrub.json"

    def load() -> tuple[float, tuple[str, str] | None] | None:
        try:
            began, after = json.loads(path.read_text(encoding="utf-8"))
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


def _on_signals() -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets; the second ends the process at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def told(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    names = (getattr(signal, name, None) for name in ("SIGTERM", "SIGINT", "SIGBREAK"))
    for number in (each for each in names if each is not None):
        try:
            loop.add_signal_handler(number, told, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda found, _: loop.call_soon_threadsafe(told, found))
    return stop


def _drivers(settings: Settings) -> Drivers:
    if settings.database in sys.argv and without_password(settings.database) != settings.database:
        log.warning("others can read a command line: give --database as UVIDEO_SERVE_DATABASE, or use ~/.pgpass")
    try:
        keep = settings.quarantine_days * DAY
        return choose(
            settings.folder,
            settings.database,
            settings.blobs,
            fsync=settings.fsync,
            keep=keep,
            lock_seconds=settings.lock_seconds,
        )
    except DriverError as failure:
        raise StartError(str(failure)) from None


def _check_workers(settings: Settings) -> None:
    if settings.workers > 1 and not hasattr(os, "fork"):
        raise StartError("--workers: this system starts no further process for it; use --workers 1")


def _headroom(settings: Settings, drivers: Drivers) -> Headroom | None:
    """None also where the bytes go elsewhere: the folder then has little more than its lock."""
    if not settings.headroom or drivers.shared:
        return None
    return Headroom(settings.folder, int(settings.headroom * MIB))


def _check_callbacks(settings: Settings) -> None:
    try:
        Callbacks(settings.callback_allow)
    except ValueError as failure:
        raise StartError(f"--callback-allow: {failure}") from None


def _spans(settings: Settings) -> Spans | None:
    """Those of this worker; None if nobody asks for them, and then nothing of OpenTelemetry is loaded."""
    if not settings.telemetry and not telemetry.is_on():
        return None
    try:
        from uvideo.server import spans

        if not telemetry.is_on():
            spans.set_up()
    except ModuleNotFoundError as failure:
        raise StartError(f"--telemetry needs {failure.name}: pip install 'uvideo[telemetry]'") from None
    except (spans.Missing, ValueError) as failure:
        raise StartError(f"{failure}" if isinstance(failure, spans.Missing) else f"--telemetry: {failure}") from None
    return spans.Spans()


def _faults(settings: Settings) -> Faults | None:
    """The scripted faults of a test server; None of any other."""
    if settings.faults is None:
        return None
    if settings.workers != 1:
        raise StartError("--faults needs --workers 1: each process would count for itself")
    try:
        found = Faults(scripted.read(settings.faults))
    except ValueError as failure:
        raise StartError(f"--faults: {failure}") from None
    except OSError as failure:
        raise StartError(f"--faults: {settings.faults} cannot be read: {failure.strerror}") from None
    log.warning("this is a test server: scripted faults happen to its requests")
    return found


def _never_happened(faults: Faults | None) -> int:
    """The exit code of a test server that was told to stop."""
    left = faults.left() if faults is not None else []
    for fault in left:
        log.error("this fault never happened: %s", fault)
    return NEVER_HAPPENED if left else 0


def _check_console(settings: Settings) -> None:
    try:
        Endpoint(settings.public_url, 0, False)
    except ValueError as failure:
        raise StartError(f"--public-url: {failure}") from None
    for name, check, values in (
        ("--console-origin", check_origin, settings.console_origin),
        ("--cors-origin", check_program, settings.cors_origin),
    ):
        try:
            for value in values:
                check(value)
        except ValueError as failure:
            raise StartError(f"{name}: {failure}") from None


def _own_names(settings: Settings) -> OwnNames:
    """Those that were given, and what other options say in passing."""
    urls = [url for url in (settings.public_url, *settings.console_origin) if url]
    names = [*settings.hostname, *(urlsplit(url).hostname or "" for url in urls)]
    with contextlib.suppress(ValueError):  # what is bound may be written in more ways than a Host header
        names.append(canonical(settings.host))
    try:
        return OwnNames(names, told=bool(settings.hostname or settings.public_url))
    except ValueError as failure:
        raise StartError(f"--hostname: {failure}") from None


def _cross_origin(settings: Settings, ports: Ports) -> CrossOrigin:
    """The console's own pages, and those of the origins that the operator named for it or for programs."""
    _, admin_port = ports.numbers
    origins = [check_origin(each) for each in settings.console_origin]
    if ports.apart:
        address = ports.admin.getsockname()[0]
        names = (
            ("localhost", "127.0.0.1", "[::1]") if ipaddress.ip_address(address).is_loopback else (_in_url(address),)
        )
        origins += [origin("https" if ports.tls else "http", name, admin_port) for name in names]
    programs = [check_program(each) for each in settings.cors_origin]
    return CrossOrigin(admin_port, ports.tls is not None, origins, programs)


def claim(folder: Path) -> int:
    """Make the folder and lock it, so that no second server works on it; the open lock."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = localfile.opened(folder / "lock", os.O_RDWR | os.O_CREAT)
    except OSError as failure:
        raise StartError(f"{folder} cannot be used as the server's folder: {failure.strerror}") from failure
    try:
        if localfile.lock_soon(fd, LOCK_SECONDS):
            return fd
        raise StartError(f"{folder} is in use by another server")
    except BaseException:
        os.close(fd)
        raise


def _key(settings: Settings, shared: bool) -> Key:
    """``shared``: other gateways must know the same pair, so none is made here."""
    try:
        if settings.public_key is not None or settings.private_key is not None:
            return check_pair(settings.public_key or "", settings.private_key or "")
        path = settings.folder / "credentials.json"
        if shared and not path.exists():
            raise CredentialsError(
                "all gateways need the same key pair: set UVIDEO_SERVE_PUBLIC_KEY and UVIDEO_SERVE_PRIVATE_KEY, or "
                f"put the first one's credentials.json into {settings.folder}"
            )
        key, created = load_or_create(path)
    except CredentialsError as failure:
        raise StartError(str(failure)) from None
    except OSError as failure:
        raise StartError(f"the key pair cannot be kept: {failure}") from failure
    log.info("%s key pair in %s", "made a new" if created else "using the", path)
    return key


def _listen(settings: Settings) -> Ports:
    tls = None
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise StartError("--tls-cert and --tls-key must be given together")
    if settings.tls_cert is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        encrypted = []

        def password() -> bytes:  # without one OpenSSL would ask on the terminal
            encrypted.append(True)
            return b""

        try:
            tls.load_cert_chain(settings.tls_cert, settings.tls_key, password)
        except (OSError, ssl.SSLError) as failure:
            if encrypted:
                raise StartError(
                    f"the key in {settings.tls_key} is encrypted: give --tls-key a file without a password, which "
                    "only the server can read"
                ) from failure
            raise StartError(f"the TLS certificate or key cannot be used: {failure}") from failure
    return Ports(_bind(settings.host, settings.port), _bind(settings.admin_host, settings.admin_port), tls)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        # Windows' SO_REUSEADDR would let another process take the address of one that listens.
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except (OSError, OverflowError, UnicodeError) as failure:
        raise StartError(f"cannot listen on {host}:{port}: {getattr(failure, 'strerror', failure)}") from failure
    return sock


def _url(sock: socket.socket, scheme: str) -> str:
    host, port = sock.getsockname()[:2]
    return f"{scheme}://{_in_url(ANY.get(host, host))}:{port}"


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _announcer(settings: Settings, key: Key, ports: Ports) -> Callable[[], None]:
    """What says that the server answers: the ready file, and the first line of stdout."""

    def announce() -> None:
        fields = {
            "endpoint": _url(ports.data, "https" if ports.tls else "http"),
            "admin": _url(ports.admin, "https" if ports.tls else "http"),
            "pid": os.getpid(),
            "public_key": key.public,
        }
        line = json.dumps(fields)
        if settings.ready_file is not None:
            aside = settings.ready_file.with_name(f".{settings.ready_file.name}.{os.getpid()}")
            try:
                aside.write_text(line + "\n", encoding="utf-8")
                localfile.replace(aside, settings.ready_file)
            except OSError as failure:
                raise StartError(f"the ready file cannot be written: {failure}") from failure
        with contextlib.suppress(BrokenPipeError):
            print(line, flush=True)
        log.info("answering on %s, the console is on %s", fields["endpoint"], fields["admin"])

    return announce


def set_up_logging(with_access: bool) -> None:
    """Everything goes to stderr.  The access log, lines of JSON, is off unless asked for."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(logging.Formatter("%(message)s"))
    entries = logging.getLogger("uvideo.access")
    entries.addHandler(lines)
    entries.propagate = False
    entries.setLevel(logging.INFO if with_access else logging.WARNING)
