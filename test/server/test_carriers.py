"""What a signature may stand for: every operation with every carrier, made of the server's table, and the attacks.

Each case looks at the whole space before and after: what was written, removed, made public, whose policy counted.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from test.protocol import samples
from test.server.inprocess import running
from test.server.test_callback import Callee, callee
from test.server.test_postfile import fields_of, file_of, post
from test.server.wire import Answer, Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import dialect, errors, field, location, operation, policy, provider, signature
from ucloud.uvideo.protocol.compat import quote_path
from ucloud.uvideo.protocol.message import Headers
from uvideo.server.auth import signature_scope as carriers
from uvideo.server.auth.signature_scope import BRINGS, FORM, HEADER, LINK, MAY, NOBODY, POLICY, URL, SignatureCarrier
from uvideo.server.rules import token_rights

MIME = "video/mp4"
HELD, SECRET, NEW = b"held", b"secret", b"new bytes"
DENIED = (403, -148658)
MISMATCH = (401, -148658)
UFILE = provider.parse_suffix(".localhost")


# The space that every case has


@dataclass
class World:
    """A space with the objects ``k`` and ``other``, and an upload of ``k`` with one part."""

    owner: Peer
    callee: Callee
    space: str
    upload: str = ""
    part: str = ""

    def fill(self) -> World:
        self.owner.do(operation.PutObject(self.space, "k", MIME), HELD)
        self.owner.do(operation.PutObject(self.space, "other", MIME, storage_class="ARCHIVE"), SECRET)
        self.owner.do(operation.RestoreObject(self.space, "other"))
        self.upload = self.owner.do(operation.InitiateUpload(self.space, "k", MIME)).upload_id
        self.part = self.owner.do(operation.UploadPart(self.space, "k", self.upload, 0, MIME), NEW).etag
        return self

    @property
    def host(self) -> str:
        return f"{self.space}.localhost"

    @property
    def policy(self) -> str:
        return policy.build(self.callee.url, "asked=1")

    def objects(self) -> dict[str, tuple[Any, ...]]:
        found = {}
        for info in self.owner.do(operation.ListObjects(self.space, limit=1000)).objects:
            tags = self.owner.do(operation.GetTags(self.space, info.key)).tags
            acl = self.owner.do(operation.GetAcl(self.space, info.key)).grant
            found[info.key] = (info.etag, info.mime, info.storage_class, info.restore, info.metadata, tags, acl)
        return found

    def uploads(self) -> set[tuple[str, int]]:
        page = self.owner.do(operation.ListUploads(self.space, limit=100))
        return {(each.key, len(self.parts(each.upload_id))) for each in page.uploads}

    def parts(self, upload: str) -> Any:
        return self.owner.do(operation.ListParts(self.space, upload)).parts

    def state(self) -> tuple[Any, ...]:
        return self.objects(), self.uploads()

    def send(self, method: str, target: str, *headers: tuple[str, str], body: bytes = b"") -> Answer:
        return self.owner.send(method, target, headers, body, host=self.host)

    def public(self) -> set[str]:
        """The keys that anybody can read."""
        return {key for key in self.objects() if self.send("GET", "/" + quote_path(key)).status == 200}


@pytest.fixture(scope="module")
def called() -> Iterator[Callee]:
    with callee() as found:
        yield found


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, called: Callee) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("carriers")
    options = ("--callback-allow", f"127.0.0.1:{called.port}", "--permanent-links")
    with start_server(folder, "--no-fsync", *options) as server:
        yield server


@pytest.fixture
def world(real: Server, called: Callee) -> World:
    called.calls.clear()
    owner = Peer(real)
    return World(owner, called, owner.space()).fill()


# Operations, carriers, and what each may change

#: Operation: (its example, the keys that it may change at most, what becomes of uploads).
EXAMPLES: dict[type, tuple[Callable[[World], Any], set[str]]] = {
    operation.GetObject: (lambda w: operation.GetObject(w.space, "k"), set()),
    operation.HeadObject: (lambda w: operation.HeadObject(w.space, "k"), set()),
    operation.PutObject: (lambda w: operation.PutObject(w.space, "k", MIME), {"k"}),
    operation.DeleteObject: (lambda w: operation.DeleteObject(w.space, "k"), {"k"}),
    operation.InitiateUpload: (lambda w: operation.InitiateUpload(w.space, "k", MIME), set()),
    operation.UploadPart: (lambda w: operation.UploadPart(w.space, "k", w.upload, 1, MIME), set()),
    operation.FinishUpload: (lambda w: operation.FinishUpload(w.space, "k", w.upload, (w.part,)), {"k"}),
    operation.AbortUpload: (lambda w: operation.AbortUpload(w.space, "k", w.upload), set()),
    operation.ListFiles: (lambda w: operation.ListFiles(w.space), set()),
    operation.ListObjects: (lambda w: operation.ListObjects(w.space), set()),
    operation.ListUploads: (lambda w: operation.ListUploads(w.space), set()),
    operation.ListParts: (lambda w: operation.ListParts(w.space, w.upload), set()),
    operation.CopyObject: (lambda w: operation.CopyObject(w.space, "k", w.space, "other"), {"k"}),
    operation.CopyPart: (lambda w: operation.CopyPart(w.space, "k", w.upload, 1, w.space, "other"), set()),
    operation.UploadHit: (lambda w: operation.UploadHit(w.space, "k", hit(HELD), len(HELD), MIME), {"k"}),
    operation.RenameObject: (lambda w: operation.RenameObject(w.space, "k", "other", True), {"k", "other"}),
    operation.AppendObject: (lambda w: operation.AppendObject(w.space, "k", len(HELD), MIME), {"k"}),
    operation.SetMime: (lambda w: operation.SetMime(w.space, "k", "text/x"), {"k"}),
    operation.SwitchClass: (lambda w: operation.SwitchClass(w.space, "k", "IA"), {"k"}),
    operation.RestoreObject: (lambda w: operation.RestoreObject(w.space, "other"), {"other"}),
    operation.PutTags: (lambda w: operation.PutTags(w.space, "k", (("a", "b"),)), {"k"}),
    operation.GetTags: (lambda w: operation.GetTags(w.space, "k"), set()),
    operation.DeleteTags: (lambda w: operation.DeleteTags(w.space, "k"), {"k"}),
    operation.PutAcl: (lambda w: operation.PutAcl(w.space, "k", "public-read"), {"k"}),
    operation.GetAcl: (lambda w: operation.GetAcl(w.space, "k"), set()),
}
BODIES = {operation.PutObject: NEW, operation.UploadPart: NEW, operation.AppendObject: NEW}
PUBLISHES = {operation.PutAcl}
NAMES = {cls.__name__: cls for cls in sorted(dialect.OPERATIONS, key=lambda cls: cls.__name__)}


def hit(data: bytes) -> str:
    return base64.urlsafe_b64encode((1).to_bytes(4, "little") + hashlib.sha1(data).digest()).decode()


#: Of each server, the token of the actors that have one.
TOKENS: dict[int, Any] = {}


@dataclass
class Actor:
    """Who signs, and how it travels."""

    carrier: SignatureCarrier
    keys: str = "account"
    to_key: bool = False  # a form goes to the key's own target, not to the space

    def __str__(self) -> str:
        return f"{self.carrier.name.lower()} {'to the key ' if self.to_key else ''}of {self.keys}"

    def credentials(self, world: World) -> tuple[signature.Credentials, list[tuple[str, str]]]:
        """The key pair, and the headers that come along unsigned."""
        owner = world.owner
        if self.keys == "token":
            allowed = tuple(f"TOKEN_ALLOW_{right}" for right in ("READ", "WRITE", "DELETE", "LIST"))
            if owner.port not in TOKENS:  # an account has at most 100
                TOKENS[owner.port] = owner.manage(operation.CreateToken("t", allowed))
            info = TOKENS[owner.port]
            return signature.Credentials(info.public_key, info.private_key), []
        if self.keys == "temporary keys":
            made = owner.manage(operation.AssumeRole())
            return signature.Credentials(made.public_key, made.private_key), [("SecurityToken", made.security_token)]
        return owner.credentials, []

    def ask(self, world: World, op: Any, query: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Answer:
        """The request of an operation, with more in its query and more headers than is signed."""
        made = dialect.encode(op, UFILE)
        key, body = getattr(op, "key", ""), BODIES.get(type(op), made.body)
        credentials, along = self.credentials(world)
        target = made.target + (("&" if "?" in made.target else "?") + query if query else "")
        pairs = [*made.headers, *headers, *along]
        if self.carrier is FORM:
            signed = signature.authorization(credentials, "POST", op.space, key, Headers([("Content-Type", MIME)]))
            form = fields_of(("FileName", key), ("Authorization", signed)) + file_of(NEW, MIME)
            kind = ("Content-Type", "multipart/form-data; boundary=B")
            pairs = [kind, *(pair for pair in pairs if pair[0].lower() != "content-type")]
            path = "/" + quote_path(key) if self.to_key else "/"
            return world.owner.send("POST", path + "?" + target.partition("?")[2], pairs, form, host=world.host)
        if self.carrier in (HEADER, POLICY):
            text = world.policy if self.carrier is POLICY else None
            signed = signature.authorization(credentials, made.method, op.space, key, Headers(pairs), policy=text)
            pairs.append(("Authorization", signed))
        elif self.carrier is URL:
            mime = Headers(made.headers).get("Content-Type", "") if made.method in ("PUT", "POST") else ""
            until = int(time.time()) + 300
            signed = signature.signed_query(credentials, made.method, op.space, key, until, mime)
            target += ("&" if "?" in target else "?") + signed
        elif self.carrier is LINK:
            target += ("&" if "?" in target else "?") + endless(credentials, made.method, op.space, key)
        return world.owner.send(made.method, target, pairs, body, host=world.host)


ACTORS = [
    *(Actor(carrier) for carrier in SignatureCarrier),
    *(Actor(carrier, keys) for keys in ("token", "temporary keys") for carrier in (HEADER, POLICY, FORM, URL, LINK)),
    *(Actor(FORM, keys, to_key=True) for keys in ("account", "token", "temporary keys")),
]


def endless(credentials: signature.Credentials, method: str, space: str, key: str, tail: str = "") -> str:
    """The query of a signed URL without an end, as C++ makes it."""
    text = signature.string_to_sign(method, space, key, tail=tail)
    mac = signature.sign(credentials.private_key, text)
    return f"UCloudPublicKey={quote(credentials.public_key, safe='')}&Signature={quote(mac, safe='')}"


def test_every_operation_is_in_the_tables() -> None:
    """A new operation fails here by name; without a row the server refuses it to everybody."""
    for known in (MAY, EXAMPLES, token_rights.NEEDED):
        assert {cls.__name__ for cls in known} == set(NAMES)
    assert all(carriers for carriers in MAY.values())


def test_a_decoder_reads_nothing_that_is_not_in_the_table() -> None:
    """A new header or parameter fails here by name; without an entry the operation cannot read it."""
    seen = set()
    for op in samples.OPERATIONS:
        made = dialect.encode(op, samples.UFILE)
        found = location.parse_target(made.target)
        key, given = (
            location.key_of(location.addresses("space.x", None, found.path)[0]),
            dialect.parameters(found.query),
        )
        covered = {name.lower(): made.headers.get(name) for name in field.NEW_KEY if made.headers.get(name)}
        signed = signature.Signed(covered, "")
        query, headers = carriers.check(HEADER, type(op), key, given, made.headers, signed)
        assert dialect.decode(type(op), "space", key, query, headers, made.body) is not None
        seen.add(type(op))
    assert seen == dialect.OPERATIONS


def test_what_is_not_in_the_table_cannot_be_read() -> None:
    headers = Headers([("X-Ufile-New", "1"), ("X-Ufile-Meta-A", "b"), ("Range", "bytes=0-1"), ("If-Match", "x")])
    query, listed = carriers.check(HEADER, operation.DeleteTags, "k", {"force": "true"}, headers, None)
    for read in (
        lambda: query.get("force"),
        lambda: query["force"],
        lambda: listed.get("X-Ufile-New"),
        lambda: listed.get("range"),
        lambda: listed.has_any(frozenset(["if-match"])),
        lambda: list(listed),
    ):
        with pytest.raises(LookupError, match="not in the table of carriers"):
            read()
    _, listed = carriers.check(HEADER, operation.PutObject, "k", {}, headers, None)
    assert list(listed) == [("X-Ufile-Meta-A", "b")]
    for carrier in SignatureCarrier:

        class NewOperation:
            pass

        with pytest.raises(errors.AccessDenied, match="NewOperation is accepted with no request"):
            carriers.check(carrier, NewOperation, "k", {}, Headers(), None)


def test_a_row_that_is_missing_is_refused_by_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as app:
        owner = Peer(app)
        space = owner.space("public")
        owner.do(operation.PutObject(space, "k"), HELD)
        for cls in (operation.GetObject, operation.DeleteObject, operation.ListFiles):
            for carrier in MAY[cls]:
                monkeypatch.delitem(carriers.RULES, (cls, carrier))
        assert owner.call(operation.GetObject(space, "k")).refusal()[:2] == DENIED
        assert owner.call(operation.ListFiles(space)).refusal()[:2] == DENIED
        assert owner.call(operation.DeleteObject(space, "k")).refusal()[:2] == DENIED
        assert owner.send("GET", "/k", host=f"{space}.localhost").refusal()[:2] == DENIED
        assert owner.call(operation.HeadObject(space, "k")).status == 200


@pytest.mark.parametrize("actor", ACTORS, ids=str)
def test_what_each_carrier_may_ask_for(real: Server, called: Callee, actor: Actor) -> None:
    owner = Peer(real)
    world, before = None, None
    for name, cls in NAMES.items():
        if actor.carrier is FORM and cls is not operation.PutObject:
            continue  # another operation has no form: below
        called.calls.clear()
        if world is None:
            world = World(owner, called, owner.space()).fill()
            before = world.state()
        make, changed = EXAMPLES[cls]
        op = make(world)
        got, after = actor.ask(world, op), world.state()
        if actor.carrier not in MAY[cls]:
            if actor.carrier is NOBODY:
                assert got.status == 401, name
            else:
                assert got.status == 403, (name, got)
                assert cls is operation.HeadObject or cls.__name__ in got.refusal()[2], name
            assert after == before and not called.calls and not world.public(), name
            continue
        if actor.carrier is NOBODY:  # the space is private
            assert got.status == 401 and after == before, name
            continue
        assert got.status < 300, (name, got)
        objects, uploads = before
        differing = {key for key in {*objects, *after[0]} if objects.get(key) != after[0].get(key)}
        assert differing <= changed, name
        assert world.public() == ({"k"} if cls in PUBLISHES else set()), name
        assert {key for key, _ in after[1]} <= {"k"}, name
        counts = actor.carrier is POLICY and cls in (operation.PutObject, operation.FinishUpload)
        assert len(called.calls) == counts, name
        if after != before:
            world = None


def test_anybody_may_read_what_is_public_and_do_nothing_else(real: Server, called: Callee) -> None:
    owner = Peer(real)
    world = World(owner, called, owner.space("public")).fill()
    before = world.state()
    for name, cls in NAMES.items():
        got = Actor(NOBODY).ask(world, EXAMPLES[cls][0](world))
        assert got.status == (200 if NOBODY in MAY[cls] else 401), name
    assert world.state() == before


@pytest.mark.parametrize("name", [name for name, cls in NAMES.items() if cls is not operation.PutObject])
def test_a_form_stores_its_key_whatever_its_query_and_headers_say(world: World, name: str) -> None:
    op, before = EXAMPLES[NAMES[name]][0](world), world.state()
    for to_key in (False, True):
        got = Actor(FORM, to_key=to_key).ask(world, op)
        objects, uploads = world.state()
        asks_otherwise = to_key and re.search("/k.*[?&](uploads|uploadId|opmeta)", dialect.encode(op, UFILE).target)
        assert got.status in ((401,) if asks_otherwise else (200, 400, 403))
        assert uploads == before[1] and not world.public()
        changed = {key for key in {*objects, *before[0]} if objects.get(key) != before[0].get(key)}
        assert changed <= {getattr(op, "key", "")} and bool(changed) == (got.status == 200)
        for key in changed:
            assert world.owner.call(operation.GetObject(world.space, key)).body == NEW
        if "other" in changed:
            break  # it was archived
        if changed:
            world.owner.do(operation.PutObject(world.space, "k", MIME), HELD)


# Headers and parameters that change something

#: What each brings in the cases below: (query, headers).
GIVEN: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    field.ACL: ("", (("X-Ufile-Object-Acl", "public-read"),)),
    field.CLASS: ("", (("X-Ufile-Storage-Class", "IA"),)),
    field.META + "*": ("", (("X-Ufile-Meta-Color", "red"),)),
    field.DIRECTIVE: ("", (("X-Ufile-Metadata-Directive", "REPLACE"),)),
    "newKey": ("newKey=other", ()),
    "newObject": ("NEWOBJECT=other", ()),
    "Cache-Control": ("", (("Cache-Control", "no-store"),)),
    "Content-Disposition": ("", (("Content-Disposition", "attachment"),)),
    "Content-Encoding": ("", (("Content-Encoding", "gzip"),)),
    "Content-Language": ("", (("Content-Language", "zh"),)),
    "Expires": ("", (("Expires", "Wed, 21 Oct 2037 07:28:00 GMT"),)),
}
#: Names that name, cut or sign what is sent, with every carrier alike.
PLAIN = {"Content-Type", "Content-MD5", "Range", "ufileattname", "uploadId", "uploads", "partNumber"}
PLAIN |= {"prefix", "marker", "limit", "max-keys", "delimiter", "upload-id-marker", "max-parts", "part-number-marker"}
PLAIN |= set(operation.CONDITIONS)
SEVERAL = [
    (name, entry, cls, carrier)
    for entry in BRINGS
    for name in entry.names
    for cls in entry.operations
    for carrier in MAY[cls]
    if len(MAY[cls]) > 1 and name not in PLAIN
]


@pytest.mark.parametrize(
    ("name", "entry", "cls", "carrier"), SEVERAL, ids=[f"{n}-{c.__name__}-{k.name}" for n, _, c, k in SEVERAL]
)
def test_who_may_bring_what(
    world: World, name: str, entry: carriers.Brings, cls: type, carrier: SignatureCarrier
) -> None:
    """A new name without an example in GIVEN fails with a KeyError that names it."""
    query, headers = GIVEN[name]
    before = world.state()
    got = Actor(carrier).ask(world, EXAMPLES[cls][0](world), query, headers)
    if carrier in entry.carriers and not entry.covered:
        assert got.status == 200, got
        assert world.public() == ({"k"} if name == field.ACL else set())
        return
    assert got.refusal()[:2] == DENIED and ("signed" in got.refusal()[2])
    assert world.state() == before and not world.public() and not world.callee.calls


def test_a_name_that_a_header_alone_may_bring_has_no_other_way(world: World) -> None:
    """What is not in the table of an operation says nothing there, whoever brings it."""
    before = world.state()
    query = "&".join(
        f"{name}={value}"
        for name, value in (("force", "true"), ("limit", "1"), ("hash", "x"), ("FileSize", "1"), ("prefix", "o"))
    )
    headers = (("X-Ufile-Copy-Source", f"/{world.space}/other"), ("Tier", "Expedited"), ("X-Ufile-Object-Acl", "x"))
    for carrier in (HEADER, URL):
        got = Actor(carrier).ask(world, operation.GetObject(world.space, "k"), query, headers)
        assert (got.status, got.body) == (200, HELD)
    assert world.state() == before


def test_a_new_key_that_is_signed_counts_and_another_does_not(world: World) -> None:
    def finish(new_key: str | None, **more: Any) -> Answer:
        upload = world.owner.do(operation.InitiateUpload(world.space, "k")).upload_id
        part = world.owner.do(operation.UploadPart(world.space, "k", upload, 0), NEW).etag
        made = dialect.encode(operation.FinishUpload(world.space, "k", upload, (part,), new_key), UFILE)
        word = more.get("word", "UCloud")
        signed = signature.authorization(world.owner.credentials, "POST", world.space, "k", made.headers, word)
        target = made.target.replace(*more.get("change", ("", "")))
        pairs = [each for each in made.headers if each[0] not in more.get("without", ())]
        return world.send("POST", target, *pairs, ("Authorization", signed), body=made.body)

    new = "视频/a b+c%2F,d"
    for word in signature.WORDS:
        assert finish(new, word=word).json()["Key"] == new
    assert finish("k").json()["Key"] == "k" and finish(None).json()["Key"] == "k"
    before = world.objects()
    for got in (
        finish("x1", change=("newKey=x1", "newKey=other")),
        finish("x1", change=("newKey=x1", "newObject=other")),
        finish("x1", change=("newKey=x1", "newKey=x1&newObject=other")),
        finish(None, change=("?", "?newKey=other&")),
    ):
        assert got.refusal()[:2] == DENIED
    assert finish("x1", without=field.NEW_KEY[:1]).refusal()[:2] == MISMATCH
    assert world.objects() == before


def test_a_new_key_that_is_not_signed_says_only_that_nothing_may_be_replaced(world: World) -> None:
    """The Node and Android SDKs' examples send one.  It counts where the key is taken, so there it is refused."""
    before = world.objects()

    def finish(query: str) -> Answer:
        upload = world.owner.do(operation.InitiateUpload(world.space, "mine")).upload_id
        part = world.owner.do(operation.UploadPart(world.space, "mine", upload, 0), NEW).etag
        signed = ("Authorization", world.owner.signed("POST", world.space, "mine"))
        return world.send("POST", f"/mine?uploadId={upload}&{query}", signed, body=part.encode())

    assert finish("newKey=other").json()["Key"] == "mine"
    assert set(world.objects()) == {*before, "mine"} and world.objects()["other"] == before["other"]
    held = world.objects()
    for query in ("newKey=other", "newObject=free", "newkey=free", "newKey=&newObject=free"):
        assert finish(query).refusal()[:2] == DENIED, query
    assert world.objects() == held
    assert finish("newKey=").json()["Key"] == finish("newKey=mine").json()["Key"] == "mine"


