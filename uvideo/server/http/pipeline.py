"""The steps of a request, and what they ask of a dialect: to read the request, and to write its answer.

docs/architecture.md lists the steps in the order of ``Pipeline.run``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from uvideo._core import dialect, error_response, errors, location, message, operation, policy, signature
from uvideo.server.auth import temporary_keys
from uvideo.server.http.callback import Callbacks
from uvideo.server.http.exchange import Exchange
from uvideo.server.http.rate_limits import Limits
from uvideo.server.ops.audit import FREES, Audit, AuditEntry, details
from uvideo.server.ops.metrics import Metrics
from uvideo.server.rules.objects import ObjectBody
from uvideo.server.rules.server_names import OwnNames
from uvideo.server.rules.service import Grant, Service
from uvideo.server.rules.spaces import ManagementService
from uvideo.server.rules.token_rights import Rights
from uvideo.storage.base import SpaceRecord

if TYPE_CHECKING:
    from uvideo.server.limits.body_buffer import Body

__all__ = ["DialectCall", "ObjectCall", "Pipeline", "claimed_by"]

Op = TypeVar("Op")
Result = TypeVar("Result")

CALLING = (operation.PutObject, operation.FinishUpload)  # what a put policy may go with; source: signing.md section 4
#: Steps of uploads that are counted, so that one sees how many stay unfinished.
COUNTED: dict[type, str] = {
    operation.InitiateUpload: "uvideo_uploads_begun_total",
    operation.FinishUpload: "uvideo_uploads_finished_total",
    operation.AbortUpload: "uvideo_uploads_aborted_total",
}
#: What needs room on the disk.
STORING = frozenset(
    (
        *(operation.PutObject, operation.InitiateUpload, operation.UploadPart),
        *(operation.AppendObject, operation.CopyPart, operation.CopyObject, operation.UploadHit),
    )
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``names``: of the server's own.  ``callbacks``: calls what a put policy names.  ``audit``: who changed what."""

    service: Service
    rights: Rights
    spaces: ManagementService
    names: OwnNames
    limits: Limits
    callbacks: Callbacks
    audit: Audit
    metrics: Metrics

    async def run(self, call: DialectCall[Any, Any]) -> tuple[message.Response, ObjectBody | None]:
        """(the answer, the bytes of an object that go with it).  The first step that refuses wins.

        Refused, OSError, Disconnected.
        """
        exchange = call.exchange
        await call.read()
        grant = await call.authorize()
        self._admit(call, grant)
        op = await call.decode(grant)
        await call.permit(grant, op)
        op = await call.complete(grant, op)
        asked = self._callback(grant)
        with self._room(call, grant):
            result, content = await call.perform(op)
        if isinstance(result, operation.Finished) and exchange.entry is not None:
            exchange.entry.object = result.key
        if grant.operation in COUNTED:
            self.metrics.add(COUNTED[grant.operation])
        response = call.write(op, result)
        if asked is not None:
            response = policy.passed_through(response, await self.callbacks.call(asked))
        return response, content

    def _admit(self, call: DialectCall[Any, Any], grant: Grant) -> None:
        """Begin the request's line in the audit log, and count it for its key.  Throttled; Unavailable."""
        exchange, cls, limits = call.exchange, grant.operation, self.limits
        call.throttle()  # many at once: those before it may have used up what it had
        if self.audit.wants(cls):
            self.audit.admit(frees=cls in FREES)
            exchange.entry = AuditEntry(grant.who, cls.__name__, call.space, grant.key)
        if limits.rates.limit:
            limits.rates.take(call.claimed() or exchange.sender.name)
        exchange.operation = cls.__name__

    def _callback(self, grant: Grant) -> policy.Policy | None:
        """The put policy of a request, or None.  BadRequest, before anything is stored, if nobody can be called so."""
        if grant.operation not in CALLING:
            return None
        if grant.policy is not None:
            self.callbacks.check(grant.policy)
        return grant.policy

    def _room(self, call: DialectCall[Any, Any], grant: Grant) -> AbstractContextManager[None]:
        """While the request is done: room on the disk for what it says that it will store.  Unavailable."""
        headroom, cls = self.limits.headroom, grant.operation
        if headroom is None or cls not in STORING:
            return nullcontext()
        return headroom.announced((call.exchange.length or 0) if cls in dialect.BULK else 0)


