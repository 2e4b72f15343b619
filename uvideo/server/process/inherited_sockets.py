"""Listening sockets inherited from systemd (LISTEN_FDS) or from the server that this one replaces."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import MutableMapping
from dataclasses import dataclass

from uvideo.server.process import exit_codes
from uvideo.server.process.settings import StartError

__all__ = ["NAMES", "Inherited", "adopted", "inherited"]

FIRST = 3  # descriptor; source: sd_listen_fds(3)
NAMES = ("data", "admin", "s3")
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
    s3: socket.socket | None = None
    outlive: bool = False


def inherited(environ: MutableMapping[str, str]) -> Inherited:
    """The sockets in the environment, whose variables are removed.  StartError for other descriptors.

    The sockets have the names ``data``, ``admin`` and ``s3``, in any order.  With other names they are these ports in
    this order.
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
            f"LISTEN_FDS is {count!r}: pass one to three sockets, for the data port, the admin port and the S3 port"
        )
    if not int(count):
        return Inherited()
    called = names.split(":") if names else []
    if len(called) != int(count) or not set(called) <= set(NAMES):
        called = list(NAMES[: int(count)])
    if len(set(called)) != len(called):
        raise _UnusableSockets(f"LISTEN_FDNAMES is {names!r}: name the sockets data, admin and s3, each once")
    found = {name: adopted(FIRST + at, name) for at, name in enumerate(called)}
    return Inherited(found.get("data"), found.get("admin"), found.get("s3"), outlive=True)


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
