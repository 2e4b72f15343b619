"""When a certificate ends."""

from __future__ import annotations

from pathlib import Path

__all__ = ["not_after"]


def not_after(path: Path | None) -> float | None:
    """Unix seconds: of the certificates in the file the first that ends.  None without a file, or if it has none."""
    if path is None:
        return None
    from cryptography import x509  # not at the start of those that have no TLS

    try:
        return min(each.not_valid_after_utc.timestamp() for each in x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError):
        return None
