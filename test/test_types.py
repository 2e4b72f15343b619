"""Parameters have types, annotated or in comments: few are Any, and each of them says why in a comment on its line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from test import stubs

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ucloud", "uvideo")
#: Parameters that may be Any, in both packages together, those of a stub and of its module counted apart.
MOST = 16
#: Where a stub says more than a comment can: which names are taken by name.
CLOSER = {"ucloud.uvideo.protocol.errors": {"UVideoError.__init__"}, "ucloud.uvideo.config": {"set_default"}}

Function = ast.FunctionDef | ast.AsyncFunctionDef


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


def parameters(node: Function) -> list[ast.arg]:
    given = node.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [each for each in every if each is not None]


def commented(node: Function) -> Iterator[tuple[str, str, int, bool]]:
    """(name, type, line, has a reason) of each parameter in a function's comments, and of the result as "return"."""
    whole, _, reason = (node.type_comment or "").partition("#")
    if not whole:
        return
    found = ast.parse(whole, mode="func_type")
    names = parameters(node)
    if whole.startswith("(...)"):
        for each in names:
            kind, _, why = (each.type_comment or "").partition("#")
            if kind:
                yield each.arg, kind.strip(), each.lineno, bool(why)
    else:
        kinds = [ast.unparse(each) for each in found.argtypes]
        for each, kind in zip(names[len(names) - len(kinds) :], kinds, strict=True):
            yield each.arg, kind, node.lineno, bool(reason)
    yield "return", ast.unparse(found.returns), node.lineno, True


def functions(path: Path) -> dict[str, Function]:
    """The functions and methods of a source by qualified name, without setters and those that have overloads."""
    found: dict[str, Function] = {}
    tree = ast.parse(path.read_text("utf-8"), type_comments=True)
    for owner, body in [("", tree.body)] + [
        (f"{each.name}.", each.body) for each in tree.body if isinstance(each, ast.ClassDef)
    ]:
        for node in body:
            marks = [ast.unparse(each) for each in getattr(node, "decorator_list", [])]
            if isinstance(node, Function) and not any(mark.endswith(("overload", ".setter")) for mark in marks):
                found[owner + node.name] = node
    return found


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


def test_stubs_say_what_the_comments_say() -> None:
    checked, differ = 0, []
    for stub in stubs.stubs():
        module = ".".join(stub.with_suffix("").parts)
        bodies = functions(ROOT / stub.with_suffix(".py"))
        for name, node in functions(ROOT / stub).items():
            body = bodies.get(name)
            if body is None or not body.type_comment or name in CLOSER.get(module, ()):
                continue
            said = [(each.arg, ast.unparse(each.annotation)) for each in parameters(node) if each.annotation]
            said.append(("return", ast.unparse(node.returns) if node.returns else ""))
            checked += 1
            if [each[:2] for each in commented(body)] != said:
                differ.append(f"{stub}: {name}")
    assert differ == []
    assert checked


def test_the_stub_of_operations_names_the_results_that_are_decoded() -> None:
    folder = ROOT / "ucloud/uvideo/protocol"
    said = {
        name: ast.unparse(node.returns) for name, node in functions(folder / "operation.pyi").items() if node.returns
    }
    for module, method in (("answer", "_data"), ("management", "_action")):
        decoders = functions(folder / f"{module}.py")
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
