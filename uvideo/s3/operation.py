"""Every operation of S3 that is served, as a value, and its result as a value.  The names are those of the S3 API.

The result of an operation X is XOutput, or None if there is nothing to tell.  Optional fields are None if the request
or the service leaves them out.  What frames and protects a body is not here: lengths, chunks, the hash of the payload.

Do not change these values.  Operations and results are not frozen: creating a frozen one takes several times as long,
and a page has a thousand entries.

Units and forms, unless a field says another:

- Times are Unix seconds.  Sizes, positions and ranges are bytes.  ``modified``, ``created``: times.
- ``bucket``, ``key``, prefixes, markers and tags are text, never escaped.
- ``etag``: the one that S3 shows, unquoted.
- ``version_id``: "null" is an id.  None in a request: the current version.  None in a result: the bucket was never
  versioned, and nothing is sent.
- ``storage_class``: one in which the service stores, STANDARD, IA or ARCHIVE (see storage_class.py).
- ``acl``: of ACLS.
- ``tags``: tuple of (key, value).
- ``metadata``: tuple of (lower-case name without x-amz-meta-, value).
- ``headers``: tuple of (name, value) of KEPT, stored with the object and sent with each GET.  Values of metadata and
  headers are as in message.Headers.
- ``md5``: 32 lower-case hexadecimal digits, of Content-MD5.
- ``checksum_algorithm``: of ALGORITHMS.  ``checksum_type``: of CHECKSUM_TYPES.
- ``part_number``: 1 to 10000.
"""

from __future__ import annotations

from dataclasses import dataclass

from uvideo._core import byterange
from uvideo.s3.condition import DeleteConditions, ReadConditions, WriteConditions

PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE = ACLS = ("private", "public-read", "public-read-write")
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
FULL_OBJECT, COMPOSITE = CHECKSUM_TYPES = ("FULL_OBJECT", "COMPOSITE")
COPY, REPLACE = DIRECTIVES = ("COPY", "REPLACE")
#: Headers that are stored with an object, beside Content-Type and the metadata.
KEPT = ("Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires")

Pairs = tuple[tuple[str, str], ...]


