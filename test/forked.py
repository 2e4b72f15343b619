"""Processes of ``uvideo`` that are forked from one that has loaded the program, so that none of them loads it again.

Each has an environment, a folder, files and an end of its own.  Only the start of Python is not repeated:
``Forked.fits`` says for which environments that makes no difference.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from test.interpreters import ROOT
from test.patience import SUITE_SECONDS

__all__ = ["Child", "Forked", "commands", "forked", "start_forked"]

SCRIPT = """
import atexit, gc, json, os, runpy, select, signal, socket, sys, time

code = []  # of a forked process that ends by itself


def leave():  # Registered first, so called last.  Else Python takes apart what is loaded, and copies it for that.
    if code:
        gc.collect()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        os._exit(code[0])


atexit.register(leave)
import uvideo.cli.program, uvideo.client.sync, uvideo.server.admin_commands, uvideo.server.process.main

calls = socket.socket(fileno=int(sys.argv[1]))
woken, wake = socket.socketpair()
wake.setblocking(False)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
running = {}  # pid -> the socket that its caller reads
gc.collect()
gc.freeze()  # else each process looks through what is loaded, and copies it
while True:
    ready, _, _ = select.select([calls, woken], [], [])
    if woken in ready:
        woken.recv(4096)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with running.pop(pid) as caller:
                    caller.send(b"%d" % os.waitstatus_to_exitcode(status))
    if calls not in ready:
        continue
    said, given, _, _ = socket.recv_fds(calls, 1 << 20, 5)
    if not said:  # whoever asked has ended, perhaps by a kill
        for pid in running:
            os.kill(pid, signal.SIGTERM)
        for pid in running:
            os.waitpid(pid, 0)
        sys.exit()
    pid = os.fork()
    if pid == 0:
        break
    running[pid] = socket.socket(fileno=given.pop(0))
    for each in given:
        os.close(each)
    running[pid].send(b"%d" % pid)
signal.set_wakeup_fd(-1)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
for each in (calls, woken, wake, *running.values()):
    each.close()
os.close(given.pop(0))
asked = json.loads(said)
signal.alarm(asked["seconds"])
for number, each in enumerate(given):
    os.dup2(each, number)
for each in given:
    if each >= len(given):
        os.close(each)
os.environ.clear()
os.environ.update(asked["env"], **({"LISTEN_PID": str(os.getpid()), **asked["env"]} if len(given) == 4 else {}))
time.tzset()
os.chdir(asked["folder"])
sys.argv = ["uvideo", *asked["words"]]
sys.orig_argv = [sys.executable, "-m", *sys.argv]
try:
    if asked.get("script"):
        exec(asked["words"][0], {"__name__": "__main__"})
    else:
        runpy.run_module("uvideo", run_name="__main__")
    code.append(0)
except SystemExit as end:
    if end.code is None or isinstance(end.code, int):
        code.append((end.code or 0) & 0xFF)
    raise
"""
#: A program ``uvideo`` for a shell, or one that runs the script that is its argument.  Its process only waits for the
#: one that is forked, and passes on its signals.  Without the socket, which not everybody passes on, it loads all.
PROGRAM = """#!{python} -IS
import json, os, signal, socket, sys
try:
    calls = socket.socket(fileno={calls})
except OSError:
    os.execv({python!r}, [{python!r}, *("-c" if {script} else "-m uvideo").split(), *sys.argv[1:]])
