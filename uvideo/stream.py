"""What callers give as bytes, as something with read()."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from uvideo.errors import InvalidArgument

__all__ = ["Source", "stream"]

Source = bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO | Iterable[bytes]


class _Pieces:
    """An iterable of bytes as something with read()."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._left = iter(pieces), memoryview(b"")

    def read(self, size: int) -> memoryview | bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            if not isinstance(piece, (bytes, bytearray, memoryview)):
                raise InvalidArgument(f"the iterable gives {type(piece).__name__}; bytes are needed")
            self._left = memoryview(piece).cast("B")
        data, self._left = self._left[:size], self._left[size:]
        return data


def stream(data: BinaryIO | Iterable[bytes]) -> Any:
    """Something with read() of a binary file or an iterable of bytes; InvalidArgument for anything else."""
    if hasattr(data, "read") or hasattr(data, "recv"):
        return data
    if isinstance(data, str):
        raise InvalidArgument("data is text: give bytes, or a path as pathlib.Path")
    if isinstance(data, Iterable) and not isinstance(data, Mapping):
        return _Pieces(data)
    raise InvalidArgument(f"data is a {type(data).__name__}; bytes, a path, a binary file or an iterable is needed")
