"""The calls of the console's pages.  A call is JSON, and runs a few operations of the service.

The caller authenticates the user; this module checks the rights to spaces.  The fields of an operation are checked as
in a request of the data plane: the same dialect encodes and decodes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from uvideo._core import compat, dialect, errors, etag, json_document, listing, location, operation, provider, signature
from uvideo.server.auth.client_address import ClientAddress
from uvideo.server.auth.credentials import Key
from uvideo.server.console.call_arguments import Given, number_of, text_of
from uvideo.server.console.key_calls import KeyCalls, KeyOperation
from uvideo.server.console.name_search import search_names
from uvideo.server.console.object_move import only_version, rename_version, version_of
from uvideo.server.console.zip_download import OBJECTS_LIMIT, ZipDownload, zip_contents, zip_pieces
from uvideo.server.http.error_responses import refusal_of
from uvideo.server.ops.audit import FREES, OFF, Audit, AuditEntry, details, keys_made, visited, visitor
from uvideo.server.ops.gauges import STALE
from uvideo.server.ops.history import History
from uvideo.server.ops.request_log import RefusedRequest, RequestLog
from uvideo.server.ops.storage_totals import BY_CLASS, COUNTS
from uvideo.server.rules.object_record import file_info, is_open, object_info, said_acl
from uvideo.server.rules.objects import ObjectBody
from uvideo.server.rules.service import Service
from uvideo.server.rules.spaces import ManagementService
from uvideo.storage.base import DAY, Expected, Holding, SpaceRecord

__all__ = ["ASKED", "View"]

ASKED = "a call of the console"  # in the log
SPACES_LIMIT = 1000
KEYS_LIMIT = 1000  # keys in one call
AT_ONCE = 32  # concurrent operations of one call; they share a sync of the disk
UPLOADS_LIMIT = 500  # in one answer
PARTS_LIMIT = 1000
STALE_LIMIT = 10_000  # uploads in one space
DAYS = 30
ZIPS_AT_ONCE = 4  # archives that a worker sends
ZIPS_EACH = 2  # of these to one account, and to one address: one client with two accounts must not take all of them
TEXT_LIMIT = 1000  # characters of a text that names are searched for
SECONDS_LIMIT = 7 * 86400  # longest validity of a signed URL
KEPT_SECONDS = 30.0  # how long expensive counts are cached
KEPT = 256
ERRORS_LIMIT = 50  # of each kind in the dashboard

log = logging.getLogger("uvideo.server")

_SUFFIX = provider.parse_suffix("127.0.0.1")
_DOTS = re.compile(r"(?:\A|/)\.{1,2}(?:/|\Z)").search

Managed = operation.CreateSpace | operation.UpdateSpace | operation.DeleteSpace | KeyOperation
Call = Callable[[Key, Given, str], Awaitable[dict[str, Any]]]
OperationT = TypeVar("OperationT", bound="dialect.Operation")
Held = Callable[[], Awaitable[Sequence[Holding] | None]]


async def _nothing_yet() -> Sequence[Holding] | None:
    return None


class View:
    """``calls``: (method, name) -> call(key of the session, arguments, URL of the data port) -> JSON object.

    A call raises errors.Refused.  Calls with the method GET change nothing.  ``folder``: on the disk that stores the
    objects; None if they are not on a disk of this machine.  ``requests``: what the data port answered.
    """

    def __init__(
        self,
        service: Service,
        spaces: ManagementService,
        history: History,
        started: float,
        audit: Audit = OFF,
        held: Held = _nothing_yet,
        folder: Path | None = None,
        requests: RequestLog | None = None,
    ) -> None:
        self._requests = requests or RequestLog()
        self._audit, self._held, self._folder = audit, held, folder
        self._service, self._spaces, self._catalog = service, spaces, service.catalog
        self._history, self._started = history, started
        self._zips = Counter[tuple[str, str]]()  # archives that are being sent, by account and address
        self._kept: dict[tuple[Any, ...], tuple[float, Any]] = {}
        self.calls: dict[tuple[str, str], Call] = {
            ("GET", "spaces"): self._list_spaces,
            ("GET", "spaces/usage"): self._usage_of_space,
            ("POST", "spaces/create"): self._doing(operation.CreateSpace, "space", "type"),
            ("POST", "spaces/type"): self._doing(operation.UpdateSpace, "space", "type"),
            ("POST", "spaces/delete"): self._delete_space,
            ("GET", "objects"): self._list_objects,
            ("GET", "objects/search"): self._search,
            ("GET", "object"): self._object,
            ("POST", "objects/exist"): self._exist,
            ("POST", "objects/delete"): self._delete_objects,
            ("POST", "objects/rename"): self._rename,
            ("POST", "objects/copy"): self._copy,
            ("POST", "objects/move"): self._move,
            ("POST", "objects/class"): self._set_class,
            ("POST", "objects/restore"): self._restore,
            ("POST", "objects/acl"): self._doing(operation.PutAcl, "space", "key", "acl"),
            ("POST", "objects/metadata"): self._set_metadata,
            ("POST", "sign"): self._sign,
            ("GET", "uploads"): self._list_uploads,
            ("GET", "uploads/parts"): self._list_parts,
            ("POST", "uploads/begin"): self._begin,
            ("POST", "uploads/finish"): self._finish,
            ("POST", "uploads/abort"): self._doing(operation.AbortUpload, "space", "key", "upload_id"),
            ("GET", "dashboard"): self._dashboard,
            **KeyCalls(service, self._run).calls,
        }

    # Spaces

    async def _list_spaces(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        found = await self._catalog.spaces(key.owner, 0, SPACES_LIMIT)
        return {"spaces": [_space(space) for space in found], "more": len(found) == SPACES_LIMIT}

    async def _usage_of_space(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        space = await self._own(text_of(given, "space"), key)
        today = int(self._service.clock()) // DAY

        async def count() -> int:
            return (await self._catalog.usage([space.space_id], today, today))[0].stored

        return {"stored": await self._keep(("usage", space.space_id), count)}

    async def _delete_space(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        name = text_of(given, "space")
        if given.get("typed") != name:
            raise errors.BadRequest("the name of the space must be typed to delete it")
        await self._run(operation.DeleteSpace(name), key)
        return {}

    async def _own(self, name: str, key: Key) -> SpaceRecord:
        return await self._spaces.own(name, key.owner)

    # Objects

    async def _list_objects(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        op = operation.ListObjects(
            text_of(given, "space"),
            text_of(given, "prefix", ""),
            text_of(given, "marker", ""),
            number_of(given, "limit", 1, listing.LIST_LIMIT, listing.LIST_LIMIT),
            text_of(given, "delimiter", ""),
        )
        page = await self._run(op, key)
        return {
            "objects": [_file(info) for info in page.objects],
            "prefixes": list(page.prefixes),
            "next": page.next_marker,
        }

    async def _search(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """A page of objects and folders whose names contain a text.  ``searched``: keys that were read."""
        space, prefix = await self._own(text_of(given, "space"), key), text_of(given, "prefix", "")
        text, marker = text_of(given, "text"), text_of(given, "marker", "")
        limit = number_of(given, "limit", 1, listing.LIST_LIMIT, listing.LIST_LIMIT)
        if not 1 <= len(text) <= TEXT_LIMIT:
            raise errors.BadRequest(f"text is not 1 to {TEXT_LIMIT} characters")
        work = search_names(self._catalog, space.space_id, prefix, text, marker, limit)
        found = await self._recorded(operation.ListObjects(space.name, prefix, marker, limit), work)
        now = self._service.clock()
        return {
            "objects": [_file(file_info(record, now)) for record in found.objects],
            "prefixes": found.folders,
            "next": found.next_marker,
            "searched": found.searched,
        }

    async def zip_contents(self, key: Key, given: Given, sender: ClientAddress) -> dict[str, Any]:
        """What an archive would contain.  Refuses what ``zip`` would refuse."""
        space = await self._own(text_of(given, "space"), key)
        found = await zip_contents(self._service, space, text_of(given, "prefix", ""), _names(given))
        free = self._may_zip(key.owner, sender.counted)
        return {"objects": len(found.keys), "size": found.size, "more": found.cut, "free": free}

    async def zip(self, key: Key, given: Given, sender: ClientAddress) -> ZipDownload:
        """An archive of objects and folders, whose names are given as in ``zip_contents``."""
        space, prefix = await self._own(text_of(given, "space"), key), text_of(given, "prefix", "")
        found = await zip_contents(self._service, space, prefix, _names(given))
        if found.cut:
            raise errors.BadRequest(f"an archive has at most {OBJECTS_LIMIT} objects")
        place = key.owner, sender.counted
        if not self._may_zip(*place):
            raise errors.Unavailable(
                "too many archives are downloaded at this moment", retry_after=30, cause="requests"
            )
        who, address = visitor()

        async def open_object(op: operation.GetObject) -> tuple[object, ObjectBody | None]:
            with visited(who, address):
                opened: tuple[object, ObjectBody | None] = await self._recorded(op, self._service.get(op, space))
                return opened

        async def pieces() -> AsyncGenerator[bytes, None]:
            self._zips[place] += 1
            sent = 0
            try:
                async with contextlib.aclosing(zip_pieces(open_object, space.name, prefix, found.keys)) as made:
                    async for piece in made:
                        sent += len(piece)
                        yield piece
            finally:
                self._zips -= Counter([place])  # drops what is 0
                self._spaces.count_sent(space.name, sent)

        folder = prefix.rstrip("/").rpartition("/")[2] or space.name
        return ZipDownload(f"{folder}.zip", pieces())

    def _may_zip(self, owner: str, address: str) -> bool:
        """``address``: "" if it is not counted."""
        of_account = sum(count for (each, _), count in self._zips.items() if each == owner)
        of_address = sum(count for (_, each), count in self._zips.items() if address and each == address)
        return self._zips.total() < ZIPS_AT_ONCE and max(of_account, of_address) < ZIPS_EACH

    async def _object(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        space, name = await self._own(text_of(given, "space"), key), text_of(given, "key")
        record = await self._service.record(space, name)
        info = object_info(record, self._service.clock())
        return {
            "key": name,
            "size": info.size,
            "etag": info.etag,
            "mime": info.mime,
            "class": info.storage_class,
            "created": info.created,
            "modified": info.modified,
            "metadata": dict(info.metadata),
            "headers": dict(info.headers),
            "tags": dict(record.tags),
            "acl": said_acl(record),
            "restore": info.restore,
            "ready": record.ready,
            "expires": record.expires,
            "public": is_open(space, record),
            "url": None if _DOTS(name) else _url_of(url, space.name, name),
        }

    async def _exist(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        space = await self._own(text_of(given, "space"), key)

        found = [(name, await self._catalog.get(space.space_id, name)) for name in _keys(given)]
        return {"exist": {name: record.size for name, record in found if record is not None}}

    async def _delete_objects(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        return await self._of_each(operation.DeleteObject, key, given)

    async def _rename(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        force = given.get("force") is True
        await self._run(
            operation.RenameObject(text_of(given, "space"), text_of(given, "key"), text_of(given, "new_key"), force),
            key,
        )
        return {}

    async def _copy(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        await self._copied(key, given)
        return {}

    async def _copied(self, key: Key, given: Given, expected: Expected | None = None) -> None:
        """Copy an object.  ``expected``: as in ``Copies.copy``."""
        source = await self._own(text_of(given, "space"), key)
        to = operation.CopyObject(
            text_of(given, "to_space"), text_of(given, "to_key"), source.name, text_of(given, "key")
        )
        op, space = await self._decoded(to, key)
        force = given.get("force") is True
        await self._recorded(op, self._service.copies.copy(op, space, overwrite=force, expected=expected))

    async def _move(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """Move an object, also to another space; only if it has this ``version``, where one is given.

        PreconditionFailed if it is another one, or changed after it was copied to the other space.  {"version": of the
        object}, with which it can be moved back.
        """
        source, name = await self._own(text_of(given, "space"), key), text_of(given, "key")
        to_key, version = text_of(given, "to_key"), text_of(given, "version", "")
        if text_of(given, "to_space") == source.name:
            new = operation.RenameObject(source.name, name, to_key, given.get("force") is True)
            op, _ = await self._decoded(new, key)
            return {"version": await self._recorded(op, rename_version(self._service, op, source, version))}
        record = await self._service.record(source, name)
        only_version(version)(record)
        copied, gone = version_of(record), operation.DeleteObject(source.name, name)
        await self._copied(key, given, only_version(copied))
        await self._recorded(gone, self._service.delete(gone, source, only_version(copied)))
        return {"version": copied}

    async def _set_class(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        to = text_of(given, "class")
        return await self._of_each(lambda space, name: operation.SwitchClass(space, name, to), key, given)

    async def _restore(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        return await self._of_each(operation.RestoreObject, key, given)

    async def _set_metadata(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """Replace media type, metadata and stored headers of an object; its bytes, tags and acl stay."""
        space, name = await self._own(text_of(given, "space"), key), text_of(given, "key")
        record = await self._service.record(space, name)
        pairs = given.get("metadata")
        if not isinstance(pairs, dict) or not all(isinstance(value, str) for value in pairs.values()):
            raise errors.BadRequest("metadata is not an object of texts")
        op = operation.CopyObject(
            space.name,
            name,
            space.name,
            name,
            directive="REPLACE",
            storage_class=record.storage_class,
            metadata=tuple(pairs.items()),
            mime=text_of(given, "mime") or None,
            headers=object_info(record, self._service.clock()).headers,
        )
        await self._run(op, key)
        return {}

    # Bulk bytes, which the browser transfers itself

    async def _sign(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """Signed URLs for GET, HEAD or PUT of keys in one space.  A PUT URL is valid for all parts of the key, and only
        with its media type.

        Each item: {"key", "filename"?, "mime"?}.
        """
        space = await self._own(text_of(given, "space"), key)
        method = text_of(given, "method")
        if method not in ("GET", "HEAD", "PUT"):
            raise errors.BadRequest("only GET, HEAD and PUT are signed")
        now = int(self._service.clock())
        expires = now + number_of(given, "seconds", 1, SECONDS_LIMIT, 600)
        items = given.get("items")
        if not isinstance(items, list) or not 1 <= len(items) <= KEYS_LIMIT:
            raise errors.BadRequest(f"items is not a list of 1 to {KEYS_LIMIT}")
        return {"urls": [_signed(key, url, space.name, method, expires, item) for item in items], "expires": expires}

    # Uploads

    async def _list_uploads(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        named = given.get("space")
        if named is None:
            spaces: Sequence[SpaceRecord] = await self._catalog.spaces(key.owner, 0, SPACES_LIMIT)
        else:
            spaces = [await self._own(text_of(given, "space"), key)]
        found: list[dict[str, Any]] = []
        before = int(self._service.clock()) - STALE
        for space in spaces:
            limit = UPLOADS_LIMIT + 1 - len(found)
            uploads = await self._catalog.uploads(space.space_id, "", "", "", limit)
            stale = set[str]()
            if any(each.created < before for each in uploads):
                old = await self._catalog.stale_uploads(before, STALE_LIMIT, space.space_id)
                stale = {each.upload_id for each in old}
            for each in uploads:
                fields = {"space": space.name, "key": each.key, "upload_id": each.upload_id, "started": each.created}
                found.append({**fields, "stale": each.upload_id in stale})
        return {"uploads": found[:UPLOADS_LIMIT], "more": len(found) > UPLOADS_LIMIT}

    async def _list_parts(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """The parts from number ``from`` on."""
        space = await self._own(text_of(given, "space"), key)
        upload = await self._catalog.upload(text_of(given, "upload_id"))
        if upload is None or upload.space_id != space.space_id:
            raise errors.UploadNotFound()
        first = number_of(given, "from", 0, 10**9, 0)
        parts = await self._catalog.parts(upload.upload_id, first, PARTS_LIMIT + 1)
        return {
            "key": upload.key,
            "parts": [[part.part, part.etag, part.size] for part in parts[:PARTS_LIMIT]],
            "next": parts[PARTS_LIMIT].part if len(parts) > PARTS_LIMIT else None,
        }

    async def _begin(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        name = text_of(given, "key")
        _check_for_browser(name)
        begun = await self._run(
            operation.InitiateUpload(text_of(given, "space"), name, mime=text_of(given, "mime", "") or None), key
        )
        return {"upload_id": begun.upload_id, "block_size": begun.block_size}

    async def _finish(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """Finish an upload if the etag of its parts is the one that the browser computed."""
        etags, expected = given.get("etags"), text_of(given, "etag")
        if not isinstance(etags, list) or not all(isinstance(each, str) for each in etags):
            raise errors.BadRequest("etags is not a list of texts")
        try:
            worked_out = etag.from_digests([etag.part_digest(each) for each in etags])
        except ValueError:
            raise errors.InvalidPartList() from None
        if worked_out != expected:
            raise errors.InvalidPartList("the etag does not match these parts")
        op = operation.FinishUpload(
            text_of(given, "space"), text_of(given, "key"), text_of(given, "upload_id"), tuple(etags)
        )
        finished = await self._run(op, key)
        return {"etag": finished.etag, "size": finished.size, "key": finished.key}

    # Dashboard

    async def _dashboard(self, key: Key, given: Given, url: str) -> dict[str, Any]:
        """Counts of the whole server since its start; for each day, bytes that the account's spaces stored and sent."""
        now = self._service.clock()
        last = int(now) // DAY

        async def count() -> list[list[int]]:
            op = operation.GetSpaceStatus((), (last - DAYS + 1) * DAY, int(now))
            status = await self._spaces.perform(op, key.owner)
            assert isinstance(status, operation.SpaceStatus)
            return [[day.time, day.storage, day.flux] for day in status.entries]

        samples = self._history.samples()
        after = number_of(given, "after", 0, 10**12, 0)
        return {
            "now": now,
            "started": self._started,
            "fields": ["time", *samples[-1][1]._fields],
            "samples": [[round(when, 1), *counts] for when, counts in samples if when > after],
            "days": await self._keep(("days", key.owner, last), count),
            "spaces": await self._held_by(key.owner),
            "disk": await self._disk(),
            "operations": self._requests.operations(),
            "errors": self._requests.errors(),
            "last_errors": await self._last_errors(key),
        }

    async def _last_errors(self, key: Key) -> list[RefusedRequest]:
        """The last errors in the account's spaces, ERRORS_LIMIT with a valid signature and as many others.  Those of no
        space only for the server's own pair.

        An error that is older than the space was in another space of that name, whose owner may have been another.
        """
        own = {each.name: each.created for each in await self._catalog.spaces(key.owner, 0, SPACES_LIMIT)}
        is_operator = key.public == self._service.keyring.own.public

        def is_shown(each: RefusedRequest) -> bool:
            return int(each.time) > own.get(each.space, each.time) if each.space else is_operator

        kinds = (self._requests.last(signed=signed) for signed in (True, False))
        shown = [each for last in kinds for each in list(filter(is_shown, last))[:ERRORS_LIMIT]]
        return sorted(shown, key=lambda each: -each.time)

    async def _disk(self) -> list[int] | None:
        """[free bytes, all bytes] of the disk that stores the objects; None if that is no disk of this machine, or
        cannot be asked."""
        if self._folder is None:
            return None
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, self._folder)
        except OSError as failure:
            log.warning("the free space of %s cannot be read: %s", self._folder, failure.strerror)
            return None
        return [usage.free, usage.total]

    async def _held_by(self, owner: str) -> list[list[Any]] | None:
        """[name, objects, bytes, unfinished uploads, bytes of these, bytes sent, bytes received, objects of IA, their
        bytes, objects of ARCHIVE, their bytes] of each space of the account, the largest first; None until the first
        count."""
        found = await self._held()
        if found is None:
            return None
        own = sorted((each for each in found if each.account == owner), key=lambda each: -each.stored)
        return [[each.space, *(getattr(each, name) for name in (*COUNTS, *BY_CLASS))] for each in own[:SPACES_LIMIT]]

    # Execution

    def _doing(self, cls: Callable[..., dialect.Operation | Managed], *names: str) -> Call:
        """A call that runs an operation; the fields with these names come from its arguments."""

        async def call(key: Key, given: Given, url: str) -> dict[str, Any]:
            await self._run(cls(**{name: text_of(given, name) for name in names}), key)
            return {}

        return call

    async def _run(self, op: dialect.Operation | Managed, key: Key) -> Any:
        """Run an operation.  One of the data plane is checked like a request."""
        work = self._spaces.run(op, key, "") if isinstance(op, Managed) else self._checked(op, key)
        return await self._recorded(op, work)

    async def _recorded(self, op: dialect.Operation | Managed, work: Coroutine[Any, Any, Any]) -> Any:
        """Do the work, write the audit log, and return the work's result."""
        cls = type(op)
        if not self._audit.wants(cls):
            return await work
        try:
            self._audit.admit(frees=cls in FREES)
        except errors.Unavailable:
            work.close()
            raise
        who, address = visitor()
        entry = AuditEntry(who, cls.__name__, getattr(op, "space", ""), getattr(op, "key", ""), details(op))
        status, code = 500, 0
        try:
            result = await work
            entry.more.update(keys_made(result))
            status = 200
            return result
        except Exception as failure:
            error = refusal_of(failure, ASKED)
            status, code = error.status or 400, error.ret_code or 0
            raise error from failure
        finally:
            self._audit.end(entry, status, code, address, "")

    async def _checked(self, op: dialect.Operation, key: Key) -> dialect.Result:
        return await self._service.run(*await self._decoded(op, key))

    async def _decoded(self, op: OperationT, key: Key) -> tuple[OperationT, SpaceRecord]:
        """The operation as a request would ask for it, and its space."""
        space = await self._own(op.space, key)
        request = dialect.encode(op, _SUFFIX)
        target = location.parse_target(request.target)
        (address,) = location.addresses("", op.space, target.path)
        checked: Any = dialect.decode(
            cast(Any, type(op)),
            space.name,
            location.key_of(address),
            dialect.parameters(target.query),
            request.headers,
            request.body,
        )
        return checked, space

    async def _of_each(
        self, make: Callable[[str, str], dialect.Operation], key: Key, given: Given
    ) -> dict[str, dict[str, str]]:
        """Run an operation for each key of a space; {key: reason} of the refused ones."""
        space, names = text_of(given, "space"), _keys(given)
        await self._own(space, key)
        gate, failed = asyncio.Semaphore(AT_ONCE), dict[str, str]()

        async def one(name: str) -> None:
            async with gate:
                try:
                    await self._run(make(space, name), key)
                except Exception as failure:
                    failed[name] = type(refusal_of(failure, ASKED)).__name__

        await asyncio.gather(*map(one, names))
        return {"failed": failed}

    async def _keep(self, name: tuple[Any, ...], count: Callable[[], Awaitable[Any]]) -> Any:
        """The result of ``count``, cached for KEPT_SECONDS, because it reads every object."""
        now = self._service.clock()
        kept = self._kept.get(name)
        if kept is None or not 0 <= now - kept[0] < KEPT_SECONDS:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[name] = kept = (now, await count())
        return kept[1]


