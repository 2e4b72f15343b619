"""Evaluates the conditional headers of a GetObject or HeadObject.  Source: RFC 9110, 13."""

from __future__ import absolute_import, division, print_function

from .compat import TYPE_CHECKING
from .dates import parse_date
from .errors import PreconditionFailed

if TYPE_CHECKING:
    from typing import Iterable, Sequence  # noqa: F401


def _names(value, etags, weak):
    # type: (str, Sequence[str], bool) -> bool
    """True if a header's list of etags has one of these.  ``weak``: whether tags marked W/ count.

    A tag without quotes is accepted, too: some clients send it as in a listing.
    """
    if value.strip() == u"*":
        return True
    for tag in value.split(u","):  # our etags have no comma
        tag = tag.strip()
        mark = tag.startswith(u"W/")
        tag = tag[2:] if mark else tag
        if len(tag) > 1 and tag.startswith(u'"') and tag.endswith(u'"'):
            tag = tag[1:-1]
        if tag in etags and (weak or not mark):
            return True
    return False


def not_modified(conditions, etag, modified, earlier=()):
    # type: (Iterable[tuple[str, str]], str, int, Sequence[str]) -> bool
    """True for a 304; False if the conditions hold; PreconditionFailed otherwise.

    ``conditions``: of the operation.  ``etag``, ``modified``: of the stored object.  ``earlier``: other etags that
    answers had for the same bytes.  An unreadable date is ignored; a date counts only if no etag was given for the same
    purpose.
    """
    if not conditions:
        return False
    given, etags = dict(conditions), (etag,) + tuple(earlier)
    if "if-match" in given:
        if not _names(given["if-match"], etags, weak=False):
            raise PreconditionFailed()
    else:
        limit = parse_date(given.get("if-unmodified-since"))
        if limit is not None and modified > limit:
            raise PreconditionFailed()
    if "if-none-match" in given:
        return _names(given["if-none-match"], etags, weak=True)
    limit = parse_date(given.get("if-modified-since"))
    return limit is not None and modified <= limit


def range_holds(conditions, etag, modified, earlier=()):
    # type: (Iterable[tuple[str, str]], str, int, Sequence[str]) -> bool
    """True if a Range applies: there is no If-Range, or it matches the stored object exactly.

    Arguments as of ``not_modified``.
    """
    value = dict(conditions).get("if-range")
    if value is None:
        return True
    etags = (etag,) + tuple(earlier)
    if value.lstrip().startswith((u'"', u"W/")):
        return _names(value, etags, weak=False)
    date = parse_date(value)
    return modified == date if date is not None else value.strip() in etags


def shown(conditions, etag, earlier):
    # type: (Iterable[tuple[str, str]], str, Sequence[str]) -> str
    """The etag to answer with: one of ``earlier`` if If-Match or If-Range names it and not ``etag``, else ``etag``.

    A client that asks for a version by its etag compares the etag of the answer with it.  Arguments as of
    ``not_modified``.
    """
    if earlier:
        given = dict(conditions)
        for value in (given[name] for name in ("if-match", "if-range") if name in given):
            if not _names(value, (etag,), weak=False):
                return next((each for each in earlier if _names(value, (each,), weak=False)), etag)
    return etag
