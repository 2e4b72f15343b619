"""Copies, part copies, hits and renames: bytes that are there get another name, and none are copied."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from test import patience
from test.patience import until
from test.server.inprocess import Running, running
from test.server.wire import BLOCK, MIB, Answer, Peer, pattern
from ucloud.uvideo.protocol import errors, etag, operation, signature
from ucloud.uvideo.protocol.byterange import ByteRange
from ucloud.uvideo.protocol.compat import quote_path
from uvideo.server.auth.credentials import Key

FILM = "视频/a b+c%25.mp4"
FOREIGN = Key("foreign@example.com", "another key", "another")
SMALL, LARGE = pattern(1000), pattern(9 * MIB + 5)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, more=(FOREIGN,)) as started:
        yield started


def files(folder: Path) -> dict[str, int]:
    """Name and inode of every file that holds bulk bytes."""
    return {str(path): path.stat().st_ino for path in folder.glob("*/**/*") if path.is_file()}


def copied(peer: Peer, space: str, source: str | bytes, *more: tuple[str, str], key: str = "copy") -> Answer:
    """A copy whose source header is exactly this."""
    authorization = ("Authorization", peer.signed("PUT", space, key, more))
    headers = [("X-Ufile-Copy-Source", source), *more, authorization]
    return peer.send("PUT", "/" + quote_path(key), headers, b"{}", host=f"{space}.localhost")


# Copy


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
@pytest.mark.parametrize("data", (b"", SMALL, LARGE), ids=len)
def test_a_copy_has_everything_of_its_source(peer: Peer, space: str, data: bytes, suffix: str | None) -> None:
    kept = (("Cache-Control", "no-cache"),)
    put = operation.PutObject(space, FILM, "video/mp4", None, "IA", (("author", "王"),), kept)
    stored = peer.do(put, data)
    peer.do(operation.PutTags(space, FILM, (("a", "b"),)))
    assert peer.do(operation.CopyObject(space, "copy", space, FILM), suffix=suffix) == stored
    got = peer.call(operation.GetObject(space, "copy"))
    assert got.body == data
    info = peer.do(operation.HeadObject(space, "copy"))
    assert (info.mime, info.metadata, info.headers) == ("video/mp4", (("author", "王"),), kept)
    assert (info.size, info.etag, info.storage_class) == (len(data), stored.etag, "STANDARD")
    assert peer.do(operation.GetTags(space, "copy")).tags == (("a", "b"),)
    peer.do(operation.DeleteObject(space, FILM))
    assert peer.call(operation.GetObject(space, "copy")).body == data


def test_no_bytes_are_copied(app: Running, tmp_path: Path) -> None:
    peer = Peer(app)
    space, other = peer.space(), peer.space()
    hashed = peer.do(operation.PutObject(space, "k"), LARGE).etag
    before = files(tmp_path)
    assert len(before) == 1
    peer.do(operation.CopyObject(other, "copy", space, "k"))
    peer.do(operation.UploadHit(other, "hit", hashed, len(LARGE)))
    peer.do(operation.RenameObject(space, "k", "renamed"))
    assert files(tmp_path) == before
    for where, key in ((other, "copy"), (other, "hit"), (space, "renamed")):
        assert peer.call(operation.GetObject(where, key)).body == LARGE
    for where, key in ((space, "renamed"), (other, "copy")):
        peer.do(operation.DeleteObject(where, key))
        assert files(tmp_path) == before
    peer.do(operation.DeleteObject(other, "hit"))
    assert files(tmp_path) == {}


def test_every_spelling_of_a_source(peer: Peer, space: str) -> None:
    for key, source in (
        (FILM, quote_path(FILM)),
        (FILM, quote_path(FILM).replace("/", "%2F").replace("+", "%2B")),
        ("视频/a b.mp4", "视频/a b.mp4".encode()),
        ("视频/a b.mp4", "视频/a%20b.mp4".encode()),
        ("100%.txt", "100%.txt"),
        ("100%.txt", "100%25.txt"),
        ("raw%20name", "raw%20name"),  # there is no "raw name"
        ("/leading", "/leading"),
        ("a//b/../c", "a//b/../c"),
    ):
        data = key.encode() + b" as it is"
        peer.do(operation.PutObject(space, key), data)
        value = source if isinstance(source, bytes) else source.encode()
        assert copied(peer, space, f"/{space}/".encode() + value).status == 200, source
        assert peer.call(operation.GetObject(space, "copy")).body == data
        peer.do(operation.DeleteObject(space, "copy"))
        peer.do(operation.DeleteObject(space, key))


def test_the_decoded_spelling_comes_first(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "a%20b"), b"verbatim")
    peer.do(operation.PutObject(space, "a b"), b"decoded")
    assert copied(peer, space, f"/{space}/a%20b").status == 200
    assert peer.call(operation.GetObject(space, "copy")).body == b"decoded"


def test_the_body_is_never_stored(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), b"old")
    assert copied(peer, space, f"/{space}/k").body == b""
    assert peer.call(operation.GetObject(space, "copy")).body == b"old"


def test_sources_that_are_not_there(peer: Peer, space: str) -> None:
    assert copied(peer, space, f"/{space}/none").refusal() == (404, -148654, "file not exist")
    assert copied(peer, space, "/no-such-space/none").refusal() == (400, -30010, "bucket not exist")
    assert peer.do(operation.ListObjects(space)).objects == ()


def test_replace_takes_what_the_request_says(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k", "video/mp4", metadata=(("a", "1"),), headers=(("Expires", "0"),)), SMALL)
    peer.do(operation.PutTags(space, "k", (("a", "b"),)))
    kept = (("Content-Language", "zh"),)
    peer.do(operation.CopyObject(space, "new", space, "k", "REPLACE", "IA", (("b", "2"),), "text/x", kept))
    info = peer.do(operation.HeadObject(space, "new"))
    assert (info.mime, info.metadata, info.headers, info.storage_class) == ("text/x", (("b", "2"),), kept, "IA")
    assert peer.do(operation.GetTags(space, "new")).tags == ()
    assert peer.do(operation.HeadObject(space, "k")).mime == "video/mp4"


def test_a_copy_onto_itself_changes_the_metadata(app: Running, tmp_path: Path) -> None:
    peer = Peer(app)
    space = peer.space()
    for key, data in (("small", SMALL), ("large", LARGE)):
        peer.do(operation.PutObject(space, key, "video/mp4", storage_class="IA"), data)
        peer.do(operation.PutTags(space, key, (("a", "b"),)))
        peer.do(operation.PutAcl(space, key, "public-read"))
        before = files(tmp_path)
        peer.do(operation.CopyObject(space, key, space, key, "REPLACE", metadata=(("b", "2"),), mime="text/x"))
        info = peer.do(operation.HeadObject(space, key))
        assert (info.mime, info.metadata, info.storage_class) == ("text/x", (("b", "2"),), "IA")
        assert peer.do(operation.GetTags(space, key)).tags == (("a", "b"),)
        assert peer.do(operation.GetAcl(space, key)).grant == "public-read"
        assert peer.call(operation.GetObject(space, key)).body == data
        assert files(tmp_path) == before


def test_a_copy_replaces_its_target_and_frees_its_bytes(app: Running, tmp_path: Path) -> None:
    peer = Peer(app)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), LARGE)
    peer.do(operation.PutObject(space, "old"), LARGE + b"x")
    peer.do(operation.PutTags(space, "old", (("a", "b"),)))
    assert len(files(tmp_path)) == 2
    peer.do(operation.CopyObject(space, "old", space, "k"))
    assert len(files(tmp_path)) == 1
    assert peer.call(operation.GetObject(space, "old")).body == LARGE
    assert peer.do(operation.GetTags(space, "old")).tags == ()


def test_who_may_read_a_source(app: Running) -> None:
    mine, foreign = Peer(app), Peer(replace(app, public_key=FOREIGN.public, private_key=FOREIGN.private))
    space, private, public = mine.space(), foreign.space(), foreign.space("public")
    foreign.do(operation.PutObject(private, "k"), SMALL)
    foreign.do(operation.PutObject(public, "k"), SMALL)
    for key in ("k", "none"):  # not even whether it is there
        with pytest.raises(errors.AccessDenied):
            mine.do(operation.CopyObject(space, "copy", private, key))
    mine.do(operation.CopyObject(space, "copy", public, "k"))
    with pytest.raises(errors.NotFound):
        mine.do(operation.CopyObject(space, "copy", public, "none"))
    foreign.do(operation.PutAcl(private, "k", "public-read"))
    mine.do(operation.CopyObject(space, "copy", private, "k"))
    assert mine.call(operation.GetObject(space, "copy")).body == SMALL
    assert mine.do(operation.GetAcl(space, "copy")).grant == "default"
    upload = mine.do(operation.InitiateUpload(space, "m")).upload_id
    foreign.do(operation.PutAcl(private, "k", "default"))
    with pytest.raises(errors.AccessDenied):
        mine.do(operation.CopyPart(space, "m", upload, 0, private, "k"))


def test_copies_while_the_source_changes_have_one_version(peer: Peer, space: str) -> None:
    versions = [bytes([number]) * (20000 + number) for number in range(8)]
    etags = {peer.do(operation.PutObject(space, "k"), version).etag for version in versions}
    wrong: list[Any] = []

    def write() -> None:
        for version in versions:
            peer.do(operation.PutObject(space, "k"), version)

    def copy(name: str) -> None:
        for _ in range(8):
            stored = peer.do(operation.CopyObject(space, name, space, "k"))
            got = peer.call(operation.GetObject(space, name))
            if got.body not in versions or stored.etag not in etags or f'"{stored.etag}"' != got.header("ETag"):
                wrong.append(got)

    threads = [threading.Thread(target=write)] + [threading.Thread(target=copy, args=(f"c{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience.SECONDS)
    assert wrong == []


# Part copy


def test_parts_of_another_object(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, FILM, "video/mp4"), LARGE)
    upload = peer.do(operation.InitiateUpload(space, "k", "text/plain")).upload_id
    etags = []
    for number, first in enumerate(range(0, len(LARGE), BLOCK)):
        last = min(first + BLOCK, len(LARGE)) - 1
        op = operation.CopyPart(space, "k", upload, number, space, FILM, ByteRange(first, last))
        for _ in range(2):  # the same bytes again
            part = peer.do(op)
            assert part[2:] == (first, last - first + 1, len(LARGE))
        assert part.etag == etag.part_etag(hashlib.sha1(LARGE[first : last + 1]).digest())
        etags.append(part.etag)
    with pytest.raises(errors.PartExists):
        peer.do(operation.CopyPart(space, "k", upload, 0, space, FILM, ByteRange(1, 5)))
    assert len(peer.do(operation.ListParts(space, upload)).parts) == 3
    finished = peer.do(operation.FinishUpload(space, "k", upload, tuple(etags)))
    got = peer.call(operation.GetObject(space, "k"))
    assert got.body == LARGE
    assert (got.header("Content-Type"), finished.etag) == ("video/mp4", peer.do(operation.HeadObject(space, FILM)).etag)


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
def test_a_part_of_a_whole_object_and_of_an_inline_one(peer: Peer, space: str, suffix: str | None) -> None:
    peer.do(operation.PutObject(space, "small"), SMALL)
    upload = peer.do(operation.InitiateUpload(space, "k")).upload_id
    part = peer.do(operation.CopyPart(space, "k", upload, 0, space, "small"), suffix=suffix)
    assert part[2:] == (0, 1000, 1000)
    got = peer.call(operation.CopyPart(space, "k", upload, 1, space, "small", ByteRange(990, 999)), suffix=suffix)
    name = etag.part_etag(hashlib.sha1(SMALL[990:]).digest())
    assert (got.header("Content-Range"), got.json()) == ("bytes 990-999/1000", {"PartNumber": 1, "ETag": name})
    peer.do(operation.AbortUpload(space, "k", upload))


def test_ranges_that_are_not_there(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "k"), SMALL)
    peer.do(operation.PutObject(space, "empty"), b"")
    peer.do(operation.PutObject(space, "large"), LARGE)
    upload = peer.do(operation.InitiateUpload(space, "m")).upload_id
    target, source = f"/m?uploadId={upload}&partNumber=0", ("X-Ufile-Copy-Source", f"/{space}/k")
    invalid = (419, -148660, "invalid copy range")
    for value in (
        "bytes=1000-1000",
        "bytes=1000-1001",
        "bytes=9223372036854775807-9223372036854775807",
        "bytes=5-4",
        "bytes=0-",
        "bytes=-5",
        "0-5",
        "x",
        "",
        "bytes=0-1,3-4",
    ):
        headers = [source, ("X-Ufile-Copy-Source-Range", value)]
        assert peer.ask("PUT", space, target, "m", headers, b"{}").refusal() == invalid, value
    assert peer.call(operation.CopyPart(space, "m", upload, 0, space, "empty")).refusal() == invalid
    for wanted in (None, ByteRange(0, BLOCK)):
        with pytest.raises(errors.BadRequest, match="larger than block size"):
            peer.do(operation.CopyPart(space, "m", upload, 0, space, "large", wanted))
    with pytest.raises(errors.NotFound):
        peer.do(operation.CopyPart(space, "m", upload, 0, space, "none"))
    with pytest.raises(errors.UploadNotFound):
        peer.do(operation.CopyPart(space, "m", "none", 0, space, "k"))
    assert peer.do(operation.ListParts(space, upload)).parts == ()


@pytest.mark.parametrize("last", (len(SMALL) - 1, len(SMALL), len(SMALL) + BLOCK, 2**63 - 1))
def test_a_range_ends_with_its_source(peer: Peer, space: str, last: int) -> None:
    peer.do(operation.PutObject(space, "k"), SMALL)
    upload = peer.do(operation.InitiateUpload(space, "m")).upload_id
    got = peer.call(operation.CopyPart(space, "m", upload, 0, space, "k", ByteRange(1, last)))
    name = etag.part_etag(hashlib.sha1(SMALL[1:]).digest())
    assert (got.status, got.json()) == (200, {"PartNumber": 0, "ETag": name})
    assert got.header("ETag") == f'"{name}"' and got.header("Content-Range") == f"bytes 1-{len(SMALL) - 1}/{len(SMALL)}"
    peer.do(operation.FinishUpload(space, "m", upload, (name,)))
    assert peer.call(operation.GetObject(space, "m")).body == SMALL[1:]


@pytest.mark.parametrize("key", ("k", "a  b"))
def test_java_signs_the_source_of_a_part(peer: Peer, space: str, key: str) -> None:
    peer.do(operation.PutObject(space, key), SMALL)
    upload = peer.do(operation.InitiateUpload(space, "m")).upload_id
    pairs = [("X-Ufile-Copy-Source", f"/{space}/{key}"), ("X-Ufile-Copy-Source-Range", "bytes=0-9")]
    lines = "".join(f"{name.lower()}:{value}\n" for name, value in pairs)
    text = signature.string_to_sign("PUT", space, "m", canonical=lines)
    signed = signature.sign(peer.credentials.private_key, text)
    pairs.append(("Authorization", f"UCloud {peer.credentials.public_key}:{signed}"))
    got = peer.send("PUT", f"/m?uploadId={upload}&partNumber=0", pairs, b"{}", host=f"{space}.localhost")
    assert (got.status, got.header("Content-Range")) == (200, "bytes 0-9/1000")


# UploadHit


@pytest.mark.parametrize("data", (b"", SMALL, LARGE), ids=len)
def test_a_hit_makes_an_object_of_known_content(peer: Peer, space: str, data: bytes) -> None:
    hashed = peer.do(operation.PutObject(space, "k", "video/mp4"), data).etag
    assert peer.do(operation.UploadHit(space, FILM, hashed, len(data))) == operation.Stored(hashed)
    got = peer.call(operation.GetObject(space, FILM))
    assert (got.body, got.header("Content-Type")) == (data, "application/octet-stream")
    peer.do(operation.UploadHit(space, "typed", hashed, len(data), "text/x"))
    assert peer.do(operation.HeadObject(space, "typed")).mime == "text/x"


def test_what_is_no_hit(app: Running) -> None:
    mine, foreign = Peer(app), Peer(replace(app, public_key=FOREIGN.public, private_key=FOREIGN.private))
    space, other = mine.space(), foreign.space("public")
    hashed = foreign.do(operation.PutObject(other, "k"), SMALL).etag
    absent = (404, -148654, "file not exist")
    assert mine.call(operation.UploadHit(space, "hit", hashed, len(SMALL))).refusal() == absent  # another's
    mine.do(operation.PutObject(space, "k", storage_class="ARCHIVE"), SMALL)
    assert mine.call(operation.UploadHit(space, "hit", hashed, len(SMALL))).refusal() == absent
    mine.do(operation.PutObject(space, "k"), SMALL)
    assert mine.call(operation.UploadHit(space, "hit", hashed, len(SMALL) + 1)).refusal() == absent
    assert mine.call(operation.UploadHit(space, "hit", "x", len(SMALL))).refusal() == absent
    assert len(mine.do(operation.ListObjects(space)).objects) == 1


def juicefs_hit(peer: Peer, space: str, key: str, name: bytes, hashed: str, size: int) -> Answer:
    """As JuiceFS asks: nothing escaped, signed over the name, and the ETag as HEAD says it."""
    date = ("Date", "Mon, 26 Mar 2007 19:37:58 GMT")
    pairs = [date, ("Authorization", peer.signed("POST", space, key, [date]))]
    target = b"/uploadhit?Hash=%s&FileName=%s&FileSize=%d" % (hashed.encode(), name, size)
    return peer.send("POST", target, pairs, host=f"{space}.localhost")


def test_the_hits_of_juicefs(peer: Peer, space: str) -> None:
    hashed = peer.do(operation.PutObject(space, "k"), SMALL).etag
    for key, name in (
        ("d/b.txt", b"d/b.txt"),
        (FILM, quote_path(FILM).replace("+", "%2B").encode()),
        ("a+b+.txt", b"a+b+.txt"),  # unescaped
        ("a b.txt", b"a+b.txt"),  # form-style, as the old Python SDK
        ("a b.txt", b"a%20b.txt"),
        ("a+b.txt", b"a%2Bb.txt"),
        ("视频", "视频".encode()),  # the bytes as they are
    ):
        for given in (hashed, f'"{hashed}"'):
            got = juicefs_hit(peer, space, key, name, given, len(SMALL))
            assert (got.status, got.body, got.header("ETag")) == (200, b"", f'"{hashed}"'), (key, name)
            assert peer.call(operation.GetObject(space, key)).body == SMALL
            peer.do(operation.DeleteObject(space, key))
    assert len(peer.do(operation.ListObjects(space)).objects) == 1
    for key, name in (("uploadhit", b"other"), ("a", b"b"), ("a%41", b"a%41")):  # signed over another name
        assert juicefs_hit(peer, space, key, name, hashed, len(SMALL)).status == 401
    # No request target at all; JuiceFS then reads and writes the bytes itself.
    assert juicefs_hit(peer, space, "100%", b"100%", hashed, len(SMALL)).status == 400
    assert len(peer.do(operation.ListObjects(space)).objects) == 1


def test_an_object_called_uploadhit(peer: Peer, space: str) -> None:
    peer.do(operation.PutObject(space, "uploadhit"), SMALL)
    assert peer.call(operation.GetObject(space, "uploadhit")).body == SMALL
    assert peer.upload(space, "uploadhit", SMALL).key == "uploadhit"


# Rename


@pytest.mark.parametrize("suffix", (None, ".localhost"), ids=("uvideo", "ufile"))
@pytest.mark.parametrize("data", (SMALL, LARGE), ids=len)
def test_rename_takes_everything_along(peer: Peer, space: str, data: bytes, suffix: str | None) -> None:
    peer.do(operation.PutObject(space, "k", "video/mp4", None, "IA", (("a", "1"),), acl="public-read"), data)
    peer.do(operation.PutTags(space, "k", (("a", "b"),)))
    before = peer.do(operation.HeadObject(space, "k"))
    got = peer.call(operation.RenameObject(space, "k", FILM), suffix=suffix)
    assert (got.status, got.body) == (200, b"")
    assert peer.do(operation.HeadObject(space, FILM))._replace(modified=0) == before._replace(modified=0)
    assert peer.do(operation.GetTags(space, FILM)).tags == (("a", "b"),)
    assert peer.do(operation.GetAcl(space, FILM)).grant == "public-read"
    assert peer.call(operation.GetObject(space, FILM)).body == data
    with pytest.raises(errors.NotFound):
        peer.do(operation.HeadObject(space, "k"))


def test_a_rename_replaces_only_by_force(app: Running, tmp_path: Path) -> None:
    peer = Peer(app)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), LARGE)
    peer.do(operation.PutObject(space, "there"), LARGE + b"x")
    assert peer.call(operation.RenameObject(space, "k", "there")).refusal() == (400, -148660, "file already exist")
    assert peer.call(operation.GetObject(space, "there")).body == LARGE + b"x"
    peer.do(operation.RenameObject(space, "k", "there", True))
    assert peer.call(operation.GetObject(space, "there")).body == LARGE
    assert len(peer.do(operation.ListObjects(space)).objects) == len(files(tmp_path)) == 1
    peer.do(operation.RenameObject(space, "there", "there"))
    for force in (False, True):
        assert peer.call(operation.RenameObject(space, "none", "new", force)).refusal()[0] == 404
    assert peer.ask("PUT", space, "/there?newFileName=%00%2F", "there").status == 200
    assert peer.call(operation.GetObject(space, "\0/")).body == LARGE


# Races, at the service


def test_a_source_that_changes_each_time_ends_as_busy(app: Running) -> None:
    peer = Peer(app)
    space = peer.space()
    peer.do(operation.PutObject(space, "k"), SMALL)
    catalog, put, tries = app.service.catalog, app.service.catalog.put, 0

    async def refuse(record: Any, **how: Any) -> Any:
        nonlocal tries
        tries += 1
        if how.get("source") is not None:
            raise errors.NotFound()
        return await put(record, **how)

    catalog.put = refuse  # type: ignore[method-assign]
    for op in (
        operation.CopyObject(space, "copy", space, "k"),
        operation.UploadHit(space, "hit", peer.do(operation.HeadObject(space, "k")).etag, len(SMALL)),
        operation.SetMime(space, "k", "text/x"),
    ):
        tries = 0
        assert peer.call(op).refusal()[:2] == (503, -148600)
        assert 1 < tries < 100


def test_everything_at_once_leaves_no_name_without_bytes_and_no_bytes_without_name(
    app: Running, tmp_path: Path
) -> None:
    peer = Peer(app)
    space, keys = peer.space(), "abcd"
    bodies = [bytes([number]) * (30000 + number) for number in range(4)]
    etags = [peer.do(operation.PutObject(space, "a"), body).etag for body in bodies]
    wrong: list[Any] = []

    def work(seed: int) -> None:
        choose = random.Random(seed)
        for _ in range(40):
            key, other, number = choose.choice(keys), choose.choice(keys), choose.randrange(4)
            op: Any = choose.choice(
                [
                    operation.PutObject(space, key),
                    operation.AppendObject(space, key, 0),
                    operation.CopyObject(space, key, space, other),
                    operation.RenameObject(space, key, other, True),
                    operation.UploadHit(space, key, etags[number], len(bodies[number])),
                    operation.SetMime(space, key, f"a/b{number}"),
                    operation.DeleteObject(space, key),
                    operation.GetObject(space, key),
                ]
            )
            takes_body = isinstance(op, (operation.PutObject, operation.AppendObject))
            got = peer.call(op, bodies[number] if takes_body else b"")
            if got.status >= 500 or (
                isinstance(op, operation.GetObject) and got.body not in bodies and got.status != 404
            ):
                wrong.append((op, got))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience.SECONDS)
    assert wrong == []
    found = peer.do(operation.ListObjects(space)).objects
    assert all(peer.call(operation.GetObject(space, each.key)).body in bodies for each in found)
    for each in found:
        peer.do(operation.DeleteObject(space, each.key))
    assert files(tmp_path) == {}


class Meanwhile:
    """Blobs between whose lookup and ``open`` something happens: once, by ``action``."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self.action: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def open(self, blob: str) -> Any:
        action, self.action = self.action, None
        if action is not None:
            await asyncio.to_thread(action)
        return await self._blobs.open(blob)


