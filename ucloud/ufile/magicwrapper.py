"""Media types from file names."""

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
        """The media type for a file name; application/octet-stream if unknown."""
        return native(mime_of(None, file))

    @staticmethod
    def from_buffer(stream):
        # type: (object) -> str
        """application/octet-stream, without looking at the bytes."""
        return "application/octet-stream"
