"""Which operation a request asks for.

One table for each level: what a GET of ``?acl`` is for a bucket, for an object.  A request that carries the name of a
sub-resource, such as ``policy``, is never taken for a plain call: ``PUT /bucket?policy`` creates no bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from uvideo._core import message
from uvideo.s3 import operation
from uvideo.s3.xml_text import root

__all__ = ["BUCKET", "METHODS", "OBJECT", "SERVICE", "TABLES", "Fixed", "Refusal", "Row", "route"]

SERVICE, BUCKET, OBJECT = "service", "bucket", "object"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Fixed:
    """An operation of the API that has the same answer for every bucket: ``document``, or 204 without one."""

    name: str
    document: bytes = b""

    def answer(self) -> message.Response:
        if not self.document:
            return message.Response(204, message.Headers(), b"")
        return message.Response(200, message.Headers([("Content-Type", "application/xml")]), self.document)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operation of the API that is always answered with the error ``code``.  ``name``: "" if it is none of the API.

    The error is sent after the signature, the bucket and the rights are checked.
    """

    name: str
    code: str = "NotImplemented"


Asked = type[operation.ListBuckets] | type[operation.BucketOperation] | Fixed | Refusal


class Row(NamedTuple):
    """``what``: names of parameters, ``name=value`` of parameters, and ``name:`` of headers.  All must be there.

    The first is the sub-resource; "" stands for a request without one.
    """

    method: str
    what: str
    asked: Asked


def _empty(name: str, element: str, content: str = "") -> Fixed:
    return Fixed(name, root(element, content))


def _configurations(flag: str, name: str, lists: str) -> tuple[Row, ...]:
    """Configurations with an id, of which a bucket never has one."""
    return (
        Row("GET", f"{flag} id", Refusal(f"GetBucket{name}Configuration")),
        Row("GET", flag, _empty(f"ListBucket{name}Configurations", lists, "<IsTruncated>false</IsTruncated>")),
        Row("PUT", flag, Refusal(f"PutBucket{name}Configuration")),
        Row("DELETE", flag, Refusal(f"DeleteBucket{name}Configuration")),
    )


_PAYER = "<Payer>BucketOwner</Payer>"

