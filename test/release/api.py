"""The published names of both packages with their signatures, as text: what a release must not break.

`python -m test.release.api` writes docs/api/*.txt anew.  An entry is a line `kind name` with its parts indented below:

    function uvideo.Client.get
        any space: str
        keyword start: int | None = None
        returns Content

any: by position or keyword; positional, keyword: only so; base: a class that it is one of; field: of a result, in
order; attribute: of other instances.
What runs on 2.7 too has its types from the comments in its source.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from test import comments
from test.interpreters import ROOT

FOLDER = ROOT / "docs" / "api"
#: Modules all of whose public names are published, and classes that only their instances are met of.
TOOLKIT = ("uvideo", "uvideo.errors", "uvideo.models", "uvideo.testing")
RETURNED = (
    *("uvideo.listing.AsyncListing", "uvideo.reader.Reader", "uvideo.writer.Writer"),
    *("uvideo.aiofile.AsyncReader", "uvideo.aiofile.AsyncWriter", "uvideo.faults.Fault", "uvideo.faults.Faults"),
)
#: The published names of the modules that programs of the SDK and of the older one import.
SDK = {
    "ucloud.auth": "Auth",
    "ucloud.compact": "b basestring builtin_str bytes is_py2 is_py3 numeric_types s str u",
    "ucloud.util": (
        "file_etag finishsharding_url initialsharding_url shardingupload_url standard_b64decode "
        "standard_b64encode ufile_getfilelist_url ufile_post_url ufile_put_url ufile_uploadhit_url "
        "urlsafe_b64decode urlsafe_b64encode"
    ),
    "ucloud.logger": "LOG_FILE logger set_log_file",
    "ucloud.ufile.baseufile": "BaseUFile",
    "ucloud.ufile.bucketmanager": "BucketManager UCLOUD_API_URL",
    "ucloud.ufile.config": (
        "BLOCKSIZE UCLOUD_API_URL UCLOUD_DOWNLOAD_SUFFIX UCLOUD_PROXY_SUFFIX USER_AGENT get_default set_default"
    ),
    "ucloud.ufile.deleteufile": "DeleteUFile",
    "ucloud.ufile.downloadufile": "DownloadUFile",
    "ucloud.ufile.getfilelist": "GetFileList",
    "ucloud.ufile.getufilelist": "GetFileList",
    "ucloud.ufile.httprequest": "ResponseInfo",
    "ucloud.ufile.magicwrapper": "Mimetype",
    "ucloud.ufile.multipartuploadufile": "MultipartUploadUFile",
    "ucloud.ufile.postufile": "PostUFile",
    "ucloud.ufile.putufile": "PutUFile",
    "ucloud.ufile.uploadhitufile": "UploadHitUFile",
    "ucloud.uvideo.config": "BLOCKSIZE UCLOUD_API_URL USER_AGENT get_default set_default unset_default",
    "ucloud.uvideo.deleteuvideo": "DeleteUVideo",
    "ucloud.uvideo.downloaduvideo": "DownloadUVideo",
    "ucloud.uvideo.filemanager": "FileManager Files",
    "ucloud.uvideo.handler": "Handler LOCAL NOT_VERIFIED NO_ANSWER ResponseInfo Signer",
    "ucloud.uvideo.multipartuploaduvideo": "MultipartUploadUVideo",
    "ucloud.uvideo.spacemanager": (
        "BucketManager Spaces UCLOUD_API_URL createspace deletespace describespace getfilelist updatespace"
    ),
}
KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "any",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
SPECIAL = ("__aiter__", "__anext__", "__call__", "__init__", "__iter__", "__len__", "__next__")
Dump = dict[str, list[str]]


class Parameter(NamedTuple):
    """kind: as in KINDS.  type and default as they are written, "" for none."""

    kind: str
    name: str
    type: str
    default: str

    def __str__(self) -> str:
        kind, given = f": {self.type}" if self.type else "", f" = {self.default}" if self.default else ""
        return f"{self.kind} {self.name}{kind}{given}"


class Signature(NamedTuple):
    """Of a function, self included."""

    parameters: list[Parameter]
    returns: str


class Source(NamedTuple):
    """functions: by qualified name.  attributes: of each class, name: type."""

    functions: dict[str, Signature]
    attributes: dict[str, dict[str, str]]


class Part(NamedTuple):
    """One line below an entry.  kind: any, field, returns ...  rest: type and default, as they stand there."""

    kind: str
    name: str
    type: str
    default: str | None


def written(node: comments.Function) -> Signature:
    """The signature of a function whose types are comments."""
    types = {name: kind for name, kind, _, _ in comments.commented(node)}

    def one(kind: str, each: ast.arg, default: ast.expr | None = None) -> Parameter:
        return Parameter(kind, each.arg, types.get(each.arg, ""), ast.unparse(default) if default is not None else "")

    given = node.args
    defaults = [None] * (len(given.args) - len(given.defaults)) + given.defaults
    found = [one("any", each, default) for each, default in zip(given.args, defaults, strict=True)]
    found += [one(kind, each) for kind, each in (("*", given.vararg), ("**", given.kwarg)) if each is not None]
    return Signature(found, types.get("return", ""))


@lru_cache
def source(module: str) -> Source:
    """What the source of a module of `ucloud` says."""
    tree = comments.parse((ROOT / module.replace(".", "/")).with_suffix(".py"))
    functions = {name: written(node) for name, node in comments.functions(tree).items()}
    return Source(functions, {name: comments.attributes(node) for name, node in comments.classes(tree).items()})


def spelled(annotation: object) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def default(value: object) -> str:
    """A default as it is written; of one without a form of its own, its class."""
    text = repr(value)
    return f"<{type(value).__name__}>" if " at 0x" in text or text.startswith("<") else text


def signature(found: Any, name: str) -> Signature:
    """The signature of a function, of `ucloud` as its source has it.

    name: what a function that was made by another one is called.
    """
    real = inspect.signature(found)
    defaults = {
        given: "" if each.default is inspect.Parameter.empty else default(each.default)
        for given, each in real.parameters.items()
    }
    if found.__module__.startswith("ucloud"):
        functions = source(found.__module__).functions
        known = functions.get(found.__qualname__) or functions.get(name)
        if known is not None:
            said = [each._replace(default=defaults.get(each.name, each.default)) for each in known.parameters]
            return Signature(said, known.returns)
    parameters = [
        Parameter(KINDS[each.kind], given, spelled(each.annotation), defaults[given])
        for given, each in real.parameters.items()
    ]
    return Signature(parameters, spelled(real.return_annotation))


def function(found: Any, name: str) -> list[str]:
    """The lines of a function, without self."""
    parameters, returns = signature(found, name)
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    return [*map(str, parameters), *([f"returns {returns}"] if returns else [])]


def fields(found: Any) -> list[str]:
    """The attributes of a class that are no methods: of results in order, of others as its source has them."""
    if dataclasses.is_dataclass(found):
        lines = []
        for each in dataclasses.fields(found):
            given = "" if each.default is dataclasses.MISSING else f" = {default(each.default)}"
            lines.append(f"field {each.name}: {spelled(each.type)}{given}")
        return lines
    if issubclass(found, tuple):
        owners = reversed(found.__mro__)
        types = {name: spelled(kind) for each in owners for name, kind in getattr(each, "__annotations__", {}).items()}
        defaults = {name: f" = {default(value)}" for name, value in found._field_defaults.items()}
        kinds = {name: f": {types[name]}" for name in found._fields if name in types}
        return [f"field {name}{kinds.get(name, '')}{defaults.get(name, '')}" for name in found._fields]
    if found.__module__.startswith("ucloud"):
        attributes = source(found.__module__).attributes.get(found.__name__, {})
        return [f"attribute {name}: {kind}" for name, kind in attributes.items() if not name.startswith("_")]
    return []


def members(found: type) -> Iterator[tuple[str, Any]]:
    """Its methods and properties, those of bases of ours too; of an error only its own, as its bases are published."""
    result = dataclasses.is_dataclass(found) or issubclass(found, tuple)
    known = {line.split(" ")[1].rstrip(":") for line in fields(found)}
    for name in sorted(dir(found)):
        home = next(each for each in found.__mro__ if name in vars(each))
        if (name.startswith("_") and name not in SPECIAL) or home.__module__.split(".")[0] not in ("ucloud", "uvideo"):
            continue
        if name in known or (result and name == "__init__") or (issubclass(found, Exception) and home is not found):
            continue
        member = inspect.getattr_static(found, name)
        if issubclass(found, Exception) and not inspect.isroutine(member):
            continue
        yield name, getattr(member, "__func__", member)


def describe(path: str, found: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield the entries of one published thing: (kind and name, lines)."""
    last = path.rpartition(".")[2]
    if inspect.isclass(found):
        bases = [f"base {each.__name__}" for each in found.__mro__[1:] if each not in (object, Generic)]
        yield f"class {path}", bases + fields(found)
        for name, member in members(found):
            yield from describe(f"{path}.{name}", member)
    elif inspect.isfunction(found):
        yield f"function {path}", function(found, last)
    elif isinstance(found, (property, functools.cached_property)):
        getter = found.fget if isinstance(found, property) else found.func
        yield f"property {path}", [line for line in function(getter, last) if line.startswith("returns ")]
    elif not inspect.ismodule(found) and not isinstance(found, TypeVar):
        yield f"value {path}", []


