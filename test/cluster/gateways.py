"""Gateways on one PostgreSQL and one S3 store, and what stands before them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from test.cluster.nginx import start_nginx
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.cluster.relay import start_relay
from test.ports import free_ports
from test.s3.s3_server import S3Server
from test.server_fixture import Server, start_server
from uvideo import Client

__all__ = ["Cluster", "client_of", "readiness", "start_cluster", "start_fronted", "start_fronted_s3"]

PUBLIC, PRIVATE = "UVIDEOcluster", "private-key-of-the-cluster"


@dataclass
class Cluster:
    """``settings``: the environment of a gateway.  ``gateways``: those started here, dead ones included."""

    postgres: Postgres
    object_store: ObjectStore
    folder: Path
    settings: dict[str, str]
    gateways: list[Server] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def gateway(
        self, *options: str, command: tuple[str, ...] = (), env: dict[str, str] | None = None, **settings: str
    ) -> Server:
        """One more; ``settings`` replace those of all, as ``database=URL``.  ``env``: more of its environment."""
        changed = {f"UVIDEO_SERVE_{name.upper()}": value for name, value in settings.items()}
        folder = self.folder / f"gateway{next(self._numbers)}"  # one that does not start is no gateway
        port = "--port", str(*free_ports(1))  # it may come back there
        starting = start_server(
            folder, *port, *options, env={**self.settings, **changed, **(env or {})}, command=command
        )
        server = self._stack.enter_context(starting)
        self.gateways.append(server)
        return server

    def at(self, port: int) -> Server:
        """A gateway as it is seen through something that listens on this port."""
        return replace(self.gateways[0], endpoint=f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def start_cluster(postgres: Postgres, object_store: ObjectStore, folder: Path, count: int = 2) -> Iterator[Cluster]:
    """A database and a place of its own, and so many gateways."""
    with postgres.database() as database, contextlib.ExitStack() as stack:
        settings = {
            **object_store.credentials,
            "UVIDEO_SERVE_DATABASE": database,
            "UVIDEO_SERVE_BLOBS": object_store.fresh(),
            "UVIDEO_SERVE_PUBLIC_KEY": PUBLIC,
            "UVIDEO_SERVE_PRIVATE_KEY": PRIVATE,
        }
        cluster = Cluster(postgres, object_store, folder, settings, _stack=stack)
        for _ in range(count):
            cluster.gateway()
        yield cluster


@contextlib.contextmanager
def start_fronted(front: str, postgres: Postgres, object_store: ObjectStore, folder: Path) -> Iterator[Server]:
    """Two gateways as one server: behind ``nginx``, or behind a ``relay`` that changes no byte of a request."""
    with start_cluster(postgres, object_store, folder) as cluster:
        with _fronted(front, [each.port for each in cluster.gateways]) as port:
            yield cluster.at(port)


@contextlib.contextmanager
def start_fronted_s3(front: str, postgres: Postgres, object_store: ObjectStore, folder: Path) -> Iterator[S3Server]:
    """The same with S3 ports behind a front of their own."""
    with start_cluster(postgres, object_store, folder, 0) as cluster:
        ports = []
        for number in range(2):
            ready = folder / f"ready{number}.json"
            cluster.gateway("--s3-port", "0", "--ready-file", str(ready))
            ports.append(urlsplit(json.loads(ready.read_text())["s3"]).port or 0)
        with _fronted(front, [each.port for each in cluster.gateways]) as port, _fronted(front, ports) as s3_port:
            yield S3Server(cluster.at(port), f"http://127.0.0.1:{s3_port}", cluster.settings)


@contextlib.contextmanager
def _fronted(front: str, ports: Sequence[int]) -> Iterator[int]:
    """The port where the front listens."""
    if front == "nginx":
        with start_nginx(ports) as nginx:
            yield nginx.port
    elif front == "relay":
        with start_relay(*ports) as relay:
            yield relay.port
    else:
        raise ValueError(f"UVIDEO_TEST_FRONT is {front!r}: it is nginx or relay")


def client_of(server: Server, **options: object) -> Client:
    return Client(server.public_key, server.private_key, endpoint=server.host, **options)


def readiness(server: Server) -> tuple[int, str]:
    """Status and text of /readyz."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=60)) as asked:
        asked.request("GET", "/readyz")
        answer = asked.getresponse()
        return answer.status, answer.read().decode()
