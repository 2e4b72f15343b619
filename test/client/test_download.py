"""Client.download: complete and verified, or no trace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from test.fakes import FaultProxy
from uvideo import Cancel, Client, errors

BLOCK = 4194304


@pytest.fixture(scope="module")
def data() -> bytes:
    return os.urandom(2 * BLOCK + 77)


@pytest.fixture
def stored(client: Client, space: str, data: bytes) -> str:
    client.put(space, "a", data)
    return space


def test_an_object_is_saved_and_verified(client: Client, stored: str, tmp_path: Path, data: bytes) -> None:
    found = client.download(stored, "a", tmp_path / "a")
    assert (found.size, found.verified, found.path) == (len(data), True, str(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == data
    part = client.download(stored, "a", tmp_path / "part", start=BLOCK, end=BLOCK + 10)
    assert (part.size, part.verified) == (10, False)
    assert (tmp_path / "part").read_bytes() == data[BLOCK : BLOCK + 10]
    assert sorted(os.listdir(tmp_path)) == ["a", "part"]


def test_an_empty_object_is_saved(client: Client, space: str, tmp_path: Path) -> None:
    client.put(space, "empty", b"")
    assert client.download(space, "empty", tmp_path / "a").verified
    assert (tmp_path / "a").read_bytes() == b""


def test_a_body_that_breaks_off_is_continued(
    stored: str, proxy: FaultProxy, through: Client, tmp_path: Path, data: bytes
) -> None:
    proxy.on("GetObject").reset_response(BLOCK).truncate(BLOCK // 2).then(503)
    assert through.download(stored, "a", tmp_path / "a").verified
    assert (tmp_path / "a").read_bytes() == data
    assert sum(seen.answer_bytes for seen in proxy.log("GetObject") if seen.status != 503) < len(data) * 1.2


@pytest.mark.parametrize("fault", ["flip", "absent", "cancel", "deadline"])
def test_a_failure_leaves_an_existing_file_as_it_was(
    stored: str, proxy: FaultProxy, through: Client, tmp_path: Path, fault: str
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"mine")
    cancel = Cancel()
    expected: type[Exception] = {
        "flip": errors.IntegrityError,
        "absent": errors.NotFound,
        "cancel": errors.Cancelled,
        "deadline": errors.DeadlineExceeded,
    }[fault]
    if fault == "flip":
        proxy.on("GetObject").flip(BLOCK + 1)
    elif fault == "cancel":
        cancel.cancel()
    elif fault == "deadline":
        through._carrier.ticks = iter(range(10**6)).__next__
    with pytest.raises(expected):
        key = "absent" if fault == "absent" else "a"
        through.download(stored, key, target, cancel=cancel, deadline=10 if fault == "deadline" else None)
    assert target.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["a"]


def test_a_target_that_cannot_be_written_is_said_before_anything_is_sent(
    stored: str, proxy: FaultProxy, through: Client, tmp_path: Path
) -> None:
    for target in (tmp_path, tmp_path / "absent" / "a"):
        with pytest.raises(errors.LocalFailure):
            through.download(stored, "a", target)
    assert proxy.log() == []
