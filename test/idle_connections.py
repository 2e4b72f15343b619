"""Clients that hold connections to a server and send nothing."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator

PAUSE = 0.15  # seconds until a connection that the server ended is opened again
CONNECT_SECONDS = 1.0


@contextlib.contextmanager
def idle_connections(port: int, count: int) -> Iterator[None]:
    """Hold so many connections to a port of 127.0.0.1.  A connection that the server ends, as it does after some time
    without a request, is opened again.  One thread owns all of them."""
    opened, over = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
            while not over.is_set():
                for key, _ in selector.select(0):  # a refusal or the end: a server sends nothing else unasked
                    selector.unregister(key.fileobj)
                    key.data.close()
                with contextlib.suppress(OSError):
                    while len(selector.get_map()) < count:
                        sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS))
                        selector.register(sock, selectors.EVENT_READ, sock)
                opened.set()
                over.wait(PAUSE)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        opened.wait()
        yield
    finally:
        over.set()
        thread.join()
