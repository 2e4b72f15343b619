"""FaultProxy: a reverse proxy on 127.0.0.1 that forwards byte for byte, keeps a log and injects scripted faults.

    with FaultProxy("127.0.0.1", port) as proxy:
        proxy.on("UploadPart", part=3).cut_after(512).then(500, times=2)
        ...                                     # a client, in any process, talks to proxy.endpoint

The faults are those of uvideo.testing.faults, and what only something on the way can do (faults.py).  Leaving the
``with`` block, and ``check()``, fail if a fault never happened.  The same over HTTP on ``proxy.control``, for tests on
Python 2.7, all bodies JSON: POST /faults (a list of tables as in a file of faults; it replaces), GET /log, GET
/unfired, GET /held, POST /reset, /release {"name"}, /wait {"name", "timeout"}, /stop_listening {"drop"},
/listen_again, /drop_connections {"count"}, /upstream {"host", "port"}.
``python -m test.fakes --upstream 127.0.0.1:PORT`` runs it as a process until its input ends or SIGTERM.
All methods are safe to call from any thread.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import gzip
import json
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

from test import patience
from test.faults import Asked, Reading, Script, Seen, answer_bytes, classify, is_management_path, parse
from test.wire import CHUNK, LINGER, Body, Head, Over, Wire, flipped, waiting
from ucloud.uvideo.protocol.message import Headers
from uvideo.testing import faults

MAX_WAIT = patience.SECONDS  # seconds that a stall or a pause lasts at most


class Connection:
    """One client connection and the upstream connection that belongs to it, driven by one thread."""

    def __init__(self, proxy: FaultProxy, sock: socket.socket, number: int) -> None:
        self.proxy, self.client, self.number = proxy, Wire(sock), number
        self.server: Wire | None = None

    def run(self) -> None:
        reset = False
        try:
            while raw := self.client.until(b"\r\n\r\n"):
                self.exchange(Head(raw.lstrip(b"\r\n")))
        except Over as over:
            reset = over.reset
        except (OSError, ValueError, LookupError):
            reset = True
        finally:
            self.proxy.hang_up(self.client.sock, reset)
            self.drop_server()

    def drop_server(self) -> None:
        if self.server:
            self.proxy.hang_up(self.server.sock)
            self.server = None

    def exchange(self, head: Head) -> None:
        method, target, _ = head.first
        length = 0 if head.chunked else head.length() or 0
        self.head, self.body, content = head, Body(self.client, length, head.chunked), b""
        kind = head.headers.get("Content-Type") or ""
        if method == "POST" and 0 < length < 65536 and "multipart" not in kind and not head.headers.get("Expect"):
            if is_management_path(target):  # such a call may have its name in the body
                content = self.client.peek(length)
        readings = classify(method, target, head.headers, content)
        self.seen, fault = self.proxy.arrived(self.number, method, target, head.headers, readings)
        self.kind, self.given = (fault.kind, fault.options) if fault else ("", {})
        try:
            if self.kind == "answer":
                self.answer()
            elif self.kind == "refuse":
                self.refuse()
            else:
                if self.kind == "latency":
                    self.proxy.closing.wait(self.given["seconds"])
                self.forward()
        except (Over, OSError, ValueError, LookupError) as error:
            self.seen.error = str(error) or None
            raise
        finally:
            self.seen.done = True
        if head.last:
            raise Over

    def refuse(self) -> None:
        self.proxy.stop_listening(self.given.get("drop", False))
        if "seconds" in self.given:
            self.proxy.hang_up(self.client.sock, True)
            self.proxy.closing.wait(self.given["seconds"])
            self.proxy.listen_again()
        raise Over(True, "refused")

    def answer(self) -> None:
        content = answer_bytes(**self.given)
        if self.given.get("read_body", True):
            if (self.head.headers.get("Expect") or "").lower() == "100-continue":
                self.client.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while not self.body.done:
                self.body.piece()
                self.seen.body_bytes = self.body.received
        if self.body.done:
            return self.tell(content)
        head, mark, rest = content.partition(b"\r\n\r\n")
        self.tell(Head(head + mark).replacing("Connection", "close") + rest)
        if self.given.get("drain", True):
            self.linger()
        raise Over(error="answered before the body")

    def tell(self, content: bytes) -> None:
        """Send an answer of our own."""
        self.seen.status = self.given["status"]
        head, mark, body = content.partition(b"\r\n\r\n")
        body = b"" if self.head.first[0] == "HEAD" else body
        self.seen.answer_bytes = len(body)
        self.client.sock.sendall(head + mark + body)
        if body and len(body) < (Head(head + mark).length() or 0):
            self.hold()

    def linger(self) -> None:
        """Say that nothing more comes, and take in what the client is still sending."""
        self.client.sock.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + LINGER
        while (left := deadline - time.monotonic()) > 0:
            if not self.client.ready(seconds=left) or not self.client.sock.recv(CHUNK):
                return

    def hold(self, name: str | None = None) -> None:
        """Do nothing until the client goes away, which ends the connection, or the name is released."""
        deadline = time.monotonic() + MAX_WAIT
        if name is None:
            with self.proxy.holding(self.client.sock):
                self.client.is_gone(MAX_WAIT)
            raise Over(True, "stalled")
        with self.proxy.paused(name) as released:
            while not released.wait(0.005):
                if self.proxy.closing.is_set() or self.client.is_gone() or time.monotonic() > deadline:
                    raise Over(True, f"never released from {name}")

    def upstream(self) -> Wire:
        """The connection to the server, made anew if the server has closed it meanwhile."""
        if self.server and (self.server.buffer or self.server.ready()):
            self.drop_server()
        if not self.server:
            self.server = Wire(self.proxy.dial())
        return self.server

    def forward(self) -> None:
        if self.kind == "pause" and "bytes" not in self.given and not self.given.get("answered"):
            self.hold(self.given["name"])
        if self.is_never_whole() and (self.body.done or not self.given.get("bytes")):
            self.at_limit(self.kind, self.body, sent=True)
        try:
            server = self.upstream()
            server.sock.sendall(self.head.raw)
        except OSError as error:
            raise Over(True, f"upstream: {error}") from error
        answer = self.send_body(server) or self.next_head(server)
        while answer and answer.first[1].startswith("1"):
            self.client.sock.sendall(answer.raw)
            answer = self.next_head(server)
        if not answer:
            raise Over(error="upstream: the connection ended before the answer")
        self.seen.upstream_status, self.seen.answered = int(answer.first[1]), time.monotonic()
        status = self.seen.upstream_status
        bare = self.head.first[0] == "HEAD" or status in (204, 304)
        body = Body(server, 0 if bare else answer.length(), answer.chunked and not bare)
        if self.kind in ("lost_answer", "forward_then_answer"):
            body.drain()
            self.rest_of_body(server)
            if self.kind == "lost_answer":
                raise Over(error="the answer was thrown away")
            return self.tell(answer_bytes(**self.given))
        if self.kind == "pause" and self.given.get("answered"):
            self.hold(self.given["name"])
        if self.kind == "compress" and not bare:
            self.compressed(answer, status, body)
        else:
            self.relay(answer, status, body)
        self.rest_of_body(server)
        if answer.last or (body.left is None and not body.chunked):
            raise Over

    @staticmethod
    def next_head(server: Wire) -> Head | None:
        raw = server.until(b"\r\n\r\n")
        return Head(raw) if raw else None

    def at_limit(self, kinds: str, body: Body, sent: bool = False) -> int:
        """How many bytes may pass before the fault; happens now if that is none, or if all is ``sent``."""
        if self.kind not in kinds.split() or (self.kind == "pause" and "bytes" not in self.given):
            return CHUNK
        after = self.given.get("bytes", 0)
        if body.received < after and not sent:
            return after - body.received
        if self.kind == "pause":
            self.hold(self.given["name"])
            self.kind = ""
            return CHUNK
        if self.kind == "interim":
            content = b"".join(
                b"HTTP/1.1 %d Interim\r\nLink: </x>; rel=preload\r\n\r\n" % each
                for each in self.given.get("statuses", (100, 103))
            )
            for place in range(0, len(content), 11):
                self.client.sock.sendall(content[place : place + 11])
            self.kind = ""
            return CHUNK
        if self.kind.startswith("stall"):
            self.hold()
        if self.kind == "truncate":
            raise Over(error="truncated")
        self.client.delivered()
        raise Over(True, "reset")

    def send_body(self, server: Wire) -> Head | None:
        """Send the body, or what the server takes of it; the head of its answer if that comes first."""
        kinds, body = "cut_after stall_after pause interim", self.body
        while not body.done:
            limit = self.at_limit(kinds, body)
            if not self.client.buffer and self.answers_first(server):
                head = self.next_head(server)
                if not head or not head.first[1].startswith("1"):
                    return head
                self.client.sock.sendall(head.raw)
                continue
            if not self.pass_on(server, limit):
                return None
        self.at_limit(kinds, body, sent=True)
        return None

    def is_never_whole(self) -> bool:
        """Whether the server must not get all of the request, however short its body is."""
        return self.kind in ("cut_after", "stall_after")

    def answers_first(self, server: Wire) -> bool:
        """Wait for the client or the server; True if the server has something to say."""
        return bool(server.buffer) or server.sock in waiting([self.client.sock, server.sock])

    def pass_on(self, server: Wire, limit: int) -> bool:
        """Send one piece of the body on; False if the server takes no more."""
        piece, data = self.body.piece(limit)
        if self.body.done and self.is_never_whole():
            piece = b""
        if data and self.kind == "flip_request":
            piece = flipped(piece, self.given.get("bytes", 0) - (self.body.received - len(piece)))
        self.seen.body_bytes = self.body.received
        try:
            server.sock.sendall(piece)
        except OSError:
            return False
        return True

    def rest_of_body(self, server: Wire) -> None:
        """After an early answer: the server may still take the rest; if not, end as it does."""
        while not self.body.done:
            if (not self.client.buffer and self.answers_first(server)) or not self.pass_on(server, CHUNK):
                self.linger()
                raise Over(error="upstream: the connection ended before the body")

    def compressed(self, answer: Head, status: int, body: Body) -> None:
        pieces = []
        while not body.done:
            piece, is_data = body.piece()
            pieces.append(piece if is_data else b"")
        content = gzip.compress(b"".join(pieces), 1)
        changes = {"Transfer-Encoding": None, "Content-Length": str(len(content)), "Content-Encoding": "gzip"}
        if etag := answer.headers.get("ETag"):
            changes["ETag"] = self.given.get("etag", 'W/"{}"').format(etag.strip('"'))
        raw = answer.raw
        for name, value in changes.items():
            raw = Head(raw).replacing(name, value)
        self.seen.status, self.seen.answer_bytes = status, len(content)
        self.client.sock.sendall(raw + content)

    def relay(self, answer: Head, status: int, body: Body) -> None:
        kinds = "reset truncate stall"
        if self.kind == "silence":
            self.hold()
        self.seen.status = status
        change = self.kind == "header"
        self.client.sock.sendall(
            answer.replacing(self.given["name"], self.given.get("value")) if change else answer.raw
        )
        while not body.done:
            limit = self.at_limit(kinds, body)
            piece, data = body.piece(limit)
            if data and self.kind == "flip":
                piece = flipped(piece, self.given.get("bytes", 0) - (body.received - len(piece)))
            self.seen.answer_bytes = body.received
            self.client.sock.sendall(piece)
        self.at_limit(kinds, body, sent=True)


# The proxy


def _bound(port: int = 0) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # clients must wait, as elsewhere
    sock.bind(("127.0.0.1", port))
    return sock


class FaultProxy:
    """See the module.  ``endpoint``, ``control``: URLs without a trailing slash; ``port``: of the endpoint.

    ``spaces``: the names that exist, if path-style requests are to be told from those with the space in the host.
    """

    def __init__(self, upstream_host: str, upstream_port: int, spaces: Container[str] | None = None) -> None:
        self.upstream_address, self.spaces = (upstream_host, int(upstream_port)), spaces
        self.closing = threading.Event()
        self._lock = threading.Condition(threading.RLock())
        self._listening = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._sockets: dict[socket.socket, bool] = {}  # open connections; True: of a client
        self._faults: list[faults.Fault] = []
        self._log: list[Seen] = []
        self._gates: dict[str, threading.Event] = {}
        self._held: list[str] = []
        self._stalled: list[int] = []
        self._connections = self._dropping = 0
        self._reserved: socket.socket | None = None  # keeps the port while nothing listens there
        self._listener, self._control = _bound(), _bound()
        self.port = self._listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.control = f"http://127.0.0.1:{self._control.getsockname()[1]}"
        self._acceptor = self._accept(self._listener, self._serve)
        self._accept(self._control, self._serve_control)

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.close()
        if kind is None:
            self.check()

    def close(self) -> None:
        """End every connection and thread."""
        self.closing.set()
        with self._listening, self._lock:
            self._lock.notify_all()
            for sock in [self._listener, self._control, *self._sockets]:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        while threads := self._running():
            threads[0].join()
        for left in (self._listener, self._control, self._reserved, *self._sockets):
            if left:
                left.close()

    # Scripts

    def on(self, operation: Any = "*", **match: Any) -> Script:
        """A new Script for the requests of an operation (its class, its name, a management Action, or "*").

        ``space``, ``key``, ``part``, ``method``: what else must agree.  ``where``: what stands in the target.
        ``byte``: one of the object that is asked for.  Requests are not counted: which one comes second is up to
        threads and retries.
        """
        name = operation.__name__ if isinstance(operation, type) else operation
        return Script(self, {"on": name, **{name: value for name, value in match.items() if value is not None}})

    def add(self, fields: dict[str, Any]) -> None:
        """One fault more, in the form that a file has."""
        fault = parse(fields)
        with self._lock:
            self._faults.append(fault)

    def script(self, given: list[dict[str, Any]]) -> None:
        """Replace all faults by these."""
        found = [parse(fields) for fields in given]
        with self._lock:
            self._faults = found

    def unfired(self) -> list[dict[str, Any]]:
        """The faults that have not happened as often as they were to; those for every time: not once."""
        with self._lock:
            return [
                {"text": str(fault), "happened": fault.happened, "times": fault.times}
                for fault in self._faults
                if fault.happened < (fault.times or 1)
            ]

    def check(self) -> None:
        """AssertionError that names every fault of unfired()."""
        left = [f"{each['text']} fired {each['happened']} of {each['times']}" for each in self.unfired()]
        if left:
            raise AssertionError("faults that never fired: " + "; ".join(left))

    def reset(self) -> None:
        """Forget scripts, log and released names; listen."""
        with self._lock:
            self._faults, self._log, self._dropping = [], [], 0
            for gate in self._gates.values():
                gate.set()
            self._gates = {}
        self.listen_again()

    # What was seen

    def log(self, operation: str | None = None, **fields: Any) -> list[Seen]:
        """Copies of the requests in order of arrival; only those with this operation, part=3, status=200 and so on."""
        with self._lock:
            found = [replace(seen) for seen in self._log]
        want = {**fields, **({"operation": operation} if operation else {})}
        return [seen for seen in found if all(getattr(seen, name) == value for name, value in want.items())]

    def arrived(
        self, connection: int, method: str, target: str, headers: Headers, readings: list[Reading]
    ) -> tuple[Seen, faults.Fault | None]:
        """Log a request and take the fault that is due for it."""
        if self.spaces is not None:
            readings = sorted(readings, key=lambda reading: reading.space not in (self.spaces or ()))
        shown: dict[str, str] = {}
        for name, value in headers:
            shown[name.lower()] = f"{shown[name.lower()]}, {value}" if name.lower() in shown else value
        with self._lock:
            number = len(self._log) + 1
            seen = Seen(number, connection, time.monotonic(), method, target, *readings[0], headers=shown)
            self._log.append(seen)
            asked = Asked(readings[0].operation)
            asked.readings, asked.seen = readings, seen
            chosen = faults.due(self._faults, asked)
            if chosen:
                seen.fault = str(chosen)
            return seen, chosen

    # Pauses

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[threading.Event]:
        with self._lock:
            gate = self._gates.setdefault(name, threading.Event())
            self._held.append(name)
            self._lock.notify_all()
        try:
            yield gate
        finally:
            with self._lock:
                self._held.remove(name)

    @contextlib.contextmanager
    def holding(self, sock: socket.socket) -> Iterator[None]:
        port = sock.getpeername()[1]
        with self._lock:
            self._stalled.append(port)
        try:
            yield
        finally:
            with self._lock:
                self._stalled.remove(port)

    def held(self) -> list[int]:
        """The clients' ports of the connections that are stalled: nothing more comes there."""
        with self._lock:
            return list(self._stalled)

    def wait(self, name: str, timeout: float = MAX_WAIT) -> bool:
        """Wait until a request is held under this name; False if none came."""
        with self._lock:
            self._lock.wait_for(lambda: name in self._held or self.closing.is_set(), min(timeout, MAX_WAIT))
            return name in self._held

    def release(self, name: str) -> None:
        """Let go what is held under this name, or will be."""
        with self._lock:
            self._gates.setdefault(name, threading.Event()).set()

    @contextlib.contextmanager
    def meanwhile(self, name: str, work: Callable[[], object]) -> Iterator[None]:
        """During the block: once a request is held under this name, do the work, then let the request go.

        AssertionError if no request was held; what the work raises.
        """

        def run() -> None:
            try:
                assert self.wait(name), f"no request was held as {name!r}"
                work()
            finally:
                self.release(name)

        with ThreadPoolExecutor(1) as beside:
            done = beside.submit(run)
            yield
        done.result()

    def settle(self, name: str, timeout: float = MAX_WAIT) -> None:
        """After a client's end: let go what is held under this name, and wait until its connections have ended."""
        self.release(name)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.connected():
                return
            self.closing.wait(0.005)
        raise AssertionError("the client's connections did not end")

    # Connections

    def connected(self) -> int:
        """How many connections clients have to it now."""
        with self._lock:
            return sum(self._sockets.values())

    def stop_listening(self, drop: bool = False) -> None:
        """Refuse connections from now on.  ``drop``: end those that stand, too."""
        with self._listening:
            if self._reserved is None and not self.closing.is_set():
                self._listener.shutdown(socket.SHUT_RDWR)
                self._acceptor.join()
                self._listener.close()
                self._reserved = _bound(self.port)
        if drop:
            with self._lock:
                for sock in [sock for sock, client in self._sockets.items() if client]:
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)

    def listen_again(self) -> None:
        """Take connections again, on the same port."""
        with self._listening:
            if self._reserved is not None and not self.closing.is_set():
                self._listener, self._reserved = self._reserved, None
                self._acceptor = self._accept(self._listener, self._serve)

    def drop_connections(self, count: int) -> None:
        """Reset the next connections as soon as they are made."""
        with self._lock:
            self._dropping = count

    def dial(self) -> socket.socket:
        """A connection to the server."""
        sock = socket.create_connection(self.upstream_address, patience.SECONDS)
        sock.settimeout(None)
        self._keep(sock, False)
        return sock

    def hang_up(self, sock: socket.socket, reset: bool = False) -> None:
        """Close a connection; once more does no harm."""
        with self._lock:
            if reset and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sockets.pop(sock, None)
            sock.close()

    def _keep(self, sock: socket.socket, client: bool) -> None:
        with self._lock:
            self._sockets[sock] = client
            if self.closing.is_set():
                sock.shutdown(socket.SHUT_RDWR)

    def _running(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._threads)

    def _start(self, work: Callable[..., None], *given: Any) -> threading.Thread:
        def run() -> None:
            try:
                work(*given)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name="FaultProxy", daemon=True)
        with self._lock:
            self._threads.add(thread)
            thread.start()
        return thread

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> threading.Thread:
        listener.listen(128)
        return self._start(self._accepting, listener, serve)

    def _accepting(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        while not self.closing.is_set():
            try:
                sock, _ = listener.accept()
            except OSError as error:
                if error.errno == errno.ECONNABORTED:
                    continue
                return
            self._start(serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self._connections += 1
            number, dropped = self._connections, self._dropping > 0
            self._dropping -= dropped
        if dropped:
            return self.hang_up(sock, reset=True)
        with contextlib.suppress(OSError):
            self._keep(sock, True)
        Connection(self, sock, number).run()

    # The control endpoint: one request a connection

    def _serve_control(self, sock: socket.socket) -> None:
        try:
            self._keep(sock, False)
            wire = Wire(sock)
            head = Head(wire.until(b"\r\n\r\n"))
            status, found = 200, None
            try:
                given = json.loads(wire.peek(head.length() or 0) or b"{}")
                found = self._command(f"{head.first[0]} {head.first[1].partition('?')[0]}", given)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                status, found = 400, {"error": str(error)}
            sock.sendall(answer_bytes(status, None, {} if found is None else found, {"Connection": "close"}))
        except (Over, OSError, LookupError):
            pass
        finally:
            self.hang_up(sock)

    def _command(self, name: str, given: Any) -> Any:
        commands: dict[str, Callable[[], Any]] = {
            "POST /faults": lambda: self.script(given),
            "GET /log": lambda: [asdict(seen) for seen in self.log()],
            "GET /unfired": self.unfired,
            "GET /held": self.held,
            "POST /reset": self.reset,
            "POST /release": lambda: self.release(given["name"]),
            "POST /wait": lambda: {"paused": self.wait(given["name"], given.get("timeout", MAX_WAIT))},
            "POST /stop_listening": lambda: self.stop_listening(bool(given.get("drop"))),
            "POST /listen_again": self.listen_again,
            "POST /drop_connections": lambda: self.drop_connections(int(given["count"])),
            "POST /upstream": lambda: setattr(self, "upstream_address", (given["host"], int(given["port"]))),
        }
        if name not in commands:
            raise ValueError(f"no command is called {name}; there are {', '.join(commands)}")
        return commands[name]()


def main() -> None:
    """Run a FaultProxy as a process; the first line it prints is JSON with its endpoint and its control."""
    parser = argparse.ArgumentParser(prog="python -m test.fakes", description=main.__doc__)
    parser.add_argument("--upstream", required=True, metavar="HOST:PORT")
    host, _, port = parser.parse_args().upstream.rpartition(":")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    proxy = FaultProxy(host, int(port))
    try:
        print(json.dumps({"endpoint": proxy.endpoint, "control": proxy.control}), flush=True)
        sys.stdin.buffer.read()
    finally:
        proxy.close()


if __name__ == "__main__":
    main()
