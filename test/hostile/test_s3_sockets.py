"""Wrong requests of S3 over real sockets: the right Error document, nothing stored, no connection left half-way."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import socket
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from test import patience
from test.hostile.test_sockets import GROWTH, descriptors, memory
from test.patience import until
from test.s3.s3_server import S3Server, start_s3_server
from test.s3.signing import Signer, form_body
from test.server.wire import Answer, Peer, chunked, connect, head, receive

BUCKET, OTHER = "hostile-bucket", "hostile-other"
CODE = re.compile(rb"<Code>(\w+)</Code>")
MD5 = base64.b64encode(bytes(16)).decode()
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
TRAILERS = 17 * 1024  # bytes that a body may have behind its last chunk
Pairs = list[tuple[str, str]]


class Target(NamedTuple):
    """A server, its keys, and an upload of ``u`` with one small part."""

    made: S3Server
    signer: Signer
    upload: str
    foreign: str  # the ETag of a part of another upload

    def request(
        self, method: str, target: str, body: bytes = b"", *, length: int | None = None, **headers: str
    ) -> bytes:
        """A signed request.  ``length``: what Content-Length says, if not the length of the body."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        pairs = [("Host", self.signer.host), *self.signer.header(method, target, given, body)]
        return head(method, target, [*pairs, ("Content-Length", str(len(body) if length is None else length))]) + body

    def unsigned_chunks(self, body: bytes, size: object, *trailers: str, **headers: str) -> bytes:
        """A PUT in bare chunks."""
        given = {"x_amz_decoded_content_length": str(size)} if size is not None else {}
        if trailers:
            given["x_amz_trailer"] = ",".join(trailers)
        return self.put_framed(body, {**given, **headers})

    def put_framed(self, body: bytes, headers: dict[str, str]) -> bytes:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        signed = self.signer.header("PUT", f"/{BUCKET}/k", {"X-Amz-Content-SHA256": UNSIGNED_TRAILER, **given})
        pairs = [("Host", self.signer.host), *signed, ("Content-Length", str(len(body)))]
        return head("PUT", f"/{BUCKET}/k", pairs) + body

    def signed_chunks(self, data: bytes, change: Any = lambda body: body, **headers: str) -> bytes:
        """A PUT in signed chunks of 100 bytes.  ``change``: of the framed body."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        pairs, body = self.signer.chunks(f"/{BUCKET}/k", data, 100, **given)
        body = change(body)
        return (
            head("PUT", f"/{BUCKET}/k", [("Host", self.signer.host), *pairs, ("Content-Length", str(len(body)))]) + body
        )

    def form(self, fields: Iterable[tuple[str, str]], data: bytes = b"data") -> bytes:
        pairs, body = form_body(list(fields), data)
        more = [("Host", self.signer.host), ("Content-Length", str(len(body)))]
        return head("POST", f"/{BUCKET}", [*more, *pairs]) + body

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        with connect(self.made.port) as sock:
            sock.sendall(self.request(method, target, body, **headers))
            return receive(sock, method)

    def state(self) -> list[bytes]:
        targets = (f"/{BUCKET}?versions=", f"/{BUCKET}?uploads=", f"/{BUCKET}/u?uploadId={self.upload}", "/")
        return [re.sub(rb"<(RequestId|HostId)>.*?</\1>", b"", self.ask("GET", target).body) for target in targets]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Sound at the end, whatever it was sent."""
    with start_s3_server(tmp_path_factory.mktemp("hostile-s3") / "data") as made:
        signer = Signer(f"127.0.0.1:{made.port}", made.public_key, made.private_key)
        first = Target(made, signer, "", "")
        for bucket in (BUCKET, OTHER):
            assert first.ask("PUT", f"/{bucket}").status == 200
        assert first.ask("PUT", f"/{BUCKET}/old", b"old").status == 200
        uploads, etags = [], []
        for data in (b"part", b"foreign"):
            begun = first.ask("POST", f"/{BUCKET}/u?uploads=").body
            uploads.append(re.search(rb"<UploadId>(.*)</UploadId>", begun)[1].decode())  # type: ignore[index]
            stored = first.ask("PUT", f"/{BUCKET}/u?uploadId={uploads[-1]}&partNumber=1", data)
            etags.append(str(stored.header("ETag")).strip('"'))
        yield first._replace(upload=uploads[0], foreign=etags[1])
        said = made.server.log.read_text()
        assert "Traceback" not in said and "Error" not in said, said[-2000:]