# The attacks, one by one


def test_a_signed_url_is_no_header(world: World) -> None:
    """Its Expires sent as Date made it a header that never ends, and a header may do more."""
    before = world.state()
    for until, method in itertools.product(
        (int(time.time()) - 10, int(time.time()) + 300, 0), ("PUT", "GET", "DELETE")
    ):
        query = signature.signed_query(world.owner.credentials, method, world.space, "k", until)
        signed = dict(each.partition("=")[::2] for each in query.split("&"))["Signature"]
        mac = signed.replace("%2B", "+").replace("%3D", "=").replace("%2F", "/")
        authorization = ("Authorization", f"UCloud {world.owner.credentials.public_key}:{mac}")
        for target, more in (
            ("/k", []),
            ("/k", [("X-Ufile-Copy-Source", f"/{world.space}/other")]),
            ("/k?acl", [("X-Ufile-Object-Acl", "public-read")]),
            ("/k?newFileName=other&force=true", []),
        ):
            for date in (str(until), f"0{until}", f" {until} ", f"{until:014d}"):
                got = world.send(method, target, ("Date", date), authorization, *more, body=b"x" * (method == "PUT"))
                assert got.refusal()[:2] == MISMATCH, (target, date)
    assert world.state() == before and not world.public()


def test_a_header_is_no_signed_url(world: World) -> None:
    before = world.state()
    for date in ("20240131235959", "20991231235959", "Mon, 26 Mar 2007 19:37:58 GMT", ""):
        headers = [("Date", date)] if date else []
        signed = world.owner.signed("PUT", world.space, "k", headers).rpartition(":")[2]
        key, mac = quote_path(world.owner.credentials.public_key), signed.replace("+", "%2B")
        got = world.send(
            "PUT", f"/k?UCloudPublicKey={key}&Signature={mac}&Expires={date.replace(' ', '%20')}", body=b"x"
        )
        assert got.refusal()[0] == 401, date
    assert world.state() == before


