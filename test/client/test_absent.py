"""Whether an object is there: exists, wait_until, and a put that replaces nothing, of both clients."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from uvideo import AsyncClient, Cancel, Client, errors
from uvideo.client.retry import Retry

Way = Callable[..., Any]


@pytest.fixture(params=["threads", "loop"])
def call(request: pytest.FixtureRequest, through: Client) -> Way:
    """call(name, *arguments, **options) of a client; it has no waits between tries."""

    def run(name: str, *given: Any, **options: Any) -> Any:
        if request.param == "threads":
            return getattr(through, name)(*given, **options)

        async def once() -> Any:
            async with AsyncClient(settings=through.settings, retry=Retry(5, base=0.0)) as loop:
                return await getattr(loop, name)(*given, **options)

        return asyncio.run(once())

    return run


# exists and wait_until


def test_exists(call: Way, client: Client, space: str, proxy: FaultProxy) -> None:
    client.put(space, "a", b"x")
    assert call("exists", space, "a") is True
    assert call("exists", space, "b") is False
    proxy.on("HeadObject", key="a").answer(403, times=None)
    with pytest.raises(errors.Refused):
        call("exists", space, "a")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("exists", ("a",)),
        ("stat", ("a",)),
        ("wait_until", ("a", "present")),
        ("put", ("a", b"x")),
        ("append", ("a", b"x")),
        ("copy", ("a", "no-such-space-at-all", "b")),
    ],
)
def test_a_missing_space_is_named(call: Way, space: str, proxy: FaultProxy, name: str, given: tuple[Any, ...]) -> None:
    """A response to HEAD has no body, so it does not say why it is refused."""
    options = {"wait_until": {"timeout": 5}, "put": {"if_absent": True}}.get(name, {})
    where = space if name == "copy" else "no-such-space-at-all"
    with pytest.raises(errors.SpaceNotFound, match="bucket not exist") as caught:
        call(name, where, *given, **options)
    assert caught.value.space == "no-such-space-at-all"


def test_a_refusal_without_a_reason_stays_what_it_was(call: Way, space: str, proxy: FaultProxy) -> None:
    proxy.on("HeadObject").answer(400, times=None)
    proxy.on("ListObjects").answer(403, json={"RetCode": -148658, "ErrMsg": "permission denied"})
    with pytest.raises(errors.BadRequest) as caught:
        call("stat", space, "a")
    assert caught.value.status == 400


def test_a_cancel_while_the_reason_is_asked_for_is_not_hidden(through: Client, space: str, proxy: FaultProxy) -> None:
    cancel = Cancel()
    proxy.on("HeadObject").answer(400)
    proxy.on("ListObjects").pause("reason")
    with proxy.meanwhile("reason", cancel.set), pytest.raises(errors.Cancelled):
        through.copy(space, "b", space, "a", cancel=cancel)


class Clock:
    """Time that passes only in ``sleep``, which also does what happens meanwhile."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self.now, self.slept, self._happens = 0.0, list[float](), list(happens)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        if self._happens:
            self._happens.pop(0)()

    def options(self) -> dict[str, Any]:
        return {"clock": lambda: self.now, "sleep": self.sleep}


def nothing() -> None:
    pass


def test_it_waits_until_an_object_is_there_and_until_it_is_gone(call: Way, client: Client, space: str) -> None:
    clock = Clock(nothing, lambda: client.put(space, "a", b"hello"))
    found = call("wait_until", space, "a", "present", timeout=60, **clock.options())
    assert (found.key, found.size, clock.slept) == ("a", 5, [5.0, 5.0])
    clock = Clock(nothing, lambda: client.delete(space, "a"))
    options = {"timeout": timedelta(minutes=1), "interval": timedelta(seconds=2), **clock.options()}
    assert call("wait_until", space, "a", "gone", **options) is None
    assert clock.slept == [2.0, 2.0]


def test_it_waits_until_an_object_is_restored(call: Way, client: Client, space: str) -> None:
    client.put(space, "a", b"x", storage_class="ARCHIVE")
    clock = Clock(nothing, lambda: client.restore(space, "a"))
    found = call("wait_until", space, "a", "restored", timeout=60, **clock.options())
    assert found.restore and client.get(space, "a").data == b"x" and len(clock.slept) >= 2
    client.put(space, "b", b"x")
    assert call("wait_until", space, "b", "restored", timeout=1, **Clock().options()).key == "b"
    with pytest.raises(errors.NotFound):
        call("wait_until", space, "c", "restored", timeout=1, **Clock().options())


def test_the_status_of_a_restore_has_several_forms(call: Way, client: Client, space: str, proxy: FaultProxy) -> None:
    client.put(space, "a", b"x", storage_class="ARCHIVE")
    for said in ("Frozen", "Restoring", 'ongoing-request="true"'):
        proxy.on("HeadObject").header("X-Ufile-Restore", said)
    proxy.on("HeadObject").header("X-Ufile-Restore", "Restored", times=None)
    clock = Clock()
    assert call("wait_until", space, "a", "restored", timeout=60, **clock.options()).restore == "Restored"
    assert len(clock.slept) == 3


def test_the_wait_ends_although_the_service_does_not_answer(call: Way, space: str, proxy: FaultProxy) -> None:
    proxy.on("HeadObject").stall_after(times=None)
    with pytest.raises(errors.DeadlineExceeded, match=f"{space}/a is not present after 0.1 s"):
        call("wait_until", space, "a", "present", timeout=0.1)


def test_the_wait_ends_with_its_time(call: Way, space: str) -> None:
    clock = Clock()
    with pytest.raises(errors.DeadlineExceeded, match=f"{space}/a is not present after 12 s"):
        call("wait_until", space, "a", "present", timeout=12, **clock.options())
    assert clock.slept == [5.0, 5.0, 2.0]


