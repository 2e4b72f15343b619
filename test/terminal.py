"""A program on a terminal of its own."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from test import patience
from test.posix import fcntl, pty, termios

__all__ = ["on_terminal", "resize"]


def on_terminal(
    command: Sequence[str],
    environ: Mapping[str, str],
    folder: Path,
    step: Callable[[int, bytes], object] = lambda terminal, seen: None,
    *,
    columns: int | None = None,
    seconds: float = patience.SECONDS,
) -> tuple[int, bytes]:
    """(its exit code, what it showed).  ``step`` gets the terminal, and all that was shown so far, whenever something
    was.  A program that has not ended after so many seconds is killed: AssertionError with what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            if columns is not None:
                resize(0, columns)
            os.chdir(folder)
            os.execvpe(command[0], list(command), dict(environ))
        finally:
            os._exit(127)
    seen, until = b"", time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                read = os.read(terminal, 65536)
            except OSError:  # it has ended
                break
            if not read:
                break
            seen += read
            step(terminal, seen)
        else:
            raise AssertionError(f"it did not end in {seconds:g} s and showed\n{seen.decode('utf-8', 'replace')}")
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), seen


def resize(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
