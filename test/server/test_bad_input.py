"""Whatever is wrong with a request, it is refused in this protocol's form and leaves nothing behind.

One valid request for every operation that there is, held complete by a test; then all of them with one thing wrong.
After each: the answer is a 4xx with RetCode and ErrMsg (management: HTTP 200 with RetCode and Message), its connection
takes another request or is closed cleanly, nothing is stored or changed, and the log holds no traceback.
"""

from __future__ import annotations

import json
import random
import re
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from test.server.test_postfile import fields_of, file_of
from test.server.wire import Answer, Peer, connect, head, receive
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import dialect, location, management, operation, policy, provider, signature
from ucloud.uvideo.protocol.compat import build_query
from ucloud.uvideo.protocol.message import Headers

KEY, BODY = "dir/k", b"bytes"
NEW = "new/key"


@dataclass
class Asked:
    """A request in pieces.  ``headers``: those that are signed; Host and Authorization are added."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    key: str

    def sent(self, world: World, **framing: Any) -> bytes:
        """Its bytes, signed."""
        signed = world.peer.signed(self.method, world.space, self.key, self.headers)
        return world.framed(self, ("Authorization", signed), **framing)


@dataclass
class World:
    """A server of its own, for its log is looked at, with a space that no request here may change."""

    server: Server
    peer: Peer
    space: str = ""
    upload: str = ""
    before: Any = None

    def operations(self) -> dict[type, Any]:
        """One of each class that may be done now."""
        space, upload = self.space, self.upload
        each = (
            operation.PutObject(space, NEW, "text/plain"),
            operation.GetObject(space, KEY),
            operation.HeadObject(space, KEY),
            operation.DeleteObject(space, KEY),
            operation.InitiateUpload(space, NEW, "text/plain"),
            operation.UploadPart(space, "u", upload, 1),
            operation.FinishUpload(space, "u", upload, ("etag",)),
            operation.AbortUpload(space, "u", upload),
            operation.ListParts(space, upload, 5, 0),
            operation.ListUploads(space, "p", "m", "i", 5),
            operation.ListFiles(space, "p", "m", 5),
            operation.ListObjects(space, "p", "m", 5, "/"),
            operation.UploadHit(space, NEW, "etag", 5),
            operation.CopyObject(space, NEW, space, KEY),
            operation.CopyPart(space, "u", upload, 1, space, KEY),
            operation.RenameObject(space, KEY, NEW, True),
            operation.SetMime(space, KEY, "text/other"),
            operation.SwitchClass(space, KEY, "IA"),
            operation.RestoreObject(space, KEY, "Standard"),
            operation.PutTags(space, KEY, (("a", "b"),)),
            operation.GetTags(space, KEY),
            operation.DeleteTags(space, KEY),
            operation.PutAcl(space, KEY, "public-read"),
            operation.GetAcl(space, KEY),
            operation.AppendObject(space, NEW, 0, "text/plain"),
        )
        return {type(op): op for op in each}

    def asked(self, op: Any) -> Asked:
        request = dialect.encode(op, provider.parse_suffix(".localhost"))
        body = BODY if type(op) in dialect.BULK else request.body
        return Asked(request.method, request.target, list(request.headers), body, getattr(op, "key", "") or "")

    def every(self) -> Iterator[Asked]:
        for op in self.operations().values():
            yield self.asked(op)

    def framed(self, asked: Asked, *more: tuple[str, Any], length: str | None = None, framing: bool = True) -> bytes:
        pairs = [("Host", f"{self.space}.localhost"), *asked.headers, *more]
        if framing and (asked.body or asked.method in ("PUT", "POST")):
            pairs.append(("Content-Length", str(len(asked.body)) if length is None else length))
        return head(asked.method, asked.target, pairs) + asked.body

    def state(self) -> Any:
        """All that the space holds."""
        listed = self.peer.do(operation.ListObjects(self.space)).objects
        uploads = self.peer.do(operation.ListUploads(self.space)).uploads
        parts = self.peer.do(operation.ListParts(self.space, self.upload)).parts
        one = operation.GetTags(self.space, KEY), operation.GetAcl(self.space, KEY)
        return listed, uploads, parts, [self.peer.do(op) for op in one]

    def refused(self, data: bytes, method: str = "GET") -> Answer:
        """Send bytes; they are refused."""
        got = self.answered(data, method)
        assert 400 <= got.status < 500, (got.status, got.body, data[:300])
        if method == "HEAD":
            assert got.body == b""
        else:
            status, ret_code, message = got.refusal()
            assert isinstance(ret_code, int) and ret_code < 0 and message and status == got.status
        return got

    def answered(self, data: bytes, method: str = "GET") -> Answer:
        """Send bytes; whatever the answer, the connection is usable or closed cleanly then."""
        with connect(self.server.port) as sock:
            sock.sendall(data)
            got = receive(sock, method)
            self.usable(sock, got)
        return got

    def usable(self, sock: socket.socket, got: Answer) -> None:
        if (got.header("Connection") or "").lower() == "close":
            assert sock.recv(1) == b""
            return
        sock.sendall(self.asked(operation.GetObject(self.space, KEY)).sent(self))
        again = receive(sock)
        assert (again.status, again.body) == (200, BODY)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("bad"), "--no-fsync") as started:
        yield started


@pytest.fixture(scope="module")
def prepared(server: Server) -> World:
    world = World(server, Peer(server))
    world.space = world.peer.space()
    world.peer.do(operation.PutObject(world.space, KEY, "text/plain"), BODY)
    world.peer.do(operation.PutTags(world.space, KEY, (("tag", "value"),)))
    world.upload = world.peer.do(operation.InitiateUpload(world.space, "u")).upload_id
    world.peer.do(operation.UploadPart(world.space, "u", world.upload, 0), BODY)
    world.before = world.state()
    return world


@pytest.fixture
def world(prepared: World) -> Iterator[World]:
    yield prepared
    assert prepared.state() == prepared.before
    said = prepared.server.log.read_text()
    assert "Traceback" not in said and "failed" not in said


def test_the_table_holds_every_operation(world: World) -> None:
    assert set(world.operations()) == set(dialect.OPERATIONS)
    for op in world.operations().values():  # and each of them would be done but for what is made wrong below
        target = location.parse_target(world.asked(op).target)
        key = location.key_of(location.addresses("x.y", None, target.path)[0])
        headers = Headers(world.asked(op).headers)
        assert dialect.route(world.asked(op).method, key, dialect.parameters(target.query), headers) is type(op)


# The target


@pytest.mark.parametrize("escape", ("%", "%z", "%zz", "%4", "%ff", "%c3%28", "%ed%a0%80", "%C0%AF"))
def test_percent_encoding(world: World, escape: str) -> None:
    for asked in world.every():
        path, mark, query = asked.target.partition("?")
        world.refused(replace(asked, target=path + escape + mark + query).sent(world), asked.method)
        for wrong in (f"x={escape}", f"{escape}=x"):
            target = f"{path}?{query}{'&' if query else ''}{wrong}"
            world.refused(replace(asked, target=target).sent(world), asked.method)


def test_conflicting_parameters(world: World) -> None:
    for asked in world.every():
        names = [name for name, _ in location.parse_target(asked.target).query]
        for name in names:
            for twice in (name, name.upper()):
                target = f"{asked.target}&{build_query([(twice, 'another')])}"
                world.refused(replace(asked, target=target).sent(world), asked.method)


NUMBERS = ("", "x", "-1", "1.5", "1e3", "0x1", "９", " 1", "1 ", "9" * 19, "9" * 400)
WRONG_NUMBERS = {
    operation.UploadPart: ("partNumber", NUMBERS),
    operation.CopyPart: ("partNumber", NUMBERS),
    operation.ListParts: ("max-parts", NUMBERS[1:]),
    operation.ListUploads: ("limit", NUMBERS[1:]),
    operation.ListFiles: ("limit", NUMBERS[1:]),
    operation.ListObjects: ("max-keys", NUMBERS[1:]),
    operation.UploadHit: ("FileSize", NUMBERS),
    operation.AppendObject: ("position", (*NUMBERS, "1", "999")),
}


@pytest.mark.parametrize("cls", WRONG_NUMBERS, ids=lambda cls: cls.__name__)
def test_parameters_that_are_no_number(world: World, cls: type) -> None:
    name, values = WRONG_NUMBERS[cls]
    asked = world.asked(world.operations()[cls])
    path, _, query = asked.target.partition("?")
    pairs = [(each, value if "=" in query else None) for each, value in location.parse_target(asked.target).query]
    for value in values:
        changed = build_query([(each, value if each == name else known) for each, known in pairs])
        world.refused(replace(asked, target=f"{path}?{changed}").sent(world), asked.method)
    without = build_query([pair for pair in pairs if pair[0] != name])
    if values[0] == "":
        world.refused(replace(asked, target=f"{path}?{without}").sent(world), asked.method)


WRONG_VALUES = (
    (operation.ListObjects, "delimiter=%2F", "delimiter=x"),
    (operation.ListObjects, "delimiter=/", "delimiter=x"),
    (operation.ListParts, "part-number-marker=0", "part-number-marker=-1"),
    (operation.SwitchClass, "storageClass=IA", "storageClass=GLACIER"),
    (operation.SwitchClass, "storageClass=IA", "storageClass=STANDARD"),
    (operation.SwitchClass, "storageClass=IA", "storageClass="),
    (operation.RenameObject, "force=true", "force=perhaps"),
    (operation.RenameObject, "newFileName=new/key", "newFileName="),
    (operation.RenameObject, "newFileName=new/key", "newFileName=" + "k" * 1024),
    (operation.UploadPart, "uploadId=", "uploadId=no-such-"),
    (operation.FinishUpload, "uploadId=", "uploadId=no-such-"),
    (operation.AbortUpload, "uploadId=", "uploadId=no-such-"),
    (operation.CopyPart, "uploadId=", "uploadId=no-such-"),
    (operation.ListParts, "uploadId=", "uploadId=no-such-"),
)


@pytest.mark.parametrize("case", WRONG_VALUES, ids=lambda case: f"{case[0].__name__} {case[2][:30]}")
def test_parameters_of_no_use(world: World, case: tuple[type, str, str]) -> None:
    cls, right, wrong = case
    asked = world.asked(world.operations()[cls])
    changed = asked.target.replace(right, wrong)
    if changed == asked.target:  # the other spelling of the same value
        assert "delimiter" in right and "delimiter=" in asked.target
        changed = re.sub("delimiter=[^&]*", wrong, asked.target)
    world.refused(replace(asked, target=changed).sent(world), asked.method)


def test_keys_and_targets(world: World) -> None:
    for asked in world.every():
        if asked.key:
            long = replace(asked, key="k" * 1024, target="/" + "k" * 1024 + asked.target[asked.target.find("?") :])
            if asked.method != "POST" or "uploadhit" not in asked.target:
                world.refused(long.sent(world), asked.method)
        world.refused(replace(asked, target="/" + "x" * 20000).sent(world), asked.method)
        world.refused(replace(asked, target="*").sent(world), asked.method)
    for target in ("", "k", "://", "http://", "/a b", "/\x00", "/\x7f", "/é ", "/é\x00", "é", "http://é"):
        world.refused(Asked("GET", target, [], b"", "").sent(world))


# Headers


WRONG_HEADERS = (
    ("X-Ufile-Meta-A", "x" * 9000),
    ("X-Ufile-Meta-B_c", "x"),
    ("X-Ufile-Meta-", "x"),
    ("X-Ufile-Storage-Class", "GLACIER"),
)
WRONG_MD5 = ("nonsense", "0" * 31, "0" * 32, "XrY7u+Ae7tCTyyK7j1rNww==", "XrY7u+Ae7tCTyyK7j1rN")


@pytest.mark.parametrize("wrong", WRONG_HEADERS, ids=lambda wrong: f"{wrong[0]} {wrong[1][:10]}")
@pytest.mark.parametrize("cls", (operation.PutObject, operation.AppendObject, operation.InitiateUpload))
def test_headers_of_an_upload(world: World, cls: type, wrong: tuple[str, str]) -> None:
    if cls is operation.InitiateUpload and wrong[0] == "X-Ufile-Meta-A":
        wrong = ("X-Ufile-Meta-A", "x" * 8192)
    asked = world.asked(world.operations()[cls])
    world.refused(replace(asked, headers=[*asked.headers, wrong]).sent(world), asked.method)


@pytest.mark.parametrize("cls", (operation.PutObject, operation.AppendObject))
def test_the_md5_of_an_upload(world: World, cls: type) -> None:
    asked = world.asked(world.operations()[cls])
    for wrong in WRONG_MD5:
        world.refused(replace(asked, headers=[*asked.headers, ("Content-MD5", wrong)]).sent(world), asked.method)


@pytest.mark.parametrize(
    ("cls", "name", "values"),
    (
        (operation.CopyObject, "X-Ufile-Metadata-Directive", ("x", "UNCHANGED")),
        (operation.FinishUpload, "X-Ufile-Metadata-Directive", ("x", "COPY")),
        (
            operation.CopyObject,
            "X-Ufile-Copy-Source",
            ("", "/", "x", "/x", "//", "/{space}", "/{space}/", "/{space}/none"),
        ),
        (operation.CopyObject, "X-Ufile-Copy-Source", ("/no-such-space/k", "/{space}/%zz", "/{space}/%ff")),
        (operation.CopyPart, "X-Ufile-Copy-Source", ("", "/", "x", "/{space}/none", "/{space}/%zz")),
        (
            operation.CopyPart,
            "X-Ufile-Copy-Source-Range",
            ("x", "bytes=", "bytes=5", "bytes=3-1", "bytes=5-99", "bytes=-2"),
        ),
        (operation.CopyPart, "X-Ufile-Copy-Source-Range", ("bytes=0-1,2-3", "lines=0-1", "bytes=0-" + "9" * 30)),
        (operation.RestoreObject, "Tier", ("Bulk", "standard", "x" * 1000)),
        (operation.PutAcl, "x-ufile-object-acl", ("", "private", "public-read-write")),
        (operation.PutObject, "x-ufile-object-acl", ("private", "public")),
    ),
)
def test_headers_of_one_operation(world: World, cls: type, name: str, values: tuple[str, ...]) -> None:
    asked = world.asked(world.operations()[cls])
    kept = [pair for pair in asked.headers if pair[0].lower() != name.lower()]
    for value in values:
        headers = [*kept, (name, value.format(space=world.space))]
        world.refused(replace(asked, headers=headers).sent(world), asked.method)


def test_ranges(world: World) -> None:
    for value, status in (
        *(
            (wrong, 200)
            for wrong in ("x", "bytes", "bytes=", "bytes=-", "bytes=x-y", "bytes=3-1", "lines=0-1", "bytes=0-1,3-4")
        ),
        *((wrong, 200) for wrong in ("bytes=" + "9" * 30 + "-", "bytes=٣-٤", "bytes=0x0-0x1", "bytes=1-1-1", "=", ",")),
        *((beyond, 416) for beyond in ("bytes=5-", "bytes=5-9", "bytes=999-", "bytes=-0", "bytes=" + "9" * 19 + "-")),
    ):
        asked = replace(world.asked(operation.GetObject(world.space, KEY)), headers=[("Range", value)])
        got = world.refused(asked.sent(world)) if status == 416 else world.answered(asked.sent(world))
        assert got.status == status and got.header("Content-Range") is None, value


def test_heads_that_are_too_large_or_malformed(world: World) -> None:
    for asked in world.every():
        for more in (
            [("X-Long", "x" * 20000)],
            [("X-" + "n" * 20000, "x")],
            [(f"X-{number}", "x") for number in range(2000)],
            [("X-Control", b"a\x00b")],
            [("X-Control", b"a\rb")],
            [("Bad Name", "x")],
            [("", "x")],
        ):
            got = world.refused(world.framed(asked, *more), asked.method)
            assert got.status == 400


def test_authorizations(world: World) -> None:
    public = world.peer.credentials.public_key
    for asked in world.every():
        for value in (
            *("", " ", "UCloud", "UCloud ", "UCloud :", f"UCloud {public}", f"UCloud {public}:", "UCloud a:b:c:d"),
            *(f"Basic {public}:x", "UCloud nobody:x", f"UCloud {public}:é", f"UCloud {public}:" + "x" * 9000, "é é:é"),
            *(f"ucloud {public}:x", b"UCloud \xff:\xff", f"UCloud {public}:x:y"),
        ):
            got = world.refused(world.framed(asked, ("Authorization", value)), asked.method)
            assert got.status in (401, 403), value
        for query in (
            "UCloudPublicKey=a",
            "Signature=x",
            "UCloudPublicKey=a&Signature=b&Expires=x",
            "UCloudPublicKey=&Signature=",
        ):
            mark = "&" if "?" in asked.target else "?"
            got = world.refused(world.framed(replace(asked, target=asked.target + mark + query)), asked.method)
            assert got.status in (401, 403), query


def test_put_policies(world: World) -> None:
    for cls in (operation.PutObject, operation.FinishUpload):
        asked = world.asked(world.operations()[cls])
        for text in (
            "x",
            "%",
            "e30=",
            "bnVsbA==",
            "W10=",
            policy.build("ftp://x/", "y"),
            policy.build("http://", ""),
            "A" * 5000,
        ):
            signed = world.peer.signed(asked.method, world.space, asked.key, asked.headers, policy=text)
            got = world.refused(world.framed(asked, ("Authorization", signed)), asked.method)
            assert got.refusal()[:2] == (400, -148660), text


# Bodies


NO_JSON = (b"", b"{", b"\xff", b"null", b"7", b'"x"', b"[]", b"[" * 100000, b"{}", b"NaN", b'{"a":}', b"\x00" * 100)
DOCUMENTS: dict[type, tuple[Any, ...]] = {
    operation.SetMime: (
        {"op": "set"},
        {"op": "get", "metak": "mimetype", "metav": "text/x"},
        {"op": "set", "metak": "size", "metav": "text/x"},
        *(
            {"op": "set", "metak": "mimetype", "metav": value}
            for value in (None, 7, [], {}, True, "", " ", "a\r\nX: b", "\ud800")
        ),
        {"op": "set", "metak": "mimetype", "metav": "x" * 9000},
        {"op": ["set"], "metak": {}, "metav": "text/x"},
    ),
    operation.PutTags: (
        *({"Tags": value} for value in (None, 7, "x", {}, [7], [None], [[]], [{}])),
        *(
            {"Tags": [{"Key": key, "Value": value}]}
            for key, value in ((7, "x"), ("x", 7), (None, "x"), ("", "x"), ("\ud800", "x"))
        ),
        *(
            {"Tags": [{"Key": key, "Value": value}]}
            for key, value in (("k" * 129, "x"), ("x", "v" * 257), ("a\n", "x"), ("<", "x"))
        ),
        {"Tags": [{"Key": str(number), "Value": "x"} for number in range(11)]},
        {"Tags": [{"Key": "a", "Value": "x"}, {"Key": "a", "Value": "y"}]},
    ),
}


@pytest.mark.parametrize("cls", DOCUMENTS, ids=lambda cls: cls.__name__)
def test_json(world: World, cls: type) -> None:
    asked = world.asked(world.operations()[cls])
    for body in (*NO_JSON, *(json.dumps(document).encode() for document in DOCUMENTS[cls]), b" " * (2 * 1024 * 1024)):
        world.refused(replace(asked, body=body).sent(world), asked.method)


def test_lists_of_etags(world: World) -> None:
    asked = world.asked(world.operations()[operation.FinishUpload])
    for body in (b"", b"x", b",", b"\xff", b'"x","y"', b"{}", b"\x00", b"," * 100000, b"x" * 1000000):
        world.refused(replace(asked, body=body).sent(world), "POST")


def test_forms(world: World) -> None:
    kind = ("Content-Type", "multipart/form-data; boundary=B")
    allowed = world.peer.signed("POST", world.space, NEW, [("Content-Type", "text/plain")])
    good = fields_of(("FileName", NEW), ("Authorization", allowed)) + file_of(BODY)
    for body in (
        *(b"", b"x", b"--B", b"--B--", b"--C\r\n", good[:-8], good[:100], good.replace(b"\r\n\r\n", b"\r\n"), good[5:]),
        *(good.replace(b"\r\n", b"\n"), good.replace(b'name="file"', b"name=data"), good.replace(b"form-data", b"x")),
        *(
            good.replace(NEW.encode(), b""),
            good.replace(NEW.encode(), b"\xff"),
            good.replace(NEW.encode(), b"x" * 2000),
        ),
        *(good.replace(b"Authorization", b"Authorisation"), good.replace(b"UCloud", b"\x00"), b"--B\r\n" * 20000),
    ):
        world.refused(world.framed(Asked("POST", "/", [kind], body, ""), ("X", "y")), "POST")


# Framing


def test_lengths_that_are_none(world: World) -> None:
    for asked in world.every():
        for length in ("x", "-1", "+5", "5,5", "5, 6", "0x5", "5.0", "９", "9" * 30, "1 2", ""):
            data = asked.sent(world, framing=False).replace(
                b"\r\n\r\n", b"\r\nContent-Length: %s\r\n\r\n" % length.encode(), 1
            )
            got = world.refused(data, asked.method)
            assert got.header("Connection") == "close", length
        twice = asked.sent(world, framing=False).replace(
            b"\r\n\r\n", b"\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 1
        )
        world.refused(twice, asked.method)
        both = b"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        world.refused(asked.sent(world, framing=False).replace(b"\r\n\r\n", both, 1), asked.method)


def test_a_body_that_is_shorter_than_its_length(world: World) -> None:
    for op in world.operations().values():
        if type(op) not in (*dialect.BULK, *dialect.SMALL):
            continue  # whatever bytes come with it are thrown away
        asked = world.asked(op)
        with connect(world.server.port) as sock:
            sock.sendall(asked.sent(world, length=str(len(asked.body) + 50)))
            sock.shutdown(socket.SHUT_WR)
            stream = b"".join(iter(lambda: _received(sock), b""))
        assert not stream or stream.startswith(b"HTTP/1.1 400 "), (op, stream)


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionError:
        return b""


def test_more_than_the_length_is_another_request(world: World) -> None:
    for op in world.operations().values():
        asked = world.asked(op)
        wrong = replace(asked, target=asked.target + ("&" if "?" in asked.target else "?") + "x=%zz")
        with connect(world.server.port) as sock:
            sock.sendall(wrong.sent(world) + b"and more bytes\r\n\r\n")
            stream = b"".join(iter(lambda: _received(sock), b""))
        answers = re.findall(rb"^HTTP/1\.[01] (\d+)", stream, re.M)
        assert answers in ([b"400"], [b"400"] * 2) and b"Connection: close" in stream, asked  # one for both, maybe


@pytest.mark.parametrize(
    "coding",
    (b"x\r\n", b"-5\r\nbytes\r\n0\r\n\r\n", b"5\r\nbytesX\r\n0\r\n\r\n", b"\r\n", b"g\r\nbytes"),
)
def test_chunks(world: World, coding: bytes) -> None:
    for op in world.operations().values():
        if type(op) not in (*dialect.BULK, *dialect.SMALL):
            continue
        asked = world.asked(op)
        data = replace(asked, body=b"", headers=asked.headers).sent(world, framing=False)
        world.refused(data.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n", 1) + coding, asked.method)


# Management


def calls() -> dict[type, dict[str, Any]]:
    """The parameters of one call of each class, none of which would change anything that is looked at."""
    return {
        operation.CreateSpace: {"Action": "CreateBucket", "BucketName": "Not-A-Name", "Region": "x"},
        operation.DescribeSpace: {"Action": "DescribeBucket", "BucketName": "no-such-space"},
        operation.UpdateSpace: {"Action": "UpdateBucket", "BucketName": "no-such-space"},
        operation.DeleteSpace: {"Action": "DeleteBucket", "BucketName": "no-such-space"},
        operation.ListSpaceFiles: {"Action": "GetFileList", "BucketName": "no-such-space"},
        operation.GetSpaceStatus: {"Action": "GetVideoSpaceStatus", "BeginTime": 2, "EndTime": 1},
        operation.CreateToken: {"Action": "CreateUFileToken", "TokenName": "t", "ExpireTime": 1},
        operation.DescribeToken: {"Action": "DescribeUFileToken", "TokenId": "none"},
        operation.UpdateToken: {"Action": "UpdateUFileToken", "TokenId": "none"},
        operation.DeleteToken: {"Action": "DeleteUFileToken", "TokenId": "none"},
        operation.AssumeRole: {"Action": "AssumeRole", "DurationSeconds": 1},
    }


def managed(
    world: World, body: bytes, kind: str = "application/json", target: str = "/", may_work: bool = False
) -> dict[str, Any]:
    """The answer to a call that is refused, or ``may_work``."""
    data = head("POST", target, [("Host", "x"), ("Content-Type", kind), ("Content-Length", str(len(body)))]) + body
    got = world.answered(data, "POST")
    assert got.status == 200 and got.header("Content-Type") == "application/json"
    said: dict[str, Any] = got.json()
    if may_work and said["RetCode"] == 0:
        return said
    assert set(said) == {"RetCode", "Action", "Message"} and said["RetCode"] > 0 and said["Message"], (body, said)
    return said


def with_signature(world: World, given: dict[str, Any]) -> bytes:
    given = {"PublicKey": world.peer.credentials.public_key, **given}
    flat = {name: value for name, value in given.items() if not isinstance(value, list | dict | None)}
    given["Signature"] = signature.action_signature(world.peer.credentials.private_key, flat)
    return json.dumps(given).encode()


@pytest.mark.parametrize("cls", management.BY_CLASS, ids=lambda cls: cls.__name__)
def test_wrong_types_in_every_management_call(world: World, cls: type) -> None:
    right = calls()[cls]
    assert managed(world, with_signature(world, right))["Action"] == right["Action"] + "Response"
    names = {"Action", "PublicKey", "Signature", *(name for _, name in management.BY_CLASS[cls].fields), *right}
    for name in names:
        for value in (None, {}, [None], [{}], [[]], {"a": "b"}, "\ud800"):
            managed(world, json.dumps({"PublicKey": "x", "Signature": "y", **right, name: value}).encode())
        for value in (-7, 1.5, "x" * 100000, "\x00", ["x"] * 2000):
            managed(world, with_signature(world, {**right, name: value}), may_work=name not in right)


def test_management_bodies(world: World) -> None:
    for body in NO_JSON:
        managed(world, body)
    for body in (b"%zz", b"a=%ff", b"\xff", b"=", b"&&&", b"Action=a&Action=b", b"Action=%00"):
        managed(world, body, "application/x-www-form-urlencoded")
        managed(world, body, "text/plain; charset=nonsense")
    for target in ("/?Action=CreateBucket", "/?PublicKey=x&Signature=y"):
        managed(world, b"", target=target)
    world.refused(head("GET", "/?Action=x&PublicKey=%ED", [("Host", "x")]))


# Anything


def test_requests_with_a_few_bytes_changed(world: World) -> None:
    """Neither a 500 nor a silence: of each operation a few dozen, the same ones in each run."""
    dice, answered = random.Random(20261122), 0
    for op in world.operations().values():
        asked = world.asked(op)
        data = world.framed(asked, ("Authorization", f"UCloud {world.peer.credentials.public_key}:bm90aGluZw=="))
        for _ in range(15):
            changed = bytearray(data)
            for _ in range(dice.randint(1, 4)):
                at = dice.randrange(len(changed))
                changed[at : at + dice.randint(0, 3)] = dice.choice(
                    (b"", b"\x00", b"\r\n", b"%", b"\xff", b"?", b" ", b":", b"9")
                )
            with connect(world.server.port) as sock:
                sock.sendall(bytes(changed) + b"\r\n\r\n")
                if not select.select([sock], [], [], 0.1)[0]:
                    sock.shutdown(socket.SHUT_WR)  # it may wait for more
                try:
                    stream = sock.recv(65536)
                except ConnectionError:
                    stream = b""
            answered += bool(stream)
            statuses = re.findall(rb"^HTTP/1\.[01] (\d+)", stream, re.M)
            assert not [status for status in statuses if not 400 <= int(status) < 500], (bytes(changed), stream[:300])
    assert answered > 200
