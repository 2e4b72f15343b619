"""Questions on a terminal, asked on standard error so that a pipe gets results only."""

from __future__ import annotations

import click

from uvideo.cli.context import Context
from uvideo.cli.report import shown
from uvideo.cli.words import say
from uvideo.errors import InvalidArgument

__all__ = ["agreed", "asked", "secret"]


def agreed(context: Context, question: str, yes: bool = False) -> None:
    """Return if --yes was given or the user agrees.  InvalidArgument elsewhere, KeyboardInterrupt if not."""
    if yes or context.yes:
        return
    if not context.interactive:
        raise InvalidArgument(say("{question} Nobody can be asked here: give --yes", question=question))
    if not click.confirm(shown(question), default=False, err=True):
        raise InvalidArgument(say("nothing was changed"))


def asked(question: str, default: str | None = None, choices: tuple[str, ...] = ()) -> str:
    """A line that the user types."""
    kind = click.Choice(choices) if choices else None
    answer: str = click.prompt(question, default=default, type=kind, err=True, show_default=bool(default))
    return answer.strip()


def secret(question: str) -> str:
    """A line that the user types without seeing it."""
    answer: str = click.prompt(question, hide_input=True, err=True)
    return answer.strip()
