"""Which operation a request of S3 asks for, with the requests that botocore makes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore import parsers

from test.s3 import botocore_requests
from ucloud.uvideo.protocol.message import Headers, Request
from uvideo.s3 import operation, recognition
from uvideo.s3.errors import CODES
from uvideo.s3.routing import BUCKET, METHODS, OBJECT, SERVICE, TABLES, FixedAnswer, FixedError, route

#: Calls that the API replaced by others of the same request.
REPLACED = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
}
#: Parameters without which a request is the same as another call's.
TELLING = {"ListDirectoryBuckets": {"MaxDirectoryBuckets": 1}}
MODEL = list(botocore_requests.model().operation_names)
PLACES = {SERVICE: ("", ""), BUCKET: ("bucket", ""), OBJECT: ("bucket", "key")}


def name_of(asked: Any) -> str:
    return asked.__name__ if isinstance(asked, type) else asked.name


def routed(request: Request, bucket: str = "") -> Any:
    target = botocore_requests.target_of(request)
    address = recognition.address(target.path, bucket)
    return route(request.method, *address, target.query, request.headers)


def plain(level: str, method: str, query: str, headers: tuple[tuple[str, str], ...] = ()) -> Any:
    pairs = [(name, value) for name, _, value in (each.partition("=") for each in query.split("&") if each)]
    return route(method, *PLACES[level], pairs, Headers(headers))


@pytest.mark.parametrize("virtual", [False, True], ids=["path", "virtual host"])
@pytest.mark.parametrize("name", MODEL)
def test_a_request_of_botocore_is_the_operation_of_its_name(name: str, virtual: bool) -> None:
    given = botocore_requests.parameters(name) | TELLING.get(name, {})
    request = botocore_requests.asked(name, given, virtual=virtual)
    host = recognition.HostNames(names=("s3.test",)).match(request.headers.get("Host") or "")
    assert host is not None
    bucket = "" if name == "WriteGetObjectResponse" else host.bucket  # its route stands before the host
    assert name_of(routed(request, bucket)) == REPLACED.get(name, name)


def test_a_virtual_host_names_the_bucket() -> None:
    given = {"Bucket": "bucket", "Key": "k e/y"}
    request = botocore_requests.asked("GetObject", given, virtual=True)
    assert request.target == "/k%20e/y" and request.headers.get("Host") == "bucket.s3.test:9000"
    assert botocore_requests.asked("GetObject", given).target == "/bucket/k%20e/y"


def test_every_operation_of_the_model_has_a_row_and_every_row_is_of_the_model() -> None:
    named = {name_of(row.asked) for rows in TABLES.values() for row in rows} - {""}
    assert named - {"OptionsObject", "PostObject"} == set(MODEL) - set(REPLACED)


def test_every_class_of_operation_has_a_row() -> None:
    served = {row.asked for rows in TABLES.values() for row in rows if isinstance(row.asked, type)}
    assert served == set(operation.OPERATIONS)


def test_every_operation_says_its_result() -> None:
    for cls in operation.OPERATIONS:
        (told,) = re.findall(r"-> (\w+)", cls.__doc__ or "")
        assert told == "None" or hasattr(operation, told), cls
        assert told in (f"{cls.__name__}Output", "GetObjectOutput", "None"), cls
        assert hasattr(operation, f"{cls.__name__}Output") == (
            told not in ("None", "GetObjectOutput") or cls is operation.GetObject
        )


@pytest.mark.parametrize(
    "level,method,query,name",
    [
        (SERVICE, "GET", "", "ListBuckets"),
        (SERVICE, "HEAD", "", "ListBuckets"),
        (SERVICE, "GET", "x-id=ListBuckets", "ListBuckets"),
        (SERVICE, "GET", "x-id=ListDirectoryBuckets", "ListDirectoryBuckets"),
        (BUCKET, "GET", "list-type=2&x-id=ListObjectsV2", "ListObjectsV2"),
        (BUCKET, "GET", "prefix=acl&marker=&unknown=1", "ListObjects"),
        (BUCKET, "GET", "analytics", "ListBucketAnalyticsConfigurations"),
        (BUCKET, "GET", "analytics&id=", "GetBucketAnalyticsConfiguration"),
        (BUCKET, "POST", "", "PostObject"),
        (OBJECT, "GET", "versionId=null&partNumber=1&x-id=GetObject", "GetObject"),
        (OBJECT, "HEAD", "partNumber=1", "HeadObject"),
        (OBJECT, "PUT", "partNumber=1&uploadId=u", "UploadPart"),
        (OBJECT, "PUT", "uploadId=u", "UploadPart"),
        (OBJECT, "PUT", "partNumber=1", "UploadPart"),
        (OBJECT, "DELETE", "uploadId=u", "AbortMultipartUpload"),
        (OBJECT, "GET", "annotation&annotationName=a", "GetObjectAnnotation"),
        (BUCKET, "OPTIONS", "acl", "OptionsObject"),
        (OBJECT, "OPTIONS", "partNumber=1&uploadId=u", "OptionsObject"),
    ],
)
def test_the_operation_of_a_request(level: str, method: str, query: str, name: str) -> None:
    assert name_of(plain(level, method, query)) == name


def test_a_copy_source_makes_a_put_of_an_object_a_copy() -> None:
    source = (("X-Amz-Copy-Source", "b/k"),)
    assert plain(OBJECT, "PUT", "", source) is operation.CopyObject
    assert plain(OBJECT, "PUT", "partNumber=1&uploadId=u", source) is operation.UploadPartCopy
    assert plain(OBJECT, "PUT", "partNumber=1", source) is operation.UploadPartCopy
    assert plain(OBJECT, "PUT", "tagging", source) is operation.PutObjectTagging
    assert plain(OBJECT, "GET", "", source) is operation.GetObject
    assert plain(BUCKET, "PUT", "", source) is operation.CreateBucket


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "get", "", "CONNECT"])
@pytest.mark.parametrize("level", PLACES)
def test_another_method_is_not_allowed(level: str, method: str) -> None:
    assert plain(level, method, "acl") == plain(level, method, "") == FixedError("", "MethodNotAllowed")


FLAGS = sorted(
    {row.what.split()[0].partition("=")[0] for rows in TABLES.values() for row in rows if row.what} - {"x-id"}
)
PLAIN = {row.asked for rows in TABLES.values() for row in rows if not row.what.replace("x-amz-copy-source:", "")}
PLAIN -= {operation.OptionsObject, FixedError("")}


@pytest.mark.parametrize("flag", [each for each in FLAGS if not each.endswith(":")])
def test_a_sub_resource_is_never_taken_for_a_plain_call(flag: str) -> None:
    """A bucket's sub-resource in the link of an object is ignored; it cannot change anything."""
    own = {row.what.split()[0] for row in TABLES[OBJECT] if row.what}
    for level in PLACES:
        for method in METHODS:
            got = plain(level, method, f"{flag}=x&versionId=null")
            reads = level == OBJECT and method in ("GET", "HEAD") and (flag == "partNumber" or flag not in own)
            assert (got in PLAIN) == reads or method == "OPTIONS", (level, method)