def _names(given: Given) -> list[str]:
    """``names`` as a text of JSON; everything if there is none."""
    try:
        names = json_document.parse_json(text_of(given, "names", '[""]').encode())
    except ValueError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        raise errors.BadRequest("names is not a list of texts in JSON")
    return [text_of({"name": name}, "name") for name in names]


def _keys(given: Given) -> list[str]:
    keys = given.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_LIMIT:
        raise errors.BadRequest(f"keys is not a list of 1 to {KEYS_LIMIT}")
    return [text_of({"key": key}, "key") for key in keys]


def _check_for_browser(key: str) -> None:
    location.check_key(key)
    if _DOTS(key):
        raise errors.BadRequest("a browser cannot request a key with . or .. between slashes: rename it")


def _url_of(url: str, space: str, key: str) -> str:
    return f"{url}/{space}/{compat.quote_path(key)}"


def _signed(key: Key, url: str, space: str, method: str, expires: int, item: object) -> str:
    if not isinstance(item, dict):
        raise errors.BadRequest("an item is not an object")
    name, mime = text_of(item, "key"), text_of(item, "mime", "")
    _check_for_browser(name)
    if method != "PUT" and mime or "\n" in mime:
        raise errors.BadRequest("mime is only for PUT, and must be one line")
    credentials = signature.Credentials(key.public, key.private)
    query = signature.signed_query(credentials, method, space, name, expires, mime)
    if "filename" in item:
        query = compat.build_query([("ufileattname", text_of(item, "filename"))]) + "&" + query
    return f"{_url_of(url, space, name)}?{query}"


def _space(space: SpaceRecord) -> dict[str, Any]:
    return {
        "name": space.name,
        "type": space.type,
        "created": space.created,
        "class": space.storage_class,
        "domains": list(space.domains),
    }


def _file(info: operation.FileInfo) -> list[Any]:
    """An entry of a listing as an array, which the page knows: an answer contains a thousand of them."""
    return [info.key, info.size, info.modified, info.mime, info.storage_class, info.restore, info.etag]
