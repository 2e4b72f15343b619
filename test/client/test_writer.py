"""Client.open for writing: any length with little memory, stored when it is closed, and nothing stored otherwise."""

from __future__ import annotations

import gc
import io
import logging
import os
import subprocess
import sys
import tarfile
import threading
import tracemalloc
import zipfile

import pytest

from test import patience
from test.fakes import FaultProxy
from test.server_fixture import ROOT, Server
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import Cancel, Client, Limit, errors
from uvideo.models import Progress

BLOCK = 4194304


def tidy(client: Client, space: str) -> None:
    """No object is stored, and no upload is left on the service."""
    assert list(client.list(space)) == []
    assert list(client.list_uploads(space)) == []


@pytest.mark.parametrize("size", [0, 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK, 4 * BLOCK + 7])
@pytest.mark.parametrize("piece", [1000, 70_000, 5 * BLOCK])
def test_what_is_written_is_stored(client: Client, space: str, size: int, piece: int) -> None:
    data = os.urandom(size)
    with client.open(space, "a.mp4", "wb", metadata={"k": "v"}, storage_class="IA") as file:
        for at in range(0, size, piece):
            assert file.write(data[at : at + piece]) == len(data[at : at + piece])
        assert (file.tell(), file.stored) == (size, None)
        with pytest.raises(errors.NotFound):
            client.stat(space, "a.mp4")
    assert file.stored is not None and (file.stored.size, file.stored.verified) == (size, True)
    found = client.get(space, "a.mp4")
    assert found.data == data and found.info.etag == file.stored.etag
    assert (found.info.mime, found.info.metadata, found.info.storage_class) == ("video/mp4", {"k": "v"}, "IA")


def test_it_is_a_file_that_is_written_in_order(client: Client, space: str) -> None:
    with client.open(space, "a", "wb") as file:
        assert (file.readable(), file.seekable(), file.writable(), file.mode) == (False, False, True, "wb")
        assert file.write(bytearray(b"ab")) == file.write(memoryview(b"cd")) == 2
        file.writelines([b"e", b"f"])
        file.flush()
        for call in (lambda: file.read(1), lambda: file.seek(0), file.fileno):
            with pytest.raises(io.UnsupportedOperation):
                call()
        with pytest.raises(TypeError):
            file.write("text")  # type: ignore[arg-type]
    file.close()
    with pytest.raises(ValueError):
        file.write(b"late")
    assert client.get(space, "a").data == b"abcdef"


def test_a_buffer_that_is_filled_again_is_stored_as_it_was(client: Client, space: str) -> None:
    buffer, data = bytearray(100_000), b""
    with client.open(space, "a", "wb") as file:
        for number in range(100):
            buffer[:] = bytes([number]) * len(buffer)
            data += bytes(buffer)
            file.write(buffer)
    assert client.get(space, "a").data == data


def test_small_ones_go_in_one_request_and_large_ones_in_parts(space: str, proxy: FaultProxy, through: Client) -> None:
    with through.open(space, "a", "wb") as file:
        file.write(bytes(2 * BLOCK))
    with through.open(space, "b", "wb") as file:
        file.write(bytes(2 * BLOCK))
        file.write(b"x")
    assert [seen.key for seen in proxy.log("PutObject")] == ["a"]
    assert sorted(seen.part or 0 for seen in proxy.log("UploadPart")) == [0, 1, 2]


def test_archives_and_text_are_written(client: Client, space: str) -> None:
    with client.open(space, "a.zip", "wb") as file, zipfile.ZipFile(file, "w") as made:
        made.writestr("one", b"1" * 100_000)
        made.writestr("two", b"2")
    with client.open(space, "a.tar", "wb") as file, tarfile.open(fileobj=file, mode="w|") as tape:
        tape.addfile(tarfile.TarInfo("empty"))
    with client.open(space, "a.txt", "wb") as file, io.TextIOWrapper(file, "utf-8") as text:
        text.write("视频\n")
    with client.open(space, "a.zip") as file, zipfile.ZipFile(file) as opened:
        assert (opened.read("two"), len(opened.read("one"))) == (b"2", 100_000)
    with client.open(space, "a.tar") as file, tarfile.open(fileobj=file) as tape:
        assert tape.getnames() == ["empty"]
    assert client.get(space, "a.txt").data == "视频\n".encode()


