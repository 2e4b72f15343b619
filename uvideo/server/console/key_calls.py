"""The calls of the page of keys: the key pair that signed in, the tokens of its account, and temporary keys.

They are the management plane's operations, with its rules.  Only key pairs of accounts can sign in to the console; a
token and a temporary key cannot, as on the management plane.  A secret is only in the answer to the call that made it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from uvideo._core import operation
from uvideo.server.auth.credentials import Key
from uvideo.server.console.call_arguments import Given, number_of, text_of, texts_of
from uvideo.server.rules.service import Service

__all__ = ["KeyCalls", "KeyOperation"]

ENTRIES_LIMIT = 100  # in a list, as in the rules
TEXT_LIMIT = 1024  # characters of an entry
SECONDS_LIMIT = 100 * 366 * 86400  # the rules have a limit, too

KeyOperation = (
    operation.CreateToken
    | operation.DescribeToken
    | operation.UpdateToken
    | operation.DeleteToken
    | operation.AssumeRole
)
#: Performs an operation for a key pair, and writes the audit log.
Run = Callable[[KeyOperation, Key], Awaitable[Any]]


class KeyCalls:
    """``calls``: as those of View."""

    def __init__(self, service: Service, run: Run) -> None:
        self._service, self._run = service, run
        self.calls = {
            ("GET", "key-pair"): self._pair,
            ("GET", "tokens"): self._list,
            ("POST", "tokens/create"): self._create,
            ("POST", "tokens/update"): self._update,
            ("POST", "tokens/delete"): self._delete,
            ("POST", "temporary-keys/create"): self._assume,
        }

    async def _pair(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """The pair that signed in.  ``kind``: own (the server's), file (of --other-keys) or added (to the catalog)."""
        ring = self._service.keyring
        known = "own" if key.public == ring.own.public else "file"
        kind = known if ring.find(key.public) is not None else "added"
        return {"public_key": key.public, "account": key.owner, "kind": kind}

    async def _list(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        found: operation.TokenList = await self._run(operation.DescribeToken(display=1), key)
        return {"tokens": [_shown(each) for each in found.tokens], "now": int(self._service.clock())}

    async def _create(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        name, (ops, prefixes, spaces) = text_of(given, "name"), _rights(given)
        op = operation.CreateToken(
            name, ops, prefixes, spaces, expires=self._expires(given), white_ips=_addresses(given)
        )
        made: operation.TokenInfo = await self._run(op, key)
        return {"token": _shown(made), "private_key": made.private_key}

    async def _update(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """Without ``seconds`` the token expires as before."""
        name, (ops, prefixes, spaces) = text_of(given, "name"), _rights(given)
        expires = None if given.get("seconds") is None else self._expires(given)
        token, addresses = text_of(given, "id"), _addresses(given)
        op = operation.UpdateToken(token, name, ops, prefixes, spaces, expires=expires, white_ips=addresses)
        await self._run(op, key)
        return {}

    async def _delete(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        await self._run(operation.DeleteToken(text_of(given, "id")), key)
        return {}

    async def _assume(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        seconds = number_of(given, "seconds", 1, SECONDS_LIMIT, 0)
        made: operation.TemporaryKeys = await self._run(operation.AssumeRole(seconds=seconds), key)
        return {
            "public_key": made.public_key,
            "private_key": made.private_key,
            "security_token": made.security_token,
            "expires": made.expires,
        }

    def _expires(self, given: Given) -> int:
        return int(self._service.clock()) + number_of(given, "seconds", 1, SECONDS_LIMIT, 0)


def _rights(given: Given) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Operations, prefixes and spaces.  None may be empty: for the management plane an empty list of spaces or
    prefixes means all of them."""

    def some(name: str) -> tuple[str, ...]:
        return tuple(texts_of(given, name, 1, ENTRIES_LIMIT, TEXT_LIMIT))

    return some("ops"), some("prefixes"), some("spaces")


def _addresses(given: Given) -> tuple[str, ...]:
    return tuple(texts_of(given, "white_ips", 0, ENTRIES_LIMIT, TEXT_LIMIT))


def _shown(token: operation.TokenInfo) -> dict[str, Any]:
    """A token without its secret.  ``void``: the secret cannot be decrypted, so nobody can use the token."""
    return {
        "id": token.token_id,
        "name": token.name,
        "public_key": token.public_key,
        "ops": list(token.ops),
        "prefixes": list(token.prefixes),
        "spaces": list(token.spaces),
        "expires": token.expires,
        "created": token.created,
        "black_ips": list(token.black_ips),
        "white_ips": list(token.white_ips),
        "void": token.private_key is None,
    }
