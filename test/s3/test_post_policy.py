"""Forms of S3: the vectors, every condition that must hold, and botocore as oracle."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from botocore.auth import S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from test.s3.vectors import DOCUMENT, VECTORS, of_kind, seconds
from uvideo.s3 import post_policy
from uvideo.s3.errors import S3Error

CLOCK = seconds(DOCUMENT["clock_of_most"])
KEY, SECRET = "UVAK/0001+a=b@c", "uv/secret+key/0001/EXAMPLE"
END = "2026-01-02T04:04:05Z"


def checked(
    fields: dict[str, str],
    secret: str,
    now: int = CLOCK,
    filename: str = "f.txt",
    bucket: str = "demo-bucket",
    size: int = 5,
    version_2: bool = False,
) -> post_policy.PostForm:
    """As a server does it.  S3Error."""
    form = post_policy.read(fields.items(), filename, version_2)
    post_policy.check_expiry(form, now)
    if form.claim is not None:
        assert post_policy.claimed(fields.items()) == form.claim.access_key
        post_policy.verify(form.claim, secret)
    post_policy.permit(form, bucket)
    post_policy.check_size(form, size)
    return form


def refused(fields: dict[str, str], secret: str = SECRET, **options: Any) -> S3Error:
    with pytest.raises(S3Error) as caught:
        checked(fields, secret, **options)
    return caught.value


@pytest.mark.parametrize("name", of_kind("post"))
def test_a_vector_is_taken(name: str) -> None:
    vector = VECTORS[name]
    form = checked(vector["fields"], vector["secret_key"])
    assert form.claim is not None and form.policy is not None
    assert form.claim.access_key == vector["access_key"]
    assert form.claim.security_token == vector.get("session_token")
    assert form.key == vector["fields"]["key"].replace("${filename}", "f.txt")
    assert form.fields == {field.lower(): value for field, value in vector["fields"].items()}
    error = refused(vector["fields"], vector["secret_key"] + "x")
    assert error.code == "SignatureDoesNotMatch" and error.members["StringToSign"] == vector["string_to_sign"]
    secret = [vector["signature"], vector.get("session_token", vector["signature"])]
    assert not any(each in repr(form) for each in secret)


@pytest.mark.parametrize("row", [row for row in DOCUMENT["refusals"] if row["base"] in of_kind("post")], ids=str)
def test_a_refusal_of_the_vectors(row: dict[str, Any]) -> None:
    vector = VECTORS[row["base"]]
    changed: dict[str, dict[str, Any]] = {
        "server clock 20260102T040406Z": {"now": seconds("20260102T040406Z")},
        "key other/x": {"fields": {**vector["fields"], "key": "other/x"}},
    }
    error = refused(**{"fields": vector["fields"], "secret": vector["secret_key"], **changed[row["change"]]})
    assert (error.status, error.code) == (row["status"], row["code"])


# Forms that the tests sign


def encoded(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def signed(policy: object, fields: dict[str, str] | None = None, raw: str | None = None) -> dict[str, str]:
    """A form of version 4.  ``raw``: the policy's text in place of the document."""
    scope = "20260102/cn-bj/s3/aws4_request"
    text = encoded(policy) if raw is None else raw
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return {
        "key": "foo.txt",
        **(fields or {}),
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{KEY}/{scope}",
        "x-amz-date": "20260102T030405Z",
        "policy": text,
        "x-amz-signature": hmac.digest(key, text.encode(), "sha256").hex(),
    }


#: Conditions for what every form has.
OWN = [
    {"bucket": "demo-bucket"},
    ["starts-with", "$x-amz-algorithm", ""],
    ["starts-with", "$x-amz-credential", KEY],
    ["eq", "$x-amz-date", "20260102T030405Z"],
]


def policy(*conditions: object, **members: object) -> dict[str, object]:
    return {"expiration": END, "conditions": [*OWN, *conditions], **members}


ANY_KEY = ["starts-with", "$key", ""]


