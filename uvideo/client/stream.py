"""A caller's bytes as an object with read()."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from uvideo import _core
from uvideo.errors import InvalidArgument

__all__ = ["Source", "stream"]

Source = bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO | Iterable[bytes]


def stream(data: BinaryIO | Iterable[bytes]) -> Any:
    """An object with read(), from a binary file or an iterable of bytes.  InvalidArgument for anything else."""
    if hasattr(data, "read") or hasattr(data, "recv"):
        return data
    if isinstance(data, str):
        raise InvalidArgument("data is text: give bytes, or a path as pathlib.Path")
    if isinstance(data, Iterable) and not isinstance(data, Mapping):
        return _core.upload_source.Pieces(data)
    raise InvalidArgument(f"data is a {type(data).__name__}; bytes, a path, a binary file or an iterable is needed")
