"""The body of an S3 request, out of its chunks if it has any."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from uvideo.s3.chunked import ChunkDecoder
from uvideo.s3.payload import Payload
from uvideo.s3.signature import SigningKey
from uvideo.server.http.exchange import Exchange

__all__ = ["S3Body"]

HERE = 64 * 1024  # bytes of signed chunks that are decoded on the loop


class S3Body:
    """A ``FramedBody``.  ``payload``: how it is sent.  ``key``, ``seed``: of the request's signature, if it has one.

    HTTP's own chunks, which may be around it, are taken off by the exchange.
    """

    def __init__(self, exchange: Exchange, payload: Payload, key: SigningKey | None = None, seed: str = "") -> None:
        self._exchange, self._is_signed = exchange, payload.has_signed_chunks
        self._decoder = ChunkDecoder(payload, key, seed) if payload.framing else None
        self.sha256 = payload.sha256
        self.length = payload.length if payload.framing else exchange.length
        self.trailers: tuple[tuple[str, str], ...] = ()

    def read_at_once(self, size: int) -> None:
        self._exchange.read_at_once(size)

    def chunk(self) -> Coroutine[Any, Any, bytes]:
        """As ``body_buffer.Body``.  S3Error of ``ChunkDecoder``; BadRequest; Disconnected."""
        return self._exchange.chunk() if self._decoder is None else self._decoded(self._decoder)

    async def _decoded(self, decoder: ChunkDecoder) -> bytes:
        while data := await self._exchange.chunk():
            if self._is_signed and len(data) > HERE:
                found = await asyncio.get_running_loop().run_in_executor(None, decoder.feed, data)
            else:
                found = decoder.feed(data)
            if found:
                return found
        decoder.end()
        self.trailers = decoder.trailers
        return b""
