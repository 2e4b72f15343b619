"""What is fuzzed: each takes bytes, and raises what its parser must not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any
from unicodedata import category

from test.protocol import samples
from test.s3.vectors import VECTORS, decoded, request_of, wire_of
from ucloud.uvideo.protocol import (
    byterange,
    compat,
    condition,
    dates,
    dialect,
    error_response,
    errors,
    etag,
    field,
    location,
    operation,
    policy,
    postfile,
    provider,
    restore,
    signature,
    upload,
)
from ucloud.uvideo.protocol import (
    management as action,
)
from ucloud.uvideo.protocol.message import Headers, Request, Response
from uvideo.s3 import acl, checksum, chunked, payload, post_policy, recognition, routing, storage_class, tagging, xml
from uvideo.s3 import condition as condition_s3
from uvideo.s3 import dialect as s3_dialect
from uvideo.s3 import errors as s3_errors
from uvideo.s3 import etag as etag_s3
from uvideo.s3 import multipart as s3_multipart
from uvideo.s3 import operation as s3
from uvideo.s3 import signature as signature_s3
from uvideo.s3.codec import OperationRequest
from uvideo.s3.errors import S3Error
from uvideo.server.http.form_upload import LIMIT, Form, boundary_of
from uvideo.testing import faults

TURNS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # turn the direction of text
NOW = 1_700_000_000.0
RESULTS = (*samples.RESULTS, *samples.ACTION_RESULTS)


def _message(data: bytes) -> tuple[str, Headers, bytes]:
    """(first line, headers, body), as a carrier hands them on."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\n")
    fields = (line.partition(":") for line in lines)
    return first, Headers([(name, value.strip()) for name, mark, value in fields if mark and name]), body


def _said(error: BaseException) -> None:
    """An error's text is for a terminal: no controls, not endless."""
    said = str(error)
    assert not any(category(char) in ("Cc", "Cs", "Zl", "Zp") or char in TURNS for char in said), ascii(said)
    assert len(said) < 2000, len(said)


def request(data: bytes) -> None:
    """What the server reads out of a request before it touches the store."""
    first, headers, body = _message(data)
    method, _, raw = first.partition(" ")
    try:
        target = location.parse_target(raw)
        host = target.authority or headers.get("Host") or ""
        provider.domain_of(host)
        query = dialect.parameters(target.query)
        for address in location.addresses(host, headers.get("Bucket"), target.path):
            key = location.key_of(address)
            claimed = signature.claim(headers, target.query)
            if claimed is not None:
                keys, tails = signature.variants(method, key, target.query)
                for signed in keys:
                    texts = signature.candidates(claimed, method, address.space, (signed,), headers, tails)
                    try:
                        signature.verify(claimed, "a private key", texts, NOW)
                    except errors.SignatureMismatch:
                        pass
            cls = dialect.route(method, key, query, headers)
            op = dialect.decode(cls, address.space, key, query, headers, body)
            if cls is operation.GetObject:
                if op.range is not None:
                    byterange.resolve(op.range, 1000)
                condition.range_holds(op.conditions, "etag", NOW)
                condition.not_modified(op.conditions, "etag", NOW)
            policy.of(headers)
            assert op.space == address.space
    except errors.UVideoError as error:
        assert isinstance(error, errors.Refused) and 400 <= error.status < 500, error
        _said(error)


def management(data: bytes) -> None:
    """A management call, in its query and its body."""
    first, headers, body = _message(data)
    try:
        target = location.parse_target(first)
        given = action.parameters(target.query, headers, body)
        signature.action_signature("a private key", given)
        action.decode(given)
    except errors.UVideoError as error:
        assert isinstance(error, errors.Refused)
        _said(error)


def form(data: bytes) -> None:
    """A form upload, read in two ways: the pieces must not matter."""
    step, data = (data[0] % 29 + 1, data[1:]) if data else (1, b"")
    kind, _, body = data.partition(b"\n\n")
    found = [asyncio.run(_form(kind.decode("latin-1"), body, size)) for size in (step, len(body) + 1)]
    assert found[0] == found[1], found


