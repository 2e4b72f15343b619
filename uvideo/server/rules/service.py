"""The data plane: it checks who may request an operation, and performs it.

Bodies and errors are those of ``Objects``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from uvideo._core import dialect, errors, expiry, location, message, operation, policy, signature
from uvideo.server.auth import secret_box, signature_scope, temporary_keys
from uvideo.server.auth.credentials import PUBLIC_LIMIT, RESERVED, TOKENS, Key, Keyring
from uvideo.server.limits.body_buffer import Body
from uvideo.server.limits.body_spool import Spool
from uvideo.server.limits.memory_budget import Memory
from uvideo.server.ops.audit import Who
from uvideo.server.rules.append import Append
from uvideo.server.rules.copies import Copies
from uvideo.server.rules.object_record import is_public
from uvideo.server.rules.object_state import States
from uvideo.server.rules.objects import Objects
from uvideo.server.rules.s3_service import S3Service
from uvideo.server.rules.switches import Switches
from uvideo.storage.base import Blobs, Catalog, SpaceRecord, TokenRecord

__all__ = ["Grant", "Restoring", "Service", "who"]

WAYS = {carrier: carrier.name.lower() for carrier in signature_scope.SignatureCarrier}  # as written in the audit log
NOBODY = Who("nobody")
Policy = policy.Policy

log = logging.getLogger("uvideo.server")


@dataclass(frozen=True, slots=True)
class Restoring:
    """``takes``: seconds that a restore takes.  ``lasts``: seconds for which the object can be read after it."""

    takes: int = 0
    lasts: int = 24 * 3600


class Grant(NamedTuple):
    """A permitted request: the operation and its key.

    ``who``: the signer, for the audit log.  ``token``: the signer if it is a token; ``Rights`` checks it.  ``policy``:
    the signed put policy, or None.  ``query``, ``headers``: the parameters and headers that the operation may read, in
    a dialect whose signatures do not cover all of them.
    """

    key: str
    operation: type
    who: Who
    token: TokenRecord | None = None
    policy: Policy | None = None
    query: signature_scope.Listed = signature_scope.NOTHING[0]
    headers: signature_scope.ListedHeaders = signature_scope.NOTHING[1]


class Service(Objects):
    """The data plane.  Arguments as of ``Objects``."""

    def __init__(
        self,
        blobs: Blobs,
        catalog: Catalog,
        keyring: Keyring,
        clock: Callable[[], float] = time.time,
        restoring: Restoring = Restoring(),
        switches: Switches | None = None,
        spool: Callable[[], Spool] | None = None,
        memory: Memory | None = None,
    ) -> None:
        super().__init__(blobs, catalog, clock, switches or Switches(), spool, memory)
        self.keyring, self._restoring = keyring, restoring
        self.stores[operation.AppendObject] = Append(self).run
        states = States(self, restoring.takes, restoring.lasts)
        self.copies = Copies(self)
        self.operations |= self.copies.operations | states.operations
        self.s3 = S3Service(self, states)

    def over(self, catalog: Catalog) -> Service:
        """The same service on another catalog.  It has the same Switches."""
        settings = self._restoring, self.switches, self._spool, self.memory
        return Service(self.blobs, catalog, self.keyring, self.clock, *settings)

    async def locate(
        self, addresses: Sequence[location.Address], domain: str | None = None, own: bool = False
    ) -> tuple[SpaceRecord, location.Address]:
        """(SpaceRecord, Address): the space with this domain, else the first Address that names a space.

        ``own``: the host is the server's own, so the path has precedence over the host.  SpaceNotFound.
        """
        if own:
            for address in addresses[1:]:
                space = await self.catalog.space(address.space)
                if space is not None:
                    return space, address
        if domain is not None:
            space = await self.catalog.space_of_domain(domain)
            if space is not None:
                return space, addresses[0]._replace(space=space.name)
        for address in addresses:
            space = await self.catalog.space(address.space)
            if space is not None:
                return space, address
        raise errors.SpaceNotFound()

    async def authorize(
        self,
        method: str,
        headers: message.Headers,
        query: Sequence[tuple[str, str]],
        space: SpaceRecord,
        address: location.Address,
        form: bool = False,
    ) -> Grant:
        """The Grant of a permitted request.  NoCredentials, UnknownKey, errors of signatures, AccessDenied, BadRequest.

        ``form``: a form upload, whose fields are given as headers.

        Public objects, and all objects of a public space, can be read without a signature; a wrong signature is refused
        there too.  ``signature_scope`` decides which operations a signature may request.
        """
        claimed = signature.claim(headers, query)
        carrier = signature_scope.carrier_of(claimed, form)
        if claimed is None:
            key, cls, given = await self._anonymous(method, headers, query, space, address)
            listed = signature_scope.check(carrier, cls, key, given, headers, None)
            return Grant(key, cls, NOBODY, None, None, *listed)
        if carrier is signature_scope.LINK and not self.switches.permanent_links:
            raise errors.NoCredentials(
                "a signed URL that never expires (without Expires, or with Expires=0) is not accepted here: the "
                "operator can allow it (uvideo serve --permanent-links)"
            )
        public, token = claimed.public_key, None
        known: Key | TokenRecord | None = (
            self.keyring.find(public)
            or await temporary_keys.known_by(public, headers, query, self.key)
            or await self.key(public)
        )
        if known is None:
            known = token = await self.token(public)
            if known is None:
                raise errors.UnknownKey()
        key = location.key_of(address)
        keys, tails = signature.variants(method, key, query)
        signed = matched = ""
        for signed in keys:
            texts = signature.candidates(claimed, method, address.space, (signed,), headers, tails)
            try:
                matched = signature.verify(claimed, known.private, texts, self.clock())
                break
            except errors.SignatureMismatch:
                if signed == keys[-1]:
                    raise
        if isinstance(known, Key) and known.until is not None and expiry.is_past(known.until, self.clock()):
            raise errors.AccessDenied("the SecurityToken has expired")
        if known.owner != space.owner:
            raise errors.AccessDenied()
        asked = policy.of(headers)
        given = dialect.parameters(query)
        cls = operation.PutObject if form else dialect.route(method, key, given, headers)
        if signed != key:  # an UploadHit
            given["FileName"] = signed
        covered = signature.read_text(matched, address.space, signed, claimed.policy)
        listed = signature_scope.check(carrier, cls, signed, given, headers, covered)
        return Grant(signed, cls, who(known, WAYS[carrier]), token, asked, *listed)

    async def key(self, public: str) -> Key | None:
        """The key pair with this public key: the server's own, or one added to the catalog; None if there is none."""
        known = self.keyring.find(public)
        if known is not None or public.startswith(RESERVED) or len(public) > PUBLIC_LIMIT:
            return known
        record = await self.catalog.key(public)
        try:
            return secret_box.key_of(record, self.keyring) if record is not None else None
        except secret_box.CannotDecrypt as failure:
            log.warning("the key pair %s is encrypted with another private key", failure)
            return None

    async def token(self, public: str) -> TokenRecord | None:
        """The token with this public key, its secret decrypted.  None also if the secret cannot be decrypted."""
        mine = public.startswith(TOKENS) and len(public) <= PUBLIC_LIMIT
        token = await self.catalog.token(public) if mine else None
        try:
            return secret_box.decrypted(token, self.keyring) if token is not None else None
        except secret_box.CannotDecrypt as failure:
            log.warning("the secret of token %s is encrypted with another private key", failure)
            return None

    async def _anonymous(
        self,
        method: str,
        headers: message.Headers,
        query: Sequence[tuple[str, str]],
        space: SpaceRecord,
        address: location.Address,
    ) -> tuple[str, type[dialect.Operation], dict[str, str]]:
        """(key, operation, parameters) of an unsigned read of a public object.  NoCredentials for all other requests,
        whether the object exists or not."""
        if method not in ("GET", "HEAD") or not address.path:
            raise errors.NoCredentials()
        key, given = location.key_of(address), dialect.parameters(query)
        cls = dialect.route(method, key, given, headers)
        if signature_scope.NOBODY not in signature_scope.MAY.get(cls, ()):
            raise errors.NoCredentials()
        if space.type != "public" and not is_public(await self.catalog.get(space.space_id, key)):
            raise errors.NoCredentials()
        return key, cls, given

    async def run(self, op: dialect.Operation, space: SpaceRecord, body: Body | None = None) -> dialect.Result:
        """Perform any operation except GetObject.  ``body``: for operations with bulk bytes."""
        store = self.stores.get(type(op))
        return await self.operations[type(op)](op, space) if store is None else await store(op, space, body)


def who(known: Key | TokenRecord, way: str) -> Who:
    """The signer of a valid signature, for the audit log."""
    if isinstance(known, TokenRecord):
        return Who(way, known.public, known.owner, token=known.token_id)
    return Who(way, known.public, known.owner, issuer=known.issuer)
