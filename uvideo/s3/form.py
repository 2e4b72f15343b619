"""An upload by a form (PostObject): the operation out of its fields, and its answers.  Source: s3.md section 3.8.

post_policy.py reads the fields, and checks the signature and the policy, before.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from uvideo._core import message
from uvideo.s3 import checksum, condition, field, operation, storing, tagging
from uvideo.s3.codec import OperationCodec, OperationRequest, empty, written
from uvideo.s3.errors import S3Error
from uvideo.s3.post_policy import PostForm
from uvideo.s3.xml_text import element

__all__ = ["CODECS", "decode"]

STATUSES = (200, 201, 204)


def decode(bucket: str, form: PostForm, headers: message.Headers) -> operation.PostObject:
    """The operation of a form.  ``headers``: of its request, for the conditions.  S3Error as for PutObject."""
    given = dict(form.fields)
    tags = given.pop("tagging", None)
    given.pop("x-amz-tagging", None)
    if "acl" in given:
        given["x-amz-acl"] = given.pop("acl")
    for name, value in given.items():
        if name not in ("policy", "key") and field.has_control(value):  # a header of later answers cannot hold it
            raise field.invalid("A field of the form holds a control character", name, "")
    fields = message.Headers(list(given.items()))
    stored = storing.stored(OperationRequest(bucket, form.key, {}, fields))
    if tags:
        stored["tags"] = tagging.of_document(tags.encode("utf-8", "surrogateescape"))
    return operation.PostObject(
        **stored,
        md5=checksum.content_md5(fields),
        checksum=checksum.announced(fields, has_body=False),
        conditions=condition.of_write(headers),
        success_action_redirect=_redirect(given),
        success_action_status=_status(given.get("success_action_status", "")),
    )


def _redirect(given: dict[str, str]) -> str | None:
    """Where the browser is sent, if that is an absolute URL.  A header can hold only ASCII."""
    found = given.get("success_action_redirect") or given.get("redirect") or ""
    try:
        parts = urlsplit(found)
    except ValueError:
        return None
    is_url = parts.scheme in ("http", "https") and bool(parts.netloc) and found.isascii() and " " not in found
    return found if is_url else None


def _status(value: str) -> int:
    return next((status for status in STATUSES if str(status) == value.strip()), 204)


def _encode(op: operation.PostObject, result: operation.PostObjectOutput) -> message.Response:
    etag = field.quoted(result.etag)
    common = (
        ("ETag", etag),
        *field.checksum_headers(result.checksum),
        ("x-amz-version-id", result.version_id),
    )
    if op.success_action_redirect is not None:
        told = f"bucket={quote(op.bucket, safe='')}&key={quote(op.key, safe='')}&etag={quote(etag, safe='')}"
        place, mark, fragment = op.success_action_redirect.partition("#")
        return empty(303, ("Location", f"{place}{'&' if '?' in place else '?'}{told}{mark}{fragment}"), *common)
    headers = (("Location", result.location), *common)
    if op.success_action_status != 201:
        return empty(op.success_action_status, *headers)
    content = (
        element("Location", result.location),
        element("Bucket", op.bucket),
        element("Key", op.key),
        element("ETag", etag),
    )
    return written("PostResponse", *content, headers=headers, namespace="")._replace(status=201)


def _refuse(asked: OperationRequest) -> operation.PostObject:
    """A form is no request whose headers and query say all."""
    raise S3Error("MalformedPOSTRequest")


CODECS: dict[type, OperationCodec] = {operation.PostObject: OperationCodec(_refuse, _encode)}
