"""Client.upload: verified, in parts, resumable; nothing is left behind where it cannot be."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.fakes import FaultProxy
from test.server_fixture import ROOT, Server
from ucloud.uvideo.engine import carrier
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.engine.upload_source import FileSource
from uvideo import AsyncClient, Cancel, Client, TransferManager, errors, etag
from uvideo.models import Progress

BLOCK = 4194304
#: A file of the system that says it has 0 bytes, and always has the same content.
VERSION = Path("/proc/version")


def content(size: int) -> bytes:
    block = os.urandom(1 << 20)
    return b"".join(number.to_bytes(16, "big") + block[16:] for number in range(-(-size >> 20)))[:size]


@pytest.fixture(scope="module")
def data() -> bytes:
    return content(4 * BLOCK + 123)


@pytest.fixture
def file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    return path


def parts(proxy: FaultProxy) -> list[int | None]:
    return sorted(seen.part or 0 for seen in proxy.log("UploadPart"))


def tidy(client: Client, space: str) -> None:
    """No upload is left on the service and no record in the journal."""
    assert list(client.list_uploads(space)) == []
    assert client.transfers() == ()


@pytest.mark.parametrize("size", [0, 1, BLOCK, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK])
def test_a_file_of_any_size_is_stored(client: Client, space: str, tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content(size))
    stored = client.upload(space, "a", path, metadata={"k": "v"}, storage_class="IA")
    assert (stored.size, stored.verified) == (size, True)
    found = client.get(space, "a")
    assert found.data == path.read_bytes()
    assert (found.info.etag, found.info.mime) == (stored.etag, "video/mp4")
    assert (found.info.metadata, found.info.storage_class) == ({"k": "v"}, "IA")
    tidy(client, space)


@pytest.mark.skipif(not VERSION.exists(), reason="Linux only")
def test_a_file_that_says_it_is_empty_is_read_to_its_end(client: Client, space: str) -> None:
    assert VERSION.stat().st_size == 0
    for stored in (client.upload(space, "v", VERSION), client.put(space, "v", VERSION)):
        assert stored.size == len(VERSION.read_bytes()) and stored.verified
        assert client.get(space, "v").data == VERSION.read_bytes()
    tidy(client, space)


@pytest.mark.skipif(not VERSION.exists(), reason="Linux only")
def test_no_file_stays_open_if_there_is_no_room_for_the_copy_of_one_that_says_it_has_0_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "wb", buffering=0))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(errors.LocalFailure, match="No space left on device") as caught:
        FileSource(VERSION)
    assert len(os.listdir("/proc/self/fd")) == before
    assert "/proc/version" in caught.value.message  # the error, and with it its traceback, still exists


def test_small_files_go_in_one_request_and_large_ones_in_parts(
    space: str, proxy: FaultProxy, through: Client, file: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.write_bytes(b"x" * BLOCK)
    through.upload(space, "small", small)
    assert [seen.operation for seen in proxy.log()] == ["PutObject"]
    through.upload(space, "large", file)
    assert parts(proxy) == [0, 1, 2, 3, 4]


def test_streams_of_unknown_length_are_stored_and_left_open(client: Client, space: str, data: bytes) -> None:
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(reading, "rb") as pipe:
        assert client.upload(space, "pipe", pipe).size == len(data)
        assert not pipe.closed
    feeder.join()
    pieces = (data[at : at + 77_777] for at in range(0, len(data), 77_777))
    half = io.BytesIO(data)
    half.seek(BLOCK)
    sources = {"bytes": data, "pieces": pieces, "empty": iter([]), "file": half}
    for key, source in sources.items():
        assert client.upload(space, key, source).verified
    assert client.get(space, "pipe").data == data
    assert client.get(space, "bytes").data == client.get(space, "pieces").data == data
    assert client.get(space, "file").data == data[BLOCK:]
    assert client.get(space, "empty").data == b""
    tidy(client, space)


def test_passing_failures_are_tried_again(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    proxy.on("UploadPart", part=1).cut_after(512).then(500, times=2)
    proxy.on("UploadPart", part=2).lost_answer()
    proxy.on("UploadPart", part=3).forward_then_answer(
        500, json={"RetCode": -1014, "ErrMsg": "put duplicate key error"}
    )
    proxy.on("FinishUpload").lost_answer()
    assert through.upload(space, "a", file).verified
    assert client.get(space, "a").data == data
    tidy(client, space)


def test_what_is_refused_leaves_nothing(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    proxy.on("UploadPart", part=2).then(403)
    with pytest.raises(errors.AccessDenied) as caught:
        through.upload(space, "a", file)
    assert (caught.value.operation, caught.value.key, caught.value.transfer) == ("UploadPart", "a", None)
    tidy(client, space)


def test_a_part_that_arrived_wrong_is_an_integrity_error(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    proxy.on("UploadPart", part=1).flip_request(5)
    with pytest.raises(errors.IntegrityError):
        through.upload(space, "a", file)
    with pytest.raises(errors.NotFound):
        client.stat(space, "a")
    tidy(client, space)


def test_a_file_that_changes_meanwhile_is_refused(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    proxy.on("UploadPart", part=0).pause("first")

    def change() -> None:
        proxy.wait("first")
        with file.open("r+b") as opened:
            opened.seek(3 * BLOCK)
            opened.write(b"changed")
        os.utime(file, (1, 1))
        proxy.release("first")

    changer = threading.Thread(target=change)
    changer.start()
    with pytest.raises(errors.SourceChanged):
        through.upload(space, "a", file, part_jobs=1)
    changer.join()
    tidy(client, space)


def test_an_interrupted_upload_goes_on_with_what_is_missing(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    proxy.on("UploadPart", part=3).then(500, times=6)
    with pytest.raises(errors.TransferInterrupted, match="resume") as caught:
        through.upload(space, "a", file, part_jobs=1)
    assert isinstance(caught.value.__cause__, errors.InternalError)
    (record,) = through.transfers()
    assert (record.id, record.key, record.path) == (caught.value.transfer, "a", str(file))
    assert (record.done, record.size, record.active) == (3 * BLOCK, len(data), False)
    proxy.reset()
    through.upload(space, "a", file)
    assert parts(proxy) == [3, 4]
    assert client.get(space, "a").data == data
    assert through.transfers() == () and list(client.list_uploads(space)) == []


def test_an_interrupted_upload_says_what_cause_it_had(
    space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    page = "<html><title>403 Forbidden</title></html>"
    proxy.on("UploadPart", part=1).answer(403, body=page, headers={"Content-Type": "text/html"}, times=6)
    with pytest.raises(errors.TransferInterrupted, match="403 Forbidden") as caught:
        through.upload(space, "a", file, part_jobs=1)
    assert (caught.value.cause, caught.value.status) == ("page", 403)


def interrupted(through: Client, proxy: FaultProxy, space: str, file: Path) -> str:
    proxy.on("UploadPart", part=2).then(500, times=6)
    with pytest.raises(errors.TransferInterrupted) as caught:
        through.upload(space, "a", file, part_jobs=1)
    proxy.reset()
    assert caught.value.transfer is not None
    return caught.value.transfer


def test_resume_refuses_a_file_that_changed_and_a_new_upload_takes_it(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    transfer = interrupted(through, proxy, space, file)
    file.write_bytes(content(3 * BLOCK))
    os.utime(file, (1, 1))
    with pytest.raises(errors.SourceChanged) as caught:
        through.resume(transfer)
    assert caught.value.transfer == transfer
    assert [record.id for record in through.transfers()] == [transfer]
    through.upload(space, "a", file)
    assert parts(proxy) == [0, 1, 2]
    assert client.get(space, "a").data == file.read_bytes()
    assert through.transfers() == () and list(client.list_uploads(space)) == []


def test_a_cancelled_abort_of_a_changed_file_keeps_the_record(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    transfer, cancel = interrupted(through, proxy, space, file), Cancel()
    file.write_bytes(content(3 * BLOCK))
    os.utime(file, (1, 1))
    proxy.on("AbortUpload").pause("abort")
    with proxy.meanwhile("abort", cancel.set), pytest.raises(errors.Cancelled):
        through.upload(space, "a", file, cancel=cancel)
    assert [record.id for record in through.transfers()] == [transfer]
    through.upload(space, "a", file)
    assert through.transfers() == () and list(client.list_uploads(space)) == []


def test_an_upload_of_the_journal_is_aborted(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    transfer = interrupted(through, proxy, space, file)
    assert len(list(client.list_uploads(space))) == 1
    through.abort(transfer)
    assert through.transfers() == () and list(client.list_uploads(space)) == []
    with pytest.raises(errors.InvalidArgument, match="there is no transfer"):
        through.resume(transfer)


def test_an_upload_that_the_service_forgot_begins_anew(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, space, file)
    (upload,) = client.list_uploads(space)
    client.abort_upload(space, "a", upload.upload_id)
    assert through.resume(transfer).size == len(data)
    assert parts(proxy) == [0, 1, 2, 3, 4]
    assert client.get(space, "a").data == data


def test_an_upload_that_had_finished_after_all_is_found_done(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    proxy.on("FinishUpload").lost_answer(times=6)
    proxy.on("HeadObject").then(503, times=6)
    with pytest.raises(errors.TransferInterrupted) as caught:
        through.upload(space, "a", file)
    proxy.reset()
    assert caught.value.transfer is not None
    assert through.resume(caught.value.transfer).size == len(data)
    assert parts(proxy) == []
    assert through.transfers() == ()


def test_a_record_that_was_cut_in_the_middle_of_a_line_still_serves(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    transfer = interrupted(through, proxy, space, file)
    path = through.settings.state() / "transfers" / f"{transfer}.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    through.resume(transfer)
    assert parts(proxy) == [2, 3, 4]
    assert client.get(space, "a").data == data


def test_the_journal_is_readable_by_its_owner_only_and_holds_no_secret(
    space: str, proxy: FaultProxy, through: Client, file: Path, server: Server
) -> None:
    transfer = interrupted(through, proxy, space, file)
    folder = through.settings.state() / "transfers"
    path = folder / f"{transfer}.jsonl"
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    assert server.private_key not in path.read_text()
    through.abort(transfer)


def test_a_stream_that_breaks_off_leaves_nothing(
    client: Client, space: str, proxy: FaultProxy, through: Client, data: bytes
) -> None:
    def breaking() -> Iterator[bytes]:
        yield data[: BLOCK + 5]
        raise OSError("the camera is gone")

    with pytest.raises(errors.LocalFailure, match="the camera is gone"):
        through.upload(space, "a", breaking())
    proxy.on("UploadPart").then(500, times=6)
    with pytest.raises(errors.InternalError):
        through.upload(space, "a", io.BytesIO(data), part_jobs=1)
    tidy(client, space)


def test_a_disk_that_fails_for_a_while_loses_nothing(
    client: Client,
    space: str,
    proxy: FaultProxy,
    through: Client,
    file: Path,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transfer = interrupted(through, proxy, space, file)
    aside = file.with_name("aside")
    file.rename(aside)
    with pytest.raises(errors.LocalFailure):
        through.resume(transfer)
    assert [record.id for record in through.transfers()] == [transfer]
    aside.rename(file)
    started = through.transfers()[0].started

    def failing(self: object, where: object) -> bytes:
        raise errors.LocalFailure("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr("ucloud.uvideo.engine.upload_source.FileSource.read", failing)
        with pytest.raises(errors.LocalFailure, match="the disk is gone") as caught:
            through.resume(transfer)
    assert caught.value.transfer == transfer
    assert through.transfers()[0].started == started
    through.resume(transfer)
    assert client.get(space, "a").data == data


def test_cancelling_ends_it_and_it_can_be_resumed(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    cancel = Cancel()

    def progress(now: Progress) -> None:
        if now.parts_done >= 2:
            cancel.cancel()

    carrier_of(through).ticks = iter(range(10**6)).__next__  # each report is due
    with pytest.raises(errors.Cancelled) as caught:
        through.upload(space, "a", file, part_jobs=1, cancel=cancel, progress=progress)
    assert caught.value.transfer is not None
    through.resume(caught.value.transfer)
    assert client.get(space, "a").data == data


def test_a_deadline_ends_it_and_it_can_be_resumed(
    client: Client, space: str, through: Client, file: Path, data: bytes
) -> None:
    carrier_of(through).ticks = iter(range(10**6)).__next__
    with pytest.raises(errors.DeadlineExceeded) as caught:
        through.upload(space, "a", file, part_jobs=1, deadline=60)
    assert caught.value.transfer is not None
    through.resume(caught.value.transfer)
    assert client.get(space, "a").data == data


def test_a_request_that_waits_for_its_answer_ends_when_it_is_cancelled(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    proxy.on("UploadPart", part=1).pause("asked", answered=True)
    cancel = Cancel()

    def stop() -> None:
        proxy.wait("asked")
        cancel.cancel()

    stopper = threading.Thread(target=stop)
    stopper.start()
    began = time.monotonic()
    with pytest.raises(errors.Cancelled) as caught:
        through.upload(space, "a", file, part_jobs=1, cancel=cancel)
    assert time.monotonic() - began < 20  # the timeout is 60
    stopper.join()
    proxy.release("asked")
    assert caught.value.transfer is not None
    through.resume(caught.value.transfer)
    assert client.get(space, "a").data == data


def test_an_upload_that_begins_while_it_is_cancelled_is_aborted(
    client: Client, space: str, proxy: FaultProxy, through: Client, data: bytes
) -> None:
    proxy.on("InitiateUpload").pause("begun", answered=True)
    cancel = Cancel()

    def stop() -> None:
        proxy.wait("begun")
        cancel.cancel()
        proxy.release("begun")

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(errors.Cancelled):
        through.upload(space, "a", io.BytesIO(data), cancel=cancel)
    stopper.join()
    assert list(client.list_uploads(space)) == []


def test_one_whose_beginning_gets_no_answer_ends_soon_when_it_is_cancelled(
    space: str, proxy: FaultProxy, through: Client, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "GRACE", 0.05)
    proxy.on("InitiateUpload").silence()
    cancel = Cancel()
    threading.Timer(0.1, cancel.cancel).start()
    began = time.monotonic()
    with pytest.raises(errors.Cancelled):
        through.upload(space, "a", io.BytesIO(data), cancel=cancel)
    assert time.monotonic() - began < 20  # the timeout is 60


def test_a_request_that_waits_for_its_answer_ends_at_the_deadline(
    space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    proxy.on("InitiateUpload").silence()
    with pytest.raises(errors.DeadlineExceeded):
        through.upload(space, "a", file, deadline=0.2)
    assert through.transfers() == ()


@pytest.mark.parametrize("watched", [False, True])
def test_nothing_is_hashed_when_nobody_wants_it(
    client: Client,
    space: str,
    proxy: FaultProxy,
    through: Client,
    file: Path,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
    watched: bool,
) -> None:
    def failing(*_: object) -> None:
        raise AssertionError("it was read, or hashed")

    proxy.on("UploadPart", part=1).cut_after(512).then(500, times=2)
    seen: list[Progress] = []
    with monkeypatch.context() as patched:
        patched.setattr("ucloud.uvideo.engine.upload_source.FileSource.read", failing)
        patched.setattr("ucloud.uvideo.engine.upload_source.FileBlock.read", failing)
        options = {"progress": seen.append, "bandwidth": 1 << 40} if watched else {}
        stored = through.upload(space, "a", file, checksum=False, **options)  # type: ignore[arg-type]
    assert (stored.size, stored.verified) == (len(data), False)
    assert client.get(space, "a").data == data
    if watched:
        assert seen[-1].done == len(data)
    assert client.upload(space, "b", io.BytesIO(data), checksum=False).verified is False
    assert client.upload(space, "c", b"small", checksum=False).verified is False
    assert client.get(space, "b").data == data
    tidy(client, space)


def test_an_unverified_upload_does_without_sendfile(
    client: Client, space: str, file: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sendfile")
    assert client.upload(space, "a", file, checksum=False).size == len(data)
    assert client.get(space, "a").data == data


def test_an_unverified_upload_goes_on_after_an_interruption(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    proxy.on("UploadPart", part=3).then(500, times=6)
    with pytest.raises(errors.TransferInterrupted):
        through.upload(space, "a", file, part_jobs=1, checksum=False)
    (record,) = through.transfers()
    assert record.done == 3 * BLOCK
    proxy.reset()
    assert through.upload(space, "a", file, checksum=False).verified is False
    assert parts(proxy) == [3, 4]
    assert client.get(space, "a").data == data
    tidy(client, space)


def test_an_unverified_part_that_the_service_has_already_is_named_by_its_own_etag(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    there = {"RetCode": -1014, "ErrMsg": "put duplicate key error"}
    proxy.on("UploadPart", part=1).lost_answer().forward_then_answer(500, json=there)
    through.upload(space, "a", file, checksum=False)
    assert client.get(space, "a").data == data


def test_a_file_that_ends_too_early_is_refused_unverified_too(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    proxy.on("UploadPart", part=0).pause("first", answered=True)

    def cut() -> None:
        proxy.wait("first")
        os.truncate(file, 3 * BLOCK)
        proxy.release("first")

    cutter = threading.Thread(target=cut)
    cutter.start()
    with pytest.raises(errors.SourceChanged):
        through.upload(space, "a", file, part_jobs=1, checksum=False)
    cutter.join()
    tidy(client, space)


def test_what_progress_raises_ends_it(client: Client, space: str, through: Client, file: Path) -> None:
    def progress(now: Progress) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        through.upload(space, "a", file, progress=progress)
    (record,) = through.transfers()
    through.abort(record.id)
    tidy(client, space)


def test_progress_never_goes_back_whatever_is_sent_again(
    space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    proxy.on("UploadPart", part=0).cut_after(3 << 20).then(500)
    proxy.on("UploadPart", part=3).lost_answer()
    seen: list[Progress] = []
    carrier_of(through).ticks = iter(range(10**6)).__next__
    through.upload(space, "a", file, part_jobs=2, progress=seen.append)
    done = [now.done for now in seen]
    assert done == sorted(done) and done[0] > 0
    assert (seen[-1].done, seen[-1].total, seen[-1].parts_done, seen[-1].parts) == (len(data), len(data), 5, 5)
    assert seen[-1].retries >= 2
    assert len(seen) > 20


def test_a_bandwidth_is_kept_to(client: Client, space: str, through: Client, file: Path, data: bytes) -> None:
    now = [0.0]
    carrier_of(through).ticks = lambda: now[0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    carrier_of(through).sleep = sleep
    through.upload(space, "a", file, part_jobs=1, bandwidth=1 << 20)
    assert now[0] == pytest.approx(len(data) / (1 << 20), abs=0.3)


def clocked(client: Client, now: list[float]) -> list[float]:
    """Make the client's time pass by its waits only.  The waits."""
    waits, lock = list[float](), threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            waits.append(seconds)
            now[0] += seconds

    carrier_of(client).ticks, carrier_of(client).sleep = lambda: now[0], sleep
    return waits


