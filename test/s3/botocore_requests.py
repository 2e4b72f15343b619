"""The requests that botocore makes, taken before they are sent."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import botocore.session
from botocore import UNSIGNED, xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from ucloud.uvideo.protocol import location
from ucloud.uvideo.protocol.message import Headers, Request

ENDPOINT = "http://s3.test:9000"


@functools.cache
def model() -> Any:
    """botocore's model of S3."""
    return botocore.session.get_session().get_service_model("s3")


@functools.cache
def client(endpoint: str = ENDPOINT, *, virtual: bool = False, signed: bool = True) -> Any:
    """A client of which no request leaves the process; see ``asked``."""
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    session.set_config_variable("region", "cn-bj")
    settings: dict[str, Any] = {"signature_version": "s3v4" if signed else UNSIGNED}
    style = "virtual" if virtual else "path"
    config = Config(s3={"addressing_style": style}, retries={"total_max_attempts": 1}, **settings)
    return session.create_client("s3", endpoint_url=endpoint, config=config)


def asked(operation: str, parameters: dict[str, Any], **how: Any) -> Request:
    """The request of one call.  ``how``: as for client."""
    found: list[Request] = []

    def take(request: Any, **_: Any) -> AWSResponse:
        headers = [
            (name, value.decode() if isinstance(value, bytes) else value) for name, value in request.headers.items()
        ]
        scheme, _, rest = request.url.partition("://")
        authority, _, target = rest.partition("/")
        if "Host" not in request.headers:
            headers.append(("Host", authority))
        found.append(Request(request.method, f"{scheme}://{authority}", "/" + target, Headers(headers), b""))
        return AWSResponse(request.url, 200, {}, None)

    made = client(**how)
    made.meta.events.register("before-send.s3", take, unique_id="take")
    try:
        with contextlib.suppress(Exception):  # the answer is none
            getattr(made, xform_name(operation))(**parameters)
    finally:
        made.meta.events.unregister("before-send.s3", unique_id="take")
    (request,) = found
    return request


def least(shape: Any, name: str = "") -> Any:
    """The least value that a shape of the model accepts: required members, and one of a union."""
    kind = shape.type_name
    if kind == "structure":
        members = list(shape.members)[:1] if shape.is_tagged_union else shape.required_members
        return {each: least(shape.members[each], each) for each in members}
    if kind == "list":
        return [least(shape.member)]
    if kind == "string":
        return {"Bucket": "bucket", "Key": "k e/y", "CopySource": "other/key"}.get(
            name, (shape.enum or ["text" * 5])[0]
        )
    return {"integer": 1, "long": 1, "boolean": True, "timestamp": 1767323045, "blob": b""}[kind]


def parameters(operation: str) -> dict[str, Any]:
    """The least parameters of an operation."""
    found = model().operation_model(operation).input_shape
    return {} if found is None else least(found)  # type: ignore[no-any-return]


def target_of(request: Request) -> location.RequestTarget:
    return location.parse_target(request.target)
