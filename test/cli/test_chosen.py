"""Items selected by lists of names, files of patterns, sizes and ages, in every verb that has these options."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Done, Shell
from test.fakes import FaultProxy

DAY = 86400
FILES = {"a.mp4": 1, "b.txt": 5, "d/c.mp4": 10, "d/e/f": 2000, "g/h": 3}


@pytest.fixture
def tree(shell: Shell) -> Path:
    folder = shell.folder / "t"
    for name, size in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x" * size)
    return folder


def names(shell: Shell, space: str, prefix: str = "") -> set[str]:
    return {each.key[len(prefix) :] for each in shell.client.list(space, prefix)}


def done_and_deleted(done: Done) -> tuple[int, int]:
    summary = check(done.lines[-1])
    return summary["done"], summary["deleted"]


class TestListsOfNames:
    def test_only_the_listed_are_copied(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        os.mkfifo(tree / "g" / "pipe")
        (tree / "broken").symlink_to("nowhere")
        (shell.folder / "list").write_bytes(b"\xef\xbb\xbfa.mp4\r\n\n./d/c.mp4\n/d/e\n")
        assert inside("cp", "-r", "t", f"uvideo://{space}/", "--files-from", "list").code == 0
        assert names(shell, space) == {"a.mp4", "d/c.mp4", "d/e/f"}
        assert inside("cp", "-r", f"uvideo://{space}/", "back", "--files-from", "list", "--exclude", "d/e/").code == 1
        assert (shell.folder / "back" / "d" / "c.mp4").exists() and not (shell.folder / "back" / "d" / "e").exists()

    def test_from_standard_input_with_any_names(self, shell: Shell, tree: Path) -> None:
        space = shell.space()
        for name in ("#1", "; 2", "line\nend", " blank"):
            (tree / name).write_text("1")
        words = ("cp", "-r", "t", f"uvideo://{space}/", "--files-from", "-")
        assert shell(*words, stdin=b"#1\n; 2\n blank").code == 0
        assert shell(*words, "-0", stdin=b"line\nend\0#1\0").code == 0
        assert names(shell, space) == {"#1", "; 2", "line\nend", " blank"}
        assert shell(*words, stdin=b"").code == 0

    def test_a_listed_name_that_is_missing_fails(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(x="1", **{"b.txt": "1"})
        (shell.folder / "list").write_text("a.mp4\nb.mp4\n")
        done = inside("cp", "-r", "t", f"uvideo://{space}/", "--files-from", "list")
        assert done.code == 1 and "b.mp4" in done.err and "the source does not have it" in done.err
        assert names(shell, space) == {"x", "b.txt", "a.mp4"}
        done = inside("sync", "t", f"uvideo://{space}/", "--files-from", "list", "--delete", "-y")
        assert done.code == 1 and names(shell, space) == {"x", "b.txt", "a.mp4"}
        done = inside("verify", "t", f"uvideo://{space}/", "--files-from", "list")
        assert done.code == 1 and "b.mp4" in done.err
        done = inside("rm", "-r", f"uvideo://{space}/", "--all", "-y", "--files-from", "list")
        assert done.code == 1 and names(shell, space) == {"x", "b.txt"}
        assert inside("rm", "-rf", f"uvideo://{space}/", "--all", "-y", "--files-from", "list").code == 0

    def test_names_of_a_long_listing_are_looked_up(
        self, shell: Shell, inside: Inside, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first page has an object that is gone; the second would be an error."""
        present = [
            "p/a",
            "p/a-b",
            "p/a/x",
            "p/a/y/z",
            "p/b.txt",
            "p/c/1",
            "p/d",
            *(f"p/d-{n}" for n in range(12)),
            "p/d/1",
        ]
        space, target, other = shell.filled({key: key for key in present}), shell.space(), f"uvideo://{shell.space()}/"
        listed = ["a", "a-b", "a/x", "d", "none", "c", "d-1", "x" * 2000]
        (shell.folder / "list").write_text("".join(f"{name}\n" for name in listed))
        wanted = {"a", "a-b", "a/x", "a/y/z", "c/1", "d", "d/1", "d-1"}
        first = {"Key": "p/0", "Size": 1, "ETag": "e", "MimeType": "", "LastModified": 1}
        page = {"Contents": [first], "IsTruncated": True, "NextMarker": "p/0"}
        with FaultProxy("127.0.0.1", shell.server.port) as proxy:
            proxy.on("ListObjects", space=space, where="prefix=p/&").answer(200, json=page, times=None)
            monkeypatch.setenv("UVIDEO_ENDPOINT", f"127.0.0.1:{proxy.port}")
            source = f"uvideo://{space}/p/"
            done = inside("cp", "-r", source, f"uvideo://{target}/", "--files-from", "list")
            assert done.code == 1 and "none" in done.err and names(shell, target) == wanted, done.err
            assert done_and_deleted(inside("sync", source, other, "--files-from", "list", "--json"))[0] == len(wanted)
            assert (
                inside("verify", source, other, "--files-from", "list").lines[-1].startswith(f"{len(wanted)} the same")
            )
            assert inside("rm", "-r", source, "-y", "--files-from", "list").code == 1
        assert names(shell, space) == set(present) - {f"p/{name}" for name in wanted}

    @pytest.mark.parametrize("line", ["../a", "a/../../b", "/", "."])
    def test_a_name_outside_the_source_is_refused(self, shell: Shell, inside: Inside, tree: Path, line: str) -> None:
        (shell.folder / "list").write_text(line + "\n")
        done = inside("cp", "-r", "t", "uvideo://space/", "--files-from", "list")
        assert done.code == 2 and "no name below the source" in done.err

    def test_sync_deletes_only_what_is_listed(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(d__old="1", other="2", **{"b.txt": "3"})
        (shell.folder / "list").write_text("d\n")
        done = inside("sync", "t", f"uvideo://{space}/", "--files-from", "list", "--delete", "-y", "--json")
        assert done_and_deleted(done) == (2, 1)
        assert names(shell, space) == {"d/c.mp4", "d/e/f", "other", "b.txt"}


class TestFilesOfPatterns:
    def test_patterns_come_from_files(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        (shell.folder / "in").write_text("# films\n*.mp4\n\n; notes\n  *.txt\r\n")
        (shell.folder / "out").write_text("/d/\n")
        words = ("cp", "-r", "t", f"uvideo://{space}/", "--include-from", "in", "--exclude-from", "out")
        assert inside(*words).code == 0 and names(shell, space) == {"a.mp4", "b.txt"}
        assert inside(*words, "--include", "h").code == 0 and names(shell, space) == {"a.mp4", "b.txt", "g/h"}
        done = inside("rm", "-r", f"uvideo://{space}/", "--all", "-y", "--include-from", "in")
        assert done.code == 0 and names(shell, space) == {"g/h"}

    def test_a_file_that_selects_by_mistake_is_refused(self, shell: Shell, inside: Inside, tree: Path) -> None:
        (shell.folder / "empty").write_text("# nothing\n\n")
        (shell.folder / "wide").write_bytes("*.mp4".encode("utf-16"))
        (shell.folder / "wrong").write_text("[a\n")
        for words, code, text in (
            (["--include-from", "empty"], 2, "contains no pattern"),
            (["--exclude-from", "wide"], 2, "UTF-16"),
            (["--exclude-from", "wrong"], 2, "[ without its ]"),
            (["--files-from", "none"], 4, "none"),
            (["--files-from", "t"], 1, "t"),
            (["--files-from", "-", "--include-from", "-"], 2, "only one option can read standard input"),
            (["-0"], 2, "--from0 needs --files-from"),
            (["--min-size", "2k", "--max-size", "1k"], 2, "--min-size is above --max-size"),
            (["--min-age", "2d", "--max-age", "1d"], 2, "--min-age is above --max-age"),
            (["--min-size", "-1"], 2, "number of bytes"),
            (["--max-age", "soon"], 2, "is not a time"),
        ):
            done = inside("sync", "t", "uvideo://space/", *words)
            assert done.code == code and text in done.err and "Traceback" not in done.err, (words, done)
        done = inside("cp", "-", "uvideo://space/a", "--files-from", "-")
        assert done.code == 2 and "only one option can read standard input" in done.err


class TestSizesAndAges:
    def test_sizes(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        (tree / "empty").write_text("")
        words = ("cp", "-r", "t", f"uvideo://{space}/")
        assert inside(*words, "--max-size", "0").code == 0 and names(shell, space) == {"empty"}
        assert inside(*words, "--min-size", "5", "--max-size", "1k").code == 0
        assert names(shell, space) == {"empty", "b.txt", "d/c.mp4"}
        assert inside("mv", *words[1:], "--min-size", "1k").code == 0 and not (tree / "d" / "e" / "f").exists()
        assert inside("cp", "-r", f"uvideo://{space}/", "back", "--min-size", "10").code == 0
        assert {each.name for each in (shell.folder / "back").rglob("*") if each.is_file()} == {"c.mp4", "f"}
        assert inside("ls", "-r", f"uvideo://{space}", "--max-size", "5").lines == [
            f"uvideo://{space}/b.txt",
            f"uvideo://{space}/empty",
        ]
        usage = check(inside("du", "--json", f"uvideo://{space}", "--min-size", "6").lines[-1])
        assert (usage["objects"], usage["bytes"]) == (2, 2010)
        assert inside("rm", "-r", f"uvideo://{space}/", "--all", "-y", "--min-size", "6").code == 0
        assert names(shell, space) == {"empty", "b.txt"}

    def test_the_age_of_a_file_is_that_of_its_content(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        now = time.time()
        for name, age in (("a.mp4", 9 * DAY), ("b.txt", 3 * DAY), ("d/c.mp4", -DAY), ("d/e/f", now + 5)):
            os.utime(tree / name, (now - age, now - age))
        words = ("cp", "-r", "t", f"uvideo://{space}/")
        assert inside(*words, "--min-age", "2d", "--max-age", "1w").code == 0 and names(shell, space) == {"b.txt"}
        assert inside(*words, "--min-age", "8d").code == 0 and names(shell, space) == {"b.txt", "a.mp4", "d/e/f"}
        assert inside(*words, "--max-age", "8d").code == 0 and names(shell, space) == set(FILES)

    def test_the_age_of_an_object_counts_from_its_upload(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        os.utime(tree / "a.mp4", (DAY, DAY))
        assert inside("cp", "t/a.mp4", f"uvideo://{space}/").code == 0
        assert inside("ls", f"uvideo://{space}", "--min-age", "1d").lines == []
        assert inside("rm", "-r", f"uvideo://{space}/", "--all", "-y", "--min-age", "1d").code == 0
        assert names(shell, space) == {"a.mp4"}
        assert inside("ls", f"uvideo://{space}", "--max-age", "1d").lines == [f"uvideo://{space}/a.mp4"]

    def test_sync_deletes_nothing_that_is_not_selected(self, shell: Shell, inside: Inside, tree: Path) -> None:
        """The source's item decides: its copy may be within the bounds although it is not."""
        space = shell.space(large="x" * 3000, small="x", **{"b.txt": "1"})
        os.utime(tree / "a.mp4", (DAY, DAY))
        words = ("t", f"uvideo://{space}/", "--delete", "-y", "--json")
        shell.client.put(space, "a.mp4", b"22")
        assert done_and_deleted(inside("sync", *words, "--max-age", "1d", "--max-size", "1k")) == (3, 1)
        assert names(shell, space) == {"large", "a.mp4", "b.txt", "d/c.mp4", "g/h"}
        assert shell.client.stat(space, "a.mp4").size == 2
        done = inside("verify", *words[:2], "--max-age", "1d", "--max-size", "1k")
        assert done.code == 0, done.out
        assert done_and_deleted(inside("sync", *words, "--max-size", "2")) == (1, 0)
        assert names(shell, space) == {"large", "a.mp4", "b.txt", "d/c.mp4", "g/h"}
