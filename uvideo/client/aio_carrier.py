"""Carries out one operation on an event loop.  The SDK builds the message and judges the response, as for Client."""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from uvideo._core import address, byterange, failure_cause, message, operation, socks, wire
from uvideo._core import carrier as carriers
from uvideo._core import pool as transports
from uvideo._core import retry as retries
from uvideo.client import aio_race, aio_socks
from uvideo.client.aio_connection import AsyncConnection, Silence, TooLong, ticks
from uvideo.config.settings import Settings
from uvideo.errors import (
    BadAnswer,
    DeadlineExceeded,
    IntegrityError,
    InvalidArgument,
    SignatureExpired,
    SignatureMismatch,
    UVideoError,
)

if TYPE_CHECKING:
    from uvideo._core import DataOperation, ManagementOperation, Operation

R = TypeVar("R")
Carrier = carriers.Carrier
Route = transports.Route

__all__ = ["AsyncCarrier"]

SMALL_ANSWER = 64 << 20  # bytes of a response that is not an object's content
LEAST = 1 << 20  # bytes to accept, however few were requested
CONNECTIONS = 256  # at the same time; further requests wait
LASTING = 45.0  # seconds until an idle connection is dropped


class _Pool:
    """A client's connections.  They belong to the first loop that uses them."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.room: asyncio.Semaphore | None = None
        self.idle: dict[Route, deque[AsyncConnection]] = {}
        self.open: set[AsyncConnection] = set()


class AsyncCarrier:
    """Carries out operations for one event loop, over connections that it keeps.  Do not share it between loops.

    ``carrier``: builds messages and judges responses; its clock, ticks and fraction are used here, too.
    """

    def __init__(self, carrier: Carrier, settings: Settings) -> None:
        self.carrier, self.settings = carrier, settings
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self.pool = _Pool()

    def one(self) -> AsyncCarrier:
        """As Carrier.one."""
        return self._with(self.carrier.one())

    def tidying(self) -> AsyncCarrier:
        """As Carrier.tidying."""
        return self._with(self.carrier.tidying())

    def ending(self, until: float) -> AsyncCarrier:
        """An AsyncCarrier like this one whose calls also end at ``until``, in ticks."""
        return self._with(self.carrier.bound(self.carrier.interrupt, until))

    def _with(self, carrier: Carrier) -> AsyncCarrier:
        """A copy with another Carrier, over the same connections."""
        if carrier is self.carrier:
            return self
        made = copy.copy(self)
        made.carrier = carrier
        return made

    def _running(self) -> asyncio.AbstractEventLoop:
        loop, pool = asyncio.get_running_loop(), self.pool
        if pool.loop is not loop:
            if pool.loop is not None:
                raise InvalidArgument("this client belongs to another event loop: make one for this loop")
            pool.loop, pool.room = loop, asyncio.Semaphore(self.settings.pool_size or CONNECTIONS)
        return loop

    async def close(self) -> None:
        pool = self.pool
        connections, pool.open, pool.idle = pool.open, set(), {}
        pool.loop = pool.room = None
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.sleep(0)  # lets the loop close the sockets

    async def close_idle(self) -> None:
        """Close the idle connections.  Those in use are closed after their requests if their routes are closed."""
        waiting, self.pool.idle = self.pool.idle, {}
        for connection in [each for idle in waiting.values() for each in idle]:
            self._drop(connection)
        if waiting:
            await asyncio.sleep(0)  # lets the loop close the sockets

    async def call(
        self, op: DataOperation, body: bytes | None = None, lost: list[UVideoError] | None = None, proof: bool = True
    ) -> tuple[Any, message.Response]:
        """(result, Response) of a data-plane operation.  ``lost``, ``proof``: as in Carrier.call."""

        async def once(until: float | None) -> tuple[Any, message.Response]:
            request, began = self.carrier.request(op), self.carrier.clock()
            response = await self.send(request, body, SMALL_ANSWER, until)
            self.carrier.heard(request, response.headers, began)
            return self.carrier.judge(op, response, proof)

        try:
            return await self.persist(once, op, lost)
        except transports.TransportClosed:
            if not self.carrier.is_tidying:
                raise
        return await self.tidying().call(op, body, lost, proof)

    async def act(self, op: ManagementOperation) -> tuple[Any, message.Response]:
        """(result, Response) of a management operation."""

        async def once(until: float | None, again: bool = True) -> tuple[Any, message.Response]:
            request, began = self.carrier.action_request(op), self.carrier.clock()
            response = await self.send(request, None, SMALL_ANSWER, until)
            try:
                return self.carrier.judge_action(op, response, request, began)
            except SignatureMismatch as error:
                if not (again and error.again):
                    raise
            return await once(until, False)

        lost, began, whole = self.carrier.doubts(op), self.carrier.ticks(), self.one()
        try:
            return await whole.persist(once, op, lost)
        except UVideoError as error:
            if not self.carrier.was_done(op, error, lost):
                raise
            ask = self.carrier.question(op)
            told = None if ask is None else await whole.act(ask)
            done: tuple[Any, message.Response] | None = self.carrier.recovered(op, told, self.carrier.ticks() - began)
            if done is None:
                raise
            return done

    async def get(
        self, op: operation.GetObject, expires: int | None, until: float | None = None
    ) -> tuple[operation.ObjectInfo, bytes]:
        """(the SDK's ObjectInfo, bytes) of one GetObject, without retry.  ``until``: as in Carrier.limit."""
        try:
            return await self._got(op, expires, until)
        except SignatureExpired as error:
            if not error.again:
                raise
        return await self._got(op, expires, until)

    async def _got(
        self, op: operation.GetObject, expires: int | None, until: float | None
    ) -> tuple[operation.ObjectInfo, bytes]:
        """As ``get``, with one link."""
        request, began = self.carrier.link(op, expires), self.carrier.clock()
        try:
            response = await self.send(request, None, _longest(op.range), until)
        except Longer:  # before a whole large object is in memory
            raise IntegrityError(byterange.mismatch(op.range, None, None)) from None
        try:
            found = self.carrier.judge_object(op, response)
        except SignatureExpired as error:
            error.again = self.carrier.expired(error, request, response.headers, began)
            raise
        return found, response.body

    async def persist(
        self, once: Callable[[float | None], Awaitable[R]], op: Operation, lost: list[UVideoError] | None = None
    ) -> R:
        """As Carrier.persist."""
        attempts = self.carrier.attempts(op, None, lost is not None)
        while True:
            try:
                return await once(attempts.deadline)
            except UVideoError as error:
                carriers.described(error, op)
                if lost is not None and retries.may_be_done(error):
                    lost.append(error)
                seconds = attempts.failed(error, self.carrier.ticks())
                if seconds is None:
                    raise
            await self.sleep(seconds)

    async def send(
        self, request: message.Request, body: bytes | None, most: int | None, until: float | None = None
    ) -> message.Response:
        """The Response to a Request.  ``until``: as in Carrier.limit."""
        loop = self._running()
        room = self.pool.room
        assert room is not None
        limit = self.carrier.limit(until)
        if limit is not None and limit <= 0:
            raise DeadlineExceeded()
        end = None if limit is None else ticks() + limit
        if end is None or not room.locked():
            await room.acquire()
        else:
            try:
                await asyncio.wait_for(room.acquire(), limit)
            except asyncio.TimeoutError:
                route = self.carrier.transport.route(request.origin)
                late = failure_cause.judged(TimeoutError(), failure_cause.REQUEST, route, late=True)
                late.sent = False
                raise late from None
        try:
            return await self._sent(request, body, most, end, loop)
        finally:
            room.release()

    async def _sent(
        self,
        request: message.Request,
        body: bytes | None,
        most: int | None,
        end: float | None,
        loop: asyncio.AbstractEventLoop,
    ) -> message.Response:
        """The Response, by ``end``, in ticks."""
        transport = self.carrier.transport
        route = transport.route(request.origin)
        connection, keep = self._waiting(route, loop), False
        reused = connection is not None
        try:
            if connection is None:
                route = transport.route(request.origin, anew=True)
            content, head, _ = transports.message(route, request, body)
            if connection is None:
                connection = await self._connect(route, loop, end)
            response, keep = await connection.exchange(head + content, request.method, most, self.settings.timeout, end)
            if response.status == 407:
                raise failure_cause.wants_password(route)
            return response
        except TooLong:
            raise Longer(f"the answer is longer than {most} bytes") from None
        except (Silence, EOFError, OSError, wire.Malformed) as error:
            begun = reused or (connection is not None and connection.begun)
            failure = failure_cause.judged(_core(error), failure_cause.REQUEST, route, _is_over(end), begun)
            if reused and connection is not None and not connection.begun and failure.cause == "broken":
                failure.stale = True
            raise failure from None
        finally:
            if connection is not None:
                self._take_back(route, connection, keep, loop)

    def _waiting(self, route: Route, loop: asyncio.AbstractEventLoop) -> AsyncConnection | None:
        """An idle connection that is still open, or None."""
        if route not in self.pool.idle:
            for old in [each for each in self.pool.idle if each.closed]:
                for connection in self.pool.idle.pop(old):
                    self._drop(connection)
        idle = self.pool.idle.get(route)
        while idle:
            found = idle.pop()
            if found.is_idle() and loop.time() - found.used < LASTING:
                return found
            self._drop(found)
        return None

    def _take_back(
        self, route: Route, connection: AsyncConnection, keep: bool, loop: asyncio.AbstractEventLoop
    ) -> None:
        if keep and not route.closed and connection in self.pool.open and not connection.is_closing():
            connection.used = loop.time()
            self.pool.idle.setdefault(route, deque()).append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: AsyncConnection) -> None:
        self.pool.open.discard(connection)
        connection.close()

    async def _connect(self, route: Route, loop: asyncio.AbstractEventLoop, end: float | None) -> AsyncConnection:
        seconds = self.settings.connect_timeout
        if end is not None:
            seconds = max(0.0, min(seconds, end - ticks()))
        attempt = ConnectionAttempt(route, loop)
        try:
            made = await asyncio.wait_for(attempt.connected(seconds), seconds)
        except attempt.FAILURES as error:
            raise failure_cause.judged(_core(error), attempt.leg, route, _is_over(end)) from None
        try:
            self.carrier.transport.check_open()  # it may have been closed meanwhile
        except InvalidArgument:
            made.close()
            raise
        self.pool.open.add(made)
        return made


