"""UVideoFileSystem: fsspec's filesystem, built on the clients."""

from __future__ import annotations

import asyncio
import errno
import os
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fsspec.callbacks import DEFAULT_CALLBACK, Callback, NoOpCallback
from fsspec.utils import isfilelike

from uvideo import etag, media_type, same_etag
from uvideo.errors import AlreadyExists, IntegrityError, InvalidRange, ObjectChanged, SpaceExists, UVideoError
from uvideo.fs.failure import as_oserror
from uvideo.fs.file import ReadFile, StreamedFile, WriteFile
from uvideo.fs.info import described
from uvideo.fs.ranges import plan
from uvideo.fs.tree import BATCH, TRANSFERS, Tree, waited
from uvideo.models import Progress, Stored

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from uvideo.client.options import (
        DownloadOptions,
        OpenOptions,
        PresignOptions,
        ReadOptions,
        SpaceOptions,
        UploadOptions,
        WriteOptions,
    )

    class SendOptions(UploadOptions, total=False):
        """Options of a put or an upload, whichever is used."""

        acl: str | None


__all__ = ["UVideoFileSystem"]

Local = str | os.PathLike[str]
Paths = str | list[str]

#: The upload options that a put also has.
_OF_PUT = {"mime", "storage_class", "metadata", "headers", "acl", "checksum"}
#: Whether the paths found are to be saved in a local folder.
_INWARD: ContextVar[bool] = ContextVar("inward", default=False)
#: Bytes: data from this size on is hashed in a thread, to keep the event loop free.
_LONG = 1 << 20


