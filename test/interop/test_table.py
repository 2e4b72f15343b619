"""docs/interop.md and the READMEs name what the tests run, no more and no less."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from test.interop import test_juicefs, test_packages, test_ucloud_sdk, test_ufile

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[(test/[\w/.]+)::(\w+)\]\(\.\./([\w/.]+)\)")
#: What a row with "in CI" must say of its versions.
RUN = {
    "Python `ufile`": {test_ufile.VERSION, *test_packages.OLDER_UFILE},
    "JuiceFS": {test_juicefs.JUICEFS},
    "`ucloud-sdk-python3`": {test_ucloud_sdk.UCLOUD_SDK_PYTHON3},
    "`requests-ucloud`": {test_packages.REQUESTS_UCLOUD},
    "`multibucket`": {test_packages.MULTIBUCKET},
}
#: How the READMEs call the clients of the page, where they do it otherwise: in English, in Chinese.
CALLED = {
    **{f"{name} SDK": (name, name) for name in ("Go", "Java", "C", "C++", "PHP", "Node", "C#")},
    "browser SDK": ("browsers", "浏览器"),
    "Hadoop adaptor": ("Hadoop adaptor", "Hadoop 适配器"),
    "UVideo client of 2016": ("UVideo client of 2016", "2016 年的 UVideo 客户端"),
}


@dataclass
class Row:
    client: str
    version: str
    run: str
    result: str
    date: str
    held: str

    @property
    def tests(self) -> list[tuple[str, str]]:
        return [(file, name) for file, name, _ in LINK.findall(self.held)]


def rows() -> list[Row]:
    table = PAGE.partition("## What was run")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines[1:]]


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_names_tests_that_exist() -> None:
    assert len(rows()) > 10
    for row in rows():
        assert row.tests, row.client
        for file, name in row.tests:
            assert name in functions(file), f"{row.client}: there is no {file}::{name}"
        assert row.date in ("in CI", "replayed") or re.fullmatch(r"20\d\d-\d\d-\d\d", row.date), row.client
    for file, _, target in LINK.findall(PAGE):
        assert file == target


def test_versions_are_those_that_the_tests_install() -> None:
    told: dict[str, set[str]] = {}
    for row in rows():
        if row.date == "in CI":
            told.setdefault(row.client, set()).update(re.findall(r"\d+(?:\.\d+)+", row.version))
    assert told == RUN


def test_every_client_of_the_page_has_its_requests_there() -> None:
    said = PAGE.partition("## What they send")[2].partition("\n## ")[0]
    sections = [line[4:] for line in said.splitlines() if line.startswith("### ")]
    for row in rows():
        assert any(row.client.lower() in section.lower() for section in sections), row.client


def test_every_replay_is_of_a_client_on_the_page() -> None:
    cited = {file for row in rows() for file, _ in row.tests}
    others = {
        "test_replays_callback.py",
        "test_replays_management.py",
        "test_replays_juicefs.py",
        "test_replays_requests.py",
    }
    here = {path.name for path in Path(__file__).parent.glob("test_replays*.py")} - others
    assert {f"test/interop/{name}" for name in here} <= cited


@pytest.mark.parametrize(("name", "language"), (("README.md", 0), ("README.zh.md", 1)))
def test_the_readmes_name_each_client_with_its_test(name: str, language: int) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for row in rows():
        called = CALLED.get(row.client, (row.client, row.client))[language]
        files = re.findall(rf"\[{re.escape(called)}\]\((test/interop/[\w.]+)\)", text)
        assert len(files) == 1, f"{name} does not name {called} with a test"
        held = {file for each in rows() if each.client == row.client for file, _ in each.tests}
        assert files[0] in held, f"{name} shows {called} by another test than the page"
