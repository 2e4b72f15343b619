"""Threads that share one job.  An error in one ends all, and the gravest error is raised to the caller."""

from __future__ import absolute_import, division, print_function

import logging
import threading
from functools import reduce

from ..http import threads
from ..http.wakeup import Wakeup
from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import NoAnswer

if TYPE_CHECKING:
    from typing import Callable  # noqa: F401

    from .carrier import Carrier  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")

#: Seconds between two checks of interrupt and deadline.
LOOK = 0.1


class Stopped(Exception):
    """Another thread failed, or the call was ended."""


class Workers(object):
    """Threads that call ``work()``, which takes pieces of the job until none is left or ``stopped`` is true.

    ``carrier``: says when the job must end.  ``grace``: seconds that an end waits for the other threads; a thread that
    waits longer for the service ends by itself.  ``patient``: after an error, wait until the other threads have
    finished what they began; only Ctrl-C waits no longer than ``grace``.  ``lock``: protects what the threads share.
    """

    def __init__(self, work, carrier, grace, patient=False):
        # type: (Callable[[], object], Carrier, float, bool) -> None
        self._work, self._carrier, self._looks, self._patient = work, carrier, int(grace / LOOK), patient
        self.lock = threading.Lock()
        self.stopped = False
        self._here = False  # whether the caller's thread works too
        # Lists, as Ctrl-C cannot leave an append half done: an entry for each thread, and for each error.
        self._begun, self._ended, self._errors = [], [], []  # type: list[None], list[None], list[BaseException]
        self._end = Wakeup()

    @property
    def error(self):
        # type: () -> BaseException | None
        """The gravest error of all threads, or None."""
        return reduce(graver, self._errors, None)

    def check(self):
        # type: () -> None
        """Raise the error that ends the work."""
        if self.stopped:
            raise Stopped()
        self._carrier.check()

    def run(self, count, here):
        # type: (int, bool) -> None
        """Work in ``count`` threads until all end; raises the gravest error.  ``here``: this thread is one of them."""
        self._here = here
        try:
            self.add(count - (1 if here else 0))
            if here:
                self._run()
            while self._at_work() and not self.stopped:
                self._end.wait(self._carrier.shorter(LOOK))
                self._carrier.check()
        except BaseException as error:
            self.fail(error)
        looks, patient = self._looks, self._patient and isinstance(self.error, Exception)
        while self._at_work() and (patient or looks > 0):
            if not self._end.wait(LOOK):
                looks -= 1
        gravest = self.error
        if gravest is not None:
            raise gravest

    def add(self, count):
        # type: (int) -> None
        """Start ``count`` more threads.  NoAnswer if not even one thread runs then."""
        for _ in range(count):
            thread = threading.Thread(target=self._run_beside, name="transfer")
            thread.daemon = True
            self._begun.append(None)
            try:
                threads.start(thread)
            except threads.NoThread as error:
                self._ended.append(None)
                _log.warning("%s; continuing with fewer threads", error)
                if not self._here and not self._at_work():
                    raise NoAnswer(u"no thread can be started", sent=False)
                return

    def _at_work(self):
        # type: () -> bool
        """Whether a thread other than the caller's is still running."""
        return len(self._ended) < len(self._begun)

    def _run_beside(self):
        # type: () -> None
        try:
            self._run()
        finally:
            self._ended.append(None)
            self._end.set()

    def _run(self):
        # type: () -> None
        try:
            self._work()
        except Stopped:
            pass
        except BaseException as error:
            self.fail(error)

    def fail(self, error):
        # type: (BaseException) -> None
        """Record an error and stop all threads."""
        self._errors.append(error)
        self.stopped = True
        self._end.set()


def graver(first, error):
    # type: (BaseException | None, BaseException) -> BaseException
    """The graver of two errors: the first, unless the other is Ctrl-C, or is not retryable while the first is."""
    worse = getattr(first, "retryable", False) and not getattr(error, "retryable", False)
    return error if first is None or worse or not isinstance(error, Exception) else first
