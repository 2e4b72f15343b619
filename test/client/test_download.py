"""Client.download: complete and verified, in ranges, resumable; or no trace."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from test.patience import until
from test.posix import resource
from test.sdk import silence
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.engine import multipart_upload as transfer
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.http import pool
from ucloud.uvideo.protocol import etag
from uvideo import Cancel, Client, Limit, errors
from uvideo.models import Progress

Hashing, Stream = transfer.Hashing, pool.Stream
BLOCK = 4194304
LEAD = 2 * BLOCK  # what the first request asks for


def content(size: int) -> bytes:
    block = os.urandom(1 << 20)
    return b"".join(number.to_bytes(16, "big") + block[16:] for number in range(-(-size >> 20)))[:size]


@pytest.fixture(scope="module")
def data() -> bytes:
    return content(5 * BLOCK + 77)


@pytest.fixture(scope="module")
def original(server: Server, data: bytes) -> str:
    """A space whose object ``a`` is copied, which costs less than to send it."""
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        space = client.create_space("c-" + uuid.uuid4().hex[:20]).name
        client.put(space, "a", data)
    return space


@pytest.fixture
def stored(client: Client, space: str, original: str) -> str:
    client.copy(space, "a", original, "a")
    return space


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "films"
    path.mkdir()
    return path


def spans(proxy: FaultProxy) -> list[str]:
    return [seen.headers.get("range", "all") for seen in proxy.log("GetObject")]


def received(proxy: FaultProxy) -> int:
    return sum(seen.answer_bytes for seen in proxy.log("GetObject") if seen.status in (200, 206))


def tidy(client: Client, folder: Path, *names: str) -> None:
    """No temporary file is left and no record in the journal."""
    assert sorted(os.listdir(folder)) == sorted(names)
    assert client.transfers() == ()


def interrupted(through: Client, proxy: FaultProxy, space: str, target: Path, **options: Any) -> str:
    """Fetch the first two blocks and a little more, and end there."""
    proxy.on("GetObject").truncate(LEAD + 5).then(500, times=6)
    with pytest.raises(errors.TransferInterrupted, match="resume") as caught:
        through.download(space, "a", target, part_jobs=1, **options)
    proxy.reset()
    assert caught.value.transfer is not None
    return caught.value.transfer


# What comes


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("size", [0, 1, BLOCK, LEAD - 1, LEAD, LEAD + 1, 5 * BLOCK])
def test_an_object_of_any_size_is_saved_and_verified(
    client: Client, space: str, folder: Path, size: int, jobs: int
) -> None:
    data = content(size)
    sent = client.put(space, "a", data)
    found = client.download(space, "a", folder / "a", part_jobs=jobs)
    assert (found.size, found.verified, found.path, found.etag) == (size, True, str(folder / "a"), sent.etag)
    assert (folder / "a").read_bytes() == data
    tidy(client, folder, "a")


def test_small_objects_come_in_one_request_and_large_ones_in_ranges(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    client.put(stored, "small", data[:BLOCK])
    through.download(stored, "small", folder / "small")
    assert spans(proxy) == ["bytes=0-8388607"]
    proxy.reset()
    through.download(stored, "a", folder / "a")
    assert sorted(spans(proxy)) == sorted(
        f"bytes={first}-{min(last, len(data)) - 1}"
        for first, last in [(0, LEAD), *((at, at + BLOCK) for at in range(LEAD, len(data), BLOCK))]
    )
    assert received(proxy) == len(data)
    assert all(seen.headers["if-range"] for seen in proxy.log("GetObject")[1:])


@pytest.mark.parametrize(
    ("start", "end"),
    [(BLOCK, BLOCK + 10), (3, LEAD + 9), (7, None), (0, None), (5, 4 * BLOCK), (-10, None), (-3 * BLOCK, None)],
)
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_range_is_saved(
    client: Client, stored: str, folder: Path, data: bytes, start: int, end: int | None, jobs: int
) -> None:
    found = client.download(stored, "a", folder / "part", start=start, end=end, part_jobs=jobs)
    assert (folder / "part").read_bytes() == data[start:end]
    assert (found.size, found.verified) == (len(data[start:end]), start == 0)
    tidy(client, folder, "part")


def test_a_range_outside_of_the_object_is_refused(client: Client, stored: str, folder: Path, data: bytes) -> None:
    with pytest.raises(errors.InvalidRange):
        client.download(stored, "a", folder / "a", start=len(data))
    tidy(client, folder)


def test_the_whole_in_place_of_a_range_is_not_taken_for_it(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    headers = {"ETag": '"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"'}
    proxy.on("GetObject").answer(200, data, headers=headers)
    with pytest.raises(errors.IntegrityError, match="whole object"):
        through.download(stored, "a", folder / "a", start=5, end=9)
    tidy(through, folder)


def test_verify_false_compares_no_etag(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    lie = '"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"'
    proxy.on("GetObject").header("ETag", lie, times=None)
    assert not through.download(stored, "a", folder / "a", checksum=False).verified
    assert (folder / "a").read_bytes() == data
    with pytest.raises(errors.IntegrityError, match="expected etag"):
        through.download(stored, "a", folder / "b")
    tidy(through, folder, "a")


def test_of_an_etag_that_cannot_be_computed_only_the_length_is_compared(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    proxy.on("GetObject").header("ETag", '"of-their-own"', times=None)
    found = through.download(stored, "a", folder / "a", part_jobs=1)
    assert (found.verified, found.etag, found.size) == (False, "of-their-own", len(data))
    assert (folder / "a").read_bytes() == data


# Where it goes


class Writer:
    """Something with write(), and nothing else."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)


