"""Version 4 signatures of S3: what clients sign is taken, and nothing else.  The vectors, and botocore as oracle."""

from __future__ import annotations

import hashlib
import re
import tracemalloc
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from test.s3.vectors import DOCUMENT, VECTORS, authenticate, of_kind, request_of, seconds, wire_of
from ucloud.uvideo.protocol import message
from uvideo.s3 import payload, signature
from uvideo.s3.errors import S3Error

SIGNED = [name for name in VECTORS if name not in of_kind("post")]
PRESIGNED = of_kind("query")
CLOCK = seconds(DOCUMENT["clock_of_most"])
EMPTY = hashlib.sha256().hexdigest()


def keys_of(vector: dict[str, Any]) -> dict[str, str]:
    return {vector["access_key"]: vector["secret_key"]}


def now_of(vector: dict[str, Any]) -> int:
    return seconds("20130524T000000Z") if vector.get("published") else CLOCK


def refused(request: message.Request, vector: dict[str, Any], now: int | None = None) -> S3Error:
    with pytest.raises(S3Error) as caught:
        token = vector.get("session_token")
        authenticate(request, keys_of(vector), now_of(vector) if now is None else now, token)
    return caught.value


def refuses(name: str, code: str, target: str | None = None, **changed: str | None) -> S3Error:
    error = refused(request_of(VECTORS[name], target, **changed), VECTORS[name])
    assert error.code == code, error
    return error


@pytest.mark.parametrize("name", SIGNED)
def test_a_vector_is_taken(name: str) -> None:
    vector = VECTORS[name]
    request = request_of(vector)
    claimed, body, key = authenticate(request, keys_of(vector), now_of(vector), vector.get("session_token"))
    assert (claimed.signature, claimed.access_key) == (vector["signature"], vector["access_key"])
    assert (claimed.scope.region, claimed.expires) == (vector["region"], vector.get("expires"))
    assert signature.claimed(request) == vector["access_key"]
    assert body.framing == (claimed.payload if vector["kind"].startswith("stream") else "")
    if "string_to_sign" in vector:
        assert key.sign(vector["string_to_sign"]) == vector["signature"]


@pytest.mark.parametrize("name", [name for name in SIGNED if "canonical_request" in VECTORS[name]])
def test_with_another_secret_the_refusal_shows_what_is_signed(name: str) -> None:
    vector = VECTORS[name]
    error = refused(request_of(vector), vector | {"secret_key": "another"})
    assert error.code == "SignatureDoesNotMatch"
    assert error.members["CanonicalRequest"] == vector["canonical_request"]
    assert error.members["StringToSign"] == vector["string_to_sign"]


# The refusals of the vectors, each by its text

MAX = "20260102T031906Z"
REFUSALS: dict[tuple[str, str], dict[str, Any]] = {
    ("h23-head", f"server clock {MAX} (15 min 1 s later)"): {"now": MAX},
    ("h23-head", "server clock 20260102T031900Z: passes authentication"): {"now": "20260102T031900Z"},
    ("h10-put-key", "target /demo-bucket/100%2525.txt"): {"target": "/demo-bucket/100%2525.txt"},
    ("h07-put-key", "access key in Credential replaced by NOSUCHKEY"): {
        "replace": ("UVAKTEST0001EXAMPLE", "NOSUCHKEY")
    },
    ("h07-put-key", "x-amz-content-sha256: abc"): {"x_amz_content_sha256": "abc"},
    ("h21-metadata", "x-amz-storage-class left out of SignedHeaders"): {"replace": (";x-amz-storage-class", "")},
    ("h32-virtual-host", 'Authorization "AWS4-HMAC-SHA256 Credential=x"'): {
        "authorization": "AWS4-HMAC-SHA256 Credential=x"
    },
    ("h23-head", 'Authorization "AWS UVAKTEST0001EXAMPLE:abc="'): {"authorization": "AWS UVAKTEST0001EXAMPLE:abc="},
    ("h31-session-token", "x-amz-security-token: other"): {"x_amz_security_token": "other"},
    ("q01-get", "server clock 20260102T040406Z"): {"now": "20260102T040406Z"},
    ("q01-get", "X-Amz-Expires=604801"): {"replace": ("X-Amz-Expires=3600", "X-Amz-Expires=604801")},
    ("q01-get", "X-Amz-Expires=1h"): {"replace": ("X-Amz-Expires=3600", "X-Amz-Expires=1h")},
    ("q03-put-signed-headers", "x-amz-acl header not sent"): {"x_amz_acl": None},
    ("q01-get", "X-Amz-Date parameter removed"): {"replace": ("&X-Amz-Date=20260102T030405Z", "")},
}
#: Those that are not about the request's own signature: test_chunked.py and test_post_policy.py have them.
ELSEWHERE = {*of_kind("stream-signed", "stream-signed-trailer", "stream-unsigned-trailer", "post")}


