"""Media types by the name of a file."""

from __future__ import absolute_import, division, print_function

import mimetypes  # noqa: F401  the older SDK's module has these names too
from os import path  # noqa: F401

from ..uvideo.engine.validation import mime_of
from ..uvideo.protocol.compat import native


class Mimetype(object):
    """Guesses media types."""

    @staticmethod
    def from_file(file):
        # type: (str) -> str
        """The media type that the name of a file says, application/octet-stream if it says none."""
        return native(mime_of(None, file))

    @staticmethod
    def from_buffer(stream):
        # type: (object) -> str
        """application/octet-stream: bytes are not looked at."""
        return "application/octet-stream"