class UVideoFileSystem(Tree):
    """The service as an fsspec filesystem; paths are uvideo://space/key.

    profile, and endpoint, public_key and every other field of Settings by name: as in Client; the environment or the
    profile gives the rest.  create_spaces: allow mkdir and makedirs to create a space; otherwise only mkdir with
    ``create_space=True`` does.  asynchronous: for use on an event loop, through the methods that begin with an
    underscore.  batch_size: concurrent requests of a call with many paths.  use_listings_cache: cache the results of
    ``ls`` until ``invalidate_cache`` or for listings_expiry_time seconds.  It is off by default, as other clients write
    too.

    Safe to share between threads; usable after a fork.  A pickle contains the keys that were given as arguments;
    to_json, repr and the token do not.  Errors are OSErrors: FileNotFoundError, PermissionError and so on.  Directories
    are the common prefixes of keys up to a slash; there are no empty ones.
    """

    def sign(self, path: str, expiration: float = 100, **options: Unpack[PresignOptions]) -> str:
        """A URL with which anybody can read the object for ``expiration`` seconds.  options: as in Client.presign."""
        space, key = self._object(path)
        with as_oserror(path):
            return self.client.presign(space, key, expires=expiration, **options)

    # Reading

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: object) -> bytes:
        """The bytes of an object, or the slice ``start:end`` of them.  A whole object is verified."""
        if start in (None, 0) and end is None:
            return await self._whole(path)
        return (await self._piece(path, start, end))[1]

    async def _whole(self, path: str) -> bytes:
        """The first request of a large object also tells its size; the rest is then fetched in parallel ranges."""
        space, key = self._object(path)
        client = self._here()
        with as_oserror(path):
            try:
                first = await client.get(space, key, end=client.settings.multipart_threshold)
            except InvalidRange:
                return b""
            expected, size, content = first.info.etag, first.info.size, first.data
            if len(content) < size:
                buffer = BytesIO()
                buffer.write(content)
                cancel = TRANSFERS.get()
                rest = await client.download(space, key, buffer, start=len(content), journal=False, cancel=cancel)
                if rest.etag != expected:
                    raise ObjectChanged()
                content = buffer.getvalue()
            if client.settings.checksum:
                actual = etag(content) if len(content) < _LONG else await asyncio.to_thread(etag, content)
                if len(content) != size or same_etag(expected, actual, size) is False:
                    raise IntegrityError(f"the content does not verify: expected etag {expected}, actual {actual}")
        return content

    async def _piece(self, path: str, start: int | None, end: int | None) -> tuple[str | None, bytes]:
        """(etag, bytes) of a range of an object."""
        space, key = self._object(path)
        if (start is not None and start < 0 and end is not None) or (end is not None and end < 0):
            start, end, _ = slice(start, end).indices((await self._info(path))["size"])
        if end is not None and end <= (start or 0):
            info = await self._info(path)
            return info.get("ETag"), b""
        with as_oserror(path):
            try:
                found = await self._here().get(space, key, start=start or None, end=end)
            except InvalidRange:  # it begins beyond the end
                return None, b""
        return found.info.etag, found.data

    async def _cat_ranges(
        self,
        paths: list[str],
        starts: int | Sequence[int | None] | None,
        ends: int | Sequence[int | None] | None,
        max_gap: int | None = None,
        batch_size: int | None = None,
        on_error: str = "return",
        **kwargs: object,
    ) -> list[bytes | OSError]:
        """The bytes of many ranges.  All ranges of one object are of one version, or else OSError with ESTALE.

        max_gap: ranges at most this many bytes apart are fetched in one request.
        """
        if not isinstance(paths, list):
            raise TypeError("paths must be a list")
        first = [starts] * len(paths) if isinstance(starts, int) or starts is None else list(starts)
        last = [ends] * len(paths) if isinstance(ends, int) or ends is None else list(ends)
        if not len(first) == len(last) == len(paths):
            raise ValueError("give one start and one end for each path")
        planned = plan(list(zip(paths, first, last, strict=True)), max_gap)
        asked = list(dict.fromkeys(each for each, _ in planned))

        async def one(path: str, start: int | None, end: int | None) -> tuple[str | None, bytes] | OSError:
            try:
                return await self._piece(path, start, end)
            except OSError as error:
                return error

        answers = dict(zip(asked, await self._all((one(*each) for each in asked), batch_size), strict=True))
        etags: dict[str, str] = {}
        for (path, _, _), answer in answers.items():
            if not isinstance(answer, OSError) and answer[0] is not None:
                etags.setdefault(path, answer[0])
        out: list[bytes | OSError] = []
        for path, (place, wanted) in zip(paths, planned, strict=True):
            answer = answers[place]
            if not isinstance(answer, OSError) and answer[0] not in (None, etags[path]):
                answer = OSError(errno.ESTALE, str(ObjectChanged()), path)
            if isinstance(answer, OSError):
                if on_error != "return":
                    raise answer
                out.append(answer)
            else:
                out.append(answer[1][wanted])
        return out

    async def _get(self, rpath: Paths, lpath: Paths, *args: object, **kwargs: object) -> Any:
        """As fsspec's.  OSError for a found key that contains .., which could lead out of the local folder."""
        _INWARD.set(not isinstance(lpath, list))
        try:
            return await super()._get(rpath, lpath, *args, **kwargs)
        finally:
            _INWARD.set(False)

    async def _expand_path(self, path: Paths, *args: object, **kwargs: object) -> list[str]:
        found: list[str] = await super()._expand_path(path, *args, **kwargs)
        if _INWARD.get():  # fsspec before 2026.7 does not check
            asked = self._strip_protocol(path if isinstance(path, list) else [path])
            for each in found:
                if each not in asked and ".." in each.split("/"):
                    raise OSError(errno.EINVAL, "a key with .. in it is not saved below a folder", each)
        return found

    async def _get_file(
        self,
        rpath: str,
        lpath: Local | BinaryIO,
        callback: Callback = DEFAULT_CALLBACK,
        **options: Unpack[DownloadOptions],
    ) -> None:
        """Save an object as a local file, or into a binary file: verified, and in parallel ranges if it is large.

        A file appears once it is complete.  After a failure the same call continues.  options: as in Client.download.
        """
        space, key = self._split(rpath)
        local = None if isfilelike(lpath) else os.fspath(cast("Local", lpath))
        if local is not None:
            os.makedirs(local if not key else os.path.dirname(os.path.abspath(local)), exist_ok=True)
            if os.path.isdir(local):
                if key and (await self._info(rpath))["type"] == "file":
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), local)
                return
        try:
            with as_oserror(rpath):
                given: DownloadOptions = {"progress": told(callback), "cancel": TRANSFERS.get(), **options}
                await self._here().download(space, key, lpath, **given)
        except FileNotFoundError:
            if local is None or not await self._any_below(rpath):
                raise
            os.makedirs(local, exist_ok=True)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        cache_type: str = "none",
        size: int | None = None,
        **options: Unpack[OpenOptions],
    ) -> ReadFile | WriteFile:
        """mode: rb, wb, or xb, which fails if the object exists by then.  options: as in Client.open."""
        space, key = self._object(path)
        with as_oserror(path):
            if mode == "rb":
                reader = self.client.open(space, key, "rb", **cast("ReadOptions", options))
                file = ReadFile(self, path, reader, block_size, cache_type, cache_options, options)
                file.details = described(reader.info)
                return file
            self._check_mode(mode)
            if mode == "xb":
                self._check_free(path)
                aside = self._aside(key)
                writer = self.client.open(space, aside, "wb", **_typed(options, key))
                return WriteFile(self, path, mode, writer, autocommit, lambda: self._take(space, aside, key))
            writer = self.client.open(space, key, "wb", **cast("WriteOptions", options))
            return WriteFile(self, path, mode, writer, autocommit, lambda: None)

    async def open_async(self, path: str, mode: str = "rb", **options: Unpack[OpenOptions]) -> StreamedFile:
        """A StreamedFile.  mode and options: as in ``open``, without a cache."""
        space, key = self._object(path)
        client = self._here()

        async def settle() -> None:
            if mode == "xb":
                await self._take_soon(space, aside, key)

        aside, given = key, dict[str, Any](options)
        if mode == "rb":
            opened: Any = client.open(space, key, "rb", **given)
        else:
            self._check_mode(mode)
            if mode == "xb":
                await self._check_free_soon(path)
                aside, given = self._aside(key), _typed(options, key)
            opened = client.open(space, aside, "wb", **given)
        file = StreamedFile(self, self._strip_protocol(path), mode, opened, settle)
        try:
            await file.tell()  # FileNotFoundError at once
        except BaseException:
            if mode == "rb":
                await opened.close()
            raise
        return file

    # Writing

    @staticmethod
    def _check_mode(mode: str) -> None:
        if mode not in ("wb", "xb"):
            raise NotImplementedError(f"mode {mode!r}: an object is read (rb), written anew (wb) or made (xb)")

    @staticmethod
    def _aside(key: str) -> str:
        """A temporary key for an object that must not replace another one: beside it, hidden by a leading dot."""
        folder, slash, _ = key.rpartition("/")
        return f"{folder}{slash}.{uuid.uuid4().hex}.new"

    def _check_free(self, path: str) -> None:
        with suppress(FileNotFoundError), as_oserror(path):
            self.client.stat(*self._object(path))
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    async def _check_free_soon(self, path: str) -> None:
        if await self._stat(path) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    def _take(self, space: str, aside: str, key: str) -> None:
        """Rename an object from its temporary key to its own.  AlreadyExists if that was taken meanwhile."""
        try:
            self.client.rename(space, aside, key)
        except BaseException:
            with suppress(UVideoError):
                self.client.delete(space, aside)
            raise

    async def _take_soon(self, space: str, aside: str, key: str, sent: Awaitable[Any] | None = None) -> None:
        """As ``_take``, after awaiting ``sent``."""
        try:
            if sent is not None:
                await sent
            await self._here().rename(space, aside, key)
        except BaseException:
            with suppress(UVideoError):
                await self._here().delete(space, aside)
            raise

    async def _stored(
        self, path: str, mode: str, options: Mapping[str, Any], send: Callable[..., Coroutine[Any, Any, Any]]
    ) -> None:
        """Store an object by ``send(space, key, **options)``.  mode: "create" to fail if it exists."""
        space, key = self._object(path)
        if mode not in ("overwrite", "create"):
            raise ValueError(f"mode must be overwrite or create, not {mode!r}")
        if mode == "create":
            await self._check_free_soon(path)
        with as_oserror(path):
            if mode == "create":
                aside = self._aside(key)
                await self._take_soon(space, aside, key, send(space, aside, **_typed(options, key)))
            else:
                await send(space, key, **options)
        self.invalidate_cache(path)

    async def _deferred(self, path: str, mode: str, source: BinaryIO, options: Mapping[str, object]) -> None:
        """Write a file of the current transaction."""

        def write() -> None:
            file = self.open(path, "xb" if mode == "create" else "wb", **options)
            with file:
                while piece := source.read(self.blocksize):
                    file.write(piece)

        await asyncio.to_thread(write)

    async def _pipe_file(
        self, path: str, value: bytes | bytearray | memoryview, mode: str = "overwrite", **options: Unpack[SendOptions]
    ) -> None:
        """Store bytes.  options: as in Client.upload.  In a transaction they are stored at its end."""
        if self._intrans:
            await self._deferred(path, mode, BytesIO(value), options)
            return
        client = self._here()
        is_small = memoryview(value).nbytes <= client.settings.multipart_threshold and not options.keys() - _OF_PUT
        send, given = (client.put, options) if is_small else (client.upload, {"cancel": TRANSFERS.get(), **options})
        await self._stored(path, mode, given, lambda space, key, **each: send(space, key, value, **each))

    async def _put_file(
        self,
        lpath: Local,
        rpath: str,
        mode: str = "overwrite",
        callback: Callback = DEFAULT_CALLBACK,
        **options: Unpack[UploadOptions],
    ) -> None:
        """Store a local file: verified, and in parts if it is large.  After a failure the same call continues.

        options: as in Client.upload.  In a transaction it is stored at its end.  Then, and with mode "create", an
        interrupted upload starts over.
        """
        if os.path.isdir(lpath):
            return
        with open(lpath, "rb") as source:  # an unreadable file raises as any file does
            if self._intrans:
                await self._deferred(rpath, mode, source, options)
                return
        given = {"progress": told(callback), "cancel": TRANSFERS.get(), **options}
        if mode == "create":
            given["journal"] = False  # the temporary key differs each time
        await self._stored(
            rpath, mode, given, lambda space, key, **each: self._here().upload(space, key, Path(lpath), **each)
        )

    async def _touch(self, path: str, truncate: bool = True, **options: Unpack[SendOptions]) -> None:
        """Create an empty object.  truncate: also replace an existing one."""
        if not truncate and await self._exists(path):
            raise NotImplementedError("the time of an object cannot be set: touch with truncate=True empties it")
        await self._pipe_file(path, b"", **options)

    # Copying, moving and removing

    async def _cp_file(
        self, path1: str, path2: str, move: bool = False, listed: bool = False, **kwargs: object
    ) -> None:
        """Copy an object at the service, or move it.  Nothing to do for a directory, whose objects are copied singly.

        listed: the path was just found in a listing, so if it is no object, it is a directory.
        """
        source, target = self._split(path1), self._split(path2)
        if source == target or not source[1]:
            return
        client = self._here()
        try:
            with as_oserror(path1):
                if move and source[0] == target[0]:
                    await client.rename(*source, self._object(path2)[1], force=True)
                else:
                    made = await client.copy(*self._object(path2), *source, cancel=TRANSFERS.get())
                    if move:
                        await self._leave(source, made)
        except FileNotFoundError:
            if not listed and not await self._any_below(path1):
                raise
            if move:
                with as_oserror(path1):
                    await client.delete(source[0], source[1] + "/")  # the object that marks the directory, if any
        for path in (path1, path2) if move else (path2,):
            self.invalidate_cache(path)

    async def _leave(self, source: tuple[str, str], made: Stored) -> None:
        """Remove a moved object's source, after checking that it is unchanged and the copy is there."""
        client = self._here()
        there, now = await client.stat(made.space, made.key), await client.stat(*source)
        if now.size != there.size or same_etag(now.etag, there.etag, now.size) is not True:
            raise ObjectChanged("the copy differs from the source, so the source is kept")
        await client.delete(*source)

    async def _mv_file(self, path1: str, path2: str) -> None:
        await self._cp_file(path1, path2, move=True)

    async def _mv(
        self, path1: Paths, path2: Paths, recursive: bool = False, maxdepth: int | None = None, **kwargs: object
    ) -> None:
        """Move objects: within a space by rename, else by a verified copy.

        An object stored below ``path1`` meanwhile stays there.
        """
        await self._copy(
            path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise", move=True, listed=recursive
        )

    async def _rm_file(self, path: str, **kwargs: object) -> None:
        """Remove an object.  FileNotFoundError, IsADirectoryError."""
        if (await self._info(path, refresh=True))["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "it is a directory: remove it with recursive=True", path)
        with as_oserror(path):
            await self._here().delete(*self._split(path))
        self.invalidate_cache(path)

    async def _rm(
        self,
        path: Paths,
        recursive: bool = False,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: object,
    ) -> None:
        """Remove objects; recursive: all objects below, a page at a time.  A space itself stays; see rmdir."""
        paths = await self._expand_path(path)
        if not recursive:
            await self._all((self._rm_file(each) for each in paths), batch_size)
            return
        for each in paths:
            await self._rm_tree(each, batch_size or self.batch_size, maxdepth)

    async def _rm_tree(self, path: str, jobs: int, maxdepth: int | None) -> None:
        space, key = self._split(path)
        if not space:
            raise PermissionError(errno.EPERM, "all spaces at once cannot be removed", path)
        info = await self._info(path, refresh=True)
        client, jobs = self._here(), min(jobs, BATCH) if jobs > 0 else BATCH
        with as_oserror(path):
            try:
                if maxdepth is not None:
                    found = await self._find(path, maxdepth)
                    await client.delete_many(space, [self._split(each)[1] for each in found], jobs=jobs)
                    return
                async for page in client.list(space, key and key + "/").pages():
                    await client.delete_many(space, [each.key for each in page.items], jobs=jobs)
                if info["type"] == "file":
                    await client.delete(space, key)
            finally:
                self.invalidate_cache(path)

    # Spaces and directories

    async def _mkdir(
        self, path: str, create_parents: bool = True, create_space: bool | None = None, **options: Unpack[SpaceOptions]
    ) -> None:
        """Create a space, if ``create_space`` or the filesystem's create_spaces allows it.  FileExistsError.

        Does nothing for a path in a space: directories exist as soon as an object is in them.  options: as in
        Client.create_space.
        """
        space, key = self._split(path)
        if key or not space:
            return
        with as_oserror(path):
            if self.create_spaces if create_space is None else create_space:
                try:
                    await self._here().create_space(space, **options)
                except SpaceExists:
                    raise AlreadyExists("the space exists") from None
                self.invalidate_cache(path)
                return
        if await self._exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        raise FileNotFoundError(errno.ENOENT, "there is no such space, and create_space=True was not given", path)

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        try:
            await self._mkdir(path)
        except FileExistsError:
            if not exist_ok:
                raise

    async def _rmdir(self, path: str) -> None:
        """Remove a space, or the object that marks a directory.  OSError with ENOTEMPTY if it is not empty."""
        path = self._strip_protocol(path)
        space, key = self._split(path)
        client = self._here()
        if key and not await self._any_below(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        with as_oserror(path):
            if not key:
                await client.delete_space(space)
            else:
                async for each in client.list(space, key + "/", page_size=2):
                    if each.key != key + "/":
                        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
                await client.delete(space, key + "/")
        self.invalidate_cache(path)

    # For callers without an event loop

    cat, cat_file, cat_ranges = waited(Tree._cat), waited(_cat_file), waited(_cat_ranges)
    get, get_file, put, put_file = waited(_get), waited(_get_file), waited(Tree._put), waited(_put_file)
    pipe, pipe_file, touch = waited(Tree._pipe), waited(_pipe_file), waited(_touch)
    copy, cp_file, mv, mv_file = waited(Tree._copy), waited(_cp_file), waited(_mv), waited(_mv_file)
    rm, rm_file = waited(_rm), waited(_rm_file)
    mkdir, makedirs, rmdir = waited(_mkdir), waited(_makedirs), waited(_rmdir)


def _typed(options: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The options with the media type for the object's final key."""
    return {**options, "mime": options.get("mime") or media_type(key)}


def told(callback: Callback) -> Callable[[Progress], None] | None:
    """A progress function for a transfer that reports to an fsspec callback."""
    if isinstance(callback, NoOpCallback):
        return None

    def tell(now: Progress) -> None:
        if now.total is not None:
            callback.set_size(now.total)
        callback.absolute_update(now.done)

    return tell
