"""Every message has its Chinese form, with the same places, and nothing Chinese is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import click
import pytest

from test.interpreters import ROOT
from uvideo.cli import copy_item, i18n, program, verb_command
from uvideo.cli.verify import STATES
from uvideo.diagnose.explain_refusal import CAUSES
from uvideo.models import Verdict

SOURCES = sorted((ROOT / "uvideo" / "cli").glob("*.py"))
LOGGING = [
    path
    for folder in ("uvideo/client", "uvideo/config", "uvideo/transfer", "ucloud/uvideo/engine")
    for path in sorted((ROOT / folder).glob("*.py"))
]
PLACE = re.compile(r"\{(\w*)\}")
LOGGED = re.compile(r"%(?:\.\d+)?[a-z]")


def said(source: str) -> list[str]:
    """The texts that a source gives to say(), which must stand there as they are."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            found.extend(literals(node.args[0]))
    return found


def literals(node: ast.expr) -> list[str]:
    """The texts that an expression can be, as far as they stand in it."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [str(node.value)] if isinstance(node, ast.Constant) else []


def warnings() -> set[str]:
    """The texts of warnings in the log of the SDK, which the command shows."""
    found: set[str] = set()
    for path in LOGGING:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {
            each.targets[0].id: each.value
            for each in tree.body
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "_log.warning":
                for text in ast.walk(node.args[0]):
                    value = named.get(text.id) if isinstance(text, ast.Name) else text
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        found.add(value.value)
    return found


def declared() -> list[str]:
    """Summaries, texts, examples and options of all verbs."""
    found: list[str] = []

    def read(command: click.Command) -> None:
        assert isinstance(command, (verb_command.VerbCommand, verb_command.VerbGroup)), command
        found.extend([command.english, *command.paragraphs, *(each.text for each in command.examples)])
        found.extend(str(getattr(each, "english", "")) for each in command.params)
        for each in getattr(command, "commands", {}).values():
            read(each)

    read(program.commands)
    for name in program.VERBS:
        command = program.commands.get_command(click.Context(program.commands), name)
        assert command is not None
        read(command)
    return [text for text in found if text]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_message_has_its_chinese(path: Path) -> None:
    missing = [text for text in said(path.read_text(encoding="utf-8")) if text not in i18n.chinese()]
    assert missing == []


def test_every_help_text_has_its_chinese() -> None:
    assert [text for text in [*declared(), *copy_item.WORDS.values()] if text not in i18n.chinese()] == []


def test_every_warning_in_the_log_has_its_chinese() -> None:
    assert warnings() - set(i18n.chinese()) == set()
    for english in warnings():
        assert LOGGED.findall(i18n.chinese()[english]) == LOGGED.findall(english), english


def test_every_verdict_and_state_has_its_chinese() -> None:
    assert [text for text in (*get_args(Verdict), *STATES[1:]) if text not in i18n.chinese()] == []


def test_the_chinese_has_the_same_places() -> None:
    for english, chinese in i18n.chinese().items():
        assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(chinese)), english
        assert re.search("[\u4e00-\u9fff]", chinese) or not re.search("[a-z]{3}", PLACE.sub("", english)), english


def test_no_chinese_is_left_over() -> None:
    used = {text for pair in CAUSES.values() for text in pair}.union(declared(), get_args(Verdict), warnings())
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    assert sorted(set(i18n.chinese()) - used) == []


@pytest.mark.parametrize(
    "set_to, expected",
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "UVIDEO_LANG": "zh"}, "zh"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "C"}, "zh"),
        ({}, "en"),
    ],
)
def test_the_language_is_chosen(monkeypatch: pytest.MonkeyPatch, set_to: dict[str, str], expected: str) -> None:
    for name in i18n.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert i18n.language() == expected
    assert i18n.say("interrupted") == {"en": "interrupted", "zh": "已中断"}[expected]
