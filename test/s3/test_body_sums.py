"""The threads that sum the body of a put."""

from __future__ import annotations

import asyncio
import threading

import pytest

from test import patience
from uvideo.server.limits.memory_budget import BATCH, LEAST_READ
from uvideo.server.rules.body_sums import CheckedBody

READ = 2 * LEAST_READ


class Silent:
    """A body of which the client sends some reads, and then nothing."""

    length: int | None = None
    sha256: str | None = None
    trailers: tuple[tuple[str, str], ...] = ()

    def __init__(self, reads: int) -> None:
        self.reads = reads

    def read_at_once(self, size: int) -> None:
        pass

    async def chunk(self) -> bytes:
        self.reads -= 1
        return b"x" * READ if self.reads >= 0 else await asyncio.Event().wait() or b""


class Slow:
    """Sums that take until they are allowed to go on."""

    def __init__(self) -> None:
        self.going, self.added = threading.Event(), 0

    def update(self, data: bytes) -> None:
        self.added += len(data)
        assert self.going.wait(patience.SECONDS)


def test_after_a_cancelled_request_no_thread_begins_to_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was held is dropped, instead of being added by a second thread while the first still sums."""
    slow = Slow()

    async def story() -> None:
        body = CheckedBody(Silent(BATCH + 2), None, None, None, 1 << 40)
        monkeypatch.setattr(body.sums, "tree", slow)
        body.read_at_once(READ)
        for _ in range(BATCH + 1):  # a batch, and one more that is held
            await body.chunk()
        body.read_at_once(LEAST_READ)  # the client stalled
        request = asyncio.create_task(body.chunk())  # waits for the batch
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await asyncio.sleep(0)
        slow.going.set()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(story())
    assert slow.added == BATCH * READ
