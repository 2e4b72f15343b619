"""What earlier versions have stored is read by this one, and what they had begun is finished: see make.py."""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.samples import contents
from test.samples.contents import BLOCK, BOOT_MARK, ENDPOINT_MARK, FOLDER_MARK, OBJECTS, PUBLIC, SPACE, film, write
from test.server.test_maintenance import inside, told
from test.server_fixture import Server, start_server
from uvideo import Client, models
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
from uvideo.config.profiles import edit
from uvideo.config.settings import load
from uvideo.transfer.journal import boot

VERSIONS = sorted(path.parent for path in contents.ROOT.glob("*/about.json"))
PARTS = [1, 2, 3]  # those that every upload lacks


def unpacked(archive: Path, folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (folder / "credentials.json").chmod(0o600)
    return folder


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda each: each.name)
def version(request: pytest.FixtureRequest) -> Path:
    """The folder of one version's samples."""
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def server(version: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of now on the folder of then."""
    folder = unpacked(version / "server.tar.xz", tmp_path_factory.mktemp("samples") / "server")
    with start_server(folder, "--no-fsync") as started:
        yield started


@dataclass
class World:
    """``folder``: where the local files lie.  ``state``: the folder of the journal."""

    version: Path
    server: Server
    proxy: FaultProxy
    client: Client
    folder: Path
    state: Path

    def text(self, sample: str, system: str = "the same") -> str:
        """A sample with this machine's values in place of the marks.  ``system``: whether it was started anew since."""
        found = (self.version / sample).read_text()
        for mark, value in (
            (ENDPOINT_MARK, self.proxy.endpoint),
            (FOLDER_MARK, str(self.folder)),
            (BOOT_MARK, str(boot()) if system == "the same" else "another"),
        ):
            found = found.replace(mark, value)
        return found

    def film(self, name: str, of: str | None = None) -> Path:
        return write(self.folder / name, film(of or name))

    def record(self, name: str, *of_download: Any, system: str = "the same") -> str:
        """Put a record into the journal, under the name that it has for this endpoint and folder; its id."""
        text = self.text(f"journal/{name}.jsonl", system)
        first = json.loads(text.splitlines()[0])
        id = contents.record_name(*(first[each] for each in ("endpoint", "space", "key", "path")), *of_download)
        if of_download:
            packed = (self.version / f"journal/{name}.part.xz").read_bytes()
            part = write(self.folder / f".{id}.part", lzma.decompress(packed))
            status = part.stat()
            text = re.sub(r"\.[0-9a-f]{16}\.part", part.name, text)
            text = re.sub(r'"identity": \[.*?\]', f'"identity": [{status.st_dev}, {status.st_ino}]', text)
        path = self.state / "transfers" / f"{id}.jsonl"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        assert id in [each.id for each in self.client.transfers()]
        return id

    def went_on(self, **what: Any) -> None:
        """AssertionError unless the upload was continued: the missing parts were sent and nothing was begun anew."""
        assert self.proxy.log("InitiateUpload", **what) == []
        assert sorted(seen.part for seen in self.proxy.log("UploadPart", **what)) == PARTS

    def holds(self, key: str, of: str | None = None, mime: str | None = None) -> None:
        """AssertionError unless the object is that film, and no upload to it is left."""
        found = self.client.get(SPACE, key)
        assert found.data == film(of or key)
        assert mime is None or found.info.mime == mime
        assert key not in [each.key for each in self.client.list_uploads(SPACE)]


@pytest.fixture
def world(version: Path, server: Server, tmp_path: Path) -> Iterator[World]:
    given = {"public_key": server.public_key, "private_key": server.private_key, "state_dir": str(tmp_path / "state")}
    with (
        FaultProxy("127.0.0.1", server.port) as proxy,
        Client(**given, endpoint=f"127.0.0.1:{proxy.port}", part_jobs=1) as client,
    ):
        yield World(version, server, proxy, client, tmp_path / "films", tmp_path / "state")
        assert client.transfers() == (), "a record is left in the journal"


def test_there_are_samples() -> None:
    assert VERSIONS and all(json.loads((each / "about.json").read_text())["commit"] == each.name for each in VERSIONS)


# The server's folder


def check_objects(client: Client) -> None:
    for key, data in OBJECTS.items():
        found = client.get(SPACE, key)
        assert (found.data, dict(found.info.metadata)) == (data, contents.METADATA), key
    assert client.get_tags(SPACE, "small.txt") == contents.TAGS
    for key in ("film.mp4", "copy.mp4"):
        assert client.get(SPACE, key).data == film("film.mp4")


def check_pairs(version: Path, host: str) -> None:
    """The token and the added pair, which the catalog holds encrypted, still sign."""
    pairs = {name: json.loads((version / f"{name}.json").read_text()) for name in ("token", "added-key")}
    with Client(**pairs["token"], endpoint=host) as viewer:
        assert viewer.get(SPACE, "small.txt").data == OBJECTS["small.txt"]
    with Client(**pairs["added-key"], endpoint=host) as films:
        assert [each.name for each in films.list_spaces()] == ["samples-films"]
        assert films.get("samples-films", "small.txt").data == b"of the account films\n"


def test_a_server_serves_the_folder(version: Path, server: Server) -> None:
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        assert {each.name: each.type for each in client.list_spaces()} == {SPACE: "private", PUBLIC: "public"}
        check_objects(client)
    with Client(endpoint=server.host) as anybody:
        assert anybody.get(PUBLIC, "index.html").data == b"<p>public</p>"
    check_pairs(version, server.host)


def test_an_upload_of_copied_parts_is_finished(world: World) -> None:
    key, client = "of-copied-parts.mp4", world.client
    (begun,) = [each for each in client.list_uploads(SPACE) if each.key == key]
    parts = list(client.list_parts(SPACE, begun.upload_id))
    assert [(each.part, each.size) for each in parts] == [(0, BLOCK)]
    upload = models.BegunUpload(SPACE, key, begun.upload_id, BLOCK)
    for part in PARTS:
        end = min((part + 1) * BLOCK, contents.SIZE)
        parts.append(client.copy_part(upload, part, SPACE, "film.mp4", start=part * BLOCK, end=end))
    client.finish_upload(upload, parts)
    world.holds(key, "film.mp4")


def test_a_backup_is_restored(version: Path, tmp_path: Path) -> None:
    backup, folder = unpacked(version / "backup.tar.xz", tmp_path / "backup"), tmp_path / "restored"
    told(inside("restore", backup, folder, "--json"))
    assert told(inside("fsck", "--rehash", folder, "--json"))["damaged"] == 0
    with start_server(folder, "--no-fsync") as server:
        with Client(server.public_key, server.private_key, endpoint=server.host) as client:
            check_objects(client)
        check_pairs(version, server.host)


def test_a_rotation_of_the_key_pair_is_finished(version: Path, tmp_path: Path) -> None:
    """The folder of a server that was stopped while secrets were encrypted again."""
    folder = unpacked(version / "server.tar.xz", tmp_path / "server")
    path = Path(shutil.copy(version / "credentials-while-rotating.json", folder / "credentials.json"))
    path.chmod(0o600)
    with start_server(folder, "--no-fsync") as server:
        check_pairs(version, server.host)
        with Client(server.public_key, server.private_key, endpoint=server.host) as client:
            check_objects(client)


# The SDK


@pytest.mark.parametrize("reads", ["2.7", "3"])
def test_uploads_go_on_from_their_checkpoints(world: World, tmp_path: Path, reads: str) -> None:
    """Those that 2.7 wrote and those that 3 wrote, on either."""
    keys = [key for key, (_, reader) in contents.CHECKPOINTS.items() if reader == reads]
    for key in keys:
        world.film(key)
        (tmp_path / key).write_text(world.text(f"checkpoints/{key}"))
    host = world.proxy.endpoint.removeprefix("http://")
    done = contents.program(reads, "resume", host, world.server, *(tmp_path / key for key in keys))
    assert done == [(200, None)] * 2
    for key in keys:
        world.went_on(key=key)
        world.holds(key, mime="video/mp4")
        assert not (tmp_path / key).exists()


def test_a_stream_goes_on_from_what_a_program_wrote_down(world: World) -> None:
    path, host = world.film("stream"), world.proxy.endpoint.removeprefix("http://")
    words = (SPACE, "stream", path, world.version / "stream.json")
    assert contents.program("3", "resume-stream", host, world.server, *words) == [(200, None)]
    world.went_on()
    world.holds("stream", mime="video/mp4")


# The client's journal


def test_the_same_upload_goes_on(world: World) -> None:
    path = world.film("up-again")
    world.record("up-again")
    assert world.client.upload(SPACE, "up-again", path).verified
    world.went_on()
    world.holds("up-again")
    assert world.client.stat(SPACE, "up-again").metadata == contents.METADATA


def test_an_upload_is_resumed(world: World) -> None:
    world.film("up-resumed")
    assert world.client.resume(world.record("up-resumed")).verified
    world.went_on()
    world.holds("up-resumed")


def test_the_upload_of_a_folder_goes_on(world: World) -> None:
    for name, of in contents.FOLDER.items():
        world.film(f"folder/{name}", of)
    for record in ("folder", "folder-1"):
        world.record(record)
    world.client.upload_dir(world.folder / "folder", SPACE, "folder/")
    for name, of in contents.FOLDER.items():
        world.went_on(key=f"folder/{name}")
        world.holds(f"folder/{name}", of)


def missing(world: World) -> None:
    """AssertionError if a download asked for a block that had arrived."""
    first = min(int(seen.headers["range"][6:].split("-")[0]) for seen in world.proxy.log("GetObject"))
    assert first >= 2 * BLOCK


@pytest.mark.parametrize("way", ["again", "resumed"])
def test_a_download_goes_on(world: World, way: str) -> None:
    target = world.folder / f"down-{way}"
    id = world.record(f"down-{way}", "download")
    done = world.client.download(SPACE, "film.mp4", target) if way == "again" else world.client.resume(id)
    assert done.verified
    missing(world)
    assert target.read_bytes() == film("film.mp4")
    assert os.listdir(world.folder) == [target.name]


@pytest.mark.parametrize("system", ["the same", "another"])
def test_a_download_that_is_not_verified_goes_on(world: World, system: str) -> None:
    """Its blocks are in the file for good, as the record says: whichever run of the system it is."""
    id = world.record("down-unverified", "download", system=system)
    world.client.resume(id)
    missing(world)
    assert (world.folder / "down-unverified").read_bytes() == film("film.mp4")


def test_a_download_of_a_range_goes_on(world: World) -> None:
    options = contents.DOWNLOADS["down-a-range"]
    world.record("down-a-range", "download", *contents.span("down-a-range"))
    world.client.download(SPACE, "film.mp4", world.folder / "down-a-range", **options)
    missing(world)
    assert (world.folder / "down-a-range").read_bytes() == film("film.mp4")[options["start"] : options["end"]]


# Settings, etags, plans


def test_a_profile_is_read_and_changed(version: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(version / "config.toml", tmp_path / "config.toml"))
    path.chmod(0o600)
    environ = {"UVIDEO_CONFIG": str(path)}
    sizes = {"bandwidth": 10 << 20, "multipart_threshold": 16 << 20}
    found = load(None, environ)
    assert {name: getattr(found, name) for name in contents.PROFILE} == {**contents.PROFILE, **sizes}
    with edit(path) as draft:
        draft.set("lab", "retries", "8")
    assert path.read_text().startswith(contents.COMMENT)
    assert load("lab", environ).retries == 8


@pytest.fixture
def command(world: World, tmp_path: Path) -> Iterator[Callable[..., int]]:
    def call(*words: object) -> int:
        context = Context()
        code = invoke(context, [str(each) for each in words])
        context.close()
        return code

    environ = contents.settings(world.server, world.proxy.endpoint.removeprefix("http://"))
    with contents.environment({**environ, "XDG_CACHE_HOME": str(tmp_path)}):
        yield call


def test_sync_computes_anew_the_etags_of_older_versions(
    world: World, command: Callable[..., int], tmp_path: Path
) -> None:
    """They kept no change time, so the file may have other bytes with the same size and modification time."""
    path, folder = write(world.folder / "synced" / "kept", b"x" * 1000), tmp_path / "uvideo"
    folder.mkdir()
    shutil.copy(world.version / "etags.sqlite", folder)
    with contextlib.closing(sqlite3.connect(folder / "etags.sqlite")) as kept:
        kept.execute("UPDATE etags SET path = CAST(replace(path, ?, ?) AS BLOB)", (FOLDER_MARK, str(world.folder)))
        kept.execute("UPDATE etags SET inode = ?", (path.stat().st_ino,))
        kept.commit()
    assert command("sync", path.parent, f"uvideo://{SPACE}/synced") == 0
    assert world.client.get(SPACE, "synced/kept").data == path.read_bytes()


def test_a_plan_is_carried_out(world: World, command: Callable[..., int], tmp_path: Path) -> None:
    paths = [write(world.folder / "synced" / name, film(name, 1000)) for name in ("kept", "new")]
    text = re.sub(r'"inode":\d+', f'"inode":{paths[1].stat().st_ino}', world.text("plan.jsonl"))
    (tmp_path / "plan").write_text(text)
    assert command("apply", tmp_path / "plan", "-y") == 0
    assert {each.key for each in world.client.list(SPACE, "synced/")} == {"synced/kept", "synced/new"}
    assert world.client.get(SPACE, "synced/new").data == film("new", 1000)
