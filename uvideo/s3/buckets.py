"""Buckets: create, head, delete, location, versioning, who pays.  Source: s3.md section 3.2."""

from __future__ import annotations

import re

from uvideo._core import message
from uvideo.s3 import acl, checksum, field, operation, xml
from uvideo.s3.codec import OperationCodec, OperationRequest, bare, empty, written
from uvideo.s3.errors import S3Error
from uvideo.s3.xml_text import element, escape

__all__ = ["CODECS", "check_name"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9]|[.-](?=[a-z0-9])|-(?=-))*").fullmatch
_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}").fullmatch
_REGION = re.compile("[A-Za-z0-9-]{1,63}").fullmatch
STATUSES = ("Enabled", "Suspended")


def check_name(bucket: str) -> None:
    """InvalidBucketName unless a bucket may be created with this name."""
    if not 3 <= len(bucket) <= 63 or not _NAME(bucket) or _ADDRESS(bucket):
        raise S3Error("InvalidBucketName", BucketName=bucket)


def _decode_create(asked: OperationRequest) -> operation.CreateBucket:
    check_name(asked.bucket)
    checksum.check_body(asked.headers, asked.body, required=False)
    if asked.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        raise S3Error("NotImplemented", Header="x-amz-bucket-object-lock-enabled")
    region = _region(asked.body) if asked.body.strip() else None
    granted = acl.of_headers(asked.headers) or operation.PRIVATE
    return operation.CreateBucket(**field.of_bucket(asked), region=region, acl=granted)


def _region(body: bytes) -> str | None:
    """The LocationConstraint of a CreateBucketConfiguration; None if it is absent or empty."""
    root = xml.read(body, "CreateBucketConfiguration")
    for name in ("Location", "Bucket", "Tags"):
        if root.find(name) is not None:
            raise S3Error("NotImplemented", Element=name)
    found = (root.get("LocationConstraint") or "").strip()
    if found and not _REGION(found):
        raise field.invalid("The specified location-constraint is not valid", "LocationConstraint", found)
    return found or None


def _encode_create(op: operation.CreateBucket, result: None) -> message.Response:
    return empty(200, ("Location", f"/{op.bucket}"))


def _encode_head(op: operation.HeadBucket, result: operation.HeadBucketOutput) -> message.Response:
    return empty(200, ("x-amz-bucket-region", result.region), ("x-amz-access-point-alias", "false"))


def _encode_location(op: operation.GetBucketLocation, result: operation.GetBucketLocationOutput) -> message.Response:
    return written("LocationConstraint", "" if result.region == "us-east-1" else escape(result.region))


def _encode_versioning(
    op: operation.GetBucketVersioning, result: operation.GetBucketVersioningOutput
) -> message.Response:
    return written("VersioningConfiguration", element("Status", result.status))


def _decode_put_versioning(asked: OperationRequest) -> operation.PutBucketVersioning:
    checksum.check_body(asked.headers, asked.body)
    root = xml.read(asked.body, "VersioningConfiguration")
    if root.get("MfaDelete") not in (None, "Disabled"):
        raise S3Error("NotImplemented", Element="MfaDelete")
    status = root.get("Status")
    if status not in STATUSES:
        raise S3Error("IllegalVersioningConfigurationException")
    return operation.PutBucketVersioning(**field.of_bucket(asked), status=status)


def _encode_policy_status(
    op: operation.GetBucketPolicyStatus, result: operation.GetBucketPolicyStatusOutput
) -> message.Response:
    return written("PolicyStatus", element("IsPublic", result.is_public))


def _decode_put_payment(asked: OperationRequest) -> operation.PutBucketRequestPayment:
    checksum.check_body(asked.headers, asked.body)
    payer = xml.read(asked.body, "RequestPaymentConfiguration").need("Payer")
    if payer == "Requester":
        raise S3Error("NotImplemented", Element="Payer")
    if payer != "BucketOwner":
        raise S3Error("MalformedXML")
    return operation.PutBucketRequestPayment(**field.of_bucket(asked), payer=payer)


CODECS: dict[type, OperationCodec] = {
    operation.CreateBucket: OperationCodec(_decode_create, _encode_create),
    operation.HeadBucket: OperationCodec(field.on_bucket(operation.HeadBucket), _encode_head),
    operation.DeleteBucket: OperationCodec(field.on_bucket(operation.DeleteBucket), bare(204)),
    operation.GetBucketLocation: OperationCodec(field.on_bucket(operation.GetBucketLocation), _encode_location),
    operation.GetBucketVersioning: OperationCodec(field.on_bucket(operation.GetBucketVersioning), _encode_versioning),
    operation.PutBucketVersioning: OperationCodec(_decode_put_versioning, bare()),
    operation.GetBucketPolicyStatus: OperationCodec(
        field.on_bucket(operation.GetBucketPolicyStatus), _encode_policy_status
    ),
    operation.PutBucketRequestPayment: OperationCodec(_decode_put_payment, bare()),
}
