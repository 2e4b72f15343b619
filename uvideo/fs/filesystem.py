"""UVideoFileSystem: spaces, objects and what their keys have in common, as fsspec's spaces, files and directories."""

from __future__ import annotations

import asyncio
import errno
import mimetypes
import os
import posixpath
import uuid
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from fsspec.asyn import AsyncFileSystem, _run_coros_in_chunks, get_loop, sync_wrapper
from fsspec.callbacks import DEFAULT_CALLBACK, NoOpCallback
from fsspec.utils import isfilelike, stringify_path

from uvideo import AsyncClient, Client, same_etag
from uvideo.errors import AlreadyExists, InvalidRange, NotFound, ObjectChanged, SpaceExists
from uvideo.fs.copies import copied
from uvideo.fs.failure import as_oserror
from uvideo.fs.file import ReadFile, StreamedFile, WriteFile
from uvideo.fs.info import Info, described, directory
from uvideo.fs.ranges import plan
from uvideo.fs.secret import Guarded, revealed
from uvideo.models import ObjectInfo, Progress

__all__ = ["UVideoFileSystem"]

#: Requests that one call of many paths has under way.
BATCH = 64
#: Options of fsspec's own classes, which are no settings.
_FSSPEC = ("use_listings_cache", "listings_expiry_time", "max_paths")


