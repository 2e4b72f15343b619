from collections.abc import Mapping
from typing import Any, Literal

from ..uvideo import spacemanager
from ..uvideo.handler import ResponseInfo
from .baseufile import BaseUFile

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Type = Literal["public", "private"]
_Header = Mapping[str, str] | None

UCLOUD_API_URL: str

class BucketManager(BaseUFile, spacemanager.Spaces):
    def createbucket(
        self,
        bucket: str,
        buckettype: _Type = "private",
        domainlist: list[str] | tuple[str, ...] | None = None,
        header: _Header = None,
        projectid: str | None = None,
    ) -> _Answer: ...
    def describebucket(
        self,
        bucket: str | None = None,
        offset: int | str = 0,
        limit: int | str = 10,
        header: _Header = None,
        projectid: str | None = None,
    ) -> _Answer: ...
    def updatebucket(
        self, bucket: str, buckettype: _Type, header: _Header = None, projectid: str | None = None
    ) -> _Answer: ...
    def deletebucket(self, bucket: str, header: _Header = None, projectid: str | None = None) -> _Answer: ...
    def getfilelist(
        self,
        bucket: str,
        offset: int | str = 0,
        limit: int | str = 20,
        header: _Header = None,
        projectid: str | None = None,
    ) -> _Answer: ...
