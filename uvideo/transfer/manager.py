"""Several transfers at the same time: a TransferManager runs them; a Transfer is one of them, a future."""

from __future__ import annotations

import contextvars
import logging
import os
import threading
import traceback
from collections.abc import Callable
from concurrent import futures
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar

from uvideo.client import operations
from uvideo.client.cancel import Cancel
from uvideo.client.options import CopyOptions, DownloadOptions, UploadOptions, listing_options
from uvideo.client.stream import Source, path_of
from uvideo.config.renames import check_old_names
from uvideo.errors import Cancelled, InvalidArgument, LocalFailure, SomeFailed
from uvideo.models import Downloaded, Failure, Progress, Stored, Summary, Totals
from uvideo.transfer.limit import Limit
from uvideo.transfer.pool import Pool

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.client.sync import Client

__all__ = ["Transfer", "TransferManager"]

_log = logging.getLogger("uvideo")

T = TypeVar("T", bound=Stored | Downloaded)
#: Waiting transfers for each running one; submitting blocks beyond that.
AHEAD = 4
#: Failures kept for the end of the block; further ones are only counted.
KEPT = 1000


class Transfer(Generic[T]):
    """One transfer of a TransferManager.  Safe to share between threads.

    path: of the local file; None for bytes and streams.
    """

    def __init__(
        self,
        manager: TransferManager,
        job: Callable[..., T],
        space: str,
        key: str,
        path: str | None,
        options: dict[str, Any],
    ) -> None:
        self.space, self.key, self.path = space, key, path
        self._manager = manager
        self._job: Callable[..., T] | None = job
        self._callback = options.pop("progress", None)
        self._outer = options.pop("cancel", None)
        if self._outer is not None and not isinstance(self._outer, Cancel):
            raise InvalidArgument(f"cancel is a {type(self._outer).__name__}; an uvideo.Cancel is needed")
        self._options = options
        self._cancel = Cancel()
        self._progress: Progress | None = None
        self._is_unseen = False
        self._future: futures.Future[T] = futures.Future()
        self._context: contextvars.Context | None = contextvars.copy_context()

    def __repr__(self) -> str:
        state = "done" if self.done() else "not done"
        return f"<Transfer of {self.space}/{self.key}, {state}>"

    @property
    def progress(self) -> Progress | None:
        """The latest Progress, or None."""
        return self._progress

    def done(self) -> bool:
        """Whether it has ended, with or without success."""
        return self._future.done()

    def cancel(self) -> None:
        """Cancel it: at once if it has not begun, else as a Cancel does.  ``result`` then raises Cancelled."""
        self._cancel.set()
        self._manager._check_process()
        self._manager._pool.hasten(self)

    def result(self, timeout: float | None = None) -> T:
        """The result of the Client's method, or its error.  TimeoutError if it is not done in ``timeout`` seconds."""
        self._wait(timeout)
        return self._future.result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """The error that ``result`` raises, or None.  TimeoutError as in ``result``."""
        self._wait(timeout)
        return self._future.exception()

    def add_done_callback(self, callback: Callable[[Transfer[T]], object]) -> None:
        """Call ``callback(transfer)`` when it is done, in the thread that ended it, or at once if it is done already.

        An error of the callback is logged.  The callback may submit more, which does not wait then.  It must not wait
        for other transfers.
        """

        def call(_: object) -> None:
            try:
                callback(self)
            except BaseException as error:  # also SystemExit, which would end the pool's thread
                if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                    raise
                _log.exception("a callback of %r raised an exception", self)

        self._future.add_done_callback(call)

    def _wait(self, timeout: float | None) -> None:
        if not self.done():
            self._manager._check_process()
            if not futures.wait((self._future,), timeout).done:
                raise TimeoutError(f"{self.space}/{self.key} is not done in {timeout} s")
        self._manager._seen(self)

    def _run(self) -> None:
        """Run it in the calling thread.  Raises nothing: errors are in the result."""
        job, self._job = self._job, None  # frees the source's bytes, however long the result is kept
        options, self._options = self._options, {}
        context, self._context = self._context, None
        assert job is not None and context is not None
        leading = nullcontext() if self._outer is None else self._outer.leading(self._cancel)
        try:
            with leading:
                self._cancel.check()
                result = context.run(job, cancel=self._cancel, **options)
        except BaseException as error:
            job = None  # the error's traceback holds this frame
            _clear(error)
            self._end(None, error)
        else:
            self._end(result, None)

    def _told(self, now: Progress) -> None:
        """Store a Progress of the engine."""
        before, self._progress = self._progress, now
        self._manager._moved(before, now)
        if self._callback is not None:
            self._callback(now)

    def _end(self, result: T | None, error: BaseException | None) -> None:
        self._manager._counted(self, result, error)
        if error is not None:
            self._future.set_exception(error)
        else:
            assert result is not None
            self._future.set_result(result)


