"""docs/faq.md: every command of the answers runs, in this process, and every answer is short and leads on."""

from __future__ import annotations

import os
import re
import shlex
import shutil

import pytest

from test.cli.inside import Inside
from test.cli.inside import inside as inside  # fixtures
from test.cli.shell import Shell
from test.cli.shell import shell as shell
from test.interpreters import ROOT
from test.pages import Page

PAGE = Page("docs/faq.md")


def test_every_command_of_an_answer_runs(shell: Shell, inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    space, old = shell.space(), os.environ.get("UVIDEO_LANG", "")
    shutil.copy(ROOT / "test" / "data" / "demo.mp4", shell.folder / "movie.mp4")
    done = 0
    for block in PAGE.blocks:
        text = block.text.replace("uvideo://films", f"uvideo://{space}")
        if block.kind == "python":
            exec(compile(text, PAGE.name, "exec"), {})
            done += 1
            continue
        assert block.kind == "sh"
        for line in text.splitlines():
            words = shlex.split(line)
            while "=" in words[0]:
                monkeypatch.setenv(*words.pop(0).split("=", 1))
            assert words.pop(0) == "uvideo"
            found = inside(*words)
            assert found.code == 0, f"{line}\n{found.out}{found.err}"
            monkeypatch.setenv("UVIDEO_LANG", old)
            done += 1
    assert done >= 15
    assert shell.client.exists(space, "movie.mp4")


def test_answers_are_short_and_lead_on() -> None:
    questions = [text for level, text in PAGE.headings if level == 3]
    assert 20 <= len(questions) <= 26 and all("?" in text for text in questions)
    for question in questions:
        answer = PAGE.text.partition(f"### {question}\n")[2].partition("\n#")[0]
        prose = re.sub(r"^```.*?^```$", "", answer, flags=re.MULTILINE | re.DOTALL).strip()
        assert len(prose.splitlines()) <= 6, question
        assert re.search(r"\]\([\w./-]+\.md(#[\w-]+)?\)", prose) or "`uvideo doctor`" in prose, question
