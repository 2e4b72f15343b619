"""A web page with a client of S3, on a server that allows the origin of the page (--cors-origin)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from test.patience import SECONDS
from test.s3.s3_server import S3Server, start_s3_server

APP, OTHER = "https://app.example.com", "https://other.example.com"
#: What aws-sdk-js sends with an upload of a part.
SENT = (
    *("amz-sdk-invocation-id", "amz-sdk-request", "authorization", "content-type", "x-amz-checksum-crc32"),
    *("x-amz-content-sha256", "x-amz-date", "x-amz-meta-title", "x-amz-security-token", "x-amz-user-agent"),
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with start_s3_server(tmp_path_factory.mktemp("pages"), "--cors-origin", APP) as made:
        yield made


def words(headers: requests.structures.CaseInsensitiveDict[str], name: str) -> set[str]:
    return {word.lower() for word in headers.get(name, "").split(", ")}


@pytest.mark.parametrize("port", ["s3", "data"])
def test_a_preflight_allows_the_headers_of_a_client_of_s3(opened: S3Server, port: str) -> None:
    url = opened.url if port == "s3" else opened.server.endpoint
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": ",".join(SENT)}
    got = requests.options(f"{url}/bucket/key?partNumber=1", headers={"Origin": APP, **asked}, timeout=SECONDS)
    assert (got.status_code, got.headers["Access-Control-Allow-Origin"]) == (204, APP)
    assert set(SENT) <= words(got.headers, "Access-Control-Allow-Headers")
    refused = requests.options(f"{url}/bucket/key?partNumber=1", headers={"Origin": OTHER, **asked}, timeout=SECONDS)
    assert refused.status_code >= 400 and "Access-Control-Allow-Origin" not in refused.headers


def test_a_page_may_read_the_headers_of_s3(opened: S3Server) -> None:
    s3 = opened.client()
    s3.create_bucket(Bucket="pages")
    s3.put_object(Bucket="pages", Key="k", Body=b"abc", Metadata={"title": "x"})
    url = s3.generate_presigned_url("get_object", {"Bucket": "pages", "Key": "k"})
    got = requests.get(url, headers={"Origin": APP}, timeout=SECONDS)
    assert (got.status_code, got.headers["Access-Control-Allow-Origin"]) == (200, APP)
    assert {"etag", "x-amz-request-id", "x-amz-meta-title"} <= words(got.headers, "Access-Control-Expose-Headers")
    gone = requests.get(url.replace("/k?", "/gone?"), headers={"Origin": APP}, timeout=SECONDS)
    assert (gone.status_code, gone.headers["Access-Control-Allow-Origin"]) == (403, APP)  # the URL signs another key
