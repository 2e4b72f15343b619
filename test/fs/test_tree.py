"""What there is: info, ls, find, glob, walk, times, spaces, and what is remembered of it."""

from __future__ import annotations

import errno
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.fs.conftest import UVideoFileSystem
from uvideo import Client


@pytest.fixture
def tree(client: Client, space: str) -> str:
    for key in ("a.txt", "day/one.jpg", "day/two.jpg", "day/raw/one.dng", "day/raw/deep/x", "day.old/y", "über/ü.txt"):
        client.put(space, key, key.encode())
    return space


def test_info_of_an_object(fs: UVideoFileSystem, client: Client, space: str) -> None:
    client.put(space, "a/film.mp4", b"film", metadata={"lang": "en"}, headers={"Cache-Control": "no-store"})
    info = fs.info(f"uvideo://{space}/a/film.mp4")
    now = datetime.now(timezone.utc)
    assert now - timedelta(minutes=5) < info.pop("mtime") == info.pop("LastModified") <= now + timedelta(minutes=5)
    assert info.pop("created").tzinfo is timezone.utc
    assert info == {
        "name": f"{space}/a/film.mp4",
        "size": 4,
        "type": "file",
        "ETag": client.stat(space, "a/film.mp4").etag,
        "mimetype": "video/mp4",
        "StorageClass": "STANDARD",
        "metadata": {"lang": "en"},
        "headers": {"Cache-Control": "no-store"},
    }
    (listed,) = fs.ls(f"{space}/a", detail=True)
    assert {name: listed[name] for name in ("name", "size", "type", "ETag", "mimetype", "StorageClass")} == {
        name: info[name] for name in ("name", "size", "type", "ETag", "mimetype", "StorageClass")
    }


@pytest.mark.parametrize("text, moment", [("1577934245.678", 1577934245.678), ("odd", None), ("999999999999", None)])
def test_the_time_of_a_file_is_the_one_stored_with_it(
    fs: UVideoFileSystem, client: Client, space: str, text: str, moment: float | None
) -> None:
    client.put(space, "a/film.mp4", b"film", metadata={"mtime": text})
    stored = client.stat(space, "a/film.mp4")
    expected = stored.modified if moment is None else datetime.fromtimestamp(moment, timezone.utc)
    assert stored.file_modified == (None if moment is None else expected)
    for info in (fs.info(f"{space}/a/film.mp4"), *fs.ls(f"{space}/a", detail=True)):
        assert (info["mtime"], info["LastModified"]) == (expected, stored.modified)
    assert fs.modified(f"{space}/a/film.mp4") == expected


def test_info_of_directories_and_of_nothing(fs: UVideoFileSystem, tree: str) -> None:
    for path in ("", tree, f"{tree}/day", f"uvideo://{tree}/day/raw/"):
        assert fs.info(path) == {"name": fs._strip_protocol(path), "size": 0, "type": "directory"}
        assert fs.isdir(path) and fs.exists(path) and not fs.isfile(path)
    for path in (f"{tree}/da", f"{tree}/day/rawest", "no-such-space", "no-such-space/key"):
        with pytest.raises(FileNotFoundError) as caught:
            fs.info(path)
        assert caught.value.errno == errno.ENOENT and caught.value.filename == path
        assert not fs.exists(path) and not fs.isdir(path) and not fs.isfile(path)
    assert not fs.exists("No_Space/key") and not fs.exists(f"{tree}/{'x' * 2000}")
    with pytest.raises(OSError, match="not allowed") as wrong:
        fs.cat_file("No_Space/key")
    assert wrong.value.errno == errno.EINVAL


def test_ls(fs: UVideoFileSystem, tree: str) -> None:
    assert tree in fs.ls("", detail=False)
    names = [f"{tree}/{name}" for name in ("a.txt", "day", "day.old", "über")]
    assert fs.ls(tree, detail=False) == names == [each["name"] for each in fs.ls(f"uvideo://{tree}/")]
    assert [each["type"] for each in fs.ls(tree)] == ["file", "directory", "directory", "directory"]
    assert fs.ls(f"{tree}/day", detail=False) == [f"{tree}/day/{name}" for name in ("one.jpg", "raw", "two.jpg")]
    assert fs.ls(f"{tree}/a.txt", detail=False) == [f"{tree}/a.txt"]
    for path in (f"{tree}/nothing", "no-such-space"):
        with pytest.raises(FileNotFoundError):
            fs.ls(path)


