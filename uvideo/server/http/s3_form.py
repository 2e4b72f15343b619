"""The form of an S3 upload: its fields, and the file as the body of the operation."""

from __future__ import annotations

from uvideo._core import errors, postfile
from uvideo.s3 import post_policy
from uvideo.s3.errors import S3Error
from uvideo.s3.post_policy import PostForm
from uvideo.server.http.exchange import Exchange
from uvideo.server.http.form_upload import Form, boundary_of

__all__ = ["S3Form"]


class S3Form:
    """A ``FramedBody`` of the file in a form.  Call ``read`` first."""

    length: int | None = None
    sha256: str | None = None
    trailers: tuple[tuple[str, str], ...] = ()

    def __init__(self, exchange: Exchange) -> None:
        """MalformedPOSTRequest if the request is no form."""
        if not postfile.is_form(exchange.headers):
            raise S3Error("MalformedPOSTRequest")
        try:
            boundary = boundary_of(exchange.headers.get("Content-Type") or "")
        except errors.BadRequest as refused:
            raise _malformed(refused) from None
        self._form = Form(boundary, exchange.chunk, exchange, skips_rest=True)
        self._read: PostForm | None = None
        self._size = 0

    async def read(self, version_2: bool) -> PostForm:
        """The fields before the file.  ``version_2``, and more errors: as of ``post_policy.read``.

        MalformedPOSTRequest.
        """
        try:
            fields = await self._form.fields()
        except errors.BadRequest as refused:
            raise _malformed(refused) from None
        self._read = post_policy.read(fields.items(), self._form.filename, version_2)
        return self._read

    def read_at_once(self, size: int) -> None:
        self._form.read_at_once(size)

    async def chunk(self) -> bytes:
        """The next bytes of the file.  MalformedPOSTRequest; EntityTooLarge, EntityTooSmall by the form's policy."""
        try:
            data = await self._form.chunk()
        except errors.BadRequest as refused:
            raise _malformed(refused) from None
        self._size += len(data)
        policy = self._read.policy if self._read is not None else None
        if self._read is not None and policy is not None:
            if not data or (policy.largest is not None and self._size > policy.largest):
                post_policy.check_size(self._read, self._size)
        return data


def _malformed(refused: errors.BadRequest) -> S3Error:
    return S3Error("MalformedPOSTRequest", message=refused.message)
