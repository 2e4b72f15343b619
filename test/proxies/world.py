"""What stands behind and beside the boxes: the service over TCP and TLS, a certificate, a name that only boxes know."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from test.cluster.program import scratch
from test.server_fixture import Server, start_server
from uvideo import Client

__all__ = ["NAME", "PASSWORD", "USER", "Decoy", "Way", "World", "start_world"]

#: Resolves for the boxes and for nobody else: a client that gets an answer of it went through one.
NAME = "uvideo.test"
#: Of the proxies that ask for one, with what a URL has to escape.
USER, PASSWORD = "someone", "p@ss:w/rd"
ESCAPED = "someone:p%40ss%3Aw%2Frd"


class Decoy:
    """Listens where no client has any business, and counts who comes."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.visits = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                visitor, _ = self._listening.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@dataclass(frozen=True)
class World:
    """``plain``, ``tls``: servers.  ``folder``: of the boxes, too.  ``certificate``, ``key``: PEM, of all names here.

    ``hosts``: a file that says what NAME is.  ``space``: one that both servers have.
    """

    plain: Server
    tls: Server
    folder: Path
    certificate: Path
    key: Path
    hosts: Path
    space: str
    decoy: Decoy


@dataclass(frozen=True)
class Way:
    """How a client reaches the service through a box.

    ``port``: the box's, the only one that a client may connect to.  ``seen``: all that the box's log says by now.
    ``trace``: what is in it of a request for the key; None where the key itself is.
    """

    origin: Server
    endpoint: str
    port: int
    seen: Callable[[], str] = field(repr=False)
    trace: str | None = None
    proxy: str | None = field(default=None, repr=False)
    bundle: Path | None = None

    def its(self) -> set[str]:
        """What a client may connect to and look up."""
        addresses = {f"connect 127.0.0.1:{self.port}", f"connect ::1:{self.port}"}
        return addresses | {"lookup 127.0.0.1", "lookup localhost", "lookup ::1"}


@contextlib.contextmanager
def start_world(tmp: Path) -> Iterator[World]:
    with scratch("proxies") as folder, contextlib.ExitStack() as stack:
        certificate, key = certify(folder)
        hosts = folder / "hosts"
        hosts.write_text(f"127.0.0.1 {NAME} localhost\n")
        keys = ("--public-key", "someone", "--private-key", secrets.token_hex(16), "--hostname", NAME, "--no-fsync")
        plain = stack.enter_context(start_server(tmp / "plain", *keys))
        secure = ("--tls-cert", str(certificate), "--tls-key", str(key))
        tls = stack.enter_context(start_server(tmp / "tls", *keys, *secure))
        space = "proxies-" + uuid.uuid4().hex[:16]
        for server in (plain, tls):
            with direct(server, certificate) as client:
                client.create_space(space)
        decoy = Decoy()
        stack.callback(decoy.close)
        yield World(plain, tls, folder, certificate, key, hosts, space, decoy)


def direct(server: Server, certificate: Path) -> Client:
    """A client that goes to the server itself."""
    return Client(server.public_key, server.private_key, endpoint=server.endpoint, ca_bundle=str(certificate), proxy="")


def certify(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) that is its own authority."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = f"DNS:{NAME},DNS:localhost,IP:127.0.0.1"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
        + ["-addext", f"subjectAltName={names}", "-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
        + ["-keyout", str(key), "-out", str(certificate)],
        capture_output=True,
        check=True,
    )
    key.chmod(0o644)  # whoever the boxes run as reads it
    return certificate, key
