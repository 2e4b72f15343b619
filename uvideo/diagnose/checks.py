"""Checks a set-up step by step: configuration, keys, hosts, clock, and whether the service accepts our signatures.

    for finding in examine(profile="home", space="movies"):
        print(finding.verdict, finding.check, finding.code)

Findings never contain a private key, a signature or a whole public key.
"""

from __future__ import annotations

import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from uvideo._core import localfile, message, operation, provider, threads
from uvideo.client import operations
from uvideo.client.carrier import connect, fetched
from uvideo.config.settings import SECRETS, Settings, config_file, load, origins, profiles
from uvideo.diagnose.explain_refusal import failed, kind, masked, refused
from uvideo.errors import ConfigurationError, InvalidArgument, NotFound, UVideoError
from uvideo.models import Finding

if TYPE_CHECKING:
    from uvideo._core import pool as _transport
    from uvideo.client.retry import Retry

    Transport = _transport.Transport

__all__ = ["examine"]

T = TypeVar("T")

SECONDS = 10.0  # the most seconds a step waits for a host
TRIFLE = 30.0  # seconds: a smaller clock difference is fine
SOON = 14 * 86400  # seconds: a certificate that expires sooner is reported
PLACEHOLDER = "uvideo"  # the space name for a host with the space in it, if no space was given
SCRATCH = ".uvideo-doctor/"  # prefix of the test objects


def examine(
    profile: str | None = None,
    space: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """Each Finding, as soon as it is known.  options: fields of Settings, as in Client.  environ: the environment.

    space: a space to list, and to store, read and remove a test object in.  None: the account's first space is listed
    and nothing is stored.  Ends early if further steps would show nothing new.
    """
    environ = os.environ if environ is None else environ
    yield from _configuration(environ)
    given = dict(options or {})
    try:
        settings = load(profile, environ, **given)
        sources = origins(profile, environ, **given)
    except InvalidArgument as error:
        yield Finding("settings", "failed", "settings-bad", {"message": error.message})
        return
    yield _settings(settings, sources)
    yield from _keys(settings, sources)
    yield from ServiceChecks(settings, clock).steps(space)


# Local checks


def _configuration(environ: Mapping[str, str]) -> Iterator[Finding]:
    """The configuration file, and whether others can read or replace it."""
    path = config_file(environ)
    facts: dict[str, object] = {"path": str(path)}
    try:
        status = path.stat()
    except FileNotFoundError:
        yield Finding("config", "ok", "config-absent", facts)
        return
    except OSError as error:
        yield Finding("config", "failed", "config-unreadable", {**facts, "reason": error.strerror})
        return
    try:
        default, found = profiles(environ)
    except InvalidArgument as error:
        yield Finding("config", "failed", "config-bad", {**facts, "message": error.message})
        return
    yield Finding("config", "ok", "config-read", {**facts, "profiles": sorted(found), "default": default})
    if not localfile.HAS_OWNERS:
        return  # Windows has access control lists, which are not checked
    if status.st_uid not in (os.geteuid(), 0):
        yield Finding("config.permissions", "warning", "config-foreign", facts)
    elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            "config.permissions", "warning", "config-open", {**facts, "mode": f"{stat.S_IMODE(status.st_mode):03o}"}
        )
    elif (folder := Path(os.path.realpath(path)).parent).stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield Finding("config.permissions", "warning", "folder-open", {"path": str(folder)})
    else:
        yield Finding("config.permissions", "ok", "config-closed", facts)


def _settings(settings: Settings, sources: Mapping[str, str]) -> Finding:
    """The settings that are not defaults, and the layer each is from."""
    shown = {}
    for name, origin in sorted(sources.items()):
        value = getattr(settings, name)
        if name == "public_key":
            value = masked(value)
        elif name in SECRETS:
            value = "***"
        shown[name] = {"value": value, "from": origin}
    hosts = settings.hosts()
    facts = {
        "settings": shown,
        "provider": settings.provider,
        "upload": _suffix(hosts.upload),
        "download": _suffix(hosts.download),
        "api": hosts.api if isinstance(hosts.api, str) else None,
        "word": hosts.word,
    }
    return Finding("settings", "ok", "settings", facts)


def _suffix(suffix: provider.Suffix | provider.Missing) -> str | None:
    if isinstance(suffix, provider.Missing):
        return None
    return f"{suffix.scheme}://{suffix.host if suffix.shared else 'SPACE' + suffix.host}"


def _keys(settings: Settings, sources: Mapping[str, str]) -> Iterator[Finding]:
    keys = settings.credentials()
    if keys is None:
        yield Finding("keys", "warning", "keys-absent")
        return
    facts = {
        "public_key": masked(keys.public_key),
        "from": sources.get("public_key", "argument"),
        "kind": "temporary" if keys.security_token is not None else kind(keys.public_key),
    }
    if keys.public_key == keys.private_key:
        yield Finding("keys", "failed", "keys-same", facts)
    elif keys.private_key != keys.private_key.strip() or any(char.isspace() for char in keys.private_key):
        yield Finding("keys", "warning", "keys-blanks", facts)
    elif kind(keys.public_key) == "temporary" and keys.security_token is None:
        yield Finding("keys", "failed", "keys-no-token", facts)
    else:
        yield Finding("keys", "ok", "keys-present", facts)