def test_file_objects_are_written_from_where_they_stand_and_left_open(
    client: Client, stored: str, folder: Path, data: bytes
) -> None:
    with (folder / "a").open("w+b") as file:
        file.write(b"head")
        found = client.download(stored, "a", file)
        assert (found.verified, found.size, found.path, file.closed) == (True, len(data), None, False)
        file.write(b"tail")
    assert (folder / "a").read_bytes() == b"head" + data + b"tail"
    memory, writer = io.BytesIO(), Writer()
    assert client.download(stored, "a", memory, start=3, end=LEAD + 3).size == LEAD
    assert memory.getvalue() == data[3 : LEAD + 3]
    assert client.download(stored, "a", writer).verified  # type: ignore[arg-type]
    assert b"".join(writer.pieces) == data
    tidy(client, folder, "a")


def test_pipes_and_devices_are_written_directly(client: Client, stored: str, folder: Path, data: bytes) -> None:
    os.mkfifo(folder / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((folder / "pipe").read_bytes()), daemon=True)
    reader.start()
    assert client.download(stored, "a", folder / "pipe").verified
    until(lambda: got)
    assert got == [data]
    assert client.download(stored, "a", "/dev/null").verified
    with pytest.raises(errors.LocalFailure, match="No space left"):
        client.download(stored, "a", "/dev/full")
    tidy(client, folder, "pipe")


@pytest.mark.parametrize("target", [io.StringIO(), open(os.devnull, "rb")], ids=["text", "read"])
def test_a_file_object_that_takes_no_bytes_is_a_local_failure(client: Client, stored: str, target: Any) -> None:
    with pytest.raises(errors.LocalFailure, match="cannot be written to"):
        client.download(stored, "a", target)


def test_a_target_that_cannot_be_written_is_said_before_anything_is_sent(
    stored: str, proxy: FaultProxy, through: Client, tmp_path: Path
) -> None:
    for target in (tmp_path, tmp_path / "absent" / "a"):
        with pytest.raises(errors.LocalFailure):
            through.download(stored, "a", target)
    for call in (
        lambda: through.download(stored, "a", 7),  # type: ignore[arg-type]
        lambda: through.download(stored, "a", tmp_path / "a", part_jobs=0),
        lambda: through.download(stored, "a", tmp_path / "a", bandwidth=0),
        lambda: through.download(stored, "a", tmp_path / "a", deadline=0),
        lambda: Limit("fast"),
    ):
        with pytest.raises(errors.InvalidArgument):
            call()
    assert proxy.log() == []