# Parts of operations and results


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An account.  Both are not empty, and the same wherever the account is shown."""

    id: str
    display_name: str


@dataclass(slots=True, kw_only=True)
class Checksum:
    """The checksum of an object or a part.

    ``value``: base64, as it is sent; "-N" at the end of a composite one.
    """

    algorithm: str
    value: str
    type: str = FULL_OBJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedChecksum:
    """The checksum that a request says its bytes have.

    ``value``: base64, of the right length.  None: it follows in the trailer of the body.
    """

    algorithm: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySource:
    """The object that is copied."""

    bucket: str
    key: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """The state of an archived object.  ``ongoing``: it is not readable yet.  ``expiry``: readable until this time."""

    ongoing: bool
    expiry: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsRule:
    """One rule.  All but ``id`` and ``max_age`` as in the document, in its order.  ``max_age``: seconds."""

    allowed_origins: tuple[str, ...]
    allowed_methods: tuple[str, ...]
    allowed_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: int | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleRule:
    """One rule: which objects, and what happens to them after how many days.

    ``tags``, ``size_over``, ``size_below``: only objects with all these tags and with a size between, both exclusive.
    ``expire_days``: delete.  ``expire_date``: delete from this time on.  ``expire_markers``: delete markers without
    other versions.  ``transitions``: tuple of (days, storage class).  ``noncurrent_...``: the same for versions that
    are not current.  ``keep_noncurrent``: the number of newest such versions that stay.  ``abort_days``: abort uploads.
    ``old_form``: the prefix stands by itself in the document, not in a Filter.
    """

    id: str | None
    enabled: bool
    prefix: str = ""
    tags: Pairs = ()
    size_over: int | None = None
    size_below: int | None = None
    expire_days: int | None = None
    expire_date: int | None = None
    expire_markers: bool = False
    transitions: tuple[tuple[int, str], ...] = ()
    noncurrent_expire_days: int | None = None
    noncurrent_transitions: tuple[tuple[int, str], ...] = ()
    keep_noncurrent: int | None = None
    abort_days: int | None = None
    old_form: bool = False


# Kinds of operations


@dataclass(slots=True, kw_only=True)
class BucketOperation:
    """On one bucket.

    ``expected_owner``: the id that the bucket's owner must have, else the answer is AccessDenied.
    """

    bucket: str
    expected_owner: str | None = None


@dataclass(slots=True, kw_only=True)
class ObjectOperation(BucketOperation):
    """On one object, or on the upload of one."""

    key: str


@dataclass(slots=True, kw_only=True)
class VersionOperation(ObjectOperation):
    """On one version of an object."""

    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class StoringOperation(ObjectOperation):
    """Creates an object, or the upload of one.

    ``content_type``: None if the header is absent or empty.  ``storage_class``: None for the class of the bucket.
    ``acl``: None if none is given.  ``redirect``: x-amz-website-redirect-location, kept and sent with each GET.
    """

    content_type: str | None = None
    headers: Pairs = ()
    metadata: Pairs = ()
    storage_class: str | None = None
    acl: str | None = None
    tags: Pairs = ()
    redirect: str | None = None


@dataclass(slots=True, kw_only=True)
class ReadingOperation(VersionOperation):
    """A GET or a HEAD.

    ``range``: None if there is none, or one that is ignored: malformed, or several.  ``part_number``: only this part,
    never together with ``range``.  ``overrides``: (name, value) of headers of the answer, from the parameters
    response-*; only a signed request may have them.  ``checksum_mode``: whether the answer shows the checksum.
    """

    range: byterange.ByteRange | None = None
    part_number: int | None = None
    conditions: ReadConditions = ReadConditions()
    overrides: Pairs = ()
    checksum_mode: bool = False


@dataclass(slots=True, kw_only=True)
class ListingOperation(BucketOperation):
    """A page of a bucket's objects, versions or uploads.

    ``max_keys``: as used, 0 to 1000.  ``encoding_type``: "url" or None; an encoder escapes by it.  ``delimiter``: ""
    for none.
    """

    prefix: str = ""
    delimiter: str = ""
    max_keys: int = 1000
    encoding_type: str | None = None


# The service, and buckets


@dataclass(slots=True, kw_only=True)
class ListBuckets:
    """``max_buckets``: 1 to 10000.  ``continuation_token``: as sent.  ``prefix``, ``region``: only such buckets.

    -> ListBucketsOutput
    """

    max_buckets: int = 10000
    continuation_token: str | None = None
    prefix: str = ""
    region: str | None = None


@dataclass(slots=True, kw_only=True)
class Bucket:
    """One bucket of a ListBucketsOutput."""

    name: str
    created: int
    region: str


@dataclass(slots=True, kw_only=True)
class ListBucketsOutput:
    """``buckets``: by name.  ``continuation_token``: of the next page, None on the last."""

    owner: Owner
    buckets: tuple[Bucket, ...]
    continuation_token: str | None = None


@dataclass(slots=True, kw_only=True)
class CreateBucket(BucketOperation):
    """``region``: LocationConstraint, None for the server's.  -> None"""

    region: str | None = None
    acl: str = PRIVATE


@dataclass(slots=True, kw_only=True)
class HeadBucket(BucketOperation):
    """-> HeadBucketOutput"""


@dataclass(slots=True, kw_only=True)
class HeadBucketOutput:
    region: str


@dataclass(slots=True, kw_only=True)
class DeleteBucket(BucketOperation):
    """-> None"""


@dataclass(slots=True, kw_only=True)
class GetBucketLocation(BucketOperation):
    """-> GetBucketLocationOutput"""


@dataclass(slots=True, kw_only=True)
class GetBucketLocationOutput:
    """``region``: us-east-1 is sent as an empty element."""

    region: str


@dataclass(slots=True, kw_only=True)
class GetBucketVersioning(BucketOperation):
    """-> GetBucketVersioningOutput"""


@dataclass(slots=True, kw_only=True)
class GetBucketVersioningOutput:
    """``status``: Enabled, Suspended, or None if it was never set."""

    status: str | None


