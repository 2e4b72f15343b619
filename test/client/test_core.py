"""Modules of the core that are imported when they are first used."""

from __future__ import annotations

import importlib.util

import pytest


def test_a_module_that_is_loaded_is_looked_up_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from uvideo._core import retry as first

    def look(name: str) -> None:
        raise AssertionError(f"{name} was looked up")

    monkeypatch.setattr(importlib.util, "find_spec", look)
    from uvideo._core import retry

    assert retry is first


def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(ImportError, match="nothing"):
        from uvideo._core import nothing  # type: ignore[attr-defined]  # noqa: F401
