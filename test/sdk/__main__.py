# -*- coding: utf-8 -*-
"""`python -m test.sdk MODULE ...`: the tests of these modules.  One that hangs ends them all and says where."""

from __future__ import absolute_import, division, print_function

import os
import sys
import threading
import time
import traceback
import unittest

#: Seconds of one test: many times what any takes on a busy machine.
HANGS = 300


class Watched(unittest.TextTestResult):
    running = None  # (test, when it began)

    def startTest(self, test):
        super(Watched, self).startTest(test)
        Watched.running = test, time.time()

    def stopTest(self, test):
        Watched.running = None
        super(Watched, self).stopTest(test)


def watch(ended):
    while not ended.wait(1):
        running = Watched.running
        if running is not None and time.time() - running[1] > HANGS:
            print("\n%s hangs:" % running[0].id(), file=sys.stderr)
            for thread, frame in sys._current_frames().items():
                print("thread %s\n%s" % (thread, "".join(traceback.format_stack(frame))), file=sys.stderr)
            sys.stderr.flush()
            os._exit(3)


if __name__ == "__main__":
    watching = threading.Thread(target=watch, args=(threading.Event(),))
    watching.daemon = True
    watching.start()
    unittest.main(None, testRunner=unittest.TextTestRunner(resultclass=Watched))
