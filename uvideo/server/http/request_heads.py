"""The heads of a connection, cut out of its bytes before aiohttp parses them, and their targets in ASCII.

Official clients escape nothing of a target: PHP and C send keys so, JuiceFS queries.  aiohttp's parser in C refuses
what no URL may have.  Here each byte from 0x80 on becomes its escape, so both spellings are one request from here on.
All other bytes of a head, and those of bodies, stay as they are.
"""

from __future__ import annotations

import re

__all__ = ["Heads"]

_END = b"\r\n\r\n"  # of a head, and of a body in chunks
_HIGH = re.compile(rb"[\x80-\xff]")
_BEFORE, _METHOD, _TARGET, _OVER = range(4)  # which piece of a request line the next byte is of


def _escape(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


class Heads:
    """Of one connection.  What it is given is each byte of heads, and of bodies in chunks, in order."""

    __slots__ = ("_last", "_stage")

    def __init__(self) -> None:
        self._last = b""  # the last bytes, in which an end may have begun
        self._stage = _BEFORE

    def begin(self) -> None:
        """A head has ended: the next one begins with the next byte of any head."""
        self._stage = _BEFORE

    def cut(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """(the next bytes of a head, what is left of the data): at most so many, and none behind its end."""
        piece = data[:most]
        found = (self._last + piece).find(_END)
        if found >= 0:
            piece = piece[: found + len(_END) - len(self._last)]
        self._last = (self._last + piece[-3:])[-3:]
        return piece, data[len(piece) :]

    def passed(self, piece: bytes, is_due: bool) -> None:
        """Bytes of a body in chunks.  ``is_due``: it has ended, so what comes next is of a head.

        If that head began within them, its target is not escaped: only aiohttp knows where within them it began.
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
