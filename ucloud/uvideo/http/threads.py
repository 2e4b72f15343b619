"""Starting a thread, safely even if Ctrl-C interrupts it."""

from __future__ import absolute_import, division, print_function

import threading


class NoThread(RuntimeError):
    """The system gives no more threads."""


def start(thread):
    # type: (threading.Thread) -> None
    """Start a thread.  NoThread if the system gives no more.

    ``Thread.start`` waits until the thread runs, with locks that are written in Python.  If Ctrl-C comes between two
    of their lines, it raises "release unlocked lock" in place of KeyboardInterrupt, and the thread may run or not.
    """
    try:
        thread.start()
    except (RuntimeError, threading.ThreadError) as error:
        if "new thread" in str(error):
            raise NoThread(str(error))
        cause = getattr(error, "__context__", None)  # an Exception is what the caller handles
        raise KeyboardInterrupt() if cause is None or isinstance(cause, Exception) else cause
