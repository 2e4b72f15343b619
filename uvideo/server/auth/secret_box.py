"""Secrets at rest, encrypted with their account's private key, so that a copy of the catalog reveals no secrets.

    text = "s2." + base64url(nonce || AES-256-GCM of the secret, with its tag)

HKDF-SHA256 derives the cipher's key from a private key that is not in the catalog: the account's, if the server has it,
otherwise the server's own.  The associated data is the record that the secret belongs to.  Secrets cannot be hashed:
checking a signature needs the secret itself.

Programs of a schema before SINCE read and write only the form "s1." (``old``).  This module always reads that form.  It
writes it while such a program may run beside this one, which the catalog knows (``Catalog.oldest_program``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from uvideo.server.auth.credentials import Key, Keyring
from uvideo.storage.base import Catalog, KeyRecord, TokenRecord

__all__ = ["CannotDecrypt", "can_read", "decrypted", "encrypted", "key_of", "key_record", "reencrypted", "writes_old"]

SINCE = 4  # the first schema whose programs read "s2."
MARK, OLD = "s2.", "s1."
NONCE = 12  # bytes
OLD_NONCE, OLD_MAC = 16, 32  # bytes


class CannotDecrypt(Exception):
    """The secret was encrypted with another private key than the account has now, or altered."""


async def writes_old(catalog: Catalog) -> bool:
    """Whether secrets must still be written in the old form."""
    return await catalog.oldest_program() < SINCE


def encrypted(token: TokenRecord, keyring: Keyring, *, old: bool = False) -> TokenRecord:
    """The token as stored."""
    return replace(token, private=_encrypt(token.private, *_of(token, keyring), old))


def decrypted(token: TokenRecord, keyring: Keyring) -> TokenRecord:
    """The token as used.  A secret that an older server stored in plain text stays as it is.  CannotDecrypt."""
    return replace(token, private=_secret(token, keyring))


def reencrypted(record: TokenRecord | KeyRecord, keyring: Keyring, *, old: bool = False) -> str | None:
    """The secret encrypted with the present pair; None if it is so already, or is stored in plain text.

    CannotDecrypt if no pair of the ring decrypts it.
    """
    under, belongs = _of(record, keyring)
    if not record.private.startswith((MARK, OLD)) or _decrypt(record.private, under, belongs) is not None:
        return None
    return _encrypt(_secret(record, keyring), under, belongs, old)


def can_read(record: TokenRecord | KeyRecord, keyring: Keyring) -> bool:
    """Whether a pair of the ring decrypts the secret."""
    try:
        _secret(record, keyring)
    except CannotDecrypt:
        return False
    return True


def _secret(record: TokenRecord | KeyRecord, keyring: Keyring) -> str:
    """The secret.  CannotDecrypt if no pair decrypts it, even after the pairs were loaded again."""
    if isinstance(record, TokenRecord) and not record.private.startswith((MARK, OLD)):
        return record.private
    _, belongs = _of(record, keyring)
    owner = record.owner if isinstance(record, TokenRecord) else keyring.own.owner
    for _ in range(2):
        for key in keyring.opening(owner):
            if (private := _decrypt(record.private, key.private, belongs)) is not None:
                return private
        keyring.look()
    raise CannotDecrypt(record.token_id if isinstance(record, TokenRecord) else record.public)


def _of(record: TokenRecord | KeyRecord, keyring: Keyring) -> tuple[str, str]:
    """(the private key that encrypts the secret, the associated data)."""
    if isinstance(record, KeyRecord):
        return keyring.own.private, _belonging(record.public, record.owner)
    key = keyring.of(record.owner)
    return key.private, record.public if key.owner == record.owner else f"{record.public}\0{record.owner}"


def key_record(key: Key, own: Key, created: int, *, old: bool = False) -> KeyRecord:
    """A key pair as stored in the catalog, encrypted with the server's own."""
    private = _encrypt(key.private, own.private, _belonging(key.public, key.owner), old)
    return KeyRecord(key.public, key.owner, private, created)


def key_of(record: KeyRecord, keyring: Keyring) -> Key:
    """The key pair as used.  CannotDecrypt."""
    return Key(record.public, _secret(record, keyring), record.owner)


def _belonging(public: str, owner: str) -> str:
    """The associated data.  If somebody changes the owner in a record, its secret cannot be decrypted."""
    return f"key\0{public}\0{owner}"


def _encrypt(plain: str, under: str, belongs: str, old: bool) -> str:
    if old:
        nonce = secrets.token_bytes(OLD_NONCE)
        hidden = nonce + _old_mixed(plain.encode(), under, nonce)
        return OLD + base64.urlsafe_b64encode(hidden + _old_mac(under, hidden, belongs)).decode()
    nonce = secrets.token_bytes(NONCE)
    hidden = nonce + _cipher(under).encrypt(nonce, plain.encode(), belongs.encode())
    return MARK + base64.urlsafe_b64encode(hidden).decode()


def _decrypt(text: str, under: str, belongs: str) -> str | None:
    """The secret; None if it was encrypted with another private key or for another record, or altered."""
    try:
        found = base64.urlsafe_b64decode(text[len(MARK) :])
        if text.startswith(OLD):
            return _old_decrypt(found, under, belongs)
        if not text.startswith(MARK) or len(found) < NONCE:
            return None
        return _cipher(under).decrypt(found[:NONCE], found[NONCE:], belongs.encode()).decode()
    except (ValueError, binascii.Error, InvalidTag):
        return None


def _cipher(under: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"uvideo seal 2").derive(under.encode()))


# The old form: the key stream is HMAC-SHA256 of nonce and block number; the mac is HMAC-SHA256 of everything and of the
# associated data.


def _old_decrypt(found: bytes, under: str, belongs: str) -> str | None:
    hidden, mac = found[:-OLD_MAC], found[-OLD_MAC:]
    if len(hidden) < OLD_NONCE or not hmac.compare_digest(mac, _old_mac(under, hidden, belongs)):
        return None
    return _old_mixed(hidden[OLD_NONCE:], under, hidden[:OLD_NONCE]).decode()


def _old_key(under: str, use: str) -> bytes:
    return hmac.new(under.encode(), f"uvideo seal {use}".encode(), hashlib.sha256).digest()


def _old_mac(under: str, hidden: bytes, belongs: str) -> bytes:
    return hmac.new(_old_key(under, "mac"), hidden + b"\0" + belongs.encode(), hashlib.sha256).digest()


def _old_mixed(data: bytes, under: str, nonce: bytes) -> bytes:
    key, stream = _old_key(under, "stream"), b""
    while len(stream) < len(data):
        stream += hmac.new(key, nonce + len(stream).to_bytes(4, "big"), hashlib.sha256).digest()
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))
