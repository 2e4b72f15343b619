"""What is written for good: whole under its name, on the disk before anybody is told, nothing beside it if it fails."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from test.posix import resource
from ucloud.uvideo.downloaduvideo import download as handler_download
from ucloud.uvideo.engine import download_target as targets
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol.etag import BLOCK
from uvideo import Client
from uvideo.cli.address import Remote
from uvideo.cli.plan import PlanHeader, PlanWriter, Step
from uvideo.cli.plan import read as read_plan
from uvideo.cli.walk import Entry
from uvideo.config.profiles import edit
from uvideo.errors import LocalFailure
from uvideo.transfer.journal import Journal, Subject

WHERE = Subject("http://127.0.0.1:9000", "space", "key", "/films/a.mp4")


@contextlib.contextmanager
def full_disk(left: int) -> Iterator[None]:
    """No file of this process grows beyond ``left`` bytes: writing fails, as the system says it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def journal(folder: Path, text: str) -> None:
    claim = Journal(folder).begin(WHERE)
    try:
        claim.write(["{}", text])
    finally:
        claim.release()


def profiles(folder: Path, text: str) -> None:
    with edit(folder / "config.toml") as draft:
        draft.profile("default")["region"] = text


def plan(folder: Path, text: str) -> None:
    with PlanWriter(str(folder / "plan"), PlanHeader("uvideo://a/", "uvideo://b/", "http://127.0.0.1:9000")) as writer:
        there = Entry(text, 1, Remote("b", text), etag="e")
        writer.add(Step("delete", Remote("b", text), None, there))


WRITERS: dict[str, Callable[[Path, str], None]] = {"journal": journal, "profiles": profiles, "plan": plan}


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


class Watched:
    """Notes in which order files are synced and take their names; the system does it all the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[str, str, int]] = []
        plain = {name: getattr(os, name) for name in ("fsync", "replace")}

        def fsync(descriptor: int) -> None:
            plain["fsync"](descriptor)
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            self.steps.append(("synced", path, os.fstat(descriptor).st_size if os.path.isfile(path) else 0))

        def replace(source: Any, target: Any) -> None:
            self.steps.append(("named", os.fspath(source), os.stat(source).st_size))
            plain["replace"](source, target)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("name", ["journal", "profiles"])
def test_it_is_on_the_disk_before_it_has_its_name_and_so_is_the_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS[name](tmp_path, "first")
    watched = Watched(monkeypatch)
    WRITERS[name](tmp_path, "second" * 1000)
    (target,) = tmp_path.iterdir()
    (number,) = [at for at, step in enumerate(watched.steps) if step[0] == "named"]
    kind, aside, size = watched.steps[number]
    assert size == target.stat().st_size > 6000
    assert ("synced", aside, size) in watched.steps[:number]
    assert ("synced", str(tmp_path), 0) in watched.steps[number:]


@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("name", WRITERS)
def test_what_a_full_disk_ends_leaves_what_was_there_and_nothing_beside_it(
    name: str, tmp_path: Path, size: int
) -> None:
    WRITERS[name](tmp_path, "first")
    before = files(tmp_path)
    with full_disk(5), pytest.raises((LocalFailure, OSError)) as caught:
        WRITERS[name](tmp_path, "x" * size)
    assert files(tmp_path) == before
    assert os.strerror(errno.EFBIG) in str(caught.value)
    WRITERS[name](tmp_path, "second")
    assert files(tmp_path).keys() == before.keys() and files(tmp_path) != before


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("name", ["journal", "profiles"])
def test_what_cannot_be_synced_or_named_leaves_nothing_either(
    name: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS[name](tmp_path, "first")
    before = files(tmp_path)

    def broken(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, broken)
        with pytest.raises(LocalFailure, match=os.strerror(errno.EIO)):
            WRITERS[name](tmp_path, "second")
    assert files(tmp_path) == before


def test_a_plan_that_was_written_is_read(tmp_path: Path) -> None:
    plan(tmp_path, "a")
    assert read_plan(str(tmp_path / "plan")).deletes == 1


# Downloads: whoever gives a file is told if it did not take the last bytes


class Last(io.BytesIO):
    """A file that fails in the end: when it is flushed, or when it is closed."""

    def __init__(self, when: str) -> None:
        super().__init__()
        self.when = when

    def flush(self) -> None:
        if self.when == "flush":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        if self.when == "close":
            self.when = ""
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().close()


def test_a_file_object_that_cannot_be_flushed_is_a_failure(client: Client, space: str) -> None:
    client.put(space, "a", b"12345")
    with pytest.raises(LocalFailure, match="No space left on device"):
        client.download(space, "a", Last("flush"))
    full = open("/dev/full", "wb")
    with pytest.raises(LocalFailure, match="No space left on device"):
        client.download(space, "a", full)
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_a_pipe_or_device_that_cannot_be_closed_is_a_failure() -> None:
    target = targets.StreamTarget(None, "/a/pipe")
    target.file = Last("close")
    target.write(memoryview(b"12345"), 0)
    with pytest.raises(LocalFailure, match=f"/a/pipe: {os.strerror(errno.EIO)}"):
        target.commit(5)


class Quota(io.FileIO):
    """A file of a network file system: what it did not take, it reports when a descriptor is closed, and only once."""

    closes: ClassVar[Iterator[bool]]

    def close(self) -> None:
        if not self.closed:
            super().close()
            if next(self.closes, False):
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@pytest.fixture
def quota(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function of a number: that many descriptors of targets are closed without error, and the next one has it."""

    def at(number: int) -> None:
        monkeypatch.setattr(Quota, "closes", iter([False] * number + [True]), raising=False)
        monkeypatch.setattr(os, "fdopen", lambda descriptor, *_: Quota(descriptor, "r+b"))

    return at