@pytest.mark.parametrize(
    "row",
    [row for row in DOCUMENT["refusals"] if row["base"] not in ELSEWHERE],
    ids=lambda row: f"{row['base']}: {row['change']}",
)
def test_a_refusal_of_the_vectors(row: dict[str, Any]) -> None:
    vector = VECTORS[row["base"]]
    if row["change"] == 'body "hello worle"':  # whoever reads the body compares it with this
        _, body, _ = authenticate(request_of(vector), keys_of(vector), now_of(vector))
        assert body.sha256 == hashlib.sha256(b"hello world").hexdigest()
        assert body.sha256 != hashlib.sha256(b"hello worle").hexdigest()
        return
    change = dict(REFUSALS[row["base"], row["change"]])
    now = seconds(change.pop("now", DOCUMENT["clock_of_most"]))
    old, new = change.pop("replace", ("", ""))
    target = change.pop("target", vector["target"])
    if old in target and old:
        target = target.replace(old, new)
        assert target != vector["target"]
    elif old:
        change["authorization"] = vector["authorization"].replace(old, new)
        assert change["authorization"] != vector["authorization"]
    request = request_of(vector, target, **change)
    if row["status"] == 200:
        authenticate(request, keys_of(vector), now)
    else:
        error = refused(request, vector, now)
        assert (error.status, error.code) == (row["status"], row["code"])


# Syntax

SCOPE = "20260102/us-east-1/s3/aws4_request"
HEX = "0" * 64


def header(credential: str = f"a/{SCOPE}", names: str = "host;x-amz-content-sha256;x-amz-date", hex: str = HEX) -> str:
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={hex}"


@pytest.mark.parametrize(
    "value,code,status",
    [
        ("Basic YTpi", "InvalidArgument", 400),
        ("UCloud a:b", "InvalidArgument", 400),
        ("AWS HAHAHA", "InvalidArgument", 400),
        ("AWS a:b", "InvalidRequest", 400),
        ("AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed", 400),
        ("AWS4-HMAC-SHA256 ", "AuthorizationHeaderMalformed", 400),
        (header() + ", Credential=a", "AuthorizationHeaderMalformed", 400),
        (header().replace("SignedHeaders", "Headers"), "AuthorizationHeaderMalformed", 400),
        (header(f"/{SCOPE}"), "AuthorizationHeaderMalformed", 400),
        (header(f"a\x01/{SCOPE}"), "AuthorizationHeaderMalformed", 400),
        (header(SCOPE), "AuthorizationHeaderMalformed", 400),
        (header("a/20260102/us-east-1/ec2/aws4_request"), "AuthorizationHeaderMalformed", 400),
        (header("a/20260102//s3/aws4_request"), "AuthorizationHeaderMalformed", 400),
        (header("a/20260102/us-east-1/s3/aws4"), "AuthorizationHeaderMalformed", 400),
        (header("a/20260103/us-east-1/s3/aws4_request"), "AuthorizationHeaderMalformed", 400),
        (header("a/2026/us-east-1/s3/aws4_request"), "AuthorizationHeaderMalformed", 400),
        (header("a/20260102/us-east-1/sts/aws4_request"), "NotImplemented", 501),
        (header(names=""), "AuthorizationHeaderMalformed", 400),
        (header(names="host;"), "AuthorizationHeaderMalformed", 400),
        (header(names="host;x y"), "AuthorizationHeaderMalformed", 400),
        (header(names="host\n;x"), "AuthorizationHeaderMalformed", 400),
        (header(hex="0" * 63), "AuthorizationHeaderMalformed", 400),
        (header(hex="A" * 64), "AuthorizationHeaderMalformed", 400),
        (header(), "InvalidAccessKeyId", 403),
        (header().replace(", ", ","), "InvalidAccessKeyId", 403),
        (header("a/b/" + SCOPE), "InvalidAccessKeyId", 403),
    ],
)
def test_the_syntax_of_the_header(value: str, code: str, status: int) -> None:
    assert refuses("h23-head", code, authorization=value).status == status


