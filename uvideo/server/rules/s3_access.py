"""Who may request an operation of S3.  Source: s3.md section 2.8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from uvideo._core import errors, expiry, message
from uvideo.s3 import operation as s3
from uvideo.s3 import post_policy, signature
from uvideo.s3.errors import S3Error
from uvideo.s3.recognition import S3Address
from uvideo.server.auth import signature_scope, temporary_keys
from uvideo.server.auth.credentials import Key
from uvideo.server.auth.signature_scope import S3Carrier
from uvideo.server.rules.s3_record import bucket_acl, may_anybody_read
from uvideo.server.rules.service import NOBODY, Grant, Service, who
from uvideo.storage.base import SpaceRecord, TokenRecord

__all__ = ["ACCOUNT_WIDE", "S3Access", "S3Signer"]

WAYS = {carrier: f"s3_{carrier.name.lower()}" for carrier in S3Carrier}  # as written in the audit log
#: Operations for which no bucket needs to exist.
ACCOUNT_WIDE = (s3.ListBuckets, s3.CreateBucket)


#: What everybody may in a bucket with the ACL public-read, and in one with public-read-write.  No copies: the rights on
#: their source are those of the account that owns the target.
LISTS = (s3.ListObjects, s3.ListObjectsV2, s3.ListObjectVersions, s3.ListMultipartUploads, s3.HeadBucket)
WRITES = (
    *(s3.PutObject, s3.PostObject, s3.DeleteObject, s3.DeleteObjects, s3.CreateMultipartUpload, s3.UploadPart),
    *(s3.CompleteMultipartUpload, s3.AbortMultipartUpload, s3.ListParts),
)


class S3Signer(NamedTuple):
    """Who signed a request, and the key for the signatures of its chunks."""

    known: Key | TokenRecord
    signing: signature.SigningKey | None = None

    @property
    def token(self) -> TokenRecord | None:
        return self.known if isinstance(self.known, TokenRecord) else None


class S3Access:
    """Checks the requests to one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def signer(
        self, claimed: signature.SignatureClaim, request: message.Request, hosts: Sequence[str] = ()
    ) -> S3Signer:
        """The S3Signer of a request with this claim.  ``hosts``: further values of Host that may be signed.

        S3Error: RequestTimeTooSkewed, AccessDenied, InvalidAccessKeyId, InvalidToken, ExpiredToken,
        SignatureDoesNotMatch, in this order.
        """
        now = self._service.clock()
        signature.check_clock(claimed, now)
        known: Key | TokenRecord | None = self._service.keyring.find(claimed.access_key)
        if known is None or claimed.security_token:  # the server's own pair needs no look-up
            known = await self._known(claimed.access_key, claimed.security_token, now)
        return S3Signer(known, signature.verify(claimed, known.private, request, hosts))

    async def form_signer(self, form: post_policy.PostForm, bucket: str) -> S3Signer | None:
        """The S3Signer of a form that keeps to its policy; None for a form without a signature.  S3Error."""
        now = self._service.clock()
        post_policy.check_expiry(form, now)
        if form.claim is None:
            return None
        known = await self._known(form.claim.access_key, form.claim.security_token, now)
        post_policy.verify(form.claim, known.private)
        post_policy.permit(form, bucket)
        return S3Signer(known)

    async def _known(self, public: str, token: str | None, now: float) -> Key | TokenRecord:
        service = self._service
        if public.startswith(temporary_keys.PREFIX):
            temporary = await temporary_keys.genuine(public, token or "", service.key)
            if temporary is None:
                raise S3Error("InvalidToken")
            if expiry.is_past(temporary.until or 0, now):
                raise S3Error("ExpiredToken")
            return temporary
        known = await service.key(public) or await service.token(public)
        if known is None:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=public)
        if isinstance(known, TokenRecord) and expiry.is_past(known.expires, now):
            raise errors.AccessDenied()
        if token:
            raise S3Error("InvalidToken")
        return known

    async def grant(
        self, cls: type, address: S3Address, signer: S3Signer | None, carrier: S3Carrier
    ) -> tuple[Grant, SpaceRecord | None]:
        """(the Grant of a permitted request, its bucket or None).  ``signer``: None for an anonymous request.

        NoSuchBucket; AccessDenied unless the bucket's account signed it, or anybody may do it.
        """
        space = None
        if cls not in ACCOUNT_WIDE and address.bucket:
            space = await self._service.catalog.space(address.bucket)
            if space is None:
                raise S3Error("NoSuchBucket", BucketName=address.bucket)
        signature_scope.check_s3(carrier, cls)
        if signer is None:
            if space is None or not await self._may_anybody(cls, space, address.key):
                raise errors.AccessDenied()
            return Grant(address.key, cls, NOBODY), space
        if space is not None and signer.known.owner != space.owner:
            if not await self._may_anybody(cls, space, address.key):
                raise errors.AccessDenied()
        if cls is s3.CreateBucket and signer.token is not None:
            raise errors.AccessDenied()
        return Grant(address.key, cls, who(signer.known, WAYS[carrier]), signer.token), space

    async def _may_anybody(self, cls: type, space: SpaceRecord, key: str) -> bool:
        """Whether everybody may do this.  Of an absent object of a private bucket nobody learns that it is absent."""
        if cls in LISTS:
            return bucket_acl(space) != s3.PRIVATE
        if cls in WRITES:
            return bucket_acl(space) == s3.PUBLIC_READ_WRITE
        if cls not in (s3.GetObject, s3.HeadObject):
            return False
        return may_anybody_read(space, await self._service.catalog.get(space.space_id, key))
