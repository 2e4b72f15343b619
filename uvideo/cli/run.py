"""uvideo run: runs many command lines in one process, which share its connections."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Iterator
from typing import NamedTuple

import click

from uvideo.cli import failure
from uvideo.cli.address import Pipe, local, parse
from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.progress import display
from uvideo.cli.report import Kind
from uvideo.cli.verb_command import Example, option, unknown, verb
from uvideo.cli.verbs import VERBS
from uvideo.errors import InvalidArgument
from uvideo.transfer.pool import Pool

__all__ = ["run"]

#: Verbs that a file of commands cannot have.
NOT_HERE = ("run", "serve", "mount", "watch")

RAN = Kind("ran", {"line": "integer", "command": "string", "exit": "integer"}, lambda record: None)


class Command(NamedTuple):
    """A line of the file.  line: its number, from 1.  wrong: why it cannot be run."""

    line: int
    text: str
    words: list[str]
    wrong: str | None = None


#: How a file begins that editors of Windows write as UTF-8, and as UTF-16.
BOM, UTF_16 = "\ufeff", ("\udcff\udcfe", "\udcfe\udcff")


def commands(lines: Iterator[str]) -> Iterator[Command]:
    """The commands of the lines.  InvalidArgument if they are not UTF-8."""
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith(UTF_16):
            raise InvalidArgument(say("the commands are in UTF-16: save them as UTF-8"))
        text = (line.removeprefix(BOM) if number == 1 else line).strip()
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            yield Command(number, text, [], say("the quotes do not match: {reason}", reason=error))
            continue
        if words and words[0] == "uvideo":
            words = words[1:]
        if not words:
            continue
        if words[0] in NOT_HERE:
            yield Command(number, text, [], say("{verb} cannot be run from a file", verb=words[0]))
        elif words[0] not in VERBS and not words[0].startswith("-"):
            yield Command(number, text, [], unknown(words[0], VERBS))
        else:
            yield Command(number, text, words)


@verb(
    "run",
    text=(
        "FILE has one command per line, with or without `uvideo` before it, quoted as in a shell; # begins a "
        "comment; - reads standard input. The lines are independent: with --jobs several run at a time, in any "
        "order. If a line fails, its number is reported, the others continue, and the exit code is 1.",
    ),
    examples=[
        Example(
            "A file of commands:",
            "printf 'cp movie.mp4 uvideo://demo/a.mp4\\nrm uvideo://demo/a.mp4\\n' > todo\nuvideo run todo",
        ),
        Example(
            "Many copies from a pipe, sixteen at a time:",
            "for n in 1 2 3; do echo cp movie.mp4 uvideo://demo/copy-$n.mp4; done | uvideo run - --jobs 16",
        ),
    ],
    changes=True,
)
@click.argument("file", metavar="FILE")
@option("--jobs", "-j", type=click.IntRange(1, 256), default=1, help="Number of lines at a time.")
def run(context: Context, file: str, jobs: int) -> int:
    from uvideo.cli.program import invoke

    report, lock = context.report, threading.Lock()
    context.goes_on = not isinstance(parse(file), Pipe)
    done = 0

    def one(command: Command) -> None:
        nonlocal done
        child = context.child(command.line, command.words)
        try:
            if command.wrong is None:
                code = invoke(child, command.words)
            else:
                code = child.report.error(InvalidArgument(command.wrong))
        except KeyboardInterrupt:
            code = failure.INTERRUPTED
            if not context.cancel.is_set():
                raise
        finally:
            child.close()
        with lock:
            if code:
                report.failed += 1
                report.codes.add(failure.FAILED)
            else:
                done += 1
        report.item(RAN, command, command=command.text, exit=code)
        shown.command(done=1)

    def announce(command: Command) -> None:
        shown.command(new=1)

    pool = Pool(one, jobs, context.cancel)
    with display(context) as shown:
        if isinstance(parse(file), Pipe):
            if hasattr(sys.stdin, "reconfigure"):
                sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
            pool.run(shown.early(commands(iter(sys.stdin)), announce))
        else:
            with open(local(file).path, encoding="utf-8", errors="surrogateescape") as opened:
                pool.run(shown.early(commands(iter(opened)), announce))
    if report.failed:
        report.tell(say("{count} of {total} lines failed", count=report.failed, total=done + report.failed))
        return failure.FAILED
    return failure.OK