@dataclass(slots=True, kw_only=True)
class PutBucketVersioning(BucketOperation):
    """``status``: Enabled or Suspended.  -> None"""

    status: str


@dataclass(slots=True, kw_only=True)
class GetBucketCors(BucketOperation):
    """-> GetBucketCorsOutput"""


@dataclass(slots=True, kw_only=True)
class GetBucketCorsOutput:
    rules: tuple[CorsRule, ...]


@dataclass(slots=True, kw_only=True)
class PutBucketCors(BucketOperation):
    """``rules``: 1 to 100, in order; they replace all others.  -> None"""

    rules: tuple[CorsRule, ...]


@dataclass(slots=True, kw_only=True)
class DeleteBucketCors(BucketOperation):
    """-> None"""


@dataclass(slots=True, kw_only=True)
class OptionsObject(BucketOperation):
    """A browser asks whether it may send a request (a preflight).  The server's rules for origins answer it.

    ``key``: "" for the bucket.  ``origin``, ``method``: None if the header is absent, which is BadRequest.
    ``request_headers``: lower-case names.  -> None
    """

    key: str = ""
    origin: str | None = None
    method: str | None = None
    request_headers: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class GetBucketAcl(BucketOperation):
    """-> GetBucketAclOutput"""


@dataclass(slots=True, kw_only=True)
class GetBucketAclOutput:
    owner: Owner
    acl: str


@dataclass(slots=True, kw_only=True)
class PutBucketAcl(BucketOperation):
    """``acl``: what x-amz-acl, the grant headers or the document amount to.  -> None

    ``owner``: the id that the document gives as the owner's, else the answer is AccessDenied; None: it gives none.
    """

    acl: str
    owner: str | None = None


@dataclass(slots=True, kw_only=True)
class GetBucketTagging(BucketOperation):
    """-> GetBucketTaggingOutput"""


@dataclass(slots=True, kw_only=True)
class GetBucketTaggingOutput:
    tags: Pairs


@dataclass(slots=True, kw_only=True)
class PutBucketTagging(BucketOperation):
    """``tags``: at most 50; they replace all others.  -> None"""

    tags: Pairs


@dataclass(slots=True, kw_only=True)
class DeleteBucketTagging(BucketOperation):
    """-> None"""


@dataclass(slots=True, kw_only=True)
class GetBucketLifecycleConfiguration(BucketOperation):
    """-> GetBucketLifecycleConfigurationOutput"""


@dataclass(slots=True, kw_only=True)
class GetBucketLifecycleConfigurationOutput:
    rules: tuple[LifecycleRule, ...]


@dataclass(slots=True, kw_only=True)
class PutBucketLifecycleConfiguration(BucketOperation):
    """``rules``: they replace all others.  -> None"""

    rules: tuple[LifecycleRule, ...]


@dataclass(slots=True, kw_only=True)
class DeleteBucketLifecycle(BucketOperation):
    """-> None"""


@dataclass(slots=True, kw_only=True)
class GetBucketPolicyStatus(BucketOperation):
    """-> GetBucketPolicyStatusOutput"""


@dataclass(slots=True, kw_only=True)
class GetBucketPolicyStatusOutput:
    """``is_public``: whether anybody may read all objects, or list the bucket."""

    is_public: bool


@dataclass(slots=True, kw_only=True)
class PutBucketRequestPayment(BucketOperation):
    """``payer``: BucketOwner changes nothing; any other is NotImplemented.  -> None"""

    payer: str


# Listings


@dataclass(slots=True, kw_only=True)
class ListObjects(ListingOperation):
    """``marker``: the keys behind it.  ``restore_status``: whether the entries show their Restore.

    -> ListObjectsOutput
    """

    marker: str = ""
    restore_status: bool = False


@dataclass(slots=True, kw_only=True)
class ObjectEntry:
    """One object of a page.

    ``owner``: None if it is not to be shown.  ``checksum_algorithm``, ``checksum_type``: of a stored checksum.
    ``restore``: only if it was asked for.
    """

    key: str
    modified: int
    etag: str
    size: int
    storage_class: str
    owner: Owner | None = None
    checksum_algorithm: str | None = None
    checksum_type: str | None = None
    restore: Restore | None = None


