"""Merging of ranges: the requests to make so that many ranges are covered."""

from __future__ import annotations

__all__ = ["Range", "plan"]

#: (path, start, end), as in a slice.
Range = tuple[str, int | None, int | None]


def plan(wanted: list[Range], gap: int | None) -> list[tuple[Range, slice]]:
    """For each wanted range, in order: the range to request, and the slice of its bytes that is wanted.

    gap: the most unwanted bytes to fetch between two ranges of one object; None to merge nothing.  A range without
    start or end, or one that counts from the end, is requested as it is.
    """
    found: dict[int, tuple[Range, slice]] = {}
    plain: list[tuple[str, int, int, int]] = []
    for number, (path, start, end) in enumerate(wanted):
        if gap is None or start is None or end is None or start < 0 or end <= start:
            found[number] = ((path, start, end), slice(None))
        else:
            plain.append((path, start, end, number))
    group: list[tuple[str, int, int, int]] = []
    until = 0
    for each in [*sorted(plain), None]:
        if group and (each is None or each[0] != group[0][0] or each[1] - until > (gap or 0)):
            path, first = group[0][:2]
            for _, start, end, number in group:
                found[number] = ((path, first, until), slice(start - first, end - first))
            group = []
        if each is not None:
            until = max(until, each[2]) if group else each[2]
            group.append(each)
    return [found[number] for number in range(len(wanted))]
