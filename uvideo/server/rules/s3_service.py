"""What each operation of S3 on one bucket does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from uvideo.s3 import operation as s3
from uvideo.s3.errors import S3Error
from uvideo.server.rules.object_state import States
from uvideo.server.rules.objects import ObjectBody, Objects
from uvideo.server.rules.s3_listing import S3Listing
from uvideo.server.rules.s3_objects import S3Objects
from uvideo.server.rules.s3_record import RequestContext
from uvideo.server.rules.s3_states import S3States
from uvideo.server.rules.s3_uploads import S3Uploads

__all__ = ["S3Service"]


class S3Service:
    """The operations of S3 on the objects of a Service."""

    def __init__(self, service: Objects, states: States) -> None:
        self._objects = S3Objects(service)
        self.operations: dict[type, Callable[..., Awaitable[Any]]] = {
            **self._objects.operations,
            **S3Listing(service).operations,
            **S3States(service, states).operations,
            **S3Uploads(service).operations,
        }

    async def run(
        self, op: s3.Operation, asked: RequestContext, may: Callable[[str], bool] = lambda key: True
    ) -> tuple[Any, ObjectBody | None]:
        """(the result, the object's bytes or None).  NotImplemented for an operation that is not served.

        ``may``: whether the signer may delete this key, for DeleteObjects.
        """
        if isinstance(op, s3.GetObject):
            return await self._objects.get(op, asked)
        if isinstance(op, s3.DeleteObjects):
            return await self._objects.delete_many(op, asked, may), None
        run = self.operations.get(type(op))
        if run is None:
            raise S3Error("NotImplemented", message=f"{type(op).__name__} is not served.")
        return await run(op, asked), None
