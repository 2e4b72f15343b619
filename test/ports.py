"""Ports of 127.0.0.1 for what is told its port: a program of others, or a server that comes back where it was.

The system takes the ports of outgoing connections, and those of servers that ask for port 0, from one range.  If a
server leaves such a port for a moment, somebody else may have it when the server comes back, and a client that tries it
meanwhile may be connected to itself.  The ports given here are below that range.
"""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

__all__ = ["free_ports", "given_by_the_system"]

LOWEST = 10_000


def given_by_the_system() -> range:
    """The ports that the system gives to whoever does not name one."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    return range(first, last + 1)


def free_ports(count: int, companion: int = 0) -> list[int]:
    """Ports that nobody uses at this moment, nor the ports so much above them if ``companion``."""
    found: list[int] = []
    highest = given_by_the_system().start - companion
    with contextlib.ExitStack() as stack:
        while len(found) < count:
            port = random.randrange(LOWEST, highest)
            try:
                for each in {port, port + companion}:
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", each))
            except OSError:
                continue
            found.append(port)
    return found
