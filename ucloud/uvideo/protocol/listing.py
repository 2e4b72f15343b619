"""Listings, a page at a time: objects, unfinished uploads, the parts of one.  Source: data-plane.md section 4."""

from __future__ import absolute_import, division, print_function

from . import field, operation
from .codec import Codec
from .compat import TYPE_CHECKING, build_query, is_text
from .errors import BadRequest
from .json_document import json_answer, members, number, number_or_none, text, text_or_none

if TYPE_CHECKING:
    from typing import Any, Mapping  # noqa: F401

    from .codec import Asked  # noqa: F401
    from .message import Headers, Response  # noqa: F401

    _Pair = tuple[str, str | int | None]

LIST_LIMIT = 1000


def _list(flag, *fields):
    # type: (str, *_Pair) -> Asked
    pairs = [(flag, None)]  # type: list[tuple[str, str | None]]
    pairs += [(name, value if is_text(value) else "%d" % value) for name, value in fields if value is not None]
    return "GET", "/?" + build_query(pairs), [], b""


def _start(op):
    # type: (operation.ListUploads | operation.ListFiles | operation.ListObjects) -> tuple[_Pair, ...]
    return ("prefix", op.prefix), ("marker", op.marker)


def _limit(query, name):
    # type: (Mapping[str, str], str) -> int | None
    """A page's length.  A larger one than the service's maximum means the maximum."""
    value = field.number(query, name, 0, 10**15)
    return None if value is None else min(value, LIST_LIMIT)


def _encode_parts(op, shared):
    # type: (operation.ListParts, bool) -> Asked
    return _list("muploadpart", ("uploadId", op.upload_id), ("max-parts", op.limit), ("part-number-marker", op.marker))


