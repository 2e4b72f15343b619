"""AsyncClient: every operation of the service for programs with an event loop, with the methods of Client.

    async with uvideo.AsyncClient(endpoint="127.0.0.1:9000", public_key=..., private_key=...) as client:
        await client.put("movies", "hello.txt", b"hello")

Small operations run on the event loop.  Transfers of files and streams run Client's code in threads, which reading
files and hashing need anyway.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, cast, overload

from uvideo import models
from uvideo.client import operations
from uvideo.client.base import BaseClient, documented_by
from uvideo.client.cancel import Cancel
from uvideo.client.carrier import carried
from uvideo.client.listing import AsyncListing, Listing, Merge, items_of
from uvideo.client.operations import DataCall, ManagementCall
from uvideo.client.options import OpenOptions, PutOptions, check_names
from uvideo.client.stream import Content, Source
from uvideo.client.sync import Client
from uvideo.config import telemetry
from uvideo.errors import DeadlineExceeded, UVideoError
from uvideo.models import Page, T
from uvideo.transfer import copy as copies
from uvideo.transfer.pool import gathered

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo._core import DataOperation, message, operation
    from uvideo.client.aio_file import AsyncReader, AsyncWriter
    from uvideo.client.options import ReadOptions, UploadOptions, WriteOptions

__all__ = ["AsyncClient"]

AsyncContent = Content | AsyncIterable[bytes]
AsyncSource = Source | AsyncIterable[bytes]
#: The most transfers that one client runs at the same time; further ones wait.
TRANSFERS = 8
P = ParamSpec("P")
#: The options of a call that runs in a thread.
G = TypeVar("G", bound=Mapping[str, Any])


def awaited(
    method: Callable[Concatenate[Client, P], T],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """Make an AsyncClient's method from one of Client, and await the result of its ``_run`` or ``_done``."""

    @functools.wraps(method)
    async def twin(self: AsyncClient, /, *args: P.args, **options: P.kwargs) -> T:
        same: Any = self
        made: Any = method(same, *args, **options)
        found: T = await made
        return found

    twin.__qualname__ = "Async" + method.__qualname__
    return twin


def listed(
    method: Callable[Concatenate[Client, P], Listing[T]],
) -> Callable[Concatenate[AsyncClient, P], AsyncListing[T]]:
    """Make an AsyncClient's method from one of Client that returns the result of ``_list``."""

    @functools.wraps(method)
    def twin(self: AsyncClient, /, *args: P.args, **options: P.kwargs) -> AsyncListing[T]:
        same: Any = self
        made: Any = method(same, *args, **options)
        found: AsyncListing[T] = made
        return found

    twin.__qualname__ = "Async" + method.__qualname__
    own = inspect.signature(method)
    vars(twin)["__signature__"] = own.replace(return_annotation=f"Async{own.return_annotation}")
    return twin


