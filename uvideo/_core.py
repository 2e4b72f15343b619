"""The only module that imports ``ucloud``, a package name that other distributions use, too."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import TYPE_CHECKING, Any

try:
    from ucloud.uvideo import __version__ as __version__
    from ucloud.uvideo.engine import localfile as localfile
    from ucloud.uvideo.protocol import byterange as byterange
    from ucloud.uvideo.protocol import cause as cause
    from ucloud.uvideo.protocol import compat as compat
    from ucloud.uvideo.protocol import condition as condition
    from ucloud.uvideo.protocol import dates as dates
    from ucloud.uvideo.protocol import dialect as dialect
    from ucloud.uvideo.protocol import download as download
    from ucloud.uvideo.protocol import error_response as error_response
    from ucloud.uvideo.protocol import errors as errors
    from ucloud.uvideo.protocol import etag as etag
    from ucloud.uvideo.protocol import expiry as expiry
    from ucloud.uvideo.protocol import field as field
    from ucloud.uvideo.protocol import json_document as json_document
    from ucloud.uvideo.protocol import listing as listing
    from ucloud.uvideo.protocol import location as location
    from ucloud.uvideo.protocol import management as management
    from ucloud.uvideo.protocol import media_type as media_type
    from ucloud.uvideo.protocol import message as message
    from ucloud.uvideo.protocol import objects as objects
    from ucloud.uvideo.protocol import operation as operation
    from ucloud.uvideo.protocol import policy as policy
    from ucloud.uvideo.protocol import postfile as postfile
    from ucloud.uvideo.protocol import provider as provider
    from ucloud.uvideo.protocol import restore as restore
    from ucloud.uvideo.protocol import signature as signature
    from ucloud.uvideo.protocol import upload as upload
except ImportError as failure:
    raise ImportError(
        f"uvideo cannot load its own part of the package `ucloud`: {failure}. Most likely `ucloud` of another "
        "distribution (for example ucloud-sdk-python3) comes earlier on sys.path; `python -c 'import ucloud; "
        "print(ucloud.__path__)'` shows which. Install both into the same site-packages, or put the folder that "
        "contains uvideo's `ucloud` first on sys.path (PYTHONPATH)."
    ) from failure

if TYPE_CHECKING:
    from ucloud.uvideo.engine import cancel as cancel
    from ucloud.uvideo.engine import carrier as carrier
    from ucloud.uvideo.engine import clock_skew as clock_skew
    from ucloud.uvideo.engine import download_target as download_target
    from ucloud.uvideo.engine import keep_or_abort as keep_or_abort
    from ucloud.uvideo.engine import multipart_upload as multipart_upload
    from ucloud.uvideo.engine import ranged_download as ranged_download
    from ucloud.uvideo.engine import retry as retry
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
    from ucloud.uvideo.http import threads as threads
    from ucloud.uvideo.http import trust as trust
    from ucloud.uvideo.http import wire as wire

    DataOperation = operation.Data[Any]
    ManagementOperation = operation.Management[Any]
    Operation = DataOperation | ManagementOperation

#: Packages that are imported when first used, as they import `requests`.
LATER = ("ucloud.uvideo.engine", "ucloud.uvideo.http")


def __getattr__(name: str) -> ModuleType:
    for room in LATER if not name.startswith("__") else ():  # each ``from uvideo._core import`` asks for __path__
        if importlib.util.find_spec(f"{room}.{name}") is not None:
            found = globals()[name] = importlib.import_module(f"{room}.{name}")
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
