"""Which room may import what, read out of the sources: the rules of the tree.

A rule says of the modules it is about which imports it allows.  Each is shown to fail on a source that breaks it.
"""

from __future__ import annotations

import ast
import functools
import graphlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

import uvideo

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("ucloud", "uvideo")

# What the protocol core needs of the standard library: values in, values out.
VALUES = {
    "__future__",
    "base64",
    "binascii",
    "collections",
    "decimal",
    "email.utils",
    "hashlib",
    "hmac",
    "json",
    "re",
    "struct",
    "sys",
    # For type checkers alone, which read them below `if TYPE_CHECKING`: 2.7 has neither.
    "typing",
    "typing_extensions",
}
#: What the S3 protocol needs beside that, and what it shares with the other dialects.
S3_VALUES = VALUES | {
    "abc",
    "codecs",
    "collections.abc",
    "dataclasses",
    "enum",
    "functools",
    "itertools",
    "math",
    "types",
    "urllib.parse",
    "xml.parsers.expat",
    "zlib",
}
S3_SHARED = (
    *("byterange", "compat", "condition", "dates", "errors", "etag", "expiry", "field", "json_document", "location"),
    *("message", "restore"),
)
FRAMEWORKS = (
    "aiohttp",
    "sqlite3",
    "asyncpg",
    "obstore",
    "os",
    "os.path",
    "io",
    "pathlib",
    "shutil",
    "tempfile",
    "socket",
)


class Import(NamedTuple):
    """module imports name; `from a.b import c` counts as a.b.c where the target is a package of ours, and as a.b.

    for_types: it stands below `if TYPE_CHECKING`, so that nothing is imported at run time.
    """

    module: str
    name: str
    line: int
    for_types: bool = False

    def is_in(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(package + ".") for package in packages)


@functools.cache
def imports(module: str, source: str, package: bool = False) -> list[Import]:
    """Every import of a source, those inside functions too, relative ones resolved."""
    found = []
    tree = ast.parse(source)
    checked = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    for_types = {each for node in checked for below in node.body for each in ast.walk(below)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.append(Import(module, alias.name, node.lineno, node in for_types))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".") if package else module.split(".")[:-1]
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                is_ours = base.split(".")[0] in FOLDERS
                name = f"{base}.{alias.name}" if is_ours else base
                found.append(Import(module, name, node.lineno, node in for_types))
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if called in ("__import__", "import_module") and node.args and isinstance(node.args[0], ast.Constant):
                found.append(Import(module, str(node.args[0].value), node.lineno))
    return found


@functools.cache
def modules() -> list[tuple[str, str, bool]]:
    """(name, source, whether it is a package) of each."""
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            package = parts[-1] == "__init__"
            found.append((".".join(parts[:-1] if package else parts), path.read_text(encoding="utf-8"), package))
    return found


def inside(module: str, *packages: str) -> bool:
    return Import("", module, 0).is_in(*packages)


#: What gevent replaces in the standard library, by putting other names into these modules.
REPLACED = {"queue", "Queue", "select", "socket", "ssl", "subprocess", "thread", "_thread", "threading", "time"}


def bound(source: str) -> list[str]:
    """Names that a source takes out of those modules when it is imported."""
    tree = ast.parse(source)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return [alias.name for node in found if node.module in REPLACED for alias in node.names]


def test_the_sdk_uses_what_gevent_replaced() -> None:
    """Programs patch after their imports: a name taken before would block every greenlet."""
    assert bound("try:\n    from queue import SimpleQueue as Queue\nexcept ImportError:\n    import Queue") == [
        "SimpleQueue"
    ]
    taken = {name: bound(source) for name, source, _ in modules() if inside(name, "ucloud")}
    assert {name: names for name, names in taken.items() if names} == {}


def protocol_imports_values_only(each: Import) -> bool:
    if not inside(each.module, "ucloud.uvideo.protocol"):
        return True
    if each.name == "sys":
        return each.module == "ucloud.uvideo.protocol.compat"  # the only file that asks for the version
    return each.name in VALUES or each.is_in("ucloud.uvideo.protocol")


def sdk_stands_alone(each: Import) -> bool:
    return not inside(each.module, "ucloud") or not each.is_in("uvideo")


#: What it says of the environment, and what is carried over a session of it.
USERS_OF_REQUESTS = ("ucloud.uvideo.http.proxy", "ucloud.uvideo.http.trust", "ucloud.uvideo.http.requests_session")


