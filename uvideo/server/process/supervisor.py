"""The supervisor of the workers: it forks them, watches them, and restarts, stops or replaces them."""

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

FAILURES, WITHIN = 5, 10.0  # after this many deaths within this many seconds it gives up
_NAMES = ("SIGTERM", "SIGINT", "SIGCHLD", "SIGUSR2", "SIGHUP")
SIGNALS = {getattr(signal, name) for name in _NAMES if hasattr(signal, name)}
LOOK_EVERY = 0.02  # seconds
READ_EVERY = 0.1  # seconds between two checks whether the first worker has read the settings
STOPPED_SECONDS = 10.0  # for all workers to close their listening sockets
MOST_TOLD = 4096  # bytes
SERVES = b"serves"  # a worker's message; otherwise: exit code, a blank, the reason

log = logging.getLogger("uvideo.server")


class Worker(Protocol):
    def __call__(self, number: int, ready: Callable[[], None], stopped: Callable[[], None], *, fresh: bool) -> int:
        """Serve until told to stop; returns the exit code.

        ``ready``, ``stopped``: called when it begins and ends to accept connections.
        """


def supervise(plan: Plan, succession: Succession, worker: Worker, announce: Callable[[], None]) -> int:
    """Run the plan's workers until SIGTERM or SIGINT, or until a successor takes over; returns the exit code.

    Call it before the process has a thread or an event loop.  The first worker prepares the folder alone.  A worker
    that dies is replaced, unless its exit code is a permanent one.  A worker that hangs is killed if the service has a
    watchdog.  ``announce``: called once all workers accept connections.  If this process dies, its workers end at once.

    Under a service manager this process does not wait for the last worker: it ends as soon as none accepts connections,
    and the workers finish alone.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # never unblocked: no signal may disturb the end of this process
    return _Supervisor(plan, succession, worker).run(announce)


class _Supervisor:
    def __init__(self, plan: Plan, succession: Succession, worker: Worker) -> None:
        self._reads: int | None = None  # number of the last request for a reload; None: it was answered
        self._worker, self._succession = worker, succession
        self._count, self._folder, self._hangup = plan.settings.workers, plan.folder, plan.hangup
        self._ports, self._service = plan.ports, plan.service
        self._pulse, self._published = plan.shared.pulse, plan.shared.published
        self._life = os.pipe()  # closed when this process ends; a byte in it lets one worker go on alone
        self._pids: dict[int, int] = {}
        self._told: dict[int, int] = {}  # pid -> the worker's pipe; closed when it accepts no more connections
        self._deaths: list[float] = []
        self._signed = float("-inf")  # the time of the last heartbeat to the manager

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
        if self._hangup.is_gone():  # it was closed before the signal was blocked
            return self._drain()
        while True:
            number = _next_signal(self._pause())
            if number == SIGHUP and self._hangup.is_gone():
                number = signal.SIGTERM
            if number == signal.SIGUSR2:
                self._succession.begin()
            elif number == SIGHUP:
                self._service.reloading()
                self._reads = self._published.ask()
                self._signal(number)
            elif number in STOPS:
                self._succession.abandon("it got a stop signal")
                return self._drain()
            if self._reads is not None and self._published.answered >= self._reads:
                self._reads = None
                self._service.ready("answering; the settings were read again")
            if self._succession.look():
                return self._retire()
            self._end_hanging()
            code = self._replace()
            if code:
                self._succession.abandon("its workers cannot be restarted")
                self._stop(signal.SIGKILL)
                return code

    def _pause(self) -> float:
        """Seconds until the next check."""
        if self._reads is not None:
            return READ_EVERY
        if self._succession.is_under_way:
            return self._succession.look_every
        return self._service.watchdog / 4 or 3600.0

    # Start and restart

    def _start(self, number: int, *, fresh: bool) -> StartError | None:
        """Fork a worker and wait until it accepts connections.  None, or the reason why it ended."""
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
            return StartError(f"worker {number} ended while it started", exit_codes.FAILED)
        return StartError(why, exit_codes.Ending(why, int(code), again=int(code) not in exit_codes.PERMANENT))

    def _be_worker(self, number: int, tell: int, fresh: bool) -> None:
        code = exit_codes.FAILED.code
        try:
            os.close(self._life[1])
            for told in self._told.values():
                os.close(told)
            for name in SIGNALS - {SIGHUP}:  # SIGHUP stays ignored; see hangup
                signal.signal(name, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            threading.Thread(target=self._end_with_parent, name="uvideo-parent", daemon=True).start()
            code = self._worker(number, lambda: say(tell, SERVES), lambda: os.close(tell), fresh=fresh)
        except StartError as failure:
            code = failure.ending.code  # sent with the reason: the supervisor may kill this process before it ends
            say(tell, f"{code} {failure}".encode()[:MOST_TOLD])
        except BaseException:
            log.exception("worker %d failed", number)
        finally:
            os._exit(code)

    def _end_with_parent(self) -> None:
        """End at once when the supervisor dies: then another server can use the folder."""
        if not os.read(self._life[0], 1):
            os._exit(1)

    def _replace(self) -> int:
        """Restart dead workers.  The exit code if it gives up, else 0."""
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
        """(number, exit code) of each worker that has ended."""
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
        """Send a heartbeat if all workers are alive.  A worker that hangs is killed, and then replaced."""
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
        """Let the workers finish.  A second signal or a timeout ends them at once."""
        self._folder.stops()
        self._service.stopping("finishing the requests in flight")
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
        """After a successor took over: let the workers finish, without a time limit while bytes move."""
        code = self._leave()
        return self._succession.wait(_next_signal) if self._succession.waits else code

    def _leave(self) -> int:
        """Let the workers stop accepting connections and finish without this process; returns the exit code.

        If a worker does not stop accepting, or after a second signal, all end at once.  Once a successor serves,
        signals are forwarded to it.
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
                    log.error("worker %d does not stop and is killed", self._pids[pid])
                    os.kill(pid, signal.SIGKILL)
                ending = exit_codes.BROKEN_OFF
                break
        os.write(self._life[1], b"1" * len(self._pids))
        return ending.code

    def _hear(self) -> None:
        """Note which workers accept no more connections."""
        ended, _, _ = select.select(list(self._told.values()), [], [], 0)
        for pid, told in list(self._told.items()):
            if told in ended and not os.read(told, MOST_TOLD):
                os.close(self._told.pop(pid))

    def _stop_listening(self) -> None:
        self._ports.close()
        self._folder.give_up()

    def _stop(self, name: signal.Signals) -> None:
        """End all workers with this signal, and wait for them."""
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
    """The number of the next of SIGNALS within this many seconds; 0 if there is none."""
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
