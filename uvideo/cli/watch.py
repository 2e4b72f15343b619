"""uvideo watch: uploads the files of a folder as soon as they stop changing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import click

from uvideo.cli import failure
from uvideo.cli.address import Local, Remote, local, remote, whole_folder
from uvideo.cli.chosen import bounds_of, chosen
from uvideo.cli.compare import Comparison, is_as_new
from uvideo.cli.copy_item import Mover, Task
from uvideo.cli.cp import (
    PropertyOptions,
    RateOptions,
    SelectionOptions,
    folder_reader,
    mover_options,
    properties,
    rates,
    selection,
    times,
    with_properties,
)
from uvideo.cli.display import Line
from uvideo.cli.duration import DURATION
from uvideo.cli.etags import Etags
from uvideo.cli.i18n import say
from uvideo.cli.outage import Outage
from uvideo.cli.progress import CommandDisplay, display
from uvideo.cli.report import span
from uvideo.cli.unfinished_copy import TargetLookup
from uvideo.cli.verb_command import Example, option, verb
from uvideo.cli.walk import Entry, one_file
from uvideo.cli.walk_news import WalkNews
from uvideo.cli.watched_file import State, WatchedFile, WatchedFiles, version_of
from uvideo.errors import (
    AccessDenied,
    BadAnswer,
    ConfigurationError,
    InvalidArgument,
    LocalFailure,
    NoAnswer,
    SourceChanged,
    SpaceNotFound,
    TransferBusy,
    TransferInterrupted,
    UploadNotFound,
    UVideoError,
)
from uvideo.transfer.fatal_errors import FATAL

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.cli.context import Context
    from uvideo.cli.display import Display
    from uvideo.models import Progress

__all__ = ["watch"]

#: A listing that takes long is followed by a rest of so many times its duration, but at most LONGEST seconds.
REST, LONGEST = 10, 60.0
#: Seconds after which a rest looks whether there is still something to wait for.
LOOK = 0.5
#: Failures of a file without an answer, each just after the service had answered: so many are the file's own.
ALONE = 3


class WatchOptions(SelectionOptions, RateOptions, PropertyOptions):
    """The options of ``watch``.  settle, interval: seconds."""

    once: bool
    settle: float
    interval: float


class Item(NamedTuple):
    """A file to upload.  present: what the service has in its place."""

    entry: Entry
    file: WatchedFile
    target: Remote
    present: Entry | None


class _HeardLine(Line):
    """Calls heard() when the service has acknowledged a part; passes everything on to another line, if there is one."""

    def __init__(self, label: str, whole: Line | None, heard: Callable[[], None]) -> None:
        super().__init__(lambda line, now: None, label, False)
        self.whole, self._heard = whole, heard
        self._parts: int | None = None

    def __call__(self, now: Progress) -> None:
        if self.whole is not None:
            self.whole(now)
        if self._parts is not None and now.parts_done > self._parts:
            self._heard()
        self._parts = now.parts_done


class _HeardDisplay(CommandDisplay):
    """Another display; heard(label) is called when the service has acknowledged a part of a transfer."""

    def __init__(self, whole: Display, heard: Callable[[str], None]) -> None:
        super().__init__(whole)
        self._heard = heard

    def begin(self, label: str, counts: bool = True) -> Line:
        return _HeardLine(label, super().begin(label, counts), lambda: self._heard(label))

    def end(self, line: Line | None, size: int) -> None:
        super().end(line.whole if isinstance(line, _HeardLine) else line, size)


class FolderWatch:
    """One watch.  The listings are made in the calling thread, the uploads in others."""

    def __init__(self, context: Context, folder: Local, target: Remote, options: WatchOptions) -> None:
        self._context, self._folder, self._target, self._options = context, folder, target, options
        self._report, self._clock = context.report, context.clock
        self._once, self._settle = options["once"], options["settle"]
        self._chosen = chosen(options)
        self._mover_options = with_properties(options, mover_options(context, options))
        self._files, self._outage = WatchedFiles(), Outage()
        self._news = WalkNews(context.report, self._settle)
        self._running: dict[str, WatchedFile] = {}
        self._has_answered = self._is_over = self._is_gone = False
        self._device: int | None = None

    def run(self) -> int:
        """Watch until the user stops it, or with --once until everything is uploaded.  UVideoError, OSError."""
        context, report = self._context, self._report
        if not os.path.isdir(self._folder.path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._folder.path)
        self._ask()
        report.tell(
            say(
                "watching {folder}: what does not change for {time} is uploaded to {target}",
                folder=self._folder,
                time=span(self._settle),
                target=self._target,
            )
        )
        with closing(Etags()) as self._etags, display(context, idle=False) as shown:
            self._display = _HeardDisplay(shown, self._heard)
            self._comparison = Comparison(self._etags, context.cancel, shown)
            self._mover = mover = Mover(
                context, self._mover_options, self._display, self._etags, failed=self._failed_task
            )
            mover.run(self._items(), self._one)
        for path, error in (*self._news.failures(), *self._files.failures()):
            report.count(error, path)
        for missing, name in self._chosen.missing():
            report.fail(missing, name)
        report.links, report.special = self._news.links, self._news.special
        mover.summary()
        return report.finish(mover.done + mover.skipped)

    def _ask(self) -> None:
        """Ask the service once, so that wrong keys or a missing space are noticed at once."""
        try:
            next(iter(self._context.client.list(self._target.space, self._target.key, page_size=1)), None)
        except AccessDenied:  # a key that may only write
            pass
        except UVideoError as error:
            if isinstance(error, ConfigurationError) or not _is_unanswered(error):
                raise
            self._begin_outage(None, error)
            return
        self._has_answered = True

    # Listings

    def _items(self) -> Iterator[Item]:
        """The files to upload, as they settle."""
        while True:
            began = self._clock()
            yield from self._listing(began)
            self._etags.flush()
            if self._is_over or (self._once and not self._is_pending()):
                return
            self._rest(max(self._options["interval"], min(LONGEST, REST * (self._clock() - began))))
            if self._is_over:
                return

    def _is_pending(self) -> bool:
        return self._files.is_pending() or self._news.is_pending()

    def _rest(self, seconds: float) -> None:
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0 and not self._is_over:
            if self._once and not self._is_pending():
                return
            self._context.sleep(min(left, LOOK))

    def _listing(self, now: float) -> Iterator[Item]:
        """List the folder once."""
        if not self._is_there():
            return
        reader = folder_reader(self._context, self._options, like=self._chosen, report=self._news)
        bounds = bounds_of(self._options)  # ages count from now
        self._lookup = TargetLookup(self._context.client, strict=True)  # it remembers what it listed
        self._files.begin()
        self._news.begin(now)
        for entry in reader.files(self._folder.path):
            self._chosen.saw(entry.name)
            if not bounds.fit(entry.size, entry.changed_ns):
                continue
            file = self._files.see(entry, self._clock())
            if file.is_ready(now, self._settle) and self._outage.admits(file, self._clock()):
                item = self._item(entry, file)
                if item is not None:
                    self._display.expect(entry.size)
                    yield item
                if self._is_over:
                    return
        self._files.end()
        self._news.end()

    def _is_there(self) -> bool:
        """Whether the folder can be read; if not, what is known of its files is kept."""
        try:
            os.scandir(self._folder.path).close()
            device = os.stat(self._folder.path).st_dev
        except OSError as error:
            if self._once:
                raise
            if not self._is_gone:
                self._report.tell(
                    say(
                        "{folder} cannot be read ({reason}): the watch goes on when it is back",
                        folder=self._folder,
                        reason=error.strerror,
                    )
                )
            self._is_gone = True
            return False
        if self._is_gone:
            self._report.tell(say("{folder} is back: the watch goes on", folder=self._folder))
        elif self._device not in (None, device):
            self._report.tell(
                say("{folder} is on another file system now: it was mounted or unmounted", folder=self._folder)
            )
        self._is_gone, self._device = False, device
        return True

    def _item(self, entry: Entry, file: WatchedFile) -> Item | None:
        """The Item of a file that has settled; None if the service could not be asked for its target."""
        target = Remote(self._target.space, self._target.key + entry.name)
        present = None
        try:
            present = self._lookup.find(target)
        except AccessDenied:  # a key that may only write: everything is uploaded
            pass
        except (UVideoError, OSError) as error:
            self._failed(file, str(entry.place), error)
            self._outage.release(file)
            return None
        file.state = State.RUNNING
        return Item(entry, file, target, present)

    # Uploads, in other threads

    def _one(self, item: Item) -> None:
        file, path = item.file, str(item.entry.place)
        self._running[path] = file
        try:
            if not self._is_to_upload(item):
                self._display.item(item.entry.size)
            elif self._mover(Task(item.entry, item.target)):
                file.done()
                self._answered()
        except BaseException:
            self._is_over = True
            raise
        finally:
            del self._running[path]
            self._outage.release(file)

    def _is_to_upload(self, item: Item) -> bool:
        """Whether to upload a file; if not, its state says what comes next.  It may have waited long for its turn."""
        entry, file, present = item.entry, item.file, item.present
        if not (self._outage.admits(file, self._clock()) and _is_unchanged(entry)):
            file.wait()
            return False
        try:
            if present is None or not self._is_same(entry, present):
                return True
        except (UVideoError, OSError) as error:
            if not self._context.cancel.is_set():
                self._failed(file, str(entry.place), error)
            return False
        file.done()
        self._mover.skip(str(entry.place), str(item.target), "same")
        self._answered()
        return False

    def _is_same(self, entry: Entry, present: Entry) -> bool:
        found = self._comparison.same(entry, present)
        return is_as_new(present, entry, self._mover_options.times) if found is None else found

    def _heard(self, path: str) -> None:
        """A part of a file was acknowledged."""
        file = self._running.get(path)
        if file is not None:
            file.heard()
        self._answered()

    def _answered(self) -> None:
        self._has_answered = True
        if self._outage.answered():
            self._report.tell(say("the service answers again: uploads go on"))

    # Failures

    def _failed_task(self, task: Task, error: UVideoError | OSError) -> None:
        self._failed(self._running[task.source], task.source, error)

    def _failed(self, file: WatchedFile, path: str, error: UVideoError | OSError) -> None:
        """Decide when a file is tried again.  Raises an error that all files would meet."""
        now = self._clock()
        if self._is_fatal(error):
            raise error
        if isinstance(error, SourceChanged) or not os.path.lexists(path):
            self._report.note(say("{path} changed or was removed while it was uploaded", path=path))
            file.settle_again(now)
        elif isinstance(error, (TransferBusy, UploadNotFound)):  # another process uploads or has aborted it
            if not file.tries:
                self._report.tell(say("{path}: {reason}; it is tried again", path=path, reason=failure.text(error)))
            file.postpone(now)
        elif _is_unanswered(error):
            file.alone += file.state is State.RUNNING  # else already the question what its target is had no answer
            file.postpone(now, getattr(error, "retry_after", None))
            is_own = file.alone >= ALONE
            if is_own:
                self._fail(file, path, error)
            if self._outage.is_on or not is_own:
                self._begin_outage(file, error)
        elif isinstance(error, (LocalFailure, OSError)):
            file.postpone(now)
            self._fail(file, path, error)
        else:
            self._fail(file, path, error)
            file.done(file.failure)
            self._answered()

    def _is_fatal(self, error: BaseException) -> bool:
        """Whether every file would meet an error, also later.

        A setting that worked before was not wrong: a login page of the network answers, for example.
        """
        if isinstance(error, ConfigurationError):
            return not self._has_answered and error.cause != "too-long"
        return isinstance(error, (*FATAL, SpaceNotFound))

    def _fail(self, file: WatchedFile, path: str, error: UVideoError | OSError) -> None:
        """Print a failure of a file, once for each of its versions."""
        if file.failure is None:
            self._report.error(error, path)
        file.failure = path, error

    def _begin_outage(self, file: WatchedFile | None, error: BaseException) -> None:
        if self._outage.failed(file, self._clock(), getattr(error, "retry_after", None)):
            if isinstance(error, TransferInterrupted) and isinstance(error.__cause__, UVideoError):
                error = error.__cause__  # its text does not tell how to go on, which is done here
            self._report.tell(say("uploads wait until the service answers: {reason}", reason=failure.text(error)))


def _is_unchanged(entry: Entry) -> bool:
    """Whether a file is still as it was listed."""
    try:
        return version_of(one_file(str(entry.place), entry.name)) == version_of(entry)
    except (LocalFailure, OSError):  # the next listing finds out what it is
        return False


def _is_unanswered(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    if not isinstance(error, UVideoError) or error.cause == "too-long":
        return False
    return isinstance(error, (NoAnswer, BadAnswer)) or error.retryable


@verb(
    "watch",
    text=(
        "`uvideo watch FOLDER uvideo://space/prefix` runs until Ctrl-C or SIGTERM. It lists FOLDER again and again, "
        "and uploads each file whose size and times did not change for --settle. When a file changes, it is uploaded "
        "again. What the service has with the same content is skipped, so after a restart only the rest is uploaded. "
        "Nothing is removed, here or at the service.",
        "While the service does not answer, files wait and are tried again; parts that were sent are kept. A file that "
        "cannot be read or that the service refuses is reported once, until it changes. Wrong keys and a missing space "
        "end the watch.",
    ),
    examples=[
        Example(
            "What is in a folder, then end:",
            "uvideo watch videos uvideo://demo/recordings --once --settle 0",
        ),
        Example(
            "The recordings of a camera, without the files that it is still writing under another name:",
            "uvideo watch videos uvideo://demo/camera --exclude '*.tmp' --once --settle 1s --interval 1s",
        ),
    ],
    changes=True,
)
@click.argument("folder", metavar="FOLDER")
@click.argument("target", metavar="TARGET")
@option("--once", is_flag=True, help="Wait until all files have settled and are uploaded, then end.")
@option("--settle", type=DURATION, default="30s", metavar="TIME", help="How long a file must not change.")
@option("--interval", type=DURATION, default="5s", metavar="TIME", help="Time between two listings of the folder.")
@selection
@properties
@times
@rates
def watch(context: Context, folder: str, target: str, **options: Unpack[WatchOptions]) -> int:
    if options["interval"] <= 0:
        raise InvalidArgument(say("--interval must be at least 1s"))
    context.goes_on = True
    return FolderWatch(context, whole_folder(local(folder)), whole_folder(remote(target)), options).run()
