"""A form that stores an object, after post_policy.py has read it, and its answer.  Source: s3.md section 3.8."""

from __future__ import annotations

from urllib.parse import urlsplit

from uvideo._core import compat, message
from uvideo.s3 import checksum, condition, field, operation, storing, tagging
from uvideo.s3.codec import OperationRequest, empty, written
from uvideo.s3.post_policy import PostForm
from uvideo.s3.xml_text import element

__all__ = ["decode", "encode"]

#: Fields that are headers in a PUT, beside those that begin with x-amz-.
_HEADERS = frozenset(("content-type", "content-md5", *(name.lower() for name in operation.KEPT)))
_STATUSES = {"200": 200, "201": 201}


def decode(form: PostForm, bucket: str) -> operation.PostObject:
    """The operation of a form.  S3Error, as for a PutObject."""
    fields = form.fields
    pairs = [(name, value) for name, value in fields.items() if name in _HEADERS or name.startswith("x-amz-")]
    if "acl" in fields:
        pairs.append(("x-amz-acl", fields["acl"]))
    headers = message.Headers(pairs)
    stored = storing.stored(OperationRequest(bucket, form.key, {}, headers))
    if fields.get("tagging"):
        stored["tags"] = tagging.of_document(fields["tagging"].encode())
    return operation.PostObject(
        **stored,
        md5=checksum.content_md5(headers),
        checksum=checksum.announced(headers),
        conditions=condition.of_write(headers),
        success_action_redirect=_redirect(fields.get("success_action_redirect") or fields.get("redirect")),
        success_action_status=_STATUSES.get(fields.get("success_action_status", "").strip(), 204),
    )


def _redirect(value: str | None) -> str | None:
    """The URL if it is an absolute one of printable ASCII, else None."""
    if value is None or not value.isascii() or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.netloc else None


def encode(op: operation.PostObject, result: operation.PostObjectOutput) -> message.Response:
    """303 to the redirect, else the status that was asked for."""
    etag = field.quoted(result.etag)
    pairs = (("ETag", etag), ("x-amz-version-id", result.version_id), *field.checksum_headers(result.checksum))
    if op.success_action_redirect is not None:
        told = "&".join(
            f"{name}={compat.quote_query(value)}"
            for name, value in (("bucket", op.bucket), ("key", op.key), ("etag", etag))
        )
        mark = "&" if urlsplit(op.success_action_redirect).query else "?"
        return empty(303, ("Location", f"{op.success_action_redirect}{mark}{told}"), *pairs)
    if op.success_action_status != 201:
        return empty(op.success_action_status, ("Location", result.location), *pairs)
    content = (
        element("Location", result.location),
        element("Bucket", op.bucket),
        element("Key", op.key),
        element("ETag", etag),
    )
    return written("PostResponse", *content, headers=(("Location", result.location), *pairs))._replace(status=201)
