"""When the last backup was complete: a file in the server's folder, so that its metrics can tell."""

from __future__ import annotations

import json
import os
from pathlib import Path

from uvideo._core import json_document, localfile

__all__ = ["NAME", "last", "note"]

NAME = "last-backup.json"


def note(folder: Path, completed: float) -> None:
    """Keep that a backup was complete at this time, unix seconds.  OSError."""
    aside = folder / f".{NAME}.{os.getpid()}"
    try:
        with localfile.named(folder / NAME):
            aside.write_text(json.dumps({"completed": int(completed)}) + "\n", encoding="utf-8")
        localfile.replace(aside, folder / NAME)
    finally:
        aside.unlink(missing_ok=True)


def last(folder: Path) -> int | None:
    """Unix seconds; None if nothing can be read there: none was ever complete."""
    try:
        found = json_document.parse_json((folder / NAME).read_bytes())
        return int(found["completed"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None
