"""Several processes on one listening socket: started by fork, watched, started again, stopped or replaced together."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Protocol

from uvideo.server.process import exit_codes
from uvideo.server.process.handover import FORWARDED, STOPS, Succession
from uvideo.server.process.hangup import SIGHUP
from uvideo.server.process.settings import StartError
from uvideo.server.process.stopping import GRACE
from uvideo.server.process.worker import Plan

__all__ = ["supervise"]

FAILURES, WITHIN = 5, 10.0  # so many deaths within so many seconds mean that starting again is of no use
_NAMES = ("SIGTERM", "SIGINT", "SIGCHLD", "SIGUSR2", "SIGHUP")
SIGNALS = {getattr(signal, name) for name in _NAMES if hasattr(signal, name)}
LOOK_EVERY = 0.02  # seconds
READ_EVERY = 0.1  # seconds between two looks whether the first worker has read the settings
STOPPED_SECONDS = 10.0  # for all workers to close their listening sockets
MOST_TOLD = 4096  # bytes
SERVES = b"serves"  # what a worker tells; or its exit code, a space, and why it cannot

log = logging.getLogger("uvideo.server")


class Worker(Protocol):
    def __call__(self, number: int, ready: Callable[[], None], stopped: Callable[[], None], *, fresh: bool) -> int:
        """Serve until told to stop; the exit code.

        ``ready``, ``stopped``: called when it takes connections, and when it takes no more.
        """


def supervise(plan: Plan, succession: Succession, worker: Worker, announce: Callable[[], None]) -> int:
    """Run the plan's workers until SIGTERM or SIGINT, or until a successor has taken over; the exit code.

    Must be called before the process has a thread or an event loop.  The first worker prepares the folder alone.  A
    worker that dies is replaced, unless its exit code says that this is of no use, and one that hangs is killed, if the
    service has a watchdog.  ``announce``: called once all take connections.  If this process dies, its workers end at
    once.

    With a service manager this process does not wait for the last of them: as soon as none takes connections it ends,
    and they finish by themselves.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # for good: this process ends, and no signal is to change how
    return _Supervisor(plan, succession, worker).run(announce)


