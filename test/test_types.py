"""Parameters have types, annotated or in comments: few are Any, and each of them says why in a comment on its line."""

from __future__ import annotations

import ast
import re
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
            if isinstance(node.annotation, ast.Name) and node.annotation.id == "Any":
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


IGNORED = re.compile(r"# type: ignore(\[[a-z, -]+\])?(  # \w.*)?$")


def unexplained(source: str) -> list[tuple[int, str]]:
    """(line, text) of each `type: ignore` without an error code, or without a reason behind it."""
    found = []
    for number, line in enumerate(source.splitlines(), 1):
        if "type: ignore" in line:
            match = IGNORED.search(line)
            if match is None or None in match.groups():
                found.append((number, line.strip()))
    return found


def test_what_the_type_checker_ignores_has_its_code_and_a_reason() -> None:
    """mypy --strict reports those that are not needed any more."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py*") if path.suffix in (".py", ".pyi")]
    found = {str(path.relative_to(ROOT)): unexplained(path.read_text("utf-8")) for path in paths}
    assert {path: lines for path, lines in found.items() if lines} == {}, "write  # type: ignore[code]  # the reason"


def test_a_type_ignore_without_code_or_reason_is_found() -> None:
    lines = ["a = b  # type: ignore", "a = b  # type: ignore[misc]", "a = b  # type: ignore  # why"]
    good = ["a = b  # type: ignore[misc]  # why", "a = b  # type: int  # type: ignore[arg-type,misc]  # why"]
    assert unexplained("\n".join([*lines, *good])) == list(enumerate(lines, 1))


PROTOCOL = ROOT / "ucloud/uvideo/protocol"
#: The columns of a table: what encodes and what decodes, an operation and its result.
COLUMNS = ("encode", "decode", "encode_result", "decode_result")


def rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(class of the operation, column -> name of the function) of each operation in the tables of a module."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if (
                    isinstance(key, ast.Attribute)
                    and isinstance(value, ast.Call)
                    and ast.unparse(value.func) == "Codec"
                ):
                    yield key.attr, named(COLUMNS, value.args)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "_Action":
            cls, _, *functions = node.args
            assert isinstance(cls, ast.Attribute)
            yield cls.attr, named(COLUMNS[2:], functions)


def named(columns: tuple[str, ...], found: list[ast.expr]) -> dict[str, str]:
    return {column: each.id for column, each in zip(columns, found, strict=False) if isinstance(each, ast.Name)}


def test_every_operation_is_written_and_read_by_functions_of_its_own_types() -> None:
    """Any stands in the tables: their types, the functions' and those that the stub says of results must agree."""
    stub = functions(parse(PROTOCOL / "operation.pyi"))
    results = {name: ast.unparse(node.returns or node) for name, node in stub.items()}
    known = {name: node for path in PROTOCOL.glob("*.py") for name, node in functions(parse(path)).items()}
    seen = set()
    for path in PROTOCOL.glob("*.py"):
        own = {**known, **functions(parse(path))}  # a name of the module's own, or of a family that it imports it from
        method = "_action" if path.stem == "management" else "_data"
        for cls, row in rows(path):
            result = results[f"{cls}.{method}"]
            types = {
                column: [kind.replace("operation.", "") for _, kind, _, _ in commented(own[name])]
                for column, name in row.items()
            }
            assert "decode_result" in row or result == "Done", cls
            assert cls in types.get("encode", [cls])[0].split(" | "), cls
            assert types.get("decode", [cls])[-1] == cls
            assert types.get("encode_result", [result])[0] == result, cls
            assert types.get("decode_result", [result])[-1] == result, cls
            seen.add(f"{cls}.{method}")
    planes = {"Data._data", "Management._action"}
    assert seen == {name for name in results if name.endswith(("._data", "._action"))} - planes


def test_no_named_tuple_has_another_base() -> None:
    """Python 3.10 refuses that when the module is imported."""
    trees = {
        path: ast.parse(path.read_text("utf-8")) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    }
    classes = [
        (path, each) for path, tree in trees.items() for each in ast.walk(tree) if isinstance(each, ast.ClassDef)
    ]
    bases = [(str(path), each.name, [ast.unparse(base) for base in each.bases]) for path, each in classes]
    assert len(bases) > 500
    assert [each for each in bases if len(each[2]) > 1 and {"NamedTuple", "typing.NamedTuple"} & set(each[2])] == []
