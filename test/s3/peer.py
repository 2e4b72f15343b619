"""Signed requests of S3 as bytes over a socket: for many requests, which botocore's client would make slowly."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.credentials import Credentials

from test.server.wire import Answer, exchange, head
from uvideo.s3.errors import S3Error

__all__ = ["S3Peer", "etag_of", "source", "text_of", "upload_id_of"]

REGION = "cn-bj"
UNSIGNED = Config(s3={"payload_signing_enabled": False})


class S3Peer:
    """A client that speaks bytes: ``server`` has port, public_key and private_key."""

    def __init__(self, server: Any) -> None:
        self.port: int = server.port
        self._signer = S3SigV4Auth(Credentials(server.public_key, server.private_key), "s3", REGION)

    def ask(
        self,
        method: str,
        space: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """``key``: "" for the bucket.  The space is in the path.

        An error that comes after the status 200, as the body of a call that took long, has the status of the error.
        """
        target = f"/{space}/{quote(key)}" if key else f"/{space}"
        if query:
            target += "?" + urlencode(query)
        request = AWSRequest(method, f"http://127.0.0.1:{self.port}{target}", dict(headers or {}))
        request.context["client_config"] = UNSIGNED
        self._signer.add_auth(request)
        pairs = [("Host", f"127.0.0.1:{self.port}"), *request.headers.items()]
        if body or method in ("PUT", "POST"):
            pairs.append(("Content-Length", str(len(body))))
        return _judged(exchange(self.port, head(method, target, pairs) + body, method))

    def delete_many(self, space: str, keys: Sequence[str]) -> Answer:
        objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
        body = f"<Delete>{objects}</Delete>".encode()
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        return self.ask("POST", space, "", {"delete": ""}, {"Content-MD5": md5}, body)

    def begin(self, space: str, key: str) -> str:
        """The id of a new upload."""
        return upload_id_of(self.ask("POST", space, key, {"uploads": ""}))

    def complete(
        self,
        space: str,
        key: str,
        upload_id: str,
        parts: Iterable[tuple[int, str]],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """``parts``: (number, ETag) of each."""
        rows = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in parts)
        body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        return self.ask("POST", space, key, {"uploadId": upload_id}, headers, body)

    def upload(self, space: str, key: str, parts: Sequence[bytes]) -> str:
        """Store an object of these parts; return its ETag."""
        upload_id, etags = self.begin(space, key), list[tuple[int, str]]()
        for number, data in enumerate(parts, 1):
            query = {"partNumber": str(number), "uploadId": upload_id}
            etags.append((number, etag_of(self.ask("PUT", space, key, query, body=data))))
        return etag_of(self.complete(space, key, upload_id, etags))


def _judged(answer: Answer) -> Answer:
    is_document = answer.header("Content-Type") == "application/xml" and b"<Error" in answer.body.lstrip()[:200]
    if answer.status != 200 or not is_document:
        return answer
    return replace(answer, status=S3Error(text_of(answer, "Code")).status)


def etag_of(answer: Answer) -> str:
    """The ETag, unquoted, of an answer in a header or in its document."""
    assert answer.status == 200, answer
    return (answer.header("ETag") or text_of(answer, "ETag")).replace("&quot;", '"').strip('"')


def upload_id_of(answer: Answer) -> str:
    assert answer.status == 200, answer
    return text_of(answer, "UploadId")


def text_of(answer: Answer, name: str) -> str:
    """The text of an element of the document."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", answer.body.decode())
    assert found is not None, answer
    return found[1]


def source(space: str, key: str, span: tuple[int, int] | None = None) -> dict[str, str]:
    """The headers of a copy from there.  ``span``: first and last byte."""
    found = {"x-amz-copy-source": f"/{space}/{quote(key)}"}
    if span is not None:
        found["x-amz-copy-source-range"] = f"bytes={span[0]}-{span[1]}"
    return found
