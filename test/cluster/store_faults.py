"""An S3 store with scripted faults: requests go on to a real store, but for those that the script answers itself."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Fault", "StoreProxy", "start_store_proxy"]

SECONDS = 30.0
ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>{}</Message><RequestId>1</RequestId></Error>'


@dataclass
class Fault:
    """What happens to requests of one method whose target has ``where`` in it.

    ``status``, ``code``, ``headers``: the answer.  ``length``: bytes of the real answer that are sent before the
    connection breaks; None: the real store is not asked.  ``times``: how often; None: until it is taken away.
    """

    method: str
    where: str = ""
    status: int = 500
    code: str = "InternalError"
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    text: str = "scripted"
    times: int | None = None
    fired: int = field(default=0, init=False)

    def takes(self, method: str, target: str) -> bool:
        return method == self.method and self.where in target and (self.times is None or self.fired < self.times)


class StoreProxy:
    """``port``: where it listens, on 127.0.0.1.  ``seen``: (method, target) of all requests.

    ``most_at_once``: how many of them were there at one time.
    """

    def __init__(self, upstream: str, tls: tuple[Path, Path] | None = None) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str]] = []
        self.most_at_once = self._now = 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            front = proxy

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def next(self, method: str, target: str) -> Fault | None:
        with self._lock:
            self.seen.append((method, target))
            for fault in self.faults:
                if fault.takes(method, target):
                    fault.fired += 1
                    return fault
        return None

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """One request, from when the store is asked until it has answered."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    @contextlib.contextmanager
    def having(self, *faults: Fault) -> Iterator[None]:
        """These happen within the block; AssertionError if one of them never did."""
        with self._lock:
            self.faults += faults
        try:
            yield
        finally:
            with self._lock:
                self.faults = [each for each in self.faults if each not in faults]
        assert all(each.fired for each in faults), f"these never happened: {[f for f in faults if not f.fired]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Handler(http.server.BaseHTTPRequestHandler):
    front: StoreProxy
    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    disable_nagle_algorithm = True

    def log_message(self, *arguments: object) -> None:
        pass

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError):
            return super().handle_one_request()
        self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.front.next(self.command, self.path)
        if fault is not None and fault.length is None:
            text = ERROR.format(fault.code, fault.text).encode() if fault.code else b""
            self.send_response(fault.status)
            for name, value in (
                *fault.headers,
                ("Content-Type", "application/xml"),
                ("Content-Length", str(len(text))),
            ):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)
            return
        upstream = http.client.HTTPConnection(self.front.upstream, timeout=SECONDS)
        try:
            upstream.connect()
            upstream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    upstream.putheader(name, value)
            with self.front.counted():
                upstream.endheaders(body or None)
                answer = upstream.getresponse()
                data = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            if answer.status != 204:
                self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if fault is not None:
                self.wfile.write(data[: fault.length])
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.wfile.write(data)
        finally:
            upstream.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve


@contextlib.contextmanager
def start_store_proxy(upstream: str, tls: tuple[Path, Path] | None = None) -> Iterator[StoreProxy]:
    """Before the store at this URL.  ``tls``: files of a certificate and its key, to listen with TLS."""
    proxy = StoreProxy(upstream, tls)
    try:
        yield proxy
    finally:
        proxy.close()