def toolkit() -> Dump:
    entries: Dump = {}
    for name in TOOLKIT:
        module = importlib.import_module(name)
        for each in getattr(module, "__all__", None) or _defined(module):
            entries.update(describe(f"{name}.{each}", getattr(module, each)))
    for path in RETURNED:
        home, _, name = path.rpartition(".")
        entries.update(describe(path, getattr(importlib.import_module(home), name)))
    return dict(sorted(entries.items(), key=lambda each: each[0].split(" ", 1)[1]))


def _defined(module: object) -> list[str]:
    home = getattr(module, "__name__", "")
    found = [name for name, each in vars(module).items() if getattr(each, "__module__", None) == home]
    return [name for name in found if not name.startswith("_")]


def sdk() -> Dump:
    entries: Dump = {"value ucloud.uvideo.__version__": []}
    for name, names in SDK.items():
        module = importlib.import_module(name)
        for each in names.split():
            entries.update(describe(f"{name}.{each}", getattr(module, each)))
    return dict(sorted(entries.items(), key=lambda each: each[0].split(" ", 1)[1]))


DUMPS = {"uvideo": toolkit, "ucloud": sdk}


def text(dump: Dump) -> str:
    return "".join("\n".join([entry, *(f"    {line}" for line in lines)]) + "\n" for entry, lines in dump.items())


