"""The machine of the operators' tests: its first process is systemd, and it leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from test import patience
from test.operate.machine import Failed, Machine, booted


def test_systemd_runs_in_it_and_nothing_of_it_is_seen_outside(machine: Machine) -> None:
    mark = Path("/etc/uvideo-machine-test")
    assert machine.run("cat /proc/1/comm; systemctl is-system-running --wait").split() == ["systemd", "running"]
    machine.run(f"touch {mark}")
    assert machine.run(f"test -e {mark} && echo still").strip() == "still"
    assert not mark.exists()
    assert "machine-" not in Path("/proc/mounts").read_text()


def test_a_script_that_fails_fails_the_test(machine: Machine) -> None:
    with pytest.raises(Failed, match="exit code 3:\nseen"):
        machine.run("echo seen; (exit 3); echo never")


def test_nothing_of_it_runs_on(machine: Machine) -> None:
    mark = f"31536000.{os.getpid()}"
    with booted() as other:
        other.run(f"systemd-run --quiet sleep {mark}")
        patience.until(lambda: is_running(mark))
    patience.until(lambda: not is_running(mark))


def is_running(mark: str) -> bool:
    """Whether a process of this machine, or of one in it, has this among its arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found.append(path.read_bytes())
    return any(mark.encode() in each.split(b"\0") for each in found)
