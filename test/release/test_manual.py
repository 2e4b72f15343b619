"""The man page and the completions are those of the command as it is, and programs that read them take them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from test import patience
from test.interpreters import ROOT
from test.release.conftest import called
from uvideo.cli.verbs import VERBS

SHARE = ROOT / "packaging" / "share"
PAGES = ("man/man1/uvideo.1", "man/zh_CN/man1/uvideo.1")
SCRIPTS = {
    "bash": "bash-completion/completions/uvideo",
    "zsh": "zsh/site-functions/_uvideo",
    "fish": "fish/vendor_completions.d/uvideo.fish",
}


def files(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text(encoding="utf-8") for name, path in sorted(found.items())}


def test_they_are_made_of_the_command_as_it_is(tmp_path: Path) -> None:
    called(sys.executable, "packaging/manual.py", "--out", tmp_path, UVIDEO_LANG="zh")
    made, kept = files(tmp_path), files(SHARE)
    assert set(made) == set(kept) == {*PAGES, *SCRIPTS.values()}
    for name, content in made.items():
        assert content == kept[name], f"packaging/share/{name} is out of date: run `make manual`"


def test_every_verb_is_in_both_pages() -> None:
    english, chinese = ((SHARE / name).read_text(encoding="utf-8") for name in PAGES)
    for name in VERBS:
        heading = re.compile(rf"^\.SS uvideo {name}( |$)".replace("-", r"\\-"), re.MULTILINE)
        assert heading.search(english) and heading.search(chinese), name
    assert english.count("\n.SS ") == chinese.count("\n.SS ") and english.count("\n.TP") == chinese.count("\n.TP")
    assert "transfers resume" in english and "~/.config/uvideo/config.toml" in english
    assert re.search("[一-鿿]", chinese) and not re.search("[一-鿿]", english)


def test_what_formats_man_pages_finds_nothing_wrong() -> None:
    tools = [
        ["mandoc", "-Tlint", "-Wwarning", "{page}"],
        ["man", "--warnings", "--local-file", "--encoding=UTF-8", "{page}"],
    ]
    for name in PAGES:
        for tool in tools:
            if shutil.which(tool[0]) is None:
                continue
            done = subprocess.run(
                [each.format(page=SHARE / name) for each in tool],
                capture_output=True,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"},
                timeout=patience.SECONDS,
            )
            said = [line for line in done.stderr.decode().splitlines() if "cannot adjust line" not in line]
            assert done.returncode == 0 and said == [], (name, tool[0], done.stdout[:500])


def test_what_is_shown_has_options_as_they_are_typed() -> None:
    text = (SHARE / PAGES[0]).read_text(encoding="utf-8")
    shown = re.sub(r"\\f.", "", text).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
    for line in ("--part-jobs", "uvideo cp -r videos uvideo://demo/videos --exclude '*.tmp'", "UVIDEO_PRIVATE_KEY"):
        assert line in shown
    assert not [line for line in text.splitlines() if re.search(r"(?<!\\)-", line) and not line.startswith((".", "'"))]


def test_a_script_is_what_the_command_prints() -> None:
    for shell, name in SCRIPTS.items():
        said = called(sys.executable, "-m", "uvideo", "completion", shell)
        assert said == (SHARE / name).read_text(encoding="utf-8")
        if shutil.which(shell) is not None:
            called(shell, "-n", SHARE / name)
