"""A program of others that a test runs: found, started as nobody where we are root, waited for, ended with the test."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from test import patience
from test.interpreters import ROOT

__all__ = ["Program", "find", "scratch", "unprivileged", "until"]

USER, GROUP = "nobody", "nogroup"
PATIENCE = patience.SECONDS  # that a program has to start
STOP_SECONDS = patience.SECONDS


class Program:
    """A running program.  ``log``: the file that both of its outputs go to.  It ends when this process does.

    ``as_ourselves``: not as nobody where we are root.
    """

    def __init__(
        self, command: list[str], log: Path, *, stop: signal.Signals = signal.SIGTERM, as_ourselves: bool = False
    ) -> None:
        ours = [word for word in command if Path(word).is_relative_to(ROOT)]
        assert as_ourselves or not ours, f"nobody may not be able to read {ours}: start it as ourselves"
        self.command, self.log, self._stop = command, log, stop
        self._before = unprivileged(stop, as_ourselves)
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with open(self.log, "ab") as out:
            os.chmod(self.log, 0o644)
            command = [*self._before, *self.command]
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return once ``ready()``; RuntimeError with the end of its log if it ends before or takes too long."""

        def look() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended, status {self.process.returncode}:\n{self.tail()}")
            return ready()

        if not until(look, PATIENCE):
            raise RuntimeError(f"{self.command[0]} is not ready after {PATIENCE} s:\n{self.tail()}")

    def stop(self, with_signal: signal.Signals | None = None) -> None:
        """Tell it to end, and kill it if it does not."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal or self._stop)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """The same command, after ``stop`` or ``kill``."""
        self.process = self._started()


def unprivileged(stop: signal.Signals = signal.SIGTERM, as_ourselves: bool = False) -> list[str]:
    """What to put before a command: another user if we are root (some refuse it), and an end with this process.

    ``as_ourselves``: no other user.
    """
    if shutil.which("setpriv") is None:
        raise RuntimeError("setpriv is missing (Debian: apt-get install util-linux)")
    user = ["--reuid", USER, "--regid", GROUP, "--clear-groups"] if os.geteuid() == 0 and not as_ourselves else []
    return ["setpriv", *user, "--pdeathsig", stop.name.removeprefix("SIG")]


def find(name: str, *folders: str) -> str:
    """The path of a program, also looked for in these folders (the highest name first) and beside this Python."""
    places = [os.environ.get("PATH", ""), os.path.dirname(sys.executable), "/usr/sbin"]
    for pattern in folders:
        found = sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: [len(str(path)), str(path)], reverse=True)
        places += map(str, found)
    path = shutil.which(name, path=os.pathsep.join(places))
    if path is None:
        raise RuntimeError(
            f"{name} is missing: `make test-cluster`, `make test-operate` and `make test-proxies` say what to install"
        )
    return path


def until(ready: Callable[[], bool], seconds: float) -> bool:
    """Whether ``ready()`` became true in time; an OSError of it counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if ready():
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder that belongs to whom the programs run as; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"uvideo-{name}-", dir=_place()))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(USER).pw_uid, grp.getgrnam(GROUP).gr_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    """Where temporary files go, unless the programs would not get there: a TMPDIR of root's own."""
    own = Path(tempfile.gettempdir())
    is_open = all(each.stat().st_mode & stat.S_IXOTH for each in (own, *own.parents))
    return own if is_open or os.geteuid() else Path("/tmp")
