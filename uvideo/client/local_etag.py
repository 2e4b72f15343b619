"""The etag of local bytes, computed without the service, and comparison of two etags."""

from __future__ import annotations

import os
from typing import BinaryIO

from uvideo._core import etag as _etag
from uvideo.errors import LocalFailure

__all__ = ["etag", "same_etag"]

PIECE = 1 << 20


def etag(source: str | bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO) -> str:
    """The etag of an object with these bytes.  A path (text or pathlib.Path) is read whole, a binary file from its
    position.

    LocalFailure if the file cannot be read.
    """
    tree = _etag.Etag()
    if isinstance(source, (bytes, bytearray, memoryview)):
        tree.update(source)
    elif isinstance(source, (str, os.PathLike)):
        try:
            with open(source, "rb", buffering=0) as file:
                _feed(tree, file)
        except OSError as error:
            raise LocalFailure(f"{os.fspath(source)}: {error.strerror}") from error
    else:
        _feed(tree, source)
    return str(tree.value())


def _feed(tree: _etag.Etag, file: BinaryIO) -> None:
    buffer = memoryview(bytearray(PIECE))
    into = getattr(file, "readinto", None)
    if into is not None:
        while size := into(buffer):
            tree.update(buffer[:size])
        return
    while piece := file.read(PIECE):
        tree.update(piece)


def same_etag(one: str | None, other: str | None, size: int) -> bool | None:
    """Whether two etags are of the same content of ``size`` bytes; None if the form of one of them does not show it."""
    if one is None or other is None:
        return None
    if _etag.same(one, other, size):
        return True
    return False if _etag.is_etag(one) and _etag.is_etag(other) else None
