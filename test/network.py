"""Two network namespaces with a wire between them: a server in one, and clients of many addresses in the other.

Loopback is not counted by the server's limits, so what holds for strangers is tried from here.  The machine's own
network stays as it is.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from test.server.wire import SECONDS, Answer, Peer, receive
from test.server_fixture import ROOT, Server

__all__ = ["Distant", "Network", "start_network"]

REQUIRE = "UVIDEO_REQUIRE_INTERPRETERS"  # set by .ci/run: there nothing may be left out that root can do
SERVER4, SERVER6 = "10.231.0.1", "fd00:5e::1"
#: Of the clients; the last two IPv6 addresses are of one network of 64 bits.
CLIENTS = ("10.231.1.1", "10.231.1.2", "10.231.1.3", "fd00:5e:0:1::1", "fd00:5e:0:2::1", "fd00:5e:0:2::2")
OWNER = "10.231.1.9"  # who does what a test needs done


@dataclass
class Network:
    """``inside``: what a command must begin with to run where the server is."""

    inside: tuple[str, ...]
    _station: subprocess.Popen[str]

    def exchange(self, source: str, port: int, data: bytes, method: str = "GET", times: int = 1) -> list[Answer]:
        """Send the same request from an address, so many times at once."""
        to = SERVER6 if ":" in source else SERVER4
        asked = {"source": source, "to": to, "port": port, "data": _text(data), "method": method, "times": times}
        assert self._station.stdin is not None and self._station.stdout is not None
        self._station.stdin.write(json.dumps(asked) + "\n")
        self._station.stdin.flush()
        said = json.loads(self._station.stdout.readline())
        return [Answer(status, [(a, b) for a, b in headers], base64.b64decode(body)) for status, headers, body in said]


class Distant(Peer):
    """A client at one of the addresses."""

    def __init__(self, network: Network, server: Server, source: str = OWNER) -> None:
        super().__init__(server)
        self.network, self.source = network, source

    def exchange(self, data: bytes, method: str) -> Answer:
        return self.network.exchange(self.source, self.port, data, method)[0]


@contextmanager
def start_network() -> Iterator[Network]:
    """Skips the test where none can be made: it needs root, and a kernel and a container that allow it."""
    reason = _missing()
    if reason:
        assert not (os.environ.get(REQUIRE) and os.geteuid() == 0), reason
        pytest.skip(reason)
    name = f"uvideo{os.getpid()}"
    server, clients = f"{name}s", f"{name}c"
    try:
        for each in (server, clients):
            _ip("netns", "add", each)
        _ip("link", "add", "wire", "netns", server, "type", "veth", "peer", "name", "wire", "netns", clients)
        for space, addresses in ((server, (SERVER4, SERVER6)), (clients, (OWNER, *CLIENTS))):
            for address in addresses:
                length, more = ("/32", ["nodad"]) if ":" in address else ("/16", [])
                _ip("-n", space, "address", "add", address + length, "dev", "wire", *more)
            for device in ("lo", "wire"):
                _ip("-n", space, "link", "set", device, "up")
        station = subprocess.Popen(
            ["ip", "netns", "exec", clients, sys.executable, "-m", "test.network"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Network(("ip", "netns", "exec", server), station)
        finally:
            station.communicate()
    finally:
        for each in (server, clients):
            subprocess.run(["ip", "netns", "delete", each], capture_output=True)


def _missing() -> str:
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the command ip is missing (Debian: apt-get install iproute2)"
    name = f"uvideo{os.getpid()}t"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)
    return f"no network namespace can be made here: {done.stderr.strip()}" if done.returncode else ""


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _at_once(source: str, to: str, port: int, data: str, method: str, times: int) -> list[Any]:
    """In the clients' namespace: each on a connection of its own; all are open before one sends its last byte."""
    request, answers = base64.b64decode(data), [None] * times
    start = threading.Barrier(times)

    def ask(number: int) -> None:
        with socket.create_connection((to, port), SECONDS, source_address=(source, 0)) as sock:
            sock.sendall(request[:-1])
            start.wait(SECONDS)
            sock.sendall(request[-1:])
            got = receive(sock, method)
            answers[number] = (got.status, got.headers, _text(got.body))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_at_once(**json.loads(line))), flush=True)
