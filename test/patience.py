"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 240.0  # no measure of anything: what has not come by then never comes
#: Of a process that runs a whole suite or a long program: many times what it takes on a busy machine.
SUITE_SECONDS = 1800.0


def until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Return once the condition holds.  AssertionError if it never does, that is for so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def until_said(log: Path, text: str) -> None:
    """Return once the log has this text: a program may write it after the answer, or the metric, that it is about."""
    try:
        until(lambda: text in log.read_text(errors="replace"))
    except AssertionError:
        raise AssertionError(f"{text!r} is not in the log:\n{log.read_text(errors='replace')[-3000:]}") from None