class UVideoFileSystem(AsyncFileSystem, metaclass=Guarded):
    """The service as fsspec's filesystem; paths are uvideo://space/key.

    profile, and endpoint, public_key and every other field of Settings by name: as for Client; what is not given comes
    from the environment or the profile.  create_spaces: whether mkdir and makedirs may make a space; otherwise only
    mkdir with ``create_space=True`` does.  asynchronous: for use on an event loop, by the methods that begin with an
    underscore.  batch_size: requests under way of a call of many paths.  use_listings_cache: remember what ``ls`` found
    until ``invalidate_cache`` or listings_expiry_time seconds later; off unless asked for, since others write too.

    Safe to share between threads; usable after a fork; a pickle holds the keys that were given as arguments, while
    to_json, repr and the token leave them out.  Errors are OSErrors: FileNotFoundError, PermissionError and so on.
    Directories are what keys have in common up to a slash; empty ones do not exist.
    """

    protocol = "uvideo"
    _pid: int
    root_marker = ""
    blocksize = 4 << 20

    def __init__(
        self,
        *,
        profile: str | None = None,
        create_spaces: bool = False,
        use_listings_cache: bool = False,
        asynchronous: bool = False,
        loop: Any = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> None:
        listings = {name: options.pop(name) for name in _FSSPEC if name in options}
        options.pop("skip_instance_cache", None)
        super().__init__(
            asynchronous=asynchronous,
            loop=loop,
            batch_size=batch_size or BATCH,
            use_listings_cache=use_listings_cache,
            **listings,
        )
        self.create_spaces = create_spaces
        self.client = Client(profile=profile, **revealed(options))
        self._clients: dict[asyncio.AbstractEventLoop, AsyncClient] = {}

    @property
    def loop(self) -> Any:
        if self._pid != os.getpid():  # after a fork; the parent's loop does not run here
            self._pid = os.getpid()
            self._loop = None if self.asynchronous else get_loop()
        return self._loop

    def __repr__(self) -> str:
        return repr(self.client).replace("Client", type(self).__name__, 1)

    def to_dict(self, *, include_password: bool = False) -> dict[str, Any]:
        """What makes another instance, in JSON too: the options as given but without any key, whatever is asked for.

        Where it is read again the keys come from environment or profile.
        """
        plain = {
            name: value
            for name, value in self.storage_options.items()
            if name != "public_key" and isinstance(value, (str, int, float, bool))
        }
        return {"cls": f"{type(self).__module__}:{type(self).__name__}", "protocol": self.protocol, "args": [], **plain}

    async def _close(self) -> None:
        """Close the connections.  A later call opens new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()
        self.client.close()

    close = sync_wrapper(_close)

    def _here(self) -> AsyncClient:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            for each in [each for each in self._clients if each.is_closed()]:
                del self._clients[each]
            self._clients[loop] = AsyncClient(settings=self.client.settings)
        return self._clients[loop]

    # Paths

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        text: str = stringify_path(path)
        for mark in ("uvideo://", "uvideo::"):
            text = text.removeprefix(mark)
        return text.strip("/") if "/" in text[:1] else text.rstrip("/")

    def _split(self, path: str) -> tuple[str, str]:
        """(space, key) of a path; either may be empty."""
        space, _, key = self._strip_protocol(path).partition("/")
        return space, key

    def _object(self, path: str) -> tuple[str, str]:
        """(space, key) of a path that must have both."""
        space, key = self._split(path)
        if not key:
            raise IsADirectoryError(errno.EISDIR, "an object is needed: uvideo://space/key", path)
        return space, key

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what ``ls`` found: all of it, or of a path, what is above it and what is below."""
        super().invalidate_cache(path)
        if path is None:
            self.dircache.clear()
            return
        name = self._strip_protocol(path)
        for each in list(self.dircache):
            if each in ("", name) or name.startswith(each + "/") or each.startswith(name + "/"):
                self.dircache.pop(each, None)

    async def _all(self, jobs: Iterable[Coroutine[Any, Any, Any]], batch_size: int | None = None) -> list[Any]:
        """What the coroutines return, a batch at a time."""
        found: list[Any] = await _run_coros_in_chunks(
            list(jobs), batch_size=batch_size or self.batch_size, nofiles=True
        )
        return found

    # Looking

    async def _info(self, path: str, refresh: bool = False, **kwargs: Any) -> Info:
        """name, size, type; of an object also ETag, mtime, created, mimetype, StorageClass, metadata and headers.

        What was found by ``ls`` and is remembered has no headers.
        """
        path = self._strip_protocol(path)
        space, key = self._split(path)
        if not space:
            return directory(path)
        known = None if refresh else self._ls_from_cache(path)
        if known is not None:
            return next((each for each in known if each["name"] == path), directory(path))
        with as_oserror(path):
            if key:
                try:
                    return described(await self._here().stat(space, key))
                except NotFound:
                    pass
            if await self._any_below(space, key) or not key:
                return directory(path)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    async def _any_below(self, space: str, key: str) -> bool:
        """Whether a directory has anything in it.  SpaceNotFound."""
        async for page in self._here().list(space, key and key + "/", page_size=1).pages():
            if page.items or page.prefixes:
                return True
        return False

    async def _exists(self, path: str, **kwargs: Any) -> bool:
        try:
            await self._info(path, **kwargs)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.EINVAL:  # no name that anything can have
                return False
            raise
        return True

    async def _listed(self, space: str, prefix: str, delimiter: str = "") -> tuple[list[ObjectInfo], list[str]]:
        """(objects, keys of directories with their slash) that begin with ``prefix``."""
        items: list[ObjectInfo] = []
        folders: list[str] = []
        async for page in self._here().list(space, prefix, delimiter=delimiter).pages():
            items += page.items
            folders += page.prefixes
        return items, folders

    async def _ls(self, path: str, detail: bool = True, refresh: bool = False, **kwargs: Any) -> list[Any]:
        path = self._strip_protocol(path)
        found = None if refresh else self.dircache.get(path)
        if found is None:
            found = await self._level(path)
            if found is None:
                info = await self._info(path, refresh)
                return [info if detail else info["name"]]
            self.dircache[path] = found
        return list(found) if detail else sorted(each["name"] for each in found)

    async def _level(self, path: str, prefix: str = "") -> list[Info] | None:
        """What a directory has in it whose names begin with ``prefix``, in order; None if there is no directory."""
        space, key = self._split(path)
        with as_oserror(path):
            if not space:
                return [directory(each.name) async for each in self._here().list_spaces()]
            top = key and key + "/"
            items, folders = await self._listed(space, top + prefix, "/")
        if key and not prefix and not items and not folders:
            return None
        below = [described(each) for each in items if not each.key.endswith("/")]
        below += [directory(f"{space}/{each[:-1]}") for each in dict.fromkeys(folders)]
        return sorted(below, key=lambda each: str(each["name"]))

    async def _find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        prefix: str = "",
        **kwargs: Any,
    ) -> Any:
        """As fsspec's; without maxdepth in one listing of keys, whatever directories they are in.

        prefix: what the names directly below ``path`` have to begin with.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        path = self._strip_protocol(path)
        try:
            if not path:
                found = await self._find_in_spaces(maxdepth, withdirs, prefix)
            elif maxdepth is None:
                found = await self._find_all(path, withdirs, prefix)
            else:
                found = await self._find_levels(path, maxdepth, withdirs, prefix)
        except FileNotFoundError:  # there is no such space
            found = {}
        if path and found and withdirs:
            found.setdefault(path, directory(path))
        elif path and not found and await self._exists(path):
            info = await self._info(path)
            if withdirs or info["type"] == "file":
                found[path] = info
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    async def _find_in_spaces(self, maxdepth: int | None, withdirs: bool, prefix: str) -> dict[str, Info]:
        spaces = [each for each in await self._ls("") if each["name"].startswith(prefix)]
        found = {each["name"]: each for each in spaces} if withdirs else {}
        if maxdepth != 1:
            below = maxdepth and maxdepth - 1
            for each in await self._all(self._find(s["name"], below, withdirs, detail=True) for s in spaces):
                found.update(each)
        return found

    async def _find_all(self, path: str, withdirs: bool, prefix: str) -> dict[str, Info]:
        space, key = self._split(path)
        top = key and key + "/"
        found: dict[str, Info] = {}
        with as_oserror(path):
            async for each in self._here().list(space, top + prefix):
                name = f"{space}/{each.key}"
                if not name.endswith("/"):
                    found[name] = described(each)
                if withdirs:
                    folder = posixpath.dirname(name)
                    while len(folder) > len(path) and folder not in found:
                        found[folder] = directory(folder)
                        folder = posixpath.dirname(folder)
        return found

    async def _find_levels(self, path: str, depth: int, withdirs: bool, prefix: str) -> dict[str, Info]:
        found: dict[str, Info] = {}
        level = [path]
        for _ in range(depth):
            folders: list[str] = []
            for below in await self._all(self._level(each, prefix) for each in level):
                for info in below or ():
                    is_folder = info["type"] == "directory"
                    if is_folder:
                        folders.append(info["name"])
                    if withdirs or not is_folder:
                        found[info["name"]] = info
            level, prefix = folders, ""
        return found

    async def _du(self, path: str, total: bool = True, maxdepth: int | None = None, **kwargs: Any) -> Any:
        found = await self._find(path, maxdepth, detail=True, **kwargs)
        sizes = {name: info["size"] for name, info in found.items()}
        return sum(sizes.values()) if total else sizes

    async def _time(self, path: str, name: str) -> datetime:
        info = await self._info(path)
        if info["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "a directory has no times", path)
        time: datetime | None = info[name]
        if time is None:
            raise OSError(errno.ENODATA, "the service does not say", path)
        return time

    async def _modified(self, path: str) -> datetime:
        """When an object was stored or changed last, in UTC."""
        return await self._time(path, "mtime")

    async def _created(self, path: str) -> datetime:
        """When an object was made, in UTC."""
        return await self._time(path, "created")

    modified = sync_wrapper(_modified)
    created = sync_wrapper(_created)

    def ukey(self, path: str) -> str:
        """What changes when the content of an object does."""
        info = self.info(path)
        return sha256(repr((info["name"], info["size"], info.get("ETag"))).encode()).hexdigest()

    def checksum(self, path: str) -> int:
        """As ``ukey``, as a number."""
        return int(self.ukey(path)[:32], 16)

    def sign(self, path: str, expiration: float = 100, **kwargs: Any) -> str:
        """A URL by which anybody may read the object for so many seconds.  kwargs: as of Client.presign."""
        space, key = self._object(path)
        with as_oserror(path):
            return self.client.presign(space, key, expires=expiration, **kwargs)

    # Reading

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """The bytes of an object, or from ``start`` up to ``end``, as of a slice; a whole object is verified."""
        return (await self._piece(path, start, end))[1]

    async def _piece(self, path: str, start: int | None, end: int | None) -> tuple[str | None, bytes]:
        """(etag, bytes) of a part of an object."""
        space, key = self._object(path)
        if (start is not None and start < 0 and end is not None) or (end is not None and end < 0):
            start, end, _ = slice(start, end).indices((await self._info(path))["size"])
        if end is not None and end <= (start or 0):
            info = await self._info(path)
            return info.get("ETag"), b""
        with as_oserror(path):
            try:
                found = await self._here().get(space, key, start=start or None, end=end)
            except InvalidRange:  # it begins behind the end
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
        **kwargs: Any,
    ) -> list[Any]:
        """The bytes of many ranges; those of one object are of one version, or OSError with ESTALE.

        max_gap: ranges that are not further apart, in bytes, are asked for at once.
        """
        if not isinstance(paths, list):
            raise TypeError("paths must be a list")
        first = [starts] * len(paths) if isinstance(starts, int) or starts is None else list(starts)
        last = [ends] * len(paths) if isinstance(ends, int) or ends is None else list(ends)
        if not len(first) == len(last) == len(paths):
            raise ValueError("as many starts and ends as paths are needed")
        planned = plan(list(zip(paths, first, last, strict=True)), max_gap)
        asked = list(dict.fromkeys(each for each, _ in planned))

        async def one(path: str, start: int | None, end: int | None) -> Any:
            try:
                return await self._piece(path, start, end)
            except OSError as error:
                return error

        answers = dict(zip(asked, await self._all((one(*each) for each in asked), batch_size), strict=True))
        etags: dict[str, str] = {}
        for (path, _, _), answer in answers.items():
            if not isinstance(answer, OSError) and answer[0] is not None:
                etags.setdefault(path, answer[0])
        out: list[Any] = []
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

    async def _get_file(self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, **kwargs: Any) -> None:
        """Save an object as a local file, or into a binary file: verified, in ranges at a time where it is large.

        A file appears when it is complete; the same call goes on with what is missing.  kwargs: as of Client.download.
        """
        space, key = self._split(rpath)
        is_file = isfilelike(lpath)
        if not is_file:
            os.makedirs(lpath if not key else os.path.dirname(os.path.abspath(lpath)), exist_ok=True)
            if os.path.isdir(lpath):
                if key and (await self._info(rpath))["type"] == "file":
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), lpath)
                return
        with as_oserror(rpath):
            try:
                await self._here().download(space, key, lpath, progress=told(callback), **kwargs)
            except NotFound:
                if is_file or not await self._any_below(space, key):
                    raise
                os.makedirs(lpath, exist_ok=True)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        cache_type: str = "none",
        size: int | None = None,
        **options: Any,
    ) -> ReadFile | WriteFile:
        """mode: rb, wb, or xb, which fails if there is an object by then.  options: as of Client.open."""
        space, key = self._object(path)
        with as_oserror(path):
            if mode == "rb":
                reader = self.client.open(space, key, "rb", **options)
                file = ReadFile(self, path, reader, block_size, cache_type, cache_options=cache_options)
                file.details = described(reader.info)
                return file
            self._check_mode(mode)
            if mode == "xb":
                self._check_free(path)
                aside = self._aside(key)
                writer = self.client.open(space, aside, "wb", **_typed(options, key))
                return WriteFile(self, path, mode, writer, autocommit, lambda: self._take(space, aside, key))
            return WriteFile(self, path, mode, self.client.open(space, key, "wb", **options), autocommit, lambda: None)

    async def open_async(self, path: str, mode: str = "rb", **options: Any) -> StreamedFile:
        """A StreamedFile.  mode and options: as of ``open``, without a cache."""
        space, key = self._object(path)
        client = self._here()

        async def settle() -> None:
            if mode == "xb":
                await self._take_soon(space, aside, key)

        aside = key
        if mode == "rb":
            opened: Any = client.open(space, key, "rb", **options)
        else:
            self._check_mode(mode)
            if mode == "xb":
                await self._check_free_soon(path)
                aside, options = self._aside(key), _typed(options, key)
            opened = client.open(space, aside, "wb", **options)
        file = StreamedFile(self, self._strip_protocol(path), mode, opened, settle)
        await file.tell()  # NotFound at once
        return file

    # Writing

    @staticmethod
    def _check_mode(mode: str) -> None:
        if mode not in ("wb", "xb"):
            raise NotImplementedError(f"mode {mode!r}: an object is read (rb), written anew (wb) or made (xb)")

    @staticmethod
    def _aside(key: str) -> str:
        """Where an object is stored that must not take another's place: beside it, hidden as dot files are."""
        folder, slash, _ = key.rpartition("/")
        return f"{folder}{slash}.{uuid.uuid4().hex}.new"

    def _check_free(self, path: str) -> None:
        space, key = self._object(path)
        try:
            self.client.stat(space, key)
        except NotFound:
            return
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    async def _check_free_soon(self, path: str) -> None:
        space, key = self._object(path)
        with as_oserror(path):
            try:
                await self._here().stat(space, key)
            except NotFound:
                return
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    def _take(self, space: str, aside: str, key: str) -> None:
        """Give an object that is stored aside its key.  AlreadyExists if that was taken meanwhile."""
        try:
            self.client.rename(space, aside, key)
        except BaseException:
            self.client.delete(space, aside)
            raise

    async def _take_soon(self, space: str, aside: str, key: str) -> None:
        try:
            await self._here().rename(space, aside, key)
        except BaseException:
            await self._here().delete(space, aside)
            raise

    async def _stored(
        self, path: str, mode: str, options: dict[str, Any], send: Callable[..., Coroutine[Any, Any, Any]]
    ) -> None:
        """Store an object by ``send(space, key, **options)``; mode: "create" to fail if it is there."""
        space, key = self._object(path)
        if mode not in ("overwrite", "create"):
            raise ValueError(f"mode must be overwrite or create, not {mode!r}")
        if mode == "create":
            await self._check_free_soon(path)
        with as_oserror(path):
            if mode == "create":
                aside = self._aside(key)
                await send(space, aside, **_typed(options, key))
                await self._take_soon(space, aside, key)
            else:
                await send(space, key, **options)
        self.invalidate_cache(path)

    async def _deferred(self, path: str, mode: str, source: Any, options: dict[str, Any]) -> None:
        """Write a file of the transaction that is going on."""

        def write() -> None:
            file = self.open(path, "xb" if mode == "create" else "wb", **options)
            with file:
                while piece := source.read(self.blocksize):
                    file.write(piece)

        await asyncio.to_thread(write)

    async def _pipe_file(self, path: str, value: Any, mode: str = "overwrite", **options: Any) -> None:
        """Store bytes.  options: as of Client.upload.  In a transaction it is stored at the end of it."""
        if self._intrans:
            from io import BytesIO

            await self._deferred(path, mode, BytesIO(value), options)
            return
        client = self._here()
        is_small = memoryview(value).nbytes <= client.settings.multipart_threshold and not options.keys() - _OF_PUT
        send = client.put if is_small else client.upload
        await self._stored(path, mode, options, lambda space, key, **given: send(space, key, value, **given))

    async def _put_file(
        self, lpath: Any, rpath: str, mode: str = "overwrite", callback: Any = DEFAULT_CALLBACK, **options: Any
    ) -> None:
        """Store a local file: verified, and if it is large in parts; the same call goes on with what is missing.

        options: as of Client.upload.  In a transaction it is stored at the end of it, and cannot go on.
        """
        if os.path.isdir(lpath):
            return
        with open(lpath, "rb") as source:  # what is wrong with it is said as of any file
            if self._intrans:
                await self._deferred(rpath, mode, source, options)
                return
        given = {**options, "progress": told(callback)}
        await self._stored(
            rpath, mode, given, lambda space, key, **each: self._here().upload(space, key, Path(lpath), **each)
        )

    async def _touch(self, path: str, truncate: bool = True, **options: Any) -> None:
        """Make an empty object; truncate: also in place of one that is there."""
        if not truncate and await self._exists(path):
            raise NotImplementedError("the time of an object cannot be set: touch with truncate=True empties it")
        await self._pipe_file(path, b"", **options)

    touch = sync_wrapper(_touch)

    # Copying, moving and removing

    async def _cp_file(self, path1: str, path2: str, move: bool = False, listed: bool = False, **kwargs: Any) -> None:
        """Copy an object, the service doing it; or move it.  Nothing of a directory, which is what is in it.

        listed: the path was found just now, so that if it is no object it is a directory.
        """
        source, target = self._split(path1), self._split(path2)
        if source == target:
            return
        client = self._here()
        with as_oserror(path1):
            try:
                if not source[1]:
                    raise NotFound()
                self._object(path2)
                if move and source[0] == target[0]:
                    await client.rename(*source, target[1], force=True)
                else:
                    info = await client.stat(*source)
                    etag = await copied(client, info, *target)
                    if same_etag(info.etag, etag, info.size) is False:
                        raise ObjectChanged("the object changed while it was copied")
                    if move:
                        await client.delete(*source)
            except NotFound:
                if source[1] and not listed and not await self._any_below(*source):
                    raise
                if move and source[1]:
                    await client.delete(source[0], source[1] + "/")  # what stands for the directory, if anything does
        for path in (path1, path2) if move else (path2,):
            self.invalidate_cache(path)

    async def _mv_file(self, path1: str, path2: str) -> None:
        await self._cp_file(path1, path2, move=True)

    async def _mv(
        self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any
    ) -> None:
        """Move objects: within a space by giving them other keys, else by a copy that is verified.

        What comes to be below ``path1`` meanwhile stays there.
        """
        await self._copy(
            path1, path2, recursive=recursive, maxdepth=maxdepth, on_error="raise", move=True, listed=recursive
        )

    mv = sync_wrapper(_mv)

    async def _rm_file(self, path: str, **kwargs: Any) -> None:
        """Remove an object.  FileNotFoundError, IsADirectoryError."""
        if (await self._info(path, refresh=True))["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "it is a directory: remove it with recursive=True", path)
        with as_oserror(path):
            await self._here().delete(*self._split(path))
        self.invalidate_cache(path)

    async def _rm(
        self,
        path: Any,
        recursive: bool = False,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Remove objects; recursive: all below, however many, a page at a time.  A space itself stays: rmdir."""
        paths = await self._expand_path(path)
        if not recursive:
            await self._all((self._rm_file(each) for each in paths), batch_size)
            return
        for each in paths:
            await self._rm_tree(each, batch_size or self.batch_size, maxdepth)

    async def _rm_tree(self, path: str, jobs: int, maxdepth: int | None) -> None:
        space, key = self._split(path)
        if not space:
            raise PermissionError(errno.EPERM, "all spaces at once are not removed", path)
        info = await self._info(path, refresh=True)
        client, jobs = self._here(), min(jobs, BATCH)
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
        self, path: str, create_parents: bool = True, create_space: bool | None = None, **options: Any
    ) -> None:
        """Make a space, if ``create_space`` or the filesystem's create_spaces says so.  FileExistsError.

        Below a space there is nothing to make: directories come with what is in them.  options: as of
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
        """Remove a space, or an object that stands for a directory.  OSError with ENOTEMPTY if it is not empty."""
        path = self._strip_protocol(path)
        space, key = self._split(path)
        client = self._here()
        with as_oserror(path):
            if not key:
                await client.delete_space(space)
            else:
                found = [each.key async for each in client.list(space, key + "/", page_size=2)]
                if not found:
                    raise NotFound()
                if found != [key + "/"]:
                    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
                await client.delete(space, key + "/")
        self.invalidate_cache(path)

    rmdir = sync_wrapper(_rmdir)


#: Options that a put has too.
_OF_PUT = {"mime", "storage_class", "metadata", "headers", "acl", "verify"}


def _typed(options: dict[str, Any], key: str) -> dict[str, Any]:
    """The options with the media type of the key that an object will have."""
    return {**options, "mime": options.get("mime") or mimetypes.guess_type(key)[0]}


def told(callback: Any) -> Callable[[Progress], None] | None:
    """The progress of a transfer for one of fsspec's callbacks."""
    if isinstance(callback, NoOpCallback):
        return None

    def tell(now: Progress) -> None:
        if now.total is not None:
            callback.set_size(now.total)
        callback.absolute_update(now.done)

    return tell
