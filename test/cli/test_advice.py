"""Everything a diagnosis can find has its text, in two languages, that fits its facts."""

from __future__ import annotations

import ast
import re

import pytest

from test.interpreters import ROOT
from uvideo.cli import doctor_text, i18n
from uvideo.diagnose.explain_refusal import CAUSES
from uvideo.models import Finding

SOURCES = ("checks", "signed_url", "explain_refusal")


def literals(name: str) -> list[str]:
    tree = ast.parse((ROOT / "uvideo" / "diagnose" / f"{name}.py").read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def called() -> list[ast.Call]:
    found = []
    for name in SOURCES:
        for node in ast.walk(ast.parse((ROOT / "uvideo" / "diagnose" / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                found.append(node)
    return found


def texts(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def test_every_code_has_its_text() -> None:
    said = set().union(*(texts(node.args[2]) for node in called() if len(node.args) > 2))
    assert said - doctor_text.FOUND.keys() == set()
    assert len(said) > 40


def test_every_cause_has_its_advice() -> None:
    written = {text for name in SOURCES for text in literals(name) if re.fullmatch(r"[a-z]+(-[a-z]+)+", text)}
    known = doctor_text.FOUND.keys() | doctor_text.ADVICE.keys() | doctor_text.TITLES.keys() | CAUSES.keys()
    assert written - known - {"round-trip", "uvideo-doctor"} == set()


def test_no_cause_has_the_code_of_another_finding() -> None:
    for table in (doctor_text.FOUND, doctor_text.ADVICE):
        assert CAUSES.keys() & table.keys() == set()


def test_nothing_is_said_of_what_cannot_be_found() -> None:
    written = {text for name in SOURCES for text in literals(name)}
    assert doctor_text.FOUND.keys() - written == set()
    assert doctor_text.ADVICE.keys() - written == set()


@pytest.mark.parametrize(
    "table",
    [
        doctor_text.TITLES,
        doctor_text.FOUND,
        doctor_text.ADVICE,
        {code: text for code, (text, _) in CAUSES.items()},
        {code: remedy for code, (_, remedy) in CAUSES.items()},
    ],
    ids=["titles", "found", "advice", "causes", "remedies"],
)
def test_every_text_has_its_chinese(table: dict[str, str]) -> None:
    plain = [text for text in table.values() if re.search("[a-z]{3}", re.sub(r"\{\w+\}", "", text))]
    commands = ("chmod ", "sudo ")
    assert [text for text in plain if text not in i18n.chinese() and not text.startswith(commands)] == []


def test_a_long_time_is_said_in_days() -> None:
    assert doctor_text.long_span(3 * 86400 + 7200) == "3 d 2 h"
    assert doctor_text.long_span(59) == "59.0 s"


def test_a_fact_can_be_any_text() -> None:
    finding = Finding("config", "failed", "config-bad", {"message": "a {brace} in it"})
    assert doctor_text.found(finding) == "a {brace} in it"