# Connections


@dataclass(frozen=True)
class Host:
    """roles: upload, download, api.  authority: as in its URL.  port: None if invalid."""

    roles: tuple[str, ...]
    scheme: str
    authority: str
    name: str
    port: int | None

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


def _hosts(settings: Settings, space: str) -> tuple[list[Host], dict[str, str]]:
    """(each host once, the upload host first; {role: why it has no host})."""
    hosts = settings.hosts()
    found, absent = dict[tuple[str, str], tuple[str, ...]](), dict[str, str]()
    for role, place in (("upload", hosts.upload), ("download", hosts.download), ("api", hosts.api)):
        if isinstance(place, provider.Missing):
            absent[role] = place.reason
            continue
        parts = urlsplit(place if isinstance(place, str) else place.origin(space))
        origin = (parts.scheme, parts.netloc)
        found[origin] = (*found.get(origin, ()), role)
    return [Host(roles, *origin, *_split(*origin)) for origin, roles in found.items()], absent


def _split(scheme: str, authority: str, usual: int = 80) -> tuple[str, int | None]:
    """(name, port) of an authority; port None if invalid."""
    parts = urlsplit(f"{scheme}://{authority}")
    try:
        return parts.hostname or "", parts.port or (443 if scheme == "https" else usual)
    except ValueError:
        return parts.hostname or "", None


