"""Certificates of every kind that does not verify, made in a folder."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "Pair"]

DAY = datetime.timedelta(days=1)


class Pair:
    """A key and its certificate.  ``path``: a PEM file of both."""

    def __init__(self, folder: Path, name: str, issuer: Pair | None, begins: int, ends: int, hosts: list[str]) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        signer = issuer or self
        alternatives = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts or ["localhost"]])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(signer.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * DAY)
            .not_valid_after(now + ends * DAY)
            .add_extension(alternatives, critical=False)
            .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
            .add_extension(x509.KeyUsage(True, *[False] * 4, not hosts, not hosts, False, False), critical=True)
        )
        if hosts:
            builder = builder.add_extension(usage, critical=False)
        self.certificate = builder.sign(signer.key, hashes.SHA256())
        self.public = self.certificate.public_bytes(serialization.Encoding.PEM)
        secret = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(secret + self.public)


class Authority:
    """Issues certificates.  ``bundle``: a file with its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self.name = folder, name
        self.pair = Pair(folder, name, None, -9, 9, [])
        self.bundle = folder / f"{name}-bundle.pem"
        self.bundle.write_bytes(self.pair.public)

    def issue(self, name: str, begins: int = -3, ends: int = 3, host: str = "localhost") -> Pair:
        return Pair(self._folder, f"{self.name}-{name}", self.pair, begins, ends, [host])

    def self_signed(self, name: str) -> Pair:
        return Pair(self._folder, f"{self.name}-{name}", None, -3, 3, ["localhost"])