#: Level: its rows.  The first row that fits decides, so a row with more conditions stands before one with fewer.
TABLES: dict[str, tuple[Row, ...]] = {
    SERVICE: (
        Row("GET", "max-directory-buckets", Refusal("ListDirectoryBuckets")),
        Row("GET", "x-id=ListDirectoryBuckets", Refusal("ListDirectoryBuckets")),
        Row("GET", "", operation.ListBuckets),
        Row("HEAD", "", operation.ListBuckets),
        Row("POST", "", Refusal("")),  # AWS's token service
    ),
    BUCKET: (
        # Served
        Row("GET", "", operation.ListObjects),
        Row("GET", "list-type=2", operation.ListObjectsV2),
        Row("GET", "list-type", Refusal("ListObjectsV2", "InvalidArgument")),
        Row("GET", "versions", operation.ListObjectVersions),
        Row("GET", "uploads", operation.ListMultipartUploads),
        Row("HEAD", "", operation.HeadBucket),
        Row("PUT", "", operation.CreateBucket),
        Row("DELETE", "", operation.DeleteBucket),
        Row("POST", "x-amz-request-route:", Refusal("WriteGetObjectResponse")),
        Row("POST", "", operation.PostObject),
        Row("POST", "delete", operation.DeleteObjects),
        Row("OPTIONS", "", operation.OptionsObject),
        Row("GET", "location", operation.GetBucketLocation),
        Row("GET", "versioning", operation.GetBucketVersioning),
        Row("PUT", "versioning", operation.PutBucketVersioning),
        Row("GET", "cors", operation.GetBucketCors),
        Row("PUT", "cors", operation.PutBucketCors),
        Row("DELETE", "cors", operation.DeleteBucketCors),
        Row("GET", "acl", operation.GetBucketAcl),
        Row("PUT", "acl", operation.PutBucketAcl),
        Row("GET", "tagging", operation.GetBucketTagging),
        Row("PUT", "tagging", operation.PutBucketTagging),
        Row("DELETE", "tagging", operation.DeleteBucketTagging),
        Row("GET", "lifecycle", operation.GetBucketLifecycleConfiguration),
        Row("PUT", "lifecycle", operation.PutBucketLifecycleConfiguration),
        Row("DELETE", "lifecycle", operation.DeleteBucketLifecycle),
        Row("GET", "policyStatus", operation.GetBucketPolicyStatus),
        Row("PUT", "requestPayment", operation.PutBucketRequestPayment),
        # Fixed answers
        Row("GET", "requestPayment", _empty("GetBucketRequestPayment", "RequestPaymentConfiguration", _PAYER)),
        Row("GET", "accelerate", _empty("GetBucketAccelerateConfiguration", "AccelerateConfiguration")),
        Row("GET", "logging", _empty("GetBucketLogging", "BucketLoggingStatus")),
        Row("GET", "notification", _empty("GetBucketNotificationConfiguration", "NotificationConfiguration")),
        Row("GET", "policy", Refusal("GetBucketPolicy", "NoSuchBucketPolicy")),
        Row("DELETE", "policy", Fixed("DeleteBucketPolicy")),
        Row("GET", "website", Refusal("GetBucketWebsite", "NoSuchWebsiteConfiguration")),
        Row("DELETE", "website", Fixed("DeleteBucketWebsite")),
        Row("GET", "ownershipControls", Refusal("GetBucketOwnershipControls", "OwnershipControlsNotFoundError")),
        Row("DELETE", "ownershipControls", Fixed("DeleteBucketOwnershipControls")),
        Row("GET", "publicAccessBlock", Refusal("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration")),
        Row("DELETE", "publicAccessBlock", Fixed("DeletePublicAccessBlock")),
        Row("GET", "encryption", Refusal("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError")),
        Row("DELETE", "encryption", Fixed("DeleteBucketEncryption")),
        Row("GET", "replication", Refusal("GetBucketReplication", "ReplicationConfigurationNotFoundError")),
        Row("DELETE", "replication", Fixed("DeleteBucketReplication")),
        Row("GET", "object-lock", Refusal("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError")),
        *_configurations("analytics", "Analytics", "ListBucketAnalyticsConfigurationResult"),
        *_configurations(
            "intelligent-tiering", "IntelligentTiering", "ListBucketIntelligentTieringConfigurationsOutput"
        ),
        *_configurations("inventory", "Inventory", "ListInventoryConfigurationsResult"),
        *_configurations("metrics", "Metrics", "ListMetricsConfigurationsResult"),
        # Refused
        Row("PUT", "accelerate", Refusal("PutBucketAccelerateConfiguration")),
        Row("PUT", "logging", Refusal("PutBucketLogging")),
        Row("PUT", "notification", Refusal("PutBucketNotificationConfiguration")),
        Row("PUT", "policy", Refusal("PutBucketPolicy")),
        Row("PUT", "website", Refusal("PutBucketWebsite")),
        Row("PUT", "ownershipControls", Refusal("PutBucketOwnershipControls")),
        Row("PUT", "publicAccessBlock", Refusal("PutPublicAccessBlock")),
        Row("PUT", "encryption", Refusal("PutBucketEncryption")),
        Row("PUT", "replication", Refusal("PutBucketReplication")),
        Row("PUT", "object-lock", Refusal("PutObjectLockConfiguration")),
        Row("GET", "abac", Refusal("GetBucketAbac")),
        Row("PUT", "abac", Refusal("PutBucketAbac")),
        Row("GET", "session", Refusal("CreateSession")),
        Row("GET", "metadataConfiguration", Refusal("GetBucketMetadataConfiguration")),
        Row("POST", "metadataConfiguration", Refusal("CreateBucketMetadataConfiguration")),
        Row("DELETE", "metadataConfiguration", Refusal("DeleteBucketMetadataConfiguration")),
        Row("GET", "metadataTable", Refusal("GetBucketMetadataTableConfiguration")),
        Row("POST", "metadataTable", Refusal("CreateBucketMetadataTableConfiguration")),
        Row("DELETE", "metadataTable", Refusal("DeleteBucketMetadataTableConfiguration")),
        Row("PUT", "metadataInventoryTable", Refusal("UpdateBucketMetadataInventoryTableConfiguration")),
        Row("PUT", "metadataJournalTable", Refusal("UpdateBucketMetadataJournalTableConfiguration")),
        Row("PUT", "metadataAnnotationTable", Refusal("UpdateBucketMetadataAnnotationTableConfiguration")),
    ),
    OBJECT: (
        # Served
        Row("GET", "", operation.GetObject),
        Row("GET", "partNumber", operation.GetObject),
        Row("HEAD", "", operation.HeadObject),
        Row("HEAD", "partNumber", operation.HeadObject),
        Row("PUT", "x-amz-copy-source:", operation.CopyObject),
        Row("PUT", "", operation.PutObject),
        Row("DELETE", "", operation.DeleteObject),
        Row("OPTIONS", "", operation.OptionsObject),
        Row("POST", "uploads", operation.CreateMultipartUpload),
        Row("PUT", "uploadId x-amz-copy-source:", operation.UploadPartCopy),
        Row("PUT", "partNumber x-amz-copy-source:", operation.UploadPartCopy),
        Row("PUT", "uploadId", operation.UploadPart),
        Row("PUT", "partNumber", operation.UploadPart),  # which needs both, so it is refused
        Row("POST", "uploadId", operation.CompleteMultipartUpload),
        Row("DELETE", "uploadId", operation.AbortMultipartUpload),
        Row("GET", "uploadId", operation.ListParts),
        Row("GET", "attributes", operation.GetObjectAttributes),
        Row("GET", "tagging", operation.GetObjectTagging),
        Row("PUT", "tagging", operation.PutObjectTagging),
        Row("DELETE", "tagging", operation.DeleteObjectTagging),
        Row("GET", "acl", operation.GetObjectAcl),
        Row("PUT", "acl", operation.PutObjectAcl),
        Row("POST", "restore", operation.RestoreObject),
        # Fixed answers
        Row("GET", "retention", Refusal("GetObjectRetention", "NoSuchObjectLockConfiguration")),
        Row("GET", "legal-hold", Refusal("GetObjectLegalHold", "NoSuchObjectLockConfiguration")),
        # Refused
        Row("PUT", "retention", Refusal("PutObjectRetention")),
        Row("PUT", "legal-hold", Refusal("PutObjectLegalHold")),
        Row("PUT", "encryption", Refusal("UpdateObjectEncryption")),
        Row("PUT", "renameObject", Refusal("RenameObject")),
        Row("GET", "annotation annotationName", Refusal("GetObjectAnnotation")),
        Row("GET", "annotation", Refusal("ListObjectAnnotations")),
        Row("PUT", "annotation", Refusal("PutObjectAnnotation")),
        Row("DELETE", "annotation", Refusal("DeleteObjectAnnotation")),
        Row("GET", "torrent", Refusal("GetObjectTorrent")),
        Row("POST", "select", Refusal("SelectObjectContent")),
    ),
}


