"""The dialect of the management plane: parameters in the query or the body, and HTTP 200 for errors too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from uvideo._core import errors, management, message, postfile
from uvideo.server.auth.credentials import Key
from uvideo.server.http.exchange import Exchange
from uvideo.server.http.pipeline import DialectCall, Pipeline, Traits
from uvideo.server.ops.audit import details, keys_made
from uvideo.server.rules.service import Grant, who
from uvideo.storage.base import TokenRecord

if TYPE_CHECKING:
    from uvideo._core import location

__all__ = ["FORM_LIMIT", "ManagementPlaneCall", "is_management"]

FORM_LIMIT = 1024 * 1024  # bytes of a management call


class ManagementPlaneCall(DialectCall["management.Operation", "management.Result"]):
    traits = Traits()

    def __init__(self, exchange: Exchange, pipeline: Pipeline, target: location.RequestTarget, host: str) -> None:
        super().__init__(exchange, pipeline, target, host)
        self._given: Mapping[str, Any] = dict(target.query)

    def claimed(self) -> str:
        return str(self._given.get("PublicKey"))

    async def read(self) -> None:
        exchange = self.exchange
        body = await exchange.small(FORM_LIMIT) if exchange.request.method == "POST" else b""
        self._given = given = management.parameters(self.target.query, exchange.headers, body)
        self.space = str(given.get("BucketName") or given.get("SpaceName") or "")
        asked = management.OPERATIONS.get(str(given.get("Action")))
        exchange.operation = asked.__name__ if asked is not None else ""
        self.throttle()

    async def authorize(self) -> Grant:
        """Anybody learns whether an action exists; other errors need a valid signature."""
        try:
            management.decode(self._given)
        except (errors.ActionMissing, errors.ActionUnknown):
            raise
        except errors.Refused:
            pass  # ``decode`` raises it
        self._signer = await self.pipeline.spaces.signer(self._given)
        token = self._signer if isinstance(self._signer, TokenRecord) else None
        asked = management.OPERATIONS[self._given["Action"]]
        return Grant("", asked, who(self._signer, "management"), token)

    async def decode(self, grant: Grant) -> management.Operation:
        """AccessDenied for tokens."""
        if grant.token is not None:
            raise errors.AccessDenied()
        op, self._name = management.decode(self._given)
        return op

    async def permit(self, grant: Grant, op: management.Operation) -> None:
        """Nothing to check: ``decode`` refuses tokens, before it checks the parameters."""
        if self.exchange.entry is not None:
            self.exchange.entry.more.update(details(op))

    async def perform(self, op: management.Operation) -> tuple[management.Result, None]:
        assert isinstance(self._signer, Key)
        return await self.pipeline.spaces.run(op, self._signer, self.host), None

    def write(self, op: management.Operation, result: management.Result) -> message.Response:
        if self.exchange.entry is not None:
            self.exchange.entry.more.update(keys_made(result))
        return management.encode_result(self._name, result)

    def refuse(self, refusal: errors.Refused) -> message.Response:
        self.exchange.ret_code = refusal.action_code or refusal.ret_code
        return management.encode_error(str(self._given.get("Action") or "")[:64], refusal)


def is_management(exchange: Exchange, target: location.RequestTarget) -> bool:
    """Whether it is a management call.  A form upload has the same path.  Source: management-plane.md section 1."""
    if target.path != "/":
        return False
    if exchange.request.method == "POST":
        return not postfile.is_form(exchange.headers)
    names = {name for name, _ in target.query}
    return exchange.request.method == "GET" and ("Action" in names or {"PublicKey", "Signature"} <= names)
