"""Makes objects of content that the service already has, without sending it."""

from __future__ import absolute_import, division, print_function

import os  # noqa: F401

from ..compact import s  # noqa: F401
from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..util import file_etag, ufile_uploadhit_url  # noqa: F401
from ..uvideo.filemanager import Hits
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE  # noqa: F401
from .httprequest import ResponseInfo  # noqa: F401
from .magicwrapper import Mimetype  # noqa: F401


class UploadHitUFile(BaseUFile, Hits):
    """Makes objects of content that the service already has, without sending it.  Safe to share between threads.

    Its methods are those of ucloud.uvideo.filemanager.FileManager.
    """
