"""The steps of a request.  A dialect reads the request and writes its answer.

docs/architecture.md lists the steps in the order of ``Pipeline.run``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from uvideo._core import dialect, error_response, errors, location, message, operation, policy, signature
from uvideo.server.auth import temporary_keys
from uvideo.server.http.callback import Callbacks
from uvideo.server.http.exchange import Exchange
from uvideo.server.http.rate_limits import Limits
from uvideo.server.ops.audit import FREES, S3_FREES, Audit, AuditEntry, details
from uvideo.server.ops.metrics import Metrics
from uvideo.server.rules.buckets import Buckets
from uvideo.server.rules.objects import ObjectBody
from uvideo.server.rules.s3_access import S3Access
from uvideo.server.rules.server_names import OwnNames
from uvideo.server.rules.service import NOBODY, Grant, Service
from uvideo.server.rules.spaces import ManagementService
from uvideo.server.rules.token_rights import Rights
from uvideo.storage.base import SpaceRecord

if TYPE_CHECKING:
    from uvideo.server.limits.body_buffer import Body

__all__ = ["ABORTED", "BEGUN", "FINISHED", "DialectCall", "ObjectCall", "Pipeline", "Traits", "claimed_by"]

Op = TypeVar("Op")
Result = TypeVar("Result")

#: The counters of uploads: metrics show how many stay unfinished.
BEGUN, FINISHED, ABORTED = (f"uvideo_uploads_{how}_total" for how in ("begun", "finished", "aborted"))
NO_ROOM = nullcontext()  # of a request that stores nothing
WRONG = (errors.SignatureMismatch, errors.UnknownKey)  # the answers to a wrong signature


@dataclass(frozen=True, slots=True)
class Traits:
    """What the steps have to know of a dialect's operations.

    ``bulk``: their body is stored.  ``storing``: they need room on the disk.  ``probing``: the names of those that show
    whether disk and catalog accept writes.  ``calling``: they may carry a put policy.  ``counted``: {operation: its
    counter in the metrics}.
    """

    bulk: frozenset[type] = frozenset()
    storing: frozenset[type] = frozenset()
    probing: frozenset[str] = frozenset()
    calling: frozenset[type] = frozenset()
    counted: Mapping[type, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``names``: the server's own names.  ``callbacks``: sends callbacks of put policies.  ``audit``: the audit log.

    ``buckets``, ``access``: of S3.  ``s3_hosts``: values of Host that S3 clients sign when a proxy sends another one.
    """

    service: Service
    rights: Rights
    spaces: ManagementService
    names: OwnNames
    limits: Limits
    callbacks: Callbacks
    audit: Audit
    metrics: Metrics
    buckets: Buckets
    access: S3Access
    s3_hosts: tuple[str, ...] = ()

    async def run(self, call: DialectCall[Any, Any]) -> tuple[message.Response, ObjectBody | None]:
        """(the answer, the object whose bytes follow it or None).  The first step that refuses determines the answer.

        Raises Refused, OSError, Disconnected.
        """
        await call.read()
        grant = await call.authorize()
        self._admit(call, grant)
        op = await call.decode(grant)
        await call.permit(grant, op)
        op = await call.complete(grant, op)
        asked = self._callback(call, grant)
        with self._room(call, grant):
            result, content = await call.perform(op)
        counter = call.traits.counted.get(grant.operation)
        if counter is not None:
            self.metrics.add(counter)
        response = call.write(op, result)
        if asked is not None:
            response = policy.passed_through(response, await self.callbacks.call(asked))
        return response, content

    def _admit(self, call: DialectCall[Any, Any], grant: Grant) -> None:
        """Begin the request's line in the audit log, and count the request for its key.  Throttled; Unavailable."""
        exchange, cls, limits = call.exchange, grant.operation, self.limits
        exchange.account = grant.who.account
        call.throttle()  # again: requests in parallel may have reached the limit meanwhile
        if self.audit.wants(cls):
            self.audit.admit(frees=cls in FREES or cls in S3_FREES)
            exchange.entry = AuditEntry(grant.who, cls.__name__, call.space, grant.key)
        if limits.rates.limit:
            limits.rates.take(call.claimed() or exchange.sender.name)
        exchange.operation = cls.__name__

    def _callback(self, call: DialectCall[Any, Any], grant: Grant) -> policy.Policy | None:
        """The put policy of a request, or None.  BadRequest if its callback is not allowed; nothing is stored yet."""
        if grant.operation not in call.traits.calling:
            return None
        if grant.policy is not None:
            self.callbacks.check(grant.policy)
        return grant.policy

    def _room(self, call: DialectCall[Any, Any], grant: Grant) -> AbstractContextManager[None]:
        """Reserves disk space for the announced bytes while the block runs.  Unavailable."""
        headroom, cls = self.limits.headroom, grant.operation
        if headroom is None or cls not in call.traits.storing:
            return NO_ROOM
        return headroom.announced(call.announced() if cls in call.traits.bulk else 0)