async def _form(kind: str, body: bytes, step: int) -> Any:
    at = 0

    async def chunk() -> bytes:
        nonlocal at
        piece, at = body[at : at + step], at + step
        return piece

    try:
        made = Form(boundary_of(kind), chunk)
        fields = await made.fields()
        assert sum(map(len, fields)) + sum(len(value) for value in fields.values()) <= LIMIT
        postfile.readings(Headers(), fields, made.mime)
        taken = b""
        while piece := await made.chunk():
            taken += piece
        return fields, made.mime, taken
    except errors.BadRequest as error:
        _said(error)
        return None


def reply(data: bytes) -> None:
    """A hostile server's answer to each kind of call."""
    which, data = (data[0], data[1:]) if data else (0, b"")
    op, _ = RESULTS[which % len(RESULTS)]
    first, headers, body = _message(data)
    status = compat.whole(first[:3]) or 200
    try:
        decode = action.decode_result if type(op) in action.OPERATIONS.values() else dialect.decode_result
        decode(op, Response(status, headers, body), NOW)
    except errors.UVideoError as error:
        _said(error)


def words(data: bytes) -> None:
    """The small parsers, on any text."""
    said = data.decode("utf-8", "surrogateescape")
    for parse in (
        *(byterange.parse, byterange.parse_content, restore.parse, dates.parse_date, field.unquoted),
        *(compat.whole, compat.printable, etag.is_etag, error_response.readable, provider.domain_of),
        *(
            lambda value: etag.agrees(value, bytes(20)),
            lambda value: error_response.retry_after(Headers([("Retry-After", value)])),
        ),
    ):
        parse(said)
    for strict, allowed in (
        (etag.part_digest, ValueError),
        (compat.unquote, ValueError),
        (compat.parse_query, ValueError),
        (signature.read_authorization, errors.UVideoError),
        (policy.parse, errors.UVideoError),
        (provider.parse_suffix, (errors.UVideoError, ValueError)),
        (boundary_of, errors.UVideoError),
    ):
        try:
            strict(said)
        except allowed as error:
            if isinstance(error, errors.Refused):
                _said(error)


def records(data: bytes) -> None:
    """What was kept on a disk that others may write to: an upload's record, a script of faults."""
    try:
        made = upload.read(data)
        again = upload.read("\n".join(made.lines()) + "\n")
        assert again.digests == made.digests
        made.sent(), made.complete()
    except errors.InvalidArgument as error:
        _said(error)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, dict):
            try:
                str(faults.parse(each))
            except ValueError:
                pass


def s3_request(data: bytes) -> None:
    """What an S3 request claims, and whether its signature is right."""
    first, headers, body = _message(data)
    method, _, raw = first.partition(" ")
    asked = Request(method, "", raw, headers, body)
    named = signature_s3.claimed(asked)
    try:
        claim = signature_s3.claim(asked)
        signature_s3.payload_of(asked, claim)
        if claim is not None:
            assert claim.access_key == named and named
            for check in (
                lambda: signature_s3.check_clock(claim, NOW),
                lambda: signature_s3.verify(claim, "a private key", asked, ["other.host"]),
            ):
                try:
                    check()
                except S3Error as error:
                    assert error.status == 403, error
                    _said(error)
    except S3Error as error:
        assert error.status in (400, 403, 411, 501), error
        _said(error)


def s3_chunks(data: bytes) -> None:
    """A body in chunks, read in two ways: the pieces must not matter."""
    which, step, data = (data[0], data[1] % 29 + 1, data[2:]) if len(data) > 1 else (0, 1, b"")
    found = [_chunks(S3_STREAMS[which % len(S3_STREAMS)], data, size) for size in (step, len(data) + 1)]
    assert found[0] == found[1], found


def _chunks(name: str, body: bytes, step: int) -> Any:
    vector = VECTORS[name]
    asked = request_of(vector)
    claim = signature_s3.claim(asked)
    assert claim is not None
    scope, date = claim.scope, claim.date
    key = signature_s3.SigningKey.derive(vector["secret_key"], scope, date)
    announced: payload.Payload = signature_s3.payload_of(asked, claim)
    decoder = chunked.ChunkDecoder(announced, key, claim.signature)
    try:
        found = b"".join(decoder.feed(body[at : at + step]) for at in range(0, len(body), step))
        decoder.end()
        assert len(found) == announced.length
        if announced.has_signed_chunks:
            assert found == decoded(vector)
        return found, decoder.trailers
    except S3Error as error:
        assert error.status in (400, 403)
        _said(error)
        return error.code


