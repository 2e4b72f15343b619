"""The rules of S3's buckets, which are spaces.  Source: s3.md sections 3.2, 3.10 and 3.11."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from uvideo._core import errors
from uvideo.s3 import operation as s3
from uvideo.s3.errors import S3Error
from uvideo.server.rules.s3_record import ACL, RequestContext, bucket_acl, check_owner_id, owner
from uvideo.server.rules.server_names import OwnNames
from uvideo.server.rules.service import Service
from uvideo.server.rules.spaces import REGION
from uvideo.storage.base import SpaceRecord

__all__ = ["Buckets"]

PAGE = 1000
TAGS = "tagging"  # kind of a space's document: JSON [[key, value], ...]


class Buckets:
    """The operations on an account's buckets, and on one bucket as a whole.  ``names``: the server's own names."""

    def __init__(self, service: Service, names: OwnNames) -> None:
        self._service, self._catalog, self._names = service, service.catalog, names
        self._missing: dict[type, str] = {
            s3.GetBucketCors: "NoSuchCORSConfiguration",
            s3.GetBucketLifecycleConfiguration: "NoSuchLifecycleConfiguration",
        }
        self.operations: dict[type, Callable[..., Awaitable[Any]]] = {
            s3.HeadBucket: self._head,
            s3.DeleteBucket: self._delete,
            s3.GetBucketLocation: self._location,
            s3.GetBucketVersioning: self._versioning,
            s3.GetBucketAcl: self._get_acl,
            s3.PutBucketAcl: self._put_acl,
            s3.GetBucketPolicyStatus: self._policy_status,
            s3.PutBucketRequestPayment: self._put_payment,
            **dict.fromkeys(self._missing, self._none),
            **dict.fromkeys((s3.DeleteBucketCors, s3.DeleteBucketLifecycle), self._nothing),
            s3.GetBucketTagging: self._get_tags,
            s3.PutBucketTagging: self._put_tags,
            s3.DeleteBucketTagging: self._delete_tags,
        }

    async def list(
        self, op: s3.ListBuckets, account: str, shows: Callable[[str], bool] = lambda name: True
    ) -> s3.ListBucketsOutput:
        """The buckets of an account by name.  ``shows``: whether the signer sees this bucket."""
        found, offset, after = list[s3.Bucket](), 0, op.continuation_token or ""
        while page := await self._catalog.spaces(account, offset, PAGE):
            offset += len(page)
            found += [
                s3.Bucket(name=space.name, created=space.created, region=space.region or REGION)
                for space in page
                if space.name > after
                and space.name.startswith(op.prefix)
                and op.region in (None, space.region or REGION)
                and shows(space.name)
            ]
        found.sort(key=lambda bucket: bucket.name)
        more = len(found) > op.max_buckets
        del found[op.max_buckets :]
        return s3.ListBucketsOutput(
            owner=owner(account), buckets=tuple(found), continuation_token=found[-1].name if more else None
        )

    async def create(self, op: s3.CreateBucket, account: str) -> None:
        """BucketAlreadyExists, but for the account's own bucket with the same ACL.  InvalidBucketName."""
        self._names.check_space(op.bucket)
        now = int(self._service.clock())
        space = SpaceRecord(
            space_id="ufile-" + secrets.token_hex(8),
            name=op.bucket,
            owner=account,
            region=op.region or REGION,
            created=now,
            modified=now,
            documents=((ACL, op.acl),) if op.acl != s3.PRIVATE else (),
        )
        try:
            await self._catalog.create_space(space)
        except errors.SpaceExists:
            known = await self._catalog.space(op.bucket)
            if known is None or known.owner != account or bucket_acl(known) != op.acl:
                raise

    async def run(self, op: s3.Operation, asked: RequestContext) -> Any:
        """Perform one of ``operations``."""
        return await self.operations[type(op)](op, asked)

    async def _head(self, op: s3.HeadBucket, asked: RequestContext) -> s3.HeadBucketOutput:
        return s3.HeadBucketOutput(region=asked.space.region or REGION)

    async def _delete(self, op: s3.DeleteBucket, asked: RequestContext) -> None:
        await self._service.discard(await self._catalog.delete_space(op.bucket))

    async def _location(self, op: s3.GetBucketLocation, asked: RequestContext) -> s3.GetBucketLocationOutput:
        return s3.GetBucketLocationOutput(region=asked.space.region or REGION)

    async def _versioning(self, op: s3.GetBucketVersioning, asked: RequestContext) -> s3.GetBucketVersioningOutput:
        return s3.GetBucketVersioningOutput(status=None)

    async def _get_acl(self, op: s3.GetBucketAcl, asked: RequestContext) -> s3.GetBucketAclOutput:
        return s3.GetBucketAclOutput(owner=owner(asked.space.owner), acl=bucket_acl(asked.space))

    async def _put_acl(self, op: s3.PutBucketAcl, asked: RequestContext) -> None:
        check_owner_id(asked.space, op.owner)
        await self._catalog.set_document(asked.space.space_id, ACL, op.acl if op.acl != s3.PRIVATE else None)

    async def _get_tags(self, op: s3.GetBucketTagging, asked: RequestContext) -> s3.GetBucketTaggingOutput:
        text = asked.space.document(TAGS)
        if text is None:
            raise S3Error("NoSuchTagSet")
        return s3.GetBucketTaggingOutput(tags=tuple((key, value) for key, value in json.loads(text)))

    async def _put_tags(self, op: s3.PutBucketTagging, asked: RequestContext) -> None:
        await self._catalog.set_document(asked.space.space_id, TAGS, json.dumps(op.tags))

    async def _delete_tags(self, op: s3.DeleteBucketTagging, asked: RequestContext) -> None:
        await self._catalog.set_document(asked.space.space_id, TAGS, None)

    async def _policy_status(
        self, op: s3.GetBucketPolicyStatus, asked: RequestContext
    ) -> s3.GetBucketPolicyStatusOutput:
        return s3.GetBucketPolicyStatusOutput(
            is_public=asked.space.type == "public" or bucket_acl(asked.space) != s3.PRIVATE
        )

    async def _put_payment(self, op: s3.PutBucketRequestPayment, asked: RequestContext) -> None:
        """The owner pays, which is what the operation asks for."""

    async def _none(self, op: s3.Operation, asked: RequestContext) -> None:
        """No bucket has such a configuration."""
        raise S3Error(self._missing[type(op)])

    async def _nothing(self, op: s3.Operation, asked: RequestContext) -> None:
        """There is nothing to delete."""
