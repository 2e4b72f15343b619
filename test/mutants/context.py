"""A plugin of pytest: coverage learns which test reaches a line, in this process or in one that the test starts.

What a fixture of a module or a session does, or a process that it starts, counts for no single test.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

NAME = "UVIDEO_TEST_NOW"  # the environment of what is started; coverage reads it there


def _enter(test: str) -> None:
    from coverage import Coverage

    os.environ[NAME] = test
    running = Coverage.current()
    if running is not None:
        running.switch_context(test)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    _enter(item.nodeid)
    try:
        return (yield)
    finally:
        _enter("")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    before = os.environ.get(NAME, "")
    if fixturedef.scope != "function":
        _enter("")
    try:
        return (yield)
    finally:
        _enter(before)
