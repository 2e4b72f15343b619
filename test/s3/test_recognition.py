"""Which requests are S3: those of botocore, none of the clients of UFile; and the bucket and key that they name."""

from __future__ import annotations

from typing import Any

import pytest

from test.protocol import samples
from test.s3 import botocore_requests
from ucloud.uvideo.protocol import dialect, location, management
from ucloud.uvideo.protocol.compat import build_query
from ucloud.uvideo.protocol.message import Headers, Request
from uvideo.s3.errors import S3Error
from uvideo.s3.recognition import HostNames, S3Address, S3Host, address, is_form, is_s3

HOSTS = HostNames(suffixes=("ufileos.com", "localhost"), names=("s3.test", "store.example.com", "eu.s3.test"))
GET = {"Bucket": "bucket", "Key": "key"}


def recognised(method: str, target: str = "/", *headers: tuple[str, str], **how: Any) -> bool:
    found = Headers(headers)
    host = HOSTS.match(found.get("Host", "127.0.0.1:9000"))
    return is_s3(method, location.parse_target(target).query, found, host, **how)


def of_request(request: Request) -> bool:
    host = ("Host", request.origin.partition("://")[2])
    return recognised(request.method, request.target, host, *request.headers)


@pytest.mark.parametrize(
    "host,found",
    [
        ("s3-cn-bj.ufileos.com", S3Host("", "s3-cn-bj")),
        ("S3-CN-bj.UfileOS.com.:8080", S3Host("", "s3-cn-bj")),
        ("internal.s3-cn-bj.ufileos.com", S3Host("")),
        ("bucket.s3-cn-bj.ufileos.com", S3Host("bucket")),
        ("a.b.c.s3-cn-bj.ufileos.com", S3Host("a.b.c")),
        ("bucket.internal.s3-cn-bj.ufileos.com", S3Host("bucket")),
        ("a.b.internal.s3-cn-bj.ufileos.com:80", S3Host("a.b")),
        ("s3-x.s3-y.ufileos.com", S3Host("s3-x")),
        ("s3-x.localhost:9000", S3Host("", "s3-x")),
        ("b.s3-x.localhost:9000", S3Host("b")),
        ("s3.test", S3Host("")),
        ("bucket.s3.test:9000", S3Host("bucket")),
        ("a.b.s3.test", S3Host("a.b")),
        ("eu.s3.test:9000", S3Host("")),
        ("a.eu.s3.test", S3Host("a")),
        ("a.store.example.com", S3Host("a")),
        # No names for S3.
        ("bucket.cn-bj.ufileos.com", None),
        ("bucket.localhost:9000", None),
        ("s3.ufileos.com", None),
        ("s3-.ufileos.com", None),
        ("s3-a_b.ufileos.com", None),
        ("s3-cn-bj.ufileos.com.cn", None),
        ("s3-cn-bj.bucket.ufileos.com", None),
        ("xs3.test", None),
        ("ufileos.com", None),
        ("s3-cn-bj.myufileos.com", None),
        ("127.0.0.1:9000", None),
        ("[::1]:9000", None),
        ("", None),
    ],
)
def test_the_names_of_hosts(host: str, found: S3Host | None) -> None:
    assert HOSTS.match(host) == found


@pytest.mark.parametrize(
    ("host", "found"), [("[2001:db8::1]:9000", S3Host("")), ("[2001:db8::1]", S3Host("")), ("[2001:db8::2]:9000", None)]
)
def test_an_ipv6_address_may_be_a_name(host: str, found: S3Host | None) -> None:
    assert HostNames(names=("2001:db8::1",)).match(host) == found


@pytest.mark.parametrize("name", botocore_requests.model().operation_names)
def test_a_signed_request_of_botocore_is_s3_on_any_host(name: str) -> None:
    request = botocore_requests.asked(name, botocore_requests.parameters(name))
    assert of_request(request._replace(origin="http://127.0.0.1:9000"))