# What goes wrong


@pytest.mark.parametrize("size", [100, 4 * BLOCK])
def test_a_block_that_raises_stores_nothing(client: Client, space: str, size: int) -> None:
    with pytest.raises(KeyError):
        with client.open(space, "a", "wb") as file:
            file.write(bytes(size))
            raise KeyError("mine")
    assert file.closed and file.stored is None
    tidy(client, space)


@pytest.mark.parametrize("size", [100, 4 * BLOCK])
def test_an_error_on_its_way_stores_nothing_whoever_closes(
    client: Client, space: str, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyError):
        with client.open(space, "a", "wb") as file, io.TextIOWrapper(file, "utf-8") as text:
            text.write("x" * size)
            raise KeyError("mine")
    other = client.open(space, "b", "wb")
    with pytest.raises(KeyError):
        try:
            other.write(bytes(size))
            raise KeyError("mine")
        finally:
            other.close()
    assert other.closed and "not stored" in caplog.text
    tidy(client, space)


def test_a_file_that_is_written_while_an_older_error_is_handled_is_stored(client: Client, space: str) -> None:
    try:
        raise KeyError("older")
    except KeyError:
        with client.open(space, "a", "wb") as file:
            file.write(b"data")
    assert client.get(space, "a").data == b"data"


def test_abort_stores_nothing(client: Client, space: str) -> None:
    file = client.open(space, "a", "wb")
    file.write(bytes(4 * BLOCK))
    file.abort()
    file.abort()
    file.close()
    assert file.stored is None
    tidy(client, space)


