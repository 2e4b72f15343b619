"""Python 2 and 3 compatibility functions that the older SDK's programs import."""

from __future__ import absolute_import, division, print_function

import sys

from .uvideo.protocol.compat import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any  # noqa: F401

is_py2 = sys.version_info[0] == 2
is_py3 = sys.version_info[0] == 3

if sys.version_info[0] == 2:  # so that type checkers see the other branch
    import StringIO
    from urlparse import urlparse

    StringIO = BytesIO = StringIO.StringIO
    builtin_str, bytes, str, basestring = str, str, unicode, basestring  # noqa: F821
    numeric_types = (int, long, float)  # noqa: F821

    def b(data):
        # type: (object) -> Any
        """The data unchanged."""
        return data

    def s(data):
        # type: (object) -> Any
        """The data unchanged."""
        return data

    def u(data):
        # type: (object) -> Any
        """The unicode text of a str that is written with escapes."""
        return unicode(data, "unicode_escape")  # noqa: F821

else:
    from io import BytesIO as BytesIO
    from io import StringIO as StringIO
    from urllib.parse import urlparse as urlparse

    builtin_str, bytes, str, basestring = str, bytes, str, (str, bytes)
    numeric_types = (int, float)

    def b(data):
        # type: (object) -> Any
        """Text as UTF-8 bytes; anything else unchanged."""
        return data.encode("utf-8") if isinstance(data, str) else data

    def s(data):
        # type: (object) -> Any
        """UTF-8 bytes as text; anything else unchanged."""
        return data.decode("utf-8") if isinstance(data, bytes) else data

    def u(data):
        # type: (object) -> Any
        """The data unchanged."""
        return data