def only_some_import_requests(each: Import) -> bool:
    if not inside(each.module, "ucloud"):
        return not each.is_in("requests", "urllib3")
    return each.module in USERS_OF_REQUESTS or each.for_types or not each.is_in("requests", "urllib3")


def wire_knows_no_socket(each: Import) -> bool:
    if each.module != "ucloud.uvideo.http.wire":
        return True
    return each.name in VALUES or each.is_in("ucloud.uvideo.protocol")


def engine_imports_no_handler(each: Import) -> bool:
    """http knows protocol only; engine both; neither knows the published modules above them."""
    if not inside(each.module, "ucloud.uvideo.http", "ucloud.uvideo.engine") or not each.is_in("ucloud"):
        return True
    allowed = ["ucloud.uvideo.protocol", "ucloud.uvideo.__version__", "ucloud.uvideo.http"]
    return each.is_in(*allowed, *(["ucloud.uvideo.engine"] if inside(each.module, "ucloud.uvideo.engine") else []))


def only_core_imports_ucloud(each: Import) -> bool:
    return not inside(each.module, "uvideo") or each.module == "uvideo._core" or not each.is_in("ucloud")


def s3_imports_values_only(each: Import) -> bool:
    """awscrt makes checksums faster where it is installed."""
    if not inside(each.module, "uvideo.s3"):
        return True
    return each.name in S3_VALUES or each.is_in("uvideo.s3", "awscrt", *(f"uvideo._core.{name}" for name in S3_SHARED))


def storage_knows_errors_and_files_only(each: Import) -> bool:
    if not inside(each.module, "uvideo.storage") or not each.is_in("uvideo"):
        return True
    return each.is_in("uvideo.storage", "uvideo._core.errors", "uvideo._core.json_document", "uvideo._core.localfile")


def storage_knows_no_http(each: Import) -> bool:
    if not inside(each.module, "uvideo.storage") or each.name == "urllib.parse":
        return True
    return not each.is_in("aiohttp", "http", "requests", "urllib", "socket")


def service_knows_no_driver(each: Import) -> bool:
    if not inside(each.module, "uvideo.server.rules"):
        return True
    if each.is_in("uvideo.storage"):
        return each.is_in("uvideo.storage.base", "uvideo.storage.extents", "uvideo.storage.wrapper")
    return not each.is_in(*FRAMEWORKS)


def only_drivers_chooses_drivers(each: Import) -> bool:
    if not inside(each.module, "uvideo.server") or each.module == "uvideo.server.process.drivers":
        return True
    whole = ("base", "extents", "wrapper", "identity", "backup", "send_window", "key_lock")
    return not each.is_in("uvideo.storage") or each.is_in(*(f"uvideo.storage.{name}" for name in whole))


def tools_use_the_public_client(each: Import) -> bool:
    return not inside(each.module, "uvideo.fs", "uvideo.cli") or not each.is_in("uvideo._core")


def filesystem_uses_public_names(each: Import) -> bool:
    if not inside(each.module, "uvideo.fs") or not each.is_in("uvideo"):
        return True
    types = (
        "uvideo.client.reader.Reader",
        "uvideo.client.writer.Writer",
        "uvideo.client.aio_file.AsyncReader",
        "uvideo.client.aio_file.AsyncWriter",
    )
    public = (f"uvideo.{name}" for name in uvideo.__all__)
    values = ("uvideo.errors", "uvideo.models", "uvideo.client.options")
    return each.is_in("uvideo.fs", *types) or each.name in public or each.is_in(*values)


def only_the_filesystem_imports_fsspec(each: Import) -> bool:
    return inside(each.module, "uvideo.fs") or not each.is_in("fsspec", "upath")


#: A room of the server may import those before it, and what lies outside of the server.
ROOMS_OF_THE_SERVER = ("ops", "auth", "limits", "rules", "http", "console", "process", "admin_commands")


def server_imports_downwards(each: Import) -> bool:
    if not inside(each.module, "uvideo.server") or not each.is_in("uvideo.server"):
        return True
    room, other = each.module.split(".")[2], each.name.split(".")[2]
    return ROOMS_OF_THE_SERVER.index(other) <= ROOMS_OF_THE_SERVER.index(room)


#: What each room of the toolkit may import of the others.
ROOMS_OF_THE_TOOLKIT = {
    "config": (),
    "client": ("config", "transfer", "s3"),
    "transfer": ("config", "client"),
    "diagnose": ("config", "client"),
    "cli": ("config", "client", "transfer", "diagnose", "fs", "server.admin_commands", "server.process"),
    "fs": ("client",),
    "storage": (),
    "s3": (),
    "server": ("config", "storage", "s3", "testing.faults"),
    "testing": (),
}