@pytest.mark.parametrize("checksum", [True, False])
def test_a_low_rate_leaves_no_connection_silent_for_long(client: Client, space: str, checksum: bool) -> None:
    now = [0.0]
    waits = clocked(client, now)
    client.upload(space, "a", content(100_000), bandwidth=20_000, part_jobs=2, checksum=checksum)
    assert now[0] == pytest.approx(5, abs=0.3)
    assert max(waits) <= 0.3


@pytest.mark.parametrize("checksum", [True, False])
def test_a_deadline_ends_the_wait_for_a_low_rate(client: Client, space: str, file: Path, checksum: bool) -> None:
    now = [0.0]
    clocked(client, now)
    with pytest.raises(errors.DeadlineExceeded):
        client.upload(space, "a", file, bandwidth=1000, deadline=1.5, checksum=checksum)
    assert now[0] <= 1.6
    for record in client.transfers():
        client.abort(record.id)


PROGRAM = """
import sys, pathlib
from uvideo import Client
with Client() as client:
    print(client.upload(sys.argv[1], "a", pathlib.Path(sys.argv[2]), part_jobs=1).size)
"""


def process(client: Client, server: Server, space: str, file: Path) -> subprocess.Popen[str]:
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
        [sys.executable, "-c", PROGRAM, space, str(file)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_after_kill_9_another_process_sends_only_what_is_missing(
    client: Client, server: Server, space: str, proxy: FaultProxy, through: Client, file: Path, data: bytes
) -> None:
    proxy.on("UploadPart", part=3).pause("third")
    first = process(through, server, space, file)
    assert proxy.wait("third")
    with pytest.raises(errors.TransferBusy):
        through.upload(space, "a", file)
    (record,) = through.transfers()
    assert record.active and record.done == 3 * BLOCK
    with pytest.raises(errors.TransferBusy):
        through.abort(record.id)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    through.close()
    proxy.settle("third")
    proxy.reset()
    second = process(through, server, space, file)
    output = second.communicate(timeout=patience.SECONDS)[0]
    assert output.strip() == str(len(data)), output
    assert set(parts(proxy)) <= {3, 4}
    assert client.get(space, "a").data == data
    tidy(client, space)


def test_old_uploads_that_no_record_names_are_cleaned(
    client: Client, space: str, proxy: FaultProxy, through: Client, file: Path
) -> None:
    transfer = interrupted(through, proxy, space, file)
    orphan = client.begin_upload(space, "b")
    assert client.clean_uploads(space, older_than=3600) == ()
    carrier_of(client).clock = lambda: time.time() + 7200
    assert [each.upload_id for each in client.clean_uploads(space, older_than=3600, dry_run=True)] == [orphan.upload_id]
    assert len(list(client.list_uploads(space))) == 2
    assert [each.upload_id for each in client.clean_uploads(space, older_than=3600)] == [orphan.upload_id]
    assert [each.key for each in client.list_uploads(space)] == ["a"]
    through.abort(transfer)


def test_bad_arguments_are_said_before_anything_is_sent(proxy: FaultProxy, through: Client, tmp_path: Path) -> None:
    for call in (
        lambda: through.upload("space", "a", "a path as text"),
        lambda: through.upload("space", "a", "a NUL\0"),
        lambda: through.upload("space", "a", tmp_path / "absent"),
        lambda: through.upload("space", "a", tmp_path),
        lambda: through.upload("space", "a", b"", part_jobs=0),
        lambda: through.upload("space", "a", b"", bandwidth=0),
        lambda: through.upload("space", "a", b"", deadline=-1),
        lambda: through.resume("../../etc/passwd"),
        lambda: through.clean_uploads("space", older_than=0),
    ):
        with pytest.raises((errors.InvalidArgument, errors.LocalFailure)):
            call()
    assert proxy.log() == []


def test_text_is_a_path_and_bytes_are_content(client: Client, space: str, file: Path, data: bytes) -> None:
    assert client.upload(space, "text", str(file)).etag == client.upload(space, "bytes", data).etag == etag(str(file))
    assert client.stat(space, "text").mime == "video/mp4"
    with TransferManager(client) as manager:
        sent = manager.upload(space, "managed", str(file))
        assert sent.path == str(file)

    async def work() -> None:
        async with AsyncClient(settings=client.settings) as loop:
            await loop.upload(space, "loop", str(file))

    asyncio.run(work())
    assert {client.stat(space, key).size for key in ("managed", "loop")} == {len(data)}


def test_an_upload_of_a_path_as_text_is_resumed(space: str, file: Path, proxy: FaultProxy, through: Client) -> None:
    proxy.on("UploadPart", part=2).reset(times=6)
    with pytest.raises(errors.TransferInterrupted) as caught:
        through.upload(space, "a", str(file), part_jobs=1)
    (record,) = through.transfers()
    assert (record.id, record.path) == (caught.value.transfer, str(file))
    before = len(parts(proxy))
    assert through.upload(space, "a", str(file)).verified
    assert len(parts(proxy)) - before <= 3  # the two that are stored are not sent again
    tidy(through, space)


@pytest.mark.parametrize("text", ["hello", "a line\n", "x" * 100_000, "nul\0"])
def test_content_as_text_is_refused_with_what_to_do(through: Client, text: str) -> None:
    with pytest.raises((errors.InvalidArgument, errors.LocalFailure), match="text is the path.*as bytes") as caught:
        through.upload("space", "a", text)
    assert len(str(caught.value)) < 300
    with pytest.raises(errors.InvalidArgument, match="data is text: give bytes"):
        through.put("space", "a", text)  # type: ignore[arg-type]


def test_a_file_open_as_text_is_refused(through: Client, file: Path) -> None:
    with open(file, encoding="latin-1") as opened:
        for call in (through.upload, through.put):
            with pytest.raises(errors.InvalidArgument, match="open it in binary mode"):
                call("space", "a", opened)  # type: ignore[operator]
