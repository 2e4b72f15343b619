"""What a repr leaves out: secrets, and bytes of objects."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import uvideo

SECRET = {"private", "private_key", "secret", "security_token", "session_token", "proxy", "password", "keyed"}


def hidden(cls: type) -> set[str]:
    return {each.name for each in dataclasses.fields(cls) if each.name in SECRET or each.type == "bytes"}


def classes() -> Iterator[type]:
    """Every dataclass of the package that has such a field."""
    for found in pkgutil.walk_packages(uvideo.__path__, "uvideo."):
        if not found.name.endswith(("__main__", "fs.path", "fs.mount")):  # a program; universal_pathlib; libfuse
            module = importlib.import_module(found.name)
            for each in vars(module).values():
                if isinstance(each, type) and each.__module__ == found.name and dataclasses.is_dataclass(each):
                    if hidden(each):
                        yield each


FOUND = list(classes())


def test_they_are_found() -> None:
    names = {each.__name__ for each in FOUND}
    assert {"Content", "Settings", "TemporaryKeys", "S3Place"} <= names


@pytest.mark.parametrize("cls", FOUND, ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_a_repr_leaves_it_out(cls: type) -> None:
    made = object.__new__(cls)
    for field in dataclasses.fields(cls):
        object.__setattr__(made, field.name, f"<{field.name}>")
    shown = repr(made)
    assert [name for name in hidden(cls) if f"<{name}>" in shown] == []
