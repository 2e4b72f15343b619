"""What the reference, which is read from the source, does not see there by itself.

What AsyncClient takes from Client when it is made, and the types of `ucloud`, which are comments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from griffe import (
    Alias,
    Attribute,
    Class,
    Docstring,
    Expr,
    Extension,
    Function,
    Module,
    Object,
    ParameterKind,
    Parameters,
    get_annotation,
)

from test import comments

__all__ = ["Documented"]

KEYWORD = ParameterKind.keyword_only


class Documented(Extension):
    def on_package(self, *, pkg: Module, **_: Any) -> None:
        if pkg.name == "uvideo":
            complete(pkg["client.aio.AsyncClient"], pkg["client.sync.Client"])
        elif pkg.name == "ucloud":
            for module in modules(pkg):
                if isinstance(module.filepath, Path):  # that of a namespace is a list
                    annotate(module, comments.parse(module.filepath.with_suffix(".py")))


def modules(found: Module) -> Iterator[Module]:
    yield found
    for each in found.modules.values():
        yield from modules(each)


def annotate(module: Module, tree: ast.Module) -> None:
    """Give functions and attributes the types that their comments say."""
    for name, node in comments.functions(tree).items():
        found = member(module, name)
        types = {given: kind for given, kind, _, _ in comments.commented(node)}
        if isinstance(found, Function):
            found.returns = annotation(types.pop("return", None), module)
            for given, kind in types.items():
                found.parameters[given].annotation = annotation(kind, module)
        elif isinstance(found, Attribute):  # a property
            found.annotation = annotation(types.get("return"), module)
    for owner, cls in comments.classes(tree).items():
        for name, kind in comments.attributes(cls).items():
            found = member(module, f"{owner}.{name}")
            if isinstance(found, Attribute):
                found.annotation = annotation(kind, module)


def member(module: Module, name: str) -> Object | Alias | None:
    """None of one that is made inside of a function."""
    try:
        found: Object | Alias = module[name]
    except KeyError:
        return None
    return found


def annotation(kind: str | None, parent: Module) -> Expr | str | None:
    return None if kind is None else get_annotation(ast.parse(kind, mode="eval").body, parent)


def complete(cls: Class, model: Class) -> None:
    """As ``awaited``, ``threaded``, ``listed`` and ``documented_by`` do."""
    for name, member in list(cls.members.items()):
        if name.startswith("_") or name not in model.members:
            continue
        of = model.members[name]
        assert isinstance(of, Function)
        made = str(member.value).partition("(")[0] if isinstance(member, Attribute) else ""
        if made in ("awaited", "threaded", "listed"):
            listing = made == "listed"
            returns = annotation(f"Async{of.returns}", cls.module) if listing else of.returns
            method = Function(name, parameters=of.parameters, returns=returns, lineno=member.lineno, parent=cls)
            method.labels = set() if listing else {"async"}
            cls.members[name] = method
        elif isinstance(member, Function):
            method = member
        else:
            continue
        if method.docstring is None and of.docstring is not None:
            method.docstring = Docstring(of.docstring.value, parent=method)
        if "options" in method.parameters:
            given = [each for each in method.parameters if each.name != "options" and each.kind != KEYWORD]
            method.parameters = Parameters(*given, *(each for each in of.parameters if each.kind == KEYWORD))