class DialectCall(ABC, Generic[Op, Result]):
    """One request in one dialect.  ``Pipeline.run`` calls the methods from ``read`` to ``write`` in this order.

    ``space``: the name of the request's space, "" while that is not known.
    """

    traits: ClassVar[Traits]
    space = ""

    def __init__(self, exchange: Exchange, pipeline: Pipeline, target: location.RequestTarget, host: str) -> None:
        self.exchange, self.pipeline, self.target, self.host = exchange, pipeline, target, host

    @abstractmethod
    def claimed(self) -> str:
        """The public key that the request names, "" if none can be read.  Not verified.  May be called at any time."""

    def throttle(self) -> None:
        """Throttled if the client sent too many wrong signatures for this key.  May be called at any time."""
        if self.pipeline.limits.guesses.seen:
            self.pipeline.limits.guesses.check(self.exchange.sender, self.claimed())

    def announced(self) -> int:
        """How many bytes to store the request announces, 0 if it does not say."""
        return self.exchange.length or 0

    def is_guess(self, failure: Exception) -> bool:
        """Whether this is the answer to a wrong signature."""
        return type(failure) in WRONG

    @abstractmethod
    async def read(self) -> None:
        """Read the space and the public key.  Throttled, as soon as the key is known; SpaceNotFound; BadRequest."""

    @abstractmethod
    async def authorize(self) -> Grant:
        """The Grant, if the signature is valid and may ask for this operation.  Errors as ``Service.authorize``."""

    @abstractmethod
    async def decode(self, grant: Grant) -> Op:
        """The operation.  BadRequest and other errors of the protocol."""

    @abstractmethod
    async def permit(self, grant: Grant, op: Op) -> None:
        """AccessDenied if the signer has no right to the operation."""

    async def complete(self, grant: Grant, op: Op) -> Op:
        """The operation with its long fields.  They are read only after the rights are checked."""
        return op

    @abstractmethod
    async def perform(self, op: Op) -> tuple[Result, ObjectBody | None]:
        """(the result, the object bytes that belong to it, or None)."""

    @abstractmethod
    def write(self, op: Op, result: Result) -> message.Response:
        """The result as an answer."""

    def refuse(self, refusal: errors.Refused) -> message.Response:
        """The error as an answer.  May be called at any time."""
        return error_response.encode_error(refusal)


class ObjectCall(DialectCall["dialect.Operation", "dialect.Result"]):
    """An operation on objects.

    ``record``: the space; ``read`` sets it.  ``body``: the bytes to store; ``read`` may replace it.  ``service``: does
    the operation; ``permit`` may set one that replaces no object.
    """

    record: SpaceRecord
    body: Body
    service: Service

    async def permit(self, grant: Grant, op: dialect.Operation) -> None:
        """Check the rights of a token, and of nobody.  For every signer: check a new key that is not signed.

        First, the request's line in the audit log gets the details of the operation.
        """
        if self.exchange.entry is not None:
            self.exchange.entry.more.update(details(op))
        if grant.who is NOBODY:
            self.service = self.pipeline.rights.unsigned
        if grant.token is not None:
            self.service = await self.pipeline.rights.permit(grant.token, op, self.record, self.exchange.sender)
        if grant.query.left_out:
            self.service = await self.pipeline.rights.add(op, self.record)

    async def perform(self, op: dialect.Operation) -> tuple[dialect.Result, ObjectBody | None]:
        if isinstance(op, operation.GetObject):
            return await self.service.get(op, self.record)
        if isinstance(op, operation.UploadHit):
            await self.exchange.skip()  # the JavaScript SDK sends the file with it
        return await self.service.run(op, self.record, self.body), None


def claimed_by(headers: message.Headers, query: Sequence[tuple[str, str]]) -> str:
    """The public key that these name, "" if none can be read.  Not verified."""
    try:
        claimed = signature.claim(headers, query)
    except errors.Refused:
        return ""
    return temporary_keys.issuer(claimed.public_key, headers, query) if claimed is not None else ""
