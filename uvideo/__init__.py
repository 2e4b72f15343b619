"""Toolkit and server for UVideo / UFile (US3) object storage.  Python 3.10 and up.

The names in ``__all__`` are the public ones.  Each is loaded when it is first asked for, so that importing this package
costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvideo import errors, models
    from uvideo._core import __version__
    from uvideo.aio import AsyncClient
    from uvideo.cancel import Cancel
    from uvideo.client import Client
    from uvideo.digest import etag, same_etag
    from uvideo.limit import Limit
    from uvideo.listing import Listing
    from uvideo.manager import Transfer, TransferManager
    from uvideo.retry import Retry
    from uvideo.settings import Settings

__all__ = [
    "AsyncClient",
    "Cancel",
    "Client",
    "Limit",
    "Listing",
    "Retry",
    "Settings",
    "Transfer",
    "TransferManager",
    "__version__",
    "errors",
    "etag",
    "models",
    "same_etag",
]

#: public name -> the module that has it; "" for a module of this package.
_HOME = {
    "AsyncClient": "uvideo.aio",
    "Cancel": "uvideo.cancel",
    "Client": "uvideo.client",
    "Limit": "uvideo.limit",
    "Listing": "uvideo.listing",
    "Retry": "uvideo.retry",
    "Settings": "uvideo.settings",
    "Transfer": "uvideo.manager",
    "TransferManager": "uvideo.manager",
    "__version__": "uvideo._core",
    "errors": "",
    "etag": "uvideo.digest",
    "models": "",
    "same_etag": "uvideo.digest",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOME[name]
    value: object = (
        importlib.import_module("uvideo." + name) if not home else getattr(importlib.import_module(home), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
