"""The published SDK for UVideo / UFile (US3) object storage.

config, downloaduvideo, deleteuvideo, multipartuploaduvideo and spacemanager are the published modules; filemanager has
the names of the official SDK, ufile.  Each loads what it needs when it is imported.  protocol is the wire protocol
without I/O; retry, transport and transfer carry it.
"""

__version__ = "1.0.0.dev0"
