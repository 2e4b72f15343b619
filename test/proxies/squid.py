"""Squid, a forward proxy: for plain requests and for tunnels, with and without a password."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import forward, running, text_of
from test.proxies.world import ESCAPED, PASSWORD, USER, Way, World

__all__ = ["start_squid"]

CONFIG = """
http_port 127.0.0.1:{port}
hosts_file {hosts}
dns_nameservers 127.0.0.1
visible_hostname box.test
{rights}
cache deny all
cache_mem 0
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
pid_filename none
coredump_dir {folder}
netdb_filename none
pinger_enable off
max_filedescriptors 1024
shutdown_lifetime 0 seconds
"""
OPEN = "http_access allow all"
CLOSED = """auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/passwords
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known"""


def write_passwords(path: Path) -> None:
    """As htpasswd does."""
    made = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, check=True, text=True)
    path.write_text(f"{USER}:{made.stdout.strip()}\n")
    path.chmod(0o644)


@contextlib.contextmanager
def start_squid(world: World, *, tunnel: bool = False, password: bool = False, rights: str = OPEN) -> Iterator[Way]:
    """``tunnel``: to the service that speaks TLS.  ``password``: it asks for one.  ``rights``: who may do what."""
    with scratch("squid") as folder:
        (port,) = free_ports(1)
        write_passwords(folder / "passwords")
        rights = CLOSED.format(folder=folder) if password else rights
        config = folder / "squid.conf"
        config.write_text(CONFIG.format(port=port, hosts=world.hosts, folder=folder, rights=rights))
        with running([find("squid"), "-N", "-n", f"box{port}", "-f", str(config)], folder / "squid.log", port):
            seen = text_of(folder / "access.log")
            yield forward(world, port, seen, tunnel=tunnel, account=ESCAPED if password else "")
