"""The app of a test server, with scripted faults.  See ``uvideo.testing.faults``.

For one process only: several would count faults separately.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextvars import ContextVar

from aiohttp import web
from multidict import CIMultiDict

from uvideo._core import dates, dialect, error_response, errors, etag, location, management, message
from uvideo.server.http.app import App
from uvideo.server.http.exchange import Disconnected, Exchange
from uvideo.server.http.management_call import is_management
from uvideo.server.rules.objects import ObjectBody
from uvideo.testing import faults
from uvideo.testing.faults import Call, Fault

__all__ = ["FaultyApp", "ServerFaults", "clock"]

BODY_LIMIT = 1024 * 1024  # bytes of a management call, or of new faults
GONE_EVERY = 0.02  # seconds between two checks whether the client disconnected
SENT_SECONDS = 0.02  # seconds for written bytes to leave before a reset
_BODILY = ("truncate", "reset", "stall", "flip")

_skew: ContextVar[float] = ContextVar("skew", default=0.0)


def clock() -> float:
    """Unix seconds for the current request; a fault may shift them."""
    return time.time() + _skew.get()


class ServerFaults:
    """The faults of one server, and their page on the admin port."""

    def __init__(self, given: list[Fault]) -> None:
        self.faults = given

    def left(self) -> list[Fault]:
        """The faults that never happened."""
        return [fault for fault in self.faults if not fault.happened]

    async def answer(self, request: web.BaseRequest) -> tuple[int, str]:
        """(status, text).  GET: the faults that happened; POST: add faults; DELETE: remove all."""
        if request.method == "POST":
            if request.content_type != "application/json":  # other origins' pages need a preflight for it
                return 415, "faults are application/json\n"
            try:
                found = json.loads(await request.content.read(BODY_LIMIT))
                self.faults += [faults.parse(each) for each in found]
            except (ValueError, TypeError, AttributeError, RecursionError) as failure:
                return 400, f"{failure}\n"
        elif request.method == "DELETE":
            self.faults.clear()
        elif request.method != "GET":
            return 405, "only GET, POST and DELETE\n"
        said = [{"text": str(each), "matched": each.matched, "happened": each.happened} for each in self.faults]
        return 200, json.dumps(said)


class _FaultyExchange(Exchange):
    """``fault``: the fault of this request.  ``ahead``: bytes of the body that were read already."""

    __slots__ = ("ahead", "fault")

    def __init__(self, request: web.BaseRequest) -> None:
        super().__init__(request)
        self.fault: Fault | None = None
        self.ahead: bytes | None = None

    @property
    def _kind(self) -> str:
        return self.fault.kind if self.fault is not None else ""

    @property
    def _bytes(self) -> int:
        return int(self.fault.options.get("bytes", 0)) if self.fault is not None else 0

    async def chunk(self) -> bytes:
        if self.ahead is not None:
            data, self.ahead = self.ahead, None
            return data
        if self._kind not in ("cut_after", "stall_after"):
            return await super().chunk()
        data = await super().chunk() if self._bytes else b""
        if data and self.received < self._bytes:
            return data
        if self._kind == "stall_after":
            await self.gone()
        self.abort()
        raise Disconnected()

    async def gone(self) -> None:
        """Wait until the client disconnects.  The watchdog aborts connections that stall for too long."""
        self.waiting = True
        while self.request.transport is not None and not self.request.transport.is_closing():
            await asyncio.sleep(GONE_EVERY)

    async def answer(self, response: message.Response, content: ObjectBody | None = None) -> web.StreamResponse:
        kind, fault = self._kind, self.fault
        if kind == "lost_answer":
            self.abort()
            raise Disconnected()
        if kind == "duplicate_part" and response.status == 200:
            response = error_response.encode_error(errors.PartExists())
        elif kind == "wrong_etag":
            response = _with(response, "ETag", _other_etag(response.headers.get("ETag") or "", self.session))
        elif kind == "header" and fault is not None:
            response = _with(response, fault.options["name"], fault.options.get("value"))
        return await super().answer(response, content)

    def _head(self, response: message.Response) -> CIMultiDict[str]:
        headers = super()._head(response)
        headers.setdefault("Date", dates.http_date(clock()))
        return headers

    async def _send(self, response: message.Response, content: ObjectBody | None) -> web.StreamResponse:
        if self._kind not in _BODILY:
            return await super()._send(response, content)
        headers = self._head(response)
        size = content.length if content is not None else len(response.body)
        if response.status not in (204, 304):
            headers.setdefault("Content-Length", str(size))
        carried = web.StreamResponse(status=response.status, headers=headers)
        if self._kind != "flip":
            carried.force_close()
        self.waiting = True
        await carried.prepare(self.request)
        if self.request.method != "HEAD":
            async for piece in self._spoiled(_pieces(response.body, content)):
                await carried.write(piece)
                self.sent += len(piece)
        if self._kind == "stall":
            await self.gone()
        if self._kind in ("stall", "reset"):
            await asyncio.sleep(SENT_SECONDS)
            self.abort()
            raise Disconnected()
        await carried.write_eof()
        return carried

    async def _spoiled(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = self._bytes
        async for piece in pieces:
            if self._kind == "flip":
                if 0 <= left < len(piece):
                    piece = piece[:left] + bytes([piece[left] ^ 1]) + piece[left + 1 :]
                yield piece
            elif left > 0:
                yield piece[:left]
            left -= len(piece)


def _other_etag(tag: str, text: str) -> str:
    """An etag of the same form, for other bytes."""
    digest = etag.block_digest(text.encode())
    is_part = len(tag.strip('"')) == len(etag.part_etag(digest))
    return f'"{etag.part_etag(digest) if is_part else etag.from_digests([digest])}"'


def _with(response: message.Response, name: str, value: str | None) -> message.Response:
    """The response with one header set; None removes it."""
    pairs = [pair for pair in response.headers.pairs if pair[0].lower() != name.lower()]
    return response._replace(headers=message.Headers(pairs + ([(name, value)] if value is not None else [])))


async def _pieces(body: bytes, content: ObjectBody | None) -> AsyncIterator[bytes]:
    if content is None:
        yield body
    elif content.reader is None:
        yield (content.inline or b"")[content.offset : content.offset + content.length]
    else:
        async for piece in content.reader.read(content.offset, content.length):
            yield piece


class FaultyApp(App):
    """An App with the faults of ``script``.  Its service must use the ``clock`` of this module."""

    exchange = _FaultyExchange
    script: ServerFaults

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        assert isinstance(exchange, _FaultyExchange)
        if exchange.request.method == "OPTIONS":  # a preflight; the fault is meant for the request after it
            return await super()._answer(exchange)
        try:
            call, name = await self._call(exchange)
        except errors.Refused:
            call, name = Call(faults.UNKNOWN), None
        fault = exchange.fault = faults.due(self.script.faults, call)
        if fault is None:
            return await super()._answer(exchange)
        if fault.kind in ("cut_after", "stall_after") and not exchange.request.body_exists:
            await exchange.chunk()  # as after a whole body
        if fault.kind == "latency":
            await asyncio.sleep(fault.options["seconds"])
        if fault.kind in ("answer", "expired"):
            return await exchange.answer(_scripted(fault, name))
        skew = _skew.set(fault.options["seconds"] if fault.kind == "clock_skew" else 0.0)
        try:
            return await super()._answer(exchange)
        finally:
            _skew.reset(skew)

    async def _call(self, exchange: _FaultyExchange) -> tuple[Call, str | None]:
        """(the operation of a request, the Action of a management call or None).  Refused if it cannot be read."""
        headers, method = exchange.headers, exchange.request.method
        target = location.parse_target(exchange.request.raw_path)
        if is_management(exchange, target):
            body = b""
            if method == "POST":
                body = exchange.ahead = await exchange.small(BODY_LIMIT)
            given = management.parameters(target.query, headers, body)
            return faults.managed(given), str(given.get("Action"))
        found = location.addresses(target.authority or headers.get("Host", ""), headers.get("Bucket"), target.path)
        try:
            record, address = await self._service.locate(found)
            space = record.name
        except errors.SpaceNotFound:
            address, space = found[0], found[0].space
        return faults.addressed(method, address, space, dialect.parameters(target.query), headers), None


def _scripted(fault: Fault, name: str | None) -> message.Response:
    """The answer for the faults answer and expired.  ``name``: of a management call: its errors have HTTP 200."""
    if fault.kind == "expired":
        expired = errors.SignatureExpired()
        return management.encode_error(name, expired) if name is not None else error_response.encode_error(expired)
    status, said = fault.options["status"], fault.options
    response = message.Response(status, message.Headers(), b"")
    if status >= 400:
        error = errors.refusal(status, said.get("ret_code"), said.get("message"))
        if error.ret_code is None:
            error.ret_code = -148600
        response = error_response.encode_error(error)
    for header, value in said.get("headers", {}).items():
        response = _with(response, header, value)
    return response
