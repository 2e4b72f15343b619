"""How much CPU each test takes, for the list of slow tests: `make test ARGS="-p test.cost"` prints the new ones.

Counted are the process of the test and all that it starts.  A second is one of a machine that counts to three million
in `UNIT` seconds, however fast this one is.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Generator

import pytest

from test.marks import SLOW, is_slow

LIMIT = 0.125  # seconds of CPU, the mean of a test's cases: what takes more is slow
UNIT = 0.093
_TICKS = os.sysconf("SC_CLK_TCK")
_counted: dict[str, list[float]] = defaultdict(list)
_last = 0.0
_factor = 1.0


def _loop() -> float:
    began, total = time.process_time(), 0
    for number in range(3_000_000):
        total += number
    return time.process_time() - began


def _used(pid: str) -> float:
    """Seconds of a process, of its children that ended, and of those that run."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        children = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                children += file.read().split()
    except OSError:  # it ended
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS + sum(map(_used, children))


def pytest_sessionstart() -> None:
    global _factor
    _factor = UNIT / min(_loop() for _ in range(3))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Generator[None]:
    global _last
    _last = _used(str(os.getpid()))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "teardown":
        report.user_properties.append(("cpu", (_used(str(os.getpid())) - _last) * _factor))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    seconds = dict(report.user_properties).get("cpu")
    if isinstance(seconds, float):
        _counted[report.nodeid.partition("[")[0]].append(seconds)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    means = {name: sum(seconds) / len(seconds) for name, seconds in _counted.items()}
    terminalreporter.write_line(f"{sum(map(sum, _counted.values())):.0f} s of CPU, on the machine of the list")
    for name, mean in sorted(means.items()):
        if mean > LIMIT and not is_slow(name):
            terminalreporter.write_line(f"not in {SLOW.name}: {mean:.2f} s {name}")
