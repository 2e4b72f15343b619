# -*- coding: utf-8 -*-
"""A signal at a line of this thread, as the system could send one there.

A trace function acts in its place: not where a with block of Python 3 ends, which has a line there too.
"""

from __future__ import absolute_import, division, print_function

import linecache
import os
import sys
import threading

START = threading.Thread.start.__code__
LOCKS = os.path.splitext(threading.__file__)[0] + ".py"


def source(module):
    return os.path.splitext(os.path.abspath(module.__file__))[0] + ".py"


class Lines(object):
    """Within: this thread's lines in some files are counted, and there is a signal at one of them.

    ``at``: (file, line, how often it has been run), None to count only.  ``handler``: what the signal does.
    """

    def __init__(self, files, at=None, handler=None):
        self.files, self.at, self.seen, self._handler = files, at, [], handler
        self._counts, self._lines = {}, {}  # by place, by call
        self._names = {}  # the source of each file name that code has

    def __enter__(self):
        sys.settrace(self._trace)
        return self

    def __exit__(self, *error):
        sys.settrace(None)

    def _trace(self, frame, event, _):
        given = frame.f_code.co_filename
        name = self._names.get(given)
        if name is None:  # this is asked for every line
            name = self._names[given] = os.path.splitext(os.path.abspath(given))[0] + ".py"
        if name not in self.files or self._starts_thread(frame):
            return None
        if event == "call":
            self._lines[id(frame)] = set()
        if event == "line" and not self._ends_block(frame, name):
            place = name, frame.f_lineno
            self._counts[place] = self._counts.get(place, 0) + 1
            self.seen.append(place + (self._counts[place],))
            if self.seen[-1] == self.at:
                if self._handler is None:
                    raise KeyboardInterrupt()
                self._handler()
        return self._trace

    @staticmethod
    def _starts_thread(frame):
        """Whether Thread.start calls this: on 2.7 it leaves a thread behind that never ends, and that is not ours."""
        while frame is not None:
            if frame.f_code is START:
                return True
            frame = frame.f_back
        return False

    def _ends_block(self, frame, name):
        """Whether this call has been at this line before, and it is a with."""
        lines = self._lines[id(frame)]
        again = frame.f_lineno in lines
        lines.add(frame.f_lineno)
        return again and linecache.getline(name, frame.f_lineno).lstrip().startswith("with ")