@pytest.mark.parametrize("value", [None, "", " "])
def test_without_authorization_a_request_is_anonymous(value: str | None) -> None:
    request = request_of(VECTORS["h23-head"], authorization=value)
    assert signature.claim(request) is None and signature.claimed(request) == ""
    assert signature.payload_of(request, None) == payload.Payload(sha256=EMPTY)


@pytest.mark.parametrize("name", ["X-Amz-Algorithm=a", "x-amz-credential=", "X-AMZ-SIGNATURE", "AWSAccessKeyId=a"])
def test_two_signatures_are_refused(name: str) -> None:
    code = "InvalidRequest" if name.startswith("AWS") else "InvalidArgument"
    refuses("h23-head", code, target=f"/demo-bucket/d.txt?{name}")


def test_a_query_of_version_2_is_refused() -> None:
    refuses("h23-head", "InvalidRequest", target="/b/k?AWSAccessKeyId=a&Signature=b&Expires=1", authorization=None)


def test_the_hash_of_the_body_must_be_named() -> None:
    error = refuses("h23-head", "InvalidRequest", x_amz_content_sha256=None)
    assert "x-amz-content-sha256" in error.message


@pytest.mark.parametrize(
    "date", [{"x_amz_date": None}, {"x_amz_date": "yesterday"}, {"x_amz_date": None, "date": "yesterday"}]
)
def test_a_header_needs_a_date(date: dict[str, str | None]) -> None:
    refuses("h23-head", "AccessDenied", **date)


def test_what_is_malformed_comes_before_the_clock_and_the_clock_before_the_key() -> None:
    vector = VECTORS["h23-head"]
    late = CLOCK + 10_000
    assert refused(request_of(vector, authorization=header(names="")), vector, late).status == 400
    assert refused(request_of(vector, x_amz_content_sha256="STREAMING-X"), vector, late).status == 501
    assert refused(request_of(vector, authorization=header()), vector, late).code == "RequestTimeTooSkewed"
    assert refused(request_of(vector, authorization=header()), vector).code == "InvalidAccessKeyId"


def test_the_clock_counts_both_ways() -> None:
    vector = VECTORS["h23-head"]
    for away in (-900, 900):
        authenticate(request_of(vector), keys_of(vector), CLOCK + away)
    for away in (-901, 901):
        error = refused(request_of(vector), vector, CLOCK + away)
        assert error.code == "RequestTimeTooSkewed" and error.members["RequestTime"] == "20260102T030405Z"


@pytest.mark.parametrize("value", ["0", "-7", "609901", "604801", "9" * 5000, "-" + "9" * 5000])
def test_a_presigned_url_has_its_limits(value: str) -> None:
    target = VECTORS["q01-get"]["target"].replace("X-Amz-Expires=3600", f"X-Amz-Expires={value}")
    assert refuses("q01-get", "AccessDenied", target=target).status == 403