def toolkit_imports_by_the_table(each: Import) -> bool:
    room = each.module.removeprefix("uvideo.").partition(".")[0]
    if room not in ROOMS_OF_THE_TOOLKIT or not each.is_in("uvideo") or each.for_types:
        return True
    others = [name for name in ROOMS_OF_THE_TOOLKIT if name != room and each.is_in(f"uvideo.{name}")]
    return not others or each.is_in(*(f"uvideo.{name}" for name in ROOMS_OF_THE_TOOLKIT[room]))


Rule = Callable[[Import], bool]

# rule -> a module, and sources of it that break the rule
BROKEN: dict[Rule, list[tuple[str, str]]] = {
    protocol_imports_values_only: [
        ("ucloud.uvideo.protocol.compat", f"import {name}")
        for name in ("requests", "socket", "os", "io", "time", "random", "logging", "threading", "os.path", "ssl")
    ]
    + [
        ("ucloud.uvideo.protocol.etag", "import sys"),
        ("ucloud.uvideo.protocol.etag", "def f():\n    from os import path"),
        ("ucloud.uvideo.protocol.etag", "from ..http import pool"),
        ("ucloud.uvideo.protocol.etag", "from ..http.pool import Transport"),
        ("ucloud.uvideo.protocol.etag", "__import__('time')"),
    ],
    sdk_stands_alone: [("ucloud.uvideo.config", "import uvideo"), ("ucloud.logger", "from uvideo import client")],
    only_some_import_requests: [
        ("ucloud.uvideo.http.pool", "import requests"),
        ("ucloud.uvideo.config", "from requests.packages import urllib3"),
        ("uvideo.client.sync", "import requests.adapters"),
    ],
    wire_knows_no_socket: [
        ("ucloud.uvideo.http.wire", "import socket"),
        ("ucloud.uvideo.http.wire", "from .connection import Connection"),
        ("ucloud.uvideo.http.wire", "import time"),
    ],
    engine_imports_no_handler: [
        ("ucloud.uvideo.http.pool", "from .. import config"),
        ("ucloud.uvideo.http.pool", "from ..engine import retry"),
        ("ucloud.uvideo.engine.multipart_upload", "from ..handler import Handler"),
    ],
    only_core_imports_ucloud: [
        ("uvideo.client.sync", "from ucloud.uvideo.protocol import dialect"),
        ("uvideo.server.http.app", "def f():\n    import ucloud.uvideo"),
        ("uvideo.storage.disk", "importlib.import_module('ucloud.uvideo')"),
    ],
    s3_imports_values_only: [("uvideo.s3.routing", f"import {name}") for name in ("os", "time", "socket", "asyncio")]
    + [
        ("uvideo.s3.checksum", "def f():\n    import threading"),
        ("uvideo.s3.signature", "from uvideo.server.auth import credentials"),
        ("uvideo.s3.signature", "from uvideo._core import carrier"),
        ("uvideo.s3.signature", "from ucloud.uvideo.protocol import message"),
    ],
    storage_knows_errors_and_files_only: [
        ("uvideo.storage.disk", "from uvideo._core import dialect"),
        ("uvideo.storage.disk", "from uvideo import _core"),
        ("uvideo.storage.sqlite", "from ..server import service"),
        ("uvideo.storage.sqlite", "import uvideo.client.sync"),
    ],
    storage_knows_no_http: [
        ("uvideo.storage.s3", "from aiohttp import web"),
        ("uvideo.storage.s3", "import urllib.request"),
    ],
    service_knows_no_driver: [
        ("uvideo.server.rules.service", "import aiohttp"),
        ("uvideo.server.rules.service", "import sqlite3"),
        ("uvideo.server.rules.service", "import os.path"),
        ("uvideo.server.rules.spaces", "from os import path"),
        ("uvideo.server.rules.copies", "from uvideo.storage.disk import DiskBlobs"),
        ("uvideo.server.rules.service", "from uvideo.storage.disk import DiskBlobs"),
        ("uvideo.server.rules.service", "from uvideo.storage import sqlite"),
    ],
    only_drivers_chooses_drivers: [
        ("uvideo.server.http.app", "from uvideo.storage.sqlite import SqliteCatalog"),
        ("uvideo.server.process.main", "from uvideo.storage import postgres"),
    ],
    server_imports_downwards: [
        ("uvideo.server.rules.service", "from uvideo.server.http.exchange import Exchange"),
        ("uvideo.server.http.app", "from uvideo.server.process import settings"),
        ("uvideo.server.ops.metrics", "from ..auth.credentials import OWNER"),
    ],
    toolkit_imports_by_the_table: [
        ("uvideo.config.settings", "from uvideo.client import carrier"),
        ("uvideo.transfer.upload", "from uvideo.cli import report"),
        ("uvideo.client.sync", "def f():\n    from ..server.process.main import run"),
        ("uvideo.cli.cp", "from uvideo.storage.disk import DiskBlobs"),
        ("uvideo.storage.disk", "from uvideo.config import localfile"),
        ("uvideo.storage.sqlite", "from uvideo.s3 import etag"),
        (
            "uvideo.config.settings",
            "if TYPE_CHECKING:\n    import typing\nelse:\n    from uvideo.client import options",
        ),
    ],
    tools_use_the_public_client: [
        ("uvideo.cli", "from uvideo._core import signature"),
        ("uvideo.cli.sync", "def f():\n    from uvideo import _core"),
        ("uvideo.fs.tree", "from uvideo._core import errors"),
    ],
    filesystem_uses_public_names: [
        ("uvideo.fs.tree", "from uvideo.client.operations import put"),
        ("uvideo.fs.file", "from ..client.aio_carrier import AsyncCarrier"),
        ("uvideo.fs.filesystem", "from uvideo.client import operations"),
    ],
    only_the_filesystem_imports_fsspec: [
        ("uvideo.client.sync", "import fsspec"),
        ("uvideo.cli.cp", "def f():\n    from fsspec.asyn import AsyncFileSystem"),
    ],
}
RULES = list(BROKEN)


