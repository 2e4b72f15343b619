"""The errors of S3: one table of codes, and the Error document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from uvideo._core import errors, message
from uvideo.s3.xml_text import DECLARATION, escape

__all__ = ["CODES", "Meaning", "S3Error", "answer", "document", "of"]


class Meaning(NamedTuple):
    """What a code stands for: HTTP status and standard text."""

    status: int
    text: str


#: Every code that is sent.
CODES = {
    code: Meaning(status, text)
    for code, status, text in (
        ("AccessDenied", 403, "Access Denied"),
        ("AccessForbidden", 403, "CORSResponse: This CORS request is not allowed."),
        ("AuthorizationHeaderMalformed", 400, "The authorization header you provided is invalid."),
        (
            "AuthorizationQueryParametersError",
            400,
            "The query parameters of the signature are incomplete or malformed.",
        ),
        (
            "BadDigest",
            400,
            "The Content-MD5 or checksum value that you specified did not match what the server received.",
        ),
        ("BadRequest", 400, "The request is malformed."),
        ("BucketAlreadyExists", 409, "The requested bucket name is not available. Choose another name and try again."),
        ("BucketNotEmpty", 409, "The bucket you tried to delete is not empty."),
        ("ConditionalRequestConflict", 409, "A conflicting conditional operation is in progress. Try again."),
        ("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size."),
        ("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size."),
        ("ExpiredToken", 400, "The provided token has expired."),
        ("IllegalVersioningConfigurationException", 400, "The versioning configuration is invalid."),
        ("IncompleteBody", 400, "The body is not as long as its headers say, or its chunks are malformed."),
        ("InsufficientStorage", 507, "There is no room for this request."),
        ("InternalError", 500, "We encountered an internal error. Please try again."),
        ("InvalidAccessKeyId", 403, "The access key that you provided does not exist in our records."),
        ("InvalidArgument", 400, "Invalid Argument"),
        ("InvalidBucketName", 400, "The specified bucket is not valid."),
        ("InvalidDigest", 400, "The Content-MD5 you specified is not valid."),
        ("InvalidObjectState", 403, "The operation is not valid for the object's storage class."),
        ("InvalidPart", 400, "One or more of the specified parts could not be found, or a part's ETag does not match."),
        ("InvalidPartOrder", 400, "The list of parts was not in ascending order. Order the parts by part number."),
        ("InvalidPolicyDocument", 400, "The content of the form does not meet the conditions for a policy document."),
        ("InvalidRange", 416, "The requested range is not satisfiable"),
        ("InvalidRequest", 400, "Invalid Request"),
        ("InvalidStorageClass", 400, "The storage class you specified is not valid"),
        ("InvalidTag", 400, "The tag provided was not a valid tag."),
        ("InvalidToken", 400, "The provided token is malformed or otherwise not valid."),
        ("InvalidURI", 400, "Couldn't parse the specified URI."),
        ("KeyTooLongError", 400, "Your key is too long"),
        ("MalformedPOSTRequest", 400, "The body of your POST request is not well-formed multipart/form-data."),
        ("MalformedTrailerError", 400, "The request contained trailing data that was not well-formed."),
        ("MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our schema"),
        ("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size."),
        ("MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
        ("MissingContentLength", 411, "You must provide the Content-Length HTTP header."),
        ("NoSuchBucket", 404, "The specified bucket does not exist"),
        ("NoSuchBucketPolicy", 404, "The bucket policy does not exist"),
        ("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"),
        ("NoSuchKey", 404, "The specified key does not exist."),
        ("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"),
        ("NoSuchObjectLockConfiguration", 404, "The specified object does not have a ObjectLock configuration"),
        ("NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found"),
        ("NoSuchTagSet", 404, "The TagSet does not exist"),
        ("NoSuchUpload", 404, "The specified upload does not exist. It may have been aborted or completed."),
        ("NoSuchVersion", 404, "The specified version does not exist."),
        ("NoSuchWebsiteConfiguration", 404, "The specified bucket does not have a website configuration"),
        (
            "NotImplemented",
            501,
            "A header or a parameter that you provided implies functionality that is not implemented",
        ),
        ("ObjectLockConfigurationNotFoundError", 404, "Object Lock configuration does not exist for this bucket"),
        ("OperationAborted", 409, "A conflicting operation is in progress against this resource. Try again."),
        ("OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"),
        ("PreconditionFailed", 412, "At least one of the preconditions you specified did not hold"),
        ("QuotaExceeded", 403, "The quota of the bucket is used up."),
        ("ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found"),
        ("RequestTimeTooSkewed", 403, "The difference between the request time and the server's time is too large."),
        ("ServerSideEncryptionConfigurationNotFoundError", 404, "The encryption configuration was not found"),
        ("ServiceUnavailable", 503, "Service is unable to handle the request. Try again."),
        (
            "SignatureDoesNotMatch",
            403,
            "The request signature we calculated does not match the signature you provided. Check your key and signing "
            "method.",
        ),
        ("SlowDown", 503, "Please reduce your request rate."),
        ("UnresolvableGrantByEmailAddress", 400, "The email address you provided does not match any account."),
        (
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    )
}


class S3Error(errors.Refused):
    """A refusal of an S3 request.

    ``code``: of CODES.  ``status``, ``message``: by default those of the code.  ``members``: further elements of the
    Error document, {name: text}, such as Key and BucketName.  ``headers``: further headers of the answer.
    """

    status: int

    def __init__(
        self,
        code: str,
        status: int | None = None,
        message: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        **members: str,
    ) -> None:
        meaning = CODES[code]
        super().__init__(
            meaning.text if message is None else message,
            status=meaning.status if status is None else status,
            ret_code=_RET_CODE_OF.get(code, errors.GENERAL),
        )
        self.code = code
        self.headers = tuple(headers)
        self.members = members

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


#: The code for each refusal of the rules that both dialects share.  A subclass may have a row of its own.
_CODE_OF: dict[type[errors.Refused], str] = {
    errors.Refused: "InvalidRequest",
    errors.BadRequest: "InvalidArgument",
    errors.TooLarge: "EntityTooLarge",
    errors.DigestMismatch: "BadDigest",
    errors.SpaceNotFound: "NoSuchBucket",
    errors.NoCredentials: "AccessDenied",
    errors.SignatureMismatch: "SignatureDoesNotMatch",
    errors.SignatureExpired: "AccessDenied",
    errors.UnknownKey: "InvalidAccessKeyId",
    errors.AccessDenied: "AccessDenied",
    errors.NotFound: "NoSuchKey",
    errors.UploadNotFound: "NoSuchUpload",
    errors.AlreadyExists: "AccessDenied",  # a token that must not overwrite
    errors.PreconditionFailed: "PreconditionFailed",
    errors.InvalidRange: "InvalidRange",
    errors.CopyRangeInvalid: "InvalidRange",
    errors.SwitchDenied: "InvalidObjectState",
    errors.NotRestored: "InvalidObjectState",
    errors.CallbackFailed: "InternalError",
    errors.PartExists: "OperationAborted",
    errors.PartTooLarge: "EntityTooLarge",
    errors.InvalidPartList: "InvalidPart",
    errors.Throttled: "SlowDown",
    errors.Unavailable: "ServiceUnavailable",
    errors.InternalError: "InternalError",
    errors.SpaceExists: "BucketAlreadyExists",
    errors.SpaceNameInvalid: "InvalidBucketName",
    errors.SpaceNotEmpty: "BucketNotEmpty",
}


#: The RetCode of UFile for a code, for logs and metrics.
_RET_CODE_OF: dict[str, int] = {"InsufficientStorage": errors.Unavailable.ret_code}
for _cls, _code in _CODE_OF.items():
    if _cls.ret_code is not None:
        _RET_CODE_OF.setdefault(_code, _cls.ret_code)


def of(refused: errors.Refused) -> S3Error:
    """The S3 error for a refusal of the rules that both dialects share.

    An S3Error is returned itself.  The text of others is their own, or that of the code if they have only the text of
    their class.
    """
    if isinstance(refused, S3Error):
        return refused
    cls = type(refused)
    code = next(_CODE_OF[base] for base in cls.__mro__ if base in _CODE_OF)
    if cls is errors.Unavailable and refused.cause == "full":
        code = "InsufficientStorage"  # SDKs do not send such a request again
    text = None if refused.message == cls.message else refused.message
    headers = () if refused.retry_after is None else [("Retry-After", f"{refused.retry_after:.0f}")]
    return S3Error(code, message=text, headers=headers)


def document(error: S3Error, resource: str, request_id: str, host_id: str) -> bytes:
    """The Error document.  ``resource``: "/bucket/key", not escaped."""
    elements = {"Code": error.code, "Message": error.message, **error.members}
    elements |= {"Resource": resource, "RequestId": request_id, "HostId": host_id}
    found = "".join([f"<{name}>{escape(text)}</{name}>" for name, text in elements.items()])
    return f"{DECLARATION}<Error>{found}</Error>".encode()


def answer(error: S3Error, resource: str, request_id: str, host_id: str) -> message.Response:
    """The answer with the Error document.  The headers that every answer has are not among its headers."""
    headers = message.Headers([("Content-Type", "application/xml"), *error.headers])
    return message.Response(error.status, headers, document(error, resource, request_id, host_id))