def s3_form(data: bytes) -> None:
    """The fields of a form of S3: first its file's name, then a line each."""
    filename, headers, _ = _message(data)
    named = post_policy.claimed(headers)
    for version_2 in (False, True):
        try:
            form = post_policy.read(headers, filename, version_2)
            if form.claim is not None:
                assert form.claim.access_key == named
                try:
                    post_policy.verify(form.claim, "a private key")
                except S3Error as error:
                    assert error.code == "SignatureDoesNotMatch"
            post_policy.check_size(form, 5)
            post_policy.check_expiry(form, NOW)
            post_policy.permit(form, "demo-bucket")
        except S3Error as error:
            assert error.status in (400, 403, 501)
            _said(error)


def s3_xml(data: bytes) -> None:
    """The XML body of an S3 request: what is read is at least what a parser of the standard library reads."""
    try:
        root = xml.read(data, *ROOTS)
    except S3Error as error:
        assert error.code == "MalformedXML"
        return
    assert b"<!DOCTYPE" not in data
    if b"}" in data:  # in a namespace ElementTree refuses it
        return
    waiting, seen = [(root, ElementTree.fromstring(data.decode()))], 0
    while waiting:
        ours, theirs = waiting.pop()
        assert ours.name == theirs.tag.rpartition("}")[2], ascii(data)
        said = (theirs.text or "") + "".join(child.tail or "" for child in theirs)
        assert ours.text == said, ascii(data)
        waiting += zip(ours.children, theirs, strict=True)
        seen += 1
    assert seen <= xml.ELEMENTS


S3_OPERATIONS = {cls.__name__: cls for cls in s3.OPERATIONS}


def s3_operation(data: bytes) -> None:
    """What the server reads out of an S3 request whose signature is right."""
    first, headers, body = _message(data)
    name, _, raw = first.partition(" ")
    try:
        target = location.parse_target(raw)
        bucket, _, key = compat.unquote(target.path[1:]).partition("/")
    except (errors.UVideoError, ValueError):
        return
    if name not in S3_OPERATIONS:
        return
    try:
        cls = S3_OPERATIONS[name]
        op = s3_dialect.decode(cls, OperationRequest(bucket, key, dict(target.query), headers, body))
        assert type(op) is cls
        if cls is s3.CompleteMultipartUpload:
            s3_multipart.parts_of(body)
    except S3Error as error:
        assert 400 <= error.status < 500 or error.status == 501, error
        assert s3_errors.document(error, "/", "1", "2").startswith(b"<?xml")


def s3_route(data: bytes) -> None:
    """Which bucket, key and operation an S3 request names, before anything of it is checked."""
    first, headers, _ = _message(data)
    method, _, raw = first.partition(" ")
    try:
        target = location.parse_target(raw)
    except errors.UVideoError:
        return
    query = target.query
    host = S3_NAMES.match(target.authority or headers.get("Host") or "")
    known = recognition.by_signature(query, headers)
    assert known is None or recognition.is_s3(method, query, headers, host) == known
    assert recognition.is_s3(method, query, headers, host, port=True)
    try:
        bucket, key = recognition.address(target.path, host.bucket if host is not None else "")
    except S3Error as error:
        assert error.code in ("InvalidURI", "KeyTooLongError"), error
        _said(error)
        return
    assert len(key.encode()) <= 1024 and "\0" not in bucket + key and (bucket or not key)
    found = routing.route(method, bucket, key, query, headers)
    flags = {name for name, _ in query}
    if found is s3.CreateBucket or found is s3.DeleteBucket:
        assert not key and flags.isdisjoint(S3_FLAGS), flags
    if found is s3.PutObject or found is s3.DeleteObject:
        assert key and flags.isdisjoint(S3_FLAGS - {"x-id", "partNumber"}), flags


