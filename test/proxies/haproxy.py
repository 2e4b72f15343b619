"""HAProxy, a reverse proxy that says 103 while it takes a body, ends idle connections soon, and may refuse."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import running, text_of
from test.proxies.world import Way, World

__all__ = ["start_haproxy"]

CONFIG = """
global
    log stdout format raw local0
    maxconn 256
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 100ms
frontend box
    bind 127.0.0.1:{port}{tls}
    {lines}
    default_backend service
backend service
    server origin 127.0.0.1:{origin}
"""
HINT = 'http-request early-hint link "</style.css>; rel=preload; as=style"'


@contextlib.contextmanager
def start_haproxy(world: World, lines: str = HINT, *, tls: bool = False) -> Iterator[Way]:
    """``lines``: more of the frontend."""
    with scratch("haproxy") as folder:
        (port,) = free_ports(1)
        both = folder / "both.pem"
        both.write_text(world.certificate.read_text() + world.key.read_text())
        config, log = folder / "haproxy.cfg", folder / "log"
        secure = f" ssl crt {both}" if tls else ""
        config.write_text(CONFIG.format(port=port, tls=secure, lines=lines, origin=world.plain.port))
        with running([find("haproxy"), "-db", "-f", str(config)], log, port):
            endpoint = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
            yield Way(world.plain, endpoint, port, text_of(log), bundle=world.certificate if tls else None)
