"""Defects 29 to 34: settings, names, types and what the package says of itself."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import warnings
from pathlib import Path
from typing import Any

from test.regressions.defect import defect
from test.regressions.uploads import OPTIONS, Pieces
from test.regressions.world import World

ROOT = Path(__file__).resolve().parents[2]


@defect(
    29,
    "A handler keeps the settings of its first call",
    official=(
        "a handler that was used before switches to the host of a later set_default",
        "set_default(expires=0) is silently ignored",
    ),
    ours="a handler copies the settings at its first call; an invalid value raises ValueError",
)
def global_settings(world: World) -> None:
    key, config = world.key("a"), world.sdk.config
    world.put(key, b"x")
    deleter = world.sdk.deleter()
    deleter.deletefile(world.space, key)
    config.set_default(uploadsuffix=world.sdk.suffix(world.server))
    deleter.deletefile(world.space, key)
    world.check(
        len(world.seen("DeleteObject")) == 2,
        "a handler that was used before switches to the host of a later set_default",
    )
    _, _, raised = world.ends(lambda: config.set_default(expires=0))
    world.check(
        raised or config.get_default("expires") == 0,
        "set_default(expires=0) is silently ignored",
    )


def modules(world: World) -> list[Any]:
    """Every module of the SDK."""
    package = importlib.import_module("ufile" if world.official else "ucloud.uvideo")
    names = [each.name for each in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    return [package, *map(importlib.import_module, names)]


@defect(
    31,
    "str and bytes mean the builtin types",
    official=("compact redefines str and bytes, and util, which imports * from it, passes them on",),
    ours="one module handles differences between Python versions; no builtin type is redefined",
    limit="defect 20 is a consequence",
)
def builtins_are_shadowed(world: World) -> None:
    found = [each.__name__.rpartition(".")[2] for each in modules(world) if {"str", "bytes"} & set(vars(each))]
    if found:
        first, last = found[0], found[-1]
        world.found(f"{first} redefines str and bytes, and {last}, which imports * from it, passes them on")


@defect(
    32,
    "A call does not change warning filters, and media types are spelled correctly",
    official=(
        "resumeuploadfile changes the warning filters of the whole program",
        "the __name__ of resumeuploadfile is deprecated_func",
        "a stream that cannot seek is stored as application/octec-stream",
        "a file of unknown kind is stored as application/unknowntype",
    ),
    ours="no filter is changed; application/octet-stream",
)
def warnings_and_types(world: World) -> None:
    parts, before = world.sdk.parts(), list(warnings.filters)
    parts.uploadstream(world.space, world.key("a"), Pieces(b"hello"), **OPTIONS)
    world.ends(parts.resumeuploadfile)
    world.check(
        list(warnings.filters) == before,
        "resumeuploadfile changes the warning filters of the whole program",
    )
    name = type(parts).resumeuploadfile.__name__
    world.check(name == "resumeuploadfile", f"the __name__ of resumeuploadfile is {name}")
    kind = world.seen("UploadPart")[0]["headers"]["content-type"]
    world.check(kind == "application/octet-stream", f"a stream that cannot seek is stored as {kind}")
    source = world.file("source.nokind", b"hello")
    world.sdk.files().putfile(world.space, world.key("b"), str(source))
    kind = world.seen("PutObject")[0]["headers"]["content-type"]
    world.check(kind == "application/octet-stream", f"a file of unknown kind is stored as {kind}")


@defect(
    33,
    "The package's metadata is correct",
    official=(
        "the metadata says MIT, but the included licence is Apache 2.0",
        "the metadata does not say which Python versions it supports",
    ),
    ours="MIT in both; Python 2.7 and 3.6 and up are declared, and tested on every installed interpreter",
    limit="read from the installed wheel and our setup.cfg",
)
def metadata(world: World) -> None:
    if world.official:
        wheel = importlib.metadata.distribution("ufile")
        declared = [text for text in wheel.metadata.get_all("Classifier") or [] if "License" in text]
        licence, pythons = wheel.read_text("LICENSE") or "", wheel.metadata.get("Requires-Python")
        declares = "MIT" in declared[0]
    else:
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        declares, licence = setup["metadata"]["license"] == "MIT", (ROOT / "LICENSE").read_text()
        pythons = setup["options"].get("python_requires")
    if not declares or not ("Apache License" in licence or "MIT License" in licence):
        raise RuntimeError(f"{declares} {licence[:100]}")
    world.check("MIT License" in licence, "the metadata says MIT, but the included licence is Apache 2.0")
    world.check(pythons, "the metadata does not say which Python versions it supports")


@defect(
    34,
    "The public calls have types",
    official=("no function has a type, and there is no py.typed",),
    ours="type comments, which also work on 2.7, and py.typed",
    limit="only the types are compared: the wheel contains neither tests nor a command line of the official SDK",
)
def types(world: World) -> None:
    package = Path(importlib.import_module("ufile" if world.official else "ucloud.uvideo").__file__ or "").parent
    public = sorted(package.glob("*.py" if world.official else "*uvideo.py"))
    if not world.official:
        public += [package / f"{name}.py" for name in ("config", "handler", "spacemanager", "filemanager")]
    typed = total = 0
    for path in public:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), type_comments=True)):
            if isinstance(node, ast.FunctionDef):
                total += 1
                typed += node.returns is not None or node.type_comment is not None
    if not total:
        raise RuntimeError("no functions were found")
    world.check(
        typed == total and (package / "py.typed").exists(),
        "no function has a type, and there is no py.typed" if not typed else f"{typed} of {total} functions have types",
    )