@pytest.mark.parametrize(
    "conditions,fields",
    [
        ([{"key": "foo.txt"}], {}),
        ([["eq", "$key", "foo.txt"]], {}),
        ([["Starts-With", "$KeY", "foo"]], {}),
        ([["EQ", "$kEY", "foo.txt"]], {}),
        ([["starts-with", "$key", "dir/f"]], {"key": "dir/${filename}"}),
        ([["starts-with", "$key", r"\$foo"]], {"key": r"\$foo.txt"}),
        ([ANY_KEY, {"ACL": "private"}], {"aCl": "private"}),
        ([ANY_KEY, {"acl": "private", "x-amz-meta-a": "1"}], {"acl": "private", "x-amz-meta-a": "1"}),
        ([ANY_KEY, ["starts-with", "$Content-Type", "image/"]], {"Content-Type": "image/png, image/gif"}),
        ([ANY_KEY, ["starts-with", "$x-amz-meta-a", "a,b"]], {"x-amz-meta-a": "a,b,c"}),
        ([ANY_KEY], {"x-ignore-a": "1", "X-Amz-Checksum-Sha256": "a", "AWSAccessKeyId": "a", "signature": "b"}),
        ([ANY_KEY, ["content-length-range", 0, 5]], {}),
        ([ANY_KEY, ["Content-Length-Range", "5", "5"]], {}),
        ([ANY_KEY], {"bucket": "another"}),
    ],
)
def test_conditions_that_hold(conditions: list[Any], fields: dict[str, str]) -> None:
    checked(signed(policy(*conditions), fields), SECRET)


@pytest.mark.parametrize(
    "conditions,fields",
    [
        ([{"key": "foo"}], {}),
        ([{"key": "FOO.txt"}], {}),
        ([["starts-with", "$key", "bar"]], {}),
        ([["starts-with", "$key", "${filename}"]], {"key": "${filename}"}),
        ([ANY_KEY, {"acl": "private"}], {}),
        ([ANY_KEY, ["starts-with", "$acl", ""]], {}),
        ([ANY_KEY, {"acl": "private"}], {"acl": "public-read"}),
        ([ANY_KEY], {"acl": "private"}),
        ([ANY_KEY], {"x-amz-security-token": "a"}),
        ([ANY_KEY, {"acl": "private", "x-amz-meta-a": "1"}], {"acl": "private"}),
        ([ANY_KEY, ["starts-with", "$Content-Type", "image/"]], {"Content-Type": "image/png, text/html"}),
        ([ANY_KEY, {"bucket": "another"}], {"bucket": "another"}),
        ([], {}),
    ],
)
def test_conditions_that_fail(conditions: list[Any], fields: dict[str, str]) -> None:
    error = refused(signed(policy(*conditions), fields))
    assert (error.status, error.code) == (403, "AccessDenied")
    assert error.message.startswith("Invalid according to Policy: ")


def test_the_text_of_a_refusal_has_no_value() -> None:
    document = policy(ANY_KEY, {"x-amz-security-token": "the-token"})
    error = refused(signed(document, {"x-amz-security-token": "another"}))
    assert error.message == "Invalid according to Policy: Policy Condition failed: eq $x-amz-security-token"


def test_another_bucket_is_refused() -> None:
    assert refused(signed(policy(ANY_KEY)), bucket="other-bucket").code == "AccessDenied"


def test_a_policy_that_names_no_bucket_is_for_none() -> None:
    assert refused(signed(policy(conditions=[*OWN[1:], ANY_KEY]))).code == "AccessDenied"
    checked(signed(policy(conditions=[*OWN[1:], ANY_KEY, ["starts-with", "$bucket", ""]])), SECRET)


@pytest.mark.parametrize(
    "ranges,size,code",
    [
        ([[0, 4]], 5, "EntityTooLarge"),
        ([[6, 10]], 5, "EntityTooSmall"),
        ([[0, 10], [0, 4]], 5, "EntityTooLarge"),
        ([[6, 10], [0, 10]], 5, "EntityTooSmall"),
        ([[0, 0]], 1, "EntityTooLarge"),
    ],
)
def test_the_size_of_the_file(ranges: list[list[int]], size: int, code: str) -> None:
    document = policy(ANY_KEY, *(["content-length-range", *each] for each in ranges))
    error = refused(signed(document), size=size)
    assert (error.status, error.code, error.members["ProposedSize"]) == (400, code, str(size))


RIGHT = policy(ANY_KEY)