def many(count: int, first: int = 1) -> bytes:
    part = b"<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>"
    return b"".join(part % (number, b"0" * 32) for number in range(first, first + count))


def complete(content: bytes) -> bytes:
    return b"<CompleteMultipartUpload>" + content + b"</CompleteMultipartUpload>"


LAUGHS = b'<!DOCTYPE Delete [<!ENTITY a "aaaaaaaaaa">%s]><Delete><Object><Key>&z;</Key></Object></Delete>' % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("z") + 1)
)
#: Bodies of DeleteObjects that are no list of objects.
DOCUMENTS = {
    "nothing": b"",
    "no XML": b"hello",
    "JSON": b'{"Delete": []}',
    "an end that is missing": b"<Delete><Object><Key>a</Key>",
    "another root": b"<Tagging/>",
    "no object": b"<Delete/>",
    "an object without a key": b"<Delete><Object/></Delete>",
    "two keys": b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
    "1,001 objects": b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>",
    "something behind it": b"<Delete><Object><Key>a</Key></Object></Delete><Delete/>",
    "a NUL": b"<Delete><Object><Key>\0</Key></Object></Delete>",
    "a surrogate": b"<Delete><Object><Key>&#xD800;</Key></Object></Delete>",
    "no UTF-8": b"<Delete><Object><Key>\xff\xfe</Key></Object></Delete>",
    "another encoding": '<?xml version="1.0" encoding="UTF-16"?><Delete/>'.encode("utf-16"),
    "an entity": b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&e;</Key></Object></Delete>',
    "entities in entities": LAUGHS,
    "a thousand levels": b"<Delete>" + b"<a>" * 1000 + b"</a>" * 1000 + b"</Delete>",
    "very many elements": b"<Delete>" + b"<a/>" * 200_000 + b"</Delete>",
    "a long attribute": b'<Delete a="' + b"a" * 3_000_000,
    "one gzip": gzip.compress(b"<Delete><Object><Key>old</Key></Object></Delete>"),
}


def deleting(target: Target, body: bytes, **headers: str) -> bytes:
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    return target.request("POST", f"/{BUCKET}?delete=", body, Content_MD5=md5, **headers)


def completing(target: Target, content: bytes) -> bytes:
    return target.request("POST", f"/{BUCKET}/u?uploadId={target.upload}", complete(content))


