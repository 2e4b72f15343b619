"""cp and mv, in all directions, and what they do with what cannot be copied."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Done, Shell
from test.fakes import FaultProxy
from uvideo.cli.address import Local, Remote
from uvideo.cli.context import Context
from uvideo.cli.copy_item import Mover, MoverOptions
from uvideo.cli.destinations import Destinations
from uvideo.cli.display import Display
from uvideo.cli.rm import delete_all
from uvideo.cli.walk import FolderReader
from uvideo.transfer.copy import ONE_REQUEST

MIB = 1 << 20


@pytest.fixture
def tree(shell: Shell) -> Path:
    """videos/: a.mp4, b.tmp, 2026/c.mp4, 2026/d e.txt"""
    folder = shell.folder / "videos"
    (folder / "2026").mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom" + b"a" * 50)
    (folder / "b.tmp").write_text("b")
    (folder / "2026" / "c.mp4").write_text("c")
    (folder / "2026" / "d e.txt").write_text("d")
    return folder


def keys(shell: Shell, space: str) -> list[str]:
    return [each.key for each in shell.client.list(space)]


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def failed(done: Done) -> list[str]:
    """The items of the errors, of a run with --json."""
    records = [check(line) for line in done.err.splitlines()]
    return [str(each["item"]) for each in records if each["kind"] == "error"]


class TestPlaces:
    """The rules of docs/cli.md, one after the other."""

    @pytest.mark.parametrize(
        "words, expected",
        [
            (["videos/a.mp4", "uvideo://S/"], ["a.mp4"]),
            (["videos/a.mp4", "uvideo://S"], ["a.mp4"]),
            (["videos/a.mp4", "uvideo://S/b"], ["b"]),
            (["videos/a.mp4", "uvideo://S/b/"], ["b/a.mp4"]),
            (["videos/a.mp4", "videos/b.tmp", "uvideo://S/b"], ["b/a.mp4", "b/b.tmp"]),
            (["-r", "videos", "uvideo://S/v"], ["v/2026/c.mp4", "v/2026/d e.txt", "v/a.mp4", "v/b.tmp"]),
            (["-r", "videos/", "uvideo://S"], ["2026/c.mp4", "2026/d e.txt", "a.mp4", "b.tmp"]),
            (["-r", "videos/2026", "videos/a.mp4", "uvideo://S/x"], ["x/2026/c.mp4", "x/2026/d e.txt", "x/a.mp4"]),
            (["videos/*", "uvideo://S"], ["a.mp4", "b.tmp"]),
            (["-r", "videos/2*", "uvideo://S"], ["2026/c.mp4", "2026/d e.txt"]),
            (["**/*.{mp4,txt}", "uvideo://S/p/"], ["p/videos/2026/c.mp4", "p/videos/2026/d e.txt", "p/videos/a.mp4"]),
            (["-r", "videos", "uvideo://S", "--exclude", "*.tmp", "--exclude", "2026/*.txt"], ["2026/c.mp4", "a.mp4"]),
            (["-r", "videos", "uvideo://S", "--include", "2026/"], ["2026/c.mp4", "2026/d e.txt"]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_up(self, shell: Shell, inside: Inside, tree: Path, words: list[str], expected: list[str]) -> None:
        space = shell.space()
        done = inside("cp", *(word.replace("S", space) if "://" in word else word for word in words))
        assert (done.code, keys(shell, space)) == (0, expected), done.err

    def test_down(self, shell: Shell, inside: Inside) -> None:
        space = shell.filled({"v": "0", "v/a.mp4": "1", "v/x/b.mp4": "2", "v/x/c.txt": "3", "v/m/": ""})
        (shell.folder / "here").mkdir()
        for words, folder, expected in (
            (["-r", f"uvideo://{space}/v/", "all"], "all", ["a.mp4", "x/b.mp4", "x/c.txt"]),
            ([f"uvideo://{space}/v/a.mp4", "here"], "here", ["a.mp4"]),
            ([f"uvideo://{space}/v/a.mp4", "new/name"], "new", ["name"]),
            ([f"uvideo://{space}/v/**/*.mp4", "films"], "films", ["a.mp4", "x/b.mp4"]),
            (["-r", f"uvideo://{space}/v", "one"], "", ["one"]),
        ):
            done = inside("cp", *words)
            assert done.code == 0, done.err
            if folder:
                assert below(shell.folder / folder) == expected
        assert (shell.folder / "all" / "m").is_dir() and (shell.folder / "one").read_text() == "0"

    def test_between_spaces(self, shell: Shell, inside: Inside) -> None:
        space, other = shell.space(a="1", v__b="2", v__w__c="3"), shell.space()
        shell.client.set_mime(space, "a", "video/mp4")
        done = inside("cp", "-r", f"uvideo://{space}/", f"uvideo://{other}/n", "--json")
        assert done.code == 0
        assert keys(shell, other) == ["n/a", "n/v/b", "n/v/w/c"]
        assert shell.client.stat(other, "n/a").mime == "video/mp4"
        records = [check(line) for line in done.lines]
        assert [each["action"] for each in records[:-1]] == ["copy"] * 3 and records[-1]["done"] == 3
        assert all(each["verified"] for each in records[:-1])

    @pytest.mark.parametrize(
        "words, said",
        [
            (["videos", "uvideo://S/"], "is a folder: give -r"),
            (["videos/a.mp4", "elsewhere"], "neither side"),
            (["-", "elsewhere"], "neither side"),
            (["-", "uvideo://S/x/"], "has no name"),
            (["-", "videos/a.mp4", "uvideo://S/x"], "cannot be combined with other sources"),
            (["-r", "uvideo://S/v", "uvideo://S/v/w"], "is inside the source"),
            (["-r", "uvideo://S/", "uvideo://S/v"], "is inside the source"),
            (["uvideo://S/v/x", "uvideo://S/v/x"], "the same object"),
            (["-r", "uvideo://S/v", "-"], "only one object"),
            (["uvideo://S/*", "videos/a.mp4"], "is a file; a folder"),
            (["s3://a/b", "x"], "s3://"),
            (["videos/a.mp4", "uvideo://S/x", "--meta", "x"], "name=value"),
            (["videos/a.mp4", "uvideo://S/x", "--meta", "x= y"], "begins or ends with a blank"),
            (["videos/a.mp4", "uvideo://S/x", "--bwlimit", "much"], "10M"),
            (["videos/a.mp4"], "SOURCE... and TARGET are needed"),
            (["videos/a.mp4", "uvideo://S/x", "--recursiv"], "did you mean --recursive"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_what_cannot_be_meant(
        self,
        shell: Shell,
        inside: Inside,
        tree: Path,
        words: list[str],
        said: str,
    ) -> None:
        space = shell.space(v__x="1")
        done = inside("cp", *(word.replace("S", space, 1) if "://" in word else word for word in words))
        assert done.code == 2 and said in done.err and "Traceback" not in done.err
        assert keys(shell, space) == ["v/x"]


def test_bytes_go_both_ways_whatever_the_size(shell: Shell) -> None:
    space = shell.space()
    for name, size in (("empty", 0), ("small", 1), ("large", 9 * MIB + 5)):
        data = os.urandom(size)
        (shell.folder / name).write_bytes(data)
        assert shell("cp", name, f"uvideo://{space}/").code == 0
        assert shell("cp", f"uvideo://{space}/{name}", "back").code == 0
        assert (shell.folder / "back").read_bytes() == data
    data = os.urandom(5 * MIB)
    assert shell("cp", "-", f"uvideo://{space}/piped", stdin=data).code == 0
    piped = shell("cp", f"uvideo://{space}/piped", "-", "-v")
    assert piped.data == data and "downloaded" in piped.err
    gone = shell.sh(f"uvideo cp uvideo://{space}/piped - | head -c 5 | wc -c; echo ${{PIPESTATUS[0]}}")
    assert gone.out.split() == ["5", "141"] and gone.err == ""


class TestPipes:
    """What the shell makes of <(command) and >(command), and what else is no ordinary file."""

    def test_the_output_of_a_command_goes_up(self, shell: Shell) -> None:
        """aws/aws-cli #6145: `cp <(command)` is refused."""
        space, data = shell.space(), os.urandom(5 * MIB)
        (shell.folder / "data").write_bytes(data)
        done = shell.sh(
            f"uvideo cp <(cat data) uvideo://{space}/a && uvideo cp /dev/stdin uvideo://{space}/b < <(cat data)"
        )
        assert done.code == 0, done.err
        assert done.out.count("5.0 MiB") == 2 and "uploaded /dev/fd/" in done.out and "uploaded /dev/stdin" in done.out
        os.mkfifo(shell.folder / "fifo")
        done = shell.sh(f"cat data > fifo & uvideo cp fifo uvideo://{space}/c; wait")
        assert done.code == 0 and all(shell.client.get(space, key).data == data for key in "abc")
        assert shell.sh(f"uvideo cp /dev/null uvideo://{space}/null").code == 0
        assert shell.client.stat(space, "null").size == 0

    def test_an_object_goes_to_a_command(self, shell: Shell) -> None:
        data = os.urandom(5 * MIB)
        space = shell.space(x=data)
        for options in ("", "-n "):
            done = shell.sh(
                f"uvideo cp {options}uvideo://{space}/x >(cat > out; touch done); until [ -e done ]; do :; done"
            )
            assert done.code == 0 and (shell.folder / "out").read_bytes() == data, done.err
            (shell.folder / "done").unlink()
            done = shell.sh(f"uvideo cp {options}uvideo://{space}/x /dev/stdout | cat")
            assert done.code == 0 and done.data == data, done.err
            for output in ("-", "/dev/stdout"):
                done = shell.sh(f"set -o pipefail; uvideo cp {options}uvideo://{space}/x {output} | head -c 1")
                assert (done.code, done.data, done.err) == (141, data[:1], "")

    @pytest.mark.parametrize(
        "words, said",
        [
            (["/dev/null", "uvideo://S/x/"], "a pipe has no name"),
            (["-r", "/dev/null", "uvideo://S/x"], "a pipe cannot be combined"),
            (["/dev/null", "elsewhere"], "neither side"),
        ],
        ids=" ".join,
    )
    def test_what_cannot_be_meant(self, shell: Shell, inside: Inside, words: list[str], said: str) -> None:
        space = shell.space()
        done = inside("cp", *(word.replace("S", space) if "://" in word else word for word in words))
        assert done.code == 2 and said in done.err
        assert inside("mv", "/dev/null", f"uvideo://{space}/x").code == 2
        assert keys(shell, space) == []

    def test_of_several_sources_a_pipe_fails_and_is_not_waited_for(self, shell: Shell, inside: Inside) -> None:
        space = shell.space()
        os.mkfifo(shell.folder / "fifo")
        (shell.folder / "a").write_text("a")
        done = inside("cp", "a", "fifo", f"uvideo://{space}/", "--json")
        assert done.code == 1 and failed(done) == ["fifo"] and keys(shell, space) == ["a"]

    @pytest.mark.skipif(not os.path.exists("/proc/version"), reason="Linux only")
    def test_a_file_that_says_it_is_empty_is_read_to_its_end(self, shell: Shell, inside: Inside) -> None:
        version = Path("/proc/version").read_bytes()
        space = shell.space()
        (shell.folder / "f").mkdir()
        (shell.folder / "f" / "version").symlink_to("/proc/version")
        words = ("f", f"uvideo://{space}/f", "--links", "follow")
        done = inside("cp", "/proc/version", f"uvideo://{space}/", "--json")
        assert check(done.lines[0])["bytes"] == len(version) and shell.client.get(space, "version").data == version
        assert inside("verify", "/proc/version", f"uvideo://{space}/version").code == 0
        assert check(inside("sync", *words, "--json").lines[-1])["done"] == 1
        assert inside("verify", *words).code == 0
        assert check(inside("sync", *words, "--json").lines[-1])["skipped"] == 1
        shell.client.put(space, "f/version", b"x" * len(version))
        assert inside("verify", *words).code == 5
        assert check(inside("sync", *words, "--json").lines[-1])["done"] == 1


