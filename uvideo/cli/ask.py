"""Questions on a terminal.  They go to standard error, so a pipe gets only results."""

from __future__ import annotations

import sys

import click

from uvideo.cli import failure
from uvideo.cli.context import Context
from uvideo.cli.escaping import shown
from uvideo.cli.i18n import say
from uvideo.cli.verb_command import option, store
from uvideo.errors import InvalidArgument

__all__ = ["agreed", "asked", "confirmed", "secret", "yes"]

#: The option of a verb that asks.
yes = option("--yes", "-y", is_flag=True, expose_value=False, callback=store, help="Do not ask.")


def agreed(context: Context, question: str) -> None:
    """Return if --yes was given or the user agrees; else end the command.  InvalidArgument if nobody can be asked."""
    if context.yes:
        return
    if not context.interactive:
        raise InvalidArgument(say("{question} There is no terminal to confirm this: give --yes", question=question))
    if not _says_yes(context, question, say("nothing was changed")):
        raise click.exceptions.Exit(failure.FAILED)


def confirmed(context: Context, question: str) -> bool:
    """Whether to delete: with -y, in a dry run, if nobody can be asked, or if the user agrees."""
    if context.yes or context.dry_run or not context.interactive:
        return True
    return _says_yes(context, question, say("nothing is deleted"))


def _says_yes(context: Context, question: str, otherwise: str) -> bool:
    click.echo(shown(question) + " [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes", "是"):
        return True
    context.report.tell(otherwise)
    return False


def asked(question: str, default: str | None = None, choices: tuple[str, ...] = ()) -> str:
    """Ask for a line of text, again until it is one of the choices, if there are any."""
    if choices:
        question += f" ({', '.join(choices)})"
    while True:
        answer: str = click.prompt(
            question, default=default, err=True, show_default=bool(default), prompt_suffix=say(": ")
        ).strip()
        if not choices or answer in choices:
            return answer
        click.echo(say("{value} is not one of {choices}", value=shown(answer), choices=", ".join(choices)), err=True)


def secret(question: str) -> str:
    """Ask for a line of text without showing it."""
    answer: str = click.prompt(question, hide_input=True, err=True, prompt_suffix=say(": "))
    return answer.strip()
