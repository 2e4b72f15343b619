"""Upload and download of folders: files below a local folder, keys below a prefix, several at the same time.

Keys are the paths below the folder with "/" between names.  A file that fails becomes a Failure; the others continue.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from uvideo.client import operations
from uvideo.client.cancel import Cancel
from uvideo.errors import Cancelled, InvalidArgument, LocalFailure
from uvideo.models import Downloaded, Failure, Stored, Summary, Totals
from uvideo.transfer.fatal_errors import CircuitBreaker
from uvideo.transfer.limit import Limit
from uvideo.transfer.manager import T, Transfer, TransferManager
from uvideo.transfer.pattern import Filter
from uvideo.transfer.walk import FoundFile, Links, Problem, check_links, walk

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.client.options import KeptOptions, TransferOptions
    from uvideo.client.sync import Client

V = TypeVar("V")

__all__ = ["FolderOptions", "download_dir", "upload_dir"]

_log = logging.getLogger("uvideo")

OnError = Literal["continue", "stop"]
#: Seconds between two reports of progress, except the last.
PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """The options that Client.upload_dir and download_dir share, in their order."""

    jobs: int
    include: Iterable[str]
    exclude: Iterable[str]
    part_jobs: int | None
    bandwidth: int | Limit | None
    progress: Callable[[Totals], None] | None
    report: Callable[[Any], None] | None
    cancel: Cancel | None
    on_error: OnError
    dry_run: bool
    links: Links = "inside"
    skip_special: bool = False
    checksum: bool | None = None
    times: bool = False


class _Run(Generic[T]):
    """The results so far."""

    def __init__(self, client: Client, options: FolderOptions, ticks: Callable[[], float] = time.monotonic) -> None:
        operations.choice(options.on_error, ("continue", "stop"), "on_error")
        self._options, self._ticks = options, ticks
        self._manager = TransferManager(
            client, jobs=options.jobs, part_jobs=options.part_jobs, bandwidth=options.bandwidth
        )
        self._done: list[T] = []
        self._failures: list[Failure] = []
        self._skipped = self._unsent = 0
        self._breaker = CircuitBreaker(options.jobs)
        self._stopped = False
        self._broken: BaseException | None = None  # a callback's error
        self._told = float("-inf")
        self._lock = threading.RLock()

    def run(self, items: Iterable[Failure | T], start: Callable[[TransferManager, T], Transfer[T]]) -> Summary[T]:
        """Start each item, or with dry_run only report it.  SomeFailed with the Summary after all are done."""
        cancel = self._options.cancel
        try:
            with self._manager as manager:
                for item in items:
                    if cancel is not None:
                        cancel.check()
                    if isinstance(item, Failure):
                        self._unsent += 1
                        self._failed(item)
                    elif self._options.dry_run:
                        self._ended(item)
                    else:
                        start(manager, item).add_done_callback(self._over)
                    if self._stopped:
                        break
        except Cancelled:
            if not self._stopped:
                raise
        if self._broken is not None:
            raise self._broken
        if cancel is not None and self._skipped and not self._stopped:
            cancel.check()
        self._tell(last=True)
        if self._broken is not None:
            raise self._broken
        well = max(len(self._done), self._manager.progress().files_done)
        return operations.summed(self._done, self._failures, self._skipped, well)

    def given(self) -> TransferOptions:
        """The options of each file's transfer."""
        options = self._options
        return {
            "progress": lambda _: self._tell(),
            "cancel": options.cancel,
            "checksum": options.checksum,
            "times": options.times,
        }

    def _over(self, transfer: Transfer[T]) -> None:
        error = transfer.exception()
        if error is None:
            self._ended(transfer.result())
        elif isinstance(error, Cancelled):
            with self._lock:
                self._skipped += 1
        else:
            shown = error if isinstance(error, Exception) else LocalFailure(repr(error))
            self._failed(Failure(transfer.space, transfer.key, transfer.path, shown))
        self._tell()

    def _ended(self, result: T) -> None:
        with self._lock:
            self._breaker.succeeded()
            if self._options.report is None:
                self._done.append(result)
            else:
                self._hand(self._options.report, result)

    def _failed(self, failure: Failure) -> None:
        with self._lock:
            self._failures.append(failure)
            if self._options.report is not None:
                self._hand(self._options.report, failure)
            if self._breaker.failed(failure.error) or self._options.on_error == "stop":
                self._stop()

    def _tell(self, last: bool = False) -> None:
        if self._options.progress is None:
            return
        with self._lock:
            now = self._ticks()
            if not last and now - self._told < PAUSE:
                return
            self._told = now
            totals = self._manager.progress()
            files, failed = totals.files + self._unsent, totals.failed + self._unsent
            self._hand(self._options.progress, replace(totals, files=files, failed=failed))

    def _hand(self, callback: Callable[[V], None], value: V) -> None:
        """Call a callback of the caller.  The first error that it raises ends the run."""
        if self._broken is not None:
            return
        try:
            callback(value)
        except BaseException as error:
            self._broken = error
            self._stop()

    def _stop(self) -> None:
        self._stopped = True
        self._manager.cancel()


