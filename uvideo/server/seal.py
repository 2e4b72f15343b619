"""Secrets at rest: sealed under the private key of their account, so that a copy of the catalog alone opens nothing.

    sealed = "s1." + base64url(nonce || ciphertext || mac)

The key stream is HMAC-SHA256 of nonce and block number, the mac HMAC-SHA256 of all and of what it belongs to; both with
keys derived from the account's private key.  A token's secret must be known to check its signatures, so it cannot be
hashed; the account's own pair is in no catalog.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import replace

from uvideo.server.credentials import Keyring
from uvideo.storage.base import TokenRecord

__all__ = ["Unopened", "opened", "sealed"]

MARK = "s1."
NONCE, MAC = 16, 32  # bytes


class Unopened(Exception):
    """Sealed under another private key than the account has now, or altered."""


def sealed(token: TokenRecord, keyring: Keyring) -> TokenRecord:
    """The token as it is stored.  KeyError if its account has no pair here."""
    owner, nonce = keyring.of(token.owner).private, secrets.token_bytes(NONCE)
    plain = token.private.encode()
    hidden = nonce + _mixed(plain, owner, nonce)
    text = base64.urlsafe_b64encode(hidden + _mac(owner, hidden, token.public)).decode()
    return replace(token, private=MARK + text)


def opened(token: TokenRecord, keyring: Keyring) -> TokenRecord:
    """The token as it is used.  One that was stored before there were seals is as it is.  Unopened."""
    if not token.private.startswith(MARK):
        return token
    try:
        owner = keyring.of(token.owner).private
        found = base64.urlsafe_b64decode(token.private[len(MARK) :])
    except (KeyError, ValueError, binascii.Error):
        raise Unopened(token.token_id) from None
    hidden, mac = found[:-MAC], found[-MAC:]
    if len(hidden) < NONCE or not hmac.compare_digest(mac, _mac(owner, hidden, token.public)):
        raise Unopened(token.token_id)
    return replace(token, private=_mixed(hidden[NONCE:], owner, hidden[:NONCE]).decode())


def _derived(owner: str, use: str) -> bytes:
    return hmac.new(owner.encode(), f"uvideo seal {use}".encode(), hashlib.sha256).digest()


def _mac(owner: str, hidden: bytes, belongs: str) -> bytes:
    return hmac.new(_derived(owner, "mac"), hidden + b"\0" + belongs.encode(), hashlib.sha256).digest()


def _mixed(data: bytes, owner: str, nonce: bytes) -> bytes:
    key, stream = _derived(owner, "stream"), b""
    while len(stream) < len(data):
        stream += hmac.new(key, nonce + len(stream).to_bytes(4, "big"), hashlib.sha256).digest()
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))