def read(path: Path) -> Dump:
    found: Dump = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[list(found)[-1]].append(line.strip())
        elif line:
            found[line] = []
    return found


def part(line: str) -> Part:
    kind, _, rest = line.partition(" ")
    if kind in ("returns", "base"):
        return Part(kind, "" if kind == "returns" else rest, rest, None)
    before, mark, value = rest.partition(" = ")
    name, _, type_ = before.partition(": ")
    return Part(kind, name, type_, value if mark else None)


def compare(old: Dump, new: Dump) -> tuple[list[str], list[str]]:
    """(what breaks callers, what is merely new), a line each."""
    breaks = [f"{entry} is gone" for entry in old if entry not in new]
    added = [f"{entry} is new" for entry in new if entry not in old]
    for entry in old:
        if entry in new and old[entry] != new[entry]:
            bad, good = _changes([part(line) for line in old[entry]], [part(line) for line in new[entry]])
            breaks += [f"{entry}: {each}" for each in bad]
            added += [f"{entry}: {each}" for each in good]
    return breaks, added


def _changes(old: list[Part], new: list[Part]) -> tuple[list[str], list[str]]:
    breaks: list[str] = []
    added: list[str] = []
    was = {(each.kind in ("base", "returns"), each.name): each for each in old}
    now = {(each.kind in ("base", "returns"), each.name): each for each in new}
    for key, each in was.items():
        other = now.get(key)
        what = f"{each.kind} {each.name}".strip()
        if other is None:
            breaks.append(f"{what} is gone")
            continue
        if other.kind != each.kind:
            loosened = other.kind == "any" and each.kind in ("positional", "keyword")
            (added if loosened else breaks).append(f"{each.name} was {each.kind}, is {other.kind}")
        if other.type != each.type:
            breaks.append(f"{what} was {each.type or 'untyped'}, is {other.type or 'untyped'}")
        if other.default != each.default:
            line = f"{what} had {each.default or 'no default'}, has {other.default or 'no default'}"
            (added if each.default is None else breaks).append(line)
    for key, each in now.items():
        if key not in was:
            needed = each.kind in ("positional", "any", "keyword") and each.default is None
            (breaks if needed else added).append(f"{each.kind} {each.name} is new".replace("  ", " "))
    for kinds in (("positional", "any"), ("field",)):
        order = [each.name for each in old if each.kind in kinds]
        after = [each.name for each in new if each.kind in kinds]
        if [name for name in order if name in after] != [name for name in after if name in order] or (
            set(order) <= set(after) and after[: len(order)] != order
        ):
            breaks.append(f"the order was {', '.join(order)}, is {', '.join(after)}")
    return breaks, added


def main() -> int:
    """Write the dumps; what changed for callers goes to standard output."""
    FOLDER.mkdir(exist_ok=True)
    for name, dump in DUMPS.items():
        path, entries = FOLDER / f"{name}.txt", dump()
        breaks, added = compare(read(path) if path.exists() else {}, entries)
        path.write_text(text(entries), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(entries)} names, {len(breaks)} broken, {len(added)} new")
        for line in breaks:
            print(f"  breaks: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
