"""What threads share is used by one at a time, though each use takes its time."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from test.alone import SECONDS, Alone, at_once
from test.fakes import FaultProxy
from test.patience import until
from test.sdk.lines import LOCKS, Lines, source
from ucloud.uvideo.engine import cancel as interrupt
from ucloud.uvideo.engine import download_target as targets
from ucloud.uvideo.engine import ranged_download, workers
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.http import wakeup
from ucloud.uvideo.protocol import download as downloads
from uvideo import Cancel, Client, Limit, errors
from uvideo.cli.etags import FINE, Etags
from uvideo.cli.walk import Entry, one_file
from uvideo.transfer import folders

BLOCK = 4194304


@pytest.fixture
def stored(client: Client, space: str) -> bytes:
    data = os.urandom(8 * BLOCK + 77)
    client.put(space, "a", data)
    return data


class Watch(ranged_download.Watch):  # type: ignore[misc]
    """Everything that is told, told to one."""

    def __init__(self) -> None:
        self.alone, self.blocks = Alone(), set[int]()

    def hashes(self) -> bool:
        return True

    def begun(self, download: Any, target: Any) -> None:
        target.start(download.size)

    def failed(self) -> None:
        self.alone()

    def arrived(self, block: int, size: int) -> None:
        self.alone()
        self.blocks.add(block)

    def moved(self, block: int, size: int) -> None:
        if not block % 3:
            self.alone()


def receive(client: Client, space: str, path: Path, watch: Watch) -> Any:
    target = targets.opened(str(path))
    return ranged_download.receive(
        carrier_of(client),
        space,
        "a",
        target,
        False,
        None,
        watch,
        expires=60,
        wanted=None,
        jobs=4,
        lead=BLOCK,
        verify=True,
    )


def test_a_download_tells_its_watch_one_thing_at_a_time(
    space: str, stored: bytes, proxy: FaultProxy, through: Client, tmp_path: Path
) -> None:
    for block in range(2, 8):
        proxy.on("GetObject", byte=block * BLOCK).reset(BLOCK // 2)
    watch = Watch()
    receive(through, space, tmp_path / "a", watch)
    assert (tmp_path / "a").read_bytes() == stored
    assert watch.alone.most == 1 and watch.alone.calls > 20
    assert watch.blocks == set(range(9))


@pytest.mark.parametrize("which", ["moved", "arrived", "failed"])
def test_each_thing_that_a_watch_is_told_keeps_the_others_out(
    space: str, stored: bytes, proxy: FaultProxy, through: Client, tmp_path: Path, which: str
) -> None:
    for block in range(2, 8):
        proxy.on("GetObject", byte=block * BLOCK).reset(1000 if which == "failed" else BLOCK // 2)
    watch = Watch()
    for name in {"moved", "arrived", "failed"} - {which}:
        setattr(watch, name, lambda *_: None)
    receive(through, space, tmp_path / "a", watch)
    assert watch.alone.most == 1 and watch.alone.calls > 3


def test_two_threads_never_take_the_same_blocks(
    space: str, stored: bytes, proxy: FaultProxy, through: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = downloads.Download.pending

    def slow(self: Any) -> Any:
        for block in plain(self):
            time.sleep(SECONDS)  # a generator that two threads enter is an error
            yield block

    monkeypatch.setattr(downloads.Download, "pending", slow)
    receive(through, space, tmp_path / "a", Watch())
    assert (tmp_path / "a").read_bytes() == stored
    assert sum(each.answer_bytes for each in proxy.log("GetObject")) == len(stored)


def test_of_two_failures_at_once_the_graver_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = workers.graver

    def slow(first: Any, error: Any) -> Any:
        time.sleep(SECONDS)
        return plain(first, error)

    monkeypatch.setattr(workers, "graver", slow)
    for first, second in ((errors.NoAnswer(), errors.AccessDenied()), (errors.AccessDenied(), errors.NoAnswer())):
        found = workers.Workers(lambda: None, carrier_of(client), 0)
        at_once(partial(found.fail, first), partial(found.fail, second))
        assert isinstance(found.error, errors.AccessDenied)


# Interrupts


class SlowCancel(Cancel):
    """Between the look whether it is set and what follows there is time for another thread."""

    @property
    def _is_over(self) -> bool:
        found: bool = self.__dict__["over"]
        time.sleep(SECONDS)
        return found

    @_is_over.setter
    def _is_over(self, value: bool) -> None:
        self.__dict__["over"] = value


class SlowList(list[Any]):
    def append(self, value: Any) -> None:
        super().append(value)
        self.appended.set()
        time.sleep(3 * SECONDS)

    appended = threading.Event()


def test_an_interrupt_is_set_once() -> None:
    cancel, woken = SlowCancel(), Alone()
    cancel.remember(woken)
    at_once(*[cancel.cancel] * 8)
    assert (woken.calls, woken.most) == (1, 1)


def test_a_signal_handler_may_set_it_at_any_line_of_who_waits() -> None:
    files, cancel = [LOCKS, source(wakeup), source(interrupt)], Cancel()
    with Lines(files) as lines:
        assert not cancel.wait(0.001)
    assert len(lines.seen) > 10
    for place in lines.seen:
        cancel = Cancel()
        with Lines(files, place, cancel.cancel):
            cancel.wait(0.001)
        assert cancel.is_set()


def test_who_is_remembered_while_it_is_set_is_woken_once() -> None:
    cancel, woken = Cancel(), Alone()
    cancel.wakes = SlowList()
    SlowList.appended.clear()

    def set_it() -> None:
        assert SlowList.appended.wait(60)
        cancel.cancel()

    at_once(lambda: cancel.remember(woken), set_it)
    assert woken.calls == 1


def test_who_was_forgotten_is_not_woken_any_more() -> None:
    cancel, woken = Cancel(), Alone()
    cancel.remember(woken)

    def forget() -> int:
        assert woken.entered.wait(60)
        cancel.forget(woken)
        return woken.inside

    assert at_once(forget, cancel.cancel)[0] == 0


def test_who_waited_with_grace_is_not_woken_once_forgotten() -> None:
    cancel, woken = Cancel(), Alone()
    grace = interrupt.Grace(cancel, 0)
    grace.remember(woken)
    cancel.cancel()
    assert woken.entered.wait(60)
    grace.forget(woken)
    assert woken.inside == 0 and woken.calls == 1


# Limits, folders, etags


class SlowSize(int):
    def __truediv__(self, other: Any) -> float:
        time.sleep(SECONDS)
        return int(self) / float(other)


def test_each_byte_of_a_limit_is_given_away_once() -> None:
    limit = Limit(1000)
    waits = at_once(*[lambda: limit.reserve(SlowSize(1000), 0.0)] * 8)
    assert sorted(waits) == [float(number) for number in range(8)]


@pytest.mark.parametrize("which", ["report", "progress"])
def test_the_callbacks_of_a_folder_are_alone(
    space: str, proxy: FaultProxy, through: Client, tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, alone = tmp_path / "films", Alone()
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02}").write_bytes(b"x")
    for number in range(0, 24, 2):
        proxy.on("PutObject", key=f"{number:02}").answer(403)
    monkeypatch.setattr(folders, "PAUSE", 0.0)
    with pytest.raises(Exception, match="12"):
        through.upload_dir(folder, space, jobs=8, **{which: alone})
    assert alone.most == 1 and alone.calls >= (24 if which == "report" else 3)


class Database:
    """A connection that is used by one thread at a time."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self._real, self.alone = real, Alone()

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any) -> Any:
            self.alone()
            return getattr(self._real, name)(*given)

        return call

    def __enter__(self) -> None:
        self.alone()

    def __exit__(self, *error: Any) -> None:
        self.alone()
        self._real.__exit__(*error)


def test_the_cache_of_etags_is_used_by_one_thread_at_a_time(tmp_path: Path) -> None:
    cache, entries = Etags(tmp_path / "etags"), list[Entry]()
    for number in range(6):
        path = tmp_path / str(number)
        path.write_bytes(b"%d" % number)
        os.utime(path, ns=(10**18 + 1, 10**18 + 1))
        entries.append(one_file(str(path), str(number)))
    until(lambda: time.time_ns() > entries[-1].ctime_ns + FINE)  # as young files, they would not be kept
    assert cache.database is not None
    database: Any = Database(cache.database)
    cache.database = database
    work = [lambda entry=entry: cache.of(entry, Cancel()) for entry in entries]  # type: ignore[misc]
    first = at_once(*work)
    assert len(set(first)) == 6 and at_once(cache.flush, *work, *work)[1:] == [*first, *first]
    assert at_once(*work, *work) == [*first, *first]
    assert (database.alone.calls >= 6 + 3 + 12, database.alone.most) == (True, 1)  # looked up, written, looked up
    at_once(cache.close, *work)
    assert database.alone.most == 1