@pytest.mark.parametrize(
    "document",
    [
        {"conditions": RIGHT["conditions"]},
        {"expiration": END},
        {"EXPIRATION": END, "conditions": RIGHT["conditions"]},
        {"expiration": END, "CONDITIONS": RIGHT["conditions"]},
        *(policy(ANY_KEY, expiration=end) for end in ("2026-01-02 04:04:05Z", "2026-01-02T04:04:05", 1767326645, None)),
        *(policy(ANY_KEY, expiration=end) for end in ("2026-02-31T00:00:00Z", "2026-01-02T04:04:05+08:00", "never")),
        policy(ANY_KEY, conditions={}),
        policy(ANY_KEY, conditions=None),
        *(policy(ANY_KEY, wrong) for wrong in ({}, [], "a", 1, None, ["eq", "$a"], ["eq", "$a", "b", "c"])),
        *(policy(ANY_KEY, wrong) for wrong in ({"a": 1}, ["eq", "$a", 1], ["eq", "a", "b"], ["ne", "$a", "b"])),
        *(policy(ANY_KEY, ["content-length-range", *wrong]) for wrong in ([], [0], [0, 1, 2], [-1, 0], ["a", 1])),
        *(policy(ANY_KEY, ["content-length-range", *wrong]) for wrong in ([0, 1.5], [True, 2], [None, 1], ["-1", 0])),
        [],
        "text",
        None,
    ],
    ids=str,
)
def test_a_malformed_policy(document: object) -> None:
    """Refused before anything else, also where the signature is wrong and the time over."""
    for secret in (SECRET, "another"):
        error = refused(signed(document), secret, now=CLOCK + 100_000)
        assert (error.status, error.code) == (400, "InvalidPolicyDocument")


@pytest.mark.parametrize("raw", ["!", "a", "e30=x", "bm8=", "e30\udcff", "视频", encoded(RIGHT)[:-9]], ids=ascii)
def test_a_policy_that_is_no_json_in_base64(raw: str) -> None:
    form = {**signed(RIGHT), "policy": raw}
    assert refused(form).code == "InvalidPolicyDocument"


def test_the_padding_may_be_left_out_and_lines_may_be_broken() -> None:
    for pad in ("", "x", "xx"):
        text = encoded(policy(ANY_KEY, comment=pad))
        checked(signed(None, raw=text.rstrip("=")), SECRET)
        checked(signed(None, raw=text[:40] + "\r\n" + text[40:]), SECRET)


@pytest.mark.parametrize("name", ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "policy"])
@pytest.mark.parametrize("value", [None, "", "x"])
def test_a_signed_form_needs_every_field(name: str, value: str | None) -> None:
    form = signed(RIGHT)
    if value is None:
        del form[name]
    else:
        form[name] = value
    error = refused(form, now=CLOCK + 100_000)
    assert error.status == 400
    assert error.code == ("InvalidPolicyDocument" if (name, value) == ("policy", "x") else "InvalidArgument")


def test_the_day_of_the_scope_is_that_of_the_date() -> None:
    assert refused({**signed(RIGHT), "x-amz-date": "20260103T030405Z"}).code == "InvalidArgument"
    form = signed(RIGHT)
    form["x-amz-credential"] = form["x-amz-credential"].replace("/s3/", "/sts/")
    assert refused(form).code == "NotImplemented"


@pytest.mark.parametrize("fields", [{}, {"key": ""}, {"file": "a"}])
def test_a_form_needs_a_key(fields: dict[str, str]) -> None:
    assert refused(fields).code == "InvalidArgument"
    form = signed(RIGHT)
    del form["key"]
    assert refused({**form, **fields}).code == "InvalidArgument"


def test_a_field_given_twice() -> None:
    pairs = [("key", "a"), ("acl", "private"), ("ACL", "public-read")]
    with pytest.raises(S3Error, match="InvalidArgument"):
        post_policy.read(pairs, "f")
    assert post_policy.read([*pairs[:2], ("Acl", "private")], "f").fields == {"key": "a", "acl": "private"}


def test_an_anonymous_form() -> None:
    form = checked({"key": "a/${filename}", "acl": "public-read"}, SECRET)
    assert (form.claim, form.policy, form.key) == (None, None, "a/f.txt")