# Upload


def upload_dir(
    client: Client,
    folder: str | os.PathLike[str],
    space: str,
    prefix: str,
    options: FolderOptions,
    **stored: Unpack[KeptOptions],
) -> Summary[Stored]:
    """See Client.upload_dir."""
    space, prefix = operations.check_space(space), _folder_of_keys(prefix)
    operations.put(space, "key", **stored)  # raises early for invalid arguments
    root = _text_of(folder)
    try:
        os.scandir(root).close()
    except OSError as problem:
        raise LocalFailure(f"{_shown(root)}: {problem.strerror}") from None
    links = check_links(options.links)
    run: _Run[Stored] = _Run(client, options)
    chosen = Filter(options.include, options.exclude)

    def items() -> Iterator[Failure | Stored]:
        for found in walk(root, chosen=chosen, links=links, state=client.settings.state()):
            if found.problem is Problem.UNSELECTED:
                continue
            path, key = found.path, prefix + found.name
            reason = _skipped(found, options.skip_special)
            if reason is not None:
                level = logging.INFO if found.problem is Problem.LINK else logging.WARNING
                _log.log(level, "skipped %s: %s", _shown(path), reason)
                continue
            error = _unsendable(found, key)
            if error is not None:
                yield Failure(space, _shown(key), _shown(path), error)
                continue
            try:
                size = os.stat(path).st_size if options.dry_run else None
            except OSError as problem:
                yield Failure(space, key, path, LocalFailure(f"{path}: {problem.strerror}"))
                continue
            yield Stored(space, key, size, None)

    def start(manager: TransferManager, item: Stored) -> Transfer[Stored]:
        path = _Path(os.path.join(root, *item.key[len(prefix) :].split("/")))
        return manager.upload(space, item.key, path, **stored, **run.given())

    return run.run(items(), start)


