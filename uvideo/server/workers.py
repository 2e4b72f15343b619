"""Several processes on one listening socket: started by fork, watched, started again, stopped together."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Protocol

from uvideo.server import endings
from uvideo.server.settings import StartError

__all__ = ["supervise"]

FAILURES, WITHIN = 5, 10.0  # so many deaths within so many seconds mean that starting again is of no use
SIGNALS = {getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGCHLD", "SIGHUP") if hasattr(signal, name)}

log = logging.getLogger("uvideo.server")


class Worker(Protocol):
    def __call__(self, number: int, ready: Callable[[], None], *, fresh: bool) -> int:
        """Serve until SIGTERM; the exit code.  ``ready`` is called once it answers."""
        ...


def supervise(
    count: int, worker: Worker, announce: Callable[[], None], stop_listening: Callable[[], None], grace: float
) -> int:
    """Run ``count`` workers until SIGTERM or SIGINT; ``announce`` once all answer.  The exit code.

    Must be called before the process has a thread or an event loop.  The first worker prepares the folder alone.  A
    worker that dies is replaced, unless its exit code says that this is of no use.  If this process dies, its workers
    end at once.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        return _Supervisor(count, worker, stop_listening, grace).run(announce)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class _Supervisor:
    def __init__(self, count: int, worker: Worker, stop_listening: Callable[[], None], grace: float) -> None:
        self._count, self._worker, self._stop_listening, self._grace = count, worker, stop_listening, grace
        self._life = os.pipe()  # nobody writes; it ends when this process does
        self._pids: dict[int, int] = {}
        self._deaths: list[float] = []

    def run(self, announce: Callable[[], None]) -> int:
        for number in range(self._count):
            if not self._start(number, fresh=number == 0):
                return self._stop(signal.SIGKILL).get(number, 0) or endings.FAILED.code
        try:
            announce()
        except BaseException:
            self._stop(signal.SIGKILL)
            raise
        while True:
            number = signal.sigwait(SIGNALS)
            if number == signal.SIGHUP:
                self._signal(signal.SIGHUP)
                continue
            if number != signal.SIGCHLD:
                return self._drain()
            code = self._replace()
            if code:
                self._stop(signal.SIGKILL)
                return code

    def _start(self, number: int, *, fresh: bool) -> bool:
        """Fork a worker and wait until it answers; False if it ended instead."""
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(told)
            self._be_worker(number, tell, fresh)
        os.close(tell)
        self._pids[pid] = number
        answer = os.read(told, 1)
        os.close(told)
        return answer == b"1"

    def _be_worker(self, number: int, tell: int, fresh: bool) -> None:
        code = endings.FAILED.code
        try:
            os.close(self._life[1])
            for name in (signal.SIGTERM, signal.SIGINT):
                signal.signal(name, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            threading.Thread(target=self._end_with_parent, name="uvideo-parent", daemon=True).start()
            code = self._worker(number, lambda: _tell(tell), fresh=fresh)
        except StartError as failure:
            log.error("%s", failure)
            code = failure.ending.code
        except BaseException:
            log.exception("worker %d failed", number)
        finally:
            os._exit(code)

    def _end_with_parent(self) -> None:
        """At once, as with kill -9: another server may take the folder when all of us are gone."""
        os.read(self._life[0], 1)
        os._exit(1)

    def _replace(self) -> int:
        """Start the workers that died again; the exit code if that is of no use, else 0."""
        for number, code in self._reap():
            if code in endings.PERMANENT:
                return code
            now = time.monotonic()
            self._deaths = [*(then for then in self._deaths if now - then < WITHIN), now]
            if len(self._deaths) > FAILURES:
                log.error("workers die again and again")
                return endings.FAILED.code
            log.error("worker %d died; starting another", number)
            self._start(number, fresh=False)
        return 0

    def _reap(self) -> list[tuple[int, int]]:
        """(number, exit code) of the workers that have ended."""
        ended = []
        while self._pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            ended.append((self._pids.pop(pid), os.waitstatus_to_exitcode(status)))
        return ended

    def _drain(self) -> int:
        """Let the workers finish; a second signal, or one that takes too long, ends them at once."""
        self._stop_listening()
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace + 5
        while self._pids:
            found = signal.sigtimedwait(SIGNALS, max(0.0, deadline - time.monotonic()))
            self._reap()
            if self._pids and (found is None or found.si_signo != signal.SIGCHLD):
                self._stop(signal.SIGKILL)
                return endings.BROKEN_OFF.code
        return endings.STOPPED.code

    def _stop(self, name: signal.Signals) -> dict[int, int]:
        """End all workers; the exit code of each that had ended by itself."""
        self._signal(name)
        codes = {}
        for pid, number in list(self._pids.items()):
            with contextlib.suppress(ChildProcessError):
                codes[number] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            del self._pids[pid]
        return {number: code for number, code in codes.items() if code >= 0}

    def _signal(self, name: signal.Signals) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)


def _tell(fd: int) -> None:
    os.write(fd, b"1")
    os.close(fd)
