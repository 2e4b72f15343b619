"""Makes objects of content that the service has already, without sending it."""

from __future__ import absolute_import, division, print_function

from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..uvideo.filemanager import FileManager, Files
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE  # noqa: F401


class UploadHitUFile(BaseUFile, Files):
    """Makes objects of content that the service has already, without sending it.  Safe to share between threads.

    Its methods are those of ucloud.uvideo.filemanager.FileManager.
    """

    uploadhit = vars(FileManager)["uploadhit"]
