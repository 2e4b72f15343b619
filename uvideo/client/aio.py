"""AsyncClient: every operation of the service for programs with an event loop; the methods are those of Client.

    async with uvideo.AsyncClient(endpoint="127.0.0.1:9000", public_key=..., private_key=...) as client:
        await client.put("movies", "hello.txt", b"hello")

Small operations run on the loop.  Transfers of files and streams run the very machines of Client in
threads: reading files and hashing need threads anyway.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, overload

from uvideo import models
from uvideo.client import operations
from uvideo.client.cancel import Cancel
from uvideo.client.listing import AsyncListing
from uvideo.client.operations import Call, ManagementCall
from uvideo.client.session import carried, chosen, connect
from uvideo.client.stream import Source
from uvideo.client.sync import Client
from uvideo.client.texts import several
from uvideo.config import telemetry
from uvideo.config.settings import Settings, size
from uvideo.errors import AlreadyExists, DeadlineExceeded, NotFound, UploadNotFound, UVideoError
from uvideo.models import T
from uvideo.transfer import copy as copies
from uvideo.transfer.pool import gathered

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.client.aio_file import AsyncReader, AsyncWriter
    from uvideo.client.aio_session import AsyncCarrier
    from uvideo.client.options import ClientOptions
    from uvideo.client.retry import Retry
    from uvideo.transfer.download import Target
    from uvideo.transfer.journal import Journal
    from uvideo.transfer.limit import Limit

__all__ = ["AsyncClient"]

AsyncSource = Source | AsyncIterable[bytes]
#: Transfers that one client runs at a time; the others wait their turn.
TRANSFERS = 8


class AsyncClient:
    """As Client, for one event loop.  Not to be shared between threads or loops; close it, or use ``async with``.
    A pickle or copy is a client of its own, for another loop.

    Arguments, errors and methods are those of Client; ``list`` and its like give an AsyncListing, for ``async for``.
    Where Client takes an iterable of bytes, an async iterable will do too.  Cancelling the task of a transfer ends the
    transfer as a Cancel would.  progress is called on the loop.
    """

    def __init__(
        self,
        public_key: str | None = None,
        private_key: str | None = None,
        *,
        settings: Settings | None = None,
        retry: Retry | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        from uvideo.client.aio_session import AsyncCarrier

        self._settings = chosen(public_key, private_key, settings, options)
        self._retry = retry
        kind = AsyncCarrier
        if telemetry.is_on():
            from uvideo.client.spans import TracedAsyncCarrier

            kind = TracedAsyncCarrier
        self._carrier: AsyncCarrier = kind(connect(self._settings, retry), self._settings)
        self._client: Client | None = None
        self._threads: ThreadPoolExecutor | None = None

    @property
    def settings(self) -> Settings:
        """What this client was made with."""
        return self._settings

    async def close(self) -> None:
        """Close the connections.  A later call opens new ones."""
        await self._carrier.close()
        client, self._client = self._client, None
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
        if client is not None:
            client.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient {self._settings.public_key or 'anonymous'} at {self._settings.place()}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._settings, self._retry)

    async def _run(self, call: Call[T] | ManagementCall[T]) -> T:
        if isinstance(call, ManagementCall):
            result, _ = await self._carrier.act(call.operation)
        else:
            result, _ = await self._carrier.call(call.operation)
        return call.convert(result)

    def _one(self) -> AsyncClient:
        """This client for a call of several operations, which share its total time."""
        return carried(self, self._carrier.one())

    def _sync(self) -> Client:
        """The Client whose machines run in threads."""
        if self._client is None:
            self._client = Client(settings=self._settings, retry=self._retry)
        return self._client

    async def _bulk(
        self, job: Callable[[Client, Cancel], T], cancel: Cancel | None = None, deadline: float | None = None
    ) -> T:
        """What ``job(client, cancel)`` returns, run in a thread; it ends before a cancelled task goes on.

        deadline: as of the transfer that it is, one call; the wait for a thread counts.
        """
        return await self._threaded(self._sync()._one(deadline), job, cancel or Cancel())

    async def _threaded(self, client: Client, job: Callable[[Client, Cancel], T], token: Cancel) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(TRANSFERS, "uvideo-transfer")
        begun = self._threads.submit(contextvars.copy_context().run, job, client, token)
        running = asyncio.wrap_future(begun)
        try:
            end = client._carrier.deadline
            if end is not None:
                await asyncio.wait([running], timeout=max(0.0, end - client._carrier.ticks()))
                if begun.cancel():  # no thread was free
                    raise DeadlineExceeded("the time for this call is over: other transfers were before it")
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            token.cancel()
            await asyncio.wait([running])
            running.exception()  # looked at, or the loop would complain
            raise

    @staticmethod
    def _on_loop(progress: Callable[[T], None] | None) -> Callable[[T], None] | None:
        """``progress`` for a thread of a transfer; what it raises comes out there."""
        if progress is None:
            return None
        loop = asyncio.get_running_loop()
        callback = progress

        async def tell(now: T) -> None:
            callback(now)

        return lambda now: asyncio.run_coroutine_threadsafe(tell(now), loop).result()

    # Spaces

    async def create_space(
        self, name: str, *, type: str = "private", region: str | None = None, domains: Iterable[str] = ()
    ) -> models.SpaceName:
        """Make a space.  type: "public" or "private".  domains: host names of its own.  SpaceExists if it is taken."""
        return await self._run(operations.create_space(name, type, region or self._settings.hosts().region, domains))

    async def delete_space(self, name: str) -> models.SpaceName:
        """Remove an empty space.  SpaceNotEmpty, SpaceNotFound."""
        return await self._run(operations.delete_space(name))

    async def stat_space(self, name: str) -> models.SpaceInfo:
        """What the service says of a space.  SpaceNotFound."""
        return await self._run(operations.stat_space(name))

    async def update_space(
        self, name: str, *, type: str | None = None, storage_class: str | None = None
    ) -> models.SpaceName:
        """Make a space public or private, or change the class of what is stored in it from now on."""
        return await self._run(operations.update_space(name, type, storage_class))

    def list_spaces(self) -> AsyncListing[models.SpaceInfo]:
        """The spaces of this key pair's account, lazily."""
        return AsyncListing(lambda marker: self._run(operations.list_spaces(marker)))

    async def space_usage(
        self, spaces: str | Iterable[str], *, begin: datetime, end: datetime
    ) -> tuple[models.SpaceUsage, ...]:
        """What was stored in and read from spaces, day by day."""
        return await self._run(operations.space_usage(spaces, begin, end))

    # Objects

    async def put(
        self,
        space: str,
        key: str,
        data: AsyncSource,
        *,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        acl: str | None = None,
        verify: bool | None = None,
    ) -> models.Stored:
        """Store an object in one request and compare its etag with that of what was sent.

        data: bytes, a path, a binary file from where it stands, or an iterable of bytes, of any length; nothing that
        the caller opened is closed.  mime: guessed from the names if not given.  headers: kept and replayed, such as
        Cache-Control.  acl: "public-read" or "default".  IntegrityError if the service stored other bytes.
        For large files and bad networks there is ``upload``.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            source = _bridged(data)
            return await self._bulk(
                lambda client, _: client.put(
                    space,
                    key,
                    source,
                    mime=mime,
                    storage_class=storage_class,
                    metadata=metadata,
                    headers=headers,
                    acl=acl,
                    verify=verify,
                )
            )
        op = operations.put(space, key, mime, storage_class, metadata, headers, acl)
        content = data if isinstance(data, bytes) else bytes(data)
        check = self._settings.verify if verify is None else verify
        result, response = await self._carrier.call(op, content, proof=check)
        verified = check and operations.agrees(op, result.etag, content, response.status)
        return models.Stored(op.space, op.key, len(content), result.etag, verified)

    async def get(
        self,
        space: str,
        key: str,
        *,
        start: int | None = None,
        end: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        verify: bool | None = None,
    ) -> models.Content:
        """An object's bytes, in memory, or those from ``start`` up to but not including ``end``.

        A negative start: the last bytes.  if_match, if_none_match: an etag; PreconditionFailed, or Refused with status
        304, if the object has another, or this one.  A whole object is verified by its etag: IntegrityError.
        """
        op = operations.get(space, key, start, end, if_match, if_none_match)
        check = self._settings.verify if verify is None else verify

        async def once(until: float | None) -> models.Content:
            found, data = await self._carrier.get(op, self._expires(), until)
            return operations.content(op, found, data, check)

        found: models.Content = await self._carrier.persist(once, op)
        return found

    def _expires(self) -> int | None:
        """Seconds that a signed URL lasts; None of an anonymous client, whose URLs are not signed."""
        return self._settings.expires if self._settings.public_key is not None else None

    @overload
    def open(
        self,
        space: str,
        key: str,
        mode: Literal["rb"] = "rb",
        *,
        cache: int | None = None,
        bandwidth: int | Limit | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        verify: bool | None = None,
    ) -> AsyncReader: ...

    @overload
    def open(
        self,
        space: str,
        key: str,
        mode: Literal["wb"],
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
        verify: bool | None = None,
    ) -> AsyncWriter: ...

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
        verify: bool | None = None,
    ) -> AsyncReader | AsyncWriter:
        """An object as a binary file.  mode: "rb" to read, "wb" to write; for text wrap it in io.TextIOWrapper.

        A Reader seeks and buffers, reads ahead while it is read in order, keeps up to ``cache`` bytes (8 MiB) for reads
        that jump, and stays with the version that it was opened on: ObjectChanged.  NotFound at once.
        A Writer takes any length and stores it when it is closed; a ``with`` block that raises stores nothing.
        bandwidth, progress, cancel, deadline: as of ``upload``; the deadline counts from now.  The options of the other
        mode are refused.
        """
        from uvideo.client import aio_file

        sent = {"part_jobs": part_jobs, "progress": progress}
        stored = {"mime": mime, "storage_class": storage_class, "metadata": metadata, "headers": headers}
        operations.mode_of(mode, {"cache": cache}, {**stored, **sent})
        client = self._sync()
        given: dict[str, Any] = {"bandwidth": bandwidth, "deadline": deadline, "verify": verify}
        if mode == "rb":
            return aio_file.AsyncReader(
                lambda token: client.open(space, key, "rb", cache=cache, cancel=token, **given), cancel
            )
        given.update(stored, part_jobs=part_jobs, progress=self._on_loop(progress))
        return aio_file.AsyncWriter(lambda token: client.open(space, key, "wb", cancel=token, **given), cancel)

    async def upload(
        self,
        space: str,
        key: str,
        source: AsyncSource,
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
        verify: bool | None = None,
    ) -> models.Stored:
        """Store an object of any size: small ones in one request, others in parts, several at a time, each verified.

        source: bytes, a path (pathlib.Path), a binary file from where it stands, or an iterable of bytes of unknown
        length.  An upload of a path is in the journal: after a lost connection, a crash or a reboot the same call, or
        ``resume``, sends what is missing.  TransferInterrupted says by its ``transfer`` that it can; Cancelled and
        DeadlineExceeded are such.  A file that changes meanwhile is refused: SourceChanged.
        part_jobs: parts at a time.  bandwidth: bytes a second, or a Limit that several transfers share.
        progress: called with a Progress, whose done never goes down; what it raises ends the upload.  cancel: a Cancel
        that another thread sets.  deadline: seconds for all.  journal: False to leave no record.
        verify: False to hash nothing: the service's own etags are then believed, and parts of a file go from the disk
        to the network without being read.
        """
        told, given = self._on_loop(progress), _bridged(source)
        return await self._bulk(
            lambda client, token: client.upload(
                space,
                key,
                given,
                mime=mime,
                storage_class=storage_class,
                metadata=metadata,
                headers=headers,
                part_jobs=part_jobs,
                bandwidth=bandwidth,
                progress=told,
                cancel=token,
                deadline=deadline,
                journal=journal,
                verify=verify,
            ),
            cancel,
            deadline,
        )

    def _journal(self) -> Journal:
        from uvideo.transfer.journal import Journal

        return Journal(self._settings.state() / "transfers")

    async def download(
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
        verify: bool | None = None,
    ) -> models.Downloaded:
        """Save an object, or the bytes from ``start`` up to ``end``: large ones in several ranges at a time.

        target: a path, or a binary file, which is written from where it stands and left open.  A file at a path appears
        only when it is complete and verified; a failure leaves an existing one as it was.  What breaks off goes on
        where it ended; an object that changes meanwhile is fetched anew, once, then it is ObjectChanged.
        A large download to a path is in the journal: after a lost connection, a crash or a reboot the same call, or
        ``resume``, fetches what is missing.  TransferInterrupted and the other options are as for ``upload``.
        verify: False not to compare the etag; one of a part of an object cannot be.
        """
        told = self._on_loop(progress)
        return await self._bulk(
            lambda client, token: client.download(
                space,
                key,
                target,
                start=start,
                end=end,
                part_jobs=part_jobs,
                bandwidth=bandwidth,
                progress=told,
                cancel=token,
                deadline=deadline,
                journal=journal,
                verify=verify,
            ),
            cancel,
            deadline,
        )

    async def upload_dir(
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
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> models.Summary[models.Stored]:
        """Upload the files below a local folder, ``jobs`` at a time, as the keys prefix/path with "/" between names.

        include, exclude: patterns of paths: "*.mp4" in every folder, "/a/*" from the top, "tmp/"
        all in such folders; exclude counts more.  Links are followed, but no folder back into itself; empty folders
        have no key.  A file that cannot be read, or whose name is not UTF-8, is a Failure and the others go on; with
        on_error "stop", or after what all would meet, a wrong key or a dead line say, nothing more is begun.
        SomeFailed, with the Summary, at the end.
        progress: called with Totals, which grow while files are found.  report: called with each Stored or Failure;
        the Summary then has failures only, for millions of files.  What they raise ends it.  cancel: Cancelled.
        dry_run: only say what would be uploaded.  The other options are those of ``upload``.
        """
        told, reported = self._on_loop(progress), self._on_loop(report)
        return await self._threaded(
            self._sync(),
            lambda client, token: client.upload_dir(
                folder,
                space,
                prefix,
                jobs=jobs,
                include=include,
                exclude=exclude,
                part_jobs=part_jobs,
                bandwidth=bandwidth,
                progress=told,
                report=reported,
                cancel=token,
                on_error=on_error,
                dry_run=dry_run,
                storage_class=storage_class,
                metadata=metadata,
                headers=headers,
            ),
            cancel or Cancel(),
        )

    async def download_dir(
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
    ) -> models.Summary[models.Downloaded]:
        """Download the objects below ``prefix`` into a local folder, which is made; the opposite of ``upload_dir``.

        A key that cannot be a file here is a Failure: names such as .. or none at all, or too long; a name that is a
        file and a folder, or another file's but for upper and lower case where that is the same; what would come to
        lie outside of the folder, through a link in it say.  Keys that end with / make folders.  Files that are there
        are replaced, each at once and whole.  include, exclude, on_error, progress, report, cancel, dry_run and errors:
        as of ``upload_dir``; the other options are those of ``download``.
        """
        told, reported = self._on_loop(progress), self._on_loop(report)
        return await self._threaded(
            self._sync(),
            lambda client, token: client.download_dir(
                space,
                prefix,
                folder,
                jobs=jobs,
                include=include,
                exclude=exclude,
                part_jobs=part_jobs,
                bandwidth=bandwidth,
                progress=told,
                report=reported,
                cancel=token,
                on_error=on_error,
                dry_run=dry_run,
            ),
            cancel or Cancel(),
        )

    async def stat(self, space: str, key: str) -> models.ObjectInfo:
        """What the service says of an object.  NotFound."""
        return await self._run(operations.stat(space, key))

    async def delete(self, space: str, key: str) -> None:
        """Remove an object; one that is absent is no error."""
        await self._run(operations.delete(space, key))

    async def delete_many(self, space: str, keys: Iterable[str], *, jobs: int = 8) -> models.Summary[str]:
        """Remove objects, ``jobs`` at a time.  SomeFailed, with the summary, after the others are done."""
        done: list[str] = []
        failures: list[models.Failure] = []
        rest = iter(several(keys, "keys"))

        async def work() -> None:
            for key in rest:
                try:
                    await self.delete(space, key)
                    done.append(key)
                except UVideoError as error:
                    failures.append(models.Failure(space, key, None, error))

        await asyncio.gather(*(work() for _ in range(operations.jobs(jobs))))
        return operations.summed(done, failures)

    def list(
        self,
        space: str,
        prefix: str = "",
        *,
        delimiter: str = "",
        start_after: str = "",
        page_size: int = 1000,
    ) -> AsyncListing[models.ObjectInfo]:
        """The objects of a space in order of their keys, lazily.

        delimiter: with "/", objects below folders are left out, and each Page says the folders as prefixes.
        """
        operations.list_objects(space, prefix, delimiter, start_after, page_size)  # bad arguments are said at once
        return AsyncListing(
            lambda marker: self._run(operations.list_objects(space, prefix, delimiter, marker, page_size)), start_after
        )

    def list_files(self, space: str, prefix: str = "", *, page_size: int = 1000) -> AsyncListing[models.ObjectInfo]:
        """As ``list``, by the service's older call PrefixFileList."""
        return AsyncListing(lambda marker: self._run(operations.list_files(space, prefix, marker, page_size)))

    async def list_space_files(self, space: str, *, offset: int = 0, limit: int = 20) -> tuple[models.ObjectInfo, ...]:
        """As ``list``, by the management plane's GetFileList, which the service deprecates."""
        return await self._run(operations.list_space_files(space, offset, limit))

    async def copy(
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
        verify: bool | None = None,
        threshold: int | None = None,
    ) -> models.Stored:
        """Store another object's bytes as this one without sending them.

        Up to ``threshold`` bytes (100 MB) go in one request, a larger object in parts, part_jobs at a time.  Before the
        parts become an object the source is looked at: if it changed, ObjectChanged, and nothing is stored.
        mime, metadata, headers: with any of them the copy has these three in place of the source's.  storage_class:
        default the source's.  verify: False not to compare etags; other bytes are an IntegrityError.  progress, cancel:
        as of ``upload``.  NotFound without a source.
        """
        whole, check = self._carrier.one(), self._settings.verify if verify is None else verify
        jobs = operations.jobs(self._settings.part_jobs if part_jobs is None else part_jobs)

        async def ask(call: Call[T]) -> T:
            if cancel is not None and not call.tidies():
                cancel.check()
            carrier = whole.tidying() if call.tidies() else whole
            carrier.carrier.check()
            result, _ = await carrier.call(call.operation, proof=check)
            return call.convert(result)

        made = copies.Copy(
            space=space,
            key=key,
            source_space=source_space,
            source_key=source_key,
            mime=mime,
            storage_class=storage_class,
            metadata=metadata,
            headers=headers,
            verify=check,
            threshold=copies.ONE_REQUEST if threshold is None else size("threshold", threshold),
            progress=progress,
            ticks=self._carrier.carrier.ticks,
            ask=ask,
            each=lambda do, parts: gathered(do, parts, jobs),
        )
        return await made.stored()

    async def rename(self, space: str, key: str, new_key: str, *, force: bool = False) -> None:
        """Give an object another key.  force: also if that takes the place of another object; else AlreadyExists."""
        call, one = operations.rename(space, key, new_key, force), self._one()
        lost: list[UVideoError] = []
        try:
            await one._carrier.call(call.operation, lost=lost)
        except (NotFound, AlreadyExists):
            # A try without answer may have done it already; then the object is there under its new key only.
            if not lost or await one._is_there(space, key) or not await one._is_there(space, new_key):
                raise

    async def _is_there(self, space: str, key: str) -> bool:
        try:
            await self.stat(space, key)
        except NotFound:
            return False
        return True

    def presign(
        self,
        space: str,
        key: str,
        *,
        method: str = "GET",
        expires: float | timedelta | None = None,
        mime: str | None = None,
        md5: str | None = None,
        filename: str | None = None,
    ) -> str:
        """A URL by which anybody may use one ``method`` on the object until it expires: GET, HEAD or PUT.

        expires: seconds or a timedelta, default the settings'.  mime, md5: of a PUT; it must send the same headers.
        filename: of a GET, what a browser calls the download.
        """
        lasting = int(operations.seconds(self._settings.expires if expires is None else expires, "expires"))
        return operations.presigned(self._carrier.carrier, space, key, method, max(1, lasting), mime, md5, filename)

    async def restore(self, space: str, key: str, *, tier: str | None = None) -> None:
        """Ask for an object of class ARCHIVE to be made readable.  tier: Expedited or Standard."""
        await self._run(operations.restore(space, key, tier))

    async def set_class(self, space: str, key: str, storage_class: str) -> None:
        """Move an object to a cheaper class: STANDARD to IA or ARCHIVE, IA to ARCHIVE."""
        await self._run(operations.set_class(space, key, storage_class))

    async def set_mime(self, space: str, key: str, mime: str) -> None:
        """Change an object's media type."""
        await self._run(operations.set_mime(space, key, mime))

    async def set_tags(self, space: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of an object."""
        await self._run(operations.set_tags(space, key, tags))

    async def get_tags(self, space: str, key: str) -> dict[str, str]:
        """The tags of an object."""
        return await self._run(operations.get_tags(space, key))

    async def delete_tags(self, space: str, key: str) -> None:
        """Remove the tags of an object."""
        await self._run(operations.delete_tags(space, key))

    async def set_acl(self, space: str, key: str, grant: str) -> None:
        """grant: "public-read", so that anybody may read the object, or "default"."""
        await self._run(operations.set_acl(space, key, grant))

    async def get_acl(self, space: str, key: str) -> models.Acl:
        """Who may read an object beside its owner."""
        return await self._run(operations.get_acl(space, key))

    async def append(
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
        """Add bytes to the end of an object, which is made if it is absent.

        position: its size, asked for if not given.  The options count when it is made.  A try whose answer was lost is
        not repeated, as it may have added the bytes: NoAnswer, and stat tells.
        """
        content = operations.octets(data, "data")
        stored = mime, storage_class, metadata, headers
        operations.append(space, key, position or 0, len(content), *stored)  # bad arguments are said at once
        one = self._one()
        if position is None:
            try:
                position = (await one.stat(space, key)).size
            except NotFound:
                position = 0
        call = operations.append(space, key, position, len(content), *stored)
        result, _ = await one._carrier.call(call.operation, content)
        return call.convert(result)

    async def put_known(self, space: str, key: str, *, etag: str, size: int, mime: str | None = None) -> models.Stored:
        """Make an object of content that the account has stored already, without sending it.  NotFound without it."""
        return await self._run(operations.put_known(space, key, etag, size, mime))

    # Multipart, by hand

    async def begin_upload(
        self,
        space: str,
        key: str,
        *,
        mime: str | None = None,
        storage_class: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> models.BegunUpload:
        """Begin a multipart upload whose parts the caller sends; ``upload`` does all of it."""
        return await self._run(operations.begin_upload(space, key, mime, storage_class, metadata, headers))

    async def put_part(self, upload: models.BegunUpload, part: int, data: bytes) -> models.PartInfo:
        """Send one part, from 0: block_size bytes, the last may be shorter.  Its etag is compared."""
        content = operations.octets(data, "data")
        call = operations.put_part(upload, part, content)
        result, response = await self._carrier.call(call.operation, content)
        return operations.agree_part(upload, call.convert(result), content, response.status)

    async def copy_part(
        self,
        upload: models.BegunUpload,
        part: int,
        source_space: str,
        source_key: str,
        *,
        start: int | None = None,
        end: int | None = None,
    ) -> models.PartInfo:
        """Make one part of another object's bytes from ``start`` up to but not including ``end``."""
        return await self._run(operations.copy_part(upload, part, source_space, source_key, start, end))

    async def finish_upload(
        self, upload: models.BegunUpload, parts: Sequence[models.PartInfo], *, new_key: str | None = None
    ) -> models.Stored:
        """Make the object of its parts.  new_key: the name to take if the key has meanwhile been taken."""
        return await self._run(operations.finish_upload(upload, parts, new_key))

    def list_uploads(self, space: str, prefix: str = "") -> AsyncListing[models.UploadInfo]:
        """The unfinished uploads of a space, lazily."""
        return AsyncListing(lambda marker: self._run(operations.list_uploads(space, prefix, marker)))

    def list_parts(self, space: str, upload_id: str) -> AsyncListing[models.PartInfo]:
        """The parts that the service has of an unfinished upload, lazily."""
        return AsyncListing(lambda marker: self._run(operations.list_parts(space, upload_id, marker)))

    async def abort_upload(self, space: str, key: str, upload_id: str) -> None:
        """Give an unfinished upload up and free what the service keeps of it; one that is gone is no error."""
        try:
            await self._run(operations.abort_upload(space, key, upload_id))
        except UploadNotFound:
            pass

    async def clean_uploads(
        self, space: str, prefix: str = "", *, older_than: float | timedelta, dry_run: bool = False
    ) -> tuple[models.UploadInfo, ...]:
        """Abort the unfinished uploads that were begun longer ago and that no record of this machine's journal names.

        older_than: seconds or a timedelta.  dry_run: only say which.  What was aborted, or would be.
        """
        age = operations.seconds(older_than, "older_than")
        kept = {record.upload_id for record in self.transfers()}
        oldest = self._carrier.carrier.clock() - age
        found = [
            each
            async for each in self.list_uploads(space, prefix)
            if each.upload_id not in kept and each.started is not None and each.started.timestamp() < oldest
        ]
        if not dry_run:
            for each in found:
                await self.abort_upload(space, each.key, each.upload_id)
        return tuple(found)

    # Journal

    def transfers(self) -> tuple[models.TransferRecord, ...]:
        """The uploads and downloads in this user's journal that are not finished, the oldest first."""
        return self._journal().entries()

    async def resume(
        self,
        transfer: str,
        *,
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
        progress: Callable[[models.Progress], None] | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> models.Stored | models.Downloaded:
        """Go on with a transfer of the journal, by its id.

        It may have been begun through another address of the same service; InvalidArgument if the service does not
        know it.  SourceChanged if an upload's file, ObjectChanged if a download's object is not the same any more;
        TransferBusy if another process is at it.  Otherwise as ``upload`` and ``download``.
        """
        told = self._on_loop(progress)
        return await self._bulk(
            lambda client, token: client.resume(
                transfer,
                part_jobs=part_jobs,
                bandwidth=bandwidth,
                progress=told,
                cancel=token,
                deadline=deadline,
            ),
            cancel,
            deadline,
        )

    async def abort(self, transfer: str) -> None:
        """Give a transfer of the journal up: free what the service keeps of it, remove what is here of it."""
        await self._bulk(lambda client, _: client.abort(transfer))

    # Keys

    async def create_token(
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
        """Make a key pair that may do less than this one.  ops: TOKEN_ALLOW_READ and so on; prefixes: of keys.

        A try whose answer was lost is not repeated, as it may have made one: NoAnswer, and list_tokens tells.
        """
        return await self._run(operations.create_token(name, ops, prefixes, spaces, expires, black_ips, white_ips))

    async def list_tokens(self, *, token_id: str | None = None, show_keys: bool = False) -> tuple[models.Token, ...]:
        """The tokens of this account, or one.  show_keys: with their private keys."""
        return await self._run(operations.list_tokens(token_id, show_keys))

    async def update_token(
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
        """Change a token; what is not given stays."""
        await self._run(operations.update_token(token_id, name, ops, prefixes, spaces, expires, black_ips, white_ips))

    async def delete_token(self, token_id: str) -> None:
        """Remove a token; its keys are refused from then on."""
        await self._run(operations.delete_token(token_id))

    async def assume_role(
        self,
        *,
        role: str | None = None,
        session: str | None = None,
        duration: float | timedelta | None = None,
        policy: str | None = None,
    ) -> models.TemporaryKeys:
        """A key pair that ends by itself.

        duration: seconds or a timedelta.  policy: JSON text that narrows what the pair may do; `uvideo serve` applies
        none, so it refuses the call (BadRequest).
        """
        return await self._run(operations.assume_role(role, session, duration, policy))


def _bridged(source: AsyncSource) -> Source:
    """What a thread reads: of an async iterable one item at a time is asked of the running loop."""
    return _asked(source, asyncio.get_running_loop()) if isinstance(source, AsyncIterable) else source


def _asked(source: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    iterator = source.__aiter__()

    async def following() -> tuple[bytes] | None:  # None at the end only: an item that is None is an error of its own
        try:
            return (await iterator.__anext__(),)
        except StopAsyncIteration:
            return None

    while (found := asyncio.run_coroutine_threadsafe(following(), loop).result()) is not None:
        yield found[0]


def _rebuild(cls: type[AsyncClient], settings: Settings, tries: Retry | None) -> AsyncClient:
    return cls(settings=settings, retry=tries)
