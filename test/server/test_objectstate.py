"""What is changed of an object while its bytes stay (type, class, tags, acl, archive), and bytes added to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.server.inprocess import Running, running
from test.server.wire import BLOCK, MIB, Peer, chunked, connect, head, pattern, receive, ufile_etag
from test.server_fixture import start_server
from ucloud.uvideo.protocol import errors, operation, restore, signature
from ucloud.uvideo.protocol.byterange import ByteRange
from uvideo.server.rules.objects import INLINE
from uvideo.server.rules.service import Restoring

SMALL, LARGE = pattern(1000), pattern(9 * MIB + 5)
FROZEN = (403, -148671, "file has not been restored")
DENIED = (403, -148660, "switch class not allowed")
ABSENT = (404, -148654, "file not exist")
START = 1_900_000_000


class Clock:
    now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slow(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    """A server that takes 100 s to restore what then can be read for 1000 s."""
    with running(tmp_path, clock=clock, restoring=Restoring(100, 1000)) as started:
        yield started


# Type


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
@pytest.mark.parametrize("data", (b"", SMALL, LARGE), ids=len)
def test_the_type_changes_and_nothing_else(peer: Peer, space: str, data: bytes, suffix: str | None) -> None:
    peer.do(operation.PutObject(space, "k", "video/mp4", None, "IA", (("a", "1"),)), data)
    before = peer.do(operation.HeadObject(space, "k"))
    got = peer.call(operation.SetMime(space, "k", "text/x-é; charset=utf-8"), suffix=suffix)
    assert (got.status, got.body) == (200, b"")
    after = peer.do(operation.HeadObject(space, "k"))
    assert after.modified >= before.modified
    assert after == before._replace(mime="text/x-é; charset=utf-8", modified=after.modified)
    assert peer.call(operation.GetObject(space, "k")).body == data
    assert peer.call(operation.SetMime(space, "none", "text/x")).refusal() == ABSENT


def test_other_metadata_and_broken_documents_are_refused(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k", "video/mp4"), SMALL)
    for body in (
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100000,
        b'{"op":"get","metak":"mimetype","metav":"a/b"}',
        b'{"op":"set","metak":"size","metav":"a/b"}',
        b'{"op":"set","metak":"mimetype","metav":""}',
        b'{"op":"set","metak":"mimetype","metav":7}',
        b'{"op":"set","metak":"mimetype","metav":"a\\r\\nX: y"}',
        b'{"op":"set","metak":"mimetype"}',
    ):
        assert peer.ask("POST", space, "/k?opmeta", "k", body=body).refusal()[:2] == (400, -148660)
    too_long = b"{" + b" " * (2 * MIB)
    assert peer.ask("POST", space, "/k?opmeta", "k", body=too_long).refusal()[:2] == (400, -148660)
    assert peer.do(operation.HeadObject(space, "k")).mime == "video/mp4"


# Class


def test_a_class_only_goes_down(peer: Peer, space: str) -> None:
    for old in operation.STORAGE_CLASSES:
        for new in operation.STORAGE_CLASSES:
            peer.do(operation.PutObject(space, "k", storage_class=old), SMALL)
            got = peer.call(operation.SwitchClass(space, "k", new))
            if (old, new) in (("STANDARD", "IA"), ("STANDARD", "ARCHIVE"), ("IA", "ARCHIVE")):
                assert (got.status, got.body) == (200, b"")
                assert peer.do(operation.HeadObject(space, "k")).storage_class == new
            else:
                assert got.refusal() == (FROZEN if old == "ARCHIVE" else DENIED), (old, new)
                assert peer.do(operation.HeadObject(space, "k")).storage_class == old
    peer.do(operation.RestoreObject(space, "k"))
    assert peer.call(operation.SwitchClass(space, "k", "STANDARD")).refusal() == DENIED
    assert peer.call(operation.SwitchClass(space, "none", "IA")).refusal() == ABSENT


# Archive


def test_an_archived_object_is_readable_only_when_restored(slow: Running, clock: Clock) -> None:
    peer = Peer(slow)
    space = peer.space()
    other = peer.space()
    peer.do(operation.PutObject(space, "k", storage_class="ARCHIVE"), SMALL)
    upload = peer.do(operation.InitiateUpload(other, "m")).upload_id
    head_of_k = operation.HeadObject(space, "k")

    def statuses() -> set[str | None]:
        listed = (*peer.do(operation.ListFiles(space)).files, *peer.do(operation.ListObjects(space)).objects)
        return {each.restore for each in listed}

    def assert_frozen() -> None:
        for op in (
            operation.GetObject(space, "k"),
            operation.GetObject(space, "k", ByteRange(0, 5)),
            operation.CopyObject(other, "copy", space, "k"),
            operation.CopyPart(other, "m", upload, 0, space, "k"),
            operation.AppendObject(space, "k", len(SMALL)),
            operation.SwitchClass(space, "k", "IA"),
        ):
            assert peer.call(op).refusal() == FROZEN

    assert_frozen()
    assert statuses() == {"Frozen"}
    info = peer.do(head_of_k)
    assert (info.size, info.storage_class, info.restore) == (len(SMALL), "ARCHIVE", None)
    got = peer.call(operation.RestoreObject(space, "k", "Expedited"))
    assert (got.status, got.body) == (200, b"")
    assert_frozen()
    assert statuses() == {"Restoring"}
    assert peer.do(head_of_k).restore is None  # whoever sees the header takes it for restored
    clock.now += 50
    peer.do(operation.RestoreObject(space, "k"))  # asked again: it takes no longer
    clock.now += 50
    assert statuses() == {"Restored"}
    got = peer.call(operation.GetObject(space, "k"))
    assert (got.status, got.body) == (200, SMALL)
    assert got.header("X-Ufile-Restore") == restore.build(START + 1100)
    assert peer.call(head_of_k).header("X-Ufile-Restore") == got.header("X-Ufile-Restore")
    peer.do(operation.CopyObject(other, "copy", space, "k"))
    clock.now += 500
    peer.do(operation.RestoreObject(space, "k", "Standard"))  # lasts anew
    clock.now += 1000.9
    assert peer.call(operation.GetObject(space, "k")).body == SMALL
    clock.now += 0.1
    assert_frozen()
    assert statuses() == {"Frozen"}
    assert peer.do(head_of_k).restore is None
    peer.do(operation.RestoreObject(space, "k"))
    assert statuses() == {"Restoring"}
    info = peer.do(operation.HeadObject(other, "copy"))
    assert (info.storage_class, info.restore) == ("STANDARD", None)


def test_only_the_archive_is_restored(peer: Peer, space: str) -> None:
    for each in ("STANDARD", "IA"):
        peer.do(operation.PutObject(space, each, storage_class=each), SMALL)
        assert peer.call(operation.RestoreObject(space, each)).refusal()[:2] == (400, -148660)
        assert {info.restore for info in peer.do(operation.ListObjects(space)).objects} == {None}
    assert peer.call(operation.RestoreObject(space, "none")).refusal() == ABSENT
    assert peer.ask("PUT", space, "/IA?restore", "IA", [("Tier", "Bulk")], b"{}").refusal()[:2] == (400, -148660)


def test_a_restore_at_once_and_an_overwrite_that_forgets_it(peer: Peer, space: str) -> None:
    put = operation.PutObject(space, "k", storage_class="ARCHIVE")
    peer.do(put, LARGE)
    peer.do(operation.RestoreObject(space, "k"))
    assert peer.call(operation.GetObject(space, "k")).body == LARGE
    peer.do(put, LARGE)
    assert peer.call(operation.GetObject(space, "k")).refusal() == FROZEN
    peer.do(operation.RestoreObject(space, "k"))
    peer.do(operation.CopyObject(space, "k", space, "k", "REPLACE", "STANDARD"))  # out of the archive for good
    info = peer.do(operation.HeadObject(space, "k"))
    assert (info.storage_class, info.restore) == ("STANDARD", None)
    assert peer.call(operation.GetObject(space, "k")).body == LARGE


def test_the_times_of_a_restore_are_options(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--restore-seconds", "100", "--restored-seconds", "5") as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "k", storage_class="ARCHIVE"), SMALL)
        peer.do(operation.RestoreObject(space, "k"))
        assert peer.do(operation.ListFiles(space)).files[0].restore == "Restoring"
        assert peer.call(operation.GetObject(space, "k")).refusal() == FROZEN


# Tags


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
def test_tags_are_put_read_replaced_and_deleted(peer: Peer, space: str, suffix: str | None) -> None:
    tags = (("a b", "+-=._:/@"), ("视频", ""))
    peer.do(operation.PutObject(space, "k"), SMALL)
    assert peer.do(operation.GetTags(space, "k"), suffix=suffix).tags == ()
    before = peer.do(operation.HeadObject(space, "k"))
    peer.do(operation.PutTags(space, "k", (("x", "y"),)), suffix=suffix)
    peer.do(operation.PutTags(space, "k", tags), suffix=suffix)
    got = peer.call(operation.GetTags(space, "k"), suffix=suffix)
    assert got.header("Content-Type") == "application/json"
    assert got.json() == {"Tags": [{"Key": key, "Value": value} for key, value in tags]}
    assert peer.do(operation.HeadObject(space, "k")) == before
    peer.do(operation.DeleteTags(space, "k"), suffix=suffix)
    assert peer.do(operation.GetTags(space, "k")).tags == ()
    assert peer.call(operation.GetObject(space, "k")).body == SMALL
    for op in (
        operation.PutTags(space, "none", tags),
        operation.GetTags(space, "none"),
        operation.DeleteTags(space, "none"),
    ):
        assert peer.call(op).refusal() == ABSENT


def test_tags_beyond_the_limits_change_nothing(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), SMALL)
    most = tuple((f"{number:0128}", "v" * 256) for number in range(10))
    peer.do(operation.PutTags(space, "k", most))
    for tags in (
        (*most, ("k", "v")),
        (("k" * 129, "v"),),
        (("k", "v" * 257),),
        (("", "v"),),
        (("k", "a,b"),),
        (("k", "a\nb"),),
        (("k", "a"), ("k", "b")),
    ):
        assert peer.call(operation.PutTags(space, "k", tags)).refusal()[:2] == (400, -148660)
    for body in (b"", b"{", b"{}", b"null", b'{"Tags":{}}', b'{"Tags":[{"Key":"a"}]}', b'{"Tags":[[]]}'):
        assert peer.ask("PUT", space, "/k?tagging", "k", body=body).refusal()[:2] == (400, -148660)
    assert peer.do(operation.GetTags(space, "k")).tags == most


def test_an_overwrite_drops_tags_and_acl(peer: Peer, space: str) -> None:
    for put in (
        lambda: peer.do(operation.PutObject(space, "k"), SMALL),
        lambda: peer.do(operation.PutObject(space, "k"), LARGE),
        lambda: peer.upload(space, "k", LARGE),
    ):
        peer.do(operation.PutObject(space, "k", acl="public-read"), SMALL)
        peer.do(operation.PutTags(space, "k", (("a", "b"),)))
        put()
        assert peer.do(operation.GetTags(space, "k")).tags == ()
        assert peer.do(operation.GetAcl(space, "k")).grant == "default"
        assert peer.send("GET", "/k", host=f"{space}.localhost").status == 401


def test_changes_at_once_undo_no_other(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), LARGE)
    changes: tuple[Any, ...] = (
        operation.SetMime(space, "k", "text/x"),
        operation.PutTags(space, "k", (("a", "b"),)),
        operation.PutAcl(space, "k", "public-read"),
        operation.SwitchClass(space, "k", "IA"),
    )
    threads = [threading.Thread(target=peer.do, args=(op,)) for op in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience.SECONDS)
    info = peer.do(operation.HeadObject(space, "k"))
    assert (info.mime, info.storage_class, info.etag) == ("text/x", "IA", ufile_etag(LARGE))
    assert peer.do(operation.GetTags(space, "k")).tags == (("a", "b"),)
    assert peer.do(operation.GetAcl(space, "k")).grant == "public-read"


# ACL


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
def test_anybody_reads_one_public_object_of_a_private_space(peer: Peer, space: str, suffix: str | None) -> None:
    host = f"{space}.localhost"
    for key in ("k", "other"):
        peer.do(operation.PutObject(space, key), SMALL)
    assert peer.send("GET", "/k", host=host).status == 401
    assert peer.call(operation.PutAcl(space, "k", "public-read"), suffix=suffix).status == 200
    got = peer.call(operation.GetAcl(space, "k"), suffix=suffix).json()
    assert got["AccessControlList"] == {"Grant": "public-read"}
    assert set(got["Owner"]) == {"ID", "DisplayName"}
    got = peer.send("GET", "/k", [("Range", "bytes=0-4")], host=host)
    assert (got.status, got.body) == (206, SMALL[:5])
    assert peer.send("HEAD", "/k", host=host).status == 200
    assert peer.send("GET", "/k", [("Bucket", space)]).body == SMALL
    for method, target in (
        ("GET", "/other"),
        ("HEAD", "/other"),
        ("GET", "/none"),
        ("GET", "/k?acl"),
        ("GET", "/k?ACL="),
        ("GET", "/k?tagging"),
        ("GET", "/?list"),
        ("PUT", "/k"),
        ("PUT", "/k?acl"),
        ("DELETE", "/k"),
        ("POST", "/k?uploads"),
    ):
        got = peer.send(method, target, host=host)
        assert got.status == 401, (method, target)
    wrong = [("Authorization", f"UCloud {peer.credentials.public_key}:A")]
    assert peer.send("GET", "/k", wrong, host=host).refusal()[:2] == (401, -148658)
    assert peer.call(operation.PutAcl(space, "k", "default")).status == 200
    assert peer.send("GET", "/k", host=host).status == 401
    assert peer.call(operation.PutAcl(space, "none", "default")).refusal() == ABSENT
    assert peer.call(operation.GetAcl(space, "none")).refusal() == ABSENT


def test_who_reads_a_public_space_does_not_read_its_acls(peer: Peer, public: str) -> None:
    peer.do(operation.PutObject(public, "k"), SMALL)
    host = f"{public}.localhost"
    assert peer.send("GET", "/k", host=host).body == SMALL
    for query in ("acl", "tagging", "acl=", "Tagging"):
        assert peer.send("GET", f"/k?{query}", host=host).refusal()[0] == 401


def test_the_acl_comes_with_the_object(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k", acl="public-read"), LARGE)
    assert peer.send("GET", "/k", host=f"{space}.localhost").body == LARGE
    wrong = [("x-ufile-object-acl", "private")]
    assert peer.ask("PUT", space, "/k", "k", wrong, b"x").refusal()[:2] == (400, -148660)
    assert peer.ask("PUT", space, "/k?acl", "k", wrong).refusal()[:2] == (400, -148660)
    assert peer.do(operation.GetAcl(space, "k")).grant == "public-read"


# Signed URLs


def test_a_signed_url_reaches_no_further_than_its_key(peer: Peer, space: str) -> None:
    host = f"{space}.localhost"
    for key in ("k", "secret"):
        peer.do(operation.PutObject(space, key), SMALL)

    def signed(method: str) -> str:
        return signature.signed_query(peer.credentials, method, space, "k", 4_000_000_000)

    for method, query, more in (
        ("PUT", "", ("X-Ufile-Copy-Source", f"/{space}/secret")),
        ("PUT", "&uploadId=u&partNumber=0", ("X-Ufile-Copy-Source", f"/{space}/secret")),
        ("PUT", "&newFileName=secret&force=true", ("A", "b")),
        ("PUT", "&storageClass=ARCHIVE", ("A", "b")),
        ("PUT", "&restore", ("A", "b")),
        ("PUT", "&append&position=1000", ("A", "b")),
        ("PUT", "&tagging", ("A", "b")),
        ("PUT", "&acl", ("x-ufile-object-acl", "public-read")),
        ("GET", "&acl", ("A", "b")),
        ("GET", "&tagging", ("A", "b")),
        ("DELETE", "&tagging", ("A", "b")),
        ("POST", "&opmeta", ("A", "b")),
    ):
        got = peer.send(method, f"/k?{signed(method)}{query}", [more], host=host)
        assert got.refusal()[:2] == (403, -148658) and "not with a signed URL" in got.refusal()[2], query
    for key in ("k", "secret"):
        assert peer.call(operation.GetObject(space, key)).body == SMALL
    assert peer.send("GET", "/k?" + signed("GET"), host=host).body == SMALL
    assert peer.send("PUT", "/k?" + signed("PUT"), body=b"new", host=host).status == 200
    assert peer.send("POST", "/k?uploads&" + signed("POST"), host=host).status == 200
    assert peer.send("DELETE", "/k?" + signed("DELETE"), host=host).status == 204


# Append


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
def test_an_object_grows(peer: Peer, space: str, suffix: str | None) -> None:
    whole = b""
    pieces = (SMALL, b"", pattern(INLINE - 1000), b"x", pattern(BLOCK), pattern(5 * MIB + 3), b"y")
    for number, piece in enumerate(pieces):
        op = operation.AppendObject(space, "k", len(whole), "video/mp4" if not number else "text/x", None, "IA")
        whole += piece
        assert peer.do(op, piece, suffix=suffix).etag == ufile_etag(whole)
        info = peer.do(operation.HeadObject(space, "k"))
        assert (info.size, info.etag, info.mime, info.storage_class) == (
            len(whole),
            ufile_etag(whole),
            "video/mp4",
            "IA",
        )
    assert peer.call(operation.GetObject(space, "k")).body == whole


def test_an_append_keeps_what_the_object_has(app_and_folder: tuple[Running, Path]) -> None:
    app, folder = app_and_folder
    peer = Peer(app)
    space = peer.space()
    peer.do(operation.PutObject(space, "k", "video/mp4", metadata=(("a", "1"),), acl="public-read"), LARGE)
    peer.do(operation.PutTags(space, "k", (("a", "b"),)))
    created = peer.do(operation.HeadObject(space, "k")).created
    peer.do(operation.CopyObject(space, "copy", space, "k"))
    peer.do(operation.AppendObject(space, "k", len(LARGE)), b"more")
    info = peer.do(operation.HeadObject(space, "k"))
    assert (info.mime, info.metadata, info.created) == ("video/mp4", (("a", "1"),), created)
    assert peer.do(operation.GetTags(space, "k")).tags == (("a", "b"),)
    assert peer.do(operation.GetAcl(space, "k")).grant == "public-read"
    assert peer.call(operation.GetObject(space, "k")).body == LARGE + b"more"
    assert peer.call(operation.GetObject(space, "copy")).body == LARGE
    peer.do(operation.DeleteObject(space, "copy"))
    assert len([path for path in folder.glob("blobs/*/*")]) == 1


@pytest.fixture
def app_and_folder(tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    with running(tmp_path) as started:
        yield started, tmp_path


def test_the_position_must_be_the_end(app_and_folder: tuple[Running, Path]) -> None:
    app, folder = app_and_folder
    peer = Peer(app)
    space = peer.space()
    for position in (1, 2**40):
        got = peer.call(operation.AppendObject(space, "k", position), SMALL).refusal()
        assert got == (400, -148660, f"position is {position}, but the object ends at 0")
    assert peer.do(operation.ListObjects(space)).objects == ()
    for data in (SMALL, LARGE):
        peer.do(operation.PutObject(space, "k"), data)
        for position in (0, len(data) - 1, len(data) + 1):
            body = LARGE[: 4 << 20]  # a refused body of more than 8 MiB is not read, and its sender may see a reset
            got = peer.call(operation.AppendObject(space, "k", position), body).refusal()
            assert got == (400, -148660, f"position is {position}, but the object ends at {len(data)}")
        wrong = operation.AppendObject(space, "k", len(data), md5="0" * 32)
        assert peer.call(wrong, LARGE).refusal()[:2] == (400, -148660)
        assert peer.call(operation.GetObject(space, "k")).body == data
    assert len(list(folder.glob("blobs/*/*"))) == 1
    assert list(folder.glob("incoming/*")) == []
    got = peer.ask("PUT", space, "/k?append&position=x", "k", body=b"x").refusal()
    assert got[:2] == (400, -148660)


def test_a_broken_append_leaves_the_object(app_and_folder: tuple[Running, Path]) -> None:
    app, folder = app_and_folder
    peer = Peer(app)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), LARGE)
    target = f"/k?append&position={len(LARGE)}"
    pairs = [("Host", f"{space}.localhost"), ("Authorization", peer.signed("PUT", space, "k"))]
    with connect(app.port) as sock:
        sock.sendall(head("PUT", target, [*pairs, ("Content-Length", "5000000")]) + LARGE[:100000])
    with connect(app.port) as sock:
        body = chunked(b"ab", b"c")
        sock.sendall(head("PUT", target, [*pairs, ("Transfer-Encoding", "chunked")]) + body)
        assert receive(sock, "PUT").status == 200
    assert peer.call(operation.GetObject(space, "k")).body == LARGE + b"abc"


def test_of_two_appends_at_one_position_one_is_refused(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), SMALL)
    for key, old in (("k", SMALL), ("new", b"")):
        answers: list[Any] = []
        pieces = [bytes([number]) * 100_000 for number in range(4)]

        def add(piece: bytes, key: str = key, old: bytes = old, answers: list[Any] = answers) -> None:
            answers.append((peer.call(operation.AppendObject(space, key, len(old)), piece), piece))

        threads = [threading.Thread(target=add, args=(piece,)) for piece in pieces]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(patience.SECONDS)
        stored = [piece for got, piece in answers if got.status == 200]
        refused = {got.refusal() for got, _ in answers if got.status != 200}
        end = len(old) + 100_000
        assert refused == {(400, -148660, f"position is {len(old)}, but the object ends at {end}")}
        assert len(stored) == 1
        assert peer.call(operation.GetObject(space, key)).body == old + stored[0]


def test_what_java_sends_for_an_append_is_a_key(peer: Peer, space: str) -> None:
    key = "app?append&position=0"
    assert peer.ask("PUT", space, "/app%3Fappend%26position%3D0", key, body=b"x").status == 200
    assert peer.call(operation.GetObject(space, key)).body == b"x"
    with pytest.raises(errors.NotFound):
        peer.do(operation.HeadObject(space, "app"))
