"""How often each operation and each error came, and the last errors, for the console.  All workers share them."""

from __future__ import annotations

import json
import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["RefusedRequest", "RequestLog"]

NAMES = 256  # in one table; they are names of classes, so clients cannot add any
NAME = 64  # bytes, a multiple of 8
KEPT = 50  # errors of each kind in one worker: of signed requests, and of all others
SLOT = 1024  # bytes of one of them
KEY_LIMIT = 300  # bytes of a key; the rest is cut off


class RefusedRequest(NamedTuple):
    """One refused or failed request.  ``time``: unix seconds.  ``code``: the RetCode, 0 for none.  ``operation``: "" if
    the request was refused before it was known.  ``key``: "" without a space; a long one is cut off."""

    time: float
    status: int
    error: str
    code: int
    operation: str
    space: str
    key: str
    session: str


class _Table:
    """Counts by name.  Each of ``workers`` writes its own part of the memory; a name is written before its counts."""

    def __init__(self, workers: int, columns: int) -> None:
        self._columns, self._entry = columns, NAME + 8 * columns
        self._size = NAMES * self._entry
        self._memory = mmap.mmap(-1, workers * self._size)
        self._counts = memoryview(self._memory).cast("Q")
        self._base, self._places = 0, dict[str, int]()

    def take(self, worker: int) -> None:
        self._base = worker * self._size
        self._places = {name: place for name, place in self._found(self._base)}

    def add(self, name: str, *counts: int) -> None:
        place = self._places.get(name)
        if place is None:
            if len(self._places) == NAMES:
                return
            self._places[name] = place = self._base + len(self._places) * self._entry
            struct.pack_into(f"{NAME}s", self._memory, place, name.encode()[:NAME])
        for number, more in enumerate(counts, (place + NAME) // 8):
            if more:
                self._counts[number] += more

    def _found(self, base: int) -> Iterator[tuple[str, int]]:
        for place in range(base, base + self._size, self._entry):
            name = self._memory[place : place + NAME].rstrip(b"\0")
            if not name:
                return
            yield name.decode(), place

    def sums(self) -> dict[str, list[int]]:
        """The sums over the workers, by name."""
        found = dict[str, list[int]]()
        for base in range(0, len(self._memory), self._size):
            for name, place in self._found(base):
                first = (place + NAME) // 8
                counts = self._counts[first : first + self._columns]
                before = found.get(name, [0] * self._columns)
                found[name] = [old + new for old, new in zip(before, counts, strict=True)]
        return found


class _Places:
    """Which of KEPT places the next error takes: a free one, else the oldest of the name that has the most.  So nobody
    who causes many errors takes the places of others."""

    def __init__(self) -> None:
        self._names, self._order = list[str](), list[int]()  # of each place; the places, the oldest first

    def take(self, name: str) -> int:
        if len(self._names) < KEPT:
            place = len(self._names)
            self._names.append(name)
        else:
            counts = Counter(self._names)
            most = max(counts.values())
            full = {name} if counts[name] == most else {each for each, count in counts.items() if count == most}
            place = next(each for each in self._order if self._names[each] in full)
            self._order.remove(place)
            self._names[place] = name
        self._order.append(place)
        return place


class RequestLog:
    """Counts since the start, and the last errors of each of ``workers``: KEPT of signed requests, shared by their
    accounts, and KEPT of all others, shared by the spaces.  Made before the workers are forked."""

    def __init__(self, workers: int = 1) -> None:
        self._operations, self._errors = _Table(workers, 3), _Table(workers, 1)
        self._slots = mmap.mmap(-1, workers * 2 * KEPT * SLOT)
        self._base, self._signed, self._unsigned = 0, _Places(), _Places()

    def take(self, worker: int) -> None:
        """Set the number of this worker."""
        self._operations.take(worker)
        self._errors.take(worker)
        self._base = worker * 2 * KEPT * SLOT

    def count(self, operation: str, status: int) -> None:
        """Count an answered request."""
        self._operations.add(operation or "-", 1, 400 <= status < 499, status >= 500)

    def refuse(self, refusal: RefusedRequest, account: str = "") -> None:
        """Count an error, and keep it among the last ones.  ``account``: whose valid signature it had, "" for none."""
        self._errors.add(f"{refusal.code} {refusal.error}", 1)
        key = refusal.key.encode(errors="replace")[:KEY_LIMIT].decode(errors="ignore") if refusal.space else ""
        text = json.dumps(refusal._replace(key=key), ensure_ascii=False).encode(errors="replace")
        number = self._signed.take(account) if account else KEPT + self._unsigned.take(refusal.space)
        place = self._base + number * SLOT
        if len(text) <= SLOT - 2:
            struct.pack_into("H", self._slots, place, 0)  # nobody reads a half
            self._slots[place + 2 : place + 2 + len(text)] = text
            struct.pack_into("H", self._slots, place, len(text))

    def operations(self) -> list[tuple[str, int, int, int]]:
        """(operation, requests, of these refused, of these failed), the most frequent first; "-": not known."""
        found = [(name, all_, refused, failed) for name, (all_, refused, failed) in self._operations.sums().items()]
        return sorted(found, key=lambda each: (-each[1], each[0]))

    def errors(self) -> list[tuple[int, str, int]]:
        """(code, error, how often), the most frequent first."""
        found = []
        for name, (count,) in self._errors.sums().items():
            code, error = name.split(" ", 1)
            found.append((int(code), error, count))
        return sorted(found, key=lambda each: (-each[2], each[1]))

    def last(self, *, signed: bool) -> list[RefusedRequest]:
        """The last errors of all workers, the latest first: those of requests with a valid signature, or all others."""
        found = []
        for place in range(0, len(self._slots), SLOT):
            if (place // SLOT % (2 * KEPT) < KEPT) is not signed:
                continue
            (length,) = struct.unpack_from("H", self._slots, place)
            try:
                if length:
                    found.append(RefusedRequest(*json.loads(self._slots[place + 2 : place + 2 + length])))
            except (ValueError, TypeError):
                continue  # another worker writes it now
        return sorted(found, key=lambda each: -each.time)