@pytest.mark.parametrize(
    "filename,key",
    [
        ("f.txt", "d/f.txt"),
        ("", "d/"),
        (r"C:\dir\f.txt", "d/f.txt"),
        ("/tmp/f.txt", "d/f.txt"),
        ("视频.mp4", "d/视频.mp4"),
    ],
)
def test_the_name_of_the_file_in_the_key(filename: str, key: str) -> None:
    assert post_policy.read([("key", "d/${filename}")], filename).key == key


@pytest.mark.parametrize("now,code", [(CLOCK + 3600, None), (CLOCK + 3601, "AccessDenied")])
def test_the_end_of_a_policy(now: int, code: str | None) -> None:
    for end in (END, END.replace("Z", ".000Z")):
        form = signed(policy(ANY_KEY, expiration=end))
        if code is None:
            checked(form, SECRET, now)
        else:
            assert refused(form, "another", now=now).code == code  # before the key and the signature


# Version 2


def old(document: object, **fields: str) -> dict[str, str]:
    text = encoded(document)
    made = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()).decode()
    return {"key": "foo.txt", "AWSAccessKeyId": KEY, "signature": made, "pOLICy": text, **fields}


def test_a_form_of_version_2_is_taken_only_if_that_is_switched_on() -> None:
    document = {"expiration": END, "conditions": [{"bUcKeT": "demo-bucket"}, ANY_KEY]}
    form = checked(old(document), SECRET, version_2=True)
    assert form.claim is not None and (form.claim.access_key, form.claim.scope) == (KEY, None)
    assert refused(old(document)).code == "InvalidRequest"
    assert refused(old(document), "another", version_2=True).code == "SignatureDoesNotMatch"
    assert refused(old(document, signature="视频"), version_2=True).code == "SignatureDoesNotMatch"
    for name in ("AWSAccessKeyId", "signature", "pOLICy"):
        fields = old(document)
        del fields[name]
        assert refused(fields, version_2=True).code == "InvalidArgument"
    checked(signed(RIGHT), SECRET, version_2=True)


def test_a_key_never_holds_nul() -> None:
    for key, filename in (("a\0b", "f"), ("a/${filename}", "f\0")):
        with pytest.raises(S3Error) as caught:
            post_policy.read([("key", key)], filename)
        assert caught.value.code == "InvalidArgument"


# botocore

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@given(
    TEXTS.filter(bool),
    st.dictionaries(st.text("abc-", min_size=1, max_size=5).map("x-amz-meta-{}".format), TEXTS, max_size=3),
    st.none() | TEXTS.filter(bool),
)
def test_what_botocore_signs_is_taken(key: str, more: dict[str, str], token: str | None) -> None:
    key = key.replace("${filename}", "").replace("\0", "")
    fields = {"key": key or "k", **more}
    document = {"expiration": END, "conditions": [{"bucket": "demo-bucket"}, *({n: v} for n, v in fields.items())]}
    request = AWSRequest("POST", "http://files.example.com/demo-bucket")
    request.context.update({"s3-presign-post-fields": dict(fields), "s3-presign-post-policy": document})
    S3SigV4PostAuth(Credentials(KEY, SECRET, token), "s3", "cn-bj").add_auth(request)
    made = request.context["s3-presign-post-fields"]
    form = checked(made, SECRET)
    assert form.claim is not None and form.claim.security_token == token
    assert refused({**made, "policy": encoded({**document, "a": 1})}).code == "SignatureDoesNotMatch"
    for name in fields:
        assert refused({**made, name: made[name] + "x"}).code == "AccessDenied"
    assert refused({**made, "more": "x"}).code == "AccessDenied"


@pytest.mark.parametrize(
    "fields,expected",
    [
        ({}, ""),
        ({"X-Amz-Credential": f"{KEY}/20260102/cn-bj/s3/aws4_request"}, KEY),
        ({"x-amz-credential": "a/b"}, ""),
        ({"awsAccessKeyId": KEY}, KEY),
    ],
)
def test_the_claimed_access_key(fields: dict[str, str], expected: str) -> None:
    assert post_policy.claimed(fields.items()) == expected
