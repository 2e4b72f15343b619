"""uvideo cp and uvideo mv."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypedDict

import click

from uvideo.cli.address import Address, Local, Pipe, parse
from uvideo.cli.chosen import Chosen, FilterOptions, chosen, filters
from uvideo.cli.compare import Comparison
from uvideo.cli.context import Context
from uvideo.cli.copy_item import Mover, MoverOptions
from uvideo.cli.destinations import Destinations
from uvideo.cli.etags import Etags
from uvideo.cli.i18n import say
from uvideo.cli.progress import display
from uvideo.cli.space import CLASSES
from uvideo.cli.stored_headers import HeaderOptions, headers, headers_of
from uvideo.cli.unfinished_copy import Remainder, UnfinishedCopy
from uvideo.cli.verb_command import Example, Function, literal, option, store, verb
from uvideo.cli.walk import FolderReader, WalkReport
from uvideo.errors import InvalidArgument
from uvideo.transfer.walk import LINKS, Links, check_links

__all__ = [
    "PropertyOptions",
    "RateOptions",
    "SelectionOptions",
    "cp",
    "empty_dirs",
    "folder_reader",
    "mover_options",
    "mv",
    "pairs",
    "properties",
    "rates",
    "selection",
    "times",
    "with_properties",
]

if TYPE_CHECKING:
    from typing_extensions import NotRequired, Unpack


JOBS = 8


class SelectionOptions(FilterOptions):
    """The values of the options that ``selection`` adds."""

    links: str
    skip_special: bool
    empty_dirs: NotRequired[bool]


class RateOptions(TypedDict):
    """The values of the options that ``rates`` adds."""

    jobs: int
    part_jobs: int | None
    bwlimit: str | None


class PropertyOptions(HeaderOptions):
    """The values of the options that ``properties`` adds."""

    meta: tuple[str, ...]
    storage_class: str | None
    mime: str | None


class MoveOptions(SelectionOptions, RateOptions, PropertyOptions):
    """The values of the options that ``moving`` adds, without sources and target."""

    recursive: bool
    no_clobber: bool
    update: bool
    size_only: bool


def selection(function: Function) -> Function:
    """Adds the options of ``filters``, --links and --skip-special."""
    option("--skip-special", is_flag=True, help="Skip pipes, sockets and devices in folders; else they fail.")(function)
    option(
        "--links",
        type=click.Choice(LINKS),
        default="inside",
        help="Links in folders to follow: all, those that stay inside the folder, or none.",
    )(function)
    return filters(function)


def folder_reader(
    context: Context,
    options: SelectionOptions,
    links: Links | Literal["files"] | None = None,
    like: Chosen | None = None,
    report: WalkReport | None = None,
) -> FolderReader:
    """The FolderReader for the options that ``selection`` adds.

    links, like, report: in place of --links, the filters and the context's report.
    """
    followed = check_links(options["links"]) if links is None else links
    state = context.client.settings.state()
    empty, special = options.get("empty_dirs", False), options["skip_special"]
    return FolderReader(report or context.report, like or chosen(options), followed, special, state, empty)


def rates(function: Function) -> Function:
    """Adds the options --jobs, --part-jobs, --bwlimit and --no-verify."""
    option("--no-verify", is_flag=True, expose_value=False, callback=store, help="Do not verify etags.")(function)
    option("--bwlimit", metavar="RATE", help="Bytes per second of all transfers together, for example 10M.")(function)
    option("--part-jobs", type=click.IntRange(1, 64), help="Number of parts of one file at a time. [default: 4]")(
        function
    )
    jobs = option("--jobs", "-j", type=click.IntRange(1, 256), default=JOBS, help="Number of files at a time.")
    return jobs(function)


#: The option --empty-dirs.
empty_dirs = option("--empty-dirs", is_flag=True, help="Include empty folders, as empty objects that end with /.")


def times(function: Function) -> Function:
    """Adds the option --no-times."""
    return option(
        "--no-times",
        is_flag=True,
        expose_value=False,
        callback=store,
        help="Neither store nor restore modification times of files.",
    )(function)


def pairs(texts: Iterable[str]) -> dict[str, str] | None:
    """The metadata of options k=v; None without any."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidArgument(say("--meta {text}: write name=value", text=text))
        if value != value.strip(" \t"):
            raise InvalidArgument(
                say("--meta {text}: the value begins or ends with a blank, which HTTP does not keep", text=text)
            )
        found[name.lower()] = value
    return found or None


