"""The header X-Ufile-Restore, which an archived object has while it is readable.

    ongoing-request="false", expiry-date="<RFC 1123>"

The vendor's Go page takes the mere presence of the header for "restored", so it is not sent during a restore; another
server may send it, with "true".  Its form is a CHOICE.  Source: data-plane.md section 4, GetFile.
"""

from __future__ import absolute_import, division, print_function

import re

from .compat import to_text
from .dates import http_date, parse_date

_SAID = re.compile(r'ongoing-request="(true|false)"(?:,\s*expiry-date="([^"]*)")?\s*\Z', re.I).match


def build(expires):
    # type: (float) -> str
    """The header's text.  ``expires``: Unix seconds until which the object is readable."""
    return u'ongoing-request="false", expiry-date="%s"' % to_text(http_date(expires))


def parse(value):
    # type: (str | None) -> tuple[bool, int | None] | None
    """(ongoing, expires or None) of the header; None if it is missing or has another form."""
    match = _SAID(value.strip()) if value else None
    return (match.group(1).lower() == "true", parse_date(match.group(2))) if match else None
