"""Apache, a reverse and a forward proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from test.cluster.program import find, scratch
from test.ports import free_ports
from test.proxies.box import forward, knowing_names, running, text_of
from test.proxies.squid import write_passwords
from test.proxies.world import ESCAPED, Way, World

__all__ = ["start_apache", "start_apache_forward"]

MODULES = (
    "mpm_event authn_core authn_file authz_core authz_user auth_basic proxy proxy_http proxy_connect headers setenvif "
    "deflate filter"
)
CONFIG = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/error.log
LogFormat "%r" line
CustomLog {folder}/access.log line
{modules}
Listen 127.0.0.1:{port}
KeepAliveTimeout 100ms
MaxKeepAliveRequests 5
{lines}
"""
REVERSE = """
AllowEncodedSlashes NoDecode
MergeSlashes Off
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{origin}/ nocanon
"""
#: Lengths are not told: bodies come in chunks.
CHUNKED = """Header unset Content-Length "expr=%{REQUEST_METHOD} == 'GET'"
"""
#: Answers are of HTTP/1.0, and their ends are the connection's.
OLD = CHUNKED + "SetEnvIf Request_URI . downgrade-1.0 force-response-1.0 nokeepalive"
FORWARD = """
ProxyRequests On
ProxyVia On
AllowCONNECT {tunnel}
<Proxy "*">
{rights}
</Proxy>
"""
PASSWORD = """
AuthType Basic
AuthName box
AuthBasicProvider file
AuthUserFile {folder}/passwords
Require valid-user
"""


@contextlib.contextmanager
def _started(world: World, lines: str) -> Iterator[tuple[int, Way]]:
    """(port, the Way of a reverse proxy)."""
    with scratch("apache") as folder:
        (port,) = free_ports(1)
        write_passwords(folder / "passwords")
        folders = "/usr/lib/apache2/modules"
        modules = "\n".join(f"LoadModule {each}_module {folders}/mod_{each}.so" for each in MODULES.split())
        config = folder / "apache.conf"
        lines = lines.replace("{folder}", str(folder))
        config.write_text(CONFIG.format(folder=folder, port=port, modules=modules, lines=lines))
        command = [*knowing_names(world), find("apache2"), "-f", str(config), "-DFOREGROUND"]
        with running(command, folder / "log", port):
            yield port, Way(world.plain, f"http://127.0.0.1:{port}", port, text_of(folder / "access.log"))


@contextlib.contextmanager
def start_apache(world: World, lines: str = CHUNKED) -> Iterator[Way]:
    """A reverse proxy.  ``lines``: more of its configuration."""
    with _started(world, REVERSE.format(origin=world.plain.port) + lines) as (_, way):
        yield way


@contextlib.contextmanager
def start_apache_forward(world: World, *, tunnel: bool = False, password: bool = False) -> Iterator[Way]:
    """A forward proxy.  ``tunnel``: to the service that speaks TLS.  ``password``: it asks for one."""
    rights = PASSWORD if password else "Require all granted"
    with _started(world, FORWARD.format(tunnel=world.tls.port, rights=rights)) as (port, way):
        yield forward(world, port, way.seen, tunnel=tunnel, account=ESCAPED if password else "")
