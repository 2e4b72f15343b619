"""A server that somebody starts from a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
from pathlib import Path

from test import patience
from test.interpreters import ROOT


def serve(folder: Path, *options: str, nohup: bool = False, program: Path = ROOT) -> tuple[int, int]:
    """(its process, the terminal), once it has said that it answers.

    Signals do there what they do to a shell's commands, however this suite was started.  ``program``: where the
    packages are.
    """
    ready = folder.with_name(f"{folder.name}.ready")
    serve = ["serve", str(folder), "--port", "0", "--admin-port", "0", "--ready-file", str(ready)]
    words = ["-m", "uvideo", *serve]
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
            os.chdir(program)
            os.execv(sys.executable, [sys.executable, *words, *options])
        finally:
            os._exit(127)
    patience.until(ready.exists)
    seen = b""

    def said() -> bool:
        nonlocal seen
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 65536)
        return ready.read_bytes().strip() in seen  # the file is written before it

    patience.until(said)
    return pid, terminal
