"""stunnel: TLS before the service, and before a proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from test.cluster.program import Program, find, scratch
from test.ports import free_ports
from test.proxies.box import running, text_of
from test.proxies.squid import start_squid
from test.proxies.world import Way, World

__all__ = ["start_stunnel", "start_stunnel_squid", "wrapped"]

CONFIG = """
foreground = yes
pid =
debug = 6
syslog = no
[box]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{inner}
cert = {certificate}
key = {key}
{lines}
"""
CAME = "accepted connection"


@contextlib.contextmanager
def wrapped(world: World, inner: int, lines: str = "") -> Iterator[tuple[int, Program]]:
    """(port, program) of TLS before an inner port."""
    with scratch("stunnel") as folder:
        (port,) = free_ports(1)
        config = folder / "stunnel.conf"
        config.write_text(
            CONFIG.format(port=port, inner=inner, certificate=world.certificate, key=world.key, lines=lines)
        )
        with running([find("stunnel"), str(config)], folder / "log", port) as program:
            yield port, program


@contextlib.contextmanager
def start_stunnel(world: World, lines: str = "") -> Iterator[Way]:
    with wrapped(world, world.plain.port, lines) as (port, program):
        endpoint = f"https://localhost:{port}"
        yield Way(world.plain, endpoint, port, text_of(program.log), CAME, bundle=world.certificate)


@contextlib.contextmanager
def start_stunnel_squid(world: World, *, tunnel: bool = False) -> Iterator[Way]:
    """A proxy that is spoken to by TLS.  ``tunnel``: to the service that speaks TLS itself, so TLS inside of TLS."""
    with start_squid(world, tunnel=tunnel) as way, wrapped(world, way.port) as (port, _):
        yield replace(way, port=port, proxy=f"https://localhost:{port}", bundle=world.certificate)