def s3_fields(data: bytes) -> None:
    """The small parsers of S3, on any text."""
    said = data.decode("utf-8", "surrogateescape")
    for parse in (etag_s3.from_ufile, etag_s3.to_ufile):
        parse(said)
    checksums = [("x-amz-checksum-crc32", said), ("x-amz-trailer", said), ("x-amz-sdk-checksum-algorithm", said)]
    for strict in (
        *(tagging.of_header, storage_class.parse, payload.check_line, checksum.algorithm_of),
        *(lambda value, name=name: checksum.type_for(name, value) for name in s3.ALGORITHMS),
        *(lambda value, name=name: checksum.digest_of(name, value) for name in s3.ALGORITHMS),
        *(lambda value, pair=pair: checksum.announced(Headers([pair])) for pair in checksums),
        *(lambda value, pair=pair: payload.announced(Headers([pair]), S3_TRAILED, True) for pair in checksums),
        lambda value: checksum.content_md5(Headers([("Content-MD5", value)])),
        lambda value: payload.announced(Headers([("x-amz-decoded-content-length", value)]), S3_TRAILED, True),
        lambda value: acl.of_headers(Headers([("x-amz-grant-read", value)])),
        lambda value: acl.of_headers(Headers([("x-amz-acl", value)])),
        lambda value: signature_s3.scope_of(value, "AuthorizationHeaderMalformed"),
    ):
        try:
            strict(said)
        except S3Error as error:
            assert 400 <= error.status < 500 or error.status == 501, error
            assert s3_errors.document(error, "/", "1", "2").startswith(b"<?xml")
            _said(error)


def s3_conditions(data: bytes) -> None:
    """Conditions of each kind hold or fail: nothing else.  A line each."""
    headers = _message(b"\n" + data)[1]
    for check in (
        lambda: condition_s3.of_read(headers).not_modified("etag", int(NOW)),
        lambda: condition_s3.of_read(headers).range_holds("etag", int(NOW)),
        lambda: condition_s3.of_source(headers).check_source("etag", int(NOW)),
        lambda: condition_s3.of_write(headers),
        lambda: condition_s3.of_delete(headers).check("etag", int(NOW), 5),
    ):
        try:
            check()
        except S3Error as error:
            assert error.code in ("PreconditionFailed", "InvalidArgument", "NotImplemented"), error
            _said(error)


def _lines(first: str, headers: Any, body: bytes) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n\n" + body


def _seeds() -> dict[str, list[bytes]]:
    """Right ones, of which the wrong ones are made."""
    found: dict[str, list[bytes]] = {name: [] for name in TARGETS}
    for op in samples.OPERATIONS:
        for suffix in samples.DIALECTS:
            made = dialect.encode(op, suffix)
            key = getattr(op, "key", "")
            signed = signature.authorization(samples.CREDENTIALS, made.method, op.space, key, made.headers)
            headers = [*made.headers, ("Host", made.origin.partition("://")[2]), ("Authorization", signed)]
            found["request"].append(_lines(f"{made.method} {made.target}", headers, made.body))
    for op, _ in samples.ACTION_RESULTS:
        made = action.encode(op, "http://x", samples.CREDENTIALS)
        found["management"].append(_lines(made.target, made.headers, b""))
        given = json.dumps(dict(location.parse_target(made.target).query)).encode()
        found["management"].append(_lines("/", [("Content-Type", "application/json")], given))
    for which, (op, result) in enumerate(RESULTS[:256]):
        if type(op) in action.OPERATIONS.values():
            name = next(name for name, cls in action.OPERATIONS.items() if cls is type(op))
            made = action.encode_result(name, result)
        else:
            made = dialect.encode_result(op, result)
        found["reply"].append(bytes([which]) + _lines(str(made.status), made.headers, made.body))
    found["reply"].append(bytes([0]) + _lines("404", [], error_response.encode_error(errors.NotFound()).body))
    pieces = b"\r\n".join(
        b"--b\r\n" + part
        for part in (
            b'Content-Disposition: form-data; name="FileName"\r\n\r\nkey',
            b'Content-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: a/b\r\n\r\nbytes\r\n--b x\r\n',
        )
    )
    found["form"] = [
        b"\x05multipart/form-data; boundary=b\n\n" + pieces + end for end in (b"\r\n--b--\r\n", b"\r\n--b")
    ]
    for vector in VECTORS.values():
        if vector["kind"] == "post":
            found["s3_form"].append(_lines("f.txt", vector["fields"].items(), b""))
        else:
            asked = request_of(vector)
            found["s3_request"].append(_lines(f"{asked.method} {asked.target}", asked.headers, b""))
    found["s3_chunks"] = [bytes([which, 5]) + wire_of(VECTORS[name]) for which, name in enumerate(S3_STREAMS)]
    found["s3_xml"] = DOCUMENTS
    found["s3_operation"] = [
        _lines(
            f"{name} {target}", [("Content-MD5", base64.b64encode(hashlib.md5(body).digest()).decode()), *given], body
        )
        for name, target, given, body in S3_REQUESTS
    ]
    found["s3_route"] = [
        *(_lines(f"{method} /b/k?{what}", [("Host", host)], b"") for method, what, host in S3_ROUTES),
        *(_lines(f"{asked.split()[0]} {target}", given, b"") for asked, target, given, _ in S3_REQUESTS),
        *found["s3_request"],
    ]
    found["s3_conditions"] = [
        "\n".join(f"{prefix}{name}: {value}" for name in S3_IF).encode()
        for prefix in ("", "x-amz-copy-source-")
        for value in ('"etag"', "Tue, 24 Nov 2026 10:00:00 GMT", "*")
    ] + [b"If-Match: etag\nx-amz-if-match-size: 5\nx-amz-if-match-last-modified-time: Tue, 24 Nov 2026 10:00:00 GMT"]
    found["s3_fields"] = [each.encode() for each in (*S3_WORDS, *WORDS)]
    found["words"] = [each.encode() for each in WORDS]
    found["records"] = [json.dumps(SCRIPT).encode(), "\n".join(_noted().lines()).encode() + b"\n"]
    return found