@dataclass(slots=True, kw_only=True)
class ListObjectsOutput:
    """``contents``, ``common_prefixes``: ascending by UTF-8 bytes.

    ``next_marker``: the last key or common prefix of this page, None on the last page.
    """

    contents: tuple[ObjectEntry, ...] = ()
    common_prefixes: tuple[str, ...] = ()
    next_marker: str | None = None


@dataclass(slots=True, kw_only=True)
class ListObjectsV2(ListingOperation):
    """``continuation_token``, ``start_after``: as sent, to be echoed.

    ``after``: the keys behind this one: what the token stands for, else start_after.  ``fetch_owner``: whether the
    entries show their owner.  ``restore_status``: whether they show their Restore.  -> ListObjectsV2Output
    """

    continuation_token: str | None = None
    start_after: str | None = None
    after: str = ""
    fetch_owner: bool = False
    restore_status: bool = False


@dataclass(slots=True, kw_only=True)
class ListObjectsV2Output:
    """As ListObjectsOutput.  An encoder makes the token of the next page out of ``next_marker``."""

    contents: tuple[ObjectEntry, ...] = ()
    common_prefixes: tuple[str, ...] = ()
    next_marker: str | None = None


@dataclass(slots=True, kw_only=True)
class ListObjectVersions(ListingOperation):
    """``key_marker``, ``version_id_marker``: what comes behind that version, or behind all versions of that key.

    version_id_marker: "" for none; never without key_marker.  -> ListObjectVersionsOutput
    """

    key_marker: str = ""
    version_id_marker: str = ""


@dataclass(slots=True, kw_only=True)
class ObjectVersion:
    """One version of a page.  ``version_id``: "null" for an object of a bucket that was never versioned."""

    key: str
    version_id: str
    is_latest: bool
    modified: int
    etag: str
    size: int
    storage_class: str
    owner: Owner
    checksum_algorithm: str | None = None
    checksum_type: str | None = None
    restore: Restore | None = None


@dataclass(slots=True, kw_only=True)
class DeleteMarkerEntry:
    """One delete marker of a page."""

    key: str
    version_id: str
    is_latest: bool
    modified: int
    owner: Owner


@dataclass(slots=True, kw_only=True)
class ListObjectVersionsOutput:
    """``versions``: by key, the newest of a key first.

    ``next_key_marker``, ``next_version_id_marker``: the last entry of this page, None on the last page.  The second is
    None behind a common prefix.
    """

    versions: tuple[ObjectVersion | DeleteMarkerEntry, ...] = ()
    common_prefixes: tuple[str, ...] = ()
    next_key_marker: str | None = None
    next_version_id_marker: str | None = None


@dataclass(slots=True, kw_only=True)
class ListMultipartUploads(ListingOperation):
    """``max_keys``: of max-uploads.  ``upload_id_marker``: "" for none; it counts only with key_marker.

    -> ListMultipartUploadsOutput
    """

    key_marker: str = ""
    upload_id_marker: str = ""


@dataclass(slots=True, kw_only=True)
class UploadEntry:
    """One unfinished upload of a page."""

    key: str
    upload_id: str
    initiator: Owner
    owner: Owner
    storage_class: str
    initiated: int
    checksum_algorithm: str | None = None
    checksum_type: str | None = None


@dataclass(slots=True, kw_only=True)
class ListMultipartUploadsOutput:
    """``uploads``: by key, then by time.  The markers are those of the last entry, None on the last page."""

    uploads: tuple[UploadEntry, ...] = ()
    common_prefixes: tuple[str, ...] = ()
    next_key_marker: str | None = None
    next_upload_id_marker: str | None = None


# Objects


@dataclass(slots=True, kw_only=True)
class PutObject(StoringOperation):
    """Store a whole object.  Its bytes are read separately.  -> PutObjectOutput"""

    md5: str | None = None
    checksum: AnnouncedChecksum | None = None
    conditions: WriteConditions = WriteConditions()


