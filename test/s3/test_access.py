"""Who may do what with which carrier: every operation of S3 with every signer, from one table."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import pytest

from test.patience import until
from test.s3.s3_server import S3Server
from test.s3.signing import Signer, form_body
from test.server.wire import Answer, Peer
from ucloud.uvideo.protocol import errors
from ucloud.uvideo.protocol import operation as ufile
from uvideo.s3 import operation as s3
from uvideo.s3 import routing

READ, WRITE, DELETE, LIST = RIGHTS = ("READ", "WRITE", "DELETE", "LIST")
CODE = re.compile(rb"<Code>(\w+)</Code>")
ACCOUNT = None  # only for the account's own keys
DENIED = (403, "AccessDenied")


class Row(NamedTuple):
    """``target``: with {bucket}, {new}, {upload} of the place.  ``rights``: that a token needs, or ACCOUNT.

    ``scope``: of a token that counts: key, bucket or nothing.  ``anybody``: what of an ACL lets everybody do it.
    ``codes``: answers beside a success that show that the signer may.
    """

    method: str
    target: str
    rights: tuple[str, ...] | None
    scope: str = "key"
    anybody: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    codes: tuple[str, ...] = ()


OBJECT, UPLOAD = "/{bucket}/in/k", "/{bucket}/in/u?uploadId={upload}"
COPY = (("x-amz-copy-source", "/{bucket}/in/k"),)
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
PARTS = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
CORS = (
    b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"
    b"</CORSConfiguration>"
)
LIFECYCLE = (
    b"<LifecycleConfiguration><Rule><ID>a</ID><Filter><Prefix>a/</Prefix></Filter><Status>Enabled</Status>"
    b"<Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>"
)
NOT_YET = ("NotImplemented",)


def configuration(method: str, flag: str, body: bytes = b"", *codes: str) -> Row:
    return Row(method, "/{bucket}?" + flag, ACCOUNT, "bucket", body=body, codes=codes)


def listing(query: str) -> Row:
    return Row("GET", "/{bucket}?" + query, (LIST,), anybody="list")


#: Every operation has a row: a new one is refused to nobody by mistake.
ACCESS: dict[type, Row] = {
    s3.ListBuckets: Row("GET", "/", (), "nothing"),
    s3.CreateBucket: Row("PUT", "/{new}", ACCOUNT, "nothing"),
    s3.HeadBucket: Row("HEAD", "/{bucket}", (LIST,), "bucket", "list"),
    s3.DeleteBucket: Row("DELETE", "/{bucket}", ACCOUNT, "bucket", codes=("BucketNotEmpty",)),
    s3.GetBucketLocation: Row("GET", "/{bucket}?location", (LIST,), "bucket"),
    s3.GetBucketVersioning: configuration("GET", "versioning"),
    s3.PutBucketVersioning: configuration(
        "PUT",
        "versioning",
        b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
        *NOT_YET,
    ),
    s3.GetBucketCors: configuration("GET", "cors", b"", "NoSuchCORSConfiguration"),
    s3.PutBucketCors: configuration("PUT", "cors", CORS, *NOT_YET),
    s3.DeleteBucketCors: configuration("DELETE", "cors"),
    s3.GetBucketAcl: configuration("GET", "acl"),
    s3.PutBucketAcl: Row("PUT", "/{bucket}?acl", ACCOUNT, "bucket", headers=(("x-amz-acl", "private"),)),
    s3.GetBucketTagging: configuration("GET", "tagging", b"", "NoSuchTagSet"),
    s3.PutBucketTagging: configuration("PUT", "tagging", TAGS),
    s3.DeleteBucketTagging: configuration("DELETE", "tagging"),
    s3.GetBucketLifecycleConfiguration: configuration("GET", "lifecycle", b"", "NoSuchLifecycleConfiguration"),
    s3.PutBucketLifecycleConfiguration: configuration("PUT", "lifecycle", LIFECYCLE, *NOT_YET),
    s3.DeleteBucketLifecycle: configuration("DELETE", "lifecycle"),
    s3.GetBucketPolicyStatus: configuration("GET", "policyStatus"),
    s3.PutBucketRequestPayment: configuration(
        "PUT",
        "requestPayment",
        b"<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
    ),
    s3.ListObjects: listing("prefix=in%2F"),
    s3.ListObjectsV2: listing("list-type=2&prefix=in%2F"),
    s3.ListObjectVersions: listing("versions=&prefix=in%2F"),
    s3.ListMultipartUploads: listing("uploads=&prefix=in%2F"),
    s3.PutObject: Row("PUT", "/{bucket}/in/new", (WRITE,), anybody="write", body=b"new"),
    s3.PostObject: Row("POST", "/{bucket}", (WRITE,), anybody="write", body=b"posted"),
    s3.GetObject: Row("GET", OBJECT, (READ,), anybody="read"),
    s3.HeadObject: Row("HEAD", OBJECT, (READ,), anybody="read"),
    s3.CopyObject: Row("PUT", "/{bucket}/in/new", (READ, WRITE), headers=COPY),
    s3.DeleteObject: Row("DELETE", "/{bucket}/in/absent", (DELETE,), anybody="write"),
    s3.DeleteObjects: Row(
        "POST",
        "/{bucket}?delete=",
        (DELETE,),
        "bucket",
        "write",
        body=b"<Delete><Object><Key>in/absent</Key></Object></Delete>",
    ),
    s3.GetObjectAttributes: Row(
        "GET", OBJECT + "?attributes=", (READ,), headers=(("x-amz-object-attributes", "ETag"),)
    ),
    s3.GetObjectTagging: Row("GET", OBJECT + "?tagging=", (READ,)),
    s3.PutObjectTagging: Row("PUT", OBJECT + "?tagging=", (WRITE,), body=TAGS),
    s3.DeleteObjectTagging: Row("DELETE", OBJECT + "?tagging=", (WRITE,)),
    s3.GetObjectAcl: Row("GET", OBJECT + "?acl=", (READ,)),
    s3.PutObjectAcl: Row("PUT", OBJECT + "?acl=", (READ, WRITE), headers=(("x-amz-acl", "private"),)),
    s3.RestoreObject: Row(
        "POST",
        OBJECT + "?restore=",
        (WRITE,),
        body=b"<RestoreRequest><Days>1</Days></RestoreRequest>",
        codes=("InvalidObjectState",),
    ),
    s3.CreateMultipartUpload: Row("POST", "/{bucket}/in/u?uploads=", (WRITE,), anybody="write"),
    s3.UploadPart: Row("PUT", UPLOAD + "&partNumber=1", (WRITE,), anybody="write", body=b"part"),
    s3.UploadPartCopy: Row("PUT", UPLOAD + "&partNumber=1", (READ, WRITE), headers=COPY),
    s3.CompleteMultipartUpload: Row("POST", UPLOAD, (WRITE,), anybody="write", body=PARTS),
    s3.AbortMultipartUpload: Row("DELETE", UPLOAD, (DELETE,), anybody="write"),
    s3.ListParts: Row("GET", UPLOAD, (LIST,), anybody="write"),
}
#: A preflight has no signature: what it may is decided by the rules for origins.
UNSIGNED = {s3.OptionsObject}
ENDS = (s3.AbortMultipartUpload, s3.CompleteMultipartUpload)  # afterwards the upload is gone


def test_every_operation_has_a_row() -> None:
    assert set(ACCESS) | UNSIGNED == set(s3.OPERATIONS)


@dataclass
class Place:
    """A bucket with an object ``in/k`` and an upload of ``in/u`` that has one part."""

    bucket: str
    upload: str = ""
    etag: str = ""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def filled(self, text: str) -> str:
        new = f"{self.bucket}-{next(self._numbers)}" if "{new}" in text else ""
        for name, value in (("bucket", self.bucket), ("upload", self.upload), ("etag", self.etag), ("new", new)):
            text = text.replace("{" + name + "}", value)
        return text


class World:
    """The server, and who asks it.  ``owner``: its own keys.  ``other``: keys of another account."""

    def __init__(self, made: S3Server) -> None:
        self.peer, self.ufile = Peer(made), Peer(made.server)
        self.peer.port = made.port
        self.host = f"127.0.0.1:{made.port}"
        self.owner = Signer(self.host, made.public_key, made.private_key)
        self.other = Signer(self.host, *made.account("other"))
        pair = self.ufile.manage(ufile.AssumeRole("role", "session"))
        self.temporary = Signer(self.host, pair.public_key, pair.private_key, pair.security_token)
        self.tokens = {
            held: self.token(held, prefixes=("in/*",))
            for held in itertools.chain.from_iterable(itertools.combinations(RIGHTS, count) for count in range(5))
        }
        #: With all rights, but not here.
        self.elsewhere = self.token(RIGHTS, spaces=("another-space",))
        self.outside = self.token(RIGHTS, prefixes=("out/*",))
        self.banned = self.token(RIGHTS, black_ips=("127.0.0.0/8",))
        self.from_afar = self.token(RIGHTS, white_ips=("192.0.2.1",))
        self.near = self.token(RIGHTS, white_ips=("127.0.0.1",), black_ips=("192.0.2.0/24",))
        self.gone = self.short()
        removed = self.ufile.manage(ufile.CreateToken("removed", _ops(RIGHTS)))
        self.ufile.manage(ufile.DeleteToken(removed.token_id))
        self.removed = Signer(self.host, removed.public_key, removed.private_key)

    def short(self) -> Signer:
        """Of a token that expires soon.  Its time must not have passed when the server reads of it."""
        for seconds in itertools.count(2):
            with contextlib.suppress(errors.BadRequest):
                return self.token(RIGHTS, expires=int(time.time()) + seconds)
        raise AssertionError

    def token(self, held: tuple[str, ...], **limits: Any) -> Signer:
        info = self.ufile.manage(ufile.CreateToken("t", _ops(held), **limits))
        return Signer(self.host, info.public_key, info.private_key)

    def place(self, acl: str = "private") -> Place:
        made = Place("a-" + hashlib.sha1(str(time.perf_counter_ns()).encode()).hexdigest()[:20])
        for target, headers, body in (
            (f"/{made.bucket}", {"x-amz-acl": acl}, b""),
            (f"/{made.bucket}/in/k", {}, b"held"),
        ):
            assert self.send("PUT", target, self.owner.header("PUT", target, headers, body), body).status == 200
        self.begin(made)
        return made

    def begin(self, place: Place) -> None:
        """A fresh upload with one part."""
        target = f"/{place.bucket}/in/u?uploads="
        begun = self.send("POST", target, self.owner.header("POST", target))
        place.upload = re.search(rb"<UploadId>(.*)</UploadId>", begun.body)[1].decode()  # type: ignore[index]
        target = f"/{place.bucket}/in/u?uploadId={place.upload}&partNumber=1"
        stored = self.send("PUT", target, self.owner.header("PUT", target, {}, b"part"), b"part")
        place.etag = str(stored.header("ETag")).strip('"')

    def send(self, method: str, target: str, headers: Any, body: bytes = b"") -> Answer:
        return self.peer.send(method, target, headers, body, host=self.host)

    def ask(self, cls: type, place: Place, signer: Signer | None, carrier: str = "header") -> Answer:
        """The answer to an operation that is signed this way.  None: not at all."""
        row = ACCESS[cls]
        target, body = place.filled(row.target), place.filled(row.body.decode()).encode()
        headers = {name: place.filled(value) for name, value in row.headers}
        if cls is s3.PostObject and carrier == "header":
            fields = [("key", "in/new")] if signer is None else signer.form(place.bucket, "in/new")
            return self.send("POST", target, *form_body(fields, body))
        md5 = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()} if body else {}
        if signer is None:
            return self.send(row.method, target, [*headers.items(), *md5.items()], body)
        if carrier == "url":
            signed = signer.url(row.method, target, headers)
            return self.send(row.method, signed, [*headers.items(), *md5.items()], body)
        return self.send(row.method, target, signer.header(row.method, target, {**headers, **md5}, body), body)

    def state(self, place: Place) -> list[bytes]:
        """What the bucket holds, as the owner sees it."""
        asked = ("?versions=", "?uploads=", "?acl=", "/in/k?acl=", "/in/k?tagging=", f"/in/u?uploadId={place.upload}")
        found = []
        for each in asked:
            target = f"/{place.bucket}{each}"
            body = self.send("GET", target, self.owner.header("GET", target)).body
            found.append(re.sub(rb"<(RequestId|HostId)>.*?</\1>", b"", body))
        return found


def _ops(held: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"TOKEN_ALLOW_{right}" for right in held)


@pytest.fixture(scope="module")
def world(s3_server: S3Server) -> World:
    return World(s3_server)


def refused(answer: Answer, method: str = "GET") -> tuple[int, str] | None:
    """(status, code) of a refusal, which is a whole Error document; None for a success."""
    if answer.status < 300:
        return None
    assert answer.header("x-amz-request-id")
    if method == "HEAD":
        assert not answer.body
        return answer.status, {403: "AccessDenied", 400: "InvalidToken"}.get(answer.status, "")
    assert answer.header("Content-Type") == "application/xml"
    assert f"<RequestId>{answer.header('x-amz-request-id')}</RequestId>".encode() in answer.body
    found = CODE.search(answer.body)
    assert found is not None, answer
    return answer.status, found[1].decode()


def is_allowed(cls: type, answer: Answer) -> bool:
    row, found = ACCESS[cls], refused(answer, ACCESS[cls].method)
    if found is None or found[1] in row.codes:
        return True
    assert found == DENIED, (cls, answer)
    return False


@pytest.mark.parametrize("cls", ACCESS, ids=lambda cls: cls.__name__)
def test_who_may(world: World, cls: type) -> None:
    row, place = ACCESS[cls], world.place()
    until(lambda: refused(world.ask(s3.ListBuckets, place, world.gone)) == DENIED)
    needs = row.rights
    held = () if needs is None else needs
    refusing: list[tuple[str, Signer | None]] = [("a token from afar", world.from_afar), ("a ban", world.banned)]
    refusing += [("an expired token", world.gone)]
    if needs is None:
        refusing += [("a token with all rights", world.tokens[RIGHTS])]
    for right in held:
        lacking = tuple(each for each in RIGHTS if each != right)
        refusing += [(f"a token without {right}", world.tokens[lacking])]
    if row.scope != "nothing":
        refusing += [("a token for another space", world.elsewhere), ("another account", world.other)]
    if row.scope == "key":
        refusing += [("a token for other keys", world.outside)]
    refusing += [("nobody", None)]
    wrong = replace(world.owner, private="not the private key")
    before = world.state(place)
    for carrier in ("header", "url"):
        if cls is s3.PostObject and carrier == "url":  # a form has its signature in its fields
            assert not is_allowed(cls, world.ask(cls, place, world.owner, "url"))
            continue
        for what, signer in refusing:
            if signer is not None or carrier == "header":
                assert not is_allowed(cls, world.ask(cls, place, signer, carrier)), (what, carrier)
        for signer, status, code in (
            (wrong, 403, "SignatureDoesNotMatch"),
            (world.removed, 403, "InvalidAccessKeyId"),
            (replace(world.temporary, token=None), 400, "InvalidToken"),
            (replace(world.owner, token="x"), 400, "InvalidToken"),
            (replace(world.temporary, private="not the private key"), 403, "SignatureDoesNotMatch"),
        ):
            answer = world.ask(cls, place, signer, carrier)
            assert answer.status == status and (row.method == "HEAD" or refused(answer) == (status, code)), carrier
    assert world.state(place) == before
    allowed = {"the account": world.owner, "temporary keys": world.temporary}
    if needs is not None:
        exactly = tuple(right for right in RIGHTS if right in needs)
        allowed |= {"a token": world.tokens[exactly], "a token from here": world.near}
    for what, signer in allowed.items():
        for carrier in ("header", "url") if cls is not s3.PostObject else ("header",):
            if cls in ENDS:
                world.begin(place)
            if cls is not s3.DeleteBucket or (what, carrier) == ("the account", "header"):
                assert is_allowed(cls, world.ask(cls, place, signer, carrier)), (what, carrier)


@pytest.mark.parametrize("acl", ["private", "public-read", "public-read-write"])
def test_what_everybody_may(world: World, acl: str) -> None:
    """The ACL of a bucket opens it to those who do not sign, and to other accounts; that of an object, its bytes."""
    opened = {"private": (), "public-read": ("list", "read"), "public-read-write": ("list", "read", "write")}[acl]
    rows = [(cls, row.anybody in opened) for cls, row in ACCESS.items() if row.scope != "nothing"]
    place = world.place(acl)
    if acl != "private":
        target = f"/{place.bucket}/in/k?acl="
        assert world.send("PUT", target, world.owner.header("PUT", target, {"x-amz-acl": "public-read"})).status == 200
    before = world.state(place)
    for cls, may in sorted(rows, key=lambda row: row[1]):  # first those that must change nothing
        if may and before:
            assert world.state(place) == before
            before = []
        for signer in (None, world.other):
            if may and "{upload}" in ACCESS[cls].target:
                world.begin(place)
            assert is_allowed(cls, world.ask(cls, place, signer)) == may, (cls, signer)
    assert not before or world.state(place) == before


FIXED = [
    (level, row)
    for level, rows in routing.TABLES.items()
    for row in rows
    if isinstance(row.asked, (routing.FixedAnswer, routing.FixedError)) and level != routing.SERVICE
]


def test_fixed_answers_are_for_the_account_alone(world: World) -> None:
    place = world.place("public-read-write")
    for level, row in FIXED:
        words = row.what.split()
        headers = {word[:-1]: "x" for word in words if word.endswith(":")}
        query = "&".join(word if "=" in word else f"{word}=" for word in words if not word.endswith(":"))
        target = f"/{place.bucket}" + ("/in/k" if level == routing.OBJECT else "") + f"?{query}"
        code = row.asked.code if isinstance(row.asked, routing.FixedError) else None
        answer = world.send(row.method, target, world.other.header(row.method, target, headers))
        assert refused(answer) == DENIED, (row, answer)
        token = world.tokens[RIGHTS]
        answer = world.send(row.method, target, token.header(row.method, target, headers))
        found = refused(answer)
        assert found == DENIED if row.asked.name else found is not None and found[1] == code, (row, answer)
        assert refused(world.send(row.method, target, headers.items())) == DENIED, row
        answer = world.send(row.method, target, world.owner.header(row.method, target, headers))
        found = refused(answer)
        assert (found[1] if found else None) == code, (row, answer)


# Tokens


def test_a_token_copies_only_what_it_may_read(world: World) -> None:
    here, there = world.place(), world.place("public-read-write")
    target, token = f"/{here.bucket}/out/secret", world.tokens[RIGHTS]
    assert world.send("PUT", target, world.owner.header("PUT", target, {}, b"secret"), b"secret").status == 200
    theirs = f"theirs-{here.bucket}"
    for target, body in ((f"/{theirs}", b""), (f"/{theirs}/in/k", b"theirs")):
        assert world.send("PUT", target, world.other.header("PUT", target, {}, body), body).status == 200
    limited = world.token(RIGHTS, prefixes=("in/*",), spaces=(here.bucket,))
    part = f"/{here.bucket}/in/u?uploadId={here.upload}&partNumber=2"
    for source, signers in (
        ("{here}/out/secret", (token, limited)),
        ("{here}/in%2F..%2Fout/secret", ()),  # another key, which is not there
        ("{here}/in/k", (world.tokens[(WRITE,)], world.tokens[(WRITE, DELETE, LIST)], world.other)),
        ("{there}/in/k", (limited,)),
        ("{theirs}/in/k", (world.owner, token, limited, world.temporary)),
    ):
        for name, bucket in (("here", here.bucket), ("there", there.bucket), ("theirs", theirs)):
            source = source.replace("{" + name + "}", bucket)
        for signer, target in itertools.product(signers, (f"/{here.bucket}/in/copy", part)):
            for written in (f"/{source}", source, f"/{source}?versionId=null"):
                headers = {"x-amz-copy-source": written}
                answer = world.send("PUT", target, signer.header("PUT", target, headers))
                assert refused(answer) == DENIED, (written, answer)
                signed = signer.url("PUT", target, headers)
                assert refused(world.send("PUT", signed, headers.items())) == DENIED, written
    for target in (f"/{here.bucket}/in/copy", part):
        headers = {"x-amz-copy-source": f"{here.bucket}/in%2F..%2Fout/secret"}
        assert refused(world.send("PUT", target, token.header("PUT", target, headers))) == (404, "NoSuchKey")
    target = f"/{here.bucket}/in/copy"
    assert refused(world.send("GET", target, world.owner.header("GET", target))) == (404, "NoSuchKey")


def test_of_many_keys_a_token_deletes_those_that_it_may(world: World) -> None:
    place = world.place()
    target = f"/{place.bucket}/out/k"
    assert world.send("PUT", target, world.owner.header("PUT", target, {}, b"out"), b"out").status == 200
    keys = (b"in/k", b"out/k", b"in/", b"i", b"")
    body = b"<Delete>" + b"".join(b"<Object><Key>%s</Key></Object>" % key for key in keys if key) + b"</Delete>"
    target, md5 = f"/{place.bucket}?delete=", base64.b64encode(hashlib.md5(body).digest()).decode()
    token = world.tokens[(DELETE,)]
    done = world.send("POST", target, token.header("POST", target, {"Content-MD5": md5}, body), body)
    assert done.status == 200
    assert re.findall(rb"<Deleted><Key>(.*?)</Key>", done.body) == [b"in/k", b"in/"]
    failed = re.findall(rb"<Error><Key>(.*?)</Key>.*?<Code>(.*?)</Code>", done.body)
    assert failed == [(b"out/k", b"AccessDenied"), (b"i", b"AccessDenied")]
    target = f"/{place.bucket}/out/k"
    assert world.send("GET", target, world.owner.header("GET", target)).body == b"out"


def test_a_token_lists_only_below_its_prefixes(world: World) -> None:
    place, token = world.place(), world.tokens[(LIST,)]
    for query in ("", "list-type=2", "versions=", "uploads=", "prefix=i", "prefix=in", "list-type=2&prefix=out%2F"):
        target = f"/{place.bucket}?{query}"
        assert refused(world.send("GET", target, token.header("GET", target))) == DENIED, query
        below = f"/{place.bucket}?prefix=in%2F&{query}" if "prefix" not in query else f"/{place.bucket}?prefix=in%2F"
        assert refused(world.send("GET", below, token.header("GET", below))) is None, query


def test_a_token_that_may_not_replace_replaces_nothing(world: World) -> None:
    place = world.place()
    info = world.ufile.manage(ufile.CreateToken("t", (*_ops((READ, WRITE, DELETE)), "TOKEN_DENY_UPDATE")))
    token = Signer(world.host, info.public_key, info.private_key)
    for key in ("in/k", "in/u"):
        target = f"/{place.bucket}/{key}"
        assert world.send("PUT", target, world.owner.header("PUT", target, {}, b"old"), b"old").status == 200
    source = f"/{place.bucket}/in/source"
    assert world.send("PUT", source, world.owner.header("PUT", source, {}, b"new"), b"new").status == 200

    def put(key: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        target = f"/{place.bucket}/{key}"
        return world.send("PUT", target, token.header("PUT", target, headers, body), body)

    copy = {"x-amz-copy-source": source}
    posted = form_body(token.form(place.bucket, "in/k"), b"new")
    for answer in (
        put("in/k", {}, b"new"),
        put("in/k", copy),
        put("in/source", {**copy, "x-amz-metadata-directive": "REPLACE"}),
        world.send("POST", f"/{place.bucket}", *posted),
        world.ask(s3.CompleteMultipartUpload, place, token),
    ):
        assert refused(answer) == DENIED, answer
    for key in ("in/k", "in/u"):
        target = f"/{place.bucket}/{key}"
        assert world.send("GET", target, world.owner.header("GET", target)).body == b"old"
    assert put("in/fresh", {}, b"new").status == put("in/copied", copy).status == 200