_STORE = [
    ("Content-Type", "video/mp4"),
    ("Content-Encoding", "aws-chunked, gzip"),
    ("x-amz-meta-a", "b"),
    ("x-amz-storage-class", "GLACIER"),
    ("x-amz-acl", "public-read"),
    ("x-amz-tagging", "a=b&c=%20"),
    ("If-None-Match", "*"),
]
_COPY = [("x-amz-copy-source", "/b/k%20?versionId=null"), ("x-amz-copy-source-if-match", '"x"')]
#: Operation, target, headers, body.
S3_REQUESTS: list[tuple[str, str, list[tuple[str, str]], bytes]] = [
    (
        "ListObjectsV2",
        "/b?list-type=2&prefix=a&delimiter=/&max-keys=7&continuation-token=abc&encoding-type=url",
        [],
        b"",
    ),
    ("ListObjectVersions", "/b?versions&key-marker=a&version-id-marker=null", [], b""),
    ("ListParts", "/b/k?uploadId=u&max-parts=7&part-number-marker=3", [], b""),
    ("PutObject", "/b/k", [*_STORE, ("x-amz-checksum-crc32", "AAAAAA==")], b""),
    (
        "PutObject",
        "/b/k",
        [("x-amz-trailer", "x-amz-checksum-crc32c"), ("x-amz-sdk-checksum-algorithm", "CRC32C")],
        b"",
    ),
    ("GetObject", "/b/k?partNumber=1&versionId=null&response-content-type=a/b", [("If-Match", '"x", W/"y"')], b""),
    ("CopyObject", "/b/k", [*_STORE, *_COPY, ("x-amz-metadata-directive", "REPLACE")], b""),
    ("UploadPartCopy", "/b/k?uploadId=u&partNumber=2", [*_COPY, ("x-amz-copy-source-range", "bytes=0-9")], b""),
    ("CreateMultipartUpload", "/b/k?uploads", [("x-amz-checksum-algorithm", "SHA1")], b""),
    (
        "CompleteMultipartUpload",
        "/b/k?uploadId=u",
        [("x-amz-checksum-crc32", "AAAAAA==-2"), ("x-amz-mp-object-size", "7")],
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
    ),
    (
        "DeleteObjects",
        "/b?delete",
        [],
        b"<Delete><Object><Key>a</Key><Size>7</Size></Object><Quiet>true</Quiet></Delete>",
    ),
    ("GetObjectAttributes", "/b/k?attributes", [("x-amz-object-attributes", "ETag,ObjectParts")], b""),
    ("PutObjectTagging", "/b/k?tagging", [], b"<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>"),
    (
        "PutBucketAcl",
        "/b?acl",
        [("x-amz-grant-read", 'uri="http://acs.amazonaws.com/groups/global/AllUsers", id=1')],
        b"",
    ),
    (
        "PutObjectAcl",
        "/b/k?acl",
        [],
        b'<AccessControlPolicy xmlns:xsi="x"><Owner><ID>1</ID></Owner><AccessControlList><Grant><Grantee '
        b'xsi:type="Group"><URI>u</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
    ),
    (
        "CreateBucket",
        "/b",
        [],
        b"<CreateBucketConfiguration><LocationConstraint>x</LocationConstraint></CreateBucketConfiguration>",
    ),
    (
        "PutBucketCors",
        "/b?cors",
        [],
        b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>1"
        b"</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    ),
    (
        "PutBucketLifecycleConfiguration",
        "/b?lifecycle",
        [],
        b"<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value/>"
        b"</Tag></And></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
    ),
    ("RestoreObject", "/b/k?restore", [], b"<RestoreRequest><Days>1</Days><Tier>Bulk</Tier></RestoreRequest>"),
]
ROOTS = ("Delete", "CompleteMultipartUpload", "AccessControlPolicy", "Tagging", "RestoreRequest")
DOCUMENTS = [
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;'
    b"&#13;b</Key></Object><Quiet>true</Quiet></Delete>",
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;x&quot;</ETag></Part></CompleteMultipartUpload>",
    b'<AccessControlPolicy xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Grantee xsi:type="Group"/>'
    b"</AccessControlPolicy>",
    b"<Tagging><!-- c --><TagSet><Tag><Key><![CDATA[<k>]]></Key><Value/></Tag></TagSet></Tagging>",
    b'<?xml version="1.0"?><!DOCTYPE Delete [<!ENTITY a "b">]><Delete>&a;</Delete>',
    b'<s3:Delete xmlns:s3="x">\xe8\xa7\x86</s3:Delete>',
    b"<RestoreRequest>" * 20 + b"</RestoreRequest>" * 20,
]
WORDS = (
    *(
        "bytes=0-50",
        "bytes=-5",
        "bytes 0-50/100",
        "Tue, 24 Nov 2026 10:00:00 GMT",
        'W/"x"',
        "AAAAANo5o-5ea0sNMlW_75VgGJCv2AcJ",
    ),
    *(
        'ongoing-request="false", expiry-date="Tue, 24 Nov 2026 10:00:00 GMT"',
        "%e8%a7%86",
        "a=b&c=%20d+e",
        "UCloud a:b:c",
    ),
    *(
        "127.0.0.1:9000",
        ".cn-bj.ufileos.com",
        "https://[::1]:9000",
        'multipart/form-data; boundary="b"',
        "120",
        "B3x5ERngVeegrl5QcImj-RFINvU=",
    ),
    *(policy.build("http://a/b", "key=$(key)&x=$(x:v)", None, {"x:v": "1"}),),
)
SCRIPT = [{"on": "UploadPart", "part": 3, "do": "answer", "status": 503, "headers": {"a": "b"}, "times": "always"}]


def _noted() -> upload.Upload:
    made = upload.Upload("space", "key", "id", etag.BLOCK, 9_000_000, "video/mp4", {"size": 9_000_000, "mtime": 1})
    made.acknowledge(0, bytes(20))
    made.acknowledge(2, bytes(20), "opaque")
    return made


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        *(request, management, form, reply, words, records),
        *(s3_request, s3_chunks, s3_form, s3_xml, s3_operation, s3_route, s3_fields, s3_conditions),
    )
}
S3_NAMES = recognition.HostNames(("ufileos.com", "localhost"), ("s3.example.com", "b.s3.example.com"))
S3_FLAGS = {
    row.what.split()[0].partition("=")[0]
    for rows in routing.TABLES.values()
    for row in rows
    if row.what and not row.what.split()[0].endswith(":")
}
S3_TRAILED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
#: Method, query, Host.
S3_ROUTES = [
    (row.method, "&".join(word for word in row.what.split() if not word.endswith(":")), host)
    for rows in routing.TABLES.values()
    for row in rows
    for host in ("b.s3-cn-bj.ufileos.com", "s3.example.com")
]
S3_IF = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
S3_WORDS = (
    *("a=b&c=%20+d&e", "CRC32C", "x-amz-checksum-crc32, x-amz-checksum-sha1", "AAAAAA==", "AAAAAA==-12", "GLACIER"),
    *('uri="http://acs.amazonaws.com/groups/global/AllUsers", id="1"', "emailAddress=a@b", "public-read-write"),
    *('"0123456789abcdef0123456789abcdef-12"', "*", 'W/"a", "b"', "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "5368709120"),
    *("a/b+c=@d/20260102/cn-bj/s3/aws4_request", "FULL_OBJECT", "0123456789012345678901==", "B3x5ERng-7"),
)
#: Those whose wire is short.
S3_STREAMS = [name for name, each in VECTORS.items() if "wire" in each]
SEEDS = _seeds()
