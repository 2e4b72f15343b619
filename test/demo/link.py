"""A network that breaks off: a TCP link to a server on this machine, which can be cut and mended."""

from __future__ import annotations

import socket
import struct
import threading

READ = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # linger for 0 s: closing sends a reset


class Link:
    """Forwards connections to (host, port).  address: where it listens.  Safe to use from several threads."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.cuts = 0
        self._left: int | None = None
        self._broken = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname()[:2])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count: int) -> None:
        """Break every connection once count more bytes went to the server, and all later ones until mend()."""
        with self._lock:
            self._left = count

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._broken = False

    def close(self) -> None:
        """Stop listening and break what is open."""
        # A blocked accept() ends at shutdown, not at close.
        for end in (lambda: self._listener.shutdown(socket.SHUT_RDWR), self._listener.close, self._break_all):
            try:
                end()
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._broken:
                _reset(client)
                continue
            try:
                server = socket.create_connection(self.target, timeout=240)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            for source, sink, counted in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, counted), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        try:
            while True:
                data = source.recv(READ)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if counted and not self._allow(len(data)):
                    self._break_all()
                    return
                sink.sendall(data)
        except OSError:
            for each in (source, sink):
                self._forget(each)

    def _allow(self, count: int) -> bool:
        with self._lock:
            if self._broken:
                return False
            if self._left is None:
                return True
            self._left -= count
            if self._left > 0:
                return True
            self._left, self._broken = None, True
            self.cuts += 1
            return False

    def _break_all(self) -> None:
        with self._lock:
            ends, self._open = self._open, set()
        for each in ends:
            _reset(each)

    def _forget(self, end: socket.socket) -> None:
        with self._lock:
            self._open.discard(end)
        _reset(end)


def _reset(end: socket.socket) -> None:
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        end.close()
