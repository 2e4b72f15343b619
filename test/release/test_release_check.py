"""`make release-check` finds what must not be released, and its checklist is the one of docs/release.md."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test import patience
from test.interpreters import ROOT

PAGES = ("README.md", "README.zh.md", "docs/performance.md", "docs/reliability.md", "docs/why.md")


def check(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, tree / "packaging" / "release_check.py", *options],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
    )


def git(tree: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], cwd=tree, check=True)


def ago(days: int) -> str:
    return (datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days)).isoformat()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with pages that quote a figure of today, and the script."""
    tree = tmp_path / "tree"
    for name in PAGES:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(f"# A page\n\nMeasured on {ago(0)}: 5 ms.\n", "utf-8")
    (tree / "packaging").mkdir()
    shutil.copy(ROOT / "packaging" / "release_check.py", tree / "packaging")
    (tree / ".gitignore").write_text("/.cache/\n", "utf-8")
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "A page.")
    return tree


def test_the_checklist_is_the_one_of_the_page() -> None:
    listed = check(ROOT, "--list").stdout.splitlines()
    page = (ROOT / "docs" / "release.md").read_text("utf-8")
    rows = [
        line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `") and line.count("|") == 3
    ]
    assert [f"{name.strip('`')}: {promise}" for name, promise in rows] == listed
    assert "make release-check" in page


def test_figures_of_the_last_month_hold(tree: Path) -> None:
    done = check(tree, "--only", "committed,figures")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("all hold: 2 of 9 checks\n")


@pytest.mark.parametrize("page", PAGES)
def test_an_old_figure_is_named_with_its_line(tree: Path, page: str) -> None:
    with (tree / page).open("a", encoding="utf-8") as file:
        file.write(f"And on {ago(29)} and {ago(32)}: 7 ms.\n")
    git(tree, "commit", "--quiet", "--all", "--message", "An older figure.")
    done = check(tree, "--only", "figures")
    assert done.returncode == 1
    assert f"\n{page}:4: {ago(32)}\n" in done.stderr and ago(29) not in done.stderr
    assert "measure again" in done.stderr and "Traceback" not in done.stderr


def test_what_was_not_committed_stops_it_before_anything_else(tree: Path) -> None:
    (tree / "new.txt").write_text("x", "utf-8")
    done = check(tree)
    assert done.returncode == 1 and "not committed: new.txt" in done.stderr
    assert done.stdout == "committed: nothing is left to commit ... no\n"


def test_the_output_of_a_command_that_fails_is_shown(tree: Path) -> None:
    (tree / "Makefile").write_text(".PHONY: docs\ndocs:\n\t@echo a broken link in a.md; false\n", "utf-8")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "A Makefile.")
    done = check(tree, "--only", "docs")
    assert done.returncode == 1 and done.stdout.endswith("... no\n")
    assert "make docs: exit code 2" in done.stderr and "a broken link in a.md" in done.stderr


def test_arguments_of_make_stay_with_the_check_itself(tree: Path) -> None:
    (tree / "Makefile").write_text(
        f"check:\n\t{sys.executable} packaging/release_check.py $(ARGS)\n"
        '.PHONY: docs\ndocs:\n\t@echo "given: <$(ARGS)>"; false\n',
        "utf-8",
    )
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "A Makefile.")
    done = subprocess.run(["make", "check", "ARGS=--only docs"], cwd=tree, capture_output=True, text=True)
    assert "given: <>" in done.stderr and done.returncode == 2


def test_a_check_that_does_not_exist_is_refused(tree: Path) -> None:
    done = check(tree, "--only", "figures,figure")
    assert done.returncode == 1 and "there is no check 'figure': choose from committed," in done.stderr
