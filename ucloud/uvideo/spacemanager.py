"""Create, delete, describe, update and list spaces.

The functions of the module are those of the BucketManager made last, as the published README uses them.
"""

from __future__ import absolute_import, division, print_function

from .handler import Handler, answers, failed, succeeded
from .protocol import operation
from .protocol.dialect import check_space
from .protocol.errors import InvalidArgument
from .protocol.text import is_integer, to_text

_last = None


class BucketManager(Handler):
    """Manages the spaces of this key pair.  Safe to share between threads.

    Every method returns (ret, resp).  The service answers with status_code 200 even where it says no: look at
    ret['RetCode'] (0 is yes) or resp.ok(); resp.error has the reason.
    """

    def __init__(self, public_key, private_key):
        global _last
        super(BucketManager, self).__init__(public_key, private_key)
        _last = self

    def _act(self, op):
        _, response = self._carrier.act(op)
        return succeeded(response.status, response.headers, response.body)

    @answers
    def createspace(self, name, type="private"):
        """Make a space, public or private.  ret: BucketName, BucketId."""
        op = operation.CreateSpace(check_space(name), _type(type), to_text(self._settings.region))
        return self._act(op)

    @answers
    def deletespace(self, name):
        """Delete an empty space.  ret: BucketName, BucketId; RetCode 15023 while it is not empty."""
        return self._act(operation.DeleteSpace(check_space(name)))

    @answers
    def describespace(self, name=None, offset=0, limit=20):
        """Describe one space, or without a name a page of them.  ret: DataSet."""
        if name is not None:
            return self._act(operation.DescribeSpace(check_space(name)))
        return self._act(operation.DescribeSpace(None, _count("offset", offset), _count("limit", limit)))

    @answers
    def updatespace(self, name, type):
        """Make a space public or private.  ret: BucketName, BucketId."""
        return self._act(operation.UpdateSpace(check_space(name), _type(type)))

    @answers
    def getfilelist(self, name, offset=0, limit=20):
        """List objects in order of their keys.  ret: DataSet of FileName, Hash (etag), MimeType, Size, CreateTime."""
        op = operation.ListSpaceFiles(check_space(name), _count("offset", offset), _count("limit", limit))
        return self._act(op)


def _type(value):
    if value not in operation.SPACE_TYPES:
        raise InvalidArgument(u"type must be public or private, not %r" % (value,))
    return to_text(value)


def _count(name, value):
    if not is_integer(value) or value < 0:
        raise InvalidArgument(u"%s must be a whole number from 0, not %r" % (name, value))
    return value


def _of_last(name):
    def call(*args, **kwargs):
        if _last is None:
            return failed(InvalidArgument(u"make a BucketManager(public_key, private_key) first"))
        return getattr(_last, name)(*args, **kwargs)

    call.__name__ = name
    call.__doc__ = getattr(BucketManager, name).__doc__
    return call


createspace = _of_last("createspace")
deletespace = _of_last("deletespace")
describespace = _of_last("describespace")
updatespace = _of_last("updatespace")
getfilelist = _of_last("getfilelist")
