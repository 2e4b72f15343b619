"""uvideo rm, and the deleting and asking that other verbs share."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from uvideo import errors
from uvideo.cli.address import Remote, remote
from uvideo.cli.ask import confirmed, yes
from uvideo.cli.chosen import FilterOptions, chosen, filters
from uvideo.cli.context import Context
from uvideo.cli.destinations import Pattern, expand
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind
from uvideo.cli.verb_command import Example, literal, option, verb
from uvideo.cli.walk import Entry, check_inside
from uvideo.errors import InvalidArgument, LocalFailure, UVideoError
from uvideo.transfer.fatal_errors import CircuitBreaker
from uvideo.transfer.pool import Pool

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DELETED", "delete_all", "rm"]

JOBS = 16

DELETED = Kind(
    "deleted",
    {"target": "string", "bytes": "integer", "dry_run": "boolean"},
    lambda record: say("would delete {target}" if record["dry_run"] else "deleted {target}", target=record["target"]),
)


def _unlink(path: str, entry: Entry) -> None:
    """Remove a file.  LocalFailure if it is not that of the entry any more."""
    if not os.path.islink(path) and os.lstat(path).st_mtime_ns != entry.mtime_ns:
        raise LocalFailure(say("it changed meanwhile, so it was not removed"))
    os.unlink(path)


def _is_filled(error: Exception) -> bool:
    """Whether a folder was not removed because it is not empty any more; then it stays."""
    return isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST)


def delete_all(context: Context, entries: Iterable[Entry], jobs: int, one_space: bool = True) -> int:
    """Delete objects and files, several at a time; return how many.  Failures are printed and counted.

    one_space: as in CircuitBreaker.
    """
    report, client, lock = context.report, context.client, threading.Lock()
    count = 0

    def one(entry: Entry) -> None:
        nonlocal count
        place, target = entry.place, str(entry.place)
        try:
            if not context.dry_run:
                if isinstance(place, str):
                    if entry.within is not None:
                        check_inside(entry.within, os.path.dirname(place))  # the link itself may be removed
                    if entry.is_marker:
                        os.rmdir(place)
                    else:
                        _unlink(place, entry)
                else:
                    context.cancel.check()
                    client.delete(place.space, place.key)
        except (UVideoError, OSError) as error:
            if isinstance(error, errors.Cancelled) or (entry.is_marker and _is_filled(error)):
                return
            report.fail(error, target)
            if breaker.failed(error):
                pool.stop()
            return
        breaker.succeeded()
        with lock:
            count += 1
        report.item(DELETED, target=target, bytes=entry.size, dry_run=context.dry_run)

    breaker = CircuitBreaker(jobs, one_space=one_space)
    pool = Pool(one, jobs, context.cancel)
    pool.run(entries)
    report.ended_early(pool)
    return count


def _is_all(address: Remote) -> bool:
    """Whether an address means all objects of its space."""
    return not set(address.key) - set("/" if address.literal else "*/")


def _names(address: Remote, places: Iterable[Remote]) -> bool:
    """Whether an address stands for any of these objects."""
    keys = (each.key for each in places if each.space == address.space)
    if address.is_pattern:
        return any(map(Pattern(address.key, below=True).match, keys))
    return any(key == address.key or key.startswith(address.key.rstrip("/") + "/") for key in keys)


@verb(
    "rm",
    text=(
        "Removed objects cannot be restored. -r removes all objects in a folder, a pattern removes all matching "
        "objects; both ask on a terminal. Only --all empties a whole space.",
    ),
    examples=[
        Example("One object:", "uvideo rm uvideo://demo/old.mp4"),
        Example("Show what would be removed:", "uvideo rm -r uvideo://demo/videos --dry-run"),
        Example("Every temporary file of a space:", "uvideo rm 'uvideo://demo/**/*.tmp' -y"),
        Example("Everything in a space:", "uvideo rm -r uvideo://backup --all -y"),
    ],
    changes=True,
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@literal
@option("--recursive", "-r", "-R", is_flag=True, help="Remove all objects in a folder.")
@option("--all", "everything", is_flag=True, help="Remove every object of a space.")
@option("--force", "-f", is_flag=True, help="Do not fail if an object does not exist.")
@yes
@option("--jobs", "-j", type=click.IntRange(1, 256), default=JOBS, help="Number of objects at a time.")
@filters
def rm(
    context: Context,
    addresses: tuple[str, ...],
    recursive: bool,
    everything: bool,
    force: bool,
    jobs: int,
    **options: Unpack[FilterOptions],
) -> int:
    began = time.monotonic()
    given = [remote(each, context.literal) for each in addresses]
    selected, report = chosen(options), context.report
    for each in given:
        if not (recursive or each.key):
            raise InvalidArgument(say("{address} is a whole space: give -r --all to empty it", address=each))
        if _is_all(each) and not everything:
            raise InvalidArgument(say("{address} means every object of the space: that needs --all", address=each))
    many = recursive or any(each.is_pattern for each in given)
    if many:
        question = say("delete all objects at {addresses}?", addresses=", ".join(str(each) for each in given))
        if not confirmed(context, question):
            return 1

    seen = set[Remote]()  # of several addresses, which may have objects in common

    def refuse(error: BaseException, item: str) -> None:
        is_absent = isinstance(error, (errors.NotFound, FileNotFoundError))
        if not (is_absent and (force or any(_names(each, seen) for each in given if str(each) == item))):
            report.fail(error, item)

    def entries() -> Iterator[Entry]:
        for each in given:
            for entry in expand(context.client, each, recursive, refuse, chosen=selected):
                if len(given) > 1 and isinstance(entry.place, Remote):
                    if entry.place in seen:
                        continue
                    seen.add(entry.place)
                if selected.takes(entry.name):
                    selected.saw(entry.name)
                    if entry.fits(selected):
                        yield entry
        for error, missing in selected.missing():
            refuse(error, missing)

    deleted = delete_all(context, entries(), jobs, one_space=len({each.space for each in given}) == 1)
    if many or report.json:
        report.summary(done=0, deleted=deleted, seconds=time.monotonic() - began, dry_run=context.dry_run)
    return report.finish(deleted)
