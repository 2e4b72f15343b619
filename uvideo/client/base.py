"""BaseClient: the common base of Client and AsyncClient, and how AsyncClient gets Client's docstrings and options."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from uvideo import models
from uvideo.client import operations
from uvideo.client.carrier import chosen, connect
from uvideo.client.listing import following
from uvideo.client.lookup import looked_up
from uvideo.client.operations import DataCall
from uvideo.client.options import ClientOptions, StoredOptions, listing_options
from uvideo.client.texts import several
from uvideo.config.settings import Settings
from uvideo.errors import AlreadyExists, DeadlineExceeded, NoAnswer, NotFound, UploadNotFound, UVideoError
from uvideo.models import T

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo._core import DataOperation, message, operation
    from uvideo.client.retry import Retry
    from uvideo.transfer.copy import Each
    from uvideo.transfer.journal import Journal

__all__ = ["BaseClient", "documented_by"]

_log = logging.getLogger("uvideo")

C = TypeVar("C", bound="BaseClient")
#: Seconds for the last question of a wait, which begins when the wait's time is over.
LAST_LOOK = 1.0


class BaseClient:
    """Creates a client, and has the methods that send no request."""

    #: Runs many operations of one call at the same time.
    _each: ClassVar[Each]

    @listing_options(ClientOptions)
    def __init__(
        self,
        public_key: str | None = None,
        private_key: str | None = None,
        *,
        settings: Settings | None = None,
        retry: Retry | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        self._settings = chosen(public_key, private_key, settings, options)
        self._retry = retry
        self._core = connect(self._settings, retry)
        self._records: Journal | None = None
        self._start()

    def _start(self) -> None:
        """Create what carries out the calls, from ``_core``."""
        raise NotImplementedError

    @property
    def settings(self) -> Settings:
        """This client's settings."""
        return self._settings

    def __repr__(self) -> str:
        key = self._settings.public_key or "anonymous"
        return f"<{type(self).__name__} {key} at {self._settings.place()}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._settings, self._retry)

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
        """A URL with which anybody can make one kind of request for the object until it expires.

        method: GET, HEAD, PUT or DELETE.  expires: seconds or a timedelta, None for the settings'.  mime, md5: for a
        PUT, which must send the same headers.  filename: for a GET, the name under which a browser saves the download.
        Nothing is sent.  The end is by the clock of this machine; after an answer over TLS, or from this machine, it is
        by the service's clock, unless they differ by more than a day.
        """
        lasting = int(operations.seconds(self._settings.expires if expires is None else expires, "expires"))
        return self._core.url(operations.signable(space, key, method, mime, md5, filename), max(1, lasting))

    def presign_post(
        self,
        space: str,
        key: str,
        *,
        prefix: bool = False,
        min_size: int = 0,
        max_size: int | None = None,
        mime: str | None = None,
        expires: float | timedelta | None = None,
        endpoint: str | None = None,
    ) -> models.UploadForm:
        """An UploadForm with which somebody can upload one file, by a form of S3, until it expires.

        prefix: the form may store any key that begins with ``key``; as it is made, the name of the file follows.
        min_size, max_size: bytes of the file.  mime: its media type; "video/" lets the form choose one that begins so,
        in its field Content-Type.  expires: as in ``presign``.  endpoint: URL of the service for S3, where a space is a
        bucket; by default this client's, because `uvideo serve` answers both there.  Without a scheme it is http, or
        https for a host of the vendor, as for a client.

        Nothing is sent.
        """
        lasting = int(operations.seconds(self._settings.expires if expires is None else expires, "expires"))
        where = operations.s3_endpoint(self._settings.hosts().upload if endpoint is None else endpoint)
        grant = operations.form_grant(
            self._settings, space, key, prefix, min_size, max_size, mime, int(self._core.now()), max(1, lasting)
        )
        from uvideo.s3 import post_policy

        return models.UploadForm(f"{where}/{space}", post_policy.signed(grant))

    def transfers(self) -> tuple[models.TransferRecord, ...]:
        """The unfinished uploads and downloads in this user's journal, the oldest first."""
        return self._journal().entries()

    def _journal(self) -> Journal:
        if self._records is None:
            from uvideo.transfer.journal import Journal

            self._records = Journal(self._settings.state() / "transfers")
        return self._records

    def _expires(self) -> int | None:
        """Seconds until a signed URL expires; None for an anonymous client, whose URLs are not signed."""
        return self._settings.expires if self._settings.public_key is not None else None

    def _checks(self, checksum: bool | None) -> bool:
        """Whether to compare etags, given the caller's argument."""
        return self._settings.checksum if checksum is None else checksum

    # Calls of several operations, shared: Client runs them without an event loop, see ``copy.finished``

    async def _called(
        self, op: DataOperation, body: bytes | None = None, lost: list[UVideoError] | None = None, proof: bool = True
    ) -> tuple[Any, message.Response]:
        """(result, Response) of an operation.  Client's returns at once.  ``lost``, ``proof``: as in Carrier.call."""
        raise NotImplementedError

    async def _ask(self, call: DataCall[T], body: bytes | None = None, lost: list[UVideoError] | None = None) -> T:
        """The result of a call."""
        result, _ = await self._called(call.operation, body, lost)
        return call.convert(result)

    async def _bytes_put(self, op: operation.PutObject, content: bytes, verify: bool) -> models.Stored:
        result, response = await self._called(op, content, None, verify)
        verified = verify and operations.agrees(op, result.etag, content, response.status)
        return models.Stored(op.space, op.key, len(content), result.etag, verified)

    async def _part_put(self, upload: models.BegunUpload, part: int, data: bytes) -> models.PartInfo:
        content = operations.octets(data, "data")
        call = operations.put_part(upload, part, content)
        result, response = await self._called(call.operation, content)
        return operations.agree_part(upload, call.convert(result), content, response.status)

    async def _deleted(self, space: str, keys: Iterable[str], jobs: int) -> models.Summary[str]:
        done: list[str] = []
        failures: list[models.Failure] = []

        async def one(key: str) -> None:
            try:
                await self._ask(operations.delete(space, key))
                done.append(key)
            except UVideoError as error:
                failures.append(models.Failure(space, key, None, error))

        await self._each(one, several(keys, "keys"), operations.jobs(jobs))
        return operations.summed(done, failures)

    async def _renamed(self, space: str, key: str, new_key: str, force: bool) -> None:
        lost: list[UVideoError] = []
        try:
            await self._ask(operations.rename(space, key, new_key, force), None, lost)
        except (NotFound, AlreadyExists):
            # A try without a response may have taken effect; then only the new key exists.
            if not lost or await self._is_there(space, key) or not await self._is_there(space, new_key):
                raise

    async def _found(self, space: str, key: str) -> models.ObjectInfo | None:
        """An object's ObjectInfo, or None if there is none."""
        try:
            return await looked_up(self._ask, space, key)
        except NotFound:
            return None

    async def _is_there(self, space: str, key: str) -> bool:
        return await self._found(space, key) is not None

    async def _waited(
        self,
        space: str,
        key: str,
        state: str,
        timeout: float | timedelta,
        interval: float | timedelta,
        clock: Callable[[], float] | None,
        sleep: Callable[[float], object] | None,
    ) -> models.ObjectInfo | None:
        limit, pause = operations.check_state(state, timeout, interval)
        ticks = self._core.ticks if clock is None else clock
        end, last = ticks() + limit, self._core.ticks() + limit + LAST_LOOK
        bounded = self._ending(last)
        late = DeadlineExceeded(
            f"{space}/{key} is not {state} after {limit:g} s", operation="HeadObject", space=space, key=key
        )
        while True:
            try:
                found = await bounded._found(space, key)
            except NoAnswer:
                if self._core.ticks() < last:
                    raise
                raise late from None
            if operations.is_reached(state, found):
                return found
            if found is None and state == "restored":
                raise NotFound(operation="HeadObject", space=space, key=key)
            left = end - ticks()
            if left <= 0:
                raise late
            await self._paused(min(pause, left), sleep)

    def _ending(self: C, until: float) -> C:
        """This client for calls that end then, in ticks."""
        raise NotImplementedError

    async def _paused(self, seconds: float, sleep: Callable[[float], object] | None) -> None:
        """Wait with the caller's ``sleep``, or with this client's."""
        raise NotImplementedError

    async def _put_if_absent(
        self, op: operation.PutObject, send: Callable[[operation.PutObject], Awaitable[models.Stored]]
    ) -> models.Stored:
        """Store an object by ``send`` and an unforced rename.  AlreadyExists; nothing is left behind then."""
        if await self._is_there(op.space, op.key):
            raise AlreadyExists(operation="PutObject", space=op.space, key=op.key)
        temporary = operations.aside(op)
        try:
            stored = await send(temporary)
            await self._renamed(op.space, temporary.key, op.key, False)
        except BaseException:
            try:
                await self._tidying()._ask(operations.delete(op.space, temporary.key))
            except UVideoError as error:
                _log.warning("the temporary object %s/%s was not removed: %s", op.space, temporary.key, error)
            raise
        return replace(stored, key=op.key)

    def _tidying(self: C) -> C:
        """This client for cleaning up after a failed call."""
        raise NotImplementedError

    async def _appended(
        self, space: str, key: str, data: bytes, position: int | None, **options: Unpack[StoredOptions]
    ) -> models.Stored:
        content = operations.octets(data, "data")
        operations.append(space, key, position or 0, len(content), **options)  # raises early for invalid arguments
        if position is None:
            try:
                position = (await looked_up(self._ask, space, key)).size
            except NotFound:
                position = 0
        return await self._ask(operations.append(space, key, position, len(content), **options), content)

    async def _aborted(self, space: str, key: str, upload_id: str) -> None:
        with suppress(UploadNotFound):
            await self._ask(operations.abort_upload(space, key, upload_id))

    async def _cleaned(
        self, space: str, prefix: str, older_than: float | timedelta, dry_run: bool
    ) -> tuple[models.UploadInfo, ...]:
        oldest = self._core.clock() - operations.seconds(older_than, "older_than")
        kept, marker, more = {record.upload_id for record in self.transfers()}, "", True
        found: list[models.UploadInfo] = []
        while more:
            page = await self._ask(operations.list_uploads(space, prefix, marker))
            found += (
                each
                for each in page.items
                if each.upload_id not in kept and each.started is not None and each.started.timestamp() < oldest
            )
            marker = following(page, marker)
            more = bool(marker)
        for each in () if dry_run else found:
            await self._aborted(space, each.key, each.upload_id)
        return tuple(found)


def _rebuild(cls: type[C], settings: Settings, retry: Retry | None) -> C:
    return cls(settings=settings, retry=retry)


def documented_by(model: type[BaseClient]) -> Callable[[type[C]], type[C]]:
    """Complete the methods of a class from those with the same name in ``model``.

    A method without a docstring gets the model's.  A method that takes ``**options`` shows the model's options one by
    one in ``help()`` and to ``inspect``; type checkers know them from its TypedDict.
    """

    def complete(cls: type[C]) -> type[C]:
        for name, method in vars(cls).items():
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            of = getattr(model, name)
            method.__doc__ = method.__doc__ or of.__doc__
            own = inspect.signature(method)
            if "options" in own.parameters:
                given = [each for each in own.parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
                by_name = [p for p in inspect.signature(of).parameters.values() if p.kind is p.KEYWORD_ONLY]
                vars(method)["__signature__"] = own.replace(parameters=given + by_name)
        return cls

    return complete
