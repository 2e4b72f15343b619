"""uvideo completion: scripts for shell completion of verbs, options, profiles, spaces and keys.

For each completion the script runs the command again with _UVIDEO_COMPLETE in its environment.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

from uvideo.cli.context import Context
from uvideo.cli.verb_command import Example, verb
from uvideo.errors import UVideoError

__all__ = ["completion", "script"]

SCHEME = "uvideo://"
MOST = 100  # completions of an address
SPACES = 1000  # the most spaces that are read: one request per hundred
Items = list[CompletionItem]


class _Completed(ShellComplete):
    """Adds completions of addresses, profiles and local files to click's completions of verbs and options."""

    def get_completions(self, args: list[str], incomplete: str) -> Items:
        try:
            if incomplete.startswith("uvideo:"):
                return [CompletionItem(each) for each in islice(_addresses(args, incomplete), MOST)]
            if args[-1:] == ["--profile"] or args[:2] in (["config", "use"], ["config", "rm"], ["config", "show"]):
                return [CompletionItem(each) for each in _profiles(args) if each.startswith(incomplete)]
            found: Items = super().get_completions(args, incomplete)
        except (UVideoError, OSError):
            return []
        if found or not args or incomplete.startswith("-"):
            return found
        if incomplete and SCHEME.startswith(incomplete):
            return [CompletionItem(SCHEME)]
        return [CompletionItem(incomplete, type="file")]

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type},{item.value}"


def _settings(args: Sequence[str]) -> dict[str, Any]:
    """profile, endpoint, provider and environ from the preceding words."""
    given: dict[str, Any] = {}
    for flag, value in zip(args, args[1:], strict=False):
        if flag in ("--profile", "--endpoint", "--provider", "--config"):
            given[flag[2:]] = value
    environ = dict(os.environ)
    if "config" in given:
        environ["UVIDEO_CONFIG"] = given.pop("config")
    return {**given, "environ": environ}


def _profiles(args: Sequence[str]) -> list[str]:
    from uvideo.config.settings import profiles

    return list(profiles(_settings(args)["environ"], strict=False)[1])


def _addresses(args: Sequence[str], incomplete: str) -> Iterator[str]:
    """The spaces, or the folders and keys of a space, that begin with ``incomplete``; requests have short timeouts."""
    from uvideo import Client, Retry

    impatient = Retry(0, 0.5, 1.0, 1.0, 3.0, 3.0)
    with Client(retry=impatient, timeout=2, connect_timeout=1, **_settings(args)) as client:
        space, mark, prefix = incomplete[len(SCHEME) :].partition("/")
        if not mark:
            for each in islice(client.list_spaces(), SPACES):
                if each.name.startswith(space):
                    yield f"{SCHEME}{each.name}/"
            return
        page = next(client.list(space, prefix, delimiter="/", page_size=MOST).pages())
        found = (*page.prefixes, *(each.key for each in page.items))
        yield from sorted(f"{SCHEME}{space}/{key}" for key in found if key.isprintable())


_BASH = r"""
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        if [[ $type == file ]]; then
            compopt -o default 2>/dev/null
        elif [[ $type == plain ]]; then
            COMPREPLY+=("$value")
        fi
    done < <(_UVIDEO_LINE="${COMP_LINE:0:COMP_POINT}" _UVIDEO_BREAKS="$COMP_WORDBREAKS" \
             %(complete_var)s=bash_complete "$1" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = r"""#compdef %(prog_name)s

%(complete_func)s() {
    local type value
    local -a ended open
    while IFS=, read -r type value; do
        if [[ $type == file ]]; then
            _path_files -f
        elif [[ $type == plain && $value == */ ]]; then
            open+=("$value")
        elif [[ $type == plain ]]; then
            ended+=("$value")
        fi
    done < <(COMP_WORDS="${(F)words}" COMP_CWORD=$((CURRENT-1)) %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)
    [[ -n $open ]] && compadd -U -V open -S '' -a open
    [[ -n $ended ]] && compadd -U -V ended -a ended
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = r"""
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) \
                     %(prog_name)s 2>/dev/null)
    for completion in $response
        set -l parts (string split -m 1 "," -- $completion)
        if test "$parts[1]" = file
            __fish_complete_path $parts[2]
        else if test "$parts[1]" = plain
            echo $parts[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

_UNSAFE = re.compile(r"([^\w@%+=:,./~^-])")


@add_completion_class
class _Bash(_Completed, BashComplete):
    """Splits the line itself: bash makes three words of uvideo://demo."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("_UVIDEO_LINE", "")
        words = _words(line)
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        breaks = [each for each in "=:" if each in os.environ.get("_UVIDEO_BREAKS", "")]
        self._cut = max((incomplete.rfind(each) for each in breaks), default=-1) + 1
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        if item.type != "plain":
            return super().format_completion(item)
        return "plain," + _UNSAFE.sub(r"\\\1", str(item.value)[self._cut :])


def _words(line: str) -> list[str]:
    """The words of a line, split as a shell does; the last one's quotes may be unclosed."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words


@add_completion_class
class _Zsh(_Completed, ZshComplete):
    source_template = _ZSH


@add_completion_class
class _Fish(_Completed, FishComplete):
    source_template = _FISH


@verb(
    "completion",
    text="Put the script where the shell reads it at its start.",
    examples=[
        Example("bash, in ~/.bashrc:", "source <(uvideo completion bash)"),
        Example("zsh, into a folder of fpath:", "uvideo completion zsh > _uvideo"),
        Example("fish, permanently:", "uvideo completion fish > uvideo.fish"),
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(context: Context, shell: str) -> None:
    sys.stdout.write(script(shell))


def script(shell: str) -> str:
    """The completion script for bash, zsh or fish; it needs neither keys nor a configuration."""
    from uvideo.cli.program import commands

    found = get_completion_class(shell)
    assert found is not None
    return found(commands, {}, "uvideo", "_UVIDEO_COMPLETE").source().lstrip("\n")
