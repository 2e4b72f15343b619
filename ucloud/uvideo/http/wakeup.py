"""Waking a thread that waits.

Ctrl-C can break off the thread that a program began in, at any line of Python.  The conditions, events and queues of
``threading`` are written in Python, on 2.7 its RLock too.  One that is broken off while it takes its lock keeps it, and
every thread that needs it then waits for ever.  So such a thread waits for this instead, and shares plain Locks only,
each in a with block.
"""

from __future__ import absolute_import, division, print_function

import threading
import time

from ..protocol.compat import PY2

#: Seconds between two looks on Python 2.7, whose Lock knows no timeout: the first, and the longest.
FIRST, LONGEST = 0.0005, 0.05


class Wakeup(object):
    """``set`` ends one ``wait``: that of now, or the next one.  One thread waits; any may set it."""

    def __init__(self):
        # type: () -> None
        self._lock = threading.Lock()  # taken while it is not set
        self._lock.acquire()

    def set(self):
        # type: () -> None
        try:
            self._lock.release()
        except threading.ThreadError:  # it is set
            pass

    def wait(self, seconds=None):
        # type: (float | None) -> bool
        """Wait until it is set, or about so many seconds at most.  Whether it was set."""
        if seconds is None:
            return self._lock.acquire()
        if not PY2:
            return self._lock.acquire(True, max(0.0, seconds))
        pause = FIRST
        while not self._lock.acquire(False):
            if seconds <= 0:
                return False
            time.sleep(min(pause, seconds))
            seconds, pause = seconds - pause, min(2 * pause, LONGEST)
        return True
