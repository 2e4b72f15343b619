"""The rights of tokens, and of nobody, on the data plane.

Source: management-plane.md section 5, data-plane.md section 2.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from uvideo._core import dialect, errors, expiry, field, operation
from uvideo.s3 import operation as s3
from uvideo.server.auth.client_address import ClientAddress
from uvideo.server.rules.object_record import is_closed
from uvideo.server.rules.service import Service
from uvideo.storage.base import Catalog, Expected, ExtentPart, ObjectRecord, SpaceRecord, TokenRecord
from uvideo.storage.wrapper import Wrapper, wrapped

__all__ = ["NEEDED", "S3_NEEDED", "Rights", "covers", "covers_space", "network_of"]

ALL = "*"
READ, WRITE, DELETE, LIST = "TOKEN_ALLOW_READ", "TOKEN_ALLOW_WRITE", "TOKEN_ALLOW_DELETE", "TOKEN_ALLOW_LIST"
DENY_UPDATE = "TOKEN_DENY_UPDATE"

_LISTINGS = (operation.ListFiles, operation.ListObjects, operation.ListUploads, operation.ListParts)
#: An operation that is not in this table is refused.
NEEDED: dict[type, tuple[str, ...]] = {
    **dict.fromkeys((operation.GetObject, operation.HeadObject, operation.GetTags, operation.GetAcl), (READ,)),
    **dict.fromkeys(_LISTINGS, (LIST,)),
    **dict.fromkeys(
        (
            *(operation.PutObject, operation.InitiateUpload, operation.UploadPart, operation.FinishUpload),
            *(operation.AbortUpload, operation.AppendObject, operation.CopyObject, operation.CopyPart),
            *(operation.UploadHit, operation.SetMime, operation.SwitchClass, operation.RestoreObject),
            *(operation.PutTags, operation.DeleteTags),
        ),
        (WRITE,),
    ),
    operation.DeleteObject: (DELETE,),
    operation.RenameObject: (WRITE, DELETE),
    operation.PutAcl: (READ, WRITE),  # it can make the object public
}
#: The same for S3.  An operation that is not in this table is for the account's own keys.
S3_NEEDED: dict[type, tuple[str, ...]] = {
    **dict.fromkeys(
        (s3.GetObject, s3.HeadObject, s3.GetObjectAttributes, s3.GetObjectTagging, s3.GetObjectAcl), (READ,)
    ),
    **dict.fromkeys(
        (
            *(s3.PutObject, s3.PostObject, s3.CopyObject, s3.CreateMultipartUpload, s3.UploadPart, s3.UploadPartCopy),
            *(s3.CompleteMultipartUpload, s3.PutObjectTagging, s3.DeleteObjectTagging, s3.RestoreObject),
        ),
        (WRITE,),
    ),
    s3.PutObjectAcl: (READ, WRITE),  # it can make the object public
    **dict.fromkeys((s3.DeleteObject, s3.DeleteObjects, s3.AbortMultipartUpload), (DELETE,)),
    **dict.fromkeys(
        (
            *(s3.ListObjects, s3.ListObjectsV2, s3.ListObjectVersions, s3.ListMultipartUploads, s3.ListParts),
            *(s3.HeadBucket, s3.GetBucketLocation),
        ),
        (LIST,),
    ),
    s3.ListBuckets: (),  # it shows only buckets of the token
}
_S3_STORES = (s3.PutObject, s3.PostObject, s3.CopyObject)
#: Operations that may replace an object's bytes, and are refused before the bytes are sent.
_STORES = (operation.PutObject, operation.CopyObject, operation.UploadHit)


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An entry of an IP list: an address or a network.  ValueError."""
    return ipaddress.ip_network(text.strip(), strict=False)


