"""The published SDK for UVideo / UFile (US3) object storage.

The published modules are config, downloaduvideo, deleteuvideo, multipartuploaduvideo and spacemanager, and filemanager
with the names of the official SDK, ufile.  Each imports only what it needs.  Below them are protocol (the wire protocol
without I/O), http (connections) and engine (transfers).
"""

from __future__ import absolute_import, division, print_function

import logging

logging.getLogger("ucloud.uvideo").addHandler(logging.NullHandler())  # silent until logger.set_log_file

__version__ = "1.0.0.dev0"