@pytest.mark.parametrize("virtual", [False, True])
def test_an_unsigned_request_of_botocore_is_s3_on_any_host(virtual: bool) -> None:
    for name in ("GetObject", "ListObjects", "PutObject"):
        given = {key: value for key, value in GET.items() if name != "ListObjects" or key != "Key"}
        request = botocore_requests.asked(name, given, signed=False, virtual=virtual)
        assert request.headers.get("Authorization") is None
        assert of_request(request._replace(origin="http://bucket.localhost:9000"))


def test_a_presigned_url_is_s3() -> None:
    made = botocore_requests.client().generate_presigned_url("get_object", Params=GET)
    assert "X-Amz-Signature=" in made and recognised("GET", made)
    assert recognised("GET", made.replace("X-Amz", "x-amz"))


CLOUDFRONT = ("X-Amz-Cf-Id", "abc")
PREFLIGHT = "Access-Control-Request-Headers"


@pytest.mark.parametrize(
    "number,method,target,headers,found",
    [
        (2, "GET", "/", [("Authorization", "AWS4-HMAC-SHA256 Credential=x")], True),
        (2, "GET", "/", [("authorization", "AWS key:signature")], True),
        (2, "GET", "/", [("Authorization", "AWS4-HMAC-SHA256"), ("Bucket", "b")], True),
        (3, "GET", "/b/k?x-amz-credential=", [], True),
        (3, "GET", "/b/k?AWSAccessKeyId=x&Signature=y&Expires=1", [], True),
        (3, "GET", "/b/k?X-Amz-Algorithm=x&UCloudPublicKey=y", [], True),
        (4, "GET", "/k", [("Bucket", "b"), ("x-amz-date", "x")], False),
        (4, "GET", "/k", [("Authorization", "UCloud a:b"), ("x-amz-date", "x")], False),
        (4, "GET", "/k", [("Authorization", "AutoAI a:b"), ("Host", "s3.test")], False),
        (4, "GET", "/k?UCloudPublicKey=x&x-id=GetObject", [("Host", "s3.test")], False),
        (5, "GET", "/k", [("Host", "s3.test")], True),
        (5, "GET", "/k", [("Host", "b.s3-x.localhost"), ("Authorization", "Basic eDp5")], True),
        (6, "GET", "/b/k", [("amz-sdk-request", "attempt=1")], True),
        (6, "GET", "/b/k", [("Amz-Sdk-Invocation-Id", "x")], True),
        (6, "GET", "/b/k", [("X-Amz-Content-Sha256", "x"), ("Authorization", "")], True),
        (6, "GET", "/b/k", [("Authorization", "Bearer x"), ("x-amz-date", "x")], True),
        (6, "GET", "/b/k", [CLOUDFRONT], False),
        (6, "GET", "/b/k", [CLOUDFRONT, ("x-amz-acl", "private")], True),
        (6, "GET", "/b?list-type=2", [], True),
        (6, "GET", "/b/k?x-id=GetObject", [], True),
        (6, "OPTIONS", "/b/k", [(PREFLIGHT, "content-type, X-Amz-Date")], True),
        (6, "OPTIONS", "/b/k", [(PREFLIGHT, "amz-sdk-request")], True),
        (6, "OPTIONS", "/b/k", [(PREFLIGHT, "content-type,x-amz-cf-id")], False),
        (6, "GET", "/b/k", [(PREFLIGHT, "x-amz-date")], False),
        (0, "GET", "/b/k", [], False),
        (0, "GET", "/b/k?Signature=x&Expires=1", [("X-Amzn-Trace-Id", "Root=1")], False),
        (0, "POST", "/b", [("Content-Type", "multipart/form-data; boundary=x")], False),
    ],
)
def test_the_rules(number: int, method: str, target: str, headers: list[tuple[str, str]], found: bool) -> None:
    assert recognised(method, target, *headers) is found
    assert recognised(method, target, *headers, port=True)


