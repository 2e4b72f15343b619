"""Every rule of what can be changed of an object while its bytes stay: type, class, tags, acl, and being readable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from uvideo._core import errors, operation
from uvideo.server.copies import TRIES, busy
from uvideo.server.record import ARCHIVE, check_readable, restore_state, said_acl, stored_acl
from uvideo.storage.base import ObjectRecord, SpaceRecord

if TYPE_CHECKING:
    from uvideo.server.service import Service

__all__ = ["States"]


class States:
    """The operations of a Service that change what is said of an object.

    ``takes``: seconds until a restored object can be read; ``lasts``: seconds that it then can be.
    """

    def __init__(self, service: Service, takes: int, lasts: int) -> None:
        self._service, self._catalog = service, service.catalog
        self._takes, self._lasts = takes, lasts
        self.operations: dict[type, Callable[..., Awaitable[Any]]] = {
            operation.SetMime: self._set_mime,
            operation.SwitchClass: self._switch,
            operation.RestoreObject: self._restore,
            operation.PutTags: self._put_tags,
            operation.DeleteTags: self._delete_tags,
            operation.GetTags: self._get_tags,
            operation.PutAcl: self._put_acl,
            operation.GetAcl: self._get_acl,
        }

    async def _look(self, op: Any, space: SpaceRecord) -> ObjectRecord:
        record = await self._catalog.get(space.space_id, op.key)
        if record is None:
            raise errors.NotFound()
        return record

    async def _change(self, op: Any, space: SpaceRecord, made: Callable[[ObjectRecord], ObjectRecord]) -> Any:
        """Replace the record by what ``made`` makes of it, as it is at that moment."""
        for _ in range(TRIES):
            record = await self._look(op, space)
            changed = made(record)
            try:
                if changed != record:
                    await self._service.remove(await self._catalog.put(changed, source=record))
                return operation.Done()
            except errors.NotFound:
                continue
        raise busy()

    async def _set_mime(self, op: Any, space: SpaceRecord) -> Any:
        now = int(self._service.clock())
        return await self._change(op, space, lambda record: replace(record, mime=op.mime, modified=now))

    async def _switch(self, op: Any, space: SpaceRecord) -> Any:
        """Only down, and never out of the archive.  Source: data-plane.md, ClassSwitch."""
        order = operation.STORAGE_CLASSES

        def made(record: ObjectRecord) -> ObjectRecord:
            check_readable(record, self._service.clock())
            if order.index(op.storage_class) <= order.index(record.storage_class):
                raise errors.SwitchDenied()
            return replace(record, storage_class=op.storage_class)

        return await self._change(op, space, made)

    async def _restore(self, op: Any, space: SpaceRecord) -> Any:
        """Frozen: restoring, then restored.  While it is restoring nothing changes; restored: it lasts anew."""
        now = int(self._service.clock())
        frozen, _, restored = operation.RESTORES

        def made(record: ObjectRecord) -> ObjectRecord:
            if record.storage_class != ARCHIVE:
                raise errors.BadRequest("only an object of class ARCHIVE is restored")
            state = restore_state(record, now)
            if state == frozen:
                ready = now + self._takes
                return replace(record, ready=ready, expires=ready + self._lasts)
            return replace(record, expires=now + self._lasts) if state == restored else record

        return await self._change(op, space, made)

    async def _put_tags(self, op: Any, space: SpaceRecord) -> Any:
        return await self._change(op, space, lambda record: replace(record, tags=op.tags))

    async def _delete_tags(self, op: Any, space: SpaceRecord) -> Any:
        return await self._change(op, space, lambda record: replace(record, tags=()))

    async def _get_tags(self, op: Any, space: SpaceRecord) -> Any:
        return operation.Tags((await self._look(op, space)).tags)

    async def _put_acl(self, op: Any, space: SpaceRecord) -> Any:
        return await self._change(op, space, lambda record: replace(record, acl=stored_acl(op.acl)))

    async def _get_acl(self, op: Any, space: SpaceRecord) -> Any:
        return operation.Acl(space.owner, space.owner, said_acl(await self._look(op, space)))
