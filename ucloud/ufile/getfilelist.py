"""Lists the objects of a space, by the older of two names."""

from __future__ import absolute_import, division, print_function

from . import getufilelist
from .config import BLOCKSIZE  # noqa: F401


class GetFileList(getufilelist.GetFileList):
    """Lists the objects of a space.  Safe to share between threads."""

    def list(self, bucket, marker, limit, header=None):
        """A page of a space's objects whose keys are behind ``marker``, ``limit`` at most: getfilelist."""
        return self.getfilelist(bucket, None, marker, limit, header)