@pytest.mark.parametrize(
    ("date", "taken"),
    (
        ("", True),
        ("20240131235959", True),
        ("Sun, 06 Nov 1994 08:49:37 GMT", True),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
        ("Sun Nov  6 08:49:37 1994", True),
        ("Sun Nov 16 08:49:37 1994", True),
        ("Tue, 01 Jan 2999 00:00:00 GMT", True),  # never compared with the clock
        ("1893456000", False),
        ("0", False),
        ("99999999999", False),
        ("2024013123595", False),
        ("202401312359590", False),
        ("2024-01-31T23:59:59Z", False),
        ("Sun, 06 Nov 1994 08:49:37 +0000", False),
        ("Sun, 06 Nov 1994 08:49:37 GMT 1893456000", False),
        ("x", False),
    ),
)
def test_which_date_is_signed(world: World, date: str, taken: bool) -> None:
    headers = [("Date", date)]
    got = world.owner.ask("GET", world.space, "/k", "k", headers)
    assert got.status == (200 if taken else 401)
    if not taken:
        assert "HTTP date or 14 digits" in got.refusal()[2]
    query = signature.signed_query(world.owner.credentials, "GET", world.space, "k", int(time.time()) + 60)
    assert world.send("GET", f"/k?{query}", *headers).status == 200  # there it is not signed