class ConnectionAttempt:
    """Opens a new connection.  ``leg``: the current step, as in the SDK's failure_cause."""

    FAILURES: tuple[type[Exception], ...] = (
        *(asyncio.TimeoutError, OSError, EOFError, ValueError, OverflowError, NotImplementedError),
        *(Silence, wire.Malformed, failure_cause.Denied, address.ConnectError, socks.SocksError),
    )

    def __init__(self, route: Route, loop: asyncio.AbstractEventLoop) -> None:
        self._route, self._loop = route, loop
        self.leg: int = failure_cause.HOST if route.proxy is None else failure_cause.PROXY

    async def connected(self, seconds: float) -> AsyncConnection:
        """The AsyncConnection.  One of FAILURES if there is none.  seconds: the caller's limit."""
        route, proxy = self._route, self._route.proxy
        made = await self._plain(seconds)
        try:
            if proxy is not None and proxy.is_tls:
                self.leg = failure_cause.PROXY_TLS
                made = await self._encrypted(made, proxy.name)
            if proxy is not None and proxy.socks is None and route.is_tls:
                self.leg = failure_cause.TUNNEL
                response, _ = await made.exchange(route.tunnel(), "HEAD", 0, seconds, None)
                if not 200 <= response.status <= 299:
                    raise failure_cause.Denied(response.status)
            if route.is_tls:
                self.leg = failure_cause.TLS
                made = await self._encrypted(made, route.name)
            return made
        except BaseException:
            made.close()
            raise

    async def _plain(self, seconds: float) -> AsyncConnection:
        """A connection without TLS: to the host, also through a SOCKS proxy, or to an HTTP proxy."""
        route, proxy, loop = self._route, self._route.proxy, self._loop
        name, port = (route.address, route.port) if proxy is None else (proxy.name, proxy.port)
        plain = await aio_race.connect(loop, name, port, seconds)
        try:
            if proxy is not None and proxy.socks is not None:
                self.leg = failure_cause.HOST
                name = await aio_socks.destination(loop, route)
                self.leg = failure_cause.SOCKS
                await aio_socks.pass_on(loop, plain, route, name, seconds)
            _, made = await loop.create_connection(lambda: AsyncConnection(loop), sock=plain)
            return made
        except BaseException:
            plain.close()
            raise

    async def _encrypted(self, made: AsyncConnection, name: str) -> AsyncConnection:
        """An AsyncConnection that speaks TLS over this one."""
        inner = AsyncConnection(self._loop)
        assert self._route.context is not None
        try:
            transport = await self._loop.start_tls(made.transport, inner, self._route.context, server_hostname=name)
        except TypeError:  # over TLS already, on Python 3.10
            raise NotImplementedError from None
        if transport is None:
            raise EOFError
        inner.lowest = made.lowest
        inner.connection_made(transport)
        return inner


class Longer(BadAnswer):
    """The response is longer than it can be."""


def _longest(wanted: byterange.ByteRange | None) -> int | None:
    """The most bytes of a response to a request for this range; None: no limit."""
    if wanted is None or wanted.last is None:
        return None
    length = wanted.last if wanted.first is None else wanted.last - wanted.first + 1
    return max(LEAST, length)


def _is_over(end: float | None) -> bool:
    return end is not None and ticks() >= end


def _core(error: BaseException) -> BaseException:
    """The SDK's exception for a failure."""
    return TimeoutError() if isinstance(error, (Silence, asyncio.TimeoutError)) else error
