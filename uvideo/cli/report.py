"""The output of the command: each kind of record, with its text and its JSON.

Records go to standard output, one per line: text, or with --json one JSON object.  Errors, notes and progress go to
standard error, with --json as JSON too.  Text from outside, for example a key or a file name, is never printed raw to a
terminal or to standard error: control characters are shown as escapes.  In a pipe names are printed as they are.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from uvideo import errors
from uvideo.cli import failure
from uvideo.cli.escaping import escaped, shown
from uvideo.cli.i18n import say
from uvideo.config import systemd_journal

if TYPE_CHECKING:
    from uvideo.transfer.pool import Pool

__all__ = ["ERROR", "NOTE", "SUMMARY", "Kind", "OutputGone", "Report", "left_out", "moment", "named", "size", "span"]


#: Fields whose attribute has another name.
ATTRIBUTES = {"class": "storage_class"}


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    fields: {name: type}.  Types: string, integer, number, boolean, time (RFC 3339 text in UTC), object, list (of
    strings); a ? means that null is possible.  text(record): the record's line; None for a record that is printed only
    with --json.  lines: fields with several lines of prose; such a record is for people, and is escaped in pipes too.
    """

    name: str
    fields: Mapping[str, str]
    text: Callable[[dict[str, Any]], str | None]
    lines: Collection[str] = ()

    def completed(self, record: dict[str, Any], of: object) -> dict[str, Any]:
        """The record with all fields; missing ones are taken from the attributes of ``of``."""
        taken = ((name, ATTRIBUTES.get(name, name)) for name in self.fields)
        return {name: record[name] if name in record else getattr(of, attribute) for name, attribute in taken} | record


# Values as text


def named(record: Mapping[str, Any]) -> str:
    """The address of a record with space and key."""
    return f"uvideo://{record['space']}/{record['key']}"


def size(number: int | None) -> str:
    """A number of bytes for people: 12.3 MiB."""
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
    """A duration for people: 0.4 s, 3:05, 1:02:03."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(when: datetime | None) -> str:
    """A time for people, in the local time zone."""
    return "-" if when is None else when.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _plain(value: object) -> object:
    """A value as JSON can represent it."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def as_json(kind: str, record: Mapping[str, object]) -> str:
    """The record as one line of JSON.  ASCII only if it contains control characters or text that is not valid UTF-8."""
    fields = {"kind": kind, **{name: _plain(value) for name, value in record.items()}}
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return line if line.isprintable() else json.dumps(fields, separators=(",", ":"))


# The kinds of record that every verb uses


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
        "error": "string",  # the class of the error
        "exit": "integer",
        "item": "string?",  # the address or path that failed
        "space": "string?",
        "key": "string?",
        "status": "integer?",
        "ret_code": "integer?",
        "request_id": "string?",
        "transfer": "string?",
        "line": "integer?",  # the line in the file that `run` reads
    },
    _error_text,
)
NOTE = Kind("note", {"message": "string"}, lambda record: str(record["message"]))


def left_out(record: Mapping[str, Any]) -> list[str]:
    """The texts for the links and special files that a verb skipped, if any."""
    parts = []
    if record["links"]:
        parts.append(say("skipped links: {count}", count=record["links"]))
    if record["special"]:
        parts.append(say("skipped special files: {count}", count=record["special"]))
    return parts


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
    words = say(", ").join([*parts, *left_out(record)])
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
        "links": "integer",  # links that were skipped
        "special": "integer",  # pipes, sockets and devices that were skipped
    },
    _summary_text,
)


class OutputGone(Exception):
    """The reader of standard output has gone: nothing more can be done."""


#: The most failed items that are listed again at the end.
LISTED = 100


