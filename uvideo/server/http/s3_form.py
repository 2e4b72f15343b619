"""The form of an S3 upload: its fields, and the file as the body of the operation."""

from __future__ import annotations

from uvideo._core import errors, postfile
from uvideo.s3 import post_policy
from uvideo.s3.errors import S3Error
from uvideo.s3.post_policy import PostForm
from uvideo.server.http.exchange import Exchange
from uvideo.server.http.form_upload import BegunForm, begun
from uvideo.server.limits.disk_headroom import Headroom

__all__ = ["S3Form", "read_form"]


async def read_form(exchange: Exchange, headroom: Headroom | None) -> BegunForm:
    """The form of the request, read up to its file.  MalformedPOSTRequest; other errors as ``begun``."""
    if not postfile.is_form(exchange.headers):
        raise S3Error("MalformedPOSTRequest")
    try:
        return await begun(exchange, headroom)
    except errors.BadRequest as refused:
        raise _malformed(refused) from None


class S3Form:
    """A ``FramedBody`` of the file in a form.

    ``fields``: those before the file.  ``version_2``, and the errors: as of ``post_policy.read``.
    """

    length: int | None = None
    sha256: str | None = None
    trailers: tuple[tuple[str, str], ...] = ()

    def __init__(self, begun: BegunForm, version_2: bool) -> None:
        self._form = begun.form
        self._form.skips_rest = True
        self.fields: PostForm = post_policy.read(begun.fields.items(), self._form.filename, version_2)
        self._size = 0

    def read_at_once(self, size: int) -> None:
        self._form.read_at_once(size)

    async def chunk(self) -> bytes:
        """The next bytes of the file.  MalformedPOSTRequest; EntityTooLarge, EntityTooSmall by the form's policy."""
        try:
            data = await self._form.chunk()
        except errors.BadRequest as refused:
            raise _malformed(refused) from None
        self._size += len(data)
        policy = self.fields.policy
        if policy is not None and (not data or (policy.largest is not None and self._size > policy.largest)):
            post_policy.check_size(self.fields, self._size)
        return data


def _malformed(refused: errors.BadRequest) -> S3Error:
    return S3Error("MalformedPOSTRequest", message=refused.message)