@dataclass(slots=True, kw_only=True)
class PutObjectOutput:
    """``checksum``: the verified or stored one."""

    etag: str
    checksum: Checksum | None = None
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class PostObject(StoringOperation):
    """A form.  The bytes of its file are read separately.  -> PostObjectOutput

    ``key``: ${filename} is replaced.  ``success_action_redirect``: an absolute URL, else it is None.
    ``success_action_status``: 200, 201 or 204.
    """

    md5: str | None = None
    checksum: AnnouncedChecksum | None = None
    conditions: WriteConditions = WriteConditions()
    success_action_redirect: str | None = None
    success_action_status: int = 204


@dataclass(slots=True, kw_only=True)
class PostObjectOutput:
    """``location``: the object's URL."""

    etag: str
    location: str
    checksum: Checksum | None = None
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class GetObject(ReadingOperation):
    """-> GetObjectOutput, and the bytes separately; or NotModified"""


@dataclass(slots=True, kw_only=True)
class HeadObject(ReadingOperation):
    """-> GetObjectOutput, or NotModified"""


@dataclass(slots=True, kw_only=True)
class GetObjectOutput:
    """``size``: of the whole object.  ``span``: (first, length) of a partial answer, None for a whole one.

    ``checksum``: only if it is to be shown: never with a partial answer, but for that of one part.  ``parts_count``:
    only with the part_number of an object of several parts.  ``tag_count``: 0 is not sent.
    """

    size: int
    etag: str
    modified: int
    content_type: str
    storage_class: str
    span: tuple[int, int] | None = None
    headers: Pairs = ()
    metadata: Pairs = ()
    redirect: str | None = None
    version_id: str | None = None
    checksum: Checksum | None = None
    parts_count: int | None = None
    tag_count: int = 0
    restore: Restore | None = None


@dataclass(slots=True, kw_only=True)
class NotModified:
    """The condition of a GetObject or HeadObject shows that the caller has this version already: 304."""

    etag: str
    modified: int
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class CopyObject(StoringOperation):
    """Store another object's bytes under this key.  -> CopyObjectOutput

    ``metadata_directive``: REPLACE takes content_type, headers, metadata and redirect of this request, COPY those of
    the source.  ``tagging_directive``: the same for the tags.  ``source_conditions``: ``if_range`` is unused.
    ``source_expected_owner``: the id that the owner of the source's bucket must have.  ``checksum_algorithm``: the one
    to store; None for the source's.
    """

    source: CopySource
    metadata_directive: str = COPY
    tagging_directive: str = COPY
    source_conditions: ReadConditions = ReadConditions()
    source_expected_owner: str | None = None
    conditions: WriteConditions = WriteConditions()
    checksum_algorithm: str | None = None


@dataclass(slots=True, kw_only=True)
class CopyObjectOutput:
    """``version_id``: of the new object.  ``source_version_id``: of the version that was copied."""

    etag: str
    modified: int
    checksum: Checksum | None = None
    version_id: str | None = None
    source_version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class DeleteObject(VersionOperation):
    """-> DeleteObjectOutput"""

    conditions: DeleteConditions = DeleteConditions()


@dataclass(slots=True, kw_only=True)
class DeleteObjectOutput:
    """``delete_marker``: whether ``version_id`` is a marker that was made or removed."""

    delete_marker: bool = False
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class ObjectIdentifier:
    """One object to delete."""

    key: str
    version_id: str | None = None
    conditions: DeleteConditions = DeleteConditions()


@dataclass(slots=True, kw_only=True)
class DeleteObjects(BucketOperation):
    """``objects``: 1 to 1000.  ``quiet``: whether the answer shows only errors.  -> DeleteObjectsOutput"""

    objects: tuple[ObjectIdentifier, ...]
    quiet: bool = False


