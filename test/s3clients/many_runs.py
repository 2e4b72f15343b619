"""Run a program that is written in Python many times in one process: python many_runs.py PROGRAM.

Each line of the standard input is a JSON list with the words of one run.
"""

from __future__ import annotations

import json
import runpy
import sys

program, streams = sys.argv[1], (sys.stdout, sys.stderr)
for line in sys.stdin:
    sys.stdout, sys.stderr = streams  # s3cmd wraps them
    sys.argv = [program, *json.loads(line)]
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
