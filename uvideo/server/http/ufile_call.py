"""The UFile dialect, for operations on objects: with a signed header, a signed URL, a form, or no signature."""

from __future__ import annotations

from collections.abc import Sequence

from uvideo._core import compat, dialect, errors, location, message, operation, postfile, provider
from uvideo.server.http.cross_origin import denied
from uvideo.server.http.exchange import Exchange
from uvideo.server.http.form_upload import BegunForm, Form, begun
from uvideo.server.http.pipeline import ABORTED, BEGUN, FINISHED, ObjectCall, Pipeline, Traits, claimed_by
from uvideo.server.rules.service import Grant

__all__ = ["UfileCall"]

DOCUMENT_LIMIT = 64 * 1024  # bytes of tags, or of a media type


class UfileCall(ObjectCall):
    """``form``: the form of the request, if it is read up to its file already."""

    traits = Traits(
        bulk=frozenset(dialect.BULK),
        storing=frozenset(
            (
                *(operation.PutObject, operation.InitiateUpload, operation.UploadPart),
                *(operation.AppendObject, operation.CopyPart, operation.CopyObject, operation.UploadHit),
            )
        ),
        probing=frozenset(
            cls.__name__ for cls in (operation.PutObject, operation.InitiateUpload, operation.UploadPart)
        ),
        calling=frozenset((operation.PutObject, operation.FinishUpload)),  # source: signing.md section 4
        counted={
            operation.InitiateUpload: BEGUN,
            operation.FinishUpload: FINISHED,
            operation.AbortUpload: ABORTED,
        },
    )

    _form: Form | None = None
    _query: Sequence[tuple[str, str]]

    def __init__(
        self,
        exchange: Exchange,
        pipeline: Pipeline,
        target: location.RequestTarget,
        host: str,
        form: BegunForm | None = None,
    ) -> None:
        super().__init__(exchange, pipeline, target, host)
        self._begun = form
        self.service, self.body, self._query = pipeline.service, exchange, target.query
        self._readings = [exchange.headers]  # sets of headers that may be signed; a form has several

    def claimed(self) -> str:
        return claimed_by(self._readings[0], self._query)

    async def read(self) -> None:
        exchange, target, host = self.exchange, self.target, self.host
        self.throttle()
        bucket = exchange.headers.get("Bucket")
        addresses = location.addresses(host, bucket, target.path)
        domain, own = (None, False) if bucket else (provider.domain_of(host), self.pipeline.names.owns(host))
        self.record, self._address = await self.service.locate(addresses, domain, own)
        exchange.space = self.space = self.record.name
        method = exchange.request.method
        if method == "OPTIONS" and exchange.headers.get("Origin") is not None:
            raise denied()
        if method == "POST" and postfile.is_form(exchange.headers) and dialect.takes_form(self._address, target.query):
            await self._read_form()

    async def _read_form(self) -> None:
        """Read the fields before the file: the request is authorized before the file is read."""
        exchange = self.exchange
        form, fields = self._begun or await begun(exchange, self.pipeline.limits.headroom)
        key, self._readings = postfile.readings(exchange.headers, fields, form.mime, location.key_of(self._address))
        exchange.key, exchange.operation = key, operation.PutObject.__name__
        self._address, self._query = self._address._replace(path=compat.quote_path(key)), ()
        self.body = self._form = form
        self.throttle()

    async def authorize(self) -> Grant:
        """Try each of ``_readings``.  If a form's signature fits none, the error is that of the last one."""
        method, is_form = self.exchange.request.method, self._form is not None
        for headers in self._readings:
            try:
                grant = await self.service.authorize(
                    method, headers, self._query, self.record, self._address, form=is_form
                )
                break
            except errors.SignatureMismatch:
                if headers is self._readings[-1]:
                    raise
        self.exchange.key = grant.key
        return grant

    async def decode(self, grant: Grant) -> dialect.Operation:
        cls = grant.operation
        small = cls in dialect.SMALL and cls is not operation.FinishUpload
        return self._decoded(grant, await self.exchange.small(DOCUMENT_LIMIT) if small else b"")

    async def complete(self, grant: Grant, op: dialect.Operation) -> dialect.Operation:
        """Read the list of etags, which may be long, up to the length that the stored parts need."""
        if not isinstance(op, operation.FinishUpload):
            return op
        try:
            body = await self.exchange.small(await self.service.list_length(op, self.record))
        except errors.TooLarge:
            raise errors.InvalidPartList("the list of etags is longer than the list of sent parts") from None
        return self._decoded(grant, body)

    def _decoded(self, grant: Grant, body: bytes) -> dialect.Operation:
        return dialect.decode(grant.operation, self.space, grant.key, grant.query, grant.headers, body)

    def write(self, op: dialect.Operation, result: dialect.Result) -> message.Response:
        if isinstance(result, operation.Finished) and self.exchange.entry is not None:
            self.exchange.entry.object = result.key
        return dialect.encode_result(op, result)
