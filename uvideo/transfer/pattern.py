r"""Patterns of keys and paths, with "/" between names on every system.  Pure functions, for folders and commands.

    *      any characters but /          [a-z]  one of these, [!a-z] one of all others, never /
    ?      one character but /           {a,b}  one of these, which may be patterns
    **     any characters; **/ may be empty: **/a matches a, x/a, x/y/a
    \*     the character itself, as for every character after \

A pattern must match the whole text, with upper and lower case distinct.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from uvideo.client.texts import texts
from uvideo.errors import InvalidArgument

__all__ = ["Filter", "compiled", "escaped", "is_pattern", "literal_prefix", "matches", "may_match_below"]

_MAGIC = re.compile(r"[*?\[{\\]")
#: Patterns of a Filter that match every path.
EVERY = ("*", "**", "/**")
_SPECIAL = re.compile(r"([*?\[\]{}\\])")


def is_pattern(text: str) -> bool:
    r"""Whether a text is more than a literal: it contains one of ``* ? [ {`` or a ``\``."""
    return _MAGIC.search(text) is not None


def escaped(text: str) -> str:
    """The pattern that matches only this text."""
    return _SPECIAL.sub(r"\\\1", text)


def literal_prefix(pattern: str) -> str:
    """The literal beginning of every match, to be used as the prefix of a listing."""
    found, at = [], 0
    while at < len(pattern) and pattern[at] not in "*?[{":
        if pattern[at] == "\\":
            at += 1
        found.append(pattern[at : at + 1])
        at += 1
    return "".join(found)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text.  InvalidArgument for an invalid pattern."""
    return compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern, for ``fullmatch``.  InvalidArgument for an invalid pattern."""
    found: list[str] = []
    depth = at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            begin = at - 1
            while pattern[at : at + 1] == "*":
                at += 1
            if at - begin == 1:
                found.append("[^/]*")
            elif pattern[at : at + 1] == "/" and (not found or found[-1] in ("/", "(?:", "|")):
                found.append("(?:.*/)?")
                at += 1
            else:
                found.append(".*")
        elif char == "?":
            found.append("[^/]")
        elif char == "[":
            end = pattern.find("]", at + (2 if pattern[at : at + 1] in ("!", "^") else 1))
            if end < 0:
                raise _unreadable(pattern, "a [ without its ]")
            found.append(_one_of(pattern[at:end]))
            at = end + 1
        elif char == "{":
            depth += 1
            found.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            found.append(")")
        elif char == "," and depth:
            found.append("|")
        elif char == "\\":
            if at == len(pattern):
                raise _unreadable(pattern, "nothing after its last \\")
            found.append(re.escape(pattern[at]))
            at += 1
        else:
            found.append(re.escape(char))
    if depth:
        raise _unreadable(pattern, "a { without its }")
    try:
        return re.compile("".join(found), re.DOTALL)
    except re.error as error:
        raise _unreadable(pattern, error.msg) from None


def _one_of(inside: str) -> str:
    negated = inside[0] in "!^"
    plain = re.sub(r"([\\\[\]&~|^])", r"\\\1", inside[1:] if negated else inside)
    return f"(?!/)[{'^' if negated else ''}{plain}]"


def _unreadable(pattern: str, reason: str) -> InvalidArgument:
    return InvalidArgument(f"the pattern {pattern!r} has {reason}; put \\ before a character that stands for itself")


def may_match_below(pattern: str, folder: str) -> bool:
    """Whether the pattern may match a text that begins with ``folder`` and a slash.  False is certain."""
    levels = _levels(pattern)
    if levels is None:
        return True
    names = folder.split("/")
    for level, name in zip(levels, names, strict=False):
        if level is None:
            return True
        if not level.fullmatch(name):
            return False
    return len(levels) > len(names)


@lru_cache(maxsize=256)
def _levels(pattern: str) -> tuple[re.Pattern[str] | None, ...] | None:
    """The pattern of each name between slashes, None for one with ``**``.  None if braces or brackets have slashes."""
    levels: list[re.Pattern[str] | None] = []
    for level in pattern.split("/"):
        if "**" in level:
            levels.append(None)
            continue
        try:
            levels.append(compiled(level))
        except InvalidArgument:
            return None
    return tuple(levels)


class Filter:
    """Selects files of a folder by their paths below it.

    A pattern that begins with / must match the whole path.  Any other may match from any name on, so ``*.mp4`` selects
    such files in every folder.  A pattern that ends with / selects everything in such folders.  include: select only
    files that match one of these; empty: all.  exclude: takes precedence.  InvalidArgument at once for an invalid
    pattern.
    """

    def __init__(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
        include, exclude = _listed(include, "include"), _listed(exclude, "exclude")
        self._include = [compiled(_rooted(each)) for each in include]
        self._exclude = [compiled(_rooted(each)) for each in exclude]
        self._ways = [_rooted(each) for each in include]
        self._folders = [
            compiled(_rooted(each.removesuffix("**").removesuffix("/")))
            for each in exclude
            if each.endswith(("/", "/**")) and each != "/**"
        ]
        if any(each in EVERY for each in exclude):
            self._folders.append(compiled("**"))

    @property
    def is_partial(self) -> bool:
        """Whether it may leave out files."""
        return bool(self._include or self._exclude)

    def takes(self, path: str) -> bool:
        """Whether it selects the file with this path."""
        if any(each.fullmatch(path) for each in self._exclude):
            return False
        return not self._include or any(each.fullmatch(path) for each in self._include)

    def skips(self, folder: str) -> bool:
        """Whether it certainly selects nothing in the folder with this path."""
        if any(each.fullmatch(folder) for each in self._folders):
            return True
        return bool(self._ways) and not any(may_match_below(each, folder) for each in self._ways)


def _listed(patterns: Iterable[str], name: str) -> tuple[str, ...]:
    found = texts(patterns, name)
    for each in found:
        if not each.strip("/"):
            raise InvalidArgument(f"{name} must be patterns such as *.mp4, not {each!r}")
    return found


def _rooted(pattern: str) -> str:
    """The pattern of whole paths for a pattern of a Filter."""
    whole = pattern + "**" if pattern.endswith("/") else pattern
    return whole[1:] if whole.startswith("/") else "**/" + whole