def _within(job: Callable[[], T], seconds: float) -> T:
    """The result of ``job``.  TimeoutError after ``seconds``: a name lookup has no time-out of its own."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append((job(), None))
        except (OSError, ValueError, OverflowError) as error:  # an invalid name or port
            found.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    threads.start(thread)
    thread.join(seconds)
    if not found:
        raise TimeoutError("no answer in time")
    value, error = found[0]
    if error is not None:
        raise error
    result: T = value
    return result


def _reached(host: Host, settings: Settings, clock: Callable[[], float], transport: Transport) -> Iterator[Finding]:
    """DNS, TCP and TLS of one host, over the route that a client takes.  Ends at the first failure."""
    from uvideo._core import address, connection, failure_cause, race

    limit = min(SECONDS, settings.connect_timeout)
    facts: dict[str, object] = {"host": host.authority, "for": list(host.roles)}
    role = host.roles[0]
    try:
        route = transport.route(host.origin)
    except ConfigurationError as error:  # of the proxy
        yield failed(f"{role}.host", error, facts)
        return
    except InvalidArgument as error:
        yield Finding(f"{role}.tls", "failed", "tls-failed", {**facts, "reason": error.message}, ("client-cert",))
        return
    proxy, leg = route.proxy, failure_cause.HOST
    name, port = route.address, route.port
    if proxy is not None:
        name, port, leg = proxy.name, proxy.port, failure_cause.PROXY
        facts["host"] = facts["proxy"] = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    try:
        if not 0 < port < 65536:
            raise OverflowError
        found = _within(lambda: socket.getaddrinfo(name, port, type=socket.SOCK_STREAM), limit)
    except (OSError, ValueError, OverflowError) as error:
        if isinstance(error, TimeoutError):
            error = socket.gaierror(socket.EAI_AGAIN, "no answer in time")
        yield failed(f"{role}.dns", failure_cause.judged(error, leg, route), facts)
        return
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    yield Finding(f"{role}.dns", "ok", "dns", {**facts, "addresses": addresses})
    began = time.perf_counter()
    try:
        race.connect(name, port, connection.Pace(limit, limit)).close()
    except address.ConnectError as error:
        yield failed(f"{role}.tcp", failure_cause.judged(error, leg, route), facts)
        return
    seconds = round(time.perf_counter() - began, 3)
    yield Finding(f"{role}.tcp", "ok", "tcp" if proxy is None else "tcp-proxy", {**facts, "seconds": seconds})
    facts["host"] = host.authority
    if host.scheme == "https":
        yield _secured(host, transport, limit, clock, facts)
    elif route.is_sure:
        yield Finding(f"{role}.tls", "ok", "tls-local", facts)
    else:
        yield Finding(f"{role}.tls", "warning", "tls-none", facts)


def _secured(
    host: Host, transport: Transport, limit: float, clock: Callable[[], float], facts: Mapping[str, object]
) -> Finding:
    check = f"{host.roles[0]}.tls"
    try:
        version, certificate = transport.probe(host.origin, limit)
    except UVideoError as error:
        return failed(check, error, facts)
    days = None
    with suppress(KeyError, ValueError):
        days = int((ssl.cert_time_to_seconds(str((certificate or {})["notAfter"])) - clock()) // 86400)
    if days is not None and days * 86400 < SOON:
        return Finding(check, "warning", "tls-ends", {**facts, "days": days})
    return Finding(check, "ok", "tls", {**facts, "version": version, "days": days})


# The service


class ServiceChecks:
    """The steps that send requests to the service, each at most twice."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._carrier = connect(settings, impatient())

    def steps(self, space: str | None) -> Iterator[Finding]:
        hosts, absent = _hosts(self._settings, space or PLACEHOLDER)
        for role, reason in absent.items():
            facts = {"message": reason}
            yield Finding(f"{role}.host", "warning" if role == "api" else "failed", "host-missing", facts)
        if "upload" in absent:
            return
        for host in hosts:
            lost = False
            for finding in _reached(host, self._settings, self._clock, self._carrier.transport):
                lost = lost or finding.verdict == "failed"
                yield finding
            if lost and "upload" in host.roles:
                return
        yield self._clocks(self._settings.hosts().upload.origin(space or PLACEHOLDER))
        if self._carrier.credentials is None:
            yield Finding("management", "skipped", "keys-absent")
            if space is not None:
                yield self._listed(space)
            return
        if "api" in absent:
            first, finding = None, Finding("management", "skipped", "no-host")
        else:
            first, finding = self._managed()
        yield finding
        known, managed = space or first, finding.verdict == "ok"
        if known is None:
            yield Finding("data", "skipped", "no-space" if managed else "spaces-unknown")
            return
        listed = self._listed(known, managed=managed)
        yield listed
        if space is None:
            yield Finding("round-trip", "skipped", "no-space-given")
        elif listed.verdict == "ok" and "download" in absent:
            yield Finding("round-trip", "skipped", "no-host")
        elif listed.verdict == "ok":
            yield self._round_trip(space)

    def _clocks(self, origin: str) -> Finding:
        """Seconds that this clock is ahead of the service's.  A Date has whole seconds."""
        began = self._clock()
        try:
            response = self._carrier.transport.send(
                message.Request("GET", origin, "/", message.Headers(), b""), None, self._carrier.limit()
            )
            said = parsedate_to_datetime(response.headers.get("Date") or "").timestamp()
        except UVideoError as error:
            return refused("clock", error, self._carrier)
        except (TypeError, ValueError):
            return Finding("clock", "skipped", "clock-unsaid")
        ahead = (began + self._clock()) / 2 - said - 0.5
        facts = {"seconds": round(abs(ahead)), "expires": self._settings.expires}
        if abs(ahead) <= TRIFLE:
            return Finding("clock", "ok", "clock", facts)
        if ahead > 0:
            return Finding("clock", "warning", "clock-ahead", facts)
        return Finding("clock", "failed" if -ahead >= self._settings.expires else "warning", "clock-behind", facts)

    def _managed(self) -> tuple[str | None, Finding]:
        """(a space of the account, the finding about listing the spaces)."""
        call = operations.list_spaces("")
        try:
            page = call.convert(self._carrier.act(call.operation)[0])
        except UVideoError as error:
            return None, refused("management", error, self._carrier, action=call.operation)
        names = [each.name for each in page.items]
        facts: dict[str, object] = {"count": len(names), "more": bool(page.marker)}
        return (names[0] if names else None), Finding("management", "ok", "spaces", facts)

    def _listed(self, space: str, managed: bool = False) -> Finding:
        op = None
        try:
            op = operations.list_objects(space, "", "", "", 1).operation
            page = self._carrier.call(op)[0]
        except UVideoError as error:
            found = refused("data", error, self._carrier, op)
            if managed and found.causes and found.causes[0].endswith("private-key"):  # management accepted the key
                return replace(found, causes=found.causes[1:])
            return found
        return Finding("data", "ok", "listed", {"space": space, "objects": len(page.objects)})

    def _round_trip(self, space: str) -> Finding:
        """Store, read and remove a small object."""
        key, content = SCRATCH + os.urandom(8).hex(), os.urandom(64)
        put, get = operations.put(space, key), operations.get(space, key)
        asked: operation.PutObject | operation.GetObject = put
        began, data = time.perf_counter(), b""
        failure: UVideoError | None = None
        try:
            self._carrier.call(put, content)
            asked = get
            data = fetched(self._carrier, get, self._settings.expires)[1]
        except UVideoError as error:
            failure = error
        finally:
            left = None if self._removed(space, key) else key
        facts: dict[str, object] = {"space": space, "seconds": round(time.perf_counter() - began, 3), "left": left}
        if failure is not None:
            expires = self._settings.expires if asked is get else None
            found = refused("round-trip", failure, self._carrier, asked, expires=expires)
            step = "get" if asked is get else "put"
            return replace(found, facts={**found.facts, **facts, "step": step})
        if data != content:
            return Finding("round-trip", "failed", "content-differs", facts, ("changed-on-the-way",))
        return Finding("round-trip", "warning" if left else "ok", "scratch-left" if left else "round-trip", facts)

    def _removed(self, space: str, key: str) -> bool:
        try:
            self._carrier.call(operations.delete(space, key).operation)
        except NotFound:
            pass
        except UVideoError:
            return False
        return True


def impatient() -> Retry:
    from uvideo.client.retry import Retry

    return Retry(retries=1, base=0.2, cap=1.0, budget=2.0, attempt_seconds=3 * SECONDS, total_seconds=6 * SECONDS)
