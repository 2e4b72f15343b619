"""sync --backup-dir: what it keeps, what it refuses, and that a failed backup changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.shell import Shell
from test.cli.test_sync import content, local


@pytest.fixture
def tree(shell: Shell) -> Path:
    folder = shell.folder / "t"
    (folder / "d").mkdir(parents=True)
    for name, text in (("a", "1"), ("d/e", "3"), ("same", "s")):
        (folder / name).write_text(text)
    return folder


def test_up(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space(p__a="old", p__same="s", p__gone__x="x")
    shell.client.put(space, "p/d/e", b"typed", mime="text/x-old", storage_class="IA")
    words = ("sync", "t", f"uvideo://{space}/p", "--delete", "-y", "--backup-dir", f"uvideo://{space}/backup")
    before = content(shell, space)
    done = inside(*words, "--dry-run")
    assert done.code == 0 and content(shell, space) == before, done.err
    done = inside(*words, "--json")
    assert done.code == 0, done.err
    assert content(shell, space, "p/") == local(tree)
    assert content(shell, space, "backup/") == {"a": "old", "d/e": "typed", "gone/x": "x"}
    kept = shell.client.stat(space, "backup/d/e")
    assert (kept.mime, kept.storage_class) == ("text/x-old", "IA")
    assert (done.records[-1]["done"], done.records[-1]["skipped"], done.records[-1]["deleted"]) == (2, 1, 1)


def test_a_backup_keeps_its_own_headers(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space()
    for name in ("a", "gone"):
        shell.client.put(space, f"p/{name}", b"old", headers={"Cache-Control": "max-age=1", "Content-Language": "de"})
    words = ("sync", "t", f"uvideo://{space}/p", "--delete", "-y", "--backup-dir", f"uvideo://{space}/backup")
    done = inside(*words, "--cache-control", "max-age=2")
    assert done.code == 0, done.err
    assert shell.client.stat(space, "p/a").headers == {"Cache-Control": "max-age=2"}
    for name in ("a", "gone"):
        kept = shell.client.stat(space, f"backup/{name}").headers
        assert kept == {"Cache-Control": "max-age=1", "Content-Language": "de"}


def test_down(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space(a="new", same="s")
    words = ("sync", f"uvideo://{space}", "t", "--delete", "-y", "--backup-dir", "old/deep")
    done = inside(*words, "--dry-run")
    assert done.code == 0 and not (shell.folder / "old").exists(), done.err
    done = inside(*words)
    assert done.code == 0, done.err
    assert local(tree) == {"a": "new", "same": "s"}
    assert local(shell.folder / "old" / "deep") == {"a": "1", "d/e": "3"}


def test_a_failed_backup_keeps_the_original(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space(a="new", same="s")
    (shell.folder / "old" / "a").mkdir(parents=True)  # where the backup would be
    done = inside("sync", f"uvideo://{space}", "t", "--delete", "-y", "--backup-dir", "old")
    assert done.code == 1 and "Traceback" not in done.err
    assert local(tree) == {"a": "1", "d/e": "3", "same": "s"}
    shell.fill(space, {"p/a": "old"})
    done = inside("sync", "t", f"uvideo://{space}/p", "--backup-dir", "uvideo://no-such-space/x")
    assert done.code == 1 and "there is no space no-such-space" in done.err
    assert content(shell, space, "p/")["a"] == "old"


def test_a_link_in_the_backup_leads_nowhere_else(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space(a="1", same="s")
    (shell.folder / "old").mkdir()
    (shell.folder / "outside").mkdir()
    (tree / "d" / "deep").mkdir()
    (tree / "d" / "e").rename(tree / "d" / "deep" / "e")
    (shell.folder / "old" / "d").symlink_to(shell.folder / "outside")
    done = inside("sync", f"uvideo://{space}", "t", "--delete", "-y", "--backup-dir", "old")
    assert done.code != 0
    assert local(tree)["d/deep/e"] == "3" and not list((shell.folder / "outside").iterdir())


def test_a_failed_download_brings_the_file_back(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space(same="s")
    shell.client.put(space, "a", b"frozen", storage_class="ARCHIVE")  # cannot be read
    done = inside("sync", f"uvideo://{space}", "t", "--backup-dir", "old")
    assert done.code == 1, done.err
    assert local(tree)["a"] == "1" and local(shell.folder / "old") == {}


def test_what_is_refused(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space(p__a="old")
    up, down = ("t", f"uvideo://{space}/p"), (f"uvideo://{space}/p", "t")
    for words in (
        (*up, "--backup-dir", f"uvideo://{space}/p/old"),
        (*up, "--backup-dir", f"uvideo://{space}"),
        (*up, "--backup-dir", "old"),
        (*up, "--backup-dir", "-"),
        (*up, "--backup-dir", f"uvideo://{space}/b", "--plan", "plan"),
        (*down, "--backup-dir", "t/old"),
        (*down, "--backup-dir", "."),
        (*down, "--backup-dir", "t/a"),
        (*down, "--backup-dir", f"uvideo://{space}/old"),
    ):
        done = inside("sync", *words)
        assert (done.code, done.out) == (2, ""), words
    assert content(shell, space) == {"p/a": "old"} and local(tree)["a"] == "1"
