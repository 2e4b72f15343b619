"""Deletes objects."""

from __future__ import absolute_import, division, print_function

from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..util import ufile_put_url  # noqa: F401
from ..uvideo.filemanager import Deletes
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE  # noqa: F401
from .httprequest import ResponseInfo  # noqa: F401


class DeleteUFile(BaseUFile, Deletes):
    """Deletes objects.  Safe to share between threads.

    Its methods are those of ucloud.uvideo.filemanager.FileManager.
    """