def handed_out(world: World, method: str = "PUT", key: str = "k") -> tuple[str, str]:
    """The Authorization that an application gives away for one upload with its policy."""
    headers = [("Content-Type", MIME)]
    return ("Authorization", world.owner.signed(method, world.space, key, headers, policy=world.policy))


KIND = ("Content-Type", MIME)


def test_an_upload_that_was_allowed_is_nothing_else(world: World) -> None:
    signed, before = handed_out(world), world.state()
    for target, more in (
        ("/k", [("X-Ufile-Copy-Source", f"/{world.space}/other")]),
        (f"/k?uploadId={world.upload}&partNumber=1", [("X-Ufile-Copy-Source", f"/{world.space}/other")]),
        ("/k?acl", [("X-Ufile-Object-Acl", "public-read")]),
        ("/k", [("X-Ufile-Object-Acl", "public-read")]),
        ("/k?newFileName=other&force=true", []),
        ("/k?storageClass=ARCHIVE", []),
        ("/k?restore", []),
        ("/k?tagging", []),
        ("/k?append&position=4", []),
    ):
        got = world.send("PUT", target, KIND, signed, *more, body=b"{}")
        assert got.refusal()[:2] == DENIED, target
    signed = handed_out(world, "POST")
    for target in ("/k?uploads", "/k?opmeta", f"/k?uploadId={world.upload}&newKey=other"):
        assert world.send("POST", target, KIND, signed, body=world.part.encode()).refusal()[:2] == DENIED, target
    hashed = f"/uploadhit?Hash={hit(SECRET)}&FileName=k&FileSize={len(SECRET)}"
    assert world.send("POST", hashed, KIND, signed).refusal()[:2] == DENIED
    assert world.state() == before and not world.public() and not world.callee.calls
    got = world.send("POST", f"/k?uploadId={world.upload}&newKey=", KIND, signed, body=world.part.encode())
    assert got.status == 200 and len(world.callee.calls) == 1
    assert world.send("PUT", "/k", KIND, handed_out(world), body=NEW).status == 200 and len(world.callee.calls) == 2


