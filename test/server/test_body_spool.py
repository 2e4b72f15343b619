"""The file of a body that comes slowly is closed with it, not when memory is collected."""

from __future__ import annotations

import asyncio
import io
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from test.patience import SECONDS, until
from uvideo.server.limits.body_spool import SMALL, Spool


class SlowFile(io.BytesIO):
    """A write waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def write(self, data: Any) -> int:
        self.begun.set()
        assert self.may_go_on.wait(SECONDS)
        return super().write(data)


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> SlowFile:
    made = SlowFile()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: made)
    return made


def test_what_was_written_is_read_and_the_file_is_closed(file: SlowFile, tmp_path: Path) -> None:
    async def story() -> list[bytes]:
        spool = Spool(tmp_path)
        assert await spool.read() == []
        await spool.write(b"small")
        await spool.write(b"x" * (SMALL + 1))
        found = await spool.read()
        spool.close()
        spool.close()
        return found

    file.may_go_on.set()
    assert b"".join(asyncio.run(story())) == b"small" + b"x" * (SMALL + 1)
    assert file.closed


def test_a_cancelled_write_closes_the_file_when_it_ends(file: SlowFile, tmp_path: Path) -> None:
    async def story() -> None:
        spool = Spool(tmp_path)
        writing = asyncio.ensure_future(spool.write(b"x" * (SMALL + 1)))
        while not file.begun.is_set():
            await asyncio.sleep(0.001)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        spool.close()
        assert not file.closed
        file.may_go_on.set()

    asyncio.run(story())
    until(lambda: file.closed)
