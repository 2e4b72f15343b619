import os
from collections.abc import Iterable, Mapping
from typing import Any

from .handler import ResponseInfo, Signer
from .multipartuploaduvideo import _Readable, _Receiving

_Answer = tuple[dict[str, Any] | None, ResponseInfo]
_Header = Mapping[str, str] | None
_Path = str | os.PathLike[str]

class Files(Signer): ...

class FileManager(Files):
    def putfile(self, bucket: str, key: str, localfile: _Path, header: _Header = None) -> _Answer: ...
    def postfile(self, bucket: str, key: str, localfile: _Path, header: _Header = None) -> _Answer: ...
    def putstream(
        self,
        bucket: str,
        key: str,
        stream: _Readable | _Receiving | bytes | str | Iterable[bytes | str],
        mime_type: str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def uploadhit(self, bucket: str, key: str, localfile: _Path, header: _Header = None) -> _Answer: ...
    def download_file(
        self,
        bucket: str,
        key: str,
        localfile: _Path,
        isprivate: bool = True,
        expires: int | None = None,
        content_range: tuple[int | str | None, int | str | None] | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def public_download_url(self, bucket: str, key: str) -> str: ...
    def private_download_url(
        self, bucket: str, key: str, expires: int | None = None, header: _Header = None, internal: bool = False
    ) -> str: ...
    def private_head_url(self, bucket: str, key: str, expires: int | None = None, header: _Header = None) -> str: ...
    def head_file(self, bucket: str, key: str, header: _Header = None) -> _Answer: ...
    def compare_file_etag(self, bucket: str, remotekey: str, localfile: _Path) -> bool: ...
    def getfilelist(
        self,
        bucket: str,
        prefix: str | None = None,
        marker: str | None = None,
        limit: int | str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def listobjects(
        self,
        bucket: str,
        prefix: str | None = None,
        marker: str | None = None,
        maxkeys: int | None = None,
        delimiter: str | None = None,
        header: _Header = None,
    ) -> _Answer: ...
    def deletefile(self, bucket: str, key: str, header: _Header = None) -> _Answer: ...
    def copy(self, bucket: str, key: str, srcbucket: str, srckey: str, header: _Header = None) -> _Answer: ...
    def rename(
        self, bucket: str, key: str, newkey: str, force: str | bool = "true", header: _Header = None
    ) -> _Answer: ...
    def restore_file(self, bucket: str, key: str, header: _Header = None) -> _Answer: ...
    def class_switch_file(self, bucket: str, key: str, storageclass: str, header: _Header = None) -> _Answer: ...
    def opMeta(
        self, bucket: str, key: str, metak: str, metav: str, op: str = "set", header: _Header = None
    ) -> _Answer: ...
