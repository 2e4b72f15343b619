"""A real server process for tests: `with start_server(folder, "--no-fsync") as server`, and the fixture `server`."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from test.forked import Child, forked
from test.patience import SECONDS, until

__all__ = ["Server", "start_server", "server"]

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = STOP_SECONDS = SECONDS
RANDOM = re.compile(r"[0-9a-f]{10}|[0-9]{10}")  # what a test puts into the name of a space of its own
COMPARED = "compared with the server's names and keys"
MOST_READ = 16 << 20  # bytes
#: The private keys of all servers that this process started: conftest looks for them in what tests print.
SECRETS: set[str] = set()


@dataclass
class Server:
    """A running `uvideo serve`.  ``endpoint``, ``admin``: URLs.  ``log``: the file its stderr goes to."""

    process: subprocess.Popen[bytes] | Child
    dir: Path
    log: Path
    endpoint: str
    admin: str
    pid: int
    public_key: str
    private_key: str
    began: int = 0  # how long the log was at the start

    @property
    def host(self) -> str:
        """host:port of the data plane."""
        return urlsplit(self.endpoint).netloc

    @property
    def port(self) -> int:
        port = urlsplit(self.endpoint).port
        assert port is not None
        return port

    @property
    def admin_port(self) -> int:
        port = urlsplit(self.admin).port
        assert port is not None
        return port

    def stop(self) -> int:
        """SIGTERM; the exit code once it has drained.  It is killed if that takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def compared(self) -> str:
        """The log of this start, once stored names and keys were compared: needs ``--log-level debug``."""
        until(lambda: COMPARED in self.log.read_text()[self.began :])
        return self.log.read_text()[self.began :]

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        self.process.kill()
        self.process.wait()

    def peak_memory(self) -> int:
        """Peak resident bytes of the process (VmHWM)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")


@contextlib.contextmanager
def start_server(
    folder: Path,
    *options: str,
    python: str = sys.executable,
    env: dict[str, str] | None = None,
    command: Sequence[str] = (),
    anew: bool = False,
) -> Iterator[Server]:
    """Start `uvideo serve FOLDER` on free ports, with more options behind; it is ready.  Stopped at the end.

    ``command``: what to start it with, as ("setpriv", "...").
    ``anew``: in a Python of its own, as users do; otherwise it is forked (test/forked.py) unless that would differ.
    Every server of the suite is held to this: its private key is in none of the files that it leaves but its own.
    """
    folder = Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
    environment.update(env or {})
    words = ["serve", str(folder), "--port", "0", "--admin-port", "0", *options]
    process: subprocess.Popen[bytes] | Child
    with open(log, "ab") as stderr:
        began = len(log.read_text())
        if anew or command or python != sys.executable or not forked().fits(environment):
            command = [*command, python, "-m", "uvideo", *words]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=environment
            )
        else:
            process = forked().serve(words, environment, stderr)
    assert process.stdout is not None
    try:
        said = json.loads(_first_line(process, log))
        if "--private-key" in options:
            private = options[options.index("--private-key") + 1]
        elif "UVIDEO_SERVE_PRIVATE_KEY" in environment:
            private = environment["UVIDEO_SERVE_PRIVATE_KEY"]
        else:
            private = json.loads((folder / "credentials.json").read_text())["private_key"]
        SECRETS.add(private)
        server = Server(
            *(process, folder, log, said["endpoint"], said["admin"], said["pid"], said["public_key"], private, began)
        )
        yield server
    finally:
        end(process)
    keeps_secret(folder, private)


def end(process: subprocess.Popen[Any] | Child) -> None:
    """End a server, if it still runs, as Ctrl-C does."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def keeps_secret(folder: Path, private: str) -> None:
    """AssertionError if the key stands in a file of the folder that is not made to hold it."""
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("credentials.json") and path.stat().st_size < MOST_READ:
            assert private.encode() not in path.read_bytes(), f"a private key stands in {path.name}"


def _first_line(process: subprocess.Popen[bytes] | Child, log: Path) -> bytes:
    stdout, lines = process.stdout, queue.SimpleQueue[bytes]()
    assert stdout is not None
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    with contextlib.suppress(queue.Empty):
        if line := lines.get(timeout=START_SECONDS):
            return line
    process.kill()
    raise RuntimeError(f"the server did not start, exit code {process.wait()}:\n{log.read_text()[-2000:]}")


def names_of_others(server: Server) -> list[str]:
    """The spaces that another test might mean, too: those without a random part."""
    from uvideo import Client

    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        return [each.name for each in client.list_spaces() if not RANDOM.search(each.name)]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server for the whole run: spaces are shared, so each test takes a space of its own.

    With UVIDEO_TEST_FRONT it is a cluster of two gateways behind that.
    """
    folder, front = tmp_path_factory.mktemp("server"), os.environ.get("UVIDEO_TEST_FRONT")
    if front:
        from test.cluster.gateways import start_fronted

        starting = start_fronted(front, *map(request.getfixturevalue, ("postgres", "object_store")), folder)
    else:
        starting = start_server(folder, "--no-fsync")
    with starting as started:
        yield started
        left = names_of_others(started)
        assert not left, f"tests left spaces on the shared server under names that are not their own: {left}"
