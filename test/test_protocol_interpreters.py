"""The protocol core keeps its promises on every Python of this machine, with nothing installed."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from test import interpreters
from test.patience import SUITE_SECONDS

AT_LEAST = 120


@pytest.mark.parametrize("interpreter", interpreters.cases(), ids=lambda each: each.name)
def test_the_protocol_core(interpreter):
    dropped = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONWARNINGS"}
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [interpreter.path, "-m", "unittest", "discover", "-s", "test/protocol", "-t", "."]
    run = subprocess.run(
        command,
        cwd=interpreters.ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SUITE_SECONDS,
    )
    printed = run.stdout.decode(errors="replace")
    assert run.returncode == 0, printed
    ran = re.search(r"^Ran (\d+) tests?", printed, re.MULTILINE)
    assert ran is not None and int(ran.group(1)) >= AT_LEAST, printed
    assert "skipped" not in printed