def test_find_and_walk_and_glob(fs: UVideoFileSystem, tree: str) -> None:
    below = ["day/one.jpg", "day/raw/deep/x", "day/raw/one.dng", "day/two.jpg"]
    assert fs.find(f"{tree}/day") == [f"{tree}/{key}" for key in below]
    assert fs.find(f"{tree}/day", maxdepth=1) == [f"{tree}/day/one.jpg", f"{tree}/day/two.jpg"]
    found = fs.find(f"{tree}/day", maxdepth=2, withdirs=True, detail=True)
    assert [(name.removeprefix(tree + "/"), info["type"][0]) for name, info in found.items()] == [
        *[("day", "d"), ("day/one.jpg", "f"), ("day/raw", "d"), ("day/raw/deep", "d"), ("day/raw/one.dng", "f")],
        ("day/two.jpg", "f"),
    ]
    everything = fs.find(f"{tree}/day", withdirs=True)
    assert everything == sorted(f"{tree}/{key}" for key in [*below, "day", "day/raw", "day/raw/deep"])
    assert fs.find(f"{tree}/a.txt") == [f"{tree}/a.txt"] and fs.find(f"{tree}/b") == [] == fs.find("no-such-space")
    assert [(path, dirs, files) for path, dirs, files in fs.walk(f"{tree}/day")] == [
        (f"{tree}/day", ["raw"], ["one.jpg", "two.jpg"]),
        (f"{tree}/day/raw", ["deep"], ["one.dng"]),
        (f"{tree}/day/raw/deep", [], ["x"]),
    ]
    assert fs.glob(f"uvideo://{tree}/d*/*.jpg") == [f"{tree}/day/one.jpg", f"{tree}/day/two.jpg"]
    assert fs.glob(f"{tree}/day*") == [f"{tree}/day", f"{tree}/day.old"]
    assert fs.glob(f"{tree}/**/one.*") == [f"{tree}/day/one.jpg", f"{tree}/day/raw/one.dng"]
    assert fs.glob(f"{tree}/ü*/*") == [f"{tree}/über/ü.txt"]
    assert fs.glob(f"{tree[:-1]}*/day/two.*") == [f"{tree}/day/two.jpg"]
    assert fs.du(f"{tree}/day") == sum(map(len, below))
    assert fs.du(f"{tree}/day", total=False, maxdepth=1) == {f"{tree}/day/{n}.jpg": 11 for n in ("one", "two")}
    assert fs.du(f"{tree}/day", prefix="o") == fs.info(f"{tree}/day/one.jpg")["size"]


def test_listings_come_in_pages_and_ask_no_more_than_they_need(
    through: UVideoFileSystem, proxy: FaultProxy, client: Client, space: str
) -> None:
    keys = [f"many/{number % 3}/{number:04}" for number in range(2100)]
    client.put(space, "master", b"")
    through.pipe({f"{space}/{key}": b"" for key in keys[:10]})
    through.batch_size = 128
    through.pipe({f"{space}/{key}": b"" for key in keys[10:]})
    proxy.reset()
    assert through.find(f"{space}/many") == sorted(f"{space}/{key}" for key in keys)
    assert len(proxy.log("ListObjects")) == 3
    proxy.reset()
    assert through.ls(f"{space}/many", detail=False) == [f"{space}/many/{n}" for n in range(3)]
    assert len(proxy.log("ListObjects")) == 1
    proxy.reset()
    assert len(through.glob(f"{space}/many/1/000*")) == 3
    assert [each.operation for each in proxy.log()] == ["ListObjects"]
    through.rm(f"{space}/many", recursive=True, batch_size=-1)
    assert through.find(space) == [f"{space}/master"]


def test_times_and_marks_of_change(fs: UVideoFileSystem, client: Client, space: str) -> None:
    path = f"{space}/a"
    fs.pipe(path, b"one")
    first, mark = fs.ukey(path), fs.checksum(path)
    assert fs.modified(path) == client.stat(space, "a").modified and fs.created(path).tzinfo is timezone.utc
    fs.pipe(path, b"one")
    assert (fs.ukey(path), fs.checksum(path)) == (first, mark)
    fs.pipe(path, b"two")
    assert fs.ukey(path) != first and fs.checksum(path) != mark
    with pytest.raises(IsADirectoryError):
        fs.modified(space)


