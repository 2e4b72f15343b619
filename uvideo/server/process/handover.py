"""Replaces a running server by a new process, perhaps of a newer version, without downtime.

The running server starts its successor with its own command line, and passes it the listening sockets and the open
``DIR/lock``.  They talk over a pair of sockets::

    successor:  failed <why>    it cannot serve, and ends
    successor:  serving         it answers; until it hears "go" it ends if the other one does
    old:        go              the folder is the successor's

Until "serving" the old server works as before, so a successor that fails does no harm.  After that both answer for a
moment, as two workers would.  ``DIR/lock`` is never free; a process that is killed closes it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import IO, Any

from uvideo.server.process import exit_codes
from uvideo.server.process.data_folder import SERVING as IN_FLIGHT
from uvideo.server.process.data_folder import Folder, is_served, state
from uvideo.server.process.hangup import SIGHUP, Hangup
from uvideo.server.process.inherited_sockets import NAMES, Inherited, adopted
from uvideo.server.process.listening_sockets import Ports
from uvideo.server.process.sd_notify import Notify
from uvideo.server.process.settings import StartError

__all__ = ["FORWARDED", "STOPS", "NotReplaced", "Predecessor", "Succession", "restart"]

VARIABLE = "UVIDEO_HANDOVER"
SERVING, FAILED, GO = "serving", "failed ", b"go\n"
SECONDS = 600.0  # for a successor to serve: it may have to migrate a large catalog
GO_SECONDS = 60.0
LOOK_EVERY = 0.02  # seconds
LONG = 3600.0  # seconds
GRACE = 35.0  # seconds for older servers to finish after the newest one is told to stop
MOST, MOST_SAID = 4096, 500  # bytes in a message, characters in a reason
STOPS = (signal.SIGTERM, signal.SIGINT)
FORWARDED = [*STOPS, *(getattr(signal, name) for name in ("SIGHUP", "SIGUSR2") if hasattr(signal, name))]
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux' prctl

log = logging.getLogger("uvideo.server")


class NotReplaced(Exception):
    """The server was not replaced.  One line that says why."""


class Succession:
    """The old server's side.  Call ``begin`` once, then ``look`` repeatedly, from the same thread.

    ``taken``: whether a successor serves; this server then accepts no more connections.
    ``is_first``: whether this server was not started by a predecessor.
    """

    look_every = LOOK_EVERY

    def __init__(self, folder: Folder, ports: Ports, service: Notify, hangup: Hangup, *, is_first: bool) -> None:
        self._folder, self._ports, self._service, self._is_first = folder, ports, service, is_first
        self._hangup = hangup
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._stops: list[float] = []  # the times at which the newest server was told to stop
        self.taken = False

    @property
    def is_under_way(self) -> bool:
        return self._process is not None and not self.taken

    @property
    def waits(self) -> bool:
        """Whether a parent waits for this server's end; then it must not end before its successor."""
        return self.taken and self._is_first and not self._service.is_there

    def begin(self) -> None:
        """Start a successor, unless one is starting."""
        if self._process is not None:
            return
        log.info("starting a new server that takes over")
        try:
            self._start()
        except OSError as failure:
            self._fail(f"{sys.executable} cannot be started: {failure.strerror or failure}")

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as stack:
            stack.callback(theirs.close)
            self._said: IO[bytes] = tempfile.TemporaryFile()
            here = {
                "control": theirs.fileno(),
                "lock": self._folder.lock,
                **{name: sock.fileno() for name, sock in self._ports.named.items()},
                "log": stack.enter_context(open(os.dup(2), "wb", buffering=0)).fileno(),
                "outlive": self._ports.outlive,
            }
            try:
                self._process = subprocess.Popen(  # noqa: S603 (this process' own command line)
                    [sys.executable, *sys.orig_argv[1:]],
                    stderr=self._said,  # until it has read its settings; then it reports errors itself
                    env={**os.environ, **self._service.environ(), VARIABLE: json.dumps(here)},
                    pass_fds=[number for name, number in here.items() if name != "outlive"],
                    start_new_session=True,  # this process forwards a terminal's Ctrl-C, once
                )
            except OSError:
                ours.close()
                self._said.close()
                raise
        ours.setblocking(False)
        self._control, self._text, self._until = ours, b"", time.monotonic() + SECONDS

    def look(self) -> bool:
        """Update ``taken`` and return it.  Logs a successor that failed, and writes it to the folder's facts."""
        if self._process is None or self.taken:
            return self.taken
        ended = self._process.poll() is not None  # before reading: so that its last message is read
        self._read()
        for line in self._text.decode("utf-8", "replace").splitlines():
            if line == SERVING and not ended:
                return self._hand_over(self._process.pid)
            if line.startswith(FAILED):
                self._end()
                return self._fail(line.removeprefix(FAILED))
        if ended:
            code = self._process.returncode
            how = f"exit code {code}" if code >= 0 else f"signal {-code}"
            return self._fail(f"it ended before it was ready ({how}){self._last_words()}")
        if time.monotonic() > self._until:
            self._end()
            return self._fail(f"it was not ready within {SECONDS:.0f} s")
        return False

    def _end(self) -> None:
        """Kill the successor, and its workers with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while len(self._text) < MOST and (data := self._control.recv(MOST)):
                self._text += data

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        if not lines:
            return ""
        log.error("the new server failed with this output:\n%s", "\n".join(lines[-50:]))
        return f": {lines[-1].strip()}"

    def _hand_over(self, pid: int) -> bool:
        self._service.ready("a new server has taken over", pid)
        if not self._service.is_there:
            _adopt_orphans()
        try:
            self._control.sendall(GO)
        except OSError:
            self._service.ready("a new server failed; this one continues")
            return False  # it has ended; the next ``look`` notices
        self._control.close()
        self._said.close()
        self.taken = True
        log.info("process %d has taken over; finishing the requests in flight", pid)
        return True

    def _fail(self, why: str, *, ends: bool = False) -> bool:
        """Record why the successor failed.  ``ends``: whether this server ends too."""
        log.error("no new server has taken over%s: %s", "" if ends else ", this one continues", why)
        if self._process is not None:
            self._process = None
            self._control.close()
            self._said.close()
        self._failures += 1
        self._folder.say(pid=os.getpid(), failures=self._failures, why=why[:MOST_SAID], ends=ends)
        return False

    def abandon(self, why: str) -> None:
        """End a successor that does not serve yet, because this server ends."""
        if self.is_under_way:
            self._end()
            self._fail(f"process {os.getpid()} ends: {why}", ends=True)

    # Once a successor serves

    def forward(self, number: int) -> bool:
        """Forward a signal to the newest server.  Returns whether the signal stops it.

        A SIGHUP because of a closed terminal is forwarded as SIGTERM, once.
        """
        if number == SIGHUP and self._hangup.is_gone():
            if self._stops:
                return False
            number = signal.SIGTERM
        assert self._process is not None
        if number in STOPS:
            self._stops.append(time.monotonic())
        for pid in (self._latest(), self._process.pid):
            if _has_open(pid, self._folder.path / IN_FLIGHT):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
                break
        return number in STOPS

    def wait(self, next_signal: Callable[[float], int]) -> int:
        """Wait for the end of all successors, because a terminal, a container or a supervisor waits for this process.

        Signals are forwarded.  ``next_signal``: the next signal, SIGCHLD included, within this many seconds, or 0.
        Returns the exit code of the last server.
        """
        self._folder.close()
        code = 0
        while True:
            latest = self._latest()  # before waiting: it may have started another one
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return code
            if pid == latest:
                ended = os.waitstatus_to_exitcode(status)
                code = ended if ended >= 0 else 128 - ended
            if not pid:
                left = self._left()
                if left <= 0:
                    self._end_leftovers()
                number = next_signal(left if left > 0 else LONG)
                if number in FORWARDED:
                    self.forward(number)

    def _latest(self) -> int:
        """The process id of the newest server that serves, or of the last one."""
        assert self._process is not None
        said = state(self._folder.path).get("pid")
        if isinstance(said, int) and said != os.getpid():
            return said
        return self._process.pid  # it has not written its process id yet

    def _left(self) -> float:
        """Seconds left for the requests of older servers.  Limited once the newest server is told to stop."""
        if not self._stops:
            return LONG
        return self._stops[0] + GRACE - time.monotonic() if len(self._stops) == 1 else 0.0

    def _end_leftovers(self) -> None:
        """Kill all children except the newest server."""
        latest = self._latest()
        with contextlib.suppress(OSError):
            for text in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                if int(text) != latest:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(text), signal.SIGKILL)


def _adopt_orphans() -> None:
    """Become the parent of orphaned descendants, if the system can (Linux)."""
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


class Predecessor:
    """The successor's side: the server that started this one, and serves until this one does."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._control = socket.socket(fileno=given["control"])
        self._control.set_inheritable(False)
        self._served = False

    @classmethod
    def taken(cls, environ: MutableMapping[str, str]) -> Predecessor | None:
        """The predecessor; None if there is none.  Removes its variable from the environment.  StartError."""
        text = environ.pop(VARIABLE, "")
        if not text:
            return None
        try:
            found = cls(json.loads(text))
            os.dup2(found._given["log"], 2, inheritable=True)
            os.close(found._given["log"])
            os.set_inheritable(found._given["lock"], False)
        except (OSError, ValueError, TypeError, KeyError) as failure:
            raise StartError(
                f"{VARIABLE} is set only by a server that is being replaced; unset it: {failure}", exit_codes.SETTINGS
            ) from None
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a supervisor blocks the signals that it waits for
        return found

    def folder(self, path: Path) -> Folder:
        """The folder of both servers."""
        lock = self._given["lock"]
        try:
            there, here = os.stat(path / "lock"), os.fstat(lock)
        except OSError as failure:
            said = f"{path} cannot be used as the server's folder: {failure.strerror}"
            raise StartError(said, exit_codes.of_system(failure, exit_codes.FOLDER)) from None
        if (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino):
            raise StartError(f"{path} is not the folder of the server that is to be replaced", exit_codes.SETTINGS)
        return Folder(path, lock)

    def ports(self) -> Inherited:
        """The predecessor's listening sockets."""
        found = {name: adopted(self._given[name], name) for name in NAMES if name in self._given}
        return Inherited(found["data"], found["admin"], found.get("s3"), outlive=bool(self._given["outlive"]))

    def serving(self) -> None:
        """Report that this server answers, and wait until it owns the folder.  StartError if the predecessor ended."""
        self._control.settimeout(GO_SECONDS)
        try:
            self._control.sendall(SERVING.encode() + b"\n")
            if self._control.recv(len(GO)) != GO:
                raise OSError("it has ended")
        except OSError as failure:
            said = f"the old server did not hand over: {failure}"
            raise StartError(said, exit_codes.IN_USE) from None
        self._control.close()
        self._served = True

    def failed(self, why: str) -> None:
        """Report why this server cannot serve, unless it does already."""
        if not self._served:
            with contextlib.suppress(OSError):
                self._control.sendall((FAILED + " ".join(why.split())[:MOST_SAID]).encode() + b"\n")


