"""Making a socket for an event loop: a host's addresses race, as for Client.  Works on any loop, uvloop too."""

from __future__ import annotations

import asyncio
import socket

from uvideo._core import address

__all__ = ["addresses", "connect"]

#: The address of a socket: (host, port), for IPv6 also flow and scope.
Where = tuple[str, int] | tuple[str, int, int, int]
#: family, kind, protocol, canonical name, address: as from socket.getaddrinfo.
Found = tuple[int, int, int, str, Where]


async def connect(loop: asyncio.AbstractEventLoop, name: str, port: int, seconds: float) -> socket.socket:
    """A socket to the first address that answers.  address.ConnectError with the last one's error if none does.

    seconds: the caller's limit, which the addresses share.
    """
    waiting = await addresses(loop, name, port)
    if len(waiting) == 1:
        return await _arrived(loop, *waiting[0])
    pause = address.seconds_between(seconds, len(waiting))
    tries: set[asyncio.Task[socket.socket]] = set()
    last: BaseException | None = None
    try:
        while waiting or tries:
            if waiting:
                tries.add(loop.create_task(_arrived(loop, *waiting.pop(0))))
            ended, _ = await asyncio.wait(
                tries, timeout=pause if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for each in ended:
                tries.discard(each)
                last = each.exception()
                if last is None:
                    return each.result()
    finally:
        for each in tries:
            each.cancel()
        for late in await asyncio.gather(*tries, return_exceptions=True):
            if isinstance(late, socket.socket):
                late.close()
    raise last or address.ConnectError()


async def addresses(loop: asyncio.AbstractEventLoop, name: str, port: int) -> list[Found]:
    """A host's addresses, as address.Lookup.addresses.  A cancelled lookup is abandoned.  ConnectError."""
    found = address.known(name, port)
    if found is not None:
        return list(found)
    looking, over = address.look_up(name, port), loop.create_future()

    def tell() -> None:
        if not over.done():
            over.set_result(None)

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(tell)
        except RuntimeError:  # the loop has been closed
            pass

    looking.tell(wake)
    await over
    return list(looking.addresses())


async def _arrived(
    loop: asyncio.AbstractEventLoop, family: int, kind: int, protocol: int, _: str, where: Where
) -> socket.socket:
    made = None
    try:
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        await loop.sock_connect(made, where)
        return made
    except (OSError, OverflowError) as error:
        if made is not None:
            made.close()
        raise address.ConnectError(error) from None
    except BaseException:
        if made is not None:
            made.close()
        raise
