"""Settings -> plan -> workers: what ``uvideo serve`` runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from uvideo import faults as scripted
from uvideo._core import __version__, localfile
from uvideo.server import audit, endings, logs, worker
from uvideo.server.callback import Callbacks
from uvideo.server.credentials import CredentialsError, Key, Keyring, check_pair, load_or_create
from uvideo.server.crossorigin import Endpoint, check_origin, check_program
from uvideo.server.drivers import DriverError, Drivers, choose, without_password
from uvideo.server.faults import Faults
from uvideo.server.folder import claim
from uvideo.server.guesses import Guesses
from uvideo.server.levels import Level
from uvideo.server.limits import no_core
from uvideo.server.metrics import Metrics
from uvideo.server.names import OwnNames, canonical
from uvideo.server.ports import Ports, listen, url
from uvideo.server.readiness import Moment, Writes
from uvideo.server.senders import Senders
from uvideo.server.settings import Settings, StartError
from uvideo.server.shared import Shared
from uvideo.server.signin import Sessions
from uvideo.server.worker import Plan
from uvideo.storage.base import DAY

__all__ = ["Settings", "StartError", "claim", "serve"]

log = logging.getLogger("uvideo.server")


def serve(settings: Settings) -> int:
    """Run until told to stop; the exit code, as ``endings`` has them.  StartError before anything is served."""
    logs.set_up(settings.log_level, settings.access_log)
    try:
        return _serve(settings)
    except StartError:
        raise
    except Exception:
        log.critical("the server failed", exc_info=True)
        return endings.FAILED.code


def _serve(settings: Settings) -> int:
    drivers = _drivers(settings)
    _check_callbacks(settings)
    _check_console(settings)
    own_names, senders = _own_names(settings), _senders(settings)
    no_core()
    lock = claim(settings.folder)
    try:
        key = _key(settings, drivers.shared)
        ports = listen(settings)
        trail = _audit(settings)
        faults = _faults(settings)
        _check_workers(settings)
        shared = Shared(
            guesses=Guesses(settings.guesses, workers=settings.workers),
            metrics=Metrics(time.time(), settings.workers),
            sessions=Sessions(),
            writes=Writes(),
            short=Moment(),
            reserved=Level(settings.workers),
        )
        plan = Plan(settings, drivers, Keyring([key]), ports, own_names, senders, faults, shared, trail)
        announce = _announcer(settings, key, ports, trail)

        def run_worker(number: int, ready: Callable[[], None], *, fresh: bool) -> int:
            return asyncio.run(worker.run(plan, number, ready, fresh=fresh))

        if settings.workers == 1:
            return run_worker(0, announce, fresh=True) or _never_happened(faults)
        from uvideo.server import workers

        return workers.supervise(settings.workers, run_worker, announce, ports.close, worker.GRACE)
    finally:
        os.close(lock)


def _audit(settings: Settings) -> audit.Audit:
    """The audit log; where it is is kept in the folder, for the commands of `uvideo admin`."""
    try:
        opened = audit.Audit(settings.audit_log, reads=settings.audit_reads)
        audit.note(settings.folder, settings.audit_log)
    except OSError as failure:
        said = f"--audit-log: {settings.audit_log} cannot be written: {failure.strerror}"
        raise StartError(said, endings.of_system(failure, endings.FILE)) from None
    return opened


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
        raise StartError(str(failure), endings.SETTINGS) from None


def _check_workers(settings: Settings) -> None:
    if settings.workers > 1 and not hasattr(os, "fork"):
        raise StartError("--workers: this system starts no further process for it; use --workers 1", endings.SETTINGS)


def _check_callbacks(settings: Settings) -> None:
    try:
        Callbacks(settings.callback_allow)
    except ValueError as failure:
        raise StartError(f"--callback-allow: {failure}", endings.SETTINGS) from None


def _faults(settings: Settings) -> Faults | None:
    """The scripted faults of a test server; None of any other."""
    if settings.faults is None:
        return None
    if settings.workers != 1:
        raise StartError("--faults needs --workers 1: each process would count for itself", endings.SETTINGS)
    try:
        found = Faults(scripted.read(settings.faults))
    except ValueError as failure:
        raise StartError(f"--faults: {failure}", endings.SETTINGS) from None
    except OSError as failure:
        raise StartError(f"--faults: {settings.faults} cannot be read: {failure.strerror}", endings.SETTINGS) from None
    log.warning("this is a test server: scripted faults happen to its requests")
    return found


def _never_happened(faults: Faults | None) -> int:
    """The exit code of a test server that was told to stop."""
    left = faults.left() if faults is not None else []
    for fault in left:
        log.error("this fault never happened: %s", fault)
    return (endings.NEVER_HAPPENED if left else endings.STOPPED).code


def _check_console(settings: Settings) -> None:
    try:
        Endpoint(settings.public_url, 0, False)
    except ValueError as failure:
        raise StartError(f"--public-url: {failure}", endings.SETTINGS) from None
    for name, check, values in (
        ("--console-origin", check_origin, settings.console_origin),
        ("--cors-origin", check_program, settings.cors_origin),
    ):
        try:
            for value in values:
                check(value)
        except ValueError as failure:
            raise StartError(f"{name}: {failure}", endings.SETTINGS) from None


def _own_names(settings: Settings) -> OwnNames:
    """Those that were given, and what other options say in passing."""
    urls = [url for url in (settings.public_url, *settings.console_origin) if url]
    names = [*settings.hostname, *(urlsplit(url).hostname or "" for url in urls)]
    with contextlib.suppress(ValueError):  # what is bound may be written in more ways than a Host header
        names.append(canonical(settings.host))
    try:
        return OwnNames(names, told=bool(settings.hostname or settings.public_url))
    except ValueError as failure:
        raise StartError(f"--hostname: {failure}", endings.SETTINGS) from None


def _senders(settings: Settings) -> Senders:
    try:
        return Senders(settings.trusted_proxy)
    except ValueError as failure:
        raise StartError(f"--trusted-proxy: {failure}", endings.SETTINGS) from None


def _key(settings: Settings, shared: bool) -> Key:
    """``shared``: other gateways must know the same pair, so none is made here."""
    try:
        if settings.public_key is not None or settings.private_key is not None:
            try:
                return check_pair(settings.public_key or "", settings.private_key or "")
            except CredentialsError as failure:
                raise StartError(str(failure), endings.SETTINGS) from None
        path = settings.folder / "credentials.json"
        if shared and not path.exists():
            raise CredentialsError(
                "all gateways need the same key pair: set UVIDEO_SERVE_PUBLIC_KEY and UVIDEO_SERVE_PRIVATE_KEY, or "
                f"put the first one's credentials.json into {settings.folder}"
            )
        key, created = load_or_create(path)
    except CredentialsError as failure:
        raise StartError(str(failure), endings.KEYS) from None
    except OSError as failure:
        raise StartError(
            f"the key pair cannot be kept: {failure}", endings.of_system(failure, endings.KEYS)
        ) from failure
    log.info("%s key pair in %s", "made a new" if created else "using the", path)
    return key


def _announcer(settings: Settings, key: Key, ports: Ports, trail: audit.Audit) -> Callable[[], None]:
    """What says that the server answers: the ready file, and the first line of stdout."""

    def announce() -> None:
        fields = {
            "endpoint": url(ports.data, "https" if ports.tls else "http"),
            "admin": url(ports.admin, "https" if ports.tls else "http"),
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
                ending = endings.of_system(failure, endings.FILE)
                raise StartError(f"the ready file cannot be written: {failure}", ending) from failure
        with contextlib.suppress(BrokenPipeError):
            print(line, flush=True)
        trail.record("StartServer", audit.Who("server", key.public), version=__version__, workers=settings.workers)
        log.info("answering on %s, the console is on %s", fields["endpoint"], fields["admin"])

    return announce
