"""fsspec's dictionaries about objects and directories."""

from __future__ import annotations

from typing import Any

from uvideo.models import ObjectInfo

__all__ = ["Info", "described", "directory"]

Info = dict[str, Any]


def described(info: ObjectInfo) -> Info:
    """For an object.  size: bytes.  mtime, LastModified, created: aware datetimes in UTC, None if not known.

    mtime: of the file that it was uploaded from, if that is stored with it, else LastModified: when it was stored.
    """
    return {
        "name": f"{info.space}/{info.key}",
        "size": info.size,
        "type": "file",
        "ETag": info.etag,
        "mtime": info.file_modified or info.modified,
        "LastModified": info.modified,
        "created": info.created,
        "mimetype": info.mime,
        "StorageClass": info.storage_class,
        "metadata": dict(info.metadata),
        "headers": dict(info.headers),
    }


def directory(name: str) -> Info:
    """For a space, or for a common prefix of keys up to a slash."""
    return {"name": name, "size": 0, "type": "directory"}
