"""The whole command: finds the verb, runs it, and returns an exit code for every ending."""

from __future__ import annotations

import importlib
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

import click

from uvideo.cli import failure
from uvideo.cli.context import Context
from uvideo.cli.escaping import AS_BYTES
from uvideo.cli.i18n import logged, say
from uvideo.cli.report import OutputGone
from uvideo.cli.usage import usage_text
from uvideo.cli.verb_command import SETTINGS, VerbGroup, common
from uvideo.cli.verbs import VERBS
from uvideo.errors import InvalidArgument, UVideoError

__all__ = ["commands", "invoke", "run"]

STORE = "obstore"  # the S3 client library


class Commands(VerbGroup):
    """All verbs; a verb's module is loaded when it is called."""

    english = "UVideo / UFile (US3) object storage."
    paragraphs = (
        "Objects are written uvideo://space/key; keys may contain the patterns *, ?, [...] and **. `uvideo VERB "
        "--help` shows examples that run unchanged. Exit codes: 0 success, 1 some items failed, 2 wrong usage, 3 "
        "keys or rights, 4 not found, 5 content does not verify, 130 interrupted.",
    )

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"uvideo.cli.{VERBS[cmd_name].module}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return found

    def summaries(self) -> list[tuple[str, str]]:
        return [(name, say(each.summary)) for name, each in VERBS.items()]


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from uvideo import __version__

        click.echo(f"uvideo {__version__}")
        context.exit()


@common(environment=True)
def _nothing() -> None:
    """Declares the options of the command itself."""


commands = Commands("uvideo", context_settings={**SETTINGS, "auto_envvar_prefix": "UVIDEO"})
commands.params = [
    *reversed(_nothing.__click_params__),  # type: ignore[attr-defined]  # click sets it
    click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_version,
        help=say("Print the version."),
        allow_from_autoenv=False,
    ),
]


def invoke(context: Context, arguments: Sequence[str]) -> int:
    """Run one command line in this process; return its exit code.  Raises KeyboardInterrupt."""
    try:
        found = commands.main(list(arguments), prog_name="uvideo", standalone_mode=False, obj=context)
        return found if isinstance(found, int) else failure.OK
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx is not None else "", err=True)
        return failure.USAGE
    except (click.ClickException, UVideoError) as error:
        if "--json" in arguments:  # click may not have parsed it
            context.set("json", True)
        said = InvalidArgument(usage_text(error)) if isinstance(error, click.ClickException) else error
        return context.report.error(said)
    except (click.exceptions.Abort, KeyboardInterrupt):
        raise KeyboardInterrupt from None
    except (BrokenPipeError, OutputGone):
        raise OutputGone from None
    except SystemExit as end:  # raised by click if the reader of the output has gone
        if end.code != 1:
            raise
        raise OutputGone from None
    except OSError as error:
        return context.report.error(error)
    except Exception as error:
        if os.environ.get("UVIDEO_TRACEBACK"):
            raise
        own = isinstance(error, ImportError) and str(error.name).partition(".")[0] in ("uvideo", "ucloud")
        context.report.error(Incomplete(str(error)) if own else ProgramError(type(error).__name__, str(error)))
        return failure.FAILED


class Incomplete(UVideoError):
    """A module of this program, or a name in one, is missing."""

    def __init__(self, text: str) -> None:
        super().__init__(say("uvideo is being installed at this moment, or was installed in part ({text})", text=text))


class ProgramError(UVideoError):
    """A bug in this program."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(
            say(
                "this is a bug in the program, not a mistake of yours ({kind}: {text}); UVIDEO_TRACEBACK=1 shows where",
                kind=kind,
                text=text,
            )
        )


class Told(logging.Handler):
    """Prints the SDK's log as notes: warnings always, the rest with --verbose."""

    def __init__(self, context: Context) -> None:
        super().__init__(logging.INFO)
        self._context = context

    def emit(self, record: logging.LogRecord) -> None:
        report = self._context.report
        try:
            (report.tell if record.levelno >= logging.WARNING else report.note)(logged(record))
        except OutputGone:
            pass


def _listen(context: Context) -> None:
    told = Told(context)
    for name in ("uvideo", "ucloud"):
        logger = logging.getLogger(name)
        logger.addHandler(told)
        logger.setLevel(logging.INFO)
        logger.propagate = False


def _terminate(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _leave(code: int) -> None:
    """Exit at once if threads still run: a request may wait for its response until its timeout.

    Also if the S3 client library is loaded: its threads go on while Python exits, and may then abort the process.
    """
    if threading.active_count() > 1 or STORE in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _open_closed() -> None:
    """Open the standard streams that the caller closed: output is dropped, and reading is an OSError."""
    for number, name, flags in ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)
            if descriptor != number and not _is_open(number):
                os.dup2(descriptor, number)
                os.close(descriptor)
                descriptor = number
            setattr(sys, name, open(descriptor, "r" if name == "stdin" else "w", closefd=False))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _drop(stream: TextIO) -> None:
    """Drop the unwritten output of a stream, so that it does not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _settled(context: Context, code: int) -> int:
    """The exit code after all output is written: that of a failure if it cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop(sys.stdout)
        code = code or context.report.error(error)
    try:
        sys.stderr.flush()
    except OSError:
        _drop(sys.stderr)
    return code


def run(arguments: Sequence[str]) -> int:
    """Run the command line of a process; return its exit code."""
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            is_pipe = stream is sys.stdout and not stream.isatty()
            stream.reconfigure(errors=AS_BYTES if is_pipe else "backslashreplace")
    context = Context()
    context.argv = list(arguments)
    if "serve" not in arguments:  # the server shuts down gracefully by itself
        signal.signal(signal.SIGTERM, _terminate)
        _listen(context)
    try:
        code = invoke(context, arguments)
        context.close()
        code = _settled(context, code)
        if STORE in sys.modules:
            _leave(code)
        return code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is already ending
        context.report.above = None
        context.report.interrupted(f"uvideo {shlex.join(arguments)}" if context.goes_on else None)
        _leave(failure.INTERRUPTED)
        return failure.INTERRUPTED
    except (BrokenPipeError, OutputGone):
        # The reader of the output has gone: print nothing, and flush nothing at exit.
        _drop(sys.stdout)
        _leave(failure.PIPE)
        return failure.PIPE
