"""microsocks, a SOCKS 5 proxy, to the service over TCP and TLS; it asks for a user and a password."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import forward, knowing_names, running, text_of
from test.proxies.world import ESCAPED, NAME, PASSWORD, USER, Way, World

__all__ = ["start_microsocks"]


@contextlib.contextmanager
def start_microsocks(world: World, *, tls: bool = False) -> Iterator[Way]:
    """``tls``: to the service that speaks it."""
    with scratch("microsocks") as folder:
        (port,) = free_ports(1)
        log = folder / "microsocks.log"
        command = [find("microsocks"), "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]
        with running([*knowing_names(world), *command], log, port):
            way = forward(world, port, text_of(log), tunnel=tls)
            trace = f"connected to {NAME}:{way.origin.port}"
            yield replace(way, trace=trace, proxy=f"socks5h://{ESCAPED}@127.0.0.1:{port}")
