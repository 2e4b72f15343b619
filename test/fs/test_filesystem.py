"""Reading and writing by path: cat, pipe, put, get, copies, moves and removals, and how failures look."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import pytest
from fsspec.callbacks import Callback

from test.fakes import FaultProxy
from test.fs.conftest import UVideoFileSystem
from uvideo import Client, errors
from uvideo.fs.failure import translated
from uvideo.fs.ranges import plan

SIZE = 9 << 20  # of movie


def test_cat_file_is_a_slice(fs: UVideoFileSystem, space: str) -> None:
    path, data = f"{space}/ten", b"0123456789"
    fs.pipe(path, data)
    for start in (None, 0, 3, 9, 10, 15, -1, -4, -20):
        for end in (None, 0, 3, 7, 10, 15, -1, -4, -20):
            assert fs.cat_file(path, start=start, end=end) == data[start:end], (start, end)
    fs.pipe(f"{space}/none", b"")
    for start, end in ((None, None), (0, 5), (2, None), (-2, None), (-2, -1)):
        assert fs.cat_file(f"{space}/none", start=start, end=end) == b""
    with pytest.raises(FileNotFoundError):
        fs.cat_file(f"{space}/absent", start=3, end=3)


def test_a_large_object_is_read_whole_and_verified(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, movie: Path
) -> None:
    client.upload(space, "movie", movie)
    assert through.cat_file(f"{space}/movie") == movie.read_bytes()
    assert sum(each.answer_bytes for each in proxy.log("GetObject")) == SIZE  # nothing twice
    proxy.reset()
    proxy.on("GetObject", key="movie", byte=SIZE - 1).flip(100)
    with pytest.raises(OSError, match="does not verify") as caught:
        through.cat_file(f"{space}/movie")
    assert caught.value.errno == errno.EIO
    small = UVideoFileSystem(**{**through.storage_options, "checksum": False})
    proxy.on("GetObject", key="movie").flip(100)
    assert small.cat_file(f"{space}/movie") != movie.read_bytes()


def test_an_object_that_changes_between_two_ranges_is_not_mixed(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, movie: Path
) -> None:
    client.upload(space, "movie", movie)
    path = f"{space}/movie"
    ranges = through.cat_ranges([path] * 3, [0, 10, 1 << 20], [4, 14, (1 << 20) + 4])
    assert ranges == [movie.read_bytes()[start : start + 4] for start in (0, 10, 1 << 20)]

    proxy.on("GetObject", byte=10).header("ETag", '"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"')
    found = through.cat_ranges([path, path], [0, 10], [4, 14], batch_size=1)
    assert found[0] == movie.read_bytes()[:4] and found[1].errno == errno.ESTALE


def test_cat_ranges(through: UVideoFileSystem, proxy: FaultProxy, space: str) -> None:
    data = bytes(range(256)) * 40
    through.pipe({f"{space}/a": data, f"{space}/b": data[::-1]})
    paths = [f"{space}/{name}" for name in "aabab"]
    starts, ends = [0, 100, 5, 90, -3], [10, 110, 15, 120, None]
    back = data[::-1]
    wanted = [data[0:10], data[100:110], back[5:15], data[90:120], back[-3:]]
    proxy.reset()
    assert through.cat_ranges(paths, starts, ends) == wanted
    assert len(proxy.log("GetObject")) == 5
    proxy.reset()
    assert through.cat_ranges(paths, starts, ends, max_gap=0) == wanted
    assert len(proxy.log("GetObject")) == 4
    proxy.reset()
    assert through.cat_ranges(paths, starts, ends, max_gap=80) == wanted
    assert len(proxy.log("GetObject")) == 3
    assert through.cat_ranges([f"{space}/a", f"{space}/b"], 1, 3) == [data[1:3], data[::-1][1:3]]
    found = through.cat_ranges([f"{space}/absent", f"{space}/a"], [0, 0], [1, 1])
    assert isinstance(found[0], FileNotFoundError) and found[1] == data[:1]
    with pytest.raises(FileNotFoundError):
        through.cat_ranges([f"{space}/absent", f"{space}/a"], [0, 0], [1, 1], on_error="raise")
    with pytest.raises(ValueError):
        through.cat_ranges([f"{space}/a"], [0, 1], [1])


def test_the_plan_of_ranges_covers_what_is_wanted() -> None:
    data = {"a": bytes(range(200)), "b": bytes(range(200))[::-1]}
    wanted = [("a", 50, 60), ("b", 0, 5), ("a", 0, 10), ("a", 5, 55), ("a", None, 3), ("b", 5, 9), ("a", 58, 58)]
    for gap in (None, 0, 1, 45, 1000):
        planned = plan(wanted, gap)
        for (path, start, end), ((asked, first, last), part) in zip(wanted, planned, strict=True):
            assert asked == path and data[path][first:last][part] == data[path][start:end], (gap, path, start, end)
    assert len({asked for asked, _ in plan(wanted, 0)}) == 4
    assert len({asked for asked, _ in plan(wanted, None)}) == len(wanted)


def test_pipe_and_its_options(fs: UVideoFileSystem, client: Client, space: str) -> None:
    fs.pipe_file(f"{space}/a.mp4", b"a", mime="video/webm", metadata={"x": "1"}, storage_class="IA")
    info = client.stat(space, "a.mp4")
    assert (info.mime, dict(info.metadata), info.storage_class) == ("video/webm", {"x": "1"}, "IA")
    fs.pipe_file(f"{space}/b.mp4", memoryview(b"b"), mode="create")
    assert client.stat(space, "b.mp4").mime == "video/mp4"
    fs.pipe_file(f"{space}/big", bytes(SIZE), part_jobs=2)
    assert client.stat(space, "big").size == SIZE
    with pytest.raises(FileExistsError) as caught:
        fs.pipe_file(f"{space}/big", bytes(SIZE), mode="create")
    assert caught.value.errno == errno.EEXIST
    with pytest.raises(ValueError, match="mode"):
        fs.pipe_file(f"{space}/a.mp4", b"", mode="append")
    with pytest.raises(IsADirectoryError):
        fs.pipe_file(space, b"")
    assert [each.key for each in client.list(space)] == ["a.mp4", "b.mp4", "big"]  # nothing was left aside


def test_of_two_that_make_an_object_one_does(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str
) -> None:
    """The other one stores its object between the look and the taking of the name."""
    file = through.open(f"{space}/one", "xb")
    file.write(b"ours")
    client.put(space, "one", b"theirs")
    with pytest.raises(FileExistsError):
        file.close()
    assert client.get(space, "one").data == b"theirs"
    assert [each.key for each in client.list(space)] == ["one"]
    with through.open(f"{space}/two.txt", "xt") as text:
        text.write("two")
    assert client.get(space, "two.txt").data == b"two" and client.stat(space, "two.txt").mime == "text/plain"
    proxy.on("RenameObject").answer(403)
    with pytest.raises(PermissionError):
        through.pipe_file(f"{space}/three", b"3", mode="create")
    assert [each.key for each in client.list(space)] == ["one", "two.txt"]


class Counting(Callback):
    """Keeps every value."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[tuple[int | None, int]] = []

    def call(self, hook_name: str | None = None, **kwargs: Any) -> None:
        self.seen.append((self.size, self.value))


