"""Lists the objects of a space; the older of the two module names."""

from __future__ import absolute_import, division, print_function

import json  # noqa: F401
import os  # noqa: F401

from ..compact import s  # noqa: F401
from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..uvideo.protocol.compat import TYPE_CHECKING
from . import (
    config,  # noqa: F401
    getufilelist,
)
from .baseufile import BaseUFile  # noqa: F401
from .config import BLOCKSIZE  # noqa: F401
from .httprequest import ResponseInfo  # noqa: F401
from .magicwrapper import Mimetype  # noqa: F401

if TYPE_CHECKING:
    from typing import Mapping  # noqa: F401

    from ..uvideo.handler import _Answer  # noqa: F401


class GetFileList(getufilelist.GetFileList):
    """Lists the objects of a space.  Safe to share between threads."""

    def list(
        self,
        bucket,  # type: str
        marker,  # type: str | None
        limit,  # type: int | str | None
        header=None,  # type: Mapping[str, str] | None
    ):
        # type: (...) -> _Answer
        """A page of at most ``limit`` objects whose keys are greater than ``marker``, as getfilelist."""
        return self.getfilelist(bucket, None, marker, limit, header)
