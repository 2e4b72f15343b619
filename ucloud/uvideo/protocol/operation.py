"""Every call as a value, and its result as a value.

Optional fields default to None (left to the service) or empty.  Keys and space names are text.  ``headers``: tuple of
(name, value), stored with the object and sent with each download.  ``metadata``: the same, with names without
X-Ufile-Meta-.  Times are Unix seconds, sizes are bytes, etags are unquoted.
"""

from __future__ import absolute_import, division, print_function

from collections import namedtuple

from .compat import native


def _operation(name, fields, optional=""):
    base = namedtuple(name, (fields + " " + optional).split())
    defaults = {"metadata": (), "headers": (), "conditions": (), "prefix": u"", "marker": u"", "delimiter": u""}
    defaults.update({"upload_id_marker": u"", "offset": 0, "key": u"", "force": False})
    defaults.update((field, ()) for field in "domains ops prefixes spaces black_ips white_ips".split())
    base.__new__.__defaults__ = tuple(defaults.get(field) for field in optional.split())
    return base


_STORED = "mime md5 storage_class metadata headers"


class PutObject(_operation("PutObject", "space key", _STORED + " acl")):
    """Store a whole object.  Its bytes are sent separately.  -> Stored

    md5: 32 lower-case hex digits.  acl: of ACLS.
    """

    __slots__ = ()


class GetObject(_operation("GetObject", "space key", "range conditions filename")):
    """Read an object or one ByteRange of it.  -> ObjectInfo; the bytes are received separately.

    conditions: tuple of (lower-case header name, value), of CONDITIONS.  filename: offered to a browser.
    """

    __slots__ = ()


class HeadObject(_operation("HeadObject", "space key", "conditions")):
    """The ObjectInfo that GetObject would return.  -> ObjectInfo"""

    __slots__ = ()


class DeleteObject(_operation("DeleteObject", "space key")):
    """Remove an object.  No error if it does not exist.  -> Done"""

    __slots__ = ()


class InitiateUpload(_operation("InitiateUpload", "space key", "mime storage_class metadata headers")):
    """Begin a multipart upload.  -> Initiated"""

    __slots__ = ()


class UploadPart(_operation("UploadPart", "space key upload_id part", "mime md5 slice")):
    """Send one part.  -> StoredPart

    part: int from 0.  slice: the position of its bytes; one block long, the last may be shorter.  md5 is only signed;
    the part's etag shows what was stored.
    """

    __slots__ = ()


class FinishUpload(_operation("FinishUpload", "space key upload_id etags", "new_key metadata directive")):
    """Make the object from its parts.  -> Finished

    etags: tuple of the parts' etags in any order.  new_key: the key to use if the first one has been taken meanwhile.
    directive: UNCHANGED or REPLACE the metadata of InitiateUpload.
    """

    __slots__ = ()


class AbortUpload(_operation("AbortUpload", "space key upload_id")):
    """Abort an upload.  Its id is invalid afterwards.  -> Done"""

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


class UploadHit(_operation("UploadHit", "space key etag size", "mime")):
    """Make an object of content that the owner has stored already, known by etag and size.  -> Stored, or NotFound"""

    __slots__ = ()


class CopyObject(
    _operation(
        "CopyObject",
        "space key source_space source_key",
        "directive storage_class metadata mime headers verbatim",
    )
):
    """Store another object's bytes under a further key.  -> Stored

    directive: COPY (default) keeps the source's metadata, mime and headers; REPLACE takes these.  verbatim: the
    source's key as the request spelled it, if that differs from source_key.  A server tries it second; a client leaves
    it None.
    """

    __slots__ = ()


class CopyPart(
    _operation("CopyPart", "space key upload_id part source_space source_key", "range verbatim")
):
    """Make a part from another object's bytes.  -> CopiedPart

    range: a ByteRange with both ends, of which the last may be beyond the object's end; None: the whole object.
    verbatim: as in CopyObject.
    """

    __slots__ = ()


class RenameObject(_operation("RenameObject", "space key new_key", "force")):
    """Give an object another key.  force: replace an object with that key.  -> Done"""

    __slots__ = ()


class SetMime(_operation("SetMime", "space key mime")):
    """-> Done"""

    __slots__ = ()


