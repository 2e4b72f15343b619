"""What the conditions of S3 requests compare, and which of them wins."""

from __future__ import annotations

import pytest

from ucloud.uvideo.protocol.dates import http_date
from ucloud.uvideo.protocol.message import Headers
from uvideo.s3 import condition
from uvideo.s3.errors import S3Error

ETAG, OTHER = "9a0364b9e99bb480dd25e1f0284c8555", "d41d8cd98f00b204e9800998ecf8427e"
DASHED = "da39a3ee5e6b4b0d3255bfef95601890afd80709-2"
NOW = 1767323045
BEFORE, SAME, AFTER = (http_date(NOW + seconds) for seconds in (-1, 0, 1))
FORMS = ('"{}"', "{}", 'W/"{}"', ' "{}" ', f'"{OTHER}", "{{}}"', f"{OTHER},{{}}", '"{}"-', "*")


def outcome(check: object) -> object:
    """What a check gives, or the code of its error."""
    try:
        return check()  # type: ignore[operator]
    except S3Error as error:
        return error.code


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("etag", [ETAG, DASHED])
def test_an_etag_may_be_written_in_several_ways(form: str, etag: str) -> None:
    names = form != '"{}"-'
    read = condition.of_read(Headers([("If-None-Match", form.format(etag))]))
    assert read.not_modified(etag, NOW) is names
    write = condition.of_write(Headers([("if-match", form.format(etag))]))
    assert outcome(lambda: write.check(etag)) == (None if names else "PreconditionFailed")


@pytest.mark.parametrize(
    "given,found",
    [
        ({}, False),
        ({"If-Match": ETAG}, False),
        ({"If-Match": OTHER}, "PreconditionFailed"),
        ({"If-Match": ""}, "PreconditionFailed"),
        ({"If-None-Match": ETAG}, True),
        ({"If-None-Match": OTHER}, False),
        ({"If-Unmodified-Since": BEFORE}, "PreconditionFailed"),
        ({"If-Unmodified-Since": SAME}, False),
        ({"If-Unmodified-Since": "yesterday"}, False),
        ({"If-Modified-Since": SAME}, True),
        ({"If-Modified-Since": AFTER}, True),
        ({"If-Modified-Since": BEFORE}, False),
        # The etag wins over the date.
        ({"If-Match": ETAG, "If-Unmodified-Since": BEFORE}, False),
        ({"If-Match": OTHER, "If-Unmodified-Since": AFTER}, "PreconditionFailed"),
        ({"If-None-Match": OTHER, "If-Modified-Since": AFTER}, False),
        ({"If-None-Match": ETAG, "If-Modified-Since": BEFORE}, True),
        # Both kinds hold at once.
        ({"If-Match": ETAG, "If-None-Match": ETAG}, True),
        ({"If-Match": OTHER, "If-None-Match": ETAG}, "PreconditionFailed"),
    ],
    ids=str,
)
def test_the_conditions_of_a_read_and_of_a_source(given: dict[str, str], found: bool | str) -> None:
    read = condition.of_read(Headers(given.items()))
    assert outcome(lambda: read.not_modified(ETAG, NOW)) == found
    source = condition.of_source(Headers((f"x-amz-copy-source-{name}", value) for name, value in given.items()))
    assert outcome(lambda: source.check_source(ETAG, NOW)) == ("PreconditionFailed" if found else None)
    assert condition.of_source(Headers(given.items())) == condition.ReadConditions()


@pytest.mark.parametrize(
    "given,etag,found",
    [
        ({}, None, None),
        ({}, ETAG, None),
        ({"If-Match": ETAG}, ETAG, None),
        ({"If-Match": "*"}, ETAG, None),
        ({"If-Match": OTHER}, ETAG, "PreconditionFailed"),
        ({"If-Match": ETAG}, None, "NoSuchKey"),
        ({"If-Match": "*"}, None, "NoSuchKey"),
        ({"If-None-Match": "*"}, None, None),
        ({"If-None-Match": "*"}, ETAG, "PreconditionFailed"),
        ({"If-None-Match": ETAG}, ETAG, "PreconditionFailed"),
        ({"If-None-Match": OTHER}, ETAG, None),
        ({"If-Match": ETAG, "If-None-Match": "*"}, ETAG, "PreconditionFailed"),
    ],
    ids=str,
)
def test_the_conditions_of_a_write(given: dict[str, str], etag: str | None, found: str | None) -> None:
    assert outcome(lambda: condition.of_write(Headers(given.items())).check(etag)) == found


@pytest.mark.parametrize(
    "given,found",
    [
        ({}, None),
        ({"If-Match": ETAG}, None),
        ({"If-Match": OTHER}, "PreconditionFailed"),
        ({"x-amz-if-match-last-modified-time": SAME}, None),
        ({"x-amz-if-match-last-modified-time": "2026-01-02T03:04:05Z"}, None),
        ({"x-amz-if-match-last-modified-time": AFTER}, "PreconditionFailed"),
        ({"x-amz-if-match-last-modified-time": "soon"}, "InvalidArgument"),
        ({"x-amz-if-match-size": "11"}, None),
        ({"x-amz-if-match-size": "12"}, "PreconditionFailed"),
        ({"x-amz-if-match-size": "-1"}, "InvalidArgument"),
        ({"x-amz-if-match-size": "\u0663"}, "InvalidArgument"),
    ],
    ids=str,
)
def test_the_conditions_of_a_delete(given: dict[str, str], found: str | None) -> None:
    assert outcome(lambda: condition.of_delete(Headers(given.items())).check(ETAG, NOW, 11)) == found


@pytest.mark.parametrize(
    "value,holds",
    [(None, True), (f'"{ETAG}"', True), (ETAG, True), (f'"{OTHER}"', False), (SAME, True), (BEFORE, False)],
)
def test_a_range_holds_only_for_the_object_that_it_names(value: str | None, holds: bool) -> None:
    read = condition.of_read(Headers([("If-Range", value)] if value else []))
    assert read.range_holds(ETAG, NOW) is holds


def test_the_error_names_the_condition() -> None:
    with pytest.raises(S3Error) as caught:
        condition.of_source(Headers([("x-amz-copy-source-if-none-match", "*")])).check_source(ETAG, NOW)
    assert caught.value.status == 412 and caught.value.members == {"Condition": "x-amz-copy-source-if-none-match"}
