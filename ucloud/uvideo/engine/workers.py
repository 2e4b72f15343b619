"""Threads that share one job: the gravest error of any ends all of them, and comes out where the job was begun."""

from __future__ import absolute_import, division, print_function

import logging
import threading
from functools import reduce

from ..http.wakeup import Wakeup
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
        self.stopped = False
        self._here = False  # the caller's thread works too
        # Lists, as Ctrl-C cannot leave one half changed: an entry for each thread, and for each error.
        self._begun, self._ended, self._errors = [], [], []  # type: list[None], list[None], list[BaseException]
        self._end = Wakeup()

    @property
    def error(self):
        # type: () -> BaseException | None
        """The gravest one of all threads."""
        return reduce(graver, self._errors, None)

    def check(self):
        # type: () -> None
        """Raise what ends the work."""
        if self.stopped:
            raise Stopped()
        self._carrier.check()

    def run(self, count, here):
        # type: (int, bool) -> None
        """Work in ``count`` threads until all ends; raises the gravest error.  ``here``: this thread is one of them."""
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
        """Begin so many threads more.  NoAnswer if there is none at all then."""
        for _ in range(count):
            thread = threading.Thread(target=self._run_beside, name="transfer")
            thread.daemon = True
            self._begun.append(None)
            try:
                thread.start()
            except (RuntimeError, threading.ThreadError) as error:  # the system gives no more: fewer will do
                if thread.ident is not None:  # it runs; Ctrl-C came inside ``start``, which hides it on Python 2.7
                    raise
                self._ended.append(None)
                _log.warning("%s; going on with fewer threads", error)
                if not self._here and not self._at_work():
                    raise NoAnswer(u"no thread can be started", sent=False)
                return

    def _at_work(self):
        # type: () -> bool
        """Whether a thread besides the caller's has not ended."""
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
        """End all of them because of an error."""
        self._errors.append(error)
        self.stopped = True
        self._end.set()


def graver(first, error):
    # type: (BaseException | None, BaseException) -> BaseException
    """Of two threads' errors the one to raise: the first, but rather one that trying again cannot help, or Ctrl-C."""
    worse = getattr(first, "retryable", False) and not getattr(error, "retryable", False)
    return error if first is None or worse or not isinstance(error, Exception) else first