def test_a_path_is_given_back_as_it_was_given_and_noted_as_it_is(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert through.download(stored, "a", "a").path == "a"
    transfer = interrupted(through, proxy, stored, Path("b"))
    assert through.transfers()[0].path == str(folder / "b")
    monkeypatch.chdir("/")
    assert through.resume(transfer).path == str(folder / "b")
    tidy(through, folder, "a", "b")


def test_an_existing_file_keeps_its_permissions_and_a_link_its_place(
    client: Client, stored: str, folder: Path, data: bytes
) -> None:
    (folder / "a").write_bytes(b"old")
    (folder / "a").chmod(0o640)
    (folder / "link").symlink_to("a")
    client.download(stored, "a", folder / "link")
    assert (folder / "link").is_symlink() and (folder / "a").read_bytes() == data
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640


# What goes wrong


def test_what_breaks_off_goes_on_where_it_ended(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    proxy.on("GetObject", byte=LEAD - 1).reset(BLOCK).truncate(BLOCK // 2).then(503)
    proxy.on("GetObject", byte=5 * BLOCK - 1).reset(BLOCK // 2).then(500, times=2).truncate(BLOCK // 4)
    seen: list[Progress] = []
    assert through.download(stored, "a", folder / "a", progress=seen.append).verified
    assert (folder / "a").read_bytes() == data
    assert received(proxy) < len(data) * 1.1
    assert seen[-1].retries == 7
    tidy(through, folder, "a")


@pytest.mark.parametrize("jobs", [1, 3])
def test_silence_ends_and_is_tried_again(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes, jobs: int
) -> None:
    proxy.on("GetObject").stall(BLOCK // 2)
    with silence.told(proxy.held):
        assert through.download(stored, "a", folder / "a", part_jobs=jobs).verified
    assert (folder / "a").read_bytes() == data


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("fault", ["flip", "range", "absent", "forbidden", "cancel", "progress", "etag"])
def test_a_failure_leaves_an_existing_file_as_it_was(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, fault: str, jobs: int
) -> None:
    target = folder / "a"
    target.write_bytes(b"mine")
    cancel = Cancel()
    expected: dict[str, type[BaseException]] = {
        "flip": errors.IntegrityError,
        "range": errors.IntegrityError,
        "absent": errors.NotFound,
        "forbidden": errors.AccessDenied,
        "cancel": errors.Cancelled,
        "progress": KeyError,
        "etag": errors.IntegrityError,
    }

    def progress(now: Progress) -> None:
        if fault == "progress":
            raise KeyError("mine")

    if fault == "flip":
        proxy.on("GetObject").flip(BLOCK + 1)
    elif fault == "range":
        proxy.on("GetObject", byte=0).reset(BLOCK)
        proxy.on("GetObject", byte=LEAD - 1).header("Content-Range", "bytes 7-1000006/20971597")
    elif fault == "forbidden":
        proxy.on("GetObject").then(403)
    elif fault == "cancel":
        cancel.cancel()
    elif fault == "etag":
        proxy.on("GetObject").header("ETag", '"AQAAACqubDXJT8-0FdvpX0CLnOke6Ebt"', times=None)
    key = "absent" if fault == "absent" else "a"
    with pytest.raises(expected[fault]):
        through.download(
            stored, key, target, part_jobs=jobs, cancel=cancel, progress=progress, journal=fault in ("flip", "absent")
        )
    assert target.read_bytes() == b"mine"
    tidy(through, folder, "a")


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_an_object_that_changes_is_fetched_anew_as_a_whole(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path, jobs: int
) -> None:
    proxy.on("GetObject").truncate(BLOCK + 5).pause("changed")
    other = content(6 * BLOCK + 1)
    seen: list[Progress] = []
    carrier_of(through).ticks = iter(range(10**6)).__next__
    with proxy.meanwhile("changed", partial(client.put, stored, "a", other)):
        assert through.download(stored, "a", folder / "a", part_jobs=jobs, progress=seen.append).verified
    assert (folder / "a").read_bytes() == other
    done = [now.done for now in seen]
    assert done == sorted(done) and (seen[-1].done, seen[-1].total, seen[-1].parts) == (len(other), len(other), 7)
    tidy(through, folder, "a")


def test_one_that_changes_again_is_object_changed(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path
) -> None:
    proxy.on("GetObject").truncate(BLOCK + 5).pause("first").truncate(5).pause("second")
    with (
        proxy.meanwhile("first", partial(client.put, stored, "a", content(3 * BLOCK))),
        proxy.meanwhile("second", partial(client.put, stored, "a", content(3 * BLOCK))),
        pytest.raises(errors.ObjectChanged) as caught,
    ):
        through.download(stored, "a", folder / "a", part_jobs=1)
    assert (caught.value.operation, caught.value.key, caught.value.transfer) == ("GetObject", "a", None)
    tidy(through, folder)


def test_a_stream_goes_back_for_another_version_or_says_that_it_cannot(
    client: Client, stored: str, proxy: FaultProxy, through: Client
) -> None:
    file = io.BytesIO()
    file.write(b"head")
    other = content(BLOCK // 2)
    proxy.on("GetObject").truncate(BLOCK).pause("changed")
    with proxy.meanwhile("changed", partial(client.put, stored, "a", other)):
        assert through.download(stored, "a", file).verified
    assert file.getvalue() == b"head" + other
    proxy.reset()
    proxy.on("GetObject").truncate(BLOCK // 4).pause("changed")
    again = "cannot be rewritten from its start: it has 1048576 bytes"
    more = partial(client.put, stored, "a", b"more")
    with proxy.meanwhile("changed", more), pytest.raises(errors.LocalFailure, match=again):
        through.download(stored, "a", Writer())  # type: ignore[arg-type]


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_service_that_gives_no_ranges_is_asked_for_the_whole_again(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes, jobs: int
) -> None:
    whole = {"ETag": f'"{client.stat(stored, "a").etag}"'}
    half = {**whole, "Content-Length": str(len(data))}
    proxy.on("GetObject").answer(200, data[: BLOCK + 9], headers=half).answer(200, data, headers=whole)
    with silence.told(proxy.held):
        assert through.download(stored, "a", folder / "a", part_jobs=jobs).verified
    assert (folder / "a").read_bytes() == data
    tidy(client, folder, "a")


@pytest.mark.parametrize("again", [True, False])
def test_a_whole_object_in_place_of_the_rest_of_a_range_is_not_taken_for_it(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes, again: bool
) -> None:
    """A service that breaks off a range, and then sends all of the object: no byte of it is the next one."""
    etag, start, end = client.stat(stored, "a").etag, 5, 2 * BLOCK
    some = {"ETag": f'"{etag}"', "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
    proxy.on("GetObject").answer(206, data[start : BLOCK + 9], headers={**some, "Content-Length": str(end - start)})
    if again:  # ever again: it has no ranges any more
        proxy.on("GetObject").answer(200, data, headers={"ETag": f'"{etag}"'}, times=through.settings.retries)
    else:
        proxy.on("GetObject").answer(200, data, headers={"ETag": f'"{etag}"'})
    with silence.told(proxy.held):
        if again:
            with pytest.raises(errors.BadAnswer, match="the whole object was sent"):
                through.download(stored, "a", folder / "a", start=start, end=end, part_jobs=1, journal=False)
            tidy(through, folder)
        else:
            through.download(stored, "a", folder / "a", start=start, end=end, part_jobs=1)
            assert (folder / "a").read_bytes() == data[start:end]
            tidy(through, folder, "a")


def test_a_full_disk_is_said_before_the_bytes_come(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a").write_bytes(b"mine")
    full = SimpleNamespace(f_frsize=4096, f_bavail=10, f_bfree=10)
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    with pytest.raises(errors.LocalFailure, match="No space left on device: 20971597 bytes are needed and 40960"):
        through.download(stored, "a", folder / "a")
    assert len(spans(proxy)) == 1
    assert (folder / "a").read_bytes() == b"mine"
    tidy(through, folder, "a")


def test_a_file_that_may_not_grow_so_large_is_said_before_the_bytes_come(
    client: Client, server: Server, stored: str, proxy: FaultProxy, through: Client, folder: Path
) -> None:
    (folder / "a").write_bytes(b"mine")
    process = other_process(
        through, server, stored, folder / "a", prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, -1))
    )
    output = process.communicate(timeout=patience.SECONDS)[0]
    assert "LocalFailure" in output and "File too large" in output
    assert len(spans(proxy)) == 1
    assert (folder / "a").read_bytes() == b"mine"
    tidy(through, folder, "a")


def test_a_system_that_sets_no_room_aside_will_do(
    client: Client, stored: str, folder: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refused)
    assert client.download(stored, "a", folder / "a").verified
    assert (folder / "a").read_bytes() == data


def test_without_a_place_for_the_journal_it_goes_without(
    client: Client, stored: str, folder: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    client.settings.state().parent.mkdir(parents=True, exist_ok=True)
    client.settings.state().write_text("no folder")
    assert client.download(stored, "a", folder / "a").verified
    assert (folder / "a").read_bytes() == data
    assert "no record was written" in caplog.text
    assert os.listdir(folder) == ["a"]


# Cancel, deadline, progress, limit


@pytest.mark.parametrize("kind", ["cancel", "deadline"])
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_silent_service_does_not_hold_up_cancel_or_deadline(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, kind: str, jobs: int
) -> None:
    proxy.on("GetObject").stall(LEAD // 2)
    cancel, deadline, late = Cancel(), None, [0.0]
    if kind == "deadline":
        deadline = 600
        carrier_of(through).ticks = lambda: time.monotonic() + late[0]

    def over() -> None:
        late[0] = 1000.0
        if kind == "cancel":
            cancel.cancel()

    def moved(progress: Progress) -> None:  # the silence begins soon
        if progress.done and not timer.ident:
            timer.start()

    timer = threading.Timer(0.1, over)
    begin = time.monotonic()
    with pytest.raises(errors.Cancelled if kind == "cancel" else errors.DeadlineExceeded) as caught:
        through.download(stored, "a", folder / "a", part_jobs=jobs, cancel=cancel, deadline=deadline, progress=moved)
    assert time.monotonic() - begin < 20  # the timeout is 60
    assert caught.value.transfer is not None
    through.abort(caught.value.transfer)
    tidy(through, folder)


def test_a_cancelled_download_is_resumed(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    cancel = Cancel()

    def progress(now: Progress) -> None:
        if now.parts_done >= 3:
            cancel.cancel()

    carrier_of(through).ticks = iter(range(10**6)).__next__
    with pytest.raises(errors.Cancelled) as caught:
        through.download(stored, "a", folder / "a", part_jobs=1, cancel=cancel, progress=progress)
    assert caught.value.transfer is not None
    proxy.reset()
    done = through.transfers()[0].done
    found = through.resume(caught.value.transfer)
    assert found.verified and (folder / "a").read_bytes() == data
    assert done >= 2 * BLOCK and received(proxy) == len(data) - done
    tidy(through, folder, "a")


def test_progress_never_goes_back_and_knows_all_after_the_first_answer(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    proxy.on("GetObject").reset(BLOCK + 5)
    proxy.on("GetObject", byte=3 * BLOCK).reset(BLOCK // 2)
    seen: list[Progress] = []
    carrier_of(through).ticks = iter(range(10**6)).__next__
    through.download(stored, "a", folder / "a", part_jobs=3, progress=seen.append)
    done = [now.done for now in seen]
    assert done == sorted(done) and len(seen) > 20
    assert {(now.direction, now.total, now.parts, now.path) for now in seen} == {
        ("download", len(data), 6, str(folder / "a"))
    }
    assert (seen[-1].done, seen[-1].parts_done, seen[-1].retries, seen[-1].resumed) == (len(data), 6, 2, 0)
    assert all(now.transfer is not None for now in seen)


def clocked(client: Client) -> list[float]:
    """Make the client's time pass by its waits only."""
    now, lock = [0.0], threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            now[0] += seconds

    carrier_of(client).ticks = lambda: now[0]
    carrier_of(client).sleep = sleep
    return now


def test_a_bandwidth_is_kept_to(stored: str, through: Client, folder: Path, data: bytes) -> None:
    now = clocked(through)
    through.download(stored, "a", folder / "a", part_jobs=1, bandwidth=1 << 20)
    assert now[0] == pytest.approx(len(data) / (1 << 20), abs=0.3)
    shared = Limit("4M")
    before = now[0]
    for name in ("b", "c"):
        through.download(stored, "a", folder / name, part_jobs=1, bandwidth=shared)
    assert now[0] - before == pytest.approx(2 * len(data) / shared.rate, abs=0.3)


def test_a_low_rate_leaves_no_connection_silent_for_long(client: Client, space: str, folder: Path) -> None:
    client.put(space, "a", content(100_000))
    now = clocked(client)
    waits: list[float] = []
    real = carrier_of(client).sleep
    carrier_of(client).sleep = lambda seconds: (waits.append(seconds), real(seconds))[1]
    seen: list[tuple[int, float]] = []
    client.download(
        space, "a", folder / "a", bandwidth=20_000, progress=lambda progress: seen.append((progress.done, now[0]))
    )
    assert now[0] == pytest.approx(5, abs=0.3)
    assert max(waits) <= 0.1
    assert max(later[1] - sooner[1] for sooner, later in zip(seen, seen[1:], strict=False)) <= 0.5


def test_a_slow_network_is_read_in_small_pieces(client: Client, stored: str, folder: Path, data: bytes) -> None:
    now, sizes = [0.0], list[int]()
    carrier_of(client).ticks = lambda: now[0]

    def slow(stream: Any, view: memoryview) -> int:
        sizes.append(len(view))
        now[0] += len(view) / (100_000 if len(sizes) < 20 else 1e9)
        count: int = real(stream, view)
        return count

    with pytest.MonkeyPatch.context() as patch:
        real = Stream.readinto
        patch.setattr(Stream, "readinto", slow)
        client.download(stored, "a", folder / "a", part_jobs=1)
    assert (folder / "a").read_bytes() == data
    assert sizes[:4] == [262144, 131072, 65536, 32768]
    assert min(sizes[4:19]) == max(sizes[4:19]) == 32768
    assert sizes[40] == 262144


def test_what_is_still_to_be_hashed_is_not_read_over_after_a_break(
    client: Client, space: str, proxy: FaultProxy, through: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, again = content(2 << 20), threading.Event()
    client.put(space, "a", data)
    proxy.on("GetObject").truncate(3 * 262144 + 1000)  # as many pieces as may wait to be hashed
    hashing, readinto, reads = Hashing.work, Stream.readinto, list[int]()

    def behind(self: Any) -> None:
        again.wait(patience.SECONDS)  # until the second request has brought something
        hashing(self)

    def read(self: Any, view: memoryview) -> int:
        count: int = readinto(self, view)
        reads.append(count)
        if len(proxy.log("GetObject")) > 1:
            again.set()
        return count

    monkeypatch.setattr(Hashing, "work", behind)
    monkeypatch.setattr(Stream, "readinto", read)
    target = io.BytesIO()
    assert through.download(space, "a", target, part_jobs=1).verified
    assert target.getvalue() == data
    assert again.is_set() and len(reads) > 5


# The journal


def test_an_interrupted_download_goes_on_with_what_is_missing(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    (folder / "a").write_bytes(b"mine")
    transfer = interrupted(through, proxy, stored, folder / "a")
    (record,) = through.transfers()
    assert (record.id, record.direction, record.key, record.path) == (transfer, "download", "a", str(folder / "a"))
    assert (record.size, record.active, record.upload_id) == (len(data), False, None)
    assert record.etag == through.stat(stored, "a").etag
    assert record.done == LEAD
    assert (folder / "a").read_bytes() == b"mine"
    seen: list[Progress] = []
    assert through.download(stored, "a", folder / "a", progress=seen.append).verified
    assert received(proxy) == len(data) - record.done
    assert (seen[0].resumed, seen[0].transfer, seen[-1].parts_done) == (record.done, transfer, 6)
    assert (folder / "a").read_bytes() == data
    tidy(through, folder, "a")


def test_the_journal_may_be_left_out(stored: str, proxy: FaultProxy, through: Client, folder: Path) -> None:
    proxy.on("GetObject", byte=3 * BLOCK).then(500, times=None)
    with pytest.raises(errors.InternalError):
        through.download(stored, "a", folder / "a", journal=False)
    tidy(through, folder)


def test_a_range_is_resumed(stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a", start=100)
    found = through.resume(transfer)
    assert found.size == len(data) - 100 and received(proxy) == found.size - LEAD
    assert (folder / "a").read_bytes() == data[100:]
    tidy(through, folder, "a")


def test_a_download_of_the_journal_is_aborted(stored: str, proxy: FaultProxy, through: Client, folder: Path) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    assert len(os.listdir(folder)) == 1
    through.abort(transfer)
    tidy(through, folder)
    with pytest.raises(errors.InvalidArgument, match="there is no transfer"):
        through.resume(transfer)


def test_resume_refuses_an_object_that_changed_and_the_same_call_takes_it(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    other = content(4 * BLOCK)
    client.put(stored, "a", other)
    with pytest.raises(errors.ObjectChanged) as caught:
        through.resume(transfer)
    assert caught.value.transfer == transfer
    assert [record.id for record in through.transfers()] == [transfer]
    assert through.download(stored, "a", folder / "a").verified
    assert (folder / "a").read_bytes() == other
    tidy(through, folder, "a")


def test_resume_refuses_a_changed_object_also_when_nothing_is_left_of_the_file(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    (folder / f".{transfer}.part").unlink()
    client.put(stored, "a", b"other")
    with pytest.raises(errors.ObjectChanged):
        through.resume(transfer)
    client.put(stored, "a", data)
    assert through.resume(transfer).verified
    assert (folder / "a").read_bytes() == data
    tidy(through, folder, "a")


def test_all_is_there_but_the_name(stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("ucloud.uvideo.engine.download_target.FileTarget.commit", killed)
        with pytest.raises(KeyboardInterrupt):
            through.download(stored, "a", folder / "a")
    (record,) = through.transfers()
    assert record.done == len(data)
    proxy.reset()
    assert through.resume(record.id).verified
    assert [seen.operation for seen in proxy.log()] == ["HeadObject"]
    assert (folder / "a").read_bytes() == data
    tidy(through, folder, "a")


@pytest.mark.parametrize(
    ("damage", "verify"),
    [
        ("altered", True),
        *((damage, verify) for damage in ("shorter", "removed", "replaced", "link") for verify in (1, 0)),
    ],
)
def test_a_temporary_file_that_is_not_as_it_was_left_is_noticed(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes, damage: str, verify: bool
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a", checksum=bool(verify))
    temporary = folder / f".{transfer}.part"
    aside, was = folder.with_name("aside"), temporary.read_bytes()
    if damage == "altered":
        with temporary.open("r+b") as file:
            file.write(b"changed")
    elif damage == "shorter":
        os.truncate(temporary, len(data) - 1)
    else:
        temporary.rename(aside)
    if damage == "replaced":
        temporary.write_bytes(bytes(len(was)))
    elif damage == "link":
        (folder / "victim").write_bytes(bytes(len(was)))
        temporary.symlink_to("victim")
    through.resume(transfer)
    assert (folder / "a").read_bytes() == data
    if damage == "link":
        assert (folder / "victim").read_bytes() == bytes(len(was))
        (folder / "victim").unlink()
    tidy(through, folder, "a")


def test_blocks_without_digest_are_noted_when_they_cannot_be_lost_any_more(
    client: Client, stored: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real, append = os.fdatasync, "uvideo.transfer.journal.JournalClaim.append"
    monkeypatch.setattr(os, "fdatasync", lambda number: (steps.append("sync"), real(number))[1])
    monkeypatch.setattr(append, lambda self, line: steps.append(line) if '"block"' in line else None)
    monkeypatch.setattr("uvideo.transfer.download.UNSYNCED", 2 * BLOCK)
    monkeypatch.setattr("uvideo.transfer.download.boot", lambda: None)
    client.download(stored, "a", folder / "a", checksum=False)
    assert [step[:4] for step in steps] == ["sync", '{"bl', '{"bl'] * 3
    assert not any("sha1" in step for step in steps)


@pytest.mark.parametrize("synced", [True, False])
def test_blocks_without_digest_outlast_the_system_once_they_are_synced(
    stored: str,
    proxy: FaultProxy,
    through: Client,
    folder: Path,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
    synced: bool,
) -> None:
    def refuse(number: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    if not synced:
        monkeypatch.setattr(os, "fdatasync", refuse)
    transfer = interrupted(through, proxy, stored, folder / "a", checksum=False)
    done = through.transfers()[0].done
    assert done >= BLOCK
    monkeypatch.setattr("uvideo.transfer.journal.boot", lambda: "another")
    assert through.transfers()[0].done == (done if synced else 0)
    assert not through.resume(transfer).verified
    assert (folder / "a").read_bytes() == data
    tidy(through, folder, "a")


def test_a_download_begun_unverified_is_resumed_so_and_the_same_call_may_verify(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a", checksum=False)
    assert through.download(stored, "a", folder / "a").verified
    assert received(proxy) == len(data) - LEAD
    proxy.reset()
    transfer = interrupted(through, proxy, stored, folder / "a", checksum=False)
    assert not through.resume(transfer).verified
    assert (folder / "a").read_bytes() == data


def test_an_answer_that_is_wrong_once_does_not_cost_what_is_there(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    proxy.on("GetObject").header("Content-Range", "bytes 5-12582916/20971597")
    with pytest.raises(errors.IntegrityError, match="were requested") as caught:
        through.resume(transfer, part_jobs=1)
    assert caught.value.transfer == transfer
    assert through.resume(transfer).verified
    assert (folder / "a").read_bytes() == data


def test_a_file_that_does_not_verify_in_the_end_is_thrown_away(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    proxy.on("GetObject").flip(7)
    with pytest.raises(errors.IntegrityError, match="does not verify"):
        through.resume(transfer)
    tidy(through, folder)


def test_a_record_cut_in_the_middle_of_a_line_still_serves(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    path = through.settings.state() / "transfers" / f"{transfer}.jsonl"
    done = through.transfers()[0].done
    path.write_bytes(path.read_bytes()[:-20])
    assert through.transfers()[0].done == done - BLOCK
    assert through.resume(transfer).verified
    assert received(proxy) == len(data) - done + BLOCK


def test_the_record_is_its_owners_and_names_what_it_is_about(
    stored: str, proxy: FaultProxy, through: Client, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    path = through.settings.state() / "transfers" / f"{transfer}.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert server.private_key not in text and "Signature" not in text
    first, second, *lines = (json.loads(line) for line in text.splitlines())
    assert (first["direction"], first["key"], first["path"]) == ("download", "a", str(folder / "a"))
    assert (second["etag"], second["size"]) == (through.stat(stored, "a").etag, 5 * BLOCK + 77)
    assert all("sha1" in line for line in lines if "block" in line)
    real = os.geteuid()
    with monkeypatch.context() as stranger:
        stranger.setattr(os, "geteuid", lambda: real + 1)
        assert through.transfers() == ()
    through.abort(transfer)


def test_another_address_of_the_same_service_goes_on(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    assert client.resume(transfer).verified
    assert (folder / "a").read_bytes() == client.get(stored, "a").data
    assert client.transfers() == ()


def test_another_service_is_not_asked_to_go_on(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path, tmp_path: Path, server: Server
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    keys = "--public-key", server.public_key, "--private-key", server.private_key
    with (
        start_server(tmp_path / "other", "--no-fsync", *keys) as other,
        Client(other.public_key, other.private_key, endpoint=other.host) as stranger,
    ):
        for _ in range(2):  # without the space, and with another object of that name
            for call in (stranger.resume, stranger.abort):
                with pytest.raises(errors.InvalidArgument, match="belongs to .*, not to"):
                    call(transfer)
            if not list(stranger.list_spaces()):
                stranger.create_space(stored)
                stranger.put(stored, "a", b"other bytes")
    through.abort(transfer)
    tidy(through, folder)


def test_an_object_that_is_gone_leaves_nothing(
    client: Client, stored: str, proxy: FaultProxy, through: Client, folder: Path
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    client.delete(stored, "a")
    with pytest.raises(errors.NotFound):
        through.resume(transfer)
    tidy(through, folder)


def test_keys_that_are_refused_for_a_while_lose_nothing(
    stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, stored, folder / "a")
    proxy.on("GetObject").then(403)
    with pytest.raises(errors.AccessDenied) as caught:
        through.resume(transfer, part_jobs=1)
    assert caught.value.transfer == transfer
    assert through.resume(transfer).verified
    assert (folder / "a").read_bytes() == data


PROGRAM = """
import sys, pathlib
from uvideo import Client
with Client() as client:
    print(client.download(sys.argv[1], "a", pathlib.Path(sys.argv[2]), part_jobs=int(sys.argv[3])).verified)
"""


def other_process(
    client: Client, server: Server, space: str, target: Path, jobs: int = 1, prepare: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    host = re.search(r" at (\S+)>", repr(client))
    assert host is not None
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "UVIDEO_PUBLIC_KEY": server.public_key,
        "UVIDEO_PRIVATE_KEY": server.private_key,
        "UVIDEO_ENDPOINT": host[1],
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, space, str(target), str(jobs)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=prepare,
    )


def test_after_kill_9_another_process_fetches_only_what_is_missing(
    server: Server, stored: str, proxy: FaultProxy, through: Client, folder: Path, data: bytes
) -> None:
    proxy.on("GetObject", byte=4 * BLOCK).pause("fourth block")
    first = other_process(through, server, stored, folder / "a", 2)
    assert proxy.wait("fourth block")
    with pytest.raises(errors.TransferBusy):
        through.download(stored, "a", folder / "a")
    (record,) = through.transfers()
    assert record.active
    for call in (through.abort, through.resume):
        with pytest.raises(errors.TransferBusy):
            call(record.id)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    proxy.settle("fourth block")
    done = through.transfers()[0].done
    assert done >= 2 * BLOCK
    proxy.reset()
    second = other_process(through, server, stored, folder / "a", 4)
    output = second.communicate(timeout=patience.SECONDS)[0]
    assert output.strip() == "True", output
    assert received(proxy) == len(data) - done
    assert (folder / "a").read_bytes() == data
    tidy(through, folder, "a")


PEAK = """
import resource, sys
from uvideo import Client
with Client() as client:
    client.download(sys.argv[1], "small", sys.argv[2], part_jobs=8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client.download(sys.argv[1], "a", sys.argv[2], part_jobs=8)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_is_a_buffer_for_each_thread_whatever_the_size(
    client: Client, server: Server, space: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put(space, "small", b"x")
    client.put(space, "a", content(15 * BLOCK))
    monkeypatch.setattr(f"{__name__}.PROGRAM", PEAK)
    process = other_process(client, server, space, folder / "a")
    output = process.communicate(timeout=patience.SECONDS)[0]
    assert int(output) < 8 * 1024, output  # KiB
    assert (folder / "a").stat().st_size == 15 * BLOCK


def test_the_etag_is_that_of_the_blocks_in_order(client: Client, space: str, folder: Path) -> None:
    data = content(9 * BLOCK + 1)
    client.put(space, "a", data)
    found = client.download(space, "a", folder / "a", part_jobs=3)
    tree = etag.Etag()
    tree.update(data)
    assert found.verified and found.etag == tree.value()