def test_a_presigned_url_is_valid_from_a_little_before_its_date_until_its_end() -> None:
    vector = VECTORS["q01-get"]
    for now in (CLOCK - 900, CLOCK, CLOCK + 3600):
        authenticate(request_of(vector), keys_of(vector), now)
    assert refused(request_of(vector), vector, CLOCK - 901).message == "Request is not valid yet"
    assert refused(request_of(vector), vector, CLOCK + 3601).message == "Request has expired"


@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
@pytest.mark.parametrize("change", ["removed", "renamed", "twice", "empty"])
def test_a_presigned_url_needs_each_parameter_once(name: str, change: str) -> None:
    path, _, query = VECTORS["q01-get"]["target"].partition("?")
    pairs = query.split("&")
    at = next(n for n, pair in enumerate(pairs) if pair.startswith(f"X-Amz-{name}="))
    if change == "removed":
        del pairs[at]
    elif change == "renamed":
        pairs[at] = pairs[at].replace("X-Amz-", "X-Amz--")
    elif change == "twice":
        pairs.append(pairs[at].replace("X-Amz", "x-amz"))
    else:
        pairs[at] = f"X-Amz-{name}="
    error = refused(request_of(VECTORS["q01-get"], f"{path}?{'&'.join(pairs)}"), VECTORS["q01-get"])
    assert (error.status, error.code) == (400, "AuthorizationQueryParametersError")


def test_the_names_of_a_presigned_query_have_no_case_but_are_signed_as_written() -> None:
    vector = VECTORS["q01-get"]
    request = request_of(vector, vector["target"].replace("X-Amz-Expires", "x-amz-expires"))
    assert signature.claim(request) is not None
    assert refused(request, vector).code == "SignatureDoesNotMatch"
    signed = presigned("GET", "http://h/b/k", lower=True)
    verified(signed)


