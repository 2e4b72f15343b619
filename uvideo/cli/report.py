"""Everything the command prints: each kind of record with its text and its JSON.

Records go to standard output, one a line: text, or with --json one JSON object.  Errors, notes and progress go to
standard error, with --json as JSON too.  Nothing that came from elsewhere, for example a key or a file name, is
printed to a terminal raw: control characters are shown as escapes.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from uvideo import errors
from uvideo.cli import failure
from uvideo.cli.i18n import say
from uvideo.config import systemd_journal

if TYPE_CHECKING:
    from uvideo.transfer.pool import Pool

__all__ = ["ERROR", "NOTE", "SUMMARY", "Kind", "OutputGone", "Report", "moment", "named", "shown", "size", "span"]


#: Fields that as attributes have another name.
ATTRIBUTES = {"class": "storage_class"}


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    fields: name: string, integer, number, boolean, time (text of RFC 3339 in UTC), object or list (of strings); with
    a ? it may be null.  text(record): its line; None for one that is printed with --json only.
    """

    name: str
    fields: Mapping[str, str]
    text: Callable[[dict[str, Any]], str | None]

    def completed(self, record: dict[str, Any], of: object) -> dict[str, Any]:
        """The record with all fields; those that it lacks are attributes of ``of``."""
        taken = ((name, ATTRIBUTES.get(name, name)) for name in self.fields)
        return {name: record[name] if name in record else getattr(of, attribute) for name, attribute in taken} | record


# Values as text


def shown(text: str) -> str:
    """Text that does nothing to a terminal: what is not printable becomes an escape, as in a Python string."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def named(record: Mapping[str, Any]) -> str:
    """The address of a record with space and key, in one line whatever the key holds."""
    return f"uvideo://{record['space']}/{shown(record['key'])}"


def size(number: int | None) -> str:
    """Bytes for people: 12.3 MiB."""
    if number is None:
        return "?"
    if number < 1024:
        return f"{number} B"
    value, units = number / 1024, iter(("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))
    unit = next(units)
    while value >= 1023.95 and (larger := next(units, "")):
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}"


def span(seconds: float) -> str:
    """A time that passed, for people: 0.4 s, 3:05, 1:02:03."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(when: datetime | None) -> str:
    """A time for people, in their own zone."""
    return "-" if when is None else when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def as_json(kind: str, record: Mapping[str, object]) -> str:
    """One line; of ASCII only where it would hold what a terminal could obey or UTF-8 cannot say."""
    fields = {"kind": kind, **{name: _plain(value) for name, value in record.items()}}
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return line if line.isprintable() else json.dumps(fields, separators=(",", ":"))


# The kinds that every verb has


def _error_text(record: dict[str, Any]) -> str:
    line = say("error: {message}", message=record["message"])
    if record["line"] is not None:
        line = say("line {number}: {text}", number=record["line"], text=line)
    if record["hint"]:
        line += "\n  " + record["hint"]
    return line


ERROR = Kind(
    "error",
    {
        "message": "string",
        "hint": "string?",
        "error": "string",  # the class
        "exit": "integer",
        "item": "string?",  # the address or path that failed
        "space": "string?",
        "key": "string?",
        "status": "integer?",
        "ret_code": "integer?",
        "request_id": "string?",
        "transfer": "string?",
        "line": "integer?",  # of the file that `run` reads
    },
    _error_text,
)
NOTE = Kind("note", {"message": "string"}, lambda record: str(record["message"]))


def _summary_text(record: dict[str, Any]) -> str:
    parts = []
    if record["done"] or not (record["deleted"] or record["skipped"]):
        parts.append(say("{done} done", done=record["done"]))
    if record["bytes"]:
        parts.append(size(record["bytes"]))
    if record["skipped"]:
        parts.append(say("{count} skipped", count=record["skipped"]))
    if record["deleted"]:
        parts.append(say("{count} deleted", count=record["deleted"]))
    if record["failed"]:
        parts.append(say("{count} failed", count=record["failed"]))
    words = say(", ").join(parts)
    if record["dry_run"]:
        return say("dry run, nothing was changed: {words}", words=words)
    if record["bytes"] and record["seconds"] >= 1:
        rate = size(int(record["bytes"] / record["seconds"]))
        return words + say(" in {time}, {rate}/s", time=span(record["seconds"]), rate=rate)
    return words + say(" in {time}", time=span(record["seconds"]))


SUMMARY = Kind(
    "summary",
    {
        "done": "integer",  # items
        "skipped": "integer",
        "deleted": "integer",
        "failed": "integer",
        "bytes": "integer",
        "seconds": "number",
        "dry_run": "boolean",
    },
    _summary_text,
)


class OutputGone(Exception):
    """Whoever read what this program prints went away: there is nothing left to do."""


#: Failed items that are listed again at the end.
LISTED = 100