def test_spaces_are_made_only_if_told(fs: UVideoFileSystem, options: dict[str, Any], client: Client) -> None:
    name = "fs-" + uuid.uuid4().hex[:20]
    for make in (fs.mkdir, fs.makedirs, lambda path: fs.makedirs(path, exist_ok=True)):
        with pytest.raises(FileNotFoundError, match="create_space"):
            make(f"uvideo://{name}")
    fs.makedirs(f"{name}/a/b", exist_ok=True)  # directories come with what is in them
    with pytest.raises(FileNotFoundError):
        fs.pipe(f"{name}/a/b/c", b"c")
    assert not fs.exists(name)
    fs.mkdir(name, create_space=True, type="public")
    assert client.stat_space(name).type == "public" and fs.isdir(name)
    for make in (fs.mkdir, fs.makedirs, lambda path: fs.mkdir(path, create_space=True)):
        with pytest.raises(FileExistsError):
            make(name)
    fs.makedirs(name, exist_ok=True)
    fs.pipe(f"{name}/a", b"a")
    with pytest.raises(OSError) as caught:
        fs.rmdir(name)
    assert caught.value.errno == errno.ENOTEMPTY
    fs.rm(name, recursive=True)
    assert fs.isdir(name)  # removing what is in a space leaves the space
    fs.rmdir(name)
    assert not fs.exists(name)
    UVideoFileSystem(**options, create_spaces=True).makedirs(name)
    client.delete_space(name)


def test_objects_that_stand_for_directories(fs: UVideoFileSystem, client: Client, space: str) -> None:
    for key in ("empty/", "full/", "full/x"):
        client.put(space, key, b"")
    assert fs.isdir(f"{space}/empty") and fs.ls(f"{space}/empty") == [] and fs.find(f"{space}/empty") == []
    assert fs.ls(f"{space}/full", detail=False) == [f"{space}/full/x"] == fs.find(f"{space}/full")
    assert fs.find(space, withdirs=True) == [f"{space}", *[f"{space}/{n}" for n in ("empty", "full", "full/x")]]
    with pytest.raises(OSError) as caught:
        fs.rmdir(f"{space}/full")
    assert caught.value.errno == errno.ENOTEMPTY
    fs.rmdir(f"{space}/empty")
    with pytest.raises(FileNotFoundError):
        fs.rmdir(f"{space}/empty")
    fs.mv(f"{space}/full", f"{space}/moved", recursive=True)
    assert [each.key for each in client.list(space)] == ["moved/x"]
    client.put(space, "moved/", b"")
    fs.rm(f"{space}/moved", recursive=True)
    assert list(client.list(space)) == []


def test_listings_are_remembered_only_if_asked_for(options: dict[str, Any], client: Client, tree: str) -> None:
    fresh = UVideoFileSystem(**options)
    fresh.ls(f"{tree}/day")
    client.put(tree, "day/three.jpg", b"3")
    assert fresh.exists(f"{tree}/day/three.jpg") and f"{tree}/day/three.jpg" in fresh.ls(f"{tree}/day", detail=False)

    fs = UVideoFileSystem(**options, use_listings_cache=True)
    before = fs.ls(f"{tree}/day", detail=False)
    client.put(tree, "day/four.jpg", b"4")
    assert fs.ls(f"{tree}/day", detail=False) == before and not fs.exists(f"{tree}/day/four.jpg")
    assert fs.info(f"{tree}/day/one.jpg")["size"] == 11 and fs.isdir(f"{tree}/day/raw")
    assert fs.ls(f"{tree}/day", detail=False, refresh=True) == sorted([*before, f"{tree}/day/four.jpg"])
    fs.pipe(f"{tree}/day/five.jpg", b"5")  # our own changes are known
    assert fs.exists(f"{tree}/day/five.jpg")
    fs.ls(tree), fs.ls(f"{tree}/day/raw"), fs.ls(f"{tree}/day")
    fs.invalidate_cache(f"{tree}/day")
    assert fs.dircache._cache == {}
    fs.ls(f"{tree}/day.old"), fs.ls(f"{tree}/day")
    fs.rm(f"{tree}/day/five.jpg")
    assert list(fs.dircache) == [f"{tree}/day.old"]
    fs.invalidate_cache()
    assert list(fs.dircache) == []


def test_a_signed_address_is_good_for_anybody(fs: UVideoFileSystem, space: str) -> None:
    import urllib.request

    fs.pipe(f"{space}/a b.txt", b"signed")
    with urllib.request.urlopen(fs.sign(f"uvideo://{space}/a b.txt", expiration=60)) as answer:
        assert answer.read() == b"signed"
    with pytest.raises(IsADirectoryError):
        fs.sign(space)
