"""Running a command to its end, or to ours: nothing that it started outlives it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import tempfile
from pathlib import Path

MARK = "UVIDEO_MUTANT"  # stands in the environment of all that is started here
#: Bytes of one process: a changed line may let one grow without end, and the system would end any other for it.
MEMORY = 8 << 30
_SUBREAPER = 36


def adopt() -> None:
    """Let what loses its parent become a child of this process."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _bounded() -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def run(command: list[str], folder: Path, environment: dict[str, str], limit: float) -> tuple[int | None, str]:
    """(exit code, the end of what it said); None if it took longer than ``limit`` seconds.

    No process that it starts gets more than MEMORY.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryDirectory() as scratch:
        mark = Path(scratch).name
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "TMPDIR": scratch, **environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_bounded,
        )
        code: int | None = None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(limit)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _end(mark)
        said.seek(max(0, said.seek(0, os.SEEK_END) - 20_000))
        return code, said.read().decode(errors="replace")


def _end(mark: str) -> None:
    """Kill those that left the session and still carry the mark."""
    wanted = f"{MARK}={mark}".encode()
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            with contextlib.suppress(OSError):
                if wanted in (each / "environ").read_bytes().split(b"\0"):
                    os.kill(int(each.name), signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