class Report:
    """Where a verb says what it did.  Safe to share between threads.

    quiet: nothing but results and errors.  verbose: notes too.  line: of the file that ``run`` reads.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
        line: int | None = None,
    ) -> None:
        self.json, self.quiet, self.verbose, self.line = json, quiet, verbose, line
        self.out, self.err = out or sys.stdout, err or sys.stderr
        self.failures: list[tuple[str, str]] = []  # (item, text), the first LISTED of them
        self.failed = 0
        self.codes: set[int] = set()  # of the failures
        #: prints a line above a progress display, while there is one.
        self.above: Callable[[str], None] | None = None
        self._lock = threading.RLock()

    def result(self, kind: Kind, of: object = None, /, **record: object) -> None:
        """What the user asked to be told.  of: has, as attributes, the fields that are not given."""
        self._record(self.out, kind, record if of is None else kind.completed(record, of))

    def item(self, kind: Kind, of: object = None, /, **record: object) -> None:
        """What was done to one item, as ``result``; not with --quiet."""
        if not self.quiet:
            self.result(kind, of, **record)

    def note(self, message: str) -> None:
        """What only --verbose shows."""
        if self.verbose:
            self._record(self.err, NOTE, {"message": message})

    def tell(self, message: str) -> None:
        """What a user should know but no program needs: on standard error, not with --quiet."""
        if not self.quiet:
            self._record(self.err, NOTE, {"message": message})

    def error(self, error: BaseException, item: str | None = None) -> int:
        """Say an error; its exit code."""
        return self._error(error, item, failure.hint(error))

    def interrupted(self, command: str | None) -> None:
        """Say that the user stopped it, and which command goes on."""
        hint = None if command is None else say("what is done is kept; to go on: {command}", command=command)
        self._error(errors.Cancelled(), None, hint)

    def _error(self, error: BaseException, item: str | None, hint: str | None) -> int:
        found = failure.code(error)
        message = failure.text(error)
        if item is not None and item not in message:
            message = f"{item}: {message}"
        self._record(
            self.err,
            ERROR,
            {
                "message": message,
                "hint": hint,
                "error": type(error).__name__,
                "exit": found,
                "item": item,
                **{name: getattr(error, name, None) for name in ("space", "key", "status", "ret_code", "request_id")},
                "transfer": getattr(error, "transfer", None),
                "line": self.line,
            },
        )
        return found

    def fail(self, error: BaseException, item: str) -> None:
        """Say that one item of several failed; the others go on."""
        with self._lock:
            self.failed += 1
            self.codes.add(self.error(error, item))
            if len(self.failures) < LISTED:
                self.failures.append((item, failure.text(error)))

    @contextmanager
    def failing(self, item: object, *ends: type[errors.UVideoError]) -> Iterator[None]:
        """A block about one item of several: its failure is said, and the others go on.  One of ``ends`` comes out."""
        try:
            yield
        except ends:
            raise
        except errors.UVideoError as error:
            self.fail(error, str(item))

    def ended_early(self, pool: Pool[Any], total: int | None = None) -> None:
        """Say how many items a pool did not begin, if any.  total: of all items, where that is known."""
        count = pool.left if total is None else total - (pool.taken - pool.left)
        if count and (total is not None or pool.took_all):
            self.tell(say("ended early, as the others would fail too: {count} not begun", count=count))
        elif count:
            self.tell(say("ended early, as the others would fail too: {count} or more not begun", count=count))

    def finish(self, done: int) -> int:
        """The exit code after all items, of which so many were done; several failures are listed again.

        Where nothing was done and all failed alike, it is the code of that.
        """
        if not self.failed:
            return failure.OK
        if self.failed > 1 and not self.json:
            lines = [say("{count} of {total} failed:", count=self.failed, total=done + self.failed)]
            lines += [f"  {item}" for item, _ in self.failures]
            if self.failed > len(self.failures):
                lines.append(say("  and {count} more", count=self.failed - len(self.failures)))
            self._print(self.err, "\n".join(shown(line) for line in lines))
        return min(self.codes) if not done and len(self.codes) == 1 else failure.FAILED

    def summary(
        self, *, done: int, seconds: float, size: int = 0, skipped: int = 0, deleted: int = 0, dry_run: bool = False
    ) -> None:
        """The last line of a verb that treats many items: text on standard error, JSON on standard output."""
        record = {
            "done": done,
            "skipped": skipped,
            "deleted": deleted,
            "failed": self.failed,
            "bytes": size,
            "seconds": round(seconds, 3),
            "dry_run": dry_run,
        }
        if not self.quiet:
            self._record(self.out if self.json else self.err, SUMMARY, record)

    def _record(self, stream: TextIO, kind: Kind, record: dict[str, Any]) -> None:
        if record.keys() != kind.fields.keys():
            raise TypeError(f"{kind.name} has the fields {list(kind.fields)}, not {list(record)}")
        if self.json:
            self._print(stream, as_json(kind.name, record))
            return
        text = kind.text(record)
        if text is not None:
            text = "\n".join(shown(line) for line in text.split("\n"))
            if systemd_journal.leads_to_journal(stream):
                text = systemd_journal.prioritized(
                    text, systemd_journal.ERROR if kind is ERROR else systemd_journal.INFO
                )
            self._print(stream, text)

    def _print(self, stream: TextIO, text: str) -> None:
        with self._lock:
            if self.above is not None and stream.isatty():
                self.above(text)
                return
            try:
                stream.write(text + "\n")
                stream.flush()
            except BrokenPipeError:
                raise OutputGone from None
            except OSError:
                if stream is not self.err:  # else there is nobody to tell
                    raise
