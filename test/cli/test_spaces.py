"""mb, rb and spaces."""

from __future__ import annotations

import uuid

import pytest

from test.cli.inside import Inside
from test.cli.shell import Shell
from uvideo.errors import SpaceNotFound


def name() -> str:
    return "s-" + uuid.uuid4().hex[:20]


def exists(shell: Shell, space: str) -> bool:
    try:
        shell.client.stat_space(space)
    except SpaceNotFound:
        return False
    return True


class TestMb:
    def test_several_of_a_type(self, shell: Shell) -> None:
        one, other = name(), name()
        done = shell("mb", "--type", "public", f"uvideo://{one}", other)
        assert (done.code, done.lines) == (0, [f"made uvideo://{one}", f"made uvideo://{other}"])
        assert shell.client.stat_space(one).type == "public"

    def test_json_and_quiet(self, shell: Shell) -> None:
        one = name()
        record = shell("mb", "--json", one).records[0]
        assert (record["kind"], record["space"], record["dry_run"]) == ("space_made", one, False)
        assert shell("mb", "-q", name()).out == ""

    def test_a_dry_run_makes_nothing(self, shell: Shell) -> None:
        one = name()
        assert shell("mb", "--dry-run", one).out == f"would be done: made uvideo://{one}\n"
        assert not exists(shell, one)

    def test_a_taken_name_does_not_stop_the_others(self, shell: Shell) -> None:
        taken, free = shell.space(), name()
        done = shell("mb", taken, free)
        assert done.code == 1
        assert f"uvideo://{taken}" in done.err
        assert exists(shell, free)

    @pytest.mark.parametrize("space", ["UPPER", "a", "uvideo://a-space/key", "x_y"])
    def test_a_wrong_name_is_2(self, inside: Inside, space: str) -> None:
        assert inside("mb", space).code == 2


class TestRb:
    def test_an_empty_one(self, shell: Shell) -> None:
        space = shell.space()
        assert shell("rb", f"uvideo://{space}/").out == f"removed uvideo://{space}\n"
        assert not exists(shell, space)

    @pytest.mark.parametrize("words", [[], ["--dry-run"]])
    def test_one_with_objects_is_refused(self, shell: Shell, words: list[str]) -> None:
        space = shell.space(a="x")
        done = shell("rb", space, *words)
        assert done.code == 1
        assert "--force" in done.err
        assert exists(shell, space)

    def test_without_a_terminal_force_needs_yes(self, shell: Shell) -> None:
        space = shell.space(a="x")
        done = shell("rb", "--force", space)
        assert done.code == 2
        assert "give --yes" in done.err
        assert exists(shell, space)

    def test_force_removes_objects_and_unfinished_uploads(self, shell: Shell) -> None:
        space = shell.space(a="x", b__c="y")
        shell.client.begin_upload(space, "half")
        record = shell("rb", "--force", "-y", "--json", space).records[0]
        assert (record["space"], record["objects"]) == (space, 2)
        assert not exists(shell, space)

    @pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
    def test_on_a_terminal_it_asks(self, shell: Shell, answer: str, code: int) -> None:
        space = shell.space(a="x")
        done = shell.terminal("rb", "--force", space, answers={"the 1 objects in it? [y/N]": answer})
        assert done.code == code
        assert exists(shell, space) == (code != 0)

    def test_a_dry_run_counts_and_keeps(self, shell: Shell) -> None:
        space = shell.space(a="x", b="y")
        record = shell("rb", "--force", "--dry-run", "--json", space).records[0]
        assert (record["objects"], record["dry_run"]) == (2, True)
        assert exists(shell, space)

    def test_one_that_is_absent_is_4(self, shell: Shell) -> None:
        assert shell("rb", name()).code == 4
        assert shell("rb", "--force", "-y", name()).code == 4


class TestSpaces:
    def test_they_are_listed_with_their_type(self, shell: Shell) -> None:
        space = shell.space()
        assert any(line.endswith(f"private   uvideo://{space}/") for line in shell("spaces").lines)
        assert shell("spaces", "--json").records == shell("spaces", "ls", "--json").records

    def test_a_type_is_changed(self, shell: Shell) -> None:
        space = shell.space()
        assert shell("spaces", "set", space, "--type", "public").out == f"changed uvideo://{space}\n"
        assert shell.client.stat_space(space).type == "public"
        assert shell("spaces", "set", space, "--type", "private", "--dry-run").code == 0
        assert shell.client.stat_space(space).type == "public"

    def test_what_is_to_change_must_be_said(self, shell: Shell) -> None:
        assert shell("spaces", "set", "some-space").code == 2

    def test_one_that_is_absent_is_4(self, shell: Shell) -> None:
        assert shell("spaces", "set", name(), "--type", "public").code == 4

    def test_wrong_keys_are_3(self, shell: Shell) -> None:
        done = shell("spaces", UVIDEO_PRIVATE_KEY="wrong-key-here")
        assert done.code == 3
        assert "uvideo doctor" in done.err
        assert "wrong-key-here" not in done.err
