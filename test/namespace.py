"""A network of the test's own, with an address that is not loopback: what the server does not count there, it counts
here.  `start_server(folder, "--host", ADDRESS, command=alone(folder))`, then `inside(server.pid, script)`.

`with named_network(folder, {"video.example.com": ADDRESS}) as within`: names of its own too; `within` begins a command.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from test import patience

__all__ = ["ADDRESS", "OTHER", "SILENT", "alone", "inside", "named_network"]

ADDRESS, OTHER = "10.77.0.1", "10.77.0.2"
#: In a named network an address that does not answer, as behind a firewall.
SILENT = "10.77.1.9"
_LOOPBACK = f"ip link set lo up && ip address add {ADDRESS}/32 dev lo && ip address add {OTHER}/32 dev lo"
_SILENT = (
    "ip link add wire type veth peer name away && ip link set wire up && ip link set away up"
    f" && ip address add 10.77.1.1/24 dev wire && ip neighbour add {SILENT} lladdr 02:00:00:00:00:09 dev wire"
)
_HOSTS = 'mount --bind "$1" /etc/hosts && echo made && exec cat'


def alone() -> tuple[str, ...]:
    """What a program starts with to have such a network."""
    command = ("unshare", "--map-root-user", "--net", "sh", "-c", f'{_LOOPBACK} && exec "$@"', "sh")
    _need(command)
    return command


@contextmanager
def named_network(folder: Path, hosts: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """What a command begins with to run in such a network, in which the names have these addresses."""
    unshare = ("unshare", "--map-root-user", "--net", "--mount")
    _need(unshare)
    file = folder / "hosts"
    file.write_text("".join(f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **hosts}.items()))
    holder = subprocess.Popen(
        [*unshare, "sh", "-c", f"{_LOOPBACK} && {_SILENT} && {_HOSTS}", "sh", str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:  # it ends with its standard input
        assert holder.stdout is not None and holder.stdout.readline() == b"made\n"
        yield ("nsenter", "--target", str(holder.pid), "--user", "--net", "--mount", "--preserve-credentials")


def _need(command: Sequence[str]) -> None:
    made = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    if not made:
        if os.environ.get("UVIDEO_REQUIRE_INTERPRETERS"):
            pytest.fail("no namespace can be made here: apt-get install util-linux iproute2")
        pytest.skip("no namespace can be made here")


def inside(pid: int, script: str, *arguments: str) -> Any:
    """What a Python script, run in the network of that process, printed as JSON."""
    enter = ["nsenter", "--target", str(pid), "--user", "--net", "--preserve-credentials"]
    done = subprocess.run(
        [*enter, sys.executable, "-c", script, *arguments], capture_output=True, timeout=patience.SECONDS
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
