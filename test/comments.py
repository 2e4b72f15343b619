"""The types of what runs on 2.7 too, which are comments: read from a source, of which nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), type_comments=True)


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


def classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def functions(tree: ast.Module) -> dict[str, Function]:
    """The functions and methods of a source by qualified name, without setters and those that have overloads."""
    found: dict[str, Function] = {}
    owners = [("", list(_flat(tree.body)))]
    for owner, body in owners + [(f"{name}.", list(_flat(each.body))) for name, each in classes(tree).items()]:
        for node in body:
            marks = [ast.unparse(each) for each in getattr(node, "decorator_list", [])]
            if isinstance(node, Function) and not any(mark.endswith(("overload", ".setter")) for mark in marks):
                found.setdefault(owner + node.name, node)
    return found


def attributes(node: ast.ClassDef) -> dict[str, str]:
    """{name: type} of the attributes whose types the class itself or its __init__ says."""
    found: dict[str, str] = {}
    made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    for each in [*node.body, *(line for init in made for line in ast.walk(init))]:
        if isinstance(each, ast.Assign) and each.type_comment and (each in node.body or _is_of_self(each.targets[0])):
            kind = ast.parse(each.type_comment.partition("#")[0].strip(), mode="eval").body
            for target in each.targets:
                pairs = [(target, kind)]
                if isinstance(target, ast.Tuple) and isinstance(kind, ast.Tuple):
                    pairs = list(zip(target.elts, kind.elts, strict=True))
                found.update((ast.unparse(name), ast.unparse(one)) for name, one in pairs)
    return {name.removeprefix("self."): kind for name, kind in found.items()}


def _is_of_self(target: ast.expr) -> bool:
    return ast.unparse(target).lstrip("(").startswith("self.")


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements, those of both branches of an `if` among them."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _flat([*node.body, *node.orelse])
        else:
            yield node
