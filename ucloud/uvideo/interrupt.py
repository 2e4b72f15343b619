"""A wish to end calls under way, which one thread sets and others obey."""

from __future__ import absolute_import, division, print_function

import copy
import threading

from .protocol.errors import Cancelled


class Interrupt(object):
    """Set once, for good.  Safe to share between threads, and to set from a signal handler."""

    def __init__(self):
        self._event = threading.Event()
        self._lock = threading.RLock()  # a handler may run in the thread that holds it
        self._error = None
        self._aborts = []

    def set(self, error=None):
        """End what obeys.  ``error``: the UVideoError that it raises then, Cancelled by default; the first one counts."""
        with self._lock:
            if self._event.is_set():
                return
            self._error = Cancelled() if error is None else error
            self._event.set()
            aborts, self._aborts = self._aborts, []
        for abort in aborts:
            abort()

    def is_set(self):
        return self._event.is_set()

    def wait(self, seconds):
        """Sleep so long, or until it is set.  Whether it is set."""
        self._event.wait(seconds)
        return self._event.is_set()

    def check(self):
        """Raise the error if it is set: each time another one, as an error says where it was met."""
        if self._event.is_set():
            raise copy.copy(self._error)

    def watch(self, abort):
        """Call ``abort()`` when it is set, at once if it is."""
        with self._lock:
            if not self._event.is_set():
                self._aborts.append(abort)
                return
        abort()

    def unwatch(self, abort):
        """Call it no more.  Nothing happens if it was not watched."""
        with self._lock:
            if abort in self._aborts:
                self._aborts.remove(abort)
