"""The state of one call of the command: options, client, report and cancellation."""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from uvideo.cli.i18n import say
from uvideo.cli.report import Report

if TYPE_CHECKING:
    from uvideo import Cancel, Client
    from uvideo.cli.display import Display
    from uvideo.config.settings import Settings

__all__ = ["Context"]

#: Options that configure the client.
CHOICES = ("profile", "config", "endpoint", "provider")  # of keys and host
SETTINGS = (*CHOICES, "no_verify")


class Context:
    """Options that every verb has, given before or after it; the last one takes precedence.

    profile, config, endpoint, provider: see uvideo.Settings.  no_verify: compare no etags.  no_times: store and restore
    no times of files.  dry_run: print what would be done.  yes: do not ask.  literal: addresses are no patterns.  line,
    argv: of the command, in a file that ``run`` reads.
    stats: seconds between lines of progress off a terminal, None if not given.  clock, sleep: of verbs that wait; the
    clock never goes back.
    """

    def __init__(self) -> None:
        self.profile: str | None = None
        self.config: str | None = None
        self.endpoint: str | None = None
        self.provider: str | None = None
        self.json = self.quiet = self.verbose = self.no_progress = False
        self.stats: float | None = None
        self.display: Display | None = None  # of this call, or of the file of commands of which it is a line
        self.dry_run = self.yes = self.no_verify = self.no_times = self.literal = False
        self.line: int | None = None
        self.argv: list[str] = []
        self.clock: Callable[[], float] = time.monotonic
        self.sleep: Callable[[float], None] = time.sleep
        self.goes_on = False  # whether the same command, run again, continues an interrupted one
        self._parent: Context | None = None  # whose client is used
        self._lock = threading.Lock()
        self._settings: Settings | None = None
        self._client: Client | None = None
        self._report: Report | None = None
        self._cancel: Cancel | None = None

    @property
    def settings(self) -> Settings:
        """The Settings for these options.  InvalidArgument."""
        if self._settings is None:
            from uvideo.config.settings import load

            self._settings = load(
                self.profile,
                self.environ(),
                endpoint=self.endpoint,
                provider=self.provider,
                checksum=False if self.no_verify else None,
            )
        return self._settings

    @property
    def client(self) -> Client:
        """The Client for these options, created on first use.  InvalidArgument; NoCredentials without configuration."""
        if self._parent is not None:
            return self._parent.client
        with self._lock:
            if self._client is None:
                from uvideo import Client
                from uvideo.cli.waits import telling

                self._check_configured()
                self._client = Client(settings=self.settings, retry=telling(self.settings, self._waits))
            return self._client

    def _check_configured(self) -> None:
        """NoCredentials if there are neither keys nor a service to read public objects from."""
        found = self.settings
        given = (found.public_key, found.endpoint, found.download_endpoint, found.api_url, found.region, self.provider)
        if any(given) or found.provider != type(found)().provider:
            return
        from uvideo.config.settings import profiles
        from uvideo.errors import InvalidArgument, NoCredentials

        environ = self.environ()
        default, tables = profiles(environ, strict=False)
        if tables and not (default or self.profile or environ.get("UVIDEO_PROFILE")):
            names = ", ".join(tables)
            raise InvalidArgument(
                say("no keys: choose a profile with --profile or uvideo config use; there are {names}", names=names)
            )
        raise NoCredentials()

    def _waits(self, seconds: float, reason: str) -> None:
        if self.display is not None:
            self.display.waits(seconds, reason)

    def environ(self) -> dict[str, str]:
        """The environment variables, with the value of --config."""
        found = dict(os.environ)
        if self.config is not None:
            found["UVIDEO_CONFIG"] = self.config
        return found

    @property
    def report(self) -> Report:
        if self._report is None:
            doctor = ["uvideo", "doctor"]
            for name in CHOICES:
                if getattr(self, name):
                    doctor += [f"--{name}", getattr(self, name)]
            self._report = Report(
                json=self.json, quiet=self.quiet, verbose=self.verbose, line=self.line, doctor=shlex.join(doctor)
            )
            self._report.above = None if self.display is None else self.display.above
        return self._report

    @property
    def cancel(self) -> Cancel:
        """The Cancel of all transfers of this call; set when the user stops the command."""
        if self._cancel is None:
            from uvideo import Cancel

            self._cancel = Cancel()
        return self._cancel

    @property
    def interactive(self) -> bool:
        """Whether the user can be asked: on a terminal, without --json, and not in a file of commands."""
        return self.line is None and not self.json and sys.stdin.isatty() and sys.stderr.isatty()

    def child(self, line: int, argv: list[str]) -> Context:
        """The Context of one line of `run`, with the same options, client and Cancel."""
        made = Context()
        for name in (*SETTINGS, "json", "quiet", "verbose", "dry_run", "yes", "no_times"):
            setattr(made, name, getattr(self, name))
        made.line, made.argv, made._parent, made._cancel = line, argv, self, self.cancel
        made.display = self.display
        return made

    def set(self, name: str, value: object) -> None:
        """Set an option; None and False mean that it was not given."""
        if value is not None and value is not False:
            if self.line is not None and name in SETTINGS:
                self._parent = None  # this line has another client than the others
            setattr(self, name, value)
            self._report = None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