class SwitchClass(_operation("SwitchClass", "space key storage_class")):
    """STANDARD to IA or ARCHIVE, IA to ARCHIVE.  -> Done"""

    __slots__ = ()


class RestoreObject(_operation("RestoreObject", "space key", "tier")):
    """Make an object of class ARCHIVE readable for a while.  tier: of TIERS.  -> Done"""

    __slots__ = ()


class PutTags(_operation("PutTags", "space key tags")):
    """Replace the tags of an object.  tags: tuple of (key, value).  -> Done"""

    __slots__ = ()


class GetTags(_operation("GetTags", "space key")):
    """-> Tags"""

    __slots__ = ()


class DeleteTags(_operation("DeleteTags", "space key")):
    """-> Done"""

    __slots__ = ()


class PutAcl(_operation("PutAcl", "space key acl")):
    """acl: of ACLS.  With public-read anybody can read the object, even in a private space.  -> Done"""

    __slots__ = ()


class GetAcl(_operation("GetAcl", "space key")):
    """-> Acl"""

    __slots__ = ()


class AppendObject(_operation("AppendObject", "space key position", _STORED)):
    """Add bytes, which are sent separately, to the end of an object.  -> Stored

    position: the object's size, 0 to create it.  The other fields apply if it is created.
    """

    __slots__ = ()


# Management


class CreateSpace(_operation("CreateSpace", "space", "type region biz tag project domains")):
    """type: public or private (default).  domains: tuple of the space's own host names.  -> SpaceNamed"""

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


class GetSpaceStatus(_operation("GetSpaceStatus", "spaces", "begin end")):
    """Bytes stored in these spaces (tuple of names) and downloaded from them, by time.  -> SpaceStatus"""

    __slots__ = ()


_TOKEN = "ops prefixes spaces expires black_ips white_ips region project"


class CreateToken(_operation("CreateToken", "name", _TOKEN)):
    """Create a key pair with fewer rights than its owner.  -> TokenInfo

    ops: tuple, of TOKEN_OPS.  prefixes, spaces, black_ips, white_ips: tuples of text.  expires: Unix seconds.
    """

    __slots__ = ()


class DescribeToken(_operation("DescribeToken", "", "token_id name display region project")):
    """One token, or all of them.  display: 1 to include the private keys.  -> TokenList"""

    __slots__ = ()


class UpdateToken(_operation("UpdateToken", "token_id", "name " + _TOKEN)):
    """Change a token.  Fields that are not given stay as they are.  -> Done"""

    __slots__ = ()


UpdateToken.__new__.__defaults__ = (None,) * len(UpdateToken.__new__.__defaults__)


class AssumeRole(_operation("AssumeRole", "", "role session seconds policy")):
    """Create a temporary key pair.  role, session: text of the caller's choice.  seconds: its lifetime.  ->
    TemporaryKeys

    policy: JSON text that restricts the pair; a server without policies refuses the call.
    """

    __slots__ = ()


class DeleteToken(_operation("DeleteToken", "token_id", "region project")):
    """-> Done"""

    __slots__ = ()


# Results


class Done(namedtuple("Done", "")):
    """Success, without further data."""

    __slots__ = ()


class Stored(namedtuple("Stored", "etag")):
    """The object is stored.  etag: None if the service did not send it."""

    __slots__ = ()


_INFO = "size etag mime storage_class modified created metadata headers span filename restore"


class ObjectInfo(namedtuple("ObjectInfo", _INFO)):
    """size: of the whole object.  span: (first, length) of a partial response, None for a whole one.

    restore: text of X-Ufile-Restore, which an object of class ARCHIVE has once a restore was requested.
    """

    __slots__ = ()


ObjectInfo.__new__.__defaults__ = (None,) * 6 + ((), (), None, None, None)


class NotModified(namedtuple("NotModified", "etag modified")):
    """The condition of a GetObject or HeadObject shows that the caller has this version already."""

    __slots__ = ()


class Initiated(namedtuple("Initiated", "upload_id block_size space key")):
    """block_size: bytes of every part but the last.  The client must use it."""

    __slots__ = ()


class StoredPart(namedtuple("StoredPart", "part etag")):
    """The part is stored."""

    __slots__ = ()


