"""The vectors of S3 signatures, and the steps of a server that checks one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ucloud.uvideo.protocol import message
from uvideo.s3 import payload, signature
from uvideo.s3.errors import S3Error

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "s3-vectors.json").read_text("utf-8"))
VECTORS: dict[str, dict[str, Any]] = {each["id"]: each for each in DOCUMENT["vectors"]}


def of_kind(*kinds: str) -> list[str]:
    return [name for name, each in VECTORS.items() if each["kind"] in kinds]


def request_of(vector: dict[str, Any], target: str | None = None, **changed: str | None) -> message.Request:
    """The request of a vector.  ``changed``: other values of headers, by name with _ for -; None leaves one out."""
    headers = [(name, value) for name, value in vector["headers"]]
    if "authorization" in vector:
        headers.append(("Authorization", vector["authorization"]))
    for name, value in changed.items():
        name = name.replace("_", "-")
        headers = [pair for pair in headers if pair[0].lower() != name.lower()]
        if value is not None:
            headers.append((name, value))
    body = vector.get("body", "").encode()
    return message.Request(vector["method"], "", target or vector["target"], message.Headers(headers), body)


def seconds(date: str) -> int:
    found = signature.time_of(date)
    assert found is not None
    return found


def authenticate(
    request: message.Request, keys: dict[str, str], now: int, token: str | None = None
) -> tuple[signature.SignatureClaim, payload.Payload, signature.SigningKey]:
    """As a server does it.  ``keys``: {access key: secret}.  ``token``: of all of them.  S3Error."""
    claimed = signature.claim(request)
    body = signature.payload_of(request, claimed)
    assert claimed is not None
    signature.check_clock(claimed, now)
    if claimed.access_key not in keys:
        raise S3Error("InvalidAccessKeyId")
    if claimed.security_token != token:
        raise S3Error("InvalidToken")
    return claimed, body, signature.verify(claimed, keys[claimed.access_key], request)


def wire_of(vector: dict[str, Any]) -> bytes:
    """The body as it is sent; for the large ones it is put together from the chunks."""
    if "wire" in vector:
        return str(vector["wire"]).encode()
    sent, at, data = b"", 0, decoded(vector)
    for chunk in vector["chunks"]:
        sent += b"%x;chunk-signature=%s\r\n" % (chunk["size"], chunk["signature"].encode())
        if chunk["size"]:
            sent += data[at : at + chunk["size"]] + b"\r\n"
            at += chunk["size"]
    if "trailer" in vector:
        trailer = vector["trailer"]
        sent += f"{trailer['name']}:{trailer['value']}\r\nx-amz-trailer-signature:{trailer['signature']}\r\n".encode()
    return sent + b"\r\n"


def decoded(vector: dict[str, Any]) -> bytes:
    text = str(vector.get("decoded", "hello world"))
    runs = re.findall(r'"(.)" x (\d+)', text)
    return "".join(char * int(count) for char, count in runs).encode() if runs else text.encode()