def broken(rule: Rule, module: str, source: str, package: bool = False) -> list[str]:
    return [
        f"{each.module}:{each.line} imports {each.name}" for each in imports(module, source, package) if not rule(each)
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule):
    assert [found for module, source, package in modules() for found in broken(rule, module, source, package)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_fails_when_it_is_broken(rule):
    for module, source in BROKEN[rule]:
        assert broken(rule, module, source), source


def test_every_room_is_read():
    names = {module for module, _, _ in modules()}
    assert {
        "ucloud",
        "ucloud.uvideo.protocol.dialect",
        "uvideo._core",
        "uvideo.storage.base",
        "uvideo.server.rules.service",
    } <= names


def test_ucloud_is_shared_by_one_line():
    lines = (ROOT / "ucloud" / "__init__.py").read_text().splitlines()
    assert lines == ['__path__ = __import__("pkgutil").extend_path(__path__, __name__)']
    taken = {"client", "core", "helpers", "services", "testing", "version"}
    assert not taken & {path.stem for path in (ROOT / "ucloud").iterdir()}


#: (a module, another one that imports it and whose types it names): why.  Break such a circle, and its line must go.
BACK_FOR_TYPES = {
    ("uvideo.transfer.manager", "uvideo.client.sync"): "a TransferManager is made of the published Client",
    ("uvideo.transfer.folders", "uvideo.client.sync"): "Client.upload_dir makes a TransferManager of itself here",
}


def order(found: Iterable[Import], names: Collection[str], back: Collection[tuple[str, str]] = ()) -> list[str]:
    """The modules, each after all that it imports, also within functions and for types.  CycleError for a circle.

    ``back``: (module, what it names the types of) that do not count.
    """
    needs: dict[str, set[str]] = {}
    for each in found:
        name = each.name
        while name and name not in names:
            name = name.rpartition(".")[0]
        if name and not inside(each.module, name) and not (each.for_types and (each.module, name) in back):
            needs.setdefault(each.module, set()).add(name)
    return list(graphlib.TopologicalSorter(needs).static_order())


def test_no_import_leads_back():
    names = {name for name, _, _ in modules()}
    found = [each for module, source, package in modules() for each in imports(module, source, package)]
    assert len(order(found, names, BACK_FOR_TYPES)) > 200
    back = Import("uvideo.client.operations", "uvideo.client.sync.Client", 1)
    for wrong in (back, back._replace(for_types=True)):
        with pytest.raises(graphlib.CycleError):
            order([*found, wrong], names, BACK_FOR_TYPES)
    assert order([*found, wrong], names, {*BACK_FOR_TYPES, ("uvideo.client.operations", "uvideo.client.sync")})
    for each in BACK_FOR_TYPES:
        with pytest.raises(graphlib.CycleError):
            order(found, names, BACK_FOR_TYPES.keys() - {each})
