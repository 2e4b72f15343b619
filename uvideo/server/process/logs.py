"""The log on stderr: lines with a time, or with priorities if the systemd journal reads them."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

from uvideo.config import systemd_journal

__all__ = ["LEVELS", "change", "set_up"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
ACCESS = "uvideo.access"
#: Level names; lines of this level and above are logged.
_PRIORITIES = (
    (logging.CRITICAL, systemd_journal.CRITICAL),
    (logging.ERROR, systemd_journal.ERROR),
    (logging.WARNING, systemd_journal.WARNING),
    (logging.INFO, systemd_journal.INFO),
    (0, systemd_journal.DEBUG),
)

log = logging.getLogger("uvideo.server")


def set_up(level: str = "info", access: bool = False) -> None:
    """Log to stderr from ``level`` on, one of LEVELS; uncaught exceptions too.

    ``access``: also write the access log, lines of JSON.
    """
    to_journal = systemd_journal.leads_to_journal(sys.stderr)
    for name, form in (("", "%(name)s: %(message)s"), (ACCESS, "%(message)s")):
        handler = logging.StreamHandler(sys.stderr)
        if to_journal:
            handler.setFormatter(_Prioritized(form))
        else:
            handler.setFormatter(logging.Formatter(form if name else f"%(asctime)s %(levelname)s {form}"))
        logging.getLogger(name).addHandler(handler)
    logging.getLogger(ACCESS).propagate = False
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = _unraisable
    change(level, access)


def change(level: str, access: bool) -> None:
    """Change the level, and turn the access log on or off.

    Libraries never log below "info": their debug lines might contain secrets.
    """
    logging.getLogger().setLevel(max(LEVELS[level], logging.INFO))
    logging.getLogger("uvideo").setLevel(LEVELS[level])
    logging.getLogger(ACCESS).setLevel(logging.INFO if access else logging.CRITICAL)


class _Prioritized(logging.Formatter):
    """Each line begins with its priority, lines of a traceback too.  The journal adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        found = next(each for level, each in _PRIORITIES if record.levelno >= level)
        return systemd_journal.prioritized(super().format(record), found)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Replaces sys.excepthook."""
    if error is not None and not isinstance(error, SystemExit):
        log.error("failed", exc_info=(kind, error, trace))


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    """Replaces sys.unraisablehook: exceptions that cannot be raised, for example in a ``__del__``."""
    error = found.exc_value or found.exc_type()
    log.error("%s: %r", found.err_msg or "an exception was ignored", found.object, exc_info=error)
