"""The rules of S3 for tags, ACLs and restores, which leave an object's bytes alone.  Source: s3.md 3.3, 3.10."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from uvideo._core import operation
from uvideo.s3 import operation as s3
from uvideo.s3.errors import S3Error
from uvideo.server.rules.object_record import ARCHIVE, restore_state
from uvideo.server.rules.object_state import States
from uvideo.server.rules.objects import Objects
from uvideo.server.rules.s3_objects import check_version
from uvideo.server.rules.s3_record import RequestContext, acl_of, check_owner_id, owner, with_acl

__all__ = ["S3States"]


class S3States:
    """The operations of a Service that change an object's record and not its bytes.  ``states``: those of UFile."""

    def __init__(self, service: Objects, states: States) -> None:
        self._service, self._states = service, states
        self.operations: dict[type, Callable[..., Awaitable[object]]] = {
            s3.GetObjectTagging: self._get_tags,
            s3.PutObjectTagging: self._put_tags,
            s3.DeleteObjectTagging: self._delete_tags,
            s3.GetObjectAcl: self._get_acl,
            s3.PutObjectAcl: self._put_acl,
            s3.RestoreObject: self._restore,
        }

    async def _get_tags(self, op: s3.GetObjectTagging, asked: RequestContext) -> s3.GetObjectTaggingOutput:
        check_version(op.version_id)
        record = await self._service.record(asked.space, op.key)
        return s3.GetObjectTaggingOutput(tags=tuple(sorted(record.tags)))

    async def _put_tags(self, op: s3.PutObjectTagging, asked: RequestContext) -> s3.PutObjectTaggingOutput:
        check_version(op.version_id)
        await self._states.change(asked.space, op.key, lambda record: replace(record, tags=op.tags))
        return s3.PutObjectTaggingOutput()

    async def _delete_tags(self, op: s3.DeleteObjectTagging, asked: RequestContext) -> s3.DeleteObjectTaggingOutput:
        check_version(op.version_id)
        await self._states.change(asked.space, op.key, lambda record: replace(record, tags=()))
        return s3.DeleteObjectTaggingOutput()

    async def _get_acl(self, op: s3.GetObjectAcl, asked: RequestContext) -> s3.GetObjectAclOutput:
        check_version(op.version_id)
        record = await self._service.record(asked.space, op.key)
        return s3.GetObjectAclOutput(owner=owner(asked.space.owner), acl=acl_of(record))

    async def _put_acl(self, op: s3.PutObjectAcl, asked: RequestContext) -> None:
        check_version(op.version_id)
        check_owner_id(asked.space, op.owner)
        await self._states.change(asked.space, op.key, lambda record: with_acl(record, op.acl))

    async def _restore(self, op: s3.RestoreObject, asked: RequestContext) -> s3.RestoreObjectOutput:
        """The times are those of the server's settings; Days and Tier do not change them."""
        check_version(op.version_id)
        record = await self._service.record(asked.space, op.key)
        if record.storage_class != ARCHIVE:
            raise S3Error("InvalidObjectState")
        restored = restore_state(record, self._service.clock()) == operation.RESTORES[2]
        await self._states.restore(asked.space, op.key)
        return s3.RestoreObjectOutput(restored=restored)