@dataclass(slots=True, kw_only=True)
class DeletedObject:
    """``version_id``: as asked for.  ``delete_marker``: whether a marker was made or removed, with its id."""

    key: str
    version_id: str | None = None
    delete_marker: bool = False
    delete_marker_version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class DeleteFailure:
    """An object that was not deleted.  ``code``, ``message``: of an S3Error."""

    key: str
    code: str
    message: str
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class DeleteObjectsOutput:
    """``deleted``: an encoder leaves them out if the operation is quiet."""

    deleted: tuple[DeletedObject, ...] = ()
    errors: tuple[DeleteFailure, ...] = ()


@dataclass(slots=True, kw_only=True)
class GetObjectAttributes(VersionOperation):
    """``attributes``: not empty, of ETag, Checksum, ObjectParts, StorageClass, ObjectSize.

    ``max_parts``: as used, 0 to 1000.  ``part_number_marker``: the parts behind this number.
    -> GetObjectAttributesOutput
    """

    attributes: frozenset[str]
    max_parts: int = 1000
    part_number_marker: int = 0


@dataclass(slots=True, kw_only=True)
class ObjectPart:
    """One part of a finished object."""

    part_number: int
    size: int
    checksum: Checksum | None = None


@dataclass(slots=True, kw_only=True)
class ObjectParts:
    """``count``: of all parts.  ``parts``: those of this page.  ``next_marker``: the number of the last part shown.

    ``truncated``: whether more follow.
    """

    count: int
    parts: tuple[ObjectPart, ...]
    next_marker: int
    truncated: bool


@dataclass(slots=True, kw_only=True)
class GetObjectAttributesOutput:
    """Everything that is known; an encoder sends what the operation asks for.

    ``parts``: None for an object that was not stored in parts.
    """

    etag: str
    modified: int
    size: int
    storage_class: str
    checksum: Checksum | None = None
    parts: ObjectParts | None = None
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class GetObjectTagging(VersionOperation):
    """-> GetObjectTaggingOutput"""


@dataclass(slots=True, kw_only=True)
class GetObjectTaggingOutput:
    """``tags``: sorted by key."""

    tags: Pairs
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class PutObjectTagging(VersionOperation):
    """``tags``: at most 10; they replace all others.  -> PutObjectTaggingOutput"""

    tags: Pairs


@dataclass(slots=True, kw_only=True)
class PutObjectTaggingOutput:
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class DeleteObjectTagging(VersionOperation):
    """-> DeleteObjectTaggingOutput"""


@dataclass(slots=True, kw_only=True)
class DeleteObjectTaggingOutput:
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class GetObjectAcl(VersionOperation):
    """-> GetObjectAclOutput"""


@dataclass(slots=True, kw_only=True)
class GetObjectAclOutput:
    owner: Owner
    acl: str


@dataclass(slots=True, kw_only=True)
class PutObjectAcl(VersionOperation):
    """``acl``, ``owner``: as in PutBucketAcl.  -> None"""

    acl: str
    owner: str | None = None


@dataclass(slots=True, kw_only=True)
class RestoreObject(VersionOperation):
    """``days``: how long the object stays readable.  ``tier``: Expedited, Standard or Bulk.  -> RestoreObjectOutput"""

    days: int | None = None
    tier: str | None = None


@dataclass(slots=True, kw_only=True)
class RestoreObjectOutput:
    """``restored``: whether the object was readable already (200); else its restore began (202)."""

    restored: bool


# Uploads in parts


@dataclass(slots=True, kw_only=True)
class CreateMultipartUpload(StoringOperation):
    """-> CreateMultipartUploadOutput

    ``checksum_type``: given or the default of the algorithm; None without an algorithm.
    """

    checksum_algorithm: str | None = None
    checksum_type: str | None = None


@dataclass(slots=True, kw_only=True)
class CreateMultipartUploadOutput:
    """The checksum's algorithm and type are those of the operation."""

    upload_id: str


@dataclass(slots=True, kw_only=True)
class UploadPart(ObjectOperation):
    """Its bytes are read separately.  -> UploadPartOutput"""

    upload_id: str
    part_number: int
    md5: str | None = None
    checksum: AnnouncedChecksum | None = None


@dataclass(slots=True, kw_only=True)
class UploadPartOutput:
    """``etag``: the MD5 of the part, hexadecimal.  ``checksum``: the verified or stored one."""

    etag: str
    checksum: Checksum | None = None


