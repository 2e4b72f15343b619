"""The exit codes of ``uvideo serve``, and whether a restart may help.

A fault that somebody must repair on this machine is permanent: the systemd unit does not restart the server.  A fault
that passes by itself, or is repaired on another machine (the database, the store), is not: the server comes back
without help.
"""

from __future__ import annotations

import errno
from typing import NamedTuple

__all__ = ["ENDINGS", "PERMANENT", "Ending", "of_system"]


class Ending(NamedTuple):
    """A row of the table in docs/server.md.  ``again``: whether a restart may help."""

    what: str
    code: int
    again: bool


STOPPED = Ending("it got a stop signal", 0, False)
FAILED = Ending("a bug in the program, or its workers die again and again; the log has a traceback", 1, True)
BROKEN_OFF = Ending("with `--workers`: it got two stop signals, or its workers did not end in time", 1, True)
AWAY = Ending("the database or the store cannot be reached, is locked, or refuses the server", 1, True)
NOT_YET = Ending("this machine does not have the address to listen on, or the name does not resolve now", 1, True)
IN_USE = Ending("another server uses the folder, and may be about to end", 1, True)
FULL = Ending("the disk is full, or no memory or file descriptor is left", 1, True)
UNFORESEEN = Ending("the folder, the database or the store cannot be used for an unknown reason", 1, True)
SETTINGS = Ending("a setting is wrong, or needs a package that is not installed", 2, False)
NEVER_HAPPENED = Ending("a test server got a stop signal, and one of `--faults` never happened", 3, False)
KEYS = Ending("the key pair cannot be read: damaged, of another user, or open to others", 4, False)
CERTIFICATE = Ending("the TLS certificate or its key cannot be read, or they do not belong together", 4, False)
PORT = Ending("another program uses the port, or the server lacks the right to bind it", 4, False)
FILE = Ending("the ready file or the audit log cannot be written", 4, False)
FOLDER = Ending(
    "the folder cannot be created, read or written: it is not a folder, or belongs to another user", 4, False
)
UNFIT = Ending("the catalog was made by a newer version, is missing, or does not belong to the blobs", 4, False)
DAMAGED = Ending("the disk fails, or the data on it is damaged", 4, False)
TWICE = Ending("without `--workers`: it got two stop signals, SIGINT (130) or SIGTERM (143)", 143, True)

ENDINGS = (
    *(STOPPED, FAILED, BROKEN_OFF, AWAY, NOT_YET, IN_USE, FULL, UNFORESEEN, SETTINGS, NEVER_HAPPENED),
    *(KEYS, CERTIFICATE, PORT, FILE, FOLDER, UNFIT, DAMAGED, TWICE),
)
#: Exit codes after which the server should not be restarted.
PERMANENT = frozenset(ending.code for ending in ENDINGS if ending.code and not ending.again)

_BY_NUMBER = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOBUFS), FULL),
    **dict.fromkeys((errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.ENETUNREACH), NOT_YET),
    **dict.fromkeys((errno.EAGAIN, errno.ETIMEDOUT, errno.ESTALE, errno.EHOSTUNREACH), AWAY),
    errno.EIO: DAMAGED,
}


def of_system(failure: OSError, otherwise: Ending) -> Ending:
    """The Ending for an OSError.  ``otherwise``: for errno values that decide nothing, such as EACCES."""
    return _BY_NUMBER.get(failure.errno or 0, otherwise)
