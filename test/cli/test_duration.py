"""Times on a command line: one way to write them for every option."""

from __future__ import annotations

import click
import pytest

from test.cli.inside import Inside
from uvideo.cli import program
from uvideo.cli.duration import DURATION, PERIOD, seconds_of
from uvideo.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("7d", 604800), ("1h30m", 5400), ("90s", 90), ("90", 90), ("1.5h", 5400), ("2w", 1209600), ("50ms", 0.05)),
        *(("0", 0), ("0s", 0), (" 36H ", 129600)),
    ],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "d", "7 d", "-1h", "1y", "٣d", "1e9", "9" * 30, "9" * 400 + "d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        seconds_of(text)


def options(command: click.Command | None) -> list[tuple[str, click.Option]]:
    """(verb and option, the option) of a command and all below it."""
    assert command is not None
    found = [(f"{command.name} {each.opts[-1]}", each) for each in command.params if isinstance(each, click.Option)]
    for below in getattr(command, "commands", {}).values():
        found += options(below)
    return found


def test_every_option_with_a_time_reads_the_same_texts() -> None:
    group = program.commands
    verbs = [group, *(group.get_command(click.Context(group), name) for name in program.VERBS)]
    found = [each for verb in verbs for each in options(verb)]
    timed = {name: option.type for name, option in found if option.metavar == "TIME"}
    assert {"presign --expires", "restore --every", "clean --older-than", "watch --settle"} <= timed.keys()
    assert {name: type for name, type in timed.items() if type not in (DURATION, PERIOD)} == {}


@pytest.mark.parametrize(
    "words",
    [
        *(("presign", "--expires"), ("restore", "--wait", "--timeout"), ("restore", "--wait", "--every")),
        *(("transfers", "clean", "--older-than"), ("find", "--max-age"), ("ls", "--min-age")),
    ],
)
def test_a_wrong_time_is_refused_before_anything_is_done(inside: Inside, words: tuple[str, ...]) -> None:
    for text, said in (("soon", "is not a time"), ("99999d", "is too long: at most 11574 days")):
        done = inside(*words, text, "uvideo://films/a")
        assert done.code == 2 and f"{text} {said}" in done.err and "Traceback" not in done.err