class _Want(NamedTuple):
    """The conditions of a row.  ``flag``: the sub-resource, "" for a request without one."""

    flag: str
    parameters: tuple[tuple[str, str | None], ...]
    headers: tuple[str, ...]
    asked: Asked


def _want(row: Row) -> _Want:
    words = row.what.split()
    headers = tuple(word[:-1] for word in words if word.endswith(":"))
    split = [word.partition("=") for word in words if not word.endswith(":")]
    parameters = tuple((name, value if mark else None) for name, mark, value in split)
    return _Want(parameters[0][0] if parameters else "", parameters, headers, row.asked)


_WANTS: dict[tuple[str, str], list[_Want]] = {}
#: The sub-resources of each level, and those of which an operation is not implemented.
_FLAGS: dict[str, set[str]] = {}
_REFUSED = set[str]()
for _level, _rows in TABLES.items():
    for _row in _rows:
        _found = _want(_row)
        _WANTS.setdefault((_level, _row.method), []).append(_found)
        _FLAGS.setdefault(_level, set()).add(_found.flag)
        if isinstance(_row.asked, Refusal) and _row.asked.code == "NotImplemented":
            _REFUSED.add(_found.flag)
#: "" is none, and x-id names an operation that the rest of the request names too, but for one.
_ALL = frozenset().union(*_FLAGS.values()) - {"", "x-id"}


def _fits(want: _Want, given: Mapping[str, str], headers: message.Headers) -> bool:
    return all(name in given and value in (None, given[name]) for name, value in want.parameters) and all(
        headers.get(name) is not None for name in want.headers
    )


def route(method: str, bucket: str, key: str, query: Iterable[tuple[str, str]], headers: message.Headers) -> Asked:
    """What a request asks for: the class of an operation, or an answer that needs no operation.

    ``bucket``, ``key``: "" for none.  ``query``: decoded (name, value); the case of names counts.
    """
    if method not in METHODS:
        return Refusal("", "MethodNotAllowed")
    level = OBJECT if key else BUCKET if bucket else SERVICE
    given = dict(query)
    flags = _ALL.intersection(given)
    if method == "OPTIONS":
        flags = frozenset()  # those of the request that is to come
    elif level == OBJECT and method in ("GET", "HEAD"):
        flags &= _FLAGS[OBJECT]  # a link to an object may carry any other parameter
    for want in _WANTS.get((level, method), ()):
        if (want.flag or not flags) and _fits(want, given, headers):
            return want.asked
    return Refusal("", "MethodNotAllowed" if flags.isdisjoint(_REFUSED) else "NotImplemented")
