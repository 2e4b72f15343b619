"""nginx, a reverse proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from test.cluster.nginx import MAIN
from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import running, text_of
from test.proxies.world import Way, World

__all__ = ["start_nginx"]

SITE = """
    log_format line '$request';
    server {{
        listen 127.0.0.1:{port}{tls};
        access_log {folder}/access.log line;
        keepalive_requests 3;
        {lines}
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_set_header Host $http_host;
        }}
    }}
"""
TLS = """ ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key}"""
#: Bodies are not held back, and whoever takes gzip gets it.
STREAM = """
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_buffer_size 32k;
        proxy_buffers 4 32k;
        client_max_body_size 0;
        gzip on;
        gzip_types *;
        gzip_proxied any;
        gzip_min_length 1;
"""


@contextlib.contextmanager
def start_nginx(world: World, lines: str = "client_max_body_size 0;", *, tls: bool = False) -> Iterator[Way]:
    """``lines``: more of the server's configuration; $decoy is the port of the decoy.

    As it is, it buffers and speaks HTTP/1.0 to the service.
    """
    with scratch("nginx") as folder:
        (port,) = free_ports(1)
        secure = TLS.format(certificate=world.certificate, key=world.key) if tls else ""
        site = SITE.format(
            port=port,
            tls=secure,
            folder=folder,
            origin=world.plain.port,
            lines=lines.replace("$decoy", str(world.decoy.port)),
        )
        config = folder / "nginx.conf"
        config.write_text(MAIN.format(folder=folder, site=site))
        with running([find("nginx"), "-c", str(config), "-e", str(folder / "error.log")], folder / "log", port):
            endpoint = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
            yield Way(
                world.plain, endpoint, port, text_of(folder / "access.log"), bundle=world.certificate if tls else None
            )