def test_a_writer_that_is_forgotten_stores_nothing(
    client: Client, space: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = client.open(space, "a", "wb")
    file.write(bytes(4 * BLOCK))
    (thread,) = [each for each in threading.enumerate() if each.name == "uvideo-writer"]
    with caplog.at_level(logging.WARNING, "uvideo"):
        del file
        gc.collect()
    thread.join(patience.SECONDS)
    assert "never closed" in caplog.text
    tidy(client, space)


def test_a_failing_part_comes_out_of_a_later_write(
    client: Client, space: str, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("UploadPart", part=1).then(403)
    with pytest.raises(errors.AccessDenied) as caught:
        with through.open(space, "a", "wb") as file:
            for _ in range(100):
                file.write(bytes(1 << 20))
    assert (caught.value.operation, caught.value.key) == ("UploadPart", "a")
    assert file.closed and file.stored is None
    tidy(client, space)


@pytest.mark.parametrize("where", ["UploadPart", "FinishUpload"])
def test_a_failing_end_comes_out_of_close(
    client: Client, space: str, proxy: FaultProxy, through: Client, where: str
) -> None:
    file = through.open(space, "a", "wb")
    proxy.on(where).then(403)
    file.write(bytes(2 * BLOCK))
    file.write(b"1")
    with pytest.raises(errors.AccessDenied):
        file.close()
    assert file.closed and file.stored is None
    file.close()
    tidy(client, space)


def test_bytes_that_change_on_the_way_are_noticed(
    client: Client, space: str, proxy: FaultProxy, through: Client
) -> None:
    proxy.on("UploadPart", part=1).flip_request(7)
    with pytest.raises(errors.IntegrityError):
        with through.open(space, "a", "wb") as file:
            file.write(bytes(3 * BLOCK))
    tidy(client, space)


def test_passing_failures_are_tried_again(client: Client, space: str, proxy: FaultProxy, through: Client) -> None:
    data = os.urandom(4 * BLOCK)
    proxy.on("UploadPart", part=1).cut_after(512).then(500)
    proxy.on("FinishUpload").lost_answer()
    with through.open(space, "a", "wb") as file:
        file.write(data)
    assert client.get(space, "a").data == data


def test_a_cancel_ends_it(client: Client, space: str, proxy: FaultProxy, through: Client) -> None:
    cancel = Cancel()
    with pytest.raises(errors.Cancelled):
        with through.open(space, "a", "wb", cancel=cancel) as file:
            file.write(bytes(3 * BLOCK))
            cancel.cancel()
            file.write(b"x")
    tidy(client, space)


def test_a_deadline_ends_it(client: Client, space: str) -> None:
    now = [0.0]
    carrier_of(client).ticks = lambda: now[0]
    with pytest.raises(errors.DeadlineExceeded):
        with client.open(space, "a", "wb", deadline=5) as file:
            file.write(b"x")
            now[0] = 6.0
            file.write(b"x")
    tidy(client, space)


def test_progress_and_bandwidth(client: Client, space: str) -> None:
    told: list[Progress] = []
    limit = Limit("1G")
    with client.open(space, "a", "wb", progress=told.append, bandwidth=limit, part_jobs=2) as file:
        file.write(bytes(3 * BLOCK))
    assert (told[-1].done, told[-1].total) == (3 * BLOCK, 3 * BLOCK)
    assert limit.reserve(1, 0.0) > 0


def test_bad_options_are_said_at_once(client: Client, space: str) -> None:
    for options in (
        {"storage_class": "COLD"},
        {"metadata": {"a b": "c"}},
        {"headers": {"Host": "x"}},
        {"deadline": -1},
    ):
        with pytest.raises(errors.InvalidArgument):
            client.open(space, "a", "wb", **options)  # type: ignore[call-overload]
    with pytest.raises(errors.InvalidArgument):
        client.open(space, "", "wb")


def test_memory_stays_small(client: Client, space: str) -> None:
    piece = os.urandom(1 << 20)
    tracemalloc.start()
    try:
        with client.open(space, "a", "wb", part_jobs=2) as file:
            for _ in range(64):
                file.write(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert file.stored is not None and file.stored.size == 64 << 20
    assert peak < 9 * BLOCK


def test_a_child_is_told_to_open_another(client: Client, space: str) -> None:
    with client.open(space, "a", "wb") as file:
        file.write(bytes(3 * BLOCK))
        pid = os.fork()
        if pid == 0:
            try:
                file.write(b"child")
            except errors.InvalidArgument as error:
                file.abort()  # the parent's upload goes on
                os._exit("after a fork" in str(error))
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert client.stat(space, "a").size == 3 * BLOCK


@pytest.mark.parametrize("is_asking", [False, True])
def test_a_program_that_ends_with_an_open_writer_ends(
    client: Client, server: Server, proxy: FaultProxy, space: str, is_asking: bool
) -> None:
    """``is_asking``: the upload waits for the id that it is to be aborted by."""
    program = """
import sys, uvideo
client = uvideo.Client(endpoint=sys.argv[1])
file = client.open(sys.argv[2], "a", "wb")
file.write(bytes(3 * 4194304))
sys.stdin.readline()
"""
    if is_asking:
        proxy.on("InitiateUpload").silence()
    environment = {**os.environ, "UVIDEO_PUBLIC_KEY": server.public_key, "UVIDEO_PRIVATE_KEY": server.private_key}
    command = [sys.executable, "-c", program, f"127.0.0.1:{proxy.port}", space]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stderr=pipe) as process:
        try:
            patience.until(lambda: proxy.log("InitiateUpload"))
            _, said = process.communicate(b"\n", timeout=patience.SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0 and b"Traceback" not in said
    assert list(client.list(space)) == []
