"""A pytest plugin for a run on Windows: leaves out what ``windows.txt`` lists, and refuses a list out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["left_out"]

LIST = Path(__file__).with_name("windows.txt")


def left_out() -> dict[str, str]:
    """{test: reason}; ValueError for a line that is no test with a reason, or there twice."""
    found: dict[str, str] = {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            test, tab, reason = line.partition("\t")
            if not tab or len(reason) < 10 or test in found:
                raise ValueError(f"{LIST.name}: no test with a reason, or there twice: {line}")
            found[test] = reason
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    listed = left_out()
    used = set[str]()
    for item in items:
        name = item.nodeid.partition("[")[0]
        for test in (name, item.nodeid):
            if test in listed:
                used.add(test)
                item.add_marker(pytest.mark.skip(reason=f"not on Windows: {listed[test]}"))
    files = {item.nodeid.partition("::")[0] for item in items}
    stale = {test for test in listed if test.partition("::")[0] in files} - used
    if stale and not config.option.keyword:
        raise pytest.UsageError(f"{LIST.name} lists what is no test: {sorted(stale)}")
