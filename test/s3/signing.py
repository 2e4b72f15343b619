"""Requests that botocore's own classes sign, so that a test sets every byte of them.  See also ``test.server.wire``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.auth import S3SigV4Auth, S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from uvideo.s3 import signature

__all__ = ["REGION", "Signer", "form_body", "framed"]

REGION = "cn-bj"
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Signer:
    """Signs for the server at ``host``.  ``token``: the session token of temporary keys."""

    host: str
    public: str
    private: str
    token: str | None = None

    def _made(self, signer: Any, method: str, target: str, headers: Mapping[str, str], **more: Any) -> AWSRequest:
        request = AWSRequest(method=method, url=f"http://{self.host}{target}", headers={"Host": self.host, **headers})
        request.context.update(more)
        signer.add_auth(request)
        return request

    def _credentials(self) -> Credentials:
        return Credentials(self.public, self.private, self.token)

    def header(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Pairs:
        """All headers of a signed request.  ``X-Amz-Content-SHA256``: the body's if it is not given."""
        given = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest(), **(headers or {})}
        signer = _AsGiven(self._credentials(), "s3", REGION)
        made = self._made(signer, method, target, given, payload=given["X-Amz-Content-SHA256"])
        return [(name, value) for name, value in made.headers.items() if name != "Host"]

    def url(self, method: str, target: str, headers: Mapping[str, str] | None = None, seconds: int = 600) -> str:
        """The target of a presigned URL.  ``headers`` are signed: the request must have them."""
        signer = S3SigV4QueryAuth(self._credentials(), "s3", REGION, seconds)
        made = self._made(signer, method, target, headers or {})
        return str(made.url).partition(self.host)[2]

    def form(self, bucket: str, key: str, conditions: Iterable[Any] = ()) -> Pairs:
        """The fields before the file, with a policy for this bucket and key."""
        ends = datetime.now(timezone.utc) + timedelta(minutes=10)
        policy = {
            "expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "conditions": [{"bucket": bucket}, {"key": key}, *conditions],
        }
        fields: dict[str, str] = {"key": key}
        signer = S3SigV4PostAuth(self._credentials(), "s3", REGION)
        more = {"s3-presign-post-fields": fields, "s3-presign-post-policy": policy}
        self._made(signer, "POST", f"/{bucket}", {}, **more)
        return list(fields.items())

    def chunks(self, target: str, data: bytes, size: int = 65536, **headers: str) -> tuple[Pairs, bytes]:
        """(headers, body) of a PUT in signed chunks of ``size`` bytes."""
        given = {
            "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "X-Amz-Decoded-Content-Length": str(len(data)),
            **headers,
        }
        pairs = self.header("PUT", target, given)
        found = {name.lower(): value for name, value in pairs}
        seed, date = found["authorization"].rpartition("Signature=")[2], found["x-amz-date"]
        key = signature.SigningKey.derive(self.private, signature.CredentialScope(self.public, date[:8], REGION), date)
        return pairs, framed(key, seed, data, size)


class _AsGiven(S3SigV4Auth):
    """Takes ``x-amz-content-sha256`` as it is given."""

    def payload(self, request: Any) -> str:
        return str(request.context["payload"])


def framed(key: signature.SigningKey, seed: str, data: bytes, size: int) -> bytes:
    """A body in signed chunks."""
    made, previous, empty = b"", seed, hashlib.sha256(b"").hexdigest()
    for at in [*range(0, len(data), size), len(data)]:
        piece = data[at : at + size]
        digest = hashlib.sha256(piece).hexdigest()
        previous = key.sign(f"AWS4-HMAC-SHA256-PAYLOAD\n{key.date}\n{key.scope}\n{previous}\n{empty}\n{digest}")
        made += b"%x;chunk-signature=%s\r\n%s\r\n" % (len(piece), previous.encode(), piece)
    return made


def form_body(
    fields: Mapping[str, str] | Iterable[tuple[str, str]], data: bytes, *after: tuple[str, str]
) -> tuple[Pairs, bytes]:
    """(headers, body) of a form with this file.  ``after``: fields behind it."""
    made = b"".join(_field(*each) for each in (fields.items() if isinstance(fields, Mapping) else fields))
    made += b'--edge\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\n%s\r\n' % data
    made += b"".join(_field(*each) for each in after)
    return [("Content-Type", "multipart/form-data; boundary=edge")], made + b"--edge--\r\n"


def _field(name: str, value: str) -> bytes:
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
