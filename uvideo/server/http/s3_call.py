"""The S3 dialect: requests with a signature of version 4 in the header or the URL, and anonymous ones."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from typing import Any

from uvideo._core import errors, location, message, provider
from uvideo.s3 import dialect, form, multipart, recognition, routing, signature, xml
from uvideo.s3 import operation as s3
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error
from uvideo.s3.payload import Payload
from uvideo.s3.post_policy import PostForm
from uvideo.s3.recognition import S3Address
from uvideo.s3.xml_text import DECLARATION
from uvideo.server.auth import temporary_keys
from uvideo.server.auth.signature_scope import S3Carrier
from uvideo.server.http.blanks import with_blanks
from uvideo.server.http.error_responses import s3_encoded, s3_ids
from uvideo.server.http.exchange import Exchange
from uvideo.server.http.form_upload import BegunForm
from uvideo.server.http.pipeline import ABORTED, BEGUN, FINISHED, DialectCall, Pipeline, Traits
from uvideo.server.http.s3_body import S3Body
from uvideo.server.http.s3_form import S3Form, read_form
from uvideo.server.limits.body_buffer import Body
from uvideo.server.ops.audit import details
from uvideo.server.rules.objects import ObjectBody
from uvideo.server.rules.s3_access import S3Signer
from uvideo.server.rules.s3_record import RequestContext, bucket_acl, check_owner_id
from uvideo.server.rules.service import Grant, Service
from uvideo.server.rules.token_rights import covers, covers_space
from uvideo.storage.base import SpaceRecord

__all__ = ["S3Call"]

WRONG = ("SignatureDoesNotMatch", "InvalidAccessKeyId")  # the answers to a wrong signature
HERE = 64 * 1024  # bytes of a document that are parsed on the loop
PLAIN = Payload()
BULK = frozenset((s3.PutObject, s3.UploadPart))
#: Operations that may take long, and whose errors SDKs read in an answer with the status 200.
SLOW = (s3.CompleteMultipartUpload, s3.CopyObject, s3.UploadPartCopy)
#: Operations with a document as body -> its greatest length in bytes.
DOCUMENTS: dict[type, int] = {
    **dict.fromkeys(
        (
            *(s3.CreateBucket, s3.PutBucketVersioning, s3.PutBucketCors, s3.PutBucketAcl, s3.PutBucketTagging),
            *(s3.PutBucketLifecycleConfiguration, s3.PutBucketRequestPayment),
            *(s3.PutObjectTagging, s3.PutObjectAcl, s3.RestoreObject),
        ),
        xml.CONFIGURATION,
    ),
    **dict.fromkeys((s3.DeleteObjects, s3.CompleteMultipartUpload), xml.BULK),
}


@dataclass(frozen=True, slots=True)
class Undecoded:
    """An operation of which the body is not read yet: its class, bucket and key."""

    cls: type[s3.Operation]
    bucket: str
    key: str


Op = s3.Operation | Undecoded | routing.FixedAnswer


class S3Call(DialectCall[Op, Any]):
    """``bucket``: if the host names it, else "".  ``begun``: the form, if it is read up to its file already."""

    traits = Traits(
        bulk=BULK | {s3.PostObject},
        storing=frozenset(
            (*BULK, s3.PostObject, s3.CopyObject, s3.CreateMultipartUpload, s3.UploadPartCopy),
        ),
        probing=frozenset(
            cls.__name__ for cls in (s3.PutObject, s3.PostObject, s3.CreateMultipartUpload, s3.UploadPart)
        ),
        counted={
            s3.CreateMultipartUpload: BEGUN,
            s3.CompleteMultipartUpload: FINISHED,
            s3.AbortMultipartUpload: ABORTED,
        },
    )

    _hosts: tuple[str, ...] = ()  # other values of Host that may be signed: none if the host names the bucket
    _address = S3Address("", "")
    _claim: signature.SignatureClaim | None = None
    _payload = PLAIN
    _signer: S3Signer | None = None
    _record: SpaceRecord | None = None
    _form: PostForm | None = None

    def __init__(
        self,
        exchange: Exchange,
        pipeline: Pipeline,
        target: location.RequestTarget,
        host: str,
        bucket: str = "",
        begun: BegunForm | None = None,
    ) -> None:
        super().__init__(exchange, pipeline, target, host)
        headers = _with_host(exchange.headers, target.authority)
        self._request = message.Request(exchange.request.method, "", exchange.request.raw_path, headers, b"")
        self._host_bucket = bucket
        self._headers = exchange.headers
        self._query: dict[str, str] = {}
        self.service: Service = pipeline.service
        self.body: Body = exchange
        self._begun = begun

    def claimed(self) -> str:
        if self._form is not None and self._form.claim is not None:
            return temporary_keys.issuer_of(self._form.claim.access_key, self._form.claim.security_token or "")
        public = signature.claimed(self._request)
        if self._claim is not None:
            return temporary_keys.issuer_of(public, self._claim.security_token or "")
        return public

    def is_guess(self, failure: Exception) -> bool:
        return super().is_guess(failure) or (isinstance(failure, S3Error) and failure.code in WRONG)

    def announced(self) -> int:
        return (self.body.length if self._form is None else self.exchange.length) or 0

    async def read(self) -> None:
        """Read bucket, key and signature, which are not checked yet.  S3Error."""
        self.throttle()
        bucket = self._host_bucket
        if not bucket and not self.pipeline.names.owns(self.host):
            bucket = await self._bucket_of_domain()
        self._hosts = () if bucket else self.pipeline.s3_hosts
        self._address = recognition.address(self.target.path, bucket)
        self.space, self.exchange.key = self._address
        for name, value in self.target.query:
            self._query.setdefault(name, value)
        if self._request.method == "OPTIONS":  # a browser asks before the request that the URL is signed for
            if self._headers.get("Origin") is None:
                raise S3Error("BadRequest", message="Insufficient information. Origin request header needed.")
        else:
            self._claim = signature.claim(self._request)
        self._payload = signature.payload_of(self._request, self._claim)
        if self._claim is not None and self._claim.expires is not None:
            self._headers = signature.hoisted(self._request)
        bucket, key = self._address
        self._asked = routing.route(self._request.method, bucket, key, self._query.items(), self._headers)
        if self._asked is s3.PostObject and self._claim is None:
            await self._read_form()
        self.throttle()

    async def _read_form(self) -> None:
        """Read the fields before the file: the form is authorized before the file is read."""
        self.exchange.operation = s3.PostObject.__name__
        begun = self._begun or await read_form(self.exchange, self.pipeline.limits.headroom)
        self.body = read = S3Form(begun, self.service.switches.s3_form_v2)
        self._form = read.fields
        self._address = self._address._replace(key=self._form.key)
        self.exchange.key = self._form.key

    async def _bucket_of_domain(self) -> str:
        """The bucket to which the host is bound, or ""."""
        domain = provider.domain_of(self.host)
        found = await self.service.catalog.space_of_domain(domain) if domain is not None else None
        return "" if found is None else found.name

    async def authorize(self) -> Grant:
        address, carrier, claimed = self._address, S3Carrier.NOBODY, self._claim
        if self._form is not None:
            self._signer = await self.pipeline.access.form_signer(self._form, address.bucket)
            carrier = S3Carrier.NOBODY if self._signer is None else S3Carrier.FORM
        if claimed is not None:
            carrier = S3Carrier.HEADER if claimed.expires is None else S3Carrier.URL
            self._signer = await self.pipeline.access.signer(claimed, self._request, self._hosts)
        cls = self._asked if isinstance(self._asked, type) else type(self._asked)
        if self._signer is None and any(name.startswith("response-") for name in self._query):
            raise S3Error(
                "InvalidRequest",
                message="Request specific response headers cannot be used for anonymous GET requests.",
            )
        grant, self._record = await self.pipeline.access.grant(cls, address, self._signer, carrier)
        if self._record is not None:
            self.exchange.space = self._record.name
        return grant

    async def decode(self, grant: Grant) -> Op:
        """The operation, but for one with a document as body.  The error of a request that is always refused."""
        asked = self._asked
        if self._record is not None:
            check_owner_id(self._record, self._headers.get("x-amz-expected-bucket-owner"))
        if isinstance(asked, routing.FixedAnswer):
            return asked
        if isinstance(asked, routing.FixedError):
            if asked.name and grant.token is not None:  # an operation of the API for the account's own keys
                raise errors.AccessDenied()
            raise S3Error(asked.code)
        if self._payload.framing and asked not in BULK:
            raise S3Error("InvalidRequest", message="Only PutObject and UploadPart take a body in aws-chunks.")
        if self._form is not None:
            return form.decode(self._address.bucket, self._form, self._headers)
        if asked in BULK:
            signed = self._signer.signing if self._signer is not None else None
            self.body = S3Body(self.exchange, self._payload, signed, self._claim.signature if self._claim else "")
            if not self._has_length():
                raise S3Error("MissingContentLength")
        if asked in DOCUMENTS and asked is not s3.CompleteMultipartUpload:
            return Undecoded(asked, *self._address)
        return self._decoded(asked)

    def _has_length(self) -> bool:
        return self._headers.get("Content-Length") is not None or self.exchange.length is None

    def _decoded(self, cls: type[s3.Operation], body: bytes = b"") -> s3.Operation:
        return dialect.decode(cls, OperationRequest(*self._address, self._query, self._headers, body))

    async def permit(self, grant: Grant, op: Op) -> None:
        """Check a token's rights, and those on the source of a copy."""
        self._note(op)
        source = op.source if isinstance(op, (s3.CopyObject, s3.UploadPartCopy)) else None
        if grant.token is not None:
            key: str | None = self._address.key or None
            if isinstance(op, s3.ListingOperation):
                key = op.prefix
            self.service = await self.pipeline.rights.permit_s3(
                *(grant.token, grant.operation, self._record, self.exchange.sender),
                key=key,
                source=None if source is None else (source.bucket, source.key),
            )

    def _note(self, op: Op) -> None:
        """Give the line in the audit log the details of the operation."""
        if self.exchange.entry is not None:
            self.exchange.entry.more.update(details(op))

    async def complete(self, grant: Grant, op: Op) -> Op:
        """Read the document, and decode the operation with it.  MalformedXML if it is too long."""
        if isinstance(op, routing.FixedAnswer):
            return op
        cls = op.cls if isinstance(op, Undecoded) else type(op)
        if cls not in DOCUMENTS:
            return op
        try:
            body = await self.exchange.small(DOCUMENTS[cls])
        except errors.TooLarge:
            raise S3Error("MalformedXML") from None
        if len(body) <= HERE:
            decoded = self._with_document(op, cls, body)
        else:
            decoded = await asyncio.get_running_loop().run_in_executor(None, self._with_document, op, cls, body)
        if isinstance(op, Undecoded):
            self._note(decoded)
        return decoded

    def _with_document(self, op: s3.Operation | Undecoded, cls: type[s3.Operation], body: bytes) -> s3.Operation:
        """The operation with its document.  XAmzContentSHA256Mismatch; MalformedXML."""
        expected = self._payload.sha256
        if expected is not None and hashlib.sha256(body).hexdigest() != expected:
            raise S3Error("XAmzContentSHA256Mismatch", ClientComputedContentSHA256=expected)
        if isinstance(op, s3.CompleteMultipartUpload):
            return replace(op, parts=multipart.parts_of(body, op.md5))
        return self._decoded(cls, body)

    async def perform(self, op: Op) -> tuple[Any, ObjectBody | None]:
        buckets, token = self.pipeline.buckets, self._signer.token if self._signer is not None else None
        account = self._signer.known.owner if self._signer is not None else ""
        if isinstance(op, routing.FixedAnswer):
            return op, None
        if isinstance(op, s3.ListBuckets):
            return await buckets.list(op, account, lambda name: token is None or covers_space(token, name)), None
        if isinstance(op, s3.CreateBucket):
            await buckets.create(op, account)
            return None, None
        assert self._record is not None and not isinstance(op, Undecoded)
        asked = RequestContext(self._record, account, self.body, self._url)
        if type(op) in buckets.operations:
            return await buckets.run(op, asked), None
        name = self._record.name
        run = self.service.s3.run(op, asked, lambda key: token is None or covers(token, name, key))
        try:
            if not isinstance(op, SLOW):
                return await run
            begun = self._told(message.Response(200, message.Headers([("Content-Type", "application/xml")]), b""))
            return await with_blanks(run, self.exchange, begun.headers, DECLARATION.encode())
        except errors.NotFound:
            if isinstance(op, (s3.GetObject, s3.HeadObject)) and not self._may_know():
                raise errors.AccessDenied() from None
            raise

    def _url(self) -> str:
        """The URL of the object, as the client reaches it."""
        return f"{self.exchange.request.scheme}://{self.host}{self.target.path}"

    def _may_know(self) -> bool:
        """Whether the client may learn that an object is absent: it may list the bucket, or read all of it."""
        assert self._record is not None
        if self._record.type == "public" or bucket_acl(self._record) != s3.PRIVATE:
            return True
        if self._signer is None or self._signer.known.owner != self._record.owner:
            return False
        token = self._signer.token
        return token is None or "TOKEN_ALLOW_LIST" in token.ops

    def write(self, op: Op, result: object) -> message.Response:
        if isinstance(op, routing.FixedAnswer):
            return self._told(op.answer())
        assert not isinstance(op, Undecoded)
        return self._told(dialect.encode(op, result))

    def refuse(self, refusal: errors.Refused) -> message.Response:
        bucket, key = self._address
        response = s3_encoded(refusal, f"/{bucket}/{key}" if key else f"/{bucket}", self.exchange.session)
        return response if self._request.method != "HEAD" else response._replace(body=b"")

    def _told(self, response: message.Response) -> message.Response:
        """The answer with the headers that every answer of S3 has."""
        more = s3_ids(self.exchange.session)
        if self._record is not None and self._asked is not s3.HeadBucket:  # which says it itself
            more = (*more, ("x-amz-bucket-region", self._record.region))
        return message.Response(response.status, message.Headers([*response.headers.pairs, *more]), response.body)


def _with_host(headers: message.Headers, authority: str) -> message.Headers:
    """The headers with the authority of an absolute target as Host: it names the bucket, so it must be what is signed.

    RFC 9112 section 3.2.2.
    """
    if not authority:
        return headers
    return message.Headers([("Host", authority), *(pair for pair in headers if pair[0].lower() != "host")])
