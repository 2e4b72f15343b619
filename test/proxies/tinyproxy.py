"""Tinyproxy, a forward proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import knowing_names, running, text_of
from test.proxies.world import NAME, Way, World

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
    origin = world.tls if tunnel else world.plain
    with scratch("tinyproxy") as folder:
        (port,) = free_ports(1)
        config = folder / "tinyproxy.conf"
        rights = "BasicAuth someone secret" if password else ""
        config.write_text(CONFIG.format(port=port, folder=folder, tunnel=origin.port, rights=rights))
        command = [*knowing_names(world), find("tinyproxy"), "-d", "-c", str(config)]
        with running(command, folder / "log", port):
            where = f"{NAME}:{origin.port}"
            yield Way(
                origin,
                ("https://" if tunnel else "http://") + where,
                port,
                text_of(folder / "access.log"),
                f"CONNECT {where}" if tunnel else None,
                f"http://{'someone:secret@' if password else ''}127.0.0.1:{port}",
                world.certificate if tunnel else None,
            )