class _Supervisor:
    def __init__(self, plan: Plan, succession: Succession, worker: Worker) -> None:
        self._reads: int | None = None  # how often settings had been read when that was asked for; None: it was not
        self._worker, self._succession = worker, succession
        self._count, self._folder, self._hangup = plan.settings.workers, plan.folder, plan.hangup
        self._ports, self._service = plan.ports, plan.service
        self._pulse, self._published = plan.shared.pulse, plan.shared.published
        self._life = os.pipe()  # ends when this process does, or has a byte for each worker that may go on without it
        self._pids: dict[int, int] = {}
        self._told: dict[int, int] = {}  # pid -> what the worker tells; it ends when that takes no more connections
        self._deaths: list[float] = []
        self._signed = float("-inf")  # when the manager was told last that we are alive

    def run(self, announce: Callable[[], None]) -> int:
        try:
            for number in range(self._count):
                failure = self._start(number, fresh=number == 0)
                if failure is not None:
                    raise failure
            announce()
        except BaseException:
            self._stop(signal.SIGKILL)
            raise
        if self._hangup.is_gone():  # since before its signal was kept for us
            return self._drain()
        while True:
            number = _next_signal(self._pause())
            if number == SIGHUP and self._hangup.is_gone():
                number = signal.SIGTERM
            if number == signal.SIGUSR2:
                self._succession.begin()
            elif number == SIGHUP:
                self._service.reloading()
                self._reads = self._published.looks
                self._signal(number)
            elif number in STOPS:
                self._succession.abandon("it was told to stop")
                return self._drain()
            if self._reads is not None and self._reads != self._published.looks:
                self._reads = None
                self._service.ready("answering; the settings were read again")
            if self._succession.look():
                return self._retire()
            self._end_hanging()
            code = self._replace()
            if code:
                self._succession.abandon("its workers do not start again")
                self._stop(signal.SIGKILL)
                return code

    def _pause(self) -> float:
        """Seconds until there is something to look at."""
        if self._reads is not None:
            return READ_EVERY
        if self._succession.is_under_way:
            return self._succession.look_every
        return self._service.watchdog / 4 or 3600.0

    # Start, and start again

    def _start(self, number: int, *, fresh: bool) -> StartError | None:
        """Fork a worker and wait until it takes connections; why it ended instead, or None."""
        told, tell = os.pipe()
        self._pulse.begin(number)
        pid = os.fork()
        if pid == 0:
            os.close(told)
            self._be_worker(number, tell, fresh)
        os.close(tell)
        self._pids[pid], self._told[pid] = number, told
        answer = os.read(told, MOST_TOLD)
        if answer == SERVES:
            return None
        code, _, why = answer.decode("utf-8", "replace").partition(" ")
        if not code:
            return StartError(f"worker {number} ended as it started", exit_codes.FAILED)
        return StartError(why, exit_codes.Ending(why, int(code), again=int(code) not in exit_codes.PERMANENT))

    def _be_worker(self, number: int, tell: int, fresh: bool) -> None:
        code = exit_codes.FAILED.code
        try:
            os.close(self._life[1])
            for told in self._told.values():
                os.close(told)
            for name in SIGNALS - {SIGHUP}:  # that stays ignored; see hangup
                signal.signal(name, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, which tells all of us
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            threading.Thread(target=self._end_with_parent, name="uvideo-parent", daemon=True).start()
            code = self._worker(number, lambda: say(tell, SERVES), lambda: os.close(tell), fresh=fresh)
        except StartError as failure:
            code = failure.ending.code  # told with the reason: who hears that may kill us before we have ended
            say(tell, f"{code} {failure}".encode()[:MOST_TOLD])
        except BaseException:
            log.exception("worker %d failed", number)
        finally:
            os._exit(code)

    def _end_with_parent(self) -> None:
        """At once, as with kill -9: another server may take the folder when all of us are gone."""
        if not os.read(self._life[0], 1):
            os._exit(1)

    def _replace(self) -> int:
        """Start the workers that died again; the exit code if that is of no use, else 0."""
        for number, code in self._reap():
            if code in exit_codes.PERMANENT:
                return code
            now = time.monotonic()
            self._deaths = [*(then for then in self._deaths if now - then < WITHIN), now]
            if len(self._deaths) > FAILURES:
                log.error("workers die again and again")
                return exit_codes.FAILED.code
            log.error("worker %d died; starting another", number)
            failure = self._start(number, fresh=False)
            if failure is not None:
                log.error("worker %d cannot start: %s", number, failure)
        return 0

    def _reap(self) -> list[tuple[int, int]]:
        """(number, exit code) of the workers that have ended."""
        ended = []
        for pid in list(self._pids):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended.append((self._forget(pid), os.waitstatus_to_exitcode(status)))
        return ended

    def _forget(self, pid: int) -> int:
        told = self._told.pop(pid, None)
        if told is not None:
            os.close(told)
        return self._pids.pop(pid)

    def _end_hanging(self) -> None:
        """Say that we are alive, if all workers are.  One that hangs is killed, and then replaced."""
        if not self._service.watchdog:
            return
        hanging = [pid for pid, number in self._pids.items() if self._pulse.age(number) > self._service.watchdog]
        for pid in hanging:
            log.error("worker %d has done nothing for %.0f s and is killed", self._pids[pid], self._service.watchdog)
            os.kill(pid, signal.SIGKILL)
        now = time.monotonic()
        if not hanging and now - self._signed >= self._service.watchdog / 4:
            self._signed = now
            self._service.alive()

    # Stop

    def _drain(self) -> int:
        """Let the workers finish; a second signal, or one that takes too long, ends them at once."""
        self._folder.stops()
        self._service.stopping("finishing what is under way")
        if self._service.is_there:
            return self._leave()
        self._stop_listening()
        self._signal(signal.SIGTERM)
        deadline = None if self._ports.outlive else time.monotonic() + GRACE + 5
        while self._pids:
            left = 3600.0 if deadline is None else max(0.0, deadline - time.monotonic())
            found = _next_signal(left)
            self._reap()
            is_over = deadline is not None and time.monotonic() > deadline
            if self._pids and (is_over or found in STOPS):
                self._stop(signal.SIGKILL)
                return exit_codes.BROKEN_OFF.code
        return exit_codes.STOPPED.code

    def _retire(self) -> int:
        """A successor serves: let the workers finish, for as long as that moves."""
        code = self._leave()
        return self._succession.wait(_next_signal) if self._succession.waits else code

    def _leave(self) -> int:
        """Have the workers take no more connections, and then go on without us; the exit code.

        One that does not listen to that, or a second signal, ends it at once.  Once a successor serves, signals are
        for that.
        """
        self._stop_listening()
        self._signal(signal.SIGUSR2)
        deadline, ending = time.monotonic() + STOPPED_SECONDS, exit_codes.STOPPED
        while self._told:
            found = _next_signal(LOOK_EVERY)
            if self._succession.taken and found in FORWARDED:
                self._succession.forward(found)
                found = 0
            self._reap()
            self._hear()
            if time.monotonic() > deadline or found in STOPS:
                for pid in self._told:
                    log.error("worker %d does not stop, and is killed", self._pids[pid])
                    os.kill(pid, signal.SIGKILL)
                ending = exit_codes.BROKEN_OFF
                break
        os.write(self._life[1], b"1" * len(self._pids))
        return ending.code

    def _hear(self) -> None:
        """Take note of the workers that take no more connections."""
        ended, _, _ = select.select(list(self._told.values()), [], [], 0)
        for pid, told in list(self._told.items()):
            if told in ended and not os.read(told, MOST_TOLD):
                os.close(self._told.pop(pid))

    def _stop_listening(self) -> None:
        self._ports.close()
        self._folder.give_up()

    def _stop(self, name: signal.Signals) -> None:
        """End all workers."""
        self._signal(name)
        for pid in list(self._pids):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            self._forget(pid)

    def _signal(self, name: int) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)


def _next_signal(seconds: float) -> int:
    """The number of a signal of ours that is there or comes within so many seconds, 0 if none does."""
    if hasattr(signal, "sigtimedwait"):
        found = signal.sigtimedwait(SIGNALS, seconds)
        return found.si_signo if found is not None else 0
    deadline = time.monotonic() + seconds  # macOS
    while not signal.sigpending() & SIGNALS:
        if time.monotonic() > deadline:
            return 0
        time.sleep(LOOK_EVERY)
    return int(signal.sigwait(SIGNALS))


def say(fd: int, what: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(fd, what)
