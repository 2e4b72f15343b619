"""Tokens: their management, and what their signatures may do on the data plane."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from test import patience
from test.server.inprocess import Running, running
from test.server.test_postfile import fields_of, file_of, post
from test.server.test_spaces import ask
from test.server.wire import Answer, Peer, connect, head, receive
from ucloud.uvideo.protocol import errors, operation, signature
from uvideo.server.auth.client_address import TrustedProxies
from uvideo.server.auth.credentials import Key
from uvideo.server.rules import token_rights

NOW = 1_700_000_000.0
DENIED = (403, -148658, "permission denied")
ALL = ("TOKEN_ALLOW_READ", "TOKEN_ALLOW_WRITE", "TOKEN_ALLOW_DELETE", "TOKEN_ALLOW_LIST")


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    with running(tmp_path, clock=clock, more=(Key("other", "other private", "other"),)) as server:
        yield server


@pytest.fixture
def owner(world: Running) -> Peer:
    return Peer(world)


def holder(world: Running, owner: Peer, *ops: str, **more: Any) -> Peer:
    """Who has a new token."""
    info = owner.manage(operation.CreateToken("t", ops, **more))
    peer = Peer(world)
    peer.credentials = signature.Credentials(info.public_key, info.private_key)
    return peer


def denied(got: Answer) -> bool:
    """The answer to HEAD has no body."""
    return got.status == 403 and (got.body == b"" or got.refusal() == DENIED)


# Management


def test_a_token_from_its_creation_to_its_end(owner: Peer, clock: Clock) -> None:
    info = owner.manage(operation.CreateToken("视频 a", ("TOKEN_ALLOW_READ",), ("dir/",), ("space",), NOW + 9))
    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch("TOKEN_" + uuid, info.public_key) and re.fullmatch(uuid, info.private_key)
    assert (info.name, info.ops, info.prefixes, info.spaces) == ("视频 a", ("TOKEN_ALLOW_READ",), ("dir/",), ("space",))
    assert (info.expires, info.created, info.modified, info.region) == (NOW + 9, NOW, NOW, "cn-bj")
    plain = owner.manage(operation.CreateToken("b"))
    assert (plain.ops, plain.prefixes, plain.spaces) == (("TOKEN_ALLOW_NONE",), ("*",), ("*",))
    assert (plain.expires, plain.black_ips, plain.white_ips) == (NOW + 86400, (), ())
    assert set(owner.manage(operation.DescribeToken()).tokens) == {info, plain}  # both of one second
    assert owner.manage(operation.DescribeToken(plain.token_id)).tokens == (plain,)
    assert owner.manage(operation.DescribeToken(name="b", display=1)).tokens == (plain,)
    assert owner.manage(operation.DescribeToken(name="c")).tokens == ()
    (shown,) = owner.manage(operation.DescribeToken(name="b", display=0)).tokens
    assert shown == plain._replace(private_key=None)
    clock.now += 100
    change = operation.UpdateToken(plain.token_id, "c", ALL, black_ips=("192.0.2.1",), project="org-1")
    assert owner.manage(change) == operation.Done()
    (found,) = owner.manage(operation.DescribeToken(plain.token_id)).tokens
    assert found == plain._replace(name="c", ops=ALL, black_ips=("192.0.2.1",), modified=NOW + 100)
    owner.manage(operation.UpdateToken(plain.token_id, ops=(), black_ips=(), expires=4102416000))
    (found,) = owner.manage(operation.DescribeToken(plain.token_id)).tokens
    assert (found.ops, found.black_ips, found.expires) == (("TOKEN_ALLOW_NONE",), (), 4102416000)
    assert owner.manage(operation.DeleteToken(plain.token_id)) == operation.Done()
    for op in (
        operation.DescribeToken(plain.token_id),
        operation.UpdateToken(plain.token_id),
        operation.DeleteToken(plain.token_id),
    ):
        with pytest.raises(errors.TokenNotFound):
            owner.manage(op)
    assert owner.manage(operation.DescribeToken()).tokens == (info,)


def test_the_form_of_the_answers(owner: Peer) -> None:
    made = ask(owner, Action="CreateUFileToken", TokenName="t", **{"AllowedOps.0": "TOKEN_ALLOW_LIST"})
    assert set(made) == {"RetCode", "Action", "TokenId", "UFileTokenSet"} and made["RetCode"] == 0
    entry = made["UFileTokenSet"]
    assert entry["TokenId"] == made["TokenId"] and entry["AllowedOps"] == ["TOKEN_ALLOW_LIST"]
    assert isinstance(entry["ExpireTime"], int) and entry["WhiteIPList"] == []
    (shown,) = ask(owner, Action="DescribeUFileToken", Display=0)["DataSet"]
    assert "PrivateKey" not in shown and shown["PublicKey"] == entry["PublicKey"]
    given = {"AllowedOps": ["TOKEN_ALLOW_READ"], "TokenId": made["TokenId"], "ProjectId": "p"}
    changed = ask(owner, "POST", "json", Action="UpdateUFileToken", **_flat(given))
    assert changed == {"RetCode": 0, "Action": "UpdateUFileTokenResponse"}
    gone = ask(owner, Action="DeleteUFileToken", TokenId=made["TokenId"], ProjectId="p", Region="cn-bj")
    assert gone == {"RetCode": 0, "Action": "DeleteUFileTokenResponse"}


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in given.items():
        flat.update(
            {f"{name}.{at}": each for at, each in enumerate(value)} if isinstance(value, list) else {name: value}
        )
    return flat


def test_the_codes_of_refusals(owner: Peer) -> None:
    def code(action: str, **given: Any) -> int:
        return int(
            ask(owner, Action=action, **{name.replace("_", "."): value for name, value in given.items()})["RetCode"]
        )

    assert code("CreateUFileToken") == 15002
    assert code("UpdateUFileToken") == code("DeleteUFileToken") == 15002
    for wrong in (
        {"AllowedOps_0": "TOKEN_ALLOW_ALL"},
        {"AllowedOps": "nonsense"},
        {"BlackIPList_0": "nonsense"},
        {"WhiteIPList_0": "192.0.2.0/33"},
        {"ExpireTime": "tomorrow"},
        {"ExpireTime": "-5"},
        {"TokenName": "n" * 129},
        {"AllowedPrefixes_0": "p" * 1025},
    ):
        assert code("CreateUFileToken", **{"TokenName": "t", **wrong}) == 15017, wrong
    for wrong in (
        {"ExpireTime": int(NOW) - 1},
        {"ExpireTime": 4102416001},
        {f"AllowedPrefixes_{number}": f"p{number}" for number in range(101)},
    ):
        assert code("CreateUFileToken", TokenName="t", **wrong) == 15018, wrong
    assert code("UpdateUFileToken", TokenId="none") == code("DeleteUFileToken", TokenId="none") == 15040
    assert owner.manage(operation.DescribeToken()).tokens == ()


def test_tokens_are_limited(owner: Peer, clock: Clock) -> None:
    """One that has expired gives its place to a new one, and only if there is no other."""
    for number in range(100):
        owner.manage(operation.CreateToken(str(number), expires=int(NOW) + (9 if number == 50 else 99)))
    with pytest.raises(errors.TooManyTokens):
        owner.manage(operation.CreateToken("one too many"))
    clock.now = NOW + 9
    with pytest.raises(errors.TooManyTokens):
        owner.manage(operation.CreateToken("valid until this second ends"))
    clock.now = NOW + 10
    owner.manage(operation.CreateToken("new"))
    with pytest.raises(errors.TooManyTokens):
        owner.manage(operation.CreateToken("one too many"))
    names = {token.name for token in owner.manage(operation.DescribeToken()).tokens}
    assert names == {str(number) for number in range(100) if number != 50} | {"new"}


def test_the_tokens_of_others(world: Running, owner: Peer) -> None:
    info = owner.manage(operation.CreateToken("mine"))
    other = Peer(world)
    other.credentials = signature.Credentials("other", "other private")
    assert other.manage(operation.DescribeToken()).tokens == ()
    for op in (operation.UpdateToken(info.token_id, "x"), operation.DeleteToken(info.token_id)):
        with pytest.raises(errors.TokenNotFound):
            other.manage(op)
    theirs = other.space()
    token = holder(world, owner, *ALL)
    assert token.call(operation.PutObject(theirs, "k"), b"x").refusal() == DENIED
    assert owner.manage(operation.DescribeToken(info.token_id)).tokens == (info,)


def test_a_token_manages_nothing(world: Running, owner: Peer) -> None:
    space, token = owner.space(), holder(world, owner, *ALL)
    for op in (
        operation.CreateSpace("another"),
        operation.DeleteSpace(space),
        operation.DescribeSpace(),
        operation.CreateToken("t", ALL),
        operation.DescribeToken(),
        operation.GetSpaceStatus(()),
    ):
        with pytest.raises(errors.AccessDenied) as caught:
            token.manage(op)
        assert caught.value.ret_code == 15037
    public = token.credentials.public_key
    token.credentials = signature.Credentials(public, "wrong")
    with pytest.raises(errors.SignatureMismatch):
        token.manage(operation.DescribeSpace())
    token.credentials = signature.Credentials("TOKEN_none", "wrong")
    with pytest.raises(errors.TokenUnknown) as unknown:
        token.manage(operation.DescribeSpace())
    assert unknown.value.ret_code == 174
    assert len(owner.manage(operation.DescribeSpace()).spaces) == 1


# Rights


def requests(space: str, upload: str) -> dict[str, tuple[Any, ...]]:
    """Operations by the rights they need."""
    k = (space, "dir/k")
    return {
        "READ": (
            operation.GetObject(*k),
            operation.HeadObject(*k),
            operation.GetTags(*k),
            operation.GetAcl(*k),
        ),
        "LIST": (
            operation.ListFiles(space, "dir/"),
            operation.ListObjects(space, "dir/"),
            operation.ListUploads(space, "dir/"),
            operation.ListParts(space, upload),
        ),
        "WRITE": (
            operation.PutObject(space, "dir/new"),
            operation.InitiateUpload(space, "dir/new"),
            operation.UploadPart(space, "dir/u", upload, 0),
            operation.AppendObject(space, "dir/log", 0),
            operation.SetMime(*k, mime="text/x"),
            operation.PutTags(*k, tags=(("a", "b"),)),
            operation.DeleteTags(*k),
            operation.FinishUpload(space, "dir/u", upload, ()),
            operation.AbortUpload(space, "dir/u", upload),
            operation.SwitchClass(*k, storage_class="ARCHIVE"),
            operation.RestoreObject(*k),
        ),
        "READ WRITE": (
            operation.PutAcl(*k, acl="default"),
            operation.CopyObject(space, "dir/copy", space, "dir/k"),
            operation.CopyPart(space, "dir/u", upload, 0, space, "dir/k"),
            operation.UploadHit(space, "dir/hit", "none", 1),
        ),
        "WRITE DELETE": (operation.RenameObject(space, "dir/k", "dir/renamed"),),
        "DELETE": (operation.DeleteObject(space, "dir/none"),),
    }


def test_the_requests_are_all_that_a_token_can_do() -> None:
    assert {type(op) for asked in requests("s", "u").values() for op in asked} == set(token_rights.NEEDED)


@pytest.mark.parametrize("missing", ("READ", "WRITE", "DELETE", "LIST"))
def test_each_operation_needs_its_rights(world: Running, owner: Peer, missing: str) -> None:
    space = owner.space()
    owner.do(operation.PutObject(space, "dir/k"), b"x")
    upload = owner.do(operation.InitiateUpload(space, "dir/u")).upload_id
    token = holder(world, owner, *(op for op in ALL if not op.endswith(missing)))
    for needed, asked in requests(space, upload).items():
        for op in asked:
            if missing in needed.split():
                assert denied(token.call(op, b"xy")), op
    assert owner.do(operation.ListObjects(space)).objects[0].key == "dir/k"
    assert len(owner.do(operation.ListObjects(space)).objects) == 1
    assert owner.do(operation.ListParts(space, upload)).parts == ()
    only = holder(world, owner, "TOKEN_ALLOW_" + missing, "TOKEN_ALLOW_READ", "TOKEN_ALLOW_WRITE")
    for needed, asked in requests(space, upload).items():
        for op in asked:
            if needed == missing:
                assert only.call(op, b"xy").status < 400 or isinstance(op, operation.FinishUpload), op


def test_a_token_that_may_do_nothing(world: Running, owner: Peer) -> None:
    public, space = owner.space("public"), owner.space()
    owner.do(operation.PutObject(public, "dir/k"), b"x")
    token = holder(world, owner)
    for asked in requests(space, "none").values():
        for op in asked:
            assert denied(token.call(op, b"x")), op
    assert token.call(operation.GetObject(public, "dir/k")).refusal() == DENIED
    assert token.send("GET", "/dir/k", host=f"{public}.localhost").body == b"x"
    iop = holder(world, owner, "TOKEN_ALLOW_IOP")
    assert iop.call(operation.GetObject(public, "dir/k")).refusal() == DENIED


def test_prefixes_and_spaces(world: Running, owner: Peer) -> None:
    space, other = owner.space(), owner.space()
    for each in (space, other):
        for key in ("dir/k", "dir2/k", "k"):
            owner.do(operation.PutObject(each, key), b"x")
    upload = owner.do(operation.InitiateUpload(space, "k")).upload_id
    token = holder(world, owner, *ALL, prefixes=("dir/*", "视/"), spaces=(space,))
    for key, allowed in (
        ("dir/k", True),
        ("dir/", True),
        ("视/k", True),
        ("dir2/k", False),
        ("k", False),
        ("di", False),
    ):
        assert (token.call(operation.PutObject(space, key), b"x").status == 200) is allowed, key
        assert token.call(operation.PutObject(other, key), b"x").refusal() == DENIED
    assert len(token.do(operation.ListObjects(space, "dir/")).objects) == 2
    for op in (
        operation.ListObjects(space),
        operation.ListFiles(space, "di"),
        operation.ListUploads(space, ""),
        operation.ListObjects(other, "dir/"),
        operation.ListParts(space, upload),
        operation.ListParts(space, "none"),
        operation.RenameObject(space, "dir/k", "k2"),
        operation.RenameObject(space, "k", "dir/k2"),
        operation.CopyObject(space, "dir/c", space, "k"),
        operation.CopyObject(space, "dir/c", other, "dir/k"),
        operation.UploadHit(space, "dir/hit", "etag", 1),
        operation.FinishUpload(space, "dir/u", upload, (), "new"),
    ):
        assert token.call(op).refusal() == DENIED, op
    assert token.call(operation.CopyObject(space, "dir/c", space, "dir/k")).status == 200


def test_a_copy_reads_only_what_may_be_read_however_it_is_spelled(world: Running, owner: Peer) -> None:
    space = owner.space()
    for key in ("a/k", "%61/k", "secret"):
        owner.do(operation.PutObject(space, key), b"x")
    token = holder(world, owner, *ALL, prefixes=("a/",))
    for source in ("secret", "%73ecret", "%61/k", "a/../secret"):
        headers = [("X-Ufile-Copy-Source", f"/{space}/{source}")]
        got = token.ask("PUT", space, "/a/c", "a/c", headers)
        assert got.status in (403, 404), source
    assert [each.key for each in owner.do(operation.ListObjects(space, "a/")).objects] == ["a/k"]


def test_a_token_ends(world: Running, owner: Peer, clock: Clock) -> None:
    space = owner.space()
    info = owner.manage(operation.CreateToken("t", ALL, expires=int(NOW) + 10))
    token = Peer(world)
    token.credentials = signature.Credentials(info.public_key, info.private_key)
    assert token.call(operation.PutObject(space, "k"), b"x").status == 200
    clock.now = NOW + 10.9
    assert token.call(operation.GetObject(space, "k")).status == 200
    clock.now = NOW + 11
    assert token.call(operation.GetObject(space, "k")).refusal() == DENIED
    owner.manage(operation.UpdateToken(info.token_id, expires=int(NOW) + 100))
    assert token.call(operation.GetObject(space, "k")).status == 200
    owner.manage(operation.DeleteToken(info.token_id))
    assert token.call(operation.GetObject(space, "k")).refusal() == (403, -148658, "invalid public key")


@pytest.mark.parametrize(
    ("black", "white", "allowed"),
    (
        ((), (), True),
        (("192.0.2.1", "2001:db8::/32"), (), True),
        (("127.0.0.1",), (), False),
        (("127.0.0.0/8",), (), False),
        ((), ("127.0.0.1",), True),
        ((), ("192.0.2.1", "127.0.0.0/30"), True),
        ((), ("192.0.2.1", "::1"), False),
        (("127.0.0.1",), ("127.0.0.1",), False),
    ),
)
def test_where_a_token_may_be_used(
    world: Running, owner: Peer, black: tuple[str, ...], white: tuple[str, ...], allowed: bool
) -> None:
    space = owner.space()
    token = holder(world, owner, *ALL, black_ips=black, white_ips=white)
    got = token.call(operation.PutObject(space, "k"), b"x")
    assert got.status == 200 if allowed else got.refusal() == DENIED


@pytest.mark.parametrize(
    ("black", "white", "remote", "allowed"),
    (
        ((), ("192.0.2.0/24",), "192.0.2.7", True),
        ((), ("192.0.2.0/24",), "192.0.3.7", False),
        ((), ("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.7",), (), "::ffff:192.0.2.7", False),
        (("192.0.2.7",), (), "192.0.2.8", True),
        ((), ("2001:db8::/32",), "2001:db8::1%eth0", True),
        (("2001:db8::/32",), (), "2001:db8::1", False),
        (("192.0.2.7",), ("192.0.2.0/24",), "192.0.2.7", False),
        (("192.0.2.7",), ("192.0.2.0/24",), "192.0.2.8", True),
        (("192.0.2.7",), (), None, False),
        (("192.0.2.7",), (), "a name", False),
        ((), (), None, True),
    ),
)
def test_a_list_is_for_the_address_however_it_is_written(
    black: tuple[str, ...], white: tuple[str, ...], remote: str | None, allowed: bool
) -> None:
    token: Any = SimpleNamespace(black_ips=black, white_ips=white)
    assert token_rights.may_come_from(token, TrustedProxies().of_connection(remote)) == allowed


def test_signed_urls_and_forms_of_a_token(world: Running, owner: Peer) -> None:
    space = owner.space()
    owner.do(operation.PutObject(space, "dir/k"), b"x")
    token = holder(world, owner, "TOKEN_ALLOW_READ", prefixes=("dir/",))
    for key, expected in (("dir/k", 200), ("other", 403)):
        query = signature.signed_query(token.credentials, "GET", space, key, int(NOW) + 50)
        assert token.send("GET", f"/{key}?{query}", host=f"{space}.localhost").status == expected
    writer = holder(world, owner, "TOKEN_ALLOW_WRITE", prefixes=("dir/",))
    for key, expected in (("dir/f", 200), ("other", 403)):
        allowed = writer.signed("POST", space, key, [("Content-Type", "text/plain")])
        assert (
            post(writer, space, fields_of(("FileName", key), ("Authorization", allowed)) + file_of(b"x")).status
            == expected
        )
    assert [each.key for each in owner.do(operation.ListObjects(space)).objects] == ["dir/f", "dir/k"]


def test_nothing_is_overwritten(world: Running, owner: Peer) -> None:
    space = owner.space()
    owner.do(operation.PutObject(space, "old"), b"old")
    owner.do(operation.PutObject(space, "source"), b"source")
    hit = owner.do(operation.HeadObject(space, "source"))
    token = holder(world, owner, *ALL, "TOKEN_DENY_UPDATE")

    def finish(key: str, new_key: str | None = None) -> Any:
        begun = token.do(operation.InitiateUpload(space, key))
        part = token.do(operation.UploadPart(space, key, begun.upload_id, 0), b"part")
        return token.call(operation.FinishUpload(space, key, begun.upload_id, (part.etag,), new_key))

    for got in (
        token.call(operation.PutObject(space, "old"), b"new"),
        token.call(operation.PutObject(space, "old"), b"new" * 100000),
        token.call(operation.CopyObject(space, "old", space, "source")),
        token.call(operation.UploadHit(space, "old", hit.etag, hit.size)),
        token.call(operation.RenameObject(space, "source", "old", True)),
        token.call(operation.AppendObject(space, "old", 3), b"more"),
        finish("old"),
    ):
        assert got.refusal() == DENIED
    assert owner.call(operation.GetObject(space, "old")).body == b"old"
    for got in (
        token.call(operation.PutObject(space, "n1"), b"new"),
        token.call(operation.CopyObject(space, "n2", space, "source")),
        token.call(operation.UploadHit(space, "n3", hit.etag, hit.size)),
        token.call(operation.RenameObject(space, "n1", "n4")),
        token.call(operation.AppendObject(space, "n5", 0), b"more"),
        token.call(operation.SetMime(space, "old", "text/x")),
        finish("n6"),
        finish("old", "n7"),
        token.call(operation.DeleteObject(space, "old")),
        token.call(operation.PutObject(space, "old"), b"again"),
    ):
        assert got.status in (200, 204)
    assert token.call(operation.RenameObject(space, "n4", "n2")).refusal()[0] == 400


def test_two_at_once_do_not_overwrite_each_other(world: Running, owner: Peer) -> None:
    """The key is looked at before the body; what counts is the store."""
    space = owner.space()
    token = holder(world, owner, "TOKEN_ALLOW_WRITE", "TOKEN_DENY_UPDATE")
    signed = [("Host", f"{space}.x"), ("Authorization", token.signed("PUT", space, "k")), ("Content-Length", "5")]
    with (
        socket.create_connection(("127.0.0.1", world.port), patience.SECONDS) as first,
        socket.create_connection(("127.0.0.1", world.port), patience.SECONDS) as second,
    ):
        for sock in (first, second):
            sock.sendall(head("PUT", "/k", [*signed, ("Expect", "100-continue")]))
            assert sock.recv(100).startswith(b"HTTP/1.1 100")
        first.sendall(b"first")
        assert receive(first, "PUT").status == 200
        second.sendall(b"later")
        assert receive(second, "PUT").refusal() == DENIED
    assert owner.call(operation.GetObject(space, "k")).body == b"first"


# Slots: the right to write one part, for which whoever comes later waits


@contextmanager
def part_on_its_way(token: Peer, space: str, key: str, upload: str) -> Iterator[socket.socket]:
    """Part 0, five bytes that the server has allowed and that are still to be sent."""
    signed = [("Host", f"{space}.x"), ("Authorization", token.signed("PUT", space, key)), ("Content-Length", "5")]
    with connect(token.port) as sock:
        sock.sendall(head("PUT", f"/{key}?uploadId={upload}&partNumber=0", [*signed, ("Expect", "100-continue")]))
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        yield sock


@pytest.fixture
def begun(owner: Peer) -> tuple[str, str]:
    """(space, upload id of dir/u)"""
    space = owner.space()
    return space, owner.do(operation.InitiateUpload(space, "dir/u")).upload_id


@pytest.mark.parametrize("more", [(), ("TOKEN_DENY_UPDATE",)])
def test_a_part_that_came_first_stays(
    world: Running, owner: Peer, begun: tuple[str, str], more: tuple[str, ...]
) -> None:
    token = holder(world, owner, "TOKEN_ALLOW_WRITE", *more, prefixes=("dir/",))
    space, upload = begun
    part = operation.UploadPart(space, "dir/u", upload, 0)
    with (
        part_on_its_way(token, space, "dir/u", upload) as other,
        part_on_its_way(token, space, "dir/u", upload) as same,
    ):
        stored = owner.do(part, b"first")
        other.sendall(b"later")
        assert receive(other, "PUT").refusal()[1] == errors.PartExists.ret_code
        same.sendall(b"first")
        assert receive(same, "PUT").header("ETag") == f'"{stored.etag}"'
    assert [each.etag for each in owner.do(operation.ListParts(space, upload)).parts] == [stored.etag]
    assert token.do(operation.FinishUpload(space, "dir/u", upload, (stored.etag,))).size == 5
    assert owner.call(operation.GetObject(space, "dir/u")).body == b"first"


def test_a_part_of_an_upload_that_was_given_up_stores_nothing(
    world: Running, owner: Peer, begun: tuple[str, str], tmp_path: Path
) -> None:
    token = holder(world, owner, "TOKEN_ALLOW_WRITE", prefixes=("dir/",))
    space, upload = begun
    with part_on_its_way(token, space, "dir/u", upload) as sock:
        owner.do(operation.AbortUpload(space, "dir/u", upload))
        sock.sendall(b"later")
        assert receive(sock, "PUT").refusal()[0] == 404
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"later"] == []


def test_the_parts_of_others_are_not_a_tokens(world: Running, owner: Peer, begun: tuple[str, str]) -> None:
    """A token may not reach an upload of a key that it does not cover by naming one that it does."""
    space, upload = begun
    owner.do(operation.PutObject(space, "mine/k"), b"x")
    token = holder(world, owner, *ALL, prefixes=("mine/",))
    for op in (
        operation.UploadPart(space, "dir/u", upload, 0),
        operation.CopyPart(space, "dir/u", upload, 0, space, "mine/k"),
        operation.CopyPart(space, "mine/u", upload, 0, space, "dir/u"),
        operation.FinishUpload(space, "dir/u", upload, ()),
        operation.AbortUpload(space, "dir/u", upload),
    ):
        assert denied(token.call(op, b"x")), op
    for op in (
        operation.UploadPart(space, "mine/u", upload, 0),
        operation.CopyPart(space, "mine/u", upload, 0, space, "mine/k"),
        operation.FinishUpload(space, "mine/u", upload, ()),
        operation.AbortUpload(space, "mine/u", upload),
    ):
        assert token.call(op, b"x").refusal()[0] == 404, op
    assert owner.do(operation.ListParts(space, upload)).parts == ()


def test_an_overwrite_that_is_refused_at_the_end_leaves_nothing_once_given_up(
    world: Running, owner: Peer, begun: tuple[str, str], tmp_path: Path
) -> None:
    token = holder(world, owner, "TOKEN_ALLOW_WRITE", "TOKEN_DENY_UPDATE")
    space, upload = begun
    content = bytes(1000) + b"refused"
    part = token.do(operation.UploadPart(space, "dir/u", upload, 0), content)
    owner.do(operation.PutObject(space, "dir/u"), b"old")
    assert token.call(operation.FinishUpload(space, "dir/u", upload, (part.etag,))).refusal() == DENIED
    assert len(token.do(operation.UploadPart(space, "dir/u", upload, 0), content).etag) > 20  # it is there still
    assert token.call(operation.AbortUpload(space, "dir/u", upload)).status in (200, 204)
    assert owner.call(operation.GetObject(space, "dir/u")).body == b"old"
    assert [path for path in tmp_path.rglob("*") if path.is_file() and b"refused" in path.read_bytes()] == []