def properties(function: Function) -> Function:
    """Adds the options --meta, --class and --mime, and those of ``headers``."""
    option("--mime", metavar="TYPE", help="Media type; by default guessed from name, then content.")(function)
    option(
        "--class",
        "storage_class",
        type=CLASSES,
        help="Storage class of the new objects.",
    )(function)
    headers(function)
    return option("--meta", multiple=True, metavar="NAME=VALUE", help="Metadata of the new objects. Repeatable.")(
        function
    )


def with_properties(options: PropertyOptions, given: MoverOptions) -> MoverOptions:
    """The MoverOptions with the values of the options that ``properties`` adds."""
    return replace(
        given,
        metadata=pairs(options["meta"]),
        headers=headers_of(options),
        storage_class=options["storage_class"],
        mime=options["mime"],
    )


def mover_options(context: Context, options: RateOptions) -> MoverOptions:
    """The MoverOptions for the options that ``rates`` adds."""
    from uvideo import Limit

    limit = None if options["bwlimit"] is None else Limit(options["bwlimit"])
    return MoverOptions(
        jobs=options["jobs"],
        part_jobs=options["part_jobs"],
        limit=limit,
        verify=not context.no_verify,
        times=not context.no_times,
    )


def moving(function: Function) -> Function:
    """Adds the arguments and options that cp and mv share."""
    for decorate in reversed(
        (
            click.argument("sources", nargs=-1, required=True, metavar="SOURCE..."),
            click.argument("target", metavar="TARGET"),
            literal,
            option("--recursive", "-r", "-R", is_flag=True, help="Include folders, with their contents."),
            selection,
            empty_dirs,
            option("--no-clobber", "-n", is_flag=True, help="Do not overwrite existing targets."),
            option("--update", "-u", is_flag=True, help="Skip items whose target is as new as the source, or newer."),
            option("--size-only", is_flag=True, help="Skip items whose target has the same size."),
            properties,
            times,
            rates,
        )
    ):
        function = decorate(function)
    return function


