"""Parameters have types: one annotated Any says why in a comment on its line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECKED = ("uvideo/server", "uvideo/storage")


def untyped(source: str) -> Iterator[str]:
    """ "name:line" of each parameter that is annotated Any without a comment on its line."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name) and node.annotation.id == "Any":
            if "#" not in lines[node.lineno - 1]:
                yield f"{node.arg}:{node.lineno}"


@pytest.mark.parametrize("folder", CHECKED)
def test_parameters_have_types(folder: str) -> None:
    found = {str(path): list(untyped(path.read_text("utf-8"))) for path in (ROOT / folder).rglob("*.py")}
    assert len(found) > 10
    assert {path: names for path, names in found.items() if names} == {}


def test_a_parameter_without_a_type_is_found() -> None:
    assert list(untyped("def f(a: Any, *b: Any, c: int, **d: Any): ...\nlambda: 0")) == ["a:1", "b:1", "d:1"]
    assert list(untyped("def f(\n    a: Any,  # of JSON\n): ...")) == []
