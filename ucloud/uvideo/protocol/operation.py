"""Every call as a value, and its result as a value.

Optional fields default to None (left to the service) or empty.  Keys and space names are text.  ``headers``: tuple of
(name, value) stored with the object and replayed with it.  ``metadata`` likewise, names without X-Ufile-Meta-.
Times are unix seconds, sizes bytes, etags unquoted.
"""

from __future__ import absolute_import, division, print_function

from collections import namedtuple


def _operation(name, fields, optional=""):
    base = namedtuple(name, (fields + " " + optional).split())
    defaults = {"metadata": (), "headers": (), "conditions": (), "prefix": u"", "marker": u"", "delimiter": u""}
    defaults.update({"upload_id_marker": u"", "offset": 0, "key": u""})
    base.__new__.__defaults__ = tuple(defaults.get(field) for field in optional.split())
    return base


_STORED = "mime md5 storage_class metadata headers"


class PutObject(_operation("PutObject", "space key", _STORED)):
    """Store a whole object; its bytes travel beside.  md5: 32 lower-case hex digits.  -> Stored"""

    __slots__ = ()


class GetObject(_operation("GetObject", "space key", "range conditions filename")):
    """Read an object or one ByteRange of it.  -> ObjectInfo, the bytes beside.

    conditions: tuple of (lower-case header name, value) out of CONDITIONS.  filename: offered to a browser.
    """

    __slots__ = ()


class HeadObject(_operation("HeadObject", "space key", "conditions")):
    """What GetObject would say.  -> ObjectInfo"""

    __slots__ = ()


class DeleteObject(_operation("DeleteObject", "space key")):
    """Remove an object; one that is absent is no error.  -> Done"""

    __slots__ = ()


class InitiateUpload(_operation("InitiateUpload", "space key", "mime storage_class metadata headers")):
    """Begin a multipart upload.  -> Initiated"""

    __slots__ = ()


class UploadPart(_operation("UploadPart", "space key upload_id part", "mime md5 slice")):
    """Send one part.  part: int from 0.  slice: where its bytes lie; one block long, the last may be shorter.
    -> StoredPart"""

    __slots__ = ()


class FinishUpload(_operation("FinishUpload", "space key upload_id etags", "new_key metadata directive")):
    """Make the object of its parts.  etags: tuple of the parts' etags in order.  new_key: the name to take if the key
    has meanwhile been taken.  directive: UNCHANGED or REPLACE the metadata of InitiateUpload.  -> Finished"""

    __slots__ = ()


class AbortUpload(_operation("AbortUpload", "space key upload_id")):
    """Give an upload up; its id is dead afterwards.  -> Done"""

    __slots__ = ()


class ListParts(_operation("ListParts", "space upload_id", "limit marker key")):
    """Parts with a number greater than marker (int); None or 0: from the first.  -> PartPage"""

    __slots__ = ()


ListParts.__new__.__defaults__ = (None, None, u"")  # its marker is a number


class ListUploads(_operation("ListUploads", "space", "prefix marker upload_id_marker limit key")):
    """Unfinished uploads.  -> UploadPage"""

    __slots__ = ()


class ListFiles(_operation("ListFiles", "space", "prefix marker limit key")):
    """PrefixFileList.  -> FilePage"""

    __slots__ = ()


class ListObjects(_operation("ListObjects", "space", "prefix marker limit delimiter key")):
    """-> ObjectPage"""

    __slots__ = ()


# Management


class CreateSpace(_operation("CreateSpace", "space", "type region biz tag project")):
    """type: public or private (default).  -> SpaceNamed"""

    __slots__ = ()


class DescribeSpace(_operation("DescribeSpace", "", "space offset limit region project")):
    """One space by name, or a page of all of them.  -> SpaceList"""

    __slots__ = ()


class UpdateSpace(_operation("UpdateSpace", "space", "type storage_class project")):
    """-> SpaceNamed"""

    __slots__ = ()


class DeleteSpace(_operation("DeleteSpace", "space", "project")):
    """-> SpaceNamed"""

    __slots__ = ()


class ListSpaceFiles(_operation("ListSpaceFiles", "space", "offset limit project")):
    """GetFileList, deprecated by the service but published.  -> FilePage"""

    __slots__ = ()


# Results


class Done(namedtuple("Done", "")):
    """It happened; there is nothing else to say."""

    __slots__ = ()


class Stored(namedtuple("Stored", "etag")):
    """The object is stored; etag is None if the service did not say it."""

    __slots__ = ()


_INFO = "size etag mime storage_class modified created metadata headers span filename"


class ObjectInfo(namedtuple("ObjectInfo", _INFO)):
    """size: of the whole object.  span: (first, length) of a partial answer, None for a whole one."""

    __slots__ = ()


ObjectInfo.__new__.__defaults__ = (None,) * 6 + ((), (), None, None)


class NotModified(namedtuple("NotModified", "etag modified")):
    """The condition of a GetObject or HeadObject says that the caller has it already."""

    __slots__ = ()


class Initiated(namedtuple("Initiated", "upload_id block_size space key")):
    """block_size: bytes of every part but the last; authoritative."""

    __slots__ = ()


class StoredPart(namedtuple("StoredPart", "part etag")):
    """The part is stored."""

    __slots__ = ()


class Finished(namedtuple("Finished", "space key size etag")):
    """The object is made of its parts; key is the one it got."""

    __slots__ = ()


class Part(namedtuple("Part", "part etag size modified")):
    """One stored part of an unfinished upload."""

    __slots__ = ()


class PartPage(namedtuple("PartPage", "space key upload_id storage_class limit truncated next_marker parts")):
    """parts: tuple of Part.  next_marker: int."""

    __slots__ = ()


class UploadInfo(namedtuple("UploadInfo", "upload_id key started storage_class")):
    """One unfinished upload."""

    __slots__ = ()


class UploadPage(namedtuple("UploadPage", "space truncated next_marker next_upload_id uploads")):
    """uploads: tuple of UploadInfo."""

    __slots__ = ()


class FileInfo(namedtuple("FileInfo", "key size etag mime storage_class created modified metadata")):
    """One object of a listing."""

    __slots__ = ()


FileInfo.__new__.__defaults__ = (None, None, None, ())


class FilePage(namedtuple("FilePage", "space space_id next_marker files")):
    """files: tuple of FileInfo.  next_marker: "" when finished."""

    __slots__ = ()


class ObjectPage(namedtuple("ObjectPage", "space prefix limit delimiter truncated next_marker objects prefixes")):
    """objects: tuple of FileInfo.  prefixes: tuple of text."""

    __slots__ = ()


class SpaceNamed(namedtuple("SpaceNamed", "space space_id")):
    """The space that was made, changed or removed."""

    __slots__ = ()


_SPACE = "space space_id type region biz tag storage_class created modified source cdn"


class SpaceInfo(namedtuple("SpaceInfo", _SPACE)):
    """source, cdn: tuples of host names."""

    __slots__ = ()


class SpaceList(namedtuple("SpaceList", "spaces")):
    """spaces: tuple of SpaceInfo."""

    __slots__ = ()


#: The request headers that make a GetObject or HeadObject conditional.
CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range")

#: The request headers kept with an object and replayed with it.  Source: data-plane.md, PutFile.
KEPT = ("Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control", "Expires")

STORAGE_CLASSES = ("STANDARD", "IA", "ARCHIVE")
SPACE_TYPES = ("public", "private")
