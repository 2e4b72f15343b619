"""Waking a waiting thread, safely even if Ctrl-C interrupts it.

Ctrl-C can interrupt the main thread at any line of Python.  The conditions, events and queues of ``threading`` are
written in Python, on 2.7 also RLock.  If Ctrl-C interrupts one of them while it takes its lock, it keeps the lock, and
every thread that needs the lock waits forever.  So the main thread waits for a Wakeup instead, and shares only plain
Locks, each in a with block.
"""

from __future__ import absolute_import, division, print_function

import threading
import time

from ..protocol.compat import PY2

#: Seconds between two checks on Python 2.7, whose Lock has no timeout: the first, and the longest.
FIRST, LONGEST = 0.0005, 0.05


class Wakeup(object):
    """``set`` ends one ``wait``: the current or the next one.  One thread waits; any thread may set it."""

    def __init__(self):
        # type: () -> None
        self._lock = threading.Lock()  # held while it is not set
        self._lock.acquire()

    def set(self):
        # type: () -> None
        try:
            self._lock.release()
        except threading.ThreadError:  # already set
            pass

    def wait(self, seconds=None):
        # type: (float | None) -> bool
        """Wait until it is set, or for about ``seconds``.  Returns whether it was set."""
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
