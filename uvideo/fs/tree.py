"""Spaces, objects and common prefixes, as fsspec's spaces, files and directories."""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import posixpath
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ParamSpec, overload

from fsspec.asyn import AsyncFileSystem, _run_coros_in_chunks, get_loop, reset_lock, sync
from fsspec.utils import stringify_path

from uvideo import AsyncClient, Cancel, Client
from uvideo.client.options import Given, listing_options
from uvideo.fs.failure import as_oserror
from uvideo.fs.info import Info, described, directory
from uvideo.fs.secret import HidesSecrets, revealed
from uvideo.models import ObjectInfo, T

if TYPE_CHECKING:
    from typing_extensions import Unpack


__all__ = ["Tree"]

Path = str | os.PathLike[str]
P = ParamSpec("P")

#: Concurrent requests of a call with many paths.
BATCH = 64
#: Cancels the transfers of the current call: fsspec's tasks do not pass a cancellation on.
TRANSFERS: ContextVar[Cancel | None] = ContextVar("transfers", default=None)


def waited(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """A method of a Tree for callers without an event loop.  Ctrl-C cancels it, which fsspec's own wrapper does not."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        tree = args[0]
        assert isinstance(tree, Tree)
        cancel = Cancel()
        tasks: list[asyncio.Task[Any] | None] = []

        async def kept() -> T:
            TRANSFERS.set(cancel)
            tasks.append(asyncio.current_task())
            return await method(*args, **kwargs)

        try:
            result: T = sync(tree.loop, kept)
            return result
        except BaseException:
            cancel.cancel()
            for task in filter(None, tasks):
                tree.loop.call_soon_threadsafe(task.cancel)  # does nothing if the task has ended
            raise

    return wrapper


class Tree(AsyncFileSystem, metaclass=HidesSecrets):
    """The half of UVideoFileSystem that lists and looks up.  For the options see there."""

    protocol = "uvideo"
    root_marker = ""
    blocksize = 4 << 20
    _pid: int
    _loop: Any

    @listing_options(Given)
    def __init__(
        self,
        *,
        profile: str | None = None,
        create_spaces: bool = False,
        use_listings_cache: bool = False,
        asynchronous: bool = False,
        loop: asyncio.AbstractEventLoop | None = None,
        batch_size: int | None = None,
        listings_expiry_time: float | None = None,
        max_paths: int | None = None,
        skip_instance_cache: bool = False,
        **options: Unpack[Given],
    ) -> None:
        super().__init__(
            asynchronous=asynchronous,
            loop=loop,
            batch_size=batch_size or BATCH,
            use_listings_cache=use_listings_cache,
            listings_expiry_time=listings_expiry_time,
            max_paths=max_paths,
        )
        self.create_spaces = create_spaces
        self.client = Client(profile=profile, **revealed(options))
        self._clients: dict[asyncio.AbstractEventLoop, AsyncClient] = {}

    @property
    def loop(self) -> Any:
        if self._pid != os.getpid():  # after a fork the parent's loop does not run here
            self._pid = os.getpid()
            if not self.asynchronous:
                if get_loop() is self._loop:  # older releases of fsspec keep the parent's loop
                    reset_lock()
                self._loop = get_loop()
        return self._loop

    def __repr__(self) -> str:
        return repr(self.client).replace("Client", type(self).__name__, 1)

    def to_dict(self, *, include_password: bool = False) -> dict[str, Any]:
        """The options with which to create another instance, also for JSON: as given, but always without keys.

        The reader takes the keys from its environment or profile.
        """
        plain = {
            name: value
            for name, value in self.storage_options.items()
            if name != "public_key" and isinstance(value, (str, int, float, bool))
        }
        return {"cls": f"{type(self).__module__}:{type(self).__name__}", "protocol": self.protocol, "args": [], **plain}

    async def _close(self) -> None:
        """Close the connections that nobody uses now.  Open files and running calls go on, and a later call opens new
        connections, because fsspec shares instances between callers.
        """
        client = self._clients.get(asyncio.get_running_loop())
        if client is not None:
            await client.close_idle()
        self.client.close_idle()

    close = waited(_close)

    def _here(self) -> AsyncClient:
        """The client for the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            for each in [each for each in self._clients if each.is_closed()]:
                del self._clients[each]
            self._clients[loop] = AsyncClient(settings=self.client.settings)
        return self._clients[loop]

    # Paths

    @overload
    @classmethod
    def _strip_protocol(cls, path: Path) -> str: ...

    @overload
    @classmethod
    def _strip_protocol(cls, path: list[str]) -> list[str]: ...

    @classmethod
    def _strip_protocol(cls, path: Path | list[str]) -> str | list[str]:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        text: str = stringify_path(path)
        for mark in ("uvideo://", "uvideo::"):
            text = text.removeprefix(mark)
        return text.strip("/")

    def _split(self, path: str) -> tuple[str, str]:
        """(space, key) of a path; either may be empty."""
        space, _, key = self._strip_protocol(path).partition("/")
        return space, key

    def _object(self, path: str) -> tuple[str, str]:
        """(space, key) of a path, which must have both."""
        space, key = self._split(path)
        if not key:
            raise IsADirectoryError(errno.EISDIR, "an object is needed: uvideo://space/key", path)
        return space, key

    def invalidate_cache(self, path: str | None = None) -> None:
        """Drop the cached listings: all, or those of a path, its parents and what is below."""
        super().invalidate_cache(path)
        if path is None:
            self.dircache.clear()
            return
        name = self._strip_protocol(path)
        for each in list(self.dircache):
            if each in ("", name) or name.startswith(each + "/") or each.startswith(name + "/"):
                self.dircache.pop(each, None)

    async def _all(self, jobs: Iterable[Coroutine[Any, Any, Any]], batch_size: int | None = None) -> list[Any]:
        """The results of the coroutines, run a batch at a time."""
        found: list[Any] = await _run_coros_in_chunks(
            list(jobs), batch_size=batch_size or self.batch_size, nofiles=True
        )
        return found

    # Lookup

    async def _info(self, path: str, refresh: bool = False, **kwargs: object) -> Info:
        """name, size, type; for an object also ETag, mimetype, StorageClass, metadata, headers and times.

        mtime: as ``modified``.  LastModified: when it was stored.  created: as ``created``.  A result from the cache of
        ``ls`` has no headers.
        """
        path = self._strip_protocol(path)
        space, key = self._split(path)
        if not space:
            return directory(path)
        known = None if refresh else self._ls_from_cache(path)
        if known is not None:
            return next((each for each in known if each["name"] == path), directory(path))
        if key and (found := await self._stat(path)) is not None:
            return described(found)
        try:
            if await self._any_below(path) or not key:
                return directory(path)
        except PermissionError:  # a key that may only read objects gets a refusal here
            if not key:
                raise
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    async def _stat(self, path: str) -> ObjectInfo | None:
        """An object; None if there is none."""
        try:
            with as_oserror(path):
                return await self._here().stat(*self._object(path))
        except FileNotFoundError:
            return None

    async def _any_below(self, path: str) -> bool:
        """Whether a directory has any objects.  FileNotFoundError if its space is missing."""
        space, key = self._split(path)
        with as_oserror(path):
            async for page in self._here().list(space, key and key + "/", page_size=1).pages():
                if page.items or page.prefixes:
                    return True
        return False

    async def _exists(self, path: str, refresh: bool = False, **kwargs: object) -> bool:
        try:
            await self._info(path, refresh)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.EINVAL:  # an invalid name
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

    async def _ls(self, path: str, detail: bool = True, refresh: bool = False, **kwargs: object) -> list[Any]:
        path = self._strip_protocol(path)
        found = None if refresh else self.dircache.get(path)
        if found is None:
            found = await self._level(path)
            if found is None:
                info = await self._info(path, refresh)
                if info["type"] == "file":
                    return [info if detail else info["name"]]
                found = []  # the listing has only the object that marks the directory
            self.dircache[path] = found
        return list(found) if detail else sorted(each["name"] for each in found)

    async def _level(self, path: str, prefix: str = "") -> list[Info] | None:
        """The entries of a directory whose names begin with ``prefix``, in order; None if there is no directory."""
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
        **kwargs: object,
    ) -> Any:
        """As fsspec's.  Without maxdepth all keys come from one listing, whatever their directories.

        prefix: of the names directly below ``path``.
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
        except FileNotFoundError:  # the space is missing
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

    async def _du(
        self,
        path: str,
        total: bool = True,
        maxdepth: int | None = None,
        withdirs: bool = False,
        prefix: str = "",
        **kwargs: object,
    ) -> int | dict[str, int]:
        found = await self._find(path, maxdepth, withdirs, detail=True, prefix=prefix, **kwargs)
        sizes = {name: info["size"] for name, info in found.items()}
        return sum(sizes.values()) if total else sizes

    async def _time(self, path: str, name: str) -> datetime:
        info = await self._info(path)
        if info["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "a directory has no times", path)
        time: datetime | None = info[name]
        if time is None:
            raise OSError(errno.ENODATA, "the service does not report it", path)
        return time

    async def _modified(self, path: str) -> datetime:
        """The modification time of its file if that is stored with an object, else when it was stored; in UTC."""
        return await self._time(path, "mtime")

    async def _created(self, path: str) -> datetime:
        """When an object was created, in UTC."""
        return await self._time(path, "created")

    modified, created, find, du = waited(_modified), waited(_created), waited(_find), waited(_du)

    def ukey(self, path: str) -> str:
        """A value that changes with the content of an object."""
        info = self.info(path)
        return sha256(repr((info["name"], info["size"], info.get("ETag"))).encode()).hexdigest()

    def checksum(self, path: str) -> int:
        """As ``ukey``, as a number."""
        return int(self.ukey(path)[:32], 16)
