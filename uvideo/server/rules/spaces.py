"""The management plane: rights, and the operations on spaces.  Source: management-plane.md."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from uvideo._core import errors, location, management, operation, provider, signature
from uvideo.server.auth import temporary_keys
from uvideo.server.auth.credentials import Key
from uvideo.server.rules.object_record import file_info
from uvideo.server.rules.server_names import OwnNames
from uvideo.server.rules.service import Service
from uvideo.server.rules.space_hosts import SpaceHosts
from uvideo.server.rules.tokens import PREFIX, Tokens
from uvideo.server.rules.usage import Usage
from uvideo.storage.base import DAY, SpaceRecord, TokenRecord

__all__ = ["ManagementService"]

MOST_LISTED = 1000
MOST_DOMAINS = 100
MOST_DAYS = 400  # in one GetSpaceStatus
REGION = "cn-bj"


class ManagementService:
    """The management plane, on the drivers of a Service.  ``usage``: the counters of this process.  ``names``: the
    server's own names, which nobody may bind.  ``hosts``: the hosts of spaces that answers contain."""

    def __init__(
        self, service: Service, usage: Usage, names: OwnNames | None = None, hosts: SpaceHosts | None = None
    ) -> None:
        self._hosts = hosts or SpaceHosts()
        self._service, self._catalog, self._usage, self._names = service, service.catalog, usage, names or OwnNames()
        self._run: dict[type, Callable[..., Awaitable[management.Result]]] = {
            operation.CreateSpace: self._create,
            operation.DescribeSpace: self._describe,
            operation.UpdateSpace: self._update,
            operation.DeleteSpace: self._delete,
            operation.ListSpaceFiles: self._list_files,
            operation.GetSpaceStatus: self._status,
            **Tokens(service).operations,
        }

    async def run(self, op: management.Operation, key: Key, host: str) -> management.Result:
        """Perform an operation that this key pair signed.  ``host``: the Host of the request."""
        if isinstance(op, operation.AssumeRole):
            return temporary_keys.assume(op, key, self._service.clock())
        return await self.perform(op, key.owner, host)

    async def perform(self, op: management.Operation, owner: str, host: str = "") -> management.Result:
        """Perform an operation for an account that the caller has authenticated.

        AssumeRole is not possible here: temporary keys belong to a key pair, not to an account.
        """
        return await self._run[type(op)](op, owner, host)

    async def signer(self, given: Mapping[str, Any]) -> Key | TokenRecord:
        """The signer of a call's parameters.

        Checked in this order: PublicKey and Signature are given, the key is known, the signature is right, it has not
        expired.
        """
        public, signed = given.get("PublicKey"), given.get("Signature")
        if not isinstance(public, str) or not isinstance(signed, str) or not public or not signed:
            raise errors.NoCredentials("the parameter PublicKey or Signature is missing")
        known = await self._service.key(public) or await self._service.token(public)
        if known is None:
            raise errors.TokenUnknown() if public.startswith(PREFIX) else errors.UnknownKey()
        if not signature.equal(action_signature(known.private, given), signed):
            raise errors.SignatureMismatch("Signature VerifyAC Error")
        management.check_end(given, self._service.clock())
        return known

    async def own(self, name: str, owner: str) -> SpaceRecord:
        """The space with this name.  SpaceNotFound; AccessDenied if it is another account's."""
        space = await self._catalog.space(name)
        if space is None:
            raise errors.SpaceNotFound()
        if space.owner != owner:
            raise errors.AccessDenied()
        return space

    def count_sent(self, space: str, size: int) -> None:
        """Count bytes that were sent from the space with this name, apart from those of the data port."""
        self._usage.add(space, size)

    async def _create(self, op: operation.CreateSpace, owner: str, host: str) -> operation.SpaceNamed:
        try:
            location.check_space(op.space)
        except errors.InvalidArgument as error:
            raise errors.SpaceNameInvalid(error.message) from None
        self._names.check_space(op.space)
        now = int(self._service.clock())
        space = SpaceRecord(
            space_id="ufile-" + secrets.token_hex(8),
            name=op.space,
            owner=owner,
            type=_checked_type(op.type) or "private",
            region=op.region or REGION,
            biz=op.biz or "general",
            tag=op.tag or "Default",
            created=now,
            modified=now,
            domains=await self._checked_domains(op.domains, owner),
        )
        await self._catalog.create_space(space)
        return operation.SpaceNamed(space.name, space.space_id)

    async def _checked_domains(self, given: tuple[str, ...], owner: str) -> tuple[str, ...]:
        """The domains without duplicates.  Refuses one that could take requests from another account's space."""
        try:
            domains = tuple(dict.fromkeys(provider.check_domain(domain) for domain in given))
        except errors.InvalidArgument as error:
            raise errors.DomainInvalid(error.message) from None
        if len(domains) > MOST_DOMAINS:
            raise errors.DomainInvalid(f"a bucket has at most {MOST_DOMAINS} domains")
        for domain in domains:
            self._names.check_domain(domain, owner)
            space = await self._catalog.space(domain.partition(".")[0])
            if space is not None and space.owner != owner:
                raise errors.DomainTaken()
        return domains

    async def _describe(self, op: operation.DescribeSpace, owner: str, host: str) -> operation.SpaceList:
        if op.space is not None:
            found = [await self.own(op.space, owner)]
        else:
            limit = management.LIMIT if op.limit is None else min(op.limit, MOST_LISTED)
            found = await self._catalog.spaces(owner, op.offset or 0, limit) if limit else []
        return operation.SpaceList(tuple(_space_info(space, self._hosts.of(space, host)) for space in found))

    async def _update(self, op: operation.UpdateSpace, owner: str, host: str) -> operation.SpaceNamed:
        space = await self.own(op.space, owner)
        if op.storage_class is not None and op.storage_class not in operation.STORAGE_CLASSES:
            raise errors.BadRequest("the storage class is not one of " + ", ".join(operation.STORAGE_CLASSES))
        await self._catalog.update_space(
            space.name,
            type=_checked_type(op.type),
            storage_class=op.storage_class,
            modified=int(self._service.clock()),
        )
        return operation.SpaceNamed(space.name, space.space_id)

    async def _delete(self, op: operation.DeleteSpace, owner: str, host: str) -> operation.SpaceNamed:
        space = await self.own(op.space, owner)
        await self._service.discard(await self._catalog.delete_space(space.name))
        return operation.SpaceNamed(space.name, space.space_id)

    async def _status(self, op: operation.GetSpaceStatus, owner: str, host: str) -> operation.SpaceStatus:
        """One entry for each UTC day that the time from ``begin`` up to ``end`` touches, for all spaces named."""
        now = int(self._service.clock())
        end = now if op.end is None else op.end
        begin = max(0, end - DAY) if op.begin is None else op.begin
        first, last = begin // DAY, max(begin, end - 1) // DAY
        if begin > end or last - first >= MOST_DAYS:
            raise errors.BadRequest(
                f"BeginTime is after EndTime, or more than {MOST_DAYS} days before it", action_code=15018
            )
        if op.spaces:
            spaces = [await self.own(name, owner) for name in op.spaces]
        else:
            spaces = await self._catalog.spaces(owner, 0, MOST_LISTED)
        await self._usage.flush()
        days = await self._catalog.usage([space.space_id for space in spaces], first, last)
        codec = (0, 0, 0, 0)
        return operation.SpaceStatus(
            tuple(operation.SpaceUsage(each.day * DAY, each.stored, each.sent, *codec) for each in days)
        )

    async def _list_files(self, op: operation.ListSpaceFiles, owner: str, host: str) -> operation.FilePage:
        space = await self.own(op.space, owner)
        limit = management.LIMIT if op.limit is None else min(op.limit, MOST_LISTED)
        found = await self._catalog.list_by_offset(space.space_id, op.offset or 0, limit) if limit else []
        now = self._service.clock()
        return operation.FilePage(space.name, space.space_id, "", tuple(file_info(each, now) for each in found))


def action_signature(private: str, given: Mapping[str, Any]) -> str:
    """SignatureMismatch if the parameters cannot be signed: JSON may contain a lone surrogate."""
    try:
        return signature.action_signature(private, given)
    except (UnicodeError, OverflowError, ValueError):
        raise errors.SignatureMismatch("Signature VerifyAC Error") from None


def _checked_type(kind: str | None) -> str | None:
    if kind is not None and kind not in operation.SPACE_TYPES:
        raise errors.SpaceTypeInvalid()
    return kind


def _space_info(space: SpaceRecord, hosts: tuple[str, ...]) -> operation.SpaceInfo:
    return operation.SpaceInfo(
        space.name,
        space.space_id,
        space.type,
        space.region,
        space.biz,
        space.tag,
        space.storage_class,
        space.created,
        space.modified,
        hosts,
        hosts,
        space.domains,
    )
