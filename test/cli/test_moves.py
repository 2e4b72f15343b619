"""uvideo mv, and fsspec's move, remove nothing on the service's word alone: what was stored is looked at first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.cli.records import check
from test.cli.shell import Shell
from test.fakes import FaultProxy
from uvideo import etag
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