def test_answers_that_precede_the_answer_do_not_end_what_is_sent(shell: Shell) -> None:
    space, data = shell.space(), os.urandom(5 * MIB)
    (shell.folder / "film").write_bytes(data)
    with FaultProxy("127.0.0.1", shell.server.port) as proxy:
        proxy.on("PutObject").interim(times=None)
        proxy.on("UploadPart", part=0).interim(1 << 20, times=None)
        environ = {"UVIDEO_ENDPOINT": f"127.0.0.1:{proxy.port}", "UVIDEO_RETRIES": "0"}
        for source, more in (("film", b""), ("-", data)):
            done = shell("cp", source, f"uvideo://{space}/of{source}", stdin=more, **environ)
            assert done.code == 0, done.err
            assert shell.client.get(space, f"of{source}").data == data


def test_options_reach_the_object(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space()
    (tree / "film").write_bytes((tree / "a.mp4").read_bytes())
    words = ["--meta", "title=x y", "--meta", "Year=2026", "--class", "ia"]
    assert inside("cp", "videos/film", f"uvideo://{space}/", *words).code == 0
    found = shell.client.stat(space, "film")
    assert (found.mime, found.storage_class) == ("video/mp4", "IA")  # by its content, as the name says nothing
    assert (found.metadata["title"], found.metadata["year"]) == ("x y", "2026")
    assert inside("cp", "videos/film", f"uvideo://{space}/t", "--mime", "text/x").code == 0
    assert shell.client.stat(space, "t").mime == "text/x"
    copied = inside("cp", f"uvideo://{space}/film", f"uvideo://{space}/copy", "--mime", "video/x")
    assert copied.code == 0
    found = shell.client.stat(space, "copy")
    assert (found.mime, found.metadata["title"]) == ("video/x", "x y")
    shell.client.put(space, "t", b"changed")
    done = inside("cp", "-n", "videos/film", f"uvideo://{space}/t", "--json")
    assert done.code == 0 and check(done.lines[0])["reason"] == "exists"
    assert shell.client.get(space, "t").data == b"changed"


def test_a_dry_run_changes_nothing(shell: Shell, inside: Inside, tree: Path) -> None:
    space, other = shell.space(x="1"), shell.space()
    up = inside("mv", "-r", "videos", f"uvideo://{other}/", "--dry-run")
    assert up.code == 0 and "would upload videos/a.mp4" in up.out and "nothing was changed" in up.err
    down = inside("cp", "-r", f"uvideo://{space}/", "down/deep", "--dry-run")
    assert down.code == 0 and "would download" in down.out
    assert keys(shell, other) == [] and not (shell.folder / "down").exists() and (tree / "a.mp4").exists()


def test_a_large_object_is_copied_by_parts_within_the_service(shell: Shell, inside: Inside) -> None:
    space, other = shell.space(), shell.space()
    source = shell.folder / "large"
    with source.open("wb") as file:
        file.write(b"head")
        file.truncate(ONE_REQUEST + 5)
    stored = shell.client.upload(space, "large", source, metadata={"a": "b"}, mime="video/x", storage_class="IA")
    done = inside("cp", f"uvideo://{space}/large", f"uvideo://{other}/", "--json")
    assert done.code == 0, done.err
    record = check(done.lines[0])
    assert (record["action"], record["etag"], record["verified"]) == ("copy", stored.etag, True)
    found = shell.client.stat(other, "large")
    assert (found.etag, found.size, found.mime, found.metadata) == (
        stored.etag,
        ONE_REQUEST + 5,
        "video/x",
        {"a": "b"},
    )
    assert list(shell.client.list_uploads(other)) == []


class TestBadItems:
    def test_one_of_many_fails_the_others_go_on_and_it_is_listed_at_the_end(
        self,
        shell: Shell,
        tree: Path,
    ) -> None:
        space = shell.space()
        (tree / "gone.mp4").symlink_to("nowhere")
        (tree / "loop").symlink_to("..")
        os.mkfifo(tree / "pipe")
        os.rename(tree / "b.tmp", os.fsencode(tree) + b"/\xff.tmp")
        done = shell("cp", "-r", "videos", f"uvideo://{space}/", "--json")
        assert done.code == 1
        assert keys(shell, space) == ["2026/c.mp4", "2026/d e.txt", "a.mp4"]
        assert sorted(failed(done)) == ["videos/gone.mp4", "videos/pipe", "videos/\udcff.tmp"]
        summary = check(done.lines[-1])
        assert (summary["failed"], summary["links"], summary["special"]) == (3, 1, 0)
        text = shell("cp", "-r", "videos", f"uvideo://{space}/")
        assert "3 of 6 failed:" in text.err and r"videos/\xff.tmp" in text.err

    def test_what_is_left_out_cannot_fail(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        (tree / "gone.bad").symlink_to("nowhere")
        os.mkfifo(tree / "pipe.bad")
        os.rename(tree / "b.tmp", os.fsencode(tree) + b"/\xff.bad")
        for words in (
            ["-r", "videos", "--exclude", "*.bad"],
            ["-r", "videos", "--include", "*.mp4", "--include", "*.txt"],
            ["-r", "videos/*[4-6]*"],
            ["videos/pipe.bad", "videos/gone.bad", "--exclude", "*.bad"],
        ):
            done = inside("cp", *words, f"uvideo://{space}/")
            assert done.code == 0 and "pipe" not in done.err, done
        assert keys(shell, space) == ["2026/c.mp4", "2026/d e.txt", "a.mp4"]

    def test_links_and_special_files_are_counted(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        (shell.folder / "id_rsa").write_text("private")
        (tree / "key").symlink_to("../id_rsa")
        (tree / "same").symlink_to("a.mp4")
        os.mkfifo(tree / "pipe")
        done = inside("cp", "-r", "videos", f"uvideo://{space}/", "--skip-special")
        assert done.code == 0 and "key" not in keys(shell, space) and "same" in keys(shell, space)
        assert "skipped videos/key: the link leads out of videos; --links follow follows it" in done.err
        assert "skipped videos/pipe: it is a pipe, a socket or a device" in done.err
        assert ", skipped links: 1, skipped special files: 1" in done.err
        done = inside("cp", "-r", "videos", f"uvideo://{space}/", "--links", "skip", "--skip-special", "--json")
        summary = check(done.lines[-1])
        assert (summary["done"], summary["links"], summary["special"]) == (4, 2, 1)
        assert inside("cp", "-r", "videos", f"uvideo://{space}/", "--links", "follow").code == 1  # the pipe
        assert shell.client.get(space, "key").data == b"private"
        done = inside("cp", "videos/key", f"uvideo://{space}/named", "--links", "skip")
        assert done.code == 0 and shell.client.get(space, "named").data == b"private"  # it was named

    def test_keys_that_cannot_be_files(self, shell: Shell, inside: Inside) -> None:
        space = shell.space()
        bad = ["../up", "a//b", "x/../../y", "é" * 200]
        shell.fill(space, {**dict.fromkeys(bad, "bad"), "good": "1", "f": "2", "f/g": "3"})
        done = inside("cp", "-r", "-j1", f"uvideo://{space}/", "down/here", "--json")
        assert done.code == 1
        assert sorted(failed(done)) == sorted(f"uvideo://{space}/{key}" for key in [*bad, "f/g"])
        assert below(shell.folder) == ["down/here/f", "down/here/good"]

    def test_control_characters_of_keys_are_not_printed_to_a_terminal(self, shell: Shell) -> None:
        space = shell.filled({"a\x1b[2Jb": "1"})
        done = shell.terminal("cp", "-r", f"uvideo://{space}/", "down", answers={}, TERM="dumb")
        assert done.code == 0 and "\x1b[2J" not in done.out and r"a\x1b[2Jb" in done.out
        assert (shell.folder / "down" / "a\x1b[2Jb").read_text() == "1"

    def test_two_sources_do_not_take_one_place(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        (shell.folder / "a.mp4").write_text("other")
        done = inside("mv", "videos/a.mp4", "a.mp4", f"uvideo://{space}/", "--json")
        assert done.code == 1 and failed(done) == ["a.mp4"]
        assert (shell.folder / "a.mp4").read_text() == "other" and not (tree / "a.mp4").exists()

    def test_a_full_disk(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="x" * 100)
        done = inside("cp", f"uvideo://{space}/a", "/dev/full")
        assert done.code == 1 and "free some space" in done.err, done.err

    def test_what_is_not_there(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space()
        for words, said in (
            (["none", f"uvideo://{space}/"], "No such file"),
            (["*.none", f"uvideo://{space}/"], "no name matches"),
            ([f"uvideo://{space}/none", "x"], f"there is no object uvideo://{space}/none"),
            ([f"uvideo://{space}/none*", "x"], "nothing matches"),
            (["-r", f"uvideo://{space}/none", "x"], "there is no object"),
            (["uvideo://no-such-space/none", "x"], "there is no space no-such-space"),
            (["videos/a.mp4", "uvideo://no-such-space/none"], "there is no space no-such-space"),
        ):
            done = inside("cp", *words)
            assert done.code == 4 and said in done.err, (words, done)

    def test_wrong_keys_stop_at_once(self, shell: Shell, tree: Path) -> None:
        space = shell.space()
        done = shell("cp", "-r", "-j1", "videos", f"uvideo://{space}/", "--json", UVIDEO_PRIVATE_KEY="wrong-key")
        assert done.code == 3 and len(failed(done)) == 1
        assert "doctor" in check(done.err.splitlines()[0])["hint"]

    def test_a_wrong_proxy_stops_at_once_and_one_file_that_is_too_long_does_not(self, shell: Shell, tree: Path) -> None:
        space = shell.space()
        moved = {"Location": "https://elsewhere.example/?Signature=x"}
        for status, headers, code, failures in ((301, moved, 2, 1), (413, {}, 1, 1)):
            with FaultProxy("127.0.0.1", shell.server.port) as proxy:
                page = "<html><title>no</title></html>"
                proxy.on("PutObject").answer(status, body=page, headers={"Content-Type": "text/html", **headers})
                endpoint = f"127.0.0.1:{proxy.port}"
                done = shell("cp", "-r", "-j1", "videos", f"uvideo://{space}/", "--json", UVIDEO_ENDPOINT=endpoint)
                assert (done.code, len(failed(done))) == (code, failures), done
                assert len(proxy.log("PutObject")) == (1 if status == 301 else 4)


class TestMv:
    def test_the_source_is_removed_in_every_direction(self, shell: Shell, tree: Path) -> None:
        space, other = shell.space(), shell.space()
        assert shell("mv", "-r", "videos", f"uvideo://{space}/v").code == 0
        assert below(tree) == [] and len(keys(shell, space)) == 4
        assert shell("mv", "-r", f"uvideo://{space}/v/2026", f"uvideo://{other}/y").code == 0
        assert keys(shell, space) == ["v/a.mp4", "v/b.tmp"] and keys(shell, other) == ["y/c.mp4", "y/d e.txt"]
        done = shell("mv", f"uvideo://{space}/v/a.mp4", f"uvideo://{space}/w.mp4", "--json")
        assert check(done.lines[0])["action"] == "rename" and keys(shell, space) == ["v/b.tmp", "w.mp4"]
        assert shell("mv", f"uvideo://{other}/**", "back").code == 0
        assert keys(shell, other) == [] and below(shell.folder / "back") == ["y/c.mp4", "y/d e.txt"]

    def test_what_is_skipped_or_not_verified_stays(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(**{"a.mp4": "old"})
        assert inside("mv", "-n", "videos/a.mp4", f"uvideo://{space}/").code == 0
        assert (tree / "a.mp4").exists() and shell.client.get(space, "a.mp4").data == b"old"
        assert inside("mv", "-", f"uvideo://{space}/x").code == 2


class TestTargetsOfSeveralSources:
    @pytest.mark.parametrize("words", [["x/a", "y/a"], ["x/*", "y/*"], ["x/a", "x/a"]], ids=" ".join)
    def test_two_sources_never_have_the_same_target(self, shell: Shell, inside: Inside, words: list[str]) -> None:
        space = shell.space()
        for folder in ("x", "y"):
            (shell.folder / folder / "a").mkdir(parents=True)
            (shell.folder / folder / "a" / "1").write_text(folder)
        done = inside("cp", "-r", *words, f"uvideo://{space}/", "--jobs", "1")
        assert done.code == 1 and "another source has the same target" in done.err
        assert keys(shell, space) == ["a/1"] and shell.client.get(space, "a/1").data == b"x"

    def test_the_names_of_files_are_not_kept(self, shell: Shell, inside: Inside) -> None:
        """Beside the names of one folder.  Only sources whose targets may meet need more."""
        for folder in range(40):
            (shell.folder / "xy"[folder % 2] / str(folder)).mkdir(parents=True)
            for file in range(50):
                (shell.folder / "xy"[folder % 2] / str(folder) / str(file)).touch()
        context, target = Context(), Remote("space", "v/")

        def peak(*sources: Local) -> int:
            reader = FolderReader(context.report)
            tasks = Destinations(context.client, sources, target, True, reader).tasks(context.report.fail)
            tracemalloc.start()
            try:
                assert sum(1 for _ in tasks) == 2000
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        kept = Local("x/**"), Local("y/**")
        peak(*kept)  # what is loaded or compiled only once
        assert peak(Local("x"), Local("y")) + 50 * 2000 < peak(*kept)
        context.close()


class TestLinksMadeAfterTheListing:
    """A listing runs far ahead of the transfers, so a link may replace what it saw."""

    @pytest.mark.parametrize("move", [False, True])
    def test_of_the_source(self, shell: Shell, inside: Inside, tree: Path, move: bool) -> None:
        space = shell.space()
        context = Context()
        reader = FolderReader(context.report)
        source, target = Local("videos"), Remote(space, "v/")
        tasks = list(Destinations(context.client, [source], target, True, reader).tasks(context.report.fail))
        (shell.folder / "key").write_text("private")
        (tree / "b.tmp").unlink()
        (tree / "b.tmp").symlink_to("../key")
        (tree / "2026").rename(tree / "2025")
        (tree / "2026").symlink_to("..")
        (shell.folder / "c.mp4").write_text("private")
        Mover(context, MoverOptions(jobs=2, move=move), Display()).carry(tasks)
        context.close()
        assert keys(shell, space) == ["v/a.mp4"] and context.report.failed == 3
        assert (shell.folder / "key").exists() and (shell.folder / "c.mp4").exists()

    def test_of_the_target(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="1", d__b="2", e="3")
        context = Context()
        reader = FolderReader(context.report)
        source, target = Remote(space, ""), Local("m/")
        tasks = list(Destinations(context.client, [source], target, True, reader).tasks(context.report.fail))
        (shell.folder / "outside").mkdir()
        (shell.folder / "m" / "d").rmdir()
        (shell.folder / "m" / "d").symlink_to("../outside")
        (shell.folder / "m" / "e").symlink_to("../outside/e")
        Mover(context, MoverOptions(jobs=2), Display()).carry(tasks)
        context.close()
        assert below(shell.folder / "m") == ["a"] and not below(shell.folder / "outside")
        assert context.report.failed == 2

    def test_of_what_sync_deletes(self, shell: Shell, inside: Inside) -> None:
        mirror, outside = shell.folder / "m", shell.folder / "outside"
        (mirror / "d").mkdir(parents=True)
        (mirror / "d" / "a").write_text("surplus")
        context = Context()
        entries = list(FolderReader(context.report, links="files").files("m"))
        (mirror / "d").rename(outside)  # with the old times
        (mirror / "d").symlink_to("../outside")
        assert delete_all(context, entries, 2) == 0 and context.report.failed == 1
        assert below(outside) == ["a"]
