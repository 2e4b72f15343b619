"""Operation <-> request, and result <-> answer.  The module of an operation's family does both.

routing.py finds the operation that a request asks for.  A form (PostObject) is decoded by form.decode.
"""

from __future__ import annotations

from uvideo._core import message
from uvideo.s3 import acl, buckets, cors, form, lifecycle, listing, multipart, objects, tagging
from uvideo.s3.codec import OperationCodec, OperationRequest
from uvideo.s3.operation import Operation

__all__ = ["CODECS", "decode", "encode"]

CODECS: dict[type, OperationCodec] = {}
for _family in (acl, buckets, cors, form, lifecycle, listing, multipart, objects, tagging):
    CODECS.update(_family.CODECS)


def decode(cls: type[Operation], asked: OperationRequest) -> Operation:
    """The operation of this class that a request asks for.  S3Error, which names the wrong parameter.

    The parts of CompleteMultipartUpload are read separately: multipart.parts_of.
    """
    found: Operation = CODECS[cls].decode(asked)
    return found


def encode(op: Operation, result: object) -> message.Response:
    """The answer with this operation's result.  The caller adds Content-Length, except for GetObject and HeadObject."""
    return CODECS[type(op)].encode(op, result)
