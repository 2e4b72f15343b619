"""uvideo mv, and fsspec's move, remove nothing on the service's word alone: what was stored is looked at first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Shell
from test.fakes import FaultProxy
from uvideo import etag
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
from uvideo.fs import UVideoFileSystem

DATA = b"the only copy"


@pytest.fixture
def proxy(shell: Shell) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", shell.server.port) as made:
        yield made


@pytest.fixture
def file(shell: Shell) -> Path:
    made = shell.folder / "film"
    made.write_bytes(DATA)
    return made


@pytest.mark.parametrize("more", [[], ["--no-verify"]], ids=["verified", "unverified"])
@pytest.mark.parametrize("says", [etag(DATA), etag(b"another"), "odd", None], ids=["right", "other", "odd", "none"])
def test_a_file_stays_whose_upload_stored_nothing(
    shell: Shell, proxy: FaultProxy, file: Path, says: str | None, more: list[str]
) -> None:
    space = shell.space()
    headers = {} if says is None else {"ETag": f'"{says}"'}
    proxy.on("PutObject").answer(200, headers=headers, times=None)
    environ = {"UVIDEO_ENDPOINT": f"127.0.0.1:{proxy.port}", "UVIDEO_RETRIES": "0"}
    done = shell("mv", "film", f"uvideo://{space}/", *more, **environ)
    assert done.code != 0 and file.read_bytes() == DATA, done.err


def test_a_file_stays_where_another_object_is(shell: Shell, proxy: FaultProxy, file: Path) -> None:
    space = shell.space(film="another!!!!!!")
    proxy.on("PutObject").answer(200, headers={"ETag": f'"{etag(DATA)}"'})
    done = shell("mv", "film", f"uvideo://{space}/", UVIDEO_ENDPOINT=f"127.0.0.1:{proxy.port}")
    assert done.code != 0 and "the source was not removed" in done.err and file.read_bytes() == DATA


def test_an_object_stays_whose_copy_is_not_there(shell: Shell, proxy: FaultProxy) -> None:
    space, other = shell.space(film="the only copy"), shell.space()
    proxy.on("CopyObject").answer(200, headers={"ETag": f'"{etag(DATA)}"'}, times=None)
    endpoint = f"127.0.0.1:{proxy.port}"
    done = shell("mv", f"uvideo://{space}/film", f"uvideo://{other}/", UVIDEO_ENDPOINT=endpoint)
    assert done.code != 0 and shell.client.get(space, "film").data == DATA
    fs = UVideoFileSystem(endpoint=endpoint, public_key=shell.server.public_key, private_key=shell.server.private_key)
    with pytest.raises(FileNotFoundError):
        fs.mv(f"{space}/film", f"{other}/film")
    assert shell.client.get(space, "film").data == DATA


def test_a_new_name_is_looked_at(shell: Shell, proxy: FaultProxy) -> None:
    space = shell.space(film="the only copy")
    endpoint = f"127.0.0.1:{proxy.port}"
    done = shell("mv", f"uvideo://{space}/film", f"uvideo://{space}/new", "--json", UVIDEO_ENDPOINT=endpoint)
    record = check(done.lines[0])
    assert (record["etag"], record["bytes"], record["verified"]) == (etag(DATA), len(DATA), True)
    proxy.on("RenameObject").answer(200)
    done = shell("mv", f"uvideo://{space}/new", f"uvideo://{space}/newer", UVIDEO_ENDPOINT=endpoint)
    assert done.code == 4 and shell.client.get(space, "new").data == DATA


def test_an_object_stays_that_went_into_a_pipe(shell: Shell) -> None:
    space = shell.space(film="the only copy")
    done = shell.sh(f"uvideo mv uvideo://{space}/film /dev/stdout | cat")
    assert shell.client.get(space, "film").data == DATA, done.err
    os.mkfifo(shell.folder / "fifo")
    shell.sh(f"cat fifo & uvideo mv uvideo://{space}/film fifo; wait")
    assert shell.client.get(space, "film").data == DATA


def test_set_says_what_is_so_afterwards(shell: Shell, proxy: FaultProxy) -> None:
    space = shell.space(film="the only copy")
    proxy.on("SetMime").answer(200)
    proxy.on("SwitchClass").answer(200)
    words = ["set", f"uvideo://{space}/film", "--mime", "video/odd", "--class", "IA", "--tag", "a=b", "--json"]
    record = check(shell(*words, UVIDEO_ENDPOINT=f"127.0.0.1:{proxy.port}").lines[0])
    found = shell.client.stat(space, "film")
    assert (record["mime"], record["class"], record["tags"]) == (found.mime, "STANDARD", {"a": "b"})
    assert record["mime"] != "video/odd"
    proxy.on("UpdateSpace").answer(200, json={"RetCode": 0, "Action": "UpdateBucketResponse"})
    words = ["spaces", "set", space, "--type", "public", "--json"]
    done = shell(*words, UVIDEO_ENDPOINT=f"127.0.0.1:{proxy.port}")
    assert check(done.lines[0])["type"] == "private", done.err


def linked(folder: Path) -> None:
    """d with a file, an empty folder, and links to both and to itself inside of one folder, m."""
    (folder / "m" / "d" / "empty").mkdir(parents=True)
    (folder / "m" / "d" / "x").write_bytes(DATA)
    (folder / "m" / "a").symlink_to("d/x")
    (folder / "m" / "z").symlink_to("d/x")
    (folder / "m" / "l").symlink_to("d")
    (folder / "m" / "none").symlink_to("d/empty")


def left(folder: Path) -> set[str]:
    """What is below a folder, without following links."""
    return {str(Path(above, name).relative_to(folder)) for above, *below in os.walk(folder) for name in sum(below, [])}


def keys(shell: Shell, space: str) -> list[str]:
    return [each.key for each in shell.client.list(space)]


def test_a_file_moves_under_all_its_names(shell: Shell, inside: Inside) -> None:
    space = shell.space()
    linked(shell.folder)
    done = inside("mv", "-r", "m", f"uvideo://{space}/", "--empty-dirs", "--json")
    assert done.code == 0, done.err
    names = ["a", "d/empty/", "d/x", "l/empty/", "l/x", "none/", "z"]
    assert keys(shell, space) == names
    assert all(shell.client.get(space, name).data == DATA for name in ("a", "d/x", "l/x", "z"))
    assert sum(record.get("removed", False) for record in done.records) == len(names)
    assert left(shell.folder) == {"m", "m/d", "m/l"}

    (shell.folder / "m" / "d" / "x").write_bytes(DATA)
    done = inside("mv", "-r", "m/d", "m/l", f"uvideo://{space}/both/")  # as from m/*
    assert done.code == 0, done.err
    assert keys(shell, space)[1:3] == ["both/d/x", "both/l/x"] and left(shell.folder) == {"m", "m/d", "m/l"}

    (shell.folder / "m" / "x1").write_bytes(DATA)
    (shell.folder / "m" / "x2").symlink_to("x1")
    done = inside("mv", "m/x*", f"uvideo://{space}/pattern/")
    assert done.code == 0, done.err
    assert keys(shell, space)[-3:] == ["pattern/x1", "pattern/x2", "z"] and left(shell.folder) == {"m", "m/d", "m/l"}

    (shell.folder / "m" / "d" / "y").write_bytes(DATA)
    done = inside("mv", "-r", "m/d/*", "m/d", f"uvideo://{space}/pair/")  # one source inside the other
    assert done.code == 0, done.err
    assert keys(shell, space)[-5:-3] == ["pair/d/y", "pair/y"] and left(shell.folder) == {"m", "m/d", "m/l"}


def test_a_file_stays_if_one_of_its_names_fails(
    shell: Shell, proxy: FaultProxy, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = shell.space()
    linked(shell.folder)
    (shell.folder / "m" / "other").write_bytes(b"other")
    before = left(shell.folder)
    proxy.on("PutObject", key="l/x").answer(400, times=None)
    monkeypatch.setenv("UVIDEO_ENDPOINT", f"127.0.0.1:{proxy.port}")
    done = inside("mv", "-r", "m", f"uvideo://{space}/")
    assert done.code == 1 and "its other name m/l/x could not be transferred" in done.err
    assert keys(shell, space) == ["a", "d/x", "other", "z"]
    assert left(shell.folder) == before - {"m/other"}

    done = inside("mv", "-r", "m", f"uvideo://{space}/", "--dry-run")
    assert done.code == 0 and left(shell.folder) == before - {"m/other"}


def test_a_file_stays_if_one_of_its_names_has_the_target_of_another_source(shell: Shell, inside: Inside) -> None:
    space = shell.space()
    for name in ("one", "two"):
        (shell.folder / "m" / name).mkdir(parents=True)
    (shell.folder / "m" / "one" / "x").write_bytes(DATA)
    (shell.folder / "m" / "two" / "x").symlink_to("../one/x")
    before = left(shell.folder)
    done = inside("mv", "m/one/x", "m/two/x", f"uvideo://{space}/")
    assert done.code == 1 and "its other name m/two/x could not be transferred" in done.err
    assert left(shell.folder) == before and keys(shell, space) == ["x"]


def test_a_file_stays_if_one_of_its_names_is_skipped(
    shell: Shell, proxy: FaultProxy, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shell.folder / "m").mkdir()
    (shell.folder / "m" / "a").write_bytes(DATA)
    os.utime(shell.folder / "m" / "a", (1e9, 1e9))
    (shell.folder / "m" / "z").symlink_to("a")
    before = left(shell.folder)
    for option in ("--no-clobber", "--update"):
        space = shell.space(z=b"other")  # newer than the file
        done = inside("mv", "-r", "m", f"uvideo://{space}/", option, "--json")
        assert done.code == 0, done.err
        assert [record["removed"] for record in done.records if "removed" in record] == [False]
        assert left(shell.folder) == before and shell.client.get(space, "a").data == DATA
        assert shell.client.get(space, "z").data == b"other"

    space = shell.space()
    proxy.on("HeadObject", key="z").answer(400, times=None)
    proxy.on("ListObjects").answer(400, times=None)
    monkeypatch.setenv("UVIDEO_ENDPOINT", f"127.0.0.1:{proxy.port}")
    done = inside("mv", "-r", "m", f"uvideo://{space}/", "--update")
    assert done.code == 1 and "its other name m/z could not be transferred" in done.err, done.err
    assert left(shell.folder) == before and keys(shell, space) == ["a"]


def test_all_files_stay_if_the_move_is_stopped(
    shell: Shell, proxy: FaultProxy, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = shell.space()
    linked(shell.folder)
    before = left(shell.folder)
    proxy.on("PutObject", key="l/x").pause("second")
    monkeypatch.setenv("UVIDEO_ENDPOINT", f"127.0.0.1:{proxy.port}")
    context = Context()
    words = ["mv", "-r", "m", f"uvideo://{space}/", "--jobs", "1"]
    with proxy.meanwhile("second", context.cancel.set), closing(context), pytest.raises(KeyboardInterrupt):
        invoke(context, words)
    assert left(shell.folder) == before and keys(shell, space)[:2] == ["a", "d/x"]
