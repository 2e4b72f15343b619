"""A caller's bytes: the path of a file, or an object with read()."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from uvideo import _core
from uvideo.errors import InvalidArgument

__all__ = ["Content", "Source", "path_of", "stream"]

#: The bytes of an object.  Text is refused: it could be a path or content.
Content = bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO | Iterable[bytes]
#: The same, where text is the path of a file.
Source = str | Content


def path_of(source: Source) -> str | None:
    """The path if the source is one: text or os.PathLike.  Else None."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else None


def stream(data: BinaryIO | Iterable[bytes]) -> Any:
    """An object with read(), from a binary file or an iterable of bytes.  InvalidArgument for anything else."""
    if isinstance(data, io.TextIOBase):
        raise InvalidArgument("the file is open as text: open it in binary mode, 'rb'")
    if hasattr(data, "read") or hasattr(data, "recv"):
        return data
    if isinstance(data, str):
        raise InvalidArgument("data is text: give bytes (text.encode()), or the path of a file as pathlib.Path")
    if isinstance(data, Iterable) and not isinstance(data, Mapping):
        return _core.upload_source.Pieces(data)
    raise InvalidArgument(f"data is a {type(data).__name__}; bytes, a path, a binary file or an iterable is needed")