@dataclass(slots=True, kw_only=True)
class UploadPartCopy(ObjectOperation):
    """-> UploadPartCopyOutput

    ``range``: both ends are given; None: the whole source.  ``source_conditions``, ``source_expected_owner``: as in
    CopyObject.
    """

    upload_id: str
    part_number: int
    source: CopySource
    range: byterange.ByteRange | None = None
    source_conditions: ReadConditions = ReadConditions()
    source_expected_owner: str | None = None


@dataclass(slots=True, kw_only=True)
class UploadPartCopyOutput:
    """As CopyObjectOutput; ``etag``: the MD5 of the part, hexadecimal."""

    etag: str
    modified: int
    checksum: Checksum | None = None
    source_version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class CompletedPart:
    """One part of the list of CompleteMultipartUpload.  ``checksum``: None if the list has none for it."""

    part_number: int
    etag: str
    checksum: AnnouncedChecksum | None = None


@dataclass(slots=True, kw_only=True)
class CompleteMultipartUpload(ObjectOperation):
    """-> CompleteMultipartUploadOutput

    ``parts``: in the order of the list, which is not checked here.  They are read from the body after the rights are
    checked; until then they are ().  ``checksum``: of the whole object; "-N" may stand at the end of a composite one.
    ``size``: of the whole object, of x-amz-mp-object-size.  ``md5``: of the body with the list.
    """

    upload_id: str
    parts: tuple[CompletedPart, ...] = ()
    conditions: WriteConditions = WriteConditions()
    checksum: AnnouncedChecksum | None = None
    checksum_type: str | None = None
    size: int | None = None
    md5: str | None = None


@dataclass(slots=True, kw_only=True)
class CompleteMultipartUploadOutput:
    """``location``: the object's URL."""

    etag: str
    location: str
    checksum: Checksum | None = None
    version_id: str | None = None


@dataclass(slots=True, kw_only=True)
class AbortMultipartUpload(ObjectOperation):
    """-> None"""

    upload_id: str


@dataclass(slots=True, kw_only=True)
class ListParts(ObjectOperation):
    """``max_parts``: as used, 0 to 1000.  ``part_number_marker``: the parts behind this number.  -> ListPartsOutput"""

    upload_id: str
    max_parts: int = 1000
    part_number_marker: int = 0


@dataclass(slots=True, kw_only=True)
class PartEntry:
    """One stored part of an unfinished upload.  ``etag``: its MD5, hexadecimal."""

    part_number: int
    modified: int
    etag: str
    size: int
    checksum: Checksum | None = None


@dataclass(slots=True, kw_only=True)
class ListPartsOutput:
    """``parts``: by number.  ``next_marker``, ``truncated``: as in ObjectParts."""

    parts: tuple[PartEntry, ...]
    next_marker: int
    truncated: bool
    initiator: Owner
    owner: Owner
    storage_class: str
    checksum_algorithm: str | None = None
    checksum_type: str | None = None


#: Every operation that is served.
OPERATIONS = (
    ListBuckets,
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    GetBucketVersioning,
    PutBucketVersioning,
    GetBucketCors,
    PutBucketCors,
    DeleteBucketCors,
    OptionsObject,
    GetBucketAcl,
    PutBucketAcl,
    GetBucketTagging,
    PutBucketTagging,
    DeleteBucketTagging,
    GetBucketLifecycleConfiguration,
    PutBucketLifecycleConfiguration,
    DeleteBucketLifecycle,
    GetBucketPolicyStatus,
    PutBucketRequestPayment,
    ListObjects,
    ListObjectsV2,
    ListObjectVersions,
    ListMultipartUploads,
    PutObject,
    PostObject,
    GetObject,
    HeadObject,
    CopyObject,
    DeleteObject,
    DeleteObjects,
    GetObjectAttributes,
    GetObjectTagging,
    PutObjectTagging,
    DeleteObjectTagging,
    GetObjectAcl,
    PutObjectAcl,
    RestoreObject,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
)
Operation = ListBuckets | BucketOperation