@pytest.mark.parametrize("suffix", samples.DIALECTS, ids=["UFile", "UVideo"])
@pytest.mark.parametrize("op", samples.OPERATIONS, ids=lambda op: type(op).__name__)
def test_no_request_of_a_client_of_ufile_is_s3(op: Any, suffix: Any) -> None:
    request = dialect.encode(op, suffix)
    assert not of_request(request)  # of a public space
    request.headers.add("Authorization", "UCloud key:signature")
    assert not of_request(request)


@pytest.mark.parametrize("vector", samples.VECTORS["signatures"], ids=lambda vector: vector["id"])
def test_no_signed_request_of_the_vectors_is_s3(vector: dict[str, Any]) -> None:
    headers = list(vector.get("headers", {}).items())
    if vector["kind"] == "mgmt":
        query = build_query(vector["params"].items())
        assert not recognised("GET", f"/?{query}", *headers)
    elif vector["kind"] == "url":
        assert not recognised("GET", f"/{vector['key']}?{vector['encoded_query']}", *headers)
    else:
        signed = ("Authorization", vector["authorization"])
        for host in ("demobucket.cn-bj.ufileos.com", "s3-cn-bj.ufileos.com"):
            assert not recognised(vector["method"], vector["request_target"], ("Host", host), signed, *headers)


@pytest.mark.parametrize("op,video", samples.ACTIONS, ids=lambda value: type(value).__name__)
def test_no_management_request_is_s3(op: Any, video: bool) -> None:
    assert not of_request(management.encode(op, "http://127.0.0.1:9000", samples.CREDENTIALS, video=video))


@pytest.mark.parametrize(
    "fields,found",
    [
        ("key policy x-amz-signature", True),
        ("acl KEY", True),
        ("", False),
        ("policy", False),
        ("FileName Authorization", False),
        ("key Authorization", False),
        ("key filename", False),
        ("key ObjectName", False),
    ],
)
def test_the_fields_of_a_form_tell_whose_it_is(fields: str, found: bool) -> None:
    assert is_form(fields.split()) is found


@pytest.mark.parametrize(
    "path,bucket,found",
    [
        ("/", "", ("", "")),
        ("/b", "", ("b", "")),
        ("/b/", "", ("b", "")),
        ("/b//", "", ("b", "/")),
        ("/b/k", "", ("b", "k")),
        ("/b/k/", "", ("b", "k/")),
        ("/b//k/../c/./", "", ("b", "/k/../c/./")),
        ("/b/a+b%20c%2Bd%25", "", ("b", "a+b c+d%")),
        ("/b/100%2525.txt", "", ("b", "100%25.txt")),
        ("/b/%E8%A7%86%e9%a2%91", "", ("b", "\u89c6\u9891")),
        ("/b/\u89c6", "", ("b", "\u89c6")),
        ("/%62.c/k", "", ("b.c", "k")),
        ("/b%2Fk", "", ("b/k", "")),
        ("/", "v", ("v", "")),
        ("//", "v", ("v", "/")),
        ("/b/k", "v", ("v", "b/k")),
        ("/b/" + "k" * 1024, "", ("b", "k" * 1024)),
        ("/b/" + "%E8%A7%86" * 341, "", ("b", "\u89c6" * 341)),
    ],
)
def test_the_address_of_a_path(path: str, bucket: str, found: tuple[str, str]) -> None:
    assert address(path, bucket) == S3Address(*found)


@pytest.mark.parametrize(
    "path,code",
    [
        ("/b/%", "InvalidURI"),
        ("/b/%zz", "InvalidURI"),
        ("/b/%FF", "InvalidURI"),
        ("/b/\udcff", "InvalidURI"),
        ("/b/%ED%A0%80", "InvalidURI"),
        ("/b/%00", "InvalidURI"),
        ("/%FF/k", "InvalidURI"),
        ("//k", "InvalidURI"),
        ("/b/" + "k" * 1025, "KeyTooLongError"),
        ("/b/" + "%E8%A7%86" * 342, "KeyTooLongError"),
    ],
)
def test_a_path_that_names_no_key(path: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        address(path)
    assert caught.value.code == code