def test_put_and_get_go_through_the_transfer_engine(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, movie: Path, tmp_path: Path
) -> None:
    sent, got = Counting(), Counting()
    proxy.on("UploadPart", part=1).cut_after(512)
    through.put_file(str(movie), f"uvideo://{space}/in/movie", callback=sent)
    assert client.stat(space, "in/movie").size == SIZE and len(proxy.log("UploadPart")) == 4
    assert sent.seen[-1] == (SIZE, SIZE) and [value for _, value in sent.seen] == sorted(v for _, v in sent.seen)
    target = tmp_path / "new" / "copy"
    through.get_file(f"{space}/in/movie", str(target), callback=got)
    assert target.read_bytes() == movie.read_bytes() and got.seen[-1] == (SIZE, SIZE)
    buffer = io.BytesIO()
    through.get_file(f"{space}/in/movie", buffer)
    assert buffer.getvalue() == movie.read_bytes()
    assert through.client.transfers() == ()


def test_a_put_that_breaks_off_goes_on_with_what_is_missing(
    through: UVideoFileSystem, proxy: FaultProxy, space: str, movie: Path
) -> None:
    poor = UVideoFileSystem(**through.storage_options, part_jobs=1, retries=0)
    proxy.on("UploadPart", part=2).cut_after(512)
    with pytest.raises(ConnectionAbortedError):
        poor.put_file(str(movie), f"{space}/movie")
    assert not poor.exists(f"{space}/movie")
    proxy.reset()
    poor.put_file(str(movie), f"{space}/movie")
    assert [each.part for each in proxy.log("UploadPart")] == [2]
    assert poor.cat_file(f"{space}/movie") == movie.read_bytes()


