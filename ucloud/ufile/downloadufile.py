"""Downloads objects, and makes URLs for downloading."""

from __future__ import absolute_import, division, print_function

import os  # noqa: F401
import time  # noqa: F401
import urllib  # noqa: F401

from ..compact import s  # noqa: F401
from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..uvideo.filemanager import Downloads
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE  # noqa: F401
from .httprequest import ResponseInfo  # noqa: F401


class DownloadUFile(BaseUFile, Downloads):
    """Downloads objects, and makes URLs for downloading.  Safe to share between threads.

    Its methods are those of ucloud.uvideo.filemanager.FileManager.
    """
