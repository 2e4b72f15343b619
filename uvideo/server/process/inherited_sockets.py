"""Listening sockets inherited from systemd (LISTEN_FDS) or from the server that this one replaces."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import MutableMapping
from dataclasses import dataclass

from uvideo.server.process import exit_codes
from uvideo.server.process.settings import StartError

__all__ = ["Inherited", "adopted", "inherited"]

FIRST = 3  # descriptor; source: sd_listen_fds(3)
NAMES = ("data", "admin")
FAMILIES = {socket.AF_INET, socket.AF_INET6}


class _UnusableSockets(StartError):
    """The descriptors passed are not the listening sockets that this server needs."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_codes.SETTINGS)


@dataclass(frozen=True, slots=True)
class Inherited:
    """None: the port must be opened.  ``outlive``: whether the process that passed the sockets keeps them open."""

    data: socket.socket | None = None
    admin: socket.socket | None = None
    outlive: bool = False


def inherited(environ: MutableMapping[str, str]) -> Inherited:
    """The sockets in the environment, whose variables are removed.  StartError for other descriptors.

    Two sockets have the names ``data`` and ``admin``, in any order; with other names the first one is the data port.
    A single socket is the data port unless its name is ``admin``.
    """
    pid, count, names = (environ.pop(f"LISTEN_{name}", "") for name in ("PID", "FDS", "FDNAMES"))
    environ.pop("LISTEN_PIDFDID", None)
    if not pid and not count:
        return Inherited()
    if pid != str(os.getpid()):
        raise _UnusableSockets(
            f"LISTEN_PID is {pid!r}, and this is process {os.getpid()}: the sockets were passed to another "
            "process. Start uvideo directly or with `exec`; if it should get no sockets, unset LISTEN_PID and "
            "LISTEN_FDS"
        )
    if not count.isascii() or not count.isdigit() or int(count) > len(NAMES):
        raise _UnusableSockets(
            f"LISTEN_FDS is {count!r}: pass one or two sockets, for the data port and the admin port"
        )
    if not int(count):
        return Inherited()
    called = names.split(":") if names else []
    if len(called) != int(count) or not set(called) <= set(NAMES):
        called = list(NAMES[: int(count)])
    if len(set(called)) != len(called):
        raise _UnusableSockets(f"LISTEN_FDNAMES is {names!r}: name one socket data and the other one admin")
    found = {name: adopted(FIRST + at, name) for at, name in enumerate(called)}
    return Inherited(found.get("data"), found.get("admin"), outlive=True)


def adopted(number: int, name: str) -> socket.socket:
    """The listening socket of a descriptor; children do not inherit it.  StartError if it is no listening socket."""
    what = f"the socket for the {name} port (descriptor {number})"
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            raise _UnusableSockets(f"{what} is not a socket")
        sock = socket.socket(fileno=number)
    except OSError as failure:
        raise _UnusableSockets(f"{what} cannot be used: {failure.strerror}") from None
    try:
        if sock.family not in FAMILIES:
            raise _UnusableSockets(f"{what} has no IP address: set ListenStream to address:port")
        if sock.type != socket.SOCK_STREAM:
            raise _UnusableSockets(f"{what} is not a TCP socket: use ListenStream")
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise _UnusableSockets(f"{what} does not listen: set Accept=no")
    except BaseException:
        sock.detach()  # its owner is unknown
        raise
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock
