"""The listening sockets of a server, their TLS, and their URLs."""

from __future__ import annotations

import errno
import socket
import ssl
from dataclasses import dataclass

from uvideo._core import provider
from uvideo.server.process import exit_codes
from uvideo.server.process.inherited_sockets import Inherited
from uvideo.server.process.settings import ServerSettings, StartError
from uvideo.server.process.tls_certificate import Pem, ServerCertificate

__all__ = ["BACKLOG", "Ports", "bound", "check_tls", "for_clients", "in_url", "listen", "url"]

BACKLOG = 1024
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # wildcard address -> loopback address


@dataclass(frozen=True, slots=True)
class Ports:
    """The listening sockets and their TLS.  ``outlive``: another process keeps them open when this server ends.

    ``s3``: of the port that serves only S3, None if there is none.
    """

    data: socket.socket
    admin: socket.socket
    certificate: ServerCertificate | None
    outlive: bool = False
    s3: socket.socket | None = None

    def close(self) -> None:
        for sock in self.named.values():
            sock.close()

    @property
    def named(self) -> dict[str, socket.socket]:
        """The sockets by their names, as a successor inherits them."""
        found = {"data": self.data, "admin": self.admin}
        return found if self.s3 is None else {**found, "s3": self.s3}

    @property
    def tls(self) -> ssl.SSLContext | None:
        return self.certificate.context if self.certificate is not None else None

    def not_after(self) -> float | None:
        """The expiry of the current certificate in unix seconds; None without TLS."""
        return self.certificate.pem.not_after if self.certificate is not None else None

    @property
    def numbers(self) -> tuple[int, int]:
        """(data port, admin port)."""
        return self.data.getsockname()[1], self.admin.getsockname()[1]

    @property
    def s3_number(self) -> int | None:
        """The port that serves only S3; None if there is none."""
        return None if self.s3 is None else int(self.s3.getsockname()[1])

    @property
    def apart(self) -> str | None:
        """The data port's address for URLs, if it differs from the console's; else None."""
        data, admin = self.data.getsockname()[0], self.admin.getsockname()[0]
        return None if data in ANY or data == admin else in_url(data)


def check_tls(settings: ServerSettings) -> None:
    """StartError if the certificate or its key cannot be used."""
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise StartError("--tls-cert and --tls-key must be given together", exit_codes.SETTINGS)


def listen(settings: ServerSettings, given: Inherited | None = None) -> Ports:
    """The listening sockets: the ``given`` ones, and new ones from the settings for the others.  StartError."""
    given = given or Inherited()
    certificate = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        certificate = ServerCertificate(Pem.read(settings.tls_cert, settings.tls_key))
    data = given.data or _bind(settings.host, settings.port, "--port")
    admin = given.admin or _bind(settings.admin_host, settings.admin_port, "--admin-port", "--admin-host")
    s3 = given.s3
    if s3 is None and settings.s3_port is not None:
        s3 = _bind(settings.host, settings.s3_port, "--s3-port")
    return Ports(data, admin, certificate, given.outlive, s3)


def _bind(host: str, port: int, port_option: str, host_option: str = "--host") -> socket.socket:
    """A listening socket.  StartError, which names the option to change."""
    place = f"cannot listen on {in_url(host)}:{port}"
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        # On Windows SO_REUSEADDR would let another process take an address that is in use.
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except socket.gaierror as failure:
        ending = exit_codes.NOT_YET if failure.errno == socket.EAI_AGAIN else exit_codes.SETTINGS
        raise StartError(f"{place}: {failure.strerror}; check {host_option}", ending) from failure
    except OSError as failure:
        ending = exit_codes.of_system(failure, exit_codes.PORT)
        advice = ""
        if failure.errno in (errno.EADDRINUSE, errno.EACCES):
            advice = f"; choose another port with {port_option}"
        elif failure.errno == errno.EADDRNOTAVAIL:
            advice = f"; check {host_option}"
        raise StartError(f"{place}: {failure.strerror}{advice}", ending) from failure
    except (OverflowError, UnicodeError) as failure:
        raise StartError(f"{place}: {failure}; check {host_option}", exit_codes.SETTINGS) from failure
    return sock


def url(sock: socket.socket, scheme: str) -> str:
    """A URL of this listening socket."""
    host, port = sock.getsockname()[:2]
    return f"{scheme}://{in_url(ANY.get(host, host))}:{port}"


def bound(sock: socket.socket, scheme: str) -> str:
    """For people: the address that this listening socket is bound to, as a URL."""
    host, port = sock.getsockname()[:2]
    every = " (all addresses)" if host in ANY else ""
    return f"{scheme}://{in_url(host)}:{port}{every}"


def for_clients(settings: ServerSettings, ports: Ports) -> str | None:
    """The URL for clients, if the settings name it and it differs from the address that the data port listens on.

    A server without TLS on a loopback address is behind a proxy, whose port is not known here.
    """
    if settings.public_url:
        return settings.public_url
    host, port = ports.data.getsockname()[:2]
    if not settings.hostname or (ports.certificate is None and provider.is_loopback(in_url(host))):
        return None
    return f"{'http' if ports.certificate is None else 'https'}://{in_url(settings.hostname[0])}:{port}"


def in_url(address: str) -> str:
    """An address in the form of URLs."""
    return f"[{address}]" if ":" in address else address
