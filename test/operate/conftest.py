"""Everything in this folder needs programs of Debian's that `make test` does without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.operate import machine as machines


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.operate)


@pytest.fixture(scope="module")
def machine() -> Iterator[machines.Machine]:
    """One with systemd, of this module's own.  Skipped where there can be none, unless it is asked for."""
    lack = machines.missing()
    if lack and os.environ.get("UVIDEO_REQUIRE_MACHINE") != "1":
        pytest.skip(f"no machine with systemd can be booted here: no {lack}")
    assert not lack, f"no machine with systemd can be booted here: no {lack}"
    with machines.booted() as found:
        yield found
