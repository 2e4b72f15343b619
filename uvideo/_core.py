"""The one seam between this package and ``ucloud``, whose name other distributions use too."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

try:
    from ucloud.uvideo import __version__
    from ucloud.uvideo.engine import localfile
    from ucloud.uvideo.protocol import (
        answer,
        byterange,
        cause,
        compat,
        condition,
        dialect,
        download,
        errors,
        etag,
        expiry,
        field,
        json_document,
        management,
        message,
        operation,
        policy,
        postfile,
        provider,
        restore,
        signature,
        upload,
    )
except ImportError as failure:
    raise ImportError(
        f"uvideo needs its own half of the package `ucloud`, and cannot load it: {failure}. Most likely another "
        "distribution's `ucloud` (ucloud-sdk-python3, say) stands earlier on sys.path; `python -c 'import ucloud; "
        "print(ucloud.__path__)'` shows which. Install both into the same site-packages, or put the folder that holds "
        "uvideo's `ucloud` first on sys.path (PYTHONPATH)."
    ) from failure

__all__ = [
    "__version__",
    "action",
    "answer",
    "byterange",
    "cause",
    "condition",
    "dialect",
    "download",
    "errors",
    "etag",
    "expiry",
    "field",
    "json_document",
    "localfile",
    "message",
    "operation",
    "policy",
    "postfile",
    "provider",
    "restore",
    "signature",
    "text",
    "upload",
]

if TYPE_CHECKING:
    from ucloud.uvideo.engine import outcome as outcome
    from ucloud.uvideo.engine import retry as retry
    from ucloud.uvideo.http import address as address
    from ucloud.uvideo.http import connection as connection
    from ucloud.uvideo.http import fault as fault
    from ucloud.uvideo.http import proxy as proxy
    from ucloud.uvideo.http import race as race
    from ucloud.uvideo.http import trust as trust
    from ucloud.uvideo.http import wire as wire
    from ucloud.uvideo.protocol.dialect import Operation as _DataOperation
    from ucloud.uvideo.protocol.management import Operation as _ManagementOperation

    DataOperation = _DataOperation
    ManagementOperation = _ManagementOperation
    Operation = DataOperation | ManagementOperation

#: The modules that carry operations: loaded when they are first asked for, as they bring `requests` with them.
CARRIAGE = (
    "address",
    "argument",
    "body",
    "carrier",
    "checkpoint",
    "connection",
    "fault",
    "interrupt",
    "outcome",
    "proxy",
    "race",
    "receiver",
    "retry",
    "skew",
    "socksproxy",
    "source",
    "target",
    "transfer",
    "transport",
    "trust",
    "wire",
)


def __getattr__(name: str) -> ModuleType:
    if name not in CARRIAGE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = importlib.import_module("ucloud.uvideo." + name)
    return found
