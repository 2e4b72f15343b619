"""One operation carried over aiohttp: the core builds the message and judges the answer, as for the other clients."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Any

import aiohttp
import yarl

from uvideo._core import carrier as carriers
from uvideo._core import message, provider, transport
from uvideo.errors import BadAnswer, DeadlineExceeded, InvalidArgument, NoAnswer, UVideoError
from uvideo.settings import Settings

__all__ = ["AsyncCarrier"]

SMALL_ANSWER = 64 << 20  # bytes of an answer that is not an object's content
_SKIPPED = ("Content-Type", "User-Agent", "Accept")


class _Resolver(aiohttp.ThreadedResolver):
    """*.localhost, which seldom resolves, is this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
        return await super().resolve("127.0.0.1" if host.endswith(".localhost") else host, port, family)


class AsyncCarrier:
    """Carries operations for one event loop, over connections that it keeps.  Not to be shared between loops.

    ``carrier``: what builds messages and judges answers; its clock, ticks and fraction count here too.
    """

    def __init__(self, carrier: Any, settings: Settings) -> None:
        self.carrier, self._settings = carrier, settings
        self.sleep: Any = asyncio.sleep
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed:
            settings = self._settings
            connector = aiohttp.TCPConnector(
                limit=256, limit_per_host=0, resolver=_Resolver(), ssl=self._tls(), keepalive_timeout=45
            )
            timeout = aiohttp.ClientTimeout(None, sock_connect=settings.connect_timeout, sock_read=settings.timeout)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=settings.proxy is None,
            )
            self._loop = loop
        elif self._loop is not loop:
            raise InvalidArgument(
                "this client belongs to another event loop: close it there, or make one for this loop"
            )
        return self._session

    def _tls(self) -> ssl.SSLContext:
        settings = self._settings
        authorities = settings.ca_bundle or transport.authorities()
        try:
            folder = os.path.isdir(authorities)
            made = ssl.create_default_context(
                cafile=None if folder else authorities, capath=authorities if folder else None
            )
            if settings.client_cert is not None:
                made.load_cert_chain(settings.client_cert, settings.client_key)
        except OSError as error:  # ssl.SSLError is one
            raise InvalidArgument(f"the certificates of ca_bundle or client_cert cannot be read: {error}") from None
        return made

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, op: Any, body: bytes | None = None, lost: list[UVideoError] | None = None) -> tuple[Any, Any]:
        """(result, Response) of a data-plane operation.  ``lost``: a list to gather NoAnswer, as in Carrier.call."""

        async def once() -> tuple[Any, Any]:
            response = await self._send(self.carrier.request(op), body, SMALL_ANSWER)
            found: tuple[Any, Any] = self.carrier.judge(op, response)
            return found

        found: tuple[Any, Any] = await self.persist(once, op, lost)
        return found

    async def act(self, op: Any) -> tuple[Any, Any]:
        """(result, Response) of a management operation."""

        async def once() -> tuple[Any, Any]:
            response = await self._send(self.carrier.action_request(op), None, SMALL_ANSWER)
            found: tuple[Any, Any] = self.carrier.judge_action(op, response)
            return found

        lost: list[UVideoError] = []
        try:
            result: tuple[Any, Any] = await self.persist(once, op, lost)
            return result
        except UVideoError as error:
            found, ask = self.carrier.done_before(op, error, lost)
            if ask is not None:
                return await self.act(ask)
            if found is None:
                raise
            done: tuple[Any, Any] = found
            return done

    async def get(self, op: Any, expires: int | None) -> tuple[Any, bytes]:
        """(ObjectInfo of the core, bytes) of one GetObject; no retry."""
        response = await self._send(self.carrier.link(op, expires), None, None)
        found = self.carrier.judge_object(op, response)
        return found, response.body

    async def persist(self, once: Any, op: Any, lost: list[UVideoError] | None = None) -> Any:
        """As Carrier.persist."""
        attempts = self.carrier.attempts(op, None, lost is not None)
        while True:
            try:
                return await once()
            except UVideoError as error:
                carriers.describe(error, op)
                if lost is not None and isinstance(error, NoAnswer):
                    lost.append(error)
                seconds = attempts.failed(error, self.carrier.ticks())
                if seconds is None:
                    raise
            await self.sleep(seconds)

    async def _send(self, request: Any, body: bytes | None, most: int | None) -> Any:
        session = self._open()
        limit = self.carrier.limit()
        if limit is not None and limit <= 0:
            raise DeadlineExceeded()
        host = request.origin.partition("://")[2]
        headers = [("Host", host), ("Accept-Encoding", "identity"), *request.headers]
        proxy = None if provider.is_loopback(host) else self._settings.proxy or None
        options: dict[str, Any] = {}
        if limit is not None:
            options["timeout"] = aiohttp.ClientTimeout(
                limit,
                sock_connect=min(limit, self._settings.connect_timeout),
                sock_read=min(limit, self._settings.timeout),
            )
        try:
            async with session.request(
                request.method,
                yarl.URL(request.origin + request.target, encoded=True),
                data=request.body if body is None else body,
                headers=headers,
                skip_auto_headers=_SKIPPED,
                allow_redirects=False,
                proxy=proxy,
                **options,
            ) as answer:
                content = await _read(answer, most)
                fields = message.Headers([(name, value) for name, value in answer.headers.items()])
                return message.Response(answer.status, fields, content)
        except UVideoError:
            raise
        except aiohttp.ClientConnectorCertificateError:
            raise NoAnswer(f"the certificate from {request.origin} is not trusted", sent=False) from None
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ClientProxyConnectionError,
            aiohttp.ConnectionTimeoutError,
        ) as error:
            raise NoAnswer(f"no answer from {request.origin} (no connection: {_reason(error)})", sent=False) from None
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise NoAnswer(f"no answer from {request.origin} ({_reason(error)})") from None
        except ValueError as error:
            raise InvalidArgument(f"the request cannot be sent: {error}") from None


async def _read(answer: aiohttp.ClientResponse, most: int | None) -> bytes:
    if most is None:
        return await answer.read()
    pieces, size = [], 0
    async for piece in answer.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise BadAnswer(f"the answer is longer than {most} bytes")
    return b"".join(pieces)


def _reason(error: BaseException) -> str:
    """Why, without the URL, which may be signed."""
    if isinstance(error, asyncio.TimeoutError):
        return "silence for too long"
    cause = getattr(error, "os_error", error)
    return getattr(cause, "strerror", None) or type(error).__name__
