"""Parameters have types, annotated or in comments: few are Any, and each of them says why in a comment on its line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from test.comments import Function, commented, functions, parse

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ucloud", "uvideo")
#: Parameters that may be Any, in both packages together.
MOST = 16


def untyped(source: str) -> Iterator[tuple[str, int, bool]]:
    """(name, line, has a reason) of each parameter whose type is Any."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source, type_comments=True)):
        if isinstance(node, ast.arg):
            if node.annotation is not None and ast.unparse(node.annotation) == "Any":
                yield node.arg, node.lineno, "#" in lines[node.lineno - 1]
        elif isinstance(node, Function):
            for name, kind, line, has_reason in commented(node):
                if kind == "Any" and name != "return":
                    yield name, line, has_reason


def test_parameters_have_types() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py*") if path.suffix in (".py", ".pyi")]
    assert len(paths) > 200
    found = [(str(path), *each) for path in paths for each in untyped(path.read_text("utf-8"))]
    assert [each for each in found if not each[-1]] == []
    assert len(found) <= MOST


def test_a_parameter_without_a_type_is_found() -> None:
    source = "def f(a: Any, *b: Any, c: int,\n    **d: Any,  # of JSON\n): ...\nlambda: 0"
    assert sorted(untyped(source)) == [("a", 1, False), ("b", 1, False), ("d", 2, True)]
    source = "def f(self, a, b, **c):\n    # type: (int, Any, **Any) -> Any\n    pass"
    assert sorted(untyped(source)) == [("b", 1, False), ("c", 1, False)]
    assert list(untyped(source.replace("-> Any", "-> Any  # of JSON"))) == [("b", 1, True), ("c", 1, True)]
    source = "def f(\n    a,  # type: Any\n    b,  # type: Any  # of JSON\n):\n    # type: (...) -> int\n    pass"
    assert sorted(untyped(source)) == [("a", 2, False), ("b", 3, True)]


def test_the_stub_of_operations_names_the_results_that_are_decoded() -> None:
    folder = ROOT / "ucloud/uvideo/protocol"
    said = {
        name: ast.unparse(node.returns)
        for name, node in functions(parse(folder / "operation.pyi")).items()
        if node.returns
    }
    for module, method in (("answer", "_data"), ("management", "_action")):
        decoders = functions(parse(folder / f"{module}.py"))
        found = {
            f"{key.attr}.{method}": list(commented(decoders[value.id]))[-1][1].replace("operation.", "")
            for node in ast.walk(ast.parse((folder / f"{module}.py").read_text("utf-8")))
            if isinstance(node, ast.Dict)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Attribute) and isinstance(value, ast.Name) and value.id.startswith("_decode")
        }
        assert found
        wanted = {name: kind for name, kind in said.items() if name.endswith(f".{method}")}
        assert {name: kind for name, kind in wanted.items() if name in found or kind not in ("Done", "_R")} == found
