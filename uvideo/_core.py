"""The one seam between this package and ``ucloud``, whose name other distributions use too."""

from __future__ import annotations

try:
    from ucloud.uvideo import __version__
    from ucloud.uvideo.protocol import (
        action,
        answer,
        byterange,
        condition,
        dialect,
        errors,
        etag,
        message,
        operation,
        policy,
        postfile,
        provider,
        restore,
        signature,
        text,
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
    "condition",
    "dialect",
    "errors",
    "etag",
    "message",
    "operation",
    "policy",
    "postfile",
    "provider",
    "restore",
    "signature",
    "text",
]
