"""mitmproxy, a forward proxy that reads what goes by TLS: it shows certificates that it signs itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from test.cluster.program import scratch
from test.interpreters import ROOT
from test.ports import free_ports
from test.proxies.box import forward, knowing_names, running, text_of
from test.proxies.world import Way, World

__all__ = ["start_mitmproxy"]

PROGRAM = ROOT / ".cache" / "mitmproxy" / "bin" / "mitmdump"  # made by make test-proxies


@contextlib.contextmanager
def start_mitmproxy(world: World, more: str = "connection_strategy=lazy", *, tls: bool = False) -> Iterator[Way]:
    """``tls``: to the service that speaks TLS.  ``more``: one of its options."""
    with scratch("mitmproxy") as folder:
        (port,) = free_ports(1)
        given = [f"confdir={folder}", f"ssl_verify_upstream_trusted_ca={world.certificate}", more]
        command = [
            *knowing_names(world),
            "PYTHONUNBUFFERED=1",
            str(PROGRAM),
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            str(port),
        ]
        command += [word for each in given for word in ("--set", each)]
        log = folder / "log"
        with running(command, log, port, as_ourselves=True):
            way = forward(world, port, text_of(log), tunnel=tls)
            yield replace(way, trace=None, bundle=folder / "mitmproxy-ca-cert.pem")
