"""A socket to a host through a SOCKS proxy, for an event loop.  PySocks blocks, so its handshake runs in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from uvideo._core import connection, socks, threads
from uvideo.client import aio_race

if TYPE_CHECKING:
    from uvideo._core import pool

__all__ = ["destination", "pass_on"]


async def destination(loop: asyncio.AbstractEventLoop, route: pool.Route) -> str:
    """The host or address to give to a Route's SOCKS proxy.  address.ConnectError, socksproxy.SocksError."""
    assert route.proxy is not None and route.proxy.socks is not None
    told, name = route.proxy.socks, route.address
    if told.resolves:
        return name
    return socks.destination(told, await aio_race.addresses(loop, name, route.port))


async def pass_on(
    loop: asyncio.AbstractEventLoop, plain: socket.socket, route: pool.Route, name: str, seconds: float
) -> None:
    """Let a Route's SOCKS proxy connect a socket to the host.  OSError, EOFError, socksproxy.SocksError.

    After a failure the socket is shut down.  seconds: the limit, also after a cancellation.
    """
    try:
        await _run(loop, route.handshake(plain, connection.Pace(seconds, seconds), name))
        plain.setblocking(False)
    except BaseException:
        with contextlib.suppress(OSError):
            plain.shutdown(socket.SHUT_RDWR)  # ends the thread, which has its own descriptor
        raise


async def _run(loop: asyncio.AbstractEventLoop, handshake: socks.Handshake) -> None:
    """Run a Handshake in a thread.  It is closed at its end, even after a cancellation."""
    over: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if over.done():
            return
        if error is None:
            over.set_result(None)
        else:
            over.set_exception(error)

    def work() -> None:
        error: BaseException | None = None
        try:
            handshake.run()
        except BaseException as caught:
            error = caught
        handshake.close()
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(settle, error)

    try:
        threads.start(threading.Thread(target=work, name="socks", daemon=True))
    except BaseException:
        handshake.close()
        raise
    await over
