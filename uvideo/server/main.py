"""Settings -> drivers -> app: what ``uvideo serve`` runs."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
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

from aiohttp import web

from uvideo.server import workers
from uvideo.server.admin import admin_handler
from uvideo.server.app import App
from uvideo.server.callback import Callbacks
from uvideo.server.credentials import CredentialsError, Key, Keyring, check_pair, load_or_create
from uvideo.server.drivers import DriverError, Drivers, choose, without_password
from uvideo.server.metrics import Metrics
from uvideo.server.service import Restoring, Service
from uvideo.storage.base import Blobs, Catalog, Unreachable

__all__ = ["Settings", "StartError", "claim", "serve", "set_up_logging"]

GRACE = 30.0  # seconds for the requests in flight when the server is told to stop
BACKLOG = 1024
SWEEP_EVERY, SWEEP_AGE = 600.0, 3600.0  # seconds
CLOCK_GRAIN = 0.1  # seconds; how far the file system's clock may be behind ours
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

    def __repr__(self) -> str:
        return f"Settings(folder={str(self.folder)!r})"  # there is a secret among the rest


@dataclass(frozen=True, slots=True)
class Ports:
    """The listening sockets and the TLS of the first."""

    data: socket.socket
    admin: socket.socket
    tls: ssl.SSLContext | None

    def close(self) -> None:
        self.data.close()
        self.admin.close()


def serve(settings: Settings) -> int:
    """Run until told to stop; the exit code.  StartError before anything is served."""
    drivers = _drivers(settings)
    _check_callbacks(settings)
    lock = claim(settings.folder)
    try:
        key = _key(settings, drivers.shared)
        ports = _listen(settings)
        metrics = Metrics(time.time(), settings.workers)
        announce = _announcer(settings, key, ports)

        def run_worker(number: int, ready: Callable[[], None], *, fresh: bool) -> int:
            return asyncio.run(_run(settings, drivers, Keyring([key]), ports, metrics, number, ready, fresh))

        if settings.workers == 1:
            return run_worker(0, announce, fresh=True)
        return workers.supervise(settings.workers, run_worker, announce, ports.close, GRACE)
    finally:
        os.close(lock)


async def _run(
    settings: Settings,
    drivers: Drivers,
    keyring: Keyring,
    ports: Ports,
    metrics: Metrics,
    number: int,
    ready: Callable[[], None],
    fresh: bool,
) -> int:
    """One worker, from its drivers' start to their end.  ``fresh``: nobody else has used the folder since its start."""
    began = time.time()
    stop = _on_signals()
    metrics.take(number)
    blobs, catalog = drivers.make()
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        for driver in (blobs, catalog):
            try:
                await driver.start()
            except Unreachable as failure:
                raise StartError(f"cannot start: {failure.strerror}") from None
            except Exception as failure:
                raise StartError(f"{settings.folder} cannot be used: {failure}") from failure
            stack.push_async_callback(driver.close)
        restoring = Restoring(settings.restore_seconds, settings.restored_seconds)
        callbacks = Callbacks(settings.callback_allow)
        app = App(Service(blobs, catalog, keyring, restoring=restoring), metrics, callbacks=callbacks)
        shared = settings.workers > 1  # a small backlog: asyncio takes so many at once, and another may be idle
        data = await loop.create_server(app.server, sock=ports.data, ssl=ports.tls, backlog=1 if shared else BACKLOG)
        if shared:
            ports.data.listen(BACKLOG)
        admin = sweeper = None
        if number == 0:
            handler = web.Server(admin_handler(blobs, catalog, metrics), access_log=None)
            admin = await loop.create_server(handler, sock=ports.admin)
        ready()
        if number == 0:
            cutoff = began - CLOCK_GRAIN if fresh else began - SWEEP_AGE
            sweeper = loop.create_task(_sweep(blobs, catalog, cutoff))
        await stop.wait()
        log.info("stopping: letting requests in flight finish")
        data.close()
        if not await app.drain(GRACE):
            log.warning("some requests were still in flight after %.0f s and were broken off", GRACE)
        if admin is not None and sweeper is not None:
            admin.close()
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
    return 0


async def _sweep(blobs: Blobs, catalog: Catalog, cutoff: float) -> None:
    """Remove garbage last touched before ``cutoff``, then again and again what is old enough to be surely none's."""
    while True:
        try:
            count = await blobs.sweep(catalog.named, cutoff)
            if count:
                log.info("removed %d files that nothing names", count)
        except Unreachable as failure:
            log.warning("garbage is looked for later: %s", failure.strerror)
        except Exception:
            log.exception("looking for garbage failed")
        await asyncio.sleep(SWEEP_EVERY)
        cutoff = time.time() - SWEEP_AGE


def _on_signals() -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets; the second ends the process at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def told(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    return stop


def _drivers(settings: Settings) -> Drivers:
    if settings.database in sys.argv and without_password(settings.database) != settings.database:
        log.warning("others can read a command line: give --database as UVIDEO_SERVE_DATABASE, or use ~/.pgpass")
    try:
        return choose(settings.folder, settings.database, settings.blobs, fsync=settings.fsync)
    except DriverError as failure:
        raise StartError(str(failure)) from None


def _check_callbacks(settings: Settings) -> None:
    try:
        Callbacks(settings.callback_allow)
    except ValueError as failure:
        raise StartError(f"--callback-allow: {failure}") from None


def claim(folder: Path) -> int:
    """Make the folder and lock it, so that no second server works on it; the open lock."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise StartError(f"{folder} cannot be used as the server's folder: {failure.strerror}") from failure
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(fd)
                raise StartError(f"{folder} is in use by another server") from None
            time.sleep(0.02)


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
        try:
            tls.load_cert_chain(settings.tls_cert, settings.tls_key, password=lambda: b"")
        except (OSError, ssl.SSLError) as failure:
            raise StartError(f"the TLS certificate or key cannot be used: {failure}") from failure
    return Ports(_bind(settings.host, settings.port), _bind(settings.host, settings.admin_port), tls)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except (OSError, OverflowError, UnicodeError) as failure:
        raise StartError(f"cannot listen on {host}:{port}: {getattr(failure, 'strerror', failure)}") from failure
    return sock


def _url(sock: socket.socket, scheme: str) -> str:
    host, port = sock.getsockname()[:2]
    if sock.family == socket.AF_INET6:
        host = "[::1]" if host == "::" else f"[{host}]"
    return f"{scheme}://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"


def _announcer(settings: Settings, key: Key, ports: Ports) -> Callable[[], None]:
    """What says that the server answers: the ready file, and the first line of stdout."""

    def announce() -> None:
        fields = {
            "endpoint": _url(ports.data, "https" if ports.tls else "http"),
            "admin": _url(ports.admin, "http"),
            "pid": os.getpid(),
            "public_key": key.public,
        }
        line = json.dumps(fields)
        if settings.ready_file is not None:
            aside = settings.ready_file.with_name(f".{settings.ready_file.name}.{os.getpid()}")
            try:
                aside.write_text(line + "\n", encoding="utf-8")
                os.replace(aside, settings.ready_file)
            except OSError as failure:
                raise StartError(f"the ready file cannot be written: {failure}") from failure
        with contextlib.suppress(BrokenPipeError):
            print(line, flush=True)
        log.info("answering on %s", fields["endpoint"])

    return announce


def set_up_logging(with_access: bool) -> None:
    """Everything goes to stderr.  The access log is off unless asked for."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvideo.access").setLevel(logging.INFO if with_access else logging.WARNING)