def test_a_get_that_breaks_off_goes_on_with_what_is_missing(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, movie: Path, tmp_path: Path
) -> None:
    client.upload(space, "movie", movie)
    poor = UVideoFileSystem(**through.storage_options, part_jobs=1, retries=0)
    proxy.on("GetObject").reset((4 << 20) + 1000)
    with pytest.raises(ConnectionAbortedError):
        poor.get_file(f"{space}/movie", str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()
    proxy.reset()
    poor.get_file(f"{space}/movie", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == movie.read_bytes()
    assert sum(each.answer_bytes for each in proxy.log("GetObject")) <= 5 << 20


def test_a_get_that_fails_leaves_the_old_file(fs: UVideoFileSystem, space: str, tmp_path: Path) -> None:
    target = tmp_path / "here"
    target.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        fs.get_file(f"{space}/absent", str(target))
    assert target.read_bytes() == b"old"
    fs.pipe(f"{space}/file", b"new")
    with pytest.raises(IsADirectoryError):
        fs.get_file(f"{space}/file", str(tmp_path))
    fs.get_file(f"{space}/file", str(target))
    assert target.read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        fs.put_file(str(tmp_path / "absent"), f"{space}/x")
    with pytest.raises(FileNotFoundError):
        fs.put_file(str(target), "no-such-space/x")


def test_no_key_writes_outside_of_the_folder(fs: UVideoFileSystem, client: Client, space: str, tmp_path: Path) -> None:
    client.put(space, "in/../../evil", b"evil")
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    client.put(space, "in/a", b"a")
    for source in (f"{space}/in/", f"{space}/in", f"{space}/in/**"):
        with pytest.raises(OSError, match="not saved") as caught:
            fs.get(source, str(folder), recursive=True)
        assert caught.value.errno == errno.EINVAL
    assert [each.name for each in tmp_path.rglob("*")] == ["deep", "folder"]
    fs.get(f"{space}/in/../../evil", str(folder / "named"))  # who names it has said where
    assert (folder / "named").read_bytes() == b"evil"
    fs.cp(f"{space}/in", f"{space}/out", recursive=True)
    assert client.get(space, "out/../../evil").data == b"evil"


def test_copies_are_made_by_the_service(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put(space, "a", b"content", mime="video/mp4", metadata={"x": "1"})
    proxy.reset()
    through.cp_file(f"uvideo://{space}/a", f"uvideo://{space}/b")
    assert [each.operation for each in proxy.log()] == ["HeadObject", "CopyObject"]
    assert client.get(space, "b").data == b"content" and client.stat(space, "b").mime == "video/mp4"
    through.cp_file(f"{space}/a", f"{space}/a")
    assert client.get(space, "a").data == b"content"
    with pytest.raises(FileNotFoundError):
        through.cp_file(f"{space}/absent", f"{space}/b")
    with pytest.raises(IsADirectoryError):
        through.cp_file(f"{space}/a", space)

    client.upload(space, "large", bytes(range(256)) * (9 << 12), mime="video/mp4", metadata={"x": "1"})
    monkeypatch.setattr("uvideo.transfer.copy.ONE_REQUEST", 1 << 20)
    proxy.reset()
    through.cp_file(f"{space}/large", f"{space}/copy")
    assert len(proxy.log("CopyPart")) == 3
    info = client.stat(space, "copy")
    assert (info.size, info.etag) == (SIZE, client.stat(space, "large").etag)
    assert (info.mime, dict(info.metadata)) == ("video/mp4", {"x": "1"})
    proxy.on("CopyPart").answer(403, times=None)
    with pytest.raises(PermissionError):
        through.cp_file(f"{space}/large", f"{space}/another")
    assert not through.exists(f"{space}/another") and list(client.list_uploads(space)) == []


def test_moves(through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str) -> None:
    through.pipe({f"{space}/in/{name}": name.encode() for name in ("a", "b", "c/d")})
    proxy.reset()
    through.mv(f"{space}/in/a", f"{space}/in/e")
    assert len(proxy.log("RenameObject")) == 1 and not proxy.log("CopyObject")
    through.mv(f"{space}/in", f"{space}/out", recursive=True)
    assert through.find(space) == [f"{space}/out/{name}" for name in ("b", "c/d", "e")]
    assert through.cat_file(f"{space}/out/e") == b"a"
    through.pipe(f"{space}/old", b"old")
    through.mv(f"{space}/out/b", f"{space}/old")  # as rename does, in the other's place
    assert through.cat_file(f"{space}/old") == b"b" and not through.exists(f"{space}/out/b")
    other = client.create_space(space[:-1] + "-other").name
    through.mv(f"{space}/old", f"{other}/new")
    assert through.cat_file(f"{other}/new") == b"b" and not through.exists(f"{space}/old")
    through.mv(f"{other}/new", f"uvideo://{other}/new")
    assert through.cat_file(f"{other}/new") == b"b"
    for missing in ({}, {"recursive": True}):
        with pytest.raises(FileNotFoundError):
            through.mv(f"{space}/absent", f"{space}/there", **missing)


def test_removals(through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str) -> None:
    through.pipe({f"{space}/{name}": b"" for name in ("a", "b", "d/1", "d/2", "d/e/3", "d.x")})
    for path in (f"{space}/absent", f"{space}/absent*"):
        with pytest.raises(FileNotFoundError):
            through.rm(path)
    with pytest.raises(FileNotFoundError):
        through.rm(f"{space}/absent", recursive=True)
    with pytest.raises(IsADirectoryError):
        through.rm(f"{space}/d")
    through.rm([f"{space}/a", f"{space}/b"])
    through.rm(f"{space}/d", recursive=True, maxdepth=1)
    assert through.find(space) == [f"{space}/d.x", f"{space}/d/e/3"]
    proxy.on("DeleteObject", key="d/e/3").answer(403)
    with pytest.raises(PermissionError, match="1 objects failed"):
        through.rm(f"{space}/d", recursive=True)
    client.put(space, "d", b"an object and a directory")
    through.rm(f"{space}/d", recursive=True)
    assert through.find(space) == [f"{space}/d.x"]
    with pytest.raises(PermissionError):
        through.rm("", recursive=True)
    assert through.exists(f"{space}/d.x")


def test_touch(fs: UVideoFileSystem, space: str) -> None:
    fs.touch(f"{space}/a")
    assert fs.info(f"{space}/a")["size"] == 0
    fs.pipe(f"{space}/a", b"full")
    with pytest.raises(NotImplementedError):
        fs.touch(f"{space}/a", truncate=False)
    assert fs.cat(f"{space}/a") == b"full"
    fs.touch(f"{space}/a")
    assert fs.cat(f"{space}/a") == b""


def test_as_a_mapping(fs: UVideoFileSystem, space: str) -> None:
    mapping = fs.get_mapper(f"uvideo://{space}/zarr")
    mapping["a/0.0"] = b"chunk"
    mapping.setitems({"a/0.1": b"x", ".zattrs": b"{}"})
    assert sorted(mapping) == [".zattrs", "a/0.0", "a/0.1"] and mapping["a/0.0"] == b"chunk" and "b" not in mapping
    assert mapping.getitems(["a/0.1", "b"], on_error="omit") == {"a/0.1": b"x"}
    with pytest.raises(KeyError):
        mapping["b"]
    del mapping["a/0.0"]
    assert len(mapping) == 2


@pytest.mark.parametrize(
    ("error", "kind", "number"),
    [
        (errors.NotFound(), FileNotFoundError, errno.ENOENT),
        (errors.SpaceNotFound(), FileNotFoundError, errno.ENOENT),
        (errors.UploadNotFound(), FileNotFoundError, errno.ENOENT),
        (errors.BadRequest(operation="HeadObject"), FileNotFoundError, errno.ENOENT),
        (errors.BadRequest(operation="PutObject"), OSError, errno.EIO),
        (errors.AccessDenied(), PermissionError, errno.EACCES),
        (errors.SignatureMismatch(), PermissionError, errno.EACCES),
        (errors.UnknownKey(), PermissionError, errno.EACCES),
        (errors.NotRestored(), PermissionError, errno.EACCES),
        (errors.AlreadyExists(), FileExistsError, errno.EEXIST),
        (errors.SpaceNotEmpty(), OSError, errno.ENOTEMPTY),
        (errors.ObjectChanged(), OSError, errno.ESTALE),
        (errors.IntegrityError(), OSError, errno.EIO),
        (errors.InvalidArgument("x"), OSError, errno.EINVAL),
        (errors.Throttled(), OSError, errno.EBUSY),
        (errors.NoAnswer(), ConnectionAbortedError, errno.ECONNABORTED),
        (errors.DeadlineExceeded(), ConnectionAbortedError, errno.ECONNABORTED),
        (errors.Cancelled(), OSError, errno.ECANCELED),
        (errors.LocalFailure(), OSError, errno.EIO),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_error_is_an_oserror_with_a_number(error: errors.UVideoError, kind: type, number: int) -> None:
    made = translated(error, "space/key")
    assert isinstance(made, kind) and (made.errno, made.filename) == (number, "space/key") and made.strerror


def test_a_full_disk_says_so(fs: UVideoFileSystem, space: str) -> None:
    fs.pipe(f"{space}/a", bytes(100))
    with pytest.raises(OSError) as caught:
        with open("/dev/full", "wb", buffering=0) as full:
            fs.get_file(f"{space}/a", full)
    assert caught.value.errno == errno.ENOSPC


def test_without_keys_a_public_space_can_be_read(options: dict[str, Any], client: Client, space: str) -> None:
    client.update_space(space, type="public")
    client.put(space, "a", b"open to all")
    nobody = UVideoFileSystem(endpoint=options["endpoint"])
    assert nobody.cat_file(f"{space}/a") == b"open to all" and nobody.info(f"{space}/a")["size"] == 11
    with nobody.open(f"{space}/a") as file:
        assert file.read(4) == b"open"
    assert nobody.isfile(f"{space}/a") and not nobody.exists(f"{space}/absent") and not nobody.isdir(space)
    for call in (nobody.ls, nobody.find, lambda path: nobody.pipe_file(f"{path}/b", b""), lambda path: nobody.ls("")):
        with pytest.raises(PermissionError):
            call(space)


def test_wrong_keys_and_dead_lines(options: dict[str, Any], space: str, proxy: FaultProxy) -> None:
    wrong = UVideoFileSystem(**{**options, "private_key": "wrong" * 8})
    for call in (wrong.ls, wrong.find, wrong.info):
        with pytest.raises(PermissionError) as caught:
            call(space)
        assert "wrong" not in str(caught.value)
    proxy.stop_listening()
    dead = UVideoFileSystem(**{**options, "endpoint": f"127.0.0.1:{proxy.port}"}, retries=0)
    with pytest.raises(ConnectionAbortedError):
        dead.cat_file(f"{space}/a")
