"""botocore as the other side: it makes the request that is decoded, and reads the answer that is encoded.

Nothing is sent: the request is taken where botocore would send it.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from ucloud.uvideo.protocol import compat
from ucloud.uvideo.protocol.message import Headers, Response
from uvideo.s3 import dialect, errors, routing
from uvideo.s3.codec import OperationRequest


class _Raw(io.BytesIO):
    def stream(self, size: int = 1024) -> Iterator[bytes]:
        while piece := self.read(size):
            yield piece


class Oracle:
    """A client of botocore, and in place of the server the codecs."""

    def __init__(self) -> None:
        session = botocore.session.Session()
        session.set_credentials("access", "secret")
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, parameter_validation=True)
        self.client = session.create_client(
            "s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:1", config=config
        )
        self.client.meta.events.register("before-send.s3", self._answer)
        self._cls: type | None = None
        self._result: Any = None
        self._body = b""
        self.op: Any = None
        self.request: OperationRequest | None = None
        self.response: Response | None = None

    def ask(self, cls: type, params: dict[str, Any], result: Any, body: bytes = b"") -> tuple[Any, dict[str, Any]]:
        """(the operation decoded of botocore's request, what botocore reads of the encoded result).

        ``body``: the bytes of an object.  ClientError if the operation is refused.
        """
        self._cls, self._result, self._body = cls, result, body
        method = getattr(self.client, botocore.xform_name(cls.__name__))
        parsed = method(**params)
        parsed.pop("ResponseMetadata")
        return self.op, parsed

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        path, _, query = request.url.partition("?")
        bucket, _, key = compat.unquote(urlsplit(path).path[1:]).partition("/")
        headers = [(name, _text(value)) for name, value in request.headers.items()]
        body = request.body if isinstance(request.body, bytes) else b""
        self.request = OperationRequest(bucket, key, dict(compat.parse_query(query)), Headers(headers), body)
        assert self._cls is not None
        routed = routing.route(request.method, bucket, key, compat.parse_query(query), self.request.headers)
        assert routed is self._cls, routed
        try:
            self.op = dialect.decode(self._cls, self.request)
            result = self._result(self.op) if callable(self._result) else self._result
            self.response = dialect.encode(self.op, result)
        except errors.S3Error as error:
            self.response = errors.answer(error, "/", "1", "2")
        given = {name.lower(): value for name, value in self.response.headers}
        assert len(given) == len(self.response.headers), "a header is there twice"
        assert not self.response.body or given["content-type"] == "application/xml"
        return AWSResponse(request.url, self.response.status, given, _Raw(self.response.body or self._body))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@functools.cache
def oracle() -> Oracle:
    """The one of this process: to make a client takes long."""
    return Oracle()
