"""Which operation a request asks for.

One table for each level: what a GET of ``?acl`` is for a bucket, for an object.  A request that carries the name of a
sub-resource, such as ``policy``, is never taken for a plain call: ``PUT /bucket?policy`` creates no bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from uvideo._core import message
from uvideo.s3 import operation
from uvideo.s3.xml_text import root

__all__ = ["BUCKET", "METHODS", "OBJECT", "SERVICE", "TABLES", "FixedAnswer", "FixedError", "RouteRow", "route"]

SERVICE, BUCKET, OBJECT = "service", "bucket", "object"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """An operation of the API that has the same answer for every bucket: ``document``, or 204 without one."""

    name: str
    document: bytes = field(default=b"", repr=False)

    def answer(self) -> message.Response:
        if not self.document:
            return message.Response(204, message.Headers(), b"")
        return message.Response(200, message.Headers([("Content-Type", "application/xml")]), self.document)


@dataclass(frozen=True, slots=True)
class FixedError:
    """An operation of the API that is always answered with the error ``code``.  ``name``: "" if it is none of the API.

    The error is sent after the signature, the bucket and the rights are checked.
    """

    name: str
    code: str = "NotImplemented"


Asked = type[operation.ListBuckets] | type[operation.BucketOperation] | FixedAnswer | FixedError


class RouteRow(NamedTuple):
    """``what``: names of parameters, ``name=value`` of parameters, and ``name:`` of headers.  All must be there.

    The first is the sub-resource; "" stands for a request without one.
    """

    method: str
    what: str
    asked: Asked


def _empty(name: str, element: str, content: str = "") -> FixedAnswer:
    return FixedAnswer(name, root(element, content))


def _configurations(flag: str, name: str, lists: str) -> tuple[RouteRow, ...]:
    """Configurations with an id, of which a bucket never has one."""
    return (
        RouteRow("GET", f"{flag} id", FixedError(f"GetBucket{name}Configuration")),
        RouteRow("GET", flag, _empty(f"ListBucket{name}Configurations", lists, "<IsTruncated>false</IsTruncated>")),
        RouteRow("PUT", flag, FixedError(f"PutBucket{name}Configuration")),
        RouteRow("DELETE", flag, FixedError(f"DeleteBucket{name}Configuration")),
    )


_PAYER = "<Payer>BucketOwner</Payer>"

#: Level: its rows.  The first row that fits decides, so a row with more conditions stands before one with fewer.
TABLES: dict[str, tuple[RouteRow, ...]] = {
    SERVICE: (
        RouteRow("GET", "max-directory-buckets", FixedError("ListDirectoryBuckets")),
        RouteRow("GET", "x-id=ListDirectoryBuckets", FixedError("ListDirectoryBuckets")),
        RouteRow("GET", "", operation.ListBuckets),
        RouteRow("HEAD", "", operation.ListBuckets),
        RouteRow("POST", "", FixedError("")),  # AWS's token service
    ),
    BUCKET: (
        # Served
        RouteRow("GET", "", operation.ListObjects),
        RouteRow("GET", "list-type=2", operation.ListObjectsV2),
        RouteRow("GET", "list-type", FixedError("", "InvalidArgument")),
        RouteRow("GET", "versions", operation.ListObjectVersions),
        RouteRow("GET", "uploads", operation.ListMultipartUploads),
        RouteRow("HEAD", "", operation.HeadBucket),
        RouteRow("PUT", "", operation.CreateBucket),
        RouteRow("DELETE", "", operation.DeleteBucket),
        RouteRow("POST", "x-amz-request-route:", FixedError("WriteGetObjectResponse")),
        RouteRow("POST", "", operation.PostObject),
        RouteRow("POST", "delete", operation.DeleteObjects),
        RouteRow("OPTIONS", "", operation.OptionsObject),
        RouteRow("GET", "location", operation.GetBucketLocation),
        RouteRow("GET", "versioning", operation.GetBucketVersioning),
        RouteRow("PUT", "versioning", operation.PutBucketVersioning),
        RouteRow("GET", "cors", operation.GetBucketCors),
        RouteRow("PUT", "cors", operation.PutBucketCors),
        RouteRow("DELETE", "cors", operation.DeleteBucketCors),
        RouteRow("GET", "acl", operation.GetBucketAcl),
        RouteRow("PUT", "acl", operation.PutBucketAcl),
        RouteRow("GET", "tagging", operation.GetBucketTagging),
        RouteRow("PUT", "tagging", operation.PutBucketTagging),
        RouteRow("DELETE", "tagging", operation.DeleteBucketTagging),
        RouteRow("GET", "lifecycle", operation.GetBucketLifecycleConfiguration),
        RouteRow("PUT", "lifecycle", operation.PutBucketLifecycleConfiguration),
        RouteRow("DELETE", "lifecycle", operation.DeleteBucketLifecycle),
        RouteRow("GET", "policyStatus", operation.GetBucketPolicyStatus),
        RouteRow("PUT", "requestPayment", operation.PutBucketRequestPayment),
        # Fixed answers
        RouteRow("GET", "requestPayment", _empty("GetBucketRequestPayment", "RequestPaymentConfiguration", _PAYER)),
        RouteRow("GET", "accelerate", _empty("GetBucketAccelerateConfiguration", "AccelerateConfiguration")),
        RouteRow("GET", "logging", _empty("GetBucketLogging", "BucketLoggingStatus")),
        RouteRow("GET", "notification", _empty("GetBucketNotificationConfiguration", "NotificationConfiguration")),
        RouteRow("GET", "policy", FixedError("GetBucketPolicy", "NoSuchBucketPolicy")),
        RouteRow("DELETE", "policy", FixedAnswer("DeleteBucketPolicy")),
        RouteRow("GET", "website", FixedError("GetBucketWebsite", "NoSuchWebsiteConfiguration")),
        RouteRow("DELETE", "website", FixedAnswer("DeleteBucketWebsite")),
        RouteRow(
            "GET", "ownershipControls", FixedError("GetBucketOwnershipControls", "OwnershipControlsNotFoundError")
        ),
        RouteRow("DELETE", "ownershipControls", FixedAnswer("DeleteBucketOwnershipControls")),
        RouteRow(
            "GET", "publicAccessBlock", FixedError("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration")
        ),
        RouteRow("DELETE", "publicAccessBlock", FixedAnswer("DeletePublicAccessBlock")),
        RouteRow(
            "GET", "encryption", FixedError("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError")
        ),
        RouteRow("DELETE", "encryption", FixedAnswer("DeleteBucketEncryption")),
        RouteRow("GET", "replication", FixedError("GetBucketReplication", "ReplicationConfigurationNotFoundError")),
        RouteRow("DELETE", "replication", FixedAnswer("DeleteBucketReplication")),
        RouteRow(
            "GET", "object-lock", FixedError("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError")
        ),
        *_configurations("analytics", "Analytics", "ListBucketAnalyticsConfigurationResult"),
        *_configurations(
            "intelligent-tiering", "IntelligentTiering", "ListBucketIntelligentTieringConfigurationsOutput"
        ),
        *_configurations("inventory", "Inventory", "ListInventoryConfigurationsResult"),
        *_configurations("metrics", "Metrics", "ListMetricsConfigurationsResult"),
        # Refused
        RouteRow("PUT", "accelerate", FixedError("PutBucketAccelerateConfiguration")),
        RouteRow("PUT", "logging", FixedError("PutBucketLogging")),
        RouteRow("PUT", "notification", FixedError("PutBucketNotificationConfiguration")),
        RouteRow("PUT", "policy", FixedError("PutBucketPolicy")),
        RouteRow("PUT", "website", FixedError("PutBucketWebsite")),
        RouteRow("PUT", "ownershipControls", FixedError("PutBucketOwnershipControls")),
        RouteRow("PUT", "publicAccessBlock", FixedError("PutPublicAccessBlock")),
        RouteRow("PUT", "encryption", FixedError("PutBucketEncryption")),
        RouteRow("PUT", "replication", FixedError("PutBucketReplication")),
        RouteRow("PUT", "object-lock", FixedError("PutObjectLockConfiguration")),
        RouteRow("GET", "abac", FixedError("GetBucketAbac")),
        RouteRow("PUT", "abac", FixedError("PutBucketAbac")),
        RouteRow("GET", "session", FixedError("CreateSession")),
        RouteRow("GET", "metadataConfiguration", FixedError("GetBucketMetadataConfiguration")),
        RouteRow("POST", "metadataConfiguration", FixedError("CreateBucketMetadataConfiguration")),
        RouteRow("DELETE", "metadataConfiguration", FixedError("DeleteBucketMetadataConfiguration")),
        RouteRow("GET", "metadataTable", FixedError("GetBucketMetadataTableConfiguration")),
        RouteRow("POST", "metadataTable", FixedError("CreateBucketMetadataTableConfiguration")),
        RouteRow("DELETE", "metadataTable", FixedError("DeleteBucketMetadataTableConfiguration")),
        RouteRow("PUT", "metadataInventoryTable", FixedError("UpdateBucketMetadataInventoryTableConfiguration")),
        RouteRow("PUT", "metadataJournalTable", FixedError("UpdateBucketMetadataJournalTableConfiguration")),
        RouteRow("PUT", "metadataAnnotationTable", FixedError("UpdateBucketMetadataAnnotationTableConfiguration")),
    ),
    OBJECT: (
        # Served
        RouteRow("GET", "", operation.GetObject),
        RouteRow("GET", "partNumber", operation.GetObject),
        RouteRow("HEAD", "", operation.HeadObject),
        RouteRow("HEAD", "partNumber", operation.HeadObject),
        RouteRow("PUT", "x-amz-copy-source:", operation.CopyObject),
        RouteRow("PUT", "", operation.PutObject),
        RouteRow("DELETE", "", operation.DeleteObject),
        RouteRow("OPTIONS", "", operation.OptionsObject),
        RouteRow("POST", "uploads", operation.CreateMultipartUpload),
        RouteRow("PUT", "uploadId x-amz-copy-source:", operation.UploadPartCopy),
        RouteRow("PUT", "partNumber x-amz-copy-source:", operation.UploadPartCopy),
        RouteRow("PUT", "uploadId", operation.UploadPart),
        RouteRow("PUT", "partNumber", operation.UploadPart),  # which needs both, so it is refused
        RouteRow("POST", "uploadId", operation.CompleteMultipartUpload),
        RouteRow("DELETE", "uploadId", operation.AbortMultipartUpload),
        RouteRow("GET", "uploadId", operation.ListParts),
        RouteRow("GET", "attributes", operation.GetObjectAttributes),
        RouteRow("GET", "tagging", operation.GetObjectTagging),
        RouteRow("PUT", "tagging", operation.PutObjectTagging),
        RouteRow("DELETE", "tagging", operation.DeleteObjectTagging),
        RouteRow("GET", "acl", operation.GetObjectAcl),
        RouteRow("PUT", "acl", operation.PutObjectAcl),
        RouteRow("POST", "restore", operation.RestoreObject),
        # Fixed answers
        RouteRow("GET", "retention", FixedError("GetObjectRetention", "NoSuchObjectLockConfiguration")),
        RouteRow("GET", "legal-hold", FixedError("GetObjectLegalHold", "NoSuchObjectLockConfiguration")),
        # Refused
        RouteRow("PUT", "retention", FixedError("PutObjectRetention")),
        RouteRow("PUT", "legal-hold", FixedError("PutObjectLegalHold")),
        RouteRow("PUT", "encryption", FixedError("UpdateObjectEncryption")),
        RouteRow("PUT", "renameObject", FixedError("RenameObject")),
        RouteRow("GET", "annotation annotationName", FixedError("GetObjectAnnotation")),
        RouteRow("GET", "annotation", FixedError("ListObjectAnnotations")),
        RouteRow("PUT", "annotation", FixedError("PutObjectAnnotation")),
        RouteRow("DELETE", "annotation", FixedError("DeleteObjectAnnotation")),
        RouteRow("GET", "torrent", FixedError("GetObjectTorrent")),
        RouteRow("POST", "select", FixedError("SelectObjectContent")),
    ),
}


class _Want(NamedTuple):
    """The conditions of a row.  ``flag``: the sub-resource, "" for a request without one."""

    flag: str
    parameters: tuple[tuple[str, str | None], ...]
    headers: tuple[str, ...]
    asked: Asked


def _want(row: RouteRow) -> _Want:
    words = row.what.split()
    headers = tuple(word[:-1] for word in words if word.endswith(":"))
    split = [word.partition("=") for word in words if not word.endswith(":")]
    parameters = tuple((name, value if mark else None) for name, mark, value in split)
    return _Want(parameters[0][0] if parameters else "", parameters, headers, row.asked)


_WANTS: dict[tuple[str, str], list[_Want]] = {}
#: The same for requests without a query.
_PLAIN: dict[tuple[str, str], list[_Want]] = {}
#: The sub-resources of each level, and those of which an operation is not implemented.
_FLAGS: dict[str, set[str]] = {}
_REFUSED = set[str]()
for _level, _rows in TABLES.items():
    for _row in _rows:
        _found = _want(_row)
        _WANTS.setdefault((_level, _row.method), []).append(_found)
        if not _found.parameters:
            _PLAIN.setdefault((_level, _row.method), []).append(_found)
        _FLAGS.setdefault(_level, set()).add(_found.flag)
        if isinstance(_row.asked, FixedError) and _row.asked.code == "NotImplemented":
            _REFUSED.add(_found.flag)
#: "" is none, and x-id names an operation that the rest of the request names too, but for one.
_ALL = frozenset().union(*_FLAGS.values()) - {"", "x-id"}


def _fits(want: _Want, given: Mapping[str, str], headers: message.Headers) -> bool:
    for name, value in want.parameters:
        if name not in given or value not in (None, given[name]):
            return False
    for name in want.headers:
        if headers.get(name) is None:
            return False
    return True


def route(method: str, bucket: str, key: str, query: Iterable[tuple[str, str]], headers: message.Headers) -> Asked:
    """What a request asks for: the class of an operation, or an answer that needs no operation.

    ``bucket``, ``key``: "" for none.  ``query``: decoded (name, value); the case of names counts.
    """
    if method not in METHODS:
        return FixedError("", "MethodNotAllowed")
    level = OBJECT if key else BUCKET if bucket else SERVICE
    given = dict(query)
    flags = _ALL.intersection(given)
    if method == "OPTIONS":
        flags = frozenset()  # those of the request that is to come
    elif level == OBJECT and method in ("GET", "HEAD"):
        flags &= _FLAGS[OBJECT]  # a link to an object may carry any other parameter
    for want in (_WANTS if given else _PLAIN).get((level, method), ()):
        if (want.flag or not flags) and _fits(want, given, headers):
            return want.asked
    return FixedError("", "MethodNotAllowed" if flags.isdisjoint(_REFUSED) else "NotImplemented")
