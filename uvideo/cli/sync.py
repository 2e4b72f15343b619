"""uvideo sync and uvideo apply."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from uvideo import same_etag
from uvideo.cli.address import Address, Local, Pipe, Remote, parse, whole_folder
from uvideo.cli.ask import confirmed, yes
from uvideo.cli.backup import Backup, check_backup
from uvideo.cli.compare import Comparison, is_as_new, may_be_same, merge, without_markers
from uvideo.cli.context import Context
from uvideo.cli.copy_item import Mover, Task
from uvideo.cli.cp import (
    RateOptions,
    SelectionOptions,
    empty_dirs,
    folder_reader,
    mover_options,
    rates,
    selection,
    times,
)
from uvideo.cli.destinations import nothing
from uvideo.cli.display import Display
from uvideo.cli.etags import Etags
from uvideo.cli.i18n import say
from uvideo.cli.plan import PlanHeader, PlanWriter, Step, read
from uvideo.cli.progress import display
from uvideo.cli.report import Kind, size
from uvideo.cli.rm import delete_all
from uvideo.cli.stored_headers import HeaderOptions, headers, headers_of
from uvideo.cli.verb_command import Example, option, verb
from uvideo.cli.walk import Entry, check_inside, objects, one_file
from uvideo.errors import Cancelled, InvalidArgument, NotFound, UVideoError
from uvideo.transfer import file_time
from uvideo.transfer.folders import FolderTarget

__all__ = ["apply", "sync"]

if TYPE_CHECKING:
    from typing_extensions import Unpack

MAX_DELETE = 1000

PLANNED = Kind(
    "planned",
    {"action": "string", "source": "string?", "target": "string", "bytes": "integer"},
    lambda record: say(
        "{action} {target}, {size}", action=record["action"], target=record["target"], size=size(record["bytes"])
    ),
)


#: An entry of the source, its target, and the target's present entry.
Pair = tuple[Entry, Remote | str, Entry | None]


class SyncOptions(SelectionOptions, RateOptions, HeaderOptions):
    """The options of ``sync``, except those that are used only once."""

    delete: bool
    max_delete: int
    size_only: bool
    times: bool
    checksum: bool
    plan: str | None
    backup_dir: str | None


class Guarded(UVideoError):
    """The sync would delete more than it may."""


def _folder(text: str) -> Local | Remote:
    """The Address of one side of a sync: a local folder or a prefix."""
    found = parse(text)
    if isinstance(found, Pipe):
        raise InvalidArgument(say("{text}: only whole folders can be given, not patterns or pipes", text=text))
    return whole_folder(found)


class Sync:
    """One sync: compares two sides and makes the target equal to the source."""

    def __init__(self, context: Context, source: Local | Remote, target: Local | Remote, options: SyncOptions) -> None:
        self._context, self._source, self._target = context, source, target
        self._options, self._plan = options, options["plan"]
        self._reader = folder_reader(context, options)
        # Files behind a link in the target are not part of the target and must never be deleted.
        self._target_reader = folder_reader(context, options, links="files", like=self._reader.chosen)
        self._mover_options = replace(mover_options(context, options), headers=headers_of(options))
        self._report = context.report
        self._surplus: list[Entry] = []
        self._surplus_count = self._seen = 0
        self._lock = threading.Lock()
        self._writer: PlanWriter | None = None
        self._etags = Etags(fresh=options["checksum"])
        self._folder: FolderTarget | None = None
        self._backup: Backup | None = None
        self._empty_dirs = options.get("empty_dirs", False)

    # Listings

    def _entries(self, side: Local | Remote) -> Iterator[Entry]:
        if isinstance(side, Remote):
            found: Iterable[Entry] = objects(
                self._context.client, side.space, side.key, names=self._reader.chosen.names()
            )
        elif os.path.isdir(side.path):
            found = (self._reader if side is self._source else self._target_reader).files(side.path)
        else:
            found = ()
        for entry in found if self._empty_dirs else without_markers(found):
            if not entry.name:
                continue
            if not self._reader.chosen.takes(entry.name) or self._is_plan(entry):
                continue
            if side is self._source:
                self._seen += 1
                self._reader.chosen.saw(entry.name)
            yield entry

    def _is_plan(self, entry: Entry) -> bool:
        """Whether an entry is the plan file of an earlier run, which this run overwrites."""
        if self._plan is None or entry.path is None:
            return False
        if os.path.basename(entry.path) != os.path.basename(self._plan):
            return False
        return os.path.realpath(entry.path) == os.path.realpath(self._plan)

    def _pairs(self) -> Iterator[Pair]:
        """A Pair for each entry of the source.  Entries that only the target has are collected for deletion.

        What has the name of a skipped file or link of the source, or of one below it, stays.
        """
        for ours, theirs in merge(self._entries(self._source), self._entries(self._target)):
            known = theirs if ours is None else ours  # bounds of the source's item decide for the target's, too
            if known is not None and not known.fits(self._reader.chosen):
                continue
            if ours is not None:
                try:
                    if (place := self._place(ours)) is not None:
                        yield ours, place, theirs
                except (UVideoError, OSError) as error:
                    self._report.fail(error, str(ours.place))
            elif theirs is not None and self._options["delete"] and not self._stays(theirs):
                self._surplus_count += 1
                if self._surplus_count <= self._options["max_delete"]:
                    self._surplus.append(theirs)
        for missing, name in self._reader.chosen.missing():
            self._report.fail(missing, name)

    def _stays(self, theirs: Entry) -> bool:
        """Whether what only the target has must not be deleted."""
        if self._reader.hides(theirs.name):
            return True
        source = self._source
        return theirs.is_marker and isinstance(source, Local) and os.path.isdir(os.path.join(source.path, theirs.name))

    # Decisions

    def _place(self, entry: Entry) -> Remote | str | None:
        """The target of an entry; None for an empty folder of a local target, which is made at once."""
        if isinstance(self._target, Remote):
            return Remote(self._target.space, self._target.key + entry.name)
        if self._folder is None:
            self._folder = FolderTarget(self._target.path, self._is_trial)
        return self._folder.place(entry.name, entry.size)

    def _is_same(self, ours: Entry, theirs: Entry, comparison: Comparison) -> bool:
        if self._options["size_only"]:
            return ours.size == theirs.size
        if self._options["times"] and ours.size == theirs.size and ours.file_ns == theirs.file_ns is not None:
            return True
        found = comparison.same(ours, theirs)
        if found is None:  # their contents cannot be compared
            return not self._options["checksum"] and is_as_new(theirs, ours, self._mover_options.times)
        if found and self._options["times"]:
            self._set_time(theirs, ours.file_ns)
        return found

    def _set_time(self, entry: Entry, ns: int | None) -> None:
        """Give a file of the target the time of its equal source, if that is known."""
        if entry.path is None or ns is None or self._is_trial or not self._mover_options.times:
            return
        if entry.within is not None:
            check_inside(entry.within, entry.path)
        if os.stat(entry.path).st_mtime_ns == entry.mtime_ns:
            file_time.restore(entry.path, file_time.encoded(ns))

    # Actions

    def run(self) -> int:
        self._check()
        try:
            if self._plan is None:
                return self._run()
            head = PlanHeader(_written(self._source), _written(self._target), _endpoint(self._context))
            with PlanWriter(self._plan, head) as self._writer:
                code = self._run()
                if self._report.failed:
                    raise Guarded(say("the plan would not be complete, so it is not written"))
                return code
        finally:
            self._etags.close()

    def _check(self) -> None:
        if isinstance(self._source, Local) and not os.path.isdir(self._source.path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._source.path)
        if isinstance(self._source, Local) and isinstance(self._target, Local):
            raise InvalidArgument(say("neither side is an object uvideo://space/key: use the system's cp"))
        if isinstance(self._source, Remote) and isinstance(self._target, Remote):
            if self._source.space == self._target.space:
                one, other = self._source.key, self._target.key
                if one.startswith(other) or other.startswith(one):
                    raise InvalidArgument(say("source and target contain one another"))
        if self._options["delete"] and not (self._context.yes or self._context.interactive or self._is_trial):
            raise InvalidArgument(say("--delete asks before it deletes; without a terminal it needs -y"))
        if self._empty_dirs and self._plan is not None:
            raise InvalidArgument(say("{one} and {other} cannot be combined", one="--empty-dirs", other="--plan"))
        if self._options["backup_dir"] is not None:
            if self._plan is not None:
                raise InvalidArgument(say("{one} and {other} cannot be combined", one="--backup-dir", other="--plan"))
            place = check_backup(parse(self._options["backup_dir"]), self._source, self._target)
            self._backup = Backup(self._context, place, self._mover_options)

    @property
    def _is_trial(self) -> bool:
        return self._context.dry_run or self._plan is not None

    def _run(self) -> int:
        context, report = self._context, self._report
        with display(context) as shown:
            mover = Mover(context, self._mover_options, shown, self._etags)
            comparison = Comparison(self._etags, context.cancel, shown)
            pairs = shown.early(self._pairs(), lambda pair: shown.expect(0 if _is_open(pair) else pair[0].size))
            mover.run(pairs, lambda pair: self._one(pair, mover, comparison, shown))
        if not self._seen and not report.failed:
            if isinstance(self._source, Remote):
                raise nothing(self._source)
            if self._options["delete"]:
                raise Guarded(say("the source {source} is empty: nothing is deleted", source=self._source))
        deleted = self._remove() if self._surplus_count else 0
        if self._writer is None or report.json:
            mover.summary(deleted, self._is_trial)
        return report.finish(mover.done + mover.skipped)

    def _one(self, pair: Pair, mover: Mover, comparison: Comparison, shown: Display) -> None:
        ours, to, theirs = pair
        source = str(ours.place)
        try:
            if theirs is not None and self._is_same(ours, theirs, comparison):
                mover.skip(source, str(to), "same")
                shown.item()
                return
        except (UVideoError, OSError) as error:
            if not (self._context.cancel.is_set() and isinstance(error, Cancelled)):
                self._report.fail(error, source)
            shown.item()
            return
        if _is_open(pair):
            shown.more(ours.size)
        if self._writer is not None:
            action = "copy" if ours.path is None and isinstance(to, Remote) else "upload" if ours.path else "download"
            with self._lock:
                self._writer.add(Step(action, to, ours, theirs))
                mover.done += 1
                mover.bytes += ours.size
                self._report.item(PLANNED, action=action, source=source, target=str(to), bytes=ours.size)
            shown.item(ours.size)
            return
        task = Task(ours, to, within=self._target.path if isinstance(self._target, Local) else None)
        if self._backup is None or theirs is None:
            mover(task)
        elif not self._backup.before(theirs, lambda: mover(task)):
            shown.item(ours.size)

    def _remove(self) -> int:
        """Delete the entries that only the target has; return how many."""
        if self._report.failed:
            self._report.tell(
                say(
                    "{count} surplus items were not deleted because other items failed: run the command again",
                    count=self._surplus_count,
                )
            )
            return 0
        if self._surplus_count > self._options["max_delete"]:
            raise Guarded(
                say(
                    "{count} items would be deleted, more than --max-delete {most}: nothing is deleted",
                    count=self._surplus_count,
                    most=self._options["max_delete"],
                )
            )
        if self._writer is not None:
            for entry in self._surplus:
                self._writer.add(Step("delete", entry.place, None, entry))
                self._report.item(PLANNED, action="delete", source=None, target=str(entry.place), bytes=entry.size)
            return len(self._surplus)
        question = say("delete {count} items from {target}?", count=self._surplus_count, target=self._target)
        if not confirmed(self._context, question):
            return 0
        if self._backup is not None:
            folders = (each for each in self._surplus if _is_empty_folder(each))
            moved = self._backup.move(each for each in self._surplus if not _is_empty_folder(each))
            return moved + delete_all(self._context, folders, self._options["jobs"])
        return delete_all(self._context, self._surplus, self._options["jobs"])


def _is_open(pair: Pair) -> bool:
    """Whether the sizes of the two sides leave open if something is to be transferred."""
    ours, _, theirs = pair
    return theirs is not None and may_be_same(ours, theirs)


def _is_empty_folder(entry: Entry) -> bool:
    return entry.is_marker and entry.path is not None


def _written(side: Address) -> str:
    return os.path.abspath(side.path) if isinstance(side, Local) else str(side)


def _endpoint(context: Context) -> str:
    hosts = context.client.settings.hosts()
    return f"{hosts.upload.scheme}://{hosts.upload.host}"


@verb(
    "sync",
    text=(
        "Copies missing and different files from a folder to uvideo://space/prefix, back, or between two "
        "prefixes. Two files are the same if size and content are equal. The content of local files is compared "
        "by etag, which is computed here and reused until size, times or inode change; --checksum computes all of "
        "them anew. --delete removes items that only TARGET has, after everything was copied without failure. It "
        "refuses an empty source and more than --max-delete items, and asks on a terminal.",
        "--plan FILE changes nothing and writes a plan; uvideo apply FILE carries it out.",
    ),
    examples=[
        Example("A folder to a space:", "uvideo sync videos uvideo://demo/videos"),
        Example("Only show what would be done:", "uvideo sync videos uvideo://demo/videos --delete --dry-run"),
        Example(
            "Review a plan, then carry it out:",
            "uvideo sync videos uvideo://demo/videos --delete --plan plan.jsonl\nuvideo apply plan.jsonl -y",
        ),
        Example("A local mirror of a space:", "uvideo sync uvideo://demo/ mirror --delete -y"),
        Example(
            "The same, with a backup of what is overwritten or deleted:",
            "uvideo sync uvideo://demo/ mirror --delete -y --backup-dir mirror-before-$(date +%F)",
        ),
        Example(
            "Synchronize one space with another, by size only:",
            "uvideo sync uvideo://demo/ uvideo://backup/ --size-only",
        ),
    ],
    changes=True,
)
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="TARGET")
@option("--delete", is_flag=True, help="Remove items that only TARGET has.")
@option(
    "--max-delete",
    type=click.IntRange(0),
    default=MAX_DELETE,
    metavar="N",
    help="Delete nothing if more items would be deleted.",
)
@yes
@option("--size-only", is_flag=True, help="Compare sizes only.")
@option("--times", is_flag=True, help="Compare sizes and times, and content only if the times differ.")
@option("--checksum", is_flag=True, help="Compare content by etags computed anew, without the cache.")
@empty_dirs
@option("--backup-dir", metavar="PLACE", help="Move here what would be overwritten or deleted.")
@option("--plan", metavar="FILE", help="Change nothing; write a plan to this file.")
@selection
@headers
@times
@rates
def sync(context: Context, source: str, target: str, **options: Unpack[SyncOptions]) -> int:
    given = {"--checksum": options["checksum"], "--size-only": options["size_only"], "--times": options["times"]}
    ways = [name for name, is_given in given.items() if is_given]
    if len(ways) > 1:
        raise InvalidArgument(say("{one} and {other} cannot be combined", one=ways[0], other=ways[1]))
    context.goes_on = True
    return Sync(context, _folder(source), _folder(target), options).run()


# Applying a plan


def _now(context: Context, place: Remote | str) -> Entry | None:
    """The present entry of a place; None if it does not exist."""
    if isinstance(place, str):
        return one_file(place, "") if os.path.lexists(place) else None
    try:
        found = context.client.stat(place.space, place.key)
    except NotFound:
        return None
    return Entry("", found.size, place, etag=found.etag)


def _is_pending(context: Context, head: PlanHeader, step: Step, etags: Etags) -> bool:
    """Whether a step is still to be done.  Changed if its source or target differs from the plan."""
    if isinstance(step.to, str):
        check_inside(head.target, os.path.dirname(step.to))
    now = _now(context, step.to)
    if step.source is None:
        if now not in (None, step.target):
            raise Changed(say("{path} changed since the plan was made", path=step.to))
        return now is not None
    source = _now(context, step.source.place)
    if source != step.source:
        raise Changed(say("{path} changed since the plan was made", path=step.source.place))
    if now == step.target:
        return True
    if now is not None and now.size == step.source.size:
        one, other = (each.etag if each.path is None else etags.of(each, context.cancel) for each in (step.source, now))
        if same_etag(one, other, now.size):
            return False  # done by an earlier run
    raise Changed(say("{path} changed since the plan was made", path=step.to))


class Changed(UVideoError):
    """The source or target of a step changed after the plan was made."""


@verb(
    "apply",
    text=(
        "Carries out the plan of `uvideo sync --plan FILE`. A step whose source or target changed since then is "
        "refused; the other steps are done. Deletes come last, and only if nothing failed.",
    ),
    examples=[
        Example(
            "Make a plan, look at it, carry it out:",
            "uvideo sync videos uvideo://demo/videos --plan plan.jsonl\nuvideo apply plan.jsonl --dry-run\n"
            "uvideo apply plan.jsonl",
        ),
    ],
    changes=True,
)
@click.argument("file", metavar="FILE")
@yes
@times
@rates
def apply(context: Context, file: str, **options: Unpack[RateOptions]) -> int:
    context.goes_on = True
    plan = read(file)
    head = plan.head
    if head.endpoint != _endpoint(context):
        raise InvalidArgument(
            say("the plan is for {planned}, not for {endpoint}", planned=head.endpoint, endpoint=_endpoint(context))
        )
    report = context.report
    if plan.deletes and not (context.yes or context.interactive or context.dry_run):
        raise InvalidArgument(say("the plan contains deletes; without a terminal it needs -y"))

    def pending(chosen: Iterable[Step]) -> Iterator[Step]:
        for step in chosen:
            try:
                if _is_pending(context, head, step, etags):
                    yield step
                elif step.source is not None:
                    mover.skip(str(step.source.place), str(step.to), "same")
            except (UVideoError, OSError) as error:
                report.fail(error, str(step.to))

    with contextlib.closing(Etags()) as etags:
        with display(context) as shown:
            mover = Mover(context, mover_options(context, options), shown, etags)
            copies = (Task(step.source, step.to) for step in pending(plan.steps(deletes=False)))
            mover.carry(copies, early=False)  # a step is checked just before it is carried out
        deleted = 0
        if plan.deletes and report.failed:
            report.tell(
                say(
                    "{count} surplus items were not deleted because other items failed: run the command again",
                    count=plan.deletes,
                )
            )
        elif plan.deletes and confirmed(
            context, say("delete {count} items from {target}?", count=plan.deletes, target=head.target)
        ):
            surplus = (step.target for step in pending(plan.steps(deletes=True)) if step.target is not None)
            deleted = delete_all(context, surplus, options["jobs"])
    mover.summary(deleted)
    return report.finish(mover.done + deleted)
