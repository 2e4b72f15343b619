"""Patterns of keys and of relative paths, as a shell has them, and filters made of several.

*        any characters but /             **      any characters; a/**/b matches a/b too
?        one character but /              {a,b}   a or b
[a-z]    one of these; [!a-z] none        [*]     the character itself
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from uvideo.errors import InvalidArgument

__all__ = ["Filter", "Pattern", "is_pattern"]

_MAGIC = re.compile(r"[*?\[]|\{[^{}]*,[^{}]*\}")


def is_pattern(text: str) -> bool:
    """Whether a key or path would be taken for a pattern."""
    return _MAGIC.search(text) is not None


def _class(text: str, start: int) -> tuple[str, int]:
    """(regular expression, where it ends) of what begins with [ at ``start``; a [ without ] stands for itself."""
    end = text.find("]", start + (3 if text[start + 1 : start + 2] == "!" else 2))
    if end < 0:
        return re.escape("["), start + 1
    inside = text[start + 1 : end]
    negated, inside = inside.startswith("!"), inside[inside.startswith("!") :]
    escaped = re.sub(r"([\\\[\]^&|~])", r"\\\1", inside)
    return f"(?!/)[{'^' if negated else ''}{escaped}]", end + 1


def _regex(text: str) -> str:
    out: list[str] = []
    at = depth = 0
    while at < len(text):
        char = text[at]
        if text.startswith("**/", at) and (at == 0 or text[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif text.startswith("**", at):
            out.append(".*")
            at += 2
        elif char == "*":
            out.append("[^/]*")
            at += 1
        elif char == "?":
            out.append("[^/]")
            at += 1
        elif char == "[":
            found, at = _class(text, at)
            out.append(found)
        elif char == "{" and re.match(r"\{[^{}]*,[^{}]*\}", text[at:]):
            depth += 1
            out.append("(?:")
            at += 1
        elif char == "}" and depth:
            depth -= 1
            out.append(")")
            at += 1
        elif char == "," and depth:
            out.append("|")
            at += 1
        else:
            out.append(re.escape(char))
            at += 1
    return "".join(out)


class Pattern:
    """A pattern of whole keys.  prefix: what every key that matches begins with, up to its last slash for ``base``.

    below: it matches what lies below a folder that matches, too.
    """

    def __init__(self, text: str, *, below: bool = False) -> None:
        self.text = text
        magic = _MAGIC.search(text)
        self.prefix = text if magic is None else text[: magic.start()]
        self.base = self.prefix[: self.prefix.rfind("/") + 1]
        try:
            self._regex = re.compile(_regex(text) + ("(?:/.*)?" if below else ""), re.DOTALL)
        except re.error as error:
            raise InvalidArgument(f"the pattern {text} is none: {error}") from None

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def match(self, key: str) -> bool:
        return self._regex.fullmatch(key) is not None


class Filter:
    """Which of many relative paths are meant: those that an include matches, or all without one, but no exclude.

    A pattern without a slash is matched with the last name of a path and of each folder above it, one with a slash with
    the whole path; what lies below a folder that matches is matched too.
    """

    def __init__(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
        self._include = [_anywhere(text) for text in include]
        self._exclude = [_anywhere(text) for text in exclude]

    def __bool__(self) -> bool:
        return bool(self._include or self._exclude)

    def match(self, path: str) -> bool:
        if self._include and not any(each.match(path) for each in self._include):
            return False
        return not any(each.match(path) for each in self._exclude)


def _anywhere(text: str) -> Pattern:
    if not text:
        raise InvalidArgument("an empty pattern matches nothing")
    plain = text.rstrip("/")
    anchored = "/" in plain
    return Pattern(plain.lstrip("/") if anchored else "**/" + plain, below=True)