class Rights:
    """Checks the requests of tokens to one service.  ``unsigned``: the service for requests without a signature."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.unsigned = service.over(wrapped(OpenOnly, service.catalog))
        self._adding = service.over(wrapped(AddOnly, service.catalog))

    async def permit(
        self, token: TokenRecord, op: dialect.Operation, space: SpaceRecord, sender: ClientAddress
    ) -> Service:
        """The service that performs the operation for this token.  AccessDenied."""
        if expiry.is_past(token.expires, self._service.clock()) or not may_come_from(token, sender):
            raise errors.AccessDenied()
        needed = NEEDED.get(type(op))
        if needed is None or any(right not in token.ops for right in needed):
            raise errors.AccessDenied()
        for name, key in await self._touched(op, space):
            if not covers(token, name, key):
                raise errors.AccessDenied()
        sources = list(_sources(op))
        if sources and (READ not in token.ops or not all(covers(token, *source) for source in sources)):
            raise errors.AccessDenied()
        if type(op) is operation.UploadHit and not _sees_all(token):  # it finds content in every space
            raise errors.AccessDenied()
        if DENY_UPDATE not in token.ops:
            return self._service
        if type(op) in _STORES and await self._service.catalog.get(space.space_id, op.key) is not None:
            raise errors.AccessDenied()
        return self._adding

    async def permit_s3(
        self,
        token: TokenRecord,
        cls: type,
        space: SpaceRecord | None,
        sender: ClientAddress,
        *,
        key: str | None = None,
        source: tuple[str, str] | None = None,
    ) -> Service:
        """The service that performs an operation of S3 for this token.  AccessDenied.

        ``space``: None for an operation on no bucket.  ``key``: of the object, or the prefix of a listing; None if the
        operation names neither.  ``source``: (bucket, key) of the source of a copy.
        """
        if expiry.is_past(token.expires, self._service.clock()) or not may_come_from(token, sender):
            raise errors.AccessDenied()
        needed = S3_NEEDED.get(cls)
        if needed is None or any(right not in token.ops for right in needed):
            raise errors.AccessDenied()
        if space is None:
            return self._service
        if not (covers_space(token, space.name) if key is None else covers(token, space.name, key)):
            raise errors.AccessDenied()
        if source is not None and (READ not in token.ops or not covers(token, *source)):
            raise errors.AccessDenied()
        if DENY_UPDATE not in token.ops:
            return self._service
        if cls in _S3_STORES and key and await self._service.catalog.get(space.space_id, key) is not None:
            raise errors.AccessDenied()
        return self._adding

    async def add(self, op: dialect.Operation, space: SpaceRecord) -> Service:
        """The service for a FinishUpload with a new key that is not signed.  AccessDenied if the signed key exists.

        The new key is used only if the signed key exists, and an unsigned key must not be used.  The service replaces
        no object that is created after this check.
        """
        if await self._service.catalog.get(space.space_id, op.key) is not None:
            raise errors.AccessDenied(
                "permission denied: the key is taken, and newKey is used only if it is signed too, as "
                f"{field.NEW_KEY[0]}"
            )
        return self._adding

    async def _touched(self, op: dialect.Operation, space: SpaceRecord) -> Sequence[tuple[str, str]]:
        """(space, key or prefix) of everything that the operation names, except the source of a copy."""
        if isinstance(op, operation.ListParts):
            upload = await self._service.catalog.upload(op.upload_id)
            known = upload is not None and upload.space_id == space.space_id
            return [(space.name, upload.key if upload is not None and known else "")]
        if isinstance(op, _LISTINGS):
            return [(space.name, op.prefix)]
        return [(space.name, key) for key in (op.key, getattr(op, "new_key", None)) if key]


def _sources(op: dialect.Operation) -> Iterator[tuple[str, str]]:
    """(space, key) of each way to decode a copy's source."""
    if isinstance(op, (operation.CopyObject, operation.CopyPart)):
        yield op.source_space, op.source_key
        if op.verbatim is not None:
            yield op.source_space, op.verbatim


def covers_space(token: TokenRecord, space: str) -> bool:
    """Whether the token is for keys of this space."""
    return ALL in token.spaces or space in token.spaces


def covers(token: TokenRecord, space: str, key: str) -> bool:
    """Whether the token is for this key, or for all keys with this prefix."""
    return covers_space(token, space) and any(key.startswith(prefix.removesuffix(ALL)) for prefix in token.prefixes)


def _sees_all(token: TokenRecord) -> bool:
    return READ in token.ops and ALL in token.spaces and ALL in token.prefixes


def may_come_from(token: TokenRecord, sender: ClientAddress) -> bool:
    if not token.black_ips and not token.white_ips:
        return True
    address = sender.ip
    if address is None:
        return False

    def listed(entries: tuple[str, ...]) -> bool:
        return any(address in network_of(entry) for entry in entries)

    return not listed(token.black_ips) and (not token.white_ips or listed(token.white_ips))


class OpenOnly(Wrapper[Catalog], Catalog):
    """A catalog that shows no object that S3 made private explicitly, in a public space."""

    async def get(self, space_id: str, key: str) -> ObjectRecord | None:
        record = await self.inner.get(space_id, key)
        if is_closed(record):
            raise errors.NoCredentials()
        return record


class AddOnly(Wrapper[Catalog], Catalog):
    """A catalog that never replaces an object's bytes."""

    async def put(
        self,
        record: ObjectRecord,
        *,
        overwrite: bool = True,
        source: ObjectRecord | None = None,
        expected: Expected | None = None,
    ) -> list[str]:
        if source is not None and _same_bytes(record, source):  # only media type, tags or class change
            return await self.inner.put(record, overwrite=overwrite, source=source, expected=expected)
        try:
            return await self.inner.put(record, overwrite=False, source=source, expected=expected)
        except errors.AlreadyExists:
            raise errors.AccessDenied() from None

    async def rename(
        self,
        space_id: str,
        key: str,
        new_key: str,
        *,
        overwrite: bool,
        modified: int,
        expected: Expected | None = None,
    ) -> list[str] | None:
        try:
            return await self.inner.rename(
                space_id, key, new_key, overwrite=False, modified=modified, expected=expected
            )
        except errors.AlreadyExists:
            if not overwrite:
                raise
            raise errors.AccessDenied() from None

    async def finish(
        self, upload_id: str, record: ObjectRecord, *, overwrite: bool = True, parts: int | None = None
    ) -> list[str]:
        try:
            return await self.inner.finish(upload_id, record, overwrite=False, parts=parts)
        except errors.AlreadyExists:
            raise errors.AccessDenied() from None

    async def finish_s3(
        self,
        upload_id: str,
        record: ObjectRecord,
        chosen: Sequence[ExtentPart],
        *,
        overwrite: bool = True,
        expected: Expected | None = None,
    ) -> list[str]:
        try:
            return await self.inner.finish_s3(upload_id, record, chosen, overwrite=False, expected=expected)
        except errors.AlreadyExists:
            raise errors.AccessDenied() from None


def _same_bytes(record: ObjectRecord, source: ObjectRecord) -> bool:
    return (record.space_id, record.key, record.etag, record.size) == (
        *(source.space_id, source.key, source.etag, source.size),
    )
