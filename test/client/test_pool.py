"""The one pool of threads: its order, its bound, and how it stops."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator

import pytest

from test import patience
from test.patience import until
from uvideo import Cancel
from uvideo.transfer.pool import Pool, results

HELD: contextvars.ContextVar[str] = contextvars.ContextVar("held")


def test_results_come_in_the_order_of_their_items() -> None:
    second = threading.Event()

    def do(item: int) -> int:
        if item == 0:
            assert second.wait(patience.SECONDS)
        elif item == 1:
            second.set()
        return item * 10

    assert list(results(do, range(20), 2)) == [item * 10 for item in range(20)]


def test_no_more_is_taken_ahead_than_the_bound() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    found = results(lambda item: item, items(), 2)
    assert next(found) == 0
    assert len(taken) == 8
    found.close()  # type: ignore[attr-defined]
    assert len(taken) == 8


def test_the_first_error_comes_out_and_nothing_more_is_begun() -> None:
    done: list[int] = []

    def do(item: int) -> None:
        if item == 3:
            raise ZeroDivisionError
        done.append(item)

    with pytest.raises(ZeroDivisionError):
        Pool(do, 1).run(range(1000))
    assert done == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        list(results(do, range(1000), 1))
    assert 999 not in done


def test_what_runs_is_waited_for_when_the_block_raises() -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def do(item: int) -> None:
        begun.set()
        assert go.wait(patience.SECONDS)
        ended.set()

    with pytest.raises(LookupError), Pool(do, 1) as pool:
        pool.put(1)
        assert begun.wait(patience.SECONDS)
        go.set()
        raise LookupError
    assert ended.is_set() and not pool.put(2)


def test_an_interruption_sets_the_cancel_and_comes_out() -> None:
    cancel = Cancel()
    ended: list[bool] = []

    def do(_: int) -> None:
        ended.append(cancel.wait(patience.SECONDS))

    def items() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pool(do, 1, cancel).run(items())
    assert cancel.is_set() and ended in ([True], [])


def test_results_that_are_not_all_taken_set_the_cancel() -> None:
    cancel, begun = Cancel(), threading.Event()
    ended: list[bool] = []

    def do(item: int) -> int:
        if item:
            begun.set()
            ended.append(cancel.wait(patience.SECONDS))
        else:
            assert begun.wait(patience.SECONDS)
        return item

    with pytest.raises(LookupError):
        for _ in results(do, range(3), 2, cancel):
            raise LookupError
    assert cancel.is_set()
    until(lambda: ended)
    assert all(ended)


def test_a_cancel_that_another_set_ends_the_run() -> None:
    cancel = Cancel()
    cancel.set()
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        Pool(done.append, 1, cancel).run(range(1000))
    assert len(done) <= 1


def test_an_item_may_put_in_more_without_waiting() -> None:
    done: list[int] = []

    def do(item: int) -> None:
        done.append(item)
        if item < 10:
            assert all(pool.put(each) for each in (item + 10, item + 20, item + 30))

    pool: Pool[int] = Pool(do, 1, ahead=1)
    with pool:
        for item in range(3):
            assert pool.put(item)
    assert sorted(done) == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]


def test_the_threads_have_the_context_of_who_gave_them_work() -> None:
    HELD.set("here")
    assert list(results(lambda _: HELD.get(), range(3), 2)) == ["here"] * 3


def test_what_a_hastened_item_raises_comes_out_and_stops_no_other() -> None:
    """Ctrl-C in a main thread that does an item itself."""
    go, done = threading.Event(), list[int]()

    def do(item: int) -> None:
        if item == 1:
            raise KeyboardInterrupt
        assert go.wait(patience.SECONDS)
        done.append(item)

    with Pool(do, 1) as pool:
        for item in range(3):
            pool.put(item)
        with pytest.raises(KeyboardInterrupt):
            pool.hasten(1)
        go.set()
    assert done == [0, 2]
