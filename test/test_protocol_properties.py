"""Whatever one side of the protocol encodes the other decodes: the promises of test/protocol, on generated values."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test.protocol.samples import CREDENTIALS, DIALECTS, received
from ucloud.uvideo.protocol import (
    byterange,
    compat,
    condition,
    dialect,
    error_response,
    errors,
    etag,
    field,
    json_document,
    location,
    management,
    multipart,
    operation,
    policy,
    provider,
    signature,
    upload,
)
from ucloud.uvideo.protocol.message import Headers, Request, Response

quick = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
some = anything.filter(bool)
piece = st.sampled_from(
    [
        "uvideoUploads/",
        "init/uvideoUploads/",
        "finish/",
        "/",
        "//",
        "..",
        ".",
        "%",
        "%25",
        "+",
        " ",
        "?",
        "#",
        "&",
        "=",
        ";",
    ]
    + ["\x00", "\r\n", "\x7f", "\U0001f600", "视频", "é", "e\u0301", "\u2028", "~", "a", "B", "0"]
)
keys = st.one_of(some, st.lists(piece, min_size=1, max_size=8).map("".join)).filter(
    lambda key: len(key.encode()) <= 1023
)
spaces = st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)
digests = st.binary(min_size=20, max_size=20)
part_etags = digests.map(etag.part_etag)
object_etags = st.lists(digests, max_size=3).map(etag.from_digests)
upload_ids = st.one_of(st.uuids().map(str), some)
counts = st.integers(0, 10**12)
times = st.integers(0, 4102416000)
limits = st.none() | st.integers(0, 1000)
header_value = (
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)
    .map(lambda value: value.strip())
    .filter(bool)
)
mimes = st.none() | header_value.filter(lambda value: value != multipart.FORM)
md5s = st.none() | st.text("0123456789abcdef", min_size=32, max_size=32)
classes = st.none() | st.sampled_from(operation.STORAGE_CLASSES)
metadata = st.dictionaries(st.text("abc-1", min_size=1, max_size=5), header_value, max_size=4).map(
    lambda found: tuple(sorted(found.items()))
)
kept = st.dictionaries(st.sampled_from(operation.KEPT), header_value, max_size=4).map(
    lambda found: tuple((name, found[name]) for name in operation.KEPT if name in found)
)
conditions = st.dictionaries(st.sampled_from(operation.CONDITIONS), header_value, max_size=3).map(
    lambda found: tuple((name, found[name]) for name in operation.CONDITIONS if name in found)
)
ranges = st.one_of(
    st.tuples(counts, st.none() | counts).map(lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])),
    st.tuples(st.none(), counts),
).map(lambda pair: byterange.ByteRange(*pair))

numbers = st.integers(0, field.PART_LIMIT - 1)
tag_text = st.text(st.characters(categories=["L", "Nd"]) | st.sampled_from(" +-=._:/@"), max_size=20)
tags = st.dictionaries(tag_text.filter(bool), tag_text, max_size=10).map(lambda found: tuple(found.items()))
copy_ranges = st.tuples(counts, counts).map(lambda pair: byterange.ByteRange(min(pair), max(pair)))

OPERATIONS = {
    operation.PutObject: (spaces, keys, mimes, md5s, classes, metadata, kept, st.sampled_from([None, *operation.ACLS])),
    operation.UploadHit: (spaces, keys, object_etags, counts, mimes),
    operation.CopyObject: (
        spaces,
        keys,
        spaces,
        keys,
        st.sampled_from([None, *operation.DIRECTIVES]),
        classes,
        metadata,
        mimes,
        kept,
    ),
    operation.CopyPart: (spaces, keys, upload_ids, numbers, spaces, keys, st.none() | copy_ranges),
    operation.RenameObject: (spaces, keys, keys, st.booleans()),
    operation.SetMime: (spaces, keys, header_value),
    operation.SwitchClass: (spaces, keys, st.sampled_from(operation.STORAGE_CLASSES)),
    operation.RestoreObject: (spaces, keys, st.sampled_from([None, *operation.TIERS])),
    operation.PutTags: (spaces, keys, tags),
    operation.GetTags: (spaces, keys),
    operation.DeleteTags: (spaces, keys),
    operation.PutAcl: (spaces, keys, st.sampled_from(operation.ACLS)),
    operation.GetAcl: (spaces, keys),
    operation.AppendObject: (spaces, keys, counts, mimes, md5s, classes, metadata, kept),
    operation.GetObject: (spaces, keys, st.none() | ranges, conditions, st.none() | some),
    operation.HeadObject: (spaces, keys, conditions),
    operation.DeleteObject: (spaces, keys),
    operation.InitiateUpload: (spaces, keys, mimes, classes, metadata, kept),
    operation.UploadPart: (spaces, keys, upload_ids, st.integers(0, field.PART_LIMIT - 1), mimes, md5s),
    operation.FinishUpload: (
        spaces,
        keys,
        upload_ids,
        st.lists(part_etags, max_size=4).map(tuple),
        st.none() | keys,
        metadata,
        st.sampled_from([None, "UNCHANGED", "REPLACE"]),
    ),
    operation.AbortUpload: (spaces, keys, upload_ids),
    operation.ListParts: (spaces, upload_ids, limits, st.none() | st.integers(0, field.PART_LIMIT)),
    operation.ListUploads: (spaces, anything, anything, anything, limits),
    operation.ListFiles: (spaces, anything, anything, limits),
    operation.ListObjects: (spaces, anything, anything, limits, st.sampled_from(["", "/"])),
}

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
optional = st.none() | names
ACTIONS = {
    operation.CreateSpace: (names, optional, optional, st.none(), optional, optional),
    operation.DescribeSpace: (optional, counts, st.none() | counts, optional, optional),
    operation.UpdateSpace: (names, optional, optional, optional),
    operation.DeleteSpace: (names, optional),
    operation.ListSpaceFiles: (names, counts, st.none() | counts, optional),
}

empty_meta = st.just(())
files = st.builds(operation.FileInfo, keys, counts, object_etags, anything, optional, times, times, empty_meta)
objects = st.builds(
    operation.FileInfo,
    *(keys, counts, object_etags, anything, optional, times, times, metadata),
    st.sampled_from([None, *operation.RESTORES]),
)
parts = st.builds(operation.Part, st.integers(0, 10**6), part_etags, counts, times)
infos = st.builds(
    operation.ObjectInfo, counts, object_etags, header_value, classes.filter(bool), times, times, metadata, kept
)
space_infos = st.builds(
    operation.SpaceInfo,
    *([names] + [optional] * 6 + [times, times] + [st.lists(names, max_size=2).map(tuple)] * 2),
)


def listed(strategy):
    return st.lists(strategy, max_size=3).map(tuple)


RESULTS = {
    operation.Stored: (operation.PutObject, (object_etags,)),
    operation.Initiated: (operation.InitiateUpload, (some, st.integers(1, 10**12), spaces, keys)),
    operation.Finished: (operation.FinishUpload, (spaces, keys, counts, object_etags)),
    operation.CopiedPart: (
        operation.CopyPart,
        (st.just("u"), part_etags, counts, st.integers(1, 10**6), st.just(10**13)),
    ),
    operation.Tags: (operation.GetTags, (tags,)),
    operation.Acl: (operation.GetAcl, (optional, optional, st.sampled_from(operation.ACLS))),
    operation.NotModified: (operation.GetObject, (object_etags, times)),
    operation.PartPage: (
        operation.ListParts,
        (spaces, keys, some, optional, counts, st.booleans(), counts, listed(parts)),
    ),
    operation.UploadPage: (
        operation.ListUploads,
        (
            spaces,
            st.booleans(),
            anything,
            anything,
            listed(st.builds(operation.UploadInfo, some, keys, times, optional)),
        ),
    ),
    operation.FilePage: (operation.ListFiles, (spaces, some, anything, listed(files))),
    operation.ObjectPage: (
        operation.ListObjects,
        (
            spaces,
            anything,
            st.integers(0, 1000),
            st.sampled_from(["", "/"]),
            st.booleans(),
            anything,
            listed(objects),
            listed(some),
        ),
    ),
}


def asked(cls: type) -> tuple:
    """An operation of the class, for what its answer does not repeat."""
    return cls(*["u"] * (len(cls._fields) - len(cls.__new__.__defaults__ or ())))


@pytest.mark.parametrize("shared", [False, True], ids=["ufile", "uvideo"])
@pytest.mark.parametrize("cls", list(OPERATIONS), ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_every_operation_comes_back(cls, shared, data):
    op = cls(*data.draw(st.tuples(*OPERATIONS[cls])))
    request = dialect.encode(op, DIALECTS[shared])
    assert received(request) == op
    assert request.target.isascii()


@pytest.mark.parametrize("cls", list(ACTIONS), ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_every_action_comes_back_and_verifies(cls, data):
    op = cls(*data.draw(st.tuples(*ACTIONS[cls])))
    request = management.encode(op, "https://api", CREDENTIALS, data.draw(st.sampled_from(["BucketName", "SpaceName"])))
    found = management.parameters(location.parse_target(request.target).query, request.headers, request.body)
    assert signature.action_signature(CREDENTIALS.private_key, found) == found["Signature"]
    assert management.decode(found)[0] == op


@pytest.mark.parametrize("cls", list(RESULTS), ids=lambda cls: cls.__name__)
@quick
@given(data=st.data())
def test_every_result_comes_back(cls, data):
    wanted, fields = RESULTS[cls]
    result = cls(*data.draw(st.tuples(*fields)))
    op = asked(wanted)
    assert dialect.decode_result(op, dialect.encode_result(op, result)) == result


@quick
@given(infos, st.data())
def test_every_object_info_comes_back(info, data):
    if info.size and data.draw(st.booleans()):
        first = data.draw(st.integers(0, info.size - 1))
        info = info._replace(span=(first, data.draw(st.integers(1, info.size - first))))
    op = operation.HeadObject("space", "k")
    assert dialect.decode_result(op, dialect.encode_result(op, info)) == info


@quick
@given(st.lists(space_infos, max_size=3).map(tuple))
def test_every_space_list_comes_back(found):
    op, result = operation.DescribeSpace(), operation.SpaceList(found)
    assert management.decode_result(op, management.encode_result(management.name_of(op), result)) == result


@pytest.mark.parametrize("cls", errors.CLASSES, ids=lambda cls: cls.__name__)
@settings(quick, max_examples=20)
@given(message=some)
def test_every_error_comes_back(cls, message):
    with pytest.raises(errors.Refused) as caught:
        dialect.decode_result(operation.GetObject("space", "k"), error_response.encode_error(cls(message)))
    assert (caught.value.status, caught.value.ret_code) == (cls.status, cls.ret_code)
    shown = compat.printable(message).strip()
    assert caught.value.message == shown or not shown and f"the service answered {cls.status}" in caught.value.message
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.space) == (type(caught.value), str(caught.value), "space")


@quick
@given(st.one_of(keys, anything))
def test_quoting(value):
    assert compat.unquote(compat.quote_path(value)) == compat.unquote(compat.quote_query(value)) == value
    assert compat.quote_path(value).isascii()


@quick
@given(st.lists(st.tuples(some, st.none() | anything), max_size=5))
def test_queries(pairs):
    assert compat.parse_query(compat.build_query(pairs)) == [(name, value or "") for name, value in pairs]


@quick
@given(st.text(max_size=20))
def test_text_with_surrogates_is_told_from_text(value):
    try:
        expected = value.encode("utf-8")
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            compat.to_bytes(value)
    else:
        assert compat.to_bytes(value) == expected
    compat.printable(value).encode("utf-8")


@quick
@given(st.lists(st.binary(max_size=50), max_size=8), st.integers(1, 40))
def test_etag_pieces(pieces, block):
    whole = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(etag, "BLOCK", block)
        tree = etag.Etag()
        for data in pieces:
            tree.update(data)
        blocks = [whole[start : start + block] for start in range(0, len(whole), block)]
        assert tree.value() == etag.from_digests([hashlib.sha1(data).digest() for data in blocks])
    assert tree.size == len(whole)


@quick
@given(ranges, st.integers(0, 200))
def test_ranges(wanted, size):
    assert byterange.parse(byterange.build(wanted)) == wanted
    data = bytes(range(size))
    try:
        span = byterange.resolve(wanted, size)
    except errors.InvalidRange:
        first, last = wanted
        assert (first is None and last == 0) or (first is not None and first >= size)
        return
    if span is None:
        assert size == 0
        return
    first, length = span
    expected = data[-wanted.last :] if wanted.first is None else data[wanted.first :]
    if wanted.first is not None and wanted.last is not None:
        expected = data[wanted.first : wanted.last + 1]
    assert data[first : first + length] == expected and length == len(expected) > 0
    assert byterange.parse_content(byterange.build_content(first, length, size)) == (first, first + length - 1, size)


@quick
@given(st.data(), st.integers(1, 50), st.integers(0, 300))
def test_an_upload_and_its_record(data, block, size):
    found = upload.Upload("space", data.draw(keys), data.draw(some), block, size)
    pending = list(found.pending())
    assert sum(each.length for _, each in pending) == size
    for part, _ in data.draw(st.permutations(pending)):
        assert not found.complete()
        found.acknowledge(part, hashlib.sha1(b"%d" % part).digest())
        again = upload.read("".join(line + "\n" for line in found.lines()))
        assert (again.key, again.digests, again.sent()) == (found.key, found.digests, found.sent())
        assert again.sent() == size - sum(each.length for _, each in again.pending())
    assert found.complete() and len(found.part_etags()) == len(pending)


@quick
@given(spaces, keys, st.sampled_from(["PUT", "GET", "POST"]), st.sampled_from(signature.WORDS), mimes)
def test_what_is_signed_verifies(space, key, method, word, mime):
    headers = Headers([("Content-Type", mime)] if mime else [])
    value = signature.authorization(CREDENTIALS, method, space, key, headers, word)
    claim = signature.read_authorization(value)
    texts = list(signature.candidates(claim, method, space, [key], headers))
    assert signature.verify(claim, CREDENTIALS.private_key, texts, 0) in texts
    other = signature.candidates(claim, method, space, [key + "x"], headers)
    with pytest.raises(errors.SignatureMismatch):
        signature.verify(claim, CREDENTIALS.private_key, other, 0)


#: A put policy as the iOS SDK writes it.
PRETTY = base64.b64encode(b'{\n  "callbackBody" : "b",\n  "callbackUrl" : "http:\\/\\/a\\/"\n}').decode()


def reading(signed):
    """What a signed text says, read without knowing the request: (carrier, verb, md5, type, time, headers, space, key,
    (marker, prefix) of a listing or None, policy)."""
    verb, md5, mime, date, rest = signed.split("\n", 4)
    start = 0 if rest.startswith("/") else rest.index("\n/") + 1
    _, space, key = rest[start:].split("/", 2)
    listing, policy = None, ""
    if re.fullmatch("[0-9]{1,11}", date):
        return ("url", verb, md5, mime, date, rest[:start], space, key, listing, policy)
    if verb == "GET" and key.startswith("\nlistobjects\n"):
        found = re.fullmatch("\nlistobjects\ndelimiter:\nmarker:(.*)\nmax-keys:5\nprefix:(.*)", key, re.S)
        assert found is not None
        key, listing = "", found.groups()
    elif verb in ("PUT", "POST") and any(each in key for each in signature.POLICIES):
        at = min(key.index(each) for each in signature.POLICIES if each in key)
        key, policy = key[:at], key[at:]
    return ("header", verb, md5, mime, date, rest[:start], space, key, listing, policy)


tricky = st.lists(
    st.sampled_from(
        [
            "\n",
            "/",
            "k",
            "PUT",
            "x-ucloud-a:b\n",
            "20240131235959",
            "5",
            *signature.POLICIES,
            "eyJj",
            "ewogICJj",
            "YWxsYmFja",
            "==",
        ]
        + ["\nlistobjects\ndelimiter:\nmarker:", "\nmax-keys:5\nprefix:", "/space/k", "?append&position=5", ":"]
    ),
    max_size=5,
).map("".join)
times = st.sampled_from(["", "5", "99999999999", "20240131235959", "Sun, 06 Nov 1994 08:49:37 GMT", "\n", "x"]) | tricky


@settings(quick, max_examples=250)
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    *(tricky, tricky, tricky, tricky, times, times),
    st.lists(tricky, max_size=2),
    st.sampled_from(
        ["", policy.build("http://a/", "b"), policy.build("http://a/", "key=k&x=1", variables={"x:a": "é"}), PRETTY]
    ),
    st.booleans(),
)
def test_no_signed_text_has_two_readings(verb, key, md5, mime, marker, date, expires, extra, asked, is_url):
    """But for the end of a key that Java's append has: docs/security.md."""
    headers = Headers([("Content-MD5", md5), ("Content-Type", mime), ("Date", date)])
    for value in extra:
        headers.add("X-UCloud-A", value)
    asked = asked if verb in ("PUT", "POST") and not is_url else ""  # no other request has one: the table of carriers
    claim = signature.Claim("UCloud", "k", "s", expires if is_url else None, asked)
    query = [("listobjects", ""), ("marker", marker), ("max-keys", "5"), ("prefix", mime)]
    (signed,), tails = signature.variants(verb, key, query)
    try:
        texts = list(signature.candidates(claim, verb, "space", (signed,), headers, tails))
        with pytest.raises(errors.SignatureMismatch, match="^invalid signature$"):
            signature.verify(claim, "a private key", texts, 0)  # an Expires that is no time is refused here
    except errors.SignatureMismatch as refused:
        assert str(refused).startswith("invalid signature: ")
        return
    if is_url and not re.fullmatch("[0-9]{1,11}", expires):
        return
    for text_ in texts:
        said = reading(text_)
        assert said[:2] == ("url" if is_url else "header", verb)
        assert said[6:8] == ("space", key) and said[9] == asked
        assert said[8] is None or (said[8] == (marker, mime) and key == "" and not is_url)
        assert said[4] == (expires if is_url else date.strip(" \t"))
        if not is_url:
            assert said[2:4] == (md5.strip(" \t"), mime.strip(" \t"))


