"""Lists the objects of a space."""

from __future__ import absolute_import, division, print_function

import json  # noqa: F401
import os  # noqa: F401

from ..compact import s  # noqa: F401
from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..util import ufile_getfilelist_url  # noqa: F401
from ..uvideo.filemanager import Lists
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE  # noqa: F401
from .httprequest import ResponseInfo  # noqa: F401


class GetFileList(BaseUFile, Lists):
    """Lists the objects of a space.  Safe to share between threads.

    Its methods are those of ucloud.uvideo.filemanager.FileManager.
    """
