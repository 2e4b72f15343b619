"""Create, delete, describe, update and list spaces, under the older SDK's names."""

from __future__ import absolute_import, division, print_function

from ..auth import Auth  # noqa: F401
from ..compact import s  # noqa: F401
from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..uvideo import spacemanager
from ..uvideo.protocol.compat import TYPE_CHECKING
from . import config
from .baseufile import BaseUFile
from .httprequest import ResponseInfo  # noqa: F401

if TYPE_CHECKING:
    from typing import Literal, Mapping

    from ..uvideo.handler import _Answer  # noqa: F401

    _Type = Literal["public", "private"]
    _Header = Mapping[str, str] | None

#: If a program assigns another URL, the managers use it, unless config's apiurl is set.
UCLOUD_API_URL = config.UCLOUD_API_URL


class BucketManager(BaseUFile, spacemanager.Spaces):
    """Manages the spaces of this key pair.  Safe to share between threads.

    Every method returns (ret, resp).  The service sends status_code 200 also for errors: check ret['RetCode'] (0 is
    success) or resp.ok().  resp.error has the reason.
    """

    def _hosts(self):
        # type: () -> tuple[str | None, ...]
        return () if UCLOUD_API_URL == config.UCLOUD_API_URL else (None, None, UCLOUD_API_URL)

    def createbucket(self, bucket, buckettype="private", domainlist=None, header=None, projectid=None):
        # type: (str, _Type, list[str] | tuple[str, ...] | None, _Header, str | None) -> _Answer
        """Create a space, public or private.  domainlist: its own host names.  ret: BucketName, BucketId."""
        return self.createspace(bucket, buckettype, domainlist, header, projectid)

    def describebucket(self, bucket=None, offset=0, limit=10, header=None, projectid=None):
        # type: (str | None, int | str, int | str, _Header, str | None) -> _Answer
        """Describe one space, or without a name a page of all spaces.  ret: DataSet."""
        return self.describespace(bucket, offset, limit, header, projectid)

    def updatebucket(self, bucket, buckettype, header=None, projectid=None):
        # type: (str, _Type, _Header, str | None) -> _Answer
        """Make a space public or private.  ret: BucketName, BucketId."""
        return self.updatespace(bucket, buckettype, header, projectid)

    def deletebucket(self, bucket, header=None, projectid=None):
        # type: (str, _Header, str | None) -> _Answer
        """Delete an empty space.  ret: BucketName, BucketId; RetCode 15023 while it is not empty."""
        return self.deletespace(bucket, header, projectid)

    def getfilelist(self, bucket, offset=0, limit=20, header=None, projectid=None):
        # type: (str, int | str, int | str, _Header, str | None) -> _Answer
        """List objects in order of their keys.  ret: DataSet of FileName, Hash (etag), MimeType, Size, CreateTime."""
        return super(BucketManager, self).getfilelist(bucket, offset, limit, header, projectid)
