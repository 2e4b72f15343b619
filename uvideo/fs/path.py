"""universal_pathlib's path class for uvideo:// addresses: UPath("uvideo://space/key")."""

from __future__ import annotations

from upath import UPath

__all__ = ["UVideoPath"]


class UVideoPath(UPath):
    """The same as UPath.  Its own class tells universal_pathlib that this filesystem is supported."""

    __slots__ = ()
