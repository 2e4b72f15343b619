"""rm, its guards and its questions."""

from __future__ import annotations

import pytest

from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Shell
from uvideo.cli.address import Remote
from uvideo.cli.context import Context
from uvideo.cli.rm import delete_all
from uvideo.cli.walk import Entry


def keys(shell: Shell, space: str) -> list[str]:
    return [each.key for each in shell.client.list(space)]


@pytest.fixture
def space(shell: Shell) -> str:
    return shell.space(**{"a": "1", "v__a.tmp": "2", "v__w__b.tmp": "3", "v__w__c": "4", "vw": "5"})


@pytest.mark.parametrize(
    "words, left",
    [
        (["uvideo://S/a"], ["v/a.tmp", "v/w/b.tmp", "v/w/c", "vw"]),
        (["-r", "uvideo://S/v"], ["a", "vw"]),
        (["uvideo://S/**/*.tmp"], ["a", "v/w/c", "vw"]),
        (["uvideo://S/v/*"], ["a", "v/w/b.tmp", "v/w/c", "vw"]),
        (["-r", "uvideo://S/v/", "--exclude", "w/"], ["a", "v/w/b.tmp", "v/w/c", "vw"]),
        (["-r", "uvideo://S/", "--all"], []),
        (["uvideo://S/a", "uvideo://S/vw"], ["v/a.tmp", "v/w/b.tmp", "v/w/c"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_it_removes_what_is_meant(
    shell: Shell,
    inside: Inside,
    space: str,
    words: list[str],
    left: list[str],
) -> None:
    done = inside("rm", *(word.replace("S", space) if "://" in word else word for word in words))
    assert (done.code, keys(shell, space)) == (0, left), done.err


@pytest.mark.parametrize(
    "words, code",
    [
        (["uvideo://S/"], 2),
        (["-r", "uvideo://S"], 2),
        (["uvideo://S/**"], 2),
        (["-r", "uvideo://S/*"], 2),
        (["uvideo://S/none"], 4),
        (["uvideo://S/v"], 2),
        (["uvideo://S/none*"], 4),
        (["a"], 2),
        (["-f", "uvideo://S/none"], 0),
        (["-r", "uvideo://S/v", "--dry-run"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_it_removes_nothing_else(
    shell: Shell,
    inside: Inside,
    space: str,
    words: list[str],
    code: int,
) -> None:
    done = inside("rm", "--json", *(word.replace("S", space) if "://" in word else word for word in words))
    assert done.code == code and len(keys(shell, space)) == 5, done.err
    for line in [*done.lines, *done.err.splitlines()]:
        check(line)


def test_a_space_that_is_missing_ends_no_work_on_others(shell: Shell, inside: Inside, space: str) -> None:
    context = Context()
    places = [("absent-space", "1"), ("absent-space", "2"), (space, "a")]
    entries = [Entry(key, 1, Remote(place, key)) for place, key in places]
    assert delete_all(context, entries, 1, one_space=False) == 1
    assert "a" not in keys(shell, space) and context.report.failed == 2
    context.close()


def test_a_run_that_ends_early_says_what_was_not_begun(shell: Shell, inside: Inside) -> None:
    names = [str(number) for number in range(9)]
    for name in names:
        (shell.folder / name).write_bytes(b"")
    done = inside("cp", *names, "uvideo://absent-space/", "-j", "1")
    assert done.code == 4 and done.err.count("error: ") == 1 and "or more not started" in done.err, done.err
    done = inside("cp", *names[:2], "uvideo://absent-space/", "-j", "1")
    assert done.code == 4 and "not started" in done.err, done.err


def test_it_asks_on_a_terminal(shell: Shell, space: str) -> None:
    done = shell.terminal("rm", "-r", f"uvideo://{space}/v", answers={"[y/N]": "n"})
    assert done.code == 1 and "nothing is deleted" in done.out and len(keys(shell, space)) == 5
    done = shell.terminal("rm", "-r", f"uvideo://{space}/v", answers={"[y/N]": "y"})
    assert done.code == 0 and keys(shell, space) == ["a", "vw"]
    done = shell.terminal("rm", "-r", f"uvideo://{space}/", "--all", "-y", answers={})
    assert done.code == 0 and keys(shell, space) == []
