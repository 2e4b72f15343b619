"""What AsyncClient takes from Client when it is made, for the reference, which is read from the source."""

from __future__ import annotations

from typing import Any

from griffe import Attribute, Class, Docstring, Extension, Function, Module, ParameterKind, Parameters

__all__ = ["Documented"]

KEYWORD = ParameterKind.keyword_only


class Documented(Extension):
    def on_package(self, *, pkg: Module, **_: Any) -> None:
        if pkg.name == "uvideo":
            complete(pkg["client.aio.AsyncClient"], pkg["client.sync.Client"])


def complete(cls: Class, model: Class) -> None:
    """As ``awaited`` and ``documented_by`` do."""
    for name, member in list(cls.members.items()):
        if name.startswith("_") or name not in model.members:
            continue
        of = model.members[name]
        assert isinstance(of, Function)
        if isinstance(member, Attribute) and str(member.value).startswith("awaited("):
            method = Function(name, parameters=of.parameters, returns=of.returns, lineno=member.lineno, parent=cls)
            method.labels = {"async"}
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
