"""Buckets, their tags, ACLs and rules: botocore's requests are decoded, and it reads the answers."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test.s3 import values as v
from test.s3.oracle import oracle
from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import buckets, dialect, operation
from uvideo.s3.acl import ALL_USERS
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error

BUCKET = {"Bucket": "bucket"}


def test_every_operation_has_a_codec() -> None:
    assert set(operation.OPERATIONS) == set(dialect.CODECS)


@v.few
@given(
    v.buckets, st.none() | v.words.filter(lambda name: not set("_.") & set(name)), st.none() | st.just("public-read")
)
def test_create(bucket: str, region: str | None, acl: str | None) -> None:
    params = v.known(ACL=acl, CreateBucketConfiguration=region and {"LocationConstraint": region})
    op, parsed = oracle().ask(operation.CreateBucket, {"Bucket": bucket, **params}, None)
    assert op == operation.CreateBucket(bucket=bucket, region=region, acl=acl or "private")
    assert parsed == {"Location": f"/{bucket}"}


@pytest.mark.parametrize(
    "name,allowed",
    [(name, True) for name in ("abc", "a-b", "a.b.c", "0ab", "a--b", "a" * 63, "1.2.3", "1.2.3.a")]
    + [(name, False) for name in ("ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b", "a.-b", "a-.b")]
    + [(name, False) for name in ("1.2.3.4", "999.1.1.1", "", "a b", "ab\n", "\u0661\u0661\u0661")],
)
def test_a_name(name: str, allowed: bool) -> None:
    try:
        buckets.check_name(name)
    except S3Error as error:
        assert not allowed and error.code == "InvalidBucketName"
    else:
        assert allowed


def test_head_delete_location() -> None:
    op, parsed = oracle().ask(operation.HeadBucket, BUCKET, operation.HeadBucketOutput(region="cn-bj"))
    assert op == operation.HeadBucket(bucket="bucket")
    assert parsed == {"BucketRegion": "cn-bj", "AccessPointAlias": False}
    for region, shown in (("cn-bj", "cn-bj"), ("us-east-1", None)):
        result = operation.GetBucketLocationOutput(region=region)
        _, parsed = oracle().ask(operation.GetBucketLocation, BUCKET, result)
        assert parsed == {"LocationConstraint": shown}
    op, parsed = oracle().ask(operation.DeleteBucket, {**BUCKET, "ExpectedBucketOwner": "1"}, None)
    assert op == operation.DeleteBucket(bucket="bucket", expected_owner="1") and parsed == {}


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_versioning(status: str) -> None:
    params = {**BUCKET, "VersioningConfiguration": {"Status": status}}
    op, _ = oracle().ask(operation.PutBucketVersioning, params, None)
    assert op == operation.PutBucketVersioning(bucket="bucket", status=status)
    result = operation.GetBucketVersioningOutput(status=status)
    assert oracle().ask(operation.GetBucketVersioning, BUCKET, result)[1] == {"Status": status}
    nothing = operation.GetBucketVersioningOutput(status=None)
    assert oracle().ask(operation.GetBucketVersioning, BUCKET, nothing)[1] == {}


def test_who_pays_and_who_may_see() -> None:
    params = {**BUCKET, "RequestPaymentConfiguration": {"Payer": "BucketOwner"}}
    op, _ = oracle().ask(operation.PutBucketRequestPayment, params, None)
    assert op == operation.PutBucketRequestPayment(bucket="bucket", payer="BucketOwner")
    for public in (True, False):
        result = operation.GetBucketPolicyStatusOutput(is_public=public)
        _, parsed = oracle().ask(operation.GetBucketPolicyStatus, BUCKET, result)
        assert parsed == {"PolicyStatus": {"IsPublic": public}}


@v.few
@given(v.tags, v.keys, v.versions)
def test_tags(tags: operation.Pairs, key: str, version: str | None) -> None:
    tagging = {"Tagging": {"TagSet": v.shown_tags(tags)}}
    op, _ = oracle().ask(operation.PutBucketTagging, {**BUCKET, **tagging}, None)
    assert op == operation.PutBucketTagging(bucket="bucket", tags=tags)
    assert oracle().response.status == 204
    _, parsed = oracle().ask(operation.GetBucketTagging, BUCKET, operation.GetBucketTaggingOutput(tags=tags))
    assert parsed == {"TagSet": v.shown_tags(tags)}
    assert oracle().ask(operation.DeleteBucketTagging, BUCKET, None)[1] == {}

    one = {**BUCKET, "Key": key, **v.known(VersionId=version)}
    shown = v.known(VersionId=version)
    fields: dict[str, Any] = {"bucket": "bucket", "key": key, "version_id": version}
    put = operation.PutObjectTaggingOutput(version_id=version)
    op, parsed = oracle().ask(operation.PutObjectTagging, {**one, **tagging}, put)
    assert (op, parsed) == (operation.PutObjectTagging(**fields, tags=tags), shown)
    found = operation.GetObjectTaggingOutput(tags=tags, version_id=version)
    op, parsed = oracle().ask(operation.GetObjectTagging, one, found)
    assert (op, parsed) == (operation.GetObjectTagging(**fields), {"TagSet": v.shown_tags(tags), **shown})
    gone = operation.DeleteObjectTaggingOutput(version_id=version)
    op, parsed = oracle().ask(operation.DeleteObjectTagging, one, gone)
    assert (op, parsed) == (operation.DeleteObjectTagging(**fields), shown)


GRANTS = {
    "private": [],
    "public-read": [("READ", ALL_USERS)],
    "public-read-write": [("READ", ALL_USERS), ("WRITE", ALL_USERS)],
}


def policy(owner: operation.Owner, acl: str) -> dict[str, Any]:
    itself = {"Type": "CanonicalUser", **v.shown_owner(owner)}  # type: ignore[dict-item]
    return {
        "Owner": v.shown_owner(owner),
        "Grants": [
            {"Grantee": itself, "Permission": "FULL_CONTROL"},
            *({"Grantee": {"Type": "Group", "URI": uri}, "Permission": name} for name, uri in GRANTS[acl]),
        ],
    }


@v.few
@given(st.sampled_from(sorted(GRANTS)), v.owners, v.keys, v.versions)
def test_acls(acl: str, owner: operation.Owner, key: str, version: str | None) -> None:
    shown = policy(owner, acl)
    _, parsed = oracle().ask(operation.GetBucketAcl, BUCKET, operation.GetBucketAclOutput(owner=owner, acl=acl))
    assert parsed == shown
    one = {**BUCKET, "Key": key, **v.known(VersionId=version)}
    fields: dict[str, Any] = {"bucket": "bucket", "key": key, "version_id": version}
    op, parsed = oracle().ask(operation.GetObjectAcl, one, operation.GetObjectAclOutput(owner=owner, acl=acl))
    assert (op, parsed) == (operation.GetObjectAcl(**fields), shown)
    for form in ({"ACL": acl}, {"AccessControlPolicy": shown}):
        # botocore sends the CR of an id as it is, which a parser has to read as LF.
        given = owner.id.replace("\r\n", "\n").replace("\r", "\n") if "AccessControlPolicy" in form else None
        op, _ = oracle().ask(operation.PutBucketAcl, {**BUCKET, **form}, None)
        assert op == operation.PutBucketAcl(bucket="bucket", acl=acl, owner=given)
        op, _ = oracle().ask(operation.PutObjectAcl, {**one, **form}, None)
        assert op == operation.PutObjectAcl(**fields, acl=acl, owner=given)


@pytest.mark.parametrize(
    "headers,found",
    [
        ([("x-amz-grant-read", f'uri="{ALL_USERS}"')], "public-read"),
        ([("x-amz-grant-read", f"uri={ALL_USERS}"), ("X-Amz-Grant-Write", f"URI={ALL_USERS}")], "public-read-write"),
        ([("x-amz-acl", "bucket-owner-full-control")], "private"),
        ([("x-amz-acl", "bucket-owner-read")], "private"),
        ([("x-amz-acl", "log-delivery-write")], "InvalidArgument"),
        ([("x-amz-grant-write", f"uri={ALL_USERS}")], "NotImplemented"),
        ([("x-amz-grant-read", 'id="1"')], "NotImplemented"),
        ([("x-amz-grant-read", "emailAddress=a@b")], "UnresolvableGrantByEmailAddress"),
        ([("x-amz-grant-read", "uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers")], "NotImplemented"),
        ([("x-amz-grant-read", "uri=http://other/")], "InvalidArgument"),
        ([("x-amz-grant-read", "other")], "InvalidArgument"),
        ([("x-amz-grant-read", "")], "InvalidArgument"),
        ([("x-amz-acl", "private"), ("x-amz-grant-read", f"uri={ALL_USERS}")], "InvalidRequest"),
        ([], "InvalidRequest"),
    ],
)
def test_grants_in_headers(headers: list[tuple[str, str]], found: str) -> None:
    request = OperationRequest("bucket", "k", {"acl": ""}, Headers(headers))
    try:
        op = dialect.decode(operation.PutObjectAcl, request)
    except S3Error as error:
        assert error.code == found
    else:
        assert op == operation.PutObjectAcl(bucket="bucket", key="k", acl=found)


def granted(kind: str, content: str, permission: str, owner: str = "<Owner><ID>1</ID></Owner>") -> bytes:
    grantee = f'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{kind}">{content}</Grantee>'
    grant = f"<Grant>{grantee}<Permission>{permission}</Permission></Grant>"
    return f"<AccessControlPolicy>{owner}<AccessControlList>{grant}</AccessControlList></AccessControlPolicy>".encode()


@pytest.mark.parametrize(
    "body,found",
    [
        (granted("CanonicalUser", "<ID>1</ID>", "FULL_CONTROL"), "private"),
        (granted("Group", f"<URI>{ALL_USERS}</URI>", "READ"), "public-read"),
        (granted("Group", f"<URI>{ALL_USERS}</URI>", "READ_ACP"), "NotImplemented"),
        (granted("CanonicalUser", "<ID>2</ID>", "FULL_CONTROL"), "NotImplemented"),
        (granted("CanonicalUser", "<ID>1</ID>", "READ"), "NotImplemented"),
        (granted("CanonicalUser", "<ID>1</ID>", "ALL"), "MalformedXML"),
        (granted("Group", "<URI>x</URI>", "READ"), "InvalidArgument"),
        (granted("AmazonCustomerByEmail", "<EmailAddress>a</EmailAddress>", "READ"), "UnresolvableGrantByEmailAddress"),
        (granted("Other", "", "READ"), "MalformedXML"),
        (granted("CanonicalUser", "<ID>1</ID>", "FULL_CONTROL", owner=""), "MalformedXML"),
        (b"<AccessControlPolicy/>", "MalformedXML"),
        (b"<Policy/>", "MalformedXML"),
    ],
)
def test_grants_in_a_document(body: bytes, found: str) -> None:
    request = OperationRequest("bucket", "k", {"acl": ""}, Headers(), body)
    try:
        op = dialect.decode(operation.PutObjectAcl, request)
    except S3Error as error:
        assert error.code == found
    else:
        assert op == operation.PutObjectAcl(bucket="bucket", key="k", acl=found, owner="1")


names = st.lists(v.words, max_size=3)
cors_rules = st.fixed_dictionaries(
    {
        "AllowedOrigins": st.lists(st.sampled_from(["*", "http://a", "https://*.b"]), min_size=1, max_size=3),
        "AllowedMethods": st.lists(st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]), min_size=1, max_size=3),
    },
    optional={
        "ID": v.words,
        "AllowedHeaders": st.lists(v.words | st.just("x-*"), min_size=1, max_size=3),
        "ExposeHeaders": st.lists(v.words, min_size=1, max_size=3),
        "MaxAgeSeconds": st.integers(0, 1 << 31),
    },
)


def cors_rule(rule: dict[str, Any]) -> operation.CorsRule:
    return operation.CorsRule(
        allowed_origins=tuple(rule["AllowedOrigins"]),
        allowed_methods=tuple(rule["AllowedMethods"]),
        allowed_headers=tuple(rule.get("AllowedHeaders", ())),
        expose_headers=tuple(rule.get("ExposeHeaders", ())),
        max_age=rule.get("MaxAgeSeconds"),
        id=rule.get("ID"),
    )


@v.few
@given(st.lists(cors_rules, min_size=1, max_size=3))
def test_cors(rules: list[dict[str, Any]]) -> None:
    op, _ = oracle().ask(operation.PutBucketCors, {**BUCKET, "CORSConfiguration": {"CORSRules": rules}}, None)
    assert op == operation.PutBucketCors(bucket="bucket", rules=tuple(map(cors_rule, rules)))
    result = operation.GetBucketCorsOutput(rules=op.rules)
    assert oracle().ask(operation.GetBucketCors, BUCKET, result)[1] == {"CORSRules": rules}
    assert oracle().ask(operation.DeleteBucketCors, BUCKET, None)[1] == {}


def test_a_preflight() -> None:
    headers = Headers(
        [
            ("Origin", "http://a"),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "X-Amz-Date, etag,"),
        ]
    )
    assert dialect.decode(operation.OptionsObject, OperationRequest("bucket", "k", {}, headers)) == (
        operation.OptionsObject(
            bucket="bucket", key="k", origin="http://a", method="PUT", request_headers=("x-amz-date", "etag")
        )
    )
    assert dialect.decode(operation.OptionsObject, OperationRequest("bucket", "", {}, Headers())) == (
        operation.OptionsObject(bucket="bucket")
    )


filters = st.sampled_from(
    [
        {"Prefix": "a/"},
        {"Filter": {"Prefix": ""}},
        {"Filter": {"Prefix": "a&b"}},
        {"Filter": {"Tag": {"Key": "k", "Value": "v"}}},
        {"Filter": {"ObjectSizeGreaterThan": 0}},
        {"Filter": {"ObjectSizeLessThan": 10}},
        {"Filter": {"And": {"Prefix": "a", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": ""}]}}},
        {"Filter": {"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 10}}},
    ]
)
days = st.integers(1, 36500)
shown_classes = st.sampled_from(["ONEZONE_IA", "GLACIER"])
actions = st.fixed_dictionaries(
    {"AbortIncompleteMultipartUpload": st.fixed_dictionaries({"DaysAfterInitiation": days})},
    optional={
        "Expiration": st.fixed_dictionaries({"Days": days})
        | st.just({"Date": v.date(86400 * 20000)})
        | st.just({"ExpiredObjectDeleteMarker": True}),
        "Transitions": st.lists(
            st.fixed_dictionaries({"Days": st.integers(0, 100), "StorageClass": shown_classes}), min_size=1, max_size=2
        ),
        "NoncurrentVersionExpiration": st.fixed_dictionaries(
            {"NoncurrentDays": days}, optional={"NewerNoncurrentVersions": st.integers(1, 100)}
        ),
        "NoncurrentVersionTransitions": st.lists(
            st.fixed_dictionaries({"NoncurrentDays": days, "StorageClass": shown_classes}), min_size=1, max_size=2
        ),
    },
)


@v.few
@given(
    st.lists(st.tuples(filters, actions, st.sampled_from(["Enabled", "Disabled"])), min_size=1, max_size=3),
    st.booleans(),
)
def test_a_lifecycle_comes_back(parts: list[tuple[dict[str, Any], dict[str, Any], str]], named: bool) -> None:
    rules = [
        {**chosen, **done, "Status": status, **({"ID": f"rule {number}"} if named else {})}
        for number, (chosen, done, status) in enumerate(parts)
    ]
    asked = {**BUCKET, "LifecycleConfiguration": {"Rules": rules}}
    op, _ = oracle().ask(operation.PutBucketLifecycleConfiguration, asked, None)
    assert [rule.enabled for rule in op.rules] == [status == "Enabled" for _, _, status in parts]
    assert [rule.abort_days for rule in op.rules] == [
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] for rule in rules
    ]
    result = operation.GetBucketLifecycleConfigurationOutput(rules=op.rules)
    _, parsed = oracle().ask(operation.GetBucketLifecycleConfiguration, BUCKET, result)
    assert parsed == {"Rules": rules}
    assert oracle().ask(operation.DeleteBucketLifecycle, BUCKET, None)[1] == {}


def test_the_fields_of_a_lifecycle_rule() -> None:
    rule = {
        "ID": "r",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "a", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 7}},
        "Expiration": {"Days": 9},
        "Transitions": [{"Days": 3, "StorageClass": "STANDARD_IA"}, {"Days": 4, "StorageClass": "DEEP_ARCHIVE"}],
    }
    asked = {**BUCKET, "LifecycleConfiguration": {"Rules": [rule]}}
    op, _ = oracle().ask(operation.PutBucketLifecycleConfiguration, asked, None)
    assert op.rules == (
        operation.LifecycleRule(
            id="r",
            enabled=True,
            prefix="a",
            tags=(("k", "v"),),
            size_over=7,
            expire_days=9,
            transitions=((3, "STANDARD"), (4, "ARCHIVE")),
        ),
    )


PUT_CORS, PUT_RULES = operation.PutBucketCors, operation.PutBucketLifecycleConfiguration
RULE = "<LifecycleConfiguration><Rule><Status>Enabled</Status>{}</Rule></LifecycleConfiguration>"
CORS = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>{}</CORSRule></CORSConfiguration>"
ORIGIN = "<AllowedOrigin>*</AllowedOrigin>"
EXPIRE = "<Expiration><Days>1</Days></Expiration>"
CREATE = "<CreateBucketConfiguration>{}</CreateBucketConfiguration>"
VERSIONS = "<VersioningConfiguration>{}</VersioningConfiguration>"
TAG = "<Tag><Key>k{}</Key><Value/></Tag>"
TAGS = "<Tagging><TagSet>{}</TagSet></Tagging>"
PAYER = "<RequestPaymentConfiguration><Payer>{}</Payer></RequestPaymentConfiguration>"


@pytest.mark.parametrize(
    "cls,body,code",
    [
        (operation.PutBucketVersioning, VERSIONS.format(""), "IllegalVersioningConfigurationException"),
        (
            operation.PutBucketVersioning,
            VERSIONS.format("<Status>On</Status>"),
            "IllegalVersioningConfigurationException",
        ),
        (
            operation.PutBucketVersioning,
            VERSIONS.format("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"),
            "NotImplemented",
        ),
        (operation.PutBucketVersioning, "<Status/>", "MalformedXML"),
        (operation.PutBucketRequestPayment, PAYER.format("Requester"), "NotImplemented"),
        (operation.PutBucketRequestPayment, PAYER.format("Nobody"), "MalformedXML"),
        (operation.CreateBucket, CREATE.format("<Location/>"), "NotImplemented"),
        (operation.CreateBucket, CREATE.format("<Tags/>"), "NotImplemented"),
        (operation.CreateBucket, CREATE.format("<LocationConstraint>a b</LocationConstraint>"), "InvalidArgument"),
        (operation.CreateBucket, "x", "MalformedXML"),
        (operation.PutBucketTagging, TAGS.format("".join(TAG.format(n) for n in range(51))), "InvalidTag"),
        (operation.PutBucketTagging, TAGS.format(TAG.format("") * 2), "InvalidTag"),
        (operation.PutBucketTagging, TAGS.format("<Tag><Key>k</Key></Tag>"), "MalformedXML"),
        (operation.PutBucketTagging, "<Tagging/>", "MalformedXML"),
        (operation.PutObjectTagging, TAGS.format("".join(TAG.format(n) for n in range(11))), "InvalidTag"),
        (PUT_CORS, "<CORSConfiguration/>", "MalformedXML"),
        (PUT_CORS, CORS.format(""), "MalformedXML"),
        (PUT_CORS, CORS.format("<AllowedOrigin/>"), "MalformedXML"),
        (PUT_CORS, CORS.format("<AllowedOrigin>*.*</AllowedOrigin>"), "InvalidRequest"),
        (PUT_CORS, CORS.format(ORIGIN + "<AllowedMethod>PATCH</AllowedMethod>"), "InvalidRequest"),
        (PUT_CORS, CORS.format(ORIGIN + "<ExposeHeader>x-*</ExposeHeader>"), "InvalidRequest"),
        (PUT_CORS, CORS.format(ORIGIN + "<ExposeHeader>x&#10;y</ExposeHeader>"), "MalformedXML"),
        (PUT_CORS, CORS.format(ORIGIN + "<MaxAgeSeconds>-1</MaxAgeSeconds>"), "MalformedXML"),
        (PUT_CORS, CORS.format(ORIGIN + f"<ID>{'x' * 256}</ID>"), "InvalidArgument"),
        (PUT_RULES, "<LifecycleConfiguration/>", "MalformedXML"),
        (PUT_RULES, RULE.format(EXPIRE), "MalformedXML"),
        (PUT_RULES, RULE.format("<Prefix/>"), "InvalidRequest"),
        (PUT_RULES, RULE.format("<Prefix/><Filter/>" + EXPIRE), "MalformedXML"),
        (PUT_RULES, RULE.format("<Prefix/><Expiration><Days>0</Days></Expiration>"), "InvalidArgument"),
        (PUT_RULES, RULE.format("<Prefix/><Expiration><Days>-1</Days></Expiration>"), "InvalidArgument"),
        (PUT_RULES, RULE.format("<Prefix/><Expiration><Days>x</Days></Expiration>"), "MalformedXML"),
        (
            PUT_RULES,
            RULE.format("<Prefix/><Expiration><Date>2026-01-01T01:00:00Z</Date></Expiration>"),
            "InvalidArgument",
        ),
        (PUT_RULES, RULE.format("<Prefix/><Expiration><Date>20260101</Date></Expiration>"), "MalformedXML"),
        (PUT_RULES, RULE.format(f"<Prefix/><ID>{'x' * 256}</ID>" + EXPIRE), "InvalidArgument"),
        (PUT_RULES, RULE.format("<Prefix/><Transition><Days>1</Days></Transition>"), "MalformedXML"),
        (
            PUT_RULES,
            RULE.format("<Prefix/><Transition><Days>1</Days><StorageClass>FAST</StorageClass></Transition>"),
            "InvalidStorageClass",
        ),
        (PUT_RULES, RULE.replace("Enabled", "On").format("<Prefix/>" + EXPIRE), "MalformedXML"),
    ],
)
def test_a_wrong_document(cls: type[operation.Operation], body: str, code: str) -> None:
    raw = body.encode()
    md5 = base64.b64encode(hashlib.md5(raw).digest()).decode()
    with pytest.raises(S3Error) as caught:
        dialect.decode(cls, OperationRequest("bucket", "k", {}, Headers([("Content-MD5", md5)]), raw))
    assert caught.value.code == code


def test_two_rules_of_one_name() -> None:
    rule = f"<Rule><ID>a</ID><Status>Enabled</Status><Prefix/>{EXPIRE}</Rule>"
    raw = f"<LifecycleConfiguration>{rule}{rule}</LifecycleConfiguration>".encode()
    md5 = base64.b64encode(hashlib.md5(raw).digest()).decode()
    with pytest.raises(S3Error) as caught:
        dialect.decode(PUT_RULES, OperationRequest("bucket", "", {}, Headers([("Content-MD5", md5)]), raw))
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize(
    "cls",
    [
        operation.PutBucketVersioning,
        operation.PutBucketTagging,
        operation.PutBucketCors,
        operation.PutBucketLifecycleConfiguration,
        operation.PutBucketRequestPayment,
        operation.PutBucketAcl,
        operation.DeleteObjects,
    ],
)
def test_a_configuration_needs_a_sum(cls: type[operation.Operation]) -> None:
    with pytest.raises(S3Error) as caught:
        dialect.decode(cls, OperationRequest("bucket", "", {}, Headers(), b"<x/>"))
    assert caught.value.code == "InvalidRequest"


def test_a_bucket_with_locks_is_not_made() -> None:
    headers = Headers([("x-amz-bucket-object-lock-enabled", "true")])
    with pytest.raises(S3Error) as caught:
        dialect.decode(operation.CreateBucket, OperationRequest("bucket", "", {}, headers))
    assert caught.value.code == "NotImplemented"
