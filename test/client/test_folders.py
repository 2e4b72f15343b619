"""Folders up and down: nothing lies outside of the folder, and what cannot be moved is said while the rest goes on."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from uvideo import AsyncClient, Cancel, Client, Retry, errors, models
from uvideo.transfer import file_time
from uvideo.transfer.folders import FolderTarget, check_name
from uvideo.transfer.pattern import Filter
from uvideo.transfer.walk import walk

BLOCK = 4194304


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    for name in ("b.mp4", "a/1.txt", "a/2.txt", "a.txt", "视频/片 段.mp4", "empty", "deep/er/and/er.bin"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode() * 100)
    (folder / "nothing").mkdir()
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def keys(client: Client, space: str) -> list[str]:
    return [each.key for each in client.list(space)]


def reasons(caught: pytest.ExceptionInfo[errors.SomeFailed]) -> dict[str, str]:
    return {failure.key: str(failure.error) for failure in caught.value.summary.failures}


# Up and down


def test_etags_are_not_compared_without_checksum(client: Client, space: str, album: Path, tmp_path: Path) -> None:
    assert not any(each.verified for each in client.upload_dir(album, space, checksum=False).done)
    assert not any(each.verified for each in client.download_dir(space, "", tmp_path / "down", checksum=False).done)
    assert tree(tmp_path / "down") == tree(album)
    assert all(each.verified for each in client.download_dir(space, "", tmp_path / "again").done)


def test_a_folder_goes_up_and_comes_down(client: Client, space: str, album: Path, tmp_path: Path) -> None:
    (album / "big.bin").write_bytes(os.urandom(2 * BLOCK + 9))
    up = client.upload_dir(album, space, "2026/album", jobs=3, storage_class="IA", metadata={"k": "v"})
    assert sorted(each.key for each in up.done) == keys(client, space)
    assert keys(client, space) == sorted("2026/album/" + name for name in tree(album))
    assert all(each.verified for each in up.done) and up.size == sum(map(len, tree(album).values()))
    found = client.stat(space, "2026/album/视频/片 段.mp4")
    assert (found.mime, found.storage_class, found.metadata) == ("video/mp4", "IA", {"k": "v"})
    down = client.download_dir(space, "2026/album/", tmp_path / "new" / "copy")
    assert tree(tmp_path / "new" / "copy") == tree(album)
    assert all(each.verified for each in down.done) and down.size == up.size
    assert {each.path for each in down.done} == {str(tmp_path / "new" / "copy" / name) for name in tree(album)}


@pytest.mark.parametrize("loop", [False, True], ids=["Client", "AsyncClient"])
def test_times_are_kept_and_restored(client: Client, space: str, album: Path, tmp_path: Path, loop: bool) -> None:
    for number, path in enumerate(sorted(album.rglob("*"))):
        os.utime(path, ns=(1, 1_000_000_007 * number))

    def call(name: str, *given: Any, **options: Any) -> Any:
        if not loop:
            return getattr(client, name)(*given, **options)

        async def once() -> Any:
            async with AsyncClient(settings=client.settings) as made:
                return await getattr(made, name)(*given, **options)

        return asyncio.run(once())

    def found(folder: Path) -> dict[str, int]:
        return {name: (folder / name).stat().st_mtime_ns for name in tree(folder)}

    call("upload_dir", album, space, "kept", times=True, metadata={"k": "v"})
    call("upload_dir", album, space, "lost")
    assert client.stat(space, "kept/b.mp4").metadata == {
        "k": "v",
        "mtime": file_time.encoded((album / "b.mp4").stat().st_mtime_ns),
    }
    assert client.stat(space, "lost/b.mp4").metadata == {}
    call("download_dir", space, "", tmp_path / "down", times=True)
    assert found(tmp_path / "down" / "kept") == found(album)
    call("download_dir", space, "kept", tmp_path / "without")
    for folder in (tmp_path / "down" / "lost", tmp_path / "without"):
        assert not set(found(folder).values()) & set(found(album).values())


def test_without_a_prefix_keys_are_the_paths(client: Client, space: str, album: Path, tmp_path: Path) -> None:
    client.upload_dir(str(album), space)
    assert keys(client, space) == sorted(tree(album))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.txt").write_bytes(b"older")
    client.download_dir(space, "", tmp_path / "copy")
    assert tree(tmp_path / "copy") == tree(album)


def test_a_prefix_is_a_folder_of_keys(client: Client, space: str, tmp_path: Path) -> None:
    for key in ("ab/c", "a/b", "a.b"):
        client.put(space, key, b"data")
    client.download_dir(space, "a", tmp_path / "copy")
    assert tree(tmp_path / "copy") == {"b": b"data"}


def test_patterns_choose(client: Client, space: str, album: Path, tmp_path: Path) -> None:
    up = client.upload_dir(album, space, include=["*.txt", "*.mp4"], exclude=["/a/2*", "视频/"])
    assert sorted(each.key for each in up.done) == ["a.txt", "a/1.txt", "b.mp4"]
    client.download_dir(space, "", tmp_path / "copy", exclude=["a/"])
    assert sorted(tree(tmp_path / "copy")) == ["a.txt", "b.mp4"]
    with pytest.raises(errors.InvalidArgument, match="pattern"):
        client.upload_dir(album, space, include=["[a"])


def test_dry_run_says_what_would_be_done_and_does_nothing(
    client: Client, space: str, album: Path, tmp_path: Path
) -> None:
    up = client.upload_dir(album, space, "p", dry_run=True, include=["*.txt"])
    assert [(each.key, each.size, each.verified) for each in up.done] == [
        ("p/a.txt", 500, False),
        ("p/a/1.txt", 700, False),
        ("p/a/2.txt", 700, False),
    ]
    assert keys(client, space) == []
    client.put(space, "p/q/r", b"data")
    client.put(space, "p/../r", b"data")
    with pytest.raises(errors.SomeFailed) as caught:
        client.download_dir(space, "p", tmp_path / "copy", dry_run=True)
    assert [(each.path, each.size) for each in caught.value.summary.done] == [(str(tmp_path / "copy" / "q" / "r"), 4)]
    assert not (tmp_path / "copy").exists()


def test_progress_and_report_go_on_to_the_end(client: Client, space: str, album: Path, tmp_path: Path) -> None:
    told: list[models.Totals] = []
    reported: list[Any] = []
    summary = client.upload_dir(album, space, progress=told.append, report=reported.append)
    total = sum(map(len, tree(album).values()))
    assert told[-1] == models.Totals(7, 7, 0, total, total)
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert sorted(each.key for each in reported) == sorted(tree(album)) and summary.done == ()
    os.symlink("nowhere", album / "gone")
    with pytest.raises(errors.SomeFailed, match="1 of 8 items failed"):
        client.upload_dir(album, space, report=reported.append)
    assert sum(isinstance(each, models.Failure) for each in reported) == 1


def test_what_a_callback_raises_ends_it(client: Client, space: str, album: Path) -> None:
    def refuse(_: Any) -> None:
        raise RuntimeError("enough")

    for options in ({"progress": refuse}, {"report": refuse}):
        with pytest.raises(RuntimeError, match="enough"):
            client.upload_dir(album, space, jobs=1, **options)  # type: ignore[arg-type]


# What cannot go up


def test_what_cannot_be_read_is_said_and_the_rest_goes_up(client: Client, space: str, album: Path) -> None:
    os.symlink("nowhere", album / "gone")
    os.mkfifo(album / "pipe")
    (album / "deep" / ("x" * 200)).mkdir()
    with open(os.path.join(os.fsencode(album), b"\xff.mp4"), "wb"):
        pass
    with pytest.raises(errors.SomeFailed) as caught:
        client.upload_dir(album, space, "p")
    found = reasons(caught)
    assert sorted(found) == ["p/\\udcff.mp4", "p/gone", "p/pipe"]
    assert "not UTF-8" in found["p/\\udcff.mp4"] and "No such file" in found["p/gone"]
    assert "not a regular file" in found["p/pipe"]
    assert len(caught.value.summary.done) == 7
    str(caught.value).encode()
    with pytest.raises(errors.SomeFailed) as caught:
        client.upload_dir(album, space, "p", skip_special=True)
    assert sorted(reasons(caught)) == ["p/\\udcff.mp4", "p/gone"]
    assert len(client.upload_dir(album, space, "p", include=["*.txt"]).done) == 3


def test_a_folder_that_cannot_be_read_is_said(
    client: Client, space: str, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if path == str(album / "a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(errors.SomeFailed) as caught:
        client.upload_dir(album, space)
    assert reasons(caught) == {"a/": f"{album / 'a'}: Permission denied"}
    assert len(caught.value.summary.done) == 5


def test_what_an_unfinished_download_left_does_not_go_up(client: Client, space: str, album: Path) -> None:
    (album / "a" / ".0123456789abcdef.part").write_bytes(b"half a film")
    folder = album / ".0123456789abcdef.part"  # that is the user's own
    folder.mkdir()
    (folder / "film.mp4").write_bytes(b"a film")
    client.upload_dir(album, space)
    assert [key for key in keys(client, space) if ".part" in key] == [".0123456789abcdef.part/film.mp4"]


def test_a_file_that_vanishes_meanwhile_is_said(space: str, album: Path, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject", key="a.txt").pause("first")
    remove = (album / "b.mp4").unlink
    with proxy.meanwhile("first", remove), pytest.raises(errors.SomeFailed) as caught:
        through.upload_dir(album, space, jobs=1)
    assert list(reasons(caught)) == ["b.mp4"] and len(caught.value.summary.done) == 6


def test_links_are_followed_inside_of_the_folder_only(
    client: Client, space: str, album: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "film.mp4").write_bytes(b"film")
    os.symlink(tmp_path / "other", album / "linked")
    os.symlink(tmp_path / "other" / "film.mp4", album / "film.mp4")
    os.symlink("b.mp4", album / "inside.mp4")
    os.symlink(album, album / "a" / "round")
    os.symlink("self", album / "self")
    with pytest.raises(errors.SomeFailed) as caught:
        client.upload_dir(album, space)
    assert list(reasons(caught)) == ["self"]
    assert {"inside.mp4"} == set(keys(client, space)) - set(tree(album)) | {"inside.mp4"}
    assert not {"linked/film.mp4", "film.mp4"} & set(keys(client, space))
    told = [each.getMessage() for each in caplog.records if each.name == "uvideo" and "skipped" in each.getMessage()]
    assert told == [
        f"skipped {album}/a/round: a link leads back to a folder above it",
        f"skipped {album}/film.mp4: a link leads out of the folder",
        f"skipped {album}/linked: a link leads out of the folder",
    ]
    os.unlink(album / "self")
    client.upload_dir(album, space, links="follow")
    assert {"linked/film.mp4", "film.mp4", "inside.mp4"} <= set(keys(client, space))
    assert not any("round" in key for key in keys(client, space))
    assert len(client.upload_dir(album, space, "none", links="skip").done) == 7


def test_the_walk_is_in_the_order_of_keys_and_lazy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/x", "a.b", "a-b", "a0", "b/c/d", "视", "é", "\U0001f3ac", "z/skip/y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [each.name for each in walk(str(tmp_path), chosen=Filter(exclude=["skip/"]))]
    assert found == sorted(found, key=str.encode) and len(found) == 8
    opened: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (opened.append(path), scandir(path))[1])
    steps = walk(str(tmp_path), chosen=Filter(exclude=["skip/"]))
    assert [next(steps).name for _ in range(3)] == ["a-b", "a.b", "a/x"]
    assert opened == [str(tmp_path), str(tmp_path / "a")]
    list(steps)
    assert str(tmp_path / "z" / "skip") not in opened


def test_a_folder_whose_name_is_not_utf8_is_said_once(client: Client, space: str, album: Path) -> None:
    raw = os.path.join(os.fsencode(album), b"deep\xff")
    os.rename(album / "deep", raw)
    with pytest.raises(errors.SomeFailed) as caught:
        client.upload_dir(album, space)
    assert list(reasons(caught)) == ["deep\\udcff/"]


def test_of_a_folder_whose_name_is_not_utf8_only_what_is_meant_fails(client: Client, space: str, album: Path) -> None:
    os.rename(album / "deep", os.path.join(os.fsencode(album), b"deep\xff"))
    assert len(client.upload_dir(album, space, include=["*.mp4"]).done) == 2
    assert len(client.upload_dir(album, space, exclude=["*.bin"]).done) == 6
    assert len(client.upload_dir(album, space, exclude=["deep*/"]).done) == 6
    with pytest.raises(errors.SomeFailed) as caught:
        client.upload_dir(album, space, include=["*.mp4", "*.bin"])
    assert list(reasons(caught)) == ["deep\\udcff/er/and/er.bin"]


def test_a_very_deep_folder_is_walked(tmp_path: Path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        Path("f").write_bytes(b"")
    finally:
        os.chdir(here)
    (found,) = walk(str(tmp_path))
    assert found.name == "d/" * 1500 + "f" and found.problem is None
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_a_folder_that_is_none_is_said_at_once(client: Client, space: str, album: Path) -> None:
    for folder in (album / "absent", album / "a.txt"):
        with pytest.raises(errors.LocalFailure):
            client.upload_dir(folder, space)
    with pytest.raises(errors.LocalFailure):
        client.download_dir(space, "", album / "a.txt")
    for options in (
        {"on_error": "ignore"},
        {"links": "some"},
        {"jobs": 0},
        {"storage_class": "COLD"},
        {"metadata": {"a b": "c"}},
    ):
        with pytest.raises(errors.InvalidArgument):
            client.upload_dir(album, space, **options)  # type: ignore[arg-type]


# Ending early


def test_stop_begins_nothing_more_after_a_failure(space: str, album: Path, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject", key="a.txt").latency(0.1)  # so that others wait by then
    proxy.on("PutObject", key="a/1.txt").then(403)
    with pytest.raises(errors.SomeFailed) as caught:
        through.upload_dir(album, space, jobs=1, on_error="stop")
    summary = caught.value.summary
    assert [each.key for each in summary.done] == ["a.txt"] and list(reasons(caught)) == ["a/1.txt"]
    assert summary.skipped >= 1
    assert [seen.key for seen in proxy.log("PutObject")] == ["a.txt", "a/1.txt"]


def test_one_file_that_is_too_long_for_a_gateway_stops_no_other(
    space: str, album: Path, proxy: FaultProxy, through: Client
) -> None:
    page = "<html><title>413 Request Entity Too Large</title></html>"
    proxy.on("PutObject", key="a.txt").answer(413, body=page, headers={"Content-Type": "text/html"})
    with pytest.raises(errors.SomeFailed) as caught:
        through.upload_dir(album, space, jobs=1)
    assert [type(each.error) for each in caught.value.summary.failures] == [errors.ConfigurationError]
    assert len(caught.value.summary.done) > 1 and caught.value.summary.skipped == 0


def test_what_every_file_would_meet_ends_it(album: Path, client: Client, proxy: FaultProxy, through: Client) -> None:
    with pytest.raises(errors.SomeFailed) as caught:
        through.upload_dir(album, "absent-space", jobs=1)
    assert isinstance(caught.value.summary.failures[0].error, errors.SpaceNotFound)
    assert len(proxy.log("PutObject")) == 1


def test_a_line_that_is_dead_ends_it(album: Path) -> None:
    for number in range(100):
        (album / f"{number}.txt").write_bytes(b"data")
    with socket.socket() as unused:  # bound and not listening: refused
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        client = Client("a", "b", endpoint=f"127.0.0.1:{port}", retry=Retry(0))
        with pytest.raises(errors.SomeFailed) as caught:
            client.upload_dir(album, "space", jobs=2)
    summary = caught.value.summary
    assert 4 <= len(summary.failures) <= 6
    assert all(isinstance(each.error, errors.NoAnswer) for each in summary.failures)


def test_cancel_ends_it(space: str, album: Path, proxy: FaultProxy, through: Client, client: Client) -> None:
    cancel = Cancel()
    proxy.on("PutObject", key="a/1.txt").pause("second")
    with proxy.meanwhile("second", cancel.cancel), pytest.raises(errors.Cancelled):
        through.upload_dir(album, space, jobs=1, cancel=cancel)
    assert len(keys(client, space)) <= 2


# What cannot come down


@pytest.mark.parametrize(
    "key",
    ["p/../a", "p/..", "p/a/../../b", "p/a/..", "p/./a", "p//etc/passwd", "p/a//b", "p/" + "x" * 300],
    ids=lambda key: key[:12],
)
def test_a_key_that_is_no_path_is_refused(client: Client, space: str, tmp_path: Path, key: str) -> None:
    client.put(space, key, b"evil")
    client.put(space, "p/good", b"good")
    with pytest.raises(errors.SomeFailed) as caught:
        client.download_dir(space, "p", tmp_path / "in" / "copy")
    assert list(reasons(caught)) == [key]
    assert tree(tmp_path) == {"in/copy/good": b"good"}


def test_without_a_prefix_an_absolute_key_is_refused(client: Client, space: str, tmp_path: Path) -> None:
    client.put(space, str(tmp_path / "evil"), b"evil")
    with pytest.raises(errors.SomeFailed):
        client.download_dir(space, "", tmp_path / "copy")
    assert tree(tmp_path) == {}


def test_keys_that_end_with_a_slash_make_folders(client: Client, space: str, tmp_path: Path) -> None:
    client.put(space, "p/", b"")
    client.put(space, "p/a/b/", b"")
    client.put(space, "p/a/b/c", b"data")
    client.put(space, "p/full/", b"bytes")
    with pytest.raises(errors.SomeFailed) as caught:
        client.download_dir(space, "p", tmp_path / "copy")
    assert "5 bytes" in reasons(caught)["p/full/"]
    assert tree(tmp_path / "copy") == {"a/b/c": b"data"} and not (tmp_path / "copy" / "full").exists()


def test_a_name_that_is_a_file_and_a_folder_is_the_file(client: Client, space: str, tmp_path: Path) -> None:
    for key in ("a", "a-b", "a/b", "a/c/d", "a/", "ab/c"):
        client.put(space, key, b"" if key.endswith("/") else b"data")
    with pytest.raises(errors.SomeFailed) as caught:
        client.download_dir(space, "", tmp_path / "copy")
    assert sorted(reasons(caught)) == ["a/", "a/b", "a/c/d"]
    assert tree(tmp_path / "copy") == {"a": b"data", "a-b": b"data", "ab/c": b"data"}


def test_names_that_differ_in_case_only_are_refused_where_they_are_one_file(
    client: Client, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("A.txt", "a.txt", "x/B", "X/c", "x/b"):
        client.put(space, key, key.encode())
    client.download_dir(space, "", tmp_path / "both")
    assert len(tree(tmp_path / "both")) == 5
    monkeypatch.setattr("uvideo.transfer.folders.folds_case", lambda folder: True)
    with pytest.raises(errors.SomeFailed, match="case") as caught:
        client.download_dir(space, "", tmp_path / "one")
    assert sorted(reasons(caught)) == ["a.txt", "x/b"]


def test_a_link_that_leads_out_is_not_followed(client: Client, space: str, tmp_path: Path) -> None:
    copy, outside = tmp_path / "copy", tmp_path / "outside"
    for folder in (copy / "real", outside):
        folder.mkdir(parents=True)
    (outside / "kept").write_bytes(b"mine")
    os.symlink(outside, copy / "out")
    os.symlink("../outside/kept", copy / "file")
    os.symlink("../outside/new", copy / "dangling")
    os.symlink(copy, copy / "real" / "up")
    os.symlink("real", copy / "in")
    os.symlink(tmp_path / "copy-more", copy / "beside")
    (tmp_path / "copy-more").mkdir()
    for key in ("out/kept", "out/a/b", "file", "dangling", "beside/a", "in/a", "real/up/b"):
        client.put(space, key, b"evil")
    with pytest.raises(errors.SomeFailed) as caught:
        client.download_dir(space, "", copy)
    assert sorted(reasons(caught)) == ["beside/a", "dangling", "file", "out/a/b", "out/kept"]
    assert all("leads out of" in reason for reason in reasons(caught).values())
    assert tree(outside) == {"kept": b"mine"} and tree(tmp_path / "copy-more") == {}
    assert (copy / "real" / "a").read_bytes() == (copy / "b").read_bytes() == b"evil"


def test_what_stands_in_the_way_is_said_and_stays(client: Client, space: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "folder").mkdir(parents=True)
    (copy / "file").write_bytes(b"mine")
    os.mkfifo(copy / "pipe")
    for key in ("folder", "file/a", "pipe", "good"):
        client.put(space, key, b"data")
    with pytest.raises(errors.SomeFailed) as caught:
        client.download_dir(space, "", copy)
    found = reasons(caught)
    assert sorted(found) == ["file/a", "folder", "pipe"]
    assert (
        "a directory" in found["folder"] and "not a directory" in found["file/a"] and "not a regular" in found["pipe"]
    )
    assert (copy / "good").read_bytes() == b"data" and (copy / "file").read_bytes() == b"mine"


def test_a_target_that_is_a_link_itself_is_the_callers_wish(client: Client, space: str, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    os.symlink("real", tmp_path / "link")
    client.put(space, "a/b", b"data")
    client.download_dir(space, "", tmp_path / "link")
    assert tree(tmp_path / "real") == {"a/b": b"data"}


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a\0b", "x" * 256, "视" * 86, "CON", "con.txt", "a:b", "a\\b", "a.", "b ", "a?", "\x01"]
)
def test_names_that_no_file_has(name: str) -> None:
    with pytest.raises(errors.InvalidArgument):
        check_name(name, name, windows=name not in ("视" * 86,))


def test_names_that_a_file_has(tmp_path: Path) -> None:
    for name in ("a:b", "con", "a.", "...", " ", "x" * 255, "视" * 85, "\n"):
        check_name(name, name, windows=False)
        (tmp_path / name).write_bytes(b"")


def test_memory_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    """What is kept of each file that was placed: nothing."""
    target = FolderTarget(str(tmp_path / "copy"))
    peaks = []
    for count in (2_000, 20_000):
        tracemalloc.start()
        for number in range(count):
            target.place(f"{number // 1000:06}/{number:09}", 10)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0]
