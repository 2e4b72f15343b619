"""A real server in a temporary folder, in its own process: see ``uvideo.testing``."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from uvideo.client.sync import Client
    from uvideo.testing.faults import Faults

__all__ = ["TestServer", "serve"]

START_SECONDS = STOP_SECONDS = 240.0  # what has not come by then never comes, however busy the machine is
CLIENT_SECONDS = 5.0
_LOG_TAIL = 2000  # characters


class TestServer:
    """A running ``uvideo serve``.

    ``endpoint``, ``admin``: URLs.  ``public_key``, ``private_key``: a key pair with all rights.  ``folder``: the
    server's data.  ``log``: the file of its output.  ``pid``: of its process.  Threads may share its ``client``; start,
    stop and kill are for one thread.
    """

    __test__ = False  # for pytest: this class is no test

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.log = Path(folder), Path(folder) / "server.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = self.admin = self.public_key = self.private_key = ""
        self.start()

    @property
    def pid(self) -> int:
        """The server's process id.  RuntimeError if it was stopped."""
        return self._running().pid

    @property
    def host(self) -> str:
        """host:port, for the SDK's uploadsuffix and downloadsuffix."""
        return urlsplit(self.endpoint).netloc

    @functools.cached_property
    def client(self) -> Client:
        """A Client of this server, with short waits between retries, and its journal in ``folder``."""
        from uvideo import Client, Retry

        return Client(
            self.public_key,
            self.private_key,
            endpoint=self.host,
            state_dir=str(self.folder / "transfers"),
            timeout=CLIENT_SECONDS,
            retry=Retry(5, 0.01, 0.05, CLIENT_SECONDS, None, None),
        )

    @functools.cached_property
    def faults(self) -> Faults:
        """The server's scripted faults: see uvideo.testing.faults."""
        from uvideo.testing.faults import Faults

        return Faults(self.admin)

    def start(self) -> None:
        """Start it again after ``stop`` or ``kill``: same folder, same addresses, without scripted faults."""
        ports = [str(urlsplit(url).port or 0) for url in (self.endpoint, self.admin)]
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        script = self.folder / "faults.json"
        script.write_text("[]")
        command = [
            sys.executable,
            "-m",
            "uvideo",
            "serve",
            str(self.folder),
            "--port",
            ports[0],
            "--admin-port",
            ports[1],
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
        here = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [here, environment.get("PYTHONPATH")]))
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*command, "--no-fsync", "--faults", str(script), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # for Ctrl-Break
            )
        said = json.loads(self._first_line())
        self.endpoint, self.admin, self.public_key = said["endpoint"], said["admin"], said["public_key"]
        self.private_key = json.loads((self.folder / "credentials.json").read_text())["private_key"]

    def stop(self) -> None:
        """Let running requests finish, then stop."""
        process = self._process
        if process is not None:
            _tell_to_stop(process)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            self.kill()

    def kill(self) -> None:
        """Stop it as kill -9 does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server was stopped")
        return self._process

    def _first_line(self) -> bytes:
        """The line that announces the server.  Read in a thread: not every system can time out a pipe."""
        from uvideo._core import threads  # not for each run of pytest that loads the plugin

        process = self._running()
        assert process.stdout is not None
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        stdout = process.stdout
        threads.start(threading.Thread(target=lambda: lines.put(stdout.readline()), name="uvideo-start", daemon=True))
        line = None
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=START_SECONDS)
            if line.endswith(b"\n"):
                return line
        self.kill()
        said = self.log.read_text(errors="replace")[-_LOG_TAIL:]
        if line is not None:  # its output ended
            raise RuntimeError(f"the server did not start; it needs: pip install 'uvideo[test]'.  It said:\n{said}")
        raise RuntimeError(f"the server was not ready after {START_SECONDS:g} s.  It said:\n{said}")


def _tell_to_stop(process: subprocess.Popen[bytes]) -> None:
    """Let a server finish its requests, by SIGTERM or Ctrl-Break.  On Windows without a console it is killed."""
    if sys.platform == "win32":
        with contextlib.suppress(OSError, SystemError):  # SystemError: os.kill without a console
            process.send_signal(signal.CTRL_BREAK_EVENT)
            return
    process.terminate()


@contextlib.contextmanager
def serve(folder: str | os.PathLike[str] | None = None, *options: str) -> Iterator[TestServer]:
    """A server with its data in ``folder``, stopped at the end.  Needs no pytest.

    folder: created if missing; None for a temporary one, which is removed at the end.  options: further ones of
    ``uvideo serve``.  NeverHappened (an AssertionError) at the end if a scripted fault never happened; not after
    another exception.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="uvideo-") as made, serve(made, *options) as temporary:
            yield temporary
        return
    server = TestServer(Path(folder), *options)
    try:
        yield server
        if server._process is not None and "faults" in server.__dict__:
            server.faults.check()
    finally:
        if "client" in server.__dict__:
            server.client.close()
        server.stop()
