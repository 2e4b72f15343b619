"""What the reference, which is read from the source, does not see there by itself.

What AsyncClient takes from Client when it is made, options by their names, the errors, which are the SDK's, the types
of `ucloud`, which are comments, and the parameters in docstrings.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
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
    Parameter,
    ParameterKind,
    Parameters,
    get_annotation,
)

from docs.site import described
from test import comments
from uvideo import errors
from uvideo.client import options
from uvideo.config.settings import FIELDS

__all__ = ["Documented"]

KEYWORD = ParameterKind.keyword_only
#: Options of a client that are not settings.
OPTIONS = {"environ": "in place of this process's environment."}
#: Names of types that only this package has -> where they are said.
KINDS = {
    "Content": "client.stream.Content",
    "Source": "client.stream.Source",
    "Target": "transfer.download.Target",
    "AsyncContent": "client.aio.AsyncContent",
    "AsyncSource": "client.aio.AsyncSource",
}
#: What most methods take.
COMMON = {"space": "the name of a space.", "key": "the key of an object."}
#: A private module in front of a public name, and a private name.
_PRIVATE_HOME = re.compile(r"\b(?:_\w+\.)+(?=[A-Za-z])")
_PRIVATE = re.compile(r"\b_[A-Za-z]\w*")


class Documented(Extension):
    def on_package(self, *, pkg: Module, **_: Any) -> None:
        if pkg.name == "uvideo":
            for module in modules(pkg):
                for function in functions(module):
                    expand(function)
                    spell(pkg, function)
            base, client, aio = (
                pkg[f"client.{each}"] for each in ("base.BaseClient", "sync.Client", "aio.AsyncClient")
            )
            for each in (client, aio):
                each.members["__init__"] = copied(base.members["__init__"], each)
            complete(aio, client)
            for each in (client, aio):
                inherit(each, base)
            raised(pkg["errors"])
            settings = described.found(pkg["config.settings.Settings"].docstring.value, list(FIELDS)).meanings
            own = described.found(client.docstring.value, [each.name for each in client.members["__init__"].parameters])
            meanings = {**settings, **OPTIONS, **own.meanings}
            for module in modules(pkg):
                describe(module, meanings)
        elif pkg.name == "ucloud":
            for module in modules(pkg):
                if isinstance(module.filepath, Path):  # that of a namespace is a list
                    annotate(module, comments.parse(module.filepath.with_suffix(".py")))
                    describe(module, {})


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


def functions(found: Module | Class) -> Iterator[Function]:
    for each in found.members.values():
        if isinstance(each, Function):
            yield each
            yield from each.overloads or ()
        elif isinstance(each, Class):
            yield from functions(each)


def copied(function: Function, parent: Class) -> Function:
    """The function as another class has it."""
    made = Function(
        function.name, parameters=function.parameters, returns=function.returns, lineno=parent.lineno, parent=parent
    )
    made.labels = set(function.labels)
    if function.docstring is not None:
        made.docstring = Docstring(function.docstring.value, parent=made)
    return made


def inherit(cls: Class, base: Class) -> None:
    """Show the public members of the base class as the class's own."""
    for name, member in base.members.items():
        if name.startswith("_") or name in cls.members:
            continue
        if isinstance(member, Function):
            cls.members[name] = copied(member, cls)
        elif isinstance(member, Attribute):
            made = Attribute(name, annotation=member.annotation, lineno=cls.lineno, parent=cls)
            made.labels = set(member.labels)
            if member.docstring is not None:
                made.docstring = Docstring(member.docstring.value, parent=made)
            cls.members[name] = made


def expand(function: Function) -> None:
    """Show each option of a TypedDict in place of `**options`."""
    last = list(function.parameters)[-1:]
    kind = re.fullmatch(r"Unpack\[(\w+)\]", str(last[0].annotation)) if last else None
    taken = getattr(options, kind[1], None) if kind else None
    if taken is None:
        return
    found: Any = importlib.import_module(function.module.path)
    for name in function.path.removeprefix(function.module.path + ".").split("."):
        found = getattr(found, name)
    known = inspect.signature(found).parameters
    shown = [
        Parameter(
            name,
            kind=KEYWORD,
            annotation=annotation(getattr(type_, "__forward_arg__", str(type_)), function.module),
            default=repr(known[name].default) if name in known else "None",
        )
        for name, type_ in inspect.get_annotations(taken).items()
        if name not in function.parameters
    ]
    function.parameters = Parameters(*list(function.parameters)[:-1], *shown)


def spell(pkg: Module, function: Function) -> None:
    """Write out the types that only this package names."""
    for each in function.parameters:
        if function.module.path.startswith(("uvideo.client.", "uvideo.transfer.")) and str(each.annotation) in KINDS:
            each.annotation = annotation(written(pkg, str(each.annotation)), function.module)


def written(pkg: Module, name: str) -> str:
    value = str(pkg[KINDS[name]].value)
    return re.sub(r"\b(?:Content|Source)\b", lambda match: written(pkg, match[0]), value)


