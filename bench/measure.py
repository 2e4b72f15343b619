"""Seconds, CPU seconds and peak memory of a process that runs to its end, and of a server beside it."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

CPU_OF_A_PROCESS = 2  # the kernel's CPUCLOCK_SCHED: the clock of which is the process's number, inverted


@dataclass(frozen=True)
class Figures:
    """wall, cpu, server_cpu: seconds.  memory, server_memory: peak resident MiB.  output: what the client printed."""

    wall: float
    cpu: float
    memory: float
    server_cpu: float
    server_memory: float
    output: str


def processor_seconds(pid: int) -> float:
    """User and system seconds that a process and its ended threads have used so far.  /proc would round to 10 ms."""
    return time.clock_gettime(~pid << 3 | CPU_OF_A_PROCESS)


def peak_memory(pid: int) -> float:
    """Peak resident MiB of a process since reset_peak."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not say VmHWM")


class Watch:
    """Looks at a process's peak memory every 20 ms: ru_maxrss would count what it was forked from."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._over = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                self._peak = peak_memory(self._pid)

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return self._peak


def reset_peak(pid: int) -> None:
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def run(command: Sequence[str], server: int, secret: str = "", seconds: float = 600) -> Figures:
    """Run a command to its end, ``secret`` on its standard input.  RuntimeError with its errors if it fails."""
    reset_peak(server)
    before = processor_seconds(server)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err)
        assert process.stdin is not None
        process.stdin.write(secret.encode() + b"\n")
        process.stdin.close()
        watch, limit = Watch(process.pid), threading.Timer(seconds, process.kill)
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        limit.cancel()
        limit.join()  # or it might end another process that has this number by then
        memory = watch.end()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            late = f" after {seconds:g} s" if wall >= seconds else ""
            raise RuntimeError(f"{command[:4]} ended with {process.returncode}{late}: {err.read()[-2000:].decode()}")
        return Figures(
            wall,
            usage.ru_utime + usage.ru_stime,
            memory,
            processor_seconds(server) - before,
            peak_memory(server),
            out.read().decode(),
        )


def medians(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure; memory: the highest."""
    return Figures(
        statistics.median(each.wall for each in rounds),
        statistics.median(each.cpu for each in rounds),
        max(each.memory for each in rounds),
        statistics.median(each.server_cpu for each in rounds),
        max(each.server_memory for each in rounds),
        rounds[-1].output,
    )
