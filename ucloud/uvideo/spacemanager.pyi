from collections.abc import Mapping
from typing import Any, Literal

from requests import Session

from .handler import Handler, ResponseInfo

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None

UCLOUD_API_URL: str

class Spaces(Handler):
    def createspace(
        self,
        name: str,
        type: Literal["public", "private"] = "private",
        domainlist: list[str] | tuple[str, ...] | None = None,
        header: _Header = None,
        projectid: str | None = None,
    ) -> _Answer: ...
    def deletespace(self, name: str, header: _Header = None, projectid: str | None = None) -> _Answer: ...
    def describespace(
        self,
        name: str | None = None,
        offset: int | str = 0,
        limit: int | str = 20,
        header: _Header = None,
        projectid: str | None = None,
    ) -> _Answer: ...
    def updatespace(
        self,
        name: str,
        type: Literal["public", "private"],
        header: _Header = None,
        projectid: str | None = None,
    ) -> _Answer: ...
    def getfilelist(
        self,
        name: str,
        offset: int | str = 0,
        limit: int | str = 20,
        header: _Header = None,
        projectid: str | None = None,
    ) -> _Answer: ...

class BucketManager(Spaces):
    def __init__(self, public_key: str, private_key: str, session: Session | None = None) -> None: ...

def createspace(name: str, type: Literal["public", "private"] = "private") -> _Answer: ...
def deletespace(name: str) -> _Answer: ...
def describespace(name: str | None = None, offset: int = 0, limit: int = 20) -> _Answer: ...
def updatespace(name: str, type: Literal["public", "private"]) -> _Answer: ...
def getfilelist(name: str, offset: int = 0, limit: int = 20) -> _Answer: ...
