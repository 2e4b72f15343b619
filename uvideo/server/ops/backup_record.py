"""The time of the last complete backup, in a file in the server's folder, for the metrics."""

from __future__ import annotations

import json
import os
from pathlib import Path

from uvideo._core import json_document, localfile
from uvideo.server.ops.readiness import is_short

__all__ = ["NAME", "last", "note"]

NAME = "last-backup.json"


def note(folder: Path, completed: float) -> None:
    """Save the time of a complete backup, in unix seconds.  OSError."""
    aside = folder / f".{NAME}.{os.getpid()}"
    try:
        with localfile.named(folder / NAME):
            aside.write_text(json.dumps({"completed": int(completed)}) + "\n", encoding="utf-8")
        localfile.replace(aside, folder / NAME)
    finally:
        aside.unlink(missing_ok=True)


def last(folder: Path) -> int | None:
    """The time in unix seconds; None if there was no backup or the file cannot be read.

    OSError if this process lacks what it takes to read any file.
    """
    try:
        found = json_document.parse_json((folder / NAME).read_bytes())
        return int(found["completed"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as failure:
        if is_short(failure):
            raise
        return None
