"""ls, du, stat and cat."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.shell import Done, Shell
from test.fakes import FaultProxy
from test.forked import Forked

KEYS = {
    "a.txt": "a" * 10,
    "photos-old/9.jpg": "9" * 20,
    "photos/1.jpg": "1" * 30,
    "photos/2.png": "2" * 40,
    "photos/x/3.jpg": "3" * 50,
    "视频/b c+d.mp4": "v" * 60,
}


@pytest.fixture
def space(shell: Shell) -> str:
    return shell.filled(KEYS)


class TestLs:
    def names(self, run: Callable[..., Done], *words: str) -> list[str]:
        done = run("ls", *words)
        assert (done.code, done.err) == (0, "")
        return [re.sub(r".*?uvideo://[^/]*/", "", line) for line in done.lines]

    @pytest.mark.parametrize("verb", [("ls",), ("stat", "uvideo://{}/a.txt")])
    def test_the_hint_names_what_chose_the_keys(
        self, inside: Inside, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
    ) -> None:
        public, private = (os.environ.get(f"UVIDEO_{name}_KEY", "") for name in ("PUBLIC", "PRIVATE"))
        file = tmp_path / "config.toml"
        file.write_text(f'[profiles."a b"]\npublic_key = "{public}"\nprivate_key = "{private[:-1]}!"\n')
        file.chmod(0o600)
        for name in ("PUBLIC", "PRIVATE"):
            monkeypatch.delenv(f"UVIDEO_{name}_KEY")
        words = [each.format(space) for each in verb]
        done = inside(*words, "--profile", "a b", "--config", str(file), "--endpoint", os.environ["UVIDEO_ENDPOINT"])
        assert done.code == 3 and re.search("Signature VerifyAC Error|401: the signature is wrong", done.err)
        assert f"uvideo doctor --profile 'a b' --config {file} --endpoint " in done.err

    def test_without_an_address_it_lists_the_spaces(self, shell: Shell, space: str) -> None:
        assert f"uvideo://{space}/" in shell("ls").out
        assert space in [each["space"] for each in shell("ls", "--json").records]

    def test_folders_are_shown_as_such(self, shell: Shell, inside: Inside, space: str) -> None:
        assert self.names(inside, f"uvideo://{space}") == ["a.txt", "photos-old/", "photos/", "视频/"]

    @pytest.mark.parametrize("end", ["", "/"])
    def test_a_folder_is_listed_with_or_without_its_slash(self, inside: Inside, space: str, end: str) -> None:
        assert self.names(inside, f"uvideo://{space}/photos{end}") == ["photos/1.jpg", "photos/2.png", "photos/x/"]

    def test_an_object_is_listed_alone(self, shell: Shell, inside: Inside, space: str) -> None:
        shell.fill(space, {"a.txt.bak": "x"})
        assert self.names(inside, f"uvideo://{space}/a.txt") == ["a.txt"]

    def test_all_that_lies_below(self, shell: Shell, inside: Inside, space: str) -> None:
        assert self.names(inside, "-r", f"uvideo://{space}") == list(KEYS)

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("*.txt", ["a.txt"]),
            ("photos/*.jpg", ["photos/1.jpg"]),
            ("photos*/*.jpg", ["photos-old/9.jpg", "photos/1.jpg"]),
            ("**.jpg", ["photos-old/9.jpg", "photos/1.jpg", "photos/x/3.jpg"]),
            ("photos/[12].{jpg,png}", ["photos/1.jpg", "photos/2.png"]),
            ("ph*", ["photos-old/", "photos/"]),
        ],
    )
    def test_patterns(self, inside: Inside, space: str, pattern: str, found: list[str]) -> None:
        assert self.names(inside, f"uvideo://{space}/{pattern}") == found

    def test_long_lines(self, shell: Shell, inside: Inside, space: str) -> None:
        line = inside("ls", "-l", f"uvideo://{space}/a.txt").lines[0]
        etag = shell.client.stat(space, "a.txt").etag
        assert re.fullmatch(rf" +10  20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  STANDARD  {etag}  uvideo://{space}/a\.txt", line)
        assert " 10 B " in inside("ls", "-lH", f"uvideo://{space}/a.txt").lines[0]

    def test_json(self, shell: Shell, inside: Inside, space: str) -> None:
        found = inside("ls", "--json", f"uvideo://{space}").records
        assert [(each["kind"], each["key"]) for each in found] == [
            ("object", "a.txt"),
            *(("folder", key) for key in ("photos-old/", "photos/", "视频/")),
        ]
        assert found[0]["size"] == 10 and found[0]["modified"].endswith("Z")

    def test_so_many_and_no_more(self, shell: Shell, inside: Inside, space: str) -> None:
        assert self.names(inside, "-r", "--max", "2", f"uvideo://{space}") == list(KEYS)[:2]

    @pytest.mark.parametrize("key", ["none", "none/", "none*"])
    def test_what_is_absent_is_4(self, inside: Inside, space: str, key: str) -> None:
        done = inside("ls", f"uvideo://{space}/{key}")
        assert (done.code, done.out) == (4, "")
        assert f"there is no object uvideo://{space}/{key}" in done.err

    def test_an_empty_space_is_no_error(self, shell: Shell, inside: Inside) -> None:
        done = inside("ls", f"uvideo://{shell.space()}")
        assert (done.code, done.out, done.err) == (0, "", "")

    def test_one_wrong_address_of_two_is_1(self, shell: Shell, inside: Inside, space: str) -> None:
        done = inside("ls", "uvideo://no-such-space", f"uvideo://{space}/a.txt")
        assert (done.code, done.lines) == (1, [f"uvideo://{space}/a.txt"])
        assert "there is no space no-such-space" in done.err

    def test_a_key_cannot_write_to_the_terminal(self, shell: Shell, inside: Inside) -> None:
        space = shell.filled({"a\x1b[31m\nb": "x"})
        assert inside("ls", f"uvideo://{space}").out == f"uvideo://{space}/a\x1b[31m\nb\n"
        assert shell.terminal("ls", f"uvideo://{space}", answers={}).out == rf"uvideo://{space}/a\x1b[31m\nb" + "\n"

    def test_a_program_gets_each_address_whole(self, shell: Shell, inside: Inside) -> None:
        space = shell.space()
        keys = ["a\nb", "c d", "e\u3000f", "g'h"]
        shell.fill(space, dict.fromkeys(keys, "x"))
        addresses = [f"uvideo://{space}/{key}" for key in keys]
        assert inside("ls", "-r0", f"uvideo://{space}").out == "".join(each + "\0" for each in addresses)
        done = shell.sh(f"uvideo ls --null uvideo://{space} | xargs -0 uvideo cat")
        assert (done.code, done.out) == (0, "xxxx"), done.err
        assert inside("ls", "-0", "--json", f"uvideo://{space}").code == 2

    def test_bytes_that_are_not_utf_8_go_through_a_pipe(self, shell: Shell) -> None:
        name = b"a\xff"
        (shell.folder / os.fsdecode(name)).write_bytes(b"1")
        assert shell("etag", os.fsdecode(name)).data.endswith(b"  a\xff\n")
        assert shell.terminal("etag", os.fsdecode(name), answers={}).out.endswith(r"  a\xff" + "\n")

    def test_it_ends_quietly_when_nobody_reads_on(self, shell: Shell, space: str) -> None:
        done = shell.sh(f"uvideo ls -r uvideo://{space} | head -c 5; echo ${{PIPESTATUS[0]}}")
        assert done.out.startswith("uvide") and done.err == ""


class TestDu:
    def test_the_total(self, shell: Shell, space: str) -> None:
        assert shell("du", f"uvideo://{space}").out.split()[:3] == ["210", "6", "objects"]

    def test_each_folder_down_to_a_depth(self, shell: Shell, inside: Inside, space: str) -> None:
        found = inside("du", "--json", "--depth", "2", f"uvideo://{space}").records
        assert [(each["key"], each["objects"], each["bytes"], each["total"]) for each in found] == [
            ("photos-old/", 1, 20, False),
            ("photos/x/", 1, 50, False),
            ("photos/", 3, 120, False),
            ("视频/", 1, 60, False),
            ("", 6, 210, True),
        ]

    def test_a_folder_is_not_its_neighbour(self, shell: Shell, inside: Inside, space: str) -> None:
        found = inside("du", "--json", "--depth", "1", f"uvideo://{space}/photos").records
        assert [(each["key"], each["bytes"]) for each in found] == [("photos/x/", 50), ("photos", 120)]

    def test_by_class(self, shell: Shell, inside: Inside, space: str) -> None:
        shell.client.set_class(space, "a.txt", "IA")
        found = inside("du", "--json", f"uvideo://{space}").records[0]["classes"]
        assert found == {"IA": {"objects": 1, "bytes": 10}, "STANDARD": {"objects": 5, "bytes": 200}}
        assert [line.split()[-1] for line in inside("du", "--by-class", f"uvideo://{space}").lines[1:]] == [
            "IA",
            "STANDARD",
        ]

    def test_a_pattern(self, shell: Shell, inside: Inside, space: str) -> None:
        assert inside("du", "--json", f"uvideo://{space}/**.jpg").records[0]["bytes"] == 100

    def test_what_is_absent_is_4(self, shell: Shell, inside: Inside, space: str) -> None:
        assert inside("du", f"uvideo://{space}/none/").code == 4


class TestStat:
    def test_an_object(self, shell: Shell, space: str) -> None:
        shell.client.put(space, "n.txt", b"n" * 2048, metadata={"author": "li"}, headers={"Cache-Control": "no-cache"})
        shell.client.set_tags(space, "n.txt", {"year": "2026"})
        out = shell("stat", "--tags", "--acl", f"uvideo://{space}/n.txt").out
        for each in ("2048 (2.0 KiB)", "text/plain", "author: li", "Cache-Control: no-cache", "year: 2026", "default"):
            assert each in out
        record = shell("stat", "--json", f"uvideo://{space}/n.txt").records[0]
        assert (record["size"], record["metadata"], record["tags"]) == (2048, {"author": "li"}, None)

    def test_a_space(self, shell: Shell, inside: Inside, space: str) -> None:
        assert "private" in inside("stat", f"uvideo://{space}").out
        assert inside("stat", "--json", f"uvideo://{space}/").records[0]["space"] == space

    def test_a_pattern(self, shell: Shell, inside: Inside, space: str) -> None:
        found = inside("stat", "--json", f"uvideo://{space}/photos/*").records
        assert [each["key"] for each in found] == ["photos/1.jpg", "photos/2.png"]

    def test_what_an_object_is_called_is_no_pattern(self, shell: Shell, inside: Inside) -> None:
        space = shell.filled({"a[1].txt": "one", "a1.txt": "other", "a*": "star"})
        for key in ("a[1].txt", "a*"):
            for verb in ("ls", "stat", "du"):
                assert [each["key"] for each in inside(verb, "--json", f"uvideo://{space}/{key}").records] == [key]
        assert inside("cat", f"uvideo://{space}/a*").data == b"star"

    def test_a_space_that_is_absent_is_named(self, inside: Inside) -> None:
        for verb in ("ls", "du", "stat", "cat"):
            done = inside(verb, "uvideo://no-such-space/a")
            assert (done.code, "there is no space no-such-space" in done.err) == (4, True), verb

    def test_what_is_absent_is_4(self, shell: Shell, inside: Inside, space: str) -> None:
        done = inside("stat", "--json", f"uvideo://{space}/none")
        assert done.code == 4
        assert '"error":"NotFound"' in done.err


class TestCat:
    def test_several_in_their_order(self, shell: Shell, space: str) -> None:
        done = shell("cat", f"uvideo://{space}/photos/2.png", f"uvideo://{space}/视频/b c+d.mp4")
        assert done.data == b"2" * 40 + b"v" * 60

    def test_a_pattern(self, shell: Shell, inside: Inside, space: str) -> None:
        assert inside("cat", f"uvideo://{space}/**.jpg").data == b"9" * 20 + b"1" * 30 + b"3" * 50

    @pytest.mark.parametrize(
        ("words", "data"),
        [
            (["--range", "2-4"], b"234"),
            (["--range", "7-"], b"789"),
            (["--range", "-3"], b"789"),
            (["--start", "2", "--end", "4"], b"23"),
            (["--start", "-2"], b"89"),
            (["--start", "5", "--end", "500"], b"56789"),
            (["--start", "20"], b""),
        ],
    )
    def test_ranges(self, shell: Shell, inside: Inside, words: list[str], data: bytes) -> None:
        space = shell.space(n="0123456789")
        assert inside("cat", *words, f"uvideo://{space}/n").data == data

    @pytest.mark.parametrize("words", [["--range", "x"], ["--range", "-"], ["--range", "0-1", "--start", "0"]])
    def test_a_wrong_range_is_2(self, inside: Inside, words: list[str]) -> None:
        assert inside("cat", *words, "uvideo://any-space/n").code == 2

    def test_a_large_object_comes_whole(self, shell: Shell) -> None:
        space, data = shell.space(), bytes(range(256)) * 4096 * 17
        shell.client.upload(space, "big", data)
        assert shell("cat", f"uvideo://{space}/big").data == data

    def test_bytes_that_change_on_the_way_are_5(self, shell: Shell) -> None:
        space = shell.space(n="0123456789")
        with FaultProxy("127.0.0.1", shell.server.port) as proxy:
            proxy.on("GetObject").flip(3)
            done = shell("cat", f"uvideo://{space}/n", UVIDEO_ENDPOINT=f"127.0.0.1:{proxy.port}")
        assert done.code == 5

    def test_a_body_that_breaks_off_is_continued(self, shell: Shell) -> None:
        space = shell.space(n="0123456789" * 1000)
        with FaultProxy("127.0.0.1", shell.server.port) as proxy:
            proxy.on("GetObject").reset(500)
            done = shell("cat", f"uvideo://{space}/n", UVIDEO_ENDPOINT=f"127.0.0.1:{proxy.port}")
        assert (done.code, done.data) == (0, b"0123456789" * 1000)

    def test_it_ends_quietly_when_nobody_reads_on(self, shell: Shell) -> None:
        space = shell.space()
        shell.client.upload(space, "big", bytes(9 << 20))
        done = shell.sh(f"uvideo cat uvideo://{space}/big | head -c 3 | wc -c; exit ${{PIPESTATUS[0]}}")
        assert (done.code, done.out.strip(), done.err) == (141, "3", "")

    def test_one_that_is_absent_does_not_stop_the_others(self, shell: Shell, inside: Inside, space: str) -> None:
        done = inside("cat", f"uvideo://{space}/none", f"uvideo://{space}/a.txt")
        assert (done.code, done.data) == (1, b"a" * 10)

    def test_a_space_is_no_object(self, shell: Shell, inside: Inside) -> None:
        assert inside("cat", "uvideo://any-space").code == 2


def test_help_needs_no_server(commands: Forked) -> None:
    for name in ("ls", "du", "stat", "cat"):
        done = commands.run(name, "--help")
        assert done.returncode == 0 and "  1. " in done.stdout