def _is_output(path: str) -> bool:
    """Whether a path, for example /dev/stdout, is the file of standard output."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(1)) and not os.path.samefile(path, os.devnull)
    except OSError:
        return False


def _move(context: Context, move: bool, sources: tuple[str, ...], target: str, **options: Unpack[MoveOptions]) -> int:
    report = context.report
    if options["update"] and options["size_only"]:
        raise InvalidArgument(say("{one} and {other} cannot be combined", one="--update", other="--size-only"))
    to = parse(target)
    if isinstance(to, Local) and _is_output(to.path):
        to = Pipe(to.path)
    if isinstance(to, Pipe):
        report.out = report.err  # standard output is for the object's bytes
    given = [parse(each, context.literal) for each in sources]
    if options["files_from"] == "-" and any(isinstance(each, Pipe) and each.path is None for each in given):
        raise InvalidArgument(say("only one option can read standard input"))
    if len(given) == 1 and isinstance(given[0], Local) and given[0].is_pipe:
        given = [Pipe(given[0].path)]
    if move and (isinstance(to, Pipe) or any(isinstance(each, Pipe) for each in given)):
        raise InvalidArgument(say("a pipe cannot be moved: uvideo cp copies to and from it"))
    wanted = replace(
        with_properties(options, mover_options(context, options)),
        keep=options["no_clobber"],
        move=move,
        update=options["update"],
        size_only=options["size_only"],
    )
    reader = folder_reader(context, options)
    destinations = Destinations(context.client, given, to, options["recursive"], reader, context.dry_run)
    context.goes_on = not any(isinstance(each, Pipe) for each in (*given, to))
    unfinished = _unfinished(context, given, to, options) if destinations.is_many and not move else None
    one_space = len({getattr(each, "space", None) for each in given}) == 1
    with ExitStack() as stack:
        shown = stack.enter_context(display(context))
        etags = None if unfinished is None else stack.enter_context(closing(Etags()))
        shared = move and not context.dry_run and destinations.share_files()
        mover = Mover(context, wanted, shown, etags, one_space=one_space, shared=shared)
        comparison = None
        if unfinished is not None and etags is not None:
            if not context.dry_run:
                unfinished.begin()
            if unfinished.exists:
                report.tell(say("an earlier run of this command did not finish: what is the same is skipped"))
                comparison = Comparison(etags, context.cancel, shown)
        if comparison is not None or wanted.update or wanted.size_only:
            Remainder(context, mover, wanted, comparison, shown).carry(destinations.tasks(mover.refuse))
        else:
            mover.carry(destinations.tasks(mover.refuse))
        if unfinished is not None and not (report.failed or context.dry_run):
            unfinished.finish()
    if mover.done + mover.skipped + report.failed != 1 or report.links or report.special or report.json:
        mover.summary()
    return report.finish(mover.done + mover.skipped)


def _unfinished(context: Context, sources: Sequence[Address], target: Address, options: MoveOptions) -> UnfinishedCopy:
    """The record of this copy.  Two commands are the same if they make the same objects or files."""
    settings = context.client.settings
    places = [os.path.abspath(each.path) if isinstance(each, Local) else str(each) for each in (*sources, target)]
    apart = ("jobs", "part_jobs", "bwlimit")
    given = {name: value for name, value in options.items() if name not in apart}
    names = ["literal"] if context.literal else []
    return UnfinishedCopy(settings.state(), [settings.place(), places, given, *names])


SLASHES = (
    "The target is a folder if it ends with / (also a whole space), if it is a local folder, or if the source is "
    "a folder, a pattern or several items. Then each item keeps its name. Otherwise the target is the new name of "
    "the item. With -r, the contents of SOURCE are copied to TARGET, with or without a slash after SOURCE; with "
    "several sources, each folder keeps its name."
)
PATTERNS = (
    "Local paths and objects may contain patterns: * and ? do not match /, ** does, [a-z] and {a,b} work as in a "
    "shell. Quote them. The name of an existing file or object is never a pattern. --include and --exclude match "
    "the path below SOURCE: *.mp4 in every folder, /a/* from the top, tmp/ everything in such folders."
)
AGAIN = (
    "To continue an interrupted transfer, run the same command again. A copy of many items then skips what the target "
    "already has with the same content, and says how many items it skipped."
)


@verb(
    "cp",
    text=(SLASHES, PATTERNS, AGAIN),
    examples=[
        Example("A file to a space, under its own name:", "uvideo cp movie.mp4 uvideo://demo/"),
        Example(
            "A folder with all its files except temporary ones:",
            "uvideo cp -r videos uvideo://demo/videos --exclude '*.tmp'",
        ),
        Example("And back:", "uvideo cp -r uvideo://demo/videos copy-of-videos"),
        Example("All films of a space, in every folder:", "uvideo cp 'uvideo://demo/**/*.mp4' films/"),
        Example(
            "From one space to another, without the bytes passing through this machine:",
            "uvideo cp -r uvideo://demo/ uvideo://backup/demo/",
        ),
        Example(
            "Store the output of a program, and read it into another one:",
            "tar c videos | uvideo cp - uvideo://demo/videos.tar\nuvideo cp uvideo://demo/videos.tar - | tar t",
        ),
        Example(
            "At most 10 MiB per second, in a cheaper class, with metadata:",
            "uvideo cp movie.mp4 uvideo://demo/old/ --bwlimit 10M --class IA --meta title=old",
        ),
    ],
    changes=True,
)
@moving
def cp(context: Context, sources: tuple[str, ...], target: str, **options: Unpack[MoveOptions]) -> int:
    return _move(context, False, sources, target, **options)


@verb(
    "mv",
    text=(
        "The source is removed only after its copy was verified, and only if it did not change meanwhile. Empty "
        "folders are not removed. Within a space objects are renamed, and nothing is copied.",
        SLASHES,
        PATTERNS,
    ),
    examples=[
        Example("Rename an object:", "uvideo mv uvideo://demo/a.txt uvideo://demo/b.txt"),
        Example("Move local files to a space:", "uvideo mv 'logs/*.log' uvideo://demo/logs/"),
        Example("Move a folder of a space to another one:", "uvideo mv -r uvideo://demo/videos uvideo://backup/videos"),
    ],
    changes=True,
)
@moving
def mv(context: Context, sources: tuple[str, ...], target: str, **options: Unpack[MoveOptions]) -> int:
    return _move(context, True, sources, target, **options)
