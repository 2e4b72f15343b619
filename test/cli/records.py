"""What a line of --json may be: one of the kinds that the modules of the command declare."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from functools import cache
from typing import Any

from uvideo import cli
from uvideo.cli.report import Kind

__all__ = ["check", "kinds"]

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@cache
def kinds() -> dict[str, Kind]:
    """Every Kind of the command, by its name."""
    found: dict[str, Kind] = {}
    for module in pkgutil.iter_modules(cli.__path__):
        if module.name == "locale":
            continue
        for each in vars(importlib.import_module(f"uvideo.cli.{module.name}")).values():
            if isinstance(each, Kind):
                assert found.setdefault(each.name, each) is each, f"two kinds are called {each.name}"
    return found


def _is(value: Any, kind: str) -> bool:
    if kind.endswith("?"):
        return value is None or _is(value, kind[:-1])
    if kind == "time":
        return isinstance(value, str) and TIME.fullmatch(value) is not None
    if kind == "list":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    types: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "object": dict,
    }
    return isinstance(value, types[kind])


def check(line: str) -> dict[str, Any]:
    """The record of a line, which must have exactly the fields of its kind."""
    record: dict[str, Any] = json.loads(line)
    kind = kinds()[record["kind"]]
    assert list(record) == ["kind", *kind.fields], line
    for name, expected in kind.fields.items():
        assert _is(record[name], expected), f"{name} of {record['kind']} is {record[name]!r}, not {expected}"
    return record
