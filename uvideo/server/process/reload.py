"""Reload of settings and certificate while the server runs.

The first worker reads the files at SIGHUP and when one of them has changed, and checks them as at a start.  Then it
publishes the result in memory that all workers share.  Each worker polls this memory, so all have the same settings,
including workers that start later.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import mmap
import os
import pickle
import struct
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

from uvideo.server.ops.metrics import Metrics
from uvideo.server.process import exit_codes
from uvideo.server.process.settings import ServerSettings, StartError
from uvideo.server.process.tls_certificate import Pem, ServerCertificate
from uvideo.server.rules.server_names import OwnNames

__all__ = ["WHEN", "News", "Published", "Reading", "When", "follow"]

POLL = 0.5  # seconds between two polls
ROTATE = "`uvideo admin keys --replace` changes it"
_NUMBER = struct.Struct("=Q")

log = logging.getLogger("uvideo.server")


class When(enum.Enum):
    """When a changed setting takes effect.  docs/server.md contains the values."""

    AT_ONCE = "at once"
    VALUE = "at once, but only a restart turns it on or off"
    RESTART = "after a restart"
    ROTATION = "never by a reload: use `uvideo admin keys --replace`"


#: For each field of ServerSettings.
WHEN: dict[str, When] = {
    **dict.fromkeys((each.name for each in fields(ServerSettings)), When.RESTART),
    **dict.fromkeys(
        (
            *("rate", "guesses", "connections", "connections_per_address", "idle", "least_rate", "quarantine_days"),
            "stale_days",
            *("callback_allow", "console_origin", "cors_origin", "permanent_links", "verify_reads"),
            *("s3_form_v2", "s3_host", "s3_strict_parts"),
            *("scrub_days", "scrub_rate", "log_level", "access_log"),
        ),
        When.AT_ONCE,
    ),
    **dict.fromkeys(("tls_cert", "tls_key", "headroom", "trusted_proxy"), When.VALUE),
    **dict.fromkeys(("public_key", "private_key"), When.ROTATION),
}


class News(NamedTuple):
    """The result of the last reload: the settings in effect, and the certificate's files."""

    settings: ServerSettings
    pem: Pem | None


class Published:
    """News in shared memory, made before the workers are forked.  One process writes, all read."""

    SIZE = 1 << 20  # bytes of each of two places, used alternately; unused pages take no memory

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 3 * _NUMBER.size + 2 * self.SIZE)

    @property
    def count(self) -> int:
        """The number of publications."""
        return int(_NUMBER.unpack_from(self._memory)[0])

    @property
    def asked(self) -> int:
        """The number of requests to read the files again."""
        return int(_NUMBER.unpack_from(self._memory, _NUMBER.size)[0])

    def ask(self) -> int:
        """Note one more request, before the worker is told of it; its number."""
        _NUMBER.pack_into(self._memory, _NUMBER.size, self.asked + 1)
        return self.asked

    @property
    def answered(self) -> int:
        """The number of the last request after which the files were read."""
        return int(_NUMBER.unpack_from(self._memory, 2 * _NUMBER.size)[0])

    def answer(self, number: int) -> None:
        _NUMBER.pack_into(self._memory, 2 * _NUMBER.size, number)

    def publish(self, news: News) -> None:
        """Publish for all workers.  StartError if it is too large."""
        data = pickle.dumps(news)
        if len(data) > self.SIZE - _NUMBER.size:
            raise StartError("the settings and the certificate are larger than 1 MiB", exit_codes.SETTINGS)
        count = self.count + 1
        at = self._place(count)
        _NUMBER.pack_into(self._memory, at, len(data))
        self._memory[at + _NUMBER.size : at + _NUMBER.size + len(data)] = data
        _NUMBER.pack_into(self._memory, 0, count)

    def read(self) -> tuple[int, News]:
        """(count, the last publication)."""
        while True:
            count = self.count
            at = self._place(count)
            begin = at + _NUMBER.size
            data = self._memory[begin : begin + _NUMBER.unpack_from(self._memory, at)[0]]
            if self.count == count:  # otherwise it may have been overwritten
                found: News = pickle.loads(data)  # noqa: S301 - memory of our own processes
                return count, found

    def _place(self, count: int) -> int:
        return 3 * _NUMBER.size + count % 2 * self.SIZE


async def follow(published: Published, take: Callable[[News], None], count: int) -> None:
    """Give every publication after ``count`` to ``take``, until cancelled."""
    while True:
        await asyncio.sleep(POLL)
        if published.count != count:
            count, news = published.read()
            try:
                take(news)
            except Exception:
                log.exception("new settings could not be applied")


