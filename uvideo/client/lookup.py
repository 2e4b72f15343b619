"""Looks up an object, and the reason if the service refuses."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

from uvideo.client import operations
from uvideo.errors import BadRequest, SpaceNotFound, TransferInterrupted, UVideoError
from uvideo.models import ObjectInfo, T

if TYPE_CHECKING:
    from uvideo.client.operations import DataCall

__all__ = ["looked_up"]


class _Ask(Protocol):
    """Makes a call and returns its result."""

    def __call__(self, call: DataCall[T], /) -> Awaitable[T]: ...


async def looked_up(ask: _Ask, space: str, key: str) -> ObjectInfo:
    """An object's ObjectInfo.  NotFound.

    A response to HEAD has no body with a reason, so after a BadRequest a listing is requested, which has one:
    SpaceNotFound, for example.
    """
    try:
        return await ask(operations.stat(space, key))
    except BadRequest as refused:
        try:
            await ask(operations.list_objects(space, key, "", "", 1))
        except (BadRequest, SpaceNotFound) as reason:
            raise reason from None
        except TransferInterrupted:  # the caller wants it to end, by a Cancel or a deadline
            raise
        except UVideoError:  # the first refusal matters more
            pass
        raise refused
