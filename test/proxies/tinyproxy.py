"""Tinyproxy, a forward proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import forward, knowing_names, running, text_of
from test.proxies.world import Way, World

__all__ = ["start_tinyproxy"]

CONFIG = """
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 64
LogFile "{folder}/access.log"
LogLevel Info
Allow 127.0.0.1
ConnectPort {tunnel}
{rights}
"""


@contextlib.contextmanager
def start_tinyproxy(world: World, *, tunnel: bool = False, password: bool = False) -> Iterator[Way]:
    """``tunnel``: to the service that speaks TLS.  ``password``: it asks for one."""
    with scratch("tinyproxy") as folder:
        (port,) = free_ports(1)
        config = folder / "tinyproxy.conf"
        rights = "BasicAuth someone secret" if password else ""
        config.write_text(CONFIG.format(port=port, folder=folder, tunnel=world.tls.port, rights=rights))
        command = [*knowing_names(world), find("tinyproxy"), "-d", "-c", str(config)]
        with running(command, folder / "log", port):
            seen = text_of(folder / "access.log")
            yield forward(world, port, seen, tunnel=tunnel, account="someone:secret" if password else "")