@pytest.mark.parametrize(("size", "jobs"), [(1000, 1), (3 * BLOCK, 3)])
def test_a_download_that_the_system_refuses_at_a_close_is_a_failure(
    client: Client, space: str, tmp_path: Path, quota: Callable[[int], None], size: int, jobs: int
) -> None:
    client.put(space, "a", bytes(size))
    (tmp_path / "a").write_bytes(b"mine")
    for journal in (True, False):
        quota(0)
        with pytest.raises(LocalFailure, match=os.strerror(errno.EDQUOT)):
            client.download(space, "a", tmp_path / "a", part_jobs=jobs, journal=journal)
        assert (tmp_path / "a").read_bytes() == b"mine"


@pytest.mark.parametrize("closed", range(3), ids=("bytes", "notes", "file"))
def test_a_download_of_a_handler_that_the_system_refuses_at_a_close_is_a_failure(
    client: Client, space: str, tmp_path: Path, quota: Callable[[int], None], closed: int
) -> None:
    client.put(space, "a", bytes(2 * BLOCK))
    quota(closed)
    with pytest.raises(LocalFailure, match=os.strerror(errno.EDQUOT)):
        handler_download(carrier_of(client), space, "a", str(tmp_path / "a"), 60, None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [700_000, 3 * BLOCK])
def test_a_download_that_fills_the_disk_is_a_failure(
    client: Client, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    client.put(space, "a", bytes(size))
    (tmp_path / "a").write_bytes(b"mine")
    write, room = os.pwrite, size - 300_000

    def filled(number: int, data: memoryview, offset: int) -> int:
        if offset >= room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(number, data[: room - offset], offset)

    monkeypatch.setattr(os, "pwrite", filled)
    with pytest.raises(LocalFailure, match=f"a: {os.strerror(errno.ENOSPC)}"):
        client.download(space, "a", tmp_path / "a", journal=False)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"mine"}


def test_what_was_refused_by_the_system_in_the_end_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.opened(str(tmp_path / "a"))
    target.start(5)
    handle = target.handle()
    handle.write(memoryview(b"12345"), 0)
    handle.close()
    file, target.file = target.file, Last("close")
    monkeypatch.setattr(os, "fstat", lambda _: os.stat(target.temporary))
    target.file.fileno = file.fileno
    with pytest.raises(LocalFailure, match=os.strerror(errno.EIO)):
        target.commit(5)
    monkeypatch.undo()
    target.leave()
    file.close()
    assert list(tmp_path.iterdir()) == []
