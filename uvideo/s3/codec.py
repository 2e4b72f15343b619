"""How an operation is read from a request, and its result is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from uvideo._core import message
from uvideo.s3 import xml_text

__all__ = ["OperationRequest", "OperationCodec", "bare", "empty", "written"]


class OperationRequest(NamedTuple):
    """What a request says, after its signature is checked.

    ``key``: "" for a bucket; ``bucket``: "" for the service.  ``query``: {name: value}, as the API spells the names.
    """

    bucket: str
    key: str
    query: Mapping[str, str]
    headers: message.Headers
    body: bytes = b""


class OperationCodec(NamedTuple):
    """``decode``: the operation of a request.  S3Error.

    ``encode``: (operation, result) -> the answer without Content-Length.
    """

    decode: Callable[[OperationRequest], Any]
    encode: Callable[[Any, Any], message.Response]


def bare(status: int = 200) -> Callable[[object, None], message.Response]:
    """The encoder of an operation whose answer is only a status."""

    def encode(op: object, result: None) -> message.Response:
        return empty(status)

    return encode


def empty(status: int, *pairs: tuple[str, str | None]) -> message.Response:
    """An answer without body.  ``pairs``: its headers; those with None are left out."""
    return message.Response(status, message.Headers([(name, value) for name, value in pairs if value is not None]), b"")


def written(
    name: str,
    *content: str | bytes,
    headers: tuple[tuple[str, str | None], ...] = (),
    namespace: str = xml_text.NAMESPACE,
) -> message.Response:
    """An answer with a document.  ``name``: of its root.  ``content``: XML.  ``headers``: None leaves one out.

    ``namespace``: "" for none.
    """
    pairs = [("Content-Type", "application/xml"), *((name, value) for name, value in headers if value is not None)]
    return message.Response(200, message.Headers(pairs), xml_text.root(name, *content, namespace=namespace))