class DialectCall(ABC, Generic[Op, Result]):
    """One request in one dialect.  ``Pipeline.run`` calls the methods from ``read`` to ``write`` in this order.

    ``space``: the name of the one that it is about, "" while that is not known.
    """

    space = ""

    def __init__(self, exchange: Exchange, pipeline: Pipeline, target: location.RequestTarget, host: str) -> None:
        self.exchange, self.pipeline, self.target, self.host = exchange, pipeline, target, host

    @abstractmethod
    def claimed(self) -> str:
        """The public key whose private key the request is to prove, "" if none can be read.  At any time."""

    def throttle(self) -> None:
        """Throttled if its sender sent too many wrong signatures for that key.  At any time."""
        if self.pipeline.limits.guesses.seen:
            self.pipeline.limits.guesses.check(self.exchange.sender, self.claimed())

    @abstractmethod
    async def read(self) -> None:
        """Read which space and whose key it names.  Throttled, as soon as that is known; SpaceNotFound; BadRequest."""

    @abstractmethod
    async def authorize(self) -> Grant:
        """The Grant of a request whose signature is right and may stand for it; errors as ``Service.authorize``."""

    @abstractmethod
    async def decode(self, grant: Grant) -> Op:
        """The operation.  BadRequest and the like."""

    @abstractmethod
    async def permit(self, grant: Grant, op: Op) -> None:
        """AccessDenied if its signature gives no right to the operation."""

    async def complete(self, grant: Grant, op: Op) -> Op:
        """The operation with what may be long, and is read only of who has the right to it."""
        return op

    @abstractmethod
    async def perform(self, op: Op) -> tuple[Result, ObjectBody | None]:
        """(the result, the bytes of an object that go with it)."""

    @abstractmethod
    def write(self, op: Op, result: Result) -> message.Response:
        """The answer that says the result."""

    def refuse(self, refusal: errors.Refused) -> message.Response:
        """The answer that says an error.  At any time."""
        return error_response.encode_error(refusal)


class ObjectCall(DialectCall["dialect.Operation", "dialect.Result"]):
    """An operation on objects.

    ``record``: the space; ``read`` sets it.  ``body``: the bytes to store, which ``read`` may replace.  ``service``:
    does the operation; ``permit`` may set one that replaces no object.
    """

    record: SpaceRecord
    body: Body
    service: Service

    async def permit(self, grant: Grant, op: dialect.Operation) -> None:
        """Check a token's rights, and with any signature a new key that is not signed.

        The request's line in the audit log, if it has one, gets the details of the operation first.
        """
        if self.exchange.entry is not None:
            self.exchange.entry.more.update(details(op))
        if grant.token is not None:
            self.service = await self.pipeline.rights.permit(grant.token, op, self.record, self.exchange.sender)
        if grant.query.left_out:
            self.service = await self.pipeline.rights.add(op, self.record)

    async def perform(self, op: dialect.Operation) -> tuple[dialect.Result, ObjectBody | None]:
        if isinstance(op, operation.GetObject):
            return await self.service.get(op, self.record)
        if isinstance(op, operation.UploadHit):
            await self.exchange.skip()  # JS sends the file along
        return await self.service.run(op, self.record, self.body), None


def claimed_by(headers: message.Headers, query: Sequence[tuple[str, str]]) -> str:
    """The public key whose private key these are to prove, "" if none can be read."""
    try:
        claimed = signature.claim(headers, query)
    except errors.Refused:
        return ""
    return temporary_keys.issuer(claimed.public_key, headers, query) if claimed is not None else ""
