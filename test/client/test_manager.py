"""TransferManager: many transfers at a time, and no error of them goes unseen."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import Cancel, Client, Limit, TransferManager, errors, models

BLOCK = 4194304


@pytest.fixture
def manager(client: Client) -> Iterator[TransferManager]:
    with TransferManager(client, jobs=3) as made:
        yield made


def test_files_go_up_and_come_down(client: Client, space: str, manager: TransferManager, tmp_path: Path) -> None:
    data = {f"{number:02}": os.urandom(1000 * number) for number in range(20)} | {"big": os.urandom(2 * BLOCK + 5)}
    for key, content in data.items():
        (tmp_path / key).write_bytes(content)
    sent = [manager.upload(space, key, tmp_path / key, mime="video/mp4") for key in data]
    assert [each.result(60).key for each in sent] == list(data)
    got = [manager.download(space, key, tmp_path / f"{key}.copy") for key in data]
    assert all(each.result(60).verified for each in got)
    assert {key: (tmp_path / f"{key}.copy").read_bytes() for key in data} == data
    assert client.stat(space, "07").mime == "video/mp4"
    moved = 2 * sum(map(len, data.values()))
    assert manager.progress() == models.Totals(42, 42, 0, moved, moved)
    assert sent[-1].progress is not None and sent[-1].progress.done == 2 * BLOCK + 5
    assert (sent[0].path, sent[0].done(), sent[0].exception()) == (str(tmp_path / "00"), True, None)


def test_objects_of_any_size_are_copied(client: Client, space: str) -> None:
    data = {"small": b"data", "large": os.urandom(2 * BLOCK + 5)}
    for key, content in data.items():
        client.upload(space, key, content)
    with TransferManager(client, bandwidth=1000) as manager:
        made = [manager.copy(space, f"{key}.copy", space, key, threshold=BLOCK) for key in data]
        failed = manager.copy(space, "c", space, "absent")
        assert isinstance(failed.exception(60), errors.NotFound)
        assert [each.result(60).verified for each in made] == [True, True]
    assert {key: client.get(space, f"{key}.copy").data for key in data} == data
    total = sum(map(len, data.values()))
    assert manager.progress() == models.Totals(3, 2, 1, total, total)


def test_the_end_of_the_block_waits_for_all(client: Client, space: str) -> None:
    with TransferManager(client) as manager:
        for number in range(50):
            manager.upload(space, str(number), b"data")
    assert len(list(client.list(space))) == manager.progress().files_done == 50
    with pytest.raises(errors.InvalidArgument, match="closed"):
        manager.upload(space, "late", b"")


def test_a_failure_that_nobody_looked_at_comes_out_of_the_block(client: Client, space: str, tmp_path: Path) -> None:
    with pytest.raises(errors.SomeFailed, match="2 of 4 transfers failed; the first is .*gone") as caught:
        with TransferManager(client, jobs=1) as manager:
            good = manager.upload(space, "a", b"data")
            manager.upload(space, "b", tmp_path / "gone")
            seen = manager.download(space, "absent", tmp_path / "c")
            assert isinstance(seen.exception(patience.SECONDS), errors.NotFound)
            manager.upload(space, "d", b"", color="red")
    first, second = caught.value.summary.failures
    assert (first.key, first.path, type(first.error)) == ("b", str(tmp_path / "gone"), errors.LocalFailure)
    assert (second.key, type(second.error)) == ("d", TypeError)
    assert good.result().size == 4
    assert manager.progress().failed == 3


def test_failures_beyond_those_that_are_kept_are_counted(
    client: Client, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uvideo.transfer.manager.KEPT", 1)
    with pytest.raises(errors.SomeFailed, match="^2 of 3 transfers failed$"):
        with TransferManager(client, jobs=1) as manager:
            sent = [manager.upload(space, "a", tmp_path / name) for name in ("x", "y", "z")]
            ended = threading.Event()
            sent[-1].add_done_callback(lambda _: ended.set())
            assert ended.wait(patience.SECONDS)
            with pytest.raises(errors.LocalFailure):
                sent[0].result(patience.SECONDS)


def test_a_block_that_raises_cancels_what_runs(
    space: str, proxy: FaultProxy, through: Client, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3 * BLOCK))
    proxy.on("UploadPart", part=1).pause("second")
    with pytest.raises(KeyError):
        with TransferManager(through, jobs=1, part_jobs=1) as manager:
            running = manager.upload(space, "a", tmp_path / "a")
            waiting = [manager.upload(space, str(number), b"data") for number in range(3)]
            proxy.wait("second")
            waiting[0].add_done_callback(lambda _: proxy.release("second"))
            raise KeyError("mine")
    assert all(isinstance(each.exception(0), errors.Cancelled) for each in [running, *waiting])
    assert list(client.list(space)) == []
    (record,) = client.transfers()
    assert through.resume(record.id).size == 3 * BLOCK


def test_ctrl_c_while_it_waits_for_all_cancels_what_is_left(space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject", key="held").pause("held")
    sent: list[Any] = []

    def interrupt() -> None:
        proxy.wait("held")
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        with TransferManager(through, jobs=1) as manager:
            sent += [manager.upload(space, "held", b"data"), manager.upload(space, "waiting", b"data")]
            interrupter = threading.Thread(target=interrupt)
            interrupter.start()
    assert all(isinstance(each.exception(0), errors.Cancelled) for each in sent)
    interrupter.join(patience.SECONDS)
    proxy.release("held")


def test_one_transfer_is_cancelled_and_the_others_go_on(space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject", key="held").pause("held")
    with TransferManager(through, jobs=1) as manager:
        held = manager.upload(space, "held", b"data")
        proxy.wait("held")
        waiting, last = manager.upload(space, "waiting", b"data"), manager.upload(space, "last", b"data")
        done: list[Any] = []
        waiting.add_done_callback(done.append)
        waiting.cancel()
        assert done == [waiting] and waiting.done() and not held.done()
        with pytest.raises(errors.Cancelled):
            waiting.result(0)
        with pytest.raises(TimeoutError, match="held is not done"):
            held.result(0.01)
        proxy.release("held")
        assert (held.result(patience.SECONDS).size, last.result(patience.SECONDS).size) == (4, 4)
    assert manager.progress() == models.Totals(3, 2, 1, 8, 8)


def test_after_cancel_nothing_is_taken(space: str, proxy: FaultProxy, through: Client, client: Client) -> None:
    proxy.on("PutObject", key="0").pause("held")
    manager = TransferManager(through, jobs=1)
    sent = [manager.upload(space, "0", b"data")]
    proxy.wait("held")
    refused: list[BaseException] = []

    def submit() -> None:  # more than may wait: the last one waits in upload()
        try:
            for number in range(1, 10):
                sent.append(manager.upload(space, str(number), b"data"))
        except errors.Cancelled as error:
            refused.append(error)

    producer = threading.Thread(target=submit)
    producer.start()
    while len(sent) < 5:
        producer.join(0.01)
    assert producer.is_alive()
    manager.cancel()
    producer.join(patience.SECONDS)
    assert len(refused) == 1 and len(sent) == 5
    assert all(isinstance(each.exception(patience.SECONDS), errors.Cancelled) for each in sent)
    proxy.release("held")
    with manager:
        assert manager.progress().failed == len(sent)


def test_a_cancel_of_the_caller_ends_its_transfers_only(space: str, proxy: FaultProxy, through: Client) -> None:
    cancel = Cancel()
    with TransferManager(through, jobs=2) as manager:
        cancel.cancel()
        ended = [manager.upload(space, str(number), b"data", cancel=cancel) for number in range(3)]
        other = manager.upload(space, "other", b"data")
        assert all(isinstance(each.exception(patience.SECONDS), errors.Cancelled) for each in ended)
        assert other.result(patience.SECONDS).size == 4
        with pytest.raises(errors.InvalidArgument, match="Cancel is needed"):
            manager.upload(space, "a", b"", cancel=threading.Event())


def test_a_cancel_reaches_a_transfer_that_runs(
    space: str, proxy: FaultProxy, through: Client, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3 * BLOCK))
    proxy.on("UploadPart", part=1).pause("second")
    cancel = Cancel()
    with TransferManager(through, part_jobs=1) as manager:
        running = manager.upload(space, "a", tmp_path / "a", cancel=cancel, journal=False)
        proxy.wait("second")
        cancel.cancel()
        proxy.release("second")
        assert isinstance(running.exception(patience.SECONDS), errors.Cancelled)
    assert list(client.list_uploads(space)) == []
    assert cancel.wakes == []


def test_submitting_more_than_may_wait_waits(space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject", key="0").pause("held")
    with TransferManager(through, jobs=1) as manager:
        manager.upload(space, "0", b"")
        proxy.wait("held")
        submitted: list[int] = []

        def submit() -> None:
            for number in range(1, 40):
                manager.upload(space, str(number), b"")
                submitted.append(number)

        producer = threading.Thread(target=submit)
        producer.start()
        patience.until(lambda: len(submitted) == 4)
        producer.join(0.1)
        assert producer.is_alive() and len(submitted) == 4
        proxy.release("held")
        producer.join(patience.SECONDS)
    assert manager.progress().files_done == 40


def test_who_waits_to_submit_is_told_that_it_is_closed(space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject", key="0").pause("held")
    refused: list[BaseException] = []
    submitted: list[int] = []
    with TransferManager(through, jobs=1) as manager:
        manager.upload(space, "0", b"")
        proxy.wait("held")

        def submit() -> None:
            try:
                for number in range(1, 40):
                    manager.upload(space, str(number), b"")
                    submitted.append(number)
            except errors.InvalidArgument as error:
                refused.append(error)
                proxy.release("held")

        producer = threading.Thread(target=submit)
        producer.start()
        patience.until(lambda: len(submitted) == 4)
        producer.join(0.1)
        assert producer.is_alive()
    producer.join(patience.SECONDS)
    assert "closed" in str(refused[0]) and manager.progress().files_done == 5


def test_a_callback_may_submit_more_without_waiting(client: Client, space: str) -> None:
    def again(transfer: Any) -> None:
        if transfer.key == "first":
            for number in range(20):
                manager.upload(space, str(number), b"data")

    with TransferManager(client, jobs=1) as manager:
        manager.upload(space, "first", b"data").add_done_callback(again)
    assert manager.progress().files_done == 21


@pytest.mark.parametrize("kind", [ValueError, SystemExit])
def test_what_a_callback_raises_is_logged_and_ends_no_other(
    client: Client, space: str, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def refuse(transfer: Any) -> None:
        raise kind

    with TransferManager(client, jobs=1) as manager:
        transfers = [manager.upload(space, str(number), b"data") for number in range(4)]
        for each in transfers:
            each.add_done_callback(refuse)
            each.add_done_callback(lambda transfer: heard.append(transfer.key))
        assert [each.result(patience.SECONDS).size for each in transfers] == [4] * 4
    assert sorted(heard) == ["0", "1", "2", "3"]
    said = [record.exc_info for record in caplog.records if "a callback of <Transfer of" in record.getMessage()]
    assert [found[0] for found in said if found] == [kind] * 4


def test_the_caller_hears_of_progress_and_what_it_raises_ends_that_transfer(client: Client, space: str) -> None:
    told: list[models.Progress] = []

    def refuse(_: models.Progress) -> None:
        raise RuntimeError("enough")

    with TransferManager(client) as manager:
        heard = manager.upload(space, "a", os.urandom(BLOCK), progress=told.append)
        ended = manager.upload(space, "b", os.urandom(BLOCK), progress=refuse)
        assert heard.result(patience.SECONDS).size == told[-1].done == BLOCK
        with pytest.raises(RuntimeError, match="enough"):
            ended.result(patience.SECONDS)


def test_a_limit_is_shared_by_all(client: Client, space: str) -> None:
    carrier_of(client).ticks = lambda: 0.0
    limit = Limit("100M")
    with TransferManager(client, bandwidth=limit) as manager:
        for number in range(4):
            manager.upload(space, str(number), bytes(1 << 20)).result(patience.SECONDS)
    assert limit.reserve(1, 0.0) == pytest.approx(0.04)
    assert (limit.rate, repr(limit)) == (100 << 20, "<Limit 104857600 bytes/s>")
    for rate in (0, -1, "fast", True, None):
        with pytest.raises(errors.InvalidArgument):
            Limit(rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"jobs": 0}, {"jobs": 257}, {"part_jobs": 0}, {"bandwidth": "x"}])
def test_bad_arguments_are_said_at_once(client: Client, options: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidArgument):
        TransferManager(client, **options)


def test_what_is_done_holds_no_bytes(client: Client, space: str) -> None:
    class Kept:
        """Something that a frame holds."""

    kept: list[weakref.ref[Kept]] = []

    def refuse(_: models.Progress) -> None:
        held = Kept()
        kept.append(weakref.ref(held))
        raise RuntimeError("enough")

    source = memoryview(b"data")
    held = weakref.ref(source)
    with TransferManager(client) as manager:
        ended = manager.upload(space, "b", source, progress=refuse)
        assert isinstance(ended.exception(patience.SECONDS), RuntimeError)
        assert kept[0]() is None
    del source
    assert ended.done() and held() is None


def test_a_system_without_threads_is_a_local_failure(
    client: Client, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with TransferManager(client) as manager:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(errors.LocalFailure, match="no thread"):
                manager.upload(space, "a", b"data")
        assert manager.upload(space, "b", b"data").result(patience.SECONDS).size == 4
    assert manager.progress().files == 1


def test_no_thread_is_left_when_there_is_no_work(client: Client, space: str) -> None:
    with TransferManager(client) as manager:
        manager.upload(space, "a", b"data").result(patience.SECONDS)
    left = [each for each in threading.enumerate() if each.name == "uvideo-transfer"]
    for each in left:
        each.join(patience.SECONDS)
    assert not any(each.is_alive() for each in left)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded")
def test_a_child_is_told_to_make_its_own(space: str, proxy: FaultProxy, through: Client) -> None:
    proxy.on("PutObject").pause("held")
    with TransferManager(through) as manager:
        transfer = manager.upload(space, "a", b"data")
        proxy.wait("held")
        child = os.fork()
        if child == 0:
            told = 0
            for call in (lambda: manager.upload(space, "b", b""), transfer.result, transfer.cancel, manager.cancel):
                try:
                    call()
                except errors.InvalidArgument as error:
                    told += "after a fork" in str(error)
            manager.__exit__(None, None, None)
            os._exit(told)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
        proxy.release("held")
        assert transfer.result(patience.SECONDS).size == 4
