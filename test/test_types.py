"""Parameters have types: few are annotated Any, and each of them says why in a comment on its line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ucloud", "uvideo")
#: Parameters that may be annotated Any, in both packages together.
MOST = 12


def untyped(source: str) -> Iterator[tuple[str, int, bool]]:
    """(name, line, has a comment) of each parameter that is annotated Any."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name) and node.annotation.id == "Any":
            yield node.arg, node.lineno, "#" in lines[node.lineno - 1]


def test_parameters_have_types() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py*") if path.suffix in (".py", ".pyi")]
    assert len(paths) > 200
    found = [(str(path), *each) for path in paths for each in untyped(path.read_text("utf-8"))]
    assert [each for each in found if not each[-1]] == []
    assert len(found) <= MOST


def test_a_parameter_without_a_type_is_found() -> None:
    source = "def f(a: Any, *b: Any, c: int,\n    **d: Any,  # of JSON\n): ...\nlambda: 0"
    assert sorted(untyped(source)) == [("a", 1, False), ("b", 1, False), ("d", 2, True)]
