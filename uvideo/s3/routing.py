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

__all__ = ["BUCKET", "METHODS", "OBJECT", "SERVICE", "TABLES", "FixedAnswer", "FixedError", "Route", "route"]

SERVICE, BUCKET, OBJECT = "service", "bucket", "object"
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """An operation of the API that has the same answer for every bucket: ``document``, or 204 without one."""

    name: str
    document: bytes = b""

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


class Route(NamedTuple):
    """``what``: names of parameters, ``name=value`` of parameters, and ``name:`` of headers.  All must be there.

    The first is the sub-resource; "" stands for a request without one.
    """

    method: str
    what: str
    asked: Asked


def _empty(name: str, element: str, content: str = "") -> FixedAnswer:
    return FixedAnswer(name, root(element, content))


def _configurations(flag: str, name: str, lists: str) -> tuple[Route, ...]:
    """Configurations with an id, of which a bucket never has one."""
    return (
        Route("GET", f"{flag} id", FixedError(f"GetBucket{name}Configuration")),
        Route("GET", flag, _empty(f"ListBucket{name}Configurations", lists, "<IsTruncated>false</IsTruncated>")),
        Route("PUT", flag, FixedError(f"PutBucket{name}Configuration")),
        Route("DELETE", flag, FixedError(f"DeleteBucket{name}Configuration")),
    )


_PAYER = "<Payer>BucketOwner</Payer>"