class TransferManager:
    """Runs a Client's transfers, ``jobs`` at the same time.  Threads start when there is work and end with it.

    part_jobs: parts of each transfer at the same time; None for the settings'.  Memory: at most jobs * (part_jobs + 2)
    blocks.  bandwidth: bytes a second for all together, or a Limit shared with others; None for the settings'.

    Submitting waits while ``4 * jobs`` transfers are waiting, so a million files take little memory.

        with uvideo.TransferManager(client) as manager:
            for path in paths:
                manager.upload("movies", path.name, path)

    The end of the block waits for all transfers.  If you never read a failed transfer's result or exception, leaving
    the block raises SomeFailed.  Its summary has these failures (the first 1000) and no successes.  A block that raises
    cancels all transfers and waits for them.  Safe to share between threads.  InvalidArgument after a fork: create a
    new one in the child.
    """

    def __init__(
        self,
        client: Client,
        *,
        jobs: int = 8,
        part_jobs: int | None = None,
        bandwidth: int | Limit | None = None,
    ) -> None:
        from uvideo.transfer.limit import limited

        self._client, self._jobs = client, operations.jobs(jobs)
        self._part_jobs = None if part_jobs is None else operations.jobs(part_jobs)
        self._limit = limited(bandwidth, client.settings.bandwidth)
        self._pid = os.getpid()
        self._pool: Pool[Transfer[Any]] = Pool(Transfer._run, self._jobs, ahead=AHEAD * self._jobs)
        self._changed = self._pool.changed
        self._failures: dict[Transfer[Any], Failure] = {}
        self._cancelled = False
        self._unseen = self._files = self._files_done = self._failed = self._done = self._total = 0

    @listing_options(UploadOptions, journal=True, times=False)
    def upload(self, space: str, key: str, source: Source, **options: Unpack[UploadOptions]) -> Transfer[Stored]:
        """Submit a Client.upload with its options.  Waits while many are waiting.  Cancelled after ``cancel``."""
        return self._submit(partial(self._client.upload, space, key, source), space, key, path_of(source), {**options})

    @listing_options(DownloadOptions, journal=True, times=False)
    def download(
        self, space: str, key: str, target: str | os.PathLike[str] | BinaryIO, **options: Unpack[DownloadOptions]
    ) -> Transfer[Downloaded]:
        """Submit a Client.download with its options.  Waits while many are waiting.  Cancelled after ``cancel``."""
        path = os.fspath(target) if isinstance(target, (str, os.PathLike)) else None
        return self._submit(partial(self._client.download, space, key, target), space, key, path, {**options})

    @listing_options(CopyOptions)
    def copy(
        self, space: str, key: str, source_space: str, source_key: str, **options: Unpack[CopyOptions]
    ) -> Transfer[Stored]:
        """Submit a Client.copy with its options.  The service moves the bytes, so no bandwidth limit applies.

        Waits while many are waiting.  Cancelled after ``cancel``.
        """
        job = partial(self._client.copy, space, key, source_space, source_key)
        return self._submit(job, space, key, None, {**options}, limited=False)

    def progress(self) -> Totals:
        """The progress of all transfers together."""
        with self._changed:
            return Totals(self._files, self._files_done, self._failed, self._done, self._total)

    def cancel(self) -> None:
        """Cancel all transfers, for good: a later submit raises Cancelled.  Does not wait for running transfers."""
        self._check_process()
        with self._changed:
            self._cancelled = True
            self._pool.close()
            begun = self._pool.items()
        for transfer in begun:
            transfer.cancel()

    def __enter__(self) -> TransferManager:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if os.getpid() != self._pid:  # a forked child leaves its parent's block
            return
        self._pool.close()
        if kind is not None:
            self.cancel()
        try:
            self._pool.join()
        except BaseException:  # Ctrl-C; a second one ends the wait
            self.cancel()
            if kind is None:
                self._pool.join()
            raise
        if kind is None and self._unseen:
            failures = tuple(self._failures.values())
            named = "".join(f"; the first is {each.path or each.key}: {each.error}" for each in failures[:1])
            raise SomeFailed(f"{self._unseen} of {self._files} transfers failed{named}", Summary((), failures))

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise InvalidArgument(f"this TransferManager runs in process {self._pid}: after a fork, make another one")

    def _submit(
        self,
        job: Callable[..., T],
        space: str,
        key: str,
        path: str | None,
        options: dict[str, Any],
        limited: bool = True,
    ) -> Transfer[T]:
        self._check_process()
        check_old_names("transfer", options)
        transfer = Transfer(self, job, space, key, path, options)
        if self._part_jobs is not None:
            options.setdefault("part_jobs", self._part_jobs)
        if limited and self._limit is not None:
            options.setdefault("bandwidth", self._limit)
        options["progress"] = transfer._told
        with self._changed:
            if self._cancelled or not self._pool.put(transfer):
                if self._cancelled:
                    raise Cancelled(space=space, key=key)
                raise InvalidArgument("this TransferManager is closed")
            self._files += 1
        return transfer

    def _moved(self, before: Progress | None, now: Progress) -> None:
        with self._changed:
            self._done += now.done - (before.done if before else 0)
            self._total += (now.total or 0) - (before.total or 0 if before else 0)

    def _counted(
        self, transfer: Transfer[Any], result: Stored | Downloaded | None, error: BaseException | None
    ) -> None:
        now = transfer.progress
        with self._changed:
            if result is not None:
                size = result.size or 0
                self._files_done += 1
                self._done += size - (now.done if now else 0)
                self._total += size - (now.total or 0 if now else 0)
                return
            self._failed += 1
            if isinstance(error, Cancelled):
                return
            self._unseen += 1
            transfer._is_unseen = True
            if len(self._failures) < KEPT:
                shown = error if isinstance(error, Exception) else LocalFailure(repr(error))
                self._failures[transfer] = Failure(transfer.space, transfer.key, transfer.path, shown)

    def _seen(self, transfer: Transfer[Any]) -> None:
        with self._changed:
            if transfer._is_unseen:
                transfer._is_unseen = False
                self._unseen -= 1
                self._failures.pop(transfer, None)


def _clear(error: BaseException | None) -> None:
    """Drop what the frames of an error hold, for example whole blocks, as the error may be kept for long."""
    done: list[BaseException] = []
    while error is not None and error not in done:
        done.append(error)
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
