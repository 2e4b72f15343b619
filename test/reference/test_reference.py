"""docs/errors.md and docs/settings.md show the tables of the code, in both languages, and lack no name."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from test.interpreters import ROOT
from test.pages import Page, Reader
from test.reference import errors, settings
from test.reference.error_texts import TEXTS
from test.reference.section import written
from test.reference.setting_texts import MORE, OPTIONS, SDK
from test.reference.setting_texts import TEXTS as SETTING_TEXTS
from ucloud.uvideo import config
from uvideo.cli import program
from uvideo.errors import __all__ as PUBLIC

SECTIONS = [
    (source, language, name)
    for source in (errors, settings)
    for language in source.PAGES
    for name in source.sections("en")
]
#: Variables that no user sets: of tests, and between a server and the one that takes over.
INTERNAL = ("UVIDEO_TEST_", "UVIDEO_REQUIRE_", "UVIDEO_HANDOVER", "UVIDEO_SERVE", "UVIDEO_ADMIN_")


@pytest.mark.parametrize(
    ("source", "language", "name"), SECTIONS, ids=lambda each: getattr(each, "__name__", str(each)).rpartition(".")[2]
)
def test_the_page_shows_what_the_code_has(source: Any, language: str, name: str) -> None:
    assert written(source.PAGES[language], name) == source.sections(language)[name], "run: python -m test.reference"


def test_every_error_has_its_texts() -> None:
    names = [kind.__name__ for kind in errors.classes()]
    assert sorted(names) == sorted(TEXTS) and set(PUBLIC) <= set(names)
    assert len({text.meaning for text in TEXTS.values()}) == len(TEXTS)


def test_every_setting_has_its_text() -> None:
    assert list(SETTING_TEXTS) == list(settings.fields()) and OPTIONS.keys() <= SETTING_TEXTS.keys()


def test_every_argument_of_the_sdk_has_its_text() -> None:
    arguments = inspect.signature(config.set_default).parameters.values()
    assert list(SDK) == [each.name for each in arguments if each.kind is not each.VAR_KEYWORD]


def test_the_options_of_settings_exist() -> None:
    for option in [*OPTIONS.values(), *(names[3] for names, _, _ in MORE if names[3])]:
        verb, _, flag = option.rpartition(" ")
        command: Any = program.commands.get_command(
            program.commands.make_context("uvideo", ["--help"], resilient_parsing=True), verb or "cp"
        )
        assert any(flag in each.opts for each in command.params), option


def test_every_variable_of_the_code_is_on_the_page() -> None:
    page = Page(settings.PAGES["en"]).text
    named = {
        name
        for path in sorted((ROOT / "uvideo").rglob("*.py"))
        for name in re.findall(r"\bUVIDEO_[A-Z0-9_]*[A-Z]\b|\bUCLOUD_\w+_KEY\b", path.read_text(encoding="utf-8"))
    }
    assert {name for name in named if f"`{name}`" not in page and not name.startswith(INTERNAL)} == set()
    assert len(named) > 20


@pytest.mark.parametrize(
    "name", ["-148643", "-148658", "-30010", "403", "`SignatureDoesNotMatch`", "15010", "`certificate-expired`"]
)
def test_what_a_reader_saw_is_found(name: str) -> None:
    for page in errors.PAGES.values():
        assert f"| {name} |" in Page(page).text, name


def test_the_blocks_of_the_settings_run(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        assert len(list(reader.follow(Page(settings.PAGES["en"])))) == 4
