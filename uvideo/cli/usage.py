"""What is wrong with a command line, in the user's language.  click has these messages in English only."""

from __future__ import annotations

import re
from collections.abc import Callable

import click

from uvideo.cli.i18n import say

__all__ = ["reason", "usage_text"]

#: (click's message, ours).  A message of click that is not here is printed as it is.
MESSAGES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (
        r"No such command '(.*)'\.(?: .*)?",
        lambda found: say("there is no verb {name}", name=found[1]),
    ),
    (
        r"Got unexpected extra arguments? \((.*)\)",
        lambda found: say("there are too many arguments: {text}", text=found[1]),
    ),
    (r"Option '(.*)' requires .*arguments?\.", lambda found: say("{name} needs a value", name=found[1])),
    (r"Option '(.*)' does not take a value\.", lambda found: say("{name} takes no value", name=found[1])),
    (
        r"(.*) is not (?:a valid (?:integer|float).*|a number)\.",
        lambda found: say("{value} is not a number", value=found[1]),
    ),
    (
        r"(.*) is not in the range (.*)\.",
        lambda found: say("{value} is not in the range {range}", value=found[1], range=found[2]),
    ),
    (
        r"(.*) is not one of (.*)\.",
        lambda found: say("{value} is not one of {choices}", value=found[1], choices=found[2]),
    ),
)


def reason(message: str) -> str:
    """A message of click in the user's language."""
    for pattern, ours in MESSAGES:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            return ours(found)
    return message


def _missing(param: click.Parameter, context: click.Context) -> str:
    """What is missing.  Of SOURCE... TARGET it may be either: click takes a single word for the target."""
    name = param.make_metavar(context)
    arguments = [each for each in context.command.params if isinstance(each, click.Argument)]
    if param.nargs == -1 and param in arguments[:-1]:
        return say("{first} and {last} are needed", first=name, last=arguments[-1].make_metavar(context))
    return say("{name} is missing", name=name)


def usage_text(error: click.ClickException) -> str:
    """The error of a command line, and how to get its help."""
    message = reason(error.format_message())
    if isinstance(error, click.NoSuchOption):
        message = say("there is no option {name}", name=error.option_name)
        if error.possibilities:
            near = say(" or ").join(sorted(error.possibilities))
            message = say("there is no option {name}; did you mean {near}?", name=error.option_name, near=near)
    elif isinstance(error, click.MissingParameter) and error.param is not None:
        message = _missing(error.param, error.ctx or click.Context(click.Command("")))
    elif isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.opts[0] if isinstance(error.param, click.Option) else error.param.human_readable_name
        message = say("{name}: {reason}", name=name, reason=reason(error.message))
    if isinstance(error, click.UsageError) and error.ctx is not None:
        message = say("{message}; see {command} --help", message=message, command=error.ctx.command_path)
    return message
