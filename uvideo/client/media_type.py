"""The media type of a file name, as uploads store it."""

from __future__ import annotations

from uvideo._core import media_type as _table

__all__ = ["media_type"]


def media_type(name: str) -> str | None:
    """The media type for a key or a file name, from a table that is the same on every machine; None if unknown.

    Only the last ending counts, in any case: ``a.json.gz`` is application/gzip.  Uploads without ``mime`` store this
    type, or application/octet-stream.
    """
    return _table.of_name(name)