def restart(folder: Path, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Have a folder's server replaced by a new one; returns the new process id.  NotReplaced says why not."""
    if not hasattr(signal, "SIGUSR2"):
        raise NotReplaced("this system cannot replace a running server: stop it and start a new one")
    try:
        if not is_served(folder):
            raise NotReplaced(f"no server runs on {folder}: start one with `uvideo serve`")
    except OSError as failure:
        raise NotReplaced(f"no server runs on {folder}: {failure.strerror}") from None
    before = state(folder)
    pid = before.get("pid")
    if not isinstance(pid, int) or not _has_open(pid, folder / "lock"):
        raise NotReplaced(
            f"the server of {folder} cannot be found from here: run this on its machine (or in its container), "
            "as the server's user"
        )
    os.kill(pid, signal.SIGUSR2)
    deadline = time.monotonic() + SECONDS + 2 * GO_SECONDS
    while True:
        served, now = is_served(folder), state(folder)  # in this order: a server writes the reason before it ends
        if now.get("pid", pid) != pid:
            return int(now["pid"])
        if now.get("failures", before.get("failures")) != before.get("failures"):
            goes_on = "" if now.get("ends") else f", process {pid} continues"
            raise NotReplaced(f"the new server failed{goes_on}: {now.get('why')}")
        if not served:
            raise NotReplaced(f"the server ended, and no new one serves {folder}: look at its log")
        if time.monotonic() > deadline:
            raise NotReplaced(f"process {pid} does not answer: look at its log")
        sleep(LOOK_EVERY)


def _has_open(pid: int, path: Path) -> bool:
    """Whether a process has the file open; True if unknown.  Prevents a signal to a process that is no server."""
    process = Path(f"/proc/{pid}")
    try:
        there = path.stat()
    except OSError:
        return False
    if not Path("/proc/self/fd").is_dir():
        return True
    hidden = False
    with contextlib.suppress(OSError):
        for each in (process / "fd").iterdir():
            try:
                found = each.stat()
            except PermissionError:
                hidden = True
            except OSError:
                continue
            else:
                if (found.st_dev, found.st_ino) == (there.st_dev, there.st_ino):
                    return True
    # The open files of a service with PrivateUsers= are hidden even from its own user: trust its facts then.
    with contextlib.suppress(OSError):
        return hidden and b"serve" in (process / "cmdline").read_bytes().split(b"\0")
    return False