def test_a_policy_cannot_be_left_out(world: World) -> None:
    """Key and policy are signed without anything between: one moves into the other and the text stays."""
    before = world.state()
    for method in ("PUT", "POST"):
        name, value = handed_out(world, method)
        word_key_mac, _, asked = value.rpartition(":")
        for cut in (0, 1, 13, 14, len(asked) - 1):
            key, rest = "k" + asked[:cut], asked[cut:]
            for authorization in {word_key_mac + (f":{rest}" if rest else ""), f"{word_key_mac}:{rest}"}:
                if cut == 0:
                    key, authorization = "k" + asked, word_key_mac
                for query, more in (
                    ("", []),
                    ("?acl", [("X-Ufile-Object-Acl", "public-read")]),
                    ("", [("X-Ufile-Copy-Source", f"/{world.space}/other")]),
                    ("?newFileName=other&force=true", []),
                    ("?uploads", []),
                ):
                    got = world.send(method, f"/{key}{query}", KIND, (name, authorization), *more, body=NEW)
                    assert got.status in (400, 401, 403), (cut, query, got)
        form = fields_of(("FileName", "k" + asked), ("Authorization", word_key_mac)) + file_of(NEW, MIME)
        assert post(world.owner, world.space, form).status == 401
        hashed = f"/uploadhit?Hash={hit(SECRET)}&FileName=k{asked}&FileSize={len(SECRET)}"
        assert world.send("POST", hashed, KIND, (name, word_key_mac)).status == 401
    assert world.state() == before and not world.callee.calls


def test_a_key_that_ends_in_a_policy_is_not_signed(world: World) -> None:
    """A user who chooses the name of a file would choose a policy for another key."""
    key = "victim" + world.policy
    for method in ("PUT", "POST"):
        with pytest.raises(errors.InvalidArgument, match="signed URL"):
            world.owner.signed(method, world.space, key)
        with pytest.raises(errors.InvalidArgument):
            world.owner.signed(method, world.space, key, policy=world.policy)
    query = signature.signed_query(world.owner.credentials, "PUT", world.space, key, int(time.time()) + 60)
    assert world.send("PUT", f"/{key}?{query}", body=NEW).status == 200  # a URL has no policy
    assert world.owner.call(operation.GetObject(world.space, key)).body == NEW
    assert world.owner.call(operation.DeleteObject(world.space, key)).status == 204


def test_a_policy_is_one_and_begins_as_one(world: World) -> None:
    before = world.state()
    for text in (
        base64.urlsafe_b64encode(b'{ "callbackUrl":"http://a/","callbackBody":"x"}').decode(),
        base64.urlsafe_b64encode(b'{"x":1,"callbackUrl":"http://a/","callbackBody":"x"}').decode(),
        base64.urlsafe_b64encode(f'{{"callbackUrl":"{world.callee.url}","callbackBody":""}}'.encode()).decode() * 2,
        "e30=",
        "x",
    ):
        signed = world.owner.signed("PUT", world.space, "k", [KIND], policy=text)
        assert world.send("PUT", "/k", KIND, ("Authorization", signed), body=NEW).refusal()[0] == 400, text
    assert world.state() == before and not world.callee.calls


