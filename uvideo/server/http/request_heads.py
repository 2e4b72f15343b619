"""Finds the heads in a connection's bytes before aiohttp parses them, and escapes their targets.

Some official clients do not escape targets: PHP and C send such keys, JuiceFS such queries.  aiohttp's C parser refuses
bytes that are not allowed in a URL.  So each byte of a target from 0x80 on is escaped here; both spellings are the same
request.  All other bytes of heads and bodies stay unchanged.
"""

from __future__ import annotations

import re

__all__ = ["Heads"]

_END = b"\r\n\r\n"  # the end of a head, and of a body in chunks
_HIGH = re.compile(rb"[\x80-\xff]")
_BEFORE, _METHOD, _TARGET, _OVER = range(4)  # the piece of a request line that the next byte belongs to


def _escape(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


class Heads:
    """The parser of one connection.  Give it each byte of heads, and of bodies in chunks, in order."""

    __slots__ = ("_last", "_stage")

    def __init__(self) -> None:
        self._last = b""  # the last bytes, which may be the beginning of _END
        self._stage = _BEFORE

    def begin(self) -> None:
        """The head is complete; the next one begins."""
        self._stage = _BEFORE

    def cut(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """(the next bytes of the head, the rest of the data).  At most ``most`` bytes, and none behind the head."""
        piece = data[:most]
        found = (self._last + piece).find(_END)
        if found >= 0:
            piece = piece[: found + len(_END) - len(self._last)]
        self._last = (self._last + piece[-3:])[-3:]
        return piece, data[len(piece) :]

    def passed(self, piece: bytes, is_due: bool) -> None:
        """Give it bytes of a body in chunks.  ``is_due``: the body has ended, so the next bytes belong to a head.

        If a head begins within these bytes its target is not escaped: only aiohttp knows where it begins.
        """
        begun = is_due and not (self._last + piece).endswith(_END)
        self._stage = _OVER if begun else _BEFORE
        self._last = (self._last + piece[-3:])[-3:]

    def in_ascii(self, piece: bytes) -> bytes:
        """The next bytes of a head, with escapes in its target."""
        if self._stage == _OVER:
            return piece
        begin = len(piece) - len(piece.lstrip(b"\r\n")) if self._stage == _BEFORE else 0  # empty lines before it
        if begin == len(piece):
            return piece
        end = piece.find(b"\n", begin)
        line = piece[begin:] if end < 0 else piece[begin:end]
        target = 0 if self._stage == _TARGET else line.find(b" ")
        self._stage = _OVER if end >= 0 else _TARGET if target >= 0 else _METHOD
        if target < 0 or line.isascii():
            return piece
        return piece[:begin] + line[:target] + _HIGH.sub(_escape, line[target:]) + piece[begin + len(line) :]
