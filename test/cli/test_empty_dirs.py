"""--empty-dirs of cp, mv and sync."""

from __future__ import annotations

from pathlib import Path

import pytest

from test.cli.inside import Inside
from test.cli.shell import Shell


@pytest.fixture
def tree(shell: Shell) -> Path:
    folder = shell.folder / "t"
    for name in ("d/full", "d/none", "空/deep", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "d" / "full" / "a").write_text("1")
    return folder


MARKERS = ["d/full/a", "d/none/", "tmp/", "空/deep/"]


def keys(shell: Shell, space: str, prefix: str = "") -> list[str]:
    return [each.key[len(prefix) :] for each in shell.client.list(space, prefix)]


def folders(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir()}


def test_cp_up_and_down(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space()
    assert inside("cp", "-r", "t", f"uvideo://{space}/plain").code == 0
    assert keys(shell, space) == ["plain/d/full/a"]
    for _ in range(2):
        done = inside("cp", "-r", "t", f"uvideo://{space}/p", "--empty-dirs", "--exclude", "tmp/")
        assert done.code == 0, done.err
    assert keys(shell, space, "p/") == ["d/full/a", "d/none/", "空/deep/"]
    assert shell.client.stat(space, "p/d/none/").mime == "application/x-directory"
    done = inside("cp", "-r", f"uvideo://{space}/p", "back")
    assert done.code == 0, done.err
    assert folders(shell.folder / "back") == folders(tree) - {"tmp"}


def test_mv_removes_them(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.space()
    done = inside("mv", "-r", "t", f"uvideo://{space}", "--empty-dirs")
    assert done.code == 0, done.err
    assert keys(shell, space) == MARKERS
    assert folders(tree) == {"d", "d/full", "空"}


def test_sync_up(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.filled({"p/d/full/": "", "p/gone/": ""})
    words = ("sync", "t", f"uvideo://{space}/p", "--empty-dirs", "--delete", "-y")
    done = inside(*words, "--json")
    assert done.code == 0, done.err
    # the marker of a folder that the source has stays
    assert keys(shell, space, "p/") == ["d/full/", *MARKERS]
    assert (done.records[-1]["done"], done.records[-1]["deleted"]) == (4, 1)
    done = inside(*words, "--json")
    assert (done.code, done.records[-1]["done"], done.records[-1]["skipped"]) == (0, 0, 4), done.err
    assert inside("sync", "t", f"uvideo://{space}/p", "--delete", "-y").code == 0  # without the option they stay
    assert keys(shell, space, "p/") == ["d/full/", *MARKERS]


def test_sync_down(shell: Shell, inside: Inside, tree: Path) -> None:
    space = shell.filled({"d/full/": "", "d/full/a": "1", "new/": "", "tmp/file": "x"})
    words = ("sync", f"uvideo://{space}", "t", "--delete", "-y")
    for backup in ((), ("--backup-dir", "old")):
        done = inside(*words, "--empty-dirs", *backup)
        assert done.code == 0, done.err
        assert folders(tree) == {"d", "d/full", "new", "tmp", *([] if backup else ["空"])}
        assert (tree / "tmp" / "file").read_text() == "x"
    assert not (shell.folder / "old").exists()


def test_a_plan_has_no_empty_folders(inside: Inside, tree: Path) -> None:
    assert inside("sync", "t", "uvideo://x/p", "--empty-dirs", "--plan", "plan").code == 2