class Again(NamedTuple):
    """``reread``: reads the settings as a start does.  ``check``: the server's own names in them.  Both raise
    StartError."""

    reread: Callable[[], ServerSettings]
    check: Callable[[ServerSettings], OwnNames]


class Reading:
    """Reloads the files, in the first worker."""

    def __init__(self, news: News, again: Again, published: Published, metrics: Metrics) -> None:
        self._news, self._again = news, again
        self._published, self._metrics = published, metrics
        self._seen: object = None
        self._worked = True
        metrics.set("uvideo_reload_successful", 1)

    async def run(self, asked: asyncio.Event) -> None:
        """Read when asked and when a file has changed, until cancelled."""
        while True:
            is_asked = asked.is_set()
            asked.clear()  # before the look, so that no request is lost
            await asyncio.to_thread(self.look, asked=is_asked)
            waiting = asyncio.get_running_loop().create_task(asked.wait())
            try:  # no wait_for: before Python 3.12 it loses a cancel that comes together with a signal
                await asyncio.wait([waiting], timeout=self._news.settings.reload_seconds or None)
            finally:
                waiting.cancel()

    def look(self, *, asked: bool = False) -> None:
        """Read if a file has changed, or if ``asked``."""
        number = self._published.asked  # what is asked from now on needs another look
        seen = [_signature(path) for path in self._paths()]
        if asked or seen != self._seen:
            self._seen = seen
            try:
                self._read(asked)
            except Exception:
                log.exception("the settings could not be read again")
                self._end(False)
            self._published.answer(number)

    def _paths(self) -> list[Path]:
        settings = self._news.settings
        return [*settings.settings, *(path for path in (settings.tls_cert, settings.tls_key) if path is not None)]

    def _read(self, asked: bool) -> None:
        old = self._news
        settings, pem, problems = old.settings, old.pem, list[str]()
        try:
            read = self._again.reread()
            self._again.check(read)  # settings that need a restart must be valid too
            if pem is None and read.tls_cert is not None and read.tls_key is not None:
                ServerCertificate(Pem.read(read.tls_cert, read.tls_key))
            settings = self._merged(read)
            self._again.check(settings)
        except StartError as failure:
            settings = old.settings
            problems.append(f"the settings are unchanged: {failure}")
        try:
            if pem is not None and settings.tls_cert is not None and settings.tls_key is not None:
                found = Pem.read(settings.tls_cert, settings.tls_key)
                if found != pem:
                    ServerCertificate(found)
                    pem = found
        except StartError as failure:
            problems.append(f"the certificate is unchanged: {failure}")
        new = News(settings, pem)
        if new != old:
            self._published.publish(new)
            self._news = new
        if pem is not None and (pem != old.pem or asked) and (trouble := pem.trouble(time.time())):
            log.warning("%s", trouble)
        for problem in problems:
            log.error("%s", problem)
        changes = [f"{name} = {getattr(settings, name)!r}" for name in _changed(old.settings, settings)]
        changes += ["a new certificate"] if pem != old.pem else []
        if changes or (asked and not problems):
            log.info("read again: %s", ", ".join(changes) or "nothing has changed")
        if changes or problems or asked or not self._worked:
            self._end(not problems)

    def _merged(self, read: ServerSettings) -> ServerSettings:
        """The settings in effect from now on.  Settings that need a restart keep their value, and are logged."""
        old = self._news.settings
        names = _changed(old, read)
        refused = [name for name in names if WHEN[name] is When.ROTATION]
        if refused:
            raise StartError(f"they contain another key pair of the server's own: {ROTATE}", exit_codes.SETTINGS)
        waiting = [name for name in names if not _is_at_once(name, old, read)]
        if waiting:
            log.warning("changed, takes effect after a restart: %s", ", ".join(waiting))
        return replace(old, **{name: getattr(read, name) for name in names if name not in waiting})

    def _end(self, worked: bool) -> None:
        self._worked = worked
        self._metrics.set("uvideo_reload_last_seconds", int(time.time()))
        self._metrics.set("uvideo_reload_successful", int(worked))
        if not worked:
            self._metrics.add("uvideo_reload_failures_total")


def _is_at_once(name: str, old: ServerSettings, new: ServerSettings) -> bool:
    when = WHEN[name]
    return when is When.AT_ONCE or (when is When.VALUE and bool(getattr(old, name)) and bool(getattr(new, name)))


def _changed(old: ServerSettings, new: ServerSettings) -> list[str]:
    return [each.name for each in fields(ServerSettings) if getattr(old, each.name) != getattr(new, each.name)]


def _signature(path: Path) -> object:
    """A value that changes when the file, or the target of a link, is written or replaced."""
    try:
        found = os.stat(path)
    except OSError as failure:
        return failure.errno
    return found.st_mtime_ns, found.st_ino, found.st_dev, found.st_size
