"""Answers that take long: blanks keep the connection open until the document is known.  Source: s3.md section 3.13."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from uvideo._core import message
from uvideo.server.http.exchange import Exchange

__all__ = ["BLANK_EVERY", "with_blanks"]

BLANK_EVERY = 10.0  # seconds; clients and proxies wait for about 60 s without a byte

T = TypeVar("T")


async def with_blanks(work: Coroutine[Any, Any, T], exchange: Exchange, headers: message.Headers, first: bytes) -> T:
    """The result of the work, or its error.

    If it takes longer than BLANK_EVERY, the client gets the head of an answer with the status 200, these headers and
    the ``first`` bytes of the body, and a blank each BLANK_EVERY.  ``Exchange.answer`` then sends the rest of the body.
    """
    doing = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait((doing,), timeout=BLANK_EVERY))[0]:
            with contextlib.suppress(OSError, RuntimeError):  # the client has left; the work goes on
                if not exchange.is_begun:
                    await exchange.begin(headers, first)
                await exchange.send_more(b" ")
        return doing.result()
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait((doing,))
