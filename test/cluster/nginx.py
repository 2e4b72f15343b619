"""nginx before the gateways, set up as docs/operate.md shows it."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from test.cluster.program import Program, find, scratch
from test.ports import free_ports

__all__ = ["Nginx", "running_nginx", "start_nginx"]

ROOT = Path(__file__).resolve().parents[2]
MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""


@dataclass
class Nginx:
    """``folder``: with its logs, ``uvideo.log`` and ``uvideo-error.log``."""

    port: int
    folder: Path


def site(port: int, gateways: Sequence[int], folder: Path, lines: Mapping[str, str]) -> str:
    """The example of docs/operate.md, with these ports and without TLS.  Its logs are in the folder."""
    text = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    found = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert found is not None, "docs/operate.md has no example for nginx"
    example = re.sub(r"^ *server [0-9.]+:9\d\d\d (.*);\n", "", found[1], flags=re.MULTILINE)
    servers = "".join(f"    server 127.0.0.1:{each} max_fails=1 fail_timeout=1s;\n" for each in gateways)
    example = example.replace("upstream gateways {\n", "upstream gateways {\n" + servers)
    example = re.sub(r"listen 443 ssl[^;]*;", f"listen 127.0.0.1:{port};", example)
    for before, after in {"/var/log/nginx": str(folder), **lines}.items():
        assert before in example, before
        example = example.replace(before, after)
    return re.sub(r"^ *ssl_\w+ [^;]*;\n", "", example, flags=re.MULTILINE)


@contextlib.contextmanager
def start_nginx(gateways: Sequence[int], lines: Mapping[str, str] | None = None) -> Iterator[Nginx]:
    """``lines``: text of the example -> what to write in its place."""
    with scratch("nginx") as folder:
        (port,) = free_ports(1)
        with running_nginx(folder, site(port, gateways, folder, lines or {}), port):
            yield Nginx(port, folder)


@contextlib.contextmanager
def running_nginx(folder: Path, text: str, port: int) -> Iterator[None]:
    """``text``: what its http block holds.  ``port``: on which it then listens."""
    config = folder / "nginx.conf"
    config.write_text(MAIN.format(folder=folder, site=text))
    program = Program([find("nginx"), "-c", str(config), "-e", str(folder / "error.log")], folder / "nginx.log")

    def answers() -> bool:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True

    try:
        program.wait_until(answers)
        yield
    finally:
        program.stop()
