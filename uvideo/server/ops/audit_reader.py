"""Reads the audit log: the present file, and rotated ones."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any

__all__ = ["Asked", "files", "moment", "read", "told"]

_AGO = re.compile(r"([0-9]{1,6})([smhdw])").fullmatch
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter of lines; all given fields must match.  ``key``: an object's key, or a prefix with ``*`` at the end.
    ``since``, ``until``: times in the form of the log.  ``public``: the public key of the signer or of its issuer."""

    space: str | None = None
    key: str | None = None
    operation: str | None = None
    public: str | None = None
    address: str | None = None
    since: str = ""
    until: str = "~"
    failed: bool = False

    def fits(self, line: Line) -> bool:
        about = [line.get(name) for name in ("space", "source_space")]
        keys = [str(line.get(name)) for name in ("object", "new_key", "source") if line.get(name)]
        return (
            self.since <= str(line.get("time")) <= self.until
            and (self.space is None or self.space in about)
            and (self.key is None or any(_begins(key, self.key) for key in keys))
            and self.operation in (None, line.get("operation"))
            and (
                self.public is None or self.public in (line.get("public_key"), line.get("issuer"), line.get("token_id"))
            )
            and self.address in (None, line.get("address"))
            and (not self.failed or not _is_done(line))
        )


def _begins(key: str, asked: str) -> bool:
    return key.startswith(asked[:-1]) if asked.endswith("*") else key == asked


def _is_done(line: Line) -> bool:
    return line.get("ret_code") == 0 and int(line.get("status") or 0) < 400


def moment(text: str, now: datetime) -> str:
    """A time in the form of the log, from ``2h`` (ago) or from ISO 8601 (UTC without a zone).  ValueError."""
    ago = _AGO(text)
    try:
        if ago is not None:
            then = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            then = datetime.fromisoformat(text.replace("Z", "+00:00"))
            then = then if then.tzinfo is not None else then.replace(tzinfo=timezone.utc)
        return then.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
    except OverflowError:
        raise ValueError(f"{text} is outside of the range of dates") from None


def files(path: Path) -> list[Path]:
    """The log and its rotated files (``audit.log.1``, ``audit.log-20261129.gz``), oldest first.

    After a rotation the log itself does not exist until the next line.
    """
    found = [each for each in path.parent.glob(path.name.replace("[", "[[]") + "[.-]*") if each.is_file()]
    found.sort(key=lambda each: each.stat().st_mtime)
    return [*found, path] if path.exists() or not found else found


def read(paths: list[Path], asked: Asked) -> Iterator[tuple[Line | None, str]]:
    """(parsed line, text) of each matching line; (None, text) of a line that cannot be parsed.  OSError."""
    for path in paths:
        for text in _lines(path):
            if not text.strip():
                continue
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            if not isinstance(line, dict):
                yield None, text
            elif asked.fits(line):
                yield line, text.strip()


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file.  A damaged or incomplete .gz ends with a line that is not JSON.  OSError."""
    with _opened(path) as file:
        try:
            yield from file
        except (EOFError, zlib.error, gzip.BadGzipFile) as failure:
            yield f"{path}: {failure}"


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return open(path, encoding="utf-8", errors="replace")


def told(line: Line) -> str:
    """A line for people: time, operation, object, user, address, result."""
    what = "/".join(_shown(line[name]) for name in ("space", "object") if line.get(name))
    to = f" to {_shown(line['new_key'])}" if line.get("new_key") else ""
    if line.get("source"):
        to += f" from {_shown(line.get('source_space'))}/{_shown(line['source'])}"
    who = _shown(line.get("user") or line.get("public_key") or line.get("way"))
    notes = [_shown(line["account"])] if line.get("account") else []
    notes += [f"token {_shown(line['token_id'])}"] if line.get("token_id") else []
    notes += [f"through {_shown(line['issuer'])}"] if line.get("issuer") else []
    notes += [f"by {_shown(line.get('way'))}"]
    end = "done" if _is_done(line) else f"refused or failed, {line.get('status')} {line.get('ret_code')}"
    address = f" from {_shown(line['address'])}" if line.get("address") else ""
    parts = (line.get("time"), _shown(line.get("operation")), what + to, f"{who} ({', '.join(notes)}){address}: {end}")
    return "  ".join(str(part) for part in parts if part)


def _shown(value: object) -> str:
    """The text without control characters for a terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in str(value))
