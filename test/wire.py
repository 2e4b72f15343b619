"""HTTP/1.1 messages on a socket, taken off in the very bytes in which they came.  For fakes.py."""

from __future__ import annotations

import contextlib
import select
import selectors
import socket
import time

from test.posix import fcntl, termios
from ucloud.uvideo.protocol.message import Headers

CHUNK = 1 << 18
LINGER = 2.0  # seconds that a closing connection still waits for the other side


def waiting(socks: list[socket.socket], seconds: float | None = None) -> list[socket.socket]:
    """Those of the sockets that have something to read, or have ended.  ``seconds``: None to wait for one."""
    with selectors.DefaultSelector() as selector:
        for each in socks:
            with contextlib.suppress(KeyError):  # named twice
                selector.register(each, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(seconds)]  # type: ignore[misc]


class Over(Exception):
    """This connection ends here: in order, or with a reset."""

    def __init__(self, reset: bool = False, error: str | None = None) -> None:
        super().__init__(error)
        self.reset, self.error = reset, error


class Wire:
    """A socket with a read buffer."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.buffer = sock, bytearray()

    def some(self, most: int) -> bytes:
        """1 to ``most`` bytes; empty at the end."""
        if not self.buffer:
            return self.sock.recv(min(most, CHUNK))
        found = bytes(self.buffer[:most])
        del self.buffer[:most]
        return found

    def peek(self, length: int) -> bytes:
        """The next bytes, left in the buffer; fewer at the end."""
        while len(self.buffer) < length and self._fill():
            pass
        return bytes(self.buffer[:length])

    def until(self, mark: bytes) -> bytes:
        """Everything up to and with ``mark``; empty at the end."""
        start = 0
        while (found := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            if start > 1 << 20:
                raise Over(error="a head or a line of more than 1 MiB")
            if not self._fill():
                return b""
        return self.some(found + len(mark))

    def _fill(self) -> bool:
        data = self.sock.recv(CHUNK)
        self.buffer += data
        return bool(data)

    def ready(self, seconds: float = 0) -> bool:
        """Whether there is something to read, or the end."""
        return bool(waiting([self.sock], seconds))

    def is_gone(self, seconds: float = 0) -> bool:
        """Whether the other side has ended, whatever it sent before."""
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self.sock, getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR)
            return bool(poll.poll(seconds * 1000))
        deadline = time.monotonic() + seconds
        while True:  # Windows tells it by reading only
            try:
                if self.ready() and not self.sock.recv(1, socket.MSG_PEEK):
                    return True
            except OSError:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)

    def delivered(self) -> None:
        """Wait until the other side's system has all that was sent: a reset would take back what it has not."""
        deadline = time.monotonic() + LINGER
        if fcntl is None:  # nobody says it there
            return
        while time.monotonic() < deadline and any(fcntl.ioctl(self.sock, termios.TIOCOUTQ, b"\0" * 4)):
            time.sleep(0.001)


class Head:
    """The head of a message: its bytes, its first line in three, its Headers."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        first, *lines = raw.decode("utf-8", "surrogateescape").strip("\r\n").split("\r\n")
        fields = [line.partition(":") for line in lines]
        self.first = first.split(" ", 2)
        self.headers = Headers([(name, value.strip()) for name, _, value in fields])
        self.chunked = "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()
        words = (self.headers.get("Connection") or "").lower()
        self.last = "close" in words or ("HTTP/1.0" in self.first and "keep-alive" not in words)

    def length(self) -> int | None:
        value = (self.headers.get("Content-Length") or "").strip()
        return int(value) if value.isdecimal() else None

    def replacing(self, name: str, value: str | None) -> bytes:
        lines = self.raw[:-4].split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].lower() != name.lower().encode()]
        added = [] if value is None else [f"{name}: {value}".encode()]
        return b"\r\n".join(kept + added) + b"\r\n\r\n"


class Body:
    """Takes a message's body off a wire in pieces, as it stands there.  ``length`` None: up to the end of the wire."""

    def __init__(self, wire: Wire, length: int | None, chunked: bool) -> None:
        self.wire, self.left, self.state = wire, length, "size" if chunked else "data"
        self.chunked, self.received, self.done = chunked, 0, not chunked and length == 0

    def piece(self, most: int = CHUNK) -> tuple[bytes, bool]:
        """The next bytes, and whether they are data (at most ``most``) or framing."""
        if self.state == "data":
            data = self.wire.some(most if self.left is None else min(most, self.left))
            self.received += len(data)
            if self.left is not None:
                self.left -= len(data)
                if not data:
                    raise Over(error="the connection ended in the middle of a body")
            if self.chunked and not self.left:
                self.state = "end"
            self.done = not self.chunked and (not self.left if self.left is not None else not data)
            return data, True
        line = self.wire.until(b"\n")
        if not line:
            raise Over(error="the connection ended in the middle of a chunk")
        if self.state == "size":
            self.left = int(line.partition(b";")[0], 16)
            self.state = "data" if self.left else "trailer"
        elif self.state == "end":
            self.state = "size"
        else:
            self.done = not line.strip()
        return line, False

    def drain(self) -> None:
        while not self.done:
            self.piece()


def flipped(piece: bytes, at: int) -> bytes:
    return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :] if 0 <= at < len(piece) else piece