class CopiedPart(namedtuple("CopiedPart", "part etag first length size")):
    """The part is stored: ``length`` bytes from ``first`` on, of a source of ``size`` bytes."""

    __slots__ = ()


class Finished(namedtuple("Finished", "space key size etag")):
    """The object is made from its parts.  key: the key it got."""

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


class FileInfo(namedtuple("FileInfo", "key size etag mime storage_class created modified metadata restore")):
    """One object of a listing.  restore: RestoreStatus of an object of class ARCHIVE, of RESTORES, else None."""

    __slots__ = ()


FileInfo.__new__.__defaults__ = (None, None, None, (), None)


class Tags(namedtuple("Tags", "tags")):
    """tags: tuple of (key, value)."""

    __slots__ = ()


class Acl(namedtuple("Acl", "owner owner_name grant")):
    """grant: of ACLS."""

    __slots__ = ()


class FilePage(namedtuple("FilePage", "space space_id next_marker files")):
    """files: tuple of FileInfo.  next_marker: "" on the last page."""

    __slots__ = ()


class ObjectPage(namedtuple("ObjectPage", "space prefix limit delimiter truncated next_marker objects prefixes")):
    """objects: tuple of FileInfo.  prefixes: tuple of text."""

    __slots__ = ()


class SpaceNamed(namedtuple("SpaceNamed", "space space_id")):
    """The space that was created, changed or removed."""

    __slots__ = ()


_SPACE = "space space_id type region biz tag storage_class created modified source cdn custom"


class SpaceInfo(namedtuple("SpaceInfo", _SPACE)):
    """source, cdn, custom: tuples of host names; custom are the domains of CreateSpace."""

    __slots__ = ()


SpaceInfo.__new__.__defaults__ = ((),)


class SpaceList(namedtuple("SpaceList", "spaces")):
    """spaces: tuple of SpaceInfo."""

    __slots__ = ()


class SpaceUsage(namedtuple("SpaceUsage", "time storage flux fhd shd hd sd")):
    """One day of a SpaceStatus: Unix seconds, bytes stored and downloaded, seconds transcoded by definition."""

    __slots__ = ()


class SpaceStatus(namedtuple("SpaceStatus", "entries")):
    """entries: tuple of SpaceUsage."""

    __slots__ = ()


_TOKEN_INFO = "region token_id name public_key private_key ops prefixes spaces expires created modified"


class TokenInfo(namedtuple("TokenInfo", _TOKEN_INFO + " black_ips white_ips")):
    """A token.  private_key: None if the service does not show it.  Its repr shows the public key only."""

    __slots__ = ()

    def __repr__(self):
        return "TokenInfo(%s, ***)" % native(self.public_key)

    __str__ = __repr__


class TemporaryKeys(namedtuple("TemporaryKeys", "public_key private_key security_token expires")):
    """security_token: sent with every request, as header or parameter SecurityToken.  expires: Unix seconds."""

    __slots__ = ()

    def __repr__(self):
        return "TemporaryKeys(%s, ***)" % native(self.public_key)

    __str__ = __repr__


class TokenList(namedtuple("TokenList", "tokens")):
    """tokens: tuple of TokenInfo."""

    __slots__ = ()


#: Request headers that make a GetObject or HeadObject conditional.
CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range")

#: Request headers stored with an object and sent with each download.  Source: data-plane.md, PutFile.
KEPT = ("Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control", "Expires")

STORAGE_CLASSES = ("STANDARD", "IA", "ARCHIVE")
SPACE_TYPES = ("public", "private")
DIRECTIVES = ("COPY", "REPLACE")
TIERS = ("Expedited", "Standard")
ACLS = ("default", "public-read")
RESTORES = ("Frozen", "Restoring", "Restored")
TOKEN_OPS = (
    "TOKEN_ALLOW_NONE",
    "TOKEN_ALLOW_READ",
    "TOKEN_ALLOW_WRITE",
    "TOKEN_ALLOW_DELETE",
    "TOKEN_ALLOW_LIST",
    "TOKEN_ALLOW_IOP",
    "TOKEN_DENY_UPDATE",
)

#: Operations whose repetition has another effect or result.
NOT_IDEMPOTENT = (AppendObject, RenameObject, CreateToken)
