"""The table of S3's errors, and the Error document as clients read it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from ucloud.uvideo.protocol import errors
from uvideo.s3.errors import CODES, S3Error, answer, document, of


def parsed(body: bytes) -> dict[str, str | None]:
    root = ElementTree.fromstring(body)
    assert root.tag == "Error" and body.startswith(b"<?xml")
    return {child.tag: child.text for child in root}


def test_every_code_has_a_status_and_a_text() -> None:
    for code, (status, text) in CODES.items():
        error = S3Error(code)
        assert (error.code, error.status, error.message) == (code, status, text)
        assert 400 <= status <= 507 and text and text.isprintable()


def test_an_unknown_code_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        S3Error("NoSuchCode")


@pytest.mark.parametrize("cls", errors.CLASSES, ids=lambda cls: cls.__name__)
def test_every_refusal_has_an_error_of_s3(cls: type[errors.Refused]) -> None:
    plain = of(cls())
    assert (plain.status, plain.message) == CODES[plain.code]
    assert of(cls("the reason")).message == "the reason"
    if (cls.status or 0) >= 500 or issubclass(cls, errors.Throttled):  # so that clients repeat what may be repeated
        assert plain.status >= 500 or cls is errors.PartExists


@pytest.mark.parametrize(
    "refused,code,status",
    [
        (errors.NotFound(), "NoSuchKey", 404),
        (errors.UploadNotFound(), "NoSuchUpload", 404),
        (errors.SpaceNotFound(), "NoSuchBucket", 404),
        (errors.SignatureMismatch(), "SignatureDoesNotMatch", 403),
        (errors.TokenUnknown(), "InvalidAccessKeyId", 403),
        (errors.SpaceExists(), "BucketAlreadyExists", 409),
        (errors.Throttled(), "SlowDown", 503),
        (errors.InvalidRange(), "InvalidRange", 416),
        (errors.DomainTaken(), "InvalidArgument", 400),
    ],
    ids=lambda value: str(value),
)
def test_the_error_of_a_refusal(refused: errors.Refused, code: str, status: int) -> None:
    assert (of(refused).code, of(refused).status) == (code, status)


def test_when_to_come_again_is_passed_on() -> None:
    assert of(errors.Unavailable(retry_after=1)).headers == (("Retry-After", "1"),)


def test_the_document_names_the_resource_and_the_request() -> None:
    error = S3Error("NoSuchKey", Key="a<b>&\r\n\"'", BucketName="b")
    found = parsed(document(error, "/b/a<b>", "id1", "host"))
    assert found == {
        "Code": "NoSuchKey",
        "Message": "The specified key does not exist.",
        "Key": "a<b>&\r\n\"'",
        "BucketName": "b",
        "Resource": "/b/a<b>",
        "RequestId": "id1",
        "HostId": "host",
    }


def test_the_document_can_hold_any_key() -> None:
    body = document(S3Error("NoSuchKey"), "/b/\x00\x1f\ud800\ufffe\U0001f600", "", "")
    assert "/b/&#x0;&#x1F;&#xD800;&#xFFFE;\U0001f600".encode() in body


def test_the_answer_has_the_errors_status_and_headers() -> None:
    got = answer(S3Error("NoSuchKey", headers=[("x-amz-delete-marker", "true")]), "/b/k", "id1", "host")
    assert got.status == 404 and got.headers.get("Content-Type") == "application/xml"
    assert got.headers.get("x-amz-delete-marker") == "true" and parsed(got.body)["RequestId"] == "id1"