@pytest.mark.parametrize("asked", ["get", "copy", "part", "hit"])
def test_an_object_that_is_replaced_between_its_lookup_and_its_bytes_is_looked_up_again(
    tmp_path: Path, asked: str
) -> None:
    with running(tmp_path, wrap=Meanwhile) as app:
        peer = Peer(app)
        space, blobs = peer.space(), cast(Any, app.service.blobs)
        stored = peer.do(operation.PutObject(space, "key"), LARGE)
        (old,) = files(tmp_path)

        def replace_it() -> None:
            peer.do(operation.PutObject(space, "key"), LARGE[::-1])
            until(lambda: not Path(old).exists())

        upload = peer.do(operation.InitiateUpload(space, "parts")).upload_id
        blobs.action = replace_it
        if asked == "get":
            assert peer.call(operation.GetObject(space, "key")).body == LARGE[::-1]
        elif asked == "copy":
            peer.do(operation.CopyObject(space, "copy", space, "key"))
            assert peer.call(operation.GetObject(space, "copy")).body == LARGE[::-1]
        elif asked == "part":
            made = peer.do(operation.CopyPart(space, "parts", upload, 0, space, "key", ByteRange(0, 99)))
            assert made.etag == etag.part_etag(hashlib.sha1(LARGE[::-1][:100]).digest())
        else:
            assert peer.call(operation.UploadHit(space, "hit", stored.etag, len(LARGE))).status == 404
        assert blobs.action is None