@pytest.mark.parametrize(
    "level,method,query,code",
    [
        (BUCKET, "PUT", "policy", "NotImplemented"),
        (BUCKET, "POST", "policy", "NotImplemented"),
        (BUCKET, "GET", "policy", "NoSuchBucketPolicy"),
        (BUCKET, "PUT", "retention", "NotImplemented"),
        (BUCKET, "DELETE", "acl", "MethodNotAllowed"),
        (BUCKET, "DELETE", "uploadId=u", "MethodNotAllowed"),
        (BUCKET, "GET", "list-type=1", "InvalidArgument"),
        (SERVICE, "GET", "acl", "MethodNotAllowed"),
        (SERVICE, "PUT", "", "MethodNotAllowed"),
        (SERVICE, "POST", "", "NotImplemented"),
        (OBJECT, "PUT", "policy", "NotImplemented"),
        (OBJECT, "DELETE", "acl", "MethodNotAllowed"),
        (OBJECT, "DELETE", "partNumber=1", "MethodNotAllowed"),
        (OBJECT, "GET", "torrent", "NotImplemented"),
        (OBJECT, "HEAD", "renameObject", "NotImplemented"),
        (OBJECT, "POST", "", "MethodNotAllowed"),
        (OBJECT, "POST", "delete", "MethodNotAllowed"),
    ],
)
def test_what_is_refused(level: str, method: str, query: str, code: str) -> None:
    got = plain(level, method, query)
    assert isinstance(got, FixedError) and got.code == code and code in CODES


def test_every_refusal_has_a_code_of_the_table() -> None:
    found = [row.asked for rows in TABLES.values() for row in rows if isinstance(row.asked, FixedError)]
    assert len(found) > 40 and {each.code for each in found} <= set(CODES)


@pytest.mark.parametrize(
    "asked", [row.asked for row in TABLES[BUCKET] if isinstance(row.asked, FixedAnswer)], ids=lambda asked: asked.name
)
def test_botocore_reads_a_fixed_answer(asked: FixedAnswer) -> None:
    got = asked.answer()
    shape = botocore_requests.model().operation_model(asked.name).output_shape
    answer = {"status_code": got.status, "headers": dict(got.headers), "body": got.body}
    parsed = parsers.create_parser("rest-xml").parse(answer, shape)
    told = {name: value for name, value in parsed.items() if name != "ResponseMetadata" and value not in ([], {})}
    lists = {"IsTruncated": False} if asked.name.startswith("List") else {}
    assert told == ({"Payer": "BucketOwner"} if asked.name == "GetBucketRequestPayment" else lists)
    assert (got.status, bool(got.body)) in ((200, True), (204, False))
