"""Form uploads (POST multipart/form-data): each is read as a PutObject whose headers are form fields.

Source: data-plane.md, PostFile; signing.md section 1, "Form upload".
"""

from __future__ import absolute_import, division, print_function

from .compat import TYPE_CHECKING, native
from .errors import BadRequest
from .message import Headers

if TYPE_CHECKING:
    from typing import Mapping  # noqa: F401

FORM = "multipart/form-data"
_NAMES = ("filename", "objectname")
_FIELDS = (("authorization", "Authorization"), ("content-md5", "Content-MD5"))


def is_form(headers):
    # type: (Headers) -> bool
    """Whether a request's body is such a form."""
    return (headers.get("Content-Type") or "").partition(";")[0].strip().lower() == FORM


def readings(headers, fields, mime, key=u""):
    # type: (Headers, Mapping[str, str], str, str) -> tuple[str, list[Headers]]
    """(key, [Headers]): the headers of the equivalent PUT in each possible reading, the likelier first.

    ``headers``: of the request; its Content-MD5 is of the file.  ``fields``: {lower-case name: text}.  ``mime``: of the
    file's part.  ``key``: from the target, "" for the space.  Only the signature shows which Content-Type was signed.
    BadRequest for no key, or for two.
    """
    keys = [name for name in [key] + [fields.get(name) for name in _NAMES] if name]
    if not keys:
        raise BadRequest(u"the form has no FileName before its file")
    if keys.count(keys[0]) < len(keys):
        raise BadRequest(u"the target, FileName and ObjectName of the form name different keys")
    given = dict((name, fields[field]) for field, name in _FIELDS if field in fields)
    dropped = [name.lower() for name in given] + ["content-type"]
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    kept += [(name, native(value)) for name, value in sorted(given.items())]
    types = [fields["content-type"]] if fields.get("content-type") else []
    if mime not in types:
        types.append(mime)
    return keys[0], [Headers(kept + [("Content-Type", native(each))]) for each in types]