def crc(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def cases(target: Target) -> Iterator[tuple[str, bytes, int, str]]:
    """(what is wrong, the request, status, code)."""
    for what, body in DOCUMENTS.items():
        yield f"a document: {what}", deleting(target, body), 400, "MalformedXML"
    bomb = gzip.compress(b"<Delete>" + b" " * 100_000_000 + b"</Delete>")
    yield "a bomb as a document", deleting(target, bomb, Content_Encoding="gzip"), 400, "MalformedXML"
    tags = b"<Tagging><TagSet>" + b"<Tag><Key>a</Key><Value>b</Value></Tag>" * 2 + b"</TagSet></Tagging>"
    md5 = base64.b64encode(hashlib.md5(tags).digest()).decode()
    yield "a tag twice", target.request("PUT", f"/{BUCKET}/old?tagging=", tags, Content_MD5=md5), 400, "InvalidTag"
    whole = b"<Delete><Object><Key>old</Key></Object></Delete>"
    yield "a document without a sum", target.request("POST", f"/{BUCKET}?delete=", whole), 400, "InvalidRequest"
    other = target.request("POST", f"/{BUCKET}?delete=", whole, Content_MD5=MD5)
    yield "a document with another sum", other, 400, "BadDigest"
    # Complete
    own = b"<Part><PartNumber>%s</PartNumber><ETag>%s</ETag></Part>"
    for what, content, code in (
        ("no part", b"", "MalformedXML"),
        ("10,001 parts", many(10_001), "MalformedXML"),
        ("10,000 parts that are not there", many(10_000), "InvalidPart"),
        ("part 0", own % (b"0", b"0" * 32), "InvalidPart"),
        ("part 10,001", own % (b"10001", b"0" * 32), "InvalidPart"),
        ("part -1", own % (b"-1", b"0" * 32), "MalformedXML"),
        ("part 1e1", own % (b"1e1", b"0" * 32), "MalformedXML"),
        ("the ETag of another upload", own % (b"1", target.foreign.encode()), "InvalidPart"),
        ("no ETag", b"<Part><PartNumber>1</PartNumber></Part>", "MalformedXML"),
        ("an endless ETag", own % (b"1", b"0" * 1_000_000), "InvalidPart"),
    ):
        yield f"complete: {what}", completing(target, content), 400, code
    nowhere = f"/{BUCKET}/u?uploadId={'0' * 32}"
    yield "complete: an unknown upload", target.request("POST", nowhere, complete(many(1))), 404, "NoSuchUpload"
    elsewhere = f"/{OTHER}/u?uploadId={target.upload}"
    yield "complete: in another bucket", target.request("POST", elsewhere, complete(many(1))), 404, "NoSuchUpload"
    other_key = f"/{BUCKET}/v?uploadId={target.upload}"
    yield "complete: another key", target.request("POST", other_key, complete(many(1))), 404, "NoSuchUpload"
    # Parts
    upload = f"/{BUCKET}/u?uploadId={target.upload}"
    for number in ("0", "10001", "-1", "x", "", "1.5", "99999999999999999999", "%31%00"):
        yield f"part {number!r}", target.request("PUT", f"{upload}&partNumber={number}", b"p"), 400, "InvalidArgument"
    yield "a part of no upload", target.request("PUT", f"{nowhere}&partNumber=1", b"p"), 404, "NoSuchUpload"
    # Sums
    put = f"/{BUCKET}/k"
    for what, headers, code in (
        ("another MD5", {"Content_MD5": MD5}, "BadDigest"),
        ("no MD5", {"Content_MD5": "AAAA"}, "InvalidDigest"),
        ("no base64", {"Content_MD5": "?" * 24}, "InvalidDigest"),
        ("an empty MD5", {"Content_MD5": ""}, "InvalidDigest"),
        ("another CRC", {"x_amz_checksum_crc32": "AAAAAA=="}, "BadDigest"),
        ("a short CRC", {"x_amz_checksum_crc32": "AAAA"}, "BadDigest"),
        ("no base64 CRC", {"x_amz_checksum_crc32": "????????"}, "BadDigest"),
        ("another SHA-256", {"x_amz_checksum_sha256": base64.b64encode(bytes(32)).decode()}, "BadDigest"),
        (
            "two sums",
            {"x_amz_checksum_crc32": crc(b"data"), "x_amz_checksum_sha1": base64.b64encode(bytes(20)).decode()},
            "InvalidRequest",
        ),
        ("another content hash", {"X_Amz_Content_SHA256": "0" * 64}, "XAmzContentSHA256Mismatch"),
        ("no content hash", {"X_Amz_Content_SHA256": "hello"}, "InvalidArgument"),
    ):
        for place in (put, f"{upload}&partNumber=2"):
            yield f"{what} at {place[:18]}", target.request("PUT", place, b"data", **headers), 400, code
    # Keys
    for key in ("k" * 1025, "%C3%BC" * 513):
        for method, query in (("PUT", ""), ("GET", ""), ("POST", "?uploads="), ("DELETE", ""), ("GET", "?tagging=")):
            request = target.request(method, f"/{BUCKET}/{key}{query}", b"")
            yield f"{method} of a key of 1,025 bytes{query}", request, 400, "KeyTooLongError"
    for key in ("%ff", "%zz", "%", "a%00b", "%c0%80"):
        yield f"the key {key}", target.request("PUT", f"/{BUCKET}/{key}", b"data"), 400, "InvalidURI"
    # Lies about the length
    framed = b"4\r\ndata\r\n0\r\n\r\n"
    for what, size, body, code in (
        ("too small", 3, framed, "IncompleteBody"),
        ("too large", 5, framed, "IncompleteBody"),
        ("0", 0, framed, "IncompleteBody"),
        ("negative", -4, framed, "InvalidArgument"),
        ("a text", "four", framed, "InvalidArgument"),
        ("signed", "+4", framed, "InvalidArgument"),
        ("endless", "9" * 40, framed, "InvalidArgument"),
        ("6 GiB", 6 << 30, framed, "EntityTooLarge"),
        ("a chunk of 2 ** 64", 4, b"ffffffffffffffff\r\ndata\r\n0\r\n\r\n", "IncompleteBody"),
        ("a negative chunk", 4, b"-4\r\ndata\r\n0\r\n\r\n", "IncompleteBody"),
        ("a chunk of 0x4", 4, b"0x4\r\ndata\r\n0\r\n\r\n", "IncompleteBody"),
        ("no size", 4, b"\r\ndata\r\n0\r\n\r\n", "IncompleteBody"),
        ("a bare LF", 4, b"4\ndata\n0\n\n", "IncompleteBody"),
        ("a longer chunk", 4, b"3\r\ndata\r\n0\r\n\r\n", "IncompleteBody"),
        ("a shorter chunk", 4, b"5\r\ndata\r\n0\r\n\r\n", "IncompleteBody"),
        ("no last chunk", 4, b"4\r\ndata\r\n", "IncompleteBody"),
        ("an early end", 4, b"4\r\nda", "IncompleteBody"),
        ("nothing", 4, b"", "IncompleteBody"),
        ("a long first line", 4, b"4;" + b"x" * 5000 + b"\r\ndata\r\n0\r\n\r\n", "IncompleteBody"),
        ("no line at all", 4, b"4" * 100_000, "IncompleteBody"),
        ("more behind it", 4, b"4\r\ndata\r\n0\r\n\r\n" + b"x: y\r\n" * 10_000, "IncompleteBody"),
        ("a plain body", 4, b"data", "IncompleteBody"),
    ):
        yield f"bare chunks: {what}", target.unsigned_chunks(body, size), 400, code
    yield "bare chunks: no length", target.unsigned_chunks(framed, None), 411, "MissingContentLength"
    for what, trailer, code in (
        ("another CRC", b"x-amz-checksum-crc32:AAAAAA==\r\n", "BadDigest"),
        ("no base64", b"x-amz-checksum-crc32:????????\r\n", "BadDigest"),
        ("none", b"", "MalformedTrailerError"),
        ("another one", b"x-amz-checksum-sha1:AAAA\r\n", "MalformedTrailerError"),
        ("twice", f"x-amz-checksum-crc32:{crc(b'data')}\r\n".encode() * 2, "MalformedTrailerError"),
        ("no colon", b"x-amz-checksum-crc32\r\n", "MalformedTrailerError"),
        ("no ASCII", b"x-amz-checksum-crc32:\xff\r\n", "MalformedTrailerError"),
        ("a long one", b"x-amz-checksum-crc32:" + b"A" * 2000 + b"\r\n", "MalformedTrailerError"),
        ("an endless one", b"x-amz-checksum-crc32:" + b"A" * TRAILERS + b"\r\n", "IncompleteBody"),
    ):
        body = b"4\r\ndata\r\n0\r\n" + trailer + b"\r\n"
        yield f"trailer: {what}", target.unsigned_chunks(body, 4, "x-amz-checksum-crc32"), 400, code
    names = [f"x-amz-checksum-{number}" for number in range(17)]
    yield "17 trailers", target.unsigned_chunks(framed, 4, *names), 400, "MalformedTrailerError"
    both = target.unsigned_chunks(framed, 4, "x-amz-checksum-crc32", x_amz_checksum_crc32=crc(b"data"))
    yield "a trailer and a header", both, 400, "InvalidRequest"
    data = bytes(range(250))
    for what, change, status, code in (
        ("a changed byte", lambda body: body.replace(data[:9], b"changed!!"), 403, "SignatureDoesNotMatch"),
        ("no signatures", lambda body: re.sub(rb";chunk-signature=[0-9a-f]{64}", b"", body), 400, "IncompleteBody"),
        ("another last one", lambda body: body[:-68] + b"0" * 64 + body[-4:], 403, "SignatureDoesNotMatch"),
        ("a chunk left out", lambda body: body[body.index(b"64;", 9) :], 403, "SignatureDoesNotMatch"),
        ("the last one left out", lambda body: body[: body.rindex(b"0;")], 400, "IncompleteBody"),
        ("its end left out", lambda body: body[:-70], 400, "IncompleteBody"),
    ):
        yield f"signed chunks: {what}", target.signed_chunks(data, change), status, code
    small = target.signed_chunks(data, X_Amz_Decoded_Content_Length="249")
    yield "signed chunks: a length that is too small", small, 400, "IncompleteBody"
    # Twice
    yield "part numbers", target.request("PUT", f"{upload}&partNumber=0&partNumber=2", b"p"), 400, "InvalidArgument"
    url = target.signer.url("PUT", put)
    for more in (
        "X-Amz-Expires=600",
        "x-amz-expires=600",
        "X-Amz-Signature=" + "0" * 64,
        "X-Amz-Date=20260101T000000Z",
    ):
        request = head("PUT", f"{url}&{more}", [("Host", target.signer.host), ("Content-Length", "4")]) + b"data"
        yield f"a URL with a second {more[:14]}", request, 400, "AuthorizationQueryParametersError"
    signed = target.request("PUT", url, b"data")
    yield "a header and a URL", signed, 400, "InvalidArgument"
    plain = target.request("PUT", put, b"data")
    for extra, status, code in (
        (b"Content-Length: 5", 400, ""),
        (b"Host: other", 400, ""),
        (b"Transfer-Encoding: chunked", 400, ""),
        (b"x-amz-acl: public-read", 403, "AccessDenied"),
        (b"x-amz-meta-a: 1", 403, "AccessDenied"),
        (b"x-amz-copy-source: /b/k", 403, "AccessDenied"),
        (b"X-Amz-Content-SHA256: UNSIGNED-PAYLOAD", 403, "SignatureDoesNotMatch"),
        (b"X-Amz-Date: 20260101T000000Z", 403, "SignatureDoesNotMatch"),
        (b"X-Amz-Security-Token: x", 400, "InvalidToken"),
    ):
        yield f"and {extra[:26]!r}", plain.replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n\r\n", 1), status, code
    # Forms
    fields = target.signer.form(BUCKET, "k")
    rest = [pair for pair in fields if pair[0] != "key"]
    for what, given, status, code in (
        ("no key", rest, 400, "InvalidArgument"),
        ("no signature", [pair for pair in fields if pair[0] != "x-amz-signature"], 400, "InvalidArgument"),
        ("no policy", [pair for pair in fields if pair[0] != "policy"], 400, "InvalidArgument"),
        ("a policy that is no base64", [*rest, ("key", "k"), ("policy", "?")], 400, ""),
        ("another key", [*rest, ("key", "other")], 403, "AccessDenied"),
        ("a field of nobody", [*fields, ("x-more", "1")], 403, "AccessDenied"),
        ("a key of 1,025 bytes", target.signer.form(BUCKET, "k" * 1025), 400, "KeyTooLongError"),
        ("a key with NUL", target.signer.form(BUCKET, "a\0b"), 400, "InvalidArgument"),
        ("an endless field", [("x-ignore-a", "x" * 200_000), *fields], 400, "MalformedPOSTRequest"),
        ("endless fields", [*((f"x-ignore-{number}", "") for number in range(3000)), *fields], 400, ""),
    ):
        yield f"form: {what}", target.form(given), status, code
    whole = target.form(fields)
    yield "form: not UTF-8", whole.replace(b'name="key"\r\n\r\nk', b'name="key"\r\n\r\n\xff'), 400, ""
    # Heads
    for what, request, status, code in (
        ("another method", target.request("PATCH", put, b"data"), 405, "MethodNotAllowed"),
        (
            "an unknown class",
            target.request("PUT", put, b"data", x_amz_storage_class="COLD"),
            400,
            "InvalidStorageClass",
        ),
        ("too many tags", target.request("PUT", put, b"d", x_amz_tagging="&".join("abcdefghijk")), 400, "InvalidTag"),
        ("much metadata", target.request("PUT", put, b"d", x_amz_meta_a="a" * 8200), 400, "MetadataTooLarge"),
        ("an unknown ACL", target.request("PUT", put, b"d", x_amz_acl="all"), 400, "InvalidArgument"),
        ("no length", plain.replace(b"Content-Length: 4\r\n", b"").removesuffix(b"data"), 411, "MissingContentLength"),
        ("a negative length", target.request("PUT", put, b"", length=-1), 400, ""),
        ("6 GiB", target.request("PUT", put, b"", length=6 << 30), 400, "EntityTooLarge"),
        ("a source that is none", target.request("PUT", put, x_amz_copy_source="nowhere"), 400, "InvalidArgument"),
        ("a source of NULs", target.request("PUT", put, x_amz_copy_source="/b/a%00"), 400, "InvalidArgument"),
        ("no source", target.request("PUT", put, x_amz_copy_source=f"/{BUCKET}/absent"), 404, "NoSuchKey"),
    ):
        yield what, request, status, code


def check_refusal(answer: Answer, what: str, status: int, code: str) -> None:
    """The answer is an Error document; ``code``: "" for any."""
    assert answer.status == status, (what, answer)
    found = CODE.search(answer.body)
    assert found is not None and (not code or found[1].decode() == code), (what, answer)
    assert answer.header("Content-Type") == "application/xml" and answer.body.startswith(b"<?xml"), (what, answer)
    assert answer.header("x-amz-request-id") and answer.header("x-amz-id-2"), what
    assert f"<RequestId>{answer.header('x-amz-request-id')}</RequestId>".encode() in answer.body, what


def ends_or_goes_on(sock: socket.socket, target: Target, answer: Answer) -> bool:
    """Whether the connection goes on; it is closed otherwise, and is never left between two requests."""
    if answer.header("Connection") == "close":
        try:
            while sock.recv(65536):
                pass
        except ConnectionError:
            pass
        return False
    sock.sendall(target.request("GET", f"/{BUCKET}/old"))
    assert receive(sock).body == b"old"
    return True


def test_wrong_requests(target: Target) -> None:
    before, held, count, kept = target.state(), memory(target.made.server.pid), 0, 0
    descriptors_before = descriptors(target.made.server.pid)
    for what, request, status, code in cases(target):
        with connect(target.made.port) as sock:
            try:
                sock.sendall(request)
            except ConnectionError:  # it was refused by its head
                pass
            answer = receive(sock)
            check_refusal(answer, what, status, code)
            kept += ends_or_goes_on(sock, target, answer)
        count += 1
        if count % 25 == 0:
            assert target.state() == before, what
    assert target.state() == before
    assert count > 150 and kept > 80, (count, kept)
    until(lambda: descriptors(target.made.server.pid) <= descriptors_before)
    assert memory(target.made.server.pid) - held < GROWTH


def test_a_body_without_an_end_is_refused_at_its_limit(target: Target) -> None:
    """In chunks of HTTP no length is announced: the server reads as much as a document may have, and ends it."""
    signed = target.signer.header("POST", f"/{BUCKET}?delete=", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    pairs = [("Host", target.signer.host), *signed, ("Content-MD5", MD5), ("Transfer-Encoding", "chunked")]
    held, sent = memory(target.made.server.pid), 0
    with connect(target.made.port) as sock:
        sock.sendall(head("POST", f"/{BUCKET}?delete=", pairs))
        piece = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
        try:
            while sent < 64:
                sock.sendall(piece)
                sent += 1
        except ConnectionError:
            pass
        try:
            check_refusal(receive(sock, "POST"), "a body without an end", 400, "MalformedXML")
        except ConnectionError:
            pass  # the answer was lost to the bytes that nobody read
    assert sent < 64
    assert memory(target.made.server.pid) - held < GROWTH
    longer = target.request("POST", f"/{BUCKET}?delete=", b"", length=9 << 20, Content_MD5=MD5)
    with connect(target.made.port) as sock:  # and one that announces too much is refused by its head
        sock.sendall(longer)
        check_refusal(receive(sock, "POST"), "9 MiB", 400, "MalformedXML")


def test_what_is_packed_is_stored_as_it_comes(target: Target) -> None:
    """Content-Encoding is metadata: nothing is unpacked, so a bomb is the bytes that were sent."""
    bomb = gzip.compress(bytes(300_000_000), 1)
    held = memory(target.made.server.pid)
    for encoding in ("gzip", "gzip, gzip", "br", "deflate", "aws-chunked, gzip", "identity"):
        stored = target.ask("PUT", f"/{OTHER}/bomb", bomb, Content_Encoding=encoding)
        assert stored.status == 200 and stored.header("ETag") == f'"{hashlib.md5(bomb).hexdigest()}"', encoding
        got = target.ask("HEAD", f"/{OTHER}/bomb")
        assert got.header("Content-Length") == str(len(bomb))
        assert got.header("Content-Encoding") == encoding.removeprefix("aws-chunked, ")
    assert memory(target.made.server.pid) - held < GROWTH


def test_chunks_that_come_slowly_hold_nobody_up(tmp_path: Path) -> None:
    """A client that sends the head of a chunk byte by byte is broken off by the rules for every body."""
    with start_s3_server(tmp_path / "data", "--idle", "1", "--least-rate", "100000") as made:
        signer = Signer(f"127.0.0.1:{made.port}", made.public_key, made.private_key)
        target = Target(made, signer, "", "")
        assert target.ask("PUT", f"/{BUCKET}").status == 200
        assert target.ask("PUT", f"/{BUCKET}/old", b"old").status == 200
        begun = target.signed_chunks(bytes(1000))
        body = begun.index(b"\r\n\r\n") + 4
        bare = target.unsigned_chunks(b"3e8;" + b"x" * 2000, 1000)
        outer = target.signer.header("PUT", f"/{BUCKET}/k", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
        chunked_head = head("PUT", f"/{BUCKET}/k", [("Host", signer.host), *outer, ("Transfer-Encoding", "chunked")])
        for data, rest in (
            (begun[: body + 1], begun[body + 1 :]),
            (begun[: body + 40], begun[body + 40 :]),
            (begun[: body + 120], begun[body + 120 :]),
            (bare[:-2000], bare[-2000:]),
            (chunked_head + b"5", b";" + b"x" * 2000),
        ):
            with connect(made.port) as sock:
                sock.settimeout(patience.SECONDS)
                sock.sendall(data)
                assert target.ask("GET", f"/{BUCKET}/old").body == b"old"
                at, ended = 0, False
                while not ended:
                    try:
                        sock.sendall(rest[at : at + 1])
                        at += 1
                        sock.settimeout(0.1)
                        ended = not sock.recv(65536)
                    except TimeoutError:
                        assert at < len(rest)
                    except ConnectionError:
                        ended = True
        assert target.ask("GET", f"/{BUCKET}/k").status == 404
        assert Peer(made.server).send("GET", "/").status < 500
        assert "Traceback" not in made.server.log.read_text()


def test_both_framings_at_once_are_read_by_one_rule(target: Target) -> None:
    """HTTP's chunks around those of aws: each may end in the middle of the other, and neither may end too early."""
    framed = b"4\r\ndata\r\n0\r\n\r\n"
    headers = {"X-Amz-Content-SHA256": UNSIGNED_TRAILER, "X-Amz-Decoded-Content-Length": "4"}
    for at in range(len(framed)):
        pairs = [("Host", target.signer.host), *target.signer.header("PUT", f"/{OTHER}/both", headers)]
        start = head("PUT", f"/{OTHER}/both", [*pairs, ("Transfer-Encoding", "chunked")])
        pieces = [piece for piece in (framed[:at], framed[at:]) if piece]
        with connect(target.made.port) as sock:
            sock.sendall(start + chunked(*pieces))
            assert receive(sock, "PUT").status == 200, at
            if at < 11:
                sock.sendall(start + (chunked(framed[:at]) if at else b"0\r\n\r\n"))
                check_refusal(receive(sock, "PUT"), f"{at} bytes", 400, "IncompleteBody")
