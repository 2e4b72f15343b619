"""Lines for systemd's journal.  Source: sd-daemon(3), systemd.exec(5)."""

from __future__ import annotations

import os
from typing import TextIO

__all__ = ["CRITICAL", "DEBUG", "ERROR", "INFO", "WARNING", "leads_to_journal", "prioritized"]

CRITICAL, ERROR, WARNING, INFO, DEBUG = 2, 3, 4, 6, 7


def leads_to_journal(stream: TextIO) -> bool:
    """Whether a stream is connected to the journal."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def prioritized(text: str, priority: int) -> str:
    """The same lines, each with its priority prefix."""
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())
