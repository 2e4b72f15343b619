"""What carries out a client's operations: its Settings, and the Carrier made from them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from uvideo._core import __version__, objects
from uvideo.config import telemetry
from uvideo.config.settings import Settings, load
from uvideo.errors import InvalidArgument, NoAnswer
from uvideo.models import T

if TYPE_CHECKING:
    from uvideo._core import carrier as _carrier
    from uvideo._core import operation
    from uvideo.client.aio_carrier import AsyncCarrier
    from uvideo.client.options import ClientOptions
    from uvideo.client.retry import Retry

    Carrier = _carrier.Carrier

__all__ = ["carried", "chosen", "connect", "fetched", "whole"]

PIECE = 1 << 20  # bytes read at a time
POOL_SIZE = 32  # idle connections kept for each host


def connect(settings: Settings, tries: Retry | None = None) -> Carrier:
    """The Carrier for these settings."""
    from uvideo._core import carrier, pool, trust, validation

    hosts = settings.hosts()
    validation.warn_of_plain(hosts.plain())
    places, agent = (hosts.upload, hosts.download, hosts.api), settings.user_agent or f"uvideo-python/{__version__}"
    endpoint = carrier.Endpoint(*places, hosts.word, settings.space_parameter, settings.video_actions, agent)
    kinds: Any = carrier.Carrier, pool.Transport
    if telemetry.is_on():
        from uvideo.client import spans

        kinds = spans.TracedCarrier, spans.TracedTransport
    file, key, password = settings.client_cert, settings.client_key, settings.client_key_password
    own = None if file is None else trust.Certificate(file, key, password)
    pipes = kinds[1](
        settings.timeout,
        connect_timeout=settings.connect_timeout,
        authorities=settings.ca_bundle,
        certificate=own,
        proxy=settings.proxy,
        pool=settings.pool_size or POOL_SIZE,
    )
    if tries is None:
        tries = retry_of(settings)
    made: Carrier = kinds[0](endpoint, settings.credentials(), pipes, tries)
    return made


def retry_of(settings: Settings) -> Retry:
    """The Retry of the settings."""
    from uvideo._core import retry

    return retry.Retry(
        retries=settings.retries,
        base=0.5,
        cap=20.0,
        budget=settings.retry_budget,
        attempt_seconds=settings.attempt_timeout,
        total_seconds=settings.total_timeout,
    )


def fetched(
    carrier: Carrier,
    op: operation.GetObject,
    expires: int | None,
    until: float | None = None,
    check: Callable[[operation.ObjectInfo], None] | None = None,
) -> tuple[operation.ObjectInfo, bytes]:
    """(the SDK's ObjectInfo, bytes) of one GET, without retry.  ``expires``, ``until``: as in Carrier.open.

    check(info): called before the body is read, which may be large.
    """
    pipe = carrier.open(op, expires, (), until)
    ended = False
    try:
        found = objects.decode_info(pipe.headers, pipe.status)
        if check is not None:
            check(found)
        pieces = list(iter(lambda: pipe.read(PIECE), b""))
        if pipe.missing():
            raise NoAnswer("the body ended before its end")
        ended = True
    finally:
        pipe.close(reuse=ended)
    return found, pieces[0] if len(pieces) == 1 else b"".join(pieces)


def whole(carrier: Carrier, name: str, space: str = "") -> AbstractContextManager[Carrier]:
    """The Carrier for a whole transfer.  If tracing is on, one span encloses the transfer's spans."""
    if not hasattr(carrier, "whole"):
        return nullcontext(carrier)
    made: AbstractContextManager[Carrier] = carrier.whole(name, space)
    return made


def chosen(
    public_key: str | None, private_key: str | None, settings: Settings | None, options: ClientOptions
) -> Settings:
    """The Settings from a client's arguments."""
    if settings is None:
        return load(public_key=public_key, private_key=private_key, **options)
    if public_key is not None or private_key is not None or options:
        raise InvalidArgument("give settings, or single options, not both")
    return settings


def carried(client: T, by: Carrier | AsyncCarrier) -> T:
    """A copy of a client with another carrier, over the same connections."""
    if client.__dict__["_carrier"] is by:
        return client
    made = object.__new__(type(client))  # copy.copy would create one with its own connections
    made.__dict__.update(client.__dict__, _carrier=by)
    return made
