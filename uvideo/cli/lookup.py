"""Looks up the object of an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvideo.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from uvideo import Client
    from uvideo.cli.address import Remote
    from uvideo.models import ObjectInfo

__all__ = ["exists", "stat_object"]


def stat_object(client: Client, address: Remote) -> ObjectInfo:
    """As Client.stat.  After a BadRequest also requests a listing: a response to HEAD has no body with the reason."""
    try:
        return client.stat(address.space, address.key)
    except BadRequest:
        next(iter(client.list(address.space, address.key, page_size=1)), None)
        raise


def exists(client: Client, address: Remote) -> bool:
    """Whether there is an object with exactly this key."""
    try:
        stat_object(client, address)
    except NotFound:
        return False
    return True
