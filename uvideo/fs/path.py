"""universal_pathlib's path of a uvideo:// address: what UPath("uvideo://space/key") makes."""

from __future__ import annotations

from upath import UPath

__all__ = ["UVideoPath"]


class UVideoPath(UPath):
    """As UPath has it; a class of our own tells universal_pathlib that this filesystem is meant for it."""

    __slots__ = ()
