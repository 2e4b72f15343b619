"""Threads that share one job: the gravest error of any ends all of them, and comes out where the job was begun."""

from __future__ import absolute_import, division, print_function

import logging
import threading

from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import NoAnswer

if TYPE_CHECKING:
    from typing import Callable  # noqa: F401

    from .session import Carrier  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")

#: Seconds between two looks at interrupt and deadline.
LOOK = 0.1


class Stopped(Exception):
    """Another thread failed, or the caller has had enough."""


class Workers(object):
    """Threads that call ``work()``, which takes from the job until nothing is left, or until ``stopped`` is true.

    ``carrier``: says when the job must end.  ``grace``: seconds that an end waits for the other threads; one that waits
    for the service longer ends by itself.  ``patient``: an error waits until the other threads have done what they have
    begun; only Ctrl-C waits no longer than ``grace``.  ``lock``: for what the threads share.
    """

    def __init__(self, work, carrier, grace, patient=False):
        # type: (Callable[[], object], Carrier, float, bool) -> None
        self._work, self._carrier, self._looks, self._patient = work, carrier, int(grace / LOOK), patient
        self.lock = threading.Lock()
        self.stopped, self.error = False, None  # type: bool, BaseException | None
        self._over, self._working = threading.Condition(), 0  # threads that have not ended

    def check(self):
        # type: () -> None
        """Raise what ends the work."""
        if self.stopped:
            raise Stopped()
        self._carrier.check()

    def run(self, count, here):
        # type: (int, bool) -> None
        """Work in ``count`` threads until all ends; raises the gravest error.  ``here``: this thread is one of them."""
        mine = 1 if here else 0  # not begun
        try:
            with self._over:
                self._working += mine
            self.add(count - mine)
            if mine:
                mine = 0
                self._run()
            with self._over:
                while self._working and not self.stopped:
                    self._over.wait(self._carrier.shorter(LOOK))
                    self._carrier.check()
        except BaseException as error:
            self.fail(error)
        with self._over:
            self._working -= mine
            looks, patient = self._looks, self._patient and isinstance(self.error, Exception)
            while self._working and (patient or looks > 0):
                if not self._over.wait(LOOK):
                    looks -= 1
        if self.error is not None:
            raise self.error

    def add(self, count):
        # type: (int) -> None
        """Begin so many threads more.  NoAnswer if there is none at all then."""
        for _ in range(count):
            thread = threading.Thread(target=self._run)
            thread.daemon = True
            with self._over:
                self._working += 1
            try:
                thread.start()
            except RuntimeError as error:  # the system gives no more threads: fewer will do
                with self._over:
                    self._working -= 1
                _log.warning("%s; going on with %d", error, self._working)
                if not self._working:
                    raise NoAnswer(u"no thread can be started", sent=False)
                return

    def _run(self):
        # type: () -> None
        try:
            self._work()
        except Stopped:
            pass
        except BaseException as error:
            self.fail(error)
        finally:
            with self._over:
                self._working -= 1
                self._over.notify_all()

    def fail(self, error):
        # type: (BaseException) -> None
        """End all of them because of an error."""
        with self.lock:
            self.stopped = True
            self.error = graver(self.error, error)


def graver(first, error):
    # type: (BaseException | None, BaseException) -> BaseException
    """Of two threads' errors the one to raise: the first, but rather one that trying again cannot help, or Ctrl-C."""
    worse = getattr(first, "retryable", False) and not getattr(error, "retryable", False)
    return error if first is None or worse or not isinstance(error, Exception) else first
