"""Create, delete, describe, update and list spaces.

The module's functions are methods of the BucketManager created last, as in the published README.
"""

from __future__ import absolute_import, division, print_function

from ..logger import logger  # noqa: F401  the official SDK's modules have these names too
from . import config
from .engine.validation import count, header_pairs, text
from .handler import Handler, also, answers, failed, succeeded
from .protocol import operation
from .protocol.compat import TYPE_CHECKING, to_text
from .protocol.errors import InvalidArgument
from .protocol.location import check_space

if TYPE_CHECKING:
    from typing import Callable, Literal, Mapping  # noqa: F401

    from requests import Session  # noqa: F401

    from .handler import _Answer  # noqa: F401

    _Header = Mapping[str, str] | None

_last = None
#: If a program assigns another URL, the managers use it, unless config's apiurl is set.
UCLOUD_API_URL = config.UCLOUD_API_URL


class Spaces(Handler):
    """The calls about spaces; bucket is another name for name.  Safe to share between threads.

    header: a dict of further headers to send.  projectid: the project of the space, None for the default project.
    """

    def _act(self, op, header):
        # type: (operation.Management[object], _Header) -> _Answer
        _, response = self._carrier.act(op, header_pairs(header))
        return succeeded(response.status, response.headers, response.body)

    @also(bucket="name", buckettype="type")
    @answers
    def createspace(self, name, type="private", domainlist=None, header=None, projectid=None):
        # type: (str, Literal['public', 'private'], list[str] | tuple[str, ...] | None, _Header, str | None) -> _Answer
        """Create a space, public or private.  ret: BucketName, BucketId.

        domainlist: the space's own host names.
        """
        region = to_text(self._settings.region) or None
        domains, project = _domains(domainlist), text(u"projectid", projectid)
        return self._act(
            operation.CreateSpace(check_space(name), _type(type), region, project=project, domains=domains), header
        )

    @also(bucket="name")
    @answers
    def deletespace(self, name, header=None, projectid=None):
        # type: (str, _Header, str | None) -> _Answer
        """Delete an empty space.  ret: BucketName, BucketId; RetCode 15023 while it is not empty."""
        return self._act(operation.DeleteSpace(check_space(name), text(u"projectid", projectid)), header)

    @also(bucket="name")
    @answers
    def describespace(self, name=None, offset=0, limit=20, header=None, projectid=None):
        # type: (str | None, int | str, int | str, _Header, str | None) -> _Answer
        """Describe one space, or without a name a page of all spaces.  ret: DataSet."""
        project = text(u"projectid", projectid)
        if name is not None:
            return self._act(operation.DescribeSpace(check_space(name), project=project), header)
        page = count(u"offset", offset, digits=True), count(u"limit", limit, digits=True)
        op = operation.DescribeSpace(None, *page, project=project)  # type: ignore[arg-type]  # None is not sent
        return self._act(op, header)

    @also(bucket="name", buckettype="type")
    @answers
    def updatespace(self, name, type, header=None, projectid=None):
        # type: (str, Literal['public', 'private'], _Header, str | None) -> _Answer
        """Make a space public or private.  ret: BucketName, BucketId."""
        project = text(u"projectid", projectid)
        return self._act(operation.UpdateSpace(check_space(name), _type(type), project=project), header)

    @also(bucket="name")
    @answers
    def getfilelist(self, name, offset=0, limit=20, header=None, projectid=None):
        # type: (str, int | str, int | str, _Header, str | None) -> _Answer
        """List objects in order of their keys.  ret: DataSet of FileName, Hash (etag), MimeType, Size, CreateTime."""
        page = count(u"offset", offset, digits=True), count(u"limit", limit, digits=True)
        project = text(u"projectid", projectid)
        op = operation.ListSpaceFiles(check_space(name), *page, project=project)  # type: ignore[arg-type]  # as above
        return self._act(op, header)


class BucketManager(Spaces):
    """Manages the spaces of this key pair.  Safe to share between threads.

    Every method returns (ret, resp).  The service sends status_code 200 also for errors: check ret['RetCode'] (0 is
    success) or resp.ok().  resp.error has the reason.
    """

    def __init__(self, public_key, private_key, session=None):
        # type: (str, str, Session | None) -> None
        global _last
        super(BucketManager, self).__init__(public_key, private_key, session=session)
        _last = self

    def _hosts(self):
        # type: () -> tuple[str | None, ...]
        return () if UCLOUD_API_URL == config.UCLOUD_API_URL else (None, None, UCLOUD_API_URL)


def _type(value):
    # type: (str) -> str
    if value not in operation.SPACE_TYPES:
        raise InvalidArgument(u"type must be public or private, not %r" % (value,))
    return to_text(value)


def _domains(value):
    # type: (object) -> tuple[str, ...]
    if value is not None and (not isinstance(value, (list, tuple)) or None in value):
        raise InvalidArgument(u"domainlist must be a list of host names, not %r" % (value,))
    return tuple([text(u"each of domainlist", each) or u"" for each in value or ()])


def _of_last(name):
    # type: (str) -> Callable[..., _Answer]
    def call(*args, **kwargs):
        # type: (*object, **object) -> _Answer
        if _last is None:
            return failed(InvalidArgument(u"make a BucketManager(public_key, private_key) first"))
        answer = getattr(_last, name)(*args, **kwargs)  # type: _Answer
        return answer

    call.__name__ = name
    call.__doc__ = getattr(BucketManager, name).__doc__
    return call


if TYPE_CHECKING:

    def createspace(name, type="private"):
        # type: (str, Literal['public', 'private']) -> _Answer
        """As BucketManager's."""

    def deletespace(name):
        # type: (str) -> _Answer
        """As BucketManager's."""

    def describespace(name=None, offset=0, limit=20):
        # type: (str | None, int, int) -> _Answer
        """As BucketManager's."""

    def updatespace(name, type):
        # type: (str, Literal['public', 'private']) -> _Answer
        """As BucketManager's."""

    def getfilelist(name, offset=0, limit=20):
        # type: (str, int, int) -> _Answer
        """As BucketManager's."""

else:
    createspace = _of_last("createspace")
    deletespace = _of_last("deletespace")
    describespace = _of_last("describespace")
    updatespace = _of_last("updatespace")
    getfilelist = _of_last("getfilelist")
