"""Toolkit and server for UVideo / UFile (US3) object storage.  Python 3.10 and up.

``__all__`` lists the public names.  Each is imported when it is first used, so importing this package is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvideo import errors, models
    from uvideo._core import __version__
    from uvideo.client.aio import AsyncClient
    from uvideo.client.cancel import Cancel
    from uvideo.client.listing import Listing
    from uvideo.client.local_etag import etag, same_etag
    from uvideo.client.media_type import media_type
    from uvideo.client.retry import Retry
    from uvideo.client.sync import Client
    from uvideo.config.settings import Settings
    from uvideo.transfer.limit import Limit
    from uvideo.transfer.manager import Transfer, TransferManager

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
    "media_type",
    "models",
    "same_etag",
]

#: Public name: the module that has it; "" for a module of this package.
_HOME = {
    "AsyncClient": "uvideo.client.aio",
    "Cancel": "uvideo.client.cancel",
    "Client": "uvideo.client.sync",
    "Limit": "uvideo.transfer.limit",
    "Listing": "uvideo.client.listing",
    "Retry": "uvideo.client.retry",
    "Settings": "uvideo.config.settings",
    "Transfer": "uvideo.transfer.manager",
    "TransferManager": "uvideo.transfer.manager",
    "__version__": "uvideo._core",
    "errors": "",
    "etag": "uvideo.client.local_etag",
    "media_type": "uvideo.client.media_type",
    "models": "",
    "same_etag": "uvideo.client.local_etag",
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
