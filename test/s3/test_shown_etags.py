"""Which ETag S3 shows of an object that UFile wrote, and that all its answers agree."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from test.patience import SECONDS
from test.s3.s3_server import S3Server, start_s3_server
from test.server.inprocess import running
from test.server.wire import MIB, Peer, pattern
from ucloud.uvideo.protocol import etag as ufile
from ucloud.uvideo.protocol import operation
from uvideo.s3.etag import EMPTY, from_ufile
from uvideo.storage.base import Catalog, Unreachable
from uvideo.storage.wrapper import Wrapper, wrapped

SMALL, LARGE = pattern(1000), pattern(5 * MIB)


@dataclass(frozen=True)
class World:
    made: S3Server
    peer: Peer
    s3: Any
    bucket: str

    def shown(self, key: str) -> str:
        """The ETag of an object, without quotes: the same in every answer of S3."""
        here = {"Bucket": self.bucket, "Key": key}
        listed = {"Bucket": self.bucket, "Prefix": key}
        (first,), (second,) = (call(**listed)["Contents"] for call in (self.s3.list_objects, self.s3.list_objects_v2))
        (version,) = self.s3.list_object_versions(**listed)["Versions"]
        attributes = self.s3.get_object_attributes(ObjectAttributes=["ETag"], **here)
        found = {each["ETag"] for each in (first, second, version)}
        found |= {self.s3.head_object(**here)["ETag"], self.s3.get_object(**here)["ETag"], f'"{attributes["ETag"]}"'}
        assert len(found) == 1, found
        assert self.s3.get_object(IfMatch=found.copy().pop(), **here)["ETag"] in found
        return found.pop().strip('"')

    def put(self, key: str, data: bytes, **more: Any) -> Any:
        return self.peer.do(operation.PutObject(self.bucket, key, **more), data)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with start_s3_server(tmp_path_factory.mktemp("etags")) as made:
        s3 = made.client()
        s3.create_bucket(Bucket="shown")
        yield World(made, Peer(made.server), s3, "shown")


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def dashed(data: bytes) -> str:
    tree = ufile.Etag()
    tree.update(data)
    return from_ufile(tree.value())


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_a_put_with_a_content_md5_has_it_as_its_etag(world: World, data: bytes) -> None:
    key = f"with-md5-{len(data)}"
    stored = world.put(key, data, md5=md5(data))
    assert world.shown(key) == md5(data)
    assert ufile.same(stored.etag, world.peer.do(operation.HeadObject(world.bucket, key)).etag, len(data))
    assert from_ufile(stored.etag) == dashed(data)


@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_a_put_without_one_has_the_form_with_a_dash(world: World, data: bytes) -> None:
    key = f"without-md5-{len(data)}"
    world.put(key, data)
    assert world.shown(key) == (dashed(data) if data else EMPTY)


def test_other_uploads_of_ufile_have_the_form_with_a_dash(world: World) -> None:
    stored = world.peer.upload(world.bucket, "in-parts", LARGE)
    assert world.shown("in-parts") == from_ufile(stored.etag) == dashed(LARGE)
    first = operation.AppendObject(world.bucket, "appended", 0, md5=md5(SMALL))
    world.peer.do(first, SMALL)
    assert world.shown("appended") == dashed(SMALL)
    world.put("put-and-appended", SMALL, md5=md5(SMALL))
    world.peer.do(operation.AppendObject(world.bucket, "put-and-appended", len(SMALL)), SMALL)
    assert world.shown("put-and-appended") == dashed(SMALL + SMALL)
    world.peer.do(operation.UploadHit(world.bucket, "hit", stored.etag, len(LARGE)))
    assert world.shown("hit") == dashed(LARGE)


def test_what_keeps_the_bytes_keeps_the_etag(world: World) -> None:
    bucket, peer, s3 = world.bucket, world.peer, world.s3
    world.put("source", SMALL, md5=md5(SMALL))
    peer.do(operation.CopyObject(bucket, "by-ufile", bucket, "source"))
    s3.copy_object(Bucket=bucket, Key="by-s3", CopySource=f"{bucket}/source")
    peer.do(operation.CopyObject(bucket, "renamed-later", bucket, "source"))
    peer.do(operation.RenameObject(bucket, "renamed-later", "renamed"))
    peer.do(operation.CopyObject(bucket, "changed", bucket, "source"))
    peer.do(operation.PutTags(bucket, "changed", (("a", "1"),)))
    peer.do(operation.SetMime(bucket, "changed", "text/x"))
    peer.do(operation.SwitchClass(bucket, "changed", "IA"))
    for key in ("by-ufile", "by-s3", "renamed", "changed"):
        assert world.shown(key) == md5(SMALL), key
    peer.upload(bucket, "parts", LARGE)
    s3.copy_object(Bucket=bucket, Key="parts-by-s3", CopySource=f"{bucket}/parts")
    peer.do(operation.CopyObject(bucket, "parts-by-ufile", bucket, "parts"))
    for key in ("parts-by-s3", "parts-by-ufile"):
        assert world.shown(key) == dashed(LARGE), key
    world.put("source", LARGE)  # other bytes, and no MD5
    assert world.shown("source") == dashed(LARGE)


def test_while_an_older_program_may_run_no_md5_is_stored(tmp_path: Path) -> None:
    """It could not read the row."""
    with start_s3_server(tmp_path) as made:
        made.client().create_bucket(Bucket="shown")
        world = World(made, Peer(made.server), made.client(), "shown")

        def set_oldest(schema: int) -> None:
            with contextlib.closing(sqlite3.connect(tmp_path / "catalog.db", timeout=SECONDS)) as catalog:
                catalog.execute("UPDATE oldest SET schema = ?", (schema,))
                catalog.commit()

        with contextlib.closing(sqlite3.connect(tmp_path / "catalog.db")) as catalog:
            ((present,),) = catalog.execute("SELECT schema FROM oldest").fetchall()
        set_oldest(6)
        world.put("before", SMALL, md5=md5(SMALL))
        assert world.shown("before") == dashed(SMALL)
        set_oldest(present)
        world.put("after", SMALL, md5=md5(SMALL))
        assert world.shown("after") == md5(SMALL)
        assert world.shown("before") == dashed(SMALL)


class Away(Wrapper[Catalog], Catalog):
    async def oldest_program(self) -> int:
        raise Unreachable("the database is away")


def test_if_the_catalog_does_not_answer_no_bytes_are_left(tmp_path: Path) -> None:
    with running(tmp_path) as made:
        peer = Peer(made)
        space, data = peer.space(), SMALL * 100
        made.service.catalog = wrapped(Away, made.service.catalog)
        assert peer.call(operation.PutObject(space, "k", md5=md5(data)), data).status == 503
        assert [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size == len(data)] == []
        assert peer.call(operation.PutObject(space, "k"), data).status == 200
        assert len([path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size == len(data)]) == 1
