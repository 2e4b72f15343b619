"""The other side of a case: one thread that takes a connection and does what the case says, byte by byte.

It acts by the bytes it has seen, never by time.
"""

from __future__ import annotations

import datetime
import ipaddress
import queue
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

WAYS = ("tcp", "tls", "tunnel", "tunnels")
PATIENCE = 90.0  # seconds: what did not come by then never comes
SEGMENT = 1024  # bytes, so that a small window is not taken for a closed one
Sends = list[tuple[int, bytes]]
End = tuple[int, str]
FIRST = b"HTTP/1.1 204 No Content\r\nX: first\r\n\r\n"
PROBED = b"HTTP/1.1 204 No Content\r\nX: probe\r\n\r\n"


def certificate(folder: Path) -> Path:
    """A file with a certificate for the names used here, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "uvideo fuzz")])
    names = [x509.DNSName("localhost"), x509.DNSName("service.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "fuzz.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Plain:
    """A TCP connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def receive(self, size: int) -> bytes:
        """b"" at the end, whatever kind of end it is."""
        try:
            return self._socket.recv(size)
        except ConnectionError:
            return b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def finish(self) -> None:
        """Say that nothing more is sent, in order; what comes is still read."""
        self.cut()

    def cut(self) -> None:
        """End what is sent; under TLS, without saying so."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


class Secure:
    """TLS over another connection."""

    def __init__(self, lower: Plain | Secure, context: ssl.SSLContext) -> None:
        self._lower, self._in, self._out = lower, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._read(self._tls.do_handshake)
        self._flush()

    def _flush(self) -> None:
        if self._out.pending:
            self._lower.send(self._out.read())

    def _read(self, work: Any, *arguments: Any) -> Any:
        while True:
            try:
                return work(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                data = self._lower.receive(65536)
                if not data:
                    raise EOFError from None
                self._in.write(data)

    def receive(self, size: int) -> bytes:
        try:
            found: bytes = self._read(self._tls.read, size)
            return found
        except (EOFError, ssl.SSLError):
            return b""

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def _notify(self) -> None:
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass
        self._flush()

    def finish(self) -> None:
        self._notify()
        self._lower.finish()

    def cut(self) -> None:
        self._lower.cut()

    def reset(self) -> None:
        self._lower.reset()

    def close(self) -> None:
        try:
            self._notify()
        except OSError:
            pass
        self._lower.close()


class Job:
    """What is to be played, and what came of it.

    ``sends``: (at, bytes), each sent once ``at`` bytes of the request are seen, in pieces of ``piece`` bytes.
    ``end``: (at, how).  ``total``: bytes of the request.  ``proxied``: the (sends, end) of the answer to the request
    for a tunnel; None to open it.
    """

    def __init__(
        self,
        listener: socket.socket,
        way: str,
        reused: bool,
        sends: Sends,
        end: End,
        total: int,
        piece: int,
        proxied: tuple[Sends, End] | None,
    ) -> None:
        self.listener, self.way, self.reused, self.proxied = listener, way, reused, proxied
        self.sends, self.end, self.total, self.piece = sends, end, total, piece
        self.seen = bytearray()
        self.played = threading.Event()  # the script is over
        self.heard = threading.Event()  # the client has its outcome
        self.probe = False  # whether it asks once more
        self.probed: str | None = None  # on which connection it did: "first", "second"
        self.over = threading.Event()
        self.failure: BaseException | None = None


class Stage:
    """Plays one Job after another."""

    def __init__(self, pem: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._listeners: dict[int | None, socket.socket] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def listen(self, buffer: int | None) -> socket.socket:
        """Where connections have buffers of that size."""
        found = self._listeners.get(buffer)
        if found is None:
            found = self._listeners[buffer] = socket.socket()
            if buffer is not None:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
            found.settimeout(PATIENCE)
            found.bind(("127.0.0.1", 0))
            found.listen(50)
        return found

    def play(self, job: Job) -> None:
        self._jobs.put(job)

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join(PATIENCE)
        for each in self._listeners.values():
            each.close()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            channel = None
            try:
                channel = self._accept(job)
                if channel is not None:
                    self._serve(channel, job)
            except (OSError, EOFError) as failure:
                job.failure = failure
            finally:
                job.played.set()
                try:
                    if job.heard.wait(PATIENCE) and job.probe and job.probed is None:
                        if channel is not None:
                            channel.close()
                        job.proxied = None
                        channel = self._accept(job)
                        self._probe(channel, job, "second")
                except (OSError, EOFError) as failure:
                    job.failure = failure
                if channel is not None:
                    channel.close()
                job.over.set()

    def _accept(self, job: Job) -> Any:
        """The connection, as far as its request; None if the proxy's part was the whole of it."""
        connected, _ = job.listener.accept()
        connected.settimeout(PATIENCE)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel: Plain | Secure = Plain(connected)
        try:
            if job.way in ("tls", "tunnels"):
                channel = Secure(channel, self._context)
            if job.way in ("tunnel", "tunnels"):
                if job.proxied is not None:
                    sends, end = job.proxied
                    if not self._play(channel, bytearray(), sends, end, job):
                        self._rest(channel, bytearray(), end, job)
                        channel.close()
                        return None
                else:
                    self._until(channel, bytearray(), b"\r\n\r\n")
                    channel.send(b"HTTP/1.1 200 OK\r\n\r\n")
                channel = Secure(channel, self._context)
            return channel
        except BaseException:
            channel.close()
            raise

    def _until(self, channel: Any, seen: bytearray, mark: bytes) -> bool:
        while not seen.endswith(mark):
            data = channel.receive(65536)
            if not data:
                return False
            seen += data
        return True

    def _serve(self, channel: Any, job: Job) -> None:
        if job.reused:
            self._until(channel, bytearray(), b"\r\n\r\n")
            channel.send(FIRST)
        self._play(channel, job.seen, job.sends, job.end, job)
        self._rest(channel, job.seen, job.end, job)

    def _play(self, channel: Any, seen: bytearray, sends: Sends, end: End, job: Job) -> bool:
        """Send what is to be sent, and end.  Whether the connection goes on."""
        at, how = end
        for place, data in [*sends, (at, b"")]:
            while len(seen) < place:
                received = channel.receive(place - len(seen))
                if not received:
                    return False
                seen += received
            try:
                for first in range(0, len(data), job.piece):
                    channel.send(data[first : first + job.piece])
            except (ConnectionError, ssl.SSLError):
                return False
        if how != "keep":
            try:
                {"half": channel.finish, "cut": channel.cut, "close": channel.close, "reset": channel.reset}.get(
                    how, lambda: None
                )()
            except OSError:  # the client was quicker
                pass
        return how == "keep"

    def _rest(self, channel: Any, seen: bytearray, end: End, job: Job) -> None:
        """Read what else comes, to the client's end."""
        how = end[1]
        job.played.set()
        if how in ("close", "reset"):
            return
        if how == "stuck":
            job.heard.wait(PATIENCE)
            return
        total = job.total if seen is job.seen else 1 << 62
        while len(seen) < total:
            data = channel.receive(min(65536, total - len(seen)))
            if not data:
                return
            seen += data
        if how == "keep":
            self._probe(channel, job, "first")
        else:
            while channel.receive(65536):
                pass

    def _probe(self, channel: Any, job: Job, where: str) -> None:
        asked = bytearray()
        if self._until(channel, asked, b"\r\n\r\n"):
            job.probed = where if asked.startswith(b"GET /probe HTTP/1.1\r\n") else f"{where}: {bytes(asked[:200])!r}"
            channel.send(PROBED)
            channel.receive(1)
