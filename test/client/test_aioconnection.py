"""What AsyncClient promises about connections, against a peer that does what it is told byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from test import patience
from test.sdk.httpproxy import HttpProxy
from test.sdk.peer import PEM, Call, Peer, answer, context
from test.sdk.test_interim import CONTINUE, DATA, ETAG, HINTS, ROOM, SIZE, Incoming, piecemeal
from test.sdk.test_proxies import environment
from test.sdk.test_trust import ENCRYPTED
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol import message
from uvideo import AsyncClient, Retry, errors
from uvideo.client import aio_connection

LARGE = b"x" * (64 << 20)
Start = Callable[..., Peer]


@pytest.fixture
def peer() -> Iterator[Start]:
    made: list[Peer] = []

    def start(talk: Callable[[Call], None], tls: Any = None, room: int | None = None) -> Peer:
        made.append(Peer(talk, tls, room))
        return made[-1]

    yield start
    for each in made:
        each.close()


def run(work: Callable[[AsyncClient], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with AsyncClient("p", "s", endpoint="127.0.0.1:1", retries=0, **options) as client:
            await work(client)

    asyncio.run(main())
    gc.collect()  # a transport that was left open fails the test


async def send(
    client: AsyncClient, origin: str, method: str = "GET", body: bytes = b"", most: int | None = 1 << 20
) -> Any:
    return await carrier_of(client).send(message.Request(method, origin, "/", message.Headers(), body), None, most)


def again(*answers: bytes) -> Callable[[Call], None]:
    def talk(call: Call) -> None:
        number = 0
        while True:
            call.request()
            call.send(answers[min(number, len(answers) - 1)])
            number += 1

    return talk


def test_one_connection_serves_many_requests(peer: Start) -> None:
    chunked = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    made = peer(again(answer(b"one"), chunked, answer(status="204 No Content"), answer(b"end")))

    async def work(client: AsyncClient) -> None:
        bodies = [(await send(client, made.origin, "PUT", b"x" * size)).body for size in (1, 200_000, 0, 5)]
        assert bodies == [b"one", b"abc", b"", b"end"]

    run(work)
    assert [len(call.requests) for call in made.calls] == [4]


@pytest.mark.parametrize(
    "first",
    [
        answer(b"one", "Connection: close"),
        answer(b"one") + b"behind it",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\nX",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none",
    ],
)
def test_a_connection_is_not_used_again_when_that_is_not_safe(peer: Start, first: bytes) -> None:
    made = peer(again(first, answer(b"wrong")))

    async def work(client: AsyncClient) -> None:
        assert [(await send(client, made.origin)).body for _ in range(2)] == [b"one", b"one"]

    run(work)
    assert len(made.calls) == 2


def test_a_connection_on_which_something_came_unasked_is_not_used_again(peer: Start) -> None:
    idle, sent = threading.Event(), threading.Event()

    def talk(call: Call) -> None:
        call.request()
        call.send(answer(b"one"))
        if idle.wait(60) and not sent.is_set():
            call.send(answer(b"of another"))
            sent.set()
        call.request()
        call.send(answer(b"wrong"))

    made = peer(talk)

    async def work(client: AsyncClient) -> None:
        assert (await send(client, made.origin)).body == b"one"
        idle.set()
        assert await asyncio.to_thread(sent.wait, 60)
        for _ in range(3):
            await asyncio.sleep(0.01)
        assert (await send(client, made.origin)).body == b"one"

    run(work)
    assert len(made.calls) == 2


def test_a_body_without_length_ends_with_the_connection(peer: Start) -> None:
    def talk(call: Call) -> None:
        call.request()
        call.send(b"HTTP/1.1 200 OK\r\n\r\nto the ")
        call.send(b"end")

    made = peer(talk)

    async def work(client: AsyncClient) -> None:
        assert (await send(client, made.origin)).body == b"to the end"

    run(work)


def test_a_body_without_length_that_ends_with_a_reset_is_no_answer(peer: Start) -> None:
    def talk(call: Call) -> None:
        call.request()
        call.send(b"HTTP/1.1 200 OK\r\n\r\nnot the ")
        call.reset()

    made = peer(talk)

    async def work(client: AsyncClient) -> None:
        with pytest.raises(errors.NoAnswer):
            await send(client, made.origin)

    run(work)


def test_one_that_was_closed_while_idle_is_replaced_and_one_closed_in_use_is_stale(peer: Start) -> None:
    closed = threading.Event()

    def closing(call: Call) -> None:
        call.request()
        call.send(answer(b"it"))
        call.close()
        closed.set()

    def refusing(call: Call) -> None:
        call.request()
        call.send(answer(b"it"))
        call.request()

    idle, used = peer(closing), peer(refusing)

    async def work(client: AsyncClient) -> None:
        for _ in range(2):
            assert (await send(client, idle.origin)).body == b"it"
            await asyncio.to_thread(closed.wait, 10)
            closed.clear()
            await asyncio.sleep(0.01)
        await send(client, used.origin)
        with pytest.raises(errors.NoAnswer, match="the connection broke") as caught:
            await send(client, used.origin)
        assert caught.value.stale  # type: ignore[attr-defined]
        assert (await send(client, used.origin)).body == b"it"

    run(work)
    assert (len(idle.calls), len(used.calls)) == (2, 2)


def test_an_answer_that_comes_while_the_body_is_sent_is_read(peer: Start) -> None:
    over = threading.Event()

    def talk(call: Call) -> None:
        call.more()
        call.send(answer(b"no", status="403 Forbidden"))
        over.wait(patience.SECONDS)

    made = peer(talk)

    async def work(client: AsyncClient) -> None:
        assert (await send(client, made.origin, "PUT", LARGE)).status == 403
        assert carrier_of(client).pool.open == set()

    run(work)
    over.set()


def test_answers_1xx_while_the_body_is_sent_change_nothing(peer: Start) -> None:
    def talk(call: Call) -> None:
        incoming = Incoming(call)
        piecemeal(call, CONTINUE + HINTS)
        incoming.read(SIZE // 2)
        piecemeal(call, HINTS + HINTS[:9])
        incoming.read(SIZE - 1000)
        call.send(HINTS[9:] + answer(incoming.sha1()))
        call.request()
        call.send(CONTINUE + answer(b"again"))

    def tunnel(call: Call) -> None:
        call.request()
        call.send(HINTS + b"HTTP/1.1 200 Connection established\r\n\r\n")
        call.tunnel(inside.port)

    plain, encrypted, inside = peer(talk, room=ROOM), peer(talk, context(), room=ROOM), peer(talk, context(), room=ROOM)

    async def work(client: AsyncClient) -> None:
        for made in (plain, encrypted):
            await twice(client, made.origin)

    async def twice(client: AsyncClient, origin: str) -> None:
        assert (await send(client, origin, "PUT", DATA)).body == ETAG
        assert (await send(client, origin)).body == b"again"

    run(work, ca_bundle=PEM)
    secure = sys.version_info >= (3, 11)  # TLS inside of TLS
    proxy = peer(tunnel, context() if secure else None, room=ROOM)
    run(lambda client: twice(client, "https://service.test"), ca_bundle=PEM, proxy=proxy.origin)
    assert [len(made.calls) for made in (plain, encrypted, inside, proxy)] == [1, 1, 1, 1]


def test_nothing_more_is_sent_after_the_answer(peer: Start) -> None:
    drained, received = threading.Event(), 0

    def talk(call: Call) -> None:
        nonlocal received
        Incoming(call)
        call.send(HINTS + b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nn")
        call.connection.settimeout(0.02)
        while True:
            try:
                received += len(call.connection.recv(1 << 20))
            except TimeoutError:
                if drained.is_set():
                    break
        call.send(b"o!")

    made = peer(talk, room=ROOM)

    async def work(client: AsyncClient) -> None:
        asked = asyncio.ensure_future(send(client, made.origin, "PUT", LARGE))
        while not any(
            each.answer and not each.transport.get_write_buffer_size() for each in carrier_of(client).pool.open
        ):
            await asyncio.sleep(0.005)
        drained.set()
        found = await asked
        assert (found.status, found.body) == (413, b"no!")
        assert carrier_of(client).pool.open == set()

    run(work)
    assert received < len(LARGE) // 2


def test_an_answer_before_a_reset_is_read_though_sending_fails_first(peer: Start) -> None:
    drain, drained, end, ended = (threading.Event() for _ in range(4))

    def talk(call: Call) -> None:
        Incoming(call)
        assert drain.wait(patience.SECONDS)
        call.connection.settimeout(0.02)
        with contextlib.suppress(TimeoutError):
            while call.connection.recv(1 << 20):
                pass
        call.connection.settimeout(patience.SECONDS)
        drained.set()
        assert end.wait(patience.SECONDS)
        call.send(HINTS + answer(b"no room", status="507 Full"))
        call.reset()
        ended.set()

    made = peer(talk, room=ROOM)

    async def work(client: AsyncClient) -> None:
        asked = asyncio.ensure_future(send(client, made.origin, "PUT", LARGE))
        while not any(each.is_full for each in carrier_of(client).pool.open):
            await asyncio.sleep(0.005)
        drain.set()
        assert drained.wait(patience.SECONDS)  # the loop stands still
        await asyncio.sleep(0)  # it has seen that it can send on, but not done so
        end.set()
        assert ended.wait(patience.SECONDS)
        found = await asked
        assert (found.status, found.body) == (507, b"no room")

    run(work)


class Held:
    """A transport whose first write ends when the peer has said its last words."""

    def __init__(self, transport: Any, wait: Callable[[], None]) -> None:
        self._transport, self._wait = transport, wait

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._transport.write(data)
        self._wait()


@pytest.mark.parametrize("encrypted", [False, True])
def test_an_answer_before_a_reset_is_read_though_the_next_piece_fails(peer: Start, encrypted: bool) -> None:
    end, ended = threading.Event(), threading.Event()

    def talk(call: Call) -> None:
        call.request()
        call.send(answer(b"first"))
        Incoming(call)
        assert end.wait(patience.SECONDS)
        call.send(HINTS + answer(b"no room", status="507 Full"))
        call.reset()
        ended.set()

    def wait() -> None:
        end.set()
        assert ended.wait(patience.SECONDS)

    made = peer(talk, context() if encrypted else None, room=ROOM)

    async def work(client: AsyncClient) -> None:
        assert (await send(client, made.origin)).body == b"first"
        (connection,) = carrier_of(client).pool.open
        connection.transport = Held(connection.transport, wait)
        assert (await send(client, made.origin, "PUT", LARGE)).status == 507

    run(work, ca_bundle=PEM)


def test_every_silence_ends(peer: Start) -> None:
    over = threading.Event()

    def silent(call: Call) -> None:
        call.request()
        call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        over.wait(patience.SECONDS)

    made = peer(silent)

    async def work(client: AsyncClient) -> None:
        with pytest.raises(errors.NoAnswer, match="no data for too long"):
            await send(client, made.origin)

    run(work, timeout=0.15)
    over.set()


class Clock:
    """In place of a Connection's clock: it stands still until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(aio_connection, "ticks", lambda: self.now)