#: Level: its rows.  The first row that fits decides, so a row with more conditions stands before one with fewer.
TABLES: dict[str, tuple[Route, ...]] = {
    SERVICE: (
        Route("GET", "max-directory-buckets", FixedError("ListDirectoryBuckets")),
        Route("GET", "x-id=ListDirectoryBuckets", FixedError("ListDirectoryBuckets")),
        Route("GET", "", operation.ListBuckets),
        Route("HEAD", "", operation.ListBuckets),
        Route("POST", "", FixedError("")),  # AWS's token service
    ),
    BUCKET: (
        # Served
        Route("GET", "", operation.ListObjects),
        Route("GET", "list-type=2", operation.ListObjectsV2),
        Route("GET", "list-type", FixedError("ListObjectsV2", "InvalidArgument")),
        Route("GET", "versions", operation.ListObjectVersions),
        Route("GET", "uploads", operation.ListMultipartUploads),
        Route("HEAD", "", operation.HeadBucket),
        Route("PUT", "", operation.CreateBucket),
        Route("DELETE", "", operation.DeleteBucket),
        Route("POST", "x-amz-request-route:", FixedError("WriteGetObjectResponse")),
        Route("POST", "", operation.PostObject),
        Route("POST", "delete", operation.DeleteObjects),
        Route("OPTIONS", "", operation.OptionsObject),
        Route("GET", "location", operation.GetBucketLocation),
        Route("GET", "versioning", operation.GetBucketVersioning),
        Route("PUT", "versioning", operation.PutBucketVersioning),
        Route("GET", "cors", operation.GetBucketCors),
        Route("PUT", "cors", operation.PutBucketCors),
        Route("DELETE", "cors", operation.DeleteBucketCors),
        Route("GET", "acl", operation.GetBucketAcl),
        Route("PUT", "acl", operation.PutBucketAcl),
        Route("GET", "tagging", operation.GetBucketTagging),
        Route("PUT", "tagging", operation.PutBucketTagging),
        Route("DELETE", "tagging", operation.DeleteBucketTagging),
        Route("GET", "lifecycle", operation.GetBucketLifecycleConfiguration),
        Route("PUT", "lifecycle", operation.PutBucketLifecycleConfiguration),
        Route("DELETE", "lifecycle", operation.DeleteBucketLifecycle),
        Route("GET", "policyStatus", operation.GetBucketPolicyStatus),
        Route("PUT", "requestPayment", operation.PutBucketRequestPayment),
        # Fixed answers
        Route("GET", "requestPayment", _empty("GetBucketRequestPayment", "RequestPaymentConfiguration", _PAYER)),
        Route("GET", "accelerate", _empty("GetBucketAccelerateConfiguration", "AccelerateConfiguration")),
        Route("GET", "logging", _empty("GetBucketLogging", "BucketLoggingStatus")),
        Route("GET", "notification", _empty("GetBucketNotificationConfiguration", "NotificationConfiguration")),
        Route("GET", "policy", FixedError("GetBucketPolicy", "NoSuchBucketPolicy")),
        Route("DELETE", "policy", FixedAnswer("DeleteBucketPolicy")),
        Route("GET", "website", FixedError("GetBucketWebsite", "NoSuchWebsiteConfiguration")),
        Route("DELETE", "website", FixedAnswer("DeleteBucketWebsite")),
        Route("GET", "ownershipControls", FixedError("GetBucketOwnershipControls", "OwnershipControlsNotFoundError")),
        Route("DELETE", "ownershipControls", FixedAnswer("DeleteBucketOwnershipControls")),
        Route("GET", "publicAccessBlock", FixedError("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration")),
        Route("DELETE", "publicAccessBlock", FixedAnswer("DeletePublicAccessBlock")),
        Route("GET", "encryption", FixedError("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError")),
        Route("DELETE", "encryption", FixedAnswer("DeleteBucketEncryption")),
        Route("GET", "replication", FixedError("GetBucketReplication", "ReplicationConfigurationNotFoundError")),
        Route("DELETE", "replication", FixedAnswer("DeleteBucketReplication")),
        Route("GET", "object-lock", FixedError("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError")),
        *_configurations("analytics", "Analytics", "ListBucketAnalyticsConfigurationResult"),
        *_configurations(
            "intelligent-tiering", "IntelligentTiering", "ListBucketIntelligentTieringConfigurationsOutput"
        ),
        *_configurations("inventory", "Inventory", "ListInventoryConfigurationsResult"),
        *_configurations("metrics", "Metrics", "ListMetricsConfigurationsResult"),
        # Refused
        Route("PUT", "accelerate", FixedError("PutBucketAccelerateConfiguration")),
        Route("PUT", "logging", FixedError("PutBucketLogging")),
        Route("PUT", "notification", FixedError("PutBucketNotificationConfiguration")),
        Route("PUT", "policy", FixedError("PutBucketPolicy")),
        Route("PUT", "website", FixedError("PutBucketWebsite")),
        Route("PUT", "ownershipControls", FixedError("PutBucketOwnershipControls")),
        Route("PUT", "publicAccessBlock", FixedError("PutPublicAccessBlock")),
        Route("PUT", "encryption", FixedError("PutBucketEncryption")),
        Route("PUT", "replication", FixedError("PutBucketReplication")),
        Route("PUT", "object-lock", FixedError("PutObjectLockConfiguration")),
        Route("GET", "abac", FixedError("GetBucketAbac")),
        Route("PUT", "abac", FixedError("PutBucketAbac")),
        Route("GET", "session", FixedError("CreateSession")),
        Route("GET", "metadataConfiguration", FixedError("GetBucketMetadataConfiguration")),
        Route("POST", "metadataConfiguration", FixedError("CreateBucketMetadataConfiguration")),
        Route("DELETE", "metadataConfiguration", FixedError("DeleteBucketMetadataConfiguration")),
        Route("GET", "metadataTable", FixedError("GetBucketMetadataTableConfiguration")),
        Route("POST", "metadataTable", FixedError("CreateBucketMetadataTableConfiguration")),
        Route("DELETE", "metadataTable", FixedError("DeleteBucketMetadataTableConfiguration")),
        Route("PUT", "metadataInventoryTable", FixedError("UpdateBucketMetadataInventoryTableConfiguration")),
        Route("PUT", "metadataJournalTable", FixedError("UpdateBucketMetadataJournalTableConfiguration")),
        Route("PUT", "metadataAnnotationTable", FixedError("UpdateBucketMetadataAnnotationTableConfiguration")),
    ),
    OBJECT: (
        # Served
        Route("GET", "", operation.GetObject),
        Route("GET", "partNumber", operation.GetObject),
        Route("HEAD", "", operation.HeadObject),
        Route("HEAD", "partNumber", operation.HeadObject),
        Route("PUT", "x-amz-copy-source:", operation.CopyObject),
        Route("PUT", "", operation.PutObject),
        Route("DELETE", "", operation.DeleteObject),
        Route("OPTIONS", "", operation.OptionsObject),
        Route("POST", "uploads", operation.CreateMultipartUpload),
        Route("PUT", "uploadId x-amz-copy-source:", operation.UploadPartCopy),
        Route("PUT", "partNumber x-amz-copy-source:", operation.UploadPartCopy),
        Route("PUT", "uploadId", operation.UploadPart),
        Route("PUT", "partNumber", operation.UploadPart),  # which needs both, so it is refused
        Route("POST", "uploadId", operation.CompleteMultipartUpload),
        Route("DELETE", "uploadId", operation.AbortMultipartUpload),
        Route("GET", "uploadId", operation.ListParts),
        Route("GET", "attributes", operation.GetObjectAttributes),
        Route("GET", "tagging", operation.GetObjectTagging),
        Route("PUT", "tagging", operation.PutObjectTagging),
        Route("DELETE", "tagging", operation.DeleteObjectTagging),
        Route("GET", "acl", operation.GetObjectAcl),
        Route("PUT", "acl", operation.PutObjectAcl),
        Route("POST", "restore", operation.RestoreObject),
        # Fixed answers
        Route("GET", "retention", FixedError("GetObjectRetention", "NoSuchObjectLockConfiguration")),
        Route("GET", "legal-hold", FixedError("GetObjectLegalHold", "NoSuchObjectLockConfiguration")),
        # Refused
        Route("PUT", "retention", FixedError("PutObjectRetention")),
        Route("PUT", "legal-hold", FixedError("PutObjectLegalHold")),
        Route("PUT", "encryption", FixedError("UpdateObjectEncryption")),
        Route("PUT", "renameObject", FixedError("RenameObject")),
        Route("GET", "annotation annotationName", FixedError("GetObjectAnnotation")),
        Route("GET", "annotation", FixedError("ListObjectAnnotations")),
        Route("PUT", "annotation", FixedError("PutObjectAnnotation")),
        Route("DELETE", "annotation", FixedError("DeleteObjectAnnotation")),
        Route("GET", "torrent", FixedError("GetObjectTorrent")),
        Route("POST", "select", FixedError("SelectObjectContent")),
    ),
}


class _Want(NamedTuple):
    """The conditions of a row.  ``flag``: the sub-resource, "" for a request without one."""

    flag: str
    parameters: tuple[tuple[str, str | None], ...]
    headers: tuple[str, ...]
    asked: Asked


def _want(row: Route) -> _Want:
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
        if isinstance(_row.asked, FixedError) and _row.asked.code == "NotImplemented":
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
        return FixedError("", "MethodNotAllowed")
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
    return FixedError("", "MethodNotAllowed" if flags.isdisjoint(_REFUSED) else "NotImplemented")
