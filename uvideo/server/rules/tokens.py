"""The token actions of the management plane.  Source: management-plane.md section 5."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from uvideo._core import errors, expiry, management, operation
from uvideo.server.auth import key_rotation, secret_box
from uvideo.server.auth.credentials import TOKENS
from uvideo.server.rules.service import Service
from uvideo.server.rules.token_rights import network_of
from uvideo.storage.base import TokenRecord

__all__ = ["PREFIX", "Tokens"]

PREFIX = TOKENS
MOST = 100  # tokens in one account
MOST_ENTRIES = 100  # entries in each list
LIFE, LAST = 86400, 4102416000  # seconds; unix seconds
NAME_LIMIT = 128
REGION = "cn-bj"


class Tokens:
    """``operations``: the method for each operation; it gets (operation, owner, host)."""

    def __init__(self, service: Service) -> None:
        self._catalog, self._clock, self._keyring = service.catalog, service.clock, service.keyring
        self.operations: dict[type, Callable[..., Awaitable[management.Result]]] = {
            operation.CreateToken: self._create,
            operation.DescribeToken: self._describe,
            operation.UpdateToken: self._update,
            operation.DeleteToken: self._delete,
        }

    async def _create(self, op: operation.CreateToken, owner: str, host: str) -> operation.TokenInfo:
        now, made = int(self._clock()), str(uuid.uuid4())
        blank = TokenRecord(
            token_id=str(uuid.uuid4()),
            owner=owner,
            name=op.name,
            public=PREFIX + made,
            private=str(uuid.uuid4()),
            region=REGION,
            ops=("TOKEN_ALLOW_NONE",),
            expires=now + LIFE,
            created=now,
        )
        token = self._changed(blank, op)
        old, under = await secret_box.writes_old(self._catalog), self._keyring.own
        await self._catalog.create_token(secret_box.encrypted(token, self._keyring, old=old), MOST)
        await key_rotation.kept(self._catalog, self._keyring, under)
        return _info(token)

    async def _describe(self, op: operation.DescribeToken, owner: str, host: str) -> operation.TokenList:
        found = await self._catalog.tokens(owner)
        if op.token_id is not None:
            found = [token for token in found if token.token_id == op.token_id]
            if not found:
                raise errors.TokenNotFound()
        if op.name is not None:
            found = [token for token in found if token.name == op.name]
        return operation.TokenList(tuple(self._said(token, with_secret=op.display != 0) for token in found))

    def _said(self, token: TokenRecord, with_secret: bool) -> operation.TokenInfo:
        """The token as answers contain it.  Without its secret if that cannot be decrypted: the private key changed."""
        try:
            return _info(secret_box.decrypted(token, self._keyring), with_secret)
        except secret_box.CannotDecrypt:
            return _info(token, with_secret=False)

    async def _update(self, op: operation.UpdateToken, owner: str, host: str) -> operation.Done:
        for token in await self._catalog.tokens(owner):
            if token.token_id == op.token_id:
                await self._catalog.update_token(self._changed(token, op))
                return operation.Done()
        raise errors.TokenNotFound()

    async def _delete(self, op: operation.DeleteToken, owner: str, host: str) -> operation.Done:
        await self._catalog.delete_token(owner, op.token_id)
        return operation.Done()

    def _changed(self, token: TokenRecord, op: operation.CreateToken | operation.UpdateToken) -> TokenRecord:
        """The token with the checked fields of the operation.  An empty list of rights means the default rights."""
        now = int(self._clock())
        expires = token.expires if op.expires is None else op.expires
        if op.expires is not None and (expiry.is_past(expires, now) or expires > LAST):
            raise errors.BadRequest(f"ExpireTime is not between now and {LAST}", action_code=15018)
        name = token.name if op.name is None else op.name
        if not 1 <= len(name) <= NAME_LIMIT:
            raise errors.BadRequest(f"TokenName has 1 to {NAME_LIMIT} characters")
        token = replace(
            token,
            name=name,
            ops=_entries(op.ops, token.ops, "AllowedOps") or ("TOKEN_ALLOW_NONE",),
            prefixes=_entries(op.prefixes, token.prefixes, "AllowedPrefixes") or ("*",),
            spaces=_entries(op.spaces, token.spaces, "AllowedBuckets") or ("*",),
            black_ips=_entries(op.black_ips, token.black_ips, "BlackIPList"),
            white_ips=_entries(op.white_ips, token.white_ips, "WhiteIPList"),
            region=op.region or token.region,
            expires=expires,
            modified=now,
        )
        if not set(token.ops) <= set(operation.TOKEN_OPS):
            raise errors.BadRequest("AllowedOps must be from " + ", ".join(operation.TOKEN_OPS))
        try:
            for entry in (*token.black_ips, *token.white_ips):
                network_of(entry)
        except ValueError:
            raise errors.BadRequest("BlackIPList and WhiteIPList hold IPv4 and IPv6 addresses or networks") from None
        return token


def _entries(given: tuple[str, ...] | None, known: tuple[str, ...], name: str) -> tuple[str, ...]:
    if given is None:
        return known
    if len(given) > MOST_ENTRIES:
        raise errors.BadRequest(f"{name} has more than {MOST_ENTRIES} entries", action_code=15018)
    return tuple(dict.fromkeys(given))


def _info(token: TokenRecord, with_secret: bool = True) -> operation.TokenInfo:
    return operation.TokenInfo(
        token.region,
        token.token_id,
        token.name,
        token.public,
        token.private if with_secret else None,
        token.ops,
        token.prefixes,
        token.spaces,
        token.expires,
        token.created,
        token.modified,
        token.black_ips,
        token.white_ips,
    )