def test_wrong_arguments_of_a_wait(call: Way, proxy: FaultProxy) -> None:
    for state, options in (
        ("there", {"timeout": 1}),
        ("gone", {"timeout": 0}),
        ("gone", {"timeout": 1, "interval": 0}),
    ):
        with pytest.raises(errors.InvalidArgument):
            call("wait_until", "space", "a", state, **options)
    with pytest.raises(TypeError, match="timeout"):
        call("wait_until", "space", "a", "gone")
    assert proxy.log() == []


def test_a_sleep_of_the_loop_is_awaited(through: Client, space: str) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        slept.append(seconds)

    async def work() -> None:
        async with AsyncClient(settings=through.settings) as loop:
            ticks = iter(range(100))
            with pytest.raises(errors.DeadlineExceeded):
                await loop.wait_until(
                    space, "a", "present", timeout=2, interval=1, clock=lambda: next(ticks), sleep=sleep
                )

    asyncio.run(work())
    assert slept == [1]


# put(if_absent=True)


@pytest.mark.parametrize("kind", ["bytes", "path", "stream"])
def test_a_new_object_is_stored_with_all_it_has(
    call: Way, client: Client, space: str, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"hello")
    data = {"bytes": b"hello", "path": path, "stream": io.BytesIO(b"hello")}[kind]
    options = {"metadata": {"k": "v"}, "storage_class": "IA", "headers": {"Cache-Control": "no-cache"}}
    stored = call("put", space, "in/a.mp4", data, if_absent=True, **options)
    assert (stored.space, stored.key, stored.size, stored.verified) == (space, "in/a.mp4", 5, True)
    found = client.stat(space, "in/a.mp4")
    assert (found.mime, found.metadata, found.storage_class) == ("video/mp4", {"k": "v"}, "IA")
    assert found.headers == {"Cache-Control": "no-cache"} and found.etag == stored.etag
    assert [each.key for each in client.list(space)] == ["in/a.mp4"]


@pytest.mark.parametrize("folder", ["d/" * 495, "d" * 1000 + "/", "/" + "\u6587" * 330 + "/"])
def test_a_key_may_be_as_long_as_without_the_option(call: Way, client: Client, space: str, folder: str) -> None:
    key = folder + "a.mp4"
    assert call("put", space, key, b"x", if_absent=True).key == key
    assert [each.key for each in client.list(space)] == [key]


def test_an_object_is_not_replaced_and_its_bytes_are_not_sent(
    call: Way, client: Client, space: str, proxy: FaultProxy
) -> None:
    client.put(space, "a", b"first")
    with pytest.raises(errors.AlreadyExists):
        call("put", space, "a", b"second", if_absent=True)
    assert client.get(space, "a").data == b"first" and proxy.log("PutObject") == []
    assert [each.key for each in client.list(space)] == ["a"]


def test_an_object_that_comes_meanwhile_is_not_replaced(
    call: Way, client: Client, space: str, proxy: FaultProxy
) -> None:
    """Between the question and the rename another client stores an object."""
    client.put(space, "a", b"first")
    proxy.on("HeadObject", key="a").answer(404)
    with pytest.raises(errors.AlreadyExists) as caught:
        call("put", space, "a", b"second", if_absent=True)
    assert client.get(space, "a").data == b"first"
    assert [each.key for each in client.list(space)] == ["a"]
    assert not caught.value.retryable


@pytest.mark.parametrize("operation", ["PutObject", "RenameObject"])
def test_nothing_is_left_after_a_refusal(
    call: Way, client: Client, space: str, proxy: FaultProxy, operation: str
) -> None:
    proxy.on(operation).answer(403, times=None)
    with pytest.raises(errors.Refused):
        call("put", space, "a", b"x", if_absent=True)
    assert list(client.list(space)) == []


def test_a_lost_response_to_the_rename_is_no_failure(call: Way, client: Client, space: str, proxy: FaultProxy) -> None:
    proxy.on("RenameObject").lost_answer()
    assert call("put", space, "a", b"x", if_absent=True).verified
    assert client.get(space, "a").data == b"x"
    assert [each.key for each in client.list(space)] == ["a"]


def test_a_wrong_etag_leaves_nothing(call: Way, client: Client, space: str, proxy: FaultProxy) -> None:
    proxy.on("PutObject").header("ETag", '"AQAAAPmGde9OX3jENLSawqWDoYdjji-H"')
    with pytest.raises(errors.IntegrityError):
        call("put", space, "a", b"x", if_absent=True)
    assert list(client.list(space)) == []


def test_a_cancelled_task_leaves_nothing(client: Client, space: str, through: Client, proxy: FaultProxy) -> None:
    proxy.on("RenameObject").pause("rename")

    async def work() -> None:
        async with AsyncClient(settings=through.settings) as loop:
            task = asyncio.create_task(loop.put(space, "a", b"x", if_absent=True))
            await asyncio.to_thread(proxy.wait, "rename", patience.SECONDS)
            task.cancel()
            proxy.release("rename")
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    assert all(not each.key.endswith(".new") for each in client.list(space))


def test_one_of_many_wins(client: Client, space: str) -> None:
    won: list[int] = []

    def one(number: int) -> None:
        try:
            client.put(space, "a", b"%d" % number, if_absent=True)
            won.append(number)
        except errors.AlreadyExists:
            pass

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(patience.SECONDS)
    assert len(won) == 1 and client.get(space, "a").data == b"%d" % won[0]
    assert [each.key for each in client.list(space)] == ["a"]
