"""Declares verbs, so that all of them have the same common options, and the same form of help and examples.

    @verb("rm", text="...", examples=[Example("One object", "uvideo rm uvideo://demo/a")], changes=True)
    @click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
    @option("--all", is_flag=True, help="...")
    def rm(context: Context, addresses: tuple[str, ...], all: bool) -> int | None:

The function returns the exit code.  ``program`` prints an exception and returns its exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import click

from uvideo.cli.context import Context
from uvideo.cli.duration import DURATION
from uvideo.cli.i18n import language, say
from uvideo.cli.verbs import VERBS
from uvideo.errors import InvalidArgument

__all__ = [
    "Example",
    "ListingGroup",
    "VerbCommand",
    "VerbGroup",
    "again",
    "common",
    "family",
    "literal",
    "option",
    "store",
    "unknown",
    "verb",
]

P = ParamSpec("P")
T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])
ARGUMENTS = "uvideo.arguments"  # the verb's arguments, in the meta of its context
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Example(NamedTuple):
    """A command that a test runs unchanged in a shell.  exit: its exit code."""

    text: str
    command: str
    exit: int = 0


def option(
    *names: str,
    help: str,
    **attributes: Any,  # passed to click.Option, which checks their names; click has no type for them
) -> Callable[[Function], Function]:
    """click.option with its help in the user's language and its default in the help.

    common: an extra attribute, for an option of every verb.
    """
    shared = attributes.pop("common", False)
    attributes.setdefault("show_default", "default" in attributes)

    def decorate(function: Function) -> Function:
        click.option(*names, help=say(help), **attributes)(function)
        made = function.__click_params__[-1]  # type: ignore[attr-defined]  # click sets it
        made.english, made.common = help, shared
        return function

    return decorate


#: (name in Context, flags, help, attributes)
COMMON: tuple[tuple[str, tuple[str, ...], str, dict[str, Any]], ...] = (
    ("profile", ("--profile",), "Profile of the configuration file.", {"metavar": "NAME"}),
    ("config", ("--config",), "Configuration file.", {"metavar": "FILE"}),
    ("endpoint", ("--endpoint",), "Host or URL of the service.", {"metavar": "URL"}),
    ("provider", ("--provider",), "auto-ai, ucloud, us3 or local.", {"metavar": "NAME"}),
    ("json", ("--json",), "Print one JSON object per line, also for errors.", {"is_flag": True}),
    ("quiet", ("--quiet", "-q"), "Print results and errors only.", {"is_flag": True}),
    ("verbose", ("--verbose", "-v"), "Print more information.", {"is_flag": True}),
    ("no_progress", ("--no-progress",), "No progress display.", {"is_flag": True}),
    (
        "stats",
        ("--stats",),
        "Time between lines of progress where standard error is no terminal; 0 for none. [default: 10s]",
        {"metavar": "TIME", "type": DURATION},
    ),
)
DRY_RUN = ("dry_run", ("--dry-run",), "Print what would be done; change nothing.", {"is_flag": True})


def store(context: click.Context, parameter: click.Parameter, value: T) -> T:
    """The callback of an option whose value is stored in the Context."""
    found = context.find_object(Context)
    if found is not None and parameter.name is not None:
        found.set(parameter.name, value)
    return value


#: The option of a verb that takes patterns.
literal = option(
    "--literal",
    is_flag=True,
    expose_value=False,
    callback=store,
    help="Addresses are names: no character makes a pattern of them.",
)


def common(changes: bool = False, environment: bool = False) -> Callable[[Function], Function]:
    """Adds the options of every verb.  environment: also read UVIDEO_QUIET and so on; for the command itself."""

    def decorate(function: Function) -> Function:
        for name, flags, help, attributes in reversed(COMMON + ((DRY_RUN,) if changes else ())):
            reads = environment and name in ("json", "quiet", "verbose", "no_progress", "stats")
            option(
                *flags,
                name,
                help=help,
                common=name != "dry_run",
                is_eager=True,
                expose_value=False,
                callback=store,
                allow_from_autoenv=reads,
                **attributes,
            )(function)
        return function

    return decorate


class _Helped(click.Command):
    """The form of all help texts."""

    english = ""
    paragraphs: Sequence[str] = ()
    examples: Sequence[Example] = ()

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        usage = " ".join([ctx.command_path, *self.collect_usage_pieces(ctx)])
        formatter.write(f"{say('Usage: ')}{usage}\n\n")
        for text in (self.english, *self.paragraphs):
            _paragraph(formatter, say(text))
        if self.examples:
            formatter.write(say("Examples:") + "\n")
            for number, example in enumerate(self.examples, 1):
                formatter.write(f"  {number}. {say(example.text)}\n")
                for line in example.command.splitlines():
                    formatter.write(f"       {line}\n")
            formatter.write("\n")
        _table(formatter, say("Verbs:"), self.summaries())
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                if "--help" in parameter.opts:
                    record = (record[0], say("Show this help and exit."))
                is_shared = getattr(parameter, "common", False) or "--help" in parameter.opts
                record = (record[0].replace(" RANGE", ""), record[1].replace("[default: ", say("[default: ")))
                (shared if is_shared else own).append(record)
        _table(formatter, say("Options:"), own, 28)
        _table(formatter, say("Options of every verb:"), shared, 28)

    def summaries(self) -> list[tuple[str, str]]:
        """(name, line of help) of the verbs below this one, if any."""
        return []


def _paragraph(formatter: click.HelpFormatter, text: str) -> None:
    if text:
        if language() == "zh":  # no blanks to break a line at
            formatter.write(text + "\n\n")
        else:
            formatter.write_text(text)
            formatter.write("\n")


def _table(formatter: click.HelpFormatter, title: str, records: Sequence[tuple[str, str]], widest: int = 30) -> None:
    if records:
        formatter.write(title + "\n")
        formatter.indent()
        formatter.write_dl(records, col_max=widest)
        formatter.dedent()
        formatter.write("\n")


class VerbCommand(_Helped):
    """A verb."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click's parser does not know it
            raise


