"""The journal by itself: what it does with records that are damaged, strange or somebody else's."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from pathlib import Path

import pytest

from test.posix import resource
from ucloud.uvideo.engine import localfile
from ucloud.uvideo.protocol import download as downloads
from ucloud.uvideo.protocol import upload as uploads
from uvideo.errors import InvalidArgument, LocalFailure, TransferBusy
from uvideo.transfer.journal import Journal, JournalClaim, Subject

BLOCK = 4194304
WHAT = Subject("http://127.0.0.1:9000", "space", "key", "/films/a.mp4")
DOWN = WHAT._replace(direction="download")


def noted(journal: Journal) -> str:
    upload = uploads.Upload("space", "key", "id", 4194304, 9000000, None, {"identity": [1, 2]})
    claim = journal.begin(WHAT)
    claim.write([journal.first_line(WHAT), *upload.lines()])
    claim.release()
    return claim.id


def fetched(journal: Journal) -> str:
    """The record of a download of which the blocks 0 and 2 are there."""
    download = downloads.Download("space", "key", "etag", 0, 9000000, 9000000, {"temporary": "/films/.x.part"})
    claim = journal.begin(DOWN)
    for block in (0, 2):
        download.arrived(block, b"d" * 20)
    lines = [download.header_line(), download.target_line(), download.block_line(0), download.block_line(2)]
    claim.write([journal.first_line(DOWN), *lines])
    claim.release()
    return claim.id


def test_uploads_and_downloads_of_one_file_are_two_transfers(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    up, down = noted(journal), fetched(journal)
    assert up != down
    found = {record.id: record for record in journal.entries()}
    assert (found[up].direction, found[down].direction) == ("upload", "download")
    assert (found[down].size, found[down].done, found[down].etag) == (9000000, BLOCK + 9000000 - 2 * BLOCK, "etag")
    assert (journal.direction(up), journal.direction(down)) == ("upload", "download")
    part = journal.begin(DOWN._replace(wanted=(0, 99)))
    assert part.id not in found
    part.release()


def test_the_blocks_of_a_record_come_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    claim = journal.claim(fetched(journal))
    claim.append('{"block": 1}')
    claim.append('{"block": 3, "sha1": "of a block that there is not"}')
    claim.append('{"block": "1"}')
    read = claim.read()
    claim.release()
    assert read is not None
    assert read[1].digests == {0: b"d" * 20, 1: None, 2: b"d" * 20}
    assert read[1].target == {"temporary": "/films/.x.part"}


@pytest.mark.parametrize(
    "damage",
    [
        ('"uvideo-download": 1', '"uvideo-download": 2'),
        ('"direction": "download"', '"direction": "upload"'),
        ('"etag": "etag"', '"etag": null'),
        ('"size": 9000000', '"size": null'),
        ('"size": 9000000', '"size": -1'),
        ('"size": 9000000', '"size": 9000001'),
        ('"first": 0', '"first": "0"'),
        ('"target": {"temporary": "/films/.x.part"}, "total"', '"target": [], "total"'),
        ('"space": "space", "target"', '"space": "../x", "target"'),
    ],
)
def test_a_damaged_record_of_a_download_is_no_record(tmp_path: Path, damage: tuple[str, str]) -> None:
    journal = Journal(tmp_path)
    path = tmp_path / f"{fetched(journal)}.jsonl"
    text = path.read_text()
    assert damage[0] in text
    path.write_text(text.replace(*damage))
    assert journal.entries() == ()


def test_a_week_later_the_record_is_found(tmp_path: Path) -> None:
    id = noted(Journal(tmp_path, clock=lambda: 1_000_000))
    later = Journal(tmp_path, clock=lambda: 1_000_000 + 7 * 86400)
    (record,) = later.entries()
    assert (record.id, record.space, record.key, record.path) == (id, *WHAT[1:4])
    assert (record.started.timestamp(), record.size, record.done, record.upload_id) == (1_000_000, 9000000, 0, "id")
    assert later.begin(WHAT).id == id


def test_one_claim_at_a_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    id = noted(journal)
    claim = journal.claim(id)
    for attempt in (lambda: journal.claim(id), lambda: journal.begin(WHAT)):
        with pytest.raises(TransferBusy) as caught:
            attempt()
        assert caught.value.transfer == id
    assert journal.entries()[0].active
    claim.release()
    assert not journal.entries()[0].active
    journal.claim(id).discard()
    assert journal.entries() == ()


@pytest.fixture(params=["waits", "looks"])
def meanwhile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[JournalClaim]:
    """Claims that are discarded while another claim waits for their lock, or once it has opened the file."""
    claims = list[JournalClaim]()
    lock = localfile.lock

    def late(descriptor: int) -> bool:
        while claims:
            claims.pop().discard()
        return lock(descriptor)

    if request.param == "waits":
        monkeypatch.setattr("time.sleep", lambda seconds: claims.pop().discard())
    else:
        monkeypatch.setattr(localfile, "lock", late)
    return claims


def test_a_claim_that_waited_for_a_finished_one_gets_a_record_of_its_own(
    tmp_path: Path, meanwhile: list[JournalClaim]
) -> None:
    journal = Journal(tmp_path)
    meanwhile.append(journal.begin(WHAT))
    second = journal.begin(WHAT)
    assert not meanwhile and second.read() is None
    second.write([journal.first_line(WHAT)])
    assert (tmp_path / f"{second.id}.jsonl").exists()
    second.release()


def test_what_was_finished_while_a_claim_waited_is_no_transfer_any_more(
    tmp_path: Path, meanwhile: list[JournalClaim]
) -> None:
    journal = Journal(tmp_path)
    id = noted(journal)
    meanwhile.append(journal.claim(id))
    with pytest.raises(InvalidArgument, match="there is no transfer"):
        journal.claim(id)
    assert not meanwhile


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "nonsense\n" + text,
        lambda text: text.replace('"uvideo-transfer": 1', '"uvideo-transfer": 2'),
        lambda text: text.replace('"endpoint": ', '"another": '),
        lambda text: text.replace('"source": {"identity": [1, 2]}', '"source": null'),
        lambda text: text.replace('"size": 9000000', '"size": null'),
        lambda text: text.replace('"size": 9000000', '"size": "9"'),
        lambda text: text.splitlines()[0] + "\n" + "[" * 100_000 + "\n",
    ],
)
def test_a_damaged_record_is_no_record(tmp_path: Path, damage: object, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path)
    path = tmp_path / f"{noted(journal)}.jsonl"
    assert callable(damage)
    changed = damage(path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    with caplog.at_level(logging.WARNING, "uvideo"):
        assert journal.entries() == ()
    assert "is not a record of a transfer" in caplog.text or changed == ""
    claim = journal.begin(WHAT)
    assert claim.read() is None
    claim.release()


def test_other_files_in_the_folder_do_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder.jsonl").mkdir()
    noted(journal)
    assert len(journal.entries()) == 1
    (warning,) = caplog.messages
    assert warning.startswith(f"{tmp_path / 'folder.jsonl'} cannot be read: ")


def test_a_record_that_is_removed_meanwhile_needs_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nothing")
    assert Journal(tmp_path).entries() == () and caplog.messages == []


@pytest.mark.parametrize("id", ["", "../x", "a/b", "absent"])
def test_an_id_that_is_none_is_an_invalid_argument(tmp_path: Path, id: str) -> None:
    with pytest.raises(InvalidArgument):
        Journal(tmp_path).claim(id)


def test_a_folder_that_cannot_be_made_is_a_local_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LocalFailure):
        Journal(tmp_path / "file" / "transfers").begin(WHAT)


def test_a_record_holds_what_it_is_about_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / f"{noted(Journal(tmp_path))}.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    assert set(first) == {"uvideo-transfer", "direction", "endpoint", "space", "key", "path", "started"}


def test_listing_the_journal_makes_nobody_fail(tmp_path: Path) -> None:
    journal, over = Journal(tmp_path), threading.Event()
    id = noted(journal)

    def look() -> None:
        while not over.is_set():
            journal.entries()

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(300):
            journal.claim(id).release()
    finally:
        over.set()
        looker.join()
    assert not journal.entries()[0].active


def test_a_record_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    id = noted(journal)
    before = (tmp_path / f"{id}.jsonl").read_text()
    claim = journal.claim(id)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(LocalFailure, match="No space left"):
            claim.write(["{}"])
    assert (tmp_path / f"{id}.jsonl").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == [f"{id}.jsonl"]
    claim.write([journal.first_line(WHAT)])
    with pytest.raises(TransferBusy):
        journal.claim(id)  # the new file is locked as the old one was
    claim.release()


def test_a_folder_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    id = noted(journal)

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(LocalFailure, match="cannot be locked"):
            journal.claim(id)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_disk_that_fills_in_the_middle_of_a_record_leaves_the_old_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    id = noted(journal)
    before = (tmp_path / f"{id}.jsonl").read_text()
    claim = journal.claim(id)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the first write is cut, the next refused
    try:
        with pytest.raises(LocalFailure, match="too large"):
            claim.write([journal.first_line(WHAT), "x" * 200_000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / f"{id}.jsonl").read_text() == before
    claim.release()


def test_a_record_of_another_version_is_not_thrown_away(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    id = noted(journal)
    path = tmp_path / f"{id}.jsonl"
    written = path.read_text().replace('"uvideo-transfer": 1', '"uvideo-transfer": 2')
    path.write_text(written)
    claim = journal.claim(id)
    with pytest.raises(InvalidArgument, match="of another version"):
        claim.record(WHAT[0], lambda left: True)
    claim.release()
    assert path.read_text() == written