def test_the_signature_of_a_form_reaches_no_other_key(world: World) -> None:
    signed = ("Authorization", world.owner.signed("POST", world.space, "k", [KIND]))
    begun = world.send("POST", "/k?uploads", KIND, signed).json()["UploadId"]  # it cannot be told from a form's
    before = world.objects()
    for name in ("newKey", "newObject", "NewKey", "newkey"):
        for key in ("other", "free"):
            got = world.send("POST", f"/k?uploadId={begun}&{name}={key}", KIND, signed)
            assert got.refusal()[:2] == DENIED, (name, key)
    assert world.objects() == before
    assert world.send("POST", f"/k?uploadId={begun}&newKey=", KIND, signed).json()["Key"] == "k"
    assert set(world.objects()) == {"k", "other"}


def test_a_listing_is_no_object_and_an_object_no_listing(world: World) -> None:
    tail = signature.list_tail([("marker", ""), ("prefix", "k"), ("max-keys", "10"), ("delimiter", "")])
    text = signature.string_to_sign("GET", world.space, "", tail=tail)
    signed = f"UCloud {world.owner.credentials.public_key}:{signature.sign(world.owner.credentials.private_key, text)}"
    ask: Callable[[str], Answer] = lambda target: world.send("GET", target, ("Authorization", signed))  # noqa: E731
    assert ask("/?listobjects&prefix=k&max-keys=10&marker=&delimiter=").status == 200
    for target in (
        "/?listobjects&prefix=&max-keys=10&marker=&delimiter=",
        "/?listobjects&prefix=k&max-keys=10&marker=j&delimiter=",
        "/?listobjects&prefix=k&max-keys=10&Marker=j&delimiter=",
        "/?listobjects&prefix=k&max-keys=10&marker=&Delimiter=/",
        "/?list&prefix=k",
        "/?muploadid",
        f"/?muploadpart&uploadId={world.upload}",
        "/" + quote_path(tail).replace("\n", "%0A"),
        "/" + quote_path(tail).replace("\n", "%0A") + "?acl",
    ):
        assert ask(target).status in (400, 401), target
    with pytest.raises(errors.InvalidArgument):
        world.owner.signed("GET", world.space, tail)
    world.owner.do(operation.PutObject(world.space, tail), NEW)
    query = signature.signed_query(world.owner.credentials, "GET", world.space, tail, int(time.time()) + 60)
    assert world.send("GET", f"/{quote_path(tail)}?{query}").body == NEW
    until = int(time.time()) + 60
    query = signature.signed_query(world.owner.credentials, "GET", world.space, tail, until)
    assert world.send("GET", f"/?listobjects&prefix=k&max-keys=10&marker=&delimiter=&{query}").refusal()[:2] == MISMATCH


def test_a_marker_is_not_read_as_a_prefix(world: World) -> None:
    """Two listings whose parameters would make one text are signed without them only."""
    for one in (
        [("marker", "a\nmax-keys:5\nprefix:b"), ("prefix", "c"), ("max-keys", "5")],
        [("marker", "a"), ("prefix", "b\nmax-keys:5\nprefix:c"), ("max-keys", "5")],
    ):
        text = signature.string_to_sign("GET", world.space, "", tail=signature.list_tail(one))
        mac = signature.sign(world.owner.credentials.private_key, text)
        target = "/?listobjects&" + "&".join(f"{name}={value}" for name, value in one).replace("\n", "%0A")
        signed = ("Authorization", f"UCloud {world.owner.credentials.public_key}:{mac}")
        assert world.send("GET", target, signed).refusal()[:2] == MISMATCH
        assert world.owner.ask("GET", world.space, target).status == 200


def test_an_append_is_signed_for_its_position_and_for_nothing_else(world: World) -> None:
    """Java signs an append as the store of a key with such an end: one text, which bytes may be stored with."""
    literal = "k?append&position=4"
    signed = ("Authorization", world.owner.signed("PUT", world.space, literal))
    before = world.objects()
    for target, more in (
        (f"/{quote_path(literal)}", [("X-Ufile-Copy-Source", f"/{world.space}/other")]),
        (f"/{quote_path(literal)}?acl", [("X-Ufile-Object-Acl", "public-read")]),
        (f"/{quote_path(literal)}?newFileName=other&force=true", []),
        (f"/{quote_path(literal)}?append&position=0", []),
        ("/k?append&position=4&newFileName=other&force=true", []),
        ("/k?append&position=4&storageClass=ARCHIVE", []),
        ("/k?append&position=4&restore", []),
        (f"/k?append&position=4&uploadId={world.upload}&partNumber=1", []),
        ("/k?append&position=04", []),
        ("/k?append&position=3", []),
        ("/k", []),
    ):
        got = world.send("PUT", target, signed, *more, body=NEW)
        assert got.status in (401, 403), (target, got)
    assert world.objects() == before and not world.public()
    assert world.send("PUT", "/k?append&position=4", signed, body=NEW).status == 200
    assert world.owner.call(operation.GetObject(world.space, "k")).body == HELD + NEW
    assert world.send("PUT", f"/{quote_path(literal)}", signed, body=NEW).status == 200


def test_the_copy_of_a_part_as_java_signs_it_is_nothing_else(world: World) -> None:
    source = [("X-Ufile-Copy-Source", f"/{world.space}/other"), ("X-Ufile-Copy-Source-Range", "bytes=0-3")]
    lines = "".join(f"{name.lower()}:{value}\n" for name, value in source)
    text = signature.string_to_sign("PUT", world.space, "k", canonical=lines)
    mac = signature.sign(world.owner.credentials.private_key, text)
    signed = ("Authorization", f"UCloud {world.owner.credentials.public_key}:{mac}")
    before = world.state()
    for target in ("/k", "/k?acl", "/k?newFileName=other&force=true", "/k?tagging", "/k?restore"):
        got = world.send("PUT", target, *source, ("X-Ufile-Object-Acl", "public-read"), signed, body=b"{}")
        assert got.refusal()[:2] == DENIED, target
    assert world.state() == before
    assert world.send("PUT", f"/k?uploadId={world.upload}&partNumber=1", *source, signed, body=b"{}").status == 200


