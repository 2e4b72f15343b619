"""An HTTP proxy that knows CONNECT and leads every host to one port: a client keeps its hosts, and its TLS."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 60.0


@contextmanager
def tunnel(port: int) -> Iterator[str]:
    """The proxy's URL.  ``port``: of 127.0.0.1, where every tunnel ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_listen, args=(listener, port), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _listen(listener: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError):  # closed
        while True:
            threading.Thread(target=_serve, args=(listener.accept()[0], port), daemon=True).start()


def _serve(client: socket.socket, port: int) -> None:
    with client, contextlib.suppress(OSError), client.makefile("rb") as lines:
        client.settimeout(SECONDS)
        first = lines.readline()
        while lines.readline() not in (b"\r\n", b""):
            pass
        if not first.startswith(b"CONNECT "):
            client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port), SECONDS) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")  # a client of TLS speaks first, and has waited for this
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join(SECONDS)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