class Report:
    """The output of a verb.  Safe to share between threads.

    quiet: print only results and errors.  verbose: print notes too.  line: the line in the file that ``run`` reads.
    null: a zero byte ends each record on standard output, in place of a line break.
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
        doctor: str = "uvideo doctor",
    ) -> None:
        self.json, self.quiet, self.verbose, self.line = json, quiet, verbose, line
        self._doctor = doctor
        self.out, self.err = out or sys.stdout, err or sys.stderr
        self.null = False
        self.failures: list[tuple[str, str]] = []  # (item, text) of the first LISTED failures
        self.failed = 0
        self.codes: set[int] = set()  # exit codes of the failures
        self.links = self.special = 0  # links and special files that were skipped
        #: Calls a function that prints, with the progress display out of the way, if there is one.
        self.above: Callable[[Callable[[], None]], None] | None = None
        self._lock = threading.RLock()

    def result(self, kind: Kind, of: object = None, /, **record: object) -> None:
        """Print a result that the user asked for.  of: an object whose attributes are the missing fields."""
        self._record(self.out, kind, record if of is None else kind.completed(record, of))

    def item(self, kind: Kind, of: object = None, /, **record: object) -> None:
        """Print what was done to one item, as ``result``; not with --quiet."""
        if not self.quiet:
            self.result(kind, of, **record)

    def note(self, message: str) -> None:
        """Print a note, only with --verbose."""
        if self.verbose:
            self._record(self.err, NOTE, {"message": message})

    def tell(self, message: str) -> None:
        """Print a message for people that no program needs: on standard error, not with --quiet."""
        if not self.quiet:
            self._record(self.err, NOTE, {"message": message})

    def error(self, error: BaseException, item: str | None = None) -> int:
        """Print an error; return its exit code."""
        return self._error(error, item, failure.hint(error, self._doctor))

    def interrupted(self, command: str | None) -> None:
        """Print that the user stopped the command, and the command that continues it."""
        hint = None if command is None else say("finished parts are kept; to continue: {command}", command=command)
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
        """Print and count the failure of one of several items; the others continue."""
        with self._lock:
            self.error(error, item)
            self.count(error, item)

    def count(self, error: BaseException, item: str) -> None:
        """Count a failure that is printed already, for ``finish``."""
        with self._lock:
            self.failed += 1
            self.codes.add(failure.code(error))
            if len(self.failures) < LISTED:
                self.failures.append((item, failure.text(error)))

    @contextmanager
    def failing(self, item: object, *ends: type[errors.UVideoError]) -> Iterator[None]:
        """A block for one of several items: prints its error and goes on.  Errors of ``ends`` are raised.

        So is NoCredentials before anything was sent: the other items would fail in the same way.
        """
        try:
            yield
        except ends:
            raise
        except errors.UVideoError as error:
            if isinstance(error, errors.NoCredentials) and error.response is None:
                raise
            self.fail(error, str(item))

    def ended_early(self, pool: Pool[Any], total: int | None = None) -> None:
        """Print how many items a pool did not begin, if any.  total: the number of all items, if known."""
        count = pool.left if total is None else total - (pool.taken - pool.left)
        if count and (total is not None or pool.took_all):
            self.tell(say("ended early because the others would fail too: {count} not started", count=count))
        elif count:
            self.tell(say("ended early because the others would fail too: {count} or more not started", count=count))

    def finish(self, done: int) -> int:
        """The exit code after all items; ``done``: how many succeeded.  Several failures are listed again.

        If nothing succeeded and all failures have the same code, the result is that code.
        """
        if not self.failed:
            return failure.OK
        if self.failed > 1 and not self.json:
            lines = [say("{count} of {total} failed:", count=self.failed, total=done + self.failed)]
            lines += [f"  {shown(item)}" for item, _ in self.failures]
            if self.failed > len(self.failures):
                lines.append(say("  and {count} more", count=self.failed - len(self.failures)))
            self._print(self.err, "\n".join(lines))
        return min(self.codes) if not done and len(self.codes) == 1 else failure.FAILED

    def summary(
        self, *, done: int, seconds: float, size: int = 0, skipped: int = 0, deleted: int = 0, dry_run: bool = False
    ) -> None:
        """Print the last line of a verb for many items: text on standard error, JSON on standard output."""
        record = {
            "done": done,
            "skipped": skipped,
            "deleted": deleted,
            "failed": self.failed,
            "bytes": size,
            "seconds": round(seconds, 3),
            "dry_run": dry_run,
            "links": self.links,
            "special": self.special,
        }
        if not self.quiet:
            self._record(self.out if self.json else self.err, SUMMARY, record)

    def _record(self, stream: TextIO, kind: Kind, record: dict[str, Any]) -> None:
        if record.keys() != kind.fields.keys():
            raise TypeError(f"{kind.name} has the fields {list(kind.fields)}, not {list(record)}")
        if self.json:
            self._print(stream, as_json(kind.name, record))
            return
        to_journal = systemd_journal.leads_to_journal(stream)
        is_raw = stream is not self.err and not (stream.isatty() or to_journal or kind.lines)
        text = kind.text(record if is_raw else escaped(record, kind.lines))
        if text is not None:
            if to_journal:
                text = systemd_journal.prioritized(
                    text, systemd_journal.ERROR if kind is ERROR else systemd_journal.INFO
                )
            self._print(stream, text)

    def _print(self, stream: TextIO, text: str) -> None:
        def write() -> None:
            stream.write(text + ("\0" if self.null and stream is self.out else "\n"))
            stream.flush()

        try:
            if self.above is not None and stream.isatty():
                self.above(write)
            else:
                with self._lock:
                    write()
        except BrokenPipeError:
            raise OutputGone from None
        except OSError:
            if stream is not self.err:  # otherwise nobody can read an error
                raise
