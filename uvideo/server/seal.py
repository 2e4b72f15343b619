"""Secrets at rest: sealed under the private key of their account, so that a copy of the catalog alone opens nothing.

    sealed = "s1." + base64url(nonce || ciphertext || mac)

The key stream is HMAC-SHA256 of nonce and block number, the mac HMAC-SHA256 of all and of what it belongs to; both with
keys derived from a private key that is in no catalog: the account's own, where the server has it, else the server's.  A
secret must be known to check its signatures, so it cannot be hashed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import replace

from uvideo.server.credentials import Key, Keyring
from uvideo.storage.base import KeyRecord, TokenRecord

__all__ = ["Unopened", "key_of", "key_record", "opened", "sealed"]

MARK = "s1."
NONCE, MAC = 16, 32  # bytes


class Unopened(Exception):
    """Sealed under another private key than the account has now, or altered."""


def sealed(token: TokenRecord, keyring: Keyring) -> TokenRecord:
    """The token as it is stored."""
    return replace(token, private=_seal(token.private, *_of(token, keyring)))


def opened(token: TokenRecord, keyring: Keyring) -> TokenRecord:
    """The token as it is used.  One that was stored before there were seals is as it is.  Unopened."""
    if not token.private.startswith(MARK):
        return token
    private = _open(token.private, *_of(token, keyring))
    if private is None:
        raise Unopened(token.token_id)
    return replace(token, private=private)


def _of(token: TokenRecord, keyring: Keyring) -> tuple[str, str]:
    """(what it is sealed under, what it belongs to)."""
    key = keyring.of(token.owner)
    return key.private, token.public if key.owner == token.owner else f"{token.public}\0{token.owner}"


def key_record(key: Key, own: Key, created: int) -> KeyRecord:
    """A key pair as the catalog keeps it, sealed under the server's own."""
    return KeyRecord(key.public, key.owner, _seal(key.private, own.private, _belonging(key.public, key.owner)), created)


def key_of(record: KeyRecord, own: Key) -> Key:
    """The key pair as it is used.  Unopened."""
    private = _open(record.private, own.private, _belonging(record.public, record.owner))
    if private is None:
        raise Unopened(record.public)
    return Key(record.public, private, record.owner)


def _belonging(public: str, owner: str) -> str:
    """A record with another owner written into it is not opened."""
    return f"key\0{public}\0{owner}"


def _seal(plain: str, under: str, belongs: str) -> str:
    nonce = secrets.token_bytes(NONCE)
    hidden = nonce + _mixed(plain.encode(), under, nonce)
    return MARK + base64.urlsafe_b64encode(hidden + _mac(under, hidden, belongs)).decode()


def _open(text: str, under: str, belongs: str) -> str | None:
    """None if it was sealed under another private key, for something else, or altered."""
    if not text.startswith(MARK):
        return None
    try:
        found = base64.urlsafe_b64decode(text[len(MARK) :])
    except (ValueError, binascii.Error):
        return None
    hidden, mac = found[:-MAC], found[-MAC:]
    if len(hidden) < NONCE or not hmac.compare_digest(mac, _mac(under, hidden, belongs)):
        return None
    return _mixed(hidden[NONCE:], under, hidden[:NONCE]).decode()


def _derived(owner: str, use: str) -> bytes:
    return hmac.new(owner.encode(), f"uvideo seal {use}".encode(), hashlib.sha256).digest()


def _mac(owner: str, hidden: bytes, belongs: str) -> bytes:
    return hmac.new(_derived(owner, "mac"), hidden + b"\0" + belongs.encode(), hashlib.sha256).digest()


def _mixed(data: bytes, owner: str, nonce: bytes) -> bytes:
    key, stream = _derived(owner, "stream"), b""
    while len(stream) < len(data):
        stream += hmac.new(key, nonce + len(stream).to_bytes(4, "big"), hashlib.sha256).digest()
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))