def test_line_breaks_shift_nothing(world: World) -> None:
    """A form's fields can hold them; a signed X-UCloud header would become a Date, or the key another one."""
    headers = [("X-UCloud-A", "1"), KIND]
    signed = world.owner.signed("POST", world.space, "k", headers)
    before = world.state()
    for fields in (
        [("Content-MD5", f"\n{MIME}\n\nx-ucloud-a:1"), ("Content-Type", "")],
        [("Content-MD5", ""), ("Content-Type", f"{MIME}\n\nx-ucloud-a:1")],
        [("Content-MD5", ""), ("Content-Type", f"{MIME}\n")],
        [("Content-MD5", "\n"), ("Content-Type", MIME)],
    ):
        form = fields_of(("FileName", "k"), ("Authorization", signed), *fields) + file_of(NEW, MIME)
        got = post(world.owner, world.space, form)
        assert got.status in (400, 401), fields
    assert world.state() == before
    shifted = signature.string_to_sign("POST", world.space, "k", md5="a\nb", mime=MIME)
    mac = signature.sign(world.owner.credentials.private_key, shifted)
    form = fields_of(
        ("FileName", "k"),
        ("Authorization", f"UCloud {world.owner.credentials.public_key}:{mac}"),
        ("Content-MD5", "a\nb"),
        ("Content-Type", MIME),
    )
    got = post(world.owner, world.space, form + file_of(NEW, MIME))
    assert "line break" in got.refusal()[2] and world.state() == before


def test_a_link_to_store_is_a_link_to_store(world: World) -> None:
    """What a signed URL brings beside its bytes: their type, and how they are to be shown."""
    until = int(time.time()) + 60
    query = signature.signed_query(world.owner.credentials, "PUT", world.space, "new", until, MIME)
    shown = (("Content-Disposition", "inline"), ("Cache-Control", "no-cache"))
    assert world.send("PUT", f"/new?{query}", KIND, *shown, body=NEW).status == 200
    got = world.owner.call(operation.GetObject(world.space, "new"))
    assert (got.body, got.header("Content-Disposition"), got.header("Cache-Control")) == (NEW, "inline", "no-cache")
    assert world.send("PUT", f"/new?{query}", ("Content-Type", "text/html"), body=NEW).refusal()[:2] == MISMATCH


# Signed URLs without an end: the text of a header without a Date


def moved(query: str) -> tuple[str, str]:
    """The Authorization that the signature of a URL makes."""
    given = {name: unquote(value) for name, value in (each.split("=", 1) for each in query.split("&"))}
    return "Authorization", f"UCloud {given['UCloudPublicKey']}:{given['Signature']}"


def test_a_permanent_link_reads_its_key_and_nothing_else(world: World) -> None:
    keys, before = world.owner.credentials, world.state()
    link, look = (endless(keys, method, world.space, "k") for method in ("GET", "HEAD"))
    assert world.send("GET", f"/k?{link}").body == world.send("GET", f"/k?{link}&Expires=0").body == HELD
    assert world.send("GET", f"/k?{link}&ufileattname=a", ("Range", "bytes=1-2")).body == HELD[1:3]
    for query in (link, look, f"Expires=0&{look}"):
        assert world.send("HEAD", f"/k?{query}").status == 200
    assert world.send("GET", f"/k?{look}").refusal()[:2] == MISMATCH
    another = world.owner.space()
    world.owner.do(operation.PutObject(another, "k"), SECRET)
    assert world.owner.send("GET", f"/k?{link}", host=f"{another}.localhost").refusal()[:2] == MISMATCH
    for target in ("/other", "/K", "/k/", "//k", "/k%00", "/"):
        for method in ("GET", "HEAD"):
            assert world.send(method, f"{target}?{link}").status in (400, 401), target
    for flag in ("tagging", "acl", "uploads", "restore"):
        for method, query in (("GET", link), ("HEAD", link), ("PUT", link), ("POST", link), ("DELETE", link)):
            got = world.send(method, f"/k?{flag}&{query}", body=b"{}" if method in ("PUT", "POST") else b"")
            assert got.status in ((401,) if method not in ("GET", "HEAD") else (200, 400, 403)), (flag, method)
            assert got.body in (HELD, b"") or got.refusal(), (flag, method)
    for flag in ("tagging", "acl"):
        assert world.send("GET", f"/k?{flag}&{link}").refusal()[:2] == DENIED
    for method in ("PUT", "POST", "DELETE"):  # signed rightly, and still no link
        query = endless(keys, method, world.space, "k")
        assert world.send(method, f"/k?{query}", body=NEW if method != "DELETE" else b"").status in (400, 403), method
    assert world.state() == before and not world.public()


def test_no_listing_becomes_a_permanent_link(world: World) -> None:
    """The header of a listing signs no key, or what the Python SDK puts behind it: neither text opens anything."""
    keys = world.owner.credentials
    tail = signature.list_tail([("marker", ""), ("prefix", ""), ("max-keys", "10"), ("delimiter", "")])
    world.owner.do(operation.PutObject(world.space, tail), SECRET)
    bare, listed = endless(keys, "GET", world.space, ""), endless(keys, "GET", world.space, "", tail)
    call = "listobjects&prefix=&max-keys=10&marker=&delimiter="
    assert (
        world.send("GET", f"/?{call}", moved(bare)).status
        == world.send("GET", f"/?{call}", moved(listed)).status
        == 200
    )
    for query in (bare, listed):
        for flags in ("", f"{call}&", "list&", "muploadid&", f"muploadpart&uploadId={world.upload}&"):
            for method in ("GET", "HEAD"):
                assert world.send(method, f"/?{flags}{query}").status in (400, 401, 403), flags
                assert world.send(method, f"/{quote(tail, safe='')}?{flags}{query}").status in (400, 401, 403)


