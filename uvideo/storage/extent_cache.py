"""The part lists that were read last, so that a list of 10,000 extents is parsed once for many ranges of an object."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from uvideo.storage.base import Extent

__all__ = ["ExtentCache"]

LIMIT = 40_000  # extents, about 200 bytes each


class ExtentCache:
    """Extents by the name of their part list, of which no two ever have the same.

    A name may be gone from the catalog meanwhile, so ask it before you use the extents.  ``limit``: the most extents of
    all lists together; a longer list is not kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._count = limit, 0
        self._lists: OrderedDict[str, Sequence[Extent]] = OrderedDict()  # the last used at the end

    def get(self, name: str) -> Sequence[Extent] | None:
        """The extents of the list; None if they are not here."""
        found = self._lists.get(name)
        if found is not None:
            self._lists.move_to_end(name)
        return found

    def keep(self, name: str, extents: Sequence[Extent]) -> None:
        """Add a list, instead of those that were not used for longest."""
        self.drop(name)
        if len(extents) > self._limit:
            return
        self._lists[name] = extents
        self._count += len(extents)
        while self._count > self._limit:
            self.drop(next(iter(self._lists)))

    def drop(self, name: str) -> None:
        """Remove a list, if it is here."""
        self._count -= len(self._lists.pop(name, ()))