# Hostile input: whatever comes, a promised error or none.

wire = st.text(st.characters(max_codepoint=0xDCFF), max_size=40)
fragments = st.lists(
    st.sampled_from(
        list("/?&=%+;.#@:")
        + ["uploads", "uploadId", "partNumber", "list", "listobjects", "²", "\udcff", "%ff", "9"]
        + ["uploadhit", "Hash=", "FileName=", "FileSize=", "newFileName=", "force=", "storageClass=", "position="]
        + ["opmeta", "restore", "append", "tagging", "acl"]
    )
    | wire,
    max_size=12,
).map("".join)
header_names = st.sampled_from(
    ["Range", "Content-MD5", "Content-Type", "X-Ufile-Meta-a", "X-Ufile-Storage-Class", "Bucket", "If-Match", "Date"]
    + ["X-Ufile-Copy-Source-Range", "X-Ufile-Object-Acl", "Tier", "X-Ufile-Restore"]
    + [
        "X-Ufile-Copy-Source",
        "X-UCloud-a",
        "Authorization",
        "X-Ufile-Metadata-Directive",
        "Expires",
        "Retry-After",
        "ETag",
    ]
    + ["Content-Length", "Content-Range", "Last-Modified", "X-SessionId"]
)
header_lists = st.lists(st.tuples(header_names, wire), max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(quick, max_examples=150)
@given(st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]), fragments, wire, header_lists, st.binary(max_size=20))
def test_a_server_refuses_or_understands_any_request(method, target, host, pairs, body):
    headers = Headers(pairs)
    try:
        op = received(Request(method, "http://" + host, "/" + target, headers, body))
    except errors.Refused as error:
        error_response.encode_error(error)
    else:
        assert type(op) in OPERATIONS
        for suffix in DIALECTS:
            assert type(received(dialect.encode(op._replace(space="abc"), suffix))) is type(op)


