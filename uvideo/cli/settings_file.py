"""The settings file of the server: lines NAME=value, read as systemd reads an EnvironmentFile.

A value may be quoted: within '...' every character is literal; within "..." a backslash makes " \\ ` and $ literal.
Outside quotes a backslash makes any character literal, and joins lines.  A line that begins with # or ; is a comment.
Lines that systemd silently skips are errors here.
Source: systemd.exec(5), EnvironmentFile; systemd's src/basic/env-file.c.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from uvideo.config import localfile
from uvideo.errors import InvalidArgument

__all__ = ["Assignment", "environment", "parse", "read", "refuse_unknown"]

PREFIX = "UVIDEO_SERVE_"
SELF = "settings"  # the option with the files
FOLDER = (PREFIX + "DIR", PREFIX + "FOLDER")  # the variable of the argument DIR, and a name that people try
LIMIT = 256 * 1024  # bytes
BLANK = " \t\r"
SPECIAL = '"\\`$'  # characters that a backslash makes literal within "..."


class Assignment(NamedTuple):
    """One setting.  ``number``: of its first line, from 1."""

    number: int
    name: str
    value: str


def parse(text: str) -> Iterator[Assignment]:
    """The settings of a text, in order.  ValueError ("line 3: ...")."""
    at, number, end = 0, 1, len(text)
    while at < end:
        begin = number
        stop = text.find("\n", at)
        line = text[at : stop if stop >= 0 else end].strip(BLANK)
        if not line or line[0] in "#;":
            if line.endswith("\\"):
                raise ValueError(f"line {number}: a comment must not end with a backslash")
            at, number = (stop + 1 if stop >= 0 else end), number + 1
            continue
        name, mark, _ = line.partition("=")
        if not mark:
            raise ValueError(f"line {number}: it is not NAME=value")
        value, at, number = _value(text, text.index("=", at) + 1, number)
        yield Assignment(begin, name.strip(BLANK), value)


def _value(text: str, at: int, number: int) -> tuple[str, int, int]:
    """(value, position of the next line, its number)."""
    found: list[str] = []
    kept = 0  # length of the value that is kept even if only blanks follow
    is_plain = False  # in unquoted text after its first character, quotes are literal
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\n":
            return "".join(found[:kept]), at, number + 1
        if char == "\\":
            follower = text[at : at + 1]
            at, number = at + 1, number + (follower == "\n")
            if follower != "\n":
                found.append(follower)
                kept = len(found)
            is_plain = True
        elif char in "'\"" and not is_plain:
            begin = number
            while (inner := text[at : at + 1]) != char:
                if not inner:
                    raise ValueError(f"line {begin}: the quote {char} does not end")
                at += 1
                if inner == "\\" and char == '"':
                    follower = text[at : at + 1]
                    at += 1
                    number += follower == "\n"
                    inner = "" if follower == "\n" else follower if follower in SPECIAL else "\\" + follower
                else:
                    number += inner == "\n"
                found.append(inner)
            at += 1
            kept = len(found)
        elif char in BLANK and not is_plain:
            continue  # before the value, or between quotes
        else:
            is_plain = True
            found.append(char)
            if char not in BLANK:
                kept = len(found)
    return "".join(found[:kept]), at, number


def read(context: click.Context, paths: tuple[Path, ...]) -> dict[str, Any]:
    """The ``default_map`` of a verb from settings files; later lines and files take precedence.

    InvalidArgument, with file and line, for an unknown name or a value that the option does not accept.
    """
    return {
        name: tuple(option.type.split_envvar_value(value)) if option.multiple else value
        for name, (option, value) in _given(context, paths).items()
    }


def environment(context: click.Context, paths: tuple[Path, ...]) -> dict[str, str]:
    """The settings of the files as environment variables.  InvalidArgument as ``read``.  ``context``: the verb's."""
    return {_variable(name): value for name, (_, value) in _given(context, paths).items()}


