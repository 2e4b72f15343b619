"""The rules of S3's listings of objects and versions.  Source: s3.md section 3.6."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from uvideo.s3 import operation as s3
from uvideo.server.rules.objects import Objects
from uvideo.server.rules.s3_record import RequestContext, entry, owner, shown_etag
from uvideo.storage.base import CatalogPage

__all__ = ["S3Listing"]

NULL = "null"  # the version id of each object in a bucket that was never versioned


class S3Listing:
    """The listings of a Service."""

    def __init__(self, service: Objects) -> None:
        self._service, self._catalog = service, service.catalog
        self.operations: dict[type, Callable[..., Awaitable[object]]] = {
            s3.ListObjects: self._list,
            s3.ListObjectsV2: self._list_v2,
            s3.ListObjectVersions: self._list_versions,
        }

    async def _page(self, op: s3.ListingOperation, asked: RequestContext, after: str) -> CatalogPage:
        if not op.max_keys:
            return CatalogPage([], [], "")
        return await self._catalog.list(asked.space.space_id, op.prefix, after, op.max_keys, op.delimiter, itself=True)

    async def _list(self, op: s3.ListObjects, asked: RequestContext) -> s3.ListObjectsOutput:
        page, now = await self._page(op, asked, op.marker), self._service.clock()
        shown = owner(asked.space.owner)
        return s3.ListObjectsOutput(
            contents=tuple([entry(record, now, shown, op.restore_status) for record in page.objects]),
            common_prefixes=tuple(page.prefixes),
            next_marker=page.next_marker or None,
        )

    async def _list_v2(self, op: s3.ListObjectsV2, asked: RequestContext) -> s3.ListObjectsV2Output:
        page, now = await self._page(op, asked, op.after), self._service.clock()
        shown = owner(asked.space.owner) if op.fetch_owner else None
        return s3.ListObjectsV2Output(
            contents=tuple([entry(record, now, shown, op.restore_status) for record in page.objects]),
            common_prefixes=tuple(page.prefixes),
            next_marker=page.next_marker or None,
        )

    async def _list_versions(self, op: s3.ListObjectVersions, asked: RequestContext) -> s3.ListObjectVersionsOutput:
        """Each object is its only version."""
        page, shown = await self._page(op, asked, op.key_marker), owner(asked.space.owner)
        last = page.objects[-1].key if page.objects else ""
        return s3.ListObjectVersionsOutput(
            versions=tuple(
                [
                    s3.ObjectVersion(
                        key=record.key,
                        version_id=NULL,
                        is_latest=True,
                        modified=record.modified,
                        etag=shown_etag(record),
                        size=record.size,
                        storage_class=record.storage_class,
                        owner=shown,
                        checksum_algorithm=(record.s3.algorithm or None) if record.s3 is not None else None,
                        checksum_type=(record.s3.checksum_type or None) if record.s3 is not None else None,
                    )
                    for record in page.objects
                ]
            ),
            common_prefixes=tuple(page.prefixes),
            next_key_marker=page.next_marker or None,
            next_version_id_marker=NULL if page.next_marker and page.next_marker == last else None,
        )
