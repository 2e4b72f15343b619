from collections.abc import Mapping
from typing import Any

from .handler import ResponseInfo, Signer

_Answer = tuple[dict[str, Any] | None, ResponseInfo]

class Assembler(Signer):
    def init_multipart_upload(
        self, bucket: str, key: str, header: Mapping[str, str] | None = None, upload_suffix: str | None = None
    ) -> _Answer: ...
    def upload_part_copy(
        self,
        source_bucket: str,
        source_key: str,
        mime_type: str | None,
        offset: int,
        size: int,
        part_number: int,
        upload_suffix: str | None = None,
    ) -> _Answer: ...
    def finish_upload(self) -> _Answer: ...
    def get_multi_upload_part(
        self,
        bucket: str,
        upload_id: str,
        max_parts: int | None = None,
        part_number_marker: int | None = None,
        header: Mapping[str, str] | None = None,
        upload_suffix: str | None = None,
    ) -> _Answer: ...
    @property
    def uploadid(self) -> str | None: ...
    @property
    def blocksize(self) -> int | None: ...
    @property
    def etaglist(self) -> list[str]: ...
