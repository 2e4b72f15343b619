"""The app in this process, where a test must set the clock or the timeouts."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from test import patience
from uvideo.server.auth.credentials import Key, Keyring
from uvideo.server.http.app import App
from uvideo.server.ops.metrics import Metrics
from uvideo.server.rules.service import Restoring, Service
from uvideo.storage.disk import DiskBlobs
from uvideo.storage.sqlite import SqliteCatalog

PUBLIC, PRIVATE = "public@example.com", "a private key"
AT_ONCE = Restoring()


@dataclass
class Running:
    port: int
    public_key: str
    private_key: str
    service: Service
    metrics: Metrics
    app: App
    loop: asyncio.AbstractEventLoop

    def later(self, seconds: float) -> None:
        """Let so many seconds pass on the app's loop, at once."""
        passed = threading.Event()

        def jump() -> None:
            self.loop.time = functools.partial(_ahead, self.loop.time, seconds)  # type: ignore[method-assign]
            self.loop.call_soon(self.loop.call_soon, passed.set)  # what is due by then comes first

        self.loop.call_soon_threadsafe(jump)
        assert passed.wait(patience.SECONDS)


def _ahead(time: Callable[[], float], seconds: float) -> float:
    return time() + seconds


@contextmanager
def running(
    folder: Path,
    *,
    public: str = PUBLIC,
    private: str = PRIVATE,
    clock: Callable[[], float] = time.time,
    more: tuple[Key, ...] = (),
    wrap: Callable[[Any], Any] = lambda blobs: blobs,
    restoring: Restoring = AT_ONCE,
    **settings: Any,
) -> Iterator[Running]:
    """The app on a loop in a thread.  ``wrap``: puts something around the blobs.  ``settings``: of App."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def on_loop(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(patience.SECONDS)

    async def start() -> tuple[Any, ...]:
        blobs = wrap(DiskBlobs(folder, fsync=False))
        catalog = SqliteCatalog(folder / "catalog.db", fsync=False)
        await blobs.start()
        await catalog.start()
        service = Service(blobs, catalog, Keyring([Key(public, private), *more]), clock, restoring)
        metrics = Metrics(0)
        app = App(service, metrics, **settings)
        listening = await loop.create_server(app.server, "127.0.0.1", 0)
        return app, service, listening, metrics

    async def stop() -> None:
        listening.close()
        due = loop.time() + 5
        await app.drain(lambda: due)
        await service.blobs.close()
        await service.catalog.close()

    app, service, listening, metrics = on_loop(start())
    try:
        yield Running(listening.sockets[0].getsockname()[1], public, private, service, metrics, app, loop)
    finally:
        on_loop(stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(patience.SECONDS)
        loop.close()
