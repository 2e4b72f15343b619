"""The rules of changes that leave an object's bytes alone: media type, class, tags, acl, restore."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from uvideo._core import dialect, errors, operation
from uvideo.server.rules.copies import TRIES, busy
from uvideo.server.rules.object_record import ARCHIVE, check_readable, restore_state, said_acl, stored_acl
from uvideo.server.rules.objects import Objects
from uvideo.storage.base import ObjectRecord, SpaceRecord

__all__ = ["States"]


class States:
    """The operations of a Service that change an object's record and not its bytes.

    ``takes``: seconds that a restore takes; ``lasts``: seconds for which the object can be read after it.
    """

    def __init__(self, service: Objects, takes: int, lasts: int) -> None:
        self._service, self._catalog = service, service.catalog
        self._takes, self._lasts = takes, lasts
        self.operations: dict[type, Callable[..., Awaitable[dialect.Result]]] = {
            operation.SetMime: self._set_mime,
            operation.SwitchClass: self._switch,
            operation.RestoreObject: self._restore,
            operation.PutTags: self._put_tags,
            operation.DeleteTags: self._delete_tags,
            operation.GetTags: self._get_tags,
            operation.PutAcl: self._put_acl,
            operation.GetAcl: self._get_acl,
        }

    async def change(
        self, space: SpaceRecord, key: str, made: Callable[[ObjectRecord], ObjectRecord]
    ) -> operation.Done:
        """Replace the current record with the one that ``made`` returns for it."""
        for _ in range(TRIES):
            record = await self._service.record(space, key)
            changed = made(record)
            try:
                if changed != record:
                    await self._service.remove(await self._catalog.put(changed, source=record))
                return operation.Done()
            except errors.NotFound:
                continue
        raise busy()

    async def _set_mime(self, op: operation.SetMime, space: SpaceRecord) -> operation.Done:
        now = int(self._service.clock())
        return await self.change(space, op.key, lambda record: replace(record, mime=op.mime, modified=now))

    async def _switch(self, op: operation.SwitchClass, space: SpaceRecord) -> operation.Done:
        """Only to a colder class, and never out of ARCHIVE.  Source: data-plane.md, ClassSwitch."""
        order = operation.STORAGE_CLASSES

        def made(record: ObjectRecord) -> ObjectRecord:
            check_readable(record, self._service.clock())
            if order.index(op.storage_class) <= order.index(record.storage_class):
                raise errors.SwitchDenied()
            return replace(record, storage_class=op.storage_class)

        return await self.change(space, op.key, made)

    async def _restore(self, op: operation.RestoreObject, space: SpaceRecord) -> operation.Done:
        return await self.restore(space, op.key)

    async def restore(self, space: SpaceRecord, key: str) -> operation.Done:
        """Frozen: starts a restore.  Restoring: no effect.  Restored: its ``lasts`` starts again."""
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

        return await self.change(space, key, made)

    async def _put_tags(self, op: operation.PutTags, space: SpaceRecord) -> operation.Done:
        return await self.change(space, op.key, lambda record: replace(record, tags=op.tags))

    async def _delete_tags(self, op: operation.DeleteTags, space: SpaceRecord) -> operation.Done:
        return await self.change(space, op.key, lambda record: replace(record, tags=()))

    async def _get_tags(self, op: operation.GetTags, space: SpaceRecord) -> operation.Tags:
        return operation.Tags((await self._service.record(space, op.key)).tags)

    async def _put_acl(self, op: operation.PutAcl, space: SpaceRecord) -> operation.Done:
        def made(record: ObjectRecord) -> ObjectRecord:
            facts = None if record.s3 is None else replace(record.s3, acl="")
            return replace(record, acl=stored_acl(op.acl), s3=facts)

        return await self.change(space, op.key, made)

    async def _get_acl(self, op: operation.GetAcl, space: SpaceRecord) -> operation.Acl:
        return operation.Acl(space.owner, space.owner, said_acl(await self._service.record(space, op.key)))
