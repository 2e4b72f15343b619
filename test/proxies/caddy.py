"""Caddy, a reverse proxy with TLS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import running, text_of
from test.proxies.world import Way, World

__all__ = ["start_caddy"]

CONFIG = """
{{
    admin off
    auto_https off
    storage file_system {folder}
    servers {{
        protocols h1
    }}
}}
https://localhost:{port} {{
    bind 127.0.0.1
    tls {certificate} {key}
    encode gzip
    log {{
        output file {folder}/access.log
    }}
    reverse_proxy 127.0.0.1:{origin}
}}
"""


@contextlib.contextmanager
def start_caddy(world: World) -> Iterator[Way]:
    with scratch("caddy") as folder:
        (port,) = free_ports(1)
        config = folder / "Caddyfile"
        config.write_text(
            CONFIG.format(
                folder=folder, port=port, certificate=world.certificate, key=world.key, origin=world.plain.port
            )
        )
        command = ["env", f"HOME={folder}", find("caddy"), "run", "--adapter", "caddyfile", "--config", str(config)]
        with running(command, folder / "log", port, as_ourselves=True):
            endpoint = f"https://localhost:{port}"
            yield Way(world.plain, endpoint, port, text_of(folder / "access.log"), bundle=world.certificate)
