"""Runs another program for addresses that a verb found, as ``find -exec`` does: without a shell."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence

from uvideo.cli.i18n import say
from uvideo.cli.report import Report
from uvideo.errors import InvalidArgument, UVideoError

__all__ = ["CommandFailed", "OutsideCommand", "split"]

#: What stands for the address, and what ends a command: one call for each address, or one for many.
PLACE, EACH, MANY = "{}", ";", "+"
#: The most addresses, and the most bytes of them, in one call.
MOST, LONGEST = 1000, 100_000


class CommandFailed(UVideoError):
    """A program ended with another exit code than 0."""


def split(words: Sequence[str], flag: str) -> tuple[list[str], list[str]]:
    """(the words without the command of an option, its words).  The command ends at ``;``, at ``{} +``, or at the end.

    The words of a command that ends with + include it.
    """
    given = list(words)
    if flag not in given:
        return given, []
    begin = given.index(flag)
    for end in range(begin + 1, len(given)):
        if given[end] == EACH:
            return given[:begin] + given[end + 1 :], given[begin + 1 : end]
        if given[end] == MANY and given[end - 1] == PLACE:
            return given[:begin] + given[end + 1 :], given[begin + 1 : end + 1]
    return given[:begin], given[begin + 1 :]


class OutsideCommand:
    """A program with its arguments, of which ``{}`` is the address.  InvalidArgument.

    words: as ``split`` gives them.  Failures go to the report; done: the number of addresses whose call succeeded.
    """

    def __init__(self, words: Sequence[str], report: Report) -> None:
        self._many = len(words) > 1 and words[-1] == MANY and words[-2] == PLACE
        self._words, self._report = list(words[:-2] if self._many else words), report
        self._waiting: list[str] = []
        self._length = self.done = 0
        placed = self._many or any(PLACE in each for each in self._words[1:])
        if not self._words or not (self._words[0] and placed):
            raise InvalidArgument(say("--exec needs a program, and {} where the address goes"))
        if shutil.which(self._words[0]) is None:
            raise InvalidArgument(
                say(
                    "--exec: there is no program {program}; give it and its arguments as separate words",
                    program=self._words[0],
                )
            )

    def add(self, address: str) -> None:
        """Run the program for an address, at once or with others."""
        if not self._many:
            self._run([each.replace(PLACE, address) for each in self._words[1:]], [address])
            return
        length = len(address.encode("utf-8", "surrogateescape")) + 1
        if self._waiting and (len(self._waiting) == MOST or self._length + length > LONGEST):
            self.flush()
        self._waiting.append(address)
        self._length += length

    def flush(self) -> None:
        """Run the program for the addresses that still wait."""
        addresses, self._waiting, self._length = self._waiting, [], 0
        if addresses:
            self._run([*self._words[1:], *addresses], addresses)

    def _run(self, arguments: list[str], addresses: list[str]) -> None:
        item = (
            addresses[0]
            if len(addresses) == 1
            else say("{first} and {count} more", first=addresses[0], count=len(addresses) - 1)
        )
        try:
            words = [self._words[0], *arguments]
            code = subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603 (without a shell)
            if code:
                raise CommandFailed(say("{program} ended with {code}", program=shlex.quote(self._words[0]), code=code))
        except (OSError, UVideoError) as error:
            self._report.fail(error, item)
        except ValueError as error:  # a zero byte, or a character that the system's encoding does not have
            self._report.fail(InvalidArgument(str(error)), item)
        else:
            self.done += len(addresses)