def test_a_link_with_an_end_stays_one(world: World) -> None:
    """Its Expires taken out, or made 0, is another text; and a link without an end gets none."""
    keys = world.owner.credentials
    for until in (int(time.time()) + 300, int(time.time()) - 300, 0):
        ended = signature.signed_query(keys, "GET", world.space, "k", until)
        bare = "&".join(each for each in ended.split("&") if not each.startswith("Expires="))
        for query in (bare, f"{bare}&Expires=0", f"{ended}&Expires=0", f"Expires=0&{bare}"):
            assert world.send("GET", f"/k?{query}").refusal()[:2] == MISMATCH, query
    link = endless(keys, "GET", world.space, "k")
    for text in ("", "00", "-0", "+0", "0.0", "%200", "0%20", "x", "1", "99999999999", str(int(time.time()) + 300)):
        assert world.send("GET", f"/k?{link}&Expires={text}").status == 401, text
        assert world.send("GET", f"/k?Expires=0&{link}&Expires={text}").status == 401, text
    assert world.send("GET", f"/k?{link}&expires=1").status == 200  # not its name


def test_what_moves_between_a_permanent_link_and_a_header(world: World) -> None:
    """They sign one text: a link read as a header reads tags and ACL of its key too.  The page says so."""
    link = endless(world.owner.credentials, "GET", world.space, "k")
    for target in ("/k", "/k?tagging", "/k?acl"):
        assert world.send("GET", target, moved(link)).status == 200
    for target in ("/other", "/other?acl", "/?list", "/?muploadid", "/"):
        assert world.send("GET", target, moved(link)).status in (400, 401), target
    for headers in (
        [("Date", "20240131235959")],
        [("Content-Type", "application/json; charset=utf-8")],
        [("Content-MD5", "0" * 32)],
        [("X-UCloud-A", "b")],
        [("X-AutoAI-A", "b")],
    ):  # a header that signs more than its key is no link, whatever comes along
        word = "AutoAI" if "AutoAI" in headers[0][0] else "UCloud"
        mac = world.owner.signed("GET", world.space, "k", headers, word=word).rpartition(":")[2]
        public = quote(world.owner.credentials.public_key, safe="")
        query = f"UCloudPublicKey={public}&Signature={quote(mac, safe='')}"
        assert world.send("GET", f"/k?{query}", *headers).refusal()[:2] == MISMATCH, headers
        assert world.send("GET", f"/k?{query}&Expires=0").refusal()[:2] == MISMATCH
    assert world.send("GET", f"/k?{link}", ("X-UCloud-A", "b"), ("Date", "x")).body == HELD  # nor are they looked at


def test_a_permanent_link_is_refused_unless_the_operator_allows_it(server: Server) -> None:
    """It says why, whether the signature is right or not, and where anybody may read as well."""
    owner = Peer(server)
    for kind in ("private", "public"):
        space = owner.space(kind)
        owner.do(operation.PutObject(space, "k"), HELD)
        link = endless(owner.credentials, "GET", space, "k")
        for query in (link, f"{link}&Expires=0", link.replace("Signature=", "Signature=A")):
            got = owner.send("GET", f"/k?{query}", host=f"{space}.localhost").refusal()
            assert got[:2] == (401, -148643) and "--permanent-links" in got[2]
        assert owner.send("HEAD", f"/k?{link}", host=f"{space}.localhost").status == 401
        got = owner.send("GET", f"/k?{link}&Expires=", host=f"{space}.localhost").refusal()
        assert got[:2] == (401, -148643) and "needs UCloudPublicKey, Expires" in got[2]


# The table that people read

ROOT = Path(__file__).parents[2]
COLUMNS = {"header": HEADER, "put policy": POLICY, "form": FORM, "signed URL": URL, "permanent link": LINK}
COLUMNS["nobody"] = NOBODY


def tables() -> list[tuple[list[str], list[list[str]]]]:
    """(heads, rows) of every table of the page about carriers."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    text = text.partition("## What a signature permits\n")[2].partition("\n## ")[0]
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        found.append((lines[0], lines[2:]))
    return found


def test_the_page_has_the_table_of_the_server() -> None:
    (heads, rows), (named, entries), _ = tables()
    assert [COLUMNS[each] for each in heads[1:]] == list(SignatureCarrier)
    said = {}
    for row in rows:
        for name in re.findall(r"\w+", row[0]):
            assert name not in said, name
            said[name] = tuple(
                carrier for carrier, cell in zip(SignatureCarrier, row[1:], strict=True) if cell == "yes"
            )
            assert set(row[1:]) <= {"yes", ""}
    assert said == {cls.__name__: carriers for cls, carriers in MAY.items()}
    assert [COLUMNS[each] for each in named[2:]] == [HEADER, POLICY, FORM, URL]
    written = {}
    for row in entries:
        for name in re.findall(r"`([^`]+)`", row[0]):
            cells = [cell for cell in row[2:]]
            written[name.lower()] = (
                tuple(carrier for carrier, cell in zip((HEADER, POLICY, FORM, URL), cells, strict=True) if cell),
                "if signed" in cells,
            )
            assert set(cells) <= {"yes", "", "if signed"}
    known = {}
    for entry in BRINGS:
        if any(len(MAY[cls]) > 1 for cls in entry.operations) and set(entry.carriers) != set(SignatureCarrier):
            for name in entry.names:
                known[name.lower()] = entry.carriers, entry.covered
    for name in operation.KEPT:
        known[name.lower()] = (HEADER, POLICY, FORM, URL), False
    assert written == known


def test_the_page_lists_what_cannot_be_told_apart() -> None:
    """Operations that sign one text without a policy, by verb."""
    _, _, (_, rows) = tables()
    said = {row[0]: set(re.findall(r"\w+", row[1])) for row in rows}
    asked: dict[str, set[str]] = {}
    for op in samples.OPERATIONS:
        if type(op) not in (operation.HeadObject,):
            asked.setdefault(dialect.encode(op, samples.UFILE).method, set()).add(type(op).__name__)
    asked["POST"].add("form")
    assert {verb: names for verb, names in said.items() if verb != "GET"} == {
        verb: names for verb, names in asked.items() if verb not in ("GET", "HEAD")
    }
    assert said["GET"] == asked["GET"]
