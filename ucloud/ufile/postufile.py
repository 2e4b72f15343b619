"""Puts files as objects."""

from __future__ import absolute_import, division, print_function

import hashlib  # noqa: F401
import os  # noqa: F401
import time  # noqa: F401

from ..compact import b, s, u  # noqa: F401
from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..util import ufile_post_url  # noqa: F401
from ..uvideo.filemanager import Posts
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE  # noqa: F401
from .httprequest import ResponseInfo  # noqa: F401
from .magicwrapper import Mimetype  # noqa: F401


class PostUFile(BaseUFile, Posts):
    """Puts files as objects.  Safe to share between threads.

    Its methods are those of ucloud.uvideo.filemanager.FileManager.
    """
