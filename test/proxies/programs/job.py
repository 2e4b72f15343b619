"""What the programs share: the job, a JSON file named on the command line, and the outcome of its steps.  2.7 and 3."""

from __future__ import absolute_import, division, print_function

import hashlib
import io
import json
import os
import sys
import time


def read():
    """The job: endpoint, keys, space, prefix, files, steps and options; its surrounding is in place."""
    with io.open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    if job["around"] == "gevent":
        from gevent import monkey

        monkey.patch_all()
    elif job["around"] == "eventlet":
        import eventlet

        eventlet.monkey_patch()
    return job


def sha256(path):
    with io.open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def rest(job):
    """Use no connection until the test says so."""
    while not os.path.exists(job["signal"]):
        time.sleep(0.05)
    return True


def run(job, steps, failure):
    """Do each step of the job by its method of ``steps``; print {step: what it returned, or {"failed": ...}}.

    ``failure``: the class of errors that are an outcome; ``error.told()``, or its text, is said.
    """
    found = {}
    for name in job["steps"]:
        try:
            found[name] = rest(job) if name == "rest" else getattr(steps, name)()
        except failure as error:
            found[name] = {
                "failed": type(error).__name__,
                "status": getattr(error, "status", None),
                "cause": getattr(error, "cause", None),
                "text": "%s" % error,
            }
    print(json.dumps(found))
