"""docs/terms.md: one Chinese word for each thing, in the pages, in the command's messages and in the console."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.interpreters import ROOT
from test.pages import Page
from uvideo.cli import i18n

TERMS = ("docs/terms.md", "docs/terms.zh.md")
SITES = [ROOT / "README.zh.md", *sorted((ROOT / "docs").rglob("*.zh.md"))]
WEB = ROOT / "uvideo" / "server" / "console" / "web"


def rows(page: str, section: int) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    lines = [line for line in Page(page).sections[section].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def twins() -> dict[str, str]:
    """{word that is not written: word that is}."""
    found = {}
    for _, better, worse in rows(TERMS[0], 3):
        for word in re.findall(r"`([^`]+)`", worse):
            found[word] = better
    return found


def wrong(text: str) -> list[str]:
    """The forbidden words of a text without its code, each with what stands around it."""
    text = re.sub(r"`[^`\n]*`", "`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return [
        f"{word} (write {better}): {text[max(0, found.start() - 12) : found.end() + 12]!r}"
        for word, better in twins().items()
        for found in re.finditer(re.escape(word), text)
    ]


def messages() -> Iterator[tuple[str, str]]:
    """(where, Chinese text) of every program."""
    for english, chinese in i18n.chinese().items():
        yield english, chinese
    for name, chinese in json.loads((WEB / "zh.json").read_text(encoding="utf-8")).items():
        yield name, chinese
    manual = ROOT / "packaging" / "share" / "man" / "zh_CN" / "man1" / "uvideo.1"
    yield "man", manual.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", SITES, ids=lambda path: path.name)
def test_a_chinese_page_uses_the_word_of_the_list(page: Path) -> None:
    assert wrong(page.read_text(encoding="utf-8")) == []


def test_the_chinese_messages_use_the_word_of_the_list() -> None:
    assert [(where, each) for where, text in messages() for each in wrong(text)] == []


def test_both_lists_have_the_same_words() -> None:
    english, chinese = ([row[:2] for row in rows(page, 2)] for page in TERMS)
    assert english == chinese and len(english) > 30
    assert rows(TERMS[0], 3) == rows(TERMS[1], 3)
    assert not set(twins()) & {word for row in english for word in row[1].split("、")}


def test_a_forbidden_word_is_found() -> None:
    assert wrong("一个文件夹") and not wrong("一个目录，`文件夹`")
