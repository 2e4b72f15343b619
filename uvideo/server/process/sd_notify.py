"""Reports the server's state to a service manager (sd_notify): one datagram for each state, to NOTIFY_SOCKET."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping

__all__ = ["Notify"]

SECONDS = 1.0  # for the manager to receive a datagram

log = logging.getLogger("uvideo.server")


class Notify:
    """``address``: the manager's socket; None: there is no manager, and nothing is sent.

    ``watchdog``: seconds without ``alive`` after which the manager ends the service; 0: never.
    """

    def __init__(self, address: str | None = None, watchdog: float = 0.0) -> None:
        self._address, self.watchdog = address, watchdog

    @classmethod
    def taken(cls, environ: MutableMapping[str, str]) -> Notify:
        """From the environment, whose variables are removed so that no child reports for the service."""
        address, usec, pid = (environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"))
        if not address:
            return cls()
        if address[0] not in "/@":
            log.warning("NOTIFY_SOCKET is %r, which is neither a path nor abstract: no notifications are sent", address)
            return cls()
        is_ours = not pid or pid == str(os.getpid())
        return cls(address, int(usec) / 1e6 if is_ours and usec.isascii() and usec.isdigit() else 0.0)

    @property
    def is_there(self) -> bool:
        """Whether there is a manager."""
        return self._address is not None

    def environ(self) -> dict[str, str]:
        """The variables, for the program that becomes the service."""
        if self._address is None:
            return {}
        watched = {"WATCHDOG_USEC": str(round(self.watchdog * 1e6))} if self.watchdog else {}
        return {"NOTIFY_SOCKET": self._address, **watched}

    def ready(self, status: str, pid: int | None = None) -> None:
        """The service answers.  Its main process is ``pid``, by default this one."""
        self._send("READY=1", f"STATUS={status}", f"MAINPID={pid or os.getpid()}")

    def reloading(self) -> None:
        """The settings are being reloaded; ``ready`` follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={status}")

    def alive(self) -> None:
        """A heartbeat for the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        name = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(SECONDS)
                sock.sendto("\n".join(lines).encode(), name)
        except OSError as failure:
            log.warning("%s could not be sent to the service manager: %s", lines[0], failure.strerror or failure)
