"""Commands that are processes of their own, forked from one that has loaded the program: none of them loads it again.

For those that end by themselves.  What serves is started by ``start_server``, as users start it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

from test.interpreters import ROOT
from test.patience import SUITE_SECONDS

__all__ = ["Forked", "commands", "forked"]

SCRIPT = """
import json, os, runpy, signal, socket, sys, time
import uvideo.cli.program, uvideo.client, uvideo.server.commands, uvideo.server.main

calls = socket.socket(fileno=int(sys.argv[1]))
while True:
    said, given, _, _ = socket.recv_fds(calls, 1 << 20, 4)
    if not said:
        sys.exit()
    pid = os.fork()
    if pid == 0:
        break
    for each in given:
        os.close(each)
    calls.sendall(b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
asked = json.loads(said)
signal.alarm(asked["seconds"])
calls.close()
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
runpy.run_module("uvideo", run_name="__main__")
"""


class Forked:
    """``run("serve", ...)``: what ``uvideo serve ...`` said and its exit code."""

    def __init__(self, process: subprocess.Popen[bytes], calls: socket.socket) -> None:
        self._process, self._calls = process, calls

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
        asked = {"words": words, "env": dict(environ), "folder": str(folder), "seconds": int(SUITE_SECONDS)}
        (theirs, feed), (out, out_end), (errors, err_end) = os.pipe(), os.pipe(), os.pipe()
        ends = [theirs, out_end, err_end if err is None else err.fileno(), *(given or [])]
        socket.send_fds(self._calls, [json.dumps(asked).encode()], ends)
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
        code = self._calls.recv(16)
        assert code, "the process that forks them has ended"
        for thread in threads:
            thread.join()
        return subprocess.CompletedProcess(words, int(code), said[out], said[errors])


@functools.cache
def forked() -> Forked:
    """The one of this process.  It ends with it, by the end of the socket."""
    ours, theirs = socket.socketpair()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(theirs.fileno())],
        **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE),  # as its commands have
        cwd=ROOT,
        env={**environ, "PYTHONPATH": str(ROOT)},
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    return Forked(process, ours)


@pytest.fixture
def commands() -> Forked:
    return forked()