def _decode_parts(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListParts
    upload_id, limit = field.upload_id(query), _limit(query, "max-parts")
    return operation.ListParts(space, upload_id, limit, field.number(query, "part-number-marker", 0, field.PART_LIMIT))


def _encode_part_page(page):
    # type: (operation.PartPage) -> Response
    return json_answer(
        {
            "UploadId": page.upload_id,
            "Bucket": page.space,
            "Key": page.key,
            "StorageClass": page.storage_class,
            "MaxParts": page.limit,
            "IsTruncated": page.truncated,
            "NextPartNumberMarker": page.next_marker,
            "Parts": [
                {"PartNum": part.part, "Etag": part.etag, "Size": part.size, "LastModified": part.modified}
                for part in page.parts
            ],
        }
    )


def _decode_part_page(op, response):
    # type: (operation.ListParts, Response) -> operation.PartPage
    found = members(response, "Parts")
    return operation.PartPage(
        text(found.get("Bucket", op.space)),
        text_or_none(found.get("Key")),
        text(found.get("UploadId", op.upload_id)),
        text_or_none(found.get("StorageClass")),
        number_or_none(found.get("MaxParts", op.limit)),
        bool(found.get("IsTruncated")),
        number(found.get("NextPartNumberMarker") or 0),
        tuple([_part(entry) for entry in found["Parts"] or ()]),
    )


def _part(entry):
    # type: (dict[str, Any]) -> operation.Part
    return operation.Part(
        number(entry["PartNum"]),
        _tag(entry["Etag"]),
        number_or_none(entry.get("Size")),
        number_or_none(entry.get("LastModified")),
    )


def _tag(value):
    # type: (object) -> str
    return text(value).strip('"')


def _encode_uploads(op, shared):
    # type: (operation.ListUploads, bool) -> Asked
    return _list("muploadid", *_start(op) + (("limit", op.limit), ("upload-id-marker", op.upload_id_marker or None)))


def _decode_uploads(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListUploads
    marker, upload_id_marker = query.get("marker", u""), query.get("upload-id-marker", u"")
    return operation.ListUploads(space, query.get("prefix", u""), marker, upload_id_marker, _limit(query, "limit"))


def _encode_upload_page(page):
    # type: (operation.UploadPage) -> Response
    return json_answer(
        {
            "RetCode": 0,
            "ErrMsg": "",
            "Bucket": page.space,
            "NextMarker": page.next_marker,
            "UploadIdMarker": page.next_upload_id,
            "IsTruncated": page.truncated,
            "DataSet": [
                {
                    "UploadId": upload.upload_id,
                    "FileName": upload.key,
                    "StartTime": upload.started,
                    "StorageClass": upload.storage_class,
                }
                for upload in page.uploads
            ],
        }
    )


def _decode_upload_page(op, response):
    # type: (operation.ListUploads, Response) -> operation.UploadPage
    found = members(response, "DataSet")
    return operation.UploadPage(
        text(found.get("Bucket", op.space)),
        bool(found.get("IsTruncated")),
        text(found.get("NextMarker") or u""),
        text(found.get("UploadIdMarker") or u""),
        tuple([_upload(entry) for entry in found["DataSet"] or ()]),
    )


def _upload(entry):
    # type: (dict[str, Any]) -> operation.UploadInfo
    return operation.UploadInfo(
        text(entry["UploadId"]),
        text(entry["FileName"]),
        number_or_none(entry.get("StartTime")),
        text_or_none(entry.get("StorageClass")),
    )


def _encode_files(op, shared):
    # type: (operation.ListFiles, bool) -> Asked
    return _list("list", *_start(op) + (("limit", op.limit),))


def _decode_files(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListFiles
    return operation.ListFiles(space, query.get("prefix", u""), query.get("marker", u""), _limit(query, "limit"))


def _encode_file_page(page):
    # type: (operation.FilePage) -> Response
    return json_answer(
        {
            "BucketName": page.space,
            "BucketId": page.space_id,
            "NextMarker": page.next_marker,
            "DataSet": [dict(file_entry(page.space, info), ObjectName=info.key) for info in page.files],
        }
    )


def _decode_file_page(op, response):
    # type: (operation.ListFiles, Response) -> operation.FilePage
    found = members(response, "DataSet")
    return operation.FilePage(
        text(found.get("BucketName", op.space)),
        text_or_none(found.get("BucketId")),
        text(found.get("NextMarker") or u""),
        tuple([parse_file_entry(entry) for entry in found["DataSet"] or ()]),
    )


def file_entry(space, info):
    # type: (str, operation.FileInfo) -> dict[str, Any]
    """An entry of PrefixFileList and GetFileList."""
    return _restorable(
        info,
        {
            "BucketName": space,
            "FileName": info.key,
            "Hash": info.etag,
            "MimeType": info.mime,
            "Size": info.size,
            "CreateTime": info.created,
            "ModifyTime": info.modified,
            "StorageClass": info.storage_class,
        },
    )


def parse_file_entry(found):
    # type: (dict[str, Any]) -> operation.FileInfo
    return operation.FileInfo(
        text(found["FileName"]),
        number(found["Size"]),
        text(found["Hash"]),
        text(found["MimeType"]),
        text_or_none(found.get("StorageClass")),
        number(found["CreateTime"]),
        number(found["ModifyTime"]),
        (),
        text_or_none(found.get("RestoreStatus") or None),
    )


def _encode_objects(op, shared):
    # type: (operation.ListObjects, bool) -> Asked
    return _list("listobjects", *_start(op) + (("max-keys", op.limit), ("delimiter", op.delimiter)))


def _decode_objects(space, key, query, headers, body):
    # type: (str, str, Mapping[str, str], Headers, bytes) -> operation.ListObjects
    delimiter = query.get("delimiter", u"")
    if delimiter not in (u"", u"/"):
        raise BadRequest(u"delimiter is neither empty nor /")
    prefix, marker = query.get("prefix", u""), query.get("marker", u"")
    return operation.ListObjects(space, prefix, marker, _limit(query, "max-keys"), delimiter)


def _encode_object_page(page):
    # type: (operation.ObjectPage) -> Response
    return json_answer(
        {
            "Name": page.space,
            "Prefix": page.prefix,
            "MaxKeys": "%d" % page.limit,
            "Delimiter": page.delimiter,
            "IsTruncated": page.truncated,
            "NextMarker": page.next_marker,
            "Contents": [_object_entry(info) for info in page.objects],
            "CommonPrefixes": [{"Prefix": prefix} for prefix in page.prefixes],
        }
    )


def _decode_object_page(op, response):
    # type: (operation.ListObjects, Response) -> operation.ObjectPage
    found = members(response, "Contents")
    return operation.ObjectPage(
        text(found.get("Name", op.space)),
        text(found.get("Prefix", op.prefix)),
        number(found.get("MaxKeys") or LIST_LIMIT),
        text(found.get("Delimiter") or u""),
        bool(found.get("IsTruncated")),
        text(found.get("NextMarker") or u""),
        tuple([_parse_object_entry(entry) for entry in found["Contents"] or ()]),
        tuple([text(entry["Prefix"]) for entry in found.get("CommonPrefixes") or ()]),
    )


def _object_entry(info):
    # type: (operation.FileInfo) -> dict[str, Any]
    return _restorable(
        info,
        {
            "Key": info.key,
            "MimeType": info.mime,
            "ETag": info.etag,
            "Size": "%d" % info.size,  # Go and JuiceFS need a string
            "StorageClass": info.storage_class,
            "LastModified": info.modified,
            "CreateTime": info.created,
            "UserMeta": dict(info.metadata),
        },
    )


def _parse_object_entry(found):
    # type: (dict[str, Any]) -> operation.FileInfo
    metadata = found.get("UserMeta")
    return operation.FileInfo(
        text(found["Key"]),
        number(found["Size"]),
        _tag(found["ETag"]),
        text(found["MimeType"]),
        text_or_none(found.get("StorageClass")),
        number_or_none(found.get("CreateTime")),
        number_or_none(found.get("LastModified")),
        tuple(sorted((text(name).lower(), text(value)) for name, value in metadata.items())) if metadata else (),
        text_or_none(found.get("RestoreStatus") or None),
    )


def _restorable(info, found):
    # type: (operation.FileInfo, dict[str, Any]) -> dict[str, Any]
    if info.restore is not None:
        found["RestoreStatus"] = info.restore
    return found


CODECS = {
    operation.ListParts: Codec(_encode_parts, _decode_parts, _encode_part_page, _decode_part_page),
    operation.ListUploads: Codec(_encode_uploads, _decode_uploads, _encode_upload_page, _decode_upload_page),
    operation.ListFiles: Codec(_encode_files, _decode_files, _encode_file_page, _decode_file_page),
    operation.ListObjects: Codec(_encode_objects, _decode_objects, _encode_object_page, _decode_object_page),
}  # type: dict[type, Codec]
