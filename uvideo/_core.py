"""The one seam between this package and ``ucloud``, whose name other distributions use too."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

try:
    from ucloud.uvideo import __version__, localfile
    from ucloud.uvideo.protocol import (
        action,
        answer,
        byterange,
        cause,
        condition,
        dialect,
        download,
        errors,
        etag,
        expiry,
        field,
        json_document,
        message,
        operation,
        policy,
        postfile,
        provider,
        restore,
        signature,
        text,
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
    from ucloud.uvideo import address as address
    from ucloud.uvideo import argument as argument
    from ucloud.uvideo import body as body
    from ucloud.uvideo import carrier as carrier
    from ucloud.uvideo import checkpoint as checkpoint
    from ucloud.uvideo import connection as connection
    from ucloud.uvideo import fault as fault
    from ucloud.uvideo import interrupt as interrupt
    from ucloud.uvideo import outcome as outcome
    from ucloud.uvideo import proxy as proxy
    from ucloud.uvideo import race as race
    from ucloud.uvideo import receiver as receiver
    from ucloud.uvideo import retry as retry
    from ucloud.uvideo import skew as skew
    from ucloud.uvideo import socksproxy as socksproxy
    from ucloud.uvideo import source as source
    from ucloud.uvideo import target as target
    from ucloud.uvideo import transfer as transfer
    from ucloud.uvideo import transport as transport
    from ucloud.uvideo import trust as trust
    from ucloud.uvideo import wire as wire
    from ucloud.uvideo.protocol.action import Operation as _ManagementOperation
    from ucloud.uvideo.protocol.dialect import Operation as _DataOperation

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
