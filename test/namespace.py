"""A network of the test's own, with an address that is not loopback: what the server does not count there, it counts
here.  `start_server(folder, "--host", ADDRESS, command=alone(folder))`, then `inside(server.pid, script)`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from test import patience

__all__ = ["ADDRESS", "OTHER", "alone", "inside"]

ADDRESS, OTHER = "10.77.0.1", "10.77.0.2"
_BEGIN = f'ip link set lo up && ip address add {ADDRESS}/32 dev lo && ip address add {OTHER}/32 dev lo && exec "$@"'


def alone() -> tuple[str, ...]:
    """What a program starts with to have such a network."""
    command = ("unshare", "--map-root-user", "--net", "sh", "-c", _BEGIN, "sh")
    made = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    if not made:
        if os.environ.get("UVIDEO_REQUIRE_INTERPRETERS"):
            pytest.fail("no namespace can be made here: apt-get install util-linux iproute2")
        pytest.skip("no namespace can be made here")
    return command


def inside(pid: int, script: str, *arguments: str) -> Any:
    """What a Python script, run in the network of that process, printed as JSON."""
    enter = ["nsenter", "--target", str(pid), "--user", "--net", "--preserve-credentials"]
    done = subprocess.run(
        [*enter, sys.executable, "-c", script, *arguments], capture_output=True, timeout=patience.SECONDS
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
