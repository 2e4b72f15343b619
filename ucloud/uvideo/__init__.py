"""The published SDK for UVideo / UFile (US3) object storage.

config, downloaduvideo, deleteuvideo, multipartuploaduvideo and spacemanager are the published modules; filemanager has
the names of the official SDK, ufile.  Each loads what it needs when it is imported.  protocol is the wire protocol
without I/O; retry, transport and transfer carry it.
"""

from __future__ import absolute_import, division, print_function

import logging

logging.getLogger("ucloud.uvideo").addHandler(logging.NullHandler())  # silent until logger.set_log_file

__version__ = "1.0.0.dev0"
