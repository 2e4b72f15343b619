"""sync in every direction, its guards, and plans that are applied later."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.records import check
from test.cli.shell import Done, Shell
from uvideo import etag
from uvideo.cli.etags import Etags
from uvideo.cli.walk import one_file


@pytest.fixture
def tree(shell: Shell) -> Path:
    folder = shell.folder / "t"
    (folder / "d").mkdir(parents=True)
    for name, text in (("a", "1"), ("d.x", "2"), ("d/e", "3")):
        (folder / name).write_text(text)
    return folder


def content(shell: Shell, space: str, prefix: str = "") -> dict[str, str]:
    found = shell.client.list(space, prefix)
    return {each.key[len(prefix) :]: shell.client.get(space, each.key).data.decode() for each in found}


def local(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def deeds(done: Done) -> tuple[int, int, int]:
    """(done, skipped, deleted)"""
    summary = check(done.lines[-1])
    return summary["done"], summary["skipped"], summary["deleted"]


def test_up_then_only_what_differs(shell: Shell, tree: Path) -> None:
    space = shell.space(p__old="x", q="y")
    target = f"uvideo://{space}/p"
    assert deeds(shell("sync", "t", target, "--json")) == (3, 0, 0)
    assert deeds(shell("sync", "t", target, "--json")) == (0, 3, 0)
    (tree / "a").write_text("9")  # of the same size
    (tree / "d" / "e").unlink()
    assert deeds(shell("sync", "t", target, "--json", "--size-only")) == (0, 2, 0)
    done = shell("sync", "t", target, "--json", "--delete", "-y")
    assert deeds(done) == (1, 1, 2), done.err
    assert content(shell, space, "p/") == local(tree) == {"a": "9", "d.x": "2"}
    assert content(shell, space)["q"] == "y"


def test_down_and_between_spaces(shell: Shell, inside: Inside) -> None:
    space, other = shell.space(a="1", **{"a.b": "2"}, a__c="3"), shell.space(x="9", a="0")
    done = inside("sync", f"uvideo://{space}/", f"uvideo://{other}", "--delete", "-y", "--json")
    assert deeds(done) == (3, 0, 1) and content(shell, other) == content(shell, space)
    assert deeds(inside("sync", f"uvideo://{space}", f"uvideo://{other}", "--json")) == (0, 3, 0)
    shell.client.delete(space, "a")
    (shell.folder / "m" / "z").mkdir(parents=True)
    (shell.folder / "m" / "z" / "y").write_text("surplus")
    assert deeds(inside("sync", f"uvideo://{space}/", "m", "--json")) == (2, 0, 0)
    done = inside("sync", f"uvideo://{space}/", "m", "--delete", "-y", "--json")
    assert deeds(done) == (0, 2, 1) and local(shell.folder / "m") == content(shell, space)


def test_other_content_of_the_old_size_and_time_is_noticed(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space()
    for path in tree.rglob("*"):
        os.utime(path, (1, 1))
    assert deeds(inside("sync", "t", f"uvideo://{space}/", "--json")) == (3, 0, 0)
    assert deeds(inside("sync", "t", f"uvideo://{space}/", "--json")) == (0, 3, 0)
    (tree / "a").write_text("8")
    os.utime(tree / "a", (1, 1))  # the same size, time and inode
    assert inside("verify", "t", f"uvideo://{space}/").code == 5
    assert deeds(inside("sync", "t", f"uvideo://{space}/", "--json")) == (1, 2, 0)
    cache = shell.home / ".cache" / "uvideo" / "etags.sqlite"
    cache.write_bytes(b"not a database at all" * 100)
    (tree / "a").write_text("9")
    assert deeds(inside("sync", "t", f"uvideo://{space}/", "--json")) == (1, 2, 0)
    assert content(shell, space)["a"] == "9"


def test_checksum_does_not_use_the_cache(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space(a="8", **{"d.x": "2", "d__e": "3"})
    time.sleep(0.1)  # until the file counts as unchanged
    with contextlib.closing(Etags(shell.home / ".cache" / "uvideo" / "etags.sqlite")) as etags:
        etags.uploaded(one_file(str(tree / "a"), "a"), etag(b"8"), time.time_ns())
    assert deeds(inside("sync", "t", f"uvideo://{space}/", "--json")) == (0, 3, 0)
    assert inside("verify", "t", f"uvideo://{space}/").code == 5
    assert deeds(inside("sync", "t", f"uvideo://{space}/", "--checksum", "--json")) == (1, 2, 0)
    assert inside("verify", "t", f"uvideo://{space}/").code == 0 and content(shell, space)["a"] == "1"


class TestGuards:
    def test_an_empty_or_missing_source_deletes_nothing(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="1")
        (shell.folder / "empty").mkdir()
        (shell.folder / "m").mkdir()
        (shell.folder / "m" / "f").write_text("1")
        for words, code in (
            (["empty", f"uvideo://{space}/"], 1),
            (["none", f"uvideo://{space}/"], 4),
            ([f"uvideo://{space}/none", "m"], 4),
            (["uvideo://no-such-space/", "m"], 4),
            (["m/f", f"uvideo://{space}/"], 2),
            (["m", "empty"], 2),
            ([f"uvideo://{space}/a", f"uvideo://{space}/a/b"], 2),
            (["m", f"uvideo://{space}/*"], 2),
        ):
            done = inside("sync", *words, "--delete", "-y")
            assert done.code == code and "Traceback" not in done.err, (words, done)
        assert content(shell, space) == {"a": "1"} and (shell.folder / "m" / "f").exists()

    def test_more_than_max_delete_deletes_nothing(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(**{f"x{number}": "1" for number in range(4)})
        done = inside("sync", "t", f"uvideo://{space}/", "--delete", "-y", "--max-delete", "3")
        assert done.code == 1 and "4 items would be deleted, more than --max-delete 3" in done.err
        assert len(content(shell, space)) == 7

    def test_a_failure_keeps_what_is_surplus(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(x="1")
        (tree / "broken").symlink_to("nowhere")
        done = inside("sync", "t", f"uvideo://{space}/", "--delete", "-y")
        assert done.code == 1 and "surplus items were not deleted" in done.err and "x" in content(shell, space)

    def test_what_a_filter_leaves_out_does_not_keep_it(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(x="1")
        (tree / "broken").symlink_to("nowhere")
        os.mkfifo(tree / "d" / "pipe")
        words = ("sync", "t", f"uvideo://{space}/", "--delete", "-y", "--exclude", "broken", "--exclude", "pipe")
        assert inside(*words).code == 0 and content(shell, space) == {"a": "1", "d.x": "2", "d/e": "3"}
        assert inside("verify", *words[1:3], *words[5:]).code == 0

    def test_what_is_skipped_is_not_surplus(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(link__b="1", link="2", linked="3", pipe="4", z="5")
        (shell.folder / "outside").mkdir()
        (tree / "link").symlink_to("../outside")
        (tree / "link-a").write_text("6")  # comes before link/
        os.mkfifo(tree / "pipe")
        words = ("sync", "t", f"uvideo://{space}/", "--delete", "-y", "--json")
        done = inside(*words)
        assert done.code == 1 and "z" in content(shell, space)  # the pipe failed
        done = inside(*words, "--skip-special")
        assert done.code == 0 and sorted(content(shell, space)) == [
            "a",
            "d.x",
            "d/e",
            "link",
            "link-a",
            "link/b",
            "pipe",
        ]
        summary = check(done.lines[-1])
        assert (summary["deleted"], summary["links"], summary["special"]) == (2, 1, 1)

    @pytest.mark.parametrize(("links", "to"), [("skip", "../o"), ("inside", "../none"), ("follow", "../none")])
    def test_what_lies_below_a_link_that_cannot_be_followed_is_not_surplus(
        self, shell: Shell, inside: Inside, tree: Path, links: str, to: str
    ) -> None:
        space = shell.space(**{"disk": "0", "disk/a.mp4": "1", "x.mp4": "3"})
        (shell.folder / "o").mkdir()
        (tree / "disk").symlink_to(to)
        (tree / "disk-a.mp4").write_text("2")
        words = ("sync", "t", f"uvideo://{space}/", "--delete", "-y", "--include", "*.mp4", "--links", links)
        done = inside(*words)
        assert done.code == 0 and sorted(content(shell, space)) == ["disk", "disk-a.mp4", "disk/a.mp4"], done

    def test_it_asks_before_it_deletes(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(x="1")
        assert inside("sync", "t", f"uvideo://{space}/", "--delete").code == 2
        assert content(shell, space) == {"x": "1"}
        done = shell.terminal("sync", "t", f"uvideo://{space}/", "--delete", answers={"[y/N]": "n"})
        assert "nothing is deleted" in done.out and "x" in content(shell, space)
        done = shell.terminal("sync", "t", f"uvideo://{space}/", "--delete", answers={"[y/N]": "y"})
        assert done.code == 0 and content(shell, space) == local(tree)

    def test_what_a_filter_leaves_out_is_not_deleted(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(keep__x="1", y="2")
        done = inside("sync", "t", f"uvideo://{space}/", "--delete", "-y", "--exclude", "keep/", "--exclude", "d.x")
        assert done.code == 0 and content(shell, space) == {"a": "1", "d/e": "3", "keep/x": "1"}

    def test_a_dry_run_changes_nothing(self, shell: Shell, inside: Inside, tree: Path) -> None:
        space = shell.space(x="1")
        done = inside("sync", "t", f"uvideo://{space}/", "--delete", "--dry-run", "--json")
        assert deeds(done) == (3, 0, 1) and content(shell, space) == {"x": "1"}
        down = inside("sync", f"uvideo://{space}/", "none/deep", "--dry-run")
        assert down.code == 0 and not (shell.folder / "none").exists()

    def test_what_a_link_leads_to_is_not_deleted(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="1", link__b="2")
        for name in ("m", "outside"):
            (shell.folder / name).mkdir()
        (shell.folder / "outside" / "precious").write_text("1")
        (shell.folder / "m" / "link").symlink_to("../outside")
        done = inside("sync", f"uvideo://{space}/", "m", "--delete", "-y")
        assert done.code == 1 and "leads out of" in done.err
        shell.client.delete(space, "link/b")
        assert inside("sync", f"uvideo://{space}/", "m", "--delete", "-y").code == 0
        assert local(shell.folder / "outside") == {"precious": "1"}
        for do in ("download", "delete"):
            place = {"path": str(shell.folder / "m" / "link" / "precious")}
            was = {**place, "size": 1, "mtime_ns": 0, "inode": 0}
            source = {"space": space, "key": "a", "size": 1, "etag": ""}
            steps = [
                {"uvideo-plan": 1, "source": f"uvideo://{space}/", "target": str(shell.folder / "m")},
                {"do": do, "to": place, "source": None if do == "delete" else source, "target": was},
                {"end": True, "steps": 1},
            ]
            steps[0]["endpoint"] = f"http://{shell.server.host}"
            (shell.folder / "plan").write_text("\n".join(json.dumps(step) for step in steps))
            done = inside("apply", "plan", "-y")
            assert done.code == 1 and "because of a link" in done.err
        assert local(shell.folder / "outside") == {"precious": "1"}

    def test_what_is_no_file_in_the_target_keeps_nothing_from_being_deleted(self, shell: Shell, inside: Inside) -> None:
        space, target = shell.space(a="1"), shell.folder / "m"
        target.mkdir()
        (target / "old").write_text("surplus")
        for name, to in (("broken", "nowhere"), ("self", "self"), ("through", "old/x")):
            (target / name).symlink_to(to)
        os.mkfifo(target / "pipe")
        (target / "piped").symlink_to("pipe")
        (target / os.fsdecode(b"\xff")).write_text("x")
        done = inside("sync", f"uvideo://{space}/", "m", "--delete", "-y", "--json")
        assert done.code == 0 and deeds(done) == (1, 0, 1), done.err
        left = {"a", "broken", "self", "through", "pipe", "piped", os.fsdecode(b"\xff")}
        assert {each.name for each in target.iterdir()} == left
        shell.client.put(space, "pipe", b"x")
        assert inside("sync", f"uvideo://{space}/", "m", "--delete", "-y").code == 1


class TestPlan:
    @pytest.fixture
    def planned(self, shell: Shell, inside: Inside, tree: Path) -> str:
        """A space whose sync is planned: a is new, d.x is another, d/e is the same, x and y are too many."""
        space = shell.space(**{"d.x": "0", "d__e": "3", "x": "1", "y": "1"})
        done = inside("sync", "t", f"uvideo://{space}/", "--delete", "--plan", "plan", "--json")
        assert done.code == 0, done.err
        records = [check(line) for line in done.lines]
        assert [each.get("action") for each in records].count("upload") == 2
        assert content(shell, space) == {"d.x": "0", "d/e": "3", "x": "1", "y": "1"}
        return space

    def test_it_is_applied_once(self, shell: Shell, tree: Path, planned: str) -> None:
        assert shell("apply", "plan").code == 2
        assert deeds(shell("apply", "plan", "--dry-run", "--json")) == (2, 0, 2)
        assert deeds(shell("apply", "plan", "-y", "--json")) == (2, 0, 2)
        assert content(shell, planned) == local(tree)
        assert deeds(shell("apply", "plan", "-y", "--json")) == (0, 2, 0)  # as after an interruption

    def test_what_changed_since_is_refused(self, shell: Shell, inside: Inside, tree: Path, planned: str) -> None:
        (tree / "a").write_text("changed")
        shell.client.put(planned, "d.x", b"changed")
        done = inside("apply", "plan", "-y")
        assert done.code == 1 and done.err.count("changed since the plan was made") == 2
        assert content(shell, planned) == {"d.x": "changed", "d/e": "3", "x": "1", "y": "1"}

    def test_a_surplus_object_that_changed_stays(self, shell: Shell, inside: Inside, tree: Path, planned: str) -> None:
        shell.client.put(planned, "x", b"changed")
        done = inside("apply", "plan", "-y")
        assert done.code == 1
        assert content(shell, planned) == {**local(tree), "x": "changed"}

    def test_it_is_for_one_service(self, shell: Shell, inside: Inside, planned: str) -> None:
        lines = (shell.folder / "plan").read_text().splitlines()
        head = {**json.loads(lines[0]), "endpoint": "http://elsewhere"}
        (shell.folder / "plan").write_text("\n".join([json.dumps(head), *lines[1:]]))
        done = inside("apply", "plan", "-y")
        assert done.code == 2 and "http://elsewhere" in done.err

    def test_a_plan_of_a_download(self, shell: Shell, inside: Inside) -> None:
        space = shell.space(a="1", b="2")
        (shell.folder / "m").mkdir()
        (shell.folder / "m" / "b").write_text("other")
        (shell.folder / "m" / "c").write_text("surplus")
        assert inside("sync", f"uvideo://{space}/", "m", "--delete", "--plan", "plan").code == 0
        assert deeds(inside("apply", "plan", "-y", "--json")) == (2, 0, 1)
        assert local(shell.folder / "m") == {"a": "1", "b": "2"}


def test_a_plan_may_lie_in_the_folder_that_it_is_about(shell: Shell, tree: Path) -> None:
    space = shell.space()
    for _ in range(2):  # the second time the first one's plan is there
        done = shell.sh(
            f"cd t && uvideo sync . uvideo://{space}/ --delete --plan plan.jsonl && uvideo apply plan.jsonl -y"
        )
        assert done.code == 0, done.err
        assert content(shell, space) == {"a": "1", "d.x": "2", "d/e": "3"}
    shell.fill(space, {"f": "4"})
    done = shell.sh(f"cd t && uvideo sync uvideo://{space}/ . --delete --plan plan.jsonl && uvideo apply plan.jsonl -y")
    assert done.code == 0, done.err
    assert sorted(local(tree)) == ["a", "d.x", "d/e", "f", "plan.jsonl"]


def test_the_folder_of_records_is_left_out(
    shell: Shell, inside: Inside, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the home directory, for example.  It may be made by the very command that lists the folder."""
    space, state = shell.space(t__state__old="kept"), tree / "state"
    monkeypatch.setenv("UVIDEO_STATE_DIR", str(state))
    note = "folder of uvideo's own records"
    names = {"a", "d.x", "d/e"}
    for words, code in (
        (["cp", "-r", "t", f"uvideo://{space}/t/"], 0),
        (["sync", "t", f"uvideo://{space}/t/", "--delete", "-y"], 0),
        (["cp", "-r", "t", f"uvideo://{space}/p/", "--exclude", "d/"], 0),
        (["verify", "--ignore-extra", "t", f"uvideo://{space}/t/"], 0),
    ):
        (state / "transfers").mkdir(parents=True, exist_ok=True)
        (state / "transfers" / "record").write_text("{}")
        done = inside(*words)
        assert done.code == code and done.err.count(note) == 1, (words, done)
    assert content(shell, space, "t/").keys() == {*names, "state/old"}
    assert content(shell, space, "p/").keys() == {"a", "d.x"}
    assert inside("sync", f"uvideo://{space}/p/", "t", "--delete", "-y").code == 0
    assert (state / "transfers" / "record").exists() and not (tree / "d" / "e").exists()
    assert note not in inside("cp", "-r", "t", f"uvideo://{space}/q/", "--exclude", "state/").err
    assert inside("cp", "-r", "t/state", f"uvideo://{space}/named/").code == 0
    assert "transfers/record" in content(shell, space, "named/")