@settings(quick, max_examples=100)
@given(st.lists(st.tuples(wire, wire), max_size=3), header_lists)
def test_a_server_refuses_or_understands_any_claim(query, pairs):
    headers = Headers(pairs)
    try:
        claim = signature.claim(headers, query)
    except errors.NoCredentials:
        return
    if claim is not None and "Authorization" in dict(pairs):
        claim.public_key.encode("utf-8")
        with pytest.raises(errors.SignatureMismatch):
            texts = signature.candidates(claim, "GET", "s", ["k"], headers, ["", signature.list_tail(query)])
            signature.verify(claim, "secret", texts, 0)


@settings(quick, max_examples=100)
@given(st.dictionaries(st.sampled_from(["Action", "BucketName", "Limit", "x", "Signature"]), json_values, max_size=4))
def test_a_server_refuses_or_understands_any_action(document):
    for name in (None, *management.BY_NAME):
        given_now = document if name is None else {**document, "Action": name}
        try:
            found = management.parameters([], Headers([json_document.JSON]), json.dumps(given_now).encode())
            signature.action_signature("secret", found)
            management.decode(found)
        except errors.BadRequest as error:
            management.encode_error("", error)


@settings(quick, max_examples=100)
@given(
    st.sampled_from([200, 204, 206, 304, 400, 404, 500, 503, 302]),
    header_lists,
    st.binary(max_size=30)
    | st.dictionaries(
        st.sampled_from(
            ["RetCode", "ErrMsg", "Message", "UploadId", "BlkSize", "Parts", "DataSet", "Contents", "FileSize", "Key"]
            + ["Tags", "AccessControlList", "Owner", "CommonPrefixes", "NextMarker", "MaxKeys", "IsTruncated", "Bucket"]
        ),
        json_values,
    ),
)
def test_a_client_refuses_or_understands_any_answer(status, pairs, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Response(status, Headers(pairs), content)
    for cls in OPERATIONS:
        try:
            hash(dialect.decode_result(asked(cls), response, 0))
        except errors.UVideoError as error:
            str(error)
    for cls in ACTIONS:
        try:
            hash(management.decode_result(asked(cls), response, 0))
        except errors.UVideoError as error:
            str(error)


@quick
@given(wire | st.lists(st.sampled_from(list('",W/e* ')), max_size=12).map("".join))
def test_conditions_of_any_form(value):
    for name in operation.CONDITIONS:
        try:
            assert condition.not_modified(((name, value),), "e", 0) in (True, False)
        except errors.PreconditionFailed:
            pass
        assert condition.range_holds(((name, value),), "e", 0) in (True, False)


@quick
@given(st.text(max_size=30))
def test_a_suffix_or_an_invalid_argument(value):
    try:
        found = provider.parse_suffix(value)
    except errors.InvalidArgument:
        return
    assert found.host.isascii() and found.origin("space").startswith(("http://", "https://"))


@quick
@given(json_values, st.text(max_size=20))
def test_a_record_or_an_invalid_argument(value, line):
    good = upload.Upload("space", "k", "u", 10, 25).header_line()
    assert upload.read(f"{good}\n{json.dumps(value)}\n{line}\n").digests == {}
    with pytest.raises(errors.InvalidArgument):
        upload.read(json.dumps(value) + "\n" + line)