told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
asked = dict(words=sys.argv[1:], env=dict(os.environ), folder=os.getcwd(), seconds={seconds}, script={script})
socket.send_fds(calls, [json.dumps(asked).encode()], [tells.fileno(), 0, 1, 2])
tells.close()
pid = int(told.recv(16))
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: os.kill(pid, number))
code = int(told.recv(16))
os._exit(code if code >= 0 else 128 - code)
"""
#: Variables that are read when they are used.  Python and libraries may read any other one as they are loaded.
READ_LATE = ("UVIDEO_", "PYTEST_", "LISTEN_", "NOTIFY_SOCKET", "JOURNAL_STREAM", "OTEL_", "XDG_", "HOME", "TMPDIR")


class Child:
    """A process that was forked for us: of ``subprocess.Popen`` what the tests use.  Threads may share it."""

    def __init__(self, words: Sequence[str], told: socket.socket, stdout: IO[bytes] | None = None) -> None:
        self.args, self.stdout, self._told = list(words), stdout, told
        weakref.finalize(self, told.close)
        self.returncode: int | None = None
        said = told.recv(16)
        assert said, "the process that forks them has ended"
        self.pid = int(said)

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                said = self._told.recv(16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                assert said, "the process that forks them has ended"
                self.returncode = int(said)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code.  ``subprocess.TimeoutExpired`` if it still runs after so many seconds."""
        end = select.poll()
        end.register(self._told, select.POLLIN)
        end.poll(None if timeout is None else timeout * 1000)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forked:
    """``run("serve", ...)``: what ``uvideo serve ...`` said and its exit code.

    ``calls``: the socket by which it is told what to run.
    """

    def __init__(self, process: subprocess.Popen[bytes], calls: socket.socket, environ: Mapping[str, str]) -> None:
        self._process, self.calls, self._environ = process, calls, dict(environ)

    def close(self) -> None:
        """End it, and all that it runs."""
        self.calls.close()
        self._process.communicate()

    def program(self, script: bool = False) -> str:
        """The text of a program ``uvideo``, or of one that runs a script as ``python -c`` does.

        Whatever runs it passes the descriptor of ``calls`` on to it.
        """
        calls, seconds = self.calls.fileno(), int(SUITE_SECONDS)
        return PROGRAM.format(python=sys.executable, calls=calls, seconds=seconds, script=script)

    def fits(self, environ: Mapping[str, str]) -> bool:
        """Whether a process that was started with these variables would have loaded the same.

        Never where coverage counts, as it counts a process from its start.
        """
        names = [each for each in {*environ, *self._environ} if not each.startswith(READ_LATE)]
        return "COVERAGE_PROCESS_START" not in environ and all(
            environ.get(each) == self._environ.get(each) for each in names
        )

    def run(
        self,
        *words: object,
        env: Mapping[str, str] | None = None,
        err: Path | None = None,
        third: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """``env``: variables beside those of this process.  ``err``: the file its stderr goes to.

        ``third``: its descriptor 3, for which LISTEN_PID names the process, as systemd has it.
        """
        environ = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
        given = [] if third is None else [third]
        if err is None:
            done = self.whole([*map(str, words)], {**environ, **(env or {})}, ROOT, given=given)
            said = done.stderr.decode()
        else:
            with open(err, "wb") as file:
                done = self.whole([*map(str, words)], {**environ, **(env or {})}, ROOT, given=given, err=file)
            said = err.read_text()
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), said)

    def whole(
        self,
        words: list[str],
        environ: Mapping[str, str],
        folder: Path,
        stdin: bytes = b"",
        given: list[int] | None = None,
        err: IO[bytes] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """With exactly these variables, in this folder, over pipes."""
        (theirs, feed), (out, out_end), (errors, err_end) = os.pipe(), os.pipe(), os.pipe()
        ends = [theirs, out_end, err_end if err is None else err.fileno(), *(given or [])]
        child = self._start(words, environ, folder, ends, int(SUITE_SECONDS))
        for each in (theirs, out_end, err_end):
            os.close(each)
        said: dict[int, bytes] = {}

        def read(end: int) -> None:
            with open(end, "rb") as file:
                said[end] = file.read()

        def write() -> None:
            with contextlib.suppress(BrokenPipeError), open(feed, "wb") as file:
                file.write(stdin)

        threads = [
            threading.Thread(target=write),
            *(threading.Thread(target=read, args=(each,)) for each in (out, errors)),
        ]
        for thread in threads:
            thread.start()
        code = child.wait()
        for thread in threads:
            thread.join()
        return subprocess.CompletedProcess(words, code, said[out], said[errors])

    def serve(self, words: list[str], environ: Mapping[str, str], err: IO[bytes]) -> Child:
        """One that runs until it is told to stop.  stdout: a pipe.  ``err``: the file its stderr goes to."""
        out, out_end = os.pipe()
        with open(os.devnull, "rb") as nothing:
            child = self._start(words, environ, Path.cwd(), [nothing.fileno(), out_end, err.fileno()])
        os.close(out_end)
        child.stdout = open(out, "rb")
        return child

    def _start(
        self, words: list[str], environ: Mapping[str, str], folder: Path, ends: list[int], seconds: int = 0
    ) -> Child:
        """``seconds``: after which it is ended; 0 for never."""
        asked = {"words": words, "env": dict(environ), "folder": str(folder), "seconds": seconds}
        told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tells:
            socket.send_fds(self.calls, [json.dumps(asked).encode()], [tells.fileno(), *ends])
        return Child(words, told)


@functools.cache
def forked() -> Forked:
    """The one of this process."""
    return start_forked()


def start_forked(*within: str) -> Forked:
    """One that ends with this process, by the end of the socket.  within: what it is started with."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [*within, sys.executable, "-c", SCRIPT, str(theirs.fileno())],
        **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE),  # as its commands have
        cwd=ROOT,
        env=environ,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    return Forked(process, ours, environ)


@pytest.fixture
def commands() -> Forked:
    return forked()
