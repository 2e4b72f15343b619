"""Client: every operation of the service, typed, for programs without an event loop.

    with uvideo.Client(endpoint="127.0.0.1:9000", public_key=..., private_key=...) as client:
        client.put("movies", "hello.txt", b"hello")
        client.get("movies", "hello.txt").data

uvideo.AsyncClient has the same methods.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from uvideo import models
from uvideo.client import operations
from uvideo.client.base import BaseClient
from uvideo.client.carrier import carried, fetched, whole
from uvideo.client.listing import Listing, Merge, items_of
from uvideo.client.lookup import looked_up
from uvideo.client.operations import DataCall, ManagementCall
from uvideo.client.stream import Content, Source, path_of, stream
from uvideo.config.renames import refusing_old_names
from uvideo.config.setting_checks import size
from uvideo.errors import UVideoError
from uvideo.models import Page, T
from uvideo.transfer import copy as copies
from uvideo.transfer.copy import A
from uvideo.transfer.pool import Pool

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo._core import DataOperation, message, operation
    from uvideo._core import cancel as _interrupt
    from uvideo._core import carrier as _carrier
    from uvideo._core import single_upload as _body
    from uvideo._core import upload_source as _source
    from uvideo.client.cancel import Cancel
    from uvideo.client.options import KeptOptions, ReadOptions, StoredOptions, WriteOptions
    from uvideo.client.reader import Reader
    from uvideo.client.writer import Writer
    from uvideo.transfer.download import Target
    from uvideo.transfer.limit import Limit
    from uvideo.transfer.transfer_config import TransferConfig

    Body = _body.FileBody | _body.StreamBody
    Carrier = _carrier.Carrier
    Given = bytes | bytearray | memoryview | os.PathLike[str] | _source.Readable
    Interrupt = _interrupt.Interrupt

__all__ = ["Client"]


async def _gathered(do: Callable[[A], Coroutine[Any, Any, T]], items: Iterable[A], jobs: int) -> list[T]:
    """As ``pool.gathered``, in threads."""
    found: dict[int, T] = {}

    def one(job: tuple[int, A]) -> None:
        found[job[0]] = copies.finished(do(job[1]))

    Pool(one, jobs).run(enumerate(items))
    return [found[place] for place in sorted(found)]


@refusing_old_names
class Client(BaseClient):
    """A client of the service for one key pair.  Safe to share between threads; usable after a fork; can be pickled.

    public_key, private_key: without them, and with none in environment or profile, the client is anonymous and can read
    public spaces.  profile: a table of the configuration file.  options: fields of Settings by name; InvalidArgument
    for an unknown one.  settings: all of them at once, in place of options.  retry: in place of the settings' retries.

    Every method raises UVideoError.  Its class says what went wrong; it has operation, space, key, status, ret_code and
    request_id.  InvalidArgument is raised before anything is sent.
    """

    def _start(self) -> None:
        self._carrier = self._core

    def close(self) -> None:
        """Close the connections, for good: a later request raises InvalidArgument, in a running transfer, too."""
        self._carrier.transport.shut()

    def close_idle(self) -> None:
        """Close the connections that no request uses now, and the others after their requests.  A later request opens
        new ones.
        """
        self._carrier.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, call: DataCall[T] | ManagementCall[T]) -> T:
        if isinstance(call, ManagementCall):
            result, _ = self._carrier.act(call.operation)
        else:
            result, _ = self._carrier.call(call.operation)
        return call.convert(result)

    def _done(self, steps: Coroutine[Any, Any, T]) -> T:
        """The result of a call of several operations."""
        return copies.finished(steps)

    async def _called(
        self, op: DataOperation, body: bytes | None = None, lost: list[UVideoError] | None = None, proof: bool = True
    ) -> tuple[Any, message.Response]:
        return self._carrier.call(op, body, lost=lost, proof=proof)

    def _list(
        self,
        call: Callable[[str], DataCall[Page[T]] | ManagementCall[Page[T]]],
        start: str = "",
        merge: Merge[T] = items_of,
    ) -> Listing[T]:
        return Listing(lambda marker: self._run(call(marker)), start, merge)

    # Spaces

    def create_space(
        self, name: str, *, type: str = "private", region: str | None = None, domains: Iterable[str] = ()
    ) -> models.SpaceName:
        """Create a space.  type: "public" or "private".  domains: its own host names.  SpaceExists."""
        return self._run(operations.create_space(name, type, region or self._settings.hosts().region, domains))

    def delete_space(self, name: str) -> models.SpaceName:
        """Remove an empty space.  SpaceNotEmpty, SpaceNotFound."""
        return self._run(operations.delete_space(name))

    def stat_space(self, name: str) -> models.SpaceInfo:
        """A space's SpaceInfo.  SpaceNotFound."""
        return self._run(operations.stat_space(name))

    def update_space(self, name: str, *, type: str | None = None, storage_class: str | None = None) -> models.SpaceName:
        """Make a space public or private, or set the storage class of objects that will be stored in it."""
        return self._run(operations.update_space(name, type, storage_class))

    def list_spaces(self) -> Listing[models.SpaceInfo]:
        """The spaces of this key pair's account, lazily."""
        return self._list(operations.list_spaces)

    def space_usage(
        self, spaces: str | Iterable[str], *, begin: datetime, end: datetime
    ) -> tuple[models.SpaceUsage, ...]:
        """The bytes stored in and downloaded from spaces, day by day."""
        return self._run(operations.space_usage(spaces, begin, end))

    # Objects

    def put(
        self,
        space: str,
        key: str,
        data: Content,
        *,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        acl: str | None = None,
        if_absent: bool = False,
        checksum: bool | None = None,
    ) -> models.Stored:
        """Store an object in one request, and compare its etag with that of the bytes sent.

        data: bytes, a path (pathlib.Path), a binary file from its position, or an iterable of bytes, of any length.
        Text is refused.  A file that the caller opened stays open.  mime: None to guess it from the names.
        storage_class: STANDARD, IA or ARCHIVE; None for the space's.  metadata: names and values that are stored with
        the object.  headers: stored with the object and sent with each download, for example Cache-Control.  acl:
        "public-read" or "default".
        if_absent: AlreadyExists, instead of replacing an object; the bytes are stored under a temporary key beside it,
        and renamed.  IntegrityError if the service stored other bytes.  For large files and bad networks use
        ``upload``.
        """
        path = os.fspath(data) if isinstance(data, os.PathLike) else ""
        stored: StoredOptions = {"mime": mime, "storage_class": storage_class, "metadata": metadata, "headers": headers}
        op = operations.put(space, key, acl, path, **stored)
        check = self._checks(checksum)
        given = data if isinstance(data, (bytes, bytearray, memoryview, os.PathLike)) else stream(data)
        if if_absent:
            whole = self._one()
            return self._done(whole._put_if_absent(op, lambda each: whole._put_any(each, given, check)))
        return self._done(self._put_any(op, given, check))

    async def _put_any(self, op: operation.PutObject, data: Given, check: bool) -> models.Stored:
        """Store bytes, a file at a path, or an object with read()."""
        if isinstance(data, (bytes, bytearray, memoryview)):
            content = data if isinstance(data, bytes) else bytes(data)
            return await self._bytes_put(op, content, check)
        from uvideo._core import single_upload, upload_source

        if isinstance(data, os.PathLike):
            file = upload_source.FileSource(os.fspath(data))
            try:
                return self._put_body(op, single_upload.FileBody(file), check)
            finally:
                file.close()
        return self._put_body(op, single_upload.StreamBody(data), check)

    def _put_body(self, op: operation.PutObject, content: Body, verify: bool) -> models.Stored:
        from uvideo._core import single_upload

        if not verify:
            result, _ = self._carrier.call(op, content, proof=False)
            return models.Stored(op.space, op.key, content.sent, result.etag, False)
        result, _, verified = single_upload.put(self._carrier, op, content)
        return models.Stored(op.space, op.key, content.sent, result.etag, verified)

    def get(
        self,
        space: str,
        key: str,
        *,
        start: int | None = None,
        end: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        checksum: bool | None = None,
    ) -> models.Content:
        """An object's bytes, in memory, or those from ``start`` up to but not including ``end``.

        A negative start: the last bytes.  if_match: an etag; PreconditionFailed if the object's is different.
        if_none_match: an etag; Refused with status 304 if the object's is the same.

        IntegrityError if a whole object does not agree with its etag.
        """
        op = operations.get(space, key, start, end, if_match, if_none_match)
        return self._done(self._got(op, self._checks(checksum)))

    async def _got(self, op: operation.GetObject, verify: bool) -> models.Content:
        def once(until: float | None) -> models.Content:
            found, data = fetched(self._carrier, op, self._expires(), until, partial(operations.check_range, op))
            return operations.content(op, found, data, verify)

        return self._carrier.persist(once, op)

    @overload
    def open(self, space: str, key: str, mode: Literal["rb"] = "rb", **options: Unpack[ReadOptions]) -> Reader: ...

    @overload
    def open(self, space: str, key: str, mode: Literal["wb"], **options: Unpack[WriteOptions]) -> Writer: ...

    def open(
        self,
        space: str,
        key: str,
        mode: str = "rb",
        *,
        cache: int | None = None,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
        progress: Callable[[models.Progress], None] | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        checksum: bool | None = None,
    ) -> Reader | Writer:
        """An object as a binary file.  mode: "rb" to read, "wb" to write; for text wrap it in io.TextIOWrapper.

        A Reader can seek and is buffered.  It reads ahead while it is read in order, and caches up to ``cache`` bytes
        (8 MiB) for random reads.  It reads one version: ObjectChanged if the object changes.  NotFound at once.  A
        Writer takes any length and stores the object when it is closed.  A ``with`` block that raises stores nothing.
        bandwidth, progress, cancel, deadline: as in ``upload``; the deadline counts from now.

        Options of the other mode are refused.
        """
        from uvideo.client import reader, writer
        from uvideo.transfer.limit import limited

        stored: StoredOptions = {"mime": mime, "storage_class": storage_class, "metadata": metadata, "headers": headers}
        sent = {"part_jobs": part_jobs, "progress": progress}
        operations.mode_of(mode, {"cache": cache, **stored, **sent})
        if mode == "rb":
            check = self._checks(checksum)
            room = reader.CACHE if cache is None else size("cache", cache)
            limit = limited(bandwidth, self._settings.bandwidth)
            bound = self._bound(cancel, deadline)
            return reader.opened(bound, self._expires(), space, key, room, limit, check)
        operations.put(space, key, **stored)  # raises early for invalid arguments
        given: dict[str, Any] = {**stored, **sent, "bandwidth": bandwidth}
        if checksum is not None:
            given["checksum"] = checksum
        seconds = None if deadline is None else operations.seconds(deadline, "deadline")
        job, threshold = partial(self.upload, space, key, **given), self._settings.multipart_threshold
        return writer.Writer(job, space, key, threshold, self._carrier.ticks, cancel, seconds)

    def upload(
        self,
        space: str,
        key: str,
        source: Source,
        *,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
        progress: Callable[[models.Progress], None] | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        journal: bool = True,
        checksum: bool | None = None,
        times: bool = False,
    ) -> models.Stored:
        """Store an object of any size: a small one in one request, a large one in parts, several at the same time,
        verified.

        source: the path of a file as text or pathlib.Path, bytes, a binary file from its position, or an iterable of
        bytes of unknown length.  Text is never content.

        An upload of a path is recorded in the journal.  After a lost connection, a crash or a reboot the same call, or
        ``resume``, sends what is missing.  TransferInterrupted, and its subclasses Cancelled and DeadlineExceeded, have
        the id to resume as ``transfer``.  SourceChanged if the file changes meanwhile.

        part_jobs: parts at the same time.  bandwidth: bytes a second, or a Limit that several transfers share.
        progress: called with a Progress, whose done never goes down; an error it raises ends the upload.  cancel: a
        Cancel that another thread may set.  deadline: seconds for the whole upload.  journal: False to keep no record.
        checksum: False to hash nothing and trust the service's etags; parts of a file then go from the disk to the
        network without being read by this process.
        times: store the modification time of a file as metadata ``mtime``, in seconds since 1970 as rclone does, unless
        ``metadata`` has that name.
        """
        from uvideo.transfer import file_time, upload

        path = path_of(source) or ""
        if times and path:
            metadata = file_time.with_time(metadata, path, len(headers or ()))
        config = self._config(part_jobs, bandwidth, progress, journal, self._checks(checksum))
        stored: StoredOptions = {"mime": mime, "storage_class": storage_class, "metadata": metadata, "headers": headers}
        op = operations.put(space, key, None, path, **stored)
        with whole(self._carrier, "Upload", space) as carrier:
            return upload.upload(self._whole(cancel, deadline, carrier), op, source, config)

    def _config(
        self,
        part_jobs: int | None,
        bandwidth: int | Limit | None,
        progress: Callable[[models.Progress], None] | None,
        journal: bool,
        verify: bool | None,
        times: bool = False,
    ) -> TransferConfig:
        from uvideo.transfer.limit import limited
        from uvideo.transfer.transfer_config import TransferConfig

        return TransferConfig(
            jobs=operations.jobs(self._settings.part_jobs if part_jobs is None else part_jobs),
            threshold=self._settings.multipart_threshold,
            verify=verify,
            limit=limited(bandwidth, self._settings.bandwidth),
            progress=progress,
            journal=self._journal() if journal else None,
            times=times,
        )

    def _bound(self, cancel: Interrupt | None, deadline: float | None, carrier: Carrier | None = None) -> Carrier:
        """The Carrier for a transfer with this cancel and deadline."""
        found = self._carrier if carrier is None else carrier
        if cancel is None and deadline is None:
            return found
        until = None if deadline is None else found.ticks() + operations.seconds(deadline, "deadline")
        return found.bound(cancel, until)

    def _whole(
        self, cancel: Interrupt | None = None, deadline: float | None = None, carrier: Carrier | None = None
    ) -> Carrier:
        """As ``_bound``, for a transfer that is one call with a total time."""
        return self._bound(cancel, deadline, carrier).one()

    def _one(self, deadline: float | None = None) -> Client:
        """This client for a call of several operations.  They share its total time and ``deadline`` (seconds)."""
        return carried(self, self._whole(None, deadline))

    def download(
        self,
        space: str,
        key: str,
        target: Target,
        *,
        start: int | None = None,
        end: int | None = None,
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
        progress: Callable[[models.Progress], None] | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        journal: bool = True,
        checksum: bool | None = None,
        times: bool = False,
    ) -> models.Downloaded:
        """Save an object, or the bytes from ``start`` up to ``end``; a large one in several ranges at the same time.

        target: a path, or a binary file, which is written from its position and stays open.

        A file at a path appears once it is complete and verified; after a failure an existing file is unchanged.  A
        range that breaks off is continued from that byte.  If the object changes meanwhile, the download starts over,
        once; then it raises ObjectChanged.  A large download to a path is recorded in the journal.  After a lost
        connection, a crash or a reboot the same call, or ``resume``, fetches what is missing.  TransferInterrupted and
        the other options are as in ``upload``.  checksum: False to not compare the etag.  A range of an object has no
        etag to compare.

        times: give the file the modification time that ``upload`` or rclone stored with a whole object, if any.  A time
        that cannot be read or set is ignored with a warning in the log.
        """
        from uvideo.transfer import download

        config = self._config(part_jobs, bandwidth, progress, journal, self._checks(checksum), times)
        op = operations.get(space, key, start, end)
        with whole(self._carrier, "Download", space) as carrier:
            return download.download(self._whole(cancel, deadline, carrier), op, target, config, self._expires())

    def upload_dir(
        self,
        folder: str | os.PathLike[str],
        space: str,
        prefix: str = "",
        *,
        jobs: int = 8,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
        progress: Callable[[models.Totals], None] | None = None,
        report: Callable[[models.Stored | models.Failure], None] | None = None,
        cancel: Cancel | None = None,
        on_error: Literal["continue", "stop"] = "continue",
        dry_run: bool = False,
        links: Literal["follow", "inside", "skip"] = "inside",
        skip_special: bool = False,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        checksum: bool | None = None,
        times: bool = False,
    ) -> models.Summary[models.Stored]:
        """Upload the files below a local folder, ``jobs`` at the same time.  Keys are prefix/path with "/" between
        names.

        include, exclude: patterns of paths: "*.mp4" in every folder, "/a/*" from the top, "tmp/" everything in such
        folders.  exclude takes precedence.  What they leave out is not opened and cannot fail.  links: "inside" follows
        links that lead to files and folders inside of the folder, "follow" all, "skip" none.  Other links, and those to
        a folder above them, are skipped with a warning in the log.

        The folder itself may be a link.  Empty folders get no key.  A file that cannot be read, or whose name is not
        UTF-8, is a Failure, and the others continue.  So is a pipe, a socket or a device; with skip_special it is
        skipped with a warning in the log.  With on_error "stop", or after an error that every file would meet (a wrong
        key, a lost connection), no further file begins.  SomeFailed, with the Summary, at the end.  progress: called
        with Totals, which grow while files are found.  report: called with each Stored or Failure; the Summary then has
        only failures, which saves memory for millions of files.  An error that one of them raises ends the call.
        cancel: raises Cancelled.  dry_run: only report what would be uploaded.  times: store the modification time of
        each file, as ``upload`` does.

        The other options are those of ``upload``.
        """
        from uvideo.transfer import folders

        options = folders.FolderOptions(
            jobs,
            include,
            exclude,
            part_jobs,
            bandwidth,
            progress,
            report,
            cancel,
            on_error,
            dry_run,
            links,
            skip_special,
            checksum,
            times,
        )
        kept: KeptOptions = {"storage_class": storage_class, "metadata": metadata, "headers": headers}
        return folders.upload_dir(self, folder, space, prefix, options, **kept)

    def download_dir(
        self,
        space: str,
        prefix: str,
        folder: str | os.PathLike[str],
        *,
        jobs: int = 8,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
        progress: Callable[[models.Totals], None] | None = None,
        report: Callable[[models.Downloaded | models.Failure], None] | None = None,
        cancel: Cancel | None = None,
        on_error: Literal["continue", "stop"] = "continue",
        dry_run: bool = False,
        checksum: bool | None = None,
        times: bool = False,
    ) -> models.Summary[models.Downloaded]:
        """Download the objects below ``prefix`` into a local folder, which is created; the opposite of ``upload_dir``.

        A key that cannot be a local file is a Failure: its name is .., empty or too long; it is also the name of a
        folder; it differs from another key only in case where the file system ignores case; or it would be saved
        outside of the folder, for example through a link in it.  Keys that end with / create folders.  Existing files
        are replaced atomically.  times: give each file the modification time that is stored with its object, as
        ``download`` does.  include, exclude, on_error, progress, report, cancel, dry_run, errors: as in
        ``upload_dir``.

        The other options are those of ``download``.
        """
        from uvideo.transfer import folders

        options = folders.FolderOptions(
            *(jobs, include, exclude, part_jobs, bandwidth, progress, report, cancel, on_error, dry_run),
            checksum=checksum,
            times=times,
        )
        return folders.download_dir(self, space, prefix, folder, options)

    def stat(self, space: str, key: str) -> models.ObjectInfo:
        """An object's ObjectInfo.  NotFound."""
        return self._done(looked_up(self._ask, space, key))

    def exists(self, space: str, key: str) -> bool:
        """Whether there is an object with this key.  An error if the service does not tell."""
        return self._done(self._is_there(space, key))

    def wait_until(
        self,
        space: str,
        key: str,
        state: Literal["present", "gone", "restored"],
        *,
        timeout: float | timedelta,
        interval: float | timedelta = 5.0,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> models.ObjectInfo | None:
        """Ask for an object until it is present, gone or restored, and return its ObjectInfo, None if it is gone.

        "restored": the bytes of an object of class ARCHIVE can be read, after ``restore``; other classes are at once.
        timeout: seconds or a timedelta; then DeadlineExceeded.  interval: the same, between two requests.  NotFound if
        an object to be restored does not exist.  clock, sleep: for tests, in place of time.monotonic and time.sleep;
        AsyncClient awaits what its ``sleep`` returns.
        """
        return self._done(self._waited(space, key, state, timeout, interval, clock, sleep))

    async def _paused(self, seconds: float, sleep: Callable[[float], object] | None) -> None:
        if sleep is None:
            self._carrier.wait(seconds)
        else:
            sleep(seconds)

    def _ending(self, until: float) -> Client:
        return carried(self, self._carrier.bound(self._carrier.interrupt, until))

    def _tidying(self) -> Client:
        return carried(self, self._carrier.tidying())

    def delete(self, space: str, key: str) -> None:
        """Remove an object.  No error if it does not exist."""
        return self._run(operations.delete(space, key))

    def delete_many(self, space: str, keys: Iterable[str], *, jobs: int = 8) -> models.Summary[str]:
        """Remove objects, ``jobs`` at the same time.  SomeFailed, with the summary, after the others are done."""
        return self._done(self._deleted(space, keys, jobs))

    def list(
        self,
        space: str,
        prefix: str = "",
        *,
        delimiter: str = "",
        start_after: str = "",
        page_size: int = 1000,
    ) -> Listing[models.ObjectInfo]:
        """The objects of a space in order of their keys, lazily.

        delimiter: with "/", objects in folders below are left out.  These folders are listed among the objects, as an
        ObjectInfo whose ``is_prefix`` is true, and each Page has them as prefixes.
        """
        operations.list_objects(space, prefix, delimiter, start_after, page_size)  # raises early for invalid arguments
        return self._list(
            lambda marker: operations.list_objects(space, prefix, delimiter, marker, page_size),
            start_after,
            operations.merged(space),
        )

    def list_files(self, space: str, prefix: str = "", *, page_size: int = 1000) -> Listing[models.ObjectInfo]:
        """As ``list``, by the service's older call PrefixFileList."""
        return self._list(lambda marker: operations.list_files(space, prefix, marker, page_size))

    def list_space_files(self, space: str, *, offset: int = 0, limit: int = 20) -> tuple[models.ObjectInfo, ...]:
        """As ``list``, by the management API's GetFileList, which the service deprecates."""
        return self._run(operations.list_space_files(space, offset, limit))

    def copy(
        self,
        space: str,
        key: str,
        source_space: str,
        source_key: str,
        *,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        part_jobs: int | None = None,
        progress: Callable[[models.Progress], None] | None = None,
        cancel: Cancel | None = None,
        checksum: bool | None = None,
        threshold: int | None = None,
    ) -> models.Stored:
        """Store another object's bytes as this object, without sending them.

        Up to ``threshold`` bytes (100 MB) are copied in one request, a larger object in parts, part_jobs at the same
        time.  Before the parts become an object, the source is checked: if it changed, ObjectChanged, and nothing is
        stored.  mime, metadata, headers: with any of them the copy has these three in place of the source's.
        storage_class: None for the source's.  checksum: False to not compare etags; IntegrityError if they differ.
        progress, cancel: as in ``upload``.  NotFound if there is no source.
        """
        jobs = operations.jobs(self._settings.part_jobs if part_jobs is None else part_jobs)
        stored: StoredOptions = {"mime": mime, "storage_class": storage_class, "metadata": metadata, "headers": headers}
        operations.copy(space, key, source_space, source_key, **stored)  # raises early for invalid arguments
        made = copies.Copy(
            space=space,
            key=key,
            source_space=source_space,
            source_key=source_key,
            options=stored,
            verify=self._checks(checksum),
            threshold=copies.ONE_REQUEST if threshold is None else size("threshold", threshold),
            jobs=jobs,
            progress=progress,
            ticks=self._core.ticks,
            ask=self._asking(cancel),
            each=self._each,
        )
        return self._done(made.stored())

    def _asking(self, cancel: Cancel | None) -> copies.Ask:
        """The function that makes a copy's calls."""
        bound = self._whole(cancel)

        async def ask(call: DataCall[T], proof: bool) -> T:
            carrier = bound.tidying() if call.tidies() else bound
            carrier.check()
            result, _ = carrier.call(call.operation, proof=proof)
            return call.convert(result)

        return ask

    _each = staticmethod(_gathered)

    def rename(self, space: str, key: str, new_key: str, *, force: bool = False) -> None:
        """Give an object another key.  force: replace an object with that key, else AlreadyExists."""
        return self._done(self._one()._renamed(space, key, new_key, force))

    def restore(self, space: str, key: str, *, tier: str | None = None) -> None:
        """Request that an object of class ARCHIVE be made readable.  tier: Expedited or Standard."""
        return self._run(operations.restore(space, key, tier))

    def set_class(self, space: str, key: str, storage_class: str) -> None:
        """Move an object to a cheaper class: STANDARD to IA or ARCHIVE, IA to ARCHIVE."""
        return self._run(operations.set_class(space, key, storage_class))

    def set_mime(self, space: str, key: str, mime: str) -> None:
        """Change an object's media type."""
        return self._run(operations.set_mime(space, key, mime))

    def set_tags(self, space: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of an object."""
        return self._run(operations.set_tags(space, key, tags))

    def get_tags(self, space: str, key: str) -> dict[str, str]:
        """The tags of an object."""
        return self._run(operations.get_tags(space, key))

    def delete_tags(self, space: str, key: str) -> None:
        """Remove the tags of an object."""
        return self._run(operations.delete_tags(space, key))

    def set_acl(self, space: str, key: str, grant: str) -> None:
        """grant: "public-read", so that anybody can read the object, or "default"."""
        return self._run(operations.set_acl(space, key, grant))

    def get_acl(self, space: str, key: str) -> models.Acl:
        """Who can read an object besides its owner."""
        return self._run(operations.get_acl(space, key))

    def append(
        self,
        space: str,
        key: str,
        data: bytes,
        *,
        position: int | None = None,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> models.Stored:
        """Add bytes to the end of an object, which is created if it does not exist.

        position: the object's size; None: it is asked for.

        The options apply if the object is created.  A try whose response was lost is not repeated, as it may have added
        the bytes: NoAnswer.  Use stat to find out.
        """
        stored: StoredOptions = {"mime": mime, "storage_class": storage_class, "metadata": metadata, "headers": headers}
        return self._done(self._one()._appended(space, key, data, position, **stored))

    def put_known(self, space: str, key: str, *, etag: str, size: int, mime: str | None = None) -> models.Stored:
        """Make an object of content that the account has stored already, without sending it.  NotFound without it."""
        return self._run(operations.put_known(space, key, etag, size, mime))

    # Multipart, by hand

    def begin_upload(
        self,
        space: str,
        key: str,
        *,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> models.BegunUpload:
        """Begin a multipart upload by hand.  ``upload`` does all of it."""
        stored: StoredOptions = {"mime": mime, "storage_class": storage_class, "metadata": metadata, "headers": headers}
        return self._run(operations.begin_upload(space, key, **stored))

    def put_part(self, upload: models.BegunUpload, part: int, data: bytes) -> models.PartInfo:
        """Send one part, from 0: block_size bytes, the last may be shorter.  Its etag is compared."""
        return self._done(self._part_put(upload, part, data))

    def copy_part(
        self,
        upload: models.BegunUpload,
        part: int,
        source_space: str,
        source_key: str,
        *,
        start: int | None = None,
        end: int | None = None,
    ) -> models.PartInfo:
        """Make one part from another object's bytes, from ``start`` up to but not including ``end``."""
        return self._run(operations.copy_part(upload, part, source_space, source_key, start, end))

    def finish_upload(
        self, upload: models.BegunUpload, parts: Sequence[models.PartInfo], *, new_key: str | None = None
    ) -> models.Stored:
        """Make the object from its parts.  new_key: the key to use if the first one has been taken meanwhile."""
        return self._run(operations.finish_upload(upload, parts, new_key))

    def list_uploads(self, space: str, prefix: str = "") -> Listing[models.UploadInfo]:
        """The unfinished uploads of a space, lazily."""
        return self._list(lambda marker: operations.list_uploads(space, prefix, marker))

    def list_parts(self, space: str, upload_id: str) -> Listing[models.PartInfo]:
        """The service's parts of an unfinished upload, lazily."""
        return self._list(lambda marker: operations.list_parts(space, upload_id, marker))

    def abort_upload(self, space: str, key: str, upload_id: str) -> None:
        """Abort an unfinished upload, which frees its parts at the service.  No error if it does not exist."""
        return self._done(self._aborted(space, key, upload_id))

    def clean_uploads(
        self, space: str, prefix: str = "", *, older_than: float | timedelta, dry_run: bool = False
    ) -> tuple[models.UploadInfo, ...]:
        """Abort unfinished uploads that are older than ``older_than`` and not in this machine's journal.

        older_than: seconds or a timedelta.  dry_run: abort nothing.  Returns the uploads that were, or would be,
        aborted.
        """
        return self._done(self._cleaned(space, prefix, older_than, dry_run))

    # Journal

    def resume(
        self,
        transfer: str,
        *,
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
        progress: Callable[[models.Progress], None] | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> models.Stored | models.Downloaded:
        """Resume a transfer of the journal, by its id.

        It may have begun through another address of the same service; InvalidArgument if the service does not know it.
        SourceChanged if an upload's file changed.  ObjectChanged if a download's object changed.  TransferBusy if
        another process works on it.  Otherwise as ``upload`` and ``download``.
        """
        from uvideo.transfer import download, upload

        is_download = self._journal().direction(transfer) == "download"
        with whole(self._carrier, "Download" if is_download else "Upload") as carrier:
            bound, verify = self._whole(cancel, deadline, carrier), None if is_download else self._settings.checksum
            config = self._config(part_jobs, bandwidth, progress, True, verify)
            if is_download:
                return download.resume(bound, transfer, config, self._expires())
            return upload.resume(bound, transfer, config)

    def abort(self, transfer: str) -> None:
        """Abort a transfer of the journal: free its parts at the service, and remove its local data."""
        from uvideo.transfer import download, upload

        journal = self._journal()
        job = download.abort if journal.direction(transfer) == "download" else upload.abort
        job(self._whole(), journal, transfer)

    # Keys

    def create_token(
        self,
        name: str,
        *,
        ops: Iterable[str] = (),
        prefixes: Iterable[str] = (),
        spaces: Iterable[str] = (),
        expires: datetime | None = None,
        black_ips: Iterable[str] = (),
        white_ips: Iterable[str] = (),
    ) -> models.Token:
        """Create a key pair with fewer rights than this one.  ops: TOKEN_ALLOW_READ and so on.  prefixes: of keys.

        A try whose response was lost is not repeated, as it may have created a token: NoAnswer.  Use list_tokens to
        find out.
        """
        return self._run(operations.create_token(name, ops, prefixes, spaces, expires, black_ips, white_ips))

    def list_tokens(self, *, token_id: str | None = None, show_keys: bool = False) -> tuple[models.Token, ...]:
        """The tokens of this account, or one of them.  show_keys: with their private keys."""
        return self._run(operations.list_tokens(token_id, show_keys))

    def update_token(
        self,
        token_id: str,
        *,
        name: str | None = None,
        ops: Iterable[str] | None = None,
        prefixes: Iterable[str] | None = None,
        spaces: Iterable[str] | None = None,
        expires: datetime | None = None,
        black_ips: Iterable[str] | None = None,
        white_ips: Iterable[str] | None = None,
    ) -> None:
        """Change a token.  Options that are not given stay as they are."""
        return self._run(operations.update_token(token_id, name, ops, prefixes, spaces, expires, black_ips, white_ips))

    def delete_token(self, token_id: str) -> None:
        """Remove a token.  Its keys are refused from then on."""
        return self._run(operations.delete_token(token_id))

    def assume_role(
        self,
        *,
        role: str | None = None,
        session: str | None = None,
        duration: float | timedelta | None = None,
        policy: str | None = None,
    ) -> models.TemporaryKeys:
        """Create a temporary key pair, which expires.

        duration: seconds or a timedelta.  policy: JSON text that restricts the pair.  `uvideo serve` supports no
        policies, so it refuses the call (BadRequest).
        """
        return self._run(operations.assume_role(role, session, duration, policy))
