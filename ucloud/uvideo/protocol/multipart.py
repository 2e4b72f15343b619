"""Multipart uploads: begin, send a part, finish, abort.  Source: data-plane.md section 4."""

from __future__ import absolute_import, division, print_function

from . import field, operation
from .codec import Codec
from .compat import TYPE_CHECKING, build_query, native, quote_path, to_bytes, to_text
from .errors import BadAnswer, BadRequest
from .json_document import document, json_answer, members, number, number_or_none, text
from .location import FINISH, INIT, place

if TYPE_CHECKING:
    from typing import Mapping  # noqa: F401

    from .codec import Asked  # noqa: F401
    from .message import Headers, Response  # noqa: F401

FORM = "application/x-www-form-urlencoded"


def _encode_initiate(op, shared):
    # type: (operation.InitiateUpload, bool) -> Asked
    pairs = field.stored(op)
    if not op.mime and shared:  # the video client signs a form's type here; the parts have the real one
        pairs.insert(0, ("Content-Type", FORM))
    return "POST", place(op.key, shared, INIT) + "?uploads", pairs, b""


def _decode_initiate(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.InitiateUpload
    mime = field.mime(headers)
    return operation.InitiateUpload(
        space,
        key,
        None if mime == FORM else mime,
        field.storage_class(headers),
        field.metadata(headers),
        field.kept(headers),
    )


def _encode_initiated(result):
    # type: (operation.Initiated) -> Response
    return json_answer(
        {"UploadId": result.upload_id, "BlkSize": result.block_size, "Bucket": result.space, "Key": result.key}
    )


def _decode_initiated(op, response):
    # type: (operation.InitiateUpload, Response) -> operation.Initiated
    found = members(response, "UploadId", "BlkSize")
    upload_id, block_size = text(found["UploadId"]), number(found["BlkSize"])
    if not upload_id or not block_size:
        raise BadAnswer(u"the answer's UploadId or BlkSize is invalid", status=response.status)
    return operation.Initiated(
        upload_id, block_size, text(found.get("Bucket", op.space)), text(found.get("Key", op.key))
    )


def _encode_part(op, shared):
    # type: (operation.UploadPart, bool) -> Asked
    target = "%s%s&partNumber=%d" % (place(op.key, shared), field.upload_query(op.upload_id), op.part)
    pairs = [("Content-Type", native(op.mime))] if op.mime else []
    if op.md5:
        pairs.append(("Content-MD5", native(op.md5)))
    return "PUT", target, pairs, b""


def _decode_part(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.UploadPart
    # Its Content-MD5 is only for the signature: Java's is of a whole buffer, even if the part is a piece of it.
    md5 = field.header_text(headers.get("Content-MD5") or "", u"Content-MD5").strip() or None
    return operation.UploadPart(space, key, field.upload_id(query), field.part_number(query), field.mime(headers), md5)


def _encode_stored_part(result):
    # type: (operation.StoredPart) -> Response
    return json_answer({"PartNumber": result.part}, [field.quoted(result.etag)])


def decode_stored_part(op, response):
    # type: (operation.UploadPart | operation.CopyPart, Response) -> operation.StoredPart
    etag = field.unquoted(response.headers.get("ETag"))
    if not etag:
        raise BadAnswer(u"the answer to a part lacks ETag", status=response.status)
    return operation.StoredPart(op.part, etag)


def _encode_finish(op, shared):
    # type: (operation.FinishUpload, bool) -> Asked
    target = place(op.key, shared, FINISH) + field.upload_query(op.upload_id)
    if op.new_key:
        target += "&" + build_query([("newKey", op.new_key)])
    pairs = [("Content-Type", "text/plain")]
    if op.new_key:  # the signature's word is not known here, so send both
        pairs.extend([(name, quote_path(op.new_key)) for name in field.NEW_KEY])
    if op.directive:
        pairs.append((field.DIRECTIVE, native(op.directive)))
    pairs.extend([(field.META + native(name), native(value)) for name, value in op.metadata])
    return "POST", target, pairs, to_bytes(u",".join([to_text(etag) for etag in op.etags]))


def _decode_finish(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.FinishUpload
    etags = _etags(body)
    directive = headers.get(field.DIRECTIVE)
    if directive is not None and directive not in ("UNCHANGED", "REPLACE"):
        raise BadRequest(u"%s is neither UNCHANGED nor REPLACE" % field.DIRECTIVE)
    new_key = query.get("newKey") or query.get("newObject") or None
    if new_key and len(to_bytes(new_key)) > field.KEY_LIMIT:
        raise BadRequest(u"newKey is longer than %d bytes" % field.KEY_LIMIT)
    metadata = field.metadata(headers)
    return operation.FinishUpload(space, key, field.upload_id(query), etags, new_key, metadata, directive)


def _etags(body):
    # type: (bytes) -> tuple[str, ...]
    """Tuple of the etags in FinishUpload's body, each bare or quoted.  C and C++ add a comma after the last."""
    try:
        names = [name.strip().strip(u'"').strip() for name in body.decode("utf-8").split(u",")]
    except UnicodeDecodeError:
        raise BadRequest(u"the body is not a list of etags")
    return tuple(names if names[-1] else names[:-1])


def _encode_finished(result):
    # type: (operation.Finished) -> Response
    found = {"Bucket": result.space, "Key": result.key, "FileSize": result.size}
    return json_answer(found, [field.quoted(result.etag)])


def _decode_finished(op, response):
    # type: (operation.FinishUpload, Response) -> operation.Finished
    found, etag = document(response), field.unquoted(response.headers.get("ETag"))
    if found is None and not etag:
        raise BadAnswer(u"the answer does not describe the object", status=response.status)
    found = found or {}
    return operation.Finished(
        text(found.get("Bucket", op.space)),
        text(found.get("Key", op.key)),
        number_or_none(found.get("FileSize")),
        etag,
    )


def _encode_abort(op, shared):
    # type: (operation.AbortUpload, bool) -> Asked
    return "DELETE", place(op.key, shared) + field.upload_query(op.upload_id), [], b""


def _decode_abort(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.AbortUpload
    return operation.AbortUpload(space, key, query.get("uploadId") or field.upload_id(query, "uploads"))


CODECS = {
    operation.InitiateUpload: Codec(_encode_initiate, _decode_initiate, _encode_initiated, _decode_initiated),
    operation.UploadPart: Codec(_encode_part, _decode_part, _encode_stored_part, decode_stored_part),
    operation.FinishUpload: Codec(_encode_finish, _decode_finish, _encode_finished, _decode_finished),
    operation.AbortUpload: Codec(_encode_abort, _decode_abort),
}  # type: dict[type, Codec]
