"""The one seam between this package and ``ucloud``, whose name other distributions use too."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

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
        "distribution's `ucloud` (for example ucloud-sdk-python3) stands earlier on sys.path; `python -c 'import "
        "ucloud; print(ucloud.__path__)'` shows which. Install both into the same site-packages, or put the folder "
        "that holds uvideo's `ucloud` first on sys.path (PYTHONPATH)."
    ) from failure

if TYPE_CHECKING:
    from ucloud.uvideo.engine import cancel as cancel
    from ucloud.uvideo.engine import clock_skew as clock_skew
    from ucloud.uvideo.engine import download_target as download_target
    from ucloud.uvideo.engine import multipart_upload as multipart_upload
    from ucloud.uvideo.engine import outcome as outcome
    from ucloud.uvideo.engine import ranged_download as ranged_download
    from ucloud.uvideo.engine import retry as retry
    from ucloud.uvideo.engine import session as session
    from ucloud.uvideo.engine import single_upload as single_upload
    from ucloud.uvideo.engine import transfer_record as transfer_record
    from ucloud.uvideo.engine import upload_source as upload_source
    from ucloud.uvideo.engine import validation as validation
    from ucloud.uvideo.http import address as address
    from ucloud.uvideo.http import connection as connection
    from ucloud.uvideo.http import failure_cause as failure_cause
    from ucloud.uvideo.http import pool as pool
    from ucloud.uvideo.http import proxy as proxy
    from ucloud.uvideo.http import race as race
    from ucloud.uvideo.http import socks as socks
    from ucloud.uvideo.http import trust as trust
    from ucloud.uvideo.http import wire as wire

    DataOperation = operation.Data[Any]
    ManagementOperation = operation.Management[Any]
    Operation = DataOperation | ManagementOperation

__all__ = [
    "__version__",
    "answer",
    "byterange",
    "cause",
    "compat",
    "condition",
    "dialect",
    "download",
    "errors",
    "etag",
    "expiry",
    "field",
    "json_document",
    "localfile",
    "management",
    "message",
    "operation",
    "policy",
    "postfile",
    "provider",
    "restore",
    "signature",
    "upload",
]

#: The modules that carry operations: loaded when they are first asked for, as they bring `requests` with them.
LATER = {
    "cancel": "engine",
    "clock_skew": "engine",
    "download_target": "engine",
    "multipart_upload": "engine",
    "outcome": "engine",
    "ranged_download": "engine",
    "retry": "engine",
    "session": "engine",
    "single_upload": "engine",
    "transfer_record": "engine",
    "upload_source": "engine",
    "validation": "engine",
    "address": "http",
    "connection": "http",
    "failure_cause": "http",
    "pool": "http",
    "proxy": "http",
    "race": "http",
    "socks": "http",
    "trust": "http",
    "wire": "http",
}


def __getattr__(name: str) -> ModuleType:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = importlib.import_module(f"ucloud.uvideo.{LATER[name]}.{name}")
    return found