def raised(module: Module) -> None:
    """The errors, most of which are the SDK's: each with its base, text and codes."""
    for name in errors.__all__:
        cls = getattr(errors, name)
        base = next(each for each in cls.__mro__[1:] if each.__name__ in (*errors.__all__, "Exception"))
        made = Class(name, bases=[base.__name__], lineno=1, parent=module)
        said = inspect.cleandoc(cls.__doc__) if "__doc__" in vars(cls) and cls.__doc__ else ""
        told = said and not said.startswith("``")  # else the docstring begins with fields
        text = "" if told or cls is errors.UVideoError else f"{cls.message[:1].upper()}{cls.message[1:]}."
        codes = [
            f"{title} `{value}`"
            for title, value in (
                ("HTTP status", cls.status),
                ("RetCode", cls.ret_code),
                ("RetCode of the management API", cls.action_code),
            )
            if value is not None
        ]
        again = "The same request may succeed later." if cls.retryable else ""
        parts = (text, said, ", ".join(codes) + "." if codes else "", again)
        fields = [described.Parameter(each) for each in re.findall(r"``(\w+)``(?=[:,])", said)]
        text = described.markdown("\n\n".join(part for part in parts if part), fields, title="Fields")
        made.docstring = Docstring(text, parent=made)
        module.members[name] = made


def describe(module: Module, meanings: dict[str, str]) -> None:
    """Put signatures and lists of parameters into the docstrings, without private names."""
    if module.docstring is not None and "\n" in module.docstring.value:  # as written: an example is indented
        module.docstring.value = described.markdown(ast.literal_eval(module.docstring.source), [])
    for function in functions(module):
        if function.docstring is not None and function.name != "__init__":
            text = described.markdown(function.docstring.value, listed(function), COMMON)
            function.docstring.value = call(function, function.name) + text
    for cls in classes(module):
        for each in cls.members.values():
            if isinstance(each, Attribute) and each.docstring is not None and each.annotation is not None:
                each.docstring.value = f"`{public(each.annotation)}`\n\n{each.docstring.value}"
        start = cls.members.get("__init__")
        if cls.docstring is None:
            continue
        if isinstance(start, Function):
            whole = "settings" in start.parameters and "profile" in start.parameters  # a client
            text = described.markdown(cls.docstring.value, listed(start), meanings if whole else {})
            cls.docstring.value = call(start, cls.name) + text
        elif cls.module.path != "uvideo.errors":
            fields = []
            for each in cls.members.values():
                if not isinstance(each, Attribute) or "property" in each.labels or each.name.startswith("_"):
                    continue
                if "default_factory=_" in str(each.value):  # what makes an empty Mapping
                    each.value = annotation(_PRIVATE.sub("dict", str(each.value)), module)
                default = str(FIELDS[each.name].default) if cls.name == "Settings" else given(each.value)
                fields.append(described.Parameter(each.name, public(each.annotation), default))
            cls.docstring.value = described.markdown(cls.docstring.value, fields, title="Fields")


def call(function: Function, name: str) -> str:
    """The signature without types, as code.  mkdocstrings would start a process of ruff for each."""
    parts: list[str] = []
    for each in listed(function):
        kind = function.parameters[each.name.lstrip("*")].kind
        if kind == KEYWORD and not any(part.startswith("*") for part in parts):
            parts.append("*")
        parts.append(
            each.name if each.default is None else f"{each.name}={public(function.parameters[each.name].default)}"
        )
    returns = public(function.returns)
    made = f" -> {returns}" if returns and function.name != "__init__" else ""
    start = "await " if "async" in function.labels else ""
    text = f"{start}{name}({', '.join(parts)}){made}"
    lines = textwrap.wrap(text, 80, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return "```python\n" + "\n".join(lines) + "\n```\n\n"


def classes(found: Module | Class) -> Iterator[Class]:
    for each in found.members.values():
        if isinstance(each, Class):
            yield each
            yield from classes(each)


def listed(function: Function) -> list[described.Parameter]:
    """The parameters but self."""
    found = []
    for each in function.parameters:
        if each.name in ("self", "cls"):
            continue
        stars = {ParameterKind.var_positional: "*", ParameterKind.var_keyword: "**"}.get(each.kind, "")
        default = None if each.default is None or stars else public(each.default)
        if each.name in FIELDS and "profile" in function.parameters:  # a client's option: the setting's default
            default = str(FIELDS[each.name].default)
        found.append(described.Parameter(stars + each.name, public(each.annotation), default))
    return found


def public(shown: Any) -> str:
    """A type or a default without private names."""
    text = _PRIVATE_HOME.sub("", "" if shown is None else str(shown))
    return "..." if _PRIVATE.search(text) else text


def given(value: Any) -> str | None:
    """The default of a field of a dataclass; None of one without."""
    if value is None:
        return None
    made = re.match(r"field\((default|default_factory)=([\w.]+|\(\))", str(value))
    if made:
        return made[2] + ("()" if made[1] == "default_factory" else "")
    return None if str(value).startswith("field(") else public(value)