def again(context: click.Context) -> click.Context:
    """A new context of the same verb with the same arguments; it reads settings files again.  ClickException."""
    return context.command.make_context(context.info_name, list(context.meta[ARGUMENTS]), parent=context.parent)


def unknown(name: str, known: Iterable[str], group: str = "") -> str:
    """The error text for an unknown verb, with the most similar known one.  ``group``: the words before it."""
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    if near:
        return say("there is no verb {name}; did you mean {near}?", name=name, near=f"{group} {near[0]}".strip())
    return say("there is no verb {name}; there are {verbs}", name=name, verbs=", ".join(known))


class VerbGroup(_Helped, click.Group):
    """A verb with verbs below it."""

    def __init__(self, name: str, *, help: str | None = None, context_settings: dict[str, Any]) -> None:
        super().__init__(
            name, help=help, short_help=help, subcommand_metavar="VERB ...", context_settings=context_settings
        )

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            raise InvalidArgument(unknown(args[0], names, ctx.command_path))
        return super().resolve_command(ctx, args)

    def summaries(self) -> list[tuple[str, str]]:
        return [(name, say(getattr(self.commands[name], "english", ""))) for name in self.commands]


class ListingGroup(VerbGroup):
    """A verb with verbs below it, which lists if none of them is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_verb = args and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        if not is_verb and not ctx.resilient_parsing:  # that is completion, which needs the verbs
            args = ["ls", *args]
        return super().parse_args(ctx, args)


def verb(
    name: str,
    *,
    summary: str | None = None,
    text: str | Sequence[str] = (),
    examples: Sequence[Example] = (),
    changes: bool = False,
    settings: dict[str, Any] | None = None,
    kind: type[VerbCommand] = VerbCommand,
) -> Callable[[Callable[Concatenate[Context, P], int | None]], VerbCommand]:
    """Decorator that makes a verb of a function of (Context, arguments and options).

    summary: the verb's line of help; that of a top verb is in ``verbs``.  text: paragraphs of help.  changes: add
    --dry-run.  kind: a VerbCommand that reads its arguments in its own way.
    """

    def decorate(function: Callable[Concatenate[Context, P], int | None]) -> VerbCommand:
        def call(*arguments: P.args, **values: P.kwargs) -> int | None:
            return function(click.get_current_context().ensure_object(Context), *arguments, **values)

        update_wrapper(call, function)
        common(changes)(call)
        parameters = list(reversed(call.__click_params__))  # type: ignore[attr-defined]  # click sets it
        english = VERBS[name].summary if summary is None else summary
        made = kind(
            name,
            callback=call,
            params=parameters,
            help=say(english),
            short_help=say(english),
            context_settings={**SETTINGS, **(settings or {})},
        )
        _describe(made, english, text, examples)
        return made

    return decorate


def family(
    name: str, *, text: str | Sequence[str] = (), examples: Sequence[Example] = (), kind: type[VerbGroup] = VerbGroup
) -> VerbGroup:
    """A verb with verbs below it; ``add_command`` adds them."""
    english = VERBS[name].summary
    made = kind(name, help=say(english), context_settings=SETTINGS)
    _describe(made, english, text, examples)
    return made


def _describe(made: _Helped, english: str, text: str | Sequence[str], examples: Sequence[Example]) -> None:
    made.english = english
    made.paragraphs = (text,) if isinstance(text, str) else tuple(text)
    made.examples = tuple(examples)
