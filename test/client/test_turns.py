"""Several threads at one transfer wait for one another; a journal that cannot be written costs no transfer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from test import patience
from test.fakes import FaultProxy
from uvideo import Client, Retry, TransferManager, errors, etag
from uvideo.models import Downloaded, Progress, Stored

DATA = bytes(range(256)) * 20_000  # two parts


@pytest.fixture
def parted(through: Client) -> Iterator[Client]:
    """A Client through the proxy that sends and fetches this much in parts."""
    with Client(settings=replace(through.settings, multipart_threshold=1 << 20), retry=Retry(5, base=0.0)) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "film"
    made.write_bytes(DATA)
    return made


def test_four_threads_upload_one_path_to_one_key(parted: Client, proxy: FaultProxy, space: str, path: Path) -> None:
    proxy.on("FinishUpload").pause("first")
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(parted.upload, space, "film", path) for _ in range(4)]
        assert proxy.wait("first")
        assert not any(each.done() for each in running)
        proxy.release("first")
        found: list[Stored] = [each.result(patience.SECONDS) for each in running]
    assert {(each.etag, each.verified) for each in found} == {(etag(DATA), True)}
    assert parted.transfers() == () and list(parted.list_uploads(space)) == []


def test_four_threads_download_one_key_to_one_path(
    parted: Client, proxy: FaultProxy, space: str, tmp_path: Path
) -> None:
    parted.upload(space, "film", DATA)
    proxy.on("GetObject").pause("first", answered=True)
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(parted.download, space, "film", tmp_path / "copy") for _ in range(4)]
        assert proxy.wait("first")
        proxy.release("first")
        found: list[Downloaded] = [each.result(patience.SECONDS) for each in running]
    assert {(each.etag, each.verified) for each in found} == {(etag(DATA), True)}
    assert (tmp_path / "copy").read_bytes() == DATA and parted.transfers() == ()
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".part")] == []


def test_a_manager_uploads_one_path_twice(parted: Client, space: str, path: Path) -> None:
    with TransferManager(parted, jobs=4) as manager:
        found = [manager.upload(space, "film", path) for _ in range(4)]
    assert {each.result().etag for each in found} == {etag(DATA)}


def test_who_waits_ends_at_its_deadline_and_who_resumes_is_told(
    parted: Client, proxy: FaultProxy, space: str, path: Path
) -> None:
    proxy.on("FinishUpload").pause("first")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(parted.upload, space, "film", path)
        assert proxy.wait("first")
        with pytest.raises(errors.DeadlineExceeded):
            parted.upload(space, "film", path, deadline=0.05)
        (record,) = parted.transfers()
        for method in (parted.resume, parted.abort):
            with pytest.raises(errors.TransferBusy, match="thread of this process"):
                method(record.id)
        proxy.release("first")
        assert first.result(patience.SECONDS).verified


def test_a_callback_cannot_wait_for_its_own_upload(parted: Client, space: str, path: Path) -> None:
    found: list[BaseException] = []

    def again(_: Progress) -> None:
        if not found:
            with pytest.raises(errors.TransferBusy) as caught:
                parted.upload(space, "film", path)
            found.append(caught.value)

    parted.upload(space, "film", path, part_jobs=1, progress=again)
    assert "this thread" in str(found[0])


@pytest.fixture(params=["no folder can be made", "no record can be written"])
def unwritable(request: pytest.FixtureRequest, parted: Client, space: str, path: Path, tmp_path: Path) -> None:
    """A state folder in which a transfer cannot be noted, also for root."""
    state = tmp_path / "state"
    if request.param == "no folder can be made":
        state.write_bytes(b"a file")
        return
    for thing, target in (("upload", path), ("download", tmp_path / "copy")):
        with pytest.raises(ZeroDivisionError):
            getattr(parted, thing)(space, "film", target, progress=lambda _: 1 / 0)
        for record in (state / "uvideo" / "transfers").glob("*.jsonl"):
            record.with_suffix(".new").mkdir(exist_ok=True)
            record.unlink()
        parted.upload(space, "film", DATA)


@pytest.mark.usefixtures("unwritable")
def test_a_journal_that_cannot_be_written_costs_nothing(
    parted: Client, space: str, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parted.upload(space, "film", b"old")
    with caplog.at_level(logging.WARNING, "uvideo"):
        found = parted.upload(space, "film", path)
        assert (found.etag, found.verified) == (etag(DATA), True)
        assert "cannot be resumed" in caplog.text
        caplog.clear()
        done = parted.download(space, "film", tmp_path / "copy")
        assert done.verified and (tmp_path / "copy").read_bytes() == DATA
        assert "cannot be resumed" in caplog.text


@pytest.mark.usefixtures("unwritable")
def test_an_upload_without_record_that_fails_leaves_nothing(
    parted: Client, proxy: FaultProxy, space: str, path: Path
) -> None:
    before = {each.upload_id for each in parted.list_uploads(space)}
    proxy.on("UploadPart").answer(403, times=None)
    with pytest.raises(errors.UVideoError) as caught:
        parted.upload(space, "other", path)
    assert getattr(caught.value, "transfer", None) is None
    assert {each.upload_id for each in parted.list_uploads(space)} == before
