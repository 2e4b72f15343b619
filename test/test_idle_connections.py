"""Connections that stay although the server ends them."""

from __future__ import annotations

import socket

from test import patience
from test.idle_connections import idle_connections


def test_a_connection_that_the_server_ends_is_opened_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(patience.SECONDS)
        with idle_connections(listener.getsockname()[1], 3):
            first = [listener.accept()[0] for _ in range(3)]
            for sock in first[:2]:
                sock.close()
            again = [listener.accept()[0] for _ in range(2)]
            again[0].sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")  # a refusal, too
            again[0].close()
            last, _ = listener.accept()
        held = [first[2], again[1], last]
        for sock in held:
            sock.settimeout(patience.SECONDS)
            assert sock.recv(1) == b""
            sock.close()


def test_it_ends_though_the_server_accepts_nothing_or_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        port = listener.getsockname()[1]
        with idle_connections(port, 10):
            pass
    with idle_connections(port, 1):
        pass