@pytest.mark.parametrize(
    "old,new",
    [
        ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256"),
        ("X-Amz-Date=20260102T", "X-Amz-Date=20260103T"),
        ("X-Amz-Date=20260102T030405Z", "X-Amz-Date=20260102"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%0A"),
        ("us-east-1", "us%0Aeast-1"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_malformed_presigned_url(old: str, new: str) -> None:
    target = VECTORS["q01-get"]["target"]
    assert old in target
    refuses("q01-get", "AuthorizationQueryParametersError", target=target.replace(old, new))


def test_the_service_sts_is_not_implemented() -> None:
    target = VECTORS["q01-get"]["target"].replace("%2Fs3%2F", "%2Fsts%2F")
    assert refuses("q01-get", "NotImplemented", target=target).status == 501


# Headers


@pytest.mark.parametrize(
    "added,code",
    [
        ({"x_amz_meta_more": "1"}, "AccessDenied"),
        ({"X_Amz_Acl": "public-read"}, "AccessDenied"),
        ({"x_amz_cf_id": "a"}, None),
        ({"amz_sdk_request": "attempt=2"}, None),
        ({"x_amzn_trace_id": "a"}, None),
        ({"user_agent": "b"}, None),
    ],
)
def test_every_header_of_aws_must_be_signed(added: dict[str, str], code: str | None) -> None:
    vector = VECTORS["h23-head"]
    request = request_of(vector, **added)
    if code is None:
        authenticate(request, keys_of(vector), CLOCK)
    else:
        error = refused(request, vector)
        assert error.code == code and error.members["HeadersNotSigned"] == next(iter(added)).lower().replace("_", "-")


def test_the_host_must_be_signed() -> None:
    value = VECTORS["h23-head"]["authorization"].replace("host;", "")
    assert refuses("h23-head", "AccessDenied", authorization=value).members["HeadersNotSigned"] == "host"


def test_behind_a_proxy_another_host_may_be_signed() -> None:
    vector = VECTORS["h23-head"]
    request = request_of(vector, host="10.0.0.1:9000")
    claimed = signature.claim(request)
    assert claimed is not None
    signature.verify(claimed, vector["secret_key"], request, ["other.example.com", "files.example.com"])
    with pytest.raises(S3Error, match="SignatureDoesNotMatch") as caught:
        signature.verify(claimed, vector["secret_key"], request, ["other.example.com"])
    assert "host:10.0.0.1:9000" in caught.value.members["CanonicalRequest"]


def test_an_absolute_target_is_the_same() -> None:
    for name in ("h03-list-v2", "q01-get", "h01-list-buckets"):
        vector = VECTORS[name]
        request = request_of(vector, "http://files.example.com" + vector["target"])
        authenticate(request, keys_of(vector), CLOCK)


def test_headers_of_one_name_are_joined() -> None:
    headers = [*PLAIN, ("x-amz-meta-a", "1"), ("X-Amz-Meta-A", "  2   3 ")]
    canonical = "GET\n/\n\nhost:h\nx-amz-content-sha256:%s\nx-amz-date:20260102T030405Z\nx-amz-meta-a:1,2 3\n\n%s\n%s"
    names = "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a"
    error = refused(plain(headers, names), {"access_key": "a", "secret_key": "s"})
    assert error.members["CanonicalRequest"] == canonical % (EMPTY, names, EMPTY)


def test_bytes_that_are_not_utf8_are_signed_as_they_came() -> None:
    names = "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a"
    value = b"\xff\xe9".decode("utf-8", "surrogateescape")
    request = plain([*PLAIN, ("x-amz-meta-a", value)], names, "/\udcff%FF?a=%FF\udcff")
    canonical = b"GET\n/%FF%FF\na=%FF%FF\nhost:h\n"
    canonical += f"x-amz-content-sha256:{EMPTY}\nx-amz-date:20260102T030405Z\nx-amz-meta-a:".encode()
    canonical += b"\xff\xe9\n\n" + f"{names}\n{EMPTY}".encode()
    scope = signature.CredentialScope("a", "20260102", "us-east-1")
    key = signature.SigningKey.derive("s", scope, "20260102T030405Z")
    text = f"AWS4-HMAC-SHA256\n20260102T030405Z\n{scope.text}\n{hashlib.sha256(canonical).hexdigest()}"
    signed = plain(list(request.headers)[:-1], names, request.target, key.sign(text))
    authenticate(signed, {"a": "s"}, CLOCK)


PLAIN = [("Host", "h"), ("x-amz-content-sha256", EMPTY), ("x-amz-date", "20260102T030405Z")]


def plain(headers: list[tuple[str, str]], names: str, target: str = "/", hex: str = HEX) -> message.Request:
    signed = [*headers, ("Authorization", header(names=names, hex=hex))]
    return message.Request("GET", "", target, message.Headers(signed), b"")


# Presigned queries that hold headers


def test_headers_in_the_query() -> None:
    request = request_of(VECTORS["q12-hoisted-headers"])
    found = signature.hoisted(request)
    assert dict(found) == {
        "Host": "files.example.com",
        "x-amz-acl": "public-read",
        "x-amz-meta-a": "b c",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    } | {name: value for name, value in request.headers if name != "Host"}
    assert all(not name.startswith(("x-amz-checksum", "x-amz-sdk-checksum")) for name, _ in found)


def test_the_blanks_of_metadata_in_the_query_are_not_cut_off() -> None:
    request = message.Request("PUT", "", "/b/k?x-amz-meta-a=%20b&x-amz-acl=%20private", message.Headers([]), b"")
    assert dict(signature.hoisted(request)) == {"x-amz-meta-a": " b", "x-amz-acl": "private"}


def test_a_real_header_wins() -> None:
    request = request_of(VECTORS["q12-hoisted-headers"], x_amz_acl="private")
    assert signature.hoisted(request).all("x-amz-acl") == ["private"]


@pytest.mark.parametrize(
    "pair", ["x-amz-meta-a=b%0D%0AX:%20y", "x-amz-meta-a%0Ab=c", "x-amz-meta-%20=c", "x-amz-a=%00"]
)
def test_the_query_smuggles_no_header(pair: str) -> None:
    request = message.Request("PUT", "", "/b/k?" + pair, message.Headers([]), b"")
    with pytest.raises(S3Error, match="InvalidArgument"):
        signature.hoisted(request)


# Of the access key, at any time


@pytest.mark.parametrize(
    "target,authorization,expected",
    [
        ("/", header("a/b+c=@d/" + SCOPE), "a/b+c=@d"),
        ("/", "AWS4-HMAC-SHA256 Credential=a/b", ""),
        ("/", f"AWS4-HMAC-SHA256 Credential=a/{SCOPE}", "a"),
        ("/", "AWS a:b", ""),
        ("/?X-Amz-Credential=a%2Fb%2F20260102%2Fr%2Fs3%2Faws4_request", None, "a/b"),
        ("/?x-amz-credential=%", None, ""),
        ("/?x-amz-credential", None, ""),
        ("*", None, ""),
        ("", None, ""),
    ],
)
def test_the_claimed_access_key(target: str, authorization: str | None, expected: str) -> None:
    headers = [] if authorization is None else [("Authorization", authorization)]
    assert signature.claimed(message.Request("GET", "", target, message.Headers(headers), b"")) == expected


def test_no_repr_shows_a_secret() -> None:
    vector = VECTORS["q05-session-token"]
    claimed, _, key = authenticate(request_of(vector), keys_of(vector), CLOCK, vector["session_token"])
    shown = repr(claimed) + repr(key)
    assert vector["session_token"] not in shown and vector["signature"] not in shown
    assert key.sign("") not in shown and repr(key.keyed) not in shown


# botocore as oracle

SECRET = "uv/secret+key/0001/EXAMPLE/abcdefghijklmn"
CREDENTIALS = Credentials("UVAK/0001+a=b@c", SECRET)


def arrived(request: AWSRequest) -> message.Request:
    """As it arrives at the server."""
    made = request.prepare()
    _, _, rest = made.url.partition("://")
    host, _, target = rest.partition("/")
    headers = [(name, value.strip(" \t")) for name, value in made.headers.items()]
    if made.headers.get("Host") is None:
        headers.append(("Host", host))
    return message.Request(made.method, "", "/" + target, message.Headers(headers), b"")


def signed(method: str, url: str, headers: dict[str, str], region: str = "cn-bj") -> message.Request:
    request = AWSRequest(method, url, headers)
    S3SigV4Auth(CREDENTIALS, "s3", region).add_auth(request)
    return arrived(request)


def presigned(method: str, url: str, headers: dict[str, str] | None = None, lower: bool = False) -> message.Request:
    class Lower(S3SigV4QueryAuth):  # type: ignore[misc]
        def canonical_request(self, request: AWSRequest) -> Any:
            request.url = request.url.replace("X-Amz-Expires", "x-amz-expires")
            return super().canonical_request(request)

    request = AWSRequest(method, url, headers or {})
    (Lower if lower else S3SigV4QueryAuth)(CREDENTIALS, "s3", "cn-bj", expires=60).add_auth(request)
    return arrived(request)


def verified(request: message.Request, secret: str = SECRET) -> signature.SignatureClaim:
    claimed = signature.claim(request)
    assert claimed is not None and claimed.access_key == CREDENTIALS.access_key == signature.claimed(request)
    signature.verify(claimed, secret, request)
    return claimed


#: What boto3 puts into an URL, and what other programs put there unescaped.
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(lambda key: quote(key, safe="/~"))
ODD_KEYS = st.text("aZ09-_.~/!$&'()*+,;=:@%", max_size=12).map(lambda key: key.replace("%", "%41"))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
PAIRS = st.lists(
    st.tuples(NAMES, st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)), max_size=4
)
ODD_PAIRS = st.lists(st.text("aZ09-_.~/!$'()*,;:@=?", min_size=1, max_size=8), max_size=4).map("&".join)
QUERIES = ODD_PAIRS | PAIRS.map(
    lambda pairs: "&".join(
        quote(name, safe="~") + ("" if value is None else "=" + quote(value, safe="~")) for name, value in pairs
    )
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(str.strip)
HEADERS = st.dictionaries(st.text("abcxyz-", min_size=1, max_size=6).map("x-amz-meta-{}".format), VALUES, max_size=3)
URLS = st.builds(
    lambda key, query: f"http://files.example.com:9000/b/{key}" + (f"?{query}" if query else ""),
    KEYS | ODD_KEYS,
    QUERIES,
)
METHODS = st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE"])


@given(METHODS, URLS, HEADERS)
def test_what_botocore_signs_is_taken(method: str, url: str, headers: dict[str, str]) -> None:
    verified(signed(method, url, headers))
    claimed = verified(presigned(method, url, headers))
    assert claimed.expires == 60


def changes(request: message.Request) -> list[message.Request]:
    """Each asks for something else than the request."""
    headers, target = list(request.headers), request.target
    path, mark, query = target.partition("?")
    found = [
        request._replace(method="PATCH"),
        request._replace(target=path + "x" + mark + query),
        request._replace(target=path + "%2F" + mark + query),
        request._replace(target=f"{path}?{query}&versionId=1" if query else f"{path}?versionId=1"),
    ]
    for at, (name, value) in enumerate(headers):
        if name.lower() == "host" or name.startswith("x-amz-meta-"):
            changed = [*headers[:at], (name, value + "x"), *headers[at + 1 :]]
            found.append(request._replace(headers=message.Headers(changed)))
    return found


@given(METHODS, URLS, HEADERS)
def test_what_was_changed_is_refused(method: str, url: str, headers: dict[str, str]) -> None:
    for request in (signed(method, url, headers), presigned(method, url, headers)):
        for changed in changes(request):
            with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
                verified(changed)
        with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
            verified(request, SECRET + "x")


@pytest.mark.parametrize("name", [*of_kind("header"), *PRESIGNED])
def test_no_digit_of_a_vectors_signature_may_differ(name: str) -> None:
    vector = VECTORS[name]
    old = vector["signature"]
    for at in (0, 31, 63):
        new = old[:at] + ("0" if old[at] != "0" else "1") + old[at + 1 :]
        if "authorization" in vector:
            request = request_of(vector, authorization=vector["authorization"].replace(old, new))
        else:
            request = request_of(vector, vector["target"].replace(old, new))
        assert refused(request, vector).code == "SignatureDoesNotMatch"


def test_the_wires_of_the_vectors_are_whole() -> None:
    for name in of_kind("stream-signed", "stream-signed-trailer"):
        sent = wire_of(VECTORS[name])
        assert len(sent) == VECTORS[name]["wire_length"]
        assert hashlib.sha256(sent).hexdigest() == VECTORS[name]["wire_sha256"]


@pytest.mark.parametrize("name", ["h07-put-key", *PRESIGNED[:1]])
def test_long_claims_of_strangers_are_not_kept(name: str) -> None:
    vector = VECTORS[name]

    def claim(number: int) -> None:
        names = ";".join(f"{each:03x}" for each in range(0x800, 0xFFF)) + f";n{number}"
        if "authorization" in vector:
            request = request_of(vector, authorization=_renamed(vector["authorization"], names))
        else:
            request = request_of(vector, _renamed(vector["target"], names))
        claimed = signature.claim(request)
        assert claimed is not None and len(claimed.signed.names) == 2048

    claim(0)
    tracemalloc.start()
    try:
        for number in range(1, 20):
            claim(number)
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()


def _renamed(text: str, names: str) -> str:
    return re.sub(r"(SignedHeaders=)[^,&]*", rf"\g<1>{names}", text)
