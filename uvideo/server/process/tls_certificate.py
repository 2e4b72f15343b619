"""The server's TLS certificate.  It can be replaced while connections are open."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from uvideo.config import localfile
from uvideo.server.process import exit_codes
from uvideo.server.process.settings import StartError

__all__ = ["Pem", "ServerCertificate"]


MOST = 1 << 20  # bytes in a file; both files must fit into ``reload.Published``


class Pem(NamedTuple):
    """The bytes of certificate file and key file."""

    chain: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pem(...)"

    @property
    def not_after(self) -> float | None:
        """The earliest expiry in the chain, in unix seconds.  None if the file cannot be parsed."""
        dates = self._dates()
        return dates[1] if dates is not None else None

    def trouble(self, now: float) -> str:
        """Why clients refuse the certificate because of its dates; "" if they do not.  ``now``: unix seconds."""
        begin, end = self._dates() or (now, now)
        if end < now:
            return f"the TLS certificate expired on {_day(end)}: clients refuse it until you renew it"
        return (
            f"the TLS certificate is valid from {_day(begin)} on: clients refuse it until then" if now < begin else ""
        )

    def _dates(self) -> tuple[float, float] | None:
        """(begin, end) of the time in which the whole chain is valid, in unix seconds."""
        from cryptography import x509  # imported only with TLS

        try:
            found = x509.load_pem_x509_certificates(self.chain)
        except ValueError:
            return None
        begins, ends = (each.not_valid_before_utc for each in found), (each.not_valid_after_utc for each in found)
        return max(begins).timestamp(), min(ends).timestamp()

    @classmethod
    def read(cls, chain: Path, key: Path) -> Pem:
        """Read both files.  StartError."""
        try:
            return cls(localfile.read(chain, MOST)[0], localfile.read(key, MOST)[0])
        except OSError as failure:
            said = f"the TLS certificate or key cannot be used: {failure}"
            raise StartError(said, exit_codes.of_system(failure, exit_codes.CERTIFICATE)) from failure


class ServerCertificate:
    """``context``: for listening sockets.  A new connection gets the latest certificate, and keeps it."""

    def __init__(self, pem: Pem) -> None:
        self.pem = pem
        self.context = self._current = _context(pem)
        self.context.sni_callback = self._choose  # called at each handshake, also without a host name

    def take(self, pem: Pem) -> None:
        """Use another certificate for new connections.  StartError if it cannot be used; then nothing changes."""
        self._current = _context(pem)
        self.pem = pem

    def _choose(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = self._current


def _day(when: float) -> str:
    return datetime.fromtimestamp(when, timezone.utc).isoformat(" ", "minutes")


def _context(pem: Pem) -> ssl.SSLContext:
    """StartError unless the key fits the certificate and has no password."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    encrypted = []

    def password() -> bytes:  # otherwise OpenSSL asks on the terminal
        encrypted.append(True)
        return b""

    try:
        with _as_file(pem.key + b"\n" + pem.chain) as path:
            context.load_cert_chain(path, None, password)
    except (OSError, ssl.SSLError) as failure:
        if encrypted:
            raise StartError(
                "the key of the TLS certificate is encrypted: give --tls-key a file without a password, which only "
                "the server can read",
                exit_codes.CERTIFICATE,
            ) from failure
        said = f"the TLS certificate or key cannot be used: {failure}"
        raise StartError(said, exit_codes.CERTIFICATE) from failure
    return context


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A path from which OpenSSL reads these bytes: in memory if the system can, otherwise a file."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("uvideo-tls")
        try:
            with open(number, "wb", closefd=False) as file:
                file.write(data)
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    with tempfile.TemporaryDirectory(prefix="uvideo-") as folder:  # of mode 0700
        path = Path(folder) / "tls.pem"
        path.write_bytes(data)
        yield str(path)
