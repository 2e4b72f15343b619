"""The addresses in a command's arguments: an object, a space, a local path or a pipe.

    uvideo://movies/2026/a.mp4    an object; uvideo://movies/ and uvideo://movies the whole space
    videos/a.mp4                  a local path; file names that begin with uvideo:// or - are given as ./-
    -                             standard input, or output

Everything after uvideo://space/ is the raw key: nothing is decoded.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field, replace
from typing import TypeVar

from uvideo.cli.i18n import say
from uvideo.errors import InvalidArgument
from uvideo.transfer.pattern import is_pattern

__all__ = [
    "Address",
    "Local",
    "Pipe",
    "Remote",
    "local",
    "parse",
    "remote",
    "remote_object",
    "remote_space",
    "whole_folder",
]

SCHEME = "uvideo://"
_OTHER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True, slots=True)
class Remote:
    """An object; or a folder, that is all objects below a key that is "" or ends with /.

    literal: whether the key is no pattern, whatever is in it.
    """

    space: str
    key: str
    literal: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{SCHEME}{self.space}/{self.key}"

    @property
    def is_pattern(self) -> bool:
        return not self.literal and is_pattern(self.key)

    @property
    def is_folder(self) -> bool:
        """Whether it is written as a folder: the whole space, or with a slash at the end."""
        return self.key == "" or self.key.endswith("/")


@dataclass(frozen=True, slots=True)
class Local:
    """A local path, as given.  literal: whether it is no pattern, whatever is in it."""

    path: str
    literal: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        return self.path

    @property
    def is_pattern(self) -> bool:
        """Whether it is a pattern.  The path of an existing file never is."""
        return not self.literal and is_pattern(self.path) and not os.path.lexists(self.path)

    @property
    def is_pipe(self) -> bool:
        """Whether it is a named pipe or a device, for example from the shell's ``<(command)``."""
        try:
            mode = os.stat(self.path).st_mode
        except OSError:
            return False
        return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is written as a folder: with a slash, . or .. at the end."""
        return self.path.endswith(("/", os.sep)) or os.path.basename(self.path) in (".", "..")


@dataclass(frozen=True, slots=True)
class Pipe:
    """Standard input as a source, standard output as a target; or with a path, a pipe or a device as a source."""

    path: str | None = None

    def __str__(self) -> str:
        return "-" if self.path is None else self.path


Address = Remote | Local | Pipe
T = TypeVar("T", Local, Remote, Local | Remote)


def parse(text: str, literal: bool = False) -> Address:
    """The Address of an argument.  InvalidArgument, with what to write instead.

    literal: --literal was given, so it is no pattern.
    """
    if text == "-":
        return Pipe()
    if text == "":
        raise InvalidArgument(say("an address is empty: a local path or uvideo://space/key is needed"))
    if text.lower().startswith(SCHEME):
        return _remote(text, literal)
    if match := _OTHER.match(text):
        if os.path.lexists(text):
            return Local(text, literal)
        raise InvalidArgument(
            say(
                "{text} looks like an address of {scheme}://; objects here are written uvideo://space/key, "
                "and a file of that name ./{text}",
                text=text,
                scheme=match[1],
            )
        )
    if re.match(r"uvideo:/*", text, re.IGNORECASE) and not os.path.lexists(text):
        raise InvalidArgument(
            say("{text}: an object is written uvideo://space/key, with two slashes after the colon", text=text)
        )
    if "\0" in text:
        raise InvalidArgument(say("an address contains a zero byte"))
    return Local(text, literal)


def _remote(text: str, literal: bool) -> Remote:
    space, _, key = text[len(SCHEME) :].partition("/")
    if not space:
        raise InvalidArgument(
            say("{text} does not name a space: write uvideo://space/key; uvideo spaces lists the spaces", text=text)
        )
    if is_pattern(space):
        raise InvalidArgument(say("{text}: the name of a space cannot be a pattern, only a key can", text=text))
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidArgument(say("{text}: the key is not UTF-8", text=text)) from None
    return Remote(space, key, literal)


def remote(text: str, literal: bool = False) -> Remote:
    """The Remote of an argument, as ``parse`` has it.  InvalidArgument for any other Address."""
    found = parse(text, literal)
    if isinstance(found, Remote):
        return found
    raise InvalidArgument(say("{text} is not the address of an object: write uvideo://space/key", text=text))


def remote_object(text: str, literal: bool = False) -> Remote:
    """The Remote of an argument, as ``parse`` has it.  InvalidArgument if it names a space."""
    found = remote(text, literal)
    if found.key:
        return found
    raise InvalidArgument(say("{text} names a space, not an object: write uvideo://space/key", text=text))


def remote_space(text: str) -> str:
    """The space of an argument: uvideo://space, uvideo://space/ or the bare name."""
    if "/" not in text and ":" not in text and text not in ("", "-"):
        return text
    found = remote(text)
    if found.key:
        raise InvalidArgument(say("{text} names an object; a space is written uvideo://space", text=text))
    return found.space


def whole_folder(found: T) -> T:
    """The local folder, or the prefix with a slash at its end, that an address means.  InvalidArgument."""
    if found.is_pattern:
        raise InvalidArgument(say("{text}: only whole folders can be given, not patterns or pipes", text=found))
    if isinstance(found, Remote):
        return replace(found, key=found.key if found.is_folder else found.key + "/")
    if os.path.lexists(found.path) and not os.path.isdir(found.path):
        raise InvalidArgument(say("{text} is not a folder: use uvideo cp for single files", text=found))
    return found


def local(text: str) -> Local:
    """The Local of an argument.  InvalidArgument for any other Address."""
    found = parse(text)
    if isinstance(found, Local):
        return found
    raise InvalidArgument(say("{text} is not a local path", text=text))
