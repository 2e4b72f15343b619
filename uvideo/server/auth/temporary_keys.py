"""Key pairs that expire (STS).  The SecurityToken contains everything, so the server stores nothing.

    SecurityToken = base64url(JSON {"i": id, "k": public key, "e": expiry}) "." HMAC-SHA256 of that
    secret = HMAC-SHA256 of the SecurityToken, both with the private key of the pair "k" that asked for it

So a temporary pair always belongs to the account of pair "k", and becomes invalid when that pair is removed.

Source: management-plane.md section 5 for the action and the three values.  Their form is our decision.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence

from uvideo._core import errors, json_document, message, operation
from uvideo.server.auth.credentials import Key

__all__ = ["HEADER", "PREFIX", "assume", "genuine", "issuer", "issuer_of", "known_by"]

PREFIX = "STS_"  # of the public keys
HEADER = "SecurityToken"
LEAST, USUAL, MOST = 900, 3600, 43200  # seconds
TOKEN_LIMIT = 2048
NOBODY = Key("", secrets.token_hex(20))


def assume(op: operation.AssumeRole, key: Key, now: float) -> operation.TemporaryKeys:
    """Temporary keys with the rights of ``key``, the requesting pair, on the data plane.  BadRequest."""
    if op.policy:
        raise errors.BadRequest(
            "this server does not support Policy: leave it out, or create a token with fewer rights (CreateUFileToken)"
        )
    seconds = USUAL if op.seconds is None else op.seconds
    if not LEAST <= seconds <= MOST:
        raise errors.BadRequest(f"DurationSeconds must be from {LEAST} to {MOST}", action_code=15018)
    name, expires = PREFIX + str(uuid.uuid4()), int(now) + seconds
    text = json.dumps({"i": name, "k": key.public, "e": expires}, separators=(",", ":"))
    claim = base64.urlsafe_b64encode(text.encode()).decode()
    token = claim + "." + mac_of(key.private, "token:" + claim)
    return operation.TemporaryKeys(name, mac_of(key.private, "secret:" + token), token, expires)


async def known_by(
    public: str,
    headers: message.Headers,
    query: Sequence[tuple[str, str]],
    find: Callable[[str], Awaitable[Key | None]],
) -> Key | None:
    """The temporary key pair with this public key; None if the public key is not a temporary one.

    ``find``: looks up the pair of a public key.  AccessDenied if the SecurityToken is missing.  For an invalid
    SecurityToken it returns a pair that nobody has, so that the request is answered as one with a wrong signature,
    after the same work.
    """
    if not public.startswith(PREFIX):
        return None
    token = _token(headers, query)
    if not token:
        raise errors.AccessDenied("the SecurityToken is missing")
    return (await _opened(public, token, find))[0]


async def genuine(public: str, token: str, find: Callable[[str], Awaitable[Key | None]]) -> Key | None:
    """The temporary key pair of a SecurityToken; None unless the server made the token for this public key.

    ``find``: as in ``known_by``.
    """
    found, is_genuine = await _opened(public, token, find)
    return found if is_genuine else None


async def _opened(public: str, token: str, find: Callable[[str], Awaitable[Key | None]]) -> tuple[Key, bool]:
    """(the pair, whether the token is genuine).  If it is not, nobody has the pair."""
    name, account, expires = _said(token)
    claim, _, mac = token.rpartition(".")
    key = await find(account)
    private = (key or NOBODY).private
    is_genuine = _equal(mac_of(private, "token:" + claim), mac) and key is not None and name == public
    secret = mac_of(private if is_genuine else NOBODY.private, "secret:" + token)
    return Key(public, secret, key.owner if is_genuine and key is not None else "", expires, account), is_genuine


def issuer(public: str, headers: message.Headers, query: Sequence[tuple[str, str]]) -> str:
    """The public key that signs the request; of a temporary pair, the public key of its issuer.  Not verified."""
    return issuer_of(public, _token(headers, query))


def issuer_of(public: str, token: str) -> str:
    """As ``issuer``, for a SecurityToken."""
    return _said(token)[1] if public.startswith(PREFIX) else public


def _token(headers: message.Headers, query: Sequence[tuple[str, str]]) -> str:
    return headers.get(HEADER) or dict(query).get(HEADER) or ""


def _said(token: str) -> tuple[str, str, int]:
    """(public key, public key of the issuer, expiry) in a SecurityToken.  If it cannot be read: a public key that
    nobody has."""
    try:
        text = base64.urlsafe_b64decode(token.rpartition(".")[0]) if len(token) <= TOKEN_LIMIT else b""
        said = json_document.parse_json(text)
        name, account, expires = said["i"], said["k"], int(said["e"])
        account.encode()
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, binascii.Error):
        return "", PREFIX, 0
    return name, account, expires


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode("utf-8", "replace"))


def mac_of(private: str, text: str) -> str:
    return hmac.new(private.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