class _Path(os.PathLike[str]):
    """A path as os.PathLike, with a tenth of pathlib's time and memory."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return self._path


def _skipped(found: FoundFile, skip_special: bool) -> str | None:
    """Why a file is skipped with a warning, else None."""
    if found.problem is Problem.SPECIAL and not skip_special:
        return None
    if isinstance(found.problem, Problem) and found.problem is not Problem.NAME:
        return str(found.problem.value)
    return None


def _unsendable(found: FoundFile, key: str) -> Exception | None:
    """The error if a file cannot be uploaded, else None."""
    if isinstance(found.problem, OSError):
        return LocalFailure(f"{_shown(found.path)}: {found.problem.strerror}")
    if found.problem is Problem.SPECIAL:
        return LocalFailure(f"{_shown(found.path)} is not a regular file; skip_special=True leaves such files out")
    if found.problem is Problem.NAME:
        return LocalFailure(f"the name {_shown(key)} is not UTF-8, as a key must be: rename it")
    try:
        operations.check_key(key)
    except InvalidArgument as error:
        return error
    return None


def _shown(text: str) -> str:
    """A name as valid UTF-8, for messages."""
    return text.encode("utf-8", "backslashreplace").decode()


def _text_of(folder: str | os.PathLike[str]) -> str:
    found = os.fspath(folder)
    if not isinstance(found, str):
        raise InvalidArgument(f"the folder is {type(found).__name__}; give text or a pathlib.Path")
    return found


def _folder_of_keys(prefix: str) -> str:
    if not isinstance(prefix, str):
        raise InvalidArgument(f"prefix is a {type(prefix).__name__}; a str is needed")
    return prefix + "/" if prefix and not prefix.endswith("/") else prefix


# Download


def download_dir(
    client: Client, space: str, prefix: str, folder: str | os.PathLike[str], options: FolderOptions
) -> Summary[Downloaded]:
    """See Client.download_dir."""
    space, prefix = operations.check_space(space), _folder_of_keys(prefix)
    run: _Run[Downloaded] = _Run(client, options)
    chosen = Filter(options.include, options.exclude)
    target = FolderTarget(_text_of(folder), options.dry_run)

    def items() -> Iterator[Failure | Downloaded]:
        for each in client.list(space, prefix):
            path = each.key[len(prefix) :]
            if path and not chosen.takes(path):
                continue
            try:
                place = target.place(path, each.size)
            except (LocalFailure, InvalidArgument) as error:
                yield Failure(space, each.key, None, error)
                continue
            if place is not None:
                yield Downloaded(space, each.key, each.size, each.etag, place)

    def start(manager: TransferManager, item: Downloaded) -> Transfer[Downloaded]:
        assert item.path is not None
        return manager.download(space, item.key, item.path, **run.given())

    return run.run(items(), start)


class FolderTarget:
    """Maps keys to files.  Nothing is ever created outside of ``folder``, not even through a link in it.

    Pass the paths in the order of a listing.  dry_run: create nothing.
    """

    def __init__(self, folder: str, dry_run: bool = False) -> None:
        self._folder, self._dry = folder, dry_run
        if not dry_run:
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError as error:
                raise LocalFailure(f"{folder}: {error.strerror}") from None
        elif os.path.lexists(folder) and not os.path.isdir(folder):
            raise LocalFailure(f"{folder}: {os.strerror(errno.ENOTDIR)}")
        self._root = os.path.realpath(folder)
        self._files: list[str] = []  # files whose name a later folder may have; each path begins with the one before
        folds = sys.platform in ("darwin", "win32") if dry_run else folds_case(self._root)
        self._names: set[str] | None = set() if folds else None
        self._ready: list[str] = []  # folders of the last file, which exist and are inside

    def place(self, path: str, size: int) -> str | None:
        """The local path for the file ``path``, whose folder is created; None for a folder.

        InvalidArgument if it cannot be a file here, LocalFailure if another file is in its way.
        """
        names = path.split("/")
        is_folder = names[-1] == ""
        if is_folder:
            if size:
                raise InvalidArgument(
                    f"{path!r} ends with / like a folder, but has {size} bytes: it cannot be stored as a file"
                )
            names.pop()
        for name in names:
            check_name(name, path)
        while self._files and not path.startswith(self._files[-1]):
            self._files.pop()
        for file in self._files:
            if path.startswith(file + "/"):
                raise LocalFailure(f"{path!r} needs a folder {file!r}, but there is an object of that name too")
        self._claim(names, path)
        folder = self._way(names if is_folder else names[:-1])
        if is_folder:
            return None
        place = os.path.join(folder, names[-1])
        self._free(place)
        self._files.append(path)
        return place

    def _claim(self, names: list[str], path: str) -> None:
        """Record a file's names.  Where a.txt and A.txt are one file, LocalFailure for the second."""
        if self._names is None:
            return
        folded = unicodedata.normalize("NFC", path.rstrip("/")).casefold()
        if folded in self._names:
            raise LocalFailure(f"{path!r} would be the same file here as another key that differs only in case")
        self._names.add(folded)

    def _way(self, names: list[str]) -> str:
        """The local folder of these names, created if missing."""
        same = 0
        while same < min(len(names), len(self._ready)) and names[same] == self._ready[same]:
            same += 1
        del self._ready[same:]
        folder = os.path.join(self._folder, *self._ready)
        for name in names[same:]:
            folder = os.path.join(folder, name)
            try:
                if not self._dry:
                    with suppress(FileExistsError):
                        os.mkdir(folder)
                self._inside(folder)
                if os.path.lexists(folder) and not os.path.isdir(folder):
                    raise LocalFailure(f"{folder} exists and is not a directory")
            except OSError as error:
                raise LocalFailure(f"{folder}: {error.strerror}") from None
            self._ready.append(name)
        return folder

    def _inside(self, path: str) -> None:
        if os.path.islink(path):
            real, root = os.path.realpath(path), self._root
            if real != root and not real.startswith(root.rstrip(os.sep) + os.sep):
                raise LocalFailure(f"{path} is a link that leads out of {self._folder}")

    def _free(self, place: str) -> None:
        """LocalFailure if there is something that is not a file and so must not be replaced."""
        self._inside(place)
        try:
            mode = os.stat(place).st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise LocalFailure(f"{place}: {error.strerror}") from None
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise LocalFailure(f"{place} exists and is {kind}")


#: Reserved names on Windows, and the characters that names cannot have there.
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{name}{digit}" for name in ("COM", "LPT") for digit in range(1, 10))}
_FORBIDDEN = set('<>:"\\|?*') | {chr(code) for code in range(32)}
NAME_MAX = 255


def check_name(name: str, path: str, windows: bool = os.name == "nt") -> None:
    """InvalidArgument if a key's name between two "/" cannot be a local file's."""
    if name in ("", ".", ".."):
        raise InvalidArgument(f"{path!r} contains the name {name!r}, which a file cannot have")
    if "\0" in name:
        raise InvalidArgument(f"{path!r} contains a NUL character, which a file name cannot contain")
    if windows and (_FORBIDDEN & set(name) or name[-1] in " ." or name.partition(".")[0].strip().upper() in _RESERVED):
        raise InvalidArgument(f"{path!r} cannot be a file name on Windows")
    try:
        length = len(name) if windows else len(os.fsencode(name))
    except UnicodeEncodeError:
        raise InvalidArgument(f"{path!r} cannot be encoded in this system's encoding of file names") from None
    if length > NAME_MAX:
        raise InvalidArgument(f"{path[:60]!r}... contains a name of {length} bytes; a file name has at most {NAME_MAX}")


def folds_case(folder: str) -> bool:
    """Whether a folder's file system ignores case."""
    try:
        with tempfile.NamedTemporaryFile(prefix=".uvideo-", dir=folder) as file:
            return os.path.exists(os.path.join(folder, os.path.basename(file.name).upper()))
    except OSError as error:
        raise LocalFailure(f"{folder}: {error.strerror}") from None