def refuse_unknown(context: click.Context, environ: Mapping[str, str]) -> None:
    """InvalidArgument, with the nearest name, for a variable UVIDEO_SERVE_... that sets nothing.

    ``context``: the verb's.  A variable without a value counts as absent.
    """
    known = {*_options(context), _variable(SELF), FOLDER[0]}
    for name in sorted(environ):
        if name.startswith(PREFIX) and environ[name] and name not in known:
            said = f"did you mean {FOLDER[0]}?" if name in FOLDER else ""
            raise InvalidArgument(f"the environment: {_unknown(name, known, said)}")


def _given(context: click.Context, paths: tuple[Path, ...]) -> dict[str, tuple[click.Option, str]]:
    """{name: (its option, the last value)}."""
    found: dict[str, tuple[click.Option, str]] = {}
    for name, option, value in _checked(context, paths):
        if value is None:
            found.pop(name, None)
        else:
            found[name] = option, value
    return found


def _variable(name: str) -> str:
    return f"{PREFIX}{name}".upper()


def _options(context: click.Context) -> dict[str, click.Option]:
    """{variable: the option} of those that a file can set."""
    return {
        _variable(each.name): each
        for each in context.command.params
        if isinstance(each, click.Option) and each.name and each.name != SELF and each.allow_from_autoenv
    }


def _checked(context: click.Context, paths: tuple[Path, ...]) -> Iterator[tuple[str, click.Option, str | None]]:
    """(option name, option, value or None for its default) of each line.  InvalidArgument."""
    options = _options(context)
    for path in paths:
        text, status = _read(path)
        try:
            lines = list(parse(text))
        except ValueError as failure:
            raise InvalidArgument(f"{path}, {failure}") from None
        for line in lines:
            option = options.get(line.name)
            if option is None or option.name is None:
                said = f"the folder is an argument: uvideo serve DIR, or {FOLDER[0]} in the environment"
                text = _unknown(line.name, options, said if line.name in FOLDER else "")
                raise InvalidArgument(f"{path}, line {line.number}: {text}")
            if _is_secret(option.name, line.value) and _is_open(status):
                raise InvalidArgument(
                    f"{path}, line {line.number}: {line.name} is a secret, and others can read the file (mode "
                    f"{stat.S_IMODE(status.st_mode):03o}): run `chmod o-rwx,g-wx {path}`"
                )
            if line.value == "" and not option.multiple:
                yield option.name, option, None  # the default, as for an empty environment variable
                continue
            value: Any = option.type.split_envvar_value(line.value) if option.multiple else line.value
            try:
                option.type_cast_value(context, value)
            except click.BadParameter as failure:
                said = (
                    "it is not a valid value of this option" if _is_secret(option.name, line.value) else failure.message
                )
                raise InvalidArgument(f"{path}, line {line.number}: {line.name}: {said}") from None
            yield option.name, option, line.value


def _read(path: Path) -> tuple[str, os.stat_result]:
    try:
        data, status = localfile.read(path, LIMIT)
    except OSError as failure:
        raise InvalidArgument(f"the settings in {path} cannot be read: {failure.strerror}") from None
    if os.name == "posix" and status.st_mode & stat.S_IWOTH:
        raise InvalidArgument(f"others can write to {path}: run `chmod o-w {path}`")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidArgument(f"{path} is not UTF-8") from None
    if "\0" in text:
        raise InvalidArgument(f"{path} contains a NUL character")
    return text, status


def _is_open(status: os.stat_result) -> bool:
    """Whether others can read or write the file, except the owner and, for reading, its group."""
    return os.name == "posix" and bool(status.st_mode & (stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP))


def _is_secret(name: str, value: str) -> bool:
    return name == "private_key" or (name == "database" and ("@" in value or "password" in value))


def _unknown(name: str, known: Iterable[str], said: str = "") -> str:
    """The text for an unknown setting.  ``said``: what to do; by default the nearest of the known ones."""
    import difflib

    if not said and (near := difflib.get_close_matches(name, known, 1, 0.6)):
        said = f"did you mean {near[0]}?"
    return f"there is no setting {name}" + (f"; {said}" if said else "")
