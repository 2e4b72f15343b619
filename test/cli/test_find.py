"""find: criteria, and programs that are run for what it finds."""

from __future__ import annotations

import re

import pytest

from test.cli.inside import Inside
from test.cli.shell import Done, Shell

KEYS = {
    "a.mp4": "a" * 10,
    "films/b.mp4": "b" * 2000,
    "films/c.txt": "",
    "films/x/d.mp4": "d" * 3000,
    "视频/b c+d.mp4": "v" * 60,
}


@pytest.fixture
def space(shell: Shell) -> str:
    return shell.filled(KEYS)


def keys(done: Done) -> list[str]:
    assert (done.code, done.err) == (0, "")
    return [re.sub(r"uvideo://[^/]*/", "", line) for line in done.lines]


class TestCriteria:
    def test_names_sizes_and_classes(self, shell: Shell, inside: Inside, space: str) -> None:
        shell.client.set_class(space, "a.mp4", "IA")
        address = f"uvideo://{space}"
        for words, found in (
            ((), list(KEYS)),
            (("--name", "*.txt"), ["films/c.txt"]),
            (("--name", "[ab]*.mp4"), ["a.mp4", "films/b.mp4", "视频/b c+d.mp4"]),
            (("--name", "*.txt", "--name", "d.*"), ["films/c.txt", "films/x/d.mp4"]),
            (("--min-size", "1k", "--max-size", "2999"), ["films/b.mp4"]),
            (("--max-size", "0"), ["films/c.txt"]),
            (("--min-size", "60", "--max-size", "60"), ["视频/b c+d.mp4"]),
            (("--class", "ia"), ["a.mp4"]),
            (("--class", "standard", "--name", "*.txt"), ["films/c.txt"]),
            (("--name", "none"), []),
        ):
            assert keys(inside("find", address, *words)) == found, words
        assert keys(inside("find", f"{address}/films")) == ["films/b.mp4", "films/c.txt", "films/x/d.mp4"]
        assert keys(inside("find", f"{address}/**/d*", "--min-size", "1k")) == ["films/x/d.mp4"]

    def test_ages(self, inside: Inside, space: str) -> None:
        assert keys(inside("find", f"uvideo://{space}", "--max-age", "1d")) == list(KEYS)
        assert keys(inside("find", f"uvideo://{space}", "--min-age", "1d")) == []

    def test_json_and_zero_bytes(self, inside: Inside, space: str) -> None:
        found = inside("find", f"uvideo://{space}", "--min-size", "60", "--max-size", "60", "--json").records
        assert [(each["kind"], each["key"], each["size"]) for each in found] == [("object", "视频/b c+d.mp4", 60)]
        assert inside("find", "-0", f"uvideo://{space}/films/x").out == f"uvideo://{space}/films/x/d.mp4\0"

    @pytest.mark.parametrize(
        "words",
        [
            ("--min-size", "much"),
            ("--min-size", "2", "--max-size", "1"),
            ("--name", "films/b*"),
            ("--name", "[b"),
            ("--max-age", "soon"),
            ("-0", "--json"),
            ("-0", "--exec", "cat", "{}"),
            ("--exec",),
            ("--exec", ";"),
            ("--exec", "", "{}"),
            ("--exec", "cat"),
            ("--exec", "{}"),
            ("--exec", "no-such-program-here", "{}"),
            ("--exec", "cat {}", "{}"),
            ("--exec", "cat", "{}", ";", "--exec", "cat", "{}"),
        ],
    )
    def test_what_is_wrong_is_2(self, inside: Inside, space: str, words: tuple[str, ...]) -> None:
        done = inside("find", f"uvideo://{space}", *words)
        assert (done.code, done.out) == (2, ""), done.err
        assert done.err.startswith(("error: ", "{")) and "bug in the program" not in done.err

    def test_what_is_absent_is_4(self, inside: Inside, space: str) -> None:
        assert inside("find", f"uvideo://{space}/none", "--name", "*").code == 4


class TestExec:
    def test_a_program_runs_for_each_object_without_a_shell(self, shell: Shell) -> None:
        space = shell.space()
        odd = ["$(touch gone); ls", "-x 'y' \"z\"", "a\nb", "*"]
        shell.fill(space, dict.fromkeys(odd, "x"))
        done = shell("find", f"uvideo://{space}", "--exec", "printf", "%s|", "<{}>", "{}")
        expected = "".join(f"<uvideo://{space}/{key}>|uvideo://{space}/{key}|" for key in sorted(odd))
        assert (done.code, done.out, done.err) == (0, expected, "")
        assert list(shell.folder.iterdir()) == []

    def test_many_addresses_in_one_call_and_words_after_the_command(self, shell: Shell, space: str) -> None:
        done = shell("find", "--exec", "echo", "--json", "{}", "+", f"uvideo://{space}/films", "--name", "*.mp4")
        assert done.out == f"--json uvideo://{space}/films/b.mp4 uvideo://{space}/films/x/d.mp4\n"
        done = shell("find", "--exec", "echo", "{}", ";", f"uvideo://{space}/a.mp4")
        assert (done.code, done.out) == (0, f"uvideo://{space}/a.mp4\n")
        assert shell("find", f"uvideo://{space}", "--name", "none", "--exec", "echo", "{}", "+").out == ""

    def test_more_addresses_than_a_call_can_have(self, shell: Shell) -> None:
        space = shell.space()
        keys = [f"{number:03}" + "k" * 900 for number in range(120)]
        shell.fill(space, dict.fromkeys(keys, ""))
        done = shell("find", f"uvideo://{space}", "--exec", "echo", "{}", "+")
        assert done.code == 0 and len(done.lines) > 1
        assert done.out.split() == [f"uvideo://{space}/{key}" for key in keys]

    def test_standard_input_is_empty(self, shell: Shell, space: str) -> None:
        done = shell("find", f"uvideo://{space}/a.mp4", "--exec", "grep", "-c", "{}", "-", stdin=b"text\n")
        assert (done.code, done.out) == (1, "0\n")

    def test_failed_commands_are_told_and_the_others_go_on(self, shell: Shell, space: str) -> None:
        shell.client.delete(space, "视频/b c+d.mp4")
        done = shell(
            "find",
            f"uvideo://{space}",
            "--name",
            "*.mp4",
            "--exec",
            "sh",
            "-c",
            'case "$1" in */b.*) exit 3; esac; echo "$1"',
            "sh",
            "{}",
        )
        assert done.code == 1
        assert done.lines == [f"uvideo://{space}/a.mp4", f"uvideo://{space}/films/x/d.mp4"]
        assert f"error: uvideo://{space}/films/b.mp4: sh ended with 3" in done.err
        done = shell("find", f"uvideo://{space}", "--json", "--exec", "false", "{}", "+")
        assert (done.code, done.out) == (1, "")
        assert '"error":"CommandFailed"' in done.err

    def test_objects_can_be_removed_while_they_are_found(self, shell: Shell, space: str) -> None:
        done = shell("find", f"uvideo://{space}/films", "--exec", "uvideo", "rm", "-q", "{}", "+")
        assert (done.code, done.err) == (0, "")
        assert [each.key for each in shell.client.list(space)] == ["a.mp4", "视频/b c+d.mp4"]