def test_who_takes_what_is_sent_is_not_silent(peer: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, turns = Clock(monkeypatch), [threading.Event() for _ in range(6)]

    def slow(call: Call) -> None:
        taken = 0
        for number, turn in enumerate(turns, 1):
            assert turn.wait(patience.SECONDS)
            while taken < number * len(LARGE) // len(turns):
                taken += len(call.connection.recv(1 << 20))
        while taken < len(LARGE):  # the head
            taken += len(call.connection.recv(1 << 20))
        call.send(answer(b"at last"))

    made = peer(slow)

    async def work(client: AsyncClient) -> None:
        sending = asyncio.ensure_future(send(client, made.origin, "PUT", LARGE))
        while not carrier_of(client).pool.open:
            await asyncio.sleep(0.001)
        (connection,) = carrier_of(client).pool.open
        for turn in turns:
            unsent = connection.left_to_send()
            turn.set()
            while unsent and connection.left_to_send() == unsent:
                await asyncio.sleep(0.001)
            clock.now += 9.0
            connection.look()
        assert (await sending).body == b"at last"

    run(work, timeout=10.0)


@pytest.mark.parametrize(("size", "looks"), [(1, [39.0, 99.0, 100.0]), (8 << 20, [5.0, 60.0, 104.0, 105.0])])
def test_a_connection_that_was_used_before_allows_no_longer_silence(
    peer: Start, monkeypatch: pytest.MonkeyPatch, size: int, looks: list[float]
) -> None:
    """looks: when, after the request began, its timer rings: as the request before left it, or by what is unsent."""
    clock = Clock(monkeypatch)

    def talk(call: Call) -> None:
        call.request()
        call.send(answer(b"first"))
        call.request()
        call.more()

    made = peer(talk)

    async def work(client: AsyncClient) -> None:
        await send(client, made.origin)
        (connection,) = carrier_of(client).pool.open
        clock.now += 60.0
        # What is unsent of a long body: by the first look the other side has taken one byte more, and then no more.
        left = size if size > 1 else 0
        monkeypatch.setattr(connection, "left_to_send", lambda: left)
        sending = asyncio.ensure_future(send(client, made.origin, "PUT", b"x" * size))
        while len(made.calls[0].requests) < 2:
            await asyncio.sleep(0.001)
        left = max(left - 1, 0)
        began = clock.now
        for seconds in looks:
            assert not sending.done()
            clock.now = began + seconds
            connection.look()
            await asyncio.sleep(0)
        with pytest.raises(errors.NoAnswer, match="no data for too long"):
            await sending

    run(work, timeout=100.0)


def test_answers_that_are_none_are_said(peer: Start) -> None:
    cases = {
        b"SSH-2.0\r\n\r\n": (errors.NoAnswer, "is not HTTP"),
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok": (errors.NoAnswer, "is not HTTP"),
        answer(b"x" * 2000): (errors.BadAnswer, "longer than 1000 bytes"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf": (errors.NoAnswer, "the connection broke"),
    }

    async def work(client: AsyncClient) -> None:
        for data, (expected, text) in cases.items():

            def talk(call: Call, data: bytes = data) -> None:
                call.request()
                call.send(data)
                if b"half" not in data:
                    call.request()  # nothing more comes, and no end

            with pytest.raises(expected, match=text):
                await send(client, peer(talk).origin, most=1000)

    run(work)


@pytest.mark.parametrize("framing", ["", "Content-Length: 999999999999\r\n", "Transfer-Encoding: chunked\r\n"])
def test_of_a_refusal_without_end_the_beginning_counts(peer: Start, framing: str) -> None:
    piece = b"x" * 65536
    if "chunked" in framing:
        piece = b"10000\r\n" + piece + b"\r\n"

    def talk(call: Call) -> None:
        call.request()
        call.send(f"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n{framing}\r\n".encode())
        with contextlib.suppress(OSError):
            while True:
                call.send(piece)

    made = peer(talk)

    async def work(client: AsyncClient) -> None:
        for most in (None, 1):
            response = await send(client, made.origin, most=most)
            assert response.status == 502 and message.REFUSAL <= len(response.body) < 2 * message.REFUSAL

    run(work)
    assert len(made.calls) == 2  # such a connection does not serve again


def test_a_cancelled_task_gives_its_connection_up(peer: Start) -> None:
    asked = threading.Event()

    def talk(call: Call) -> None:
        call.request()
        asked.set()
        call.more()

    made = peer(talk)

    async def work(client: AsyncClient) -> None:
        task = asyncio.ensure_future(send(client, made.origin))
        await asyncio.to_thread(asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert carrier_of(client).pool.open == set()

    run(work)


def test_only_a_trusted_certificate_will_do(peer: Start) -> None:
    made = peer(again(answer(b"secret")), context(client_certificate=True))

    async def work(client: AsyncClient) -> None:
        assert (await send(client, made.origin, "PUT", LARGE[: 1 << 20])).body == b"secret"

    async def refused(client: AsyncClient) -> None:
        with pytest.raises(errors.NoAnswer, match="is not trusted") as caught:
            await send(client, made.origin)
        assert not caught.value.sent

    run(work, ca_bundle=PEM, client_cert=PEM)
    run(work, ca_bundle=PEM, client_cert=PEM, client_key=ENCRYPTED, client_key_password="pass words")
    run(refused)


def test_an_encrypted_key_without_its_password_is_said_at_once(peer: Start) -> None:
    made = peer(again(answer(b"secret")), context(client_certificate=True))

    async def work(client: AsyncClient) -> None:
        with pytest.raises(errors.InvalidArgument, match="is encrypted: set client_key_password"):
            await send(client, made.origin)

    run(work, ca_bundle=PEM, client_cert=PEM, client_key=ENCRYPTED)
    assert made.calls == []


def test_https_goes_through_a_tunnel(peer: Start) -> None:
    inside = peer(again(answer(b"inside")), context())

    async def work(client: AsyncClient) -> None:
        for _ in range(2):
            assert (await send(client, "https://service.test")).body == b"inside"

    async def refused(client: AsyncClient) -> None:
        with pytest.raises(errors.NoAnswer, match="requires a user name and a password: 407") as caught:
            await send(client, "https://service.test")
        assert not caught.value.sent

    with contextlib.closing(HttpProxy(inside.port, (b"us:er", b"pa@ss"))) as proxy:
        run(work, ca_bundle=PEM, proxy=f"http://us%3Aer:pa%40ss@{proxy.host}")
        run(refused, ca_bundle=PEM, proxy=proxy.host)
    line, headers, _ = proxy.calls[0].requests[0]
    assert (line, headers["proxy-authorization"]) == ("CONNECT service.test:443 HTTP/1.1", "Basic dXM6ZXI6cGFAc3M=")
    assert "proxy-authorization" not in inside.calls[0].requests[0][1]


def test_http_goes_to_the_proxy_with_the_whole_url(peer: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = peer(again(answer(b"proxied")))
    monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
    monkeypatch.delenv("no_proxy", raising=False)

    async def work(client: AsyncClient) -> None:
        assert (await send(client, "http://service.test")).body == b"proxied"

    run(work)
    assert proxy.calls[0].requests[0][0] == "GET http://service.test/ HTTP/1.1"


def test_a_changed_variable_counts_from_the_next_request_on(peer: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = peer(again(answer(b"first"))), peer(again(answer(b"second")))
    closing = peer(again(answer(b"third", "Connection: close")))

    async def get(client: AsyncClient) -> Any:
        return (await send(client, "http://service.test")).body

    async def work(client: AsyncClient) -> None:
        with environment(http_proxy=first.origin):
            assert [await get(client) for _ in range(2)] == [b"first", b"first"]
            os.environ["http_proxy"] = second.origin
            assert [await get(client) for _ in range(2)] == [b"second", b"second"]
            assert len(carrier_of(client).pool.open) == 1  # the idle one through the old proxy is closed
            del os.environ["http_proxy"]
            os.environ["Http_Proxy"] = closing.origin  # no variable that is compared
            os.environ["no_proxy"] = "other.test"  # one that is, so that everything is looked up again
            assert await get(client) == b"third"
            os.environ["Http_Proxy"] = first.origin
            assert await get(client) == b"first"

    run(work)
    assert (len(first.calls), len(second.calls)) == (2, 1)


def test_a_request_that_cannot_be_sent_leaves_no_connection(peer: Start) -> None:
    made = peer(again(answer(b"it")))

    async def work(client: AsyncClient) -> None:
        await send(client, made.origin)
        with pytest.raises(errors.InvalidArgument, match="cannot be sent"):
            await send(client, made.origin, "GET\r\n")
        assert carrier_of(client).pool.open == set()
        assert (await send(client, made.origin)).body == b"it"

    run(work)


def test_no_more_connections_are_open_than_the_limit(peer: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvideo.client.aio_carrier.CONNECTIONS", 3)
    made = peer(again(answer(b"it")))

    async def work(client: AsyncClient) -> None:
        found = await asyncio.gather(*(send(client, made.origin) for _ in range(40)))
        assert [each.body for each in found] == [b"it"] * 40

    run(work)
    assert len(made.calls) <= 3


def test_a_stale_connection_is_replaced_without_a_wait(peer: Start) -> None:
    def talk(call: Call) -> None:
        call.request()
        call.send(answer(status="204 No Content"))
        call.request()

    made = peer(talk)
    waits: list[float] = []

    async def main() -> None:
        async with AsyncClient("p", "s", endpoint=made.host, retry=Retry(3, base=1000.0)) as client:

            async def sleep(seconds: float) -> None:
                waits.append(seconds)

            carrier_of(client).sleep = sleep
            for _ in range(3):
                await client.delete("space", "k")

    asyncio.run(main())
    assert waits == [0.0, 0.0]


@pytest.mark.parametrize(("end", "expected"), [(Call.close, EOFError), (Call.reset, ConnectionResetError)])
@pytest.mark.parametrize("is_told", [False, True])
def test_a_connection_that_ended_before_it_was_used_is_not_waited_for(
    peer: Start, end: Callable[[Call], None], expected: type[Exception], is_told: bool
) -> None:
    connected = threading.Event()

    def talk(call: Call) -> None:
        assert connected.wait(60)  # else it is connecting that fails
        end(call)

    made = peer(talk)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: aio_connection.AsyncConnection(loop), "127.0.0.1", made.port
        )
        connected.set()
        while not (connection.is_lost if is_told else connection.transport.is_closing()):
            await asyncio.sleep(0)
        with pytest.raises(expected):
            await connection.exchange(b"GET / HTTP/1.1\r\n\r\n", "GET", None, 1000, None)
        connection.close()

    asyncio.run(main())


def test_what_came_unasked_and_the_loop_has_not_read_is_seen(peer: Start) -> None:
    sent = threading.Event()

    def talk(call: Call) -> None:
        call.send(b"nobody asked")
        sent.set()
        call.request()

    made = peer(talk)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(
            lambda: aio_connection.AsyncConnection(loop), "127.0.0.1", made.port
        )
        transport.pause_reading()
        assert sent.wait(60)
        assert not connection.is_idle()
        connection.close()

    asyncio.run(main())