def threaded(
    method: Callable[Concatenate[Client, P], T], whole: bool = True
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """Make an AsyncClient's method from one of Client with the options cancel and progress.  It runs in a thread.

    whole: the method is one call, whose time limits include the wait for a thread.
    """

    call: Callable[..., T] = method

    @functools.wraps(method)
    async def twin(self: AsyncClient, /, *args: P.args, **options: P.kwargs) -> T:
        def job(client: Client, given: Mapping[str, Any]) -> T:
            return call(client, *args, **given)

        return await (self._bulk(job, options) if whole else self._threaded(self._sync(), job, options))

    twin.__qualname__ = "Async" + method.__qualname__
    return twin


@documented_by(Client)
class AsyncClient(BaseClient):
    """As Client, for one event loop.  Do not share it between threads or loops; close it, or use ``async with``.

    A pickle or copy is a separate client, for another loop.

    Arguments, errors and methods are Client's.  ``list`` and similar methods return an AsyncListing, for ``async for``.
    Where Client takes an iterable of bytes, an async iterable is accepted, too.  Cancelling a transfer's task cancels
    the transfer, as a Cancel does.  progress is called on the loop.
    """

    def _start(self) -> None:
        from uvideo.client.aio_carrier import AsyncCarrier

        kind = AsyncCarrier
        if telemetry.is_on():
            from uvideo.client.spans import TracedAsyncCarrier

            kind = TracedAsyncCarrier
        self._carrier = kind(self._core, self._settings)
        self._client: Client | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def close(self) -> None:
        """Close the connections, for good: a later request raises InvalidArgument.  It ends running requests."""
        self._core.transport.shut()
        await self._carrier.close()
        client, self._client = self._client, None
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
        if client is not None:
            client.close()

    async def close_idle(self) -> None:
        self._core.transport.close()
        await self._carrier.close_idle()
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
        if self._client is not None:
            self._client.close_idle()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, call: DataCall[T] | ManagementCall[T]) -> T:
        if isinstance(call, ManagementCall):
            result, _ = await self._carrier.act(call.operation)
        else:
            result, _ = await self._carrier.call(call.operation)
        return call.convert(result)

    async def _done(self, steps: Coroutine[Any, Any, T]) -> T:
        return await steps

    async def _called(
        self, op: DataOperation, body: bytes | None = None, lost: list[UVideoError] | None = None, proof: bool = True
    ) -> tuple[Any, message.Response]:
        return await self._carrier.call(op, body, lost=lost, proof=proof)

    def _list(
        self,
        call: Callable[[str], DataCall[Page[T]] | ManagementCall[Page[T]]],
        start: str = "",
        merge: Merge[T] = items_of,
    ) -> AsyncListing[T]:
        return AsyncListing(lambda marker: self._run(call(marker)), start, merge)

    def _one(self) -> AsyncClient:
        """This client for a call of several operations, which share its total time."""
        return carried(self, self._carrier.one())

    def _sync(self) -> Client:
        """The Client whose methods run in threads.  InvalidArgument after ``close``."""
        self._core.transport.check_open()
        if self._client is None:
            self._client = Client(settings=self._settings, retry=self._retry)
        return self._client

    async def _bulk(self, job: Callable[[Client, G], T], options: G) -> T:
        """As ``_threaded``, for a transfer that is one call: its deadline includes the wait for a thread."""
        return await self._threaded(self._sync()._one(options.get("deadline")), job, options)

    async def _threaded(self, client: Client, job: Callable[[Client, G], T], options: G) -> T:
        """The result of ``job(client, options)``, run in a thread.  If the task is cancelled, the thread ends first.

        The job's options have a Cancel, which ends the calls of its client too, and callbacks that run on the loop.
        """
        token = options.get("cancel") or Cancel()
        told = {name: self._on_loop(options[name]) for name in ("progress", "report") if name in options}
        if self._threads is None:
            self._threads = ThreadPoolExecutor(TRANSFERS, "uvideo-transfer")
        given = cast("G", {**options, **told, "cancel": token})
        client = carried(client, client._carrier.bound(token))
        begun = self._threads.submit(contextvars.copy_context().run, job, client, given)
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
            running.exception()  # read it, or the loop logs it as never retrieved
            raise

    @staticmethod
    def _on_loop(progress: Callable[[T], None] | None) -> Callable[[T], None] | None:
        """A function for a transfer's thread: it calls ``progress`` on the loop and raises its errors here."""
        if progress is None:
            return None
        loop = asyncio.get_running_loop()
        callback = progress

        async def tell(now: T) -> None:
            callback(now)

        return lambda now: asyncio.run_coroutine_threadsafe(tell(now), loop).result()

    # Spaces

    create_space = awaited(Client.create_space)

    delete_space = awaited(Client.delete_space)

    stat_space = awaited(Client.stat_space)

    update_space = awaited(Client.update_space)

    list_spaces = listed(Client.list_spaces)

    space_usage = awaited(Client.space_usage)

    # Objects

    async def put(
        self,
        space: str,
        key: str,
        data: AsyncContent,
        *,
        if_absent: bool = False,
        checksum: bool | None = None,
        **options: Unpack[PutOptions],
    ) -> models.Stored:
        check_names("put", options, PutOptions)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            source = _bridged(data)
            return await self._bulk(
                lambda client, _: client.put(space, key, source, if_absent=if_absent, checksum=checksum, **options), {}
            )
        content, check = bytes(data), self._checks(checksum)
        op, whole = operations.put(space, key, **options), self._one()
        if if_absent:
            return await whole._put_if_absent(op, lambda each: whole._bytes_put(each, content, check))
        return await self._bytes_put(op, content, check)

    get = awaited(Client.get)

    async def _got(self, op: operation.GetObject, verify: bool) -> models.Content:
        async def once(until: float | None) -> models.Content:
            found, data = await self._carrier.get(op, self._expires(), until)
            return operations.content(op, found, data, verify)

        return await self._carrier.persist(once, op)

    @overload
    def open(self, space: str, key: str, mode: Literal["rb"] = "rb", **options: Unpack[ReadOptions]) -> AsyncReader: ...

    @overload
    def open(self, space: str, key: str, mode: Literal["wb"], **options: Unpack[WriteOptions]) -> AsyncWriter: ...

    def open(self, space: str, key: str, mode: str = "rb", **options: Unpack[OpenOptions]) -> AsyncReader | AsyncWriter:
        """An object as a binary file.  mode: "rb" to read, "wb" to write.  Its methods are awaited.

        An AsyncReader can seek and is buffered.  It reads ahead while it is read in order, and caches up to ``cache``
        bytes (8 MiB) for random reads.  It reads one version: ObjectChanged if the object changes.  NotFound at the
        first read.  An AsyncWriter takes any length and stores the object when it is closed.  An ``async with`` block
        that raises stores nothing.  bandwidth, progress, cancel, deadline: as in ``upload``; the deadline counts from
        now.

        Options of the other mode are refused.
        """
        from uvideo.client import aio_file

        check_names("open", options, OpenOptions)
        operations.mode_of(mode, options)
        given: dict[str, Any] = {**options, "progress": self._on_loop(options.get("progress"))}
        client, cancel = self._sync(), given.pop("cancel", None)
        if mode == "rb":
            return aio_file.AsyncReader(lambda token: client.open(space, key, "rb", cancel=token, **given), cancel)
        return aio_file.AsyncWriter(lambda token: client.open(space, key, "wb", cancel=token, **given), cancel)

    async def upload(
        self, space: str, key: str, source: AsyncSource, **options: Unpack[UploadOptions]
    ) -> models.Stored:
        given = _bridged(source)
        return await self._bulk(lambda client, own: client.upload(space, key, given, **own), options)

    download = threaded(Client.download)

    upload_dir = threaded(Client.upload_dir, whole=False)

    download_dir = threaded(Client.download_dir, whole=False)

    stat = awaited(Client.stat)

    exists = awaited(Client.exists)

    wait_until = awaited(Client.wait_until)

    async def _paused(self, seconds: float, sleep: Callable[[float], object] | None) -> None:
        paused = (self._carrier.sleep if sleep is None else sleep)(seconds)
        if inspect.isawaitable(paused):
            await paused

    def _ending(self, until: float) -> AsyncClient:
        return carried(self, self._carrier.ending(until))

    def _tidying(self) -> AsyncClient:
        return carried(self, self._carrier.tidying())

    delete = awaited(Client.delete)

    delete_many = awaited(Client.delete_many)

    list = listed(Client.list)

    list_files = listed(Client.list_files)

    list_space_files = awaited(Client.list_space_files)

    copy = awaited(Client.copy)

    def _asking(self, cancel: Cancel | None) -> copies.Ask:
        whole = self._carrier.one()

        async def ask(call: DataCall[T], proof: bool) -> T:
            if cancel is not None and not call.tidies():
                cancel.check()
            carrier = whole.tidying() if call.tidies() else whole
            carrier.carrier.check()
            result, _ = await carrier.call(call.operation, proof=proof)
            return call.convert(result)

        return ask

    _each = staticmethod(gathered)

    rename = awaited(Client.rename)

    restore = awaited(Client.restore)

    set_class = awaited(Client.set_class)

    set_mime = awaited(Client.set_mime)

    set_tags = awaited(Client.set_tags)

    get_tags = awaited(Client.get_tags)

    delete_tags = awaited(Client.delete_tags)

    set_acl = awaited(Client.set_acl)

    get_acl = awaited(Client.get_acl)

    append = awaited(Client.append)

    put_known = awaited(Client.put_known)

    # Multipart, by hand

    begin_upload = awaited(Client.begin_upload)

    put_part = awaited(Client.put_part)

    copy_part = awaited(Client.copy_part)

    finish_upload = awaited(Client.finish_upload)

    list_uploads = listed(Client.list_uploads)

    list_parts = listed(Client.list_parts)

    abort_upload = awaited(Client.abort_upload)

    clean_uploads = awaited(Client.clean_uploads)

    # Journal

    resume = threaded(Client.resume)

    async def abort(self, transfer: str) -> None:
        await self._bulk(lambda client, _: client.abort(transfer), {})

    # Keys

    create_token = awaited(Client.create_token)

    list_tokens = awaited(Client.list_tokens)

    update_token = awaited(Client.update_token)

    delete_token = awaited(Client.delete_token)

    assume_role = awaited(Client.assume_role)


@overload
def _bridged(source: AsyncContent) -> Content: ...


@overload
def _bridged(source: AsyncSource) -> Source: ...


def _bridged(source: AsyncSource) -> Source:
    """A source for a thread; each item of an async iterable is requested on the running loop."""
    return _asked(source, asyncio.get_running_loop()) if isinstance(source, AsyncIterable) else source


def _asked(source: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    iterator = source.__aiter__()

    async def following() -> tuple[bytes] | None:  # None only at the end: an item that is None raises
        try:
            return (await iterator.__anext__(),)
        except StopAsyncIteration:
            return None

    while (found := asyncio.run_coroutine_threadsafe(following(), loop).result()) is not None:
        yield found[0]
