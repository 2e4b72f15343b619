"""Every recipe of docs/cookbook.md runs, in order and in one world, and prints what is below it; then an upgrade."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.forked import forked
from test.pages import Page, Reader, is_shown
from uvideo.cli.context import Context
from uvideo.cli.program import invoke
from uvideo.testing import serve

NAME, UPGRADING = "docs/cookbook.md", Page("docs/upgrading.md")
PAGES = [NAME, pytest.param(NAME.replace(".md", ".zh.md"), marks=pytest.mark.long)]
#: What a command does that runs until it is ended, and what needs files that are older than this test.
INSTEAD = {"--settle 60s": "--settle 0 --once", "--min-age 90d": "--min-age 0d", "--min-age 30d": "--min-age 0d"}


def plain(line: str) -> bool:
    """Whether it is one call of the command, with nothing for the shell but quotes."""
    return line.startswith("uvideo ") and not re.search(r"[|<>&;$`\\]|--exec", re.sub(r"'[^']*'", "", line))


class Cook:
    """Does blocks as a Reader does.  Python, and in English plain calls of the command, run in this process."""

    def __init__(self, reader: Reader, patch: pytest.MonkeyPatch, language: str) -> None:
        self._reader, self._patch, self._language = reader, patch, language

    def shell(self, text: str) -> str:
        if self._language != "en" or not all(map(plain, text.splitlines())):
            return self._reader.shell(text)
        with self._here() as out:
            for line in text.splitlines():
                with contextlib.closing(Context()) as context:
                    assert invoke(context, shlex.split(line)[1:]) == 0, line
        return out.getvalue()

    def python(self, text: str) -> str:
        with self._here() as out:
            exec(compile(text, NAME, "exec"), {"__name__": "__main__"})
        return out.getvalue()

    @contextlib.contextmanager
    def _here(self) -> Iterator[io.StringIO]:
        """In the reader's folder and environment; what is printed there."""
        given = {name: text for name, text in self._reader.environ.items() if name == "HOME" or "UVIDEO_" in name}
        with self._patch.context() as patched, contextlib.chdir(self._reader.folder):
            for name in [each for each in os.environ if each.startswith(("UVIDEO_", "XDG_"))]:
                patched.delenv(name)
            for name, text in given.items():
                patched.setenv(name, text)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                yield out


@pytest.mark.parametrize("name", PAGES)
def test_every_recipe_and_an_upgrade(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed, recipes, page = "", set(), Page(name)
    with Reader(tmp_path, page.language, commands=forked()) as reader:
        cook = Cook(reader, monkeypatch, page.language)
        for block in page.blocks:
            title = page.headings[block.section - 1][1]
            recipes.add(title)
            text = block.text
            for old, new in INSTEAD.items():
                text = text.replace(old, new)
            if title == "pandas":
                continue  # test/fs/test_howto.py runs it
            elif block.kind == "output":
                assert is_shown(printed, reader.text_of(text)), f"{title} printed\n{printed}"
            elif title == "pytest":
                (function,) = re.findall(r"^def (test_\w+)\(uvideo_server\):$", text, re.MULTILINE)
                defined: dict[str, Any] = {}
                exec(compile(text, NAME, "exec"), defined)
                with serve(tmp_path / "fixture") as server:
                    defined[function](server)
            elif block.kind == "python":
                printed = cook.python(text)
            elif text.startswith("uvideo serve"):
                reader.do(block.kind, text)
            else:
                printed = cook.shell(reader.text_of(text))
        assert len(recipes) > 20
        kept = cook.shell("uvideo find uvideo://films").split()
        assert "uvideo://films/camera/camera1.mp4" in kept and "uvideo://films/inbox/theirs.mp4" not in kept
        assert (reader.folder / "shown.mp4").read_bytes() == (reader.folder / "videos" / "b.mp4").read_bytes()
        for block in UPGRADING.blocks:
            cook.shell(block.text)
        assert cook.shell("uvideo find uvideo://films").split() == kept
        assert not (reader.folder / "older" / "credentials.json").exists()
