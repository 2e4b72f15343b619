"""``uvideo serve``: makes a plan from the settings and runs the workers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from uvideo._core import __version__, localfile
from uvideo.server.auth.auth_throttle import Guesses
from uvideo.server.auth.client_address import TrustedProxies
from uvideo.server.auth.credentials import CredentialsError, Key, Keyring, check_pair, load_or_create, load_some
from uvideo.server.auth.key_file import KeyFile
from uvideo.server.console.sessions import Sessions
from uvideo.server.http.callback import Callbacks
from uvideo.server.http.cross_origin import BrowserEndpoint, check_origin, check_program
from uvideo.server.http.rate_limits import no_core
from uvideo.server.ops import audit
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.readiness import Moment, Writes
from uvideo.server.ops.request_log import RequestLog
from uvideo.server.ops.shared_gauge import Level
from uvideo.server.process import exit_codes, logs, worker
from uvideo.server.process.data_folder import Folder, claim
from uvideo.server.process.drivers import DriverError, Drivers, choose, without_password
from uvideo.server.process.handover import FORWARDED, Predecessor, Succession
from uvideo.server.process.hangup import Hangup
from uvideo.server.process.inherited_sockets import inherited
from uvideo.server.process.listening_sockets import bound, check_tls, for_clients, listen, url
from uvideo.server.process.loop_pulse import Pulse
from uvideo.server.process.reload import Again, Published
from uvideo.server.process.sd_notify import Notify
from uvideo.server.process.settings import ServerSettings, StartError
from uvideo.server.process.shared_memory import Shared
from uvideo.server.process.signals import Signals
from uvideo.server.process.worker import Plan
from uvideo.server.rules.server_names import OwnNames, canonical, s3_names
from uvideo.storage.base import DAY

if TYPE_CHECKING:
    from uvideo.server.http.faulty_app import ServerFaults

__all__ = ["ServerSettings", "StartError", "claim", "serve"]

log = logging.getLogger("uvideo.server")


def serve(settings: ServerSettings, reread: Callable[[], ServerSettings] | None = None) -> int:
    """Run until told to stop; returns an exit code of ``exit_codes``.  StartError if the server cannot start.

    ``reread``: reads the settings again, or raises StartError.  None: they never change.
    """
    service, predecessor = Notify.taken(os.environ), Predecessor.taken(os.environ)
    logs.set_up(settings.log_level, settings.access_log)
    hangup = Hangup()
    try:
        return _serve(settings, service, predecessor, Again(reread or (lambda: settings), _check), hangup)
    except BaseException as failure:
        if predecessor is not None:
            predecessor.failed(str(failure) or type(failure).__name__)
        if isinstance(failure, StartError) or not isinstance(failure, Exception):
            raise
        log.critical("the server failed", exc_info=True)
        return exit_codes.FAILED.code


def _check(settings: ServerSettings) -> OwnNames:
    """The server's own names.  StartError for invalid values that the options' types accept."""
    checks: list[tuple[str, Callable[[Any], object], Sequence[object]]] = [
        ("--callback-allow", Callbacks, [settings.callback_allow]),
        ("--public-url", lambda url: BrowserEndpoint(url, 0, False), [settings.public_url]),
        ("--console-origin", check_origin, settings.console_origin),
        ("--cors-origin", check_program, settings.cors_origin),
        ("--s3-host", s3_names, [settings.s3_host]),
        ("--trusted-proxy", TrustedProxies, [settings.trusted_proxy]),
    ]
    for name, check, values in checks:
        with _of_option(name):
            for value in values:
                check(value)
    if settings.workers > 1 and not hasattr(os, "fork"):
        raise StartError(
            "--workers: this system does not support several processes; use --workers 1", exit_codes.SETTINGS
        )
    check_tls(settings)
    _drivers(settings)
    _faults(settings)
    _other_keys(settings)
    return _own_names(settings)


@contextlib.contextmanager
def _of_option(name: str) -> Iterator[None]:
    """Turn a ValueError of the block into a StartError about this option."""
    try:
        yield
    except ValueError as failure:
        raise StartError(f"{name}: {failure}", exit_codes.SETTINGS) from None


def _serve(
    settings: ServerSettings, service: Notify, predecessor: Predecessor | None, again: Again, hangup: Hangup
) -> int:
    if settings.database in sys.argv and without_password(settings.database) != settings.database:
        log.warning("others can read a command line: give --database as UVIDEO_SERVE_DATABASE, or use ~/.pgpass")
    own_names, drivers, proxies = _check(settings), _drivers(settings), TrustedProxies(settings.trusted_proxy)
    no_core()
    folder = predecessor.folder(settings.folder) if predecessor is not None else Folder.claimed(settings.folder)
    try:
        # Before a key pair is created: a server whose port is in use leaves none behind.
        ports = listen(settings, predecessor.ports() if predecessor is not None else inherited(os.environ))
        keyring = _keyring(settings, drivers.shared)
        if not isinstance(keyring, KeyFile):  # a KeyFile is in the folder, where the commands look
            folder.facts["given_key"] = keyring.own.public
        if ports.certificate is not None and (trouble := ports.certificate.pem.trouble(time.time())):
            log.warning("%s", trouble)
        folder.facts["admin"] = url(ports.admin, "https" if ports.tls else "http")  # for health checks
        trail = _audit(settings)
        faults = _faults(settings)
        if faults is not None:
            log.warning("this is a test server: it injects scripted faults")
        shared = Shared(
            guesses=Guesses(settings.guesses, workers=settings.workers),
            metrics=Metrics(time.time(), settings.workers),
            requests=RequestLog(settings.workers),
            sessions=Sessions(),
            writes=Writes(),
            published=Published(),
            short=Moment(),
            reserved=Level(settings.workers),
            stored=Level(settings.workers),
            others=Level(settings.workers),
            pulse=Pulse(settings.workers),
        )
        shared.metrics.set("uvideo_unplanned_starts_total", folder.crashes)
        succession = Succession(folder, ports, service, hangup, is_first=predecessor is None)

        def announce() -> None:
            """Report that the server answers.  Steps that may fail come before it takes over."""
            keyring.look()
            endpoint, admin = (url(each, "https" if ports.tls else "http") for each in (ports.data, ports.admin))
            public = keyring.own.public
            fields = {"endpoint": endpoint, "admin": admin, "pid": os.getpid(), "public_key": public}
            if ports.s3 is not None:
                fields["s3"] = url(ports.s3, "https" if ports.tls else "http")
            with _ready_file(settings.ready_file, line := json.dumps(fields) + "\n", is_first=predecessor is None):
                if predecessor is not None:
                    predecessor.serving()
                folder.say(pid=os.getpid(), failures=0)
            if sys.stdout is not None:
                with contextlib.suppress(OSError):  # closed terminal or pipe, full disk
                    os.write(sys.stdout.fileno(), line.encode())  # unbuffered: nothing can fail at exit
            trail.record("StartServer", audit.Who("server", public), version=__version__, workers=settings.workers)
            scheme = "https" if ports.tls else "http"
            place, clients = bound(ports.data, scheme), for_clients(settings, ports)
            place += f", for clients {clients}" if clients else ""
            place += f", S3 is on {bound(ports.s3, scheme)}" if ports.s3 is not None else ""
            log.info("answering on %s, the console is on %s", place, bound(ports.admin, scheme))
            service.ready(f"answering on {place}")

        # Under a service manager there is always a supervisor: it can end before the last answer is sent.
        alone = settings.workers == 1 and (faults is not None or not service.is_there)
        plan = Plan(
            *(settings, drivers, keyring, ports, own_names, proxies, faults, shared),
            *(trail, folder, service, succession if alone else None, again, hangup, signals := Signals()),
        )

        def run_worker(
            number: int, ready: Callable[[], None], stopped: Callable[[], None] = lambda: None, *, fresh: bool
        ) -> int:
            return asyncio.run(worker.run(plan, number, ready, stopped, fresh=fresh))

        if alone:
            code = run_worker(0, announce, fresh=True) or _never_happened(faults)
            if succession.waits:
                signals.keep([signal.SIGCHLD])
                code = succession.wait(signals.next)
            signals.ignore(FORWARDED)
            return code
        from uvideo.server.process import supervisor

        return supervisor.supervise(plan, succession, run_worker, announce)
    finally:
        folder.close()


def _audit(settings: ServerSettings) -> audit.Audit:
    """The audit log.  Its path is saved in the folder, for the commands of `uvideo admin`."""
    try:
        opened = audit.Audit(settings.audit_log, reads=settings.audit_reads)
        audit.note(settings.folder, settings.audit_log)
    except OSError as failure:
        said = f"--audit-log: {settings.audit_log} cannot be written: {failure.strerror}"
        raise StartError(said, exit_codes.of_system(failure, exit_codes.FILE)) from None
    return opened


def _drivers(settings: ServerSettings) -> Drivers:
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
        raise StartError(str(failure), exit_codes.SETTINGS) from None


def _faults(settings: ServerSettings) -> ServerFaults | None:
    """The scripted faults of a test server; None for other servers."""
    if settings.faults is None:
        return None
    from uvideo.server.http.faulty_app import ServerFaults
    from uvideo.testing import faults

    if settings.workers != 1:
        raise StartError(
            "--faults needs --workers 1: each process would count its requests separately", exit_codes.SETTINGS
        )
    with _of_option("--faults"):
        try:
            return ServerFaults(faults.read(settings.faults))
        except OSError as failure:
            raise ValueError(f"{settings.faults} cannot be read: {failure.strerror}") from None


def _never_happened(faults: ServerFaults | None) -> int:
    """The exit code of a test server: whether faults never happened."""
    left = faults.left() if faults is not None else []
    for fault in left:
        log.error("this fault never happened: %s", fault)
    return (exit_codes.NEVER_HAPPENED if left else exit_codes.STOPPED).code


def _own_names(settings: ServerSettings) -> OwnNames:
    """The given names, and those that follow from other options."""
    urls = [url for url in (settings.public_url, *settings.console_origin) if url]
    names = [*settings.hostname, *settings.s3_host, *(urlsplit(url).hostname or "" for url in urls)]
    with contextlib.suppress(ValueError):  # a bind address may have forms that are not valid in a Host header
        names.append(canonical(settings.host))
    with _of_option("--hostname"):
        return OwnNames(names, told=bool(settings.hostname or settings.public_url))


def _other_keys(settings: ServerSettings) -> list[Key]:
    try:
        return load_some(settings.other_keys) if settings.other_keys is not None else []
    except CredentialsError as failure:
        raise StartError(str(failure), exit_codes.KEYS) from None
    except OSError as failure:
        said = f"--other-keys: {settings.other_keys} cannot be read: {failure.strerror}"
        raise StartError(said, exit_codes.of_system(failure, exit_codes.KEYS)) from failure


def _keyring(settings: ServerSettings, shared: bool) -> Keyring:
    """The server's key pairs.  ``shared``: all gateways need the same pair, so none is created here."""
    others = _other_keys(settings)
    try:
        if settings.public_key is not None or settings.private_key is not None:
            try:
                own = check_pair(settings.public_key or "", settings.private_key or "")
            except CredentialsError as failure:
                raise StartError(str(failure), exit_codes.SETTINGS) from None
            return Keyring([own, *(key for key in others if key.public != own.public)])
        path = settings.folder / "credentials.json"
        if shared and not path.exists():
            raise CredentialsError(
                "all gateways need the same key pair: set UVIDEO_SERVE_PUBLIC_KEY and UVIDEO_SERVE_PRIVATE_KEY, or "
                f"put the first one's credentials.json into {settings.folder}"
            )
        _, created = load_or_create(path)
        keyring = KeyFile(path, others)
    except CredentialsError as failure:
        raise StartError(str(failure), exit_codes.KEYS) from None
    except OSError as failure:
        raise StartError(
            f"the key pair cannot be stored: {failure}", exit_codes.of_system(failure, exit_codes.KEYS)
        ) from failure
    log.info("%s key pair in %s", "created a new" if created else "using the", path)
    return keyring


@contextlib.contextmanager
def _ready_file(path: Path | None, line: str, *, is_first: bool) -> Iterator[None]:
    """Write the line to the file after the block.  StartError if it cannot be written.

    ``is_first``: raise also if the write fails after the block; otherwise that is only logged.
    """
    if path is None:
        yield
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.ExitStack() as stack:
        stack.callback(_forget, aside)
        try:
            aside.write_text(line, encoding="utf-8")
        except OSError as failure:
            raise _no_ready_file(failure) from failure
        yield
        try:
            localfile.replace(aside, path)
        except OSError as failure:
            if is_first:
                raise _no_ready_file(failure) from failure
            log.error("%s", _no_ready_file(failure))


def _no_ready_file(failure: OSError) -> StartError:
    said = f"the ready file cannot be written: {failure}"
    return StartError(said, exit_codes.of_system(failure, exit_codes.FILE))


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
