"""Key pairs that end by themselves (STS): the SecurityToken says all, so nothing is stored and every worker agrees.

    SecurityToken = base64url(JSON {"i": id, "k": public key, "e": expiry}) "." HMAC-SHA256 of that
    secret = HMAC-SHA256 of the SecurityToken, both with the private key of the pair "k" that asked for it

So they are of the account of that pair, whatever they say, and end with it.

Source: management-plane.md section 5 names the action and the three values; the rest is ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from uvideo._core import errors, json_document, operation
from uvideo.server.credentials import Key

__all__ = ["HEADER", "assume", "known_by"]

PREFIX = "STS_"  # of every such public key
HEADER = "SecurityToken"
LEAST, USUAL, MOST = 900, 3600, 43200  # seconds
TOKEN_LIMIT = 2048


def assume(op: Any, key: Key, now: float) -> Any:
    """TemporaryKeys that may do on the data plane what the account of ``key``, which asked, may.  BadRequest."""
    seconds = USUAL if op.seconds is None else op.seconds
    if not LEAST <= seconds <= MOST:
        raise errors.BadRequest(f"DurationSeconds is not from {LEAST} to {MOST}", action_code=15018)
    name, expires = PREFIX + str(uuid.uuid4()), int(now) + seconds
    text = json.dumps({"i": name, "k": key.public, "e": expires}, separators=(",", ":"))
    claim = base64.urlsafe_b64encode(text.encode()).decode()
    token = claim + "." + _mac(key.private, "token:" + claim)
    return operation.TemporaryKeys(name, _mac(key.private, "secret:" + token), token, expires)


async def known_by(
    public: str,
    headers: Any,
    query: Sequence[tuple[str, str]],
    find: Callable[[str], Awaitable[Key | None]],
    now: float,
) -> Key | None:
    """The key pair that a request with this public key is signed with; None if that is no temporary one.

    ``find``: gives the pair of a public key.  AccessDenied if its SecurityToken is missing, not ours, another's or has
    expired.
    """
    if not public.startswith(PREFIX):
        return None
    token = headers.get(HEADER) or dict(query).get(HEADER) or ""
    claim, _, mac = token.rpartition(".")
    try:
        said = json_document.parse_json(base64.urlsafe_b64decode(claim)) if len(token) <= TOKEN_LIMIT else None
        name, account, expires = (said["i"], said["k"], int(said["e"])) if isinstance(said, dict) else ("", "", 0)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise errors.AccessDenied("the SecurityToken cannot be read") from None
    key = await find(account) if isinstance(account, str) else None
    if key is None or not _equal(_mac(key.private, "token:" + claim), mac):
        raise errors.AccessDenied("the SecurityToken is missing or not of this service")
    if name != public or now >= expires:
        raise errors.AccessDenied("the SecurityToken belongs to another key, or has expired")
    return Key(public, _mac(key.private, "secret:" + token), key.owner)


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode("utf-8", "replace"))


def _mac(private: str, text: str) -> str:
    return hmac.new(private.encode(), text.encode(), hashlib.sha256).hexdigest()
