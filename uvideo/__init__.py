"""Toolkit and server for UVideo / UFile (US3) object storage.  Python 3.10 and up.

The names in ``__all__`` are the public ones.  Each is loaded when it is first asked for, so that importing this package
costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvideo._core import __version__

__all__ = ["__version__"]

#: public name -> the module that has it.
_HOME = {"__version__": "uvideo._core"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
